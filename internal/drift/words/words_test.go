package words

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/severity"
)

func verdict(t testing.TB, checks []classify.Check, list ...classify.Finding) severity.Verdict {
	t.Helper()
	seen := map[string]bool{}
	for _, f := range list {
		if f.Kind.Drifted() {
			seen[f.Address] = true
		}
	}
	v, err := severity.Judge(classify.Result{Findings: list, Checks: checks, Resources: 40, Drifted: len(seen)}, severity.Context{})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func found(address, path string, kind classify.Kind, was, is any, acts ...string) classify.Finding {
	typ, _, _ := strings.Cut(address, ".")
	return classify.Finding{Address: address, Type: typ, Path: path, Kind: kind, Recorded: was, Real: is, Wanted: was, Actions: acts}
}

var (
	ssh      = found("aws_security_group.web", "ingress", classify.Drift, []any{}, []any{"tcp:22:0.0.0.0/0"}, "update")
	tag      = found("aws_instance.a", "tags.owner", classify.Drift, "a", "b", "update")
	gone     = found("aws_instance.b", "", classify.Deleted, nil, nil, "create")
	password = classify.Finding{Address: "aws_db_instance.db", Type: "aws_db_instance", Path: "password", Kind: classify.Drift,
		Recorded: "s3cret-pass", Real: "changed-by-hand", Wanted: "s3cret-pass", Masked: true, Actions: []string{"update"}}
	noise = found("aws_instance.c", "arn", classify.StateOnly, "a", "b")
)

func TestTheTextOfAVerdict(t *testing.T) {
	got := Of(verdict(t, nil, ssh, tag, gone, password, noise))
	want := Text{
		Summary: "[critical] SSH (22) open to the world on aws_security_group.web; +3 more in 3 resources",
		Description: "**What changed** (critical, 4 resources of 40 drifted)\n\n" +
			"- **critical** `aws_security_group.web`: SSH (22) open to the world (`[]` -> `[\"tcp:22:0.0.0.0/0\"]`) _drift_\n" +
			"- **high** `aws_db_instance.db`: the sensitive attribute password changed ((sensitive) -> (sensitive)) _drift_\n" +
			"- **high** `aws_instance.b`: deleted outside of the code _deleted_\n" +
			"- **low** `aws_instance.a`: only the description changed (tags.owner) (`\"a\"` -> `\"b\"`) _drift_\n\n" +
			"**Why it matters**\n\n" +
			"- Everybody on the internet can reach it.\n" +
			"- Somebody changed a secret outside of the code; who knows the new one is not known.\n" +
			"- The next apply creates it again. Until then what depended on it may not work.\n" +
			"- Labels do not change what the object does, though costs and policies may follow them.\n\n" +
			"**What the next apply would do**\n\n" +
			"- create `aws_instance.b`\n" +
			"- change in place `aws_security_group.web`, `aws_db_instance.db`, `aws_instance.a`\n\n" +
			"**What you can do**\n\n" +
			"- Apply to close it again, and look at the flow logs since the change.\n" +
			"- Rotate it, then apply.\n" +
			"- Apply to create it again, or remove it from the code.\n" +
			"- Apply to undo it, or adopt it in the code.\n" +
			"- Revert: apply the code as it is.\n" +
			"- Adopt: write what is real into the code.\n" +
			"- Ignore: add an ignore rule for the attribute, or lifecycle.ignore_changes.",
		Brief: "~ aws_security_group.web  ingress: [] -> [\"tcp:22:0.0.0.0/0\"]\n" +
			"~ aws_db_instance.db  password: (sensitive) -> (sensitive)\n" +
			"- aws_instance.b\n" +
			"~ aws_instance.a  tags.owner: \"a\" -> \"b\"",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

func TestNothingToSay(t *testing.T) {
	got := Of(verdict(t, []classify.Check{{Address: "check.a", Status: "pass"}}, noise))
	if diff := cmp.Diff(Text{Summary: "No drift.", Description: "Code, state and reality agree."}, got); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

func TestFailingChecks(t *testing.T) {
	checks := []classify.Check{{Address: "check.b", Status: "error"}, {Address: "check.a", Status: "fail", Problems: []string{"it is down, see https://evil.example"}}}
	got := Of(verdict(t, checks, tag))
	if want := "[high] check fails: check.a; +1 more; drift in 1 resource"; got.Summary != want {
		t.Errorf("summary = %q, want %q", got.Summary, want)
	}
	if !strings.Contains(got.Description, "- `check.a` fail: it is down, see https:&#47;/evil.example\n") {
		t.Errorf("description = %s, want the check with its message and no link", got.Description)
	}
}

// TestTextsHaveLimits also for findings whose every part is long.
func TestTextsHaveLimits(t *testing.T) {
	long := strings.Repeat("ä`*[x](http://e.example)<b>", 100)
	var list []classify.Finding
	for i := range 300 {
		list = append(list, found(fmt.Sprintf("aws_instance.%s%d", long, i), long, classify.Drift, long, long+"!", "delete", "create"))
	}
	got := Of(verdict(t, nil, list...))
	if n := utf8.RuneCountInString(got.Summary); n > 200 {
		t.Errorf("summary has %d characters", n)
	}
	if n := utf8.RuneCountInString(got.Description); n > 4000 {
		t.Errorf("description has %d characters", n)
	}
	if n := strings.Count(got.Brief, "\n") + 1; n != 60 || !strings.HasSuffix(got.Brief, "... and 241 more") {
		t.Errorf("brief has %d lines and ends with %q", n, got.Brief[strings.LastIndex(got.Brief, "\n")+1:])
	}
}

// TestWhatACloudNamesIsNoMarkup: tags are written by whoever attacks.
func TestWhatACloudNamesIsNoMarkup(t *testing.T) {
	for in, want := range map[string]string{
		"[click](https://evil.example)": `\[click\](https:&#47;/evil.example)`,
		"<img src=x onerror=y>":         `&lt;img src=x onerror=y&gt;`,
		"a *b* `c` @team #1":            "a \\*b\\* \\`c\\` &#64;team \\#1",
		"two\nlines":                    "two lines",
		"\u202egnp.exe":                 "�gnp.exe",
	} {
		if got := Escape(in); got != want {
			t.Errorf("Escape(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"a": "`a`", "a`b": "`` a`b ``", "``": "``` `` ```", "": "`  `"} {
		if got := Code(in); got != want {
			t.Errorf("Code(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestMaskedValuesAreInNoText whatever else the finding holds.
func TestMaskedValuesAreInNoText(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		secret := rapid.StringMatching(`[A-Z]{12}`).Draw(rt, "secret")
		f := password
		f.Kind = rapid.SampledFrom([]classify.Kind{classify.Drift, classify.DriftConfig, classify.Feeds, classify.Pending, classify.StateOnly}).Draw(rt, "kind")
		f.Path = rapid.StringMatching(`[a-z]{1,9}`).Draw(rt, "path")
		f.Recorded, f.Real, f.Wanted = secret, map[string]any{"a": secret}, []any{secret}
		text, err := json.Marshal(Of(verdict(t, nil, f, ssh)))
		if err != nil {
			rt.Fatal(err)
		}
		if strings.Contains(string(text), secret) {
			rt.Errorf("the text holds the secret: %s", text)
		}
	})
}

package severity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/drift/classify"
)

// count of the rules in the design.
const designed = 103

func TestEveryRuleIsThereOnce(t *testing.T) {
	rules := Builtin()
	if len(rules) != designed {
		t.Errorf("there are %d rules, want %d", len(rules), designed)
	}
	if err := Check(rules); err != nil {
		t.Error(err)
	}
	want := map[string]int{"G": 17, "A": 31, "P": 14, "Z": 12, "K": 10, "C": 9, "H": 8, "L": 1, "N": 1}
	for _, r := range rules {
		want[r.ID[:1]]--
	}
	for letter, left := range want {
		if left != 0 {
			t.Errorf("%d rules %s are missing", left, letter)
		}
	}
}

// TestEveryRuleMatchesItsExamplesOnly also demands that every case of a rule has an example.
func TestEveryRuleMatchesItsExamplesOnly(t *testing.T) {
	for _, r := range Builtin() {
		t.Run(r.ID, func(t *testing.T) {
			if len(r.Yes) == 0 || len(r.No) == 0 {
				t.Fatalf("it has %d examples that match and %d that do not, want at least one of each", len(r.Yes), len(r.No))
			}
			c, err := compile(r, false)
			if err != nil {
				t.Fatal(err)
			}
			if r.Why == "" || r.Fix == "" {
				t.Error("it does not say why, or what to do")
			}
			hit := make([]bool, len(c.cases))
			for _, e := range r.Yes {
				matchExample(t, c, r, e, hit)
			}
			for _, e := range r.No {
				f := finding(t, r, e)
				s := newSubject(f)
				if c.about(f.Type, s.path).vote(s) != nil {
					t.Errorf("it matches %s, which it should not", sketch(e))
				}
			}
			for i, hit := range hit {
				if !hit {
					t.Errorf("no example matches case %d: %v", i+1, r.Cases[i])
				}
			}
		})
	}
}

func matchExample(t *testing.T, c *compiled, r Rule, e Example, hit []bool) {
	t.Helper()
	f := finding(t, r, e)
	if !c.covers(f.Type) {
		t.Errorf("it is not about the type of %s", sketch(e))
		return
	}
	s := newSubject(f)
	about := c.about(f.Type, s.path)
	for i := range c.cases {
		hit[i] = hit[i] || (slices.Contains(about.cases, &c.cases[i]) && c.cases[i].matches(s))
	}
	got := about.vote(s)
	if got == nil {
		t.Errorf("it does not match %s", sketch(e))
		return
	}
	want := e.Severity
	if want == "" {
		want = r.Severity
	}
	if got.level != want {
		t.Errorf("%s is %s, want %s", sketch(e), got.level, want)
	}
}

func sketch(e Example) string {
	return fmt.Sprintf("%s %s %s %v -> %v", e.Kind, e.Type, e.Path, e.Was, e.Is)
}

// finding makes a finding of an example.
func finding(t testing.TB, r Rule, e Example) classify.Finding {
	t.Helper()
	f := classify.Finding{Type: e.Type, Path: e.Path, Kind: classify.Kind(e.Kind), Actions: e.Acts, Masked: e.Masked, Format: e.Format, Mode: "managed"}
	if f.Type == "" && len(r.Types) > 0 {
		f.Type = strings.Trim(r.Types[0], "*")
	}
	if f.Kind == "" {
		f.Kind = classify.Drift
	}
	if f.Actions == nil {
		f.Actions = []string{map[bool]string{true: "create", false: "update"}[f.Kind == classify.Deleted]}
	}
	f.Address, f.Name = f.Type+".x", "x"
	f.Recorded, f.Real, f.Wanted = decoded(t, e.Was), decoded(t, e.Is), decoded(t, e.Was)
	if f.Kind == classify.Pending {
		f.Real, f.Wanted = f.Recorded, f.Real
	}
	f.Object, _ = decoded(t, e.Object).(map[string]any)
	if f.Object == nil {
		f.Object = map[string]any{}
	}
	f.Block = enclosing(f.Object, e.Path)
	name := f.Path[strings.LastIndex(f.Path, ".")+1:]
	if _, given := f.Block[name]; !given && !f.Masked && name != "" && !strings.Contains(name, "[") {
		f.Block[name] = f.Real
	}
	return f
}

// enclosing finds the block of an example's attribute; all its lists have one element.
func enclosing(object map[string]any, path string) map[string]any {
	block, at := object, any(object)
	steps := strings.Split(indexes.ReplaceAllString(path, ""), ".")
	for _, step := range steps[:len(steps)-1] {
		m, _ := at.(map[string]any)
		at = m[step]
		if l, ok := at.([]any); ok && len(l) > 0 {
			at = l[0]
		}
		if m, ok := at.(map[string]any); ok {
			block = m
		}
	}
	return block
}

// decoded is a value as JSON decodes it out of a plan.
func decoded(t testing.TB, v any) any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var out any
	if err := d.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAWrongRuleIsRefusedInWords(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown word":    {"- {id: X, severity: high, title: t, foo: 1}", "field foo not found"},
		"no id":           {"- {severity: high, title: t}", "rule 1 has no id"},
		"no title":        {"- {id: X, severity: high}", "rule X: it has no title"},
		"severity":        {"- {id: X, severity: bad, title: t}", `rule X: severity "bad" is none of critical, high, medium, low and info`},
		"kind":            {"- {id: X, severity: high, title: t, kinds: [gone]}", `kind "gone" is none of`},
		"twice":           {"- {id: X, severity: high, title: t}\n- {id: X, severity: low, title: t}", "rule X is there twice"},
		"no such name":    {"- {id: X, severity: high, title: t, when: foo == 1}", "undeclared reference to 'foo'"},
		"not a condition": {"- {id: X, severity: high, title: t, when: size(path)}", "gives int, not true or false"},
	} {
		rules, err := Parse(strings.NewReader(c.text))
		if err == nil {
			err = Check(rules)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
}

func TestGeneralRulesComeLast(t *testing.T) {
	rules := Builtin()
	first := slices.IndexFunc(rules, func(r Rule) bool { return len(r.Types) == 0 })
	for _, r := range rules[first:] {
		if len(r.Types) > 0 {
			t.Errorf("rule %s comes after general ones", r.ID)
		}
	}
}

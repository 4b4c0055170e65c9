package severity

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/drift/classify"
)

func judged(t testing.TB, c Context, list ...classify.Finding) Verdict {
	t.Helper()
	drifted := map[string]bool{}
	for _, f := range list {
		if f.Kind.Drifted() {
			drifted[f.Address] = true
		}
	}
	v, err := Judge(classify.Result{Findings: list, Resources: 1000, Drifted: len(drifted)}, c)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func change(address, path string, kind classify.Kind, was, is any, acts ...string) classify.Finding {
	typ, _, _ := strings.Cut(address, ".")
	if acts == nil {
		acts = []string{"update"}
	}
	return classify.Finding{Address: address, Type: typ, Path: path, Kind: kind, Recorded: was, Real: is, Wanted: was, Actions: acts,
		Object: map[string]any{path: is}, Block: map[string]any{path: is}}
}

var (
	opened  = change("aws_security_group.web", "ingress", classify.Drift, []any{}, []any{"tcp:22:0.0.0.0/0"})
	tagged  = change("aws_instance.a", "tags.owner", classify.Drift, "a", "b")
	resized = change("aws_instance.a", "instance_type", classify.Drift, "a", "b")
	unknown = change("acme_thing.a", "colour", classify.Drift, "a", "b")
)

func TestTheWorstRuleDecides(t *testing.T) {
	v := judged(t, Context{}, tagged, unknown, opened, resized)
	var got []string
	for _, f := range v.Findings {
		got = append(got, fmt.Sprintf("%s %s %s %v", f.Severity, f.Address, f.Title, f.Rules))
	}
	want := []string{
		"critical aws_security_group.web SSH (22) open to the world [A1]",
		"medium acme_thing.a colour changed outside of the code []",
		"medium aws_instance.a another type of machine [A20]",
		"low aws_instance.a only the description changed (tags.owner) [G12]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("verdict (-want +got):\n%s", diff)
	}
	if v.Severity != Critical {
		t.Errorf("severity = %s, want critical", v.Severity)
	}
}

func TestKindsLimitSeverities(t *testing.T) {
	pending := opened
	pending.Kind, pending.Real, pending.Wanted = classify.Pending, []any{}, []any{"tcp:22:0.0.0.0/0"}
	ignored := opened
	ignored.Kind = classify.StateOnly
	destroyed := change("aws_db_instance.db", "engine", classify.Pending, "a", "b", "delete", "create")
	harmless := change("kubernetes_deployment.a", "spec[0].replicas", classify.Drift, "1", "2")
	for name, c := range map[string]struct {
		finding classify.Finding
		want    Level
	}{
		"pending code that opens a port":        {pending, Medium},
		"what the code ignores":                 {ignored, Info},
		"pending code that destroys a database": {destroyed, Critical},
		"replicas":                              {harmless, Info},
		"deleted":                               {change("aws_instance.a", "", classify.Deleted, nil, nil, "create"), High},
		"deleted with its data":                 {change("aws_s3_bucket.a", "", classify.Deleted, nil, nil, "create"), Critical},
		"what others follow from":               {change("acme_thing.a", "x", classify.Feeds, "1", "2"), Low},
		"what is drifted and configured":        {change("acme_thing.a", "x", classify.DriftConfig, "1", "2"), Medium},
		"closing a port":                        {change("aws_security_group.web", "ingress", classify.Drift, []any{"tcp:22:0.0.0.0/0"}, []any{}), Medium},
	} {
		if got := judged(t, Context{}, c.finding).Severity; got != c.want {
			t.Errorf("%s is %s, want %s", name, got, c.want)
		}
	}
}

func TestTheContextMovesSeverities(t *testing.T) {
	many := make([]classify.Finding, 0, 21)
	for i := range 21 {
		f := unknown
		f.Address = fmt.Sprintf("acme_thing.a%d", i)
		many = append(many, f)
	}
	replicas := change("kubernetes_deployment.a", "spec[0].replicas", classify.Drift, "1", "2")
	for name, c := range map[string]struct {
		context  Context
		findings []classify.Finding
		want     Level
		reasons  []string
	}{
		"production":                    {Context{Labels: []string{"net-prod-eu"}}, many[:1], High, []string{"a production environment"}},
		"products are no production":    {Context{Labels: []string{"products"}}, many[:1], Medium, nil},
		"development":                   {Context{Labels: []string{"envs/dev"}}, many[:1], Low, []string{"not a production environment"}},
		"development keeps what is bad": {Context{Labels: []string{"dev"}}, []classify.Finding{opened}, Critical, nil},
		"production wins":               {Context{Labels: []string{"test", "live"}}, many[:1], High, []string{"a production environment"}},
		"what is harmless stays so":     {Context{Labels: []string{"prod"}, OldestOpen: 30 * 24 * time.Hour}, []classify.Finding{replicas}, Info, nil},
		"many resources":                {Context{}, many, High, []string{"21 resources drifted"}},
		"a large share":                 {Context{Resources: 10}, many[:6], High, []string{"6 of 10 resources drifted"}},
		"a large share of few":          {Context{Resources: 2}, many[:2], Medium, nil},
		"old drift":                     {Context{OldestOpen: 8 * 24 * time.Hour}, many[:1], High, []string{"open for 8 days"}},
		"young drift":                   {Context{OldestOpen: 6 * 24 * time.Hour}, many[:1], Medium, nil},
	} {
		v := judged(t, c.context, c.findings...)
		if v.Severity != c.want || !slices.Equal(v.Reasons, c.reasons) {
			t.Errorf("%s: %s for %q, want %s for %q", name, v.Severity, v.Reasons, c.want, c.reasons)
		}
	}
}

func TestAnOrganizationsRules(t *testing.T) {
	rules := func(text string) []Rule {
		list, err := Parse(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	for name, c := range map[string]struct {
		rules string
		want  Level
		ids   []string
	}{
		"add":     {`- {id: OUR1, types: [aws_instance], paths: [tags.owner], when: "before == 'a'", severity: high, title: owner}`, High, []string{"OUR1", "G12"}},
		"replace": {`- {id: G12, paths: [tags], severity: info, title: tags}`, Info, []string{"G12"}},
		"disable": {`- {id: G12, disabled: true}`, Medium, nil},
	} {
		v := judged(t, Context{Rules: rules(c.rules)}, tagged)
		if v.Severity != c.want || !slices.Equal(v.Findings[0].Rules, c.ids) {
			t.Errorf("%s: %s by %v, want %s by %v", name, v.Severity, v.Findings[0].Rules, c.want, c.ids)
		}
	}
	if _, err := Judge(classify.Result{}, Context{Rules: []Rule{{ID: "X"}}}); err == nil {
		t.Error("Judge takes a wrong rule")
	}
}

// TestACostlyConditionDoesNotMatch: whoever writes rules cannot stop the scanner.
func TestACostlyConditionDoesNotMatch(t *testing.T) {
	long := make([]any, 3000)
	for i := range long {
		long[i] = "x"
	}
	f := change("acme_thing.a", "list", classify.Drift, []any{}, long)
	rules := []Rule{{ID: "X", Case: Case{When: "after.all(a, after.all(b, after.all(c, a == b)))", Severity: Critical, Title: "t"}}}
	began := time.Now()
	if v := judged(t, Context{Rules: rules}, f); v.Severity != Medium {
		t.Errorf("severity = %s, want medium", v.Severity)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestChecks(t *testing.T) {
	v, err := Judge(classify.Result{Checks: []classify.Check{{Address: "check.a", Status: "fail"}, {Address: "check.b", Status: "pass"}, {Address: "check.c", Status: "error"}}}, Context{})
	if err != nil {
		t.Fatal(err)
	}
	got := []Level{v.Checks[0].Severity, v.Checks[1].Severity, v.Checks[2].Severity}
	if diff := cmp.Diff([]Level{High, Info, Medium}, got); diff != "" || v.Severity != High {
		t.Errorf("severities of checks, and %s of all (-want +got):\n%s", v.Severity, diff)
	}
}

func TestAMaskedValueIsNotInJSON(t *testing.T) {
	f := change("aws_db_instance.db", "password", classify.Drift, "s3cret", "s3cret2")
	f.Masked = true
	v := judged(t, Context{}, f)
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), "s3cret") || !strings.Contains(string(b), `"severity":"high"`) || !strings.Contains(string(b), `"path":"password"`) {
		t.Errorf("JSON = %s, want the severity and the path and no secret", b)
	}
	if text := fmt.Sprintf("%v %+v", v, v); strings.Contains(text, "s3cret") {
		t.Errorf("the text of the verdict holds the secret: %s", text)
	}
}

// BenchmarkJudge500 is a verdict over 500 drifted resources of mixed types.
func BenchmarkJudge500(b *testing.B) {
	var list []classify.Finding
	for _, r := range Builtin() {
		for _, e := range r.Yes {
			f := finding(b, r, e)
			f.Address = fmt.Sprintf("%s.x%d", f.Type, len(list))
			list = append(list, f)
		}
	}
	for len(list) < 500 {
		list = append(list, list...)
	}
	r := classify.Result{Findings: list[:500], Resources: 500, Drifted: 500}
	if _, err := Judge(r, Context{}); err != nil { // compiles the rules
		b.Fatal(err)
	}
	b.ResetTimer()
	for b.Loop() {
		if _, err := Judge(r, Context{}); err != nil {
			b.Fatal(err)
		}
	}
}

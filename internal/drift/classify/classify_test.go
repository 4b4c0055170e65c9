package classify

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// unset is a configuration in which the code sets nothing of aws_x.a; set one in which it sets v.
var (
	unset = doc{"root_module": doc{"resources": list(doc{"address": "aws_x.a", "mode": "managed", "expressions": doc{}})}}
	sets  = doc{"root_module": doc{"resources": list(doc{"address": "aws_x.a", "mode": "managed", "expressions": doc{"v": doc{"references": list("var.v")}}})}}
)

func TestKinds(t *testing.T) {
	other := entry("aws_x.other", "update", doc{"w": "1"}, doc{"w": "2"})
	for name, c := range map[string]struct {
		plan parts
		want []string
	}{
		"undone":               {parts{drift: list(entry("aws_x.a", "update", doc{"v": "1"}, doc{"v": "2"})), changes: list(entry("aws_x.a", "update", doc{"v": "2"}, doc{"v": "1"}))}, []string{"aws_x.a v: drift"}},
		"changed twice":        {parts{drift: list(entry("aws_x.a", "update", doc{"v": "1"}, doc{"v": "2"})), changes: list(entry("aws_x.a", "update", doc{"v": "2"}, doc{"v": "3"}))}, []string{"aws_x.a v: drift+config"}},
		"ignored":              {parts{drift: list(entry("aws_x.a", "update", doc{"v": "1"}, doc{"v": "2"})), changes: list(entry("aws_x.a", "no-op", doc{"v": "2"}, doc{"v": "2"}))}, []string{"aws_x.a v: state-only"}},
		"an old engine":        {parts{drift: list(entry("aws_x.a", "update", doc{"v": "1"}, doc{"v": "2"})), changes: list(other), more: doc{"format_version": "0.2"}}, []string{"aws_x.a v: state-only", "aws_x.other w: pending-config"}},
		"fed":                  {parts{drift: list(entry("aws_x.a", "update", doc{"v": "1"}, doc{"v": "2"})), changes: list(other), relevant: list(doc{"resource": "aws_x.a", "attribute": list("v")})}, []string{"aws_x.a v: drift-feeds", "aws_x.other w: pending-config"}},
		"another attribute":    {parts{drift: list(entry("aws_x.a", "update", doc{"v": doc{"k": "1"}}, doc{"v": doc{"k": "2"}})), changes: list(other), relevant: list(doc{"resource": "aws_x.a", "attribute": list("v", "l")})}, []string{"aws_x.a v.k: state-only", "aws_x.other w: pending-config"}},
		"relevant for nothing": {parts{drift: list(entry("aws_x.a", "update", doc{"v": "1"}, doc{"v": "2"})), relevant: list(doc{"resource": "aws_x.a", "attribute": list("v")})}, []string{"aws_x.a v: state-only"}},
		"gone":                 {parts{drift: list(entry("aws_x.a", "delete", doc{"v": "1"}, nil)), changes: list(entry("aws_x.a", "create", nil, doc{"v": "1"}))}, []string{"aws_x.a: deleted"}},
		"gone everywhere":      {parts{drift: list(entry("aws_x.a", "delete", doc{"v": "1"}, nil))}, []string{"aws_x.a: state-only"}},
		"a data source":        {parts{changes: list(entry("data.aws_x.a", "read", nil, doc{"v": "1"}, doc{"mode": "data"}))}, nil},
		"a left-over object":   {parts{changes: list(entry("aws_x.a", "delete", doc{"v": "1"}, nil, doc{"deposed": "ab12"}), entry("aws_x.a", "no-op", doc{"v": "2"}, doc{"v": "2"}))}, []string{"aws_x.a: pending-config"}},
		"a left-over gone":     {parts{drift: list(entry("aws_x.a", "delete", doc{"v": "1"}, nil, doc{"deposed": "ab12"})), changes: list(entry("aws_x.a", "create", nil, doc{"v": "2"}))}, []string{"aws_x.a: pending-config", "aws_x.a: state-only"}},
		"deferred":             {parts{drift: list(entry("aws_x.a", "update", doc{"v": "1"}, doc{"v": "2"})), deferred: list(doc{"reason": "provider_config_unknown", "resource_change": entry("aws_x.a", "update", doc{"v": "2"}, doc{"v": "1"})})}, []string{"aws_x.a v: drift"}},
		"only an output":       {parts{outputs: doc{"o": doc{"actions": list("update")}, "same": doc{"actions": list("no-op")}}}, []string{"output.o: pending-config"}},
		"unknown, configured":  {parts{drift: list(entry("aws_x.a", "update", doc{"v": "1"}, doc{"v": "2"})), changes: list(entry("aws_x.a", "update", doc{"v": "2"}, doc{}, doc{"after_unknown": doc{"v": true}})), configuration: sets}, []string{"aws_x.a v: drift+config"}},
		"unknown, computed":    {parts{drift: list(entry("aws_x.a", "update", doc{"v": "1", "t": "1"}, doc{"v": "2", "t": "1"})), changes: list(entry("aws_x.a", "update", doc{"v": "2", "t": "1"}, doc{"t": "2"}, doc{"after_unknown": doc{"v": true}})), configuration: unset}, []string{"aws_x.a t: pending-config", "aws_x.a v: state-only"}},
		"a new unknown value":  {parts{changes: list(entry("aws_x.a", "update", doc{"v": "2", "c": "1"}, doc{}, doc{"after_unknown": doc{"v": true, "c": true}})), configuration: sets}, []string{"aws_x.a v: pending-config"}},
		"replaced, tainted":    {parts{changes: list(entry("aws_x.a", "delete,create", doc{"v": "1", "id": "a"}, doc{"v": "1"}, doc{"after_unknown": doc{"id": true}})), configuration: sets}, []string{"aws_x.a: pending-config"}},
		"an import":            {parts{changes: list(entry("aws_x.a", "no-op", doc{"v": "1"}, doc{"v": "1"}, doc{"importing": doc{"id": "i"}}))}, []string{"aws_x.a: pending-config"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := plan(t, c.plan.json(t), Options{})
			if diff := cmp.Diff(append([]string{}, c.want...), lines(r.Findings)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWhatIsNoChange are values that mean the same.
func TestWhatIsNoChange(t *testing.T) {
	for name, c := range map[string]struct {
		typ, attribute string
		recorded, real any
		want           []string
	}{
		"null and empty":            {"aws_x", "v", nil, "", nil},
		"null and no elements":      {"aws_x", "v", nil, list(), nil},
		"null and no members":       {"aws_x", "v", doc{}, nil, nil},
		"a member that is null":     {"aws_x", "v", doc{"a": nil}, doc{}, nil},
		"zero is a value":           {"aws_x", "v", nil, 0, []string{"aws_x.a v: state-only"}},
		"false is a value":          {"aws_x", "v", nil, false, []string{"aws_x.a v: state-only"}},
		"a number in a text":        {"aws_x", "v", 80, "80", nil},
		"a boolean in a text":       {"aws_x", "v", true, "true", nil},
		"forms of numbers":          {"aws_x", "v", 1.0, 1, nil},
		"elements with set names":   {"aws_x", "security_group_ids", list("a", "b"), list("b", "a"), nil},
		"elements of a command":     {"aws_x", "command", list("a", "b"), list("b", "a"), []string{"aws_x.a command: state-only"}},
		"an azure id":               {"azurerm_x", "v", "/subscriptions/A/b", "/subscriptions/a/B", nil},
		"another provider's text":   {"aws_x", "v", "/subscriptions/A/b", "/subscriptions/a/B", []string{"aws_x.a v: state-only"}},
		"a DNS name":                {"aws_route53_record", "records", list("a.example.com"), list("a.example.com."), nil},
		"a sentence is no DNS name": {"aws_route53_record", "comment", "see example.com", "see example.com.", []string{"aws_route53_record.a comment: state-only"}},
		"layout of JSON":            {"aws_x", "v", `{"a":1,"b":[1,2]}`, `{ "b": [1,2], "a": 1 }`, []string{"aws_x.a v: state-only"}},
		"order in JSON is a change": {"aws_x", "v", `{"b":[1,2]}`, `{"b":[2,1]}`, []string{"aws_x.a v: state-only"}},
		"principals":                {"aws_x", "policy", `{"Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"}}]}`, `{"Statement":{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:root"]}}}`, []string{"aws_x.a policy: state-only"}},
	} {
		t.Run(name, func(t *testing.T) {
			address := c.typ + ".a"
			r := plan(t, parts{drift: list(entry(address, "update", doc{c.attribute: c.recorded}, doc{c.attribute: c.real}))}.json(t), Options{})
			if diff := cmp.Diff(append([]string{}, c.want...), lines(r.Findings)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			formOnly := name == "layout of JSON" || name == "principals"
			for _, f := range r.Findings {
				if f.Format != formOnly {
					t.Errorf("Format = %v, want %v", f.Format, formOnly)
				}
			}
		})
	}
}

// TestMasks: nothing of a sensitive value leaves, whichever side says that it is one.
func TestMasks(t *testing.T) {
	drift := func(recorded, real any, masks ...doc) []any {
		return list(entry("aws_x.a", "update", doc{"v": recorded, "open": "1"}, doc{"v": real, "open": "2"}, masks...))
	}
	one, two := "s3cret-one", "s3cret-two"
	users := func(p string) any {
		return list(doc{"name": "a", "password": p}, doc{"name": "b", "password": "s3cret-b"})
	}
	for name, c := range map[string]struct {
		drift []any
		o     Options
		want  string
	}{
		"before":              {drift(one, two, doc{"before_sensitive": doc{"v": true}, "after_sensitive": false}), Options{}, "aws_x.a v: state-only masked"},
		"after":               {drift(one, two, doc{"after_sensitive": doc{"v": true}}), Options{}, "aws_x.a v: state-only masked"},
		"a member":            {drift(doc{"a": one}, doc{"a": two}, doc{"before_sensitive": doc{"v": doc{"a": true}}}), Options{}, "aws_x.a v.a: state-only masked"},
		"below a leaf":        {drift(list(one), list(two, one), doc{"before_sensitive": doc{"v": list(true)}}), Options{}, "aws_x.a v: state-only masked"},
		"an element of a set": {drift(users(one), users(two), doc{"before_sensitive": doc{"v": list(doc{"password": true}, doc{})}}), Options{SetAttributes: map[string][]string{"aws_x": {"v"}}}, "aws_x.a v: state-only masked"},
		"another element":     {drift(users(one), users(two), doc{"before_sensitive": doc{"v": list(doc{}, doc{"password": true})}}), Options{}, "aws_x.a v[0].password: state-only masked"},
		"a document":          {drift(`{"k":"s3cret-one"}`, `{"k":"s3cret-two"}`, doc{"after_sensitive": doc{"v": true}}), Options{}, "aws_x.a v: state-only masked"},
	} {
		t.Run(name, func(t *testing.T) {
			r := plan(t, parts{drift: c.drift}.json(t), c.o)
			if diff := cmp.Diff([]string{"aws_x.a open: state-only", c.want}, lines(r.Findings)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			for _, f := range r.Findings {
				leaks(t, f, "s3cret-one", "s3cret-two")
			}
		})
	}
}

// TestSchemasTellSets: in a set the order means nothing, in a list it does.
func TestSchemasTellSets(t *testing.T) {
	a, b := doc{"n": 1, "tags": list("x", "y")}, doc{"n": 2}
	schemas := func(mode string) string {
		return `{"format_version":"1.0","provider_schemas":{"p":{"resource_schemas":{"aws_x":{"block":{"block_types":{"v":{"nesting_mode":"` + mode +
			`","block":{"attributes":{"n":{"type":"number"},"tags":{"type":["set","string"]}}}}}}}}}}}`
	}
	p := parts{drift: list(entry("aws_x.a", "update", doc{"v": list(a, b)}, doc{"v": list(b, doc{"n": 1, "tags": list("y", "x")})}))}.json(t)
	if r := plan(t, p, Options{Schemas: strings.NewReader(schemas("set"))}); len(r.Findings) != 0 {
		t.Errorf("findings in a set that was permuted: %v", r.Findings)
	}
	r := plan(t, p, Options{Schemas: strings.NewReader(schemas("list"))})
	if diff := cmp.Diff([]string{"aws_x.a v[0].n: state-only", "aws_x.a v[0].tags: state-only", "aws_x.a v[1].n: state-only", "aws_x.a v[1].tags: state-only"}, lines(r.Findings)); diff != "" {
		t.Errorf("findings in a list that was permuted (-want +got):\n%s", diff)
	}
}

func TestCounts(t *testing.T) {
	r := plan(t, parts{managed: 10,
		drift:   list(entry("aws_x.a", "update", doc{"v": "1", "w": "1"}, doc{"v": "2", "w": "2"}), entry("aws_x.b", "delete", doc{}, nil), entry("aws_x.c", "update", doc{"v": "1"}, doc{"v": "2"})),
		changes: list(entry("aws_x.a", "update", doc{"v": "2", "w": "2"}, doc{"v": "1", "w": "1"}), entry("aws_x.b", "create", nil, doc{}), entry("aws_x.d", "update", doc{"v": "1"}, doc{"v": "2"})),
	}.json(t), Options{})
	// Ten are left after the refresh, of which one drifted, and one is gone.
	if r.Drifted != 2 || r.Undrifted != 9 || r.Resources != 11 {
		t.Errorf("%d drifted, %d not, of %d, want 2, 9 and 11", r.Drifted, r.Undrifted, r.Resources)
	}
	if got := r.Providers["registry.terraform.io/hashicorp/aws"]; len(r.Providers) != 1 || got != "" || r.TerraformVersion != "1.11.4" {
		t.Errorf("providers %v of %s, want one without a constraint of 1.11.4", r.Providers, r.TerraformVersion)
	}
}

func TestPlansThatAreNone(t *testing.T) {
	whole := parts{}.json(t)
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"empty":            {"", io.ErrUnexpectedEOF},
		"words":            {"Error: no plan", io.ErrUnexpectedEOF},
		"cut off":          {string(whole[:len(whole)-3]), io.ErrUnexpectedEOF},
		"incomplete":       {string(parts{more: doc{"errored": true}}.json(t)), ErrIncomplete},
		"another format":   {string(parts{more: doc{"format_version": "2.0"}}.json(t)), nil},
		"a wrong type":     {`{"format_version":"1.0","resource_drift":[{"address":1}]}`, nil},
		"too long":         {`{"format_version":"1.0","x":"` + strings.Repeat("x", 2000) + `"}`, ErrTooLong},
		"too many modules": {`{"format_version":"1.0","prior_state":{"values":{"root_module":` + strings.Repeat(`{"child_modules":[`, 300) + strings.Repeat(`]}`, 300) + `}}}`, nil},
	} {
		o := Options{}
		if name == "too long" {
			o.MaxBytes = 1000
		}
		if _, err := Plan(strings.NewReader(c.text), o); err == nil || (c.want != nil && !errors.Is(err, c.want)) {
			t.Errorf("%s: %v, want an error (%v)", name, err, c.want)
		}
	}
}

// TestWarningsBeforeThePlan: engines print warnings about their configuration to the same stream.
func TestWarningsBeforeThePlan(t *testing.T) {
	text := "╷\n│ Warning: Unable to open CLI configuration file {x}\n╵\n\n"
	r := plan(t, append([]byte(text), parts{managed: 3}.json(t)...), Options{})
	if r.Resources != 3 {
		t.Errorf("%d resources, want 3", r.Resources)
	}
}

func TestChecks(t *testing.T) {
	check := func(object, status string, instances ...any) any {
		return doc{"address": doc{"kind": "resource", "to_display": object}, "status": status, "instances": instances}
	}
	instance := func(address, status string, problems ...any) any {
		return doc{"address": doc{"to_display": address}, "status": status, "problems": problems}
	}
	r := plan(t, parts{checks: list(
		check("aws_x.a", "fail", instance("aws_x.a[0]", "pass"), instance("aws_x.a[1]", "fail", doc{"message": "too small"})),
		check("aws_x.b", "unknown"), check("aws_x.c", "pass"))}.json(t), Options{})
	said := func() []string {
		var out []string
		for _, c := range r.Checks {
			out = append(out, c.Address+" "+c.Status+" "+strings.Join(c.Problems, ";"))
		}
		return out
	}
	if diff := cmp.Diff([]string{"aws_x.a[0] pass ", "aws_x.a[1] fail too small", "aws_x.b unknown "}, said()); diff != "" || !r.NeedsRefresh() {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	refresh := parts{checks: list(check("aws_x.a", "unknown", instance("aws_x.a[0]", "unknown")), check("aws_x.b", "error", instance("aws_x.b[0]", "error")))}.json(t)
	if err := r.Refresh(bytes.NewReader(refresh)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"aws_x.a[0] pass ", "aws_x.a[1] fail too small", "aws_x.b[0] error "}, said()); diff != "" {
		t.Errorf("checks after the refresh (-want +got):\n%s", diff)
	}
}

func TestAddresses(t *testing.T) {
	for in, want := range map[string]string{
		`aws_x.a`: "aws_x.a", `aws_x.a[0]`: "aws_x.a", `module.m["a.b[0]"].aws_x.a["\"]"]`: "module.m.aws_x.a", `module.m[1].module.n.aws_x.a`: "module.m.module.n.aws_x.a",
	} {
		if got := withoutIndexes(in); got != want {
			t.Errorf("withoutIndexes(%s) = %s, want %s", in, got, want)
		}
	}
	p := path{"a", 0, "b-c", "d e", "f\"g"}
	if got, want := p.String(), `a[0].b-c["d e"]["f\"g"]`; got != want {
		t.Errorf("path = %s, want %s", got, want)
	}
}

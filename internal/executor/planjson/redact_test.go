package planjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const lab = `{"format_version":"1.0","provider_schemas":{"example.com/lab/lab":{
	"provider":{"version":0,"block":{"attributes":{"provider_only":{"type":"string"}}}},
	"resource_schemas":{
		"lab_unused":{"version":0,"block":{}},
		"lab_thing":{"version":0,"block":{
			"attributes":{
				"name":{"type":"string"},
				"password":{"type":"string","sensitive":true},
				"users":{"nested_type":{"nesting_mode":"set","attributes":{"name":{"type":"string"},"key":{"type":"string","sensitive":true}}}},
				"owner":{"nested_type":{"nesting_mode":"single","attributes":{"key":{"type":"string","sensitive":true}}}}},
			"block_types":{
				"login":{"nesting_mode":"list","block":{"attributes":{"user":{"type":"string"},"secret":{"type":"string","sensitive":true}}}},
				"by_name":{"nesting_mode":"map","block":{"attributes":{"secret":{"type":"string","sensitive":true}}}}}}}},
	"data_source_schemas":{"lab_lookup":{"version":0,"block":{"attributes":{"token":{"type":"string","sensitive":true}}}}}}}}`

// redactedChange is what becomes of the change of one resource of a type.
func redactedChange(t *testing.T, mode, typ, change string) string {
	t.Helper()
	plan := fmt.Sprintf(`{"format_version":"1.2","resource_changes":[{"address":"x","mode":%q,"type":%q,"name":"x","provider_name":"example.com/lab/lab","change":%s}]}`, mode, typ, change)
	var out bytes.Buffer
	if err := Redact(&out, strings.NewReader(plan), strings.NewReader(lab)); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		ResourceChanges []struct {
			Change map[string]any `json:"change"`
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	text, err := encode(doc.ResourceChanges[0].Change)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSensitiveValuesAreHidden(t *testing.T) {
	for _, c := range []struct{ name, typ, change, want string }{
		{"by a mark, another type",
			"lab_thing",
			`{"actions":["update"],"before":{"name":[1]},"after":{"name":[2]},"before_sensitive":{"name":true},"after_sensitive":{"name":true}}`,
			`{"actions":["update"],"after":{"name":"(sensitive value, changed)"},"after_sensitive":{"name":true},"before":{"name":"(sensitive value)"},"before_sensitive":{"name":true}}`},
		{"the same before and after",
			"lab_thing",
			`{"actions":["no-op"],"before":{"name":1.50},"after":{"name":1.50},"before_sensitive":{"name":true},"after_sensitive":{"name":true}}`,
			`{"actions":["no-op"],"after":{"name":"(sensitive value)"},"after_sensitive":{"name":true},"before":{"name":"(sensitive value)"},"before_sensitive":{"name":true}}`},
		{"sensitive on one side only",
			"lab_thing",
			`{"before":{"name":"a"},"after":{"name":"a"},"before_sensitive":false,"after_sensitive":{"name":true}}`,
			`{"after":{"name":"(sensitive value)"},"after_sensitive":{"name":true},"before":{"name":"(sensitive value)"},"before_sensitive":false}`},
		{"unknown stays absent, null stays null",
			"lab_thing",
			`{"before":{"name":"a","password":null},"after":{"password":null},"after_unknown":{"name":true},"before_sensitive":{"name":true},"after_sensitive":{"name":true}}`,
			`{"after":{"password":null},"after_sensitive":{"name":true},"after_unknown":{"name":true},"before":{"name":"(sensitive value)","password":null},"before_sensitive":{"name":true}}`},
		{"items of a list",
			"lab_thing",
			`{"before":null,"after":{"name":["a","b"]},"before_sensitive":false,"after_sensitive":{"name":[false,true]}}`,
			`{"after":{"name":["a","(sensitive value)"]},"after_sensitive":{"name":[false,true]},"before":null,"before_sensitive":false}`},
		{"marks of another length than the list",
			"lab_thing",
			`{"before":null,"after":{"name":["a","b","c"]},"before_sensitive":false,"after_sensitive":{"name":[true]}}`,
			`{"after":{"name":"(sensitive value)"},"after_sensitive":{"name":[true]},"before":null,"before_sensitive":false}`},
		{"marks of an object on a text",
			"lab_thing",
			`{"before":null,"after":{"name":"a"},"before_sensitive":false,"after_sensitive":{"name":{"x":true}}}`,
			`{"after":{"name":"(sensitive value)"},"after_sensitive":{"name":{"x":true}},"before":null,"before_sensitive":false}`},
		{"by the schema alone",
			"lab_thing",
			`{"before":null,"after":{"name":"a","password":"p","users":[{"name":"u","key":"k"}],"owner":{"key":"k"},"login":[{"user":"u","secret":"s"}],"by_name":{"x":{"secret":"s"}}},"before_sensitive":false,"after_sensitive":{}}`,
			`{"after":{"by_name":{"x":{"secret":"(sensitive value)"}},"login":[{"secret":"(sensitive value)","user":"u"}],"name":"a","owner":{"key":"(sensitive value)"},"password":"(sensitive value)","users":[{"key":"(sensitive value)","name":"u"}]},"after_sensitive":{},"before":null,"before_sensitive":false}`},
		{"of a data source",
			"data.lab_lookup",
			`{"before":null,"after":{"token":"p"},"before_sensitive":false,"after_sensitive":{}}`,
			`{"after":{"token":"(sensitive value)"},"after_sensitive":{},"before":null,"before_sensitive":false}`},
		{"nothing sensitive: digits and letters as they were",
			"lab_thing",
			`{"before":null,"after":{"name":"<&>","login":[{"user":12345678901234567890123,"secret":null}]},"before_sensitive":false,"after_sensitive":{}}`,
			`{"after":{"login":[{"secret":null,"user":1.2345678901234568e+22}],"name":"<&>"},"after_sensitive":{},"before":null,"before_sensitive":false}`},
		{"what no engine has yet",
			"lab_thing",
			`{"before":null,"after":null,"before_of_tomorrow":"s"}`,
			`{"after":null,"before":null}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			mode, typ := "managed", c.typ
			if rest, ok := strings.CutPrefix(typ, "data."); ok {
				mode, typ = "data", rest
			}
			if diff := cmp.Diff(c.want, redactedChange(t, mode, typ, c.change)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRedactedPlanHasTheSchemasOfItsTypesOnly(t *testing.T) {
	plan := `{"format_version":"1.2","prior_state":{"values":{"secret":"s3cret"}},"configuration":{"x":["s3cret"]},"variables":{"v":{"value":"s3cret"}},
		"resource_changes":[{"address":"lab_thing.a","mode":"managed","type":"lab_thing","name":"a","index":0,"provider_name":"example.com/lab/lab","values":"s3cret","change":{"actions":["create"],"after":{"name":123456789012345678901}}}],
		"relevant_attributes":[{"resource":"lab_thing.a","attribute":["name"]}],
		"output_changes":{"o":{"actions":["create"],"before":null,"after":{"a":"s3cret"},"after_unknown":false,"before_sensitive":true,"after_sensitive":true}}}`
	var out bytes.Buffer
	if err := Redact(&out, strings.NewReader(plan), strings.NewReader(lab)); err != nil {
		t.Fatal(err)
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	got := map[string]string{}
	for name, v := range doc {
		got[name] = string(v)
	}
	schemas := got["provider_schemas"]
	delete(got, "provider_schemas")
	want := map[string]string{
		"plan_format_version": `"1.2"`, "provider_format_version": `"1.0"`, "resource_drift": "[]",
		"relevant_attributes": `[{"resource":"lab_thing.a","attribute":["name"]}]`,
		"resource_changes":    `[{"address":"lab_thing.a","change":{"actions":["create"],"after":{"name":123456789012345678901}},"index":0,"mode":"managed","name":"a","provider_name":"example.com/lab/lab","type":"lab_thing"}]`,
		"output_changes":      `{"o":{"actions":["create"],"after":"(sensitive value)","after_sensitive":true,"after_unknown":false,"before":null,"before_sensitive":true}}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(schemas, `{"example.com/lab/lab":{"resource_schemas":{"lab_thing":{`) || strings.Contains(schemas, "lab_unused") || strings.Contains(schemas, "lab_lookup") || strings.Contains(schemas, "provider_only") {
		t.Errorf("provider_schemas = %s, want lab_thing alone", schemas)
	}
}

func TestPlanThatCannotBeRedactedIsRefused(t *testing.T) {
	for name, plan := range map[string]string{
		"no JSON":         `plan`,
		"a list":          `[]`,
		"cut off":         `{"resource_changes":[`,
		"unknown type":    `{"resource_changes":[{"address":"a","mode":"managed","type":"lab_other","provider_name":"example.com/lab/lab","change":{}}]}`,
		"unknown mode":    `{"resource_changes":[{"address":"a","mode":"other","type":"lab_thing","provider_name":"example.com/lab/lab","change":{}}]}`,
		"twice":           `{"resource_changes":[],"resource_changes":[]}`,
		"secret as a key": `{"resource_changes":"s3cret"}`,
	} {
		t.Run(name, func(t *testing.T) {
			err := Redact(&bytes.Buffer{}, strings.NewReader(plan), strings.NewReader(lab))
			if err == nil || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("Redact = %v, want an error without the value", err)
			}
		})
	}
}

// TestNoPlantedSecretSurvives: any value, marked as the engines mark it, or sensitive
// by the schema: nothing of it is in the result, and everything else still is.
func TestNoPlantedSecretSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &planter{t: t}
		before, beforeMark := p.value(3)
		after, afterMark := p.value(3)
		if rapid.Bool().Draw(t, "same shape") {
			after, afterMark = before, beforeMark
		}
		text := func(v any) string {
			raw, err := encode(v)
			if err != nil {
				t.Fatal(err)
			}
			return string(raw)
		}
		change := fmt.Sprintf(`{"actions":["update"],"before":{"name":%s,"password":"planted-0"},"after":{"name":%s,"login":[{"secret":"planted-0","user":"kept-0"}]},"before_sensitive":{"name":%s},"after_sensitive":{"name":%s}}`,
			text(before), text(after), text(beforeMark), text(afterMark))
		plan := fmt.Sprintf(`{"format_version":"1.2","resource_changes":[{"address":"a","mode":"managed","type":"lab_thing","provider_name":"example.com/lab/lab","change":%s}],
			"resource_drift":[{"address":"a","mode":"managed","type":"lab_thing","provider_name":"example.com/lab/lab","change":%s}],"output_changes":{"o":{"before":%s,"after":%s,"before_sensitive":true,"after_sensitive":true}}}`,
			change, change, text(before), text(after))
		var out bytes.Buffer
		if err := Redact(&out, strings.NewReader(plan), strings.NewReader(lab)); err != nil {
			t.Fatal(err)
		}
		if !json.Valid(out.Bytes()) {
			t.Fatalf("not JSON: %s", out.String())
		}
		if strings.Contains(out.String(), "planted") {
			t.Fatalf("a secret is left:\n%s\n%s", plan, out.String())
		}
		if !strings.Contains(out.String(), "kept-0") {
			t.Fatalf("what is no secret is gone:\n%s\n%s", plan, out.String())
		}
	})
}

// planter makes values with secrets in them and the marks that say where they are.
type planter struct {
	t *rapid.T
	n int
}

func (p *planter) value(depth int) (v, mark any) {
	p.n++
	kinds := 3
	if depth > 0 {
		kinds = 6
	}
	switch rapid.IntRange(0, kinds-1).Draw(p.t, "kind") {
	case 0:
		return fmt.Sprintf("open-%d", p.n), false
	case 1:
		return nil, rapid.Bool().Draw(p.t, "null is marked")
	case 2:
		return fmt.Sprintf("planted-%d", p.n), true
	case 3:
		return []any{fmt.Sprintf("planted-%d", p.n), map[string]any{"k": json.Number("1")}}, true
	case 4:
		values, marks := []any{}, []any{}
		for range rapid.IntRange(0, 3).Draw(p.t, "items") {
			v, m := p.value(depth - 1)
			values, marks = append(values, v), append(marks, m)
		}
		return values, marks
	}
	values, marks := map[string]any{}, map[string]any{}
	for i := range rapid.IntRange(0, 3).Draw(p.t, "members") {
		v, m := p.value(depth - 1)
		values[fmt.Sprint("m", i)] = v
		if m != false {
			marks[fmt.Sprint("m", i)] = m // engines leave out what is not sensitive
		}
	}
	return values, marks
}

// TestPlansOfRealEngines: the passwords planted in real plans are gone.
func TestPlansOfRealEngines(t *testing.T) {
	files, _ := filepath.Glob("../../../../shared/fixtures/drift/*.json")
	if len(files) == 0 {
		t.Skip("there are no plans of real engines in ../shared/fixtures")
	}
	schemas := `{"provider_schemas":{"lab.local/lab/aws":{"resource_schemas":{` + types("aws_db_instance", "aws_security_group", "aws_instance", "aws_eks_cluster") + `},"data_source_schemas":{` + types("aws_lookup") + `}}}}`
	secrets := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte("s3cret-pass")) {
			secrets++
		}
		var out bytes.Buffer
		if err := Redact(&out, bytes.NewReader(raw), strings.NewReader(schemas)); err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
		for _, secret := range []string{"s3cret-pass", "changed-by-hand"} {
			if strings.Contains(out.String(), secret) {
				t.Errorf("%s: %s is left", filepath.Base(file), secret)
			}
		}
	}
	if secrets == 0 {
		t.Error("no plan has a secret: nothing was tested")
	}
}

func types(names ...string) string {
	var all []string
	for _, name := range names {
		all = append(all, fmt.Sprintf(`%q:{"version":0,"block":{}}`, name))
	}
	return strings.Join(all, ",")
}

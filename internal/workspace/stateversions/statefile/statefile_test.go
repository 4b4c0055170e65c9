package statefile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// scan gives the state to a Scanner in pieces of the given size.
func scan(b []byte, piece int) (State, error) {
	var s Scanner
	for len(b) > 0 {
		n := min(piece, len(b))
		if _, err := s.Write(b[:n]); err != nil {
			return State{}, err
		}
		b = b[n:]
	}
	return s.State()
}

const example = `{
  "version": 4, "terraform_version": "1.12.6", "serial": 17, "lineage": "a\u002db",
  "outputs": {"ip": {"value": "10.0.0.1", "type": "string"},
    "list": {"value": [1, 2.5e3], "type": ["tuple", ["number", "number"]], "sensitive": true},
    "nothing": {"value": null, "type": "dynamic"}},
  "resources": [
    {"mode": "managed", "type": "null_resource", "name": "a", "provider": "provider[\"x/y/null\"]",
     "instances": [{"index_key": 0, "attributes": {"deposed": 1}}, {"index_key": "k\"1"}, {"deposed": "0badc0de"}]},
    {"module": "module.m[\"k\"]", "mode": "data", "type": "aws_ami", "name": "b", "provider": "p", "instances": []},
    {"mode": "managed", "type": "t", "name": "c", "instances": null}],
  "check_results": [{"a": {"b": [true, false, null]}}]
}
`

// TestDigestFollowsTheResources: it is equal where only attributes, outputs and
// serials differ, and another one where a resource or an instance does.
func TestDigestFollowsTheResources(t *testing.T) {
	digest := func(old, replacement string) string {
		s, err := scan([]byte(strings.Replace(example, old, replacement, 1)), 100)
		if err != nil || s.Digest == "" {
			t.Fatalf("digest with %s: %q, %v", replacement, s.Digest, err)
		}
		return s.Digest
	}
	same := digest("", "")
	for old, replacement := range map[string]string{`"deposed": 1`: `"id": "new"`, "17": "18", "10.0.0.1": "10.0.0.2", `"deposed": "0badc0de"`: `"deposed": "00000000"`} {
		if digest(old, replacement) != same {
			t.Errorf("the digest depends on %s", old)
		}
	}
	for old, replacement := range map[string]string{`"name": "a"`: `"name": "z"`, `"index_key": 0`: `"index_key": 1`, "aws_ami": "aws_vpc", "x/y/null": "x/z/null",
		`module.m[`: `module.n[`, `{"index_key": "k\"1"}, `: ""} {
		if digest(old, replacement) == same {
			t.Errorf("the digest does not depend on %s", old)
		}
	}
}

func TestVeryManyResourcesAreCounted(t *testing.T) {
	const n = MaxResources + 10
	one := `{"mode":"managed","type":"aws_vpc","name":"v","provider":"p","instances":[{}]}`
	state := `{"version":4,"serial":1,"resources":[` + strings.Repeat(one+",", n-1) + one + `]}`
	s, err := scan([]byte(state), 4096)
	if err != nil || len(s.Resources) != MaxResources || s.More != 10 || s.Managed != n || s.Billable != n {
		t.Errorf("%d resources, %d more, %d managed, %d billable, %v; want %d, 10, %d, %d", len(s.Resources), s.More, s.Managed, s.Billable, err, MaxResources, n, n)
	}
}

func TestStateIsReadInAnyPieces(t *testing.T) {
	want := State{Version: 4, TerraformVersion: "1.12.6", Serial: 17, Lineage: "a-b",
		Outputs: []Output{
			{Name: "ip", Type: json.RawMessage(`"string"`), Value: json.RawMessage(`"10.0.0.1"`)},
			{Name: "list", Sensitive: true, Type: json.RawMessage(`["tuple", ["number", "number"]]`), Value: json.RawMessage(`[1, 2.5e3]`)},
			{Name: "nothing", Type: json.RawMessage(`"dynamic"`), Value: json.RawMessage(`null`)},
		},
		Resources: []Resource{
			{Type: "null_resource", Name: "a", Provider: `provider["x/y/null"]`, Keys: []string{"0", `"k\"1"`}},
			{Module: `module.m["k"]`, Data: true, Type: "aws_ami", Name: "b", Provider: "p"},
			{Type: "t", Name: "c"},
		}, Managed: 2}
	want.SerialAt = int64(strings.Index(example, "17"))
	want.SerialEnd = want.SerialAt + 2
	for _, piece := range []int{1, 2, 3, 7, 64, len(example)} {
		got, err := scan([]byte(example), piece)
		if err != nil {
			t.Fatalf("pieces of %d bytes: %v", piece, err)
		}
		if want.Digest == "" {
			want.Digest = got.Digest // of the first round; TestDigest tells what it depends on
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pieces of %d bytes (-want +got):\n%s", piece, diff)
		}
	}
}

func TestWhatIsNoStateIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ state, want string }{
		"empty":                   {"", "it is empty"},
		"white space":             {"  \n", "too early"},
		"text":                    {"hello", "no JSON object"},
		"list":                    {"[]", "no JSON object"},
		"no members":              {"{}", "no version"},
		"cut off":                 {example[:len(example)/2], "too early"},
		"two documents":           {`{"version":4,"serial":1}{}`, "unexpected"},
		"no serial":               {`{"version":4}`, "no serial"},
		"no version":              {`{"serial":4}`, "no version"},
		"serial is text":          {`{"version":4,"serial":"1"}`, "serial"},
		"serial is a fraction":    {`{"version":4,"serial":1.0}`, "serial"},
		"serial is below zero":    {`{"version":4,"serial":-1}`, "serial"},
		"serial is huge":          {`{"version":4,"serial":99999999999999999999}`, "serial"},
		"serial is null":          {`{"version":4,"serial":null}`, "serial"},
		"version is zero":         {`{"version":0,"serial":1}`, "version"},
		"two serials":             {`{"version":4,"serial":1,"serial":2}`, `two members "serial"`},
		"two serials, escaped":    {`{"version":4,"serial":1,"seri\u0061l":2}`, `two members "serial"`},
		"outputs are a list":      {`{"version":4,"serial":1,"outputs":[]}`, "outputs"},
		"two outputs":             {`{"version":4,"serial":1,"outputs":{"a":{},"\u0061":{}}}`, `two outputs "a"`},
		"NUL in an output":        {`{"version":4,"serial":1,"outputs":{"\u0000":{}}}`, "NUL"},
		"NUL in a lineage":        {`{"version":4,"serial":1,"lineage":"\u0000"}`, "lineage"},
		"output is text":          {`{"version":4,"serial":1,"outputs":{"a":"b"}}`, `output "a"`},
		"resources are an object": {`{"version":4,"serial":1,"resources":{}}`, "resources"},
		"resource is text":        {`{"version":4,"serial":1,"resources":["a"]}`, "resource"},
		"name is a number":        {`{"version":4,"serial":1,"resources":[{"name":1}]}`, "name"},
		"lineage is an object":    {`{"version":4,"serial":1,"lineage":{"a":1}}`, "lineage"},
		"lineage is long":         {`{"version":4,"serial":1,"lineage":"` + strings.Repeat("x", maxScalar) + `"}`, "longer"},
		"nesting bomb":            {`{"a":` + strings.Repeat("[", 100_000), "nested deeper"},
		"nesting bomb, objects":   {`{"a":` + strings.Repeat(`{"a":`, 100_000), "nested deeper"},
		"control character":       {"{\"a\":\"\x00\"}", "unexpected byte 0x00"},
		"trailing comma":          {`{"version":4,}`, "unexpected '}'"},
		"wrong bracket":           {`{"a":[1}`, "unexpected '}'"},
	} {
		for _, piece := range []int{1, 1 << 20} {
			if _, err := scan([]byte(c.state), piece); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, pieces of %d: error = %v, want one with %q", name, piece, err, c.want)
			}
		}
	}
}

func TestAddresses(t *testing.T) {
	for want, r := range map[string]Resource{
		`aws_instance.a["k"]`:                {Type: "aws_instance", Name: "a"},
		`m["x"].n.data.aws_ami.b["k"]`:       {Module: `module.m["x"].module.n`, Data: true, Type: "aws_ami", Name: "b"},
		`m["a.module.b\".module."].t.a["k"]`: {Module: `module.m["a.module.b\".module."]`, Type: "t", Name: "a"},
	} {
		if got := r.Address(`"k"`); got != want {
			t.Errorf("Address = %s, want %s", got, want)
		}
	}
	if got := (Resource{Type: "t", Name: "a"}).Address(""); got != "t.a" {
		t.Errorf("Address without a key = %s, want t.a", got)
	}
}

func TestProviderNames(t *testing.T) {
	for provider, want := range map[string]string{`provider["registry.opentofu.org/hashicorp/null"]`: "hashicorp/null", `module.m.provider["example.com:8443/a/b"].west`: "a/b",
		`provider["terraform.io/builtin/terraform"]`: "builtin/terraform", "provider.aws": "provider.aws", "": ""} {
		if got := (Resource{Provider: provider}).ProviderName(); got != want {
			t.Errorf("ProviderName of %s = %q, want %q", provider, got, want)
		}
	}
}

func TestSerialIsReplaced(t *testing.T) {
	s, err := scan([]byte(example), 10)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(s.WithSerial(strings.NewReader(example), 123456))
	if want := strings.Replace(example, "17", "123456", 1); err != nil || string(got) != want {
		t.Errorf("WithSerial = %s, %v; want %s", got, err, want)
	}
}

func TestEncryptedStateIsAState(t *testing.T) {
	got, err := scan([]byte(`{"serial":3,"lineage":"l","meta":{"key_provider":"x"},"encrypted_data":"AAAA","encryption_version":"v0"}`), 5)
	if err != nil || !got.Encrypted || got.Serial != 3 || got.Lineage != "l" {
		t.Errorf("State = %+v, %v; want encrypted, serial 3, lineage l", got, err)
	}
}

func TestBigOutputIsKnownByNameOnly(t *testing.T) {
	state := fmt.Sprintf(`{"version":4,"serial":1,"outputs":{"big":{"value":%q,"type":"string"},"small":{"value":1,"type":"number"}}}`, strings.Repeat("x", MaxOutput))
	got, err := scan([]byte(state), 1<<16)
	if err != nil {
		t.Fatal(err)
	}
	want := []Output{{Name: "big", Sensitive: true}, {Name: "small", Type: json.RawMessage(`"number"`), Value: json.RawMessage(`1`)}}
	if diff := cmp.Diff(want, got.Outputs); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
}

func TestKindsOfOutputs(t *testing.T) {
	for typ, want := range map[string]string{`"string"`: "string", `"number"`: "number", `"bool"`: "bool", `["list","string"]`: "array",
		`["set","string"]`: "array", `["tuple",[]]`: "array", `["map","string"]`: "object", `["object",{}]`: "object", `"dynamic"`: "dynamic", ``: "", `[]`: "", `[1]`: ""} {
		if got := (Output{Type: json.RawMessage(typ)}).Kind(); got != want {
			t.Errorf("Kind of %s = %q, want %q", typ, got, want)
		}
	}
}

// reference is a state as encoding/json reads it.
type reference struct {
	Version          int    `json:"version"`
	TerraformVersion string `json:"terraform_version"`
	Serial           int64  `json:"serial"`
	Lineage          string `json:"lineage"`
	Outputs          map[string]struct {
		Sensitive bool            `json:"sensitive"`
		Type      json.RawMessage `json:"type"`
		Value     json.RawMessage `json:"value"`
	} `json:"outputs"`
	Resources []struct {
		Module, Mode, Type, Name, Provider string
		Instances                          []map[string]any
	} `json:"resources"`
	Noise any `json:"noise"`
}

// value draws any JSON value.
func value(depth int) *rapid.Generator[any] {
	scalars := []*rapid.Generator[any]{rapid.String().AsAny(), rapid.Float64Range(-1e15, 1e15).AsAny(), rapid.Bool().AsAny(), rapid.Just[any](nil)}
	if depth > 0 {
		scalars = append(scalars, rapid.SliceOfN(value(depth-1), 0, 4).AsAny(), rapid.MapOfN(rapid.String(), value(depth-1), 0, 4).AsAny())
	}
	return rapid.OneOf(scalars...)
}

// noNUL draws a name.
var noNUL = rapid.String().Filter(func(s string) bool { return !strings.Contains(s, "\x00") })

func TestScannerAgreesWithEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var ref reference
		ref.Version, ref.Serial = rapid.IntRange(1, 9).Draw(t, "version"), rapid.Int64Range(0, 1<<62).Draw(t, "serial")
		ref.Lineage, ref.TerraformVersion = noNUL.Draw(t, "lineage"), noNUL.Draw(t, "engine")
		ref.Noise = value(3).Draw(t, "noise")
		state := map[string]any{"version": ref.Version, "serial": ref.Serial, "lineage": ref.Lineage, "terraform_version": ref.TerraformVersion, "noise": ref.Noise}
		outs := map[string]any{}
		for _, name := range rapid.SliceOfN(noNUL, 0, 4).Draw(t, "outputs") {
			outs[name] = map[string]any{"value": value(2).Draw(t, "value"), "type": value(1).Draw(t, "type"), "sensitive": rapid.Bool().Draw(t, "sensitive")}
		}
		state["outputs"] = outs
		res := []any{}
		for range rapid.IntRange(0, 4).Draw(t, "resources") {
			one := map[string]any{"mode": rapid.SampledFrom([]string{"managed", "data"}).Draw(t, "mode"), "type": noNUL.Draw(t, "type"),
				"name": noNUL.Draw(t, "name"), "provider": noNUL.Draw(t, "provider"), "module": noNUL.Draw(t, "module"), "more": value(2).Draw(t, "more")}
			inst := []any{}
			for range rapid.IntRange(0, 4).Draw(t, "instances") {
				i := map[string]any{"attributes": value(2).Draw(t, "attributes")}
				switch rapid.IntRange(0, 2).Draw(t, "key") {
				case 1:
					i["index_key"] = rapid.IntRange(0, 1000).Draw(t, "number")
				case 2:
					i["index_key"] = noNUL.Draw(t, "text")
				}
				if rapid.Bool().Draw(t, "deposed") {
					i["deposed"] = "00000000"
				}
				inst = append(inst, i)
			}
			one["instances"] = inst
			res = append(res, one)
		}
		state["resources"] = res
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		if rapid.Bool().Draw(t, "indented") {
			enc.SetIndent("", "  ")
		}
		if err := enc.Encode(state); err != nil {
			t.Fatal(err)
		}
		got, err := scan(b.Bytes(), rapid.IntRange(1, 40).Draw(t, "piece"))
		if err != nil {
			t.Fatalf("State = %v of %s", err, b.String())
		}
		compare(t, b.Bytes(), got)
	})
}

// compare tells where the scanner and encoding/json differ about a state.
func compare(t interface{ Errorf(string, ...any) }, b []byte, got State) {
	var want reference
	if err := json.Unmarshal(b, &want); err != nil {
		t.Errorf("encoding/json refuses what the scanner takes: %v: %q", err, b)
		return
	}
	if got.Version != want.Version || got.Serial != want.Serial || got.Lineage != want.Lineage || got.TerraformVersion != want.TerraformVersion {
		t.Errorf("State = %+v, want %+v", got, want)
	}
	if digits := string(b[got.SerialAt:got.SerialEnd]); digits != fmt.Sprint(want.Serial) {
		t.Errorf("the serial is said to be %q, want %d", digits, want.Serial)
	}
	if len(got.Outputs) != len(want.Outputs) || len(got.Resources) != len(want.Resources) {
		t.Errorf("%d outputs and %d resources, want %d and %d", len(got.Outputs), len(got.Resources), len(want.Outputs), len(want.Resources))
		return
	}
	for _, o := range got.Outputs {
		w := want.Outputs[o.Name]
		if o.Sensitive != w.Sensitive || string(o.Value) != string(w.Value) || string(o.Type) != string(w.Type) {
			t.Errorf("output %+v, want %+v", o, w)
		}
	}
	for i, r := range got.Resources {
		w := want.Resources[i]
		want := Resource{Module: w.Module, Data: w.Mode == "data", Type: w.Type, Name: w.Name, Provider: w.Provider}
		for _, inst := range w.Instances {
			if _, ok := inst["deposed"]; ok {
				continue
			}
			key := ""
			switch k := inst["index_key"].(type) {
			case string:
				key = strconv.Quote(k)
			case float64:
				key = strconv.Itoa(int(k))
			}
			want.Keys = append(want.Keys, key)
		}
		if !cmp.Equal(r, want) {
			t.Errorf("resource %d = %+v, want %+v", i, r, want)
		}
	}
}

// FuzzScanner checks that pieces do not matter, that nothing panics, and that what
// the scanner takes is JSON.
func FuzzScanner(f *testing.F) {
	f.Add([]byte(example), 3)
	f.Add([]byte(`{"version":4,"serial":0,"outputs":{"a":{"value":"\ud800"}}}`), 1)
	f.Add([]byte(`{"serial":1,"encryption_version":"v0","x":-0.1E+2}`), 2)
	f.Fuzz(func(t *testing.T, b []byte, piece int) {
		whole, err := scan(b, len(b)+1)
		pieces, err2 := scan(b, 1+max(0, piece)%64)
		if (err == nil) != (err2 == nil) || !cmp.Equal(whole, pieces) {
			t.Fatalf("whole = %+v, %v; in pieces = %+v, %v", whole, err, pieces, err2)
		}
		if err == nil && !json.Valid(b) {
			t.Fatalf("%q is no JSON", b)
		}
	})
}

func BenchmarkScanner(b *testing.B) {
	state := bigState(5 << 20)
	b.SetBytes(int64(len(state)))
	for b.Loop() {
		if _, err := scan(state, 64<<10); err != nil {
			b.Fatal(err)
		}
	}
}

// bigState makes a state of about the given size.
func bigState(size int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"version":4,"terraform_version":"1.12.6","serial":1,"lineage":"l","outputs":{},"resources":[`)
	for i := 0; b.Len() < size; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"mode":"managed","type":"aws_instance","name":"n%d","provider":"provider[\"registry.opentofu.org/hashicorp/aws\"]","instances":[{"schema_version":1,`+
			`"attributes":{"arn":"arn:aws:ec2:eu-west-1:123456789012:instance/i-%016x","tags":{"Name":"n%d"},"user_data":"%s","ebs":[{"size":8}]}}]}`, i, i, i, strings.Repeat("abcdefgh", 40))
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

package adopt_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"pgregory.net/rapid"

	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/remedies/adopt"
)

// value decodes JSON as findings have it; "" is none.
func value(t interface{ Fatal(...any) }, text string) any {
	if text == "" {
		return nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(text, err)
	}
	return v
}

// files takes "== name" lines apart.
func files(text string) map[string][]byte {
	out := map[string][]byte{}
	for part := range strings.SplitSeq("\n"+text, "\n== ") {
		name, content, ok := strings.Cut(part, "\n")
		if ok && strings.TrimSpace(name) != "" {
			out[strings.TrimSpace(name)] = []byte(content)
		}
	}
	return out
}

// edited is a case: what the code is, what changed, and what the code becomes or why not.
type edited struct {
	name, code, address, path string
	kind                      classify.Kind
	wanted, real              string
	want                      string // code, or "! reason"
}

var cases = []edited{
	{"a text", "== main.tf\nresource \"a_b\" \"c\" {\n  size  = \"t3\" # small\n  other = 1\n}\n", "a_b.c", "size", "", `"t3"`, `"m5"`,
		"== main.tf\nresource \"a_b\" \"c\" {\n  size  = \"m5\" # small\n  other = 1\n}\n"},
	{"a number", "== main.tf\nresource \"a_b\" \"c\" {\n  n=14\n}\n", "a_b.c", "n", "", `14`, `1`, "== main.tf\nresource \"a_b\" \"c\" {\n  n=1\n}\n"},
	{"a number that is a text", "== main.tf\nresource \"a_b\" \"c\" {\n  n = 14\n}\n", "a_b.c", "n", "", `"14"`, `"15"`, "== main.tf\nresource \"a_b\" \"c\" {\n  n = 15\n}\n"},
	{"a truth", "== main.tf\nresource \"a_b\" \"c\" {\n  on = (true)\n}\n", "a_b.c", "on", "", `true`, `false`, "== main.tf\nresource \"a_b\" \"c\" {\n  on = (false)\n}\n"},
	{"unset", "== main.tf\nresource \"a_b\" \"c\" {\n  x = 1\n  on = true # yes\n  y = 2\n}\n", "a_b.c", "on", "", `true`, ``, "== main.tf\nresource \"a_b\" \"c\" {\n  x = 1\n  y = 2\n}\n"},
	{"added", "== main.tf\nresource \"a_b\" \"c\" {\n  name  = 1\n\n  blk {\n    x = 1\n  }\n}\n", "a_b.c", "acl", "", ``, `"public"`,
		"== main.tf\nresource \"a_b\" \"c\" {\n  name  = 1\n  acl   = \"public\"\n\n  blk {\n    x = 1\n  }\n}\n"},
	{"added to nothing", "== main.tf\nresource \"a_b\" \"c\" {}\n", "a_b.c", "acl", "", ``, `"${x}"`, "== main.tf\nresource \"a_b\" \"c\" {\n  acl = \"$${x}\"\n}\n"},
	{"added to one line", "== main.tf\nresource \"a_b\" \"c\" { name = 1 }\n", "a_b.c", "acl", "", ``, `true`, "== main.tf\nresource \"a_b\" \"c\" {\n  name = 1\n  acl  = true\n}\n"},
	{"an entry", "== main.tf\nresource \"a_b\" \"c\" {\n  tags = { a = \"1\", \"b c\" : \"2\" }\n}\n", "a_b.c", `tags["b c"]`, "", `"2"`, `"3"`,
		"== main.tf\nresource \"a_b\" \"c\" {\n  tags = { a = \"1\", \"b c\" : \"3\" }\n}\n"},
	{"an entry more", "== main.tf\nresource \"a_b\" \"c\" {\n  tags = {\n    alpha = \"1\" # x\n  }\n}\n", "a_b.c", `tags.own`, "", ``, `"eve"`,
		"== main.tf\nresource \"a_b\" \"c\" {\n  tags = {\n    alpha = \"1\" # x\n    own   = \"eve\"\n  }\n}\n"},
	{"an entry more on one line", "== main.tf\nresource \"a_b\" \"c\" {\n  tags = { a = \"1\" }\n}\n", "a_b.c", `tags.for`, "", ``, `"e"`,
		"== main.tf\nresource \"a_b\" \"c\" {\n  tags = { a = \"1\", \"for\" = \"e\" }\n}\n"},
	{"the first entry", "== main.tf\nresource \"a_b\" \"c\" {\n  name = 1\n}\n", "a_b.c", `tags["a b"]`, "", ``, `"e"`,
		"== main.tf\nresource \"a_b\" \"c\" {\n  name = 1\n  tags = { \"a b\" = \"e\" }\n}\n"},
	{"an entry less", "== main.tf\nresource \"a_b\" \"c\" {\n  tags = { a = \"1\", b = \"2\", c = \"3\" }\n}\n", "a_b.c", `tags.b`, "", `"2"`, ``,
		"== main.tf\nresource \"a_b\" \"c\" {\n  tags = { a = \"1\", c = \"3\" }\n}\n"},
	{"the last entry less", "== main.tf\nresource \"a_b\" \"c\" {\n  tags = {\n    a = \"1\"\n    b = \"2\" // gone\n  }\n}\n", "a_b.c", `tags.b`, "", `"2"`, ``,
		"== main.tf\nresource \"a_b\" \"c\" {\n  tags = {\n    a = \"1\"\n  }\n}\n"},
	{"merged", "== main.tf\nresource \"a_b\" \"c\" {\n  tags = merge(local.all, {\n    a = \"1\"\n  })\n}\n", "a_b.c", `tags.a`, "", `"1"`, `"2"`,
		"== main.tf\nresource \"a_b\" \"c\" {\n  tags = merge(local.all, {\n    a = \"2\"\n  })\n}\n"},
	{"merged before", "== main.tf\nresource \"a_b\" \"c\" {\n  tags = merge(local.all, { a = \"1\" })\n}\n", "a_b.c", `tags.z`, "", `"1"`, `"2"`, "! The value comes from an earlier argument of merge."},
	{"a list", "== main.tf\nresource \"a_b\" \"c\" {\n  l = [\n    \"a\",\n    \"b\",\n  ]\n}\n", "a_b.c", `l`, "", `["a","b"]`, `["b"]`,
		"== main.tf\nresource \"a_b\" \"c\" {\n  l = [\n    \"b\",\n  ]\n}\n"},
	{"a list with a reference", "== main.tf\nresource \"a_b\" \"c\" {\n  l = [a_z.y.id, \"b\"]\n}\n", "a_b.c", `l`, "", `["x","b"]`, `["x","b","c"]`,
		"== main.tf\nresource \"a_b\" \"c\" {\n  l = [a_z.y.id, \"b\", \"c\"]\n}\n"},
	{"a list whose reference goes", "== main.tf\nresource \"a_b\" \"c\" {\n  l = [a_z.y.id, \"b\"]\n}\n", "a_b.c", `l`, "", `["x","b"]`, `["b"]`, "! The code refers to a_z.y.id."},
	{"a block", "== main.tf\nresource \"a_b\" \"c\" {\n  act {\n    t = \"a\"\n  }\n  act {\n    t = \"b\"\n  }\n}\n", "a_b.c", `act[1].t`, "", `"b"`, `"c"`,
		"== main.tf\nresource \"a_b\" \"c\" {\n  act {\n    t = \"a\"\n  }\n  act {\n    t = \"c\"\n  }\n}\n"},
	{"a block in a block", "== main.tf\nresource \"a_b\" \"c\" {\n  act {\n    head { v = 1 }\n  }\n}\n", "a_b.c", `act[0].head[0].v`, "", `1`, `2`,
		"== main.tf\nresource \"a_b\" \"c\" {\n  act {\n    head { v = 2 }\n  }\n}\n"},
	{"blocks more", "== main.tf\nresource \"a_b\" \"c\" {\n  in {\n    p = 1\n  }\n}\n", "a_b.c", `in`, "", `[{"p":1,"q":null}]`, `[{"p":1,"q":null},{"p":22,"q":["x"]}]`,
		"== main.tf\nresource \"a_b\" \"c\" {\n  in {\n    p = 1\n  }\n  in {\n    p = 22\n    q = [\"x\"]\n  }\n}\n"},
	{"blocks less", "== main.tf\nresource \"a_b\" \"c\" {\n  in {\n    p = 1\n  }\n\n  in {\n    p = 2\n  }\n\n  z {}\n}\n", "a_b.c", `in`, "", `[{"p":2},{"p":1}]`, `[{"p":1}]`,
		"== main.tf\nresource \"a_b\" \"c\" {\n  in {\n    p = 1\n  }\n\n  z {}\n}\n"},
	{"a block of a set", "== main.tf\nresource \"a_b\" \"c\" {\n  in {\n    p = 1\n    q = var.q\n    r = \"a\"\n  }\n  in {\n    p = 2\n  }\n}\n", "a_b.c", `in`, "", `[{"p":2},{"p":1,"q":"z","r":"a"}]`, `[{"p":1,"q":"z","r":"b"},{"p":2}]`,
		"== main.tf\nresource \"a_b\" \"c\" {\n  in {\n    p = 1\n    q = var.q\n    r = \"b\"\n  }\n  in {\n    p = 2\n  }\n}\n"},
	{"the first block", "== main.tf\nresource \"a_b\" \"c\" {\n  name = 1\n}\n", "a_b.c", `in`, "", ``, `[{"p":1,"n":[{"x":"y"}]}]`,
		"== main.tf\nresource \"a_b\" \"c\" {\n  name = 1\n  in {\n    p = 1\n    n {\n      x = \"y\"\n    }\n  }\n}\n"},
	{"dynamic", "== main.tf\nresource \"a_b\" \"c\" {\n  dynamic \"in\" {\n    for_each = [1]\n    content {}\n  }\n}\n", "a_b.c", `in[0].p`, "", `1`, `2`, "! The code makes its blocks with dynamic."},
	{"a document", "== main.tf\nresource \"a_b\" \"c\" {\n  p = jsonencode({\n    V = \"1\"\n    S = [{ A = [\"x\"], R = a_z.y.arn }]\n  })\n}\n", "a_b.c", `p`, "",
		`"{\"V\":\"1\",\"S\":[{\"A\":[\"x\"],\"R\":\"arn\"}]}"`, `"{\"S\":[{\"R\":\"arn\",\"A\":[\"y\",\"z\"],\"E\":true}],\"V\":\"1\"}"`,
		"== main.tf\nresource \"a_b\" \"c\" {\n  p = jsonencode({\n    V = \"1\"\n    S = [{ A = [\"y\", \"z\"], R = a_z.y.arn, E = true }]\n  })\n}\n"},
	{"a document whose reference goes", "== main.tf\nresource \"a_b\" \"c\" {\n  p = jsonencode({ R = a_z.y.arn })\n}\n", "a_b.c", `p`, "", `"{\"R\":\"arn\"}"`, `"{\"R\":\"other\"}"`, "! The code refers to a_z.y.arn."},
	{"lines", "== main.tf\nresource \"a_b\" \"c\" {\n  u = <<EOT\nold\nEOT\n  x = 1\n}\n", "a_b.c", `u`, "", `"old\n"`, `"new\n${x}\n"`, "== main.tf\nresource \"a_b\" \"c\" {\n  u = <<EOT\nnew\n$${x}\nEOT\n  x = 1\n}\n"},
	{"lines without an end", "== main.tf\nresource \"a_b\" \"c\" {\n  u = <<-EOT\n    old\n  EOT\n  x = 1\n}\n", "a_b.c", `u`, "", `"old\n"`, `"new"`, "== main.tf\nresource \"a_b\" \"c\" {\n  u = \"new\"\n  x = 1\n}\n"},
	{"a variable", "== main.tf\nvariable \"s\" {\n  default = \"a\"\n}\nresource \"a_b\" \"c\" {\n  size = var.s\n}\n", "a_b.c", `size`, "", `"a"`, `"b"`,
		"== main.tf\nvariable \"s\" {\n  default = \"b\"\n}\nresource \"a_b\" \"c\" {\n  size = var.s\n}\n"},
	{"a file of variables", "== main.tf\nvariable \"s\" {\n  default = \"a\"\n}\nresource \"a_b\" \"c\" {\n  tags = var.s\n}\n== terraform.tfvars\ns = { x = \"1\" }\n", "a_b.c", `tags.x`, "", `"1"`, `"2"`,
		"== main.tf\nvariable \"s\" {\n  default = \"a\"\n}\nresource \"a_b\" \"c\" {\n  tags = var.s\n}\n== terraform.tfvars\ns = { x = \"2\" }\n"},
	{"a variable of two", "== main.tf\nvariable \"s\" {\n  default = \"a\"\n}\nresource \"a_b\" \"c\" {\n  size = var.s\n}\noutput \"o\" {\n  value = var.s\n}\n", "a_b.c", `size`, "", `"a"`, `"b"`, "! The code refers to var.s, which is used in 2 places."},
	{"a variable from elsewhere", "== main.tf\nvariable \"s\" {\n  default = \"a\"\n}\nresource \"a_b\" \"c\" {\n  size = var.s\n}\n", "a_b.c", `size`, "", `"x"`, `"b"`, "! The code says something else than the plan wanted: it has changed since, or the value comes from elsewhere."},
	{"a local value", "== main.tf\nlocals {\n  s = { t = [\"a\"] }\n}\nresource \"a_b\" \"c\" {\n  size = local.s.t[0]\n}\n", "a_b.c", `size`, "", `"a"`, `"b"`,
		"== main.tf\nlocals {\n  s = { t = [\"b\"] }\n}\nresource \"a_b\" \"c\" {\n  size = local.s.t[0]\n}\n"},
	{"a reference", "== main.tf\nresource \"a_b\" \"c\" {\n  size = a_z.y.size\n}\n", "a_b.c", `size`, "", `"a"`, `"b"`, "! The code refers to a_z.y.size."},
	{"a function", "== main.tf\nresource \"a_b\" \"c\" {\n  size = lower(\"A\")\n}\n", "a_b.c", `size`, "", `"a"`, `"b"`, "! The code calls lower."},
	{"a template", "== main.tf\nresource \"a_b\" \"c\" {\n  size = \"x-${var.a}\"\n}\n", "a_b.c", `size`, "", `"a"`, `"b"`, "! The code is a template."},
	{"a provider's default", "== main.tf\nresource \"a_b\" \"c\" {}\n", "a_b.c", `size`, "", `"a"`, `"b"`, "! The code does not say it, and yet the plan wanted a value: a default of the provider."},
	{"count", "== main.tf\nresource \"a_b\" \"c\" {\n  count = 2\n  size = \"a\"\n}\n", "a_b.c[0]", `size`, "", `"a"`, `"b"`, "! a_b.c has count: an edit may change other objects too."},
	{"a count of one", "== main.tf\nresource \"a_b\" \"c\" {\n  count = 1\n  size = \"a\"\n}\n", "a_b.c[0]", `size`, "", `"a"`, `"b"`, "== main.tf\nresource \"a_b\" \"c\" {\n  count = 1\n  size = \"b\"\n}\n"},
	{"for_each", "== main.tf\nresource \"a_b\" \"c\" {\n  for_each = var.x\n  size = \"a\"\n}\n", `a_b.c["x"]`, `size`, "", `"a"`, `"b"`, "! a_b.c has for_each: an edit may change other objects too."},
	{"for each of one", "== main.tf\nresource \"a_b\" \"c\" {\n  for_each = toset([\"x\\\"y\"])\n  size = \"a\"\n}\n", `a_b.c["x\"y"]`, `size`, "", `"a"`, `"b"`,
		"== main.tf\nresource \"a_b\" \"c\" {\n  for_each = toset([\"x\\\"y\"])\n  size = \"b\"\n}\n"},
	{"a module", "== main.tf\nmodule \"m\" {\n  source = \"./mod\"\n  s = \"a\"\n}\n== mod/main.tf\nvariable \"s\" {}\nresource \"a_b\" \"c\" {\n  size = var.s\n  n = 1\n}\n", "module.m.a_b.c", `size`, "", `"a"`, `"b"`,
		"== main.tf\nmodule \"m\" {\n  source = \"./mod\"\n  s = \"b\"\n}\n== mod/main.tf\nvariable \"s\" {}\nresource \"a_b\" \"c\" {\n  size = var.s\n  n = 1\n}\n"},
	{"a module of two", "== main.tf\nmodule \"m\" {\n  source = \"./mod\"\n}\nmodule \"n\" {\n  source = \"./mod\"\n}\n== mod/main.tf\nresource \"a_b\" \"c\" {\n  n = 1\n}\n", "module.m.a_b.c", `n`, "", `1`, `2`, "! The module in mod is used more than once: an edit would change other objects too."},
	{"a module from elsewhere", "== main.tf\nmodule \"m\" {\n  source = \"acme/m/aws\"\n}\n", "module.m.a_b.c", `n`, "", `1`, `2`, "! module.m is not in this repository."},
	{"a module with for_each", "== main.tf\nmodule \"m\" {\n  source = \"./mod\"\n  for_each = var.z\n}\n== mod/main.tf\nresource \"a_b\" \"c\" {\n  n = 1\n}\n", `module.m["a"].a_b.c`, `n`, "", `1`, `2`, "! module.m has for_each: an edit may change other objects too."},
	{"deleted", "== main.tf\nvariable \"x\" {}\n\nresource \"a_b\" \"c\" {\n  n = 1\n}\n\nresource \"a_b\" \"d\" {}\n", "a_b.c", ``, classify.Deleted, ``, ``, "== main.tf\nvariable \"x\" {}\n\nresource \"a_b\" \"d\" {}\n"},
	{"deleted and used", "== main.tf\nresource \"a_b\" \"c\" {\n  n = 1\n}\noutput \"o\" {\n  value = a_b.c.id\n}\n", "a_b.c", ``, classify.Deleted, ``, ``, "! The code refers to a_b.c in 1 other places."},
	{"changed in the code as well", "== main.tf\nresource \"a_b\" \"c\" {\n  n = 1\n}\n", "a_b.c", `n`, classify.DriftConfig, `1`, `2`, "! The code wants another value than the one that was applied: apply that, or take it back first."},
	{"fed", "== main.tf\nresource \"a_b\" \"c\" {}\n", "a_b.c", `n`, classify.Feeds, ``, `2`, "! It is no part of the code: the provider computes it."},
	{"too long", "== main.tf\nresource \"a_b\" \"c\" {\n  n = 1\n}\n", "a_b.c", `n`, "", `1`, `"(0123abcd, too long to show) x"`, "! Its value is too long to be kept."},
	{"an override", "== main.tf\nresource \"a_b\" \"c\" {\n  n = 1\n}\n== z_override.tf\nresource \"a_b\" \"c\" {\n  n = 1\n}\n", "a_b.c", `n`, "", `1`, `2`, "! a_b.c is in the code more than once."},
	{"JSON", "== main.tf.json\n{\"resource\":{\"a_b\":{\"c\":{}}}}\n", "a_b.c", `n`, "", `1`, `2`, "! a_b.c is in no file of the root folder that can be edited."},
	{"broken code", "== main.tf\nresource \"a_b\" \"c\" {\n  n = 1\n}\n== broken.tf\nresource {\n", "a_b.c", `n`, "", `1`, `2`, "! broken.tf is not valid: nothing in its module can be edited."},
	{"OpenTofu's file", "== main.tf\nresource \"a_b\" \"c\" {\n  n = 0\n}\n== main.tofu\nresource \"a_b\" \"c\" {\n  n = 1\n}\n", "a_b.c", `n`, "", `1`, `2`, "== main.tf\nresource \"a_b\" \"c\" {\n  n = 0\n}\n== main.tofu\nresource \"a_b\" \"c\" {\n  n = 2\n}\n"},
	{"lines of Windows", "== main.tf\nresource \"a_b\" \"c\" {\r\n  tags = {\r\n    a = \"1\"\r\n  }\r\n}\r\n", "a_b.c", `tags.b`, "", ``, `"2"`, "== main.tf\nresource \"a_b\" \"c\" {\r\n  tags = {\r\n    a = \"1\"\r\n    b = \"2\"\r\n  }\r\n}\r\n"},
	{"said already", "== main.tf\nresource \"a_b\" \"c\" {\n  l = [\"a\", \"b\"]\n}\n", "a_b.c", `l`, "", `["a","b"]`, `["a","b"]`, "! The code says so already."},
}

func (c edited) run(t interface{ Fatal(...any) }) (map[string][]byte, adopt.Result) {
	before := files(c.code)
	kind := c.kind
	if kind == "" {
		kind = classify.Drift
	}
	wanted := value(t, c.wanted)
	return before, adopt.Run(adopt.Code{Files: before, Folder: ".", Tofu: true}, []adopt.Finding{{ID: "1", Address: c.address, Path: c.path, Kind: kind, Recorded: wanted, Real: value(t, c.real), Wanted: wanted}})
}

func TestEdits(t *testing.T) {
	for _, c := range cases {
		before, got := c.run(t)
		if why, refused := strings.CutPrefix(c.want, "! "); refused {
			if got.Outcomes[0].Reason != why || len(got.Files) != 0 {
				t.Errorf("%s: %+v %s, want the reason %q", c.name, got.Outcomes, got.Files, why)
			}
			continue
		}
		after := map[string]string{}
		for name, b := range before {
			after[name] = string(b)
		}
		for name, b := range got.Files {
			after[name] = string(b)
		}
		want := map[string]string{}
		for name, b := range files(c.want) {
			want[name] = string(b)
		}
		if diff := cmp.Diff(want, after); diff != "" || got.Outcomes[0].Reason != "" {
			t.Errorf("%s: %+v (-want +got):\n%s", c.name, got.Outcomes, diff)
		}
	}
}

func TestWhatIsMaskedIsNeverWritten(t *testing.T) {
	got := adopt.Run(adopt.Code{Files: files("== main.tf\nresource \"a_b\" \"c\" {\n  p = \"x\"\n}\n"), Folder: "."},
		[]adopt.Finding{{Address: "a_b.c", Path: "p", Kind: classify.Drift, Masked: true, Real: "s3cret", Wanted: "x"}})
	if len(got.Files) != 0 || got.Outcomes[0].Reason == "" {
		t.Errorf("Run = %+v, want nothing", got)
	}
}

func TestFindingsAreAdoptedTogether(t *testing.T) {
	code := files("== net/main.tf\nresource \"a_b\" \"c\" {\n  name = \"n\"\n}\n")
	drift := func(id, path string, real any) adopt.Finding {
		return adopt.Finding{ID: id, Address: "a_b.c", Path: path, Kind: classify.Drift, Real: real}
	}
	got := adopt.Run(adopt.Code{Files: code, Folder: "net"}, []adopt.Finding{drift("1", "tags.a", "1"), drift("2", "tags.b", "2"), drift("3", "size", json.Number("3")), {ID: "4", Address: "a_b.none", Path: "x", Kind: classify.Drift, Real: "1"}})
	want := "resource \"a_b\" \"c\" {\n  name = \"n\"\n  tags = { a = \"1\", b = \"2\" }\n  size = 3\n}\n"
	if string(got.Files["net/main.tf"]) != want || got.Adopted() != 3 || got.Outcomes[3].Reason != "a_b.none is in no file of net that can be edited." || got.Outcomes[0].File != "net/main.tf" || got.Outcomes[0].Line != 2 {
		t.Errorf("Run = %s %+v, want %s", got.Files["net/main.tf"], got.Outcomes, want)
	}
	if string(code["net/main.tf"]) == want {
		t.Error("Run changes what it is given")
	}
}

// evaluated is the value of an attribute of the first block.
func evaluated(t *rapid.T, src []byte, name string) (any, bool) {
	f, diags := hclsyntax.ParseConfig(src, "main.tf", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%s\n%s", diags, src)
	}
	a := f.Body.(*hclsyntax.Body).Blocks[0].Body.Attributes[name]
	if a == nil {
		return nil, false
	}
	v, diags := a.Expr.Value(nil)
	if diags.HasErrors() {
		t.Fatalf("%s\n%s", diags, src)
	}
	if v.Type().FriendlyName() != "string" {
		return nil, false
	}
	return v.AsString(), true
}

// TestAnyTextIsWrittenAsItIs: whatever the value, the code evaluates to it, and nothing but
// the expression has changed.
func TestAnyTextIsWrittenAsItIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringMatching(`[\x00-\x7f¡-ſ€😀\x{2028}]{0,20}`), rapid.StringMatching(`[$%{}"\\n \t\n~-]{0,12}`)).Draw(t, "text") // the language composes letters and accents
		before := rapid.SampledFrom([]string{"x", "# a\n\n", "\t", "a = 1\n  /* b */ "}).Draw(t, "before")
		head := "# " + strings.ReplaceAll(before, "\n", "") + "\nresource \"a\" \"b\" {\n" + rapid.SampledFrom([]string{"", "  z   = 1\n", "\n\n", "  y {}\n"}).Draw(t, "body") + "  v" + rapid.SampledFrom([]string{"=", " = ", "   =  "}).Draw(t, "equals")
		tail := rapid.SampledFrom([]string{"\n}\n", " # c\n}", "  \n\n  w=1\n}\n\n\nlocals{}"}).Draw(t, "tail")
		code := map[string][]byte{"main.tf": []byte(head + `"old"` + tail)}
		got := adopt.Run(adopt.Code{Files: code, Folder: "."}, []adopt.Finding{{Address: "a.b", Path: "v", Kind: classify.Drift, Real: text, Wanted: "old"}})
		after := string(got.Files["main.tf"])
		if !strings.HasPrefix(after, head) || !strings.HasSuffix(after, tail) {
			t.Fatalf("%+v\n%s\nwant it to begin with\n%s\nand to end with\n%s", got.Outcomes, after, head, tail)
		}
		if v, ok := evaluated(t, []byte(after), "v"); !ok || v != text {
			t.Fatalf("v = %q, want %q in\n%s", v, text, after)
		}
	})
}

// FuzzCode feeds code that strangers wrote.
func FuzzCode(f *testing.F) {
	for _, c := range cases {
		f.Add(c.code, c.address, c.path, c.wanted, c.real)
	}
	for _, hostile := range []string{"== main.tf\n" + strings.Repeat("[", 100_000), "== main.tf\nresource \"a_b\" \"c\" {\n  n = " + strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000) + "\n}\n",
		"== main.tf\nresource \"a_b\" \"c\" {\n  n = 1" + strings.Repeat("+1", 50_000) + "\n}\n", "== main.tf\n\x00\xff", "== main.tf\nresource \"a_b\" \"c\" {\n  n = local.a\n}\nlocals {\n  a = local.b\n  b = local.a\n}\n",
		"== main.tf\nmodule \"m\" {\n  source = \"./.\"\n}\n", "== main.tf\nresource \"a_b\" \"c\" {\n  n = {for k in []: k => k}\n}\n"} {
		f.Add(hostile, "a_b.c", "n", "1", "2")
		f.Add(hostile, strings.Repeat("module.m.", 1000)+"a_b.c", "n"+strings.Repeat("[0]", 1000), "1", `[{"x":[{"y":{}}]}]`)
	}
	f.Fuzz(func(t *testing.T, code, address, path, wanted, real string) {
		var w, r any
		if json.Unmarshal([]byte(wanted), &w) != nil || json.Unmarshal([]byte(real), &r) != nil {
			return
		}
		got := adopt.Run(adopt.Code{Files: files(code), Folder: ".", Tofu: true}, []adopt.Finding{{Address: address, Path: path, Kind: classify.Drift, Real: r, Wanted: w}})
		for name, b := range got.Files {
			if _, diags := hclsyntax.ParseConfig(b, name, hcl.InitialPos); diags.HasErrors() {
				t.Errorf("%s is not valid any more: %s", name, diags)
			}
		}
		if len(got.Files) > 0 && got.Outcomes[0].Reason != "" {
			t.Errorf("a finding that is refused (%s) changes files", got.Outcomes[0].Reason)
		}
	})
}

// TestPatchesApply lets git apply what Patch writes.
func TestPatchesApply(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		line := rapid.SampledFrom([]string{"a\n", "b\n", "c\n", "\n", "d"})
		draw := func(name string) []byte {
			text := strings.Join(rapid.SliceOfN(line, 1, 25).Draw(r, name), "")
			return []byte(text)
		}
		before, after := map[string][]byte{"x/y.tf": draw("before")}, map[string][]byte{"x/y.tf": draw("after")}
		patch := adopt.Patch(before, after)
		if string(before["x/y.tf"]) == string(after["x/y.tf"]) {
			if patch != "" {
				r.Fatalf("the patch of nothing is %q", patch)
			}
			return
		}
		if n++; n > 25 { // each is a process
			return
		}
		dir := t.TempDir()
		for name, b := range map[string][]byte{"x/y.tf": before["x/y.tf"], "p.diff": []byte(patch)} {
			if err := os.MkdirAll(filepath.Join(dir, "x"), 0o700); err != nil {
				r.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
				r.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), "git", "apply", "--whitespace=nowarn", "p.diff")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			r.Fatalf("git apply: %v %s\n%s", err, out, patch)
		}
		if got, _ := os.ReadFile(filepath.Join(dir, "x/y.tf")); string(got) != string(after["x/y.tf"]) {
			r.Fatalf("the patch makes %q, want %q:\n%s", got, after["x/y.tf"], patch)
		}
	})
}

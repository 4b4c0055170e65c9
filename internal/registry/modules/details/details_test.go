package details_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/registry/modules/details"
)

// folder writes files, by their paths, into a fresh folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const network = `terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.0, < 6.0" }
    sec = { source = "registry.example.com/acme/secrets" }
  }
}
resource "aws_vpc" "this" {}
resource "aws_eip" "nat" {}
resource "random_id" "r" {}
data "aws_region" "here" {}
module "part" {
  source  = "app.example.com/acme/part/aws"
  version = "~> 1.2"
}
module "inner" { source = "./modules/inner" }
`

const variables = `variable "cidr" {
  type        = string
  description = "The range."
}
variable "azs" {
  type    = list(string)
  default = ["a", "b"]
}
variable "none" { default = null }
output "id" {
  value       = 1
  description = "Of the VPC."
}
`

func TestEverythingIsFound(t *testing.T) {
	m, err := details.Read(folder(t, map[string]string{
		"README.md":                    "# Net\n",
		"main.tf":                      network,
		"variables.tf":                 variables,
		"modules/inner/main.tf":        `variable "x" {}`,
		"modules/inner/README.md":      "inner",
		"modules/notes/text.md":        "nothing to install",
		"modules/broken/main.tf":       `variable "x" {`,
		"examples/simple/main.tf":      `module "net" { source = "../.." }`,
		"examples/simple/more/main.tf": `variable "deeper" {}`,
	}), "net")
	if err != nil {
		t.Fatal(err)
	}
	want := details.Part{
		Name: "net", Readme: "# Net\n",
		Inputs: []details.Input{{Name: "azs", Type: "list(string)", Default: `["a","b"]`}, {Name: "cidr", Type: "string", Description: "The range.", Required: true},
			{Name: "none", Default: "null"}},
		Outputs:      []details.Output{{Name: "id", Description: "Of the VPC."}},
		Dependencies: []details.Dependency{{Name: "inner", Source: "./modules/inner"}, {Name: "part", Source: "app.example.com/acme/part/aws", Version: "~> 1.2"}},
		Providers: []details.Provider{{Name: "aws", Namespace: "hashicorp", Source: "hashicorp/aws", Version: ">= 5.0, < 6.0"}, {Name: "random", Namespace: "hashicorp", Source: "hashicorp/random"},
			{Name: "sec", Namespace: "acme", Source: "registry.example.com/acme/secrets"}},
		Resources: []details.Resource{{Name: "nat", Type: "aws_eip"}, {Name: "this", Type: "aws_vpc"}, {Name: "r", Type: "random_id"}},
	}
	if diff := cmp.Diff(want, m.Root); diff != "" {
		t.Errorf("root (-want +got):\n%s", diff)
	}
	if len(m.Submodules) != 2 || m.Submodules[0].Path != "modules/broken" || !m.Submodules[0].Empty || m.Submodules[1].Name != "inner" || m.Submodules[1].Readme != "inner" || len(m.Submodules[1].Inputs) != 1 {
		t.Errorf("submodules = %+v, want inner, and broken without content", m.Submodules)
	}
	if len(m.Examples) != 1 || m.Examples[0].Path != "examples/simple" || m.Examples[0].Dependencies[0].Source != "../.." {
		t.Errorf("examples = %+v, want simple", m.Examples)
	}
	if o := m.Outline(); len(o.Submodules) != 2 || len(o.Root.Providers) != 3 {
		t.Errorf("outline = %+v", o)
	}
}

func TestOtherFormsAreRead(t *testing.T) {
	const onlyOpenTofu = `variable "x" {}
locals { v = "1.0.0" }
module "m" {
  source = "./${local.v}"
}
provider "aws" {
  alias    = "by_region"
  for_each = toset(["a"])
}
`
	for name, files := range map[string]map[string]string{
		"JSON":                    {"main.tf.json": `{"variable":{"x":{}}}`},
		"OpenTofu":                {"main.tofu": `variable "x" {}`},
		"OpenTofu first":          {"main.tf": `variable "y" {}`, "main.tofu": `variable "x" {}`},
		"OpenTofu JSON":           {"main.tofu.json": `{"variable":{"x":{}}}`},
		"with a Stack":            {"main.tf": `variable "x" {}`, "a.tfcomponent.hcl": strings.Repeat("(", 100_000)},
		"words of OpenTofu alone": {"main.tf": onlyOpenTofu},
	} {
		m, err := details.Read(folder(t, files), "m")
		if err != nil || len(m.Root.Inputs) != 1 || m.Root.Inputs[0].Name != "x" {
			t.Errorf("%s: Read = %+v, %v, want the variable x", name, m.Root, err)
		}
	}
}

func TestWhatCannotBeReadSaysWhy(t *testing.T) {
	for words, files := range map[string]map[string]string{
		"The archive holds no configuration.":                       {"README.md": "x"},
		"must be in the root of the archive, not in the folder a/b": {"a/b/main.tf": ""},
		"main.tf, line 1: ":                                         {"main.tf": `variable "x" {`},
		"a.tf.json, line 1: ":                                       {"a.tf.json": `{`},
		"brackets.tf is nested too deeply":                          {"brackets.tf": "a = " + strings.Repeat("[", 2000)},
		"unary.tf is nested too deeply":                             {"unary.tf": "a = " + strings.Repeat("! ", 3000) + "b"},
		"ternary.tf is nested too deeply":                           {"ternary.tf": "a = " + strings.Repeat("a?b:", 3000) + "c"},
		"sum.tf is nested too deeply":                               {"sum.tf": "a = 1" + strings.Repeat("+1", 3000)},
		"sums.tf is nested too deeply":                              {"sums.tf": "a = " + strings.Repeat("(", 100) + "1" + strings.Repeat(strings.Repeat("+1", 50)+")", 100)},
		"calls.tf is nested too deeply":                             {"calls.tf": "a = f(1,2)" + strings.Repeat("+f(1,2)", 3000)},
		"index.tf is nested too deeply":                             {"index.tf": "a = b" + strings.Repeat("[b]", 3000)},
		"splat.tf is nested too deeply":                             {"splat.tf": "a = b" + strings.Repeat(".*", 3000)},
		"templates.tf is nested too deeply":                         {"templates.tf": `a = "` + strings.Repeat("%{if a}", 3000) + `"`},
		"json.tf.json is nested too deeply":                         {"json.tf.json": strings.Repeat(`{"a":`, 2000)},
		"text.tf.json is nested too deeply":                         {"text.tf.json": `{"a":"${1` + strings.Repeat("+1", 3000) + `}"}`},
		"large.tf is larger than 2097152":                           {"large.tf": strings.Repeat("# x\n", 1<<20)},
		"The module has more than 16777216 bytes of configuration.": large(9),
	} {
		_, err := details.Read(folder(t, files), "m")
		var bad *details.Bad
		if !errors.As(err, &bad) || !strings.Contains(bad.Reason, words) {
			t.Errorf("Read = %v, want %q", err, words)
		}
	}
}

// large are files of 2 MB.
func large(n int) map[string]string {
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("f%d.tf", i)] = strings.Repeat("# x\n", 500_000)
	}
	return files
}

// TestWhatIsLongButFlatIsRead has what a count of bytes would take for deep.
func TestWhatIsLongButFlatIsRead(t *testing.T) {
	m, err := details.Read(folder(t, map[string]string{"main.tf": "# " + strings.Repeat("(-?", 5000) + "\n/*" + strings.Repeat("\n----- [", 5000) + "*/\n" +
		"variable \"list\" {\n  default = [" + strings.Repeat("-1, ", 20_000) + "1]\n}\n" +
		"variable \"text\" {\n  default = <<E\n" + strings.Repeat("if (a - b) { c.d.e ? [f : g\n", 5000) + "E\n}\n" +
		strings.Repeat("locals {\n  a = b.c.d.e + f(g(h.i), [j.k]) - 1\n}\n", 3000)}), "m")
	if err != nil || len(m.Root.Inputs) != 2 {
		t.Errorf("Read = %d inputs, %v; want two", len(m.Root.Inputs), err)
	}
}

func TestReadmesThatCannotBeShownAreLeftOut(t *testing.T) {
	for name, text := range map[string]string{"too large": strings.Repeat("x", 513<<10), "not text": "\xff\xfe", "NUL": "a\x00b"} {
		m, err := details.Read(folder(t, map[string]string{"main.tf": "", "README.md": text}), "m")
		if err != nil || m.Root.Readme != "" || m.Root.Empty {
			t.Errorf("%s: Read = %d bytes of README, %v; want none", name, len(m.Root.Readme), err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, src := range []string{network, variables, `variable "x" { default = [1, {a = "${b}"}] }`, "resource \"a\" \"b\" {\n  c = <<E\n%{ if x }y%{ endif }\nE\n}",
		`terraform { required_providers { a = { source = "b/c", configuration_aliases = [a.b] } } }`} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		m, err := details.Read(folder(t, map[string]string{"main.tf": src}), "m")
		var bad *details.Bad
		if err != nil && (!errors.As(err, &bad) || strings.Contains(bad.Reason, "cannot be read")) {
			t.Fatalf("Read = %v, want a reason for people that is no panic", err)
		}
		if err == nil && m.Root.Empty {
			t.Error("a folder with configuration is empty")
		}
	})
}

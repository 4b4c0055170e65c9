package repositories

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/delivery/vcs"
)

// layoutOf makes a Layout of files; "-> x" is a link.
func layoutOf(files map[string]string) *Layout {
	var entries []vcs.Entry
	contents := map[string][]byte{}
	for path, content := range files {
		mode := "100644"
		if len(content) > 3 && content[:3] == "-> " {
			mode, content = "120000", content[3:]
		}
		entries = append(entries, vcs.Entry{Path: path, Mode: mode, SHA: path, Size: int64(len(content))})
		contents[path] = []byte(content)
	}
	return newLayout(entries, contents)
}

func TestRootsAndWhatTheyNeed(t *testing.T) {
	l := layoutOf(map[string]string{
		"stacks/prod/main.tf":        `module "net" { source = "../../modules/net" }`,
		"stacks/prod/backend.tf":     `terraform { backend "s3" {} }`,
		"stacks/prod/provider.tf":    "-> ../../shared/provider.tf",
		"stacks/dev/main.tf.json":    `{"module":{"net":{"source":"../../modules/net"}},"terraform":[{"cloud":{}}]}`,
		"stacks/files/main.tofu":     "locals {\n  a = file(\"${path.module}/../../data/a.json\") # etc...\n}",
		"modules/net/main.tf":        `module "inner" { source = "./inner" }`,
		"modules/net/inner/main.tf":  `variable "x" {}`,
		"modules/alone/main.tf":      `variable "x" {}`,
		"modules/used/main.tf":       `provider "x" {}`,
		"modules/locked/main.tf":     `variable "x" {}`,
		"modules/locked/x.tfvars":    ``,
		"user/main.tf":               `module "a" { source = "../modules/used" }` + "\n" + `module "b" { source = "../modules/locked" }`,
		"shared/provider.tf":         `provider "aws" {}`,
		"data/a.json":                `{}`,
		"data/b.json":                `{}`,
		"examples/one/main.tf":       `provider "x" {}`,
		"modules/net/tests/main.tf":  `provider "x" {}`,
		".terraform/modules/main.tf": `provider "x" {}`,
		"broken/main.tf":             `resource "x" {`,
		"docs/readme.md":             ``,
	})
	if diff := cmp.Diff([]string{"broken", "modules/alone", "modules/locked", "modules/used", "shared", "stacks/dev", "stacks/files", "stacks/prod", "user"}, l.Roots()); diff != "" {
		t.Errorf("Roots (-want +got):\n%s", diff)
	}
	folders, missing := l.Expand([]string{"stacks/*", "stacks/prod", "none", "no*"})
	if diff := cmp.Diff([][]string{{"stacks/dev", "stacks/files", "stacks/prod"}, {"none", "no*"}}, [][]string{folders, missing}); diff != "" {
		t.Errorf("Expand (-want +got):\n%s", diff)
	}
	for folder, want := range map[string][]string{
		"stacks/prod":  {"modules/net", "shared/provider.tf", "stacks/prod"},
		"stacks/files": {"data/a.json", "stacks/files"},
		"user":         {"modules/locked", "modules/used", "user"},
	} {
		if diff := cmp.Diff(want, l.Needs([]string{folder})); diff != "" {
			t.Errorf("Needs(%s) (-want +got):\n%s", folder, diff)
		}
	}
	if got := layoutOf(map[string]string{"main.tf": "", "a/main.tf": `module "x" { source = "../" }`}).Needs([]string{"a"}); got != nil {
		t.Errorf("Needs of a folder that uses the root = %v, want everything", got)
	}
}

func TestEnginesThatCodeAsksFor(t *testing.T) {
	state := func(version, registry string) string {
		return `{"version":4,"terraform_version":"` + version + `","resources":[{"mode":"managed","type":"null_resource","provider":"provider[\"` + registry + `/hashicorp/null\"]"}]}`
	}
	for name, c := range map[string]struct {
		files  map[string]string
		folder string
		tool   string
		want   Engine
		fails  string
	}{
		"nothing":                  {map[string]string{"a/main.tf": ""}, "a", "", Engine{}, ""},
		"a file of OpenTofu":       {map[string]string{"a/main.tofu": ""}, "a", "", Engine{Product: "tofu", Certain: true}, ""},
		"one in a module":          {map[string]string{"a/main.tf": `module "m" { source = "../m" }`, "m/main.tofu": ""}, "a", "", Engine{Product: "tofu", Certain: true}, ""},
		"a version":                {map[string]string{"a/main.tf": "", "a/.opentofu-version": "# ours\nv1.8.2\n"}, "a", "", Engine{"tofu", true, "1.8.2", "a/.opentofu-version"}, ""},
		"a version above":          {map[string]string{"s/a/main.tf": "", ".terraform-version": "1.5.7"}, "s/a", "", Engine{"terraform", true, "1.5.7", ".terraform-version"}, ""},
		"the nearest":              {map[string]string{"s/a/main.tf": "", ".opentofu-version": "1.9.0", "s/.terraform-version": "1.5.7"}, "s/a", "", Engine{"terraform", true, "1.5.7", "s/.terraform-version"}, ""},
		"that of the other":        {map[string]string{"a/main.tf": "", ".terraform-version": "1.5.7"}, "a", "tofu", Engine{Product: "tofu", Certain: true}, ""},
		"a series":                 {map[string]string{"a/main.tf": "", ".terraform-version": "latest:^1.5"}, "a", "", Engine{"terraform", true, "~> 1.5.0", ".terraform-version"}, ""},
		"an escaped series":        {map[string]string{"a/main.tf": "", ".terraform-version": `latest:^1\.5\.`}, "a", "", Engine{"terraform", true, "~> 1.5.0", ".terraform-version"}, ""},
		"the newest":               {map[string]string{"a/main.tf": "", ".opentofu-version": "latest\n"}, "a", "", Engine{Product: "tofu", Certain: true}, ""},
		"constraints":              {map[string]string{"a/main.tf": `terraform { required_version = "~> 1.7" }` + "\n" + `module "m" { source = "../m" }`, "m/x.tf.json": `{"terraform":[{"required_version":"< 1.12"}]}`}, "a", "", Engine{"", false, "~> 1.7, < 1.12", "a/main.tf, m/x.tf.json"}, ""},
		"constraints of the other": {map[string]string{"a/main.tf": `terraform { required_version = ">= 1.3" }`, "a/main.tofu": `terraform { required_version = ">= 1.8" }`}, "a", "", Engine{"tofu", true, ">= 1.8", "a/main.tofu"}, ""},
		"a state of OpenTofu":      {map[string]string{"a/main.tf": "", "a/terraform.tfstate": state("1.10.1", "registry.opentofu.org")}, "a", "", Engine{"tofu", false, ">= 1.10.1", "a/terraform.tfstate"}, ""},
		"a state of Terraform":     {map[string]string{"a/main.tf": "terraform {\n  backend \"local\" {}\n}", "a/terraform.tfstate": state("1.11.4", "registry.terraform.io")}, "a", "", Engine{"terraform", false, ">= 1.11.4", "a/terraform.tfstate"}, ""},
		"a forgotten state":        {map[string]string{"a/main.tf": "terraform {\n  backend \"s3\" {}\n}", "a/terraform.tfstate": state("1.11.4", "registry.terraform.io")}, "a", "", Engine{}, ""},
		"a state of the other":     {map[string]string{"a/main.tf": "", "a/terraform.tfstate": state("1.11.4", "registry.terraform.io")}, "a", "tofu", Engine{Product: "tofu", Certain: true}, ""},
		"too old for the code":     {map[string]string{"a/main.tf": `terraform { required_version = ">= 1.9" }`, ".opentofu-version": "1.8.0"}, "a", "", Engine{}, `.opentofu-version asks for the version 1.8.0, but a/main.tf for >= 1.9.`},
		"too old for the state":    {map[string]string{"a/main.tf": "", ".opentofu-version": "1.8.0", "a/terraform.tfstate": state("1.10.1", "registry.opentofu.org")}, "a", "", Engine{}, `.opentofu-version asks for the version 1.8.0, but a/terraform.tfstate for >= 1.10.1.`},
		"nonsense":                 {map[string]string{"a/main.tf": "", ".opentofu-version": "the good one"}, "a", "", Engine{}, `.opentofu-version asks for the version the good one, which is neither a version nor a constraint of one.`},
	} {
		got, err := layoutOf(c.files).Engine(c.folder, c.tool)
		if c.fails != "" {
			if err == nil || err.Error() != c.fails {
				t.Errorf("%s: error = %v, want %s", name, err, c.fails)
			}
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

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

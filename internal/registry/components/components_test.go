package components_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/identity/tokens"
)

const all = "/api/v2/organizations/acme/registry-components"

func document(typ string, attributes map[string]any) map[string]any {
	return map[string]any{"data": map[string]any{"type": typ, "attributes": attributes}}
}

// fixture is a server with an organization.
type fixture struct {
	*apptest.Server
	org apptest.Org
}

func setUp(s *apptest.Server) fixture { return fixture{s, s.Org("acme")} }

// do sends a request as the owner, which must be answered with the status, and returns the
// resource of the answer.
func (f fixture) do(method, path string, body any, status int) map[string]any {
	f.T.Helper()
	r := f.Do(method, path, f.org.Owner.Token, body)
	if r.Status != status {
		f.T.Fatalf("%s %s = %d %s, want %d", method, path, r.Status, r.Body, status)
	}
	data, _ := r.JSON()["data"].(map[string]any)
	return data
}

// component makes a component configuration and returns its path.
func (f fixture) component(name string) string {
	f.T.Helper()
	c := f.do("POST", all, document("registry-components", map[string]any{"name": name}), 201)
	return "/api/v2/registry-components/" + fmt.Sprint(c["id"])
}

func (f fixture) version(component, version string) map[string]any {
	f.T.Helper()
	return f.do("POST", component+"/versions", document("registry-component-versions", map[string]any{"version": version}), 201)
}

func (f fixture) upload(version map[string]any, files map[string]string) *apptest.Response {
	f.T.Helper()
	address, ok := version["links"].(map[string]any)["upload"].(string)
	if !ok {
		f.T.Fatalf("links = %v, want upload", version["links"])
	}
	return f.Do("PUT", address, "", apptest.TarGz(f.T, files))
}

const configuration = `
required_providers {
  aws    = { source = "hashicorp/aws", version = "~> 5.0" }
  random = { source = "registry.terraform.io/hashicorp/random", version = "3.7.2" }
}
provider "aws" "this" {
  config { region = var.region }
}
variable "region" {
  type        = string
  description = "Where it is."
}
variable "sizes" {
  type    = map(number)
  default = {}
}
variable "token" {
  type      = string
  sensitive = true
  ephemeral = true
}
locals { a = 1 }
component "vpc" {
  source    = "terraform-aws-modules/vpc/aws"
  version   = "5.0.0"
  providers = { aws = provider.aws.this }
  inputs    = { region = var.region }
}
stack "env" {
  source = "./child"
  inputs = {}
}
removed {
  from   = component.old
  source = "./old"
}
output "vpc_id" {
  type        = string
  value       = component.vpc.id
  description = "Its id."
}
`

var good = map[string]string{
	"main.tfcomponent.hcl": configuration, "README.md": "# EKS\n\nA cluster with everything.\n\nMore.\n", "examples/default/main.tf": "broken {",
	"child/x.tfcomponent.hcl": "not read {", "deployments.tfdeploy.hcl": `deployment "a" {}`,
}

var (
	times   = regexp.MustCompile(`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"`)
	ids     = regexp.MustCompile(`(comp|compver)-[0-9A-Za-z]{16}`)
	uploads = regexp.MustCompile(`"http[^"]*/_archivist/v1/object/[^"]*"`)
)

// like compares a resource with a sample of the documentation.
func like(t *testing.T, what string, got any, sample string) {
	t.Helper()
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	text := ids.ReplaceAllString(uploads.ReplaceAllString(times.ReplaceAllString(string(b), `"TIME"`), `"ADDRESS"`), "$1-ID")
	var have, want any
	if err := json.Unmarshal([]byte(text), &have); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(sample), &want); err != nil {
		t.Fatalf("the sample of %s: %v", what, err)
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

const componentSample = `{"id":"comp-ID","type":"registry-components","attributes":{"name":"eks-cluster","namespace":"acme","created-at":"TIME","updated-at":"TIME","vcs-repo":null,%s},
	"relationships":{"organization":{"data":{"id":"acme","type":"organizations"}},
		"registry-component-versions":{"links":{"related":"/api/v2/registry-components/comp-ID/versions"}}},
	"links":{"self":"/api/v2/registry-components/comp-ID"}}`

const versionSample = `{"id":"compver-ID","type":"registry-component-versions","attributes":{"source":"api","version":"1.0.0","source-url":null,%s},
	"relationships":{"registry-component":{"links":{"related":"/api/v2/registry-components/comp-ID"}},
		"resources":{"links":{"related":"/api/v2/registry-components/comp-ID/versions/1.0.0/resources"}},
		"variables":{"links":{"related":"/api/v2/registry-components/comp-ID/versions/1.0.0/variables"}},
		"outputs":{"links":{"related":"/api/v2/registry-components/comp-ID/versions/1.0.0/outputs"}},
		"providers":{"links":{"related":"/api/v2/registry-components/comp-ID/versions/1.0.0/providers"}},
		"subcomponents":{"links":{"related":"/api/v2/registry-components/comp-ID/versions/1.0.0/subcomponents"}}},
	"links":{"self":"/api/v2/registry-components/comp-ID/versions/1.0.0"%s}}`

// TestPublishing goes through the page from the top.
func TestPublishing(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		c := f.do("POST", all, document("registry-components", map[string]any{"name": "eks-cluster"}), 201)
		like(s.T, "POST", c, fmt.Sprintf(componentSample, `"status":"pending","version-statuses":[],"description":null,"latest-version":null,"published-at":null,"providers":[]`))
		one := "/api/v2/registry-components/" + fmt.Sprint(c["id"])

		v := f.version(one, "1.0.0")
		like(s.T, "POST of a version", v, fmt.Sprintf(versionSample, `"status":"pending","readme":null,"description":null,"published-at":null,"error-message":null`, `,"upload":"ADDRESS"`))
		for range 2 { // clients try again
			if r := f.upload(v, good); r.Status != 200 {
				s.T.Fatalf("PUT = %d %s", r.Status, r.Body)
			}
		}
		s.Settle()
		like(s.T, "GET of a version", f.do("GET", one+"/versions/1.0.0", nil, 200),
			fmt.Sprintf(versionSample, `"status":"completed","readme":"# EKS\n\nA cluster with everything.\n\nMore.\n","description":"A cluster with everything.","published-at":"TIME","error-message":null`, ``))
		completed := `"status":"completed","version-statuses":[{"version":"1.0.0","status":"completed"}],"description":"A cluster with everything.","latest-version":"1.0.0","published-at":"TIME",
			"providers":[{"name":"aws","namespace":"hashicorp","source":"hashicorp/aws"},{"name":"random","namespace":"hashicorp","source":"registry.terraform.io/hashicorp/random"}]`
		like(s.T, "GET", f.do("GET", one, nil, 200), fmt.Sprintf(componentSample, completed))
		list, _ := s.Do("GET", all, f.org.Owner.Token, nil).JSON()["data"].([]any)
		if len(list) != 1 {
			s.T.Fatalf("list = %v, want one", list)
		}
		like(s.T, "list", list[0], fmt.Sprintf(componentSample, completed))
		for part, want := range map[string]string{
			"variables": `[{"name":"region","type":"string","description":"Where it is.","required":true,"sensitive":false,"ephemeral":false},
				{"name":"sizes","type":"map(number)","description":"","required":false,"sensitive":false,"ephemeral":false},
				{"name":"token","type":"string","description":"","required":true,"sensitive":true,"ephemeral":true}]`,
			"outputs": `[{"name":"vpc_id","type":"string","description":"Its id.","sensitive":false,"ephemeral":false}]`,
			"providers": `[{"name":"aws","namespace":"hashicorp","source":"hashicorp/aws","version":"~> 5.0"},
				{"name":"random","namespace":"hashicorp","source":"registry.terraform.io/hashicorp/random","version":"3.7.2"}]`,
			"subcomponents": `[{"name":"vpc","kind":"component","source":"terraform-aws-modules/vpc/aws","version":"5.0.0"},{"name":"env","kind":"stack","source":"./child"}]`,
			"resources":     `[]`,
		} {
			got := []any{}
			data, _ := s.Do("GET", one+"/versions/1.0.0/"+part, f.org.Owner.Token, nil).JSON()["data"].([]any)
			for _, d := range data {
				got = append(got, d.(map[string]any)["attributes"])
			}
			like(s.T, part, got, want)
		}
		if r := f.upload(v, map[string]string{"a.tfcomponent.hcl": ""}); r.Status != 409 {
			s.T.Errorf("PUT of other files after publishing = %d %s, want 409", r.Status, r.Body)
		}
		f.do("DELETE", one+"/versions/1.0.0", nil, 204)
		f.do("GET", one+"/versions/1.0.0", nil, 404)
		f.do("DELETE", one, nil, 204)
		f.do("GET", one, nil, 404)
		s.Settle()
		for o, err := range s.App.Objects.List(s.T.Context(), "component/") {
			s.T.Errorf("object %s (%v) is left, want none", o.Key, err)
		}
	})
}

func TestTheClientOfHashiCorp(t *testing.T) {
	s := apptest.Start(t)
	f := setUp(s)
	c := s.Client(f.org.Owner.Token)
	got, err := c.RegistryComponents.Create(t.Context(), "acme", tfe.RegistryComponentCreateOptions{Name: "eks"})
	if err != nil || got.Name != "eks" || got.Namespace != "acme" || got.Status != "pending" || got.Organization.Name != "acme" {
		t.Fatalf("Create = %+v, %v", got, err)
	}
	if err := c.RegistryComponents.Delete(t.Context(), got.ID); err != nil {
		t.Errorf("Delete = %v", err)
	}
}

// TestFilesThatCannotBeRead: the version is errored, says where, and takes other files.
func TestFilesThatCannotBeRead(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		one := f.component("eks")
		v := f.version(one, "1.0.0")
		for source, says := range map[string]string{
			`variable "a" {`:                   "main.tfcomponent.hcl:1: ",
			`resource "null_resource" "a" {}`:  "Unsupported block type",
			`variable "a" {}`:                  `variable "a" has no type`,
			`output "a" { type = string }`:     `output "a" has no value`,
			`component "a" {}`:                 `component "a" has no source`,
			`component "a" { source = var.x }`: "Variables not allowed",
			`required_providers { a = "x" }`:   "main.tfcomponent.hcl:1: ",
			`required_providers { a = {} }`:    "Provider a has no source",
			"locals {}\nvariable \"a\" { type = string }\nvariable \"a\" { type = string }": "main.tfcomponent.hcl:3: Duplicate variable a block",
			"\x00":                    "main.tfcomponent.hcl:1: ",
			strings.Repeat("(", 2000): "nested too deeply",
		} {
			if r := f.upload(v, map[string]string{"main.tfcomponent.hcl": source}); r.Status != 200 {
				s.T.Fatalf("PUT of %q = %d %s", source, r.Status, r.Body)
			}
			s.Settle()
			v = f.do("GET", one+"/versions/1.0.0", nil, 200)
			a := v["attributes"].(map[string]any)
			if a["status"] != "errored" || !strings.Contains(fmt.Sprint(a["error-message"]), says) {
				s.T.Errorf("%.60q: status %v, %v, want errored %q", source, a["status"], a["error-message"], says)
			}
		}
		if c := f.do("GET", one, nil, 200); c["attributes"].(map[string]any)["status"] != "errored" {
			s.T.Errorf("GET = %v, want errored", c)
		}
		f.upload(v, map[string]string{"main.tfcomponent.json": `{"variable":{"a":{"type":"string"}},"required_providers":{"aws":{"source":"hashicorp/aws"}}}`})
		s.Settle()
		if v = f.do("GET", one+"/versions/1.0.0", nil, 200); v["attributes"].(map[string]any)["status"] != "completed" {
			s.T.Errorf("after good files = %v, want completed", v["attributes"])
		}
	})
}

func TestRefusedUploads(t *testing.T) {
	f := setUp(apptest.Start(t))
	one := f.component("eks")
	v := f.version(one, "1.0.0")
	if r := f.upload(v, map[string]string{"main.tf": "", "sub/a.tfcomponent.hcl": ""}); r.Status != 422 || !strings.Contains(r.Detail(), "has no component configuration") {
		t.Errorf("PUT without a configuration = %d %s, want 422", r.Status, r.Body)
	}
	address := v["links"].(map[string]any)["upload"].(string)
	if r := f.Do("PUT", address, "", "no archive"); r.Status != 422 && r.Status != 400 {
		t.Errorf("PUT of nonsense = %d %s, want a refusal", r.Status, r.Body)
	}
	f.do("DELETE", one, nil, 204)
	if r := f.upload(v, good); r.Status != 404 {
		t.Errorf("PUT after the deletion = %d %s, want 404", r.Status, r.Body)
	}
}

func TestRefusedRequests(t *testing.T) {
	f := setUp(apptest.Start(t))
	one := f.component("taken")
	f.version(one, "1.0.0")
	for _, c := range []struct {
		path       string
		typ        string
		attributes map[string]any
		says       string
	}{
		{all, "registry-components", map[string]any{}, "Name can't be blank"},
		{all, "registry-components", map[string]any{"name": "-a"}, "Name may have letters"},
		{all, "registry-components", map[string]any{"name": strings.Repeat("a", 65)}, "Name is too long"},
		{all, "registry-components", map[string]any{"name": "TAKEN"}, "Name has already been taken"},
		{all, "registry-components", map[string]any{"name": "a", "vcs-repo": map[string]any{"identifier": "a/b"}}, "There are no VCS connections"},
		{one + "/versions", "registry-component-versions", map[string]any{}, "Version can't be blank"},
		{one + "/versions", "registry-component-versions", map[string]any{"version": "1.0"}, "not a valid semantic version"},
		{one + "/versions", "registry-component-versions", map[string]any{"version": "v1.0.0"}, "not a valid semantic version"},
		{one + "/versions", "registry-component-versions", map[string]any{"version": "1.0.0"}, "Version has already been taken"},
	} {
		if r := f.Do("POST", c.path, f.org.Owner.Token, document(c.typ, c.attributes)); r.Status != 422 || !strings.Contains(r.Detail(), c.says) {
			t.Errorf("POST %s of %v = %d %s, want 422 %q", c.path, c.attributes, r.Status, r.Body, c.says)
		}
	}
	f.do("GET", one+"/versions/9.0.0", nil, 404)
	f.do("DELETE", one+"/versions/9.0.0", nil, 404)
}

func TestWhoMayUseComponents(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		ws := s.Workspace(f.org, "", "app")
		i := 0
		for name, w := range map[string]struct {
			token             string
			read, add, remove int
		}{
			"guest":             {"", 401, 401, 401},
			"stranger":          {s.Org("globex").Owner.Token, 404, 404, 404},
			"member":            {s.Member(f.org, "member").Token, 200, 404, 404},
			"module manager":    {s.With(f.org, "modules", []string{"manage-modules"}, nil).Token, 200, 404, 404},
			"run":               {s.Token(tokens.Token{Kind: tokens.Run, WorkspaceID: &ws}), 200, 404, 404},
			"component manager": {s.With(f.org, "components", []string{"manage-registry-components"}, nil).Token, 200, 201, 204},
			"owner":             {f.org.Owner.Token, 200, 201, 204},
			"site admin":        {s.AdminToken(), 200, 201, 204},
		} {
			i++
			one := f.component(fmt.Sprint("c", i))
			f.version(one, "1.0.0")
			check := func(method, path string, body any, want int) {
				s.T.Helper()
				r := s.Do(method, path, w.token, body)
				if r.Status != want {
					s.T.Errorf("%s %s by %s = %d %s, want %d", method, path, name, r.Status, r.Body, want)
				}
				if method == "GET" && w.add != 201 && strings.Contains(string(r.Body), "/_archivist/") {
					s.T.Errorf("GET %s by %s = %s, want no address to upload to", path, name, r.Body)
				}
			}
			for _, path := range []string{all, one, one + "/versions", one + "/versions/1.0.0", one + "/versions/1.0.0/variables"} {
				check("GET", path, nil, w.read)
			}
			check("POST", all, document("registry-components", map[string]any{"name": fmt.Sprint("n", i)}), w.add)
			check("POST", one+"/versions", document("registry-component-versions", map[string]any{"version": "2.0.0"}), w.add)
			check("DELETE", one+"/versions/1.0.0", nil, w.remove)
			check("DELETE", one, nil, w.remove)
		}
	})
}

func TestListsSearchAndStayCheap(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		f.version(f.component("eks"), "1.0.0")
		count := func() int {
			return len(s.Statements(func() { s.Do("GET", all, f.org.Owner.Token, nil) }))
		}
		count()
		one := count()
		for _, name := range []string{"vpc", "rds"} {
			c := f.component(name)
			f.version(c, "1.0.0")
			f.version(c, "1.10.0")
			f.version(c, "1.9.0")
		}
		if n := count(); n != one {
			s.T.Errorf("three components take %d statements, one takes %d", n, one)
		}
		for query, want := range map[string]string{"": "eks rds vpc", "?q=K": "eks", "?q=acme": "eks rds vpc", "?q=%25": "", "?page[size]=2&page[number]=2": "vpc"} {
			var got []string
			list, _ := s.Do("GET", all+query, f.org.Owner.Token, nil).JSON()["data"].([]any)
			for _, c := range list {
				got = append(got, fmt.Sprint(c.(map[string]any)["attributes"].(map[string]any)["name"]))
			}
			if strings.Join(got, " ") != want {
				s.T.Errorf("list %s = %v, want %s", query, got, want)
			}
		}
		var versions []string
		id := s.Do("GET", all+"?q=vpc", f.org.Owner.Token, nil).JSON()["data"].([]any)[0].(map[string]any)["id"]
		list, _ := s.Do("GET", fmt.Sprintf("/api/v2/registry-components/%v/versions", id), f.org.Owner.Token, nil).JSON()["data"].([]any)
		for _, v := range list {
			versions = append(versions, fmt.Sprint(v.(map[string]any)["attributes"].(map[string]any)["version"]))
		}
		if strings.Join(versions, " ") != "1.10.0 1.9.0 1.0.0" {
			s.T.Errorf("versions = %v, want the newest first", versions)
		}
	})
}

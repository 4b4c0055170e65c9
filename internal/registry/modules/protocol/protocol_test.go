package protocol_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/apptest"
)

// publish adds a version of a private module, as an owner.
func publish(s *apptest.Server, o apptest.Org, name, provider, version string, files map[string]string) {
	s.T.Helper()
	base := "/api/v2/organizations/" + o.Name + "/registry-modules"
	s.Do("POST", base, o.Owner.Token, fmt.Sprintf(`{"data":{"type":"registry-modules","attributes":{"name":%q,"provider":%q}}}`, name, provider)) // it may be there
	r := s.Do("POST", base+"/private/"+o.Name+"/"+name+"/"+provider+"/versions", o.Owner.Token, fmt.Sprintf(`{"data":{"type":"registry-module-versions","attributes":{"version":%q}}}`, version))
	if r.Status != 201 {
		s.T.Fatalf("creating a version = %d %s", r.Status, r.Body)
	}
	links := r.JSON()["data"].(map[string]any)["links"].(map[string]any)
	if files == nil {
		files = map[string]string{"main.tf": ""}
	}
	if r := s.Do("PUT", links["upload"].(string), "", apptest.TarGz(s.T, files)); r.Status != 200 {
		s.T.Fatalf("upload = %d %s", r.Status, r.Body)
	}
	s.Settle()
}

const base = "/api/registry/v1/modules"

// same compares an answer with JSON. Times are left out of both.
func same(t *testing.T, what, want string, r *apptest.Response) {
	t.Helper()
	var w, g any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(r.Body, &g); err != nil || r.Status != 200 || r.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%s = %d %s %s, %v", what, r.Status, r.Header.Get("Content-Type"), r.Body, err)
	}
	if diff := cmp.Diff(w, timeless(g)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func timeless(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if v["published_at"] != "" {
			delete(v, "published_at")
		}
		for k := range v {
			v[k] = timeless(v[k])
		}
	case []any:
		for i := range v {
			v[i] = timeless(v[i])
		}
	}
	return v
}

// summary is a module in a list.
func summary(id string) string {
	p := strings.Split(id, "/")
	return fmt.Sprintf(`{"id":%q,"owner":"","namespace":%q,"name":%q,"provider":%q,"version":%q,"provider_logo_url":"","description":"","source":"","tag":"","downloads":0,"verified":false}`,
		id, p[0], p[1], p[2], p[3])
}

func TestDiscoveryNamesTheProtocol(t *testing.T) {
	s := apptest.Start(t)
	if got := s.Do("GET", "/.well-known/terraform.json", "", nil).JSON()["modules.v1"]; got != base+"/" {
		t.Errorf("modules.v1 = %v, want %s/", got, base)
	}
}

func TestListsAndSearch(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		acme, other := s.Org("acme"), s.Org("other")
		publish(s, acme, "net", "aws", "1.0.0", nil)
		publish(s, acme, "net", "aws", "1.2.0", nil)
		publish(s, acme, "net", "aws", "1.10.0", nil)
		publish(s, acme, "net", "aws", "2.0.0-rc1", nil)
		publish(s, acme, "net", "google", "0.1.0-beta", nil)
		publish(s, other, "secret", "aws", "1.0.0", nil)
		s.Do("POST", "/api/v2/organizations/acme/registry-modules", acme.Owner.Token, `{"data":{"type":"registry-modules","attributes":{"name":"empty","provider":"aws"}}}`)
		page := func(meta string, ids ...string) string {
			list := make([]string, len(ids))
			for i, id := range ids {
				list[i] = summary(id)
			}
			return `{"meta":` + meta + `,"modules":[` + strings.Join(list, ",") + `]}`
		}
		const first = `{"limit":15,"current_offset":0}`
		aws, google := "acme/net/aws/1.10.0", "acme/net/google/0.1.0-beta"
		for path, want := range map[string]string{
			"":                             page(first, aws, google),
			"/":                            page(first, aws, google),
			"?provider=google":             page(first, google),
			"?verified=true":               page(first),
			"?limit=1":                     page(`{"limit":1,"current_offset":0,"next_offset":1,"next_url":"`+base+`?limit=1\u0026offset=1"}`, aws),
			"?limit=1&offset=1":            page(`{"limit":1,"current_offset":1,"prev_offset":0,"prev_url":"`+base+`?limit=1\u0026offset=0"}`, google),
			"?limit=0":                     page(`{"limit":1,"current_offset":0,"next_offset":1,"next_url":"`+base+`?limit=0\u0026offset=1"}`, aws),
			"?limit=1000":                  page(`{"limit":100,"current_offset":0}`, aws, google),
			"/acme":                        page(first, aws, google),
			"/ACME/net":                    page(first, aws, google),
			"/search?q=NET":                page(first, aws, google),
			"/search?q=net&provider=aws":   page(first, aws),
			"/search?q=secret":             page(first),
			"/search?q=n&namespace=other":  page(first),
			"/search?q=goo&namespace=acme": page(first, google),
		} {
			same(s.T, "GET "+path, want, s.Do("GET", base+path, acme.Owner.Token, nil))
		}
		for path, want := range map[string]string{
			"/search":     `{"errors":["The parameter q, for what is looked for, is missing."]}`,
			"?limit=many": `{"errors":["limit must be a whole number from 0 to 1000000, not \"many\"."]}`,
			"?offset=-1":  `{"errors":["offset must be a whole number from 0 to 1000000, not \"-1\"."]}`,
		} {
			if r := s.Do("GET", base+path, acme.Owner.Token, nil); r.Status != 400 || strings.TrimSpace(string(r.Body)) != want {
				s.T.Errorf("GET %s = %d %s, want 400 %s", path, r.Status, r.Body, want)
			}
		}
		for _, path := range []string{"/other", "/other/secret", "/other/secret/aws", "/acme/empty", "/acme/empty/aws", "/acme/empty/aws/download", "/acme/net/azurerm", "/acme/net/aws/9.0.0", "/acme/net/aws/9.0.0/download"} {
			if r := s.Do("GET", base+path, acme.Owner.Token, nil); r.Status != 404 || !strings.HasPrefix(string(r.Body), `{"errors":["`) {
				s.T.Errorf("GET %s = %d %s, want 404", path, r.Status, r.Body)
			}
		}
		if r := s.Do("GET", base, "", nil); r.Status != 401 {
			s.T.Errorf("GET by a guest = %d, want 401", r.Status)
		}
		same(s.T, "GET by an administrator", page(first, aws, google, "other/secret/aws/1.0.0"), s.Do("GET", base, s.AdminToken(), nil))
	})
}

var files = map[string]string{
	"README.md":            "# Net",
	"main.tf":              "variable \"cidr\" {\n  type = string\n}\nresource \"aws_vpc\" \"this\" {}\nmodule \"part\" {\n  source  = \"example.com/acme/part/aws\"\n  version = \"~> 1.0\"\n}\noutput \"id\" {\n  value = 1\n}\n",
	"modules/sub/main.tf":  "terraform {\n  required_providers {\n    google = {\n      source  = \"hashicorp/google\"\n      version = \">= 4\"\n    }\n  }\n}\n",
	"examples/all/main.tf": `variable "e" {}`,
}

const (
	awsProvider = `{"name":"aws","namespace":"hashicorp","source":"hashicorp/aws","version":""}`
	google      = `{"name":"google","namespace":"hashicorp","source":"hashicorp/google","version":">= 4"}`
	dependency  = `{"name":"part","source":"example.com/acme/part/aws","version":"~> 1.0"}`
)

func TestVersions(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		acme := s.Org("acme")
		publish(s, acme, "net", "aws", "1.10.0", nil)
		publish(s, acme, "net", "aws", "1.2.0", files)
		want := `{"modules":[{"source":"acme/net/aws","versions":[
			{"version":"1.2.0","submodules":[{"path":"modules/sub","name":"sub","providers":[` + google + `],"dependencies":[]}],"root":{"providers":[` + awsProvider + `],"dependencies":[` + dependency + `]},"deprecation":null},
			{"version":"1.10.0","submodules":[],"root":{"providers":[],"dependencies":[]},"deprecation":null}]}]}`
		same(s.T, "versions", want, s.Do("GET", base+"/acme/net/aws/versions", acme.Owner.Token, nil))
		n := len(s.Statements(func() { s.Do("GET", base+"/acme/net/aws/versions", acme.Owner.Token, nil) }))
		if n > 3 {
			s.T.Errorf("versions take %d statements, want few", n)
		}
		s.Do("GET", base+"/acme/net/aws/1.2.0/download", acme.Owner.Token, nil)
		n = len(s.Statements(func() { s.Do("GET", base+"/acme/net/aws/1.2.0/download", acme.Owner.Token, nil) }))
		if n > 2 {
			s.T.Errorf("a download takes %d statements, want few", n)
		}
		r := s.Do("GET", base+"/acme/net/aws/download", acme.Owner.Token, nil)
		if r.Status != 302 || r.Header.Get("Location") != base+"/acme/net/aws/1.10.0/download" {
			s.T.Errorf("download of the newest = %d %s", r.Status, r.Header.Get("Location"))
		}
	})
}

func TestDetails(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		acme := s.Org("acme")
		publish(s, acme, "net", "aws", "1.0.0", files)
		publish(s, acme, "net", "google", "3.0.0", nil)
		part := func(path, name, readme, inputs, outputs, dependencies, providers, resources string) string {
			return fmt.Sprintf(`{"path":%q,"name":%q,"readme":%q,"empty":false,"inputs":[%s],"outputs":[%s],"dependencies":[%s],"provider_dependencies":[%s],"resources":[%s]}`,
				path, name, readme, inputs, outputs, dependencies, providers, resources)
		}
		want := strings.TrimSuffix(summary("acme/net/aws/1.0.0"), "}") + `,"root":` +
			part("", "net", "# Net", `{"name":"cidr","type":"string","description":"","default":"","required":true}`, `{"name":"id","description":""}`, dependency, awsProvider, `{"name":"this","type":"aws_vpc"}`) +
			`,"submodules":[` + part("modules/sub", "sub", "", "", "", "", google, "") +
			`],"examples":[` + part("examples/all", "all", "", `{"name":"e","type":"","description":"","default":"","required":true}`, "", "", "", "") +
			`],"providers":["aws","google"],"versions":["1.0.0"],"deprecation":null}`
		same(s.T, "a version", want, s.Do("GET", base+"/acme/net/aws/1.0.0", acme.Owner.Token, nil))
		same(s.T, "the newest version", want, s.Do("GET", base+"/acme/net/aws", acme.Owner.Token, nil))
	})
}

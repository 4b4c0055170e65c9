package modules_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/registry/modules"
)

// sampleModule is the page's sample of a module, with what the API schema has beyond it.
func sampleModule(registry, namespace, name, provider, status, versions, more string) string {
	return fmt.Sprintf(`{"data":{"id":"*","type":"registry-modules","attributes":{"name":%[3]q,"namespace":%[2]q,"registry-name":%[1]q,"provider":%[4]q,"status":%[5]q,
		"version-statuses":%[6]s,"created-at":"*","updated-at":"*","permissions":{"can-delete":true,"can-resync":true,"can-retry":true},
		"publishing-mechanism":"non_vcs","no-code":false%[7]s},
		"relationships":{"organization":{"data":{"id":"acme","type":"organizations"}},"no-code-modules":{"data":[]}},
		"links":{"self":"/api/v2/organizations/acme/registry-modules/%[1]s/%[2]s/%[3]s/%[4]s"}}}`, registry, namespace, name, provider, status, versions, more)
}

func TestModulesLookAsOnThePage(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		like(s.T, "create a private module", sampleModule("private", "acme", "my-module", "aws", "pending", "[]", ""),
			f.want(201, "POST", base, doc("registry-modules", `{"name":"my-module","provider":"aws","registry-name":"private"}`)))
		like(s.T, "create a public module", sampleModule("public", "terraform-aws-modules", "vpc", "aws", "pending", "[]", ""),
			f.want(201, "POST", base, doc("registry-modules", `{"name":"vpc","provider":"aws","registry-name":"public","namespace":"terraform-aws-modules"}`)))
		like(s.T, "show a public module", sampleModule("public", "terraform-aws-modules", "vpc", "aws", "setup_complete", "[]", ""),
			f.want(200, "GET", base+"/public/terraform-aws-modules/vpc/aws", nil))
		f.publish("my-module", "aws", "1.0.0", plain)
		shown := sampleModule("private", "acme", "my-module", "aws", "setup_complete", `[{"version":"1.0.0","status":"ok"}]`, "")
		like(s.T, "show a private module", shown, f.want(200, "GET", at("my-module", "aws"), nil))
		like(s.T, "show a private module, the older way", shown, f.want(200, "GET", "/api/v2/registry-modules/show/acme/my-module/aws", nil))
		like(s.T, "update a module, with a slash at the end", sampleModule("private", "acme", "my-module", "aws", "setup_complete", `[{"version":"1.0.0","status":"ok"}]`,
			`,"test-config":{"id":"*","tests-enabled":true,"agent-execution-mode":"remote","agent-pool-id":null}`),
			f.want(200, "PATCH", at("my-module", "aws")+"/", doc("registry-modules", `{"test-config":{"tests-enabled":true}}`)))
		r := f.want(200, "GET", base, nil)
		list := r.JSON()["data"].([]any)
		if len(list) != 2 || list[0].(map[string]any)["attributes"].(map[string]any)["name"] != "my-module" {
			s.T.Errorf("list = %s, want both modules by name", r.Body)
		}
		id := list[0].(map[string]any)["id"].(string)
		if got := data(f.want(200, "GET", "/api/v2/registry-modules/"+id, nil))["id"]; got != id {
			s.T.Errorf("GET by id = %v, want %s", got, id)
		}
	})
}

func TestNamesAreChecked(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		long := strings.Repeat("a", 65)
		for attributes, words := range map[string]string{
			`{}`:                                                                     "Name can't be blank",
			`{"name":"","provider":"aws"}`:                                           "Name can't be blank",
			`{"name":"a"}`:                                                           "Provider can't be blank",
			`{"name":"-a","provider":"p"}`:                                           "Name may contain alphanumeric characters",
			`{"name":"a_","provider":"p"}`:                                           "Name may contain alphanumeric characters",
			`{"name":"a/b","provider":"p"}`:                                          "Name may contain alphanumeric characters",
			`{"name":"` + long + `","provider":"p"}`:                                 "Name is too long (maximum is 64 characters)",
			`{"name":"a","provider":"` + long + `"}`:                                 "Provider is too long (maximum is 64 characters)",
			`{"name":"a","provider":"AWS"}`:                                          "Provider may contain lowercase alphanumeric characters",
			`{"name":"a","provider":"a-b"}`:                                          "Provider may contain lowercase alphanumeric characters",
			`{"name":"a","provider":"p","registry-name":"PRIVATE"}`:                  "Registry name must be either public or private",
			`{"name":"a","provider":"p","namespace":"acme"}`:                         "Namespace cannot be set for private modules",
			`{"name":"a","provider":"p","registry-name":"public"}`:                   "Namespace can't be blank",
			`{"name":"a","provider":"p","registry-name":"public","namespace":"a b"}`: "Namespace may contain alphanumeric characters",
			`{"name":7,"provider":"p"}`:                                              "A JSON number is not what is expected here",
		} {
			f.refused(422, words, "POST", base, doc("registry-modules", attributes))
		}
		f.refused(409, "registry-modules", "POST", base, doc("workspaces", `{"name":"a","provider":"p"}`))
		f.refused(400, "no body", "POST", base, "")
		f.module("Net_1", "aws")
		f.refused(422, "Name has already been taken", "POST", base, doc("registry-modules", `{"name":"net_1","provider":"aws"}`))
		f.module("net_1", "google")
		f.want(201, "POST", base, doc("registry-modules", `{"name":"net_1","provider":"aws","registry-name":"public","namespace":"acme"}`))
		f.refused(404, "", "POST", "/api/v2/organizations/nobody/registry-modules", doc("registry-modules", `{"name":"a","provider":"p"}`))
		f.refused(404, "", "GET", base+"/private/other/net_1/aws", nil)
		f.refused(404, "", "GET", base+"/secret/acme/net_1/aws", nil)
	})
}

func TestListsAreSearchedFilteredAndPaged(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		f.module("network", "aws")
		f.module("network", "google")
		f.module("net_work", "azurerm")
		f.want(201, "POST", base, doc("registry-modules", `{"name":"vpc","provider":"aws","registry-name":"public","namespace":"terraform-aws-modules"}`))
		names := func(query string) []string {
			r := f.want(200, "GET", base+query, nil)
			out := []string{}
			for _, m := range r.JSON()["data"].([]any) {
				a := m.(map[string]any)["attributes"].(map[string]any)
				out = append(out, a["name"].(string)+"/"+a["provider"].(string))
			}
			return out
		}
		for query, want := range map[string][]string{
			"":                                    {"net_work/azurerm", "network/aws", "network/google", "vpc/aws"},
			"?q=NETWORK":                          {"network/aws", "network/google"},
			"?q=_":                                {"net_work/azurerm"},
			"?q=network+aws":                      {"network/aws"},
			"?q=terraform-aws-modules/vpc":        {"vpc/aws"},
			"?q=acme":                             {"net_work/azurerm", "network/aws", "network/google"},
			"?q=absent":                           {},
			"?filter[provider]=aws":               {"network/aws", "vpc/aws"},
			"?filter[registry_name]=public":       {"vpc/aws"},
			"?filter[registry_name]=private":      {"net_work/azurerm", "network/aws", "network/google"},
			"?filter[organization_name]=ACME":     {"net_work/azurerm", "network/aws", "network/google", "vpc/aws"},
			"?filter[organization_name]=other":    {},
			"?page[size]=2&page[number]=2":        {"network/google", "vpc/aws"},
			"?page[size]=2&page[number]=9":        {},
			"?q=network&filter[provider]=google":  {"network/google"},
			"?include=no-code-modules&q=net_work": {"net_work/azurerm"},
		} {
			if diff := cmp.Diff(want, names(query)); diff != "" {
				s.T.Errorf("list%s (-want +got):\n%s", query, diff)
			}
		}
		r := f.want(200, "GET", base+"?page[size]=3", nil)
		if p := r.JSON()["meta"].(map[string]any)["pagination"].(map[string]any); p["total-count"] != 4.0 || p["total-pages"] != 2.0 || p["next-page"] != 2.0 || p["prev-page"] != nil {
			s.T.Errorf("pagination = %v", p)
		}
		f.refused(400, "filter[registry_name] must be public or private", "GET", base+"?filter[registry_name]=other", nil)
		f.refused(400, "no parameter filter[name]", "GET", base+"?filter[name]=x", nil)
		f.refused(400, "at most 10 words", "GET", base+"?q="+strings.Repeat("a+", 11), nil)
	})
}

// TestListsCostTheSameForManyModules has 10,000 modules with a version each.
func TestListsCostTheSameForManyModules(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		const many = 10_000
		err := f.DB.Tx(f.ctx, func(txCtx context.Context) error {
			var ms []modules.Module
			var vs []modules.Version
			for i := range many {
				name := fmt.Sprintf("module-%05d", i)
				m := modules.Module{ID: fmt.Sprintf("mod-%d", i), OrgID: f.org.ID, RegistryName: modules.Private, Name: name, NameLower: name, Provider: "aws", Search: name + " aws ", Status: modules.SetupComplete,
					Publishing: modules.NonVCS, TestMode: "remote", Latest: "1.0.0", CreatedAt: db.Now(), UpdatedAt: db.Now()}
				ms = append(ms, m)
				vs = append(vs, modules.Version{ID: fmt.Sprintf("modver-%d", i), ModuleID: m.ID, Version: "1.0.0", SortKey: "1", Source: modules.FromAPI, Status: modules.OK, CreatedAt: db.Now(), UpdatedAt: db.Now()})
			}
			return errors.Join(db.InsertAll(txCtx, f.DB, "registry_modules", ms, ""), db.InsertAll(txCtx, f.DB, "registry_module_versions", vs, ""))
		})
		if err != nil {
			s.T.Fatal(err)
		}
		for path, total := range map[string]string{
			base + "?page[size]=100":                        `"total-count":10000`,
			base + "?q=module-099&page[size]=100":           `"total-count":100`,
			"/api/registry/v1/modules/acme":                 `"next_offset":15`,
			"/api/registry/v1/modules/search?q=module-0999": `"acme/module-09990/aws/1.0.0"`,
		} {
			var body string
			n := len(s.Statements(func() { body = string(f.want(200, "GET", path, nil).Body) }))
			if n > 6 {
				s.T.Errorf("GET %s takes %d statements, want at most 6", path, n)
			}
			if !strings.Contains(body, total) {
				s.T.Errorf("GET %s = %.500s, want %s", path, body, total)
			}
		}
	})
}

func TestNoCodeAndTags(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		rm, err := f.c.RegistryModules.Create(f.ctx, "acme", tfe.RegistryModuleCreateOptions{Name: new("net"), Provider: new("aws"), NoCode: new(true)})
		if err != nil || !rm.NoCode || len(rm.RegistryNoCodeModule) != 1 {
			s.T.Fatalf("Create = %+v, %v, want a no-code module", rm, err)
		}
		id := tfe.NewPrivateRegistryModuleID("acme", "net", "aws")
		list, err := f.c.RegistryModules.List(f.ctx, "acme", &tfe.RegistryModuleListOptions{Include: []tfe.RegistryModuleListIncludeOpt{tfe.IncludeNoCodeModules}})
		if err != nil || !list.Items[0].RegistryNoCodeModule[0].Enabled {
			s.T.Errorf("List = %+v, %v, want the no-code module included", list, err)
		}
		rm, err = f.c.RegistryModules.Update(f.ctx, id, tfe.RegistryModuleUpdateOptions{NoCode: new(false),
			TagBindings: []*tfe.TagBinding{{Key: "env", Value: "prod"}, {Key: "cost"}}})
		if err != nil || rm.NoCode || len(rm.RegistryNoCodeModule) != 0 {
			s.T.Errorf("Update = %+v, %v, want no no-code module", rm, err)
		}
		tags, err := f.c.RegistryModules.ListTagBindings(f.ctx, rm.ID)
		if err != nil || len(tags) != 2 || tags[0].Key != "cost" || tags[1].Value != "prod" {
			s.T.Errorf("ListTagBindings = %+v, %v", tags, err)
		}
		many := []string{}
		for i := range 11 {
			many = append(many, fmt.Sprintf(`{"type":"tag-bindings","attributes":{"key":"k%d","value":"v"}}`, i))
		}
		f.refused(422, "at most 10 tag bindings", "PATCH", at("net", "aws"), `{"data":{"type":"registry-modules","relationships":{"tag-bindings":{"data":[`+strings.Join(many, ",")+`]}}}}`)
		if _, err = f.c.RegistryModules.Update(f.ctx, id, tfe.RegistryModuleUpdateOptions{TagBindings: []*tfe.TagBinding{}}); err != nil {
			s.T.Error(err)
		}
		if tags, err = f.c.RegistryModules.ListTagBindings(f.ctx, rm.ID); err != nil || len(tags) != 0 {
			s.T.Errorf("ListTagBindings after they were removed = %+v, %v", tags, err)
		}
	})
}

func TestTestConfig(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		f.module("net", "aws")
		pool := data(f.want(200, "POST", "/api/v2/organizations/acme/agent-pools", doc("agent-pools", `{"name":"tests"}`)))["id"].(string)
		scoped := data(f.want(200, "POST", "/api/v2/organizations/acme/agent-pools", doc("agent-pools", `{"name":"scoped","organization-scoped":false}`)))["id"].(string)
		alien := data(s.Do("POST", "/api/v2/organizations/other/agent-pools", s.Org("other").Owner.Token, doc("agent-pools", `{"name":"tests"}`)))["id"].(string)
		update := func(config string) string { return doc("registry-modules", `{"test-config":`+config+`}`) }
		for config, words := range map[string]string{
			`{"agent-execution-mode":"local"}`:                                  "Agent execution mode must be either remote or agent",
			`{"agent-execution-mode":"agent"}`:                                  "Agent pool is required when the execution mode is agent",
			`{"agent-pool-id":"` + pool + `"}`:                                  "Agent pool must not be set when the execution mode is remote",
			`{"agent-execution-mode":"remote","agent-pool-id":"` + pool + `"}`:  "Agent pool must not be set when the execution mode is remote",
			`{"agent-execution-mode":"agent","agent-pool-id":"apool-absent"}`:   "Agent pool does not exist",
			`{"agent-execution-mode":"agent","agent-pool-id":"` + alien + `"}`:  "Agent pool does not exist",
			`{"agent-execution-mode":"agent","agent-pool-id":"` + scoped + `"}`: "not every module may use it",
		} {
			f.refused(422, words, "PATCH", at("net", "aws"), update(config))
		}
		config := func(r *apptest.Response) map[string]any {
			c, _ := attributes(r)["test-config"].(map[string]any)
			delete(c, "id")
			return c
		}
		got := config(f.want(200, "PATCH", at("net", "aws"), update(`{"tests-enabled":true,"agent-execution-mode":"agent","agent-pool-id":"`+pool+`"}`)))
		if diff := cmp.Diff(map[string]any{"tests-enabled": true, "agent-execution-mode": "agent", "agent-pool-id": pool}, got); diff != "" {
			s.T.Errorf("test-config (-want +got):\n%s", diff)
		}
		f.want(200, "PATCH", at("net", "aws"), doc("registry-modules", `{}`)) // what is left out stays
		if got := config(f.want(200, "GET", at("net", "aws"), nil)); got["agent-pool-id"] != pool {
			s.T.Errorf("test-config after an empty update = %v", got)
		}
		f.refused(422, "in use", "DELETE", "/api/v2/agent-pools/"+pool, nil)
		got = config(f.want(200, "PATCH", at("net", "aws"), update(`{"agent-execution-mode":"remote"}`)))
		if diff := cmp.Diff(map[string]any{"tests-enabled": true, "agent-execution-mode": "remote", "agent-pool-id": any(nil)}, got); diff != "" {
			s.T.Errorf("test-config (-want +got):\n%s", diff)
		}
		f.want(201, "POST", base, doc("registry-modules", `{"name":"vpc","provider":"aws","registry-name":"public","namespace":"x"}`))
		f.refused(422, "Tests are for private modules", "PATCH", base+"/public/x/vpc/aws", update(`{"tests-enabled":true}`))
	})
}

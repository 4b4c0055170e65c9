package agentpools_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/identity/tokens"
)

func TestPoolLifecycle(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o := s.T.Context(), s.Org("acme")
		c, project := s.Client(o.Owner.Token), s.Project(o, "Shop")
		ws, other := s.Workspace(o, project, "web"), s.Workspace(o, "", "db")
		p, err := c.AgentPools.Create(ctx, "acme", tfe.AgentPoolCreateOptions{Name: new("north"), OrganizationScoped: new(false),
			AllowedWorkspaces: []*tfe.Workspace{{ID: ws}}, AllowedProjects: []*tfe.Project{{ID: project}}, ExcludedWorkspaces: []*tfe.Workspace{{ID: other}}})
		if err != nil {
			s.T.Fatal(err)
		}
		if p.OrganizationScoped || p.Organization.Name != "acme" || len(p.AllowedWorkspaces) != 1 || p.AllowedWorkspaces[0].ID != ws ||
			len(p.AllowedProjects) != 1 || p.AllowedProjects[0].ID != project || len(p.ExcludedWorkspaces) != 1 || p.ExcludedWorkspaces[0].ID != other {
			s.T.Errorf("Create = %+v, want its scope", p)
		}
		renamed, err := c.AgentPools.Update(ctx, p.ID, tfe.AgentPoolUpdateOptions{Name: new("South")})
		if err != nil || renamed.Name != "South" || len(renamed.AllowedWorkspaces) != 1 || len(renamed.AllowedProjects) != 1 || len(renamed.ExcludedWorkspaces) != 1 {
			s.T.Errorf("Update of the name = %+v, %v, want the scope as it was", renamed, err)
		}
		got, err := c.AgentPools.UpdateAllowedWorkspaces(ctx, p.ID, tfe.AgentPoolAllowedWorkspacesUpdateOptions{AllowedWorkspaces: []*tfe.Workspace{{ID: other}, {ID: other}}})
		if err != nil || len(got.AllowedWorkspaces) != 1 || got.AllowedWorkspaces[0].ID != other || len(got.ExcludedWorkspaces) != 1 {
			s.T.Errorf("UpdateAllowedWorkspaces = %+v, %v, want the other alone", got, err)
		}
		if _, err := c.Workspaces.UpdateByID(ctx, ws, tfe.WorkspaceUpdateOptions{ExecutionMode: new("agent"), AgentPoolID: &p.ID}); err != nil {
			s.T.Fatal(err)
		}
		read, err := c.AgentPools.ReadWithOptions(ctx, p.ID, &tfe.AgentPoolReadOptions{Include: []tfe.AgentPoolIncludeOpt{tfe.AgentPoolWorkspaces}})
		if err != nil || len(read.Workspaces) != 1 || read.Workspaces[0].Name != "web" {
			s.T.Errorf("Read with workspaces = %+v, %v, want web", read, err)
		}
		w, err := c.Workspaces.ReadByIDWithOptions(ctx, ws, &tfe.WorkspaceReadOptions{Include: []tfe.WSIncludeOpt{"agent_pool"}})
		if err != nil || w.AgentPool == nil || w.AgentPool.Name != "South" {
			s.T.Errorf("Read of the workspace = %+v, %v, want its pool South", w, err)
		}
		if err := c.Workspaces.DeleteByID(ctx, ws); err != nil {
			s.T.Fatal(err)
		}
		if err := c.AgentPools.Delete(ctx, p.ID); err != nil {
			s.T.Errorf("Delete = %v", err)
		}
		if list, err := c.AgentPools.List(ctx, "acme", nil); err != nil || list.TotalCount != 0 {
			s.T.Errorf("List after Delete = %+v, %v, want none", list, err)
		}
	})
}

func TestRefusedPools(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o, other := s.Org("acme"), s.Org("other")
		foreign, foreignProject := s.Workspace(other, "", "web"), s.Project(other, "Shop")
		kept := pool(s, o, "Pool")
		many := make([]string, 1001)
		for i := range many {
			many[i] = fmt.Sprint("ws-", i)
		}
		for body, want := range map[string]string{
			document("agent-pools", `{}`):                                                                                  "Name can't be blank",
			document("agent-pools", `{"name":""}`):                                                                         "Name can't be blank",
			document("agent-pools", `{"name":"a b"}`):                                                                      "Name can only include letters, numbers, -, and _.",
			document("agent-pools", `{"name":"a\u0000b"}`):                                                                 "Name can only include",
			document("agent-pools", `{"name":"`+strings.Repeat("x", 91)+`"}`):                                              "Name is too long (maximum is 90 characters)",
			document("agent-pools", `{"name":"pOOL"}`):                                                                     "Name has already been taken",
			document("agent-pools", `{"name":7}`):                                                                          "is not what is expected here",
			document("agent-pools", `{"name":"a"}`, "allowed-workspaces", refs("workspaces", foreign)):                     "must be workspaces of the organization",
			document("agent-pools", `{"name":"a"}`, "excluded-workspaces", refs("workspaces", "ws-none")):                  "must be workspaces of the organization",
			document("agent-pools", `{"name":"a"}`, "allowed-projects", refs("projects", foreignProject)):                  "must be projects of the organization",
			document("agent-pools", `{"name":"a"}`, "allowed-projects", refs("workspaces", "ws-none")):                     `must be of type "projects"`,
			document("agent-pools", `{"name":"a"}`, "allowed-workspaces", refs("workspaces", many...)):                     "No more than 1000 workspaces",
			document("agent-pools", `{"name":"a"}`, "allowed-workspaces", refs("workspaces", strings.Repeat("x", 100000))): "must be workspaces of the organization",
		} {
			if r := s.Do("POST", "/api/v2/organizations/acme/agent-pools", o.Owner.Token, body); r.Status != 422 || !strings.Contains(r.Detail(), want) {
				s.T.Errorf("POST %.120s = %d %s, want 422 %s", body, r.Status, r.Detail(), want)
			}
		}
		if r := s.Do("PATCH", "/api/v2/agent-pools/"+kept, o.Owner.Token, document("agent-pools", `{"name":""}`)); r.Status != 422 {
			s.T.Errorf("PATCH to no name = %d %s, want 422", r.Status, r.Body)
		}
		for _, query := range []string{"sort=hash", "filter[x]=1", "include=hyok-configurations"} {
			if r := s.Do("GET", "/api/v2/organizations/acme/agent-pools?"+query, o.Owner.Token, nil); r.Status != 400 {
				s.T.Errorf("GET with %s = %d %s, want 400", query, r.Status, r.Body)
			}
		}
		list, err := s.Client(o.Owner.Token).AgentPools.List(s.T.Context(), "acme", nil)
		if err != nil || len(list.Items) != 1 || list.Items[0].Name != "Pool" {
			s.T.Errorf("List = %+v, %v, want Pool alone", list, err)
		}
	})
}

func TestListsOfPools(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o, other := s.Org("acme"), s.Org("other")
		project := s.Project(o, "Shop")
		web := s.Workspace(o, project, "web")
		s.Workspace(o, "", "db")
		pool(s, o, "b-all")
		pool(s, o, "a-web", "allowed-workspaces", refs("workspaces", web))
		pool(s, o, "c-shop", "allowed-projects", refs("projects", project))
		pool(s, o, "d-shop-not-web", "allowed-projects", refs("projects", project), "excluded-workspaces", refs("workspaces", web))
		pool(s, other, "foreign")
		path := "/api/v2/organizations/acme/agent-pools?"
		names := func(token, query string) (out []string) {
			for _, d := range s.Do("GET", path+query, token, nil).JSON()["data"].([]any) {
				out = append(out, d.(map[string]any)["attributes"].(map[string]any)["name"].(string))
			}
			return out
		}
		for query, want := range map[string][]string{
			"":                                     {"a-web", "b-all", "c-shop", "d-shop-not-web"},
			"sort=-name":                           {"d-shop-not-web", "c-shop", "b-all", "a-web"},
			"sort=created-at":                      {"b-all", "a-web", "c-shop", "d-shop-not-web"},
			"q=SHOP":                               {"c-shop", "d-shop-not-web"},
			"q=%25":                                nil,
			"filter[allowed_workspaces][name]=Web": {"a-web", "b-all", "c-shop"},
			"filter[allowed-workspaces][name]=db":  {"b-all"},
			"filter[allowed_workspaces][name]=absent":                                      nil,
			"filter[allowed_projects][name]=shop":                                          {"b-all", "c-shop", "d-shop-not-web"},
			"filter[allowed_projects][name]=shop&filter[allowed_workspaces][name]=web&q=c": {"c-shop"},
			"page[size]=1&page[number]=2":                                                  {"b-all"},
		} {
			if diff := cmp.Diff(want, names(o.Owner.Token, query)); diff != "" {
				s.T.Errorf("list with %s:\n%s", query, diff)
			}
		}
		admin := s.With(o, "admin", nil, map[string]string{web: "admin"}).Token
		if diff := cmp.Diff([]string(nil), names(admin, "filter[allowed_workspaces][name]=db")); diff != "" {
			s.T.Errorf("list by a workspace that the caller may not see:\n%s", diff)
		}
		if body := string(s.Do("GET", path, admin, nil).Body); !strings.Contains(body, web) || strings.Contains(body, project) {
			s.T.Errorf("list of who sees web alone = %s, want %s and not %s", body, web, project)
		}
		names(o.Owner.Token, "") // who asks is known from now on
		few := len(s.Statements(func() { names(o.Owner.Token, "") }))
		for i := range 10 {
			pool(s, o, fmt.Sprint("more-", i), "allowed-workspaces", refs("workspaces", web))
		}
		if many := len(s.Statements(func() { names(o.Owner.Token, "") })); many != few {
			s.T.Errorf("statements of a list of 14 = %d, of 4 = %d", many, few)
		}
	})
}

func TestWhoMayUsePools(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o, other := s.Org("acme"), s.Org("other")
		project := s.Project(o, "Shop")
		ws := s.Workspace(o, project, "web")
		with := func(name string, flags []string, at, level string) string {
			return s.With(o, name, flags, map[string]string{at: level}).Token
		}
		for i, w := range []struct {
			who, token  string
			read, write int
		}{
			{"guest", "", 401, 401},
			{"stranger", other.Owner.Token, 404, 404},
			{"member", s.Member(o, "member").Token, 404, 404},
			{"workspace write", with("writer", nil, ws, "write"), 404, 404},
			{"workspace admin", with("wsadmin", nil, ws, "admin"), 200, 404},
			{"project maintain", with("maintainer", nil, project, "maintain"), 200, 404},
			{"manage-workspaces", with("manager", []string{"manage-workspaces"}, ws, "read"), 200, 404},
			{"read-workspaces", with("reader", []string{"read-workspaces"}, ws, "read"), 404, 404},
			{"manage-agent-pools", with("pools", []string{"manage-agent-pools"}, ws, "read"), 200, 200},
			{"organization", s.Token(tokens.Token{Kind: tokens.Org, OrgID: &o.ID}), 200, 200},
			{"owner", o.Owner.Token, 200, 200},
			{"site admin", s.AdminToken(), 200, 200},
		} {
			p := pool(s, o, fmt.Sprint("pool-", i))
			one, all := "/api/v2/agent-pools/"+p, "/api/v2/organizations/acme/agent-pools"
			token := made(s, "POST", one+"/authentication-tokens", o.Owner.Token, document("agent-tokens", `{"description":"x"}`))
			for _, step := range []struct {
				method, path, body string
				denied, allowed    int
			}{
				{"GET", all, "", w.read, 200},
				{"GET", one, "", w.read, 200},
				{"POST", all, document("agent-pools", fmt.Sprintf(`{"name":"made-%d"}`, i)), w.write, 200},
				{"PATCH", one, document("agent-pools", fmt.Sprintf(`{"name":"renamed-%d"}`, i)), w.write, 200},
				{"GET", one + "/agents", "", w.write, 200},
				{"GET", one + "/authentication-tokens", "", w.write, 200},
				{"POST", one + "/authentication-tokens", document("authentication-tokens", `{"description":"y"}`), w.write, 201},
				{"GET", "/api/v2/authentication-tokens/" + token, "", w.write, 200},
				{"DELETE", "/api/v2/authentication-tokens/" + token, "", w.write, 204},
				{"DELETE", one, "", w.write, 204},
			} {
				want := step.denied
				if want < 300 {
					want = step.allowed
				}
				if r := s.Do(step.method, step.path, w.token, step.body); r.Status != want {
					s.T.Errorf("%s %s by %s = %d %s, want %d", step.method, step.path, w.who, r.Status, r.Body, want)
				}
			}
		}
	})
}

package agentpools_test

import (
	"context"
	"strings"
	"testing"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/authz"
)

func TestScopeDecidesWhoMayUseAPool(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o, other := s.Org("acme"), s.Org("other")
		shop, office := s.Project(o, "Shop"), s.Project(o, "Office")
		web, mail := s.Workspace(o, shop, "web"), s.Workspace(o, office, "mail")
		const workspace, project, orgs = "/api/v2/workspaces/", "/api/v2/projects/", "/api/v2/organizations/"
		const noWorkspace, noProject, notAll = "Agent pool workspace does not have access to use this agent pool",
			"Agent pool project does not have access to use this agent pool", "Default agent pool must be scoped to the organization"
		all, onlyWeb := pool(s, o, "all"), pool(s, o, "web", "allowed-workspaces", refs("workspaces", web))
		onlyShop := pool(s, o, "shop", "allowed-projects", refs("projects", shop))
		notWeb := pool(s, o, "not-web", "allowed-projects", refs("projects", shop), "excluded-workspaces", refs("workspaces", web))
		foreign := pool(s, other, "foreign")
		for _, c := range []struct{ path, pool, refused string }{
			{workspace + web, all, ""}, {workspace + mail, all, ""}, {project + shop, all, ""}, {orgs + "acme", all, ""},
			{workspace + web, onlyWeb, ""}, {workspace + mail, onlyWeb, noWorkspace}, {project + shop, onlyWeb, noProject}, {orgs + "acme", onlyWeb, notAll},
			{workspace + web, onlyShop, ""}, {workspace + mail, onlyShop, noWorkspace}, {project + shop, onlyShop, ""}, {project + office, onlyShop, noProject}, {orgs + "acme", onlyShop, notAll},
			{workspace + web, notWeb, noWorkspace}, {project + shop, notWeb, ""},
			{workspace + web, foreign, "does not exist"}, {project + shop, foreign, "does not exist"}, {orgs + "acme", foreign, "could not be found"},
			{workspace + web, "apool-none", "does not exist"}, {project + shop, "apool-none", "does not exist"}, {orgs + "acme", "apool-none", "could not be found"},
			{workspace + web, "", "must be specified when using 'agent' execution mode"}, {orgs + "acme", "", "must be specified when using 'agent' execution mode"},
		} {
			typ := strings.Split(c.path, "/")[3]
			made(s, "PATCH", c.path, o.Owner.Token, document(typ, `{"`+modeOf(typ)+`":"remote"}`))
			r := s.Do("PATCH", c.path, o.Owner.Token, useBody(typ, c.pool))
			switch ok := r.Status == 200; {
			case c.refused == "" && (!ok || !strings.Contains(string(s.Do("GET", c.path, o.Owner.Token, nil).Body), c.pool)):
				s.T.Errorf("PATCH %s to use %s = %d %s, want it used", c.path, c.pool, r.Status, r.Body)
			case c.refused != "" && (r.Status != 422 || !strings.Contains(r.Detail(), c.refused)):
				s.T.Errorf("PATCH %s to use %s = %d %s, want 422 %s", c.path, c.pool, r.Status, r.Detail(), c.refused)
			}
		}
		create := document("workspaces", `{"name":"new","execution-mode":"agent","agent-pool-id":"`+onlyShop+`"}`, "project", `{"type":"projects","id":"`+shop+`"}`)
		if r := s.Do("POST", "/api/v2/organizations/acme/workspaces", o.Owner.Token, create); r.Status != 201 {
			s.T.Errorf("POST of a workspace in the allowed project = %d %s, want 201", r.Status, r.Body)
		}
		if r := s.Do("POST", "/api/v2/organizations/acme/workspaces", o.Owner.Token, strings.NewReplacer(shop, office, `"new"`, `"newer"`).Replace(create)); r.Status != 422 {
			s.T.Errorf("POST of a workspace in another project = %d %s, want 422", r.Status, r.Body)
		}
	})
}

// modeOf is the attribute that sets the execution mode of a type of resource.
func modeOf(typ string) string {
	if typ == "workspaces" {
		return "execution-mode"
	}
	return "default-execution-mode"
}

func TestShrunkenScopeLeavesItsUsers(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o := s.T.Context(), s.Org("acme")
		c, p, ws := s.Client(o.Owner.Token), pool(s, o, "pool"), s.Workspace(o, "", "web")
		use := tfe.WorkspaceUpdateOptions{ExecutionMode: new("agent"), AgentPoolID: &p}
		if _, err := c.Workspaces.UpdateByID(ctx, ws, use); err != nil {
			s.T.Fatal(err)
		}
		if _, err := c.AgentPools.Update(ctx, p, tfe.AgentPoolUpdateOptions{OrganizationScoped: new(false)}); err != nil {
			s.T.Fatal(err)
		}
		use.Description = new("still there")
		if w, err := c.Workspaces.UpdateByID(ctx, ws, use); err != nil || w.AgentPool == nil || w.AgentPool.ID != p {
			s.T.Errorf("Update of who has the pool = %+v, %v, want the pool", w, err)
		}
		if _, err := c.Workspaces.UpdateByID(ctx, ws, tfe.WorkspaceUpdateOptions{ExecutionMode: new("remote")}); err != nil {
			s.T.Fatal(err)
		}
		if _, err := c.Workspaces.UpdateByID(ctx, ws, use); err == nil || !strings.Contains(err.Error(), "does not have access") {
			s.T.Errorf("Update back = %v, want no access", err)
		}
	})
}

// TestPoolIsInherited walks from the organization's default pool over the project's to
// the workspace's own and back.
func TestPoolIsInherited(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o := s.T.Context(), s.Org("acme")
		c, project := s.Client(o.Owner.Token), s.Project(o, "Shop")
		ws := s.Workspace(o, project, "web")
		ofOrg, ofProject, own := pool(s, o, "org"), pool(s, o, "project"), pool(s, o, "own")
		inherit := &tfe.WorkspaceSettingOverwritesOptions{ExecutionMode: new(false), AgentPool: new(false)}
		for _, step := range []struct {
			name, mode, pool, ofProject string
			do                          func() error
		}{
			{"organization", "agent", ofOrg, ofOrg, func() error {
				_, err := c.Organizations.Update(ctx, "acme", tfe.OrganizationUpdateOptions{DefaultExecutionMode: new("agent"), DefaultAgentPool: &tfe.AgentPool{ID: ofOrg}})
				return err
			}},
			{"project", "agent", ofProject, ofProject, func() error {
				_, err := c.Projects.Update(ctx, project, tfe.ProjectUpdateOptions{DefaultExecutionMode: new("agent"), DefaultAgentPoolID: &ofProject})
				return err
			}},
			{"workspace", "agent", own, ofProject, func() error {
				_, err := c.Workspaces.UpdateByID(ctx, ws, tfe.WorkspaceUpdateOptions{ExecutionMode: new("agent"), AgentPoolID: &own})
				return err
			}},
			{"workspace inherits", "agent", ofProject, ofProject, func() error {
				_, err := c.Workspaces.UpdateByID(ctx, ws, tfe.WorkspaceUpdateOptions{SettingOverwrites: inherit})
				return err
			}},
			{"project local", "local", "", "", func() error {
				_, err := c.Projects.Update(ctx, project, tfe.ProjectUpdateOptions{DefaultExecutionMode: new("local")})
				return err
			}},
			{"project inherits", "agent", ofOrg, ofOrg, func() error {
				_, err := c.Projects.Update(ctx, project, tfe.ProjectUpdateOptions{SettingOverwrites: &tfe.ProjectSettingOverwrites{ExecutionMode: new(false), AgentPool: new(false)}})
				return err
			}},
			{"workspace keeps what it inherits", "agent", ofOrg, ofOrg, func() error {
				_, err := c.Workspaces.UpdateByID(ctx, ws, tfe.WorkspaceUpdateOptions{SettingOverwrites: &tfe.WorkspaceSettingOverwritesOptions{ExecutionMode: new(true), AgentPool: new(true)}})
				return err
			}},
			{"organization remote", "agent", ofOrg, "", func() error {
				_, err := c.Organizations.Update(ctx, "acme", tfe.OrganizationUpdateOptions{DefaultExecutionMode: new("remote")})
				return err
			}},
		} {
			if err := step.do(); err != nil {
				s.T.Fatalf("%s: %v", step.name, err)
			}
			w, err := c.Workspaces.ReadByID(ctx, ws)
			if err != nil || w.ExecutionMode != step.mode || idOf(w.AgentPool) != step.pool {
				s.T.Errorf("%s: workspace = %s %s, %v, want %s %s", step.name, w.ExecutionMode, idOf(w.AgentPool), err, step.mode, step.pool)
			}
			if p, err := c.Projects.Read(ctx, project); err != nil || idOf(p.DefaultAgentPool) != step.ofProject {
				s.T.Errorf("%s: project = %s, %v, want %s", step.name, idOf(p.DefaultAgentPool), err, step.ofProject)
			}
		}
	})
}

func idOf(p *tfe.AgentPool) string {
	if p == nil {
		return ""
	}
	return p.ID
}

func TestUsedPoolCannotBeDeleted(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o := s.T.Context(), s.Org("acme")
		c, p, project := s.Client(o.Owner.Token), pool(s, o, "pool"), s.Project(o, "Shop")
		ws := s.Workspace(o, project, "web")
		for _, path := range []string{"workspaces/" + ws, "projects/" + project, "organizations/acme"} {
			typ, _, _ := strings.Cut(path, "/")
			made(s, "PATCH", "/api/v2/"+path, o.Owner.Token, useBody(typ, p))
			if err := c.AgentPools.Delete(ctx, p); err == nil || !strings.Contains(err.Error(), "Agent pool cannot be deleted because it is in use") {
				s.T.Errorf("Delete while %s uses it = %v, want a refusal", path, err)
			}
			if typ != "organizations" {
				made(s, "PATCH", "/api/v2/"+path, o.Owner.Token, document(typ, `{"`+modeOf(typ)+`":"remote"}`))
			}
		}
		if _, err := c.AgentPools.UpdateAllowedProjects(ctx, p, tfe.AgentPoolAllowedProjectsUpdateOptions{AllowedProjects: []*tfe.Project{{ID: project}}}); err != nil {
			s.T.Fatal(err)
		}
		if err := c.Organizations.Delete(ctx, "acme"); err != nil {
			s.T.Errorf("Delete of the organization that uses the pool = %v", err)
		}
		if r := s.Do("GET", "/api/v2/agent-pools/"+p, s.AdminToken(), nil); r.Status != 404 {
			s.T.Errorf("GET of its pool = %d, want 404", r.Status)
		}
	})
}

// TestPoolThatGoesInBetween: between the question whether a pool may be used and its
// use somebody deletes it.
func TestPoolThatGoesInBetween(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o := s.Org("acme")
		gone := func(context.Context, string, authz.Scope) (bool, error) { return true, nil }
		s.App.Orgs.AgentPool, s.App.Projects.AgentPool = gone, gone
		for _, path := range []string{"workspaces/" + s.Workspace(o, "", "web"), "projects/" + s.Project(o, "Shop"), "organizations/acme"} {
			typ, _, _ := strings.Cut(path, "/")
			if r := s.Do("PATCH", "/api/v2/"+path, o.Owner.Token, useBody(typ, "apool-gone")); r.Status != 409 || !strings.Contains(r.Detail(), "just been deleted") {
				s.T.Errorf("PATCH %s = %d %s, want 409", path, r.Status, r.Body)
			}
		}
	})
}

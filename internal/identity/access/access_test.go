package access_test

import (
	"fmt"
	"strings"
	"testing"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/authz"
)

func TestProjectAccessGivesAndTakesRights(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o := s.T.Context(), s.Org("acme")
		c, mia := s.Client(o.Owner.Token), s.Member(o, "mia")
		team, project := makeTeam(s, o, "devs"), defaultProject(s, o)
		s.JoinTeam(team, mia)
		can := func(p authz.Permission) bool {
			s.T.Helper()
			subject, err := s.App.Router.Authenticate(ctx, mia.Token)
			if err != nil {
				s.T.Fatal(err)
			}
			return subject.Can(p, authz.Scope{Org: o.ID, Project: project})
		}
		if can(authz.ReadProject) {
			s.T.Error("a member of a team without access can read the project")
		}
		access, err := c.TeamProjectAccess.Add(ctx, tfe.TeamProjectAccessAddOptions{Access: tfe.TeamProjectAccessRead, Team: &tfe.Team{ID: team}, Project: &tfe.Project{ID: project}})
		if err != nil {
			s.T.Fatal(err)
		}
		if !can(authz.ReadProject) || can(authz.UpdateProject) {
			s.T.Error("read access must let the team read the project and no more")
		}
		custom := tfe.TeamProjectAccessCustom
		access, err = c.TeamProjectAccess.Update(ctx, access.ID, tfe.TeamProjectAccessUpdateOptions{Access: &custom,
			ProjectAccess: &tfe.TeamProjectAccessProjectPermissionsOptions{Settings: new(tfe.ProjectSettingsPermissionUpdate)}})
		if err != nil || access.ProjectAccess.ProjectSettingsPermission != tfe.ProjectSettingsPermissionUpdate ||
			access.WorkspaceAccess.WorkspaceVariablesPermission != tfe.WorkspaceVariablesPermissionRead {
			s.T.Errorf("Update = %+v, %v; want settings update and what read had", access, err)
		}
		if !can(authz.UpdateProject) || can(authz.DeleteProject) {
			s.T.Error("custom access must let the team update the project but not delete it")
		}
		if err := c.TeamProjectAccess.Remove(ctx, access.ID); err != nil {
			s.T.Fatal(err)
		}
		if can(authz.ReadProject) {
			s.T.Error("a team whose access was removed can read the project")
		}
	})
}

func TestProjectAccessRefuses(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o, other := s.Org("acme"), s.Org("other")
		team, project := makeTeam(s, o, "devs"), defaultProject(s, o)
		foreign, elsewhere := makeTeam(s, other, "devs"), defaultProject(s, other)
		body := func(attributes, team, project string) string {
			return fmt.Sprintf(`{"data":{"type":"team-projects","attributes":{%s},"relationships":{"team":{"data":{"type":"teams","id":%q}},"project":{"data":{"type":"projects","id":%q}}}}}`,
				attributes, team, project)
		}
		for _, c := range []struct {
			body   string
			status int
			detail string
		}{
			{body(``, team, project), 422, "Access can't be blank"},
			{body(`"access":"god"`, team, project), 422, "Access is not included in the list"},
			{body(`"access":"custom","workspace-access":{"runs":"fly"}`, team, project), 422, "Runs is not included in the list"},
			{body(`"access":"read","workspace-access":{"runs":"apply"}`, team, project), 422, "Runs is read-only when access level is 'read'; use the 'custom' access level to set this attribute."},
			{body(`"access":"read"`, "", project), 422, "Team can't be blank"},
			{body(`"access":"read"`, team, ""), 422, "Project can't be blank"},
			{body(`"access":"read"`, team, "prj-nothing"), 404, ""},
			{body(`"access":"read"`, "team-nothing", project), 404, ""},
			{body(`"access":"read"`, foreign, project), 404, ""},
			{body(`"access":"read"`, team, elsewhere), 404, ""},
		} {
			if r := s.Do("POST", "/api/v2/team-projects", o.Owner.Token, c.body); r.Status != c.status || !strings.Contains(r.Detail(), c.detail) {
				s.T.Errorf("POST %s = %d %q, want %d with %q", c.body, r.Status, r.Detail(), c.status, c.detail)
			}
		}
		good := body(`"access":"write"`, team, project)
		if r := s.Do("POST", "/api/v2/team-projects", o.Owner.Token, good); r.Status != 201 {
			s.T.Errorf("POST = %d %s", r.Status, r.Body)
		}
		if r := s.Do("POST", "/api/v2/team-projects", o.Owner.Token, good); r.Status != 422 || !strings.Contains(r.Detail(), "already") {
			s.T.Errorf("POST again = %d %q, want 422", r.Status, r.Detail())
		}
		if r := s.Do("GET", "/api/v2/team-projects", o.Owner.Token, nil); r.Status != 400 || !strings.Contains(r.Detail(), "filter[project][id]") {
			s.T.Errorf("GET without a filter = %d %q, want 400", r.Status, r.Detail())
		}
	})
}

func TestWhoGivesProjectAccess(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o := s.Org("acme")
		project := defaultProject(s, o)
		give := func(token, team, level string) *apptest.Response {
			return s.Do("POST", "/api/v2/team-projects", token, fmt.Sprintf(`{"data":{"type":"team-projects","attributes":{"access":%q},
			"relationships":{"team":{"data":{"type":"teams","id":%q}},"project":{"data":{"type":"projects","id":%q}}}}}`, level, team, project))
		}
		with := func(name, level string) apptest.User {
			u, team := s.Member(o, name), makeTeam(s, o, name)
			s.JoinTeam(team, u)
			if r := give(o.Owner.Token, team, level); r.Status != 201 {
				s.T.Fatalf("POST %s = %d %s", level, r.Status, r.Body)
			}
			return u
		}
		reader, admin := with("reader", "read"), with("admin", "admin")
		for _, c := range []struct {
			who, token string
			list, add  int
		}{
			{"guest", "", 401, 401}, {"stranger", s.User("sam").Token, 404, 404}, {"member", s.Member(o, "mia").Token, 404, 404},
			{"reader", reader.Token, 404, 404}, {"project admin", admin.Token, 200, 201}, {"owner", o.Owner.Token, 200, 201},
		} {
			if r := s.Do("GET", "/api/v2/team-projects?filter[project][id]="+project, c.token, nil); r.Status != c.list {
				s.T.Errorf("list by a %s = %d, want %d", c.who, r.Status, c.list)
			}
			team := makeVisibleTeam(s, o, strings.ReplaceAll(c.who, " ", "-")+"-target")
			if r := give(c.token, team, "read"); r.Status != c.add {
				s.T.Errorf("add by a %s = %d %s, want %d", c.who, r.Status, r.Body, c.add)
			}
		}
	})
}

func makeTeam(s *apptest.Server, o apptest.Org, name string) string {
	return team(s, o, name, "secret")
}

func makeVisibleTeam(s *apptest.Server, o apptest.Org, name string) string {
	return team(s, o, name, "organization")
}

func team(s *apptest.Server, o apptest.Org, name, visibility string) string {
	s.T.Helper()
	t, err := s.Client(o.Owner.Token).Teams.Create(s.T.Context(), o.Name, tfe.TeamCreateOptions{Name: &name, Visibility: &visibility})
	if err != nil {
		s.T.Fatal(err)
	}
	return t.ID
}

func defaultProject(s *apptest.Server, o apptest.Org) string {
	s.T.Helper()
	org, err := s.Client(o.Owner.Token).Organizations.Read(s.T.Context(), o.Name)
	if err != nil {
		s.T.Fatal(err)
	}
	return org.DefaultProject.ID
}

func TestWorkspaceAccessGivesRights(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o := s.T.Context(), s.Org("acme")
		c, mia := s.Client(o.Owner.Token), s.Member(o, "mia")
		team := makeTeam(s, o, "devs")
		s.JoinTeam(team, mia)
		ws, err := c.Workspaces.Create(ctx, "acme", tfe.WorkspaceCreateOptions{Name: new("app")})
		if err != nil {
			s.T.Fatal(err)
		}
		read := func() int { return s.Do("GET", "/api/v2/workspaces/"+ws.ID, mia.Token, nil).Status }
		lock := func() int {
			return s.Do("POST", "/api/v2/workspaces/"+ws.ID+"/actions/lock", mia.Token, nil).Status
		}
		if got := read(); got != 404 {
			s.T.Errorf("GET without access = %d, want 404", got)
		}
		access, err := c.TeamAccess.Add(ctx, tfe.TeamAccessAddOptions{Access: tfe.Access(tfe.AccessPlan), Team: &tfe.Team{ID: team}, Workspace: ws})
		if err != nil || access.Runs != tfe.RunsPermissionPlan || access.StateVersions != tfe.StateVersionsPermissionRead || access.WorkspaceLocking {
			s.T.Fatalf("Add = %+v, %v", access, err)
		}
		if r, l := read(), lock(); r != 200 || l == 200 {
			s.T.Errorf("GET, lock with access plan = %d, %d; want 200 and a refusal", r, l)
		}
		access, err = c.TeamAccess.Update(ctx, access.ID, tfe.TeamAccessUpdateOptions{Access: tfe.Access(tfe.AccessCustom), WorkspaceLocking: new(true)})
		if err != nil || !access.WorkspaceLocking || access.Runs != tfe.RunsPermissionPlan {
			s.T.Errorf("Update = %+v, %v; want locking beside what plan had", access, err)
		}
		if got := lock(); got != 200 {
			s.T.Errorf("lock with custom access = %d, want 200", got)
		}
		// Policy overrides are delegated by who may: an admin of the workspace may not.
		admins := makeTeam(s, o, "admins")
		if _, err := c.TeamAccess.Add(ctx, tfe.TeamAccessAddOptions{Access: tfe.Access(tfe.AccessAdmin), Team: &tfe.Team{ID: admins}, Workspace: ws}); err != nil {
			s.T.Fatal(err)
		}
		admin := s.Member(o, "ann")
		s.JoinTeam(admins, admin)
		override := `{"data":{"type":"team-workspaces","attributes":{"policy-overrides":true}}}`
		for i, token := range []string{admin.Token, o.Owner.Token} {
			if r, want := s.Do("PATCH", "/api/v2/team-workspaces/"+access.ID, token, override), []int{403, 200}[i]; r.Status != want {
				s.T.Errorf("PATCH policy-overrides = %d %s, want %d", r.Status, r.Body, want)
			}
		}
		// The members of the team see its access; others do not.
		for token, want := range map[string]int{mia.Token: 200, admin.Token: 404} {
			if r := s.Do("GET", "/api/v2/team-workspaces?filter[team][id]="+team, token, nil); r.Status != want {
				s.T.Errorf("GET by team = %d, want %d", r.Status, want)
			}
		}
		if err := c.TeamAccess.Remove(ctx, access.ID); err != nil {
			s.T.Fatal(err)
		}
		if got := read(); got != 404 {
			s.T.Errorf("GET after the access was removed = %d, want 404", got)
		}
	})
}

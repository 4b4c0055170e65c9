package apptest

import (
	"strings"

	"plumbline.dev/plumbline/internal/identity/access"
	"plumbline.dev/plumbline/internal/identity/teams"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/workspace/projects"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// Project makes a project and returns its id.
func (s *Server) Project(o Org, name string) string {
	s.tb.Helper()
	p := projects.Project{ID: id.New("prj"), OrgID: o.ID, Name: name, NameLower: strings.ToLower(name), CreatedAt: db.Now()}
	s.must(s.DB.Insert(s.tb.Context(), "projects", p))
	return p.ID
}

// Workspace makes a workspace in the project, "" is the default project, and returns
// its id.
func (s *Server) Workspace(o Org, projectID, name string) string {
	s.tb.Helper()
	if projectID == "" {
		p, err := s.App.Projects.Default(s.tb.Context(), o.ID)
		s.must(err)
		projectID = p.ID
	}
	w := workspaces.Workspace{ID: id.New("ws"), OrgID: o.ID, ProjectID: projectID, Name: name, NameLower: strings.ToLower(name),
		TerraformVersion: "latest", InheritsProjectAutoDestroy: true, LatestChangeAt: db.Now(), CreatedAt: db.Now(), UpdatedAt: db.Now()}
	s.must(s.DB.Insert(s.tb.Context(), "workspaces", w))
	return w.ID
}

// With makes a member of the organization in a team of its own that has the given
// organization flags, such as "manage-workspaces", and the given access to places:
// "read" to "ws-…" or "maintain" to "prj-…".
func (s *Server) With(o Org, name string, flags []string, levels map[string]string) User {
	s.tb.Helper()
	ctx, u, team := s.tb.Context(), s.Member(o, name), id.New("team")
	set := map[string]bool{}
	for _, f := range flags {
		set[f] = true
	}
	s.must(s.DB.Insert(ctx, "teams", teams.Team{ID: team, OrgID: o.ID, Name: name, NameLower: strings.ToLower(name), Access: db.AsJSON(set),
		Visibility: "organization", CreatedAt: db.Now()}))
	for place, level := range levels {
		query := `INSERT INTO team_workspaces (id, team_id, workspace_id, access, permissions) VALUES (?, ?, ?, ?, '{}')`
		if strings.HasPrefix(place, "prj-") {
			query = `INSERT INTO team_projects (id, team_id, project_id, access, project_access, workspace_access) VALUES (?, ?, ?, ?, '{}', '{}')`
		}
		_, err := s.DB.Exec(ctx, query, id.New("tws"), team, place, level)
		s.must(err)
	}
	s.JoinTeam(team, u)
	access.Changed(ctx, s.App.Bus)
	return u
}

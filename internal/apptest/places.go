package apptest

import (
	"fmt"
	"net/http"
	"strings"

	"plumbline.dev/plumbline/internal/delivery/runs"
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

// WaitingRun makes a run that waits, because its workspace is locked by the owner of the
// organization.
func (s *Server) WaitingRun(o Org, workspaceID string) runs.Run {
	s.tb.Helper()
	base := "/api/v2/workspaces/" + workspaceID
	if r := s.Do("POST", base+"/actions/lock", o.Owner.Token, nil); r.Status != http.StatusOK && r.Status != http.StatusConflict {
		s.tb.Fatalf("locking the workspace = %d %s", r.Status, r.Body)
	}
	version := s.posted(o, base+"/configuration-versions", `{"data":{"type":"configuration-versions","attributes":{"auto-queue-runs":false}}}`)
	_, err := s.DB.Exec(s.tb.Context(), `UPDATE configuration_versions SET status = 'uploaded' WHERE id = ?`, version)
	s.must(err)
	run := s.posted(o, "/api/v2/runs", fmt.Sprintf(`{"data":{"type":"runs","relationships":{"workspace":{"data":{"type":"workspaces","id":%q}},
		"configuration-version":{"data":{"type":"configuration-versions","id":%q}}}}}`, workspaceID, version))
	r, err := s.App.Runs.Find(s.tb.Context(), run)
	s.must(err)
	return r
}

// posted makes a resource as the owner of an organization, and returns its id.
func (s *Server) posted(o Org, path, body string) string {
	s.tb.Helper()
	r := s.Do("POST", path, o.Owner.Token, body)
	if r.Status != http.StatusCreated {
		s.tb.Fatalf("POST %s = %d %s", path, r.Status, r.Body)
	}
	return r.JSON()["data"].(map[string]any)["id"].(string)
}

package access

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// ToProject is what a team may do in a project and in every workspace of it.
type ToProject struct {
	ID        string                              `db:"id"`
	TeamID    string                              `db:"team_id"`
	ProjectID string                              `db:"project_id"`
	Access    string                              `db:"access"` // a level of authz.ProjectLevels, or custom
	Project   db.JSON[authz.ProjectPermissions]   `db:"project_access"`
	Workspace db.JSON[authz.WorkspacePermissions] `db:"workspace_access"`

	in authz.Scope
}

// Scope implements authz.Scoped.
func (a ToProject) Scope() authz.Scope { return a.in }

type projectAttributes struct {
	Access    string                 `json:"access"`
	Project   projectPermissions     `json:"project-access"`
	Workspace projectWorkspaceAccess `json:"workspace-access"`
}

type projectPermissions struct {
	Settings     string `json:"settings"`
	Teams        string `json:"teams"`
	VariableSets string `json:"variable-sets"`
}

type projectWorkspaceAccess struct {
	Create          bool   `json:"create"`
	Move            bool   `json:"move"`
	Locking         bool   `json:"locking"`
	Delete          bool   `json:"delete"`
	Runs            string `json:"runs"`
	Variables       string `json:"variables"`
	StateVersions   string `json:"state-versions"`
	SentinelMocks   string `json:"sentinel-mocks"`
	RunTasks        bool   `json:"run-tasks"`
	PolicyOverrides bool   `json:"policy-overrides"`
}

// viewProject is access to a project as clients see it.
func viewProject(_ context.Context, a ToProject) jsonapi.Resource {
	w := a.Workspace.V
	return jsonapi.Resource{
		Type: "team-projects", ID: a.ID,
		Attributes: projectAttributes{a.Access, projectPermissions(a.Project.V), projectWorkspaceAccess{w.Create, w.Move, w.WorkspaceLocking, w.Delete,
			w.Runs, w.Variables, w.StateVersions, w.SentinelMocks, w.RunTasks, w.PolicyOverrides}},
		Relationships: jsonapi.Relationships{
			"team":    jsonapi.ToOneAt("teams", a.TeamID, "/api/v2/teams/"+a.TeamID),
			"project": jsonapi.ToOneAt("projects", a.ProjectID, "/api/v2/projects/"+a.ProjectID),
		},
		Links: jsonapi.Self("/api/v2/team-projects/" + a.ID),
	}
}

type projectRequest struct {
	Access  jsonapi.Opt[string] `json:"access"`
	Project struct {
		Settings     jsonapi.Opt[string] `json:"settings"`
		Teams        jsonapi.Opt[string] `json:"teams"`
		VariableSets jsonapi.Opt[string] `json:"variable-sets"`
	} `json:"project-access"`
	Workspace struct {
		Create          jsonapi.Opt[bool]   `json:"create"`
		Move            jsonapi.Opt[bool]   `json:"move"`
		Locking         jsonapi.Opt[bool]   `json:"locking"`
		Delete          jsonapi.Opt[bool]   `json:"delete"`
		Runs            jsonapi.Opt[string] `json:"runs"`
		Variables       jsonapi.Opt[string] `json:"variables"`
		StateVersions   jsonapi.Opt[string] `json:"state-versions"`
		SentinelMocks   jsonapi.Opt[string] `json:"sentinel-mocks"`
		RunTasks        jsonapi.Opt[bool]   `json:"run-tasks"`
		PolicyOverrides jsonapi.Opt[bool]   `json:"policy-overrides"`
	} `json:"workspace-access"`
}

// apply changes a as the request says. The parts of a fixed level are the level's; a
// change to custom starts from them.
func (a *ToProject) apply(ctx context.Context, r projectRequest) error {
	level, err := levelOf(r.Access, a.Access, projectLevels)
	if err != nil {
		return err
	}
	if level != custom || a.Access == "" {
		a.Project.V, a.Workspace.V = projectLevels[level].project, projectLevels[level].workspace
	}
	a.Access = level
	c, p, w := choice{level: level, pointer: "project-access/"}, &a.Project.V, &a.Workspace.V
	c.word("settings", r.Project.Settings, &p.Settings, "read", "update", "delete")
	c.word("teams", r.Project.Teams, &p.Teams, "none", "read", "manage")
	c.word("variable-sets", r.Project.VariableSets, &p.VariableSets, "none", "read", "write")
	c.pointer = "workspace-access/"
	c.word("runs", r.Workspace.Runs, &w.Runs, "read", "plan", "apply")
	c.word("variables", r.Workspace.Variables, &w.Variables, "none", "read", "write")
	c.word("state-versions", r.Workspace.StateVersions, &w.StateVersions, "none", "read-outputs", "read", "write")
	c.word("sentinel-mocks", r.Workspace.SentinelMocks, &w.SentinelMocks, "none", "read")
	c.flag("create", r.Workspace.Create, &w.Create)
	c.flag("move", r.Workspace.Move, &w.Move)
	c.flag("locking", r.Workspace.Locking, &w.WorkspaceLocking)
	c.flag("delete", r.Workspace.Delete, &w.Delete)
	c.flag("run-tasks", r.Workspace.RunTasks, &w.RunTasks)
	c.flag("policy-overrides", r.Workspace.PolicyOverrides, &w.PolicyOverrides)
	return c.err(authz.Can(ctx, authz.DelegatePolicyOverrides, a.in))
}

func (f *Feature) project(needs authz.Permission) place {
	return place{"project", "projects", needs, f.FindProject}
}

func (f *Feature) listProjects(ctx context.Context, _ authz.Site, q api.Query) (api.Page[ToProject], error) {
	cond, args, in, err := f.filtered(ctx, q, f.project(authz.ReadProjectTeams), "project_id")
	if err != nil {
		return api.Page[ToProject]{}, err
	}
	page, err := api.Select[ToProject](ctx, f.DB, q, `FROM team_projects WHERE `+cond+` ORDER BY id`, args...)
	for i := range page.Items {
		page.Items[i].in = in
	}
	return page, err
}

func (f *Feature) addProject(ctx context.Context, _ authz.Site, in jsonapi.In[projectRequest]) (ToProject, error) {
	a := ToProject{ID: id.New("tprj")}
	var err error
	if a.TeamID, a.in, a.ProjectID, err = f.ends(ctx, f.project(authz.ManageProjectTeams), in.Data.One); err != nil {
		return a, err
	}
	if err := a.apply(ctx, in.Data.Attributes); err != nil {
		return a, err
	}
	Changed(ctx, f.Bus)
	return a, again(f.DB.Insert(ctx, "team_projects", a), "project")
}

func (f *Feature) updateProject(ctx context.Context, a ToProject, in jsonapi.In[projectRequest]) (ToProject, error) {
	if err := a.apply(ctx, in.Data.Attributes); err != nil {
		return a, err
	}
	Changed(ctx, f.Bus)
	return a, f.DB.Update(ctx, "team_projects", a, "access", "project_access", "workspace_access")
}

func (f *Feature) removeProject(ctx context.Context, a ToProject) error {
	Changed(ctx, f.Bus)
	return f.DB.Delete(ctx, "team_projects", a.ID)
}

func (f *Feature) findProject(ctx context.Context, id string) (ToProject, error) {
	a, err := db.One[ToProject](ctx, f.DB, `FROM team_projects WHERE id = ?`, id)
	if err != nil {
		return a, err
	}
	a.in, err = f.FindProject(ctx, a.ProjectID)
	return a, err
}

package access

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// ToWorkspace is what a team may do in a workspace.
type ToWorkspace struct {
	ID          string                              `db:"id"`
	TeamID      string                              `db:"team_id"`
	WorkspaceID string                              `db:"workspace_id"`
	Access      string                              `db:"access"`      // a level of authz.WorkspaceLevels, or custom
	Parts       db.JSON[authz.WorkspacePermissions] `db:"permissions"` // what it shows; counts if custom

	in authz.Scope
}

// Scope implements authz.Scoped.
func (a ToWorkspace) Scope() authz.Scope { return a.in }

type workspaceAttributes struct {
	Access           string `json:"access"`
	Runs             string `json:"runs"`
	Variables        string `json:"variables"`
	StateVersions    string `json:"state-versions"`
	SentinelMocks    string `json:"sentinel-mocks"`
	WorkspaceLocking bool   `json:"workspace-locking"`
	RunTasks         bool   `json:"run-tasks"`
	PolicyOverrides  bool   `json:"policy-overrides"`
}

// viewWorkspace is access to a workspace as clients see it.
func viewWorkspace(_ context.Context, a ToWorkspace) jsonapi.Resource {
	p := a.Parts.V
	return jsonapi.Resource{
		Type: "team-workspaces", ID: a.ID,
		Attributes: workspaceAttributes{a.Access, p.Runs, p.Variables, p.StateVersions, p.SentinelMocks, p.WorkspaceLocking, p.RunTasks, p.PolicyOverrides},
		Relationships: jsonapi.Relationships{
			"team":      jsonapi.ToOneAt("teams", a.TeamID, "/api/v2/teams/"+a.TeamID),
			"workspace": jsonapi.ToOneAt("workspaces", a.WorkspaceID, "/api/v2/workspaces/"+a.WorkspaceID),
		},
		Links: jsonapi.Self("/api/v2/team-workspaces/" + a.ID),
	}
}

type workspaceRequest struct {
	Access           jsonapi.Opt[string] `json:"access"`
	Runs             jsonapi.Opt[string] `json:"runs"`
	Variables        jsonapi.Opt[string] `json:"variables"`
	StateVersions    jsonapi.Opt[string] `json:"state-versions"`
	SentinelMocks    jsonapi.Opt[string] `json:"sentinel-mocks"`
	WorkspaceLocking jsonapi.Opt[bool]   `json:"workspace-locking"`
	RunTasks         jsonapi.Opt[bool]   `json:"run-tasks"`
	PolicyOverrides  jsonapi.Opt[bool]   `json:"policy-overrides"`
}

// apply changes a as the request says. The parts of a fixed level are the level's; a
// change to custom starts from them.
func (a *ToWorkspace) apply(ctx context.Context, r workspaceRequest) error {
	level, err := levelOf(r.Access, a.Access, workspaceParts)
	if err != nil {
		return err
	}
	if level != custom || a.Access == "" {
		a.Parts.V = workspaceParts[level]
	}
	a.Access = level
	c, p := choice{level: level}, &a.Parts.V
	c.word("runs", r.Runs, &p.Runs, "read", "plan", "apply")
	c.word("variables", r.Variables, &p.Variables, "none", "read", "write")
	c.word("state-versions", r.StateVersions, &p.StateVersions, "none", "read-outputs", "read", "write")
	c.word("sentinel-mocks", r.SentinelMocks, &p.SentinelMocks, "none", "read")
	c.flag("workspace-locking", r.WorkspaceLocking, &p.WorkspaceLocking)
	c.flag("run-tasks", r.RunTasks, &p.RunTasks)
	c.flag("policy-overrides", r.PolicyOverrides, &p.PolicyOverrides)
	return c.err(authz.Can(ctx, authz.DelegatePolicyOverrides, a.in))
}

func (f *Feature) workspace() place {
	return place{"workspace", "workspaces", authz.ManageWorkspaceTeams, f.FindWorkspace}
}

func (f *Feature) listWorkspaces(ctx context.Context, _ authz.Site, q api.Query) (api.Page[ToWorkspace], error) {
	cond, args, in, err := f.filtered(ctx, q, f.workspace(), "workspace_id")
	if err != nil {
		return api.Page[ToWorkspace]{}, err
	}
	page, err := api.Select[ToWorkspace](ctx, f.DB, q, `FROM team_workspaces WHERE `+cond+` ORDER BY id`, args...)
	for i := range page.Items {
		page.Items[i].in = in
	}
	return page, err
}

func (f *Feature) addWorkspace(ctx context.Context, _ authz.Site, in jsonapi.In[workspaceRequest]) (ToWorkspace, error) {
	a := ToWorkspace{ID: id.New("tws")}
	var err error
	if a.TeamID, a.in, a.WorkspaceID, err = f.ends(ctx, f.workspace(), in.Data.One); err != nil {
		return a, err
	}
	if err := a.apply(ctx, in.Data.Attributes); err != nil {
		return a, err
	}
	Changed(ctx, f.Bus)
	return a, again(f.DB.Insert(ctx, "team_workspaces", a), "workspace")
}

func (f *Feature) updateWorkspace(ctx context.Context, a ToWorkspace, in jsonapi.In[workspaceRequest]) (ToWorkspace, error) {
	if err := a.apply(ctx, in.Data.Attributes); err != nil {
		return a, err
	}
	Changed(ctx, f.Bus)
	return a, f.DB.Update(ctx, "team_workspaces", a, "access", "permissions")
}

func (f *Feature) removeWorkspace(ctx context.Context, a ToWorkspace) error {
	Changed(ctx, f.Bus)
	return f.DB.Delete(ctx, "team_workspaces", a.ID)
}

func (f *Feature) findWorkspace(ctx context.Context, id string) (ToWorkspace, error) {
	a, err := db.One[ToWorkspace](ctx, f.DB, `FROM team_workspaces WHERE id = ?`, id)
	if err != nil {
		return a, err
	}
	a.in, err = f.FindWorkspace(ctx, a.WorkspaceID)
	return a, err
}

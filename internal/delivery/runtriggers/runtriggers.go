// Package runtriggers connects workspaces: when a run of a source workspace was
// applied, a run is queued in each workspace that names it as its source.
//
// The surprising rule: the new runs are not made in the transaction that ends the
// applied one, which would lock many workspaces at once, but by a job for each trigger
// afterwards. A row for each pair of trigger and applied run sees to it that a job that
// is done twice queues one run.
package runtriggers

import (
	"context"

	"plumbline.dev/plumbline/internal/delivery/runs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// Trigger connects a workspace with a source.
type Trigger struct {
	ID          string  `db:"id"`
	OrgID       string  `db:"org_id"`
	WorkspaceID string  `db:"workspace_id"`
	SourceID    string  `db:"source_id"`
	CreatedAt   db.Time `db:"created_at"`

	WorkspaceName   string `db:"workspace_name,extra"`
	ProjectID       string `db:"project_id,extra"` // of the workspace
	SourceName      string `db:"source_name,extra"`
	SourceProjectID string `db:"source_project_id,extra"`

	bySource bool // who asks may see the source, not the workspace
}

const selectTriggers = `SELECT {t}, w.name AS workspace_name, w.project_id AS project_id, s.name AS source_name, s.project_id AS source_project_id FROM run_triggers t
	JOIN workspaces w ON w.id = t.workspace_id JOIN workspaces s ON s.id = t.source_id`

// Scope implements authz.Scoped.
func (t Trigger) Scope() authz.Scope {
	if t.bySource {
		return authz.Scope{Org: t.OrgID, Project: t.SourceProjectID, Workspace: t.SourceID}
	}
	return authz.Scope{Org: t.OrgID, Project: t.ProjectID, Workspace: t.WorkspaceID}
}

// Feature serves run triggers.
type Feature struct {
	DB         *db.DB
	Workspaces *workspaces.Feature
	Jobs       *jobs.Queue
	Runs       *runs.Feature
}

// Routes adds the endpoints of this package to r, its job to Jobs, and what it waits for
// to Runs.
func (f *Feature) Routes(r *api.Router) {
	const all, one = "/workspaces/{id}/run-triggers", "/run-triggers/{id}"
	jobs.Handle(f.Jobs, f.fire)
	f.Runs.OnEnd = append(f.Runs.OnEnd, f.ended)
	api.Type(r, "run-triggers", authz.ReadRuns, f.byIDs, view)
	api.List(r, all, authz.ReadRuns, f.Workspaces.Find, f.list, api.Params(direction))
	api.Create(r, all, authz.UpdateWorkspace, f.Workspaces.Lock, f.create)
	api.Read(r, one, authz.ReadRuns, f.readable)
	api.Delete(r, one, authz.UpdateWorkspace, f.Find, f.delete)
}

// view is a trigger as clients see it.
func view(_ context.Context, t Trigger) jsonapi.Resource {
	return jsonapi.Resource{
		Type: "run-triggers", ID: t.ID, Links: jsonapi.Self("/api/v2/run-triggers/" + t.ID),
		Attributes: attributes{WorkspaceName: t.WorkspaceName, SourceableName: t.SourceName, CreatedAt: t.CreatedAt},
		Relationships: jsonapi.Relationships{
			"workspace":  jsonapi.ToOne("workspaces", t.WorkspaceID),
			"sourceable": jsonapi.ToOne("workspaces", t.SourceID),
		},
	}
}

type attributes struct {
	WorkspaceName  string  `json:"workspace-name"`
	SourceableName string  `json:"sourceable-name"`
	CreatedAt      db.Time `json:"created-at"`
}

// maxSources is how many sources a workspace may have (run-triggers.md).
const maxSources = 20

func (f *Feature) create(ctx context.Context, w workspaces.Workspace, in jsonapi.In[struct{}]) (Trigger, error) {
	ref, _ := in.Data.One("sourceable")
	switch {
	case ref.ID == "":
		return Trigger{}, problem.InvalidRelation("sourceable", "Sourceable can't be blank")
	case ref.Type != "workspaces":
		return Trigger{}, problem.InvalidRelation("sourceable", "Sourceable must be a workspace")
	case ref.ID == w.ID:
		return Trigger{}, problem.InvalidRelation("sourceable", "Sourceable cannot be the workspace itself")
	}
	source, err := f.Workspaces.Find(ctx, ref.ID)
	if err != nil {
		return Trigger{}, err
	}
	if source.OrgID != w.OrgID || !authz.Can(ctx, authz.ReadRuns, source.Scope()) {
		return Trigger{}, problem.NotFound
	}
	n, err := db.One[int](ctx, f.DB, `SELECT COUNT(*) FROM run_triggers WHERE workspace_id = ?`, w.ID)
	if err != nil {
		return Trigger{}, err
	}
	if n >= maxSources {
		return Trigger{}, problem.InvalidRelation("sourceable", "Workspace has the maximum of %d source workspaces", maxSources)
	}
	t := Trigger{
		ID: id.New("rt"), OrgID: w.OrgID, WorkspaceID: w.ID, SourceID: source.ID, CreatedAt: db.Now(),
		WorkspaceName: w.Name, ProjectID: w.ProjectID, SourceName: source.Name, SourceProjectID: source.ProjectID,
	}
	err = f.DB.Insert(ctx, "run_triggers", t)
	if db.IsUnique(err) {
		err = problem.InvalidRelation("sourceable", "Sourceable has already been taken")
	}
	return t, err
}

func (f *Feature) delete(ctx context.Context, t Trigger) error {
	return f.DB.Delete(ctx, "run_triggers", t.ID)
}

// direction is the filter that a list cannot do without.
const direction = "filter[run-trigger][type]"

func (f *Feature) list(ctx context.Context, w workspaces.Workspace, q api.Query) (api.Page[Trigger], error) {
	column := map[string]string{"inbound": "workspace_id", "outbound": "source_id"}[q.Get(direction)]
	if column == "" {
		return api.Page[Trigger]{}, problem.BadRequest("Invalid filter parameter: %s must be inbound or outbound", direction)
	}
	return api.Select[Trigger](ctx, f.DB, q, selectTriggers+` WHERE t.`+column+` = ? ORDER BY t.created_at, t.id`, w.ID)
}

// Find returns the trigger with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Trigger, error) {
	return db.One[Trigger](ctx, f.DB, selectTriggers+` WHERE t.id = ?`, id)
}

// readable is Find for who may see it in either workspace.
func (f *Feature) readable(ctx context.Context, id string) (Trigger, error) {
	t, err := f.Find(ctx, id)
	t.bySource = !authz.Can(ctx, authz.ReadRuns, t.Scope())
	return t, err
}

func (f *Feature) byIDs(ctx context.Context, ids []string) ([]Trigger, error) {
	return db.In[Trigger](ctx, f.DB, selectTriggers+` WHERE t.id IN (?)`, ids)
}

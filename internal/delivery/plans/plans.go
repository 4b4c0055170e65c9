// Package plans keeps the plans of runs: how far each has got, what it would change, and
// what it left: its log, the plan file, and its JSON forms.
//
// The surprising rule: the full JSON of a plan has sensitive values in it, so that only
// who administers the workspace may read it. Everybody who sees the run may read the
// redacted form, which executors make.
package plans

import (
	"context"
	"io"
	"time"

	"plumbline.dev/plumbline/internal/delivery/logs"
	"plumbline.dev/plumbline/internal/delivery/outputs"
	"plumbline.dev/plumbline/internal/delivery/progress"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jobs"
)

// Plan is the plan of a run.
type Plan struct {
	ID              string                      `db:"id"`
	RunID           string                      `db:"run_id"`
	OrgID           string                      `db:"org_id"`
	WorkspaceID     string                      `db:"workspace_id"`
	Status          progress.Status             `db:"status"`
	Execution       db.JSON[progress.Execution] `db:"execution"`
	Structured      bool                        `db:"structured"`
	EngineVersion   string                      `db:"engine_version"`
	HasChanges      bool                        `db:"has_changes"`
	Generated       bool                        `db:"generated"`
	Additions       *int                        `db:"additions"`
	Changes         *int                        `db:"changes"`
	Destructions    *int                        `db:"destructions"`
	Imports         *int                        `db:"imports"`
	Actions         *int                        `db:"actions"`
	CreatedAt       db.Time                     `db:"created_at"`
	QueuedAt        *db.Time                    `db:"queued_at"`
	StartedAt       *db.Time                    `db:"started_at"`
	FinishedAt      *db.Time                    `db:"finished_at"`
	ErroredAt       *db.Time                    `db:"errored_at"`
	CanceledAt      *db.Time                    `db:"canceled_at"`
	ForceCanceledAt *db.Time                    `db:"force_canceled_at"`
	DeletedAt       *db.Time                    `db:"deleted_at"`
	DestroyedAt     *db.Time                    `db:"destroyed_at"`

	ProjectID string `db:"project_id,extra"`

	exports []string
}

// Scope implements authz.Scoped.
func (p Plan) Scope() authz.Scope {
	return authz.Scope{Org: p.OrgID, Project: p.ProjectID, Workspace: p.WorkspaceID}
}

// New is a plan that is to be made with its run.
type New struct {
	RunID       string
	OrgID       string
	WorkspaceID string
	Structured  bool // the workspace has structured run output
}

// Feature serves plans.
type Feature struct {
	DB      *db.DB
	Jobs    *jobs.Queue
	Logs    *logs.Feature
	Outputs *outputs.Store
	// Grace is how long logs and outputs can be restored after they were deleted.
	Grace time.Duration
	// InUse reports whether a run is in progress, so that its plan is needed.
	InUse func(ctx context.Context, runID string) (bool, error)
	// Exports returns the ids of the exports of plans, by plan.
	Exports func(ctx context.Context, planIDs []string) (map[string][]string, error)

	router *api.Router
}

// Create makes the plan of a run, in the run's transaction.
func (f *Feature) Create(ctx context.Context, n New) (planID string, err error) {
	p := Plan{ID: id.New("plan"), RunID: n.RunID, OrgID: n.OrgID, WorkspaceID: n.WorkspaceID, Status: progress.Pending, Structured: n.Structured, CreatedAt: db.Now()}
	return p.ID, f.DB.Insert(ctx, "plans", p)
}

// Move changes the status of a plan in the transaction of ctx. The log begins when it is
// queued at the latest, and ends with a final status; what the server says in the log, it
// says before.
func (f *Feature) Move(ctx context.Context, id string, to progress.Status) error {
	moved, err := progress.Move(ctx, f.DB, "plans", id, to)
	if err != nil || !moved {
		return err
	}
	if to != progress.Unreachable && to != progress.Running {
		if err := f.openLog(ctx, id); err != nil {
			return err
		}
	}
	if to == progress.ForceCanceled || to != progress.Unreachable && to.Final() {
		return f.Logs.Close(ctx, id)
	}
	return nil
}

// Say adds a line of the server to the log of a plan, which begins by it if it has to.
func (f *Feature) Say(ctx context.Context, id, line string) error {
	if err := f.openLog(ctx, id); err != nil {
		return err
	}
	return f.Logs.Say(ctx, id, line)
}

func (f *Feature) openLog(ctx context.Context, id string) error {
	p, err := f.Find(ctx, id)
	if err != nil {
		return err
	}
	return f.Logs.Open(ctx, logs.Stream{ID: p.ID, OrgID: p.OrgID, WorkspaceID: p.WorkspaceID})
}

// Executes notes who carries a plan out.
func (f *Feature) Executes(ctx context.Context, id string, who progress.Execution) error {
	_, err := f.DB.Exec(ctx, `UPDATE plans SET execution = ? WHERE id = ?`, db.AsJSON(who), id)
	return err
}

// Finish gives a plan a final status and what came of it; r counts for a finished plan.
func (f *Feature) Finish(ctx context.Context, id string, to progress.Status, r proto.PlanResult) error {
	if to == progress.Finished {
		_, err := f.DB.Exec(ctx, `UPDATE plans SET engine_version = ?, has_changes = ?, generated = ?, additions = ?, changes = ?, destructions = ?, imports = ?, actions = ? WHERE id = ?`,
			r.EngineVersion, r.HasChanges, r.Generated, r.Add, r.Change, r.Destroy, r.Import, r.ActionInvoke, id)
		if err != nil {
			return err
		}
	}
	return f.Move(ctx, id, to)
}

// Put stores an output of a plan, by its name in executor/proto.
func (f *Feature) Put(ctx context.Context, id, name string, body io.Reader) error {
	p, err := f.Find(ctx, id)
	if err != nil {
		return err
	}
	return f.Outputs.Put(ctx, outputs.Output{Subject: p.ID, Name: name, OrgID: p.OrgID, WorkspaceID: p.WorkspaceID}, body)
}

// Open reads an output of a plan, or gives problem.NotFound.
func (f *Feature) Open(ctx context.Context, id, name string) (io.ReadCloser, error) {
	return f.Outputs.Open(ctx, id, name)
}

const selectPlans = `SELECT {p}, w.project_id AS project_id FROM plans p JOIN workspaces w ON w.id = p.workspace_id WHERE `

// Find returns the plan with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Plan, error) {
	return db.First(f.In(ctx, []string{id}))
}

// OfRun returns the plan of a run.
func (f *Feature) OfRun(ctx context.Context, runID string) (Plan, error) {
	return db.First(f.complete(ctx)(db.All[Plan](ctx, f.DB, selectPlans+`p.run_id = ?`, runID)))
}

// In returns the plans with the given ids.
func (f *Feature) In(ctx context.Context, ids []string) ([]Plan, error) {
	return f.complete(ctx)(db.In[Plan](ctx, f.DB, selectPlans+`p.id IN (?)`, ids))
}

// complete adds what is not in the table.
func (f *Feature) complete(ctx context.Context) func([]Plan, error) ([]Plan, error) {
	return func(list []Plan, err error) ([]Plan, error) {
		if err != nil || f.Exports == nil || len(list) == 0 {
			return list, err
		}
		ids := make([]string, len(list))
		for i, p := range list {
			ids[i] = p.ID
		}
		exports, err := f.Exports(ctx, ids)
		for i := range list {
			list[i].exports = exports[list[i].ID]
		}
		return list, err
	}
}

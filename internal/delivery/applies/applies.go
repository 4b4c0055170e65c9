// Package applies keeps the applies of runs: how far each has got, what it changed, and
// its log.
//
// The surprising rule: command lines drop the first three lines of the log of an apply,
// which on HCP Terraform repeat what the log of the plan began with. So every such log
// begins with three lines that nobody misses.
package applies

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

// Apply is the apply of a run.
type Apply struct {
	ID              string                      `db:"id"`
	RunID           string                      `db:"run_id"`
	OrgID           string                      `db:"org_id"`
	WorkspaceID     string                      `db:"workspace_id"`
	Status          progress.Status             `db:"status"`
	Execution       db.JSON[progress.Execution] `db:"execution"`
	EngineVersion   string                      `db:"engine_version"`
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

	states []string
}

// Scope implements authz.Scoped.
func (a Apply) Scope() authz.Scope {
	return authz.Scope{Org: a.OrgID, Project: a.ProjectID, Workspace: a.WorkspaceID}
}

// New is an apply that is to be made with its run.
type New struct {
	RunID       string
	OrgID       string
	WorkspaceID string
}

// Feature serves applies.
type Feature struct {
	DB      *db.DB
	Jobs    *jobs.Queue
	Logs    *logs.Feature
	Outputs *outputs.Store
	// Grace is how long logs and outputs can be restored after they were deleted.
	Grace time.Duration
	// States returns the ids of the state versions that runs made, by run.
	States func(ctx context.Context, runIDs []string) (map[string][]string, error)

	router *api.Router
}

// Create makes the apply of a run, in the run's transaction.
func (f *Feature) Create(ctx context.Context, n New) (applyID string, err error) {
	a := Apply{ID: id.New("apply"), RunID: n.RunID, OrgID: n.OrgID, WorkspaceID: n.WorkspaceID, Status: progress.Pending, CreatedAt: db.Now()}
	return a.ID, f.DB.Insert(ctx, "applies", a)
}

// Move changes the status of an apply in the transaction of ctx. The log begins when it is
// queued at the latest, and ends with a final status; what the server says in the log, it
// says before.
func (f *Feature) Move(ctx context.Context, id string, to progress.Status) error {
	moved, err := progress.Move(ctx, f.DB, "applies", id, to)
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

// Say adds a line of the server to the log of an apply, which begins by it if it has to.
func (f *Feature) Say(ctx context.Context, id, line string) error {
	if err := f.openLog(ctx, id); err != nil {
		return err
	}
	return f.Logs.Say(ctx, id, line)
}

// dropped are the lines that command lines do not show.
const dropped = "Waiting for a worker to apply the plan...\n\n\n"

func (f *Feature) openLog(ctx context.Context, id string) error {
	a, err := f.Find(ctx, id)
	if err != nil {
		return err
	}
	return f.Logs.Open(ctx, logs.Stream{ID: a.ID, OrgID: a.OrgID, WorkspaceID: a.WorkspaceID, Head: dropped})
}

// Executes notes who carries an apply out.
func (f *Feature) Executes(ctx context.Context, id string, who progress.Execution) error {
	_, err := f.DB.Exec(ctx, `UPDATE applies SET execution = ? WHERE id = ?`, db.AsJSON(who), id)
	return err
}

// Finish gives an apply a final status and what came of it. r counts whatever the status
// is, because an apply that errored or was canceled may have changed something.
func (f *Feature) Finish(ctx context.Context, id string, to progress.Status, r proto.ApplyResult) error {
	if r.Applied {
		_, err := f.DB.Exec(ctx, `UPDATE applies SET engine_version = ?, additions = ?, changes = ?, destructions = ?, imports = ?, actions = ? WHERE id = ?`,
			r.EngineVersion, r.Add, r.Change, r.Destroy, r.Import, r.ActionInvoke, id)
		if err != nil {
			return err
		}
	}
	return f.Move(ctx, id, to)
}

// Put stores an output of an apply, by its name in executor/proto.
func (f *Feature) Put(ctx context.Context, id, name string, body io.Reader) error {
	a, err := f.Find(ctx, id)
	if err != nil {
		return err
	}
	return f.Outputs.Put(ctx, outputs.Output{Subject: a.ID, Name: name, OrgID: a.OrgID, WorkspaceID: a.WorkspaceID}, body)
}

// Open reads an output of an apply, or gives problem.NotFound.
func (f *Feature) Open(ctx context.Context, id, name string) (io.ReadCloser, error) {
	return f.Outputs.Open(ctx, id, name)
}

const selectApplies = `SELECT {a}, w.project_id AS project_id FROM applies a JOIN workspaces w ON w.id = a.workspace_id WHERE `

// Find returns the apply with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Apply, error) {
	return db.First(f.In(ctx, []string{id}))
}

// OfRun returns the apply of a run.
func (f *Feature) OfRun(ctx context.Context, runID string) (Apply, error) {
	return db.First(f.complete(ctx)(db.All[Apply](ctx, f.DB, selectApplies+`a.run_id = ?`, runID)))
}

// In returns the applies with the given ids.
func (f *Feature) In(ctx context.Context, ids []string) ([]Apply, error) {
	return f.complete(ctx)(db.In[Apply](ctx, f.DB, selectApplies+`a.id IN (?)`, ids))
}

// complete adds what is not in the table.
func (f *Feature) complete(ctx context.Context) func([]Apply, error) ([]Apply, error) {
	return func(list []Apply, err error) ([]Apply, error) {
		if err != nil || f.States == nil || len(list) == 0 {
			return list, err
		}
		runs := make([]string, len(list))
		for i, a := range list {
			runs[i] = a.RunID
		}
		states, err := f.States(ctx, runs)
		for i := range list {
			list[i].states = states[list[i].RunID]
		}
		return list, err
	}
}

// Package runs keeps runs: one plan of a configuration, and the apply that may follow.
// It owns the state machine; what plans, applies and decides is elsewhere and tells it
// what came of it.
//
// The surprising rule: every change of a run happens with its workspace's row locked
// first and its own second, so that the lane of the workspace, its lock and the statuses
// of its runs change as one.
package runs

import (
	"context"
	"errors"
	"net/http"
	"time"

	"plumbline.dev/plumbline/internal/delivery/configversions"
	"plumbline.dev/plumbline/internal/delivery/runqueue"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// Run is a run.
type Run struct {
	ID                     string                      `db:"id"`
	OrgID                  string                      `db:"org_id"`
	WorkspaceID            string                      `db:"workspace_id"`
	ConfigurationVersionID *string                     `db:"configuration_version_id"`
	PlanID                 string                      `db:"plan_id"`
	ApplyID                string                      `db:"apply_id"`
	Status                 Status                      `db:"status"`
	Final                  bool                        `db:"final"`
	StatusTimes            db.JSON[map[Status]db.Time] `db:"status_times"`
	Operation              Operation                   `db:"operation"`
	Source                 string                      `db:"source"` // FromAPI, FromUI, FromConfiguration
	TriggerReason          string                      `db:"trigger_reason"`
	Message                string                      `db:"message"`
	PlanOnly               bool                        `db:"plan_only"`
	SavePlan               bool                        `db:"save_plan"`
	IsDestroy              bool                        `db:"is_destroy"`
	Refresh                bool                        `db:"refresh"`
	RefreshOnly            bool                        `db:"refresh_only"`
	AutoApply              bool                        `db:"auto_apply"`
	AllowEmptyApply        bool                        `db:"allow_empty_apply"`
	AllowConfigGeneration  bool                        `db:"allow_config_generation"`
	DebuggingMode          bool                        `db:"debugging_mode"`
	TargetAddrs            db.JSON[[]string]           `db:"target_addrs"`
	ReplaceAddrs           db.JSON[[]string]           `db:"replace_addrs"`
	InvokeActionAddrs      db.JSON[[]string]           `db:"invoke_action_addrs"`
	PolicyPaths            db.JSON[[]string]           `db:"policy_paths"`
	SealedVariables        []byte                      `db:"variables"`         // see Variables
	TerraformVersion       string                      `db:"terraform_version"` // a version, a constraint or "latest"
	ExecutionMode          string                      `db:"execution_mode"`    // remote, agent
	AgentPoolID            *string                     `db:"agent_pool_id"`     // of mode agent
	HasChanges             bool                        `db:"has_changes"`
	InputStateVersionID    *string                     `db:"input_state_version_id"` // what to plan for; known when the plan has started
	TriggeringRunID        *string                     `db:"triggering_run_id"`
	TriggeringWorkspaceID  *string                     `db:"triggering_workspace_id"`
	CreatedBy              *string                     `db:"created_by"`
	ConfirmedBy            *string                     `db:"confirmed_by"`
	CanceledBy             *string                     `db:"canceled_by"`
	CreatedAt              db.Time                     `db:"created_at"`
	UpdatedAt              db.Time                     `db:"updated_at"`
	CanceledAt             *db.Time                    `db:"canceled_at"`     // when it was asked to end
	ForceCancelAt          *db.Time                    `db:"force_cancel_at"` // from when on it can be ended by force

	ProjectID string `db:"project_id,extra"`

	related
}

// related is what hydrate adds for the wire.
type related struct {
	variables []Variable
	events    []string // ids, the first first
	comments  []string
	position  int // in the queue of the organization, 0 elsewhere
}

// Variable is an input variable of one run. Value is an expression in HCL syntax.
type Variable struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Scope implements authz.Scoped.
func (r Run) Scope() authz.Scope {
	return authz.Scope{Org: r.OrgID, Project: r.ProjectID, Workspace: r.WorkspaceID}
}

// DefaultCoolOff is how long after a run was asked to end it can be ended by force.
const DefaultCoolOff = time.Minute

// Feature serves runs. The functions are called in the transaction of a change; nil
// ones are parts that the server does not have.
type Feature struct {
	DB         *db.DB
	Keyring    *crypt.Keyring
	Bus        *events.Bus
	Jobs       *jobs.Queue
	Orgs       *orgs.Feature
	Workspaces *workspaces.Feature
	Configs    *configversions.Feature
	Queue      *runqueue.Feature
	CoolOff    time.Duration // 0 is DefaultCoolOff

	// MakePlan and MakeApply make the plan and the apply of a new run and return their ids.
	// They are never nil.
	MakePlan, MakeApply func(ctx context.Context, r Run) (string, error)
	// StartPlan and StartApply give the phase to an executor. The run is plan_queued or
	// apply_queued by then; PlanStarted and ApplyStarted tell that one has taken it.
	StartPlan, StartApply func(ctx context.Context, r Run) error
	// CancelPhase ends the phase that is queued or under way, if there is one. It may
	// call PlanFinished or ApplyFinished at once. With proto.Kill it has to.
	CancelPhase func(ctx context.Context, r Run, how proto.Cancel) error
	// SkipPlan and SkipApply tell that a run has ended before its plan or its apply began.
	SkipPlan, SkipApply func(ctx context.Context, r Run) error
	// Stages are what happens between the phases, such as run tasks; they are entered in
	// the order of their points.
	Stages []Stage
	// OnEnd is called when a run has got its final status, while its workspace still
	// holds its lock.
	OnEnd []func(ctx context.Context, r Run) error
	// OnStatus is called when a run has another status, or is new: then old is "".
	OnStatus []func(ctx context.Context, r Run, old Status) error
	// OnWaiting is called when a run goes on only if a person confirms it.
	OnWaiting []func(ctx context.Context, r Run) error
}

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	const one = "/runs/{id}"
	f.Queue.Start = f.begin
	api.Type(r, "runs", authz.ReadRuns, f.byIDs, f.view)
	api.Create(r, "/runs", authz.SignedIn, api.Site, f.create)
	api.Read(r, one, authz.ReadRuns, f.read)
	f.listRoutes(r)
	f.actionRoutes(r)
	f.adminRoutes(r)
	f.commentRoutes(r)
	f.eventRoutes(r)
	api.Show(r, one+"/configuration-version", authz.ReadRuns, f.Find, f.configuration)
	api.Handle(r, "GET "+one+"/configuration-version/download", authz.ReadRuns, f.Find, f.download, api.Status(http.StatusFound))
	f.connect()
}

const selectRuns = `SELECT {r}, w.project_id AS project_id FROM runs r JOIN workspaces w ON w.id = r.workspace_id`

// Find returns the run with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Run, error) {
	return db.One[Run](ctx, f.DB, selectRuns+` WHERE r.id = ?`, id)
}

// LastApplied returns the last run of a workspace whose configuration is what the workspace
// has: one that was applied, or that looked at everything and found nothing to apply. It is
// problem.NotFound if there is none.
func (f *Feature) LastApplied(ctx context.Context, workspaceID string) (Run, error) {
	return db.One[Run](ctx, f.DB, selectRuns+` WHERE r.workspace_id = ? AND (r.status = ? OR (r.status = ? AND r.refresh
		AND NOT r.plan_only AND NOT r.refresh_only AND NOT r.is_destroy AND NOT r.has_changes AND r.target_addrs IN ('null', '[]')))
		ORDER BY r.created_at DESC, r.id DESC LIMIT 1`, workspaceID, Applied, PlannedAndFinished)
}

// InProgress reports whether a run has not ended yet.
func (f *Feature) InProgress(ctx context.Context, id string) (bool, error) {
	r, err := f.Find(ctx, id)
	return !r.Final, err
}

// In returns the runs with the given ids, in no order.
func (f *Feature) In(ctx context.Context, ids []string) ([]Run, error) {
	return db.In[Run](ctx, f.DB, selectRuns+` WHERE r.id IN (?)`, ids)
}

// Lock returns the run with the given id and its workspace, and keeps others from
// changing either until the transaction ends.
func (f *Feature) Lock(ctx context.Context, id string) (Run, workspaces.Workspace, error) {
	r, err := f.Find(ctx, id)
	if err != nil {
		return r, workspaces.Workspace{}, err
	}
	ws, err := f.Workspaces.Lock(ctx, r.WorkspaceID)
	if err != nil {
		return r, ws, err
	}
	r, err = f.relock(ctx, id)
	return r, ws, err
}

// relock is Lock with the workspace locked already.
func (f *Feature) relock(ctx context.Context, id string) (Run, error) {
	q := selectRuns + ` WHERE r.id = ?`
	if f.DB.Postgres() {
		q += ` FOR UPDATE OF r`
	}
	return db.One[Run](ctx, f.DB, q, id)
}

// Read returns the run with the given id as clients see it.
func (f *Feature) Read(ctx context.Context, id string) (Run, error) { return f.read(ctx, id) }

func (f *Feature) read(ctx context.Context, id string) (Run, error) {
	r, err := f.Find(ctx, id)
	if err != nil {
		return r, err
	}
	return f.hydrated(ctx, r)
}

func (f *Feature) hydrated(ctx context.Context, r Run) (Run, error) {
	list := []Run{r}
	err := f.hydrate(ctx, list)
	return list[0], err
}

func (f *Feature) byIDs(ctx context.Context, ids []string) ([]Run, error) {
	list, err := f.In(ctx, ids)
	if err != nil {
		return nil, err
	}
	return list, f.hydrate(ctx, list)
}

// hydrate adds to all runs of an answer what their views show, with one statement.
func (f *Feature) hydrate(ctx context.Context, list []Run) error {
	ids := make([]string, len(list))
	byID := make(map[string]*Run, len(list))
	for i := range list {
		r := &list[i]
		ids[i], byID[r.ID] = r.ID, r
		vars, err := f.Variables(ctx, *r)
		if err != nil {
			return err
		}
		r.variables = vars
	}
	notes, err := db.In[Event](ctx, f.DB, `FROM run_events WHERE run_id IN (?) ORDER BY run_id, number`, ids)
	for _, e := range notes {
		r := byID[e.RunID]
		r.events = append(r.events, e.ID)
		if e.CommentID != nil {
			r.comments = append(r.comments, *e.CommentID)
		}
	}
	return err
}

// changed tells clients that a run is no longer as it was.
func (f *Feature) changed(ctx context.Context, r Run) {
	changes.Tell(ctx, f.Bus, r.Scope(), "runs", r.ID)
}

// missing tells whether err says that something is not there.
func missing(err error) bool { return errors.Is(err, problem.NotFound) }

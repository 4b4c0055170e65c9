// Package assessments looks after the health of workspaces: whether reality is still as the
// last apply left it, and whether what checks assert still holds (HCP Terraform, "Health
// assessments").
//
// An assessment plans with the configuration that was applied last, not with the newest, so
// that code which waits is not taken for drift. The surprising rule: it never pauses in
// silence. Where it cannot look, the workspace says why, and after two periods without a
// look an assessment fails with that reason, which notifies.
package assessments

import (
	"context"
	"plumbline.dev/plumbline/internal/identity/changes"
	"time"

	"plumbline.dev/plumbline/internal/delivery/agentpools"
	"plumbline.dev/plumbline/internal/delivery/configversions"
	"plumbline.dev/plumbline/internal/delivery/logs"
	"plumbline.dev/plumbline/internal/delivery/outputs"
	"plumbline.dev/plumbline/internal/delivery/phases"
	"plumbline.dev/plumbline/internal/delivery/progress"
	"plumbline.dev/plumbline/internal/delivery/runs"
	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/stateversions"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// Result is what an assessment came to.
type Result struct {
	ID                 string          `db:"id"`
	AssessmentID       string          `db:"assessment_id"` // of the scan
	OrgID              string          `db:"org_id"`
	WorkspaceID        string          `db:"workspace_id"`
	Succeeded          bool            `db:"succeeded"`
	Drifted            bool            `db:"drifted"`
	ResourcesDrifted   int             `db:"resources_drifted"`
	ResourcesUndrifted int             `db:"resources_undrifted"`
	ChecksPassed       int             `db:"checks_passed"`
	ChecksFailed       int             `db:"checks_failed"`
	ChecksErrored      int             `db:"checks_errored"`
	ChecksUnknown      int             `db:"checks_unknown"`
	Severity           string          `db:"severity"`
	Fingerprint        string          `db:"fingerprint"`
	CheckFingerprint   string          `db:"check_fingerprint"`
	ErrorMessage       string          `db:"error_message"`
	Status             progress.Status `db:"status"`
	CreatedAt          db.Time         `db:"created_at"`
	DeletedAt          *db.Time        `db:"deleted_at"`
	DestroyedAt        *db.Time        `db:"destroyed_at"`

	ProjectID string `db:"project_id,extra"`
	Plan      bool   `db:"has_plan,extra"` // the plan as JSON is there
	Schemas   bool   `db:"has_schemas,extra"`
}

// Scope implements authz.Scoped.
func (r Result) Scope() authz.Scope {
	return authz.Scope{Org: r.OrgID, Project: r.ProjectID, Workspace: r.WorkspaceID}
}

// AllChecksSucceeded reports whether no check says otherwise.
func (r Result) AllChecksSucceeded() bool {
	return r.Succeeded && r.ChecksFailed == 0 && r.ChecksErrored == 0 && r.ChecksUnknown == 0
}

// failing reports whether a check does not pass.
func (r Result) failing() bool { return r.ChecksFailed > 0 || r.ChecksErrored > 0 }

// Told is a result that somebody may want to hear of.
type Told struct {
	Workspace workspaces.Workspace
	New       Result
	Prior     *Result // the result before, nil for the first
	Known     *Result // the last result before that says something about reality
	// Triggers are what is new about it: drifted, check_failure, failed ("Notification
	// configurations", workspace health triggers). Drift and failures that were told and
	// are as they were are none.
	Triggers []string
}

// Triggers of notifications.
const (
	TriggerDrifted      = "assessment:drifted"
	TriggerCheckFailure = "assessment:check_failure"
	TriggerFailed       = "assessment:failed"
)

// Feature assesses workspaces.
type Feature struct {
	DB         *db.DB
	Jobs       *jobs.Queue
	Orgs       *orgs.Feature
	Workspaces *workspaces.Feature
	Runs       *runs.Feature
	Configs    *configversions.Feature
	States     *stateversions.Feature
	Agents     *agentpools.Feature
	Phases     *phases.Feature
	Outputs    *outputs.Store
	Logs       *logs.Feature
	Bus        *events.Bus
	Scans      *scans.Feature
	// Grace is how long plans and logs can be restored after they were deleted.
	Grace time.Duration
	// OnResult is told of each result that has triggers, in the transaction that makes it.
	OnResult []func(ctx context.Context, t Told) error
}

// Routes adds the endpoints of this package to r, and its jobs to Jobs.
func (f *Feature) Routes(r *api.Router) {
	const one = "/assessment-results/{id}"
	api.Type(r, "assessment-results", authz.ReadRuns, f.In, view)
	api.Read(r, one, authz.ReadRuns, f.Find)
	api.Show(r, "/workspaces/{id}/current-assessment-result", authz.ReadRuns, f.Workspaces.Find, f.current)
	api.List(r, "/workspaces/{id}/assessment-results", authz.ReadRuns, f.Workspaces.Find, f.list)
	api.Action(r, "/workspaces/{id}/actions/assess", authz.UpdateWorkspace, f.Workspaces.Find, f.assess)
	f.outputRoutes(r, one)
	f.settingsRoutes(r)
	f.Jobs.Every("assess-workspaces", time.Minute, f.Sweep)
	f.Jobs.Every("sweep-assessments", time.Hour, f.backing().Sweep, jobs.Timeout(10*time.Minute))
}

// changed tells clients that the health of a workspace is no longer as it was.
func (f *Feature) changed(ctx context.Context, ws workspaces.Workspace) {
	changes.Tell(ctx, f.Bus, ws.Scope(), "assessment-results", "")
}

const selectResults = `SELECT {a}, w.project_id AS project_id,
	a.deleted_at IS NULL AND EXISTS (SELECT 1 FROM outputs o WHERE o.subject = a.assessment_id AND o.name = 'plan-json') AS has_plan,
	a.deleted_at IS NULL AND EXISTS (SELECT 1 FROM outputs o WHERE o.subject = a.assessment_id AND o.name = 'schemas') AS has_schemas
	FROM assessment_results a JOIN workspaces w ON w.id = a.workspace_id`

// Find returns the result with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Result, error) {
	return db.One[Result](ctx, f.DB, selectResults+` WHERE a.id = ?`, id)
}

// In returns the results with the given ids.
func (f *Feature) In(ctx context.Context, ids []string) ([]Result, error) {
	return db.In[Result](ctx, f.DB, selectResults+` WHERE a.id IN (?)`, ids)
}

// current is the last result of a workspace.
func (f *Feature) current(ctx context.Context, ws workspaces.Workspace) (Result, error) {
	if ws.AssessmentID == nil {
		return Result{}, problem.NotFound
	}
	return f.Find(ctx, *ws.AssessmentID)
}

// list gives the newest first.
func (f *Feature) list(ctx context.Context, ws workspaces.Workspace, q api.Query) (api.Page[Result], error) {
	return api.Select[Result](ctx, f.DB, q, `SELECT {a}, w.project_id AS project_id, FALSE AS has_plan, FALSE AS has_schemas FROM assessment_results a JOIN workspaces w ON w.id = a.workspace_id WHERE a.workspace_id = ? ORDER BY a.created_at DESC, a.id DESC`, ws.ID)
}

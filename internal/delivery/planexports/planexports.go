// Package planexports makes files of finished plans for other tools: the only kind there
// is are mocks for Sentinel, with which policies are tested.
//
// An export is made in a job and can be downloaded for an hour. The surprising rule: a
// plan has one such export at a time; a second request is refused until the first has
// expired or was deleted.
package planexports

import (
	"context"
	"errors"
	"net/http"
	"time"

	"plumbline.dev/plumbline/internal/delivery/outputs"
	"plumbline.dev/plumbline/internal/delivery/plans"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Export is an export of a plan.
type Export struct {
	ID           string   `db:"id"`
	PlanID       string   `db:"plan_id"`
	OrgID        string   `db:"org_id"`
	DataType     string   `db:"data_type"`
	Status       Status   `db:"status"`
	ErrorMessage string   `db:"error_message"`
	Object       string   `db:"object"`
	Size         int64    `db:"size"`
	CreatedAt    db.Time  `db:"created_at"`
	QueuedAt     *db.Time `db:"queued_at"`
	FinishedAt   *db.Time `db:"finished_at"`
	ExpiredAt    *db.Time `db:"expired_at"` // also of what will expire
	CanceledAt   *db.Time `db:"canceled_at"`
	ErroredAt    *db.Time `db:"errored_at"`

	WorkspaceID string `db:"workspace_id,extra"`
	ProjectID   string `db:"project_id,extra"`
}

// Status is where an export stands.
type Status string

// The statuses, as in the API schema. Nothing is ever pending or canceled here: an export
// is queued at once, and who does not want it any more deletes it.
const (
	Queued   Status = "queued"
	Finished Status = "finished"
	Expired  Status = "expired"
	Errored  Status = "errored"
)

// Mocks is the data type of mocks for Sentinel.
const Mocks = "sentinel-mock-bundle-v0"

// Lifetime is how long an export can be downloaded (plan-exports page).
const Lifetime = time.Hour

// Scope implements authz.Scoped.
func (e Export) Scope() authz.Scope {
	return authz.Scope{Org: e.OrgID, Project: e.ProjectID, Workspace: e.WorkspaceID}
}

// Feature serves plan exports.
type Feature struct {
	DB      *db.DB
	Objects *blob.Store
	Jobs    *jobs.Queue
	Plans   *plans.Feature
	// Run describes a run, as policies see it in the import tfrun.
	Run func(ctx context.Context, runID string) (map[string]any, error)

	router   *api.Router
	removals jobs.Removals // of objects
}

const (
	objectKind  = "plan-export" // of signed addresses
	downloadTTL = time.Minute
)

// Routes adds the endpoints of this package to r, and its jobs to Jobs.
func (f *Feature) Routes(r *api.Router) {
	const one = "/plan-exports/{id}"
	f.router = r
	f.work()
	r.Object(objectKind, api.ObjectKind{Get: f.get})
	api.Type(r, "plan-exports", authz.ReadMocks, f.byIDs, f.view)
	api.Create(r, "/plan-exports", authz.SignedIn, api.Site, f.create)
	api.Read(r, one, authz.ReadMocks, f.Find)
	api.Delete(r, one, authz.ReadMocks, f.Find, f.delete)
	api.Handle(r, "GET "+one+"/download", authz.ReadMocks, f.Find, f.download, api.Status(http.StatusFound))
	f.Plans.Exports = f.ofPlans
}

// view is an export as clients see it.
func (f *Feature) view(_ context.Context, e Export) jsonapi.Resource {
	self := "/api/v2/plan-exports/" + e.ID
	links := jsonapi.Self(self)
	if e.Status == Finished {
		links["download"] = self + "/download"
	}
	a := shown{DataType: e.DataType, Status: e.Status, Timestamps: timestamps{e.QueuedAt, e.FinishedAt, e.ExpiredAt, e.ErroredAt}}
	if e.ErrorMessage != "" {
		a.ErrorMessage = &e.ErrorMessage
	}
	return jsonapi.Resource{Type: "plan-exports", ID: e.ID, Attributes: a, Links: links, Relationships: jsonapi.Relationships{
		"plan": jsonapi.ToOne("plans", e.PlanID),
	}}
}

type shown struct {
	DataType     string     `json:"data-type"`
	Status       Status     `json:"status"`
	Timestamps   timestamps `json:"status-timestamps"`
	ErrorMessage *string    `json:"error-message"`
}

// timestamps of what has not happened are absent.
type timestamps struct {
	Queued   *db.Time `json:"queued-at,omitempty"`
	Finished *db.Time `json:"finished-at,omitempty"`
	Expired  *db.Time `json:"expired-at,omitempty"`
	Errored  *db.Time `json:"errored-at,omitempty"`
}

// attributes of a request.
type attributes struct {
	DataType jsonapi.Opt[string] `json:"data-type"`
}

func (f *Feature) create(ctx context.Context, _ authz.Site, in jsonapi.In[attributes]) (Export, error) {
	ref, _ := in.Data.One("plan")
	if ref.ID == "" {
		return Export{}, problem.InvalidRelation("plan", "Plan must exist")
	}
	p, err := f.Plans.Find(ctx, ref.ID)
	if err != nil {
		return Export{}, err
	}
	if err := authz.Check(ctx, authz.ReadMocks, p); err != nil {
		return Export{}, err
	}
	switch in.Data.Attributes.DataType.V {
	case Mocks:
	case "":
		return Export{}, problem.Invalid("data-type", "Data type can't be blank")
	default:
		return Export{}, problem.Invalid("data-type", "Data type is not included in the list")
	}
	if !p.Exportable() {
		return Export{}, problem.InvalidRelation("plan", "Plan must be finished to be exported")
	}
	return f.enqueue(ctx, p)
}

func (f *Feature) enqueue(ctx context.Context, p plans.Plan) (Export, error) {
	now := db.Now()
	if err := f.expire(ctx, `plan_id = ? AND expired_at <= ?`, p.ID, now); err != nil {
		return Export{}, err
	}
	e := Export{ID: id.New("pe"), PlanID: p.ID, OrgID: p.OrgID, DataType: Mocks, Status: Queued, CreatedAt: now, QueuedAt: &now,
		WorkspaceID: p.WorkspaceID, ProjectID: p.ProjectID}
	err := f.DB.Insert(ctx, "plan_exports", e)
	if db.IsUnique(err) {
		return e, problem.Unprocessable("A plan export of type %s is already pending or downloadable for this plan", Mocks)
	}
	if err != nil {
		return e, err
	}
	return e, f.Jobs.Enqueue(ctx, making{e.ID})
}

func (f *Feature) delete(ctx context.Context, e Export) error {
	if err := f.DB.Delete(ctx, "plan_exports", e.ID); err != nil {
		return err
	}
	return f.removals.Enqueue(ctx, e.Object)
}

// download redirects to the archive (302).
func (f *Feature) download(ctx context.Context, w http.ResponseWriter, _ *http.Request, e Export) error {
	if e.Status != Finished {
		return problem.NotFound
	}
	w.Header().Set("Location", f.router.Sign(ctx, http.MethodGet, objectKind, e.ID, downloadTTL))
	w.WriteHeader(http.StatusFound)
	return nil
}

// get sends the archive.
func (f *Feature) get(ctx context.Context, w http.ResponseWriter, req *http.Request, exportID string) error {
	e, err := f.Find(ctx, exportID)
	if err != nil {
		return err
	}
	if e.Status != Finished {
		return problem.NotFound
	}
	return outputs.Send(ctx, w, req, f.Objects, outputs.Output{Subject: e.ID, Name: "export", OrgID: e.OrgID, Object: e.Object, Size: e.Size}, "application/gzip")
}

const selectExports = `SELECT {e}, p.workspace_id AS workspace_id, w.project_id AS project_id FROM plan_exports e
	JOIN plans p ON p.id = e.plan_id JOIN workspaces w ON w.id = p.workspace_id WHERE `

// Find returns the export with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Export, error) {
	return db.First(f.byIDs(ctx, []string{id}))
}

// byIDs returns exports. One whose hour is over is expired, whether the sweep has seen
// it or not.
func (f *Feature) byIDs(ctx context.Context, ids []string) ([]Export, error) {
	list, err := db.In[Export](ctx, f.DB, selectExports+`e.id IN (?)`, ids)
	for i := range list {
		if e := &list[i]; e.Status == Finished && e.ExpiredAt.Before(time.Now()) {
			e.Status = Expired
		}
	}
	return list, err
}

// ofPlans returns the ids of the exports of plans, by plan.
func (f *Feature) ofPlans(ctx context.Context, planIDs []string) (map[string][]string, error) {
	rows, err := db.In[struct {
		ID     string `db:"id"`
		PlanID string `db:"plan_id"`
	}](ctx, f.DB, `FROM plan_exports WHERE plan_id IN (?) ORDER BY created_at, id`, planIDs)
	out := map[string][]string{}
	for _, r := range rows {
		out[r.PlanID] = append(out[r.PlanID], r.ID)
	}
	return out, err
}

// gone reports whether err says that something is not there.
func gone(err error) bool { return errors.Is(err, problem.NotFound) }

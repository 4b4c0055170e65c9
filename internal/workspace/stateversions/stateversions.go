// Package stateversions keeps the history of a workspace's state: who uploaded which
// state, and what it holds. The newest finalized version is the current state.
//
// The surprising rule: a version becomes current in one transaction, after the whole
// state is in the object store, was found to be a state and has the promised MD5. It
// is read while it is stored, so outputs and resources are there from the start;
// there is no moment at which a version is current and not processed.
package stateversions

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// Status is where a version stands.
type Status string

// The statuses of versions, as on the wire.
const (
	Pending   Status = "pending"   // the state is awaited
	Finalized Status = "finalized" // is or was current
	Discarded Status = "discarded" // another became current before the state came
	Deleted   Status = "backing_data_soft_deleted"
	Destroyed Status = "backing_data_permanently_deleted"
)

// MaxState is the size of the largest state in bytes.
const MaxState = 1 << 30

// Version is a version of a workspace's state.
type Version struct {
	ID               string   `db:"id"`
	OrgID            string   `db:"org_id"`
	WorkspaceID      string   `db:"workspace_id"`
	Status           Status   `db:"status"`
	Position         *int64   `db:"position"` // in the history, from 1; nil: was never current
	Serial           int64    `db:"serial"`
	Lineage          string   `db:"lineage"`
	MD5              string   `db:"md5"` // in lower-case hex
	Size             int64    `db:"size"`
	Forced           bool     `db:"forced"`
	LockKind         string   `db:"lock_kind"` // who held the lock when the version was created
	LockID           string   `db:"lock_id"`
	Object           string   `db:"object"` // key of the state, "" if there is none
	JSONObject       string   `db:"json_object"`
	JSONMD5          string   `db:"json_md5"`
	JSONSize         int64    `db:"json_size"`
	FormatVersion    int64    `db:"format_version"`
	TerraformVersion string   `db:"terraform_version"`
	Billable         int64    `db:"billable"`
	CreatedBy        *string  `db:"created_by"`
	RunID            *string  `db:"run_id"`
	Intermediate     bool     `db:"intermediate"` // of an apply that went on, or was lost
	RollbackOf       *string  `db:"rollback_of"`
	CreatedAt        db.Time  `db:"created_at"`
	FinalizedAt      *db.Time `db:"finalized_at"`
	DeletedAt        *db.Time `db:"deleted_at"`

	ProjectID   string  `db:"project_id,extra"`
	SharedState bool    `db:"shared_state,extra"`
	Resources   *string `db:"resources,extra"` // JSON, nil if it is not read or too big
	Modules     *string `db:"modules,extra"`
	Providers   *string `db:"providers,extra"`

	outputs []string // ids
}

// Scope implements authz.Scoped.
func (v Version) Scope() authz.Scope {
	return authz.Scope{Org: v.OrgID, Project: v.ProjectID, Workspace: v.WorkspaceID, SharedState: v.SharedState}
}

// Feature serves state versions and their outputs.
type Feature struct {
	DB         *db.DB
	Bus        *events.Bus // hears of new states
	Keyring    *crypt.Keyring
	Objects    *blob.Store
	Workspaces *workspaces.Feature
	Jobs       *jobs.Queue
	// Grace is how long the data of a version can be restored after it was soft-deleted.
	Grace time.Duration
	// RunIn reports whether a workspace has a run. Nil: there are no runs.
	RunIn func(ctx context.Context, workspaceID, runID string) (bool, error)

	router   *api.Router
	removals jobs.Removals // of objects
}

// Routes adds the endpoints of this package to r, and its jobs to Jobs.
func (f *Feature) Routes(r *api.Router) {
	f.router = r
	f.work()
	r.Object("state", api.ObjectKind{Put: f.putState, Get: f.getState})
	r.Object("json-state", api.ObjectKind{Put: f.putJSON, Get: f.getJSON})
	api.Type(r, "state-versions", authz.ReadState, f.byIDs, f.view)
	api.Type(r, "state-version-outputs", authz.ReadOutputs, f.outputsByIDs, viewOutput)

	api.Create(r, "/workspaces/{id}/state-versions", authz.WriteState, f.Workspaces.Lock, f.create,
		api.Spill("state", "state", MaxState, watchState), api.Spill("json-state", "state", MaxState, watchJSON), api.BodyLimit(maxOutputsBody))
	api.List(r, "/workspaces/{id}/state-versions", authz.ReadState, f.Workspaces.Find, f.list, api.Params("filter[status]"))
	api.List(r, "/state-versions", authz.ReadState, f.named, f.list, api.Params("filter[workspace][name]", "filter[organization][name]", "filter[status]"))
	api.Show(r, "/workspaces/{id}/current-state-version", authz.ReadState, f.Workspaces.Find, f.current)
	api.Read(r, "/state-versions/{id}", authz.ReadState, f.whole)
	api.Handle(r, "PATCH /workspaces/{id}/state-versions", authz.WriteState, f.Workspaces.Find, f.rollback, api.Status(http.StatusCreated))
	f.backingRoutes(r)

	api.List(r, "/state-versions/{id}/outputs", authz.ReadOutputs, f.Find, f.listOutputs)
	api.List(r, "/workspaces/{id}/current-state-version-outputs", authz.ReadOutputs, f.Workspaces.Find, f.currentOutputs)
	api.Read(r, "/state-version-outputs/{id}", authz.ReadOutputs, f.findOutput)
}

// view is a version as clients see it.
func (f *Feature) view(ctx context.Context, v Version) jsonapi.Resource {
	a := shown{
		CreatedAt: v.CreatedAt, Status: v.Status, Serial: v.Serial, Size: v.Size, Intermediate: v.Intermediate, ResourcesProcessed: v.FinalizedAt != nil,
		Resources: raw(v.Resources), Modules: raw(v.Modules), Providers: raw(v.Providers),
	}
	a.Permissions.CanRestore = authz.Can(ctx, authz.DeleteWorkspace, v.Scope())
	if v.FormatVersion > 0 {
		a.StateVersion = &v.FormatVersion
	}
	if v.FinalizedAt != nil {
		a.TerraformVersion, a.Billable = &v.TerraformVersion, &v.Billable
	}
	if v.Status == Finalized && authz.Can(ctx, authz.ReadState, v.Scope()) {
		a.DownloadURL = f.address(ctx, "GET", "state", v.ID)
		if v.JSONObject != "" {
			a.JSONDownloadURL = f.address(ctx, "GET", "json-state", v.ID)
		}
	}
	if v.Status == Pending && authz.Can(ctx, authz.WriteState, v.Scope()) {
		a.UploadURL = f.address(ctx, "PUT", "state", v.ID)
		a.JSONUploadURL = f.address(ctx, "PUT", "json-state", v.ID)
	}
	return jsonapi.Resource{Type: "state-versions", ID: v.ID, Attributes: a, Relationships: jsonapi.Relationships{
		"workspace":              jsonapi.ToOne("workspaces", v.WorkspaceID),
		"run":                    jsonapi.ToOne("runs", db.Text(v.RunID)),
		"created-by":             jsonapi.ToOne("users", db.Text(v.CreatedBy)),
		"rollback-state-version": jsonapi.ToOne("state-versions", db.Text(v.RollbackOf)),
		"outputs":                jsonapi.ToMany("state-version-outputs", v.outputs),
	}, Links: jsonapi.Self("/api/v2/state-versions/" + v.ID)}
}

// shown are the attributes of a version. Encrypted and sanitized states belong to
// "hold your own key", commits to runs; neither is there.
type shown struct {
	CreatedAt          db.Time         `json:"created-at"`
	Status             Status          `json:"status"`
	Serial             int64           `json:"serial"`
	Size               int64           `json:"size"`
	DownloadURL        *string         `json:"hosted-state-download-url"`
	UploadURL          *string         `json:"hosted-state-upload-url"`
	JSONDownloadURL    *string         `json:"hosted-json-state-download-url"`
	JSONUploadURL      *string         `json:"hosted-json-state-upload-url"`
	EncryptedURL       *string         `json:"encrypted-state-download-url"`
	SanitizedURL       *string         `json:"sanitized-state-download-url"`
	SanitizedUploadURL *string         `json:"sanitized-state-upload-url"`
	Intermediate       bool            `json:"intermediate"`
	ResourcesProcessed bool            `json:"resources-processed"`
	StateVersion       *int64          `json:"state-version"`
	TerraformVersion   *string         `json:"terraform-version"`
	Billable           *int64          `json:"billable-rum-count"`
	Resources          json.RawMessage `json:"resources"`
	Modules            json.RawMessage `json:"modules"`
	Providers          json.RawMessage `json:"providers"`
	CommitSHA          *string         `json:"vcs-commit-sha"`
	CommitURL          *string         `json:"vcs-commit-url"`
	Permissions        struct {
		CanRestore bool `json:"can-restore-backing-data"`
	} `json:"permissions"`
}

// address signs an address of a version's object.
func (f *Feature) address(ctx context.Context, method, kind, id string) *string {
	ttl := api.GetTTL
	if method == http.MethodPut {
		ttl = api.PutTTL
	}
	url := f.router.Sign(ctx, method, kind, id, ttl)
	return &url
}

func raw(s *string) json.RawMessage {
	if s == nil {
		return nil
	}
	return json.RawMessage(*s)
}

// selectVersions reads versions with their details; a list leaves out those that are
// big, because a page of them would be huge.
const (
	fromVersions   = `SELECT {v}, w.project_id AS project_id, w.global_remote_state AS shared_state, d.resources AS resources, d.modules AS modules, d.providers AS providers FROM state_versions v JOIN workspaces w ON w.id = v.workspace_id LEFT JOIN state_version_details d ON d.state_version_id = v.id`
	selectVersions = fromVersions + ` WHERE `
	listVersions   = fromVersions + ` AND d.bytes <= 65536 WHERE `
)

// Find returns the version with the given id, without the ids of its outputs.
func (f *Feature) Find(ctx context.Context, id string) (Version, error) {
	return db.One[Version](ctx, f.DB, selectVersions+`v.id = ?`, id)
}

// whole returns the version with the given id.
func (f *Feature) whole(ctx context.Context, id string) (Version, error) {
	v, err := f.Find(ctx, id)
	if err != nil {
		return v, err
	}
	return v, f.addOutputs(ctx, []*Version{&v})
}

func (f *Feature) byIDs(ctx context.Context, ids []string) ([]Version, error) {
	list, err := db.In[Version](ctx, f.DB, listVersions+`v.id IN (?)`, ids)
	if err != nil {
		return nil, err
	}
	return list, f.addOutputs(ctx, pointers(list))
}

// current returns the current version of a workspace.
func (f *Feature) current(ctx context.Context, ws workspaces.Workspace) (Version, error) {
	if ws.CurrentStateVersionID == nil {
		return Version{}, problem.NotFound
	}
	return f.whole(ctx, *ws.CurrentStateVersionID)
}

// last returns the current version of a workspace as the rules for a next one need
// it, nil if there is none.
func (f *Feature) last(ctx context.Context, ws workspaces.Workspace) (*Version, error) {
	if ws.CurrentStateVersionID == nil {
		return nil, nil
	}
	v, err := db.One[Version](ctx, f.DB, `FROM state_versions WHERE id = ?`, *ws.CurrentStateVersionID)
	if errors.Is(err, problem.NotFound) {
		return nil, nil
	}
	return &v, err
}

// named loads the workspace that the filters of a list name.
func (f *Feature) named(ctx context.Context, _ string) (workspaces.Workspace, error) {
	q := api.QueryOf(ctx)
	org, name := q.Get("filter[organization][name]"), q.Get("filter[workspace][name]")
	if org == "" || name == "" {
		return workspaces.Workspace{}, problem.BadRequest("filter[organization][name] and filter[workspace][name] are required")
	}
	return f.Workspaces.ByName(ctx, org, name)
}

func (f *Feature) list(ctx context.Context, ws workspaces.Workspace, q api.Query) (api.Page[Version], error) {
	query, args := listVersions+`v.workspace_id = ?`, []any{ws.ID}
	if wanted := q.List("filter[status]"); len(wanted) > 0 {
		query, args = db.List(query+` AND v.status IN (?)`, wanted, args...)
	}
	page, err := api.Select[Version](ctx, f.DB, q, query+` ORDER BY v.created_at DESC, v.id DESC`, args...)
	if err != nil {
		return page, err
	}
	return page, f.addOutputs(ctx, pointers(page.Items))
}

func pointers(list []Version) []*Version {
	out := make([]*Version, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}

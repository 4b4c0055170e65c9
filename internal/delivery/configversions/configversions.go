// Package configversions keeps configuration versions: the archives of code that runs
// plan and apply, and of modules whose tests are run.
//
// The surprising rule: an upload is read while it is stored. What is no sound tar.gz
// never becomes an object; its version is errored at once and says why, and the
// upload is refused with the same words. An archive without files is sound: clients
// send one to destroy what they have no configuration of.
package configversions

import (
	"context"
	"net/http"
	"time"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// Version is a version of the configuration of a workspace, or of a module that is tested.
type Version struct {
	ID            string   `db:"id"`
	OrgID         string   `db:"org_id"`
	WorkspaceID   *string  `db:"workspace_id"` // nil: it is of a module
	ModuleID      *string  `db:"module_id"`    // nil: it is of a workspace
	Status        Status   `db:"status"`
	Source        string   `db:"source"` // FromAPI, FromCLI, or the kind of the VCS
	AutoQueueRuns bool     `db:"auto_queue_runs"`
	Speculative   bool     `db:"speculative"` // its runs cannot apply
	Provisional   bool     `db:"provisional"` // it becomes current when a run of it was applied
	Error         string   `db:"error"`       // a code, "" if there is none
	ErrorMessage  string   `db:"error_message"`
	Object        string   `db:"object"` // key of the archive, "" if there is none
	SHA256        string   `db:"sha256"` // in hex
	Size          int64    `db:"size"`   // of the archive in bytes
	CreatedBy     *string  `db:"created_by"`
	MayApply      bool     `db:"may_apply"` // who made it may apply runs, so that those it queues may apply by themselves
	CreatedAt     db.Time  `db:"created_at"`
	FetchingAt    *db.Time `db:"fetching_at"`
	UploadedAt    *db.Time `db:"uploaded_at"`
	ErroredAt     *db.Time `db:"errored_at"`
	ArchivedAt    *db.Time `db:"archived_at"`
	DeletedAt     *db.Time `db:"deleted_at"`
	RestoredAt    *db.Time `db:"restored_at"`
	DestroyedAt   *db.Time `db:"destroyed_at"`

	ProjectID string  `db:"project_id,extra"`
	IngressID *string `db:"ingress_id,extra"`

	fresh bool // it was made by this request
}

// Where versions come from that no VCS sent.
const (
	FromAPI = "tfe-api"
	FromCLI = "terraform"
)

// Scope implements authz.Scoped.
func (v Version) Scope() authz.Scope {
	return authz.Scope{Org: v.OrgID, Project: v.ProjectID, Workspace: db.Text(v.WorkspaceID)}
}

// Permission implements authz.Owned: who manages modules tests them, and nobody else has
// to do with their configurations.
func (v Version) Permission(asked authz.Permission) authz.Permission {
	if v.ModuleID != nil {
		return authz.ManageModules
	}
	return asked
}

// FromVCS reports whether the files can be fetched again from a VCS.
func (v Version) FromVCS() bool { return v.Source != FromAPI && v.Source != FromCLI }

// Feature serves configuration versions.
type Feature struct {
	DB         *db.DB
	Bus        *events.Bus // hears of the statuses of versions
	Objects    *blob.Store
	Workspaces *workspaces.Feature
	Jobs       *jobs.Queue
	// Grace is how long the archive of a version can be restored after it was soft-deleted.
	Grace time.Duration
	// OnUploaded is called in the transaction that makes a version of a workspace uploaded,
	// once for each version. The workspace is locked by then.
	OnUploaded []func(ctx context.Context, v Version) error
	// Uses tells which of the versions have runs, and of those whether one is in
	// progress. It is called with the versions locked. Nil is a server without runs.
	Uses func(ctx context.Context, versionIDs []string) (inProgress map[string]bool, err error)

	router   *api.Router
	removals jobs.Removals // of objects
}

// Routes adds the endpoints of this package to r, and its jobs to Jobs.
func (f *Feature) Routes(r *api.Router) {
	const one = "/configuration-versions/{id}"
	f.router = r
	f.work()
	r.Object(objectKind, api.ObjectKind{Put: f.put, Get: f.get})
	api.Type(r, "configuration-versions", authz.ReadRuns, f.byIDs, f.view)
	api.Type(r, "ingress-attributes", authz.ReadRuns, f.ingressByIDs, viewIngress)

	api.List(r, "/workspaces/{id}/configuration-versions", authz.ReadRuns, f.Workspaces.Find, f.list)
	api.Create(r, "/workspaces/{id}/configuration-versions", authz.PlanRuns, f.Workspaces.Lock, f.create)
	api.Read(r, one, authz.ReadRuns, f.Find)
	api.Show(r, one+"/ingress-attributes", authz.ReadRuns, f.Find, f.ingressOf)
	api.Handle(r, "GET "+one+"/download", authz.ReadRuns, f.Find, f.Download, api.Status(http.StatusFound))
	api.Do(r, "POST "+one+"/actions/archive", authz.ApplyRuns, f.Find, f.archive, api.Status(http.StatusAccepted))
	api.Do(r, "POST "+one+"/actions/soft_delete_backing_data", authz.DeleteWorkspace, f.Find, f.softDelete, api.Status(http.StatusOK))
	api.Do(r, "POST "+one+"/actions/restore_backing_data", authz.DeleteWorkspace, f.Find, f.restore, api.Status(http.StatusOK))
	api.Do(r, "POST "+one+"/actions/permanently_delete_backing_data", authz.DeleteWorkspace, f.Find, f.destroy, api.Status(http.StatusOK))
}

// view is a version as clients see it.
func (f *Feature) view(ctx context.Context, v Version) jsonapi.Resource {
	self := "/api/v2/configuration-versions/" + v.ID
	links := jsonapi.Self(self)
	if v.Status == Uploaded {
		links["download"] = self + "/download"
	}
	a := shown{
		AutoQueueRuns: v.AutoQueueRuns, Error: db.Null(v.Error), ErrorMessage: db.Null(v.ErrorMessage), Source: v.Source,
		Speculative: v.Speculative, Provisional: v.Provisional, Status: v.Status,
		Timestamps: timestamps{v.FetchingAt, v.UploadedAt, v.ErroredAt, v.ArchivedAt, v.DeletedAt, v.RestoredAt, v.DestroyedAt},
	}
	if v.fresh && v.Status == Pending {
		a.UploadURL = f.router.Sign(ctx, http.MethodPut, objectKind, v.ID, api.PutTTL)
	}
	return jsonapi.Resource{Type: "configuration-versions", ID: v.ID, Attributes: a, Links: links, Relationships: jsonapi.Relationships{
		"ingress-attributes": jsonapi.ToOneAt("ingress-attributes", db.Text(v.IngressID), self+"/ingress-attributes"),
	}}
}

type shown struct {
	AutoQueueRuns bool       `json:"auto-queue-runs"`
	Error         *string    `json:"error"`
	ErrorMessage  *string    `json:"error-message"`
	Source        string     `json:"source"`
	Speculative   bool       `json:"speculative"`
	Provisional   bool       `json:"provisional"`
	Status        Status     `json:"status"`
	Timestamps    timestamps `json:"status-timestamps"`
	UploadURL     string     `json:"upload-url,omitempty"` // in the answer to the creation alone
}

// timestamps are named as in the API schema; those of what has not happened are absent.
type timestamps struct {
	Fetching  *db.Time `json:"fetching-at,omitempty"`
	Uploaded  *db.Time `json:"uploaded-at,omitempty"`
	Errored   *db.Time `json:"errored-at,omitempty"`
	Archived  *db.Time `json:"archived-at,omitempty"`
	Deleted   *db.Time `json:"soft-delete-backing-data-at,omitempty"`
	Restored  *db.Time `json:"restore-backing-data-at,omitempty"`
	Destroyed *db.Time `json:"permanently-delete-backing-data-at,omitempty"`
}

// attributes of a request.
type attributes struct {
	AutoQueueRuns jsonapi.Opt[bool] `json:"auto-queue-runs"`
	Speculative   jsonapi.Opt[bool] `json:"speculative"`
	Provisional   jsonapi.Opt[bool] `json:"provisional"`
}

func (f *Feature) create(ctx context.Context, ws workspaces.Workspace, in jsonapi.In[attributes]) (Version, error) {
	a := in.Data.Attributes
	v := Version{
		ID: id.New("cv"), OrgID: ws.OrgID, WorkspaceID: &ws.ID, ProjectID: ws.ProjectID, Status: Pending, Source: FromAPI, CreatedAt: db.Now(),
		AutoQueueRuns: a.AutoQueueRuns.Or(true), Speculative: a.Speculative.Or(false), Provisional: a.Provisional.Or(false),
		MayApply: authz.Can(ctx, authz.ApplyRuns, ws.Scope()), fresh: true,
	}
	v.madeBy(ctx)
	if err := f.DB.Insert(ctx, "configuration_versions", v); err != nil || v.Provisional {
		return v, err
	}
	return v, f.MakeCurrent(ctx, ws, v)
}

// madeBy notes who asks for a version, and with what. Every command line says so of
// itself, as the runs that it makes show too.
func (v *Version) madeBy(ctx context.Context) {
	if api.Request(ctx).Header.Get("X-Terraform-Integration") != "" {
		v.Source = FromCLI
	}
	if user := authz.From(ctx).UserID(); user != "" {
		v.CreatedBy = &user
	}
}

// MakeForModule adds a version for tests of a module, in the transaction of ctx. No run is
// queued when it is uploaded, whatever it says: who uploads it asks for the test.
func (f *Feature) MakeForModule(ctx context.Context, orgID, moduleID string) (Version, error) {
	v := Version{ID: id.New("cv"), OrgID: orgID, ModuleID: &moduleID, Status: Pending, Source: FromAPI, AutoQueueRuns: true, CreatedAt: db.Now(), fresh: true}
	v.madeBy(ctx)
	return v, f.DB.Insert(ctx, "configuration_versions", v)
}

// NewestOf returns the newest version of a module that was uploaded; problem.NotFound if
// there is none.
func (f *Feature) NewestOf(ctx context.Context, moduleID string) (Version, error) {
	return db.One[Version](ctx, f.DB, selectVersions+`v.module_id = ? AND v.status = ? ORDER BY v.created_at DESC, v.id DESC LIMIT 1`, moduleID, Uploaded)
}

// MakeCurrent makes a version the current one of a workspace that is locked in this
// transaction, unless the one there is newer. A speculative version never becomes it:
// a run that names no version takes the current one, and may want to apply.
func (f *Feature) MakeCurrent(ctx context.Context, ws workspaces.Workspace, v Version) error {
	if v.Speculative {
		return nil
	}
	if ws.CurrentConfigurationVersionID != nil {
		current, err := f.Find(ctx, *ws.CurrentConfigurationVersionID)
		if err != nil || current.CreatedAt.After(v.CreatedAt.Time) {
			return err
		}
	}
	if err := f.Workspaces.SetCurrentConfiguration(ctx, ws.ID, v.ID); err != nil || v.Status != Uploaded {
		return err
	}
	return f.Jobs.Enqueue(ctx, readme{ws.ID, v.ID})
}

const selectVersions = `SELECT {v}, COALESCE(w.project_id, '') AS project_id, i.id AS ingress_id FROM configuration_versions v
	LEFT JOIN workspaces w ON w.id = v.workspace_id LEFT JOIN ingress_attributes i ON i.configuration_version_id = v.id WHERE `

// Find returns the version with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Version, error) {
	return db.One[Version](ctx, f.DB, selectVersions+`v.id = ?`, id)
}

// Lock returns the version with the given id and keeps others from changing it until
// the transaction ends. Who needs its workspace too locks that first.
func (f *Feature) Lock(ctx context.Context, id string) (Version, error) {
	q := selectVersions + `v.id = ?`
	if f.DB.Postgres() {
		q += ` FOR UPDATE OF v`
	}
	return db.One[Version](ctx, f.DB, q, id)
}

func (f *Feature) byIDs(ctx context.Context, ids []string) ([]Version, error) {
	return db.In[Version](ctx, f.DB, selectVersions+`v.id IN (?)`, ids)
}

// list gives the newest first.
func (f *Feature) list(ctx context.Context, ws workspaces.Workspace, q api.Query) (api.Page[Version], error) {
	return api.Select[Version](ctx, f.DB, q, selectVersions+`v.workspace_id = ? ORDER BY v.created_at DESC, v.id DESC`, ws.ID)
}

// uses tells which of the versions have runs, and of those whether one is in progress.
func (f *Feature) uses(ctx context.Context, ids ...string) (map[string]bool, error) {
	if f.Uses == nil || len(ids) == 0 {
		return nil, nil
	}
	return f.Uses(ctx, ids)
}

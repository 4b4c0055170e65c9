package applies

import (
	"context"
	"net/http"
	"time"

	"plumbline.dev/plumbline/internal/delivery/progress"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Routes adds the endpoints of this package to r, and its jobs to Jobs.
func (f *Feature) Routes(r *api.Router) {
	const one = "/applies/{id}"
	f.router = r
	f.Jobs.Every("sweep-applies", time.Hour, f.Sweep, jobs.Timeout(10*time.Minute))
	r.Object(objectKind, api.ObjectKind{Get: f.getErroredState})
	api.Type(r, "applies", authz.ReadRuns, f.In, f.view)
	api.Read(r, one, authz.ReadRuns, f.Find)
	api.Read(r, "/runs/{id}/apply", authz.ReadRuns, f.OfRun)
	api.Handle(r, "GET "+one+"/log/events", authz.ReadRuns, f.Find, f.follow)
	api.Handle(r, "GET "+one+"/errored-state", authz.ReadState, f.Find, f.erroredState, api.Status(http.StatusTemporaryRedirect))
	api.Do(r, "POST "+one+"/actions/soft-delete-backing-data", authz.DeleteWorkspace, f.Find, f.softDelete)
	api.Do(r, "POST "+one+"/actions/restore-backing-data", authz.DeleteWorkspace, f.Find, f.restore)
	api.Do(r, "POST "+one+"/actions/permanently-delete-backing-data", authz.DeleteWorkspace, f.Find, f.destroy)
}

// follow sends the log as events, for browsers.
func (f *Feature) follow(ctx context.Context, w http.ResponseWriter, req *http.Request, a Apply) error {
	if a.DeletedAt != nil {
		return problem.NotFound
	}
	return f.Logs.Follow(ctx, w, req, a.ID)
}

const (
	objectKind = "errored-state" // of signed addresses
	stateTTL   = time.Minute
)

// ErroredState is the name of the output with a state that an apply could not make a
// state version of.
const ErroredState = proto.StateFinal

// erroredState redirects to the state that an apply left and that is no state version
// (307; applies page, "Recover a failed state upload after applying").
func (f *Feature) erroredState(ctx context.Context, w http.ResponseWriter, _ *http.Request, a Apply) error {
	if a.DeletedAt != nil {
		return problem.NotFound
	}
	if _, err := f.Outputs.Find(ctx, a.ID, ErroredState); err != nil {
		return err
	}
	w.Header().Set("Location", f.router.Sign(ctx, http.MethodGet, objectKind, a.ID, stateTTL))
	w.WriteHeader(http.StatusTemporaryRedirect)
	return nil
}

func (f *Feature) getErroredState(ctx context.Context, w http.ResponseWriter, req *http.Request, id string) error {
	a, err := f.Find(ctx, id)
	if err != nil {
		return err
	}
	if a.DeletedAt != nil {
		return problem.NotFound
	}
	return f.Outputs.Send(ctx, w, req, a.ID, ErroredState, "application/json")
}

func (f *Feature) backing() progress.Backing {
	return progress.Backing{DB: f.DB, Table: "applies", Noun: "Apply", Grace: f.Grace, Forget: f.forget}
}

// Sweep destroys the logs and outputs that were deleted longer ago than Grace.
func (f *Feature) Sweep(ctx context.Context) error { return f.backing().Sweep(ctx) }

// forget drops logs and outputs of applies.
func (f *Feature) forget(ctx context.Context, ids []string) error {
	if err := f.Logs.Remove(ctx, ids); err != nil {
		return err
	}
	return f.Outputs.Remove(ctx, ids)
}

func (f *Feature) softDelete(ctx context.Context, a Apply, _ jsonapi.In[struct{}]) error {
	return f.backing().SoftDelete(ctx, a.ID)
}

func (f *Feature) restore(ctx context.Context, a Apply, _ jsonapi.In[struct{}]) error {
	return f.backing().Restore(ctx, a.ID)
}

func (f *Feature) destroy(ctx context.Context, a Apply, _ jsonapi.In[struct{}]) error {
	return f.backing().Destroy(ctx, a.ID)
}

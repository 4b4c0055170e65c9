package plans

import (
	"context"
	"net/http"
	"time"

	"plumbline.dev/plumbline/internal/delivery/progress"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Routes adds the endpoints of this package to r, and its jobs to Jobs.
func (f *Feature) Routes(r *api.Router) {
	const one = "/plans/{id}"
	f.router = r
	f.Jobs.Every("sweep-plans", time.Hour, f.Sweep, jobs.Timeout(10*time.Minute))
	r.Object(objectKind, api.ObjectKind{Get: f.get})
	api.Type(r, "plans", authz.ReadRuns, f.In, f.view)
	api.Read(r, one, authz.ReadRuns, f.Find)
	api.Read(r, "/runs/{id}/plan", authz.ReadRuns, f.OfRun)
	api.Handle(r, "GET "+one+"/log/events", authz.ReadRuns, f.Find, f.follow)
	for _, d := range documents {
		redirects := api.Status(http.StatusTemporaryRedirect)
		api.Handle(r, "GET "+one+"/"+d.path, d.needs, f.Find, f.redirect(d), redirects)
		api.Handle(r, "GET /runs/{id}/plan/"+d.path, d.needs, f.OfRun, f.redirect(d), redirects)
	}
	api.Do(r, "POST "+one+"/actions/soft-delete-backing-data", authz.DeleteWorkspace, f.Find, f.softDelete)
	api.Do(r, "POST "+one+"/actions/restore-backing-data", authz.DeleteWorkspace, f.Find, f.restore)
	api.Do(r, "POST "+one+"/actions/permanently-delete-backing-data", authz.DeleteWorkspace, f.Find, f.destroy)
}

// follow sends the log as events, for browsers.
func (f *Feature) follow(ctx context.Context, w http.ResponseWriter, req *http.Request, p Plan) error {
	if p.DeletedAt != nil {
		return problem.NotFound
	}
	return f.Logs.Follow(ctx, w, req, p.ID)
}

func (f *Feature) backing() progress.Backing {
	return progress.Backing{DB: f.DB, Table: "plans", Noun: "Plan", Grace: f.Grace, Forget: f.forget}
}

// Sweep destroys the logs and outputs that were deleted longer ago than Grace.
func (f *Feature) Sweep(ctx context.Context) error { return f.backing().Sweep(ctx) }

// forget drops logs and outputs of plans.
func (f *Feature) forget(ctx context.Context, ids []string) error {
	if err := f.Logs.Remove(ctx, ids); err != nil {
		return err
	}
	return f.Outputs.Remove(ctx, ids)
}

func (f *Feature) softDelete(ctx context.Context, p Plan, _ jsonapi.In[struct{}]) error {
	if f.InUse != nil {
		used, err := f.InUse(ctx, p.RunID)
		if err != nil {
			return err
		}
		if used {
			return problem.BadRequest("Plan backing data transition not allowed: its run is in progress")
		}
	}
	return f.backing().SoftDelete(ctx, p.ID)
}

func (f *Feature) restore(ctx context.Context, p Plan, _ jsonapi.In[struct{}]) error {
	return f.backing().Restore(ctx, p.ID)
}

func (f *Feature) destroy(ctx context.Context, p Plan, _ jsonapi.In[struct{}]) error {
	return f.backing().Destroy(ctx, p.ID)
}

package app

import (
	"context"
	"strconv"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// failedJob is work in the background that failed, as site administrators see it.
type failedJob struct{ jobs.Failure }

// Scope implements authz.Scoped: the site.
func (failedJob) Scope() authz.Scope { return authz.Scope{} }

// serveFailures shows site administrators what failed in the background, and lets them try it
// again at once.
func (a *App) serveFailures() {
	const path = "/admin/failed-jobs"
	api.Type(a.Router, "failed-jobs", authz.SiteAdmin, nil, viewFailure)
	api.List(a.Router, path, authz.SiteAdmin, api.Site, a.failures)
	api.Read(a.Router, path+"/{id}", authz.SiteAdmin, a.failure)
	api.Do(a.Router, "POST "+path+"/{id}/actions/retry", authz.SiteAdmin, a.failure, a.retry)
}

type failureAttributes struct {
	Kind      string   `json:"kind"`
	Attempt   int      `json:"attempt"`  // the last one
	Attempts  int      `json:"attempts"` // at most
	Error     string   `json:"error"`    // of the last one
	FailedAt  db.Time  `json:"failed-at"`
	NextAt    *db.Time `json:"next-at"` // null: it was given up
	CreatedAt db.Time  `json:"created-at"`
}

func viewFailure(_ context.Context, j failedJob) jsonapi.Resource {
	id := ""
	if j.ID != 0 {
		id = strconv.FormatInt(j.ID, 10)
	}
	return jsonapi.Resource{Type: "failed-jobs", ID: id, Attributes: failureAttributes{j.Kind, j.Attempt, j.Attempts, j.Error, j.FailedAt, j.NextAt, j.CreatedAt}}
}

func (a *App) failures(ctx context.Context, _ authz.Site, _ api.Query) (api.Page[failedJob], error) {
	list, err := a.Jobs.Failures(ctx)
	out := make([]failedJob, len(list))
	for i, f := range list {
		out[i] = failedJob{f}
	}
	return api.Whole(out, err)
}

func (a *App) failure(ctx context.Context, id string) (failedJob, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return failedJob{}, problem.NotFound
	}
	f, err := a.Jobs.Failure(ctx, n)
	return failedJob{f}, err
}

func (a *App) retry(ctx context.Context, j failedJob, _ jsonapi.In[struct{}]) error {
	return a.Jobs.Retry(ctx, j.ID)
}

package plans

import (
	"context"
	"net/http"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
)

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	f.router = r
	api.Type(r, "plans", authz.ReadRuns, f.In, f.view)
	api.Read(r, "/plans/{id}", authz.ReadRuns, f.Find)
	api.Read(r, "/runs/{id}/plan", authz.ReadRuns, f.OfRun)
	api.Handle(r, "GET /plans/{id}/log/events", authz.ReadRuns, f.Find, f.follow)
}

func (f *Feature) follow(ctx context.Context, w http.ResponseWriter, req *http.Request, p Plan) error {
	return f.Logs.Follow(ctx, w, req, p.ID)
}

package applies

import (
	"context"
	"net/http"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
)

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	f.router = r
	api.Type(r, "applies", authz.ReadRuns, f.In, f.view)
	api.Read(r, "/applies/{id}", authz.ReadRuns, f.Find)
	api.Read(r, "/runs/{id}/apply", authz.ReadRuns, f.OfRun)
	api.Handle(r, "GET /applies/{id}/log/events", authz.ReadRuns, f.Find, f.follow)
}

func (f *Feature) follow(ctx context.Context, w http.ResponseWriter, req *http.Request, a Apply) error {
	return f.Logs.Follow(ctx, w, req, a.ID)
}

package runs

import (
	"context"
	"net/http"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// adminRoutes serves the runs of all organizations to site administrators.
func (f *Feature) adminRoutes(r *api.Router) {
	api.List(r, "/admin/runs", authz.SiteAdmin, api.Site, f.adminList, api.Params("filter[status]", "filter[from]", "filter[to]"))
	api.Do(r, "POST /admin/runs/{id}/actions/force-cancel", authz.SiteAdmin, f.Find, f.adminForceCancel, api.Status(http.StatusAccepted))
}

// adminList gives the newest first. It takes q: the id of a run, or a part of the name of
// a workspace or an organization.
func (f *Feature) adminList(ctx context.Context, _ authz.Site, q api.Query) (api.Page[Run], error) {
	c := condition{where: "1 = 1"}
	c.statuses(q.List("filter[status]"))
	for name, op := range map[string]string{"filter[from]": ">=", "filter[to]": "<="} {
		v := q.Get(name)
		if v == "" {
			continue
		}
		at, err := db.ParseTime(v)
		if err != nil {
			return api.Page[Run]{}, problem.BadRequest("%s must be a time such as 2024-03-01T12:30:00Z, not %q", name, v)
		}
		c.and("r.created_at "+op+" ?", at)
	}
	if like := q.Like("q"); like != "" {
		c.and(`(r.id = ? OR w.name_lower LIKE ? ESCAPE '\' OR r.org_id IN (SELECT o.id FROM organizations o WHERE o.name_lower LIKE ? ESCAPE '\'))`,
			strings.TrimSpace(q.Get("q")), like, like)
	}
	page, err := api.Select[Run](ctx, f.DB, q, selectRuns+" WHERE "+c.where+" ORDER BY r.created_at DESC, r.id DESC", c.args...)
	if err != nil {
		return page, err
	}
	return page, f.hydrate(ctx, page.Items)
}

// adminForceCancel ends a run at once: site administrators need not ask it to end first.
func (f *Feature) adminForceCancel(ctx context.Context, r Run, in jsonapi.In[remark]) error {
	r, _, err := f.Lock(ctx, r.ID)
	if err != nil {
		return err
	}
	if r.Final {
		return problem.Conflict("Run has ended already; cancel not allowed.")
	}
	if err := f.remark(ctx, r, in); err != nil {
		return err
	}
	return f.kill(ctx, r)
}

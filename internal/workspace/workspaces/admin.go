package workspaces

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
)

// adminRoutes serves the workspaces of all organizations to site administrators.
func (f *Feature) adminRoutes(r *api.Router) {
	api.List(r, "/admin/workspaces", authz.SiteAdmin, api.Site, f.adminList, api.Params("filter[current_run]"))
	api.Read(r, "/admin/workspaces/{id}", authz.SiteAdmin, f.read)
	api.Delete(r, "/admin/workspaces/{id}", authz.SiteAdmin, f.Find, f.delete)
}

// adminList takes q, a part of the name of a workspace or its organization;
// filter[current_run][status]; sort.
func (f *Feature) adminList(ctx context.Context, _ authz.Site, q api.Query) (api.Page[Workspace], error) {
	order, err := f.orderOf(q)
	if err != nil {
		return api.Page[Workspace]{}, err
	}
	where, args := ` WHERE 1 = 1`, []any(nil)
	if like := q.Like("q"); like != "" {
		where += ` AND (w.name_lower LIKE ? ESCAPE '\' OR w.org_id IN (SELECT x.id FROM organizations x WHERE x.name_lower LIKE ? ESCAPE '\'))`
		args = append(args, like, like)
	}
	if statuses := q.List("filter[current_run][status]"); len(statuses) > 0 {
		in, inArgs := f.CurrentRun.statusIn(statuses)
		where, args = where+` AND `+in, append(args, inArgs...)
	}
	return f.page(ctx, q, where, args, order)
}

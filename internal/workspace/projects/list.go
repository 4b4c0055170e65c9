package projects

import (
	"context"
	"strings"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/workspace/tags"
)

// list takes q, a part of the name; filter[names]; filters of permissions and tags;
// sort by name.
func (f *Feature) list(ctx context.Context, org orgs.Org, q api.Query) (api.Page[Project], error) {
	where, args := conditions(ctx, org, q)
	tagged, more, err := tags.Tagged(q, org.ID, "", "p.id")
	if err != nil {
		return api.Page[Project]{}, err
	}
	where, args = where+tagged, append(args, more...)
	order, err := q.Order(map[string]string{"": "p.name, p.id", "name": "p.name, p.id", "-name": "p.name DESC, p.id DESC"})
	if err != nil {
		return api.Page[Project]{}, err
	}
	var page api.Page[Project]
	page.Total, err = db.One[int](ctx, f.DB, `SELECT count(p.id) FROM projects p`+where, args...)
	if err != nil || page.Total == 0 {
		return page, err
	}
	page.Items, err = db.All[Project](ctx, f.DB, selectProjects+where+` ORDER BY `+order+` LIMIT ? OFFSET ?`, append(args, q.Size, q.Offset())...)
	if err != nil {
		return page, err
	}
	return page, f.hydrate(ctx, page.Items)
}

// conditions is what the request and the caller's permissions leave of the projects.
func conditions(ctx context.Context, org orgs.Org, q api.Query) (string, []any) {
	needs := []authz.Permission{authz.ReadProject}
	for name, p := range map[string]authz.Permission{"filter[permissions][create-workspace]": authz.CreateWorkspace, "filter[permissions][update]": authz.UpdateProject} {
		if q.Get(name) != "" && q.Get(name) != "false" {
			needs = append(needs, p)
		}
	}
	where, args := ` WHERE p.org_id = ?`, []any{org.ID}
	for _, p := range needs {
		allowed, more := authz.FilterOf(ctx, p, org.ID).SQL("p.id", "")
		where, args = where+` AND `+allowed, append(args, more...)
	}
	if names := q.List("filter[names]"); len(names) > 0 {
		for i, n := range names {
			names[i] = strings.ToLower(n)
		}
		in, more := db.List(` AND p.name_lower IN (?)`, names)
		where, args = where+in, append(args, more...)
	}
	if like := q.Like("q"); like != "" {
		where, args = where+` AND p.name_lower LIKE ? ESCAPE '\'`, append(args, like)
	}
	return where, args
}

package workspaces

import (
	"context"
	"maps"
	"strings"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/tags"
)

var listParams = api.Params("search[name]", "search[wildcard-name]", "search[tags]", "search[exclude-tags]",
	"filter[project][id]", "filter[current-run][status]", "filter[health-state]", "filter[tagged]", "filter[tag-union]")

// CurrentRun is how to ask for the current run of a workspace in SQL; w is the alias of
// the workspace, whose column current_run_id names the run.
type CurrentRun struct {
	// Created is an expression for when it was created.
	Created string
	// In is a condition that its status is one of these.
	In func(statuses []string) (condition string, args []any)
}

// statusIn is the condition that the current run of w has one of the statuses.
func (c CurrentRun) statusIn(statuses []string) (string, []any) {
	if c.In == nil {
		return "1 = 0", nil
	}
	return c.In(statuses)
}

// orderOf returns what to order by. Workspaces without a current run are last.
func (f *Feature) orderOf(q api.Query) (string, error) {
	by := maps.Clone(orders)
	if created := f.CurrentRun.Created; created != "" {
		by["current-run.created-at"] = "w.current_run_id IS NULL, " + created + ", w.name, w.id"
		by["-current-run.created-at"] = "w.current_run_id IS NULL, " + created + " DESC, w.name, w.id"
	}
	return q.Order(by)
}

// orders are the values of sort; those of the current run are for a server without runs.
var orders = map[string]string{
	"": "w.name, w.id", "name": "w.name, w.id", "-name": "w.name DESC, w.id DESC",
	"created-at": "w.created_at, w.id", "-created-at": "w.created_at DESC, w.id DESC",
	"updated-at": "w.updated_at, w.id", "-updated-at": "w.updated_at DESC, w.id DESC",
	"latest-change-at": "w.latest_change_at, w.id", "-latest-change-at": "w.latest_change_at DESC, w.id DESC",
	"current-run.created-at": "w.name, w.id", "-current-run.created-at": "w.name, w.id",
}

// list shows what the caller may read.
func (f *Feature) list(ctx context.Context, org orgs.Org, q api.Query) (api.Page[Workspace], error) {
	order, err := f.orderOf(q)
	if err != nil {
		return api.Page[Workspace]{}, err
	}
	where, args, err := f.conditions(ctx, org, q)
	if err != nil {
		return api.Page[Workspace]{}, err
	}
	return f.page(ctx, q, where, args, order)
}

// page reads a page of workspaces: where is a condition on w, beginning with WHERE.
// It counts only what the page does not tell: a page that is not full is the last.
func (f *Feature) page(ctx context.Context, q api.Query, where string, args []any, order string) (p api.Page[Workspace], err error) {
	p.Items, err = db.All[Workspace](ctx, f.DB, selectWorkspaces+where+` ORDER BY `+order+` LIMIT ? OFFSET ?`, append(args[:len(args):len(args)], q.Size, q.Offset())...)
	if err != nil {
		return p, err
	}
	if n := len(p.Items); n < q.Size && (n > 0 || q.Number == 1) {
		p.Total = q.Offset() + n
	} else if p.Total, err = db.One[int](ctx, f.DB, `SELECT count(*) FROM workspaces w`+where, args...); err != nil {
		return p, err
	}
	return p, f.hydrate(ctx, p.Items)
}

// maxTagNames is how many tags a search may name.
const maxTagNames = 20

func (f *Feature) conditions(ctx context.Context, org orgs.Org, q api.Query) (string, []any, error) {
	allowed, args := authz.FilterOf(ctx, authz.ReadWorkspace, org.ID).SQL("w.project_id", "w.id")
	where, args := ` WHERE w.org_id = ? AND `+allowed, append([]any{org.ID}, args...)
	if like := q.Like("search[name]"); like != "" {
		where, args = where+` AND w.name_lower LIKE ? ESCAPE '\'`, append(args, like)
	}
	if wild := q.Get("search[wildcard-name]"); wild != "" {
		pattern := strings.ReplaceAll(api.EscapeLike(strings.ToLower(wild)), "*", "%")
		where, args = where+` AND w.name_lower LIKE ? ESCAPE '\'`, append(args, pattern)
	}
	if id := q.Get("filter[project][id]"); id != "" {
		where, args = where+` AND w.project_id = ?`, append(args, id)
	}
	if statuses := q.List("filter[current-run][status]"); len(statuses) > 0 {
		in, inArgs := f.CurrentRun.statusIn(statuses)
		where, args = where+` AND `+in, append(args, inArgs...)
	}
	if states := q.List("filter[health-state]"); len(states) > 0 {
		in, inArgs := db.List(` AND w.id IN (SELECT workspace_id FROM workspace_health WHERE state IN (?))`, states)
		where, args = where+in, append(args, inArgs...)
	}
	with, without := q.List("search[tags]"), q.List("search[exclude-tags]")
	if len(with)+len(without) > maxTagNames {
		return "", nil, problem.BadRequest("A search can name at most %d tags", maxTagNames)
	}
	for not, names := range map[bool][]string{false: with, true: without} {
		more, moreArgs := tags.Named(names, not, org.ID, "w.id")
		where, args = where+more, append(args, moreArgs...)
	}
	tagged, taggedArgs, err := tags.Tagged(q, org.ID, "w.id", "w.project_id")
	return where + tagged, append(args, taggedArgs...), err
}

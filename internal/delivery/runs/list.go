package runs

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

func (f *Feature) listRoutes(r *api.Router) {
	const inOrg = "/organizations/{organization}/runs"
	filters := []string{"filter[operation]", "filter[status]", "filter[agent_pool_names]", "filter[source]", "filter[created_by]", "filter[status_group]", "filter[timeframe]",
		"search[user]", "search[commit]", "search[basic]"}
	api.List(r, "/workspaces/{id}/runs", authz.ReadRuns, f.Workspaces.Find, f.listOfWorkspace, api.Params(filters...))
	api.List(r, "/runs", authz.ReadRuns, f.named, f.listOfWorkspace, api.Params(filters...))
	api.List(r, inOrg, authz.ReadOrg, f.Orgs.ByName, f.listOfOrg, api.Params(append(filters, "filter[workspace_names]")...))
	api.List(r, inOrg+"/queue", authz.ReadOrg, f.Orgs.ByName, f.listQueue)
	api.Type(r, "organization-capacity", authz.ReadOrg, nil, viewCapacity)
	api.Show(r, "/organizations/{organization}/capacity", authz.ReadOrg, f.Orgs.ByName, f.capacity)
}

// named loads the workspace that the parameters of a list name.
func (f *Feature) named(ctx context.Context, _ string) (workspaces.Workspace, error) {
	id := api.QueryOf(ctx).Get("workspace_id")
	if id == "" {
		return workspaces.Workspace{}, problem.BadRequest("workspace_id is required")
	}
	return f.Workspaces.Find(ctx, id)
}

// condition is a WHERE that grows.
type condition struct {
	where string
	args  []any
}

func (c *condition) and(cond string, args ...any) {
	c.where, c.args = c.where+" AND "+cond, append(c.args, args...)
}

// in adds that a column has one of the values; none asks nothing.
func (c *condition) in(column string, values []string) {
	if len(values) == 0 {
		return
	}
	cond, args := db.List(column+" IN (?)", values)
	c.and(cond, args...)
}

// listOfWorkspace gives the newest first, and leaves out runs that only plan unless they
// are asked for (runs page, "List Runs in a Workspace").
func (f *Feature) listOfWorkspace(ctx context.Context, ws workspaces.Workspace, q api.Query) (api.Page[Run], error) {
	c := condition{where: "r.workspace_id = ?", args: []any{ws.ID}}
	if len(q.List("filter[operation]")) == 0 {
		c.and("NOT r.plan_only")
	}
	if err := c.filter(q, ""); err != nil {
		return api.Page[Run]{}, err
	}
	page, err := api.Select[Run](ctx, f.DB, q, selectRuns+" WHERE "+c.where+" ORDER BY r.created_at DESC, r.id DESC", c.args...)
	if err != nil {
		return page, err
	}
	return page, f.hydrate(ctx, page.Items)
}

// listOfOrg gives the newest first of the last year. Nothing is counted: the page says
// only whether there is a next one (runs page, "List Runs in an Organization").
func (f *Feature) listOfOrg(ctx context.Context, o orgs.Org, q api.Query) (api.Page[Run], error) {
	allowed, args := authz.FilterOf(ctx, authz.ReadRuns, o.ID).SQL("w.project_id", "r.workspace_id")
	c := condition{where: "r.org_id = ? AND " + allowed, args: append([]any{o.ID}, args...)}
	c.in("w.name_lower", lower(q.List("filter[workspace_names]")))
	if err := c.filter(q, "year"); err != nil {
		return api.Page[Run]{}, err
	}
	return f.uncounted(ctx, q, c, "r.created_at DESC, r.id DESC")
}

// uncounted reads a page and one row more, which tells whether there is a next page.
func (f *Feature) uncounted(ctx context.Context, q api.Query, c condition, order string) (api.Page[Run], error) {
	list, err := db.All[Run](ctx, f.DB, selectRuns+" WHERE "+c.where+" ORDER BY "+order+" LIMIT ? OFFSET ?", append(c.args, q.Size+1, q.Offset())...)
	if err != nil {
		return api.Page[Run]{}, err
	}
	page := api.Uncounted(list, q)
	return page, f.hydrate(ctx, page.Items)
}

// filter adds what both lists can be asked for. Values that nothing has match nothing.
func (c *condition) filter(q api.Query, timeframe string) error {
	c.in("r.operation", q.List("filter[operation]"))
	c.statuses(q.List("filter[status]"))
	c.in("r.source", q.List("filter[source]"))
	c.madeBy(q.List("filter[created_by]"))
	if names := lower(q.List("filter[agent_pool_names]")); len(names) > 0 {
		cond, args := db.List("r.agent_pool_id IN (SELECT p.id FROM agent_pools p WHERE p.org_id = r.org_id AND p.name_lower IN (?))", names)
		c.and(cond, args...)
	}
	if err := c.group(q.Get("filter[status_group]")); err != nil {
		return err
	}
	if t := q.Get("filter[timeframe]"); t != "" {
		timeframe = t
	}
	if err := c.within(timeframe); err != nil {
		return err
	}
	c.search(q)
	return nil
}

// madeBy adds that a run was made by one of the users of these names. HCP has no such
// filter: its search[user] is about users of the VCS.
func (c *condition) madeBy(names []string) {
	if len(names) == 0 {
		return
	}
	cond, args := db.List("r.created_by IN (SELECT u.id FROM users u WHERE u.username_lower IN (?))", lower(names))
	c.and(cond, args...)
}

// statuses adds that a run has one of the statuses; force_canceled is one in name only.
func (c *condition) statuses(values []string) {
	if len(values) == 0 {
		return
	}
	cond, args := db.List("r.status IN (?)", values)
	if slices.Contains(values, string(ForceCanceled)) {
		cond, args = "("+cond+" OR (r.status = ? AND r.status_times LIKE ?))", append(args, Canceled, `%"`+ForceCanceled+`"%`)
	}
	c.and(cond, args...)
}

func lower(names []string) []string {
	for i, n := range names {
		names[i] = strings.ToLower(n)
	}
	return names
}

func (c *condition) group(name string) error {
	switch name {
	case "":
	case "non_final":
		c.and("NOT r.final")
	case "final":
		c.and("r.final")
	case "discardable":
		list := make([]string, len(discardable))
		for i, s := range discardable {
			list[i] = string(s)
		}
		c.in("r.status", list)
	default:
		return problem.BadRequest("filter[status_group] must be non_final, final or discardable, not %q", name)
	}
	return nil
}

// within takes a year, or "year" for the past twelve months, or "" for all time.
func (c *condition) within(timeframe string) error {
	switch timeframe {
	case "":
		return nil
	case "year":
		c.and("r.created_at >= ?", db.At(time.Now().AddDate(-1, 0, 0)))
		return nil
	}
	year, err := strconv.Atoi(timeframe)
	if err != nil || year < 1 || year > 9998 {
		return problem.BadRequest("filter[timeframe] must be a year or \"year\", not %q", timeframe)
	}
	start := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	c.and("r.created_at >= ? AND r.created_at < ?", db.At(start), db.At(start.AddDate(1, 0, 0)))
	return nil
}

// search adds what is searched for. User and commit are those of the VCS, and make
// search[basic] count for nothing.
func (c *condition) search(q api.Query) {
	const ingress = "EXISTS (SELECT 1 FROM ingress_attributes i WHERE i.configuration_version_id = r.configuration_version_id AND "
	user, commit, basic := q.Get("search[user]"), q.Get("search[commit]"), q.Get("search[basic]")
	if user != "" {
		c.and(ingress+"i.sender_username = ?)", user)
	}
	if commit != "" {
		c.and(ingress+`i.commit_sha LIKE ? ESCAPE '\')`, api.EscapeLike(commit)+"%")
	}
	if user == "" && commit == "" && basic != "" {
		like := "%" + api.EscapeLike(strings.ToLower(basic)) + "%"
		c.and(`(r.id = ? OR LOWER(r.message) LIKE ? ESCAPE '\' OR `+ingress+`(i.sender_username = ? OR i.commit_sha LIKE ? ESCAPE '\')))`,
			basic, like, basic, api.EscapeLike(basic)+"%")
	}
}

// listQueue gives the runs of an organization that wait, the first first, with their
// position.
func (f *Feature) listQueue(ctx context.Context, o orgs.Org, q api.Query) (api.Page[Run], error) {
	allowed, args := authz.FilterOf(ctx, authz.ReadRuns, o.ID).SQL("w.project_id", "r.workspace_id")
	c := condition{where: "r.org_id = ? AND NOT r.final AND " + allowed, args: append([]any{o.ID}, args...)}
	waiting := make([]string, len(queued))
	for i, s := range queued {
		waiting[i] = string(s)
	}
	c.in("r.status", waiting)
	page, err := api.Select[Run](ctx, f.DB, q, selectRuns+" WHERE "+c.where+" ORDER BY r.created_at, r.id", c.args...)
	if err != nil {
		return page, err
	}
	for i := range page.Items {
		page.Items[i].position = q.Offset() + i + 1
	}
	return page, f.hydrate(ctx, page.Items)
}

package findings

import (
	"context"

	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

var findingOrders = map[string]string{
	"":               scans.SeverityRank("f.severity") + " DESC, f.first_seen_at, f.id",
	"-severity":      scans.SeverityRank("f.severity") + " DESC, f.first_seen_at, f.id",
	"severity":       scans.SeverityRank("f.severity") + ", f.first_seen_at, f.id",
	"first-seen-at":  "f.first_seen_at, f.id",
	"-first-seen-at": "f.first_seen_at DESC, f.id DESC",
	"last-seen-at":   "f.last_seen_at, f.id",
	"-last-seen-at":  "f.last_seen_at DESC, f.id DESC",
	"address":        "f.address, f.path, f.id",
	"-address":       "f.address DESC, f.path DESC, f.id",
}

func (f *Feature) list(ctx context.Context, o orgs.Org, q api.Query) (api.Page[Finding], error) {
	where, args := scans.Visible(ctx, o.ID, "f")
	return f.page(ctx, q, scans.Condition{Where: where, Args: args})
}

func (f *Feature) listOfWorkspace(ctx context.Context, ws workspaces.Workspace, q api.Query) (api.Page[Finding], error) {
	return f.page(ctx, q, scans.Condition{Where: "f.workspace_id = ?", Args: []any{ws.ID}})
}

func (f *Feature) listOfEpisode(ctx context.Context, e Episode, q api.Query) (api.Page[Finding], error) {
	return f.page(ctx, q, scans.Condition{Where: "f.episode_id = ?", Args: []any{e.ID}})
}

// Filters are the parameters that narrow lists of findings.
var Filters = []string{"filter[workspace][id]", "filter[workspace][name]", "filter[schedule][id]", "filter[folder]", "filter[status]", "filter[kind]", "filter[severity]",
	"filter[provider]", "filter[type]", "filter[episode]", "filter[target]", "filter[cause]", "filter[assigned-to]", "filter[acknowledged]", "search[address]", "search[text]"}

// cause is what findings have in common that are alike: what the rule says of them.
const cause = "COALESCE(NULLIF(f.title, ''), f.kind)"

// Narrow adds the filters of a request to a condition on findings f and workspaces w.
func Narrow(c *scans.Condition, q api.Query) error {
	c.Places(q, "f")
	for column, name := range map[string]string{"f.status": "status", "f.kind": "kind", "f.severity": "severity", "f.provider": "provider", "f.type": "type", "f.episode_id": "episode"} {
		c.In(column, q.List("filter["+name+"]"))
	}
	for column, name := range map[string]string{"f.target": "filter[target]", cause: "filter[cause]"} {
		if v := q.Get(name); v != "" { // it may have commas
			c.And(column+" = ?", v)
		}
	}
	assigned(c, q, "f.assigned_to")
	if like := q.Like("search[address]"); like != "" {
		c.And(`lower(f.address) LIKE ? ESCAPE '\'`, like)
	}
	if like := q.Like("search[text]"); like != "" {
		c.And(`(lower(f.address) LIKE ? ESCAPE '\' OR lower(f.path) LIKE ? ESCAPE '\' OR lower(f.title) LIKE ? ESCAPE '\')`, like, like, like)
	}
	return acknowledged(c, q, "f.acknowledged_at")
}

// assigned adds the filter by who looks after it: users, or "none".
func assigned(c *scans.Condition, q api.Query, column string) {
	if users := q.List("filter[assigned-to]"); len(users) == 1 && users[0] == "none" {
		c.And(column + " IS NULL")
	} else {
		c.In(column, users)
	}
}

// acknowledged adds the filter by whether somebody has seen it.
func acknowledged(c *scans.Condition, q api.Query, column string) error {
	switch q.Get("filter[acknowledged]") {
	case "":
	case "true":
		c.And(column + " IS NOT NULL")
	case "false":
		c.And(column + " IS NULL")
	default:
		return problem.BadRequest("filter[acknowledged] is true or false")
	}
	return nil
}

func (f *Feature) page(ctx context.Context, q api.Query, c scans.Condition) (api.Page[Finding], error) {
	order, err := q.Order(findingOrders)
	if err != nil {
		return api.Page[Finding]{}, err
	}
	if err := Narrow(&c, q); err != nil {
		return api.Page[Finding]{}, err
	}
	p, err := api.Select[Finding](ctx, f.DB, q, selectFindings+" WHERE "+c.Where+" ORDER BY "+order, c.Args...)
	if err != nil {
		return p, err
	}
	return p, f.reveal(ctx, p.Items)
}

var episodeOrders = map[string]string{
	"":            "e.opened_at DESC, e.id DESC",
	"-opened-at":  "e.opened_at DESC, e.id DESC",
	"opened-at":   "e.opened_at, e.id",
	"-changed-at": "e.changed_at DESC, e.id DESC",
	"changed-at":  "e.changed_at, e.id",
	"-severity":   scans.SeverityRank("e.severity") + " DESC, e.opened_at, e.id",
	"severity":    scans.SeverityRank("e.severity") + ", e.opened_at, e.id",
}

func (f *Feature) listEpisodes(ctx context.Context, o orgs.Org, q api.Query) (api.Page[Episode], error) {
	where, args := scans.Visible(ctx, o.ID, "e")
	return f.episodes(ctx, q, scans.Condition{Where: where, Args: args})
}

func (f *Feature) episodesOfWorkspace(ctx context.Context, ws workspaces.Workspace, q api.Query) (api.Page[Episode], error) {
	return f.episodes(ctx, q, scans.Condition{Where: "e.workspace_id = ?", Args: []any{ws.ID}})
}

func (f *Feature) episodes(ctx context.Context, q api.Query, c scans.Condition) (api.Page[Episode], error) {
	order, err := q.Order(episodeOrders)
	if err != nil {
		return api.Page[Episode]{}, err
	}
	c.Places(q, "e")
	c.In("e.status", q.List("filter[status]"))
	c.In("e.severity", q.List("filter[severity]"))
	assigned(&c, q, "e.assigned_to")
	if like := q.Like("search[text]"); like != "" {
		c.And(`(lower(e.summary) LIKE ? ESCAPE '\' OR lower(COALESCE(w.name, '')) LIKE ? ESCAPE '\' OR lower(e.folder) LIKE ? ESCAPE '\')`, like, like, like)
	}
	if err := acknowledged(&c, q, "e.acknowledged_at"); err != nil {
		return api.Page[Episode]{}, err
	}
	return api.Select[Episode](ctx, f.DB, q, selectEpisodes+" WHERE "+c.Where+" ORDER BY "+order, c.Args...)
}

// Present returns the findings that are there now and that a condition on f and w admits, the
// worst first, without their values.
func (f *Feature) Present(ctx context.Context, where string, args []any, limit int) ([]Finding, error) {
	return db.All[Finding](ctx, f.DB, selectFindings+" WHERE f.status <> 'resolved' AND "+where+" ORDER BY "+findingOrders[""]+" LIMIT ?", append(args[:len(args):len(args)], limit)...)
}

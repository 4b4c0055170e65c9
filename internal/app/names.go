package app

import (
	"context"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/db"
)

// titled is a table of resources, and the column by which people know them.
type titled struct{ table, column string }

// titles are the tables of organizations' resources, by what ids begin with; those of drift have
// ids without a beginning.
var titles = map[string][]titled{
	"ws": {{"workspaces", "name"}}, "prj": {{"projects", "name"}}, "team": {{"teams", "name"}}, "run": {{"runs", "message"}},
	"varset": {{"varsets", "name"}}, "var": {{"variables", "key"}}, "apool": {{"agent_pools", "name"}}, "sshkey": {{"ssh_keys", "name"}},
	"mod": {{"registry_modules", "name"}}, "prov": {{"registry_providers", "name"}},
	"": {{"drift_alerts", "name"}, {"drift_schedules", "name"}, {"drift_connections", "name"}, {"drift_repositories", "url"}},
}

// siteTitles are the tables of what belongs to no organization.
var siteTitles = map[string][]titled{"user": {{"users", "username"}}}

// namesOf returns what the resources of an organization, or else of the site, are called now, by
// their ids. What is gone, or is known by its id only, is not in it.
func (a *App) namesOf(ctx context.Context, orgID string, ids []string) (map[string]string, error) {
	tables, where, owner := titles, `org_id = ? AND `, []any{orgID}
	if orgID == "" {
		tables, where, owner = siteTitles, "", nil
	}
	byTable := map[titled][]string{}
	for _, id := range ids {
		kind, _, dashed := strings.Cut(id, "-")
		if !dashed {
			kind = ""
		}
		for _, t := range tables[kind] {
			byTable[t] = append(byTable[t], id)
		}
	}
	var parts []string
	var args []any
	for t, some := range byTable {
		part, more := db.List(`SELECT id, `+t.column+` AS title FROM `+t.table+` WHERE `+where+`id IN (?)`, some, owner...)
		parts, args = append(parts, part), append(args, more...)
	}
	if len(parts) == 0 {
		return nil, nil
	}
	type row struct {
		ID    string `db:"id"`
		Title string `db:"title"`
	}
	list, err := db.All[row](ctx, a.DB, strings.Join(parts, ` UNION ALL `), args...)
	out := make(map[string]string, len(list))
	for _, r := range list {
		out[r.ID] = r.Title
	}
	return out, err
}

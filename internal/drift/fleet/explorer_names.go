package fleet

import (
	"context"
	"slices"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// tagName is a tag as the explorer shows it: "billing:tier2", or its key if it has no value.
const tagName = "CASE WHEN b.value = '' THEN t.name ELSE t.name || ':' || b.value END"

// named is the condition of a filter on what a workspace has any number of.
func named(one field, operator, value string) (string, []any, error) {
	like := []any{"%" + api.EscapeLike(strings.ToLower(value)) + "%"}
	switch strings.ReplaceAll(operator, "_", "-") {
	case "contains":
		return "EXISTS (" + one.column + " LIKE ? ESCAPE '\\')", like, nil
	case "does-not-contain":
		return "NOT EXISTS (" + one.column + " LIKE ? ESCAPE '\\')", like, nil
	case "is-empty":
		return "NOT EXISTS (" + one.column + " <> '')", nil, nil
	case "is-not-empty":
		return "EXISTS (" + one.column + " <> '')", nil, nil
	}
	return "", nil, unfit(operator, one)
}

// use is something that a workspace has.
type use struct {
	WorkspaceID string `db:"workspace_id"`
	Name        string `db:"name"`
}

// hydrate adds to rows the names of what the workspaces use, with one statement for each kind and
// ten thousand of them.
func (f *Feature) hydrate(ctx context.Context, rows []Row) error {
	ids, byID := make([]string, len(rows)), make(map[string]*Row, len(rows))
	for i := range rows {
		rows[i].used = map[string]string{}
		ids[i], byID[rows[i].ID] = rows[i].ID, &rows[i]
	}
	for _, one := range []struct{ kind, query string }{
		{"providers", `SELECT DISTINCT workspace_id, provider AS name FROM workspace_resources WHERE workspace_id IN (?) ORDER BY workspace_id, name`},
		{"modules", `SELECT DISTINCT workspace_id, module AS name FROM workspace_resources WHERE module <> 'root' AND workspace_id IN (?) ORDER BY workspace_id, name`},
		{"tags", `SELECT b.workspace_id AS workspace_id, ` + tagName + ` AS name FROM tag_bindings b JOIN tags t ON t.id = b.tag_id WHERE b.workspace_id IN (?) ORDER BY workspace_id, name`},
	} {
		for some := range slices.Chunk(ids, maxIDs) {
			found, err := db.In[use](ctx, f.DB, one.query, some)
			if err != nil {
				return err
			}
			for _, u := range found {
				byID[u.WorkspaceID].use(one.kind, u.Name)
			}
		}
	}
	return nil
}

// maxIDs is how many ids a statement names; SQLite takes 32,766. A page needs one statement
// of a kind.
const maxIDs = 10_000

// use adds a name of a kind.
func (r *Row) use(kind, name string) {
	if r.used[kind] != "" {
		name = r.used[kind] + ", " + name
	}
	r.used[kind] = name
}

// uses are the names of a kind, nil if there are none.
func (r Row) uses(kind string) *string {
	if v := r.used[kind]; v != "" {
		return &v
	}
	return nil
}

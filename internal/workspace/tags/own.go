package tags

import (
	"context"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Own are the bindings of a kind of thing that keeps them in a table of its own. Their keys
// do not become tags of the organization.
type Own struct {
	DB    *db.DB
	Table string // with the columns id, key, value, created_at and Owner
	Owner string // the column of whose binding it is
	Noun  string // for people, such as "module"
}

// maxOwn is how many bindings a thing may have.
const maxOwn = 10

// Set makes the bindings of a thing exactly those of a request.
func (o Own) Set(ctx context.Context, ownerID string, members []jsonapi.Member) error {
	want, err := ParseBindings(members)
	if err != nil {
		return err
	}
	if len(want) > maxOwn {
		return problem.InvalidRelation("tag-bindings", "A %s has at most %d tag bindings", o.Noun, maxOwn)
	}
	if _, err := o.DB.Exec(ctx, `DELETE FROM `+o.Table+` WHERE `+o.Owner+` = ?`, ownerID); err != nil || len(want) == 0 {
		return err
	}
	var args []any
	for _, w := range want {
		args = append(args, id.New("tb"), ownerID, w.Key, w.Value, db.Now())
	}
	_, err = o.DB.Exec(ctx, `INSERT INTO `+o.Table+` (id, `+o.Owner+`, key, value, created_at) VALUES `+strings.Repeat(`(?, ?, ?, ?, ?), `, len(want)-1)+`(?, ?, ?, ?, ?)`, args...)
	return err
}

// List lists the bindings of a thing of an organization in the order of their keys.
func (o Own) List(ctx context.Context, ownerID, orgID string, q api.Query) (api.Page[Binding], error) {
	rows, err := api.Select[struct {
		ID        string  `db:"id"`
		Key       string  `db:"key"`
		Value     string  `db:"value"`
		CreatedAt db.Time `db:"created_at"`
	}](ctx, o.DB, q, `FROM `+o.Table+` WHERE `+o.Owner+` = ? ORDER BY key`, ownerID)
	page := api.Page[Binding]{Total: rows.Total}
	for _, t := range rows.Items {
		page.Items = append(page.Items, Binding{ID: t.ID, Key: t.Key, Value: t.Value, CreatedAt: t.CreatedAt, OrgID: orgID})
	}
	return page, err
}

// Package tags keeps the tags of workspaces and projects. A tag is a key with an
// optional value; the old "flat" tags are keys without one, so both APIs show the
// same thing. A workspace has its own bindings and those of its project that it
// does not bind itself: together they are its effective bindings.
//
// A key that is used once becomes a tag of the organization, and stays one until it
// is deleted there, with every binding of it.
package tags

import (
	"context"
	"strings"

	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Tag is a key that is in use in an organization.
type Tag struct {
	ID        string  `db:"id"`
	OrgID     string  `db:"org_id"`
	Name      string  `db:"name"`
	CreatedAt db.Time `db:"created_at"`

	OrgName       string `db:"org_name,extra"`
	InstanceCount int    `db:"instance_count,extra"` // bindings of the tag
}

// Scope implements authz.Scoped.
func (t Tag) Scope() authz.Scope { return authz.Scope{Org: t.OrgID} }

const selectTags = `SELECT {t}, o.name AS org_name, (SELECT count(b.id) FROM tag_bindings b WHERE b.tag_id = t.id) AS instance_count
	FROM tags t JOIN organizations o ON o.id = t.org_id`

// Feature serves tags of organizations and their reserved keys, and keeps bindings
// for workspaces and projects.
type Feature struct {
	DB   *db.DB
	Bus  *events.Bus // hears of tags that are bound
	Orgs *orgs.Feature
}

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	api.Type(r, "tags", authz.ReadOrg, f.byIDs, view)
	api.List(r, "/organizations/{organization}/tags", authz.ReadOrg, f.Orgs.ByName, f.list, api.Params("filter[exclude]"))
	api.Links[orgs.Org]{Remove: f.remove}.Serve(r, "/organizations/{organization}/tags", authz.ManageTags, f.Orgs.ByName)
	f.bindingTypes(r)
	f.reservedRoutes(r)
}

func view(_ context.Context, t Tag) jsonapi.Resource {
	return jsonapi.Resource{
		ID: t.ID, Type: "tags",
		Attributes:    attributes{t.Name, t.InstanceCount, t.CreatedAt},
		Relationships: jsonapi.Relationships{"organization": jsonapi.ToOne("organizations", t.OrgName)},
	}
}

type attributes struct {
	Name          string  `json:"name"`
	InstanceCount int     `json:"instance-count"`
	CreatedAt     db.Time `json:"created-at"`
}

// list takes q, a part of the name, and filter[exclude][taggable][id]: the id of a
// tag or of a workspace whose tags are left out.
func (f *Feature) list(ctx context.Context, org orgs.Org, q api.Query) (api.Page[Tag], error) {
	query, args := selectTags+` WHERE t.org_id = ?`, []any{org.ID}
	if like := q.Like("q"); like != "" {
		query += ` AND lower(t.name) LIKE ? ESCAPE '\'`
		args = append(args, like)
	}
	if id := q.Get("filter[exclude][taggable][id]"); id != "" {
		query += ` AND t.id <> ? AND t.id NOT IN (SELECT x.tag_id FROM tag_bindings x WHERE x.workspace_id = ?)`
		args = append(args, id, id)
	}
	return selectPage(ctx, f.DB, q, query+` ORDER BY t.name, t.id`, args)
}

// selectPage counts the tags by themselves: the statement of the page has a
// statement inside.
func selectPage(ctx context.Context, d *db.DB, q api.Query, query string, args []any) (p api.Page[Tag], err error) {
	_, where, _ := strings.Cut(query, " WHERE t.org_id")
	where, _, _ = strings.Cut(where, " ORDER BY ")
	if p.Total, err = db.One[int](ctx, d, `SELECT count(t.id) FROM tags t WHERE t.org_id`+where, args...); err != nil || p.Total == 0 {
		return p, err
	}
	p.Items, err = db.All[Tag](ctx, d, query+` LIMIT ? OFFSET ?`, append(args, q.Size, q.Offset())...)
	return p, err
}

// remove deletes tags of an organization with all their bindings.
func (f *Feature) remove(ctx context.Context, org orgs.Org, members []jsonapi.Member) error {
	ids, other := jsonapi.IDs(members, "tags")
	if other != nil {
		return problem.Unprocessable("The list must hold tags, not %s.", other.Type)
	}
	if len(ids) == 0 || len(ids) > maxMembers {
		return problem.Unprocessable("The list must hold from 1 to %d tags.", maxMembers)
	}
	query, args := db.List(`DELETE FROM tags WHERE org_id = ? AND id IN (?)`, ids, org.ID)
	_, err := f.DB.Exec(ctx, query, args...)
	f.changed(ctx, org.ID)
	return err
}

// changed tells clients that other things than before have tags of an organization. Its request
// may tell only of one that has.
func (f *Feature) changed(ctx context.Context, orgID string) {
	changes.Tell(ctx, f.Bus, authz.Scope{Org: orgID}, "tags", "")
}

// Find returns the tag with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Tag, error) {
	return db.One[Tag](ctx, f.DB, selectTags+` WHERE t.id = ?`, id)
}

func (f *Feature) byIDs(ctx context.Context, ids []string) ([]Tag, error) {
	return db.In[Tag](ctx, f.DB, selectTags+` WHERE t.id IN (?)`, ids)
}

// OfWorkspace returns a page of the flat tags of a workspace.
func (f *Feature) OfWorkspace(ctx context.Context, workspaceID string, q api.Query) (p api.Page[Tag], err error) {
	where, args := ` WHERE t.id IN (SELECT x.tag_id FROM tag_bindings x WHERE x.workspace_id = ? AND x.value = '')`, []any{workspaceID}
	if name := q.Like("name"); name != "" {
		where += ` AND lower(t.name) LIKE ? ESCAPE '\'`
		args = append(args, name)
	}
	if p.Total, err = db.One[int](ctx, f.DB, `SELECT count(t.id) FROM tags t`+where, args...); err != nil || p.Total == 0 {
		return p, err
	}
	p.Items, err = db.All[Tag](ctx, f.DB, selectTags+where+` ORDER BY t.name, t.id LIMIT ? OFFSET ?`, append(args, q.Size, q.Offset())...)
	return p, err
}

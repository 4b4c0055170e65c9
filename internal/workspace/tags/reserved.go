package tags

import (
	"context"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Reserved is a key that the organization sets aside. With DisableOverrides a
// workspace cannot bind it while its project does.
type Reserved struct {
	ID               string  `db:"id"`
	OrgID            string  `db:"org_id"`
	Key              string  `db:"key"`
	DisableOverrides bool    `db:"disable_overrides"`
	CreatedAt        db.Time `db:"created_at"`
	UpdatedAt        db.Time `db:"updated_at"`
}

// Scope implements authz.Scoped.
func (k Reserved) Scope() authz.Scope { return authz.Scope{Org: k.OrgID} }

func (f *Feature) reservedRoutes(r *api.Router) {
	api.Type(r, "reserved-tag-keys", authz.ReadOrg, nil, reservedView)
	api.List(r, "/organizations/{organization}/reserved-tag-keys", authz.ReadOrg, f.Orgs.ByName, f.listReserved)
	api.Create(r, "/organizations/{organization}/reserved-tag-keys", authz.ManageTags, f.Orgs.ByName, f.createReserved)
	api.Update(r, "/reserved-tag-keys/{id}", authz.ManageTags, f.findReserved, f.updateReserved)
	api.Delete(r, "/reserved-tag-keys/{id}", authz.ManageTags, f.findReserved, f.deleteReserved)
}

func reservedView(_ context.Context, k Reserved) jsonapi.Resource {
	return jsonapi.Resource{ID: k.ID, Type: "reserved-tag-keys",
		Attributes: reservedAttributes{k.Key, k.DisableOverrides, k.CreatedAt, k.UpdatedAt, k.CreatedAt, k.UpdatedAt}}
}

// reservedAttributes has each time in two spellings: go-tfe reads the one with an
// underscore, everything else in the API has hyphens.
type reservedAttributes struct {
	Key              string  `json:"key"`
	DisableOverrides bool    `json:"disable-overrides"`
	CreatedAt        db.Time `json:"created-at"`
	UpdatedAt        db.Time `json:"updated-at"`
	CreatedAtTFE     db.Time `json:"created_at"`
	UpdatedAtTFE     db.Time `json:"updated_at"`
}

type reservedRequest struct {
	Key              jsonapi.Opt[string] `json:"key"`
	DisableOverrides jsonapi.Opt[bool]   `json:"disable-overrides"`
}

func (f *Feature) createReserved(ctx context.Context, org orgs.Org, in jsonapi.In[reservedRequest]) (Reserved, error) {
	k := Reserved{ID: id.New("rtk"), OrgID: org.ID, CreatedAt: db.Now(), UpdatedAt: db.Now()}
	if err := k.set(in.Data.Attributes); err != nil {
		return k, err
	}
	return k, reservedTaken(f.DB.Insert(ctx, "reserved_tag_keys", k))
}

func (f *Feature) updateReserved(ctx context.Context, k Reserved, in jsonapi.In[reservedRequest]) (Reserved, error) {
	if err := k.set(in.Data.Attributes); err != nil {
		return k, err
	}
	k.UpdatedAt = db.Now()
	return k, reservedTaken(f.DB.Update(ctx, "reserved_tag_keys", k, "key", "disable_overrides", "updated_at"))
}

func (f *Feature) deleteReserved(ctx context.Context, k Reserved) error {
	return f.DB.Delete(ctx, "reserved_tag_keys", k.ID)
}

func (k *Reserved) set(a reservedRequest) error {
	a.Key.Into(&k.Key)
	a.DisableOverrides.Into(&k.DisableOverrides)
	switch {
	case k.Key == "":
		return problem.Invalid("key", "Key can't be blank")
	case len(k.Key) > 255 || !keyForm.MatchString(k.Key):
		return problem.Invalid("key", "Key is invalid")
	}
	return nil
}

// reservedTaken explains a violated unique constraint.
func reservedTaken(err error) error {
	if db.IsUnique(err) {
		return problem.Invalid("key", "Key has already been taken")
	}
	return err
}

func (f *Feature) listReserved(ctx context.Context, org orgs.Org, q api.Query) (api.Page[Reserved], error) {
	return api.Select[Reserved](ctx, f.DB, q, `FROM reserved_tag_keys WHERE org_id = ? ORDER BY key, id`, org.ID)
}

func (f *Feature) findReserved(ctx context.Context, id string) (Reserved, error) {
	return db.One[Reserved](ctx, f.DB, `FROM reserved_tag_keys WHERE id = ?`, id)
}

// respectReserved refuses to bind in a workspace what its project binds and the
// organization does not let be overridden.
func (f *Feature) respectReserved(ctx context.Context, on Taggable, want []Wanted) error {
	if on.Workspace == "" {
		return nil
	}
	keys := make([]string, len(want))
	for i, w := range want {
		keys[i] = w.Key
	}
	held, err := db.In[string](ctx, f.DB, `SELECT r.key FROM reserved_tag_keys r JOIN tags t ON t.org_id = r.org_id AND t.name = r.key
		JOIN tag_bindings b ON b.tag_id = t.id WHERE b.project_id = ? AND r.disable_overrides AND r.key IN (?) ORDER BY r.key`, keys, on.Project)
	if err != nil || len(held) == 0 {
		return err
	}
	return problem.Unprocessable("The tag key %q is reserved: the value of the project cannot be overridden.", held[0])
}

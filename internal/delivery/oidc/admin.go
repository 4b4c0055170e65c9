package oidc

import (
	"context"
	"errors"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// keyring are all keys as site administrators see them, the newest first.
type keyring struct{ keys []key }

// Scope implements authz.Scoped: the site.
func (keyring) Scope() authz.Scope { return authz.Scope{} }

// adminRoutes let site administrators change the keys. Reading them is ours; Terraform Enterprise
// has the two actions only.
func (f *Feature) adminRoutes(r *api.Router) {
	const path = "/admin/oidc-settings"
	api.Type(r, "oidc-settings", authz.SiteAdmin, nil, viewKeyring)
	api.Read(r, path, authz.SiteAdmin, f.keyring)
	api.Do(r, "POST "+path+"/actions/rotate-key", authz.SiteAdmin, f.keyring, f.rotateKey, api.Before(f.prepare))
	api.Do(r, "POST "+path+"/actions/trim-key", authz.SiteAdmin, f.keyring, f.trimKey, api.Before(f.prepareFirst))
}

type keyringAttributes struct {
	Keys []keyAttributes `json:"keys"`
}

// keyAttributes are those of a published key.
type keyAttributes struct {
	ID        string  `json:"id"` // the kid of tokens and of the key set
	Signs     bool    `json:"signs"`
	SignsAt   db.Time `json:"signs-at"` // from when on
	CreatedAt db.Time `json:"created-at"`
}

func viewKeyring(_ context.Context, r keyring) jsonapi.Resource {
	list, signs := make([]keyAttributes, len(r.keys)), false
	for i, k := range r.keys {
		now := !signs && !k.SignsAt.After(db.Now().Time) // the newest whose time has come
		list[i] = keyAttributes{k.ID, now, k.SignsAt, k.CreatedAt}
		signs = signs || now
	}
	return jsonapi.Resource{Type: "oidc-settings", ID: "oidc", Attributes: keyringAttributes{list}}
}

func (f *Feature) keyring(ctx context.Context, _ string) (keyring, error) {
	keys, err := db.All[key](ctx, f.DB, `FROM oidc_keys ORDER BY generation DESC`)
	return keyring{keys}, err
}

type made struct{}

// prepare makes the key of a rotation ahead of its transaction.
func (f *Feature) prepare(ctx context.Context, _ keyring, _ jsonapi.In[struct{}]) (context.Context, error) {
	k, err := f.newKey(ctx)
	return context.WithValue(ctx, made{}, k), err
}

// rotateKey adds a key, which signs from now on. The older ones stay published, so that what they
// have signed is still believed.
func (f *Feature) rotateKey(ctx context.Context, r keyring, _ jsonapi.In[struct{}]) error {
	k, ok := ctx.Value(made{}).(key)
	if !ok {
		return errors.New("oidc: a rotation without its key")
	}
	k.Generation, k.SignsAt = 1, db.Now()
	if len(r.keys) > 0 {
		k.Generation = r.keys[0].Generation + 1
	}
	err := f.DB.Insert(ctx, "oidc_keys", k)
	if db.IsUnique(err) {
		return problem.Conflict("Another key has just been added. Try again.")
	}
	return err
}

// prepareFirst makes the first key where there is none, so that one is left.
func (f *Feature) prepareFirst(ctx context.Context, r keyring, _ jsonapi.In[struct{}]) (context.Context, error) {
	if len(r.keys) > 0 {
		return ctx, nil
	}
	return ctx, f.Rotate(ctx)
}

// trimKey removes all keys but the newest, which signs from now on. Nobody believes what the others
// have signed any more.
func (f *Feature) trimKey(ctx context.Context, r keyring, _ jsonapi.In[struct{}]) error {
	if len(r.keys) == 0 {
		return problem.Conflict("There is no key yet. Try again.")
	}
	newest := r.keys[0]
	if _, err := f.DB.Exec(ctx, `DELETE FROM oidc_keys WHERE generation < ?`, newest.Generation); err != nil {
		return err
	}
	now := db.Now()
	_, err := f.DB.Exec(ctx, `UPDATE oidc_keys SET signs_at = ? WHERE id = ? AND signs_at > ?`, now, newest.ID, now)
	return err
}

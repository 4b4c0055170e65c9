// Package gpgkeys keeps the public keys of those who sign the providers of an organization
// (private-registry_gpg-keys.md). A signature of a provider is good if one of these keys made
// it, and clients are told the key with each provider.
//
// The surprising rule: the statuses are those of the documentation: adding, changing and
// deleting all answer 201 with the key, and the namespace of a key is the name of the
// organization, so that "to update" a key is to move it to another organization.
package gpgkeys

import (
	"context"
	"net/http"
	"strings"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Key is a public key of an organization.
type Key struct {
	ID         string  `db:"id"`
	OrgID      string  `db:"org_id"`
	KeyID      string  `db:"key_id"`      // 16 upper-case hex digits
	ASCIIArmor string  `db:"ascii_armor"` // as it was sent
	CreatedAt  db.Time `db:"created_at"`
	UpdatedAt  db.Time `db:"updated_at"`

	OrgName string `db:"org_name,extra"` // the namespace
}

// Scope implements authz.Scoped.
func (k Key) Scope() authz.Scope { return authz.Scope{Org: k.OrgID} }

// Feature serves GPG keys.
type Feature struct {
	DB   *db.DB
	Orgs *orgs.Feature
}

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	const all = "/{registry}/v2/gpg-keys"
	const one = all + "/{namespace}/{key_id}"
	r = r.At("/api/registry")
	api.Type(r, "gpg-keys", authz.ReadRegistry, f.byIDs, view)
	api.List(r, all, authz.SignedIn, private, f.list, api.Params(namespaceFilter))
	api.Create(r, all, authz.SignedIn, private, f.create)
	api.Read(r, one, authz.ReadRegistry, api.Keys(f.find))
	api.Update(r, one, authz.ManageProviders, api.Keys(f.find), f.update, api.Status(http.StatusCreated))
	api.Remove(r, one, authz.ManageProviders, api.Keys(f.find), f.delete, api.Status(http.StatusCreated))
}

const namespaceFilter = "filter[namespace]"

// view is a key as clients see it. Source and trust signature are of the public registry.
func view(_ context.Context, k Key) jsonapi.Resource {
	return jsonapi.Resource{
		Type: "gpg-keys", ID: k.ID, Links: jsonapi.Self("/v2/gpg-keys/" + k.ID),
		Attributes: attributes{ASCIIArmor: k.ASCIIArmor, CreatedAt: k.CreatedAt, KeyID: k.KeyID, Namespace: k.OrgName, UpdatedAt: k.UpdatedAt},
	}
}

type attributes struct {
	ASCIIArmor     string  `json:"ascii-armor"`
	CreatedAt      db.Time `json:"created-at"`
	KeyID          string  `json:"key-id"`
	Namespace      string  `json:"namespace"`
	Source         string  `json:"source"`
	SourceURL      *string `json:"source-url"`
	TrustSignature string  `json:"trust-signature"`
	UpdatedAt      db.Time `json:"updated-at"`
}

// request are the attributes that clients send. The armor counts only when a key is added.
type request struct {
	Namespace  jsonapi.Opt[string] `json:"namespace"`
	ASCIIArmor jsonapi.Opt[string] `json:"ascii-armor"`
}

// private is the Load of what is below a registry: there are keys in the private one alone.
func private(_ context.Context, registry string) (authz.Site, error) {
	switch registry {
	case "private":
		return authz.Site{}, nil
	case "public":
		return authz.Site{}, problem.Denied("GPG keys are not available for public providers: the public registry has its own.")
	}
	return authz.Site{}, problem.NotFound
}

func (f *Feature) list(ctx context.Context, _ authz.Site, q api.Query) (api.Page[Key], error) {
	names := q.List(namespaceFilter)
	if len(names) == 0 {
		return api.Page[Key]{}, problem.BadRequest("Name one or more namespaces in %s.", namespaceFilter)
	}
	if len(names) > maxNamespaces {
		return api.Page[Key]{}, problem.BadRequest("%s names more than %d namespaces.", namespaceFilter, maxNamespaces)
	}
	named, err := f.Orgs.ByNames(ctx, names)
	if err != nil {
		return api.Page[Key]{}, err
	}
	var ids []string
	for _, o := range named {
		if authz.Can(ctx, authz.ReadRegistry, o.Scope()) {
			ids = append(ids, o.ID)
		}
	}
	if len(ids) == 0 {
		return api.Page[Key]{}, problem.Denied("None of the namespaces is an organization that you may use.")
	}
	query, args := db.List(selectKeys+`k.org_id IN (?) ORDER BY o.name_lower, k.created_at, k.id`, ids)
	return api.Select[Key](ctx, f.DB, q, query, args...)
}

const maxNamespaces = 100

func (f *Feature) create(ctx context.Context, _ authz.Site, in jsonapi.In[request]) (Key, error) {
	a := in.Data.Attributes
	k := Key{ID: id.New("gpg"), ASCIIArmor: a.ASCIIArmor.V, CreatedAt: db.Now()}
	k.UpdatedAt = k.CreatedAt
	if a.Namespace.V == "" {
		return k, problem.Invalid("namespace", "Namespace can't be blank")
	}
	org, err := f.Orgs.ByName(ctx, a.Namespace.V)
	if err != nil {
		return k, err
	}
	if err := authz.Check(ctx, authz.ManageProviders, org); err != nil {
		return k, err
	}
	k.OrgID, k.OrgName = org.ID, org.Name
	if k.KeyID, err = keyID(k.ASCIIArmor); err != nil {
		return k, err
	}
	return k, taken(f.DB.Insert(ctx, "gpg_keys", k))
}

func (f *Feature) update(ctx context.Context, k Key, in jsonapi.In[request]) (Key, error) {
	name := in.Data.Attributes.Namespace.V
	if name == "" {
		return k, problem.Invalid("namespace", "Namespace can't be blank")
	}
	org, err := f.Orgs.ByName(ctx, name)
	_, refused := problem.From(err)
	if err != nil && !refused {
		return k, err
	}
	if refused || authz.Check(ctx, authz.ManageProviders, org) != nil {
		return k, problem.Invalid("namespace", "namespace not authorized") // go-tfe looks for these words
	}
	k.OrgID, k.OrgName, k.UpdatedAt = org.ID, org.Name, db.Now()
	return k, taken(f.DB.Update(ctx, "gpg_keys", k, "org_id", "updated_at"))
}

func (f *Feature) delete(ctx context.Context, k Key, _ jsonapi.In[struct{}]) (Key, error) {
	return k, f.DB.Delete(ctx, "gpg_keys", k.ID)
}

// taken explains a violated unique constraint.
func taken(err error) error {
	if db.IsUnique(err) {
		return problem.Invalid("ascii-armor", "The namespace has this key already")
	}
	return err
}

const selectKeys = `SELECT {k}, o.name AS org_name FROM gpg_keys k JOIN organizations o ON o.id = k.org_id WHERE `

// find returns the key that a path names: registry, namespace, key id.
func (f *Feature) find(ctx context.Context, path []string) (Key, error) {
	if _, err := private(ctx, path[0]); err != nil {
		return Key{}, err
	}
	return db.One[Key](ctx, f.DB, selectKeys+`o.name_lower = ? AND k.key_id = ?`, strings.ToLower(path[1]), strings.ToUpper(path[2]))
}

// Of returns the keys of an organization that have one of the key ids; those that nobody
// has are left out.
func (f *Feature) Of(ctx context.Context, orgID string, keyIDs []string) ([]Key, error) {
	return db.In[Key](ctx, f.DB, selectKeys+`k.org_id = ? AND k.key_id IN (?)`, keyIDs, orgID)
}

func (f *Feature) byIDs(ctx context.Context, ids []string) ([]Key, error) {
	return db.In[Key](ctx, f.DB, selectKeys+`k.id IN (?)`, ids)
}

// Package providers keeps the providers of an organization's registry: private ones with
// their versions and platforms, and records of public ones that the organization recommends
// (private-registry_providers.md, private-registry_provider-versions-platforms.md). It speaks
// the provider registry protocol with which engines install the private ones.
//
// The surprising rule: nothing is taken on trust. A file whose checksum is not the one that
// was announced, and a signature that no GPG key of the organization made, are refused when
// they are uploaded; a version is offered to engines only once it is signed.
package providers

import (
	"context"
	"regexp"
	"strings"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/registry/gpgkeys"
)

// Provider is a provider in the registry of an organization.
type Provider struct {
	ID             string  `db:"id"`
	OrgID          string  `db:"org_id"`
	Registry       string  `db:"registry"`  // public or private
	Namespace      string  `db:"namespace"` // of a public one; "" is the organization's name
	NamespaceLower string  `db:"namespace_lower"`
	Name           string  `db:"name"`
	NameLower      string  `db:"name_lower"`
	CreatedAt      db.Time `db:"created_at"`
	UpdatedAt      db.Time `db:"updated_at"`

	OrgName  string `db:"org_name,extra"`
	Versions []string
}

// The registries that a provider can be of.
const (
	Private = "private"
	Public  = "public"
)

// Scope implements authz.Scoped.
func (p Provider) Scope() authz.Scope { return authz.Scope{Org: p.OrgID} }

// ShownNamespace is the namespace as clients see it.
func (p Provider) ShownNamespace() string {
	if p.Registry == Public {
		return p.Namespace
	}
	return p.OrgName
}

func (p Provider) path() string {
	return "/api/v2/organizations/" + p.OrgName + "/registry-providers/" + p.Registry + "/" + p.ShownNamespace() + "/" + p.Name
}

// Feature serves providers, their versions and platforms.
type Feature struct {
	DB      *db.DB
	Bus     *events.Bus // hears of files that are uploaded
	Objects *blob.Store
	Jobs    *jobs.Queue
	Orgs    *orgs.Feature
	Keys    *gpgkeys.Feature
	// Temp is a folder for the archive that a job looks into.
	Temp string
	// NoPublic refuses records of public providers (registry providers page, "public
	// provider curation disabled").
	NoPublic bool

	router   *api.Router
	removals jobs.Removals // of objects
}

// Routes adds the endpoints of this package to r, and its jobs to Jobs.
func (f *Feature) Routes(r *api.Router) {
	const all = "/organizations/{organization}/registry-providers"
	const one = all + "/{registry}/{namespace}/{name}"
	f.router = r
	f.work()
	api.Type(r, "registry-providers", authz.ReadRegistry, f.byIDs, f.view)
	api.List(r, all, authz.ReadRegistry, f.Orgs.ByName, f.list, api.Params("filter[registry_name]", "filter[organization_name]"))
	api.Create(r, all, authz.ManageProviders, f.Orgs.ByName, f.create)
	api.Read(r, one, authz.ReadRegistry, api.Keys(f.findWithVersions))
	api.Delete(r, one, authz.ManageProviders, api.Keys(f.find), f.delete)
	f.versionRoutes(r, one+"/versions")
	f.platformRoutes(r, one+"/versions/{version}/platforms")
	f.objects(r)
	f.protocol(r.At(ProtocolPath))
}

// view is a provider as clients see it. Its versions are told twice: "versions" is the
// documentation's word, "registry-provider-versions" go-tfe's.
func (f *Feature) view(ctx context.Context, p Provider) jsonapi.Resource {
	res := jsonapi.Resource{
		Type: "registry-providers", ID: p.ID, Links: jsonapi.Self(p.path()),
		Attributes: attributes{Name: p.Name, Namespace: p.ShownNamespace(), RegistryName: p.Registry, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
			Permissions: permissions{CanDelete: authz.Can(ctx, authz.ManageProviders, p.Scope())}},
		Relationships: jsonapi.Relationships{"organization": jsonapi.ToOne("organizations", p.OrgName)},
	}
	if p.Registry != Public {
		versions := jsonapi.ToMany("registry-provider-versions", p.Versions)
		res.Relationships["registry-provider-versions"] = versions
		versions.Related = p.path()
		res.Relationships["versions"] = versions
	}
	return res
}

type attributes struct {
	Name         string      `json:"name"`
	Namespace    string      `json:"namespace"`
	RegistryName string      `json:"registry-name"`
	CreatedAt    db.Time     `json:"created-at"`
	UpdatedAt    db.Time     `json:"updated-at"`
	Permissions  permissions `json:"permissions"`
}

type permissions struct {
	CanDelete bool `json:"can-delete"`
}

// request are the attributes that clients send.
type request struct {
	Name         jsonapi.Opt[string] `json:"name"`
	Namespace    jsonapi.Opt[string] `json:"namespace"`
	RegistryName jsonapi.Opt[string] `json:"registry-name"`
}

func (f *Feature) list(ctx context.Context, org orgs.Org, q api.Query) (api.Page[Provider], error) {
	query, args := selectProviders+`p.org_id = ?`, []any{org.ID}
	if like := q.Like("q"); like != "" {
		query += ` AND (p.name_lower LIKE ? ESCAPE '\' OR p.namespace_lower LIKE ? ESCAPE '\' OR (p.registry = 'private' AND o.name_lower LIKE ? ESCAPE '\'))`
		args = append(args, like, like, like)
	}
	if name := q.Get("filter[registry_name]"); name != "" {
		query, args = query+` AND p.registry = ?`, append(args, name)
	}
	if name := q.Get("filter[organization_name]"); name != "" {
		query, args = query+` AND o.name_lower = ?`, append(args, strings.ToLower(name))
	}
	page, err := api.Select[Provider](ctx, f.DB, q, query+` ORDER BY p.created_at DESC, p.id`, args...)
	if err == nil {
		err = f.loadVersions(ctx, page.Items)
	}
	return page, err
}

func (f *Feature) create(ctx context.Context, org orgs.Org, in jsonapi.In[request]) (Provider, error) {
	a := in.Data.Attributes
	p := Provider{ID: id.New("prov"), OrgID: org.ID, OrgName: org.Name, Registry: a.RegistryName.V, Name: a.Name.V, NameLower: strings.ToLower(a.Name.V), CreatedAt: db.Now()}
	p.UpdatedAt = p.CreatedAt
	if err := problem.All(checkName("name", "Name", p.Name), checkName("namespace", "Namespace", a.Namespace.V), checkRegistry(p.Registry)); err != nil {
		return p, err
	}
	switch {
	case p.Registry == Public:
		p.Namespace, p.NamespaceLower = a.Namespace.V, strings.ToLower(a.Namespace.V)
	case !strings.EqualFold(a.Namespace.V, org.Name):
		return p, problem.Invalid("namespace", "Namespace must be the name of the organization, %s, for a private provider", org.Name)
	}
	if err := f.curated(ctx, p); err != nil {
		return p, err
	}
	err := f.DB.Insert(ctx, "registry_providers", p)
	if db.IsUnique(err) {
		return p, problem.Invalid("name", "Name has already been taken")
	}
	return p, err
}

// maxName is in characters.
const maxName = 64

var namePattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?$`)

func checkName(attribute, title, name string) *problem.Problem {
	switch {
	case name == "":
		return problem.Invalid(attribute, "%s can't be blank", title)
	case len(name) > maxName:
		return problem.Invalid(attribute, "%s is too long (maximum is %d characters)", title, maxName)
	case !namePattern.MatchString(name):
		return problem.Invalid(attribute, "%s may have letters, digits, dashes and underscores only, and begins and ends with a letter or digit", title)
	}
	return nil
}

// checkRegistry answers in the words that go-tfe's tests expect.
func checkRegistry(name string) *problem.Problem {
	wrong := problem.Invalid("registry-name", "Registry name is not included in the list")
	switch name {
	case Private, Public:
		return nil
	case "":
		blank := problem.Invalid("registry-name", "Registry name can't be blank")
		blank.More = []*problem.Problem{wrong}
		return blank
	}
	return wrong
}

func (f *Feature) delete(ctx context.Context, p Provider) error {
	if err := f.forget(ctx, `SELECT t.object FROM registry_provider_platforms t JOIN registry_provider_versions v ON v.id = t.version_id
		WHERE t.object <> '' AND v.provider_id = ?`, p.ID); err != nil {
		return err
	}
	return f.DB.Delete(ctx, "registry_providers", p.ID)
}

const selectProviders = `SELECT {p}, o.name AS org_name FROM registry_providers p JOIN organizations o ON o.id = p.org_id WHERE `

// find returns the provider that a path names: organization, registry, namespace, name.
func (f *Feature) find(ctx context.Context, path []string) (Provider, error) {
	org, registry, namespace := strings.ToLower(path[0]), path[1], strings.ToLower(path[2])
	switch {
	case registry == Private && namespace != org, registry != Private && registry != Public:
		return Provider{}, problem.NotFound
	case registry == Private:
		namespace = ""
	}
	p, err := db.One[Provider](ctx, f.DB, selectProviders+`o.name_lower = ? AND p.registry = ? AND p.namespace_lower = ? AND p.name_lower = ?`,
		org, registry, namespace, strings.ToLower(path[3]))
	if err != nil {
		return p, err
	}
	return p, f.curated(ctx, p)
}

// curated refuses a public provider where there shall be none. Who may not see the
// provider does not get to know even that.
func (f *Feature) curated(ctx context.Context, p Provider) error {
	if f.NoPublic && p.Registry == Public && authz.Can(ctx, authz.ReadRegistry, p.Scope()) {
		return problem.Denied("Public provider curation is disabled on this server (--public-curation)")
	}
	return nil
}

func (f *Feature) findWithVersions(ctx context.Context, path []string) (Provider, error) {
	p, err := f.find(ctx, path)
	if err != nil {
		return p, err
	}
	one := []Provider{p}
	err = f.loadVersions(ctx, one)
	return one[0], err
}

func (f *Feature) byIDs(ctx context.Context, ids []string) ([]Provider, error) {
	list, err := db.In[Provider](ctx, f.DB, selectProviders+`p.id IN (?)`, ids)
	if err == nil {
		err = f.loadVersions(ctx, list)
	}
	return list, err
}

// loadVersions sets the ids of versions, with one statement for all.
func (f *Feature) loadVersions(ctx context.Context, list []Provider) error {
	ids := make([]string, len(list))
	for i, p := range list {
		ids[i] = p.ID
	}
	versions, err := db.In[child](ctx, f.DB, `SELECT id, provider_id AS parent FROM registry_provider_versions WHERE provider_id IN (?) ORDER BY created_at DESC, id`, ids)
	if err != nil {
		return err
	}
	of := group(versions)
	for i := range list {
		list[i].Versions = of[list[i].ID]
	}
	return nil
}

// child is the id of something that belongs to something else.
type child struct {
	ID     string `db:"id"`
	Parent string `db:"parent"`
}

func group(list []child) map[string][]string {
	of := map[string][]string{}
	for _, c := range list {
		of[c.Parent] = append(of[c.Parent], c.ID)
	}
	return of
}

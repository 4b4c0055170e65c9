package providers

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Version is a version of a private provider.
type Version struct {
	ID         string            `db:"id"`
	OrgID      string            `db:"org_id"`
	ProviderID string            `db:"provider_id"`
	Version    string            `db:"version"` // such as 3.1.1
	KeyID      string            `db:"key_id"`  // of the GPG key that signs it, as the client named it
	Protocols  db.JSON[[]string] `db:"protocols"`
	CreatedAt  db.Time           `db:"created_at"`
	UpdatedAt  db.Time           `db:"updated_at"`

	ShasumsUploaded   bool   `db:"shasums_uploaded,extra"`
	SignatureUploaded bool   `db:"signature_uploaded,extra"`
	OrgName           string `db:"org_name,extra"`
	Name              string `db:"provider_name,extra"`
	Platforms         []string
}

// Scope implements authz.Scoped.
func (v Version) Scope() authz.Scope { return authz.Scope{Org: v.OrgID} }

func (v Version) path() string {
	return "/api/v2/organizations/" + v.OrgName + "/registry-providers/private/" + v.OrgName + "/" + v.Name + "/versions/" + v.Version
}

func (f *Feature) versionRoutes(r *api.Router, all string) {
	const one = "/{version}"
	api.Type(r, "registry-provider-versions", authz.ReadRegistry, f.versionsByIDs, f.viewVersion)
	api.List(r, all, authz.ReadRegistry, api.Keys(f.findPrivate), f.listVersions)
	api.Create(r, all, authz.ManageProviders, api.Keys(f.findPrivate), f.createVersion)
	api.Read(r, all+one, authz.ReadRegistry, api.Keys(f.findVersion))
	api.Delete(r, all+one, authz.ManageProviders, api.Keys(f.findVersion), f.deleteVersion)
}

// viewVersion is a version as clients see it: with addresses to upload what is missing, for
// those who may, and to download what is there.
func (f *Feature) viewVersion(ctx context.Context, v Version) jsonapi.Resource {
	manages := authz.Can(ctx, authz.ManageProviders, v.Scope())
	platforms := jsonapi.ToMany("registry-provider-platforms", v.Platforms)
	platforms.Related = v.path() + "/platforms"
	links := map[string]any{}
	f.assetLink(ctx, links, "shasums", shasumsKind, v.ID, v.ShasumsUploaded, manages)
	f.assetLink(ctx, links, "shasums-sig", signatureKind, v.ID, v.SignatureUploaded, manages)
	return jsonapi.Resource{
		Type: "registry-provider-versions", ID: v.ID, Links: links,
		Attributes: versionAttributes{Version: v.Version, CreatedAt: v.CreatedAt, UpdatedAt: v.UpdatedAt, KeyID: v.KeyID, Protocols: jsonapi.List(v.Protocols.V),
			Permissions: assetPermissions{manages, manages}, ShasumsUploaded: v.ShasumsUploaded, SignatureUploaded: v.SignatureUploaded},
		Relationships: jsonapi.Relationships{
			"registry-provider": jsonapi.ToOne("registry-providers", v.ProviderID),
			"platforms":         platforms,
		},
	}
}

// assetLink adds the address at which an asset can be uploaded, or downloaded if it is there.
func (f *Feature) assetLink(ctx context.Context, links map[string]any, name, kind, id string, uploaded, manages bool) {
	switch {
	case uploaded:
		links[name+"-download"] = f.router.Sign(ctx, http.MethodGet, kind, id, api.GetTTL)
	case manages:
		links[name+"-upload"] = f.router.Sign(ctx, http.MethodPut, kind, id, api.PutTTL)
	}
}

type versionAttributes struct {
	Version           string           `json:"version"`
	CreatedAt         db.Time          `json:"created-at"`
	UpdatedAt         db.Time          `json:"updated-at"`
	KeyID             string           `json:"key-id"`
	Protocols         []string         `json:"protocols"`
	Permissions       assetPermissions `json:"permissions"`
	ShasumsUploaded   bool             `json:"shasums-uploaded"`
	SignatureUploaded bool             `json:"shasums-sig-uploaded"`
}

type assetPermissions struct {
	CanDelete      bool `json:"can-delete"`
	CanUploadAsset bool `json:"can-upload-asset"`
}

// versionRequest are the attributes that clients send.
type versionRequest struct {
	Version   jsonapi.Opt[string]   `json:"version"`
	KeyID     jsonapi.Opt[string]   `json:"key-id"`
	Protocols jsonapi.Opt[[]string] `json:"protocols"`
}

func (f *Feature) listVersions(ctx context.Context, p Provider, q api.Query) (api.Page[Version], error) {
	page, err := api.Select[Version](ctx, f.DB, q, selectVersions+`v.provider_id = ? ORDER BY v.created_at DESC, v.id`, p.ID)
	if err == nil {
		err = f.loadPlatforms(ctx, page.Items)
	}
	return page, err
}

func (f *Feature) createVersion(ctx context.Context, p Provider, in jsonapi.In[versionRequest]) (Version, error) {
	a := in.Data.Attributes
	v := Version{ID: id.New("provver"), OrgID: p.OrgID, OrgName: p.OrgName, Name: p.Name, ProviderID: p.ID, Version: a.Version.V, KeyID: a.KeyID.V, CreatedAt: db.Now()}
	v.UpdatedAt, v.Protocols.V = v.CreatedAt, jsonapi.List(a.Protocols.V)
	if err := problem.All(checkVersion(v.Version), checkKeyID(v.KeyID), checkProtocols(v.Protocols.V)); err != nil {
		return v, err
	}
	err := f.DB.Insert(ctx, "registry_provider_versions", v)
	if db.IsUnique(err) {
		return v, problem.Invalid("version", "Version has already been taken")
	}
	if db.IsForeign(err) {
		return v, problem.NotFound // the provider has just been deleted
	}
	if err != nil {
		return v, err
	}
	p.UpdatedAt = v.CreatedAt
	return v, f.DB.Update(ctx, "registry_providers", p, "updated_at")
}

// semver is Semantic Versioning 2.0.0.
var semver = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$`)

func checkVersion(v string) *problem.Problem {
	switch {
	case v == "":
		return problem.Invalid("version", "Version can't be blank")
	case len(v) > 128 || !semver.MatchString(v):
		return problem.Invalid("version", "Version is not a valid semantic version such as 3.1.1 or 3.1.1-beta1")
	}
	return nil
}

// keyIDs may be those of keys that are added later: only a signature needs the key itself.
var keyIDs = regexp.MustCompile(`^[0-9A-Za-z._-]{1,128}$`)

func checkKeyID(k string) *problem.Problem {
	switch {
	case k == "":
		return problem.Invalid("key-id", "Key can't be blank")
	case !keyIDs.MatchString(k):
		return problem.Invalid("key-id", "Key is not the id of a GPG key, such as 32966F3FB5AC1129")
	}
	return nil
}

// knownProtocols are the versions of the plugin protocol that the page lists.
var knownProtocols = []string{"4.0", "5.0", "6.0"}

func checkProtocols(list []string) *problem.Problem {
	for i, p := range list {
		if !slices.Contains(knownProtocols, p) || slices.Contains(list[:i], p) {
			return problem.Invalid("protocols", "Protocols must be one or more of %s", strings.Join(knownProtocols, ", "))
		}
	}
	return nil
}

func (f *Feature) deleteVersion(ctx context.Context, v Version) error {
	if err := f.forget(ctx, `SELECT object FROM registry_provider_platforms WHERE object <> '' AND version_id = ?`, v.ID); err != nil {
		return err
	}
	return f.DB.Delete(ctx, "registry_provider_versions", v.ID)
}

const selectVersions = `SELECT {v}, (v.shasums IS NOT NULL) AS shasums_uploaded, (v.signature IS NOT NULL) AS signature_uploaded,
	o.name AS org_name, p.name AS provider_name FROM registry_provider_versions v JOIN registry_providers p ON p.id = v.provider_id
	JOIN organizations o ON o.id = p.org_id WHERE `

// findPrivate is find for what only private providers have.
func (f *Feature) findPrivate(ctx context.Context, path []string) (Provider, error) {
	if path[1] == Public {
		return Provider{}, problem.Denied("Versions and platforms are not available for public providers: they are in the public registry.")
	}
	return f.find(ctx, path[:4])
}

// findVersion returns the version that a path names: the provider's four parts, version.
func (f *Feature) findVersion(ctx context.Context, path []string) (Version, error) {
	p, err := f.findPrivate(ctx, path)
	if err != nil {
		return Version{}, err
	}
	v, err := db.One[Version](ctx, f.DB, selectVersions+`v.provider_id = ? AND v.version = ?`, p.ID, path[4])
	if err != nil {
		return v, err
	}
	one := []Version{v}
	err = f.loadPlatforms(ctx, one)
	return one[0], err
}

func (f *Feature) versionsByIDs(ctx context.Context, ids []string) ([]Version, error) {
	list, err := db.In[Version](ctx, f.DB, selectVersions+`v.id IN (?)`, ids)
	if err == nil {
		err = f.loadPlatforms(ctx, list)
	}
	return list, err
}

// loadPlatforms sets the ids of platforms, with one statement for all.
func (f *Feature) loadPlatforms(ctx context.Context, list []Version) error {
	ids := make([]string, len(list))
	for i, v := range list {
		ids[i] = v.ID
	}
	platforms, err := db.In[child](ctx, f.DB, `SELECT id, version_id AS parent FROM registry_provider_platforms WHERE version_id IN (?) ORDER BY os, arch`, ids)
	if err != nil {
		return err
	}
	of := group(platforms)
	for i := range list {
		list[i].Platforms = of[list[i].ID]
	}
	return nil
}

package modules

import (
	"context"
	"net/http"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/registry/modules/details"
)

// Version is a version of a private module.
type Version struct {
	ID                string                   `db:"id"`
	ModuleID          string                   `db:"module_id"`
	Version           string                   `db:"version"`
	SortKey           string                   `db:"sort_key"` // see sortKey
	Source            string                   `db:"source"`   // FromAPI, or the kind of the VCS
	Status            VersionStatus            `db:"status"`
	Error             string                   `db:"error"` // why it failed, for people
	CommitSHA         *string                  `db:"commit_sha"`
	Branch            *string                  `db:"branch"`
	Object            string                   `db:"object"` // key of the archive, "" if there is none
	SHA256            string                   `db:"sha256"` // of the archive, in hex
	Size              int64                    `db:"size"`   // of the archive in bytes
	Outline           db.JSON[details.Outline] `db:"outline"`
	DeprecationID     *string                  `db:"deprecation_id"` // nil: it is not deprecated
	DeprecationReason string                   `db:"deprecation_reason"`
	DeprecationLink   string                   `db:"deprecation_link"`
	RevokedAt         *db.Time                 `db:"revoked_at"`
	RevocationMessage string                   `db:"revocation_message"`
	RevocationLink    string                   `db:"revocation_link"`
	CreatedBy         *string                  `db:"created_by"`
	CreatedAt         db.Time                  `db:"created_at"`
	UpdatedAt         db.Time                  `db:"updated_at"`

	OrgID      string `db:"org_id,extra"`
	ModuleName string `db:"module_name,extra"`
}

// FromAPI is the source of versions whose archives are uploaded.
const FromAPI = "tfe-api"

// VersionStatus is where a version stands.
type VersionStatus string

// The statuses of versions, as on the wire. Those of cloning are of versions from a VCS.
const (
	VersionPending VersionStatus = "pending" // the archive is awaited
	Cloning        VersionStatus = "cloning"
	CloneFailed    VersionStatus = "clone_failed"
	Ingressing     VersionStatus = "reg_ingressing" // its files are being read
	IngressFailed  VersionStatus = "reg_ingress_failed"
	OK             VersionStatus = "ok" // it can be installed
)

// Scope implements authz.Scoped.
func (v Version) Scope() authz.Scope { return authz.Scope{Org: v.OrgID} }

func (f *Feature) versionTypes(r *api.Router) {
	api.Type(r, "registry-module-versions", authz.ReadRegistry, f.versionsByIDs, f.viewVersion)
	api.Type(r, "deprecations", authz.ReadRegistry, f.deprecationsByIDs, viewDeprecation)
	api.Variant(r, "module-versions", f.viewManaged, "module-versions", "registry-module-versions")
}

func (f *Feature) versionRoutes(r *api.Router, module string) {
	api.Create(r, module+"/versions", authz.ManageModules, api.Keys(f.find), f.createVersion)
	api.Read(r, module+"/version", authz.ReadRegistry, api.Keys(f.findQueried))
	api.UpdateOf(r, module+"/{version}", authz.ManageModules, api.Keys(f.findVersion), f.manage, api.Accepts("registry-module-versions"), api.Including("deprecation"))
	api.Delete(r, module+"/{version}", authz.OwnOrg, api.Keys(f.findVersion), f.deleteVersion)
}

// viewVersion is a version as clients see it. Who may publish gets an address to upload
// to, whenever they look, as long as an upload can be of use.
func (f *Feature) viewVersion(ctx context.Context, v Version) jsonapi.Resource {
	res := jsonapi.Resource{Type: "registry-module-versions", ID: v.ID, Attributes: v.attributes(), Relationships: jsonapi.Relationships{
		"registry-module": jsonapi.ToOne("registry-modules", v.ModuleID),
	}}
	if v.DeprecationID != nil || v.ID == "" { // without an id it is the example of its type
		res.Relationships["deprecation"] = jsonapi.ToOne("deprecations", db.Text(v.DeprecationID))
	}
	if v.Source == FromAPI && authz.Can(ctx, authz.ManageModules, v.Scope()) {
		res.Links = map[string]any{"upload": f.router.Sign(ctx, http.MethodPut, objectKind, v.ID, api.PutTTL)}
	}
	return res
}

func (v Version) attributes() versionAttributes {
	a := versionAttributes{Source: v.Source, Status: v.Status, Version: v.Version, CommitSHA: v.CommitSHA, Branch: v.Branch, CreatedAt: v.CreatedAt, UpdatedAt: v.UpdatedAt, Error: v.Error}
	if v.RevokedAt != nil {
		a.Revocation = &revocation{Status: "revoked", Message: v.RevocationMessage, Link: v.RevocationLink}
	}
	return a
}

type versionAttributes struct {
	Source     string        `json:"source"`
	Status     VersionStatus `json:"status"`
	Version    string        `json:"version"`
	CommitSHA  *string       `json:"commit-sha"`
	Branch     *string       `json:"branch"`
	CreatedAt  db.Time       `json:"created-at"`
	UpdatedAt  db.Time       `json:"updated-at"`
	Error      string        `json:"error,omitempty"`
	Revocation *revocation   `json:"revocation,omitempty"`
}

type versionRequest struct {
	Version   jsonapi.Opt[string] `json:"version"`
	CommitSHA jsonapi.Opt[string] `json:"commit-sha"`
}

// maxCommit is the length of a commit's name in bytes; SHA-256 has 64 digits.
const maxCommit = 128

func (f *Feature) createVersion(ctx context.Context, m Module, in jsonapi.In[versionRequest]) (Version, error) {
	a := in.Data.Attributes
	v := Version{ID: id.New("modver"), ModuleID: m.ID, OrgID: m.OrgID, ModuleName: m.Name, Version: a.Version.V, Source: FromAPI, Status: VersionPending, CreatedAt: db.Now()}
	v.UpdatedAt = v.CreatedAt
	switch {
	case m.RegistryName == Public:
		return v, problem.Denied("Versions of public modules are kept by the public registry.")
	case m.Publishing == ByTag:
		return v, problem.Unprocessable("The versions of this module are the tags of its repository.")
	case m.Publishing == ByBranch:
		return v, problem.Unprocessable("Versions of a branch are not published yet: there are no VCS connections.")
	}
	var err error
	if v.SortKey, err = sortKey(a.Version.V); err != nil {
		return v, err
	}
	a.CommitSHA.IntoPtr(&v.CommitSHA)
	if len(a.CommitSHA.V) > maxCommit {
		return v, problem.Invalid("commit-sha", "Commit SHA is too long (maximum is %d characters)", maxCommit)
	}
	if user := authz.From(ctx).UserID(); user != "" {
		v.CreatedBy = &user
	}
	err = f.DB.Insert(ctx, "registry_module_versions", v)
	if db.IsUnique(err) {
		return v, problem.Invalid("version", "Version has already been taken")
	}
	if db.IsForeign(err) {
		return v, problem.NotFound // the module has just been deleted
	}
	return v, err
}

const selectVersions = `SELECT {v}, m.org_id AS org_id, m.name AS module_name FROM registry_module_versions v JOIN registry_modules m ON m.id = v.module_id `

// FindVersion returns the version with the given id.
func (f *Feature) FindVersion(ctx context.Context, id string) (Version, error) {
	return db.One[Version](ctx, f.DB, selectVersions+`WHERE v.id = ?`, id)
}

// findVersion returns the version that a path names by organization, registry,
// namespace, name, provider and version.
func (f *Feature) findVersion(ctx context.Context, keys []string) (Version, error) {
	space, ok := spaceOf(keys)
	if !ok {
		return Version{}, problem.NotFound
	}
	return db.One[Version](ctx, f.DB, selectVersions+`JOIN organizations o ON o.id = m.org_id
		WHERE o.name_lower = ? AND m.registry_name = ? AND m.namespace_lower = ? AND m.name_lower = ? AND m.provider = ? AND v.version = ?`,
		strings.ToLower(keys[0]), keys[1], space, strings.ToLower(keys[3]), keys[4], keys[5])
}

// findQueried returns the version that the query of the request names.
func (f *Feature) findQueried(ctx context.Context, keys []string) (Version, error) {
	name := api.QueryOf(ctx).Get("module_version")
	if name == "" {
		return Version{}, problem.BadRequest("The parameter module_version is missing")
	}
	return f.findVersion(ctx, append(keys, name))
}

func (f *Feature) versionsByIDs(ctx context.Context, ids []string) ([]Version, error) {
	return db.In[Version](ctx, f.DB, selectVersions+`WHERE v.id IN (?)`, ids)
}

// lock keeps others from changing a module and its versions until the transaction ends.
func (f *Feature) lock(ctx context.Context, moduleID string) error {
	_, err := db.One[string](ctx, f.DB, `SELECT id FROM registry_modules WHERE id = ?`+f.DB.ForUpdate(), moduleID)
	return err
}

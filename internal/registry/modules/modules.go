// Package modules keeps the modules of the private registry, their versions and the
// archives of these, and records of public modules that an organization has chosen.
//
// The surprising rule: a version can be installed once a job has read its files (status
// ok), and from the first installation on its files stay as they are. Who has installed
// it is remembered, because a revoked version is refused to newcomers only.
package modules

import (
	"context"
	"net/url"
	"strings"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// Module is a module for one provider.
type Module struct {
	ID             string         `db:"id"`
	OrgID          string         `db:"org_id"`
	RegistryName   string         `db:"registry_name"` // Private or Public
	PublicSpace    string         `db:"namespace"`     // of a public module
	NamespaceLower string         `db:"namespace_lower"`
	Name           string         `db:"name"`
	NameLower      string         `db:"name_lower"`
	Provider       string         `db:"provider"`
	Search         string         `db:"search"` // what a search looks at, see insert
	Status         Status         `db:"status"`
	Publishing     string         `db:"publishing"` // NonVCS, ByTag or ByBranch
	Repo           db.JSON[*Repo] `db:"vcs_repo"`
	NoCodeID       *string        `db:"no_code_id"`     // nil: it is no no-code module
	TestConfigID   *string        `db:"test_config_id"` // nil: nobody has configured tests
	TestsEnabled   bool           `db:"tests_enabled"`
	TestMode       string         `db:"test_execution_mode"` // remote or agent
	TestPoolID     *string        `db:"test_agent_pool_id"`  // of mode agent
	Latest         string         `db:"latest_version"`      // the newest version that can be installed, "" is none
	CreatedBy      *string        `db:"created_by"`
	CreatedAt      db.Time        `db:"created_at"`
	UpdatedAt      db.Time        `db:"updated_at"`

	OrgName string `db:"org_name,extra"`

	versions []brief // newest first
	fresh    bool    // it was made by this request
	shared   bool    // with an organization of the caller, who may not read this one
}

// The registries that modules are of.
const (
	Private = "private"
	Public  = "public"
)

// How versions of a module come about.
const (
	NonVCS   = "non_vcs"
	ByTag    = "git_tag"
	ByBranch = "branch"
)

// Status is where a module stands.
type Status string

// The statuses of modules, as on the wire.
const (
	Pending       Status = "pending"         // no version could be installed yet
	NoVersionTags Status = "no_version_tags" // its repository has no tag that is a version
	SetupFailed   Status = "setup_failed"    // its repository could not be read
	SetupComplete Status = "setup_complete"
)

// Scope implements authz.Scoped.
func (m Module) Scope() authz.Scope { return authz.Scope{Org: m.OrgID} }

// Permission implements authz.Owned: to see and install a module that is shared with them
// takes the caller no right in the organization that has it.
func (m Module) Permission(asked authz.Permission) authz.Permission {
	if m.shared && asked == authz.ReadRegistry {
		return authz.SignedIn
	}
	return asked
}

// Namespace is the first part of the module's address: the organization's name, or the
// namespace in the public registry.
func (m Module) Namespace() string {
	if m.RegistryName == Public {
		return m.PublicSpace
	}
	return m.OrgName
}

// Feature serves modules.
type Feature struct {
	DB      *db.DB
	Bus     *events.Bus // hears of versions that become ready
	Orgs    *orgs.Feature
	Objects *blob.Store
	Jobs    *jobs.Queue
	// AgentPool finds the agent pool that tests of a module shall run in and reports
	// whether everything in the scope may use it; problem.NotFound if the organization has
	// none of that id.
	AgentPool func(ctx context.Context, id string, in authz.Scope) (bool, error)
	// Connection finds the VCS connection that a request names, and says which organization
	// has it; problem.NotFound if there is none. Nil is a server without VCS connections.
	Connection func(ctx context.Context, r Repo) (orgID string, err error)
	// NoPublic refuses records of public modules (registry modules page, "public module
	// curation disabled").
	NoPublic bool

	// OnDelete is called in the transaction that deletes modules, before it does.
	OnDelete []func(ctx context.Context, moduleIDs []string) error

	router   *api.Router
	removals jobs.Removals // of objects
}

// Routes adds the endpoints of this package to r, and its jobs to Jobs.
func (f *Feature) Routes(r *api.Router) {
	const (
		all  = "/organizations/{organization}/registry-modules"
		name = all + "/{registry}/{namespace}/{name}"
		one  = name + "/{provider}"
	)
	f.router = r
	f.work()
	r.Object(objectKind, api.ObjectKind{Put: f.put, Get: f.get})
	api.Type(r, "registry-modules", authz.ReadRegistry, f.byIDs, f.view)
	api.Type(r, "no-code-modules", authz.ReadRegistry, f.noCodeByIDs, viewNoCode)
	f.versionTypes(r)

	api.List(r, all, authz.ReadRegistry, f.Orgs.ByName, f.list, api.Params("filter[registry_name]", "filter[provider]", "filter[organization_name]"))
	api.Create(r, all, authz.ManageModules, f.Orgs.ByName, f.create)
	api.Create(r, all+"/vcs", authz.ManageModules, f.Orgs.ByName, f.createFromVCS)
	api.Read(r, one, authz.ReadRegistry, api.Keys(f.find))
	api.Update(r, one, authz.OwnOrg, api.Keys(f.find), f.update)
	api.Delete(r, one, authz.OwnOrg, api.Keys(f.find), f.deleteProvider)
	api.Delete(r, name, authz.OwnOrg, api.Keys(f.findNamed), f.deleteNamed)
	api.Read(r, "/registry-modules/{id}", authz.ReadRegistry, f.Find)
	api.List(r, "/registry-modules/{id}/tag-bindings", authz.ReadRegistry, f.Find, f.tagsOf)
	f.versionRoutes(r, one)
	f.olderRoutes(r)
}

// view is a module as clients see it.
func (f *Feature) view(ctx context.Context, m Module) jsonapi.Resource {
	a := attributes{
		Name: m.Name, Namespace: m.Namespace(), RegistryName: m.RegistryName, Provider: m.Provider, Status: m.Status, VersionStatuses: []versionStatus{},
		CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt, Repo: m.repoOnWire(), Publishing: m.Publishing, NoCode: m.NoCodeID != nil, TestConfig: m.testConfig(),
	}
	if m.fresh {
		a.Status = Pending
	}
	manages := authz.Can(ctx, authz.ManageModules, m.Scope())
	a.Permissions = permissions{CanDelete: authz.Can(ctx, authz.OwnOrg, m.Scope()), CanResync: manages, CanRetry: manages}
	for _, v := range m.versions {
		a.VersionStatuses = append(a.VersionStatuses, versionStatus{v.Version, v.Status, v.Error})
		if v.Revoked {
			a.Revoked = append(a.Revoked, v.Version)
		} else if v.Deprecated {
			a.Deprecated = append(a.Deprecated, v.Version)
		}
	}
	var noCode []string
	if m.NoCodeID != nil {
		noCode = []string{*m.NoCodeID}
	}
	return jsonapi.Resource{Type: "registry-modules", ID: m.ID, Attributes: a, Links: jsonapi.Self(m.path()), Relationships: jsonapi.Relationships{
		"organization":    jsonapi.ToOne("organizations", m.OrgName),
		"no-code-modules": jsonapi.ToMany("no-code-modules", noCode),
	}}
}

// path is the address of the module in the API.
func (m Module) path() string {
	parts := []string{"/api/v2/organizations", m.OrgName, "registry-modules", m.RegistryName, m.Namespace(), m.Name, m.Provider}
	for i, part := range parts[1:] {
		parts[i+1] = url.PathEscape(part)
	}
	return strings.Join(parts, "/")
}

type attributes struct {
	Name            string          `json:"name"`
	Namespace       string          `json:"namespace"`
	RegistryName    string          `json:"registry-name"`
	Provider        string          `json:"provider"`
	Status          Status          `json:"status"`
	VersionStatuses []versionStatus `json:"version-statuses"` // newest version first
	CreatedAt       db.Time         `json:"created-at"`
	UpdatedAt       db.Time         `json:"updated-at"`
	Repo            *shownRepo      `json:"vcs-repo,omitempty"`
	Permissions     permissions     `json:"permissions"`
	Publishing      string          `json:"publishing-mechanism"`
	NoCode          bool            `json:"no-code"`
	TestConfig      *testConfig     `json:"test-config,omitempty"`
	Revoked         []string        `json:"revoked-versions,omitempty"`
	Deprecated      []string        `json:"deprecated-versions,omitempty"` // ours; those that are not revoked
}

type versionStatus struct {
	Version string        `json:"version"`
	Status  VersionStatus `json:"status"`
	Error   string        `json:"error,omitempty"`
}

type permissions struct {
	CanDelete bool `json:"can-delete"`
	CanResync bool `json:"can-resync"`
	CanRetry  bool `json:"can-retry"`
}

// noCode is the no-code module that a module is.
type noCode struct{ Module }

// viewNoCode is a no-code module as clients see it: it follows the latest version.
func viewNoCode(_ context.Context, n noCode) jsonapi.Resource {
	id := ""
	if n.NoCodeID != nil {
		id = *n.NoCodeID
	}
	return jsonapi.Resource{Type: "no-code-modules", ID: id, Attributes: noCodeAttributes{Enabled: true}, Relationships: jsonapi.Relationships{
		"organization":    jsonapi.ToOne("organizations", n.OrgName),
		"registry-module": jsonapi.ToOne("registry-modules", n.ID),
	}}
}

type noCodeAttributes struct {
	Enabled    bool    `json:"enabled"`
	VersionPin *string `json:"version-pin"`
}

package modules

import (
	"cmp"
	"context"
	"errors"
	"path"
	"regexp"
	"strings"

	"github.com/hashicorp/go-version"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Repo is the repository that a module is published from.
type Repo struct {
	Identifier        string `json:"identifier"` // such as "acme/terraform-aws-network"
	DisplayIdentifier string `json:"display_identifier"`
	OAuthTokenID      string `json:"oauth_token_id,omitempty"` // this or the next names the connection
	GitHubAppID       string `json:"github_app_installation_id,omitempty"`
	Branch            string `json:"branch,omitempty"` // "" publishes tags
	TagPrefix         string `json:"tag_prefix,omitempty"`
	SourceDirectory   string `json:"source_directory,omitempty"` // of the module in the repository, "" is its root
	InitialVersion    string `json:"initial_version,omitempty"`  // of a branch
}

// shownRepo is a Repo as clients see it.
type shownRepo struct {
	Branch            string `json:"branch"`
	IngressSubmodules bool   `json:"ingress-submodules"`
	Identifier        string `json:"identifier"`
	DisplayIdentifier string `json:"display-identifier"`
	OAuthTokenID      string `json:"oauth-token-id,omitempty"`
	GitHubAppID       string `json:"github-app-installation-id,omitempty"`
	Tags              bool   `json:"tags"`
	TagPrefix         string `json:"tag-prefix,omitempty"`
	SourceDirectory   string `json:"source-directory,omitempty"`
}

func (m Module) repoOnWire() *shownRepo {
	r := m.Repo.V
	if r == nil {
		return nil
	}
	return &shownRepo{Branch: r.Branch, IngressSubmodules: true, Identifier: r.Identifier, DisplayIdentifier: r.DisplayIdentifier, OAuthTokenID: r.OAuthTokenID,
		GitHubAppID: r.GitHubAppID, Tags: m.Publishing == ByTag, TagPrefix: r.TagPrefix, SourceDirectory: r.SourceDirectory}
}

// vcsRequest are the attributes of a new module from a repository.
type vcsRequest struct {
	Name           jsonapi.Opt[string]      `json:"name"`
	Provider       jsonapi.Opt[string]      `json:"provider"`
	NoCode         jsonapi.Opt[bool]        `json:"no-code"`
	InitialVersion jsonapi.Opt[string]      `json:"initial-version"`
	Repo           jsonapi.Opt[repoRequest] `json:"vcs-repo"`
	TestConfig     jsonapi.Opt[testRequest] `json:"test-config"`
}

// repoRequest is the vcs-repo of a request. The page spells display_identifier, clients
// display-identifier.
type repoRequest struct {
	Identifier        jsonapi.Opt[string] `json:"identifier"`
	DisplayIdentifier jsonapi.Opt[string] `json:"display-identifier"`
	DisplayOnPage     jsonapi.Opt[string] `json:"display_identifier"`
	OAuthTokenID      jsonapi.Opt[string] `json:"oauth-token-id"`
	GitHubAppID       jsonapi.Opt[string] `json:"github-app-installation-id"`
	OrganizationName  jsonapi.Opt[string] `json:"organization-name"`
	Branch            jsonapi.Opt[string] `json:"branch"`
	Tags              jsonapi.Opt[bool]   `json:"tags"`
	TagPrefix         jsonapi.Opt[string] `json:"tag-prefix"`
	SourceDirectory   jsonapi.Opt[string] `json:"source-directory"`
}

// createFromVCS publishes a module from a repository of one of the organization's VCS
// connections.
func (f *Feature) createFromVCS(ctx context.Context, o orgs.Org, in jsonapi.In[vcsRequest]) (Module, error) {
	m, err := f.fromVCS(ctx, o, in.Data.Attributes)
	if err != nil {
		return m, err
	}
	return m, f.insert(ctx, m)
}

// fromVCS is the module that a request describes. The connection is looked for last, so
// that everything else that is wrong is said first.
func (f *Feature) fromVCS(ctx context.Context, o orgs.Org, a vcsRequest) (Module, error) {
	name, provider := namedBy(a.Repo.V.Identifier.V)
	m := blank(ctx, o, a.Name.Or(name), a.Provider.Or(provider))
	repo, err := a.repo()
	if err != nil {
		return m, err
	}
	if m.Name == "" || m.Provider == "" {
		return m, problem.Invalid("vcs-repo/identifier", "The repository must be named terraform-<PROVIDER>-<NAME>, or the request must have a name and a provider")
	}
	if err := problem.All(badName("name", "Name", m.Name), badProvider(m.Provider)); err != nil {
		return m, err
	}
	m.Repo.V, m.Publishing = &repo, ByTag
	if repo.Branch != "" {
		m.Publishing = ByBranch
	}
	if a.NoCode.Or(false) {
		m.NoCodeID = new(id.New("nocode"))
	}
	if a.TestConfig.V.Enabled.Or(false) && repo.Branch == "" {
		return m, problem.Invalid("test-config/tests-enabled", "Tests can only be enabled for a module that is published from a branch")
	}
	if err := f.setTests(ctx, &m, a.TestConfig); err != nil {
		return m, err
	}
	return m, f.connected(ctx, o.ID, repo)
}

// repo checks the vcs-repo of a request.
func (a vcsRequest) repo() (Repo, error) {
	in := a.Repo.V
	r := Repo{
		Identifier: in.Identifier.V, DisplayIdentifier: cmp.Or(in.DisplayIdentifier.V, in.DisplayOnPage.V, in.Identifier.V), OAuthTokenID: in.OAuthTokenID.V,
		GitHubAppID: in.GitHubAppID.V, Branch: in.Branch.V, TagPrefix: in.TagPrefix.V, SourceDirectory: in.SourceDirectory.V, InitialVersion: a.InitialVersion.Or("0.0.0"),
	}
	if !a.Repo.Set || a.Repo.Null {
		return r, problem.Invalid("vcs-repo", "VCS repo can't be blank")
	}
	if err := r.check(); err != nil {
		return r, err
	}
	if _, err := version.NewSemver(r.InitialVersion); err != nil {
		return r, problem.Invalid("initial-version", "Initial version must be a semantic version, not %q", r.InitialVersion)
	}
	return r, in.publishing().check()
}

// check refuses what cannot name a repository.
func (r Repo) check() error {
	switch {
	case !identifierForm.MatchString(r.Identifier):
		return problem.Invalid("vcs-repo/identifier", "Identifier must be a repository such as organization/repository")
	case r.OAuthTokenID == "" && r.GitHubAppID == "":
		return problem.Invalid("vcs-repo/oauth-token-id", "Either an OAuth token ID or a GitHub App installation ID is required")
	case r.OAuthTokenID != "" && r.GitHubAppID != "":
		return problem.Invalid("vcs-repo/oauth-token-id", "OAuth token ID and GitHub App installation ID cannot both be specified")
	}
	return nil
}

// publishing is what a request says of how versions come about.
type publishing struct {
	branch, prefix, directory string
	tags                      jsonapi.Opt[bool]
}

func (in repoRequest) publishing() publishing {
	return publishing{in.Branch.V, in.TagPrefix.V, in.SourceDirectory.V, in.Tags}
}

const maxPath = 1024 // of branches, prefixes and folders in bytes

func (p publishing) check() error {
	switch clean := path.Clean("/" + p.directory); {
	case p.branch != "" && p.tags.Or(false):
		return problem.Invalid("vcs-repo/branch", "Branch and tags cannot both be specified")
	case p.branch == "" && p.tags.Set && !p.tags.V:
		return problem.Invalid("vcs-repo/branch", "Branch can't be blank when tags are disabled")
	case p.branch != "" && p.prefix != "":
		return problem.Invalid("vcs-repo/tag-prefix", "Tag prefix can only be specified for a module that is published from tags")
	case max(len(p.branch), len(p.prefix), len(p.directory)) > maxPath:
		return problem.Invalid("vcs-repo", "Branch, tag prefix and source directory are at most %d characters long", maxPath)
	case p.directory != "" && clean != "/"+strings.Trim(p.directory, "/"):
		return problem.Invalid("vcs-repo/source-directory", "Source directory must be a folder of the repository, without . and ..")
	case strings.HasPrefix(p.branch, "-") || strings.HasPrefix(p.prefix, "-"):
		return problem.Invalid("vcs-repo/branch", "The name of a branch or tag cannot begin with a dash")
	}
	return nil
}

var (
	identifierForm = regexp.MustCompile(`^[^\s/-][^\s/]*(?:/[^\s/]+){1,9}$`)
	repoNameForm   = regexp.MustCompile(`^terraform-([0-9a-z]+)-([0-9A-Za-z_-]+)$`)
)

// namedBy reads name and provider from the name of a repository, "" if it does not
// follow the convention (registry modules page, "Publish a Private Module from a VCS").
func namedBy(identifier string) (name, provider string) {
	if m := repoNameForm.FindStringSubmatch(path.Base(identifier)); m != nil {
		return m[2], m[1]
	}
	return "", ""
}

// connected checks that the repository's connection is one of the organization.
func (f *Feature) connected(ctx context.Context, inOrg string, r Repo) error {
	orgID, err := f.connection(ctx, r)
	if err == nil && orgID != inOrg {
		err = problem.NotFound
	}
	if errors.Is(err, problem.NotFound) {
		return unknownConnection(r)
	}
	return err
}

func (f *Feature) connection(ctx context.Context, r Repo) (orgID string, err error) {
	if f.Connection == nil {
		return "", problem.NotFound
	}
	return f.Connection(ctx, r)
}

func unknownConnection(r Repo) error {
	if r.OAuthTokenID == "" {
		return problem.Invalid("vcs-repo/github-app-installation-id", "GitHub App installation %q does not exist in the organization", r.GitHubAppID)
	}
	return problem.Invalid("vcs-repo/oauth-token-id", "OAuth token %q does not exist in the organization", r.OAuthTokenID)
}

// createByToken is createFromVCS without an organization in its path: it is that of the
// connection.
func (f *Feature) createByToken(ctx context.Context, _ authz.Site, in jsonapi.In[vcsRequest]) (Module, error) {
	repo, err := in.Data.Attributes.repo()
	if err != nil {
		return Module{}, err
	}
	orgID, err := f.connection(ctx, repo)
	if err == nil {
		err = authz.CheckScope(ctx, authz.ManageModules, authz.Scope{Org: orgID})
	}
	if errors.Is(err, problem.NotFound) {
		return Module{}, unknownConnection(repo)
	}
	if err != nil {
		return Module{}, err
	}
	o, err := f.Orgs.Find(ctx, orgID)
	if err != nil {
		return Module{}, err
	}
	return f.createFromVCS(ctx, o, in)
}

// setRepo changes how versions come about, and where from. What the request leaves out
// stays.
func (f *Feature) setRepo(ctx context.Context, m *Module, in jsonapi.Opt[repoRequest]) error {
	if !in.Set || in.Null {
		return nil
	}
	if err := in.V.publishing().check(); err != nil {
		return err
	}
	if m.Repo.V == nil {
		return problem.Invalid("vcs-repo", "The module has no VCS repository: it was published without one")
	}
	before, r := *m.Repo.V, *m.Repo.V
	if in.V.Tags.Or(false) {
		m.Publishing, r.Branch = ByTag, ""
	}
	if in.V.Branch.V != "" {
		m.Publishing, r.Branch, r.TagPrefix = ByBranch, in.V.Branch.V, ""
	}
	in.V.TagPrefix.Into(&r.TagPrefix)
	in.V.SourceDirectory.Into(&r.SourceDirectory)
	r.moveTo(in.V)
	m.Repo.V = &r
	if m.Publishing == ByBranch && r.TagPrefix != "" {
		return problem.Invalid("vcs-repo/tag-prefix", "Tag prefix can only be specified for a module that is published from tags")
	}
	if r.Identifier == before.Identifier && r.OAuthTokenID == before.OAuthTokenID && r.GitHubAppID == before.GitHubAppID {
		return nil
	}
	if err := r.check(); err != nil {
		return err
	}
	return f.connected(ctx, m.OrgID, r)
}

// moveTo takes over the repository and the connection that a request names. One kind of
// connection takes the place of the other.
func (r *Repo) moveTo(in repoRequest) {
	if in.Identifier.Set {
		r.Identifier, r.DisplayIdentifier = in.Identifier.V, in.Identifier.V
	}
	if display := cmp.Or(in.DisplayIdentifier.V, in.DisplayOnPage.V); display != "" {
		r.DisplayIdentifier = display
	}
	if in.OAuthTokenID.Set || in.GitHubAppID.Set {
		r.OAuthTokenID, r.GitHubAppID = in.OAuthTokenID.V, in.GitHubAppID.V
	}
}

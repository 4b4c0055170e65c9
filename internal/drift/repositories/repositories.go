// Package repositories keeps the git repositories whose code is scanned, with the tokens
// and keys that open them, and gets code out of them for scans.
//
// The surprising rule: a token goes only to the host that it was saved for. A change of the
// host or the type drops it, so that nobody can send it elsewhere by an edit.
package repositories

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/delivery/vcs"
	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/kernel/safehttp"
)

// Type is the kind of a repository's host and whether it opens to everybody.
type Type string

// The types of repositories.
const (
	GitHubPublic  Type = "github-public"
	GitHubPrivate Type = "github-private"
	GitLabPublic  Type = "gitlab-public"
	GitHubApp     Type = "github-app" // tokens of an installation
	GitLab        Type = "gitlab"
	Gitea         Type = "gitea"
	Git           Type = "git" // any address by https or ssh
)

// types are all types, with what messages call them.
var types = map[Type]string{GitHubPublic: "GitHub public", GitHubPrivate: "GitHub private", GitHubApp: "GitHub app", GitLabPublic: "Gitlab public", GitLab: "Gitlab", Gitea: "Gitea", Git: "git"}

// Short is the type without the distinction of public and private.
func (t Type) Short() string {
	short, _, _ := strings.Cut(string(t), "-")
	return short
}

// asksToken reports whether a repository of the type must have a token.
func (t Type) asksToken() bool { return t == GitHubPrivate || t == GitHubApp || t == GitLab }

// Repository is a git repository.
type Repository struct {
	ID            string            `db:"id"` // 32 hex digits
	OrgID         string            `db:"org_id"`
	OrgName       string            `db:"org_name,extra"`
	Type          Type              `db:"type"`
	URL           string            `db:"url"`       // as vcs.Clean gives it
	FullName      string            `db:"full_name"` // path at the host, such as my-account/my-repo
	RepoID        string            `db:"repo_id"`   // number at the host, "" if it did not tell
	Private       bool              `db:"private"`
	Username      string            `db:"username"` // for the token, "" is what the host expects
	Secret        []byte            `db:"secret"`   // token, or private key of ssh or an app; sealed, nil is none
	KnownHosts    string            `db:"known_hosts"`
	AppID         string            `db:"app_id"`          // of GitHubApp: number, or client id
	Installation  string            `db:"installation_id"` // of the app, its number
	DefaultBranch string            `db:"default_branch"`
	Branches      db.JSON[[]string] `db:"branches"`
	CheckStatus   string            `db:"check_status"` // pending, ok, failed
	CheckMessage  string            `db:"check_message"`
	CheckedAt     *db.Time          `db:"checked_at"`
	CreatedAt     db.Time           `db:"created_at"`
	UpdatedAt     db.Time           `db:"updated_at"`

	secret *string // in the clear, of a change under way; nil is what is sealed
}

// Scope implements authz.Scoped.
func (r Repository) Scope() authz.Scope { return authz.Scope{Org: r.OrgID} }

// HasToken reports whether issues can be made in the repository.
func (r Repository) HasToken() bool { return r.Secret != nil && !strings.HasPrefix(r.URL, "ssh:") }

// Feature serves repositories.
type Feature struct {
	DB      *db.DB
	Bus     *events.Bus // hears of tests
	Keyring *crypt.Keyring
	Orgs    *orgs.Feature
	Git     *vcs.Git
	HTTP    *safehttp.Client

	// Used returns the ids of the schedules that scan a repository.
	Used func(ctx context.Context, id string) ([]string, error)
	// Release deactivates them: the repository is about to go.
	Release func(ctx context.Context, id string) error

	engines recent
	minted  installations
}

const selectRepositories = `SELECT {r}, o.name AS org_name FROM drift_repositories r JOIN organizations o ON o.id = r.org_id`

// Find returns the repository with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Repository, error) {
	return db.One[Repository](ctx, f.DB, selectRepositories+` WHERE r.id = ?`, id)
}

// In returns the repositories with the given ids, in no order.
func (f *Feature) In(ctx context.Context, ids []string) ([]Repository, error) {
	return db.In[Repository](ctx, f.DB, selectRepositories+` WHERE r.id IN (?)`, ids)
}

// Of returns the repository of an organization with the given id.
func (f *Feature) Of(ctx context.Context, orgID, id string) (Repository, error) {
	return db.One[Repository](ctx, f.DB, selectRepositories+` WHERE r.id = ? AND r.org_id = ?`, id, orgID)
}

func (f *Feature) list(ctx context.Context, o orgs.Org, q api.Query) (api.Page[Repository], error) {
	from, args := selectRepositories+` WHERE r.org_id = ?`, []any{o.ID}
	if like := q.Like("search[name]"); like != "" {
		from, args = from+` AND lower(r.full_name) LIKE ? ESCAPE '\'`, append(args, like)
	}
	if t := q.Get("filter[type]"); t != "" {
		from, args = from+` AND r.type = ?`, append(args, t)
	}
	if s := q.Get("filter[check-status]"); s != "" {
		from, args = from+` AND r.check_status = ?`, append(args, s)
	}
	order, err := q.Order(map[string]string{"": "lower(r.full_name), r.id", "name": "lower(r.full_name), r.id", "-name": "lower(r.full_name) DESC, r.id",
		"created-at": "r.created_at, r.id", "-created-at": "r.created_at DESC, r.id"})
	if err != nil {
		return api.Page[Repository]{}, err
	}
	return api.Select[Repository](ctx, f.DB, q, from+` ORDER BY `+order, args...)
}

func aad(id string) string { return "drift_repositories:secret:" + id }

// reveal returns the token or key of a repository, "" if it has none.
func (f *Feature) reveal(ctx context.Context, r Repository) (string, error) {
	if r.secret != nil {
		return *r.secret, nil
	}
	secret, err := f.Keyring.OpenText(ctx, r.OrgID, r.Secret, aad(r.ID))
	return secret.Reveal(), err
}

// token returns what opens a repository: the one that was saved, or one of the installation
// of an app for this repository and what is to be done there.
func (f *Feature) token(ctx context.Context, r Repository, purpose purpose) (string, error) {
	secret, err := f.reveal(ctx, r)
	if err != nil || r.Type != GitHubApp {
		return secret, err
	}
	return f.installationToken(ctx, r, secret, purpose)
}

// remote is a repository as git wants it.
func (f *Feature) remote(ctx context.Context, r Repository) (vcs.Remote, error) {
	secret, err := f.token(ctx, r, reading)
	out := vcs.Remote{URL: r.URL, User: r.Username, KnownHosts: r.KnownHosts}
	if strings.HasPrefix(r.URL, "ssh:") {
		out.Key = crypt.Secret(secret)
		return out, err
	}
	if out.User == "" {
		out.User = "git"
		if h, ok := hosts[r.Type.Short()]; ok {
			out.User = h.user
		}
	}
	out.Token = crypt.Secret(secret)
	return out, err
}

// maxBranches is how many branches are kept and told.
const maxBranches = 1000

// probe connects to a repository and takes in what it tells. An error of type *vcs.Error is
// the repository's or its token's.
func (f *Feature) probe(ctx context.Context, r *Repository) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	remote, err := f.remote(ctx, *r)
	if err != nil {
		return err
	}
	refs, err := f.Git.Refs(ctx, remote)
	if err != nil {
		return err
	}
	r.DefaultBranch, r.Branches.V, r.KnownHosts = refs.Default, sorted(refs), refs.KnownHosts
	if r.DefaultBranch == "" && len(r.Branches.V) > 0 {
		r.DefaultBranch = r.Branches.V[0]
	}
	r.Private = r.Type != GitHubPublic && r.Type != GitLabPublic && (r.Secret != nil || r.secret != nil)
	return f.describe(ctx, r, remote.Token.Reveal())
}

// sorted lists branches: the default first, then by the alphabet.
func sorted(refs vcs.Refs) []string {
	out := make([]string, 0, len(refs.Branches))
	for name := range refs.Branches {
		out = append(out, name)
	}
	slices.SortFunc(out, func(a, b string) int {
		switch {
		case a == b:
			return 0
		case a == refs.Default:
			return -1
		case b == refs.Default:
			return 1
		}
		if c := strings.Compare(strings.ToLower(a), strings.ToLower(b)); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	return out[:min(len(out), maxBranches)]
}

// checked notes the outcome of a probe in the repository.
func (r *Repository) checked(err error) error {
	now := db.Now()
	r.CheckedAt, r.CheckStatus, r.CheckMessage = &now, "ok", ""
	var bad *vcs.Error
	if errors.As(err, &bad) {
		r.CheckStatus, r.CheckMessage = "failed", bad.Message
		return nil
	}
	return err
}

// Archive is the code that scans of folders need.
type Archive struct {
	Commit  string
	Folders []string // patterns expanded
	// Uses counts the module blocks of the whole commit that use a folder.
	Uses map[string]int
	Open func(ctx context.Context) (io.ReadCloser, error)
}

// FolderMissing is the code of the error for folders that a branch does not have.
const FolderMissing = "folder_missing"

// Limits of what is read of one commit to find modules, in bytes.
const (
	maxConfiguration = 256 << 20
	maxFile          = 4 << 20
)

// Archive brings a branch of a repository to this node. Open gives a tar.gz of the folders,
// of the local modules that they use, and of the files that they name; paths in it are those
// of the repository. It asks the network: call it outside of transactions. Errors of type
// *vcs.Error are for people.
func (f *Feature) Archive(ctx context.Context, id, branch string, folders []string) (Archive, error) {
	r, err := f.Find(ctx, id)
	if err != nil {
		return Archive{}, err
	}
	commit, layout, err := f.layout(ctx, r, branch)
	if err != nil {
		return Archive{}, err
	}
	expanded, missing := layout.Expand(folders)
	if len(missing) > 0 {
		return Archive{}, &vcs.Error{Code: FolderMissing, Message: "The branch " + branch + " has no configuration in " + strings.Join(missing, ", ") + "."}
	}
	paths := layout.Needs(expanded)
	return Archive{Commit: commit.SHA, Folders: expanded, Uses: layout.Uses(), Open: func(ctx context.Context) (io.ReadCloser, error) { return commit.Archive(ctx, paths) }}, nil
}

// layout fetches a branch and reads its configuration.
func (f *Feature) layout(ctx context.Context, r Repository, branch string) (vcs.Commit, *Layout, error) {
	remote, err := f.remote(ctx, r)
	if err != nil {
		return vcs.Commit{}, nil, err
	}
	commit, err := f.Git.Fetch(ctx, r.OrgID, remote, branch)
	if err == nil {
		err = f.pin(ctx, r, commit.KnownHosts)
	}
	if err != nil {
		return commit, nil, err
	}
	files, err := commit.Files(ctx)
	if err != nil {
		return commit, nil, err
	}
	contents, err := commit.Read(ctx, wanted(files), maxConfiguration)
	if err != nil {
		return commit, nil, err
	}
	return commit, newLayout(files, contents), nil
}

// pin keeps the key that an SSH host has shown when it was used first: it must show the same
// from then on.
func (f *Feature) pin(ctx context.Context, r Repository, hosts string) error {
	if r.ID == "" || r.KnownHosts != "" || hosts == "" {
		return nil
	}
	_, err := f.DB.Exec(context.WithoutCancel(ctx), `UPDATE drift_repositories SET known_hosts = ? WHERE id = ? AND url = ? AND known_hosts = ''`, hosts, r.ID, r.URL)
	f.changed(ctx, r)
	return err
}

// changed tells clients that a repository is no longer as it was.
func (f *Feature) changed(ctx context.Context, r Repository) {
	changes.Tell(ctx, f.Bus, r.Scope(), "drift-repositories", r.ID)
}

// Head returns the commit of a branch now.
func (f *Feature) Head(ctx context.Context, id, branch string) (string, error) {
	r, err := f.Find(ctx, id)
	if err != nil {
		return "", err
	}
	remote, err := f.remote(ctx, r)
	if err != nil {
		return "", err
	}
	refs, err := f.Git.Refs(ctx, remote)
	if err == nil {
		err = f.pin(ctx, r, refs.KnownHosts)
	}
	if err != nil {
		return "", err
	}
	if sha := refs.Branches[branch]; sha != "" {
		return sha, nil
	}
	return "", &vcs.Error{Code: vcs.BranchMissing, Message: "The branch " + branch + " is not there."}
}

// Target is where issues of a repository are made.
type Target struct {
	Kind     string // github, gitlab, gitea
	API      string // base address
	FullName string
	Token    crypt.Secret
}

// TargetOf returns where the issues of a repository are made; problem.NotFound if it has no
// token, or is of a kind that has no issues.
func (f *Feature) TargetOf(ctx context.Context, id string) (Target, error) {
	r, err := f.Find(ctx, id)
	if err != nil {
		return Target{}, err
	}
	h, ok := hosts[r.Type.Short()]
	u, err := vcs.Clean(r.URL)
	if err != nil || !ok || !r.HasToken() {
		return Target{}, errors.Join(err, problem.NotFound)
	}
	token, err := f.token(ctx, r, writing)
	return Target{Kind: r.Type.Short(), API: h.api(u), FullName: r.FullName, Token: crypt.Secret(token)}, err
}

// unreachable makes a problem of what is wrong with a repository.
func unreachable(err error) error {
	var bad *vcs.Error
	if !errors.As(err, &bad) {
		return err
	}
	field, code := "url", vcs.Unreachable
	switch bad.Code {
	case vcs.Denied:
		field = "token"
	case vcs.Refused:
		code = vcs.Refused
	}
	return problem.Invalid(field, "%s", bad.Message).WithCode(code)
}

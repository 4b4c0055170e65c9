package repositories

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"plumbline.dev/plumbline/internal/delivery/vcs"
	"plumbline.dev/plumbline/internal/drift/verbs"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// request is what clients say of a repository.
type request struct {
	URL        jsonapi.Opt[string]       `json:"url"`
	Type       jsonapi.Opt[string]       `json:"type"`
	Token      jsonapi.Opt[crypt.Secret] `json:"token"` // or a private key, for ssh and apps
	Username   jsonapi.Opt[string]       `json:"username"`
	KnownHosts jsonapi.Opt[string]       `json:"known-hosts"`
	AppID      jsonapi.Opt[string]       `json:"app-id"`
	Install    jsonapi.Opt[string]       `json:"installation-id"`
	SkipCheck  jsonapi.Opt[bool]         `json:"skip-check"`
}

// Limits in bytes.
const (
	maxURL        = 1000
	maxSecret     = 64 << 10
	maxKnownHosts = 64 << 10
)

// apply takes in what clients say. What they leave out stays, but for a token that would go
// to another host or was meant for another type.
func (r *Repository) apply(in request) error {
	before, isNew := *r, r.URL == ""
	in.Type.Into((*string)(&r.Type))
	if _, ok := types[r.Type]; !ok {
		return problem.Invalid("type", "Type must be one of %s", strings.Join(typeNames(), ", "))
	}
	if in.URL.Set || isNew {
		if err := r.address(in.URL.V); err != nil {
			return err
		}
	}
	u, err := vcs.Clean(r.URL)
	if err != nil {
		return err
	}
	name, ok := fullName(r.Type, u)
	if !ok {
		return problem.Invalid("url", "%s is not the address of a repository at %s, such as https://%s/my-account/my-repo", r.URL, r.Type.Short(), u.Host)
	}
	r.FullName = name
	in.Username.Into(&r.Username)
	in.KnownHosts.Into(&r.KnownHosts)
	if !isNew && (hostOf(before.URL) != hostOf(r.URL) || before.Type != r.Type) {
		r.Secret, r.RepoID, r.AppID, r.Installation = nil, "", "", ""
		if !in.KnownHosts.Set {
			r.KnownHosts = ""
		}
	}
	if err := r.app(in, u); err != nil {
		return err
	}
	return r.checkSecret(in.Token, u)
}

// address reads the address of a repository; a name and a password in it are dropped.
func (r *Repository) address(s string) error {
	if strings.TrimSpace(s) == "" {
		return problem.Invalid("url", "URL can't be blank").WithCode("field_required")
	}
	if len(s) > maxURL {
		return problem.Invalid("url", "URL is too long (maximum is %d bytes)", maxURL)
	}
	u, err := vcs.Clean(s)
	if p, ok := problem.From(err); ok {
		return problem.Invalid("url", "%s", p.Detail)
	}
	if err == nil {
		r.URL = u.String()
	}
	return err
}

func (r *Repository) checkSecret(token jsonapi.Opt[crypt.Secret], u *url.URL) error {
	secret := strings.TrimSpace(token.V.Reveal())
	switch {
	case len(secret) > maxSecret:
		return problem.Invalid("token", "Token is too long (maximum is %d bytes)", maxSecret)
	case len(r.Username) > 255 || strings.ContainsAny(r.Username, ":\r\n\x00"):
		return problem.Invalid("username", "Username is too long or has characters that it must not have")
	case len(r.KnownHosts) > maxKnownHosts || strings.ContainsRune(r.KnownHosts, 0):
		return problem.Invalid("known-hosts", "Known hosts are too long (maximum is %d bytes)", maxKnownHosts)
	case u.Scheme != "ssh" && r.Type != GitHubApp && strings.ContainsFunc(secret, func(c rune) bool { return c < ' ' || c == 0x7f }):
		return problem.Invalid("token", "Token must not have control characters")
	}
	if token.Set {
		r.secret, r.Secret = &secret, nil
	}
	has := r.Secret != nil || secret != ""
	if u.Scheme == "ssh" && !has {
		return problem.Invalid("token", "A repository at an ssh address needs a private key as its token").WithCode("field_required")
	}
	if u.Scheme == "ssh" && secret != "" {
		if _, err := ssh.ParseRawPrivateKey([]byte(secret)); err != nil {
			return problem.Invalid("token", "The token of a repository at an ssh address must be a private key without a passphrase, in PEM or OpenSSH form")
		}
	}
	if r.Type == GitHubApp && secret != "" {
		if _, err := parseKey(secret); err != nil {
			return problem.Invalid("token", "The token of a GitHub app must be its private key in PEM form, as GitHub gives it")
		}
	}
	if r.Type.asksToken() && !has {
		return problem.Invalid("token", "A repository of type %s needs a token", r.Type).WithCode("field_required")
	}
	return nil
}

func typeNames() []string {
	var out []string
	for t := range types {
		out = append(out, string(t))
	}
	slices.Sort(out)
	return out
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// prepare returns the repository as a request wants it, checked at its host unless the
// request says otherwise. It asks the network.
func (f *Feature) prepare(ctx context.Context, r Repository, in request) (Repository, error) {
	if err := r.apply(in); err != nil {
		return r, err
	}
	if in.SkipCheck.V {
		r.CheckStatus = "pending"
		return r, nil
	}
	err := f.probe(ctx, &r)
	if err != nil {
		return r, unreachable(err)
	}
	return r, r.checked(nil)
}

// store writes a prepared repository, in a transaction. One that is new takes the place of
// another with the same address and type.
func (f *Feature) store(ctx context.Context, r Repository) (Repository, error) {
	now := db.Now()
	isNew := r.CreatedAt.IsZero()
	if isNew {
		r.ID, r.CreatedAt = verbs.NewID(), now
		same, err := db.All[Repository](ctx, f.DB, `FROM drift_repositories WHERE org_id = ? AND url = ? AND type = ?`, r.OrgID, r.URL, string(r.Type))
		if err != nil {
			return r, err
		}
		if len(same) > 0 {
			r.ID, r.CreatedAt, isNew = same[0].ID, same[0].CreatedAt, false
			if r.secret == nil {
				r.Secret = same[0].Secret
			}
		}
	}
	r.UpdatedAt = now
	var err error
	if r.secret != nil {
		if r.Secret, err = f.Keyring.SealText(ctx, r.OrgID, *r.secret, aad(r.ID)); err != nil {
			return r, err
		}
		r.secret = nil
	}
	if isNew {
		err = f.DB.Insert(ctx, "drift_repositories", r)
	} else {
		err = f.DB.Update(ctx, "drift_repositories", r, "type", "url", "full_name", "repo_id", "private", "username", "secret", "known_hosts", "app_id", "installation_id", "default_branch",
			"branches", "check_status", "check_message", "checked_at", "updated_at")
	}
	if db.IsUnique(err) {
		return r, problem.Conflict("The organization has this repository already.").WithCode("repo_exists")
	}
	return r, err
}

// remove deletes a repository, in a transaction. Schedules that scan it forbid that, unless
// force deactivates them.
func (f *Feature) remove(ctx context.Context, r Repository, force bool) error {
	use := verbs.Use{Schedules: f.Used, End: f.Release, Refusal: "The repository is scanned by %s. Delete these schedules first, or say force."}
	if err := use.Free(ctx, r.ID, force); err != nil {
		return err
	}
	return f.DB.Delete(ctx, "drift_repositories", r.ID)
}

// probed is the outcome of a test.
type probed struct {
	Branches     []string
	Folders      []string
	Repositories []string // that the installation of an app may read, nil of other types
}

// test connects to a repository and lists its branches, and the folders of one of them that
// can be scanned. It notes in the row what it finds. A *vcs.Error is the test's outcome.
func (f *Feature) test(ctx context.Context, r Repository, branch string) (probed, error) {
	ctx, cancel := context.WithTimeout(ctx, maxTest)
	defer cancel()
	failed := f.probe(ctx, &r)
	if err := r.checked(failed); err != nil {
		return probed{}, err
	}
	_, err := f.DB.Exec(context.WithoutCancel(ctx), `UPDATE drift_repositories SET repo_id = ?, private = ?, known_hosts = ?, default_branch = ?, branches = ?, check_status = ?, check_message = ?, checked_at = ? WHERE id = ? AND url = ?`,
		r.RepoID, r.Private, r.KnownHosts, r.DefaultBranch, r.Branches, r.CheckStatus, r.CheckMessage, r.CheckedAt, r.ID, r.URL)
	f.changed(ctx, r)
	if err = errors.Join(failed, err); err != nil {
		return probed{}, err
	}
	out := probed{Branches: r.Branches.V, Folders: []string{}}
	if r.Type == GitHubApp {
		if out.Repositories, err = f.installed(ctx, r); err != nil {
			return out, err
		}
	}
	if branch == "" {
		branch = r.DefaultBranch
	}
	if branch == "" {
		return out, nil // an empty repository
	}
	_, layout, err := f.layout(ctx, r, branch)
	if err != nil {
		return out, err
	}
	out.Folders = layout.Roots()
	return out, nil
}

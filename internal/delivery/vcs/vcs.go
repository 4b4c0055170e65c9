// Package vcs reads git repositories at addresses that users give: which branches there
// are, what a commit holds, and an archive of some of its folders. The git program does
// it, in bare mirrors that each node keeps for itself and can lose at any time.
//
// The surprising rule: git never looks a host up. It gets the address that package
// safehttp has judged, follows no redirect, and sees neither the configuration nor the
// environment of the machine; tokens reach it by its environment, never by arguments.
package vcs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/kernel/safehttp"
)

// Git reads repositories.
type Git struct {
	// Dir is where mirrors are, a folder that nobody else writes to.
	Dir string
	// Client knows which addresses may be reached, and what stands in the place of hosts.
	Client *safehttp.Client
	// Timeout bounds each operation; zero is five minutes.
	Timeout time.Duration

	version sync.Once
	tooOld  error
	swept   atomic.Int64 // when Fetch swept last, Unix seconds
}

// Remote is a repository and what opens it.
type Remote struct {
	URL        string       // as Clean gives it
	User       string       // that goes with Token
	Token      crypt.Secret // of http and https, "" is none
	Key        crypt.Secret // private key of ssh
	KnownHosts string       // of ssh, lines as in known_hosts; "" trusts the host's key for this once
}

// The codes of errors.
const (
	Unreachable   = "repo_unreachable" // no such host or repository, or nothing answers
	Denied        = "repo_denied"      // the token or key is not taken
	Refused       = "host_refused"     // the operator's rules close the host
	BranchMissing = "branch_missing"
	HostKey       = "host_key_changed"
	TooLarge      = "repo_too_large"
	TimedOut      = "repo_timeout"
)

// Error is why a repository cannot be read, in words for who gave its address.
type Error struct{ Code, Message string }

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Is makes errors.Is compare by code.
func (e *Error) Is(target error) bool {
	var t *Error
	return errors.As(target, &t) && t.Code == e.Code
}

func fail(code, format string, args ...any) *Error { return &Error{code, fmt.Sprintf(format, args...)} }

// Clean returns the form in which addresses are kept: https, http or ssh, without user
// (but for ssh), ".git" and slash at the end. It takes git@host:path too.
func Clean(address string) (*url.URL, error) {
	address = strings.TrimSpace(address)
	if !strings.Contains(address, "://") {
		user, rest, ok := strings.Cut(address, "@")
		host, path, ok2 := strings.Cut(rest, ":")
		if !ok || !ok2 || strings.ContainsAny(user+host, "/:@ ") {
			return nil, problem.Unprocessable("%q is not the address of a repository, such as https://github.com/my-account/my-repo", clip(address))
		}
		address = "ssh://" + user + "@" + host + "/" + strings.TrimPrefix(path, "/")
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return nil, problem.Unprocessable("%q is not the address of a repository, such as https://github.com/my-account/my-repo", clip(address))
	case u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "ssh":
		return nil, problem.Unprocessable("The address of a repository begins with https:// or ssh://, not %s://", clip(u.Scheme))
	case strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' || r == '"' || r == '\'' || r == '`' }):
		return nil, problem.Unprocessable("The address of a repository has no spaces, quotes or control characters")
	}
	path := strings.TrimRight(u.Path, "/")
	path = strings.TrimRight(strings.TrimSuffix(path, ".git"), "/")
	if path == "" || strings.Contains(path+"/", "/../") || strings.HasPrefix(path, "/-") {
		return nil, problem.Unprocessable("%s names no repository", clip(u.Host))
	}
	clean := &url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host), Path: path}
	if u.Scheme == "ssh" {
		user := u.User.Username()
		if user == "" {
			user = "git"
		}
		if strings.ContainsAny(user, "-@:/ ") && strings.HasPrefix(user, "-") || strings.HasPrefix(u.Host, "-") {
			return nil, problem.Unprocessable("%q is not the address of a repository", clip(address))
		}
		clean.User = url.User(user)
	}
	return clean, nil
}

func clip(s string) string {
	if len(s) > 200 {
		return strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}

// Refs are the branches of a repository.
type Refs struct {
	Default    string            // "" if the repository does not say
	Branches   map[string]string // name → commit
	KnownHosts string            // of ssh: the key that the host has shown, to be kept
}

// maxListing is the most that the list of branches may hold, in bytes.
const maxListing = 16 << 20

// Refs asks a repository for its branches.
func (g *Git) Refs(ctx context.Context, r Remote) (Refs, error) {
	out := Refs{Branches: map[string]string{}}
	s, err := g.session(ctx, r)
	if err != nil {
		return out, err
	}
	defer s.close()
	text, err := s.output(ctx, maxListing, "ls-remote", "--symref", "--", s.url, "HEAD", "refs/heads/*")
	if err != nil {
		return out, err
	}
	for line := range strings.Lines(text) {
		value, name, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if branch, ok := strings.CutPrefix(value, "ref: refs/heads/"); ok && name == "HEAD" {
			out.Default = branch
		} else if branch, ok := strings.CutPrefix(name, "refs/heads/"); ok {
			out.Branches[branch] = value
		}
	}
	if _, ok := out.Branches[out.Default]; !ok {
		out.Default = ""
	}
	out.KnownHosts, err = s.knownHosts()
	return out, err
}

// minimum is the oldest git that can be told an address (http.curloptResolve).
const minimumMajor, minimumMinor = 2, 37

// check refuses a git that would look hosts up by itself.
func (g *Git) check(ctx context.Context) error {
	g.version.Do(func() {
		text, err := (&session{git: g, dir: os.TempDir()}).output(context.WithoutCancel(ctx), 1<<10, "version")
		if err != nil {
			g.tooOld = fmt.Errorf("vcs: git does not run: %w", err)
			return
		}
		fields := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '.' || r == '\n' })
		var major, minor int
		if len(fields) >= 4 {
			major, _ = strconv.Atoi(fields[2])
			minor, _ = strconv.Atoi(fields[3])
		}
		if major < minimumMajor || major == minimumMajor && minor < minimumMinor {
			g.tooOld = fmt.Errorf("vcs: %s is too old: %d.%d is needed", strings.TrimSpace(text), minimumMajor, minimumMinor)
		}
	})
	return g.tooOld
}

// unused is how long a mirror is kept that nobody fetches into.
const unused = 30 * 24 * time.Hour

// tidy sweeps once an hour: mirrors are of this node, so no job of the whole server does.
func (g *Git) tidy() {
	now, last := time.Now(), g.swept.Load()
	if now.Unix()-last < 3600 || !g.swept.CompareAndSwap(last, now.Unix()) {
		return
	}
	if err := g.Sweep(now.Add(-unused)); err != nil {
		slog.Warn("old mirrors of repositories stay", "err", err)
	}
}

// Sweep removes the mirrors of this node that nobody has used since a time.
func (g *Git) Sweep(before time.Time) error {
	entries, err := os.ReadDir(g.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && e.IsDir() && info.ModTime().Before(before) {
			errs = append(errs, os.RemoveAll(filepath.Join(g.Dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}

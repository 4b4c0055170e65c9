package apptest

import (
	"encoding/json"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// GitHost is a server of git repositories over http: git's own http-backend, and as much
// of the APIs of GitHub and GitLab as tells the number of a repository.
type GitHost struct {
	URL   string // of repositories: URL/owner/name
	Token string // that repositories below private/ ask for

	tb  testing.TB
	dir string
	mu  sync.Mutex
	log []string // paths of requests, with the user names that came with them
}

// NewGitHost starts a server that stops with the test.
func NewGitHost(tb testing.TB) *GitHost {
	tb.Helper()
	path, err := exec.CommandContext(tb.Context(), "git", "--exec-path").Output()
	if err != nil {
		tb.Skip("git is not installed")
	}
	backend := filepath.Join(strings.TrimSpace(string(path)), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		tb.Skip("git-http-backend is not installed")
	}
	g := &GitHost{tb: tb, dir: tb.TempDir(), Token: "git-host-token-1234567890"}
	serve := &cgi.Handler{Path: backend, Dir: g.dir, Env: []string{"GIT_PROJECT_ROOT=" + g.dir, "GIT_HTTP_EXPORT_ALL=1", "HOME=" + g.dir, "GIT_CONFIG_NOSYSTEM=1"}}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		user, password, _ := req.BasicAuth()
		g.mu.Lock()
		g.log = append(g.log, user+" "+req.URL.Path)
		g.mu.Unlock()
		switch {
		case strings.HasPrefix(req.URL.Path, "/github/repos/"), strings.HasPrefix(req.URL.Path, "/api/v4/projects/"):
			g.describe(w, req)
		case strings.HasPrefix(req.URL.Path, "/moved/"):
			http.Redirect(w, req, "/public/"+strings.TrimPrefix(req.URL.Path, "/moved/")+"?"+req.URL.RawQuery, http.StatusMovedPermanently)
		case strings.HasPrefix(req.URL.Path, "/private/") && password != g.Token:
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "a token is needed", http.StatusUnauthorized)
		default:
			serve.ServeHTTP(w, req)
		}
	}))
	tb.Cleanup(web.Close)
	g.URL = web.URL
	return g
}

// Rewrite is the setting by which a server reaches this host in the place of the public ones.
func (g *GitHost) Rewrite() map[string]string {
	return map[string]string{"github.com": g.URL, "api.github.com": g.URL + "/github", "gitlab.com": g.URL}
}

func (g *GitHost) describe(w http.ResponseWriter, req *http.Request) {
	token := strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ") + req.Header.Get("PRIVATE-TOKEN")
	_ = json.NewEncoder(w).Encode(map[string]any{"id": 12343242, "private": token != "", "visibility": map[bool]string{true: "private", false: "public"}[token != ""]})
}

// Requests returns what was asked so far: user names and paths.
func (g *GitHost) Requests() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.log...)
}

// Commit writes files to a branch of a repository, which is made if it is not there. "" as
// content removes a file; content that begins with "-> " makes a link. It returns the commit.
func (g *GitHost) Commit(repo, branch string, files map[string]string) string {
	g.tb.Helper()
	bare, work := filepath.Join(g.dir, filepath.FromSlash(repo)), filepath.Join(g.tb.TempDir(), "work")
	if _, err := os.Stat(bare); err != nil {
		g.git("", "init", "--quiet", "--bare", "--initial-branch="+branch, bare)
	}
	g.git("", "clone", "--quiet", bare, work)
	if g.try(work, "checkout", "--quiet", branch) != nil {
		g.git(work, "checkout", "--quiet", "-B", branch)
	}
	for name, content := range files {
		path := filepath.Join(work, filepath.FromSlash(name))
		if content == "" {
			must(g.tb, os.Remove(path))
			continue
		}
		must(g.tb, os.MkdirAll(filepath.Dir(path), 0o700))
		if to, link := strings.CutPrefix(content, "-> "); link {
			must(g.tb, os.Symlink(to, path))
		} else {
			must(g.tb, os.WriteFile(path, []byte(content), 0o600))
		}
	}
	g.git(work, "add", "--all")
	g.git(work, "commit", "--quiet", "--allow-empty", "--message=change")
	g.git(work, "push", "--quiet", "origin", "HEAD:refs/heads/"+branch)
	return strings.TrimSpace(g.git(work, "rev-parse", "HEAD"))
}

// Dir is where a repository lies, for tests that serve it in another way.
func (g *GitHost) Dir(repo string) string { return filepath.Join(g.dir, filepath.FromSlash(repo)) }

// Address is the address of a repository at this host.
func (g *GitHost) Address(repo string) string {
	return g.URL + "/" + (&url.URL{Path: repo}).EscapedPath()
}

func (g *GitHost) try(dir string, args ...string) error {
	_, err := g.run(dir, args...)
	return err
}

func (g *GitHost) git(dir string, args ...string) string {
	g.tb.Helper()
	out, err := g.run(dir, args...)
	if err != nil {
		g.tb.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return out
}

func (g *GitHost) run(dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(g.tb.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + g.dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com"}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

package apptest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// Forge is a GitHub or a GitLab with the repository private/infra, which is a real one. It is
// as strict as their documentation: tokens, media types, members of requests, objects that
// are there.
type Forge struct {
	*httptest.Server
	tb     testing.TB
	host   *GitHost
	gitlab bool
	git    *httputil.ReverseProxy // to the repository itself

	mu     sync.Mutex
	pulls  []*Proposed
	refuse int // status of all answers, 0 is none
	asked  []string
}

// Proposed is a pull request.
type Proposed struct {
	Number                  int
	Title, Body, Head, Base string
	Open                    bool
	Merged                  bool
	Updates                 int
}

// NewForge serves the repository private/infra of a host. It stops with the test.
func NewForge(tb testing.TB, host *GitHost, isGitLab bool) *Forge {
	to, err := url.Parse(host.URL)
	if err != nil {
		tb.Fatal(err)
	}
	g := &Forge{tb: tb, host: host, gitlab: isGitLab, git: httputil.NewSingleHostReverseProxy(to)}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		defer g.mu.Unlock()
		path := r.URL.EscapedPath()
		rest, api := strings.CutPrefix(path, "/api/v4/projects/private%2Finfra/")
		if !isGitLab {
			rest, api = strings.CutPrefix(path, "/repos/private/infra/")
		}
		if !api {
			g.git.ServeHTTP(w, r)
			return
		}
		g.asked = append(g.asked, r.Method+" "+rest)
		if g.refuse != 0 {
			respond(w, g.refuse, members{"message": "Resource not accessible by personal access token"})
			return
		}
		if isGitLab {
			g.serveGitLab(w, r, rest)
		} else {
			g.serveGitHub(w, r, rest)
		}
	}))
	tb.Cleanup(g.Close)
	return g
}

// members are those of a JSON object.
type members = map[string]any

func respond(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// run runs git in the repository; it reports false if it fails.
func (g *Forge) run(in string, env []string, args ...string) (string, bool) {
	cmd := exec.CommandContext(g.tb.Context(), "git", args...)
	cmd.Dir, cmd.Stdin = g.host.Dir("private/infra"), strings.NewReader(in)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=p", "GIT_AUTHOR_EMAIL=p@example.com", "GIT_COMMITTER_NAME=p", "GIT_COMMITTER_EMAIL=p@example.com"}, env...)
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err == nil
}

// tree makes a tree of files beside those of another one.
func (g *Forge) tree(base string, files map[string]string, modes map[string]string) (string, bool) {
	index := []string{"GIT_INDEX_FILE=" + g.tb.TempDir() + "/index"}
	if _, ok := g.run("", index, "read-tree", base); !ok {
		return "", false
	}
	for name, content := range files {
		blob, ok := g.run(content, nil, "hash-object", "-w", "--stdin")
		if !ok {
			return "", false
		}
		if _, ok := g.run("", index, "update-index", "--add", "--cacheinfo", modes[name]+","+blob+","+name); !ok {
			return "", false
		}
	}
	return g.run("", index, "write-tree")
}

func (g *Forge) serveGitHub(w http.ResponseWriter, r *http.Request, path string) {
	if r.Header.Get("Authorization") != "Bearer "+g.host.Token {
		respond(w, 401, members{"message": "Bad credentials"})
		return
	}
	if r.Header.Get("Accept") != "application/vnd.github+json" || r.Header.Get("X-GitHub-Api-Version") != "2022-11-28" || r.Header.Get("User-Agent") == "" {
		g.tb.Errorf("%s %s has the headers %v", r.Method, r.URL, r.Header)
	}
	var in struct {
		BaseTree string `json:"base_tree"`
		Tree     json.RawMessage
		Message  string
		Parents  []string
		Ref, SHA string
		Force    bool
	}
	b := new(bytes.Buffer)
	_, _ = b.ReadFrom(r.Body)
	if r.Method != "GET" && !strings.HasPrefix(path, "pulls") {
		if err := json.Unmarshal(b.Bytes(), &in); err != nil {
			respond(w, 400, members{"message": "Problems parsing JSON"})
			return
		}
	}
	const prefix = "git/refs/heads/"
	switch ref, is := strings.CutPrefix(path, prefix); {
	case r.Method == "GET" && strings.HasPrefix(path, "git/commits/"):
		tree, ok := g.run("", nil, "rev-parse", strings.TrimPrefix(path, "git/commits/")+"^{tree}")
		if !ok {
			respond(w, 404, members{"message": "Not Found"})
			return
		}
		respond(w, 200, members{"tree": members{"sha": tree}})
	case r.Method == "POST" && path == "git/trees":
		g.githubTree(w, in.BaseTree, in.Tree)
	case r.Method == "POST" && path == "git/commits":
		var tree string
		if json.Unmarshal(in.Tree, &tree) != nil || len(in.Parents) != 1 || in.Message == "" {
			respond(w, 422, members{"message": "Validation Failed"})
			return
		}
		sha, ok := g.run(in.Message, nil, "commit-tree", tree, "-p", in.Parents[0])
		g.done(w, ok, 201, members{"sha": sha})
	case r.Method == "PATCH" && is:
		if _, ok := g.run("", nil, "rev-parse", "--verify", "refs/heads/"+ref); !ok {
			respond(w, 422, members{"message": "Reference does not exist"})
			return
		}
		_, ok := g.run("", nil, "update-ref", "refs/heads/"+ref, in.SHA)
		g.done(w, ok && in.Force, 200, members{"ref": "refs/heads/" + ref})
	case r.Method == "POST" && path == "git/refs":
		_, ok := g.run("", nil, "update-ref", in.Ref, in.SHA, strings.Repeat("0", 40))
		g.done(w, ok && strings.HasPrefix(in.Ref, "refs/heads/"), 201, members{"ref": in.Ref})
	case strings.HasPrefix(path, "pulls"):
		q := r.URL.Query()
		g.servePulls(w, r.Method, strings.TrimPrefix(path, "pulls"), strings.TrimPrefix(q.Get("head"), "private:"), q.Get("base"), b.Bytes())
	default:
		respond(w, 404, members{"message": "Not Found"})
	}
}

func (g *Forge) done(w http.ResponseWriter, ok bool, status int, v members) {
	if !ok {
		respond(w, 422, members{"message": "Validation Failed"})
		return
	}
	respond(w, status, v)
}

func (g *Forge) githubTree(w http.ResponseWriter, base string, raw json.RawMessage) {
	var entries []struct{ Path, Mode, Type, Content string }
	if err := json.Unmarshal(raw, &entries); err != nil || len(entries) == 0 {
		respond(w, 422, members{"message": "Invalid tree info"})
		return
	}
	files, modes := map[string]string{}, map[string]string{}
	for _, e := range entries {
		if e.Mode != "100644" || e.Type != "blob" {
			respond(w, 422, members{"message": "tree.mode must be one of 100644 …"})
			return
		}
		files[e.Path], modes[e.Path] = e.Content, e.Mode
	}
	sha, ok := g.tree(base, files, modes)
	g.done(w, ok, 201, members{"sha": sha})
}

// servePulls serves pull requests, which both hosts have with other names of members.
func (g *Forge) servePulls(w http.ResponseWriter, method, path, head, base string, body []byte) {
	var in members
	_ = json.Unmarshal(body, &in)
	text := func(names ...string) string {
		for _, n := range names {
			if s, ok := in[n].(string); ok {
				return s
			}
		}
		return ""
	}
	if len(text("body", "description")) > 65536 {
		respond(w, 422, members{"message": "body is too long (maximum is 65536 characters)"})
		return
	}
	switch {
	case method == "GET" && path != "":
		for _, p := range g.pulls {
			if path == fmt.Sprint("/", p.Number) {
				respond(w, 200, g.shown(p))
				return
			}
		}
		respond(w, 404, members{"message": "Not Found"})
	case method == "GET" && path == "":
		list := []members{}
		for _, p := range g.pulls {
			if p.Open && p.Head == head && p.Base == base {
				list = append(list, g.shown(p))
			}
		}
		respond(w, 200, list)
	case method == "POST" && path == "":
		p := &Proposed{Number: len(g.pulls) + 1, Title: text("title"), Body: text("body", "description"), Head: text("head", "source_branch"), Base: text("base", "target_branch"), Open: true}
		_, ok1 := g.run("", nil, "rev-parse", "--verify", "refs/heads/"+p.Head)
		_, ok2 := g.run("", nil, "rev-parse", "--verify", "refs/heads/"+p.Base)
		for _, other := range g.pulls {
			if other.Open && other.Head == p.Head {
				respond(w, map[bool]int{true: 409, false: 422}[g.gitlab], members{"message": "A pull request already exists for " + p.Head})
				return
			}
		}
		if !ok1 || !ok2 || p.Title == "" {
			respond(w, 422, members{"message": "Validation Failed"})
			return
		}
		g.pulls = append(g.pulls, p)
		respond(w, 201, g.shown(p))
	case method == map[bool]string{true: "PUT", false: "PATCH"}[g.gitlab]:
		for _, p := range g.pulls {
			if path == fmt.Sprint("/", p.Number) {
				p.Title, p.Body, p.Updates = text("title"), text("body", "description"), p.Updates+1
				respond(w, 200, g.shown(p))
				return
			}
		}
		respond(w, 404, members{"message": "Not Found"})
	default:
		respond(w, 405, members{"message": "Method not allowed"})
	}
}

func (g *Forge) shown(p *Proposed) members {
	state := map[bool]string{true: "open", false: "closed"}[p.Open]
	if g.gitlab {
		state = map[string]string{"open": "opened", "closed": "closed"}[state]
		if p.Merged {
			state = "merged"
		}
		return members{"iid": p.Number, "state": state, "web_url": fmt.Sprint("https://gitlab.com/private/infra/-/merge_requests/", p.Number)}
	}
	return members{"number": p.Number, "state": state, "merged": p.Merged, "html_url": fmt.Sprint("https://github.com/private/infra/pull/", p.Number)}
}

var commitID = regexp.MustCompile(`^[0-9a-f]{40}$`)

func (g *Forge) serveGitLab(w http.ResponseWriter, r *http.Request, path string) {
	if r.Header.Get("PRIVATE-TOKEN") != g.host.Token {
		respond(w, 401, members{"message": "401 Unauthorized"})
		return
	}
	b := new(bytes.Buffer)
	_, _ = b.ReadFrom(r.Body)
	if strings.HasPrefix(path, "merge_requests") {
		q := r.URL.Query()
		if r.Method == "GET" && path == "merge_requests" && q.Get("state") != "opened" {
			g.tb.Errorf("GET %s asks for state %q", r.URL, q.Get("state"))
		}
		g.servePulls(w, r.Method, strings.TrimPrefix(path, "merge_requests"), q.Get("source_branch"), q.Get("target_branch"), b.Bytes())
		return
	}
	var in struct {
		Branch   string
		StartSHA string `json:"start_sha"`
		Force    bool
		Message  string `json:"commit_message"`
		Actions  []struct {
			Action  string
			Path    string `json:"file_path"`
			Content string
		}
	}
	if path != "repository/commits" || r.Method != "POST" || json.Unmarshal(b.Bytes(), &in) != nil || in.Branch == "" || in.Message == "" || !commitID.MatchString(in.StartSHA) || len(in.Actions) == 0 {
		respond(w, 400, members{"error": "branch is missing"})
		return
	}
	_, exists := g.run("", nil, "rev-parse", "--verify", "refs/heads/"+in.Branch)
	if exists && !in.Force {
		respond(w, 400, members{"message": "A branch called '" + in.Branch + "' already exists."})
		return
	}
	files, modes := map[string]string{}, map[string]string{}
	for _, a := range in.Actions {
		if _, there := g.run("", nil, "cat-file", "-e", in.StartSHA+":"+a.Path); !there || a.Action != "update" {
			respond(w, 400, members{"message": "A file with this name doesn't exist"})
			return
		}
		files[a.Path], modes[a.Path] = a.Content, "100644"
	}
	tree, ok := g.tree(in.StartSHA, files, modes)
	if ok {
		tree, ok = g.run(in.Message, nil, "commit-tree", tree, "-p", in.StartSHA)
	}
	if ok {
		_, ok = g.run("", nil, "update-ref", "refs/heads/"+in.Branch, tree)
	}
	g.done(w, ok, 201, members{"id": tree})
}

// Refuse lets all requests be answered with a status; 0 ends that.
func (g *Forge) Refuse(status int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refuse = status
}

// Pulls are the pull requests by now.
func (g *Forge) Pulls() []Proposed {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []Proposed
	for _, p := range g.pulls {
		out = append(out, *p)
	}
	return out
}

// Asked are the requests to the API so far: methods and paths.
func (g *Forge) Asked() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.asked...)
}

// Merge merges a pull request that nothing is in the way of.
func (g *Forge) Merge(number int) {
	g.tb.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.pulls[number-1]
	if _, ok := g.run("", nil, "merge-base", "--is-ancestor", p.Base, p.Head); !ok {
		g.tb.Fatalf("%s cannot be merged into %s", p.Head, p.Base)
	}
	if _, ok := g.run("", nil, "update-ref", "refs/heads/"+p.Base, "refs/heads/"+p.Head); !ok {
		g.tb.Fatal("update-ref failed")
	}
	p.Open, p.Merged = false, true
}

// Decline closes a pull request without its change.
func (g *Forge) Decline(number int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pulls[number-1].Open = false
}

// File is the content of a file in a branch.
func (g *Forge) File(branch, name string) string {
	g.tb.Helper()
	content, ok := g.run("", nil, "show", branch+":"+name)
	if !ok {
		g.tb.Fatalf("%s has no %s", branch, name)
	}
	return content
}

package alerts_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"plumbline.dev/plumbline/internal/drift/alerts"
)

// forge is a GitHub or a GitLab with one repository, acme/infra, as strict as their documentation:
// it checks tokens, media types, members of requests and lengths, and it has pages.
type forge struct {
	*httptest.Server
	t      *testing.T
	gitlab bool
	now    func() time.Time

	mu     sync.Mutex
	issues []*forged
	asked  []string                                          // "METHOD path"
	refuse func(w http.ResponseWriter, r *http.Request) bool // answers instead, if it wants
}

type forged struct {
	number      int
	title, body string
	open        bool
	closedAt    *time.Time
	comments    []string
	pull        bool
}

const forgeToken = "planted-forge-token"

func newForge(t *testing.T, isGitLab bool) *forge {
	g := &forge{t: t, gitlab: isGitLab, now: time.Now}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.asked = append(g.asked, r.Method+" "+r.URL.EscapedPath())
		if g.refuse != nil && g.refuse(w, r) {
			return
		}
		if isGitLab {
			g.serveGitLab(w, r)
		} else {
			g.serveGitHub(w, r)
		}
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *forge) target() alerts.Target {
	if g.gitlab {
		return alerts.Target{Kind: "gitlab", API: g.URL + "/api/v4", FullName: "acme/infra", Token: forgeToken}
	}
	return alerts.Target{Kind: "github", API: g.URL, FullName: "acme/infra", Token: forgeToken}
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

var issuePath = regexp.MustCompile(`^/repos/acme/infra/issues(?:/(\d+)(/comments)?)?$`)

func (g *forge) serveGitHub(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+forgeToken {
		answer(w, 401, map[string]any{"message": "Bad credentials", "status": "401"})
		return
	}
	if r.Header.Get("Accept") != "application/vnd.github+json" || r.Header.Get("X-GitHub-Api-Version") != "2022-11-28" || r.Header.Get("User-Agent") == "" {
		g.t.Errorf("%s %s has the headers %v", r.Method, r.URL, r.Header)
	}
	m := issuePath.FindStringSubmatch(r.URL.Path)
	if m == nil {
		answer(w, 404, map[string]any{"message": "Not Found", "status": "404"})
		return
	}
	var in map[string]string
	if r.Method != "GET" {
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			answer(w, 400, map[string]any{"message": "Problems parsing JSON"})
			return
		}
		if utf8.RuneCountInString(in["body"]) > 65536 || utf8.RuneCountInString(in["title"]) > 256 {
			answer(w, 422, map[string]any{"message": "Validation Failed", "errors": []any{map[string]any{"resource": "Issue", "code": "custom", "field": "body", "message": "body is too long (maximum is 65536 characters)"}}})
			return
		}
	}
	if m[1] == "" {
		g.githubList(w, r, in)
		return
	}
	is := g.find(m[1])
	switch {
	case is == nil:
		answer(w, 404, map[string]any{"message": "Not Found"})
	case m[2] != "" && r.Method == "POST" && in["body"] != "":
		is.comments = append(is.comments, in["body"])
		answer(w, 201, map[string]any{"id": 1, "body": in["body"]})
	case m[2] == "" && r.Method == "GET":
		answer(w, 200, g.github(is))
	case m[2] == "" && r.Method == "PATCH":
		if s := in["state"]; s != "" && s != "open" && s != "closed" {
			answer(w, 422, map[string]any{"message": "Validation Failed"})
			return
		}
		g.change(is, in["title"], in["body"], in["state"])
		answer(w, 200, g.github(is))
	default:
		answer(w, 422, map[string]any{"message": "Validation Failed"})
	}
}

func (g *forge) githubList(w http.ResponseWriter, r *http.Request, in map[string]string) {
	switch r.Method {
	case "GET":
		q := r.URL.Query()
		if q.Get("state") != "all" || q.Get("direction") != "desc" {
			g.t.Errorf("GET %s asks for open issues only, or the oldest first", r.URL)
		}
		var out []any
		for _, is := range g.page(q) {
			out = append(out, g.github(is))
		}
		if out == nil {
			out = []any{}
		}
		answer(w, 200, out)
	case "POST":
		if in["title"] == "" {
			answer(w, 422, map[string]any{"message": "Validation Failed"})
			return
		}
		answer(w, 201, g.github(g.add(in["title"], in["body"])))
	}
}

func (g *forge) github(is *forged) map[string]any {
	out := map[string]any{"number": is.number, "html_url": fmt.Sprint(g.URL, "/acme/infra/issues/", is.number), "title": is.title, "body": is.body, "state": "closed", "closed_at": is.closedAt}
	if is.open {
		out["state"] = "open"
	}
	if is.pull {
		out["pull_request"] = map[string]any{"url": "x"}
	}
	return out
}

func (g *forge) serveGitLab(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("PRIVATE-TOKEN") != forgeToken {
		answer(w, 401, map[string]any{"message": "401 Unauthorized"})
		return
	}
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), "/api/v4/projects/acme%2Finfra/issues")
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if !ok {
		answer(w, 404, map[string]any{"message": "404 Project Not Found"})
		return
	}
	var in map[string]string
	if r.Method != "GET" {
		_ = json.NewDecoder(r.Body).Decode(&in)
	}
	if parts[0] == "" {
		g.gitlabList(w, r, in)
		return
	}
	is := g.find(parts[0])
	switch {
	case is == nil:
		answer(w, 404, map[string]any{"message": "404 Issue Not Found"})
	case len(parts) == 2 && parts[1] == "notes" && r.Method == "POST" && in["body"] != "":
		is.comments = append(is.comments, in["body"])
		answer(w, 201, map[string]any{"id": 1})
	case len(parts) == 1 && r.Method == "GET":
		answer(w, 200, g.gitlabIssue(is))
	case len(parts) == 1 && r.Method == "PUT":
		g.change(is, in["title"], in["description"], map[string]string{"close": "closed", "reopen": "open"}[in["state_event"]])
		answer(w, 200, g.gitlabIssue(is))
	default:
		answer(w, 400, map[string]any{"error": "bad request"})
	}
}

func (g *forge) gitlabList(w http.ResponseWriter, r *http.Request, in map[string]string) {
	if r.Method == "POST" {
		answer(w, 201, g.gitlabIssue(g.add(in["title"], in["description"])))
		return
	}
	q := r.URL.Query()
	out := []any{}
	for _, is := range g.page(q) {
		out = append(out, g.gitlabIssue(is))
	}
	answer(w, 200, out)
}

func (g *forge) gitlabIssue(is *forged) map[string]any {
	state := "closed"
	if is.open {
		state = "opened"
	}
	return map[string]any{"iid": is.number, "web_url": fmt.Sprint(g.URL, "/acme/infra/-/issues/", is.number), "title": is.title, "description": is.body, "state": state, "closed_at": is.closedAt}
}

func (g *forge) find(number string) *forged {
	n, _ := strconv.Atoi(number)
	for _, is := range g.issues {
		if is.number == n {
			return is
		}
	}
	return nil
}

func (g *forge) add(title, body string) *forged {
	is := &forged{number: len(g.issues) + 1, title: title, body: body, open: true}
	g.issues = append(g.issues, is)
	return is
}

func (g *forge) change(is *forged, title, body, state string) {
	if title != "" {
		is.title = title
	}
	if body != "" {
		is.body = body
	}
	if state == "open" {
		is.open, is.closedAt = true, nil
	}
	if state == "closed" {
		at := g.now()
		is.open, is.closedAt = false, &at
	}
}

// page returns issues, the newest first.
func (g *forge) page(q url.Values) []*forged {
	size, _ := strconv.Atoi(q.Get("per_page"))
	page, _ := strconv.Atoi(q.Get("page"))
	if size > 100 || size < 1 || page < 1 {
		g.t.Errorf("page %v of a list", q)
		return nil
	}
	var all []*forged
	for _, is := range slices.Backward(g.issues) {
		if strings.Contains(is.body, q.Get("search")) {
			all = append(all, is)
		}
	}
	from := min((page-1)*size, len(all))
	return all[from:min(from+size, len(all))]
}

// state is what people see: number, open or closed, comments.
func (g *forge) state() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []string
	for _, is := range g.issues {
		state := "closed"
		if is.open {
			state = "open"
		}
		out = append(out, fmt.Sprintf("%d %s %d", is.number, state, len(is.comments)))
	}
	return out
}

func (g *forge) last() *forged {
	g.mu.Lock()
	defer g.mu.Unlock()
	copied := *g.issues[len(g.issues)-1]
	return &copied
}

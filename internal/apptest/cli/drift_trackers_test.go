package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// issueTracker is the API of GitHub or GitLab for the repository private/infra, as strict as
// its documentation.
type issueTracker struct {
	t      *testing.T
	kind   string // github or gitlab
	token  string
	mu     sync.Mutex
	issues []*ticket
}

// ticket is an issue; state is open or closed.
type ticket struct {
	number             int
	title, body, state string
	closedAt           *time.Time
	comments           []string
}

func (g *issueTracker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	base, token, project := "/api/repos/private/infra", strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), map[string]any{"id": 7, "private": true}
	if g.kind == "gitlab" {
		base, token, project = "/api/v4/projects/private%2Finfra", r.Header.Get("PRIVATE-TOKEN"), map[string]any{"id": 7, "visibility": "private"}
	}
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), base)
	if token != g.token || !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if path == "" {
		_ = json.NewEncoder(w).Encode(project)
		return
	}
	if g.kind == "github" && (r.Header.Get("Accept") != "application/vnd.github+json" || r.Header.Get("X-GitHub-Api-Version") != "2022-11-28") {
		g.t.Errorf("%s %s has the headers %v", r.Method, r.URL, r.Header)
	}
	status, v := g.answer(r, strings.Split(strings.Trim(path, "/"), "/"))
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// words are what the two call the same.
var words = map[string]struct{ body, comments, change string }{
	"github": {"body", "comments", "PATCH"},
	"gitlab": {"description", "notes", "PUT"},
}

func (g *issueTracker) answer(r *http.Request, parts []string) (int, any) {
	in, call := map[string]string{}, words[g.kind]
	if r.Method != "GET" && json.NewDecoder(r.Body).Decode(&in) != nil {
		return http.StatusBadRequest, nil
	}
	if parts[0] != "issues" {
		return http.StatusNotFound, nil
	}
	if len(parts) == 1 {
		return g.list(r, in["title"], in[call.body])
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil || n < 1 || n > len(g.issues) {
		return http.StatusNotFound, nil
	}
	is := g.issues[n-1]
	switch {
	case len(parts) == 3 && parts[2] == call.comments && r.Method == "POST" && in["body"] != "":
		is.comments = append(is.comments, in["body"])
		return http.StatusCreated, map[string]any{"id": 1}
	case len(parts) == 2 && r.Method == call.change:
		state := in["state"]
		if g.kind == "gitlab" {
			state = map[string]string{"close": "closed", "reopen": "open"}[in["state_event"]]
		}
		is.change(in["title"], in[call.body], state)
		return http.StatusOK, g.shown(is)
	case len(parts) == 2 && r.Method == "GET":
		return http.StatusOK, g.shown(is)
	}
	return http.StatusUnprocessableEntity, nil
}

func (g *issueTracker) list(r *http.Request, title, body string) (int, any) {
	switch {
	case r.Method == "POST" && title == "", r.Method != "POST" && r.Method != "GET":
		return http.StatusUnprocessableEntity, nil
	case r.Method == "POST":
		is := &ticket{number: len(g.issues) + 1, title: title, body: body, state: "open"}
		g.issues = append(g.issues, is)
		return http.StatusCreated, g.shown(is)
	}
	out := []any{}
	if page := r.URL.Query().Get("page"); page == "" || page == "1" {
		for _, is := range g.issues {
			if strings.Contains(is.body, r.URL.Query().Get("search")) {
				out = append(out, g.shown(is))
			}
		}
	}
	return http.StatusOK, out
}

// shown is an issue as the API has it.
func (g *issueTracker) shown(is *ticket) map[string]any {
	if g.kind == "gitlab" {
		state := map[string]string{"open": "opened", "closed": "closed"}[is.state]
		return map[string]any{"iid": is.number, "web_url": fmt.Sprint("https://gitlab.com/private/infra/-/issues/", is.number), "title": is.title, "description": is.body, "state": state, "closed_at": is.closedAt}
	}
	return map[string]any{"number": is.number, "html_url": fmt.Sprint("https://github.com/private/infra/issues/", is.number), "title": is.title, "body": is.body, "state": is.state, "closed_at": is.closedAt}
}

func (is *ticket) change(title, body, state string) {
	if title != "" {
		is.title = title
	}
	if body != "" {
		is.body = body
	}
	if state != "" {
		now := time.Now()
		is.state, is.closedAt = state, &now
	}
}

func (g *issueTracker) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.issues)
}

// state is that of an issue, "none" if there is none with the number.
func (g *issueTracker) state(number int) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if number > len(g.issues) {
		return "none"
	}
	return g.issues[number-1].state
}

func (g *issueTracker) body(number int) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if number > len(g.issues) {
		return ""
	}
	return g.issues[number-1].body
}

// all is the text of all issues and comments.
func (g *issueTracker) all() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var b strings.Builder
	for _, is := range g.issues {
		b.WriteString(is.title + "\n" + is.body + "\n" + strings.Join(is.comments, "\n"))
	}
	return b.String()
}

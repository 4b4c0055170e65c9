package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// lockedBuffer is a buffer of several writers.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.b.Bytes())
}

// stateStore keeps one state for the backend "http", behind a password.
type stateStore struct {
	mu    sync.Mutex
	state []byte
	posts int
}

func (s *stateStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if user, password, _ := r.BasicAuth(); user != "ops" || password != canaryState {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	switch {
	case r.Method != "GET":
		s.posts++
		s.state, _ = io.ReadAll(r.Body)
	case s.state == nil:
		w.WriteHeader(http.StatusNotFound)
	default:
		_, _ = w.Write(s.state)
	}
}

// writes is how often the state was changed.
func (s *stateStore) writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.posts
}

// webhook keeps what it is sent by those who know its secret.
type webhook struct {
	mu   sync.Mutex
	sent []string
}

func (h *webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	b, _ := io.ReadAll(r.Body)
	if r.Header.Get("Authorization") != canaryHeader || !json.Valid(b) {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	h.sent = append(h.sent, string(b))
}

func (h *webhook) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := slices.Clone(h.sent)
	h.sent = nil
	return out
}

// issueTracker is the API of GitHub for the repository private/infra, as strict as its
// documentation.
type issueTracker struct {
	t      *testing.T
	token  string
	mu     sync.Mutex
	issues []*ticket
}

type ticket struct {
	Number   int        `json:"number"`
	URL      string     `json:"html_url"`
	Title    string     `json:"title"`
	Body     string     `json:"body"`
	State    string     `json:"state"`
	ClosedAt *time.Time `json:"closed_at"`
	comments []string
}

func (g *issueTracker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	path, ok := strings.CutPrefix(r.URL.Path, "/repos/private/infra")
	if r.Header.Get("Authorization") != "Bearer "+g.token || !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if path == "" {
		_ = json.NewEncoder(w).Encode(map[string]any{"id": 7, "private": true})
		return
	}
	if r.Header.Get("Accept") != "application/vnd.github+json" || r.Header.Get("X-GitHub-Api-Version") != "2022-11-28" {
		g.t.Errorf("%s %s has the headers %v", r.Method, r.URL, r.Header)
	}
	status, v := g.answer(r, strings.Split(strings.Trim(path, "/"), "/"))
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (g *issueTracker) answer(r *http.Request, parts []string) (int, any) {
	var in struct{ Title, Body, State string }
	if r.Method != "GET" && json.NewDecoder(r.Body).Decode(&in) != nil {
		return http.StatusBadRequest, nil
	}
	if len(parts) == 1 {
		if r.Method == "GET" {
			if page := r.URL.Query().Get("page"); page != "" && page != "1" {
				return http.StatusOK, []any{}
			}
			return http.StatusOK, append([]*ticket{}, g.issues...)
		}
		if in.Title == "" {
			return http.StatusUnprocessableEntity, nil
		}
		n := len(g.issues) + 1
		g.issues = append(g.issues, &ticket{Number: n, URL: fmt.Sprint("https://github.com/private/infra/issues/", n), Title: in.Title, Body: in.Body, State: "open"})
		return http.StatusCreated, g.issues[n-1]
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil || n < 1 || n > len(g.issues) {
		return http.StatusNotFound, nil
	}
	is := g.issues[n-1]
	switch {
	case len(parts) == 3 && r.Method == "POST" && in.Body != "":
		is.comments = append(is.comments, in.Body)
		return http.StatusCreated, map[string]any{"id": 1}
	case len(parts) == 2 && r.Method == "PATCH":
		is.change(in.Title, in.Body, in.State)
		return http.StatusOK, is
	case len(parts) == 2 && r.Method == "GET":
		return http.StatusOK, is
	}
	return http.StatusUnprocessableEntity, nil
}

func (is *ticket) change(title, body, state string) {
	if title != "" {
		is.Title = title
	}
	if body != "" {
		is.Body = body
	}
	if state != "" {
		now := time.Now()
		is.State, is.ClosedAt = state, &now
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
	return g.issues[number-1].State
}

func (g *issueTracker) body(number int) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if number > len(g.issues) {
		return ""
	}
	return g.issues[number-1].Body
}

// all is the text of all issues and comments.
func (g *issueTracker) all() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var b strings.Builder
	for _, is := range g.issues {
		b.WriteString(is.Title + "\n" + is.Body + "\n" + strings.Join(is.comments, "\n"))
	}
	return b.String()
}

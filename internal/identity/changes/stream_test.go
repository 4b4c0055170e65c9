package changes_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/kernel/authz"
)

// listener is a client of the stream.
type listener struct {
	t     testing.TB
	lines *bufio.Scanner
	id    string // of the last event
}

// listen connects to the changes of acme and returns what comes after the beginning.
func listen(s *apptest.Server, token, lastID string) *listener {
	s.T.Helper()
	return listenTo(s, "/api/v2/organizations/acme/events", token, lastID)
}

func listenTo(s *apptest.Server, path, token, lastID string) *listener {
	s.T.Helper()
	ctx, cancel := context.WithCancel(s.T.Context())
	s.T.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", s.URL+path, nil)
	if err != nil {
		s.T.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.T.Fatal(err)
	}
	s.T.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		s.T.Fatalf("events = %d %s", res.StatusCode, res.Header)
	}
	return &listener{t: s.T, lines: bufio.NewScanner(res.Body)}
}

// next is the data of the next event, or "the end".
func (l *listener) next() string {
	for l.lines.Scan() {
		if id, ok := strings.CutPrefix(l.lines.Text(), "id: "); ok {
			l.id = id
		}
		if data, ok := strings.CutPrefix(l.lines.Text(), "data: "); ok && data != "{}" { // a sign of life
			return data
		}
	}
	return "the end"
}

// until reads events up to the one that is wanted, and fails for any that has the text.
func (l *listener) until(want, never string) {
	l.t.Helper()
	for got := l.next(); got != want; got = l.next() {
		if got == "the end" || (never != "" && strings.Contains(got, never)) {
			l.t.Fatalf("event = %s, want %s and never %q", got, want, never)
		}
	}
}

func TestEveryChangeIsToldToWhoMayReadIt(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, org := s.T.Context(), s.Org("acme")
		c := s.Client(org.Owner.Token)
		seen, err := c.Workspaces.Create(ctx, "acme", tfe.WorkspaceCreateOptions{Name: new("seen")})
		if err != nil {
			s.T.Fatal(err)
		}
		reader := s.With(org, "reader", nil, map[string]string{seen.ID: "read"})
		owner, limited := listen(s, org.Owner.Token, ""), listen(s, reader.Token, "")
		for _, l := range []*listener{owner, limited} {
			l.until(`{"resumed":false}`, "")
		}

		hidden, err := c.Workspaces.Create(ctx, "acme", tfe.WorkspaceCreateOptions{Name: new("hidden")})
		if err != nil {
			s.T.Fatal(err)
		}
		owner.until(`{"type":"workspaces","id":"`+hidden.ID+`","workspace":"`+hidden.ID+`"}`, "")
		v, err := c.Variables.Create(ctx, hidden.ID, tfe.VariableCreateOptions{Key: new("region"), Value: new("eu"), Category: tfe.Category(tfe.CategoryEnv)})
		if err != nil {
			s.T.Fatal(err)
		}
		owner.until(`{"type":"vars","id":"`+v.ID+`","workspace":"`+hidden.ID+`"}`, "")
		team, err := c.Teams.Create(ctx, "acme", tfe.TeamCreateOptions{Name: new("few")}) // secret
		if err != nil {
			s.T.Fatal(err)
		}
		owner.until(`{"type":"teams","id":"`+team.ID+`"}`, "")
		if err := c.Workspaces.Delete(ctx, "acme", "hidden"); err != nil { // by its name
			s.T.Fatal(err)
		}
		owner.until(`{"type":"workspaces","id":"`+hidden.ID+`","workspace":"`+hidden.ID+`"}`, `"hidden"`)
		if _, err := c.Workspaces.Lock(ctx, seen.ID, tfe.WorkspaceLockOptions{}); err != nil {
			s.T.Fatal(err)
		}
		locked := `{"type":"workspaces","id":"` + seen.ID + `","workspace":"` + seen.ID + `"}`
		if got := limited.next(); got != locked {
			s.T.Errorf("the reader hears %s, want %s and nothing before it", got, locked)
		}
		if code := s.Do("GET", "/api/v2/organizations/acme/events", s.User("stranger").Token, nil).Status; code != 404 {
			s.T.Errorf("events for a stranger = %d, want 404", code)
		}
	})
}

func TestStreamGoesOnWhereTheClientWas(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, org := s.T.Context(), s.Org("acme")
		tell := func(id string) {
			changes.Tell(ctx, s.App.Bus, authz.Scope{Org: org.ID}, "agent-pools", id)
		}
		first := listen(s, org.Owner.Token, "")
		first.until(`{"resumed":false}`, "")
		tell("apool-1")
		first.until(`{"type":"agent-pools","id":"apool-1"}`, "")
		position := first.id // before apool-1, as far as this client can know
		tell("apool-2")

		second := listen(s, org.Owner.Token, position)
		second.until(`{"resumed":true}`, "")
		second.until(`{"type":"agent-pools","id":"apool-2"}`, `"*"`)

		for name, id := range map[string]string{"another node": "xxxxxxxx.3", "nonsense": "7", "the future": position + "999"} {
			l := listen(s, org.Owner.Token, id)
			l.until(`{"resumed":false}`, "")
			if got := l.next(); got != `{"type":"*"}` {
				s.T.Errorf("after a position of %s: %s, want everything", name, got)
			}
		}

		for range 5000 { // more than is remembered
			tell("apool-3")
		}
		l := listen(s, org.Owner.Token, position)
		l.until(`{"resumed":false}`, "")
		l.until(`{"type":"*"}`, "")
	})
}

// TestStreamBeginsWithWhatHasJustChanged: a page has read what it shows a moment before it listens.
func TestStreamBeginsWithWhatHasJustChanged(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, org := s.T.Context(), s.Org("acme")
		tell := func(id string) {
			changes.Tell(ctx, s.App.Bus, authz.Scope{Org: org.ID}, "agent-pools", id)
		}
		const events = "/api/v2/organizations/acme/events"
		tell("apool-1")
		page := listenTo(s, events+"?back=60", org.Owner.Token, "")
		page.until(`{"resumed":false}`, "")
		want := `{"type":"agent-pools","id":"apool-1"}`
		if s.App.DB.Postgres() {
			want = `{"type":"*"}` // of what other nodes did before this one listened nothing is known
		}
		page.until(want, "")
		for _, query := range []string{"", "?back=x", "?back=-60"} {
			l := listenTo(s, events+query, org.Owner.Token, "")
			l.until(`{"resumed":false}`, "")
			tell("apool-2")
			if got, want := l.next(), `{"type":"agent-pools","id":"apool-2"}`; got != want {
				s.T.Errorf("a stream %q begins with %s, want %s", query, got, want)
			}
			again := listenTo(s, events+"?back=60", org.Owner.Token, l.id)
			again.until(`{"resumed":true}`, "")
			if got, want := again.next(), `{"type":"agent-pools","id":"apool-2"}`; got != want {
				s.T.Errorf("a stream that goes on begins with %s, want %s", got, want)
			}
		}
	})
}

func TestStreamEndsWithTheTokenAndTheServer(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, org := s.T.Context(), s.Org("acme")
		member := s.Member(org, "member")
		l, owner := listen(s, member.Token, ""), listen(s, org.Owner.Token, "")
		l.until(`{"resumed":false}`, "")
		list, err := s.Client(org.Owner.Token).OrganizationMemberships.List(ctx, "acme", &tfe.OrganizationMembershipListOptions{Include: []tfe.OrgMembershipIncludeOpt{tfe.OrgMembershipUser}})
		if err != nil {
			s.T.Fatal(err)
		}
		for _, m := range list.Items {
			if m.User.ID == member.ID {
				if err := s.Client(org.Owner.Token).OrganizationMemberships.Delete(ctx, m.ID); err != nil {
					s.T.Fatal(err)
				}
			}
		}
		if got := l.next(); got != "the end" {
			s.T.Errorf("who has left the organization hears %s, want the end", got)
		}
		s.App.Changes.Drain()
		owner.until("the end", "")
	})
}

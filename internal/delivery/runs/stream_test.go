package runs_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
)

// listen connects to the changes of an organization, and returns what the next one is.
func (f *fixture) listen(ctx context.Context, token string) func() string {
	f.T.Helper()
	req, err := http.NewRequestWithContext(ctx, "GET", f.URL+"/api/v2/organizations/acme/events", nil)
	f.must(err)
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	f.must(err)
	f.T.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		f.T.Fatalf("events = %d %s", res.StatusCode, res.Header)
	}
	lines := bufio.NewScanner(res.Body)
	next := func() string {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return data
			}
			if lines.Text() == ": alive" {
				return "alive"
			}
		}
		return "the end"
	}
	if got := next(); got != "alive" { // from now on nothing is missed
		f.T.Fatalf("first line = %s", got)
	}
	return next
}

func TestStreamTellsOfRunsThatOneMaySee(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		ctx, cancel := context.WithCancel(f.ctx)
		s.T.Cleanup(cancel)
		hidden := f.workspace("hidden")
		reader := s.With(f.org, "reader", nil, map[string]string{f.ws: "read"})
		owner, limited := f.listen(ctx, f.org.Owner.Token), f.listen(ctx, reader.Token)
		secret := f.queue(tfe.RunCreateOptions{Workspace: &tfe.Workspace{ID: hidden}})
		if got, want := owner(), `{"type":"runs","id":"`+secret.ID+`","workspace":"`+hidden+`"}`; got != want {
			s.T.Errorf("the owner hears %s, want %s", got, want)
		}
		r := f.queue(tfe.RunCreateOptions{})
		if got, want := limited(), `{"type":"runs","id":"`+r.ID+`","workspace":"`+f.ws+`"}`; got != want {
			s.T.Errorf("the reader hears %s, want %s and nothing of the other workspace", got, want)
		}
		s.App.Runs.Drain()
		for got := limited(); got != "the end"; got = limited() {
			if got == "alive" || strings.Contains(got, secret.ID) {
				s.T.Fatalf("after the end of the server: %s", got)
			}
		}
		if code := s.Do("GET", "/api/v2/organizations/acme/events", s.User("stranger").Token, nil).Status; code != 404 {
			s.T.Errorf("events for a stranger = %d, want 404", code)
		}
	})
}

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

// listen connects to the changes of an organization, and returns what is said of a run next.
func (f *fixture) listen(ctx context.Context, token string) func() string {
	f.T.Helper()
	req, err := http.NewRequestWithContext(ctx, "GET", f.URL+"/api/v2/organizations/acme/events", nil)
	f.must(err)
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	f.must(err)
	f.T.Cleanup(func() { _ = res.Body.Close() })
	lines := bufio.NewScanner(res.Body)
	if !lines.Scan() || lines.Text() != ": alive" { // from now on nothing is missed
		f.T.Fatalf("first line = %q", lines.Text())
	}
	return func() string {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && strings.Contains(data, `"runs"`) {
				return data
			}
		}
		return "the end"
	}
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
	})
}

package runs_test

import (
	"net/http"
	"strings"
	"testing"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/api"
)

// TestSourceTellsBrowsersFromPrograms: a person in a browser and a program make runs with
// the same request.
func TestSourceTellsBrowsersFromPrograms(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		_, session, err := s.App.Tokens.MintSession(f.ctx, f.org.Owner.ID)
		f.must(err)
		body := `{"data":{"type":"runs","relationships":{"workspace":{"data":{"type":"workspaces","id":"` + f.ws + `"}}}}}`
		req, err := http.NewRequestWithContext(f.ctx, "POST", s.URL+"/api/v2/runs", strings.NewReader(body))
		f.must(err)
		req.Header.Set("Content-Type", "application/vnd.api+json")
		req.AddCookie(&http.Cookie{Name: api.PlainSessionCookie, Value: session.Reveal()})
		if r := s.Send(req); r.Status != http.StatusCreated || !strings.Contains(string(r.Body), `"source":"tfe-ui"`) {
			s.T.Errorf("a run from a browser = %d %s, want source tfe-ui", r.Status, r.Body)
		}
		if r := f.queue(tfe.RunCreateOptions{}); r.Source != tfe.RunSourceAPI {
			s.T.Errorf("a run from a program has source %q", r.Source)
		}
	})
}

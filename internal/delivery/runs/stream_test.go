package runs_test

import (
	"testing"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
)

func TestStreamTellsOfRunsThatOneMaySee(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		hidden := f.workspace("hidden")
		reader := s.With(f.org, "reader", nil, map[string]string{f.ws: "read"})
		owner, limited := s.Hear("acme", f.org.Owner.Token), s.Hear("acme", reader.Token)
		secret := f.queue(tfe.RunCreateOptions{Workspace: &tfe.Workspace{ID: hidden}})
		if got, want := owner("runs"), `{"type":"runs","id":"`+secret.ID+`","workspace":"`+hidden+`"}`; got != want {
			s.T.Errorf("the owner hears %s, want %s", got, want)
		}
		r := f.queue(tfe.RunCreateOptions{})
		if got, want := limited("runs"), `{"type":"runs","id":"`+r.ID+`","workspace":"`+f.ws+`"}`; got != want {
			s.T.Errorf("the reader hears %s, want %s and nothing of the other workspace", got, want)
		}
	})
}

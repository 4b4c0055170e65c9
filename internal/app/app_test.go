package app_test

import (
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
)

func TestServerIsReady(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		if r := s.Do("GET", "/healthz", "", nil); r.Status != 200 {
			s.T.Errorf("GET /healthz = %d %s", r.Status, r.Body)
		}
		for token, want := range map[string]int{"": 401, "nonsense": 401, s.AdminToken(): 404} {
			if r := s.Do("GET", "/api/v2/nothing-is-here", token, nil); r.Status != want {
				s.T.Errorf("GET of an unknown path with token %q = %d, want %d", token, r.Status, want)
			}
		}
	})
}

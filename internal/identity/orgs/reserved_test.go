package orgs_test

import (
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
)

// TestNamesOfPagesAreReserved: an organization of that name could not be opened in the UI.
func TestNamesOfPagesAreReserved(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o := s.Org("acme")
		named := func(name string) string {
			return `{"data":{"type":"organizations","attributes":{"name":"` + name + `","email":"a@b.test"}}}`
		}
		for _, name := range []string{"login", "Profile", "settings", "admin", "setup", "logout", "oauth2", "assets", "new", "organizations", "api", "public"} {
			for _, r := range []*apptest.Response{s.Do("POST", "/api/v2/organizations", o.Owner.Token, named(name)), s.Do("PATCH", "/api/v2/organizations/acme", o.Owner.Token, named(name))} {
				if r.Status != 422 || r.Detail() != "invalid attribute: Name is reserved" {
					s.T.Errorf("%s = %d %q, want 422 and that the name is reserved", name, r.Status, r.Detail())
				}
			}
		}
		if r := s.Do("POST", "/api/v2/organizations", o.Owner.Token, named("administration")); r.Status != 201 {
			s.T.Errorf("a name that only begins like one = %d %s", r.Status, r.Body)
		}
		if _, err := s.DB.Exec(s.T.Context(), `UPDATE organizations SET name = 'Login', name_lower = 'login' WHERE id = ?`, o.ID); err != nil {
			s.T.Fatal(err)
		}
		if r := s.Do("GET", "/api/v2/organizations/login", s.AdminToken(), nil); r.Status != 200 {
			s.T.Errorf("GET of one that had the name before = %d, want 200", r.Status)
		}
		if r := s.Do("PATCH", "/api/v2/organizations/login", s.AdminToken(), `{"data":{"type":"organizations","attributes":{"name":"login","email":"new@b.test"}}}`); r.Status != 200 {
			s.T.Errorf("PATCH of one that had the name before = %d %s, want 200", r.Status, r.Body)
		}
	})
}

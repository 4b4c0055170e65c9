package components_test

import (
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
)

// TestSamplesOfComponents compares answers with the samples of the page, member by member.
// The samples 3 and 9 have a VCS repository, and there are no VCS connections.
func TestSamplesOfComponents(t *testing.T) {
	page := apptest.ReadPage(t, "private-registry_stack-component-configurations.md")
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		follows := func(sample, status int, method, path string, body any) map[string]any {
			s.T.Helper()
			r := s.Do(method, path, f.org.Owner.Token, body)
			if r.Status != status {
				s.T.Fatalf("%s %s = %d %s, want %d", method, path, r.Status, r.Body, status)
			}
			page.Follows(s.T, sample, r, nil)
			data, _ := r.JSON()["data"].(map[string]any)
			return data
		}
		c := follows(5, 201, "POST", all, page.Sample(4))
		one := "/api/v2/registry-components/" + c["id"].(string)
		v := follows(7, 201, "POST", one+"/versions", page.Sample(6))
		if r := f.upload(v, good); r.Status != 200 {
			s.T.Fatalf("PUT = %d %s", r.Status, r.Body)
		}
		s.Settle()
		follows(8, 200, "GET", one, nil)
		other := f.version(f.component("vpc"), "1.0.0")
		f.upload(other, good)
		s.Settle()
		follows(0, 200, "GET", all, nil)
		if r := s.Do("POST", all, f.org.Owner.Token, page.Sample(1)); r.Status != 422 {
			s.T.Errorf("POST with a VCS repository = %d %s, want 422", r.Status, r.Body)
		}
	})
}

func TestComponentsThatAreNotThere(t *testing.T) {
	s := apptest.Start(t)
	org := s.Org("acme")
	const one = "/api/v2/registry-components/comp-absent"
	for _, c := range [][2]string{{"GET", one}, {"DELETE", one}, {"DELETE", one + "/versions/1.0.0"},
		{"GET", "/api/v2/organizations/nobody/registry-components"}, {"POST", "/api/v2/organizations/nobody/registry-components"}} {
		if r := s.Do(c[0], c[1], org.Owner.Token, document("registry-components", map[string]any{"name": "a"})); r.Status != 404 {
			t.Errorf("%s %s = %d %s, want 404", c[0], c[1], r.Status, r.Body)
		}
	}
}

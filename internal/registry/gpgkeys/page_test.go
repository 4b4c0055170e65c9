package gpgkeys_test

import (
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
)

// TestSamplesOfKeys compares answers with the samples of the page, member by member.
func TestSamplesOfKeys(t *testing.T) {
	page := apptest.ReadPage(t, "private-registry_gpg-keys.md")
	apptest.Run(t, func(s *apptest.Server) {
		org, signer := s.Org("acme"), apptest.NewSigner(s.T)
		s.Org("new-namespace")
		s.AddKey(org, apptest.NewSigner(s.T))
		follows := func(sample, status int, method, path string, body any) {
			s.T.Helper()
			r := s.Do(method, path, s.AdminToken(), body)
			if r.Status != status {
				s.T.Fatalf("%s %s = %d %s, want %d", method, path, r.Status, r.Body, status)
			}
			page.Follows(s.T, sample, r, nil)
		}
		one := "/acme/" + signer.KeyID
		follows(2, 201, "POST", all, document(map[string]any{"namespace": "acme", "ascii-armor": signer.Armor}))
		follows(3, 200, "GET", all+one, nil)
		follows(0, 200, "GET", all+"?filter[namespace]=acme,new-namespace", nil)
		follows(5, 201, "PATCH", all+one, page.Sample(4))
	})
}

func TestKeysThatAreNotThere(t *testing.T) {
	s := apptest.Start(t)
	org := s.Org("acme")
	body := document(map[string]any{"namespace": "acme"})
	for _, path := range []string{all + "/acme/32966F3FB5AC1129", all + "/nobody/32966F3FB5AC1129"} {
		for _, method := range []string{"GET", "PATCH", "DELETE"} {
			if r := s.Do(method, path, org.Owner.Token, body); r.Status != 404 {
				t.Errorf("%s %s = %d %s, want 404", method, path, r.Status, r.Body)
			}
		}
	}
}

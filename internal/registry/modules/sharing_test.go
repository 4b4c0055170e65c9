package modules_test

import (
	"fmt"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
)

// TestSharedModules lets another organization use those of acme, by name and with all.
func TestSharedModules(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		f.module("net", "aws")
		f.publish("net", "aws", "1.0.0", plain)
		consumer, stranger := s.Org("consumer"), s.Org("stranger")
		member := s.Member(consumer, "member").Token
		const registry = "/api/registry/v1/modules"
		reads := []string{registry + "/acme", registry + "/acme/net", registry + "/acme/net/aws", registry + "/acme/net/aws/versions", registry + "/acme/net/aws/1.0.0", at("net", "aws")}
		look := func(when, token string, want int) {
			s.T.Helper()
			for _, path := range reads {
				if r := s.Do("GET", path, token, nil); r.Status != want {
					s.T.Errorf("%s: GET %s = %d %s, want %d", when, path, r.Status, r.Body, want)
				}
			}
			listed, found := 0, 0
			if want == 200 {
				listed, found = 1, 1
				f.fetch("net", "aws", "1.0.0", token)
			} else if r := s.Do("GET", registry+"/acme/net/aws/1.0.0/download", token, nil); r.Status != 404 {
				s.T.Errorf("%s: download = %d, want 404", when, r.Status)
			}
			org := map[string]string{member: "consumer", stranger.Owner.Token: "stranger"}[token]
			r := s.Do("GET", "/api/v2/organizations/"+org+"/registry-modules?filter[organization_name]=acme", token, nil)
			if n := len(r.JSON()["data"].([]any)); n != listed {
				s.T.Errorf("%s: modules of %s = %d, want %d", when, org, n, listed)
			}
			r = s.Do("GET", registry+"/search?q=net", token, nil)
			if n := len(r.JSON()["modules"].([]any)); n != found {
				s.T.Errorf("%s: search = %s, want %d", when, r.Body, found)
			}
		}
		look("before", member, 404)
		share := func(body string) {
			s.T.Helper()
			if r := s.Do("PATCH", "/api/v2/admin/organizations/acme/relationships/module-consumers", s.AdminToken(), body); r.Status != 204 {
				s.T.Fatalf("sharing = %d %s", r.Status, r.Body)
			}
		}
		share(`{"data":[{"type":"organizations","id":"consumer"}]}`)
		look("shared with the organization", member, 200)
		look("shared with another organization", stranger.Owner.Token, 404)
		for _, c := range []struct{ method, path, body string }{
			{"DELETE", at("net", "aws"), ""}, {"PATCH", at("net", "aws"), doc("registry-modules", `{}`)}, {"PATCH", at("net", "aws", "1.0.0"), manage(deprecate)},
			{"POST", at("net", "aws", "versions"), doc("registry-module-versions", `{"version":"2.0.0"}`)}, {"GET", base, ""},
		} {
			if r := s.Do(c.method, c.path, consumer.Owner.Token, c.body); r.Status != 404 {
				s.T.Errorf("%s %s by a consumer = %d %s, want 404", c.method, c.path, r.Status, r.Body)
			}
		}
		share(`{"data":[]}`)
		look("shared no more", member, 404)
		if r := s.Do("PATCH", "/api/v2/admin/organizations/acme", s.AdminToken(), doc("organizations", fmt.Sprintf(`{"global-module-sharing":%t}`, true))); r.Status != 200 {
			s.T.Fatalf("sharing with all = %d %s", r.Status, r.Body)
		}
		look("shared with all", member, 200)
		look("shared with all", stranger.Owner.Token, 200)
		if r := s.Do("GET", registry+"/acme/net/aws/versions", "", nil); r.Status != 401 {
			s.T.Errorf("GET by a guest = %d, want 401", r.Status)
		}
	})
}

package varsets_test

import (
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
)

func TestHostileTextIsNoServerError(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		ws := s.Workspace(org, "", "app")
		id := one(s.T, s.Do("POST", "/api/v2/organizations/acme/varsets", org.Owner.Token, set(map[string]any{"name": "a"}, nil))).ID
		for _, path := range []string{"/organizations/acme/varsets?q=%00", "/organizations/acme/varsets?q=%FF%FE", "/workspaces/" + ws + "/varsets?q=%00", "/vars?filter[organization][name]=acme&filter[workspace][name]=%00"} {
			if r := s.Do("GET", "/api/v2"+path, org.Owner.Token, nil); r.Status >= 500 {
				s.T.Errorf("GET %s = %d %s, want no server error", path, r.Status, r.Body)
			}
		}
		for _, body := range []any{members("workspaces", "\x00"), members("workspaces", ""), `{"data":[{"type":"workspaces","id":7}]}`, `{"data":[null]}`, `{"data":"x"}`} {
			for _, method := range []string{"POST", "DELETE"} {
				if r := s.Do(method, "/api/v2/varsets/"+id+"/relationships/workspaces", org.Owner.Token, body); r.Status >= 500 {
					s.T.Errorf("%s %v = %d %s, want no server error", method, body, r.Status, r.Body)
				}
			}
		}
		for _, body := range []string{
			`{"data":{"type":"varsets","attributes":{"name":"\u0000"}}}`, `{"data":{"type":"varsets","attributes":{"name":"x","description":"\u0000"}}}`,
			`{"data":{"type":"varsets","attributes":{"name":"x"},"relationships":{"parent":{"data":{"type":"projects","id":"\u0000"}}}}}`,
			`{"data":{"type":"varsets","attributes":{"name":"y"},"relationships":{"vars":{"data":[{"type":"vars","attributes":{"key":"a","category":"terraform"}},{"type":"vars","attributes":{"key":"a","category":"terraform"}}]}}}}`,
			`{"data":{"type":"varsets","attributes":{"name":"z"},"relationships":{"vars":{"data":[{"type":"vars"}]}}}}`,
			`{"data":{"type":"varsets","attributes":null,"relationships":null}}`,
		} {
			if r := s.Do("POST", "/api/v2/organizations/acme/varsets", org.Owner.Token, body); r.Status < 400 || r.Status >= 500 {
				s.T.Errorf("create with %s = %d %s, want a client's error", body, r.Status, r.Body)
			}
		}
	})
}

package modules_test

import (
	"slices"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
)

func TestWhoMayDoWhat(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		f.module("net", "aws")
		f.publish("net", "aws", "1.0.0", plain)
		whos := map[string]string{"guest": "", "stranger": s.Org("strange").Owner.Token, "member": s.Member(f.org, "member").Token,
			"publisher": s.With(f.org, "publisher", []string{"manage-modules"}, nil).Token, "owner": f.owner, "admin": s.AdminToken()}
		reads, publishes, owns := []string{"member", "publisher", "owner", "admin"}, []string{"publisher", "owner", "admin"}, []string{"owner", "admin"}
		const registry = "/api/registry/v1/modules/acme/net/aws"
		for _, c := range []struct {
			method, path, body string
			status             int // of those who may
			who                []string
		}{
			{"GET", base, "", 200, reads},
			{"GET", at("net", "aws"), "", 200, reads},
			{"GET", at("net", "aws", "version?module_version=1.0.0"), "", 200, reads},
			{"GET", registry, "", 200, reads},
			{"GET", registry + "/versions", "", 200, reads},
			{"GET", registry + "/1.0.0", "", 200, reads},
			{"GET", registry + "/download", "", 302, reads},
			{"GET", registry + "/1.0.0/download", "", 204, reads},
			{"POST", base, doc("registry-modules", `{}`), 422, publishes},
			{"POST", base + "/vcs", doc("registry-modules", `{}`), 422, publishes},
			{"POST", at("net", "aws", "versions"), doc("registry-module-versions", `{}`), 422, publishes},
			{"POST", "/api/v2/registry-modules/acme/net/aws/versions", doc("registry-module-versions", `{}`), 422, publishes},
			{"PATCH", at("net", "aws", "1.0.0"), doc("module-versions", `{}`), 422, publishes},
			{"PATCH", at("net", "aws"), doc("registry-modules", `{}`), 200, owns},
			{"DELETE", at("net", "aws", "7.0.0"), "", 404, owns},
		} {
			for who, token := range whos {
				want := 404
				if who == "guest" {
					want = 401
				} else if slices.Contains(c.who, who) {
					want = c.status
				}
				r := s.Do(c.method, c.path, token, c.body)
				if r.Status != want {
					s.T.Errorf("%s %s by %s = %d %s, want %d", c.method, c.path, who, r.Status, r.Body, want)
				}
				if upload := strings.Contains(string(r.Body), "_archivist"); upload && !slices.Contains(publishes, who) {
					s.T.Errorf("%s %s shows %s where to upload: %s", c.method, c.path, who, r.Body)
				}
			}
		}
		for _, who := range []string{"member", "stranger", "publisher"} {
			for _, path := range []string{at("net", "aws", "1.0.0"), at("net", "aws"), base + "/private/acme/net"} {
				if r := s.Do("DELETE", path, whos[who], nil); r.Status != 404 {
					s.T.Errorf("DELETE %s by %s = %d, want 404", path, who, r.Status)
				}
			}
		}
	})
}

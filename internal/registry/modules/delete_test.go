package modules_test

import (
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/db"
)

func TestDeletionAtAllDepths(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		fill := func() {
			f.module("net", "aws")
			f.module("net", "google")
			f.publish("net", "aws", "1.0.0", plain)
			f.publish("net", "aws", "1.1.0-rc1+x", map[string]string{"main.tf": "# other"})
			f.publish("net", "google", "1.0.0", plain)
		}
		here := func(provider string) bool { return f.do("GET", at("net", provider), nil).Status == 200 }
		older := "/api/v2/registry-modules/actions/delete/acme/net"
		for name, way := range map[string]struct {
			method                       string
			version, provider, allOfThem string
		}{
			"page":  {"DELETE", at("net", "aws"), at("net", "aws"), base + "/private/acme/net"},
			"older": {"POST", older + "/aws", older + "/aws", older},
		} {
			fill()
			f.want(404, way.method, way.version+"/9.9.9", nil)
			f.want(204, way.method, way.version+"/1.1.0-rc1+x", nil)
			if !here("aws") || f.status("net", "aws", "1.1.0-rc1+x") != nil || f.objects() != 2 {
				s.T.Errorf("%s: after a version was deleted: objects = %d", name, f.objects())
			}
			f.want(204, way.method, way.version+"/1.0.0", nil) // the last one
			if here("aws") || !here("google") || f.objects() != 1 {
				s.T.Errorf("%s: the module with no version is still there, or another is not", name)
			}
			f.module("net", "aws")
			f.publish("net", "aws", "1.0.0", plain)
			f.want(204, way.method, way.provider, nil)
			if here("aws") || !here("google") {
				s.T.Errorf("%s: deleting a provider left the wrong one", name)
			}
			f.want(404, way.method, way.provider, nil)
			f.module("net", "aws")
			heard := s.Hear("acme", f.org.Owner.Token)
			f.want(204, way.method, way.allOfThem, nil)
			if got := []string{heard("registry-modules"), heard("registry-modules")}; got[0] == got[1] || !strings.HasPrefix(got[1], `{"type":"registry-modules","id":"mod-`) {
				s.T.Errorf("%s: of the whole module clients hear %s, want the modules for both providers", name, got)
			}
			if here("aws") || here("google") || f.objects() != 0 {
				s.T.Errorf("%s: deleting the whole module left something", name)
			}
			f.want(404, way.method, way.allOfThem, nil)
		}
		public := base + "/public/hashicorp/consul"
		f.want(201, "POST", base, doc("registry-modules", `{"name":"consul","provider":"aws","registry-name":"public","namespace":"hashicorp"}`))
		f.want(404, "DELETE", public+"/aws/1.0.0", nil)
		f.want(404, "DELETE", public+"/aws", nil)
		f.want(204, "DELETE", public, nil)
		f.want(404, "GET", public+"/aws", nil)
	})
}

func TestDeletedOrganizationsTakeTheirModulesAlong(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		f.module("net", "aws")
		f.publish("net", "aws", "1.0.0", plain)
		f.want(204, "DELETE", "/api/v2/organizations/acme", nil)
		rows, err := db.All[string](f.ctx, f.DB, `SELECT id FROM registry_module_versions`)
		if err != nil || len(rows) != 0 {
			s.T.Errorf("versions after their organization was deleted = %v, %v", rows, err)
		}
	})
}

func TestPublicModulesCanBeTurnedOff(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		stranger := s.Org("strange").Owner.Token
		vpc := base + "/public/hashicorp/vpc"
		f.want(201, "POST", base, doc("registry-modules", `{"name":"vpc","provider":"aws","registry-name":"public","namespace":"hashicorp"}`))
		s.App.Modules.NoPublic = true // as if started again with --public-curation=off
		f.want(403, "POST", base, doc("registry-modules", `{"name":"consul","provider":"aws","registry-name":"public","namespace":"hashicorp"}`))
		f.want(403, "GET", vpc+"/aws", nil)
		f.want(403, "DELETE", vpc, nil)
		f.want(404, "GET", base+"/public/hashicorp/consul/aws", nil)
		f.want(201, "POST", base, doc("registry-modules", `{"name":"own","provider":"aws","registry-name":"private"}`))
		if r := s.Do("GET", vpc+"/aws", stranger, nil); r.Status != 404 {
			s.T.Errorf("GET by a stranger = %d, want 404", r.Status)
		}
		s.App.Modules.NoPublic = false
		f.want(204, "DELETE", vpc, nil)
	})
}

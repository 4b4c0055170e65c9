package modules_test

import (
	"context"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/registry/modules"
)

// noWebhook is why a module from a VCS has no address that the VCS calls.
const noWebhook = "there are no VCS connections yet, so nothing calls it"

// TestSamplesOfModules compares answers with the samples of the page, member by member.
func TestSamplesOfModules(t *testing.T) {
	page := apptest.ReadPage(t, "private-registry_modules.md")
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		page.Follows(s.T, 5, f.want(201, "POST", base, page.Sample(3)), nil)
		page.Follows(s.T, 6, f.want(201, "POST", base, page.Sample(4)), nil)
		page.Follows(s.T, 10, f.want(200, "GET", base+"/public/terraform-aws-modules/vpc/aws", nil), nil)
		page.Follows(s.T, 8, f.want(201, "POST", at("my-module", "aws", "versions"), page.Sample(7)), nil)
		f.publish("my-module", "aws", "1.0.0", plain)
		f.module("other", "aws")
		f.publish("other", "aws", "1.0.0", plain)
		list := f.want(200, "GET", base+"?filter[registry_name]=private&page[size]=1", nil)
		page.Follows(s.T, 0, list, nil)
		page.Follows(s.T, 9, f.want(200, "GET", at("my-module", "aws"), nil), map[string]string{"data.attributes.vcs-repo": "the module has no VCS repository"})
	})
}

// TestSamplesOfModulesFromAVCS stands in for the VCS connections that a later capability brings.
func TestSamplesOfModulesFromAVCS(t *testing.T) {
	page := apptest.ReadPage(t, "private-registry_modules.md")
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		s.App.Modules.Connection = func(context.Context, modules.Repo) (string, error) { return f.org.ID, nil }
		branch := map[string]string{"data.attributes.vcs-repo.webhook-url": noWebhook}
		page.Follows(s.T, 2, f.want(201, "POST", base+"/vcs", page.Sample(1)), branch)
		pool := data(f.want(200, "POST", "/api/v2/organizations/acme/agent-pools", doc("agent-pools", `{"name":"tests"}`)))["id"].(string)
		r := f.want(200, "PATCH", at("my-module", "aws")+"/", strings.Replace(page.Sample(11), "apool-yoGUFz5zcRMMz53i", pool, 1))
		page.Follows(s.T, 12, r, branch)
	})
}

// TestSamplesOfVersions compares answers with the samples of the page, member by member.
func TestSamplesOfVersions(t *testing.T) {
	page := apptest.ReadPage(t, "private-registry_manage-module-versions.md")
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		f.module("consul", "aws")
		files := map[string]string{"README.md": "A Terraform Module.", "main.tf": "provider \"template\" {}\nprovider \"aws\" {}\n"}
		r := f.want(201, "POST", at("consul", "aws", "versions"), doc("registry-module-versions", `{"version":"0.0.1","commit-sha":"ea18e73d8da502870fdcbfc54155046bc0cf2679"}`))
		f.put(data(r)["links"].(map[string]any)["upload"].(string), apptest.TarGz(s.T, files))
		f.publish("consul", "aws", "0.0.2", files)
		version, registry := at("consul", "aws", "0.0.1"), "/api/registry/v1/modules/acme/consul/aws"
		page.Follows(s.T, 1, f.want(200, "PATCH", version, page.Sample(0)), nil)
		page.Follows(s.T, 3, f.want(200, "PATCH", version, page.Sample(2)), nil)
		page.Follows(s.T, 1, f.want(200, "PATCH", version, page.Sample(0)), nil)
		page.Follows(s.T, 4, f.want(200, "GET", registry+"/0.0.1", nil), nil)

		page.Follows(s.T, 5, f.want(200, "GET", registry+"/versions", nil), nil)
		page.Follows(s.T, 7, f.want(200, "PATCH", version, page.Sample(6)), nil)
		page.Follows(s.T, 10, f.want(200, "GET", at("consul", "aws", "version?module_version=0.0.1"), nil), nil)
		page.Follows(s.T, 11, f.want(200, "GET", at("consul", "aws"), nil), nil)
		page.Follows(s.T, 9, f.want(200, "PATCH", version, page.Sample(8)), nil)
	})
}

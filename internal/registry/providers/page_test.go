package providers_test

import (
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
)

// TestSamplesOfProviders compares answers with the samples of the page, member by member.
func TestSamplesOfProviders(t *testing.T) {
	page := apptest.ReadPage(t, "private-registry_providers.md")
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		page.Follows(s.T, 3, f.do("POST", base, strings.Replace(page.Sample(1), `"hashicorp"`, `"acme"`, 1), 201), nil)
		page.Follows(s.T, 4, f.do("POST", base, page.Sample(2), 201), nil)
		f.version("aws", "3.1.1")
		page.Follows(s.T, 5, f.do("GET", base+"/private/acme/aws", nil, 200), nil)
		page.Follows(s.T, 6, f.do("GET", base+"/public/hashicorp/aws", nil, 200), nil)
		page.Follows(s.T, 0, f.do("GET", base+"?page[size]=1", nil, 200), nil)
	})
}

// TestSamplesOfVersionsAndPlatforms compares answers with the samples of the page, member
// by member.
func TestSamplesOfVersionsAndPlatforms(t *testing.T) {
	page := apptest.ReadPage(t, "private-registry_provider-versions-platforms.md")
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		f.provider("aws")
		all := base + "/private/acme/aws/versions"
		page.Follows(s.T, 1, f.do("POST", all, page.Sample(0), 201), nil)
		page.Follows(s.T, 5, f.do("POST", all+"/3.1.1/platforms", page.Sample(4), 201), nil)
		archive := apptest.ProviderZip(t, "terraform-provider-aws", []byte("binary"))
		f.provider("net")
		s.PublishProvider(f.org, f.signer, "net", "1.0.0", map[string][]byte{"darwin_amd64": archive, "darwin_arm64": archive})
		all = base + "/private/acme/net/versions"
		page.Follows(s.T, 2, f.do("GET", all+"/", nil, 200), nil)
		page.Follows(s.T, 3, f.do("GET", all+"/1.0.0", nil, 200), nil)
		page.Follows(s.T, 6, f.do("GET", all+"/1.0.0/platforms", nil, 200), nil)
		page.Follows(s.T, 7, f.do("GET", all+"/1.0.0/platforms/darwin/arm64", nil, 200), nil)
	})
}

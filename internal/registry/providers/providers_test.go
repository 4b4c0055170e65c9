package providers_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/identity/tokens"
)

func TestProvidersAreThoseOfTheDocumentation(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		private := f.provider("aws")
		const sample = `{"id":"ID-of-prov","type":"registry-providers","attributes":{"name":"aws","namespace":"acme","registry-name":"private",
			"created-at":"TIME","updated-at":"TIME","permissions":{"can-delete":true}},
			"relationships":{"organization":{"data":{"id":"acme","type":"organizations"}},
				"versions":{"data":[%[1]s],"links":{"related":"/api/v2/organizations/acme/registry-providers/private/acme/aws"}},
				"registry-provider-versions":{"data":[%[1]s]}},
			"links":{"self":"/api/v2/organizations/acme/registry-providers/private/acme/aws"}}`
		like(t, "POST of a private provider", private, fmt.Sprintf(sample, ""))
		f.version("aws", "3.1.1")
		like(t, "GET of a private provider", data(f.do("GET", base+"/private/acme/aws", nil, 200)), fmt.Sprintf(sample, `{"id":"ID-of-provver","type":"registry-provider-versions"}`))

		const public = `{"id":"ID-of-prov","type":"registry-providers","attributes":{"name":"aws","namespace":"hashicorp","registry-name":"public",
			"created-at":"TIME","updated-at":"TIME","permissions":{"can-delete":true}},
			"relationships":{"organization":{"data":{"id":"acme","type":"organizations"}}},
			"links":{"self":"/api/v2/organizations/acme/registry-providers/public/hashicorp/aws"}}`
		r := f.do("POST", base, document("registry-providers", map[string]any{"name": "aws", "namespace": "hashicorp", "registry-name": "public"}), 201)
		like(t, "POST of a public provider", data(r), public)
		like(t, "GET of a public provider", data(f.do("GET", base+"/public/hashicorp/aws", nil, 200)), public)
		f.do("DELETE", base+"/public/hashicorp/aws", nil, 204)
		f.do("GET", base+"/public/hashicorp/aws", nil, 404)
		f.do("DELETE", base+"/private/acme/aws", nil, 204)
		f.do("GET", base+"/private/acme/aws", nil, 404)
		f.do("DELETE", base+"/private/acme/aws", nil, 404)
	})
}

func TestListsSearchAndFilter(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		ctx, c := s.T.Context(), s.Client(f.org.Owner.Token)
		f.provider("aurora")
		f.provider("bellows")
		f.do("POST", base, document("registry-providers", map[string]any{"name": "aws", "namespace": "hashicorp", "registry-name": "public"}), 201)
		for name, w := range map[string]struct {
			o    tfe.RegistryProviderListOptions
			want string
		}{
			"nothing":      {tfe.RegistryProviderListOptions{}, "aws bellows aurora"},
			"public":       {tfe.RegistryProviderListOptions{RegistryName: tfe.PublicRegistry}, "aws"},
			"private":      {tfe.RegistryProviderListOptions{RegistryName: tfe.PrivateRegistry}, "bellows aurora"},
			"organization": {tfe.RegistryProviderListOptions{OrganizationName: "ACME"}, "aws bellows aurora"},
			"another":      {tfe.RegistryProviderListOptions{OrganizationName: "globex"}, ""},
			"name":         {tfe.RegistryProviderListOptions{Search: "OR"}, "aws aurora"}, // of hashicORp and aurORa
			"namespace":    {tfe.RegistryProviderListOptions{Search: "hashi"}, "aws"},
			"own name":     {tfe.RegistryProviderListOptions{Search: "acme"}, "bellows aurora"},
			"a wildcard":   {tfe.RegistryProviderListOptions{Search: "%"}, ""},
			"a page":       {tfe.RegistryProviderListOptions{ListOptions: tfe.ListOptions{PageSize: 2, PageNumber: 2}}, "aurora"},
		} {
			list, err := c.RegistryProviders.List(ctx, "acme", &w.o)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range list.Items {
				got = append(got, p.Name)
			}
			if strings.Join(got, " ") != w.want {
				t.Errorf("list with %s = %v, want %s", name, got, w.want)
			}
		}
		f.refused("list with an unknown filter", s.Do("GET", base+"?filter[name]=x", f.org.Owner.Token, nil), 400, "filter[name]")
	})
}

func TestRefusedProviders(t *testing.T) {
	f := setUp(apptest.Start(t))
	f.provider("taken")
	good := map[string]any{"name": "aws", "namespace": "acme", "registry-name": "private"}
	for name, c := range map[string]struct {
		attribute string
		value     any
		says      string
	}{
		"no name":              {"name", "", "Name can't be blank"},
		"a bad name":           {"name", "a b", "Name may have letters"},
		"a name of dots":       {"name", "..", "Name may have letters"},
		"a long name":          {"name", strings.Repeat("x", 65), "Name is too long"},
		"a taken name":         {"name", "TAKEN", "Name has already been taken"},
		"no namespace":         {"namespace", "", "Namespace can't be blank"},
		"a foreign namespace":  {"namespace", "globex", "Namespace must be the name of the organization"},
		"no registry":          {"registry-name", "", "Registry name can't be blank"},
		"another registry":     {"registry-name", "x", "Registry name is not included in the list"},
		"a number for a name":  {"name", 7, ""},
		"null for a namespace": {"namespace", nil, "Namespace can't be blank"},
	} {
		attributes := maps.Clone(good)
		attributes[c.attribute] = c.value
		r := f.Do("POST", base, f.org.Owner.Token, document("registry-providers", attributes))
		f.refused("POST with "+name, r, 422, c.says)
		if !strings.Contains(string(r.Body), `"pointer":"/data/attributes/`+c.attribute) {
			t.Errorf("POST with %s = %s, want a pointer at %s", name, r.Body, c.attribute)
		}
	}
	f.refused("POST of another type", f.Do("POST", base, f.org.Owner.Token, document("registry-modules", good)), 409, "registry-providers")
	f.refused("POST without a body", f.Do("POST", base, f.org.Owner.Token, nil), 400, "no body")
	for _, path := range []string{"/private/globex/taken", "/elsewhere/acme/taken", "/public/acme/taken"} {
		f.refused("GET of "+path, f.Do("GET", base+path, f.org.Owner.Token, nil), 404, "")
	}
}

func TestWhoMayUseProviders(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		ws := s.Workspace(f.org, "", "app")
		i := 0
		for name, w := range map[string]struct {
			token               string
			read, write, delete int
		}{
			"guest":            {"", 401, 401, 401},
			"stranger":         {s.Org("globex").Owner.Token, 404, 404, 404},
			"member":           {s.Member(f.org, "member").Token, 200, 404, 404},
			"module manager":   {s.With(f.org, "modules", []string{"manage-modules"}, nil).Token, 200, 404, 404},
			"workspace admin":  {s.With(f.org, "wsadmin", nil, map[string]string{ws: "admin"}).Token, 200, 404, 404},
			"run":              {s.Token(tokens.Token{Kind: tokens.Run, WorkspaceID: &ws}), 200, 404, 404},
			"provider manager": {s.With(f.org, "providers", []string{"manage-providers"}, nil).Token, 200, 201, 204},
			"organization":     {s.Token(tokens.Token{Kind: tokens.Org, OrgID: &f.org.ID}), 200, 201, 204},
			"owner":            {f.org.Owner.Token, 200, 201, 204},
			"site admin":       {s.AdminToken(), 200, 201, 204},
		} {
			i++
			provider := fmt.Sprint("p", i)
			archive := apptest.ProviderZip(t, "terraform-provider-x", []byte(name))
			s.PublishProvider(f.org, f.signer, provider, "1.0.0", map[string][]byte{"linux_amd64": archive})
			one := base + "/private/acme/" + provider
			version, platforms := one+"/versions/1.0.0", one+"/versions/1.0.0/platforms"
			check := func(method, path string, body any, want int) *apptest.Response {
				t.Helper()
				r := s.Do(method, path, w.token, body)
				if r.Status != want {
					t.Errorf("%s %s by %s = %d %s, want %d", method, path, name, r.Status, r.Body, want)
				}
				return r
			}
			for _, path := range []string{base, one, one + "/versions", version, platforms, platforms + "/linux/amd64",
				"/api/registry/v1/providers/acme/" + provider + "/versions", "/api/registry/v1/providers/acme/" + provider + "/1.0.0/download/linux/amd64"} {
				r := check("GET", path, nil, w.read)
				if strings.Contains(string(r.Body), `"can-delete":true`) != (w.delete == 204 && r.Status == 200 && strings.HasPrefix(path, base)) {
					t.Errorf("GET %s by %s = %s: wrong permissions", path, name, r.Body)
				}
			}
			check("POST", base, document("registry-providers", map[string]any{"name": provider + "new", "namespace": "acme", "registry-name": "private"}), w.write)
			check("POST", one+"/versions", document("registry-provider-versions", map[string]any{"version": "2.0.0", "key-id": "K"}), w.write)
			if w.read == 200 && w.write != 201 {
				f.do("POST", one+"/versions", document("registry-provider-versions", map[string]any{"version": "2.0.0", "key-id": "K"}), 201)
				if r := check("GET", one+"/versions/2.0.0", nil, 200); strings.Contains(string(r.Body), "upload\":\"http") {
					t.Errorf("GET of a version by %s = %s, want no address to upload to", name, r.Body)
				}
			}
			check("POST", platforms, document("registry-provider-platforms", map[string]any{"os": "plan9", "arch": "amd64", "shasum": apptest.SHA256(archive),
				"filename": apptest.ArchiveName(provider, "1.0.0", "linux_amd64")}), w.write)
			check("DELETE", platforms+"/linux/amd64", nil, w.delete)
			check("DELETE", version, nil, w.delete)
			check("DELETE", one, nil, w.delete)
		}
	})
}

func TestListsTakeTheSameStatementsForAnyLength(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		publish := func(name string) {
			for _, v := range []string{"1.0.0", "1.1.0"} {
				s.PublishProvider(f.org, f.signer, name, v, map[string][]byte{"linux_amd64": apptest.ProviderZip(t, "x", []byte(name+v)), "darwin_arm64": apptest.ProviderZip(t, "y", []byte(name+v))})
			}
		}
		publish("p0")
		paths := []string{base + "?include=registry-provider-versions.platforms", base + "/private/acme/p0/versions?include=platforms,registry-provider", "/api/registry/v1/providers/acme/p0/versions"}
		count := func(path string) int { return len(s.Statements(func() { f.do("GET", path, nil, 200) })) }
		count(paths[0]) // the subject of the token is remembered from here on
		var one []int
		for _, path := range paths {
			one = append(one, count(path))
		}
		for i := range 3 {
			publish(fmt.Sprint("q", i))
			f.version("p0", fmt.Sprint("2.0.", i))
		}
		for i, path := range paths {
			if n := count(path); n != one[i] {
				t.Errorf("GET %s takes %d statements, took %d with less", path, n, one[i])
			}
		}
	})
}

func TestPublicProvidersCanBeTurnedOff(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		stranger := s.Org("strange").Owner.Token
		aws := base + "/public/hashicorp/aws"
		record := func(name string) map[string]any {
			return document("registry-providers", map[string]any{"name": name, "namespace": "hashicorp", "registry-name": "public"})
		}
		f.do("POST", base, record("aws"), 201)
		s.App.Providers.NoPublic = true // as if started again with --public-curation=off
		f.do("POST", base, record("google"), 403)
		f.do("GET", aws, nil, 403)
		f.do("DELETE", aws, nil, 403)
		f.do("GET", base+"/public/hashicorp/google", nil, 404)
		f.provider("own")
		if r := s.Do("GET", aws, stranger, nil); r.Status != 404 {
			s.T.Errorf("GET by a stranger = %d, want 404", r.Status)
		}
		s.App.Providers.NoPublic = false
		f.do("DELETE", aws, nil, 204)
	})
}

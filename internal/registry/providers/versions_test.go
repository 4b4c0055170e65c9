package providers_test

import (
	"fmt"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
)

const versionSample = `{"id":"ID-of-provver","type":"registry-provider-versions","attributes":{"version":"3.1.1","created-at":"TIME","updated-at":"TIME",
	"key-id":%q,"protocols":["5.0"],"permissions":{"can-delete":true,"can-upload-asset":true},"shasums-uploaded":%t,"shasums-sig-uploaded":%t},
	"relationships":{"registry-provider":{"data":{"id":"ID-of-prov","type":"registry-providers"}},
		"platforms":{"data":[%s],"links":{"related":"/api/v2/organizations/acme/registry-providers/private/acme/aws/versions/3.1.1/platforms"}}},
	"links":{%q:"ADDRESS",%q:"ADDRESS"}}`

const platformSample = `{"id":"ID-of-provpltfrm","type":"registry-provider-platforms","attributes":{"os":"linux","arch":"amd64",
	"filename":"terraform-provider-aws_3.1.1_linux_amd64.zip","shasum":%q,"permissions":{"can-delete":true,"can-upload-asset":true},"provider-binary-uploaded":%t},
	"relationships":{"registry-provider-version":{"data":{"id":"ID-of-provver","type":"registry-provider-versions"}}},
	"links":{%q:"ADDRESS"}}`

// TestPublishing goes through private-registry_provider-versions-platforms.md from the top.
func TestPublishing(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		f.provider("aws")
		archive := apptest.ProviderZip(t, "terraform-provider-aws_v3.1.1", []byte("binary"))
		const one, filename = base + "/private/acme/aws/versions/3.1.1", "terraform-provider-aws_3.1.1_linux_amd64.zip"
		sums := apptest.Shasums(map[string][]byte{filename: archive})

		v := f.version("aws", "3.1.1")
		like(t, "POST of a version", v, fmt.Sprintf(versionSample, f.signer.KeyID, false, false, "", "shasums-upload", "shasums-sig-upload"))
		if r := f.put(v, "shasums-upload", sums); r.Status != 200 {
			t.Fatalf("PUT of SHA256SUMS = %d %s", r.Status, r.Body)
		}
		like(t, "GET of a version with SHA256SUMS", data(f.do("GET", one, nil, 200)), fmt.Sprintf(versionSample, f.signer.KeyID, true, false, "", "shasums-download", "shasums-sig-upload"))
		if r := f.put(v, "shasums-sig-upload", f.signer.Sign(sums)); r.Status != 200 {
			t.Fatalf("PUT of the signature = %d %s", r.Status, r.Body)
		}

		r := f.platform("aws", "3.1.1", "linux", "amd64", filename, apptest.SHA256(archive))
		p := data(r)
		like(t, "POST of a platform", p, fmt.Sprintf(platformSample, apptest.SHA256(archive), false, "provider-binary-upload"))
		for range 2 { // clients try again
			if r := f.put(p, "provider-binary-upload", archive); r.Status != 200 {
				t.Fatalf("PUT of the archive = %d %s", r.Status, r.Body)
			}
		}
		p = data(f.do("GET", one+"/platforms/linux/amd64", nil, 200))
		like(t, "GET of a platform", p, fmt.Sprintf(platformSample, apptest.SHA256(archive), true, "provider-binary-download"))
		v = data(f.do("GET", one, nil, 200))
		like(t, "GET of a version", v, fmt.Sprintf(versionSample, f.signer.KeyID, true, true, `{"id":"ID-of-provpltfrm","type":"registry-provider-platforms"}`, "shasums-download", "shasums-sig-download"))
		for link, want := range map[string]string{"shasums-download": string(sums)} {
			if r := s.Do("GET", v["links"].(map[string]any)[link].(string), "", nil); r.Status != 200 || string(r.Body) != want {
				t.Errorf("GET of %s = %d %q, want %q", link, r.Status, r.Body, want)
			}
		}
		if r := s.Do("GET", p["links"].(map[string]any)["provider-binary-download"].(string), "", nil); r.Status != 200 || string(r.Body) != string(archive) || r.Header.Get("Content-Type") != "application/zip" {
			t.Errorf("GET of the archive = %d, %d bytes of %s, want %d", r.Status, len(r.Body), r.Header.Get("Content-Type"), len(archive))
		}
		for path, want := range map[string]int{base + "/private/acme/aws/versions": 1, one + "/platforms": 1} {
			r := f.do("GET", path, nil, 200)
			list, _ := r.JSON()["data"].([]any)
			if len(list) != want || r.JSON()["meta"].(map[string]any)["pagination"].(map[string]any)["total-count"] != 1.0 {
				t.Errorf("GET %s = %s, want %d", path, r.Body, want)
			}
		}
		f.do("DELETE", one+"/platforms/linux/amd64", nil, 204)
		f.do("GET", one+"/platforms/linux/amd64", nil, 404)
		f.do("DELETE", one, nil, 204)
		f.do("GET", one, nil, 404)
		s.Settle()
		for o, err := range s.App.Objects.List(s.T.Context(), "providers/") {
			t.Errorf("object %s (%v) is left, want none", o.Key, err)
		}
	})
}

func TestRefusedVersions(t *testing.T) {
	f := setUp(apptest.Start(t))
	f.provider("aws")
	f.version("aws", "1.0.0")
	f.do("POST", base, document("registry-providers", map[string]any{"name": "aws", "namespace": "hashicorp", "registry-name": "public"}), 201)
	all := base + "/private/acme/aws/versions"
	for name, c := range map[string]struct {
		attribute string
		value     any
		says      string
	}{
		"no version":           {"version", "", "Version can't be blank"},
		"a v":                  {"version", "v1.1.0", "not a valid semantic version"},
		"two parts":            {"version", "1.1", "not a valid semantic version"},
		"a leading zero":       {"version", "1.01.0", "not a valid semantic version"},
		"a taken version":      {"version", "1.0.0", "Version has already been taken"},
		"no key":               {"key-id", "", "Key can't be blank"},
		"no key id":            {"key-id", "-----BEGIN PGP", "not the id of a GPG key"},
		"an unknown protocol":  {"protocols", []string{"7.0"}, "Protocols must be one or more of 4.0, 5.0, 6.0"},
		"a protocol twice":     {"protocols", []string{"5.0", "5.0"}, "Protocols must be one or more"},
		"protocols as a text":  {"protocols", "5.0", ""},
		"a number for version": {"version", 1, ""},
	} {
		attributes := map[string]any{"version": "1.1.0", "key-id": f.signer.KeyID, "protocols": []string{"5.0"}}
		attributes[c.attribute] = c.value
		r := f.Do("POST", all, f.org.Owner.Token, document("registry-provider-versions", attributes))
		f.refused("POST with "+name, r, 422, c.says)
		if !strings.Contains(string(r.Body), `"pointer":"/data/attributes/`+c.attribute) {
			t.Errorf("POST with %s = %s, want a pointer at %s", name, r.Body, c.attribute)
		}
	}
	good := map[string]any{"version": "1.1.0-beta.1+build", "key-id": f.signer.KeyID}
	f.do("POST", all, document("registry-provider-versions", good), 201)
	f.do("GET", all+"/1.1.0-beta.1+build", nil, 200)
	public := base + "/public/hashicorp/aws/versions"
	for _, c := range [][2]string{{"GET", public}, {"POST", public}, {"GET", public + "/1.0.0"}, {"DELETE", public + "/1.0.0"}, {"GET", public + "/1.0.0/platforms"},
		{"POST", public + "/1.0.0/platforms"}, {"GET", public + "/1.0.0/platforms/linux/amd64"}, {"DELETE", public + "/1.0.0/platforms/linux/amd64"}} {
		f.refused(c[0]+" "+c[1], f.Do(c[0], c[1], f.org.Owner.Token, document("", good)), 403, "not available for public providers")
	}
}

func TestRefusedPlatforms(t *testing.T) {
	f := setUp(apptest.Start(t))
	f.provider("aws")
	f.version("aws", "1.0.0")
	if r := f.platform("aws", "1.0.0", "linux", "amd64", "a.zip", "abc"); r.Status != 201 {
		t.Fatalf("POST = %d %s", r.Status, r.Body)
	}
	all := base + "/private/acme/aws/versions/1.0.0/platforms"
	for name, c := range map[string]struct {
		attribute string
		value     any
		says      string
	}{
		"no os":               {"os", "", "OS can't be blank"},
		"an odd os":           {"os", "li/nux", "OS is not valid"},
		"no arch":             {"arch", "", "Arch can't be blank"},
		"an odd arch":         {"arch", "a b", "Arch is not valid"},
		"no shasum":           {"shasum", "", "Shasum can't be blank"},
		"an odd shasum":       {"shasum", "a b", "Shasum is not valid"},
		"no filename":         {"filename", "", "Filename can't be blank"},
		"a path for filename": {"filename", "../a.zip", "Filename is not valid"},
		"a number":            {"os", 7, ""},
	} {
		attributes := map[string]any{"os": "darwin", "arch": "arm64", "shasum": "abc", "filename": "b.zip"}
		attributes[c.attribute] = c.value
		r := f.Do("POST", all, f.org.Owner.Token, document("registry-provider-platforms", attributes))
		f.refused("POST with "+name, r, 422, c.says)
		if !strings.Contains(string(r.Body), `"pointer":"/data/attributes/`+c.attribute) {
			t.Errorf("POST with %s = %s, want a pointer at %s", name, r.Body, c.attribute)
		}
	}
	f.refused("the same platform again", f.platform("aws", "1.0.0", "linux", "amd64", "b.zip", "abc"), 422, "has a platform linux/amd64 already")
	sample := map[string]any{"os": "darwin", "arch": "arm64", "shasum": "abc", "filename": "b.zip"}
	f.do("POST", all, document("registry-provider-version-platforms", sample), 201)
	f.do("GET", all+"/linux/arm64", nil, 404)
	f.do("DELETE", all+"/linux/arm64", nil, 404)
}

// TestRefusedUploads: what does not fit together is never taken, and says why.
func TestRefusedUploads(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		f.provider("aws")
		archive, other := apptest.ProviderZip(t, "x", []byte("one")), apptest.ProviderZip(t, "x", []byte("two"))
		sums := apptest.Shasums(map[string][]byte{"a.zip": archive})
		v := f.version("aws", "1.0.0")
		p := data(f.platform("aws", "1.0.0", "linux", "amd64", "a.zip", apptest.SHA256(archive)))

		f.refused("a tampered archive", f.put(p, "provider-binary-upload", other), 422, "The SHA-256 checksum of the file is "+apptest.SHA256(other))
		f.refused("no archive", f.put(p, "provider-binary-upload", []byte("hello, world")), 422, "not a zip archive")
		f.refused("an empty archive", f.put(p, "provider-binary-upload", nil), 422, "checksum")
		f.refused("nonsense as SHA256SUMS", f.put(v, "shasums-upload", []byte("hello\n")), 422, "line 1 has no checksum")
		f.refused("an empty SHA256SUMS", f.put(v, "shasums-upload", nil), 422, "SHA256SUMS is empty")
		f.refused("a huge SHA256SUMS", f.put(v, "shasums-upload", make([]byte, 300<<10)), 413, "larger than")
		f.refused("SHA256SUMS of other files", f.put(v, "shasums-upload", apptest.Shasums(map[string][]byte{"b.zip": archive})), 422, "does not list a.zip (platform linux/amd64)")
		f.refused("SHA256SUMS of another archive", f.put(v, "shasums-upload", apptest.Shasums(map[string][]byte{"a.zip": other})), 422, "says that the checksum of a.zip is "+apptest.SHA256(other))
		if r := f.put(v, "shasums-upload", sums); r.Status != 200 {
			t.Fatalf("PUT of SHA256SUMS = %d %s", r.Status, r.Body)
		}
		f.refused("a platform that SHA256SUMS does not list", f.platform("aws", "1.0.0", "darwin", "arm64", "b.zip", apptest.SHA256(archive)), 422, "does not list b.zip")
		f.refused("a platform of another checksum", f.platform("aws", "1.0.0", "darwin", "arm64", "a.zip", apptest.SHA256(other)), 422, "says that the checksum of a.zip is")

		stranger := apptest.NewSigner(t)
		f.refused("a signature by another key", f.put(v, "shasums-sig-upload", stranger.Sign(sums)), 422, "was made by another key than "+f.signer.KeyID)
		f.refused("a signature of another file", f.put(v, "shasums-sig-upload", f.signer.Sign(append(sums, '\n'))), 422, "does not fit the file")
		f.refused("no signature", f.put(v, "shasums-sig-upload", []byte("hello")), 422, "")
		f.refused("an empty signature", f.put(v, "shasums-sig-upload", nil), 422, "empty")
		if r := f.put(v, "shasums-sig-upload", f.signer.Sign(sums)); r.Status != 200 {
			t.Fatalf("PUT of the signature = %d %s", r.Status, r.Body)
		}
		f.refused("another SHA256SUMS after the signature", f.put(v, "shasums-upload", append(sums, '\n')), 409, "has a signed SHA256SUMS already")
		for _, asset := range []string{"shasums-upload", "shasums-sig-upload"} {
			address := v["links"].(map[string]any)[asset].(string)
			f.refused("a changed address", s.Do("PUT", address[:len(address)-10]+"AAAAAAAAAA", "", sums), 404, "")
		}

		unknown := data(f.do("POST", base+"/private/acme/aws/versions", document("registry-provider-versions", map[string]any{"version": "2.0.0", "key-id": stranger.KeyID}), 201))
		f.put(unknown, "shasums-upload", sums)
		f.refused("a signature by a key that nobody registered", f.put(unknown, "shasums-sig-upload", stranger.Sign(sums)), 422, "acme has no GPG key "+stranger.KeyID)
		s.AddKey(f.org, stranger)
		if r := f.put(unknown, "shasums-sig-upload", stranger.Sign(sums)); r.Status != 200 {
			t.Errorf("PUT of the signature after the key was added = %d %s", r.Status, r.Body)
		}
	})
}

// TestTheSignatureMayComeFirst: it is checked when SHA256SUMS arrives.
func TestTheSignatureMayComeFirst(t *testing.T) {
	f := setUp(apptest.Start(t))
	f.provider("aws")
	v := f.version("aws", "1.0.0")
	sums := apptest.Shasums(map[string][]byte{"a.zip": []byte("x")})
	if r := f.put(v, "shasums-sig-upload", f.signer.Sign(sums)); r.Status != 200 {
		t.Fatalf("PUT of the signature = %d %s", r.Status, r.Body)
	}
	f.refused("SHA256SUMS that was not signed", f.put(v, "shasums-upload", append(sums, '\n')), 422, "does not fit the file")
	if r := f.put(v, "shasums-upload", sums); r.Status != 200 {
		t.Errorf("PUT of SHA256SUMS = %d %s", r.Status, r.Body)
	}
}

func TestAssetsOfWhatWasDeletedAreGone(t *testing.T) {
	f := setUp(apptest.Start(t))
	f.provider("aws")
	v := f.version("aws", "1.0.0")
	p := data(f.platform("aws", "1.0.0", "linux", "amd64", "a.zip", "abc"))
	f.do("DELETE", base+"/private/acme/aws", nil, 204)
	f.refused("SHA256SUMS after the deletion", f.put(v, "shasums-upload", apptest.Shasums(map[string][]byte{"a.zip": nil})), 404, "")
	f.refused("a signature after the deletion", f.put(v, "shasums-sig-upload", []byte("x")), 404, "")
	f.refused("an archive after the deletion", f.put(p, "provider-binary-upload", []byte("PK\x03\x04 x")), 404, "")
}

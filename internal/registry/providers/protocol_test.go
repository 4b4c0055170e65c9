package providers_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/registry/gpgkeys"
	"plumbline.dev/plumbline/internal/registry/providers"
)

const protocol = "/api/registry/v1/providers/acme/aws"

func TestTheProtocolOffersWhatIsSigned(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		linux, darwin := apptest.ProviderZip(t, "terraform-provider-aws_v1.0.0", []byte("linux")), apptest.ProviderZip(t, "terraform-provider-aws_v1.0.0", []byte("darwin"))
		s.PublishProvider(f.org, f.signer, "aws", "1.0.0", map[string][]byte{"linux_amd64": linux, "darwin_arm64": darwin})
		f.version("aws", "1.1.0") // without files
		s.Settle()

		r := f.do("GET", protocol+"/versions", nil, 200)
		want := map[string]any{"warnings": nil, "versions": []any{map[string]any{"version": "1.0.0", "protocols": []any{"5.0"},
			"platforms": []any{map[string]any{"os": "darwin", "arch": "arm64"}, map[string]any{"os": "linux", "arch": "amd64"}}}}}
		if diff := cmp.Diff(want, r.JSON()); diff != "" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("versions with content type %s (-want +got):\n%s", r.Header.Get("Content-Type"), diff)
		}

		got := f.do("GET", protocol+"/1.0.0/download/linux/amd64", nil, 200).JSON()
		address := func(name string) []byte {
			u, _ := got[name].(string)
			r := s.Do("GET", u, "", nil) // engines send no token
			if r.Status != 200 {
				t.Errorf("GET of %s = %d %s", name, r.Status, r.Body)
			}
			delete(got, name)
			return r.Body
		}
		sums, signature := address("shasums_url"), address("shasums_signature_url")
		if err := gpgkeys.Verify(f.signer.Armor, sums, signature); err != nil {
			t.Errorf("the signature: %v", err)
		}
		if b := address("download_url"); !bytes.Equal(b, linux) {
			t.Errorf("download_url gives %d bytes, want those of the archive", len(b))
		}
		file := apptest.ArchiveName("aws", "1.0.0", "linux_amd64")
		pack := func(archive []byte) map[string]any {
			return map[string]any{"package_size": float64(len(archive)), "hashes": []any{"zh:" + apptest.SHA256(archive), h1(t, archive)}}
		}
		want = map[string]any{"protocols": []any{"5.0"}, "os": "linux", "arch": "amd64", "filename": file, "shasum": apptest.SHA256(linux),
			"signing_keys": map[string]any{"gpg_public_keys": []any{map[string]any{"key_id": f.signer.KeyID, "ascii_armor": f.signer.Armor, "trust_signature": "", "source": "", "source_url": nil}}},
			"packages":     map[string]any{"linux_amd64": pack(linux), "darwin_arm64": pack(darwin)}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("download (-want +got):\n%s", diff)
		}
		if !strings.Contains(string(sums), apptest.SHA256(linux)+"  "+file) {
			t.Errorf("SHA256SUMS = %s, want %s in it", sums, file)
		}
	})
}

// h1 computes the hash again, in the words of the Go checksum database.
func h1(t *testing.T, archive []byte) string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil || len(z.File) != 1 {
		t.Fatal(err, len(z.File))
	}
	r, err := z.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	var content bytes.Buffer
	if _, err := content.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s  %s\n", apptest.SHA256(content.Bytes()), z.File[0].Name))
	return "h1:" + base64.StdEncoding.EncodeToString(sum[:])
}

// TestHashZipIsThatOfLockFiles: the lines are sorted by file name, whatever the order in the
// archive is.
func TestHashZipIsThatOfLockFiles(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range []string{"terraform-provider-x", "LICENSE"} {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	lines := apptest.SHA256([]byte("LICENSE")) + "  LICENSE\n" + apptest.SHA256([]byte("terraform-provider-x")) + "  terraform-provider-x\n"
	sum := sha256.Sum256([]byte(lines))
	want := "h1:" + base64.StdEncoding.EncodeToString(sum[:])
	if got, err := providers.HashZip(t.TempDir(), &b); err != nil || got != want {
		t.Errorf("HashZip = %s, %v, want %s", got, err, want)
	}
	if _, err := providers.HashZip(t.TempDir(), strings.NewReader("PK\x03\x04 no archive")); err == nil {
		t.Errorf("HashZip of nonsense = nil, want an error")
	}
}

func TestAnUnreadableArchiveHasNoHash(t *testing.T) {
	s := apptest.Start(t)
	f := setUp(s)
	s.PublishProvider(f.org, f.signer, "aws", "1.0.0", map[string][]byte{"linux_amd64": []byte("PK\x03\x04 but no archive")})
	s.Settle()
	r := f.do("GET", protocol+"/1.0.0/download/linux/amd64", nil, 200)
	if strings.Contains(string(r.Body), "h1:") || !strings.Contains(string(r.Body), "zh:") {
		t.Errorf("download = %s, want the checksum of the archive alone", r.Body)
	}
}

func TestWhatTheProtocolDoesNotHave(t *testing.T) {
	f := setUp(apptest.Start(t))
	f.PublishProvider(f.org, f.signer, "aws", "1.0.0", map[string][]byte{"linux_amd64": apptest.ProviderZip(t, "x", nil)})
	f.do("POST", base, document("registry-providers", map[string]any{"name": "gcp", "namespace": "acme", "registry-name": "public"}), 201)
	for _, path := range []string{"/api/registry/v1/providers/acme/azure/versions", "/api/registry/v1/providers/acme/gcp/versions", "/api/registry/v1/providers/nobody/aws/versions",
		protocol + "/2.0.0/download/linux/amd64", protocol + "/1.0.0/download/darwin/arm64"} {
		r := f.do("GET", path, nil, 404)
		if errors, _ := r.JSON()["errors"].([]any); len(errors) != 1 || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("GET %s = %s, want errors as texts", path, r.Body)
		}
	}
	f.provider("empty")
	if r := f.do("GET", "/api/registry/v1/providers/acme/empty/versions", nil, 200); !strings.Contains(string(r.Body), `"versions":[]`) {
		t.Errorf("versions of a new provider = %s, want none", r.Body)
	}
}

func TestAWithdrawnKeyWithdrawsVersions(t *testing.T) {
	f := setUp(apptest.Start(t))
	other := apptest.NewSigner(t)
	f.AddKey(f.org, other)
	f.PublishProvider(f.org, f.signer, "aws", "1.0.0", map[string][]byte{"linux_amd64": apptest.ProviderZip(t, "x", nil)})
	f.PublishProvider(f.org, other, "aws", "1.1.0", map[string][]byte{"linux_amd64": apptest.ProviderZip(t, "x", nil), "darwin_arm64": apptest.ProviderZip(t, "x", nil)})
	f.do("DELETE", "/api/registry/private/v2/gpg-keys/acme/"+other.KeyID, nil, 201)
	r := f.do("GET", protocol+"/versions", nil, 200)
	warnings, _ := r.JSON()["warnings"].([]any)
	if len(warnings) != 1 || !strings.Contains(fmt.Sprint(warnings), "Version 1.1.0 of acme/aws cannot be installed: it was signed with GPG key "+other.KeyID) {
		t.Errorf("warnings = %v, want one of version 1.1.0", warnings)
	}
	if versions, _ := r.JSON()["versions"].([]any); len(versions) != 1 || !strings.Contains(fmt.Sprint(versions), "1.0.0") {
		t.Errorf("versions = %v, want 1.0.0 alone", versions)
	}
	if r := f.do("GET", protocol+"/1.1.0/download/linux/amd64", nil, 404); !strings.Contains(string(r.Body), "no longer among the keys") {
		t.Errorf("download = %s, want the reason", r.Body)
	}
}

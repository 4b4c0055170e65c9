package engine

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-version"
	"pgregory.net/rapid"
)

func TestAVersionIsFetchedOnce(t *testing.T) {
	m := newMirror(t)
	m.list("1.9.0", "1.10.5", "1.11.0-rc1")
	m.release(t, "1.10.5", zipOf(t, entry{"LICENSE", "free"}, entry{"../evil", "x"}, entry{"tofu", script("OpenTofu", "1.10.5")}), m.key)
	s := store(t, m)
	var first Engine
	for i, want := range []string{"latest", "", "~> 1.10", "1.10.5", "v1.10.5", ">= 1.0, < 2"} {
		e, err := s.Get(t.Context(), OpenTofu, want)
		if err != nil {
			t.Fatalf("Get(%q) = %v", want, err)
		}
		if i == 0 {
			first = e
		}
		if e != first || e.Version != "1.10.5" || e.Product != OpenTofu {
			t.Errorf("Get(%q) = %+v, want %+v", want, e, first)
		}
	}
	if got, err := Identify(t.Context(), first.Path); err != nil || got != first {
		t.Errorf("Identify = %+v, %v, want %+v", got, err, first)
	}
	for _, path := range []string{"/api.json", "/v1.10.5/tofu_1.10.5_linux_amd64.zip"} {
		if n := m.asked(path); n != 1 {
			t.Errorf("%s was fetched %d times, want once", path, n)
		}
	}
	var files []string
	err := filepath.WalkDir(s.options.Dir, func(path string, _ os.DirEntry, err error) error {
		files = append(files, strings.TrimPrefix(path, s.options.Dir))
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"", "/tofu", "/tofu/1.10.5_linux_amd64", "/tofu/1.10.5_linux_amd64/tofu"}, files); diff != "" {
		t.Errorf("files of the store (-want +got):\n%s", diff)
	}
	if info, err := os.Stat(first.Path); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the binary: %v, %v, want mode 0755", info.Mode(), err)
	}
}

func TestWhatIsNotSignedIsNotUsed(t *testing.T) {
	good := zipOf(t, entry{"tofu", script("OpenTofu", "1.10.5")})
	const dir = "/v1.10.5/"
	const file, sums = dir + "tofu_1.10.5_linux_amd64.zip", dir + "tofu_1.10.5_SHA256SUMS"
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, m *mirror)
		want  string
	}{
		"another archive":   {func(t *testing.T, m *mirror) { m.files[file] = zipOf(t, entry{"tofu", "evil"}) }, "the signed list says"},
		"a byte more":       {func(_ *testing.T, m *mirror) { m.files[file] = append(slices.Clone(m.files[file]), 0) }, "the signed list says"},
		"other checksums":   {func(_ *testing.T, m *mirror) { m.files[sums] = append(m.files[sums], '\n') }, "signature"},
		"another key":       {func(t *testing.T, m *mirror) { m.release(t, "1.10.5", good, newKey(t)) }, "signature"},
		"no signature":      {func(_ *testing.T, m *mirror) { delete(m.files, sums+".gpgsig") }, "no such version"},
		"empty signature":   {func(_ *testing.T, m *mirror) { m.files[sums+".gpgsig"] = nil }, "signature"},
		"signature is junk": {func(_ *testing.T, m *mirror) { m.files[sums+".gpgsig"] = []byte("-----BEGIN junk") }, "signature"},
		"no checksums":      {func(_ *testing.T, m *mirror) { delete(m.files, sums) }, "no such version"},
		"no archive":        {func(_ *testing.T, m *mirror) { delete(m.files, file) }, "no such version"},
		"not listed":        {func(t *testing.T, m *mirror) { signed(t, m, sums, "00  other.zip\n") }, "does not list"},
		"no checksum":       {func(t *testing.T, m *mirror) { signed(t, m, sums, "00  tofu_1.10.5_linux_amd64.zip\n") }, "has no SHA-256"},
		"endless checksums": {func(_ *testing.T, m *mirror) { m.files[sums] = make([]byte, 2<<20) }, "larger than"},
		"no zip":            {func(t *testing.T, m *mirror) { m.release(t, "1.10.5", []byte("hello"), m.key) }, "not a valid zip"},
		"no binary in it":   {func(t *testing.T, m *mirror) { m.release(t, "1.10.5", zipOf(t, entry{"bin/tofu", "x"}), m.key) }, "has no tofu"},
		"a folder":          {func(t *testing.T, m *mirror) { m.release(t, "1.10.5", zipOf(t, entry{"tofu/", ""}), m.key) }, "has no tofu"},
		"a bomb": {func(t *testing.T, m *mirror) {
			m.release(t, "1.10.5", zipOf(t, entry{"tofu", strings.Repeat("0", 2000)}), m.key)
		}, "at most 1000 bytes"},
		"a bomb in disguise": {func(t *testing.T, m *mirror) {
			m.release(t, "1.10.5", lying(t, zipOf(t, entry{"tofu", strings.Repeat("0", 2000)})), m.key)
		}, "tofu_1.10.5_linux_amd64.zip"},
		"signed by everybody": {func(t *testing.T, m *mirror) { m.key = newKey(t) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMirror(t)
			m.release(t, "1.10.5", good, m.key)
			s := store(t, m)
			s.unpack = 1000
			tc.spoil(t, m)
			e, err := s.Get(t.Context(), OpenTofu, "1.10.5")
			if tc.want == "" { // the store keeps the key that it was given
				if err != nil {
					t.Errorf("Get = %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Get = %+v, %v, want an error with %q", e, err, tc.want)
			}
			if found, _ := filepath.Glob(s.options.Dir + "/*/*"); len(found) > 0 {
				t.Errorf("the store has %v", found)
			}
			if found, _ := filepath.Glob(s.options.Dir + "/.*"); len(found) > 0 {
				t.Errorf("the store has %v", found)
			}
		})
	}
}

func TestManyWaitForOneFetch(t *testing.T) {
	m := newMirror(t)
	m.release(t, "1.10.5", zipOf(t, entry{"tofu", script("OpenTofu", "1.10.5")}), m.key)
	s := store(t, m)
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := s.Get(t.Context(), OpenTofu, "1.10.5"); err != nil {
				t.Errorf("Get = %v", err)
			}
		})
	}
	group.Wait()
	if n := m.asked("/v1.10.5/tofu_1.10.5_linux_amd64.zip"); n != 1 {
		t.Errorf("the archive was fetched %d times, want once", n)
	}
}

func TestStoresShareAFolder(t *testing.T) {
	m := newMirror(t)
	m.release(t, "1.10.5", zipOf(t, entry{"tofu", script("OpenTofu", "1.10.5")}), m.key)
	one, other := store(t, m), store(t, m)
	other.options.Dir = one.options.Dir
	for _, s := range []*Store{one, other} { // both past the check whether it is there
		if err := s.fetch(t.Context(), OpenTofu, "1.10.5"); err != nil {
			t.Errorf("fetch = %v", err)
		}
	}
	if e, err := other.Get(t.Context(), OpenTofu, "1.10.5"); err != nil || e.Version != "1.10.5" {
		t.Errorf("Get = %+v, %v", e, err)
	}
}

func TestWhoGivesUpDoesNotStopOthers(t *testing.T) {
	m := newMirror(t)
	m.release(t, "1.10.5", zipOf(t, entry{"tofu", script("OpenTofu", "1.10.5")}), m.key)
	s := store(t, m)
	unlock, err := s.lock(t.Context(), "tofu 1.10.5")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Get(ctx, OpenTofu, "1.10.5"); !errors.Is(err, context.Canceled) {
		t.Errorf("Get while another fetches = %v, want cancelled", err)
	}
	unlock()
	if _, err := s.Get(t.Context(), OpenTofu, "1.10.5"); err != nil {
		t.Errorf("Get = %v", err)
	}
}

func TestGivenBinariesNeedNoNetwork(t *testing.T) {
	s := store(t, nil)
	for name, text := range map[string]string{"tofu": script("OpenTofu", "1.12.6"), "old": script("OpenTofu", "1.8.0-beta1"), "terraform": script("Terraform", "1.5.7")} {
		path := filepath.Join(t.TempDir(), name)
		os.WriteFile(path, []byte(text), 0o755)
		if _, err := s.Add(t.Context(), path); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		product Product
		want    string
		version string // "" if there is none
	}{
		{OpenTofu, "latest", "1.12.6"}, {OpenTofu, "~> 1.12.0", "1.12.6"}, {OpenTofu, "1.8.0-beta1", "1.8.0-beta1"}, {OpenTofu, "1.5.7", ""}, {OpenTofu, "< 1.9", ""},
		{Terraform, "", "1.5.7"}, {Terraform, "1.5.7", "1.5.7"}, {Terraform, "~> 1.6", ""}, {Terraform, "1.6.0", ""}, {Terraform, "../../etc", ""}, {Terraform, "one", ""},
	} {
		e, err := s.Get(t.Context(), tc.product, tc.want)
		if e.Version != tc.version || (tc.version == "") != errors.Is(err, ErrNoVersion) {
			t.Errorf("Get(%s, %q) = %+v, %v, want version %q", tc.product, tc.want, e, err, tc.version)
		}
	}
	all, err := s.Versions(t.Context(), OpenTofu)
	if diff := cmp.Diff([]string{"1.12.6", "1.8.0-beta1"}, all); diff != "" || err != nil {
		t.Errorf("Versions = %v (-want +got):\n%s", err, diff)
	}
}

func TestAMirrorThatFailsLeavesWhatIsHere(t *testing.T) {
	m := newMirror(t)
	m.release(t, "1.10.5", zipOf(t, entry{"tofu", script("OpenTofu", "1.10.5")}), m.key)
	s := store(t, m)
	if _, err := s.Get(t.Context(), OpenTofu, "latest"); err == nil {
		t.Error("Get(latest) without a list = nil, want an error")
	}
	if _, err := s.Get(t.Context(), OpenTofu, "1.10.5"); err != nil {
		t.Fatal(err)
	}
	m.Close()
	for _, want := range []string{"latest", "~> 1.10", "1.10.5"} {
		if e, err := s.Get(t.Context(), OpenTofu, want); err != nil || e.Version != "1.10.5" {
			t.Errorf("Get(%q) = %+v, %v, want 1.10.5", want, e, err)
		}
	}
	if _, err := s.Get(t.Context(), OpenTofu, "1.10.6"); err == nil {
		t.Error("Get(1.10.6) = nil, want an error")
	}
}

func TestTerraformIsFetchedFromAMirrorWithAKey(t *testing.T) {
	m := newMirror(t)
	archive := zipOf(t, entry{"terraform", script("Terraform", "1.9.8")})
	m.files["/terraform/index.json"] = []byte(`{"name":"terraform","versions":{"1.9.8":{"version":"1.9.8"},"1.10.0-rc1":{},"../x":{}}}`)
	m.files["/terraform/1.9.8/terraform_1.9.8_linux_amd64.zip"] = archive
	sums := fmt.Sprintf("%x  terraform_1.9.8_linux_amd64.zip\n", sha256.Sum256(archive))
	signed(t, m, "/terraform/1.9.8/terraform_1.9.8_SHA256SUMS", sums)
	m.files["/terraform/1.9.8/terraform_1.9.8_SHA256SUMS.sig"] = m.files["/terraform/1.9.8/terraform_1.9.8_SHA256SUMS.gpgsig"]
	options := Options{Dir: t.TempDir(), OS: "linux", Arch: "amd64", Mirrors: map[Product]Mirror{Terraform: TerraformMirror(m.URL+"/terraform/", public(t, m.key))}}
	s, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	if e, err := s.Get(t.Context(), Terraform, "latest"); err != nil || e.Version != "1.9.8" {
		t.Errorf("Get = %+v, %v, want 1.9.8", e, err)
	}
	options.Mirrors[Terraform] = TerraformMirror(m.URL, "")
	if _, err := New(options); err == nil {
		t.Error("New without a key for Terraform = nil, want an error")
	}
}

func TestOpenTofusKeyIsBuiltIn(t *testing.T) {
	keys, err := openpgp.ReadArmoredKeyRing(strings.NewReader(openTofuKey))
	if err != nil || len(keys) != 1 {
		t.Fatalf("the key: %v, %v", keys, err)
	}
	if got := fmt.Sprintf("%X", keys[0].PrimaryKey.Fingerprint); got != "E3E6E43D84CB852EADB0051D0C0AF313E5FD9F80" {
		t.Errorf("its fingerprint is %s", got)
	}
	if _, ok := keys[0].SigningKey(time.Now()); !ok {
		t.Error("it cannot sign")
	}
}

func TestOtherProgramsAreNoEngines(t *testing.T) {
	for name, text := range map[string]string{"silent": "#!/bin/sh\n", "other": "#!/bin/sh\necho Packer v1.9.0\n", "fails": "#!/bin/sh\nexit 1\n", "odd": "#!/bin/sh\necho OpenTofu v../../x\n", "junk": "\x00\x01"} {
		path := filepath.Join(t.TempDir(), name)
		os.WriteFile(path, []byte(text), 0o755)
		if e, err := Identify(t.Context(), path); err == nil {
			t.Errorf("Identify(%s) = %+v, want an error", name, e)
		}
	}
}

func TestTheRealEngineIsIdentified(t *testing.T) {
	path := os.Getenv("TEST_TOFU")
	if path == "" {
		cache, _ := os.UserCacheDir()
		path = filepath.Join(cache, "plumbline", "bin", "tofu")
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("no tofu here: run make engines")
	}
	if e, err := Identify(t.Context(), path); err != nil || e.Product != OpenTofu {
		t.Errorf("Identify = %+v, %v, want OpenTofu", e, err)
	}
}

// TestPathsStayInside: no request makes the store look outside of its folder or mirror.
func TestPathsStayInside(t *testing.T) {
	m := newMirror(t)
	m.list("1.0.0")
	s := store(t, m)
	rapid.Check(t, func(r *rapid.T) {
		want := rapid.StringMatching(`[0-9./~>= v-]{0,12}|[a-z0-9./%?#-]{0,12}`).Draw(r, "want")
		v, err := s.Resolve(context.Background(), OpenTofu, want)
		if err != nil {
			return
		}
		if _, err := version.NewVersion(v); err != nil || !exact.MatchString(v) || strings.ContainsAny(v, "/%?#") {
			r.Fatalf("Resolve(%q) = %q, %v", want, v, err)
		}
	})
}

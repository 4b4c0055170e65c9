package engine

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-version"
	"pgregory.net/rapid"
)

// mirror is a mirror with releases of our own.
type mirror struct {
	*httptest.Server
	key      *openpgp.Entity
	mu       sync.Mutex
	files    map[string][]byte // by path
	requests map[string]int    // by path
}

func newMirror(t *testing.T) *mirror {
	t.Helper()
	m := &mirror{key: newKey(t), files: map[string][]byte{}, requests: map[string]int{}}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		m.requests[r.URL.Path]++
		b, ok := m.files[r.URL.Path]
		m.mu.Unlock()
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Write(b)
	}))
	t.Cleanup(m.Close)
	return m
}

func newKey(t *testing.T) *openpgp.Entity {
	t.Helper()
	key, err := openpgp.NewEntity("Test", "", "test@example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// public returns the public part of a key, armored.
func public(t *testing.T, key *openpgp.Entity) string {
	t.Helper()
	var b bytes.Buffer
	w, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(key.Serialize(w), w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// entry is a file of a zip.
type entry struct{ name, body string }

func zipOf(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		w, err := z.Create(e.name)
		if err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(e.body))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// script is a program that answers as an engine.
func script(name, version string) string {
	return "#!/bin/sh\necho " + name + " v" + version + "\necho on linux_amd64\n"
}

// release puts a release of OpenTofu on the mirror, signed by key.
func (m *mirror) release(t *testing.T, version string, archive []byte, key *openpgp.Entity) {
	t.Helper()
	dir, file := "/v"+version+"/", "tofu_"+version+"_linux_amd64.zip"
	sums := fmt.Appendf(nil, "%x  other.zip\n%x  %s\n", sha256.Sum256(nil), sha256.Sum256(archive), file)
	var signature bytes.Buffer
	if err := openpgp.DetachSign(&signature, key, bytes.NewReader(sums), nil); err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[dir+file] = archive
	m.files[dir+"tofu_"+version+"_SHA256SUMS"] = sums
	m.files[dir+"tofu_"+version+"_SHA256SUMS.gpgsig"] = signature.Bytes()
}

// list sets the versions that the mirror lists.
func (m *mirror) list(versions ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var items []string
	for _, v := range versions {
		items = append(items, fmt.Sprintf(`{"id":%q,"files":[]}`, v))
	}
	m.files["/api.json"] = []byte(`{"versions":[` + strings.Join(items, ",") + `]}`)
}

func (m *mirror) asked(path string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.requests[path]
}

// store returns a store that fetches OpenTofu from m, nothing if m is nil.
func store(t *testing.T, m *mirror) *Store {
	t.Helper()
	o := Options{Dir: t.TempDir(), OS: "linux", Arch: "amd64"}
	if m != nil {
		o.Mirrors = map[Product]Mirror{OpenTofu: OpenTofuMirror(m.URL, public(t, m.key))}
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

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

// signed puts checksums on the mirror that the right key signed.
func signed(t *testing.T, m *mirror, path, sums string) {
	t.Helper()
	var signature bytes.Buffer
	w, err := armor.Encode(&signature, openpgp.SignatureType, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(openpgp.DetachSign(w, m.key, strings.NewReader(sums), nil), w.Close()); err != nil {
		t.Fatal(err)
	}
	m.files[path], m.files[path+".gpgsig"] = []byte(sums), signature.Bytes()
}

// lying makes the directory of a zip say that its file of 2,000 bytes has 10.
func lying(t *testing.T, b []byte) []byte {
	t.Helper()
	at := bytes.LastIndex(b, []byte("PK\x01\x02")) + 24
	if b[at] != 2000&0xff || b[at+1] != 2000>>8 {
		t.Fatalf("the size is %v, want 2000", b[at:at+4])
	}
	b = slices.Clone(b)
	b[at], b[at+1] = 10, 0
	return b
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

func TestConstraints(t *testing.T) {
	versions := []string{"1.6.0", "1.6.10", "1.6.9", "1.7.0", "1.10.0-rc1", "1.9.3", "2.0.0-alpha1"}
	for want, version := range map[string]string{
		"latest": "1.9.3", "": "1.9.3", "~> 1.6.0": "1.6.10", "~> 1.6": "1.9.3", "= 1.7.0": "1.7.0", "1.7": "1.7.0", "< 1.6.10": "1.6.9", "> 1.6.0, != 1.9.3": "1.7.0",
		">= 2": "", "~> 1.10.0-rc1": "1.10.0-rc1", ">= 1.6, < 1.6.5": "1.6.0",
	} {
		fits, err := constraint(want)
		if err != nil {
			t.Fatal(err)
		}
		if got := newest(versions, fits); got != version {
			t.Errorf("%q resolves to %q, want %q", want, got, version)
		}
	}
	for _, want := range []string{"new", "~> x", "1.2.3.4.5 || 7", "../../etc/passwd"} {
		if _, err := constraint(want); !errors.Is(err, ErrNoVersion) {
			t.Errorf("%q: %v, want ErrNoVersion", want, err)
		}
	}
}

// TestNewestFits: what is chosen fits, and nothing that fits is newer, in whatever order
// the mirror lists.
func TestNewestFits(t *testing.T) {
	number := rapid.IntRange(0, 12)
	rapid.Check(t, func(t *rapid.T) {
		triple := rapid.Custom(func(t *rapid.T) [3]int { return [3]int{1, number.Draw(t, "minor"), number.Draw(t, "patch")} })
		all := rapid.SliceOfN(triple, 1, 20).Draw(t, "versions")
		base := triple.Draw(t, "base")
		operator := rapid.SampledFrom([]string{"~>", ">=", "<", "=", "!="}).Draw(t, "operator")
		var names []string
		best := [3]int{-1}
		for _, v := range all {
			names = append(names, text(v))
			if allowed(operator, v, base) && slices.Compare(v[:], best[:]) > 0 {
				best = v
			}
		}
		fits, err := constraint(operator + " " + text(base))
		if err != nil {
			t.Fatal(err)
		}
		want := ""
		if best[0] >= 0 {
			want = text(best)
		}
		if got := newest(names, fits); got != want {
			t.Fatalf("%s %s of %v is %q, want %q", operator, text(base), names, got, want)
		}
	})
}

func text(v [3]int) string { return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2]) }

// allowed is the meaning of a constraint, written again.
func allowed(operator string, v, base [3]int) bool {
	c := slices.Compare(v[:], base[:])
	switch operator {
	case "~>":
		return c >= 0 && v[1] == base[1]
	case ">=":
		return c >= 0
	case "<":
		return c < 0
	case "=":
		return c == 0
	}
	return c != 0
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

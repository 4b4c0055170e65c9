package mirror_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/registry/mirror"
)

const base = "/api/registry/mirror/v1/registry.example.com/example/null/"

func content(t testing.TB) func(version string) []byte {
	return func(version string) []byte {
		return apptest.ProviderZip(t, "terraform-provider-null_v"+version, []byte("binary of "+version))
	}
}

// run calls fn with a server that mirrors a registry with two versions.
func run(t *testing.T, fn func(s *apptest.Server, o *apptest.Origin, token string)) {
	t.Helper()
	o := apptest.NewOrigin(t, apptest.NewSigner(t), content(t), "1.0.0", "1.1.0")
	s := apptest.Start(t, o.Mirrored)
	fn(s, o, s.User("somebody").Token)
}

func archives(r *apptest.Response) map[string]any {
	a, _ := r.JSON()["archives"].(map[string]any)
	return a
}

func TestAProviderIsFetchedOnceAndServedFromHere(t *testing.T) {
	var o *apptest.Origin
	apptest.Run(t, func(s *apptest.Server) {
		token := s.User("somebody").Token
		o.Requests.Store(0)
		r := s.Do("GET", base+"index.json", token, nil)
		want := map[string]any{"versions": map[string]any{"1.0.0": map[string]any{}, "1.1.0": map[string]any{}}}
		if diff := cmp.Diff(want, r.JSON()); diff != "" || r.Header.Get("Content-Type") != "application/json" {
			s.T.Errorf("index.json = %d with %s (-want +got):\n%s", r.Status, r.Header.Get("Content-Type"), diff)
		}
		r = s.Do("GET", base+"1.1.0.json", token, nil)
		zip := content(s.T)("1.1.0")
		one, _ := archives(r)["linux_amd64"].(map[string]any)
		if len(archives(r)) != 4 || !cmp.Equal(one["hashes"], []any{"zh:" + apptest.SHA256(zip)}) {
			s.T.Fatalf("1.1.0.json = %d %s, want four archives with their checksums", r.Status, r.Body)
		}
		address, _ := one["url"].(string)
		for range 2 {
			if r := s.Do("GET", address, "", nil); r.Status != 200 || !bytes.Equal(r.Body, zip) || r.Header.Get("Content-Type") != "application/zip" {
				s.T.Fatalf("GET of the archive = %d, %d bytes", r.Status, len(r.Body))
			}
		}
		// Discovery, versions, an offer, sums, signature, an offer, the archive.
		if n := o.Requests.Load(); n != 7 {
			s.T.Errorf("the registry was asked %d times, want 7", n)
		}
	}, func(c *config.Server) {
		o = apptest.NewOrigin(t, apptest.NewSigner(t), content(t), "1.0.0", "1.1.0")
		o.Mirrored(c)
	})
}

func TestWhatIsHereIsServedWithoutItsRegistry(t *testing.T) {
	run(t, func(s *apptest.Server, o *apptest.Origin, token string) {
		a := mirror.Address{Hostname: "registry.example.com", Namespace: "example", Type: "null"}
		p, err := s.App.Mirror.Package(t.Context(), a, "1.0.0", "linux", "amd64")
		if err != nil || p.SHA256 != apptest.SHA256(content(t)("1.0.0")) || p.Filename != apptest.ArchiveName("null", "1.0.0", "linux_amd64") {
			t.Fatalf("Package = %+v, %v", p, err)
		}
		o.Stop()
		if _, err := s.DB.Exec(t.Context(), `UPDATE mirror_providers SET listed_at = ?`, db.At(time.Now().Add(-time.Hour))); err != nil {
			t.Fatal(err)
		}
		r := s.Do("GET", base+"index.json", token, nil)
		if want := map[string]any{"versions": map[string]any{"1.0.0": map[string]any{}}}; !cmp.Equal(want, r.JSON()) {
			t.Errorf("index.json = %d %s, want 1.0.0 alone, whose archive is here", r.Status, r.Body)
		}
		one, _ := archives(s.Do("GET", base+"1.0.0.json", token, nil))["linux_amd64"].(map[string]any)
		address, _ := one["url"].(string)
		if r := s.Do("GET", address, "", nil); r.Status != 200 || !bytes.Equal(r.Body, content(t)("1.0.0")) {
			t.Errorf("GET of the archive = %d %s", r.Status, r.Body)
		}
		again, err := s.App.Mirror.Package(t.Context(), a, "1.0.0", "linux", "amd64")
		if err != nil || again.ID != p.ID {
			t.Errorf("Package again = %+v, %v, want the same", again, err)
		}
		body, err := s.App.Mirror.Open(t.Context(), again)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = body.Close() }()
		if b, err := io.ReadAll(body); err != nil || !bytes.Equal(b, content(t)("1.0.0")) {
			t.Errorf("Open gives %d bytes, %v", len(b), err)
		}
		if r := s.Do("GET", base+"1.1.0.json", token, nil); r.Status != 502 || !strings.Contains(string(r.Body), "is not in the mirror yet") {
			t.Errorf("1.1.0.json = %d %s, want 502 and that it is not here", r.Status, r.Body)
		}
	})
}

// TestWhatIsNotGenuineIsRefused: neither a signature of somebody else, nor a changed file, nor
// no signature at all gets in.
func TestWhatIsNotGenuineIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change        func(o *apptest.Origin)
		version, says string // of what is asked for first
	}{
		"another signer": {func(o *apptest.Origin) {
			o.Tamper = func(path string, b []byte) []byte {
				if strings.HasSuffix(path, ".sig") {
					return apptest.NewSigner(t).Sign([]byte("x"))
				}
				return b
			}
		}, "1.0.0.json", "are not genuine"},
		"changed sums": {func(o *apptest.Origin) {
			o.Tamper = func(path string, b []byte) []byte {
				if strings.HasSuffix(path, "SHA256SUMS") {
					return bytes.Replace(b, []byte("linux"), []byte("linus"), 1)
				}
				return b
			}
		}, "1.0.0.json", "does not fit the file"},
		"no key": {func(o *apptest.Origin) { o.Unsigned = true }, "1.0.0.json", "is not signed"},
		"a changed archive": {func(o *apptest.Origin) {
			o.Tamper = func(path string, b []byte) []byte {
				if strings.HasSuffix(path, ".zip") {
					return append(b, 0)
				}
				return b
			}
		}, "", "was changed on its way"},
	} {
		run(t, func(s *apptest.Server, o *apptest.Origin, token string) {
			c.change(o)
			path := base + c.version
			if c.version == "" {
				one, _ := archives(s.Do("GET", base+"1.0.0.json", token, nil))["linux_amd64"].(map[string]any)
				path, _ = one["url"].(string)
			}
			if r := s.Do("GET", path, token, nil); r.Status != 422 || !strings.Contains(string(r.Body), c.says) {
				t.Errorf("%s: GET %s = %d %s, want 422 %q", name, path, r.Status, r.Body, c.says)
			}
			_, err := s.App.Mirror.Package(t.Context(), mirror.Address{Hostname: "registry.example.com", Namespace: "example", Type: "null"}, "1.0.0", "linux", "amd64")
			if p, ok := problem.From(err); !ok || p.Status != 422 {
				t.Errorf("%s: Package = %v, want a refusal", name, err)
			}
			for o, err := range s.App.Objects.List(t.Context(), "mirror/") {
				t.Errorf("%s: object %s (%v) was kept", name, o.Key, err)
			}
		})
	}
}

func TestWhatTheMirrorDoesNotHave(t *testing.T) {
	run(t, func(s *apptest.Server, _ *apptest.Origin, token string) {
		for path, says := range map[string]string{
			"/api/registry/mirror/v1/registry.elsewhere.com/example/null/index.json": "has no providers of registry.elsewhere.com",
			"/api/registry/mirror/v1/registry.elsewhere.com/example/null/1.0.0.json": "has no providers of registry.elsewhere.com",
			"/api/registry/mirror/v1/registry.example.com/example/other/index.json":  "",
			base + "9.9.9.json": "",
			base + "index.html": "",
			base + "..json":     "",
		} {
			if r := s.Do("GET", path, token, nil); r.Status != 404 || !strings.Contains(string(r.Body), says) {
				t.Errorf("GET %s = %d %s, want 404 %q", path, r.Status, r.Body, says)
			}
		}
		if r := s.Do("GET", base+"index.json", "", nil); r.Status != 401 {
			t.Errorf("GET by a guest = %d %s, want 401", r.Status, r.Body)
		}
		_, err := s.App.Mirror.Package(t.Context(), mirror.Address{Hostname: "registry.example.com", Namespace: "example", Type: "null"}, "1.0.0", "plan9", "amd64")
		if !errors.Is(err, problem.NotFound) {
			t.Errorf("Package of an absent platform = %v, want not found", err)
		}
	})
}

func TestManyAskAtOnceAndOneFetches(t *testing.T) {
	run(t, func(s *apptest.Server, o *apptest.Origin, _ string) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := s.App.Mirror.Package(t.Context(), mirror.Address{Hostname: "registry.example.com", Namespace: "example", Type: "null"}, "1.0.0", "linux", "amd64"); err != nil {
					t.Errorf("Package = %v", err)
				}
			})
		}
		wg.Wait()
		if n := o.Requests.Load(); n != 7 {
			t.Errorf("the registry was asked %d times, want 7", n)
		}
	})
}

// TestPrivateProvidersAreMirroredToo: for those who may use them.
func TestPrivateProvidersAreMirroredToo(t *testing.T) {
	s := apptest.Start(t)
	org, signer := s.Org("acme"), apptest.NewSigner(t)
	ws := s.Workspace(org, "", "app")
	s.AddKey(org, signer)
	zip := content(t)("1.0.0")
	s.PublishProvider(org, signer, "null", "1.0.0", map[string][]byte{"linux_amd64": zip})
	s.Settle()
	own := "/api/registry/mirror/v1/" + strings.TrimPrefix(s.URL, "http://") + "/acme/null/"
	for name, token := range map[string]string{"member": s.Member(org, "member").Token, "run": s.Token(tokens.Token{Kind: tokens.Run, WorkspaceID: &ws})} {
		if r := s.Do("GET", own+"index.json", token, nil); r.Status != 200 || strings.TrimSpace(string(r.Body)) != `{"versions":{"1.0.0":{}}}` {
			t.Errorf("index.json by a %s = %d %s", name, r.Status, r.Body)
		}
		one, _ := archives(s.Do("GET", own+"1.0.0.json", token, nil))["linux_amd64"].(map[string]any)
		hashes, _ := one["hashes"].([]any)
		address, _ := one["url"].(string)
		if r := s.Do("GET", address, "", nil); r.Status != 200 || !bytes.Equal(r.Body, zip) || len(hashes) != 2 {
			t.Errorf("the archive for a %s = %d, hashes %v", name, r.Status, hashes)
		}
	}
	stranger := s.User("stranger").Token
	for _, document := range []string{"index.json", "1.0.0.json"} {
		if r := s.Do("GET", own+document, stranger, nil); r.Status != 404 {
			t.Errorf("%s by a stranger = %d %s, want 404", document, r.Status, r.Body)
		}
	}
	if r := s.Do("GET", own+"2.0.0.json", org.Owner.Token, nil); r.Status != 404 {
		t.Errorf("an absent version = %d %s, want 404", r.Status, r.Body)
	}
}

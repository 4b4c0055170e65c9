package providers_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"plumbline.dev/plumbline/internal/executor/providers"
	"plumbline.dev/plumbline/internal/executor/sandbox"
)

// networkMirror is a server's mirror of acme/x of registry.example.com.
type networkMirror struct {
	*httptest.Server
	archives map[string][]byte // by version
	said     map[string]string // checksums by version, if not those of the archives

	mu    sync.Mutex
	asked []string // paths, with the token
}

func newNetworkMirror(t *testing.T, versions ...string) *networkMirror {
	t.Helper()
	m := &networkMirror{archives: map[string][]byte{}, said: map[string]string{}}
	for _, v := range versions {
		m.archives[v] = zipped(t, "terraform-provider-x_v"+v, "the plugin "+v)
	}
	m.Server = httptest.NewTLSServer(http.HandlerFunc(m.serve))
	t.Cleanup(m.Close)
	return m
}

// zipped is an archive with one file.
func zipped(t *testing.T, name, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (m *networkMirror) serve(w http.ResponseWriter, req *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, req.URL.Path+" "+req.Header.Get("Authorization"))
	file := strings.TrimPrefix(req.URL.Path, "/mirror/registry.example.com/acme/x/")
	version, isVersion := strings.CutSuffix(file, ".json")
	switch {
	case file == "index.json":
		all := map[string]any{}
		for v := range m.archives {
			all[v] = map[string]any{}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"versions": all})
	case isVersion && m.archives[version] != nil:
		sum := m.said[version]
		if sum == "" {
			sum = fmt.Sprintf("zh:%x", sha256.Sum256(m.archives[version]))
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"archives": map[string]any{
			runtime.GOOS + "_" + runtime.GOARCH: map[string]any{"url": "/files/" + version, "hashes": []string{sum}},
			"plan9_mips":                        map[string]any{"url": "/files/none", "hashes": []string{"zh:of-plan9"}}}})
	case strings.HasPrefix(req.URL.Path, "/files/"):
		_, _ = w.Write(m.archives[strings.TrimPrefix(req.URL.Path, "/files/")])
	default:
		http.NotFound(w, req)
	}
}

func (m *networkMirror) source() providers.Source {
	return providers.Source{URL: m.URL + "/mirror/", Hosts: []string{"registry.example.com"}, Token: "run-token",
		CA: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: m.Certificate().Raw}))}
}

const ofExample = "registry.example.com/acme/x"

// filled has the mirror of a machine without an engine ask the source.
func filled(t *testing.T, m *networkMirror, constraints string, lock providers.Lock) (dir, said string, err error) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "providers")
	own, err := providers.New(providers.Options{Dir: dir, Registries: []string{"registry.example.com", "other.example.com"}, Sandbox: brokenSandbox})
	if err != nil {
		t.Fatal(err)
	}
	said, err = own.Fill(t.Context(), "/no/engine", providers.Needs{ofExample: constraints}, lock, m.source())
	return dir, said, err
}

func TestProvidersComeFromTheServersMirror(t *testing.T) {
	m := newNetworkMirror(t, "1.0.0", "1.9.0", "1.10.0", "2.0.0", "3.0.0-beta1")
	for constraints, want := range map[string]string{"~> 1.0": "1.10.0", "": "2.0.0", "1.0.0": "1.0.0", "3.0.0-beta1": "3.0.0-beta1"} {
		dir, said, err := filled(t, m, constraints, nil)
		if err != nil {
			t.Fatalf("Fill %q = %v\n%s", constraints, err, said)
		}
		file := filepath.Join(dir, "mirror", filepath.FromSlash(ofExample), want, runtime.GOOS+"_"+runtime.GOARCH, "terraform-provider-x_v"+want)
		b, err := os.ReadFile(file)
		if err != nil || string(b) != "the plugin "+want {
			t.Errorf("%q gave %q, %v, want version %s", constraints, b, err, want)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("mode = %v, %v, want 0755", info.Mode(), err)
		}
		text, err := os.ReadFile(filepath.Join(dir, "locks", filepath.FromSlash(ofExample), want+".hcl"))
		locked := providers.ParseLock(string(text))[ofExample]
		if err != nil || len(locked.Hashes) != 3 || !strings.HasPrefix(locked.Hashes[0], "h1:") {
			t.Errorf("what is known of it = %+v, %v, want h1, zh of this platform and of the other", locked, err)
		}
	}
	for _, path := range m.asked {
		if token := strings.HasSuffix(path, "Bearer run-token"); token == strings.HasPrefix(path, "/files/") {
			t.Errorf("asked %s: the token goes to documents and not to files", path)
		}
	}
}

// TestProvidersOfTheMirrorThatAreRefused: what the mirror does not give as it should, the
// engine is asked for, which is none here.
func TestProvidersOfTheMirrorThatAreRefused(t *testing.T) {
	good := newNetworkMirror(t, "1.0.0")
	h1 := providers.Lock{ofExample: {Version: "1.0.0", Hashes: []string{"zh:of-another-archive"}}}
	escaping := newNetworkMirror(t, "1.0.0")
	escaping.archives["1.0.0"] = zipped(t, "../../escaped", "x")
	tampered := newNetworkMirror(t, "1.0.0")
	tampered.said["1.0.0"] = "zh:of-what-was-signed"
	for name, c := range map[string]struct {
		mirror      *networkMirror
		constraints string
		lock        providers.Lock
		words       string
	}{
		"no version that fits":      {good, ">= 2", nil, "no version fits"},
		"a lock file of other code": {good, "= 1.0.0", h1, providers.ErrChecksum.Error()},
		"a path that leads out":     {escaping, "", nil, "does not belong there"},
		"a tampered archive":        {tampered, "", nil, "another checksum"},
	} {
		dir, said, err := filled(t, c.mirror, c.constraints, c.lock)
		if err == nil || !strings.Contains(said, c.words) {
			t.Errorf("%s: Fill = %v, it says %q, want %q", name, err, said, c.words)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "mirror", "*")); len(left) > 0 {
			t.Errorf("%s: it left %v", name, left)
		}
	}
}

func TestOnlyMirroredRegistriesAreAskedForAtTheMirror(t *testing.T) {
	m := newNetworkMirror(t, "1.0.0")
	own, err := providers.New(providers.Options{Dir: t.TempDir(), Registries: []string{"other.example.com"}, Sandbox: brokenSandbox})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := own.Fill(t.Context(), "/no/engine", providers.Needs{"other.example.com/acme/x": ""}, nil, m.source()); err == nil || len(m.asked) > 0 {
		t.Errorf("Fill = %v, and it asked %v, want an error and no question", err, m.asked)
	}
}

// brokenSandbox starts nothing.
var brokenSandbox = &sandbox.Sandbox{Kind: sandbox.None}

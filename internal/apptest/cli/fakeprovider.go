package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// FakeProviders are the names under which tools/fakeprovider can be used.
var FakeProviders = []string{"aws", "google", "azurerm", "kubernetes", "cloudflare", "github"}

// FakeProvider returns the binary of tools/fakeprovider: the one that PLUMBLINE_FAKEPROVIDER
// names, or the one that "make engines" has put into the cache; "" if there is none.
func FakeProvider() string {
	path := os.Getenv("PLUMBLINE_FAKEPROVIDER")
	if path == "" {
		path = cached("terraform-provider-fake")
	}
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// S3Server returns the binary of tools/s3server: the one that PLUMBLINE_S3SERVER names, or the
// one that "make engines" has put into the cache; "" if there is none.
func S3Server() string {
	path := os.Getenv("PLUMBLINE_S3SERVER")
	if path == "" {
		path = cached("s3server")
	}
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// FakeProviderConfig writes a configuration of the engines by which they find fakecloud.test/lab/aws
// and so on, version 1.0.0, and nothing else; it returns the file for TF_CLI_CONFIG_FILE. The test
// is skipped where the provider is not built.
func FakeProviderConfig(t testing.TB) string {
	t.Helper()
	binary, dir := fakeProvider(t), t.TempDir()
	for _, name := range FakeProviders {
		folder := filepath.Join(dir, "mirror", "fakecloud.test", "lab", name, "1.0.0", runtime.GOOS+"_"+runtime.GOARCH)
		if err := os.MkdirAll(folder, 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(binary, filepath.Join(folder, "terraform-provider-"+name+"_v1.0.0")); err != nil {
			t.Fatal(err)
		}
	}
	return mirrorConfig(t, dir, filepath.Join(dir, "mirror"))
}

// FakeProviderMirror returns a directory in which engines find lab/aws, version 1.0.0, whatever
// their registry. Scans of another user may read it, unlike what FakeProviderConfig names. The
// test is skipped where the provider is not built.
func FakeProviderMirror(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile(fakeProvider(t))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "mirror")
	for _, registry := range []string{"registry.opentofu.org", "registry.terraform.io"} {
		folder := filepath.Join(dir, registry, "lab", "aws", "1.0.0", runtime.GOOS+"_"+runtime.GOARCH)
		if err := os.MkdirAll(folder, 0o755); err != nil { // another user reads it
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "terraform-provider-aws_v1.0.0"), b, 0o755); err != nil { // another user executes it
			t.Fatal(err)
		}
	}
	return dir
}

// fakeProvider is the binary, without which the test is skipped.
func fakeProvider(t testing.TB) string {
	t.Helper()
	binary := FakeProvider()
	if binary == "" {
		t.Skip("the provider of the fake cloud is not here: run make engines")
	}
	return binary
}

// Mirror makes the engine find providers in a directory, and nowhere else.
func (s *Shell) Mirror(dir string) {
	s.T.Helper()
	s.Env = append(s.Env, "TF_CLI_CONFIG_FILE="+mirrorConfig(s.T, s.Home, dir))
}

// mirrorConfig writes a configuration of the engines into dir.
func mirrorConfig(t testing.TB, dir, mirror string) (file string) {
	t.Helper()
	file = filepath.Join(dir, "mirror.tfrc")
	if err := os.WriteFile(file, fmt.Appendf(nil, "provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

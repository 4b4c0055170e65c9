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
	binary := FakeProvider()
	if binary == "" {
		t.Skip("the provider of the fake cloud is not here: run make engines")
	}
	dir := t.TempDir()
	for _, name := range FakeProviders {
		folder := filepath.Join(dir, "mirror", "fakecloud.test", "lab", name, "1.0.0", runtime.GOOS+"_"+runtime.GOARCH)
		if err := os.MkdirAll(folder, 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(binary, filepath.Join(folder, "terraform-provider-"+name+"_v1.0.0")); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "fakecloud.tfrc")
	content := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", filepath.Join(dir, "mirror"))
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

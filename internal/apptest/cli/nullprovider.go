package cli

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// NullProvider returns the binary of tools/nullprovider: the one that PLUMBLINE_NULLPROVIDER
// names, or the one that "make engines" has put into the cache; "" if there is none.
func NullProvider() string {
	if path := os.Getenv("PLUMBLINE_NULLPROVIDER"); path != "" {
		return path
	}
	path := cached("terraform-provider-null")
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// ProviderDir makes a filesystem mirror of unpacked providers that holds hashicorp/null 3.2.4
// for both engines' default hosts. The test is skipped where the provider is not built.
func ProviderDir(t testing.TB) string {
	t.Helper()
	binary := NullProvider()
	if binary == "" {
		t.Skip("the null provider is not here: run make engines")
	}
	dir := t.TempDir()
	for _, host := range []string{"registry.terraform.io", "registry.opentofu.org"} {
		folder := filepath.Join(dir, host, "hashicorp", "null", "3.2.4", runtime.GOOS+"_"+runtime.GOARCH)
		if err := os.MkdirAll(folder, 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(binary, filepath.Join(folder, "terraform-provider-null_v3.2.4")); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

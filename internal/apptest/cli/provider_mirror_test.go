package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/apptest/cli"
)

// TestProvidersFromTheMirror: engines install a provider of another registry through this
// server, and go on doing so once that registry is gone.
func TestProvidersFromTheMirror(t *testing.T) {
	engines := cli.Engines()
	if len(engines) == 0 {
		t.Skip("neither tofu nor terraform is here: run make engines")
	}
	for _, e := range engines {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			archive := nullArchive(t, "1.0.0")
			o := apptest.NewOrigin(t, apptest.NewSigner(t), func(string) []byte { return archive }, "1.0.0")
			s := apptest.Start(t, o.Mirrored)
			address, caFile := s.TLS()
			token := s.User("somebody").Token
			install := func() {
				sh := cli.NewShell(t, e, address, caFile, token)
				file := filepath.Join(sh.Home, "cli.tfrc")
				rc, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				rc = fmt.Appendf(rc, "provider_installation {\n  network_mirror { url = %q }\n}\n", address+"/api/registry/mirror/v1/")
				if err := os.WriteFile(file, rc, 0o600); err != nil {
					t.Fatal(err)
				}
				sh.Write("main.tf", usesNull("https://registry.example.com", "1.0.0"))
				sh.Write("main.tf", strings.Replace(sh.Read("main.tf"), "/acme/null", "/example/null", 1))
				sh.Run("init")
				sh.Run("apply", "-auto-approve")
			}
			install()
			o.Stop()
			install()
		})
	}
}

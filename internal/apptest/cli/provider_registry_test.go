package cli_test

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/apptest/cli"
)

// nullArchive is the null provider as a release has it.
func nullArchive(t *testing.T, version string) []byte {
	t.Helper()
	binary := cli.NullProvider()
	if binary == "" {
		t.Skip("the null provider is not here: run make engines")
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	return apptest.ProviderZip(t, "terraform-provider-null_v"+version, content)
}

// publishNull publishes versions 1.0.0 and 1.1.0 of acme/null for this machine.
func (st *stage) publishNull(t *testing.T) {
	t.Helper()
	signer := apptest.NewRSASigner(t)
	st.AddKey(st.org, signer)
	for _, version := range []string{"1.0.0", "1.1.0"} {
		st.PublishProvider(st.org, signer, "null", version, map[string][]byte{runtime.GOOS + "_" + runtime.GOARCH: nullArchive(t, version)})
	}
	st.Settle()
}

// usesNull is a configuration that uses the provider of the server at address.
func usesNull(address, constraint string) string {
	return fmt.Sprintf(`terraform {
  required_providers {
    null = {
      source  = "%s/acme/null"
      version = %q
    }
  }
}
resource "null_resource" "a" { triggers = { word = "one" } }
`, cli.Host(address), constraint)
}

// TestProvidersFromTheRegistry publishes a provider in two versions, installs it by a
// constraint, applies, and upgrades.
func TestProvidersFromTheRegistry(t *testing.T) {
	each(t, func(t *testing.T, st *stage, e cli.Engine) {
		st.publishNull(t)
		s := st.shell(t, e, st.Member(st.org, "member").Token)
		s.Write("main.tf", usesNull(st.address, "~> 1.0.0"))
		if out := s.Run("init"); !strings.Contains(out, "v1.0.0") {
			t.Errorf("init = %s, want version 1.0.0 installed", out)
		}
		lock := s.Read(".terraform.lock.hcl")
		if !strings.Contains(lock, `"1.0.0"`) || !strings.Contains(lock, "h1:") {
			t.Errorf("lock file = %s, want version 1.0.0 and a hash", lock)
		}
		s.Run("apply", "-auto-approve")

		s.Write("main.tf", usesNull(st.address, "~> 1.0"))
		s.Run("init")
		if lock := s.Read(".terraform.lock.hcl"); !strings.Contains(lock, `"1.0.0"`) {
			t.Errorf("lock file after a wider constraint = %s, want still 1.0.0", lock)
		}
		if out := s.Run("init", "-upgrade"); !strings.Contains(out, "v1.1.0") {
			t.Errorf("init -upgrade = %s, want version 1.1.0 installed", out)
		}
		if out := s.Run("plan"); !strings.Contains(out, "No changes") {
			t.Errorf("plan after the upgrade = %s, want no changes", out)
		}
		s.Run("destroy", "-auto-approve")
		s.Write("main.tf", usesNull(st.address, "~> 2.0"))
		s.Fail("no available releases match the given constraints", "init", "-upgrade")
	})
}

// TestProvidersThatAreNotGenuine: who changes an archive or a signature on its way is found
// out by the engine, and who may not see the provider is told so.
func TestProvidersThatAreNotGenuine(t *testing.T) {
	each(t, func(t *testing.T, st *stage, e cli.Engine) {
		st.publishNull(t)
		flipped := func(b []byte) []byte {
			if len(b) == 0 {
				return b // the answer to HEAD
			}
			b = bytes.Clone(b)
			b[len(b)/2] ^= 1
			return b
		}
		for contentType, says := range map[string]string{
			"application/zip":           "archive has incorrect checksum",
			"application/octet-stream":  "error checking signature",
			"text/plain; charset=utf-8": "checksum list has", // unexpected hash, or none for the file
		} {
			address, caFile := tampering(t, st.App.Handler(), contentType, flipped)
			s := cli.NewShell(t, e, address, caFile, st.org.Owner.Token)
			s.Write("main.tf", usesNull(address, "1.1.0"))
			s.Fail(says, "init")
		}
		stranger := st.shell(t, e, st.User("stranger").Token)
		stranger.Write("main.tf", usesNull(st.address, "1.1.0"))
		stranger.Fail("does not have a provider named", "init")
		guest := st.shell(t, e, "")
		guest.Write("main.tf", usesNull(st.address, "1.1.0"))
		guest.Fail("authentication credentials", "init")
	})
}

// tampering serves h, with the body of each answer of the content type changed.
func tampering(t *testing.T, h http.Handler, contentType string, change func([]byte) []byte) (address, caFile string) {
	t.Helper()
	web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, req)
		body := rec.Body.Bytes()
		if rec.Header().Get("Content-Type") == contentType {
			body = change(body)
		}
		maps.Copy(w.Header(), rec.Header())
		w.WriteHeader(rec.Code)
		_, _ = w.Write(body)
	}))
	t.Cleanup(web.Close)
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return web.URL, caFile
}

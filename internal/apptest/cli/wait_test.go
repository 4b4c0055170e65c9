package cli_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/identity/tokens"
)

// waitFor waits until a file exists: another process makes it.
func waitFor(t *testing.T, file string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(time.Minute)
	for {
		if _, err := os.Stat(file); err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("%s did not appear within a minute", file)
		}
	}
}

// runToken mints what a run of the workspace would get.
func (st *stage) runToken(workspaceID string) string {
	st.T.Helper()
	return st.Token(tokens.Token{Kind: tokens.Run, WorkspaceID: &workspaceID})
}

// transport trusts the certificate of the server under test.
func (st *stage) transport(t *testing.T) http.RoundTripper {
	t.Helper()
	pem, err := os.ReadFile(st.caFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
}

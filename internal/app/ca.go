package app

import (
	"net/http"
	"os"
	"path/filepath"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// serveCA serves /app/ca.pem: the certificate that clients must trust when the server
// made its own. It is public. Where clients trust the server already the answer is empty.
func (a *App) serveCA() {
	a.Router.At("").Raw("GET /app/ca.pem", authz.Anyone, func(w http.ResponseWriter, _ *http.Request) error {
		if a.Config.TLS != "self-signed" || a.Config.TLSCert != "" {
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		b, err := os.ReadFile(filepath.Join(a.Config.DataDir, "tls", "ca.pem"))
		if err != nil {
			return problem.NotFound // it is made when the server starts
		}
		w.Header().Set("Content-Type", "application/x-pem-file")
		_, _ = w.Write(b) // a client that went away is no error of ours
		return nil
	})
}

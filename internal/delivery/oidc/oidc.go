// Package oidc gives runs and scans an identity: tokens signed by this server (workload identity),
// with which cloud platforms exchange short-lived credentials. It is an OpenID provider
// as far as verifiers need one: a discovery document and public keys.
//
// The surprising rule: a new key is published a day before it signs, and an old one stays
// published two days after it signed last, so that verifiers may cache the keys. Site
// administrators can be quicker: a key that they ask for signs at once.
package oidc

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jobs"
)

// Feature signs the identities of runs and scans.
type Feature struct {
	DB      *db.DB
	Keyring *crypt.Keyring
	Jobs    *jobs.Queue

	router *api.Router
}

// Routes adds the endpoints of this package to r, and its sweep to Jobs.
func (f *Feature) Routes(r *api.Router) {
	f.router = r
	f.Jobs.Every("oidc-keys", 6*time.Hour, f.Rotate)
	root := r.At("")
	root.Raw("GET /.well-known/openid-configuration", authz.Anyone, f.discovery)
	root.Raw("GET /.well-known/jwks", authz.Anyone, f.jwks)
	f.adminRoutes(r)
}

// claims are the names of all claims of a token.
var claims = []string{
	"sub", "aud", "exp", "iat", "iss", "jti", "nbf",
	"terraform_run_phase", "terraform_run_id", "terraform_full_workspace",
	"terraform_workspace_id", "terraform_workspace_name",
	"terraform_project_id", "terraform_project_name",
	"terraform_organization_id", "terraform_organization_name",
	"plumbline_schedule_id", "plumbline_folder", "plumbline_scan_id",
}

// discovery is the document of OpenID Connect Discovery 1.0.
func (f *Feature) discovery(w http.ResponseWriter, req *http.Request) error {
	issuer := f.router.Address(req)
	w.Header().Set("Cache-Control", "public, max-age=3600")
	return api.WriteJSON(w, http.StatusOK, "application/json", map[string]any{
		"issuer":                                issuer,
		"jwks_uri":                              issuer + "/.well-known/jwks",
		"response_types_supported":              []string{"id_token"},
		"subject_types_supported":               []string{"public"},
		"scopes_supported":                      []string{"openid"},
		"claims_supported":                      claims,
		"id_token_signing_alg_values_supported": []string{"RS256"},
	})
}

// jwks are the public keys (RFC 7517), the newest first.
func (f *Feature) jwks(w http.ResponseWriter, req *http.Request) error {
	public, err := f.published(req.Context())
	if err != nil {
		return err
	}
	if len(public) == 0 {
		if err := f.Rotate(req.Context()); err != nil {
			return err
		}
		if public, err = f.published(req.Context()); err != nil {
			return err
		}
	}
	keys := make([]json.RawMessage, len(public))
	for i, key := range public {
		keys[i] = json.RawMessage(key)
	}
	w.Header().Set("Cache-Control", "public, max-age=3600")
	return api.WriteJSON(w, http.StatusOK, "application/json", map[string]any{"keys": keys})
}

func (f *Feature) published(ctx context.Context) ([]string, error) {
	return db.All[string](ctx, f.DB, `SELECT public FROM oidc_keys ORDER BY generation DESC`)
}

package oidc_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/delivery/oidc"
	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/db"
)

var workload = oidc.Workload{
	OrgID: "org-1", Organization: "acme", ProjectID: "prj-1", Project: "Default Project",
	WorkspaceID: "ws-1", Workspace: "app", RunID: "run-1", Phase: "plan", Limit: 2 * time.Hour,
}

const address = "https://plumbline.example.com"

func public(c *config.Server) { c.PublicURL = address }

// get reads a document of the provider, as a verifier does.
func get[T any](s *apptest.Server, path string) T {
	s.T.Helper()
	r := s.Do("GET", path, "", nil)
	var v T
	if r.Status != 200 || r.Header.Get("Content-Type") != "application/json" {
		s.T.Fatalf("GET %s = %d %s", path, r.Status, r.Header.Get("Content-Type"))
	}
	if err := json.Unmarshal(r.Body, &v); err != nil {
		s.T.Fatalf("GET %s = %s: %v", path, r.Body, err)
	}
	return v
}

// jwk is a public key as verifiers read it.
type jwk struct{ Kty, Use, Alg, Kid, N, E string }

func keys(s *apptest.Server) []jwk {
	s.T.Helper()
	return get[struct{ Keys []jwk }](s, "/.well-known/jwks").Keys
}

// verify checks a token by the published keys alone and returns its claims.
func verify(s *apptest.Server, token string) map[string]any {
	s.T.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		s.T.Fatalf("token = %s", token)
	}
	var header struct{ Typ, Alg, Kid string }
	claims := map[string]any{}
	if err := json.Unmarshal(raw(s, parts[0]), &header); err != nil || header.Typ != "JWT" || header.Alg != "RS256" {
		s.T.Fatalf("header = %+v, %v", header, err)
	}
	if err := json.Unmarshal(raw(s, parts[1]), &claims); err != nil {
		s.T.Fatal(err)
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	for _, k := range keys(s) {
		if k.Kid != header.Kid || k.Kty != "RSA" || k.Use != "sig" || k.Alg != "RS256" {
			continue
		}
		key := &rsa.PublicKey{N: new(big.Int).SetBytes(raw(s, k.N)), E: int(new(big.Int).SetBytes(raw(s, k.E)).Int64())}
		if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], raw(s, parts[2])); err != nil {
			s.T.Fatalf("signature: %v", err)
		}
		return claims
	}
	s.T.Fatalf("no published key is %q", header.Kid)
	return nil
}

func raw(s *apptest.Server, text string) []byte {
	s.T.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		s.T.Fatal(err)
	}
	return b
}

func token(s *apptest.Server, w oidc.Workload, audience string) string {
	s.T.Helper()
	text, err := s.App.OIDC.Token(s.T.Context(), w, audience)
	if err != nil {
		s.T.Fatal(err)
	}
	return text
}

func TestTokenIsVerifiedByTheDiscoveredKeys(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		before := time.Now().Unix()
		claims := verify(s, token(s, workload, "my-audience"))
		iat, nbf, exp := claims["iat"].(float64), claims["nbf"].(float64), claims["exp"].(float64)
		if int64(iat) < before || nbf > iat || int64(exp-iat) != 7200 {
			s.T.Errorf("iat %v, nbf %v, exp %v", iat, nbf, exp)
		}
		if claims["jti"] == verify(s, token(s, workload, "my-audience"))["jti"] {
			s.T.Error("two tokens have one jti")
		}
		for _, name := range []string{"iat", "nbf", "exp", "jti"} {
			delete(claims, name)
		}
		want := map[string]any{
			"iss": address, "aud": "my-audience",
			"sub":                         "organization:acme:project:Default Project:workspace:app:run_phase:plan",
			"terraform_full_workspace":    "organization:acme:project:Default Project:workspace:app",
			"terraform_organization_id":   "org-1",
			"terraform_organization_name": "acme",
			"terraform_project_id":        "prj-1",
			"terraform_project_name":      "Default Project",
			"terraform_workspace_id":      "ws-1",
			"terraform_workspace_name":    "app",
			"terraform_run_id":            "run-1",
			"terraform_run_phase":         "plan",
		}
		if diff := cmp.Diff(want, claims); diff != "" {
			s.T.Error(diff)
		}
		found := get[map[string]any](s, "/.well-known/openid-configuration")
		if found["issuer"] != address || found["jwks_uri"] != address+"/.well-known/jwks" {
			s.T.Errorf("discovery = %v", found)
		}
		supported := map[string]bool{}
		for _, name := range found["claims_supported"].([]any) {
			supported[name.(string)] = true
		}
		for name := range want {
			if !supported[name] {
				s.T.Errorf("claims_supported lacks %s", name)
			}
		}
	}, public)
}

func TestTokenLivesNoLongerThanItsKeyIsPublished(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		w := workload
		w.Limit = 1000 * time.Hour
		claims := verify(s, token(s, w, "a"))
		if life := claims["exp"].(float64) - claims["iat"].(float64); life != 24*3600 {
			s.T.Errorf("it lives %v s, want a day", life)
		}
	}, public)
}

func TestKeysRotate(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx := s.T.Context()
		// pass lets time go by for the keys that there are.
		pass := func(d time.Duration) {
			s.T.Helper()
			rows, err := db.All[struct {
				ID      string  `db:"id"`
				SignsAt db.Time `db:"signs_at"`
			}](ctx, s.DB, `SELECT id, signs_at FROM oidc_keys`)
			if err != nil {
				s.T.Fatal(err)
			}
			for _, k := range rows {
				if _, err := s.DB.Exec(ctx, `UPDATE oidc_keys SET signs_at = ? WHERE id = ?`, db.At(k.SignsAt.Add(-d)), k.ID); err != nil {
					s.T.Fatal(err)
				}
			}
			for range 2 { // twice does no more than once
				if err := s.App.OIDC.Rotate(ctx); err != nil {
					s.T.Fatal(err)
				}
			}
		}
		first := keys(s)
		if len(first) != 1 {
			s.T.Fatalf("keys = %v, want one", first)
		}
		early := token(s, workload, "a")
		pass(58 * 24 * time.Hour)
		if got := keys(s); len(got) != 1 {
			s.T.Errorf("keys after 58 days = %v, want one", got)
		}
		pass(25 * time.Hour)
		both := keys(s)
		if len(both) != 2 || both[1] != first[0] {
			s.T.Fatalf("keys after 59 days = %v, want the next one published", both)
		}
		if verify(s, token(s, workload, "a")); !strings.HasPrefix(token(s, workload, "a"), strings.Split(early, ".")[0]) {
			s.T.Error("the next key signs before it was published for a day")
		}
		pass(25 * time.Hour)
		late := token(s, workload, "a")
		if verify(s, late); strings.HasPrefix(late, strings.Split(early, ".")[0]) {
			s.T.Error("the old key still signs")
		}
		verify(s, early)
		pass(48 * time.Hour)
		if got := keys(s); len(got) != 1 || got[0] != both[0] {
			s.T.Errorf("keys two days later = %v, want the new one alone", got)
		}
		verify(s, late)
	}, public)
}

func TestPrivateKeysAreSealed(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		body := string(s.Do("GET", "/.well-known/jwks", "", nil).Body)
		for _, part := range []string{`"d"`, `"p"`, `"q"`, `"dp"`, `"dq"`, `"qi"`} {
			if strings.Contains(body, part) {
				s.T.Errorf("jwks has %s", part)
			}
		}
		sealed, err := db.One[[]byte](s.T.Context(), s.DB, `SELECT private FROM oidc_keys`)
		if err != nil {
			s.T.Fatal(err)
		}
		if strings.HasPrefix(string(sealed), "\x30\x82") {
			s.T.Error("the row holds a key in the clear")
		}
	}, public)
}

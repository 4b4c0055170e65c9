package oidc_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/audit"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// signedBy is the key that a token names.
func signedBy(s *apptest.Server, token string) string {
	s.T.Helper()
	var header struct{ Kid string }
	b, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
	if err != nil || json.Unmarshal(b, &header) != nil {
		s.T.Fatalf("token = %s", token)
	}
	return header.Kid
}

func TestAdministratorsRotateAndTrimKeys(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		settings := s.Admin().Admin.Settings.OIDC
		kids := func() (out []string) {
			for _, k := range keys(s) {
				out = append(out, k.Kid)
			}
			return out
		}
		old := token(s, workload, "a")
		first := kids()
		if err := settings.RotateKey(s.T.Context()); err != nil {
			s.T.Fatal(err)
		}
		second := kids()
		if len(second) != 2 || second[1] != first[0] || signedBy(s, token(s, workload, "a")) != second[0] {
			s.T.Errorf("keys after the rotation = %v, want another than %v first, which signs", second, first)
		}
		verify(s, old)
		r := s.Do("GET", "/api/v2/admin/oidc-settings", s.AdminToken(), nil)
		list, _ := r.JSON()["data"].(map[string]any)["attributes"].(map[string]any)["keys"].([]any)
		if len(list) != 2 || list[0].(map[string]any)["signs"] != true || list[1].(map[string]any)["signs"] != false || strings.Contains(string(r.Body), "private") {
			s.T.Errorf("GET = %s", r.Body)
		}
		// The next key of the server itself is published a day before it signs. It is the newest.
		if _, err := s.DB.Exec(s.T.Context(), `UPDATE oidc_keys SET signs_at = ? WHERE id = ?`, db.At(db.Now().Add(1e15)), second[0]); err != nil {
			s.T.Fatal(err)
		}
		if err := settings.TrimKey(s.T.Context()); err != nil {
			s.T.Fatal(err)
		}
		if diff := cmp.Diff(second[:1], kids()); diff != "" || signedBy(s, token(s, workload, "a")) != second[0] {
			s.T.Errorf("keys after trimming (-want +got), of which the one signs:\n%s", diff)
		}
		trail, err := db.All[audit.Event](s.T.Context(), s.DB, `FROM audit_events WHERE resource_type = 'oidc-settings' ORDER BY at, id`)
		if err != nil || len(trail) != 2 || trail[0].Action != "rotate-key" || trail[1].Action != "trim-key" || trail[0].ActorName != "site-admin" {
			s.T.Errorf("trail = %+v, %v", trail, err)
		}
		owner := s.Org("acme").Owner
		for _, action := range []string{"rotate-key", "trim-key"} {
			if r := s.Do("POST", "/api/v2/admin/oidc-settings/actions/"+action, owner.Token, nil); r.Status != 404 {
				s.T.Errorf("%s by an owner = %d, want 404", action, r.Status)
			}
		}
	})
}

func TestTrimBeforeTheFirstToken(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		if err := s.Admin().Admin.Settings.OIDC.TrimKey(s.T.Context()); err != nil || len(keys(s)) != 1 {
			s.T.Errorf("TrimKey = %v, keys = %v, want one", err, keys(s))
		}
	})
}

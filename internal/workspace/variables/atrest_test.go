package variables_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// TestSecretsAreUnreadableAtRest looks for planted values in every file that the
// server keeps, the write-ahead log of the database included.
func TestSecretsAreUnreadableAtRest(t *testing.T) {
	s := apptest.Start(t)
	org := s.Org("acme")
	ws := s.Workspace(org, "", "app")
	const sensitive, plain, changed, inSet, key, name = "planted-sensitive-4711", "planted-plain-4712", "planted-changed-4713", "planted-in-set-4714", "planted-ssh-key-4715", "visible-name-4716"
	post := func(path string, body any) string {
		t.Helper()
		return made(t, s.Do("POST", path, org.Owner.Token, body))
	}
	vars := "/api/v2/workspaces/" + ws + "/vars"
	post(vars, document("", map[string]any{"key": name, "category": "env", "value": sensitive, "sensitive": true}))
	v := post(vars, document("", map[string]any{"key": "b", "category": "env", "value": plain}))
	if r := s.Do("PATCH", vars+"/"+v, org.Owner.Token, document(v, map[string]any{"value": changed})); r.Status != 200 {
		t.Fatalf("update = %d %s", r.Status, r.Body)
	}
	post("/api/v2/organizations/acme/varsets", map[string]any{"data": map[string]any{"type": "varsets", "attributes": map[string]any{"name": "shared"},
		"relationships": map[string]any{"vars": map[string]any{"data": []any{map[string]any{"type": "vars", "attributes": map[string]any{"key": "c", "category": "env", "value": inSet}}}}}}})
	post("/api/v2/organizations/acme/ssh-keys", map[string]any{"data": map[string]any{"type": "ssh-keys", "attributes": map[string]any{"name": "deploy", "value": key}}})

	if !found(t, s.Dir, name) {
		t.Fatalf("the name of a variable is in no file of %s: the search finds nothing", s.Dir)
	}
	for _, secret := range []string{sensitive, plain, changed, inSet, key} {
		if found(t, s.Dir, secret) {
			t.Errorf("%s can be read in a file of the server", secret)
		}
	}
}

// found reports whether a file below dir contains the text.
func found(t *testing.T, dir, text string) (yes bool) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		yes = yes || bytes.Contains(b, []byte(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return yes
}

// TestTrailNamesWhatChangedAndNoValue reads the audit trail of changes.
func TestTrailNamesWhatChangedAndNoValue(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		vars := "/api/v2/workspaces/" + s.Workspace(org, "", "app") + "/vars"
		if _, err := s.DB.Exec(s.T.Context(), `DELETE FROM audit_events`); err != nil {
			s.T.Fatal(err)
		}
		v := made(s.T, s.Do("POST", vars, org.Owner.Token, document("", map[string]any{"key": "b", "category": "env", "value": "planted-4717"})))
		for _, step := range []struct {
			method string
			body   any
			status int
		}{{"PATCH", document(v, map[string]any{"key": ""}), 422}, {"GET", nil, 200}, {"PATCH", document(v, map[string]any{"value": "planted-4718"}), 200}, {"DELETE", nil, 204}, {"DELETE", nil, 404}} {
			if r := s.Do(step.method, vars+"/"+v, org.Owner.Token, step.body); r.Status != step.status {
				s.T.Errorf("%s = %d %s, want %d", step.method, r.Status, r.Body, step.status)
			}
		}
		type record struct {
			Action  string `db:"action"`
			Type    string `db:"resource_type"`
			ID      string `db:"resource_id"`
			Org     string `db:"org_id"`
			Actor   string `db:"actor_id"`
			Changed string `db:"changed"`
		}
		got, err := db.All[record](s.T.Context(), s.DB, `SELECT action, resource_type, resource_id, org_id, actor_id, changed FROM audit_events ORDER BY at, id`)
		want := []record{
			{"create", "vars", v, org.ID, org.Owner.ID, `["category","key","value"]`},
			{"update", "vars", v, org.ID, org.Owner.ID, `["value"]`},
			{"destroy", "vars", v, org.ID, org.Owner.ID, `null`},
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			s.T.Errorf("trail = %v\n%s", err, diff)
		}
	})
}

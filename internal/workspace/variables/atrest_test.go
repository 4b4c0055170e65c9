package variables_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
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

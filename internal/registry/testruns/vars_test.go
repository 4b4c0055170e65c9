package testruns_test

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/db"
)

func TestVariablesOfTests(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		env := tfe.Category(tfe.CategoryEnv)
		v, err := f.c.TestVariables.Create(f.ctx, f.id, tfe.VariableCreateOptions{Key: new("some_key"), Value: new("some_value"), Description: new("some description"), Category: env})
		f.must(err)
		r := s.Do("GET", f.base+"/vars", f.org.Owner.Token, nil)
		data := r.JSON()["data"].([]any)[0].(map[string]any)
		a := data["attributes"].(map[string]any)
		if a["created-at"] == nil || a["version-id"] != v.VersionID {
			s.T.Errorf("attributes = %v", a)
		}
		delete(a, "created-at")
		delete(a, "version-id")
		want := map[string]any{"id": v.ID, "type": "vars", "links": map[string]any{"self": "/api/v2/vars/" + v.ID},
			"attributes": map[string]any{"key": "some_key", "value": "some_value", "sensitive": false, "category": "env", "hcl": false, "description": "some description"}}
		if diff := cmp.Diff(want, data); diff != "" {
			s.T.Errorf("variable (-want +got):\n%s", diff)
		}
		changed, err := f.c.TestVariables.Update(f.ctx, f.id, v.ID, tfe.VariableUpdateOptions{Key: new("name"), Value: new("mars")})
		f.must(err)
		if changed.Key != "name" || changed.Value != "mars" || changed.VersionID == v.VersionID || changed.Description != "some description" {
			s.T.Errorf("Update = %+v", changed)
		}
		for body, words := range map[string]string{
			`"key":"a-b","value":"x","category":"env"`:      "Key must begin with a letter or underscore",
			`"key":"9a","value":"x","category":"env"`:       "Key must begin with a letter or underscore",
			`"key":"","value":"x","category":"env"`:         "Key can't be blank",
			`"key":"k","value":"x","category":"terraform"`:  "Category must be \\\"env\\\"",
			`"key":"name","value":"other","category":"env"`: "Key has already been taken",
			`"key":"k","value":"x","category":"policy-set"`: "Category is not included in the list",
		} {
			says(s.T, body, s.Do("POST", f.base+"/vars", f.org.Owner.Token, `{"data":{"type":"vars","attributes":{`+body+`}}}`), 422, words)
		}
		f.must(f.c.TestVariables.Delete(f.ctx, f.id, v.ID))
		says(s.T, "GET of a deleted one", s.Do("GET", f.base+"/vars/"+v.ID, f.org.Owner.Token, nil), 404, "")
		says(s.T, "DELETE of a deleted one", s.Do("DELETE", f.base+"/vars/"+v.ID, f.org.Owner.Token, nil), 404, "")
	})
}

// TestSensitiveVariablesOfTests go to the executor, which masks them, and nowhere else.
func TestSensitiveVariablesOfTests(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		env := tfe.Category(tfe.CategoryEnv)
		const secret = "hunter2hunter2"
		v, err := f.c.TestVariables.Create(f.ctx, f.id, tfe.VariableCreateOptions{Key: new("PASSWORD"), Value: new(secret), Category: env, Sensitive: new(true)})
		f.must(err)
		_, err = f.c.TestVariables.Create(f.ctx, f.id, tfe.VariableCreateOptions{Key: new("REGION"), Value: new("west"), Category: env})
		f.must(err)
		for _, path := range []string{"/vars", "/vars/" + v.ID} {
			if r := s.Do("GET", f.base+path, f.org.Owner.Token, nil); bytes.Contains(r.Body, []byte(secret)) || !bytes.Contains(r.Body, []byte(`"value":null`)) {
				s.T.Errorf("GET %s tells %s", path, r.Body)
			}
		}
		says(s.T, "making it readable", s.Do("PATCH", f.base+"/vars/"+v.ID, f.org.Owner.Token, `{"data":{"type":"vars","attributes":{"sensitive":false}}}`), 422, "Sensitive can't be changed")
		stored, err := db.All[[]byte](f.ctx, s.DB, `SELECT value FROM test_variables`)
		f.must(err)
		for _, b := range stored {
			if bytes.Contains(b, []byte(secret)) || bytes.Contains(b, []byte("west")) {
				s.T.Error("a value is stored as it is")
			}
		}
		f.create(tfe.TestRunCreateOptions{Variables: []*tfe.RunVariable{{Key: "REGION", Value: `"east"`}}})
		_, spec := f.claim()
		want := []proto.Env{{Name: "PASSWORD", Value: secret, Sensitive: true}, {Name: "REGION", Value: "east"}}
		if diff := cmp.Diff(want, spec.Env); diff != "" || len(spec.Variables) != 0 {
			s.T.Errorf("environment (-want +got):\n%s\nvariables %v", diff, spec.Variables)
		}
		stored, err = db.All[[]byte](f.ctx, s.DB, `SELECT variables FROM test_runs`)
		if err != nil || bytes.Contains(stored[0], []byte("east")) {
			s.T.Errorf("variables of a test run are stored as %q, %v", stored, err)
		}
	})
}

// TestChangesAtTheSameTime: neither of two requests takes back what the other has set.
func TestChangesAtTheSameTime(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		v, err := f.c.TestVariables.Create(f.ctx, f.id, tfe.VariableCreateOptions{Key: new("key"), Value: new("0"), Category: new(tfe.CategoryEnv)})
		f.must(err)
		module := "/api/v2/organizations/acme/registry-modules/private/acme/net/aws"
		patch := func(path, typ, attributes string) {
			if r := s.Do("PATCH", path, f.org.Owner.Token, `{"data":{"type":"`+typ+`","attributes":{`+attributes+`}}}`); r.Status != 200 {
				s.T.Errorf("PATCH %s of %s = %d %s", path, attributes, r.Status, r.Body)
			}
		}
		for i := range 15 {
			var both sync.WaitGroup
			value, on := fmt.Sprint("value-", i), i%2 == 0
			both.Go(func() { patch(f.base+"/vars/"+v.ID, "vars", `"value":"`+value+`"`) })
			both.Go(func() { patch(f.base+"/vars/"+v.ID, "vars", `"description":"`+value+`"`) })
			both.Go(func() { patch(module, "registry-modules", fmt.Sprintf(`"no-code":%v`, on)) })
			both.Go(func() { patch(module, "registry-modules", fmt.Sprintf(`"test-config":{"tests-enabled":%v}`, on)) })
			both.Wait()
			got, err := f.c.TestVariables.Read(f.ctx, f.id, v.ID)
			f.must(err)
			m, err := f.c.RegistryModules.Read(f.ctx, f.id)
			f.must(err)
			if got.Value != value || got.Description != value || m.NoCode != on || m.TestConfig.TestsEnabled != on {
				s.T.Fatalf("round %d: variable = %q, %q; module = %v, %v; want %q and %v", i, got.Value, got.Description, m.NoCode, m.TestConfig.TestsEnabled, value, on)
			}
		}
	})
}

package variables_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/identity/tokens"
)

func document(id string, attributes map[string]any) map[string]any {
	return map[string]any{"data": map[string]any{"type": "vars", "id": id, "attributes": attributes}}
}

// made returns the id of the resource in an answer.
func made(t *testing.T, r *apptest.Response) string {
	t.Helper()
	var doc struct{ Data struct{ ID string } }
	if err := json.Unmarshal(r.Body, &doc); err != nil || r.Status >= 300 {
		t.Fatalf("answer = %d %s, want a resource", r.Status, r.Body)
	}
	return doc.Data.ID
}

func TestVariableLifecycle(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, org := s.T.Context(), s.Org("acme")
		ws, c := s.Workspace(org, "", "app"), s.Client(org.Owner.Token)
		v, err := c.Variables.Create(ctx, ws, tfe.VariableCreateOptions{Key: new("region"), Value: new("eu"), Description: new("where"),
			Category: tfe.Category(tfe.CategoryTerraform)})
		if err != nil {
			s.T.Fatal(err)
		}
		if v.Workspace == nil || v.Workspace.ID != ws || v.Value != "eu" || v.Description != "where" || v.HCL || v.Sensitive {
			s.T.Errorf("Create = %+v, want what was sent", v)
		}
		if _, err := c.Variables.Create(ctx, ws, tfe.VariableCreateOptions{Key: new("region"), Category: tfe.Category(tfe.CategoryEnv)}); err != nil {
			s.T.Errorf("Create of the same key in another category = %v, want nil", err)
		}
		got, err := c.Variables.Update(ctx, ws, v.ID, tfe.VariableUpdateOptions{Value: new("us"), HCL: new(true)})
		if err != nil || got.Value != "us" || !got.HCL || got.Key != "region" || got.Description != "where" || got.VersionID == v.VersionID {
			s.T.Errorf("Update = %+v, %v, want the value us in a new version", got, err)
		}
		read, err := c.Variables.Read(ctx, ws, v.ID)
		if diff := cmp.Diff(got, read); err != nil || diff != "" {
			s.T.Errorf("Read = %v, difference from Update:\n%s", err, diff)
		}
		if w, err := c.Workspaces.ReadByID(ctx, ws); err != nil || len(w.Variables) != 2 {
			s.T.Errorf("the workspace names %d variables, %v, want 2", len(w.Variables), err)
		}
		list, err := c.Variables.List(ctx, ws, nil)
		if err != nil || len(list.Items) != 2 {
			s.T.Errorf("List = %+v, %v, want 2 variables", list, err)
		}
		if err := c.Variables.Delete(ctx, ws, v.ID); err != nil {
			s.T.Errorf("Delete = %v", err)
		}
		if _, err := c.Variables.Read(ctx, ws, v.ID); err != tfe.ErrResourceNotFound { //nolint:errorlint // go-tfe's own sentinel
			s.T.Errorf("Read after Delete = %v, want not found", err)
		}
	})
}

func TestSensitiveValueNeverComesBack(t *testing.T) {
	const secret = "planted-sensitive-value"
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		ws := s.Workspace(org, "", "app")
		vars := "/api/v2/workspaces/" + ws + "/vars"
		var bodies []string
		do := func(method, path string, body any, want int) *apptest.Response {
			r := s.Do(method, path, org.Owner.Token, body)
			if r.Status != want {
				s.T.Fatalf("%s %s = %d %s, want %d", method, path, r.Status, r.Body, want)
			}
			bodies = append(bodies, string(r.Body))
			return r
		}
		v := made(s.T, do("POST", vars, document("", map[string]any{"key": "password", "value": secret, "category": "terraform", "sensitive": true}), 201))
		one := vars + "/" + v
		do("GET", one, nil, 200)
		do("GET", vars, nil, 200)
		do("GET", "/api/v2/workspaces/"+ws+"/all-vars", nil, 200)
		do("GET", "/api/v2/vars?filter[organization][name]=acme&filter[workspace][name]=app", nil, 200)
		do("PATCH", one, document(v, map[string]any{"description": "the password", "value": nil}), 200)
		if r := do("PATCH", one, document(v, map[string]any{"sensitive": false}), 422); !strings.Contains(r.Detail(), "Sensitive can't be changed") {
			s.T.Errorf("Update to not sensitive = %s", r.Detail())
		}
		do("PATCH", one, document(v, map[string]any{"key": "other"}), 422)
		do("POST", vars, document("", map[string]any{"key": "password", "value": secret, "category": "terraform", "sensitive": true}), 422)
		plain := made(s.T, do("POST", vars, document("", map[string]any{"key": "later", "value": "public", "category": "terraform"}), 201))
		bodies = bodies[:len(bodies)-1]
		do("PATCH", vars+"/"+plain, document(plain, map[string]any{"sensitive": true}), 200)
		for _, b := range bodies {
			if strings.Contains(b, secret) || strings.Contains(b, `"public"`) {
				s.T.Errorf("answer = %s, want no sensitive value in it", b)
			}
		}
		if !strings.Contains(bodies[1], `"value":null`) {
			s.T.Errorf("Read = %s, want value null", bodies[1])
		}

		values, err := s.App.Variables.ForRun(s.T.Context(), ws)
		if err != nil || len(values) != 2 || values[1].Value.Reveal() != secret || values[0].Value.Reveal() != "public" || !values[1].Sensitive {
			s.T.Errorf("ForRun = %+v, %v, want the values as they were sent", values, err)
		}
		if printed := fmt.Sprintf("%v %+v", values, values); strings.Contains(printed, secret) {
			s.T.Errorf("ForRun printed = %s, want no secret", printed)
		}
	})
}

func TestRefusedVariables(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		vars := "/api/v2/workspaces/" + s.Workspace(org, "", "app") + "/vars"
		first := map[string]any{"key": "taken", "category": "terraform", "value": "x"}
		made(s.T, s.Do("POST", vars, org.Owner.Token, document("", first)))
		other := made(s.T, s.Do("POST", vars, org.Owner.Token, document("", map[string]any{"key": "other", "category": "terraform"})))
		for name, c := range map[string]struct {
			attributes      map[string]any
			detail, pointer string
		}{
			"a taken key":          {first, "Key has already been taken", "key"},
			"no key":               {map[string]any{"category": "env"}, "Key can't be blank", "key"},
			"an odd key":           {map[string]any{"key": "a.b", "category": "terraform"}, "Key can only contain", "key"},
			"an odd env key":       {map[string]any{"key": "a=b", "category": "env"}, "Key of an environment variable", "key"},
			"NUL in the key":       {map[string]any{"key": "a\x00", "category": "env"}, "Key of an environment variable", "key"},
			"a long key":           {map[string]any{"key": strings.Repeat("k", 129), "category": "env"}, "Key is too long", "key"},
			"no category":          {map[string]any{"key": "a"}, "Category is not included in the list", "category"},
			"an unknown category":  {map[string]any{"key": "a", "category": "policy-set"}, "Category is not included in the list", "category"},
			"a long description":   {map[string]any{"key": "a", "category": "env", "description": strings.Repeat("d", 513)}, "Description is too long", "description"},
			"NUL in a description": {map[string]any{"key": "a", "category": "env", "description": "\x00"}, "Description can't contain", "description"},
			"a large value":        {map[string]any{"key": "a", "category": "env", "value": strings.Repeat("v", 256<<10+1)}, "Value is too large", "value"},
		} {
			r := s.Do("POST", vars, org.Owner.Token, document("", c.attributes))
			if r.Status != 422 || !strings.Contains(r.Detail(), c.detail) || !strings.Contains(string(r.Body), `"pointer":"/data/attributes/`+c.pointer+`"`) {
				s.T.Errorf("create with %s = %d %s, want 422 %q at %s", name, r.Status, r.Body, c.detail, c.pointer)
			}
		}
		if r := s.Do("PATCH", vars+"/"+other, org.Owner.Token, document(other, map[string]any{"key": "taken"})); r.Status != 422 || !strings.Contains(r.Detail(), "Key has already been taken") {
			s.T.Errorf("rename to a taken key = %d %s, want 422", r.Status, r.Body)
		}
		if r := s.Do("POST", vars, org.Owner.Token, document("", map[string]any{"key": "big", "category": "env", "value": strings.Repeat("\x01", 256<<10)})); r.Status != 201 {
			s.T.Errorf("create with the largest value, all escaped = %d %.200s, want 201", r.Status, r.Body)
		}
		for _, body := range []string{`{}`, `[]`, `{"data":{"type":"vars","attributes":{"key":7}}}`, `{"data":{"type":"workspaces","attributes":{}}}`, `{"data":{"type":"vars","attributes":{"value":{"a":1}}}}`} {
			if r := s.Do("POST", vars, org.Owner.Token, body); r.Status < 400 || r.Status >= 500 {
				s.T.Errorf("create with %s = %d %s, want a client's error", body, r.Status, r.Body)
			}
		}
	})
}

func TestOlderEndpoints(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org, other := s.Org("acme"), s.Org("other")
		ws := s.Workspace(org, "", "app")
		body := document("", map[string]any{"key": "region", "category": "env", "value": "eu"})
		body["data"].(map[string]any)["relationships"] = map[string]any{"workspace": map[string]any{"data": map[string]any{"type": "workspaces", "id": ws}}}
		if r := s.Do("POST", "/api/v2/vars", other.Owner.Token, body); r.Status != 404 {
			s.T.Errorf("create by a stranger = %d %s, want 404", r.Status, r.Body)
		}
		if r := s.Do("POST", "/api/v2/vars", org.Owner.Token, document("", map[string]any{"key": "a", "category": "env"})); r.Status != 422 {
			s.T.Errorf("create without a workspace = %d %s, want 422", r.Status, r.Body)
		}
		v := made(s.T, s.Do("POST", "/api/v2/vars", org.Owner.Token, body))
		list := "/api/v2/vars?filter[organization][name]=acme&filter[workspace][name]=app"
		if r := s.Do("GET", list, org.Owner.Token, nil); r.Status != 200 || !strings.Contains(string(r.Body), v) {
			s.T.Errorf("list = %d %s, want %s", r.Status, r.Body, v)
		}
		if r := s.Do("GET", list, other.Owner.Token, nil); r.Status != 404 {
			s.T.Errorf("list by a stranger = %d %s, want 404", r.Status, r.Body)
		}
		if r := s.Do("GET", "/api/v2/vars?filter[organization][name]=acme", org.Owner.Token, nil); r.Status != 400 {
			s.T.Errorf("list with one filter = %d %s, want 400", r.Status, r.Body)
		}
		if r := s.Do("PATCH", "/api/v2/vars/"+v, org.Owner.Token, document(v, map[string]any{"value": "us"})); r.Status != 200 || !strings.Contains(string(r.Body), `"value":"us"`) {
			s.T.Errorf("update = %d %s, want us", r.Status, r.Body)
		}
		if r := s.Do("DELETE", "/api/v2/vars/"+v, org.Owner.Token, nil); r.Status != 204 {
			s.T.Errorf("delete = %d %s, want 204", r.Status, r.Body)
		}
	})
}

func TestUpdateOfManyIsAllOrNothing(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		ws := s.Workspace(org, "", "app")
		vars, many := "/api/v2/workspaces/"+ws+"/vars", "/api/v2/workspaces/"+ws+"/relationships/vars"
		var ids []string
		for _, key := range []string{"a", "b"} {
			ids = append(ids, made(s.T, s.Do("POST", vars, org.Owner.Token, document("", map[string]any{"key": key, "category": "env", "value": "old"}))))
		}
		members := func(secondKey string) map[string]any {
			return map[string]any{"data": []any{
				map[string]any{"type": "vars", "id": ids[0], "attributes": map[string]any{"value": "new"}},
				map[string]any{"type": "vars", "id": ids[1], "attributes": map[string]any{"value": "new", "key": secondKey}},
			}}
		}
		values := func() (out []string) {
			all, err := s.App.Variables.ForRun(s.T.Context(), ws)
			if err != nil {
				s.T.Fatal(err)
			}
			for _, v := range all {
				out = append(out, v.Key+"="+v.Value.Reveal())
			}
			return out
		}
		if r := s.Do("PATCH", many, org.Owner.Token, members("a")); r.Status != 422 {
			s.T.Errorf("update to a taken key = %d %s, want 422", r.Status, r.Body)
		}
		if diff := cmp.Diff([]string{"a=old", "b=old"}, values()); diff != "" {
			s.T.Errorf("after a refused update:\n%s", diff)
		}
		heard := s.Hear("acme", org.Owner.Token)
		if r := s.Do("PATCH", many, org.Owner.Token, members("c")); r.Status != 204 {
			s.T.Errorf("update = %d %s, want 204", r.Status, r.Body)
		}
		if got, want := heard("vars"), `{"type":"vars","workspace":"`+ws+`"}`; got != want {
			s.T.Errorf("of an update of many clients hear %s, want %s", got, want)
		}
		if diff := cmp.Diff([]string{"a=new", "c=new"}, values()); diff != "" {
			s.T.Errorf("after an update:\n%s", diff)
		}
		foreign := made(s.T, s.Do("POST", "/api/v2/workspaces/"+s.Workspace(org, "", "app2")+"/vars", org.Owner.Token, document("", map[string]any{"key": "x", "category": "env"})))
		if r := s.Do("PATCH", many, org.Owner.Token, map[string]any{"data": []any{map[string]any{"type": "vars", "id": foreign}}}); r.Status != 404 {
			s.T.Errorf("update of another workspace's variable = %d %s, want 404", r.Status, r.Body)
		}
	})
}

func TestWhoMayUseVariables(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org, other := s.Org("acme"), s.Org("other")
		prj := s.Project(org, "platform")
		ws, elsewhere := s.Workspace(org, prj, "app"), s.Workspace(org, prj, "elsewhere")
		vars := "/api/v2/workspaces/" + ws + "/vars"
		n := 0
		create := func(token string) *apptest.Response {
			n++
			return s.Do("POST", vars, token, document("", map[string]any{"key": fmt.Sprint("k", n), "category": "env"}))
		}
		for name, w := range map[string]struct {
			token       string
			read, write int
		}{
			"guest":             {"", 401, 401},
			"stranger":          {other.Owner.Token, 404, 404},
			"member":            {s.Member(org, "member").Token, 404, 404},
			"reader":            {s.With(org, "reader", nil, map[string]string{ws: "read"}).Token, 200, 404},
			"planner":           {s.With(org, "planner", nil, map[string]string{ws: "plan"}).Token, 200, 404},
			"writer":            {s.With(org, "writer", nil, map[string]string{ws: "write"}).Token, 200, 200},
			"writer elsewhere":  {s.With(org, "writer2", nil, map[string]string{elsewhere: "write"}).Token, 404, 404},
			"project reader":    {s.With(org, "preader", nil, map[string]string{prj: "read"}).Token, 200, 404},
			"project writer":    {s.With(org, "pwriter", nil, map[string]string{prj: "write"}).Token, 200, 200},
			"workspace reader":  {s.With(org, "wreader", []string{"read-workspaces"}, nil).Token, 200, 404},
			"workspace manager": {s.With(org, "wmanager", []string{"manage-workspaces"}, nil).Token, 200, 200},
			"owner":             {org.Owner.Token, 200, 200},
			"organization":      {s.Token(tokens.Token{Kind: tokens.Org, OrgID: &org.ID}), 200, 200},
			"site admin":        {s.AdminToken(), 200, 200},
		} {
			v := made(s.T, create(org.Owner.Token))
			check := func(method, path string, body any, class, success int) {
				want := class
				if class == 200 {
					want = success
				}
				if r := s.Do(method, path, w.token, body); r.Status != want {
					s.T.Errorf("%s %s by %s = %d %s, want %d", method, path, name, r.Status, r.Body, want)
				}
			}
			check("GET", vars, nil, w.read, 200)
			check("GET", "/api/v2/workspaces/"+ws+"/all-vars", nil, w.read, 200)
			check("GET", vars+"/"+v, nil, w.read, 200)
			check("GET", "/api/v2/vars/"+v, nil, w.read, 200)
			check("PATCH", vars+"/"+v, document(v, map[string]any{"value": "x"}), w.write, 200)
			check("PATCH", "/api/v2/vars/"+v, document(v, map[string]any{"value": "x"}), w.write, 200)
			if w.token != "" { // nobody reaches it by way of another workspace
				check("PATCH", "/api/v2/workspaces/"+elsewhere+"/vars/"+v, document(v, map[string]any{"value": "x"}), 404, 404)
			}
			n++
			check("POST", vars, document("", map[string]any{"key": fmt.Sprint("k", n), "category": "env"}), w.write, 201)
			check("DELETE", vars+"/"+v, nil, w.write, 204)
		}
	})
}

func TestListTakesAFixedNumberOfStatements(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		ws := s.Workspace(org, "", "app")
		count := func(path string) int {
			return len(s.Statements(func() {
				if r := s.Do("GET", path, org.Owner.Token, nil); r.Status != 200 {
					s.T.Fatalf("GET %s = %d %s", path, r.Status, r.Body)
				}
			}))
		}
		for i := range 30 {
			made(s.T, s.Do("POST", "/api/v2/workspaces/"+ws+"/vars", org.Owner.Token, document("", map[string]any{"key": fmt.Sprint("k", i), "category": "env", "value": "v"})))
			if i > 0 && i < 29 {
				continue
			}
			_ = count("/api/v2/workspaces/" + ws + "/vars") // the keys of the organization are remembered after this
			if n := count("/api/v2/workspaces/" + ws + "/vars"); n != 2 {
				s.T.Errorf("list of %d variables = %d statements, want 2", i+1, n)
			}
			if n := count("/api/v2/workspaces/" + ws + "/all-vars"); n != 3 {
				s.T.Errorf("list of all of %d variables = %d statements, want 3", i+1, n)
			}
		}
	})
}

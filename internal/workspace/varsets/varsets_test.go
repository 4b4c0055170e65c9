package varsets_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/identity/tokens"
)

// set is the document of a variable set; relationships are of ids.
func set(attributes map[string]any, relationships map[string][]string) map[string]any {
	rels := map[string]any{}
	for name, ids := range relationships {
		refs := []any{}
		for _, id := range ids {
			refs = append(refs, map[string]any{"type": name, "id": id})
		}
		rels[name] = map[string]any{"data": refs}
	}
	if parent := relationships["parent"]; parent != nil {
		rels["parent"] = map[string]any{"data": map[string]any{"type": "projects", "id": parent[0]}}
	}
	return map[string]any{"data": map[string]any{"type": "varsets", "attributes": attributes, "relationships": rels}}
}

func variable(key, value string) map[string]any {
	return map[string]any{"data": map[string]any{"type": "vars", "attributes": map[string]any{"key": key, "value": value, "category": "terraform"}}}
}

func members(typ string, ids ...string) map[string]any {
	refs := []any{}
	for _, id := range ids {
		refs = append(refs, map[string]any{"type": typ, "id": id})
	}
	return map[string]any{"data": refs}
}

type resource struct {
	ID            string
	Attributes    map[string]any
	Relationships map[string]struct{ Data json.RawMessage }
}

// one decodes the resource in an answer.
func one(t *testing.T, r *apptest.Response) resource {
	t.Helper()
	var doc struct{ Data resource }
	if err := json.Unmarshal(r.Body, &doc); err != nil || r.Status >= 300 {
		t.Fatalf("answer = %d %s, want a resource", r.Status, r.Body)
	}
	return doc.Data
}

// names returns the names of the sets in an answer, in order.
func names(t *testing.T, r *apptest.Response) []string {
	t.Helper()
	var doc struct{ Data []resource }
	if err := json.Unmarshal(r.Body, &doc); err != nil || r.Status != 200 {
		t.Fatalf("answer = %d %s, want a list", r.Status, r.Body)
	}
	out := []string{}
	for _, d := range doc.Data {
		out = append(out, fmt.Sprint(d.Attributes["name"]))
	}
	return out
}

func TestSetLifecycle(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, org := s.T.Context(), s.Org("acme")
		c, ws := s.Client(org.Owner.Token), s.Workspace(org, "", "app")
		vs, err := c.VariableSets.Create(ctx, "acme", &tfe.VariableSetCreateOptions{Name: new("shared"), Description: new("for all"), Global: new(false)})
		if err != nil {
			s.T.Fatal(err)
		}
		if vs.Organization == nil || vs.Organization.Name != "acme" || vs.Parent == nil || vs.Parent.Organization == nil || vs.Priority {
			s.T.Errorf("Create = %+v, want a set of acme", vs)
		}
		v, err := c.VariableSetVariables.Create(ctx, vs.ID, &tfe.VariableSetVariableCreateOptions{Key: new("region"), Value: new("eu"), Category: tfe.Category(tfe.CategoryTerraform)})
		if err != nil || v.VariableSet == nil || v.VariableSet.ID != vs.ID || v.Value != "eu" {
			s.T.Fatalf("Create of a variable = %+v, %v", v, err)
		}
		if err := c.VariableSets.ApplyToWorkspaces(ctx, vs.ID, &tfe.VariableSetApplyToWorkspacesOptions{Workspaces: []*tfe.Workspace{{ID: ws}}}); err != nil {
			s.T.Fatal(err)
		}
		got, err := c.VariableSets.Read(ctx, vs.ID, &tfe.VariableSetReadOptions{Include: &[]tfe.VariableSetIncludeOpt{tfe.VariableSetVars}})
		if err != nil || len(got.Workspaces) != 1 || got.Workspaces[0].ID != ws || len(got.Variables) != 1 || got.Variables[0].Value != "eu" {
			s.T.Errorf("Read = %+v, %v, want the workspace and the variable", got, err)
		}
		all, err := c.Variables.ListAll(ctx, ws, nil)
		if err != nil || len(all.Items) != 1 || all.Items[0].ID != v.ID {
			s.T.Errorf("ListAll = %+v, %v, want the variable of the set", all, err)
		}
		updated, err := c.VariableSets.Update(ctx, vs.ID, &tfe.VariableSetUpdateOptions{Name: new("renamed"), Priority: new(true)})
		if err != nil || updated.Name != "renamed" || !updated.Priority || updated.Description != "for all" || len(updated.Workspaces) != 1 {
			s.T.Errorf("Update = %+v, %v, want a new name and all else kept", updated, err)
		}
		if err := c.VariableSets.Delete(ctx, vs.ID); err != nil {
			s.T.Errorf("Delete = %v", err)
		}
		if all, err := c.Variables.ListAll(ctx, ws, nil); err != nil || len(all.Items) != 0 {
			s.T.Errorf("ListAll after Delete = %+v, %v, want none", all, err)
		}
	})
}

// TestPrecedenceInAWorkspace walks from the weakest place of a variable to the
// strongest: each new one must stand before all others.
func TestPrecedenceInAWorkspace(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		prj := s.Project(org, "platform")
		ws := s.Workspace(org, prj, "app")
		effective := func() string {
			values, err := s.App.Variables.ForRun(s.T.Context(), ws)
			if err != nil || len(values) != 1 {
				s.T.Fatalf("ForRun = %v, %v, want one variable", values, err)
			}
			return values[0].Value.Reveal()
		}
		onProject, onWorkspace := map[string][]string{"projects": {prj}}, map[string][]string{"workspaces": {ws}}
		owned := func(r map[string][]string) map[string][]string {
			out := map[string][]string{"parent": {prj}}
			maps.Copy(out, r)
			return out
		}
		for i, step := range []struct {
			name          string
			global, first bool
			relationships map[string][]string
		}{
			{"global", true, false, nil},
			{"b organization on project", false, false, onProject},
			{"a organization on project", false, false, onProject},
			{"organization on workspace", false, false, onWorkspace},
			{"project on project", false, false, owned(onProject)},
			{"project on workspace", false, false, owned(onWorkspace)},
			{"workspace", false, false, nil},
			{"priority project on workspace", false, true, owned(onWorkspace)},
			{"priority project on project", false, true, owned(onProject)},
			{"priority organization on workspace", false, true, onWorkspace},
			{"priority organization on project", false, true, onProject},
		} {
			vars := "/api/v2/workspaces/" + ws + "/vars"
			if step.name != "workspace" {
				r := s.Do("POST", "/api/v2/organizations/acme/varsets", org.Owner.Token, set(map[string]any{"name": step.name, "global": step.global, "priority": step.first}, step.relationships))
				vars = "/api/v2/varsets/" + one(s.T, r).ID + "/relationships/vars"
			}
			one(s.T, s.Do("POST", vars, org.Owner.Token, variable("region", step.name)))
			if got := effective(); got != step.name {
				s.T.Errorf("step %d: the value is that of %q, want %q", i, got, step.name)
			}
		}
	})
}

func TestSetOfAProjectStaysInIt(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org, other := s.Org("acme"), s.Org("other")
		prj, prj2 := s.Project(org, "platform"), s.Project(org, "web")
		ws, ws2, foreign := s.Workspace(org, prj, "app"), s.Workspace(org, prj2, "site"), s.Workspace(other, "", "theirs")
		sets := "/api/v2/organizations/acme/varsets"
		owned := one(s.T, s.Do("POST", sets, org.Owner.Token, set(map[string]any{"name": "mine"}, map[string][]string{"parent": {prj}, "workspaces": {ws}})))
		common := one(s.T, s.Do("POST", sets, org.Owner.Token, set(map[string]any{"name": "common"}, nil)))
		for name, c := range map[string]struct {
			method, path string
			body         any
			want         int
		}{
			"a workspace of another project": {"POST", "/api/v2/varsets/" + owned.ID + "/relationships/workspaces", members("workspaces", ws2), 404},
			"another project":                {"POST", "/api/v2/varsets/" + owned.ID + "/relationships/projects", members("projects", prj2), 404},
			"its project":                    {"POST", "/api/v2/varsets/" + owned.ID + "/relationships/projects", members("projects", prj), 204},
			"a foreign workspace":            {"POST", "/api/v2/varsets/" + common.ID + "/relationships/workspaces", members("workspaces", ws, foreign), 404},
			"the wrong type":                 {"POST", "/api/v2/varsets/" + common.ID + "/relationships/workspaces", members("projects", prj), 400},
			"global":                         {"PATCH", "/api/v2/varsets/" + owned.ID, set(map[string]any{"global": true}, nil), 422},
			"another owner":                  {"PATCH", "/api/v2/varsets/" + common.ID, set(nil, map[string][]string{"parent": {prj}}), 422},
			"a taken name":                   {"PATCH", "/api/v2/varsets/" + common.ID, set(map[string]any{"name": " "}, nil), 422},
		} {
			if r := s.Do(c.method, c.path, org.Owner.Token, c.body); r.Status != c.want {
				s.T.Errorf("%s = %d %s, want %d", name, r.Status, r.Body, c.want)
			}
		}
		if got := one(s.T, s.Do("GET", "/api/v2/varsets/"+common.ID, org.Owner.Token, nil)); string(got.Relationships["workspaces"].Data) != "[]" {
			s.T.Errorf("workspaces after a refused change = %s, want none", got.Relationships["workspaces"].Data)
		}
		one(s.T, s.Do("POST", "/api/v2/varsets/"+owned.ID+"/relationships/vars", org.Owner.Token, variable("a", "x")))
		// The workspace moves away: the project's set no longer applies to it.
		if _, err := s.DB.Exec(s.T.Context(), `UPDATE workspaces SET project_id = ? WHERE id = ?`, prj2, ws); err != nil {
			s.T.Fatal(err)
		}
		if values, err := s.App.Variables.ForRun(s.T.Context(), ws); err != nil || len(values) != 0 {
			s.T.Errorf("ForRun in another project = %v, %v, want nothing", values, err)
		}
	})
}

func TestGlobalSetsDoNotConflict(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		ws := s.Workspace(org, "", "app")
		create := func(name string, global bool) string {
			return one(s.T, s.Do("POST", "/api/v2/organizations/acme/varsets", org.Owner.Token, set(map[string]any{"name": name, "global": global}, nil))).ID
		}
		first, second, local := create("first", true), create("second", true), create("local", false)
		add := func(id, key string) *apptest.Response {
			return s.Do("POST", "/api/v2/varsets/"+id+"/relationships/vars", org.Owner.Token, variable(key, "x"))
		}
		one(s.T, add(first, "region"))
		if r := add(second, "region"); r.Status != 422 || !strings.Contains(r.Detail(), "Key has already been taken") {
			s.T.Errorf("same key in two global sets = %d %s, want 422", r.Status, r.Body)
		}
		one(s.T, add(local, "region"))
		attach := "/api/v2/varsets/" + local + "/relationships/workspaces"
		if r := s.Do("POST", attach, org.Owner.Token, members("workspaces", ws)); r.Status != 204 {
			s.T.Errorf("apply = %d %s, want 204", r.Status, r.Body)
		}
		if r := s.Do("PATCH", "/api/v2/varsets/"+local, org.Owner.Token, set(map[string]any{"global": true}, nil)); r.Status != 422 || !strings.Contains(r.Detail(), "Another global variable set") {
			s.T.Errorf("becoming global with a taken key = %d %s, want 422", r.Status, r.Body)
		}
		if r := s.Do("PATCH", "/api/v2/varsets/"+first, org.Owner.Token, set(map[string]any{"global": false}, nil)); r.Status != 200 {
			s.T.Fatalf("becoming local = %d %s, want 200", r.Status, r.Body)
		}
		got := one(s.T, s.Do("PATCH", "/api/v2/varsets/"+local, org.Owner.Token, set(map[string]any{"global": true}, nil)))
		if string(got.Relationships["workspaces"].Data) != "[]" {
			s.T.Errorf("workspaces of a global set = %s, want none", got.Relationships["workspaces"].Data)
		}
		if r := s.Do("POST", attach, org.Owner.Token, members("workspaces", ws)); r.Status != 422 {
			s.T.Errorf("apply a global set = %d %s, want 422", r.Status, r.Body)
		}
		if r := add(second, "region"); r.Status != 422 {
			s.T.Errorf("same key as a set that became global = %d %s, want 422", r.Status, r.Body)
		}
	})
}

func TestListsOfSets(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		prj := s.Project(org, "platform")
		ws := s.Workspace(org, prj, "app")
		for _, c := range []struct {
			name          string
			global        bool
			relationships map[string][]string
		}{
			{"global", true, nil}, {"none", false, nil}, {"100%_Sure", false, nil}, {"on project", false, map[string][]string{"projects": {prj}}},
			{"on workspace", false, map[string][]string{"workspaces": {ws}}}, {"owned", false, map[string][]string{"parent": {prj}}},
		} {
			one(s.T, s.Do("POST", "/api/v2/organizations/acme/varsets", org.Owner.Token, set(map[string]any{"name": c.name, "global": c.global}, c.relationships)))
		}
		for path, want := range map[string][]string{
			"/organizations/acme/varsets":                       {"100%_Sure", "global", "none", "on project", "on workspace", "owned"},
			"/organizations/acme/varsets?q=ON":                  {"none", "on project", "on workspace"},
			"/organizations/acme/varsets?q=%25_s":               {"100%_Sure"},
			"/organizations/acme/varsets?q=_":                   {"100%_Sure"},
			"/organizations/acme/varsets?scope=owned":           {"100%_Sure", "global", "none", "on project", "on workspace"},
			"/organizations/acme/varsets?filter[global]=true":   {"global"},
			"/organizations/acme/varsets?filter[global]=false":  {"100%_Sure", "none", "on project", "on workspace", "owned"},
			"/organizations/acme/varsets?page[size]=2":          {"100%_Sure", "global"},
			"/projects/" + prj + "/varsets":                     {"global", "on project", "owned"},
			"/projects/" + prj + "/varsets?scope=owned":         {"owned"},
			"/workspaces/" + ws + "/varsets":                    {"global", "on project", "on workspace"},
			"/workspaces/" + ws + "/varsets?q=global":           {"global"},
			"/workspaces/" + ws + "/applicable-varsets":         {"100%_Sure", "none", "owned"},
			"/workspaces/" + ws + "/applicable-varsets?q=owned": {"owned"},
		} {
			got := names(s.T, s.Do("GET", "/api/v2"+path, org.Owner.Token, nil))
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				s.T.Errorf("GET %s:\n%s", path, diff)
			}
		}
		for _, path := range []string{"?filter[global]=maybe", "?filter[name]=x", "?scope=all", "?include=nothing", "?page[size]=x"} {
			if r := s.Do("GET", "/api/v2/organizations/acme/varsets"+path, org.Owner.Token, nil); r.Status != 400 {
				s.T.Errorf("GET varsets%s = %d %s, want 400", path, r.Status, r.Body)
			}
		}
	})
}

func TestVariableTellsWhatStandsBeforeIt(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		ws, other := s.Workspace(org, "", "app"), s.Workspace(org, "", "other")
		create := func(name string) string {
			return one(s.T, s.Do("POST", "/api/v2/organizations/acme/varsets", org.Owner.Token, set(map[string]any{"name": name}, map[string][]string{"workspaces": {ws}}))).ID
		}
		a, b := create("a"), create("b")
		inA := one(s.T, s.Do("POST", "/api/v2/varsets/"+a+"/relationships/vars", org.Owner.Token, variable("region", "a"))).ID
		inB := one(s.T, s.Do("POST", "/api/v2/varsets/"+b+"/relationships/vars", org.Owner.Token, variable("region", "b"))).ID
		path := func(ws, set, v string) string {
			return "/api/v2/workspaces/" + ws + "/varsets/" + set + "/relationships/vars/" + v
		}
		behind := one(s.T, s.Do("GET", path(ws, b, inB), org.Owner.Token, nil))
		if got := string(behind.Relationships["overwriter"].Data); !strings.Contains(got, inA) {
			s.T.Errorf("overwriter of b = %s, want %s", got, inA)
		}
		before := one(s.T, s.Do("GET", path(ws, a, inA), org.Owner.Token, nil))
		if got := string(before.Relationships["overwritten"].Data); !strings.Contains(got, inB) {
			s.T.Errorf("overwritten by a = %s, want %s", got, inB)
		}
		for _, p := range []string{path(ws, a, inB), path(other, a, inA), path("ws-none", a, inA), strings.TrimSuffix(path(other, a, ""), "/")} {
			if r := s.Do("GET", p, org.Owner.Token, nil); r.Status != 404 {
				s.T.Errorf("GET %s = %d %s, want 404", p, r.Status, r.Body)
			}
		}
	})
}

func TestWhoMayUseSets(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org, other := s.Org("acme"), s.Org("other")
		prj, prj2 := s.Project(org, "platform"), s.Project(org, "web")
		ws := s.Workspace(org, prj, "app")
		sets := "/api/v2/organizations/acme/varsets"
		common := one(s.T, s.Do("POST", sets, org.Owner.Token, set(map[string]any{"name": "common"}, nil))).ID
		owned := one(s.T, s.Do("POST", sets, org.Owner.Token, set(map[string]any{"name": "owned"}, map[string][]string{"parent": {prj}}))).ID
		const no, read, write = 0, 1, 2
		n := 0
		for name, w := range map[string]struct {
			token         string
			common, owned int
		}{
			"stranger":           {other.Owner.Token, no, no},
			"member":             {s.Member(org, "member").Token, no, no},
			"workspace admin":    {s.With(org, "wsadmin", nil, map[string]string{ws: "admin"}).Token, no, no},
			"project reader":     {s.With(org, "preader", nil, map[string]string{prj: "read"}).Token, no, read},
			"project writer":     {s.With(org, "pwriter", nil, map[string]string{prj: "write"}).Token, no, read},
			"project maintainer": {s.With(org, "pmaintainer", nil, map[string]string{prj: "maintain"}).Token, no, write},
			"project admin":      {s.With(org, "padmin", nil, map[string]string{prj: "admin"}).Token, no, write},
			"admin elsewhere":    {s.With(org, "padmin2", nil, map[string]string{prj2: "admin"}).Token, no, no},
			"workspace reader":   {s.With(org, "wreader", []string{"read-workspaces"}, nil).Token, read, no},
			"workspace manager":  {s.With(org, "wmanager", []string{"manage-workspaces"}, nil).Token, write, no},
			"all-project reader": {s.With(org, "preaders", []string{"read-projects"}, nil).Token, read, read},
			"project manager":    {s.With(org, "pmanager", []string{"manage-projects"}, nil).Token, write, write},
			"owner":              {org.Owner.Token, write, write},
			"organization":       {s.Token(tokens.Token{Kind: tokens.Org, OrgID: &org.ID}), write, write},
			"site admin":         {s.AdminToken(), write, write},
		} {
			for _, side := range []struct {
				what, id string
				level    int
				parent   map[string][]string
			}{{"common", common, w.common, nil}, {"owned", owned, w.owned, map[string][]string{"parent": {prj}}}} {
				n++
				variables := "/api/v2/varsets/" + side.id + "/relationships/vars"
				v := one(s.T, s.Do("POST", variables, org.Owner.Token, variable(fmt.Sprint("k", n), "x"))).ID
				check := func(method, path string, body any, level, success int) {
					want := 404
					if side.level >= level {
						want = success
					}
					if r := s.Do(method, path, w.token, body); r.Status != want {
						s.T.Errorf("%s %s (%s) by %s = %d %s, want %d", method, path, side.what, name, r.Status, r.Body, want)
					}
				}
				check("GET", "/api/v2/varsets/"+side.id, nil, read, 200)
				check("GET", variables, nil, read, 200)
				check("GET", variables+"/"+v, nil, read, 200)
				check("POST", variables, variable(fmt.Sprint("n", n), "x"), write, 201)
				check("PATCH", variables+"/"+v, variable(fmt.Sprint("k", n), "y"), write, 200)
				check("DELETE", variables+"/"+v, nil, write, 204)
				check("PATCH", "/api/v2/varsets/"+side.id, set(map[string]any{"description": "x"}, nil), write, 200)
				check("POST", "/api/v2/varsets/"+side.id+"/relationships/workspaces", members("workspaces", ws), write, 204)
				check("DELETE", "/api/v2/varsets/"+side.id+"/relationships/workspaces", members("workspaces", ws), write, 204)
				check("POST", sets, set(map[string]any{"name": fmt.Sprint("new", n)}, side.parent), write, 201)
				if w.common > no || w.owned > no || name != "stranger" {
					listed := slices.Contains(names(s.T, s.Do("GET", sets+"?q="+side.what, w.token, nil)), side.what)
					if listed != (side.level >= read) {
						s.T.Errorf("the list of %s has %s: %v, want %v", name, side.what, listed, side.level >= read)
					}
				}
			}
		}
		for _, path := range []string{sets, "/api/v2/varsets/" + common, "/api/v2/varsets/" + common + "/relationships/vars"} {
			if r := s.Do("GET", path, "", nil); r.Status != 401 {
				s.T.Errorf("GET %s by a guest = %d, want 401", path, r.Status)
			}
		}
	})
}

// TestSetShowsOnlyWhatItsReaderSees reads sets by way of a workspace.
func TestSetShowsOnlyWhatItsReaderSees(t *testing.T) {
	s := apptest.Start(t)
	org := s.Org("acme")
	prj := s.Project(org, "platform")
	ws, hidden := s.Workspace(org, prj, "app"), s.Workspace(org, prj, "hidden")
	one(t, s.Do("POST", "/api/v2/organizations/acme/varsets", org.Owner.Token, set(map[string]any{"name": "common"}, map[string][]string{"workspaces": {ws, hidden}, "projects": {prj}})))
	reader := s.With(org, "reader", nil, map[string]string{ws: "read"})
	body := string(s.Do("GET", "/api/v2/workspaces/"+ws+"/varsets?include=vars", reader.Token, nil).Body)
	if !strings.Contains(body, "common") || !strings.Contains(body, ws) || strings.Contains(body, hidden) || strings.Contains(body, prj) {
		t.Errorf("sets of a workspace = %s, want %s and neither %s nor %s", body, ws, hidden, prj)
	}
}

func TestListTakesAFixedNumberOfStatements(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		ws := s.Workspace(org, "", "app")
		var counts []int
		for i := range 20 {
			v := one(s.T, s.Do("POST", "/api/v2/organizations/acme/varsets", org.Owner.Token, set(map[string]any{"name": fmt.Sprint("s", i)}, map[string][]string{"workspaces": {ws}}))).ID
			one(s.T, s.Do("POST", "/api/v2/varsets/"+v+"/relationships/vars", org.Owner.Token, variable("region", "x")))
			if i > 0 && i < 19 {
				continue
			}
			get := func() {
				if r := s.Do("GET", "/api/v2/organizations/acme/varsets?include=vars", org.Owner.Token, nil); r.Status != 200 || strings.Count(string(r.Body), `"type":"varsets","attributes"`) != i+1 {
					s.T.Fatalf("list = %d %s, want %d sets", r.Status, r.Body, i+1)
				}
			}
			get() // the keys of the organization are remembered after this
			counts = append(counts, len(s.Statements(get)))
		}
		if counts[0] != counts[1] || counts[1] > 7 {
			s.T.Errorf("list of 1 and of 20 sets = %v statements, want as many and at most 7", counts)
		}
	})
}

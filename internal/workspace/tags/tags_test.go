package tags_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
)

// shown returns the tags of a list: "key=value" or "key", with " (inherited)".
func shown(t *testing.T, res *apptest.Response) []string {
	t.Helper()
	if res.Status != 200 {
		t.Fatalf("list = %d %s", res.Status, res.Body)
	}
	out := []string{}
	for _, d := range res.JSON()["data"].([]any) {
		r := d.(map[string]any)
		a := r["attributes"].(map[string]any)
		tag := a["key"].(string)
		if a["value"] != "" {
			tag += "=" + a["value"].(string)
		}
		if r["links"] != nil {
			tag += " (inherited)"
		}
		out = append(out, tag)
	}
	return out
}

func TestBindings(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		token, project := org.Owner.Token, s.Project(org, "Shop")
		ws, prj := "/api/v2/workspaces/"+s.Workspace(org, project, "web"), "/api/v2/projects/"+project
		binding := func(key, value string) string {
			return fmt.Sprintf(`{"type":"tag-bindings","attributes":{"key":%q,"value":%q}}`, key, value)
		}
		for _, step := range []struct {
			method, path, body string
			status             int
			own, effective     []string
		}{
			{"PATCH", prj + "/tag-bindings", `{"data":[` + binding("env", "prod") + `,` + binding("team", "ops") + `]}`, 200, []string{}, []string{"env=prod (inherited)", "team=ops (inherited)"}},
			{"PATCH", ws + "/tag-bindings", `{"data":[` + binding("b", "2") + `,` + binding("a", "") + `]}`, 200, []string{"b=2", "a"}, []string{"a", "b=2", "env=prod (inherited)", "team=ops (inherited)"}},
			{"PATCH", ws + "/tag-bindings", `{"data":[` + binding("env", "dev") + `]}`, 200, []string{"b=2", "a", "env=dev"}, []string{"a", "b=2", "env=dev", "team=ops (inherited)"}},
			{"POST", ws + "/relationships/tag-bindings", `{"data":[` + binding("b", "3") + `]}`, 204, []string{"b=3", "a", "env=dev"}, []string{"a", "b=3", "env=dev", "team=ops (inherited)"}},
			{"PATCH", ws + "/relationships/tag-bindings", `{"data":[` + binding("c", "1") + `]}`, 204, []string{"c=1"}, []string{"c=1", "env=prod (inherited)", "team=ops (inherited)"}},
			{"POST", ws + "/relationships/tags", `{"data":[{"type":"tags","attributes":{"name":"flat"}},{"type":"tags","attributes":{"name":"c"}}]}`, 204, []string{"c=1", "flat"}, []string{"c=1", "env=prod (inherited)", "flat", "team=ops (inherited)"}},
			{"DELETE", ws + "/relationships/tags", `{"data":[{"type":"tags","attributes":{"name":"flat"}},{"type":"tags","attributes":{"name":"c"}}]}`, 204, []string{"c=1"}, []string{"c=1", "env=prod (inherited)", "team=ops (inherited)"}},
			{"PATCH", ws, `{"data":{"type":"workspaces","relationships":{"tag-bindings":{"data":[]}}}}`, 200, []string{}, []string{"env=prod (inherited)", "team=ops (inherited)"}},
			{"PATCH", prj + "/relationships/tag-bindings", `{"data":[]}`, 204, []string{}, []string{}},
		} {
			if res := s.Do(step.method, step.path, token, step.body); res.Status != step.status {
				s.T.Errorf("%s %s %s = %d %s, want %d", step.method, step.path, step.body, res.Status, res.Body, step.status)
			}
			for path, want := range map[string][]string{ws + "/tag-bindings": step.own, ws + "/relationships/tag-bindings": step.own, ws + "/effective-tag-bindings": step.effective} {
				if diff := cmp.Diff(want, shown(s.T, s.Do("GET", path, token, nil))); diff != "" {
					s.T.Errorf("%s after %s %s: %s", path, step.method, step.body, diff)
				}
			}
		}
	})
}

// TestPagesHearOfTags: the request that binds them is about a workspace, and so is what is told of it.
func TestPagesHearOfTags(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		ws, all := "/api/v2/workspaces/"+s.Workspace(org, "", "web"), "/api/v2/organizations/acme/tags"
		heard := s.Hear("acme", org.Owner.Token)
		do := func(status int, method, path, body string) {
			s.T.Helper()
			if res := s.Do(method, path, org.Owner.Token, body); res.Status != status {
				s.T.Fatalf("%s %s = %d %s, want %d", method, path, res.Status, res.Body, status)
			}
			if got, want := heard("tags"), `{"type":"tags"}`; got != want {
				s.T.Errorf("after %s %s clients hear %s, want %s", method, path, got, want)
			}
		}
		do(204, "POST", ws+"/relationships/tag-bindings", `{"data":[{"type":"tag-bindings","attributes":{"key":"env","value":"prod"}}]}`)
		do(204, "POST", ws+"/relationships/tags", `{"data":[{"type":"tags","attributes":{"name":"flat"}}]}`)
		do(204, "DELETE", ws+"/relationships/tags", `{"data":[{"type":"tags","attributes":{"name":"flat"}}]}`)
		do(200, "PATCH", ws, `{"data":{"type":"workspaces","relationships":{"tag-bindings":{"data":[]}}}}`)
		first := s.Do("GET", all, org.Owner.Token, nil).JSON()["data"].([]any)[0].(map[string]any)
		do(204, "DELETE", all, fmt.Sprintf(`{"data":[{"type":"tags","id":%q}]}`, first["id"]))
	})
}

func TestWrongBindingsAreRefused(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		ws := "/api/v2/workspaces/" + s.Workspace(org, "", "web")
		other := s.Org("other")
		if err := s.Client(other.Owner.Token).Workspaces.AddTags(s.T.Context(), s.Workspace(other, "", "w"), tfe.WorkspaceAddTagsOptions{Tags: []*tfe.Tag{{Name: "theirs"}}}); err != nil {
			s.T.Fatal(err)
		}
		list, err := s.Client(other.Owner.Token).OrganizationTags.List(s.T.Context(), "other", nil)
		if err != nil || len(list.Items) != 1 {
			s.T.Fatalf("tags of the other organization = %+v, %v", list, err)
		}
		foreign := list.Items[0].ID
		eleven := make([]string, 11)
		for i := range eleven {
			eleven[i] = fmt.Sprintf(`{"type":"tag-bindings","attributes":{"key":"k%d"}}`, i)
		}
		for _, c := range []struct {
			path, data string
			status     int
			want       string
		}{
			{"/tag-bindings", `[{"type":"tag-bindings","attributes":{"key":""}}]`, 422, "Key can't be blank"},
			{"/tag-bindings", `[{"type":"tag-bindings"}]`, 422, "needs a key"},
			{"/tag-bindings", `[{"type":"tag-bindings","attributes":{"key":"a","value":7}}]`, 422, "value is a string"},
			{"/tag-bindings", `[{"type":"tag-bindings","attributes":{"key":"a\u0000b"}}]`, 422, "may only contain"},
			{"/tag-bindings", `[{"type":"tag-bindings","attributes":{"key":"` + strings.Repeat("k", 256) + `"}}]`, 422, "too long"},
			{"/tag-bindings", `[{"type":"tag-bindings","attributes":{"key":"k","value":"` + strings.Repeat("v", 257) + `"}}]`, 422, "too long"},
			{"/tag-bindings", `[{"type":"tags","attributes":{"key":"k"}}]`, 422, "must hold tag-bindings"},
			{"/tag-bindings", `[` + strings.Join(eleven, ",") + `]`, 422, "cannot exceed 10 bindings per resource"},
			{"/relationships/tags", `[{"type":"tags","attributes":{"name":"a b"}}]`, 422, "may only contain"},
			{"/relationships/tags", `[{"type":"tags"}]`, 422, "needs an id or a name"},
			{"/relationships/tags", `[{"type":"tags","id":"tag-nope"}]`, 404, "not found"},
			{"/relationships/tags", `[{"type":"tags","id":"` + foreign + `"}]`, 404, "not found"},
		} {
			method := "PATCH"
			if strings.HasSuffix(c.path, "/tags") {
				method = "POST"
			}
			res := s.Do(method, ws+c.path, org.Owner.Token, `{"data":`+c.data+`}`)
			if res.Status != c.status || !strings.Contains(res.Detail(), c.want) {
				s.T.Errorf("%s %s %.100s = %d %s, want %d %s", method, c.path, c.data, res.Status, res.Detail(), c.status, c.want)
			}
		}
		if got := shown(s.T, s.Do("GET", ws+"/tag-bindings", org.Owner.Token, nil)); len(got) != 0 {
			s.T.Errorf("refused bindings are there: %v", got)
		}
	})
}

// TestReservedKeyKeepsTheProjectsValue reserves a key without overrides.
func TestReservedKeyKeepsTheProjectsValue(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, org := s.T.Context(), s.Org("acme")
		c, project := s.Client(org.Owner.Token), s.Project(org, "Shop")
		inProject, outside := s.Workspace(org, project, "in"), s.Workspace(org, "", "out")
		if _, err := c.Projects.AddTagBindings(ctx, project, tfe.ProjectAddTagBindingsOptions{TagBindings: []*tfe.TagBinding{{Key: "cost", Value: "1"}, {Key: "free", Value: "1"}}}); err != nil {
			s.T.Fatal(err)
		}
		if _, err := c.ReservedTagKeys.Create(ctx, "acme", tfe.ReservedTagKeyCreateOptions{Key: "cost", DisableOverrides: new(true)}); err != nil {
			s.T.Fatal(err)
		}
		bind := func(id, key string) error {
			_, err := c.Workspaces.AddTagBindings(ctx, id, tfe.WorkspaceAddTagBindingsOptions{TagBindings: []*tfe.TagBinding{{Key: key, Value: "2"}}})
			return err
		}
		if err := bind(inProject, "cost"); err == nil || !strings.Contains(err.Error(), "cannot be overridden") {
			s.T.Errorf("override of a reserved key = %v, want refused", err)
		}
		if err := bind(inProject, "free"); err != nil {
			s.T.Errorf("override of a free key = %v", err)
		}
		if err := bind(outside, "cost"); err != nil {
			s.T.Errorf("reserved key where no project binds it = %v", err)
		}
	})
}

// TestTagsOfOtherOrganizationsStay deletes and uses tags by foreign ids.
func TestTagsOfOtherOrganizationsStay(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, org, other := s.T.Context(), s.Org("acme"), s.Org("other")
		theirs, ours := s.Workspace(other, "", "theirs"), s.Workspace(org, "", "ours")
		hidden := s.Workspace(org, "", "hidden")
		for token, id := range map[string]string{other.Owner.Token: theirs, org.Owner.Token: ours} {
			if err := s.Client(token).Workspaces.AddTags(ctx, id, tfe.WorkspaceAddTagsOptions{Tags: []*tfe.Tag{{Name: "web"}}}); err != nil {
				s.T.Fatal(err)
			}
		}
		tagOf := func(token, name string) *tfe.OrganizationTag {
			list, err := s.Client(token).OrganizationTags.List(ctx, name, nil)
			if err != nil || len(list.Items) != 1 || list.Items[0].Name != "web" || list.Items[0].InstanceCount != 1 {
				s.T.Fatalf("tags of %s = %+v, %v; want web once", name, list, err)
			}
			return list.Items[0]
		}
		foreign := tagOf(other.Owner.Token, "other")
		if err := s.Client(org.Owner.Token).OrganizationTags.Delete(ctx, "acme", tfe.OrganizationTagsDeleteOptions{IDs: []string{foreign.ID}}); err != nil {
			s.T.Errorf("Delete of what is not there = %v, want no error", err)
		}
		tagOf(other.Owner.Token, "other")
		mine := tagOf(org.Owner.Token, "acme")
		for who, c := range map[string]struct {
			token, tag, workspace string
			want                  int
		}{
			"foreign workspace":  {org.Owner.Token, mine.ID, theirs, 404},
			"foreign tag":        {org.Owner.Token, foreign.ID, ours, 404},
			"reader":             {s.With(org, "reader", nil, map[string]string{hidden: "read"}).Token, mine.ID, hidden, 404},
			"writer":             {s.With(org, "writer", nil, map[string]string{hidden: "write"}).Token, mine.ID, hidden, 404},
			"admin of workspace": {s.With(org, "admin", nil, map[string]string{hidden: "admin"}).Token, mine.ID, hidden, 204},
		} {
			res := s.Do("POST", "/api/v2/tags/"+c.tag+"/relationships/workspaces", c.token, `{"data":[{"type":"workspaces","id":"`+c.workspace+`"}]}`)
			if res.Status != c.want {
				s.T.Errorf("tag by %s = %d %s, want %d", who, res.Status, res.Body, c.want)
			}
		}
		if err := s.Client(org.Owner.Token).OrganizationTags.Delete(ctx, "acme", tfe.OrganizationTagsDeleteOptions{IDs: []string{mine.ID}}); err != nil {
			s.T.Error(err)
		}
		if w, err := s.Client(org.Owner.Token).Workspaces.ReadByID(ctx, ours); err != nil || len(w.TagNames) != 0 {
			s.T.Errorf("tag-names after the tag was deleted = %v, %v; want none", w.TagNames, err)
		}
	})
}

package projects_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
)

func TestLifecycle(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, org := s.T.Context(), s.Org("acme")
		c := s.Client(org.Owner.Token)
		p, err := c.Projects.Create(ctx, "acme", tfe.ProjectCreateOptions{Name: "Shop", Description: new("sells")})
		if err != nil {
			s.T.Fatal(err)
		}
		if got, err := c.Projects.Read(ctx, p.ID); err != nil || !cmp.Equal(p, got) {
			s.T.Errorf("Read = %v, %s", err, cmp.Diff(p, got))
		}
		if _, err := c.Projects.Create(ctx, "acme", tfe.ProjectCreateOptions{Name: "SHOP"}); err == nil || !strings.Contains(err.Error(), "Name has already been taken") {
			s.T.Errorf("Create of a taken name = %v", err)
		}
		if p, err = c.Projects.Update(ctx, p.ID, tfe.ProjectUpdateOptions{Name: new("Store"), DefaultExecutionMode: new("local")}); err != nil || p.Name != "Store" || p.DefaultExecutionMode != "local" || p.Description != "sells" {
			s.T.Errorf("Update = %+v, %v", p, err)
		}
		ws := s.Workspace(org, p.ID, "web")
		if err := c.Projects.Delete(ctx, p.ID); err == nil || !strings.Contains(err.Error(), "has workspaces") {
			s.T.Errorf("Delete with a workspace inside = %v, want refused", err)
		}
		if err := c.Workspaces.DeleteByID(ctx, ws); err != nil {
			s.T.Fatal(err)
		}
		if err := c.Projects.Delete(ctx, p.ID); err != nil {
			s.T.Errorf("Delete = %v", err)
		}
		list, err := c.Projects.List(ctx, "acme", nil)
		if err != nil || len(list.Items) != 1 || list.Items[0].Name != "Default Project" {
			s.T.Fatalf("List = %+v, %v; want the default project", list, err)
		}
		if res := s.Do("DELETE", "/api/v2/projects/"+list.Items[0].ID, org.Owner.Token, nil); res.Status != 403 {
			s.T.Errorf("Delete of the default project = %d %s, want 403", res.Status, res.Body)
		}
	})
}

func TestListFiltersAndPermissions(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		one, two := s.Project(org, "One"), s.Project(org, "Two_2")
		s.Project(s.Org("other"), "One")
		both := s.With(org, "both", nil, map[string]string{one: "read", two: "maintain"}).Token
		boss := s.With(org, "boss", nil, map[string]string{one: "admin", two: "write"}).Token
		for _, c := range []struct {
			query, token string
			want         []string
		}{
			{"", org.Owner.Token, []string{"Default Project", "One", "Two_2"}},
			{"?sort=-name", org.Owner.Token, []string{"Two_2", "One", "Default Project"}},
			{"?q=t", org.Owner.Token, []string{"Default Project", "Two_2"}},
			{"?q=_", org.Owner.Token, []string{"Two_2"}},
			{"?filter%5Bnames%5D=one,two_2", org.Owner.Token, []string{"One", "Two_2"}},
			{"?filter%5Bnames%5D=nope", org.Owner.Token, []string{}},
			{"", both, []string{"One", "Two_2"}},
			{"?filter%5Bpermissions%5D%5Bcreate-workspace%5D=true", both, []string{"Two_2"}},
			{"?filter%5Bpermissions%5D%5Bupdate%5D=true", both, []string{}},
			{"?filter%5Bpermissions%5D%5Bupdate%5D=true", boss, []string{"One"}},
			{"", s.Member(org, "m").Token, []string{}},
		} {
			res := s.Do("GET", "/api/v2/organizations/acme/projects"+c.query, c.token, nil)
			if res.Status != 200 {
				s.T.Fatalf("list%s = %d %s", c.query, res.Status, res.Body)
			}
			got := []string{}
			for _, d := range res.JSON()["data"].([]any) {
				got = append(got, d.(map[string]any)["attributes"].(map[string]any)["name"].(string))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				s.T.Errorf("list%s: %s", c.query, diff)
			}
		}
		if res := s.Do("GET", "/api/v2/organizations/acme/projects?sort=color", org.Owner.Token, nil); res.Status != 400 {
			s.T.Errorf("sort=color = %d, want 400", res.Status)
		}
	})
}

func TestWrongSettingsAreRefused(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		path := "/api/v2/projects/" + s.Project(org, "Shop")
		for set, want := range map[string]string{
			`{"name":""}`:    "Name can't be blank",
			`{"name":"ab"}`:  "too short",
			`{"name":"a/b"}`: "Name may only contain",
			`{"name":"` + strings.Repeat("x", 41) + `"}`:                                        "too long",
			`{"default-execution-mode":"moon"}`:                                                 "Execution mode must be",
			`{"default-execution-mode":"agent"}`:                                                "must be specified when using 'agent' execution mode",
			`{"default-agent-pool-id":"apool-1"}`:                                               "must not be specified unless using 'agent' execution mode",
			`{"auto-destroy-activity-duration":"20m"}`:                                          "incorrect format",
			`{"setting-overwrites":{"default-execution-mode":true,"default-agent-pool":false}}`: "their values must be the same",
			`{"description":"` + strings.Repeat("x", 1001) + `"}`:                               "too long",
		} {
			res := s.Do("PATCH", path, org.Owner.Token, `{"data":{"type":"projects","attributes":`+set+`}}`)
			if res.Status != 422 || !strings.Contains(res.Detail(), want) {
				s.T.Errorf("Update %.60s = %d %s, want 422 %s", set, res.Status, res.Detail(), want)
			}
		}
	})
}

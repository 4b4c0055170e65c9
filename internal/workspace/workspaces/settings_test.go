package workspaces_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/apptest"
)

// attributes returns those of a resource in an answer.
func attributes(t *testing.T, res *apptest.Response) map[string]any {
	t.Helper()
	if res.Status > 201 {
		t.Fatalf("answer = %d %s", res.Status, res.Body)
	}
	return res.JSON()["data"].(map[string]any)["attributes"].(map[string]any)
}

// patch is the body of an update.
func patch(typ, attributes string) string {
	return `{"data":{"type":"` + typ + `","attributes":` + attributes + `}}`
}

func TestSettingsComeBack(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		path := "/api/v2/workspaces/" + s.Workspace(org, "", "web")
		for _, step := range []struct {
			set  string
			want map[string]any
		}{
			{`{"trigger-prefixes":["/a"]}`, map[string]any{"trigger-prefixes": []any{"/a"}, "trigger-patterns": []any{}}},
			{`{"trigger-patterns":["/**/x"]}`, map[string]any{"trigger-prefixes": []any{}, "trigger-patterns": []any{"/**/x"}}},
			{`{"trigger-patterns":null}`, map[string]any{"trigger-patterns": []any{}}},
			{`{"execution-mode":"local"}`, map[string]any{"execution-mode": "local", "operations": false}},
			{`{"operations":true}`, map[string]any{"execution-mode": "remote", "operations": true}},
			{`{"description":"x","working-directory":"a/b/"}`, map[string]any{"description": "x", "working-directory": "a/b/"}},
			{`{"description":null}`, map[string]any{"description": nil, "working-directory": "a/b/"}},
			{`{"auto-destroy-at":"2030-01-02T03:04:05Z"}`, map[string]any{"auto-destroy-at": "2030-01-02T03:04:05.000Z", "inherits-project-auto-destroy": false}},
			{`{"auto-destroy-at":null,"auto-destroy-activity-duration":"14d"}`, map[string]any{"auto-destroy-at": nil, "auto-destroy-activity-duration": "14d"}},
			{`{"inherits-project-auto-destroy":true}`, map[string]any{"auto-destroy-activity-duration": nil, "inherits-project-auto-destroy": true}},
			{`{"terraform-version":"~> 1.5, < 2.0"}`, map[string]any{"terraform-version": "~> 1.5, < 2.0"}},
			{`{"terraform-version":"1.6.0-beta1"}`, map[string]any{"terraform-version": "1.6.0-beta1"}},
			{`{"global-remote-state":true}`, map[string]any{"global-remote-state": true, "project-remote-state": false}},
			{`{"vcs-repo":null}`, map[string]any{"vcs-repo": nil, "global-remote-state": true}},
		} {
			for _, res := range []*apptest.Response{s.Do("PATCH", path, org.Owner.Token, patch("workspaces", step.set)), s.Do("GET", path, org.Owner.Token, nil)} {
				got := attributes(s.T, res)
				for name, want := range step.want {
					if diff := cmp.Diff(want, got[name]); diff != "" {
						s.T.Errorf("%s after %s: %s", name, step.set, diff)
					}
				}
			}
		}
	})
}

func TestWrongSettingsAreRefused(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		id := s.Workspace(org, "", "web")
		s.Workspace(org, "", "taken")
		path := "/api/v2/workspaces/" + id
		before := attributes(s.T, s.Do("GET", path, org.Owner.Token, nil))
		for set, want := range map[string]string{
			`{"name":""}`:      "Name can't be blank",
			`{"name":"a b"}`:   "Name can only include letters, numbers, -, and _.",
			`{"name":"TAKEN"}`: "Name has already been taken",
			`{"name":"` + strings.Repeat("x", 91) + `"}`:                                     "Name is too long",
			`{"terraform-version":"nonexisting"}`:                                            "Terraform version",
			`{"terraform-version":"1.x"}`:                                                    "Terraform version",
			`{"working-directory":"../x"}`:                                                   "Working directory must be inside",
			`{"working-directory":"/a/../../x"}`:                                             "Working directory must be inside",
			`{"execution-mode":"cloud"}`:                                                     "Execution mode must be",
			`{"execution-mode":"agent"}`:                                                     "must be specified when using 'agent' execution mode",
			`{"execution-mode":"agent","agent-pool-id":"apool-1"}`:                           "does not exist",
			`{"agent-pool-id":"apool-1"}`:                                                    "must not be specified unless using 'agent' execution mode",
			`{"operations":true,"execution-mode":"remote"}`:                                  "Operations is deprecated",
			`{"setting-overwrites":{"execution-mode":true,"agent-pool":false}}`:              "their values must be the same",
			`{"trigger-prefixes":["a"],"trigger-patterns":["b"]}`:                            "cannot both be set",
			`{"trigger-prefixes":[""]}`:                                                      "must have from 1 to",
			`{"auto-destroy-at":"9999-12-31T23:59:59-12:00"}`:                                "Auto destroy at must be a time", // in UTC it could not be read again
			`{"auto-destroy-at":"0001-01-01T00:00:00+12:00"}`:                                "Auto destroy at must be a time",
			`{"auto-destroy-at":"tomorrow"}`:                                                 "Auto destroy at must be a time",
			`{"auto-destroy-activity-duration":"20m","inherits-project-auto-destroy":false}`: "incorrect format",
			`{"global-remote-state":true,"project-remote-state":true}`:                       "Project remote state cannot be enabled",
			`{"vcs-repo":{"identifier":"a/b"}}`:                                              "no VCS connections",
			`{"description":"` + strings.Repeat("x", 4001) + `"}`:                            "too long",
			`{"auto-apply":"yes"}`:                                                           "is not what is expected here",
		} {
			res := s.Do("PATCH", path, org.Owner.Token, patch("workspaces", set))
			if res.Status != 422 || !strings.Contains(res.Detail(), want) {
				s.T.Errorf("Update %.80s = %d %s, want 422 %s", set, res.Status, res.Detail(), want)
			}
		}
		if diff := cmp.Diff(before, attributes(s.T, s.Do("GET", path, org.Owner.Token, nil))); diff != "" {
			s.T.Errorf("refused settings changed the workspace: %s", diff)
		}
		if res := s.Do("PATCH", path, org.Owner.Token, patch("projects", `{}`)); res.Status != 409 {
			s.T.Errorf("Update with another type = %d, want 409", res.Status)
		}
	})
}

// TestExecutionModeIsInherited walks from the organization's default over the
// project's to the workspace's own mode and back.
func TestExecutionModeIsInherited(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		token, project := org.Owner.Token, s.Project(org, "Shop")
		workspace := "/api/v2/workspaces/" + s.Workspace(org, project, "web")
		for _, step := range []struct {
			path, body, mode string
			own              bool
		}{
			{workspace, patch("workspaces", `{}`), "remote", false},
			{"/api/v2/organizations/acme", patch("organizations", `{"default-execution-mode":"local"}`), "local", false},
			{"/api/v2/projects/" + project, patch("projects", `{"default-execution-mode":"remote"}`), "remote", false},
			{workspace, patch("workspaces", `{"setting-overwrites":{"execution-mode":true}}`), "remote", true},
			{"/api/v2/projects/" + project, patch("projects", `{"setting-overwrites":{"default-execution-mode":false}}`), "remote", true},
			{workspace, patch("workspaces", `{"setting-overwrites":{"execution-mode":false,"agent-pool":false}}`), "local", false},
		} {
			if res := s.Do("PATCH", step.path, token, step.body); res.Status != 200 {
				s.T.Fatalf("PATCH %s = %d %s", step.path, res.Status, res.Body)
			}
			got := attributes(s.T, s.Do("GET", workspace, token, nil))
			if got["execution-mode"] != step.mode || got["setting-overwrites"].(map[string]any)["execution-mode"] != step.own {
				s.T.Errorf("after %s: mode %v, overwrites %v; want %s, %v", step.body, got["execution-mode"], got["setting-overwrites"], step.mode, step.own)
			}
		}
	})
}

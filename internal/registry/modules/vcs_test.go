package modules_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/registry/modules"
)

func TestModulesFromAVCSAreChecked(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		repo := func(more string) string {
			return `{"vcs-repo":{"identifier":"acme/terraform-aws-net","display_identifier":"acme/terraform-aws-net"` + more + `}}`
		}
		const token = `,"oauth-token-id":"ot-absent"`
		for attributes, words := range map[string]string{
			`{}`:                "VCS repo can't be blank",
			`{"vcs-repo":null}`: "VCS repo can't be blank",
			`{"vcs-repo":{}}`:   "Identifier must be a repository",
			`{"vcs-repo":{"identifier":"net","oauth-token-id":"x"}}`:               "Identifier must be a repository",
			`{"vcs-repo":{"identifier":"--upload-pack=x/y","oauth-token-id":"x"}}`: "Identifier must be a repository",
			repo(""): "Either an OAuth token ID or a GitHub App installation ID is required",
			repo(token + `,"github-app-installation-id":"ghain-1"`):                                      "cannot both be specified",
			repo(token + `,"branch":"main","tags":true`):                                                 "Branch and tags cannot both be specified",
			repo(token + `,"tags":false`):                                                                "Branch can't be blank when tags are disabled",
			repo(token + `,"branch":"main","tag-prefix":"net/"`):                                         "Tag prefix can only be specified",
			repo(token + `,"source-directory":"../net"`):                                                 "Source directory must be a folder of the repository",
			repo(token + `,"source-directory":"a/./b"`):                                                  "Source directory must be a folder of the repository",
			repo(token + `,"branch":"-x"`):                                                               "cannot begin with a dash",
			repo(token + `,"branch":"` + strings.Repeat("b", 1025) + `"`):                                "at most 1024 characters",
			`{"initial-version":"one","vcs-repo":{"identifier":"a/terraform-b-c","oauth-token-id":"x"}}`: "Initial version must be a semantic version",
			`{"vcs-repo":{"identifier":"acme/modules","oauth-token-id":"x"}}`:                            "must be named terraform-<PROVIDER>-<NAME>",
			`{"name":"a b","provider":"aws","vcs-repo":{"identifier":"acme/x","oauth-token-id":"x"}}`:    "Name may contain alphanumeric",
			`{"test-config":{"tests-enabled":true},` + repo(token)[1:]:                                   "published from a branch",
			`{"test-config":{"agent-execution-mode":"agent"},` + repo(token)[1:]:                         "Agent pool is required",
			// All is well but the connection.
			repo(token): "OAuth token \\\"ot-absent\\\" does not exist in the organization",
			repo(`,"github-app-installation-id":"ghain-1"`):                "GitHub App installation \\\"ghain-1\\\" does not exist in the organization",
			repo(token + `,"branch":"main"`):                               "OAuth token \\\"ot-absent\\\" does not exist",
			`{"name":"n","provider":"p","no-code":true,` + repo(token)[1:]: "OAuth token \\\"ot-absent\\\" does not exist",
		} {
			f.refused(422, words, "POST", base+"/vcs", doc("registry-modules", attributes))
		}
		f.refused(422, "OAuth token", "POST", "/api/v2/registry-modules", doc("registry-modules", repo(token)))
		f.refused(422, "VCS repo can't be blank", "POST", "/api/v2/registry-modules", doc("registry-modules", `{}`))
		if n := len(f.want(200, "GET", base, nil).JSON()["data"].([]any)); n != 0 {
			s.T.Errorf("modules after refusals = %d, want none", n)
		}
		f.module("net", "aws")
		f.refused(422, "Branch and tags cannot both be specified", "PATCH", at("net", "aws"), doc("registry-modules", `{"vcs-repo":{"branch":"main","tags":true}}`))
		f.refused(422, "no VCS repository", "PATCH", at("net", "aws"), doc("registry-modules", `{"vcs-repo":{"branch":"main"}}`))
	})
}

// TestModulesFromAVCSAreKept stands in for the VCS connections that a later capability brings.
func TestModulesFromAVCSAreKept(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		other := s.Org("other")
		s.App.Modules.Connection = func(_ context.Context, r modules.Repo) (string, error) {
			id, ok := map[string]string{"ot-acme": f.org.ID, "ot-other": other.ID}[r.OAuthTokenID]
			if !ok {
				return "", problem.NotFound
			}
			return id, nil
		}
		body := func(name, token, more string) string {
			return doc("registry-modules", fmt.Sprintf(`{"vcs-repo":{"identifier":"acme/terraform-aws-%s","oauth-token-id":%q%s}}`, name, token, more))
		}
		r := f.want(201, "POST", base+"/vcs", body("net", "ot-acme", `,"tags":true,"tag-prefix":"net/","source-directory":"modules/net"`))
		want := map[string]any{"branch": "", "ingress-submodules": true, "identifier": "acme/terraform-aws-net", "display-identifier": "acme/terraform-aws-net",
			"oauth-token-id": "ot-acme", "tags": true, "tag-prefix": "net/", "source-directory": "modules/net"}
		a := attributes(r)
		if diff := cmp.Diff(any(want), a["vcs-repo"]); diff != "" || a["publishing-mechanism"] != "git_tag" || a["name"] != "net" || a["provider"] != "aws" || a["status"] != "pending" {
			s.T.Errorf("create = %s, vcs-repo (-want +got):\n%s", r.Body, diff)
		}
		f.refused(422, "are the tags of its repository", "POST", at("net", "aws", "versions"), doc("registry-module-versions", `{"version":"1.0.0"}`))
		a = attributes(f.want(200, "PATCH", at("net", "aws"), doc("registry-modules", `{"vcs-repo":{"branch":"main","tags":false}}`)))
		if repo := a["vcs-repo"].(map[string]any); a["publishing-mechanism"] != "branch" || repo["branch"] != "main" || repo["tags"] != false || repo["tag-prefix"] != nil {
			s.T.Errorf("update to a branch = %v", a)
		}
		a = attributes(f.want(200, "PATCH", at("net", "aws"), doc("registry-modules", `{"vcs-repo":{"branch":"","tags":true}}`)))
		if repo := a["vcs-repo"].(map[string]any); a["publishing-mechanism"] != "git_tag" || repo["branch"] != "" || repo["source-directory"] != "modules/net" {
			s.T.Errorf("update to tags = %v", a)
		}
		f.want(200, "PATCH", at("net", "aws"), doc("registry-modules", `{"vcs-repo":{"branch":"main"}}`))
		f.refused(422, "Tag prefix can only be specified", "PATCH", at("net", "aws"), doc("registry-modules", `{"vcs-repo":{"tag-prefix":"net/"}}`))
		f.refused(422, "OAuth token", "PATCH", at("net", "aws"), doc("registry-modules", `{"vcs-repo":{"oauth-token-id":"ot-other"}}`))
		f.refused(422, "Identifier must be a repository", "PATCH", at("net", "aws"), doc("registry-modules", `{"vcs-repo":{"identifier":"x"}}`))
		a = attributes(f.want(200, "PATCH", at("net", "aws"), doc("registry-modules", `{"vcs-repo":{"identifier":"acme/moved"}}`)))
		if repo := a["vcs-repo"].(map[string]any); repo["identifier"] != "acme/moved" || repo["display-identifier"] != "acme/moved" || repo["branch"] != "main" {
			s.T.Errorf("update to another repository = %v", a)
		}
		f.want(201, "POST", "/api/v2/registry-modules", body("app", "ot-acme", `,"branch":"main"`))
		if r := f.want(201, "POST", base+"/vcs", strings.Replace(body("code", "ot-acme", ""), `{"vcs-repo"`, `{"no-code":true,"vcs-repo"`, 1)); attributes(r)["no-code"] != true {
			s.T.Errorf("create of a no-code module = %s", r.Body)
		}
		f.refused(422, "OAuth token", "POST", "/api/v2/registry-modules", body("app2", "ot-other", "")) // of others
		f.refused(422, "OAuth token", "POST", base+"/vcs", body("app2", "ot-other", ""))
		f.refused(422, "already been taken", "POST", base+"/vcs", body("app", "ot-acme", ""))
		if r := s.Do("POST", "/api/v2/registry-modules", s.Member(f.org, "member").Token, body("app3", "ot-acme", "")); r.Status != 422 {
			s.T.Errorf("POST by a member = %d %s, want 422 as for an unknown connection", r.Status, r.Body)
		}
	})
}

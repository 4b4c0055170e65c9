package modules_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/registry/modules"
)

func manage(attributes string) string { return doc("module-versions", attributes) }

const (
	deprecate   = `{"deprecation":{"deprecated-status":"Deprecated","reason":"Deprecated due to a security vulnerability issue.","link":"https://www.hashicorp.com/"}}`
	undeprecate = `{"deprecation":{"deprecated-status":"Undeprecated"}}`
	revoke      = `{"revocation":{"status":"Revoked","message":"Revoked due to a security vulnerability issue.","link":"https://www.hashicorp.com/"}}`
	unrevoke    = `{"revocation":{"status":"Unrevoked"}}`
)

func TestTheLifeOfAVersion(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		f.module("net", "aws")
		f.publish("net", "aws", "1.0.0", plain)
		f.publish("net", "aws", "1.1.0", plain)
		version, show := at("net", "aws", "1.1.0"), at("net", "aws", "version?module_version=1.1.0")
		latest := func() any {
			return f.want(200, "GET", "/api/registry/v1/modules/acme/net/aws", nil).JSON()["version"]
		}
		listed := func() any {
			r := f.want(200, "GET", "/api/registry/v1/modules/acme/net/aws/versions", nil)
			v := r.JSON()["modules"].([]any)[0].(map[string]any)["versions"].([]any)[1].(map[string]any)
			return map[string]any{"version": v["version"], "deprecation": v["deprecation"], "revocation": v["revocation"]}
		}
		wantListed := func(when string, deprecation, revocation any) {
			s.T.Helper()
			if diff := cmp.Diff(any(map[string]any{"version": "1.1.0", "deprecation": deprecation, "revocation": revocation}), listed()); diff != "" {
				s.T.Errorf("the list of versions %s (-want +got):\n%s", when, diff)
			}
		}
		f.refused(422, "must be deprecated before it can be revoked", "PATCH", version, manage(revoke))
		f.refused(422, "is not deprecated", "PATCH", version, manage(undeprecate))
		f.refused(422, "is not revoked", "PATCH", version, manage(unrevoke))

		const answer = `{"data":{"type":"module-versions","id":"*","relationships":{"deprecation":{"data":{"id":"*","type":"deprecations"}}}},
			"included":[{"type":"deprecations","id":"*","attributes":{"link":%q,"reason":%q}}]}`
		like(s.T, "deprecate", fmt.Sprintf(answer, "https://www.hashicorp.com/", "Deprecated due to a security vulnerability issue."), f.want(200, "PATCH", version, manage(deprecate)))
		said := map[string]any{"reason": "Deprecated due to a security vulnerability issue.", "link": "https://www.hashicorp.com/"}
		wantListed("after a deprecation", said, nil)
		if got := f.want(200, "GET", "/api/registry/v1/modules/acme/net/aws/1.1.0", nil).JSON()["deprecation"]; !cmp.Equal(got, any(said)) {
			s.T.Errorf("deprecation of the version = %v", got)
		}
		if latest() != "1.1.0" {
			s.T.Errorf("the newest version is %v, want the deprecated one still", latest())
		}
		if a := attributes(f.want(200, "GET", at("net", "aws"), nil)); !cmp.Equal(a["deprecated-versions"], any([]any{"1.1.0"})) || a["revoked-versions"] != nil {
			s.T.Errorf("module = %v, want that 1.1.0 is deprecated and nothing revoked", a)
		}
		like(s.T, "revert the deprecation", `{"data":{"type":"module-versions","id":"*"}}`, f.want(200, "PATCH", version, manage(undeprecate)))
		wantListed("after the deprecation was reverted", nil, nil)

		f.want(200, "PATCH", version, manage(deprecate))
		like(s.T, "revoke", sampleVersion("ok", "1.1.0", "null", `,"revocation":{"status":"Revoked","message":"Revoked due to a security vulnerability issue.","link":"https://www.hashicorp.com/"}`),
			f.want(200, "PATCH", version, manage(revoke)))
		wantListed("after a revocation", said, map[string]any{"message": "Revoked due to a security vulnerability issue.", "link": "https://www.hashicorp.com/"})
		if got := attributes(f.want(200, "GET", show, nil))["revocation"]; !cmp.Equal(got, any(map[string]any{"status": "revoked", "message": "Revoked due to a security vulnerability issue.", "link": "https://www.hashicorp.com/"})) {
			s.T.Errorf("revocation of the version = %v", got)
		}
		if got := attributes(f.want(200, "GET", at("net", "aws"), nil))["revoked-versions"]; !cmp.Equal(got, any([]any{"1.1.0"})) {
			s.T.Errorf("revoked-versions = %v", got)
		}
		if got := attributes(f.want(200, "GET", at("net", "aws"), nil))["deprecated-versions"]; got != nil {
			s.T.Errorf("deprecated-versions = %v, want none: it is revoked", got)
		}
		if latest() != "1.0.0" {
			s.T.Errorf("the newest version is %v, want the one that is not revoked", latest())
		}
		f.refused(422, "revert its revocation before", "PATCH", version, manage(undeprecate))
		like(s.T, "revert the revocation", sampleVersion("ok", "1.1.0", "null", `,"revocation":{"status":"Unrevoked"}`), f.want(200, "PATCH", version, manage(unrevoke)))
		wantListed("after the revocation was reverted", said, nil) // it is deprecated again
		if latest() != "1.1.0" || attributes(f.want(200, "GET", show, nil))["revocation"] != nil || attributes(f.want(200, "GET", at("net", "aws"), nil))["revoked-versions"] != nil {
			s.T.Error("something of the revocation is left")
		}
	})
}

func TestChangesOfAVersionAreChecked(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		f.module("net", "aws")
		f.publish("net", "aws", "1.0.0", plain)
		version := at("net", "aws", "1.0.0")
		long := strings.Repeat("a", 2001)
		for attributes, words := range map[string]string{
			`{}`:                   "either a deprecation or a revocation",
			`{"deprecation":null}`: "either a deprecation or a revocation",
			`{"deprecation":{"deprecated-status":"Deprecated"},"revocation":{"status":"Revoked"}}`: "either a deprecation or a revocation",
			`{"deprecation":{}}`: "Deprecated status must be either",
			`{"deprecation":{"deprecated-status":"deprecated"}}`:                               "Deprecated status must be either",
			`{"deprecation":{"deprecated-status":true}}`:                                       "A JSON bool is not what is expected",
			`{"deprecation":"Deprecated"}`:                                                     "not what is expected",
			`{"deprecation":{"deprecated-status":"Deprecated","reason":"` + long + `"}}`:       "Reason is too long",
			`{"deprecation":{"deprecated-status":"Deprecated","link":"javascript:alert(1)"}}`:  "Link must be the address of a web page",
			`{"deprecation":{"deprecated-status":"Deprecated","link":"https://` + long + `"}}`: "Link must be the address of a web page",
			`{"revocation":{"status":"Gone"}}`:                                                 "Status must be either",
		} {
			f.refused(422, words, "PATCH", version, manage(attributes))
		}
		f.want(200, "PATCH", version, manage(`{"deprecation":{"deprecated-status":"Deprecated","link":"www.hashicorp.com"}}`))
		f.refused(422, "Message is too long", "PATCH", version, manage(`{"revocation":{"status":"Revoked","message":"`+long+`"}}`))
		f.refused(422, "Link must be", "PATCH", version, manage(`{"revocation":{"status":"Revoked","link":"file:///etc"}}`))
		f.refused(409, "module-versions", "PATCH", version, doc("workspaces", deprecate))
		f.refused(404, "", "PATCH", at("net", "aws", "9.0.0"), manage(deprecate))
		f.refused(400, "", "PATCH", version, "")
		f.want(200, "PATCH", version, doc("registry-module-versions", deprecate))
	})
}

func TestARevokedVersionIsForThoseWhoHaveIt(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		f.module("net", "aws")
		f.publish("net", "aws", "1.0.0", plain)
		run := func(name string) string {
			ws := s.Workspace(f.org, "", name)
			return s.Token(tokens.Token{Kind: tokens.Run, WorkspaceID: &ws})
		}
		appWS := s.Workspace(f.org, "", "app")
		appRun := func() string { return s.Token(tokens.Token{Kind: tokens.Run, WorkspaceID: &appWS}) }
		f.fetch("net", "aws", "1.0.0", appRun())
		ada := s.Member(f.org, "ada").Token
		f.fetch("net", "aws", "1.0.0", ada)
		f.want(200, "PATCH", at("net", "aws", "1.0.0"), manage(deprecate))
		f.want(200, "PATCH", at("net", "aws", "1.0.0"), manage(revoke))
		f.fetch("net", "aws", "1.0.0", ada)
		f.fetch("net", "aws", "1.0.0", appRun()) // another run of the same workspace
		for who, token := range map[string]string{"another member": s.Member(f.org, "bob").Token, "another workspace": run("other"), "an owner": f.owner} {
			r := s.Do("GET", "/api/registry/v1/modules/acme/net/aws/1.0.0/download", token, nil)
			want := `{"errors":["Version 1.0.0 of module net has been revoked and cannot be installed by new users. Revoked due to a security vulnerability issue. See https://www.hashicorp.com/"]}`
			if r.Status != 403 || strings.TrimSpace(string(r.Body)) != want || r.Header.Get("X-Terraform-Get") != "" {
				s.T.Errorf("download by %s = %d %s, want 403 and why", who, r.Status, r.Body)
			}
		}
		f.want(200, "PATCH", at("net", "aws", "1.0.0"), manage(unrevoke))
		f.fetch("net", "aws", "1.0.0", f.owner)
	})
}

func TestNotices(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		for _, name := range []string{"net", "app"} {
			f.module(name, "aws")
			f.publish(name, "aws", "1.0.0", plain)
			f.publish(name, "aws", "1.1.0", plain)
		}
		f.want(200, "PATCH", at("net", "aws", "1.0.0"), manage(deprecate))
		f.want(200, "PATCH", at("app", "aws", "1.1.0"), manage(`{"deprecation":{"deprecated-status":"Deprecated"}}`))
		f.want(200, "PATCH", at("app", "aws", "1.1.0"), manage(revoke))
		const why, link = "Deprecated due to a security vulnerability issue.", "https://www.hashicorp.com/"
		uses := []modules.Use{{"acme", "app", "aws", "1.0.0"}, {"acme", "app", "aws", "1.1.0"}, {"ACME", "Net", "aws", "1.0.0"}, {"acme", "net", "aws", "1.1.0"},
			{"acme", "net", "google", "1.0.0"}, {"other", "net", "aws", "1.0.0"}}
		want := []modules.Notice{
			{Use: uses[1], Revoked: true, Message: "Revoked due to a security vulnerability issue.", MsgLink: link},
			{Use: uses[2], Reason: why, Link: link},
		}
		got, err := s.App.Modules.Notices(f.ctx, uses)
		if err != nil {
			s.T.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			s.T.Errorf("Notices (-want +got):\n%s", diff)
		}
		var many []modules.Use
		for i := range 250 {
			many = append(many, modules.Use{Namespace: "acme", Name: fmt.Sprint("m", i), Provider: "aws", Version: "1.0.0"})
		}
		if got, err := s.App.Modules.Notices(f.ctx, append(many, uses[1])); err != nil || len(got) != 1 {
			s.T.Errorf("Notices of many = %v, %v, want one", got, err)
		}
		if got, err := s.App.Modules.Notices(f.ctx, nil); err != nil || len(got) != 0 {
			s.T.Errorf("Notices of nothing = %v, %v", got, err)
		}
	})
}

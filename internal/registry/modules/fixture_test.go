package modules_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
)

// fixture is a server with an organization and its owner's client.
type fixture struct {
	*apptest.Server
	ctx   context.Context
	org   apptest.Org
	owner string // token
	c     *tfe.Client
}

func setUp(s *apptest.Server) *fixture {
	org := s.Org("acme")
	return &fixture{s, s.T.Context(), org, org.Owner.Token, s.Client(org.Owner.Token)}
}

const base = "/api/v2/organizations/acme/registry-modules"

// at is the path of a private module, or of what is below it.
func at(name, provider string, below ...string) string {
	return strings.Join(append([]string{base, "private", "acme", name, provider}, below...), "/")
}

func doc(typ, attributes string) string {
	return fmt.Sprintf(`{"data":{"type":%q,"attributes":%s}}`, typ, attributes)
}

// do sends a request as the owner.
func (f *fixture) do(method, path string, body any) *apptest.Response {
	f.T.Helper()
	return f.Do(method, path, f.owner, body)
}

// want sends a request as the owner that must be answered with the status.
func (f *fixture) want(status int, method, path string, body any) *apptest.Response {
	f.T.Helper()
	r := f.do(method, path, body)
	if r.Status != status {
		f.T.Fatalf("%s %s = %d %s, want %d", method, path, r.Status, r.Body, status)
	}
	return r
}

// refused sends a request as the owner that must be refused in those words.
func (f *fixture) refused(status int, words, method, path string, body any) {
	f.T.Helper()
	if r := f.do(method, path, body); r.Status != status || !strings.Contains(string(r.Body), words) {
		f.T.Errorf("%s %s of %v = %d %s, want %d %q", method, path, body, r.Status, r.Body, status, words)
	}
}

// module makes a private module and returns its id.
func (f *fixture) module(name, provider string) string {
	f.T.Helper()
	r := f.want(201, "POST", base, doc("registry-modules", fmt.Sprintf(`{"name":%q,"provider":%q}`, name, provider)))
	return data(r)["id"].(string)
}

// version makes a version without files and returns its address for the upload.
func (f *fixture) version(name, provider, version string) string {
	f.T.Helper()
	r := f.want(201, "POST", at(name, provider, "versions"), doc("registry-module-versions", fmt.Sprintf(`{"version":%q}`, version)))
	return data(r)["links"].(map[string]any)["upload"].(string)
}

// plain are the files of a module that works.
var plain = map[string]string{"main.tf": "variable \"a\" {}\n"}

// publish makes a version that can be installed.
func (f *fixture) publish(name, provider, version string, files map[string]string) {
	f.T.Helper()
	f.put(f.version(name, provider, version), apptest.TarGz(f.T, files))
	f.Settle()
	if got := f.status(name, provider, version); got["status"] != "ok" {
		f.T.Fatalf("status of %s %s = %v, want ok", name, version, got)
	}
}

func (f *fixture) put(address string, body []byte) {
	f.T.Helper()
	if r := f.Do("PUT", address, "", body); r.Status != 200 {
		f.T.Fatalf("PUT = %d %s", r.Status, r.Body)
	}
}

// status is what a module says of one of its versions.
func (f *fixture) status(name, provider, version string) map[string]any {
	f.T.Helper()
	for _, v := range attributes(f.want(200, "GET", at(name, provider), nil))["version-statuses"].([]any) {
		if v := v.(map[string]any); v["version"] == version {
			return v
		}
	}
	return nil
}

func data(r *apptest.Response) map[string]any {
	d, _ := r.JSON()["data"].(map[string]any)
	return d
}

func attributes(r *apptest.Response) map[string]any {
	a, _ := data(r)["attributes"].(map[string]any)
	return a
}

// like compares a document with a sample. In the sample "*" stands for any text that is
// not empty.
func like(t *testing.T, what, sample string, r *apptest.Response) {
	t.Helper()
	var want, got any
	if err := json.Unmarshal([]byte(sample), &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(r.Body, &got); err != nil {
		t.Fatalf("%s: %v in %s", what, err, r.Body)
	}
	if diff := cmp.Diff(want, mask(want, got)); diff != "" {
		t.Errorf("%s = %s (-want +got):\n%s", what, http.StatusText(r.Status), diff)
	}
}

// mask puts "*" where the sample has it and the value is text.
func mask(sample, v any) any {
	switch v := v.(type) {
	case map[string]any:
		s, _ := sample.(map[string]any)
		for k := range v {
			v[k] = mask(s[k], v[k])
		}
	case []any:
		s, _ := sample.([]any)
		for i := range v {
			if i < len(s) {
				v[i] = mask(s[i], v[i])
			}
		}
	case string:
		if sample == "*" && v != "" {
			return "*"
		}
	}
	return v
}

// objects is how many objects the store has.
func (f *fixture) objects() int {
	f.T.Helper()
	f.Settle()
	n := 0
	for _, err := range f.App.Objects.List(f.ctx, "module/") {
		if err != nil {
			f.T.Fatal(err)
		}
		n++
	}
	return n
}

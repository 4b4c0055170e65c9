package providers_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/apptest"
)

const base = "/api/v2/organizations/acme/registry-providers"

// fixture is an organization with a signer whose key it has.
type fixture struct {
	*apptest.Server
	t      *testing.T
	org    apptest.Org
	signer apptest.Signer
}

func setUp(s *apptest.Server) fixture {
	f := fixture{Server: s, t: s.T, org: s.Org("acme"), signer: apptest.NewSigner(s.T)}
	s.AddKey(f.org, f.signer)
	return f
}

func document(typ string, attributes map[string]any) map[string]any {
	return map[string]any{"data": map[string]any{"type": typ, "attributes": attributes}}
}

// do sends a request as the owner, which must be answered with the status.
func (f fixture) do(method, path string, body any, status int) *apptest.Response {
	f.t.Helper()
	r := f.Do(method, path, f.org.Owner.Token, body)
	if r.Status != status {
		f.t.Fatalf("%s %s = %d %s, want %d", method, path, r.Status, r.Body, status)
	}
	return r
}

// data is the resource in an answer.
func data(r *apptest.Response) map[string]any {
	d, _ := r.JSON()["data"].(map[string]any)
	return d
}

func (f fixture) provider(name string) map[string]any {
	f.t.Helper()
	return data(f.do("POST", base, document("registry-providers", map[string]any{"name": name, "namespace": "acme", "registry-name": "private"}), 201))
}

func (f fixture) version(provider, version string) map[string]any {
	f.t.Helper()
	return data(f.do("POST", base+"/private/acme/"+provider+"/versions",
		document("registry-provider-versions", map[string]any{"version": version, "key-id": f.signer.KeyID, "protocols": []string{"5.0"}}), 201))
}

func (f fixture) platform(provider, version, os, arch, filename, shasum string) *apptest.Response {
	f.t.Helper()
	return f.Do("POST", base+"/private/acme/"+provider+"/versions/"+version+"/platforms", f.org.Owner.Token,
		document("registry-provider-platforms", map[string]any{"os": os, "arch": arch, "filename": filename, "shasum": shasum}))
}

// put uploads to the address that a resource links to.
func (f fixture) put(resource map[string]any, link string, content []byte) *apptest.Response {
	f.t.Helper()
	address, ok := resource["links"].(map[string]any)[link].(string)
	if !ok {
		f.t.Fatalf("%v has no link %s: %v", resource["id"], link, resource["links"])
	}
	return f.Do("PUT", address, "", content)
}

// refused wants a client's error of this status that says these words.
func (f fixture) refused(what string, r *apptest.Response, status int, says string) {
	f.t.Helper()
	if r.Status != status || !strings.Contains(r.Detail(), says) {
		f.t.Errorf("%s = %d %s, want %d %q", what, r.Status, r.Body, status, says)
	}
}

var (
	times     = regexp.MustCompile(`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"`)
	ids       = regexp.MustCompile(`"(prov|provver|provpltfrm)-[0-9A-Za-z]{16}"`)
	addresses = regexp.MustCompile(`"http[^"]*/_archivist/v1/object/[^"]*"`)
)

// like compares a resource with a sample of the documentation: times, ids and signed
// addresses are replaced by TIME, ID-of-what and ADDRESS.
func like(t *testing.T, what string, got any, sample string) {
	t.Helper()
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	text := times.ReplaceAllString(string(b), `"TIME"`)
	text = ids.ReplaceAllString(text, `"ID-of-$1"`)
	text = addresses.ReplaceAllString(text, `"ADDRESS"`)
	var have, want any
	if err := json.Unmarshal([]byte(text), &have); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(sample), &want); err != nil {
		t.Fatalf("the sample of %s: %v", what, err)
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

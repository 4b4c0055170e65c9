package configversions_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"net/http"
	"strings"
	"testing"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
)

// fixture is an organization with a workspace.
type fixture struct {
	*apptest.Server
	ctx context.Context
	org apptest.Org
	ws  string
	c   *tfe.Client
}

func setUp(s *apptest.Server) *fixture {
	f := &fixture{Server: s, ctx: s.T.Context(), org: s.Org("acme")}
	f.c = s.Client(f.org.Owner.Token)
	f.ws = s.Workspace(f.org, "", "net")
	return f
}

func (f *fixture) must(err error) {
	f.T.Helper()
	if err != nil {
		f.T.Fatal(err)
	}
}

// create makes a version that queues no runs.
func (f *fixture) create() *tfe.ConfigurationVersion {
	f.T.Helper()
	return f.createWith(options(false))
}

func options(queueRuns bool) tfe.ConfigurationVersionCreateOptions {
	return tfe.ConfigurationVersionCreateOptions{AutoQueueRuns: &queueRuns}
}

func (f *fixture) createWith(o tfe.ConfigurationVersionCreateOptions) *tfe.ConfigurationVersion {
	f.T.Helper()
	v, err := f.c.ConfigurationVersions.Create(f.ctx, f.ws, o)
	f.must(err)
	return v
}

// put uploads what must be taken.
func (f *fixture) put(v *tfe.ConfigurationVersion, b []byte) {
	f.T.Helper()
	if r := f.Do("PUT", v.UploadURL, "", b); r.Status != 200 {
		f.T.Fatalf("PUT = %d %s", r.Status, r.Body)
	}
}

// uploaded makes a version with an archive.
func (f *fixture) uploaded(b []byte) *tfe.ConfigurationVersion {
	f.T.Helper()
	v := f.create()
	f.put(v, b)
	return v
}

func (f *fixture) read(id string) *tfe.ConfigurationVersion {
	f.T.Helper()
	v, err := f.c.ConfigurationVersions.Read(f.ctx, id)
	f.must(err)
	return v
}

func (f *fixture) wantStatus(id, want string) {
	f.T.Helper()
	if got := f.read(id).Status; string(got) != want {
		f.T.Errorf("status of %s = %s, want %s", id, got, want)
	}
}

// current returns the id of the workspace's current version.
func (f *fixture) current() string {
	f.T.Helper()
	w, err := f.c.Workspaces.ReadByID(f.ctx, f.ws)
	f.must(err)
	if w.CurrentConfigurationVersion == nil {
		return ""
	}
	return w.CurrentConfigurationVersion.ID
}

// objects counts the archives in the store, after the jobs that may remove some.
func (f *fixture) objects() (n int) {
	f.T.Helper()
	f.Settle()
	for _, err := range f.App.Objects.List(f.ctx, "configuration/") {
		f.must(err)
		n++
	}
	return n
}

func (f *fixture) do(method, path string) *apptest.Response {
	f.T.Helper()
	return f.Do(method, "/api/v2/configuration-versions/"+path, f.org.Owner.Token, nil)
}

// entry is an entry of an archive.
type entry struct {
	name string
	flag byte // zero is a file
	link string
	body string
}

func file(name, body string) entry { return entry{name: name, body: body} }

// tgz packs entries as they are.
func tgz(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: e.flag, Linkname: e.link, Size: int64(len(e.body)), Mode: 0o644}
		if e.flag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// refused sends a request that must fail with a status and words.
func refused(t *testing.T, what string, r *apptest.Response, status int, words string) {
	t.Helper()
	if r.Status != status || !strings.Contains(r.Detail(), words) {
		t.Errorf("%s = %d %s, want %d with %q", what, r.Status, r.Body, status, words)
	}
}

// post makes a request that the test may change before it sends it.
func post(t *testing.T, address, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

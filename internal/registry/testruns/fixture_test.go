package testruns_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/executor/proto"
)

// fixture is a module, and an executor that the test plays.
type fixture struct {
	*apptest.Server
	ctx    context.Context
	org    apptest.Org
	c      *tfe.Client
	module *tfe.RegistryModule
	id     tfe.RegistryModuleID
	base   string // of the module's tests in the API
	worker proto.Server
	self   string // of the executor
}

func newFixture(s *apptest.Server) *fixture {
	o := s.Org("acme")
	f := &fixture{Server: s, ctx: s.T.Context(), org: o, c: s.Client(o.Owner.Token), worker: s.App.Dispatch.Workers()}
	f.module = f.newModule("net")
	f.id = tfe.RegistryModuleID{Organization: "acme", Name: "net", Provider: "aws", Namespace: "acme", RegistryName: tfe.PrivateRegistry}
	f.base = "/api/v2/organizations/acme/tests/registry-modules/private/acme/net/aws"
	r, err := f.worker.Register(f.ctx, proto.Executor{Name: "test"})
	f.must(err)
	f.self = r.ID
	return f
}

func (f *fixture) must(err error) {
	f.T.Helper()
	if err != nil {
		f.T.Fatal(err)
	}
}

func (f *fixture) newModule(name string) *tfe.RegistryModule {
	f.T.Helper()
	m, err := f.c.RegistryModules.Create(f.ctx, "acme", tfe.RegistryModuleCreateOptions{Name: &name, Provider: new("aws"), RegistryName: tfe.PrivateRegistry})
	f.must(err)
	return m
}

// files uploads a module's files for tests of a module.
func (f *fixture) files(id tfe.RegistryModuleID) *tfe.ConfigurationVersion {
	f.T.Helper()
	v, err := f.c.ConfigurationVersions.CreateForRegistryModule(f.ctx, id)
	f.must(err)
	if r := f.Do("PUT", v.UploadURL, "", apptest.TarGz(f.T, map[string]string{"main.tf": "", "tests/a.tftest.hcl": "run \"a\" {}\n"})); r.Status != 200 {
		f.T.Fatalf("upload = %d %s", r.Status, r.Body)
	}
	return v
}

// create makes a test run.
func (f *fixture) create(o tfe.TestRunCreateOptions) *tfe.TestRun {
	f.T.Helper()
	if o.RegistryModule = f.module; o.ConfigurationVersion == nil {
		o.ConfigurationVersion = f.files(f.id)
	}
	t, err := f.c.TestRuns.Create(f.ctx, o)
	f.must(err)
	return t
}

// claim takes the next job, as a worker of the server.
func (f *fixture) claim() (proto.Ticket, proto.Test) {
	f.T.Helper()
	j, err := f.worker.Claim(f.ctx, f.self, proto.Claim{Kinds: []string{proto.KindTest}, Wait: 10 * time.Second})
	f.must(err)
	if j == nil {
		f.T.Fatal("Claim = nothing, want a test run")
	}
	var spec proto.Test
	f.must(json.Unmarshal(j.Spec, &spec))
	return j.Ticket, spec
}

func (f *fixture) finish(t proto.Ticket, r proto.Result, data proto.TestResult) {
	f.T.Helper()
	b, err := json.Marshal(data)
	f.must(err)
	r.Data = b
	f.must(f.worker.Finish(f.ctx, t, r))
}

// attributes of a test run as they are on the wire.
func (f *fixture) attributes(id string) map[string]any {
	f.T.Helper()
	r := f.Do("GET", f.base+"/test-runs/"+id, f.org.Owner.Token, nil)
	if r.Status != 200 {
		f.T.Fatalf("GET test run = %d %s", r.Status, r.Body)
	}
	return r.JSON()["data"].(map[string]any)["attributes"].(map[string]any)
}

// says fails unless the answer has the status and the words.
func says(t *testing.T, what string, r *apptest.Response, status int, words string) {
	t.Helper()
	if r.Status != status || !strings.Contains(string(r.Body), words) {
		t.Errorf("%s = %d %s, want %d %q", what, r.Status, r.Body, status, words)
	}
}

package phases_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/executor/proto"
)

// fixture is a workspace with a configuration, and an executor that the test plays.
type fixture struct {
	*apptest.Server
	ctx    context.Context
	org    apptest.Org
	c      *tfe.Client
	ws     string
	cv     string
	worker proto.Server
	id     string // of the executor
}

func newFixture(s *apptest.Server) *fixture {
	o := s.Org("acme")
	f := &fixture{Server: s, ctx: s.T.Context(), org: o, c: s.Client(o.Owner.Token), worker: s.App.Dispatch.Workers()}
	f.ws = s.Workspace(o, "", "web")
	r, err := f.worker.Register(f.ctx, proto.Executor{Name: "test"})
	f.must(err)
	f.id = r.ID
	v, err := f.c.ConfigurationVersions.Create(f.ctx, f.ws, tfe.ConfigurationVersionCreateOptions{AutoQueueRuns: new(false)})
	f.must(err)
	if res := s.Do("PUT", v.UploadURL, "", archive(s.T)); res.Status != 200 {
		s.T.Fatalf("upload = %d %s", res.Status, res.Body)
	}
	f.cv = v.ID
	return f
}

// archive is a configuration.
func archive(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	text := `resource "terraform_data" "a" {}`
	for _, err := range []error{w.WriteHeader(&tar.Header{Name: "main.tf", Mode: 0o644, Size: int64(len(text))}), write(w, text), w.Close(), z.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func write(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}

func (f *fixture) must(err error) {
	f.T.Helper()
	if err != nil {
		f.T.Fatal(err)
	}
}

// run makes a run.
func (f *fixture) run(o tfe.RunCreateOptions) *tfe.Run {
	f.T.Helper()
	o.Workspace = &tfe.Workspace{ID: f.ws}
	r, err := f.c.Runs.Create(f.ctx, o)
	f.must(err)
	return r
}

// claim takes the next job, whose spec goes to spec.
func (f *fixture) claim(kind string, spec any) proto.Ticket {
	f.T.Helper()
	j, err := f.worker.Claim(f.ctx, f.id, proto.Claim{Kinds: []string{proto.KindPlan, proto.KindApply}, Wait: 10 * time.Second})
	f.must(err)
	if j == nil || j.Kind != kind {
		f.T.Fatalf("Claim = %+v, want a %s", j, kind)
	}
	f.must(json.Unmarshal(j.Spec, spec))
	return j.Ticket
}

// plan plays an executor that plans changes.
func (f *fixture) plan() (spec proto.Plan) {
	f.T.Helper()
	t := f.claim(proto.KindPlan, &spec)
	for _, name := range []string{proto.PlanFile, proto.LockFile} {
		f.must(f.worker.Put(f.ctx, t, name, strings.NewReader(name)))
	}
	f.finish(t, proto.Finished, proto.PlanResult{EngineVersion: "1.12.6", HasChanges: true, Counts: proto.Counts{Add: 1}})
	return spec
}

func (f *fixture) finish(t proto.Ticket, outcome proto.Outcome, data any) {
	f.T.Helper()
	b, err := json.Marshal(data)
	f.must(err)
	f.must(f.worker.Finish(f.ctx, t, proto.Result{Outcome: outcome, Data: b}))
}

// status is that of a run.
func (f *fixture) status(runID string) tfe.RunStatus {
	f.T.Helper()
	r, err := f.c.Runs.Read(f.ctx, runID)
	f.must(err)
	return r.Status
}

// current is the current state version of the workspace, nil if there is none.
func (f *fixture) current() *version {
	v, err := f.c.StateVersions.ReadCurrent(f.ctx, f.ws)
	if err != nil {
		return nil
	}
	doc := f.Do("GET", "/api/v2/state-versions/"+v.ID, f.org.Owner.Token, nil).JSON()
	return &version{v, doc["data"].(map[string]any)["attributes"].(map[string]any)["intermediate"] == true}
}

// version is a state version, with what go-tfe does not read.
type version struct {
	*tfe.StateVersion
	Intermediate bool
}

// state is a state with one resource and an output.
func state(lineage string, serial int, value string) string {
	return fmt.Sprintf(`{"version":4,"terraform_version":"1.12.6","serial":%d,"lineage":%q,"outputs":{"o":{"value":%q,"type":"string"}},
		"resources":[{"mode":"managed","type":"terraform_data","name":"a","provider":"provider[\"terraform.io/builtin/terraform\"]","instances":[{"schema_version":0,"attributes":{}}]}]}`, serial, lineage, value)
}

// read reads what a call opens.
func read(t *testing.T) func(r io.ReadCloser, err error) string {
	return func(r io.ReadCloser, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Close() }()
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
}

package runs_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"testing"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/delivery/runs"
	"plumbline.dev/plumbline/internal/executor/proto"
)

// fixture is an organization with a workspace and a stand-in for the executors: what
// they would tell the server, the test tells it.
type fixture struct {
	*apptest.Server
	ctx    context.Context
	org    apptest.Org
	ws     string
	c      *tfe.Client
	killed []string // runs whose executor was told to stop at once
	asked  []string // runs whose executor was asked to end
	ended  []string // runs, in the order in which they ended
}

func setUp(s *apptest.Server) *fixture {
	f := &fixture{Server: s, ctx: context.WithoutCancel(s.T.Context()), org: s.Org("acme")}
	f.c = s.Client(f.org.Owner.Token)
	f.standIn()
	f.ws = f.workspace("net")
	return f
}

// standIn takes the place of what gives phases to executors.
func (f *fixture) standIn() {
	r := f.App.Runs
	nothing := func(context.Context, runs.Run) error { return nil }
	r.StartPlan, r.StartApply = nothing, nothing
	r.CancelPhase = func(ctx context.Context, run runs.Run, how proto.Cancel) error {
		switch {
		case how == proto.Kill:
			f.killed = append(f.killed, run.ID)
		case run.Status == runs.PlanQueued:
			return r.PlanFinished(ctx, run.ID, proto.Canceled, false, "")
		case run.Status == runs.ApplyQueued:
			return r.ApplyFinished(ctx, run.ID, proto.Canceled, "")
		default:
			f.asked = append(f.asked, run.ID)
		}
		return nil
	}
	r.OnEnd = append(r.OnEnd, func(_ context.Context, run runs.Run) error {
		f.ended = append(f.ended, run.ID)
		return nil
	})
}

// workspace makes a workspace with a configuration.
func (f *fixture) workspace(name string) string {
	f.T.Helper()
	ws := f.Workspace(f.org, "", name)
	_, err := f.c.Workspaces.UpdateByID(f.ctx, ws, tfe.WorkspaceUpdateOptions{AllowDestroyPlan: new(true)})
	f.must(err)
	f.upload(ws, tfe.ConfigurationVersionCreateOptions{AutoQueueRuns: new(false)})
	return ws
}

// upload makes a configuration version with files and returns its id.
func (f *fixture) upload(ws string, o tfe.ConfigurationVersionCreateOptions) string {
	f.T.Helper()
	v, err := f.c.ConfigurationVersions.Create(f.ctx, ws, o)
	f.must(err)
	if r := f.Do("PUT", v.UploadURL, "", archiveOf(f.T)); r.Status != 200 {
		f.T.Fatalf("PUT = %d %s", r.Status, r.Body)
	}
	return v.ID
}

func archiveOf(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	w := tar.NewWriter(zip)
	text := []byte("resource \"terraform_data\" \"x\" {}\n")
	if err := w.WriteHeader(&tar.Header{Name: "main.tf", Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (f *fixture) must(err error) {
	f.T.Helper()
	if err != nil {
		f.T.Fatal(err)
	}
}

// queue makes a run in the workspace.
func (f *fixture) queue(o tfe.RunCreateOptions) *tfe.Run {
	f.T.Helper()
	if o.Workspace == nil {
		o.Workspace = &tfe.Workspace{ID: f.ws}
	}
	r, err := f.c.Runs.Create(f.ctx, o)
	f.must(err)
	return r
}

// tx tells the server something in a transaction, as the phases do.
func (f *fixture) tx(do func(ctx context.Context) error) {
	f.T.Helper()
	f.must(f.DB.Tx(f.ctx, do))
}

func (f *fixture) planStarted(id string) {
	f.T.Helper()
	f.tx(func(ctx context.Context) error { return f.App.Runs.PlanStarted(ctx, id) })
}

// planned plays an executor that plans a run.
func (f *fixture) planned(id string, outcome proto.Outcome, changes bool) {
	f.T.Helper()
	f.planStarted(id)
	f.tx(func(ctx context.Context) error { return f.App.Runs.PlanFinished(ctx, id, outcome, changes, "") })
}

func (f *fixture) applyStarted(id string) {
	f.T.Helper()
	f.tx(func(ctx context.Context) error { return f.App.Runs.ApplyStarted(ctx, id) })
}

// applied plays an executor that applies a run.
func (f *fixture) applied(id string, outcome proto.Outcome) {
	f.T.Helper()
	f.applyStarted(id)
	f.tx(func(ctx context.Context) error { return f.App.Runs.ApplyFinished(ctx, id, outcome, "") })
}

func (f *fixture) read(id string) *tfe.Run {
	f.T.Helper()
	r, err := f.c.Runs.Read(f.ctx, id)
	f.must(err)
	return r
}

// wants checks the statuses of runs.
func (f *fixture) wants(want map[string]runs.Status) {
	f.T.Helper()
	for id, status := range want {
		if got := f.read(id).Status; string(got) != string(status) {
			f.T.Errorf("status of %s = %s, want %s", id, got, status)
		}
	}
}

// lockedBy returns the run that holds the lock of the workspace, "" if none does.
func (f *fixture) lockedBy(ws string) string {
	f.T.Helper()
	w, err := f.App.Workspaces.Find(f.ctx, ws)
	f.must(err)
	if w.LockedByKind != "run" {
		return ""
	}
	return w.LockedByID
}

// act does an action and returns its status.
func (f *fixture) act(token, id, action string) int {
	f.T.Helper()
	return f.Do("POST", "/api/v2/runs/"+id+"/actions/"+action, token, nil).Status
}

// errors returns the errors of an answer, each "status pointer: detail".
func errorsOf(r *apptest.Response) []string {
	var doc struct {
		Errors []struct {
			Status, Detail string
			Source         struct{ Pointer string }
		}
	}
	_ = json.Unmarshal(r.Body, &doc)
	var out []string
	for _, e := range doc.Errors {
		out = append(out, e.Status+" "+e.Source.Pointer+": "+e.Detail)
	}
	return out
}

func document(attributes map[string]any, relations map[string]string) map[string]any {
	rels := map[string]any{}
	for name, id := range relations {
		rels[name] = map[string]any{"data": map[string]any{"type": name + "s", "id": id}}
	}
	return map[string]any{"data": map[string]any{"type": "runs", "attributes": attributes, "relationships": rels}}
}

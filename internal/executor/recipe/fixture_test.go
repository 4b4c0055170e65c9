package recipe_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest/cli"
	"plumbline.dev/plumbline/internal/executor/engine"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/executor/recipe"
	"plumbline.dev/plumbline/internal/executor/sandbox"
	"plumbline.dev/plumbline/internal/executor/worker"
)

// place is a worker at work for a server, with the tofu of this machine.
type place struct {
	*server
	t       testing.TB
	worker  *worker.Worker
	machine *recipe.Machine
	stop    func() // ends the worker and waits for it
}

// tofu is the engine of this machine.
func tofu(t testing.TB) string {
	t.Helper()
	for _, e := range cli.Engines() {
		if e.Name == "tofu" {
			return e.Path
		}
	}
	t.Skip("no tofu here: run make engines")
	return ""
}

// newPlace makes a worker that has not started.
func newPlace(t testing.TB) *place {
	t.Helper()
	store, err := engine.New(engine.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	tofu(t)
	for _, e := range cli.Engines() {
		if _, err := store.Add(t.Context(), e.Path); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	box := sandbox.Detect(t.Context(), sandbox.Options{})
	if box.Kind == sandbox.None {
		t.Skip(box.Why)
	}
	p := &place{server: newServer(), t: t, stop: func() {}}
	p.machine = &recipe.Machine{Engine: store.Get, Snapshot: 50 * time.Millisecond}
	p.worker = &worker.Worker{Server: p.server, Name: "test", Dir: dir, Slots: 2, Sandbox: box, Grace: time.Millisecond,
		Kinds: map[string]worker.Kind{proto.KindPlan: recipe.Plans{Machine: p.machine}, proto.KindApply: recipe.Applies{Machine: p.machine}}}
	return p
}

// start starts the worker.
func (p *place) start() *place {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.worker.Run(ctx) }()
	stopped := false
	p.stop = func() {
		p.t.Helper()
		if cancel(); stopped {
			return
		}
		stopped = true
		select {
		case err := <-done:
			if err != nil {
				p.t.Errorf("Run = %v", err)
			}
		case <-time.After(time.Minute):
			p.t.Error("the worker does not end")
		}
	}
	p.t.Cleanup(func() { p.stop() })
	return p
}

// tgz packs files.
func tgz(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, text := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, text)
	}
	w.Close()
	z.Close()
	return b.Bytes()
}

// phase is a phase of a run without anything special.
func phase(id string) proto.Phase {
	return proto.Phase{RunID: id, Organization: "acme", Workspace: "prod", Project: "Default Project", Minutes: 5,
		Engine: proto.Engine{Product: "tofu", Version: "latest"}, Host: "plumbline.test:8443", Token: "run-token-1234567890"}
}

// plan runs a plan to its end.
func (p *place) plan(id string, spec proto.Plan, inputs map[string][]byte) *job {
	p.t.Helper()
	p.add(p.t, proto.KindPlan, id, spec, inputs)
	return p.end(p.t, id)
}

// planned runs a plan that must find changes, and returns it.
func (p *place) planned(run string, files map[string]string) (*job, []byte) {
	p.t.Helper()
	archive := tgz(p.t, files)
	j := p.plan("plan-"+run, proto.Plan{Phase: phase(run), Refresh: true}, map[string][]byte{proto.Archive: archive})
	if got := planResult(p.t, j); j.result.Outcome != proto.Finished || !got.HasChanges {
		p.t.Fatalf("plan = %+v, log:\n%s", j.result, j.log)
	}
	return j, archive
}

// apply queues the apply of a plan.
func (p *place) apply(run string, plan *job, archive []byte, change func(*proto.Apply)) (id string) {
	p.t.Helper()
	spec := proto.Apply{Phase: phase(run), PlanID: "plan-" + run, PlanJobID: "plan-" + run}
	if change != nil {
		change(&spec)
	}
	p.add(p.t, proto.KindApply, "apply-"+run, spec, map[string][]byte{
		proto.Archive: archive, proto.PlanFile: plan.outputs[proto.PlanFile], proto.LockFile: plan.outputs[proto.LockFile]})
	return "apply-" + run
}

func planResult(t testing.TB, j *job) (r proto.PlanResult) {
	t.Helper()
	if len(j.result.Data) == 0 {
		return r
	}
	if err := json.Unmarshal(j.result.Data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func applyResult(t testing.TB, j *job) (r proto.ApplyResult) {
	t.Helper()
	if err := json.Unmarshal(j.result.Data, &r); err != nil {
		t.Fatalf("%+v: %v", j.result, err)
	}
	return r
}

// folders are the names of the folders of jobs that are still there.
func (p *place) folders() []string {
	p.t.Helper()
	entries, err := os.ReadDir(filepath.Join(p.worker.Dir, "jobs"))
	if err != nil {
		p.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

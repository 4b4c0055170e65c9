package recipe

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-version"

	"plumbline.dev/plumbline/internal/executor/engine"
	"plumbline.dev/plumbline/internal/executor/planjson"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/executor/sandbox"
	"plumbline.dev/plumbline/internal/executor/worker"
)

// Applies is the worker.Kind of applies.
type Applies struct{ *Machine }

// apply is an apply under way.
type apply struct {
	*run
	spec   proto.Apply
	result proto.ApplyResult
	tally  *tally
}

// Folder implements worker.Kind.
func (Applies) Folder(job proto.Job) (name, after string, err error) {
	var spec proto.Apply
	err = json.Unmarshal(job.Spec, &spec)
	return spec.RunID, spec.PlanJobID, err
}

// Run implements worker.Kind.
func (k Applies) Run(ctx context.Context, t *worker.Task) proto.Result {
	var spec proto.Apply
	if err := json.Unmarshal(t.Job.Spec, &spec); err != nil {
		return proto.Result{Outcome: proto.Errored, Error: err.Error()}
	}
	a, quiet := &apply{run: k.newRun(ctx, t, spec.Phase, applyGrace), spec: spec}, time.After(spec.Quiet)
	err := a.do()
	if err := a.hide(); err != nil {
		slog.ErrorContext(ctx, "secrets of a run stay on disk", "folder", t.Dir, "err", err)
	}
	result := a.run.result(err, a.result)
	if result.Outcome == proto.Errored {
		t.Flush()
		select {
		case <-quiet:
		case <-ctx.Done():
		}
	}
	return result
}

// Recover implements worker.Kind: the state of an apply that was cut off is delivered as
// far as it got. The apply is not repeated.
func (Applies) Recover(_ context.Context, t *worker.Task) proto.Result {
	result := proto.Result{Outcome: proto.Errored, Error: "The executor was stopped during the apply."}
	if _, err := t.Root.Lstat(began); err != nil {
		t.Print("%s Nothing was applied.", result.Error)
		return result
	}
	t.Print("%s The state is kept as far as it got.", result.Error)
	result.Data, _ = json.Marshal(proto.ApplyResult{Applied: true}) // a structure of numbers
	t.Owe()
	if err := deliverState(t, foundState(t)); err != nil {
		slog.Error("the state of an apply that was cut off is not delivered", "folder", t.Dir, "err", err)
	}
	return result
}

// foundState finds the state in a folder of which nothing else is known.
func foundState(t *worker.Task) string {
	for _, pattern := range []string{stateDir + "/workspaces/*/" + stateFile, stateDir + "/" + stateFile} {
		if found, err := filepath.Glob(filepath.Join(t.Dir, filepath.FromSlash(pattern))); err == nil && len(found) > 0 {
			rel, _ := filepath.Rel(t.Dir, found[0]) // it is below
			return rel
		}
	}
	return stateDir + "/" + stateFile
}

func (a *apply) do() error {
	steps := []func() error{a.begin, a.unpack, a.fetchState, a.fetchLock, a.equip, a.init, a.fetchPlan, a.findUnsaved, a.apply}
	if a.t.Continued {
		steps = []func() error{a.begin, a.locate, a.fetchState, a.equip, a.apply}
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// fetchLock puts the lock file of the plan into the configuration, so that the same
// providers are installed.
func (a *apply) fetchLock() error {
	err := a.t.Fetch(a.ctx, proto.LockFile, func(body io.Reader) error { return a.t.Write(path.Join(a.in, lockFile), body) })
	if worker.IsAbsent(err) { // a configuration without providers has none
		return nil
	}
	return err
}

func (a *apply) fetchPlan() error {
	return a.t.Fetch(a.ctx, proto.PlanFile, func(body io.Reader) error { return a.t.Write(planFile, body) })
}

// applyAndShow are the commands of an apply, as one process of the sandbox. The state is
// shown also after an error: it has what was done until then.
const applyAndShow = `trap : INT
engine=$0 json=$1; shift
"$engine" apply -input=false "$@"; code=$?
"$engine" show -json > "$json" 2> /dev/null || rm -f "$json"
exit $code`

// findUnsaved finds out which variables the plan file does not have, where another executor
// has planned. Engines that know no ephemeral variables take none beside a plan file.
func (a *apply) findUnsaved() error {
	if len(a.spec.Variables) == 0 || !a.knowsEphemeral() {
		return nil
	}
	var failure head
	exit, err := a.exec(worker.Command{Spec: sandbox.Spec{
		Args: []string{"/bin/sh", "-c", `exec "$0" show -json "$1" > "$2"`, a.engine.Path, filepath.Join(a.t.Dir, planFile), filepath.Join(a.t.Dir, planJSON)},
		Read: []string{a.engine.Path}, Stderr: &failure,
	}})
	if err != nil || !exit.Success() {
		_, _ = a.t.Log().Write(failure.b)
		return a.explain("show", exit, err)
	}
	f, err := a.t.Open(planJSON)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	summary, err := planjson.Summarize(f)
	if err != nil || len(summary.Unsaved) == 0 {
		return err
	}
	return a.t.Write(unsaved, strings.NewReader(strings.Join(summary.Unsaved, "\n")))
}

// knowsEphemeral says whether the engine has ephemeral variables: Terraform since 1.10,
// OpenTofu since 1.11.
func (a *apply) knowsEphemeral() bool {
	v, err := version.NewVersion(a.engine.Version)
	since := map[engine.Product]string{engine.Terraform: "1.10.0", engine.OpenTofu: "1.11.0"}[a.engine.Product]
	return err == nil && v.Core().GreaterThanOrEqual(version.Must(version.NewVersion(since)))
}

// ephemeral are the options that give the variables that the plan file does not have.
func (a *apply) ephemeral() ([]string, error) {
	names := strings.Split(string(a.read(unsaved, unsavedSize)), "\n")
	return a.variables(slices.DeleteFunc(slices.Clone(a.spec.Variables), func(v proto.Variable) bool { return !slices.Contains(names, v.Key) }))
}

const unsavedSize = 1 << 20 // bytes of names that are read

// apply runs the engine, takes snapshots of the state meanwhile, and delivers the state.
func (a *apply) apply() error {
	a.result.EngineVersion = a.engine.Version
	if a.t.Ending() != worker.Not {
		return a.explain("apply", sandbox.Exit{Cancelled: true}, nil)
	}
	options, err := a.ephemeral()
	if err != nil {
		return err
	}
	if err := a.t.Write(began, strings.NewReader("")); err != nil {
		return err
	}
	a.t.Owe()
	a.tally = &tally{to: a.t.Log(), structured: a.spec.Structured}
	stop := a.takeSnapshots()
	exit, err := a.exec(worker.Command{Orphan: true, Spec: sandbox.Spec{
		Args: append(append([]string{"/bin/sh", "-c", applyAndShow, a.engine.Path, filepath.Join(a.t.Dir, stateJSON), format(a.spec.Phase)}, options...), filepath.Join(a.t.Dir, planFile)),
		Read: []string{a.engine.Path}, Stdout: a.tally, Stderr: a.t.Log(),
	}})
	stop()
	a.t.Flush()
	a.t.Rest()
	a.result.Applied, a.result.Counts = true, a.tally.counts()
	stateErr := deliverState(a.t, a.statePath())
	if stateErr == nil && a.has(a.statePath()) {
		if err := a.putIf(a.ctx, proto.StateJSON, stateJSON); err != nil { // a state without it is still a state
			slog.WarnContext(a.ctx, "the state is not there as JSON", "job", a.t.Job.ID, "err", err)
		}
	}
	if exit.Signal != 0 || exit.Code > 128 {
		a.t.Print("The engine was killed. What it did since it last wrote the state is missing there.")
	}
	if err != nil || !exit.Success() {
		return a.explain("apply", exit, err)
	}
	if stateErr != nil {
		return failed("The state could not be delivered to the server: %s", stateErr)
	}
	return nil
}

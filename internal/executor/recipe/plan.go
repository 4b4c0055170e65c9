package recipe

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"plumbline.dev/plumbline/internal/executor/planjson"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/executor/sandbox"
	"plumbline.dev/plumbline/internal/executor/worker"
)

// Plans is the worker.Kind of plans.
type Plans struct{ *Machine }

// plan is a plan under way.
type plan struct {
	*run
	spec   proto.Plan
	result proto.PlanResult
}

// Folder implements worker.Kind: the phases of a run share a folder, as a path that a
// configuration saw in the plan must be there in the apply.
func (Plans) Folder(job proto.Job) (name, after string, err error) {
	var spec proto.Plan
	err = json.Unmarshal(job.Spec, &spec)
	return spec.RunID, "", err
}

// Run implements worker.Kind.
func (p Plans) Run(ctx context.Context, t *worker.Task) proto.Result {
	var spec proto.Plan
	if err := json.Unmarshal(t.Job.Spec, &spec); err != nil {
		return proto.Result{Outcome: proto.Errored, Error: err.Error()}
	}
	it := &plan{run: p.newRun(ctx, t, spec.Phase, planGrace), spec: spec}
	err := it.do()
	if err := it.hide(); err != nil {
		slog.ErrorContext(ctx, "secrets of a run stay on disk", "folder", t.Dir, "err", err)
	}
	if err != nil && t.Ending() == worker.Stopped {
		return proto.Result{Outcome: proto.Lost, Error: oneLine(err)} // another executor may plan
	}
	if err == nil && it.result.HasChanges && !spec.PlanOnly {
		t.Keep()
	}
	return it.run.result(err, it.result)
}

// Recover implements worker.Kind: a plan that was cut off has nothing to deliver, and may
// be made again.
func (Plans) Recover(_ context.Context, t *worker.Task) proto.Result {
	t.Print("The executor was restarted while it made this plan.")
	return proto.Result{Outcome: proto.Lost, Error: "the executor was restarted"}
}

func (p *plan) do() error {
	for _, step := range []func() error{p.begin, p.greet, p.unpack, p.fetchState, p.equip, p.plan, p.warn, p.count, p.deliver} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// all are the commands of a plan. They are one process of the sandbox, as to start one costs
// as much as a command. The file step tells how far it got. Show and schema are independent
// of each other, and wait more than they compute.
const all = `trap stop=1 INT
engine=$0 out=$1 debug=$2; shift 2
rm -f "$out/step"
if [ "$debug" ]; then "$engine" init -input=false -no-color; else "$engine" init -input=false -no-color > "$out/said" 2>&1; fi || exit
[ -z "$stop" ] || exit 130
echo plan > "$out/step"
"$engine" plan "$@"; code=$?
[ $code = 0 ] || [ $code = 2 ] || exit $code
[ -z "$stop" ] || exit 130
echo show > "$out/step"
"$engine" show -json "$out/plan" > "$out/plan.json" 2> "$out/said" & show=$!
"$engine" providers schema -json > "$out/schemas.json" 2> /dev/null || rm -f "$out/schemas.json"
wait $show || exit 1
exit $code`

// plan runs the engine. Exit code 2 means that there are changes, be it of outputs only.
func (p *plan) plan() error {
	options, err := p.options()
	if err != nil {
		return err
	}
	debug := ""
	if p.spec.Debug {
		debug = "debug"
	}
	var exit sandbox.Exit
	var ranErr error
	err = p.provided(func() (bool, []byte, sandbox.Exit, error) {
		exit, ranErr = p.exec(worker.Command{Spec: sandbox.Spec{
			Args: append([]string{"/bin/sh", "-c", all, p.engine.Path, filepath.Join(p.t.Dir, out), debug}, options...),
			Read: []string{p.engine.Path}, Stdout: p.t.Log(), Stderr: p.t.Log(),
		}})
		return p.step() != "", p.said(), exit, ranErr
	})
	p.t.Flush()
	p.t.Rest()
	if err != nil {
		return err
	}
	changes := exit == sandbox.Exit{Code: 2}
	if ranErr != nil || (!exit.Success() && !changes) {
		command := p.step()
		if command == "show" {
			_, _ = p.t.Log().Write(p.said())
		}
		return p.explain(command, exit, ranErr)
	}
	p.result.EngineVersion, p.result.HasChanges = p.engine.Version, changes
	return nil
}

// step is the command that the plan got to, "" if it did not get beyond init.
func (p *plan) step() string { return strings.TrimSpace(string(p.read(out+"/step", 16))) }

// said is what a command printed that is of interest only if it failed.
func (p *plan) said() []byte { return p.read(out+"/said", initOutput) }

func (p *plan) options() ([]string, error) {
	o, err := p.variables(p.spec.Variables)
	if err != nil {
		return nil, err
	}
	o = append(o, "-input=false", "-detailed-exitcode", "-out="+filepath.Join(p.t.Dir, planFile), format(p.spec.Phase))
	for flag, set := range map[string]bool{"-destroy": p.spec.Destroy, "-refresh-only": p.spec.RefreshOnly, "-refresh=false": !p.spec.Refresh && !p.spec.RefreshOnly,
		"-generate-config-out=" + filepath.Join(p.t.Dir, generated): p.spec.GenerateConfig} {
		if set {
			o = append(o, flag)
		}
	}
	for _, address := range p.spec.Targets {
		o = append(o, "-target="+address)
	}
	for _, address := range p.spec.Replace {
		o = append(o, "-replace="+address)
	}
	return o, nil
}

// format is the option that decides what the log looks like.
func format(spec proto.Phase) string {
	if spec.Structured {
		return "-json"
	}
	return "-no-color"
}

// count counts the changes.
func (p *plan) count() error {
	f, err := p.t.Open(planJSON)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	summary, err := planjson.Summarize(f)
	p.result.Counts = summary.Counts
	if err != nil || len(summary.Unsaved) == 0 {
		return err
	}
	return p.t.Write(unsaved, strings.NewReader(strings.Join(summary.Unsaved, "\n")))
}

// deliver brings the server what the plan made, all at the same time.
func (p *plan) deliver() error {
	files := map[string]string{proto.PlanJSON: planJSON, proto.Schemas: schemaJSON, proto.LockFile: path.Join(p.in, lockFile)}
	if !p.spec.PlanOnly {
		files[proto.PlanFile] = planFile
	}
	if p.has(generated) {
		files[proto.GeneratedHCL], p.result.Generated = generated, true
	}
	if err := p.redact(); err != nil {
		slog.WarnContext(p.ctx, "the plan is not there without sensitive values", "job", p.t.Job.ID, "err", err)
	} else {
		files[proto.PlanRedacted] = redacted
	}
	var wg sync.WaitGroup
	errs := make(chan error, len(files))
	for name, file := range files {
		wg.Go(func() { errs <- p.putIf(p.ctx, name, file) })
	}
	wg.Wait()
	close(errs)
	var all error
	for err := range errs {
		all = errors.Join(all, err)
	}
	return all
}

// redact makes the plan without sensitive values.
func (p *plan) redact() error {
	full, err := p.t.Open(planJSON)
	if err != nil {
		return err
	}
	defer func() { _ = full.Close() }()
	schemas, err := p.t.Open(schemaJSON)
	if err != nil {
		return err
	}
	defer func() { _ = schemas.Close() }()
	r, w := io.Pipe()
	go func() { w.CloseWithError(planjson.Redact(w, full, schemas)) }()
	err = p.t.Write(redacted, r)
	_ = r.CloseWithError(os.ErrClosed) // ends the writer if the file could not be written
	return err
}

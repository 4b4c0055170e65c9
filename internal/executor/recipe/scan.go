package recipe

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/executor/masking"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/executor/sandbox"
	"plumbline.dev/plumbline/internal/executor/worker"
)

// Scans is the worker.Kind of what looks for drift: one plan that changes nothing and takes
// no lock, and what it says about reality. The plan and its JSON stay in the folder of the
// job and are removed in the end; what is sent are findings without sensitive values.
type Scans struct{ *Machine }

// scan is one under way.
type scan struct {
	*run
	spec   proto.Scan
	warm   bool // configured and initialized by the scan before
	said   text
	result proto.ScanResult
	found  classify.Result
}

// Background implements worker.Background: runs never wait for scans.
func (Scans) Background() {}

// Folder implements worker.Kind.
func (Scans) Folder(job proto.Job) (name, after string, err error) {
	var spec proto.Scan
	err = json.Unmarshal(job.Spec, &spec)
	return "scan-" + cmp.Or(spec.Cache, spec.ID), spec.After, err
}

// Run implements worker.Kind.
func (s Scans) Run(ctx context.Context, t *worker.Task) proto.Result {
	var spec proto.Scan
	if err := json.Unmarshal(t.Job.Spec, &spec); err != nil {
		return proto.Result{Outcome: proto.Errored, Error: err.Error()}
	}
	it := &scan{run: s.newRun(ctx, t, spec.Phase, planGrace), spec: spec}
	it.remote, it.light = spec.Remote, true
	err := it.do()
	if hideErr := errors.Join(it.hide(), it.leave(err)); hideErr != nil {
		slog.ErrorContext(ctx, "secrets of a scan stay on disk", "folder", t.Dir, "err", hideErr)
	} else if spec.Cache != "" && err == nil {
		t.Keep()
	}
	if err != nil && t.Ending() == worker.Stopped {
		return proto.Result{Outcome: proto.Lost, Error: oneLine(err)} // another executor may scan
	}
	return it.run.result(err, it.result)
}

// Recover implements worker.Kind: a scan that was cut off has nothing to deliver.
func (Scans) Recover(_ context.Context, t *worker.Task) proto.Result {
	t.Print("The executor was restarted while it looked for drift.")
	return proto.Result{Outcome: proto.Lost, Error: "the executor was restarted"}
}

func (s *scan) do() error {
	for _, step := range []func() error{s.begin, s.greet, s.configure, s.fetchState, s.equip, s.look, s.settleChecks, s.report, s.outputs} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// revision is the file that tells what a folder was initialized for.
const revision = "revision"

// mark is what the folder must have been initialized for, "" if it cannot be used again.
func (s *scan) mark() string {
	if s.spec.Revision == "" {
		return ""
	}
	return strings.Join([]string{s.spec.Revision, s.engine.Path, s.engine.Version, s.spec.WorkingDirectory, s.workspace()}, "\n")
}

// configure unpacks the configuration, unless the scan before left it as it is wanted.
func (s *scan) configure() error {
	if s.t.Continued && s.mark() != "" && string(s.read(revision, 4096)) == s.mark() && s.locate() == nil {
		s.warm, s.result.Warm = true, true
		return nil
	}
	if err := s.t.Root.RemoveAll(revision); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.unpack()
}

// leave removes what must not stay in a folder that is kept: the state, and what was made
// of it. A scan that failed leaves nothing to go on from.
func (s *scan) leave(failed error) error {
	var errs []error
	for _, path := range []string{stateDir, out} {
		errs = append(errs, s.t.Root.RemoveAll(path))
	}
	if failed != nil {
		errs = append(errs, s.t.Root.RemoveAll(revision))
	}
	return errors.Join(errs...)
}

// The commands of a scan, as one process of the sandbox. The file step tells how far it got.
// What the plan says goes to the log; its JSON stays in a file. With warm there is no init
// unless the plan fails: what a folder was left with may have become useless.
const looks = `trap stop=1 INT
renice -n 10 -p $$ > /dev/null 2>&1 # what people wait for goes first
engine=$0 out=$1 warm=$2 schemas=$3; shift 3
rm -f "$out/step"
begin() { "$engine" init -input=false -no-color > "$out/said" 2>&1; }
if [ ! "$warm" ]; then begin || exit; fi
[ -z "$stop" ] || exit 130
echo plan > "$out/step"
if [ "$warm" ]; then
  "$engine" plan "$@" > "$out/first" 2>&1 && cat "$out/first" || { [ -z "$stop" ] || exit 130; rm -f "$out/step"; begin || exit; echo plan > "$out/step"; "$engine" plan "$@" || exit; }
else
  "$engine" plan "$@" || exit
fi
[ -z "$stop" ] || exit 130
echo show > "$out/step"
"$engine" show -json "$out/plan" > "$out/plan.json" 2> "$out/said" & show=$!
if [ "$schemas" ]; then "$engine" providers schema -json > "$out/schemas.json" 2> /dev/null || rm -f "$out/schemas.json"; fi
wait $show || exit 1`

// look plans, and classifies what the plan says.
func (s *scan) look() error {
	options, err := s.options()
	if err != nil {
		return err
	}
	if s.spec.RefreshOnly {
		options = append(options, "-refresh-only")
	}
	if err := s.plan(options, s.spec.Outputs); err != nil {
		return err
	}
	s.result.Engine, s.result.EngineVersion = string(s.engine.Product), s.engine.Version
	if mark := s.mark(); mark != "" {
		if err := s.t.Write(revision, strings.NewReader(mark)); err != nil {
			return err
		}
	}
	if s.found, err = s.classified(); err != nil {
		return err
	}
	if s.found.Drifted == 0 || s.has(schemaJSON) {
		return nil
	}
	return s.classifyWithSchemas()
}

// options are those of the plan.
func (s *scan) options() ([]string, error) {
	o, err := s.variables(s.run.spec.Variables)
	if err != nil {
		return nil, err
	}
	for _, file := range s.spec.VarFiles {
		if !filepath.IsLocal(file) {
			return nil, failed("The file of variables %q lies outside of the configuration.", file)
		}
		o = append(o, "-var-file="+file)
	}
	return append(o, "-input=false", "-no-color", "-lock=false", "-out="+filepath.Join(s.t.Dir, planFile)), nil
}

// plan runs the engine.
func (s *scan) plan(options []string, schemas bool) error {
	log := io.MultiWriter(s.t.Log(), &s.said)
	args := append([]string{"/bin/sh", "-c", looks, s.engine.Path, filepath.Join(s.t.Dir, out), flag(s.warm), flag(schemas)}, options...)
	var exit sandbox.Exit
	var ranErr error
	err := s.provided(func() (bool, []byte, sandbox.Exit, error) {
		exit, ranErr = s.exec(worker.Command{Spec: sandbox.Spec{Args: args, Read: []string{s.engine.Path}, Stdout: log, Stderr: log}})
		return s.step() != "", s.read(out+"/said", initOutput), exit, ranErr
	})
	s.t.Flush()
	if err != nil {
		return err
	}
	if ranErr == nil && exit.Success() {
		return nil
	}
	if s.step() == "show" {
		_, _ = s.t.Log().Write(s.read(out+"/said", initOutput))
	}
	return s.explain(s.step(), exit, ranErr)
}

func (s *scan) step() string { return strings.TrimSpace(string(s.read(out+"/step", 16))) }

func flag(set bool) string {
	if set {
		return "1"
	}
	return ""
}

// classified reads the plan.
func (s *scan) classified() (classify.Result, error) {
	plan, err := s.t.Open(planJSON)
	if err != nil {
		return classify.Result{}, err
	}
	defer func() { _ = plan.Close() }()
	o := classify.Options{}
	if schemas, err := s.t.Open(schemaJSON); err == nil {
		defer func() { _ = schemas.Close() }()
		o.Schemas = schemas
	}
	found, err := classify.Plan(plan, o)
	if err != nil {
		return found, failed("The plan cannot be read: %s", err)
	}
	return found, nil
}

// classifyWithSchemas looks again at drift that may be none: that the members of a set are in
// another order is seen only with the schemas of the providers, which are large.
func (s *scan) classifyWithSchemas() error {
	file, err := s.t.Root.Create(schemaJSON)
	if err != nil {
		return err
	}
	exit, err := s.exec(worker.Command{Spec: sandbox.Spec{Args: []string{s.engine.Path, "providers", "schema", "-json"}, Read: []string{s.engine.Path}, Stdout: file}})
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if !exit.Success() {
		if s.t.Ending() != worker.Not {
			return s.explain("providers schema", exit, nil)
		}
		return s.t.Root.Remove(schemaJSON)
	}
	s.found, err = s.classified()
	return err
}

// refreshes plans once more, for what checks say of reality alone.
const refreshes = `engine=$0 out=$1; shift
"$engine" plan "$@" > "$out/said" 2>&1 || exit
"$engine" show -json "$out/plan" > "$out/plan.json" 2> "$out/said"`

// settleChecks makes a second pass if the first left the result of a check open: a plan
// that would change what a check looks at does not know its result.
func (s *scan) settleChecks() error {
	if !s.found.NeedsRefresh() || s.spec.RefreshOnly {
		return nil
	}
	if s.spec.Outputs { // they are those of the first plan
		if err := s.t.Root.Rename(planJSON, firstJSON); err != nil {
			return err
		}
	}
	s.t.Print("Some checks depend on what the next apply changes: looking at reality alone...")
	options, err := s.options()
	if err != nil {
		return err
	}
	args := append([]string{"/bin/sh", "-c", refreshes, s.engine.Path, filepath.Join(s.t.Dir, out)}, append(options, "-refresh-only")...)
	exit, err := s.exec(worker.Command{Spec: sandbox.Spec{Args: args, Read: []string{s.engine.Path}, Stdout: s.t.Log(), Stderr: s.t.Log()}})
	if err != nil || !exit.Success() {
		_, _ = s.t.Log().Write(s.read(out+"/said", initOutput))
		return s.explain("plan -refresh-only", exit, err)
	}
	plan, err := s.t.Open(planJSON)
	if err != nil {
		return err
	}
	defer func() { _ = plan.Close() }()
	if err := s.found.Refresh(plan); err != nil {
		return failed("The second plan cannot be read: %s", err)
	}
	s.result.Refreshed = true
	return nil
}

const firstJSON = out + "/first.json"

// outputs delivers the plan and the schemas, if they are wanted.
func (s *scan) outputs() error {
	if !s.spec.Outputs {
		return nil
	}
	plan := planJSON
	if s.has(firstJSON) {
		plan = firstJSON
	}
	errs := make([]error, 2)
	var both sync.WaitGroup
	both.Go(func() { errs[0] = s.putIf(s.ctx, proto.PlanJSON, plan) })
	both.Go(func() { errs[1] = s.putIf(s.ctx, proto.Schemas, schemaJSON) })
	both.Wait()
	return errors.Join(errs...)
}

// text keeps the beginning of what an engine prints.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (t *text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := proto.MaxReportText - t.b.Len(); room > 0 {
		t.b.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// masked is the text without secrets.
func (t *text) masked(secrets []string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ToValidUTF8(masking.New(secrets...).String(t.b.String()), "")
}

// reportFile is what is sent; it lies where no process of the scan is any more.
var reportFile = path.Join(own, "report.json")

// Package recipe does plans, applies and tests: which commands of an engine run, with which files
// around a configuration, and what is brought back.
//
// The state lies beside the configuration, in a local backend that an override file
// declares, whatever backend or cloud block the configuration has.
// The surprising rule: an apply always delivers the state it ends with, also if it failed
// or was cancelled, and long after the server has given it up.
package recipe

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/hashicorp/go-version"

	"plumbline.dev/plumbline/internal/executor/engine"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/executor/providers"
	"plumbline.dev/plumbline/internal/executor/sandbox"
	"plumbline.dev/plumbline/internal/executor/worker"
	"plumbline.dev/plumbline/internal/kernel/archive"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Machine is what a machine offers to runs.
type Machine struct {
	// Engine finds an engine, as engine.Store.Get does.
	Engine func(ctx context.Context, p engine.Product, want string) (engine.Engine, error)
	// Providers are those of this machine; without, each run fetches its own.
	Providers *providers.Mirror
	// Env are variables of the environment that every run gets, as KEY=VALUE, such as the
	// operator's proxy.
	Env []string
	// Snapshot is how often the state is looked at during an apply, default 10 s.
	Snapshot time.Duration
	// Memory is what one run may use, in bytes, 0 if that is not known.
	Memory int64
	// Allow are addresses that runs may reach although they are closed to them otherwise.
	Allow []netip.AddrPort
	// Limits of each process; time and grace are the recipe's.
	Limits sandbox.Limits
}

// Where things lie in the folder of a run.
const (
	config      = "config" // the configuration as it was unpacked
	own         = "own"    // what a process needs to know, with secrets; removed in the end
	out         = "out"    // what processes make
	planFile    = out + "/plan"
	planJSON    = out + "/plan.json"
	schemaJSON  = out + "/schemas.json"
	redacted    = out + "/redacted.json"
	generated   = out + "/generated.tf"
	stateJSON   = out + "/state.json"
	unsaved     = out + "/unsaved" // names of variables that the plan file does not have; absent if there are none
	snapshot    = "snapshot"       // the last whole state that was seen during an apply
	began       = "applying"       // there if an engine began to apply
	stateDir    = "state"
	stateFile   = "terraform.tfstate"
	lockFile    = ".terraform.lock.hcl"
	override    = "zzzz_plumbline_override.tf"
	planGrace   = 30 * time.Second
	applyGrace  = time.Hour // the server decides when an apply that was cancelled is killed
	initOutput  = 1 << 20   // bytes of init's output that are kept
	defaultName = "default" // the workspace that engines start with
)

// run is a phase of a run under way.
type run struct {
	*Machine
	t        *worker.Task
	spec     proto.Phase
	ctx      context.Context
	engine   engine.Engine
	near     bool   // there is not the engine that was wanted, but one like it
	in       string // working directory, relative to the folder
	testDir  string // whose test files count too; "": those of no tests
	deadline time.Time
	grace    time.Duration
	env      []string
	allow    []netip.AddrPort
	secrets  []string // that are kept out of the log
	remote   bool     // the backend of the configuration is used
	light    bool     // it is a scan, of which many go on at a time
}

// failure is an error that people see.
type failure struct{ words string }

func (f failure) Error() string { return f.words }

func failed(format string, args ...any) error { return failure{fmt.Sprintf(format, args...)} }

// newRun begins a phase: what must not be seen in the log is masked from here on.
func (m *Machine) newRun(ctx context.Context, t *worker.Task, spec proto.Phase, grace time.Duration) *run {
	secrets := []string{spec.Token, spec.SSHKey}
	for _, e := range spec.Env {
		if e.Sensitive {
			secrets = append(secrets, e.Value)
		}
	}
	for _, f := range spec.Files {
		if f.Sensitive {
			secrets = append(secrets, f.Text)
		}
	}
	for _, v := range spec.Variables {
		if v.Sensitive {
			secrets = append(secrets, v.Value)
		}
	}
	t.Mask(secrets...)
	r := &run{Machine: m, t: t, spec: spec, ctx: ctx, grace: grace, secrets: secrets}
	if spec.Minutes > 0 {
		r.deadline = time.Now().Add(time.Duration(spec.Minutes) * time.Minute)
	}
	return r
}

// begin finds the engine.
func (r *run) begin() error {
	slow := time.AfterFunc(time.Second, func() {
		r.t.Print("Looking for %s %s...", engine.Product(r.spec.Engine.Product).Title(), r.spec.Engine.Version)
	})
	e, err := r.find()
	slow.Stop()
	if err != nil {
		words := strings.TrimPrefix(err.Error(), "engine: ")
		if from := r.spec.Engine.From; from != "" {
			words += " (asked for by " + from + ")"
		}
		return failed("%s", words)
	}
	r.engine = e
	return nil
}

// greet says which engine there is, as the logs of plans begin on HCP Terraform. Those of
// applies do too, but command lines do not show it.
func (r *run) greet() error {
	if want := r.spec.Engine; r.near {
		r.t.Print("There is no %s %s: using %s.", r.engine.Product.Title(), want.Version, r.engine.Version)
	}
	r.t.Print("%s v%s\non %s_%s", r.engine.Product.Title(), r.engine.Version, runtime.GOOS, runtime.GOARCH)
	return nil
}

// find finds the engine. Where no product is named and the machine has nothing of the one
// that is usual, such as Terraform alone, it is of the other.
func (r *run) find() (engine.Engine, error) {
	usual, other := engine.OpenTofu, engine.Terraform
	if r.spec.Engine.Product == string(engine.Terraform) {
		usual, other = other, usual
	}
	e, err := r.findOf(usual)
	if r.spec.Engine.Any && (errors.Is(err, engine.ErrNoVersion) || err != nil && r.remote) {
		if e, otherErr := r.findOf(other); otherErr == nil {
			return e, nil
		}
	}
	return e, err
}

// findOf finds the engine of a product. If the version may be that of another product, it
// is the newest of the same minor release that there is, or else the newest.
func (r *run) findOf(p engine.Product) (engine.Engine, error) {
	want := r.spec.Engine
	e, err := r.Engine(r.ctx, p, want.Version)
	if err == nil || !want.Near {
		return e, err
	}
	near := []string{"latest"}
	if v, vErr := version.NewVersion(want.Version); vErr == nil {
		near = []string{fmt.Sprintf("~> %d.%d.0", v.Segments()[0], v.Segments()[1]), "latest"}
	}
	for _, other := range near {
		if e, nearErr := r.Engine(r.ctx, p, other); nearErr == nil {
			r.near = true
			return e, nil
		}
	}
	return e, err
}

// unpack fetches the configuration and finds the working directory.
func (r *run) unpack() error {
	err := r.t.Fetch(r.ctx, proto.Archive, func(body io.Reader) error {
		if err := r.t.Root.RemoveAll(config); err != nil {
			return err
		}
		if err := r.t.Root.Mkdir(config, 0o755); err != nil {
			return err
		}
		return archive.Unpack(r.ctx, body, filepath.Join(r.t.Dir, config), archive.Limits{})
	})
	if p, ok := problem.From(err); ok && p.Status == 422 {
		return failed("The configuration cannot be unpacked: %s", p.Detail)
	}
	if err != nil {
		return err
	}
	return r.locate()
}

// locate finds the working directory. The path of the state is relative to where it really
// is, so links in it are followed now.
func (r *run) locate() error {
	at := filepath.Join(r.t.Dir, config)
	want := filepath.FromSlash(strings.Trim(r.spec.WorkingDirectory, "/"))
	if want != "" && !filepath.IsLocal(want) {
		return failed("The working directory %q leaves the configuration.", r.spec.WorkingDirectory)
	}
	real, err := filepath.EvalSymlinks(filepath.Join(at, want))
	if err != nil {
		return failed("The configuration has no working directory %q.", r.spec.WorkingDirectory)
	}
	top, err := filepath.EvalSymlinks(r.t.Dir)
	if err != nil {
		return err
	}
	in, err := filepath.Rel(top, real)
	if err != nil || (in != config && !strings.HasPrefix(in, config+string(filepath.Separator))) {
		return failed("The working directory %q leaves the configuration.", r.spec.WorkingDirectory)
	}
	r.in = in
	if info, err := r.t.Root.Stat(in); err != nil || !info.IsDir() {
		return failed("The working directory %q is not a folder.", r.spec.WorkingDirectory)
	}
	return nil
}

// fetchState puts the state where the engine looks for it.
func (r *run) fetchState() error {
	if err := r.t.Root.RemoveAll(stateDir); err != nil {
		return err
	}
	if err := r.t.Root.MkdirAll(path.Dir(r.statePath()), 0o700); err != nil {
		return err
	}
	if !r.spec.HasState {
		return nil
	}
	return r.t.Fetch(r.ctx, proto.StateIn, func(body io.Reader) error { return r.t.Write(r.statePath(), body) })
}

// statePath is where the state lies in the folder.
func (r *run) statePath() string {
	if r.workspace() == defaultName {
		return path.Join(stateDir, stateFile)
	}
	return path.Join(stateDir, "workspaces", r.workspace(), stateFile)
}

// workspace is the name that the configuration sees as terraform.workspace.
func (r *run) workspace() string {
	if name := r.spec.Workspace; name != "" && name != "." && name != ".." && !strings.ContainsAny(name, `/\%`) {
		return name
	}
	return defaultName
}

// exec runs a process of the run.
func (r *run) exec(c worker.Command) (sandbox.Exit, error) {
	c.In, c.Env, c.Limits = r.in, append(c.Env, r.env...), r.Limits
	c.Limits.Grace = r.grace
	c.Allow = r.allow
	if r.Providers != nil {
		c.Read = append(c.Read, r.Providers.Read()...)
	}
	if !r.deadline.IsZero() {
		c.Limits.Time = max(time.Until(r.deadline), time.Second)
	}
	return r.t.Exec(c)
}

// explain says why a command did not succeed.
func (r *run) explain(command string, exit sandbox.Exit, err error) error {
	name := string(r.engine.Product) + " " + command
	switch {
	case err != nil:
		return err
	case exit.TimedOut:
		return failed("%s was stopped: a run may take %d minutes.", name, r.spec.Minutes)
	case r.t.Ending() == worker.Canceled:
		return failed("%s was cancelled.", name)
	case r.t.Ending() != worker.Not:
		return failed("%s was stopped, as the executor ends.", name)
	case exit.Signal != 0 || exit.Code > 128: // a shell says 128 and the signal that ended a command
		return failed("%s was ended by signal %d.", name, cmp.Or(exit.Signal, exit.Code-128))
	}
	return failed("Operation failed: failed running %s (exit %d)", name, exit.Code)
}

// result is the end of a phase that failed, which the log shows.
func (r *run) result(err error, data any) proto.Result {
	res := proto.Result{Outcome: proto.Errored, Error: oneLine(err)}
	switch {
	case err == nil:
		res.Outcome = proto.Finished
	case r.t.Ending() == worker.Canceled:
		res.Outcome = proto.Canceled
	}
	if err != nil {
		r.t.Print("%s", oneLine(err))
	}
	if data != nil {
		res.Data, _ = json.Marshal(data) // structures of numbers and strings
	}
	return res
}

// oneLine is an error for people: of those not meant for them, that there is one.
func oneLine(err error) string {
	if err == nil {
		return ""
	}
	var f failure
	if errors.As(err, &f) {
		return strings.Join(strings.Fields(f.words), " ")
	}
	return "The executor failed: " + strings.Join(strings.Fields(err.Error()), " ")
}

// has says whether a file is there.
func (r *run) has(path string) bool {
	info, err := r.t.Root.Lstat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() > 0
}

// read reads the beginning of a file, nothing if it is not there.
func (r *run) read(path string, limit int64) []byte {
	f, err := r.t.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	b, _ := io.ReadAll(io.LimitReader(f, limit)) // what can be read
	return b
}

// putIf delivers a file if it is there.
func (r *run) putIf(ctx context.Context, name, path string) error {
	if !r.has(path) {
		return nil
	}
	return r.t.Put(ctx, name, path)
}

// hide removes what has secrets in it and is not needed any more.
func (r *run) hide() error {
	err := r.t.Root.RemoveAll(own)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// head keeps the beginning of what is written to it.
type head struct{ b []byte }

func (h *head) Write(p []byte) (int, error) {
	if room := initOutput - len(h.b); room > 0 {
		h.b = append(h.b, p[:min(room, len(p))]...)
	}
	return len(p), nil
}

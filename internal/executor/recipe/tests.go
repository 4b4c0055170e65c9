package recipe

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strconv"
	"sync"

	"github.com/hashicorp/go-version"

	"plumbline.dev/plumbline/internal/executor/engine"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/executor/sandbox"
	"plumbline.dev/plumbline/internal/executor/worker"
)

// Tests is the worker.Kind of the tests of modules. The log is that of "test -json".
type Tests struct{ *Machine }

// test is a run of tests under way.
type test struct {
	*run
	spec   proto.Test
	result proto.TestResult
}

// Folder implements worker.Kind.
func (Tests) Folder(job proto.Job) (name, after string, err error) {
	var spec proto.Test
	err = json.Unmarshal(job.Spec, &spec)
	return spec.RunID, "", err
}

// Run implements worker.Kind.
func (k Tests) Run(ctx context.Context, t *worker.Task) proto.Result {
	var spec proto.Test
	if err := json.Unmarshal(t.Job.Spec, &spec); err != nil {
		return proto.Result{Outcome: proto.Errored, Error: err.Error()}
	}
	it := &test{run: k.newRun(ctx, t, spec.Phase, applyGrace), spec: spec}
	it.testDir = spec.Directory
	err := it.do()
	if err := it.hide(); err != nil {
		slog.ErrorContext(ctx, "secrets of a test stay on disk", "folder", t.Dir, "err", err)
	}
	return it.run.result(err, it.result)
}

// Recover implements worker.Kind. A test that was cut off is not repeated: what it made
// may still be there, and make the next one fail.
func (Tests) Recover(_ context.Context, t *worker.Task) proto.Result {
	const words = "The executor was stopped during the test. What the test had made may still be there."
	t.Print("%s", words)
	return proto.Result{Outcome: proto.Errored, Error: words}
}

func (t *test) do() error {
	for _, step := range []func() error{t.begin, t.able, t.greet, t.unpack, t.equip, t.init, t.test} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// Since which version of Terraform there is "test", and its option -parallelism. OpenTofu
// has had the former always, and has the latter not.
var (
	testsSince       = version.Must(version.NewVersion("1.6.0"))
	parallelismSince = version.Must(version.NewVersion("1.12.0"))
)

func (t *test) able() error {
	if t.engine.Product == engine.Terraform && !t.since(testsSince) {
		return failed("Module tests need OpenTofu, or Terraform from version %s on. This machine has Terraform %s.", testsSince, t.engine.Version)
	}
	return nil
}

func (t *test) since(v *version.Version) bool {
	have, err := version.NewVersion(t.engine.Version)
	return err == nil && have.Core().GreaterThanOrEqual(v)
}

// test runs the engine. What its tests came to it says in the last event; its exit code
// tells no failed test from a broken one.
func (t *test) test() error {
	options, err := t.variables(t.spec.Variables)
	if err != nil {
		return err
	}
	events := &testEvents{to: t.t.Log(), complete: t.engine.Product == engine.OpenTofu}
	exit, err := t.exec(worker.Command{Orphan: true, Spec: sandbox.Spec{
		Args: append(append([]string{t.engine.Path, "test", "-json", "-test-directory=" + t.spec.Directory}, t.options()...), options...),
		Read: []string{t.engine.Path}, Stdout: events, Stderr: t.t.Log(),
	}})
	events.flush()
	t.t.Flush()
	t.result = events.summary
	t.result.EngineVersion = t.engine.Version
	if err == nil && t.result.Status != "" && t.t.Ending() == worker.Not && !exit.TimedOut {
		return nil
	}
	return t.explain("test", exit, err)
}

func (t *test) options() []string {
	var o []string
	if t.spec.Verbose {
		o = append(o, "-verbose")
	}
	if t.spec.Parallelism > 0 && t.engine.Product == engine.Terraform && t.since(parallelismSince) {
		o = append(o, "-parallelism="+strconv.Itoa(t.spec.Parallelism))
	}
	for _, file := range t.spec.Filters {
		o = append(o, "-filter="+file)
	}
	return o
}

// testEvents passes on the output of "test -json" and keeps its summary.
type testEvents struct {
	to io.Writer
	// complete adds to events of files and runs that they are complete, which OpenTofu leaves
	// out: Terraform's command line shows no others.
	complete bool

	mu      sync.Mutex
	line    []byte
	summary proto.TestResult
}

// Write implements io.Writer.
func (e *testEvents) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for rest := p; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		e.line, rest = append(e.line, line...), after
		if !ended && len(e.line) <= maxEvent {
			continue
		}
		if ended {
			e.line = append(e.look(e.line), '\n')
		}
		if _, err := e.to.Write(e.line); err != nil {
			return 0, err
		}
		e.line = e.line[:0]
	}
	return len(p), nil
}

// maxEvent is the size in bytes of the longest line that is looked at as a whole.
const maxEvent = 4 << 20

// flush passes on what has no end of line.
func (e *testEvents) flush() {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, _ = e.to.Write(e.line) // a log does not fail
	e.line = nil
}

// look reads an event and returns it as it is to be passed on.
func (e *testEvents) look(line []byte) []byte {
	if !bytes.Contains(line, []byte(`"type":"test_`)) {
		return line
	}
	var event struct {
		Type    string            `json:"type"`
		Summary *proto.TestResult `json:"test_summary"`
		File    *struct {
			Progress string `json:"progress"`
		} `json:"test_file"`
		Run *struct {
			Progress string `json:"progress"`
		} `json:"test_run"`
	}
	if json.Unmarshal(line, &event) != nil {
		return line
	}
	switch {
	case event.Type == "test_summary" && event.Summary != nil:
		e.summary = *event.Summary
	case e.complete && event.Type == "test_file" && event.File != nil && event.File.Progress == "":
		return bytes.Replace(line, []byte(`"test_file":{`), []byte(`"test_file":{"progress":"complete",`), 1)
	case e.complete && event.Type == "test_run" && event.Run != nil && event.Run.Progress == "":
		return bytes.Replace(line, []byte(`"test_run":{`), []byte(`"test_run":{"progress":"complete",`), 1)
	}
	return line
}

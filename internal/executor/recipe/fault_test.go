package recipe_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/executor/engine"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/executor/recipe"
	"plumbline.dev/plumbline/internal/executor/sandbox"
	"plumbline.dev/plumbline/internal/executor/worker"
)

// slow applies one resource at once, and waits with the second until it is ended.
const slow = `
resource "terraform_data" "one" { input = "first" }
resource "terraform_data" "two" {
  input = terraform_data.one.output
  provisioner "local-exec" { command = "echo waiting; exec sleep 600" }
}
`

func TestCancelDuringAnApplyKeepsTheState(t *testing.T) {
	p := newPlace(t).start()
	plan, archive := p.planned("run-1", map[string]string{"main.tf": slow})
	id := p.apply("run-1", plan, archive, nil)
	p.logged(t, id, "waiting")
	p.update(func() { p.jobs[id].order = proto.Interrupt })
	apply := p.end(t, id)
	if apply.result.Outcome != proto.Canceled || !applyResult(t, apply).Applied {
		t.Errorf("apply = %+v\n%s", apply.result, apply.log)
	}
	if !strings.Contains(string(apply.outputs[proto.StateFinal]), "first") {
		t.Errorf("the state is %s", apply.outputs[proto.StateFinal])
	}
	if n := strings.Count(string(apply.log), "Interrupt received."); n != 1 {
		t.Errorf("the engine was interrupted %d times:\n%s", n, apply.log)
	}
	if len(apply.outputs[proto.StateJSON]) == 0 {
		t.Error("no state as JSON")
	}
}

func TestKillEndsAnApplyAndKeepsTheState(t *testing.T) {
	p := newPlace(t).start()
	plan, archive := p.planned("run-1", map[string]string{"main.tf": slow})
	id := p.apply("run-1", plan, archive, nil)
	p.logged(t, id, "waiting")
	p.update(func() { p.jobs[id].order = proto.Kill })
	apply := p.end(t, id)
	if apply.result.Outcome != proto.Canceled || !strings.Contains(string(apply.outputs[proto.StateFinal]), "first") {
		t.Errorf("apply = %+v\n%s\n%s", apply.result, apply.outputs[proto.StateFinal], apply.log)
	}
}

// withTerraform plans slow with Terraform, which writes its state at once.
func (p *place) withTerraform() (plan *job, archive []byte) {
	p.t.Helper()
	return p.withTerraformOf(slow)
}

func (p *place) withTerraformOf(config string) (plan *job, archive []byte) {
	p.t.Helper()
	archive = tgz(p.t, map[string]string{"main.tf": config})
	spec := proto.Plan{Phase: phase("run-1"), Refresh: true}
	spec.Engine.Product = "terraform"
	plan = p.plan("plan-run-1", spec, map[string][]byte{proto.Archive: archive})
	if strings.Contains(plan.result.Error, "no version of Terraform") {
		p.t.Skip("no terraform here")
	}
	return plan, archive
}

func useTerraform(a *proto.Apply) { a.Engine.Product = "terraform" }

func TestSnapshotsComeDuringAnApply(t *testing.T) {
	p := newPlace(t).start()
	plan, archive := p.withTerraform()
	id := p.apply("run-1", plan, archive, useTerraform)
	p.wait(t, id, "snapshot with the first resource", func(j *job) bool { return strings.Contains(string(j.outputs[proto.StateSnapshot]), "first") })
	p.update(func() { p.jobs[id].order = proto.Kill })
	p.end(t, id)
}

func TestAnEngineThatIsKilledIsAnError(t *testing.T) {
	p := newPlace(t).start()
	plan, archive := p.withTerraform()
	id := p.apply("run-1", plan, archive, useTerraform)
	p.logged(t, id, "waiting")
	killEngine(t, p.worker.Dir)
	apply := p.end(t, id)
	if apply.result.Outcome != proto.Errored || !strings.Contains(apply.result.Error, "signal 9") || !strings.Contains(string(apply.log), "signal 9") {
		t.Errorf("apply = %+v\n%s", apply.result, apply.log)
	}
	if !strings.Contains(string(apply.outputs[proto.StateFinal]), "first") {
		t.Errorf("the state is %s", apply.outputs[proto.StateFinal])
	}
}

// killEngine kills the tofu that applies in a folder.
func killEngine(t *testing.T, dir string) {
	t.Helper()
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, link := range links {
		at, _ := os.Readlink(link)
		command, _ := os.ReadFile(filepath.Dir(link) + "/cmdline")
		args := strings.Split(string(command), "\x00")
		if strings.HasPrefix(at, dir) && len(args) > 2 && args[1] == "apply" {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(link)))
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Error(err)
			}
			return
		}
	}
	t.Fatal("no engine to kill")
}

func TestTheServerMayBeAwayDuringAnApply(t *testing.T) {
	p := newPlace(t).start()
	plan, archive := p.planned("run-1", map[string]string{"main.tf": `
		resource "terraform_data" "one" {
			input = "first"
			provisioner "local-exec" { command = "echo waiting; until test -e go; do sleep 0.1; done" }
		}`})
	id := p.apply("run-1", plan, archive, nil)
	p.logged(t, id, "waiting")
	p.update(func() { p.away = true })
	if err := os.WriteFile(filepath.Join(p.worker.Dir, "jobs", "run-1", "run", "config", "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(p.worker.Dir, "jobs", "run-1", "run", "state", "workspaces", "prod", "terraform.tfstate")
	until(t, func() bool { b, _ := os.ReadFile(state); return strings.Contains(string(b), "first") })
	p.update(func() { p.away = false })
	apply := p.end(t, id)
	if apply.result.Outcome != proto.Finished || !strings.Contains(string(apply.log), "Apply complete!") || !strings.Contains(string(apply.outputs[proto.StateFinal]), "first") {
		t.Errorf("apply = %+v\n%s", apply.result, apply.log)
	}
}

// until polls for something that no process tells about.
func until(t *testing.T, is func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it does not happen")
		}
	}
}

func TestAnApplyThatWasGivenUpStillDeliversItsState(t *testing.T) {
	p := newPlace(t).start()
	plan, archive := p.planned("run-1", map[string]string{"main.tf": slow})
	id := p.apply("run-1", plan, archive, nil)
	p.logged(t, id, "waiting")
	p.update(func() { p.jobs[id].gone = true })
	p.wait(t, id, "final state", func(j *job) bool { return strings.Contains(string(j.outputs[proto.StateFinal]), "first") })
	p.stop()
	if p.jobs[id].result != nil || len(p.folders()) > 0 {
		t.Errorf("result = %+v, folders %v", p.jobs[id].result, p.folders())
	}
}

func TestAWorkerThatIsStoppedInterruptsAndHandsOver(t *testing.T) {
	p := newPlace(t).start()
	plan, archive := p.planned("run-1", map[string]string{"main.tf": slow})
	id := p.apply("run-1", plan, archive, nil)
	p.logged(t, id, "waiting")
	p.stop()
	if r := p.jobs[id].result; r == nil || r.Outcome != proto.Errored || !strings.Contains(string(p.jobs[id].outputs[proto.StateFinal]), "first") {
		t.Errorf("result = %+v, log:\n%s", r, p.jobs[id].log)
	}
	if !p.left {
		t.Error("the worker did not say that it leaves")
	}
}

// TestAKilledWorkerIsRecovered kills a worker during an apply, and starts another.
func TestAKilledWorkerIsRecovered(t *testing.T) {
	p := newPlace(t)
	web := httptest.NewServer(p.server)
	t.Cleanup(func() { web.CloseClientConnections(); web.Close() })
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "PLUMBLINE_TEST_WORKER="+p.worker.Dir, "PLUMBLINE_TEST_SERVER="+web.URL, "PLUMBLINE_TEST_TOFU="+tofu(t))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	plan, archive := p.planned("run-1", map[string]string{"main.tf": slow})
	id := p.apply("run-1", plan, archive, nil)
	p.logged(t, id, "waiting")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	p.start()
	apply := p.end(t, id)
	if apply.result.Outcome != proto.Errored || !applyResult(t, apply).Applied || !strings.Contains(string(apply.outputs[proto.StateFinal]), "first") {
		t.Errorf("apply = %+v, state %s\n%s", apply.result, apply.outputs[proto.StateFinal], apply.log)
	}
	if !strings.Contains(string(apply.log), "waiting") || !strings.Contains(string(apply.log), "executor was stopped during the apply") {
		t.Errorf("the log is\n%s", apply.log)
	}
	p.stop()
	if left := p.folders(); len(left) > 0 {
		t.Errorf("folders left: %v", left)
	}
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, link := range links {
		if at, _ := os.Readlink(link); strings.HasPrefix(at, p.worker.Dir) {
			t.Errorf("a process is left in %s", at)
		}
	}
}

// TestMain makes a worker of the test binary where a test wants one to kill.
func TestMain(m *testing.M) {
	dir := os.Getenv("PLUMBLINE_TEST_WORKER")
	if dir == "" {
		os.Exit(m.Run())
	}
	ctx := context.Background()
	store, err := engine.New(engine.Options{Dir: filepath.Join(dir, "engines")})
	if err == nil {
		_, err = store.Add(ctx, os.Getenv("PLUMBLINE_TEST_TOFU"))
	}
	machine := &recipe.Machine{Engine: store.Get}
	w := worker.Worker{Server: &proto.Client{Address: os.Getenv("PLUMBLINE_TEST_SERVER"), Token: "pool-token", HTTP: http.DefaultClient},
		Name: "killed", Dir: dir, Slots: 2, Sandbox: sandbox.Detect(ctx, sandbox.Options{}),
		Kinds: map[string]worker.Kind{proto.KindPlan: recipe.Plans{Machine: machine}, proto.KindApply: recipe.Applies{Machine: machine}}}
	if err == nil {
		err = w.Run(ctx)
	}
	if err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
}

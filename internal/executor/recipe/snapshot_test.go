package recipe_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// steps applies three resources, each when a file is there.
const steps = `
resource "terraform_data" "one" { input = "first" }
resource "terraform_data" "two" {
  input = "second ${terraform_data.one.output}"
  provisioner "local-exec" { command = "until [ -e go2 ]; do sleep 0.1; done" }
}
resource "terraform_data" "three" {
  input = "third ${terraform_data.two.output}"
  provisioner "local-exec" { command = "until [ -e go3 ]; do sleep 0.1; done" }
}
resource "terraform_data" "four" {
  input = "fourth ${terraform_data.three.output}"
  provisioner "local-exec" { command = "until [ -e go4 ]; do sleep 0.1; done" }
}
`

// TestTheStateIsCopiedWhileTheServerIsAway: the copy on this machine is the newest state
// that was whole, also while an older one cannot be delivered.
func TestTheStateIsCopiedWhileTheServerIsAway(t *testing.T) {
	p := newPlace(t).start()
	plan, archive := p.withTerraformOf(steps)
	id := p.apply("run-1", plan, archive, useTerraform)
	p.wait(t, id, "snapshot", func(j *job) bool { return strings.Contains(string(j.outputs["state-snapshot"]), "first") })
	run := filepath.Join(p.worker.Dir, "jobs", "run-1", "run")
	goOn := func(file string) {
		if err := os.WriteFile(filepath.Join(run, "config", file), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	copied := func(words string) {
		t.Helper()
		deadline := time.After(time.Minute)
		for tick := time.Tick(20 * time.Millisecond); ; {
			if b, err := os.ReadFile(filepath.Join(run, "snapshot")); err == nil && strings.Contains(string(b), words) {
				return
			}
			select {
			case <-tick:
			case <-deadline:
				t.Fatalf("the copy of the state has no %q", words)
			}
		}
	}
	p.update(func() { p.away = true })
	goOn("go2")
	copied(`"second first"`)
	goOn("go3")
	copied(`"third second first"`)
	p.update(func() { p.away = false })
	p.wait(t, id, "snapshot of the third", func(j *job) bool { return strings.Contains(string(j.outputs["state-snapshot"]), "third") })
	goOn("go4")
	if apply := p.end(t, id); !strings.Contains(string(apply.outputs["state-final"]), "fourth") {
		t.Errorf("apply = %+v\n%s", apply.result, apply.log)
	}
}

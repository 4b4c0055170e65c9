package sandbox

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tofu returns a copy of the OpenTofu binary of this machine that all users can execute.
func tofu(t *testing.T) string {
	t.Helper()
	cache, _ := os.UserCacheDir()
	from, err := os.Open(filepath.Join(cache, "plumbline", "bin", "tofu"))
	if err != nil {
		t.Skip("no tofu here: run make engines")
	}
	defer from.Close()
	path := filepath.Join(folder(t), "tofu")
	to, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	return path
}

const configuration = `
resource "terraform_data" "one" {
  input = "one"
  provisioner "local-exec" {
    command = "echo user $(id -u); cat /proc/1/environ | tr '\\0' ' '; env | grep SERVER; sleep $WAIT"
  }
}
output "one" { value = terraform_data.one.output }
`

func TestOpenTofuRuns(t *testing.T) {
	program := tofu(t)
	each(t, func(t *testing.T, s *Sandbox) {
		t.Setenv("SERVER_SECRET", "planted")
		dir := folder(t)
		os.WriteFile(filepath.Join(dir, "main.tf"), []byte(configuration), 0o600)
		run := func(args ...string) string {
			t.Helper()
			began := time.Now()
			out, stderr, exit := output(t, s, Spec{Args: append([]string{program}, args...), Dir: dir,
				Env: []string{"TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1", "WAIT=0"}, Limits: Limits{Time: time.Minute}})
			if !exit.Success() {
				t.Fatalf("tofu %s: %s\n%s%s", args[0], exit, out, stderr)
			}
			t.Logf("tofu %s: %s", args[0], time.Since(began).Round(time.Millisecond))
			return out
		}
		run("init", "-no-color", "-input=false")
		run("plan", "-no-color", "-input=false", "-out=plan.bin")
		out := run("apply", "-no-color", "-input=false", "plan.bin")
		if !strings.Contains(out, `one = "one"`) || strings.Contains(out, "planted") || strings.Contains(out, "user 0\n") {
			t.Errorf("tofu apply printed %s", out)
		}
		if _, err := os.Stat(filepath.Join(dir, "terraform.tfstate")); err != nil {
			t.Error(err)
		}
	})
}

// TestOpenTofuSavesItsStateWhenInterrupted: cancelling an apply must not lose what it did.
func TestOpenTofuSavesItsStateWhenInterrupted(t *testing.T) {
	program := tofu(t)
	each(t, func(t *testing.T, s *Sandbox) {
		dir := folder(t)
		os.WriteFile(filepath.Join(dir, "main.tf"), []byte(configuration+`resource "terraform_data" "two" {
			depends_on = [terraform_data.one]
			provisioner "local-exec" { command = "echo waiting now; exec sleep 600" }
		}`), 0o600)
		spec := Spec{Args: []string{program, "init", "-input=false"}, Dir: dir, Env: []string{"WAIT=0"}, Limits: Limits{Grace: time.Minute}}
		if _, stderr, exit := output(t, s, spec); !exit.Success() {
			t.Fatalf("tofu init: %s %s", exit, stderr)
		}
		waiting := &awaited{ready: newReady(), words: "waiting now\n"}
		spec.Args, spec.Stdout = []string{program, "apply", "-no-color", "-auto-approve"}, waiting
		p, err := s.Start(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		waiting.wait(t)
		p.Interrupt()
		exit, err := p.Wait()
		if err != nil || !exit.Cancelled || exit.Signal != 0 || exit.Code == 0 {
			t.Errorf("Wait = %+v, %v, want cancelled and an exit code of its own", exit, err)
		}
		b, err := os.ReadFile(filepath.Join(dir, "terraform.tfstate"))
		if err != nil || !strings.Contains(string(b), `"one"`) {
			t.Errorf("the state: %s, %v", b, err)
		}
	})
}

// awaited is ready when the words came out.
type awaited struct {
	*ready
	words, seen string
}

func (a *awaited) Write(p []byte) (int, error) {
	if a.seen += string(p); strings.Contains(a.seen, a.words) {
		return a.ready.Write(p)
	}
	return len(p), nil
}

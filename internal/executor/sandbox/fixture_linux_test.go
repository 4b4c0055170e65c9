package sandbox

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// each runs a test in every kind of sandbox that works here.
func each(t *testing.T, test func(t *testing.T, s *Sandbox)) {
	t.Helper()
	for _, kind := range []Kind{Bubblewrap, Landlock} {
		t.Run(string(kind), func(t *testing.T) {
			s := Detect(t.Context(), Options{Kind: kind})
			if s.Kind == None {
				t.Skip(s.Why)
			}
			test(t, s)
		})
	}
}

// shell is a spec of a shell script in a fresh folder.
func shell(t *testing.T, script string, args ...string) Spec {
	t.Helper()
	return Spec{Args: append([]string{"/bin/sh", "-c", script, "sh"}, args...), Dir: folder(t), Limits: Limits{Time: time.Minute, Grace: time.Second}}
}

// folder returns a fresh folder that other users can reach.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

// output runs a spec and returns what it wrote.
func output(t *testing.T, s *Sandbox, spec Spec) (stdout, stderr string, exit Exit) {
	t.Helper()
	var out, problems bytes.Buffer
	spec.Stdout, spec.Stderr = &out, &problems
	exit, err := s.Run(t.Context(), spec)
	if err != nil {
		t.Fatalf("Run = %v\nstderr: %s", err, problems.String())
	}
	return out.String(), problems.String(), exit
}

// outside starts a process of the server's user that a sandbox must not reach.
func outside(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sleep", "600")
	cmd.Env = []string{"SECRET=planted-in-environment"}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = cmd.Process.Kill(), cmd.Wait() // killed, it fails
	})
	return cmd
}

// ready is a writer that tells when something was written to it.
type ready struct {
	once sync.Once
	c    chan struct{}
}

func newReady() *ready { return &ready{c: make(chan struct{})} }

func (r *ready) Write(p []byte) (int, error) {
	r.once.Do(func() { close(r.c) })
	return len(p), nil
}

func (r *ready) wait(t *testing.T) {
	t.Helper()
	select {
	case <-r.c:
	case <-time.After(30 * time.Second):
		t.Fatal("the program wrote nothing for 30 s")
	}
}

// running are the processes of the machine with a word in their arguments.
func running(t *testing.T, word string) []string {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, path := range paths {
		b, _ := os.ReadFile(path) // it may have ended
		if args := strings.Split(string(b), "\x00"); slices.Contains(args, word) {
			list = append(list, path+" "+strings.Join(args, " "))
		}
	}
	return list
}

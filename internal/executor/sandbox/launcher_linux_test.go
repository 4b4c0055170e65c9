package sandbox

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestABinaryCarriesOneLauncher(t *testing.T) {
	dir := t.TempDir()
	binary, launcher := filepath.Join(dir, "binary"), filepath.Join(dir, "launcher")
	if err := os.WriteFile(binary, []byte("a binary"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"", "first", "the second one"} {
		if program != "" {
			if err := os.WriteFile(launcher, []byte(program), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := Attach(binary, launcher); err != nil {
				t.Fatal(err)
			}
		}
		f, err := os.Open(binary)
		if err != nil {
			t.Fatal(err)
		}
		found, at, err := launcherIn(f)
		if err != nil || at != int64(len("a binary")) || (found != nil) != (program != "") {
			t.Fatalf("launcherIn(%q) = %v, %d, %v", program, found, at, err)
		}
		if found != nil {
			if b, err := io.ReadAll(found); err != nil || string(b) != program {
				t.Errorf("the binary carries %q, %v, want %q", b, err, program)
			}
		}
		f.Close()
	}
}

func TestALauncherIsStartedInsteadOfTheBinary(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil || os.Getuid() != 0 {
		t.Skip("no go here to build it, or not enough rights")
	}
	launcher := filepath.Join(folder(t), "launcher")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", launcher, "plumbline.dev/plumbline/cmd/plumbline-launcher").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, kind := range []Kind{Bubblewrap, Landlock} {
		t.Run(string(kind), func(t *testing.T) {
			s := Detect(t.Context(), Options{Kind: kind, Launcher: launcher})
			if s.Kind == None {
				t.Skip(s.Why)
			}
			if s.starts != launcher || s.inside != launcher {
				t.Fatalf("%s and %s are started, want %s", s.starts, s.inside, launcher)
			}
			spec := shell(t, `tr '\0' ' ' < /proc/$PPID/cmdline; echo; exit 7`)
			out, stderr, exit := output(t, s, spec)
			if exit.Code != 7 || !strings.Contains(out, marker) && kind == Bubblewrap {
				t.Errorf("it was started by %q, %s, %s", out, stderr, exit)
			}
		})
	}
	t.Run("that does not work", func(t *testing.T) {
		if s := Detect(t.Context(), Options{Launcher: filepath.Join(t.TempDir(), "absent")}); s.Kind == None || s.starts == "" || strings.Contains(s.starts, "absent") {
			t.Errorf("Detect = %s, %s, starts %s, want what works without it", s.Kind, s.Why, s.starts)
		}
	})
}

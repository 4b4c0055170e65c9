package providers_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/apptest/cli"
	"plumbline.dev/plumbline/internal/executor/providers"
	"plumbline.dev/plumbline/internal/executor/sandbox"
)

// each runs a test with every engine of this machine.
func each(t *testing.T, test func(t *testing.T, engine string)) {
	t.Helper()
	box := sandbox.Detect(t.Context(), sandbox.Options{})
	if box.Kind == sandbox.None {
		t.Skip(box.Why)
	}
	if len(cli.Engines()) == 0 {
		t.Skip("no engine here: run make engines")
	}
	for _, e := range cli.Engines() {
		t.Run(e.Name, func(t *testing.T) { test(t, e.Path) })
	}
}

func newMirror(t *testing.T, r *registry) *providers.Mirror {
	t.Helper()
	m, err := providers.New(providers.Options{Dir: filepath.Join(t.TempDir(), "providers"), Sandbox: sandbox.Detect(t.Context(), sandbox.Options{}),
		Registries: []string{r.host}, CA: r.ca(), Allow: []netip.AddrPort{r.address()}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// initialize runs init with a mirror in a folder, and returns its output.
func initialize(t *testing.T, m *providers.Mirror, engine, dir string) (string, error) {
	t.Helper()
	rc := filepath.Join(dir, "rc")
	if err := os.WriteFile(rc, []byte(m.Config()), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	exit, err := m.Sandbox.Run(t.Context(), sandbox.Spec{Args: []string{engine, "init", "-input=false", "-no-color"}, Dir: dir, Read: m.Read(),
		Env: []string{"TF_CLI_CONFIG_FILE=" + rc, "CHECKPOINT_DISABLE=1"}, Stdout: &out, Stderr: &out, Limits: sandbox.Limits{Time: time.Minute}})
	if err == nil && !exit.Success() {
		err = fmt.Errorf("init: %s", exit)
	}
	return out.String(), err
}

func configuration(t *testing.T, r *registry, constraint string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	text := fmt.Sprintf("terraform {\n  required_providers {\n    x = {\n      source = %q\n      version = %q\n    }\n  }\n}\n", r.host+"/acme/x", constraint)
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAWarmMirrorNeedsNoNetwork(t *testing.T) {
	each(t, func(t *testing.T, engine string) {
		r := newRegistry(t, "1.0.0", "1.2.0", "2.0.0")
		m := newMirror(t, r)
		dir := configuration(t, r, "~> 1.0")
		if out, err := initialize(t, m, engine, dir); err == nil {
			t.Fatalf("init found a provider in an empty mirror: %s", out)
		}
		needs := providers.Needs{r.host + "/acme/x": "~> 1.0"}
		if out, err := m.Fill(t.Context(), engine, needs, nil, providers.Source{}); err != nil {
			t.Fatalf("Fill = %v\n%s", err, out)
		}
		if missing := m.Missing(needs, nil); len(missing) > 0 {
			t.Errorf("Missing = %v after Fill", missing)
		}
		r.Close()
		if out, err := initialize(t, m, engine, dir); err != nil {
			t.Fatalf("init = %v\n%s", err, out)
		}
		lock, err := os.ReadFile(filepath.Join(dir, ".terraform.lock.hcl"))
		if got := providers.ParseLock(string(lock))[r.host+"/acme/x"]; err != nil || got.Version != "1.2.0" {
			t.Errorf("the lock file has %+v, want 1.2.0: %s", got, lock)
		}
	})
}

// TestALockFileOfAnotherSystemIsAccepted: one that knows the release by the hashes of
// its archives is completed; one with other hashes is not.
func TestALockFileOfAnotherSystemIsAccepted(t *testing.T) {
	each(t, func(t *testing.T, engine string) {
		r := newRegistry(t, "1.0.0", "1.2.0")
		m := newMirror(t, r)
		address := r.host + "/acme/x"
		for name, hash := range map[string]string{"known": fmt.Sprintf("zh:%x", sha256.Sum256(r.archive("x", "1.0.0"))), "other": fmt.Sprintf("zh:%064x", 8)} {
			text := providers.Lock{address: {Version: "1.0.0", Hashes: []string{hash}}}.String()
			lock := providers.ParseLock(text)
			out, fillErr := m.Fill(t.Context(), engine, providers.Needs{address: ""}, lock, providers.Source{})
			dir := configuration(t, r, ">= 1.0.0")
			full, err := m.Complete(text)
			if name == "other" {
				if fillErr == nil && !errors.Is(err, providers.ErrChecksum) {
					t.Errorf("a lock file with another hash: Fill = nil, Complete = %v", err)
				}
				continue
			}
			if fillErr != nil || err != nil {
				t.Fatalf("Fill = %v, Complete = %v\n%s", fillErr, err, out)
			}
			os.WriteFile(filepath.Join(dir, ".terraform.lock.hcl"), []byte(full), 0o600)
			initOut, err := initialize(t, m, engine, dir)
			after, _ := os.ReadFile(filepath.Join(dir, ".terraform.lock.hcl"))
			if err != nil || string(after) != full || strings.Contains(initOut, "made some changes") {
				t.Errorf("init = %v\n%s\nlock file: %s", err, initOut, after)
			}
		}
	})
}

func TestAForgedArchiveIsNotTaken(t *testing.T) {
	each(t, func(t *testing.T, engine string) {
		r := newRegistry(t, "1.0.0")
		r.forged = true
		m := newMirror(t, r)
		needs := providers.Needs{r.host + "/acme/x": ""}
		out, err := m.Fill(t.Context(), engine, needs, nil, providers.Source{})
		if err == nil || len(m.Missing(needs, nil)) == 0 || !strings.Contains(out, "checksum") {
			t.Errorf("Fill = %v, missing %v\n%s", err, m.Missing(needs, nil), out)
		}
	})
}

func TestManyWhoNeedTheSameFetchOnce(t *testing.T) {
	each(t, func(t *testing.T, engine string) {
		r := newRegistry(t, "1.0.0")
		m := newMirror(t, r)
		needs := providers.Needs{r.host + "/acme/x": "1.0.0"}
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if out, err := m.Fill(t.Context(), engine, needs, nil, providers.Source{}); err != nil {
					t.Errorf("Fill = %v\n%s", err, out)
				}
			})
		}
		wg.Wait()
		if n := r.count(); n > 10 {
			t.Errorf("%d requests, want those of one fetch", n)
		}
	})
}

func TestRunsCannotWriteToTheMirror(t *testing.T) {
	each(t, func(t *testing.T, engine string) {
		r := newRegistry(t, "1.0.0")
		m := newMirror(t, r)
		if out, err := m.Fill(t.Context(), engine, providers.Needs{r.host + "/acme/x": ""}, nil, providers.Source{}); err != nil {
			t.Fatalf("Fill = %v\n%s", err, out)
		}
		found, _ := filepath.Glob(filepath.Join(m.Dir, "mirror", "*", "*", "*", "*", "*", "*"))
		if len(found) != 1 {
			t.Fatalf("the mirror has %v", found)
		}
		before, _ := os.ReadFile(found[0])
		script := `p="$0"; cat "$p" && { echo bad > "$p"; rm -f "$p"; mv "$p" "$p.x"; touch "$(dirname "$p")/new"; chmod 777 "$p"; } 2>/dev/null; true`
		var out bytes.Buffer
		_, err := m.Sandbox.Run(t.Context(), sandbox.Spec{Args: []string{"/bin/sh", "-c", script, found[0]}, Dir: t.TempDir(), Read: m.Read(), Stdout: &out})
		after, _ := os.ReadFile(found[0])
		files, _ := os.ReadDir(filepath.Dir(found[0]))
		if err != nil || out.String() != string(before) || string(after) != string(before) || len(files) != 1 {
			t.Errorf("after: %v, %q, %d files, read %q", err, after, len(files), out.String())
		}
	})
}

func TestNewerVersionsAreFoundForTheNextRun(t *testing.T) {
	each(t, func(t *testing.T, engine string) {
		r := newRegistry(t, "1.0.0")
		m := newMirror(t, r)
		needs := providers.Needs{r.host + "/acme/x": ">= 1.0.0"}
		if out, err := m.Fill(t.Context(), engine, needs, nil, providers.Source{}); err != nil {
			t.Fatalf("Fill = %v\n%s", err, out)
		}
		r.add("1.1.0")
		m.Refresh(t.Context(), engine, needs, providers.Source{}) // it was asked just now
		m.Fresh = time.Nanosecond
		m.Refresh(t.Context(), engine, needs, providers.Source{})
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for range 1500 {
			if len(m.Missing(providers.Needs{r.host + "/acme/x": "1.1.0"}, nil)) == 0 {
				return
			}
			<-tick.C
		}
		t.Error("1.1.0 is not there after 30 s")
	})
}

func TestWhatIsShared(t *testing.T) {
	r := newRegistry(t)
	m := newMirror(t, r)
	needs := providers.Needs{r.host + "/acme/x": "", "private.example.com/acme/x": "", r.host + "/../x": "", r.host + "/x": "", "terraform.io/builtin/terraform": ""}
	if diff := cmp.Diff(providers.Needs{r.host + "/acme/x": ""}, m.Missing(needs, nil)); diff != "" {
		t.Errorf("Missing (-want +got):\n%s", diff)
	}
	m.Given = []string{t.TempDir()}
	if err := os.MkdirAll(filepath.Join(m.Given[0], r.host, "acme", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if missing := m.Missing(needs, nil); len(missing) > 0 {
		t.Errorf("Missing = %v, although the operator gives it", missing)
	}
}

func TestParseNeeds(t *testing.T) {
	const output = `
Providers required by configuration:
.
├── provider[registry.opentofu.org/hashicorp/random] ~> 3.0, != 3.1.0
├── provider[terraform.io/builtin/terraform]
└── module.m
    ├── provider[registry.opentofu.org/hashicorp/random] < 4.0.0
    └── provider[registry.opentofu.org/hashicorp/time]

Providers required by state:

    provider[registry.opentofu.org/hashicorp/null]
`
	want := providers.Needs{"registry.opentofu.org/hashicorp/random": "~> 3.0, != 3.1.0, < 4.0.0", "terraform.io/builtin/terraform": "",
		"registry.opentofu.org/hashicorp/time": "", "registry.opentofu.org/hashicorp/null": ""}
	if diff := cmp.Diff(want, providers.ParseNeeds(output)); diff != "" {
		t.Errorf("ParseNeeds (-want +got):\n%s", diff)
	}
}

package sandbox

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// dataDir makes what a server keeps on disk, and what a careless operator makes readable.
func dataDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(folder(t), "data")
	for name, mode := range map[string]os.FileMode{"root.key": 0o600, "plumbline.db": 0o644, "blobs/state": 0o666} {
		os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777)
		if err := os.WriteFile(filepath.Join(dir, name), []byte("planted"), mode); err != nil {
			t.Fatal(err)
		}
	}
	os.Chmod(dir, 0o777)
	return dir
}

// refusedAll runs probes of which none may reach what it is after.
func refusedAll(t *testing.T, s *Sandbox, change func(*Spec), list ...string) {
	t.Helper()
	for _, line := range probes(t, s, change, list...) {
		if name, result, _ := strings.Cut(line, ": "); result == "reached" || !strings.HasPrefix(result, "E") {
			t.Errorf("%s: %s, want an error", name, result)
		}
	}
}

func TestFilesOfTheServerAreOutOfReach(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		dir := dataDir(t)
		var list []string
		for _, file := range []string{"root.key", "plumbline.db", "blobs/state"} {
			path := filepath.Join(dir, file)
			for _, way := range []string{"open", "open-root", "open-cwd", "open-at", "open-parent", "open-link", "open-loop", "append", "truncate", "hard-link", "rename", "remove", "exchange", "handle", "mkdir-beside"} {
				list = append(list, way+" "+path)
			}
		}
		refusedAll(t, s, nil, list...)
		for _, file := range []string{"root.key", "plumbline.db", "blobs/state"} {
			if b, err := os.ReadFile(filepath.Join(dir, file)); string(b) != "planted" {
				t.Errorf("%s is %q afterwards, %v", file, b, err)
			}
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 3 {
			t.Errorf("the data directory has %v afterwards", entries)
		}
	})
}

func TestTheServerIsOutOfReach(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		if s.Kind == Landlock && s.abi < 6 && os.Geteuid() != 0 {
			t.Skip(s.Why)
		}
		victim := outside(t)
		var list []string
		for _, pid := range []string{fmt.Sprint(os.Getpid()), fmt.Sprint(victim.Process.Pid), "parent"} {
			for _, way := range []string{"peek", "signal", "thread-signal", "pidfd-signal", "queue-signal", "trace", "memory", "limits", "priority", "affinity", "io-priority", "steal"} {
				if pid == "parent" && s.Kind == Bubblewrap && strings.Contains("signal thread-signal pidfd-signal queue-signal limits priority affinity io-priority", way) {
					continue // the first process of the namespace, which is the run's own; what it does to it hurts nobody else
				}
				list = append(list, way+" "+pid)
			}
		}
		refusedAll(t, s, nil, list...)
		if b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", victim.Process.Pid)); !strings.Contains(string(b), ") S ") {
			t.Errorf("the victim's state is %q", b)
		}
	})
}

func TestTheSupervisorSurvivesItsRun(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		// If one of them could be killed, Run would return an error.
		out, _, exit := output(t, s, shell(t, `kill -9 $PPID; kill -9 1; kill -9 -1; kill -STOP $PPID; echo end`))
		if out != "end\n" && exit.Signal == 0 || exit.Cancelled {
			t.Errorf("Run = %q, %+v", out, exit)
		}
	})
}

func TestNothingIsInherited(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		leak, err := syscall.Open(filepath.Join(dataDir(t), "root.key"), syscall.O_RDONLY, 0) // not closed by exec, as Go's are
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(leak)
		if got := probes(t, s, nil, "inherited"); got[0] != "inherited: reached" {
			t.Errorf("%s, want no descriptors but 0, 1 and 2", got[0])
		}
		out, _, _ := output(t, s, shell(t, `cat; cat /proc/1/fd/* /proc/$PPID/fd/* 2>/dev/null; echo end`))
		if out != "end\n" {
			t.Errorf("its input and its parents' descriptors hold %q", out)
		}
	})
}

func TestSetuidProgramsGainNothing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root makes a program that becomes root")
	}
	each(t, func(t *testing.T, s *Sandbox) {
		dir := folder(t)
		from, err := os.Open("/usr/bin/id")
		if err != nil {
			t.Fatal(err)
		}
		defer from.Close()
		to, err := os.OpenFile(filepath.Join(dir, "id"), os.O_CREATE|os.O_WRONLY, 0o755)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(to, from)
		to.Close()
		if os.Chmod(to.Name(), 0o755|os.ModeSetuid|os.ModeSetgid) != nil || err != nil {
			t.Fatal(err)
		}
		spec := shell(t, `$1/id -u; $1/id -g; ls -l $1/id | cut -c1-10`, dir)
		spec.Read = []string{dir}
		out, stderr, _ := output(t, s, spec)
		if lines := strings.Fields(out); len(lines) != 3 || lines[0] == "0" || lines[1] == "0" || lines[2] != "-rwsr-sr-x" {
			t.Errorf("a program of root with the setuid bit printed %q, %q, want another user than 0", out, stderr)
		}
	})
}

// TestServersShareNoUser: an agent beside the server, or a server after one that died.
func TestServersShareNoUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives every process a user of its own")
	}
	each(t, func(t *testing.T, s *Sandbox) {
		started := newReady()
		spec := shell(t, `id -u > user; echo ready; while ! [ -e stop ]; do sleep 0.02; done`)
		spec.Stdout = started
		p, err := s.Start(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		started.wait(t)
		taken, _ := os.ReadFile(filepath.Join(spec.Dir, "user"))
		user, _ := strconv.Atoi(strings.TrimSpace(string(taken)))
		other := *s
		other.users = &userPool{next: user - firstUser}
		if out, _, _ := output(t, &other, shell(t, "id -u")); out == string(taken) || strings.TrimSpace(out) == "" {
			t.Errorf("another server runs processes as user %q, like this one", out)
		}
		os.WriteFile(filepath.Join(spec.Dir, "stop"), nil, 0o644)
		if _, err := p.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// TestRunsDoNotMeet: what a run leaves and what runs beside it is out of its reach.
func TestRunsDoNotMeet(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		started := newReady()
		first := shell(t, `echo secret > $TMPDIR/left; echo secret > $HOME/left; echo secret > left; pwd > where; echo "$TMPDIR $HOME $$" >> where; echo ready; while ! [ -e stop ]; do sleep 0.02; done`)
		first.Stdout = started
		p, err := s.Start(t.Context(), first)
		if err != nil {
			t.Fatal(err)
		}
		started.wait(t)
		where, _ := os.ReadFile(filepath.Join(first.Dir, "where"))
		out, _, _ := output(t, s, shell(t, `for d; do cat $d/left; (: > $d/planted); done 2>/dev/null; find / -name left 2>/dev/null; echo end`, strings.Fields(string(where))[:3]...))
		os.WriteFile(filepath.Join(first.Dir, "stop"), nil, 0o644)
		if exit, err := p.Wait(); err != nil || !exit.Success() {
			t.Errorf("the first run: %v, %v", exit, err)
		}
		if out != "end\n" {
			t.Errorf("beside another run it printed %q", out)
		}
		if _, err := os.Stat(filepath.Join(first.Dir, "planted")); err == nil {
			t.Error("it wrote into the folder of another run")
		}
	})
}

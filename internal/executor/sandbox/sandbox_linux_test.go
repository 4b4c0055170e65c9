package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestAProgramRuns(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		spec := shell(t, `echo out; echo problem >&2; echo kept > file; pwd; cat given; exit 3`)
		given := filepath.Join(spec.Dir, "given")
		os.WriteFile(given, []byte("given\n"), 0o600)
		out, stderr, exit := output(t, s, spec)
		if want := "out\n" + spec.Dir + "\ngiven\n"; out != want || stderr != "problem\n" || exit != (Exit{Code: 3}) {
			t.Errorf("Run = %q, %q, %v, want %q, \"problem\\n\", exit code 3", out, stderr, exit, want)
		}
		if b, err := os.ReadFile(filepath.Join(spec.Dir, "file")); string(b) != "kept\n" {
			t.Errorf("the file that it wrote = %q, %v", b, err)
		}
		if _, _, exit := output(t, s, shell(t, `kill -TERM $$`)); exit != (Exit{Code: 143, Signal: 15}) {
			t.Errorf("killed by itself: Run = %+v, want signal 15", exit)
		}
	})
}

// TestOutputComesOnePieceAtATime: what is printed and what is complained of may go to one
// writer, which need not bear two at a time.
func TestOutputComesOnePieceAtATime(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		spec, both := shell(t, `(for i in $(seq 3000); do echo out; done) & (for i in $(seq 3000); do echo bad >&2; done); wait`), &alone{}
		spec.Stdout, spec.Stderr = both, both
		if exit, err := s.Run(t.Context(), spec); err != nil || !exit.Success() {
			t.Fatalf("Run = %v, %v", exit, err)
		}
		if both.disturbed.Load() || both.size != 4*6000 {
			t.Errorf("Writes met each other: %v; %d bytes arrived, want %d", both.disturbed.Load(), both.size, 4*6000)
		}
	})
}

// alone is a writer that notices when it is called while it is at work.
type alone struct {
	busy, disturbed atomic.Bool
	size            int
}

func (a *alone) Write(p []byte) (int, error) {
	if !a.busy.CompareAndSwap(false, true) {
		a.disturbed.Store(true)
	}
	runtime.Gosched()
	a.size += len(p)
	a.busy.Store(false)
	return len(p), nil
}

func TestTheEnvironmentIsWhatIsGiven(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		t.Setenv("PLUMBLINE_ROOT_KEY", "server-secret")
		spec := shell(t, "")
		spec.Args, spec.Env = []string{"/usr/bin/env"}, []string{"TF_VAR_a=one\ntwo", "LD_PRELOAD=/nowhere.so"}
		out, _, _ := output(t, s, spec)
		var names []string
		for line := range strings.Lines(strings.Replace(out, "one\ntwo", "one two", 1)) {
			name, _, _ := strings.Cut(line, "=")
			names = append(names, name)
		}
		slices.Sort(names)
		if want := []string{"HOME", "LD_PRELOAD", "PATH", "TF_VAR_a", "TMPDIR"}; !slices.Equal(names, want) {
			t.Errorf("the environment has %v, want %v", names, want)
		}
	})
}

func TestOtherEnvironmentsAreHidden(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		victim := outside(t)
		out, _, _ := output(t, s, shell(t, `cat /proc/1/environ /proc/$1/environ /proc/$PPID/environ /proc/*/environ 2>/dev/null; echo end`, fmt.Sprint(victim.Process.Pid)))
		if strings.Contains(out, "planted") || !strings.HasSuffix(out, "end\n") {
			t.Errorf("read from /proc: %q", out)
		}
	})
}

// TestSystemFilesCanBeRead: without them no name is resolved and no certificate verified.
func TestSystemFilesCanBeRead(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	each(t, func(t *testing.T, s *Sandbox) {
		var there []string
		for _, path := range append(systemFiles[:len(systemFiles):len(systemFiles)], systemFolders...) {
			if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o004 != 0 {
				there = append(there, path)
			}
		}
		out, stderr, _ := output(t, s, shell(t, `for f; do [ -r $f ] && echo $f; done; getent hosts localhost >&2 || echo FAILED`, there...))
		if want := strings.Join(there, "\n") + "\n"; out != want || stderr == "" {
			t.Errorf("can read %q, localhost is %q, want %q", out, stderr, want)
		}
	})
}

func TestFilesOutsideCannotBeRead(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		secret := filepath.Join(folder(t), "root.key")
		os.WriteFile(secret, []byte("planted"), 0o644)
		victim := outside(t)
		spec := shell(t, `
			for f in $1 link /proc/$2/root$1 /proc/1/root$1 /proc/self/root$1 /proc/$PPID/root$1 /proc/self/cwd/../../../..$1; do cat $f && echo READ $f; done
			cp -l $1 hard && echo LINKED; ln $1 hard2 && echo LINKED
			ls ${1%/*} && echo LISTED
			head -c1 /etc/shadow && echo SHADOW; ls /root && echo ROOT; ls /proc/$2/fd && echo FD
			ls /dev/sda /dev/vda /dev/mem && echo DEVICE; head -c1 /dev/vda && echo DEVICE
			echo end`, secret, fmt.Sprint(victim.Process.Pid))
		os.Symlink(secret, filepath.Join(spec.Dir, "link"))
		out, _, _ := output(t, s, spec)
		allowed := "end\n"
		if s.Kind == Landlock { // it shows names of devices, not what is in them
			out = strings.ReplaceAll(out, "/dev/vda\n", "")
		}
		if out != allowed {
			t.Errorf("reading outside printed %q", out)
		}
	})
}

func TestNothingOutsideCanBeWritten(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		spec := shell(t, `
			for d in /usr /usr/bin /etc /var /dev /proc / $1 $2 ${PWD%/*}; do (: > $d/planted) && echo WROTE $d; done 2>/dev/null
			(echo x >> $2/mirror) 2>/dev/null && echo APPENDED
			rm -f $2/mirror 2>/dev/null && echo REMOVED
			mv $2/mirror . 2>/dev/null && echo MOVED
			: > $TMPDIR/t && : > $HOME/h && mkdir $HOME/locked && : > $HOME/locked/f && chmod 0 $HOME/locked && cat $2/mirror`, folder(t), folder(t))
		shared := spec.Args[len(spec.Args)-1]
		os.WriteFile(filepath.Join(shared, "mirror"), []byte("mirror\n"), 0o666)
		os.Chmod(shared, 0o777)
		spec.Read = []string{shared}
		s.scratch = folder(t)
		out, stderr, exit := output(t, s, spec)
		if out = strings.Replace(out, "WROTE /dev\n", "", 1); s.Kind == Bubblewrap { // a /dev and a root of its own
			out = strings.Replace(out, "WROTE /\n", "", 1)
			out = strings.Replace(out, "WROTE /var\n", "", 1)
			out = strings.Replace(out, "WROTE /etc\n", "", 1)
			out = strings.Replace(out, "WROTE "+filepath.Dir(spec.Dir)+"\n", "", 1)
			out = strings.Replace(out, "WROTE "+spec.Args[len(spec.Args)-2]+"\n", "", 1)
		}
		if out != "mirror\n" || exit.Code != 0 {
			t.Errorf("writing outside printed %q, %q, %v", out, stderr, exit)
		}
		for _, path := range []string{"/usr/planted", "/etc/planted", "/dev/planted", "/planted", "/var/planted", "/tmp/t", filepath.Join(filepath.Dir(spec.Dir), "planted"), filepath.Join(shared, "planted")} {
			if _, err := os.Lstat(path); err == nil {
				os.Remove(path)
				t.Errorf("%s was written", path)
			}
		}
		if left, _ := os.ReadDir(s.scratch); len(left) > 0 {
			t.Errorf("%v is left of private folders", left)
		}
	})
}

func TestProcessesOutsideCannotBeTouched(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		if s.Kind == Landlock && s.abi < 6 && os.Geteuid() != 0 {
			t.Skip(s.Why)
		}
		victim := outside(t)
		out, _, _ := output(t, s, shell(t, `
			kill -9 $1 && echo KILLED; kill -9 $2 && echo KILLED
			cat /proc/$1/maps && echo MAPS; head -c1 /proc/$1/mem && echo MEM; cat /proc/$2/environ && echo SERVER
			kill -9 -1; echo end`, fmt.Sprint(victim.Process.Pid), fmt.Sprint(os.Getpid())))
		if strings.TrimSuffix(out, "end\n") != "" {
			t.Errorf("touching a process outside printed %q", out)
		}
		if err := victim.Process.Signal(syscall.Signal(0)); err != nil {
			t.Errorf("the process outside: %v", err)
		}
	})
}

func TestAForkBombIsLimited(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		word := fmt.Sprintf("603.%d", os.Getpid())
		spec := shell(t, `i=0; while [ $i -lt 300 ]; do sleep $1 & i=$((i+1)); echo $i; done`, word)
		spec.Limits.Processes = 100
		out, stderr, exit := output(t, s, spec)
		if n := strings.Count(out, "\n"); n >= 100 || exit.Success() || !strings.Contains(strings.ToLower(stderr), "fork") {
			t.Errorf("it started %d processes and ended with %v, %q, want fewer than 100 and a complaint", n, exit, stderr)
		}
		if left := running(t, word); len(left) > 0 {
			t.Errorf("still running: %q", left)
		}
	})
}

func TestMemoryIsLimited(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		for name, tc := range map[string]struct {
			probe string
			want  func(out string, exit Exit) bool
		}{
			"at once":                 {"map 400", func(out string, exit Exit) bool { return exit.Success() && strings.Contains(out, "ENOMEM") }},
			"one process":             {"allocate 1 400", func(_ string, exit Exit) bool { return exit.OutOfMemory || exit.Code == 2 }}, // 2 if its runtime is told first
			"all processes together":  {"allocate 4 100", func(_ string, exit Exit) bool { return exit.OutOfMemory && exit.String() == "stopped: out of memory" }},
			"less than what is given": {"allocate 2 50", func(out string, exit Exit) bool { return exit.Success() && strings.Contains(out, "reached") }},
		} {
			spec := Spec{Args: []string{self(t), tc.probe}, Env: []string{probing + "=1"}, Dir: folder(t), Limits: Limits{Time: time.Minute, Memory: 250 << 20}}
			if out, stderr, exit := output(t, s, spec); !tc.want(out, exit) {
				t.Errorf("%s: %+v\n%s%s", name, exit, out, stderr)
			}
		}
	})
}

func TestNothingIsKeptInMemory(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		list := []string{"lasting shmget", "lasting msgget", "lasting semget", "memfd"}
		got := probes(t, s, nil, list...)
		for i, line := range got {
			if want := list[i] + ": ENOSYS"; line != want && (s.Kind == Landlock || i == 3) {
				t.Errorf("%s, want %s", line, want)
			}
		}
		out, _, _ := output(t, s, shell(t, `for d in / /dev /dev/shm /etc /home /var; do (echo x > $d/planted) 2>/dev/null && stat -f -c "$d %T" $d/planted; done`))
		if strings.Contains(out, "tmpfs") {
			t.Errorf("folders in memory can be written: %q", out)
		}
	})
}

func TestLimitsHold(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		spec := shell(t, `ulimit -c; ulimit -d; exec head -c 200000 /dev/zero > big`)
		spec.Limits.FileSize, spec.Limits.Memory = 100_000, 1<<30
		out, _, exit := output(t, s, spec)
		if out != "0\n1048576\n" || exit.Success() {
			t.Errorf("Run = %q, %v, want no core, 1 GiB, and a failure", out, exit)
		}
		if info, err := os.Stat(filepath.Join(spec.Dir, "big")); err != nil || info.Size() > 100_000 {
			t.Errorf("the file has more than 100,000 bytes: %v, %v", info, err)
		}
	})
}

func TestPrivilegesCannotBeGained(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		out, _, _ := output(t, s, shell(t, `grep -E '^(CapEff|CapPrm|NoNewPrivs)' /proc/self/status; [ "$(id -u)" != 0 ] || echo ROOT`))
		zero := strings.Repeat("0", 16)
		want := "CapPrm:\t" + zero + "\nCapEff:\t" + zero + "\nNoNewPrivs:\t1\n"
		if s.Kind == Landlock { // /proc/self is that of the shell, grep is another process
			want = ""
		}
		if out != want {
			t.Errorf("status = %q, want %q", out, want)
		}
	})
}

func TestMistakesAreErrors(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		for name, spec := range map[string]Spec{
			"no program":       {Args: []string{"/nowhere/tofu"}, Dir: folder(t)},
			"relative program": {Args: []string{"tofu"}, Dir: folder(t)},
			"nothing":          {Dir: folder(t)},
			"no folder":        {Args: []string{"/bin/true"}, Dir: "/nowhere/at/all"},
			"the root":         {Args: []string{"/bin/true"}, Dir: "/"},
			"no mirror":        {Args: []string{"/bin/true"}, Dir: folder(t), Read: []string{"/nowhere/mirror"}},
		} {
			if exit, err := s.Run(t.Context(), spec); err == nil {
				t.Errorf("%s: Run = %v, want an error", name, exit)
			}
		}
		entries, err := os.ReadDir("/proc")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if pid, err := strconv.Atoi(e.Name()); err == nil && parentOf(pid) == os.Getpid() {
				t.Errorf("process %d is still running", pid)
			}
		}
	})
}

func TestDetectSaysWhatAndWhy(t *testing.T) {
	s := Detect(t.Context(), Options{})
	if s.Why == "" || strings.Contains(s.Why, "\n") {
		t.Errorf("Why = %q, want one line", s.Why)
	}
	t.Logf("%s: %s", s.Kind, s.Why)
	t.Setenv("PATH", t.TempDir())
	s = Detect(t.Context(), Options{Kind: Bubblewrap})
	if s.Kind != None || !strings.Contains(s.Why, "bwrap") {
		t.Errorf("without bwrap: Detect = %s, %q", s.Kind, s.Why)
	}
	if _, err := s.Start(t.Context(), Spec{}); !errors.Is(err, ErrNone) {
		t.Errorf("Start = %v, want ErrNone", err)
	}
}

// TestAsAnOrdinaryUser runs the other tests again without the rights of root.
func TestAsAnOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("these tests run as an ordinary user already")
	}
	dir := folder(t)
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "sandbox.test")
	if err := os.WriteFile(binary, b, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, "-test.v", "-test.timeout=5m")
	cmd.Dir, cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("as user 65534: %v\n%s", err, out)
	} else if testing.Verbose() {
		t.Logf("%s", out)
	}
}

func BenchmarkRun(b *testing.B) {
	for _, kind := range []Kind{Bubblewrap, Landlock} {
		b.Run(string(kind), func(b *testing.B) {
			s := Detect(b.Context(), Options{Kind: kind})
			if s.Kind == None {
				b.Skip(s.Why)
			}
			dir := b.TempDir()
			if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if exit, err := s.Run(b.Context(), Spec{Args: []string{"/bin/true"}, Dir: dir}); err != nil || !exit.Success() {
					b.Fatal(exit, err)
				}
			}
		})
	}
}

func TestTheWorkingDirectoryMayBeBelowTheFolder(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		spec := shell(t, "pwd; echo text > ../written")
		spec.In = "a/b"
		if err := os.MkdirAll(filepath.Join(spec.Dir, spec.In), 0o755); err != nil {
			t.Fatal(err)
		}
		out, stderr, exit := output(t, s, spec)
		if want := filepath.Join(spec.Dir, spec.In) + "\n"; out != want || !exit.Success() {
			t.Errorf("pwd = %q, %s %s, want %q", out, exit, stderr, want)
		}
		if _, err := os.Stat(filepath.Join(spec.Dir, "a", "written")); err != nil {
			t.Error(err)
		}
		spec.In = "../out"
		if _, err := s.Run(t.Context(), spec); err == nil || !strings.Contains(err.Error(), "not inside") {
			t.Errorf("Run in ../out = %v, want a refusal", err)
		}
	})
}

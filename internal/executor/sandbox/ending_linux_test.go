package sandbox

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestAnEngineGetsOneInterruption(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		started := newReady()
		var out bytes.Buffer
		spec := shell(t, `n=0; trap 'n=$((n+1))' INT; echo ready; i=0; while [ $i -lt 40 ]; do sleep 0.01; i=$((i+1)); done; echo "$n" >&2`)
		spec.Stdout, spec.Stderr, spec.Limits = started, &out, Limits{Grace: time.Minute}
		ctx, cancel := context.WithCancel(t.Context())
		p, err := s.Start(ctx, spec)
		if err != nil {
			t.Fatal(err)
		}
		started.wait(t)
		p.Interrupt()
		cancel()
		p.Interrupt()
		if exit, err := p.Wait(); err != nil || !exit.Cancelled || out.String() != "1\n" {
			t.Errorf("Wait = %+v, %v; it had %q interruptions, want 1", exit, err, out.String())
		}
	})
}

func TestAnEarlyInterruptionIsNotLost(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		spec := shell(t, `trap 'exit 7' INT; i=0; while [ $i -lt 3000 ]; do sleep 0.01; i=$((i+1)); done`)
		spec.Limits = Limits{Grace: time.Hour}
		p, err := s.Start(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		p.Interrupt()
		exit, err := p.Wait()
		if err == nil && (!exit.Cancelled || exit.Code != 7 && exit.Signal != int(syscall.SIGINT)) {
			t.Errorf("Wait = %+v, want cancelled by the signal or by the program's own handler", exit)
		}
		if err != nil {
			t.Errorf("Wait = %v, want cancelled", err)
		}
	})
}

// household starts a child, a child in a session of its own, and one whose parent has ended.
const household = `sleep $1 & setsid sleep $1 & (setsid sh -c 'trap "" INT TERM HUP; sleep '$1' & sleep '$1'' &) ; `

func TestCancellingKillsAll(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		word := fmt.Sprintf("600.%d", os.Getpid())
		for name, tc := range map[string]struct {
			stop func(p *Process, cancel func())
		}{
			"context":   {func(_ *Process, cancel func()) { cancel() }},
			"interrupt": {func(p *Process, _ func()) { p.Interrupt(); p.Interrupt() }},
			"kill":      {func(p *Process, _ func()) { p.Kill(); p.Kill() }},
		} {
			t.Run(name, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				started := newReady()
				spec := shell(t, `trap "" INT; `+household+`while ! [ "$(ls)" = "" ]; do :; done; echo ready; while :; do sleep $1; done`, word)
				spec.Stdout, spec.Limits.Grace = started, 100*time.Millisecond
				p, err := s.Start(ctx, spec)
				if err != nil {
					t.Fatal(err)
				}
				started.wait(t)
				tc.stop(p, cancel)
				if exit, err := p.Wait(); err != nil || !exit.Cancelled || exit.Signal != int(syscall.SIGKILL) {
					t.Errorf("Wait = %+v, %v, want cancelled and killed", exit, err)
				}
				if left := running(t, word); len(left) > 0 {
					t.Errorf("still running: %q", left)
				}
			})
		}
	})
}

func TestAnInterruptedProgramMayFinish(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		started := newReady()
		spec := shell(t, `trap 'echo state saved > saved; exit 5' INT; echo ready; while :; do sleep 0.05; done`)
		spec.Stdout, spec.Limits.Grace = started, time.Minute
		p, err := s.Start(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		started.wait(t)
		p.Interrupt()
		if exit, err := p.Wait(); err != nil || exit != (Exit{Code: 5, Cancelled: true}) {
			t.Errorf("Wait = %+v, %v, want code 5 and cancelled", exit, err)
		}
		if _, err := os.Stat(filepath.Join(spec.Dir, "saved")); err != nil {
			t.Error(err)
		}
	})
}

func TestTimeRunsOut(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		spec := shell(t, `trap "" INT; while :; do sleep 600; done`)
		spec.Limits = Limits{Time: 200 * time.Millisecond, Grace: 100 * time.Millisecond}
		if _, _, exit := output(t, s, spec); !exit.TimedOut || exit.Cancelled || exit.Success() {
			t.Errorf("Run = %+v, want timed out", exit)
		}
	})
}

func TestWhatTheProgramLeavesBehindIsKilled(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		word := fmt.Sprintf("601.%d", os.Getpid())
		if out, _, exit := output(t, s, shell(t, household+`echo done`, word)); out != "done\n" || !exit.Success() {
			t.Errorf("Run = %q, %v", out, exit)
		}
		if left := running(t, word); len(left) > 0 {
			t.Errorf("still running: %q", left)
		}
	})
}

// serverOf names the kind of sandbox for a process that plays the server.
const serverOf = "SANDBOX_TEST_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(probing) != "" {
		runProbes()
		return
	}
	if role := os.Getenv(inNetwork); role != "" {
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // until the network is there
		if role == "world" {
			beTheWorld()
		}
	}
	if kind := os.Getenv(serverOf); kind != "" {
		s := Detect(context.Background(), Options{Kind: Kind(kind)})
		exit, err := s.Run(context.Background(), Spec{Args: []string{"/bin/sh", "-c", household + "echo ready; while :; do sleep $1; done", "sh", os.Args[1]}, Dir: os.Args[2], Stdout: os.Stdout})
		fmt.Println(exit, err)
		os.Exit(1)
	}
	code := m.Run()
	if dir, err := selfDir(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

func TestADeadServerLeavesNothingBehind(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		word := fmt.Sprintf("602.%d", os.Getpid())
		cmd := exec.CommandContext(t.Context(), "/proc/self/exe", word, folder(t))
		scratch := folder(t)
		cmd.Env = append(os.Environ(), serverOf+"="+string(s.Kind), "TMPDIR="+scratch)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if b := make([]byte, 6); true {
			if _, err := io.ReadFull(out, b); err != nil || string(b) != "ready\n" {
				t.Fatalf("the server printed %q, %v", b, err)
			}
		}
		_, _ = cmd.Process.Kill(), cmd.Wait() // killed, it fails
		deadline := time.After(10 * time.Second)
		left := func() []string {
			folders, _ := filepath.Glob(scratch + "/*")
			return append(running(t, word), folders...)
		}
		for tick := time.Tick(20 * time.Millisecond); len(left()) > 0; {
			select {
			case <-tick:
			case <-deadline:
				t.Fatalf("still there: %q", left())
			}
		}
	})
}

func TestADeadSupervisorLeavesNothingBehind(t *testing.T) {
	each(t, func(t *testing.T, s *Sandbox) {
		word := fmt.Sprintf("604.%d", os.Getpid())
		const quiet, end = `exec 3>&1 >/dev/null 2>&1; `, `echo ready >&3; exec sleep $1 3>&-` // Wait waits for who could still write
		script := quiet + `(` + household + `) 3>&-; ` + end
		if s.Kind == Landlock && os.Geteuid() != 0 { // what the program started cannot be found then
			script = quiet + end
		}
		started := newReady()
		spec := shell(t, script, word)
		spec.Stdout = started
		p, err := s.Start(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		started.wait(t)
		_ = p.cmd.Process.Kill()
		if exit, err := p.Wait(); err == nil {
			t.Errorf("Wait = %v, want an error", exit)
		}
		deadline := time.After(10 * time.Second)
		for tick := time.Tick(20 * time.Millisecond); len(running(t, word)) > 0; {
			select {
			case <-tick:
			case <-deadline:
				t.Fatalf("still running: %q", running(t, word))
			}
		}
	})
}

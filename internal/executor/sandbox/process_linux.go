package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	killWait = 10 * time.Second // from the order to kill until the supervisor is killed
	tailSize = 1 << 10          // of stderr, to explain why bwrap failed
)

// Process is a running process with its descendants.
type Process struct {
	cmd               *exec.Cmd
	control           *os.File // closing it kills
	status            *os.File
	limits            Limits
	tail              *tail
	interrupts, kills chan struct{}
	kill              sync.Once
	done              chan struct{}
	release           func() error // gives back what the process had

	exit Exit
	err  error
}

// Start starts a process. If ctx ends, the process is interrupted, and killed after the
// grace. The caller must Wait.
func (s *Sandbox) Start(ctx context.Context, spec Spec) (_ *Process, err error) {
	if s.Kind == None {
		return nil, ErrNone
	}
	if err := spec.check(); err != nil {
		return nil, err
	}
	user, err := s.users.take()
	if err != nil {
		return nil, err
	}
	folders, err := makePrivate(s.scratch, user)
	release := func() error {
		s.users.give(user)
		if folders.root == "" {
			return nil
		}
		return clean(folders.root)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, release())
		}
	}()
	if err != nil {
		return nil, err
	}
	if user != 0 {
		if err := giveAll(user, spec.Dir); err != nil {
			return nil, err
		}
	}
	o, err := s.order(spec, folders, user)
	if err != nil {
		return nil, err
	}
	p, err := s.spawn(o, spec)
	if err != nil {
		return nil, err
	}
	p.release = release
	go p.run(ctx)
	return p, nil
}

// order is what supervise and enter are to do.
func (s *Sandbox) order(spec Spec, p private, user int) (order, error) {
	o := order{Args: spec.Args, Dir: filepath.Join(spec.Dir, spec.In), User: user, ABI: s.abi, Limits: spec.Limits.orDefault(), Private: p.root, Gated: s.Egress}
	o.Egress = egress{Allow: slices.Concat(s.allow, spec.Allow), Deny: s.deny, Resolvers: s.resolvers()}
	var err error
	at, tmp := home, "/tmp"
	switch s.Kind {
	case Bubblewrap:
		o.Egress.Folders = map[string]string{"/tmp": p.tmp(), "/var/tmp": p.tmp(), home: p.home()}
		o.Bwrap = s.bwrapCommand(spec, p, user)
	case Landlock:
		at, tmp = p.home(), p.tmp()
		o.Egress.Folders = map[string]string{}
		o.Egress.addFolder(tmp)
		o.Egress.addFolder(at)
		o.Rules = rules(spec, p)
		err = s.allReachable(spec, p, user)
	case None:
		err = ErrNone
	}
	o.Egress.addFolder(spec.Dir)
	o.Env = environment(spec.Env, map[string]string{"HOME": at, "TMPDIR": tmp, "PATH": "/usr/local/bin:/usr/bin:/bin"})
	return o, err
}

// allReachable checks that a user other than the server's can use all paths.
func (s *Sandbox) allReachable(spec Spec, p private, user int) error {
	if user == 0 {
		return nil
	}
	for _, path := range append([]string{spec.Dir, p.tmp()}, spec.readable()...) {
		if err := reachable(path); err != nil {
			return err
		}
	}
	return nil
}

// environment adds to env what it does not have.
func environment(env []string, defaults map[string]string) []string {
	all := append([]string{}, env...)
	for _, pair := range env {
		name, _, _ := strings.Cut(pair, "=")
		delete(defaults, name)
	}
	for name, value := range defaults {
		all = append(all, name+"="+value)
	}
	return all
}

// spawn starts the supervisor.
func (s *Sandbox) spawn(o order, spec Spec) (*Process, error) {
	file, err := o.file()
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	controlled, control, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	status, told, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, controlled.Close(), control.Close())
	}
	p := &Process{control: control, status: status, limits: o.Limits, tail: &tail{},
		interrupts: make(chan struct{}, 1), kills: make(chan struct{}), done: make(chan struct{})}
	p.cmd = exec.Command(s.starts, marker, "supervise") //nolint:gosec // this binary or its launcher
	p.cmd.Env = []string{}
	p.cmd.Dir = "/"
	p.cmd.Stdout, p.cmd.Stderr = spec.outputs(p.tail)
	p.cmd.ExtraFiles = []*os.File{file, told, controlled}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	p.cmd.WaitDelay = killWait
	err = p.cmd.Start()
	_, _ = told.Close(), controlled.Close() // they are the supervisor's now
	if err != nil {
		return nil, errors.Join(err, control.Close(), status.Close())
	}
	return p, nil
}

// outputs are the writers of the output, of which one is called at a time, as both may be
// the same. The end of what the program complains of goes to t too. A file is handed on as
// it is.
func (spec Spec) outputs(t *tail) (stdout, stderr io.Writer) {
	turn := &sync.Mutex{}
	stderr = inTurn{turn, t}
	if spec.Stderr != nil {
		stderr = inTurn{turn, io.MultiWriter(spec.Stderr, t)}
	}
	if _, isFile := spec.Stdout.(*os.File); isFile || spec.Stdout == nil {
		return spec.Stdout, stderr
	}
	return inTurn{turn, spec.Stdout}, stderr
}

// inTurn is a writer that waits for its turn.
type inTurn struct {
	turn *sync.Mutex
	to   io.Writer
}

// Write implements io.Writer.
func (w inTurn) Write(p []byte) (int, error) {
	w.turn.Lock()
	defer w.turn.Unlock()
	return w.to.Write(p)
}

// Interrupt sends SIGINT to the program, as Ctrl-C does, and kills all after the grace.
func (p *Process) Interrupt() {
	select {
	case p.interrupts <- struct{}{}:
	default: // it is on its way already
	}
}

// Kill kills the program and all its descendants now.
func (p *Process) Kill() { p.kill.Do(func() { close(p.kills) }) }

// Wait waits for the end of the program and all its descendants. An error means that the
// program could not be run; how it ended is in Exit.
func (p *Process) Wait() (Exit, error) {
	<-p.done
	return p.exit, p.err
}

// run attends to the supervisor until it has ended.
func (p *Process) run(ctx context.Context) {
	ended := make(chan error, 1)
	go func() { ended <- p.cmd.Wait() }()
	err := p.attend(ctx, ended)
	p.stop()
	told, tellErr := p.result()
	p.exit.Code, p.exit.Signal, p.exit.OutOfMemory = told.Code, told.Signal, told.OutOfMemory
	switch {
	case told.Error != "":
		p.err = fmt.Errorf("sandbox: %s", told.Error)
	case tellErr == nil: // it ended, and how it ended is known
	case p.exit.Cancelled || p.exit.TimedOut:
		p.exit.Code, p.exit.Signal = 128+int(syscall.SIGKILL), int(syscall.SIGKILL)
	default:
		p.err = fmt.Errorf("sandbox: the program was not started: %w, %s", errors.Join(err, tellErr), p.tail)
	}
	if err := p.release(); err != nil && p.err == nil {
		p.err = fmt.Errorf("sandbox: clean up: %w", err)
	}
	close(p.done)
}

// attend interrupts and kills when it is time, and returns how the supervisor ended.
func (p *Process) attend(ctx context.Context, ended <-chan error) error {
	var timeout, grace, force <-chan time.Time
	if p.limits.Time > 0 {
		timeout = time.After(p.limits.Time)
	}
	interrupt := func() { // once: at the second an engine leaves everything as it is
		if grace == nil {
			_, _ = p.control.WriteString("i") // the supervisor may have ended
			grace = time.After(p.limits.Grace)
		}
	}
	cancel, kills := ctx.Done(), p.kills
	for {
		select {
		case err := <-ended:
			return err
		case <-cancel:
			cancel, p.exit.Cancelled = nil, true
			interrupt()
		case <-p.interrupts:
			p.exit.Cancelled = true
			interrupt()
		case <-timeout:
			p.exit.TimedOut = true
			interrupt()
		case <-kills:
			kills, p.exit.Cancelled = nil, true
			p.stop()
			force = time.After(killWait)
		case <-grace:
			p.stop()
			force = time.After(killWait)
		case <-force:
			_ = p.cmd.Process.Kill() // it may have ended
		}
	}
}

// stop makes the supervisor kill everything.
func (p *Process) stop() {
	_, _ = p.control.WriteString("k") // the supervisor may have ended
	_ = p.control.Close()
}

// result reads what enter and the supervisor told; the first line counts.
func (p *Process) result() (r result, err error) {
	defer func() { _ = p.status.Close() }()
	if err := p.status.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		return r, err
	}
	err = json.NewDecoder(p.status).Decode(&r)
	return r, err
}

// tail keeps the end of what is written to it.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if extra := len(t.b) - tailSize; extra > 0 {
		t.b = t.b[:copy(t.b, t.b[extra:])]
	}
	return len(p), nil
}

func (t *tail) String() string { return strings.ToValidUTF8(strings.TrimSpace(string(t.b)), "?") }

package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"plumbline.dev/plumbline/internal/executor/masking"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/executor/sandbox"
)

// Task is a job under way.
type Task struct {
	Job proto.Job
	// Dir is the folder of the job's processes, which may have written anything into it:
	// use Root for files in it.
	Dir       string
	Root      *os.Root
	Continued bool // the folder is as the job before left it

	worker   *Worker
	folder   *folder
	slot     *slot // nil if it is not counted
	log      *shipper
	shipping sync.WaitGroup
	life     context.Context // of the worker
	ctx      context.Context // of the job
	cancel   context.CancelFunc

	mu      sync.Mutex
	ending  Ending
	killed  bool
	late    *time.Timer // kills
	process *sandbox.Process
	keep    bool
	owes    bool // something must not be lost that is not delivered yet
}

// Ending is why a job ends before it is done.
type Ending string

// The reasons.
const (
	Not      Ending = ""
	Canceled Ending = "canceled" // somebody wants so
	Gone     Ending = "gone"     // the server gave it up
	Stopped  Ending = "stopped"  // the worker ends
)

// How long a process may go on after it was interrupted. Engines write their state then,
// which OpenTofu otherwise does every 20 s.
const (
	killGrace = 3 * time.Second
	goneGrace = 30 * time.Second
)

// Orphan is how long a process may go on whose worker was killed, if its kind wants that.
const Orphan = 40 * time.Second

// Ending returns why the job is to end, if it is.
func (t *Task) Ending() Ending {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ending
}

// Life is a context that lasts longer than the job: until the worker ends.
func (t *Task) Life() context.Context { return t.life }

// Mask keeps values out of the log from now on. Call it before anything is logged.
func (t *Task) Mask(values ...string) { t.log.mask(masking.New(values...)) }

// Log is the log of the job. It may be written to by several at a time.
func (t *Task) Log() io.Writer { return t.log }

// Print writes a line to the log.
func (t *Task) Print(format string, args ...any) { _, _ = fmt.Fprintf(t.log, format+"\n", args...) }

// Flush sends what is in the log so far.
func (t *Task) Flush() { t.log.flush() }

// Keep keeps the folder for a job that comes after this one.
func (t *Task) Keep() { t.keep = true }

// Rest says that what is left to do for the job is little, such as to deliver what it made:
// the worker may begin another one.
func (t *Task) Rest() { t.slot.rest() }

// Fetch reads an input of the job. It calls read again, from the beginning of the input,
// when the connection broke.
func (t *Task) Fetch(ctx context.Context, name string, read func(io.Reader) error) error {
	return retry(ctx, "fetching "+name, func() error {
		body, err := t.worker.Server.Get(ctx, t.Job.Ticket, name)
		if err != nil {
			return err
		}
		defer func() { _ = body.Close() }()
		return read(body)
	})
}

// Put delivers a regular file of the folder as an output of the job, again and again until
// the server has it, refuses it, or ctx ends. A file that is no longer regular is refused.
func (t *Task) Put(ctx context.Context, name, path string) error {
	return retry(ctx, "delivering "+name, func() error {
		f, err := t.Open(path)
		if err != nil {
			return permanentError{err}
		}
		defer func() { _ = f.Close() }()
		return t.worker.Server.Put(ctx, t.Job.Ticket, name, f)
	})
}

// Owe says that the folder has something now that must reach the server: until Paid it is
// not removed, and a worker that starts later delivers it.
func (t *Task) Owe() { t.owes = true }

// Paid says that all is delivered.
func (t *Task) Paid() { t.owes = false }

// Open opens a file of the folder for reading, if it is a regular one: a process of the job
// may have put a link or a pipe there.
func (t *Task) Open(path string) (*os.File, error) {
	f, err := t.Root.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a file", path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Write makes a file of the folder with mode 0600. What was there before is replaced, and
// not followed if it was a link.
func (t *Task) Write(path string, content io.Reader) error {
	if err := t.Root.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := t.Root.RemoveAll(path); err != nil {
		return err
	}
	f, err := t.Root.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Close())
}

// Command is a process of a job.
type Command struct {
	sandbox.Spec
	// Orphan lets it end in good order if the worker is killed: it is interrupted, and
	// killed after Orphan.
	Orphan bool
}

// Exec runs a process in the sandbox, in the folder of the job. When the job is to end, it
// is interrupted or killed, and no other is started: the Exit is Cancelled then.
func (t *Task) Exec(c Command) (sandbox.Exit, error) {
	p, err := t.start(c)
	if err != nil || p == nil {
		return sandbox.Exit{Code: 130, Cancelled: true}, err
	}
	exit, err := p.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.process = nil
	return exit, err
}

// start starts a process, nil if the job is to end.
func (t *Task) start(c Command) (*sandbox.Process, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.killed || t.ending != Not {
		return nil, nil
	}
	c.Dir = t.Dir
	if c.Orphan {
		c.Limits.Orphan = Orphan
	}
	p, err := t.worker.Sandbox.Start(t.life, c.Spec)
	if err == nil {
		t.process = p
	}
	return p, err
}

// obey does what the server orders.
func (t *Task) obey(c proto.Cancel) {
	switch c {
	case proto.GoOn:
	case proto.Interrupt:
		t.interrupt(Canceled)
	case proto.Kill:
		t.interrupt(Canceled)
		t.killAfter(killGrace)
	}
}

// stop ends the job because the worker ends.
func (t *Task) stop() { t.interrupt(Stopped) }

// gone ends the job because nobody waits for it.
func (t *Task) gone() {
	if t.Ending() == Gone {
		return
	}
	slog.WarnContext(t.life, "the server has given up a job that is under way here", "job", t.Job.ID)
	t.interrupt(Gone)
	t.cancel()
	t.killAfter(goneGrace)
}

// interrupt interrupts the process, once.
func (t *Task) interrupt(why Ending) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ending != Not {
		return
	}
	t.ending = why
	if t.process != nil {
		t.process.Interrupt()
	}
}

// kill kills the process.
func (t *Task) kill() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.killed = true
	if t.process != nil {
		t.process.Kill()
	}
}

func (t *Task) killAfter(grace time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.late == nil {
		t.late = time.AfterFunc(grace, t.kill)
	}
}

// end sends what is left of the log, tells the server the result, and disposes of the folder.
func (t *Task) end(r proto.Result) {
	defer t.forget()
	t.log.close()
	t.shipping.Wait()
	if t.Ending() != Gone && r.Outcome != proto.Lost { // Lost: the server takes it back when this worker leaves
		err := retry(t.life, "ending a job", func() error { return t.worker.Server.Finish(t.life, t.Job.Ticket, r) })
		if err != nil && !errors.Is(err, proto.ErrGone) {
			slog.ErrorContext(t.life, "the server did not hear the end of a job", "job", t.Job.ID, "outcome", r.Outcome, "err", err)
			t.owes = t.owes || !isPermanent(err)
		}
	}
}

// forget closes the task and disposes of its folder.
func (t *Task) forget() {
	t.cancel()
	if t.late != nil {
		t.late.Stop()
	}
	t.worker.mu.Lock()
	delete(t.worker.tasks, t)
	t.worker.mu.Unlock()
	_ = t.Root.Close()
	if t.owes || t.life.Err() != nil {
		t.folder.forget()
		return
	}
	t.folder.release(t.keep)
}

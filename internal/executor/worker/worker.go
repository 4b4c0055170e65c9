// Package worker does the jobs that a server gives out: it claims them, keeps them alive,
// ships their logs, obeys when they are to end, and brings back what they made. What a job
// is about, a Kind knows.
//
// A worker expects the server to be away at any time: the process of a job goes on, and
// what is to be told is told later. The surprising rule: a job leaves a folder behind until
// the server has everything, so a worker that was killed finds at its next start what it
// owes, such as the state of an apply.
package worker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/executor/sandbox"
	"plumbline.dev/plumbline/internal/kernel/config"
)

// Worker runs jobs. Fill in the fields and call Run once.
type Worker struct {
	Server proto.Server
	Name   string // for people, such as the name of the machine
	Dir    string // folder of its own, on disk; another process with the same folder is refused
	Slots  int    // jobs at the same time, less those that rest
	// Background is how many of the kinds that are Background are done at the same time,
	// beside those in Slots, so that these never wait for them; 0 is none.
	Background int
	Sandbox    *sandbox.Sandbox // where their processes run
	Kinds      map[string]Kind
	Grace      time.Duration // how long jobs may go on after Run was told to end, before they are interrupted

	folders *folders
	mu      sync.Mutex
	tasks   map[*Task]bool
}

// Kind is a sort of jobs.
type Kind interface {
	// Folder names the folder of a job, by a name that is safe in a file system; jobs with
	// the same folder wait for each other. If the folder is still there as the job after
	// left it, Task.Continued is set; else it is empty.
	Folder(job proto.Job) (name, after string, err error)
	// Run does a job. The context ends when there is nobody left to do it for.
	Run(ctx context.Context, t *Task) proto.Result
	// Recover finds out what became of a job whose worker was killed, in its folder, and
	// delivers it. No process of the job is left.
	Recover(ctx context.Context, t *Task) proto.Result
}

// Background is what a Kind is if its jobs never keep others waiting.
type Background interface{ Background() }

const (
	claimWait   = 50 * time.Second
	stopTime    = 25 * time.Second // from the interruption of jobs until they are killed, when a worker ends
	recoverTime = 20 * time.Second
	endTime     = 15 * time.Second // from then until what is not delivered is left for the next start
)

// Run works until ctx ends, and then until the jobs under way have ended: after Grace they
// are interrupted, then killed. It fails if it cannot use its folder or the server refuses
// it. Where no sandbox works it refuses every job, with the reason.
func (w *Worker) Run(ctx context.Context) error {
	f, err := openFolders(w.Dir)
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	defer f.close()
	w.folders, w.tasks = f, map[*Task]bool{}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	var jobs sync.WaitGroup
	w.recover(ctx, life, &jobs)
	id, err := w.register(ctx, w.folders.executor())
	if err == nil {
		id, err = w.claimAll(ctx, life, id, &jobs)
	}
	w.drain(&jobs, end)
	if ctx.Err() != nil {
		err = nil
	}
	if id == "" || err != nil {
		return err
	}
	bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := w.Server.Leave(bye, id); err != nil {
		slog.WarnContext(bye, "the server does not know that this executor has ended", "err", err)
	}
	return nil
}

// kinds are those that are done in the background, or the others.
func (w *Worker) kinds(background bool) []string {
	var kinds []string
	for name, kind := range w.Kinds {
		if _, is := kind.(Background); is == background {
			kinds = append(kinds, name)
		}
	}
	slices.Sort(kinds)
	return kinds
}

// identity is who the worker is for the server; both loops of claims use it.
type identity struct {
	mu sync.Mutex
	id string
}

func (i *identity) get() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.id
}

// renew registers again, unless somebody did since the id was old.
func (i *identity) renew(ctx context.Context, w *Worker, old string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.id != old {
		return nil
	}
	id, err := w.register(ctx, "")
	i.id = id
	return err
}

// claimAll takes jobs until ctx ends, each sort in slots of its own. It returns the latest
// id of the executor.
func (w *Worker) claimAll(ctx, life context.Context, id string, jobs *sync.WaitGroup) (string, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	who := &identity{id: id}
	slots := max(1, w.Slots)
	var loops sync.WaitGroup
	loop := func(kinds []string, slots int) {
		if len(kinds) == 0 || slots == 0 {
			return
		}
		if err := w.claims(ctx, life, who, kinds, slots, jobs); err != nil {
			stop(err)
		}
	}
	loops.Go(func() { loop(w.kinds(true), w.Background) })
	loop(w.kinds(false), slots)
	loops.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return who.get(), err
	}
	return who.get(), nil
}

// claims takes jobs of some kinds while there is a slot free, until ctx ends.
func (w *Worker) claims(ctx, life context.Context, who *identity, kinds []string, n int, jobs *sync.WaitGroup) error {
	slots, rests := make(chan struct{}, n), make(chan struct{}, n)
	back, ref := backoff{}, rand.Text()
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		id := who.get()
		job, err := w.Server.Claim(ctx, id, proto.Claim{Kinds: kinds, Wait: claimWait, Ref: ref})
		if job != nil {
			back, ref = backoff{}, rand.Text()
			jobs.Go(func() {
				s := &slot{work: slots, rests: rests}
				defer s.leave()
				w.do(ctx, life, *job, s)
			})
			continue
		}
		<-slots
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, proto.ErrGone):
			// As a new one: registered again, it would lose the jobs that it has.
			slog.WarnContext(ctx, "the server does not know this executor any more")
			if err := who.renew(ctx, w, id); err != nil {
				return err
			}
		case err != nil:
			slog.WarnContext(ctx, "asking for a job", "err", err)
			back.wait(ctx)
		default:
			back = backoff{}
		}
	}
}

// slot is the place of a job among those at the same time.
type slot struct {
	work, rests chan struct{}
	resting     bool
}

// rest lets another job begin, unless too many rest already.
func (s *slot) rest() {
	if s == nil || s.resting {
		return
	}
	select {
	case s.rests <- struct{}{}:
		s.resting = true
		<-s.work
	default:
	}
}

// leave frees the slot.
func (s *slot) leave() {
	if s.resting {
		<-s.rests
		return
	}
	<-s.work
}

// register makes the worker known to the server, as the one with an id if it has one.
func (w *Worker) register(ctx context.Context, id string) (string, error) {
	who := proto.Executor{ID: id, Name: w.Name, Version: config.Version, OS: runtime.GOOS, Arch: runtime.GOARCH,
		Sandbox: fmt.Sprintf("%s: %s", w.Sandbox.Kind, w.Sandbox.Why)}
	var r proto.Registration
	err := retry(ctx, "registering this executor", func() (err error) {
		r, err = w.Server.Register(ctx, who)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("registering with the server: %w", err)
	}
	return r.ID, w.folders.setExecutor(r.ID)
}

// do runs one job from its claim to its end.
func (w *Worker) do(ctx, life context.Context, job proto.Job, s *slot) {
	log := slog.With("job", job.ID, "attempt", job.Attempt, "kind", job.Kind)
	kind, ok := w.Kinds[job.Kind]
	if !ok {
		log.ErrorContext(ctx, "a job of a kind that was not asked for")
		return
	}
	if w.Sandbox.Kind == sandbox.None {
		w.refuse(life, job, fmt.Errorf("runs cannot be isolated on this machine, so nothing is run: %s", w.Sandbox.Why))
		return
	}
	name, after, err := kind.Folder(job)
	if err != nil {
		w.refuse(life, job, err)
		return
	}
	f, err := w.folders.take(life, name, after, job)
	if err != nil {
		w.refuse(life, job, err)
		return
	}
	began := time.Now()
	t, err := w.open(life, job, f)
	if err != nil {
		f.release(false)
		w.refuse(life, job, err)
		return
	}
	t.slot = s
	result := t.run(kind.Run)
	t.end(result)
	log.InfoContext(ctx, "job done", "outcome", result.Outcome, "took", time.Since(began).Round(time.Millisecond), "err", result.Error)
}

// refuse ends a job that could not begin.
func (w *Worker) refuse(ctx context.Context, job proto.Job, err error) {
	slog.ErrorContext(ctx, "a job cannot begin", "job", job.ID, "err", err)
	_ = retry(ctx, "refusing a job", func() error { // the lease ends it otherwise
		return w.Server.Finish(ctx, job.Ticket, proto.Result{Outcome: proto.Errored, Error: "the executor could not begin: " + err.Error()})
	})
}

// recover takes up what workers before this one left behind. It waits a while for that:
// once the worker has registered, the server takes these jobs for lost.
func (w *Worker) recover(ctx, life context.Context, jobs *sync.WaitGroup) {
	var first sync.WaitGroup
	for _, f := range w.folders.left() {
		kind, ok := w.Kinds[f.Kind]
		if !ok {
			slog.WarnContext(life, "a folder of a job of an unknown kind stays where it is", "folder", f.path)
			f.forget()
			continue
		}
		first.Add(1)
		jobs.Go(func() {
			defer first.Done()
			slog.WarnContext(life, "a worker was killed while it had this job: delivering what is left of it", "job", f.Ticket.ID, "folder", f.path)
			endProcesses(life, f.path)
			t, err := w.open(life, proto.Job{Ticket: f.Ticket, Kind: f.Kind}, f)
			if err != nil {
				slog.ErrorContext(life, "a folder of a job cannot be used", "folder", f.path, "err", err)
				f.forget()
				return
			}
			t.end(t.run(kind.Recover))
		})
	}
	done := make(chan struct{})
	go func() { first.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(recoverTime):
	case <-ctx.Done():
	}
}

// drain waits for the jobs, and makes them end.
func (w *Worker) drain(jobs *sync.WaitGroup, end func()) {
	done := make(chan struct{})
	go func() { jobs.Wait(); close(done) }()
	for _, step := range []struct {
		after time.Duration
		do    func()
	}{
		{w.Grace, func() { w.each((*Task).stop) }},
		{stopTime, func() { w.each((*Task).kill) }},
		{endTime, end},
	} {
		select {
		case <-done:
			return
		case <-time.After(step.after):
			step.do()
		}
	}
	<-done
}

func (w *Worker) each(do func(*Task)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for t := range w.tasks {
		do(t)
	}
}

// open makes the task of a job in its folder.
func (w *Worker) open(life context.Context, job proto.Job, f *folder) (*Task, error) {
	dir := filepath.Join(f.path, "run")
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(life)
	t := &Task{Job: job, Dir: dir, Root: root, Continued: f.continued, worker: w, folder: f, life: life, ctx: ctx, cancel: cancel}
	if t.log, err = openShipper(filepath.Join(f.path, "log"), t); err != nil {
		cancel()
		return nil, errors.Join(err, root.Close())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tasks[t] = true
	return t, nil
}

// run calls do, which must not take the worker down.
func (t *Task) run(do func(context.Context, *Task) proto.Result) (r proto.Result) {
	t.shipping.Go(func() { t.log.run(t.life) })
	defer func() {
		if p := recover(); p != nil {
			slog.ErrorContext(t.life, "a job panicked", "job", t.Job.ID, "panic", p, "stack", string(debug.Stack()))
			r = proto.Result{Outcome: proto.Errored, Error: "the executor failed"}
		}
	}()
	return do(t.ctx, t)
}

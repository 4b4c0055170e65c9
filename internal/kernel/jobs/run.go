package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"plumbline.dev/plumbline/internal/kernel/db"
)

// Finished jobs are kept this long, for whoever looks into the table.
const (
	keepCompleted = time.Hour
	keepDiscarded = 7 * 24 * time.Hour
)

// Run works on jobs until ctx ends. Then it takes no more, and returns when those
// that run have ended or the grace is over; what is cut off is tried again.
func (q *Queue) Run(ctx context.Context) error {
	if len(q.handlers) == 0 {
		<-ctx.Done()
		return nil
	}
	w := &waker{}
	config := q.config()
	client, err := river.NewClient(driver{driverOf(q.db), w}, config)
	if err != nil {
		return err
	}
	jobs := context.WithoutCancel(ctx) // the end of ctx must not end running jobs
	if err := client.Start(jobs); err != nil {
		return fmt.Errorf("starting jobs: %w", err)
	}
	q.running.Store(w)
	for name := range config.Queues {
		w.wake(jobs, name) // for what was enqueued since the first look
	}
	<-ctx.Done()
	q.running.Store(nil)
	grace, cancel := context.WithTimeout(jobs, q.Grace)
	defer cancel()
	if client.Stop(grace) == nil {
		return nil
	}
	slog.WarnContext(ctx, "jobs are cut off: they run longer than the grace", "grace", q.Grace)
	last, cancel := context.WithTimeout(jobs, 5*time.Second)
	defer cancel()
	return client.StopAndCancel(last)
}

func (q *Queue) config() *river.Config {
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker{queue: q})
	c := &river.Config{
		Workers: workers, Queues: map[string]river.QueueConfig{}, PollOnly: true, Logger: logger,
		FetchCooldown: min(q.Poll, 20*time.Millisecond), FetchPollInterval: q.Poll,
		JobTimeout: -1, RescueStuckJobsAfter: q.Lost, // each kind has its own timeout: worker.Timeout
		CompletedJobRetentionPeriod: keepCompleted, DiscardedJobRetentionPeriod: keepDiscarded,
	}
	if !q.db.Postgres() {
		c.ReindexerSchedule = river.NeverSchedule() // it names indexes that River has on PostgreSQL only
	}
	for _, h := range q.handlers {
		if h.workers > 0 {
			c.Queues[h.queue] = river.QueueConfig{MaxWorkers: h.workers}
		} else if _, ok := c.Queues[h.queue]; !ok {
			c.Queues[h.queue] = river.QueueConfig{MaxWorkers: q.Workers}
		}
	}
	for _, s := range q.sweeps {
		c.PeriodicJobs = append(c.PeriodicJobs, river.NewPeriodicJob(river.PeriodicInterval(s.interval), func() (river.JobArgs, *river.InsertOpts) {
			e, opts := q.handlers[s.name].envelope(s.name, json.RawMessage("{}"))
			opts.UniqueOpts = unfinished
			return e, opts
		}, &river.PeriodicJobOpts{RunOnStart: true}))
	}
	return c
}

// worker does what the envelopes of River's table ask for.
type worker struct {
	river.WorkerDefaults[envelope]
	queue *Queue
}

// Timeout is when River may take the job for lost with its node. Work ends jobs
// before, so that none is rescued while it runs.
func (w *worker) Timeout(job *river.Job[envelope]) time.Duration {
	h, ok := w.queue.handlers[job.Args.Job]
	if !ok {
		return 24 * time.Hour // a kind of another release; nobody here knows how long it may take
	}
	return h.timeout + w.queue.Lost
}

// Work implements river.Worker.
func (w *worker) Work(ctx context.Context, job *river.Job[envelope]) error {
	kind := job.Args.Job
	h, ok := w.queue.handlers[kind]
	if !ok {
		slog.InfoContext(ctx, "job put back: this node does not know its kind", "job", job.ID, "kind", kind)
		return river.JobSnooze(w.queue.postpone)
	}
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	err := h.call(ctx, job.Args.Args)
	if err != nil {
		slog.WarnContext(ctx, "job failed", "job", job.ID, "kind", kind, "attempt", job.Attempt, "attempts", job.MaxAttempts, "err", err)
	}
	return err
}

// call makes a panic an error.
func (h handler) call(ctx context.Context, args json.RawMessage) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return h.do(ctx, args)
}

// Wait returns when no job is running or due within seconds, for tests. Jobs that
// are to start later, or to be tried again after a longer pause, do not count.
func (q *Queue) Wait(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		n, err := db.One[int](ctx, q.db, `SELECT count(*) FROM river_job WHERE state IN ('available', 'running', 'pending')`)
		if err != nil || n == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d jobs have not finished: %w", n, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// logger passes on what River has to complain of. It does not repeat the failures of
// jobs, which Work reports with more, and it leaves out what the end of Run cuts off.
var logger = slog.New(complaints{})

type complaints struct{}

func (complaints) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

func (complaints) Handle(ctx context.Context, r slog.Record) error {
	cut := false
	r.Attrs(func(a slog.Attr) bool {
		cut = cut || a.Value.String() == context.Canceled.Error()
		return !cut
	})
	if cut || strings.Contains(r.Message, "JobExecutor: Job errored") {
		return nil
	}
	return slog.Default().Handler().Handle(ctx, r)
}

func (c complaints) WithAttrs([]slog.Attr) slog.Handler { return c }

func (c complaints) WithGroup(string) slog.Handler { return c }

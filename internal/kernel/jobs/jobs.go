// Package jobs does later what a change asks for now. A job is enqueued in the
// transaction of the change, so it exists if and only if the change does; it runs at
// least once, on any node, and is tried again with growing pauses when it fails.
//
// It wraps River, which knows one kind of job only: an envelope with the kind and the
// arguments. So a node that meets a kind of a newer release puts the job back, where
// River itself would count a failure and at last throw the job away.
package jobs

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"

	"plumbline.dev/plumbline/internal/kernel/db"
)

// Args are the arguments of one kind of job. They are stored as JSON, and a node of
// another release may read them: fields are added, never renamed.
type Args interface{ Kind() string }

// Queue takes jobs and works on them.
type Queue struct {
	// Change these before Run.

	Workers int           // jobs at a time on this node, for each queue name
	Poll    time.Duration // pause between two looks for jobs that other nodes have enqueued
	Grace   time.Duration // how long running jobs may go on after Run was told to end
	Lost    time.Duration // how long after its timeout a running job counts as lost with its node

	db       *db.DB
	handlers map[string]handler
	sweeps   []sweep
	inserter *river.Client[*sql.Tx]
	running  atomic.Pointer[waker]
	postpone time.Duration // of a job whose kind this node does not know
}

// New returns a queue in d. Migrate makes its tables.
func New(d *db.DB) (*Queue, error) {
	inserter, err := river.NewClient(driverOf(d), &river.Config{Logger: logger})
	return &Queue{
		Workers: 10, Poll: time.Second, Grace: 20 * time.Second, Lost: time.Minute,
		db: d, handlers: map[string]handler{}, inserter: inserter, postpone: 30 * time.Second,
	}, err
}

// driverOf returns River's driver for the engine of d.
func driverOf(d *db.DB) riverdriver.Driver[*sql.Tx] {
	if d.Postgres() {
		return riverdatabasesql.New(d.Pool())
	}
	return riversqlite.New(d.Pool())
}

// handler is what is known of a kind.
type handler struct {
	do       func(ctx context.Context, args json.RawMessage) error
	timeout  time.Duration
	queue    string
	workers  int // of the queue, 0 is the Queue's
	attempts int
}

// Option adjusts a kind of job.
type Option func(*handler)

// Timeout is how long a job of the kind may take; the default is one minute.
func Timeout(d time.Duration) Option { return func(h *handler) { h.timeout = d } }

// Attempts is how often a job of the kind is tried; the default is 10. The pause
// before attempt n+1 is about n⁴ seconds, so that ten attempts take four hours.
func Attempts(n int) Option { return func(h *handler) { h.attempts = n } }

// InQueue gives the kind workers of its own, shared with the kinds of the same name:
// letters, digits, "-" and "_". Slow kinds do not hold up others that way.
func InQueue(name string) Option { return func(h *handler) { h.queue = name } }

// Workers is how many jobs a node runs at a time of those that share the kind's
// queue, for kinds that need much memory.
func Workers(n int) Option { return func(h *handler) { h.workers = n } }

// Handle says what to do with the jobs of A's kind. An error or a panic is logged,
// and the job is tried again; so do must bear to run twice. Call it before Run.
func Handle[A Args](q *Queue, do func(ctx context.Context, args A) error, opts ...Option) {
	var zero A
	q.handle(zero.Kind(), func(ctx context.Context, raw json.RawMessage) error {
		var args A
		if err := json.Unmarshal(raw, &args); err != nil {
			return fmt.Errorf("reading the arguments: %w", err)
		}
		return do(ctx, args)
	}, opts)
}

func (q *Queue) handle(kind string, do func(context.Context, json.RawMessage) error, opts []Option) {
	if _, ok := q.handlers[kind]; ok {
		panic("jobs: two handlers for " + kind)
	}
	h := handler{do: do, timeout: time.Minute, queue: river.QueueDefault, attempts: 10}
	for _, set := range opts {
		set(&h)
	}
	q.handlers[kind] = h
}

// sweep is work that is due at intervals.
type sweep struct {
	name     string
	interval time.Duration
}

// Every runs do at intervals on one of the nodes, first when a node takes the lead,
// which is soon after its start. A sweep that is still running is not started again,
// and one that failed waits for its next turn. Call it before Run.
func (q *Queue) Every(name string, interval time.Duration, do func(ctx context.Context) error, opts ...Option) {
	opts = append([]Option{Attempts(1)}, opts...)
	q.handle(name, func(ctx context.Context, _ json.RawMessage) error { return do(ctx) }, opts)
	q.sweeps = append(q.sweeps, sweep{name, interval})
}

// envelope is the only kind of job that River sees.
type envelope struct {
	Job  string          `json:"job" river:"unique"` // the kind
	Key  string          `json:"key,omitempty" river:"unique"`
	Args json.RawMessage `json:"args"`
}

// Kind implements river.JobArgs.
func (envelope) Kind() string { return "plumbline" }

// When adjusts one job.
type When func(*envelope, *river.InsertOpts)

// Once drops the job if one of its kind with the same key has not finished yet: it
// waits, runs, or will be tried again.
func Once(key string) When {
	return func(e *envelope, o *river.InsertOpts) { e.Key, o.UniqueOpts = key, unfinished }
}

var unfinished = river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{rivertype.JobStateAvailable, rivertype.JobStatePending,
	rivertype.JobStateRunning, rivertype.JobStateScheduled, rivertype.JobStateRetryable}}

// At delays the job until t; it may start five seconds late.
func At(t time.Time) When {
	return func(_ *envelope, o *river.InsertOpts) {
		if t.After(time.Now()) { // else it would wait for the next round of what is scheduled
			o.ScheduledAt = t
		}
	}
}

// Enqueue adds a job, as part of the transaction of ctx if it has one. The kind must
// have a handler.
func (q *Queue) Enqueue(ctx context.Context, args Args, when ...When) error {
	h, ok := q.handlers[args.Kind()]
	if !ok {
		return fmt.Errorf("jobs: no handler for %s", args.Kind())
	}
	raw, err := json.Marshal(args)
	if err != nil {
		return err
	}
	e, opts := h.envelope(args.Kind(), raw)
	for _, set := range when {
		set(&e, opts)
	}
	if tx := q.db.SQLTx(ctx); tx != nil {
		_, err = q.inserter.InsertTx(ctx, tx, e, opts)
	} else {
		_, err = q.inserter.Insert(ctx, e, opts)
	}
	if err != nil {
		return fmt.Errorf("enqueuing %s: %w", args.Kind(), err)
	}
	if w := q.running.Load(); w != nil && opts.ScheduledAt.IsZero() {
		q.db.AfterCommit(ctx, func() { w.wake(ctx, h.queue) })
	}
	return nil
}

func (h handler) envelope(kind string, args json.RawMessage) (envelope, *river.InsertOpts) {
	return envelope{Job: kind, Args: args}, &river.InsertOpts{Queue: h.queue, MaxAttempts: h.attempts}
}

// Package dispatch hands jobs to executors: the workers inside the server and the agents
// of agent pools. A job waits, is claimed for a time that every report extends, and ends
// once: by its executor, by a cancellation, or as lost when the lease expires.
//
// Rows alone decide, so that several nodes work as one does. The surprising rule: an
// attempt that was given up can change nothing any more, with one exception: the state
// that an apply left behind is still taken, because nobody else has it.
package dispatch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"plumbline.dev/plumbline/internal/delivery/agentpools"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// Job is work for an executor.
type Job struct {
	ID          string       `db:"id"`
	OrgID       string       `db:"org_id"`
	WorkspaceID *string      `db:"workspace_id"` // nil: of none
	PoolID      *string      `db:"pool_id"`      // whose agents take it; nil: workers of the server
	Kind        string       `db:"kind"`
	Subject     string       `db:"subject"` // id of the plan, apply, … that it is for; one job at a time
	Log         string       `db:"log"`     // id of its log stream, "" has none
	Priority    int          `db:"priority"`
	Prefer      string       `db:"prefer"` // executor that takes it most cheaply, "" is any
	Status      Status       `db:"status"`
	Attempt     int          `db:"attempt"`
	Losses      int          `db:"losses"`
	ExecutorID  string       `db:"executor_id"` // of the last attempt
	Ref         string       `db:"ref"`
	Cancel      proto.Cancel `db:"cancel"`
	LeaseUntil  *db.Time     `db:"lease_until"`
	Outcome     string       `db:"outcome"`
	QueuedAt    db.Time      `db:"queued_at"`
	ClaimedAt   *db.Time     `db:"claimed_at"`
	EndedAt     *db.Time     `db:"ended_at"`
}

// Status is where a job stands.
type Status string

// The statuses.
const (
	Queued  Status = "queued"
	Claimed Status = "claimed"
	Ended   Status = "ended"
)

// Priorities of jobs: of an organization's jobs the highest comes first.
const (
	Background  = 0
	Speculative = 10
	Planning    = 20
	Applying    = 30
)

// Late reports whether an executor that holds the job no more still delivers what it has.
func (j Job) Late() bool { return j.Status == Ended }

func (j Job) pool() string { return db.Text(j.PoolID) }

// Kind is what a kind of job does on the server.
type Kind struct {
	// Lock takes the locks that the kind's changes need, in the order that all take them,
	// before the job itself is locked. Nil locks the workspace, if the job has one.
	Lock func(ctx context.Context, j Job) error
	// Spec is what the executor gets, made when the job was claimed, outside a transaction.
	// A problem ends the job as errored with its words.
	Spec func(ctx context.Context, j Job) (any, error)
	// Claimed is called in the transaction of each claim.
	Claimed func(ctx context.Context, j Job) error
	// Get opens an input.
	Get func(ctx context.Context, j Job, name string) (io.ReadCloser, error)
	// Put stores an output; j.Late tells that the job has ended already.
	Put func(ctx context.Context, j Job, name string, body io.Reader) error
	// Finished is called in the transaction that ends the job, however it ends.
	Finished func(ctx context.Context, j Job, r proto.Result) error
	// Requeued is called in the transaction that queues a claimed job again.
	Requeued func(ctx context.Context, j Job) error
	// Retries is how often a lost job is queued again.
	Retries int
	// TakesLate names the outputs that are taken for a day after the job was given up.
	TakesLate []string
}

// Logs keeps the texts of jobs.
type Logs interface {
	// Append adds text at an offset, which counts what the present writer sent, less what
	// is there already. It is called outside of transactions.
	Append(ctx context.Context, id string, offset int64, text []byte) (watched bool, err error)
	// Say adds a line of the server itself.
	Say(ctx context.Context, id, line string) error
	// Watched reports whether somebody reads a log.
	Watched(id string) bool
	// Restart adds a line of the server, after which another writer begins at 0.
	Restart(ctx context.Context, id, line string) error
}

// Feature hands out jobs.
type Feature struct {
	DB         *db.DB
	Bus        *events.Bus
	Workspaces *workspaces.Feature
	Agents     *agentpools.Feature
	Tokens     *tokens.Store
	// Used is told of each request of an agent.
	Used func(ctx context.Context, t tokens.Token)
	// Logs keeps the texts of jobs; nil throws them away.
	Logs Logs
	// Limit is how many jobs of an organization the workers of the server do at a time;
	// 0 is no limit. Agents have no limit but their own number.
	Limit int

	router  *api.Router
	kinds   map[string]Kind
	waiting waiting
	hearing hearing
	claims  sync.Map // pool → *sync.Mutex
	pings   pings
}

// Handle says what a kind of job does. Call it before anything runs.
func (f *Feature) Handle(kind string, k Kind) {
	if f.kinds == nil {
		f.kinds = map[string]Kind{}
	}
	if _, ok := f.kinds[kind]; ok {
		panic("dispatch: two handlers for " + kind)
	}
	f.kinds[kind] = k
}

// topic tells of queued jobs; the id of an event is the pool, the kind and who is preferred.
const topic = "dispatch"

// Enqueue adds a job to the queue of its pool, as part of the transaction of ctx, and
// returns its id. A subject has one job at a time.
func (f *Feature) Enqueue(ctx context.Context, j Job) (string, error) {
	if _, ok := f.kinds[j.Kind]; !ok {
		return "", fmt.Errorf("dispatch: no handler for %s", j.Kind)
	}
	j.ID, j.Status, j.QueuedAt = id.New("job"), Queued, db.Now()
	if err := f.DB.Insert(ctx, "dispatch_jobs", j); err != nil {
		return "", err
	}
	f.announce(ctx, j)
	return j.ID, nil
}

// announce wakes who waits for such a job, on any node.
func (f *Feature) announce(ctx context.Context, j Job) {
	f.Bus.Publish(ctx, topic, j.pool()+"/"+j.Kind+"/"+j.Prefer)
}

// errMoved tells that a job is no longer as it was when its change began.
var errMoved = errors.New("the job has moved on")

// change calls do in a transaction that holds what the job's kind locks, and the job, if
// the job is still in the attempt and status of j; else it is errMoved. So it is for a
// kind that only other nodes know, which are of another version.
func (f *Feature) change(ctx context.Context, j Job, do func(ctx context.Context, j Job) error) error {
	if _, ok := f.kinds[j.Kind]; !ok {
		return errMoved
	}
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		if err := f.lock(ctx, j); err != nil {
			return err
		}
		now, err := db.One[Job](ctx, f.DB, `SELECT {} FROM dispatch_jobs WHERE id = ?`+f.DB.ForUpdate(), j.ID)
		if err != nil {
			return err
		}
		if now.Status != j.Status || now.Attempt != j.Attempt {
			return errMoved
		}
		return do(ctx, now)
	})
}

func (f *Feature) lock(ctx context.Context, j Job) error {
	if lock := f.kinds[j.Kind].Lock; lock != nil {
		return lock(ctx, j)
	}
	if j.WorkspaceID == nil || f.Workspaces == nil {
		return nil
	}
	_, err := f.Workspaces.Lock(ctx, *j.WorkspaceID)
	return err
}

// Last returns the newest job of a subject; the zero Job if it has none (any more).
func (f *Feature) Last(ctx context.Context, subject string) (Job, error) {
	j, err := db.One[Job](ctx, f.DB, `SELECT {} FROM dispatch_jobs WHERE subject = ? ORDER BY queued_at DESC, id LIMIT 1`, subject)
	if errors.Is(err, problem.NotFound) {
		return Job{}, nil
	}
	return j, err
}

// Find returns the job with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Job, error) {
	return db.One[Job](ctx, f.DB, `SELECT {} FROM dispatch_jobs WHERE id = ?`, id)
}

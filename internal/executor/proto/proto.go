// Package proto is the contract between the server and whoever runs engines for it: the
// workers inside the server and `plumbline agent` on other machines. Both drive the same
// Server; for an agent it is a client over HTTPS, inside the server it is the code behind it.
//
// An executor claims a job and holds it by a lease, which every report extends. The
// surprising rule: a report names the attempt that it speaks for, so that an executor that
// was given up, and comes back, can change nothing any more; it is answered ErrGone.
package proto

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"
)

// Base is where the endpoints of the contract lie on a server. All are called with the
// token of an agent pool.
//
//	POST {Base}/executors                        Register → Registration
//	DELETE {Base}/executors/{id}                 Leave
//	POST {Base}/executors/{id}/claim             Claim: 200 with a Job, 204 if there is none; a long poll
//	POST {Base}/jobs/{id}/report                 Report → Orders; the body is the log, the query says attempt and offset
//	GET  {Base}/jobs/{id}/orders                 Orders; the query says the attempt, what is known, and how many seconds to wait; a long poll
//	GET  {Base}/jobs/{id}/objects/{name}         Get; the query says the attempt
//	PUT  {Base}/jobs/{id}/objects/{name}         Put; the query says the attempt
//	POST {Base}/jobs/{id}/finish                 Finish; the query says the attempt
//
// ErrGone is status 410. Other errors of the client are 4xx, with a
// JSON:API error object; after 5xx and broken connections it tries again.
const Base = "/api/agent/v1"

// ErrGone is what an executor hears that no longer holds the job. It stops what it
// does for it and forgets it. As the answer to a claim it says that the server does not
// know the executor (any more), which then registers again.
var ErrGone = errors.New("the job is no longer held by this executor")

// Lease is how long a job is held without a report. After it the job is lost: given to
// another, or ended as errored, as its kind says.
const Lease = 60 * time.Second

// Beat is how often an executor reports at least.
const Beat = 10 * time.Second

// Server is what an executor asks of the server. Every method may be repeated after an
// error: a report, an upload and an end that were received already change nothing.
type Server interface {
	// Register makes an executor known, under its id if it was known before.
	Register(ctx context.Context, who Executor) (Registration, error)
	// Leave says that the executor ends in an orderly way.
	Leave(ctx context.Context, executorID string) error
	// Claim waits for a job of one of the kinds, about as long as wait. It returns nil if
	// there is none.
	Claim(ctx context.Context, executorID string, c Claim) (*Job, error)
	// Report extends the lease, appends log text at the offset, and returns what to do. The
	// offset is the number of bytes of this attempt sent so far; text that the server has
	// already is ignored.
	Report(ctx context.Context, job Ticket, offset int64, log []byte) (Orders, error)
	// Orders waits for orders other than those that are known, about as long as wait. It
	// does not extend the lease.
	Orders(ctx context.Context, job Ticket, known Orders, wait time.Duration) (Orders, error)
	// Get opens an input of the job, such as "archive".
	Get(ctx context.Context, job Ticket, name string) (io.ReadCloser, error)
	// Put stores an output of the job, such as "state". A later one of the same name replaces it.
	Put(ctx context.Context, job Ticket, name string, body io.Reader) error
	// Finish ends the job. All of the log must have been reported.
	Finish(ctx context.Context, job Ticket, r Result) error
}

// Executor describes itself.
type Executor struct {
	ID      string `json:"id,omitempty"` // given by an earlier Register; "" is a new one
	Name    string `json:"name"`
	Version string `json:"version"` // of plumbline
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Sandbox string `json:"sandbox"` // kind of isolation and what it lacks, one line
}

// Registration is the answer to Register.
type Registration struct {
	ID string `json:"id"`
}

// Claim says what an executor can do.
type Claim struct {
	Kinds []string      `json:"kinds"`
	Wait  time.Duration `json:"wait"` // nanoseconds; at most 50 s
	// Ref is the executor's own name for this claim, new for each. A claim that is repeated
	// because its answer got lost names the same, and gets the job that was handed out then.
	Ref string `json:"ref,omitempty"`
}

// Ticket names a job that is held.
type Ticket struct {
	ID      string `json:"id"`
	Attempt int    `json:"attempt"` // from 1
}

// Job is work for an executor.
type Job struct {
	Ticket
	Kind string          `json:"kind"`
	Spec json.RawMessage `json:"spec"` // by kind, such as Plan
}

// Cancel is how urgently a job is to end.
type Cancel string

// The urgencies.
const (
	GoOn      Cancel = ""          // nobody wants it to end
	Interrupt Cancel = "interrupt" // as if by Ctrl-C: finish what is safe, keep the state
	Kill      Cancel = "kill"      // at once
)

// Orders is the answer to a report. Orders of the server tells them as soon as they change.
type Orders struct {
	Cancel  Cancel `json:"cancel,omitempty"`
	Watched bool   `json:"watched,omitempty"` // somebody reads the log: report each second
}

// Outcome is how a job ended.
type Outcome string

// The outcomes.
const (
	Finished Outcome = "finished"
	Errored  Outcome = "errored"
	Canceled Outcome = "canceled"
	// Lost is said by the server when the lease expired, and by an executor that cannot go
	// on: another one may get the job, as its kind says.
	Lost Outcome = "lost"
)

// Result is what became of a job.
type Result struct {
	Outcome Outcome         `json:"outcome"`
	Error   string          `json:"error,omitempty"` // one line for people, of an outcome other than finished
	Data    json.RawMessage `json:"data,omitempty"`  // by kind, such as PlanResult
}

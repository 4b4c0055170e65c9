package dispatch

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// MaxLog is the most log text of one report, in bytes.
const MaxLog = 4 << 20

// renew is how much of a lease may have passed before a report extends it: most
// reports of a watched log then write nothing but the log.
const renew = 10 * time.Second

// Report implements proto.Server.
func (s Server) Report(ctx context.Context, t proto.Ticket, offset int64, log []byte) (proto.Orders, error) {
	if offset < 0 || len(log) > MaxLog {
		return proto.Orders{}, problem.BadRequest("A report has at most %d bytes of log, at an offset from 0.", MaxLog)
	}
	j, err := s.held(ctx, t)
	if err != nil {
		return proto.Orders{}, err
	}
	s.reported(ctx, j.ExecutorID)
	o := proto.Orders{Cancel: j.Cancel}
	if j.Log != "" && s.f.Logs != nil {
		o.Watched, err = s.f.Logs.Append(ctx, j.Log, offset, log)
	}
	if err != nil {
		if _, lost := s.held(ctx, t); errors.Is(lost, proto.ErrGone) {
			return o, lost // the log was closed with the job
		}
	}
	return o, err
}

// held returns the job that a ticket holds, after it has made sure that nobody else can
// get the job for most of a lease to come.
func (s Server) held(ctx context.Context, t proto.Ticket) (Job, error) {
	j, err := s.f.Find(ctx, t.ID)
	switch {
	case errors.Is(err, problem.NotFound):
		return j, proto.ErrGone
	case err != nil:
		return j, err
	case j.pool() != s.pool || j.Attempt != t.Attempt || j.Status != Claimed:
		return j, proto.ErrGone
	}
	now := time.Now()
	if j.LeaseUntil != nil && j.LeaseUntil.After(now.Add(proto.Lease-renew)) {
		return j, nil
	}
	n, err := s.f.DB.Exec(ctx, `UPDATE dispatch_jobs SET lease_until = ? WHERE id = ? AND attempt = ? AND status = 'claimed'`, db.At(now.Add(proto.Lease)), j.ID, j.Attempt)
	if err == nil && n == 0 {
		err = proto.ErrGone
	}
	return j, err
}

// Get implements proto.Server.
func (s Server) Get(ctx context.Context, t proto.Ticket, name string) (io.ReadCloser, error) {
	j, err := s.held(ctx, t)
	if err != nil {
		return nil, err
	}
	k := s.f.kinds[j.Kind]
	if k.Get == nil {
		return nil, problem.NotFound
	}
	return k.Get(ctx, j, name)
}

// Put implements proto.Server.
func (s Server) Put(ctx context.Context, t proto.Ticket, name string, body io.Reader) error {
	j, err := s.held(ctx, t)
	if errors.Is(err, proto.ErrGone) {
		return s.putLate(ctx, t, name, body)
	}
	if err != nil {
		return err
	}
	k := s.f.kinds[j.Kind]
	if k.Put == nil {
		return problem.NotFound
	}
	return k.Put(ctx, j, name, &stillHeld{Reader: body, check: func() error {
		_, err := s.held(ctx, t)
		return err
	}})
}

// stillHeld is an upload; at its end it fails if the job was given up meanwhile.
type stillHeld struct {
	io.Reader
	check func() error
}

// Read implements io.Reader.
func (r *stillHeld) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err == io.EOF {
		if gone := r.check(); gone != nil {
			return n, gone
		}
	}
	return n, err
}

// lateFor is how long what a lost executor has is still taken.
const lateFor = 24 * time.Hour

// putLate takes what only the executor of a job has that was given up while it worked.
func (s Server) putLate(ctx context.Context, t proto.Ticket, name string, body io.Reader) error {
	j, err := s.f.Find(ctx, t.ID)
	switch k := s.f.kinds[j.Kind]; {
	case errors.Is(err, problem.NotFound):
		return proto.ErrGone
	case err != nil:
		return err
	case j.pool() != s.pool, j.Attempt != t.Attempt, j.Status != Ended, !j.givenUp(), !slices.Contains(k.TakesLate, name),
		time.Since(j.EndedAt.Time) > lateFor:
		return proto.ErrGone
	default:
		return k.Put(ctx, j, name, body)
	}
}

// givenUp reports whether the server ended the job while an executor held it.
func (j Job) givenUp() bool {
	return j.ExecutorID != "" && (j.Outcome == string(proto.Lost) || j.Cancel == proto.Kill)
}

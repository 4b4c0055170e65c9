package dispatch

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Limits of a result, in bytes.
const (
	maxError = 4 << 10
	maxData  = 1 << 20
)

// Finish implements proto.Server. The same end may be told again. An executor that cannot
// go on with a job says that it is lost.
func (s Server) Finish(ctx context.Context, t proto.Ticket, r proto.Result) error {
	if !slices.Contains([]proto.Outcome{proto.Finished, proto.Errored, proto.Canceled, proto.Lost}, r.Outcome) {
		return problem.BadRequest("The outcome of a job is finished, errored, canceled or lost.")
	}
	if len(r.Data) > maxData {
		return problem.BadRequest("The data of a result has at most %d bytes.", maxData)
	}
	if len(r.Error) > maxError {
		r.Error = strings.ToValidUTF8(r.Error[:maxError], "") + "…"
	}
	r.Error = strings.ReplaceAll(r.Error, "\x00", "")
	j, err := s.f.Find(ctx, t.ID)
	switch {
	case errors.Is(err, problem.NotFound):
		return proto.ErrGone
	case err != nil:
		return err
	case j.pool() != s.pool || j.Attempt != t.Attempt:
		return proto.ErrGone
	case j.Status == Ended && j.ExecutorID != "" && !j.givenUp() && j.Outcome == string(r.Outcome):
		return nil // told before
	case j.Status != Claimed:
		return proto.ErrGone
	}
	err = s.f.change(ctx, j, func(ctx context.Context, j Job) error {
		if r.Outcome == proto.Lost {
			return s.f.giveUp(ctx, j, cmp.Or(r.Error, "The worker that ran this was stopped."))
		}
		return s.f.end(ctx, j, r)
	})
	if errors.Is(err, errMoved) {
		return proto.ErrGone
	}
	return err
}

// end ends a job, which is locked.
func (f *Feature) end(ctx context.Context, j Job, r proto.Result) error {
	was, now := j, db.Now()
	j.Status, j.Outcome, j.LeaseUntil, j.EndedAt = Ended, string(r.Outcome), nil, &now
	if err := f.DB.Update(ctx, "dispatch_jobs", j, "status", "outcome", "cancel", "lease_until", "ended_at"); err != nil {
		return err
	}
	if finished := f.kinds[j.Kind].Finished; finished != nil {
		if err := finished(ctx, j, r); err != nil {
			return err
		}
	}
	if was.Status != Claimed {
		return nil
	}
	if f.Limit > 0 && j.PoolID == nil {
		f.announce(ctx, j) // the organization may have another job that had to wait
	}
	return f.freed(ctx, was)
}

// Cancel ends the job of a subject, if it has one, in the transaction of ctx, which holds
// what the job's kind locks. A queued job ends at once as canceled. Of a claimed one an
// interrupt is told to its executor; Kill ends it here and now, and the executor hears
// that too.
func (f *Feature) Cancel(ctx context.Context, subject string, how proto.Cancel) error {
	if how == proto.GoOn {
		return nil
	}
	j, err := db.One[Job](ctx, f.DB, `SELECT {} FROM dispatch_jobs WHERE subject = ? AND status <> 'ended'`+f.DB.ForUpdate(), subject)
	if errors.Is(err, problem.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	f.Bus.Publish(ctx, topicOrders, j.ID)
	if j.Status == Claimed && how == proto.Interrupt {
		if j.Cancel != proto.GoOn {
			return nil
		}
		j.Cancel = how
		return f.DB.Update(ctx, "dispatch_jobs", j, "cancel")
	}
	if j.Status == Claimed {
		j.Cancel = how
	}
	return f.end(ctx, j, proto.Result{Outcome: proto.Canceled, Error: "canceled"})
}

// giveUp takes a claimed job, which is locked, from its executor: it is queued again, or
// ends as lost. One that was to be cancelled is not queued again.
func (f *Feature) giveUp(ctx context.Context, j Job, why string) error {
	if j.Losses >= f.kinds[j.Kind].Retries || j.Cancel != proto.GoOn {
		if err := f.say(ctx, j, "Error: "+why); err != nil {
			return err
		}
		return f.end(ctx, j, proto.Result{Outcome: proto.Lost, Error: why})
	}
	if j.Log != "" && f.Logs != nil {
		if err := f.Logs.Restart(ctx, j.Log, why+" It is queued again."); err != nil {
			return err
		}
	}
	j.Losses++
	return f.requeue(ctx, j)
}

// lose gives up a claimed job whose executor is gone, if it is still as j.
func (f *Feature) lose(ctx context.Context, j Job, stillLost func(Job) bool, why string) error {
	err := f.change(ctx, j, func(ctx context.Context, j Job) error {
		if !stillLost(j) {
			return errMoved
		}
		return f.giveUp(ctx, j, why)
	})
	if errors.Is(err, errMoved) || errors.Is(err, problem.NotFound) {
		return nil
	}
	if err == nil {
		slog.WarnContext(ctx, "a job was lost", "job", j.ID, "kind", j.Kind, "subject", j.Subject, "executor", j.ExecutorID, "attempt", j.Attempt)
	}
	return err
}

func (f *Feature) say(ctx context.Context, j Job, line string) error {
	if j.Log == "" || f.Logs == nil {
		return nil
	}
	return f.Logs.Say(ctx, j.Log, line)
}

// SweepLost gives up the jobs whose leases expired before now, and ends those that wait
// for a pool that is no more.
func (f *Feature) SweepLost(ctx context.Context, now time.Time) error {
	list, err := db.All[Job](ctx, f.DB, `SELECT {} FROM dispatch_jobs WHERE status = 'claimed' AND lease_until < ? ORDER BY lease_until LIMIT 100`, db.At(now))
	if err != nil {
		return err
	}
	var errs []error
	for _, j := range list {
		expired := func(j Job) bool { return j.LeaseUntil.Before(now) }
		errs = append(errs, f.lose(ctx, j, expired, "The worker that ran this is gone: nothing was heard of it for a minute."))
	}
	return errors.Join(append(errs, f.sweepOrphans(ctx))...)
}

// sweepOrphans ends queued jobs whose pool was deleted.
func (f *Feature) sweepOrphans(ctx context.Context) error {
	pools, err := db.All[string](ctx, f.DB, `SELECT DISTINCT pool_id FROM dispatch_jobs WHERE status = 'queued' AND pool_id IS NOT NULL`)
	if err != nil || len(pools) == 0 || f.Agents == nil {
		return err
	}
	gone, err := f.Agents.Gone(ctx, pools)
	if err != nil || len(gone) == 0 {
		return err
	}
	list, err := db.In[Job](ctx, f.DB, `SELECT {} FROM dispatch_jobs WHERE status = 'queued' AND pool_id IN (?) LIMIT 100`, gone)
	errs := []error{err}
	for _, j := range list {
		err := f.change(ctx, j, func(ctx context.Context, j Job) error {
			return f.end(ctx, j, proto.Result{Outcome: proto.Errored, Error: "The agent pool that this was queued for is gone."})
		})
		if !errors.Is(err, errMoved) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

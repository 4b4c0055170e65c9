package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// MaxWait is how long a claim waits at most.
const MaxWait = 50 * time.Second

// Claim implements proto.Server.
func (s Server) Claim(ctx context.Context, executorID string, c proto.Claim) (*proto.Job, error) {
	if len(c.Kinds) == 0 || len(c.Kinds) > 20 || len(c.Ref) > 64 {
		return nil, problem.BadRequest("A claim names one to twenty kinds of jobs, and a ref of at most 64 characters.")
	}
	c.Kinds = slices.DeleteFunc(slices.Clone(c.Kinds), func(kind string) bool { // another version's
		_, ok := s.f.kinds[kind]
		return !ok
	})
	if err := s.arrived(ctx, executorID); err != nil {
		return nil, err
	}
	if job, err := s.again(ctx, executorID, c); job != nil || err != nil {
		return job, err
	}
	end := time.NewTimer(min(max(c.Wait, 0), MaxWait))
	defer end.Stop()
	for {
		w := s.f.waiting.enter(s.pool, executorID, c.Kinds)
		job, err := s.next(ctx, executorID, c)
		if job != nil || err != nil || s.f.waiting.over() {
			s.f.waiting.leave(w)
			return job, err
		}
		select {
		case <-w.woken:
		case <-end.C:
			s.f.waiting.leave(w)
			return nil, nil
		case <-ctx.Done():
			s.f.waiting.leave(w)
			return nil, ctx.Err()
		}
	}
}

// again returns the job that a claim with the same ref was given: its answer got lost.
func (s Server) again(ctx context.Context, executorID string, c proto.Claim) (*proto.Job, error) {
	if c.Ref == "" {
		return nil, nil
	}
	j, err := db.One[Job](ctx, s.f.DB, `SELECT {} FROM dispatch_jobs WHERE executor_id = ? AND status = 'claimed' AND ref = ? AND COALESCE(pool_id, '') = ?`, executorID, c.Ref, s.pool)
	if errors.Is(err, problem.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s.hand(ctx, j)
}

// next claims the job whose turn it is; nil if there is none. Those of this node who
// look for jobs of one pool do so one after the other, because all would find the same.
func (s Server) next(ctx context.Context, executorID string, c proto.Claim) (*proto.Job, error) {
	mu, _ := s.f.claims.LoadOrStore(s.pool, &sync.Mutex{})
	for ctx.Err() == nil {
		mu.(*sync.Mutex).Lock()
		j, err := s.take(ctx, executorID, c)
		mu.(*sync.Mutex).Unlock()
		switch {
		case errors.Is(err, errMoved), errors.Is(err, problem.NotFound):
			continue // another node took it, or it was cancelled
		case j == nil || err != nil:
			return nil, err
		}
		s.f.waiting.wake(s.pool, "", "")
		if job, err := s.hand(ctx, *j); job != nil || err != nil {
			return job, err
		}
	}
	return nil, ctx.Err()
}

// take claims the first job in the queue of the pool; nil if there is none.
func (s Server) take(ctx context.Context, executorID string, c proto.Claim) (*Job, error) {
	if len(c.Kinds) == 0 {
		return nil, nil
	}
	j, err := s.f.first(ctx, s.pool, executorID, c.Kinds)
	if errors.Is(err, problem.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	err = s.f.change(ctx, j, func(ctx context.Context, now Job) error {
		j = now
		if err := s.f.withinLimit(ctx, j); err != nil {
			return err
		}
		return s.f.claim(ctx, &j, executorID, c.Ref)
	})
	return &j, err
}

// headStart is how long the executor that a job prefers has it to itself.
const headStart = time.Second

// first returns the job whose turn it is: of the organization with the fewest jobs
// under way the one of the highest priority, and of these the oldest. What is done in the
// background comes after all else, and neither counts for the other: executors have slots of
// their own for it.
func (f *Feature) first(ctx context.Context, pool, executorID string, kinds []string) (Job, error) {
	limit := f.Limit
	if pool != "" || limit <= 0 {
		limit = 1 << 30
	}
	const waits = `FROM dispatch_jobs w WHERE w.status = 'queued' AND COALESCE(w.pool_id, '') = ?`
	// The organizations that wait are found one after the other in the index, and of each
	// the first job: so the number of organizations counts, and not that of jobs.
	query := `WITH RECURSIVE waiting(org_id) AS (
			SELECT (SELECT w.org_id ` + waits + ` ORDER BY w.org_id LIMIT 1)
			UNION ALL SELECT (SELECT w.org_id ` + waits + ` AND w.org_id > waiting.org_id ORDER BY w.org_id LIMIT 1) FROM waiting WHERE waiting.org_id IS NOT NULL),
		heads(id) AS MATERIALIZED (
			SELECT (SELECT w.id ` + waits + ` AND w.org_id = waiting.org_id AND (w.prefer = '' OR w.prefer = ? OR w.queued_at < ?)
				AND w.kind IN (?` + strings.Repeat(", ?", len(kinds)-1) + `) ORDER BY w.priority DESC, w.queued_at, w.id LIMIT 1)
			FROM waiting WHERE waiting.org_id IS NOT NULL),
		turns(id, running) AS (
			SELECT h.id, (SELECT count(*) FROM dispatch_jobs c WHERE c.status = 'claimed' AND COALESCE(c.pool_id, '') = ? AND c.org_id = h.org_id AND (c.priority > 0) = (h.priority > 0))
			FROM heads JOIN dispatch_jobs h ON h.id = heads.id)
		SELECT {j} FROM turns JOIN dispatch_jobs j ON j.id = turns.id WHERE (turns.running < ? OR j.priority = 0)
		ORDER BY CASE WHEN j.priority > 0 THEN 0 ELSE 1 END, turns.running, j.priority DESC, j.queued_at, j.id LIMIT 1`
	args := []any{pool, pool, pool, executorID, db.At(time.Now().Add(-headStart))}
	for _, k := range kinds {
		args = append(args, k)
	}
	return db.One[Job](ctx, f.DB, query, append(args, pool, limit)...)
}

// withinLimit is errMoved if the organization has as many jobs under way as it may. Who
// counts holds a row of the organization, so that two nodes do not both take the last place.
func (f *Feature) withinLimit(ctx context.Context, j Job) error {
	if f.Limit <= 0 || j.PoolID != nil || j.Priority == Background || !f.DB.Postgres() {
		return nil // SQLite has one writer, and who looked for the job is the only one
	}
	if _, err := f.DB.Exec(ctx, `INSERT INTO dispatch_limits (org_id) VALUES (?) ON CONFLICT (org_id) DO UPDATE SET org_id = excluded.org_id`, j.OrgID); err != nil {
		return err
	}
	n, err := db.One[int](ctx, f.DB, `SELECT count(*) FROM dispatch_jobs WHERE status = 'claimed' AND COALESCE(pool_id, '') = '' AND org_id = ? AND priority > 0`, j.OrgID)
	if err == nil && n >= f.Limit {
		err = errMoved
	}
	return err
}

// claim gives the job, which is locked, to an executor.
func (f *Feature) claim(ctx context.Context, j *Job, executorID, ref string) error {
	now := db.Now()
	until := db.At(now.Add(proto.Lease))
	j.Status, j.Attempt, j.ExecutorID, j.Ref, j.ClaimedAt, j.LeaseUntil = Claimed, j.Attempt+1, executorID, ref, &now, &until
	if claimed := f.kinds[j.Kind].Claimed; claimed != nil {
		if err := claimed(ctx, *j); err != nil {
			return err
		}
	}
	if err := f.DB.Update(ctx, "dispatch_jobs", j, "status", "attempt", "executor_id", "ref", "claimed_at", "lease_until"); err != nil {
		return err
	}
	return f.busy(ctx, *j)
}

// hand makes the answer to a claim. It is nil if the job cannot be handed out.
func (s Server) hand(ctx context.Context, j Job) (*proto.Job, error) {
	spec, err := s.f.kinds[j.Kind].Spec(ctx, j)
	if err == nil {
		var raw json.RawMessage
		if raw, err = json.Marshal(spec); err == nil {
			return &proto.Job{Ticket: proto.Ticket{ID: j.ID, Attempt: j.Attempt}, Kind: j.Kind, Spec: raw}, nil
		}
	}
	return nil, s.f.unfit(context.WithoutCancel(ctx), j, err)
}

// maxAttempts bounds how often a job is claimed for which the server fails to say what is to be done.
const maxAttempts = 5

// unfit deals with a claimed job that cannot be handed out: because of what somebody
// configured it ends with the words of the problem; after a fault of ours it is queued
// again, for nobody has begun with it.
func (f *Feature) unfit(ctx context.Context, j Job, why error) error {
	words := "The server failed to prepare this job. Its log tells more under job " + j.ID + "."
	p, ok := problem.From(why)
	switch {
	case ok && p.Detail != "":
		words = p.Detail
	case !ok:
		slog.ErrorContext(ctx, "preparing a job failed", "job", j.ID, "kind", j.Kind, "subject", j.Subject, "attempt", j.Attempt, "err", why)
	}
	err := f.change(ctx, j, func(ctx context.Context, j Job) error {
		if !ok && j.Attempt < maxAttempts && j.Cancel == proto.GoOn {
			return f.requeue(ctx, j)
		}
		if err := f.say(ctx, j, "Error: "+words); err != nil {
			return err
		}
		return f.end(ctx, j, proto.Result{Outcome: proto.Errored, Error: words})
	})
	if errors.Is(err, errMoved) {
		return nil
	}
	if err == nil && !ok {
		err = fmt.Errorf("preparing job %s: %w", j.ID, why) // the executor tries again after a pause
	}
	return err
}

// requeue puts a claimed job, which is locked, back at its place in the queue.
func (f *Feature) requeue(ctx context.Context, j Job) error {
	holder := j
	j.Status, j.Ref, j.ExecutorID, j.Prefer, j.LeaseUntil = Queued, "", "", "", nil
	if err := f.DB.Update(ctx, "dispatch_jobs", j, "status", "ref", "executor_id", "prefer", "lease_until", "losses"); err != nil {
		return err
	}
	if requeued := f.kinds[j.Kind].Requeued; requeued != nil {
		if err := requeued(ctx, j); err != nil {
			return err
		}
	}
	f.announce(ctx, j)
	return f.freed(ctx, holder)
}

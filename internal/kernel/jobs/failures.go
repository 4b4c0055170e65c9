package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Failure is a job that failed at its last attempt.
type Failure struct {
	ID                int64
	Kind              string
	Attempt, Attempts int    // the last one, and how many there are at most
	Error             string // of the last attempt
	FailedAt          db.Time
	NextAt            *db.Time // of the next attempt; nil was given up
	CreatedAt         db.Time
}

// failed are the states of jobs that failed.
var failed = []rivertype.JobState{rivertype.JobStateRetryable, rivertype.JobStateDiscarded}

// maxFailures is how many failures there is a use in showing.
const maxFailures = 500

// Failures returns the jobs that failed last and will be tried again or were given up, the
// newest first, at most 500. What was given up is kept for a week.
func (q *Queue) Failures(ctx context.Context) ([]Failure, error) {
	page, err := q.inserter.JobList(ctx, river.NewJobListParams().States(failed...).First(maxFailures).OrderBy(river.JobListOrderByID, river.SortOrderDesc))
	if err != nil {
		return nil, err
	}
	out := make([]Failure, len(page.Jobs))
	for i, row := range page.Jobs {
		out[i] = failureOf(row)
	}
	slices.SortStableFunc(out, func(a, b Failure) int { return b.FailedAt.Compare(a.FailedAt.Time) })
	return out, nil
}

func failureOf(row *rivertype.JobRow) Failure {
	var e envelope
	_ = json.Unmarshal(row.EncodedArgs, &e) // of whatever release: without a kind it is still there to see
	f := Failure{ID: row.ID, Kind: e.Job, Attempt: row.Attempt, Attempts: row.MaxAttempts, CreatedAt: db.At(row.CreatedAt), FailedAt: db.At(row.CreatedAt)}
	if n := len(row.Errors); n > 0 {
		f.Error, f.FailedAt = row.Errors[n-1].Error, db.At(row.Errors[n-1].At)
	}
	if row.State == rivertype.JobStateRetryable {
		next := db.At(row.ScheduledAt)
		f.NextAt = &next
	}
	return f
}

// Failure returns a job that failed, or problem.NotFound.
func (q *Queue) Failure(ctx context.Context, id int64) (Failure, error) {
	row, err := q.row(ctx, id)
	if errors.Is(err, river.ErrNotFound) || err == nil && !slices.Contains(failed, row.State) {
		return Failure{}, problem.NotFound
	}
	if err != nil {
		return Failure{}, err
	}
	return failureOf(row), nil
}

func (q *Queue) row(ctx context.Context, id int64) (*rivertype.JobRow, error) {
	if tx := q.db.SQLTx(ctx); tx != nil {
		return q.inserter.JobGetTx(ctx, tx, id)
	}
	return q.inserter.JobGet(ctx, id)
}

// Retry makes a job that failed due at once, once more if it was given up. It is part of the
// transaction of ctx, which there must be. problem.Conflict if a newer job with the same key
// has not finished yet (Once).
func (q *Queue) Retry(ctx context.Context, id int64) error {
	row, err := q.inserter.JobRetryTx(ctx, q.db.SQLTx(ctx), id)
	if db.IsUnique(err) {
		return problem.Conflict("What this job was to do is asked of a newer one, which has not finished yet.")
	}
	if err != nil {
		return err
	}
	if w := q.running.Load(); w != nil {
		q.db.AfterCommit(ctx, func() { w.wake(ctx, row.Queue) })
	}
	return nil
}

package scans

import (
	"context"
	"errors"
	"time"

	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// confirmation is the job that looks at something severe for the second time.
type confirmation struct {
	ScanID string `json:"scan_id"`
}

// Kind implements jobs.Args.
func (confirmation) Kind() string { return "confirm-drift" }

// await lets a scan wait for a second look.
func (f *Feature) await(ctx context.Context, s Scan, wait time.Duration) error {
	now := db.Now()
	s.Status, s.EndedAt = Confirming, &now
	f.changed(ctx, s)
	if err := f.DB.Update(ctx, "drift_scans", s, "status", "ended_at", "engine", "engine_version", "warm", "refreshed"); err != nil {
		return err
	}
	if err := f.Logs.Say(ctx, s.ID, "What was found is severe: it is looked at again in "+wait.String()+" before anything is made of it."); err != nil {
		return err
	}
	if err := f.Logs.Close(ctx, s.ID); err != nil {
		return err
	}
	return f.Jobs.Enqueue(ctx, confirmation{s.ID}, jobs.At(time.Now().Add(wait)))
}

// confirm looks for the second time. If somebody else looks already, that counts.
func (f *Feature) confirm(ctx context.Context, job confirmation) error {
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		s, err := f.Find(ctx, job.ScanID)
		if errors.Is(err, problem.NotFound) || (err == nil && s.Status != Confirming) {
			return nil
		}
		if err != nil {
			return err
		}
		return f.again(ctx, s)
	})
}

// again starts the second look at what a scan found.
func (f *Feature) again(ctx context.Context, s Scan) error {
	first, err := f.Dispatch.Last(ctx, s.ID)
	if err != nil {
		return err
	}
	_, err = f.Start(ctx, New{OrgID: s.OrgID, WorkspaceID: db.Text(s.WorkspaceID), ScheduleID: db.Text(s.ScheduleID), Folder: s.Folder, Reason: Confirm,
		Batch: s.Batch, Branch: s.Branch, Confirms: s.ID, Quiet: s.Quiet, PoolID: first.PoolID, RequestedBy: s.RequestedBy})
	if errors.Is(err, ErrOngoing) {
		return f.closeConfirmed(ctx, s.ID)
	}
	return err
}

// closeConfirmed ends a scan whose second look has come to an end, whatever that saw: its
// findings count, and not those of the first.
func (f *Feature) closeConfirmed(ctx context.Context, id string) error {
	s, err := f.Find(ctx, id)
	if err != nil {
		return missing(err)
	}
	f.changed(ctx, s)
	n, err := f.DB.Exec(ctx, `UPDATE drift_scans SET status = ? WHERE id = ? AND status = ?`, Superseded, id, Confirming)
	if err == nil && n > 0 {
		f.ended(ctx, Scan{ID: id, Status: Superseded, Reason: Scheduled}) // only these wait
	}
	return err
}

// missing is nil for what is gone.
func missing(err error) error {
	if errors.Is(err, problem.NotFound) {
		return nil
	}
	return err
}

// unconfirmed ends a second look that failed: what the first saw counts.
func (f *Feature) unconfirmed(ctx context.Context, s Scan) error {
	first, err := f.lock(ctx, *s.Confirms)
	if err != nil && !errors.Is(err, problem.NotFound) {
		return err
	}
	now := db.Now()
	s.Status, s.EndedAt = Errored, &now
	f.changed(ctx, s)
	if err := f.DB.Update(ctx, "drift_scans", s, "status", "ended_at", "error", "engine", "engine_version", "warm", "refreshed"); err != nil {
		return err
	}
	f.ended(ctx, s)
	if err := f.Logs.Close(ctx, s.ID); err != nil || first.Status != Confirming {
		return err
	}
	v, err := f.VerdictOf(ctx, first)
	if err != nil {
		return err
	}
	return f.close(ctx, first, Finished, &v)
}

// confirmLate is how long after its end a scan waits at most for its second look to begin.
const confirmLate = 30 * time.Minute

// sweepConfirming looks again at what was forgotten, because a job got lost.
func (f *Feature) sweepConfirming(ctx context.Context) error {
	ids, err := db.All[string](ctx, f.DB, `SELECT s.id FROM drift_scans s WHERE s.status = 'confirming' AND s.ended_at < ?
		AND NOT EXISTS (SELECT 1 FROM drift_scans n WHERE n.confirms = s.id AND n.status IN ('queued', 'running')) ORDER BY s.ended_at LIMIT 100`, db.At(time.Now().Add(-confirmLate)))
	var errs []error
	for _, id := range ids {
		errs = append(errs, f.confirm(ctx, confirmation{id}))
	}
	return errors.Join(append(errs, err)...)
}

// Retention of scans.
const (
	keepScans = 90 * 24 * time.Hour
	sweepSize = 200
)

// Sweep removes scans that ended long ago, with their logs.
func (f *Feature) Sweep(ctx context.Context) error {
	for ctx.Err() == nil {
		n := 0
		err := f.DB.Tx(ctx, func(ctx context.Context) error {
			ids, err := db.All[string](ctx, f.DB, `SELECT s.id FROM drift_scans s WHERE s.ended_at < ? AND s.status <> 'confirming'
				AND NOT EXISTS (SELECT 1 FROM workspace_health h JOIN assessment_results a ON a.id = h.result_id WHERE a.assessment_id = s.id)
				AND EXISTS (SELECT 1 FROM drift_scans n WHERE n.target = s.target AND n.queued_at > s.queued_at)
				ORDER BY s.ended_at LIMIT ?`, db.At(time.Now().Add(-keepScans)), sweepSize)
			if n = len(ids); err != nil || n == 0 {
				return err
			}
			return f.remove(ctx, ids)
		})
		if err != nil || n < sweepSize {
			return err
		}
	}
	return ctx.Err()
}

func (f *Feature) remove(ctx context.Context, ids []string) error {
	if err := f.Logs.Remove(ctx, ids); err != nil {
		return err
	}
	if f.Forget != nil {
		if err := f.Forget(ctx, ids); err != nil {
			return err
		}
	}
	query, args := db.List(`DELETE FROM drift_scans WHERE id IN (?)`, ids)
	_, err := f.DB.Exec(ctx, query, args...)
	return err
}

package scans

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"plumbline.dev/plumbline/internal/delivery/dispatch"
	"plumbline.dev/plumbline/internal/drift/severity"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Connect says what executors are to do. Sources must be there.
func (f *Feature) Connect() {
	for _, kind := range []string{proto.KindScan, proto.KindAssessment} {
		f.Dispatch.Handle(kind, dispatch.Kind{
			Lock: f.lockJob, Spec: f.spec, Claimed: f.claimed, Requeued: f.requeued, Finished: f.finished, Get: f.input, Put: f.output, Retries: 1,
		})
	}
	jobs.Handle(f.Jobs, f.confirm)
	f.Jobs.Every("sweep-drift-scans", time.Hour, f.Sweep, jobs.Timeout(10*time.Minute))
	f.Jobs.Every("confirm-drift-scans", time.Minute, f.sweepConfirming)
}

// lockJob locks the workspace before the scan, as all do.
func (f *Feature) lockJob(ctx context.Context, j dispatch.Job) error {
	if j.WorkspaceID != nil {
		if _, err := f.Workspaces.Lock(ctx, *j.WorkspaceID); err != nil {
			return err
		}
	}
	_, err := f.lock(ctx, j.Subject)
	return err
}

func (f *Feature) source(s Scan) (Source, error) {
	src, ok := f.Sources[s.Kind()]
	if !ok {
		return src, fmt.Errorf("scans: no source for %s", s.Kind())
	}
	return src, nil
}

// spec says what an executor is to look at.
func (f *Feature) spec(ctx context.Context, j dispatch.Job) (any, error) {
	s, err := f.Find(ctx, j.Subject)
	if err != nil {
		return nil, err
	}
	src, err := f.source(s)
	if err != nil {
		return nil, err
	}
	before, err := f.last(ctx, s.Target)
	if err != nil {
		return nil, err
	}
	spec, err := src.Spec(ctx, &s, j)
	if err != nil {
		return nil, err
	}
	spec.ID, spec.Target, spec.Folder, spec.Key = s.ID, s.Target, s.Folder, f.Keyring.MAC("drift-fingerprint/"+s.Target)
	spec.After = before.JobID
	known, err := f.Known(ctx, s.Target)
	if err != nil {
		return nil, err
	}
	spec.Judgement.OldestOpen = known.OldestOpen
	if err := f.DB.Update(ctx, "drift_scans", s, "branch", "commit_sha", "run_id", "configuration_version_id", "state_version_id", "engine", "engine_version"); err != nil {
		return nil, err
	}
	f.changed(ctx, s)
	return spec, nil
}

func (f *Feature) claimed(ctx context.Context, j dispatch.Job) error {
	if f.Taken != nil && j.Losses == 0 {
		f.DB.AfterCommit(ctx, func() { f.Taken(time.Since(j.QueuedAt.Time)) })
	}
	s, err := f.Find(ctx, j.Subject)
	if err != nil {
		return missing(err)
	}
	f.changed(ctx, s)
	_, err = f.DB.Exec(ctx, `UPDATE drift_scans SET status = ?, started_at = ?, executor_id = ?, job_id = ? WHERE id = ?`, Running, db.Now(), j.ExecutorID, j.ID, j.Subject)
	return err
}

func (f *Feature) requeued(ctx context.Context, j dispatch.Job) error {
	if err := f.revoke(ctx, j); err != nil {
		return err
	}
	s, err := f.Find(ctx, j.Subject)
	if err != nil {
		return missing(err)
	}
	f.changed(ctx, s)
	_, err = f.DB.Exec(ctx, `UPDATE drift_scans SET status = ? WHERE id = ?`, Queued, j.Subject)
	return err
}

func (f *Feature) revoke(ctx context.Context, j dispatch.Job) error {
	if src := f.Sources[j.Kind]; src.Revoke != nil {
		return src.Revoke(ctx, j)
	}
	return nil
}

// input opens what the executor asks for.
func (f *Feature) input(ctx context.Context, j dispatch.Job, name string) (io.ReadCloser, error) {
	s, err := f.Find(ctx, j.Subject)
	if err != nil {
		return nil, err
	}
	src, err := f.source(s)
	if err != nil {
		return nil, err
	}
	commit := s.Commit
	r, err := src.Open(ctx, &s, name)
	if err != nil || s.Commit == commit {
		return r, err
	}
	if err := f.DB.Update(ctx, "drift_scans", s, "commit_sha"); err != nil {
		return r, err
	}
	f.changed(ctx, s)
	return r, nil
}

// output takes what a scan leaves.
func (f *Feature) output(ctx context.Context, j dispatch.Job, name string, body io.Reader) error {
	s, err := f.Find(ctx, j.Subject)
	if err != nil {
		return err
	}
	if name == proto.Findings {
		return f.take(ctx, s, body)
	}
	src, err := f.source(s)
	if err != nil {
		return err
	}
	if src.Put == nil {
		return problem.NotFound
	}
	return src.Put(ctx, s, name, body)
}

// maxAttempts is how often a scan is begun anew because the state moved on under it.
const maxAttempts = 3

// finished ends a scan, in the transaction that ends its job.
func (f *Feature) finished(ctx context.Context, j dispatch.Job, r proto.Result) error {
	if err := f.revoke(ctx, j); err != nil {
		return err
	}
	s, err := f.lock(ctx, j.Subject)
	if err != nil || s.Status.Final() {
		return err
	}
	var data proto.ScanResult
	if len(r.Data) > 0 && json.Unmarshal(r.Data, &data) != nil {
		r = proto.Result{Outcome: proto.Errored, Error: "The executor sent a result that is none."}
	}
	s.Engine, s.EngineVersion, s.Warm, s.Refreshed = cmp.Or(data.Engine, s.Engine), cmp.Or(data.EngineVersion, s.EngineVersion), data.Warm, data.Refreshed
	if r.Outcome == proto.Finished && len(s.Sealed) == 0 {
		r = proto.Result{Outcome: proto.Errored, Error: "The executor did not say what it found."}
	}
	switch r.Outcome {
	case proto.Finished:
		return f.found(ctx, s, j)
	case proto.Canceled:
		s.Error = r.Error
		return f.close(ctx, s, Canceled, nil)
	}
	s.Error = cmp.Or(r.Error, "The scan failed.")
	if s.Confirms != nil {
		return f.unconfirmed(ctx, s)
	}
	return f.close(ctx, s, Errored, nil)
}

// found decides what to make of what a scan found.
func (f *Feature) found(ctx context.Context, s Scan, j dispatch.Job) error {
	src := f.Sources[s.Kind()]
	if src.Stale != nil {
		stale, err := src.Stale(ctx, s)
		if err != nil {
			return err
		}
		if stale {
			return f.anew(ctx, s, j)
		}
	}
	severe, err := f.severe(ctx, s)
	if err != nil {
		return err
	}
	if severe > 0 {
		return f.await(ctx, s, severe)
	}
	v, err := f.VerdictOf(ctx, s)
	if err != nil {
		return err
	}
	if s.Confirms != nil {
		if err := f.closeConfirmed(ctx, *s.Confirms); err != nil {
			return err
		}
	}
	return f.close(ctx, s, Finished, &v)
}

// anew begins a scan again whose findings are about a state that is no more.
func (f *Feature) anew(ctx context.Context, s Scan, j dispatch.Job) error {
	s.Error = "The state has changed since the scan began."
	if s.Attempt+1 >= maxAttempts {
		return f.close(ctx, s, Errored, nil)
	}
	if err := f.close(ctx, s, Superseded, nil); err != nil {
		return err
	}
	_, err := f.Start(ctx, New{OrgID: s.OrgID, WorkspaceID: db.Text(s.WorkspaceID), ScheduleID: db.Text(s.ScheduleID), Folder: s.Folder, Reason: s.Reason,
		Batch: s.Batch, Branch: s.Branch, Confirms: db.Text(s.Confirms), Attempt: s.Attempt + 1, Quiet: s.Quiet, PoolID: j.PoolID, RequestedBy: s.RequestedBy})
	return err
}

// severe is how long to wait before a second look, 0 if none is needed: what is high or
// critical, and was not known, is seen twice before it is believed. What is
// ignored needs no belief.
func (f *Feature) severe(ctx context.Context, s Scan) (time.Duration, error) {
	if s.Reason != Scheduled || severity.Level(s.Severity).Rank() < severity.High.Rank() || s.Clean() {
		return 0, nil
	}
	v, err := f.VerdictOf(ctx, s)
	if err != nil {
		return 0, err
	}
	if f.Counted != nil {
		if v, err = f.Counted(ctx, s, v); err != nil {
			return 0, err
		}
	}
	if v.Severity.Rank() < severity.High.Rank() {
		return 0, nil
	}
	known, err := f.Known(ctx, s.Target)
	if err != nil || (known.Fingerprint == v.Fingerprint() && !worse(string(v.Severity), known.Severity)) {
		return 0, err
	}
	settings, err := f.Settings(ctx, s.OrgID)
	return settings.Confirm, err
}

// close gives a scan a final status.
func (f *Feature) close(ctx context.Context, s Scan, to Status, v *Verdict) error {
	now := db.Now()
	wasOpen := s.EndedAt == nil
	s.Status, s.EndedAt = to, &now
	f.changed(ctx, s)
	if err := f.DB.Update(ctx, "drift_scans", s, "status", "ended_at", "error", "engine", "engine_version", "warm", "refreshed"); err != nil {
		return err
	}
	if wasOpen {
		if err := f.Logs.Close(ctx, s.ID); err != nil {
			return err
		}
	}
	f.ended(ctx, s)
	if v != nil && f.Settle != nil {
		counted, err := f.Settle(ctx, s, *v)
		if err != nil {
			return err
		}
		v = &counted
	}
	if src := f.Sources[s.Kind()]; src.Ended != nil {
		return src.Ended(ctx, s, v)
	}
	return nil
}

// ended tells who counts scans of one that has come to an end.
func (f *Feature) ended(ctx context.Context, s Scan) {
	if f.Ended != nil {
		f.DB.AfterCommit(ctx, func() { f.Ended(s) })
	}
}

package rounds

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"plumbline.dev/plumbline/internal/drift/alerts"
	"plumbline.dev/plumbline/internal/drift/findings"
	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/drift/schedules"
	"plumbline.dev/plumbline/internal/drift/severity"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// settled offers the alerts of a schedule what a scan of it means.
func (f *Feature) settled(ctx context.Context, e findings.Event) error {
	if e.Scan.ScheduleID == nil {
		return nil
	}
	s, err := f.Schedules.Find(ctx, *e.Scan.ScheduleID)
	if errors.Is(err, problem.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if e.Episode.Status == findings.Resolved {
		if err := f.Snoozes.End(ctx, s.ID, e.Scan.Folder); err != nil {
			return err
		}
	}
	if e.Scan.Quiet || f.Raise == nil {
		return nil
	}
	kind, err := f.kind(ctx, s, e)
	if err != nil {
		return err
	}
	if kind == "" && e.Episode.Status != findings.Open && s.AlertOnPending {
		return f.pending(ctx, s, e)
	}
	if kind == "" {
		return nil
	}
	event, err := f.event(ctx, s, e)
	if err != nil {
		return err
	}
	event.Kind = kind
	return f.raise(ctx, s, event)
}

// kind is what alerts are offered of drift, "" is nothing.
func (f *Feature) kind(ctx context.Context, s schedules.Schedule, e findings.Event) (string, error) {
	switch {
	case e.Scan.Reason == scans.Test:
		return alerts.Test, nil
	case e.Kind == findings.Cleared && s.AlertOnResolved:
		return alerts.Resolved, nil
	case e.Episode.Status != findings.Open:
		return "", nil
	case e.Episode.ToldAt == nil: // it comes and goes
		return "", nil
	case severity.Level(e.Episode.Severity).Rank() < severity.Level(s.MinSeverity).Rank():
		return "", nil
	}
	silent, is, err := f.Snoozes.Active(ctx, s.ID, e.Scan.Folder)
	if err != nil || (is && silent.Silences(e.Episode.Severity, e.Episode.Fingerprint)) {
		return "", err
	}
	return cmp.Or(e.Kind, alerts.Changed), nil // alerts know what they have told
}

// pending offers alerts that the code is not applied, and that it is again. While there is
// drift that is told instead, with the plan.
func (f *Feature) pending(ctx context.Context, s schedules.Schedule, e findings.Event) error {
	if e.Pending == 0 && !s.AlertOnResolved {
		return nil
	}
	silent, is, err := f.Snoozes.Active(ctx, s.ID, e.Scan.Folder)
	if err != nil || (is && e.Pending > 0 && silent.Silences(string(severity.Info), e.PendingFingerprint)) {
		return err
	}
	event, err := f.event(ctx, s, e)
	if err != nil {
		return err
	}
	event.Kind, event.Pending, event.Repeat, event.Fingerprint = alerts.New, true, false, e.PendingFingerprint
	if e.Pending == 0 {
		event.Kind = alerts.Resolved
	}
	return f.raise(ctx, s, event)
}

// event is what there is to tell, without its kind.
func (f *Feature) event(ctx context.Context, s schedules.Schedule, e findings.Event) (alerts.Event, error) {
	v := e.Verdict
	out, err := f.base(ctx, s, e.Scan)
	if err != nil {
		return out, err
	}
	out.EpisodeID, out.Fingerprint, out.Severity, out.FirstSeen = e.Episode.ID, e.Episode.Fingerprint, e.Episode.Severity, e.Episode.OpenedAt.Time
	out.Summary, out.Description, out.Output, out.OutputBrief, out.Drifted = v.Words.Summary, v.Words.Description, v.Text, v.Words.Brief, v.Drifted
	out.Repeat = !s.AlertOnChangeOnly
	if e.Episode.Status != findings.Open {
		out.Severity = string(severity.Info)
		if n := e.Pending; n > 0 {
			out.Summary = fmt.Sprintf("%d %s not applied", n, map[bool]string{true: "change of the code is", false: "changes of the code are"}[n == 1])
		}
	}
	if e.Episode.ID == "" {
		out.FirstSeen = out.At
	}
	shown := []severity.Judged{}
	for _, finding := range v.Findings {
		if finding.Kind.Drifted() {
			shown = append(shown, finding)
		}
	}
	out.Findings, err = json.Marshal(shown)
	return out, err
}

// base is what all events of a scan have.
func (f *Feature) base(ctx context.Context, s schedules.Schedule, of scans.Scan) (alerts.Event, error) {
	e := alerts.Event{OrgID: s.OrgID, ScheduleID: s.ID, ScheduleName: s.Name, Branch: of.Branch, Commit: of.Commit, Folder: of.Folder, ScanID: of.ID, BatchID: of.Batch, At: time.Now()}
	if of.EndedAt != nil {
		e.At = of.EndedAt.Time
	}
	if s.RepositoryID != nil {
		r, err := f.Repositories.Find(ctx, *s.RepositoryID)
		if err != nil && !errors.Is(err, problem.NotFound) {
			return e, err
		}
		e.RepositoryID, e.Repo = *s.RepositoryID, r.FullName
	}
	zone, err := f.Settings.Find(ctx, s.OrgID)
	e.Timezone = zone.TimeZone
	return e, err
}

func (f *Feature) raise(ctx context.Context, s schedules.Schedule, e alerts.Event) error {
	for _, id := range s.AlertIDs {
		e.AlertID = id
		if err := f.Raise(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// ended tells of scans that fail: of the second in a row, and when that has gone on for an
// hour, a day and a week. Of the first that works again those hear who heard of it.
func (f *Feature) ended(ctx context.Context, s scans.Scan, _ *scans.Verdict) error {
	if s.Quiet || f.Raise == nil {
		return nil
	}
	if s.Status == scans.Finished {
		return f.works(ctx, s)
	}
	if s.Status != scans.Errored {
		return nil
	}
	return f.fails(ctx, s)
}

// fails tells of a scan that failed, if it is time to.
func (f *Feature) fails(ctx context.Context, s scans.Scan) error {
	sched, err := f.Schedules.Find(ctx, *s.ScheduleID)
	if errors.Is(err, problem.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	due := s.Reason == scans.Test
	if !due && sched.AlertOnError {
		if due, err = f.failsLong(ctx, s); err != nil {
			return err
		}
	}
	if !due {
		return nil
	}
	return f.tell(ctx, sched, s, alerts.Failed, "The scan of "+s.Folder+" failed: "+s.Error)
}

// works tells those who were told that scans of a target fail that one has not.
func (f *Feature) works(ctx context.Context, s scans.Scan) error {
	before, err := db.All[scans.Status](ctx, f.DB, `SELECT s.status FROM drift_scans s WHERE s.target = ? AND s.id <> ? AND s.queued_at <= ? AND NOT s.quiet AND s.status IN ('finished', 'errored')
		ORDER BY s.queued_at DESC, s.id DESC LIMIT 1`, s.Target, s.ID, s.QueuedAt)
	if err != nil || len(before) == 0 || before[0] != scans.Errored {
		return err
	}
	sched, err := f.Schedules.Find(ctx, *s.ScheduleID)
	if errors.Is(err, problem.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.tell(ctx, sched, s, alerts.Recovered, "Scans of "+s.Folder+" work again")
}

// tell offers the alerts of a schedule how scans go, which has no severity of its own.
func (f *Feature) tell(ctx context.Context, sched schedules.Schedule, s scans.Scan, kind, summary string) error {
	e, err := f.base(ctx, sched, s)
	if err != nil {
		return err
	}
	e.Kind, e.Severity, e.Summary, e.Output, e.FirstSeen = kind, string(severity.Info), summary, s.Error, e.At
	return f.raise(ctx, sched, e)
}

// failsLong reports whether it is time to say that scans of a target fail.
func (f *Feature) failsLong(ctx context.Context, s scans.Scan) (bool, error) {
	times, err := db.All[db.Time](ctx, f.DB, `SELECT s.ended_at FROM drift_scans s WHERE s.target = ? AND s.status = 'errored' AND s.ended_at IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM drift_scans g WHERE g.target = s.target AND g.status = 'finished' AND g.queued_at > s.queued_at)
		ORDER BY s.ended_at DESC LIMIT 2000`, s.Target)
	if err != nil || len(times) < 2 {
		return false, err
	}
	now, before, first := times[0], times[1], times[len(times)-1]
	if len(times) == 2 {
		return true, nil
	}
	for _, mark := range []time.Duration{time.Hour, 24 * time.Hour, 7 * 24 * time.Hour} {
		if before.Sub(first.Time) < mark && now.Sub(first.Time) >= mark {
			return true, nil
		}
	}
	return false, nil
}

package findings

import (
	"context"
	"time"

	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/drift/severity"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
)

// Episode is a time during which a target has drift.
type Episode struct {
	ID             string   `db:"id"`
	OrgID          string   `db:"org_id"`
	WorkspaceID    *string  `db:"workspace_id"`
	ScheduleID     *string  `db:"schedule_id"`
	Folder         string   `db:"folder"`
	Target         string   `db:"target"`
	Status         Status   `db:"status"` // Open, Resolved
	Severity       string   `db:"severity"`
	Worst          string   `db:"worst"`
	Summary        string   `db:"summary"`
	Fingerprint    string   `db:"fingerprint"`
	Findings       int      `db:"findings"`
	Resources      int      `db:"resources"`
	Checks         int      `db:"checks"`
	Flaps          int      `db:"flaps"`
	Told           int      `db:"told"`
	FirstScanID    string   `db:"first_scan_id"`
	LastScanID     string   `db:"last_scan_id"`
	OpenedAt       db.Time  `db:"opened_at"`
	ChangedAt      db.Time  `db:"changed_at"`
	ToldAt         *db.Time `db:"told_at"` // nil: of what is there now nobody was told
	ResolvedAt     *db.Time `db:"resolved_at"`
	AcknowledgedAt *db.Time `db:"acknowledged_at"`
	AcknowledgedBy *string  `db:"acknowledged_by"`
	AssignedTo     *string  `db:"assigned_to"`

	ProjectID string `db:"project_id,extra"`
}

// Scope implements authz.Scoped.
func (e Episode) Scope() authz.Scope {
	return authz.Scope{Org: e.OrgID, Project: e.ProjectID, Workspace: db.Text(e.WorkspaceID)}
}

// Permission implements authz.Owned.
func (e Episode) Permission(p authz.Permission) authz.Permission {
	return scans.PermissionOn(e.WorkspaceID != nil, p)
}

// The flap guard.
const (
	sameEpisode = 24 * time.Hour // what comes back within that is the same episode
	maxFlaps    = 3              // after which nobody is told any more that it came back
)

// tally is what the open findings of a target come to.
type tally struct {
	findings, checks int
	objects          map[string]bool
	fingerprints     []string
	worst            severity.Level
	ids              []string
	pending          []string // fingerprints of changes of the code that are not applied
}

// open counts what makes an episode of a target.
func (f *Feature) open(ctx context.Context, target string) (tally, error) {
	t := tally{objects: map[string]bool{}, worst: severity.Info}
	list, err := db.All[Finding](ctx, f.DB, `SELECT {f} FROM drift_findings f WHERE f.target = ? AND f.status = 'open'`, target)
	for _, one := range list {
		if one.Kind == classify.Pending {
			t.pending = append(t.pending, one.Fingerprint)
		}
		if !one.counts() {
			continue
		}
		t.findings++
		t.fingerprints, t.ids = append(t.fingerprints, one.Fingerprint), append(t.ids, one.ID)
		if t.objects[one.Address] = true; one.Kind == Check {
			t.checks++
		}
		if l := severity.Level(one.Severity); l.Rank() > t.worst.Rank() {
			t.worst = l
		}
	}
	return t, err
}

const selectEpisodes = `SELECT {e}, COALESCE(w.project_id, '') AS project_id FROM drift_episodes e LEFT JOIN workspaces w ON w.id = e.workspace_id`

// Episode returns the episode with the given id.
func (f *Feature) Episode(ctx context.Context, id string) (Episode, error) {
	return db.One[Episode](ctx, f.DB, selectEpisodes+` WHERE e.id = ?`, id)
}

// EpisodesIn returns the episodes with the given ids.
func (f *Feature) EpisodesIn(ctx context.Context, ids []string) ([]Episode, error) {
	return db.In[Episode](ctx, f.DB, selectEpisodes+` WHERE e.id IN (?)`, ids)
}

// last is the newest episode of a target; the zero Episode if it never had one.
func (f *Feature) last(ctx context.Context, target string) (Episode, error) {
	list, err := db.All[Episode](ctx, f.DB, selectEpisodes+` WHERE e.target = ? ORDER BY e.status = 'open' DESC, e.opened_at DESC, e.id DESC LIMIT 1`, target)
	if err != nil || len(list) == 0 {
		return Episode{}, err
	}
	return list[0], nil
}

// reckon makes the episode of a target what its open findings say, and says in e what is
// new about it.
func (f *Feature) reckon(ctx context.Context, e *Event, s scans.Scan) error {
	t, err := f.open(ctx, s.Target)
	if err != nil {
		return err
	}
	if t.findings > 0 {
		t.worst = worse(t.worst, e.Verdict.Severity) // as the context raises it
		if e.Verdict.Moved < 0 && t.worst != severity.Critical {
			t.worst = e.Verdict.Severity
		}
	}
	e.Pending, e.PendingFingerprint = len(t.pending), scans.Sum(t.pending)
	was, err := f.last(ctx, s.Target)
	if err != nil {
		return err
	}
	now := db.Now()
	it, note := was, HasChanged
	switch {
	case t.findings == 0 && was.Status != Open:
		return nil
	case t.findings == 0:
		return f.end(ctx, e, was, s)
	case was.Status == Open:
		if e.Kind = difference(was, t); e.Kind == Raised {
			note = HasRaised
		}
	case was.ResolvedAt != nil && now.Sub(was.ResolvedAt.Time) < sameEpisode:
		it.Status, it.ResolvedAt, it.Flaps, it.ToldAt, note = Open, nil, was.Flaps+1, nil, HasReopened
		if it.Flaps <= maxFlaps {
			e.Kind = New
		}
	default:
		it = Episode{ID: id.New("drep"), OrgID: s.OrgID, WorkspaceID: s.WorkspaceID, ScheduleID: s.ScheduleID, Folder: s.Folder, Target: s.Target, Status: Open,
			FirstScanID: s.ID, OpenedAt: now, ChangedAt: now, ProjectID: s.ProjectID}
		e.Kind, note = New, HasOpened
	}
	it.fill(t, *e, s, now)
	e.Episode = it
	if err := f.store(ctx, it, it.ID != was.ID); err != nil {
		return err
	}
	if note != HasChanged || e.Kind == Changed {
		if err := f.noted(ctx, Note{OrgID: it.OrgID, EpisodeID: it.ID, Kind: note, Severity: it.Severity, Findings: it.Findings, ScanID: &s.ID}); err != nil {
			return err
		}
	}
	query, args := db.List(`UPDATE drift_findings SET episode_id = ? WHERE (episode_id IS NULL OR episode_id <> ?) AND id IN (?)`, t.ids, it.ID, it.ID)
	_, err = f.DB.Exec(ctx, query, args...)
	return err
}

// difference is what is new about an episode that goes on.
func difference(was Episode, t tally) string {
	switch {
	case t.worst.Rank() > severity.Level(was.Severity).Rank():
		return Raised
	case scans.Sum(t.fingerprints) != was.Fingerprint:
		return Changed
	}
	return ""
}

// fill brings an episode up to date.
func (e *Episode) fill(t tally, ev Event, s scans.Scan, now db.Time) {
	if fingerprint := scans.Sum(t.fingerprints); fingerprint != e.Fingerprint {
		e.Fingerprint, e.ChangedAt = fingerprint, now
	}
	e.Severity, e.Findings, e.Checks, e.Resources, e.LastScanID = string(t.worst), t.findings, t.checks, len(t.objects), s.ID
	if severity.Level(e.Worst).Rank() < t.worst.Rank() {
		e.Worst = e.Severity
	}
	if summary := ev.Verdict.Words.Summary; summary != "" {
		e.Summary = summary
	}
	if ev.Kind != "" {
		e.Told, e.ToldAt = e.Told+1, &now
		e.AcknowledgedAt, e.AcknowledgedBy = nil, nil // somebody has seen something else
	}
}

func (f *Feature) store(ctx context.Context, e Episode, isNew bool) error {
	f.changedEpisode(ctx, e)
	if isNew {
		return f.DB.Insert(ctx, "drift_episodes", e)
	}
	return f.DB.Update(ctx, "drift_episodes", e, "status", "severity", "worst", "summary", "fingerprint", "findings", "resources", "checks", "flaps", "told",
		"last_scan_id", "changed_at", "told_at", "resolved_at", "acknowledged_at", "acknowledged_by")
}

// end resolves an episode. Who was told that it began is told.
func (f *Feature) end(ctx context.Context, e *Event, it Episode, s scans.Scan) error {
	now := db.Now()
	it.Status, it.ResolvedAt, it.ChangedAt, it.LastScanID, it.Findings, it.Resources, it.Checks = Resolved, &now, now, s.ID, 0, 0, 0
	if it.ToldAt != nil {
		e.Kind = Cleared
	}
	e.Episode = it
	if err := f.store(ctx, it, false); err != nil {
		return err
	}
	return f.noted(ctx, Note{OrgID: it.OrgID, EpisodeID: it.ID, Kind: HasResolved, Severity: it.Severity, ScanID: &s.ID})
}

// Known implements scans.Feature.Known.
func (f *Feature) Known(ctx context.Context, target string) (scans.Known, error) {
	var k scans.Known
	e, err := f.last(ctx, target)
	if err != nil || e.Status != Open {
		return k, err
	}
	k.Severity, k.Fingerprint = e.Severity, e.Fingerprint
	if e.AcknowledgedAt != nil {
		return k, nil
	}
	oldest, err := db.All[db.Time](ctx, f.DB, `SELECT first_seen_at FROM drift_findings WHERE target = ? AND status = 'open' AND acknowledged_at IS NULL AND kind <> 'pending-config' ORDER BY first_seen_at LIMIT 1`, target)
	if err == nil && len(oldest) > 0 {
		k.OldestOpen = time.Since(oldest[0].Time)
	}
	return k, err
}

// ForgetSchedule drops what is known of a schedule that is no more.
func (f *Feature) ForgetSchedule(ctx context.Context, scheduleID string) error {
	for _, table := range []string{"drift_findings", "drift_episodes", "drift_ignore_rules"} {
		if _, err := f.DB.Exec(ctx, `DELETE FROM `+table+` WHERE schedule_id = ?`, scheduleID); err != nil {
			return err
		}
	}
	return nil
}

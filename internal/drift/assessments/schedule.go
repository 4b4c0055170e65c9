package assessments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"plumbline.dev/plumbline/internal/delivery/configversions"
	"plumbline.dev/plumbline/internal/delivery/progress"
	"plumbline.dev/plumbline/internal/delivery/runs"
	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// Health is what is known of a workspace.
type Health string

// The states. A workspace whose assessments are off has none.
const (
	Unknown  Health = "unknown"        // not looked at yet
	Healthy  Health = "healthy"        // as the last apply left it, and all checks pass
	Drifted  Health = "drifted"        // changed outside
	Failing  Health = "checks-failing" // not drifted, but a check fails
	Broken   Health = "errored"        // the last assessment failed; the reason says with what
	Blocked  Health = "blocked"        // it cannot be looked at; the reason says why
	retryOf         = time.Hour        // of what is blocked: it is soon found out when it is not any more
	quietFor        = 2                // periods without a result, until somebody is told
	sweepMax        = 500
)

// row is a workspace_health.
type row struct {
	WorkspaceID string   `db:"workspace_id"`
	OrgID       string   `db:"org_id"`
	State       Health   `db:"state"`
	Reason      string   `db:"reason"`
	ResultID    *string  `db:"result_id"`
	ResultAt    *db.Time `db:"result_at"`
	SucceededAt *db.Time `db:"succeeded_at"`
	NextAt      db.Time  `db:"next_at"`
	ToldAt      *db.Time `db:"told_at"`
}

// Eligible returns the run that was applied last, whose configuration is looked at, or why
// there is none that can be.
func (f *Feature) Eligible(ctx context.Context, ws workspaces.Workspace) (r runs.Run, why string, err error) {
	if ws.ExecutionMode() == "local" {
		return r, "Its runs are executed locally: the server has no configuration to look at.", nil
	}
	if ws.CurrentStateVersionID == nil {
		return r, "It has no state yet.", nil
	}
	r, err = f.Runs.LastApplied(ctx, ws.ID)
	switch {
	case errors.Is(err, problem.NotFound):
		return r, "Nothing has been applied in it by a run yet.", nil
	case err != nil:
		return r, "", err
	case r.IsDestroy && ws.ResourceCount == 0:
		return r, "Everything in it was destroyed.", nil
	case r.ConfigurationVersionID == nil:
		return r, "The last run that was applied has no configuration.", nil
	}
	v, err := f.Configs.Find(ctx, *r.ConfigurationVersionID)
	if err != nil && !errors.Is(err, problem.NotFound) {
		return r, "", err
	}
	if err != nil || v.DeletedAt != nil || (v.Status != configversions.Uploaded && !v.FromVCS()) {
		return r, "The configuration that was applied last is no longer there: a new run brings it back.", nil
	}
	return r, "", nil
}

// errBlocked is why an assessment cannot begin.
type errBlocked string

func (e errBlocked) Error() string { return string(e) }

// begin queues an assessment of a workspace, which is locked. It is errBlocked if the
// workspace cannot be looked at, and scans.ErrOngoing if one is under way.
func (f *Feature) begin(ctx context.Context, ws workspaces.Workspace, reason scans.Reason, by *string) error {
	_, why, err := f.Eligible(ctx, ws)
	if err != nil {
		return err
	}
	if why != "" {
		return errBlocked(why)
	}
	n := scans.New{OrgID: ws.OrgID, WorkspaceID: ws.ID, Reason: reason, RequestedBy: by}
	if ws.ExecutionMode() == "agent" {
		n.PoolID = ws.AgentPoolID()
	}
	_, err = f.Scans.Start(ctx, n)
	return err
}

// assess begins an assessment now (OpenAPI document, "Trigger a drift detection assessment").
func (f *Feature) assess(ctx context.Context, ws workspaces.Workspace, _ jsonapi.In[struct{}]) (workspaces.Workspace, error) {
	const refused = "Assessment cannot be triggered in the current workspace state. "
	ws, err := f.Workspaces.Lock(ctx, ws.ID)
	if err != nil {
		return ws, err
	}
	if !ws.Assessed() {
		return ws, problem.Conflict(refused + "Health assessments are not enabled.")
	}
	var by *string
	if user := authz.From(ctx).UserID(); user != "" {
		by = &user
	}
	err = f.begin(ctx, ws, scans.Manual, by)
	var blocked errBlocked
	switch {
	case errors.As(err, &blocked):
		return ws, problem.Conflict(refused+"%s", blocked.Error())
	case errors.Is(err, scans.ErrOngoing):
		return ws, problem.Conflict(refused + "An assessment is under way.")
	case err != nil:
		return ws, err
	}
	return f.Workspaces.Read(ctx, ws.ID)
}

// Sweep begins the assessments that are due, and tells of workspaces that nobody has looked
// at for two periods.
func (f *Feature) Sweep(ctx context.Context) error {
	return errors.Join(f.enroll(ctx), f.sweepDue(ctx), f.sweepQuiet(ctx))
}

// enroll finds workspaces whose assessments are on since lately: the first one is due after
// a period.
func (f *Feature) enroll(ctx context.Context) error {
	type found struct {
		ID    string `db:"id"`
		OrgID string `db:"org_id"`
	}
	list, err := db.All[found](ctx, f.DB, `SELECT w.id AS id, w.org_id AS org_id FROM workspaces w JOIN organizations o ON o.id = w.org_id
		WHERE (w.assessments_enabled OR o.assessments_enforced) AND NOT EXISTS (SELECT 1 FROM workspace_health h WHERE h.workspace_id = w.id) LIMIT ?`, sweepMax)
	if err != nil || len(list) == 0 {
		return err
	}
	now, rows := db.Now(), make([]row, len(list))
	periods := map[string]time.Duration{}
	for i, w := range list {
		if _, ok := periods[w.OrgID]; !ok {
			s, err := f.Settings(ctx, w.OrgID)
			if err != nil {
				return err
			}
			periods[w.OrgID] = s.Period()
		}
		rows[i] = row{WorkspaceID: w.ID, OrgID: w.OrgID, State: Unknown, SucceededAt: &now, NextAt: db.At(now.Add(periods[w.OrgID]))}
	}
	return db.InsertAll(ctx, f.DB, "workspace_health", rows, `ON CONFLICT DO NOTHING`)
}

const enabled = ` FROM workspace_health h JOIN workspaces w ON w.id = h.workspace_id JOIN organizations o ON o.id = w.org_id
	WHERE (w.assessments_enabled OR o.assessments_enforced)`

// sweepDue begins what is due, the longest overdue first.
func (f *Feature) sweepDue(ctx context.Context) error {
	ids, err := db.All[string](ctx, f.DB, `SELECT h.workspace_id`+enabled+` AND h.next_at <= ? ORDER BY h.next_at LIMIT ?`, db.Now(), sweepMax)
	errs := []error{err}
	for _, id := range ids {
		err := f.DB.Tx(ctx, func(ctx context.Context) error { return f.due(ctx, id) })
		if err != nil && !errors.Is(err, problem.NotFound) {
			errs = append(errs, fmt.Errorf("assessing %s: %w", id, err))
		}
	}
	return errors.Join(errs...)
}

// due begins the assessment of a workspace, or notes why it cannot begin.
func (f *Feature) due(ctx context.Context, workspaceID string) error {
	ws, err := f.Workspaces.Lock(ctx, workspaceID)
	if err != nil {
		return err
	}
	s, err := f.Settings(ctx, ws.OrgID)
	if err != nil {
		return err
	}
	err = f.begin(ctx, ws, scans.Scheduled, nil)
	var blocked errBlocked
	switch {
	case errors.As(err, &blocked):
		f.changed(ctx, ws)
		_, err = f.DB.Exec(ctx, `UPDATE workspace_health SET state = ?, reason = ?, next_at = ? WHERE workspace_id = ?`,
			Blocked, blocked.Error(), db.At(time.Now().Add(min(retryOf, s.Period()))), ws.ID)
		return err
	case err != nil && !errors.Is(err, scans.ErrOngoing):
		return err
	}
	_, err = f.DB.Exec(ctx, `UPDATE workspace_health SET next_at = ? WHERE workspace_id = ?`, db.At(time.Now().Add(s.Period())), ws.ID)
	return err
}

// sweepQuiet makes a failed result for workspaces that should have been looked at and were
// not: by it people hear of it.
func (f *Feature) sweepQuiet(ctx context.Context) error {
	list, err := db.All[row](ctx, f.DB, `SELECT {h}`+enabled+` AND h.succeeded_at < ? AND (h.told_at IS NULL OR h.told_at < h.succeeded_at) ORDER BY h.succeeded_at LIMIT ?`,
		db.At(time.Now().Add(-quietFor*minPeriod)), sweepMax)
	errs := []error{err}
	for _, h := range list {
		s, err := f.Settings(ctx, h.OrgID)
		if err == nil && time.Since(h.SucceededAt.Time) > quietFor*s.Period() {
			err = f.DB.Tx(ctx, func(ctx context.Context) error { return f.tellQuiet(ctx, h) })
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (f *Feature) tellQuiet(ctx context.Context, h row) error {
	ws, err := f.Workspaces.Lock(ctx, h.WorkspaceID)
	if err != nil {
		return err
	}
	why := h.Reason
	if why == "" {
		why = "It waits for an executor."
	}
	now := db.Now()
	if _, err := f.DB.Exec(ctx, `UPDATE workspace_health SET told_at = ? WHERE workspace_id = ?`, now, ws.ID); err != nil {
		return err
	}
	return f.conclude(ctx, ws, Result{ID: id.New("asmtres"), AssessmentID: id.New("asmt"), OrgID: ws.OrgID, WorkspaceID: ws.ID, Status: progress.Unreachable,
		ErrorMessage: "No assessment has succeeded for two periods. " + why, CreatedAt: now, ProjectID: ws.ProjectID})
}

// note makes a result the current one of its workspace.
func (f *Feature) note(ctx context.Context, r Result) error {
	s, err := f.Settings(ctx, r.OrgID)
	if err != nil {
		return err
	}
	h := row{WorkspaceID: r.WorkspaceID, OrgID: r.OrgID, State: r.health(), Reason: r.ErrorMessage, ResultID: &r.ID, ResultAt: &r.CreatedAt, NextAt: db.At(time.Now().Add(s.Period()))}
	if r.Succeeded {
		h.SucceededAt = &r.CreatedAt
	}
	return db.InsertAll(ctx, f.DB, "workspace_health", []row{h}, `ON CONFLICT (workspace_id) DO UPDATE SET
		state = CASE WHEN workspace_health.state = 'blocked' AND excluded.succeeded_at IS NULL THEN workspace_health.state ELSE excluded.state END,
		reason = CASE WHEN workspace_health.state = 'blocked' AND excluded.succeeded_at IS NULL THEN workspace_health.reason ELSE excluded.reason END,
		result_id = excluded.result_id, result_at = excluded.result_at,
		succeeded_at = COALESCE(excluded.succeeded_at, workspace_health.succeeded_at),
		next_at = CASE WHEN workspace_health.state = 'blocked' AND excluded.succeeded_at IS NULL THEN workspace_health.next_at ELSE excluded.next_at END`)
}

func (r Result) health() Health {
	switch {
	case !r.Succeeded:
		return Broken
	case r.Drifted:
		return Drifted
	case r.failing():
		return Failing
	}
	return Healthy
}

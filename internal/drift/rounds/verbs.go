package rounds

import (
	"context"
	"time"

	"plumbline.dev/plumbline/internal/drift/findings"
	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/drift/schedules"
	"plumbline.dev/plumbline/internal/drift/verbs"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// Endpoints are those of the API at /drift for scans, findings and snoozes of schedules.
func (f *Feature) Endpoints() []verbs.Endpoint {
	return []verbs.Endpoint{
		{Path: "/scan", Verbs: map[string]verbs.Verb{"list": {Do: f.listScans}, "get": {Do: f.getScan}, "output": {Do: f.outputOfScan}, "findings": {Do: f.findingsOfScan}, "cancel": {Do: f.cancelScan}}},
		{Path: "/finding", Verbs: map[string]verbs.Verb{"list": {Do: f.listFindings}, "ack": {Do: f.ackFinding}, "ignore": {Do: f.ignoreFinding}, "assign": {Do: f.assignFinding}}},
		{Path: "/snooze", Verbs: map[string]verbs.Verb{"save": {Do: f.snooze, Needs: verbs.Operate}, "delete": {Do: f.wake, Needs: verbs.Operate}}},
	}
}

// maxListed is how many items a list of this API has, which knows no pages.
const maxListed = 200

// named are the fields by which requests name things.
type named struct {
	Scan     jsonapi.Opt[string]   `json:"scan_id"`
	Finding  jsonapi.Opt[string]   `json:"finding_id"`
	Schedule jsonapi.Opt[verbs.ID] `json:"config_id"`
	Folder   jsonapi.Opt[string]   `json:"folder"`
	Days     jsonapi.Opt[int]      `json:"days"`
	Reason   jsonapi.Opt[string]   `json:"reason"`
	Expires  jsonapi.Opt[*db.Time] `json:"expires"`
	User     jsonapi.Opt[string]   `json:"user_id"`
}

func (f *Feature) scanOf(ctx context.Context, c verbs.Call) (scans.Scan, error) {
	var in named
	if err := c.Decode(&in); err != nil {
		return scans.Scan{}, err
	}
	if in.Scan.V == "" {
		return scans.Scan{}, verbs.Missing("scan_id")
	}
	s, err := f.Scans.Find(ctx, in.Scan.V)
	if err == nil && (s.OrgID != c.OrgID || s.ScheduleID == nil) {
		err = verbs.NotFound("scan_id")
	}
	return s, err
}

func itemOfScan(s scans.Scan) verbs.Answer {
	return verbs.Answer{"id": s.ID, "config_id": s.ScheduleID, "folder": s.Folder, "reason": s.Reason, "scan_status": s.Status, "branch": s.Branch, "commit": s.Commit,
		"severity": s.Severity, "summary": s.Summary, "resources_drifted": s.Drifted, "resources_undrifted": s.Undrifted, "pending": s.Pending, "fingerprint": s.Fingerprint,
		"error": s.Error, "queued": s.QueuedAt, "started": s.StartedAt, "ended": s.EndedAt}
}

func (f *Feature) listScans(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	var in named
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	q := scans.Condition{Where: "s.org_id = ? AND s.schedule_id IS NOT NULL", Args: []any{c.OrgID}}
	if in.Schedule.V != "" {
		q.And("s.schedule_id = ?", string(in.Schedule.V))
	}
	list, err := db.All[scans.Scan](ctx, f.DB, `SELECT {s} FROM drift_scans s WHERE `+q.Where+` ORDER BY s.queued_at DESC, s.id DESC LIMIT ?`, append(q.Args, maxListed)...)
	items := make([]verbs.Answer, len(list))
	for i, s := range list {
		items[i] = itemOfScan(s)
	}
	return verbs.Answer{"scans": items}, err
}

func (f *Feature) getScan(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	s, err := f.scanOf(ctx, c)
	if err != nil {
		return nil, err
	}
	v, err := f.Scans.VerdictOf(ctx, s)
	item := itemOfScan(s)
	item["description"], item["output_brief"] = v.Words.Description, v.Words.Brief
	return verbs.Answer{"scan": item}, err
}

func (f *Feature) outputOfScan(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	s, err := f.scanOf(ctx, c)
	if err != nil {
		return nil, err
	}
	v, err := f.Scans.VerdictOf(ctx, s)
	return verbs.Answer{"output": v.Text}, err
}

func (f *Feature) findingsOfScan(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	s, err := f.scanOf(ctx, c)
	if err != nil {
		return nil, err
	}
	v, err := f.Scans.VerdictOf(ctx, s)
	if v.Findings == nil {
		return verbs.Answer{"findings": []string{}}, err
	}
	return verbs.Answer{"findings": v.Findings}, err
}

func (f *Feature) cancelScan(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	s, err := f.scanOf(ctx, c)
	if err != nil {
		return nil, err
	}
	if s.Status.Final() {
		return nil, verbs.Conflict("scan_ended", "The scan has ended: it is %s.", s.Status)
	}
	return nil, c.Change(ctx, f.DB, "drift-scans", s.ID, func(ctx context.Context) error { return f.Scans.Cancel(ctx, s.ID) })
}

func (f *Feature) listFindings(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	var in named
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	q := scans.Condition{Where: "f.org_id = ? AND f.schedule_id IS NOT NULL", Args: []any{c.OrgID}}
	if in.Schedule.V != "" {
		q.And("f.schedule_id = ?", string(in.Schedule.V))
	}
	list, err := f.Findings.Present(ctx, q.Where, q.Args, maxListed)
	items := make([]verbs.Answer, len(list))
	for i, one := range list {
		items[i] = verbs.Answer{"id": one.ID, "config_id": one.ScheduleID, "folder": one.Folder, "address": one.Address, "path": one.Path, "kind": one.Kind, "severity": one.Severity,
			"title": one.Title, "finding_status": one.Status, "masked": one.Masked, "first_seen": one.FirstSeenAt, "last_seen": one.LastSeenAt, "acknowledged": one.AcknowledgedAt, "assigned_to": one.AssignedTo}
	}
	return verbs.Answer{"findings": items}, err
}

// findingOf is the finding that a request names, with what else it says.
func (f *Feature) findingOf(ctx context.Context, c verbs.Call) (findings.Finding, named, error) {
	var in named
	if err := c.Decode(&in); err != nil {
		return findings.Finding{}, in, err
	}
	if in.Finding.V == "" {
		return findings.Finding{}, in, verbs.Missing("finding_id")
	}
	one, err := f.Findings.Find(ctx, in.Finding.V)
	if err == nil && (one.OrgID != c.OrgID || one.ScheduleID == nil) {
		err = verbs.NotFound("finding_id")
	}
	return one, in, err
}

func (f *Feature) ackFinding(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	one, _, err := f.findingOf(ctx, c)
	if err != nil {
		return nil, err
	}
	return nil, c.Change(ctx, f.DB, "drift-findings", one.ID, func(ctx context.Context) error { return f.Findings.Acknowledge(ctx, one) })
}

func (f *Feature) ignoreFinding(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	one, in, err := f.findingOf(ctx, c)
	if err != nil {
		return nil, err
	}
	return nil, c.Change(ctx, f.DB, "drift-findings", one.ID, func(ctx context.Context) error { return f.Findings.Ignore(ctx, one, in.Reason.V, in.Expires.V) })
}

func (f *Feature) assignFinding(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	one, in, err := f.findingOf(ctx, c)
	if err != nil {
		return nil, err
	}
	return nil, c.Change(ctx, f.DB, "drift-findings", one.ID, func(ctx context.Context) error { return f.Findings.Assign(ctx, one, in.User.V) })
}

// scheduleOf is the schedule that a request names, with what else it says.
func (f *Feature) scheduleOf(ctx context.Context, c verbs.Call) (schedules.Schedule, named, error) {
	var in named
	if err := c.Decode(&in); err != nil {
		return schedules.Schedule{}, in, err
	}
	if in.Schedule.V == "" {
		return schedules.Schedule{}, in, verbs.Missing("config_id")
	}
	s, err := f.Schedules.Of(ctx, c.OrgID, string(in.Schedule.V))
	return s, in, err
}

// maxSnooze is the longest snooze in days, as of links.
const maxSnooze = 365

func (f *Feature) snooze(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	s, in, err := f.scheduleOf(ctx, c)
	if err != nil {
		return nil, err
	}
	days := in.Days.Or(1)
	if days < 1 || days > maxSnooze {
		return nil, verbs.Invalid("days", "invalid_field", "The field days is a number from 1 to %d.", maxSnooze)
	}
	until := time.Now().AddDate(0, 0, days)
	err = c.Change(ctx, f.DB, "drift-schedules", s.ID, func(ctx context.Context) error {
		_, err := f.Snoozes.Set(ctx, s, in.Folder.Or("."), until)
		return err
	})
	return verbs.Answer{"snoozed": db.At(until)}, err
}

func (f *Feature) wake(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	s, in, err := f.scheduleOf(ctx, c)
	if err != nil {
		return nil, err
	}
	return nil, c.Change(ctx, f.DB, "drift-schedules", s.ID, func(ctx context.Context) error { return f.Snoozes.End(ctx, s.ID, in.Folder.Or(".")) })
}

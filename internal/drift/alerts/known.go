package alerts

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/db"
)

// pendingEpisode begins what stands for an episode where code is not applied.
const pendingEpisode = "pending-config:"

// told reports whether the alert has told of the episode what the event says. If it has not,
// the kind of the event becomes what it is for those whom the alert tells: what is new to
// them is new, whoever knew of it before.
func (f *Feature) told(ctx context.Context, a Alert, e *Event) (bool, error) {
	if e.Kind == Recovered {
		return f.unaware(ctx, a, *e)
	}
	if e.EpisodeID == "" || e.Kind == Failed || e.Kind == Test {
		return false, nil
	}
	last, err := f.lastTold(ctx, a, *e)
	switch {
	case err != nil:
		return false, err
	case last.Event == "" || last.Event == Resolved:
		if e.Kind == Resolved {
			return true, nil // nobody knows of it, so nobody wants to know that it is over
		}
		e.Kind = New
		return false, nil
	case e.Kind == Resolved:
		return false, nil
	case a.Issues():
		if covered, err := f.lastOf(ctx, a, *e, ""); err != nil || covered == Failed { // by a failure, in the one issue of the folder
			e.Kind = Changed
			return false, err
		}
	}
	if !e.Repeat && last.Fingerprint == e.Fingerprint && rank(last.Severity) >= rank(e.Severity) {
		return true, nil
	}
	if e.Kind = Changed; rank(last.Severity) < rank(e.Severity) {
		e.Kind = Raised
	}
	return false, nil
}

// unaware reports whether the alert does not have it that scans of a folder fail. Where one
// issue tells all of a folder, that is also so once drift has taken the place of the failure.
func (f *Feature) unaware(ctx context.Context, a Alert, e Event) (bool, error) {
	matters := " AND event IN ('error', 'recovered')"
	if a.Issues() {
		matters = ""
	}
	last, err := f.lastOf(ctx, a, e, matters)
	return last != Failed, err
}

// lastOf is the kind of what the alert told last of a folder, of what matters; "" if nothing.
func (f *Feature) lastOf(ctx context.Context, a Alert, e Event, matters string) (string, error) {
	list, err := db.All[string](ctx, f.DB, `SELECT event FROM drift_alert_deliveries WHERE alert_id = ? AND schedule_id = ? AND folder = ? AND event <> 'test'`+matters+`
		ORDER BY created_at DESC, id DESC LIMIT 1`, a.ID, e.ScheduleID, e.Folder)
	if err != nil || len(list) == 0 {
		return "", err
	}
	return list[0], nil
}

// lastTold is what the alert told last of an episode, zero if nothing. The issue of a folder
// tells one thing at a time: what came in between has taken the place of what was told.
func (f *Feature) lastTold(ctx context.Context, a Alert, e Event) (Delivery, error) {
	q, args := `FROM drift_alert_deliveries WHERE alert_id = ? AND episode_id = ?`, []any{e.AlertID, e.EpisodeID}
	if a.Issues() && e.Pending {
		q, args = `FROM drift_alert_deliveries WHERE alert_id = ? AND schedule_id = ? AND folder = ? AND episode_id <> ''`, []any{e.AlertID, e.ScheduleID, e.Folder}
	}
	list, err := db.All[Delivery](ctx, f.DB, q+` AND event NOT IN ('error', 'recovered', 'test') ORDER BY created_at DESC, id DESC LIMIT 1`, args...)
	if err != nil || len(list) == 0 {
		return Delivery{}, err
	}
	return list[0], nil
}

// heard is the kind of an event for those who get it: it is new as long as nothing else of
// the episode has reached them, because that was overtaken or did not go out.
func (f *Feature) heard(ctx context.Context, d Delivery) (string, error) {
	if d.EpisodeID == "" || d.Event != Changed && d.Event != Raised {
		return d.Event, nil
	}
	list, err := db.All[string](ctx, f.DB, `SELECT event FROM drift_alert_deliveries WHERE alert_id = ? AND episode_id = ? AND created_at < ?
		AND event IN ('new', 'changed', 'raised', 'resolved') AND status IN ('sent', 'digested') ORDER BY created_at DESC, id DESC LIMIT 1`, d.AlertID, d.EpisodeID, d.CreatedAt)
	if err == nil && (len(list) == 0 || list[0] == Resolved) {
		return New, nil
	}
	return d.Event, err
}

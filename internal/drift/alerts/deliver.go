package alerts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/mail"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// sending is the job to send what a delivery has to tell.
type sending struct {
	DeliveryID string `json:"delivery_id"`
}

// Kind implements jobs.Args.
func (sending) Kind() string { return "drift-alert" }

// pauses are those before the second try and so on: five tries within an hour.
var pauses = []time.Duration{30 * time.Second, 3 * time.Minute, 12 * time.Minute, 44 * time.Minute}

// giveUp is how long who asks to be left alone is asked again.
const giveUp = 24 * time.Hour

// final is a failure that no further try mends.
type final struct{ error }

// Unwrap implements errors.Unwrap.
func (f final) Unwrap() error { return f.error }

// later is a failure that its receiver wants to be tried again, but not before a time.
type later struct {
	error
	at time.Time
}

// Unwrap implements errors.Unwrap.
func (l later) Unwrap() error { return l.error }

// deliver does the job: a failure is tried again until it has failed five times, and then
// waits as a dead letter for somebody to have it sent again.
func (f *Feature) deliver(ctx context.Context, j sending) error {
	d, err := f.findDelivery(ctx, j.DeliveryID)
	if errors.Is(err, problem.NotFound) || err == nil && d.Status != pending {
		return nil
	}
	if err != nil {
		return err
	}
	if d.NextAttemptAt != nil && d.NextAttemptAt.After(f.now().Add(10*time.Second)) {
		return nil // an earlier job of the same delivery; there is one for that time
	}
	a, err := f.Find(ctx, d.AlertID)
	if err != nil {
		return ignoreMissing(err)
	}
	stale, err := f.stale(ctx, d)
	if err != nil {
		return err
	}
	if stale {
		return f.finish(ctx, a, d, superseded, nil)
	}
	d.Attempts++
	if d.Event, err = f.heard(ctx, d); err != nil {
		return err
	}
	if err := f.DB.Update(ctx, "drift_alert_deliveries", d, "attempts", "event"); err != nil {
		return err
	}
	err = f.send(ctx, a, d)
	if err == nil {
		return f.finish(ctx, a, d, sent, nil)
	}
	return f.failed(ctx, a, d, err)
}

func ignoreMissing(err error) error {
	if errors.Is(err, problem.NotFound) {
		return nil
	}
	return err
}

// stale reports whether there is no use in a delivery any more: what it tells of has ended
// and the end was told, or it is the end of what nobody was told.
func (f *Feature) stale(ctx context.Context, d Delivery) (bool, error) {
	if d.Event == Failed || d.Event == Recovered {
		return f.staleFailure(ctx, d)
	}
	if d.EpisodeID == "" {
		return false, nil
	}
	if d.Event == Resolved {
		n, err := db.One[int](ctx, f.DB, `SELECT COUNT(*) FROM drift_alert_deliveries WHERE alert_id = ? AND episode_id = ? AND event IN ('new', 'changed', 'raised') AND status IN ('sent', 'digested')`,
			d.AlertID, d.EpisodeID)
		return n == 0, err
	}
	n, err := db.One[int](ctx, f.DB, `SELECT COUNT(*) FROM drift_alert_deliveries WHERE alert_id = ? AND episode_id = ? AND created_at > ? AND event IN ('new', 'changed', 'raised', 'resolved') AND status <> 'dead'`,
		d.AlertID, d.EpisodeID, d.CreatedAt)
	return n > 0, err
}

// staleFailure is stale for failures of scans, and for the end of them: of that those hear who
// heard of a failure since scans worked last.
func (f *Feature) staleFailure(ctx context.Context, d Delivery) (bool, error) {
	if d.Event == Recovered {
		last, err := db.All[string](ctx, f.DB, `SELECT event FROM drift_alert_deliveries WHERE alert_id = ? AND schedule_id = ? AND folder = ? AND created_at <= ? AND id <> ?
			AND event IN ('error', 'recovered') AND status IN ('sent', 'digested') ORDER BY created_at DESC, id DESC LIMIT 1`, d.AlertID, d.ScheduleID, d.Folder, d.CreatedAt, d.ID)
		return len(last) == 0 || last[0] != Failed, err
	}
	n, err := db.One[int](ctx, f.DB, `SELECT COUNT(*) FROM drift_alert_deliveries WHERE alert_id = ? AND schedule_id = ? AND folder = ? AND created_at > ? AND event = 'recovered' AND status <> 'dead'`, d.AlertID, d.ScheduleID, d.Folder, d.CreatedAt)
	return n > 0, err
}

// failed decides what becomes of a delivery that did not go out.
func (f *Feature) failed(ctx context.Context, a Alert, d Delivery, err error) error {
	if _, ok := errors.AsType[final](err); ok || d.Attempts > len(pauses) {
		return f.finish(ctx, a, d, dead, err)
	}
	next := f.now().Add(pauses[d.Attempts-1])
	next = next.Add(rand.N(pauses[d.Attempts-1] / 10))
	if wait, ok := errors.AsType[later](err); ok {
		next = wait.at
		d.Attempts-- // who is told to come back later has not failed
		if next.Sub(d.CreatedAt.Time) > giveUp {
			return f.finish(ctx, a, d, dead, err)
		}
	}
	at := db.At(next)
	d.NextAttemptAt, d.Error = &at, told(err)
	slog.WarnContext(ctx, "a drift alert did not go out and will be tried again", "alert", a.ID, "delivery", d.ID, "attempt", d.Attempts, "err", d.Error)
	f.count(a, "retried")
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		f.tell(ctx, d)
		if err := f.DB.Update(ctx, "drift_alert_deliveries", d, "attempts", "next_attempt_at", "error"); err != nil {
			return err
		}
		return f.Jobs.Enqueue(ctx, sending{d.ID}, jobs.At(next))
	})
}

// told is the text of a failure as people may read it, without secrets: errors of safehttp name
// hosts and no paths.
func told(err error) string {
	if p, ok := problem.From(err); ok {
		return cut(p.Detail, 500)
	}
	return cut(err.Error(), 500)
}

// finish writes how a delivery has ended, and in its alert how it goes.
func (f *Feature) finish(ctx context.Context, a Alert, d Delivery, status string, err error) error {
	now := db.At(f.now())
	d.Status, d.FinishedAt, d.NextAttemptAt, d.Error = status, &now, nil, ""
	if err != nil {
		d.Error = told(err)
		slog.WarnContext(ctx, "a drift alert did not go out", "alert", a.ID, "delivery", d.ID, "attempts", d.Attempts, "err", d.Error)
	}
	f.count(a, status)
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		f.tell(ctx, d)
		if d.Event == digest {
			if err := f.hold(ctx, a); err != nil {
				return err
			}
		}
		if err := f.DB.Update(ctx, "drift_alert_deliveries", d, "status", "finished_at", "next_attempt_at", "error", "attempts"); err != nil {
			return err
		}
		if f.Sent != nil && d.EpisodeID != "" && (status == sent || status == dead) {
			if err := f.Sent(ctx, a, d, status == sent); err != nil {
				return err
			}
		}
		if err := f.mark(ctx, a, status); err != nil || d.Event != digest {
			return err
		}
		return f.digestTheRest(ctx, a, d)
	})
}

// tell tells clients how far a delivery has got.
func (f *Feature) tell(ctx context.Context, d Delivery) {
	changes.Tell(ctx, f.Bus, d.Scope(), "drift-alert-deliveries", d.ID)
}

// mark writes into an alert whether its last message went out.
func (f *Feature) mark(ctx context.Context, a Alert, status string) error {
	switch status {
	case sent:
		now := db.At(f.now())
		a.LastSentAt, a.LastStatus = &now, "sent"
		return f.DB.Update(ctx, "drift_alerts", a, "last_sent_at", "last_status")
	case dead:
		a.LastStatus = "failed"
		return f.DB.Update(ctx, "drift_alerts", a, "last_status")
	}
	return nil
}

// send tells what a delivery has to tell, outside any transaction.
func (f *Feature) send(ctx context.Context, a Alert, d Delivery) error {
	e, err := f.event(ctx, d)
	if err != nil {
		return final{err}
	}
	e.Kind = d.Event
	if d.Event == digest {
		if err := f.claimDigested(ctx, d); err != nil {
			return err
		}
		if e, err = f.collect(ctx, a, d, e); err != nil {
			return err
		}
	}
	switch {
	case a.Issues() && e.Kind == Test:
		return f.tryIssue(ctx, a, e)
	case a.Issues():
		return f.keepIssue(ctx, a, e)
	}
	m, err := f.words(ctx, a, e)
	if err != nil {
		return err
	}
	return f.channel(ctx, a, e, m)
}

// channel gives a message to where the alert sends it.
func (f *Feature) channel(ctx context.Context, a Alert, e Event, m message) error {
	switch a.Type {
	case Post:
		return f.post(ctx, a, m)
	case Mail:
		return f.mail(ctx, a, m)
	case Slack:
		return f.slack(ctx, a, m)
	case Teams:
		return f.teams(ctx, a, m)
	case PagerDuty, Opsgenie:
		return f.page(ctx, a, e, m)
	case Service:
		return f.service(ctx, a, e, m)
	}
	return final{fmt.Errorf("no way to send an alert of type %q", a.Type)}
}

func (f *Feature) mail(ctx context.Context, a Alert, m message) error {
	err := f.Mail.Send(ctx, mail.Message{To: a.Recipients.V, Subject: m.Subject, Text: m.Body, HTML: mail.HTML(m.Body)})
	if _, ok := errors.AsType[mail.Unset](err); ok {
		return final{err}
	}
	if _, ok := errors.AsType[mail.Refused](err); ok {
		return final{err}
	}
	return err
}

const selectDeliveries = `FROM drift_alert_deliveries`

func (f *Feature) findDelivery(ctx context.Context, id string) (Delivery, error) {
	return db.One[Delivery](ctx, f.DB, selectDeliveries+` WHERE id = ?`, id)
}

// keepDeliveries is how long what was told is shown.
const keepDeliveries = 90 * 24 * time.Hour

// prune removes old deliveries. Those of an episode that goes on stay: by them is known what was
// told.
func (f *Feature) prune(ctx context.Context) error {
	_, err := f.DB.Exec(ctx, `DELETE FROM drift_alert_deliveries WHERE created_at < ? AND status <> 'pending' AND (episode_id = '' OR EXISTS (
		SELECT 1 FROM drift_alert_deliveries e WHERE e.alert_id = drift_alert_deliveries.alert_id AND e.episode_id = drift_alert_deliveries.episode_id AND e.event = 'resolved' AND e.status <> 'pending'))`,
		db.At(f.now().Add(-keepDeliveries)))
	return err
}

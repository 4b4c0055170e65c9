package alerts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Kinds of events.
const (
	New       = "new"       // drift where there was none
	Changed   = "changed"   // other drift than the last time
	Raised    = "raised"    // more severe than the last time
	Resolved  = "resolved"  // the drift is gone
	Failed    = "error"     // the scan has failed
	Recovered = "recovered" // scans work again, of which it was told that they fail
	Test      = "test"      // somebody tries the alert
	digest    = "digest"    // several events of a batch in one
)

// Event is what an alert tells. All text is masked: no value that is sensitive in the
// plan is in it.
type Event struct {
	Kind string `json:"kind"`

	OrgID   string `json:"org_id"`
	AlertID string `json:"alert_id"`

	ScheduleID   string `json:"schedule_id"`
	ScheduleName string `json:"schedule_name"`
	RepositoryID string `json:"repository_id"`
	Repo         string `json:"repo"` // full name, such as "acme/infra"
	Branch       string `json:"branch"`
	Commit       string `json:"commit"`
	Folder       string `json:"folder"` // "." is the root
	ScanID       string `json:"scan_id"`
	// BatchID is shared by the scans of a schedule that began together: of one batch 20 folders
	// are told one by one and the rest in a digest. "" is ScanID.
	BatchID     string `json:"batch_id"`
	EpisodeID   string `json:"episode_id"`
	Fingerprint string `json:"fingerprint"`

	Severity    string          `json:"severity"` // critical, high, medium, low, info
	Summary     string          `json:"summary"`
	Description string          `json:"description"` // Markdown
	Output      string          `json:"output"`      // the plan as people read it, or the error
	OutputBrief string          `json:"output_brief"`
	Findings    json.RawMessage `json:"findings,omitempty"`
	Drifted     int             `json:"drifted"`
	ChangedBy   string          `json:"changed_by"` // "" is unknown
	FirstSeen   time.Time       `json:"first_seen"`
	At          time.Time       `json:"at"`       // end of the scan
	Timezone    string          `json:"timezone"` // IANA name for DATE, TIME and TZ; "" is UTC
	// Pending tells of code that is not applied, not of drift: of one folder it is told as of an
	// episode, and whatever its severity, because who wants to hear of it has asked for it.
	Pending bool `json:"pending,omitempty"`
	// Repeat alerts although the fingerprint has been told: the schedule wants an alert of every
	// scan that drifts.
	Repeat bool `json:"repeat"`

	// Snooze returns the link that silences the folder for a number of days; nil asks
	// Feature.Snooze when the alert is sent.
	Snooze func(days int) string `json:"-"`
	// SnoozeLinks are those that the alert's texts need, by placeholder.
	SnoozeLinks map[string]string `json:"snooze_links,omitempty"`
}

// Limits of an event.
const (
	maxOutput      = 500 << 10
	maxFindings    = 256 << 10
	maxDescription = 16 << 10
)

// drift reports whether the event tells of drift that is there.
func (e Event) drift() bool { return slices.Contains([]string{New, Changed, Raised}, e.Kind) }

// over reports whether the event is the end of something: of drift, or of failures.
func (e Event) over() bool { return e.Kind == Resolved || e.Kind == Recovered }

// place is the folder that the event tells of.
func (e Event) place() string { return e.ScheduleID + "\n" + e.Folder }

// Delivery is an event on its way to where an alert sends it.
type Delivery struct {
	ID            string   `db:"id"`
	OrgID         string   `db:"org_id"`
	AlertID       string   `db:"alert_id"`
	Event         string   `db:"event"`
	ScheduleID    string   `db:"schedule_id"`
	RepositoryID  string   `db:"repository_id"`
	Folder        string   `db:"folder"`
	ScanID        string   `db:"scan_id"`
	BatchID       string   `db:"batch_id"`
	EpisodeID     string   `db:"episode_id"`
	Fingerprint   string   `db:"fingerprint"`
	Severity      string   `db:"severity"`
	Summary       string   `db:"summary"`
	Payload       []byte   `db:"payload"`
	Status        string   `db:"status"`
	Attempts      int      `db:"attempts"`
	NextAttemptAt *db.Time `db:"next_attempt_at"`
	Error         string   `db:"error"`
	CreatedAt     db.Time  `db:"created_at"`
	FinishedAt    *db.Time `db:"finished_at"`
	DigestID      string   `db:"digest_id"` // of a digested one: the delivery that told of it, "" if it waits
}

// place is the folder that the delivery tells of.
func (d Delivery) place() string { return d.ScheduleID + "\n" + d.Folder }

// Statuses of deliveries.
const (
	pending    = "pending"
	sent       = "sent"
	dead       = "dead"
	superseded = "superseded"
	digested   = "digested"
)

// Raise stores what an alert is to tell, in the transaction of the scan, and has it sent.
// It sends nothing of what the alert has told already: of an episode, only what is new,
// changed or raised, and that it is resolved if it was told at all. An alert that is
// gone is no error.
func (f *Feature) Raise(ctx context.Context, e Event) error {
	a, err := f.Find(ctx, e.AlertID)
	if errors.Is(err, problem.NotFound) || err == nil && a.OrgID != e.OrgID {
		return nil
	}
	if err != nil || !a.wants(e) {
		return err
	}
	if e.Pending {
		e.EpisodeID = pendingEpisode + e.ScheduleID + "/" + e.Folder
	}
	told, err := f.told(ctx, a, &e)
	if err != nil || told {
		return err
	}
	e = e.bounded(a)
	gathers, err := f.gathers(ctx, a, e)
	if err != nil {
		return err
	}
	if gathers {
		return f.gather(ctx, a, e)
	}
	d, err := f.delivery(ctx, e)
	if err != nil {
		return err
	}
	n, err := f.insert(ctx, d)
	if err != nil || n == 0 {
		return err
	}
	return f.Jobs.Enqueue(ctx, sending{d.ID})
}

// rank orders severities; what is unknown is the least.
func rank(severity string) int {
	return slices.Index([]string{"info", "low", "medium", "high", "critical"}, severity)
}

// wants reports whether the alert is about events this severe. An end and a failure have no
// severity of their own.
func (a Alert) wants(e Event) bool {
	return !e.drift() || e.Pending || rank(e.Severity) >= rank(a.MinSeverity)
}

func (f *Feature) insert(ctx context.Context, d Delivery) (int64, error) {
	err := db.InsertAll(ctx, f.DB, "drift_alert_deliveries", []Delivery{d}, "ON CONFLICT DO NOTHING")
	if err != nil {
		return 0, err
	}
	list, err := db.All[string](ctx, f.DB, `SELECT id FROM drift_alert_deliveries WHERE id = ?`, d.ID)
	f.tell(ctx, d)
	return int64(len(list)), err
}

// delivery is the row of an event, its text sealed.
func (f *Feature) delivery(ctx context.Context, e Event) (Delivery, error) {
	now := db.Now()
	d := Delivery{
		ID: id.New("drdl"), OrgID: e.OrgID, AlertID: e.AlertID, Event: e.Kind, ScheduleID: e.ScheduleID, RepositoryID: e.RepositoryID, Folder: e.Folder,
		ScanID: e.ScanID, BatchID: batch(e), EpisodeID: e.EpisodeID, Fingerprint: e.Fingerprint, Severity: e.Severity, Summary: cut(e.Summary, 400),
		Status: pending, NextAttemptAt: &now, CreatedAt: now,
	}
	raw, err := json.Marshal(e)
	if err != nil {
		return d, err
	}
	d.Payload, err = f.Keyring.Seal(ctx, e.OrgID, raw, payloadAAD(d.ID))
	return d, err
}

func payloadAAD(id string) string { return "drift_alert_deliveries:payload:" + id }

// event opens what a delivery has to tell.
func (f *Feature) event(ctx context.Context, d Delivery) (Event, error) {
	raw, err := f.Keyring.Open(ctx, d.OrgID, d.Payload, payloadAAD(d.ID))
	if err != nil {
		return Event{}, err
	}
	var e Event
	if err := json.Unmarshal(raw, &e); err != nil {
		return e, fmt.Errorf("event of %s: %w", d.ID, err)
	}
	return e, nil
}

// bounded cuts what is too long, and writes out the snooze links that the alert's texts ask
// for.
func (e Event) bounded(a Alert) Event {
	e.Output, e.OutputBrief, e.Description = cut(e.Output, maxOutput), cut(e.OutputBrief, maxOutput), cut(e.Description, maxDescription)
	e.Findings = fitting(e.Findings)
	if e.Snooze == nil {
		return e
	}
	e.SnoozeLinks = map[string]string{}
	for _, name := range slices.Concat(namesIn(a.subject()), namesIn(a.body())) {
		if days, ok := snoozeDays(name); ok {
			e.SnoozeLinks[name] = e.Snooze(days)
		}
	}
	return e
}

// snoozeDays is the number of a placeholder such as SNOOZE_3, from 1 to 365.
func snoozeDays(name string) (int, bool) {
	digits, ok := strings.CutPrefix(name, "SNOOZE_")
	if !ok || len(digits) > 3 || len(digits) == 0 || digits[0] == '0' {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil && n >= 1 && n <= 365
}

// fitting returns as many of the findings as fit.
func fitting(raw json.RawMessage) json.RawMessage {
	if len(raw) <= maxFindings {
		return raw
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	size := 2
	for i, f := range list {
		if size += len(f) + 1; size > maxFindings {
			list = list[:i]
			break
		}
	}
	out, err := json.Marshal(list)
	if err != nil {
		return nil
	}
	return out
}

// cut shortens s to at most max bytes and says so.
func cut(s string, max int) string {
	const note = "\n… (cut)"
	if len(s) <= max {
		return s
	}
	s = s[:max-len(note)]
	for len(s) > 0 && !utf8.RuneStart(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	if r, n := utf8.DecodeLastRuneInString(s); r == utf8.RuneError && n == 1 {
		s = s[:len(s)-1]
	}
	return s + note
}

package alerts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jobs"
)

// How events are put together.
const (
	maxPerBatch = 20              // folders that are told one by one, of one batch
	digestDelay = 2 * time.Minute // in which the other folders of a batch come
	digestHour  = 9               // of the daily digest, by the organization's wall clock
	maxDigested = 1000            // lines of a digest
	slimText    = 4 << 10
)

// gathers reports whether an event waits for a digest: because the alert has it so, or because
// its batch has had its messages. Issues and incidents are one for each folder whatever their number.
func (f *Feature) gathers(ctx context.Context, a Alert, e Event) (bool, error) {
	switch {
	case e.Kind == Test || a.single():
		return false, nil
	case a.Digest != "":
		return true, nil
	case !e.drift():
		return false, nil
	}
	n, err := db.One[int](ctx, f.DB, `SELECT COUNT(*) FROM drift_alert_deliveries WHERE alert_id = ? AND batch_id = ? AND event IN ('new', 'changed', 'raised') AND status <> 'digested'`,
		a.ID, batch(e))
	return n >= maxPerBatch, err
}

func batch(e Event) string {
	if e.BatchID != "" {
		return e.BatchID
	}
	return e.ScanID
}

// gather stores an event that is not sent by itself, and has the digest of its batch sent when
// the rest had time to come.
func (f *Feature) gather(ctx context.Context, a Alert, e Event) error {
	at := f.now().Add(digestDelay)
	if a.Digest == perDay {
		var err error
		if at, err = f.nextDay(ctx, e); err != nil {
			return err
		}
		e.BatchID = "daily:" + at.UTC().Format(time.RFC3339)
	}
	e.Output, e.Findings, e.OutputBrief, e.Description, e.SnoozeLinks = "", nil, cut(e.OutputBrief, slimText), cut(e.Description, slimText), nil
	d, err := f.delivery(ctx, e)
	if err != nil {
		return err
	}
	d.Status, d.NextAttemptAt = digested, nil
	if err := f.hold(ctx, a); err != nil {
		return err
	}
	if n, err := f.insert(ctx, d); err != nil || n == 0 {
		return err
	}
	return f.announce(ctx, e, at)
}

// nextDay is when the next daily digest goes out.
func (f *Feature) nextDay(ctx context.Context, e Event) (time.Time, error) {
	name := e.Timezone
	if name == "" && f.TimeZone != nil {
		var err error
		if name, err = f.TimeZone(ctx, e.OrgID); err != nil {
			return time.Time{}, err
		}
	}
	now := f.now().In(zone(name))
	year, month, day := now.Date()
	at := time.Date(year, month, day, digestHour, 0, 0, 0, now.Location())
	if !at.After(now) {
		at = time.Date(year, month, day+1, digestHour, 0, 0, 0, now.Location())
	}
	return at, nil
}

// hold keeps others from gathering for the alert until the transaction ends: the digest that is
// being finished must see all that was gathered, or the one who gathers that it is finished.
func (f *Feature) hold(ctx context.Context, a Alert) error {
	_, err := f.DB.Exec(ctx, `UPDATE drift_alerts SET last_status = last_status WHERE id = ?`, a.ID)
	return err
}

// announce makes the digest of a batch, unless one waits already.
func (f *Feature) announce(ctx context.Context, e Event, at time.Time) error {
	e.Kind, e.Folder, e.EpisodeID, e.Fingerprint, e.OutputBrief, e.Description, e.ChangedBy = digest, "", "", "", "", "", ""
	all, err := f.delivery(ctx, e)
	if err != nil {
		return err
	}
	due := db.At(at)
	all.NextAttemptAt = &due
	n, err := f.insert(ctx, all)
	if err != nil || n == 0 {
		return err
	}
	return f.Jobs.Enqueue(ctx, sending{all.ID}, jobs.At(at))
}

// claimDigested puts into a digest what waits for it. A second try of the same digest has what the first
// one had, and what has come since.
func (f *Feature) claimDigested(ctx context.Context, d Delivery) error {
	_, err := f.DB.Exec(ctx, `UPDATE drift_alert_deliveries SET digest_id = ? WHERE alert_id = ? AND batch_id = ? AND status = 'digested' AND digest_id = ''`, d.ID, d.AlertID, d.BatchID)
	return err
}

// digestTheRest makes another digest if something was gathered while this one was being sent.
func (f *Feature) digestTheRest(ctx context.Context, a Alert, d Delivery) error {
	n, err := db.One[int](ctx, f.DB, `SELECT COUNT(*) FROM drift_alert_deliveries WHERE alert_id = ? AND batch_id = ? AND status = 'digested' AND digest_id = ''`, a.ID, d.BatchID)
	if err != nil || n == 0 {
		return err
	}
	e, err := f.event(ctx, d)
	if err != nil {
		return err
	}
	return f.announce(ctx, e, f.now().Add(digestDelay))
}

// collect makes of a digest's event one that lists all that it stands for: of each folder what is
// known last of its drift, and whether its scans fail; the worst first.
func (f *Feature) collect(ctx context.Context, a Alert, d Delivery, e Event) (Event, error) {
	rows, err := db.All[Delivery](ctx, f.DB, `FROM drift_alert_deliveries WHERE digest_id = ? ORDER BY created_at DESC, id DESC LIMIT ?`, d.ID, maxDigested)
	if err != nil {
		return e, err
	}
	var list []Event
	seen := map[string]bool{}
	for _, row := range rows {
		about := row.place()
		if row.Event == Failed || row.Event == Recovered { // says nothing of the drift that was told before
			about += "\nscans"
		}
		if seen[about] {
			continue
		}
		seen[about] = true
		one, err := f.event(ctx, row)
		if err != nil {
			return e, err
		}
		list = append(list, one)
	}
	slices.SortStableFunc(list, func(x, y Event) int {
		if by := weight(y) - weight(x); by != 0 {
			return by
		}
		return strings.Compare(x.Repo+"/"+x.Folder, y.Repo+"/"+y.Folder)
	})
	e = e.of(list)
	if a.Digest == "" { // the others were told one by one
		e.Summary = strings.Replace(e.Summary, " folder", " more folder", 1)
	}
	return e, nil
}

// weight orders the lines of a digest.
func weight(e Event) int {
	if e.over() {
		return -2
	}
	return rank(e.Severity)
}

// tally counts the folders of a digest by what is said of them. One that drifts and can no
// longer be scanned is counted for both.
type tally struct{ drifted, waiting, resolved, failed, recovered int }

// kind is the kind of the whole: that of the worst.
func (t tally) kind() string {
	switch {
	case t.drifted+t.waiting > 0:
		return New
	case t.failed > 0:
		return Failed
	case t.resolved > 0:
		return Resolved
	}
	return Recovered
}

// of is a digest's event about all of list.
func (e Event) of(list []Event) Event {
	var t tally
	repos, schedules, folders := map[string]bool{}, map[string]bool{}, map[string]bool{}
	e.Description, e.OutputBrief, e.Drifted, e.Severity = "", "", 0, "info"
	for _, one := range list {
		repos[one.Repo], schedules[one.ScheduleName], folders[one.place()] = true, true, true
		word := one.Severity
		switch {
		case one.Kind == Resolved:
			t.resolved, word = t.resolved+1, "resolved"
		case one.Kind == Failed:
			t.failed, word = t.failed+1, "error"
		case one.Kind == Recovered:
			t.recovered, word = t.recovered+1, "works"
		case one.Pending:
			t.waiting, word = t.waiting+1, "pending"
		default:
			t.drifted, e.Drifted = t.drifted+1, e.Drifted+one.Drifted
			if rank(one.Severity) > rank(e.Severity) {
				e.Severity = one.Severity
			}
		}
		e.OutputBrief += fmt.Sprintf("%-8s %s: %s\n", word, source(one), one.Summary)
		e.Description += fmt.Sprintf("- `%s` %s\n", strings.ReplaceAll(source(one), "`", "'"), one.Summary)
	}
	e.Kind = t.kind()
	e.Folder, e.Output = fmt.Sprintf("(%d folder%s)", len(folders), map[bool]string{false: "s"}[len(folders) == 1]), e.OutputBrief
	e.ScanID, e.ScheduleID = "", "" // there is no one scan to show and no one folder to silence
	if len(repos) > 1 {
		e.Repo = fmt.Sprintf("%d repositories", len(repos))
	}
	if len(schedules) > 1 {
		e.ScheduleName = fmt.Sprintf("%d schedules", len(schedules))
	}
	e.Summary = t.summary()
	return e
}

// summary says how many folders are how, such as "3 folders have drifted, 1 folder is as it should be again".
func (t tally) summary() string {
	var said []string
	for _, one := range []struct {
		n        int
		it, them string
	}{
		{t.drifted, "has drifted", "have drifted"}, {t.waiting, "has code that is not applied", "have code that is not applied"},
		{t.resolved, "is as it should be again", "are as they should be again"}, {t.failed, "cannot be scanned", "cannot be scanned"},
		{t.recovered, "can be scanned again", "can be scanned again"},
	} {
		switch one.n {
		case 0:
		case 1:
			said = append(said, "1 folder "+one.it)
		default:
			said = append(said, fmt.Sprintf("%d folders %s", one.n, one.them))
		}
	}
	return strings.Join(said, ", ")
}

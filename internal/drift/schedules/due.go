package schedules

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"plumbline.dev/plumbline/internal/drift/settings"
	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// How due schedules are started.
const (
	Interval    = 10 * time.Second // between two looks for due schedules
	maxJitter   = 30 * time.Second // schedules of the same minute do not start at once
	missedAfter = 5 * time.Minute  // a turn this late was missed: nobody was there to take it
	catchUpIn   = 15 * time.Minute // over which missed scans are spread
	maxDue      = 500              // schedules that one look starts
)

// zoned is a schedule with the time zone of its organization.
type zoned struct {
	ID        string   `db:"id"`
	OrgID     string   `db:"org_id"`
	Frequency string   `db:"frequency"`
	Offset    string   `db:"frequency_offset"`
	NextAt    *db.Time `db:"next_at"`
	CatchUp   bool     `db:"catch_up"`
	TimeZone  string   `db:"time_zone"`
}

const selectZoned = `SELECT s.id, s.org_id, s.frequency, s.frequency_offset, s.next_at, s.catch_up, COALESCE(t.time_zone, 'UTC') AS time_zone
	FROM drift_schedules s LEFT JOIN drift_settings t ON t.org_id = s.org_id`

// next returns when a schedule is due after a time, nil if never.
func (z zoned) next(after time.Time) (*db.Time, error) {
	clock, err := NewClock(z.Frequency, z.Offset, z.ID)
	if err != nil {
		return nil, err
	}
	t, ok := clock.Next(after, settings.Settings{TimeZone: z.TimeZone}.Location())
	if !ok {
		return nil, nil
	}
	at := db.At(t)
	return &at, nil
}

// Due starts the scans whose turn has come. Any node may call it at any time: a turn is
// taken by the one that moves next_at on.
func (f *Feature) Due(ctx context.Context, now time.Time) error {
	if f.Scan == nil {
		return nil
	}
	rows, err := db.All[zoned](ctx, f.DB, selectZoned+` WHERE s.active AND s.next_at IS NOT NULL AND s.next_at <= ? ORDER BY s.next_at, s.id LIMIT ?`, db.At(now), maxDue)
	if err != nil {
		return err
	}
	var errs []error
	for _, z := range rows {
		if err := f.turn(ctx, z, now); err != nil {
			slog.WarnContext(ctx, "a schedule could not be started", "schedule", z.ID, "err", err)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// turn starts one schedule, or puts a missed turn off.
func (f *Feature) turn(ctx context.Context, z zoned, now time.Time) error {
	if !z.CatchUp && now.Before(z.NextAt.Add(jitter(z.ID))) {
		return nil
	}
	next, err := z.next(now)
	if err != nil {
		return err
	}
	if !z.CatchUp && now.Sub(z.NextAt.Time) > missedAfter {
		return f.missed(ctx, z, now, next)
	}
	why := Scheduled
	if z.CatchUp {
		why = CaughtUp
	}
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		n, err := f.DB.Exec(ctx, `UPDATE drift_schedules SET next_at = ?, catch_up = ?, last_at = ? WHERE id = ? AND next_at = ? AND active`, next, false, db.At(now), z.ID, z.NextAt)
		if err != nil || n == 0 {
			return err // another node has it
		}
		s, err := f.Find(ctx, z.ID)
		if err != nil {
			return err
		}
		if s.RepositoryID == nil {
			return f.deactivate(ctx, s, "Its repository was deleted.")
		}
		f.changed(ctx, s)
		_, err = f.Scan(ctx, s, why)
		if errors.Is(err, ErrBusy) {
			_, err = f.DB.Exec(ctx, `UPDATE drift_schedules SET skipped_overlap = skipped_overlap + 1 WHERE id = ?`, z.ID)
		}
		return err
	})
}

// missed makes one turn up for all that were missed, unless the next regular one is sooner.
func (f *Feature) missed(ctx context.Context, z zoned, now time.Time, next *db.Time) error {
	at, catchUp := db.At(now.Add(time.Duration(hash(z.ID)%uint64(catchUpIn)))), true
	if next != nil && !next.After(at.Time) {
		at, catchUp = *next, false
	}
	_, err := f.DB.Exec(ctx, `UPDATE drift_schedules SET next_at = ?, catch_up = ? WHERE id = ? AND next_at = ? AND active`, at, catchUp, z.ID, z.NextAt)
	f.changed(ctx, Schedule{ID: z.ID, OrgID: z.OrgID})
	return err
}

func jitter(id string) time.Duration { return time.Duration(hash(id+"jitter") % uint64(maxJitter)) }

// rezone computes the next times of an organization's schedules anew.
type rezone struct {
	OrgID string `json:"org_id"`
}

// Kind implements jobs.Args.
func (rezone) Kind() string { return "drift-rezone" }

// Rezone has the next times computed anew: the organization has another time zone.
func (f *Feature) Rezone(ctx context.Context, s settings.Settings) error {
	return f.Jobs.Enqueue(ctx, rezone{s.OrgID})
}

func (f *Feature) rezone(ctx context.Context, args rezone) error {
	rows, err := db.All[zoned](ctx, f.DB, selectZoned+` WHERE s.org_id = ? AND s.active`, args.OrgID)
	if err != nil {
		return err
	}
	now := time.Now()
	for _, z := range rows {
		next, err := z.next(now)
		if err != nil {
			return err
		}
		if _, err := f.DB.Exec(ctx, `UPDATE drift_schedules SET next_at = ?, catch_up = ? WHERE id = ? AND active`, next, false, z.ID); err != nil {
			return err
		}
	}
	changes.Tell(ctx, f.Bus, authz.Scope{Org: args.OrgID}, "drift-schedules", "")
	return nil
}

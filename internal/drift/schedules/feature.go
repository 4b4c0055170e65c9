package schedules

import (
	"context"
	"encoding/json"
	"plumbline.dev/plumbline/internal/identity/changes"
	"time"

	"plumbline.dev/plumbline/internal/drift/connections"
	"plumbline.dev/plumbline/internal/drift/repositories"
	"plumbline.dev/plumbline/internal/drift/settings"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Feature serves schedules.
type Feature struct {
	DB           *db.DB
	Keyring      *crypt.Keyring
	Jobs         *jobs.Queue
	Orgs         *orgs.Feature
	Settings     *settings.Feature
	Repositories *repositories.Feature
	Connections  *connections.Feature
	Bus          *events.Bus

	// Scan starts scans.
	Scan Scan
	// Cancel ends the scans of a schedule that have not started, inside the transaction of ctx.
	Cancel func(ctx context.Context, scheduleID string) error
	// Alerts returns the alerts of an organization with the given ids, in no order.
	Alerts func(ctx context.Context, orgID string, ids []string) ([]Alert, error)
	// Snoozes returns until when folders of schedules are silent: schedule → folder → time.
	Snoozes func(ctx context.Context, scheduleIDs []string) (map[string]map[string]time.Time, error)
	// Deleted drops what others know of a schedule, inside the transaction that deletes it.
	Deleted func(ctx context.Context, scheduleID string) error
	// LastResult returns what the last scan of a schedule found, as JSON; nil if there is none.
	LastResult func(ctx context.Context, scheduleID string) (any, error)
}

// Alert is what a schedule knows of an alert.
type Alert struct {
	ID, Name string
	Issues   bool // it makes issues in the repository, which needs a token
}

const selectSchedules = `SELECT {s}, o.name AS org_name FROM drift_schedules s JOIN organizations o ON o.id = s.org_id`

// Find returns the schedule with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Schedule, error) {
	return db.First(f.filled(ctx)(db.All[Schedule](ctx, f.DB, selectSchedules+` WHERE s.id = ?`, id)))
}

// Of returns the schedule of an organization with the given id.
func (f *Feature) Of(ctx context.Context, orgID, id string) (Schedule, error) {
	return db.First(f.filled(ctx)(db.All[Schedule](ctx, f.DB, selectSchedules+` WHERE s.id = ? AND s.org_id = ?`, id, orgID)))
}

// In returns the schedules with the given ids, in no order.
func (f *Feature) In(ctx context.Context, ids []string) ([]Schedule, error) {
	return f.filled(ctx)(db.In[Schedule](ctx, f.DB, selectSchedules+` WHERE s.id IN (?)`, ids))
}

// pair is a connection or an alert of a schedule.
type pair struct {
	ScheduleID string `db:"schedule_id"`
	ID         string `db:"id"`
}

// filled adds the ids of connections and alerts to schedules.
func (f *Feature) filled(ctx context.Context) func([]Schedule, error) ([]Schedule, error) {
	return func(list []Schedule, err error) ([]Schedule, error) {
		if err != nil || len(list) == 0 {
			return list, err
		}
		ids, at := make([]string, len(list)), map[string]int{}
		for i, s := range list {
			ids[i], at[s.ID] = s.ID, i
		}
		connected, err := db.In[pair](ctx, f.DB, `SELECT schedule_id, connection_id AS id FROM drift_schedule_connections WHERE schedule_id IN (?) ORDER BY schedule_id, position`, ids)
		if err != nil {
			return nil, err
		}
		alerted, err := db.In[pair](ctx, f.DB, `SELECT schedule_id, alert_id AS id FROM drift_schedule_alerts WHERE schedule_id IN (?) ORDER BY schedule_id, position`, ids)
		for _, p := range connected {
			list[at[p.ScheduleID]].ConnectionIDs = append(list[at[p.ScheduleID]].ConnectionIDs, p.ID)
		}
		for _, p := range alerted {
			list[at[p.ScheduleID]].AlertIDs = append(list[at[p.ScheduleID]].AlertIDs, p.ID)
		}
		return list, err
	}
}

var orders = map[string]string{"": "lower(s.name), s.id", "name": "lower(s.name), s.id", "-name": "lower(s.name) DESC, s.id",
	"next-at": "s.next_at, s.id", "-next-at": "s.next_at DESC, s.id", "last-at": "s.last_at, s.id", "-last-at": "s.last_at DESC, s.id",
	"created-at": "s.created_at, s.id", "-created-at": "s.created_at DESC, s.id"}

func (f *Feature) list(ctx context.Context, o orgs.Org, q api.Query) (api.Page[Schedule], error) {
	from, args := selectSchedules+` WHERE s.org_id = ?`, []any{o.ID}
	add := func(cond string, more ...any) { from, args = from+" AND "+cond, append(args, more...) }
	if like := q.Like("search[name]"); like != "" {
		add(`lower(s.name) LIKE ? ESCAPE '\'`, like)
	}
	if v := q.Get("filter[repository]"); v != "" {
		add(`s.repository_id = ?`, v)
	}
	if v := q.Get("filter[connection]"); v != "" {
		add(`s.id IN (SELECT schedule_id FROM drift_schedule_connections WHERE connection_id = ?)`, v)
	}
	if v := q.Get("filter[alert]"); v != "" {
		add(`s.id IN (SELECT schedule_id FROM drift_schedule_alerts WHERE alert_id = ?)`, v)
	}
	switch v := q.Get("filter[active]"); v {
	case "":
	case "true", "false":
		add(`s.active = ?`, v == "true")
	default:
		return api.Page[Schedule]{}, problem.BadRequest("filter[active] must be true or false")
	}
	order, err := q.Order(orders)
	if err != nil {
		return api.Page[Schedule]{}, err
	}
	page, err := api.Select[Schedule](ctx, f.DB, q, from+` ORDER BY `+order, args...)
	page.Items, err = f.filled(ctx)(page.Items, err)
	return page, err
}

// Using returns the ids of the schedules that scan a repository.
func (f *Feature) Using(ctx context.Context, repositoryID string) ([]string, error) {
	return db.All[string](ctx, f.DB, `SELECT id FROM drift_schedules WHERE repository_id = ? ORDER BY id`, repositoryID)
}

// WithConnection returns the ids of the schedules that use a connection.
func (f *Feature) WithConnection(ctx context.Context, connectionID string) ([]string, error) {
	return db.All[string](ctx, f.DB, `SELECT schedule_id FROM drift_schedule_connections WHERE connection_id = ? ORDER BY schedule_id`, connectionID)
}

// WithAlert returns the ids of the schedules that name an alert.
func (f *Feature) WithAlert(ctx context.Context, alertID string) ([]string, error) {
	return db.All[string](ctx, f.DB, `SELECT schedule_id FROM drift_schedule_alerts WHERE alert_id = ? ORDER BY schedule_id`, alertID)
}

// DropAlert takes an alert that is about to go out of all schedules.
func (f *Feature) DropAlert(ctx context.Context, alertID string) error {
	_, err := f.DB.Exec(ctx, `DELETE FROM drift_schedule_alerts WHERE alert_id = ?`, alertID)
	return err
}

// Release deactivates the schedules of a repository that is about to go.
func (f *Feature) Release(ctx context.Context, repositoryID string) error {
	list, err := db.All[Schedule](ctx, f.DB, selectSchedules+` WHERE s.repository_id = ? AND s.active`, repositoryID)
	for _, s := range list {
		if err == nil {
			err = f.deactivate(ctx, s, "Its repository was deleted.")
		}
	}
	return err
}

// ReleaseConnection deactivates the schedules of a connection that is about to go: without
// it they would only fail.
func (f *Feature) ReleaseConnection(ctx context.Context, connectionID string) error {
	list, err := db.All[Schedule](ctx, f.DB, selectSchedules+` WHERE s.active AND s.id IN (SELECT schedule_id FROM drift_schedule_connections WHERE connection_id = ?)`, connectionID)
	for _, s := range list {
		if err == nil {
			err = f.deactivate(ctx, s, "A connection of it was deleted.")
		}
	}
	return err
}

// changed tells clients that a schedule is no longer as it was.
func (f *Feature) changed(ctx context.Context, s Schedule) {
	changes.Tell(ctx, f.Bus, s.Scope(), "drift-schedules", s.ID)
}

func (f *Feature) deactivate(ctx context.Context, s Schedule, reason string) error {
	f.changed(ctx, s)
	_, err := f.DB.Exec(ctx, `UPDATE drift_schedules SET active = ?, inactive_reason = ?, next_at = NULL, catch_up = ?, updated_at = ? WHERE id = ?`, false, reason, false, db.Now(), s.ID)
	if err != nil || f.Cancel == nil {
		return err
	}
	return f.Cancel(ctx, s.ID)
}

// Activate turns a schedule on or off. Off ends its scans that have not started.
func (f *Feature) Activate(ctx context.Context, s Schedule, on bool) (Schedule, error) {
	if !on {
		s.Active, s.InactiveReason, s.NextAt = false, "", nil
		return s, f.deactivate(ctx, s, "")
	}
	if s.RepositoryID == nil {
		return s, problem.Conflict("The repository of this schedule was deleted. Give it another one first.").WithCode("repo_missing")
	}
	if s.Active {
		return s, nil
	}
	s.Active, s.InactiveReason, s.CatchUp = true, "", false
	if err := f.plan(ctx, &s); err != nil {
		return s, err
	}
	f.changed(ctx, s)
	return s, f.DB.Update(ctx, "drift_schedules", s, "active", "inactive_reason", "next_at", "catch_up")
}

// plan computes when a schedule is due next.
func (f *Feature) plan(ctx context.Context, s *Schedule) error {
	set, err := f.Settings.Find(ctx, s.OrgID)
	if err != nil {
		return err
	}
	s.NextAt = nil
	if s.Active {
		s.NextAt, err = zoned{ID: s.ID, Frequency: s.Frequency, Offset: s.Offset, TimeZone: set.TimeZone}.next(time.Now())
	}
	return err
}

func aad(id string) string { return "drift_schedules:env:" + id }

// Variables returns the environment variables that a schedule adds to those of its
// connections. Their values are secrets.
func (f *Feature) Variables(ctx context.Context, s Schedule) (map[string]string, error) {
	out := map[string]string{}
	if s.Env == nil {
		return out, nil
	}
	b, err := f.Keyring.Open(ctx, s.OrgID, s.Env, aad(s.ID))
	if err != nil {
		return nil, err
	}
	return out, json.Unmarshal(b, &out)
}

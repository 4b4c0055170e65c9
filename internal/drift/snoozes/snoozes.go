// Package snoozes keeps the alerts of a folder silent for a while, and makes the links by
// which mails and messages offer that.
//
// The surprising rule: a snooze silences the drift that was there when it began, and what is
// no worse. A higher severity, or another critical drift, breaks through; and the end of the
// drift is the end of the snooze.
package snoozes

import (
	"context"
	"path"
	"plumbline.dev/plumbline/internal/identity/changes"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/drift/schedules"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Snooze is a folder of a schedule whose alerts are silent.
type Snooze struct {
	ID          string  `db:"id"`
	OrgID       string  `db:"org_id"`
	OrgName     string  `db:"org_name,extra"`
	ScheduleID  string  `db:"schedule_id"`
	Folder      string  `db:"folder"`
	Until       db.Time `db:"until_at"`
	Severity    string  `db:"severity"` // of the drift when it was silenced
	Fingerprint string  `db:"fingerprint"`
	CreatedBy   string  `db:"created_by"` // id of who did, "" is by a link
	CreatedAt   db.Time `db:"created_at"`
}

// Scope implements authz.Scoped.
func (s Snooze) Scope() authz.Scope { return authz.Scope{Org: s.OrgID} }

// severities are the severities of drift, the least first.
var severities = []string{"info", "low", "medium", "high", "critical"}

// Silences reports whether an alert of drift with this severity and fingerprint is silent.
// Where nothing was known of the drift when it was silenced, all but critical drift is.
func (s Snooze) Silences(severity, fingerprint string) bool {
	if fingerprint != "" && fingerprint == s.Fingerprint {
		return true
	}
	of := s.Severity
	if of == "" {
		of = "high"
	}
	return severity != "critical" && slices.Index(severities, severity) <= slices.Index(severities, of)
}

// Feature serves snoozes.
type Feature struct {
	DB        *db.DB
	Orgs      *orgs.Feature
	Schedules *schedules.Feature
	Bus       *events.Bus
	// Key signs links.
	Key []byte
	// Address is where the server is, for links.
	Address func() string
	// Current returns the severity and the fingerprint of the drift that a folder has now,
	// "" if it has none.
	Current func(ctx context.Context, scheduleID, folder string) (severity, fingerprint string, err error)
	// OnSnooze is told, in its transaction, of a snooze that begins, and OnWake of one that somebody
	// ends.
	OnSnooze, OnWake func(ctx context.Context, s Snooze) error
}

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	api.Type(r, "drift-snoozes", authz.ReadDrift, nil, view)
	api.List(r, "/organizations/{organization}/drift-snoozes", authz.ReadDrift, f.Orgs.ByName, f.list, api.Params("filter[schedule]"))
	api.Create(r, "/organizations/{organization}/drift-snoozes", authz.OperateDrift, f.Orgs.ByName, f.create)
	api.Read(r, "/drift-snoozes/{id}", authz.ReadDrift, f.Find)
	api.Delete(r, "/drift-snoozes/{id}", authz.OperateDrift, f.Find, f.wake)
	f.pages(r)
}

// wake ends a snooze.
func (f *Feature) wake(ctx context.Context, s Snooze) error {
	f.changed(ctx, s)
	if err := f.DB.Delete(ctx, "drift_snoozes", s.ID); err != nil || f.OnWake == nil {
		return err
	}
	return f.OnWake(ctx, s)
}

// changed tells clients that a snooze is no longer as it was.
func (f *Feature) changed(ctx context.Context, s Snooze) {
	changes.Tell(ctx, f.Bus, s.Scope(), "drift-snoozes", s.ID)
}

type attributes struct {
	Folder    string  `json:"folder"`
	Until     db.Time `json:"until"`
	Severity  string  `json:"severity"`
	CreatedBy string  `json:"created-by"`
	CreatedAt db.Time `json:"created-at"`
}

func view(_ context.Context, s Snooze) jsonapi.Resource {
	return jsonapi.Resource{Type: "drift-snoozes", ID: s.ID, Links: jsonapi.Self("/api/v2/drift-snoozes/" + s.ID),
		Attributes:    attributes{Folder: s.Folder, Until: s.Until, Severity: s.Severity, CreatedBy: s.CreatedBy, CreatedAt: s.CreatedAt},
		Relationships: jsonapi.Relationships{"organization": jsonapi.ToOne("organizations", s.OrgName), "schedule": jsonapi.ToOne("drift-schedules", s.ScheduleID)}}
}

type request struct {
	Folder jsonapi.Opt[string] `json:"folder"`
	Days   jsonapi.Opt[int]    `json:"days"`
}

// maxDays is the longest snooze.
const maxDays = 365

func (f *Feature) create(ctx context.Context, o orgs.Org, in jsonapi.In[request]) (Snooze, error) {
	ref, _ := in.Data.One("schedule")
	s, err := f.Schedules.Of(ctx, o.ID, ref.ID)
	if err != nil {
		return Snooze{OrgID: o.ID}, problem.InvalidRelation("schedule", "The schedule is not in this organization").WithCode("not_found")
	}
	days := in.Data.Attributes.Days.Or(1)
	if days < 1 || days > maxDays {
		return Snooze{OrgID: o.ID}, problem.Invalid("days", "Days must be a number from 1 to %d", maxDays)
	}
	return f.Set(ctx, s, in.Data.Attributes.Folder.Or("."), time.Now().AddDate(0, 0, days))
}

// Set silences a folder of a schedule until a time, in the place of an earlier snooze.
func (f *Feature) Set(ctx context.Context, s schedules.Schedule, folder string, until time.Time) (Snooze, error) {
	folder = path.Clean(folder)
	if len(folder) > 500 || strings.ContainsRune(folder, 0) {
		return Snooze{}, problem.Invalid("folder", "Folder must be a folder of the schedule")
	}
	out := Snooze{ID: id.New("drsn"), OrgID: s.OrgID, OrgName: s.OrgName, ScheduleID: s.ID, Folder: folder, Until: db.At(until), CreatedAt: db.Now()}
	if who := authz.From(ctx); who != nil {
		out.CreatedBy = who.ID
	}
	var err error
	if f.Current != nil {
		if out.Severity, out.Fingerprint, err = f.Current(ctx, s.ID, folder); err != nil {
			return out, err
		}
	}
	rows, err := db.All[string](ctx, f.DB, `INSERT INTO drift_snoozes (id, org_id, schedule_id, folder, until_at, severity, fingerprint, created_by, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (schedule_id, folder) DO UPDATE SET until_at = excluded.until_at, severity = excluded.severity, fingerprint = excluded.fingerprint, created_by = excluded.created_by, created_at = excluded.created_at
		RETURNING id`, out.ID, out.OrgID, out.ScheduleID, out.Folder, out.Until, out.Severity, out.Fingerprint, out.CreatedBy, out.CreatedAt)
	if db.IsForeign(err) {
		return out, problem.NotFound
	}
	if err != nil || len(rows) == 0 {
		return out, err
	}
	out.ID = rows[0]
	f.changed(ctx, out)
	if f.OnSnooze == nil {
		return out, nil
	}
	return out, f.OnSnooze(ctx, out)
}

// Active returns the snooze of a folder, false if it has none now.
func (f *Feature) Active(ctx context.Context, scheduleID, folder string) (Snooze, bool, error) {
	rows, err := db.All[Snooze](ctx, f.DB, selectSnoozes+` WHERE z.schedule_id = ? AND z.folder = ? AND z.until_at > ?`, scheduleID, path.Clean(folder), db.Now())
	if err != nil || len(rows) == 0 {
		return Snooze{}, false, err
	}
	return rows[0], true, nil
}

// End ends the snooze of a folder: its drift is over.
func (f *Feature) End(ctx context.Context, scheduleID, folder string) error {
	n, err := f.DB.Exec(ctx, `DELETE FROM drift_snoozes WHERE schedule_id = ? AND folder = ?`, scheduleID, path.Clean(folder))
	if n == 0 || err != nil {
		return err
	}
	s, err := f.Schedules.Find(ctx, scheduleID)
	f.changed(ctx, Snooze{OrgID: s.OrgID})
	return err
}

// Until returns until when folders of schedules are silent: schedule → folder → time.
func (f *Feature) Until(ctx context.Context, scheduleIDs []string) (map[string]map[string]time.Time, error) {
	rows, err := db.In[Snooze](ctx, f.DB, selectSnoozes+` WHERE z.schedule_id IN (?) AND z.until_at > ?`, scheduleIDs, db.Now())
	out := map[string]map[string]time.Time{}
	for _, s := range rows {
		if out[s.ScheduleID] == nil {
			out[s.ScheduleID] = map[string]time.Time{}
		}
		out[s.ScheduleID][s.Folder] = s.Until.Time
	}
	return out, err
}

const selectSnoozes = `SELECT {z}, o.name AS org_name FROM drift_snoozes z JOIN organizations o ON o.id = z.org_id`

// Find returns the snooze with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Snooze, error) {
	return db.One[Snooze](ctx, f.DB, selectSnoozes+` WHERE z.id = ?`, id)
}

func (f *Feature) list(ctx context.Context, o orgs.Org, q api.Query) (api.Page[Snooze], error) {
	from, args := selectSnoozes+` WHERE z.org_id = ? AND z.until_at > ?`, []any{o.ID, db.Now()}
	if v := q.Get("filter[schedule]"); v != "" {
		from, args = from+` AND z.schedule_id = ?`, append(args, v)
	}
	return api.Select[Snooze](ctx, f.DB, q, from+` ORDER BY z.until_at, z.id`, args...)
}

package schedules

import (
	"context"
	"net/http"
	"time"

	"plumbline.dev/plumbline/internal/drift/settings"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Routes adds the endpoints of this package to r, and its work in the background.
func (f *Feature) Routes(r *api.Router) {
	api.Type(r, "drift-schedules", authz.ReadDrift, f.In, view)
	api.List(r, "/organizations/{organization}/drift-schedules", authz.ReadDrift, f.Orgs.ByName, f.list,
		api.Params("search[name]", "filter[repository]", "filter[connection]", "filter[alert]", "filter[active]", "sort"))
	api.Create(r, "/organizations/{organization}/drift-schedules", authz.ManageDrift, f.Orgs.ByName, f.create, api.Before(f.beforeCreate))
	api.Read(r, "/drift-schedules/{id}", authz.ReadDrift, f.Find)
	api.Update(r, "/drift-schedules/{id}", authz.ManageDrift, f.Find, f.update, api.Before(f.beforeUpdate))
	api.Delete(r, "/drift-schedules/{id}", authz.ManageDrift, f.Find, f.delete)
	activate := func(on bool) func(context.Context, Schedule, jsonapi.In[struct{}]) (Schedule, error) {
		return func(ctx context.Context, s Schedule, _ jsonapi.In[struct{}]) (Schedule, error) {
			return f.Activate(ctx, s, on)
		}
	}
	api.Action(r, "/drift-schedules/{id}/actions/activate", authz.OperateDrift, f.Find, activate(true))
	api.Action(r, "/drift-schedules/{id}/actions/deactivate", authz.OperateDrift, f.Find, activate(false))
	api.Handle(r, "POST /drift-schedules/{id}/actions/scan", authz.OperateDrift, f.Find, f.scanNow)
	api.Handle(r, "GET /drift-schedules/{id}/preview", authz.ReadDrift, f.Find, f.preview)
	api.Handle(r, "GET /organizations/{organization}/drift-schedule-preview", authz.ReadDrift, f.Orgs.ByName, f.previewDraft)
	f.Jobs.Every("drift-schedules", Interval, func(ctx context.Context) error { return f.Due(ctx, time.Now()) }, jobs.Timeout(5*time.Minute))
	jobs.Handle(f.Jobs, f.rezone)
}

// attributes are a schedule as clients see it.
type attributes struct {
	Name              string   `json:"name"`
	Branch            string   `json:"branch"`
	Folders           []string `json:"folders"`
	Frequency         string   `json:"frequency"`
	FrequencyLabel    string   `json:"frequency-label"`
	Offset            string   `json:"frequency-offset"`
	Tool              string   `json:"tool"`
	ToolVersion       string   `json:"tool-version"`
	Workspace         string   `json:"workspace"`
	VarFiles          []string `json:"var-files"`
	HasEnv            bool     `json:"has-env"`
	Mode              string   `json:"mode"`
	MinSeverity       string   `json:"min-severity"`
	Timeout           int64    `json:"timeout"`
	AlertOnChangeOnly bool     `json:"alert-on-change-only"`
	AlertOnError      bool     `json:"alert-on-error"`
	AlertOnPending    bool     `json:"alert-on-pending"`
	AlertOnResolved   bool     `json:"alert-on-resolved"`
	Active            bool     `json:"active"`
	InactiveReason    string   `json:"inactive-reason"`
	NextAt            *db.Time `json:"next-at"`
	LastAt            *db.Time `json:"last-at"`
	SkippedOverlap    int64    `json:"skipped-overlap"`
	CreatedAt         db.Time  `json:"created-at"`
	UpdatedAt         db.Time  `json:"updated-at"`
}

func view(_ context.Context, s Schedule) jsonapi.Resource {
	return jsonapi.Resource{Type: "drift-schedules", ID: s.ID, Links: jsonapi.Self("/api/v2/drift-schedules/" + s.ID),
		Attributes: attributes{Name: s.Name, Branch: s.Branch, Folders: jsonapi.List(s.Folders.V), Frequency: s.Frequency, FrequencyLabel: s.label(""), Offset: s.Offset,
			Tool: s.Tool, ToolVersion: s.ToolVersion, Workspace: s.Workspace, VarFiles: jsonapi.List(s.VarFiles.V), HasEnv: s.Env != nil, Mode: s.Mode, MinSeverity: s.MinSeverity,
			Timeout: s.Timeout, AlertOnChangeOnly: s.AlertOnChangeOnly, AlertOnError: s.AlertOnError, AlertOnPending: s.AlertOnPending, AlertOnResolved: s.AlertOnResolved,
			Active: s.Active, InactiveReason: s.InactiveReason, NextAt: s.NextAt, LastAt: s.LastAt, SkippedOverlap: s.SkippedOverlap, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt},
		Relationships: jsonapi.Relationships{
			"organization": jsonapi.ToOne("organizations", s.OrgName),
			"repository":   jsonapi.ToOne("drift-repositories", db.Text(s.RepositoryID)),
			"connections":  jsonapi.ToMany("drift-connections", s.ConnectionIDs),
			"alerts":       jsonapi.ToMany("drift-alerts", s.AlertIDs),
		}}
}

// label is the frequency in words; zone "" leaves the time zone out.
func (s Schedule) label(zone string) string {
	clock, err := NewClock(s.Frequency, s.Offset, s.ID)
	if err != nil {
		return s.Frequency
	}
	if zone == "" {
		return clock.label
	}
	return clock.Label(zone)
}

// draftKey is where Before leaves what the change then stores.
type draftKey struct{}

func (f *Feature) beforeCreate(ctx context.Context, o orgs.Org, in jsonapi.In[request]) (context.Context, error) {
	return f.before(ctx, fresh(o.ID, o.Name), in)
}

func (f *Feature) beforeUpdate(ctx context.Context, s Schedule, in jsonapi.In[request]) (context.Context, error) {
	return f.before(ctx, s, in)
}

func (f *Feature) before(ctx context.Context, s Schedule, in jsonapi.In[request]) (context.Context, error) {
	var to links
	if ref, named := in.Data.One("repository"); named {
		to.Repository = &ref.ID
	}
	for name, ids := range map[string]**[]string{"connections": &to.Connections, "alerts": &to.Alerts} {
		members, named := in.Data.Many(name)
		if !named {
			continue
		}
		list, other := jsonapi.IDs(members, "drift-"+name)
		if other != nil {
			return ctx, problem.InvalidRelation(name, "%s are of the type drift-%s", name, name)
		}
		*ids = &list
	}
	d, err := f.prepare(ctx, s, in.Data.Attributes, to)
	return context.WithValue(ctx, draftKey{}, d), err
}

func (f *Feature) create(ctx context.Context, _ orgs.Org, _ jsonapi.In[request]) (Schedule, error) {
	d, _ := ctx.Value(draftKey{}).(draft)
	return f.store(ctx, d)
}

func (f *Feature) update(ctx context.Context, _ Schedule, _ jsonapi.In[request]) (Schedule, error) {
	d, _ := ctx.Value(draftKey{}).(draft)
	return f.store(ctx, d)
}

func (f *Feature) delete(ctx context.Context, s Schedule) error {
	f.changed(ctx, s)
	if f.Cancel != nil {
		if err := f.Cancel(ctx, s.ID); err != nil {
			return err
		}
	}
	if f.Deleted != nil {
		if err := f.Deleted(ctx, s.ID); err != nil {
			return err
		}
	}
	return f.DB.Delete(ctx, "drift_schedules", s.ID)
}

// start starts a scan that somebody asks for.
func (f *Feature) start(ctx context.Context, s Schedule, why Reason) (string, error) {
	if s.RepositoryID == nil {
		return "", problem.Conflict("The repository of this schedule was deleted. Give it another one first.").WithCode("repo_missing")
	}
	if f.Scan == nil {
		return "", problem.Conflict("This server makes no scans.").WithCode("no_scanner")
	}
	return f.Scan(ctx, s, why)
}

func busy() error {
	return problem.Conflict("A scan of this schedule is under way.").WithCode("scan_running")
}

// scanNow starts a scan and answers with its id.
func (f *Feature) scanNow(ctx context.Context, w http.ResponseWriter, _ *http.Request, s Schedule) error {
	id, err := f.startTx(ctx, s, Manual, nil)
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusAccepted, "application/json", map[string]string{"scan-id": id})
}

// preview answers with the next times at which the schedule is due.
func (f *Feature) preview(ctx context.Context, w http.ResponseWriter, _ *http.Request, s Schedule) error {
	return f.answerTimes(ctx, w, s)
}

// previewDraft answers with the times at which a schedule that is not saved would be due. The parameters are
// frequency, frequency-offset and schedule, the id of the one that is being changed: what its offset leaves
// out is computed from the id, so that without one the times differ from those of the schedule that is made.
func (f *Feature) previewDraft(ctx context.Context, w http.ResponseWriter, req *http.Request, o orgs.Org) error {
	q := req.URL.Query()
	s := Schedule{ID: q.Get("schedule"), OrgID: o.ID, Frequency: q.Get("frequency"), Offset: q.Get("frequency-offset")}
	if len(s.Frequency) > 250 || len(s.Offset) > 50 || len(s.ID) > 50 {
		return problem.BadRequest("The parameters are too long.")
	}
	return f.answerTimes(ctx, w, s)
}

// answerTimes answers with the next times of a schedule and its frequency in words.
func (f *Feature) answerTimes(ctx context.Context, w http.ResponseWriter, s Schedule) error {
	set, err := f.Settings.Find(ctx, s.OrgID)
	if err != nil {
		return err
	}
	times, err := upcoming(s, set, 10)
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, "application/json", map[string]any{"time-zone": set.TimeZone, "label": s.label(set.TimeZone), "times": times})
}

// upcoming lists the next times at which a schedule is due, in its zone.
func upcoming(s Schedule, set settings.Settings, n int) ([]string, error) {
	clock, err := NewClock(s.Frequency, s.Offset, s.ID)
	if err != nil {
		return nil, err
	}
	out := []string{}
	for t, ok := clock.Next(time.Now(), set.Location()); ok && len(out) < n; t, ok = clock.Next(t, set.Location()) {
		out = append(out, t.In(set.Location()).Format(time.RFC3339))
	}
	return out, nil
}

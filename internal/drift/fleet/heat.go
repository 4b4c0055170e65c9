package fleet

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Heat says how bad the drift of each target was on each day.
type Heat struct {
	Org     orgs.Org
	Days    []string // the oldest first, UTC
	Rows    []HeatRow
	Targets int // of which Rows are the worst
}

// Scope implements authz.Scoped.
func (h Heat) Scope() authz.Scope { return h.Org.Scope() }

// HeatRow is a target: a workspace, or a folder of a schedule.
type HeatRow struct {
	Target      string     `json:"target"`
	WorkspaceID string     `json:"workspace-id"`
	ScheduleID  string     `json:"schedule-id"`
	Folder      string     `json:"folder"`
	Name        string     `json:"name"`
	Cells       []HeatCell `json:"cells"` // one for each day

	score int
}

// HeatCell is a day of a target.
type HeatCell struct {
	Severity string `json:"severity"` // the worst, "" if nothing drifted
	Findings int    `json:"findings"`
}

// Limits of heat maps.
const (
	maxHeatDays  = 90
	maxHeatRows  = 40
	maxHeatSpans = 50_000 // findings that are looked at
)

func (f *Feature) heatRoutes(r *api.Router) {
	api.Type(r, "drift-heat-maps", authz.ReadOrg, nil, viewHeat)
	api.Show(r, "/organizations/{organization}/drift-heat-map", authz.ReadOrg, f.Orgs.ByName, f.heat, api.Params("filter[days]"))
}

// span is the time in which a finding was open.
type span struct {
	Target      string   `db:"target"`
	WorkspaceID string   `db:"workspace_id"`
	ScheduleID  string   `db:"schedule_id"`
	Folder      string   `db:"folder"`
	Name        string   `db:"name"`
	Severity    string   `db:"severity"`
	From        db.Time  `db:"first_seen_at"`
	To          *db.Time `db:"resolved_at"`
}

// heat is made of the times in which findings were open, with the severity that they have now or
// had in the end. What is ignored is not counted.
func (f *Feature) heat(ctx context.Context, o orgs.Org) (Heat, error) {
	h := Heat{Org: o}
	n := 30
	if v := api.QueryOf(ctx).Get("filter[days]"); v != "" {
		var err error
		if n, err = strconv.Atoi(v); err != nil || n < 1 || n > maxHeatDays {
			return h, problem.BadRequest("filter[days] is a number from 1 to %d", maxHeatDays)
		}
	}
	today := time.Now().UTC().Truncate(24 * time.Hour)
	first := today.AddDate(0, 0, 1-n)
	for d := first; !d.After(today); d = d.AddDate(0, 0, 1) {
		h.Days = append(h.Days, d.Format(dayForm))
	}
	where, args := scans.Visible(ctx, o.ID, "f")
	spans, err := db.All[span](ctx, f.DB, `SELECT f.target, COALESCE(f.workspace_id, '') AS workspace_id, COALESCE(f.schedule_id, '') AS schedule_id, f.folder, COALESCE(w.name, s.name, '') AS name, f.severity, f.first_seen_at, f.resolved_at
		FROM drift_findings f LEFT JOIN workspaces w ON w.id = f.workspace_id LEFT JOIN drift_schedules s ON s.id = f.schedule_id
		WHERE f.status <> 'ignored' AND f.kind <> 'pending-config' AND (f.resolved_at IS NULL OR f.resolved_at >= ?) AND `+where+` ORDER BY f.first_seen_at DESC LIMIT ?`,
		append(append([]any{db.At(first)}, args...), maxHeatSpans)...)
	if err != nil {
		return h, err
	}
	h.fill(spans, first, n)
	return h, nil
}

// fill makes rows of spans: those first that are worst now, then those that were.
func (h *Heat) fill(spans []span, first time.Time, days int) {
	rows := map[string]*HeatRow{}
	for _, s := range spans {
		row := rows[s.Target]
		if row == nil {
			row = &HeatRow{Target: s.Target, WorkspaceID: s.WorkspaceID, ScheduleID: s.ScheduleID, Folder: s.Folder, Name: s.Name, Cells: make([]HeatCell, days)}
			rows[s.Target] = row
		}
		to := days - 1
		if s.To != nil {
			to = dayOf(first, s.To.Time)
		}
		rank := slices.Index(scans.Severities, s.Severity)
		for d := max(dayOf(first, s.From.Time), 0); d <= min(to, days-1); d++ {
			c := &row.Cells[d]
			if c.Findings++; c.Severity == "" || rank > slices.Index(scans.Severities, c.Severity) {
				c.Severity = s.Severity
			}
			row.score += rank + 1
		}
		if s.To == nil {
			row.score += 1_000_000 * (rank + 1)
		}
	}
	h.Targets = len(rows)
	for _, row := range rows {
		h.Rows = append(h.Rows, *row)
	}
	slices.SortFunc(h.Rows, func(a, b HeatRow) int { return cmp.Or(b.score-a.score, cmp.Compare(a.Target, b.Target)) })
	h.Rows = h.Rows[:min(len(h.Rows), maxHeatRows)]
}

// dayOf is the number of the day that a time is in.
func dayOf(first, t time.Time) int {
	return int(t.UTC().Truncate(24*time.Hour).Sub(first) / (24 * time.Hour))
}

type heatAttributes struct {
	Days    []string  `json:"days"`
	Rows    []HeatRow `json:"rows"`
	Targets int       `json:"drifted-targets"`
}

func viewHeat(_ context.Context, h Heat) jsonapi.Resource {
	return jsonapi.Resource{Type: "drift-heat-maps", ID: h.Org.ID, Attributes: heatAttributes{jsonapi.List(h.Days), jsonapi.List(h.Rows), h.Targets},
		Relationships: jsonapi.Relationships{"organization": jsonapi.ToOne("organizations", h.Org.Name)}}
}

// Package fleet shows the drift of all that an organization has: now, day by day, workspace
// by workspace, and as files for other programs.
//
// Everything is counted for who asks: what somebody may not see is not in a sum. The days
// are the exception, which is why only who sees all of the organization's drift reads them.
package fleet

import (
	"context"
	"errors"
	"time"

	"plumbline.dev/plumbline/internal/drift/findings"
	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Feature shows the fleet.
type Feature struct {
	DB       *db.DB
	Bus      *events.Bus // hears that a day was counted
	Jobs     *jobs.Queue
	Orgs     *orgs.Feature
	Findings *findings.Feature
}

// Routes adds the endpoints of this package to r, and its jobs to Jobs.
func (f *Feature) Routes(r *api.Router) {
	const org = "/organizations/{organization}"
	api.Type(r, "drift-summaries", authz.ReadOrg, nil, viewSummary)
	api.Show(r, org+"/drift-summary", authz.ReadOrg, f.Orgs.ByName, f.summary)
	api.Type(r, "drift-days", authz.ReadDrift, nil, viewDay)
	api.List(r, org+"/drift-days", authz.ReadDrift, f.Orgs.ByName, f.days, api.Params("filter[dimension]", "filter[name]", "filter[from]", "filter[to]"))
	api.Handle(r, "GET "+org+"/drift-export", authz.ReadOrg, f.Orgs.ByName, f.export)
	f.heatRoutes(r)
	f.blindRoutes(r)
	f.explorerRoutes(r)
	f.Jobs.Every("count-drift-days", time.Hour, f.Count, jobs.Timeout(10*time.Minute))
}

// Group is a part of the open drift.
type Group struct {
	Name     string `db:"name" json:"name"`
	Label    string `db:"label" json:"label"`     // of a workspace or a schedule, whose names are ids
	Targets  int    `db:"targets" json:"targets"` // workspaces, and folders of repositories
	Findings int    `db:"findings" json:"findings"`
}

// Summary is the open drift of an organization as somebody sees it.
type Summary struct {
	Org        orgs.Org
	Total      Group
	Severities []Group
	Kinds      []Group
	Providers  []Group
	Workspaces []Group // those with the most findings; names are ids
	Schedules  []Group
	Health     map[string]int // workspaces by health state
}

// Scope implements authz.Scoped.
func (s Summary) Scope() authz.Scope { return s.Org.Scope() }

const most = 20 // groups that a summary shows

// summary counts what the caller may see.
func (f *Feature) summary(ctx context.Context, o orgs.Org) (Summary, error) {
	s := Summary{Org: o, Health: map[string]int{}}
	where, args := scans.Visible(ctx, o.ID, "f")
	for column, into := range map[string]*[]Group{"f.severity": &s.Severities, "f.kind": &s.Kinds, "f.provider": &s.Providers,
		"COALESCE(f.workspace_id, '')": &s.Workspaces, "COALESCE(f.schedule_id, '')": &s.Schedules} {
		groups, err := db.All[Group](ctx, f.DB, `SELECT `+column+` AS name, `+labels[column]+` AS label, count(DISTINCT f.target) AS targets, count(*) AS findings`+openFindings+where+
			` AND `+column+` <> '' GROUP BY `+column+`, `+labels[column]+` ORDER BY findings DESC, name LIMIT ?`, append(args[:len(args):len(args)], most)...)
		if err != nil {
			return s, err
		}
		*into = groups
	}
	total, err := db.One[Group](ctx, f.DB, `SELECT '' AS name, '' AS label, count(DISTINCT f.target) AS targets, count(*) AS findings`+openFindings+where, args...)
	if err != nil {
		return s, err
	}
	s.Total = total
	allowed, args := authz.FilterOf(ctx, authz.ReadWorkspace, o.ID).SQL("w.project_id", "w.id")
	states, err := db.All[Group](ctx, f.DB, `SELECT CASE WHEN w.assessments_enabled OR o.assessments_enforced THEN COALESCE(h.state, 'unknown') ELSE 'disabled' END AS name, '' AS label, count(*) AS targets, 0 AS findings
		FROM workspaces w JOIN organizations o ON o.id = w.org_id LEFT JOIN workspace_health h ON h.workspace_id = w.id WHERE w.org_id = ? AND `+allowed+` GROUP BY 1`, append([]any{o.ID}, args...)...)
	for _, g := range states {
		s.Health[g.Name] = g.Targets
	}
	return s, err
}

// labels are how people call what the columns of a summary name.
var labels = map[string]string{"f.severity": "f.severity", "f.kind": "f.kind", "f.provider": "f.provider", "COALESCE(f.workspace_id, '')": "COALESCE(w.name, '')",
	"COALESCE(f.schedule_id, '')": "COALESCE(s.name, '')"}

const openFindings = ` FROM drift_findings f LEFT JOIN workspaces w ON w.id = f.workspace_id LEFT JOIN drift_schedules s ON s.id = f.schedule_id WHERE f.status = 'open' AND f.kind <> 'pending-config' AND `

type summaryAttributes struct {
	Targets    int            `json:"drifted-targets"`
	Findings   int            `json:"open-findings"`
	Severities []Group        `json:"by-severity"`
	Kinds      []Group        `json:"by-kind"`
	Providers  []Group        `json:"by-provider"`
	Workspaces []Group        `json:"by-workspace"`
	Schedules  []Group        `json:"by-schedule"`
	Health     map[string]int `json:"workspaces-by-health"`
}

func viewSummary(_ context.Context, s Summary) jsonapi.Resource {
	return jsonapi.Resource{Type: "drift-summaries", ID: s.Org.ID, Attributes: summaryAttributes{Targets: s.Total.Targets, Findings: s.Total.Findings,
		Severities: jsonapi.List(s.Severities), Kinds: jsonapi.List(s.Kinds), Providers: jsonapi.List(s.Providers), Workspaces: jsonapi.List(s.Workspaces), Schedules: jsonapi.List(s.Schedules), Health: s.Health},
		Relationships: jsonapi.Relationships{"organization": jsonapi.ToOne("organizations", s.Org.Name)}}
}

// Day is how much drift was open at the end of a day, or is open today.
type Day struct {
	OrgID     string `db:"org_id"`
	Day       string `db:"day"` // 2026-11-21, UTC
	Dimension string `db:"dimension"`
	Name      string `db:"name"`
	Targets   int    `db:"targets"`
	Findings  int    `db:"findings"`
	Label     string `db:"label,extra"`
}

// Scope implements authz.Scoped.
func (d Day) Scope() authz.Scope { return authz.Scope{Org: d.OrgID} }

// dimensions are what days are counted by.
var dimensions = map[string]string{"total": "''", "severity": "f.severity", "provider": "f.provider", "kind": "f.kind",
	"workspace": "COALESCE(f.workspace_id, '')", "schedule": "COALESCE(f.schedule_id, '')"}

type dayAttributes struct {
	Day       string `json:"day"`
	Dimension string `json:"dimension"`
	Name      string `json:"name"`
	Label     string `json:"label"`
	Targets   int    `json:"drifted-targets"`
	Findings  int    `json:"open-findings"`
}

func viewDay(_ context.Context, d Day) jsonapi.Resource {
	return jsonapi.Resource{Type: "drift-days", ID: d.Day + "/" + d.Dimension + "/" + d.Name, Attributes: dayAttributes{d.Day, d.Dimension, d.Name, d.Label, d.Targets, d.Findings}}
}

const dayForm = "2006-01-02"

// days lists how much drift there was, the newest day first; of the last 90 days unless the
// request says otherwise.
func (f *Feature) days(ctx context.Context, o orgs.Org, q api.Query) (api.Page[Day], error) {
	dimension := q.Get("filter[dimension]")
	if dimension == "" {
		dimension = "total"
	}
	if _, ok := dimensions[dimension]; !ok {
		return api.Page[Day]{}, problem.BadRequest("There is no dimension %q", dimension)
	}
	from, to := time.Now().UTC().AddDate(0, 0, -90).Format(dayForm), time.Now().UTC().Format(dayForm)
	for name, into := range map[string]*string{"filter[from]": &from, "filter[to]": &to} {
		if v := q.Get(name); v != "" {
			if _, err := time.Parse(dayForm, v); err != nil {
				return api.Page[Day]{}, problem.BadRequest("%s is a day such as 2026-11-21", name)
			}
			*into = v
		}
	}
	c := scans.Condition{Where: "d.org_id = ? AND d.dimension = ? AND d.day >= ? AND d.day <= ?", Args: []any{o.ID, dimension, from, to}}
	c.In("d.name", q.List("filter[name]"))
	return api.Select[Day](ctx, f.DB, q, `SELECT {d}, CASE d.dimension WHEN 'workspace' THEN COALESCE(w.name, d.name) WHEN 'schedule' THEN COALESCE(s.name, d.name) ELSE d.name END AS label FROM drift_days d
		LEFT JOIN workspaces w ON w.id = d.name AND w.org_id = d.org_id LEFT JOIN drift_schedules s ON s.id = d.name AND s.org_id = d.org_id WHERE `+c.Where+" ORDER BY d.day DESC, d.name", c.Args...)
}

const (
	keepDays = 400
	countMax = 1000 // organizations that are counted at a time
)

// Count writes down how much drift is open now, as that of today.
func (f *Feature) Count(ctx context.Context) error {
	today := time.Now().UTC().Format(dayForm)
	after, errs := "", []error(nil)
	for {
		ids, err := db.All[string](ctx, f.DB, `SELECT id FROM organizations WHERE id > ? AND (id IN (SELECT org_id FROM drift_scans)) ORDER BY id LIMIT ?`, after, countMax)
		if err != nil {
			return err
		}
		for _, id := range ids {
			after = id
			errs = append(errs, f.DB.Tx(ctx, func(ctx context.Context) error { return f.countOrg(ctx, id, today) }))
		}
		if len(ids) < countMax {
			break
		}
	}
	_, err := f.DB.Exec(ctx, `DELETE FROM drift_days WHERE day < ?`, time.Now().UTC().AddDate(0, 0, -keepDays).Format(dayForm))
	return errors.Join(append(errs, err)...)
}

func (f *Feature) countOrg(ctx context.Context, orgID, day string) error {
	changes.Tell(ctx, f.Bus, authz.Scope{Org: orgID}, "drift-days", "")
	if _, err := f.DB.Exec(ctx, `DELETE FROM drift_days WHERE org_id = ? AND day = ?`, orgID, day); err != nil {
		return err
	}
	rows := []Day{}
	for dimension, column := range dimensions {
		query := `SELECT ` + column + ` AS name, '' AS label, count(DISTINCT f.target) AS targets, count(*) AS findings` + openFindings + `f.org_id = ?`
		if dimension != "total" {
			query += ` AND ` + column + ` <> '' GROUP BY ` + column
		}
		groups, err := db.All[Group](ctx, f.DB, query, orgID)
		if err != nil {
			return err
		}
		for _, g := range groups {
			rows = append(rows, Day{OrgID: orgID, Day: day, Dimension: dimension, Name: g.Name, Targets: g.Targets, Findings: g.Findings})
		}
	}
	return db.InsertAll(ctx, f.DB, "drift_days", rows, "")
}

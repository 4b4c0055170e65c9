package findings

import (
	"context"

	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Group are findings that have something in common.
type Group struct {
	Key         string  `db:"name"` // for the filter of the same name
	WorkspaceID *string `db:"workspace_id"`
	ScheduleID  *string `db:"schedule_id"`
	Folder      string  `db:"folder"`
	Why         string  `db:"why"`
	Fix         string  `db:"fix"`
	Rank        int     `db:"worst"`
	Findings    int     `db:"findings"`
	Targets     int     `db:"targets"`
	FirstSeenAt db.Time `db:"first_seen_at"`

	org orgs.Org
	by  string
}

// Scope implements authz.Scoped.
func (g Group) Scope() authz.Scope { return g.org.Scope() }

// groupings are what findings are grouped by, and the columns that tell of a group.
var groupings = map[string]string{
	"target": "f.target AS name, f.workspace_id AS workspace_id, f.schedule_id AS schedule_id, f.folder AS folder, '' AS why, '' AS fix",
	"cause":  cause + " AS name, NULL AS workspace_id, NULL AS schedule_id, '' AS folder, max(f.why) AS why, max(f.fix) AS fix",
}

var groupKeys = map[string]string{"target": "f.target, f.workspace_id, f.schedule_id, f.folder", "cause": cause}

// maxGroups is how many groups are shown: those with the worst findings.
const maxGroups = 500

func (f *Feature) groupRoutes(r *api.Router) {
	api.Type(r, "drift-finding-groups", authz.ReadOrg, nil, viewGroup)
	api.List(r, "/organizations/{organization}/drift-finding-groups", authz.ReadOrg, f.Orgs.ByName, f.groups, api.Params(append([]string{"filter[by]"}, Filters...)...))
}

// groups counts findings by what they have in common: where they are, or what the rule says.
func (f *Feature) groups(ctx context.Context, o orgs.Org, q api.Query) (api.Page[Group], error) {
	by := q.Get("filter[by]")
	columns, ok := groupings[by]
	if !ok {
		return api.Page[Group]{}, problem.BadRequest("filter[by] is target or cause")
	}
	where, args := scans.Visible(ctx, o.ID, "f")
	c := scans.Condition{Where: where, Args: args}
	if err := Narrow(&c, q); err != nil {
		return api.Page[Group]{}, err
	}
	list, err := db.All[Group](ctx, f.DB, `SELECT `+columns+`, max(`+scans.SeverityRank("f.severity")+`) AS worst, count(*) AS findings, count(DISTINCT f.target) AS targets, min(f.first_seen_at) AS first_seen_at
		FROM drift_findings f LEFT JOIN workspaces w ON w.id = f.workspace_id WHERE `+c.Where+` GROUP BY `+groupKeys[by]+` ORDER BY worst DESC, findings DESC, name LIMIT ?`, append(c.Args, maxGroups)...)
	for i := range list {
		list[i].org, list[i].by = o, by
	}
	return api.Whole(list, err)
}

type groupAttributes struct {
	Key         string  `json:"key"`
	Folder      *string `json:"folder"`
	Why         *string `json:"why"`
	Fix         *string `json:"fix"`
	Severity    string  `json:"severity"` // the worst
	Findings    int     `json:"findings-count"`
	Targets     int     `json:"targets-count"`
	FirstSeenAt db.Time `json:"first-seen-at"`
}

func viewGroup(_ context.Context, g Group) jsonapi.Resource {
	return jsonapi.Resource{Type: "drift-finding-groups", ID: g.by + ":" + g.Key,
		Attributes:    groupAttributes{g.Key, db.Null(g.Folder), db.Null(g.Why), db.Null(g.Fix), scans.Severities[g.Rank], g.Findings, g.Targets, g.FirstSeenAt},
		Relationships: jsonapi.Relationships{"workspace": jsonapi.ToOne("workspaces", db.Text(g.WorkspaceID)), "drift-schedule": jsonapi.ToOne("drift-schedules", db.Text(g.ScheduleID))}}
}

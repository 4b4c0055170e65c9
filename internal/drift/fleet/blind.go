package fleet

import (
	"context"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// Blind is a target that should be looked at and is not: nobody knows whether it drifts.
type Blind struct {
	Target      string   `db:"target"`
	WorkspaceID string   `db:"workspace_id"`
	ScheduleID  string   `db:"schedule_id"`
	Folder      string   `db:"folder"`
	Name        string   `db:"name"`
	State       string   `db:"state"` // errored, blocked, unknown (never looked at)
	Reason      string   `db:"reason"`
	ScanID      string   `db:"scan_id"` // the last that failed
	SeenAt      *db.Time `db:"seen_at"` // the last successful look

	org orgs.Org
}

// Scope implements authz.Scoped.
func (b Blind) Scope() authz.Scope { return b.org.Scope() }

// maxBlind is how many there are of workspaces, and of folders, at most.
const maxBlind = 200

func (f *Feature) blindRoutes(r *api.Router) {
	api.Type(r, "drift-blind-spots", authz.ReadOrg, nil, viewBlind)
	api.List(r, "/organizations/{organization}/drift-blind-spots", authz.ReadOrg, f.Orgs.ByName, f.blind)
}

// blind lists workspaces whose assessments fail, are blocked or have never been made, and folders
// of active schedules whose last scan failed or that were never scanned.
func (f *Feature) blind(ctx context.Context, o orgs.Org, _ api.Query) (api.Page[Blind], error) {
	allowed, args := authz.FilterOf(ctx, authz.ReadRuns, o.ID).SQL("w.project_id", "w.id")
	out, err := db.All[Blind](ctx, f.DB, `SELECT w.id AS target, w.id AS workspace_id, '' AS schedule_id, '' AS folder, w.name AS name, h.state AS state, h.reason AS reason, '' AS scan_id,
		(SELECT max(a.created_at) FROM assessment_results a WHERE a.workspace_id = w.id AND a.succeeded) AS seen_at
		FROM workspace_health h JOIN workspaces w ON w.id = h.workspace_id JOIN organizations o ON o.id = w.org_id
		WHERE w.org_id = ? AND (w.assessments_enabled OR o.assessments_enforced) AND h.state IN ('errored', 'blocked', 'unknown') AND `+allowed+` ORDER BY h.state, w.name LIMIT ?`,
		append(append([]any{o.ID}, args...), maxBlind)...)
	if err != nil {
		return api.Page[Blind]{}, err
	}
	if authz.Can(ctx, authz.ReadDrift, o.Scope()) {
		folders, err := db.All[Blind](ctx, f.DB, `SELECT s.target AS target, '' AS workspace_id, c.id AS schedule_id, s.folder AS folder, c.name AS name, 'errored' AS state, s.error AS reason, s.id AS scan_id,
			(SELECT max(g.ended_at) FROM drift_scans g WHERE g.target = s.target AND g.status = 'finished') AS seen_at
			FROM drift_scans s JOIN drift_schedules c ON c.id = s.schedule_id WHERE s.org_id = ? AND c.active AND s.status = 'errored'
			AND NOT EXISTS (SELECT 1 FROM drift_scans n WHERE n.target = s.target AND n.queued_at > s.queued_at AND n.status IN ('finished', 'errored', 'confirming')) ORDER BY s.ended_at, s.id LIMIT ?`, o.ID, maxBlind)
		if err != nil {
			return api.Page[Blind]{}, err
		}
		never, err := db.All[Blind](ctx, f.DB, `SELECT c.id AS target, '' AS workspace_id, c.id AS schedule_id, '' AS folder, c.name AS name, 'unknown' AS state, '' AS reason, '' AS scan_id, NULL AS seen_at
			FROM drift_schedules c WHERE c.org_id = ? AND c.active AND NOT EXISTS (SELECT 1 FROM drift_scans s WHERE s.schedule_id = c.id AND s.ended_at IS NOT NULL) ORDER BY lower(c.name), c.id LIMIT ?`, o.ID, maxBlind)
		if err != nil {
			return api.Page[Blind]{}, err
		}
		out = append(append(out, folders...), never...)
	}
	for i := range out {
		out[i].org = o
	}
	return api.Whole(out, nil)
}

type blindAttributes struct {
	Target string   `json:"target"`
	Name   string   `json:"name"`
	Folder *string  `json:"folder"`
	State  string   `json:"state"`
	Reason *string  `json:"reason"`
	SeenAt *db.Time `json:"last-success-at"`
}

func viewBlind(_ context.Context, b Blind) jsonapi.Resource {
	some := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	return jsonapi.Resource{Type: "drift-blind-spots", ID: b.Target, Attributes: blindAttributes{b.Target, b.Name, some(b.Folder), b.State, some(b.Reason), b.SeenAt},
		Relationships: jsonapi.Relationships{"workspace": jsonapi.ToOne("workspaces", b.WorkspaceID), "drift-schedule": jsonapi.ToOne("drift-schedules", b.ScheduleID), "drift-scan": jsonapi.ToOne("drift-scans", b.ScanID)}}
}

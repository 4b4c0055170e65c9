package scans

import (
	"context"
	"net/http"
	"plumbline.dev/plumbline/internal/identity/changes"
	"strings"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// Permission implements authz.Owned.
func (s Scan) Permission(p authz.Permission) authz.Permission {
	return PermissionOn(s.WorkspaceID != nil, p)
}

// PermissionOn is what somebody needs for what drift detection has of a workspace, who would
// need p for what it has of a repository: of a workspace the rights on that count.
func PermissionOn(workspace bool, p authz.Permission) authz.Permission {
	if !workspace {
		return p
	}
	switch p {
	case authz.ReadDrift:
		return authz.ReadRuns
	case authz.OperateDrift:
		return authz.PlanRuns
	case authz.ManageDrift:
		return authz.UpdateWorkspace
	}
	return p
}

// changed tells clients that a scan is no longer as it was.
func (f *Feature) changed(ctx context.Context, s Scan) {
	changes.Tell(ctx, f.Bus, s.Scope(), "drift-scans", s.ID)
}

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	f.router = r
	filters := api.Params("filter[workspace][id]", "filter[workspace][name]", "filter[schedule][id]", "filter[folder]", "filter[status]", "filter[reason]", "filter[severity]", "filter[drifted]", "filter[batch]")
	api.Type(r, "drift-scans", authz.ReadDrift, f.In, f.view)
	api.List(r, "/organizations/{organization}/drift-scans", authz.ReadOrg, f.Orgs.ByName, f.list, filters)
	api.List(r, "/workspaces/{id}/drift-scans", authz.ReadRuns, f.Workspaces.Find, f.listOfWorkspace, filters)
	api.Read(r, "/drift-scans/{id}", authz.ReadDrift, f.Find)
	api.Handle(r, "GET /drift-scans/{id}/verdict", authz.ReadDrift, f.Find, f.sendVerdict)
	api.Handle(r, "GET /drift-scans/{id}/output", authz.ReadDrift, f.Find, f.sendOutput)
	api.Handle(r, "GET /drift-scans/{id}/log/events", authz.ReadDrift, f.Find, func(ctx context.Context, w http.ResponseWriter, req *http.Request, s Scan) error {
		return f.Logs.Follow(ctx, w, req, s.ID)
	})
	api.Action(r, "/drift-scans/{id}/actions/cancel", authz.OperateDrift, f.Find, f.cancel)
}

func (f *Feature) cancel(ctx context.Context, s Scan, _ jsonapi.In[struct{}]) (Scan, error) {
	if s.Status.Final() {
		return s, problem.Conflict("The scan has ended: it is %s.", s.Status)
	}
	if err := f.Cancel(ctx, s.ID); err != nil {
		return s, err
	}
	return f.Find(ctx, s.ID)
}

// attributes are those of the wire.
type attributes struct {
	Target        string   `json:"target"`
	Folder        *string  `json:"folder"`
	Batch         string   `json:"batch"`
	Reason        Reason   `json:"reason"`
	Status        Status   `json:"status"`
	Branch        *string  `json:"branch"`
	Commit        *string  `json:"commit"`
	Engine        *string  `json:"engine"`
	EngineVersion *string  `json:"engine-version"`
	Resources     int      `json:"resources"`
	Drifted       int      `json:"resources-drifted"`
	Undrifted     int      `json:"resources-undrifted"`
	Pending       int      `json:"pending-changes"`
	StateOnly     int      `json:"state-only-changes"`
	ChecksPassed  int      `json:"checks-passed"`
	ChecksFailed  int      `json:"checks-failed"`
	ChecksErrored int      `json:"checks-errored"`
	ChecksUnknown int      `json:"checks-unknown"`
	Severity      *string  `json:"severity"`
	Summary       *string  `json:"summary"`
	Fingerprint   *string  `json:"fingerprint"`
	Warm          bool     `json:"warm"`
	Refreshed     bool     `json:"second-pass"`
	Error         *string  `json:"error-message"`
	QueuedAt      db.Time  `json:"queued-at"`
	StartedAt     *db.Time `json:"started-at"`
	EndedAt       *db.Time `json:"ended-at"`
	LogReadURL    string   `json:"log-read-url"`
}

// view is a scan as clients see it.
func (f *Feature) view(ctx context.Context, s Scan) jsonapi.Resource {
	self := "/api/v2/drift-scans/" + s.ID
	links := jsonapi.Self(self)
	links["verdict"], links["output"] = self+"/verdict", self+"/output"
	return jsonapi.Resource{Type: "drift-scans", ID: s.ID, Links: links, Attributes: attributes{
		Target: s.Target, Folder: db.Null(s.Folder), Batch: s.Batch, Reason: s.Reason, Status: s.Status, Branch: db.Null(s.Branch), Commit: db.Null(s.Commit),
		Engine: db.Null(s.Engine), EngineVersion: db.Null(s.EngineVersion), Resources: s.Resources, Drifted: s.Drifted, Undrifted: s.Undrifted,
		Pending: s.Pending, StateOnly: s.StateOnly, ChecksPassed: s.ChecksPassed, ChecksFailed: s.ChecksFailed, ChecksErrored: s.ChecksErrored,
		ChecksUnknown: s.ChecksUnknown, Severity: db.Null(s.Severity), Summary: db.Null(s.Summary), Fingerprint: db.Null(s.Fingerprint), Warm: s.Warm,
		Refreshed: s.Refreshed, Error: db.Null(s.Error), QueuedAt: s.QueuedAt, StartedAt: s.StartedAt, EndedAt: s.EndedAt, LogReadURL: f.Logs.URL(ctx, s.ID),
	}, Relationships: jsonapi.Relationships{
		"workspace":      jsonapi.ToOne("workspaces", db.Text(s.WorkspaceID)),
		"drift-schedule": jsonapi.ToOne("drift-schedules", db.Text(s.ScheduleID)),
		"confirms":       jsonapi.ToOne("drift-scans", db.Text(s.Confirms)),
		"run":            jsonapi.ToOne("runs", db.Text(s.RunID)),
	}}
}

// Visible is the condition that the subject of ctx may see what drift detection has in an
// organization: alias names a table with workspace_id, joined with the workspace as w.
func Visible(ctx context.Context, orgID, alias string) (string, []any) {
	workspaces, args := authz.FilterOf(ctx, authz.ReadRuns, orgID).SQL("w.project_id", alias+".workspace_id")
	cond := "(" + alias + ".workspace_id IS NOT NULL AND " + workspaces + ")"
	if authz.Can(ctx, authz.ReadDrift, authz.Scope{Org: orgID}) {
		cond = "(" + alias + ".workspace_id IS NULL OR " + cond + ")"
	}
	return alias + ".org_id = ? AND " + cond, append([]any{orgID}, args...)
}

// Condition is a WHERE that grows.
type Condition struct {
	Where string
	Args  []any
}

// And adds a condition.
func (c *Condition) And(cond string, args ...any) {
	c.Where, c.Args = c.Where+" AND "+cond, append(c.Args[:len(c.Args):len(c.Args)], args...)
}

// In adds that a column has one of the values; none asks nothing.
func (c *Condition) In(column string, values []string) {
	if len(values) > 0 {
		cond, args := db.List(column+" IN (?)", values)
		c.And(cond, args...)
	}
}

// Places adds the filters by workspace, schedule and folder.
func (c *Condition) Places(q api.Query, alias string) {
	c.In(alias+".workspace_id", q.List("filter[workspace][id]"))
	if names := q.List("filter[workspace][name]"); len(names) > 0 {
		for i := range names {
			names[i] = strings.ToLower(names[i])
		}
		c.In("w.name_lower", names)
	}
	c.In(alias+".schedule_id", q.List("filter[schedule][id]"))
	c.In(alias+".folder", q.List("filter[folder]"))
}

// Severities are the severities by their rank.
var Severities = []string{"info", "low", "medium", "high", "critical"}

// SeverityRank is a column's rank in SQL, for sorting.
func SeverityRank(column string) string {
	return "CASE " + column + " WHEN 'critical' THEN 4 WHEN 'high' THEN 3 WHEN 'medium' THEN 2 WHEN 'low' THEN 1 ELSE 0 END"
}

var orders = map[string]string{
	"": "s.queued_at DESC, s.id DESC", "-queued-at": "s.queued_at DESC, s.id DESC", "queued-at": "s.queued_at, s.id",
	"-severity": SeverityRank("s.severity") + " DESC, s.queued_at DESC, s.id", "severity": SeverityRank("s.severity") + ", s.queued_at DESC, s.id",
	"-resources-drifted": "s.drifted DESC, s.queued_at DESC, s.id", "resources-drifted": "s.drifted, s.queued_at DESC, s.id",
}

func (f *Feature) list(ctx context.Context, o orgs.Org, q api.Query) (api.Page[Scan], error) {
	where, args := Visible(ctx, o.ID, "s")
	return f.page(ctx, q, Condition{where, args})
}

func (f *Feature) listOfWorkspace(ctx context.Context, ws workspaces.Workspace, q api.Query) (api.Page[Scan], error) {
	return f.page(ctx, q, Condition{"s.workspace_id = ?", []any{ws.ID}})
}

func (f *Feature) page(ctx context.Context, q api.Query, c Condition) (api.Page[Scan], error) {
	order, err := q.Order(orders)
	if err != nil {
		return api.Page[Scan]{}, err
	}
	c.Places(q, "s")
	c.In("s.status", q.List("filter[status]"))
	c.In("s.reason", q.List("filter[reason]"))
	c.In("s.severity", q.List("filter[severity]"))
	c.In("s.batch", q.List("filter[batch]"))
	switch q.Get("filter[drifted]") {
	case "":
	case "true":
		c.And("s.drifted > 0")
	case "false":
		c.And("s.drifted = 0")
	default:
		return api.Page[Scan]{}, problem.BadRequest("filter[drifted] is true or false")
	}
	return api.Select[Scan](ctx, f.DB, q, selectScans+" WHERE "+c.Where+" ORDER BY "+order, c.Args...)
}

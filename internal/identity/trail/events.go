package trail

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/audit"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// record is an event of the trail as people read it, who are no collectors of logs.
type record struct {
	audit.Event
	name string
}

// Scope implements authz.Scoped.
func (r record) Scope() authz.Scope { return authz.Scope{Org: r.OrgID} }

// eventRoutes are the trail for people who may read it, searched and exported: that of an
// organization, and for site administrators that of the site, which has what belongs to no
// organization, such as logins and settings of the server. They are ours: HCP Terraform has
// them on a page only.
func (f *Feature) eventRoutes(r *api.Router) {
	const path, site = "/organizations/{organization}/audit-events", "/admin/audit-events"
	api.Type(r, "audit-events", authz.ReadAudit, nil, viewRecord)
	api.Type(r, "audit-event-kinds", authz.ReadAudit, nil, viewKinds)
	api.List(r, path, authz.ReadAudit, f.ofOrg, f.records, api.Params(filters...))
	api.Show(r, "/organizations/{organization}/audit-event-kinds", authz.ReadAudit, f.ofOrg, f.kinds)
	api.Handle(r, "GET "+path+"/export/csv", authz.ReadAudit, f.ofOrg, f.exportCSV)
	api.Handle(r, "GET "+path+"/export/json", authz.ReadAudit, f.ofOrg, f.exportJSON)
	api.List(r, site, authz.SiteAdmin, ofSite, f.records, api.Params(filters...))
	api.Show(r, "/admin/audit-event-kinds", authz.SiteAdmin, ofSite, f.kinds)
	api.Handle(r, "GET "+site+"/export/csv", authz.SiteAdmin, ofSite, f.exportCSV)
	api.Handle(r, "GET "+site+"/export/json", authz.SiteAdmin, ofSite, f.exportJSON)
}

// whole is a trail: all that happened in an organization, or else at the site.
type whole struct {
	orgID    string // "" is the site
	name     string
	readable bool // it is kept for people
}

// Scope implements authz.Scoped.
func (t whole) Scope() authz.Scope { return authz.Scope{Org: t.orgID} }

func (f *Feature) ofOrg(ctx context.Context, name string) (whole, error) {
	o, err := f.Orgs.ByName(ctx, name)
	return whole{o.ID, o.Name, readable(o)}, err
}

func ofSite(context.Context, string) (whole, error) { return whole{name: "site", readable: true}, nil }

// errNotEnabled is for an organization that keeps no trail for its people.
var errNotEnabled = problem.Denied("The audit trail of this organization is not enabled")

func readable(o orgs.Org) bool { return o.AuditTrailsEnabled && o.Entitled().AuditLogging }

// filters are those of records.
var filters = []string{"filter[actor]", "filter[action]", "filter[resource-type]", "filter[resource-id]", "filter[from]", "filter[to]"}

// recordAttributes are those of the wire, and of a line of an export.
type recordAttributes struct {
	At           db.Time  `json:"created-at"`
	Action       string   `json:"action"`
	ResourceType string   `json:"resource-type"`
	ResourceID   string   `json:"resource-id"`
	ResourceName string   `json:"resource-name,omitempty"` // that it has now; "" of what is gone or has none, and in an export
	Changed      []string `json:"changed"`                 // names of what the request set, never to what
	ActorKind    string   `json:"actor-kind"`              // user, team, organization, run; "" is nobody
	ActorID      string   `json:"actor-id"`
	ActorName    string   `json:"actor-name"`
	TokenID      string   `json:"token-id"`
	IPAddress    string   `json:"ip-address"`
	RequestID    string   `json:"request-id"`
}

func attributesOf(e audit.Event) recordAttributes {
	return recordAttributes{e.At, e.Action, e.ResourceType, e.ResourceID, "", jsonapi.List(e.Changed.V), string(e.ActorKind), e.ActorID, e.ActorName, e.TokenID, e.IP, e.RequestID}
}

func viewRecord(_ context.Context, r record) jsonapi.Resource {
	a := attributesOf(r.Event)
	a.ResourceName = r.name
	return jsonapi.Resource{Type: "audit-events", ID: r.ID, Attributes: a}
}

func (f *Feature) records(ctx context.Context, t whole, q api.Query) (api.Page[record], error) {
	from, args, err := t.search(q)
	if err != nil {
		return api.Page[record]{}, err
	}
	page, err := api.Select[audit.Event](ctx, f.DB, q, from, args...)
	if err != nil {
		return api.Page[record]{}, err
	}
	ids := make([]string, len(page.Items))
	for i, e := range page.Items {
		ids[i] = e.ResourceID
	}
	names, err := f.Names(ctx, t.orgID, ids)
	out := api.Page[record]{Total: page.Total}
	for _, e := range page.Items {
		out.Items = append(out.Items, record{e, names[e.ResourceID]})
	}
	return out, err
}

// search is the statement that finds what a request asks for, the newest first. An actor is
// asked for by a part of the name, or the whole id; q is a part of any of the words.
func (t whole) search(q api.Query) (string, []any, error) {
	if !t.readable {
		return "", nil, errNotEnabled
	}
	where, args := `org_id = ?`, []any{t.orgID}
	and := func(cond string, more ...any) { where, args = where+" AND "+cond, append(args, more...) }
	if like := q.Like("filter[actor]"); like != "" {
		and(`(LOWER(actor_name) LIKE ? ESCAPE '\' OR actor_id = ?)`, like, q.Get("filter[actor]"))
	}
	for name, column := range map[string]string{"filter[action]": "action", "filter[resource-type]": "resource_type", "filter[resource-id]": "resource_id"} {
		if v := q.Get(name); v != "" {
			and(column+` = ?`, v)
		}
	}
	for name, op := range map[string]string{"filter[from]": ">=", "filter[to]": "<="} {
		v := q.Get(name)
		if v == "" {
			continue
		}
		when, err := db.ParseTime(v)
		if err != nil {
			return "", nil, problem.BadRequest("%s must be a time such as 2024-03-01T12:30:00Z, not %q", name, v)
		}
		and(`at `+op+` ?`, when)
	}
	if like := q.Like("q"); like != "" {
		and(`(LOWER(actor_name) LIKE ? ESCAPE '\' OR action LIKE ? ESCAPE '\' OR resource_type LIKE ? ESCAPE '\' OR LOWER(resource_id) LIKE ? ESCAPE '\')`, like, like, like, like)
	}
	return `FROM audit_events WHERE ` + where + ` ORDER BY at DESC, id`, args, nil
}

// maxExport is how many events an export has at most; filters choose which.
const maxExport = 50_000

func (f *Feature) export(ctx context.Context, w http.ResponseWriter, req *http.Request, t whole, typ, ending string) ([]audit.Event, error) {
	q, err := api.ParseQuery(req, filters...)
	if err != nil {
		return nil, err
	}
	from, args, err := t.search(q)
	if err != nil {
		return nil, err
	}
	list, err := db.All[audit.Event](ctx, f.DB, from+` LIMIT ?`, append(args, maxExport)...)
	if err == nil {
		w.Header().Set("Content-Type", typ)
		w.Header().Set("Content-Disposition", `attachment; filename="audit-`+t.name+`.`+ending+`"`)
	}
	return list, err
}

func (f *Feature) exportJSON(ctx context.Context, w http.ResponseWriter, req *http.Request, t whole) error {
	list, err := f.export(ctx, w, req, t, "application/json", "json")
	if err != nil {
		return err
	}
	type line struct {
		ID string `json:"id"`
		recordAttributes
	}
	out := make([]line, len(list))
	for i, e := range list {
		out[i] = line{e.ID, attributesOf(e)}
	}
	return json.NewEncoder(w).Encode(out)
}

func (f *Feature) exportCSV(ctx context.Context, w http.ResponseWriter, req *http.Request, t whole) error {
	list, err := f.export(ctx, w, req, t, "text/csv; charset=utf-8", "csv")
	if err != nil {
		return err
	}
	lines := [][]string{{"id", "created-at", "action", "resource-type", "resource-id", "changed", "actor-kind", "actor-id", "actor-name", "token-id", "ip-address", "request-id"}}
	for _, e := range list {
		a := attributesOf(e)
		lines = append(lines, []string{e.ID, a.At.UTC().Format(time.RFC3339Nano), a.Action, a.ResourceType, a.ResourceID, strings.Join(a.Changed, " "),
			a.ActorKind, a.ActorID, a.ActorName, a.TokenID, a.IPAddress, a.RequestID})
	}
	_ = api.WriteCSV(w, lines)
	return nil // a client that went away is no error of ours
}

// Package trail lets an organization's token read its audit trail, in the form of
// HCP Terraform, for collectors of logs; and people that of their organization or, if they
// administer it, of the site, searched.
//
// The surprising rule: the path for collectors names no organization. The token does, and
// tokens of users and teams are not taken (API schema, showOrganizationAuditTrail).
package trail

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/audit"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Feature serves the audit trail.
type Feature struct {
	DB    *db.DB
	Orgs  *orgs.Feature
	Names func(ctx context.Context, orgID string, ids []string) (map[string]string, error) // how resources of an organization, or else of the site, are called now, by id
}

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	api.Handle(r, "GET /organization/audit-trail", authz.ReadAudit, f.own, f.list)
	f.eventRoutes(r)
}

// own returns the organization that the token of ctx stands for.
func (f *Feature) own(ctx context.Context, _ string) (orgs.Org, error) {
	s := authz.From(ctx)
	if s.Kind != authz.Org && s.Kind != authz.Kind(tokens.Audit) {
		return orgs.Org{}, problem.NotFound
	}
	return f.Orgs.Find(ctx, s.ID)
}

// event is a record as collectors see it.
type event struct {
	ID        string   `json:"id"`
	Version   string   `json:"version"`
	Type      string   `json:"type"`
	Timestamp db.Time  `json:"timestamp"`
	Auth      actor    `json:"auth"`
	Request   request  `json:"request"`
	Resource  resource `json:"resource"`
}

type actor struct {
	AccessorID     string  `json:"accessor_id"`
	Description    string  `json:"description"`
	Type           string  `json:"type"` // Client, System
	ImpersonatorID *string `json:"impersonator_id"`
	OrganizationID string  `json:"organization_id"`
}

type request struct {
	ID string `json:"id"`
}

type resource struct {
	ID     string `json:"id"`
	Type   string `json:"type"`
	Action string `json:"action"`
	Meta   *meta  `json:"meta"`
}

// meta tells which attributes a request set, never to what.
type meta struct {
	Changed []string `json:"changed"`
}

type pagination struct {
	CurrentPage int  `json:"current_page"`
	PageSize    int  `json:"page_size"`
	PrevPage    *int `json:"prev_page"`
	NextPage    *int `json:"next_page"`
	TotalPages  int  `json:"total_pages"`
	TotalCount  int  `json:"total_count"`
}

// list answers with a page of the events, the newest first.
func (f *Feature) list(ctx context.Context, w http.ResponseWriter, req *http.Request, o orgs.Org) error {
	if !readable(o) {
		return errNotEnabled
	}
	q, err := parse(req.URL.Query())
	if err != nil {
		return err
	}
	// The trail of an organization begins when it is there: its creation is not in it.
	cond, args := `FROM audit_events WHERE org_id = ? AND NOT (resource_type = 'organizations' AND action = 'create')`, []any{o.ID}
	if q.since != nil {
		cond, args = cond+` AND at > ?`, append(args, *q.since)
	}
	total, err := db.One[int](ctx, f.DB, `SELECT count(*) `+cond, args...)
	if err != nil {
		return err
	}
	rows, err := db.All[audit.Event](ctx, f.DB, cond+` ORDER BY at DESC, id LIMIT ? OFFSET ?`, append(args, q.size, (q.number-1)*q.size)...)
	if err != nil {
		return err
	}
	events := make([]event, len(rows))
	for i, e := range rows {
		events[i] = view(e)
	}
	return api.WriteJSON(w, http.StatusOK, "application/json", struct {
		Data       []event    `json:"data"`
		Pagination pagination `json:"pagination"`
	}{events, q.pages(total)})
}

func view(e audit.Event) event {
	out := event{ID: e.ID, Version: "0", Type: "Resource", Timestamp: e.At,
		Auth:     actor{AccessorID: e.ActorID, Description: e.ActorName, Type: "Client", OrganizationID: e.OrgID},
		Request:  request{e.RequestID},
		Resource: resource{ID: e.ResourceID, Type: singular(e.ResourceType), Action: e.Action}}
	if e.ActorKind == "" {
		out.Auth.Type = "System"
	}
	if len(e.Changed.V) > 0 {
		out.Resource.Meta = &meta{e.Changed.V}
	}
	return out
}

// singular is a type of resources as HCP Terraform names one of them in the trail:
// "state_version" for "state-versions".
func singular(typ string) string {
	typ = strings.ReplaceAll(typ, "-", "_")
	if stem, ok := strings.CutSuffix(typ, "ies"); ok {
		return stem + "y"
	}
	return strings.TrimSuffix(typ, "s")
}

// query is what a request asks for.
type query struct {
	since        *db.Time
	number, size int
}

const (
	defaultSize = 20
	maxSize     = 1000
	maxNumber   = 1_000_000
)

func parse(v url.Values) (query, error) {
	q := query{number: 1, size: defaultSize}
	if s := v.Get("since"); s != "" {
		t, err := db.ParseTime(s)
		if err != nil {
			return q, problem.BadRequest("since must be a time such as 2006-01-02T15:04:05.000Z, not %q", s)
		}
		// HCP's events are told apart by seconds: a time without a fraction means its whole second.
		if !strings.Contains(s, ".") {
			t = db.At(t.Add(time.Second - time.Microsecond))
		}
		q.since = &t
	}
	for name, p := range map[string]*int{"page[number]": &q.number, "page[size]": &q.size} {
		s := v.Get(name)
		if s == "" {
			continue
		}
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > maxNumber {
			return q, problem.BadRequest("%s must be a whole number from 1 to %d, not %q", name, maxNumber, s)
		}
		*p = n
	}
	q.size = min(q.size, maxSize)
	return q, nil
}

func (q query) pages(total int) pagination {
	p := pagination{CurrentPage: q.number, PageSize: q.size, TotalPages: max(1, (total+q.size-1)/q.size), TotalCount: total}
	if prev := q.number - 1; prev > 0 {
		p.PrevPage = &prev
	}
	if next := q.number + 1; next <= p.TotalPages {
		p.NextPage = &next
	}
	return p
}

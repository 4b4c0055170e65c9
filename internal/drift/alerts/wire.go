package alerts

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"plumbline.dev/plumbline/internal/drift/verbs"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/mail"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Routes adds the endpoints of this package to r and its jobs to Jobs.
func (f *Feature) Routes(r *api.Router) {
	const in, one = "/organizations/{organization}/drift-alerts", "/drift-alerts/{id}"
	jobs.Handle(f.Jobs, f.deliver, jobs.InQueue("drift-alerts"), jobs.Attempts(3))
	f.Jobs.Every("drift-alert-deliveries", 24*time.Hour, f.prune)
	api.Type(r, "drift-alerts", authz.ReadDrift, f.byIDs, view)
	api.List(r, in, authz.ReadDrift, f.Orgs.ByName, f.list, api.Params("search[name]", "filter[type]", "filter[last-status]", "sort"))
	api.Create(r, in, authz.ManageDrift, f.Orgs.ByName, f.create)
	api.Read(r, one, authz.ReadDrift, f.read)
	api.Update(r, one, authz.ManageDrift, f.Find, f.update)
	api.Do(r, "DELETE "+one, authz.ManageDrift, f.Find, f.delete)
	api.Handle(r, "POST "+one+"/actions/test", authz.OperateDrift, f.Find, f.answerTest)
	api.Handle(r, "POST /organizations/{organization}/drift-alert-preview", authz.ReadDrift, f.Orgs.ByName, f.preview)
	f.deliveryRoutes(r)
}

// attributes are an alert as clients see it: of secrets, that they are there.
type attributes struct {
	Name        string   `json:"name"`
	Type        string   `json:"type"`
	URL         string   `json:"url"` // shortened to what is no secret
	HeaderNames []string `json:"header-names"`
	HasSecret   bool     `json:"has-secret"`
	Recipients  []string `json:"recipients"`
	Subject     string   `json:"subject"`
	Body        string   `json:"body"`
	MinSeverity string   `json:"min-severity"`
	Digest      string   `json:"digest"`
	DeadLetters int      `json:"dead-letters"` // deliveries that failed for good and were not sent again
	LastSentAt  *db.Time `json:"last-sent-at"`
	LastStatus  string   `json:"last-status"`
	CreatedAt   db.Time  `json:"created-at"`
	UpdatedAt   db.Time  `json:"updated-at"`
}

func view(_ context.Context, a Alert) jsonapi.Resource {
	return jsonapi.Resource{Type: "drift-alerts", ID: a.ID, Links: jsonapi.Self("/api/v2/drift-alerts/" + a.ID),
		Attributes: attributes{Name: a.Name, Type: a.Type, URL: a.shown.url, HeaderNames: jsonapi.List(a.shown.headers), HasSecret: len(a.SealedSecret) > 0, Recipients: jsonapi.List(a.Recipients.V),
			Subject: a.Subject, Body: a.Body, MinSeverity: a.MinSeverity, Digest: a.Digest, DeadLetters: a.DeadLetters, LastSentAt: a.LastSentAt, LastStatus: a.LastStatus, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt},
		Relationships: jsonapi.Relationships{"organization": jsonapi.ToOne("organizations", a.OrgName)}}
}

// show fills in what clients may see of what is sealed.
func (f *Feature) show(ctx context.Context, a Alert) (Alert, error) {
	address, err := f.open(ctx, a, a.SealedURL, "url")
	if err != nil {
		return a, err
	}
	a.shown.url = redactURL(address.Reveal(), a.Type != Post)
	raw, err := f.open(ctx, a, a.SealedHeaders, "headers")
	if err != nil {
		return a, err
	}
	h, err := parseHeaders(raw.Reveal())
	a.shown.headers = nil
	for name := range h {
		a.shown.headers = append(a.shown.headers, name)
	}
	slices.Sort(a.shown.headers)
	return a, err
}

func (f *Feature) showAll(ctx context.Context, rows []Alert) error {
	for i := range rows {
		var err error
		if rows[i], err = f.show(ctx, rows[i]); err != nil {
			return err
		}
	}
	return nil
}

func (f *Feature) read(ctx context.Context, id string) (Alert, error) {
	a, err := f.Find(ctx, id)
	if err != nil {
		return a, err
	}
	return f.show(ctx, a)
}

func (f *Feature) byIDs(ctx context.Context, ids []string) ([]Alert, error) {
	rows, err := f.In(ctx, ids)
	if err != nil {
		return nil, err
	}
	return rows, f.showAll(ctx, rows)
}

func (f *Feature) list(ctx context.Context, o orgs.Org, q api.Query) (api.Page[Alert], error) {
	from, args := selectAlerts+` WHERE a.org_id = ?`, []any{o.ID}
	if like := q.Like("search[name]"); like != "" {
		from, args = from+` AND lower(a.name) LIKE ? ESCAPE '\'`, append(args, like)
	}
	if v := q.Get("filter[type]"); v != "" {
		from, args = from+` AND a.type = ?`, append(args, v)
	}
	if v := q.Get("filter[last-status]"); v != "" {
		from, args = from+` AND a.last_status = ?`, append(args, v)
	}
	order, err := q.Order(map[string]string{"": "lower(a.name), a.id", "name": "lower(a.name), a.id", "-name": "lower(a.name) DESC, a.id",
		"created-at": "a.created_at, a.id", "-created-at": "a.created_at DESC, a.id"})
	if err != nil {
		return api.Page[Alert]{}, err
	}
	page, err := api.Select[Alert](ctx, f.DB, q, from+` ORDER BY `+order, args...)
	if err != nil {
		return page, err
	}
	return page, f.showAll(ctx, page.Items)
}

func (f *Feature) create(ctx context.Context, o orgs.Org, in jsonapi.In[request]) (Alert, error) {
	a := newAlert(o.ID)
	a.OrgName = o.Name
	if err := f.apply(ctx, &a, in.Data.Attributes); err != nil {
		return a, err
	}
	if err := f.store(ctx, a, true); err != nil {
		return a, err
	}
	return f.show(ctx, a)
}

func (f *Feature) update(ctx context.Context, a Alert, in jsonapi.In[request]) (Alert, error) {
	if err := f.apply(ctx, &a, in.Data.Attributes); err != nil {
		return a, err
	}
	if err := f.store(ctx, a, false); err != nil {
		return a, err
	}
	return f.read(ctx, a.ID)
}

func (f *Feature) delete(ctx context.Context, a Alert, in jsonapi.In[verbs.Deletion]) error {
	return f.remove(ctx, a, in.Data.Attributes.Forced(ctx))
}

// answerTest answers {"status":"ok"} or {"status":"failed", "message":…}. The query parameter
// repository names the one to make an issue in.
func (f *Feature) answerTest(ctx context.Context, w http.ResponseWriter, req *http.Request, a Alert) error {
	repository := req.URL.Query().Get("repository")
	if a.Issues() {
		if err := f.mayUse(ctx, a.OrgID, repository); err != nil {
			return err
		}
	}
	err := f.Try(ctx, a, repository)
	if bad, ok := errors.AsType[tried](err); ok {
		return api.WriteJSON(w, http.StatusOK, "application/json", map[string]any{"status": "failed", "message": bad.why})
	}
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, "application/json", map[string]any{"status": "ok"})
}

// mayUse refuses repositories of other organizations.
func (f *Feature) mayUse(ctx context.Context, orgID, repositoryID string) error {
	if repositoryID == "" {
		return problem.BadRequest("To test an alert that makes issues, name a repository: ?repository=ID")
	}
	if f.RepositoryIn == nil {
		return problem.NotFound
	}
	return f.RepositoryIn(ctx, orgID, repositoryID)
}

// preview shows a message with sample values, without an alert and without sending it. It takes {"type",
// "subject", "body"} and answers {"subject", "body", "html", "content-type", "unknown"}.
func (f *Feature) preview(ctx context.Context, w http.ResponseWriter, req *http.Request, o orgs.Org) error {
	var in struct {
		Type    string `json:"type"`
		Subject string `json:"subject"`
		Body    string `json:"body"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, req.Body, maxBody*2)).Decode(&in); err != nil {
		return problem.BadRequest("The request must be a JSON object with type, subject and body.")
	}
	a := Alert{OrgID: o.ID, Type: in.Type, Subject: in.Subject, Body: in.Body}
	if !slices.Contains(types, a.Type) {
		return problem.BadRequest("The type must be one of %v.", types)
	}
	if p := a.checkTexts(); p != nil {
		return p
	}
	e := sample(a, f.now())
	e.Kind = New
	m, err := f.words(ctx, a, e)
	if err != nil {
		return err
	}
	out := a.shows(m)
	out["placeholders"] = f.placeholders(ctx, a, e)
	return api.WriteJSON(w, http.StatusOK, "application/json", out)
}

// shows is a message for people to look at.
func (a Alert) shows(m message) map[string]any {
	out := map[string]any{"subject": m.Subject, "body": m.Body, "content-type": contentType(m.Body)}
	if a.markdown() {
		out["html"] = mail.HTML(m.Body)
	}
	return out
}

// placeholders are the names that texts may have, with their sample values.
func (f *Feature) placeholders(ctx context.Context, a Alert, e Event) map[string]string {
	out := map[string]string{}
	value, err := f.values(ctx, a, e)
	if err != nil {
		return out
	}
	for _, name := range placeholderNames {
		out[name], _ = value(name)
	}
	return out
}

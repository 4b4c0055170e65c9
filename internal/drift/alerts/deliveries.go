package alerts

import (
	"context"
	"net/http"
	"strings"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Scope implements authz.Scoped.
func (d Delivery) Scope() authz.Scope { return authz.Scope{Org: d.OrgID} }

func (f *Feature) deliveryRoutes(r *api.Router) {
	api.Type(r, "drift-alert-deliveries", authz.ReadDrift, f.deliveriesByIDs, viewDelivery)
	api.List(r, "/organizations/{organization}/drift-alert-deliveries", authz.ReadDrift, f.Orgs.ByName, f.listDeliveries,
		api.Params("filter[alert]", "filter[status]", "filter[event]", "filter[schedule]", "filter[episode]", "filter[scan]", "sort"))
	api.Read(r, "/drift-alert-deliveries/{id}", authz.ReadDrift, f.findDelivery)
	api.Handle(r, "GET /drift-alert-deliveries/{id}/message", authz.ReadDrift, f.findDelivery, f.message)
	api.Action(r, "/drift-alert-deliveries/{id}/actions/redeliver", authz.OperateDrift, f.findDelivery, f.redeliver)
}

type deliveryAttributes struct {
	Event         string   `json:"event"`
	Status        string   `json:"status"`
	Severity      string   `json:"severity"`
	Summary       string   `json:"summary"`
	Folder        string   `json:"folder"`
	ScheduleID    string   `json:"schedule-id"`
	ScanID        string   `json:"scan-id"`
	EpisodeID     string   `json:"episode-id"`
	Attempts      int      `json:"attempts"`
	Error         string   `json:"error"`
	NextAttemptAt *db.Time `json:"next-attempt-at"`
	CreatedAt     db.Time  `json:"created-at"`
	FinishedAt    *db.Time `json:"finished-at"`
}

func viewDelivery(_ context.Context, d Delivery) jsonapi.Resource {
	if strings.HasPrefix(d.EpisodeID, pendingEpisode) {
		d.EpisodeID = "" // drift makes episodes
	}
	return jsonapi.Resource{Type: "drift-alert-deliveries", ID: d.ID, Links: jsonapi.Self("/api/v2/drift-alert-deliveries/" + d.ID),
		Attributes: deliveryAttributes{Event: d.Event, Status: d.Status, Severity: d.Severity, Summary: d.Summary, Folder: d.Folder, ScheduleID: d.ScheduleID, ScanID: d.ScanID, EpisodeID: d.EpisodeID,
			Attempts: d.Attempts, Error: d.Error, NextAttemptAt: d.NextAttemptAt, CreatedAt: d.CreatedAt, FinishedAt: d.FinishedAt},
		Relationships: jsonapi.Relationships{"alert": jsonapi.ToOne("drift-alerts", d.AlertID)}}
}

func (f *Feature) deliveriesByIDs(ctx context.Context, ids []string) ([]Delivery, error) {
	return db.In[Delivery](ctx, f.DB, selectDeliveries+` WHERE id IN (?)`, ids)
}

func (f *Feature) listDeliveries(ctx context.Context, o orgs.Org, q api.Query) (api.Page[Delivery], error) {
	from, args := selectDeliveries+` WHERE org_id = ?`, []any{o.ID}
	for param, column := range map[string]string{"filter[alert]": "alert_id", "filter[status]": "status", "filter[event]": "event", "filter[schedule]": "schedule_id",
		"filter[episode]": "episode_id", "filter[scan]": "scan_id"} {
		if v := q.Get(param); v != "" {
			from, args = from+` AND `+column+` = ?`, append(args, v)
		}
	}
	order, err := q.Order(map[string]string{"": "created_at DESC, id DESC", "-created-at": "created_at DESC, id DESC", "created-at": "created_at, id"})
	if err != nil {
		return api.Page[Delivery]{}, err
	}
	return api.Select[Delivery](ctx, f.DB, q, from+` ORDER BY `+order, args...)
}

// redeliver has a dead letter sent again.
func (f *Feature) redeliver(ctx context.Context, d Delivery, _ jsonapi.In[struct{}]) (Delivery, error) {
	if d.Status != dead || d.Event == Test {
		return d, problem.Conflict("Only a delivery that has failed for good can be sent again, and no test; this one is %s.", d.Status)
	}
	now := db.At(f.now())
	d.Status, d.Attempts, d.NextAttemptAt, d.FinishedAt = pending, 0, &now, nil
	if err := f.DB.Update(ctx, "drift_alert_deliveries", d, "status", "attempts", "next_attempt_at", "finished_at"); err != nil {
		return d, err
	}
	return d, f.Jobs.Enqueue(ctx, sending{d.ID})
}

// message shows what a delivery tells, in the words that its alert has now: {"subject", "body", "html",
// "content-type"}. Its links to snooze silence nothing: who may only read could use them.
func (f *Feature) message(ctx context.Context, w http.ResponseWriter, _ *http.Request, d Delivery) error {
	a, err := f.Find(ctx, d.AlertID)
	if err != nil {
		return err
	}
	e, err := f.event(ctx, d)
	if err != nil {
		return err
	}
	e.Kind = d.Event
	if d.Event == digest {
		if e, err = f.collect(ctx, a, d, e); err != nil {
			return err
		}
	}
	e.SnoozeLinks = sampleLinks(a)
	m, err := f.words(ctx, a, e)
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, "application/json", a.shows(m))
}

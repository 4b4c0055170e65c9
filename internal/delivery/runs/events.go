package runs

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// Event is something that happened to a run.
type Event struct {
	ID          string  `db:"id"`
	RunID       string  `db:"run_id"`
	Number      int64   `db:"number"` // from 1
	Action      string  `db:"action"` // a Status, "queued", "commented" or "cancel_requested"
	Description string  `db:"description"`
	ActorID     *string `db:"actor_id"` // a user
	CommentID   *string `db:"comment_id"`
	CreatedAt   db.Time `db:"created_at"`

	OrgID       string `db:"org_id,extra"`
	ProjectID   string `db:"project_id,extra"`
	WorkspaceID string `db:"workspace_id,extra"`
}

// Scope implements authz.Scoped.
func (e Event) Scope() authz.Scope {
	return authz.Scope{Org: e.OrgID, Project: e.ProjectID, Workspace: e.WorkspaceID}
}

func (f *Feature) eventRoutes(r *api.Router) {
	api.Type(r, "run-events", authz.ReadRuns, f.eventsByIDs, viewEvent)
	api.List(r, "/runs/{id}/run-events", authz.ReadRuns, f.Find, f.listEvents)
	api.Read(r, "/run-events/{id}", authz.ReadRuns, f.findEvent)
}

func viewEvent(_ context.Context, e Event) jsonapi.Resource {
	return jsonapi.Resource{Type: "run-events", ID: e.ID, Links: jsonapi.Self("/api/v2/run-events/" + e.ID),
		Attributes: eventAttributes{Action: e.Action, Description: db.Null(e.Description), CreatedAt: e.CreatedAt},
		Relationships: jsonapi.Relationships{
			"run":     jsonapi.ToOne("runs", e.RunID),
			"actor":   jsonapi.ToOne("users", db.Text(e.ActorID)),
			"comment": jsonapi.ToOne("comments", db.Text(e.CommentID)),
		}}
}

type eventAttributes struct {
	Action      string  `json:"action"`
	Description *string `json:"description"`
	CreatedAt   db.Time `json:"created-at"`
}

// note writes down what happened to a run that is locked in this transaction.
func (f *Feature) note(ctx context.Context, r Run, e Event) error {
	last, err := db.One[int64](ctx, f.DB, `SELECT coalesce(max(number), 0) FROM run_events WHERE run_id = ?`, r.ID)
	if err != nil {
		return err
	}
	e.ID, e.RunID, e.Number, e.CreatedAt = id.New("re"), r.ID, last+1, db.Now()
	return f.DB.Insert(ctx, "run_events", e)
}

const selectEvents = `SELECT {e}, r.org_id AS org_id, r.workspace_id AS workspace_id, w.project_id AS project_id FROM run_events e
	JOIN runs r ON r.id = e.run_id JOIN workspaces w ON w.id = r.workspace_id`

func (f *Feature) findEvent(ctx context.Context, id string) (Event, error) {
	return db.One[Event](ctx, f.DB, selectEvents+` WHERE e.id = ?`, id)
}

func (f *Feature) eventsByIDs(ctx context.Context, ids []string) ([]Event, error) {
	return db.In[Event](ctx, f.DB, selectEvents+` WHERE e.id IN (?)`, ids)
}

// listEvents gives all events of a run, the first first: their number is small.
func (f *Feature) listEvents(ctx context.Context, r Run, _ api.Query) (api.Page[Event], error) {
	return api.Whole(db.All[Event](ctx, f.DB, selectEvents+` WHERE e.run_id = ? ORDER BY e.number`, r.ID))
}

package runs

import (
	"context"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Comment is what somebody said about a run.
type Comment struct {
	ID        string  `db:"id"`
	RunID     string  `db:"run_id"`
	Body      string  `db:"body"`
	CreatedBy *string `db:"created_by"`
	CreatedAt db.Time `db:"created_at"`

	OrgID       string  `db:"org_id,extra"`
	ProjectID   string  `db:"project_id,extra"`
	WorkspaceID string  `db:"workspace_id,extra"`
	EventID     *string `db:"event_id,extra"`
}

// Scope implements authz.Scoped.
func (c Comment) Scope() authz.Scope {
	return authz.Scope{Org: c.OrgID, Project: c.ProjectID, Workspace: c.WorkspaceID}
}

func (f *Feature) commentRoutes(r *api.Router) {
	api.Type(r, "comments", authz.ReadRuns, f.commentsByIDs, viewComment)
	api.List(r, "/runs/{id}/comments", authz.ReadRuns, f.Find, f.listComments)
	api.Create(r, "/runs/{id}/comments", authz.PlanRuns, f.Find, f.createComment)
	api.Read(r, "/comments/{id}", authz.ReadRuns, f.findComment)
}

func viewComment(_ context.Context, c Comment) jsonapi.Resource {
	self := "/api/v2/comments/" + c.ID
	return jsonapi.Resource{Type: "comments", ID: c.ID, Attributes: commentAttributes{c.Body}, Links: jsonapi.Self(self),
		Relationships: jsonapi.Relationships{"run-event": jsonapi.ToOneAt("run-events", db.Text(c.EventID), "/api/v2/run-events/"+db.Text(c.EventID))}}
}

type commentAttributes struct {
	Body string `json:"body"`
}

// saying are the attributes of a request.
type saying struct {
	Body jsonapi.Opt[string] `json:"body"`
}

func (f *Feature) createComment(ctx context.Context, r Run, in jsonapi.In[saying]) (Comment, error) {
	text := in.Data.Attributes.Body.V
	if strings.TrimSpace(text) == "" {
		return Comment{}, problem.Invalid("body", "Body can't be blank")
	}
	r, _, err := f.Lock(ctx, r.ID)
	if err != nil {
		return Comment{}, err
	}
	c, err := f.comment(ctx, r, text)
	if err != nil {
		return c, err
	}
	f.changed(ctx, r)
	return f.findComment(ctx, c.ID)
}

// maxComment is the longest comment in bytes.
const maxComment = 10_000

// comment keeps what the subject of ctx says about a run that is locked.
func (f *Feature) comment(ctx context.Context, r Run, text string) (Comment, error) {
	c := Comment{ID: id.New("wsc"), RunID: r.ID, Body: text, CreatedBy: actor(ctx), CreatedAt: db.Now()}
	if bad := checkText("body", text, maxComment); bad != nil {
		return c, bad
	}
	if err := f.DB.Insert(ctx, "run_comments", c); err != nil {
		return c, err
	}
	return c, f.note(ctx, r, Event{Action: "commented", ActorID: actor(ctx), CommentID: &c.ID})
}

const selectComments = `SELECT {c}, r.org_id AS org_id, r.workspace_id AS workspace_id, w.project_id AS project_id, e.id AS event_id FROM run_comments c
	JOIN runs r ON r.id = c.run_id JOIN workspaces w ON w.id = r.workspace_id LEFT JOIN run_events e ON e.run_id = c.run_id AND e.comment_id = c.id`

func (f *Feature) findComment(ctx context.Context, id string) (Comment, error) {
	return db.One[Comment](ctx, f.DB, selectComments+` WHERE c.id = ?`, id)
}

func (f *Feature) commentsByIDs(ctx context.Context, ids []string) ([]Comment, error) {
	return db.In[Comment](ctx, f.DB, selectComments+` WHERE c.id IN (?)`, ids)
}

func (f *Feature) listComments(ctx context.Context, r Run, q api.Query) (api.Page[Comment], error) {
	return api.Select[Comment](ctx, f.DB, q, selectComments+` WHERE c.run_id = ? ORDER BY c.created_at, c.id`, r.ID)
}

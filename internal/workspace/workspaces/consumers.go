package workspaces

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// consumerRoutes serves the workspaces whose runs may read a workspace's state.
func (f *Feature) consumerRoutes(r *api.Router) {
	const path = "/workspaces/{id}/relationships/remote-state-consumers"
	api.List(r, path, authz.ReadWorkspace, f.Find, f.consumers)
	api.Links[Workspace]{Add: f.addConsumers, Replace: f.replaceConsumers, Remove: f.removeConsumers}.Serve(r, path, authz.UpdateWorkspace, f.Find)
}

// consumers lists who may read the state: the whole organization or project if the
// workspace shares with it, unless show_only_configured=true; otherwise those named.
func (f *Feature) consumers(ctx context.Context, w Workspace, q api.Query) (api.Page[Workspace], error) {
	allowed, args := authz.FilterOf(ctx, authz.ReadWorkspace, w.OrgID).SQL("w.project_id", "w.id")
	where, args := ` WHERE w.org_id = ? AND `+allowed+` AND w.id <> ?`, append(append([]any{w.OrgID}, args...), w.ID)
	switch configured := q.Get("show_only_configured") == "true"; {
	case w.GlobalRemoteState && !configured:
	case w.ProjectRemoteState && !configured:
		where, args = where+` AND w.project_id = ?`, append(args, w.ProjectID)
	default:
		where, args = where+` AND w.id IN (SELECT c.consumer_id FROM remote_state_consumers c WHERE c.workspace_id = ?)`, append(args, w.ID)
	}
	return f.page(ctx, q, where, args, "w.name, w.id")
}

// consumer is a row of remote_state_consumers.
type consumer struct {
	WorkspaceID string `db:"workspace_id"`
	ConsumerID  string `db:"consumer_id"`
}

func (f *Feature) addConsumers(ctx context.Context, w Workspace, members []jsonapi.Member) error {
	list, err := f.members(ctx, w.OrgID, members)
	if err != nil {
		return err
	}
	rows := make([]consumer, len(list))
	for i, c := range list {
		rows[i] = consumer{w.ID, c.ID}
	}
	f.Changed(ctx)
	return db.InsertAll(ctx, f.DB, "remote_state_consumers", rows, "ON CONFLICT DO NOTHING")
}

func (f *Feature) replaceConsumers(ctx context.Context, w Workspace, members []jsonapi.Member) error {
	if _, err := f.DB.Exec(ctx, `DELETE FROM remote_state_consumers WHERE workspace_id = ?`, w.ID); err != nil {
		return err
	}
	return f.addConsumers(ctx, w, members)
}

func (f *Feature) removeConsumers(ctx context.Context, w Workspace, members []jsonapi.Member) error {
	list, err := f.members(ctx, w.OrgID, members)
	if err != nil {
		return err
	}
	f.Changed(ctx)
	query, args := db.List(`DELETE FROM remote_state_consumers WHERE workspace_id = ? AND consumer_id IN (?)`, ids(list), w.ID)
	_, err = f.DB.Exec(ctx, query, args...)
	return err
}

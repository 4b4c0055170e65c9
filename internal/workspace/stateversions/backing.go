package stateversions

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// backingRoutes serves what becomes of the data behind old versions.
func (f *Feature) backingRoutes(r *api.Router) {
	const path = "POST /state-versions/{id}/actions/"
	api.Do(r, path+"soft_delete_backing_data", authz.DeleteWorkspace, f.Find, f.softDelete)
	api.Do(r, path+"restore_backing_data", authz.DeleteWorkspace, f.Find, f.restore)
	api.Do(r, path+"permanently_delete_backing_data", authz.DeleteWorkspace, f.Find, f.destroy)
}

func (f *Feature) softDelete(ctx context.Context, v Version, _ jsonapi.In[struct{}]) error {
	ws, err := f.Workspaces.Lock(ctx, v.WorkspaceID)
	if err != nil {
		return err
	}
	if db.Text(ws.CurrentStateVersionID) == v.ID {
		return problem.Conflict("State version backing data transition not allowed: it is the current state")
	}
	now := db.Now()
	return f.move(ctx, v, Finalized, Deleted, &now)
}

func (f *Feature) restore(ctx context.Context, v Version, _ jsonapi.In[struct{}]) error {
	return f.move(ctx, v, Deleted, Finalized, nil)
}

// destroy lets go of the data for good.
func (f *Feature) destroy(ctx context.Context, v Version, _ jsonapi.In[struct{}]) error {
	if err := f.move(ctx, v, Deleted, Destroyed, v.DeletedAt); err != nil {
		return err
	}
	return f.forget(ctx, []string{v.ID})
}

// move changes the status of a version, if it has the expected one.
func (f *Feature) move(ctx context.Context, v Version, from, to Status, deleted *db.Time) error {
	n, err := f.DB.Exec(ctx, `UPDATE state_versions SET status = ?, deleted_at = ? WHERE id = ? AND status = ?`, to, deleted, v.ID, from)
	if err == nil && n == 0 {
		err = problem.Conflict("State version backing data transition not allowed: from %s to %s", v.Status, to)
	}
	return err
}

// forget drops everything that versions hold. Their objects go after the commit.
func (f *Feature) forget(ctx context.Context, ids []string) error {
	objects, err := db.In[struct {
		State string `db:"object"`
		JSON  string `db:"json_object"`
	}](ctx, f.DB, `FROM state_versions WHERE id IN (?)`, ids)
	if err != nil {
		return err
	}
	for _, statement := range []string{
		`DELETE FROM state_version_outputs WHERE state_version_id IN (?)`,
		`DELETE FROM state_version_details WHERE state_version_id IN (?)`,
		`UPDATE state_versions SET object = '', json_object = '' WHERE id IN (?)`,
	} {
		query, args := db.List(statement, ids)
		if _, err := f.DB.Exec(ctx, query, args...); err != nil {
			return err
		}
	}
	var keys []string
	for _, o := range objects {
		keys = append(keys, o.State, o.JSON)
	}
	return f.removals.Enqueue(ctx, keys...)
}

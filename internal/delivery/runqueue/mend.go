package runqueue

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// Amiss returns the workspaces whose lane does not fit the statuses of its runs: runs
// that are over and still have a place, locks of runs that are over, and lanes that are
// free and nobody goes on with.
func (f *Feature) Amiss(ctx context.Context) ([]string, error) {
	return db.All[string](ctx, f.DB, `SELECT q.workspace_id FROM run_queue q JOIN runs r ON r.id = q.run_id WHERE r.final
		UNION SELECT w.id FROM workspaces w WHERE w.locked_by_kind = ? AND NOT EXISTS
			(SELECT 1 FROM run_queue q WHERE q.run_id = w.locked_by_id AND q.current)
		UNION SELECT q.workspace_id FROM run_queue q JOIN workspaces w ON w.id = q.workspace_id WHERE w.locked_by_kind = '' LIMIT 1000`, authz.Run)
}

// Mend sets right what Amiss found in a workspace, whose row is locked.
func (f *Feature) Mend(ctx context.Context, workspaceID string) error {
	over, err := db.All[string](ctx, f.DB, `SELECT q.run_id FROM run_queue q JOIN runs r ON r.id = q.run_id WHERE q.workspace_id = ? AND r.final ORDER BY q.position DESC`, workspaceID)
	if err != nil {
		return err
	}
	for _, id := range over {
		if err := f.Remove(ctx, id); err != nil {
			return err
		}
	}
	holder, err := db.All[string](ctx, f.DB, `SELECT w.locked_by_id FROM workspaces w WHERE w.id = ? AND w.locked_by_kind = ? AND NOT EXISTS
		(SELECT 1 FROM run_queue q WHERE q.run_id = w.locked_by_id AND q.current)`, workspaceID, authz.Run)
	if err != nil {
		return err
	}
	for _, id := range holder {
		if err := f.Workspaces.ReleaseRun(ctx, workspaceID, id); err != nil {
			return err
		}
	}
	return f.advance(ctx, workspaceID)
}

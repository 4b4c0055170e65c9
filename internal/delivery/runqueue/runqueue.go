// Package runqueue decides which run of a workspace goes next. Each workspace is a lane:
// runs that may change it wait in the order in which they came, and the one that is
// current holds the workspace's lock until it is over.
//
// The surprising rule: nothing here runs by itself. A lane moves on in the transaction
// that frees it: when a run ends, when a person unlocks the workspace. Rows decide, so
// that several nodes need not know of each other; a sweep mends what should not happen.
package runqueue

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// Entry asks for a run to be begun.
type Entry struct {
	RunID       string
	WorkspaceID string
	OrgID       string
	// Exclusive runs wait for their turn in the lane of the workspace and lock it. Others
	// begin at once.
	Exclusive bool
}

// row is a run in a lane.
type row struct {
	RunID       string  `db:"run_id"`
	OrgID       string  `db:"org_id"`
	WorkspaceID string  `db:"workspace_id"`
	Position    int64   `db:"position"`
	Current     bool    `db:"current"`
	AddedAt     db.Time `db:"added_at"`
}

// Feature keeps the lanes. Its methods are called in the transaction of a change, with
// the row of the workspace locked.
type Feature struct {
	DB         *db.DB
	Workspaces *workspaces.Feature
	// Start begins a run: its turn has come.
	Start func(ctx context.Context, runID string) error
}

// Add puts a run at the end of its lane, and begins it if its turn is at once.
func (f *Feature) Add(ctx context.Context, e Entry) error {
	if !e.Exclusive {
		return f.Start(ctx, e.RunID)
	}
	last, err := db.One[int64](ctx, f.DB, `SELECT coalesce(max(position), 0) FROM run_queue WHERE workspace_id = ?`, e.WorkspaceID)
	if err != nil {
		return err
	}
	r := row{RunID: e.RunID, OrgID: e.OrgID, WorkspaceID: e.WorkspaceID, Position: last + 1, AddedAt: db.Now()}
	if err := f.DB.Insert(ctx, "run_queue", r); err != nil {
		return err
	}
	return f.advance(ctx, e.WorkspaceID)
}

// Remove takes a run out of its lane; if it was current, the next one begins. A run that
// is in no lane is fine.
func (f *Feature) Remove(ctx context.Context, runID string) error {
	gone, err := db.All[row](ctx, f.DB, `DELETE FROM run_queue WHERE run_id = ? RETURNING run_id, org_id, workspace_id, position, current, added_at`, runID)
	if err != nil || len(gone) == 0 || !gone[0].Current {
		return err
	}
	if err := f.Workspaces.ReleaseRun(ctx, gone[0].WorkspaceID, runID); err != nil {
		return err
	}
	return f.advance(ctx, gone[0].WorkspaceID)
}

// Unlocked begins the next run of a workspace that somebody has unlocked.
func (f *Feature) Unlocked(ctx context.Context, workspaceID string) error {
	return f.advance(ctx, workspaceID)
}

// Current returns the run that holds a lane, "" if there is none.
func (f *Feature) Current(ctx context.Context, workspaceID string) (string, error) {
	ids, err := db.All[string](ctx, f.DB, `SELECT run_id FROM run_queue WHERE workspace_id = ? AND current`, workspaceID)
	if err != nil || len(ids) == 0 {
		return "", err
	}
	return ids[0], nil
}

// Before returns the runs that wait in the lane ahead of a run, the first first; the
// current one is not among them.
func (f *Feature) Before(ctx context.Context, runID string) ([]string, error) {
	return db.All[string](ctx, f.DB, `SELECT q.run_id FROM run_queue q JOIN run_queue me ON me.workspace_id = q.workspace_id AND q.position < me.position
		WHERE me.run_id = ? AND NOT q.current ORDER BY q.position`, runID)
}

// advance begins the first run that waits if the lane is free and the workspace is not
// locked by a person.
func (f *Feature) advance(ctx context.Context, workspaceID string) error {
	lane, err := db.All[row](ctx, f.DB, `FROM run_queue WHERE workspace_id = ? ORDER BY current DESC, position LIMIT 1`, workspaceID)
	if err != nil || len(lane) == 0 || lane[0].Current {
		return err
	}
	next := lane[0].RunID
	held, err := f.Workspaces.HoldByRun(ctx, workspaceID, next)
	if err != nil || !held {
		return err
	}
	if _, err := f.DB.Exec(ctx, `UPDATE run_queue SET current = TRUE WHERE run_id = ?`, next); err != nil {
		return err
	}
	return f.Start(ctx, next)
}

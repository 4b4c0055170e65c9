package runtriggers

import (
	"context"
	"errors"
	"fmt"

	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// firing is the job to queue a run by one trigger.
type firing struct {
	TriggerID string `json:"trigger_id"`
	RunID     string `json:"run_id"` // that was applied
}

// Kind implements jobs.Args.
func (firing) Kind() string { return "run-trigger" }

// Applied says, in the transaction that ends a run of a workspace as applied, that the
// workspaces connected with it get runs.
func (f *Feature) Applied(ctx context.Context, workspaceID, runID string) error {
	triggers, err := db.All[string](ctx, f.DB, `SELECT id FROM run_triggers WHERE source_id = ? ORDER BY created_at, id`, workspaceID)
	if err != nil {
		return err
	}
	for _, id := range triggers {
		if err := f.Jobs.Enqueue(ctx, firing{id, runID}); err != nil {
			return err
		}
	}
	return nil
}

// fire queues a run in the workspace of a trigger. What has gone meanwhile, and
// workspaces whose runs are not the server's business, get none.
func (f *Feature) fire(ctx context.Context, j firing) error {
	err := f.DB.Tx(ctx, func(ctx context.Context) error {
		t, err := f.Find(ctx, j.TriggerID)
		if err != nil {
			return err
		}
		w, err := f.Workspaces.Lock(ctx, t.WorkspaceID)
		if err != nil || w.ExecutionMode() == "local" {
			return err
		}
		n, err := f.DB.Exec(ctx, `INSERT INTO run_trigger_firings (trigger_id, run_id) VALUES (?, ?) ON CONFLICT DO NOTHING`, t.ID, j.RunID)
		if err != nil || n == 0 {
			return err
		}
		return f.Queue(ctx, w, fmt.Sprintf("Triggered by run %s of workspace %s", j.RunID, t.SourceName))
	})
	if errors.Is(err, problem.NotFound) {
		return nil
	}
	return err
}

package runtriggers

import (
	"context"
	"fmt"
	"log/slog"

	"plumbline.dev/plumbline/internal/delivery/runs"
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

// ended sees to it, in the transaction that ends a run as applied, that the workspaces
// connected with its own get runs.
func (f *Feature) ended(ctx context.Context, r runs.Run) error {
	if r.Status != runs.Applied {
		return nil
	}
	triggers, err := db.All[string](ctx, f.DB, `SELECT id FROM run_triggers WHERE source_id = ? ORDER BY created_at, id`, r.WorkspaceID)
	if err != nil {
		return err
	}
	for _, id := range triggers {
		if err := f.Jobs.Enqueue(ctx, firing{id, r.ID}); err != nil {
			return err
		}
	}
	return nil
}

// fire queues a run in the workspace of a trigger. What has gone meanwhile, has no
// configuration, or does not run on the server gets none.
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
		_, err = f.Runs.Make(ctx, runs.New{
			Workspace: w, Reason: "run_trigger", Message: fmt.Sprintf("Triggered by run %s of workspace %s", j.RunID, t.SourceName),
			AutoApply: w.AutoApplyRunTrigger, TriggeringRunID: &j.RunID, TriggeringWorkspaceID: &t.SourceID,
		})
		return err
	})
	if refused, ok := problem.From(err); ok {
		slog.WarnContext(ctx, "a run trigger queues no run", "trigger", j.TriggerID, "run", j.RunID, "reason", refused.Error())
		return nil
	}
	return err
}

package runs

import (
	"context"
	"net/http"
	"time"

	"plumbline.dev/plumbline/internal/delivery/configversions"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// connect makes other capabilities know of runs.
func (f *Feature) connect() {
	f.Configs.OnUploaded = append(f.Configs.OnUploaded, f.uploaded)
	f.Configs.Uses = f.uses
	f.Workspaces.OnDelete = append(f.Workspaces.OnDelete, f.abandon)
	f.Workspaces.OnUnlock = append(f.Workspaces.OnUnlock, f.Queue.Unlocked)
	f.Workspaces.CurrentRun = workspaces.CurrentRun{
		Created: `(SELECT r.created_at FROM runs r WHERE r.id = w.current_run_id)`,
		In: func(statuses []string) (string, []any) {
			return db.List(`EXISTS (SELECT 1 FROM runs r WHERE r.id = w.current_run_id AND r.status IN (?))`, statuses)
		},
	}
	f.Jobs.Every("mend-run-queue", 30*time.Second, f.Mend)
}

// configuration is the configuration version of a run.
func (f *Feature) configuration(ctx context.Context, r Run) (configversions.Version, error) {
	if r.ConfigurationVersionID == nil {
		return configversions.Version{}, problem.NotFound
	}
	return f.Configs.Find(ctx, *r.ConfigurationVersionID)
}

func (f *Feature) download(ctx context.Context, w http.ResponseWriter, req *http.Request, r Run) error {
	v, err := f.configuration(ctx, r)
	if err != nil {
		return err
	}
	return f.Configs.Download(ctx, w, req, v)
}

// uploaded makes the run that a configuration version asks for. Its workspace is locked.
func (f *Feature) uploaded(ctx context.Context, v configversions.Version) error {
	if !v.AutoQueueRuns {
		return nil
	}
	ws, err := f.Workspaces.Lock(ctx, *v.WorkspaceID)
	if err != nil || ws.ExecutionMode() == "local" {
		return err
	}
	if v.FromVCS() && !v.Speculative && !ws.QueueAllRuns && ws.LatestRunID == nil {
		return nil // the first run is to be queued by hand
	}
	_, err = f.Make(ctx, New{Workspace: ws, Version: &v, Source: FromConfiguration, CreatedBy: v.CreatedBy,
		PlanOnly: v.Speculative, AutoApply: ws.AutoApply && (v.MayApply || v.FromVCS())})
	return err
}

// uses tells which configuration versions have runs, and of those whether one is in
// progress.
func (f *Feature) uses(ctx context.Context, versionIDs []string) (map[string]bool, error) {
	rows, err := db.In[struct {
		ID   string `db:"id"`
		Open int    `db:"in_progress"`
	}](ctx, f.DB, `SELECT configuration_version_id AS id, max(CASE WHEN final THEN 0 ELSE 1 END) AS in_progress FROM runs
		WHERE configuration_version_id IN (?) GROUP BY configuration_version_id`, versionIDs)
	out := make(map[string]bool, len(rows))
	for _, r := range rows {
		out[r.ID] = r.Open == 1
	}
	return out, err
}

// Has reports whether a workspace has the run.
func (f *Feature) Has(ctx context.Context, workspaceID, runID string) (bool, error) {
	n, err := db.One[int](ctx, f.DB, `SELECT count(*) FROM runs WHERE id = ? AND workspace_id = ?`, runID, workspaceID)
	return n == 1, err
}

// abandon stops the executors of a workspace that is being deleted. Its runs go with it.
func (f *Feature) abandon(ctx context.Context, ws workspaces.Workspace) error {
	if f.CancelPhase == nil {
		return nil
	}
	list, err := db.All[Run](ctx, f.DB, selectRuns+` WHERE r.workspace_id = ? AND NOT r.final ORDER BY r.created_at DESC`, ws.ID)
	if err != nil {
		return err
	}
	for _, r := range list {
		if err := f.CancelPhase(ctx, r, proto.Kill); err != nil {
			return err
		}
	}
	return nil
}

// Mend sets lanes and locks right that do not fit the statuses of runs. It finds nothing
// to do unless the database was changed by hand or there is a fault here.
func (f *Feature) Mend(ctx context.Context) error {
	list, err := f.Queue.Amiss(ctx)
	if err != nil {
		return err
	}
	for _, workspaceID := range list {
		err := f.DB.Tx(ctx, func(ctx context.Context) error {
			if _, err := f.Workspaces.Lock(ctx, workspaceID); err != nil {
				return err
			}
			return f.Queue.Mend(ctx, workspaceID)
		})
		if err != nil && !missing(err) {
			return err
		}
	}
	return nil
}

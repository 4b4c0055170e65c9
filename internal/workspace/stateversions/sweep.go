package stateversions

import (
	"context"
	"slices"
	"time"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jobs"
)

const (
	// abandoned is how long an upload may take before its version is given up.
	abandoned = 2 * api.PutTTL
	// orphaned is how old an object without a version is when it is removed: older
	// than any upload that is still under way.
	orphaned = 24 * time.Hour
	batch    = 500
)

// work registers what is done in the background.
func (f *Feature) work() {
	jobs.Handle(f.Jobs, f.remove, jobs.Timeout(10*time.Minute))
	jobs.Handle(f.Jobs, f.readResources, jobs.Timeout(10*time.Minute), jobs.InQueue("states"), jobs.Workers(1))
	f.Jobs.Every("sweep-states", time.Hour, f.Sweep, jobs.Timeout(30*time.Minute))
	f.Jobs.Every("sweep-state-objects", 24*time.Hour, f.SweepObjects, jobs.Timeout(2*time.Hour))
}

// Sweep deletes what policies say is too old, destroys what was deleted longer ago
// than Grace, and gives up versions whose state never came. The current version of a
// workspace always stays.
func (f *Feature) Sweep(ctx context.Context) error {
	if _, err := f.DB.Exec(ctx, `UPDATE state_versions SET status = ? WHERE status = ? AND created_at < ?`, Discarded, Pending, ago(abandoned)); err != nil {
		return err
	}
	if err := f.expire(ctx); err != nil {
		return err
	}
	for {
		n, err := f.destroyDeleted(ctx)
		if err != nil || n < batch {
			return err
		}
	}
}

func ago(d time.Duration) db.Time { return db.At(time.Now().Add(-d)) }

// expire soft-deletes what is older than the policy of its workspace, or else of its
// organization, says.
func (f *Feature) expire(ctx context.Context) error {
	byDays, err := f.Workspaces.RetentionDays(ctx)
	if err != nil {
		return err
	}
	for days, workspaces := range byDays {
		for part := range slices.Chunk(workspaces, batch) {
			if err := f.expireIn(ctx, part, ago(time.Duration(days)*24*time.Hour)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *Feature) expireIn(ctx context.Context, workspaceIDs []string, before db.Time) error {
	query, args := db.List(`UPDATE state_versions SET status = ?, deleted_at = ? WHERE status = ? AND created_at < ? AND workspace_id IN (?)
		AND id <> (SELECT COALESCE(w.current_state_version_id, '') FROM workspaces w WHERE w.id = state_versions.workspace_id)`,
		workspaceIDs, Deleted, db.Now(), Finalized, before)
	_, err := f.DB.Exec(ctx, query, args...)
	return err
}

// destroyDeleted destroys a batch of what was deleted long enough ago, and returns how
// many it were.
func (f *Feature) destroyDeleted(ctx context.Context) (n int, err error) {
	err = f.DB.Tx(ctx, func(ctx context.Context) error {
		ids, err := db.All[string](ctx, f.DB, `UPDATE state_versions SET status = ? WHERE status = ? AND id IN
			(SELECT id FROM state_versions WHERE status = ? AND deleted_at < ? ORDER BY deleted_at LIMIT ?) RETURNING id`,
			Destroyed, Deleted, Deleted, ago(f.Grace), batch)
		if n = len(ids); err != nil || n == 0 {
			return err
		}
		return f.forget(ctx, ids)
	})
	return n, err
}

// SweepObjects removes objects that no version has: those of workspaces that were
// deleted, and of uploads that ended badly.
func (f *Feature) SweepObjects(ctx context.Context) error {
	var keys []string
	for o, err := range f.Objects.List(ctx, "state/") {
		if err != nil {
			return err
		}
		if time.Since(o.ModTime) < orphaned {
			continue
		}
		if keys = append(keys, o.Key); len(keys) == batch {
			if err := f.removeOrphans(ctx, keys); err != nil {
				return err
			}
			keys = keys[:0]
		}
	}
	return f.removeOrphans(ctx, keys)
}

func (f *Feature) removeOrphans(ctx context.Context, keys []string) error {
	used := map[string]bool{}
	for _, query := range []string{`SELECT object FROM state_versions WHERE object <> '' AND object IN (?)`,
		`SELECT json_object FROM state_versions WHERE json_object <> '' AND json_object IN (?)`} {
		found, err := db.In[string](ctx, f.DB, query, keys)
		if err != nil {
			return err
		}
		for _, key := range found {
			used[key] = true
		}
	}
	for _, key := range keys {
		if used[key] {
			continue
		}
		if err := f.Objects.Delete(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

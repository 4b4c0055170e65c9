package stateversions

import (
	"context"
	"slices"
	"time"

	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jobs"
)

const (
	// abandoned is how long an upload may take before its version is given up.
	abandoned = 2 * api.PutTTL
	batch     = 500
)

// work registers what is done in the background.
func (f *Feature) work() {
	f.removals = jobs.Removing(f.Jobs, "remove-state-objects", f.Objects.Delete)
	jobs.Handle(f.Jobs, f.readResources, jobs.Timeout(10*time.Minute), jobs.InQueue("states"), jobs.Workers(1))
	f.Jobs.Every("sweep-states", time.Hour, f.Sweep, jobs.Timeout(30*time.Minute))
	f.Jobs.Every("sweep-state-objects", 24*time.Hour, f.SweepObjects, jobs.Timeout(2*time.Hour))
}

// Sweep deletes what policies say is too old, destroys what was deleted longer ago
// than Grace, and gives up versions whose state never came. The current version of a
// workspace always stays.
func (f *Feature) Sweep(ctx context.Context) error {
	ids, err := db.All[string](ctx, f.DB, `UPDATE state_versions SET status = ? WHERE status = ? AND created_at < ? RETURNING id`, Discarded, Pending, ago(abandoned))
	if err == nil {
		err = f.swept(ctx, ids)
	}
	if err != nil {
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
		AND id <> (SELECT COALESCE(w.current_state_version_id, '') FROM workspaces w WHERE w.id = state_versions.workspace_id) RETURNING id`,
		workspaceIDs, Deleted, db.Now(), Finalized, before)
	ids, err := db.All[string](ctx, f.DB, query, args...)
	if err != nil {
		return err
	}
	return f.swept(ctx, ids)
}

// swept tells clients of each organization once that some of its versions are no longer as they were.
func (f *Feature) swept(ctx context.Context, ids []string) error {
	for part := range slices.Chunk(ids, batch) {
		orgs, err := db.In[string](ctx, f.DB, `SELECT DISTINCT w.org_id FROM state_versions v JOIN workspaces w ON w.id = v.workspace_id WHERE v.id IN (?)`, part)
		if err != nil {
			return err
		}
		for _, org := range orgs {
			changes.Tell(ctx, f.Bus, authz.Scope{Org: org}, "state-versions", "")
		}
	}
	return nil
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
		if err := f.swept(ctx, ids); err != nil {
			return err
		}
		return f.forget(ctx, ids)
	})
	return n, err
}

// SweepObjects removes objects that no version has: those of workspaces that were
// deleted, and of uploads that ended badly.
func (f *Feature) SweepObjects(ctx context.Context) error {
	return f.Objects.Sweep(ctx, "state/", f.used)
}

// used returns those of the objects that a version has.
func (f *Feature) used(ctx context.Context, keys []string) ([]string, error) {
	states, err := db.In[string](ctx, f.DB, `SELECT object FROM state_versions WHERE object <> '' AND object IN (?)`, keys)
	if err != nil {
		return nil, err
	}
	external, err := db.In[string](ctx, f.DB, `SELECT json_object FROM state_versions WHERE json_object <> '' AND json_object IN (?)`, keys)
	return append(states, external...), err
}

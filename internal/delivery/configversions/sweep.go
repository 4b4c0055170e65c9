package configversions

import (
	"context"
	"slices"
	"time"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jobs"
)

const (
	// abandoned is how long after its creation a version that is still awaited is given up.
	abandoned = 2 * api.PutTTL
	batch     = 500
)

// work registers what is done in the background.
func (f *Feature) work() {
	f.removals = jobs.Removing(f.Jobs, "remove-configuration-objects", f.Objects.Delete)
	jobs.Handle(f.Jobs, f.readReadme, jobs.Timeout(10*time.Minute), jobs.InQueue("configurations"))
	f.Jobs.Every("sweep-configurations", time.Hour, f.Sweep, jobs.Timeout(30*time.Minute))
	f.Jobs.Every("sweep-configuration-objects", 24*time.Hour, f.SweepObjects, jobs.Timeout(2*time.Hour))
}

// Sweep deletes what policies say is too old, destroys what was deleted longer ago
// than Grace, and gives up versions whose files never came. The current version of a
// workspace always stays, and what a run in progress needs.
func (f *Feature) Sweep(ctx context.Context) error {
	if _, err := f.DB.Exec(ctx, `UPDATE configuration_versions SET status = ?, errored_at = ?, error = 'not-uploaded', error_message = 'The configuration files were not uploaded in time'
		WHERE status = ? AND created_at < ?`, Errored, db.Now(), Pending, ago(abandoned)); err != nil {
		return err
	}
	byDays, err := f.Workspaces.RetentionDays(ctx)
	if err != nil {
		return err
	}
	for days, ids := range byDays {
		for part := range slices.Chunk(ids, batch) {
			if err := f.expire(ctx, part, ago(time.Duration(days)*24*time.Hour)); err != nil {
				return err
			}
		}
	}
	for {
		n, err := f.destroyDeleted(ctx)
		if err != nil || n < batch {
			return err
		}
	}
}

func ago(d time.Duration) db.Time { return db.At(time.Now().Add(-d)) }

// expire soft-deletes what is older than the policy of its workspace says. Files that
// a VCS gave are archived by their runs.
func (f *Feature) expire(ctx context.Context, workspaceIDs []string, before db.Time) error {
	after := ""
	for {
		query, args := db.List(`SELECT id FROM configuration_versions WHERE status = ? AND created_at < ? AND source IN (?, ?) AND id > ? AND workspace_id IN (?)
			AND NOT EXISTS (SELECT 1 FROM workspaces w WHERE w.current_configuration_version_id = configuration_versions.id) ORDER BY id LIMIT ?`,
			workspaceIDs, Uploaded, before, FromAPI, FromCLI, after, batch)
		ids, err := db.All[string](ctx, f.DB, query, args...)
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := f.DB.Tx(ctx, func(ctx context.Context) error { return f.expireUnused(ctx, ids) }); err != nil {
			return err
		}
		after = ids[len(ids)-1]
	}
}

// expireUnused soft-deletes those of the versions that no run in progress needs and
// that have not become current meanwhile.
func (f *Feature) expireUnused(ctx context.Context, ids []string) error {
	ids, err := db.In[string](ctx, f.DB, `SELECT id FROM configuration_versions WHERE id IN (?) ORDER BY id`+f.DB.ForUpdate(), ids)
	if err != nil {
		return err
	}
	runs, err := f.uses(ctx, ids...)
	if err != nil {
		return err
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return runs[id] })
	query, args := db.List(`UPDATE configuration_versions SET status = ?, deleted_at = ? WHERE status = ? AND id IN (?)
		AND NOT EXISTS (SELECT 1 FROM workspaces w WHERE w.current_configuration_version_id = configuration_versions.id)`, ids, Deleted, db.Now(), Uploaded)
	_, err = f.DB.Exec(ctx, query, args...)
	return err
}

// destroyDeleted destroys a batch of what was deleted long enough ago, and returns how
// many it were.
func (f *Feature) destroyDeleted(ctx context.Context) (n int, err error) {
	err = f.DB.Tx(ctx, func(ctx context.Context) error {
		ids, err := db.All[string](ctx, f.DB, `UPDATE configuration_versions SET status = ?, destroyed_at = ? WHERE status = ? AND id IN
			(SELECT id FROM configuration_versions WHERE status = ? AND deleted_at < ? ORDER BY deleted_at LIMIT ?) RETURNING id`,
			Destroyed, db.Now(), Deleted, Deleted, ago(f.Grace), batch)
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
	return f.Objects.Sweep(ctx, prefix, f.used)
}

// used returns those of the objects that a version has.
func (f *Feature) used(ctx context.Context, keys []string) ([]string, error) {
	return db.In[string](ctx, f.DB, `SELECT object FROM configuration_versions WHERE object <> '' AND object IN (?)`, keys)
}

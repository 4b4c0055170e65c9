package progress

import (
	"context"
	"time"

	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Backing is what lies behind the rows of plans or applies: their logs and outputs. It
// can be deleted, restored for a while, and destroyed (OpenAPI document, "Soft Delete
// Plan Backing Data").
type Backing struct {
	DB    *db.DB
	Table string
	Noun  string        // for clients, such as "Plan"
	Grace time.Duration // how long it can be restored
	// Forget drops what lies behind rows, in the transaction of ctx.
	Forget func(ctx context.Context, ids []string) error
}

// SoftDelete hides what lies behind a row that has a final status.
func (b Backing) SoftDelete(ctx context.Context, id string) error {
	return b.change(ctx, "deleted", `UPDATE `+b.Table+` SET deleted_at = ? WHERE id = ? AND deleted_at IS NULL AND status IN (?, ?, ?, ?)`,
		db.Now(), id, Finished, Errored, Canceled, Unreachable)
}

// Restore brings back what was deleted.
func (b Backing) Restore(ctx context.Context, id string) error {
	return b.change(ctx, "restored", `UPDATE `+b.Table+` SET deleted_at = NULL WHERE id = ? AND deleted_at IS NOT NULL AND destroyed_at IS NULL`, id)
}

// Destroy lets go of what was deleted, for good.
func (b Backing) Destroy(ctx context.Context, id string) error {
	err := b.change(ctx, "permanently deleted", `UPDATE `+b.Table+` SET destroyed_at = ? WHERE id = ? AND deleted_at IS NOT NULL AND destroyed_at IS NULL`, db.Now(), id)
	if err != nil {
		return err
	}
	return b.Forget(ctx, []string{id})
}

func (b Backing) change(ctx context.Context, done, query string, args ...any) error {
	n, err := b.DB.Exec(ctx, query, args...)
	if err == nil && n == 0 {
		err = problem.BadRequest("%s backing data transition not allowed: it cannot be %s now", b.Noun, done)
	}
	return err
}

const batch = 200

// Sweep destroys what was deleted longer ago than Grace.
func (b Backing) Sweep(ctx context.Context) error {
	for {
		var ids []string
		err := b.DB.Tx(ctx, func(ctx context.Context) (err error) {
			ids, err = db.All[string](ctx, b.DB, `UPDATE `+b.Table+` SET destroyed_at = ? WHERE destroyed_at IS NULL AND id IN
				(SELECT id FROM `+b.Table+` WHERE deleted_at < ? AND destroyed_at IS NULL ORDER BY deleted_at LIMIT ?) RETURNING id`,
				db.Now(), db.At(time.Now().Add(-b.Grace)), batch)
			if err != nil || len(ids) == 0 {
				return err
			}
			return b.Forget(ctx, ids)
		})
		if err != nil || len(ids) < batch {
			return err
		}
	}
}

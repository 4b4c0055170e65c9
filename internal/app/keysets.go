package app

import (
	"context"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// keysets is the crypt.KeyStore of a database.
type keysets struct{ db *db.DB }

// LoadKeyset implements crypt.KeyStore. What a transaction reads may be its own
// uncommitted row, so it does not count as committed.
func (k keysets) LoadKeyset(ctx context.Context, owner string) ([]byte, bool, error) {
	rows, err := db.All[[]byte](ctx, k.db, `SELECT wrapped FROM keysets WHERE owner = ?`, owner)
	if err != nil || len(rows) == 0 {
		return nil, false, err
	}
	return rows[0], !k.db.InTx(ctx), nil
}

// SaveKeyset implements crypt.KeyStore.
func (k keysets) SaveKeyset(ctx context.Context, owner string, wrapped []byte) error {
	_, err := k.db.Exec(ctx, `INSERT INTO keysets (owner, wrapped, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, owner, wrapped, db.Now())
	return err
}

// destroy returns the hook that makes everything unreadable which a deleted
// organization ever sealed.
func (k keysets) destroy(ring *crypt.Keyring) func(ctx context.Context, o orgs.Org) error {
	return func(ctx context.Context, o orgs.Org) error {
		k.db.AfterCommit(ctx, func() { ring.Forget(o.ID) })
		_, err := k.db.Exec(ctx, `DELETE FROM keysets WHERE owner = ?`, o.ID)
		return err
	}
}

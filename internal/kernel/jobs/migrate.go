package jobs

import (
	"context"
	"errors"
	"fmt"

	"github.com/riverqueue/river/rivermigrate"
)

// Migrate brings River's tables up to date. It costs three small statements when
// they are.
func (q *Queue) Migrate(ctx context.Context) error {
	m, err := rivermigrate.New(driverOf(q.db), &rivermigrate.Config{Logger: logger})
	if err != nil {
		return err
	}
	if state, err := m.Validate(ctx); err == nil && state.OK {
		return nil
	}
	unlock, err := q.lock(ctx)
	if err != nil {
		return err
	}
	_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	if err = errors.Join(err, unlock()); err != nil {
		return fmt.Errorf("bringing the tables of jobs up to date: %w", err)
	}
	return nil
}

// migrationLock is the key of an advisory lock; any number that nobody else uses.
const migrationLock = 7_023_108_551_946

// lock keeps other servers on the same PostgreSQL from migrating. SQLite has one
// server.
func (q *Queue) lock(ctx context.Context) (unlock func() error, err error) {
	if !q.db.Postgres() {
		return func() error { return nil }, nil
	}
	conn, err := q.db.Pool().Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", migrationLock); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return func() error {
		_, err := conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", migrationLock)
		return errors.Join(err, conn.Close())
	}, nil
}

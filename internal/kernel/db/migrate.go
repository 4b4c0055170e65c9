package db

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// One directory for both engines: types and statements are those that PostgreSQL
// and SQLite share.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrate applies what is missing of migrations/. On PostgreSQL a session lock
// keeps two servers that start together from migrating at once.
func (d *DB) migrate(ctx context.Context) error {
	dialect, options := goose.DialectSQLite3, []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if d.postgres {
		dialect = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(dialect, d.write, files, options...)
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("%w (the database may be of a newer release than this binary)", err)
	}
	return nil
}

package db

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
)

// query runs a statement that returns rows: in the transaction of ctx, else on a
// connection that can do what the statement does.
func (d *DB) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	pool, raw := d.place(ctx, query)
	if stmt := d.statement(ctx, pool, raw, query); stmt != nil { //nolint:sqlclosecheck // kept for the next time
		return stmt.QueryContext(ctx, args...)
	}
	if raw != nil {
		return raw.QueryContext(ctx, d.rebind(query), args...)
	}
	return pool.QueryContext(ctx, d.rebind(query), args...)
}

// exec runs a statement that returns no rows.
func (d *DB) exec(ctx context.Context, query string, args []any) (sql.Result, error) {
	pool, raw := d.place(ctx, query)
	if stmt := d.statement(ctx, pool, raw, query); stmt != nil { //nolint:sqlclosecheck // kept for the next time
		return stmt.ExecContext(ctx, args...)
	}
	if raw != nil {
		return raw.ExecContext(ctx, d.rebind(query), args...)
	}
	return pool.ExecContext(ctx, d.rebind(query), args...)
}

// place returns where a statement runs: its pool, and the transaction if ctx has one.
func (d *DB) place(ctx context.Context, query string) (*sql.DB, *sql.Tx) {
	if hook := d.hook.Load(); hook != nil {
		(*hook)(ctx, query)
	}
	if t, ok := ctx.Value(txKey{d}).(*tx); ok {
		return d.write, t.Tx
	}
	if strings.HasPrefix(query, "SELECT ") || strings.HasPrefix(query, "WITH ") {
		return d.read, nil
	}
	return d.write, nil
}

// prepared are the parsed statements of a SQLite database. pgx keeps those of
// PostgreSQL by itself.
type prepared struct {
	statements sync.Map // preparedKey → *sql.Stmt
	count      atomic.Int64
}

type preparedKey struct {
	pool  *sql.DB
	query string
}

// maxPrepared bounds the memory of parsed statements; what comes later is parsed
// each time.
const maxPrepared = 500

// statement returns the parsed form of a statement, nil if there is none. In a
// transaction of SQLite the only connection is taken, so that a new statement is
// parsed for the next time, after the commit.
func (d *DB) statement(ctx context.Context, pool *sql.DB, raw *sql.Tx, query string) *sql.Stmt {
	if d.postgres {
		return nil
	}
	key := preparedKey{pool, query}
	known, ok := d.prepared.statements.Load(key)
	switch {
	case ok && raw != nil:
		return raw.StmtContext(ctx, known.(*sql.Stmt))
	case ok:
		return known.(*sql.Stmt)
	case raw != nil:
		d.AfterCommit(ctx, func() { d.prepared.parse(context.WithoutCancel(ctx), key) })
		return nil
	}
	return d.prepared.parse(ctx, key)
}

// steady hides some placeholders from SQLite's planner. It plans with the values of
// those that are a LIMIT or a pattern, and so parses the statement again for each
// value (https://sqlite.org/c3ref/c_dbconfig_defensive.html, ENABLE_QPSG): that takes
// longer than to read twenty rows. No pattern of ours could use an index anyway: LIKE
// does not tell upper from lower case, and our indexes do.
var steady = strings.NewReplacer("LIMIT ?", "LIMIT 0 + ?", "LIKE ?", "LIKE ('' || ?)")

// parse prepares a statement and keeps it; nil if there are too many, or if it is
// wrong, as running it will tell.
func (p *prepared) parse(ctx context.Context, key preparedKey) *sql.Stmt {
	if known, ok := p.statements.Load(key); ok {
		return known.(*sql.Stmt)
	}
	if p.count.Load() >= maxPrepared {
		return nil
	}
	stmt, err := key.pool.PrepareContext(ctx, steady.Replace(key.query))
	if err != nil {
		return nil
	}
	known, raced := p.statements.LoadOrStore(key, stmt)
	if raced {
		_ = stmt.Close() //nolint:sqlclosecheck // the other one is used
		return known.(*sql.Stmt)
	}
	p.count.Add(1)
	return stmt
}

func (p *prepared) close() error {
	var errs []error
	p.statements.Range(func(_, stmt any) bool {
		errs = append(errs, stmt.(*sql.Stmt).Close())
		return true
	})
	return errors.Join(errs...)
}

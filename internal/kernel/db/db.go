// Package db gives every capability the same SQL on SQLite and PostgreSQL: one
// schema, one dialect of queries ("?" placeholders), transactions carried by the
// context, and rows scanned into structs by their db tags.
//
// A transaction is implicit: every call that gets the context of Tx takes part in
// it. What must not happen while a transaction is open (network, blobs, processes)
// asks InTx.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	_ "modernc.org/sqlite"             // driver "sqlite"

	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Config says which database to open.
type Config struct {
	// URL is "postgres://…", or the path of a SQLite file.
	URL string
	// MaxConns bounds the connections to PostgreSQL (default 16) and the readers of
	// SQLite (default the number of processors, at least 4).
	MaxConns int
	// Unsafe lets SQLite leave its writes to the operating system. Data is lost when
	// the machine fails, not when the process does: for tests.
	Unsafe bool
}

// DB is a database. On SQLite it keeps one connection for writing, because SQLite
// has one writer, and several for reading.
type DB struct {
	read, write *sql.DB
	postgres    bool
	url         string
	hook        atomic.Pointer[func(ctx context.Context, query string)]
	holds       func(time.Duration)
	prepared    prepared // on SQLite, which parses a statement each time otherwise
}

// Open connects to a database and brings its schema up to date.
func Open(ctx context.Context, c Config) (*DB, error) {
	d := &DB{postgres: strings.HasPrefix(c.URL, "postgres://") || strings.HasPrefix(c.URL, "postgresql://"), url: c.URL}
	var err error
	if d.postgres {
		err = d.openPostgres(c)
	} else {
		err = d.openSQLite(c)
	}
	if err != nil {
		return nil, err
	}
	if err := d.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("bringing the schema up to date: %w", err), d.Close())
	}
	return d, nil
}

func (d *DB) openPostgres(c Config) error {
	conn, err := sql.Open("pgx", c.URL)
	if err != nil {
		return err
	}
	n := c.MaxConns
	if n == 0 {
		n = 16
	}
	conn.SetMaxOpenConns(n)
	conn.SetMaxIdleConns(n) // the default of 2 makes a busy server reconnect all the time
	conn.SetConnMaxIdleTime(5 * time.Minute)
	d.read, d.write = conn, conn
	return nil
}

func (d *DB) openSQLite(c Config) error {
	sync := "FULL" // a state that the client was told is safe survives a power cut
	if c.Unsafe {
		sync = "OFF"
	}
	dsn := "file:" + (&url.URL{Path: c.URL}).EscapedPath() + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(" + sync +
		")&_pragma=foreign_keys(ON)&_pragma=temp_store(MEMORY)&_txlock=immediate"
	var err error
	if d.write, err = sql.Open("sqlite", dsn); err != nil {
		return err
	}
	d.write.SetMaxOpenConns(1)
	if d.read, err = sql.Open("sqlite", dsn+"&_pragma=query_only(ON)"); err != nil {
		return errors.Join(err, d.write.Close())
	}
	n := c.MaxConns
	if n == 0 {
		n = max(4, runtime.NumCPU())
	}
	d.read.SetMaxOpenConns(n)
	d.read.SetMaxIdleConns(n)
	return nil
}

// Close closes all connections.
func (d *DB) Close() error {
	if d.postgres {
		return d.write.Close()
	}
	return errors.Join(d.prepared.close(), d.read.Close(), d.write.Close())
}

// Postgres reports whether the database is PostgreSQL, for what cannot be said
// in common SQL.
func (d *DB) Postgres() bool { return d.postgres }

// URL is the address or path that the database was opened with.
func (d *DB) URL() string { return d.url }

// Pool is the pool that writes go to, for the one package that brings its own
// statements: jobs.
func (d *DB) Pool() *sql.DB { return d.write }

// Ping reports whether the database answers.
func (d *DB) Ping(ctx context.Context) error { return d.read.PingContext(ctx) }

// Observe makes fn see each statement before it runs, with its context; nil stops it. Tests count
// statements with it.
func (d *DB) Observe(fn func(ctx context.Context, query string)) {
	if fn == nil {
		d.hook.Store(nil)
		return
	}
	d.hook.Store(&fn)
}

// ObserveHolds makes fn see how long each transaction was open. Call it before
// the database is shared.
func (d *DB) ObserveHolds(fn func(time.Duration)) { d.holds = fn }

type txKey struct{ *DB }

// Tx of a context: the transaction and what to do after it.
type tx struct {
	*sql.Tx
	after []func()
}

// Tx runs fn in a transaction; a call inside another joins it. The transaction is
// committed if fn returns nil. PostgreSQL may refuse a transaction because of
// another that ran beside it; fn is then run again, up to three times in all, so
// fn must change nothing but the database.
func (d *DB) Tx(ctx context.Context, fn func(ctx context.Context) error) error {
	if ctx.Value(txKey{d}) != nil {
		return fn(ctx)
	}
	for attempt := 1; ; attempt++ {
		err := d.once(ctx, fn)
		if attempt == 3 || !isRetryable(err) {
			return err
		}
		pause(ctx, attempt)
	}
}

// pause lets the transaction go first that was in the way: two that deadlocked and
// began again at once would meet again.
func pause(ctx context.Context, attempt int) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Duration(attempt)*20*time.Millisecond + rand.N(30*time.Millisecond)):
	}
}

func (d *DB) once(ctx context.Context, fn func(ctx context.Context) error) error {
	raw, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	start := time.Now()
	defer d.held(ctx, start)
	t := &tx{Tx: raw}
	defer func() { _ = raw.Rollback() }() // after a commit it does nothing
	if err := fn(context.WithValue(ctx, txKey{d}, t)); err != nil {
		return err
	}
	if err := raw.Commit(); err != nil {
		return err
	}
	for _, do := range t.after {
		do()
	}
	return nil
}

// held tells of transactions that kept SQLite's only writer for long.
func (d *DB) held(ctx context.Context, since time.Time) {
	took := time.Since(since)
	if d.holds != nil {
		d.holds(took)
	}
	if took > 500*time.Millisecond && !d.postgres {
		slog.WarnContext(ctx, "a transaction was open for long", "took", took)
	}
}

// InTx reports whether ctx carries a transaction of d.
func (d *DB) InTx(ctx context.Context) bool { return ctx.Value(txKey{d}) != nil }

// SQLTx returns the transaction that ctx carries, or nil; for package jobs.
func (d *DB) SQLTx(ctx context.Context) *sql.Tx {
	if t, ok := ctx.Value(txKey{d}).(*tx); ok {
		return t.Tx
	}
	return nil
}

// AfterCommit runs fn when the transaction of ctx has been committed, or at once
// if there is none. fn must be quick: the caller waits for it.
func (d *DB) AfterCommit(ctx context.Context, fn func()) {
	if t, ok := ctx.Value(txKey{d}).(*tx); ok {
		t.after = append(t.after, fn)
		return
	}
	fn()
}

// ForUpdate is the clause that locks selected rows until the transaction ends.
// SQLite needs none: its write transactions exclude each other.
func (d *DB) ForUpdate() string {
	if d.postgres {
		return " FOR UPDATE"
	}
	return ""
}

// IsUnique reports whether err is a violation of a unique constraint. On
// PostgreSQL the transaction is lost after it: return the error, do not go on.
func IsUnique(err error) bool { return code(err, "23505", 2067, 1555) }

// IsForeign reports whether err is a violation of a foreign key.
func IsForeign(err error) bool { return code(err, "23503", 787, 1811) }

func isRetryable(err error) bool { return code(err, "40001") || code(err, "40P01") }

// unstorable explains text that PostgreSQL cannot hold: NUL characters, and what is
// not UTF-8. It can only come from a client.
func unstorable(err error) error {
	if code(err, "22021") {
		return problem.BadRequest("The request has text with a NUL character, or that is not UTF-8.")
	}
	return err
}

// code compares err with a SQLSTATE of PostgreSQL and result codes of SQLite.
func code(err error, state string, results ...int) bool {
	var pg interface{ SQLState() string }
	if errors.As(err, &pg) {
		return pg.SQLState() == state
	}
	var lite interface{ Code() int }
	if !errors.As(err, &lite) {
		return false
	}
	return slices.Contains(results, lite.Code())
}

// Package postgres gives tests a PostgreSQL of their own: one private server for
// the process, started from the installed binaries on first use, and a fresh
// schema for each test, so that tests of many packages never meet in a table.
//
// A server that runs already is used instead if its address is in TEST_POSTGRES;
// the command cmd/pgtest starts one for a whole `go test ./...`, which spares each
// package its own. The private server outlives no test process, not even one that
// is killed: it stops as soon as the pipe to its guardian closes.
package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Env names the variable with the URL of the server that tests use instead of a private one.
const Env = "TEST_POSTGRES"

// Schema makes an empty schema and returns a URL whose connections find it as their
// search_path. It is dropped, with all in it, when the test ends. ok is false, and
// says why once on standard error, where PostgreSQL is not installed and TEST_POSTGRES
// is empty; every other failure ends the test.
func Schema(t testing.TB) (schemaURL string, ok bool) {
	t.Helper()
	running, err := server()
	if errors.Is(err, ErrNotFound) {
		return "", false
	}
	if err != nil {
		t.Fatalf("postgres: %v", err)
	}
	base := running.URL
	name := "t_" + strings.ToLower(rand.Text()[:16])
	if err := execute(t.Context(), base, "CREATE SCHEMA "+name); err != nil {
		t.Fatalf("postgres: %v", err)
	}
	t.Cleanup(func() {
		// Who still holds a lock here has leaked a transaction: better an error than a hang.
		if err := execute(context.Background(), base, "SET lock_timeout = '10s'; DROP SCHEMA "+name+" CASCADE"); err != nil {
			t.Errorf("postgres: dropping the schema of the test: %v", err)
		}
	})
	schemaURL, err = withSearchPath(base, name)
	if err != nil {
		t.Fatalf("postgres: %v", err)
	}
	return schemaURL, true
}

// server returns the server of this process. Whoever dropped it would end it: its
// pipe closes when the garbage collector finds it.
var server = sync.OnceValues(func() (*Server, error) {
	if given := os.Getenv(Env); given != "" {
		return &Server{URL: given}, nil
	}
	s, err := Start()
	if errors.Is(err, ErrNotFound) {
		fmt.Fprintf(os.Stderr, "postgres: skipped: %v\n", err)
	}
	return s, err
})

// execute runs statements without arguments on a connection of their own.
func execute(ctx context.Context, serverURL, statements string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, serverURL)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statements)
	return err
}

// withSearchPath returns base with the schema as the only entry of search_path.
func withSearchPath(base, schema string) (string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", fmt.Errorf("%s is not a URL: %w", Env, err)
	}
	if u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return "", fmt.Errorf("%s must be a URL that starts with postgres://", Env)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

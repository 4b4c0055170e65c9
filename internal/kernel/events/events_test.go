package events_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/apptest/postgres"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
)

// each runs fn with the address of a fresh database on each engine.
func each(t *testing.T, fn func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, filepath.Join(t.TempDir(), "test.db")) })
	t.Run("postgres", func(t *testing.T) { fn(t, schema(t)) })
}

func schema(t *testing.T) string {
	t.Helper()
	url, ok := postgres.Schema(t)
	if !ok {
		t.Skip("PostgreSQL is not installed")
	}
	return url
}

func open(t *testing.T, url string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{URL: url, Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// run starts the bus and stops it before its database is closed.
func run(t *testing.T, b *events.Bus) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { b.Run(ctx) })
	t.Cleanup(func() { stop(); wg.Wait() })
}

func TestEventIsDeliveredAfterTheCommitOnly(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		d := open(t, url)
		b := events.New(d)
		var got []string
		b.Subscribe("workspace", func(id string) { got = append(got, id) })
		b.Subscribe("workspace", func(id string) { got = append(got, "again "+id) })
		b.Subscribe("other", func(id string) { got = append(got, "other "+id) })
		broken := errors.New("broken")
		for _, failure := range []error{broken, nil} {
			err := d.Tx(t.Context(), func(ctx context.Context) error {
				b.Publish(ctx, "workspace", "ws-1")
				if len(got) != 0 {
					t.Errorf("before the commit = %v, want nothing", got)
				}
				return failure
			})
			if !errors.Is(err, failure) {
				t.Errorf("Tx = %v, want %v", err, failure)
			}
			if failure != nil && len(got) != 0 {
				t.Errorf("after a roll-back = %v, want nothing", got)
			}
		}
		b.Publish(t.Context(), "workspace", "ws-2")
		b.Publish(t.Context(), "nobody listens", "x")
		if diff := cmp.Diff([]string{"ws-1", "again ws-1", "ws-2", "again ws-2"}, got); diff != "" {
			t.Error(diff)
		}
	})
}

// node is a server of a cluster: a bus on connections of its own.
type node struct {
	*events.Bus
	db  *db.DB
	got chan string
}

// start makes a node that hears of the topic "workspace" and listens already.
func start(t *testing.T, url string) node {
	t.Helper()
	d := open(t, url)
	n := node{events.New(d), d, make(chan string, 1000)}
	n.Subscribe("workspace", func(id string) { n.got <- id })
	run(t, n.Bus)
	n.want(t, "") // once it listens: anything may have changed before
	return n
}

// want waits for the events, in any order, and nothing else.
func (n node) want(t *testing.T, ids ...string) {
	t.Helper()
	missing := map[string]bool{}
	for _, id := range ids {
		missing[id] = true
	}
	for len(missing) > 0 {
		select {
		case id := <-n.got:
			if !missing[id] {
				t.Fatalf("event %q, want one of %v", id, missing)
			}
			delete(missing, id)
		case <-time.After(20 * time.Second):
			t.Fatalf("no event for 20 s, want %v", missing)
		}
	}
}

func TestOtherNodesHearOfACommit(t *testing.T) {
	url := schema(t)
	one, two, elsewhere := start(t, url), start(t, url), start(t, schema(t))
	err := one.db.Tx(t.Context(), func(ctx context.Context) error {
		one.Publish(ctx, "workspace", "ws-1")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	one.want(t, "ws-1")
	two.want(t, "ws-1")
	_ = one.db.Tx(t.Context(), func(ctx context.Context) error {
		one.Publish(ctx, "workspace", "of a failed transaction")
		return errors.New("broken")
	})

	// More than fits into one notification arrives complete.
	var ids []string
	for i := range 400 {
		ids = append(ids, fmt.Sprintf("ws-%032d", i))
	}
	err = two.db.Tx(t.Context(), func(ctx context.Context) error {
		for _, id := range ids {
			two.Publish(ctx, "workspace", id)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	two.want(t, ids...)
	one.want(t, ids...)

	// A node hears its own events once, and another database none of them: what comes
	// next is the first thing that they hear.
	one.Publish(t.Context(), "workspace", "last")
	one.want(t, "last")
	two.want(t, "last")
	elsewhere.Publish(t.Context(), "workspace", "own")
	elsewhere.want(t, "own")
}

func TestNodeListensAgainAfterItsConnectionBroke(t *testing.T) {
	url := schema(t)
	one, two := start(t, url), start(t, url)
	n, err := db.One[int](t.Context(), one.db, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE query LIKE 'LISTEN%' AND query LIKE '%' || md5(current_schema()) || '%' AND pid <> pg_backend_pid()`)
	if err != nil || n != 2 {
		t.Fatalf("ended connections = %d, %v, want 2", n, err)
	}
	one.want(t, "") // anything may have been missed meanwhile
	two.want(t, "")
	one.Publish(t.Context(), "workspace", "ws-1")
	one.want(t, "ws-1")
	two.want(t, "ws-1")
}

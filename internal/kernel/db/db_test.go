package db_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"plumbline.dev/plumbline/internal/apptest/postgres"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// lease is a row of the kernel's simplest table.
type lease struct {
	Name   string  `db:"name"`
	Holder string  `db:"holder"`
	Until  db.Time `db:"until"`

	Letters int `db:"letters,extra"`
}

// each runs fn with a fresh database on SQLite, and on PostgreSQL where it is installed.
func each(t *testing.T, fn func(t *testing.T, d *db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		fn(t, open(t, filepath.Join(t.TempDir(), "test.db")))
	})
	t.Run("postgres", func(t *testing.T) {
		url, ok := postgres.Schema(t)
		if !ok {
			t.Skip("PostgreSQL is not installed")
		}
		fn(t, open(t, url))
	})
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

func put(ctx context.Context, d *db.DB, names ...string) error {
	for _, n := range names {
		if err := d.Insert(ctx, "leases", lease{Name: n, Holder: "h", Until: db.Now()}); err != nil {
			return err
		}
	}
	return nil
}

func names(t *testing.T, d *db.DB) []string {
	t.Helper()
	out, err := db.All[string](t.Context(), d, `SELECT name FROM leases ORDER BY name`)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTransactionIsCommittedOrRolledBackAsAWhole(t *testing.T) {
	broken := errors.New("broken")
	each(t, func(t *testing.T, d *db.DB) {
		inner := func(err error) func(context.Context) error {
			return func(ctx context.Context) error {
				if !d.InTx(ctx) {
					t.Error("InTx in a transaction = false")
				}
				return errors.Join(put(ctx, d, "inner"), err)
			}
		}
		outer := func(err, innerErr error) error {
			return d.Tx(t.Context(), func(ctx context.Context) error {
				if e := put(ctx, d, "outer"); e != nil {
					return e
				}
				if e := d.Tx(ctx, inner(innerErr)); e != nil {
					return e
				}
				return err
			})
		}
		for _, c := range []struct{ err, innerErr error }{{broken, nil}, {nil, broken}} {
			if err := outer(c.err, c.innerErr); !errors.Is(err, broken) {
				t.Errorf("Tx = %v, want %v", err, broken)
			}
			if got := names(t, d); len(got) != 0 {
				t.Errorf("rows after a failed transaction = %v, want none", got)
			}
		}
		if err := outer(nil, nil); err != nil {
			t.Errorf("Tx = %v, want nil", err)
		}
		if diff := cmp.Diff([]string{"inner", "outer"}, names(t, d)); diff != "" {
			t.Error(diff)
		}
		if d.InTx(t.Context()) {
			t.Error("InTx outside = true")
		}
	})
}

func TestOthersSeeOnlyWhatIsCommitted(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		err := d.Tx(t.Context(), func(ctx context.Context) error {
			if err := put(ctx, d, "a"); err != nil {
				return err
			}
			if got, err := db.All[string](ctx, d, `SELECT name FROM leases`); err != nil || len(got) != 1 {
				t.Errorf("rows inside = %v, %v, want a", got, err)
			}
			if got := names(t, d); len(got) != 0 {
				t.Errorf("rows outside = %v, want none yet", got)
			}
			return nil
		})
		if err != nil || len(names(t, d)) != 1 {
			t.Errorf("rows after = %v, %v, want a", names(t, d), err)
		}
	})
}

func TestCancelledTransactionLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		err := d.Tx(ctx, func(ctx context.Context) error {
			err := put(ctx, d, "a")
			cancel()
			return err
		})
		if err == nil {
			t.Error("Tx of a cancelled context = nil, want an error")
		}
		if err := put(t.Context(), d, "b"); err != nil {
			t.Errorf("the next write = %v, want nil", err)
		}
		if diff := cmp.Diff([]string{"b"}, names(t, d)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAfterCommitRunsOnceAndOnlyThen(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		var got []string
		note := func(s string) func() { return func() { got = append(got, s) } }
		_ = d.Tx(t.Context(), func(ctx context.Context) error {
			d.AfterCommit(ctx, note("of a failed transaction"))
			return errors.New("broken")
		})
		err := d.Tx(t.Context(), func(ctx context.Context) error {
			d.AfterCommit(ctx, note("first"))
			err := d.Tx(ctx, func(ctx context.Context) error {
				d.AfterCommit(ctx, note("nested"))
				return nil
			})
			if len(got) != 0 {
				t.Errorf("before the commit = %v, want nothing", got)
			}
			return err
		})
		d.AfterCommit(t.Context(), note("at once"))
		if diff := cmp.Diff([]string{"first", "nested", "at once"}, got); err != nil || diff != "" {
			t.Errorf("Tx = %v\n%s", err, diff)
		}
	})
}

// state is an error with a SQLSTATE, as PostgreSQL's driver gives it.
type state string

func (s state) Error() string    { return "sqlstate " + string(s) }
func (s state) SQLState() string { return string(s) }

func TestTransactionIsTriedAgainAfterAConflict(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		for _, c := range []struct {
			errs  []error
			tries int
			fails bool
		}{
			{[]error{nil}, 1, false},
			{[]error{state("40001"), nil}, 2, false},
			{[]error{state("40P01"), state("40001"), nil}, 3, false},
			{[]error{state("40001"), state("40001"), state("40001"), nil}, 3, true},
			{[]error{state("23505"), nil}, 1, true},
			{[]error{errors.New("broken"), nil}, 1, true},
		} {
			tries, committed := 0, 0
			err := d.Tx(t.Context(), func(ctx context.Context) error {
				d.AfterCommit(ctx, func() { committed++ })
				tries++
				return c.errs[tries-1]
			})
			want := 1
			if c.fails {
				want = 0
			}
			if tries != c.tries || (err != nil) != c.fails || committed != want {
				t.Errorf("Tx with %v = %v after %d tries, %d commits; want %d tries", c.errs, err, tries, committed, c.tries)
			}
		}
	})
}

func TestDeadlockEndsWell(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		if !d.Postgres() {
			t.Skip("SQLite has one writer and no deadlocks")
		}
		if err := put(t.Context(), d, "a", "b"); err != nil {
			t.Fatal(err)
		}
		var met, done sync.WaitGroup
		met.Add(2)
		for _, order := range [][]string{{"a", "b"}, {"b", "a"}} {
			done.Go(func() {
				first := true
				err := d.Tx(t.Context(), func(ctx context.Context) error {
					for _, n := range order {
						if _, err := d.Exec(ctx, `UPDATE leases SET holder = holder || 'x' WHERE name = ?`, n); err != nil {
							return err
						}
						if first {
							first = false
							met.Done()
							met.Wait() // each holds one row now
						}
					}
					return nil
				})
				if err != nil {
					t.Errorf("Tx = %v, want nil", err)
				}
			})
		}
		done.Wait()
		if got, err := db.All[string](t.Context(), d, `SELECT holder FROM leases`); err != nil || !slices.Equal(got, []string{"hxx", "hxx"}) {
			t.Errorf("holders = %v, %v, want both changes in both rows", got, err)
		}
	})
}

func TestForUpdateLosesNoChange(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		if err := put(t.Context(), d, "counter"); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				err := d.Tx(t.Context(), func(ctx context.Context) error {
					l, err := db.One[lease](ctx, d, `FROM leases WHERE name = ?`+d.ForUpdate(), "counter")
					if err != nil {
						return err
					}
					_, err = d.Exec(ctx, `UPDATE leases SET holder = ? WHERE name = ?`, l.Holder+"x", l.Name)
					return err
				})
				if err != nil {
					t.Errorf("Tx = %v", err)
				}
			})
		}
		wg.Wait()
		if got, err := db.One[string](t.Context(), d, `SELECT holder FROM leases`); err != nil || got != "h"+strings.Repeat("x", 8) {
			t.Errorf("after 8 changes = %q, %v", got, err)
		}
	})
}

func TestViolationsAreTold(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		if err := put(t.Context(), d, "a"); err != nil {
			t.Fatal(err)
		}
		if err := put(t.Context(), d, "a"); !db.IsUnique(err) || db.IsForeign(err) {
			t.Errorf("a second primary key: IsUnique(%v) = %v, IsForeign = %v", err, db.IsUnique(err), db.IsForeign(err))
		}
		_, err := d.Exec(t.Context(), `INSERT INTO varset_projects (varset_id, project_id) VALUES ('a', 'b')`)
		if !db.IsForeign(err) || db.IsUnique(err) {
			t.Errorf("an unknown parent: IsForeign(%v) = %v, IsUnique = %v", err, db.IsForeign(err), db.IsUnique(err))
		}
		for _, other := range []error{nil, errors.New("x"), problem.NotFound, state("40001")} {
			if db.IsUnique(other) || db.IsForeign(other) {
				t.Errorf("%v counts as a violation", other)
			}
		}
	})
}

func TestUnstorableTextIsTheClientsFault(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		for _, text := range []string{"a\x00b", "\xff\xfe"} {
			_, readErr := db.All[string](t.Context(), d, `SELECT name FROM leases WHERE name = ?`, text)
			for what, err := range map[string]error{"reading": readErr, "writing": put(t.Context(), d, text)} {
				if _, ok := problem.From(err); err != nil && !ok {
					t.Errorf("%s %q = %v, want a problem or nothing", what, text, err)
				}
				if d.Postgres() && err == nil {
					t.Errorf("%s %q = nil, want a problem", what, text)
				}
			}
		}
	})
}

func TestSchemaIsBroughtUpToDateOnce(t *testing.T) {
	together := func(t *testing.T, url string) {
		var wg sync.WaitGroup
		for range 3 { // servers that start together
			wg.Go(func() {
				d, err := db.Open(t.Context(), db.Config{URL: url, Unsafe: true})
				if err != nil {
					t.Errorf("Open = %v", err)
					return
				}
				if err := errors.Join(d.Ping(t.Context()), d.Close()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		d := open(t, url)
		if n, err := db.One[int](t.Context(), d, `SELECT count(*) FROM leases`); err != nil || n != 0 {
			t.Errorf("a fresh schema = %d rows, %v", n, err)
		}
	}
	t.Run("postgres", func(t *testing.T) {
		url, ok := postgres.Schema(t)
		if !ok {
			t.Skip("PostgreSQL is not installed")
		}
		together(t, url)
	})
	t.Run("sqlite again", func(t *testing.T) { // one server only: SQLite has one node
		path := filepath.Join(t.TempDir(), "test.db")
		d := open(t, path)
		if err := put(t.Context(), d, "kept"); err != nil {
			t.Fatal(err)
		}
		if got := names(t, open(t, path)); !slices.Equal(got, []string{"kept"}) {
			t.Errorf("rows after a restart = %v, want kept", got)
		}
	})
}

func TestTimesSortAndReturnAlike(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		zones := []*time.Location{time.UTC, time.FixedZone("east", 5*3600+1800), time.FixedZone("west", -11*3600)}
		rapid.Check(t, func(t *rapid.T) {
			if _, err := d.Exec(ctx, `DELETE FROM leases`); err != nil {
				t.Fatal(err)
			}
			base := time.Date(2024, 2, 29, 23, 59, 59, 0, time.UTC)
			var want []time.Time
			for i, ns := range rapid.SliceOfN(rapid.Int64Range(-1e18, 1e18), 1, 6).Draw(t, "offsets") {
				at := base.Add(time.Duration(ns)).In(zones[i%3])
				l := lease{Name: string(rune('a' + i)), Until: db.Time{Time: at}}
				if i%2 == 0 {
					l.Until = db.At(at)
				}
				if err := d.Insert(ctx, "leases", l); err != nil {
					t.Fatal(err)
				}
				want = append(want, at.UTC().Truncate(time.Microsecond))
			}
			slices.SortFunc(want, time.Time.Compare)
			rows, err := db.All[lease](ctx, d, `FROM leases ORDER BY until, name`)
			if err != nil {
				t.Fatal(err)
			}
			for i, l := range rows {
				if !l.Until.Equal(want[i]) || l.Until.Location() != time.UTC {
					t.Fatalf("time %d = %v, want %v in UTC", i, l.Until, want[i])
				}
			}
			n, err := db.One[int](ctx, d, `SELECT count(*) FROM leases WHERE until <= ?`, db.At(want[len(want)/2]))
			if atMost := countUntil(want, want[len(want)/2]); err != nil || n != atMost {
				t.Fatalf("times up to the middle = %d, %v, want %d", n, err, atMost)
			}
		})
	})
}

func countUntil(times []time.Time, until time.Time) (n int) {
	for _, at := range times {
		if !at.After(until) {
			n++
		}
	}
	return n
}

package db_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

func TestQueriesNameTheColumnsOfTheirRows(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		if err := put(ctx, d, "abc", "de"); err != nil {
			t.Fatal(err)
		}
		for query, want := range map[string]int{
			`FROM leases ORDER BY name`:                                            0,
			`SELECT {} FROM leases ORDER BY name`:                                  0,
			`SELECT {l}, length(l.name) AS letters FROM leases l ORDER BY l.name`:  3,
			`SELECT length(name) AS letters, name FROM leases ORDER BY name`:       3,
			`WITH x AS (SELECT name FROM leases) SELECT name FROM x ORDER BY name`: 0,
		} {
			for range 2 { // the second time the written-out query is remembered
				rows, err := db.All[lease](ctx, d, query)
				if err != nil || len(rows) != 2 || rows[0].Name != "abc" || rows[0].Letters != want {
					t.Errorf("%s = %+v, %v, want abc with %d letters", query, rows, err, want)
				}
			}
		}
		if _, err := db.All[lease](ctx, d, `SELECT name AS surname FROM leases`); err == nil {
			t.Error("a column without a field = nil, want an error")
		}
		if _, err := db.One[lease](ctx, d, `FROM leases WHERE name = ?`, "nobody"); !errors.Is(err, problem.NotFound) {
			t.Errorf("One of none = %v, want not found", err)
		}
		if l, err := db.One[lease](ctx, d, `FROM leases WHERE name = ?`, "de"); err != nil || l.Name != "de" || l.Holder != "h" {
			t.Errorf("One = %+v, %v, want de", l, err)
		}
		if _, err := db.All[lease](ctx, d, `FROM nothing`); err == nil {
			t.Error("a table that is none = nil, want an error")
		}
	})
}

func TestRowsShareNothing(t *testing.T) {
	type row struct {
		ID    int               `db:"id"`
		Text  *string           `db:"text"`
		Names db.JSON[[]string] `db:"names"`
	}
	each(t, func(t *testing.T, d *db.DB) {
		text := "one"
		got, err := db.All[row](t.Context(), d, `SELECT 1 AS id, 'one' AS text, '["a","b"]' AS names
			UNION ALL SELECT 2, NULL, NULL UNION ALL SELECT 3, 'one', '["c"]' ORDER BY id`)
		want := []row{{1, &text, db.AsJSON([]string{"a", "b"})}, {ID: 2}, {3, &text, db.AsJSON([]string{"c"})}}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("All = %v, -want +got:\n%s", err, diff)
		}
	})
}

func TestListsOfIDs(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		if err := put(ctx, d, "a", "b", "c"); err != nil {
			t.Fatal(err)
		}
		statements := 0
		d.Observe(func(context.Context, string) { statements++ })
		defer d.Observe(nil)
		if got, err := db.In[string](ctx, d, `SELECT name FROM leases WHERE name IN (?)`, nil); err != nil || got != nil || statements != 0 {
			t.Errorf("In of no ids = %v, %v with %d statements, want nothing at no cost", got, err, statements)
		}
		query := `SELECT name FROM leases WHERE holder = ? AND name IN (?) AND name <> ? ORDER BY name`
		for _, c := range []struct{ ids, want []string }{
			{[]string{"a"}, []string{"a"}}, {[]string{"c", "a"}, []string{"a", "c"}}, {[]string{"b", "none", "a", "a"}, []string{"a"}},
			{[]string{"'a' OR 1=1 --", "?"}, nil},
		} {
			got, err := db.In[string](ctx, d, query, c.ids, "h", "b")
			if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
				t.Errorf("In of %v = %v\n%s", c.ids, err, diff)
			}
		}
		empty, args := db.List(query, nil, "h", "b")
		if got, err := db.All[string](ctx, d, empty, args...); err != nil || len(got) != 0 {
			t.Errorf("List of no ids = %v, %v, want nothing", got, err)
		}
	})
}

func TestRowsAreInsertedAndUpdated(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		ctx, now := t.Context(), db.Now()
		if err := db.InsertAll[lease](ctx, d, "leases", nil, ""); err != nil {
			t.Errorf("InsertAll of none = %v", err)
		}
		rows := []lease{{Name: "a", Holder: "1", Until: now}, {Name: "b", Holder: "1", Until: now}}
		if err := db.InsertAll(ctx, d, "leases", rows, ""); err != nil {
			t.Fatal(err)
		}
		rows[0].Holder = "2"
		if err := db.InsertAll(ctx, d, "leases", rows, "ON CONFLICT DO NOTHING"); err != nil {
			t.Errorf("InsertAll of known rows = %v", err)
		}
		if err := db.InsertAll(ctx, d, "leases", rows, "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder"); err != nil {
			t.Errorf("InsertAll over known rows = %v", err)
		}
		got, err := db.All[lease](ctx, d, `FROM leases ORDER BY name`)
		if diff := cmp.Diff(rows, got); err != nil || diff != "" {
			t.Errorf("rows = %v\n%s", err, diff)
		}
		if n, err := d.Exec(ctx, `UPDATE leases SET holder = ? WHERE name <> ?`, "3", "none"); err != nil || n != 2 {
			t.Errorf("Exec = %d, %v, want 2 rows", n, err)
		}

		type keyset struct {
			Owner     string  `db:"owner"`
			Wrapped   []byte  `db:"wrapped"`
			CreatedAt db.Time `db:"created_at"`
		}
		binary := keyset{"org-1", []byte{0, 0xff, '\'', '?', 0}, now}
		if err := d.Insert(ctx, "keysets", &binary); err != nil {
			t.Fatal(err)
		}
		if back, err := db.One[keyset](ctx, d, `FROM keysets`); err != nil || !slices.Equal(back.Wrapped, binary.Wrapped) || !back.CreatedAt.Equal(now.Time) {
			t.Errorf("binary row = %v, %v, want %v", back, err, binary)
		}
	})
}

// trail is a row with an id, as Update and Delete want it.
type trail struct {
	ID      string                  `db:"id"`
	Org     string                  `db:"org_id"`
	ActorID string                  `db:"actor_id"`
	Kind    string                  `db:"actor_kind"`
	Name    string                  `db:"actor_name"`
	Token   string                  `db:"token_id"`
	Action  string                  `db:"action"`
	Type    string                  `db:"resource_type"`
	Target  string                  `db:"resource_id"`
	Changed db.JSON[[]string]       `db:"changed"`
	IP      db.JSON[map[string]any] `db:"ip"`
	Request string                  `db:"request_id"`
	At      db.Time                 `db:"at"`
}

func TestUpdateWritesOnlyTheNamedColumns(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		row := trail{ID: "ae-1", Action: "create", Name: "alice", Changed: db.AsJSON([]string{"a"}), At: db.Now()}
		other := row
		other.ID = "ae-2"
		if err := db.InsertAll(ctx, d, "audit_events", []trail{row, other}, ""); err != nil {
			t.Fatal(err)
		}
		changed := row
		changed.Action, changed.Name, changed.Changed = "update", "bob", db.AsJSON([]string{"b", `"?'`})
		if err := d.Update(ctx, "audit_events", changed, "action", "changed"); err != nil {
			t.Fatal(err)
		}
		want := changed
		want.Name = "alice"
		for id, want := range map[string]trail{"ae-1": want, "ae-2": other} {
			got, err := db.One[trail](ctx, d, `FROM audit_events WHERE id = ?`, id)
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })); err != nil || diff != "" {
				t.Errorf("%s = %v\n%s", id, err, diff)
			}
		}
		if err := d.Delete(ctx, "audit_events", "ae-1"); err != nil {
			t.Fatal(err)
		}
		if ids, err := db.All[string](ctx, d, `SELECT id FROM audit_events`); err != nil || !slices.Equal(ids, []string{"ae-2"}) {
			t.Errorf("after Delete = %v, %v, want ae-2", ids, err)
		}
	})
}

func TestJSONReadsNothingAsZero(t *testing.T) {
	for _, v := range []any{nil, "", "null", []byte("null")} {
		j := db.AsJSON([]string{"before"})
		if err := j.Scan(v); err != nil || j.V != nil {
			t.Errorf("Scan(%v) = %v, %v, want nothing", v, j.V, err)
		}
	}
	var j db.JSON[map[string]int]
	if err := j.Scan("{"); err == nil {
		t.Error("Scan of damaged JSON = nil, want an error")
	}
	if err := j.Scan(7); err == nil {
		t.Error("Scan of a number = nil, want an error")
	}
	if b, err := db.AsJSON(map[string]int{"a": 1}).MarshalJSON(); err != nil || string(b) != `{"a":1}` {
		t.Errorf("MarshalJSON = %s, %v", b, err)
	}
}

func TestTimeOnTheWireHasMilliseconds(t *testing.T) {
	at := db.At(time.Date(2024, 3, 1, 13, 30, 0, 123_999_999, time.FixedZone("x", 3600)))
	if b, err := at.MarshalJSON(); err != nil || string(b) != `"2024-03-01T12:30:00.123Z"` {
		t.Errorf("MarshalJSON = %s, %v", b, err)
	}
	var back db.Time
	for _, bad := range []any{7, "yesterday", nil} {
		if err := back.Scan(bad); err == nil {
			t.Errorf("Scan(%v) = nil, want an error", bad)
		}
	}
}

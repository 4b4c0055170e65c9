package audit_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"plumbline.dev/plumbline/internal/apptest/postgres"
	"plumbline.dev/plumbline/internal/kernel/audit"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// each runs fn with a fresh database on each engine.
func each(t *testing.T, fn func(t *testing.T, d *db.DB)) {
	t.Helper()
	with := func(t *testing.T, url string) {
		d, err := db.Open(t.Context(), db.Config{URL: url, Unsafe: true})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = d.Close() }()
		fn(t, d)
	}
	t.Run("sqlite", func(t *testing.T) { with(t, filepath.Join(t.TempDir(), "test.db")) })
	t.Run("postgres", func(t *testing.T) {
		url, ok := postgres.Schema(t)
		if !ok {
			t.Skip("PostgreSQL is not installed")
		}
		with(t, url)
	})
}

func trail(t *testing.T, d *db.DB) []audit.Event {
	t.Helper()
	out, err := db.All[audit.Event](t.Context(), d, `FROM audit_events ORDER BY at, id`)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRecordTellsWhoDidWhatFromWhere(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		before := time.Now().Add(-time.Second)
		ctx := audit.WithOrigin(t.Context(), audit.Origin{IP: "192.0.2.1", RequestID: "req-1"})
		ctx = authz.With(ctx, &authz.Subject{Kind: authz.Team, ID: "team-1", Name: "ops", TokenID: "at-1"})
		what := audit.Event{OrgID: "org-1", Action: "force-unlock", ResourceType: "workspaces", ResourceID: "ws-1", Changed: db.AsJSON([]string{"name", "locked"})}
		forged := what
		forged.ActorID, forged.IP, forged.ID, forged.At = "user-9", "198.51.100.9", "ae-forged", db.At(time.Unix(0, 0))
		if err := audit.Write(ctx, d, forged); err != nil {
			t.Fatal(err)
		}
		got := trail(t, d)
		if len(got) != 1 || got[0].ID == "ae-forged" || got[0].At.Before(before) {
			t.Fatalf("trail = %+v, want one record of now with an id of its own", got)
		}
		want := what
		want.ActorID, want.ActorKind, want.ActorName, want.TokenID, want.IP, want.RequestID = "team-1", authz.Team, "ops", "at-1", "192.0.2.1", "req-1"
		if diff := cmp.Diff(want, got[0], cmpopts.IgnoreFields(audit.Event{}, "ID", "At")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRecordOfAGuestNamesNobody(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		if err := audit.Write(t.Context(), d, audit.Event{Action: "login"}); err != nil {
			t.Fatal(err)
		}
		got := trail(t, d)
		if len(got) != 1 || got[0].ActorID != "" || got[0].ActorKind != "" || got[0].IP != "" || got[0].Action != "login" {
			t.Errorf("trail = %+v, want a login by nobody", got)
		}
	})
}

func TestNoRecordWithoutItsChange(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		broken := errors.New("broken")
		for _, failure := range []error{broken, nil} {
			err := d.Tx(t.Context(), func(ctx context.Context) error {
				return errors.Join(audit.Write(ctx, d, audit.Event{Action: "create"}), failure)
			})
			if !errors.Is(err, failure) {
				t.Errorf("Tx = %v, want %v", err, failure)
			}
			if n := len(trail(t, d)); (n == 1) != (failure == nil) {
				t.Errorf("after %v the trail has %d records", failure, n)
			}
		}
	})
}

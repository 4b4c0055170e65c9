package applies_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/delivery/applies"
	"plumbline.dev/plumbline/internal/delivery/progress"
	"plumbline.dev/plumbline/internal/delivery/runs"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// world is a server with a run that waits.
type world struct {
	*apptest.Server
	ctx context.Context
	org apptest.Org
	ws  string
	run runs.Run
	f   *applies.Feature
	c   *tfe.Client
}

func start(t *testing.T, fn func(w *world)) {
	apptest.Run(t, func(s *apptest.Server) {
		w := &world{Server: s, ctx: s.T.Context(), org: s.Org("acme"), f: s.App.Applies}
		w.c = s.Client(w.org.Owner.Token)
		w.ws = s.Workspace(w.org, "", "net")
		w.run = s.WaitingRun(w.org, w.ws)
		fn(w)
	})
}

func (w *world) ok(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatal(err)
	}
}

func (w *world) move(to ...progress.Status) {
	w.T.Helper()
	for _, s := range to {
		w.ok(w.DB.Tx(w.ctx, func(ctx context.Context) error { return w.f.Move(ctx, w.run.ApplyID, s) }))
	}
}

// end ends the apply with some changes made.
func (w *world) end(to progress.Status) {
	w.T.Helper()
	w.move(progress.Queued, progress.Running)
	_, err := w.App.Logs.Append(w.ctx, w.run.ApplyID, 0, []byte("Apply complete! Resources: 1 added\n"))
	w.ok(err)
	w.ok(w.DB.Tx(w.ctx, func(ctx context.Context) error {
		return w.f.Finish(ctx, w.run.ApplyID, to, proto.ApplyResult{EngineVersion: "1.12.6", Applied: true, Counts: proto.Counts{Add: 1, Change: 2, Destroy: 3, Import: 4, ActionInvoke: 5}})
	}))
}

func (w *world) read() *tfe.Apply {
	w.T.Helper()
	a, err := w.c.Applies.Read(w.ctx, w.run.ApplyID)
	w.ok(err)
	return a
}

func (w *world) path(rest string) string { return "/api/v2/applies/" + w.run.ApplyID + rest }

func TestApplyFromBeginningToEnd(t *testing.T) {
	start(t, func(w *world) {
		if a := w.read(); a.Status != tfe.ApplyPending || a.LogReadURL != "" {
			w.T.Errorf("a new apply = %+v", a)
		}
		w.end(progress.Finished)
		_, err := w.DB.Exec(w.ctx, `INSERT INTO state_versions (id, org_id, workspace_id, status, serial, lineage, md5, size, forced, lock_kind, lock_id, object, json_object, json_md5, json_size, format_version,
			terraform_version, billable, run_id, created_at) VALUES ('sv-1', ?, ?, 'pending', 1, '', '', 0, ?, '', '', '', '', '', 0, 0, '', 0, ?, ?)`, w.org.ID, w.ws, false, w.run.ID, db.Now())
		w.ok(err)
		a := w.read()
		got := []any{a.Status, a.ResourceAdditions, a.ResourceChanges, a.ResourceDestructions, a.ResourceImports}
		if diff := cmp.Diff([]any{tfe.ApplyFinished, 1, 2, 3, 4}, got); diff != "" {
			w.T.Errorf("a finished apply (-want +got):\n%s", diff)
		}
		if a.StatusTimestamps.QueuedAt.IsZero() || a.StatusTimestamps.StartedAt.IsZero() || a.StatusTimestamps.FinishedAt.IsZero() {
			w.T.Errorf("timestamps = %+v", a.StatusTimestamps)
		}
		own := w.Do("GET", w.path(""), w.org.Owner.Token, nil)
		if states := own.JSON()["data"].(map[string]any)["relationships"].(map[string]any)["state-versions"]; !cmp.Equal(states, map[string]any{"data": []any{map[string]any{"id": "sv-1", "type": "state-versions"}}}) {
			w.T.Errorf("state versions = %v", states)
		}
		if ofRun := w.Do("GET", "/api/v2/runs/"+w.run.ID+"/apply", w.org.Owner.Token, nil); ofRun.Status != 200 || string(ofRun.Body) != string(own.Body) {
			w.T.Errorf("the apply of the run = %d %s", ofRun.Status, ofRun.Body)
		}
	})
}

// TestCommandLinesMissNothingOfTheLog: they drop three lines of it.
func TestCommandLinesMissNothingOfTheLog(t *testing.T) {
	start(t, func(w *world) {
		w.end(progress.Finished)
		log := string(w.Do("GET", w.read().LogReadURL, "", nil).Body)
		lines := strings.SplitAfterN(log, "\n", 4)
		if log[0] != 2 || len(lines) != 4 || lines[3] != "Apply complete! Resources: 1 added\n\x03" {
			w.T.Errorf("log = %q, want three lines before the text", log)
		}
	})
}

func TestApplyThatChangedSomethingAndFailed(t *testing.T) {
	start(t, func(w *world) {
		for _, to := range []progress.Status{progress.Errored, progress.Canceled} {
			w.run = w.WaitingRun(w.org, w.ws)
			w.end(to)
			if a := w.read(); string(a.Status) != string(to) || a.ResourceAdditions != 1 {
				w.T.Errorf("apply = %+v, want %s with what it changed", a, to)
			}
		}
		w.run = w.WaitingRun(w.org, w.ws)
		w.move(progress.Unreachable)
		if a := w.read(); a.Status != tfe.ApplyUnreachable || a.LogReadURL != "" {
			w.T.Errorf("apply of a discarded run = %+v", a)
		}
	})
}

func TestErroredState(t *testing.T) {
	start(t, func(w *world) {
		path := w.path("/errored-state")
		if r := w.Do("GET", path, w.org.Owner.Token, nil); r.Status != 404 {
			w.T.Errorf("without a state = %d, want 404", r.Status)
		}
		w.end(progress.Errored)
		w.ok(w.f.Put(w.ctx, w.run.ApplyID, applies.ErroredState, strings.NewReader(`{"version":4}`)))
		orgToken := w.Token(tokens.Token{Kind: tokens.Org, OrgID: &w.org.ID})
		reader := w.With(w.org, "reader", nil, map[string]string{w.ws: "read"}).Token
		for who, want := range map[string]int{"": 401, w.User("stranger").Token: 404, w.Member(w.org, "member").Token: 404, orgToken: 404, reader: 307, w.org.Owner.Token: 307} {
			r := w.Do("GET", path, who, nil)
			if r.Status != want {
				w.T.Errorf("errored state = %d %s, want %d", r.Status, r.Body, want)
			}
			if want != 307 {
				continue
			}
			if got := w.Do("GET", r.Header.Get("Location"), "", nil); got.Status != 200 || string(got.Body) != `{"version":4}` {
				w.T.Errorf("errored state = %d %s", got.Status, got.Body)
			}
		}
	})
}

func TestBackingDataOfAnApply(t *testing.T) {
	start(t, func(w *world) {
		do := func(action string, want int) {
			w.T.Helper()
			if r := w.Do("POST", w.path("/actions/"+action+"-backing-data"), w.org.Owner.Token, nil); r.Status != want {
				w.T.Errorf("%s = %d %s, want %d", action, r.Status, r.Body, want)
			}
		}
		w.move(progress.Queued)
		do("soft-delete", 400)
		w.move(progress.Canceled)
		do("soft-delete", 204)
		do("restore", 204)
		do("soft-delete", 204)
		w.f.Grace = 0
		w.ok(w.f.Sweep(w.ctx))
		do("restore", 400)
		n, err := db.One[int](w.ctx, w.DB, `SELECT count(*) FROM log_streams WHERE id = ?`, w.run.ApplyID)
		if err != nil || n != 0 {
			w.T.Errorf("log streams = %d, %v; want none after the sweep", n, err)
		}
	})
}

package plans_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/delivery/plans"
	"plumbline.dev/plumbline/internal/delivery/progress"
	"plumbline.dev/plumbline/internal/delivery/runs"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// world is a server with a run that waits.
type world struct {
	*apptest.Server
	ctx context.Context
	org apptest.Org
	ws  string
	run runs.Run
	f   *plans.Feature
	c   *tfe.Client
}

func start(t *testing.T, fn func(w *world)) {
	apptest.Run(t, func(s *apptest.Server) {
		w := &world{Server: s, ctx: s.T.Context(), org: s.Org("acme"), f: s.App.Plans}
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

// move changes the status of the plan, step by step.
func (w *world) move(to ...progress.Status) {
	w.T.Helper()
	for _, s := range to {
		w.ok(w.DB.Tx(w.ctx, func(ctx context.Context) error { return w.f.Move(ctx, w.run.PlanID, s) }))
	}
}

// finish lets the plan finish with changes, its documents and a log.
func (w *world) finish() {
	w.T.Helper()
	w.move(progress.Queued, progress.Running)
	_, err := w.App.Logs.Append(w.ctx, w.run.PlanID, 0, []byte("Plan: 1 to add\n"))
	w.ok(err)
	for name, body := range map[string]string{proto.PlanJSON: `{"secret":"hunter2"}`, proto.PlanRedacted: `{"plan_format_version":"1.2"}`, proto.Schemas: `{"provider_schemas":{}}`, proto.PlanFile: "PK"} {
		w.ok(w.f.Put(w.ctx, w.run.PlanID, name, strings.NewReader(body)))
	}
	w.ok(w.DB.Tx(w.ctx, func(ctx context.Context) error {
		return w.f.Finish(ctx, w.run.PlanID, progress.Finished, proto.PlanResult{EngineVersion: "1.12.6", HasChanges: true, Generated: true,
			Counts: proto.Counts{Add: 1, Change: 2, Destroy: 3, Import: 4, ActionInvoke: 5}})
	}))
}

func (w *world) read() *tfe.Plan {
	w.T.Helper()
	p, err := w.c.Plans.Read(w.ctx, w.run.PlanID)
	w.ok(err)
	return p
}

func (w *world) path(rest string) string { return "/api/v2/plans/" + w.run.PlanID + rest }

func TestPlanOnItsWay(t *testing.T) {
	start(t, func(w *world) {
		p := w.read()
		if p.Status != tfe.PlanPending || p.LogReadURL != "" || p.HasChanges || p.StatusTimestamps.QueuedAt != (tfe.PlanStatusTimestamps{}).QueuedAt {
			w.T.Errorf("a new plan = %+v", p)
		}
		w.move(progress.Queued)
		if p = w.read(); p.Status != tfe.PlanQueued || p.LogReadURL == "" || p.StatusTimestamps.QueuedAt.IsZero() {
			w.T.Errorf("a queued plan = %+v", p)
		}
		w.move(progress.Running, progress.Queued, progress.Running)
		w.ok(w.f.Executes(w.ctx, p.ID, progress.Execution{Mode: "agent", AgentID: "agent-1", AgentName: "a", PoolID: "apool-1", PoolName: "pool"}))
		if p = w.read(); p.Status != tfe.PlanRunning || p.StatusTimestamps.StartedAt.IsZero() || !p.StatusTimestamps.FinishedAt.IsZero() {
			w.T.Errorf("a running plan = %+v", p)
		}
		doc := w.Do("GET", w.path(""), w.org.Owner.Token, nil).JSON()["data"].(map[string]any)
		want := map[string]any{"mode": "agent", "agent-id": "agent-1", "agent-name": "a", "agent-pool-id": "apool-1", "agent-pool-name": "pool"}
		if diff := cmp.Diff(want, doc["attributes"].(map[string]any)["execution-details"]); diff != "" {
			w.T.Errorf("execution-details (-want +got):\n%s", diff)
		}
		if n := doc["attributes"].(map[string]any)["resource-additions"]; n != nil {
			w.T.Errorf("resource-additions of a running plan = %v, want null", n)
		}
	})
}

func TestFinishedPlan(t *testing.T) {
	start(t, func(w *world) {
		w.finish()
		p := w.read()
		got := []any{p.Status, p.HasChanges, p.GeneratedConfiguration, p.ResourceAdditions, p.ResourceChanges, p.ResourceDestructions, p.ResourceImports}
		if diff := cmp.Diff([]any{tfe.PlanFinished, true, true, 1, 2, 3, 4}, got); diff != "" {
			w.T.Errorf("a finished plan (-want +got):\n%s", diff)
		}
		if p.StatusTimestamps.FinishedAt.IsZero() || !p.StatusTimestamps.ErroredAt.IsZero() {
			w.T.Errorf("timestamps = %+v", p.StatusTimestamps)
		}
		log := w.Do("GET", p.LogReadURL+"?limit=65536&offset=0", "", nil)
		if string(log.Body) != "\x02Plan: 1 to add\n\x03" {
			w.T.Errorf("log = %q", log.Body)
		}
		if own, ofRun := w.Do("GET", w.path(""), w.org.Owner.Token, nil), w.Do("GET", "/api/v2/runs/"+w.run.ID+"/plan", w.org.Owner.Token, nil); ofRun.Status != 200 || string(own.Body) != string(ofRun.Body) {
			w.T.Errorf("the plan of the run = %d %s, want %s", ofRun.Status, ofRun.Body, own.Body)
		}
		run, err := w.c.Runs.ReadWithOptions(w.ctx, w.run.ID, &tfe.RunReadOptions{Include: []tfe.RunIncludeOpt{tfe.RunPlan}})
		if err != nil || run.Plan.Status != tfe.PlanFinished || run.Plan.ResourceAdditions != 1 {
			w.T.Errorf("the included plan = %+v, %v", run.Plan, err)
		}
		r, err := w.f.Open(w.ctx, p.ID, proto.PlanFile)
		w.ok(err)
		w.ok(r.Close())
		if _, err := w.f.Open(w.ctx, p.ID, "nothing"); !errors.Is(err, problem.NotFound) {
			w.T.Errorf("Open of what was not put = %v, want not found", err)
		}
	})
}

func TestDocumentsAreWhereThePlanRedirects(t *testing.T) {
	start(t, func(w *world) {
		w.move(progress.Queued, progress.Running)
		documents := map[string]string{"/json-output": `{"secret":"hunter2"}`, "/json-output-redacted": `{"plan_format_version":"1.2"}`, "/json-schema": `{"provider_schemas":{}}`}
		for path := range documents {
			if r := w.Do("GET", w.path(path), w.org.Owner.Token, nil); r.Status != 204 || len(r.Body) != 0 {
				w.T.Errorf("%s of a running plan = %d %s, want 204", path, r.Status, r.Body)
			}
		}
		w.move(progress.Queued)
		w.run = w.WaitingRun(w.org, w.ws)
		w.finish()
		for path, want := range documents {
			for _, base := range []string{"/api/v2/plans/" + w.run.PlanID, "/api/v2/runs/" + w.run.ID + "/plan"} {
				r := w.Do("GET", base+path, w.org.Owner.Token, nil)
				if r.Status != 307 || len(r.Body) != 0 {
					w.T.Fatalf("%s%s = %d %s, want 307", base, path, r.Status, r.Body)
				}
				got := w.Do("GET", r.Header.Get("Location"), "", nil)
				if got.Status != 200 || string(got.Body) != want || got.Header.Get("Content-Type") != "application/json" {
					w.T.Errorf("%s = %d %s, want %s", path, got.Status, got.Body, want)
				}
			}
		}
		if b, err := w.c.Plans.ReadJSONOutput(w.ctx, w.run.PlanID); err != nil || !json.Valid(b) {
			w.T.Errorf("ReadJSONOutput = %s, %v", b, err)
		}
		w.run = w.WaitingRun(w.org, w.ws)
		w.move(progress.Errored)
		for path := range documents {
			if r := w.Do("GET", w.path(path), w.org.Owner.Token, nil); r.Status != 404 {
				w.T.Errorf("%s of an errored plan = %d, want 404", path, r.Status)
			}
		}
	})
}

func TestOutputCanBePutAgain(t *testing.T) {
	start(t, func(w *world) {
		w.finish()
		w.ok(w.f.Put(w.ctx, w.run.PlanID, proto.PlanJSON, strings.NewReader(`{"second":true}`)))
		w.Settle()
		if b, err := w.c.Plans.ReadJSONOutput(w.ctx, w.run.PlanID); err != nil || string(b) != `{"second":true}` {
			w.T.Errorf("ReadJSONOutput = %s, %v", b, err)
		}
		if n := w.objects("output/"); n != 4 {
			w.T.Errorf("objects = %d, want those of the 4 outputs", n)
		}
	})
}

func TestWhoMayReadWhat(t *testing.T) {
	start(t, func(w *world) {
		w.finish()
		p := w.read()
		orgToken := w.Token(tokens.Token{Kind: tokens.Org, OrgID: &w.org.ID})
		people := map[string]string{"guest": "", "stranger": w.User("stranger").Token, "member": w.Member(w.org, "member").Token, "org token": orgToken, "owner": w.org.Owner.Token}
		for _, level := range []string{"read", "plan", "write", "admin"} {
			people[level] = w.With(w.org, "with-"+level, nil, map[string]string{w.ws: level}).Token
		}
		const no = 404
		for _, c := range []struct {
			path string
			want map[string]int
		}{
			{"", map[string]int{"guest": 401, "stranger": no, "member": no, "read": 200, "plan": 200, "write": 200, "admin": 200, "owner": 200, "org token": 200}},
			{"/json-output-redacted", map[string]int{"guest": 401, "stranger": no, "member": no, "read": 307, "plan": 307, "write": 307, "admin": 307, "owner": 307, "org token": 307}},
			{"/json-schema", map[string]int{"guest": 401, "stranger": no, "member": no, "read": 307, "plan": 307, "write": 307, "admin": 307, "owner": 307, "org token": 307}},
			{"/json-output", map[string]int{"guest": 401, "stranger": no, "member": no, "read": no, "plan": no, "write": no, "admin": 307, "owner": 307, "org token": no}},
		} {
			for who, want := range c.want {
				r := w.Do("GET", "/api/v2/plans/"+p.ID+c.path, people[who], nil)
				if r.Status != want || strings.Contains(string(r.Body), "hunter2") {
					w.T.Errorf("GET %s as %s = %d %s, want %d", c.path, who, r.Status, r.Body, want)
				}
			}
		}
		for who, want := range map[string]bool{"read": false, "write": true} {
			doc := w.Do("GET", w.path(""), people[who], nil).JSON()
			got := doc["data"].(map[string]any)["attributes"].(map[string]any)["permissions"].(map[string]any)["can-export"]
			if got != want {
				w.T.Errorf("can-export as %s = %v, want %v", who, got, want)
			}
		}
	})
}

func TestEndsOfPlans(t *testing.T) {
	start(t, func(w *world) {
		for to, want := range map[progress.Status]string{progress.Errored: "errored-at", progress.Canceled: "canceled-at", progress.ForceCanceled: "force-canceled-at", progress.Unreachable: ""} {
			w.run = w.WaitingRun(w.org, w.ws)
			if to != progress.Unreachable {
				w.ok(w.f.Say(w.ctx, w.run.PlanID, "no such version"))
			}
			w.move(to, to)
			doc := w.Do("GET", w.path(""), w.org.Owner.Token, nil).JSON()["data"].(map[string]any)["attributes"].(map[string]any)
			times := doc["status-timestamps"].(map[string]any)
			if _, ok := times[want]; !ok && want != "" || len(times) > 1 {
				w.T.Errorf("timestamps of %s = %v, want %s", to, times, want)
			}
			if status := strings.TrimPrefix(string(to), "force_"); doc["status"] != status {
				w.T.Errorf("status = %v, want %s", doc["status"], status)
			}
			url, _ := doc["log-read-url"].(string)
			if to == progress.Unreachable {
				if url != "" {
					w.T.Errorf("an unreachable plan has a log at %s", url)
				}
				continue
			}
			if log := w.Do("GET", url, "", nil); string(log.Body) != "\x02no such version\n\x03" {
				w.T.Errorf("log = %q", log.Body)
			}
			if err := w.f.Move(w.ctx, w.run.PlanID, progress.Running); err == nil {
				w.T.Errorf("from %s to running: want an error", to)
			}
		}
	})
}

func TestBackingDataOfAPlan(t *testing.T) {
	start(t, func(w *world) {
		w.finish()
		do := func(action string, want int) {
			w.T.Helper()
			if r := w.Do("POST", w.path("/actions/"+action+"-backing-data"), w.org.Owner.Token, nil); r.Status != want {
				w.T.Errorf("%s = %d %s, want %d", action, r.Status, r.Body, want)
			}
		}
		do("soft-delete", 400) // the run needs its plan
		_, err := w.DB.Exec(w.ctx, `UPDATE runs SET final = ? WHERE id = ?`, true, w.run.ID)
		w.ok(err)
		log := w.read().LogReadURL
		do("restore", 400)
		do("permanently-delete", 400)
		do("soft-delete", 204)
		do("soft-delete", 400)
		if r := w.Do("GET", w.path("/json-output"), w.org.Owner.Token, nil); r.Status != 404 || w.read().LogReadURL != "" {
			w.T.Errorf("a deleted plan = %d", r.Status)
		}
		do("restore", 204)
		if r := w.Do("GET", w.path("/json-output"), w.org.Owner.Token, nil); r.Status != 307 {
			w.T.Errorf("a restored plan = %d", r.Status)
		}
		do("soft-delete", 204)
		do("permanently-delete", 204)
		do("restore", 400)
		w.Settle()
		for o, err := range w.App.Objects.List(w.ctx, "output/") {
			w.ok(err)
			w.T.Errorf("object %s is still there", o.Key)
		}
		if r := w.Do("GET", log, "", nil); len(r.Body) != 0 {
			w.T.Errorf("log = %q, want nothing", r.Body)
		}
	})
}

func TestStatementsOfPlansAreConstant(t *testing.T) {
	start(t, func(w *world) {
		w.finish()
		list := "/api/v2/workspaces/" + w.ws + "/runs?include=plan,apply"
		few := w.Statements(func() { w.Do("GET", list, w.org.Owner.Token, nil) })
		for range 5 {
			w.WaitingRun(w.org, w.ws)
		}
		many := w.Statements(func() { w.Do("GET", list, w.org.Owner.Token, nil) })
		if len(few) != len(many) {
			w.T.Errorf("statements = %d for one run and %d for six:\n%s", len(few), len(many), strings.Join(many, "\n"))
		}
	})
}

func TestPlanGoesWithItsWorkspace(t *testing.T) {
	start(t, func(w *world) {
		w.finish()
		w.ok(w.c.Workspaces.DeleteByID(w.ctx, w.ws))
		if _, err := w.c.Plans.Read(w.ctx, w.run.PlanID); !errors.Is(err, tfe.ErrResourceNotFound) {
			w.T.Errorf("Read = %v, want not found", err)
		}
		for _, table := range []string{"plans", "applies", "outputs", "log_streams", "log_chunks"} {
			if n := w.count(table); n != 0 {
				w.T.Errorf("%s has %d rows", table, n)
			}
		}
	})
}

func (w *world) count(table string) int {
	w.T.Helper()
	n, err := db.One[int](w.ctx, w.DB, `SELECT count(*) FROM `+table)
	w.ok(err)
	return n
}

// TestSweepsRemoveWhatNobodyHas: objects of deleted workspaces go, those of others stay.
func TestSweepsRemoveWhatNobodyHas(t *testing.T) {
	start(t, func(w *world) {
		w.finish()
		kept := w.run.PlanID
		w.ok(w.App.Logs.Join(w.ctx, kept))
		other := w.Workspace(w.org, "", "doomed")
		w.run = w.WaitingRun(w.org, other)
		w.finish()
		w.ok(w.App.Logs.Join(w.ctx, w.run.PlanID))
		_, err := w.DB.Exec(w.ctx, `DELETE FROM workspaces WHERE id = ?`, other)
		w.ok(err)
		sweep := func() {
			w.ok(w.App.Logs.SweepObjects(w.ctx))
			w.ok(w.App.Outputs.SweepObjects(w.ctx))
		}
		sweep()
		if n := w.objects("log/") + w.objects("output/"); n != 10 {
			w.T.Errorf("young objects = %d, want all 10", n)
		}
		w.age()
		sweep()
		if logs, outputs := w.objects("log/"), w.objects("output/"); logs != 1 || outputs != 4 {
			w.T.Errorf("objects = %d logs and %d outputs, want those of the plan that is left", logs, outputs)
		}
		if b, err := w.c.Plans.ReadJSONOutput(w.ctx, kept); err != nil || len(b) == 0 {
			w.T.Errorf("ReadJSONOutput = %s, %v", b, err)
		}
	})
}

// objects counts the objects below a prefix.
func (w *world) objects(prefix string) (n int) {
	w.T.Helper()
	for _, err := range w.App.Objects.List(w.ctx, prefix) {
		w.ok(err)
		n++
	}
	return n
}

// age makes all objects older than any upload can be.
func (w *world) age() {
	w.T.Helper()
	long := time.Now().Add(-2 * blob.Orphaned)
	w.ok(filepath.WalkDir(filepath.Join(w.Dir, "blobs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chtimes(path, long, long)
	}))
}

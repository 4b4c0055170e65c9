package planexports_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/delivery/progress"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// world is a server with a finished plan.
type world struct {
	*apptest.Server
	ctx  context.Context
	org  apptest.Org
	ws   string
	plan string
	c    *tfe.Client
}

const planJSON = `{"format_version":"1.2","terraform_version":"1.12.6",
"variables":{"region":{"value":"eu"}},
"planned_values":{"outputs":{"o":{"sensitive":false,"value":1}},"root_module":{"resources":[{"address":"a.b","mode":"managed","type":"a","name":"b","values":{"n":null,"x":"q\"<>\n"}}],
"child_modules":[{"address":"module.m","resources":[{"address":"module.m.a.c","values":{}}]}]}},
"resource_changes":[{"address":"a.b","change":{"actions":["create"],"before":null,"after":{"big":12345678901234567890}}}],
"output_changes":{"o":{"actions":["create"],"before":null,"after":1}},
"prior_state":{"terraform_version":"1.12.6","values":{"root_module":{"resources":[{"address":"a.old","values":{"k":true}}]}}},
"configuration":{"provider_config":{"a":{"name":"a"}},"root_module":{"variables":{"region":{}},"resources":[{"address":"a.b","expressions":{"x":{"constant_value":"v"}},"provisioners":[{"type":"local-exec"}]}],
"module_calls":{"m":{"source":"./m","module":{"resources":[{"address":"a.c"}]}}}}}}`

func start(t *testing.T, fn func(w *world)) {
	apptest.Run(t, func(s *apptest.Server) {
		w := &world{Server: s, ctx: s.T.Context(), org: s.Org("acme")}
		w.c = s.Client(w.org.Owner.Token)
		w.ws = s.Workspace(w.org, "", "net")
		w.plan = w.finished(planJSON)
		fn(w)
	})
}

func (w *world) ok(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatal(err)
	}
}

// finished makes a finished plan with this JSON form; "" is none.
func (w *world) finished(json string) string {
	w.T.Helper()
	plan, f := w.WaitingRun(w.org, w.ws).PlanID, w.App.Plans
	if json != "" {
		w.ok(f.Put(w.ctx, plan, proto.PlanJSON, strings.NewReader(json)))
	}
	w.ok(w.DB.Tx(w.ctx, func(ctx context.Context) error {
		return errors.Join(f.Move(ctx, plan, progress.Queued), f.Move(ctx, plan, progress.Running), f.Finish(ctx, plan, progress.Finished, proto.PlanResult{}))
	}))
	return plan
}

func (w *world) create() (*tfe.PlanExport, error) {
	return w.c.PlanExports.Create(w.ctx, tfe.PlanExportCreateOptions{Plan: &tfe.Plan{ID: w.plan}, DataType: new(tfe.PlanExportSentinelMockBundleV0)})
}

// made makes an export and waits until it is there.
func (w *world) made() *tfe.PlanExport {
	w.T.Helper()
	e, err := w.create()
	w.ok(err)
	w.Settle()
	e, err = w.c.PlanExports.Read(w.ctx, e.ID)
	w.ok(err)
	return e
}

// unpack returns the files of an archive.
func unpack(t *testing.T, b []byte) map[string]string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = string(body)
	}
}

func TestExportFromRequestToDownload(t *testing.T) {
	start(t, func(w *world) {
		e, err := w.create()
		w.ok(err)
		if e.DataType != tfe.PlanExportSentinelMockBundleV0 || e.Status != tfe.PlanExportQueued || e.StatusTimestamps.QueuedAt.IsZero() {
			w.T.Errorf("Create = %+v", e)
		}
		w.Settle()
		e, err = w.c.PlanExports.Read(w.ctx, e.ID)
		w.ok(err)
		if left := time.Until(e.StatusTimestamps.ExpiredAt); e.Status != tfe.PlanExportFinished || e.StatusTimestamps.FinishedAt.IsZero() || left < 59*time.Minute || left > time.Hour {
			w.T.Errorf("a finished export = %+v", e)
		}
		p, err := w.c.Plans.Read(w.ctx, w.plan)
		w.ok(err)
		if len(p.Exports) != 1 || p.Exports[0].ID != e.ID {
			w.T.Errorf("exports of the plan = %+v", p.Exports)
		}
		if r := w.Do("GET", "/api/v2/plan-exports/"+e.ID+"/download", w.org.Owner.Token, nil); r.Status != 302 {
			w.T.Errorf("download = %d, want 302", r.Status)
		}
		b, err := w.c.PlanExports.Download(w.ctx, e.ID)
		w.ok(err)
		w.checkMocks(unpack(w.T, b))
	})
}

// checkMocks looks for what policies ask for in the files of an export.
func (w *world) checkMocks(files map[string]string) {
	w.T.Helper()
	if len(files) != 5 || !strings.Contains(files["sentinel.hcl"], `source = "mock-tfplan-v2.sentinel"`) {
		w.T.Errorf("files = %v", files)
	}
	for file, wants := range map[string][]string{
		"mock-tfplan-v2.sentinel":   {"terraform_version = \"1.12.6\"\n", `"name": "region",`, `"module.m.a.c": {`, `"module_address": "module.m",`, `"big": 12345678901234567890,`, `"x": "q\"<>\n",`, `"n": null,`, "\nresource_changes = {\n"},
		"mock-tfstate-v2.sentinel":  {`"a.old": {`, "outputs = {}\n"},
		"mock-tfconfig-v2.sentinel": {`"module.m.a.c": {`, `"a.b:0": {`, `"constant_value": "v",`, `"source": "./m",`},
		"mock-tfrun.sentinel":       {`"name": "net",`, `"name": "acme",`, "is_destroy = false\n"},
	} {
		for _, want := range wants {
			if !strings.Contains(files[file], want) {
				w.T.Errorf("%s lacks %q:\n%s", file, want, files[file])
			}
		}
	}
}

func TestOneExportAtATime(t *testing.T) {
	start(t, func(w *world) {
		e := w.made()
		if _, err := w.create(); err == nil || !strings.Contains(err.Error(), "already pending or downloadable") {
			w.T.Errorf("a second export = %v, want a refusal", err)
		}
		_, err := w.DB.Exec(w.ctx, `UPDATE plan_exports SET expired_at = ?`, db.At(time.Now().Add(-time.Second)))
		w.ok(err)
		if e, err = w.c.PlanExports.Read(w.ctx, e.ID); err != nil || e.Status != tfe.PlanExportExpired {
			w.T.Errorf("after its hour = %+v, %v; want expired", e, err)
		}
		if r := w.Do("GET", "/api/v2/plan-exports/"+e.ID+"/download", w.org.Owner.Token, nil); r.Status != 404 {
			w.T.Errorf("download of an expired export = %d, want 404", r.Status)
		}
		second := w.made()
		if second.Status != tfe.PlanExportFinished {
			w.T.Errorf("an export after the first expired = %+v", second)
		}
		w.ok(w.c.PlanExports.Delete(w.ctx, second.ID))
		if _, err := w.c.PlanExports.Read(w.ctx, second.ID); !errors.Is(err, tfe.ErrResourceNotFound) {
			w.T.Errorf("Read after Delete = %v, want not found", err)
		}
		w.made()
		w.Settle()
		n := 0
		for o, err := range w.App.Objects.List(w.ctx, "plan-export/") {
			w.ok(err)
			_ = o
			n++
		}
		if n != 1 {
			w.T.Errorf("objects = %d, want that of the last export alone", n)
		}
	})
}

func TestExpiredExportsAreSwept(t *testing.T) {
	start(t, func(w *world) {
		e := w.made()
		late := db.At(time.Now().Add(-time.Minute))
		_, err := w.DB.Exec(w.ctx, `UPDATE plan_exports SET expired_at = ?`, late)
		w.ok(err)
		w.plan = w.finished(planJSON)
		stuck, err := w.create()
		w.ok(err)
		w.Settle()
		_, err = w.DB.Exec(w.ctx, `UPDATE plan_exports SET status = 'queued', created_at = ? WHERE id = ?`, db.At(time.Now().Add(-3*time.Hour)), stuck.ID)
		w.ok(err)
		w.ok(w.App.PlanExports.Sweep(w.ctx))
		for id, want := range map[string]string{e.ID: "expired", stuck.ID: "errored"} {
			if got, err := db.One[string](w.ctx, w.DB, `SELECT status FROM plan_exports WHERE id = ?`, id); err != nil || got != want {
				w.T.Errorf("status = %s, %v; want %s", got, err, want)
			}
		}
	})
}

func TestExportThatCannotBeMade(t *testing.T) {
	start(t, func(w *world) {
		for json, want := range map[string]string{"": "no JSON form", "[]": "cannot be read", "{": "cannot be read", "null": "cannot be read"} {
			w.plan = w.finished(json)
			e := w.made()
			if e.Status != tfe.PlanExportErrored || e.StatusTimestamps.ErroredAt.IsZero() {
				w.T.Errorf("of %q = %+v, want errored", json, e)
			}
			if r := w.Do("GET", "/api/v2/plan-exports/"+e.ID, w.org.Owner.Token, nil); !strings.Contains(string(r.Body), want) {
				w.T.Errorf("of %q = %s, want %q", json, r.Body, want)
			}
		}
	})
}

func TestWhatIsRefused(t *testing.T) {
	start(t, func(w *world) {
		waiting := w.WaitingRun(w.org, w.ws).PlanID
		body := func(plan, typ string) string {
			return `{"data":{"type":"plan-exports","attributes":{"data-type":"` + typ + `"},"relationships":{"plan":{"data":{"type":"plans","id":"` + plan + `"}}}}}`
		}
		const mocks = "sentinel-mock-bundle-v0"
		for _, c := range []struct {
			body   string
			status int
			want   string
		}{
			{body(waiting, mocks), 422, "must be finished"},
			{body(w.plan, "zip"), 422, "/data/attributes/data-type"},
			{body(w.plan, ""), 422, "/data/attributes/data-type"},
			{body("", mocks), 422, "Plan must exist"},
			{`{"data":{"type":"plan-exports","attributes":{"data-type":"` + mocks + `"}}}`, 422, "Plan must exist"},
			{body("plan-unknown", mocks), 404, ""},
			{`{"data":{"type":"plans"}}`, 409, "/data/type"},
			{`{}`, 400, ""},
		} {
			r := w.Do("POST", "/api/v2/plan-exports", w.org.Owner.Token, c.body)
			if r.Status != c.status || !strings.Contains(string(r.Body), c.want) {
				w.T.Errorf("%s = %d %s, want %d %s", c.body, r.Status, r.Body, c.status, c.want)
			}
		}
		for level, want := range map[string]int{"read": 404, "plan": 404, "write": 201} {
			token := w.With(w.org, "with-"+level, nil, map[string]string{w.ws: level}).Token
			if r := w.Do("POST", "/api/v2/plan-exports", token, body(w.plan, mocks)); r.Status != want {
				w.T.Errorf("as %s = %d %s, want %d", level, r.Status, r.Body, want)
			}
		}
		if r := w.Do("POST", "/api/v2/plan-exports", w.User("stranger").Token, body(w.plan, mocks)); r.Status != 404 {
			w.T.Errorf("as a stranger = %d, want 404", r.Status)
		}
		if r := w.Do("POST", "/api/v2/plan-exports", "", body(w.plan, mocks)); r.Status != 401 {
			w.T.Errorf("as a guest = %d, want 401", r.Status)
		}
	})
}

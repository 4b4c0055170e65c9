package phases_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// TestRunFromPlanToState plays an executor of a run that is applied by itself.
func TestRunFromPlanToState(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		r := f.run(tfe.RunCreateOptions{AutoApply: new(true)})
		var plan proto.Plan
		ticket := f.claim(proto.KindPlan, &plan)
		if got := f.status(r.ID); got != tfe.RunPlanning {
			s.T.Errorf("status while it is planned = %s", got)
		}
		if plan.RunID != r.ID || plan.Workspace != "web" || plan.Organization != "acme" || plan.HasState || !plan.Refresh || plan.Minutes == 0 || plan.Engine.Product != "tofu" || !plan.Engine.Near {
			s.T.Errorf("spec = %+v", plan)
		}
		if res := s.Do("GET", "/api/v2/workspaces/"+f.ws, plan.Token, nil); res.Status != 200 {
			s.T.Errorf("GET with the token of the run = %d", res.Status)
		}
		if got := read(s.T)(f.worker.Get(f.ctx, ticket, proto.Archive)); len(got) == 0 {
			s.T.Error("the archive is empty")
		}
		if _, err := f.worker.Report(f.ctx, ticket, 0, []byte("planning…\n")); err != nil {
			s.T.Error(err)
		}
		f.must(f.worker.Put(f.ctx, ticket, proto.PlanFile, strings.NewReader("the plan")))
		f.finish(ticket, proto.Finished, proto.PlanResult{EngineVersion: "1.12.6", HasChanges: true, Counts: proto.Counts{Add: 2}})
		if res := s.Do("GET", "/api/v2/workspaces/"+f.ws, plan.Token, nil); res.Status != 401 {
			s.T.Errorf("GET with the token of a plan that has ended = %d, want 401", res.Status)
		}

		var apply proto.Apply
		ticket = f.claim(proto.KindApply, &apply)
		if apply.PlanJobID == "" || apply.Engine.Version != "1.12.6" || apply.Engine.Near || apply.Serial != 0 {
			s.T.Errorf("spec = %+v", apply)
		}
		if got := read(s.T)(f.worker.Get(f.ctx, ticket, proto.PlanFile)); got != "the plan" {
			s.T.Errorf("the plan file is %q", got)
		}
		f.must(f.worker.Put(f.ctx, ticket, proto.StateSnapshot, strings.NewReader(state("l", 1, "half"))))
		if v := f.current(); v == nil || !v.Intermediate || v.Serial != 1 || v.Run == nil || v.Run.ID != r.ID {
			s.T.Errorf("the state while it is applied = %+v, want an intermediate one of the run", v)
		}
		for range 2 { // an executor that did not hear the answer sends it again
			f.must(f.worker.Put(f.ctx, ticket, proto.StateFinal, strings.NewReader(state("l", 1, "whole"))))
		}
		f.must(f.worker.Put(f.ctx, ticket, proto.StateJSON, strings.NewReader(`{"format_version":"1.0"}`)))
		f.finish(ticket, proto.Finished, proto.ApplyResult{EngineVersion: "1.12.6", Applied: true, Counts: proto.Counts{Add: 2}})

		if got := f.status(r.ID); got != tfe.RunApplied {
			s.T.Errorf("status in the end = %s, want applied", got)
		}
		v := f.current()
		if v == nil || v.Intermediate || v.Serial != 1 || len(v.Outputs) != 1 || v.JSONDownloadURL == "" {
			s.T.Fatalf("the state in the end = %+v, want the final one with its output", v)
		}
		if list, err := f.c.StateVersions.List(f.ctx, &tfe.StateVersionListOptions{Organization: "acme", Workspace: "web"}); err != nil || list.TotalCount != 2 {
			s.T.Errorf("state versions = %+v, %v, want the snapshot and the final one", list, err)
		}
		w, err := f.c.Workspaces.ReadByID(f.ctx, f.ws)
		if err != nil || w.Locked || w.ResourceCount != 1 {
			s.T.Errorf("workspace = locked %v with %d resources, %v", w.Locked, w.ResourceCount, err)
		}
	})
}

// TestVariablesOfRuns: what the run brings stands before the variables of the workspace
// and behind those of priority sets; an environment variable cannot stand before ours.
func TestVariablesOfRuns(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		add := func(key, value string, category tfe.CategoryType, sensitive bool) {
			_, err := f.c.Variables.Create(f.ctx, f.ws, tfe.VariableCreateOptions{Key: &key, Value: &value, Category: &category, Sensitive: &sensitive})
			f.must(err)
		}
		add("plain", "own", tfe.CategoryTerraform, false)
		add("brought", "own", tfe.CategoryTerraform, true)
		add("first", "own", tfe.CategoryTerraform, false)
		add("SECRET", "s3cret", tfe.CategoryEnv, true)
		add("TFC_RUN_ID", "fake", tfe.CategoryEnv, false)
		set, err := f.c.VariableSets.Create(f.ctx, "acme", &tfe.VariableSetCreateOptions{Name: new("set"), Global: new(true), Priority: new(true)})
		f.must(err)
		_, err = f.c.VariableSetVariables.Create(f.ctx, set.ID, &tfe.VariableSetVariableCreateOptions{Key: new("first"), Value: new("set"), Category: new(tfe.CategoryTerraform)})
		f.must(err)
		r := f.run(tfe.RunCreateOptions{Variables: []*tfe.RunVariable{{Key: "brought", Value: `"run"`}, {Key: "first", Value: `"run"`}}})
		var spec proto.Plan
		f.claim(proto.KindPlan, &spec)
		last := map[string]string{}
		for _, v := range spec.Variables {
			last[v.Key] = v.Value
		}
		if diff := cmp.Diff(map[string]string{"plain": "own", "brought": `"run"`, "first": "set"}, last); diff != "" {
			s.T.Errorf("variables that count (-want +got):\n%s", diff)
		}
		env := map[string]proto.Env{}
		for _, e := range spec.Env {
			env[e.Name] = e
		}
		if e := env["SECRET"]; e.Value != "s3cret" || !e.Sensitive {
			s.T.Errorf("SECRET = %+v, want it sensitive", e)
		}
		for name, want := range map[string]string{"TFC_RUN_ID": r.ID, "TF_VAR_TFC_RUN_ID": r.ID, "TFC_WORKSPACE_SLUG": "acme/web", "TFC_WORKSPACE_NAME": "web", "TFC_PROJECT_NAME": spec.Project, "ATLAS_RUN_ID": r.ID} {
			if env[name].Value != want {
				s.T.Errorf("%s = %q, want %q", name, env[name].Value, want)
			}
		}
		if e, ok := env["TFC_CONFIGURATION_VERSION_GIT_BRANCH"]; ok {
			s.T.Errorf("there is a branch without a VCS: %+v", e)
		}
	})
}

func TestEngineOfWorkspaces(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		for engine, want := range map[string]proto.Engine{
			"": {Product: "tofu", Version: "1.11.4", Near: true, Any: true}, "opentofu": {Product: "tofu", Version: "1.11.4"}, "terraform": {Product: "terraform", Version: "1.11.4"},
		} {
			body := `{"data":{"type":"workspaces","attributes":{"terraform-version":"1.11.4","engine":"` + engine + `"}}}`
			if res := s.Do("PATCH", "/api/v2/workspaces/"+f.ws, f.org.Owner.Token, body); res.Status != 200 || !strings.Contains(string(res.Body), `"engine":"`+engine+`"`) {
				s.T.Fatalf("PATCH of the engine = %d %s", res.Status, res.Body)
			}
			f.run(tfe.RunCreateOptions{PlanOnly: new(true)})
			var spec proto.Plan
			ticket := f.claim(proto.KindPlan, &spec)
			if spec.Engine != want {
				s.T.Errorf("engine of %q = %+v, want %+v", engine, spec.Engine, want)
			}
			f.finish(ticket, proto.Finished, proto.PlanResult{})
		}
		if res := s.Do("PATCH", "/api/v2/workspaces/"+f.ws, f.org.Owner.Token, `{"data":{"type":"workspaces","attributes":{"engine":"pulumi"}}}`); res.Status != 422 {
			s.T.Errorf("PATCH of an unknown engine = %d, want 422", res.Status)
		}
		req, err := http.NewRequestWithContext(f.ctx, "POST", s.URL+"/api/v2/organizations/acme/workspaces", strings.NewReader(`{"data":{"type":"workspaces","attributes":{"name":"by-tofu"}}}`))
		f.must(err)
		req.Header.Set("Authorization", "Bearer "+f.org.Owner.Token)
		req.Header.Set("User-Agent", "OpenTofu/1.12.6")
		if res := s.Send(req); res.Status != 201 || !strings.Contains(string(res.Body), `"engine":"opentofu"`) {
			s.T.Errorf("POST by OpenTofu = %d %s, want the engine opentofu", res.Status, res.Body)
		}
	})
}

func TestFailedPhases(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		r := f.run(tfe.RunCreateOptions{})
		var spec proto.Plan
		f.finish(f.claim(proto.KindPlan, &spec), proto.Errored, nil)
		if got := f.status(r.ID); got != tfe.RunErrored {
			s.T.Errorf("status after a failed plan = %s", got)
		}
		r = f.run(tfe.RunCreateOptions{AutoApply: new(true)})
		f.plan()
		var apply proto.Apply
		ticket := f.claim(proto.KindApply, &apply)
		f.must(f.worker.Put(f.ctx, ticket, proto.StateFinal, strings.NewReader(state("l", 1, "x"))))
		f.finish(ticket, proto.Errored, proto.ApplyResult{Applied: true})
		if got := f.status(r.ID); got != tfe.RunErrored {
			s.T.Errorf("status after a failed apply = %s", got)
		}
		if v := f.current(); v == nil || v.Serial != 1 {
			s.T.Errorf("state after a failed apply = %+v, want what it left", v)
		}
		if w, err := f.c.Workspaces.ReadByID(f.ctx, f.ws); err != nil || w.Locked {
			s.T.Errorf("workspace = %+v, %v, want it unlocked", w, err)
		}
	})
}

// TestExecutorIsLost: a plan is made once more, an apply never.
func TestExecutorIsLost(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		restart := func() {
			_, err := f.worker.Register(f.ctx, proto.Executor{ID: f.id})
			f.must(err)
		}
		r := f.run(tfe.RunCreateOptions{AutoApply: new(true)})
		var spec proto.Plan
		ghost := f.claim(proto.KindPlan, &spec)
		_, err := f.worker.Report(f.ctx, ghost, 0, []byte("first attempt\n"))
		f.must(err)
		restart()
		if got := f.status(r.ID); got != tfe.RunPlanQueued {
			s.T.Errorf("status after the loss of the plan = %s", got)
		}
		if res := s.Do("GET", "/api/v2/workspaces/"+f.ws, spec.Token, nil); res.Status != 401 {
			s.T.Errorf("GET with the token of a lost plan = %d, want 401", res.Status)
		}
		again := f.claim(proto.KindPlan, &spec)
		_, err = f.worker.Report(f.ctx, again, 0, []byte("second attempt\n"))
		f.must(err)
		if _, err := f.worker.Report(f.ctx, ghost, 14, []byte("ghost\n")); !errors.Is(err, proto.ErrGone) {
			s.T.Errorf("Report of the lost attempt = %v", err)
		}
		f.finish(again, proto.Finished, proto.PlanResult{EngineVersion: "1.12.6", HasChanges: true})
		p, err := f.c.Plans.Read(f.ctx, r.Plan.ID)
		f.must(err)
		log := string(s.Do("GET", p.LogReadURL+"?limit=100000&offset=0", "", nil).Body)
		first, second := strings.Index(log, "first attempt"), strings.Index(log, "second attempt")
		if first < 0 || second < first || !strings.Contains(log, "queued again") || strings.Contains(log, "ghost") || !strings.HasSuffix(log, "\x03") {
			s.T.Errorf("log = %q, want both attempts and why", log)
		}

		var apply proto.Apply
		lost := f.claim(proto.KindApply, &apply)
		f.must(f.worker.Put(f.ctx, lost, proto.StateSnapshot, strings.NewReader(state("l", 1, "half"))))
		restart()
		if got := f.status(r.ID); got != tfe.RunErrored {
			s.T.Errorf("status after the loss of the apply = %s", got)
		}
		if v := f.current(); v == nil || v.Serial != 1 || !v.Intermediate {
			s.T.Errorf("state after the loss = %+v, want the snapshot", v)
		}
		if j, err := f.worker.Claim(f.ctx, f.id, proto.Claim{Kinds: []string{proto.KindPlan, proto.KindApply}, Wait: 10 * time.Millisecond}); j != nil || err != nil {
			s.T.Fatalf("Claim after the loss = %+v, %v, want nothing", j, err)
		}
		f.must(f.worker.Put(f.ctx, lost, proto.StateFinal, strings.NewReader(state("l", 2, "whole"))))
		if v := f.current(); v == nil || v.Serial != 2 || v.Intermediate || v.Run.ID != r.ID {
			s.T.Errorf("state after the late delivery = %+v, want it", v)
		}
	})
}

// TestLateStateComesTooLate: once another run applies, the state of a lost one is only
// kept beside its apply.
func TestLateStateComesTooLate(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		r := f.run(tfe.RunCreateOptions{AutoApply: new(true)})
		f.plan()
		var apply proto.Apply
		lost := f.claim(proto.KindApply, &apply)
		_, err := f.worker.Register(f.ctx, proto.Executor{ID: f.id})
		f.must(err)
		f.run(tfe.RunCreateOptions{AutoApply: new(true)})
		f.plan()
		next := f.claim(proto.KindApply, &apply)
		f.must(f.worker.Put(f.ctx, lost, proto.StateFinal, strings.NewReader(state("other", 7, "late"))))
		if v := f.current(); v != nil {
			s.T.Errorf("state = %+v, want none: another run applies", v)
		}
		f.must(f.worker.Put(f.ctx, next, proto.StateFinal, strings.NewReader(state("l", 1, "new"))))
		f.must(f.worker.Put(f.ctx, lost, proto.StateFinal, strings.NewReader(state("l", 1, "late"))))
		f.finish(next, proto.Finished, proto.ApplyResult{Applied: true})
		if v := f.current(); v == nil || v.Serial != 1 {
			s.T.Errorf("state = %+v, want that of the second run", v)
		}
		read, err := f.c.Runs.Read(f.ctx, r.ID)
		f.must(err)
		if got := readState(s, f, read.Apply.ID); !strings.Contains(got, "late") {
			s.T.Errorf("what is kept beside the apply = %q, want the late state", got)
		}
	})
}

// TestStateThatIsRefused: the executor hears of it, and the state is not lost.
func TestStateThatIsRefused(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		var apply proto.Apply
		f.run(tfe.RunCreateOptions{AutoApply: new(true)})
		f.plan()
		first := f.claim(proto.KindApply, &apply)
		f.must(f.worker.Put(f.ctx, first, proto.StateFinal, strings.NewReader(state("l", 1, "x"))))
		f.finish(first, proto.Finished, proto.ApplyResult{Applied: true})
		r := f.run(tfe.RunCreateOptions{AutoApply: new(true)})
		f.plan()
		second := f.claim(proto.KindApply, &apply)
		if apply.Serial != 1 || apply.Lineage != "l" || !apply.HasState {
			s.T.Errorf("spec = %+v, want the state before", apply)
		}
		err := f.worker.Put(f.ctx, second, proto.StateFinal, strings.NewReader(state("another", 5, "foreign")))
		if p, ok := problem.From(err); !ok || p.Status != 409 {
			s.T.Errorf("Put of a state of another lineage = %v, want 409", err)
		}
		if v := f.current(); v == nil || v.Serial != 1 {
			s.T.Errorf("state = %+v, want that of the first run", v)
		}
		full, err := f.c.Runs.Read(f.ctx, r.ID)
		f.must(err)
		if got := readState(s, f, full.Apply.ID); !strings.Contains(got, "foreign") {
			s.T.Errorf("what is kept beside the apply = %q, want the refused state", got)
		}
	})
}

func readState(s *apptest.Server, f *fixture, applyID string) string {
	return read(s.T)(s.App.Applies.Open(f.ctx, applyID, proto.StateFinal))
}

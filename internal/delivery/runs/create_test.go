package runs_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/delivery/runs"
	"plumbline.dev/plumbline/internal/executor/proto"
)

func TestNewRunIsWhatWasAskedFor(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		r := f.queue(tfe.RunCreateOptions{
			Message: new("hello"), AllowEmptyApply: new(true), AllowConfigGeneration: new(true), AutoApply: new(true),
			Refresh: new(false), TargetAddrs: []string{"a.b"}, ReplaceAddrs: []string{"c.d"}, InvokeActionAddrs: []string{"action.x.y"}, PolicyPaths: []string{"./p"},
			Variables: []*tfe.RunVariable{{Key: "replicas", Value: "2"}, {Key: "key", Value: `"sécret"`}},
		})
		r = f.read(r.ID)
		if r.Message != "hello" || !r.AllowEmptyApply || !*r.AllowConfigGeneration || !r.AutoApply || r.Refresh || r.Source != tfe.RunSourceAPI || r.TriggerReason != "manual" {
			s.T.Errorf("run = %+v", r)
		}
		lists := [][]string{r.TargetAddrs, r.ReplaceAddrs, r.InvokeActionAddrs, r.PolicyPaths}
		if diff := cmp.Diff([][]string{{"a.b"}, {"c.d"}, {"action.x.y"}, {"./p"}}, lists); diff != "" {
			s.T.Error(diff)
		}
		if len(r.Variables) != 2 || r.Variables[1].Value != `"sécret"` {
			s.T.Errorf("variables = %+v", r.Variables)
		}
		if r.Status != tfe.RunPlanQueued || r.StatusTimestamps.PlanQueueableAt.IsZero() || r.StatusTimestamps.PlanQueuedAt.IsZero() {
			s.T.Errorf("status = %s %+v, want plan_queued and its time", r.Status, r.StatusTimestamps)
		}
		if r.Plan == nil || r.Apply == nil || r.Workspace.ID != f.ws || r.CreatedBy.ID != f.org.Owner.ID || r.ConfirmedBy != nil || r.CostEstimate != nil {
			s.T.Errorf("relations = %+v", r)
		}
		if want := (tfe.RunPermissions{CanApply: true, CanCancel: true, CanDiscard: true, CanForceCancel: true, CanForceExecute: true}); *r.Permissions != want {
			s.T.Errorf("permissions = %+v", r.Permissions)
		}
		plain := f.queue(tfe.RunCreateOptions{})
		if plain.Message != runs.DefaultMessage || !plain.Refresh || plain.AutoApply || plain.TargetAddrs != nil || plain.Status != tfe.RunPending {
			s.T.Errorf("run without attributes = %+v", plain)
		}
	})
}

func TestVariablesOfRunsAreNotInTheDatabase(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		r := f.queue(tfe.RunCreateOptions{Variables: []*tfe.RunVariable{{Key: "k", Value: "\"plain-enough\""}}})
		run, err := s.App.Runs.Find(f.ctx, r.ID)
		f.must(err)
		if strings.Contains(string(run.SealedVariables), "plain-enough") || len(run.SealedVariables) == 0 {
			s.T.Errorf("the row has %q", run.SealedVariables)
		}
	})
}

func TestRefusedRuns(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		empty, local, safe := s.Workspace(f.org, "", "empty"), f.workspace("local"), f.workspace("safe")
		_, err := f.c.Workspaces.UpdateByID(f.ctx, local, tfe.WorkspaceUpdateOptions{ExecutionMode: new("local")})
		f.must(err)
		_, err = f.c.Workspaces.UpdateByID(f.ctx, safe, tfe.WorkspaceUpdateOptions{AllowDestroyPlan: new(false)})
		f.must(err)
		pending, err := f.c.ConfigurationVersions.Create(f.ctx, f.ws, tfe.ConfigurationVersionCreateOptions{Provisional: new(true)})
		f.must(err)
		speculative := f.upload(f.ws, tfe.ConfigurationVersionCreateOptions{Speculative: new(true), AutoQueueRuns: new(false)})
		type m = map[string]any
		in := func(ws string) map[string]string { return map[string]string{"workspace": ws} }
		for _, c := range []struct {
			name       string
			attributes m
			relations  map[string]string
			want       string
		}{
			{"no workspace", nil, nil, "422 /data/relationships/workspace: Workspace can't be blank"},
			{"absent workspace", nil, in("ws-none"), "404 : "},
			{"no configuration", nil, in(empty), "422 : Configuration version is missing"},
			{"local", nil, in(local), "422 : Runs cannot be created in a workspace whose execution mode is local"},
			{"destroy and refresh", m{"is-destroy": true, "refresh-only": true}, in(f.ws), "422 /data/attributes/refresh-only: Refresh only and is destroy are mutually exclusive"},
			{"refresh only without refresh", m{"refresh": false, "refresh-only": true}, in(f.ws), "422 /data/attributes/refresh: Refresh must be true for a refresh-only run"},
			{"destroy not allowed", m{"is-destroy": true}, in(safe), "422 /data/attributes/is-destroy: Destroy plans are not allowed in this workspace"},
			{"version of an apply", m{"terraform-version": "1.0.0"}, in(f.ws), "422 /data/attributes/terraform-version: setting terraform-version is only valid when plan-only is set to true"},
			{"not a version", m{"terraform-version": "new", "plan-only": true}, in(f.ws), `422 /data/attributes/terraform-version: Terraform version "new" is neither "latest" nor a version nor a version constraint`},
			{"wrong type", m{"is-destroy": "yes"}, in(f.ws), "422 /data/attributes/is-destroy: A JSON string is not what is expected here: bool."},
			{"empty target", m{"target-addrs": []string{""}}, in(f.ws), "422 /data/attributes/target-addrs: target-addrs has an address that is empty, longer than 1000 characters, or has a line break"},
			{"bad variable", m{"variables": []m{{"key": "a b", "value": "1"}}}, in(f.ws), `422 /data/attributes/variables: The key "a b" is not a name of a variable`},
			{"pending configuration", nil, map[string]string{"workspace": f.ws, "configuration-version": pending.ID}, "422 /data/relationships/configuration-version: Configuration version cannot be used for a run: it is pending"},
			{"apply of a speculative configuration", m{"plan-only": false}, map[string]string{"workspace": f.ws, "configuration-version": speculative}, "422 /data/attributes/plan-only: Plan only must be true for a speculative configuration version"},
			{"absent configuration", nil, map[string]string{"workspace": f.ws, "configuration-version": "cv-none"}, "404 : "},
		} {
			got := errorsOf(s.Do("POST", "/api/v2/runs", f.org.Owner.Token, document(c.attributes, c.relations)))
			if len(got) != 1 || got[0] != c.want {
				s.T.Errorf("%s = %q, want %q", c.name, got, c.want)
			}
		}
		list, err := f.c.Runs.List(f.ctx, f.ws, nil)
		if err != nil || len(list.Items) != 0 {
			s.T.Errorf("runs = %+v, %v; want none", list, err)
		}
	})
}

func TestConfigurationOfARun(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		current := func() string {
			w, err := f.c.Workspaces.ReadByID(f.ctx, f.ws)
			f.must(err)
			return w.CurrentConfigurationVersion.ID
		}
		first := current()
		other := f.workspace("other")
		promoted := f.upload(other, tfe.ConfigurationVersionCreateOptions{AutoQueueRuns: new(false)})
		if r := f.queue(tfe.RunCreateOptions{}); r.ConfigurationVersion.ID != first {
			s.T.Errorf("configuration = %s, want the current one %s", r.ConfigurationVersion.ID, first)
		}
		// A configuration of another workspace, which is the last one used from then on.
		if r := f.queue(tfe.RunCreateOptions{ConfigurationVersion: &tfe.ConfigurationVersion{ID: promoted}}); r.ConfigurationVersion.ID != promoted || current() != promoted {
			s.T.Errorf("configuration = %s, current %s; want %s", r.ConfigurationVersion.ID, current(), promoted)
		}
		speculative := f.upload(f.ws, tfe.ConfigurationVersionCreateOptions{AutoQueueRuns: new(false), Speculative: new(true)})
		if r := f.queue(tfe.RunCreateOptions{ConfigurationVersion: &tfe.ConfigurationVersion{ID: speculative}}); !r.PlanOnly || r.Status != tfe.RunPlanQueued || current() != promoted {
			s.T.Errorf("speculative run = %+v, current %s; want one that only plans, at once", r, current())
		}
		stranger := s.Org("stranger")
		foreign := s.Workspace(stranger, "", "x")
		theirs, err := s.Client(stranger.Owner.Token).ConfigurationVersions.Create(f.ctx, foreign, tfe.ConfigurationVersionCreateOptions{})
		f.must(err)
		res := s.Do("POST", "/api/v2/runs", s.AdminToken(), document(nil, map[string]string{"workspace": f.ws, "configuration-version": theirs.ID}))
		if res.Status != 404 {
			s.T.Errorf("configuration of another organization = %d, want 404", res.Status)
		}
	})
}

func TestProvisionalConfigurationIsCurrentOnceApplied(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		v := f.upload(f.ws, tfe.ConfigurationVersionCreateOptions{AutoQueueRuns: new(false), Provisional: new(true)})
		r := f.queue(tfe.RunCreateOptions{ConfigurationVersion: &tfe.ConfigurationVersion{ID: v}, AutoApply: new(true)})
		is := func() bool {
			w, err := f.App.Workspaces.Find(f.ctx, f.ws)
			f.must(err)
			return *w.CurrentConfigurationVersionID == v
		}
		f.planned(r.ID, proto.Finished, true)
		if is() {
			s.T.Error("a provisional configuration is current before its run was applied")
		}
		f.applied(r.ID, proto.Finished)
		if !is() {
			s.T.Error("a provisional configuration is not current although its run was applied")
		}
	})
}

func TestUploadedConfigurationQueuesARun(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		_, err := f.c.Workspaces.UpdateByID(f.ctx, f.ws, tfe.WorkspaceUpdateOptions{AutoApply: new(true)})
		f.must(err)
		only := func(operation string) *tfe.Run {
			list, err := f.c.Runs.List(f.ctx, f.ws, &tfe.RunListOptions{Operation: operation})
			f.must(err)
			if len(list.Items) != 1 {
				s.T.Fatalf("%s runs = %d, want 1", operation, len(list.Items))
			}
			return list.Items[0]
		}
		v := f.upload(f.ws, tfe.ConfigurationVersionCreateOptions{AutoQueueRuns: new(true)})
		if r := only("plan_and_apply"); r.Source != tfe.RunSourceConfigurationVersion || r.ConfigurationVersion.ID != v || !r.AutoApply || r.CreatedBy.ID != f.org.Owner.ID {
			s.T.Errorf("run = %+v", r)
		}
		v = f.upload(f.ws, tfe.ConfigurationVersionCreateOptions{AutoQueueRuns: new(true), Speculative: new(true)})
		if r := only("plan_only"); !r.PlanOnly || r.ConfigurationVersion.ID != v {
			s.T.Errorf("run = %+v", r)
		}
	})
}

// TestOnlyWhoMayApplyAppliesByAutoApply: a run applies by itself only if its maker may
// apply (runs page, "Apply a Run"), also if an upload without a token makes it.
func TestOnlyWhoMayApplyAppliesByAutoApply(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		_, err := f.c.Workspaces.UpdateByID(f.ctx, f.ws, tfe.WorkspaceUpdateOptions{AutoApply: new(true)})
		f.must(err)
		planner := s.Client(s.With(f.org, "planner", nil, map[string]string{f.ws: "plan"}).Token)
		r, err := planner.Runs.Create(f.ctx, tfe.RunCreateOptions{Workspace: &tfe.Workspace{ID: f.ws}, AutoApply: new(true)})
		f.must(err)
		f.planned(r.ID, proto.Finished, true)
		f.wants(map[string]runs.Status{r.ID: runs.Planned})
		v, err := planner.ConfigurationVersions.Create(f.ctx, f.ws, tfe.ConfigurationVersionCreateOptions{AutoQueueRuns: new(true)})
		f.must(err)
		s.Do("PUT", v.UploadURL, "", archiveOf(s.T))
		list, err := f.c.Runs.List(f.ctx, f.ws, nil)
		f.must(err)
		if len(list.Items) != 2 || list.Items[0].AutoApply {
			s.T.Errorf("the run of a planner's upload applies by itself: %+v", list.Items[0])
		}
	})
}

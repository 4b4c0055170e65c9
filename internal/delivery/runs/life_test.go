package runs_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/delivery/runs"
	"plumbline.dev/plumbline/internal/executor/proto"
)

func TestPlanConfirmApply(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		r := f.queue(tfe.RunCreateOptions{})
		if got := f.lockedBy(f.ws); got != r.ID {
			s.T.Errorf("locked by %q, want the run", got)
		}
		if err := f.c.Runs.Apply(f.ctx, r.ID, tfe.RunApplyOptions{}); err == nil {
			s.T.Error("apply before the plan: want an error")
		}
		f.planned(r.ID, proto.Finished, true)
		if r = f.read(r.ID); r.Status != tfe.RunPlanned || !r.HasChanges || *r.Actions != (tfe.RunActions{IsConfirmable: true, IsDiscardable: true}) {
			s.T.Errorf("run = %+v %+v, want one that waits for confirmation", r, r.Actions)
		}
		f.must(f.c.Runs.Apply(f.ctx, r.ID, tfe.RunApplyOptions{Comment: new("Looks good")}))
		if r = f.read(r.ID); r.Status != tfe.RunApplyQueued || r.ConfirmedBy.ID != f.org.Owner.ID || len(r.Comments) != 1 {
			s.T.Errorf("run = %+v", r)
		}
		if c, err := f.c.Comments.Read(f.ctx, r.Comments[0].ID); err != nil || c.Body != "Looks good" {
			s.T.Errorf("comment = %+v, %v", c, err)
		}
		f.applied(r.ID, proto.Finished)
		f.wants(map[string]runs.Status{r.ID: runs.Applied})
		if f.lockedBy(f.ws) != "" {
			s.T.Error("the workspace is still locked")
		}
		list, err := f.c.RunEvents.List(f.ctx, r.ID, &tfe.RunEventListOptions{Include: []tfe.RunEventIncludeOpt{tfe.RunEventActor, tfe.RunEventComment}})
		f.must(err)
		var actions []string
		for _, e := range list.Items {
			actions = append(actions, e.Action)
		}
		want := []string{"queued", "plan_queued", "planning", "planned", "commented", "confirmed", "apply_queued", "applying", "applied"}
		if diff := cmp.Diff(want, actions); diff != "" {
			s.T.Errorf("events:\n%s", diff)
		}
		if list.Items[4].Comment.Body != "Looks good" || list.Items[4].Actor.Username != f.org.Owner.Name {
			s.T.Errorf("comment event = %+v", list.Items[4])
		}
		for _, action := range []string{"apply", "discard", "cancel", "force-cancel"} {
			if got := f.act(f.org.Owner.Token, r.ID, action); got != 409 {
				s.T.Errorf("%s of an applied run = %d, want 409", action, got)
			}
		}
	})
}

func TestHowPlansEnd(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		yes := new(true)
		for i, c := range []struct {
			name    string
			o       tfe.RunCreateOptions
			outcome proto.Outcome
			changes bool
			want    runs.Status
			locked  bool
		}{
			{"changes", tfe.RunCreateOptions{}, proto.Finished, true, runs.Planned, true},
			{"nothing", tfe.RunCreateOptions{}, proto.Finished, false, runs.PlannedAndFinished, false},
			{"nothing, empty apply", tfe.RunCreateOptions{AllowEmptyApply: yes}, proto.Finished, false, runs.Planned, true},
			{"auto-apply", tfe.RunCreateOptions{AutoApply: yes}, proto.Finished, true, runs.ApplyQueued, true},
			{"nothing, auto-apply", tfe.RunCreateOptions{AutoApply: yes}, proto.Finished, false, runs.PlannedAndFinished, false},
			{"plan-only", tfe.RunCreateOptions{PlanOnly: yes}, proto.Finished, true, runs.PlannedAndFinished, false},
			{"saved", tfe.RunCreateOptions{SavePlan: yes}, proto.Finished, true, runs.PlannedAndSaved, false},
			{"saved, auto-apply", tfe.RunCreateOptions{SavePlan: yes, AutoApply: yes}, proto.Finished, true, runs.PlannedAndSaved, false},
			{"errored", tfe.RunCreateOptions{}, proto.Errored, false, runs.Errored, false},
			{"lost", tfe.RunCreateOptions{}, proto.Lost, false, runs.Errored, false},
			{"canceled", tfe.RunCreateOptions{}, proto.Canceled, false, runs.Canceled, false},
		} {
			ws := f.workspace(fmt.Sprintf("plan-%d", i))
			c.o.Workspace = &tfe.Workspace{ID: ws}
			r := f.queue(c.o)
			f.planned(r.ID, c.outcome, c.changes)
			if got := f.read(r.ID).Status; string(got) != string(c.want) {
				s.T.Errorf("%s = %s, want %s", c.name, got, c.want)
			}
			if locked := f.lockedBy(ws) == r.ID; locked != c.locked {
				s.T.Errorf("%s: locked = %v, want %v", c.name, locked, c.locked)
			}
		}
	})
}

func TestHowAppliesEnd(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		for outcome, want := range map[proto.Outcome]runs.Status{proto.Finished: runs.Applied, proto.Errored: runs.Errored, proto.Lost: runs.Errored, proto.Canceled: runs.Canceled} {
			r := f.queue(tfe.RunCreateOptions{AutoApply: new(true)})
			f.planned(r.ID, proto.Finished, true)
			f.applied(r.ID, outcome)
			f.wants(map[string]runs.Status{r.ID: want})
			// What an executor says that was given up changes nothing.
			f.applied(r.ID, proto.Finished)
			f.wants(map[string]runs.Status{r.ID: want})
		}
	})
}

func TestCancel(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		first, second := f.queue(tfe.RunCreateOptions{}), f.queue(tfe.RunCreateOptions{})
		f.must(f.c.Runs.Cancel(f.ctx, second.ID, tfe.RunCancelOptions{Comment: new("why not")}))
		got := f.read(second.ID)
		if got.Status != tfe.RunCanceled || got.CanceledAt.IsZero() || !got.ForceCancelAvailableAt.After(time.Now()) || got.Actions.IsForceCancelable || len(got.Comments) != 1 {
			s.T.Errorf("cancelled while pending = %+v", got)
		}
		f.planStarted(first.ID)
		f.must(f.c.Runs.Cancel(f.ctx, first.ID, tfe.RunCancelOptions{}))
		if got = f.read(first.ID); got.Status != tfe.RunPlanning || got.CanceledAt.IsZero() || got.Actions.IsCancelable || len(f.asked) != 1 {
			s.T.Errorf("cancelled while planning = %+v, asked %v; want the executor to end it", got, f.asked)
		}
		if code := f.act(f.org.Owner.Token, first.ID, "cancel"); code != 409 {
			s.T.Errorf("second cancel = %d, want 409", code)
		}
		if code := f.act(f.org.Owner.Token, first.ID, "force-cancel"); code != 409 {
			s.T.Errorf("force-cancel at once = %d, want 409", code)
		}
		// The executor did not hear of it in time: the plan is made, the run ends nevertheless.
		f.planned(first.ID, proto.Finished, true)
		f.wants(map[string]runs.Status{first.ID: runs.Canceled})
		if f.lockedBy(f.ws) != "" {
			s.T.Error("the workspace is still locked")
		}
	})
}

func TestForceCancelAfterTheCoolOff(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		s.App.Runs.CoolOff = time.Nanosecond
		writer := s.With(f.org, "writer", nil, map[string]string{f.ws: "write"})
		r, next := f.queue(tfe.RunCreateOptions{AutoApply: new(true)}), f.queue(tfe.RunCreateOptions{})
		f.planned(r.ID, proto.Finished, true)
		f.applyStarted(r.ID)
		if code := f.act(f.org.Owner.Token, r.ID, "force-cancel"); code != 409 {
			s.T.Errorf("force-cancel without a cancel = %d, want 409", code)
		}
		f.must(f.c.Runs.Cancel(f.ctx, r.ID, tfe.RunCancelOptions{}))
		if !f.read(r.ID).Actions.IsForceCancelable {
			s.T.Error("the run is not force-cancelable after its cool-off")
		}
		if code := f.act(writer.Token, r.ID, "force-cancel"); code != 404 {
			s.T.Errorf("force-cancel by a writer = %d, want 404", code)
		}
		f.must(f.c.Runs.ForceCancel(f.ctx, r.ID, tfe.RunForceCancelOptions{}))
		f.wants(map[string]runs.Status{r.ID: runs.Canceled, next.ID: runs.PlanQueued})
		if f.read(r.ID).StatusTimestamps.ForceCanceledAt.IsZero() {
			s.T.Error("force-canceled-at is missing")
		}
		names := map[string]string{r.ID: "forced", next.ID: "next"}
		if got := f.listed("/api/v2/workspaces/"+f.ws+"/runs?filter[status]=force_canceled", names); got != "forced" {
			s.T.Errorf("runs cancelled by force = %q", got)
		}
		if diff := cmp.Diff([]string{r.ID}, f.killed); diff != "" {
			s.T.Errorf("killed executors:\n%s", diff)
		}
		if f.lockedBy(f.ws) != next.ID {
			s.T.Error("the next run has not got the lock")
		}
		f.applied(r.ID, proto.Finished) // by an executor that does not know yet
		f.wants(map[string]runs.Status{r.ID: runs.Canceled})
	})
}

func TestDiscard(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		first, second := f.queue(tfe.RunCreateOptions{}), f.queue(tfe.RunCreateOptions{})
		f.must(f.c.Runs.Discard(f.ctx, second.ID, tfe.RunDiscardOptions{}))
		if code := f.act(f.org.Owner.Token, first.ID, "discard"); code != 409 {
			s.T.Errorf("discard of a queued plan = %d, want 409", code)
		}
		f.planned(first.ID, proto.Finished, true)
		f.must(f.c.Runs.Discard(f.ctx, first.ID, tfe.RunDiscardOptions{Comment: new("no")}))
		f.wants(map[string]runs.Status{first.ID: runs.Discarded, second.ID: runs.Discarded})
		if f.lockedBy(f.ws) != "" {
			s.T.Error("the workspace is still locked")
		}
	})
}

func TestSavedPlanWaitsForItsTurnWhenConfirmed(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		busy := f.queue(tfe.RunCreateOptions{})
		saved := f.queue(tfe.RunCreateOptions{SavePlan: new(true)})
		f.planned(saved.ID, proto.Finished, true)
		f.wants(map[string]runs.Status{busy.ID: runs.PlanQueued, saved.ID: runs.PlannedAndSaved})
		if !f.read(saved.ID).Actions.IsConfirmable {
			s.T.Error("a saved plan is not confirmable")
		}
		f.must(f.c.Runs.Apply(f.ctx, saved.ID, tfe.RunApplyOptions{}))
		f.wants(map[string]runs.Status{saved.ID: runs.Confirmed})
		f.planned(busy.ID, proto.Finished, false)
		f.wants(map[string]runs.Status{busy.ID: runs.PlannedAndFinished, saved.ID: runs.ApplyQueued})
		if f.lockedBy(f.ws) != saved.ID {
			s.T.Error("a saved plan does not hold the lock while it is applied")
		}
	})
}

func TestStalePlanIsNotApplied(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		saved := f.queue(tfe.RunCreateOptions{SavePlan: new(true)})
		f.planned(saved.ID, proto.Finished, true)
		_, err := s.DB.Exec(f.ctx, `UPDATE workspaces SET current_state_version_id = 'sv-new' WHERE id = ?`, f.ws)
		f.must(err)
		if code := f.act(f.org.Owner.Token, saved.ID, "apply"); code != 409 {
			s.T.Errorf("apply of a stale plan = %d, want 409", code)
		}
		_, err = s.DB.Exec(f.ctx, `UPDATE workspaces SET current_state_version_id = NULL WHERE id = ?`, f.ws)
		f.must(err)
	})
}

func TestForceExecute(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		first, between, last := f.queue(tfe.RunCreateOptions{}), f.queue(tfe.RunCreateOptions{}), f.queue(tfe.RunCreateOptions{})
		if code := f.act(f.org.Owner.Token, last.ID, "force-execute"); code != 409 {
			s.T.Errorf("force-execute while the other plans = %d, want 409", code)
		}
		f.planned(first.ID, proto.Finished, true)
		if code := f.act(f.org.Owner.Token, first.ID, "force-execute"); code != 403 {
			s.T.Errorf("force-execute of a run that is not pending = %d, want 403", code)
		}
		f.must(f.c.Runs.ForceExecute(f.ctx, last.ID))
		f.wants(map[string]runs.Status{first.ID: runs.Discarded, between.ID: runs.Canceled, last.ID: runs.PlanQueued})

		ws := f.workspace("locked")
		_, err := f.c.Workspaces.Lock(f.ctx, ws, tfe.WorkspaceLockOptions{})
		f.must(err)
		waiting := f.queue(tfe.RunCreateOptions{Workspace: &tfe.Workspace{ID: ws}})
		if code := f.act(f.org.Owner.Token, waiting.ID, "force-execute"); code != 403 {
			s.T.Errorf("force-execute in a workspace that a person locked = %d, want 403", code)
		}
		if err := f.c.Runs.ForceExecute(f.ctx, "run-none"); !errors.Is(err, tfe.ErrResourceNotFound) {
			s.T.Errorf("force-execute of nothing = %v", err)
		}
	})
}

func TestSiteAdministratorsSeeAndEndRunsOfAll(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		r, next := f.queue(tfe.RunCreateOptions{}), f.queue(tfe.RunCreateOptions{})
		f.planStarted(r.ID)
		admin := s.Admin()
		for query, want := range map[string]string{"": "next r", "filter[status]=pending": "next", "q=" + r.ID: "r", "q=NET": "next r", "q=acm": "next r", "q=nothing": "",
			"filter[to]=2019-01-01T00:00:00Z": "", "filter[from]=2019-01-01T00:00:00%2B00:00": "next r"} {
			res := s.Do("GET", "/api/v2/admin/runs?include=workspace.organization&"+query, s.AdminToken(), nil)
			var got []string
			for _, v := range res.JSON()["data"].([]any) {
				got = append(got, map[string]string{r.ID: "r", next.ID: "next"}[v.(map[string]any)["id"].(string)])
			}
			slices.Sort(got)
			if strings.Join(got, " ") != want {
				s.T.Errorf("%s = %d %v, want %s", query, res.Status, got, want)
			}
		}
		for _, bad := range []string{"yesterday", "0000-01-01T00:00:00Z"} {
			if res := s.Do("GET", "/api/v2/admin/runs?filter[from]="+bad, s.AdminToken(), nil); res.Status != 400 {
				s.T.Errorf("filter[from]=%s = %d, want 400", bad, res.Status)
			}
		}
		f.must(admin.Admin.Runs.ForceCancel(f.ctx, r.ID, tfe.AdminRunForceCancelOptions{Comment: new("stop")}))
		f.wants(map[string]runs.Status{r.ID: runs.Canceled, next.ID: runs.PlanQueued})
		if err := admin.Admin.Runs.ForceCancel(f.ctx, r.ID, tfe.AdminRunForceCancelOptions{}); err == nil {
			s.T.Error("force-cancel of what is over: want an error")
		}
		if code := s.Do("POST", "/api/v2/admin/runs/"+next.ID+"/actions/force-cancel", f.org.Owner.Token, nil).Status; code != 404 {
			s.T.Errorf("force-cancel by an owner as site administrator = %d, want 404", code)
		}
	})
}

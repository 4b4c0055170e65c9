package runs_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/delivery/runs"
	"plumbline.dev/plumbline/internal/executor/proto"
)

func TestRunsOfAWorkspaceGoOneByOne(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		var ids []string
		for range 3 {
			ids = append(ids, f.queue(tfe.RunCreateOptions{}).ID)
		}
		speculative := f.queue(tfe.RunCreateOptions{PlanOnly: new(true)})
		elsewhere := f.queue(tfe.RunCreateOptions{Workspace: &tfe.Workspace{ID: f.workspace("elsewhere")}})
		f.wants(map[string]runs.Status{ids[0]: runs.PlanQueued, ids[1]: runs.Pending, ids[2]: runs.Pending, speculative.ID: runs.PlanQueued, elsewhere.ID: runs.PlanQueued})
		for _, id := range ids {
			if f.lockedBy(f.ws) != id {
				s.T.Errorf("locked by %s, want %s", f.lockedBy(f.ws), id)
			}
			f.planned(id, proto.Finished, false)
		}
		if diff := cmp.Diff(ids, f.ended); diff != "" {
			s.T.Errorf("order of ends:\n%s", diff)
		}
		w, err := f.c.Workspaces.ReadByIDWithOptions(f.ctx, f.ws, &tfe.WorkspaceReadOptions{Include: []tfe.WSIncludeOpt{tfe.WSCurrentRun}})
		f.must(err)
		if w.CurrentRun == nil || w.CurrentRun.ID != ids[2] || w.CurrentRun.Status != tfe.RunPlannedAndFinished {
			s.T.Errorf("current run = %+v, want the last of the lane", w.CurrentRun)
		}
	})
}

func TestLockedWorkspaceQueuesRuns(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		_, err := f.c.Workspaces.Lock(f.ctx, f.ws, tfe.WorkspaceLockOptions{})
		f.must(err)
		r, speculative := f.queue(tfe.RunCreateOptions{}), f.queue(tfe.RunCreateOptions{PlanOnly: new(true)})
		f.wants(map[string]runs.Status{r.ID: runs.Pending, speculative.ID: runs.PlanQueued})
		_, err = f.c.Workspaces.Unlock(f.ctx, f.ws)
		f.must(err)
		f.wants(map[string]runs.Status{r.ID: runs.PlanQueued})
		// The run has the lock now, and nobody takes it from it.
		if _, err := f.c.Workspaces.Unlock(f.ctx, f.ws); !errors.Is(err, tfe.ErrWorkspaceLockedByRun) {
			s.T.Errorf("Unlock = %v, want locked by a run", err)
		}
		if _, err := f.c.Workspaces.ForceUnlock(f.ctx, f.ws); err == nil || f.lockedBy(f.ws) != r.ID {
			s.T.Errorf("ForceUnlock = %v, locked by %q; want the run to keep it", err, f.lockedBy(f.ws))
		}
		if _, err := f.c.Workspaces.Lock(f.ctx, f.ws, tfe.WorkspaceLockOptions{}); !errors.Is(err, tfe.ErrWorkspaceLocked) {
			s.T.Errorf("Lock = %v, want locked", err)
		}
		res := s.Do("GET", "/api/v2/workspaces/"+f.ws+"?include=locked_by", f.org.Owner.Token, nil)
		included := res.JSON()["included"].([]any)
		if len(included) != 1 || included[0].(map[string]any)["id"] != r.ID {
			s.T.Errorf("locked_by = %v, want the run", included)
		}
	})
}

func TestForceUnlockLetsTheNextRunBegin(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		writer := s.Client(s.With(f.org, "writer", nil, map[string]string{f.ws: "write"}).Token)
		_, err := writer.Workspaces.Lock(f.ctx, f.ws, tfe.WorkspaceLockOptions{})
		f.must(err)
		r := f.queue(tfe.RunCreateOptions{})
		_, err = f.c.Workspaces.ForceUnlock(f.ctx, f.ws)
		f.must(err)
		f.wants(map[string]runs.Status{r.ID: runs.PlanQueued})
	})
}

// TestMendFreesWhatADamagedDatabaseHolds changes rows behind the server's back.
func TestMendFreesWhatADamagedDatabaseHolds(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		over, waiting := f.queue(tfe.RunCreateOptions{}), f.queue(tfe.RunCreateOptions{})
		_, err := s.DB.Exec(f.ctx, `UPDATE runs SET status = 'errored', final = ? WHERE id = ?`, true, over.ID)
		f.must(err)
		orphan := f.workspace("orphan")
		_, err = s.DB.Exec(f.ctx, `UPDATE workspaces SET locked_by_kind = 'run', locked_by_id = 'run-gone' WHERE id = ?`, orphan)
		f.must(err)
		stuck := f.queue(tfe.RunCreateOptions{Workspace: &tfe.Workspace{ID: orphan}})
		f.wants(map[string]runs.Status{waiting.ID: runs.Pending, stuck.ID: runs.Pending})
		f.must(s.App.Runs.Mend(f.ctx))
		f.wants(map[string]runs.Status{waiting.ID: runs.PlanQueued, stuck.ID: runs.PlanQueued})
		if f.lockedBy(f.ws) != waiting.ID || f.lockedBy(orphan) != stuck.ID {
			s.T.Error("the locks do not follow")
		}
		amiss, err := s.App.RunQueue.Amiss(f.ctx)
		if err != nil || len(amiss) != 0 {
			s.T.Errorf("Amiss = %v, %v; want nothing", amiss, err)
		}
	})
}

func TestDeletedWorkspaceStopsItsRuns(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		r := f.queue(tfe.RunCreateOptions{})
		f.planStarted(r.ID)
		if err := f.c.Workspaces.SafeDeleteByID(f.ctx, f.ws); err == nil {
			s.T.Error("safe delete of a workspace that a run locks: want an error")
		}
		f.must(f.c.Workspaces.DeleteByID(f.ctx, f.ws))
		if diff := cmp.Diff([]string{r.ID}, f.killed); diff != "" {
			s.T.Errorf("killed executors:\n%s", diff)
		}
		if _, err := f.c.Runs.Read(f.ctx, r.ID); !errors.Is(err, tfe.ErrResourceNotFound) {
			s.T.Errorf("Read = %v, want not found", err)
		}
	})
}

func TestQueueOfAnOrganization(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		first, second := f.queue(tfe.RunCreateOptions{}), f.queue(tfe.RunCreateOptions{})
		third := f.queue(tfe.RunCreateOptions{Workspace: &tfe.Workspace{ID: f.workspace("third")}})
		f.planStarted(first.ID)
		q, err := f.c.Organizations.ReadRunQueue(f.ctx, f.org.Name, tfe.ReadRunQueueOptions{})
		f.must(err)
		got := map[string]int{}
		for _, r := range q.Items {
			got[r.ID] = r.PositionInQueue
		}
		if diff := cmp.Diff(map[string]int{second.ID: 1, third.ID: 2}, got); diff != "" {
			s.T.Errorf("queue:\n%s", diff)
		}
		c, err := f.c.Organizations.ReadCapacity(f.ctx, f.org.Name)
		if err != nil || c.Pending != 2 || c.Running != 1 {
			s.T.Errorf("capacity = %+v, %v; want 2 pending, 1 running", c, err)
		}
	})
}

func TestAppliedRunQueuesARunInTheWorkspacesThatFollow(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		follower, empty := f.workspace("follower"), s.Workspace(f.org, "", "empty")
		_, err := f.c.Workspaces.UpdateByID(f.ctx, follower, tfe.WorkspaceUpdateOptions{AutoApplyRunTrigger: new(true)})
		f.must(err)
		for _, ws := range []string{follower, empty} {
			_, err := f.c.RunTriggers.Create(f.ctx, ws, tfe.RunTriggerCreateOptions{Sourceable: &tfe.Workspace{ID: f.ws}})
			f.must(err)
		}
		discarded, r := f.queue(tfe.RunCreateOptions{}), f.queue(tfe.RunCreateOptions{AutoApply: new(true)})
		f.planned(discarded.ID, proto.Finished, true)
		f.must(f.c.Runs.Discard(f.ctx, discarded.ID, tfe.RunDiscardOptions{}))
		f.planned(r.ID, proto.Finished, true)
		f.applied(r.ID, proto.Finished)
		s.Settle()
		for ws, want := range map[string]int{follower: 1, empty: 0} {
			list, err := f.c.Runs.List(f.ctx, ws, nil)
			f.must(err)
			if len(list.Items) != want {
				s.T.Errorf("runs of %s = %d, want %d", ws, len(list.Items), want)
			}
			if want == 1 && (!list.Items[0].AutoApply || list.Items[0].Status != tfe.RunPlanQueued) {
				s.T.Errorf("run = %+v", list.Items[0])
			}
		}
	})
}

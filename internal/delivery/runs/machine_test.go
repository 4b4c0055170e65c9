package runs_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	tfe "github.com/hashicorp/go-tfe"
	"pgregory.net/rapid"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/delivery/runs"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// machine does random things to the runs of a workspace: people act, executors plan,
// apply, fail and get lost.
type machine struct {
	f    *fixture
	ws   string
	runs []string // in the order of their creation
}

// TestLanesUnderRandomEvents checks after each event that a workspace has one current
// run at most, that it holds the lock, that runs begin in their order and that none is
// stuck; and in the end that everything can come to an end.
func TestLanesUnderRandomEvents(t *testing.T) {
	n := 0
	s := apptest.Start(t)
	f := setUp(s)
	rapid.Check(t, func(t *rapid.T) {
		n++
		m := &machine{f: f, ws: f.workspace(fmt.Sprintf("m-%d", n))}
		t.Repeat(map[string]func(*rapid.T){
			"queue":         m.queue,
			"plan starts":   m.each(runs.PlanQueued, func(id string) { f.planStarted(id) }),
			"plan ends":     m.each(runs.Planning, func(id string) { m.planEnds(t, id) }),
			"apply starts":  m.each(runs.ApplyQueued, func(id string) { f.applyStarted(id) }),
			"apply ends":    m.each(runs.Applying, func(id string) { m.applyEnds(t, id) }),
			"a ghost talks": m.ghost,
			"person acts":   m.person,
			"lock":          func(*rapid.T) { m.workspace("lock") },
			"unlock":        func(*rapid.T) { m.workspace("unlock") },
			"force-unlock":  func(*rapid.T) { m.workspace("force-unlock") },
			"":              m.check,
		})
		m.finish(t)
	})
}

func (m *machine) queue(t *rapid.T) {
	if len(m.runs) == 8 {
		t.Skip("enough runs")
	}
	some := rapid.Bool()
	r := m.f.queue(tfe.RunCreateOptions{Workspace: &tfe.Workspace{ID: m.ws}, PlanOnly: new(some.Draw(t, "plan-only") && some.Draw(t, "really")), SavePlan: new(some.Draw(t, "save")),
		AutoApply: new(some.Draw(t, "auto"))})
	m.runs = append(m.runs, r.ID)
}

// each does something to one of the runs that have a status.
func (m *machine) each(status runs.Status, do func(id string)) func(*rapid.T) {
	return func(t *rapid.T) {
		var ids []string
		for _, r := range m.all() {
			if r.Status == status {
				ids = append(ids, r.ID)
			}
		}
		if len(ids) == 0 {
			t.Skip("no run is " + string(status))
		}
		do(rapid.SampledFrom(ids).Draw(t, "run"))
	}
}

var outcomes = rapid.SampledFrom([]proto.Outcome{proto.Finished, proto.Finished, proto.Finished, proto.Errored, proto.Canceled, proto.Lost})

func (m *machine) planEnds(t *rapid.T, id string) {
	outcome, changes := outcomes.Draw(t, "outcome"), rapid.Bool().Draw(t, "changes")
	m.f.tx(func(ctx context.Context) error { return m.f.App.Runs.PlanFinished(ctx, id, outcome, changes, "") })
}

func (m *machine) applyEnds(t *rapid.T, id string) {
	outcome := outcomes.Draw(t, "outcome")
	m.f.tx(func(ctx context.Context) error { return m.f.App.Runs.ApplyFinished(ctx, id, outcome, "") })
}

// ghost is an executor that was given up and tells of any run what nobody asked.
func (m *machine) ghost(t *rapid.T) {
	if len(m.runs) == 0 {
		t.Skip("no runs")
	}
	id := rapid.SampledFrom(m.runs).Draw(t, "run")
	run, err := m.f.App.Runs.Find(m.f.ctx, id)
	m.f.must(err)
	if run.Status == runs.Planning || run.Status == runs.PlanQueued || run.Status == runs.Applying || run.Status == runs.ApplyQueued {
		t.Skip("it is under way")
	}
	m.f.planned(id, proto.Finished, true)
	m.f.applied(id, proto.Finished)
	after, err := m.f.App.Runs.Find(m.f.ctx, id)
	m.f.must(err)
	if after.Status != run.Status {
		t.Fatalf("a ghost moved %s from %s to %s", id, run.Status, after.Status)
	}
}

func (m *machine) person(t *rapid.T) {
	if len(m.runs) == 0 {
		t.Skip("no runs")
	}
	id, action := rapid.SampledFrom(m.runs).Draw(t, "run"), rapid.SampledFrom([]string{"apply", "discard", "cancel", "force-execute", "force-cancel"}).Draw(t, "action")
	m.f.App.Runs.CoolOff = 1
	if code := m.f.act(m.f.org.Owner.Token, id, action); code != 202 && code != 409 && code != 403 {
		t.Fatalf("%s of %s = %d", action, id, code)
	}
}

func (m *machine) workspace(action string) {
	m.f.Do("POST", "/api/v2/workspaces/"+m.ws+"/actions/"+action, m.f.org.Owner.Token, nil)
}

// all returns the runs in the order of their creation.
func (m *machine) all() []runs.Run {
	list, err := m.f.App.Runs.In(m.f.ctx, m.runs)
	m.f.must(err)
	slices.SortFunc(list, func(a, b runs.Run) int { return slices.Index(m.runs, a.ID) - slices.Index(m.runs, b.ID) })
	return list
}

// place is a run in the lane.
type place struct {
	RunID   string `db:"run_id"`
	Current bool   `db:"current"`
}

func (m *machine) check(t *rapid.T) {
	lane, err := db.All[place](m.f.ctx, m.f.DB, `SELECT run_id, current FROM run_queue WHERE workspace_id = ? ORDER BY position`, m.ws)
	m.f.must(err)
	w, err := m.f.App.Workspaces.Find(m.f.ctx, m.ws)
	m.f.must(err)
	inLane := map[string]bool{}
	current := ""
	for i, p := range lane {
		inLane[p.RunID] = p.Current
		if p.Current {
			if current = p.RunID; i > 0 {
				t.Fatalf("run %s is current although another came before it: %+v", p.RunID, lane)
			}
		}
	}
	if held := map[bool]string{true: w.LockedByID}[w.LockedByKind == "run"]; held != current {
		t.Fatalf("the workspace is locked by run %q, the current run is %q", held, current)
	}
	if current == "" && len(lane) > 0 && !w.Locked() {
		t.Fatalf("the lane is free, nobody has locked the workspace, and %+v wait", lane)
	}
	for _, r := range m.all() {
		m.checkRun(t, r, inLane)
	}
	amiss, err := m.f.App.RunQueue.Amiss(m.f.ctx)
	if err != nil || len(amiss) > 0 {
		t.Fatalf("amiss: %v, %v", amiss, err)
	}
}

// checkRun compares the status of a run with its place in the lane.
func (m *machine) checkRun(t *rapid.T, r runs.Run, inLane map[string]bool) {
	isCurrent, has := inLane[r.ID]
	waits := r.Status == runs.Pending || r.Status == runs.Confirmed
	changes := !r.PlanOnly && (!r.SavePlan || !r.StatusTimes.V[runs.Confirmed].IsZero())
	if want := changes && !r.Final; has != want {
		t.Fatalf("%s is %s: in the lane %v, want %v", r.ID, r.Status, has, want)
	}
	if has && isCurrent == waits {
		t.Fatalf("%s is %s: current %v", r.ID, r.Status, isCurrent)
	}
	if !has && waits {
		t.Fatalf("%s is %s and nobody will ever go on with it", r.ID, r.Status)
	}
}

// finish lets every run come to an end.
func (m *machine) finish(t *rapid.T) {
	m.workspace("force-unlock")
	for range 100 {
		open := 0
		for _, r := range m.all() {
			if r.Final {
				continue
			}
			open++
			switch r.Status {
			case runs.PlanQueued, runs.Planning:
				m.f.planned(r.ID, proto.Finished, false)
			case runs.ApplyQueued, runs.Applying:
				m.f.applied(r.ID, proto.Finished)
			case runs.Planned, runs.PlannedAndSaved:
				m.f.act(m.f.org.Owner.Token, r.ID, "apply")
			}
		}
		m.check(t)
		if open == 0 {
			return
		}
	}
	t.Fatalf("runs do not end: %+v", m.all())
}

package runs

import (
	"context"

	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// Point is where a stage is in the life of a run.
type Point int

// The points, in their order.
const (
	PrePlan Point = iota
	PostPlan
	Cost
	Policy
	PreApply
	PostApply
)

// marks are the statuses of a run in the stages of a point, and after them.
var marks = map[Point]struct{ running, completed Status }{
	PrePlan:   {PrePlanRunning, PrePlanCompleted},
	PostPlan:  {PostPlanRunning, PostPlanCompleted},
	Cost:      {CostEstimating, CostEstimated},
	Policy:    {PolicyChecking, PolicyChecked},
	PreApply:  {PreApplyRunning, PreApplyCompleted},
	PostApply: {PostApplyRunning, PostApplyCompleted},
}

// Stage is something that happens at a point between the phases, such as run tasks.
type Stage struct {
	At Point
	// Enter begins the stage, and reports whether there is anything to do for the run.
	// If so the run waits until StageFinished is called.
	Enter func(ctx context.Context, r Run) (waits bool, err error)
}

// walk enters the stages from a point to the last of its part of the run's life, and
// goes on with the phase behind them if none of them has anything to do.
func (f *Feature) walk(ctx context.Context, r *Run, from Point) error {
	for at := from; at <= PostApply; at++ {
		waits, err := f.enter(ctx, r, at)
		if err != nil || waits {
			return err
		}
		switch at {
		case PrePlan:
			return f.queuePlan(ctx, r)
		case Policy:
			return f.decide(ctx, r)
		case PreApply:
			return f.queueApply(ctx, r)
		case PostApply:
			return f.end(ctx, r, Applied, "")
		}
	}
	return nil
}

// enter begins the stages of a point, and reports whether the run now waits for them.
func (f *Feature) enter(ctx context.Context, r *Run, at Point) (waits bool, err error) {
	for _, s := range f.Stages {
		if s.At != at {
			continue
		}
		w, err := s.Enter(ctx, *r)
		if err != nil {
			return false, err
		}
		waits = waits || w
	}
	if !waits {
		return false, nil
	}
	return true, f.move(ctx, r, marks[at].running, "")
}

// StageFinished goes on with a run whose stages at a point are done. to is the status
// that follows: the point's completed one, one that waits for a person (such as
// PolicyOverride), PolicySoftFailed, or Errored with a message.
func (f *Feature) StageFinished(ctx context.Context, runID string, at Point, to Status, message string) error {
	r, _, err := f.Lock(ctx, runID)
	if err != nil || r.Final || !allowed(r.Status, to) {
		return err
	}
	if to.Final() {
		return f.stop(ctx, &r, to, message)
	}
	if err := f.move(ctx, &r, to, message); err != nil || to != marks[at].completed {
		return err
	}
	if at == PostApply {
		return f.end(ctx, &r, Applied, "")
	}
	return f.after(ctx, &r, at)
}

// after goes on behind the stages of a point.
func (f *Feature) after(ctx context.Context, r *Run, at Point) error {
	switch at {
	case PrePlan:
		return f.queuePlan(ctx, r)
	case Policy:
		return f.decide(ctx, r)
	case PreApply:
		return f.queueApply(ctx, r)
	}
	return f.walk(ctx, r, at+1)
}

// begin is called when the turn of a run has come: at its start, or for its apply if it
// is a saved plan that was confirmed.
func (f *Feature) begin(ctx context.Context, runID string) error {
	r, err := f.relock(ctx, runID)
	if err != nil {
		return err
	}
	if r.exclusive() || r.Status == Confirmed {
		if err := f.Workspaces.SetCurrentRun(ctx, r.WorkspaceID, r.ID); err != nil {
			return err
		}
	}
	if r.Status == Confirmed {
		return f.walk(ctx, &r, PreApply)
	}
	return f.walk(ctx, &r, PrePlan)
}

// exclusive reports whether the plan of the run needs the lane of its workspace.
func (r Run) exclusive() bool { return !r.PlanOnly && !r.SavePlan }

func (f *Feature) queuePlan(ctx context.Context, r *Run) error {
	if err := f.move(ctx, r, PlanQueued, ""); err != nil || f.StartPlan == nil {
		return err
	}
	return f.StartPlan(ctx, *r)
}

func (f *Feature) queueApply(ctx context.Context, r *Run) error {
	if err := f.move(ctx, r, ApplyQueued, ""); err != nil || f.StartApply == nil {
		return err
	}
	return f.StartApply(ctx, *r)
}

// PlanStarted tells that an executor has taken the plan of a run. From now on the run
// says for which state it is. A plan that is taken again stays as it is.
func (f *Feature) PlanStarted(ctx context.Context, runID string) error {
	r, ws, err := f.Lock(ctx, runID)
	if err != nil || r.Status != PlanQueued {
		return err
	}
	r.InputStateVersionID = ws.CurrentStateVersionID
	return f.move(ctx, &r, Planning, "", "input_state_version_id")
}

// PlanLost tells that the executor of a plan is gone and another one is to take it.
func (f *Feature) PlanLost(ctx context.Context, runID string) error {
	r, _, err := f.Lock(ctx, runID)
	if err != nil || r.Status != Planning {
		return err
	}
	return f.move(ctx, &r, PlanQueued, "The executor was lost")
}

// PlanFinished tells what became of the plan of a run. message is for people, if the
// plan has failed. A run that has ended meanwhile stays as it is.
func (f *Feature) PlanFinished(ctx context.Context, runID string, outcome proto.Outcome, hasChanges bool, message string) error {
	r, _, err := f.Lock(ctx, runID)
	if err != nil || r.Final || (r.Status != Planning && r.Status != PlanQueued) {
		return err
	}
	switch outcome {
	case proto.Finished:
	case proto.Canceled:
		return f.stop(ctx, &r, Canceled, message)
	case proto.Lost:
		if r.CanceledAt != nil {
			return f.stop(ctx, &r, Canceled, message)
		}
		return f.stop(ctx, &r, Errored, message)
	default:
		return f.stop(ctx, &r, Errored, message)
	}
	r.HasChanges = hasChanges
	if err := f.move(ctx, &r, Planned, "", "has_changes"); err != nil {
		return err
	}
	if r.CanceledAt != nil { // the wish came too late for the executor, not for the run
		return f.stop(ctx, &r, Canceled, "")
	}
	return f.walk(ctx, &r, PostPlan)
}

// decide ends, saves, confirms or leaves a planned run for a person to decide on.
func (f *Feature) decide(ctx context.Context, r *Run) error {
	switch {
	case r.PlanOnly || (!r.HasChanges && !r.AllowEmptyApply):
		return f.stop(ctx, r, PlannedAndFinished, "")
	case r.SavePlan:
		return f.move(ctx, r, PlannedAndSaved, "")
	case r.AutoApply:
		return f.confirm(ctx, r)
	}
	for _, do := range f.OnWaiting {
		if err := do(ctx, *r); err != nil {
			return err
		}
	}
	return nil
}

// confirm lets a run be applied: at once if it has its lane, otherwise when its turn
// has come.
func (f *Feature) confirm(ctx context.Context, r *Run, columns ...string) error {
	saved := r.Status == PlannedAndSaved
	if err := f.move(ctx, r, Confirmed, "", columns...); err != nil {
		return err
	}
	if saved {
		return f.Queue.Add(ctx, queueEntry(*r, true))
	}
	return f.walk(ctx, r, PreApply)
}

// ApplyStarted tells that an executor has taken the apply of a run.
func (f *Feature) ApplyStarted(ctx context.Context, runID string) error {
	r, _, err := f.Lock(ctx, runID)
	if err != nil || r.Status != ApplyQueued {
		return err
	}
	return f.move(ctx, &r, Applying, "")
}

// ApplyFinished tells what became of the apply of a run.
func (f *Feature) ApplyFinished(ctx context.Context, runID string, outcome proto.Outcome, message string) error {
	r, ws, err := f.Lock(ctx, runID)
	if err != nil || r.Final || (r.Status != Applying && r.Status != ApplyQueued) {
		return err
	}
	switch outcome {
	case proto.Finished:
	case proto.Canceled:
		return f.end(ctx, &r, Canceled, message)
	default:
		return f.end(ctx, &r, Errored, message)
	}
	if err := f.adoptConfiguration(ctx, r, ws); err != nil {
		return err
	}
	return f.walk(ctx, &r, PostApply)
}

// stop ends a run whose plan or apply may not have begun, and says so to them.
func (f *Feature) stop(ctx context.Context, r *Run, to Status, why string, columns ...string) error {
	if r.StatusTimes.V[PlanQueued].IsZero() && f.SkipPlan != nil {
		if err := f.SkipPlan(ctx, *r); err != nil {
			return err
		}
	}
	if r.StatusTimes.V[ApplyQueued].IsZero() && f.SkipApply != nil {
		if err := f.SkipApply(ctx, *r); err != nil {
			return err
		}
	}
	return f.end(ctx, r, to, why, columns...)
}

// adoptConfiguration makes the provisional configuration of an applied run the current
// one of its workspace, unless there is a newer one (configuration-versions page).
func (f *Feature) adoptConfiguration(ctx context.Context, r Run, ws workspaces.Workspace) error {
	if r.ConfigurationVersionID == nil {
		return nil
	}
	v, err := f.Configs.Find(ctx, *r.ConfigurationVersionID)
	if missing(err) || (err == nil && (!v.Provisional || v.WorkspaceID == nil || *v.WorkspaceID != ws.ID)) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Configs.MakeCurrent(ctx, ws, v)
}

// coolOff is the time from which a run can be ended by force.
func (f *Feature) coolOff(now db.Time) db.Time {
	d := f.CoolOff
	if d == 0 {
		d = DefaultCoolOff
	}
	return db.At(now.Add(d))
}

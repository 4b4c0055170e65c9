package runs

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// transition is a change of status, and what brings it about.
type transition struct {
	from, to Status
	when     string
}

// transitions are all changes of status that there are; docs/runs.md shows them. What
// ends a run from many statuses is in endings.
var transitions = []transition{
	{Pending, Fetching, "its turn has come, and the configuration must be fetched from the VCS"},
	{Fetching, FetchingCompleted, "the configuration is there"},
	{Pending, PrePlanRunning, "its turn has come, and something is to be done before the plan"},
	{FetchingCompleted, PrePlanRunning, "something is to be done before the plan"},
	{PrePlanRunning, PrePlanCompleted, "that is done"},
	{PrePlanRunning, PrePlanAwaitingDecision, "that has failed, and a person may go on nevertheless"},
	{PrePlanAwaitingDecision, PrePlanCompleted, "a person goes on nevertheless"},
	{Pending, PlanQueued, "its turn has come"},
	{FetchingCompleted, PlanQueued, "nothing is to be done before the plan"},
	{PrePlanCompleted, PlanQueued, "the plan waits for an executor"},
	{Queuing, PlanQueued, "the plan waits for an executor"},
	{Pending, Queuing, "the plan is put off"},
	{PlanQueued, Planning, "an executor has taken the plan"},
	{Planning, PlanQueued, "the executor was lost; another one is to plan"},
	{Planning, Planned, "the plan is made"},
	{Planned, PostPlanRunning, "something is to be done after the plan"},
	{PostPlanRunning, PostPlanCompleted, "that is done"},
	{PostPlanRunning, PostPlanAwaitingDecision, "that has failed, and a person may go on nevertheless"},
	{PostPlanAwaitingDecision, PostPlanCompleted, "a person goes on nevertheless"},
	{Planned, CostEstimating, "costs are estimated"},
	{PostPlanCompleted, CostEstimating, "costs are estimated"},
	{CostEstimating, CostEstimated, "costs are known"},
	{Planned, PolicyChecking, "policies are checked"},
	{PostPlanCompleted, PolicyChecking, "policies are checked"},
	{CostEstimated, PolicyChecking, "policies are checked"},
	{PolicyChecking, PolicyChecked, "the policies have passed"},
	{PolicyChecking, PolicyOverride, "a policy has failed, and a person may go on nevertheless"},
	{PolicyOverride, PolicyChecked, "a person goes on nevertheless"},
	{PolicyChecking, PolicySoftFailed, "a policy has failed, and the run only plans"},
	{Planned, PlannedAndFinished, "there is nothing to apply"},
	{PostPlanCompleted, PlannedAndFinished, "there is nothing to apply"},
	{CostEstimated, PlannedAndFinished, "there is nothing to apply"},
	{PolicyChecked, PlannedAndFinished, "there is nothing to apply"},
	{Planned, PlannedAndSaved, "the plan is to be saved"},
	{PostPlanCompleted, PlannedAndSaved, "the plan is to be saved"},
	{CostEstimated, PlannedAndSaved, "the plan is to be saved"},
	{PolicyChecked, PlannedAndSaved, "the plan is to be saved"},
	{Planned, Confirmed, "confirmed by a person or by auto-apply"},
	{PostPlanCompleted, Confirmed, "confirmed by a person or by auto-apply"},
	{CostEstimated, Confirmed, "confirmed by a person or by auto-apply"},
	{PolicyChecked, Confirmed, "confirmed by a person or by auto-apply"},
	{PlannedAndSaved, Confirmed, "confirmed by a person; it waits for its turn"},
	{Confirmed, PreApplyRunning, "something is to be done before the apply"},
	{PreApplyRunning, PreApplyCompleted, "that is done"},
	{Confirmed, QueuingApply, "the apply is put off"},
	{Confirmed, ApplyQueued, "the apply waits for an executor"},
	{PreApplyCompleted, ApplyQueued, "the apply waits for an executor"},
	{QueuingApply, ApplyQueued, "the apply waits for an executor"},
	{ApplyQueued, Applying, "an executor has taken the apply"},
	{Applying, PostApplyRunning, "the changes are made, and something is to be done after them"},
	{PostApplyRunning, PostApplyCompleted, "that is done"},
	{PostApplyCompleted, Applied, "all is done"},
	{Applying, Applied, "the changes are made"},
}

// ending is a way to end a run from any of several statuses.
type ending struct {
	to   Status
	from []Status // nil: every status that is not final
	when string
}

var endings = []ending{
	{Discarded, append([]Status{Pending}, discardable...), "discarded by a person"},
	{Canceled, nil, "cancelled by a person, and the executor has stopped; or cancelled by force"},
	{Errored, nil, "something has failed"},
}

// allowed reports whether the tables have a change of status.
func allowed(from, to Status) bool {
	if slices.ContainsFunc(transitions, func(t transition) bool { return t.from == from && t.to == to }) {
		return true
	}
	return slices.ContainsFunc(endings, func(e ending) bool {
		return e.to == to && !from.Final() && (e.from == nil || slices.Contains(e.from, from))
	})
}

// move changes the status of a run that is locked in this transaction, writes the
// columns that go with it, and tells of it. Final statuses are given by end.
func (f *Feature) move(ctx context.Context, r *Run, to Status, why string, columns ...string) error {
	if !allowed(r.Status, to) {
		return fmt.Errorf("run %s cannot go from %s to %s", r.ID, r.Status, to)
	}
	old := r.Status
	r.Status, r.Final, r.UpdatedAt = to, to.Final(), db.Now()
	r.StatusTimes.V = with(r.StatusTimes.V, to, r.UpdatedAt)
	columns = append([]string{"status", "final", "status_times", "updated_at"}, columns...)
	if err := f.DB.Update(ctx, "runs", *r, columns...); err != nil {
		return err
	}
	f.changed(ctx, *r)
	if err := f.note(ctx, *r, Event{Action: string(to), Description: why, ActorID: actor(ctx)}); err != nil {
		return err
	}
	return f.moved(ctx, *r, old)
}

// moved tells those who want to know that a run has another status than old.
func (f *Feature) moved(ctx context.Context, r Run, old Status) error {
	for _, do := range f.OnStatus {
		if err := do(ctx, r, old); err != nil {
			return err
		}
	}
	return nil
}

// with returns times with one more, leaving the map of the caller alone.
func with(times map[Status]db.Time, s Status, at db.Time) map[Status]db.Time {
	out := make(map[Status]db.Time, len(times)+1)
	maps.Copy(out, times)
	out[s] = at
	return out
}

// end gives a run its final status and lets the next one of its lane begin.
func (f *Feature) end(ctx context.Context, r *Run, to Status, why string, columns ...string) error {
	if err := f.move(ctx, r, to, why, columns...); err != nil {
		return err
	}
	if err := f.Workspaces.Touch(ctx, r.WorkspaceID); err != nil {
		return err
	}
	for _, do := range f.OnEnd {
		if err := do(ctx, *r); err != nil {
			return err
		}
	}
	return f.Queue.Remove(ctx, r.ID)
}

// actor is the user behind a change, nil if there is none.
func actor(ctx context.Context) *string {
	if id := authz.From(ctx).UserID(); id != "" {
		return &id
	}
	return nil
}

package runs

import "slices"

// Status is where a run stands.
type Status string

// The statuses of runs, as on the wire (runs page, "Run States"; the API schema has
// further ones).
const (
	Pending                  Status = "pending"
	Fetching                 Status = "fetching"
	FetchingCompleted        Status = "fetching_completed"
	PrePlanRunning           Status = "pre_plan_running"
	PrePlanAwaitingDecision  Status = "pre_plan_awaiting_decision"
	PrePlanCompleted         Status = "pre_plan_completed"
	Queuing                  Status = "queuing"
	PlanQueued               Status = "plan_queued"
	Planning                 Status = "planning"
	Planned                  Status = "planned"
	PostPlanRunning          Status = "post_plan_running"
	PostPlanAwaitingDecision Status = "post_plan_awaiting_decision"
	PostPlanCompleted        Status = "post_plan_completed"
	CostEstimating           Status = "cost_estimating"
	CostEstimated            Status = "cost_estimated"
	PolicyChecking           Status = "policy_checking"
	PolicyOverride           Status = "policy_override"
	PolicySoftFailed         Status = "policy_soft_failed"
	PolicyChecked            Status = "policy_checked"
	PlannedAndFinished       Status = "planned_and_finished"
	PlannedAndSaved          Status = "planned_and_saved"
	Confirmed                Status = "confirmed"
	PreApplyRunning          Status = "pre_apply_running"
	PreApplyCompleted        Status = "pre_apply_completed"
	QueuingApply             Status = "queuing_apply"
	ApplyQueued              Status = "apply_queued"
	Applying                 Status = "applying"
	PostApplyRunning         Status = "post_apply_running"
	PostApplyCompleted       Status = "post_apply_completed"
	Applied                  Status = "applied"
	Discarded                Status = "discarded"
	Errored                  Status = "errored"
	Canceled                 Status = "canceled"
)

// ForceCanceled has a time in runs that were cancelled by force, whose status is Canceled
// (runs page, "Forcefully cancel a run"). No run has it as its status; lists can be
// asked for it.
const ForceCanceled Status = "force_canceled"

// The statuses by what they mean.
var (
	final = []Status{PolicySoftFailed, PlannedAndFinished, Applied, Discarded, Errored, Canceled}
	// discardable is the group of that name (runs page, "Run Status Groups").
	discardable = []Status{Planned, PlannedAndSaved, CostEstimated, PolicyChecked, PolicyOverride, PostPlanRunning, PostPlanCompleted, PostPlanAwaitingDecision}
	// confirmable are those in which a run waits for a person.
	confirmable = []Status{Planned, PlannedAndSaved, CostEstimated, PolicyChecked, PostPlanCompleted}
	// queued are those of a run that waits for its lane or for an executor.
	queued = []Status{Pending, PlanQueued, Confirmed, ApplyQueued}
	// executing are those in which an executor is at work.
	executing = []Status{Planning, Applying}
)

// Final reports whether a run never leaves the status.
func (s Status) Final() bool { return slices.Contains(final, s) }

// Operation is what a run does.
type Operation string

// The operations of runs, as on the wire (runs page, "Run Operations").
const (
	PlanOnly     Operation = "plan_only"
	PlanAndApply Operation = "plan_and_apply"
	SavePlan     Operation = "save_plan"
	RefreshOnly  Operation = "refresh_only"
	Destroy      Operation = "destroy"
	EmptyApply   Operation = "empty_apply"
	ActionOnly   Operation = "action_only"
)

// operationOf names the operation of a run with these properties.
func operationOf(r Run) Operation {
	switch {
	case r.PlanOnly:
		return PlanOnly
	case r.SavePlan:
		return SavePlan
	case r.RefreshOnly && len(r.InvokeActionAddrs.V) > 0:
		return ActionOnly
	case r.RefreshOnly:
		return RefreshOnly
	case r.IsDestroy:
		return Destroy
	case r.AllowEmptyApply:
		return EmptyApply
	}
	return PlanAndApply
}

// Sources of runs, as on the wire.
const (
	FromAPI           = "tfe-api"
	FromUI            = "tfe-ui"
	FromConfiguration = "tfe-configuration-version"
)

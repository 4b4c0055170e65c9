// Package phases carries out the plans and applies of runs: it queues their jobs, says
// what executors get, takes in what they bring, and tells the run what came of it.
//
// The surprising rule: what a lost or killed apply left as its state is taken even after
// its run has ended, but only if nothing has gone on from the state before; else it is
// kept beside the apply, and somebody has to decide.
package phases

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"plumbline.dev/plumbline/internal/delivery/agentpools"
	"plumbline.dev/plumbline/internal/delivery/applies"
	"plumbline.dev/plumbline/internal/delivery/configversions"
	"plumbline.dev/plumbline/internal/delivery/dispatch"
	"plumbline.dev/plumbline/internal/delivery/oidc"
	"plumbline.dev/plumbline/internal/delivery/plans"
	"plumbline.dev/plumbline/internal/delivery/progress"
	"plumbline.dev/plumbline/internal/delivery/runs"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/sshkeys"
	"plumbline.dev/plumbline/internal/workspace/stateversions"
	"plumbline.dev/plumbline/internal/workspace/variables"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// Feature connects runs with executors.
type Feature struct {
	DB         *db.DB
	Dispatch   *dispatch.Feature
	Runs       *runs.Feature
	Plans      *plans.Feature
	Applies    *applies.Feature
	Configs    *configversions.Feature
	Agents     *agentpools.Feature
	Workspaces *workspaces.Feature
	Variables  *variables.Feature
	States     *stateversions.Feature
	SSHKeys    *sshkeys.Feature
	Tokens     *tokens.Store
	// Revoked tells that tokens are no more.
	Revoked  func(ctx context.Context, tokenIDs []string)
	Identity *oidc.Feature
	// Notices are what people must know of versions of modules, such as that one is
	// deprecated; nil knows nothing.
	Notices func(ctx context.Context, uses []ModuleUse) ([]proto.Notice, error)
	// Address is the address of this server as configurations and executors know it,
	// without a slash at its end.
	Address func(ctx context.Context) string
	// Mirror is where executors get providers of other registries, on a server at an address;
	// nil is nowhere.
	Mirror func(address string) proto.Mirror
	// Timeouts are how long plans and applies may take in organizations of which site
	// administrators have not said it.
	Timeouts func() (plan, apply time.Duration)
	// CA is the certificate authority of Address in PEM form, "" if every system knows it.
	CA func() string
}

// Connect fills in the functions of runs, and the kinds of dispatch.
func (f *Feature) Connect() {
	r := f.Runs
	r.MakePlan = func(ctx context.Context, r runs.Run) (string, error) {
		ws, err := f.Workspaces.Find(ctx, r.WorkspaceID)
		if err != nil {
			return "", err
		}
		return f.Plans.Create(ctx, plans.New{RunID: r.ID, OrgID: r.OrgID, WorkspaceID: r.WorkspaceID, Structured: ws.StructuredRunOutputEnabled && !plain(ctx)})
	}
	r.MakeApply = func(ctx context.Context, r runs.Run) (string, error) {
		return f.Applies.Create(ctx, applies.New{RunID: r.ID, OrgID: r.OrgID, WorkspaceID: r.WorkspaceID})
	}
	r.SkipPlan = func(ctx context.Context, r runs.Run) error { return f.Plans.Move(ctx, r.PlanID, progress.Unreachable) }
	r.SkipApply = func(ctx context.Context, r runs.Run) error {
		return f.Applies.Move(ctx, r.ApplyID, progress.Unreachable)
	}
	r.StartPlan, r.StartApply, r.CancelPhase = f.startPlan, f.startApply, f.cancel
	f.Dispatch.Handle(proto.KindPlan, dispatch.Kind{
		Spec: f.planSpec, Claimed: f.planClaimed, Requeued: f.planRequeued, Finished: f.planFinished, Get: f.planInput, Put: f.planOutput, Retries: 1,
	})
	f.Dispatch.Handle(proto.KindApply, dispatch.Kind{
		Spec: f.applySpec, Claimed: f.applyClaimed, Requeued: f.applyRequeued, Finished: f.applyFinished, Get: f.applyInput, Put: f.applyOutput,
		TakesLate: []string{proto.StateFinal, proto.StateJSON},
	})
}

// plain reports whether a run is made by the remote backend of a command line, which shows
// logs as they are: every command line tells its version, and which integration it is if
// it is the cloud block.
func plain(ctx context.Context) bool {
	if !api.InRequest(ctx) {
		return false
	}
	h := api.Request(ctx).Header
	return h.Get("Terraform-Version") != "" && h.Get("X-Terraform-Integration") == ""
}

// job is what the jobs of a run have in common.
func job(r runs.Run, kind, subject string, priority int) dispatch.Job {
	j := dispatch.Job{OrgID: r.OrgID, WorkspaceID: &r.WorkspaceID, Kind: kind, Subject: subject, Log: subject, Priority: priority}
	if r.ExecutionMode == "agent" {
		j.PoolID = r.AgentPoolID
	}
	return j
}

func (f *Feature) startPlan(ctx context.Context, r runs.Run) error {
	if err := f.Plans.Move(ctx, r.PlanID, progress.Queued); err != nil {
		return err
	}
	priority := dispatch.Planning
	if r.PlanOnly {
		priority = dispatch.Speculative
	}
	_, err := f.Dispatch.Enqueue(ctx, job(r, proto.KindPlan, r.PlanID, priority))
	return err
}

func (f *Feature) startApply(ctx context.Context, r runs.Run) error {
	if err := f.Applies.Move(ctx, r.ApplyID, progress.Queued); err != nil {
		return err
	}
	j := job(r, proto.KindApply, r.ApplyID, dispatch.Applying)
	before, err := f.Dispatch.Last(ctx, r.PlanID)
	if err != nil {
		return err
	}
	j.Prefer = before.ExecutorID // it may still have the folder of the plan
	_, err = f.Dispatch.Enqueue(ctx, j)
	return err
}

func (f *Feature) cancel(ctx context.Context, r runs.Run, how proto.Cancel) error {
	for _, subject := range []string{r.PlanID, r.ApplyID} {
		if err := f.Dispatch.Cancel(ctx, subject, how); err != nil {
			return err
		}
	}
	return nil
}

// executes is who has a job.
func (f *Feature) executes(ctx context.Context, j dispatch.Job) (progress.Execution, error) {
	if j.PoolID == nil {
		return progress.Execution{Mode: "remote"}, nil
	}
	a, err := f.Agents.Named(ctx, *j.PoolID, j.ExecutorID)
	return progress.Execution{Mode: "agent", AgentID: j.ExecutorID, AgentName: a.Name, PoolID: *j.PoolID, PoolName: a.PoolName}, err
}

func (f *Feature) planClaimed(ctx context.Context, j dispatch.Job) error {
	p, err := f.Plans.Find(ctx, j.Subject)
	if err != nil {
		return err
	}
	who, err := f.executes(ctx, j)
	if err != nil {
		return err
	}
	if err := f.Plans.Executes(ctx, p.ID, who); err != nil {
		return err
	}
	if err := f.Plans.Move(ctx, p.ID, progress.Running); err != nil {
		return err
	}
	return f.Runs.PlanStarted(ctx, p.RunID)
}

func (f *Feature) planRequeued(ctx context.Context, j dispatch.Job) error {
	p, err := f.Plans.Find(ctx, j.Subject)
	if err != nil {
		return err
	}
	if err := f.revoke(ctx, j); err != nil {
		return err
	}
	if err := f.Plans.Move(ctx, p.ID, progress.Queued); err != nil {
		return err
	}
	return f.Runs.PlanLost(ctx, p.RunID)
}

func (f *Feature) planFinished(ctx context.Context, j dispatch.Job, r proto.Result) error {
	p, err := f.Plans.Find(ctx, j.Subject)
	if err != nil {
		return err
	}
	if err := f.revoke(ctx, j); err != nil {
		return err
	}
	var data proto.PlanResult
	r = read(j, r, &data)
	if err := f.Plans.Finish(ctx, p.ID, statusOf(j, r), data); err != nil {
		return err
	}
	return f.Runs.PlanFinished(ctx, p.RunID, r.Outcome, data.HasChanges, r.Error)
}

func (f *Feature) applyClaimed(ctx context.Context, j dispatch.Job) error {
	a, err := f.Applies.Find(ctx, j.Subject)
	if err != nil {
		return err
	}
	who, err := f.executes(ctx, j)
	if err != nil {
		return err
	}
	if err := f.Applies.Executes(ctx, a.ID, who); err != nil {
		return err
	}
	if err := f.Applies.Move(ctx, a.ID, progress.Running); err != nil {
		return err
	}
	return f.Runs.ApplyStarted(ctx, a.RunID)
}

// applyRequeued is called only for an apply that no executor has heard of.
func (f *Feature) applyRequeued(ctx context.Context, j dispatch.Job) error {
	if err := f.revoke(ctx, j); err != nil {
		return err
	}
	return f.Applies.Move(ctx, j.Subject, progress.Queued)
}

func (f *Feature) applyFinished(ctx context.Context, j dispatch.Job, r proto.Result) error {
	a, err := f.Applies.Find(ctx, j.Subject)
	if err != nil {
		return err
	}
	if err := f.revoke(ctx, j); err != nil {
		return err
	}
	var data proto.ApplyResult
	r = read(j, r, &data)
	if err := f.Applies.Finish(ctx, a.ID, statusOf(j, r), data); err != nil {
		return err
	}
	return f.Runs.ApplyFinished(ctx, a.RunID, r.Outcome, r.Error)
}

// read reads the data of a result. Without data a job cannot have been finished. A job
// that was to be cancelled and got lost is cancelled.
func read(j dispatch.Job, r proto.Result, data any) proto.Result {
	if r.Outcome == proto.Lost && j.Cancel != proto.GoOn {
		r.Outcome = proto.Canceled
	}
	if len(r.Data) == 0 && r.Outcome != proto.Finished {
		return r
	}
	if err := json.Unmarshal(r.Data, data); err != nil {
		return proto.Result{Outcome: proto.Errored, Error: fmt.Sprintf("The executor sent a result that is none: %v", err)}
	}
	return r
}

func statusOf(j dispatch.Job, r proto.Result) progress.Status {
	switch {
	case r.Outcome == proto.Finished:
		return progress.Finished
	case r.Outcome == proto.Canceled && j.Cancel == proto.Kill:
		return progress.ForceCanceled
	case r.Outcome == proto.Canceled:
		return progress.Canceled
	}
	return progress.Errored
}

// revoke ends the tokens of a job.
func (f *Feature) revoke(ctx context.Context, j dispatch.Job) error {
	ids, err := f.Tokens.RevokeOf(ctx, j.ID)
	if err == nil && f.Revoked != nil {
		f.Revoked(ctx, ids)
	}
	return err
}

// absent explains an input that is gone.
func absent(err error, format string, args ...any) error {
	if p, ok := problem.From(err); ok && p.Status == problem.NotFound.Status {
		return problem.Unprocessable(format, args...)
	}
	return err
}

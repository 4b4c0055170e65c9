package phases

import (
	"context"
	"errors"
	"io"
	"slices"

	"plumbline.dev/plumbline/internal/delivery/applies"
	"plumbline.dev/plumbline/internal/delivery/dispatch"
	"plumbline.dev/plumbline/internal/delivery/runs"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/stateversions"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// planInput opens what the executor of a plan asks for.
func (f *Feature) planInput(ctx context.Context, j dispatch.Job, name string) (io.ReadCloser, error) {
	if name == proto.Notices {
		return f.notices(ctx, j)
	}
	p, err := f.Plans.Find(ctx, j.Subject)
	if err != nil {
		return nil, err
	}
	r, err := f.Runs.Find(ctx, p.RunID)
	if err != nil {
		return nil, err
	}
	return f.input(ctx, r, proto.KindPlan, name)
}

// applyInput opens what the executor of an apply asks for.
func (f *Feature) applyInput(ctx context.Context, j dispatch.Job, name string) (io.ReadCloser, error) {
	a, err := f.Applies.Find(ctx, j.Subject)
	if err != nil {
		return nil, err
	}
	r, err := f.Runs.Find(ctx, a.RunID)
	if err != nil {
		return nil, err
	}
	if name == proto.PlanFile || name == proto.LockFile {
		return f.Plans.Open(ctx, r.PlanID, name)
	}
	return f.input(ctx, r, proto.KindApply, name)
}

func (f *Feature) input(ctx context.Context, r runs.Run, kind, name string) (io.ReadCloser, error) {
	switch {
	case name == proto.Archive && r.ConfigurationVersionID != nil:
		return f.Configs.Open(ctx, *r.ConfigurationVersionID)
	case name == proto.StateIn:
		ws, err := f.Workspaces.Find(ctx, r.WorkspaceID)
		if err != nil {
			return nil, err
		}
		in, has, err := f.state(ctx, r, ws, kind)
		if err != nil || !has {
			return nil, errors.Join(err, problem.NotFound)
		}
		return f.States.Open(ctx, in)
	}
	return nil, problem.NotFound
}

// planOutputs are what a plan may leave.
var planOutputs = []string{proto.PlanFile, proto.PlanJSON, proto.PlanRedacted, proto.Schemas, proto.GeneratedHCL, proto.LockFile, proto.Modules}

// planOutput takes what a plan leaves.
func (f *Feature) planOutput(ctx context.Context, j dispatch.Job, name string, body io.Reader) error {
	if !slices.Contains(planOutputs, name) {
		return problem.NotFound
	}
	return f.Plans.Put(ctx, j.Subject, name, body)
}

// applyOutput takes the states that an apply leaves.
func (f *Feature) applyOutput(ctx context.Context, j dispatch.Job, name string, body io.Reader) error {
	a, err := f.Applies.Find(ctx, j.Subject)
	if err != nil {
		return err
	}
	r, err := f.Runs.Find(ctx, a.RunID)
	if err != nil {
		return err
	}
	switch name {
	case proto.StateSnapshot, proto.StateFinal:
		return f.adopt(ctx, j, a, r, name, body)
	case proto.StateJSON:
		return f.States.AdoptJSON(ctx, r.ID, body)
	}
	return problem.NotFound
}

// adopt makes a state of an apply the current one. A final state that cannot be it is
// kept beside the apply, where "GET /applies/:id/errored-state" finds it. An executor at
// work hears of that, so that the run does not end as applied; one that comes late has
// done its duty.
func (f *Feature) adopt(ctx context.Context, j dispatch.Job, a applies.Apply, r runs.Run, name string, body io.Reader) error {
	from := stateversions.FromRun{
		WorkspaceID: r.WorkspaceID, RunID: r.ID, CreatedBy: r.CreatedBy, Intermediate: name == proto.StateSnapshot,
		Allowed: func(ctx context.Context, ws workspaces.Workspace) error { return f.mayWrite(ctx, j, r, ws) },
	}
	if from.Intermediate {
		return f.States.Adopt(ctx, from, body, nil)
	}
	kept := false
	err := f.States.Adopt(ctx, from, body, func(ctx context.Context, state io.Reader) error {
		kept = true
		return f.Applies.Put(ctx, a.ID, proto.StateFinal, state)
	})
	if _, refused := problem.From(err); refused && kept && j.Late() {
		return nil
	}
	return err
}

// mayWrite refuses the state of a run that the workspace has gone on without. While its
// apply goes on, the run has the lock; of a lost or killed one the state is taken as long
// as nobody else is at work.
func (f *Feature) mayWrite(ctx context.Context, j dispatch.Job, r runs.Run, ws workspaces.Workspace) error {
	if ws.LockedByKind == "run" && ws.LockedByID == r.ID {
		return nil
	}
	if !j.Late() {
		return problem.Conflict("The run no longer holds the lock of its workspace.")
	}
	switch ws.LockedByKind {
	case "":
		return nil
	case "run":
		holder, err := f.Runs.Find(ctx, ws.LockedByID)
		if err != nil {
			return err
		}
		if holder.Status != runs.ApplyQueued && holder.Status != runs.Applying {
			return nil // its plan is for an older state: the engine refuses to apply it
		}
	}
	return problem.Conflict("Somebody else is at work in the workspace: the state of a run that has ended is not taken now.")
}

package phases

import (
	"context"

	"plumbline.dev/plumbline/internal/delivery/dispatch"
	"plumbline.dev/plumbline/internal/delivery/runs"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/workspace/stateversions"
)

// Observe says what an executor gets to look at what a run has applied: the same engine,
// configuration and variables of the run, with those of the workspace as they are now, and
// the current state. Its token cannot write states. j is the job of an assessment.
func (f *Feature) Observe(ctx context.Context, j dispatch.Job, r runs.Run, minutes int) (proto.Phase, stateversions.Input, error) {
	p, err := f.Plans.Find(ctx, r.PlanID)
	if err != nil {
		return proto.Phase{}, stateversions.Input{}, err
	}
	p.Structured, r.DebuggingMode = false, false
	phase, state, err := f.phase(ctx, j, r, p, minutes)
	if p.EngineVersion != "" {
		phase.Engine = proto.Engine{Product: phase.Engine.Product, Version: p.EngineVersion, Near: true, Any: phase.Engine.Any}
	}
	return phase, state, err
}

// Revoke ends the tokens of a job.
func (f *Feature) Revoke(ctx context.Context, j dispatch.Job) error { return f.revoke(ctx, j) }

package runs

import (
	"context"
	"net/http"
	"slices"
	"time"

	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

func (f *Feature) actionRoutes(r *api.Router) {
	const do = "POST /runs/{id}/actions/"
	accepted := api.Status(http.StatusAccepted)
	api.Do(r, do+"apply", authz.ApplyRuns, f.Find, f.apply, accepted)
	api.Do(r, do+"discard", authz.ApplyRuns, f.Find, f.discard, accepted)
	api.Do(r, do+"cancel", authz.ApplyRuns, f.Find, f.cancel, accepted)
	api.Do(r, do+"force-cancel", authz.UpdateWorkspace, f.Find, f.forceCancel, accepted)
	api.Do(r, do+"force-execute", authz.ApplyRuns, f.Find, f.forceExecute, accepted)
}

// remark is the request of an action.
type remark struct {
	Comment jsonapi.Opt[string] `json:"comment"`
}

func (f *Feature) apply(ctx context.Context, r Run, in jsonapi.In[remark]) error {
	r, ws, err := f.Lock(ctx, r.ID)
	if err != nil {
		return err
	}
	if !slices.Contains(confirmable, r.Status) || r.PlanOnly {
		return problem.Conflict("Run was not paused for confirmation; apply not allowed.")
	}
	if r.Status == PlannedAndSaved && db.Text(ws.CurrentStateVersionID) != db.Text(r.InputStateVersionID) {
		return problem.Conflict("The state has changed since the plan was saved; apply not allowed.")
	}
	if err := f.remark(ctx, r, in); err != nil {
		return err
	}
	r.ConfirmedBy = actor(ctx)
	return f.confirm(ctx, &r, "confirmed_by")
}

func (f *Feature) discard(ctx context.Context, r Run, in jsonapi.In[remark]) error {
	r, _, err := f.Lock(ctx, r.ID)
	if err != nil {
		return err
	}
	if !allowed(r.Status, Discarded) {
		return problem.Conflict("Run was not paused for confirmation or priority; discard not allowed.")
	}
	if err := f.remark(ctx, r, in); err != nil {
		return err
	}
	return f.stop(ctx, &r, Discarded, "")
}

// cancelable reports whether a person can ask the run to end: not twice while an
// executor is at work.
func (r Run) cancelable() bool {
	switch {
	case r.Final || slices.Contains(confirmable, r.Status):
		return false
	case slices.Contains(executing, r.Status):
		return r.CanceledAt == nil
	}
	return true
}

// cancel asks a run to end. If no executor is at work it ends at once.
func (f *Feature) cancel(ctx context.Context, r Run, in jsonapi.In[remark]) error {
	r, _, err := f.Lock(ctx, r.ID)
	if err != nil {
		return err
	}
	if !r.cancelable() {
		return problem.Conflict("Run was not planning or applying; cancel not allowed.")
	}
	if err := f.remark(ctx, r, in); err != nil {
		return err
	}
	return f.interrupt(ctx, r, proto.Interrupt)
}

// interrupt notes the wish to end a run and passes it on. What no executor has is over
// at once.
func (f *Feature) interrupt(ctx context.Context, r Run, how proto.Cancel) error {
	now := db.Now()
	available := f.coolOff(now)
	r.CanceledAt, r.ForceCancelAt, r.CanceledBy, r.UpdatedAt = &now, &available, actor(ctx), now
	if err := f.DB.Update(ctx, "runs", r, "canceled_at", "force_cancel_at", "canceled_by", "updated_at"); err != nil {
		return err
	}
	f.changed(ctx, r)
	phase := slices.Contains(executing, r.Status) || r.Status == PlanQueued || r.Status == ApplyQueued
	if phase && f.CancelPhase != nil {
		if err := f.note(ctx, r, Event{Action: "cancel_requested", ActorID: actor(ctx)}); err != nil {
			return err
		}
		if err := f.CancelPhase(ctx, r, how); err != nil {
			return err
		}
		var err error
		if r, err = f.relock(ctx, r.ID); err != nil || r.Final {
			return err
		}
	}
	if slices.Contains(executing, r.Status) {
		return nil // the executor ends it
	}
	return f.stop(ctx, &r, Canceled, "")
}

// forceCancelable reports whether the run was asked to end long enough ago.
func (r Run) forceCancelable(now time.Time) bool {
	return !r.Final && r.ForceCancelAt != nil && !now.Before(r.ForceCancelAt.Time)
}

// forceCancel ends a run whose executor does not. Beside the administration of the
// workspace it takes the right to apply, which tokens of organizations lack.
func (f *Feature) forceCancel(ctx context.Context, r Run, in jsonapi.In[remark]) error {
	if err := authz.Check(ctx, authz.ApplyRuns, r); err != nil {
		return err
	}
	r, _, err := f.Lock(ctx, r.ID)
	if err != nil {
		return err
	}
	if !r.forceCancelable(time.Now()) {
		return problem.Conflict("Run was not planning or applying, has not been canceled non-forcefully, or the cool-off period has not yet passed.")
	}
	if err := f.remark(ctx, r, in); err != nil {
		return err
	}
	return f.kill(ctx, r)
}

// kill ends a run now, whatever its executor does. It is canceled like any other; the
// time of force_canceled tells how.
func (f *Feature) kill(ctx context.Context, r Run) error {
	now := db.Now()
	if r.CanceledAt == nil {
		r.CanceledAt, r.CanceledBy = &now, actor(ctx)
	}
	r.StatusTimes.V = with(r.StatusTimes.V, ForceCanceled, now)
	if err := f.stop(ctx, &r, Canceled, "By force", "canceled_at", "canceled_by"); err != nil || f.CancelPhase == nil {
		return err
	}
	return f.CancelPhase(ctx, r, proto.Kill)
}

// forceExecute ends all that is before a run in the lane of its workspace.
func (f *Feature) forceExecute(ctx context.Context, r Run, _ jsonapi.In[struct{}]) error {
	r, ws, err := f.Lock(ctx, r.ID)
	if err != nil {
		return err
	}
	current, err := f.Queue.Current(ctx, ws.ID)
	if err != nil {
		return err
	}
	if r.Status != Pending || current == "" || current == r.ID {
		return problem.Denied("Run is not pending, or its workspace is not locked by another run.")
	}
	holder, err := f.relock(ctx, current)
	if err != nil {
		return err
	}
	if !slices.Contains(discardable, holder.Status) {
		return problem.Conflict("The run locking the workspace was not in a discardable state.")
	}
	before, err := f.Queue.Before(ctx, r.ID)
	if err != nil {
		return err
	}
	for _, id := range before {
		waiting, err := f.relock(ctx, id)
		if err != nil {
			return err
		}
		if err := f.interrupt(ctx, waiting, proto.Interrupt); err != nil {
			return err
		}
	}
	return f.stop(ctx, &holder, Discarded, "Another run was executed by force")
}

// remark keeps the comment of an action.
func (f *Feature) remark(ctx context.Context, r Run, in jsonapi.In[remark]) error {
	text := in.Data.Attributes.Comment.V
	if text == "" {
		return nil
	}
	_, err := f.comment(ctx, r, text)
	return err
}

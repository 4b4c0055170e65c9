package planexports

import (
	"context"
	"io"
	"time"

	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

const (
	// maxPlan is the size of the largest plan JSON that is exported, in bytes: it is in
	// memory while it becomes mocks.
	maxPlan = 64 << 20
	// maxArchive is the size of the largest archive in bytes.
	maxArchive = 256 << 20
	// abandoned is how long after its creation an export that is still queued is given up.
	abandoned = 2 * time.Hour

	prefix = "plan-export/" // of the keys of objects
)

// work registers what is done in the background.
func (f *Feature) work() {
	jobs.Handle(f.Jobs, f.make, jobs.Timeout(10*time.Minute), jobs.InQueue("plan-exports"), jobs.Workers(1), jobs.Attempts(5))
	f.removals = jobs.Removing(f.Jobs, "remove-plan-exports", f.Objects.Delete)
	f.Jobs.Every("sweep-plan-exports", 10*time.Minute, f.Sweep)
	f.Jobs.Every("sweep-plan-export-objects", 24*time.Hour, f.SweepObjects, jobs.Timeout(2*time.Hour))
}

// making is the job that makes an export.
type making struct {
	Export string `json:"export"`
}

// Kind implements jobs.Args.
func (making) Kind() string { return "make-plan-export" }

// make makes an export. What is wrong with the plan is its error; the rest is tried again.
func (f *Feature) make(ctx context.Context, job making) error {
	e, err := f.Find(ctx, job.Export)
	if gone(err) || err == nil && e.Status != Queued {
		return nil
	}
	if err != nil {
		return err
	}
	obj, err := f.archive(ctx, e)
	if bad, ok := problem.From(err); ok {
		return f.fail(ctx, e.ID, bad.Detail)
	}
	if err != nil {
		return err
	}
	now := db.Now()
	_, err = f.DB.Exec(ctx, `UPDATE plan_exports SET status = ?, finished_at = ?, expired_at = ?, object = ?, size = ? WHERE id = ? AND status = ?`,
		Finished, now, db.At(now.Add(Lifetime)), obj.Key, obj.Size, e.ID, Queued)
	return err // if it is gone meanwhile, the sweep finds the object
}

func (f *Feature) fail(ctx context.Context, exportID, why string) error {
	_, err := f.DB.Exec(ctx, `UPDATE plan_exports SET status = ?, errored_at = ?, error_message = ? WHERE id = ? AND status = ?`, Errored, db.Now(), why, exportID, Queued)
	return err
}

// archive stores the archive of an export. A problem is one of the plan.
func (f *Feature) archive(ctx context.Context, e Export) (blob.Object, error) {
	p, err := f.Plans.Find(ctx, e.PlanID)
	if err != nil {
		return blob.Object{}, err
	}
	run, err := f.Run(ctx, p.RunID)
	if err != nil {
		return blob.Object{}, err
	}
	body, err := f.Plans.Open(ctx, p.ID, proto.PlanJSON)
	if gone(err) {
		return blob.Object{}, problem.Unprocessable("The plan has no JSON form to export")
	}
	if err != nil {
		return blob.Object{}, err
	}
	defer func() { _ = body.Close() }()
	text, err := io.ReadAll(io.LimitReader(body, maxPlan+1))
	if err != nil {
		return blob.Object{}, err
	}
	if len(text) > maxPlan {
		return blob.Object{}, problem.Unprocessable("The plan is larger than %d bytes", maxPlan)
	}
	mocks, err := mocksOf(text, run)
	if err != nil {
		return blob.Object{}, problem.Unprocessable("The plan cannot be read: %v", err)
	}
	archive, err := packed(mocks)
	if err != nil {
		return blob.Object{}, err
	}
	return f.Objects.Put(ctx, e.OrgID, prefix+id.New("obj"), archive, maxArchive)
}

// Sweep expires what can no longer be downloaded, and gives up what never came.
func (f *Feature) Sweep(ctx context.Context) error {
	now := db.Now()
	if _, err := f.DB.Exec(ctx, `UPDATE plan_exports SET status = ?, errored_at = ?, error_message = 'The export could not be made' WHERE status = ? AND created_at < ?`,
		Errored, now, Queued, db.At(now.Add(-abandoned))); err != nil {
		return err
	}
	return f.DB.Tx(ctx, func(ctx context.Context) error { return f.expire(ctx, `expired_at <= ?`, now) })
}

// expire expires finished exports, and removes their objects.
func (f *Feature) expire(ctx context.Context, where string, args ...any) error {
	keys, err := db.All[string](ctx, f.DB, `UPDATE plan_exports SET status = ? WHERE status = ? AND `+where+` RETURNING object`, append([]any{Expired, Finished}, args...)...)
	if err != nil {
		return err
	}
	return f.removals.Enqueue(ctx, keys...)
}

// SweepObjects removes objects that no export has: those of plans that were deleted.
func (f *Feature) SweepObjects(ctx context.Context) error {
	return f.Objects.Sweep(ctx, prefix, func(ctx context.Context, keys []string) ([]string, error) {
		return db.In[string](ctx, f.DB, `SELECT object FROM plan_exports WHERE object <> '' AND status = 'finished' AND object IN (?)`, keys)
	})
}

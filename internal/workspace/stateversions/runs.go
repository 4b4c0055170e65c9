package stateversions

import (
	"context"
	"errors"
	"io"

	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// FromRun is a state that a run brings.
type FromRun struct {
	WorkspaceID string
	RunID       string
	CreatedBy   *string // the user who started the run
	// Intermediate states are kept while the run goes on; the next one may have the same
	// serial.
	Intermediate bool
	// Allowed may refuse the state with a problem. It is called in the transaction that
	// makes the version, with the workspace locked.
	Allowed func(ctx context.Context, ws workspaces.Workspace) error
}

// Adopt stores a state that a run brings and makes it the current one of its workspace.
// The rules for serial and lineage are those of every version. A state that is current
// already makes no other version. Call it outside of transactions.
//
// If the state is refused, refused is called with it before it is removed, so that it is
// not lost, and Adopt returns the problem.
func (f *Feature) Adopt(ctx context.Context, from FromRun, body io.Reader, refused func(ctx context.Context, state io.Reader) error) error {
	ws, err := f.Workspaces.Find(ctx, from.WorkspaceID)
	if err != nil {
		return err
	}
	w := &watcher{}
	obj, err := f.Objects.Put(ctx, ws.OrgID, newKey(), io.TeeReader(body, w), MaxState)
	if err != nil {
		return err
	}
	s, err := w.result()
	if err == nil {
		err = f.DB.Tx(ctx, func(ctx context.Context) error { return f.adoptFromRun(ctx, from, content{obj, s}) })
	}
	if _, ok := problem.From(err); ok && !errors.Is(err, errAgain) && refused != nil {
		if e := f.keepRefused(ctx, ws.OrgID, obj, refused); e != nil {
			return e
		}
	}
	return f.removeRefused(ctx, obj.Key, err)
}

func (f *Feature) keepRefused(ctx context.Context, orgID string, obj blob.Object, refused func(ctx context.Context, state io.Reader) error) error {
	r, err := f.Objects.Get(ctx, orgID, obj.Key)
	if err != nil {
		return err
	}
	return errors.Join(refused(ctx, r), r.Close())
}

func (f *Feature) adoptFromRun(ctx context.Context, from FromRun, c content) error {
	ws, err := f.Workspaces.Lock(ctx, from.WorkspaceID)
	if err != nil {
		return err
	}
	if from.Allowed != nil {
		if err := from.Allowed(ctx, ws); err != nil {
			return err
		}
	}
	last, err := f.last(ctx, ws)
	if err != nil {
		return err
	}
	v := Version{ID: id.New("sv"), OrgID: ws.OrgID, WorkspaceID: ws.ID, Status: Pending, Serial: c.Serial, MD5: c.MD5, Intermediate: from.Intermediate,
		LockKind: "run", LockID: from.RunID, CreatedBy: from.CreatedBy, RunID: &from.RunID, CreatedAt: db.Now()}
	if err := v.accept(c.Object, c.State); err != nil {
		return err
	}
	if v.same(last) {
		return f.settle(ctx, v, last)
	}
	if !v.supersedes(last) {
		if err := v.follows(last); err != nil {
			return err
		}
	}
	return f.finalize(ctx, &v, last, c, false)
}

// settle deals with a state that is current already: the last state of a run may be what
// it sent before as an intermediate one.
func (f *Feature) settle(ctx context.Context, v Version, last *Version) error {
	if last.Intermediate && !v.Intermediate && db.Text(last.RunID) == *v.RunID {
		if _, err := f.DB.Exec(ctx, `UPDATE state_versions SET intermediate = ? WHERE id = ?`, false, last.ID); err != nil {
			return err
		}
	}
	return errAgain
}

// supersedes reports whether v goes on from an intermediate state of its own run, whose
// serial it may share.
func (v *Version) supersedes(last *Version) bool {
	return last != nil && last.Intermediate && db.Text(last.RunID) == db.Text(v.RunID) && v.Lineage == last.Lineage && v.Serial >= last.Serial
}

// AdoptJSON stores the external representation of the last state that a run brought.
// Without such a state it is not kept.
func (f *Feature) AdoptJSON(ctx context.Context, runID string, body io.Reader) error {
	id, err := db.One[string](ctx, f.DB, `SELECT id FROM state_versions WHERE run_id = ? AND status = ? AND NOT intermediate ORDER BY created_at DESC, id DESC LIMIT 1`, runID, Finalized)
	if errors.Is(err, problem.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.putJSON(ctx, id, body)
}

// OfRuns returns the ids of the versions that runs made, by run, the oldest first.
func (f *Feature) OfRuns(ctx context.Context, runIDs []string) (map[string][]string, error) {
	rows, err := db.In[struct {
		ID    string `db:"id"`
		RunID string `db:"run_id"`
	}](ctx, f.DB, `SELECT {} FROM state_versions WHERE run_id IN (?) ORDER BY created_at, id`, runIDs)
	out := make(map[string][]string, len(runIDs))
	for _, r := range rows {
		out[r.RunID] = append(out[r.RunID], r.ID)
	}
	return out, err
}

// Input is the state that a run starts from.
type Input struct {
	ID      string `db:"id"`
	OrgID   string `db:"org_id"`
	Serial  int64  `db:"serial"`
	Lineage string `db:"lineage"`
	Status  Status `db:"status"`
	Object  string `db:"object"`
}

// InputOf returns the version with the given id as far as a run needs it. It is
// problem.NotFound if its data was deleted.
func (f *Feature) InputOf(ctx context.Context, id string) (Input, error) {
	in, err := db.One[Input](ctx, f.DB, `SELECT {} FROM state_versions WHERE id = ?`, id)
	if err == nil && (in.Status != Finalized || in.Object == "") {
		err = problem.NotFound
	}
	return in, err
}

// Open reads the state of a version. Call it outside of transactions.
func (f *Feature) Open(ctx context.Context, in Input) (io.ReadCloser, error) {
	return f.Objects.Get(ctx, in.OrgID, in.Object)
}

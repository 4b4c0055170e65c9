package workspaces

import (
	"context"

	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

func (f *Feature) lockRoutes(r *api.Router) {
	api.Action(r, "/workspaces/{id}/actions/lock", authz.LockWorkspace, f.Find, f.lock)
	api.Action(r, "/workspaces/{id}/actions/unlock", authz.LockWorkspace, f.Lock, f.unlock)
	api.Action(r, "/workspaces/{id}/actions/force-unlock", authz.UpdateWorkspace, f.Lock, f.forceUnlock)
}

// Locked reports whether somebody holds the lock.
func (w Workspace) Locked() bool { return w.LockedByKind != "" }

// HeldBy reports whether s holds the lock.
func (w Workspace) HeldBy(s *authz.Subject) bool {
	return s != nil && w.Locked() && w.LockedByKind == string(s.Kind) && w.LockedByID == s.ID
}

// LockedBy is HeldBy for the subject of ctx.
func (w Workspace) LockedBy(ctx context.Context) bool { return w.HeldBy(authz.From(ctx)) }

// maxReason is the longest reason of a lock, in bytes.
const maxReason = 1000

// reason are the attributes of a lock's request.
type reason struct {
	Reason jsonapi.Opt[string] `json:"reason"`
}

func (f *Feature) lock(ctx context.Context, w Workspace, in jsonapi.In[reason]) (Workspace, error) {
	why := in.Data.Attributes.Reason.V
	if len(why) > maxReason {
		return w, problem.Invalid("reason", "Reason is too long (maximum is %d characters)", maxReason)
	}
	s, now := authz.From(ctx), db.Now()
	n, err := f.DB.Exec(ctx, `UPDATE workspaces SET locked_by_kind = ?, locked_by_id = ?, lock_reason = ?, locked_at = ?, updated_at = ? WHERE id = ? AND locked_by_kind = ''`,
		s.Kind, s.ID, why, now, now, w.ID)
	if err != nil {
		return w, err
	}
	if n == 0 {
		return w, problem.Conflict("Unable to lock workspace. The workspace is already locked.")
	}
	return f.read(ctx, w.ID)
}

func (f *Feature) unlock(ctx context.Context, w Workspace, _ jsonapi.In[reason]) (Workspace, error) {
	if w.Locked() && !w.LockedBy(ctx) {
		return w, problem.Conflict("Unable to unlock workspace. The workspace is locked by %s.", w.holder())
	}
	for _, check := range f.BeforeUnlock {
		if err := check(ctx, w); err != nil {
			return w, err
		}
	}
	return f.release(ctx, w)
}

// forceUnlock takes the lock from people and tokens. A run keeps its own: two engines
// must never write one state, so it has to be discarded or cancelled.
func (f *Feature) forceUnlock(ctx context.Context, w Workspace, _ jsonapi.In[reason]) (Workspace, error) {
	if w.LockedByKind == string(authz.Run) {
		return w, problem.Conflict("Unable to unlock workspace. The workspace is locked by %s. Discard or cancel the run.", w.holder())
	}
	return f.release(ctx, w)
}

// HoldByRun gives the lock of a workspace to a run, and reports whether it was free.
func (f *Feature) HoldByRun(ctx context.Context, id, runID string) (bool, error) {
	now := db.Now()
	n, err := f.DB.Exec(ctx, `UPDATE workspaces SET locked_by_kind = ?, locked_by_id = ?, lock_reason = '', locked_at = ?, updated_at = ? WHERE id = ? AND locked_by_kind = ''`,
		authz.Run, runID, now, now, id)
	if err != nil || n == 0 {
		return false, err
	}
	return true, f.tell(ctx, id)
}

// ReleaseRun takes the lock of a workspace back from a run, if it has it.
func (f *Feature) ReleaseRun(ctx context.Context, id, runID string) error {
	n, err := f.DB.Exec(ctx, `UPDATE workspaces SET locked_by_kind = '', locked_by_id = '', lock_reason = '', locked_at = NULL, updated_at = ?
		WHERE id = ? AND locked_by_kind = ? AND locked_by_id = ?`, db.Now(), id, authz.Run, runID)
	if err != nil || n == 0 {
		return err
	}
	return f.tell(ctx, id)
}

// tell tells clients of a change that no request has made.
func (f *Feature) tell(ctx context.Context, id string) error {
	type place struct {
		Org     string `db:"org_id"`
		Project string `db:"project_id"`
	}
	p, err := db.One[place](ctx, f.DB, `SELECT org_id, project_id FROM workspaces WHERE id = ?`, id)
	if err != nil {
		return err
	}
	changes.Tell(ctx, f.Bus, authz.Scope{Org: p.Org, Project: p.Project, Workspace: id}, "workspaces", id)
	return nil
}

// holder has the words by which clients tell who holds the lock.
func (w Workspace) holder() string {
	switch authz.Kind(w.LockedByKind) {
	case authz.Run:
		return "Run " + w.LockedByID
	case authz.Team:
		return "Team " + w.LockedByID
	case authz.Org:
		return "User (the token of the organization)"
	default:
		return "User " + w.LockedByID
	}
}

// release takes away the lock that w has, unless another took its place meanwhile.
func (f *Feature) release(ctx context.Context, w Workspace) (Workspace, error) {
	if !w.Locked() {
		return w, problem.Conflict("Unable to unlock workspace. The workspace is already unlocked.")
	}
	n, err := f.DB.Exec(ctx, `UPDATE workspaces SET locked_by_kind = '', locked_by_id = '', lock_reason = '', locked_at = NULL, updated_at = ?
		WHERE id = ? AND locked_by_kind = ? AND locked_by_id = ?`, db.Now(), w.ID, w.LockedByKind, w.LockedByID)
	if err != nil {
		return w, err
	}
	if n == 0 {
		return w, problem.Conflict("Unable to unlock workspace. The workspace is already unlocked.")
	}
	for _, do := range f.OnUnlock {
		if err := do(ctx, w.ID); err != nil {
			return w, err
		}
	}
	return f.read(ctx, w.ID)
}

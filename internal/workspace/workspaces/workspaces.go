// Package workspaces keeps workspaces: their settings, locks, tags and who may read
// their state. A workspace that is locked can be written only by who locked it.
package workspaces

import (
	"context"
	"strings"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/workspace/projects"
)

// Workspace is a workspace.
type Workspace struct {
	ID                    string  `db:"id"`
	OrgID                 string  `db:"org_id"`
	ProjectID             string  `db:"project_id"`
	Name                  string  `db:"name"`
	NameLower             string  `db:"name_lower"`
	LockedByKind          string  `db:"locked_by_kind"` // "" (not locked), user, team, run
	LockedByID            string  `db:"locked_by_id"`
	LockReason            string  `db:"lock_reason"`
	GlobalRemoteState     bool    `db:"global_remote_state"`
	CurrentStateVersionID *string `db:"current_state_version_id"`
	CreatedAt             db.Time `db:"created_at"`
	UpdatedAt             db.Time `db:"updated_at"`

	OrgName string `db:"org_name,extra"`
}

const selectWorkspaces = `SELECT {w}, o.name AS org_name FROM workspaces w JOIN organizations o ON o.id = w.org_id`

// Scope implements authz.Scoped.
func (w Workspace) Scope() authz.Scope {
	return authz.Scope{Org: w.OrgID, Project: w.ProjectID, Workspace: w.ID, SharedState: w.GlobalRemoteState}
}

// Locked reports whether somebody holds the lock.
func (w Workspace) Locked() bool { return w.LockedByKind != "" }

// Feature serves workspaces.
type Feature struct {
	DB       *db.DB
	Orgs     *orgs.Feature
	Projects *projects.Feature
}

// Find returns the workspace with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Workspace, error) {
	return db.One[Workspace](ctx, f.DB, selectWorkspaces+` WHERE w.id = ?`, id)
}

// Lock returns the workspace with the given id and keeps others from changing it
// until the transaction ends.
func (f *Feature) Lock(ctx context.Context, id string) (Workspace, error) {
	q := selectWorkspaces + ` WHERE w.id = ?`
	if f.DB.Postgres() {
		q += ` FOR UPDATE OF w`
	}
	return db.One[Workspace](ctx, f.DB, q, id)
}

// ByName returns the workspace with the given name in an organization; case does
// not matter.
func (f *Feature) ByName(ctx context.Context, org, name string) (Workspace, error) {
	return db.One[Workspace](ctx, f.DB, selectWorkspaces+` WHERE o.name_lower = ? AND w.name_lower = ?`, strings.ToLower(org), strings.ToLower(name))
}

// SetCurrentState makes a state version the current one of its workspace.
func (f *Feature) SetCurrentState(ctx context.Context, id, stateVersionID string) error {
	_, err := f.DB.Exec(ctx, `UPDATE workspaces SET current_state_version_id = ?, updated_at = ? WHERE id = ?`, stateVersionID, db.Now(), id)
	return err
}

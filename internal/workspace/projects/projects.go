// Package projects keeps projects, which group the workspaces of an organization.
// Every organization has one default project, which takes the workspaces that name
// none and cannot be deleted.
package projects

import (
	"context"
	"strings"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
)

// Project is a group of workspaces.
type Project struct {
	ID          string  `db:"id"`
	OrgID       string  `db:"org_id"`
	Name        string  `db:"name"`
	NameLower   string  `db:"name_lower"`
	Description string  `db:"description"`
	IsDefault   bool    `db:"is_default"`
	CreatedAt   db.Time `db:"created_at"`

	OrgName string `db:"org_name,extra"`
}

const selectProjects = `SELECT {p}, o.name AS org_name FROM projects p JOIN organizations o ON o.id = p.org_id`

// Scope implements authz.Scoped.
func (p Project) Scope() authz.Scope { return authz.Scope{Org: p.OrgID, Project: p.ID} }

// Feature serves projects.
type Feature struct {
	DB   *db.DB
	Orgs *orgs.Feature
}

// MakeDefault makes the default project of a new organization.
func (f *Feature) MakeDefault(ctx context.Context, o orgs.Org) error {
	const name = "Default Project"
	p := Project{ID: id.New("prj"), OrgID: o.ID, Name: name, NameLower: strings.ToLower(name), IsDefault: true, CreatedAt: db.Now()}
	if err := f.DB.Insert(ctx, "projects", p); err != nil {
		return err
	}
	return f.Orgs.SetDefaultProject(ctx, o.ID, p.ID)
}

// Find returns the project with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Project, error) {
	return db.One[Project](ctx, f.DB, selectProjects+` WHERE p.id = ?`, id)
}

// Default returns the default project of an organization.
func (f *Feature) Default(ctx context.Context, orgID string) (Project, error) {
	return db.One[Project](ctx, f.DB, selectProjects+` WHERE p.org_id = ? AND p.is_default`, orgID)
}

// Package orgs keeps organizations. The surprising rule: on the wire the id of an
// organization is its name, and the id that never changes is its "external-id".
package orgs

import (
	"context"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// Org is an organization.
type Org struct {
	ID        string  `db:"id"`
	Name      string  `db:"name"`
	NameLower string  `db:"name_lower"`
	Email     string  `db:"email"`
	CreatedAt db.Time `db:"created_at"`
}

// Scope implements authz.Scoped.
func (o Org) Scope() authz.Scope { return authz.Scope{Org: o.ID} }

// Feature serves organizations.
type Feature struct {
	DB      *db.DB
	Keyring *crypt.Keyring
}

// ByName returns the organization with the given name; case does not matter.
func (f *Feature) ByName(ctx context.Context, name string) (Org, error) {
	return db.One[Org](ctx, f.DB, `FROM organizations WHERE name_lower = ?`, strings.ToLower(name))
}

// Find returns the organization with the given id, which is not its name.
func (f *Feature) Find(ctx context.Context, id string) (Org, error) {
	return db.One[Org](ctx, f.DB, `FROM organizations WHERE id = ?`, id)
}

// Package users keeps people with a login, and service accounts, which are users
// without one. A password goes in and never comes out: only its argon2id hash is
// kept.
package users

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// User is a person, or the account behind a token of a team or organization.
type User struct {
	ID             string  `db:"id"`
	Username       string  `db:"username"`
	UsernameLower  string  `db:"username_lower"`
	Email          string  `db:"email"`
	EmailLower     string  `db:"email_lower"`
	PasswordHash   string  `db:"password_hash"` // PHC form; "" cannot log in
	SiteAdmin      bool    `db:"site_admin"`
	Suspended      bool    `db:"suspended"`
	ServiceAccount bool    `db:"service_account"`
	TOTPSecret     []byte  `db:"totp_secret"` // sealed; nil is no second factor
	TOTPVerified   bool    `db:"totp_verified"`
	CreatedAt      db.Time `db:"created_at"`
}

// Scope implements authz.Scoped: a user's own things are for the user alone.
func (u User) Scope() authz.Scope { return authz.Scope{User: u.ID} }

// Feature serves users.
type Feature struct {
	DB *db.DB
}

// Find returns the user with the given id.
func (f *Feature) Find(ctx context.Context, id string) (User, error) {
	return db.One[User](ctx, f.DB, `FROM users WHERE id = ?`, id)
}

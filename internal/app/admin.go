package app

import (
	"context"
	"errors"
	"strings"

	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/identity/users"
	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// AdminToken returns a fresh token of the named user, who is made, or promoted to
// site administrator. It may run beside the server.
func AdminToken(ctx context.Context, c config.Server, name string) (token crypt.Secret, err error) {
	a, err := New(ctx, c)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	err = a.DB.Tx(ctx, func(ctx context.Context) error {
		u, err := a.admin(ctx, name)
		if err != nil {
			return err
		}
		_, token, err = a.Tokens.Mint(ctx, tokens.Token{Kind: tokens.User, UserID: &u.ID, Description: "made by plumbline admin token"})
		return err
	})
	return token, err
}

// admin returns the named user, made if absent, as site administrator.
func (a *App) admin(ctx context.Context, name string) (users.User, error) {
	lower := strings.ToLower(name)
	u, err := db.One[users.User](ctx, a.DB, `FROM users WHERE username_lower = ?`, lower)
	if errors.Is(err, problem.NotFound) {
		u = users.User{ID: id.New("user"), Username: name, UsernameLower: lower, Email: lower + "@localhost", EmailLower: lower + "@localhost",
			SiteAdmin: true, CreatedAt: db.Now()}
		return u, a.DB.Insert(ctx, "users", u)
	}
	if err != nil || u.SiteAdmin {
		return u, err
	}
	u.SiteAdmin = true
	return u, a.DB.Update(ctx, "users", u, "site_admin")
}

// AccountLink returns the path of a page at which the person with the address
// chooses a password, and a user name if they have none. It may run beside the server.
func AccountLink(ctx context.Context, c config.Server, email string) (path string, err error) {
	a, err := New(ctx, c)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return a.Login.AccountLink(ctx, email)
}

// SeedConformance adds what go-tfe's own test suite expects to find: a site
// administrator called admin-security-maintenance. It is for test installations.
func SeedConformance(ctx context.Context, c config.Server) (err error) {
	a, err := New(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return a.DB.Tx(ctx, func(ctx context.Context) error {
		_, err := a.admin(ctx, "admin-security-maintenance")
		return err
	})
}

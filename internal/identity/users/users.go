// Package users keeps people with a login, and service accounts, which are users
// without one. A password goes in and never comes out: only its argon2id hash is
// kept.
//
// The surprising rule: how a user looks depends on who looks. The email address, the
// second factor and the rank are for the user and for site administrators; others
// see a name and an avatar (users.md). Where users are included in another resource,
// their email addresses are also for the members of their organizations, who read
// them in the memberships anyway (organization-memberships.md).
package users

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// User is a person, or the account behind a token of a team or organization.
type User struct {
	ID             string  `db:"id"`
	Username       string  `db:"username"` // "" until somebody who was invited signs up
	UsernameLower  string  `db:"username_lower"`
	Email          string  `db:"email"`
	EmailLower     string  `db:"email_lower"`
	PasswordHash   string  `db:"password_hash"` // PHC form; "" cannot log in
	SiteAdmin      bool    `db:"site_admin"`
	Suspended      bool    `db:"suspended"`
	ServiceAccount bool    `db:"service_account"`
	TOTPSecret     []byte  `db:"totp_secret"` // sealed; nil is no second factor
	TOTPVerified   bool    `db:"totp_verified"`
	TOTPStep       int64   `db:"totp_step"` // the last time step whose code was used
	CreatedAt      db.Time `db:"created_at"`

	// Organizations are the names of the user's organizations, where an
	// administrator asks.
	Organizations []string
	// Colleague tells that the subject may read the user's membership somewhere.
	Colleague bool
	// StandsFor is the team or organization of a service account.
	StandsFor jsonapi.Ref
}

// Scope implements authz.Scoped: a user's own things are for the user alone.
func (u User) Scope() authz.Scope { return authz.Scope{User: u.ID} }

// Feature serves users.
type Feature struct {
	DB      *db.DB
	Keyring *crypt.Keyring
	// Changed says that what subjects may do has changed.
	Changed func(ctx context.Context)
	// AdminsFound reports whether only site administrators create organizations.
	AdminsFound func() bool
}

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	api.Type(r, "users", authz.SignedIn, f.ByIDs, f.View)
	api.Read(r, "/users/{id}", authz.SignedIn, f.Visible)
	api.Read(r, "/account/details", authz.SignedIn, f.account)
	api.Update(r, "/account/update", authz.AsUser, f.account, f.update)
	f.adminRoutes(r)
}

// View is a user as the subject of ctx may see them.
func (f *Feature) View(ctx context.Context, u User) jsonapi.Resource {
	s := authz.From(ctx)
	own := u.ID != "" && s.UserID() == u.ID
	founds := own && !u.ServiceAccount && (u.SiteAdmin || !f.AdminsFound())
	a := attributes{
		IsServiceAccount: u.ServiceAccount, AvatarURL: avatar(u), AuthMethod: "password", V2Only: true,
		Permissions: permissions{CreateOrganizations: founds, ChangeEmail: own, ChangeUsername: own, ChangePassword: own,
			ManageUserTokens: own, ViewTwoFactor: own},
	}
	if u.Username != "" {
		a.Username = &u.Username
	}
	admin := s.Can(authz.SiteAdmin, authz.Scope{})
	if own || admin || u.Colleague {
		a.address = &address{u.Email}
	}
	if own || admin {
		a.private = &private{TwoFactor: twoFactor{Enabled: u.TOTPSecret != nil, Verified: u.TOTPVerified},
			IsAdmin: u.SiteAdmin, IsSiteAdmin: u.SiteAdmin, IsConfirmed: u.Username != ""}
	}
	if admin {
		a.suspended = &suspended{u.Suspended}
	}
	path := "/api/v2/users/" + u.ID
	rels := jsonapi.Relationships{"authentication-tokens": jsonapi.Related(path + "/authentication-tokens")}
	if u.Organizations != nil || u.ID == "" {
		rels["organizations"] = jsonapi.ToMany("organizations", u.Organizations)
	}
	if u.StandsFor.ID != "" || u.ID == "" {
		rels["authenticated-resource"] = jsonapi.ToOne(u.StandsFor.Type, u.StandsFor.ID)
	}
	return jsonapi.Resource{ID: u.ID, Type: "users", Attributes: a, Relationships: rels, Links: jsonapi.Self(path)}
}

// attributes are those of a response.
type attributes struct {
	Username         *string     `json:"username"`
	IsServiceAccount bool        `json:"is-service-account"`
	AuthMethod       string      `json:"auth-method"`
	AvatarURL        string      `json:"avatar-url"`
	V2Only           bool        `json:"v2-only"`
	Permissions      permissions `json:"permissions"`
	*address
	*private
	*suspended
}

// address is what colleagues see too.
type address struct {
	Email string `json:"email"`
}

// private is what the user and site administrators see.
type private struct {
	UnconfirmedEmail *string   `json:"unconfirmed-email"`
	TwoFactor        twoFactor `json:"two-factor"`
	IsAdmin          bool      `json:"is-admin"`
	IsSiteAdmin      bool      `json:"is-site-admin"`
	IsSSOLogin       bool      `json:"is-sso-login"`
	IsConfirmed      bool      `json:"is-confirmed"`
}

// suspended is what only site administrators see.
type suspended struct {
	IsSuspended bool `json:"is-suspended"`
}

type twoFactor struct {
	Enabled  bool `json:"enabled"`
	Verified bool `json:"verified"`
}

type permissions struct {
	CreateOrganizations bool `json:"can-create-organizations"`
	ChangeEmail         bool `json:"can-change-email"`
	ChangeUsername      bool `json:"can-change-username"`
	ChangePassword      bool `json:"can-change-password"`
	ManageUserTokens    bool `json:"can-manage-user-tokens"`
	ViewTwoFactor       bool `json:"can-view2fa-settings"`
	ManageHCPAccount    bool `json:"can-manage-hcp-account"`
}

// avatar is the address of a user's picture. Service accounts share one.
func avatar(u User) string {
	sum := sha256.Sum256([]byte(u.EmailLower))
	return "https://www.gravatar.com/avatar/" + hex.EncodeToString(sum[:]) + "?s=100&d=mm"
}

// Find returns the user with the given id, without asking who wants to know.
func (f *Feature) Find(ctx context.Context, id string) (User, error) {
	return db.One[User](ctx, f.DB, `FROM users WHERE id = ?`, id)
}

// ByIDs returns the users with the given ids, to be included in another resource.
func (f *Feature) ByIDs(ctx context.Context, ids []string) ([]User, error) {
	list, err := db.In[User](ctx, f.DB, `FROM users WHERE id IN (?)`, ids)
	if err != nil {
		return nil, err
	}
	type seat struct {
		InviteeID string `db:"invitee_id"`
		OrgID     string `db:"org_id"`
	}
	seats, err := db.In[seat](ctx, f.DB, `FROM organization_memberships WHERE invitee_id IN (?)`, ids)
	colleagues := map[string]bool{}
	for _, s := range seats {
		if authz.Can(ctx, authz.ReadOrg, authz.Scope{Org: s.OrgID}) {
			colleagues[s.InviteeID] = true
		}
	}
	for i := range list {
		list[i].Colleague = colleagues[list[i].ID]
	}
	return list, err
}

// ByLogin returns the user with the given user name or email address; case does not
// matter.
func (f *Feature) ByLogin(ctx context.Context, login string) (User, error) {
	login = strings.ToLower(strings.TrimSpace(login))
	if login == "" {
		return User{}, problem.NotFound
	}
	// User names have no "@", so at most one row matches.
	return db.One[User](ctx, f.DB, `FROM users WHERE username_lower = ? OR email_lower = ?`, login, login)
}

// Visible returns the user with the given id if the subject of ctx may know of them:
// the user, site administrators, and whoever shares an organization with them.
func (f *Feature) Visible(ctx context.Context, id string) (User, error) {
	u, err := f.Find(ctx, id)
	s := authz.From(ctx)
	if err != nil || s.UserID() == id || s.Can(authz.SiteAdmin, authz.Scope{}) {
		return u, err
	}
	shared, err := db.In[string](ctx, f.DB, `SELECT org_id FROM organization_memberships WHERE user_id = ? AND org_id IN (?) LIMIT 1`, orgsOf(s), id)
	if err == nil && len(shared) == 0 {
		err = problem.NotFound
	}
	return u, err
}

func orgsOf(s *authz.Subject) []string {
	if s == nil {
		return nil
	}
	ids := make([]string, 0, len(s.Orgs))
	for id := range s.Orgs {
		ids = append(ids, id)
	}
	return ids
}

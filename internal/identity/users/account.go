package users

import (
	"context"
	"net/mail"
	"regexp"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// New is what a new user starts with.
type New struct {
	Username, Email string
	PasswordHash    string // of HashPassword; "" cannot log in
	SiteAdmin       bool
}

// Create adds a user, or completes the one who was invited under the same address
// and has not signed up yet.
func (f *Feature) Create(ctx context.Context, n New) (User, error) {
	u := User{ID: id.New("user"), PasswordHash: n.PasswordHash, SiteAdmin: n.SiteAdmin, CreatedAt: db.Now()}
	if err := problem.All(u.rename(n.Username), u.readdress(n.Email)); err != nil {
		return u, err
	}
	invited, err := db.All[string](ctx, f.DB, `SELECT id FROM users WHERE email_lower = ? AND username_lower = ''`, u.EmailLower)
	if err != nil {
		return u, err
	}
	if len(invited) == 0 {
		return u, taken(f.DB.Insert(ctx, "users", u))
	}
	u.ID = invited[0]
	return u, taken(f.DB.Update(ctx, "users", u, "username", "username_lower", "email", "password_hash", "site_admin"))
}

// Invite returns the user with the given address. If there is none, it adds one who
// has neither name nor password until they sign up.
func (f *Feature) Invite(ctx context.Context, email string) (User, error) {
	u := User{ID: id.New("user"), CreatedAt: db.Now()}
	if p := u.readdress(email); p != nil {
		return u, p
	}
	if err := db.InsertAll(ctx, f.DB, "users", []User{u}, "ON CONFLICT DO NOTHING"); err != nil {
		return u, err
	}
	return db.One[User](ctx, f.DB, `FROM users WHERE email_lower = ?`, u.EmailLower)
}

// account returns the user behind the token of the request; for tokens of teams and
// organizations a service account.
func (f *Feature) account(ctx context.Context, _ string) (User, error) {
	s := authz.From(ctx)
	if s == nil {
		return User{}, problem.Unauthorized
	}
	switch s.Kind {
	case authz.User:
		return f.Find(ctx, s.ID)
	case authz.Team:
		return serviceAccount(s.ID, "api-team_", jsonapi.Ref{Type: "teams", ID: s.ID}), nil
	case authz.Org:
		return serviceAccount(s.ID, "api-org_", jsonapi.Ref{Type: "organizations", ID: s.Name}), nil
	}
	return User{}, problem.NotFound
}

// serviceAccount is the account of a team or organization: it has no row, and takes
// its id and name from what it stands for.
func serviceAccount(of, prefix string, standsFor jsonapi.Ref) User {
	_, tail, _ := strings.Cut(of, "-")
	return User{ID: "user-" + tail, Username: prefix + tail, ServiceAccount: true, StandsFor: standsFor}
}

// updates are the attributes of a request.
type updates struct {
	Username jsonapi.Opt[string] `json:"username"`
	Email    jsonapi.Opt[string] `json:"email"`
}

func (f *Feature) update(ctx context.Context, u User, in jsonapi.In[updates]) (User, error) {
	a := in.Data.Attributes
	if err := problem.All(u.rename(a.Username.Or(u.Username)), u.readdress(a.Email.Or(u.Email))); err != nil {
		return u, err
	}
	f.Changed(ctx) // a subject carries the name
	return u, taken(f.DB.Update(ctx, "users", u, "username", "username_lower", "email", "email_lower"))
}

// usernames may not contain "@", so that no name is somebody's address.
var usernames = regexp.MustCompile(`^[A-Za-z0-9_-]{1,60}$`)

// rename sets the user name.
func (u *User) rename(name string) *problem.Problem {
	u.Username = strings.TrimSpace(name)
	u.UsernameLower = strings.ToLower(u.Username)
	switch {
	case u.Username == "":
		return problem.Invalid("username", "Username can't be blank")
	case !usernames.MatchString(u.Username):
		return problem.Invalid("username", "Username can only include letters, numbers, -, and _, and at most 60 of them")
	}
	return nil
}

// readdress sets the email address.
func (u *User) readdress(email string) *problem.Problem {
	u.Email = strings.TrimSpace(email)
	u.EmailLower = strings.ToLower(u.Email)
	if u.Email == "" {
		return problem.Invalid("email", "Email can't be blank")
	}
	if a, err := mail.ParseAddress(u.Email); err != nil || a.Address != u.Email || len(u.Email) > 254 {
		return problem.Invalid("email", "Email is invalid")
	}
	return nil
}

// taken explains a violated unique constraint.
func taken(err error) error {
	if !db.IsUnique(err) {
		return err
	}
	if strings.Contains(err.Error(), "email") {
		return problem.Invalid("email", "Email has already been taken")
	}
	return problem.Invalid("username", "Username has already been taken")
}

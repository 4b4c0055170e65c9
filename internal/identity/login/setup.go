package login

import (
	"context"
	"net/http"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/identity/users"
	"plumbline.dev/plumbline/internal/kernel/audit"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// setupHolds is how long a set-up link works; the next start of the server gives
// another.
const setupHolds = 24 * time.Hour

// SetupLink returns the path of a page, such as "/app/setup/…", that makes the first
// site administrator; false if somebody can log in already.
func (f *Feature) SetupLink(ctx context.Context) (string, bool, error) {
	needed, err := f.needsSetup(ctx)
	if err != nil || !needed {
		return "", false, err
	}
	secret, err := f.hand(ctx, code{Kind: setupCode}, setupHolds)
	return "/app/setup/" + secret.Reveal(), err == nil, err
}

// needsSetup reports whether nobody can log in.
func (f *Feature) needsSetup(ctx context.Context) (bool, error) {
	n, err := db.One[int](ctx, f.DB, `SELECT count(*) FROM users WHERE password_hash <> ''`)
	return n == 0, err
}

// setupPage asks for the first site administrator.
type setupPage struct {
	page
	Username, Email, Organization string
	WithOrganization              bool
}

var errSetup = problem.Denied("This set-up link is not valid: it was used, it is older than a day, or somebody can log in already. Start the server again for a new one.")

// setupOf returns the code of the page, if it may still be used.
func (f *Feature) setupOf(req *http.Request) (code, error) {
	if err := f.limits.allow(f.router.ClientIP(req), ""); err != nil {
		return code{}, err
	}
	c, err := f.code(req.Context(), setupCode, req.PathValue("code"))
	if tokens.Missing(err) || (err == nil && c.UsedAt != nil) {
		return c, errSetup
	}
	if err != nil {
		return c, err
	}
	needed, err := f.needsSetup(req.Context())
	if err == nil && !needed {
		err = errSetup
	}
	return c, err
}

func (f *Feature) showSetup(w http.ResponseWriter, req *http.Request) error {
	if _, err := f.setupOf(req); err != nil {
		return err
	}
	return f.render(w, http.StatusOK, "setup", setupPage{page: page{Title: "Set up Plumbline"}, WithOrganization: f.Orgs != nil})
}

// setup makes the first site administrator, and an organization if one is named.
func (f *Feature) setup(w http.ResponseWriter, req *http.Request) error {
	c, err := f.setupOf(req)
	if err != nil {
		return err
	}
	form := setupPage{page: page{Title: "Set up Plumbline"}, Username: req.PostFormValue("username"), Email: req.PostFormValue("email"),
		Organization: strings.TrimSpace(req.PostFormValue("organization")), WithOrganization: f.Orgs != nil}
	u, err := f.firstUser(req, c, form)
	if err != nil {
		if form.Error, err = explain(err); err != nil {
			return err
		}
		return f.render(w, http.StatusUnprocessableEntity, "setup", form)
	}
	return f.begin(w, req, u, home)
}

func (f *Feature) firstUser(req *http.Request, c code, form setupPage) (u users.User, err error) {
	hash, err := newPassword(req)
	if err != nil {
		return u, err
	}
	err = f.DB.Tx(req.Context(), func(ctx context.Context) error {
		if ok, err := f.use(ctx, c); err != nil || !ok {
			return orElse(err, errSetup)
		}
		if u, err = f.Users.Create(ctx, users.New{Username: form.Username, Email: form.Email, PasswordHash: hash, SiteAdmin: true}); err != nil {
			return err
		}
		ctx = as(ctx, u, "")
		f.Changed(ctx)
		if err := audit.Write(ctx, f.DB, audit.Event{Action: "setup", ResourceType: "users", ResourceID: u.ID}); err != nil {
			return err
		}
		if form.Organization == "" || f.Orgs == nil {
			return nil
		}
		o := orgs.New(form.Organization, u.Email)
		if err := o.Check(); err != nil {
			return err
		}
		_, err := f.Orgs.Make(ctx, o)
		return err
	})
	return u, err
}

// newPassword returns the hash of a password that was typed twice.
func newPassword(req *http.Request) (string, error) {
	password := crypt.Secret(req.PostFormValue("password"))
	if p := users.CheckNewPassword(password); p != nil {
		return "", p
	}
	if req.PostFormValue("password_confirmation") != password.Reveal() {
		return "", problem.Invalid("password_confirmation", "The two passwords are not the same")
	}
	return users.HashPassword(req.Context(), password)
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

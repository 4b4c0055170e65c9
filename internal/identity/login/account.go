package login

import (
	"context"
	"net/http"
	"time"

	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/identity/users"
	"plumbline.dev/plumbline/internal/kernel/audit"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// accountHolds is how long the link to a page that sets a password works.
const accountHolds = 7 * 24 * time.Hour

// AccountLink returns the path of a page at which the person with the address
// chooses a password, and a user name if they have none. Whoever gets the link is
// taken for that person. It is how people get in while no mail is sent, and back in
// when they forgot.
func (f *Feature) AccountLink(ctx context.Context, email string) (string, error) {
	var secret crypt.Secret
	err := f.DB.Tx(ctx, func(ctx context.Context) error {
		u, err := f.Users.Invite(ctx, email)
		if err != nil {
			return err
		}
		secret, err = f.hand(ctx, code{Kind: accountCode, UserID: &u.ID}, accountHolds)
		return err
	})
	return "/app/setup/account/" + secret.Reveal(), err
}

// accountPage asks a person for a password.
type accountPage struct {
	page
	Email, Username string
	Fresh           bool // the person has no user name yet
}

var errAccount = problem.Denied("This link is not valid: it was used, or it is older than a week. Ask a site administrator for a new one.")

// accountOf returns the code of the page, if it may still be used, and its person.
func (f *Feature) accountOf(req *http.Request) (code, users.User, error) {
	if err := f.limits.allow(f.router.ClientIP(req), ""); err != nil {
		return code{}, users.User{}, err
	}
	c, err := f.code(req.Context(), accountCode, req.PathValue("code"))
	if tokens.Missing(err) || (err == nil && c.UsedAt != nil) {
		return c, users.User{}, errAccount
	}
	if err != nil {
		return c, users.User{}, err
	}
	u, err := f.Users.Find(req.Context(), *c.UserID)
	return c, u, err
}

func newAccountPage(u users.User) accountPage {
	return accountPage{page{Title: "Your account"}, u.Email, u.Username, u.Username == ""}
}

func (f *Feature) showAccount(w http.ResponseWriter, req *http.Request) error {
	_, u, err := f.accountOf(req)
	if err != nil {
		return err
	}
	return f.render(w, http.StatusOK, "account", newAccountPage(u))
}

// setAccount sets the password, and signs a person up who is new.
func (f *Feature) setAccount(w http.ResponseWriter, req *http.Request) error {
	c, u, err := f.accountOf(req)
	if err != nil {
		return err
	}
	form := newAccountPage(u)
	if form.Fresh {
		form.Username = req.PostFormValue("username")
	}
	hash, err := newPassword(req)
	if err == nil {
		u, err = f.complete(req.Context(), c, u, form, hash)
	}
	if err != nil {
		if form.Error, err = explain(err); err != nil {
			return err
		}
		return f.render(w, http.StatusUnprocessableEntity, "account", form)
	}
	if u.TOTPVerified || u.Suspended {
		http.Redirect(w, req, "/app/login", http.StatusSeeOther)
		return nil
	}
	return f.begin(w, req, u, home)
}

// complete uses the code. A new password ends the sessions that the old one began.
func (f *Feature) complete(ctx context.Context, c code, u users.User, form accountPage, hash string) (users.User, error) {
	err := f.DB.Tx(ctx, func(ctx context.Context) error {
		if ok, err := f.use(ctx, c); err != nil || !ok {
			return orElse(err, errAccount)
		}
		if err := f.forget(ctx, u.ID); err != nil {
			return err
		}
		f.Changed(ctx)
		if err := audit.Write(as(ctx, u, ""), f.DB, audit.Event{Action: "set-password", ResourceType: "users", ResourceID: u.ID}); err != nil {
			return err
		}
		if !form.Fresh {
			u.PasswordHash = hash
			if err := f.Store.EndSessions(ctx, u.ID, ""); err != nil {
				return err
			}
			return f.DB.Update(ctx, "users", u, "password_hash")
		}
		var err error
		if u, err = f.Users.Create(ctx, users.New{Username: form.Username, Email: u.Email, PasswordHash: hash}); err != nil {
			return err
		}
		return f.Adopt(ctx, u)
	})
	return u, err
}

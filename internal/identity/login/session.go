package login

import (
	"context"
	"net/http"
	"time"

	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/identity/users"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/audit"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// loginPage asks for name and password.
type loginPage struct {
	page
	Next, Login string
}

func (f *Feature) showLogin(w http.ResponseWriter, req *http.Request) error {
	next := local(req.FormValue("next"))
	if s := authz.From(req.Context()); s != nil && s.Session {
		http.Redirect(w, req, next, http.StatusSeeOther)
		return nil
	}
	return f.render(w, http.StatusOK, "login", loginPage{page{Title: "Log in"}, next, ""})
}

// wrongLogin is all that anybody learns of a login that failed.
const wrongLogin = "The user name or the password is not right."

func (f *Feature) login(w http.ResponseWriter, req *http.Request) error {
	ctx, name, next := req.Context(), req.PostFormValue("login"), local(req.PostFormValue("next"))
	if err := f.limits.allow(f.router.ClientIP(req), name); err != nil {
		return err
	}
	u, err := f.authenticate(ctx, name, crypt.Secret(req.PostFormValue("password")))
	if tokens.Missing(err) {
		return f.render(w, http.StatusUnauthorized, "login", loginPage{page{Title: "Log in", Error: wrongLogin}, next, name})
	}
	if err != nil {
		return err
	}
	if !u.TOTPVerified {
		return f.begin(w, req, u, next)
	}
	pending, err := f.hand(ctx, code{Kind: secondFactorCode, UserID: &u.ID}, 5*time.Minute)
	if err != nil {
		return err
	}
	return f.render(w, http.StatusOK, "code", codePage{page{Title: "Second factor"}, next, pending.Reveal()})
}

// authenticate returns the user with the login name and password, or
// problem.NotFound after the same time.
func (f *Feature) authenticate(ctx context.Context, name string, password crypt.Secret) (users.User, error) {
	u, err := f.Users.ByLogin(ctx, name)
	if err != nil && !tokens.Missing(err) {
		return u, err
	}
	ok, err := users.VerifyPassword(ctx, u.PasswordHash, password)
	if err != nil {
		return u, err
	}
	if !ok || u.Suspended || u.ServiceAccount {
		return users.User{}, f.failed(ctx, u)
	}
	return u, nil
}

// failed records a login that was refused, and returns problem.NotFound.
func (f *Feature) failed(ctx context.Context, u users.User) error {
	if err := audit.Write(ctx, f.DB, audit.Event{Action: "login-failed", ResourceType: "users", ResourceID: u.ID}); err != nil {
		return err
	}
	return problem.NotFound
}

// codePage asks for a code of the second factor.
type codePage struct {
	page
	Next    string
	Pending string // proves that the password was right
}

func (f *Feature) secondFactor(w http.ResponseWriter, req *http.Request) error {
	ctx, next, pending := req.Context(), local(req.PostFormValue("next")), req.PostFormValue("pending")
	if err := f.limits.allow(f.router.ClientIP(req), ""); err != nil {
		return err
	}
	c, err := f.code(ctx, secondFactorCode, pending)
	if tokens.Missing(err) || (err == nil && c.UsedAt != nil) {
		return f.render(w, http.StatusUnauthorized, "login", loginPage{page{Title: "Log in", Error: "The login took too long. Start again."}, next, ""})
	}
	if err != nil {
		return err
	}
	u, err := f.Users.Find(ctx, *c.UserID)
	if err != nil {
		return err
	}
	if err := f.limits.allow("", "code of "+u.ID); err != nil {
		return err
	}
	ok, err := f.proven(ctx, u, req.PostFormValue("code"))
	if err != nil {
		return err
	}
	if !ok || u.Suspended {
		if err := f.failed(ctx, u); !tokens.Missing(err) {
			return err
		}
		return f.render(w, http.StatusUnauthorized, "code", codePage{page{Title: "Second factor", Error: wrongCode}, next, pending})
	}
	if ok, err = f.use(ctx, c); err != nil || !ok {
		return err
	}
	return f.begin(w, req, u, next)
}

// proven reports whether the code is one of the user's device, or a recovery code, which it
// uses up.
func (f *Feature) proven(ctx context.Context, u users.User, code string) (bool, error) {
	ok, err := f.Users.CheckTOTP(ctx, u, digits(code))
	if err != nil || ok {
		return ok, err
	}
	if ok, err = f.Users.UseRecoveryCode(ctx, u.ID, code); err != nil || !ok {
		return false, err
	}
	return true, audit.Write(as(ctx, u, ""), f.DB, audit.Event{Action: "use-recovery-code", ResourceType: "users", ResourceID: u.ID})
}

const wrongCode = "The code is not right, or was used before. Wait for the next one."

// digits leaves the digits of a code that was typed with spaces.
func digits(s string) string {
	out := make([]byte, 0, 8)
	for _, c := range []byte(s) {
		if c >= '0' && c <= '9' {
			out = append(out, c)
		}
	}
	return string(out)
}

// begin starts a session of the user and leads to next.
func (f *Feature) begin(w http.ResponseWriter, req *http.Request, u users.User, next string) error {
	var secret crypt.Secret
	err := f.DB.Tx(req.Context(), func(ctx context.Context) error {
		t, s, err := f.Store.BeginSession(ctx, u.ID, f.router.ClientIP(req), req.UserAgent())
		if err != nil {
			return err
		}
		secret = s
		return audit.Write(as(ctx, u, t.ID), f.DB, audit.Event{Action: "login", ResourceType: "users", ResourceID: u.ID})
	})
	if err != nil {
		return err
	}
	// The server ends the session when it is idle; the cookie only has to outlive it.
	f.setCookie(w, req, secret.Reveal(), int((180 * 24 * time.Hour).Seconds()))
	http.Redirect(w, req, next, http.StatusSeeOther)
	return nil
}

// as returns a context in which the user acts.
func as(ctx context.Context, u users.User, tokenID string) context.Context {
	return authz.With(ctx, &authz.Subject{Kind: authz.User, ID: u.ID, Name: u.Username, TokenID: tokenID, SiteAdmin: u.SiteAdmin, Session: true})
}

// setCookie sets the cookie of the session; a negative age removes it.
func (f *Feature) setCookie(w http.ResponseWriter, req *http.Request, value string, age int) {
	c := &http.Cookie{Name: api.PlainSessionCookie, Value: value, Path: "/", MaxAge: age, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if f.router.Secure(req) {
		c.Name, c.Secure = api.SessionCookie, true
	}
	http.SetCookie(w, c)
}

func (f *Feature) logout(w http.ResponseWriter, req *http.Request) error {
	if s := authz.From(req.Context()); s != nil && s.Session {
		err := f.DB.Tx(req.Context(), func(ctx context.Context) error {
			f.Changed(ctx)
			if err := f.Store.Revoke(ctx, s.TokenID); err != nil {
				return err
			}
			return audit.Write(ctx, f.DB, audit.Event{Action: "logout", ResourceType: "users", ResourceID: s.ID})
		})
		if err != nil {
			return err
		}
	}
	f.setCookie(w, req, "", -1)
	http.Redirect(w, req, "/app/login", http.StatusSeeOther)
	return nil
}

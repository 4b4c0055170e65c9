package login

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"image/png"
	"io"
	"net/http"

	"github.com/pquerna/otp"

	"plumbline.dev/plumbline/internal/identity/users"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/audit"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// securityPage changes the password and the second factor.
type securityPage struct {
	page
	Key     string       // of a second factor that was started just now
	Picture template.URL // the same as a QR code
	Codes   []string     // recovery codes that were made just now
}

func (f *Feature) showSecurity(w http.ResponseWriter, req *http.Request, u users.User) error {
	p := securityPage{page: page{User: &u}}
	p.Note = map[string]string{"password": "The password is changed. Other browsers are logged out.", "on": "The second factor is on.", "off": "The second factor is off."}[req.FormValue("done")]
	return f.renderSecurity(w, http.StatusOK, p)
}

func (f *Feature) renderSecurity(w http.ResponseWriter, status int, p securityPage) error {
	p.Title, p.Wide = "Security", true
	return f.render(w, status, "security", p)
}

// renewCodesPage shows new recovery codes, once.
func (f *Feature) renewCodesPage(w http.ResponseWriter, req *http.Request, u users.User) error {
	if err := f.prove(req, u, req.PostFormValue("current_password")); err != nil {
		return f.again(w, u, err)
	}
	if !u.TOTPVerified {
		return done(w, req, "off")
	}
	var codes []string
	err := f.DB.Tx(req.Context(), func(ctx context.Context) (err error) {
		if codes, err = f.Users.NewRecoveryCodes(ctx, u.ID); err != nil {
			return err
		}
		return audit.Write(ctx, f.DB, audit.Event{Action: "renew-recovery-codes", ResourceType: "users", ResourceID: u.ID})
	})
	if err != nil {
		return err
	}
	return f.renderSecurity(w, http.StatusOK, securityPage{page: page{User: &u}, Codes: codes})
}

// again shows the page with what went wrong.
func (f *Feature) again(w http.ResponseWriter, u users.User, err error) error {
	text, err := explain(err)
	if err != nil {
		return err
	}
	return f.renderSecurity(w, http.StatusUnprocessableEntity, securityPage{page: page{User: &u, Error: text}})
}

func done(w http.ResponseWriter, req *http.Request, what string) error {
	http.Redirect(w, req, "/app/settings/security?done="+what, http.StatusSeeOther)
	return nil
}

// prove checks the present password of a user who wants to change what protects
// them: a browser that was left open must not suffice.
func (f *Feature) prove(req *http.Request, u users.User, password string) error {
	if err := f.limits.allow(f.router.ClientIP(req), "password of "+u.ID); err != nil {
		return err
	}
	ok, err := users.VerifyPassword(req.Context(), u.PasswordHash, crypt.Secret(password))
	if err == nil && !ok {
		err = problem.Invalid("current_password", "Current password is not right")
	}
	return err
}

func (f *Feature) changePassword(w http.ResponseWriter, req *http.Request, u users.User) error {
	if err := f.prove(req, u, req.PostFormValue("current_password")); err != nil {
		return f.again(w, u, err)
	}
	hash, err := newPassword(req)
	if err != nil {
		return f.again(w, u, err)
	}
	if err := f.setPassword(req.Context(), u, hash); err != nil {
		return err
	}
	return done(w, req, "password")
}

// setPassword stores the hash of a new password, and ends the user's other sessions and
// whatever was begun with the old one.
func (f *Feature) setPassword(ctx context.Context, u users.User, hash string) error {
	u.PasswordHash = hash
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		f.Changed(ctx)
		if err := f.Store.EndSessions(ctx, u.ID, authz.From(ctx).TokenID); err != nil {
			return err
		}
		if err := f.forget(ctx, u.ID); err != nil {
			return err
		}
		if err := audit.Write(ctx, f.DB, audit.Event{Action: "change-password", ResourceType: "users", ResourceID: u.ID}); err != nil {
			return err
		}
		return f.DB.Update(ctx, "users", u, "password_hash")
	})
}

// caller returns the user of the request.
func (f *Feature) caller(ctx context.Context, _ string) (users.User, error) {
	return f.Users.Find(ctx, authz.From(ctx).UserID())
}

// passwords are the attributes of a request, which have underscores (OpenAPI
// operation updateAccountPassword).
type passwords struct {
	Current      crypt.Secret `json:"current_password"`
	New          crypt.Secret `json:"password"`
	Confirmation crypt.Secret `json:"password_confirmation"`
}

// patchPassword is PATCH /account/password. It is no api.Update because hashing
// must not keep a transaction open.
func (f *Feature) patchPassword(ctx context.Context, w http.ResponseWriter, req *http.Request, u users.User) error {
	var in jsonapi.In[passwords]
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxForm))
	if err != nil || json.Unmarshal(body, &in) != nil {
		return problem.BadRequest("The request body must be a JSON:API document with the attributes current_password, password and password_confirmation.")
	}
	a := in.Data.Attributes
	if err := f.prove(req, u, a.Current.Reveal()); err != nil {
		return err
	}
	if p := users.CheckNewPassword(a.New); p != nil {
		return p
	}
	if a.New != a.Confirmation {
		return problem.Invalid("password_confirmation", "Password confirmation doesn't match Password")
	}
	hash, err := users.HashPassword(ctx, a.New)
	if err != nil {
		return err
	}
	if err := f.setPassword(ctx, u, hash); err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, jsonapi.MediaType, jsonapi.Document{Data: f.Users.View(ctx, u)})
}

func (f *Feature) startTwoFactor(w http.ResponseWriter, req *http.Request, u users.User) error {
	if err := f.prove(req, u, req.PostFormValue("current_password")); err != nil {
		return f.again(w, u, err)
	}
	key, err := f.Users.StartTOTP(req.Context(), u)
	if err != nil {
		return f.again(w, u, err)
	}
	picture, err := picture(key)
	if err != nil {
		return err
	}
	return f.renderSecurity(w, http.StatusOK, securityPage{page: page{User: &u}, Key: key.Secret(), Picture: picture})
}

// picture returns the key as a QR code in a data address.
func picture(key *otp.Key) (template.URL, error) {
	img, err := key.Image(220, 220)
	if err != nil {
		return "", err
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		return "", err
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(buf.Bytes())), nil //nolint:gosec // our own picture
}

func (f *Feature) confirmTwoFactor(w http.ResponseWriter, req *http.Request, u users.User) error {
	if err := f.limits.allow(f.router.ClientIP(req), "code of "+u.ID); err != nil {
		return err
	}
	ok, err := f.Users.ConfirmTOTP(req.Context(), u, digits(req.PostFormValue("code")))
	if err != nil {
		return err
	}
	if !ok {
		return f.again(w, u, problem.Invalid("code", "The code is not right. Set the device up again"))
	}
	codes, err := f.Users.NewRecoveryCodes(req.Context(), u.ID)
	if err != nil {
		return err
	}
	if err := audit.Write(req.Context(), f.DB, audit.Event{Action: "enable-two-factor", ResourceType: "users", ResourceID: u.ID}); err != nil {
		return err
	}
	return f.renderSecurity(w, http.StatusOK, securityPage{page: page{User: &u, Note: "The second factor is on."}, Codes: codes})
}

func (f *Feature) disableTwoFactor(w http.ResponseWriter, req *http.Request, u users.User) error {
	if err := f.prove(req, u, req.PostFormValue("current_password")); err != nil {
		return f.again(w, u, err)
	}
	err := f.DB.Tx(req.Context(), func(ctx context.Context) error {
		if _, err := f.Users.DisableTOTP(ctx, u); err != nil {
			return err
		}
		return audit.Write(ctx, f.DB, audit.Event{Action: "disable-two-factor", ResourceType: "users", ResourceID: u.ID})
	})
	if err != nil {
		return err
	}
	return done(w, req, "off")
}

package login

import (
	"context"
	"fmt"
	"image/color"
	"strings"

	"github.com/boombuler/barcode/qr"
	"github.com/pquerna/otp"

	"plumbline.dev/plumbline/internal/identity/users"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// factor is the second factor of the caller.
type factor struct {
	users.User
	left  int      // recovery codes that have not been used
	key   *otp.Key // that was made just now
	codes []string // recovery codes that were made just now
}

// twoFactorRoutes are the second factor of the caller. They are ours: HCP Terraform has it on
// pages only. Whatever weakens it wants the password, as the pages do.
func (f *Feature) twoFactorRoutes(r *api.Router) {
	const path = "/account/two-factor"
	proof := api.Before(f.proof)
	api.Type(r, "two-factors", authz.SiteAdmin, nil, viewFactor)
	api.Show(r, path, authz.AsUser, f.caller, f.showFactor)
	api.Action(r, path, authz.AsUser, f.caller, f.startFactor, proof)
	api.Action(r, path+"/actions/confirm", authz.AsUser, f.caller, f.confirmFactor)
	api.Action(r, path+"/actions/disable", authz.AsUser, f.caller, f.disableFactor, proof)
	api.Action(r, path+"/actions/renew-recovery-codes", authz.AsUser, f.caller, f.renewCodes, proof)
}

type factorAttributes struct {
	Enabled           bool     `json:"enabled"`
	RecoveryCodesLeft int      `json:"recovery-codes-left"`
	Secret            *string  `json:"secret,omitempty"` // these three when it was started just now
	URI               *string  `json:"uri,omitempty"`    // for authenticator apps
	QRCode            *qrCode  `json:"qr-code,omitempty"`
	RecoveryCodes     []string `json:"recovery-codes,omitempty"` // when they were made just now
}

// qrCode is a picture of a URI: a square with sides of Size modules, of which those within the
// SVG path are dark.
type qrCode struct {
	Size int    `json:"size"`
	Path string `json:"path"`
}

func viewFactor(_ context.Context, t factor) jsonapi.Resource {
	a := factorAttributes{Enabled: t.TOTPVerified, RecoveryCodesLeft: t.left, RecoveryCodes: t.codes}
	if t.key != nil {
		secret, uri := t.key.Secret(), t.key.URL()
		a.Secret, a.URI = &secret, &uri
		if picture, err := drawQR(uri); err == nil { // else the secret is typed
			a.QRCode = &picture
		}
	}
	return jsonapi.Resource{Type: "two-factors", ID: t.ID, Attributes: a}
}

// drawQR draws a text as a QR code.
func drawQR(text string) (qrCode, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return qrCode{}, err
	}
	size := code.Bounds().Dx()
	var path strings.Builder
	for y := range size {
		for x := 0; x < size; x++ {
			from := x
			for x < size && code.At(x, y) == color.Color(color.Black) {
				x++
			}
			if x > from {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from, y, x-from, x-from)
			}
		}
	}
	return qrCode{size, path.String()}, nil
}

// proof are the attributes of a request that wants the password; the name is that of
// updateAccountPassword.
type proof struct {
	Current crypt.Secret `json:"current_password"`
}

// proof checks the password of a request, outside of its transaction.
func (f *Feature) proof(ctx context.Context, u users.User, in jsonapi.In[proof]) (context.Context, error) {
	return ctx, f.prove(api.Request(ctx), u, in.Data.Attributes.Current.Reveal())
}

func (f *Feature) showFactor(ctx context.Context, u users.User) (factor, error) {
	left, err := f.Users.RecoveryCodesLeft(ctx, u.ID)
	return factor{User: u, left: left}, err
}

func (f *Feature) startFactor(ctx context.Context, u users.User, _ jsonapi.In[proof]) (factor, error) {
	key, err := f.Users.StartTOTP(ctx, u)
	return factor{User: u, key: key}, err
}

type confirmation struct {
	Code string `json:"code"`
}

func (f *Feature) confirmFactor(ctx context.Context, u users.User, in jsonapi.In[confirmation]) (factor, error) {
	if err := f.limits.allow(f.router.ClientIP(api.Request(ctx)), "code of "+u.ID); err != nil {
		return factor{}, err
	}
	if u.TOTPVerified {
		return factor{}, problem.Conflict("Two-factor authentication is already on.")
	}
	ok, err := f.Users.ConfirmTOTP(ctx, u, digits(in.Data.Attributes.Code))
	if err != nil {
		return factor{}, err
	}
	if !ok {
		return factor{}, problem.Invalid("code", "Code is not right, or was used before. Wait for the next one")
	}
	u.TOTPVerified = true
	return f.withCodes(ctx, u)
}

func (f *Feature) withCodes(ctx context.Context, u users.User) (factor, error) {
	codes, err := f.Users.NewRecoveryCodes(ctx, u.ID)
	return factor{User: u, left: len(codes), codes: codes}, err
}

func (f *Feature) disableFactor(ctx context.Context, u users.User, _ jsonapi.In[proof]) (factor, error) {
	u, err := f.Users.DisableTOTP(ctx, u)
	return factor{User: u}, err
}

func (f *Feature) renewCodes(ctx context.Context, u users.User, _ jsonapi.In[proof]) (factor, error) {
	if !u.TOTPVerified {
		return factor{}, problem.Conflict("Two-factor authentication is off: there is nothing to recover.")
	}
	return f.withCodes(ctx, u)
}

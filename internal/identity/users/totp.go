package users

import (
	"context"
	"crypto/subtle"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"plumbline.dev/plumbline/internal/kernel/problem"
)

// period is the length of a time step of a second factor in seconds (RFC 6238).
const period = 30

// site owns what is sealed for users, who belong to no organization.
const site = "site"

// StartTOTP gives the user a new second factor, which counts once ConfirmTOTP has
// seen a code of it. The key is for an authenticator app, and shown once.
func (f *Feature) StartTOTP(ctx context.Context, u User) (*otp.Key, error) {
	if u.TOTPVerified {
		return nil, problem.Conflict("Two-factor authentication is already on. Turn it off to set up another device.")
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: "Plumbline", AccountName: u.Username, Period: period})
	if err != nil {
		return nil, err
	}
	u.TOTPSecret, err = f.Keyring.Seal(ctx, site, []byte(key.Secret()), sealedFor(u))
	if err != nil {
		return nil, err
	}
	u.TOTPVerified = false
	return key, f.DB.Update(ctx, "users", u, "totp_secret", "totp_verified")
}

// ConfirmTOTP turns the second factor on if the code is right.
func (f *Feature) ConfirmTOTP(ctx context.Context, u User, code string) (bool, error) {
	ok, err := f.CheckTOTP(ctx, u, code)
	if err != nil || !ok {
		return false, err
	}
	u.TOTPVerified = true
	f.Changed(ctx) // organizations may ask for it
	return true, f.DB.Update(ctx, "users", u, "totp_verified")
}

// DisableTOTP removes the second factor with its recovery codes.
func (f *Feature) DisableTOTP(ctx context.Context, u User) (User, error) {
	u.TOTPSecret, u.TOTPVerified = nil, false
	f.Changed(ctx)
	if err := f.forgetRecoveryCodes(ctx, u.ID); err != nil {
		return u, err
	}
	return u, f.DB.Update(ctx, "users", u, "totp_secret", "totp_verified")
}

// HasTwoFactor reports whether the user with the given id has a second factor.
func (f *Feature) HasTwoFactor(ctx context.Context, id string) (bool, error) {
	u, err := f.Find(ctx, id)
	return u.TOTPVerified, err
}

// CheckTOTP reports whether the code is one of the user's second factor, of now or
// a step earlier or later, and has not been used before (RFC 6238, section 5.2).
func (f *Feature) CheckTOTP(ctx context.Context, u User, code string) (bool, error) {
	if u.TOTPSecret == nil {
		return false, nil
	}
	secret, err := f.Keyring.Open(ctx, site, u.TOTPSecret, sealedFor(u))
	if err != nil {
		return false, err
	}
	now := time.Now()
	for _, drift := range []time.Duration{0, -period * time.Second, period * time.Second} {
		at := now.Add(drift)
		want, err := totp.GenerateCode(string(secret), at)
		if err != nil {
			return false, err
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			return f.useStep(ctx, u, at.Unix()/period)
		}
	}
	return false, nil
}

// useStep takes a time step for its only use; false if it, or a later one, is gone.
func (f *Feature) useStep(ctx context.Context, u User, step int64) (bool, error) {
	n, err := f.DB.Exec(ctx, `UPDATE users SET totp_step = ? WHERE id = ? AND totp_step < ?`, step, u.ID, step)
	return n == 1, err
}

func sealedFor(u User) string { return "users:totp_secret:" + u.ID }

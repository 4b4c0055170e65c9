package login

import (
	"context"
	"crypto/sha256"
	"time"

	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
)

// code is a short-lived secret that was handed out.
type code struct {
	Hash        []byte   `db:"hash"` // SHA-256
	Kind        kind     `db:"kind"`
	UserID      *string  `db:"user_id"`
	ClientID    string   `db:"client_id"` // of kind authorization, as the next two
	RedirectURI string   `db:"redirect_uri"`
	Challenge   string   `db:"challenge"`
	TokenID     *string  `db:"token_id"` // what the code was exchanged for
	UsedAt      *db.Time `db:"used_at"`
	ExpiresAt   db.Time  `db:"expires_at"`
}

type kind string

const (
	setupCode         kind = "setup"         // makes the first site administrator
	accountCode       kind = "account"       // gives a person a password
	secondFactorCode  kind = "second-factor" // the password was right, the other factor is missing
	authorizationCode kind = "authorization" // of "terraform login"
)

// hand stores a new code like c that holds for the given time, and returns it. Codes
// that are long over are removed.
func (f *Feature) hand(ctx context.Context, c code, holds time.Duration) (crypt.Secret, error) {
	secret := id.Random(43) // 256 bits
	sum := sha256.Sum256([]byte(secret))
	c.Hash, c.ExpiresAt = sum[:], db.At(time.Now().Add(holds))
	if _, err := f.DB.Exec(ctx, `DELETE FROM login_codes WHERE expires_at < ?`, db.At(time.Now().Add(-time.Hour))); err != nil {
		return "", err
	}
	return crypt.Secret(secret), f.DB.Insert(ctx, "login_codes", c)
}

// code returns the code with the given secret form, used or not, or
// problem.NotFound.
func (f *Feature) code(ctx context.Context, k kind, secret string) (code, error) {
	sum := sha256.Sum256([]byte(secret))
	return db.One[code](ctx, f.DB, `FROM login_codes WHERE hash = ? AND kind = ? AND expires_at > ?`, sum[:], k, db.Now())
}

// use takes the code for its only use; false if somebody else did.
func (f *Feature) use(ctx context.Context, c code) (bool, error) {
	n, err := f.DB.Exec(ctx, `UPDATE login_codes SET used_at = ? WHERE hash = ? AND used_at IS NULL`, db.Now(), c.Hash)
	return n == 1, err
}

// forget uses up the codes that a user has not used: links, logins that wait for a second
// factor, and answers to the command line. Call it when the password changes.
func (f *Feature) forget(ctx context.Context, userID string) error {
	_, err := f.DB.Exec(ctx, `UPDATE login_codes SET used_at = ? WHERE user_id = ? AND used_at IS NULL`, db.Now(), userID)
	return err
}

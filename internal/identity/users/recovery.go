package users

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/db"
)

// Recovery codes: how many a user gets, how long each is, and in what groups it is written.
const (
	recoveryCodes  = 10
	recoveryLength = 16 // 79 bits
	recoveryGroup  = 4
)

// recoveryAlphabet has no signs that look alike.
const recoveryAlphabet = "abcdefghjkmnpqrstuvwxyz23456789"

// recoveryCode is a row: the code itself is not kept.
type recoveryCode struct {
	UserID    string  `db:"user_id"`
	Hash      []byte  `db:"hash"` // SHA-256
	CreatedAt db.Time `db:"created_at"`
}

// NewRecoveryCodes gives the user new codes, each of which stands once for a code of the second
// factor. Those before count no longer. They cannot be had again.
func (f *Feature) NewRecoveryCodes(ctx context.Context, userID string) ([]string, error) {
	if err := f.forgetRecoveryCodes(ctx, userID); err != nil {
		return nil, err
	}
	codes, rows := make([]string, recoveryCodes), make([]recoveryCode, recoveryCodes)
	for i := range codes {
		secret := randomRecovery()
		rows[i] = recoveryCode{userID, recoveryHash(secret), db.Now()}
		var groups []string
		for at := 0; at < recoveryLength; at += recoveryGroup {
			groups = append(groups, secret[at:at+recoveryGroup])
		}
		codes[i] = strings.Join(groups, "-")
	}
	return codes, db.InsertAll(ctx, f.DB, "recovery_codes", rows, "")
}

// randomRecovery is a code without its dashes. Bytes that would make some signs likelier are
// left out.
func randomRecovery() string {
	out, some := make([]byte, 0, recoveryLength), make([]byte, 2*recoveryLength)
	for len(out) < recoveryLength {
		_, _ = rand.Read(some) // never fails
		for _, b := range some {
			if int(b) < 256-256%len(recoveryAlphabet) && len(out) < recoveryLength {
				out = append(out, recoveryAlphabet[int(b)%len(recoveryAlphabet)])
			}
		}
	}
	return string(out)
}

func recoveryHash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// UseRecoveryCode takes a code for its only use, and reports whether the user has it. Case,
// spaces and dashes do not matter.
func (f *Feature) UseRecoveryCode(ctx context.Context, userID, code string) (bool, error) {
	secret := strings.Map(func(r rune) rune {
		if strings.ContainsRune(recoveryAlphabet, r) {
			return r
		}
		return -1
	}, strings.ToLower(code))
	if len(secret) != recoveryLength {
		return false, nil
	}
	n, err := f.DB.Exec(ctx, `DELETE FROM recovery_codes WHERE user_id = ? AND hash = ?`, userID, recoveryHash(secret))
	return n == 1, err
}

// RecoveryCodesLeft is how many codes the user has not used.
func (f *Feature) RecoveryCodesLeft(ctx context.Context, userID string) (int, error) {
	return db.One[int](ctx, f.DB, `SELECT count(*) FROM recovery_codes WHERE user_id = ?`, userID)
}

func (f *Feature) forgetRecoveryCodes(ctx context.Context, userID string) error {
	_, err := f.DB.Exec(ctx, `DELETE FROM recovery_codes WHERE user_id = ?`, userID)
	return err
}

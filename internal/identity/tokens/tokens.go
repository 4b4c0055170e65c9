// Package tokens keeps everything that authenticates a request: tokens of users,
// teams, organizations and runs, and browser sessions. A token is shown once; only
// the SHA-256 of its secret part is kept, which is enough because the part has 67
// random characters.
package tokens

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Kind is what a token stands for.
type Kind string

// The kinds of tokens.
const (
	User    Kind = "user"
	Session Kind = "session" // of a browser, stands for a user
	Team    Kind = "team"
	Org     Kind = "organization"
	Audit   Kind = "audit-trails" // of an organization, reads the audit trail only
	Run     Kind = "run"
)

// Token is one token.
type Token struct {
	ID          string   `db:"id"`
	Public      string   `db:"public"`
	Hash        []byte   `db:"hash"`
	Kind        Kind     `db:"kind"`
	UserID      *string  `db:"user_id"`
	TeamID      *string  `db:"team_id"`
	OrgID       *string  `db:"org_id"`
	WorkspaceID *string  `db:"workspace_id"` // of kind Run
	Description string   `db:"description"`
	CreatedBy   *string  `db:"created_by"`
	CreatedAt   db.Time  `db:"created_at"`
	LastUsedAt  *db.Time `db:"last_used_at"`
	ExpiresAt   *db.Time `db:"expires_at"`
}

// Store mints and finds tokens.
type Store struct {
	DB *db.DB
}

// separator is between the public and the secret part, as in HCP Terraform, so that
// secret scanners know the form.
const separator = ".atlasv1."

// Mint stores a new token like t and returns it with its secret form, which cannot
// be had again.
func (s *Store) Mint(ctx context.Context, t Token) (Token, crypt.Secret, error) {
	secret := id.Random(67)
	sum := sha256.Sum256([]byte(secret))
	t.ID, t.Public, t.Hash, t.CreatedAt = id.New("at"), id.Random(14), sum[:], db.Now()
	if err := s.DB.Insert(ctx, "tokens", t); err != nil {
		return t, "", err
	}
	return t, crypt.Secret(t.Public + separator + secret), nil
}

// Lookup returns the token with the given secret form, or problem.NotFound if there
// is none or it has expired.
func (s *Store) Lookup(ctx context.Context, secret string) (Token, error) {
	public, rest, ok := strings.Cut(secret, separator)
	if !ok || len(public) > 64 || len(rest) > 256 {
		return Token{}, problem.NotFound
	}
	t, err := db.One[Token](ctx, s.DB, `FROM tokens WHERE public = ?`, public)
	if err != nil {
		return t, err
	}
	sum := sha256.Sum256([]byte(rest))
	if subtle.ConstantTimeCompare(sum[:], t.Hash) != 1 || t.Expired() {
		return Token{}, problem.NotFound
	}
	return t, nil
}

// Expired reports whether the token's time is over.
func (t Token) Expired() bool { return t.ExpiresAt != nil && !time.Now().Before(t.ExpiresAt.Time) }

// Missing reports whether err says that there is no such token.
func Missing(err error) bool { return errors.Is(err, problem.NotFound) }

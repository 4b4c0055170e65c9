// Package tokens keeps everything that authenticates a request: tokens of users,
// teams, organizations, runs and agents, and browser sessions. A token is shown once; only
// the SHA-256 of its secret part is kept, which is enough because the part has 67
// random characters.
//
// The surprising rule: a token without an expiry in the request lives two years, as
// in HCP Terraform; only an explicit null makes one that never expires.
package tokens

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/kernel/authz"
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
	Scan    Kind = "scan"  // like Run, and changes nothing
	Agent   Kind = "agent" // lets agents join a pool, and nothing else
)

// Token is one token.
type Token struct {
	ID            string   `db:"id"`
	Public        string   `db:"public"`
	Hash          []byte   `db:"hash"`
	Kind          Kind     `db:"kind"`
	UserID        *string  `db:"user_id"`
	TeamID        *string  `db:"team_id"`
	OrgID         *string  `db:"org_id"`        // of the tokens of teams and agent pools too
	WorkspaceID   *string  `db:"workspace_id"`  // of kind Run and Scan
	ModuleID      *string  `db:"module_id"`     // of kind Run, if it tests a module and is in no workspace
	AgentPoolID   *string  `db:"agent_pool_id"` // of kind Agent
	JobID         string   `db:"job_id"`        // of kind Run and Scan: the job that it is for, "" is none
	Single        bool     `db:"single"`        // the one token without a description that a team may have
	Description   string   `db:"description"`
	CreatedBy     *string  `db:"created_by"`
	CreatedByTeam *string  `db:"created_by_team"`
	CreatedByOrg  *string  `db:"created_by_org"`
	CreatedAt     db.Time  `db:"created_at"`
	LastUsedAt    *db.Time `db:"last_used_at"`
	ExpiresAt     *db.Time `db:"expires_at"`
	IP            string   `db:"ip"`         // of kind Session: where it began
	UserAgent     string   `db:"user_agent"` // of kind Session: what the browser says it is

	OrgName string       `db:"org_name,extra"` // of OrgID, where a client sees the token
	Secret  crypt.Secret // the secret form, in the answer that creates the token only
}

// Scope implements authz.Scoped.
func (t Token) Scope() authz.Scope {
	return authz.Scope{User: db.Text(t.UserID), Org: db.Text(t.OrgID), Team: db.Text(t.TeamID)}
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

// RunTTL is how long the token of a run works if nobody revokes it before, unless the run may
// take longer.
const RunTTL = 24 * time.Hour

// MintRun makes a token for a run in the workspace, for the time of a job: it reads and
// writes the state of that workspace, and reads the states that others share with it. It works
// as long as the job may take, and RunTTL at least.
func (s *Store) MintRun(ctx context.Context, workspaceID, jobID string, life time.Duration) (Token, crypt.Secret, error) {
	expires := db.At(time.Now().Add(max(RunTTL, life)))
	return s.Mint(ctx, Token{Kind: Run, WorkspaceID: &workspaceID, JobID: jobID, ExpiresAt: &expires})
}

// MintTest makes a token for a test of a module, for the time of a job: it installs from the
// organization's registry, and nothing else.
func (s *Store) MintTest(ctx context.Context, moduleID, jobID string) (Token, crypt.Secret, error) {
	expires := db.At(time.Now().Add(RunTTL))
	return s.Mint(ctx, Token{Kind: Run, ModuleID: &moduleID, JobID: jobID, ExpiresAt: &expires})
}

// MintScan makes a token like that of a run, which cannot write states.
func (s *Store) MintScan(ctx context.Context, workspaceID, jobID string) (Token, crypt.Secret, error) {
	expires := db.At(time.Now().Add(ScanTTL))
	return s.Mint(ctx, Token{Kind: Scan, WorkspaceID: &workspaceID, JobID: jobID, ExpiresAt: &expires})
}

// ScanTTL is how long the token of a scan works if nobody revokes it before.
const ScanTTL = 2 * time.Hour

// RevokeOf removes the tokens of a job and returns their ids.
func (s *Store) RevokeOf(ctx context.Context, jobID string) ([]string, error) {
	return db.All[string](ctx, s.DB, `DELETE FROM tokens WHERE job_id = ? AND kind IN (?, ?) RETURNING id`, jobID, Run, Scan)
}

// SessionTTL is how long a browser session lasts after its last request.
const SessionTTL = 14 * 24 * time.Hour

// MintSession makes a browser session of a user that begins nowhere.
func (s *Store) MintSession(ctx context.Context, userID string) (Token, crypt.Secret, error) {
	return s.BeginSession(ctx, userID, "", "")
}

// maxUserAgent is how much is kept of what a browser says it is, in bytes.
const maxUserAgent = 400

// BeginSession makes a browser session of a user. ip is where the browser is, userAgent what
// it says it is.
func (s *Store) BeginSession(ctx context.Context, userID, ip, userAgent string) (Token, crypt.Secret, error) {
	expires := db.At(time.Now().Add(SessionTTL))
	userAgent = strings.ToValidUTF8(userAgent[:min(len(userAgent), maxUserAgent)], "")
	return s.Mint(ctx, Token{Kind: Session, UserID: &userID, ExpiresAt: &expires, IP: ip, UserAgent: userAgent})
}

// SessionsOf returns the browser sessions of a user that are not over, the one that was used
// last first.
func (s *Store) SessionsOf(ctx context.Context, userID string) ([]Token, error) {
	return db.All[Token](ctx, s.DB, `FROM tokens WHERE user_id = ? AND kind = ? AND expires_at > ?
	ORDER BY COALESCE(last_used_at, created_at) DESC, id`, userID, Session, db.Now())
}

// SessionOf returns a browser session of a user, or problem.NotFound.
func (s *Store) SessionOf(ctx context.Context, userID, id string) (Token, error) {
	return db.One[Token](ctx, s.DB, `FROM tokens WHERE id = ? AND user_id = ? AND kind = ?`, id, userID, Session)
}

// Revoke removes a token.
func (s *Store) Revoke(ctx context.Context, id string) error { return s.DB.Delete(ctx, "tokens", id) }

// EndSessions removes the browser sessions of a user but for the token keep, which
// may be "".
func (s *Store) EndSessions(ctx context.Context, userID, keep string) error {
	_, err := s.DB.Exec(ctx, `DELETE FROM tokens WHERE user_id = ? AND kind = ? AND id <> ?`, userID, Session, keep)
	return err
}

// Expired reports whether the token's time is over.
func (t Token) Expired() bool { return t.ExpiresAt != nil && !time.Now().Before(t.ExpiresAt.Time) }

// Missing reports whether err says that there is no such token.
func Missing(err error) bool { return errors.Is(err, problem.NotFound) }

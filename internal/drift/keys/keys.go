// Package keys keeps the tokens of the API at /drift: "pld_" and 43 letters and digits.
// A key belongs to its organization, not to who made it, and goes on when they leave.
//
// The surprising rule: only the hash of a key is stored, so that its text is in the answer
// to its making and nowhere else.
package keys

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"plumbline.dev/plumbline/internal/drift/settings"
	"plumbline.dev/plumbline/internal/drift/verbs"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Key is a token.
type Key struct {
	ID          string     `db:"id"`
	OrgID       string     `db:"org_id"`
	OrgName     string     `db:"org_name,extra"`
	Description string     `db:"description"`
	Role        verbs.Role `db:"role"`
	Hash        string     `db:"hash"` // SHA-256 in hex
	Hint        string     `db:"hint"` // the last four characters
	CreatedBy   string     `db:"created_by"`
	CreatedAt   db.Time    `db:"created_at"`
	ExpiresAt   *db.Time   `db:"expires_at"`
	LastUsedAt  *db.Time   `db:"last_used_at"`

	text string // of a key that was just made
}

// Scope implements authz.Scoped.
func (k Key) Scope() authz.Scope { return authz.Scope{Org: k.OrgID} }

// Feature serves keys.
type Feature struct {
	DB       *db.DB
	Orgs     *orgs.Feature
	Settings *settings.Feature
}

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	api.Type(r, "drift-keys", authz.ManageDrift, nil, view)
	api.List(r, "/organizations/{organization}/drift-keys", authz.ManageDrift, f.Orgs.ByName, f.list)
	api.Create(r, "/organizations/{organization}/drift-keys", authz.ManageDrift, f.Orgs.ByName, f.create)
	api.Read(r, "/drift-keys/{id}", authz.ManageDrift, f.Find)
	api.Delete(r, "/drift-keys/{id}", authz.ManageDrift, f.Find, func(ctx context.Context, k Key) error { return f.DB.Delete(ctx, "drift_keys", k.ID) })
}

// attributes are a key as clients see it. Token is there once, in the answer to create.
type attributes struct {
	Description string     `json:"description"`
	Role        verbs.Role `json:"role"`
	Hint        string     `json:"hint"`
	Token       *string    `json:"token"`
	CreatedBy   string     `json:"created-by"`
	CreatedAt   db.Time    `json:"created-at"`
	ExpiresAt   *db.Time   `json:"expires-at"`
	LastUsedAt  *db.Time   `json:"last-used-at"`
}

func view(_ context.Context, k Key) jsonapi.Resource {
	a := attributes{Description: k.Description, Role: k.Role, Hint: k.Hint, CreatedBy: k.CreatedBy, CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt, LastUsedAt: k.LastUsedAt}
	if k.text != "" {
		a.Token = &k.text
	}
	return jsonapi.Resource{Type: "drift-keys", ID: k.ID, Attributes: a, Links: jsonapi.Self("/api/v2/drift-keys/" + k.ID),
		Relationships: jsonapi.Relationships{"organization": jsonapi.ToOne("organizations", k.OrgName)}}
}

type request struct {
	Description jsonapi.Opt[string] `json:"description"`
	Role        jsonapi.Opt[string] `json:"role"`
	ExpiresAt   jsonapi.Opt[string] `json:"expires-at"` // RFC 3339
}

const maxDescription = 255

func (f *Feature) create(ctx context.Context, o orgs.Org, in jsonapi.In[request]) (Key, error) {
	a := in.Data.Attributes
	k := Key{ID: id.New("drk"), OrgID: o.ID, OrgName: o.Name, Description: strings.TrimSpace(a.Description.V), Role: verbs.Role(a.Role.Or(string(verbs.Read))), CreatedAt: db.Now()}
	if s := authz.From(ctx); s != nil {
		k.CreatedBy = s.ID
	}
	if err := problem.All(k.check(), k.expire(a.ExpiresAt)); err != nil {
		return k, err
	}
	k.text = "pld_" + id.Random(43) // 43 base62 characters hold 32 random bytes
	k.Hash, k.Hint = hash(k.text), k.text[len(k.text)-4:]
	return k, f.DB.Insert(ctx, "drift_keys", k)
}

func (k *Key) check() *problem.Problem {
	switch {
	case k.Description == "":
		return problem.Invalid("description", "Description can't be blank")
	case utf8.RuneCountInString(k.Description) > maxDescription:
		return problem.Invalid("description", "Description is too long (maximum is %d characters)", maxDescription)
	case !slices.Contains(verbs.Roles, k.Role):
		return problem.Invalid("role", "Role must be read, operate or admin")
	}
	return nil
}

func (k *Key) expire(at jsonapi.Opt[string]) *problem.Problem {
	if !at.Set || at.Null || at.V == "" {
		return nil
	}
	expires, err := db.ParseTime(at.V)
	if err != nil {
		return problem.Invalid("expires-at", "Expires at must be a time as in RFC 3339")
	}
	if !expires.After(time.Now()) {
		return problem.Invalid("expires-at", "Expires at must be in the future")
	}
	k.ExpiresAt = &expires
	return nil
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// caller is a key with what the API at /drift wants to know of its organization.
type caller struct {
	ID        string     `db:"id"`
	OrgID     string     `db:"org_id"`
	OrgName   string     `db:"org_name"`
	Disabled  bool       `db:"is_disabled"`
	Role      verbs.Role `db:"role"`
	ExpiresAt *db.Time   `db:"expires_at"`
}

// Authenticate returns whose key a text is. orgID is the organization's drift id, its own
// id or its name.
func (f *Feature) Authenticate(ctx context.Context, text, orgID string) (verbs.Caller, error) {
	if !strings.HasPrefix(text, "pld_") {
		return verbs.Caller{}, verbs.ErrKey
	}
	rows, err := db.All[caller](ctx, f.DB, `SELECT k.id, k.org_id, o.name AS org_name, o.is_disabled, k.role, k.expires_at FROM drift_keys k JOIN organizations o ON o.id = k.org_id WHERE k.hash = ?`, hash(text))
	if err != nil {
		return verbs.Caller{}, err
	}
	if len(rows) == 0 || rows[0].Disabled || rows[0].ExpiresAt != nil && !rows[0].ExpiresAt.After(time.Now()) {
		return verbs.Caller{}, verbs.ErrKey
	}
	k := rows[0]
	set, err := f.Settings.Find(ctx, k.OrgID)
	if err != nil {
		return verbs.Caller{}, err
	}
	if hex, ok := verbs.ParseID(orgID); (!ok || hex != set.DriftID) && orgID != k.OrgID && !strings.EqualFold(orgID, k.OrgName) {
		return verbs.Caller{}, verbs.ErrOrg
	}
	return verbs.Caller{OrgID: k.OrgID, OrgName: k.OrgName, DriftID: set.DriftID, KeyID: k.ID, Role: k.Role}, nil
}

// Used notes that a key was used, to the minute.
func (f *Feature) Used(ctx context.Context, keyID string) error {
	now := time.Now()
	_, err := f.DB.Exec(ctx, `UPDATE drift_keys SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at < ?)`, db.At(now), keyID, db.At(now.Add(-time.Minute)))
	return err
}

const selectKeys = `SELECT {k}, o.name AS org_name FROM drift_keys k JOIN organizations o ON o.id = k.org_id`

// Find returns the key with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Key, error) {
	return db.One[Key](ctx, f.DB, selectKeys+` WHERE k.id = ?`, id)
}

func (f *Feature) list(ctx context.Context, o orgs.Org, q api.Query) (api.Page[Key], error) {
	return api.Select[Key](ctx, f.DB, q, selectKeys+` WHERE k.org_id = ? ORDER BY k.created_at DESC, k.id`, o.ID)
}

package tokens

import (
	"context"
	"time"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/identity/users"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Feature serves the tokens of users, teams and organizations.
type Feature struct {
	DB    *db.DB
	Store *Store
	Users *users.Feature
	Orgs  *orgs.Feature
	// Changed says that what subjects may do has changed.
	Changed func(ctx context.Context)
}

// Routes adds the endpoints of this package to r. Who may have a token depends on
// its kind, so the routes by id only ask for a token, and Find decides.
func (f *Feature) Routes(r *api.Router) {
	api.Type(r, "authentication-tokens", authz.SignedIn, nil, view)
	api.Read(r, "/authentication-tokens/{id}", authz.SignedIn, f.Find)
	api.Delete(r, "/authentication-tokens/{id}", authz.SignedIn, f.Find, f.revoke)
	f.userRoutes(r)
	f.orgRoutes(r)
	f.teamRoutes(r)
	f.policyRoutes(r)
}

// view is a token as clients see it: without its secret, but for the one time when
// it was made.
func view(_ context.Context, t Token) jsonapi.Resource {
	a := attributes{CreatedAt: t.CreatedAt, LastUsedAt: t.LastUsedAt, ExpiredAt: t.ExpiresAt}
	if t.Description != "" || (t.Kind == Team && !t.Single) {
		a.Description = &t.Description
	}
	if secret := t.Secret.Reveal(); secret != "" {
		a.Token = &secret
	}
	rels := jsonapi.Relationships{"created-by": creator(t)}
	if t.TeamID != nil || t.ID == "" {
		rels["team"] = jsonapi.ToOne("teams", db.Text(t.TeamID))
	}
	return jsonapi.Resource{ID: t.ID, Type: "authentication-tokens", Attributes: a, Relationships: rels}
}

// creator points at who made the token; at none if they are gone.
func creator(t Token) jsonapi.One {
	switch {
	case t.CreatedBy != nil:
		return jsonapi.ToOne("users", *t.CreatedBy)
	case t.CreatedByTeam != nil:
		return jsonapi.ToOne("teams", *t.CreatedByTeam)
	case t.CreatedByOrg != nil:
		return jsonapi.ToOne("organizations", t.OrgName) // makes tokens for itself only
	}
	return jsonapi.One{}
}

// attributes are those of a response.
type attributes struct {
	CreatedAt   db.Time  `json:"created-at"`
	LastUsedAt  *db.Time `json:"last-used-at"`
	Description *string  `json:"description"`
	Token       *string  `json:"token"`
	ExpiredAt   *db.Time `json:"expired-at"`
}

// Request are the attributes of a request for a token. A request may name the rest, which is
// for the server to say.
type Request struct {
	Description jsonapi.Opt[string] `json:"description"`
	ExpiredAt   jsonapi.Opt[string] `json:"expired-at"`
}

const maxDescription = 1000

// described returns the description of a request.
func (r Request) described() (string, error) {
	d := r.Description.Or("")
	if len(d) > maxDescription {
		return "", problem.Invalid("description", "Description is too long (maximum is %d characters)", maxDescription)
	}
	return d, nil
}

// defaultYears is how long a token lives whose request does not say (go-tfe
// v1.111.2, TestUserTokens_Create; user-tokens.md says "never").
const defaultYears = 2

// expiry returns when the token of a request ends; nil is never. longest is what
// the policy of the organization allows, 0 if there is none.
func (r Request) expiry(longest time.Duration) (*db.Time, error) {
	now := time.Now()
	switch {
	case !r.ExpiredAt.Set:
		end := now.AddDate(defaultYears, 0, 0)
		if longest > 0 && end.After(now.Add(longest)) {
			end = now.Add(longest)
		}
		return at(end), nil
	case r.ExpiredAt.Null || r.ExpiredAt.V == "":
		if longest > 0 {
			return nil, problem.Invalid("expired-at", "Expired at can't be blank: the organization limits how long tokens may live")
		}
		return nil, nil
	}
	end, err := db.ParseTime(r.ExpiredAt.V)
	switch {
	case err != nil:
		return nil, problem.Invalid("expired-at", "Expired at must be a date and time in ISO 8601 format, such as 2030-04-06T12:00:00.000Z")
	case !end.After(now):
		return nil, problem.Invalid("expired-at", "Expired at must be in the future")
	case longest > 0 && end.After(now.Add(longest+time.Minute)): // clocks differ
		return nil, problem.Invalid("expired-at", "Expired at is later than the maximum time to live of the organization allows, which is %s", longest)
	}
	return &end, nil
}

func at(t time.Time) *db.Time {
	v := db.At(t)
	return &v
}

// mint makes the token in the name of the subject of ctx.
func (f *Feature) mint(ctx context.Context, t Token) (Token, error) {
	switch s := authz.From(ctx); s.Kind {
	case authz.User:
		t.CreatedBy = &s.ID
	case authz.Team:
		t.CreatedByTeam = &s.ID
	case authz.Org:
		t.CreatedByOrg = &s.ID
	}
	t, secret, err := f.Store.Mint(ctx, t)
	t.Secret = secret
	return t, err
}

// revoke removes a token; nobody can use it any more when the request ends.
func (f *Feature) revoke(ctx context.Context, t Token) error {
	f.Changed(ctx)
	return f.Store.Revoke(ctx, t.ID)
}

// selectTokens begins queries for tokens that clients see.
const selectTokens = `SELECT {t}, COALESCE(o.name, '') AS org_name FROM tokens t LEFT JOIN organizations o ON o.id = t.org_id ` //nolint:gosec // SQL, no credential

// Find returns the token with the given id if the subject of ctx may manage it:
// one's own, those of teams that one manages, those of organizations by their owners,
// and those of agent pools by who manages these. Sessions and tokens of runs are for nobody to see.
func (f *Feature) Find(ctx context.Context, id string) (Token, error) {
	t, err := db.One[Token](ctx, f.DB, selectTokens+`WHERE t.id = ?`, id)
	if err != nil {
		return t, err
	}
	allowed := false
	switch t.Kind {
	case User:
		allowed = authz.From(ctx).UserID() == *t.UserID
	case Team:
		_, err := f.team(ctx, *t.TeamID)
		if err != nil {
			return Token{}, err
		}
		allowed = true
	case Org, Audit:
		allowed = authz.Can(ctx, authz.ManageOrgToken, authz.Scope{Org: *t.OrgID})
	case Agent:
		allowed = authz.Can(ctx, authz.ManageAgentPools, authz.Scope{Org: *t.OrgID})
	}
	if !allowed {
		return Token{}, problem.NotFound
	}
	return t, nil
}

package tokens

import (
	"context"
	"time"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Policy limits how long the tokens of one type may live in an organization. An
// organization that never set one has none, and they count while its switch
// "max-ttl-enabled" is on. Tokens of people are limited by every organization that
// they are in.
type Policy struct {
	ID        string  `db:"id"`
	OrgID     string  `db:"org_id"`
	TokenType string  `db:"token_type"`
	MaxTTL    int64   `db:"max_ttl_ms"`
	CreatedAt db.Time `db:"created_at"`
	UpdatedAt db.Time `db:"updated_at"`
}

// Scope implements authz.Scoped.
func (p Policy) Scope() authz.Scope { return authz.Scope{Org: p.OrgID} }

// The types of tokens that have policies.
const (
	policyOrg   = "organization"
	policyTeam  = "team"
	policyUser  = "user"
	policyAudit = "audit_trails"
)

var policyTypes = []string{policyOrg, policyTeam, policyUser, policyAudit}

const (
	defaultMaxTTL = 63_113_904_000 // ms, two years: of the types that the first change leaves out
	leastMaxTTL   = 3_600_000      // ms, one hour
)

func (f *Feature) policyRoutes(r *api.Router) {
	const path = "/organizations/{organization}/token-ttl-policies"
	notOwner := api.Denied(problem.Denied("Only owners of the organization manage token policies."))
	api.Type(r, "organization-token-ttl-policies", authz.OwnOrg, nil, policyView)
	api.List(r, path, authz.OwnOrg, f.Orgs.ByName, f.policies, notOwner)
	api.UpdateMany(r, path, authz.OwnOrg, f.Orgs.ByName, f.updatePolicies, notOwner)
}

func policyView(_ context.Context, p Policy) jsonapi.Resource {
	return jsonapi.Resource{ID: p.ID, Type: "organization-token-ttl-policies",
		Attributes: policyAttributes{p.TokenType, p.MaxTTL, p.CreatedAt, p.UpdatedAt}}
}

type policyAttributes struct {
	TokenType string  `json:"token-type"`
	MaxTTL    int64   `json:"max-ttl-ms"`
	CreatedAt db.Time `json:"created-at"`
	UpdatedAt db.Time `json:"updated-at"`
}

// policyUpdates are the attributes of a request.
type policyUpdates struct {
	Policies []struct {
		TokenType string `json:"token-type"`
		MaxTTL    int64  `json:"max-ttl-ms"`
	} `json:"token-ttl-policies"`
}

func (f *Feature) policies(ctx context.Context, o orgs.Org, _ api.Query) (api.Page[Policy], error) {
	return api.Whole(db.All[Policy](ctx, f.DB, `FROM token_ttl_policies WHERE org_id = ? ORDER BY token_type`, o.ID))
}

// updatePolicies sets the policies that the request names. After it there is one of
// each type.
func (f *Feature) updatePolicies(ctx context.Context, o orgs.Org, in jsonapi.In[policyUpdates]) ([]Policy, error) {
	list := in.Data.Attributes.Policies
	if len(list) == 0 || len(list) > len(policyTypes) {
		return nil, problem.Invalid("token-ttl-policies", "Token ttl policies must name from one to %d types of tokens", len(policyTypes))
	}
	wanted := map[string]int64{}
	for _, p := range list {
		if p.MaxTTL < leastMaxTTL || p.MaxTTL > 100*defaultMaxTTL {
			return nil, problem.Invalid("token-ttl-policies", "Max ttl ms must be at least one hour (%d)", leastMaxTTL)
		}
		wanted[p.TokenType] = p.MaxTTL
	}
	var set, rest []Policy
	for _, typ := range policyTypes {
		p := Policy{ID: id.New("ttlp"), OrgID: o.ID, TokenType: typ, MaxTTL: defaultMaxTTL, CreatedAt: db.Now(), UpdatedAt: db.Now()}
		if ttl, ok := wanted[typ]; ok {
			p.MaxTTL = ttl
			set = append(set, p)
			delete(wanted, typ)
		} else {
			rest = append(rest, p)
		}
	}
	for typ := range wanted {
		return nil, problem.Invalid("token-ttl-policies", "Token type %q has no policy", typ)
	}
	err := db.InsertAll(ctx, f.DB, "token_ttl_policies", set,
		"ON CONFLICT (org_id, token_type) DO UPDATE SET max_ttl_ms = excluded.max_ttl_ms, updated_at = excluded.updated_at")
	if err == nil {
		err = db.InsertAll(ctx, f.DB, "token_ttl_policies", rest, "ON CONFLICT (org_id, token_type) DO NOTHING")
	}
	if err != nil {
		return nil, err
	}
	page, err := f.policies(ctx, o, api.Query{})
	return page.Items, err
}

// expiry returns when a token of the organization ends.
func (f *Feature) expiry(ctx context.Context, a Request, orgID, tokenType string) (*db.Time, error) {
	longest, err := db.All[int64](ctx, f.DB, `SELECT p.max_ttl_ms FROM token_ttl_policies p
		JOIN organizations o ON o.id = p.org_id AND o.max_ttl_enabled WHERE p.org_id = ? AND p.token_type = ?`, orgID, tokenType)
	if err != nil {
		return nil, err
	}
	if len(longest) == 0 {
		return a.expiry(0)
	}
	return a.expiry(time.Duration(longest[0]) * time.Millisecond)
}

// longestOfUser is the shortest that an organization of the user allows, 0 if none
// has a policy.
func (f *Feature) longestOfUser(ctx context.Context, userID string) (time.Duration, error) {
	ms, err := db.One[int64](ctx, f.DB, `SELECT COALESCE(MIN(p.max_ttl_ms), 0) FROM token_ttl_policies p
		JOIN organizations o ON o.id = p.org_id AND o.max_ttl_enabled
		JOIN organization_memberships m ON m.org_id = p.org_id WHERE m.user_id = ? AND m.status = 'active' AND p.token_type = 'user'`, userID)
	return time.Duration(ms) * time.Millisecond, err
}

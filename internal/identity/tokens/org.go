package tokens

import (
	"context"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// orgRoutes are the tokens of organizations: each has at most one of each type.
func (f *Feature) orgRoutes(r *api.Router) {
	const path = "/organizations/{organization}/authentication-token"
	api.Show(r, path, authz.ManageOrgToken, f.Orgs.ByName, f.showOrg)
	api.Create(r, path, authz.ManageOrgToken, f.Orgs.ByName, f.createOrg)
	api.Do(r, "DELETE "+path, authz.ManageOrgToken, f.Orgs.ByName, f.revokeOrg)
}

// orgKind is the type of token that a request means: "?token=audit-trails", or the
// token of the organization itself.
func orgKind(ctx context.Context) (Kind, error) {
	switch name := api.QueryOf(ctx).Get("token"); name {
	case "", string(Org):
		return Org, nil
	case string(Audit), "audit_trails":
		return Audit, nil
	default:
		return "", problem.BadRequest("An organization has no token of type %q", name)
	}
}

func (f *Feature) showOrg(ctx context.Context, o orgs.Org) (Token, error) {
	kind, err := orgKind(ctx)
	if err != nil {
		return Token{}, err
	}
	return db.One[Token](ctx, f.DB, selectTokens+`WHERE t.org_id = ? AND t.kind = ?`, o.ID, kind)
}

// createOrg replaces the token that there may be.
func (f *Feature) createOrg(ctx context.Context, o orgs.Org, in jsonapi.In[Request]) (Token, error) {
	kind, err := orgKind(ctx)
	if err != nil {
		return Token{}, err
	}
	policy := policyOrg
	if kind == Audit {
		policy = policyAudit
	}
	description, err := in.Data.Attributes.described()
	if err != nil {
		return Token{}, err
	}
	end, err := f.expiry(ctx, in.Data.Attributes, o.ID, policy)
	if err != nil {
		return Token{}, err
	}
	if _, err := f.DB.Exec(ctx, `DELETE FROM tokens WHERE org_id = ? AND kind = ?`, o.ID, kind); err != nil {
		return Token{}, err
	}
	f.Changed(ctx)
	t, err := f.mint(ctx, Token{Kind: kind, OrgID: &o.ID, OrgName: o.Name, Description: description, ExpiresAt: end})
	if db.IsUnique(err) {
		return t, errRace
	}
	return t, err
}

var errRace = problem.Conflict("The token was generated twice at the same time. Try again.")

func (f *Feature) revokeOrg(ctx context.Context, o orgs.Org, _ jsonapi.In[struct{}]) error {
	t, err := f.showOrg(ctx, o)
	if err != nil {
		return err
	}
	return f.revoke(ctx, t)
}

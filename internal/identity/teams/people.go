package teams

import (
	"context"
	"slices"

	"plumbline.dev/plumbline/internal/identity/members"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// people adds the endpoints of who is in a team: by user name, and by membership,
// which can be that of somebody invited.
func (f *Feature) people(r *api.Router) {
	memberships := "/teams/{team}/relationships/organization-memberships"
	api.List(r, memberships, authz.ReadOrg, f.Find, f.memberships, api.Params("filter[status]", "filter[is_service_account]"))
	api.Links[Team]{Add: by(memberIDs, f.Members.Join), Remove: by(memberIDs, f.Members.Leave)}.Serve(r, memberships, authz.ManageMembership, f.Find)
	api.Links[Team]{Add: by(f.named, f.Members.Join), Remove: by(f.named, f.Members.Leave)}.Serve(r, "/teams/{team}/relationships/users", authz.ManageMembership, f.Find)
}

func (f *Feature) memberships(ctx context.Context, t Team, q api.Query) (api.Page[members.Membership], error) {
	return f.Members.InTeam(ctx, t.ID, q)
}

// by makes a change of the members of a team from how they are named and what
// happens to them.
func by(resolve func(context.Context, Team, []jsonapi.Member) ([]string, error), do func(ctx context.Context, orgID, teamID string, memberships ...string) error) func(context.Context, Team, []jsonapi.Member) error {
	return func(ctx context.Context, t Team, list []jsonapi.Member) error {
		if err := t.onlyOwners(ctx); err != nil {
			return err
		}
		ids, err := resolve(ctx, t, list)
		if err != nil || len(ids) == 0 {
			return err
		}
		return do(ctx, t.OrgID, t.ID, ids...)
	}
}

func memberIDs(_ context.Context, _ Team, list []jsonapi.Member) ([]string, error) {
	ids, err := identifiers(list, "organization-memberships")
	slices.Sort(ids)
	return slices.Compact(ids), err
}

func (f *Feature) named(ctx context.Context, t Team, list []jsonapi.Member) ([]string, error) {
	names, err := identifiers(list, "users")
	if err != nil {
		return nil, err
	}
	return f.Members.Named(ctx, t.OrgID, names)
}

// maxMembers is how many people one request may name.
const maxMembers = 1000

// identifiers returns the ids of the members, which must be of one type.
func identifiers(list []jsonapi.Member, typ string) ([]string, error) {
	ids, other := jsonapi.IDs(list, typ)
	switch {
	case other != nil:
		return nil, problem.BadRequest("The type of a member must be %s, not %s", typ, other.Type)
	case slices.Contains(ids, ""):
		return nil, problem.BadRequest("The id of a member can't be blank")
	case len(ids) > maxMembers:
		return nil, problem.BadRequest("A request may name at most %d members", maxMembers)
	}
	return ids, nil
}

package tokens

import (
	"context"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/identity/members"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// teamRoutes are the tokens of teams. A team has at most one without a description,
// which "authentication-token" replaces, and any number with different ones.
func (f *Feature) teamRoutes(r *api.Router) {
	const single = "/teams/{id}/authentication-token"
	api.Show(r, single, authz.SignedIn, f.team, f.showTeam)
	api.Create(r, single, authz.SignedIn, f.team, f.replaceTeam)
	api.Do(r, "DELETE "+single, authz.SignedIn, f.team, f.revokeTeam)
	api.List(r, "/teams/{id}/authentication-tokens", authz.SignedIn, f.team, f.listTeam)
	api.Create(r, "/teams/{id}/authentication-tokens", authz.SignedIn, f.team, f.createTeam)

	const all = "/organizations/{organization}/team-tokens"
	api.List(r, all, authz.ReadOrg, f.Orgs.ByName, f.listTeams, api.Params("filter[expiry_status]"))
	api.Links[orgs.Org]{Remove: f.revokeTeams}.Serve(r, all, authz.ReadOrg, f.Orgs.ByName)
}

// team is what tokens need to know of a team.
type team struct {
	ID            string `db:"id"`
	OrgID         string `db:"org_id"`
	OrgName       string `db:"org_name"`
	NameLower     string `db:"name_lower"`
	Visibility    string `db:"visibility"`
	MembersManage bool   `db:"allow_member_token_management"`
}

// Scope implements authz.Scoped.
func (t team) Scope() authz.Scope { return authz.Scope{Org: t.OrgID, Team: t.ID} }

// team returns the team with the given id if the subject of ctx may manage its
// tokens: who manages teams and may know of this one, and the people in it where the
// team lets them. A token of the team of owners may do everything, so that its tokens
// are only for owners.
func (f *Feature) team(ctx context.Context, id string) (team, error) {
	t, err := db.One[team](ctx, f.DB, `SELECT m.id, m.org_id, o.name AS org_name, m.name_lower, m.visibility, m.allow_member_token_management
		FROM teams m JOIN organizations o ON o.id = m.org_id WHERE m.id = ?`, id)
	if err != nil {
		return t, err
	}
	s := authz.From(ctx)
	manages := s.Can(authz.ManageTeams, t.Scope()) && t.NameLower != owners && members.SeesTeam(ctx, t.OrgID, t.ID, t.Visibility)
	if manages || s.Can(authz.OwnOrg, t.Scope()) || (t.MembersManage && s.Kind == authz.User && s.InTeam(t.OrgID, t.ID)) {
		return t, nil
	}
	return team{}, problem.NotFound
}

// owners is the name of the team that may do everything.
const owners = "owners"

func (f *Feature) showTeam(ctx context.Context, t team) (Token, error) {
	return db.One[Token](ctx, f.DB, selectTokens+`WHERE t.team_id = ? AND t.kind = 'team' AND t.single`, t.ID)
}

// replaceTeam makes the token without a description anew.
func (f *Feature) replaceTeam(ctx context.Context, t team, in jsonapi.In[Request]) (Token, error) {
	if in.Data.Attributes.Description.Or("") != "" {
		return f.createTeam(ctx, t, in)
	}
	end, err := f.expiry(ctx, in.Data.Attributes, t.OrgID, policyTeam)
	if err != nil {
		return Token{}, err
	}
	if _, err := f.DB.Exec(ctx, `DELETE FROM tokens WHERE team_id = ? AND kind = 'team' AND single`, t.ID); err != nil {
		return Token{}, err
	}
	f.Changed(ctx)
	token, err := f.mint(ctx, Token{Kind: Team, TeamID: &t.ID, OrgID: &t.OrgID, OrgName: t.OrgName, Single: true, ExpiresAt: end})
	if db.IsUnique(err) {
		return token, errRace
	}
	return token, err
}

func (f *Feature) createTeam(ctx context.Context, t team, in jsonapi.In[Request]) (Token, error) {
	description, err := in.Data.Attributes.described()
	if err != nil {
		return Token{}, err
	}
	end, err := f.expiry(ctx, in.Data.Attributes, t.OrgID, policyTeam)
	if err != nil {
		return Token{}, err
	}
	token, err := f.mint(ctx, Token{Kind: Team, TeamID: &t.ID, OrgID: &t.OrgID, OrgName: t.OrgName, Description: description, ExpiresAt: end})
	if db.IsUnique(err) {
		// go-tfe compares these words (ErrInvalidDescriptionConflict).
		return token, &problem.Problem{Status: 422, Title: "invalid attributes", Detail: "Validation failed: Description has already been taken",
			Pointer: "/data/attributes/description"}
	}
	return token, err
}

func (f *Feature) revokeTeam(ctx context.Context, t team, _ jsonapi.In[struct{}]) error {
	token, err := f.showTeam(ctx, t)
	if err != nil {
		return err
	}
	return f.revoke(ctx, token)
}

func (f *Feature) listTeam(ctx context.Context, t team, q api.Query) (api.Page[Token], error) {
	return api.Select[Token](ctx, f.DB, q, selectTokens+`WHERE t.team_id = ? AND t.kind = 'team' ORDER BY t.created_at DESC, t.id`, t.ID)
}

// listTeams returns the tokens of all teams whose tokens the caller may manage.
func (f *Feature) listTeams(ctx context.Context, o orgs.Org, q api.Query) (api.Page[Token], error) {
	order, err := teamOrder(q.Get("sort"))
	if err != nil {
		return api.Page[Token]{}, err
	}
	where, args := manageable(ctx, o.ID)
	if like := q.Like("q"); like != "" {
		where += ` AND LOWER(m.name) LIKE ? ESCAPE '\'`
		args = append(args, like)
	}
	status, more, err := expiryStatus(q.List("filter[expiry_status]"))
	if err != nil {
		return api.Page[Token]{}, err
	}
	return api.Select[Token](ctx, f.DB, q, `SELECT {t}, o.name AS org_name FROM tokens t JOIN teams m ON m.id = t.team_id JOIN organizations o ON o.id = t.org_id
		LEFT JOIN users u ON u.id = t.created_by WHERE t.kind = 'team' AND `+where+status+` ORDER BY `+order+`t.created_at, t.id`, append(args, more...)...)
}

// manageable is the condition for tokens t of teams m that the subject of ctx may
// manage in an organization, as team has it.
func manageable(ctx context.Context, orgID string) (string, []any) {
	s, in := authz.From(ctx), authz.Scope{Org: orgID}
	var mine []string
	if s.Orgs[orgID] != nil {
		for id := range s.Orgs[orgID].Teams {
			mine = append(mine, id)
		}
	}
	switch {
	case s.Can(authz.OwnOrg, in):
		return "t.org_id = ?", []any{orgID}
	case s.Can(authz.ManageTeams, in) && s.Can(authz.AccessSecretTeams, in):
		return "t.org_id = ? AND m.name_lower <> ?", []any{orgID, owners}
	case s.Can(authz.ManageTeams, in):
		return db.List("t.org_id = ? AND m.name_lower <> ? AND (m.visibility = ? OR t.team_id IN (?))", mine, orgID, owners, members.VisibleToOrganization)
	case s.Kind != authz.User:
		return "1 = 0", nil
	}
	return db.List("t.org_id = ? AND m.allow_member_token_management AND t.team_id IN (?)", mine, orgID)
}

// teamOrders are the columns by which the list can be sorted.
var teamOrders = map[string]string{"team-name": "LOWER(m.name)", "created-by": "LOWER(u.username)", "expired-at": "t.expires_at",
	"last-used-at": "t.last_used_at", "created-at": "t.created_at"}

// teamOrder turns "name" or "-name" into SQL that ends with a comma.
func teamOrder(sort string) (string, error) {
	name, descending := strings.CutPrefix(sort, "-")
	column, ok := teamOrders[name]
	switch {
	case sort == "":
		return "", nil
	case !ok:
		return "", problem.BadRequest("Team tokens cannot be sorted by %q", name)
	case descending:
		return column + " DESC, ", nil
	}
	return column + ", ", nil
}

// expiryStatus is the condition for tokens that have one of the states, which begins
// with " AND".
func expiryStatus(names []string) (string, []any, error) {
	if len(names) == 0 {
		return "", nil, nil
	}
	now := db.Now()
	var parts []string
	var args []any
	within := func(days int) {
		parts = append(parts, "(t.expires_at > ? AND t.expires_at <= ?)")
		args = append(args, now, db.At(now.Add(time.Duration(days)*24*time.Hour)))
	}
	for _, name := range names {
		switch name {
		case "active":
			parts, args = append(parts, "t.expires_at IS NULL OR t.expires_at > ?"), append(args, now)
		case "expired":
			parts, args = append(parts, "t.expires_at <= ?"), append(args, now)
		case "no_expiration":
			parts = append(parts, "t.expires_at IS NULL")
		case "expiring_in_7_days":
			within(7)
		case "expiring_in_30_days":
			within(30)
		default:
			return "", nil, problem.BadRequest("filter[expiry_status] has no value %q", name)
		}
	}
	return " AND (" + strings.Join(parts, " OR ") + ")", args, nil
}

// revokeTeams removes the tokens that the request lists, or none if one of them is
// not the caller's to manage.
func (f *Feature) revokeTeams(ctx context.Context, o orgs.Org, list []jsonapi.Member) error {
	ids, other := jsonapi.IDs(list, "authentication-tokens")
	if other != nil {
		return problem.Unprocessable("%q is no authentication token", other.Type)
	}
	if len(ids) > 100 {
		return problem.Unprocessable("At most 100 tokens can be deleted at a time")
	}
	where, args := manageable(ctx, o.ID)
	found, err := db.In[string](ctx, f.DB, `SELECT t.id FROM tokens t JOIN teams m ON m.id = t.team_id WHERE t.id IN (?) AND t.kind = 'team' AND `+where, ids, args...)
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, id := range ids {
		wanted[id] = true
	}
	if len(found) < len(wanted) {
		return problem.NotFound
	}
	f.Changed(ctx)
	query, args := db.List(`DELETE FROM tokens WHERE id IN (?)`, ids)
	_, err = f.DB.Exec(ctx, query, args...)
	return err
}

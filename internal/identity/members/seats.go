package members

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// VisibleToOrganization is the visibility of teams that every member may see; other
// teams are secret.
const VisibleToOrganization = "organization"

// SeesTeam reports whether the subject of ctx may know of a team.
func SeesTeam(ctx context.Context, orgID, teamID, visibility string) bool {
	return visibility == VisibleToOrganization || authz.From(ctx).InTeam(orgID, teamID) || SeesSecretTeams(ctx, orgID)
}

// SeesSecretTeams reports whether the subject of ctx may know of every team.
func SeesSecretTeams(ctx context.Context, orgID string) bool {
	in := authz.Scope{Org: orgID}
	return authz.Can(ctx, authz.AccessSecretTeams, in) || authz.Can(ctx, authz.OwnOrg, in)
}

// Seat is a member's place in a team. Both belong to the organization, or the row
// violates a foreign key.
type Seat struct {
	OrgID        string `db:"org_id"`
	TeamID       string `db:"team_id"`
	MembershipID string `db:"membership_id"`
}

// TeamMember is a member of a team.
type TeamMember struct {
	TeamID       string  `db:"team_id"`
	MembershipID string  `db:"membership_id"`
	UserID       *string `db:"user_id"` // nil: invited, has no login
	Status       string  `db:"status"`
}

// Active reports whether the member can act.
func (t TeamMember) Active() bool { return t.UserID != nil && t.Status == Active }

// OfTeams returns the members of the teams, invited ones too, in the order of their
// memberships.
func (f *Feature) OfTeams(ctx context.Context, teamIDs []string) ([]TeamMember, error) {
	return db.In[TeamMember](ctx, f.DB, `SELECT s.team_id, s.membership_id, m.user_id, m.status
	FROM team_members s JOIN organization_memberships m ON m.id = s.membership_id WHERE s.team_id IN (?) ORDER BY m.created_at, m.id`, teamIDs)
}

// InTeam returns a page of the memberships in a team, in the order that the query
// asks for.
func (f *Feature) InTeam(ctx context.Context, teamID string, q api.Query) (api.Page[Membership], error) {
	cond, args := conditions(q)
	switch q.Get("filter[is_service_account]") {
	case "true":
		cond += ` AND u.service_account`
	case "false":
		cond += ` AND (u.id IS NULL OR NOT u.service_account)`
	}
	order := map[string]string{"status": "m.status, m.created_at, m.id", "-status": "m.status DESC, m.created_at, m.id"}[q.Get("sort")]
	return f.page(ctx, q, `m.id IN (SELECT s.membership_id FROM team_members s WHERE s.team_id = ?)`+cond, cmp.Or(order, defaultOrder), append([]any{teamID}, args...)...)
}

func (f *Feature) seat(ctx context.Context, seats ...Seat) error {
	f.Changed(ctx)
	return db.InsertAll(ctx, f.DB, "team_members", seats, "")
}

// Join puts memberships into a team of their organization.
func (f *Feature) Join(ctx context.Context, orgID, teamID string, memberships ...string) error {
	seats := make([]Seat, 0, len(memberships))
	for _, m := range memberships {
		seats = append(seats, Seat{orgID, teamID, m})
	}
	err := f.seat(ctx, seats...)
	if db.IsUnique(err) {
		return problem.BadRequest("A user is already a member of the team")
	}
	if db.IsForeign(err) {
		return problem.BadRequest("A user is not in the organization")
	}
	return err
}

// Leave takes memberships out of a team; of the team of owners not the last one.
func (f *Feature) Leave(ctx context.Context, orgID, teamID string, memberships ...string) error {
	owners, err := f.LockOwners(ctx, orgID)
	if err != nil {
		return err
	}
	query, args := db.List(`DELETE FROM team_members WHERE team_id = ? AND membership_id IN (?)`, memberships, teamID)
	n, err := f.DB.Exec(ctx, query, args...)
	switch {
	case err != nil:
		return err
	case n != int64(len(memberships)):
		return problem.BadRequest("A user is not a member of the team")
	}
	f.Changed(ctx)
	if teamID == owners {
		return f.somebodyOwns(ctx, owners)
	}
	return nil
}

// Named returns the memberships of the users with these names, each once.
func (f *Feature) Named(ctx context.Context, orgID string, usernames []string) ([]string, error) {
	lower := make([]string, len(usernames))
	for i, n := range usernames {
		lower[i] = strings.ToLower(n)
	}
	slices.Sort(lower)
	lower = slices.Compact(lower)
	ids, err := db.In[string](ctx, f.DB, `SELECT m.id FROM organization_memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = ? AND u.username_lower IN (?)`, lower, orgID)
	if err == nil && len(ids) != len(lower) {
		err = problem.BadRequest("A user does not exist, or is not in the organization")
	}
	return ids, err
}

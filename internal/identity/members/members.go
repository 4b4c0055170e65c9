// Package members keeps the memberships of people in organizations, and which teams
// a membership is in.
//
// The surprising rule: a person is invited by e-mail address, and may have no login
// yet. The membership then carries the id that the user will have, and becomes
// active when somebody signs up with the address (Adopt) or at once if somebody has
// it already.
package members

import (
	"context"
	"strings"

	"plumbline.dev/plumbline/internal/identity/users"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
)

// The states of a membership.
const (
	Invited = "invited"
	Active  = "active"
)

// Membership is a person's place in an organization.
type Membership struct {
	ID         string  `db:"id"`
	OrgID      string  `db:"org_id"`
	UserID     *string `db:"user_id"`    // nil: invited, has no login
	InviteeID  string  `db:"invitee_id"` // the same, or the id that the user will have
	Email      string  `db:"email"`
	EmailLower string  `db:"email_lower"`
	Status     string  `db:"status"`
	CreatedAt  db.Time `db:"created_at"`

	OrgName string   `db:"org_name,extra"`
	Teams   []string // ids, filled by withTeams
}

const selectMemberships = `SELECT {m}, o.name AS org_name FROM organization_memberships m JOIN organizations o ON o.id = m.org_id`

// Scope implements authz.Scoped.
func (m Membership) Scope() authz.Scope { return authz.Scope{Org: m.OrgID} }

// Feature serves memberships.
type Feature struct {
	DB *db.DB
	// Changed says that what subjects may do has changed.
	Changed func(ctx context.Context)
	// OwnersTeam returns the id of the team of owners of an organization.
	OwnersTeam func(ctx context.Context, orgID string) (string, error)
}

// Enrol makes a user an active member of an organization.
func (f *Feature) Enrol(ctx context.Context, orgID string, u users.User) (Membership, error) {
	m := Membership{ID: id.New("ou"), OrgID: orgID, UserID: &u.ID, InviteeID: u.ID, Email: u.Email, EmailLower: strings.ToLower(u.Email),
		Status: Active, CreatedAt: db.Now()}
	f.Changed(ctx)
	return m, f.DB.Insert(ctx, "organization_memberships", m)
}

// Seat is a member's place in a team.
type Seat struct {
	OrgID        string `db:"org_id"`
	TeamID       string `db:"team_id"`
	MembershipID string `db:"membership_id"`
}

// Seat puts memberships into a team of their organization; those who are there
// already stay. A team or membership of another organization violates a foreign key.
func (f *Feature) Seat(ctx context.Context, orgID, teamID string, memberships ...string) error {
	seats := make([]Seat, len(memberships))
	for i, m := range memberships {
		seats[i] = Seat{orgID, teamID, m}
	}
	f.Changed(ctx)
	return db.InsertAll(ctx, f.DB, "team_members", seats, "ON CONFLICT DO NOTHING")
}

// TeamMember is a member of a team.
type TeamMember struct {
	TeamID       string  `db:"team_id"`
	MembershipID string  `db:"membership_id"`
	UserID       *string `db:"user_id"` // nil: invited, has no login
	Status       string  `db:"status"`
}

// OfTeams returns the members of the teams, invited ones too, in the order of their
// memberships.
func (f *Feature) OfTeams(ctx context.Context, teamIDs []string) ([]TeamMember, error) {
	return db.In[TeamMember](ctx, f.DB, `SELECT t.team_id, t.membership_id, m.user_id, m.status
	FROM team_members t JOIN organization_memberships m ON m.id = t.membership_id WHERE t.team_id IN (?) ORDER BY m.created_at, m.id`, teamIDs)
}

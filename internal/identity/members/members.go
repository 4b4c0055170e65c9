// Package members keeps the memberships of people in organizations, and which teams
// a membership is in.
//
// The surprising rule: a person is invited by e-mail address, and may have no login
// yet. The membership then carries the id that the user will have, and becomes
// active when somebody gets a login with the address (Adopt). Who has one already is
// asked first: until they accept, the organization has no say over them.
package members

import (
	"context"
	"slices"
	"strings"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/identity/users"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
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
	UserID     *string `db:"user_id"`    // nil: has no login
	InviteeID  string  `db:"invitee_id"` // the same, or the user who has not signed up yet
	Email      string  `db:"email"`      // at the time of the invitation
	EmailLower string  `db:"email_lower"`
	Status     string  `db:"status"`
	CreatedAt  db.Time `db:"created_at"`

	OrgName string   `db:"org_name,extra"`
	Address string   `db:"address,extra"` // the present e-mail address
	Teams   []string // ids of those that the subject may know of
}

const selectMemberships = `SELECT {m}, o.name AS org_name, COALESCE(u.email, m.email) AS address FROM organization_memberships m
	JOIN organizations o ON o.id = m.org_id LEFT JOIN users u ON u.id = m.user_id`

// Scope implements authz.Scoped.
func (m Membership) Scope() authz.Scope { return authz.Scope{Org: m.OrgID} }

// Feature serves memberships.
type Feature struct {
	DB    *db.DB
	Bus   *events.Bus // hears of invitations that are taken up
	Users *users.Feature
	Orgs  *orgs.Feature
	// Changed says that what subjects may do has changed.
	Changed func(ctx context.Context)
	// LockOwners returns the id of the team of owners of an organization and keeps
	// others from changing who is in it until the transaction ends.
	LockOwners func(ctx context.Context, orgID string) (string, error)
}

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	api.Type(r, "organization-memberships", authz.ReadOrg, f.byIDs, view)
	of := "/organizations/{organization}/organization-memberships"
	api.List(r, of, authz.ReadOrg, f.Orgs.ByName, f.list, api.Params("filter[status]", "filter[email]"))
	api.Create(r, of, authz.ManageMembership, f.Orgs.ByName, f.invite, api.Including("user"))
	api.List(r, "/organization-memberships", authz.AsUser, api.Site, f.own)
	api.Read(r, "/organization-memberships/{membership}", authz.ReadOrg, f.Find)
	api.Delete(r, "/organization-memberships/{membership}", authz.ManageMembership, f.Find, f.remove)
	api.Action(r, "/organization-memberships/{membership}/actions/accept", authz.AsUser, f.mine, f.accept)
	api.Do(r, "POST /organization-memberships/{membership}/actions/leave", authz.AsUser, f.mine, f.leave)
}

// attributes are those of a response.
type attributes struct {
	Status    string  `json:"status"`
	Email     string  `json:"email"`
	CreatedAt db.Time `json:"created-at"`
}

// view is a membership as clients see it.
func view(_ context.Context, m Membership) jsonapi.Resource {
	return jsonapi.Resource{
		Type: "organization-memberships", ID: m.ID,
		Attributes: attributes{m.Status, m.Address, m.CreatedAt},
		Relationships: jsonapi.Relationships{
			"organization": jsonapi.ToOne("organizations", m.OrgName),
			"user":         jsonapi.ToOne("users", m.InviteeID),
			"teams":        jsonapi.ToMany("teams", m.Teams),
		},
		Links: jsonapi.Self("/api/v2/organization-memberships/" + m.ID),
	}
}

func (f *Feature) list(ctx context.Context, org orgs.Org, q api.Query) (api.Page[Membership], error) {
	cond, args := conditions(q)
	page, err := f.page(ctx, q, `m.org_id = ?`+cond, defaultOrder, append([]any{org.ID}, args...)...)
	if err != nil {
		return page, err
	}
	page.Meta, err = f.counts(ctx, org)
	return page, err
}

// conditions are what a query asks of memberships m and their users u, each
// beginning with " AND ".
func conditions(q api.Query) (string, []any) {
	cond, args := "", []any(nil)
	if s := q.Get("filter[status]"); s != "" {
		cond, args = cond+` AND m.status = ?`, append(args, s)
	}
	if emails := q.List("filter[email]"); len(emails) > 0 {
		for i := range emails {
			emails[i] = strings.ToLower(emails[i])
		}
		cond, args = db.List(cond+` AND COALESCE(u.email_lower, m.email_lower) IN (?)`, emails, args...)
	}
	if like := q.Like("q"); like != "" {
		cond += ` AND (COALESCE(u.email_lower, m.email_lower) LIKE ? ESCAPE '\' OR u.username_lower LIKE ? ESCAPE '\')`
		args = append(args, like, like)
	}
	return cond, args
}

// counts are how many memberships the organization has, by state.
func (f *Feature) counts(ctx context.Context, org orgs.Org) (map[string]any, error) {
	type count struct {
		Status string `db:"status"`
		N      int    `db:"n"`
	}
	rows, err := db.All[count](ctx, f.DB, `SELECT status, count(*) AS n FROM organization_memberships WHERE org_id = ? GROUP BY status`, org.ID)
	counts := map[string]int{"total": 0, Active: 0, Invited: 0}
	for _, c := range rows {
		counts[c.Status] = c.N
		counts["total"] += c.N
	}
	return map[string]any{"status-counts": counts}, err
}

// own lists the memberships of the subject, in all organizations.
func (f *Feature) own(ctx context.Context, _ authz.Site, q api.Query) (api.Page[Membership], error) {
	return f.page(ctx, q, `m.user_id = ?`, defaultOrder, authz.From(ctx).UserID())
}

const defaultOrder = "m.created_at, m.id"

// page returns a page of the memberships m that meet the condition, in an order.
func (f *Feature) page(ctx context.Context, q api.Query, cond, order string, args ...any) (api.Page[Membership], error) {
	page, err := api.Select[Membership](ctx, f.DB, q, selectMemberships+` WHERE `+cond+` ORDER BY `+order, args...)
	if err != nil {
		return page, err
	}
	page.Items, err = f.withTeams(ctx, page.Items)
	return page, err
}

// remove takes a person out of an organization and of its teams
// (organization-memberships.md, "Remove User from Organization").
func (f *Feature) remove(ctx context.Context, m Membership) error {
	owners, err := f.LockOwners(ctx, m.OrgID)
	if err != nil {
		return err
	}
	in, err := f.OfTeams(ctx, []string{owners})
	if err != nil {
		return err
	}
	isOwner := slices.ContainsFunc(in, func(t TeamMember) bool { return t.MembershipID == m.ID })
	switch s := authz.From(ctx); {
	case isOwner && m.UserID != nil && *m.UserID == s.UserID():
		return problem.Denied("You cannot remove yourself from organizations which you own")
	case isOwner && !authz.Can(ctx, authz.OwnOrg, m.Scope()):
		return problem.Denied("Only owners can remove an owner")
	}
	return f.end(ctx, m, owners)
}

// end deletes a membership; owners is the team of owners, which must not become empty.
func (f *Feature) end(ctx context.Context, m Membership, owners string) error {
	if err := f.DB.Delete(ctx, "organization_memberships", m.ID); err != nil {
		return err
	}
	f.Changed(ctx)
	return f.somebodyOwns(ctx, owners)
}

// somebodyOwns refuses a change that left the team of owners without anybody who can
// log in.
func (f *Feature) somebodyOwns(ctx context.Context, owners string) error {
	left, err := f.OfTeams(ctx, []string{owners})
	if err == nil && !slices.ContainsFunc(left, TeamMember.Active) {
		err = problem.Denied("The last owner of an organization can't be removed")
	}
	return err
}

// Find returns the membership with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Membership, error) {
	return db.First(f.byIDs(ctx, []string{id}))
}

func (f *Feature) byIDs(ctx context.Context, ids []string) ([]Membership, error) {
	list, err := db.In[Membership](ctx, f.DB, selectMemberships+` WHERE m.id IN (?)`, ids)
	if err != nil {
		return nil, err
	}
	return f.withTeams(ctx, list)
}

// withTeams fills in the teams that the subject of ctx may know of, with one
// statement.
func (f *Feature) withTeams(ctx context.Context, list []Membership) ([]Membership, error) {
	at, ids := map[string]*Membership{}, make([]string, len(list))
	for i := range list {
		at[list[i].ID], ids[i] = &list[i], list[i].ID
	}
	type seat struct {
		MembershipID string `db:"membership_id"`
		TeamID       string `db:"team_id"`
		Visibility   string `db:"visibility"`
	}
	seats, err := db.In[seat](ctx, f.DB, `SELECT s.membership_id, s.team_id, t.visibility FROM team_members s JOIN teams t ON t.id = s.team_id
	WHERE s.membership_id IN (?) ORDER BY t.name_lower`, ids)
	for _, s := range seats {
		m := at[s.MembershipID]
		if SeesTeam(ctx, m.OrgID, s.TeamID, s.Visibility) {
			m.Teams = append(m.Teams, s.TeamID)
		}
	}
	return list, err
}

// Enrol makes a user, who has the id and address, an active member of an
// organization.
func (f *Feature) Enrol(ctx context.Context, orgID, userID, email string) (Membership, error) {
	m := Membership{ID: id.New("ou"), OrgID: orgID, UserID: &userID, InviteeID: userID, Email: email, EmailLower: strings.ToLower(email),
		Status: Active, CreatedAt: db.Now(), Address: email}
	f.Changed(ctx)
	return m, f.DB.Insert(ctx, "organization_memberships", m)
}

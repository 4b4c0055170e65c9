package members

import (
	"context"
	"net/mail"
	"strings"

	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/identity/users"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// request are the attributes of an invitation.
type request struct {
	Email jsonapi.Opt[string] `json:"email"`
}

// invite makes a person a member by e-mail address, in the teams that the request
// names (organization-memberships.md, "Invite a User to an Organization"). Nothing
// is mailed.
func (f *Feature) invite(ctx context.Context, org orgs.Org, in jsonapi.In[request]) (Membership, error) {
	m := Membership{ID: id.New("ou"), OrgID: org.ID, OrgName: org.Name, Status: Invited, CreatedAt: db.Now()}
	m.Email = strings.TrimSpace(in.Data.Attributes.Email.V)
	m.EmailLower, m.Address = strings.ToLower(m.Email), m.Email
	if err := badEmail(m.Email); err != nil {
		return m, err
	}
	if err := f.identify(ctx, &m); err != nil {
		return m, err
	}
	err := f.DB.Insert(ctx, "organization_memberships", m)
	if db.IsUnique(err) {
		return m, problem.Invalid("email", "Email has already been invited to this organization")
	}
	if err != nil {
		return m, err
	}
	members, _ := in.Data.Many("teams")
	if err := f.seatIn(ctx, m, members); err != nil {
		return m, err
	}
	f.Changed(ctx)
	return f.Find(ctx, m.ID)
}

func badEmail(email string) error {
	if email == "" {
		return problem.Invalid("email", "Email can't be blank")
	}
	if at, err := mail.ParseAddress(email); err != nil || at.Address != email || len(email) > 254 {
		return problem.Invalid("email", "Email is invalid")
	}
	return nil
}

// identify finds who has the address: a user, or somebody who has been invited and
// becomes one when they sign up.
func (f *Feature) identify(ctx context.Context, m *Membership) error {
	u, err := f.Users.Invite(ctx, m.Email)
	if err != nil {
		return err
	}
	m.InviteeID = u.ID
	if u.Username != "" {
		m.UserID, m.Address = &u.ID, u.Email
	}
	return nil
}

// mine returns the membership with the given id if it is the subject's own.
func (f *Feature) mine(ctx context.Context, id string) (Membership, error) {
	m, err := f.Find(ctx, id)
	if err == nil && (m.UserID == nil || *m.UserID != authz.From(ctx).UserID()) {
		err = problem.NotFound
	}
	return m, err
}

// accept makes an invitation of the subject a membership. HCP Terraform has this on a page
// only, as the next.
func (f *Feature) accept(ctx context.Context, m Membership, _ jsonapi.In[struct{}]) (Membership, error) {
	n, err := f.DB.Exec(ctx, `UPDATE organization_memberships SET status = ? WHERE id = ? AND status = ?`, Active, m.ID, Invited)
	if err == nil && n == 0 {
		err = problem.Conflict("You are a member of this organization already.")
	}
	f.Changed(ctx)
	m.Status = Active
	return m, err
}

// leave ends a membership of the subject, or declines an invitation.
func (f *Feature) leave(ctx context.Context, m Membership, _ jsonapi.In[struct{}]) error {
	owners, err := f.LockOwners(ctx, m.OrgID)
	if err != nil {
		return err
	}
	return f.end(ctx, m, owners)
}

// Adopt makes the invitations to the address of u memberships of u. Call it when the
// user is made, and only if the address is known to be theirs: whoever adopts gets
// what the invitation promised.
func (f *Feature) Adopt(ctx context.Context, u users.User) error {
	type adopted struct {
		ID    string `db:"id"`
		OrgID string `db:"org_id"`
	}
	list, err := db.All[adopted](ctx, f.DB, `UPDATE organization_memberships SET user_id = ?, invitee_id = ?, status = ? WHERE email_lower = ? AND user_id IS NULL RETURNING id, org_id`,
		u.ID, u.ID, Active, strings.ToLower(u.Email))
	for _, m := range list {
		changes.Tell(ctx, f.Bus, authz.Scope{Org: m.OrgID}, "organization-memberships", m.ID)
	}
	if len(list) > 0 {
		f.Changed(ctx)
	}
	return err
}

// seatIn puts a new membership into the teams that a request names.
func (f *Feature) seatIn(ctx context.Context, m Membership, teams []jsonapi.Member) error {
	ids, other := jsonapi.IDs(teams, "teams")
	if other != nil {
		return problem.InvalidRelation("teams", "Teams can't have a %s", other.Type)
	}
	if len(ids) == 0 {
		return nil
	}
	type team struct {
		ID         string `db:"id"`
		Visibility string `db:"visibility"`
	}
	found, err := db.In[team](ctx, f.DB, `SELECT id, visibility FROM teams WHERE org_id = ? AND id IN (?)`, ids, m.OrgID)
	if err != nil {
		return err
	}
	owners, err := f.LockOwners(ctx, m.OrgID)
	if err != nil {
		return err
	}
	visible := map[string]bool{}
	for _, t := range found {
		visible[t.ID] = SeesTeam(ctx, m.OrgID, t.ID, t.Visibility)
	}
	for _, id := range ids {
		if !visible[id] || (id == owners && !authz.Can(ctx, authz.OwnOrg, m.Scope())) {
			return problem.InvalidRelation("teams", "Team %s could not be found", id)
		}
		if err := f.seat(ctx, Seat{m.OrgID, id, m.ID}); err != nil {
			return err
		}
	}
	return nil
}

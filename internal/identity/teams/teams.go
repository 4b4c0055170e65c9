// Package teams keeps teams and their organization access. Members of the team
// "owners", which every organization has, may do everything in it.
//
// The surprising rule: a secret team does not exist for who is not in it, unless
// access-secret-teams says otherwise; and only owners touch the team of owners.
package teams

import (
	"context"
	"strings"

	"plumbline.dev/plumbline/internal/identity/access"
	"plumbline.dev/plumbline/internal/identity/members"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/identity/users"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Visibility of a team.
const (
	Secret       = "secret" // to its members and who may see secret teams
	Organization = members.VisibleToOrganization
)

// Team is a group of members.
type Team struct {
	ID                         string                   `db:"id"`
	OrgID                      string                   `db:"org_id"`
	Name                       string                   `db:"name"`
	NameLower                  string                   `db:"name_lower"`
	Access                     db.JSON[map[string]bool] `db:"organization_access"` // flags of authz.OrgFlags
	Visibility                 string                   `db:"visibility"`
	SSOTeamID                  *string                  `db:"sso_team_id"`
	AllowMemberTokenManagement bool                     `db:"allow_member_token_management"`
	CreatedAt                  db.Time                  `db:"created_at"`

	OrgName string `db:"org_name,extra"`
	Members []members.TeamMember
}

const selectTeams = `SELECT {t}, o.name AS org_name FROM teams t JOIN organizations o ON o.id = t.org_id`

// Scope implements authz.Scoped.
func (t Team) Scope() authz.Scope { return authz.Scope{Org: t.OrgID, Team: t.ID} }

// Owners reports whether t is the team of owners.
func (t Team) Owners() bool { return t.NameLower == access.OwnersTeam }

// Feature serves teams.
type Feature struct {
	DB      *db.DB
	Users   *users.Feature
	Orgs    *orgs.Feature
	Members *members.Feature
	// Changed says that what subjects may do has changed.
	Changed func(ctx context.Context)
}

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	api.Type(r, "teams", authz.ReadOrg, f.byIDs, view)
	api.List(r, "/organizations/{organization}/teams", authz.ReadOrg, f.Orgs.ByName, f.list, api.Params("filter[names]"))
	// The API schema says 200, unlike for other resources that are created.
	api.Create(r, "/organizations/{organization}/teams", authz.ManageTeams, f.Orgs.ByName, f.create, api.Status(200))
	api.Read(r, "/teams/{team}", authz.ReadOrg, f.Find)
	api.Update(r, "/teams/{team}", authz.ManageTeams, f.Find, f.update)
	api.Delete(r, "/teams/{team}", authz.ManageTeams, f.Find, f.delete)
	f.people(r)
}

// MakeOwners makes the team of owners of a new organization; the subject of ctx is
// its first member.
func (f *Feature) MakeOwners(ctx context.Context, o orgs.Org) error {
	owner, err := f.Users.Find(ctx, authz.From(ctx).UserID())
	if err != nil {
		return err
	}
	t := Team{ID: id.New("team"), OrgID: o.ID, Name: access.OwnersTeam, NameLower: access.OwnersTeam, Visibility: Secret,
		AllowMemberTokenManagement: true, CreatedAt: db.Now()}
	if err := f.DB.Insert(ctx, "teams", t); err != nil {
		return err
	}
	m, err := f.Members.Enrol(ctx, o.ID, owner.ID, owner.Email)
	if err != nil {
		return err
	}
	return f.Members.Join(ctx, o.ID, t.ID, m.ID)
}

// Owners returns the ids of the users who own each of the organizations, with two
// statements.
func (f *Feature) Owners(ctx context.Context, orgIDs []string) (map[string][]string, error) {
	type team struct {
		ID    string `db:"id"`
		OrgID string `db:"org_id"`
	}
	list, err := db.In[team](ctx, f.DB, `SELECT id, org_id FROM teams WHERE name_lower = ? AND org_id IN (?)`, orgIDs, access.OwnersTeam)
	if err != nil {
		return nil, err
	}
	org, ids := map[string]string{}, make([]string, len(list))
	for i, t := range list {
		org[t.ID], ids[i] = t.OrgID, t.ID
	}
	in, err := f.Members.OfTeams(ctx, ids)
	owners := map[string][]string{}
	for _, m := range in {
		if m.Active() {
			owners[org[m.TeamID]] = append(owners[org[m.TeamID]], *m.UserID)
		}
	}
	return owners, err
}

// IsSecret reports whether not all members of its organization may know of a team; true if
// there is none with the id.
func (f *Feature) IsSecret(ctx context.Context, id string) (bool, error) {
	seen, err := db.All[string](ctx, f.DB, `SELECT visibility FROM teams WHERE id = ?`, id)
	return len(seen) == 0 || seen[0] == Secret, err
}

// LockOwners returns the id of the team of owners of an organization and keeps
// others from changing who is in it until the transaction ends.
func (f *Feature) LockOwners(ctx context.Context, orgID string) (string, error) {
	return db.One[string](ctx, f.DB, `SELECT id FROM teams WHERE org_id = ? AND name_lower = ?`+f.DB.ForUpdate(), orgID, access.OwnersTeam)
}

func (f *Feature) list(ctx context.Context, org orgs.Org, q api.Query) (api.Page[Team], error) {
	cond, args := visible(ctx, org.ID)
	cond, args = `t.org_id = ? AND `+cond, append([]any{org.ID}, args...)
	if like := q.Like("q"); like != "" {
		cond, args = cond+` AND t.name_lower LIKE ? ESCAPE '\'`, append(args, like)
	}
	if names := q.List("filter[names]"); len(names) > 0 {
		for i := range names {
			names[i] = strings.ToLower(names[i])
		}
		cond, args = db.List(cond+` AND t.name_lower IN (?)`, names, args...)
	}
	page, err := api.Select[Team](ctx, f.DB, q, selectTeams+` WHERE `+cond+` ORDER BY t.name_lower`, args...)
	if err != nil {
		return page, err
	}
	page.Items, err = f.withMembers(ctx, page.Items)
	return page, err
}

// visible is the condition on teams t that the subject of ctx may know of.
func visible(ctx context.Context, orgID string) (string, []any) {
	if members.SeesSecretTeams(ctx, orgID) {
		return "1 = 1", nil
	}
	args := []any{Organization}
	if s := authz.From(ctx); s != nil && s.Orgs[orgID] != nil {
		for id := range s.Orgs[orgID].Teams {
			args = append(args, id)
		}
	}
	return "(t.visibility = ? OR t.id IN (NULL" + strings.Repeat(", ?", len(args)-1) + "))", args
}

func (f *Feature) create(ctx context.Context, org orgs.Org, in jsonapi.In[request]) (Team, error) {
	t := Team{ID: id.New("team"), OrgID: org.ID, OrgName: org.Name, Visibility: Secret, AllowMemberTokenManagement: true, CreatedAt: db.Now()}
	t.Access.V = map[string]bool{}
	if err := t.apply(ctx, in); err != nil {
		return t, err
	}
	return t, taken(f.DB.Insert(ctx, "teams", t))
}

func (f *Feature) update(ctx context.Context, t Team, in jsonapi.In[request]) (Team, error) {
	if err := t.onlyOwners(ctx); err != nil {
		return t, err
	}
	if err := t.apply(ctx, in); err != nil {
		return t, err
	}
	f.Changed(ctx)
	return t, taken(f.DB.Update(ctx, "teams", t, "name", "name_lower", "organization_access", "visibility", "sso_team_id", "allow_member_token_management"))
}

func (f *Feature) delete(ctx context.Context, t Team) error {
	if err := t.onlyOwners(ctx); err != nil {
		return err
	}
	if t.Owners() {
		return problem.Denied("The owners team can't be deleted")
	}
	f.Changed(ctx)
	return f.DB.Delete(ctx, "teams", t.ID)
}

// onlyOwners hides the team of owners from whoever manages teams without being one.
func (t Team) onlyOwners(ctx context.Context) error {
	if t.Owners() {
		return authz.Check(ctx, authz.OwnOrg, t)
	}
	return nil
}

// taken explains a violated unique constraint.
func taken(err error) error {
	if db.IsUnique(err) {
		return problem.Invalid("name", "Name or SSO team ID has already been taken")
	}
	return err
}

// Find returns the team with the given id, if the subject of ctx may know of it.
func (f *Feature) Find(ctx context.Context, id string) (Team, error) {
	return db.First(f.byIDs(ctx, []string{id}))
}

// byIDs returns those of the teams that the subject of ctx may know of.
func (f *Feature) byIDs(ctx context.Context, ids []string) ([]Team, error) {
	list, err := db.In[Team](ctx, f.DB, selectTeams+` WHERE t.id IN (?)`, ids)
	if err != nil {
		return nil, err
	}
	seen := list[:0]
	for _, t := range list {
		if members.SeesTeam(ctx, t.OrgID, t.ID, t.Visibility) {
			seen = append(seen, t)
		}
	}
	return f.withMembers(ctx, seen)
}

// withMembers fills in who is in the teams, with one statement.
func (f *Feature) withMembers(ctx context.Context, list []Team) ([]Team, error) {
	at, ids := map[string]*Team{}, make([]string, len(list))
	for i := range list {
		at[list[i].ID], ids[i] = &list[i], list[i].ID
	}
	in, err := f.Members.OfTeams(ctx, ids)
	for _, m := range in {
		at[m.TeamID].Members = append(at[m.TeamID].Members, m)
	}
	return list, err
}

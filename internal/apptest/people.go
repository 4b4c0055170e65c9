package apptest

import (
	"strings"

	"plumbline.dev/plumbline/internal/identity/access"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/identity/users"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/workspace/projects"
)

// User is a person with a token.
type User struct{ ID, Name, Token string }

// Org is an organization and who owns it.
type Org struct {
	ID, Name string
	Owner    User
}

// User makes a person who belongs to no organization.
func (s *Server) User(name string) User { s.T.Helper(); return s.user(name, false) }

func (s *Server) user(name string, admin bool) User {
	s.T.Helper()
	u := users.User{ID: id.New("user"), Username: name, UsernameLower: strings.ToLower(name), Email: name + "@example.com",
		EmailLower: strings.ToLower(name) + "@example.com", SiteAdmin: admin, CreatedAt: db.Now()}
	s.must(s.DB.Insert(s.T.Context(), "users", u))
	return User{u.ID, name, s.Token(tokens.Token{Kind: tokens.User, UserID: &u.ID})}
}

// Token mints a token and returns its secret form.
func (s *Server) Token(t tokens.Token) string {
	s.T.Helper()
	_, secret, err := s.App.Tokens.Mint(s.T.Context(), t)
	s.must(err)
	return secret.Reveal()
}

// Org makes an organization with an owner of its own.
func (s *Server) Org(name string) Org {
	s.T.Helper()
	ctx, owner := s.T.Context(), s.User(name+"-owner")
	o := orgs.Org{ID: id.New("org"), Name: name, NameLower: strings.ToLower(name), Email: name + "@example.com", CreatedAt: db.Now()}
	s.must(s.DB.Insert(ctx, "organizations", o))
	p := projects.Project{ID: id.New("prj"), OrgID: o.ID, Name: "Default Project", NameLower: "default project", IsDefault: true, CreatedAt: db.Now()}
	s.must(s.DB.Insert(ctx, "projects", p))
	s.join(o.ID, owner)
	team := id.New("team")
	_, err := s.DB.Exec(ctx, `INSERT INTO teams (id, org_id, name, organization_access, visibility, allow_member_token_management, created_at) VALUES (?, ?, ?, '{}', 'organization', TRUE, ?)`,
		team, o.ID, access.OwnersTeam, db.Now())
	s.must(err)
	s.JoinTeam(team, owner)
	return Org{o.ID, name, owner}
}

// Member makes a person who belongs to the organization but to no team.
func (s *Server) Member(o Org, name string) User {
	s.T.Helper()
	u := s.User(name)
	s.join(o.ID, u)
	return u
}

// JoinTeam puts a person into a team.
func (s *Server) JoinTeam(teamID string, u User) {
	s.T.Helper()
	_, err := s.DB.Exec(s.T.Context(), `INSERT INTO team_members (team_id, user_id) VALUES (?, ?)`, teamID, u.ID)
	s.must(err)
	access.Changed(s.T.Context(), s.App.Bus)
}

func (s *Server) join(orgID string, u User) {
	s.T.Helper()
	_, err := s.DB.Exec(s.T.Context(), `INSERT INTO organization_memberships (id, org_id, user_id, email, status, created_at) VALUES (?, ?, ?, ?, 'active', ?)`,
		id.New("ou"), orgID, u.ID, u.Name+"@example.com", db.Now())
	s.must(err)
	access.Changed(s.T.Context(), s.App.Bus)
}

func (s *Server) must(err error) {
	s.T.Helper()
	if err != nil {
		s.T.Fatal(err)
	}
}

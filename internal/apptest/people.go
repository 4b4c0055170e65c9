package apptest

import (
	"context"

	"plumbline.dev/plumbline/internal/identity/access"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/identity/users"
	"plumbline.dev/plumbline/internal/kernel/authz"
)

// User is a person with a token.
type User struct{ ID, Name, Token string }

// Org is an organization and who owns it.
type Org struct {
	ID, Name string
	Owner    User
}

// User makes a person who belongs to no organization.
func (s *Server) User(name string) User { s.tb.Helper(); return s.user(name, false) }

func (s *Server) user(name string, admin bool) User {
	s.tb.Helper()
	u, err := s.App.Users.Create(s.tb.Context(), users.New{Username: name, Email: name + "@example.com", SiteAdmin: admin})
	s.must(err)
	return User{u.ID, name, s.Token(tokens.Token{Kind: tokens.User, UserID: &u.ID})}
}

// Token mints a token and returns its secret form.
func (s *Server) Token(t tokens.Token) string {
	s.tb.Helper()
	_, secret, err := s.App.Tokens.Mint(s.tb.Context(), t)
	s.must(err)
	return secret.Reveal()
}

// Org makes an organization with an owner of its own.
func (s *Server) Org(name string) Org {
	s.tb.Helper()
	ctx, owner := s.tb.Context(), s.User(name+"-owner")
	ctx = authz.With(ctx, &authz.Subject{Kind: authz.User, ID: owner.ID})
	var o orgs.Org
	s.must(s.DB.Tx(ctx, func(ctx context.Context) (err error) {
		o, err = s.App.Orgs.Make(ctx, orgs.New(name, name+"@example.com"))
		return err
	}))
	return Org{o.ID, name, owner}
}

// Member makes a person who belongs to the organization but to no team.
func (s *Server) Member(o Org, name string) User {
	s.tb.Helper()
	u := s.User(name)
	s.join(o.ID, u)
	return u
}

// JoinTeam puts a person into a team.
func (s *Server) JoinTeam(teamID string, u User) {
	s.tb.Helper()
	_, err := s.DB.Exec(s.tb.Context(), `INSERT INTO team_members (org_id, team_id, membership_id)
	SELECT t.org_id, t.id, m.id FROM teams t JOIN organization_memberships m ON m.org_id = t.org_id WHERE t.id = ? AND m.user_id = ?`, teamID, u.ID)
	s.must(err)
	access.Changed(s.tb.Context(), s.App.Bus)
}

func (s *Server) join(orgID string, u User) {
	s.tb.Helper()
	_, err := s.App.Members.Enrol(s.tb.Context(), orgID, u.ID, u.Name+"@example.com")
	s.must(err)
}

func (s *Server) must(err error) {
	s.tb.Helper()
	if err != nil {
		s.tb.Fatal(err)
	}
}

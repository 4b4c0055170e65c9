package members_test

import (
	"fmt"
	"strings"
	"testing"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/identity/users"
)

func TestInvitationBecomesMembership(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o := s.T.Context(), s.Org("acme")
		c := s.Client(o.Owner.Token)
		team, err := c.Teams.Create(ctx, "acme", tfe.TeamCreateOptions{Name: new("devs"), Visibility: new("organization")})
		if err != nil {
			s.T.Fatal(err)
		}
		m, err := c.OrganizationMemberships.Create(ctx, "acme", tfe.OrganizationMembershipCreateOptions{Email: new("Nina@Example.com"), Teams: []*tfe.Team{team}})
		if err != nil {
			s.T.Fatal(err)
		}
		if m.Status != tfe.OrganizationMembershipInvited || m.Email != "Nina@Example.com" || m.User.ID == "" || len(m.Teams) != 1 {
			s.T.Errorf("Create = %+v", m)
		}
		if got, err := c.Teams.Read(ctx, team.ID); err != nil || got.UserCount != 0 || len(got.OrganizationMemberships) != 1 {
			s.T.Errorf("team of an invited person = %+v, %v; want a membership and no user", got, err)
		}
		nina := s.User("nina")
		if r := s.Do("GET", "/api/v2/organizations/acme", nina.Token, nil); r.Status != 404 {
			s.T.Errorf("GET by somebody who has not adopted the invitation = %d, want 404", r.Status)
		}
		heard := s.Hear("acme", o.Owner.Token)
		if err := s.App.Members.Adopt(ctx, users.User{ID: nina.ID, Email: "nina@example.com"}); err != nil {
			s.T.Fatal(err)
		}
		if got, want := heard("organization-memberships"), `{"type":"organization-memberships","id":"`+m.ID+`"}`; got != want {
			s.T.Errorf("of a sign-up clients hear %s, want %s", got, want)
		}
		own := s.Client(nina.Token)
		if got, err := own.Teams.Read(ctx, team.ID); err != nil || got.UserCount != 1 || got.Users[0].ID != nina.ID {
			s.T.Errorf("team after sign-up = %+v, %v; want nina", got, err)
		}
		if r := s.Do("GET", "/api/v2/organization-memberships?include=organization", nina.Token, nil); r.Status != 200 || !strings.Contains(string(r.Body), m.ID) || !strings.Contains(string(r.Body), `"included"`) {
			s.T.Errorf("own memberships = %d %s", r.Status, r.Body)
		}
		if err := c.OrganizationMemberships.Delete(ctx, m.ID); err != nil {
			s.T.Error(err)
		}
		if r := s.Do("GET", "/api/v2/teams/"+team.ID, nina.Token, nil); r.Status != 404 {
			s.T.Errorf("GET team by a removed member = %d, want 404", r.Status)
		}
	})
}

func TestWhoHasALoginIsAskedBeforeTheyAreAMember(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o, bob := s.T.Context(), s.Org("acme"), s.User("bob")
		c := s.Client(o.Owner.Token)
		invite := func() *tfe.OrganizationMembership {
			m, err := c.OrganizationMemberships.Create(ctx, "acme", tfe.OrganizationMembershipCreateOptions{Email: new("BOB@example.com")})
			if err != nil || m.Status != tfe.OrganizationMembershipInvited || m.User.ID != bob.ID {
				s.T.Fatalf("Create = %+v, %v; want an invitation of bob", m, err)
			}
			return m
		}
		do := func(m *tfe.OrganizationMembership, action, token string) int {
			return s.Do("POST", "/api/v2/organization-memberships/"+m.ID+"/actions/"+action, token, nil).Status
		}
		reads := func() int { return s.Do("GET", "/api/v2/organizations/acme", bob.Token, nil).Status }
		m := invite()
		if r := s.Do("GET", "/api/v2/organization-memberships", bob.Token, nil); reads() != 404 || !strings.Contains(string(r.Body), m.ID) || !strings.Contains(string(r.Body), `"invited"`) {
			s.T.Errorf("before an answer: GET of the organization = %d, of the invitation %s; want 404 and the invitation", reads(), r.Body)
		}
		for _, who := range []string{o.Owner.Token, s.AdminToken(), s.User("sam").Token} {
			if a, l := do(m, "accept", who), do(m, "leave", who); a != 404 || l != 404 {
				s.T.Errorf("accept, leave in the name of bob = %d, %d, want 404", a, l)
			}
		}
		if got := do(m, "accept", bob.Token); got != 200 || reads() != 200 {
			s.T.Errorf("accept = %d, then GET = %d", got, reads())
		}
		if got := do(m, "accept", bob.Token); got != 409 {
			s.T.Errorf("accept twice = %d, want 409", got)
		}
		if got := do(m, "leave", bob.Token); got != 204 || reads() != 404 {
			s.T.Errorf("leave = %d, then GET = %d", got, reads())
		}
		m = invite()
		if got := do(m, "leave", bob.Token); got != 204 {
			s.T.Errorf("decline = %d", got)
		}
		if got := do(m, "accept", bob.Token); got != 404 {
			s.T.Errorf("accept what was declined = %d, want 404", got)
		}
		own := s.Do("GET", "/api/v2/organization-memberships", o.Owner.Token, nil).JSON()["data"].([]any)[0].(map[string]any)["id"].(string)
		if r := s.Do("POST", "/api/v2/organization-memberships/"+own+"/actions/leave", o.Owner.Token, nil); r.Status != 403 || !strings.Contains(r.Detail(), "last owner") {
			s.T.Errorf("leave by the last owner = %d %s, want 403", r.Status, r.Detail())
		}
	})
}

func TestMembershipsRefuse(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o, other := s.Org("acme"), s.Org("other")
		team := s.Do("GET", "/api/v2/organizations/other/teams", other.Owner.Token, nil).JSON()["data"].([]any)[0].(map[string]any)["id"].(string)
		own := s.Do("GET", "/api/v2/organization-memberships", o.Owner.Token, nil).JSON()["data"].([]any)[0].(map[string]any)["id"].(string)
		invite := func(email, more string) string {
			return fmt.Sprintf(`{"data":{"type":"organization-memberships","attributes":{"email":%q}%s}}`, email, more)
		}
		teams := func(typ, id string) string {
			return fmt.Sprintf(`,"relationships":{"teams":{"data":[{"type":%q,"id":%q}]}}`, typ, id)
		}
		for _, c := range []struct {
			method, path, body string
			status             int
			detail             string
		}{
			{"POST", "/organizations/acme/organization-memberships", invite("", ""), 422, "can't be blank"},
			{"POST", "/organizations/acme/organization-memberships", invite("not-an-address", ""), 422, "Email is invalid"},
			{"POST", "/organizations/acme/organization-memberships", invite("acme-owner@example.com", ""), 422, "already been invited"},
			{"POST", "/organizations/acme/organization-memberships", invite("x@example.com", teams("teams", team)), 422, "could not be found"},
			{"POST", "/organizations/acme/organization-memberships", invite("x@example.com", teams("users", "u")), 422, "can't have a users"},
			{"POST", "/organizations/nowhere/organization-memberships", invite("x@example.com", ""), 404, ""},
			{"DELETE", "/organization-memberships/" + own, "", 403, "You cannot remove yourself"},
			{"GET", "/organization-memberships/ou-nothing", "", 404, ""},
			{"GET", "/organization-memberships/" + own + "?include=users", "", 400, "include parameter"},
		} {
			r := s.Do(c.method, "/api/v2"+c.path, o.Owner.Token, c.body)
			if r.Status != c.status || !strings.Contains(r.Detail(), c.detail) {
				s.T.Errorf("%s %s %s = %d %q, want %d with %q", c.method, c.path, c.body, r.Status, r.Detail(), c.status, c.detail)
			}
		}
	})
}

func TestMembershipsAreManagedByWhoMay(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o := s.Org("acme")
		member := s.Member(o, "mia")
		ownerships := s.Do("GET", "/api/v2/organization-memberships", o.Owner.Token, nil).JSON()["data"].([]any)[0].(map[string]any)["id"].(string)
		for i, c := range []struct {
			who, token           string
			list, invite, remove int
		}{
			{"guest", "", 401, 401, 401}, {"stranger", s.User("sam").Token, 404, 404, 404}, {"member", member.Token, 200, 404, 404},
		} {
			if r := s.Do("GET", "/api/v2/organizations/acme/organization-memberships", c.token, nil); r.Status != c.list {
				s.T.Errorf("list by a %s = %d, want %d", c.who, r.Status, c.list)
			}
			body := fmt.Sprintf(`{"data":{"type":"organization-memberships","attributes":{"email":"new-%d@example.com"}}}`, i)
			if r := s.Do("POST", "/api/v2/organizations/acme/organization-memberships", c.token, body); r.Status != c.invite {
				s.T.Errorf("invite by a %s = %d, want %d", c.who, r.Status, c.invite)
			}
			if r := s.Do("DELETE", "/api/v2/organization-memberships/"+ownerships, c.token, nil); r.Status != c.remove {
				s.T.Errorf("remove by a %s = %d, want %d", c.who, r.Status, c.remove)
			}
		}
		r := s.Do("GET", "/api/v2/organizations/acme/organization-memberships?q=MIA&filter[status]=active&filter[email]=mia@example.com,x@y.z", member.Token, nil)
		if r.Status != 200 || len(r.JSON()["data"].([]any)) != 1 {
			s.T.Errorf("search = %d %s, want mia", r.Status, r.Body)
		}
		counts := r.JSON()["meta"].(map[string]any)["status-counts"].(map[string]any)
		if counts["total"] != 2.0 || counts["active"] != 2.0 || counts["invited"] != 0.0 {
			s.T.Errorf("status-counts = %v, want 2 active of 2", counts)
		}
	})
}

package tokens_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/identity/tokens"
)

// team makes a team and returns its id.
func team(s *apptest.Server, o apptest.Org, name string, membersManage bool) string {
	s.T.Helper()
	made, err := s.Client(o.Owner.Token).Teams.Create(s.T.Context(), o.Name, tfe.TeamCreateOptions{Name: &name, AllowMemberTokenManagement: &membersManage})
	if err != nil {
		s.T.Fatal(err)
	}
	return made.ID
}

func TestTeamTokens(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx := s.T.Context()
		o := s.Org("acme")
		dev, c := team(s, o, "dev", true), s.Client(o.Owner.Token)
		first, err := c.TeamTokens.Create(ctx, dev)
		if err != nil || first.Token == "" || first.Description != nil || first.Team.ID != dev {
			s.T.Fatalf("Create = %+v, %v", first, err)
		}
		second, err := c.TeamTokens.Create(ctx, dev)
		if err != nil {
			s.T.Fatal(err)
		}
		for token, want := range map[string]int{first.Token: 401, second.Token: 200} {
			if r := s.Do("GET", details, token, nil); r.Status != want {
				s.T.Errorf("GET with a token of the team = %d, want %d", r.Status, want)
			}
		}
		for _, d := range []string{"ci", "", "cd"} {
			made, err := c.TeamTokens.CreateWithOptions(ctx, dev, tfe.TeamTokenCreateOptions{Description: &d})
			if err != nil || made.Description == nil || *made.Description != d {
				s.T.Fatalf("Create %q = %+v, %v", d, made, err)
			}
		}
		if _, err := c.TeamTokens.CreateWithOptions(ctx, dev, tfe.TeamTokenCreateOptions{Description: new("ci")}); !errors.Is(err, tfe.ErrInvalidDescriptionConflict) &&
			(err == nil || err.Error() != tfe.ErrInvalidDescriptionConflict.Error()) {
			s.T.Errorf("Create with a description that is taken = %v, want %v", err, tfe.ErrInvalidDescriptionConflict)
		}
		if read, err := c.TeamTokens.Read(ctx, dev); err != nil || read.ID != second.ID || read.Token != "" {
			s.T.Errorf("Read = %+v, %v, want %s without a secret", read, err, second.ID)
		}
		if r := s.Do("GET", "/api/v2/teams/"+dev+"/authentication-tokens", o.Owner.Token, nil); len(r.JSON()["data"].([]any)) != 4 {
			s.T.Errorf("tokens of the team = %s, want 4", r.Body)
		}
		if err := c.TeamTokens.DeleteByID(ctx, second.ID); err != nil {
			s.T.Errorf("DeleteByID = %v", err)
		}
		if r := s.Do("GET", details, second.Token, nil); r.Status != 401 {
			s.T.Errorf("GET with a revoked token = %d, want 401", r.Status)
		}
		if err := c.TeamTokens.Delete(ctx, dev); !errors.Is(err, tfe.ErrResourceNotFound) {
			s.T.Errorf("Delete of no token = %v, want not found", err)
		}
	})
}

func TestTeamTokenList(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx := s.T.Context()
		o, other := s.Org("acme"), s.Org("other")
		c := s.Client(o.Owner.Token)
		zoo, ant, hidden := team(s, o, "Zoo", true), team(s, o, "ant", true), team(s, o, "hidden", false)
		expiring := map[string]string{}
		for name, days := range map[string]int{zoo: 3, ant: 20, hidden: 100} {
			end := time.Now().Add(time.Duration(days) * 24 * time.Hour)
			made, err := c.TeamTokens.CreateWithOptions(ctx, name, tfe.TeamTokenCreateOptions{ExpiredAt: &end})
			if err != nil {
				s.T.Fatal(err)
			}
			expiring[made.ID] = map[string]string{zoo: "zoo", ant: "ant", hidden: "hidden"}[name]
		}
		if _, err := s.Client(other.Owner.Token).TeamTokens.Create(ctx, team(s, other, "dev", true)); err != nil {
			s.T.Fatal(err)
		}
		member := s.Member(o, "member")
		s.JoinTeam(ant, member)
		s.JoinTeam(hidden, member)
		names := func(token, query string) string {
			r := s.Do("GET", "/api/v2/organizations/acme/team-tokens?"+query, token, nil)
			if r.Status != 200 {
				return r.Detail()
			}
			var out []string
			for _, v := range r.JSON()["data"].([]any) {
				out = append(out, expiring[v.(map[string]any)["id"].(string)])
			}
			return strings.Join(out, " ")
		}
		for query, want := range map[string]string{
			"sort=team-name": "ant hidden zoo", "sort=-team-name": "zoo hidden ant", "sort=expired-at": "zoo ant hidden", "sort=-expired-at": "hidden ant zoo",
			"q=ZO": "zoo", "q=%25": "", "sort=expired-at&page[size]=1&page[number]=2": "ant",
			"filter[expiry_status]=expiring_in_7_days": "zoo", "sort=expired-at&filter[expiry_status]=expiring_in_30_days": "zoo ant",
			"filter[expiry_status]=no_expiration,expired": "", "sort=expired-at&filter[expiry_status]=active": "zoo ant hidden",
			"sort=hash": "bad request: Team tokens cannot be sorted by \"hash\"", "filter[expiry_status]=x": "bad request: filter[expiry_status] has no value \"x\"",
		} {
			if got := names(o.Owner.Token, query); got != want {
				s.T.Errorf("tokens with %s = %q, want %q", query, got, want)
			}
		}
		for who, c := range map[string]struct{ token, want string }{
			"member":   {member.Token, "ant"},
			"stranger": {s.User("x").Token, "not found:"},
			"loner":    {s.Member(o, "loner").Token, ""},
		} {
			if got := names(c.token, ""); got != c.want {
				s.T.Errorf("tokens as %s = %q, want %q", who, got, c.want)
			}
		}
		names(o.Owner.Token, "") // the subject is remembered
		few := len(s.Statements(func() { names(o.Owner.Token, "page[size]=1") }))
		if many := len(s.Statements(func() { names(o.Owner.Token, "page[size]=100") })); many != few {
			s.T.Errorf("statements of a list of 3 = %d, of 1 = %d, want equal", many, few)
		}
	})
}

func TestTeamTokensAreRevokedTogether(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx := s.T.Context()
		o, other := s.Org("acme"), s.Org("other")
		dev := team(s, o, "dev", true)
		a, err := s.Client(o.Owner.Token).TeamTokens.Create(ctx, dev)
		if err != nil {
			s.T.Fatal(err)
		}
		b, err := s.Client(o.Owner.Token).TeamTokens.CreateWithOptions(ctx, dev, tfe.TeamTokenCreateOptions{Description: new("b")})
		if err != nil {
			s.T.Fatal(err)
		}
		foreign, err := s.Client(other.Owner.Token).TeamTokens.Create(ctx, team(s, other, "dev", true))
		if err != nil {
			s.T.Fatal(err)
		}
		remove := func(token string, ids ...string) int {
			var list []map[string]string
			for _, v := range ids {
				list = append(list, map[string]string{"type": "authentication-tokens", "id": v})
			}
			return s.Do("DELETE", "/api/v2/organizations/acme/team-tokens", token, map[string]any{"data": list}).Status
		}
		if got := remove(o.Owner.Token, a.ID, foreign.ID); got != 404 {
			s.T.Errorf("DELETE with a foreign token = %d, want 404", got)
		}
		if got := remove(s.Member(o, "m").Token, a.ID); got != 404 {
			s.T.Errorf("DELETE as a member of no team = %d, want 404", got)
		}
		if got := remove(o.Owner.Token, a.ID, b.ID, a.ID); got != 204 {
			s.T.Errorf("DELETE = %d, want 204", got)
		}
		for token, want := range map[string]int{a.Token: 401, b.Token: 401, foreign.Token: 200} {
			if r := s.Do("GET", details, token, nil); r.Status != want {
				s.T.Errorf("GET with a token after it = %d, want %d", r.Status, want)
			}
		}
	})
}

func TestWhoManagesTeamTokens(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o := s.Org("acme")
		open, closed := team(s, o, "open", true), team(s, o, "closed", false)
		in := s.Member(o, "in")
		s.JoinTeam(open, in)
		s.JoinTeam(closed, in)
		for _, c := range []struct {
			who, token   string
			open, closed int
		}{
			{"guest", "", 401, 401},
			{"stranger", s.User("stranger").Token, 404, 404},
			{"member of another team", s.Member(o, "out").Token, 404, 404},
			{"member of the team", in.Token, 201, 404},
			{"the team itself", s.Token(tokens.Token{Kind: tokens.Team, TeamID: &open, OrgID: &o.ID, Description: "x"}), 404, 404},
			{"owner", o.Owner.Token, 201, 201},
			{"site admin", s.AdminToken(), 201, 201},
		} {
			for id, want := range map[string]int{open: c.open, closed: c.closed} {
				if r := s.Do("POST", "/api/v2/teams/"+id+"/authentication-token", c.token, `{"data":{"type":"authentication-tokens"}}`); r.Status != want {
					s.T.Errorf("POST as %s = %d, want %d", c.who, r.Status, want)
				}
			}
		}
	})
}

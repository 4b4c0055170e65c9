package tokens_test

import (
	"strings"
	"testing"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
)

const emptyToken = `{"data":{"type":"authentication-tokens","attributes":{"description":"mine"}}}`

// TestTeamManagersGetNoTokensOfOwners: who manages teams neither reads, mints nor
// revokes tokens of the team of owners, or of a secret team that they may not know of.
func TestTeamManagersGetNoTokensOfOwners(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o := s.Org("acme")
		list, err := s.Client(o.Owner.Token).Teams.List(s.T.Context(), "acme", &tfe.TeamListOptions{Names: []string{"owners"}})
		if err != nil {
			s.T.Fatal(err)
		}
		manager, keeper := s.With(o, "manager", []string{"manage-teams"}, nil), s.With(o, "keeper", []string{"manage-teams", "access-secret-teams"}, nil)
		visible := s.With(o, "visible", nil, nil)
		open, err := s.Client(o.Owner.Token).Teams.List(s.T.Context(), "acme", &tfe.TeamListOptions{Names: []string{visible.Name}})
		if err != nil {
			s.T.Fatal(err)
		}
		for _, c := range []struct {
			team                   string
			manager, keeper, owner int
		}{
			{list.Items[0].ID, 404, 404, 201},
			{team(s, o, "hidden", false), 404, 201, 201},
			{open.Items[0].ID, 201, 201, 201},
		} {
			path := "/api/v2/teams/" + c.team + "/authentication-token"
			made := s.Do("POST", path+"s", o.Owner.Token, emptyToken)
			id := made.JSON()["data"].(map[string]any)["id"].(string)
			for token, want := range map[string]int{manager.Token: c.manager, keeper.Token: c.keeper, o.Owner.Token: c.owner} {
				if r := s.Do("POST", path, token, `{"data":{"type":"authentication-tokens"}}`); r.Status != want {
					s.T.Errorf("POST %s = %d, want %d", path, r.Status, want)
				}
				seen := want == 201
				if r := s.Do("GET", "/api/v2/authentication-tokens/"+id, token, nil); (r.Status == 200) != seen {
					s.T.Errorf("GET of a token of %s = %d, want seen %v", c.team, r.Status, seen)
				}
				if r := s.Do("GET", "/api/v2/organizations/acme/team-tokens?page[size]=100", token, nil); strings.Contains(string(r.Body), id) != seen {
					s.T.Errorf("list of team tokens with that of %s = %d %s, want it there: %v", c.team, r.Status, r.Body, seen)
				}
			}
			remove := `{"data":[{"type":"authentication-tokens","id":"` + id + `"}]}`
			if r := s.Do("DELETE", "/api/v2/organizations/acme/team-tokens", manager.Token, remove); (r.Status == 204) != (c.manager == 201) {
				s.T.Errorf("DELETE of a token of %s by the manager = %d", c.team, r.Status)
			}
		}
	})
}

// TestRefusedUserTokensMintNoTeamTokens: where an organization takes no tokens of
// people, such a token does not get one of a team instead.
func TestRefusedUserTokensMintNoTeamTokens(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o := s.Org("acme")
		member, id := s.Member(o, "member"), team(s, o, "open", true)
		s.JoinTeam(id, member)
		path := "/api/v2/teams/" + id + "/authentication-token"
		if r := s.Do("POST", path, member.Token, emptyToken); r.Status != 201 {
			s.T.Fatalf("POST as a member of the team = %d %s, want 201", r.Status, r.Body)
		}
		if _, err := s.Client(o.Owner.Token).Organizations.Update(s.T.Context(), "acme", tfe.OrganizationUpdateOptions{UserTokensEnabled: new(false)}); err != nil {
			s.T.Fatal(err)
		}
		for _, token := range []string{member.Token, o.Owner.Token} {
			if r := s.Do("POST", path, token, `{"data":{"type":"authentication-tokens"}}`); r.Status != 404 && r.Status != 401 {
				s.T.Errorf("POST where tokens of people are refused = %d %s, want 404", r.Status, r.Body)
			}
			if r := s.Do("GET", "/api/v2/team-workspaces?filter[team][id]="+id, token, nil); r.Status == 200 {
				s.T.Errorf("GET team-workspaces where tokens of people are refused = 200 %s", r.Body)
			}
		}
	})
}

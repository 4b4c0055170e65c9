package trail_test

import (
	"strings"
	"testing"
	"time"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/identity/tokens"
)

const path = "/api/v2/organization/audit-trail"

func TestTrailTellsWhoDidWhat(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o, other := s.T.Context(), s.Org("acme"), s.Org("other")
		token := s.Token(tokens.Token{Kind: tokens.Audit, OrgID: &o.ID})
		since := time.Now().Add(-time.Second).UTC().Format("2006-01-02T15:04:05.000Z")
		for org, owner := range map[string]apptest.User{"acme": o.Owner, "other": other.Owner} {
			if _, err := s.Client(owner.Token).Teams.Create(ctx, org, tfe.TeamCreateOptions{Name: new("devs")}); err != nil {
				s.T.Fatal(err)
			}
		}
		list, err := s.Client(token).AuditTrails.List(ctx, nil)
		if err != nil || list.TotalCount != 1 || len(list.Items) != 1 {
			s.T.Fatalf("List = %+v, %v; want the creation of the team", list, err)
		}
		e := list.Items[0]
		if e.Resource.Type != "team" || e.Resource.Action != "create" || e.Auth.AccessorID != o.Owner.ID || e.Auth.Description != o.Owner.Name ||
			e.Auth.OrganizationID != o.ID || e.Auth.Type != "Client" || e.Request.ID == "" {
			s.T.Errorf("event = %+v", e)
		}
		for query, want := range map[string]int{"?since=" + since: 1, "?since=2999-01-01T00:00:00Z": 0, "?page[number]=2": 0} {
			r := s.Do("GET", path+query, token, nil)
			if got := len(r.JSON()["data"].([]any)); got != want {
				s.T.Errorf("GET %s = %d events, want %d", query, got, want)
			}
		}
	})
}

func TestTrailIsForTokensOfTheOrganization(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o := s.Org("acme")
		team := s.Do("GET", "/api/v2/organizations/acme/teams", o.Owner.Token, nil).JSON()["data"].([]any)[0].(map[string]any)["id"].(string)
		auditor := s.Token(tokens.Token{Kind: tokens.Audit, OrgID: &o.ID})
		for who, c := range map[string]struct {
			token string
			want  int
		}{"guest": {"", 401}, "owner": {o.Owner.Token, 404}, "site administrator": {s.AdminToken(), 404},
			"team": {s.Token(tokens.Token{Kind: tokens.Team, TeamID: &team}), 404}, "organization": {s.Token(tokens.Token{Kind: tokens.Org, OrgID: &o.ID}), 200}, "auditor": {auditor, 200}} {
			if r := s.Do("GET", path, c.token, nil); r.Status != c.want {
				s.T.Errorf("GET by a %s = %d, want %d", who, r.Status, c.want)
			}
		}
		if r := s.Do("GET", "/api/v2/organizations/acme", auditor, nil); r.Status != 404 {
			s.T.Errorf("GET of the organization by the auditor = %d, want 404", r.Status)
		}
		for _, bad := range []string{"?since=yesterday", "?page[number]=0", "?page[size]=x", "?since=0000-01-01T00:00:00Z", "?since=9999-12-31T23:59:59-12:00"} {
			if r := s.Do("GET", path+bad, auditor, nil); r.Status != 400 {
				s.T.Errorf("GET %s = %d, want 400", bad, r.Status)
			}
		}
		off := `{"data":{"type":"audit-configurations","attributes":{"audit-trails":{"enabled":false}}}}`
		if r := s.Do("PATCH", "/api/v2/organizations/acme/audit-configuration", o.Owner.Token, off); r.Status != 200 {
			s.T.Fatalf("PATCH = %d %s", r.Status, r.Body)
		}
		if r := s.Do("GET", path, auditor, nil); r.Status != 403 || !strings.Contains(r.Detail(), "not enabled") {
			s.T.Errorf("GET of a trail that is off = %d %s, want 403", r.Status, r.Detail())
		}
	})
}

package trail_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
)

const events = "/api/v2/organizations/acme/audit-events"

// of are the actions and resources that a list tells of, the newest first.
func of(s *apptest.Server, query string, token string) string {
	s.T.Helper()
	r := s.Do("GET", events+query, token, nil)
	if r.Status != 200 {
		s.T.Fatalf("GET %s = %d %s", query, r.Status, r.Body)
	}
	var out []string
	for _, v := range r.JSON()["data"].([]any) {
		a := v.(map[string]any)["attributes"].(map[string]any)
		out = append(out, a["action"].(string)+" "+a["resource-type"].(string))
	}
	return strings.Join(out, ", ")
}

func TestTrailIsSearched(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o, other := s.T.Context(), s.Org("acme"), s.Org("other")
		c := s.Client(o.Owner.Token)
		team, err := c.Teams.Create(ctx, "acme", tfe.TeamCreateOptions{Name: new("devs")})
		if err != nil {
			s.T.Fatal(err)
		}
		if _, err := c.Teams.Update(ctx, team.ID, tfe.TeamUpdateOptions{Name: new("ops"), Visibility: new("secret")}); err != nil {
			s.T.Fatal(err)
		}
		if _, err := s.Client(other.Owner.Token).Teams.Create(ctx, "other", tfe.TeamCreateOptions{Name: new("devs")}); err != nil {
			s.T.Fatal(err)
		}
		if r := s.Do("POST", "/api/v2/organizations/acme/projects", s.AdminToken(), `{"data":{"type":"projects","attributes":{"name":"Web"}}}`); r.Status != 201 {
			s.T.Fatalf("POST = %d %s", r.Status, r.Body)
		}
		const all = "create projects, update teams, create teams"
		now := time.Now().UTC()
		for query, want := range map[string]string{
			"": all, "?filter[action]=update": "update teams", "?filter[resource-type]=teams": "update teams, create teams",
			"?filter[actor]=ACME-own": "update teams, create teams", "?filter[actor]=" + o.Owner.ID: "update teams, create teams", "?filter[actor]=nobody": "",
			"?filter[resource-id]=" + team.ID: "update teams, create teams", "?q=proj": "create projects", "?q=" + team.ID: "update teams, create teams", "?q=%25": "",
			"?filter[from]=" + url.QueryEscape(now.Add(-time.Hour).Format(time.RFC3339)): all, "?filter[to]=" + url.QueryEscape(now.Add(-time.Hour).Format(time.RFC3339)): "",
			"?page[size]=1&page[number]=2": "update teams",
		} {
			if got := of(s, query, o.Owner.Token); got != want {
				s.T.Errorf("GET %s = %q, want %q", query, got, want)
			}
		}
		r := s.Do("GET", events+"?filter[action]=update", o.Owner.Token, nil)
		if !strings.Contains(string(r.Body), `"changed":["name","visibility"]`) || !strings.Contains(string(r.Body), `"actor-name":"acme-owner"`) || strings.Contains(string(r.Body), `"devs"`) {
			s.T.Errorf("event = %s, want the names of what was set and no value", r.Body)
		}
		if list := string(s.Do("GET", events, o.Owner.Token, nil).Body); strings.Count(list, `"resource-name":"ops"`) != 2 || !strings.Contains(list, `"resource-name":"Web"`) {
			s.T.Errorf("events = %s, want what the resources are called now", list)
		}
		for _, bad := range []string{"?filter[from]=yesterday", "?filter[from]=0001-01-01T00:00:00%2B12:00", "?filter[color]=red"} {
			if r := s.Do("GET", events+bad, o.Owner.Token, nil); r.Status != 400 {
				s.T.Errorf("GET %s = %d, want 400", bad, r.Status)
			}
		}
		few := len(s.Statements(func() { of(s, "?page[size]=1", o.Owner.Token) }))
		if many := len(s.Statements(func() { of(s, "?page[size]=100", o.Owner.Token) })); many != few {
			s.T.Errorf("statements = %d for many, %d for one", many, few)
		}
		kinds := func(name, token string) string {
			r := s.Do("GET", "/api/v2/organizations/"+name+"/audit-event-kinds", token, nil)
			if r.Status != 200 {
				return r.Detail()
			}
			a := r.JSON()["data"].(map[string]any)["attributes"].(map[string]any)
			return fmt.Sprint(a["actions"], a["resource-types"])
		}
		if got, want := kinds("acme", o.Owner.Token), "[create update] [projects teams]"; got != want {
			s.T.Errorf("kinds = %s, want %s: each once, and none of another organization", got, want)
		}
		if got, want := kinds("empty", s.Org("empty").Owner.Token), "[] []"; got != want {
			s.T.Errorf("kinds of an organization where nothing happened = %s, want %s", got, want)
		}
		if got, want := kinds("acme", other.Owner.Token), "[create"; strings.HasPrefix(got, want) {
			s.T.Errorf("kinds for a stranger = %s, want that there is nothing", got)
		}
	})
}

func TestTrailIsExported(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o := s.Org("acme")
		c := s.Client(o.Owner.Token)
		for _, name := range []string{"devs", "ops"} {
			if _, err := c.Teams.Create(s.T.Context(), "acme", tfe.TeamCreateOptions{Name: new(name)}); err != nil {
				s.T.Fatal(err)
			}
		}
		r := s.Do("GET", events+"/export/csv?filter[resource-type]=teams", o.Owner.Token, nil)
		rows, err := csv.NewReader(strings.NewReader(string(r.Body))).ReadAll()
		if err != nil || len(rows) != 3 || rows[0][2] != "action" || rows[1][2] != "create" || rows[1][8] != "acme-owner" || !strings.Contains(r.Header.Get("Content-Disposition"), "audit-acme.csv") {
			s.T.Errorf("CSV = %d %v %v, want a head and two lines", r.Status, rows, err)
		}
		r = s.Do("GET", events+"/export/json", o.Owner.Token, nil)
		var list []map[string]any
		if err := json.Unmarshal(r.Body, &list); err != nil || len(list) != 2 || list[0]["id"] == "" || list[0]["resource-type"] != "teams" {
			s.T.Errorf("JSON = %d %s", r.Status, r.Body)
		}
		if r := s.Do("GET", events+"/export/csv?filter[to]=never", o.Owner.Token, nil); r.Status != 400 {
			s.T.Errorf("GET with a bad filter = %d, want 400", r.Status)
		}
		member := s.Member(o, "mia")
		for _, path := range []string{"", "/export/csv", "/export/json"} {
			if r := s.Do("GET", events+path, member.Token, nil); r.Status != 404 {
				s.T.Errorf("GET %s by a member = %d, want 404", path, r.Status)
			}
		}
	})
}

func TestTheSiteHasATrailOfItsOwn(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		const site = "/api/v2/admin/audit-events"
		ctx, o, admin := s.T.Context(), s.Org("acme"), s.AdminToken()
		if _, err := s.Client(o.Owner.Token).Teams.Create(ctx, "acme", tfe.TeamCreateOptions{Name: new("devs")}); err != nil {
			s.T.Fatal(err)
		}
		mia := s.Member(o, "mia")
		if r := s.Do("POST", "/api/v2/admin/users/"+mia.ID+"/actions/suspend", admin, nil); r.Status != 200 {
			s.T.Fatalf("suspend = %d %s", r.Status, r.Body)
		}
		if r := s.Do("PATCH", "/api/v2/admin/general-settings", admin, `{"data":{"type":"general-settings","attributes":{"plan-timeout":"3h"}}}`); r.Status != 200 {
			s.T.Fatalf("PATCH = %d %s", r.Status, r.Body)
		}
		told := func(query string) (out []string) {
			r := s.Do("GET", site+query, admin, nil)
			if r.Status != 200 {
				s.T.Fatalf("GET %s = %d %s", query, r.Status, r.Body)
			}
			for _, v := range r.JSON()["data"].([]any) {
				a := v.(map[string]any)["attributes"].(map[string]any)
				out = append(out, fmt.Sprint(a["action"], " ", a["resource-type"], " ", a["resource-name"]))
			}
			return out
		}
		if got, want := fmt.Sprint(told("")), "[update general-settings <nil> suspend users mia]"; got != want {
			s.T.Errorf("events = %s, want %s: what belongs to no organization", got, want)
		}
		if got, want := fmt.Sprint(told("?filter[action]=suspend&q=users")), "[suspend users mia]"; got != want {
			s.T.Errorf("events that suspend = %s, want %s", got, want)
		}
		r := s.Do("GET", "/api/v2/admin/audit-event-kinds", admin, nil)
		if !strings.Contains(string(r.Body), `"actions":["suspend","update"],"resource-types":["general-settings","users"]`) || strings.Contains(string(r.Body), "teams") {
			s.T.Errorf("kinds = %d %s", r.Status, r.Body)
		}
		r = s.Do("GET", site+"/export/csv", admin, nil)
		if n := strings.Count(string(r.Body), "\n"); r.Status != 200 || n != 3 || !strings.Contains(r.Header.Get("Content-Disposition"), "audit-site.csv") {
			s.T.Errorf("CSV = %d, %d lines of %q, want a head and two lines", r.Status, n, r.Header.Get("Content-Disposition"))
		}
		for _, path := range []string{site, site + "/export/csv", site + "/export/json", "/api/v2/admin/audit-event-kinds"} {
			if r := s.Do("GET", path, o.Owner.Token, nil); r.Status != 404 {
				s.T.Errorf("GET %s by an owner = %d, want 404", path, r.Status)
			}
		}
	})
}

package agentpools_test

import (
	"strings"
	"testing"
	"time"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/delivery/agentpools"
	"plumbline.dev/plumbline/internal/kernel/db"
)

func TestAgentsOfAPool(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o := s.T.Context(), s.Org("acme")
		c, p, empty := s.Client(o.Owner.Token), pool(s, o, "pool"), pool(s, o, "empty")
		old, now := db.At(time.Now().Add(-time.Hour)), db.Now()
		agent(s, p, "agent-old", "exited", old)
		agent(s, p, "agent-new", "idle", now)
		list := func(query string) string {
			var ids []string
			for _, d := range s.Do("GET", "/api/v2/agent-pools/"+p+"/agents?"+query, o.Owner.Token, nil).JSON()["data"].([]any) {
				ids = append(ids, d.(map[string]any)["id"].(string))
			}
			return strings.Join(ids, " ")
		}
		for query, want := range map[string]string{"": "agent-old agent-new", "sort=-created-at": "agent-new agent-old", "page[size]=1": "agent-old",
			"filter[last-ping-since]=" + time.Now().Add(-time.Minute).UTC().Format(time.RFC3339): "agent-new"} {
			if got := list(query); got != want {
				s.T.Errorf("agents with %s = %s, want %s", query, got, want)
			}
		}
		for _, query := range []string{"sort=ip", "filter[last-ping-since]=yesterday", "filter[status]=idle"} {
			if r := s.Do("GET", "/api/v2/agent-pools/"+p+"/agents?"+query, o.Owner.Token, nil); r.Status != 400 {
				s.T.Errorf("agents with %s = %d, want 400", query, r.Status)
			}
		}
		a, err := c.Agents.Read(ctx, "agent-new")
		if err != nil || a.Name != "name of agent-new" || a.Status != "idle" || a.IP != "192.0.2.1" || a.LastPingAt != now.Wire() {
			s.T.Errorf("Read = %+v, %v", a, err)
		}
		if none, err := c.Agents.List(ctx, empty, nil); err != nil || none.TotalCount != 0 {
			s.T.Errorf("List of a pool without agents = %+v, %v", none, err)
		}
		if read, err := c.AgentPools.Read(ctx, p); err != nil || read.AgentCount != 1 {
			s.T.Errorf("Read of the pool = %+v, %v, want one agent that has not ended", read, err)
		}
		for id, want := range map[string]int{"agent-new": 412, "agent-old": 204, "agent-none": 404} {
			if r := s.Do("DELETE", "/api/v2/agents/"+id, o.Owner.Token, nil); r.Status != want {
				s.T.Errorf("DELETE %s = %d %s, want %d", id, r.Status, r.Body, want)
			}
		}
		if got := list(""); got != "agent-new" {
			s.T.Errorf("agents after the deletions = %s, want agent-new", got)
		}
	})
}

func TestAgentTokens(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o, other := s.T.Context(), s.Org("acme"), s.Org("other")
		c, p := s.Client(o.Owner.Token), pool(s, o, "pool")
		token, err := c.AgentTokens.Create(ctx, p, tfe.AgentTokenCreateOptions{Description: new("rack 1")})
		if err != nil || token.Description != "rack 1" || token.CreatedBy.ID != o.Owner.ID || !strings.Contains(token.Token, ".atlasv1.") {
			s.T.Fatalf("Create = %+v, %v", token, err)
		}
		if found, err := s.App.Tokens.Lookup(ctx, token.Token); err != nil || *found.AgentPoolID != p || *found.OrgID != o.ID || found.ExpiresAt != nil {
			s.T.Errorf("Lookup = %+v, %v, want the pool and no end", found, err)
		}
		for _, path := range []string{"/api/v2/organizations/acme", "/api/v2/agent-pools/" + p, "/api/v2/account/details"} {
			if r := s.Do("GET", path, token.Token, nil); r.Status != 401 {
				s.T.Errorf("GET %s with an agent's token = %d, want 401", path, r.Status)
			}
		}
		if list, err := c.AgentTokens.List(ctx, p); err != nil || len(list.Items) != 1 || list.Items[0].ID != token.ID || list.Items[0].Token != "" {
			s.T.Errorf("List = %+v, %v, want the token without its secret", list, err)
		}
		path := "/api/v2/agent-pools/" + p + "/authentication-tokens"
		for body, want := range map[string]string{
			document("agent-tokens", `{}`):                                                               "Description can't be blank",
			document("agent-tokens", `{"description":null}`):                                             "Description can't be blank",
			document("agent-tokens", `{"description":"`+strings.Repeat("x", 1001)+`"}`):                  "Description is too long",
			document("authentication-tokens", `{"description":"x","expired-at":"2001-01-01T00:00:00Z"}`): "Expired at must be in the future",
		} {
			if r := s.Do("POST", path, o.Owner.Token, body); r.Status != 422 || !strings.Contains(r.Detail(), want) {
				s.T.Errorf("POST %.100s = %d %s, want 422 %s", body, r.Status, r.Detail(), want)
			}
		}
		if r := s.Do("GET", "/api/v2/authentication-tokens/"+token.ID, other.Owner.Token, nil); r.Status != 404 {
			s.T.Errorf("GET of the token by a stranger = %d, want 404", r.Status)
		}
		if err := c.AgentPools.Delete(ctx, p); err != nil {
			s.T.Fatal(err)
		}
		if _, err := s.App.Tokens.Lookup(ctx, token.Token); err == nil {
			s.T.Error("Lookup after the pool is gone = nil, want an error")
		}
	})
}

func TestSiteAdministratorsSeeAllAgents(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		for _, name := range []string{"acme", "other"} {
			o := s.Org(name)
			r := s.Do("POST", "/api/v2/organizations/"+name+"/agent-pools", o.Owner.Token, `{"data":{"type":"agent-pools","attributes":{"name":"pool-`+name+`"}}}`)
			pool := r.JSON()["data"].(map[string]any)["id"].(string)
			if _, err := s.App.AgentPools.Join(s.T.Context(), agentpools.Agent{PoolID: pool, Name: "machine-" + name, IPAddress: "192.0.2.1", Version: "1.2.3", Platform: "linux/arm64"}); err != nil {
				s.T.Fatal(err)
			}
		}
		for query, want := range map[string]int{"": 2, "?filter[status]=idle": 2, "?filter[status]=busy": 0, "?q=MACHINE-ac": 1, "?q=POOL-": 2, "?q=other": 1, "?q=nobody": 0} {
			r := s.Do("GET", "/api/v2/admin/agents"+query, s.AdminToken(), nil)
			if r.Status != 200 || len(r.JSON()["data"].([]any)) != want || want > 0 && !strings.Contains(string(r.Body), `"version":"1.2.3","platform":"linux/arm64"`) {
				s.T.Errorf("GET %s = %d %s, want %d agents", query, r.Status, r.Body, want)
			}
		}
	})
}

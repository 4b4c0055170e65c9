package workspaces_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/apptest"
)

// names returns the names of a list, in order.
func names(t *testing.T, res *apptest.Response) []string {
	t.Helper()
	if res.Status != 200 {
		t.Fatalf("list = %d %s", res.Status, res.Body)
	}
	out := []string{}
	for _, d := range res.JSON()["data"].([]any) {
		out = append(out, d.(map[string]any)["attributes"].(map[string]any)["name"].(string))
	}
	return out
}

// makeWorkspace creates a workspace with tag bindings "key=value" or "key".
func makeWorkspace(s *apptest.Server, token, org, project, name string, tags ...string) string {
	s.T.Helper()
	rel := map[string]any{}
	if project != "" {
		rel["project"] = map[string]any{"data": map[string]string{"type": "projects", "id": project}}
	}
	if len(tags) > 0 {
		rel["tag-bindings"] = map[string]any{"data": bindings(tags...)}
	}
	res := s.Do("POST", "/api/v2/organizations/"+org+"/workspaces", token, map[string]any{"data": map[string]any{
		"type": "workspaces", "attributes": map[string]string{"name": name}, "relationships": rel}})
	if res.Status != 201 {
		s.T.Fatalf("Create %s = %d %s", name, res.Status, res.Body)
	}
	return res.JSON()["data"].(map[string]any)["id"].(string)
}

// bindings are tag-bindings of a request, of "key=value" or "key".
func bindings(tags ...string) []any {
	out := []any{}
	for _, tag := range tags {
		attributes := map[string]string{"key": tag}
		for i := range tag {
			if tag[i] == '=' {
				attributes = map[string]string{"key": tag[:i], "value": tag[i+1:]}
				break
			}
		}
		out = append(out, map[string]any{"type": "tag-bindings", "attributes": attributes})
	}
	return out
}

func TestListFiltersAndOrders(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		token := org.Owner.Token
		project := s.Project(org, "Shop")
		if res := s.Do("PATCH", "/api/v2/projects/"+project+"/tag-bindings", token, map[string]any{"data": bindings("tier=gold", "owner=ops")}); res.Status != 200 {
			s.T.Fatalf("%d %s", res.Status, res.Body)
		}
		makeWorkspace(s, token, "acme", "", "alpha", "env=prod", "web")
		makeWorkspace(s, token, "acme", "", "beta_x", "env=dev")
		makeWorkspace(s, token, "acme", project, "gamma", "web", "owner=dev")
		makeWorkspace(s, token, "acme", project, "delta-x", "env=prod")
		makeWorkspace(s, s.Org("other").Owner.Token, "other", "", "alpha")

		for state, name := range map[string]string{"drifted": "gamma", "checks-failing": "alpha"} {
			if _, err := s.DB.Exec(s.T.Context(), `INSERT INTO workspace_health (workspace_id, org_id, state, reason, next_at) SELECT id, org_id, ?, '', created_at FROM workspaces WHERE name = ? AND org_id = ?`, state, name, org.ID); err != nil {
				s.T.Fatal(err)
			}
		}
		for query, want := range map[string][]string{
			"filter[health-state]=drifted":                {"gamma"},
			"filter[health-state]=drifted,checks-failing": {"alpha", "gamma"},
			"filter[health-state]=healthy":                {},
			"":                                            {"alpha", "beta_x", "delta-x", "gamma"},
			"sort=-name":                                  {"gamma", "delta-x", "beta_x", "alpha"},
			"sort=created-at":                             {"alpha", "beta_x", "gamma", "delta-x"},
			"sort=-latest-change-at":                      {"delta-x", "gamma", "beta_x", "alpha"},
			"sort=current-run.created-at":                 {"alpha", "beta_x", "delta-x", "gamma"},
			"search[name]=ALPH":                           {"alpha"},
			"search[name]=_":                              {"beta_x"},
			"search[name]=%":                              {},
			"search[wildcard-name]=*-x":                   {"delta-x"},
			"search[wildcard-name]=*a*a":                  {"alpha", "gamma"},
			"search[tags]=web":                            {"alpha", "gamma"},
			"search[tags]=env":                            {},
			"search[tags]=web,other":                      {},
			"search[exclude-tags]=web":                    {"beta_x", "delta-x"},
			"filter[project][id]=" + project:              {"delta-x", "gamma"},
			"filter[project][id]=prj-nope":                {},
			"filter[current-run][status]=applied":         {},
			"filter[tagged][0][key]=env":                  {"alpha", "beta_x", "delta-x"},
			"filter[tagged][0][key]=env&filter[tagged][0][value]=prod":                     {"alpha", "delta-x"},
			"filter[tagged][0][key]=env&filter[tagged][1][key]=web":                        {"alpha"},
			"filter[tagged][0][key]=env&filter[tagged][1][key]=web&filter[tag-union]=true": {"alpha", "beta_x", "delta-x", "gamma"},
			"filter[tagged][0][key]=tier&filter[tagged][0][value]=gold":                    {"delta-x", "gamma"}, // from the project
			"filter[tagged][0][key]=owner&filter[tagged][0][value]=ops":                    {"delta-x"},          // gamma overrides it
			"filter[tagged][0][key]=owner&filter[tagged][0][value]=dev":                    {"gamma"},
			"page[size]=2":                {"alpha", "beta_x"},
			"page[size]=2&page[number]=2": {"delta-x", "gamma"},
			"page[size]=3&page[number]=2": {"gamma"},
			"page[size]=2&page[number]=9": {},
		} {
			res := s.Do("GET", "/api/v2/organizations/acme/workspaces?"+escape(query), token, nil)
			if diff := cmp.Diff(want, names(s.T, res)); diff != "" {
				s.T.Errorf("list?%s: %s", query, diff)
			}
		}
		for _, query := range []string{"page[size]=2", "page[size]=2&page[number]=2", "page[size]=3&page[number]=2", "page[size]=2&page[number]=9", ""} {
			res := s.Do("GET", "/api/v2/organizations/acme/workspaces?"+escape(query), token, nil)
			if got := res.JSON()["meta"].(map[string]any)["pagination"].(map[string]any)["total-count"]; got != 4.0 {
				s.T.Errorf("total-count of list?%s = %v, want 4", query, got)
			}
		}
		for _, query := range []string{"sort=color", "filter[tagged][x]=1", "filter[tagged][0][value]=prod", "filter[nope]=1", "include=nope", "include=remote-state-consumers",
			"search[tags]=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21"} {
			if res := s.Do("GET", "/api/v2/organizations/acme/workspaces?"+escape(query), token, nil); res.Status != 400 {
				s.T.Errorf("list?%s = %d %s, want 400", query, res.Status, res.Body)
			}
		}
	})
}

// escape writes a query as browsers do.
func escape(query string) string {
	v, err := url.ParseQuery(query)
	if err != nil {
		return url.PathEscape(query)
	}
	return v.Encode()
}

func TestListShowsWhatTheCallerMayRead(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		project := s.Project(org, "Shop")
		one, two := s.Workspace(org, "", "one"), s.Workspace(org, project, "two")
		s.Workspace(org, "", "three")
		for name, c := range map[string]struct {
			token string
			want  []string
		}{
			"owner":            {org.Owner.Token, []string{"one", "three", "two"}},
			"site admin":       {s.AdminToken(), []string{"one", "three", "two"}},
			"member":           {s.Member(org, "member").Token, []string{}},
			"of a workspace":   {s.With(org, "ws-reader", nil, map[string]string{one: "read"}).Token, []string{"one"}},
			"of a project":     {s.With(org, "prj-reader", nil, map[string]string{project: "read"}).Token, []string{"two"}},
			"of both":          {s.With(org, "both", nil, map[string]string{project: "read", one: "read"}).Token, []string{"one", "two"}},
			"reads workspaces": {s.With(org, "reads", []string{"read-workspaces"}, nil).Token, []string{"one", "three", "two"}},
		} {
			res := s.Do("GET", "/api/v2/organizations/acme/workspaces", c.token, nil)
			if diff := cmp.Diff(c.want, names(s.T, res)); diff != "" {
				s.T.Errorf("list as %s: %s", name, diff)
			}
		}
		stranger := s.User("stranger")
		for _, path := range []string{"/organizations/acme/workspaces", "/organizations/acme/workspaces/one", "/workspaces/" + two} {
			if res := s.Do("GET", "/api/v2"+path, stranger.Token, nil); res.Status != 404 {
				s.T.Errorf("GET %s as a stranger = %d, want 404", path, res.Status)
			}
		}
	})
}

// TestStatementsDoNotGrow holds the promise of the list: as many statements for 20
// workspaces as for 100, and few of them.
func TestStatementsDoNotGrow(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		for i := range 110 {
			makeWorkspace(s, org.Owner.Token, "acme", "", fmt.Sprintf("ws-%03d", i), "env=prod", "flat")
		}
		count := func(path string) int {
			s.T.Helper()
			s.Do("GET", "/api/v2/ping", org.Owner.Token, nil) // the token is remembered now
			list := s.Statements(func() {
				if res := s.Do("GET", "/api/v2"+path, org.Owner.Token, nil); res.Status != 200 {
					s.T.Fatalf("%s = %d %s", path, res.Status, res.Body)
				}
			})
			return len(list)
		}
		const list = "/organizations/acme/workspaces?include=organization,project&page%5Bsize%5D="
		if few, many := count(list+"20"), count(list+"100"); few != many || many > 6 {
			s.T.Errorf("statements of a list = %d for 20 and %d for 100, want the same and at most 6", few, many)
		}
		const tagged = "/organizations/acme/workspaces?include=effective_tag_bindings,project&page%5Bsize%5D="
		if few, many := count(tagged+"20"), count(tagged+"100"); few != many || many > 6 {
			s.T.Errorf("statements of a list with tags = %d for 20 and %d for 100, want the same and at most 6", few, many)
		}
		if n := count("/organizations/acme/workspaces/ws-042"); n > 3 {
			s.T.Errorf("statements by name = %d, want at most 3: workspace, tags, variables", n)
		}
		if few, many := count("/organizations/acme/projects?include=effective_tag_bindings&page%5Bsize%5D=1"), count("/organizations/acme/projects?page%5Bsize%5D=100"); few > 6 || many > 6 {
			s.T.Errorf("statements of projects = %d and %d, want at most 6", few, many)
		}
	})
}

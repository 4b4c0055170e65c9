package testruns_test

import (
	"strings"
	"testing"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/identity/tokens"
)

func TestTestRunsThatAreRefused(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		attributes := func(text string) *apptest.Response {
			return f.post(`{"data":{"type":"test-runs","attributes":{` + text + `}}}`)
		}
		says(s.T, "without files", attributes(""), 422, "nothing was uploaded for tests of this module yet")
		f.files(f.id)
		for text, words := range map[string]string{
			`"test-directory":"../up"`:                "Test directory must be a path in the configuration",
			`"test-directory":"/abs"`:                 "Test directory must be a path",
			`"filters":["../../etc/passwd"]`:          "Filters must be paths of test files",
			`"parallelism":0`:                         "Parallelism must be from 1 to 256",
			`"variables":[{"key":"a b","value":"1"}]`: "Variables must have keys",
			`"variables":[{"key":"k","value":"` + strings.Repeat("x", 257<<10) + `"}]`: "at most 256 kilobytes",
		} {
			says(s.T, text[:min(20, len(text))], attributes(text), 422, words)
		}
		if r := attributes(`"variables":[{"key":"k","value":{}}]`); r.Status != 422 {
			s.T.Errorf("a value that is an object = %d %s, want 422", r.Status, r.Body)
		}
		says(s.T, "another organization's files", f.post(`{"data":{"type":"test-runs","relationships":{"configuration-version":{"data":{"type":"configuration-versions","id":"cv-none"}}}}}`), 422, "Configuration version must exist")
		says(s.T, "another type", f.post(`{"data":{"type":"runs"}}`), 409, "")
		patch := `{"data":{"type":"registry-modules","attributes":{"test-config":{"tests-enabled":false}}}}`
		says(s.T, "PATCH", s.Do("PATCH", "/api/v2/organizations/acme/registry-modules/private/acme/net/aws", f.org.Owner.Token, patch), 200, "")
		says(s.T, "tests that are turned off", attributes(""), 422, "Tests are turned off for this module")
	})
}

func TestFilesOfAnotherModule(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		f.newModule("other")
		id := f.id
		id.Name = "other"
		run := f.create(tfe.TestRunCreateOptions{ConfigurationVersion: f.files(id)})
		if run.ID == "" {
			s.T.Error("a test of another module's files was not made")
		}
		if _, err := f.c.TestRuns.Read(f.ctx, id, run.ID); err == nil {
			s.T.Error("the test run is found under the other module too")
		}
	})
}

func TestListOfTestRuns(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		v := f.files(f.id)
		f.create(tfe.TestRunCreateOptions{ConfigurationVersion: v})
		f.create(tfe.TestRunCreateOptions{ConfigurationVersion: v})
		count := func(query string) (n int) {
			r := s.Do("GET", f.base+"/test-runs"+query, f.org.Owner.Token, nil)
			if r.Status != 200 {
				s.T.Fatalf("GET test runs = %d %s", r.Status, r.Body)
			}
			return len(r.JSON()["data"].([]any))
		}
		for query, want := range map[string]int{"": 2, "/": 2, "?page[size]=1": 1, "?page[number]=2": 0, "?filter[source]=tfe-api": 2, "?filter[source]=terraform,tfe-configuration-version": 0} {
			if got := count(query); got != want {
				s.T.Errorf("%q lists %d, want %d", query, got, want)
			}
		}
		two := len(s.Statements(func() { count("") }))
		for range 5 {
			f.create(tfe.TestRunCreateOptions{ConfigurationVersion: v})
		}
		if seven := len(s.Statements(func() { count("") })); seven != two {
			s.T.Errorf("a list of seven takes %d statements, of two %d", seven, two)
		}
	})
}

func TestTestsInAnAgentPool(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		pool, err := f.c.AgentPools.Create(f.ctx, "acme", tfe.AgentPoolCreateOptions{Name: new("pool")})
		f.must(err)
		patch := `{"data":{"type":"registry-modules","attributes":{"test-config":{"tests-enabled":true,"agent-execution-mode":"agent","agent-pool-id":"` + pool.ID + `"}}}}`
		says(s.T, "PATCH", s.Do("PATCH", "/api/v2/organizations/acme/registry-modules/private/acme/net/aws", f.org.Owner.Token, patch), 200, pool.ID)
		run := f.create(tfe.TestRunCreateOptions{})
		j, err := s.App.Dispatch.Last(f.ctx, run.ID)
		if err != nil || j.PoolID == nil || *j.PoolID != pool.ID {
			s.T.Errorf("job = %+v, %v, want it in the pool", j, err)
		}
	})
}

// TestWhoMayTest: those who manage modules, and nobody else learns that there are tests.
func TestWhoMayTest(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		run := f.create(tfe.TestRunCreateOptions{})
		variable, err := f.c.TestVariables.Create(f.ctx, f.id, tfe.VariableCreateOptions{Key: new("K"), Value: new("v"), Category: tfe.Category(tfe.CategoryEnv)})
		f.must(err)
		ws := s.Workspace(f.org, "", "web")
		people := map[string]struct {
			token string
			may   bool
		}{
			"a guest":      {"", false},
			"a stranger":   {s.User("sue").Token, false},
			"a member":     {s.Member(f.org, "mia").Token, false},
			"a run":        {s.Token(tokens.Token{Kind: tokens.Run, WorkspaceID: &ws}), false},
			"an owner":     {f.org.Owner.Token, true},
			"a site admin": {s.AdminToken(), true},
		}
		for name, who := range people {
			for _, path := range []string{"/test-runs", "/test-runs/" + run.ID, "/vars", "/vars/" + variable.ID} {
				r := s.Do("GET", f.base+path, who.token, nil)
				if got := r.Status == 200; got != who.may {
					s.T.Errorf("GET %s as %s = %d", path, name, r.Status)
				}
			}
			if r := s.Do("POST", f.base+"/test-runs/"+run.ID+"/force-cancel", who.token, nil); (r.Status == 409) != who.may {
				s.T.Errorf("force-cancel as %s = %d", name, r.Status)
			}
		}
		public := strings.Replace(f.base, "/private/", "/public/", 1)
		says(s.T, "tests of a public module", s.Do("GET", public+"/test-runs", f.org.Owner.Token, nil), 404, "")
	})
}

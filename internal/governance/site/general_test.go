package site_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/audit"
	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// patch changes settings of a kind as a site administrator.
func patch(s *apptest.Server, kind, attributes string) *apptest.Response {
	s.T.Helper()
	return s.Do("PATCH", "/api/v2/admin/"+kind+"-settings", s.AdminToken(), fmt.Sprintf(`{"data":{"type":%q,"attributes":%s}}`, kind+"-settings", attributes))
}

// set is patch that must succeed, and returns the attributes.
func set(s *apptest.Server, kind, attributes string) map[string]any {
	s.T.Helper()
	r := patch(s, kind, attributes)
	if r.Status != 200 {
		s.T.Fatalf("PATCH %s %s = %d %s", kind, attributes, r.Status, r.Body)
	}
	return attributesOf(r)
}

func attributesOf(r *apptest.Response) map[string]any {
	a, _ := r.JSON()["data"].(map[string]any)["attributes"].(map[string]any)
	return a
}

func TestGeneralSettingsWithNothingSet(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		got, err := s.Admin().Admin.Settings.General.Read(s.T.Context())
		want := &tfe.AdminGeneralSetting{ID: "general", APIRateLimit: 30, FairRunQueuingEnabled: true, PlanTimeout: "2h", ApplyTimeout: "24h",
			TerraformBuildWorkerPlanTimeout: "2h", TerraformBuildWorkerApplyTimeout: "24h"}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			s.T.Errorf("settings (-want +got), %v:\n%s", err, diff)
		}
	})
}

func TestOnlyAdministratorsFoundOrganizations(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		u := s.User("ada")
		may := func(token string) any {
			p, _ := attributesOf(s.Do("GET", "/api/v2/account/details", token, nil))["permissions"].(map[string]any)
			return p["can-create-organizations"]
		}
		found := func(token, name string) *apptest.Response {
			return s.Do("POST", "/api/v2/organizations", token, `{"data":{"type":"organizations","attributes":{"name":"`+name+`","email":"a@example.com"}}}`)
		}
		if may(u.Token) != true {
			s.T.Error("somebody may not create organizations although nothing is set")
		}
		set(s, "general", `{"limit-user-organization-creation":true}`)
		if r := found(u.Token, "mine"); r.Status != 403 || !strings.Contains(r.Detail(), "Only site administrators") || may(u.Token) != false {
			s.T.Errorf("POST by a user = %d %s, want 403", r.Status, r.Body)
		}
		if r := found(s.AdminToken(), "theirs"); r.Status != 201 || may(s.AdminToken()) != true {
			s.T.Errorf("POST by a site administrator = %d %s", r.Status, r.Body)
		}
		set(s, "general", `{"limit-user-organization-creation":null}`)
		if r := found(u.Token, "mine"); r.Status != 201 {
			s.T.Errorf("POST by a user = %d %s", r.Status, r.Body)
		}
	})
}

func TestRateLimitCountsAtOnce(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		u := s.User("ada")
		refused := func() (n int, told string) {
			for range 90 {
				r := s.Do("GET", "/api/v2/account/details", u.Token, nil)
				told = r.Header.Get("X-RateLimit-Limit")
				if r.Status == 429 {
					n++
				}
			}
			return n, told
		}
		if n, told := refused(); n > 0 || told != "" {
			s.T.Errorf("%d of 90 refused with a limit of %q although there is none", n, told)
		}
		set(s, "general", `{"api-rate-limiting-enabled":true}`)
		began := time.Now()
		if n, told := refused(); n == 0 && time.Since(began) < 2*time.Second || told != "30" {
			s.T.Errorf("%d of 90 refused with a limit of %q, want some with 30", n, told)
		}
		set(s, "general", `{"api-rate-limit":100000}`)
		if n, told := refused(); n > 0 || told != "100000" {
			s.T.Errorf("%d of 90 refused with a limit of %q, want none with 100000", n, told)
		}
		settings := attributesOf(s.Do("GET", "/api/v2/admin/installation", s.AdminToken(), nil))["settings"].(map[string]any)
		if settings["rate-limit"] != "100000" {
			s.T.Errorf("the installation says %v", settings["rate-limit"])
		}
	})
}

func TestSettingsAreStrongerThanOptions(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		limit := func() string {
			return s.Do("GET", "/api/v2/ping", "", nil).Header.Get("X-RateLimit-Limit")
		}
		if limit() != "5000" {
			s.T.Errorf("limit = %q, want that of the options", limit())
		}
		if a := set(s, "general", `{"api-rate-limiting-enabled":false}`); limit() != "" || a["api-rate-limit"] != 5000.0 {
			s.T.Errorf("limit = %q although it is off, settings = %v", limit(), a)
		}
		set(s, "general", `{"api-rate-limiting-enabled":true,"api-rate-limit":7000}`)
		if limit() != "7000" {
			s.T.Errorf("limit = %q, want that of the settings", limit())
		}
		if a := set(s, "general", `{"api-rate-limiting-enabled":null,"api-rate-limit":null}`); limit() != "5000" || a["api-rate-limiting-enabled"] != true {
			s.T.Errorf("limit = %q after null, want that of the options; settings = %v", limit(), a)
		}
	}, func(c *config.Server) { c.RateLimit = 5000 })
}

func TestNewWorkspacesShareTheirState(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o := s.Org("acme")
		shares := func(attributes string) any {
			r := s.Do("POST", "/api/v2/organizations/acme/workspaces", o.Owner.Token, `{"data":{"type":"workspaces","attributes":`+attributes+`}}`)
			if r.Status != 201 {
				s.T.Fatalf("POST %s = %d %s", attributes, r.Status, r.Body)
			}
			return attributesOf(r)["global-remote-state"]
		}
		if shares(`{"name":"before"}`) != false {
			s.T.Error("a new workspace shares its state although nothing is set")
		}
		set(s, "general", `{"default-remote-state-access":true}`)
		for attributes, want := range map[string]bool{`{"name":"silent"}`: true, `{"name":"closed","global-remote-state":false}`: false,
			`{"name":"project","project-remote-state":true}`: false} {
			if got := shares(attributes); got != want {
				s.T.Errorf("global-remote-state of %s = %v, want %v", attributes, got, want)
			}
		}
	})
}

func TestTimeoutsReachTheExecutor(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o := s.Org("acme")
		claim := func(workspace string) (spec proto.Plan) {
			r := s.Do("POST", "/api/v2/runs", o.Owner.Token, `{"data":{"type":"runs","attributes":{"plan-only":true},"relationships":{"workspace":{"data":{"type":"workspaces","id":"`+configured(s, o, workspace)+`"}}}}}`)
			if r.Status != 201 {
				s.T.Fatalf("POST run = %d %s", r.Status, r.Body)
			}
			worker := s.App.Dispatch.Workers()
			me, err := worker.Register(s.T.Context(), proto.Executor{Name: workspace})
			if err != nil {
				s.T.Fatal(err)
			}
			j, err := worker.Claim(s.T.Context(), me.ID, proto.Claim{Kinds: []string{proto.KindPlan}, Wait: 20 * time.Second})
			if err != nil || j == nil {
				s.T.Fatalf("Claim = %v, %v", j, err)
			}
			if err := json.Unmarshal(j.Spec, &spec); err != nil {
				s.T.Fatal(err)
			}
			return spec
		}
		if got := claim("a").Minutes; got != 120 {
			s.T.Errorf("a plan may take %d minutes, want 120", got)
		}
		set(s, "general", `{"plan-timeout":"90s","apply-timeout":"3h"}`)
		if got := claim("b").Minutes; got != 2 {
			s.T.Errorf("a plan may take %d minutes, want 2", got)
		}
		if plan, apply := s.App.Site.Timeouts(); plan != 90*time.Second || apply != 3*time.Hour {
			s.T.Errorf("Timeouts = %v, %v", plan, apply)
		}
		if _, err := s.Admin().Admin.Organizations.Update(s.T.Context(), "acme", tfe.AdminOrganizationUpdateOptions{PlanTimeout: new("45m")}); err != nil {
			s.T.Fatal(err)
		}
		if got := claim("c").Minutes; got != 45 {
			s.T.Errorf("a plan of an organization with a limit of its own may take %d minutes, want 45", got)
		}
	}, func(c *config.Server) { c.Workers = 0 })
}

// configured returns a new workspace with a configuration.
func configured(s *apptest.Server, o apptest.Org, name string) string {
	s.T.Helper()
	ws := s.Workspace(o, "", name)
	v, err := s.Client(o.Owner.Token).ConfigurationVersions.Create(s.T.Context(), ws, tfe.ConfigurationVersionCreateOptions{AutoQueueRuns: new(false)})
	if err != nil {
		s.T.Fatal(err)
	}
	if r := s.Do("PUT", v.UploadURL, "", bytes.NewReader(apptest.TarGz(s.T, map[string]string{"main.tf": ""}))); r.Status != 200 {
		s.T.Fatalf("upload = %d %s", r.Status, r.Body)
	}
	return ws
}

func TestGeneralSettingsThatAreRefused(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		for attributes, want := range map[string]string{
			`{"send-passing-statuses-for-untriggered-speculative-plans":true}`: "Version control is not connected on this server",
			`{"allow-speculative-plans-on-pull-requests-from-forks":true}`:     "Version control is not connected on this server",
			`{"require-two-factor-for-admins":true}`:                           "cannot be required",
			`{"api-rate-limit":29}`:                                            "from 30 to 100000",
			`{"api-rate-limit":100001}`:                                        "from 30 to 100000",
			`{"plan-timeout":"soon"}`:                                          "a duration such as 2h",
			`{"plan-timeout":"59s"}`:                                           "a duration such as 2h",
			`{"apply-timeout":"745h"}`:                                         "a duration such as 2h",
			`{"apply-timeout":"-1h"}`:                                          "a duration such as 2h",
		} {
			if r := patch(s, "general", attributes); r.Status != 422 || !strings.Contains(r.Detail(), want) {
				s.T.Errorf("PATCH %s = %d %s, want 422 with %q", attributes, r.Status, r.Body, want)
			}
		}
		before := s.Do("GET", "/api/v2/admin/general-settings", s.AdminToken(), nil)
		set(s, "general", `{"send-passing-statuses-for-untriggered-speculative-plans":false,"allow-speculative-plans-on-pull-requests-from-forks":false}`)
		if after := s.Do("GET", "/api/v2/admin/general-settings", s.AdminToken(), nil); string(before.Body) != string(after.Body) {
			s.T.Errorf("settings = %s, want %s", after.Body, before.Body)
		}
		owner := s.Org("acme").Owner
		for _, method := range []string{"GET", "PATCH"} {
			if r := s.Do(method, "/api/v2/admin/general-settings", owner.Token, `{"data":{"type":"general-settings","attributes":{}}}`); r.Status != 404 {
				s.T.Errorf("%s by an owner = %d, want 404", method, r.Status)
			}
		}
	})
}

func TestChangesAreInTheTrail(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		set(s, "general", `{"plan-timeout":"1h","default-remote-state-access":true}`)
		got, err := db.All[audit.Event](s.T.Context(), s.DB, `FROM audit_events WHERE resource_type = 'general-settings'`)
		if err != nil || len(got) != 1 || got[0].Action != "update" || got[0].ResourceID != "general" || got[0].ActorName != "site-admin" ||
			cmp.Diff([]string{"default-remote-state-access", "plan-timeout"}, got[0].Changed.V) != "" {
			s.T.Errorf("trail = %+v, %v", got, err)
		}
	})
}

// TestOtherNodesHearOfTheChange needs two servers on one database.
func TestOtherNodesHearOfTheChange(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		if !s.DB.Postgres() {
			s.T.Skip("SQLite has one node")
		}
		other := apptest.Start(s.T, func(c *config.Server) { c.Database, c.DataDir, c.Workers = s.DB.URL(), s.Dir, 0 })
		set(s, "general", `{"api-rate-limiting-enabled":true,"api-rate-limit":4321}`)
		limit := func() string { return other.Do("GET", "/api/v2/ping", "", nil).Header.Get("X-RateLimit-Limit") }
		for began := time.Now(); limit() != "4321"; {
			if time.Since(began) > 10*time.Second { // sooner than by looking from time to time
				s.T.Fatalf("limit of the other node = %q, want 4321", limit())
			}
		}
	})
}

package notifications_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/delivery/runs"
	"plumbline.dev/plumbline/internal/governance/notifications"
	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// hook is a webhook that keeps what it is sent.
type hook struct {
	*httptest.Server
	mu       sync.Mutex
	status   int
	bodies   []string
	headers  []http.Header
	received chan struct{}
}

func newHook(t *testing.T) *hook {
	h := &hook{status: 200, received: make(chan struct{}, 100)}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.bodies, h.headers = append(h.bodies, string(b)), append(h.headers, r.Header.Clone())
		w.Header().Set("X-Answer", "yes")
		w.WriteHeader(h.status)
		fmt.Fprint(w, "thanks")
		h.received <- struct{}{}
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) answer(status int) { h.mu.Lock(); defer h.mu.Unlock(); h.status = status }

// take returns what was sent since the last call.
func (h *hook) take() (bodies []string, headers []http.Header) {
	h.mu.Lock()
	defer h.mu.Unlock()
	bodies, headers = h.bodies, h.headers
	h.bodies, h.headers = nil, nil
	return bodies, headers
}

func loopback(c *config.Server) { c.Outbound.Allow = []string{"127.0.0.0/8"} }

func workspace(s *apptest.Server, org apptest.Org, name string) *tfe.Workspace {
	s.T.Helper()
	w, err := s.Client(org.Owner.Token).Workspaces.Create(s.T.Context(), org.Name, tfe.WorkspaceCreateOptions{Name: &name})
	if err != nil {
		s.T.Fatal(err)
	}
	return w
}

func document(attributes map[string]any) map[string]any {
	return map[string]any{"data": map[string]any{"type": "notification-configurations", "attributes": attributes}}
}

func TestConfigurationLifecycle(t *testing.T) {
	h := newHook(t)
	apptest.Run(t, func(s *apptest.Server) {
		ctx, org := s.T.Context(), s.Org("acme")
		c, w := s.Client(org.Owner.Token).NotificationConfigurations, workspace(s, org, "app")
		h.take()
		made, err := c.Create(ctx, w.ID, tfe.NotificationConfigurationCreateOptions{DestinationType: tfe.NotificationDestination(tfe.NotificationDestinationTypeGeneric), Enabled: new(true),
			Name: new("hook"), Token: new("planted-token"), URL: new(h.URL + "/x"), Triggers: []tfe.NotificationTriggerType{"run:created"}})
		if err != nil {
			s.T.Fatal(err)
		}
		bodies, headers := h.take()
		if len(bodies) != 1 || !strings.Contains(bodies[0], `"trigger":"verification"`) || !strings.Contains(bodies[0], made.ID) || !strings.Contains(bodies[0], `"run_id":null`) {
			s.T.Fatalf("verification = %v, want one that names %s", bodies, made.ID)
		}
		mac := hmac.New(sha512.New, []byte("planted-token"))
		mac.Write([]byte(bodies[0]))
		if got, want := headers[0].Get("X-TFE-Notification-Signature"), hex.EncodeToString(mac.Sum(nil)); got != want {
			s.T.Errorf("signature = %s, want %s", got, want)
		}
		// go-tfe drops delivery responses, whose headers it cannot read.
		body := string(s.Do("GET", "/api/v2/notification-configurations/"+made.ID, org.Owner.Token, nil).Body)
		for _, want := range []string{`"url":"` + h.URL + `/x"`, `"body":"thanks"`, `"code":"200"`, `"x-answer":["yes"]`, `"successful":"true"`} {
			if !strings.Contains(body, want) {
				s.T.Errorf("GET = %s, want %s", body, want)
			}
		}
		h.answer(500)
		if _, err := c.Verify(ctx, made.ID); err == nil || !strings.Contains(err.Error(), "Unable to complete verification") {
			s.T.Errorf("Verify with a hook that fails = %v, want 400", err)
		}
		if _, err := c.Update(ctx, made.ID, tfe.NotificationConfigurationUpdateOptions{Name: new("other")}); err == nil {
			s.T.Error("Update of an enabled one with a hook that fails = nil, want 400")
		}
		if got, err := c.Update(ctx, made.ID, tfe.NotificationConfigurationUpdateOptions{Enabled: new(false), Name: new("other")}); err != nil || got.Enabled || got.Name != "other" {
			s.T.Errorf("Update to disabled = %+v, %v", got, err)
		}
		if r := s.Do("POST", "/api/v2/notification-configurations/"+made.ID+"/actions/enable", org.Owner.Token, nil); r.Status != 400 {
			s.T.Errorf("enable with a hook that fails = %d %s, want 400", r.Status, r.Body)
		}
		h.answer(204)
		if r := s.Do("POST", "/api/v2/notification-configurations/"+made.ID+"/actions/enable", org.Owner.Token, nil); r.Status != 200 || !strings.Contains(string(r.Body), `"enabled":true`) {
			s.T.Errorf("enable = %d %s, want it enabled", r.Status, r.Body)
		}
		if r := s.Do("GET", "/api/v2/notification-configurations/"+made.ID, org.Owner.Token, nil); strings.Contains(string(r.Body), "planted") || !strings.Contains(string(r.Body), `"token":null`) {
			s.T.Errorf("GET = %s, want no token", r.Body)
		}
		h.answer(200)
		if err := c.Delete(ctx, made.ID); err != nil {
			s.T.Error(err)
		}
	}, loopback)
}

func TestListIsPagedIfAsked(t *testing.T) {
	s := apptest.Start(t)
	org := s.Org("acme")
	w := workspace(s, org, "app")
	path := "/api/v2/workspaces/" + w.ID + "/notification-configurations"
	for i := range 20 {
		if r := s.Do("POST", path, org.Owner.Token, document(map[string]any{"name": fmt.Sprint(i), "destination-type": "slack", "enabled": false, "url": "https://hooks.example.com/x"})); r.Status != 201 {
			t.Fatalf("create = %d %s", r.Status, r.Body)
		}
	}
	if r := s.Do("POST", path, org.Owner.Token, document(map[string]any{"name": "x", "destination-type": "slack", "enabled": false, "url": "https://hooks.example.com/x"})); r.Status != 422 {
		t.Errorf("create of the 21st = %d %s, want 422", r.Status, r.Body)
	}
	if r := s.Do("GET", path, org.Owner.Token, nil); strings.Contains(string(r.Body), "pagination") || strings.Count(string(r.Body), `"notification-configurations","attributes"`) != 20 {
		t.Errorf("list = %s, want all 20 and no pages", r.Body)
	}
	if r := s.Do("GET", path+"?page[size]=5", org.Owner.Token, nil); !strings.Contains(string(r.Body), `"total-count":20`) {
		t.Errorf("list of a page = %s, want pages", r.Body)
	}
	if few, many := len(s.Statements(func() { s.Do("GET", path+"?page[size]=1", org.Owner.Token, nil) })), len(s.Statements(func() { s.Do("GET", path+"?page[size]=20", org.Owner.Token, nil) })); few != many {
		t.Errorf("statements of a list = %d for one and %d for twenty, want the same", few, many)
	}
}

func TestRefusedConfigurations(t *testing.T) {
	s := apptest.Start(t)
	org := s.Org("acme")
	w := workspace(s, org, "app")
	path := "/api/v2/workspaces/" + w.ID + "/notification-configurations"
	for name, c := range map[string]struct {
		attributes map[string]any
		status     int
		detail     string
	}{
		"no name":           {map[string]any{"destination-type": "generic", "enabled": false, "url": "https://x.example"}, 422, "Name can't be blank"},
		"no destination":    {map[string]any{"name": "a", "enabled": false}, 422, "Destination type must be"},
		"no url":            {map[string]any{"name": "a", "destination-type": "slack", "enabled": false}, 422, "Url can't be blank"},
		"other scheme":      {map[string]any{"name": "a", "destination-type": "generic", "enabled": false, "url": "file:///etc/passwd"}, 422, "valid HTTP"},
		"unknown trigger":   {map[string]any{"name": "a", "destination-type": "generic", "enabled": false, "url": "https://x.example", "triggers": []string{"run:exploded"}}, 422, "Triggers must be of"},
		"trigger of a team": {map[string]any{"name": "a", "destination-type": "generic", "enabled": false, "url": "https://x.example", "triggers": []string{"change_request:created"}}, 422, "Triggers must be of"},
		"wrong address":     {map[string]any{"name": "a", "destination-type": "email", "enabled": false, "email-addresses": []string{"a@example.com\nBcc: b"}}, 422, "Email addresses has"},
		"private address":   {map[string]any{"name": "a", "destination-type": "generic", "enabled": true, "url": "http://127.0.0.1:9/planted"}, 400, "loopback"},
		"metadata service":  {map[string]any{"name": "a", "destination-type": "generic", "enabled": true, "url": "http://169.254.169.254/latest"}, 400, "metadata"},
	} {
		r := s.Do("POST", path, org.Owner.Token, document(c.attributes))
		if r.Status != c.status || !strings.Contains(r.Detail(), c.detail) || strings.Contains(r.Detail(), "planted") {
			t.Errorf("create with %s = %d %s, want %d %q", name, r.Status, r.Body, c.status, c.detail)
		}
	}
	foreign := map[string]any{"data": map[string]any{"type": "notification-configurations", "attributes": map[string]any{"name": "a", "destination-type": "email", "enabled": false},
		"relationships": map[string]any{"users": map[string]any{"data": []any{map[string]any{"type": "users", "id": s.User("stranger").ID}}}}}}
	if r := s.Do("POST", path, org.Owner.Token, foreign); r.Status != 422 {
		t.Errorf("create with a stranger = %d %s, want 422", r.Status, r.Body)
	}
}

func TestWhoMayManageNotifications(t *testing.T) {
	s := apptest.Start(t)
	org := s.Org("acme")
	w := workspace(s, org, "app")
	reader, stranger := s.Member(org, "reader"), s.User("stranger")
	for _, path := range []string{"/api/v2/workspaces/" + w.ID, "/api/v2/projects/" + w.Project.ID} {
		path += "/notification-configurations"
		body := document(map[string]any{"name": "a", "destination-type": "generic", "enabled": false, "url": "https://x.example"})
		if r := s.Do("POST", path, org.Owner.Token, body); r.Status != 201 {
			t.Errorf("POST %s as owner = %d %s, want 201", path, r.Status, r.Body)
		}
		for name, token := range map[string]string{"member": reader.Token, "stranger": stranger.Token} {
			if r := s.Do("GET", path, token, nil); r.Status != 404 && r.Status != 403 {
				t.Errorf("GET %s as %s = %d, want it hidden", path, name, r.Status)
			}
			if r := s.Do("POST", path, token, body); r.Status != 404 && r.Status != 403 {
				t.Errorf("POST %s as %s = %d, want it refused", path, name, r.Status)
			}
		}
	}
}

// configure makes a configuration with all triggers that is on.
func configure(s *apptest.Server, org apptest.Org, path, url string, attributes map[string]any) {
	s.T.Helper()
	all := map[string]any{"name": "hook", "destination-type": "generic", "enabled": true, "url": url, "triggers": []string{"run:created", "run:planning", "run:needs_attention", "run:errored", "run:completed",
		"assessment:drifted", "assessment:check_failure", "assessment:failed"}}
	maps.Copy(all, attributes)
	if r := s.Do("POST", path+"/notification-configurations", org.Owner.Token, document(all)); r.Status != 201 {
		s.T.Fatalf("create = %d %s", r.Status, r.Body)
	}
}

// queue makes a run that waits for an executor, which the test has none of.
func queue(s *apptest.Server, org apptest.Org, w *tfe.Workspace, planOnly bool) string {
	s.T.Helper()
	c := s.Client(org.Owner.Token)
	v, err := c.ConfigurationVersions.Create(s.T.Context(), w.ID, tfe.ConfigurationVersionCreateOptions{AutoQueueRuns: new(false)})
	if err != nil {
		s.T.Fatal(err)
	}
	if r := s.Do("PUT", v.UploadURL, "", apptest.TarGz(s.T, map[string]string{"main.tf": `output "a" { value = 1 }`})); r.Status != 200 {
		s.T.Fatalf("upload = %d %s", r.Status, r.Body)
	}
	s.Settle()
	r, err := c.Runs.Create(s.T.Context(), tfe.RunCreateOptions{Workspace: w, ConfigurationVersion: v, PlanOnly: &planOnly, Message: new("Add five queue workers")})
	if err != nil {
		s.T.Fatal(err)
	}
	return r.ID
}

func TestRunsAreTold(t *testing.T) {
	h := newHook(t)
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		w := workspace(s, org, "app")
		configure(s, org, "/api/v2/workspaces/"+w.ID, h.URL, nil)
		s.Settle()
		h.take()
		id := queue(s, org, w, false)
		s.Settle()
		if r := s.Do("POST", "/api/v2/runs/"+id+"/actions/cancel", org.Owner.Token, nil); r.Status >= 300 {
			s.T.Fatalf("cancel = %d %s", r.Status, r.Body)
		}
		s.Settle()
		bodies, _ := h.take()
		var told []string
		for _, b := range bodies {
			var p struct {
				Version       int    `json:"payload_version"`
				RunID         string `json:"run_id"`
				Message       string `json:"run_message"`
				By            string `json:"run_created_by"`
				Workspace     string `json:"workspace_name"`
				Org           string `json:"organization_name"`
				Notifications []struct {
					Message, Trigger string
					Type             string `json:"trigger_type"`
					Status           string `json:"run_status"`
				}
			}
			if err := json.Unmarshal([]byte(b), &p); err != nil {
				s.T.Fatal(err)
			}
			if p.Version != 1 || p.RunID != id || p.Message != "Add five queue workers" || p.By != org.Owner.Name || p.Workspace != "app" || p.Org != "acme" {
				s.T.Errorf("payload = %s", b)
			}
			n := p.Notifications[0]
			told = append(told, n.Trigger+" "+n.Type+" "+n.Status+" "+n.Message)
		}
		want := []string{"run:created  pending Run Created", "run:errored run:run_canceled canceled Run Canceled"}
		if diff := cmp.Diff(want, told); diff != "" {
			s.T.Errorf("told (-want +got):\n%s", diff)
		}
		queue(s, org, w, true)
		s.Settle()
		if bodies, _ := h.take(); len(bodies) != 0 {
			s.T.Errorf("a plan that cannot be applied was told: %v", bodies)
		}
	}, loopback)
}

func TestEachStatusHasItsOccasion(t *testing.T) {
	h := newHook(t)
	s := apptest.Start(t, loopback)
	org := s.Org("acme")
	w := workspace(s, org, "app")
	configure(s, org, "/api/v2/projects/"+w.Project.ID, h.URL, map[string]any{"triggers": []string{"run:pending_apply_approval", "run:policy_soft_failed", "run:applying"}})
	h.take()
	id := queue(s, org, w, false)
	r, err := s.App.Runs.Find(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, status := range []runs.Status{runs.Planning, runs.Planned, runs.Applying, runs.PolicySoftFailed, runs.Errored} {
		r.Status = status
		for _, do := range s.App.Runs.OnStatus {
			if err := s.DB.Tx(t.Context(), func(ctx context.Context) error { return do(ctx, r, runs.Pending) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, do := range s.App.Runs.OnWaiting {
		if err := do(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	s.Settle()
	bodies, _ := h.take()
	counts := map[string]int{}
	for _, b := range bodies {
		for _, name := range []string{`"trigger":"run:applying"`, `"trigger_type":"run:policy_soft_failed"`, `"trigger_type":"run:pending_apply_approval"`} {
			counts[name] += strings.Count(b, name)
		}
	}
	if len(bodies) != 3 || counts[`"trigger":"run:applying"`] != 1 || counts[`"trigger_type":"run:policy_soft_failed"`] != 1 || counts[`"trigger_type":"run:pending_apply_approval"`] != 1 {
		t.Errorf("told = %v, want each of the three triggers once", bodies)
	}
}

func TestAssessmentsAreTold(t *testing.T) {
	h := newHook(t)
	s := apptest.Start(t, loopback)
	org := s.Org("acme")
	w := workspace(s, org, "app")
	configure(s, org, "/api/v2/workspaces/"+w.ID, h.URL, nil)
	h.take()
	at := db.At(time.Date(2026, 11, 21, 5, 23, 10, 0, time.UTC))
	fine := notifications.Result{ID: "asmtres-1", Succeeded: true, AllChecksSucceeded: true, ResourcesUndrifted: 59, ChecksPassed: 33, CreatedAt: at}
	drifted := fine
	drifted.ID, drifted.Drifted, drifted.ResourcesDrifted, drifted.ResourcesUndrifted = "asmtres-2", true, 4, 55
	failed := notifications.Result{ID: "asmtres-3", CreatedAt: at}
	unchecked := fine
	unchecked.ID, unchecked.AllChecksSucceeded, unchecked.ChecksFailed = "asmtres-4", false, 1
	for _, c := range []struct {
		a    notifications.Assessment
		want []string
	}{
		{notifications.Assessment{New: fine}, nil},
		{notifications.Assessment{New: drifted, Prior: &fine}, []string{"assessment:drifted"}},
		{notifications.Assessment{New: drifted, Prior: &drifted}, nil},
		{notifications.Assessment{New: drifted, Prior: &drifted, DriftChanged: true}, []string{"assessment:drifted"}},
		{notifications.Assessment{New: failed, Prior: &fine}, []string{"assessment:failed"}},
		{notifications.Assessment{New: failed, Prior: &failed}, nil},
		{notifications.Assessment{New: unchecked, Prior: &fine}, []string{"assessment:check_failure"}},
	} {
		c.a.WorkspaceID = w.ID
		if err := s.App.Notifications.Assessment(t.Context(), c.a); err != nil {
			t.Fatal(err)
		}
		s.Settle()
		bodies, _ := h.take()
		var got []string
		for _, b := range bodies {
			var p map[string]any
			if err := json.Unmarshal([]byte(b), &p); err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprint(p["trigger"]))
			details, _ := p["details"].(map[string]any)
			n, _ := details["new_assessment_result"].(map[string]any)
			if p["payload_version"] != "2" || p["trigger_scope"] != "assessment" || details["workspace_name"] != "app" || details["organization_name"] != "acme" || n["id"] != c.a.New.ID ||
				!strings.HasSuffix(fmt.Sprint(n["url"]), "/api/v2/assessment-results/"+c.a.New.ID) || n["resources_drifted"] != float64(c.a.New.ResourcesDrifted) {
				t.Errorf("payload = %s", b)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s after %v is told as (-want +got):\n%s", c.a.New.ID, c.a.Prior, diff)
		}
	}
}

func TestFailedNotificationsAreTriedAgain(t *testing.T) {
	h := newHook(t)
	s := apptest.Start(t, loopback)
	org := s.Org("acme")
	w := workspace(s, org, "app")
	configure(s, org, "/api/v2/workspaces/"+w.ID, h.URL, nil)
	<-h.received
	h.take()
	h.answer(503)
	queue(s, org, w, false)
	<-h.received // the first try
	h.answer(200)
	<-h.received // the second
	s.Settle()
	bodies, _ := h.take()
	if len(bodies) != 2 || bodies[0] != bodies[1] {
		t.Errorf("sent = %v, want the same twice", bodies)
	}
	if r := s.Do("GET", "/api/v2/workspaces/"+w.ID+"/notification-configurations", org.Owner.Token, nil); !strings.Contains(string(r.Body), `"code":"200"`) {
		t.Errorf("list = %s, want the last answer", r.Body)
	}
}

func TestChatsGetMessages(t *testing.T) {
	h := newHook(t)
	s := apptest.Start(t, loopback)
	org := s.Org("acme")
	w := workspace(s, org, "app")
	for kind, want := range map[string]string{"slack": `"attachments":[{"fallback"`, "microsoft-teams": `"type":"AdaptiveCard"`} {
		h.take()
		configure(s, org, "/api/v2/workspaces/"+w.ID, h.URL, map[string]any{"destination-type": kind, "name": "<!channel> " + kind, "token": "secret"})
		bodies, headers := h.take()
		if len(bodies) != 1 || !strings.Contains(bodies[0], want) || headers[0].Get("X-TFE-Notification-Signature") != "" {
			t.Errorf("%s was sent %v, want %s and no signature", kind, bodies, want)
		}
		if kind == "slack" && strings.Contains(bodies[0], "<!channel>") {
			t.Errorf("slack was sent %s, want no mention", bodies[0])
		}
	}
}

func TestMailNeedsAServer(t *testing.T) {
	s := apptest.Start(t)
	org := s.Org("acme")
	w := workspace(s, org, "app")
	made, err := s.Client(org.Owner.Token).NotificationConfigurations.Create(t.Context(), w.ID, tfe.NotificationConfigurationCreateOptions{
		DestinationType: tfe.NotificationDestination(tfe.NotificationDestinationTypeEmail), Enabled: new(true), Name: new("mail"), EmailAddresses: []string{"ops@example.com"}, EmailUsers: []*tfe.User{{ID: org.Owner.ID}}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ops@example.com"}, made.EmailAddresses); diff != "" || len(made.EmailUsers) != 1 {
		t.Errorf("Create = %+v, want the address and the user", made)
	}
	if _, err := s.Client(org.Owner.Token).NotificationConfigurations.Verify(t.Context(), made.ID); err == nil || !strings.Contains(err.Error(), "--smtp-address (PLUMBLINE_SMTP_ADDRESS)") {
		t.Errorf("Verify = %v, want it to name the setting", err)
	}
}

func TestNothingSecretIsStoredInTheClear(t *testing.T) {
	h := newHook(t)
	s := apptest.Start(t, loopback)
	org := s.Org("acme")
	w := workspace(s, org, "app")
	configure(s, org, "/api/v2/workspaces/"+w.ID, h.URL+"/planted-path", map[string]any{"token": "planted-token"})
	list, err := db.All[string](t.Context(), s.DB, `SELECT CAST(url AS TEXT) || CAST(token AS TEXT) || CAST(response AS TEXT) FROM notification_configurations`)
	if err != nil || len(list) != 1 || strings.Contains(list[0], "planted") {
		t.Errorf("row = %q, %v, want nothing of what was planted", list, err)
	}
	rows, err := db.All[string](t.Context(), s.DB, `SELECT CAST(args AS TEXT) FROM river_job`)
	if err != nil || strings.Contains(strings.Join(rows, " "), "planted") {
		t.Errorf("jobs = %q, %v, want nothing of what was planted", rows, err)
	}
}

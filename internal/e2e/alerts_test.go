package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/alerts"
	"plumbline.dev/plumbline/internal/kernel/config"
)

// receiver is a webhook that answers what a test wants and keeps what it got.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	got    []string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{status: http.StatusOK}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		b, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, req.Header.Get("X-Signature-256")+" "+string(b))
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.got
	r.got = nil
	return out
}

// toLoopback lets a server send to receivers of a test.
func toLoopback(c *config.Server) { c.Outbound.Allow, c.Outbound.HTTP = []string{"127.0.0.0/8"}, true }

// made makes a resource by the API and returns its id.
func (st *stage) made(path, kind string, attributes map[string]any, relations string) string {
	st.T.Helper()
	raw, err := json.Marshal(attributes)
	if err != nil {
		st.T.Fatal(err)
	}
	return fmt.Sprint(st.post("/api/v2"+path, fmt.Sprintf(`{"data":{"type":%q,"attributes":%s%s}}`, kind, raw, relations))["id"])
}

// patch changes something as another person does; attributes are JSON without their braces.
func (st *stage) patch(path, kind, attributes string) {
	st.T.Helper()
	body := fmt.Sprintf(`{"data":{"type":%q,"attributes":{%s}}}`, kind, attributes)
	if r := st.Do("PATCH", "/api/v2"+path, st.org.Owner.Token, body); r.Status != 200 {
		st.T.Fatalf("PATCH %s = %d %s", path, r.Status, r.Body)
	}
}

// raise has an alert told of an event.
func (st *stage) raise(e alerts.Event) {
	st.T.Helper()
	if err := st.DB.Tx(st.T.Context(), func(ctx context.Context) error { return st.App.Drift.Alerts.Raise(ctx, e) }); err != nil {
		st.T.Fatal(err)
	}
	st.Settle()
}

func TestAnAlertIsMadeTriedAndSentAgain(t *testing.T) {
	hook := newReceiver(t)
	st := newStage(t, toLoopback)
	st.Go("/app/acme/drift")
	st.Click("Alerts")
	st.See("Nobody is told of drift yet")
	st.Click("New alert")
	st.At("/app/acme/drift/alerts/new")
	st.Fill("Name", "on call")
	st.Fill("Address", hook.URL+"/hook")
	st.Fill("Headers", "Authorization: Bearer planted-secret")
	st.Fill("Signing secret", "planted-signing-secret")
	st.See(`"severity": "high"`)
	st.Fill("Body", `{"what": "`)
	st.Click("Placeholders: words that are replaced")
	st.Click("Insert AI_SUMMARY")
	st.Click("Insert SNOOZE_3")
	st.Until("the words in the body", `document.querySelector('textarea[name=body]').value === '{"what": "AI_SUMMARY SNOOZE_3'`)
	st.Fill("Body", `{"what": "AI_SUMMARY", "quiet": "SNOOZE_3"}`)
	st.See("SSH (22) open to the world", `"quiet": "https://example.com/snooze/3"`)
	st.Shot("drift-alert-new")
	st.Click("Make the alert")
	st.See("Not tried yet", "Nothing was sent yet")
	st.Unseen("planted")

	st.Click("Try it")
	st.See("The receiver has taken it.")
	st.Shot("drift-alert-tried")
	st.Click("Close")
	if got := hook.take(); len(got) != 1 || !strings.HasPrefix(got[0], "sha256=") || !strings.Contains(got[0], "SSH (22) open") {
		t.Errorf("the receiver got %q, want one signed test", got)
	}
	st.See("Test", "Sent")

	hook.answer(http.StatusGone)
	id := strings.TrimPrefix(st.Path(), "/app/acme/drift/alerts/")
	st.raise(alerts.Event{Kind: alerts.New, OrgID: st.org.ID, AlertID: id, ScheduleID: "s", Repo: "acme/infra", Branch: "main", Folder: "network", ScanID: "drsc-1", EpisodeID: "drep-1", Fingerprint: "f",
		Severity: "critical", Summary: "[critical] the bucket is public", OutputBrief: "~ aws_s3_bucket.logs", Drifted: 1, At: time.Now(), FirstSeen: time.Now()})
	st.Go("/app/acme/drift/alerts")
	st.See("on call", "Fails", "1 message not delivered", "no schedule uses it")
	st.Shot("drift-alerts")
	st.Click("on call")
	st.See("answers post 410 Gone", "Failed")
	st.Click("Look at New drift")
	st.See("the bucket is public", "In the words that the alert has now.")
	st.Shot("drift-delivery")
	st.Click("Close")
	st.Shot("drift-alert")
	hook.answer(http.StatusOK)
	hook.take()
	st.Click("Send it again")
	st.See("It is being sent again.")
	st.Settle()
	st.Go("/app/acme/drift/alerts")
	st.See("Works")
	st.Unseen("not delivered")
	if got := hook.take(); len(got) != 1 || !strings.Contains(got[0], "the bucket is public") {
		t.Errorf("the receiver got %q, want what had failed", got)
	}

	st.Click("on call")
	st.Choose("Kind", "Email")
	st.Fill("Recipients", "ops@example.com, dev@example.com")
	st.Choose("Tell of", "high and worse")
	st.Choose("Folders", "once a day")
	st.Click("Save")
	st.See("The alert is saved.")
	st.Shot("drift-alert-mail")
	st.Allow("422")
	st.Choose("Kind", "PagerDuty")
	st.Until("no digest for incidents", `![...document.querySelectorAll('label')].some(l => l.innerText === 'Folders')`)
	st.Fill("Integration key", "planted-key")
	st.Fill("Address", "ftp://nowhere")
	st.Click("Save")
	st.See("URL must begin with https://")
	st.Go("/app/acme/drift/alerts/" + id)
	st.Click("Delete")
	st.See("No schedule uses it.")
	st.Click("Delete the alert")
	st.At("/app/acme/drift/alerts")
	st.See("Nobody is told of drift yet")
}

func TestAScheduleSaysWhatWhenAndWhoIsTold(t *testing.T) {
	git := apptest.NewGitHost(t)
	git.Commit("private/infra", "main", map[string]string{"network/main.tf": "terraform {}\n", "stacks/app/main.tf": "terraform {}\n"})
	st := newStage(t, toLoopback, func(c *config.Server) { c.Outbound.Rewrite = git.Rewrite() })
	repository := st.made("/organizations/acme/drift-repositories", "drift-repositories", map[string]any{"url": "https://github.com/private/infra", "type": "github-private", "token": git.Token}, "")
	st.made("/organizations/acme/drift-connections", "drift-connections", map[string]any{"name": "staging", "type": "oth", "credentials": "API_TOKEN=x"}, "")
	st.made("/organizations/acme/drift-connections", "drift-connections", map[string]any{"name": "billing", "type": "oth", "credentials": "BILLING_TOKEN=x"}, "")
	st.made("/organizations/acme/drift-alerts", "drift-alerts", map[string]any{"name": "on call", "type": "email", "recipients": []string{"ops@example.com"}}, "")
	st.Go("/app/acme/drift/schedules")
	st.Click("New schedule")
	st.At("/app/acme/drift/schedules/new")
	st.Fill("Name", "network, nightly")
	st.Fill("Branch", "main")
	st.Click("Look into the repository")
	st.See("Folders with a configuration", "stacks/app")
	st.Unseen("The repository cannot be read.")
	st.Fill("Folders", "network\nstacks/*")
	st.Choose("How often", "every week")
	st.Fill("On", "mon 04:30")
	st.See("Every Monday at 04:30 (UTC)", "04:30")
	st.Click("staging")
	st.Click("billing")
	st.Click("on call")
	st.Click("Also when scans fail")
	st.Choose("Tell of", "medium and worse")
	st.Click("How: engine, variables, time limit")
	st.Fill("Environment variables", "TF_VAR_region=planted-region")
	st.Fill("Variable files", "prod.tfvars")
	st.Fill("Minutes at most", "45")
	st.Click("Save it unchecked")
	st.Shot("drift-schedule-new")
	st.Click("Make the schedule")
	st.At("/app/acme/drift/schedules")
	st.See("network, nightly", "private/infra · main · network, stacks/*", "tells 1 alert")
	st.Shot("drift-schedules")

	st.Click("network, nightly")
	st.See("Every Monday at 04:30", "No folder is snoozed.")
	st.Click("How: engine, variables, time limit")
	st.See("There are some, and nobody can read them.")
	st.Unseen("planted-region")
	st.Click("Snooze")
	st.Fill("Folder", "network")
	st.Choose("For", "7 days")
	st.Click("Snooze")
	st.See("ends in 6")
	st.Shot("drift-schedule-snoozed")
	st.Click("End now: the snooze of network")
	st.See("No folder is snoozed.")
	st.Allow("422")
	st.Fill("On", "tomorrow")
	st.See("The offset of this frequency must be a day from 0 (Sunday) to 6")
	st.Choose("How often", "as a cron line says")
	st.See("Cron 30 4 * * 1-5 (UTC)")
	st.Click("Save")
	st.See("The schedule is saved.")
	r := st.Do("GET", "/api/v2/organizations/acme/drift-schedules", st.org.Owner.Token, nil)
	for _, want := range []string{`"frequency":"cron:30 4 * * 1-5"`, `"timeout":2700`, `"alert-on-error":true`, `"min-severity":"medium"`, `"has-env":true`, `"var-files":["prod.tfvars"]`, repository} {
		if !strings.Contains(string(r.Body), want) {
			t.Errorf("the schedule is %s, want %s", r.Body, want)
		}
	}
}

func TestNotificationsOfAWorkspaceAProjectAndATeam(t *testing.T) {
	hook := newReceiver(t)
	st := newStage(t, toLoopback)
	ws := st.Workspace(st.org, "", "web")
	st.Go("/app/acme/workspaces/web")
	st.Click("Notifications")
	st.See("Nobody is told yet")
	st.Click("New notification")
	st.Fill("Name", "deploys")
	st.Fill("Address", hook.URL+"/runs")
	st.Fill("Token", "planted-token")
	st.Click("It is done")
	st.Click("Something was changed outside")
	st.Shot("notification")
	hook.answer(http.StatusNotFound)
	st.Allow("400")
	st.Click("Save")
	st.See("Unable to complete verification request to destination URL")
	hook.answer(http.StatusOK)
	st.Click("Save")
	st.See("deploys", "answered 200", "Tells of", "needs somebody", "failed", "done", "drift")
	st.Unseen("planted-token")
	st.Shot("notifications")
	st.Size(390, 844)
	st.Go("/app/acme/workspaces/web/notifications")
	st.Until("the open tab to be in view", `(() => { const t = document.querySelector('nav [data-status=active][href$=notifications]')?.getBoundingClientRect(); return t && t.left >= 0 && t.right <= 390 })()`)
	st.Size(1280, 800)
	hook.take()
	st.Click("Verify deploys")
	st.See("The destination has taken a test message.")
	if got := hook.take(); len(got) != 1 || !strings.Contains(got[0], `"trigger":"verification"`) {
		t.Errorf("verification = %q", got)
	}
	st.Click("answered 200: the last answer to deploys")
	st.See(hook.URL + "/runs")
	st.Shot("notification-answer")
	st.Click("Close")
	st.Click("Turn off deploys")
	st.See("It tells nothing any more.")
	st.Click("Turn on deploys")
	st.See("It tells again.")
	st.Click("Change deploys")
	st.Fill("Name", "deployments")
	st.Click("Save")
	st.See("deployments")
	r := st.Do("GET", "/api/v2/workspaces/"+ws+"/notification-configurations", st.org.Owner.Token, nil)
	if !strings.Contains(string(r.Body), `"assessment:drifted"`) || !strings.Contains(string(r.Body), `"enabled":true`) {
		t.Errorf("notifications = %s", r.Body)
	}
	st.Click("Delete deployments")
	st.Click("Delete the notification")
	st.See("Nobody is told yet")

	st.Go("/app/acme/projects")
	st.Click("Default Project")
	st.Click("Notifications")
	st.See("Nobody is told yet", "every workspace in the project")
	st.Click("New notification")
	st.Fill("Name", "people")
	st.Choose("Goes to", "Email")
	st.Click(st.org.Owner.Name)
	st.Fill("Other addresses", "team@example.com")
	st.Click("Save")
	st.See("people", "team@example.com")
	st.Shot("notifications-project")
}

func TestDriftSettingsAndTokens(t *testing.T) {
	st := newStage(t)
	st.Go("/app/acme/settings/drift")
	st.Fill("Time zone", "Europe/Berlin")
	st.Click("Save the time zone")
	st.See("Schedules are due by the clocks there now.")
	st.Choose("How often", "every 4 hours")
	st.Fill("Seconds until a second look", "60")
	st.Click("Assess every workspace")
	st.Click("Save the assessments")
	st.See("The settings are saved.")
	for path, want := range map[string]string{"drift-settings": `"time-zone":"Europe/Berlin"`, "assessment-settings": `"confirm-seconds":60`} {
		if r := st.Do("GET", "/api/v2/organizations/acme/"+path, st.org.Owner.Token, nil); !strings.Contains(string(r.Body), want) {
			t.Errorf("%s = %s, want %s", path, r.Body, want)
		}
	}
	st.See("No drift tokens")
	st.Shot("drift-settings")

	st.Go("/app/profile/tokens")
	st.Click("Drift API")
	st.See("A first request", "X-Org-ID")
	st.Click("New drift token")
	st.Fill("Description", "pipeline")
	st.Choose("May", "Administers")
	st.Click("Create the token")
	st.See("Copy it now", "pld_")
	var token, org string
	st.Eval(`document.querySelector('[data-secret]').innerText`, &token)
	st.Eval(`[...document.querySelectorAll('code')].map(c => c.innerText).find(t => /^[0-9a-f]{32}$/.test(t))`, &org)
	st.Shot("drift-token")
	req, err := http.NewRequestWithContext(t.Context(), "POST", st.URL+"/drift/config", strings.NewReader(`{"list": true}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Api-Key", token)
	req.Header.Set("X-Org-ID", org)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		t.Errorf("a request with what the page shows = %d", res.StatusCode)
	}
	st.Go("/app/profile/drift")
	st.See("pipeline", "Administers")
	st.Unseen(token)
	st.Click("Revoke pipeline")
	st.Click("Revoke")
	st.See("The token is revoked.", "No drift tokens")
}

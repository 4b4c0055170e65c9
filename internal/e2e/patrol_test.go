package e2e

import (
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/apptest/cli"
	"plumbline.dev/plumbline/internal/apptest/fakecloud"
	"plumbline.dev/plumbline/internal/executor/sandbox"
	"plumbline.dev/plumbline/internal/kernel/config"
)

// patrolled is a folder of a repository; %q is the address of its state.
const patrolled = `
terraform {
  required_providers { aws = { source = "lab/aws" } }
  backend "http" { address = %q }
}
resource "aws_instance" "web" {
  name = "web"
  tags = { Owner = "ops" }
}
`

// newPatrol is a server with a tofu that scans the folder "network" of a repository, which was
// applied to a cloud, and tells a webhook; and the window of the organization's owner.
func newPatrol(t *testing.T) (st *stage, cloud *fakecloud.Cloud, hook *receiver, schedule string) {
	t.Helper()
	engines := cli.Engines()
	if len(engines) == 0 || engines[0].Name != "tofu" {
		absent(t, "tofu is not here: run make engines")
	}
	if cli.FakeProvider() == "" {
		absent(t, "the provider of the fake cloud is not here: run make engines")
	}
	if box := sandbox.Detect(t.Context(), sandbox.Options{}); box.Kind == sandbox.None {
		absent(t, box.Why)
	}
	mirror, git := cli.FakeProviderMirror(t), apptest.NewGitHost(t)
	cloud, hook = &fakecloud.Cloud{}, newReceiver(t)
	lab, states := httptest.NewServer(cloud), cli.NewBackend(t)
	t.Cleanup(lab.Close)
	sh := cli.NewShell(t, engines[0], "", "", "")
	sh.Write("main.tf", fmt.Sprintf(patrolled, states+"/network"))
	sh.Mirror(mirror)
	sh.Env = append(sh.Env, "FAKECLOUD="+lab.URL)
	sh.Run("init")
	sh.Run("apply", "-auto-approve", "-lock=false")
	git.Commit("private/infra", "main", map[string]string{"network/main.tf": sh.Read("main.tf"), "network/.terraform.lock.hcl": sh.Read(".terraform.lock.hcl")})
	s := apptest.Start(t, toLoopback, func(c *config.Server) {
		c.Workers, c.Engine, c.ProviderMirror, c.WorkDir = 1, []string{engines[0].Path}, []string{mirror}, t.TempDir()
		c.RunAllow = []string{strings.TrimPrefix(lab.URL, "http://"), strings.TrimPrefix(states, "http://")}
		c.Outbound.Rewrite = git.Rewrite()
	})
	st = &stage{s, Open(t, s.URL), s.Org("acme")}
	st.LogIn(s, st.org.Owner)
	const base = "/organizations/acme/"
	repository := st.made(base+"drift-repositories", "drift-repositories", map[string]any{"url": "https://github.com/private/infra", "type": "github-private", "token": git.Token}, "")
	connection := st.made(base+"drift-connections", "drift-connections", map[string]any{"name": "lab", "type": "oth", "credentials": "FAKECLOUD=" + lab.URL}, "")
	alert := st.made(base+"drift-alerts", "drift-alerts", map[string]any{"name": "on call", "type": "other", "url": hook.URL}, "")
	schedule = st.made(base+"drift-schedules", "drift-schedules", map[string]any{"name": "network", "branch": "main", "folders": []string{"network"}, "frequency": "daily", "skip-check": true, "alert-on-resolved": true},
		fmt.Sprintf(`,"relationships":{"repository":{"data":{"type":"drift-repositories","id":%q}},"connections":{"data":[{"type":"drift-connections","id":%q}]},"alerts":{"data":[{"type":"drift-alerts","id":%q}]}}`, repository, connection, alert))
	return st, cloud, hook, schedule
}

// TestDriftIsSnoozedByALinkAndResolvedWhileThePageFollows with a real engine: what the pages
// show comes by itself, no page is loaded again.
func TestDriftIsSnoozedByALinkAndResolvedWhileThePageFollows(t *testing.T) {
	st, cloud, hook, schedule := newPatrol(t)
	tag := func(owner string) {
		if err := cloud.Change("aws_instance", "web", func(o fakecloud.Object) { o["tags"] = map[string]any{"Owner": owner} }); err != nil {
			t.Fatal(err)
		}
	}
	tag("by hand")
	st.Go("/app/acme/drift/schedules")
	st.Click("Scan now: network")
	st.See("Finished", "network · network")
	st.Click("Overview")
	st.See("What drifts now", "1 finding in 1 resource")
	st.Click("1 finding in 1 resource")
	st.See("Drift of network · network", "aws_instance.web", "Alerted: on call")
	st.Click("aws_instance.web")
	st.See("by hand", "ops", "Why it matters.")
	st.Shot("drift-finding-real")
	st.Click("All of this drift")
	st.See("Alerted: on call")
	episode := st.Path()

	told := strings.Join(hook.take(), "\n")
	link := regexp.MustCompile(`/drift/snooze/[A-Za-z0-9_-]+`).FindString(told)
	if link == "" {
		t.Fatalf("the webhook got %s, want a link to snooze", told)
	}
	st.Go(link)
	st.See("will be silent for 3 days")
	st.Shot("screens/snooze")
	if r := st.Do("GET", "/api/v2/organizations/acme/drift-snoozes", st.org.Owner.Token, nil); r.Status != 200 || strings.Contains(string(r.Body), `"until"`) {
		t.Errorf("to look at the link has snoozed: %s", r.Body)
	}
	st.Click("Snooze for 3 days")
	st.See("are silent until")
	st.Go(episode)
	st.See("Alerts are silent until", st.org.Owner.Name+" snoozed the alerts")
	st.Shot("drift-episode-snoozed")

	tag("ops")
	if r := st.Do("POST", "/api/v2/drift-schedules/"+schedule+"/actions/scan", st.org.Owner.Token, nil); r.Status != 202 {
		t.Fatalf("scan = %d %s", r.Status, r.Body)
	}
	st.Until("the episode to be resolved", `document.querySelector('h1').parentElement.innerText.includes('Resolved')`)
	st.Until("the snooze to be over", `!document.body.innerText.includes('Alerts are silent until')`)
	st.Shot("drift-episode-resolved")
	st.Click("Drift")
	st.See("Nothing drifts")
}

// TestWhoOnlyReadsDriftSeesNoButtons, and who may see nothing finds nothing.
func TestWhoOnlyReadsDriftSeesNoButtons(t *testing.T) {
	st := newStage(t)
	ws := st.Workspace(st.org, "", "web")
	e := st.Executor()
	e.Applied(st.org, ws, 1)
	st.assessed(e, ws)
	reader := st.With(st.org, "reader", nil, map[string]string{ws: "read"})
	episode := st.first("/api/v2/organizations/acme/drift-episodes")
	finding := st.first("/api/v2/organizations/acme/drift-findings")

	st.LogIn(st.Server, reader)
	st.Go("/app/acme/drift/findings")
	st.See("aws_s3_bucket.logs")
	st.Until("no finding to be selectable", `document.querySelectorAll('input[type=checkbox]').length === 0`)
	st.Shot("drift-findings-reader")
	st.Unseen("Schedules", "Connections")
	for _, path := range []string{"/app/acme/drift/findings/" + finding, "/app/acme/drift/episodes/" + episode, "/app/acme/workspaces/web/health", "/app/acme/drift/ignored"} {
		st.Go(path)
		st.Until("the page of "+path, `document.querySelectorAll('.skeleton').length === 0 && document.querySelector('h1')`)
		st.Unseen("Acknowledge", "Assign…", "Ignore…", "Snooze…", "Assess now", "Turn off", "New rule", "Plan (JSON)")
	}
	st.Allow("404")
	guest := st.Member(st.org, "guest")
	st.LogIn(st.Server, guest)
	for _, path := range []string{"/app/acme/drift/findings/" + finding, "/app/acme/drift/episodes/" + episode} {
		st.Go(path)
		st.Until("there to be nothing", `/not exist|nothing here|not there/i.test(document.body.innerText)`)
		st.Unseen("aws_s3_bucket.logs")
	}
	st.Shot("drift-guest")
}

// first is the id of the first of a list.
func (st *stage) first(path string) string {
	st.T.Helper()
	data, _ := st.Do("GET", path, st.org.Owner.Token, nil).JSON()["data"].([]any)
	if len(data) == 0 {
		st.T.Fatalf("%s has nothing", path)
	}
	return data[0].(map[string]any)["id"].(string)
}

package cli_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/apptest/cli"
	"plumbline.dev/plumbline/internal/apptest/fakecloud"
	"plumbline.dev/plumbline/internal/drift/verbs"
	"plumbline.dev/plumbline/internal/executor/sandbox"
	"plumbline.dev/plumbline/internal/kernel/config"
)

// Secrets of a round, by where they are known.
const (
	canaryState    = "canary-state-backend-1"
	canaryPassword = "canary-password-code-2"
	canaryReal     = "canary-password-real-3"
	canaryHeader   = "canary-webhook-header-4"
)

// roundsConfig is a folder of a repository; %q is the address of its state.
const roundsConfig = `
terraform {
  required_providers { aws = { source = "lab/aws" } }
  backend "http" { address = %q }
}
variable "password" { sensitive = true }
resource "aws_instance" "web" {
  name = "web"
  tags = { Owner = "ops" }
}
resource "aws_db_instance" "db" {
  name     = "db"
  password = var.password
}
`

// patrol is a server that looks at a folder of a private repository, and those whom it tells.
type patrol struct {
	*apptest.Server
	org      apptest.Org
	key, oid string
	config   string // id of the schedule
	work     string // where scans are executed
	cloud    *fakecloud.Cloud
	states   *stateStore
	hook     *webhook
	tracker  *issueTracker
	mail     *apptest.Mailbox
	log      *lockedBuffer
	told     []string // all that went out
}

// TestDriftOfARepository: drift made by hand is told once by mail, webhook and issue, told
// again when it changes, silent when it was snoozed by the link of the mail, and told to be
// over when it is repaired; and no secret shows up anywhere.
func TestDriftOfARepository(t *testing.T) {
	p := newPatrol(t)
	p.test()
	mails, hooks := p.take()
	if len(mails) != 1 || !strings.Contains(mails[0], "[TEST]") || len(hooks) != 1 || p.tracker.state(1) != "closed" {
		t.Fatalf("a test told %d mails %v, %d hooks %v, issue %s; want one of each, the issue closed", len(mails), mails, len(hooks), hooks, p.tracker.state(1))
	}
	p.scan("finished 0 2")
	p.tells("nobody, of nothing", "")

	p.change("aws_instance", "web", "tags", map[string]any{"Owner": "by hand"})
	p.change("aws_db_instance", "db", "password", canaryReal)
	p.scan("finished 2 0")
	mail := p.tells("of a change by hand", "new", "aws_instance.web", "by hand", "aws_db_instance.db")
	if p.tracker.state(2) != "open" || !strings.Contains(p.tracker.body(2), "by hand") {
		t.Errorf("the issue is %s: %s, want it open with the change", p.tracker.state(2), p.tracker.body(2))
	}
	p.scan("finished 2 0")
	p.tells("nobody for the second time", "")

	p.change("aws_instance", "web", "tags", map[string]any{"Owner": "by another hand"})
	p.scan("finished 2 0")
	p.tells("of another change", "changed", "by another hand")
	if n := p.tracker.count(); n != 2 || !strings.Contains(p.tracker.body(2), "by another hand") {
		t.Errorf("there are %d issues, the second is %s; want two and the second brought up to date", n, p.tracker.body(2))
	}

	p.snooze(mail)
	p.change("aws_instance", "web", "tags", map[string]any{"Owner": "by a third hand"})
	p.scan("finished 2 0")
	p.tells("nobody, as it is snoozed", "")

	p.change("aws_instance", "web", "tags", map[string]any{"Owner": "ops"})
	p.change("aws_db_instance", "db", "password", canaryPassword)
	p.scan("finished 0 2")
	p.tells("of the repair", "resolved")
	if p.tracker.state(2) != "closed" {
		t.Errorf("the issue is %s after the repair, want closed", p.tracker.state(2))
	}
	if got := p.verb("config", map[string]any{"get": 1, "config_id": p.config})["payload"].(map[string]any)["snoozed"]; got != nil {
		t.Errorf("snoozed = %v after the repair, want nothing", got)
	}
	if w := p.states.writes(); w != 1 {
		t.Errorf("the state was written %d times, want once by the apply and never by a scan", w)
	}
	p.hidden()
}

// hidden fails the test if a secret is anywhere in clear: on the disk of the server and of
// its executor, in its log, and in what it told.
func (p *patrol) hidden() {
	p.T.Helper()
	texts := map[string][]byte{"the log": p.log.bytes(), "what was told": []byte(strings.Join(p.told, "\n")), "issues": []byte(p.tracker.all())}
	for _, dir := range []string{p.Dir, p.work} {
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return nil //nolint:nilerr // a file that went meanwhile
			}
			b, err := os.ReadFile(path)
			if os.IsNotExist(err) {
				return nil
			}
			texts[path] = b
			return err
		})
		if err != nil {
			p.T.Fatal(err)
		}
	}
	stored := append(bytes.Clone(texts[filepath.Join(p.Dir, "plumbline.db")]), texts[filepath.Join(p.Dir, "plumbline.db-wal")]...)
	if len(texts) < 10 || !bytes.Contains(stored, []byte("aws_db_instance.db")) {
		p.T.Errorf("%d texts were searched, and the database does not name what has drifted: is it searched?", len(texts))
	}
	for name, text := range texts {
		for _, secret := range []string{canaryState, canaryPassword, canaryReal, canaryHeader, p.tracker.token} {
			for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), hex.EncodeToString([]byte(secret))} {
				if bytes.Contains(text, []byte(form)) {
					p.T.Errorf("%s has the secret %s", name, secret)
				}
			}
		}
	}
}

func newPatrol(t *testing.T) *patrol {
	t.Helper()
	engines := cli.Engines()
	if len(engines) == 0 || engines[0].Name != "tofu" {
		t.Skip("tofu is not here: run make engines")
	}
	if box := sandbox.Detect(t.Context(), sandbox.Options{}); box.Kind == sandbox.None {
		t.Skip(box.Why)
	}
	mirror, git := readable(t), apptest.NewGitHost(t)
	p := &patrol{cloud: &fakecloud.Cloud{}, states: &stateStore{}, hook: &webhook{}, tracker: &issueTracker{t: t, token: git.Token}, mail: apptest.NewMailbox(t, true), log: &lockedBuffer{}, work: t.TempDir()}
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { slog.SetDefault(before) })
	cloud, states, hook, tracker := serve(t, p.cloud), serve(t, p.states), serve(t, p.hook), serve(t, p.tracker)
	git.Commit("private/infra", "main", p.applied(t, engines[0], mirror, cloud, states))

	rewrite := git.Rewrite()
	rewrite["api.github.com"] = tracker
	p.Server = apptest.Start(t, func(c *config.Server) {
		c.Workers, c.Engine, c.ProviderMirror, c.WorkDir = 1, []string{engines[0].Path}, []string{mirror}, p.work
		c.RunAllow = []string{strings.TrimPrefix(cloud, "http://"), strings.TrimPrefix(states, "http://")}
		c.SMTP, c.PublicURL = p.mail.Settings, "https://plumbline.example"
		c.Outbound = config.Outbound{Allow: []string{"127.0.0.0/8"}, HTTP: true, Rewrite: rewrite}
	})
	p.App.Mail.RootCAs = p.mail.RootCAs
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server's log ends with:\n%s", tail(p.log.bytes(), 4000))
		}
	})
	p.register(cloud, hook, git.Token)
	return p
}

func serve(t *testing.T, h http.Handler) (address string) {
	web := httptest.NewServer(h)
	t.Cleanup(web.Close)
	return web.URL
}

// applied applies the folder as a person does, and returns the files of the repository.
func (p *patrol) applied(t *testing.T, engine cli.Engine, mirror, cloud, states string) map[string]string {
	t.Helper()
	sh := cli.NewShell(t, engine, "", "", "")
	sh.Write("main.tf", fmt.Sprintf(roundsConfig, states+"/network"))
	rc := filepath.Join(sh.Home, "mirror.tfrc")
	if err := os.WriteFile(rc, fmt.Appendf(nil, "provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror), 0o600); err != nil {
		t.Fatal(err)
	}
	sh.Env = append(sh.Env, "TF_CLI_CONFIG_FILE="+rc, "FAKECLOUD="+cloud, "TF_HTTP_USERNAME=ops", "TF_HTTP_PASSWORD="+canaryState, "TF_VAR_password="+canaryPassword)
	sh.Run("init")
	sh.Run("apply", "-auto-approve", "-lock=false")
	return map[string]string{"network/main.tf": sh.Read("main.tf"), "network/.terraform.lock.hcl": sh.Read(".terraform.lock.hcl")}
}

// register tells the server of the repository, its credentials, its alerts and its schedule.
func (p *patrol) register(cloud, hook, token string) {
	p.T.Helper()
	p.org = p.Org("acme")
	r := p.Do("POST", "/api/v2/organizations/acme/drift-keys", p.org.Owner.Token, `{"data":{"type":"drift-keys","attributes":{"description":"e2e","role":"admin"}}}`)
	data, _ := r.JSON()["data"].(map[string]any)
	p.key, _ = attributes(data)["token"].(string)
	r = p.Do("GET", "/api/v2/organizations/acme/drift-settings", p.org.Owner.Token, nil)
	data, _ = r.JSON()["data"].(map[string]any)
	p.oid, _ = data["id"].(string)

	state := p.verb("state", map[string]any{"save": 1, "state_repo": "https://github.com/private/infra", "state_type": "github-private", "state_token": token})["state_id"]
	if found := p.verb("state", map[string]any{"test": 1, "state_id": state}); fmt.Sprint(found["branches"], found["files"]) != "[main] [network]" {
		p.T.Errorf("test of the repository = %v", found)
	}
	infra := p.verb("infra", map[string]any{"save": 1, "infra_type": "oth", "infra_name": "lab",
		"infra_credentials": "FAKECLOUD=" + cloud + "\nTF_HTTP_USERNAME=ops\nTF_HTTP_PASSWORD=" + canaryState + "\nTF_VAR_password=" + canaryPassword})["infra_id"]
	var alerts []any
	for _, a := range []map[string]any{
		{"alert_type": "email", "alert_recipients": "ops@example.com"},
		{"alert_type": "other", "alert_url": hook + "/hook", "alert_headers": "Authorization: " + canaryHeader},
		{"alert_type": "github-issue"},
	} {
		a["save"], a["alert_name"] = 1, a["alert_type"]
		alerts = append(alerts, p.verb("alert", a)["alert_id"])
	}
	p.config, _ = p.verb("config", map[string]any{"save": 1, "state": state, "infra": infra, "alert": alerts, "branch": "main", "state_files": []string{"network"},
		"frequency": "daily", "frequency_offset": "03:22", "alert_on_resolved": true})["config_id"].(string)
}

// verb calls the API at /drift, which must succeed.
func (p *patrol) verb(endpoint string, fields map[string]any) map[string]any {
	p.T.Helper()
	raw, err := json.Marshal(fields)
	if err != nil {
		p.T.Fatal(err)
	}
	req, err := http.NewRequestWithContext(p.T.Context(), "POST", p.URL+verbs.Base+"/"+endpoint, bytes.NewReader(raw))
	if err != nil {
		p.T.Fatal(err)
	}
	req.Header.Set("X-Api-Key", p.key)
	req.Header.Set("X-Org-ID", p.oid)
	r := p.Send(req)
	out := r.JSON()
	if r.Status != 200 || out["status"] != "good" {
		p.T.Fatalf("%s %v = %d %s", endpoint, fields, r.Status, r.Body)
	}
	for _, secret := range []string{canaryState, canaryPassword, canaryReal, canaryHeader, p.tracker.token} {
		if bytes.Contains(r.Body, []byte(secret)) {
			p.T.Errorf("%s answers with the secret %s", endpoint, secret)
		}
	}
	return out
}

// test lets the schedule be tried.
func (p *patrol) test() {
	p.T.Helper()
	id, _ := p.verb("config", map[string]any{"test": 1, "config_id": p.config})["scan_id"].(string)
	p.ends(id, "finished 0 2")
}

// scan lets the schedule be scanned now; want is its status and the numbers of objects with
// and without drift.
func (p *patrol) scan(want string) {
	p.T.Helper()
	r := p.Do("POST", "/api/v2/drift-schedules/"+p.config+"/actions/scan", p.org.Owner.Token, nil)
	id, _ := r.JSON()["scan-id"].(string)
	if r.Status != 202 || id == "" {
		p.T.Fatalf("scan = %d %s", r.Status, r.Body)
	}
	p.ends(id, want)
}

func (p *patrol) ends(id, want string) {
	p.T.Helper()
	var a map[string]any
	eventually(p.T, func() bool {
		data, _ := p.Do("GET", "/api/v2/drift-scans/"+id, p.org.Owner.Token, nil).JSON()["data"].(map[string]any)
		a = attributes(data)
		return a["status"] != "queued" && a["status"] != "running"
	}, func() string { return fmt.Sprintf("the scan is %v", a) })
	p.Settle()
	if got := fmt.Sprint(a["status"], " ", a["resources-drifted"], " ", a["resources-undrifted"]); got != want {
		log := p.Do("GET", "/api/v2/drift-scans/"+id+"/log/events", p.org.Owner.Token, nil)
		p.T.Fatalf("the scan is %s (%v), want %s; its log:\n%s", got, a, want, tail(log.Body, 4000))
	}
	p.verb("scan", map[string]any{"output": 1, "scan_id": id})
	p.verb("scan", map[string]any{"findings": 1, "scan_id": id})
}

func (p *patrol) change(typ, name, attribute string, value any) {
	p.T.Helper()
	if err := p.cloud.Change(typ, name, func(o fakecloud.Object) { o[attribute] = value }); err != nil {
		p.T.Fatal(err)
	}
}

// take returns what was told since the last call, as text.
func (p *patrol) take() (mails, hooks []string) {
	for _, m := range p.mail.Take() {
		mails = append(mails, strings.NewReplacer("=\r\n", "", "=3D", "=").Replace(m.Data))
	}
	hooks = p.hook.take()
	p.told = append(append(p.told, mails...), hooks...)
	return mails, hooks
}

// tells fails the test unless one mail and one webhook told of an event with the words; of
// the event "", none may have. It returns the mail.
func (p *patrol) tells(what, event string, words ...string) (mail string) {
	p.T.Helper()
	mails, hooks := p.take()
	if event == "" {
		if len(mails)+len(hooks) != 0 {
			p.T.Errorf("it tells %s: %v %v", what, mails, hooks)
		}
		return ""
	}
	if len(mails) != 1 || len(hooks) != 1 {
		deliveries := p.Do("GET", "/api/v2/organizations/acme/drift-alert-deliveries", p.org.Owner.Token, nil)
		p.T.Fatalf("it tells %s by %d mails and %d hooks, want one of each; deliveries: %s", what, len(mails), len(hooks), deliveries.Body)
	}
	if !strings.Contains(hooks[0], `"event":"`+event+`"`) {
		p.T.Errorf("it tells %s by %s, want the event %s", what, hooks[0], event)
	}
	for _, w := range words {
		if !strings.Contains(mails[0], w) || !strings.Contains(hooks[0], w) {
			p.T.Errorf("it tells %s without %q:\n%s\n%s", what, w, mails[0], hooks[0])
		}
	}
	return mails[0]
}

var snoozeLink = regexp.MustCompile(`https://plumbline\.example(/drift/snooze/[A-Za-z0-9_-]+)`)

// snooze follows the link of a mail: to look at it does nothing, its button does.
func (p *patrol) snooze(mail string) {
	p.T.Helper()
	link := snoozeLink.FindStringSubmatch(mail)
	if link == nil {
		p.T.Fatalf("the mail has no link to snooze: %s", mail)
	}
	until := func() any {
		return p.verb("config", map[string]any{"get": 1, "config_id": p.config})["payload"].(map[string]any)["snoozed"]
	}
	if r := p.Do("GET", link[1], "", nil); r.Status != 200 || !strings.Contains(string(r.Body), "Snooze for 3 days") || until() != nil {
		p.T.Errorf("GET = %d %s, snoozed %v; want a page that does nothing", r.Status, r.Body, until())
	}
	if r := p.Do("POST", link[1], "", nil); r.Status != 200 || until() == nil {
		p.T.Errorf("POST = %d %s, snoozed %v; want it silent", r.Status, r.Body, until())
	}
}

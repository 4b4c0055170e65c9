package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/apptest/cli"
	"plumbline.dev/plumbline/internal/apptest/fakecloud"
	"plumbline.dev/plumbline/internal/apptest/postgres"
	"plumbline.dev/plumbline/internal/drift/verbs"
	"plumbline.dev/plumbline/internal/executor/sandbox"
	"plumbline.dev/plumbline/internal/kernel/config"
)

// beat is how a patrol differs from others.
type beat struct {
	engine   string // tofu or terraform
	postgres bool   // instead of SQLite
	forge    forge
	storage  storage // of the state; the zero value is the patrol's own, by http
}

// forge is where the repository and its issues are.
type forge struct{ kind, host, repository, alert string }

var (
	gitHub = forge{"github", "github.com", "github-private", "github-issue"}
	gitLab = forge{"gitlab", "gitlab.com", "gitlab", "gitlab-issue"}
)

// storage is where a state is.
type storage struct {
	block   string         // of the configuration
	writing []string       // environment of who applies
	reading string         // environment of scans, as lines
	infra   map[string]any // a connection of its own for scans, nil is none
	host    string         // that scans may reach
}

// patrolConfig is a folder of a repository; %s is its backend.
const patrolConfig = `
terraform {
  required_providers { aws = { source = "lab/aws" } }
  %s
}
variable "password" { sensitive = true }
variable "ticket" { sensitive = true }
variable "plain" {}
data "aws_lookup" "gate" { key = "gate" }
resource "aws_instance" "web" {
  name = "web"
  tags = {
    Owner  = "ops"
    Ticket = var.ticket
    Blob   = base64encode("user:${var.plain}")
    Query  = "https://intern.example/?t=${urlencode(var.plain)}"
  }
  lifecycle {
    precondition {
      condition     = data.aws_lookup.gate.value != "closed"
      error_message = "Neither ${var.plain} nor ?t=${urlencode(var.plain)} nor ${base64encode(var.plain)} opens the gate."
    }
  }
}
resource "aws_db_instance" "db" {
  name     = "db"
  password = var.password
}
output "address" {
  value     = "db:${aws_db_instance.db.password}"
  sensitive = true
}
`

// patrol is a server that looks at a folder of a private repository, and those whom it tells.
type patrol struct {
	beat
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
	terminal *cli.Shell // of who has applied
	log      *lockedBuffer
	wire     *wire
	told     []string // mails and hooks that went out
}

func newPatrol(t *testing.T, b beat) *patrol {
	t.Helper()
	engine := engineNamed(t, b.engine)
	if box := sandbox.Detect(t.Context(), sandbox.Options{}); box.Kind == sandbox.None {
		t.Skip(box.Why)
	}
	mirror, git := cli.FakeProviderMirror(t), apptest.NewGitHost(t)
	p := &patrol{beat: b, cloud: &fakecloud.Cloud{}, states: &stateStore{}, hook: &webhook{}, tracker: &issueTracker{t: t, kind: b.forge.kind, token: git.Token},
		mail: apptest.NewMailbox(t, true), log: &lockedBuffer{}, wire: &wire{off: true}, work: t.TempDir()}
	p.cloud.Answer("gate", "open")
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { slog.SetDefault(before) })
	cloud, hook, outside := p.wire.tap(t, p.cloud), p.wire.tap(t, p.hook, "Authorization"), p.wire.tap(t, p.outside(git), "Authorization", "Private-Token")
	s := b.storage
	if s.block == "" {
		s = p.states.storage(p.wire.tap(t, p.states, "Authorization"))
	}
	p.applied(t, engine, mirror, cloud, s)
	git.Commit("private/infra", "main", map[string]string{"network/main.tf": p.terminal.Read("main.tf"), "network/.terraform.lock.hcl": p.terminal.Read(".terraform.lock.hcl")})

	p.Server = apptest.Start(t, p.database(t), func(c *config.Server) {
		c.Workers, c.Engine, c.ProviderMirror, c.WorkDir = 1, []string{engine.Path}, []string{mirror}, p.work
		c.RunAllow = []string{strings.TrimPrefix(cloud, "http://"), s.host}
		c.SMTP, c.PublicURL = p.mail.Settings, "https://plumbline.example"
		c.Outbound = config.Outbound{Allow: []string{"127.0.0.0/8"}, HTTP: true, Rewrite: map[string]string{b.forge.host: outside, "api." + b.forge.host: outside + "/api"}}
	})
	p.App.Mail.RootCAs = p.mail.RootCAs
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server's log ends with:\n%s", tail(p.log.bytes(), 4000))
		}
	})
	p.wire.listen(true)
	p.states.take()
	p.register(cloud, hook, git.Token, s)
	return p
}

func (p *patrol) database(t *testing.T) func(*config.Server) {
	t.Helper()
	if !p.postgres {
		return func(*config.Server) {}
	}
	url, ok := postgres.Schema(t)
	if !ok {
		t.Skip("PostgreSQL is not installed")
	}
	return func(c *config.Server) { c.Database = url }
}

// outside is the host of the repository: its API, and git.
func (p *patrol) outside(git *apptest.GitHost) http.Handler {
	repositories := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		at, _ := url.Parse(git.URL)
		r.SetURL(at)
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/") {
			p.tracker.ServeHTTP(w, r)
			return
		}
		repositories.ServeHTTP(w, r)
	})
}

func serve(t *testing.T, h http.Handler) (address string) {
	t.Helper()
	web := httptest.NewServer(h)
	t.Cleanup(web.Close)
	return web.URL
}

// variables are the environment of the configuration, beside that of its backend.
func (p *patrol) variables(cloud string) []string {
	return []string{"FAKECLOUD=" + cloud, "TF_VAR_password=" + canaryPassword, "TF_VAR_ticket=" + canaryTag, "TF_VAR_plain=" + canaryPlain, "UNUSED_TOKEN=" + canaryUnused}
}

// applied applies the folder as a person does.
func (p *patrol) applied(t *testing.T, engine cli.Engine, mirror, cloud string, s storage) {
	t.Helper()
	sh := cli.NewShell(t, engine, "", "", "")
	sh.Write("main.tf", fmt.Sprintf(patrolConfig, s.block))
	sh.Mirror(mirror)
	sh.Env = append(append(sh.Env, p.variables(cloud)...), s.writing...)
	sh.Run("init")
	sh.Run("apply", "-auto-approve")
	p.terminal = sh
}

// register tells the server of the repository, its credentials, its alerts and its schedule.
func (p *patrol) register(cloud, hook, token string, s storage) {
	p.T.Helper()
	p.org = p.Org("acme")
	r := p.Do("POST", "/api/v2/organizations/acme/drift-keys", p.org.Owner.Token, `{"data":{"type":"drift-keys","attributes":{"description":"e2e","role":"admin"}}}`)
	data, _ := r.JSON()["data"].(map[string]any)
	p.key, _ = attributes(data)["token"].(string)
	r = p.Do("GET", "/api/v2/organizations/acme/drift-settings", p.org.Owner.Token, nil)
	data, _ = r.JSON()["data"].(map[string]any)
	p.oid, _ = data["id"].(string)

	state := p.verb("state", map[string]any{"save": 1, "state_repo": "https://" + p.forge.host + "/private/infra", "state_type": p.forge.repository, "state_token": token})["state_id"]
	if found := p.verb("state", map[string]any{"test": 1, "state_id": state}); fmt.Sprint(found["branches"], found["files"]) != "[main] [network]" {
		p.T.Errorf("test of the repository = %v", found)
	}
	variables := strings.Join(p.variables(cloud), "\n")
	variables = strings.Replace(variables, canaryPlain, "'"+canaryPlain+"'", 1)
	infra := []any{p.verb("infra", map[string]any{"save": 1, "infra_type": "oth", "infra_name": "lab", "infra_credentials": variables + "\n" + s.reading})["infra_id"]}
	if s.infra != nil {
		s.infra["save"] = 1
		infra = append(infra, p.verb("infra", s.infra)["infra_id"])
	}
	var alerts []any
	for _, a := range []map[string]any{
		{"alert_type": "email", "alert_recipients": "ops@example.com"},
		{"alert_type": "other", "alert_url": hook + "/hook", "alert_headers": "Authorization: " + canaryHeader},
		{"alert_type": p.forge.alert},
	} {
		a["save"], a["alert_name"] = 1, a["alert_type"]
		alerts = append(alerts, p.verb("alert", a)["alert_id"])
	}
	p.config, _ = p.verb("config", map[string]any{"save": 1, "state": state, "infra": infra, "alert": alerts, "branch": "main", "state_files": []string{"network"},
		"frequency": "daily", "frequency_offset": "03:22", "alert_on_resolved": true, "alert_on_error": true})["config_id"].(string)
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
	if found := leaks(r.Body, append(canaries(), p.tracker.token)); len(found) > 0 {
		p.T.Errorf("%s answers with the secrets %q", endpoint, found)
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

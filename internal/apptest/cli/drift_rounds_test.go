package cli_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest/cli"
)

// TestDriftOfARepository: drift made by hand is told once by mail, webhook and issue, told
// again when it changes, silent when it was snoozed by the link of the mail, and told to be
// over when it is repaired; and no secret shows up anywhere.
func TestDriftOfARepository(t *testing.T) {
	for name, b := range map[string]beat{
		"tofu on SQLite with GitHub":          {engine: "tofu", forge: gitHub},
		"terraform on PostgreSQL with GitLab": {engine: "terraform", postgres: true, forge: gitLab},
	} {
		t.Run(name, func(t *testing.T) { newPatrol(t, b).round() })
	}
}

func (p *patrol) round() {
	p.T.Helper()
	p.test()
	mails, hooks := p.take()
	if len(mails) != 1 || !strings.Contains(mails[0], "[TEST]") || len(hooks) != 1 || p.tracker.state(1) != "closed" {
		p.T.Fatalf("a test told %d mails %v, %d hooks %v, issue %s; want one of each, the issue closed", len(mails), mails, len(hooks), hooks, p.tracker.state(1))
	}
	p.scan("finished 0 2")
	p.tells("nobody, of nothing", "")

	p.owner("by hand", canaryTagReal)
	p.change("aws_db_instance", "db", "password", canaryReal)
	p.scan("finished 2 0")
	mail := p.tells("of a change by hand", "new", "aws_instance.web", "by hand", "aws_db_instance.db")
	if p.tracker.state(2) != "open" || !strings.Contains(p.tracker.body(2), "by hand") {
		p.T.Errorf("the issue is %s: %s, want it open with the change", p.tracker.state(2), p.tracker.body(2))
	}
	p.scan("finished 2 0")
	p.tells("nobody for the second time", "")

	p.owner("by another hand", canaryTagReal)
	p.scan("finished 2 0")
	p.tells("of another change", "changed", "by another hand")
	if n := p.tracker.count(); n != 2 || !strings.Contains(p.tracker.body(2), "by another hand") {
		p.T.Errorf("there are %d issues, the second is %s; want two and the second brought up to date", n, p.tracker.body(2))
	}

	p.snooze(mail)
	p.owner("by a third hand", canaryTagReal)
	p.scan("finished 2 0")
	p.tells("nobody, as it is snoozed", "")

	p.owner("ops", canaryTag)
	p.change("aws_db_instance", "db", "password", canaryPassword)
	p.scan("finished 0 2")
	p.tells("of the repair", "resolved")
	if p.tracker.state(2) != "closed" {
		p.T.Errorf("the issue is %s after the repair, want closed", p.tracker.state(2))
	}
	if got := p.verb("config", map[string]any{"get": 1, "config_id": p.config})["payload"].(map[string]any)["snoozed"]; got != nil {
		p.T.Errorf("snoozed = %v after the repair, want nothing", got)
	}

	p.cloud.Answer("gate", "closed")
	p.scan("errored 0 0")
	p.scan("errored 0 0")
	p.tells("of scans that fail", "error")
	if asked := p.states.take(); len(asked) == 0 || slices.ContainsFunc(asked, func(method string) bool { return method != "GET" }) {
		p.T.Errorf("the server of the state was asked %v, want GET only: neither lock nor state is written", asked)
	}
	p.hidden()
}

// owner changes the tags of an object behind the back of the code. Beside the owner they hold
// secrets: one that the code marks, and one that only the connection knows to be one.
func (p *patrol) owner(name, ticket string) {
	p.T.Helper()
	tags := map[string]any{"Owner": name, "Ticket": ticket, "Blob": base64Of("user:" + canaryPlain), "Query": "https://intern.example/?t=" + url.QueryEscape(canaryPlain)}
	if name != "ops" {
		tags["Blob"], tags["Query"] = base64Of("another-user:"+canaryPlain), "https://extern.example/?t="+url.QueryEscape(canaryPlain)
	}
	p.change("aws_instance", "web", "tags", tags)
}

// engineNamed returns a command line, and skips the test where it is not there.
func engineNamed(t *testing.T, name string) cli.Engine {
	t.Helper()
	for _, e := range cli.Engines() {
		if e.Name == name {
			return e
		}
	}
	t.Skip(name + " is not here: run make engines")
	return cli.Engine{}
}

package alerts_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/alerts"
	"plumbline.dev/plumbline/internal/kernel/db"
)

func TestVerbs(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		p := newPlace(s)
		id := p.save(map[string]any{"alert_type": "email", "alert_name": "Work email address", "alert_recipients": "test@alexlance.com", "alert_subject": "tfstate.com alert subject", "alert_body": "\nREPO FOLDER\n"})
		if len(id) != 32 || strings.ToLower(id) != id {
			s.T.Errorf("alert_id = %s, want 32 lower-case hex digits", id)
		}
		status, out := p.verb(map[string]any{"list": true})
		items, _ := out["items"].([]any)
		if status != 200 || out["status"] != "good" || len(items) != 1 || items[0].(map[string]any)["id"] != id || items[0].(map[string]any)["type"] != "email" {
			s.T.Errorf("list = %d %v", status, out)
		}
		if status, out = p.verb(map[string]any{"save": "1", "alert_id": strings.ToUpper(id), "alert_subject": "other"}); status != 200 || out["alert_id"] != id {
			s.T.Errorf("edit = %d %v", status, out)
		}
		status, out = p.verb(map[string]any{"get": 1, "alert_id": id})
		payload, _ := out["payload"].(map[string]any)
		if status != 200 || payload["subject"] != "other" || payload["body"] != "\nREPO FOLDER\n" || fmt.Sprint(payload["recipients"]) != "[test@alexlance.com]" || payload["name_of_thing"] != "alert" {
			s.T.Errorf("get = %d %v, want what was not named to stay", status, out)
		}
		used := []string{"sched-1"}
		s.App.Drift.Alerts.InUse = func(context.Context, string) ([]string, error) { return used, nil }
		s.App.Drift.Alerts.Drop = func(context.Context, string) error { used = nil; return nil }
		if status, out = p.verb(map[string]any{"delete": 1, "alert_id": id}); status != 409 || fmt.Sprint(out["config_ids"]) != "[sched-1]" {
			s.T.Errorf("delete of one in use = %d %v, want 409 with its schedules", status, out)
		}
		if status, out = p.verb(map[string]any{"delete": 1, "alert_id": id, "force": true}); status != 200 || out["status"] != "good" || used != nil {
			s.T.Errorf("delete by force = %d %v", status, out)
		}
		if status, _ = p.verb(map[string]any{"get": 1, "alert_id": id}); status != 404 {
			s.T.Errorf("get after delete = %d, want 404", status)
		}
	}, open)
}

func TestRefusedAlerts(t *testing.T) {
	s := apptest.Start(t)
	p := newPlace(s)
	for name, c := range map[string]struct {
		fields map[string]any
		field  string
	}{
		"no type":           {map[string]any{"alert_name": "a"}, "alert_type"},
		"unknown type":      {map[string]any{"alert_name": "a", "alert_type": "pigeon"}, "alert_type"},
		"no name":           {map[string]any{"alert_type": "github-issue"}, "alert_name"},
		"no url":            {map[string]any{"alert_name": "a", "alert_type": "other"}, "alert_url"},
		"http":              {map[string]any{"alert_name": "a", "alert_type": "other", "alert_url": "http://planted.example.com/x"}, "alert_url"},
		"no scheme":         {map[string]any{"alert_name": "a", "alert_type": "slack", "alert_url": "hooks.example.com"}, "alert_url"},
		"unknown service":   {map[string]any{"alert_name": "a", "alert_type": "shoutrrr", "alert_url": "smtp://planted@host"}, "alert_url"},
		"header Host":       {map[string]any{"alert_name": "a", "alert_type": "other", "alert_url": "https://x.example", "alert_headers": "Host: planted"}, "alert_headers"},
		"headers of Slack":  {map[string]any{"alert_name": "a", "alert_type": "slack", "alert_url": "https://x.example", "alert_headers": "A: planted"}, "alert_headers"},
		"no recipients":     {map[string]any{"alert_name": "a", "alert_type": "email"}, "alert_recipients"},
		"wrong recipient":   {map[string]any{"alert_name": "a", "alert_type": "email", "alert_recipients": "a@example.com, nobody"}, "alert_recipients"},
		"many recipients":   {map[string]any{"alert_name": "a", "alert_type": "email", "alert_recipients": strings.Repeat("a@example.com ", 51)}, "alert_recipients"},
		"long subject":      {map[string]any{"alert_name": "a", "alert_type": "github-issue", "alert_subject": strings.Repeat("x", 1001)}, "alert_subject"},
		"long body":         {map[string]any{"alert_name": "a", "alert_type": "github-issue", "alert_body": strings.Repeat("x", 65<<10)}, "alert_body"},
		"unknown severity":  {map[string]any{"alert_name": "a", "alert_type": "github-issue", "min_severity": "awful"}, "min_severity"},
		"wrong kind of url": {map[string]any{"alert_name": "a", "alert_type": "other", "alert_url": []string{"x"}}, "alert_url"},
	} {
		c.fields["save"] = true
		status, out := p.verb(c.fields)
		if status != 400 || out["status"] != "bad" || out["field"] != c.field || out["code"] == "" || strings.Contains(fmt.Sprint(out), "planted") {
			t.Errorf("save with %s = %d %v, want 400 at %s", name, status, out, c.field)
		}
	}
	list := s.Do("GET", "/api/v2/organizations/acme/drift-alerts", p.org.Owner.Token, nil)
	if !strings.Contains(string(list.Body), `"data":[]`) {
		t.Errorf("list = %s, want none", list.Body)
	}
}

func TestAddressesInsideAreNotReached(t *testing.T) {
	h := newHook(t)
	s := apptest.Start(t) // nothing is allowed
	p := newPlace(s)
	for _, url := range []string{"https://127.0.0.1:1/planted", "https://169.254.169.254/planted", "https://[::1]/planted"} {
		id := p.save(map[string]any{"alert_type": "other", "alert_url": url})
		if status, out := p.verb(map[string]any{"test": 1, "alert_id": id}); status != 200 || out["status"] != "bad" || !strings.Contains(fmt.Sprint(out["message"]), "refused") || strings.Contains(fmt.Sprint(out), "planted") {
			t.Errorf("test of %s = %d %v, want it refused", url, status, out)
		}
	}
	if got := h.take(); len(got) != 0 {
		t.Errorf("sent = %v", got)
	}
}

func alertDocument(attributes map[string]any) map[string]any {
	return map[string]any{"data": map[string]any{"type": "drift-alerts", "attributes": attributes}}
}

func TestWhoMayManageAlerts(t *testing.T) {
	s := apptest.Start(t)
	p := newPlace(s)
	path := "/api/v2/organizations/acme/drift-alerts"
	body := alertDocument(map[string]any{"name": "a", "type": "email", "recipients": []string{"a@example.com"}})
	made := s.Do("POST", path, p.org.Owner.Token, body)
	if made.Status != 201 {
		t.Fatalf("create = %d %s", made.Status, made.Body)
	}
	one := "/api/v2/drift-alerts/" + fmt.Sprint(made.JSON()["data"].(map[string]any)["id"])
	member, stranger := s.Member(p.org, "member").Token, s.User("stranger").Token
	for _, c := range []struct {
		method, path string
		body         any
	}{{"GET", path, nil}, {"POST", path, body}, {"GET", one, nil}, {"PATCH", one, body}, {"DELETE", one, nil}, {"POST", one + "/actions/test", nil},
		{"POST", "/api/v2/organizations/acme/drift-alert-preview", map[string]any{"type": "email"}}, {"GET", "/api/v2/organizations/acme/drift-alert-deliveries", nil}} {
		for who, token := range map[string]string{"member": member, "stranger": stranger} {
			if r := s.Do(c.method, c.path, token, c.body); r.Status != 404 && r.Status != 403 {
				t.Errorf("%s %s as %s = %d %s, want it hidden", c.method, c.path, who, r.Status, r.Body)
			}
		}
	}
	if r := s.Do("PATCH", one, p.org.Owner.Token, alertDocument(map[string]any{"name": "b"})); r.Status != 200 || !strings.Contains(string(r.Body), `"name":"b"`) || !strings.Contains(string(r.Body), "a@example.com") {
		t.Errorf("PATCH = %d %s", r.Status, r.Body)
	}
	if r := s.Do("DELETE", one, p.org.Owner.Token, nil); r.Status != 204 {
		t.Errorf("DELETE = %d %s", r.Status, r.Body)
	}
}

func TestListOfAlertsCostsTheSame(t *testing.T) {
	s := apptest.Start(t)
	p := newPlace(s)
	for i := range 10 {
		p.save(map[string]any{"alert_type": "other", "alert_name": fmt.Sprintf("alert %d", i), "alert_url": "https://x.example/" + fmt.Sprint(i), "alert_headers": "A: b"})
	}
	path := "/api/v2/organizations/acme/drift-alerts?page[size]="
	one := len(s.Statements(func() { s.Do("GET", path+"1", p.org.Owner.Token, nil) }))
	ten := len(s.Statements(func() { s.Do("GET", path+"10", p.org.Owner.Token, nil) }))
	if one != ten {
		t.Errorf("statements = %d for one and %d for ten, want the same", one, ten)
	}
	for query, want := range map[string]int{"search[name]=ALERT 3": 1, "filter[type]=slack": 0, "filter[type]=other&sort=-name": 10} {
		r := s.Do("GET", "/api/v2/organizations/acme/drift-alerts?"+strings.ReplaceAll(query, " ", "%20"), p.org.Owner.Token, nil)
		if got := strings.Count(string(r.Body), `"type":"drift-alerts"`); got != want {
			t.Errorf("list with %s = %d, want %d: %s", query, got, want, r.Body)
		}
	}
	if r := s.Do("GET", "/api/v2/organizations/acme/drift-alerts?sort=secret", p.org.Owner.Token, nil); r.Status != 400 {
		t.Errorf("list by secret = %d, want 400", r.Status)
	}
}

// TestSecretsStayInside plants secrets in all fields that take one and looks for them in every answer,
// every column, every log line and every job.
func TestSecretsStayInside(t *testing.T) {
	var logs bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&logs, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	h := newHook(t)
	s := apptest.Start(t, open)
	p := newPlace(s)
	var said strings.Builder
	hear := func(status int, out map[string]any) {
		fmt.Fprintln(&said, status, out)
	}
	h.status = 500
	id := p.save(map[string]any{"alert_type": "other", "alert_url": h.URL + "/p?key=planted-query", "alert_headers": "Authorization: Bearer planted-header", "alert_secret": "planted-hmac"})
	chat := p.save(map[string]any{"alert_type": "slack", "alert_url": h.URL + "/services/planted-path"})
	service := p.save(map[string]any{"alert_type": "shoutrrr", "alert_url": "discord://planted-service@123"})
	e := p.event(id, alerts.New)
	e.Output = "planted-output"
	p.raise(e)
	for _, one := range []string{id, chat} {
		hear(p.verb(map[string]any{"test": 1, "alert_id": one}))
	}
	for _, one := range []string{id, chat, service} {
		hear(p.verb(map[string]any{"get": 1, "alert_id": one}))
		fmt.Fprintln(&said, string(s.Do("GET", "/api/v2/drift-alerts/"+one, p.org.Owner.Token, nil).Body))
		fmt.Fprintln(&said, string(s.Do("PATCH", "/api/v2/drift-alerts/"+one, p.org.Owner.Token, alertDocument(map[string]any{"name": "b"})).Body))
	}
	hear(p.verb(map[string]any{"list": 1}))
	hear(p.verb(map[string]any{"save": 1, "alert_id": id, "alert_headers": "A: planted-bad\x00"}))
	fmt.Fprintln(&said, string(s.Do("GET", "/api/v2/organizations/acme/drift-alerts", p.org.Owner.Token, nil).Body), string(s.Do("GET", "/api/v2/organizations/acme/drift-alert-deliveries", p.org.Owner.Token, nil).Body))
	s.Settle()
	for where, text := range map[string]string{"an answer": said.String(), "the log": logs.String(), "a row": columns(t, s)} {
		if i := strings.Index(text, "planted"); i >= 0 {
			t.Errorf("%s has …%s…", where, text[max(0, i-80):min(len(text), i+60)])
		}
	}
	if !strings.Contains(said.String(), "Authorization") || !strings.Contains(said.String(), h.URL+"/p") {
		t.Errorf("answers = %s, want the names of headers and the address without its query", said.String())
	}
	got := h.take()
	if len(got) == 0 || got[0].header.Get("Authorization") != "Bearer planted-header" {
		t.Errorf("sent = %+v, want the header", got)
	}
}

// columns is all that the tables of alerts, jobs and audit hold.
func columns(t *testing.T, s *apptest.Server) string {
	var out strings.Builder
	for _, q := range []string{
		`SELECT id || name || COALESCE(CAST(url AS TEXT), '') || COALESCE(CAST(headers AS TEXT), '') || COALESCE(CAST(secret AS TEXT), '') || recipients || subject || body FROM drift_alerts`,
		`SELECT id || summary || CAST(payload AS TEXT) || error FROM drift_alert_deliveries`,
		`SELECT CAST(args AS TEXT) || COALESCE(CAST(errors AS TEXT), '') FROM river_job`,
	} {
		rows, err := db.All[string](t.Context(), s.DB, q)
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString(strings.Join(rows, "\n"))
	}
	return out.String()
}

func TestAnotherHostDoesNotGetTheSecrets(t *testing.T) {
	first, second := newHook(t), newHook(t)
	s := apptest.Start(t, open)
	p := newPlace(s)
	id := p.save(map[string]any{"alert_type": "other", "alert_url": first.URL, "alert_headers": "Authorization: Bearer planted", "alert_secret": "x"})
	p.verb(map[string]any{"save": 1, "alert_id": id, "alert_url": first.URL + "/elsewhere"})
	p.verb(map[string]any{"test": 1, "alert_id": id})
	if got := first.take(); len(got) != 1 || got[0].header.Get("Authorization") == "" {
		t.Errorf("the same host was sent %+v, want the header", got)
	}
	p.verb(map[string]any{"save": 1, "alert_id": id, "alert_url": second.URL})
	p.verb(map[string]any{"test": 1, "alert_id": id})
	if got := second.take(); len(got) != 1 || got[0].header.Get("Authorization") != "" || got[0].header.Get("X-Signature-256") != "" {
		t.Errorf("another host was sent %+v, want no header that was given for the first", got)
	}
	if diff := cmp.Diff([]string{"test sent", "test sent"}, p.deliveries()); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
}

func TestRedirectsElsewhereAreRefused(t *testing.T) {
	h := newHook(t)
	h.status, h.header = http.StatusTemporaryRedirect, http.Header{"Location": {"http://169.254.169.254/latest"}}
	s := apptest.Start(t, open)
	p := newPlace(s)
	id := p.save(map[string]any{"alert_type": "other", "alert_url": h.URL})
	if _, out := p.verb(map[string]any{"test": 1, "alert_id": id}); out["status"] != "bad" {
		t.Errorf("test = %v, want it refused", out)
	}
}

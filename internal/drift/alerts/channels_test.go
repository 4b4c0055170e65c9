package alerts_test

import (
	"fmt"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/alerts"
	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/db"
)

func TestMailIsSent(t *testing.T) {
	box := apptest.NewMailbox(t, true)
	s := apptest.Start(t, open, func(c *config.Server) { c.SMTP = box.Settings })
	s.App.Mail.RootCAs = box.RootCAs
	p := newPlace(s)
	id := p.save(map[string]any{"alert_type": "email", "alert_recipients": "ops@example.com; dev@example.com", "alert_subject": "drift\nBcc: x@example.com in FOLDER", "alert_body": "**AI_SUMMARY** SNOOZE_3\n\n```\nOUTPUT\n```"})
	e := p.event(id, alerts.New)
	e.Output = "```\n<script>alert(1)</script>"
	p.raise(e)
	mails := box.Take()
	if len(mails) != 1 || mails[0].Login == "" || strings.Join(mails[0].To, " ") != "ops@example.com dev@example.com" {
		t.Fatalf("mail = %+v, want one to both; deliveries %v", mails, p.deliveries())
	}
	for _, want := range []string{"Subject: drift Bcc: x@example.com in net", "multipart/alternative", "<strong>SSH is open</strong>", "https://plumbline.example/drift/snooze/3"} {
		if !strings.Contains(strings.ReplaceAll(mails[0].Data, "=\r\n", ""), want) {
			t.Errorf("mail = %s, want %s", mails[0].Data, want)
		}
	}
	if strings.Contains(mails[0].Data, "\nBcc:") || strings.Count(mails[0].Data, "<script>") > 1 {
		t.Errorf("mail = %s, want no further header and no script in HTML", mails[0].Data)
	}
	if status, out := p.verb(map[string]any{"test": 1, "alert_id": id}); status != 200 || out["status"] != "good" {
		t.Errorf("test = %d %v", status, out)
	}
	if mails := box.Take(); len(mails) != 1 || !strings.Contains(mails[0].Data, "Subject: [TEST] drift") {
		t.Errorf("test mail = %+v, want [TEST]", mails)
	}
}

func TestMailWithoutAServerSaysWhatIsMissing(t *testing.T) {
	s := apptest.Start(t, open)
	p := newPlace(s)
	id := p.save(map[string]any{"alert_type": "email", "alert_recipients": "ops@example.com"})
	if status, out := p.verb(map[string]any{"test": 1, "alert_id": id}); status != 200 || out["status"] != "bad" || !strings.Contains(fmt.Sprint(out["message"]), "--smtp-address (PLUMBLINE_SMTP_ADDRESS)") {
		t.Errorf("test = %d %v, want bad with the setting", status, out)
	}
	p.raise(p.event(id, alerts.New))
	r := s.Do("GET", "/api/v2/organizations/acme/drift-alert-deliveries?filter[event]=new", p.org.Owner.Token, nil)
	if !strings.Contains(string(r.Body), `"status":"dead"`) || !strings.Contains(string(r.Body), "PLUMBLINE_SMTP_ADDRESS") {
		t.Errorf("delivery = %s, want it dead with the setting", r.Body)
	}
}

func TestChatsAndServices(t *testing.T) {
	h := newHook(t)
	s := apptest.Start(t, open, func(c *config.Server) { c.Outbound.Rewrite = map[string]string{"discord.com": h.URL} })
	p := newPlace(s)
	for _, c := range []struct{ kind, url, want, never string }{
		{"slack", h.URL, `"text":"*high drift in acme/infra net*`, "<!channel>"},
		{"teams", h.URL, `"type":"AdaptiveCard"`, ""},
		{"shoutrrr", "discord://token@123", `"allowed_mentions":{"parse":[]}`, ""},
	} {
		id := p.save(map[string]any{"alert_type": c.kind, "alert_url": c.url})
		e := p.event(id, alerts.New)
		e.Summary = "<!channel> look"
		p.raise(e)
		got := h.take()
		if len(got) != 1 || !strings.Contains(got[0].body, c.want) || c.never != "" && strings.Contains(got[0].body, c.never) {
			t.Errorf("%s was sent %v, want %s", c.kind, got, c.want)
		}
	}
}

func TestPreview(t *testing.T) {
	s := apptest.Start(t, open)
	p := newPlace(s)
	r := s.Do("POST", "/api/v2/organizations/acme/drift-alert-preview", p.org.Owner.Token, map[string]any{"type": "email", "subject": "[AI_SEVERITY] FOLDER", "body": "# REPO\n<script>x</script> SNOOZE_7"})
	out := r.JSON()
	if r.Status != 200 || out["subject"] != "[high] network" || out["body"] != "# acme/infrastructure\n<script>x</script> https://example.com/snooze/7" || !strings.Contains(fmt.Sprint(out["html"]), "<h1>acme/infrastructure</h1>") ||
		strings.Contains(fmt.Sprint(out["html"]), "<script>") || !strings.Contains(fmt.Sprint(out["placeholders"]), "AI_DESCRIPTION") {
		t.Errorf("preview = %d %s", r.Status, r.Body)
	}
	if n, err := db.One[int](t.Context(), s.DB, `SELECT COUNT(*) FROM drift_alert_deliveries`); err != nil || n != 0 {
		t.Errorf("deliveries = %d, %v, want none", n, err)
	}
}

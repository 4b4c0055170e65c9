package site_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	goSMTP "github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/mail"
)

// mailbox starts a mail server that the server trusts, and returns attributes that name it.
func mailbox(s *apptest.Server) (*apptest.Mailbox, string) {
	s.T.Helper()
	b := apptest.NewMailbox(s.T, true)
	s.App.Mail.RootCAs = b.RootCAs
	host, port, err := net.SplitHostPort(b.Settings.Address)
	if err != nil {
		s.T.Fatal(err)
	}
	return b, fmt.Sprintf(`"enabled":true,"host":%q,"port":%s,"sender":"plumbline@example.com","auth":"plain","username":"plumbline"`, host, port)
}

func TestMailGoesByTheSettingsAtOnce(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		send := func() error {
			return s.App.Mail.Send(s.T.Context(), mail.Message{To: []string{"ops@example.com"}, Subject: "hello", Text: "x"})
		}
		if _, ok := errors.AsType[mail.Unset](send()); !ok {
			s.T.Errorf("Send = %v although there is no mail server", send())
		}
		box, there := mailbox(s)
		a := set(s, "smtp", `{`+there+`,"password":"p4ss","test-email-address":"boss@example.com"}`)
		want := map[string]any{"enabled": true, "host": "127.0.0.1", "port": a["port"], "sender": "plumbline@example.com", "auth": "plain", "username": "plumbline",
			"tls": "starttls", "has-password": true, "mail-goes-by": "settings"}
		if diff := cmp.Diff(want, a); diff != "" {
			s.T.Errorf("settings (-want +got):\n%s", diff)
		}
		got := box.Take()
		if len(got) != 1 || got[0].To[0] != "boss@example.com" || got[0].Login != "plumbline" || !strings.Contains(got[0].Data, "Mail from Plumbline works") {
			s.T.Errorf("test mail = %+v", got)
		}
		if err := send(); err != nil || len(box.Take()) != 1 {
			s.T.Errorf("Send = %v", err)
		}
		installed := attributesOf(s.Do("GET", "/api/v2/admin/installation", s.AdminToken(), nil))["settings"].(map[string]any)
		if installed["mail"] != true {
			s.T.Error("the installation says that there is no mail")
		}
		set(s, "smtp", `{"enabled":false}`)
		if _, ok := errors.AsType[mail.Unset](send()); !ok {
			s.T.Errorf("Send = %v although it is switched off", send())
		}
		set(s, "smtp", `{"enabled":true}`)
		if err := send(); err != nil || len(box.Take()) != 1 {
			s.T.Errorf("Send after it was switched on again = %v", err)
		}
	})
}

func TestPasswordOfTheMailServerStaysInside(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		_, there := mailbox(s)
		r := patch(s, "smtp", `{`+there+`,"password":"planted-secret"}`)
		read := s.Do("GET", "/api/v2/admin/smtp-settings", s.AdminToken(), nil)
		if r.Status != 200 || strings.Contains(string(r.Body)+string(read.Body), "planted-secret") {
			s.T.Errorf("PATCH = %d %s, GET = %s", r.Status, r.Body, read.Body)
		}
		rows, err := db.All[string](s.T.Context(), s.DB, `SELECT chosen FROM site_settings`)
		if err != nil || strings.Contains(strings.Join(rows, ""), "planted-secret") {
			s.T.Errorf("rows = %v, %v", rows, err)
		}
		failed := patch(s, "smtp", `{"test-email-address":"boss@example.com"}`)
		if failed.Status != 422 || !strings.Contains(failed.Detail(), "The test mail was not sent") || strings.Contains(failed.Detail(), "planted") {
			s.T.Errorf("PATCH with a wrong password = %d %s", failed.Status, failed.Body)
		}
		for _, attributes := range []string{`{"host":"evil.example.com"}`, `{"port":2525}`, `{"tls":"implicit"}`} {
			if r := patch(s, "smtp", attributes); r.Status != 422 || !strings.Contains(r.Detail(), "Give the password again") {
				s.T.Errorf("PATCH %s = %d %s, want 422: the password must not go to another server", attributes, r.Status, r.Body)
			}
		}
		if a := set(s, "smtp", `{"host":"evil.example.com","auth":"none"}`); a["has-password"] != false {
			s.T.Errorf("settings of another server = %v, want no password", a)
		}
	})
}

func TestTestMailSaysWhatTheServerSaid(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		box, there := mailbox(s)
		box.Refuse = &goSMTP.SMTPError{Code: 550, EnhancedCode: goSMTP.EnhancedCode{5, 1, 1}, Message: "nobody of that name here"}
		r := patch(s, "smtp", `{`+there+`,"password":"p4ss","test-email-address":"nobody@example.com"}`)
		if r.Status != 422 || !strings.Contains(r.Detail(), "nobody of that name here") || !strings.Contains(string(r.Body), "/data/attributes/test-email-address") {
			s.T.Errorf("PATCH = %d %s", r.Status, r.Body)
		}
		if a := attributesOf(s.Do("GET", "/api/v2/admin/smtp-settings", s.AdminToken(), nil)); a["enabled"] != false || a["host"] != "" || a["has-password"] != false {
			s.T.Errorf("settings after a test that failed = %v, want nothing changed", a)
		}
		a := set(s, "smtp", `{`+strings.Replace(there, "true", "false", 1)+`,"password":"p4ss","test-email-address":"nobody@example.com"}`)
		if a["enabled"] != false || len(box.Take()) != 0 {
			s.T.Errorf("settings = %v, want no test mail while mail is off", a)
		}
	})
}

func TestMailSettingsThatAreRefused(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		for attributes, want := range map[string]string{
			`{"enabled":true}`:                           "Host can't be blank",
			`{"enabled":true,"host":"mail.example.com"}`: "Sender can't be blank",
			`{"enabled":true,"host":"mail.example.com","sender":"a@example.com","auth":"login"}`:                            "Username can't be blank",
			`{"enabled":true,"host":"mail.example.com","sender":"a@example.com","auth":"plain","username":"a"}`:             "Password can't be blank",
			`{"enabled":true,"host":"m","sender":"a@example.com","auth":"plain","username":"a","password":"b","tls":"off"}`: "Auth must be none when tls is off",
			`{"auth":"plained"}`:              "not included in the list",
			`{"tls":"maybe"}`:                 "not included in the list",
			`{"host":"a b"}`:                  "Host must be",
			`{"port":65536}`:                  "from 1 to 65535",
			`{"sender":"nobody"}`:             "Sender must be an email address",
			`{"username":"a\r\nb"}`:           "one line",
			`{"test-email-address":"nobody"}`: "Test email address must be",
		} {
			r := patch(s, "smtp", attributes)
			if want != "" && (r.Status != 422 || !strings.Contains(r.Detail(), want)) {
				s.T.Errorf("PATCH %s = %d %s, want 422 with %q", attributes, r.Status, r.Body, want)
			}
		}
		if r := s.Do("GET", "/api/v2/admin/smtp-settings", s.Org("acme").Owner.Token, nil); r.Status != 404 {
			s.T.Errorf("GET by an owner = %d, want 404", r.Status)
		}
	})
}

func TestOptionsSendUntilSettingsDo(t *testing.T) {
	box := apptest.NewMailbox(t, true)
	apptest.Run(t, func(s *apptest.Server) {
		s.App.Mail.RootCAs = box.RootCAs
		got, err := s.Admin().Admin.Settings.SMTP.Read(s.T.Context())
		want := &tfe.AdminSMTPSetting{ID: "smtp", Port: 587, Auth: tfe.SMTPAuthNone}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			s.T.Errorf("settings (-want +got), %v:\n%s", err, diff)
		}
		if a := attributesOf(s.Do("GET", "/api/v2/admin/smtp-settings", s.AdminToken(), nil)); a["mail-goes-by"] != "options" {
			s.T.Errorf("settings = %v, want that mail goes by the options", a)
		}
		if err := s.App.Mail.Send(s.T.Context(), mail.Message{To: []string{"a@example.com"}, Text: "x"}); err != nil || len(box.Take()) != 1 {
			s.T.Errorf("Send = %v", err)
		}
	}, func(c *config.Server) { c.SMTP = box.Settings })
}

package mail_test

import (
	"context"
	"errors"
	stdmail "net/mail"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/mail"
)

// serve starts a mail server and returns who sends through it.
func serve(t *testing.T, withTLS bool) (*apptest.Mailbox, *mail.Sender) {
	t.Helper()
	b := apptest.NewMailbox(t, withTLS)
	return b, &mail.Sender{RootCAs: b.RootCAs, Settings: b.Settings}
}

func TestMailGoesOutEncryptedAndWithLogin(t *testing.T) {
	box, sender := serve(t, true)
	m := mail.Message{To: []string{"ops@example.com", "dev@example.com"}, Subject: "drift\r\nBcc: evil@example.com", Text: "It drifts ü.", HTML: mail.HTML("It **drifts**.")}
	if err := sender.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	mails := box.Take()
	if len(mails) != 1 || mails[0].Login != "plumbline" || mails[0].From != "plumbline@example.com" || len(mails[0].To) != 2 {
		t.Fatalf("received = %+v, want one mail of a login to two", mails)
	}
	got, err := stdmail.ReadMessage(strings.NewReader(mails[0].Data))
	if err != nil {
		t.Fatal(err)
	}
	if got.Header.Get("Bcc") != "" || got.Header.Get("Subject") != "drift Bcc: evil@example.com" {
		t.Errorf("headers = %v, want the subject on one line", got.Header)
	}
	if !strings.Contains(got.Header.Get("Content-Type"), "multipart/alternative") || !strings.Contains(mails[0].Data, "<strong>drifts</strong>") {
		t.Errorf("mail = %s, want text and HTML", mails[0].Data)
	}
}

func TestMailIsNotSentInTheClear(t *testing.T) {
	box, sender := serve(t, false)
	if err := sender.Send(t.Context(), mail.Message{To: []string{"a@example.com"}, Text: "x"}); err == nil || len(box.Take()) != 0 {
		t.Errorf("Send without STARTTLS = %v, want an error and no mail", err)
	}
}

func TestWrongPasswordIsNotTold(t *testing.T) {
	_, sender := serve(t, true)
	sender.Settings.Password = "planted-secret"
	err := sender.Send(t.Context(), mail.Message{To: []string{"a@example.com"}, Text: "x"})
	if err == nil || strings.Contains(err.Error(), "planted") {
		t.Errorf("Send = %v, want an error without the password", err)
	}
}

func TestRefusedRecipients(t *testing.T) {
	box, sender := serve(t, true)
	box.Refuse = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	err := sender.Send(t.Context(), mail.Message{To: []string{"nobody@example.com"}, Text: "x"})
	if _, ok := errors.AsType[mail.Refused](err); !ok || !strings.Contains(err.Error(), "no such user") {
		t.Errorf("Send = %v, want it refused in the words of the mail server", err)
	}
	box.Refuse = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 0, 0}, Message: "later"}
	err = sender.Send(t.Context(), mail.Message{To: []string{"nobody@example.com"}, Text: "x"})
	if _, ok := errors.AsType[mail.Refused](err); ok || err == nil {
		t.Errorf("Send = %v, want an error that may pass", err)
	}
}

func TestUnsetMailNamesTheSetting(t *testing.T) {
	for want, c := range map[string]config.SMTP{
		"--smtp-address (PLUMBLINE_SMTP_ADDRESS)":   {},
		"--smtp-from (PLUMBLINE_SMTP_FROM)":         {Address: "mail:25"},
		"--smtp-password (PLUMBLINE_SMTP_PASSWORD)": {Address: "mail:25", From: "a@example.com", User: "a"},
	} {
		err := (&mail.Sender{Settings: c}).Send(t.Context(), mail.Message{To: []string{"a@example.com"}})
		if unset, ok := errors.AsType[mail.Unset](err); !ok || unset.Setting != want || !strings.Contains(err.Error(), want) {
			t.Errorf("Send = %v, want it to name %s", err, want)
		}
	}
}

func TestMailIsForbiddenInTransactions(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Send where the network is forbidden did not panic")
		}
	}()
	_ = (&mail.Sender{Forbidden: func(context.Context) bool { return true }}).Send(t.Context(), mail.Message{})
}

func TestHTMLIsHarmless(t *testing.T) {
	got := mail.HTML("# Hi\n\n<script>alert(1)</script> <b onclick=x>b</b>\n\n![pixel](https://evil.example/p.png) [x](javascript:alert(1)) [ok](https://ok.example)\n\n| a |\n|---|\n| <img src=x> |\n\nhttps://snooze.example/3")
	for _, bad := range []string{"<script", "onclick", "<img", "javascript:", "evil.example"} {
		if strings.Contains(got, bad) {
			t.Errorf("HTML = %s, want no %s", got, bad)
		}
	}
	for _, good := range []string{"<h1>Hi</h1>", "pixel", `href="https://ok.example"`, "<table>", `href="https://snooze.example/3"`} {
		if !strings.Contains(got, good) {
			t.Errorf("HTML = %s, want %s", got, good)
		}
	}
}

func FuzzHTML(f *testing.F) {
	f.Add("![a](b) <i> [x](data:text/html,1)")
	f.Fuzz(func(t *testing.T, s string) {
		got := strings.ToLower(mail.HTML(s))
		for _, bad := range []string{"<script", "<img", "<iframe", `href="javascript:`, `href="vbscript:`, "<svg", "<object"} {
			if strings.Contains(got, bad) {
				t.Errorf("HTML(%q) = %s, want no %s", s, got, bad)
			}
		}
	})
}

func TestLine(t *testing.T) {
	if got := mail.Line("a\r\nb\u2028c\x00d", 100); got != "a b c d" {
		t.Errorf("Line = %q", got)
	}
	if got := mail.Line(strings.Repeat("ä", 300), 200); len([]rune(got)) != 200 || !strings.HasSuffix(got, "…") {
		t.Errorf("Line = %q, want 200 characters", got)
	}
}

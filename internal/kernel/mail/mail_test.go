package mail_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	stdmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/mail"
)

// sink is a mail server that keeps what it is given.
type sink struct {
	user, password string
	refuse         error // to every recipient

	mu   sync.Mutex
	mail []received
}

type received struct {
	from, login string
	to          []string
	data        string
}

// NewSession implements smtp.Backend.
func (s *sink) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{sink: s}, nil }

type session struct {
	sink *sink
	received
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.sink.user || password != s.sink.password {
			return errors.New("wrong")
		}
		s.login = user
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return s.sink.refuse
}

func (s *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	s.data = string(b)
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	s.sink.mail = append(s.sink.mail, s.received)
	return err
}

func (s *session) Reset()        { s.received = received{login: s.login} }
func (s *session) Logout() error { return nil }

// certificate makes one for 127.0.0.1 and what verifies it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// serve starts a mail server and returns who sends through it.
func serve(t *testing.T, s *sink, withTLS bool) *mail.Sender {
	t.Helper()
	srv := smtp.NewServer(s)
	cert, pool := certificate(t)
	if withTLS {
		srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { srv.Close(); <-done })
	return &mail.Sender{RootCAs: pool, Settings: config.SMTP{Address: l.Addr().String(), User: s.user, Password: s.password, From: "Plumbline <plumbline@example.com>", TLS: "starttls"}}
}

func TestMailGoesOutEncryptedAndWithLogin(t *testing.T) {
	s := &sink{user: "plumbline", password: "p4ss"}
	sender := serve(t, s, true)
	m := mail.Message{To: []string{"ops@example.com", "dev@example.com"}, Subject: "drift\r\nBcc: evil@example.com", Text: "It drifts ü.", HTML: mail.HTML("It **drifts**.")}
	if err := sender.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if len(s.mail) != 1 || s.mail[0].login != "plumbline" || s.mail[0].from != "plumbline@example.com" || len(s.mail[0].to) != 2 {
		t.Fatalf("received = %+v, want one mail of a login to two", s.mail)
	}
	got, err := stdmail.ReadMessage(strings.NewReader(s.mail[0].data))
	if err != nil {
		t.Fatal(err)
	}
	if got.Header.Get("Bcc") != "" || got.Header.Get("Subject") != "drift Bcc: evil@example.com" {
		t.Errorf("headers = %v, want the subject on one line", got.Header)
	}
	if !strings.Contains(got.Header.Get("Content-Type"), "multipart/alternative") || !strings.Contains(s.mail[0].data, "<strong>drifts</strong>") {
		t.Errorf("mail = %s, want text and HTML", s.mail[0].data)
	}
}

func TestMailIsNotSentInTheClear(t *testing.T) {
	s := &sink{user: "plumbline", password: "p4ss"}
	sender := serve(t, s, false)
	if err := sender.Send(t.Context(), mail.Message{To: []string{"a@example.com"}, Text: "x"}); err == nil || len(s.mail) != 0 {
		t.Errorf("Send without STARTTLS = %v with %d mails, want an error and none", err, len(s.mail))
	}
}

func TestWrongPasswordIsNotTold(t *testing.T) {
	s := &sink{user: "plumbline", password: "p4ss"}
	sender := serve(t, s, true)
	sender.Settings.Password = "planted-secret"
	err := sender.Send(t.Context(), mail.Message{To: []string{"a@example.com"}, Text: "x"})
	if err == nil || strings.Contains(err.Error(), "planted") {
		t.Errorf("Send = %v, want an error without the password", err)
	}
}

func TestRefusedRecipients(t *testing.T) {
	s := &sink{refuse: &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}}
	sender := serve(t, s, true)
	err := sender.Send(t.Context(), mail.Message{To: []string{"nobody@example.com"}, Text: "x"})
	if _, ok := errors.AsType[mail.Refused](err); !ok || !strings.Contains(err.Error(), "no such user") {
		t.Errorf("Send = %v, want it refused in the words of the mail server", err)
	}
	s.refuse = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 0, 0}, Message: "later"}
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

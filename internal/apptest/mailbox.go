package apptest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"plumbline.dev/plumbline/internal/kernel/config"
)

// Mailbox is a mail server that keeps what it is given. It wants a login and, unless it was
// told otherwise, STARTTLS first.
type Mailbox struct {
	Settings config.SMTP    // with which to send
	RootCAs  *x509.CertPool // what verifies it
	Refuse   error          // to every recipient

	mu   sync.Mutex
	mail []Mail
}

// Mail is a mail as it was given to the server.
type Mail struct {
	From, Login string
	To          []string
	Data        string
}

// NewMailbox starts a mail server.
func NewMailbox(t testing.TB, withTLS bool) *Mailbox {
	t.Helper()
	b := &Mailbox{}
	srv := smtp.NewServer(b)
	cert, pool := certificate(t)
	if withTLS {
		srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it ends with the test
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); <-done })
	b.RootCAs = pool
	b.Settings = config.SMTP{Address: l.Addr().String(), User: "plumbline", Password: "p4ss", From: "Plumbline <plumbline@example.com>", TLS: "starttls"}
	return b
}

// Take returns the mail that has come since the last call.
func (b *Mailbox) Take() []Mail {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := slices.Clone(b.mail)
	b.mail = nil
	return out
}

// NewSession implements smtp.Backend.
func (b *Mailbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{box: b}, nil }

type session struct {
	box  *Mailbox
	mail Mail
}

// AuthMechanisms implements smtp.AuthSession.
func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

// Auth implements smtp.AuthSession.
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "plumbline" || password != "p4ss" {
			return errors.New("wrong name or password")
		}
		s.mail.Login = user
		return nil
	}), nil
}

// Mail implements smtp.Session.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.mail.Login == "" {
		return smtp.ErrAuthRequired
	}
	s.mail.From = from
	return nil
}

// Rcpt implements smtp.Session.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.To = append(s.mail.To, to)
	return s.box.Refuse
}

// Data implements smtp.Session.
func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	s.mail.Data = string(raw)
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	s.box.mail = append(s.box.mail, s.mail)
	return err
}

// Reset implements smtp.Session.
func (s *session) Reset() { s.mail = Mail{Login: s.mail.Login} }

// Logout implements smtp.Session.
func (s *session) Logout() error { return nil }

// certificate makes one for 127.0.0.1 and what verifies it.
func certificate(t testing.TB) (tls.Certificate, *x509.CertPool) {
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

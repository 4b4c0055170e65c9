// Package mail gives mail to the mail server that the operator named. There is none by
// default: Missing then names the setting, for whoever wants to send.
//
// The surprising rule: without TLS nothing is sent unless the operator has switched it off;
// a server that does not offer STARTTLS is refused, not spoken to in the clear.
package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"plumbline.dev/plumbline/internal/kernel/config"
)

// Message is a mail.
type Message struct {
	To      []string // addresses, without names
	Subject string   // line breaks are taken out
	Text    string
	HTML    string // "" is none; it must be safe, such as what HTML made
}

// Sender sends mail as the settings say.
type Sender struct {
	Settings config.SMTP
	// RootCAs verifies the mail server; nil is the system's.
	RootCAs *x509.CertPool
	// Forbidden reports that the network must not be reached, such as inside a transaction.
	Forbidden func(ctx context.Context) bool
}

// Limits of a mail.
const (
	MaxRecipients = 50
	MaxSubject    = 200 // characters
	timeout       = 30 * time.Second
)

// Missing names the setting without which no mail can be sent, "" if all is there.
func (s *Sender) Missing() string {
	switch {
	case s.Settings.Address == "":
		return "--smtp-address (PLUMBLINE_SMTP_ADDRESS)"
	case s.Settings.From == "":
		return "--smtp-from (PLUMBLINE_SMTP_FROM)"
	case s.Settings.User != "" && s.Settings.Password == "":
		return "--smtp-password (PLUMBLINE_SMTP_PASSWORD)"
	}
	return ""
}

// Unset is the error of a server whose operator has named no mail server.
type Unset struct{ Setting string }

// Error implements error.
func (u Unset) Error() string {
	return "The server cannot send mail: its operator has not set " + u.Setting + "."
}

// Refused is the mail server's word that it will never take a mail: trying again is no use.
type Refused struct{ Err error }

// Error implements error.
func (r Refused) Error() string { return "the mail server refuses the mail: " + r.Err.Error() }

// Unwrap implements errors.Unwrap.
func (r Refused) Unwrap() error { return r.Err }

// Send gives a mail to the mail server. The error is Unset, Refused, or one that may pass.
func (s *Sender) Send(ctx context.Context, m Message) error {
	if s.Forbidden != nil && s.Forbidden(ctx) {
		panic("mail: sent where the network is forbidden")
	}
	if missing := s.Missing(); missing != "" {
		return Unset{missing}
	}
	msg, err := s.message(m)
	if err != nil {
		return Refused{err}
	}
	client, err := s.client()
	if err != nil {
		return err
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if sent, ok := errors.AsType[*gomail.SendError](err); ok && !sent.IsTemp() && sent.ErrorCode() >= 500 {
		return Refused{err}
	}
	if err != nil {
		return fmt.Errorf("sending mail by %s: %w", s.Settings.Address, err)
	}
	return nil
}

func (s *Sender) message(m Message) (*gomail.Msg, error) {
	if len(m.To) == 0 || len(m.To) > MaxRecipients {
		return nil, fmt.Errorf("a mail has 1 to %d recipients, not %d", MaxRecipients, len(m.To))
	}
	msg := gomail.NewMsg()
	if err := msg.From(s.Settings.From); err != nil {
		return nil, fmt.Errorf("--smtp-from: %w", err)
	}
	if err := msg.To(m.To...); err != nil {
		return nil, err
	}
	msg.Subject(Line(m.Subject, MaxSubject))
	msg.SetDate()
	msg.SetMessageID()
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no vacation answers
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	return msg, nil
}

func (s *Sender) client() (*gomail.Client, error) {
	host, port, err := net.SplitHostPort(s.Settings.Address)
	if err != nil {
		return nil, fmt.Errorf("--smtp-address: %w", err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("--smtp-address: %q is no port", port)
	}
	o := []gomail.Option{gomail.WithPort(number), gomail.WithTimeout(timeout),
		gomail.WithTLSConfig(&tls.Config{ServerName: host, RootCAs: s.RootCAs, MinVersion: tls.VersionTLS12})}
	switch s.Settings.TLS {
	case "implicit":
		o = append(o, gomail.WithSSL())
	case "off":
		o = append(o, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		o = append(o, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.Settings.User != "" {
		o = append(o, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(s.Settings.User), gomail.WithPassword(s.Settings.Password))
	}
	return gomail.NewClient(host, o...)
}

// Line makes one line of s, of at most max characters.
func Line(s string, max int) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 }), " ")
	if r := []rune(s); len(r) > max {
		return string(r[:max-1]) + "…"
	}
	return s
}

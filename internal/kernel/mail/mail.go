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
	// Chosen returns settings that are used instead, false if there are none. Nil has none ever.
	Chosen func(ctx context.Context) (config.SMTP, bool, error)
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

// missing names the setting without which no mail can be sent, "" if all is there.
func missing(c config.SMTP) string {
	switch {
	case c.Address == "":
		return "--smtp-address (PLUMBLINE_SMTP_ADDRESS)"
	case c.From == "":
		return "--smtp-from (PLUMBLINE_SMTP_FROM)"
	case c.User != "" && c.Password == "":
		return "--smtp-password (PLUMBLINE_SMTP_PASSWORD)"
	}
	return ""
}

// Unset is the error of a server whose operator has named no mail server.
type Unset struct{ Setting string }

// Error implements error.
func (u Unset) Error() string {
	return "The server cannot send mail: its operator has not set " + u.Setting + ", nor a site administrator a mail server."
}

// Refused is the mail server's word that it will never take a mail: trying again is no use.
type Refused struct{ Err error }

// Error implements error.
func (r Refused) Error() string { return "the mail server refuses the mail: " + r.Err.Error() }

// Unwrap implements errors.Unwrap.
func (r Refused) Unwrap() error { return r.Err }

// Send gives a mail to the mail server. The error is Unset, Refused, or one that may pass.
func (s *Sender) Send(ctx context.Context, m Message) error {
	c := s.Settings
	if s.Chosen != nil {
		chosen, ok, err := s.Chosen(ctx)
		if err != nil {
			return err
		}
		if ok {
			c = chosen
		}
	}
	return s.SendBy(ctx, c, m)
}

// SendBy is Send with other settings, such as ones that are tried before they count.
func (s *Sender) SendBy(ctx context.Context, c config.SMTP, m Message) error {
	if s.Forbidden != nil && s.Forbidden(ctx) {
		panic("mail: sent where the network is forbidden")
	}
	if name := missing(c); name != "" {
		return Unset{name}
	}
	msg, err := message(c, m)
	if err != nil {
		return Refused{err}
	}
	client, err := s.client(c)
	if err != nil {
		return err
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if sent, ok := errors.AsType[*gomail.SendError](err); ok && !sent.IsTemp() && sent.ErrorCode() >= 500 {
		return Refused{err}
	}
	if err != nil {
		return fmt.Errorf("sending mail by %s: %w", c.Address, err)
	}
	return nil
}

func message(c config.SMTP, m Message) (*gomail.Msg, error) {
	if len(m.To) == 0 || len(m.To) > MaxRecipients {
		return nil, fmt.Errorf("a mail has 1 to %d recipients, not %d", MaxRecipients, len(m.To))
	}
	msg := gomail.NewMsg()
	if err := msg.From(c.From); err != nil {
		return nil, fmt.Errorf("the sender %q: %w", c.From, err)
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

func (s *Sender) client(c config.SMTP) (*gomail.Client, error) {
	host, port, err := net.SplitHostPort(c.Address)
	if err != nil {
		return nil, fmt.Errorf("--smtp-address: %w", err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("--smtp-address: %q is no port", port)
	}
	o := []gomail.Option{gomail.WithPort(number), gomail.WithTimeout(timeout),
		gomail.WithTLSConfig(&tls.Config{ServerName: host, RootCAs: s.RootCAs, MinVersion: tls.VersionTLS12})}
	switch c.TLS {
	case "implicit":
		o = append(o, gomail.WithSSL())
	case "off":
		o = append(o, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		o = append(o, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if c.User != "" {
		how := gomail.SMTPAuthAutoDiscover
		switch c.Auth {
		case "plain":
			how = gomail.SMTPAuthPlain
		case "login":
			how = gomail.SMTPAuthLogin
		}
		o = append(o, gomail.WithSMTPAuth(how), gomail.WithUsername(c.User), gomail.WithPassword(c.Password))
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

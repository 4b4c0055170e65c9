package site

import (
	"cmp"
	"context"
	"errors"
	"net"
	stdmail "net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/mail"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// smtp is the mail server of the settings.
type smtp struct {
	Enabled  bool   `json:"enabled,omitempty"`
	Host     string `json:"host,omitempty"`
	Port     int    `json:"port,omitempty"`
	Sender   string `json:"sender,omitempty"`
	Auth     string `json:"auth,omitempty"` // none, plain, login; "" is none
	Username string `json:"username,omitempty"`
	TLS      string `json:"tls,omitempty"` // as config.SMTP has it; "" is starttls

	password string // in the clear
	by       string // who mail goes by now: settings, options, or "" for nobody
}

// Scope implements authz.Scoped: the site.
func (smtp) Scope() authz.Scope { return authz.Scope{} }

const (
	smtpID   = "smtp"
	smtpPath = "/admin/smtp-settings"
	smtpPort = 587         // of submission (RFC 6409)
	owner    = "site"      // of what is sealed here
	smtpAAD  = "site:smtp" // where the sealed password lies
)

func (f *Feature) smtpRoutes(r *api.Router) {
	api.Type(r, "smtp-settings", authz.SiteAdmin, nil, viewSMTP)
	api.Show(r, smtpPath, authz.SiteAdmin, api.Site, f.showSMTP)
	api.UpdateOf(r, smtpPath, authz.SiteAdmin, api.Site, f.updateSMTP, api.Before(f.trySMTP))
}

type smtpAttributes struct {
	Enabled     bool   `json:"enabled"`
	Host        string `json:"host"`
	Port        int    `json:"port"`
	Sender      string `json:"sender"`
	Auth        string `json:"auth"`
	Username    string `json:"username"`
	TLS         string `json:"tls"`          // ours
	HasPassword bool   `json:"has-password"` // ours
	By          string `json:"mail-goes-by"` // ours: settings, options; "" is nobody
}

func viewSMTP(_ context.Context, s smtp) jsonapi.Resource {
	return jsonapi.Resource{Type: "smtp-settings", ID: smtpID, Attributes: smtpAttributes{Enabled: s.Enabled, Host: s.Host, Port: cmp.Or(s.Port, smtpPort),
		Sender: s.Sender, Auth: s.auth(), Username: s.Username, TLS: s.tls(), HasPassword: s.password != "", By: s.by}}
}

func (s smtp) auth() string { return cmp.Or(s.Auth, "none") }

func (s smtp) tls() string { return cmp.Or(s.TLS, "starttls") }

// smtpRequest is what can be set. The password is only ever received, and the address of the test
// mail is not kept.
type smtpRequest struct {
	Enabled  jsonapi.Opt[bool]         `json:"enabled"`
	Host     jsonapi.Opt[string]       `json:"host"`
	Port     jsonapi.Opt[int]          `json:"port"`
	Sender   jsonapi.Opt[string]       `json:"sender"`
	Auth     jsonapi.Opt[string]       `json:"auth"`
	Username jsonapi.Opt[string]       `json:"username"`
	Password jsonapi.Opt[crypt.Secret] `json:"password"`
	TLS      jsonapi.Opt[string]       `json:"tls"`
	Test     jsonapi.Opt[string]       `json:"test-email-address"`
}

func (f *Feature) showSMTP(ctx context.Context, _ authz.Site) (smtp, error) {
	_, s, err := f.smtp(ctx, "")
	return s, err
}

// smtp reads the mail server and its password; suffix locks the row.
func (f *Feature) smtp(ctx context.Context, suffix string) (row[smtp], smtp, error) {
	r, err := one[smtp](ctx, f, smtpID, suffix)
	if err != nil {
		return r, smtp{}, err
	}
	s, err := f.opened(ctx, r)
	return r, s, err
}

// opened is the mail server of a row, with its password.
func (f *Feature) opened(ctx context.Context, r row[smtp]) (smtp, error) {
	s := r.Chosen.V
	password, err := f.Keyring.OpenText(ctx, owner, r.Secret, smtpAAD)
	s.password = password.Reveal()
	return f.inUse(s), err
}

// inUse is s with who mail goes by.
func (f *Feature) inUse(s smtp) smtp {
	s.by = ""
	switch {
	case s.Enabled:
		s.by = "settings"
	case f.Mail.Settings.Address != "":
		s.by = "options"
	}
	return s
}

// with is s as a request changes it. A password goes to the server that it was given for only, so
// it must be given again if that changes.
func (s smtp) with(a smtpRequest) (smtp, error) {
	before := s
	a.Enabled.Into(&s.Enabled)
	a.Host.Into(&s.Host)
	a.Port.Into(&s.Port)
	a.Sender.Into(&s.Sender)
	a.Auth.Into(&s.Auth)
	a.Username.Into(&s.Username)
	a.TLS.Into(&s.TLS)
	if a.Password.Set {
		s.password = a.Password.V.Reveal()
	}
	moved := s.Host != before.Host || s.Port != before.Port || s.tls() != before.tls()
	if moved && !a.Password.Set && s.password != "" {
		s.password = ""
		if s.auth() != "none" {
			return s, problem.Invalid("password", "Give the password again: the server that it is sent to changes")
		}
	}
	return s, s.check(a.Test.V)
}

// hostForm is a host name or an IP address, without a port.
var hostForm = regexp.MustCompile(`^([A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$`)

func (s smtp) check(test string) error {
	var bad []*problem.Problem
	refuse := func(wrong bool, attribute, format string, args ...any) {
		if wrong {
			bad = append(bad, problem.Invalid(attribute, format, args...))
		}
	}
	logsIn := s.auth() != "none"
	refuse(!slices.Contains([]string{"none", "plain", "login"}, s.auth()), "auth", "Auth is not included in the list: none, plain, login")
	refuse(!slices.Contains([]string{"starttls", "implicit", "off"}, s.tls()), "tls", "Tls is not included in the list: starttls, implicit, off")
	refuse(s.Host != "" && !hostForm.MatchString(s.Host), "host", "Host must be the name or address of a mail server, without its port")
	refuse(s.Port < 0 || s.Port > 65535, "port", "Port must be from 1 to 65535")
	refuse(s.Sender != "" && !isAddress(s.Sender), "sender", "Sender must be an email address, such as plumbline@example.com")
	refuse(len(s.Username) > 500 || strings.ContainsAny(s.Username, "\r\n\x00"), "username", "Username must be one line of at most 500 characters")
	refuse(len(s.password) > 1000 || strings.ContainsAny(s.password, "\r\n\x00"), "password", "Password must be one line of at most 1000 characters")
	refuse(test != "" && !isAddress(test), "test-email-address", "Test email address must be an email address")
	if s.Enabled {
		refuse(s.Host == "", "host", "Host can't be blank when mail is enabled")
		refuse(s.Sender == "", "sender", "Sender can't be blank when mail is enabled")
		refuse(logsIn && s.Username == "", "username", "Username can't be blank when auth is %s", s.auth())
		refuse(logsIn && s.password == "", "password", "Password can't be blank when auth is %s", s.auth())
		refuse(logsIn && s.tls() == "off", "auth", "Auth must be none when tls is off: everybody on the way could read the password")
	}
	return problem.All(bad...)
}

func isAddress(s string) bool {
	_, err := stdmail.ParseAddress(s)
	return err == nil && len(s) <= 320 && !strings.ContainsAny(s, "\r\n\x00")
}

// settings are s as whoever sends mail wants them.
func (s smtp) settings() config.SMTP {
	c := config.SMTP{Address: net.JoinHostPort(s.Host, strconv.Itoa(cmp.Or(s.Port, smtpPort))), From: s.Sender, TLS: s.tls()}
	if s.auth() != "none" {
		c.Auth, c.User, c.Password = s.auth(), s.Username, s.password
	}
	return c
}

// trySMTP sends the test mail that a request asks for, outside of its transaction.
func (f *Feature) trySMTP(ctx context.Context, _ authz.Site, in jsonapi.In[smtpRequest]) (context.Context, error) {
	a := in.Data.Attributes
	if a.Test.V == "" {
		return ctx, nil
	}
	_, before, err := f.smtp(ctx, "")
	if err != nil {
		return ctx, err
	}
	s, err := before.with(a)
	if err != nil || !s.Enabled {
		return ctx, err
	}
	err = f.Mail.SendBy(ctx, s.settings(), mail.Message{To: []string{a.Test.V}, Subject: "Mail from Plumbline works",
		Text: "A site administrator has tried the mail settings of this server. It needs no answer.\n"})
	if err != nil {
		return ctx, problem.Invalid("test-email-address", "The test mail was not sent, and nothing is changed: %s", saying(err, s.password))
	}
	return ctx, nil
}

// saying is what a mail server said, without the password in case that it repeats it.
func saying(err error, password string) string {
	if refused, ok := errors.AsType[mail.Refused](err); ok {
		err = refused.Err
	}
	text := err.Error()
	if password != "" {
		text = strings.ReplaceAll(text, password, "…")
	}
	return mail.Line(strings.ToValidUTF8(text, "?"), 500)
}

func (f *Feature) updateSMTP(ctx context.Context, _ authz.Site, in jsonapi.In[smtpRequest]) (smtp, error) {
	r, before, err := f.smtp(ctx, f.DB.ForUpdate())
	if err != nil {
		return before, err
	}
	s, err := before.with(in.Data.Attributes)
	if err != nil {
		return s, err
	}
	r.Chosen = db.AsJSON(s)
	if r.Secret, err = f.Keyring.SealText(ctx, owner, s.password, smtpAAD); err != nil {
		return s, err
	}
	return f.inUse(s), store(ctx, f, r)
}

// MailServer returns the mail server that site administrators have enabled, with its password;
// false if they have not.
func (f *Feature) MailServer(ctx context.Context) (config.SMTP, bool, error) {
	r, err := one[smtp](ctx, f, smtpID, "")
	if err != nil || !r.Chosen.V.Enabled {
		return config.SMTP{}, false, err
	}
	s, err := f.opened(ctx, r)
	return s.settings(), err == nil, err
}

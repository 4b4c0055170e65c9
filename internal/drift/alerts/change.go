package alerts

import (
	"context"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"plumbline.dev/plumbline/internal/drift/verbs"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	kmail "plumbline.dev/plumbline/internal/kernel/mail"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// request is what clients say of an alert.
type request struct {
	Name        jsonapi.Opt[string]       `json:"name"`
	Type        jsonapi.Opt[string]       `json:"type"`
	URL         jsonapi.Opt[crypt.Secret] `json:"url"`
	Headers     jsonapi.Opt[crypt.Secret] `json:"headers"` // one "Name: value" a line
	Secret      jsonapi.Opt[crypt.Secret] `json:"secret"`  // signs what is posted, or is the key of PagerDuty and Opsgenie
	Recipients  jsonapi.Opt[addresses]    `json:"recipients"`
	Subject     jsonapi.Opt[string]       `json:"subject"`
	Body        jsonapi.Opt[string]       `json:"body"`
	MinSeverity jsonapi.Opt[string]       `json:"min-severity"`
	Digest      jsonapi.Opt[string]       `json:"digest"`
}

// addresses are mail addresses: a list, or a text that commas, semicolons or blanks divide.
type addresses []string

// UnmarshalJSON implements json.Unmarshaler.
func (a *addresses) UnmarshalJSON(raw []byte) error {
	var list verbs.List
	if err := list.UnmarshalJSON(raw); err != nil {
		return err
	}
	*a = nil
	for _, s := range list {
		*a = append(*a, strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(",; \t\r\n", r) })...)
	}
	return nil
}

// Limits of an alert.
const (
	maxName    = 255
	maxURL     = 4096
	maxSecret  = 1024
	maxSubject = 1000
	maxBody    = 64 << 10
)

var types = []string{Post, Mail, GitHubIssue, GitLabIssue, Slack, Teams, PagerDuty, Opsgenie, Service}

// severities are the choices of a least severity, "" is every one.
var severities = []string{"", "info", "low", "medium", "high", "critical"}

// newAlert is an alert that apply makes something of.
func newAlert(orgID string) Alert {
	now := db.Now()
	return Alert{ID: verbs.NewID(), OrgID: orgID, CreatedAt: now, UpdatedAt: now}
}

// apply takes in what clients say. What they leave out stays, but for secrets that would go
// to another host than they were given for.
func (f *Feature) apply(ctx context.Context, a *Alert, in request) error {
	before := a.Type
	in.Type.Into(&a.Type)
	if !slices.Contains(types, a.Type) {
		return problem.Invalid("type", "Type must be one of %s", strings.Join(types, ", "))
	}
	if before != "" && before != a.Type {
		a.SealedURL, a.SealedHeaders, a.SealedSecret, a.Recipients.V = nil, nil, nil, nil
	}
	in.Subject.Into(&a.Subject)
	in.Body.Into(&a.Body)
	in.MinSeverity.Into(&a.MinSeverity)
	in.Digest.Into(&a.Digest)
	if err := problem.All(a.rename(in.Name), a.checkTexts(), a.setRecipients(in.Recipients)); err != nil {
		return err
	}
	if err := f.setURL(ctx, a, in.URL); err != nil {
		return err
	}
	if err := f.setHeaders(ctx, a, in.Headers); err != nil {
		return err
	}
	return f.setSecret(ctx, a, in.Secret)
}

func (a *Alert) rename(name jsonapi.Opt[string]) *problem.Problem {
	name.Into(&a.Name)
	a.Name = strings.TrimSpace(a.Name)
	switch {
	case a.Name == "":
		return problem.Invalid("name", "Name can't be blank").WithCode("field_required")
	case utf8.RuneCountInString(a.Name) > maxName:
		return problem.Invalid("name", "Name is too long (maximum is %d characters)", maxName)
	}
	return nil
}

func (a *Alert) checkTexts() *problem.Problem {
	switch {
	case utf8.RuneCountInString(a.Subject) > maxSubject:
		return problem.Invalid("subject", "Subject is too long (maximum is %d characters)", maxSubject)
	case len(a.Body) > maxBody:
		return problem.Invalid("body", "Body is too long (maximum is %d bytes)", maxBody)
	case !slices.Contains(severities, a.MinSeverity):
		return problem.Invalid("min-severity", "Min severity must be one of info, low, medium, high, critical")
	case a.Digest != "" && a.Digest != perScan && a.Digest != perDay:
		return problem.Invalid("digest", "Digest must be scan, daily or nothing")
	case a.Digest != "" && a.single():
		return problem.Invalid("digest", "There is no digest for the type %s, which keeps one for each folder", a.Type)
	}
	return nil
}

func (a *Alert) setRecipients(in jsonapi.Opt[addresses]) *problem.Problem {
	if a.Type != Mail {
		a.Recipients.V = nil
		return nil
	}
	if in.Set {
		a.Recipients.V = in.V
	}
	switch n := len(a.Recipients.V); {
	case n == 0:
		return problem.Invalid("recipients", "Recipients can't be blank").WithCode("field_required")
	case n > kmail.MaxRecipients:
		return problem.Invalid("recipients", "Recipients are too many (maximum is %d)", kmail.MaxRecipients)
	}
	for _, r := range a.Recipients.V {
		if at, err := mail.ParseAddress(r); err != nil || at.Address != r || len(r) > 254 {
			return problem.Invalid("recipients", "Recipients has %q, which is no mail address", cut(r, 100))
		}
	}
	return nil
}

// setURL checks and seals the address. A change of its host takes the headers and the secret
// away, which were given for the other one.
func (f *Feature) setURL(ctx context.Context, a *Alert, in jsonapi.Opt[crypt.Secret]) error {
	if a.Type == Mail || a.Issues() {
		a.SealedURL = nil
		return nil
	}
	if !in.Set && len(a.SealedURL) > 0 {
		return nil
	}
	address := strings.TrimSpace(in.V.Reveal())
	if address == "" {
		address = pagers[a.Type].base
	}
	switch {
	case address == "":
		return problem.Invalid("url", "URL can't be blank").WithCode("field_required")
	case len(address) > maxURL:
		return problem.Invalid("url", "URL is too long (maximum is %d bytes)", maxURL)
	}
	if err := f.checkURL(*a, address); err != nil {
		return err
	}
	old, err := f.open(ctx, *a, a.SealedURL, "url")
	if err != nil {
		return err
	}
	if old != "" && hostOf(old.Reveal()) != hostOf(address) {
		a.SealedHeaders, a.SealedSecret = nil, nil
	}
	a.SealedURL, err = f.seal(ctx, *a, address, "url")
	return err
}

func (f *Feature) checkURL(a Alert, address string) error {
	if a.Type == Service {
		if _, err := callsOf(address, Event{}, message{}); err != nil {
			return problem.Invalid("url", "%s", sentence(err))
		}
		return nil
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return problem.Invalid("url", "URL must begin with https:// and name a host")
	case u.Scheme == "http" && !f.AllowHTTP:
		return problem.Invalid("url", "URL must begin with https://; the operator may allow http with --outbound-http")
	}
	return nil
}

func sentence(err error) string {
	s := err.Error()
	return strings.ToUpper(s[:1]) + s[1:]
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func (f *Feature) setHeaders(ctx context.Context, a *Alert, in jsonapi.Opt[crypt.Secret]) error {
	if !in.Set {
		return nil
	}
	if a.Type != Post && strings.TrimSpace(in.V.Reveal()) != "" {
		return problem.Invalid("headers", "Headers are for the type %s", Post)
	}
	if _, err := parseHeaders(in.V.Reveal()); err != nil {
		return problem.Invalid("headers", "%s", sentence(err))
	}
	var err error
	a.SealedHeaders, err = f.seal(ctx, *a, strings.TrimSpace(in.V.Reveal()), "headers")
	return err
}

func (f *Feature) setSecret(ctx context.Context, a *Alert, in jsonapi.Opt[crypt.Secret]) error {
	if a.pages() && (in.Set && in.V == "" || !in.Set && len(a.SealedSecret) == 0) {
		return problem.Invalid("secret", "Secret can't be blank: it is the %s", pagers[a.Type].key).WithCode("field_required")
	}
	if !in.Set {
		return nil
	}
	if len(in.V) > maxSecret {
		return problem.Invalid("secret", "Secret is too long (maximum is %d bytes)", maxSecret)
	}
	if a.Type != Post && !a.pages() && in.V != "" {
		return problem.Invalid("secret", "Secret is for the types %s, %s and %s", Post, PagerDuty, Opsgenie)
	}
	var err error
	a.SealedSecret, err = f.seal(ctx, *a, in.V.Reveal(), "secret")
	return err
}

// store writes an alert that apply has filled in, in a transaction.
func (f *Feature) store(ctx context.Context, a Alert, isNew bool) error {
	if isNew {
		return f.DB.Insert(ctx, "drift_alerts", a)
	}
	a.UpdatedAt = db.Now()
	return f.DB.Update(ctx, "drift_alerts", a, "name", "type", "url", "headers", "secret", "recipients", "subject", "body", "min_severity", "digest", "updated_at")
}

// remove deletes an alert, in a transaction. Schedules that use it forbid that, unless force takes
// it out of them.
func (f *Feature) remove(ctx context.Context, a Alert, force bool) error {
	if f.InUse != nil {
		use := verbs.Use{Schedules: f.InUse, End: f.Drop, Refusal: "The alert is used by the schedules %s. Take it out of them first, or say force."}
		if err := use.Free(ctx, a.ID, force); err != nil {
			return err
		}
	}
	return f.DB.Delete(ctx, "drift_alerts", a.ID)
}

// Try sends a message with sample values, and notes what becomes of it. Issues need the repository
// to make one in; it is closed at once. The error is the outcome, for people to read.
func (f *Feature) Try(ctx context.Context, a Alert, repositoryID string) error {
	failed := f.try(ctx, a, repositoryID)
	e := sample(a, f.now())
	e.RepositoryID = repositoryID
	d, err := f.delivery(ctx, e)
	if err != nil {
		return err
	}
	now := db.At(f.now())
	d.Status, d.Attempts, d.NextAttemptAt, d.FinishedAt = sent, 1, nil, &now
	if failed != nil {
		d.Status, d.Error = dead, told(failed)
	}
	err = f.DB.Tx(ctx, func(ctx context.Context) error {
		if n, err := f.insert(ctx, d); err != nil || n == 0 {
			return err
		}
		return f.mark(ctx, a, d.Status)
	})
	if err != nil {
		return err
	}
	if failed != nil {
		return tried{told(failed)}
	}
	return nil
}

// tried is the outcome of a test that did not go well.
type tried struct{ why string }

// Error implements error.
func (t tried) Error() string { return t.why }

func (f *Feature) try(ctx context.Context, a Alert, repositoryID string) error {
	e := sample(a, f.now())
	if a.Issues() {
		e.RepositoryID = repositoryID
		return f.tryIssue(ctx, a, e)
	}
	m, err := f.words(ctx, a, e)
	if err != nil {
		return err
	}
	return f.channel(ctx, a, e, m)
}

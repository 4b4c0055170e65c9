// Package alerts tells people of drift: by webhook, mail, chat, or an issue in the
// repository. It is told of events by the scans (Raise) and sends what is news, once.
//
// The surprising rule: an alert is of an episode, not of a scan. A folder that drifts all
// week is told once, told again when it drifts otherwise or worse, and its end is told only
// to those who heard of its beginning.
package alerts

import (
	"context"
	"time"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/mail"
	"plumbline.dev/plumbline/internal/kernel/safehttp"
)

// Types of alerts.
const (
	Post        = "other" // an HTTP request
	Mail        = "email"
	GitHubIssue = "github-issue"
	GitLabIssue = "gitlab-issue"
	Slack       = "slack"
	Teams       = "teams"
	PagerDuty   = "pagerduty"
	Opsgenie    = "opsgenie"
	Service     = "shoutrrr" // a service by its URL, see services
)

// Digests of an alert; "" tells of every folder by itself.
const (
	perScan = "scan"  // all folders that a schedule scans together
	perDay  = "daily" // everything since the day before, at digestHour
)

// Alert is where events are sent, and in which words.
type Alert struct {
	ID            string            `db:"id"`
	OrgID         string            `db:"org_id"`
	Name          string            `db:"name"`
	Type          string            `db:"type"`
	SealedURL     []byte            `db:"url"`
	SealedHeaders []byte            `db:"headers"`
	SealedSecret  []byte            `db:"secret"`
	Recipients    db.JSON[[]string] `db:"recipients"`
	Subject       string            `db:"subject"`      // "" is the default
	Body          string            `db:"body"`         // "" is the default
	MinSeverity   string            `db:"min_severity"` // "" is every severity
	Digest        string            `db:"digest"`       // "", scan, daily
	LastSentAt    *db.Time          `db:"last_sent_at"`
	LastStatus    string            `db:"last_status"` // "" (never), sent, failed
	CreatedAt     db.Time           `db:"created_at"`
	UpdatedAt     db.Time           `db:"updated_at"`

	OrgName     string `db:"org_name,extra"`
	DeadLetters int    `db:"dead_letters,extra"` // deliveries that nobody has sent again
	shown       shown
}

// shown is what clients may see of what is sealed.
type shown struct {
	url     string
	headers []string // names
}

const selectAlerts = `SELECT {a}, o.name AS org_name, COALESCE(l.n, 0) AS dead_letters FROM drift_alerts a JOIN organizations o ON o.id = a.org_id
	LEFT JOIN (SELECT alert_id, COUNT(*) AS n FROM drift_alert_deliveries WHERE status = 'dead' AND event <> 'test' GROUP BY alert_id) l ON l.alert_id = a.id`

// Scope implements authz.Scoped.
func (a Alert) Scope() authz.Scope { return authz.Scope{Org: a.OrgID} }

// Issues reports whether the alert keeps issues, for which a repository needs a token.
func (a Alert) Issues() bool { return a.Type == GitHubIssue || a.Type == GitLabIssue }

// pages reports whether the alert opens incidents, which end by themselves.
func (a Alert) pages() bool { return a.Type == PagerDuty || a.Type == Opsgenie }

// single reports whether what the alert makes of a folder is kept until the drift ends, so that it
// cannot be about several folders.
func (a Alert) single() bool { return a.Issues() || a.pages() }

// Target is a repository whose issues an alert keeps.
type Target struct {
	Kind     string // github, gitlab
	API      string // base address, such as "https://api.github.com" or "https://git.example.com/api/v4"
	FullName string // such as "acme/infra"
	Token    crypt.Secret
}

// Feature keeps alerts and sends them.
type Feature struct {
	DB      *db.DB
	Keyring *crypt.Keyring
	Jobs    *jobs.Queue
	Bus     *events.Bus // hears of deliveries
	Orgs    *orgs.Feature
	Mail    *mail.Sender
	HTTP    *safehttp.Client
	// AllowHTTP takes http URLs; HTTP must allow them too.
	AllowHTTP bool

	// Target finds the repository of a schedule, for issues; problem.NotFound if it is gone.
	Target func(ctx context.Context, repositoryID string) (Target, error)
	// Snooze returns the link that silences a folder of a schedule for a number of days.
	Snooze func(scheduleID, folder string, days int) string
	// Admins returns the mail addresses of those who own an organization.
	Admins func(ctx context.Context, orgID string) ([]string, error)
	// ScanURL returns where a scan is shown.
	ScanURL func(ctx context.Context, e Event) string
	// TimeZone returns the IANA name of the organization's time zone.
	TimeZone func(ctx context.Context, orgID string) (string, error)
	// InUse returns the schedules that name an alert, and Drop takes it out of them.
	InUse func(ctx context.Context, alertID string) ([]string, error)
	Drop  func(ctx context.Context, alertID string) error
	// RepositoryIn is problem.NotFound if a repository is not of the organization.
	RepositoryIn func(ctx context.Context, orgID, repositoryID string) error
	// RepositoryOf returns the repository of the first schedule that names an alert, "" if
	// there is none.
	RepositoryOf func(ctx context.Context, alertID string) (string, error)
	// Told hears of each try to tell something, by the type of the alert: sent, dead,
	// superseded, or retried; nil wants to hear nothing.
	Told func(alertType, result string)
	// Sent is called, in its transaction, of a message of an episode that went out, or did not
	// for good.
	Sent func(ctx context.Context, a Alert, d Delivery, out bool) error
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Find returns the alert with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Alert, error) {
	return db.One[Alert](ctx, f.DB, selectAlerts+` WHERE a.id = ?`, id)
}

// Of returns the alert of an organization with the given id.
func (f *Feature) Of(ctx context.Context, orgID, id string) (Alert, error) {
	return db.One[Alert](ctx, f.DB, selectAlerts+` WHERE a.id = ? AND a.org_id = ?`, id, orgID)
}

// In returns the alerts with the given ids, in no order.
func (f *Feature) In(ctx context.Context, ids []string) ([]Alert, error) {
	return db.In[Alert](ctx, f.DB, selectAlerts+` WHERE a.id IN (?)`, ids)
}

func (f *Feature) count(a Alert, result string) {
	if f.Told != nil {
		f.Told(a.Type, result)
	}
}

func (f *Feature) now() time.Time {
	if f.Now != nil {
		return f.Now()
	}
	return time.Now()
}

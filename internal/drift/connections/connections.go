// Package connections keeps credentials for scans: AWS roles and keys, Google workload
// identities and service accounts, plain environment variables, or who trusts the tokens that
// this server signs. They are sealed, never shown, and made into variables when a scan begins.
//
// The surprising rule: what is merely wrong is saved, with a warning, and told by the test;
// what is dangerous is refused: sources that would run programs or read files of this
// server, and variables that would change how scans run.
package connections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"plumbline.dev/plumbline/internal/delivery/oidc"
	"plumbline.dev/plumbline/internal/drift/settings"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/kernel/safehttp"
)

// Type is what a connection is to.
type Type string

// The types of connections.
const (
	AWSRole Type = "aws-role" // a role that this server takes on
	AWS     Type = "aws"      // keys of a user
	GCPRole Type = "gcp-role" // a workload identity
	GCP     Type = "gcp"      // the key of a service account
	Other   Type = "oth"      // environment variables

	// Nothing secret is kept of these: they trust the identity tokens of scans.
	AWSOIDC   Type = "aws-oidc"
	AzureOIDC Type = "azure-oidc"
	GCPOIDC   Type = "gcp-oidc"
)

var types = []Type{AWSRole, AWS, GCPRole, GCP, Other, AWSOIDC, AzureOIDC, GCPOIDC}

// Details are what may be shown of a connection.
type Details struct {
	Role           string   `json:"role,omitempty"` // ARN
	KeyID          string   `json:"key-id,omitempty"`
	ClientEmail    string   `json:"client-email,omitempty"`
	ProjectID      string   `json:"project-id,omitempty"`
	Audience       string   `json:"audience,omitempty"`        // of identity tokens; of a gcp-role, its provider
	ServiceAccount string   `json:"service-account,omitempty"` // that a workload identity acts as
	Names          []string `json:"names,omitempty"`           // of variables
	Provider       string   `json:"provider,omitempty"`        // projects/…/workloadIdentityPools/…/providers/…
	TenantID       string   `json:"tenant-id,omitempty"`
	ClientID       string   `json:"client-id,omitempty"`
	SubscriptionID string   `json:"subscription-id,omitempty"`
}

// Connection is a set of credentials.
type Connection struct {
	ID          string           `db:"id"` // 32 hex digits
	OrgID       string           `db:"org_id"`
	OrgName     string           `db:"org_name,extra"`
	ExternalID  *string          `db:"external_id,extra"` // of the organization, for AWS roles
	Name        string           `db:"name"`
	Type        Type             `db:"type"`
	Details     db.JSON[Details] `db:"details"`
	Secret      []byte           `db:"secret"`      // sealed; nil is none
	TestStatus  string           `db:"test_status"` // "" (never), good, bad
	TestMessage string           `db:"test_message"`
	TestedAt    *db.Time         `db:"tested_at"`
	CreatedAt   db.Time          `db:"created_at"`
	UpdatedAt   db.Time          `db:"updated_at"`

	secret *string // in the clear, of a change under way; nil is what is sealed
}

// Scope implements authz.Scoped.
func (c Connection) Scope() authz.Scope { return authz.Scope{Org: c.OrgID} }

// Variables returns the names of the environment variables that scans get.
func (c Connection) Variables() []string {
	switch c.Type {
	case AWSRole, AWS, AWSOIDC:
		names := []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
		if c.Type != AWS {
			names = append(names, "AWS_SESSION_TOKEN")
		}
		return names
	case GCPRole, GCP, GCPOIDC:
		return []string{"GOOGLE_OAUTH_ACCESS_TOKEN"}
	case AzureOIDC:
		return []string{"ARM_CLIENT_ID", "ARM_OIDC_TOKEN", "ARM_SUBSCRIPTION_ID", "ARM_TENANT_ID", "ARM_USE_OIDC"}
	}
	return c.Details.V.Names
}

// Feature serves connections.
type Feature struct {
	DB       *db.DB
	Bus      *events.Bus // hears of tests
	Keyring  *crypt.Keyring
	Orgs     *orgs.Feature
	Settings *settings.Feature
	HTTP     *safehttp.Client

	// Identity returns the AWS credentials of this server, see AWSIdentity.
	Identity func(ctx context.Context) (AWSKeys, error)
	// Token makes an identity token of a scan for an audience; Issuer is the address that it
	// names, "" if the server has none that clouds could know.
	Token  func(ctx context.Context, s oidc.Scan, audience string) (string, error)
	Issuer func() string
	// Used returns the ids of the schedules that use a connection.
	Used func(ctx context.Context, id string) ([]string, error)
	// Release deactivates them: the connection is about to go.
	Release func(ctx context.Context, id string) error

	principal principal
}

// Error is why credentials cannot be had, in words for people.
type Error struct{ Code, Message string }

// Error implements error.
func (e *Error) Error() string { return e.Message }

func fail(code, format string, args ...any) *Error { return &Error{code, fmt.Sprintf(format, args...)} }

// outside makes an Error of a request to a cloud that failed on its way.
func outside(who string, err error) error {
	if p, ok := problem.From(err); ok {
		return fail("host_refused", "%s", p.Detail)
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fail("unreachable", "%s cannot be reached.", who)
}

const selectConnections = `SELECT {c}, o.name AS org_name, t.external_id FROM drift_connections c JOIN organizations o ON o.id = c.org_id LEFT JOIN drift_settings t ON t.org_id = c.org_id`

// Find returns the connection with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Connection, error) {
	return db.One[Connection](ctx, f.DB, selectConnections+` WHERE c.id = ?`, id)
}

// Of returns the connection of an organization with the given id.
func (f *Feature) Of(ctx context.Context, orgID, id string) (Connection, error) {
	return db.One[Connection](ctx, f.DB, selectConnections+` WHERE c.id = ? AND c.org_id = ?`, id, orgID)
}

// In returns the connections with the given ids, in no order.
func (f *Feature) In(ctx context.Context, ids []string) ([]Connection, error) {
	return db.In[Connection](ctx, f.DB, selectConnections+` WHERE c.id IN (?)`, ids)
}

func (f *Feature) list(ctx context.Context, o orgs.Org, q api.Query) (api.Page[Connection], error) {
	from, args := selectConnections+` WHERE c.org_id = ?`, []any{o.ID}
	if like := q.Like("search[name]"); like != "" {
		from, args = from+` AND lower(c.name) LIKE ? ESCAPE '\'`, append(args, like)
	}
	if t := q.Get("filter[type]"); t != "" {
		from, args = from+` AND c.type = ?`, append(args, t)
	}
	order, err := q.Order(map[string]string{"": "lower(c.name), c.id", "name": "lower(c.name), c.id", "-name": "lower(c.name) DESC, c.id",
		"created-at": "c.created_at, c.id", "-created-at": "c.created_at DESC, c.id"})
	if err != nil {
		return api.Page[Connection]{}, err
	}
	return api.Select[Connection](ctx, f.DB, q, from+` ORDER BY `+order, args...)
}

func aad(id string) string { return "drift_connections:secret:" + id }

// reveal returns what is secret of a connection, "" if nothing is.
func (f *Feature) reveal(ctx context.Context, c Connection) (string, error) {
	if c.secret != nil {
		return *c.secret, nil
	}
	secret, err := f.Keyring.OpenText(ctx, c.OrgID, c.Secret, aad(c.ID))
	return secret.Reveal(), err
}

// Environment are variables for a scan. Mask the values of those that IsSecret in everything
// that the scan prints.
type Environment map[string]string

// Use is what credentials are for.
type Use struct{ ScheduleID, Folder, ScanID string }

// trial is the use of a connection that is tested.
var trial = Use{"test", "test", "test"}

// Environment makes credentials for a scan of connections: tokens of an hour where the
// connection allows it. It asks the clouds, so call it when the scan begins and outside of
// transactions. An error of type *Error is for people.
func (f *Feature) Environment(ctx context.Context, ids []string, use Use) (Environment, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	list, err := f.In(ctx, ids)
	if err != nil {
		return nil, err
	}
	if len(list) < len(ids) {
		return nil, fail("connection_missing", "A connection of the schedule was deleted.")
	}
	out := Environment{}
	for _, c := range list {
		env, err := f.mint(ctx, c, use)
		if own, ok := asError(err); ok {
			return nil, fail(own.Code, "Connection %q: %s", c.Name, own.Message)
		}
		if err != nil {
			return nil, err
		}
		for name, value := range env {
			if _, ok := out[name]; ok {
				return nil, fail("connections_conflict", "Two connections of the schedule set %s.", name)
			}
			out[name] = value
		}
	}
	return out, nil
}

// mint makes the variables of one connection.
func (f *Feature) mint(ctx context.Context, c Connection, use Use) (Environment, error) {
	secret, err := f.reveal(ctx, c)
	if err != nil {
		return nil, err
	}
	switch c.Type {
	case AWSRole:
		set, err := f.Settings.Find(ctx, c.OrgID)
		if err != nil {
			return nil, err
		}
		keys, err := f.assumeRole(ctx, c.Details.V.Role, set.ExternalID, use.ScanID)
		return keys.environment(), err
	case AWS:
		// Not GetSessionToken or GetFederationToken: their sessions may not ask IAM anything
		// (IAM User Guide, "Compare AWS STS credentials"), so IAM resources would fail.
		return AWSKeys{ID: c.Details.V.KeyID, Secret: secret}.environment(), nil
	case GCPRole:
		token, err := f.workloadToken(ctx, secret)
		return Environment{"GOOGLE_OAUTH_ACCESS_TOKEN": token}, err
	case GCP:
		token, err := f.accountToken(ctx, secret)
		return Environment{"GOOGLE_OAUTH_ACCESS_TOKEN": token}, err
	case AWSOIDC, AzureOIDC, GCPOIDC:
		return f.federated(ctx, c, use)
	}
	return variables(secret)
}

func (k AWSKeys) environment() Environment {
	out := Environment{"AWS_ACCESS_KEY_ID": k.ID, "AWS_SECRET_ACCESS_KEY": k.Secret}
	if k.Session != "" {
		out["AWS_SESSION_TOKEN"] = k.Session
	}
	return out
}

// variables reads the text of environment variables.
func variables(text string) (Environment, error) {
	list, err := parseEnvironment(text)
	if err != nil {
		return nil, fail("invalid_environment", "The environment: %s.", err)
	}
	out := Environment{}
	for _, a := range list {
		if err := CheckVariable(a.Name); err != nil {
			return nil, fail("variable_refused", "%s.", err)
		}
		out[a.Name] = a.Value
	}
	return out, nil
}

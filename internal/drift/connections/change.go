package connections

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"plumbline.dev/plumbline/internal/drift/verbs"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// request is what clients say of a connection.
type request struct {
	Name        jsonapi.Opt[string]       `json:"name"`
	Type        jsonapi.Opt[string]       `json:"type"`
	Role        jsonapi.Opt[string]       `json:"role"`
	KeyID       jsonapi.Opt[string]       `json:"key-id"`
	KeySecret   jsonapi.Opt[crypt.Secret] `json:"key-secret"`
	Workload    jsonapi.Opt[crypt.Secret] `json:"workload"`
	Credentials jsonapi.Opt[crypt.Secret] `json:"credentials"`

	Audience       jsonapi.Opt[string] `json:"audience"`
	Provider       jsonapi.Opt[string] `json:"provider"`
	ServiceAccount jsonapi.Opt[string] `json:"service-account"`
	TenantID       jsonapi.Opt[string] `json:"tenant-id"`
	ClientID       jsonapi.Opt[string] `json:"client-id"`
	SubscriptionID jsonapi.Opt[string] `json:"subscription-id"`
}

// Limits in characters and bytes.
const (
	maxName   = 255
	maxField  = 2048
	maxSecret = 64 << 10
)

// apply takes in what clients say, and returns what looks wrong about it but may be saved.
func (c *Connection) apply(in request) (warnings []string, err error) {
	before, isNew := c.Type, c.Name == ""
	in.Name.Into(&c.Name)
	in.Type.Into((*string)(&c.Type))
	c.Name = strings.TrimSpace(c.Name)
	switch {
	case !slices.Contains(types, c.Type):
		return nil, problem.Invalid("type", "Type must be one of aws-role, aws, aws-oidc, azure-oidc, gcp-role, gcp, gcp-oidc, oth")
	case c.Name == "":
		return nil, problem.Invalid("name", "Name can't be blank").WithCode("field_required")
	case utf8.RuneCountInString(c.Name) > maxName:
		return nil, problem.Invalid("name", "Name is too long (maximum is %d characters)", maxName)
	}
	if isNew || before != c.Type {
		c.Details.V, c.Secret = Details{}, nil // the credentials of another type
	}
	c.TestStatus, c.TestMessage, c.TestedAt = "", "", nil
	return c.credentials(in)
}

func (c *Connection) credentials(in request) ([]string, error) {
	d := &c.Details.V
	switch c.Type {
	case AWSRole:
		return c.role(in.Role)
	case AWS:
		return c.keys(in)
	case GCPRole:
		text, err := c.secretOf("workload", in.Workload)
		if text == "" {
			return nil, err
		}
		w, bad := parseWorkload(text)
		if bad != nil {
			return nil, problem.Invalid("workload", "The workload JSON %s", bad).WithCode("workload_refused")
		}
		d.Audience, d.ServiceAccount = w.Audience, w.serviceAccount()
	case GCP:
		text, err := c.secretOf("credentials", in.Credentials)
		if text == "" {
			return nil, err
		}
		a, bad := parseAccount(text)
		if bad != nil {
			return nil, problem.Invalid("credentials", "The credentials JSON %s", bad).WithCode("credentials_refused")
		}
		d.ClientEmail, d.ProjectID = a.ClientEmail, a.ProjectID
		if why := a.keyProblem(); why != "" {
			return []string{why}, nil
		}
	case Other:
		return c.environment(in.Credentials)
	case AWSOIDC, AzureOIDC, GCPOIDC:
		return c.trust(in)
	}
	return nil, nil
}

func (c *Connection) role(role jsonapi.Opt[string]) ([]string, error) {
	role.Into(&c.Details.V.Role)
	c.Details.V.Role = strings.TrimSpace(c.Details.V.Role)
	switch r := c.Details.V.Role; {
	case r == "":
		return nil, problem.Invalid("role", "Role can't be blank").WithCode("field_required")
	case len(r) > maxField || control(r):
		return nil, problem.Invalid("role", "Role must be the ARN of a role")
	case !roleARN.MatchString(r):
		return []string{"The role is not the ARN of a role, such as arn:aws:iam::123456789012:role/tfstatecom-scan."}, nil
	}
	return nil, nil
}

func (c *Connection) keys(in request) ([]string, error) {
	before := c.Details.V.KeyID
	in.KeyID.Into(&c.Details.V.KeyID)
	c.Details.V.KeyID = strings.TrimSpace(c.Details.V.KeyID)
	id := c.Details.V.KeyID
	switch {
	case id == "":
		return nil, problem.Invalid("key-id", "Key id can't be blank").WithCode("field_required")
	case len(id) > maxField || control(id):
		return nil, problem.Invalid("key-id", "Key id must be the id of an AWS access key")
	}
	if before != id && before != "" && !in.KeySecret.Set {
		return nil, problem.Invalid("key-secret", "Another key id needs its secret too").WithCode("field_required")
	}
	if _, err := c.secretOf("key-secret", in.KeySecret); err != nil {
		return nil, err
	}
	if strings.ContainsAny(id, " []") {
		return []string{"The key id is not the id of an AWS access key."}, nil
	}
	return nil, nil
}

func (c *Connection) environment(text jsonapi.Opt[crypt.Secret]) ([]string, error) {
	value, err := c.secretOf("credentials", text)
	if value == "" {
		return nil, err
	}
	list, err := parseEnvironment(value)
	if err != nil {
		return nil, problem.Invalid("credentials", "The environment cannot be read: %s", err).WithCode("invalid_environment")
	}
	if len(list) == 0 {
		return nil, problem.Invalid("credentials", "The environment has no variables").WithCode("field_required")
	}
	var names []string
	for _, a := range list {
		if err := CheckVariable(a.Name); err != nil {
			return nil, problem.Invalid("credentials", "%s", err).WithCode("variable_refused")
		}
		names = append(names, a.Name)
	}
	c.Details.V.Names = names
	return nil, nil
}

// secretOf takes a secret in. It returns "" if the client sent none and one is there.
func (c *Connection) secretOf(field string, in jsonapi.Opt[crypt.Secret]) (string, error) {
	text := strings.TrimSpace(in.V.Reveal())
	switch {
	case !in.Set && c.Secret != nil:
		return "", nil
	case text == "":
		return "", problem.Invalid(field, "%s can't be blank", strings.ToUpper(field[:1])+strings.ReplaceAll(field[1:], "-", " ")).WithCode("field_required")
	case len(text) > maxSecret:
		return "", problem.Invalid(field, "It is too large (maximum is %d bytes)", maxSecret)
	case strings.ContainsRune(text, 0):
		return "", problem.Invalid(field, "It has a NUL character")
	}
	c.secret = &text
	return text, nil
}

func control(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// store writes a connection, in a transaction.
func (f *Feature) store(ctx context.Context, c Connection) (Connection, error) {
	c.UpdatedAt = db.Now()
	isNew := c.ID == ""
	if isNew {
		c.ID, c.CreatedAt = verbs.NewID(), c.UpdatedAt
	}
	if c.secret != nil {
		var err error
		if c.Secret, err = f.Keyring.SealText(ctx, c.OrgID, *c.secret, aad(c.ID)); err != nil {
			return c, err
		}
		c.secret = nil
	}
	if err := f.claim(ctx, c); err != nil {
		return c, err
	}
	set, err := f.Settings.Find(ctx, c.OrgID)
	if err != nil {
		return c, err
	}
	c.ExternalID = &set.ExternalID
	if isNew {
		return c, f.DB.Insert(ctx, "drift_connections", c)
	}
	return c, f.DB.Update(ctx, "drift_connections", c, "name", "type", "details", "secret", "test_status", "test_message", "tested_at", "updated_at")
}

// claim makes a workload identity provider the organization's own. All organizations share
// the AWS identity of this server, so whoever names a provider could use it.
func (f *Feature) claim(ctx context.Context, c Connection) error {
	if c.Type != GCPRole {
		return nil
	}
	_, err := f.DB.Exec(ctx, `INSERT INTO drift_audiences (audience, org_id) VALUES (?, ?) ON CONFLICT DO NOTHING`, c.Details.V.Audience, c.OrgID)
	if err != nil {
		return err
	}
	owner, err := db.One[string](ctx, f.DB, `SELECT org_id FROM drift_audiences WHERE audience = ?`, c.Details.V.Audience)
	if err == nil && owner != c.OrgID {
		return problem.Conflict("Another organization of this server uses this workload identity provider.").WithCode("audience_taken")
	}
	return err
}

// remove deletes a connection, in a transaction. Schedules that use it forbid that, unless
// force deactivates them.
func (f *Feature) remove(ctx context.Context, c Connection, force bool) error {
	use := verbs.Use{Schedules: f.Used, End: f.Release, Refusal: "The connection is used by %s. Delete these schedules first, or say force."}
	if err := use.Free(ctx, c.ID, force); err != nil {
		return err
	}
	return f.DB.Delete(ctx, "drift_connections", c.ID)
}

package notifications

import (
	"context"
	"encoding/json"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// request are the attributes that clients send.
type request struct {
	Destination    jsonapi.Opt[string]       `json:"destination-type"`
	Enabled        jsonapi.Opt[bool]         `json:"enabled"`
	Name           jsonapi.Opt[string]       `json:"name"`
	Token          jsonapi.Opt[crypt.Secret] `json:"token"`
	Triggers       jsonapi.Opt[[]string]     `json:"triggers"`
	URL            jsonapi.Opt[string]       `json:"url"`
	EmailAddresses jsonapi.Opt[[]string]     `json:"email-addresses"`
}

type nothing struct{}

// Limits of configurations. The first is that of the documentation for workspaces.
const (
	maxConfigurations = 20
	maxName           = 255
	maxURL            = 4096
	maxToken          = 4096
	maxAddresses      = 50
)

// tried is the outcome of what goes ahead of a change: the new configuration's id, and the
// answer to its verification.
type tried struct {
	id       string
	response *Response
}

type triedKey struct{}

func triedOf(ctx context.Context) tried {
	t, _ := ctx.Value(triedKey{}).(tried)
	return t
}

// tryNew verifies a configuration that is to be made enabled.
func (f *Feature) tryNew(ctx context.Context, c Configuration, in jsonapi.In[request]) (context.Context, error) {
	c.ID = id.New("nc")
	if err := f.apply(ctx, &c, in); err != nil {
		return ctx, err
	}
	return f.try(ctx, c)
}

// tryUpdate verifies a configuration that is to be enabled after the change.
func (f *Feature) tryUpdate(ctx context.Context, c Configuration, in jsonapi.In[request]) (context.Context, error) {
	if err := f.apply(ctx, &c, in); err != nil {
		return ctx, err
	}
	return f.try(ctx, c)
}

// try sends the verification request of a configuration that will be enabled. Mail is verified
// by hand only.
func (f *Feature) try(ctx context.Context, c Configuration) (context.Context, error) {
	t := tried{id: c.ID}
	if c.Enabled && c.Destination != Email {
		response, err := f.probe(ctx, c)
		if err != nil {
			return ctx, err
		}
		t.response = response
	}
	return context.WithValue(ctx, triedKey{}, t), nil
}

// verify sends the verification request of a configuration as it is.
func (f *Feature) verify(ctx context.Context, c Configuration, _ jsonapi.In[nothing]) (context.Context, error) {
	response, err := f.probe(ctx, c)
	if err != nil {
		return ctx, err
	}
	return context.WithValue(ctx, triedKey{}, tried{c.ID, response}), nil
}

// probe sends a verification and is an error if it is not taken.
func (f *Feature) probe(ctx context.Context, c Configuration) (*Response, error) {
	response, err := f.send(ctx, c, verification(c))
	if err != nil {
		return nil, problem.BadRequest("Unable to complete verification request to destination URL: %s", reason(err))
	}
	if response != nil && !response.ok() {
		return nil, problem.BadRequest("Unable to complete verification request to destination URL: it answers %s", response.Code)
	}
	return response, nil
}

func (f *Feature) create(ctx context.Context, c Configuration, in jsonapi.In[request]) (Configuration, error) {
	t := triedOf(ctx)
	c.ID, c.CreatedAt, c.UpdatedAt = t.id, db.Now(), db.Now()
	column, place := c.column()
	n, err := db.One[int](ctx, f.DB, `SELECT COUNT(*) FROM notification_configurations WHERE `+column+` = ?`, place)
	if err != nil {
		return c, err
	}
	if n >= maxConfigurations {
		return c, problem.Unprocessable("There are %d notification configurations, which is the maximum", maxConfigurations)
	}
	if err := f.apply(ctx, &c, in); err != nil {
		return c, err
	}
	if err := f.keep(ctx, &c, t.response); err != nil {
		return c, err
	}
	if err := f.DB.Insert(ctx, "notification_configurations", c); err != nil {
		return c, err
	}
	return f.withUsers(ctx, c, in)
}

func (f *Feature) update(ctx context.Context, c Configuration, in jsonapi.In[request]) (Configuration, error) {
	if err := f.apply(ctx, &c, in); err != nil {
		return c, err
	}
	if err := f.keep(ctx, &c, triedOf(ctx).response); err != nil {
		return c, err
	}
	c.UpdatedAt = db.Now()
	if err := f.DB.Update(ctx, "notification_configurations", c, "name", "url", "token", "enabled", "triggers", "email_addresses", "response", "updated_at"); err != nil {
		return c, err
	}
	return f.withUsers(ctx, c, in)
}

func (f *Feature) delete(ctx context.Context, c Configuration) error {
	return f.DB.Delete(ctx, "notification_configurations", c.ID)
}

// verified stores the answer to a verification.
func (f *Feature) verified(ctx context.Context, c Configuration, _ jsonapi.In[nothing]) (Configuration, error) {
	if err := f.keep(ctx, &c, triedOf(ctx).response); err != nil {
		return c, err
	}
	c.UpdatedAt = db.Now()
	if err := f.DB.Update(ctx, "notification_configurations", c, "enabled", "response", "updated_at"); err != nil {
		return c, err
	}
	return f.hydrated(ctx, c)
}

func (f *Feature) enable(ctx context.Context, c Configuration, in jsonapi.In[nothing]) (Configuration, error) {
	c.Enabled = true
	return f.verified(ctx, c, in)
}

// keep seals an answer for the row of its configuration.
func (f *Feature) keep(ctx context.Context, c *Configuration, r *Response) error {
	if r == nil {
		return nil
	}
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	c.SealedResponse, err = f.seal(ctx, *c, string(raw), "response")
	return err
}

// apply checks a request and puts what it says into c.
func (f *Feature) apply(ctx context.Context, c *Configuration, in jsonapi.In[request]) error {
	a := in.Data.Attributes
	if c.Destination == "" {
		c.Destination = a.Destination.V
	} else if a.Destination.Set && a.Destination.V != c.Destination {
		return problem.Invalid("destination-type", "Destination type cannot be changed")
	}
	a.Enabled.Into(&c.Enabled)
	if err := problem.All(checkDestination(c.Destination), c.rename(a.Name), c.setTriggers(a.Triggers), c.setAddresses(a.EmailAddresses)); err != nil {
		return err
	}
	if err := f.setURL(ctx, c, a.URL); err != nil {
		return err
	}
	return f.setToken(ctx, c, a.Token)
}

func checkDestination(d string) *problem.Problem {
	if !slices.Contains([]string{Generic, Slack, Teams, Email}, d) {
		return problem.Invalid("destination-type", "Destination type must be email, generic, microsoft-teams or slack")
	}
	return nil
}

func (c *Configuration) rename(name jsonapi.Opt[string]) *problem.Problem {
	name.Into(&c.Name)
	c.Name = strings.TrimSpace(c.Name)
	switch {
	case c.Name == "":
		return problem.Invalid("name", "Name can't be blank")
	case utf8.RuneCountInString(c.Name) > maxName:
		return problem.Invalid("name", "Name is too long (maximum is %d characters)", maxName)
	}
	return nil
}

func (c *Configuration) setTriggers(list jsonapi.Opt[[]string]) *problem.Problem {
	if !list.Set {
		return nil
	}
	known := triggers
	if c.TeamID != nil {
		known = teamTriggers
	}
	c.Triggers.V = nil
	for _, t := range list.V {
		if !slices.Contains(known, t) {
			return problem.Invalid("triggers", "Triggers must be of %s", strings.Join(known, ", "))
		}
		if !slices.Contains(c.Triggers.V, t) {
			c.Triggers.V = append(c.Triggers.V, t)
		}
	}
	return nil
}

func (c *Configuration) setAddresses(list jsonapi.Opt[[]string]) *problem.Problem {
	if !list.Set {
		return nil
	}
	if c.Destination != Email && len(list.V) > 0 {
		return problem.Invalid("email-addresses", "Email addresses are for the destination type email")
	}
	if len(list.V) > maxAddresses {
		return problem.Invalid("email-addresses", "Email addresses are too many (maximum is %d)", maxAddresses)
	}
	for _, address := range list.V {
		if a, err := mail.ParseAddress(address); err != nil || a.Address != address {
			return problem.Invalid("email-addresses", "Email addresses has %q, which is none", address)
		}
	}
	c.EmailAddresses.V = list.V
	return nil
}

func (f *Feature) setURL(ctx context.Context, c *Configuration, in jsonapi.Opt[string]) error {
	if c.Destination == Email {
		return nil
	}
	if !in.Set && len(c.SealedURL) > 0 {
		return nil
	}
	address := strings.TrimSpace(in.V)
	u, err := url.Parse(address)
	switch {
	case address == "":
		return problem.Invalid("url", "Url can't be blank")
	case len(address) > maxURL:
		return problem.Invalid("url", "Url is too long (maximum is %d characters)", maxURL)
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return problem.Invalid("url", "Url must be a valid HTTP or HTTPS URL")
	}
	c.url = address
	c.SealedURL, err = f.seal(ctx, *c, address, "url")
	return err
}

func (f *Feature) setToken(ctx context.Context, c *Configuration, in jsonapi.Opt[crypt.Secret]) error {
	if !in.Set {
		return nil
	}
	if len(in.V) > maxToken {
		return problem.Invalid("token", "Token is too long (maximum is %d characters)", maxToken)
	}
	var err error
	c.SealedToken, err = f.seal(ctx, *c, in.V.Reveal(), "token")
	return err
}

// withUsers replaces the users who get the mail. A request that names none takes them away, as
// go-tfe expects.
func (f *Feature) withUsers(ctx context.Context, c Configuration, in jsonapi.In[request]) (Configuration, error) {
	if c.Destination != Email {
		return f.hydrated(ctx, c)
	}
	members, _ := in.Data.Many("users")
	ids, other := jsonapi.IDs(members, "users")
	if other != nil {
		return c, problem.InvalidRelation("users", "Users must be users")
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	found, err := db.In[string](ctx, f.DB, `SELECT invitee_id FROM organization_memberships WHERE org_id = ? AND invitee_id IN (?)`, ids, c.OrgID)
	if err != nil {
		return c, err
	}
	if len(found) < len(ids) {
		return c, problem.InvalidRelation("users", "Users must be members of the organization")
	}
	if _, err := f.DB.Exec(ctx, `DELETE FROM notification_users WHERE configuration_id = ?`, c.ID); err != nil {
		return c, err
	}
	rows := make([]userRow, len(ids))
	for i, u := range ids {
		rows[i] = userRow{c.ID, u}
	}
	if err := db.InsertAll(ctx, f.DB, "notification_users", rows, ""); err != nil {
		return c, err
	}
	return f.hydrated(ctx, c)
}

type userRow struct {
	ConfigurationID string `db:"configuration_id"`
	UserID          string `db:"user_id"`
}

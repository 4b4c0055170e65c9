package connections

import (
	"context"
	"net/http"

	"plumbline.dev/plumbline/internal/drift/verbs"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	api.Type(r, "drift-connections", authz.ReadDrift, f.In, f.view)
	api.List(r, "/organizations/{organization}/drift-connections", authz.ReadDrift, f.Orgs.ByName, f.list, api.Params("search[name]", "filter[type]", "sort"))
	api.Create(r, "/organizations/{organization}/drift-connections", authz.ManageDrift, f.Orgs.ByName, f.create)
	api.Read(r, "/drift-connections/{id}", authz.ReadDrift, f.Find)
	api.Update(r, "/drift-connections/{id}", authz.ManageDrift, f.Find, f.update)
	api.Do(r, "DELETE /drift-connections/{id}", authz.ManageDrift, f.Find, f.delete)
	api.Handle(r, "POST /drift-connections/{id}/actions/test", authz.OperateDrift, f.Find, f.answerTest)
	for _, name := range helperNames {
		api.Handle(r, "GET /organizations/{organization}/drift-files/"+name, authz.ReadDrift, f.Orgs.ByName, func(ctx context.Context, w http.ResponseWriter, _ *http.Request, o orgs.Org) error {
			return f.writeFile(ctx, w, name, o.ID)
		})
	}
}

// attributes are a connection as clients see it.
type attributes struct {
	Name        string   `json:"name"`
	Type        Type     `json:"type"`
	Details     Details  `json:"details"`
	Variables   []string `json:"variables"`
	ExternalID  *string  `json:"external-id"`
	Issuer      *string  `json:"issuer"`  // of identity tokens
	Subject     *string  `json:"subject"` // of identity tokens, with * for schedule and folder
	TestStatus  string   `json:"test-status"`
	TestMessage string   `json:"test-message"`
	TestedAt    *db.Time `json:"tested-at"`
	CreatedAt   db.Time  `json:"created-at"`
	UpdatedAt   db.Time  `json:"updated-at"`
}

func (f *Feature) view(_ context.Context, c Connection) jsonapi.Resource {
	a := attributes{Name: c.Name, Type: c.Type, Details: c.Details.V, Variables: jsonapi.List(c.Variables()), TestStatus: c.TestStatus, TestMessage: c.TestMessage, TestedAt: c.TestedAt, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt}
	if c.Type == AWSRole {
		a.ExternalID = c.ExternalID
	}
	if c.federates() {
		a.Issuer, a.Subject = new(f.Issuer()), new(c.Subject())
	}
	return jsonapi.Resource{Type: "drift-connections", ID: c.ID, Attributes: a, Links: jsonapi.Self("/api/v2/drift-connections/" + c.ID),
		Relationships: jsonapi.Relationships{"organization": jsonapi.ToOne("organizations", c.OrgName)}}
}

func (f *Feature) create(ctx context.Context, o orgs.Org, in jsonapi.In[request]) (Connection, error) {
	return f.update(ctx, Connection{OrgID: o.ID, OrgName: o.Name}, in)
}

func (f *Feature) update(ctx context.Context, c Connection, in jsonapi.In[request]) (Connection, error) {
	if _, err := c.apply(in.Data.Attributes); err != nil {
		return c, err
	}
	return f.store(ctx, c)
}

func (f *Feature) delete(ctx context.Context, c Connection, in jsonapi.In[verbs.Deletion]) error {
	return f.remove(ctx, c, in.Data.Attributes.Forced(ctx))
}

// answerTest answers {"status":"good", …} or {"status":"bad", "message":…}.
func (f *Feature) answerTest(ctx context.Context, w http.ResponseWriter, _ *http.Request, c Connection) error {
	out, err := f.test(ctx, c)
	if own, ok := asError(err); ok {
		return api.WriteJSON(w, http.StatusOK, "application/json", map[string]any{"status": "bad", "code": own.Code, "message": own.Message})
	}
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, "application/json", struct {
		Status string `json:"status"`
		found
	}{"good", out})
}

// Endpoint is /drift/infra.
func (f *Feature) Endpoint() verbs.Endpoint {
	return verbs.Endpoint{Path: "/infra",
		Verbs: map[string]verbs.Verb{"save": {Do: f.saveVerb}, "list": {Do: f.listVerb}, "get": {Do: f.getVerb}, "delete": {Do: f.deleteVerb}, "test": {Do: f.testVerb}},
		Fields: map[string]string{"name": "infra_name", "type": "infra_type", "role": "infra_role", "key-id": "infra_key_id", "key-secret": "infra_key_secret", //nolint:gosec // names of fields are no secrets
			"workload": "infra_workload", "credentials": "infra_credentials", "audience": "infra_audience", "provider": "infra_provider",
			"service-account": "infra_service_account", "tenant-id": "infra_tenant_id", "client-id": "infra_client_id", "subscription-id": "infra_subscription_id"}}
}

// fields are those of save.
type fields struct {
	ID          jsonapi.Opt[verbs.ID]     `json:"infra_id"`
	Name        jsonapi.Opt[string]       `json:"infra_name"`
	Type        jsonapi.Opt[string]       `json:"infra_type"`
	Role        jsonapi.Opt[string]       `json:"infra_role"`
	KeyID       jsonapi.Opt[string]       `json:"infra_key_id"`
	KeySecret   jsonapi.Opt[crypt.Secret] `json:"infra_key_secret"`
	Workload    jsonapi.Opt[crypt.Secret] `json:"infra_workload"`
	Credentials jsonapi.Opt[crypt.Secret] `json:"infra_credentials"`

	Audience       jsonapi.Opt[string] `json:"infra_audience"`
	Provider       jsonapi.Opt[string] `json:"infra_provider"`
	ServiceAccount jsonapi.Opt[string] `json:"infra_service_account"`
	TenantID       jsonapi.Opt[string] `json:"infra_tenant_id"`
	ClientID       jsonapi.Opt[string] `json:"infra_client_id"`
	SubscriptionID jsonapi.Opt[string] `json:"infra_subscription_id"`
}

func (f *Feature) saveVerb(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	var in fields
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	conn := Connection{OrgID: c.OrgID, OrgName: c.OrgName}
	if in.ID.V != "" {
		var err error
		if conn, err = f.Of(ctx, c.OrgID, string(in.ID.V)); err != nil {
			return nil, err
		}
	} else if !in.Type.Set {
		return nil, verbs.Missing("infra_type")
	}
	warnings, err := conn.apply(request{Name: in.Name, Type: in.Type, Role: in.Role, KeyID: in.KeyID, KeySecret: in.KeySecret, Workload: in.Workload, Credentials: in.Credentials,
		Audience: in.Audience, Provider: in.Provider, ServiceAccount: in.ServiceAccount, TenantID: in.TenantID, ClientID: in.ClientID, SubscriptionID: in.SubscriptionID})
	if err != nil {
		return nil, err
	}
	err = f.DB.Tx(ctx, func(ctx context.Context) error {
		stored, err := f.store(ctx, conn)
		if err != nil {
			return err
		}
		conn.ID, conn.ExternalID = stored.ID, stored.ExternalID
		return c.Record(ctx, f.DB, "drift-connections", stored.ID)
	})
	out := verbs.Answer{"infra_id": conn.ID}
	if len(warnings) > 0 {
		out["warnings"] = warnings
	}
	if conn.Type == AWSRole {
		out["external_id"] = conn.ExternalID
	}
	if conn.federates() {
		out["issuer"], out["subject"], out["audience"] = f.Issuer(), conn.Subject(), conn.Details.V.Audience
	}
	return out, err
}

func (f *Feature) listVerb(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	rows, err := db.All[Connection](ctx, f.DB, selectConnections+` WHERE c.org_id = ? ORDER BY lower(c.name), c.id`, c.OrgID)
	items := make([]verbs.Answer, len(rows))
	for i, r := range rows {
		items[i] = verbs.Answer{"id": r.ID, "name": r.Name, "type": r.Type, "created": r.CreatedAt, "last_test_at": r.TestedAt, "last_test_status": nullable(r.TestStatus)}
	}
	return verbs.Answer{"items": items}, err
}

func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (f *Feature) getVerb(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	r, err := f.named(ctx, c)
	if err != nil {
		return nil, err
	}
	payload := verbs.Answer{"id": r.ID, "type": r.Type, "org_id": c.DriftID, "name_of_thing": "infra", "name": r.Name, "created": r.CreatedAt,
		"last_test_at": r.TestedAt, "last_test_status": nullable(r.TestStatus), "last_test_message": r.TestMessage, "variables": r.Variables()}
	d := r.Details.V
	switch r.Type {
	case AWSRole:
		payload["role"], payload["external_id"] = d.Role, r.ExternalID
	case AWS:
		payload["key_id"] = d.KeyID
	case GCPRole:
		payload["audience"], payload["service_account"] = d.Audience, d.ServiceAccount
	case GCP:
		payload["client_email"], payload["project_id"] = d.ClientEmail, d.ProjectID
	case AWSOIDC:
		payload["role"] = d.Role
	case AzureOIDC:
		payload["tenant_id"], payload["client_id"], payload["subscription_id"] = d.TenantID, d.ClientID, d.SubscriptionID
	case GCPOIDC:
		payload["provider"], payload["service_account"] = d.Provider, d.ServiceAccount
	}
	if r.federates() {
		payload["issuer"], payload["subject"], payload["audience"] = f.Issuer(), r.Subject(), d.Audience
	}
	return verbs.Answer{"payload": payload}, nil
}

func (f *Feature) deleteVerb(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	r, err := f.named(ctx, c)
	if err != nil {
		return nil, err
	}
	err = c.Change(ctx, f.DB, "drift-connections", r.ID, func(ctx context.Context) error { return f.remove(ctx, r, c.Truthy("force")) })
	return nil, verbs.Deleted(err, "infra_id")
}

func (f *Feature) testVerb(ctx context.Context, c verbs.Call) (verbs.Answer, error) {
	r, err := f.named(ctx, c)
	if err != nil {
		return nil, err
	}
	out, err := f.test(ctx, r)
	if own, ok := asError(err); ok {
		return nil, verbs.Failed(own.Code, "%s", own.Message)
	}
	answer := verbs.Answer{"checked": out.Checked}
	for name, value := range map[string]string{"account": out.Account, "arn": out.ARN, "name": out.Name, "email": out.Email, "probe": out.Probe} {
		if value != "" {
			answer[name] = value
		}
	}
	return answer, err
}

// named returns the connection that infra_id names.
func (f *Feature) named(ctx context.Context, c verbs.Call) (Connection, error) {
	id, err := c.OneID("infra_id")
	if err != nil {
		return Connection{}, err
	}
	return f.Of(ctx, c.OrgID, id)
}

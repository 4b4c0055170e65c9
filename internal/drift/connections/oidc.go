package connections

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google/externalaccount"

	"plumbline.dev/plumbline/internal/delivery/oidc"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Audiences of identity tokens where a connection names none. They are those of HCP
// Terraform's dynamic provider credentials; Google's is the name of the provider.
const (
	awsAudience   = "aws.workload.identity"
	azureAudience = "api://AzureADTokenExchange"
)

// The exchange of identity tokens at Google (RFC 8693).
const (
	googleExchange = "https://sts.googleapis.com/v1/token"
	jwtSubject     = "urn:ietf:params:oauth:token-type:jwt"
)

var (
	googleProvider = regexp.MustCompile(`^projects/[0-9]+/locations/[a-z0-9-]+/workloadIdentityPools/[a-z0-9-]+/providers/[a-z0-9-]+$`)
	googleAccount  = regexp.MustCompile(`^[^\s@/]+@[^\s@/]+$`)
	guid           = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
)

// trust takes in what clients say of a connection that trusts the tokens of this server.
func (c *Connection) trust(in request) ([]string, error) {
	d := &c.Details.V
	if d.Audience == providerName(d.Provider) && !in.Audience.Set {
		d.Audience = "" // it was that of the provider, which may be another now
	}
	for _, f := range []struct {
		name string
		from jsonapi.Opt[string]
		to   *string
	}{
		{"audience", in.Audience, &d.Audience}, {"provider", in.Provider, &d.Provider}, {"service-account", in.ServiceAccount, &d.ServiceAccount},
		{"tenant-id", in.TenantID, &d.TenantID}, {"client-id", in.ClientID, &d.ClientID}, {"subscription-id", in.SubscriptionID, &d.SubscriptionID},
	} {
		f.from.Into(f.to)
		*f.to = strings.TrimSpace(*f.to)
		if len(*f.to) > maxField || control(*f.to) {
			return nil, problem.Invalid(f.name, "It is too long or has characters that it must not have")
		}
	}
	switch c.Type {
	case GCPOIDC:
		d.Provider = strings.TrimPrefix(strings.TrimPrefix(d.Provider, "https:"), "//iam.googleapis.com/")
		d.Audience = cmp.Or(d.Audience, providerName(d.Provider))
		return nil, c.googleTrust()
	case AzureOIDC:
		d.Audience = cmp.Or(d.Audience, azureAudience)
		return nil, c.azureTrust()
	}
	d.Audience = cmp.Or(d.Audience, awsAudience)
	return c.role(in.Role)
}

// providerName is the full name of a workload identity provider.
func providerName(provider string) string { return "//iam.googleapis.com/" + provider }

func (c *Connection) googleTrust() error {
	switch d := c.Details.V; {
	case d.Provider == "":
		return problem.Invalid("provider", "Provider can't be blank").WithCode("field_required")
	case !googleProvider.MatchString(d.Provider):
		return problem.Invalid("provider", "Provider must be the name of a workload identity provider: projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER")
	case d.ServiceAccount != "" && !googleAccount.MatchString(d.ServiceAccount):
		return problem.Invalid("service-account", "Service account must be an e-mail address, such as scan@my-project.iam.gserviceaccount.com")
	}
	return nil
}

func (c *Connection) azureTrust() error {
	d := c.Details.V
	for _, f := range []struct{ name, says, value string }{{"tenant-id", "Tenant id", d.TenantID}, {"client-id", "Client id", d.ClientID}, {"subscription-id", "Subscription id", d.SubscriptionID}} {
		switch {
		case f.value == "":
			return problem.Invalid(f.name, "%s can't be blank", f.says).WithCode("field_required")
		case !guid.MatchString(f.value):
			return problem.Invalid(f.name, "%s must be a GUID, such as 00000000-0000-0000-0000-000000000000", f.says)
		}
	}
	return nil
}

// Subject is the pattern of the subjects of tokens for scans, "" of types without tokens.
func (c Connection) Subject() string {
	if !c.federates() {
		return ""
	}
	return oidc.Scan{Organization: c.OrgName, ScheduleID: "*", Folder: "*"}.Subject()
}

func (c Connection) federates() bool {
	return c.Type == AWSOIDC || c.Type == AzureOIDC || c.Type == GCPOIDC
}

// federated signs a token and exchanges it, or leaves that to the provider of Azure, which
// takes nothing else.
func (f *Feature) federated(ctx context.Context, c Connection, use Use) (Environment, error) {
	if !strings.HasPrefix(f.Issuer(), "https://") {
		return nil, fail("no_issuer", "Clouds must be able to read the keys of this server at its address: an operator must set it, as https://… (--public-url).")
	}
	d := c.Details.V
	token, err := f.Token(ctx, oidc.Scan{OrgID: c.OrgID, Organization: c.OrgName, ScheduleID: use.ScheduleID, Folder: use.Folder, ScanID: use.ScanID}, d.Audience)
	if err != nil {
		return nil, err
	}
	switch c.Type {
	case AWSOIDC:
		keys, err := f.assumeByToken(ctx, d.Role, token, use.ScanID)
		return keys.environment(), err
	case GCPOIDC:
		access, err := f.googleToken(ctx, d, token)
		return Environment{"GOOGLE_OAUTH_ACCESS_TOKEN": access}, err
	}
	return Environment{"ARM_USE_OIDC": "true", "ARM_OIDC_TOKEN": token, "ARM_CLIENT_ID": d.ClientID, "ARM_TENANT_ID": d.TenantID, "ARM_SUBSCRIPTION_ID": d.SubscriptionID}, nil
}

// subject gives a token to the exchange at Google.
type subject string

// SubjectToken implements externalaccount.SubjectTokenSupplier.
func (s subject) SubjectToken(context.Context, externalaccount.SupplierOptions) (string, error) {
	return string(s), nil
}

// googleToken exchanges an identity token for an access token that may only read, of a
// service account if there is one.
func (f *Feature) googleToken(ctx context.Context, d Details, identity string) (string, error) {
	c := externalaccount.Config{Audience: providerName(d.Provider), SubjectTokenType: jwtSubject,
		TokenURL: googleExchange, Scopes: scopes, SubjectTokenSupplier: subject(identity)}
	if d.ServiceAccount != "" {
		c.ServiceAccountImpersonationURL = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/" + url.PathEscape(d.ServiceAccount) + ":generateAccessToken"
	}
	source, err := externalaccount.NewTokenSource(context.WithValue(ctx, oauth2.HTTPClient, f.HTTP.HTTP()), c)
	if err != nil {
		return "", fail("invalid_provider", "The provider is not understood: %s", clipLong(err.Error()))
	}
	return token(source)
}

// askAzure exchanges an identity token as the provider will (OAuth 2.0 client credentials with
// a federated credential), and looks at the subscription.
func (f *Feature) askAzure(ctx context.Context, d Details, identity string) (found, error) {
	var token struct {
		AccessToken string `json:"access_token"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {d.ClientID}, "scope": {"https://management.azure.com/.default"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {identity}}
	status, err := f.azure(ctx, http.MethodPost, "https://login.microsoftonline.com/"+d.TenantID+"/oauth2/v2.0/token", form.Encode(), "", &token)
	if err != nil {
		return found{}, err
	}
	if status != http.StatusOK || token.AccessToken == "" {
		return found{}, azureError(token.Error, token.Description)
	}
	var subscription struct {
		Name  string `json:"displayName"`
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	status, err = f.azure(ctx, http.MethodGet, "https://management.azure.com/subscriptions/"+d.SubscriptionID+"?api-version=2022-12-01", "", token.AccessToken, &subscription)
	switch {
	case err != nil:
		return found{}, err
	case status != http.StatusOK:
		return found{}, fail("azure_refused", "Azure: %s. The token is good, but the application may not read the subscription: give it the role Reader there.", cmp.Or(clipLong(subscription.Error.Code), http.StatusText(status)))
	}
	return found{Checked: "identity", Account: d.SubscriptionID, Name: clipLong(subscription.Name), Probe: "Azure"}, nil
}

// azure makes a request with a form, or with a bearer token.
func (f *Feature) azure(ctx context.Context, method, address, form, token string, into any) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form))
	if err != nil {
		return 0, err
	}
	if form != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := f.HTTP.Do(ctx, req)
	if err != nil {
		return 0, outside("Azure", err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return 0, outside("Azure", err)
	}
	_ = json.Unmarshal(b, into) // what is no JSON has no token and no name
	return res.StatusCode, nil
}

var azureCode = regexp.MustCompile(`AADSTS[0-9]+`)

// azureError says what Microsoft Entra refused. Its codes are in "Microsoft Entra
// authentication and authorization error codes".
func azureError(kind, description string) error {
	hint := map[string]string{
		"AADSTS700016": " The tenant has no application with this client id.",
		"AADSTS90002":  " There is no tenant with this id.",
		"AADSTS70021":  " The application has no federated credential for this server and the subject that the connection shows.",
		"AADSTS700211": " The application has no federated credential for the address of this server.",
		"AADSTS700212": " The application has no federated credential for the audience that the connection shows.",
		"AADSTS700213": " The application has no federated credential for the subject that the connection shows.",
		"AADSTS50166":  " Azure cannot read the keys of this server at its public address.",
		"AADSTS700024": " The clock of this server may be wrong.",
	}[azureCode.FindString(description)]
	said, _, _ := strings.Cut(description, "Trace ID")
	return fail("azure_refused", "Azure: %s %s%s", clipLong(kind), strings.TrimSpace(clipLong(said)), hint)
}

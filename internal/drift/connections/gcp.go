package connections

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google/externalaccount"
	"golang.org/x/oauth2/jwt"
)

// scopes are what tokens for scans are good for: reading, and telling whose they are.
var scopes = []string{"https://www.googleapis.com/auth/cloud-platform.read-only", "https://www.googleapis.com/auth/userinfo.email"}

// workload is the JSON of a workload identity (AIP-4117). Of the credential source only the
// names are looked at: it is never followed.
type workload struct {
	Type             string                     `json:"type"`
	Audience         string                     `json:"audience"`
	SubjectTokenType string                     `json:"subject_token_type"`
	TokenURL         string                     `json:"token_url"`
	ImpersonationURL string                     `json:"service_account_impersonation_url"`
	Universe         string                     `json:"universe_domain"`
	Source           map[string]json.RawMessage `json:"credential_source"`
}

const awsSubject = "urn:ietf:params:aws:token-type:aws4_request"

var universeDomain = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)+$`)

// parseWorkload reads the JSON of a workload identity and refuses sources of credentials
// that would run programs, read files or fetch addresses on this server.
func parseWorkload(text string) (workload, error) {
	var w workload
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		return w, errors.New("is not a JSON object")
	}
	if w.Universe == "" {
		w.Universe = "googleapis.com"
	}
	for name := range w.Source {
		switch name {
		case "executable":
			return w, errors.New("has a credential_source that runs a program, which this server does not")
		case "file":
			return w, errors.New("has a credential_source that reads a file of this server, which it does not")
		case "certificate":
			return w, errors.New("has a credential_source that reads a certificate of this server, which it does not")
		}
	}
	var environment string
	_ = json.Unmarshal(w.Source["environment_id"], &environment)
	switch {
	case w.Type != "external_account":
		return w, errors.New("must be of the type external_account")
	case !universeDomain.MatchString(w.Universe):
		return w, errors.New("has a universe_domain that is none")
	case environment != "aws1" || w.SubjectTokenType != awsSubject:
		return w, errors.New("must take its credentials from AWS (environment_id aws1, subject_token_type " + awsSubject + ")")
	case !at(w.TokenURL, "sts."+w.Universe, "/v1/token"):
		return w, errors.New("must have the token_url https://sts." + w.Universe + "/v1/token")
	case w.ImpersonationURL != "" && (!at(w.ImpersonationURL, "iamcredentials."+w.Universe, "/v1/projects/-/serviceAccounts/") || !strings.HasSuffix(w.ImpersonationURL, ":generateAccessToken")):
		return w, errors.New("must have a service_account_impersonation_url at https://iamcredentials." + w.Universe + "/v1/projects/-/serviceAccounts/")
	case !regexp.MustCompile(`^//iam\.` + regexp.QuoteMeta(w.Universe) + `/projects/[^/\s]+/locations/[^/\s]+/workloadIdentityPools/[^/\s]+/providers/[^/\s]+$`).MatchString(w.Audience):
		return w, errors.New("must have the audience //iam." + w.Universe + "/projects/…/locations/…/workloadIdentityPools/…/providers/…")
	}
	return w, nil
}

// at reports whether an address is https at the host and begins with the path.
func at(address, host, path string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && u.Host == host && u.User == nil && u.RawQuery == "" && u.Fragment == "" && strings.HasPrefix(u.Path, path)
}

// serviceAccount is who a workload identity acts as, "" if as itself.
func (w workload) serviceAccount() string {
	_, name, _ := strings.Cut(w.ImpersonationURL, "/serviceAccounts/")
	return strings.TrimSuffix(name, ":generateAccessToken")
}

// supplier gives the server's own AWS identity, whatever addresses the JSON names.
type supplier struct{ f *Feature }

// AwsRegion implements externalaccount.AwsSecurityCredentialsSupplier.
func (supplier) AwsRegion(context.Context, externalaccount.SupplierOptions) (string, error) {
	return "us-east-1", nil
}

// AwsSecurityCredentials implements externalaccount.AwsSecurityCredentialsSupplier.
func (s supplier) AwsSecurityCredentials(ctx context.Context, _ externalaccount.SupplierOptions) (*externalaccount.AwsSecurityCredentials, error) {
	keys, err := s.f.Identity(ctx)
	return &externalaccount.AwsSecurityCredentials{AccessKeyID: keys.ID, SecretAccessKey: keys.Secret, SessionToken: keys.Session}, err
}

// workloadToken exchanges the server's AWS identity for an access token.
func (f *Feature) workloadToken(ctx context.Context, text string) (string, error) {
	w, err := parseWorkload(text)
	if err != nil {
		return "", fail("invalid_workload", "The workload JSON %s.", err)
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, f.HTTP.HTTP())
	source, err := externalaccount.NewTokenSource(ctx, externalaccount.Config{Audience: w.Audience, SubjectTokenType: w.SubjectTokenType, TokenURL: w.TokenURL,
		ServiceAccountImpersonationURL: w.ImpersonationURL, UniverseDomain: w.Universe, Scopes: scopes, AwsSecurityCredentialsSupplier: supplier{f}})
	if err != nil {
		return "", fail("invalid_workload", "The workload JSON is not understood: %s", clipLong(err.Error()))
	}
	return token(source)
}

func token(source oauth2.TokenSource) (string, error) {
	t, err := source.Token()
	if own, ok := asError(err); ok {
		return "", own
	}
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused):
		return "", fail("google_refused", "Google: %s %s", refused.ErrorCode, clipLong(refused.ErrorDescription))
	case err != nil:
		return "", fail("google_refused", "Google gave no token: %s", withoutURL(err))
	}
	return t.AccessToken, nil
}

var addresses = regexp.MustCompile(`https?://\S+`)

// withoutURL is the text of an error without the addresses in it, which may hold secrets.
func withoutURL(err error) string { return clipLong(addresses.ReplaceAllString(err.Error(), "…")) }

// account is the JSON key of a service account.
type account struct {
	Type         string `json:"type"`
	ProjectID    string `json:"project_id"`
	PrivateKeyID string `json:"private_key_id"`
	PrivateKey   string `json:"private_key"`
	ClientEmail  string `json:"client_email"`
	TokenURI     string `json:"token_uri"`
	Universe     string `json:"universe_domain"`
}

// parseAccount reads the JSON key of a service account. Its tokens are asked for nowhere
// but at Google.
func parseAccount(text string) (account, error) {
	var a account
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		return a, errors.New("is not a JSON object")
	}
	if a.Universe == "" {
		a.Universe = "googleapis.com"
	}
	if a.TokenURI == "" {
		a.TokenURI = "https://oauth2." + a.Universe + "/token"
	}
	known := at(a.TokenURI, "oauth2."+a.Universe, "/token") || at(a.TokenURI, "accounts.google.com", "/o/oauth2/token") || at(a.TokenURI, "www.googleapis.com", "/oauth2/v4/token")
	switch {
	case a.Type != "service_account":
		return a, errors.New("must be of the type service_account")
	case a.ClientEmail == "":
		return a, errors.New("has no client_email")
	case a.PrivateKey == "":
		return a, errors.New("has no private_key")
	case !universeDomain.MatchString(a.Universe) || !known:
		return a, errors.New("must have the token_uri https://oauth2.googleapis.com/token")
	}
	return a, nil
}

// keyProblem says what is wrong with the private key of an account, "" if nothing is.
func (a account) keyProblem() string {
	block, _ := pem.Decode([]byte(a.PrivateKey))
	if block == nil {
		return "The private_key is not in PEM form."
	}
	if _, err := x509.ParsePKCS8PrivateKey(block.Bytes); err != nil {
		if _, err := x509.ParsePKCS1PrivateKey(block.Bytes); err != nil {
			return "The private_key is damaged."
		}
	}
	return ""
}

// accountToken exchanges the key of a service account for an access token. The key does not
// leave the server.
func (f *Feature) accountToken(ctx context.Context, text string) (string, error) {
	a, err := parseAccount(text)
	if err != nil {
		return "", fail("invalid_credentials", "The credentials JSON %s.", err)
	}
	if why := a.keyProblem(); why != "" {
		return "", fail("invalid_credentials", "%s", why)
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, f.HTTP.HTTP())
	c := jwt.Config{Email: a.ClientEmail, PrivateKey: []byte(a.PrivateKey), PrivateKeyID: a.PrivateKeyID, TokenURL: a.TokenURI, Scopes: scopes}
	return token(c.TokenSource(ctx))
}

// googleCaller asks Google whose a token is.
func (f *Feature) googleCaller(ctx context.Context, token string) (email string, err error) {
	form := strings.NewReader(url.Values{"access_token": {token}}.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://oauth2.googleapis.com/tokeninfo", form)
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := f.HTTP.Do(ctx, req)
	if err != nil {
		return "", outside("Google", err)
	}
	defer func() { _ = res.Body.Close() }()
	var info struct {
		Email string `json:"email"`
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil || res.StatusCode != http.StatusOK || json.Unmarshal(b, &info) != nil {
		return "", fail("google_refused", "Google does not know the token that it has just given.")
	}
	return info.Email, nil
}

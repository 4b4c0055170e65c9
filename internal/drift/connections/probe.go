package connections

import (
	"context"
	"net/http"
	"time"

	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// found is the outcome of a good test.
type found struct {
	Checked string `json:"checked"` // identity: the cloud knows the credentials; parse: they were only read
	Account string `json:"account,omitempty"`
	ARN     string `json:"arn,omitempty"`
	Name    string `json:"name,omitempty"` // of the subscription
	Email   string `json:"email,omitempty"`
	Probe   string `json:"probe,omitempty"` // the service that was asked
}

// test makes credentials and asks the cloud whose they are. It notes the outcome in the row,
// unless others have been saved meanwhile.
func (f *Feature) test(ctx context.Context, c Connection) (found, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	out, err := f.ask(ctx, c)
	own, ok := asError(err)
	if err != nil && !ok {
		return out, err
	}
	status, message := "good", ""
	if ok {
		status, message = "bad", own.Message
	}
	_, failed := f.DB.Exec(context.WithoutCancel(ctx), `UPDATE drift_connections SET test_status = ?, test_message = ?, tested_at = ? WHERE id = ? AND updated_at = ?`, status, message, db.Now(), c.ID, c.UpdatedAt)
	if failed != nil {
		return out, failed
	}
	changes.Tell(ctx, f.Bus, c.Scope(), "drift-connections", c.ID)
	return out, err
}

func (f *Feature) ask(ctx context.Context, c Connection) (found, error) {
	env, err := f.mint(ctx, c, trial)
	if err != nil {
		return found{}, err
	}
	switch c.Type {
	case AWSRole, AWS, AWSOIDC:
		return f.askAWS(ctx, c.Details.V.Role, env)
	case AzureOIDC:
		return f.askAzure(ctx, c.Details.V, env["ARM_OIDC_TOKEN"])
	case GCPRole, GCP, GCPOIDC:
		email, err := f.googleCaller(ctx, env["GOOGLE_OAUTH_ACCESS_TOKEN"])
		return found{Checked: "identity", Email: email, Probe: "Google"}, err
	}
	if env["AWS_ACCESS_KEY_ID"] != "" && env["AWS_SECRET_ACCESS_KEY"] != "" {
		return f.askAWS(ctx, "", env)
	}
	for _, p := range probes {
		if token := env[p.variable]; token != "" {
			return f.probe(ctx, p, token)
		}
	}
	return found{Checked: "parse"}, nil
}

func (f *Feature) askAWS(ctx context.Context, role string, env Environment) (found, error) {
	partition := "aws"
	if m := roleARN.FindStringSubmatch(role); m != nil {
		partition = m[1]
	}
	who, err := f.awsCaller(ctx, partition, AWSKeys{ID: env["AWS_ACCESS_KEY_ID"], Secret: env["AWS_SECRET_ACCESS_KEY"], Session: env["AWS_SESSION_TOKEN"]})
	return found{Checked: "identity", Account: who.Account, ARN: who.ARN, Probe: "AWS"}, err
}

// service is where tokens of a variable can be tried.
type service struct{ variable, name, url, header, prefix string }

// probes are requests that any token may make and that change nothing.
var probes = []service{
	{"CLOUDFLARE_API_TOKEN", "Cloudflare", "https://api.cloudflare.com/client/v4/user/tokens/verify", "Authorization", "Bearer "},
	{"GITHUB_TOKEN", "GitHub", "https://api.github.com/rate_limit", "Authorization", "Bearer "},
	{"GITLAB_TOKEN", "GitLab", "https://gitlab.com/api/v4/personal_access_tokens/self", "PRIVATE-TOKEN", ""},
	{"DIGITALOCEAN_TOKEN", "DigitalOcean", "https://api.digitalocean.com/v2/account", "Authorization", "Bearer "},
	{"DIGITALOCEAN_ACCESS_TOKEN", "DigitalOcean", "https://api.digitalocean.com/v2/account", "Authorization", "Bearer "},
	{"HCLOUD_TOKEN", "Hetzner Cloud", "https://api.hetzner.cloud/v1/locations", "Authorization", "Bearer "},
	{"LINODE_TOKEN", "Linode", "https://api.linode.com/v4/profile", "Authorization", "Bearer "},
	{"FASTLY_API_KEY", "Fastly", "https://api.fastly.com/tokens/self", "Fastly-Key", ""},
}

// probe asks a service whether it knows a token. Only a clear no is a bad outcome.
func (f *Feature) probe(ctx context.Context, p service, token string) (found, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
	if err != nil {
		return found{}, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set(p.header, p.prefix+token)
	res, err := f.HTTP.Do(ctx, req)
	if err != nil {
		return found{Checked: "parse"}, nil //nolint:nilerr // the service may be out of reach of this server, and within that of agents
	}
	defer func() { _ = res.Body.Close() }()
	switch res.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return found{}, fail("token_refused", "%s does not take the token in %s.", p.name, p.variable)
	case http.StatusOK:
		return found{Checked: "identity", Probe: p.name}, nil
	}
	return found{Checked: "parse"}, nil
}

package oidc

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/problem"
)

// What each provider reads is that of its documentation; the names of the variables that
// ask for it are HCP Terraform's ("Dynamic provider credentials").

// aws: the SDK exchanges the token for a session of the role.
func (p *phase) aws(t, audience string) (map[string]string, error) {
	role, err := p.byPhase("TFC_AWS", "ROLE_ARN", t)
	if err != nil {
		return nil, err
	}
	_, token, err := p.token("AWS", t, audience)
	if err != nil {
		return nil, err
	}
	if strings.ContainsAny(role, "\r\n") {
		return nil, problem.Unprocessable("the role of %s has a line break", tagged("TFC_AWS_PROVIDER_AUTH", t))
	}
	config := p.file("AWS", t, "shared_config", fmt.Sprintf("[default]\nweb_identity_token_file = %s\nrole_arn = %s\nrole_session_name = %s\n", token, role, p.workload.RunID), false)
	p.setIf(t, "AWS_ROLE_ARN", role)
	p.setIf(t, "AWS_WEB_IDENTITY_TOKEN_FILE", token)
	p.setIf(t, "AWS_ROLE_SESSION_NAME", p.workload.RunID)
	return map[string]string{"shared_config_file": config}, nil
}

// gcp: the SDK exchanges the token for one of a service account.
func (p *phase) gcp(t, audience string) (map[string]string, error) {
	account, err := p.byPhase("TFC_GCP", "SERVICE_ACCOUNT_EMAIL", t)
	if err != nil {
		return nil, err
	}
	name := p.option("TFC_GCP_WORKLOAD_PROVIDER_NAME", t)
	if name == "" {
		number, pool, id := p.option("TFC_GCP_PROJECT_NUMBER", t), p.option("TFC_GCP_WORKLOAD_POOL_ID", t), p.option("TFC_GCP_WORKLOAD_PROVIDER_ID", t)
		if number == "" || pool == "" || id == "" {
			return nil, missing("TFC_GCP", t, "TFC_GCP_WORKLOAD_PROVIDER_NAME")
		}
		name = "projects/" + number + "/locations/global/workloadIdentityPools/" + pool + "/providers/" + id
	}
	of := "//iam.googleapis.com/" + name
	if audience == "" {
		audience = of
	}
	_, token, err := p.token("GCP", t, audience)
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(map[string]any{ //nolint:gosec // addresses, no credential
		"type":                              "external_account",
		"audience":                          of,
		"subject_token_type":                "urn:ietf:params:oauth:token-type:jwt",
		"token_url":                         "https://sts.googleapis.com/v1/token",
		"service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/" + account + ":generateAccessToken",
		"credential_source":                 map[string]any{"file": token, "format": map[string]string{"type": "text"}},
	})
	if err != nil {
		return nil, err
	}
	file := p.file("GCP", t, "credentials.json", string(config), false)
	p.setIf(t, "GOOGLE_CREDENTIALS", file)
	p.setIf(t, "GOOGLE_APPLICATION_CREDENTIALS", file)
	return map[string]string{"credentials": file}, nil
}

// azure: the provider exchanges the token itself. Tenant and subscription are the
// workspace's own variables.
func (p *phase) azure(t, audience string) (map[string]string, error) {
	client, err := p.byPhase("TFC_AZURE", "CLIENT_ID", t)
	if err != nil {
		return nil, err
	}
	_, token, err := p.token("AZURE", t, audience)
	if err != nil {
		return nil, err
	}
	p.setIf(t, "ARM_USE_OIDC", "true")
	p.setIf(t, "ARM_CLIENT_ID", client)
	p.setIf(t, "ARM_OIDC_TOKEN_FILE_PATH", token)
	return map[string]string{"client_id_file_path": p.file("AZURE", t, "client_id", client, false), "oidc_token_file_path": token}, nil
}

// vault: the provider logs in with the token where it has a block auth_login_jwt. Nobody
// has logged in for it, so there is no Vault token, and one configuration at most.
func (p *phase) vault(t, audience string) (map[string]string, error) {
	address := p.option("TFC_VAULT_ADDR", t)
	switch {
	case t != "":
		return nil, problem.Unprocessable("%s: Vault takes one configuration, without a tag", tagged("TFC_VAULT_PROVIDER_AUTH", t))
	case address == "":
		return nil, missing("TFC_VAULT", t, "TFC_VAULT_ADDR")
	}
	token, err := p.Token(p.ctx, p.workload, audience)
	if err != nil {
		return nil, err
	}
	if encoded := p.option("TFC_VAULT_ENCODED_CACERT", t); encoded != "" {
		ca, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return nil, problem.Unprocessable("TFC_VAULT_ENCODED_CACERT is not base64")
		}
		p.set("VAULT_CACERT", p.file("VAULT", t, "ca.pem", string(ca), false))
	}
	p.setIf(t, "VAULT_ADDR", address)
	p.setIf(t, "VAULT_NAMESPACE", p.option("TFC_VAULT_NAMESPACE", t))
	p.secret("TERRAFORM_VAULT_AUTH_JWT", token)
	return nil, nil
}

// kubernetes: the provider sends the token as it is. Host and certificate are in the
// configuration.
func (p *phase) kubernetes(t, audience string) (map[string]string, error) {
	token, path, err := p.token("KUBERNETES", t, audience)
	if err != nil {
		return nil, err
	}
	if t == "" {
		p.secret("KUBE_TOKEN", token)
	}
	return map[string]string{"token_path": path}, nil
}

var hcpProvider = regexp.MustCompile(`^iam/project/[^/]+/service-principal/[^/]+/workload-identity-provider/[^/]+$`)

// hcp: the SDK exchanges the token for one of a service principal.
func (p *phase) hcp(t, audience string) (map[string]string, error) {
	name, err := p.byPhase("TFC_HCP", "PROVIDER_RESOURCE_NAME", t)
	if err != nil {
		return nil, err
	}
	if !hcpProvider.MatchString(name) {
		return nil, problem.Unprocessable("%s is no workload identity provider: %q", tagged("TFC_HCP_RUN_PROVIDER_RESOURCE_NAME", t), name)
	}
	_, token, err := p.token("HCP", t, audience)
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(map[string]any{
		"scheme":   "workload",
		"workload": map[string]any{"provider_resource_name": name, "file": map[string]string{"path": token}},
	})
	if err != nil {
		return nil, err
	}
	file := p.file("HCP", t, "credentials.json", string(config), false)
	p.setIf(t, "HCP_CRED_FILE", file)
	return map[string]string{"credential_file": file}, nil
}

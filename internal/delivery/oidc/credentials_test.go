package oidc_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/delivery/oidc"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// given are credentials as a test looks at them: each token is written as "token for
// AUDIENCE", and everything is what the engine sees when Folder is /files.
func given(s *apptest.Server, w oidc.Workload, env map[string]string) (vars, files map[string]string, err error) {
	s.T.Helper()
	var list []proto.Env
	for name, value := range env {
		list = append(list, proto.Env{Name: name, Value: value})
	}
	made, err := s.App.OIDC.Credentials(s.T.Context(), w, list)
	plain := func(text string, secret bool) string {
		if strings.Count(text, ".") == 2 && strings.HasPrefix(text, "ey") {
			if !secret {
				s.T.Errorf("a token is not sensitive: %s", text)
			}
			return "token for " + verify(s, text)["aud"].(string)
		}
		return strings.ReplaceAll(text, proto.Folder, "/files")
	}
	vars, files = map[string]string{}, map[string]string{}
	for _, e := range made.Env {
		if strings.Contains(e.Value, proto.Folder) != e.InFiles {
			s.T.Errorf("%s: InFiles = %v of %q", e.Name, e.InFiles, e.Value)
		}
		vars[e.Name] = plain(e.Value, e.Sensitive)
	}
	for _, f := range made.Files {
		if strings.ContainsAny(f.Name, "/\\") {
			s.T.Errorf("file %q", f.Name)
		}
		files[f.Name] = plain(f.Text, f.Sensitive)
	}
	return vars, files, err
}

func TestTokensThatWorkspacesAskFor(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		vars, files, err := given(s, workload, map[string]string{
			"TFC_WORKLOAD_IDENTITY_AUDIENCE": "one", "TFC_WORKLOAD_IDENTITY_AUDIENCE_OTHER_2": "two", "TFC_WORKLOAD_IDENTITY_AUDIENCE_TYPE": "reserved",
			"TFC_WORKLOAD_IDENTITY_AUDIENCE_EMPTY": "", "TFC_WORKLOAD_IDENTITY_AUDIENCES": "no tag", "OTHER": "x",
		})
		want := map[string]string{"TFC_WORKLOAD_IDENTITY_TOKEN": "token for one", "TFC_WORKLOAD_IDENTITY_TOKEN_OTHER_2": "token for two"}
		if diff := cmp.Diff(want, vars); diff != "" || len(files) != 0 || err != nil {
			s.T.Errorf("%s; files %v, %v", diff, files, err)
		}
		if vars, files, err = given(s, workload, map[string]string{"AWS_REGION": "eu-north-1"}); len(vars)+len(files) != 0 || err != nil {
			s.T.Errorf("a workspace that asks for nothing gets %v %v %v", vars, files, err)
		}
	}, public)
}

func TestCredentialsOfProviders(t *testing.T) {
	const hcp = "iam/project/p/service-principal/s/workload-identity-provider/w"
	apply := workload
	apply.Phase = "apply"
	for _, c := range []struct {
		name        string
		w           oidc.Workload
		env         map[string]string
		vars, files map[string]string
	}{
		{"AWS", workload, map[string]string{"TFC_AWS_PROVIDER_AUTH": "true", "TFC_AWS_RUN_ROLE_ARN": "arn:run"},
			map[string]string{"AWS_ROLE_ARN": "arn:run", "AWS_WEB_IDENTITY_TOKEN_FILE": "/files/aws_token", "AWS_ROLE_SESSION_NAME": "run-1",
				"TF_VAR_tfc_aws_dynamic_credentials": `{"aliases":{},"default":{"shared_config_file":"/files/aws_shared_config"}}`},
			map[string]string{"aws_token": "token for aws.workload.identity",
				"aws_shared_config": "[default]\nweb_identity_token_file = /files/aws_token\nrole_arn = arn:run\nrole_session_name = run-1\n"}},
		{"AWS for applies, with an alias", apply, map[string]string{"TFC_AWS_PROVIDER_AUTH": "true", "TFC_AWS_PLAN_ROLE_ARN": "arn:plan", "TFC_AWS_APPLY_ROLE_ARN": "arn:apply",
			"TFC_AWS_WORKLOAD_IDENTITY_AUDIENCE": "mine", "TFC_AWS_PROVIDER_AUTH_B": "true", "TFC_AWS_RUN_ROLE_ARN_B": "arn:b"},
			map[string]string{"AWS_ROLE_ARN": "arn:apply", "AWS_WEB_IDENTITY_TOKEN_FILE": "/files/aws_token", "AWS_ROLE_SESSION_NAME": "run-1",
				"TF_VAR_tfc_aws_dynamic_credentials": `{"aliases":{"B":{"shared_config_file":"/files/aws_b_shared_config"}},"default":{"shared_config_file":"/files/aws_shared_config"}}`},
			map[string]string{"aws_token": "token for mine", "aws_b_token": "token for aws.workload.identity",
				"aws_shared_config":   "[default]\nweb_identity_token_file = /files/aws_token\nrole_arn = arn:apply\nrole_session_name = run-1\n",
				"aws_b_shared_config": "[default]\nweb_identity_token_file = /files/aws_b_token\nrole_arn = arn:b\nrole_session_name = run-1\n"}},
		{"AWS, off", workload, map[string]string{"TFC_AWS_PROVIDER_AUTH": "false"}, map[string]string{}, map[string]string{}},
		{"GCP", workload, map[string]string{"TFC_GCP_PROVIDER_AUTH": "true", "TFC_GCP_RUN_SERVICE_ACCOUNT_EMAIL": "a@b", "TFC_GCP_PROJECT_NUMBER": "1", "TFC_GCP_WORKLOAD_POOL_ID": "pool", "TFC_GCP_WORKLOAD_PROVIDER_ID": "id"},
			map[string]string{"GOOGLE_CREDENTIALS": "/files/gcp_credentials.json", "GOOGLE_APPLICATION_CREDENTIALS": "/files/gcp_credentials.json",
				"TF_VAR_tfc_gcp_dynamic_credentials": `{"aliases":{},"default":{"credentials":"/files/gcp_credentials.json"}}`},
			map[string]string{"gcp_token": "token for //iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/id",
				"gcp_credentials.json": `{"audience":"//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/id","credential_source":{"file":"/files/gcp_token","format":{"type":"text"}},"service_account_impersonation_url":"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b:generateAccessToken","subject_token_type":"urn:ietf:params:oauth:token-type:jwt","token_url":"https://sts.googleapis.com/v1/token","type":"external_account"}`}},
		{"Azure", workload, map[string]string{"TFC_AZURE_PROVIDER_AUTH": "true", "TFC_AZURE_RUN_CLIENT_ID": "client"},
			map[string]string{"ARM_USE_OIDC": "true", "ARM_CLIENT_ID": "client", "ARM_OIDC_TOKEN_FILE_PATH": "/files/azure_token",
				"TF_VAR_tfc_azure_dynamic_credentials": `{"aliases":{},"default":{"client_id_file_path":"/files/azure_client_id","oidc_token_file_path":"/files/azure_token"}}`},
			map[string]string{"azure_token": "token for api://AzureADTokenExchange", "azure_client_id": "client"}},
		{"Vault", workload, map[string]string{"TFC_VAULT_PROVIDER_AUTH": "true", "TFC_VAULT_ADDR": "https://vault", "TFC_VAULT_NAMESPACE": "admin", "TFC_VAULT_ENCODED_CACERT": "cGVt"},
			map[string]string{"VAULT_ADDR": "https://vault", "VAULT_NAMESPACE": "admin", "VAULT_CACERT": "/files/vault_ca.pem", "TERRAFORM_VAULT_AUTH_JWT": "token for vault.workload.identity"},
			map[string]string{"vault_ca.pem": "pem"}},
		{"Kubernetes", workload, map[string]string{"TFC_KUBERNETES_PROVIDER_AUTH": "true"},
			map[string]string{"KUBE_TOKEN": "token for kubernetes", "TF_VAR_tfc_kubernetes_dynamic_credentials": `{"aliases":{},"default":{"token_path":"/files/kubernetes_token"}}`},
			map[string]string{"kubernetes_token": "token for kubernetes"}},
		{"HCP", workload, map[string]string{"TFC_HCP_PROVIDER_AUTH": "true", "TFC_HCP_RUN_PROVIDER_RESOURCE_NAME": hcp},
			map[string]string{"HCP_CRED_FILE": "/files/hcp_credentials.json", "TF_VAR_tfc_hcp_dynamic_credentials": `{"aliases":{},"default":{"credential_file":"/files/hcp_credentials.json"}}`},
			map[string]string{"hcp_token": "token for hcp.workload.identity",
				"hcp_credentials.json": `{"scheme":"workload","workload":{"file":{"path":"/files/hcp_token"},"provider_resource_name":"` + hcp + `"}}`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := apptest.Start(t, public)
			vars, files, err := given(s, c.w, c.env)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.vars, vars); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.files, files); diff != "" {
				t.Error(diff)
			}
			for name, value := range vars {
				if strings.HasPrefix(name, "TF_VAR_") && !json.Valid([]byte(value)) {
					t.Errorf("%s = %s", name, value)
				}
			}
		})
	}
}

func TestHalfAConfigurationIsExplained(t *testing.T) {
	s := apptest.Start(t, public)
	for want, env := range map[string]map[string]string{
		"TFC_AWS_PROVIDER_AUTH is set, but TFC_AWS_RUN_ROLE_ARN is not":              {"TFC_AWS_PROVIDER_AUTH": "true"},
		"TFC_AWS_PROVIDER_AUTH_B is set, but TFC_AWS_RUN_ROLE_ARN_B is not":          {"TFC_AWS_PROVIDER_AUTH_B": "true", "TFC_AWS_RUN_ROLE_ARN": "of another"},
		"TFC_GCP_PROVIDER_AUTH is set, but TFC_GCP_WORKLOAD_PROVIDER_NAME is not":    {"TFC_GCP_PROVIDER_AUTH": "true", "TFC_GCP_RUN_SERVICE_ACCOUNT_EMAIL": "a"},
		"TFC_VAULT_ENCODED_CACERT is not base64":                                     {"TFC_VAULT_PROVIDER_AUTH": "true", "TFC_VAULT_ADDR": "a", "TFC_VAULT_ENCODED_CACERT": "?"},
		"TFC_VAULT_PROVIDER_AUTH_B: Vault takes one configuration":                   {"TFC_VAULT_PROVIDER_AUTH_B": "true", "TFC_VAULT_ADDR_B": "a"},
		"TFC_HCP_RUN_PROVIDER_RESOURCE_NAME is no workload identity provider: \"x\"": {"TFC_HCP_PROVIDER_AUTH": "true", "TFC_HCP_RUN_PROVIDER_RESOURCE_NAME": "x"},
		"has a line break": {"TFC_AWS_PROVIDER_AUTH": "true", "TFC_AWS_RUN_ROLE_ARN": "x\ncredential_process = rm"},
	} {
		_, _, err := given(s, workload, env)
		var p *problem.Problem
		if !errors.As(err, &p) || !strings.Contains(p.Detail, want) {
			t.Errorf("%v: %v, want %s", slices.Sorted(maps.Keys(env)), err, want)
		}
	}
}

package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/config"
)

const (
	cloudIssuer    = "https://plumbline.example"
	googleProvider = "projects/12345/locations/global/workloadIdentityPools/pool/providers/plumbline"
	azureID        = "11111111-2222-3333-4444-555555555555"
)

// cloudEndpoints are the token endpoints of AWS and Google, which trust any identity token, and
// of Azure, which trusts none.
func cloudEndpoints(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(b))
	answer := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	switch {
	case form.Get("Action") == "AssumeRoleWithWebIdentity" && strings.Count(form.Get("WebIdentityToken"), ".") == 2:
		_, _ = io.WriteString(w, `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAMINTED</AccessKeyId><SecretAccessKey>minted-secret</SecretAccessKey><SessionToken>minted-session</SessionToken></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`)
	case strings.HasPrefix(r.URL.Path, "/aws/"):
		_, _ = io.WriteString(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account><Arn>arn:aws:sts::123456789012:assumed-role/drift/plumbline-scan-test</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	case r.URL.Path == "/gsts/v1/token":
		answer(200, map[string]any{"access_token": "federated-token", "issued_token_type": "urn:ietf:params:oauth:token-type:access_token", "token_type": "Bearer", "expires_in": 3600})
	case strings.HasPrefix(r.URL.Path, "/giam/"):
		answer(200, map[string]any{"accessToken": "google-access-token", "expireTime": "2099-01-01T00:00:00Z"})
	case r.URL.Path == "/google/tokeninfo":
		answer(200, map[string]any{"email": "scan@p.iam.gserviceaccount.com"})
	default:
		answer(401, map[string]any{"error": "invalid_client", "error_description": "AADSTS700213: No matching federated identity record found for presented assertion subject."})
	}
}

// TestConnectionsWithoutSecretsAreMadeAndTested by their forms, each with the file that makes
// what the cloud must have.
func TestConnectionsWithoutSecretsAreMadeAndTested(t *testing.T) {
	clouds := httptest.NewServer(http.HandlerFunc(cloudEndpoints))
	t.Cleanup(clouds.Close)
	s := apptest.Start(t, func(c *config.Server) {
		c.PublicURL = cloudIssuer
		c.Outbound.Rewrite = map[string]string{"sts.amazonaws.com": clouds.URL + "/aws", "sts.googleapis.com": clouds.URL + "/gsts", "iamcredentials.googleapis.com": clouds.URL + "/giam",
			"oauth2.googleapis.com": clouds.URL + "/google", "login.microsoftonline.com": clouds.URL + "/login"}
	})
	address, _ := s.TLS() // a session at a public address by https is for https alone
	st := &stage{s, Open(t, address), s.Org("acme")}
	st.LogIn(st.Server, st.org.Owner)
	st.Go("/app/acme/drift/connections")
	st.Allow("422")
	for _, c := range []struct {
		name, kind, file string
		wrong, says      string // the first field with something that the server refuses, and why
		fields           [][2]string
		status, tested   string
	}{
		{"billing", "AWS, without keys (OpenID Connect)", "make-aws-oidc.tf", "", "", [][2]string{{"Role", "arn:aws:iam::123456789012:role/drift"}}, "Works", "It works, as arn:aws:sts::123456789012:assumed-role/drift/plumbline-scan-test."},
		{"analytics", "Google Cloud, without keys (OpenID Connect)", "make-gcp-oidc.tf", "projects/x", "workloadIdentityPools", [][2]string{{"Workload identity provider", googleProvider}, {"Service account", "scan@p.iam.gserviceaccount.com"}}, "Works", "It works, as scan@p.iam.gserviceaccount.com."},
		{"identity", "Azure, without keys (OpenID Connect)", "make-azure-oidc.tf", "", "", [][2]string{{"Tenant id", azureID}, {"Client id", azureID}, {"Subscription id", azureID}}, "Fails", "no federated credential for the subject"},
	} {
		st.Click("Add a connection")
		st.Fill("Name", c.name)
		st.Choose("Kind", c.kind)
		st.See("Nothing secret is kept.", c.file+" makes what it needs")
		var file string
		if st.Eval(`fetch(document.querySelector('dialog a[download]').href).then((r) => r.text())`, &file); !strings.Contains(file, cloudIssuer) || !strings.Contains(file, `"acme"`) {
			t.Errorf("%s = %s, want the address of the server and the organization", c.file, file)
		}
		if c.wrong != "" {
			st.Fill(c.fields[0][0], c.wrong)
			st.Click("Save")
			st.See(c.says)
		}
		for _, f := range c.fields {
			st.Fill(f[0], f[1])
		}
		st.Shot("drift-connection-" + strings.TrimSuffix(c.file, ".tf"))
		st.Click("Save")
		st.See(c.name, "Subject: organization:acme:config:*:folder:*:run_phase:plan", "Issuer: "+cloudIssuer)
		st.Click("Test " + c.name)
		st.See(c.tested)
		st.Shot("drift-connection-tested-" + c.name)
		st.Click("Close")
		st.Until(c.name+" to show what came of it", fmt.Sprintf(`[...document.querySelectorAll('li')].some((l) => l.innerText.startsWith(%q) && l.innerText.includes(%q))`, c.name, c.status))
	}
	st.Unseen("minted-secret", "google-access-token")
	for _, kind := range []string{"AWS, a role for this server", "AWS, access keys", "Google Cloud, by the AWS identity of this server", "Google Cloud, a service account"} {
		st.Click("Add a connection")
		st.Choose("Kind", kind)
		st.See("makes what it needs")
		st.Shot("drift-connection-of-" + strings.ReplaceAll(strings.ReplaceAll(strings.ToLower(kind), ",", ""), " ", "-"))
		st.Click("Cancel")
	}
	st.Click("Change billing")
	st.Until("what was saved", `[...document.querySelectorAll('dialog input')].some((i) => i.value === 'arn:aws:iam::123456789012:role/drift')`)
	st.Click("Cancel")
	st.Until("the dialog to be closed", `!document.querySelector('dialog[open]')`)
	st.Shot("drift-connections-without-secrets")
}

// hub is as much of GitHub's API as the installation of an app needs.
func hub(token string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status, v := http.StatusOK, any(map[string]any{"id": 42, "private": true})
		switch r.Method + " " + r.URL.Path {
		case "POST /app/installations/815/access_tokens":
			status, v = http.StatusCreated, map[string]any{"token": token, "expires_at": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}
		case "GET /installation/repositories":
			v = map[string]any{"total_count": 2, "repositories": []any{map[string]any{"full_name": "private/infra"}, map[string]any{"full_name": "private/other"}}}
		case "GET /repos/private/infra":
		default:
			status, v = http.StatusNotFound, map[string]any{"message": "Not Found"}
		}
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
}

func TestARepositoryOfAGitHubAppIsMadeAndTested(t *testing.T) {
	host := apptest.NewGitHost(t)
	host.Commit("private/infra", "main", map[string]string{"network/main.tf": `terraform {}`, "payments/main.tf": `terraform {}`})
	github := httptest.NewServer(hub(host.Token))
	t.Cleanup(github.Close)
	rewrite := host.Rewrite()
	rewrite["api.github.com"] = github.URL
	st := newStage(t, func(c *config.Server) { c.Outbound.Rewrite = rewrite })
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	private := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	st.Allow("422")
	st.Go("/app/acme/drift/repositories")
	st.Click("Add a repository")
	st.Choose("Kind", "GitHub, by an app")
	st.Fill("Address", "https://github.com/private/infra")
	st.Fill("App id", "4711")
	st.Fill("Installation id", "816")
	st.Fill("Private key", private)
	st.Click("Save")
	st.See("no installation with this id")
	st.Shot("drift-repository-app")
	st.Fill("Installation id", "815")
	st.Click("Save")
	st.See("private/infra", "GitHub, by an app")
	st.Unseen("BEGIN RSA")
	st.Click("Test private/infra")
	st.See("It works.", "Branches", "Repositories of the installation", "private/other", "Folders with configurations", "payments")
	st.Shot("drift-repository-tested")
	st.Click("Close")
	st.See("Works")

	st.Click("Change private/infra")
	st.See("There is one, and nobody can read it.")
	st.Choose("Kind", "Any other, by https or ssh")
	st.Fill("Address", "git@git.example.com:infra.git")
	st.See("Known hosts", "Private key")
	st.Shot("drift-repository-ssh")
	st.Click("Cancel")

	st.Go("/app/acme/drift/schedules/new")
	st.Click("Look into the repository")
	st.Click("payments")
	st.Until("the folder in the place of the root, which has no configuration", `[...document.querySelectorAll('textarea')].some((e) => e.value === 'payments')`)
	st.Shot("drift-schedule-folders")
}

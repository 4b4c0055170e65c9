package drift_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/connections"
	"plumbline.dev/plumbline/internal/kernel/config"
)

const (
	issuer   = "https://plumbline.example"
	provider = "projects/12345/locations/global/workloadIdentityPools/pool/providers/plumbline"
	guid     = "11111111-2222-3333-4444-555555555555"
)

// clouds are the token endpoints of AWS, Google and Azure as strict as their documentation:
// they verify the signature, the audience and the subject of identity tokens.
type clouds struct {
	t        *testing.T
	w        *world
	audience string // that is wanted
	subject  string
	form     url.Values // of the last request
	refuse   bool       // at Azure's subscription
}

func (c *clouds) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(b))
	answer := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	switch path := r.URL.Path; {
	case path == "/aws/" && form.Get("Action") == "AssumeRoleWithWebIdentity":
		c.form = form
		if why := c.wrong(form.Get("WebIdentityToken")); why != "" || r.Header.Get("Authorization") != "" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>%s</Message></Error></ErrorResponse>`, why)
			return
		}
		_, _ = io.WriteString(w, `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAMINTED</AccessKeyId><SecretAccessKey>minted-secret</SecretAccessKey><SessionToken>minted-session</SessionToken></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`)
	case path == "/aws/" && strings.Contains(r.Header.Get("Authorization"), "Credential=ASIAMINTED/"):
		_, _ = io.WriteString(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account><Arn>arn:aws:sts::123456789012:assumed-role/scan/plumbline-scan-test</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	case path == "/gsts/v1/token":
		c.form = form
		switch why := c.wrong(form.Get("subject_token")); {
		case form.Get("subject_token_type") == "urn:ietf:params:aws:token-type:aws4_request" && strings.Contains(form.Get("subject_token"), "SERVERKEY"):
			answer(200, map[string]any{"access_token": "federated-token", "issued_token_type": "urn:ietf:params:oauth:token-type:access_token", "token_type": "Bearer", "expires_in": 3600})
		case why != "" || form.Get("audience") != "//iam.googleapis.com/"+provider || form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange":
			answer(400, map[string]any{"error": "invalid_grant", "error_description": "The given credential is rejected by the attribute condition. " + why})
		default:
			answer(200, map[string]any{"access_token": "federated-token", "issued_token_type": "urn:ietf:params:oauth:token-type:access_token", "token_type": "Bearer", "expires_in": 3600})
		}
	case path == "/giam/v1/projects/-/serviceAccounts/scan@p.iam.gserviceaccount.com:generateAccessToken" && r.Header.Get("Authorization") == "Bearer federated-token":
		if !strings.Contains(string(b), "cloud-platform.read-only") {
			c.t.Errorf("generateAccessToken of %s, want to read only", b)
		}
		answer(200, map[string]any{"accessToken": "google-access-token", "expireTime": "2099-01-01T00:00:00Z"})
	case path == "/google/tokeninfo" && form.Get("access_token") == "google-access-token":
		answer(200, map[string]any{"email": "scan@p.iam.gserviceaccount.com"})
	case path == "/login/"+guid+"/oauth2/v2.0/token":
		c.form = form
		if why := c.wrong(form.Get("client_assertion")); why != "" || form.Get("grant_type") != "client_credentials" || form.Get("client_id") != guid {
			answer(401, map[string]any{"error": "invalid_client", "error_description": "AADSTS700213: No matching federated identity record found for presented assertion subject. " + why + " Trace ID: 1"})
			return
		}
		answer(200, map[string]any{"access_token": "azure-access-token", "token_type": "Bearer", "expires_in": 3599})
	case path == "/management/subscriptions/"+guid && r.Header.Get("Authorization") == "Bearer azure-access-token":
		if c.refuse {
			answer(403, map[string]any{"error": map[string]any{"code": "AuthorizationFailed"}})
			return
		}
		answer(200, map[string]any{"displayName": "Production"})
	default:
		answer(404, map[string]any{"error": "not_found", "error_description": r.Method + " " + r.URL.Path})
	}
}

// wrong says what is wrong with an identity token, by the keys that the server publishes.
func (c *clouds) wrong(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "no token"
	}
	var claims struct {
		Iss, Aud, Sub string
		Iat, Exp      int64
	}
	body, _ := base64.RawURLEncoding.DecodeString(parts[1])
	signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
	if json.Unmarshal(body, &claims) != nil {
		return "no claims"
	}
	var set struct{ Keys []struct{ N, E string } }
	if err := json.Unmarshal(c.w.Do("GET", "/.well-known/jwks", "", nil).Body, &set); err != nil || len(set.Keys) == 0 {
		return "no keys"
	}
	n, _ := base64.RawURLEncoding.DecodeString(set.Keys[0].N)
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	switch {
	case rsa.VerifyPKCS1v15(&rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537}, crypto.SHA256, sum[:], signature) != nil:
		return "the signature is wrong"
	case claims.Iss != issuer || claims.Exp-claims.Iat != 3600:
		return fmt.Sprintf("issuer %s, %d s", claims.Iss, claims.Exp-claims.Iat)
	case claims.Aud != c.audience:
		return "audience " + claims.Aud
	case claims.Sub != c.subject:
		return "subject " + claims.Sub
	}
	return ""
}

// TestConnectionsWithoutSecrets: the clouds trust the tokens that the server signs for each
// scan; what is wrong is told in words.
func TestConnectionsWithoutSecrets(t *testing.T) {
	c := &clouds{t: t}
	web := httptest.NewServer(c)
	t.Cleanup(web.Close)
	w := &world{Server: apptest.Start(t, func(s *config.Server) {
		s.PublicURL = issuer
		s.Outbound.Rewrite = map[string]string{"sts.amazonaws.com": web.URL + "/aws", "sts.googleapis.com": web.URL + "/gsts", "iamcredentials.googleapis.com": web.URL + "/giam",
			"oauth2.googleapis.com": web.URL + "/google", "login.microsoftonline.com": web.URL + "/login", "management.azure.com": web.URL + "/management"}
	})}
	c.w, w.org = w, w.Org("acme")
	w.key, w.orgID = w.newKey("admin")
	use := connections.Use{ScheduleID: "0123", Folder: "net/eu", ScanID: "drsc-1"}
	for typ, kind := range map[string]struct {
		fields   obj
		audience string
		env      map[string]string
		tested   string // what the test tells
		refused  string // when the audience is another
	}{
		"aws-oidc": {obj{"infra_role": "arn:aws:iam::123456789012:role/scan"}, "aws.workload.identity",
			map[string]string{"AWS_ACCESS_KEY_ID": "ASIAMINTED", "AWS_SECRET_ACCESS_KEY": "minted-secret", "AWS_SESSION_TOKEN": "minted-session"}, "123456789012", "identity provider"},
		"gcp-oidc": {obj{"infra_provider": provider, "infra_service_account": "scan@p.iam.gserviceaccount.com"}, "//iam.googleapis.com/" + provider,
			map[string]string{"GOOGLE_OAUTH_ACCESS_TOKEN": "google-access-token"}, "scan@p.iam.gserviceaccount.com", "attribute condition"},
		"azure-oidc": {obj{"infra_tenant_id": guid, "infra_client_id": guid, "infra_subscription_id": guid}, "api://AzureADTokenExchange",
			map[string]string{"ARM_USE_OIDC": "true", "ARM_TENANT_ID": guid, "ARM_CLIENT_ID": guid, "ARM_SUBSCRIPTION_ID": guid}, "Production", "no federated credential for the subject"},
	} {
		save := obj{"save": 1, "infra_type": typ, "infra_name": typ}
		maps.Copy(save, kind.fields)
		_, saved, _ := w.call(w.key, "infra", save)
		if saved["issuer"] != issuer || saved["audience"] != kind.audience || saved["subject"] != "organization:acme:config:*:folder:*:run_phase:plan" {
			t.Errorf("save of %s = %v, want what a trust policy is made of", typ, saved)
		}
		id, _ := saved["infra_id"].(string)
		c.audience, c.subject = kind.audience, "organization:acme:config:0123:folder:net/eu:run_phase:plan"
		env, err := w.App.Drift.Connections.Environment(t.Context(), []string{id}, use)
		if typ == "azure-oidc" && err == nil { // the provider exchanges it
			if why := c.wrong(env["ARM_OIDC_TOKEN"]); why != "" {
				t.Errorf("ARM_OIDC_TOKEN: %s", why)
			}
			delete(env, "ARM_OIDC_TOKEN")
		}
		if err != nil || fmt.Sprint(env) != fmt.Sprint(kind.env) {
			t.Errorf("Environment of %s = %v, %v, want %v", typ, env, err, kind.env)
		}
		if typ == "aws-oidc" && (c.form.Get("PolicyArns.member.1.arn") != "arn:aws:iam::aws:policy/ReadOnlyAccess" || c.form.Get("RoleSessionName") != "plumbline-scan-drsc-1") {
			t.Errorf("AssumeRoleWithWebIdentity = %v, want a session that may only read", c.form)
		}
		c.subject = "organization:acme:config:test:folder:test:run_phase:plan"
		if _, answer, _ := w.call(w.key, "infra", obj{"test": 1, "infra_id": id}); answer["status"] != "good" || !strings.Contains(fmt.Sprint(answer), kind.tested) {
			t.Errorf("test of %s = %v, want it to tell %s", typ, answer, kind.tested)
		}
		_, _, _ = w.call(w.key, "infra", obj{"save": 1, "infra_id": id, "infra_audience": "another"})
		if _, answer, _ := w.call(w.key, "infra", obj{"test": 1, "infra_id": id}); answer["status"] != "bad" || !strings.Contains(fmt.Sprint(answer["message"]), kind.refused) {
			t.Errorf("test of %s with another audience = %v, want words with %q", typ, answer, kind.refused)
		}
		if typ == "azure-oidc" {
			c.refuse, c.audience = true, "another"
			if _, answer, _ := w.call(w.key, "infra", obj{"test": 1, "infra_id": id}); answer["status"] != "bad" || !strings.Contains(fmt.Sprint(answer["message"]), "role Reader") {
				t.Errorf("test without rights at the subscription = %v, want it told", answer)
			}
		}
	}
	for _, bad := range []obj{
		{"infra_type": "aws-oidc"}, {"infra_type": "gcp-oidc", "infra_provider": "projects/x"}, {"infra_type": "gcp-oidc"}, {"infra_type": "azure-oidc", "infra_tenant_id": guid, "infra_client_id": "x", "infra_subscription_id": guid},
		{"infra_type": "gcp-oidc", "infra_provider": provider, "infra_service_account": "../x"}, {"infra_type": "azure-oidc", "infra_tenant_id": guid, "infra_client_id": guid},
	} {
		bad["save"], bad["infra_name"] = 1, "bad"
		if status, answer, _ := w.call(w.key, "infra", bad); status != 400 || !strings.HasPrefix(fmt.Sprint(answer["field"]), "infra_") {
			t.Errorf("save of %v = %d %v, want 400 that names the field", bad, status, answer)
		}
	}
	w.leaksNothing("minted-secret", "google-access-token", "azure-access-token", "eyJ")
	for _, file := range []string{"make-aws-oidc.tf", "make-gcp-oidc.tf", "make-azure-oidc.tf"} {
		r := w.Do("GET", "/api/v2/organizations/acme/drift-files/"+file, w.org.Owner.Token, nil)
		if body := string(r.Body); r.Status != 200 || !strings.Contains(body, `default     = "`+issuer+`"`) || !strings.Contains(body, `default     = "acme"`) {
			t.Errorf("%s = %d %s, want the address of the server and the organization", file, r.Status, r.Body)
		}
		if _, bad := hclsyntax.ParseConfig(r.Body, file, hcl.InitialPos); bad.HasErrors() {
			t.Errorf("%s: %v", file, bad)
		}
	}
}

// TestAWorkloadIdentityOfAWS: the server's AWS identity is exchanged at Google for a token of
// a service account, whatever addresses the JSON names.
func TestAWorkloadIdentityOfAWS(t *testing.T) {
	c := &clouds{t: t}
	web := httptest.NewServer(c)
	t.Cleanup(web.Close)
	w := &world{Server: apptest.Start(t, func(s *config.Server) {
		s.Outbound.Rewrite = map[string]string{"sts.googleapis.com": web.URL + "/gsts", "iamcredentials.googleapis.com": web.URL + "/giam", "oauth2.googleapis.com": web.URL + "/google"}
	})}
	t.Setenv("AWS_ACCESS_KEY_ID", "SERVERKEY")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "server-secret")
	c.w, w.org = w, w.Org("acme")
	w.key, w.orgID = w.newKey("admin")
	document := func(change func(obj)) string {
		v := obj{"type": "external_account", "audience": "//iam.googleapis.com/" + provider, "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
			"token_url": "https://sts.googleapis.com/v1/token", "service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/scan@p.iam.gserviceaccount.com:generateAccessToken",
			"credential_source": obj{"environment_id": "aws1", "region_url": web.URL + "/metadata", "url": web.URL + "/metadata", "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"}}
		change(v)
		b, _ := json.Marshal(v)
		return string(b)
	}
	_, saved, _ := w.call(w.key, "infra", obj{"save": 1, "infra_type": "gcp-role", "infra_name": "google", "infra_workload": document(func(obj) {})})
	id, _ := saved["infra_id"].(string)
	env, err := w.App.Drift.Connections.Environment(t.Context(), []string{id}, connections.Use{ScanID: "drsc-1"})
	if err != nil || fmt.Sprint(env) != "map[GOOGLE_OAUTH_ACCESS_TOKEN:google-access-token]" || c.form.Get("scope") == "" || strings.Contains(c.form.Get("subject_token"), "server-secret") {
		t.Errorf("Environment = %v, %v, asked %v", env, err, c.form)
	}
	if _, answer, _ := w.call(w.key, "infra", obj{"test": 1, "infra_id": id}); answer["status"] != "good" || answer["email"] != "scan@p.iam.gserviceaccount.com" {
		t.Errorf("test = %v", answer)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "ANOTHERKEY")
	if _, answer, _ := w.call(w.key, "infra", obj{"test": 1, "infra_id": id}); answer["status"] != "bad" || !strings.Contains(fmt.Sprint(answer["message"]), "attribute condition") {
		t.Errorf("test as another server = %v, want what Google says", answer)
	}
	for name, change := range map[string]func(obj){
		"a program":        func(v obj) { v["credential_source"] = obj{"executable": obj{"command": "id"}} },
		"a file":           func(v obj) { v["credential_source"] = obj{"file": "/etc/passwd"} },
		"another host":     func(v obj) { v["token_url"] = "https://sts.evil.example/v1/token" },
		"another identity": func(v obj) { v["service_account_impersonation_url"] = "https://evil.example/x:generateAccessToken" },
		"another audience": func(v obj) { v["audience"] = "//evil.example/" },
	} {
		if status, answer, _ := w.call(w.key, "infra", obj{"save": 1, "infra_type": "gcp-role", "infra_name": "bad", "infra_workload": document(change)}); status != 400 || answer["field"] != "infra_workload" {
			t.Errorf("save with %s = %d %v, want 400", name, status, answer)
		}
	}
	w.leaksNothing("server-secret", "google-access-token", "federated-token")
}

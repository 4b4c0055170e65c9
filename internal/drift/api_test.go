package drift_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/connections"
	"plumbline.dev/plumbline/internal/kernel/config"
)

// call makes a request to the API and returns the status and the answer, which must be JSON.
func (w *world) call(key, path string, body any, header ...string) (int, map[string]any, http.Header) {
	w.T.Helper()
	b, ok := body.(string)
	if !ok {
		raw, err := json.Marshal(body)
		if err != nil {
			w.T.Fatal(err)
		}
		b = string(raw)
	}
	req, err := http.NewRequestWithContext(w.T.Context(), "POST", w.URL+"/drift/"+path, strings.NewReader(b))
	if err != nil {
		w.T.Fatal(err)
	}
	req.Header.Set("X-Api-Key", key)
	req.Header.Set("X-Org-ID", w.orgID)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	r := w.Send(req)
	if r.JSON() == nil || r.Header.Get("Content-Type") != "application/json" {
		w.T.Errorf("%s %.100s = %d %s, want JSON", path, b, r.Status, r.Body)
	}
	return r.Status, r.JSON(), r.Header
}

type obj = map[string]any

func TestTheFormOfRequests(t *testing.T) {
	w := start(t)
	reader, _ := w.newKey("read")
	operator, _ := w.newKey("operate")
	for name, c := range map[string]struct {
		key    string
		body   any
		header []string
		status int
		code   string
	}{
		"no key":           {"", obj{"list": true}, nil, 401, "invalid_key"},
		"wrong key":        {"pld_nobody", obj{"list": true}, nil, 401, "invalid_key"},
		"wrong org":        {w.key, obj{"list": true}, []string{"X-Org-ID", strings.Repeat("a", 32)}, 403, "wrong_organization"},
		"no verb":          {w.key, obj{}, nil, 400, "verb_required"},
		"a false verb":     {w.key, obj{"list": false, "get": 0}, nil, 400, "verb_required"},
		"two verbs":        {w.key, obj{"list": true, "get": 1}, nil, 400, "verb_conflict"},
		"no JSON":          {w.key, "{", nil, 400, "invalid_json"},
		"a list":           {w.key, "[]", nil, 400, "invalid_json"},
		"no body":          {w.key, "", nil, 400, "body_required"},
		"a huge body":      {w.key, `{"x":"` + strings.Repeat("x", 2<<20) + `"}`, nil, 413, "too_large"},
		"save by a reader": {reader, obj{"save": true}, nil, 403, "role_too_weak"},
		"test by a reader": {reader, obj{"test": true, "state_id": "x"}, nil, 403, "role_too_weak"},
		"save by operate":  {operator, obj{"save": true}, nil, 403, "role_too_weak"},
		"unknown id":       {w.key, obj{"get": true, "state_id": strings.Repeat("a", 32)}, nil, 404, "not_found"},
		"bad id":           {w.key, obj{"get": true, "state_id": "b7e4bce3fb8d48b38ac7aaacccbbbsss"}, nil, 404, "not_found"},
		"id of a type":     {w.key, obj{"get": true, "state_id": 7}, nil, 400, "invalid_field"},
		"no id":            {w.key, obj{"get": true}, nil, 400, "field_required"},
		"no type":          {w.key, obj{"save": true, "state_repo": "https://github.com/a/b"}, nil, 400, "field_required"},
		"odd type":         {w.key, obj{"save": true, "state_repo": "https://github.com/a/b", "state_type": "svn"}, nil, 400, "invalid_field"},
		"no token":         {w.key, obj{"save": true, "state_repo": "https://github.com/a/b", "state_type": "github-private"}, nil, 400, "field_required"},
		"no repository":    {w.key, obj{"save": true, "state_repo": "https://github.com/my-account/none", "state_type": "github-public"}, nil, 400, "repo_unreachable"},
		"an inner host":    {w.key, obj{"save": true, "state_repo": "https://127.0.0.1/a/b", "state_type": "git"}, nil, 400, "host_refused"},
	} {
		status, answer, _ := w.call(c.key, "state", c.body, c.header...)
		if status != c.status || answer["code"] != c.code || answer["status"] != "bad" || answer["message"] == "" {
			t.Errorf("%s = %d %v, want %d %s", name, status, answer, c.status, c.code)
		}
	}
	for _, on := range []any{true, 1, "1", "true"} {
		if status, answer, _ := w.call(reader, "state", obj{"list": on}); status != 200 || answer["status"] != "good" {
			t.Errorf("list: %v = %d %v, want good", on, status, answer)
		}
	}
	for _, path := range []string{"state", "none"} {
		if r := w.Do("GET", "/drift/"+path, "", nil); r.JSON()["status"] != "bad" || r.Status < 400 {
			t.Errorf("GET /drift/%s = %d %s, want JSON", path, r.Status, r.Body)
		}
	}
}

func TestIdempotencyKeysAndRates(t *testing.T) {
	w := start(t)
	save := obj{"save": true, "infra_type": "oth", "infra_name": "a", "infra_credentials": "TOKEN=abcdef"}
	_, one, _ := w.call(w.key, "infra", save, "Idempotency-Key", "k1")
	_, again, _ := w.call(w.key, "infra", save, "Idempotency-Key", "k1")
	_, other, _ := w.call(w.key, "infra", save, "Idempotency-Key", "k2")
	if one["infra_id"] == nil || one["infra_id"] != again["infra_id"] || one["infra_id"] == other["infra_id"] {
		t.Errorf("ids = %v, %v, %v, want the first repeated and another one", one, again, other)
	}
	save["infra_name"] = "b"
	if status, answer, _ := w.call(w.key, "infra", save, "Idempotency-Key", "k1"); status != 409 || answer["code"] != "idempotency_conflict" {
		t.Errorf("another request with the key = %d %v, want 409", status, answer)
	}
	limited := false
	for range 12 {
		status, answer, header := w.call(w.key, "infra", obj{"test": true, "infra_id": one["infra_id"]})
		if limited = status == 429; limited && (answer["code"] != "test_rate_limited" || header.Get("Retry-After") == "") {
			t.Errorf("the eleventh test = %d %v %v", status, answer, header)
		}
	}
	if !limited {
		t.Errorf("12 tests in a row are not limited")
	}
	for range 130 {
		if status, _, header := w.call(w.key, "state", obj{"list": true}); status == 429 {
			if header.Get("Retry-After") == "" {
				t.Errorf("429 without Retry-After")
			}
			return
		}
	}
	t.Errorf("130 requests in a row are not limited")
}

func TestAKeyCanExpireAndBeRevoked(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		create := func(attributes string) *apptest.Response {
			return s.Do("POST", "/api/v2/organizations/acme/drift-keys", org.Owner.Token, `{"data":{"type":"drift-keys","attributes":`+attributes+`}}`)
		}
		for _, bad := range []string{`{}`, `{"description":"x","role":"root"}`, `{"description":"x","expires-at":"2001-01-01T00:00:00Z"}`, `{"description":"x","expires-at":"soon"}`} {
			if r := create(bad); r.Status != 422 {
				s.T.Errorf("create %s = %d %s, want 422", bad, r.Status, r.Body)
			}
		}
		var doc struct {
			Data struct {
				ID         string
				Attributes struct{ Token string }
			}
		}
		if err := json.Unmarshal(create(`{"description":"ci","role":"read"}`).Body, &doc); err != nil {
			s.T.Fatal(err)
		}
		token := doc.Data.Attributes.Token
		list := string(s.Do("GET", "/api/v2/organizations/acme/drift-keys", org.Owner.Token, nil).Body)
		if strings.Contains(list, token) || !strings.Contains(list, token[len(token)-4:]) {
			s.T.Errorf("list = %s, want the last four characters and not the key", list)
		}
		if member := s.Do("GET", "/api/v2/organizations/acme/drift-keys", s.Member(org, "m").Token, nil); member.Status != 404 {
			s.T.Errorf("list as a member = %d, want 404", member.Status)
		}
		ask := func() int {
			req, _ := http.NewRequestWithContext(s.T.Context(), "POST", s.URL+"/drift/config", strings.NewReader(`{"list":1}`))
			req.Header.Set("X-Api-Key", token)
			req.Header.Set("X-Org-ID", org.ID)
			return s.Send(req).Status
		}
		if status := ask(); status != 200 {
			s.T.Errorf("with the key = %d, want 200", status)
		}
		if _, err := s.DB.Exec(s.T.Context(), `UPDATE drift_keys SET expires_at = created_at`); err != nil {
			s.T.Fatal(err)
		}
		if status := ask(); status != 401 {
			s.T.Errorf("with the expired key = %d, want 401", status)
		}
		if _, err := s.DB.Exec(s.T.Context(), `UPDATE drift_keys SET expires_at = NULL`); err != nil {
			s.T.Fatal(err)
		}
		if r := s.Do("DELETE", "/api/v2/drift-keys/"+doc.Data.ID, org.Owner.Token, nil); r.Status != 204 || ask() != 401 {
			s.T.Errorf("revoke = %d, then %d, want 204, 401", r.Status, ask())
		}
	})
}

func TestATokenGoesToItsHostOnly(t *testing.T) {
	w := start(t)
	_, saved, _ := w.call(w.key, "state", obj{"save": true, "state_repo": "https://github.com/my-account/my-repo", "state_type": "github-private", "state_token": "token-of-github"})
	id := saved["state_id"]
	if status, answer, _ := w.call(w.key, "state", obj{"save": true, "state_id": id, "state_repo": "https://gitlab.com/my-account/my-repo"}); status != 400 || answer["code"] != "field_required" {
		t.Errorf("another host without a token = %d %v, want 400: the token must not go there", status, answer)
	}
	if status, answer, _ := w.call(w.key, "state", obj{"save": true, "state_id": id, "state_repo": "https://github.com/my-account/my-repo.git/"}); status != 200 || answer["state_id"] != id {
		t.Errorf("the same host = %d %v, want the token kept", status, answer)
	}
	_, same, _ := w.call(w.key, "state", obj{"save": true, "state_repo": "https://github.com/my-account/my-repo", "state_type": "github-private", "state_token": "another-token"})
	if same["state_id"] != id {
		t.Errorf("saved again = %v, want the same id %v", same, id)
	}
	seen := strings.Join(w.host.Requests(), "\n")
	if strings.Contains(seen, "token-of-github") {
		t.Errorf("a token is in an address: %s", seen)
	}
}

func TestSchedulesJoinWhatBelongsTogether(t *testing.T) {
	w := start(t)
	_, repo, _ := w.call(w.key, "state", obj{"save": 1, "state_repo": "https://github.com/my-account/my-repo", "state_type": "github-public"})
	connection := func(name, env string) any {
		_, a, _ := w.call(w.key, "infra", obj{"save": 1, "infra_type": "oth", "infra_name": name, "infra_credentials": env})
		return a["infra_id"]
	}
	a, b := connection("a", "X=1"), connection("b", "X=2")
	base := obj{"save": 1, "state": repo["state_id"], "branch": "main", "state_files": []string{"folder1"}, "frequency": "hourly"}
	with := func(more obj) obj {
		out := obj{}
		for _, m := range []obj{base, more} {
			maps.Copy(out, m)
		}
		return out
	}
	for name, c := range map[string]struct {
		more obj
		code string
	}{
		"no such branch":       {obj{"branch": "none"}, "branch_missing"},
		"no folders":           {obj{"state_files": []string{}}, "field_required"},
		"folders outside":      {obj{"state_files": []string{"../x"}}, "invalid_path"},
		"an absolute folder":   {obj{"state_files": "/etc"}, "invalid_path"},
		"a bad frequency":      {obj{"frequency": "yearly"}, "invalid_frequency"},
		"a bad offset":         {obj{"frequency_offset": 99}, "invalid_offset"},
		"a foreign state":      {obj{"state": strings.Repeat("a", 32)}, "not_found"},
		"a foreign connection": {obj{"infra": strings.Repeat("a", 32)}, "not_found"},
		"clashing connections": {obj{"infra": []any{a, b}}, "connections_conflict"},
		"a dangerous variable": {obj{"env": obj{"PATH": "/tmp"}}, "variable_refused"},
		"a wrong type":         {obj{"alert_tweak_1": "maybe"}, "invalid_field"},
	} {
		if status, answer, _ := w.call(w.key, "config", with(c.more)); status != 400 || answer["code"] != c.code {
			t.Errorf("%s = %d %v, want 400 %s", name, status, answer, c.code)
		}
	}
	_, saved, _ := w.call(w.key, "config", with(obj{"infra": a, "frequency_offset": "22", "env": obj{"TF_VAR_secret": "very-secret"}}))
	_, got, _ := w.call(w.key, "config", obj{"get": 1, "config_id": saved["config_id"]})
	payload, _ := got["payload"].(obj)
	if payload["frequency_label"] != "Every hour at :22" || payload["active"] != true || payload["state_label"] != "my-account/my-repo" || payload["infra"] != a || payload["timezone"] != "UTC" ||
		fmt.Sprint(payload["alert_tweaks"]) != "[true false false]" || !strings.Contains(fmt.Sprint(payload["starting"]), ":22:00Z") || strings.Contains(fmt.Sprint(payload), "very-secret") {
		t.Errorf("get = %v", payload)
	}
	w.host.Commit("my-account/other", "trunk", map[string]string{"folder1/main.tf": "locals {}"})
	_, other, _ := w.call(w.key, "state", obj{"save": 1, "state_repo": "https://github.com/my-account/other", "state_type": "github-public"})
	if status, answer, _ := w.call(w.key, "config", obj{"save": 1, "config_id": saved["config_id"], "state": other["state_id"]}); status != 400 || answer["code"] != "branch_missing" {
		t.Errorf("another repository, which has no branch main = %d %v, want 400 branch_missing", status, answer)
	}
	if status, answer, _ := w.call(w.key, "state", obj{"delete": 1, "state_id": repo["state_id"]}); status != 409 || answer["code"] != "in_use" || fmt.Sprint(answer["config_ids"]) != fmt.Sprint([]any{saved["config_id"]}) {
		t.Errorf("delete of a used repository = %d %v, want 409 with config_ids", status, answer)
	}
	if status, answer, _ := w.call(w.key, "state", obj{"delete": 1, "state_id": repo["state_id"], "force": true}); status != 200 {
		t.Errorf("forced delete = %d %v", status, answer)
	}
	_, got, _ = w.call(w.key, "config", obj{"get": 1, "config_id": saved["config_id"]})
	if payload, _ := got["payload"].(obj); payload["active"] != false || payload["state"] != nil || payload["inactive_reason"] == "" {
		t.Errorf("the schedule after a forced delete = %v, want it inactive", payload)
	}
	if status, answer, _ := w.call(w.key, "config", obj{"activate": 1, "onoff": 1, "config_id": saved["config_id"]}); status != 409 || answer["code"] != "repo_missing" {
		t.Errorf("activate without a repository = %d %v, want 409", status, answer)
	}
}

// cloud is as much of AWS and Google as connections ask.
type cloud struct {
	mu   sync.Mutex
	seen []url.Values
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	b, _ := io.ReadAll(req.Body)
	form, _ := url.ParseQuery(string(b))
	c.mu.Lock()
	c.seen = append(c.seen, form)
	c.mu.Unlock()
	switch {
	case strings.HasPrefix(req.URL.Path, "/google/tokeninfo"):
		_, _ = io.WriteString(w, `{"email":"scan@project.iam.gserviceaccount.com"}`)
	case strings.HasPrefix(req.URL.Path, "/google/token"):
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"google-access-token","token_type":"Bearer","expires_in":3600}`)
	case !strings.Contains(req.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=SERVERKEY/") && !strings.Contains(req.Header.Get("Authorization"), "Credential=ASIAMINTED/"):
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>The security token included in the request is invalid.</Message></Error></ErrorResponse>`)
	case form.Get("Action") == "AssumeRole":
		_, _ = io.WriteString(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAMINTED</AccessKeyId><SecretAccessKey>minted-secret</SecretAccessKey><SessionToken>minted-session</SessionToken></Credentials></AssumeRoleResult></AssumeRoleResponse>`)
	default:
		_, _ = io.WriteString(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account><Arn>arn:aws:sts::123456789012:assumed-role/server/session</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	}
}

// TestOfKeysThatWereReplaced: keys are corrected while the cloud is asked about the wrong ones.
func TestOfKeysThatWereReplaced(t *testing.T) {
	w, saved := &world{}, obj{}
	web := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		w.call(w.key, "infra", obj{"save": 1, "infra_id": saved["infra_id"], "infra_key_secret": "right-secret"})
		rw.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(web.Close)
	w.Server = apptest.Start(t, func(s *config.Server) { s.Outbound.Rewrite = map[string]string{"sts.amazonaws.com": web.URL} })
	w.org = w.Org("acme")
	w.key, w.orgID = w.newKey("admin")
	_, saved, _ = w.call(w.key, "infra", obj{"save": 1, "infra_type": "aws", "infra_name": "keys", "infra_key_id": "AKIAOURS", "infra_key_secret": "wrong-secret"})
	if _, answer, _ := w.call(w.key, "infra", obj{"test": 1, "infra_id": saved["infra_id"]}); answer["status"] != "bad" {
		t.Errorf("test of wrong keys = %v, want bad", answer)
	}
	_, got, _ := w.call(w.key, "infra", obj{"get": 1, "infra_id": saved["infra_id"]})
	if payload, _ := got["payload"].(map[string]any); payload["id"] != saved["infra_id"] || payload["last_test_status"] != nil {
		t.Errorf("connection = %v, want no outcome of the keys that are gone", payload)
	}
}

func TestCredentialsOfClouds(t *testing.T) {
	c := &cloud{}
	web := httptest.NewServer(c)
	t.Cleanup(web.Close)
	w := &world{Server: apptest.Start(t, func(s *config.Server) {
		s.Outbound.Rewrite = map[string]string{"sts.amazonaws.com": web.URL + "/aws", "oauth2.googleapis.com": web.URL + "/google"}
	})}
	t.Setenv("AWS_ACCESS_KEY_ID", "SERVERKEY")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "server-secret")
	w.org = w.Org("acme")
	w.key, w.orgID = w.newKey("admin")
	heard := w.Hear("acme", w.org.Owner.Token)
	told := func(what, id string) {
		t.Helper()
		if got, want := heard("drift-connections"), `{"type":"drift-connections","id":"`+id+`"}`; got != want {
			t.Errorf("%s: clients hear %s, want %s", what, got, want)
		}
	}
	_, saved, _ := w.call(w.key, "infra", obj{"save": 1, "infra_type": "aws-role", "infra_name": "prod", "infra_role": "arn:aws:iam::123456789012:role/tfstatecom-scan"})
	role, _ := saved["infra_id"].(string)
	told("a connection of this API", role)
	env, err := w.App.Drift.Connections.Environment(t.Context(), []string{role}, connections.Use{ScanID: "drsc-1"})
	if err != nil || env["AWS_ACCESS_KEY_ID"] != "ASIAMINTED" || env["AWS_SESSION_TOKEN"] != "minted-session" || len(env) != 3 {
		t.Errorf("Environment = %v, %v", env, err)
	}
	form := c.seen[len(c.seen)-1]
	if form.Get("ExternalId") != saved["external_id"] || !strings.HasPrefix(form.Get("ExternalId"), "plumbline-") || form.Get("PolicyArns.member.1.arn") != "arn:aws:iam::aws:policy/ReadOnlyAccess" ||
		form.Get("RoleSessionName") != "plumbline-scan-drsc-1" || strings.Contains(form.Get("Policy"), "Put") {
		t.Errorf("AssumeRole = %v, want the external id and the policy that narrows to reading", form)
	}
	if _, answer, _ := w.call(w.key, "infra", obj{"test": 1, "infra_id": role}); answer["status"] != "good" || answer["checked"] != "identity" || answer["account"] != "123456789012" {
		t.Errorf("test of a role = %v", answer)
	}
	told("its test", role)
	_, keys, _ := w.call(w.key, "infra", obj{"save": 1, "infra_type": "aws", "infra_name": "keys", "infra_key_id": "AKIAWRONG", "infra_key_secret": "wrong-secret"})
	if status, answer, _ := w.call(w.key, "infra", obj{"test": 1, "infra_id": keys["infra_id"]}); status != 200 || answer["status"] != "bad" || !strings.Contains(fmt.Sprint(answer["message"]), "InvalidClientTokenId") || strings.Contains(fmt.Sprint(answer), "wrong-secret") {
		t.Errorf("test of wrong keys = %d %v, want bad and why", status, answer)
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	account, _ := json.Marshal(obj{"type": "service_account", "project_id": "p", "client_email": "scan@project.iam.gserviceaccount.com", "token_uri": "https://oauth2.googleapis.com/token",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))})
	_, google, _ := w.call(w.key, "infra", obj{"save": 1, "infra_type": "gcp", "infra_name": "google", "infra_credentials": string(account)})
	if google["warnings"] != nil {
		t.Errorf("save of a good account = %v, want no warnings", google)
	}
	if _, answer, _ := w.call(w.key, "infra", obj{"test": 1, "infra_id": google["infra_id"]}); answer["status"] != "good" || answer["email"] != "scan@project.iam.gserviceaccount.com" {
		t.Errorf("test of an account = %v", answer)
	}
	googleID, _ := google["infra_id"].(string)
	env, err = w.App.Drift.Connections.Environment(t.Context(), []string{role, googleID}, connections.Use{ScanID: "drsc-2"})
	if err != nil || env["GOOGLE_OAUTH_ACCESS_TOKEN"] != "google-access-token" || len(env) != 4 {
		t.Errorf("Environment of both = %v, %v", env, err)
	}
	for _, text := range []string{`{"type":"service_account","client_email":"a","private_key":"x","token_uri":"https://evil.example/token"}`, `{"type":"authorized_user"}`, `x`} {
		if status, answer, _ := w.call(w.key, "infra", obj{"save": 1, "infra_type": "gcp", "infra_name": "bad", "infra_credentials": text}); status != 400 || answer["field"] != "infra_credentials" {
			t.Errorf("save of %s = %d %v, want 400", text, status, answer)
		}
	}
	w.leaksNothing("minted-secret", "wrong-secret", "server-secret", "PRIVATE KEY")
	if file := w.Do("GET", "/api/v2/organizations/acme/drift-files/make-role.tf", w.org.Owner.Token, nil); !strings.Contains(string(file.Body), fmt.Sprint(saved["external_id"])) ||
		!strings.Contains(string(file.Body), `default     = "arn:aws:iam::123456789012:role/server"`) {
		t.Errorf("make-role.tf = %d %s, want the external id and the server's role", file.Status, file.Body)
	}
	if file := w.Do("GET", "/drift/files/make-role.tf", "", nil); file.Status != 200 || strings.Contains(string(file.Body), "plumbline-") && strings.Contains(string(file.Body), fmt.Sprint(saved["external_id"])) {
		t.Errorf("make-role.tf for everybody = %d, want it without an external id", file.Status)
	}
}

// leaksNothing looks for secrets in what the API shows.
func (w *world) leaksNothing(secrets ...string) {
	w.T.Helper()
	for _, path := range []string{"drift-connections", "drift-repositories", "drift-schedules", "drift-keys", "audit-trail"} {
		body := string(w.Do("GET", "/api/v2/organizations/acme/"+path, w.org.Owner.Token, nil).Body)
		for _, secret := range secrets {
			if strings.Contains(body, secret) {
				w.T.Errorf("%s shows %s", path, secret)
			}
		}
	}
}

func TestSnoozeLinks(t *testing.T) {
	w := start(t)
	_, repo, _ := w.call(w.key, "state", obj{"save": 1, "state_repo": "https://github.com/my-account/my-repo", "state_type": "github-public"})
	_, saved, _ := w.call(w.key, "config", obj{"save": 1, "state": repo["state_id"], "branch": "main", "state_files": "folder1", "name": "<b>name</b>"})
	id, _ := saved["config_id"].(string)
	f := w.App.Drift.Snoozes
	f.Address = func() string { return w.URL }
	link := f.Link(id, "folder1", 3)
	active := func() bool {
		_, ok, err := f.Active(t.Context(), id, "folder1")
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if r := w.Do("GET", link, "", nil); r.Status != 200 || !strings.Contains(string(r.Body), "Snooze for 3 days") || strings.Contains(string(r.Body), "<b>name") || active() {
		t.Errorf("GET = %d %s, want a page that changes nothing", r.Status, r.Body)
	}
	if r := w.Do("POST", link, "", nil); r.Status != 200 || !strings.Contains(string(r.Body), "are silent until") || !active() {
		t.Errorf("POST = %d %s, want it silent", r.Status, r.Body)
	}
	_, got, _ := w.call(w.key, "config", obj{"get": 1, "config_id": id})
	if payload, _ := got["payload"].(obj); !regexp.MustCompile(`^\d{4}-\d\d-\d\dT`).MatchString(fmt.Sprint(payload["snoozed"])) {
		t.Errorf("snoozed = %v, want when it ends", payload["snoozed"])
	}
	last := link[len(link)-1:]
	for name, bad := range map[string]string{"changed": strings.TrimSuffix(link, last) + map[bool]string{true: "B", false: "A"}[last == "A"] + "A", "cut": link[:len(link)-8], "of nothing": f.Link(strings.Repeat("a", 32), ".", 1)} {
		if r := w.Do("POST", bad, "", nil); r.Status != 404 || strings.Contains(string(r.Body), "errors") {
			t.Errorf("a link that is %s = %d %s, want a page that says so", name, r.Status, r.Body)
		}
	}
	s, _, _ := f.Active(t.Context(), id, "folder1")
	s.Severity, s.Fingerprint = "medium", "f1"
	for _, c := range []struct {
		severity, fingerprint string
		want                  bool
	}{{"medium", "f1", true}, {"critical", "f1", true}, {"medium", "f2", true}, {"low", "f2", true}, {"high", "f2", false}, {"critical", "f2", false}} {
		if got := s.Silences(c.severity, c.fingerprint); got != c.want {
			t.Errorf("Silences(%s, %s) = %v, want %v", c.severity, c.fingerprint, got, c.want)
		}
	}
	if err := f.End(t.Context(), id, "folder1"); err != nil || active() {
		t.Errorf("End = %v, still silent %v", err, active())
	}
}

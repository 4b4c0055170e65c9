package drift_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/config"
)

// gitHubApp is as much of GitHub's API as an app needs: it knows app 4711 by its key, and its
// installation 815, which has the repository private/infra.
type gitHubApp struct {
	t     *testing.T
	key   *rsa.PublicKey
	token string
	life  time.Duration
	asked []string // bodies of requests for tokens
}

func (g *gitHubApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := func(status int, v any) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch r.Method + " " + r.URL.Path {
	case "POST /app/installations/815/access_tokens":
		var in struct {
			Repositories []string
			Permissions  map[string]string
		}
		_ = json.NewDecoder(r.Body).Decode(&in)
		if !g.signed(bearer) || r.Header.Get("X-GitHub-Api-Version") == "" {
			answer(401, map[string]any{"message": "A JSON web token could not be decoded"})
			return
		}
		if len(in.Repositories) > 0 && in.Repositories[0] != "infra" {
			answer(422, map[string]any{"message": "There is at least one repository that does not exist or is not accessible to the parent installation."})
			return
		}
		g.asked = append(g.asked, fmt.Sprint(in.Repositories, in.Permissions))
		answer(201, map[string]any{"token": g.token, "expires_at": time.Now().Add(g.life).UTC().Format(time.RFC3339)})
	case "GET /installation/repositories":
		if bearer != g.token || r.URL.Query().Get("per_page") != "100" {
			g.t.Errorf("%s with %s", r.URL, bearer)
		}
		answer(200, map[string]any{"total_count": 2, "repositories": []any{map[string]any{"full_name": "private/infra"}, map[string]any{"full_name": "private/other"}}})
	case "GET /repos/private/infra":
		answer(200, map[string]any{"id": 42, "private": bearer == g.token})
	default:
		answer(404, map[string]any{"message": "Not Found"})
	}
}

// signed reports whether a token is what an app says of itself.
func (g *gitHubApp) signed(token string) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return false
	}
	body, _ := base64.RawURLEncoding.DecodeString(parts[1])
	signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	var claims struct {
		Iss      string
		Iat, Exp int64
	}
	now := time.Now().Unix()
	return rsa.VerifyPKCS1v15(g.key, crypto.SHA256, sum[:], signature) == nil && json.Unmarshal(body, &claims) == nil && claims.Iss == "4711" && claims.Iat <= now && claims.Exp > now && claims.Exp <= now+600
}

// TestRepositoriesOfAGitHubApp: repositories are read with tokens of an installation, made
// for one repository and what is done there, and made again before they end.
func TestRepositoriesOfAGitHubApp(t *testing.T) {
	w := &world{host: apptest.NewGitHost(t)}
	w.host.Commit("private/infra", "main", map[string]string{"net/main.tf": `terraform { backend "local" {} }`})
	pemOf := func() (*rsa.PrivateKey, string) {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		return key, string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	}
	private, text := pemOf()
	_, another := pemOf()
	hub := &gitHubApp{t: t, key: &private.PublicKey, token: w.host.Token, life: time.Hour}
	api := httptest.NewServer(hub)
	t.Cleanup(api.Close)
	rewrite := w.host.Rewrite()
	rewrite["api.github.com"] = api.URL
	w.Server = apptest.Start(t, func(c *config.Server) { c.Outbound.Rewrite = rewrite })
	w.org = w.Org("acme")
	w.key, w.orgID = w.newKey("admin")
	save := func(more obj) (int, obj) {
		in := obj{"save": 1, "state_type": "github-app", "state_repo": "https://github.com/private/infra", "state_app_id": "4711", "state_installation_id": "815", "state_token": text}
		maps.Copy(in, more)
		status, answer, _ := w.call(w.key, "state", in)
		return status, answer
	}
	for name, c := range map[string]struct {
		more        obj
		field, says string
	}{
		"no app":               {obj{"state_app_id": ""}, "state_app_id", "blank"},
		"no installation":      {obj{"state_installation_id": "x"}, "state_installation_id", "number"},
		"no key":               {obj{"state_token": "ghp_abc"}, "state_token", "private key"},
		"the key of another":   {obj{"state_token": another}, "state_token", "private key is not one of the app"},
		"another installation": {obj{"state_installation_id": "816"}, "state_token", "no installation with this id"},
		"another repository":   {obj{"state_repo": "https://github.com/private/secret"}, "state_token", "no access to the repository"},
	} {
		if status, answer := save(c.more); status != 400 || answer["field"] != c.field || !strings.Contains(fmt.Sprint(answer["message"]), c.says) {
			t.Errorf("save with %s = %d %v, want 400 of %s that says %q", name, status, answer, c.field, c.says)
		}
	}
	hub.asked = nil
	status, saved := save(nil)
	id, _ := saved["state_id"].(string)
	if status != 200 || saved["message"] != "Saved GitHub app repo: private/infra" || fmt.Sprint(hub.asked) != "[[infra] map[contents:read metadata:read]]" {
		t.Fatalf("save = %d %v, asked for %v; want a token to read one repository", status, saved, hub.asked)
	}
	heard := w.Hear("acme", w.org.Owner.Token)
	_, answer, _ := w.call(w.key, "state", obj{"test": 1, "state_id": id})
	if got, want := heard("drift-repositories"), `{"type":"drift-repositories","id":"`+id+`"}`; got != want {
		t.Errorf("of a test clients hear %s, want %s", got, want)
	}
	if answer["status"] != "good" || fmt.Sprint(answer["branches"], answer["files"], answer["repositories"]) != "[main] [net] [private/infra private/other]" {
		t.Errorf("test = %v, want branches, folders and what the installation may read", answer)
	}
	if len(hub.asked) != 2 || hub.asked[1] != "[] map[metadata:read]" {
		t.Errorf("tokens that were asked for = %v, want one more, that lists", hub.asked)
	}
	target, err := w.App.Drift.Repositories.TargetOf(t.Context(), id)
	if err != nil || target.Kind != "github" || target.Token.Reveal() != hub.token || hub.asked[len(hub.asked)-1] != "[infra] map[]" {
		t.Errorf("TargetOf = %+v, %v after %v, want a token that writes issues", target, err, hub.asked)
	}
	_, got, _ := w.call(w.key, "state", obj{"get": 1, "state_id": id})
	if p, _ := got["payload"].(obj); p["type"] != "github-app" || p["app_id"] != "4711" || p["installation_id"] != "815" || p["repo_id"] != "42" || p["private"] != true {
		t.Errorf("get = %v", got)
	}

	hub.life, hub.asked = 4*time.Minute, nil
	if status, answer := save(obj{"state_id": id, "state_app_id": "4711 "}); status != 200 || len(hub.asked) != 0 {
		t.Errorf("save = %d %v, asked for %v; want the token that is there used", status, answer, hub.asked)
	}
	private2, text2 := pemOf()
	hub.key = &private2.PublicKey
	if status, answer := save(obj{"state_id": id, "state_token": text2}); status != 200 || len(hub.asked) != 1 {
		t.Errorf("save with a new key = %d %v, asked for %v; want a new token", status, answer, hub.asked)
	}
	if _, err := w.App.Drift.Repositories.Head(t.Context(), id, "main"); err != nil || len(hub.asked) != 2 {
		t.Errorf("Head = %v, asked for %v; want another token before the first ends", err, hub.asked)
	}
	w.leaksNothing(hub.token, "RSA PRIVATE KEY")
}

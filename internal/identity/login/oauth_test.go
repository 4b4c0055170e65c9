package login_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/db"
)

const (
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk-and-more"
	callback = "http://localhost:10007/login"
)

func auditOf(s *apptest.Server, action string) int {
	n, err := db.One[int](s.T.Context(), s.DB, `SELECT count(*) FROM audit_events WHERE action = ?`, action)
	if err != nil {
		s.T.Fatal(err)
	}
	return n
}

// ask is what "terraform login" asks the browser for, with changes.
func ask(changes map[string]string) url.Values {
	sum := sha256.Sum256([]byte(verifier))
	v := map[string]string{"client_id": "terraform-cli", "code_challenge": base64.RawURLEncoding.EncodeToString(sum[:]), "code_challenge_method": "S256",
		"redirect_uri": callback, "response_type": "code", "state": "st&te"}
	maps.Copy(v, changes)
	out := url.Values{}
	for name, value := range v {
		out.Set(name, value)
	}
	return out
}

// allow goes through the page as a person who is logged in, and returns the code.
func allow(b *browser) string {
	b.T.Helper()
	r := b.get("/app/oauth2/auth?" + ask(nil).Encode())
	if r.Status != 200 {
		b.T.Fatalf("consent page = %d %s", r.Status, r.text())
	}
	if csp := r.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' http://localhost:10007;") {
		b.T.Errorf("policy = %s, want one that lets the answer go to the command line", csp)
	}
	var form []string
	for name := range ask(nil) {
		form = append(form, name+"="+r.value(name))
	}
	r = b.post("/app/oauth2/auth", append(form, "decision=allow")...)
	if r.Status != 303 || r.to.Host != "localhost:10007" || r.to.Path != "/login" || r.to.Query().Get("state") != "st&te" || r.to.Query().Get("code") == "" {
		b.T.Fatalf("consent = %d to %s", r.Status, r.to)
	}
	return r.to.Query().Get("code")
}

// exchange asks for a token as the command line does.
func exchange(s *apptest.Server, code string, changes map[string]string) (status int, doc map[string]any) {
	s.T.Helper()
	form := map[string]string{"code": code, "code_verifier": verifier, "client_id": "terraform-cli", "redirect_uri": callback, "grant_type": "authorization_code"}
	maps.Copy(form, changes)
	v := url.Values{}
	for name, value := range form {
		if value != "" {
			v.Set(name, value)
		}
	}
	req, err := http.NewRequestWithContext(s.T.Context(), "POST", s.URL+"/oauth2/token", strings.NewReader(v.Encode()))
	if err != nil {
		s.T.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r := s.Send(req)
	if ct := r.Header.Get("Content-Type"); ct != "application/json" || r.Header.Get("Cache-Control") != "no-store" {
		s.T.Errorf("answer of the token endpoint has content type %s and is cached %s", ct, r.Header.Get("Cache-Control"))
	}
	if err := json.Unmarshal(r.Body, &doc); err != nil {
		s.T.Fatalf("answer of the token endpoint = %s: %v", r.Body, err)
	}
	return r.Status, doc
}

func TestTerraformLogin(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		person(s, "ada")
		b := newBrowser(s)
		begin := "/app/oauth2/auth?" + ask(nil).Encode()
		r := b.get(begin)
		if r.Status != 303 || r.to.Path != "/app/login" || r.to.Query().Get("next") != begin {
			s.T.Fatalf("GET without a session = %d to %s", r.Status, r.to)
		}
		page := b.get(r.to.String())
		r = b.post("/app/login", "login=ada", "password="+password, "next="+page.value("next"))
		if r.to.String() != begin {
			s.T.Fatalf("login leads to %s, want %s", r.to, begin)
		}
		status, doc := exchange(s, allow(b), nil)
		token, _ := doc["access_token"].(string)
		if status != 200 || token == "" || doc["token_type"] != "Bearer" {
			s.T.Fatalf("exchange = %d %v", status, doc)
		}
		got := s.Do("GET", "/api/v2/account/details", token, nil)
		if got.Status != 200 || !strings.Contains(string(got.Body), `"username":"ada"`) {
			s.T.Errorf("GET with the token = %d %s", got.Status, got.Body)
		}
		if r := b.get("/app/settings/tokens"); !strings.Contains(r.text(), "terraform login") {
			s.T.Error("the token is not in the list")
		}
	})
}

func TestCodeWorksOnce(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		person(s, "ada")
		code := allow(loggedIn(s, "ada"))
		_, doc := exchange(s, code, nil)
		token := doc["access_token"].(string)
		if status, doc := exchange(s, code, nil); status != 400 || doc["error"] != "invalid_grant" || doc["access_token"] != nil {
			s.T.Errorf("a code again = %d %v, want invalid_grant", status, doc)
		}
		if r := s.Do("GET", "/api/v2/account/details", token, nil); r.Status != 401 {
			s.T.Errorf("the token of a code that was replayed = %d, want 401", r.Status)
		}
	})
}

func TestExchangeIsRefused(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		person(s, "ada")
		b := loggedIn(s, "ada")
		for _, c := range []struct {
			name    string
			changes map[string]string
			status  int
			want    string
		}{
			{"wrong verifier", map[string]string{"code_verifier": strings.Repeat("x", 43)}, 400, "invalid_grant"},
			{"short verifier", map[string]string{"code_verifier": "x"}, 400, "invalid_request"},
			{"no verifier", map[string]string{"code_verifier": ""}, 400, "invalid_request"},
			{"wrong redirect", map[string]string{"redirect_uri": "http://localhost:10008/login"}, 400, "invalid_grant"},
			{"no redirect", map[string]string{"redirect_uri": ""}, 400, "invalid_request"},
			{"wrong client", map[string]string{"client_id": "other"}, 401, "invalid_client"},
			{"wrong grant", map[string]string{"grant_type": "password"}, 400, "unsupported_grant_type"},
			{"no grant", map[string]string{"grant_type": ""}, 400, "invalid_request"},
			{"wrong code", map[string]string{"code": "nonsense"}, 400, "invalid_grant"},
		} {
			if status, doc := exchange(s, allow(b), c.changes); status != c.status || doc["error"] != c.want || doc["access_token"] != nil {
				s.T.Errorf("exchange with %s = %d %v, want %d %s", c.name, status, doc, c.status, c.want)
			}
		}
		code := allow(b)
		exchange(s, code, map[string]string{"code_verifier": strings.Repeat("x", 43)})
		if status, doc := exchange(s, code, nil); status != 400 {
			s.T.Errorf("a code after a wrong verifier = %d %v, want it used up", status, doc)
		}
		code = allow(b)
		if _, err := s.DB.Exec(s.T.Context(), `UPDATE login_codes SET expires_at = ?`, db.At(time.Now().Add(-time.Second))); err != nil {
			s.T.Fatal(err)
		}
		if status, doc := exchange(s, code, nil); status != 400 || doc["error"] != "invalid_grant" {
			s.T.Errorf("a code after its time = %d %v, want invalid_grant", status, doc)
		}
	})
}

func TestAuthorizationIsRefused(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		person(s, "ada")
		b := loggedIn(s, "ada")
		for _, redirect := range []string{"https://localhost:10007/login", "http://evil.example:10007/login", "http://localhost:9999/login", "http://localhost:10011/login",
			"http://localhost/login", "http://localhost:10007/other", "http://localhost:10007/login?x=y", "http://localhost:10007/login#x", "http://a@localhost:10007/login",
			"http://localhost.evil.example:10007/login", "", "x:"} {
			if r := b.get("/app/oauth2/auth?" + ask(map[string]string{"redirect_uri": redirect}).Encode()); r.Status != 400 || r.to.String() != "" {
				s.T.Errorf("GET with redirect %q = %d to %s, want 400 and no redirect", redirect, r.Status, r.to)
			}
		}
		if r := b.get("/app/oauth2/auth?" + ask(map[string]string{"client_id": "other"}).Encode()); r.Status != 400 || r.to.String() != "" {
			s.T.Errorf("GET with another client = %d to %s, want 400 and no redirect", r.Status, r.to)
		}
		for changed, want := range map[string]string{"response_type=token": "unsupported_response_type", "code_challenge_method=plain": "invalid_request",
			"code_challenge=": "invalid_request", "code_challenge=short": "invalid_request"} {
			name, value, _ := strings.Cut(changed, "=")
			r := b.get("/app/oauth2/auth?" + ask(map[string]string{name: value}).Encode())
			if r.Status != 303 || r.to.Host != "localhost:10007" || r.to.Query().Get("error") != want || r.to.Query().Get("state") != "st&te" {
				s.T.Errorf("GET with %s = %d to %s, want error %s", changed, r.Status, r.to, want)
			}
		}
		var form []string
		for name, v := range ask(map[string]string{"redirect_uri": "http://127.0.0.1:10000/login"}) {
			form = append(form, name+"="+v[0])
		}
		if r := b.post("/app/oauth2/auth", append(form, "decision=deny")...); r.to.Host != "127.0.0.1:10000" || r.to.Query().Get("error") != "access_denied" || r.to.Query().Get("code") != "" {
			s.T.Errorf("denial leads to %s, want access_denied", r.to)
		}
		b.header.Set("Sec-Fetch-Site", "cross-site")
		if r := b.post("/app/oauth2/auth", append(form, "decision=allow")...); r.Status != 403 {
			s.T.Errorf("consent by another site = %d, want 403", r.Status)
		}
	})
}

// TestNothingSecretIsStored greps the database for what was handed out.
func TestNothingSecretIsStored(t *testing.T) {
	s := apptest.Start(t)
	path, _, err := s.App.Login.SetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	person(s, "ada")
	b := loggedIn(s, "ada")
	code := allow(b)
	_, doc := exchange(s, code, nil)
	key := b.post("/app/settings/two-factor", "current_password="+password).value("key")
	_, token, _ := strings.Cut(doc["access_token"].(string), ".atlasv1.")
	_, session, _ := strings.Cut(cookieOf(b), ".atlasv1.")
	planted := map[string]string{"password": password, "code": code, "token": token, "session": session, "setup link": strings.TrimPrefix(path, "/app/setup/"), "second factor": key}
	files, err := filepath.Glob(filepath.Join(s.Dir, "plumbline.db*"))
	if err != nil {
		t.Fatal(err)
	}
	seen := false
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		seen = seen || strings.Contains(string(content), "ada@example.com")
		for what, secret := range planted {
			if secret == "" || strings.Contains(string(content), secret) {
				t.Errorf("the %s %q is in %s, or was never made", what, secret, name)
			}
		}
	}
	if !seen {
		t.Errorf("no file of %v has the user: the test looks at the wrong place", files)
	}
}

package login_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pquerna/otp/totp"

	"plumbline.dev/plumbline/internal/apptest"
)

func TestDiscovery(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		r := s.Do("GET", "/.well-known/terraform.json", "", nil)
		var got map[string]any
		if err := json.Unmarshal(r.Body, &got); err != nil {
			s.T.Fatal(err)
		}
		want := map[string]any{"modules.v1": "/api/registry/v1/modules/", "providers.v1": "/api/registry/v1/providers/", "tfe.v2": "/api/v2/", "tfe.v2.1": "/api/v2/", "tfe.v2.2": "/api/v2/", "state.v2": "/api/v2/",
			"login.v1": map[string]any{"client": "terraform-cli", "grant_types": []any{"authz_code"}, "authz": "/app/oauth2/auth", "token": "/oauth2/token",
				"ports": []any{10000.0, 10010.0}}}
		if diff := cmp.Diff(want, got); diff != "" || r.Header.Get("Content-Type") != "application/json" {
			s.T.Errorf("discovery with content type %q (-want +got):\n%s", r.Header.Get("Content-Type"), diff)
		}
		if r := s.Do("GET", "/.well-known/terraform.json", "a credential that is wrong", nil); r.Status != 200 {
			s.T.Errorf("discovery with a wrong token = %d, want 200", r.Status)
		}
		if r := s.Do("GET", "/api/v2/ping", "", nil); r.Status != 204 || r.Header.Get("Tfp-Api-Version") == "" || r.Header.Get("Tfp-Appname") == "" {
			s.T.Errorf("ping = %d %v", r.Status, r.Header)
		}
	})
}

func TestSetup(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		path, needed, err := s.App.Login.SetupLink(s.T.Context())
		if err != nil || !needed {
			s.T.Fatalf("SetupLink of a new server = %v, %v, want one", needed, err)
		}
		b := newBrowser(s)
		if r := b.get("/app/setup/nonsense"); r.Status != 403 || !strings.Contains(r.text(), "not valid") {
			s.T.Errorf("GET of a wrong link = %d", r.Status)
		}
		if r := b.get(path); r.Status != 200 || !strings.Contains(r.text(), `name="organization"`) {
			s.T.Errorf("GET of the link = %d", r.Status)
		}
		for form, want := range map[string]string{
			"username=ada|email=ada@example.com|password=short|password_confirmation=short":                                          "Password is too short (minimum is 10 characters).",
			"username=ada|email=ada@example.com|password=" + password + "|password_confirmation=other":                               "The two passwords are not the same.",
			"username=a b|email=nobody|password=" + password + "|password_confirmation=" + password:                                  "Username can only include letters, numbers, -, and _, and at most 60 of them. Email is invalid.",
			"username=ada|email=ada@example.com|organization=not a name|password=" + password + "|password_confirmation=" + password: "",
		} {
			r := b.post(path, strings.Split(form, "|")...)
			if r.Status != 422 || (want != "" && r.says() != want) || r.says() == "" || strings.Contains(r.text(), password) {
				s.T.Errorf("POST of %s = %d %q, want 422 %q", form, r.Status, r.says(), want)
			}
		}
		form := []string{"username=ada", "email=ada@example.com", "organization=acme", "password=" + password, "password_confirmation=" + password}
		r := b.post(path, form...)
		if r.Status != 303 || r.to.Path != "/app/" {
			s.T.Fatalf("POST of the form = %d %s", r.Status, r.says())
		}
		if r := b.get("/api/v2/account/details"); r.Status != 200 || !strings.Contains(r.text(), `"is-admin":true`) {
			s.T.Errorf("the first user = %d %s, want a site administrator who is logged in", r.Status, r.text())
		}
		if r := b.get("/api/v2/organizations/acme"); r.Status != 200 || !strings.Contains(r.text(), `"can-destroy":true`) {
			s.T.Errorf("the first organization = %d %s, want one that is owned", r.Status, r.text())
		}
		if r := newBrowser(s).post(path, form...); r.Status != 403 {
			s.T.Errorf("POST of the form again = %d, want 403", r.Status)
		}
		if _, needed, err := s.App.Login.SetupLink(s.T.Context()); needed || err != nil {
			s.T.Errorf("SetupLink after the set-up = %v, %v, want none", needed, err)
		}
	})
}

func TestLoginAndLogout(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		person(s, "ada")
		b := newBrowser(s)
		if r := b.get("/app/settings/tokens?source=terraform-login"); r.Status != 303 || r.to.String() != "/app/login?next=%2Fapp%2Fsettings%2Ftokens%3Fsource%3Dterraform-login" {
			s.T.Errorf("GET without a session = %d to %s", r.Status, r.to)
		}
		for _, wrong := range []string{"login=ada|password=wrong", "login=nobody|password=" + password, "login=|password=", "login=ada|password="} {
			if r := b.post("/app/login", strings.Split(wrong, "|")...); r.Status != 401 || r.says() != "The user name or the password is not right." {
				s.T.Errorf("login with %s = %d %q", wrong, r.Status, r.says())
			}
		}
		r := b.post("/app/login", "login=ADA@example.com", "password="+password, "next=/app/settings/security")
		if r.Status != 303 || r.to.Path != "/app/settings/security" {
			s.T.Fatalf("login = %d %s to %s", r.Status, r.says(), r.to)
		}
		cookie := r.Header.Get("Set-Cookie")
		if !strings.HasPrefix(cookie, "plumbline=") || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") {
			s.T.Errorf("cookie = %.12s…, want an HttpOnly, SameSite=Lax one", cookie)
		}
		if r := b.get("/app/settings/security"); r.Status != 200 || !strings.Contains(r.text(), "Log out ada") {
			s.T.Errorf("GET with a session = %d", r.Status)
		}
		b.header.Set("Origin", "https://evil.example")
		if r := b.post("/app/logout"); r.Status != 403 {
			s.T.Errorf("logout by another site = %d, want 403", r.Status)
		}
		b.header.Del("Origin")
		secret := cookieOf(b)
		if r := b.post("/app/logout"); r.Status != 303 {
			s.T.Errorf("logout = %d", r.Status)
		}
		req, _ := http.NewRequestWithContext(s.T.Context(), "GET", s.URL+"/api/v2/account/details", nil)
		req.AddCookie(&http.Cookie{Name: "plumbline", Value: secret})
		if r := s.Send(req); r.Status != 401 {
			s.T.Errorf("GET with the session after the logout = %d, want 401", r.Status)
		}
		for action, want := range map[string]int{"login": 1, "login-failed": 4, "logout": 1} {
			if n := auditOf(s, action); n != want {
				s.T.Errorf("audit records of %s = %d, want %d", action, n, want)
			}
		}
	})
}

func TestCookieBehindTLS(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		person(s, "ada")
		plain := loggedIn(s, "ada")
		if r := plain.get("/app/settings/security"); r.Status != 200 {
			s.T.Fatalf("GET with the cookie of plain HTTP = %d, want 200", r.Status)
		}
		s.App.Router.PublicURL = "https://plumbline.example.com"
		if r := plain.get("/app/settings/security"); r.Status != 303 {
			s.T.Errorf("GET with a cookie that anybody on the domain can set = %d, want 303 to the login", r.Status)
		}
		r := newBrowser(s).post("/app/login", "login=ada", "password="+password)
		if cookie := r.Header.Get("Set-Cookie"); !strings.HasPrefix(cookie, "__Host-plumbline=") || !strings.Contains(cookie, "Secure") || !strings.Contains(cookie, "Path=/;") {
			s.T.Errorf("cookie = %.20s…, want a __Host- one that is secure", cookie)
		}
	})
}

// TestLoginFromAnotherSite: nobody may be logged in by a stranger's form.
func TestLoginFromAnotherSite(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		person(s, "ada")
		for header, value := range map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"} {
			b := newBrowser(s)
			b.header.Set(header, value)
			if r := b.post("/app/login", "login=ada", "password="+password); r.Status != 403 || r.Header.Get("Set-Cookie") != "" {
				s.T.Errorf("login with %s = %d, want 403 and no cookie", header, r.Status)
			}
		}
	})
}

func TestLoginLeadsToNoOtherSite(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		person(s, "ada")
		for _, next := range []string{"https://evil.example/app/", "//evil.example/app/", "/\\evil.example", "/app\\x", "javascript:alert(1)", "/api/v2/x", "/app/\r\nX: y", "http:/app/x"} {
			if r := newBrowser(s).post("/app/login", "login=ada", "password="+password, "next="+next); r.to.String() != "/app/" {
				s.T.Errorf("login with next %q leads to %q", next, r.to)
			}
		}
	})
}

// TestPagesAreSafe: no script, no frame, no cache.
func TestPagesAreSafe(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		r := newBrowser(s).get("/app/login?next=%22%3E%3Cscript%3E")
		for header, want := range map[string]string{"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
			"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "Content-Type": "text/html; charset=utf-8"} {
			if got := r.Header.Get(header); got != want {
				s.T.Errorf("%s = %q, want %q", header, got, want)
			}
		}
		if strings.Contains(r.text(), "<script") || strings.Contains(r.text(), "style=") {
			s.T.Errorf("the page has a script or a style: %s", r.text())
		}
		if r := newBrowser(s).get("/app/style.css"); r.Status != 200 || r.Header.Get("Content-Type") != "text/css; charset=utf-8" {
			s.T.Errorf("style = %d %s", r.Status, r.Header.Get("Content-Type"))
		}
	})
}

func TestGuessingIsSlow(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		person(s, "ada")
		attempts := func(name string) (n int) {
			for n = range 20 {
				r := newBrowser(s).post("/app/login", "login="+name, "password=wrong")
				if r.Status == 429 {
					if r.Header.Get("Retry-After") == "" || !strings.Contains(r.text(), "too many attempts") {
						s.T.Errorf("429 without an explanation: %s", r.text())
					}
					return n
				}
			}
			return n
		}
		n := attempts("ada")
		if r := newBrowser(s).post("/app/login", "login=ADA ", "password="+password); r.Status != 429 {
			s.T.Errorf("login with the right password in the pause = %d, want 429", r.Status)
		}
		if other := attempts("nobody"); n != 10 || other != 10 {
			s.T.Errorf("attempts before a pause = %d at an account, %d at none, want 10 at both", n, other)
		}
		for i := range 20 {
			newBrowser(s).post("/app/login", fmt.Sprintf("login=user-%d", i), "password=wrong")
		}
		if r := newBrowser(s).post("/app/login", "login=grace", "password=wrong"); r.Status != 429 {
			s.T.Errorf("login as somebody else from the same address = %d, want 429", r.Status)
		}
	})
}

func TestSuspendedUserCannotLogIn(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		u := person(s, "ada")
		b := loggedIn(s, "ada")
		if _, err := s.Admin().Admin.Users.Suspend(s.T.Context(), u.ID); err != nil {
			s.T.Fatal(err)
		}
		if r := b.get("/app/settings/tokens"); r.Status != 303 {
			s.T.Errorf("GET with the session of a suspended user = %d, want to the login", r.Status)
		}
		if r := newBrowser(s).post("/app/login", "login=ada", "password="+password); r.Status != 401 {
			s.T.Errorf("login of a suspended user = %d, want 401", r.Status)
		}
	})
}

func TestSecondFactorAtLogin(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		person(s, "ada")
		b := loggedIn(s, "ada")
		if r := b.post("/app/settings/two-factor", "current_password=wrong"); r.Status != 422 || r.says() != "Current password is not right." {
			s.T.Errorf("set-up without the password = %d %q", r.Status, r.says())
		}
		r := b.post("/app/settings/two-factor", "current_password="+password)
		key := r.value("key")
		if key == "" || !strings.Contains(r.text(), "data:image/png;base64,") {
			s.T.Fatalf("set-up = %d, want a key and its picture", r.Status)
		}
		code := func(at time.Time) string {
			c, err := totp.GenerateCode(key, at)
			if err != nil {
				s.T.Fatal(err)
			}
			return c
		}
		if r := b.post("/app/settings/two-factor/confirm", "code="+code(time.Now())); r.Status != 200 {
			s.T.Fatalf("confirmation = %d %s", r.Status, r.says())
		}
		guest := newBrowser(s)
		r = guest.post("/app/login", "login=ada", "password="+password, "next=/app/settings/security")
		pending := r.value("pending")
		if r.Status != 200 || pending == "" || cookieOf(guest) != "" {
			s.T.Fatalf("login with a second factor = %d, want a question for the code and no session", r.Status)
		}
		if r := guest.post("/app/login/code", "pending="+pending, "code="+code(time.Now())); r.Status != 401 {
			s.T.Errorf("a code that was used = %d, want 401", r.Status)
		}
		if r := guest.post("/app/login/code", "pending=nonsense", "code="+code(time.Now().Add(30*time.Second))); r.Status != 401 {
			s.T.Errorf("a code without the password = %d, want 401", r.Status)
		}
		next := code(time.Now().Add(30 * time.Second))
		r = guest.post("/app/login/code", "pending="+pending, "code="+next[:3]+" "+next[3:], "next=/app/settings/security")
		if r.Status != 303 || r.to.Path != "/app/settings/security" || cookieOf(guest) == "" {
			s.T.Fatalf("the next code = %d %q, want a session", r.Status, r.says())
		}
		if r := newBrowser(s).post("/app/login/code", "pending="+pending, "code="+next); r.Status != 401 {
			s.T.Errorf("the same form again = %d, want 401", r.Status)
		}
		if r := guest.post("/app/settings/two-factor/disable", "current_password="+password); r.Status != 303 {
			s.T.Errorf("turning it off = %d %s", r.Status, r.says())
		}
		loggedIn(s, "ada")
	})
}

func TestTokenPage(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		person(s, "ada")
		person(s, "grace")
		b := loggedIn(s, "ada")
		r := b.post("/app/settings/tokens", "description=my <laptop>", "days=30")
		secret := r.value("secret")
		if r.Status != 201 || secret == "" || !strings.Contains(r.text(), "my &lt;laptop&gt;") {
			s.T.Fatalf("new token = %d %s", r.Status, r.says())
		}
		if r := s.Do("GET", "/api/v2/account/details", secret, nil); r.Status != 200 {
			s.T.Errorf("GET with the new token = %d", r.Status)
		}
		r = b.get("/app/settings/tokens")
		if strings.Contains(r.text(), secret) || !strings.Contains(r.text(), time.Now().UTC().AddDate(0, 0, 30).Format("2006-01-02")) {
			s.T.Errorf("the list shows the secret, or not when the token ends: %s", r.text())
		}
		_, after, _ := strings.Cut(r.text(), `action="/app/settings/tokens/at-`)
		revoke := "/app/settings/tokens/at-" + after[:strings.Index(after, `"`)]
		if r := loggedIn(s, "grace").post(revoke); r.Status != 404 {
			s.T.Errorf("revocation by another = %d, want 404", r.Status)
		}
		if r := b.post(revoke); r.Status != 303 {
			s.T.Errorf("revocation = %d", r.Status)
		}
		if r := s.Do("GET", "/api/v2/account/details", secret, nil); r.Status != 401 {
			s.T.Errorf("GET with the revoked token = %d, want 401", r.Status)
		}
		if r := b.post("/app/settings/tokens", "description="+strings.Repeat("x", 1001)); r.Status != 422 || r.says() == "" {
			s.T.Errorf("new token with a long description = %d %q, want 422", r.Status, r.says())
		}
	})
}

func TestPasswordChange(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		u := person(s, "ada")
		b, other := loggedIn(s, "ada"), loggedIn(s, "ada")
		const fresh = "another horse battery"
		if r := b.post("/app/settings/password", "current_password="+password, "password="+fresh, "password_confirmation=x"); r.Status != 422 {
			s.T.Errorf("change with two different passwords = %d, want 422", r.Status)
		}
		if r := b.post("/app/settings/password", "current_password="+password, "password="+fresh, "password_confirmation="+fresh); r.Status != 303 {
			s.T.Fatalf("change = %d %s", r.Status, r.says())
		}
		if r := b.get("/app/settings/security"); r.Status != 200 {
			s.T.Errorf("GET by the browser of the change = %d, want it logged in", r.Status)
		}
		if r := other.get("/app/settings/security"); r.Status != 303 {
			s.T.Errorf("GET by another browser = %d, want it logged out", r.Status)
		}
		token := b.post("/app/settings/tokens", "description=api").value("secret")
		patch := func(current, fresh, again string) *apptest.Response {
			return s.Do("PATCH", "/api/v2/account/password", token, map[string]any{"data": map[string]any{"type": "users",
				"attributes": map[string]string{"current_password": current, "password": fresh, "password_confirmation": again}}})
		}
		for _, c := range []struct {
			current, fresh, again, want string
		}{
			{"wrong", password, password, "invalid attribute: Current password is not right"},
			{fresh, "short", "short", "invalid attribute: Password is too short (minimum is 10 characters)"},
			{fresh, password, "other", "invalid attribute: Password confirmation doesn't match Password"},
		} {
			if r := patch(c.current, c.fresh, c.again); r.Status != 422 || r.Detail() != c.want {
				s.T.Errorf("PATCH account/password = %d %q, want 422 %q", r.Status, r.Detail(), c.want)
			}
		}
		if r := patch(fresh, password, password); r.Status != 200 || r.JSON()["data"].(map[string]any)["id"] != u.ID || strings.Contains(string(r.Body), "argon") {
			s.T.Errorf("PATCH account/password = %d %s", r.Status, r.Body)
		}
		if r := s.Do("PATCH", "/api/v2/account/password", token, "nonsense"); r.Status != 400 {
			s.T.Errorf("PATCH of nonsense = %d, want 400", r.Status)
		}
		loggedIn(s, "ada")
	})
}

func cookieOf(b *browser) string {
	u, _ := http.NewRequest(http.MethodGet, b.URL, nil) //nolint:noctx // never sent
	for _, c := range b.jar.Cookies(u.URL) {
		return c.Value
	}
	return ""
}

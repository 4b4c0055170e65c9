package site_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/apptest"
)

// page reads a page of the browser.
func page(s *apptest.Server, path string) string {
	s.T.Helper()
	r := s.Do("GET", path, "", nil)
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") || !strings.Contains(r.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		s.T.Fatalf("GET %s = %d %v", path, r.Status, r.Header)
	}
	return string(r.Body)
}

func TestWordsAreOnThePages(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		bare := page(s, "/app/login")
		a := set(s, "customization", `{"support-email-address":"help@example.com","login-help":"<p>Don't know? <a href=\"https://wiki.example.com/login\">Read</a></p>",
			"footer":"<em>Internal use only</em>","error":"Call <strong>1234</strong>","new-user":"Ask in <code>#infra</code>"}`)
		if a["login-help"] != `<p>Don't know? <a href="https://wiki.example.com/login">Read</a></p>` {
			s.T.Errorf("login-help = %v, want it as it was written", a["login-help"])
		}
		login, failed := page(s, "/app/login"), page(s, "/app/setup/nonsense")
		for _, want := range []string{`<a href="https://wiki.example.com/login">Read</a>`, "<em>Internal use only</em>", "mailto:help@example.com"} {
			if !strings.Contains(login, want) || strings.Contains(bare, want) {
				s.T.Errorf("login page = %s, want %s, and none before it was set", login, want)
			}
		}
		for _, want := range []string{"Call <strong>1234</strong>", "<em>Internal use only</em>", "mailto:help@example.com"} {
			if !strings.Contains(failed, want) {
				s.T.Errorf("error page = %s, want %s", failed, want)
			}
		}
		if strings.Contains(login, "1234") || strings.Contains(failed, "wiki.example.com") {
			s.T.Error("the words of one page are on the other")
		}
		u := s.User("ada")
		got := attributesOf(s.Do("GET", "/api/v2/customization", u.Token, nil))
		want := map[string]any{"support-email-address": "help@example.com", "footer": "<em>Internal use only</em>", "error": "Call <strong>1234</strong>", "new-user": "Ask in <code>#infra</code>"}
		if diff := cmp.Diff(want, got); diff != "" {
			s.T.Errorf("customization (-want +got):\n%s", diff)
		}
		if r := s.Do("GET", "/api/v2/admin/customization-settings", u.Token, nil); r.Status != 404 {
			s.T.Errorf("GET by a user = %d, want 404", r.Status)
		}
		set(s, "customization", `{"footer":"","login-help":null,"support-email-address":""}`)
		if got := page(s, "/app/login"); got != bare {
			s.T.Errorf("login page = %s, want it bare again", got)
		}
	})
}

func TestWordsDoNoHarm(t *testing.T) {
	s := apptest.Start(t)
	for text, want := range map[string]string{
		`<script>alert(1)</script>Hi`:                                     "Hi",
		`<img src=x onerror=alert(1)>Hi`:                                  "Hi",
		`<p onclick="alert(1)" style="position:fixed" class=x>a</p>`:      "<p>a</p>",
		`<a href="javascript:alert(1)">a</a>`:                             "a",
		`<a href=" java&#9;script:alert(1)">a</a>`:                        "a",
		`<a href="data:text/html,x">a</a>`:                                "a",
		`<a href="//evil.example.com">a</a>`:                              "a",
		`<a href="\\evil.example.com">a</a>`:                              "a",
		`<a href="https://ok.example.com/?a=1&b=2">a</a>`:                 `<a href="https://ok.example.com/?a=1&b=2">a</a>`,
		`<a href="#">a</a> <a href="/app/profile">b</a>`:                  `<a href="#">a</a> <a href="/app/profile">b</a>`,
		`<form action="https://evil.example.com"><input name=p></form>`:   "",
		`<style>body{display:none}</style><iframe src="/"></iframe>`:      "",
		`<svg><script>alert(1)</script></svg>`:                            "",
		`<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>`: "",
		`</main></body><h1>Log in</h1>`:                                   "Log in",
		`<base href="https://evil.example.com"><meta http-equiv=refresh>`: "",
		`Don't <b>"panic"</b> & wait`:                                     `Don't <b>"panic"</b> & wait`,
	} {
		a := set(s, "customization", `{"footer":`+strconv.Quote(text)+`}`)
		if a["footer"] != want {
			t.Errorf("footer of %s = %q, want %q", text, a["footer"], want)
		}
		p := page(s, "/app/login")
		for _, bad := range []string{"<script", "onerror", "onclick", "javascript:", "evil.example.com", "<iframe", "<style", "<svg", "<input name=p"} {
			if strings.Contains(strings.ToLower(p), bad) {
				t.Errorf("page with %s has %s", text, bad)
			}
		}
	}
}

func TestWordsOfTheDatabaseAreCleanedToo(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		if _, err := s.DB.Exec(s.T.Context(), `UPDATE site_settings SET chosen = ? WHERE id = 'customization'`, `{"footer":"<script>alert(1)</script><b>ok</b>"}`); err != nil {
			s.T.Fatal(err)
		}
		if err := s.App.Site.Start(s.T.Context()); err != nil {
			s.T.Fatal(err)
		}
		if p := page(s, "/app/login"); strings.Contains(p, "<script") || !strings.Contains(p, "<b>ok</b>") {
			s.T.Errorf("page = %s", p)
		}
	})
}

func TestWordsThatAreRefused(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		for attributes, want := range map[string]string{
			`{"support-email-address":"nobody"}`:                   "must be an email address",
			`{"support-email-address":"A <a@example.com>"}`:        "must be an email address",
			`{"footer":"` + strings.Repeat("x", 10_001) + `"}`:     "at most 10000 bytes",
			`{"login-help":"` + strings.Repeat("<b>", 4000) + `"}`: "at most 10000 bytes",
		} {
			if r := patch(s, "customization", attributes); r.Status != 422 || !strings.Contains(r.Detail(), want) {
				s.T.Errorf("PATCH %.60s = %d %.200s, want 422 with %q", attributes, r.Status, r.Body, want)
			}
		}
	})
}

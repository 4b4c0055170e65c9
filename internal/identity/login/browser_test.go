package login_test

import (
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/identity/users"
	"plumbline.dev/plumbline/internal/kernel/crypt"
)

// browser keeps cookies and stops at redirects, as a person who looks at the
// address bar.
type browser struct {
	*apptest.Server
	jar    http.CookieJar
	header http.Header
}

func newBrowser(s *apptest.Server) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.T.Fatal(err)
	}
	return &browser{s, jar, http.Header{}}
}

// answer is a page, or where a redirect leads.
type answer struct {
	*apptest.Response
	to *url.URL
}

// text is the page.
func (a answer) text() string { return string(a.Body) }

// says is what the page tells about the form.
func (a answer) says() string {
	m := regexp.MustCompile(`role="(?:alert|status)">([^<]*)<`).FindStringSubmatch(a.text())
	if m == nil {
		return ""
	}
	return strings.ReplaceAll(m[1], "&#39;", "'")
}

// value is that of an input of the page.
func (a answer) value(name string) string {
	for _, tag := range regexp.MustCompile(`<input[^>]*>`).FindAllString(a.text(), -1) {
		if strings.Contains(tag, `name="`+name+`"`) || strings.Contains(tag, `id="`+name+`"`) {
			if m := regexp.MustCompile(`value="([^"]*)"`).FindStringSubmatch(tag); m != nil {
				return strings.NewReplacer("&amp;", "&", "&#43;", "+").Replace(m[1])
			}
		}
	}
	return ""
}

func (b *browser) get(path string) answer { return b.send("GET", path, nil) }

// post sends a form of "name=value" pairs.
func (b *browser) post(path string, pairs ...string) answer {
	form := url.Values{}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		form.Set(name, value)
	}
	return b.send("POST", path, form)
}

func (b *browser) send(method, path string, form url.Values) answer {
	b.T.Helper()
	if !strings.Contains(path, "://") {
		path = b.URL + path
	}
	req, err := http.NewRequestWithContext(b.T.Context(), method, path, strings.NewReader(form.Encode()))
	if err != nil {
		b.T.Fatal(err)
	}
	maps.Copy(req.Header, b.header)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range b.jar.Cookies(req.URL) {
		req.AddCookie(c)
	}
	r := b.Send(req)
	b.jar.SetCookies(req.URL, (&http.Response{Header: r.Header}).Cookies())
	to, err := url.Parse(r.Header.Get("Location"))
	if err != nil {
		b.T.Fatal(err)
	}
	return answer{r, to}
}

const password = "correct horse battery"

// person makes a user who can log in.
func person(s *apptest.Server, name string) users.User {
	s.T.Helper()
	hash, err := users.HashPassword(s.T.Context(), crypt.Secret(password))
	if err != nil {
		s.T.Fatal(err)
	}
	u, err := s.App.Users.Create(s.T.Context(), users.New{Username: name, Email: name + "@example.com", PasswordHash: hash})
	if err != nil {
		s.T.Fatal(err)
	}
	return u
}

// loggedIn returns a browser with a session of the user.
func loggedIn(s *apptest.Server, name string) *browser {
	s.T.Helper()
	b := newBrowser(s)
	if r := b.post("/app/login", "login="+name, "password="+password); r.Status != 303 {
		s.T.Fatalf("login of %s = %d %s", name, r.Status, r.says())
	}
	return b
}

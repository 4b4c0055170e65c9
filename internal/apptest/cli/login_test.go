package cli_test

import (
	"bufio"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest/cli"
	"plumbline.dev/plumbline/internal/identity/users"
)

// TestLogin: a person runs "login", the command line prints an address, the person's
// browser signs in there and agrees, and from then on the command line has a token.
func TestLogin(t *testing.T) {
	each(t, func(t *testing.T, st *stage, e cli.Engine) {
		hash, err := users.HashPassword(t.Context(), "correct horse battery staple")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.DB.Exec(t.Context(), `UPDATE users SET password_hash = ? WHERE id = ?`, hash, st.org.Owner.ID); err != nil {
			t.Fatal(err)
		}
		sh := st.shell(t, e, "")
		login := sh.Command(t.Context(), "yes\n", "login", cli.Host(st.address))
		out, err := login.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := login.Start(); err != nil {
			t.Fatal(err)
		}
		st.browse(t, addressIn(t, out), st.org.Owner.Name, "correct horse battery staple")
		rest, err := io.ReadAll(out)
		if err != nil {
			t.Fatal(err)
		}
		if err := login.Wait(); err != nil {
			t.Fatalf("login: %v\n%s", err, rest)
		}
		stored, err := os.ReadFile(filepath.Join(sh.Home, ".terraform.d", "credentials.tfrc.json"))
		if err != nil || !strings.Contains(string(stored), ".atlasv1.") {
			t.Fatalf("stored credentials = %s, %v; want a token", stored, err)
		}
		sh.Write("main.tf", st.cloud(`name = "after-login"`)+resources)
		sh.Run("init")
		sh.Run("apply", "-auto-approve")
	})
}

// addressIn reads what the command line prints up to the address to open.
func addressIn(t *testing.T, out io.Reader) string {
	t.Helper()
	var seen strings.Builder
	for r := bufio.NewReader(out); ; {
		line, err := r.ReadString('\n')
		seen.WriteString(line)
		if m := regexp.MustCompile(`https://\S+code_challenge\S+`).FindString(line); m != "" {
			go func() { _, _ = io.Copy(io.Discard, r) }() // the rest must not block the command line
			return m
		}
		if err != nil {
			t.Fatalf("login prints no address: %s", seen.String())
		}
	}
}

// browse opens an address as a browser does, fills in the forms that come, and
// follows the way to its end.
func (st *stage) browse(t *testing.T, address, name, password string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Transport: st.transport(t)}
	res, page := st.open(t, browser, http.MethodGet, address, nil)
	for range 4 {
		if res == nil {
			return // the command line has its code
		}
		form := regexp.MustCompile(`(?s)<form[^>]*action="([^"]*)" class="card".*?</form>`).FindStringSubmatch(page)
		if form == nil {
			t.Fatalf("%s has no form: %s", res.Request.URL, page)
		}
		values := url.Values{}
		for _, in := range regexp.MustCompile(`<(?:input|button)[^>]*>`).FindAllString(form[0], -1) {
			key, value := tag(in, "name"), tag(in, "value")
			switch {
			case key == "":
			case tag(in, "type") == "password":
				values.Set(key, password)
			case value == "" && tag(in, "type") != "hidden":
				values.Set(key, name)
			case !values.Has(key):
				values.Set(key, value)
			}
		}
		target, err := res.Request.URL.Parse(html.UnescapeString(form[1]))
		if err != nil {
			t.Fatal(err)
		}
		res, page = st.open(t, browser, http.MethodPost, target.String(), values)
	}
	t.Fatalf("the way ends at %s: %s", res.Request.URL, page)
}

// open returns a page, nil if the way led back to the command line.
func (st *stage) open(t *testing.T, browser *http.Client, method, address string, values url.Values) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(values.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", st.address)
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	res, err := browser.Do(req)
	var broken *url.Error
	if errors.As(err, &broken) && strings.HasPrefix(broken.URL, "http://localhost:") {
		return nil, "" // it has what it wants and went away
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.Request.URL.Hostname() == "localhost" {
		return nil, ""
	}
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s = %d %s", method, address, res.StatusCode, page)
	}
	return res, string(page)
}

// tag returns an attribute of an HTML tag.
func tag(markup, name string) string {
	if m := regexp.MustCompile(` ` + name + `="([^"]*)"`).FindStringSubmatch(markup); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

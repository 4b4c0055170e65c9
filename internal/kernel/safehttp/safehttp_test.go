package safehttp

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"

	"plumbline.dev/plumbline/internal/kernel/problem"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func client(t *testing.T, o Options) *Client {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.http.CloseIdleConnections)
	return c
}

// get returns the body or the error, whichever comes.
func get(t *testing.T, c *Client, url string) (string, error) {
	t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, c, req)
}

func do(t *testing.T, c *Client, req *http.Request) (string, error) {
	t.Helper()
	res, err := c.Do(t.Context(), req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return string(b), err
}

// wantRefused checks that err is a problem for the client that contains the words.
func wantRefused(t *testing.T, err error, words string) {
	t.Helper()
	p, ok := problem.From(err)
	if !ok || p.Status != 422 || !strings.Contains(p.Detail, words) {
		t.Errorf("error = %v, want a 422 with %q", err, words)
	}
}

// serve starts a plain server that says hello, and counts its requests.
func serve(t *testing.T, h http.HandlerFunc) (*httptest.Server, *int) {
	t.Helper()
	n := new(int)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*n++
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s, n
}

func hello(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }

func port(t *testing.T, s *httptest.Server) string {
	t.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Port()
}

func resolver(addrs ...string) func(context.Context, string) ([]netip.Addr, error) {
	return func(context.Context, string) ([]netip.Addr, error) {
		var out []netip.Addr
		for _, a := range addrs {
			out = append(out, netip.MustParseAddr(a))
		}
		return out, nil
	}
}

func TestPlainHTTPIsRefusedUntilTheOperatorAllowsIt(t *testing.T) {
	s, n := serve(t, hello)
	c := client(t, Options{Allow: loopback})
	_, err := get(t, c, s.URL)
	wantRefused(t, err, "must be https")
	_, err = get(t, c, "ftp://example.com/secret")
	wantRefused(t, err, "must be https")
	if *n != 0 {
		t.Errorf("the server was reached %d times, want 0", *n)
	}
}

func TestHTTPSVerifiesTheServer(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(hello))
	t.Cleanup(s.Close)
	if _, err := get(t, client(t, Options{Allow: loopback}), s.URL); err == nil {
		t.Error("Do accepted a certificate of an unknown authority")
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	if got, err := get(t, client(t, Options{Allow: loopback, RootCAs: roots}), s.URL); got != "hello" || err != nil {
		t.Errorf("Do = %q, %v", got, err)
	}
}

func TestRedirectsAreCheckedAsTheFirstURL(t *testing.T) {
	inside, reached := serve(t, hello)
	for target, words := range map[string]string{
		"http://127.0.0.2:" + port(t, inside): "loopback",
		"http://10.0.0.1/":                    "private",
		"http://169.254.169.254/latest":       "metadata",
		"http://2130706433/":                  "usual form",
		"file:///etc/passwd":                  "must be https",
	} {
		s, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, http.StatusFound) })
		c := client(t, Options{AllowHTTP: true, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
		_, err := get(t, c, s.URL)
		wantRefused(t, err, words)
	}
	if *reached != 0 {
		t.Errorf("the inner server was reached %d times, want 0", *reached)
	}
}

func TestThreeRedirectsAreFollowed(t *testing.T) {
	s, n := serve(t, func(w http.ResponseWriter, r *http.Request) {
		next := map[string]string{"/4": "/3", "/3": "/2", "/2": "/1", "/1": "/0"}[r.URL.Path]
		if next == "" {
			hello(w, r)
			return
		}
		http.Redirect(w, r, next, http.StatusFound)
	})
	c := client(t, Options{AllowHTTP: true, Allow: loopback})
	if got, err := get(t, c, s.URL+"/3"); got != "hello" || err != nil {
		t.Errorf("three redirects: Do = %q, %v", got, err)
	}
	*n = 0
	_, err := get(t, c, s.URL+"/4")
	wantRefused(t, err, "more than 3 times")
	if *n != 4 {
		t.Errorf("four redirects: %d requests, want 4", *n)
	}
}

func TestHTTPSDoesNotFallBackToHTTP(t *testing.T) {
	plain, n := serve(t, hello)
	s := httptest.NewTLSServer(http.RedirectHandler(plain.URL, http.StatusFound))
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	_, err := get(t, client(t, Options{AllowHTTP: true, Allow: loopback, RootCAs: roots}), s.URL)
	wantRefused(t, err, "redirects from https to http")
	if *n != 0 {
		t.Errorf("the plain server was reached %d times, want 0", *n)
	}
}

func TestCredentialsStayWithTheirHost(t *testing.T) {
	var seen []http.Header
	other, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Clone())
		hello(w, r)
	})
	s, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/here":
			http.Redirect(w, r, "/end", http.StatusFound)
		case "/there":
			http.Redirect(w, r, other.URL, http.StatusFound)
		default:
			seen = append(seen, r.Header.Clone())
		}
	})
	c := client(t, Options{AllowHTTP: true, Allow: loopback})
	send := func(path string) http.Header {
		req, _ := http.NewRequest("GET", s.URL+path, nil)
		for _, h := range []string{"Authorization", "Private-Token", "Cookie", "X-Tfe-Notification-Signature"} {
			req.Header.Set(h, "secret")
		}
		req.Header.Set("Accept", "text/plain")
		if _, err := do(t, c, req); err != nil {
			t.Fatal(err)
		}
		return seen[len(seen)-1]
	}
	if h := send("/here"); h.Get("Authorization") != "secret" || h.Get("Private-Token") != "secret" {
		t.Errorf("same host: header = %v, want the credentials", h)
	}
	h := send("/there") // the port differs, the IP does not
	if h.Get("Accept") != "text/plain" || h.Get("Referer") != "" {
		t.Errorf("other host: header = %v, want Accept and no Referer", h)
	}
	for name, v := range h {
		if strings.Join(v, "") == "secret" {
			t.Errorf("other host: got %s", name)
		}
	}
}

func TestBodiesAreNotRepeatedToAnotherHost(t *testing.T) {
	other, n := serve(t, hello)
	s, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	})
	req, _ := http.NewRequest("POST", s.URL, strings.NewReader(`{"access_token":"secret"}`))
	_, err := do(t, client(t, Options{AllowHTTP: true, Allow: loopback}), req)
	wantRefused(t, err, "redirects a POST to another host")
	if *n != 0 {
		t.Errorf("the other host was reached %d times, want 0", *n)
	}
}

func TestAnswersAreLimited(t *testing.T) {
	s, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := map[string]int{"/fits": 1000, "/over": 1001, "/far": 5 << 20}[r.URL.Path]
		w.Write(bytes.Repeat([]byte("x"), n))
	})
	c := client(t, Options{AllowHTTP: true, Allow: loopback, MaxBody: 1000})
	if got, err := get(t, c, s.URL+"/fits"); len(got) != 1000 || err != nil {
		t.Errorf("fits: %d bytes, %v", len(got), err)
	}
	for _, path := range []string{"/over", "/far"} {
		got, err := get(t, c, s.URL+path)
		wantRefused(t, err, "longer than 1000 bytes")
		if len(got) != 1000 {
			t.Errorf("%s: %d bytes, want 1000", path, len(got))
		}
	}
	one := &limitedBody{ReadCloser: io.NopCloser(iotest.OneByteReader(strings.NewReader("abcd"))), max: 3, left: 3}
	if b, err := io.ReadAll(one); string(b) != "abc" || err == nil {
		t.Errorf("byte by byte: %q, %v", b, err)
	}
	if _, err := one.Read(make([]byte, 1)); err == nil {
		t.Error("reading on after the limit: no error")
	}
}

func TestCompressedAnswersAreLimitedByWhatComesOut(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := z.Write(make([]byte, 8<<20)); err != nil {
		t.Fatal(err)
	}
	z.Close()
	s, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(bomb.Bytes())
	})
	c := client(t, Options{AllowHTTP: true, Allow: loopback, MaxBody: 1 << 16})
	req, _ := http.NewRequest("GET", s.URL, nil)
	req.Header.Set("Accept-Encoding", "gzip") // must not smuggle the bomb to a caller that decompresses
	got, err := do(t, c, req)
	wantRefused(t, err, "longer than")
	if len(got) != 1<<16 || strings.Trim(got, "\x00") != "" {
		t.Errorf("%d bytes, want %d zeros", len(got), 1<<16)
	}
}

func TestRewrittenHostsGoWhereTheOperatorSays(t *testing.T) {
	s, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.String()) })
	c := client(t, Options{Rewrite: map[string]string{"GitHub.com": s.URL + "/fake"}, Resolver: resolver("10.0.0.1")})
	if got, err := get(t, c, "https://github.com/a%2Fb/c?q=1"); got != "/fake/a%2Fb/c?q=1" || err != nil {
		t.Errorf("Do = %q, %v", got, err)
	}
	bare := client(t, Options{Rewrite: map[string]string{"github.com": s.URL}, Resolver: resolver("10.0.0.1")})
	if got, err := get(t, bare, "https://github.com/a/b"); got != "/a/b" || err != nil {
		t.Errorf("Do with a base that has no path = %q, %v", got, err)
	}
	// The connection that the rewrite left open must not serve a user's URL.
	_, err := get(t, client(t, Options{AllowHTTP: true}), s.URL)
	wantRefused(t, err, "loopback")
	c.http.Transport.(*transport).options.AllowHTTP = true
	_, err = get(t, c, s.URL)
	wantRefused(t, err, "loopback")
	_, err = get(t, c, "https://github.com:8443/") // another port is another host
	wantRefused(t, err, "private")
}

func TestNoProxyIsTakenFromTheEnvironment(t *testing.T) {
	proxy, n := serve(t, hello)
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	_, err := get(t, client(t, Options{AllowHTTP: true, Resolver: resolver("10.0.0.1")}), "http://hook.example/")
	wantRefused(t, err, "private")
	if tr := client(t, Options{}).http.Transport.(*transport); tr.user.(*http.Transport).Proxy != nil || tr.operator.(*http.Transport).Proxy != nil {
		t.Error("a transport has a proxy")
	}
	if *n != 0 {
		t.Errorf("the proxy was reached %d times, want 0", *n)
	}
}

func TestForbiddenContextsPanic(t *testing.T) {
	type inTx struct{}
	c := client(t, Options{Forbidden: func(ctx context.Context) bool { return ctx.Value(inTx{}) != nil }})
	req, _ := http.NewRequest("GET", "https://hook.example/path-secret", nil)
	defer func() {
		if r := recover(); r == nil || strings.Contains(r.(string), "path-secret") {
			t.Errorf("recover = %v, want a panic without the path", r)
		}
	}()
	_, _ = c.Do(context.WithValue(t.Context(), inTx{}, true), req) // panics
}

func TestErrorsHideThePath(t *testing.T) {
	s, _ := serve(t, hello)
	s.Close()
	_, err := get(t, client(t, Options{AllowHTTP: true, Allow: loopback}), s.URL+"/services/T0/planted?token=planted")
	if err == nil || strings.Contains(err.Error(), "planted") || !strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("error = %v, want the host without path and query", err)
	}
	if _, ok := problem.From(err); ok {
		t.Errorf("error = %v, want the network's error, not a problem", err)
	}
}

func TestCancelledRequestsSaySo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() })
	req, _ := http.NewRequest("GET", s.URL, nil)
	if _, err := client(t, Options{AllowHTTP: true, Allow: loopback}).Do(ctx, req); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
}

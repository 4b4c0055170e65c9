package safehttp

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/problem"
)

// transport applies the rules that concern a single request, redirects included.
type transport struct {
	options  Options
	rewrite  map[string]*url.URL
	dialer   *dialer           // of user
	user     http.RoundTripper // to addresses that the rules pass
	operator http.RoundTripper // to the URLs of Options.Rewrite
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.options.Forbidden != nil && t.options.Forbidden(req.Context()) {
		panic("safehttp: a request to " + req.URL.Host + " where the network is forbidden")
	}
	out := req.Clone(req.Context())
	out.Header.Del("Accept-Encoding") // so that the transport decompresses, and MaxBody counts what comes out
	via := t.user
	if base := t.rewriteOf(req.URL); base != nil {
		via = t.operator
		redirectTo(out, base)
	} else if err := t.checkScheme(req.URL); err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	res, err := via.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	res.Request = req
	res.Body = &limitedBody{ReadCloser: res.Body, host: req.URL.Host, max: t.options.MaxBody, left: t.options.MaxBody}
	return res, nil
}

func (t *transport) rewriteOf(u *url.URL) *url.URL {
	if base := t.rewrite[strings.ToLower(u.Host)]; base != nil {
		return base
	}
	if p := u.Port(); p == "" || u.Scheme == "https" && p == "443" || u.Scheme == "http" && p == "80" {
		return t.rewrite[strings.ToLower(u.Hostname())]
	}
	return nil
}

// redirectTo sends a request to the same path below base.
func redirectTo(req *http.Request, base *url.URL) {
	u := base.JoinPath(req.URL.EscapedPath())
	u.RawQuery = req.URL.RawQuery
	u.User = req.URL.User
	req.URL, req.Host = u, ""
}

func (t *transport) checkScheme(u *url.URL) error {
	switch {
	case u.Scheme == "https", u.Scheme == "http" && t.options.AllowHTTP:
		return nil
	case u.Scheme == "http":
		return problem.Unprocessable("%s is refused: the URL must be https; an operator may allow http.", u.Host)
	}
	return problem.Unprocessable("%q is refused: the URL must be https.", u.Scheme+"://"+u.Host)
}

// harmless lists the header fields that follow a redirect to another origin. All
// others stay behind: tokens and signatures have many names (Private-Token,
// X-Tfe-Notification-Signature) of which net/http knows a few.
var harmless = []string{"Accept", "Accept-Language", "User-Agent", "Range", "If-None-Match", "If-Modified-Since"}

// checkRedirect is called before each redirect is followed; the transport then checks
// the new URL as it checked the first.
func checkRedirect(req *http.Request, via []*http.Request) error {
	last := via[len(via)-1]
	if len(via) > maxRedirects {
		return problem.Unprocessable("%s redirects more than %d times.", via[0].URL.Host, maxRedirects)
	}
	if last.URL.Scheme == "https" && req.URL.Scheme != "https" {
		return problem.Unprocessable("%s is refused: it redirects from https to %s.", last.URL.Host, req.URL.Scheme)
	}
	req.Header.Del("Referer") // paths of webhooks are secrets
	crossed := slices.ContainsFunc(via, func(r *http.Request) bool { return origin(r.URL) != origin(req.URL) })
	if !crossed {
		return nil
	}
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		return problem.Unprocessable("%s is refused: it redirects a %s to another host.", last.URL.Host, req.Method)
	}
	for name := range req.Header {
		if !slices.Contains(harmless, name) {
			delete(req.Header, name)
		}
	}
	return nil
}

func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return strings.ToLower(u.Scheme + "://" + u.Hostname() + ":" + port)
}

// limitedBody fails once more than max bytes were read.
type limitedBody struct {
	io.ReadCloser
	host      string
	max, left int64
}

// Read implements io.Reader.
func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, b.tooLong()
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left >= 0 {
		return n, err
	}
	return n - 1, b.tooLong()
}

func (b *limitedBody) tooLong() error {
	return problem.Unprocessable("The answer of %s is longer than %d bytes.", b.host, b.max)
}

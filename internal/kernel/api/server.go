package api

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"plumbline.dev/plumbline/internal/kernel/audit"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// The headers by which clients judge the server (go-tfe, tfe.go): versions of the
// API and of Terraform Enterprise whose features are there.
const (
	apiVersion = "2.6"
	appName    = "Terraform Enterprise"
	tfeVersion = "v202511-1"
	tfeCurrent = "1.1.0"
)

// SessionCookie is the cookie of a browser session; its value is a token. Without
// TLS the prefix "__Host-" is not possible.
const (
	SessionCookie      = "__Host-plumbline"
	PlainSessionCookie = "plumbline"
)

// Raw serves a route that does not speak JSON:API and loads nothing, such as a
// page. The pattern is "METHOD /path" below the router's base.
func (r *Router) Raw(pattern string, needs authz.Permission, h func(w http.ResponseWriter, req *http.Request) error) {
	method, path := split(pattern)
	r.handle(Route{Method: method, Path: path, Needs: needs, Scope: scopeName[authz.Site](), Status: 200}, settle(nil), guard(settle(nil), Site),
		func(ctx context.Context, w http.ResponseWriter, req *http.Request) error {
			if err := authz.CheckScope(ctx, needs, authz.Scope{}); err != nil {
				return err
			}
			return h(w, req.WithContext(ctx))
		})
}

func split(pattern string) (method, path string) {
	method, path, ok := strings.Cut(pattern, " ")
	if !ok {
		panic("api: a pattern is METHOD /path, not " + pattern)
	}
	return method, path
}

// Handler returns the whole server: every registered route, behind authentication,
// limits and the headers that clients expect.
func (r *Router) Handler() http.Handler {
	limits, err := lru.New[string, *rate.Limiter](10_000)
	if err != nil {
		panic(err)
	}
	sameOrigin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w}
		ctx := audit.WithOrigin(req.Context(), audit.Origin{IP: r.ClientIP(req), RequestID: id.Random(20)})
		req = req.WithContext(ctx)
		// The route's pattern is in the request that the mux got, which authentication replaces below.
		defer func() { r.finish(recover(), rec, req, start) }()
		r.headers(w, req)
		if strings.HasPrefix(req.URL.Path, objectBase) {
			r.mux.ServeHTTP(rec, req) // the address is the secret
			return
		}
		req, err := r.authenticate(withoutSlash(req), sameOrigin)
		if err == nil {
			err = r.limit(w, req, limits)
		}
		if err != nil {
			Fail(rec, req, err)
			return
		}
		r.mux.ServeHTTP(rec, req)
	})
}

// withoutSlash drops a slash at the end of a path of the API: some pages of HCP
// Terraform write one (registry modules page, "Update a Private Registry Module").
func withoutSlash(req *http.Request) *http.Request {
	path, ok := strings.CutSuffix(req.URL.Path, "/")
	if !ok || !strings.HasPrefix(path, "/api/") {
		return req
	}
	u := *req.URL
	u.Path, u.RawPath = path, strings.TrimSuffix(u.RawPath, "/")
	req = req.WithContext(req.Context())
	req.URL = &u
	return req
}

// finish turns a panic p into a 500 and reports the request.
func (r *Router) finish(p any, w *recorder, req *http.Request, start time.Time) {
	if p != nil {
		if p == http.ErrAbortHandler { //nolint:errorlint // a sentinel by definition
			panic(p)
		}
		err := fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		if w.status == 0 {
			Fail(w, req, err)
		} else {
			slog.ErrorContext(req.Context(), "request failed after its answer had begun", "err", err)
		}
	}
	took := time.Since(start)
	slog.DebugContext(req.Context(), "request", "method", req.Method, "path", redactPath(req.URL.Path), "status", w.status, "took", took)
	if r.Metric != nil {
		r.Metric(req.Pattern, w.status, took)
	}
}

// redactPath keeps secrets that are part of an address out of the log.
func redactPath(path string) string {
	for _, base := range []string{objectBase, "/app/setup/", "/drift/snooze/"} {
		if strings.HasPrefix(path, base) {
			return base + "[redacted]"
		}
	}
	return path
}

func (r *Router) headers(w http.ResponseWriter, req *http.Request) {
	h := w.Header()
	h["Tfp-Api-Version"] = []string{apiVersion}
	h["Tfp-Appname"] = []string{appName}
	h["X-Tfe-Version"] = []string{tfeVersion}
	h["X-Tfe-Current-Version"] = []string{tfeCurrent}
	h["X-Request-Id"] = []string{audit.OriginOf(req.Context()).RequestID}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	h["Cache-Control"] = []string{"no-store"}
	if req.TLS != nil {
		h["Strict-Transport-Security"] = []string{"max-age=31536000"}
	}
}

// absent answers where there is no route, and where the route has not the method.
func absent(w http.ResponseWriter, req *http.Request) {
	if authz.From(req.Context()) == nil {
		Fail(w, req, unauthorized(req.Context()))
		return
	}
	Fail(w, req, problem.NotFound)
}

type badToken struct{}

// authenticate puts the subject of the request's token into its context. A token
// that is none leaves a guest, so that routes for anyone still answer.
func (r *Router) authenticate(req *http.Request, sameOrigin *http.CrossOriginProtection) (*http.Request, error) {
	token, cookie := r.tokenOf(req)
	if token == "" || r.Authenticate == nil {
		return req, nil
	}
	if cookie {
		if err := sameOrigin.Check(req); err != nil {
			return req, problem.Denied("A request with a session cookie must come from the site itself.")
		}
	}
	ctx := req.Context()
	s, err := r.Authenticate(ctx, token)
	if err != nil {
		return req, err
	}
	if s == nil {
		return req.WithContext(context.WithValue(ctx, badToken{}, true)), nil
	}
	if cookie != s.Session {
		return req, nil // a session is no API token, and the reverse
	}
	return req.WithContext(authz.With(ctx, s)), nil
}

// unauthorized is the answer to a guest on a route that needs more.
func unauthorized(ctx context.Context) error {
	if ctx.Value(badToken{}) != nil {
		return &problem.Problem{Status: 401, Title: "unauthorized", Detail: "The token is not valid: it may be mistyped, expired or revoked."}
	}
	return problem.Unauthorized
}

// tokenOf returns the token of a request and whether it came in a cookie. With TLS only
// the cookie counts that nobody else on the domain or the wire can have set.
func (r *Router) tokenOf(req *http.Request) (token string, cookie bool) {
	if h := req.Header.Get("Authorization"); h != "" {
		scheme, token, _ := strings.Cut(h, " ")
		if strings.EqualFold(scheme, "Bearer") {
			return strings.TrimSpace(token), false
		}
		return "", false
	}
	name := PlainSessionCookie
	if r.Secure(req) {
		name = SessionCookie
	}
	if c, err := req.Cookie(name); err == nil && c.Value != "" {
		return c.Value, true
	}
	return "", false
}

// limit counts the request against its token, or its address if it has none.
func (r *Router) limit(w http.ResponseWriter, req *http.Request, limits *lru.Cache[string, *rate.Limiter]) error {
	limit := 0.0
	if r.RateLimit != nil {
		limit = r.RateLimit()
	}
	if limit <= 0 || (r.Unlimited != "" && strings.HasPrefix(req.URL.Path, r.Unlimited)) {
		return nil
	}
	key := "ip:" + audit.OriginOf(req.Context()).IP
	if s := authz.From(req.Context()); s != nil {
		key = s.TokenID
	}
	l, ok := limits.Get(key)
	if !ok || l.Limit() != rate.Limit(limit) { // who comes first, or first since the limit was changed
		l = rate.NewLimiter(rate.Limit(limit), int(max(1, limit)))
		limits.Add(key, l)
	}
	w.Header().Set("X-RateLimit-Limit", strconv.FormatFloat(limit, 'f', -1, 64))
	w.Header().Set("X-RateLimit-Remaining", strconv.Itoa(max(0, int(l.Tokens())-1)))
	if !l.Allow() {
		return problem.TooMany(1 / limit)
	}
	return nil
}

// Address is the address of the server as the client of req knows it, without a
// slash at its end.
func (r *Router) Address(req *http.Request) string {
	if r.PublicURL != "" {
		return r.PublicURL
	}
	scheme := "http"
	if r.Secure(req) {
		scheme = "https"
	}
	return scheme + "://" + req.Host
}

// Secure reports whether the client reached the server, or the proxy before it, by
// TLS.
func (r *Router) Secure(req *http.Request) bool {
	if strings.HasPrefix(r.PublicURL, "https://") || req.TLS != nil {
		return true
	}
	return r.TrustsProxy != nil && r.TrustsProxy(req.RemoteAddr) && req.Header.Get("X-Forwarded-Proto") == "https"
}

// ClientIP is the address of the client: that of the peer, or the last one that a
// trusted proxy names.
func (r *Router) ClientIP(req *http.Request) string {
	if r.TrustsProxy != nil && r.TrustsProxy(req.RemoteAddr) {
		hops := strings.Split(req.Header.Get("X-Forwarded-For"), ",")
		if ip := net.ParseIP(strings.TrimSpace(hops[len(hops)-1])); ip != nil {
			return ip.String()
		}
	}
	host, _, err := net.SplitHostPort(req.RemoteAddr)
	if err != nil {
		return req.RemoteAddr
	}
	return host
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

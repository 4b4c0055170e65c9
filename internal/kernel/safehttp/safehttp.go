// Package safehttp is the only HTTP client for URLs that users give: webhooks,
// run tasks, VCS hosts. It connects to the public internet and to what the operator
// allows, and to nothing else.
//
// The surprising rule: the address is checked when the connection is made, on the
// very IP that is dialled, so neither a DNS name that changes its mind nor a redirect
// gets round it. The server's own listeners and the metadata services of clouds stay
// closed even inside an allowed range.
package safehttp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// DefaultMaxBody is the most that an answer may hold if Options.MaxBody is zero, in bytes.
const DefaultMaxBody = 1 << 20

// DefaultTimeout bounds a request from dialling to the last byte if Options.Timeout is zero.
const DefaultTimeout = 30 * time.Second

// maxRedirects is how many redirects a request follows.
const maxRedirects = 3

// Options says where a Client may connect. The zero value allows https to public addresses.
type Options struct {
	// Allow lists ranges that are reachable although they are not public, for example
	// 10.0.0.0/8. A metadata address is reachable only if listed alone (/32, /128).
	Allow []netip.Prefix
	// AllowHosts lists names whose addresses may be private: "ghe.corp", or "*.corp" for
	// every name below corp. It does not open own listeners or metadata addresses.
	AllowHosts []string
	// Own lists the listeners of this server, never reachable. An unspecified address
	// (0.0.0.0, ::) stands for every address of this machine.
	Own []netip.AddrPort
	// Timeout bounds the whole request, answer included; zero is DefaultTimeout.
	Timeout time.Duration
	// MaxBody bounds the answer in bytes after decompression; zero is DefaultMaxBody.
	MaxBody int64
	// AllowHTTP admits http URLs. A redirect from https to http stays refused.
	AllowHTTP bool
	// Rewrite sends requests for a host ("github.com", "git.example:8443") to a base URL
	// instead. The operator chose that URL, so it may be http and private.
	Rewrite map[string]string
	// RootCAs verifies servers; nil is the system's.
	RootCAs *x509.CertPool
	// Resolver looks names up; nil is the system's resolver.
	Resolver func(ctx context.Context, host string) ([]netip.Addr, error)
	// Forbidden reports that a request's context must not reach the network, such as
	// inside a database transaction. A request then panics: it is a fault of the caller.
	Forbidden func(ctx context.Context) bool
}

// Client makes requests under the rules of its Options. It is safe for concurrent use.
type Client struct {
	http http.Client
}

// New returns a Client; an error means that the operator's options make no sense.
func New(o Options) (*Client, error) {
	if o.MaxBody == 0 {
		o.MaxBody = DefaultMaxBody
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	rewrite, err := parseRewrite(o.Rewrite)
	if err != nil {
		return nil, err
	}
	rules := newRules(o)
	d := &dialer{rules: rules, resolve: o.Resolver}
	t := &transport{
		options: o,
		rewrite: rewrite,
		dialer:  d,
		user:    pool(o, d),
		// Connections are pooled by host: those that the operator's word opened must not
		// serve a user's URL, hence a pool of their own.
		operator: pool(o, &dialer{rules: rules, resolve: o.Resolver, trusted: true}),
	}
	return &Client{http: http.Client{Transport: t, Timeout: o.Timeout, CheckRedirect: checkRedirect}}, nil
}

// HTTP returns an http.Client under the same rules, for libraries that want one. Its
// errors are *url.Error and name the whole URL, which may hold a secret.
func (c *Client) HTTP() *http.Client {
	h := c.http
	return &h
}

// Do sends a request. The error is a problem if an address, a redirect or the length
// of the answer was refused (the latter when the body is read); anything else is the
// network's error. Errors name the host, never path or query, which may hold secrets.
func (c *Client) Do(ctx context.Context, req *http.Request) (*http.Response, error) {
	res, err := c.http.Do(req.WithContext(ctx))
	if err == nil {
		return res, nil
	}
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	return nil, fmt.Errorf("%s %s: %w", req.Method, req.URL.Host, err)
}

// Address returns the address under which a host and port may be dialled by a program of
// its own, such as git, which is told the address and does not look the name up again. The
// error is that of a request there. An own resolution for each connection keeps names that
// change their mind from getting round the rules.
func (c *Client) Address(ctx context.Context, host string, port uint16) (netip.Addr, error) {
	t, _ := c.http.Transport.(*transport)
	if t.options.Forbidden != nil && t.options.Forbidden(ctx) {
		panic("safehttp: a look-up of " + host + " where the network is forbidden")
	}
	return t.dialer.address(ctx, host, port)
}

// Base returns the URL that the operator has put in the place of a host, nil if there is none.
func (c *Client) Base(u *url.URL) *url.URL {
	t, _ := c.http.Transport.(*transport)
	return t.rewriteOf(u)
}

// AllowsHTTP reports whether http URLs are admitted.
func (c *Client) AllowsHTTP() bool {
	t, _ := c.http.Transport.(*transport)
	return t.options.AllowHTTP
}

// ParseAllow sorts what an operator writes (ranges, addresses, host names) into
// Options.Allow and Options.AllowHosts.
func ParseAllow(entries []string) (prefixes []netip.Prefix, hosts []string, err error) {
	for _, e := range entries {
		e = strings.ToLower(strings.TrimSpace(e))
		if a, err := netip.ParseAddr(e); err == nil {
			prefixes = append(prefixes, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
			continue
		}
		if p, err := netip.ParsePrefix(e); err == nil {
			prefixes = append(prefixes, p.Masked())
			continue
		}
		name := strings.TrimPrefix(e, "*.")
		if name == "" || strings.ContainsAny(name, "/:*@ ") || numeric(name) {
			return nil, nil, fmt.Errorf("allow %q: neither a range (10.0.0.0/8), an address, nor a host name", e)
		}
		hosts = append(hosts, e)
	}
	return prefixes, hosts, nil
}

func parseRewrite(in map[string]string) (map[string]*url.URL, error) {
	out := map[string]*url.URL{}
	for host, base := range in {
		u, err := url.Parse(base)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("rewrite of %q: %q is no http or https URL", host, base)
		}
		if u.Path == "" {
			u.Path = "/" // else JoinPath makes a path without a slash of it
		}
		out[strings.ToLower(host)] = u
	}
	return out, nil
}

func pool(o Options, d *dialer) *http.Transport {
	return &http.Transport{ // Proxy stays nil: a proxy would resolve names without our rules
		DialContext:            d.dial,
		TLSClientConfig:        &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  o.Timeout,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           100,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        90 * time.Second,
	}
}

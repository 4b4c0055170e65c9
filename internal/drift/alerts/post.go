package alerts

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// postTimeout bounds one request of an alert.
const postTimeout = 10 * time.Second

// post sends the message of an alert of type "other".
func (f *Feature) post(ctx context.Context, a Alert, m message) error {
	target, err := f.open(ctx, a, a.SealedURL, "url")
	if err != nil {
		return final{err}
	}
	raw, err := f.open(ctx, a, a.SealedHeaders, "headers")
	if err != nil {
		return final{err}
	}
	header, err := parseHeaders(raw.Reveal())
	if err != nil {
		return final{err}
	}
	req, err := newRequest(target.Reveal(), header, []byte(m.Body))
	if err != nil {
		return final{err}
	}
	if req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", contentType(m.Body))
	}
	if err := f.sign(ctx, a, req, []byte(m.Body)); err != nil {
		return final{err}
	}
	return f.request(ctx, req)
}

func contentType(body string) string {
	if isJSON(body) {
		return "application/json"
	}
	return "text/plain; charset=utf-8"
}

// sign adds the time and, with the secret of the alert, an HMAC over "time.body".
func (f *Feature) sign(ctx context.Context, a Alert, req *http.Request, body []byte) error {
	secret, err := f.open(ctx, a, a.SealedSecret, "secret")
	if err != nil || secret == "" {
		return err
	}
	at := strconv.FormatInt(f.now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	mac.Write([]byte(at + "."))
	mac.Write(body)
	req.Header.Set("X-Timestamp", at)
	req.Header.Set("X-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	return nil
}

// newRequest makes a POST. Its errors do not repeat the address, which may hold a secret.
func newRequest(target string, header http.Header, body []byte) (*http.Request, error) {
	req, err := http.NewRequest(http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the address of the alert is no URL")
	}
	maps.Copy(req.Header, header)
	req.Header.Set("User-Agent", "Plumbline")
	return req, nil
}

func (f *Feature) postJSON(ctx context.Context, target string, header http.Header, body any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return final{err}
	}
	req, err := newRequest(target, header, raw)
	if err != nil {
		return final{err}
	}
	req.Header.Set("Content-Type", "application/json")
	return f.request(ctx, req)
}

// request sends a request whose answer says only whether it was taken.
func (f *Feature) request(ctx context.Context, req *http.Request) error {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	res, err := f.HTTP.Do(ctx, req)
	if err != nil {
		if _, refused := problem.From(err); refused {
			return final{err}
		}
		return err
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	return f.judge(req, res)
}

// judge turns the status of an answer into a failure, if it is one: what may pass is tried
// again, what the receiver will never take is not.
func (f *Feature) judge(req *http.Request, res *http.Response) error {
	err := fmt.Errorf("%s answers %s %s", req.URL.Host, strings.ToLower(req.Method), res.Status)
	switch {
	case res.StatusCode < 300:
		return nil
	case res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusServiceUnavailable:
		if at, ok := retryAfter(res.Header, f.now()); ok {
			return later{err, at}
		}
		return err
	case res.StatusCode >= 500, res.StatusCode == http.StatusRequestTimeout, res.StatusCode == http.StatusTooEarly:
		return err
	}
	return final{err}
}

// retryAfter reads when to come back: Retry-After in seconds or as a date (RFC 9110,
// 10.2.3), at most an hour ahead.
func retryAfter(h http.Header, now time.Time) (time.Time, bool) {
	v := h.Get("Retry-After")
	if v == "" {
		return time.Time{}, false
	}
	at, err := http.ParseTime(v)
	if s, e := strconv.Atoi(v); e == nil && s >= 0 {
		at, err = now.Add(time.Duration(min(s, 3600))*time.Second), nil
	}
	if err != nil {
		return time.Time{}, false
	}
	if limit := now.Add(time.Hour); at.After(limit) {
		at = limit
	}
	if at.Before(now) {
		at = now
	}
	return at, true
}

// open returns a sealed column of an alert, "" if it is empty.
func (f *Feature) open(ctx context.Context, a Alert, sealed []byte, column string) (crypt.Secret, error) {
	return f.Keyring.OpenText(ctx, a.OrgID, sealed, aad(column, a.ID))
}

// seal is the opposite of open.
func (f *Feature) seal(ctx context.Context, a Alert, value, column string) ([]byte, error) {
	return f.Keyring.SealText(ctx, a.OrgID, value, aad(column, a.ID))
}

func aad(column, id string) string { return "drift_alerts:" + column + ":" + id }

// Limits of the headers of an alert.
const (
	maxHeaders     = 16 << 10
	maxHeaderLines = 50
)

// reserved are header fields that are ours or the connection's.
var reserved = map[string]bool{"Host": true, "Content-Length": true, "Transfer-Encoding": true, "Connection": true, "Keep-Alive": true, "Proxy-Connection": true,
	"Te": true, "Trailer": true, "Upgrade": true, "Expect": true, "Accept-Encoding": true, "X-Signature-256": true, "X-Timestamp": true}

// parseHeaders reads header fields, one "Name: value" a line, blanks around it ignored. Its errors
// tell the number of the line and never its value.
func parseHeaders(text string) (http.Header, error) {
	if len(text) > maxHeaders {
		return nil, fmt.Errorf("the headers are longer than %d bytes", maxHeaders)
	}
	h := http.Header{}
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i, line := range lines {
		line = strings.Trim(line, " \t")
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case !ok || !isToken(name):
			return nil, fmt.Errorf("line %d of the headers is not \"Name: value\"", i+1)
		case reserved[canonical]:
			return nil, fmt.Errorf("line %d of the headers: %s cannot be set", i+1, canonical)
		case !isFieldValue(value):
			return nil, fmt.Errorf("line %d of the headers: the value of %s has a control character", i+1, canonical)
		}
		h.Add(canonical, value)
		if len(h) > maxHeaderLines {
			return nil, fmt.Errorf("there are more than %d headers", maxHeaderLines)
		}
	}
	return h, nil
}

// isToken reports whether s is a field name (RFC 9110, 5.6.2).
func isToken(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return true
}

// isFieldValue reports whether s has no control character but tabs (RFC 9110, 5.5).
func isFieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// redactURL is an address as people may see it: without its query and user, and without its
// path if that is what keeps others from using it.
func redactURL(raw string, secretPath bool) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return ""
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	if secretPath && strings.Trim(u.Path, "/") != "" {
		return u.Scheme + "://" + u.Host + "/…"
	}
	return u.String()
}

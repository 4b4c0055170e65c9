package proto

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client is a Server over HTTP, as agents use it. It repeats nothing: who calls it knows
// for how long it is worth while.
type Client struct {
	Address string       // of the server, such as https://plumbline.example.com
	Token   string       // of an agent pool
	HTTP    *http.Client // without a time limit of its own, as Claim is a long poll
}

// StatusError is an answer of a server that is no success.
type StatusError struct {
	Status int    // of HTTP
	Detail string // what the server said about it, one line
}

func (e *StatusError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the server answered %d %s %s", e.Status, http.StatusText(e.Status), e.Detail))
}

const (
	callTime   = 30 * time.Second // of a call that moves little
	answerSize = 64 << 20         // bytes of an answer that is read at once: the spec of a job has variables in it
)

// Register implements Server.
func (c *Client) Register(ctx context.Context, who Executor) (r Registration, err error) {
	return r, c.call(ctx, callTime, http.MethodPost, "/executors", who, &r)
}

// Leave implements Server.
func (c *Client) Leave(ctx context.Context, executorID string) error {
	return c.call(ctx, callTime, http.MethodDelete, "/executors/"+url.PathEscape(executorID), nil, nil)
}

// Claim implements Server.
func (c *Client) Claim(ctx context.Context, executorID string, claim Claim) (*Job, error) {
	var job Job
	if err := c.call(ctx, claim.Wait+callTime, http.MethodPost, "/executors/"+url.PathEscape(executorID)+"/claim", claim, &job); err != nil || job.ID == "" {
		return nil, err
	}
	return &job, nil
}

// Report implements Server.
func (c *Client) Report(ctx context.Context, job Ticket, offset int64, log []byte) (o Orders, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	path := jobPath(job, "/report") + "&offset=" + strconv.FormatInt(offset, 10)
	res, err := c.do(ctx, http.MethodPost, path, "text/plain", bytes.NewReader(log)) //nolint:bodyclose // decode closes it
	if err != nil {
		return o, err
	}
	return o, decode(res, &o)
}

// Orders implements Server.
func (c *Client) Orders(ctx context.Context, job Ticket, known Orders, wait time.Duration) (o Orders, err error) {
	path := jobPath(job, "/orders") + "&cancel=" + url.QueryEscape(string(known.Cancel)) + "&watched=" + strconv.FormatBool(known.Watched) + "&wait=" + strconv.Itoa(int(wait.Seconds()))
	return o, c.call(ctx, wait+callTime, http.MethodGet, path, nil, &o)
}

// Get implements Server.
func (c *Client) Get(ctx context.Context, job Ticket, name string) (io.ReadCloser, error) {
	res, err := c.do(ctx, http.MethodGet, jobPath(job, "/objects/"+url.PathEscape(name)), "", nil)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

// Put implements Server.
func (c *Client) Put(ctx context.Context, job Ticket, name string, body io.Reader) error {
	res, err := c.do(ctx, http.MethodPut, jobPath(job, "/objects/"+url.PathEscape(name)), "application/octet-stream", body)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// Finish implements Server.
func (c *Client) Finish(ctx context.Context, job Ticket, r Result) error {
	return c.call(ctx, callTime, http.MethodPost, jobPath(job, "/finish"), r, nil)
}

func jobPath(job Ticket, rest string) string {
	return "/jobs/" + url.PathEscape(job.ID) + rest + "?attempt=" + strconv.Itoa(job.Attempt)
}

// call sends JSON and reads JSON. An answer without content leaves out as it is.
func (c *Client) call(ctx context.Context, limit time.Duration, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	res, err := c.do(ctx, method, path, "application/json", body)
	if err != nil {
		return err
	}
	if out == nil {
		return res.Body.Close()
	}
	return decode(res, out)
}

func decode(res *http.Response, out any) error {
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(res.Body, answerSize+1))
	if err != nil || len(b) == 0 {
		return err
	}
	if len(b) > answerSize {
		return fmt.Errorf("the server's answer is larger than %d bytes", answerSize)
	}
	return json.Unmarshal(b, out)
}

// do sends a request. An answer that is no success is an error; the caller closes the others.
func (c *Client) do(ctx context.Context, method, path, kind string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.Address, "/")+Base+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	if kind != "" && body != nil {
		req.Header.Set("Content-Type", kind)
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode < 300 {
		return res, nil
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode == http.StatusGone {
		return nil, ErrGone
	}
	detail, err := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	return nil, errors.Join(&StatusError{Status: res.StatusCode, Detail: reason(detail)}, err)
}

// reason finds the words in an answer, which may be a JSON:API error or that of a proxy.
func reason(body []byte) string {
	var page struct {
		Errors []struct{ Title, Detail string }
	}
	if json.Unmarshal(body, &page) == nil && len(page.Errors) > 0 {
		if e := page.Errors[0]; e.Detail != "" {
			return e.Detail
		}
		return page.Errors[0].Title
	}
	return strings.Join(strings.Fields(string(body)), " ")
}

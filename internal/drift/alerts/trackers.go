package alerts

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

	"plumbline.dev/plumbline/internal/kernel/problem"
)

// restClient speaks JSON with the API of a target.
type restClient struct {
	feature *Feature
	target  Target
}

// searched is how many pages of 100 issues, the newest first, are looked through for a mark.
const searched = 10

// do sends a request and decodes the answer into out, if it is not nil.
func (c restClient) do(ctx context.Context, method, path string, header http.Header, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return final{err}
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.target.API, "/")+path, body)
	if err != nil {
		return final{errors.New("the address of the repository's API is no URL")}
	}
	req.Header = header
	req.Header.Set("User-Agent", "Plumbline")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.feature.HTTP.Do(ctx, req)
	if err != nil {
		if _, refused := problem.From(err); refused {
			return final{err}
		}
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode >= 300 {
		return c.failure(req, res)
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return fmt.Errorf("%s answers %s %s with what is no JSON of the kind", req.URL.Host, method, res.Status)
	}
	return nil
}

// failure is the error of an answer. GitHub tells of its rate limits by 403 and 429 ("Rate limits
// for the REST API"), GitLab by 429.
func (c restClient) failure(req *http.Request, res *http.Response) error {
	var doc struct {
		Message any `json:"message"`
		Error   any `json:"error"`
	}
	_ = json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&doc)
	said := ""
	if doc.Message != nil {
		said = fmt.Sprint(doc.Message)
	} else if doc.Error != nil {
		said = fmt.Sprint(doc.Error)
	}
	err := fmt.Errorf("%s answers %s: %s", req.URL.Host, res.Status, cut(said, 200))
	if at, ok := c.limited(res, said); ok {
		return later{err, at}
	}
	switch {
	case res.StatusCode == http.StatusNotFound || res.StatusCode == http.StatusGone:
		return fmt.Errorf("%w (%w)", errGone, err)
	case res.StatusCode >= 500 || res.StatusCode == http.StatusRequestTimeout || res.StatusCode == http.StatusConflict:
		return err
	}
	return final{err}
}

// limited reports whether an answer is one of a rate limit, and when to come back.
func (c restClient) limited(res *http.Response, said string) (time.Time, bool) {
	if res.StatusCode != http.StatusForbidden && res.StatusCode != http.StatusTooManyRequests {
		return time.Time{}, false
	}
	now := c.feature.now()
	if at, ok := retryAfter(res.Header, now); ok {
		return at, true
	}
	reset, err := strconv.ParseInt(res.Header.Get("X-Ratelimit-Reset"), 10, 64)
	if res.Header.Get("X-Ratelimit-Remaining") == "0" && err == nil {
		at := time.Unix(reset, 0)
		if limit := now.Add(time.Hour); at.After(limit) {
			at = limit
		}
		return at, true
	}
	if res.StatusCode == http.StatusTooManyRequests || strings.Contains(strings.ToLower(said), "rate limit") {
		return now.Add(time.Minute), true // GitHub: at least one minute
	}
	return time.Time{}, false
}

// lasting makes of an absent thing a failure that stays: it is the repository that is not there.
func lasting(err error) error {
	if errors.Is(err, errGone) {
		return final{fmt.Errorf("the repository is not there, has no issues, or the token may not write them: %w", err)}
	}
	return err
}

// github are the issues of a repository on GitHub or GitHub Enterprise (REST API 2022-11-28, "Issues").
type github struct{ restClient }

type githubIssue struct {
	Number      int64     `json:"number"`
	URL         string    `json:"html_url"`
	Body        string    `json:"body"`
	State       string    `json:"state"`
	ClosedAt    time.Time `json:"closed_at"`
	PullRequest any       `json:"pull_request"`
}

func (i githubIssue) issue() issue {
	return issue{Number: i.Number, URL: i.URL, Body: i.Body, Open: i.State == "open", ClosedAt: i.ClosedAt}
}

func (g github) call(ctx context.Context, method, path string, in, out any) error {
	h := http.Header{"Authorization": {"Bearer " + g.target.Token.Reveal()}, "Accept": {"application/vnd.github+json"}, "X-Github-Api-Version": {"2022-11-28"}}
	return g.do(ctx, method, "/repos/"+g.target.FullName+"/issues"+path, h, in, out)
}

func (g github) get(ctx context.Context, number int64) (issue, error) {
	var out githubIssue
	err := g.call(ctx, "GET", fmt.Sprintf("/%d", number), nil, &out)
	return out.issue(), err
}

func (g github) search(ctx context.Context, mark string) (issue, error) {
	for page := 1; page <= searched; page++ {
		var list []githubIssue
		if err := g.call(ctx, "GET", fmt.Sprintf("?state=all&sort=created&direction=desc&per_page=100&page=%d", page), nil, &list); err != nil {
			return issue{}, lasting(err)
		}
		for _, i := range list {
			if i.PullRequest == nil && strings.Contains(i.Body, mark) {
				return i.issue(), nil
			}
		}
		if len(list) < 100 {
			break
		}
	}
	return issue{}, errGone
}

func (g github) create(ctx context.Context, title, body string) (issue, error) {
	var out githubIssue
	err := g.call(ctx, "POST", "", map[string]string{"title": title, "body": body}, &out)
	return out.issue(), lasting(err)
}

func (g github) update(ctx context.Context, number int64, title, body string) error {
	return g.call(ctx, "PATCH", fmt.Sprintf("/%d", number), map[string]string{"title": title, "body": body}, nil)
}

func (g github) open(ctx context.Context, number int64, open bool) error {
	in := map[string]string{"state": "closed", "state_reason": "completed"}
	if open {
		in = map[string]string{"state": "open", "state_reason": "reopened"}
	}
	return g.call(ctx, "PATCH", fmt.Sprintf("/%d", number), in, nil)
}

func (g github) comment(ctx context.Context, number int64, text string) error {
	return g.call(ctx, "POST", fmt.Sprintf("/%d/comments", number), map[string]string{"body": text}, nil)
}

// gitlab are the issues of a project on GitLab (REST API v4, "Issues" and "Notes").
type gitlab struct{ restClient }

type gitlabIssue struct {
	IID         int64      `json:"iid"`
	URL         string     `json:"web_url"`
	Description string     `json:"description"`
	State       string     `json:"state"` // opened, closed
	ClosedAt    *time.Time `json:"closed_at"`
}

func (i gitlabIssue) issue() issue {
	out := issue{Number: i.IID, URL: i.URL, Body: i.Description, Open: i.State == "opened"}
	if i.ClosedAt != nil {
		out.ClosedAt = *i.ClosedAt
	}
	return out
}

func (g gitlab) call(ctx context.Context, method, path string, in, out any) error {
	h := http.Header{"Private-Token": {g.target.Token.Reveal()}}
	return g.do(ctx, method, "/projects/"+url.PathEscape(g.target.FullName)+"/issues"+path, h, in, out)
}

func (g gitlab) get(ctx context.Context, number int64) (issue, error) {
	var out gitlabIssue
	err := g.call(ctx, "GET", fmt.Sprintf("/%d", number), nil, &out)
	return out.issue(), err
}

func (g gitlab) search(ctx context.Context, mark string) (issue, error) {
	for page := 1; page <= searched; page++ {
		var list []gitlabIssue
		if err := g.call(ctx, "GET", fmt.Sprintf("?scope=all&in=description&search=tfdrift&order_by=created_at&sort=desc&per_page=100&page=%d", page), nil, &list); err != nil {
			return issue{}, lasting(err)
		}
		for _, i := range list {
			if strings.Contains(i.Description, mark) {
				return i.issue(), nil
			}
		}
		if len(list) < 100 {
			break
		}
	}
	return issue{}, errGone
}

func (g gitlab) create(ctx context.Context, title, body string) (issue, error) {
	var out gitlabIssue
	err := g.call(ctx, "POST", "", map[string]string{"title": title, "description": body}, &out)
	return out.issue(), lasting(err)
}

func (g gitlab) update(ctx context.Context, number int64, title, body string) error {
	return g.call(ctx, "PUT", fmt.Sprintf("/%d", number), map[string]string{"title": title, "description": body}, nil)
}

func (g gitlab) open(ctx context.Context, number int64, open bool) error {
	event := "close"
	if open {
		event = "reopen"
	}
	return g.call(ctx, "PUT", fmt.Sprintf("/%d", number), map[string]string{"state_event": event}, nil)
}

func (g gitlab) comment(ctx context.Context, number int64, text string) error {
	return g.call(ctx, "POST", fmt.Sprintf("/%d/notes", number), map[string]string{"body": text}, nil)
}

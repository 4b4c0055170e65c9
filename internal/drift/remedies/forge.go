package remedies

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/drift/repositories"
	"plumbline.dev/plumbline/internal/kernel/safehttp"
)

// proposal is a change that is proposed to a repository.
type proposal struct {
	Commit string // that the files are changed from
	Base   string // branch that it is to be merged into
	Head   string // branch of its own, which nobody else writes to
	Title  string
	Body   string            // Markdown
	Files  map[string]string // contents by path
}

// pull is a pull request, or a merge request.
type pull struct {
	Number int64
	URL    string
	Head   string
}

// forges open the pull request of a proposal, or bring the open one of its branch up to
// date, by the kinds of hosts.
var forges = map[string]func(ctx context.Context, c client, p proposal) (pull, error){"github": github, "gitlab": gitlab}

// client speaks JSON with the API of a repository's host.
type client struct {
	http   *safehttp.Client
	target repositories.Target
}

// refusal is an answer that is no success.
type refusal struct {
	status int
	words  string
}

// Error implements error.
func (r *refusal) Error() string { return r.words }

// passing reports whether it may be otherwise later.
func (r *refusal) passing() bool {
	return r.status >= 500 || r.status == http.StatusTooManyRequests || r.status == http.StatusConflict || r.status == http.StatusRequestTimeout
}

func refused(err error, statuses ...int) bool {
	var r *refusal
	return errors.As(err, &r) && slices.Contains(statuses, r.status)
}

const callTimeout = 30 * time.Second

// do sends a request and decodes the answer into out, if it is not nil.
func (c client) do(ctx context.Context, method, path string, header http.Header, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
		header.Set("Content-Type", "application/json")
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.target.API, "/")+path, body)
	if err != nil {
		return &refusal{http.StatusBadRequest, "The address of the repository's API is no URL."}
	}
	req.Header = header
	req.Header.Set("User-Agent", "Plumbline")
	res, err := c.http.Do(ctx, req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode >= 300 {
		return c.refusal(req, res)
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return &refusal{http.StatusBadGateway, req.URL.Host + " answers with what is no JSON of the kind."}
	}
	return nil
}

// refusal is what a host says of a request that it does not do.
func (c client) refusal(req *http.Request, res *http.Response) error {
	var doc struct {
		Message any `json:"message"`
		Error   any `json:"error"`
		Errors  any `json:"errors"`
	}
	_ = json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&doc)
	said := ""
	for _, v := range []any{doc.Message, doc.Error, doc.Errors} {
		if v != nil {
			said = strings.TrimSpace(said + " " + fmt.Sprint(v))
		}
	}
	status := res.StatusCode
	if status == http.StatusForbidden && (res.Header.Get("Retry-After") != "" || res.Header.Get("X-Ratelimit-Remaining") == "0") {
		status = http.StatusTooManyRequests // GitHub, "Rate limits for the REST API"
	}
	words := fmt.Sprintf("%s answers %s: %s", req.URL.Host, res.Status, short(said, 300))
	switch status {
	case http.StatusUnauthorized:
		words = "The host does not take the token of the repository. " + words
	case http.StatusForbidden, http.StatusNotFound:
		words = "The token of the repository may not write to it: it needs contents and pull requests. " + words
	}
	return &refusal{status, words}
}

// github makes the commit by the Git database, whose last step moves the branch, so that
// nothing is half done (GitHub REST API 2022-11-28, "Git database" and "Pull requests").
func github(ctx context.Context, c client, p proposal) (pull, error) {
	base := "/repos/" + c.target.FullName
	call := func(method, path string, in, out any) error {
		return c.do(ctx, method, base+path, githubHeader(c), in, out)
	}
	var commit struct {
		Tree struct {
			SHA string `json:"sha"`
		} `json:"tree"`
	}
	if err := call("GET", "/git/commits/"+p.Commit, nil, &commit); err != nil {
		return pull{}, err
	}
	entries := []map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(p.Files)) {
		entries = append(entries, map[string]string{"path": name, "mode": "100644", "type": "blob", "content": p.Files[name]})
	}
	var tree, made struct {
		SHA string `json:"sha"`
	}
	if err := call("POST", "/git/trees", map[string]any{"base_tree": commit.Tree.SHA, "tree": entries}, &tree); err != nil {
		return pull{}, err
	}
	if err := call("POST", "/git/commits", map[string]any{"message": p.Title, "tree": tree.SHA, "parents": []string{p.Commit}}, &made); err != nil {
		return pull{}, err
	}
	err := call("PATCH", "/git/refs/heads/"+p.Head, map[string]any{"sha": made.SHA, "force": true}, nil)
	if refused(err, http.StatusUnprocessableEntity, http.StatusNotFound) { // there is no such branch
		err = call("POST", "/git/refs", map[string]any{"ref": "refs/heads/" + p.Head, "sha": made.SHA}, nil)
	}
	if err != nil {
		return pull{}, err
	}
	return githubPull(call, c.target.FullName, p)
}

func githubHeader(c client) http.Header {
	return http.Header{"Authorization": {"Bearer " + c.target.Token.Reveal()}, "Accept": {"application/vnd.github+json"}, "X-Github-Api-Version": {"2022-11-28"}}
}

func githubPull(call func(method, path string, in, out any) error, fullName string, p proposal) (pull, error) {
	type answer struct {
		Number int64  `json:"number"`
		URL    string `json:"html_url"`
	}
	owner, _, _ := strings.Cut(fullName, "/")
	var open []answer
	q := url.Values{"state": {"open"}, "head": {owner + ":" + p.Head}, "base": {p.Base}}
	if err := call("GET", "/pulls?"+q.Encode(), nil, &open); err != nil {
		return pull{}, err
	}
	var is answer
	if len(open) > 0 {
		err := call("PATCH", fmt.Sprintf("/pulls/%d", open[0].Number), map[string]any{"title": p.Title, "body": p.Body}, &is)
		return pull{is.Number, is.URL, p.Head}, err
	}
	err := call("POST", "/pulls", map[string]any{"title": p.Title, "body": p.Body, "head": p.Head, "base": p.Base, "maintainer_can_modify": true}, &is)
	return pull{is.Number, is.URL, p.Head}, err
}

// gitlab makes the commit with one request (GitLab REST API v4, "Commits": "Create a commit
// with multiple files and actions", and "Merge requests").
func gitlab(ctx context.Context, c client, p proposal) (pull, error) {
	base := "/projects/" + url.PathEscape(c.target.FullName)
	call := func(method, path string, in, out any) error {
		return c.do(ctx, method, base+path, http.Header{"Private-Token": {c.target.Token.Reveal()}}, in, out)
	}
	actions := []map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(p.Files)) {
		actions = append(actions, map[string]string{"action": "update", "file_path": name, "content": p.Files[name]})
	}
	commit := map[string]any{"branch": p.Head, "start_sha": p.Commit, "force": true, "commit_message": p.Title, "actions": actions}
	if err := call("POST", "/repository/commits", commit, nil); err != nil {
		return pull{}, err
	}
	type answer struct {
		IID int64  `json:"iid"`
		URL string `json:"web_url"`
	}
	var open []answer
	q := url.Values{"state": {"opened"}, "source_branch": {p.Head}, "target_branch": {p.Base}}
	if err := call("GET", "/merge_requests?"+q.Encode(), nil, &open); err != nil {
		return pull{}, err
	}
	var is answer
	if len(open) > 0 {
		err := call("PUT", fmt.Sprintf("/merge_requests/%d", open[0].IID), map[string]any{"title": p.Title, "description": p.Body}, &is)
		return pull{is.IID, is.URL, p.Head}, err
	}
	err := call("POST", "/merge_requests", map[string]any{"source_branch": p.Head, "target_branch": p.Base, "title": p.Title, "description": p.Body, "remove_source_branch": true}, &is)
	return pull{is.IID, is.URL, p.Head}, err
}

package repositories

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"plumbline.dev/plumbline/internal/delivery/vcs"
)

// host is what is special about a kind of git host.
type host struct {
	user  string                                  // that goes with tokens
	api   func(u *url.URL) string                 // base address
	repo  func(fullName string) string            // path of the description of a repository, below api
	token func(h http.Header, token string)       // adds the token to a request
	read  func(b []byte) (id int64, private bool) // of the description
}

func bearer(h http.Header, token string) { h.Set("Authorization", "Bearer "+token) }

// hosts are the kinds of git hosts by the short form of types; git itself has no API.
var hosts = map[string]host{
	"github": {
		user: "x-access-token",
		api: func(u *url.URL) string {
			if u.Host == "github.com" {
				return u.Scheme + "://api.github.com"
			}
			return u.Scheme + "://" + u.Host + "/api/v3"
		},
		repo: func(name string) string { return "/repos/" + name }, token: bearer, read: readPrivate,
	},
	"gitlab": {
		user:  "oauth2",
		api:   func(u *url.URL) string { return u.Scheme + "://" + u.Host + "/api/v4" },
		repo:  func(name string) string { return "/projects/" + url.PathEscape(name) },
		token: func(h http.Header, token string) { h.Set("PRIVATE-TOKEN", token) },
		read: func(b []byte) (int64, bool) {
			var doc struct {
				ID         int64  `json:"id"`
				Visibility string `json:"visibility"`
			}
			if json.Unmarshal(b, &doc) != nil {
				return 0, false
			}
			return doc.ID, doc.Visibility != "public"
		},
	},
	"gitea": {
		user:  "oauth2",
		api:   func(u *url.URL) string { return u.Scheme + "://" + u.Host + "/api/v1" },
		repo:  func(name string) string { return "/repos/" + name },
		token: func(h http.Header, token string) { h.Set("Authorization", "token "+token) },
		read:  readPrivate,
	},
}

func readPrivate(b []byte) (int64, bool) {
	var doc struct {
		ID      int64 `json:"id"`
		Private bool  `json:"private"`
	}
	if json.Unmarshal(b, &doc) != nil {
		return 0, false
	}
	return doc.ID, doc.Private
}

// describe asks the API of a repository's host for its number and whether it is private. A
// host that does not tell leaves the repository as it is: git is what counts.
func (f *Feature) describe(ctx context.Context, r *Repository, token string) error {
	h, ok := hosts[r.Type.Short()]
	u, err := vcs.Clean(r.URL)
	if !ok || err != nil || u.Scheme == "ssh" {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.api(u)+h.repo(r.FullName), nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	if token != "" {
		h.token(req.Header, token)
	}
	res, err := f.HTTP.Do(ctx, req)
	if err != nil {
		return nil //nolint:nilerr // git has just reached the repository
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if res.StatusCode == http.StatusUnauthorized && token != "" {
		return &vcs.Error{Code: vcs.Denied, Message: "The host does not take the token."}
	}
	if err != nil || res.StatusCode != http.StatusOK {
		return nil //nolint:nilerr // as above
	}
	if id, private := h.read(b); id > 0 {
		r.RepoID, r.Private = strconv.FormatInt(id, 10), private
	}
	return nil
}

// fullName is the path of a repository at its host, or why it cannot be one.
func fullName(t Type, u *url.URL) (string, bool) {
	name := strings.Trim(u.Path, "/")
	parts := strings.Count(name, "/") + 1
	switch t.Short() {
	case "github", "gitea":
		return name, parts == 2
	case "gitlab":
		return name, parts >= 2
	}
	return name, true
}

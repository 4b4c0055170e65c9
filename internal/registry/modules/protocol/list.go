package protocol

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/registry/modules"
)

// Sizes of a page, and the largest offset, of lists.
const (
	defaultLimit = 15
	maxLimit     = 100
	maxOffset    = 1_000_000
)

// list shows the newest versions of all modules that the caller may read.
func (f *Feature) list(ctx context.Context, w http.ResponseWriter, req *http.Request, _ authz.Site) error {
	return f.page(ctx, w, req, modules.Search{})
}

// search is list for the words in q. With namespace it looks there only.
func (f *Feature) search(ctx context.Context, w http.ResponseWriter, req *http.Request, _ authz.Site) error {
	q := req.URL.Query()
	if q.Get("q") == "" {
		return problem.BadRequest("The parameter q, for what is looked for, is missing.")
	}
	return f.page(ctx, w, req, modules.Search{Words: q.Get("q"), Namespace: q.Get("namespace")})
}

// space is the namespace of an organization.
type space struct {
	orgs.Org
	shared bool // with an organization of the caller, who may not read this one
}

// Permission implements authz.Owned as that of a module.
func (s space) Permission(asked authz.Permission) authz.Permission {
	if s.shared {
		return authz.SignedIn
	}
	return asked
}

func (f *Feature) findSpace(ctx context.Context, namespace string) (space, error) {
	o, err := f.Modules.Orgs.ByName(ctx, namespace)
	if err != nil {
		return space{}, err
	}
	shared, err := f.Modules.Shared(ctx, o.ID)
	return space{o, shared}, err
}

// listOf is list for one organization.
func (f *Feature) listOf(ctx context.Context, w http.ResponseWriter, req *http.Request, s space) error {
	return f.page(ctx, w, req, modules.Search{Namespace: s.Name})
}

// named are the modules of one name.
type named struct {
	space
	module string
}

func (f *Feature) findNamed(ctx context.Context, namespace, name string) (named, error) {
	o, err := f.findSpace(ctx, namespace)
	if err != nil {
		return named{}, err
	}
	n := named{o, name}
	if authz.Check(ctx, authz.ReadRegistry, o) != nil {
		return n, nil // the route says it
	}
	found, err := f.Modules.SearchLatest(ctx, modules.Search{Namespace: o.Name, Name: name, Limit: 1})
	if err == nil && len(found) == 0 {
		err = problem.NotFound
	}
	return n, err
}

// latestOf shows the newest version of a module for each provider.
func (f *Feature) latestOf(ctx context.Context, w http.ResponseWriter, req *http.Request, n named) error {
	return f.page(ctx, w, req, modules.Search{Namespace: n.Name, Name: n.module})
}

// meta tells where a page is. Clients follow next_url until there is none.
type meta struct {
	Limit   int     `json:"limit"`
	Current int     `json:"current_offset"`
	Next    *int    `json:"next_offset,omitempty"`
	NextURL *string `json:"next_url,omitempty"`
	Prev    *int    `json:"prev_offset,omitempty"`
	PrevURL *string `json:"prev_url,omitempty"`
}

// page answers with one page of a search.
func (f *Feature) page(ctx context.Context, w http.ResponseWriter, req *http.Request, s modules.Search) error {
	q := req.URL.Query()
	m := meta{Limit: defaultLimit}
	for name, p := range map[string]*int{"limit": &m.Limit, "offset": &m.Current} {
		text := q.Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > maxOffset {
			return problem.BadRequest("%s must be a whole number from 0 to %d, not %q.", name, maxOffset, text)
		}
		*p = n
	}
	m.Limit = max(1, min(m.Limit, maxLimit))
	out := []summary{}
	if q.Get("verified") != "true" { // no private module is
		s.Provider, s.Offset, s.Limit = q.Get("provider"), m.Current, m.Limit+1
		found, err := f.Modules.SearchLatest(ctx, s)
		if err != nil {
			return err
		}
		for _, l := range found {
			out = append(out, summaryOf(l.Namespace, l.Name, l.Provider, l.Version, l.PublishedAt))
		}
	}
	if len(out) > m.Limit {
		out = out[:m.Limit]
		m.Next, m.NextURL = at(req, q, m.Current+m.Limit)
	}
	if m.Current > 0 {
		m.Prev, m.PrevURL = at(req, q, max(0, m.Current-m.Limit))
	}
	return api.WriteJSON(w, http.StatusOK, "application/json", struct {
		Meta    meta      `json:"meta"`
		Modules []summary `json:"modules"`
	}{m, out})
}

// at is the address of the page that begins at offset.
func at(req *http.Request, q url.Values, offset int) (*int, *string) {
	q.Set("offset", strconv.Itoa(offset))
	address := req.URL.EscapedPath() + "?" + q.Encode()
	return &offset, &address
}

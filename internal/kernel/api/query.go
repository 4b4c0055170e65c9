package api

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Query is what a request asks for beyond its path.
type Query struct {
	Number, Size int // page, from 1, and its size: 20 unless said, at most 100
	Include      []string
	fields       map[string][]string // type → attribute names
	values       url.Values
}

// Page sizes, as in HCP Terraform (page-template.md, "Pagination").
const (
	defaultPage = 20
	maxPage     = 100
	maxNumber   = 1_000_000
)

// maxValues is how many values a query has at most, those in lists with commas too: each may
// be a part of one statement.
const maxValues = 500

// maxDepth is how many relationships an include may follow in a row.
const maxDepth = 10

// Offset is the number of rows before the page.
func (q Query) Offset() int { return (q.Number - 1) * q.Size }

// Paged reports whether the request asks for a page.
func (q Query) Paged() bool { return q.values.Has("page[number]") || q.values.Has("page[size]") }

// Get returns the first value of a parameter.
func (q Query) Get(name string) string { return q.values.Get(name) }

// List returns the values of a parameter that are separated by commas.
func (q Query) List(name string) []string {
	var out []string
	for _, v := range q.values[name] {
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
	}
	return out
}

// size is the number of values of all parameters.
func (q Query) size() int {
	n := 0
	for _, values := range q.values {
		for _, v := range values {
			n += 1 + strings.Count(v, ",")
		}
	}
	return n
}

// Values returns all parameters, for those with an index in their name.
func (q Query) Values() url.Values { return q.values }

// Includes reports whether the request wants the relationship included, at any
// depth: "current_run" matches "current_run.plan".
func (q Query) Includes(name string) bool {
	return slices.ContainsFunc(q.Include, func(path string) bool {
		first, _, _ := strings.Cut(path, ".")
		return first == name || strings.ReplaceAll(first, "_", "-") == name
	})
}

// Like returns the pattern of a SQL LIKE for names that contain the value of a
// parameter, or "" if it is absent. The query must say ESCAPE '\'.
func (q Query) Like(name string) string {
	v := q.Get(name)
	if v == "" {
		return ""
	}
	return "%" + EscapeLike(strings.ToLower(v)) + "%"
}

// Order returns what orders has for the parameter sort, as text for ORDER BY; under "" is the
// order of a request that names none. A sort that orders lacks is refused, and those it has named.
func (q Query) Order(orders map[string]string) (string, error) {
	order, ok := orders[q.Get("sort")]
	if !ok {
		names := slices.DeleteFunc(slices.Sorted(maps.Keys(orders)), func(name string) bool { return name == "" })
		return "", problem.BadRequest("This list cannot be sorted by %q, only by %s", q.Get("sort"), strings.Join(names, ", "))
	}
	return order, nil
}

// EscapeLike makes s match itself in a SQL LIKE … ESCAPE '\'.
func EscapeLike(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}

// ParseQuery reads what a request asks for, as lists do, for routes of Handle; params are as
// those of Params.
func ParseQuery(req *http.Request, params ...string) (Query, error) { return parseQuery(req, params) }

func parseQuery(req *http.Request, params []string) (Query, error) {
	q := Query{Number: 1, Size: defaultPage}
	if req.URL.RawQuery == "" {
		return q, nil
	}
	v, err := url.ParseQuery(req.URL.RawQuery)
	if err != nil {
		return q, problem.BadRequest("The query of the address is malformed: %v", err)
	}
	if q.values = v; q.size() > maxValues {
		return q, problem.BadRequest("The query of the address has more than %d values", maxValues)
	}
	for name, p := range map[string]*int{"page[number]": &q.Number, "page[size]": &q.Size} {
		if s := v.Get(name); s != "" {
			n, err := strconv.Atoi(s)
			if err != nil || n < 1 || n > maxNumber {
				return q, problem.BadRequest("%s must be a whole number from 1 to %d, not %q", name, maxNumber, s)
			}
			*p = n
		}
	}
	q.Size = min(q.Size, maxPage)
	q.Include = q.List("include")
	if len(q.Include) > 20 {
		return q, problem.BadRequest("Invalid include parameter: more than 20 relationships")
	}
	for _, path := range q.Include {
		if strings.Count(path, ".") >= maxDepth {
			return q, problem.BadRequest("Invalid include parameter: more than %d relationships in a row", maxDepth)
		}
	}
	for name := range v {
		if err := q.parameter(name, params); err != nil {
			return q, err
		}
	}
	return q, nil
}

// parameter reads fields[…] and refuses filters and searches that the route lacks:
// a list that ignored them would be the wrong list.
func (q *Query) parameter(name string, params []string) error {
	kind, rest, ok := strings.Cut(name, "[")
	switch {
	case !ok:
		return nil
	case kind == "fields":
		if q.fields == nil {
			q.fields = map[string][]string{}
		}
		q.fields[strings.TrimSuffix(rest, "]")] = q.List(name)
	case kind == "filter" || kind == "search":
		known := slices.ContainsFunc(params, func(p string) bool { return name == p || strings.HasPrefix(name, p+"[") })
		if !known {
			return problem.BadRequest("This list has no parameter %s", name)
		}
	}
	return nil
}

// Page is one page of a list.
type Page[T any] struct {
	Items []T
	Total int
	// Meta are further members of the document's meta, such as "status-counts".
	Meta map[string]any
	// Whole tells that the list has no pages.
	Whole bool
	// Bare tells that the answer says nothing of pages, for lists that have them only when
	// they are asked for.
	Bare bool
	// Uncounted tells that the total is unknown: the answer says only whether there is a
	// next page, which More knows.
	Uncounted, More bool
}

// Uncounted is a page of a list whose total is too dear. items are the rows of the page
// and one more if there is one.
func Uncounted[T any](items []T, q Query) Page[T] {
	p := Page[T]{Items: items, Uncounted: true}
	if len(items) > q.Size {
		p.Items, p.More = items[:q.Size], true
	}
	return p
}

// Whole is a list that comes in one piece.
func Whole[T any](items []T, err error) (Page[T], error) {
	return Page[T]{Items: items, Total: len(items), Whole: true}, err
}

// Select returns the page of the request among the rows that from describes, and
// their total. from is "FROM …" or "SELECT … FROM …" and ends with ORDER BY; it has
// no LIMIT.
func Select[T any](ctx context.Context, d *db.DB, q Query, from string, args ...any) (p Page[T], err error) {
	_, tables, _ := strings.Cut(" "+from, " FROM ")
	tables, _, _ = strings.Cut(tables, " ORDER BY ")
	if p.Total, err = db.One[int](ctx, d, "SELECT count(*) FROM "+tables, args...); err != nil || p.Total == 0 {
		return p, err
	}
	p.Items, err = db.All[T](ctx, d, from+" LIMIT ? OFFSET ?", append(args[:len(args):len(args)], q.Size, q.Offset())...)
	return p, err
}

// pagination is the meta of a list (page-template.md, "Pagination").
type pagination struct {
	CurrentPage int  `json:"current-page"`
	PageSize    int  `json:"page-size"`
	PrevPage    *int `json:"prev-page"`
	NextPage    *int `json:"next-page"`
	TotalPages  *int `json:"total-pages,omitempty"` // these two are absent of what is not counted
	TotalCount  *int `json:"total-count,omitempty"`
}

func (p Page[T]) pagination(q Query) pagination {
	pages := max(1, (p.Total+q.Size-1)/q.Size)
	out := pagination{CurrentPage: q.Number, PageSize: q.Size, TotalPages: &pages, TotalCount: &p.Total}
	more := q.Number < pages
	switch {
	case p.Whole:
		pages = 1
		return pagination{CurrentPage: 1, PageSize: max(p.Total, 1), TotalPages: &pages, TotalCount: &p.Total}
	case p.Uncounted:
		out.TotalPages, out.TotalCount, more = nil, nil, p.More
	}
	if prev := q.Number - 1; prev > 0 {
		out.PrevPage = &prev
	}
	if next := q.Number + 1; more {
		out.NextPage = &next
	}
	return out
}

func (p Page[T]) meta(q Query) map[string]any {
	if p.Bare {
		return p.Meta
	}
	meta := map[string]any{"pagination": p.pagination(q)}
	maps.Copy(meta, p.Meta)
	return meta
}

func (p Page[T]) links(ctx context.Context, q Query) map[string]any {
	if p.Bare {
		return nil
	}
	c, at := callOf(ctx), p.pagination(q)
	link := func(page int) string {
		v := url.Values{}
		maps.Copy(v, q.values)
		v.Set("page[number]", strconv.Itoa(page))
		v.Set("page[size]", strconv.Itoa(at.PageSize))
		return c.router.Address(c.req) + c.req.URL.EscapedPath() + "?" + v.Encode()
	}
	links := map[string]any{"self": link(at.CurrentPage), "first": link(1), "prev": nil, "next": nil}
	if at.TotalPages != nil {
		links["last"] = link(*at.TotalPages)
	}
	if at.PrevPage != nil {
		links["prev"] = link(*at.PrevPage)
	}
	if at.NextPage != nil {
		links["next"] = link(*at.NextPage)
	}
	return links
}

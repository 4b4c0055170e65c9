// Package api turns typed functions into the routes of the API. For each route it
// loads the resource that the path names, checks the permission that the route asks
// for, decodes the request, calls the capability and encodes the answer. A change
// runs in one transaction together with its audit record.
//
// A route cannot be registered without naming its permission, and a resource cannot
// be answered with before Type has said how it looks.
package api

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Router collects routes. Handler is the outcome.
type Router struct {
	DB *db.DB
	// Authenticate returns the subject of a token, nil for a token that is none.
	Authenticate func(ctx context.Context, token string) (*authz.Subject, error)
	// Objects is where big members of requests are put while they are read.
	Objects *blob.Store
	// SigningKey signs the addresses of objects.
	SigningKey []byte
	// PublicURL is the address of the server if it is not what requests name.
	PublicURL string
	// RateLimit is the number of requests a second for each token as it counts now; 0 is no
	// limit. Nil is none ever.
	RateLimit func() float64
	// Unlimited begins the paths that the rate limit does not count; "" is none.
	Unlimited string
	// Metric is told of each request: its pattern, status and duration.
	Metric func(pattern string, status int, took time.Duration)
	// Changed is told of each change in its transaction: where the resource lives, and its
	// type and id (or the last part of the path). Nil is for nobody to be told.
	Changed func(ctx context.Context, in authz.Scope, res jsonapi.Ref) error
	// TrustsProxy reports whether the forwarding headers of this peer count.
	TrustsProxy func(remote string) bool

	base string // of the paths given to the adapters
	*shared
}

// shared is what a Router and its copies At another base have in common.
type shared struct {
	// Dry makes every route stop after its permission check: the test of the
	// permission matrix walks all routes without changing anything.
	Dry     bool
	mux     *http.ServeMux
	types   map[string]kind
	views   map[reflect.Type]string
	routes  []Route
	objects map[string]ObjectKind
}

// Route is what is known of a route, for documents and tests.
type Route struct {
	Method, Path string // Path has its base: "/api/v2/ssh-keys/{id}"
	Needs        authz.Permission
	Scope        string       // Go type of the loaded resource, such as "orgs.Org"
	Answer       string       // type of the resource in the answer, "" if it has none
	Many         bool         // the answer is a list
	Status       int          // of success
	Attributes   reflect.Type // of the request, nil if it has no body
	Params       []string     // query parameters beyond paging, include and fields
	JSONAPI      bool
	About        string // what the name does not say, for the document

	NeedsData bool     // the request must have a resource
	Accepts   []string // types that the resource of the request may say
	Spills    []string // members of the request that go to the object store
}

// kind is a type of resource.
type kind struct {
	types         []string // on the wire
	byIDs         func(ctx context.Context, ids []string) ([]authz.Scoped, error)
	view          func(ctx context.Context, v any) jsonapi.Resource
	read          authz.Permission
	relationships jsonapi.Relationships
	attributes    reflect.Type
}

// NewRouter returns a router whose paths begin with /api/v2.
func NewRouter(d *db.DB) *Router {
	r := &Router{DB: d, base: "/api/v2", shared: &shared{mux: http.NewServeMux(), types: map[string]kind{},
		views: map[reflect.Type]string{}, objects: map[string]ObjectKind{}}}
	r.mux.HandleFunc("/api/", absent)
	return r
}

// Fallback answers below a prefix, such as "/drift/", where no route is, or none for the
// method.
func (r *Router) Fallback(prefix string, h http.HandlerFunc) { r.mux.HandleFunc(prefix, h) }

// At returns the same router with another base of its paths.
func (r *Router) At(base string) *Router {
	c := *r
	c.base = base
	return &c
}

// Permission is what a subject needs to see resources of a type; false if there is no such
// type.
func (r *Router) Permission(kind string) (authz.Permission, bool) {
	k, ok := r.types[kind]
	return k.read, ok
}

// Again returns the subject of a request as it is now, for what goes on for long; nil if
// its token does not count any more.
func (r *Router) Again(req *http.Request) (*authz.Subject, error) {
	token, _ := r.tokenOf(req)
	return r.Authenticate(req.Context(), token)
}

// Routes returns every route, in the order of registration.
func (r *Router) Routes() []Route { return r.routes }

// Load finds the resource that a path names, by the last wildcard of the path.
// Both and Keys make a Load of functions that want more of the path.
type Load[T authz.Scoped] func(ctx context.Context, key string) (T, error)

// Both loads by the last two wildcards of the path: organization and name, or the
// parent that must contain the resource.
func Both[T authz.Scoped](find func(ctx context.Context, first, second string) (T, error)) Load[T] {
	return func(ctx context.Context, key string) (T, error) {
		c := callOf(ctx)
		return find(ctx, c.req.PathValue(c.wildcards[len(c.wildcards)-2]), key)
	}
}

// Keys loads by all wildcards of the path, in order.
func Keys[T authz.Scoped](find func(ctx context.Context, keys []string) (T, error)) Load[T] {
	return func(ctx context.Context, _ string) (T, error) {
		c := callOf(ctx)
		keys := make([]string, len(c.wildcards))
		for i, name := range c.wildcards {
			keys[i] = c.req.PathValue(name)
		}
		return find(ctx, keys)
	}
}

// Site is the Load of routes that are below no resource.
func Site(context.Context, string) (authz.Site, error) { return authz.Site{}, nil }

// Type says how a kind of resource is fetched when another resource includes it,
// who may see it there, and how it looks on the wire. view is called once with a
// zero T to learn the names of attributes and relationships, so it must accept one.
func Type[T authz.Scoped](r *Router, name string, read authz.Permission, byIDs func(context.Context, []string) ([]T, error), view func(context.Context, T) jsonapi.Resource) {
	register(r, name, []string{name}, read, byIDs, view)
}

// Variant says how a resource looks where its form is not that of its Type, such as
// an organization for site administrators. key is a name of its own; types are those
// that the view gives it on the wire, that of a zero T first.
func Variant[T authz.Scoped](r *Router, key string, view func(context.Context, T) jsonapi.Resource, types ...string) {
	register(r, key, types, authz.SiteAdmin, nil, view)
}

func register[T authz.Scoped](r *Router, name string, types []string, read authz.Permission, byIDs func(context.Context, []string) ([]T, error), view func(context.Context, T) jsonapi.Resource) {
	if _, ok := r.types[name]; ok {
		panic("api: two types are called " + name)
	}
	var zero T
	example := view(context.Background(), zero)
	if example.Type != types[0] {
		panic(fmt.Sprintf("api: the view of %s says %q", name, example.Type))
	}
	k := kind{
		types: types, read: read, relationships: example.Relationships, attributes: reflect.TypeOf(example.Attributes),
		view: func(ctx context.Context, v any) jsonapi.Resource { return view(ctx, v.(T)) },
	}
	if byIDs != nil {
		k.byIDs = func(ctx context.Context, ids []string) ([]authz.Scoped, error) {
			list, err := byIDs(ctx, ids)
			out := make([]authz.Scoped, len(list))
			for i, v := range list {
				out[i] = v
			}
			return out, err
		}
	}
	r.types[name] = k
	r.views[reflect.TypeFor[T]()] = name
}

// viewOf returns the wire form of T and its name.
func viewOf[T authz.Scoped](r *Router) (func(context.Context, T) jsonapi.Resource, string) {
	name, ok := r.views[reflect.TypeFor[T]()]
	if !ok {
		panic("api: register Type before the routes that answer with " + reflect.TypeFor[T]().String())
	}
	view := r.types[name].view
	return func(ctx context.Context, v T) jsonapi.Resource { return view(ctx, v) }, name
}

// call is the request under way.
type call struct {
	req       *http.Request
	router    *Router
	route     Route
	wildcards []string
	query     Query
	spilled   map[string]spilled
	changed   []string // names of attributes in the request
	header    http.Header
}

type callKey struct{}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// InRequest reports whether ctx is that of a request to a route.
func InRequest(ctx context.Context) bool { return callOf(ctx) != nil }

// Request returns the HTTP request of ctx, for what no adapter hands on.
func Request(ctx context.Context) *http.Request { return callOf(ctx).req }

// QueryOf returns what the request of ctx asks for beyond its path; the zero Query
// outside a request.
func QueryOf(ctx context.Context) Query {
	if c := callOf(ctx); c != nil {
		return c.query
	}
	return Query{}
}

// Header returns the header of the answer to the request of ctx.
func Header(ctx context.Context) http.Header { return callOf(ctx).header }

// Option adjusts a route.
type Option func(*options)

type options struct {
	status int
	params []string
	about  string
	spill  map[string]spilling
	types  []string
	denied error
	limit  int64

	before  func(ctx context.Context, on authz.Scoped, in any) (context.Context, error)
	include []string
	fail    func(w http.ResponseWriter, req *http.Request, err error)
}

// Params names the query parameters that a route takes, such as "filter[name]" or
// "search[tags]"; "filter[tagged]" stands for everything that begins with it. Other
// filters and searches are refused.
func Params(names ...string) Option {
	return func(o *options) { o.params = append(o.params, names...) }
}

// About is what the document says of a route beyond its name and permission.
func About(text string) Option { return func(o *options) { o.about = text } }

// Status is the status of success, if it is not the adapter's.
func Status(code int) Option { return func(o *options) { o.status = code } }

// Accepts names further types that the client may give in the request, for clients
// that say it differently.
func Accepts(types ...string) Option { return func(o *options) { o.types = append(o.types, types...) } }

// Denied is the answer to a subject that may read the resource but lacks the
// permission, where TFE does not hide it behind a 404.
func Denied(err error) Option { return func(o *options) { o.denied = err } }

// Including names relationships whose resources the answer always includes, where
// TFE does so unasked.
func Including(paths ...string) Option {
	return func(o *options) { o.include = append(o.include, paths...) }
}

// Before makes a change ask what must not be asked in a transaction, such as whether a
// webhook answers. do runs ahead of the change when the permission has been checked, and the
// context that it returns is that of the change; its error refuses the request.
func Before[P authz.Scoped, A any](do func(ctx context.Context, on P, in jsonapi.In[A]) (context.Context, error)) Option {
	return func(o *options) {
		o.before = func(ctx context.Context, on authz.Scoped, in any) (context.Context, error) {
			return do(ctx, on.(P), *in.(*jsonapi.In[A]))
		}
	}
}

// BodyLimit is the largest request body in bytes; the default is 1 MiB.
func BodyLimit(bytes int64) Option { return func(o *options) { o.limit = bytes } }

// Spill sends the base64 member called name straight to the object store, up to
// limit bytes, as an object whose key begins with prefix and a slash. If watch is not
// nil, the writer that it makes is given the decoded bytes as they pass; its error
// refuses the request. Spilled returns both.
func Spill(name, prefix string, limit int64, watch func() io.Writer) Option {
	return func(o *options) {
		if o.spill == nil {
			o.spill = map[string]spilling{}
		}
		o.spill[name] = spilling{prefix, limit, watch}
	}
}

// spilling is how a member is spilled.
type spilling struct {
	prefix string
	limit  int64
	watch  func() io.Writer
}

const defaultBodyLimit = 1 << 20

func settle(opts []Option) options {
	o := options{limit: defaultBodyLimit, fail: Fail}
	for _, set := range opts {
		set(&o)
	}
	return o
}

// handler answers a request, or returns an error for Fail.
type handler func(ctx context.Context, w http.ResponseWriter, req *http.Request) error

// handle registers a route. method and path are separate because the path gets its
// base.
func (r *Router) handle(route Route, o options, allowed guarded, h handler) {
	route.Path = r.base + route.Path
	route.About, route.Params, route.Spills = o.about, o.params, slices.Sorted(maps.Keys(o.spill))
	r.routes = append(r.routes, route)
	wildcards := wildcardsOf(route.Path)
	pattern := route.Method + " " + route.Path
	r.mux.HandleFunc(pattern, func(w http.ResponseWriter, req *http.Request) {
		ctx := req.Context()
		if route.Needs != authz.Anyone && authz.From(ctx) == nil {
			o.fail(w, req, unauthorized(ctx))
			return
		}
		c := &call{req: req, router: r, route: route, wildcards: wildcards, header: w.Header()}
		ctx = context.WithValue(ctx, callKey{}, c)
		var err error
		if route.JSONAPI {
			c.query, err = parseQuery(req, o.params)
			c.query.Include = append(c.query.Include, o.include...)
		}
		if err == nil && r.Dry {
			err = dry(ctx, allowed)
		} else if err == nil {
			err = h(ctx, w, req)
		}
		if err != nil {
			o.fail(w, req, err)
		}
	})
}

// guarded finds what a path names, if the subject has the route's permission on it.
type guarded func(ctx context.Context) (authz.Scoped, error)

func guard[T authz.Scoped](o options, load Load[T]) guarded {
	return func(ctx context.Context) (authz.Scoped, error) { return target(ctx, o, load) }
}

// dry answers whether the request would be allowed: 418 means yes.
func dry(ctx context.Context, allowed guarded) error {
	if _, err := allowed(ctx); err != nil {
		return err
	}
	return &problem.Problem{Status: http.StatusTeapot, Title: "allowed"}
}

// wildcardsOf returns the names of the wildcards of a path, in order.
func wildcardsOf(path string) []string {
	var out []string
	for {
		_, rest, ok := strings.Cut(path, "{")
		if !ok {
			return out
		}
		name, after, _ := strings.Cut(rest, "}")
		if name != "$" {
			out = append(out, strings.TrimSuffix(name, "..."))
		}
		path = after
	}
}

// target loads what the path names and checks the permission.
func target[T authz.Scoped](ctx context.Context, o options, load Load[T]) (T, error) {
	c := callOf(ctx)
	key := ""
	if n := len(c.wildcards); n > 0 {
		key = c.req.PathValue(c.wildcards[n-1])
	}
	v, err := load(ctx, key)
	if err != nil {
		return v, err
	}
	err = authz.Check(ctx, c.route.Needs, v)
	if err != nil && o.denied != nil && authz.From(ctx) != nil && visible(ctx, v.Scope()) {
		err = o.denied
	}
	return v, err
}

// visible reports whether the subject may know that something lives there.
func visible(ctx context.Context, in authz.Scope) bool {
	switch {
	case in.Workspace != "":
		return authz.Can(ctx, authz.ReadWorkspace, in)
	case in.Project != "":
		return authz.Can(ctx, authz.ReadProject, in)
	default:
		return authz.Can(ctx, authz.ReadOrg, in)
	}
}

// Attributes returns the Go type of the attributes that each type of resource is
// answered with, by the type's name.
func (r *Router) Attributes() map[string]reflect.Type {
	out := make(map[string]reflect.Type, len(r.types))
	for name, k := range r.types {
		out[name] = k.attributes
	}
	return out
}

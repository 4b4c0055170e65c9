package api

import (
	"context"
	"net/http"
	"reflect"
	"slices"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// List serves the resources below P, a page at a time.
func List[P, T authz.Scoped](r *Router, path string, needs authz.Permission, load Load[P], do func(context.Context, P, Query) (Page[T], error), opts ...Option) {
	o := settle(opts)
	view, name := viewOf[T](r)
	route := Route{Method: "GET", Path: path, Needs: needs, Scope: scopeName[P](), Answer: name, Many: true, Status: 200, JSONAPI: true}
	r.handle(route, o, guard(o, load), func(ctx context.Context, w http.ResponseWriter, _ *http.Request) error {
		q := QueryOf(ctx)
		parent, err := target(ctx, o, load)
		if err != nil {
			return err
		}
		page, err := do(ctx, parent, q)
		if err != nil {
			return err
		}
		doc := jsonapi.Document{Data: views(ctx, view, page.Items)}
		if doc.Included, err = r.include(ctx, name, doc.Data.([]jsonapi.Resource), q.Include); err != nil {
			return err
		}
		if meta := page.meta(q); len(meta) > 0 {
			doc.Meta = meta
		}
		doc.Links = page.links(ctx, q)
		return r.write(ctx, w, 200, doc)
	})
}

func views[T any](ctx context.Context, view func(context.Context, T) jsonapi.Resource, items []T) []jsonapi.Resource {
	out := make([]jsonapi.Resource, len(items))
	for i, v := range items {
		out[i] = view(ctx, v)
	}
	return out
}

// Read serves one resource.
func Read[T authz.Scoped](r *Router, path string, needs authz.Permission, load Load[T], opts ...Option) {
	o := settle(opts)
	view, name := viewOf[T](r)
	route := Route{Method: "GET", Path: path, Needs: needs, Scope: scopeName[T](), Answer: name, Status: 200, JSONAPI: true}
	r.handle(route, o, guard(o, load), func(ctx context.Context, w http.ResponseWriter, _ *http.Request) error {
		v, err := target(ctx, o, load)
		if err != nil {
			return err
		}
		return r.answer(ctx, w, 200, name, view(ctx, v))
	})
}

// Show serves one resource that is found by way of P, such as a workspace's current
// state version: the permission is checked on P.
func Show[P, T authz.Scoped](r *Router, path string, needs authz.Permission, load Load[P], do func(context.Context, P) (T, error), opts ...Option) {
	o := settle(opts)
	view, name := viewOf[T](r)
	route := Route{Method: "GET", Path: path, Needs: needs, Scope: scopeName[P](), Answer: name, Status: 200, JSONAPI: true}
	r.handle(route, o, guard(o, load), func(ctx context.Context, w http.ResponseWriter, _ *http.Request) error {
		parent, err := target(ctx, o, load)
		if err != nil {
			return err
		}
		v, err := do(ctx, parent)
		if err != nil {
			return err
		}
		return r.answer(ctx, w, 200, name, view(ctx, v))
	})
}

// answer writes one resource with what the request wants included.
func (r *Router) answer(ctx context.Context, w http.ResponseWriter, status int, name string, res jsonapi.Resource) error {
	inc, err := r.include(ctx, name, []jsonapi.Resource{res}, QueryOf(ctx).Include)
	if err != nil {
		return err
	}
	return r.write(ctx, w, status, jsonapi.Document{Data: res, Included: inc})
}

// Create adds a resource below P (201).
func Create[P, T authz.Scoped, A any](r *Router, path string, needs authz.Permission, load Load[P], do func(context.Context, P, jsonapi.In[A]) (T, error), opts ...Option) {
	change(r, "POST", path, 201, true, needs, load, do, opts)
}

// Update changes a resource and answers with its new self (200).
func Update[T authz.Scoped, A any](r *Router, path string, needs authz.Permission, load Load[T], do func(context.Context, T, jsonapi.In[A]) (T, error), opts ...Option) {
	change(r, "PATCH", path, 200, true, needs, load, do, opts)
}

// UpdateOf changes a resource that is found by way of P, such as the audit
// configuration of an organization, and answers with its new self (200).
func UpdateOf[P, T authz.Scoped, A any](r *Router, path string, needs authz.Permission, load Load[P], do func(context.Context, P, jsonapi.In[A]) (T, error), opts ...Option) {
	change(r, "PATCH", path, 200, true, needs, load, do, opts)
}

// Assign sets a to-one relationship of a resource (PATCH …/relationships/x) and
// answers with the resource (200). "data" may be null.
func Assign[T authz.Scoped, A any](r *Router, path string, needs authz.Permission, load Load[T], do func(context.Context, T, jsonapi.In[A]) (T, error), opts ...Option) {
	change(r, "PATCH", path, 200, false, needs, load, do, opts)
}

// Action does something to P and answers with a resource (200): with P's new self,
// or with what came of it. The request may be empty.
func Action[P, T authz.Scoped, A any](r *Router, path string, needs authz.Permission, load Load[P], do func(context.Context, P, jsonapi.In[A]) (T, error), opts ...Option) {
	change(r, "POST", path, 200, false, needs, load, do, opts)
}

func change[P, T authz.Scoped, A any](r *Router, method, path string, status int, needsData bool, needs authz.Permission, load Load[P], do func(context.Context, P, jsonapi.In[A]) (T, error), opts []Option) {
	o := settle(opts)
	if o.status != 0 {
		status = o.status
	}
	view, name := viewOf[T](r)
	route := Route{Method: method, Path: path, Needs: needs, Scope: scopeName[P](), Answer: name, Status: status, Attributes: reflect.TypeFor[A](), JSONAPI: true}
	if needsData {
		o.types = append(o.types, name)
		route.NeedsData, route.Accepts = true, o.types
	} else {
		o.types = nil
	}
	r.handle(route, o, guard(o, load), func(ctx context.Context, w http.ResponseWriter, req *http.Request) error {
		var in jsonapi.In[A]
		if err := r.read(ctx, w, req, o, needsData, &in, guard(o, load)); err != nil {
			return err
		}
		if err := rightType(in.Data.Type, o.types); err != nil {
			return r.unspill(ctx, err)
		}
		ctx, err := ahead(ctx, o, load, &in)
		if err != nil {
			return r.unspill(ctx, err)
		}
		var res jsonapi.Resource
		err = r.DB.Tx(ctx, func(ctx context.Context) error {
			on, err := target(ctx, o, load)
			if err != nil {
				return err
			}
			v, err := do(ctx, on, in)
			if err != nil {
				return err
			}
			res = view(ctx, v)
			return r.audit(ctx, v.Scope(), res.Ref())
		})
		if err != nil {
			return r.unspill(ctx, err)
		}
		return r.answer(ctx, w, status, name, res)
	})
}

// ahead does what Before asks for and returns the context of the change.
func ahead[P authz.Scoped](ctx context.Context, o options, load Load[P], in any) (context.Context, error) {
	if o.before == nil {
		return ctx, nil
	}
	on, err := target(ctx, o, load)
	if err != nil {
		return ctx, err
	}
	next, err := o.before(ctx, on, in)
	if err != nil {
		return ctx, err
	}
	return next, nil
}

// Do does something to P and answers with no content (204). The request may be
// empty.
func Do[P authz.Scoped, A any](r *Router, pattern string, needs authz.Permission, load Load[P], do func(context.Context, P, jsonapi.In[A]) error, opts ...Option) {
	o := settle(opts)
	method, path := split(pattern)
	route := Route{Method: method, Path: path, Needs: needs, Scope: scopeName[P](), Status: statusOr(o, 204), Attributes: reflect.TypeFor[A](), JSONAPI: true}
	r.handle(route, o, guard(o, load), func(ctx context.Context, w http.ResponseWriter, req *http.Request) error {
		var in jsonapi.In[A]
		if err := r.read(ctx, w, req, o, false, &in, nil); err != nil {
			return err
		}
		ctx, err := ahead(ctx, o, load, &in)
		if err != nil {
			return err
		}
		return r.quietly(ctx, w, statusOr(o, 204), func(ctx context.Context) (authz.Scoped, error) {
			on, err := target(ctx, o, load)
			if err != nil {
				return on, err
			}
			return on, do(ctx, on, in)
		})
	})
}

// Delete removes a resource (204).
func Delete[T authz.Scoped](r *Router, path string, needs authz.Permission, load Load[T], do func(context.Context, T) error, opts ...Option) {
	o := settle(opts)
	route := Route{Method: "DELETE", Path: path, Needs: needs, Scope: scopeName[T](), Status: statusOr(o, 204), JSONAPI: true}
	r.handle(route, o, guard(o, load), func(ctx context.Context, w http.ResponseWriter, _ *http.Request) error {
		return r.quietly(ctx, w, statusOr(o, 204), func(ctx context.Context) (authz.Scoped, error) {
			v, err := target(ctx, o, load)
			if err != nil {
				return v, err
			}
			return v, do(ctx, v)
		})
	})
}

// Remove is Delete for a resource that is shown once more (200).
func Remove[T authz.Scoped, A any](r *Router, path string, needs authz.Permission, load Load[T], do func(context.Context, T, jsonapi.In[A]) (T, error), opts ...Option) {
	change(r, "DELETE", path, 200, false, needs, load, do, opts)
}

// Links serves a to-many relationship: POST adds the members that the request
// lists, PATCH replaces all, DELETE removes. A nil function is a method that the
// relationship does not have. They answer with no content (204).
type Links[T authz.Scoped] struct {
	Add, Replace, Remove func(ctx context.Context, on T, members []jsonapi.Member) error
}

// Serve registers the methods of l.
func (l Links[T]) Serve(r *Router, path string, needs authz.Permission, load Load[T], opts ...Option) {
	o := settle(opts)
	for method, do := range map[string]func(context.Context, T, []jsonapi.Member) error{"POST": l.Add, "PATCH": l.Replace, "DELETE": l.Remove} {
		if do == nil {
			continue
		}
		route := Route{Method: method, Path: path, Needs: needs, Scope: scopeName[T](), Status: statusOr(o, 204), Attributes: membersType, JSONAPI: true}
		r.handle(route, o, guard(o, load), func(ctx context.Context, w http.ResponseWriter, req *http.Request) error {
			members, err := r.readMembers(ctx, w, req, o)
			if err != nil {
				return err
			}
			return r.quietly(ctx, w, statusOr(o, 204), func(ctx context.Context) (authz.Scoped, error) {
				on, err := target(ctx, o, load)
				if err != nil {
					return on, err
				}
				return on, do(ctx, on, members)
			})
		})
	}
}

// quietly runs a change that answers with no content.
func (r *Router) quietly(ctx context.Context, w http.ResponseWriter, status int, do func(context.Context) (authz.Scoped, error)) error {
	err := r.DB.Tx(ctx, func(ctx context.Context) error {
		on, err := do(ctx)
		if err != nil {
			return err
		}
		c := callOf(ctx)
		key := ""
		if n := len(c.wildcards); n > 0 {
			key = c.req.PathValue(c.wildcards[n-1])
		}
		return r.audit(ctx, on.Scope(), jsonapi.Ref{Type: resourceType(r, on), ID: key})
	})
	if err == nil {
		w.WriteHeader(status)
	}
	return err
}

// ChangeList takes a list of resources and answers with a list, such as PATCH
// …/tag-bindings.
func ChangeList[P, T authz.Scoped](r *Router, pattern string, needs authz.Permission, load Load[P], do func(context.Context, P, []jsonapi.Member) ([]T, error), opts ...Option) {
	o := settle(opts)
	method, path := split(pattern)
	view, name := viewOf[T](r)
	route := Route{Method: method, Path: path, Needs: needs, Scope: scopeName[P](), Answer: name, Many: true, Status: statusOr(o, 200), Attributes: membersType, JSONAPI: true}
	r.handle(route, o, guard(o, load), func(ctx context.Context, w http.ResponseWriter, req *http.Request) error {
		members, err := r.readMembers(ctx, w, req, o)
		if err != nil {
			return err
		}
		var out []jsonapi.Resource
		err = r.DB.Tx(ctx, func(ctx context.Context) error {
			on, err := target(ctx, o, load)
			if err != nil {
				return err
			}
			items, err := do(ctx, on, members)
			if err != nil {
				return err
			}
			out = views(ctx, view, items)
			return r.audit(ctx, on.Scope(), jsonapi.Ref{Type: name, ID: ""})
		})
		if err != nil {
			return err
		}
		return r.write(ctx, w, statusOr(o, 200), jsonapi.Document{Data: out})
	})
}

// UpdateMany takes one document that changes several resources below P, such as
// PATCH …/token-ttl-policies, and answers with the list (200).
func UpdateMany[P, T authz.Scoped, A any](r *Router, path string, needs authz.Permission, load Load[P], do func(context.Context, P, jsonapi.In[A]) ([]T, error), opts ...Option) {
	o := settle(opts)
	view, name := viewOf[T](r)
	route := Route{Method: "PATCH", Path: path, Needs: needs, Scope: scopeName[P](), Answer: name, Many: true, Status: statusOr(o, 200), Attributes: reflect.TypeFor[A](), JSONAPI: true,
		NeedsData: true, Accepts: append(o.types, name)}
	r.handle(route, o, guard(o, load), func(ctx context.Context, w http.ResponseWriter, req *http.Request) error {
		var in jsonapi.In[A]
		if err := r.read(ctx, w, req, o, true, &in, nil); err != nil {
			return err
		}
		if err := rightType(in.Data.Type, append(o.types, name)); err != nil {
			return err
		}
		var out []jsonapi.Resource
		err := r.DB.Tx(ctx, func(ctx context.Context) error {
			on, err := target(ctx, o, load)
			if err != nil {
				return err
			}
			items, err := do(ctx, on, in)
			if err != nil {
				return err
			}
			out = views(ctx, view, items)
			return r.audit(ctx, on.Scope(), jsonapi.Ref{Type: name})
		})
		if err != nil {
			return err
		}
		return r.write(ctx, w, statusOr(o, 200), jsonapi.Document{Data: out})
	})
}

// Handle serves a route that answers in its own way. The target is loaded and the
// permission checked as everywhere; there is no transaction and no audit record.
func Handle[T authz.Scoped](r *Router, pattern string, needs authz.Permission, load Load[T], do func(ctx context.Context, w http.ResponseWriter, req *http.Request, on T) error, opts ...Option) {
	o := settle(opts)
	method, path := split(pattern)
	r.handle(Route{Method: method, Path: path, Needs: needs, Scope: scopeName[T](), Status: statusOr(o, 200)}, o, guard(o, load),
		func(ctx context.Context, w http.ResponseWriter, req *http.Request) error {
			on, err := target(ctx, o, load)
			if err != nil {
				return err
			}
			return do(ctx, w, req, on)
		})
}

func statusOr(o options, status int) int {
	if o.status != 0 {
		return o.status
	}
	return status
}

func scopeName[T any]() string { return reflect.TypeFor[T]().String() }

func resourceType(r *Router, v authz.Scoped) string { return r.views[reflect.TypeOf(v)] }

var membersType = reflect.TypeFor[[]jsonapi.Member]()

func rightType(got string, want []string) error {
	if len(want) == 0 || got == "" || slices.Contains(want, got) {
		return nil
	}
	return wrongType(got, want[len(want)-1])
}

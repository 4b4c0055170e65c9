// Package retention is the policy that says when old data of an organization or a
// workspace is deleted: after a number of days, or never. It is shared by both; each
// keeps the policy in a column of its own row.
//
// The surprising rule: one endpoint answers with two types of resources, one for
// each kind of policy.
package retention

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// The types of policies on the wire.
const (
	DeleteOlder = "data-retention-policy-delete-olders"
	DontDelete  = "data-retention-policy-dont-deletes"
	legacy      = "data-retention-policies" // what clients of 2023 send for DeleteOlder
)

// Policy says when data is deleted. The zero Policy is none.
type Policy struct {
	ID   string `json:"id,omitempty"`   // drp-…
	Days int    `json:"days,omitempty"` // data older than this is deleted; 0 is never
}

// Column is how a row keeps its policy; a row without one keeps "{}".
type Column = db.JSON[Policy]

// Set reports whether there is a policy.
func (p Policy) Set() bool { return p.ID != "" }

// Type is the type of the policy on the wire, "" if there is none.
func (p Policy) Type() string {
	switch {
	case !p.Set():
		return ""
	case p.Days > 0:
		return DeleteOlder
	default:
		return DontDelete
	}
}

// Relationship is the relationship "data-retention-policy" of the resource that has
// the policy; related is the address of the policy.
func (p Policy) Relationship(related string) jsonapi.One {
	return jsonapi.ToOneAt(p.Type(), p.ID, related)
}

// held is a policy with the place that it is for.
type held struct {
	Policy
	in authz.Scope
}

// Scope implements authz.Scoped.
func (h held) Scope() authz.Scope { return h.in }

// Types registers how policies look. Call it once, before Serve.
func Types(r *api.Router) {
	api.Variant(r, legacy, view, DeleteOlder, DontDelete)
}

func view(_ context.Context, h held) jsonapi.Resource {
	if h.Type() == DontDelete {
		return jsonapi.Resource{Type: DontDelete, ID: h.ID, Attributes: attributes{}}
	}
	return jsonapi.Resource{Type: DeleteOlder, ID: h.ID, Attributes: attributes{&h.Days}}
}

type attributes struct {
	DeleteOlderThanNDays *int `json:"delete-older-than-n-days,omitempty"` // of DeleteOlder only
}

type request struct {
	DeleteOlderThanNDays jsonapi.Opt[int] `json:"delete-older-than-n-days"`
}

// Owner is what has a policy.
type Owner[T authz.Scoped] struct {
	Load api.Load[T]
	Get  func(T) Policy
	Put  func(ctx context.Context, on T, p Policy) error // the zero Policy removes it
}

// Serve registers the endpoints of the policy of T at path, which ends with
// "relationships/data-retention-policy".
func (o Owner[T]) Serve(r *api.Router, path string, read, write authz.Permission) {
	api.Show(r, path, read, o.Load, o.show)
	api.Action(r, path, write, o.Load, o.set)
	api.UpdateOf(r, path, write, o.Load, o.set, api.Accepts(DeleteOlder, DontDelete))
	api.Delete(r, path, write, o.Load, func(ctx context.Context, on T) error { return o.Put(ctx, on, Policy{}) })
}

func (o Owner[T]) show(_ context.Context, on T) (held, error) {
	p := o.Get(on)
	if !p.Set() {
		return held{}, problem.NotFound
	}
	return held{p, on.Scope()}, nil
}

// maxDays is a hundred years: more is a mistake.
const maxDays = 36_500

func (o Owner[T]) set(ctx context.Context, on T, in jsonapi.In[request]) (held, error) {
	p := Policy{ID: o.Get(on).ID}
	if p.ID == "" {
		p.ID = id.New("drp")
	}
	days := in.Data.Attributes.DeleteOlderThanNDays
	switch in.Data.Type {
	case DontDelete:
	case DeleteOlder, legacy:
		if days.V < 1 || days.V > maxDays {
			return held{}, problem.Invalid("delete-older-than-n-days", "Delete older than n days must be a number from 1 to %d", maxDays)
		}
		p.Days = days.V
	default:
		return held{}, problem.BadRequest("The type of the policy must be %s or %s.", DeleteOlder, DontDelete)
	}
	return held{p, on.Scope()}, o.Put(ctx, on, p)
}

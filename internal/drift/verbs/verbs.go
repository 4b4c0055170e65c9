// Package verbs is the form of the API at /drift/…, whose endpoints each take a POST with
// a JSON object that has exactly one truthy verb: {"save": true, …}. An endpoint is a table
// of verbs; this package checks the key, its role and its rate, decodes fields, keeps
// answers for an Idempotency-Key, and makes JSON of every outcome.
//
// The surprising rule: clients of this API do not look at the status before they decode
// the body, so nothing below /drift/… that is meant for programs answers anything but JSON.
package verbs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/audit"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Base is where the endpoints are.
const Base = "/drift"

// Role is what a key may do; each role may do what those before it may.
type Role string

// The roles of keys.
const (
	Read    Role = "read"    // list, get
	Operate Role = "operate" // test, activate
	Admin   Role = "admin"   // save, delete
)

// Roles are all roles, the weakest first.
var Roles = []Role{Read, Operate, Admin}

// May reports whether a key of role r may do what asks for needs.
func (r Role) May(needs Role) bool {
	return slices.Index(Roles, r) >= max(0, slices.Index(Roles, needs))
}

// Caller is whose key a request bears.
type Caller struct {
	OrgID   string // org-…
	OrgName string
	DriftID string // the organization's id in this API, 32 hex digits
	KeyID   string // drk-…
	Role    Role
}

// Call is one request.
type Call struct {
	Caller
	Verb   string
	fields map[string]json.RawMessage
	bus    *events.Bus
}

// Answer are the members of an answer beside "status".
type Answer map[string]any

// Verb is one thing that an endpoint does.
type Verb struct {
	// Do has no transaction: it may ask the network first and then opens one.
	Do func(ctx context.Context, c Call) (Answer, error)
	// Needs is the role; "" is what the name of the verb asks for: list, get, output and
	// findings ask for Read, save and delete for Admin, and all others for Operate.
	Needs Role
}

// Endpoint is a path and its verbs.
type Endpoint struct {
	Path  string // "/state", below Base
	Verbs map[string]Verb
	// Fields gives the names here of attributes that problems point at: "url" is "state_repo".
	Fields map[string]string
}

// Feature serves endpoints.
type Feature struct {
	DB   *db.DB
	Jobs *jobs.Queue
	Bus  *events.Bus // hears of changes
	// Authenticate returns whose key it is; orgID is what the client takes for the id of its
	// organization. Wrong pairs are refused with ErrKey and ErrOrg.
	Authenticate func(ctx context.Context, key, orgID string) (Caller, error)
	// Used notes that a key was used.
	Used func(ctx context.Context, keyID string) error
	// MAC is the key of the fingerprints of requests that have an Idempotency-Key.
	MAC []byte

	limits limits
	router *api.Router
}

// maxBody is the most that a request may hold: a few texts of 64 KiB.
const maxBody = 1 << 20

// Routes adds what all endpoints share. Call it before Serve.
func (f *Feature) Routes(r *api.Router) {
	f.router, f.limits = r.At(Base), newLimits()
	f.Jobs.Every("drift-requests", time.Hour, f.sweep)
	r.Fallback(Base+"/", func(w http.ResponseWriter, req *http.Request) {
		if req.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			write(w, &Error{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Message: "Send a POST with a JSON object that has one of the verbs, such as {\"list\": true}."})
			return
		}
		write(w, &Error{Status: http.StatusNotFound, Code: "not_found", Message: "There is no such endpoint."})
	})
}

// Serve adds an endpoint.
func (f *Feature) Serve(e Endpoint) {
	f.router.Raw("POST "+e.Path, authz.Anyone, func(w http.ResponseWriter, req *http.Request) error {
		answer, err := f.answer(w, req, e)
		if err != nil {
			if req.Context().Err() != nil {
				return nil // the client went away
			}
			write(w, told(req.Context(), e, err))
			return nil
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer) //nolint:gosec // JSON, and said to be JSON
		return nil
	})
}

// answer returns the body of a good answer.
func (f *Feature) answer(w http.ResponseWriter, req *http.Request, e Endpoint) ([]byte, error) {
	ctx := req.Context()
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if err != nil {
		return nil, bodyError(err)
	}
	caller, err := f.Authenticate(ctx, strings.TrimSpace(req.Header.Get("X-Api-Key")), strings.TrimSpace(req.Header.Get("X-Org-ID")))
	if err != nil {
		return nil, err
	}
	if err := f.limits.request(caller); err != nil {
		return nil, err
	}
	if err := f.Used(ctx, caller.KeyID); err != nil {
		return nil, err
	}
	c, verb, err := parse(e, caller, body)
	if err != nil {
		return nil, err
	}
	c.bus = f.Bus
	if !caller.Role.May(verb.Needs) {
		return nil, &Error{Status: http.StatusForbidden, Code: "role_too_weak", Message: "This key has the role " + string(caller.Role) + "; the verb " + c.Verb + " asks for " + string(verb.Needs) + "."}
	}
	if c.Verb == "test" {
		if err := f.limits.test(caller); err != nil {
			return nil, err
		}
	}
	do := func(ctx context.Context) ([]byte, error) {
		extra, err := verb.Do(ctx, c)
		if err != nil {
			return nil, err
		}
		out := Answer{"status": "good"}
		maps.Copy(out, extra)
		return json.Marshal(out)
	}
	ctx = authz.With(ctx, caller.subject())
	name := req.Header.Get("Idempotency-Key")
	if name == "" || verb.Needs == Read {
		return do(ctx)
	}
	return f.once(ctx, caller, e.Path, name, body, do)
}

// needs is the role that a verb asks for if it does not say.
func needs(verb string, said Role) Role {
	switch {
	case said != "":
		return said
	case slices.Contains([]string{"list", "get", "output", "findings"}, verb):
		return Read
	case verb == "save" || verb == "delete":
		return Admin
	}
	return Operate
}

// parse finds the one verb of a request.
func parse(e Endpoint, caller Caller, body []byte) (Call, Verb, error) {
	c := Call{Caller: caller}
	if len(bytes.TrimSpace(body)) == 0 {
		return c, Verb{}, &Error{Status: 400, Code: "body_required", Message: "The request has no body. Send a JSON object with one of the verbs " + e.verbs() + "."}
	}
	if err := json.Unmarshal(body, &c.fields); err != nil || c.fields == nil {
		return c, Verb{}, &Error{Status: 400, Code: "invalid_json", Message: "The body must be a JSON object."}
	}
	var found []string
	for name := range e.Verbs {
		var on Bool
		if raw, ok := c.fields[name]; ok && json.Unmarshal(raw, &on) == nil && bool(on) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	switch len(found) {
	case 0:
		return c, Verb{}, &Error{Status: 400, Code: "verb_required", Message: "Exactly one of the verbs " + e.verbs() + " must be true."}
	case 1:
	default:
		return c, Verb{}, &Error{Status: 400, Code: "verb_conflict", Message: "Exactly one verb must be true, not " + strings.Join(found, " and ") + "."}
	}
	c.Verb = found[0]
	v := e.Verbs[c.Verb]
	v.Needs = needs(c.Verb, v.Needs)
	return c, v, nil
}

func (e Endpoint) verbs() string { return strings.Join(slices.Sorted(maps.Keys(e.Verbs)), ", ") }

// KeyKind is the kind of the subject of a key in the audit trail.
const KeyKind authz.Kind = "drift-key"

// subject is what a key may do where permissions are asked.
func (c Caller) subject() *authz.Subject {
	set := authz.Of(authz.ReadDrift)
	if c.Role.May(Operate) {
		set |= authz.Of(authz.OperateDrift)
	}
	if c.Role.May(Admin) {
		set |= authz.Of(authz.ManageDrift)
	}
	return &authz.Subject{Kind: KeyKind, ID: c.KeyID, Name: c.KeyID, TokenID: c.KeyID,
		Orgs: map[string]*authz.Grants{c.OrgID: {OrgName: c.OrgName, Org: set}}}
}

// Change runs fn in a transaction and records it, see Record.
func (c Call) Change(ctx context.Context, d *db.DB, resource, id string, fn func(ctx context.Context) error) error {
	return d.Tx(ctx, func(ctx context.Context) error {
		if err := fn(ctx); err != nil {
			return err
		}
		return c.Record(ctx, d, resource, id)
	})
}

// Record writes the call to the audit trail, in the transaction of its change, and tells clients
// of it: what was done is the verb, resource is the type as in JSON:API, such as "drift-repositories".
func (c Call) Record(ctx context.Context, d *db.DB, resource, id string) error {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(c.fields)), func(name string) bool { return len(name) > 100 })
	e := audit.Event{OrgID: c.OrgID, Action: c.Verb, ResourceType: resource, ResourceID: id}
	e.Changed.V = names[:min(len(names), 100)]
	changes.Tell(ctx, c.bus, authz.Scope{Org: c.OrgID}, resource, id)
	return audit.Write(ctx, d, e)
}

// write answers with an error.
func write(w http.ResponseWriter, e *Error) {
	for k, v := range e.Header {
		w.Header().Set(k, v)
	}
	out := Answer{"status": "bad", "code": e.Code, "message": e.Message}
	if e.Field != "" {
		out["field"] = e.Field
	}
	maps.Copy(out, e.Extra)
	b, err := json.Marshal(out)
	if err != nil {
		b = []byte(`{"status":"bad","code":"internal_error","message":"The server failed to say what is wrong."}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.Status)
	_, _ = w.Write(b)
}

// told makes an error of this API of any error.
func told(ctx context.Context, e Endpoint, err error) *Error {
	var mine *Error
	if errors.As(err, &mine) {
		return mine
	}
	p, ok := problem.From(err)
	if !ok {
		slog.ErrorContext(ctx, "request failed", "path", Base+e.Path, "request", audit.OriginOf(ctx).RequestID, "err", err)
		return &Error{Status: 500, Code: "internal_error", Message: "The server failed to do this. Its log tells more under request " + audit.OriginOf(ctx).RequestID + "."}
	}
	return fromProblem(p, e.Fields)
}

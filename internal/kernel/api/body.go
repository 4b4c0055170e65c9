package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/audit"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// read decodes the request's document into in. If the route spills members, allowed
// is asked first, so that nobody fills the store without permission.
func (r *Router) read(ctx context.Context, w http.ResponseWriter, req *http.Request, o options, needsData bool, in any, allowed guarded) error {
	var body []byte
	var err error
	if len(o.spill) > 0 {
		var on authz.Scoped
		if on, err = allowed(ctx); err != nil {
			return err
		}
		body, err = r.readSpilling(ctx, w, req, o, on.Scope().Org)
		if err != nil {
			return r.unspill(ctx, bodyError(err, o.limit))
		}
	} else if body, err = io.ReadAll(http.MaxBytesReader(w, req.Body, o.limit)); err != nil {
		return bodyError(err, o.limit)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		if needsData {
			return problem.BadRequest("The request has no body. Send a JSON:API document with a \"data\" member.")
		}
		return nil
	}
	if err := r.decode(ctx, body, needsData, in); err != nil {
		return r.unspill(ctx, err)
	}
	return nil
}

func (r *Router) decode(ctx context.Context, body []byte, needsData bool, in any) error {
	var outline struct {
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(body, &outline); err != nil {
		return decodeError(err)
	}
	data := bytes.TrimSpace(outline.Data)
	if needsData && (len(data) == 0 || data[0] != '{') {
		return problem.BadRequest("The request must be a JSON:API document whose \"data\" is one resource object.")
	}
	if len(data) == 0 {
		// The bare form of actions, {"reason": "…"}, is in the API's own pages.
		data = slices.Concat([]byte(`{"attributes":`), body, []byte(`}`))
		body = slices.Concat([]byte(`{"data":`), data, []byte(`}`))
	}
	if err := json.Unmarshal(body, in); err != nil {
		return decodeError(err)
	}
	callOf(ctx).changed = changed(data)
	return nil
}

// changed returns the names of the attributes and relationships of a request.
func changed(data []byte) []string {
	var doc struct {
		Attributes    map[string]json.RawMessage `json:"attributes"`
		Relationships map[string]json.RawMessage `json:"relationships"`
	}
	if json.Unmarshal(data, &doc) != nil {
		return nil
	}
	var names []string
	for name := range doc.Attributes {
		names = append(names, name)
	}
	for name := range doc.Relationships {
		names = append(names, name)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return len(name) > 100 }) // none of ours is
	slices.Sort(names)
	return names[:min(len(names), 100)]
}

// readMembers decodes a request whose data is a list.
func (r *Router) readMembers(ctx context.Context, w http.ResponseWriter, req *http.Request, o options) ([]jsonapi.Member, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, o.limit))
	if err != nil {
		return nil, bodyError(err, o.limit)
	}
	var doc struct {
		Data *[]jsonapi.Member `json:"data"`
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, problem.BadRequest("The request has no body. Send a JSON:API document whose \"data\" is a list.")
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, decodeError(err)
	}
	if doc.Data == nil { // not an empty list: to replace all members by nothing must be said
		return nil, problem.BadRequest("The request must be a JSON:API document whose \"data\" is a list.")
	}
	return *doc.Data, nil
}

func bodyError(err error, limit int64) error {
	var tooBig *http.MaxBytesError
	var corrupt base64.CorruptInputError
	switch {
	case errors.As(err, &tooBig):
		return problem.TooLarge("The request body is larger than %d bytes.", tooBig.Limit)
	case errors.As(err, &corrupt):
		return problem.BadRequest("A base64 member of the request is damaged: %v", corrupt)
	case errors.Is(err, jsonapi.ErrTwice):
		return problem.BadRequest("A member of the request occurs twice.")
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe):
		return problem.BadRequest("The request body ends too early.")
	}
	if _, ok := problem.From(err); ok {
		return err
	}
	return problem.BadRequest("The request body cannot be read.")
}

func decodeError(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return &problem.Problem{Status: http.StatusUnprocessableEntity, Title: "invalid attribute",
			Detail:  "A JSON " + wrong.Value + " is not what is expected here: " + wrong.Type.String() + ".",
			Pointer: "/" + strings.ReplaceAll(wrong.Field, ".", "/")}
	}
	if errors.As(err, &wrong) {
		return problem.BadRequest("The request body is not a JSON:API document: it has a JSON %s in the wrong place.", wrong.Value)
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return problem.BadRequest("The request body is not valid JSON: %v", err)
	}
	return problem.Unprocessable("A value of the request has not the form that is expected: %v", err)
}

func wrongType(got, want string) error {
	return &problem.Problem{Status: http.StatusConflict, Title: "conflict", Detail: "The type of the resource is " + want + ", not " + got + ".", Pointer: "/data/type"}
}

// Spilled returns the object that the member name of the request became, if it was
// there and not empty, and the writer that watched it. The object's size and checksums
// are those of the decoded bytes. If the change fails, the object is removed.
func Spilled(ctx context.Context, name string) (obj blob.Object, watcher io.Writer, ok bool) {
	s, ok := callOf(ctx).spilled[name]
	return s.Object, s.watcher, ok
}

type spilled struct {
	blob.Object
	watcher io.Writer
}

// readSpilling reads the body while it sends big members to the store, encrypted
// with the keys of owner.
func (r *Router) readSpilling(ctx context.Context, w http.ResponseWriter, req *http.Request, o options, owner string) ([]byte, error) {
	writers, spills, total := map[string]io.Writer{}, map[string]*spill{}, o.limit
	for name, how := range o.spill {
		spills[name] = &spill{ctx: ctx, store: r.Objects, owner: owner, spilling: how, done: make(chan struct{})}
		writers[name] = spills[name]
		total += how.limit/3*4 + 4
	}
	rest := jsonapi.Divert(http.MaxBytesReader(w, req.Body, total), writers)
	body, err := io.ReadAll(io.LimitReader(rest, o.limit+1))
	if err == nil && int64(len(body)) > o.limit {
		err = &http.MaxBytesError{Limit: o.limit}
	}
	_ = rest.Close()
	c := callOf(ctx)
	c.spilled = map[string]spilled{}
	for name, s := range spills {
		obj, spillErr := s.finish(err)
		if obj.Key != "" {
			c.spilled[name] = spilled{obj, s.watcher}
		}
		err = cmp.Or(spillErr, err)
	}
	return body, err
}

// unspill removes the objects of a request that was refused, and returns its error.
// After a fault of ours it leaves them to the sweep of the capability: a commit whose
// answer was lost may have made them current.
func (r *Router) unspill(ctx context.Context, err error) error {
	if _, refused := problem.From(err); !refused {
		return err
	}
	for _, obj := range callOf(ctx).spilled {
		if e := r.Objects.Delete(context.WithoutCancel(ctx), obj.Key); e != nil {
			return errors.Join(err, e)
		}
	}
	return err
}

// spill decodes base64 into a new object, which it starts on the first byte.
type spill struct {
	ctx   context.Context
	store *blob.Store
	owner string
	spilling
	watcher io.Writer
	pw      *io.PipeWriter
	done    chan struct{}
	obj     blob.Object
	err     error
}

func (s *spill) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if s.pw == nil {
		var pr *io.PipeReader
		pr, s.pw = io.Pipe()
		decoded := base64.NewDecoder(base64.StdEncoding, pr)
		if s.watch != nil {
			s.watcher = s.watch()
			decoded = io.TeeReader(decoded, s.watcher)
		}
		go func() {
			defer close(s.done)
			s.obj, s.err = s.store.Put(s.ctx, s.owner, s.prefix+"/"+id.New("obj"), decoded, s.limit)
			pr.CloseWithError(s.err)
		}()
	}
	return s.pw.Write(b)
}

func (s *spill) finish(err error) (blob.Object, error) {
	if s.pw == nil {
		return blob.Object{}, nil
	}
	_ = s.pw.CloseWithError(err) // nil is the end of the file
	<-s.done
	return s.obj, s.err
}

// audit records the change of the call in its transaction, and tells of it.
func (r *Router) audit(ctx context.Context, in authz.Scope, res jsonapi.Ref) error {
	c := callOf(ctx)
	e := audit.Event{OrgID: in.Org, Action: action(c.route), ResourceType: res.Type, ResourceID: res.ID}
	e.Changed.V = c.changed
	if err := audit.Write(ctx, r.DB, e); err != nil || r.Changed == nil {
		return err
	}
	return r.Changed(ctx, in, res)
}

// action names what a route does: the last word of an action's path, or the verb.
func action(route Route) string {
	if _, name, ok := strings.Cut(route.Path, "/actions/"); ok {
		return name
	}
	verb := map[string]string{"POST": "create", "PATCH": "update", "PUT": "replace", "DELETE": "destroy"}[route.Method]
	if _, name, ok := strings.Cut(route.Path, "/relationships/"); ok {
		return verb + "-" + name
	}
	return verb
}

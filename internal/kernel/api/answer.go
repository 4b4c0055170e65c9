package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"plumbline.dev/plumbline/internal/kernel/audit"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// write sends a document, with the attributes that the request asked for.
func (r *Router) write(ctx context.Context, w http.ResponseWriter, status int, doc jsonapi.Document) error {
	if fields := QueryOf(ctx).fields; fields != nil {
		if err := sparse(&doc, fields); err != nil {
			return err
		}
	}
	return WriteJSON(w, status, jsonapi.MediaType, doc)
}

// WriteJSON sends v as JSON with the given content type.
func WriteJSON(w http.ResponseWriter, status int, contentType string, v any) error {
	buf := buffers.Get().(*bytes.Buffer)
	defer func() {
		if buf.Cap() < 1<<20 {
			buffers.Put(buf)
		}
	}()
	buf.Reset()
	if err := encode(buf, v); err != nil {
		return err
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(buf.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()) // a client that went away is no error of ours
	return nil
}

func encode(buf *bytes.Buffer, v any) error {
	if doc, ok := v.(jsonapi.Document); ok {
		return doc.Encode(buf)
	}
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// sparse leaves the attributes and relationships that "fields[type]" names
// (JSON:API 1.0, "Sparse Fieldsets").
func sparse(doc *jsonapi.Document, fields map[string][]string) error {
	switch data := doc.Data.(type) {
	case jsonapi.Resource:
		if err := narrow(&data, fields); err != nil {
			return err
		}
		doc.Data = data
	case []jsonapi.Resource:
		for i := range data {
			if err := narrow(&data[i], fields); err != nil {
				return err
			}
		}
	}
	for i := range doc.Included {
		if err := narrow(&doc.Included[i], fields); err != nil {
			return err
		}
	}
	return nil
}

func narrow(res *jsonapi.Resource, fields map[string][]string) error {
	names, ok := fields[res.Type]
	if !ok {
		return nil
	}
	b, err := json.Marshal(res.Attributes)
	if err != nil {
		return err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	some, rels := map[string]json.RawMessage{}, jsonapi.Relationships{}
	for _, name := range names {
		if v, ok := all[name]; ok {
			some[name] = v
		}
		if v, ok := res.Relationships[name]; ok {
			rels[name] = v
		}
	}
	res.Attributes, res.Relationships = some, rels
	return nil
}

// errorObject is an error of JSON:API.
type errorObject struct {
	Status string       `json:"status"`
	Code   string       `json:"code,omitempty"`
	Title  string       `json:"title"`
	Detail string       `json:"detail,omitempty"`
	Source *errorSource `json:"source,omitempty"`
}

type errorSource struct {
	Pointer string `json:"pointer"`
}

// Fail answers with the error, hiding what is not meant for the client.
func Fail(w http.ResponseWriter, req *http.Request, err error) {
	p := told(w, req, err)
	if p == nil {
		return
	}
	list := make([]errorObject, 0, 1+len(p.More))
	for _, q := range append([]*problem.Problem{p}, p.More...) {
		e := errorObject{Status: strconv.Itoa(q.Status), Code: q.Code, Title: q.Title, Detail: clip(q.Detail)}
		if q.Pointer != "" {
			e.Source = &errorSource{clip(q.Pointer)}
		}
		list = append(list, e)
	}
	_ = WriteJSON(w, p.Status, jsonapi.MediaType, struct {
		Errors []errorObject `json:"errors"`
	}{list})
}

// PlainErrors makes a route answer errors as the registry protocols do, whose clients
// show them as they are: {"errors": ["…"]}.
func PlainErrors() Option { return func(o *options) { o.fail = failPlainly } }

func failPlainly(w http.ResponseWriter, req *http.Request, err error) {
	p := told(w, req, err)
	if p == nil {
		return
	}
	var lines []string
	for _, q := range append([]*problem.Problem{p}, p.More...) {
		lines = append(lines, clip(cmp.Or(q.Detail, q.Title)))
	}
	_ = WriteJSON(w, p.Status, "application/json", map[string][]string{"errors": lines})
}

// told returns what the client is told of an error, with its header fields set; nil if
// nobody is there any more.
func told(w http.ResponseWriter, req *http.Request, err error) *problem.Problem {
	p, ok := problem.From(err)
	if !ok {
		if req.Context().Err() != nil {
			return nil // the client went away
		}
		slog.ErrorContext(req.Context(), "request failed", "method", req.Method, "path", redactPath(req.URL.Path),
			"request", audit.OriginOf(req.Context()).RequestID, "err", err)
		p = &problem.Problem{Status: http.StatusInternalServerError, Title: "internal server error",
			Detail: "The server failed to do this. Its log tells more under request " + audit.OriginOf(req.Context()).RequestID + "."}
	}
	for k, v := range p.Header {
		w.Header().Set(k, v)
	}
	return p
}

// maxDetail is how much of an error's text is sent, in bytes: it may quote what the
// client sent, which may be huge.
const maxDetail = 2000

func clip(s string) string {
	if len(s) <= maxDetail {
		return s
	}
	return strings.ToValidUTF8(s[:maxDetail], "") + "…"
}

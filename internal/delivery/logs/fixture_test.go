package logs_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/delivery/logs"
	"plumbline.dev/plumbline/internal/kernel/id"
)

// world is a server with an organization.
type world struct {
	*apptest.Server
	ctx context.Context
	org apptest.Org
	f   *logs.Feature
}

func run(t *testing.T, fn func(w *world)) {
	apptest.Run(t, func(s *apptest.Server) {
		fn(&world{s, s.T.Context(), s.Org("acme"), s.App.Logs})
	})
}

// open begins a log and returns its id.
func (w *world) open(head string) string {
	w.T.Helper()
	s := logs.Stream{ID: id.New("plan"), OrgID: w.org.ID, Head: head}
	w.ok(w.f.Open(w.ctx, s))
	return s.ID
}

func (w *world) ok(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatal(err)
	}
}

// append adds text and insists on success.
func (w *world) append(stream string, offset int, text string) {
	w.T.Helper()
	if _, err := w.f.Append(w.ctx, stream, int64(offset), []byte(text)); err != nil {
		w.T.Fatalf("Append(%d, %q) = %v", offset, text, err)
	}
}

// get reads from the signed address, without a token, as clients do.
func (w *world) get(stream, query string) *apptest.Response {
	w.T.Helper()
	return w.Do("GET", w.url(stream)+query, "", nil)
}

func (w *world) url(stream string) string {
	return w.URL + strings.TrimPrefix(w.f.URL(w.ctx, stream), w.URL)
}

// all reads a log to its present end in steps of limit bytes.
func (w *world) all(stream string, limit int) string {
	w.T.Helper()
	var out strings.Builder
	for {
		r := w.get(stream, fmt.Sprintf("?limit=%d&offset=%d", limit, out.Len()))
		if r.Status != 200 {
			w.T.Fatalf("reading at %d = %d %s", out.Len(), r.Status, r.Body)
		}
		if len(r.Body) > limit {
			w.T.Fatalf("reading at %d gives %d bytes, want at most %d", out.Len(), len(r.Body), limit)
		}
		if len(r.Body) == 0 {
			return out.String()
		}
		out.Write(r.Body)
	}
}

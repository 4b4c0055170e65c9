package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// NewBackend starts a server that keeps one state for the backend "http", without locks and
// passwords; it stops with the test. It returns its address.
func NewBackend(t testing.TB) string {
	t.Helper()
	web := httptest.NewServer(&backend{})
	t.Cleanup(web.Close)
	return web.URL
}

type backend struct {
	mu    sync.Mutex
	state []byte
}

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case r.Method == http.MethodPost:
		b.state, _ = io.ReadAll(r.Body)
	case b.state == nil:
		w.WriteHeader(http.StatusNotFound)
	default:
		_, _ = w.Write(b.state)
	}
}

// Package apptest runs a whole server inside a test, on SQLite and on PostgreSQL,
// and talks to it as a customer does: with go-tfe or by HTTP.
package apptest

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/app"
	"plumbline.dev/plumbline/internal/apptest/postgres"
	"plumbline.dev/plumbline/internal/kernel/audit"
	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// Server is a server under test.
type Server struct {
	T   *testing.T // nil in a benchmark
	App *app.App
	DB  *db.DB
	URL string // of the server, without a slash at its end
	Dir string // its data directory

	tb        testing.TB
	adminOnce sync.Once
	admin     User
}

// Run calls fn with a fresh server on SQLite, and with another on PostgreSQL where
// it is installed. Change the settings with options.
func Run(t *testing.T, fn func(s *Server), options ...func(*config.Server)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(Start(t, options...)) })
	t.Run("postgres", func(t *testing.T) {
		url, ok := postgres.Schema(t)
		if !ok {
			t.Skip("PostgreSQL is not installed")
		}
		fn(Start(t, append(options, func(c *config.Server) { c.Database = url })...))
	})
}

// Start returns a running server on SQLite, or on what the options say. It stops
// with the test.
func Start(t *testing.T, options ...func(*config.Server)) *Server {
	t.Helper()
	s := start(t, options)
	s.T = t
	return s
}

// StartBench is Start for a benchmark.
func StartBench(b *testing.B, options ...func(*config.Server)) *Server {
	b.Helper()
	return start(b, options)
}

func start(t testing.TB, options []func(*config.Server)) *Server {
	t.Helper()
	c := config.Server{DataDir: t.TempDir(), Database: "sqlite", Blobs: "file", UnsafeSync: true, Executor: config.Executor{SandboxEgress: "optional", Scans: -1}}
	for _, set := range options {
		set(&c)
	}
	if c.Workers != 0 && c.WorkDir == "" {
		c.WorkDir = t.TempDir()
	}
	a, err := app.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	a.Jobs.Poll = 200 * time.Millisecond
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { a.Run(ctx) })
	wg.Go(func() {
		if err := a.Work(ctx); err != nil {
			t.Error(err)
		}
	})
	<-a.Bus.Ready()
	handler := a.Handler()
	if _, timed := t.(*testing.B); !timed {
		handler = watch(t, handler, a.Router.Document)
	}
	web := httptest.NewServer(handler)
	t.Cleanup(func() {
		web.Close()
		stop()
		wg.Wait()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return &Server{tb: t, App: a, DB: a.DB, URL: web.URL, Dir: c.DataDir}
}

// Client returns the official client with the given token.
func (s *Server) Client(token string) *tfe.Client {
	s.tb.Helper()
	c, err := tfe.NewClient(&tfe.Config{Address: s.URL, Token: token, HTTPClient: &http.Client{}, RetryServerErrors: false})
	if err != nil {
		s.tb.Fatal(err)
	}
	return c
}

// Admin returns the client of a site administrator.
func (s *Server) Admin() *tfe.Client { return s.Client(s.AdminToken()) }

// AdminToken returns a token of a site administrator.
func (s *Server) AdminToken() string {
	s.adminOnce.Do(func() { s.admin = s.user("site-admin", true) })
	return s.admin.Token
}

// Settle returns when no job is running or due, so that what a request left for later
// has been done. A job that waits for another try does not count.
func (s *Server) Settle() {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(s.tb.Context(), 30*time.Second)
	defer cancel()
	s.must(s.App.Jobs.Wait(ctx))
}

// Statements returns the SQL statements that requests run while fn does.
func (s *Server) Statements(fn func()) []string {
	var mu sync.Mutex
	var out []string
	s.DB.Observe(func(ctx context.Context, q string) {
		if audit.OriginOf(ctx).RequestID == "" {
			return // the server's own work in the background
		}
		mu.Lock()
		defer mu.Unlock()
		out = append(out, q)
	})
	defer s.DB.Observe(nil)
	fn()
	mu.Lock()
	defer mu.Unlock()
	return out
}

// TLS serves the same server by TLS too, as command lines insist on it. It returns
// the address and a file with the certificate to trust.
func (s *Server) TLS() (address, caFile string) {
	s.tb.Helper()
	return s.Behind(s.App.Handler())
}

// Behind serves h by TLS, which may pass requests on to the server. It returns what TLS
// does.
func (s *Server) Behind(h http.Handler) (address, caFile string) {
	s.tb.Helper()
	web := httptest.NewTLSServer(h)
	s.tb.Cleanup(web.Close)
	caFile = filepath.Join(s.tb.TempDir(), "ca.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}
	s.must(os.WriteFile(caFile, pem.EncodeToMemory(block), 0o600))
	return web.URL, caFile
}

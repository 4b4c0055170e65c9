package app_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/app"
	"plumbline.dev/plumbline/internal/kernel/config"
)

// output is a log that another goroutine writes.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
	got chan struct{}
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.got <- struct{}{}:
	default:
	}
	return o.buf.Write(b)
}

// find waits until the log matches and returns the first group.
func (o *output) find(t *testing.T, pattern string) string {
	t.Helper()
	limit := time.After(30 * time.Second)
	for {
		o.mu.Lock()
		m := regexp.MustCompile(pattern).FindStringSubmatch(o.buf.String())
		o.mu.Unlock()
		if m != nil {
			return m[1]
		}
		select {
		case <-o.got:
		case <-limit:
			t.Fatalf("the log has no %s", pattern)
		}
	}
}

func TestServeAnswersByTLSUntilItIsStopped(t *testing.T) {
	dir := t.TempDir()
	c := config.Server{DataDir: dir, Listen: "127.0.0.1:0", TLS: "self-signed", Database: "sqlite", Blobs: "file", Metrics: "127.0.0.1:0", LogLevel: "info", LogFormat: "text"}
	ctx, stop := context.WithCancel(t.Context())
	out, ended := &output{got: make(chan struct{}, 1)}, make(chan error, 1)
	go func() { ended <- app.Serve(ctx, c, out) }()
	metrics := out.find(t, `url=(http://\S+/metrics)`)
	address := out.find(t, `msg=serving url=(https://\S+)`)

	ca, err := os.ReadFile(filepath.Join(dir, "tls", "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	if status, body := fetch(t, client, address+"/healthz"); status != 200 || body != "ok\n" {
		t.Errorf("GET /healthz = %d %q", status, body)
	}
	if _, body := fetch(t, client, metrics); !strings.Contains(body, `plumbline_http_request_seconds_count{route="GET /healthz",status="200"} 1`) {
		t.Errorf("the metrics do not count the request")
	}
	for file, want := range map[string]os.FileMode{"root.key": 0o600, "tls/ca.key": 0o600, "tls/server.key": 0o600} {
		if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want mode %v", file, info, err, want)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Serve = %v, want nil after it was stopped", err)
	}
}

func fetch(t *testing.T, client *http.Client, address string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestSettingsThatContradictAreRefused(t *testing.T) {
	for says, c := range map[string]config.Server{
		"go together": {TLSCert: "x.pem"},
		"no network":  {Proxies: []string{"10.0.0.1"}},
		"--engine":    {Workers: 1, Executor: config.Executor{Engine: []string{"/bin/true"}}, Blobs: "file", Database: "sqlite"},
		"tls-cert":    {TLSCert: "absent.pem", TLSKey: "absent.key", Listen: "127.0.0.1:0", Blobs: "file", Database: "sqlite"},
	} {
		c.DataDir, c.WorkDir = t.TempDir(), t.TempDir()
		if err := app.Serve(t.Context(), c, io.Discard); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("Serve = %v, want an error with %q", err, says)
		}
	}
}

func TestCertificateIsKeptAndFollowsTheNames(t *testing.T) {
	dir := t.TempDir()
	ca := func(c config.Server) (string, string) {
		if err := app.Certificates(c); err != nil {
			t.Fatal(err)
		}
		a, err1 := os.ReadFile(filepath.Join(dir, "tls", "ca.pem"))
		b, err2 := os.ReadFile(filepath.Join(dir, "tls", "server.pem"))
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		return string(a), string(b)
	}
	a1, s1 := ca(config.Server{DataDir: dir, Listen: ":8443"})
	a2, s2 := ca(config.Server{DataDir: dir, Listen: ":8443"})
	a3, s3 := ca(config.Server{DataDir: dir, Listen: ":8443", PublicURL: "https://plumbline.example.com"})
	if a1 != a2 || s1 != s2 {
		t.Error("a second start made new certificates")
	}
	if a1 != a3 || s1 == s3 {
		t.Error("a new name must give a new certificate of the same authority")
	}
}

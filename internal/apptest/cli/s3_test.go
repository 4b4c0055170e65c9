package cli_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"plumbline.dev/plumbline/internal/apptest/cli"
)

// s3Server is a real S3 server with two accounts and one bucket, which a counter of requests stands
// in front of.
type s3Server struct {
	address        string
	bucket         string
	writer, reader s3Account // all rights; those that the policy of the bucket gives: to list and to read

	t    *testing.T
	mu   sync.Mutex
	seen []string
}

// s3Account is an access key.
type s3Account struct{ id, secret string }

// newS3 starts the server of tools/s3server, which stops with the test. The test is skipped
// where it is not built.
func newS3(t *testing.T) *s3Server {
	t.Helper()
	path := cli.S3Server()
	if path == "" {
		t.Skip("the S3 server is not here: run make engines")
	}
	s := &s3Server{bucket: "states", writer: s3Account{"writer", "writer-secret-1"}, reader: s3Account{"reader", "reader-secret-2"}, t: t}
	dir, err := os.MkdirTemp("", "s3") //nolint:usetesting // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "socket")
	s.address = s.count(socket)
	s.start(path, dir, socket)
	s.makeBucket()
	return s
}

// count stands in front of the server and notes what is asked of it.
func (s *s3Server) count(socket string) (address string) {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "s3"})
			r.Out.Host = r.In.Host // it is signed
		},
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}},
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.seen = append(s.seen, r.Method+" "+r.URL.RequestURI())
		s.mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	s.t.Cleanup(web.Close)
	return web.URL
}

func (s *s3Server) start(path, dir, socket string) {
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(path, "-dir", dir, "-listen", socket, "-root", s.writer.id+":"+s.writer.secret, "-users", s.reader.id+":"+s.reader.secret) //nolint:noctx // it ends with the test
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(20 * time.Second); ; <-tick.C {
		c, err := (&net.Dialer{}).DialContext(s.t.Context(), "unix", socket)
		if err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(limit) {
			said, _ := os.ReadFile(log.Name())
			s.t.Fatalf("the S3 server does not start: %v\n%s", err, said)
		}
	}
}

func (s *s3Server) makeBucket() {
	ctx, c := s.t.Context(), s.client(s.writer)
	if err := c.MakeBucket(ctx, s.bucket, minio.MakeBucketOptions{}); err != nil {
		s.t.Fatal(err)
	}
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":[%q]},"Action":["s3:GetObject","s3:ListBucket","s3:GetBucketLocation"],"Resource":["arn:aws:s3:::%s","arn:aws:s3:::%s/*"]}]}`,
		s.reader.id, s.bucket, s.bucket)
	if err := c.SetBucketPolicy(ctx, s.bucket, policy); err != nil {
		s.t.Fatal(err)
	}
}

// client speaks to the server as an account.
func (s *s3Server) client(a s3Account) *minio.Client {
	s.t.Helper()
	c, err := minio.New(strings.TrimPrefix(s.address, "http://"), &minio.Options{Creds: credentials.NewStaticV4(a.id, a.secret, ""), Region: "us-east-1", BucketLookup: minio.BucketLookupPath})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// take returns what was asked since the last call: methods and addresses.
func (s *s3Server) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Clone(s.seen)
	s.seen = nil
	return out
}

// objects returns what is in the bucket: names with etags, sizes, times and contents.
func (s *s3Server) objects() []string {
	s.t.Helper()
	var out []string
	c := s.client(s.writer)
	for o := range c.ListObjects(s.t.Context(), s.bucket, minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			s.t.Fatal(o.Err)
		}
		r, err := c.GetObject(s.t.Context(), s.bucket, o.Key, minio.GetObjectOptions{})
		if err != nil {
			s.t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			s.t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%s %s %d %s %s", o.Key, o.ETag, o.Size, o.LastModified, b))
	}
	return out
}

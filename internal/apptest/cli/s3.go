package cli

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
)

// S3 is a real S3 server with two accounts and one bucket, which a counter of requests stands
// in front of.
type S3 struct {
	URL            string
	Bucket         string
	Writer, Reader S3Account // all rights; those that the policy of the bucket gives: to list and to read

	t    testing.TB
	mu   sync.Mutex
	seen []string
}

// S3Account is an access key.
type S3Account struct{ ID, Secret string }

// NewS3 starts the server of tools/s3server, which stops with the test. The test is skipped
// where it is not built.
func NewS3(t testing.TB) *S3 {
	t.Helper()
	path := os.Getenv("PLUMBLINE_S3SERVER")
	if path == "" {
		path = cached("s3server")
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("the S3 server is not here: run make engines")
	}
	s := &S3{Bucket: "states", Writer: S3Account{"writer", "writer-secret-1"}, Reader: S3Account{"reader", "reader-secret-2"}, t: t}
	dir, err := os.MkdirTemp("", "s3") //nolint:usetesting // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "socket")
	s.URL = s.count(socket)
	s.start(path, dir, socket)
	s.makeBucket()
	return s
}

// count stands in front of the server and notes what is asked of it.
func (s *S3) count(socket string) (address string) {
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

func (s *S3) start(path, dir, socket string) {
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(path, "-dir", dir, "-listen", socket, "-root", s.Writer.ID+":"+s.Writer.Secret, "-users", s.Reader.ID+":"+s.Reader.Secret) //nolint:noctx // it ends with the test
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

func (s *S3) makeBucket() {
	ctx, c := s.t.Context(), s.Client(s.Writer)
	if err := c.MakeBucket(ctx, s.Bucket, minio.MakeBucketOptions{}); err != nil {
		s.t.Fatal(err)
	}
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":[%q]},"Action":["s3:GetObject","s3:ListBucket","s3:GetBucketLocation"],"Resource":["arn:aws:s3:::%s","arn:aws:s3:::%s/*"]}]}`,
		s.Reader.ID, s.Bucket, s.Bucket)
	if err := c.SetBucketPolicy(ctx, s.Bucket, policy); err != nil {
		s.t.Fatal(err)
	}
}

// Client speaks to the server as an account.
func (s *S3) Client(a S3Account) *minio.Client {
	s.t.Helper()
	c, err := minio.New(strings.TrimPrefix(s.URL, "http://"), &minio.Options{Creds: credentials.NewStaticV4(a.ID, a.Secret, ""), Region: "us-east-1", BucketLookup: minio.BucketLookupPath})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// Take returns what was asked since the last call: methods and addresses.
func (s *S3) Take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Clone(s.seen)
	s.seen = nil
	return out
}

// Objects returns what is in the bucket: names with etags, sizes, times and contents.
func (s *S3) Objects() []string {
	s.t.Helper()
	var out []string
	c := s.Client(s.Writer)
	for o := range c.ListObjects(s.t.Context(), s.Bucket, minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			s.t.Fatal(o.Err)
		}
		r, err := c.GetObject(s.t.Context(), s.Bucket, o.Key, minio.GetObjectOptions{})
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

package blob_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

func TestKilledPutLeavesNoObject(t *testing.T) {
	if data := os.Getenv("BLOB_DATA"); data != "" {
		putForever(t, data) // this is the process to kill
	}
	data := t.TempDir()
	keys := keyring(t)
	s := open(t, "file", data, keys)
	must(s.Put(t.Context(), "org-1", "a", strings.NewReader("earlier"), 100))

	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledPutLeavesNoObject$")
	cmd.Env = append(os.Environ(), "BLOB_DATA="+data)
	out := must(cmd.StdoutPipe())
	ok(t, cmd.Start())
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "uploading\n" {
		t.Fatalf("the uploader said %q, %v", line, err)
	}
	ok(t, cmd.Process.Kill())
	_ = cmd.Wait()

	tmp := filepath.Join(data, "blobs", "tmp")
	left := must(os.ReadDir(tmp))
	if len(left) != 1 {
		t.Fatalf("the killed Put left %v, want its temporary file", left)
	}
	if got := string(must(io.ReadAll(must(s.Get(t.Context(), "org-1", "a"))))); got != "earlier" {
		t.Errorf("Get after the kill = %q, want the earlier object", got)
	}
	n := 0
	for range s.List(t.Context(), "") {
		n++
	}
	if n != 1 {
		t.Errorf("List after the kill gives %d objects, want 1", n)
	}

	open(t, "file", data, keys)
	if got := must(os.ReadDir(tmp)); len(got) != 1 {
		t.Errorf("Open removed a temporary file that may be in use: %v left", got)
	}
	old := time.Now().Add(-25 * time.Hour)
	ok(t, os.Chtimes(filepath.Join(tmp, left[0].Name()), old, old))
	open(t, "file", data, keys)
	if got := must(os.ReadDir(tmp)); len(got) != 0 {
		t.Errorf("Open left %v of yesterday, want nothing", got)
	}
}

// putForever starts a Put, tells so and never ends.
func putForever(t *testing.T, data string) {
	s := open(t, "file", data, keyring(t))
	started := func() { _, _ = os.Stdout.WriteString("uploading\n") }
	_, _ = s.Put(context.Background(), "org-1", "a", io.MultiReader(bytes.NewReader(content(1<<20)), &hook{started}, endless{}), 1<<40)
}

type endless struct{}

func (endless) Read([]byte) (int, error) { select {} }

func TestPutStreams(t *testing.T) {
	b := onFiles(t)
	must(b.Put(t.Context(), "org-1", "a", strings.NewReader("x"), 10))
	for name, do := range map[string]func() error{
		"Put": func() error {
			_, err := b.Put(t.Context(), "org-1", "a", io.LimitReader(zeros{}, 64<<20), 1<<30)
			return err
		},
		"Get": func() error {
			_, err := io.Copy(io.Discard, must(b.Get(t.Context(), "org-1", "a")))
			return err
		},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		ok(t, do())
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 2<<20 {
			t.Errorf("%s of 64 MiB allocates %d bytes, want at most 2 MiB", name, got)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestUnusableStoreIsRefusedAtOpen(t *testing.T) {
	f := newFakeS3(t)
	for _, url := range []string{
		"", "files", "gs://bucket", "s3://", "s3://plumb/folder", "s3://user:pw@plumb", "s3://plumb?ssl=0", "s3://plumb?prefix=../x",
		strings.Replace(f.url, "plumb", "absent", 1),
		strings.Replace(f.url, "eu-test-1", "eu-test-2", 1), // signs for the wrong region
	} {
		if s, err := blob.Open(t.Context(), url, t.TempDir(), keyring(t)); err == nil || s != nil {
			t.Errorf("Open(%q) = %v, want an error", url, err)
		} else if strings.Contains(err.Error(), "test-secret") {
			t.Errorf("Open(%q) shows the credentials: %v", url, err)
		}
	}
}

func TestKeyCannotLeaveTheStore(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for _, key := range []string{
			"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a..b", "a b", "a\\b", "a\x00b", "ä", "a\n", "%2e", "C:",
			strings.Repeat("a", 201), strings.Repeat("a/", 256) + "a",
		} {
			_, put := b.Put(t.Context(), "org-1", key, strings.NewReader("x"), 10)
			_, get := b.Get(t.Context(), "org-1", key)
			if del := b.Delete(t.Context(), key); put == nil || get == nil || del == nil || errors.Is(get, problem.NotFound) {
				t.Errorf("Put, Get, Delete of %q = %v, %v, %v, want three errors about the key", key, put, get, del)
			}
		}
		if got := b.stored(); len(got) != 0 {
			t.Errorf("bad keys left %d files", len(got))
		}
	})
}

// TestLinkOutOfTheStoreIsNotFollowed: whoever can write in the folder cannot make the server read elsewhere.
func TestLinkOutOfTheStoreIsNotFollowed(t *testing.T) {
	b := onFiles(t)
	outside := filepath.Join(t.TempDir(), "outside")
	ok(t, os.Mkdir(outside, 0o700))
	ok(t, os.Symlink(outside, filepath.Join(b.data, "blobs", "objects", "link")))
	if _, err := b.Put(t.Context(), "org-1", "link/a", strings.NewReader("x"), 10); err == nil {
		t.Error("Put through a link = nil, want an error")
	}
	if got := must(os.ReadDir(outside)); len(got) != 0 {
		t.Errorf("Put through a link wrote %v", got)
	}
}

func FuzzKey(f *testing.F) {
	for _, key := range []string{"state/ws-1/sv-2", "a", "../a", "a/..", "/a", "a//b", "a/./b", ".a", "a.", "\xff", "objects/x"} {
		f.Add(key)
	}
	allowed := regexp.MustCompile(`\A[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*\z`)
	b := onFiles(f)
	f.Fuzz(func(t *testing.T, key string) {
		_, err := b.Put(t.Context(), "org-1", key, strings.NewReader(key), 1<<10)
		if err != nil {
			return
		}
		if !allowed.MatchString(key) || !fs.ValidPath(key) || !filepath.IsLocal(key) {
			t.Fatalf("Put took the key %q", key)
		}
		if _, err := os.Stat(filepath.Join(b.data, "blobs", "objects", key)); err != nil {
			t.Fatalf("Put(%q) is not where it belongs: %v", key, err)
		}
		if got := string(must(io.ReadAll(must(b.Get(t.Context(), "org-1", key))))); got != key {
			t.Fatalf("Get(%q) = %q", key, got)
		}
		ok(t, b.Delete(t.Context(), key))
		ok(t, os.RemoveAll(filepath.Join(b.data, "blobs", "objects", strings.Split(key, "/")[0])))
	})
}

func BenchmarkPut100KB(b *testing.B) { benchmarkPut(b, 100<<10) }
func BenchmarkPut5MB(b *testing.B)   { benchmarkPut(b, 5<<20) }
func BenchmarkGet100KB(b *testing.B) { benchmarkGet(b, 100<<10) }
func BenchmarkGet5MB(b *testing.B)   { benchmarkGet(b, 5<<20) }

func benchmarkPut(b *testing.B, size int) {
	s, plain := onFiles(b), content(size)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	defer reportCPU(b)()
	for b.Loop() {
		must(s.Put(b.Context(), "org-1", "a", bytes.NewReader(plain), int64(size)))
	}
}

func benchmarkGet(b *testing.B, size int) {
	s := onFiles(b)
	must(s.Put(b.Context(), "org-1", "a", bytes.NewReader(content(size)), int64(size)))
	b.SetBytes(int64(size))
	b.ReportAllocs()
	defer reportCPU(b)()
	for b.Loop() {
		r := must(s.Get(b.Context(), "org-1", "a"))
		must(io.Copy(io.Discard, r))
		ok(b, r.Close())
	}
}

// reportCPU adds the CPU time of the process, user and system, per operation.
func reportCPU(b *testing.B) func() {
	before := cpu()
	return func() { b.ReportMetric(float64((cpu()-before).Microseconds())/1000/float64(b.N), "cpu-ms/op") }
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

package blob_test

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/crypt"
)

// bench is a store under test and a look behind it.
type bench struct {
	*blob.Store
	data   string                   // its data folder
	stored func() map[string][]byte // what lies at rest, finished or not, by the object's key or a temporary name
	damage func(key string, change func([]byte) []byte)
	refuse func() // makes the next commits fail
}

// each runs a test on files and on S3.
func each(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Run("files", func(t *testing.T) { test(t, onFiles(t)) })
	t.Run("s3", func(t *testing.T) { test(t, onS3(t)) })
}

func onFiles(t testing.TB) *bench {
	b := &bench{data: t.TempDir()}
	b.Store = open(t, "file", b.data, keyring(t))
	objects := filepath.Join(b.data, "blobs", "objects")
	b.stored = func() map[string][]byte { return under(t, objects, filepath.Join(b.data, "blobs", "tmp")) }
	b.damage = func(key string, change func([]byte) []byte) {
		name := filepath.Join(objects, key)
		ok(t, os.WriteFile(name, change(must(os.ReadFile(name))), 0o600))
	}
	b.refuse = func() {
		ok(t, os.RemoveAll(objects))
		ok(t, os.WriteFile(objects, nil, 0o600)) // where the folder was
	}
	return b
}

func onS3(t testing.TB) *bench {
	f := newFakeS3(t)
	b := &bench{data: t.TempDir()}
	b.Store = open(t, f.url, b.data, keyring(t))
	b.stored = func() map[string][]byte {
		f.mu.Lock()
		defer f.mu.Unlock()
		all := under(t, filepath.Join(b.data, "blobs", "tmp"))
		for key, e := range f.objects {
			all[strings.TrimPrefix(key, "one/two/")] = e.body
		}
		for name, u := range f.uploads {
			all[name] = bytes.Join(slices.Collect(maps.Values(u.parts)), nil)
		}
		return all
	}
	b.damage = func(key string, change func([]byte) []byte) {
		f.objects["one/two/"+key] = entry{change(f.objects["one/two/"+key].body), time.Now()}
	}
	b.refuse = func() {
		f.broken = func(r *http.Request) bool {
			q := r.URL.Query()
			return r.Method == "PUT" && len(q) == 0 || r.Method == "POST" && q.Has("uploadId")
		}
	}
	return b
}

func keyring(t testing.TB) *crypt.Keyring {
	t.Helper()
	return must(crypt.New(bytes.Repeat([]byte{7}, 32), &rows{}))
}

// rows is a crypt.KeyStore in memory.
type rows struct{ m sync.Map }

func (r *rows) LoadKeyset(_ context.Context, owner string) ([]byte, bool, error) {
	b, _ := r.m.Load(owner)
	wrapped, _ := b.([]byte)
	return wrapped, true, nil
}

func (r *rows) SaveKeyset(_ context.Context, owner string, wrapped []byte) error {
	r.m.LoadOrStore(owner, wrapped)
	return nil
}

func open(t testing.TB, url, data string, keys *crypt.Keyring) *blob.Store {
	t.Helper()
	s, err := blob.Open(t.Context(), url, data, keys)
	if err != nil {
		t.Fatalf("Open(%s) = %v", url, err)
	}
	t.Cleanup(func() { ok(t, s.Close()) })
	return s
}

// under reads all files below some folders.
func under(t testing.TB, dirs ...string) map[string][]byte {
	all := map[string][]byte{}
	for _, dir := range dirs {
		ok(t, filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			key := must(filepath.Rel(dir, name))
			all[key], err = os.ReadFile(name)
			return err
		}))
	}
	return all
}

// hook calls a function when it is reached in a chain of readers.
type hook struct{ f func() }

func (h *hook) Read([]byte) (int, error) { h.f(); return 0, io.EOF }

// content returns bytes that differ from place to place.
func content(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i*i>>7 ^ i)
	}
	return b
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

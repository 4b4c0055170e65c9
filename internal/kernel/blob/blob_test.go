package blob_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

func TestPutThenGet(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for _, size := range []int{0, 1, 100, 64<<10 - 1, 64 << 10, 5 << 20, 35 << 20} {
			plain := content(size)
			got, err := b.Put(t.Context(), "org-1", "state/ws-1/sv-2", bytes.NewReader(plain), int64(size))
			md, sha := md5.Sum(plain), sha256.Sum256(plain)
			want := blob.Object{Key: "state/ws-1/sv-2", Size: int64(size), MD5: hex.EncodeToString(md[:]), SHA256: hex.EncodeToString(sha[:])}
			if err != nil || got != want {
				t.Errorf("Put of %d bytes = %+v, %v, want %+v", size, got, err, want)
			}
			r := must(b.Get(t.Context(), "org-1", "state/ws-1/sv-2"))
			if got, err := io.ReadAll(iotest.HalfReader(r)); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("reading %d bytes = %d bytes, %v, want them back", size, len(got), err)
			}
			ok(t, r.Close())
			var copied bytes.Buffer
			r = must(b.Get(t.Context(), "org-1", "state/ws-1/sv-2"))
			if n, err := io.Copy(&copied, r); err != nil || n != int64(size) || !bytes.Equal(copied.Bytes(), plain) {
				t.Errorf("copying %d bytes = %d, %v, want them back", size, n, err)
			}
			ok(t, r.Close())
		}
		if got := slices.Collect(maps.Keys(b.stored())); len(got) != 1 {
			t.Errorf("after Puts under one key there are %v, want one object and no temporary file", got)
		}
	})
}

func TestBigObjectGoesInParts(t *testing.T) {
	f := newFakeS3(t)
	s := open(t, f.url, t.TempDir(), keyring(t))
	must(s.Put(t.Context(), "org-1", "a", bytes.NewReader(content(35<<20)), 1<<30))
	if f.parts != 3 || len(f.uploads) != 0 {
		t.Errorf("35 MiB arrived in %d parts with %d uploads left open, want 3 and 0", f.parts, len(f.uploads))
	}
}

func TestPlaintextIsNowhereAtRest(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		secret := []byte("planted-secret-Zq7")
		plain := bytes.Repeat(append(secret, ' '), 200<<10/len(secret))
		half := func() {
			for name, at := range b.stored() {
				if bytes.Contains(at, secret) {
					t.Errorf("%s holds the plaintext", name)
				}
			}
		}
		must(b.Put(t.Context(), "org-1", "small", bytes.NewReader(secret), 1<<20))
		must(b.Put(t.Context(), "org-1", "big", io.MultiReader(bytes.NewReader(plain), &hook{half}), 1<<20))
		half()
		if n := len(b.stored()["big"]); n < len(plain) {
			t.Errorf("stored %d bytes of %d", n, len(plain))
		}
	})
}

func TestGetOfAnAbsentObjectIsNotFound(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		must(b.Put(t.Context(), "org-1", "a/b/c", strings.NewReader("x"), 10))
		for _, key := range []string{"a/b/d", "a/b", "x", "a/b/c/d"} {
			if _, err := b.Get(t.Context(), "org-1", key); !errors.Is(err, problem.NotFound) {
				t.Errorf("Get(%s) = %v, want not found", key, err)
			}
		}
	})
}

func TestDamagedOrForeignObjectIsNotRead(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		plain := content(200 << 10)
		put := func(key string) {
			must(b.Put(t.Context(), "org-1", key, bytes.NewReader(plain), 1<<20))
		}
		read := func(what, owner, key string) {
			r, err := b.Get(t.Context(), owner, key)
			var got []byte
			if err == nil {
				got, err = io.ReadAll(r)
				ok(t, r.Close())
			}
			if err == nil || errors.Is(err, problem.NotFound) || len(got) >= len(plain) {
				t.Errorf("Get of %s = %d bytes, %v, want an error", what, len(got), err)
			}
		}
		must(b.Put(t.Context(), "org-2", "other", strings.NewReader("x"), 10))
		put("a")
		read("another owner's object", "org-2", "a")
		read("an object by an owner without keys", "org-3", "a")
		b.damage("a", func(sealed []byte) []byte { return sealed[:128<<10] })
		read("a truncated object", "org-1", "a")
		b.damage("a", func([]byte) []byte { return nil })
		read("an emptied object", "org-1", "a")
		put("a")
		b.damage("a", func(sealed []byte) []byte { sealed[150<<10] ^= 1; return sealed })
		read("an object with a flipped bit", "org-1", "a")
		put("a")
		put("b")
		b.damage("b", func([]byte) []byte { return b.stored()["a"] })
		read("an object moved to another key", "org-1", "b")
	})
}

func TestFailedPutLeavesTheEarlierObject(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		must(b.Put(t.Context(), "org-1", "a", strings.NewReader("earlier"), 100))
		canceled, cancel := context.WithCancel(t.Context())
		broken := errors.New("connection reset")
		for name, c := range map[string]struct {
			ctx  context.Context
			body io.Reader
			want error
		}{
			"over the limit":      {t.Context(), bytes.NewReader(content(1<<20 + 1)), problem.TooLarge("The body is larger than 1048576 bytes")},
			"that breaks off":     {t.Context(), io.MultiReader(bytes.NewReader(content(300<<10)), iotest.ErrReader(broken)), broken},
			"that is cut off":     {t.Context(), io.MultiReader(bytes.NewReader(content(300<<10)), iotest.ErrReader(io.ErrUnexpectedEOF)), io.ErrUnexpectedEOF},
			"whose caller leaves": {canceled, io.MultiReader(bytes.NewReader(content(300<<10)), &hook{cancel}, bytes.NewReader(content(100<<10))), context.Canceled},
		} {
			if got, err := b.Put(c.ctx, "org-1", "a", c.body, 1<<20); !errors.Is(err, c.want) || got != (blob.Object{}) {
				t.Errorf("Put of a body %s = %+v, %v, want %v", name, got, err, c.want)
			}
		}
		if got := slices.Collect(maps.Keys(b.stored())); !slices.Equal(got, []string{"a"}) {
			t.Errorf("after failed Puts there are %v, want only a", got)
		}
		if got := string(must(io.ReadAll(must(b.Get(t.Context(), "org-1", "a"))))); got != "earlier" {
			t.Errorf("Get after failed Puts = %q, want the earlier object", got)
		}
	})
}

func TestRefusedCommitLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.refuse()
		for _, size := range []int{10, 20 << 20} { // at once, in parts
			if _, err := b.Put(t.Context(), "org-1", "a", bytes.NewReader(content(size)), 1<<30); err == nil {
				t.Errorf("Put of %d bytes to a store that refuses = nil, want an error", size)
			}
		}
		stored := b.stored()
		delete(stored, "objects") // the file that makes it refuse
		delete(stored, ".")
		if len(stored) != 0 {
			t.Errorf("after refused Puts there are %v, want nothing", slices.Collect(maps.Keys(stored)))
		}
	})
}

func TestDeleteTwice(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		must(b.Put(t.Context(), "org-1", "a/b", strings.NewReader("x"), 10))
		for _, key := range []string{"a/b", "a/b", "never/was", "a", "a/b/c"} {
			if err := b.Delete(t.Context(), key); err != nil {
				t.Errorf("Delete(%s) = %v, want nil", key, err)
			}
		}
		if _, err := b.Get(t.Context(), "org-1", "a/b"); !errors.Is(err, problem.NotFound) {
			t.Errorf("Get after Delete = %v, want not found", err)
		}
		must(b.Put(t.Context(), "org-1", "a/b", strings.NewReader("x"), 10))
		ok(t, b.Delete(t.Context(), "a"))
		must(b.Get(t.Context(), "org-1", "a/b"))
	})
}

func TestListByPrefix(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		before := time.Now().Add(-2 * time.Second)
		keys := []string{"a", "state/ws-1/sv-1", "state/ws-1/sv-2", "state/ws-10/sv-3", "state/ws-2/sv-4", "state/ws-2/sv-5", "state2/x"}
		for _, key := range keys {
			must(b.Put(t.Context(), "org-1", key, strings.NewReader("x"), 10))
		}
		for prefix, want := range map[string][]string{
			"": keys, "state": keys[1:], "state/": keys[1:6], "state/ws-1": keys[1:4], "state/ws-1/": keys[1:3],
			"state/ws-1/sv-1": keys[1:2], "state/ws-1/sv-1/": nil, "none": nil, "none/at/all/": nil,
		} {
			var got []string
			for info, err := range b.List(t.Context(), prefix) {
				if err != nil || info.ModTime.Before(before) || info.ModTime.After(time.Now().Add(2*time.Second)) {
					t.Errorf("List(%q) gave %+v, %v", prefix, info, err)
				}
				got = append(got, info.Key)
			}
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("List(%q) (-want +got):\n%s", prefix, diff)
			}
		}
		for range b.List(t.Context(), "") {
			break // must not panic
		}
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		for _, c := range []struct {
			ctx    context.Context
			prefix string
		}{{t.Context(), "../"}, {t.Context(), "/"}, {t.Context(), "a//"}, {canceled, ""}} {
			n, last := 0, error(nil)
			for _, last = range b.List(c.ctx, c.prefix) {
				n++
			}
			if n != 1 || last == nil {
				t.Errorf("List(%q) with context %v = %d entries, %v, want one error", c.prefix, c.ctx.Err(), n, last)
			}
		}
	})
}

func TestConcurrentPutsOfOneKeyLeaveOneWhole(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				body := bytes.Repeat([]byte{byte('a' + i)}, 100<<10)
				if _, err := b.Put(t.Context(), "org-1", "deep/er/key", bytes.NewReader(body), 1<<20); err != nil {
					t.Errorf("Put = %v", err)
				}
			})
		}
		wg.Wait()
		got := must(io.ReadAll(must(b.Get(t.Context(), "org-1", "deep/er/key"))))
		if len(got) != 100<<10 || bytes.Count(got, got[:1]) != len(got) {
			t.Errorf("Get = %d bytes, of which %d equal the first, want one of the bodies whole", len(got), bytes.Count(got, got[:1]))
		}
	})
}

func TestUseInsideATransactionPanics(t *testing.T) {
	type mark struct{}
	b := onFiles(t)
	b.Forbidden = func(ctx context.Context) bool { return ctx.Value(mark{}) != nil }
	must(b.Put(t.Context(), "org-1", "a", strings.NewReader("x"), 10))
	ctx := context.WithValue(t.Context(), mark{}, true)
	for name, call := range map[string]func(){
		"Put":    func() { _, _ = b.Put(ctx, "org-1", "a", strings.NewReader("x"), 10) },
		"Get":    func() { _, _ = b.Get(ctx, "org-1", "a") },
		"Delete": func() { _ = b.Delete(ctx, "a") },
		"List":   func() { b.List(ctx, "") },
	} {
		func() {
			defer func() {
				if got, _ := recover().(string); !strings.Contains(got, name+" was called inside a transaction") {
					t.Errorf("%s panicked with %q, want the reason", name, got)
				}
			}()
			call()
		}()
	}
}

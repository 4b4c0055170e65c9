package crypt_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"plumbline.dev/plumbline/internal/kernel/crypt"
)

// rows is a KeyStore in memory that counts its reads.
type rows struct {
	mu          sync.Mutex
	wrapped     map[string][]byte
	uncommitted bool
	loads       int
	err         error
}

func (r *rows) LoadKeyset(_ context.Context, owner string) ([]byte, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.loads++
	return r.wrapped[owner], !r.uncommitted, r.err
}

func (r *rows) SaveKeyset(_ context.Context, owner string, wrapped []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.wrapped == nil {
		r.wrapped = map[string][]byte{}
	}
	if _, ok := r.wrapped[owner]; !ok {
		r.wrapped[owner] = wrapped
	}
	return r.err
}

func ring(t testing.TB, root []byte, store crypt.KeyStore) *crypt.Keyring {
	t.Helper()
	k, err := crypt.New(root, store)
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	return k
}

func TestSealedColumnOpensOnlyInItsPlace(t *testing.T) {
	ctx := t.Context()
	k := ring(t, crypt.NewRoot(), &rows{})
	must(k.Seal(ctx, "org-2", []byte("x"), "vars:value:var-1"))
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		aad := rapid.String().Draw(t, "aad")
		sealed, err := k.Seal(ctx, "org-1", plain, aad)
		if err != nil {
			t.Fatalf("Seal = %v", err)
		}
		if got, err := k.Open(ctx, "org-1", sealed, aad); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("Open = %q, %v, want %q", got, err, plain)
		}
		if len(plain) > 7 && bytes.Contains(sealed, plain) {
			t.Fatalf("Seal(%q) = %q, want no plaintext in it", plain, sealed)
		}
		refuse := func(what, owner string, sealed []byte, aad string) {
			if got, err := k.Open(ctx, owner, sealed, aad); err == nil || got != nil {
				t.Fatalf("Open %s = %q, %v, want an error and nothing else", what, got, err)
			}
		}
		refuse("under another aad", "org-1", sealed, aad+"2")
		refuse("by another owner", "org-2", sealed, aad)
		refuse("by an owner without keys", "org-3", sealed, aad)
		refuse("cut off", "org-1", sealed[:rapid.IntRange(0, len(sealed)-1).Draw(t, "cut")], aad)
		flipped := bytes.Clone(sealed)
		flipped[rapid.IntRange(0, len(sealed)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		refuse("with a flipped bit", "org-1", flipped, aad)
	})
}

func TestNoTextIsNoColumn(t *testing.T) {
	k := ring(t, crypt.NewRoot(), &rows{})
	if sealed, err := k.SealText(t.Context(), "org-1", "", "vars:value:var-1"); err != nil || sealed != nil {
		t.Errorf("SealText of nothing = %q, %v, want nil", sealed, err)
	}
	for _, text := range []string{"", "token"} {
		sealed := must(k.SealText(t.Context(), "org-1", text, "vars:value:var-1"))
		if got, err := k.OpenText(t.Context(), "org-1", sealed, "vars:value:var-1"); err != nil || got.Reveal() != text {
			t.Errorf("OpenText = %q, %v, want %q", got.Reveal(), err, text)
		}
	}
}

func TestStreamDecryptsOnlyWholeAndInItsPlace(t *testing.T) {
	k := ring(t, crypt.NewRoot(), &rows{})
	must(k.Seal(t.Context(), "org-2", []byte("x"), "a"))
	const piece = 64 << 10
	sizes := rapid.OneOf(rapid.IntRange(0, 200), rapid.IntRange(piece-100, piece+100), rapid.IntRange(2*piece-100, 2*piece+100))
	rapid.Check(t, func(t *rapid.T) {
		plain := bytes.Repeat([]byte("planted-secret! "), 2*piece/16+7)[:sizes.Draw(t, "size")]
		sealed := encrypt(t, k, plain)
		if got, err := decrypt(k, "org-1", sealed, "state/1"); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("Decrypt = %d bytes, %v, want %d bytes", len(got), err, len(plain))
		}
		if bytes.Contains(sealed, []byte("planted")) {
			t.Fatalf("Encrypt left plaintext in the stream")
		}
		refuse := func(what, owner string, sealed []byte, aad string) {
			got, err := decrypt(k, owner, sealed, aad)
			if err == nil || !bytes.HasPrefix(plain, got) || (len(plain) > 0 && len(got) == len(plain)) {
				t.Fatalf("Decrypt %s = %d bytes, %v, want an error", what, len(got), err)
			}
		}
		refuse("under another aad", "org-1", sealed, "state/2")
		refuse("by another owner", "org-2", sealed, "state/1")
		refuse("by an owner without keys", "org-3", sealed, "state/1")
		refuse("cut off", "org-1", sealed[:rapid.IntRange(0, len(sealed)-1).Draw(t, "cut")], "state/1")
		refuse("with a tail", "org-1", append(bytes.Clone(sealed), 0), "state/1")
		sealed[rapid.IntRange(0, len(sealed)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		refuse("with a flipped bit", "org-1", sealed, "state/1")
	})
}

func TestStreamCutAtASegmentKeepsFailing(t *testing.T) {
	k := ring(t, crypt.NewRoot(), &rows{})
	sealed := encrypt(t, k, make([]byte, 200<<10))
	r := must(k.Decrypt(t.Context(), "org-1", bytes.NewReader(sealed[:128<<10]), "state/1"))
	if _, err := io.Copy(io.Discard, r); err == nil {
		t.Fatalf("reading a stream cut after two segments = nil, want an error")
	}
	if n, err := r.Read(make([]byte, 10)); n != 0 || err == nil || errors.Is(err, io.EOF) {
		t.Errorf("Read after the error = %d, %v, want the error again", n, err)
	}
}

func TestFailedSourceIsToldAsItIs(t *testing.T) {
	k := ring(t, crypt.NewRoot(), &rows{})
	sealed := encrypt(t, k, make([]byte, 200<<10))
	broken := errors.New("connection reset")
	for _, at := range []int{0, 10, 100 << 10} {
		r := must(k.Decrypt(t.Context(), "org-1", io.MultiReader(bytes.NewReader(sealed[:at]), iotest.ErrReader(broken)), "state/1"))
		if _, err := io.Copy(io.Discard, r); !errors.Is(err, broken) {
			t.Errorf("reading a source that fails after %d bytes = %v, want %v", at, err, broken)
		}
	}
}

func TestFirstWriterOfAKeysetWins(t *testing.T) {
	store, root := &rows{}, crypt.NewRoot()
	nodes := []*crypt.Keyring{ring(t, root, store), ring(t, root, store), ring(t, root, store)}
	sealed := make([][]byte, 24)
	var wg sync.WaitGroup
	for i := range sealed {
		wg.Go(func() { sealed[i] = must(nodes[i%3].Seal(t.Context(), "org-1", []byte("x"), "a")) })
	}
	wg.Wait()
	fresh := ring(t, root, store)
	for i, b := range sealed {
		if got, err := fresh.Open(t.Context(), "org-1", b, "a"); err != nil || string(got) != "x" {
			t.Errorf("Open of what node %d sealed = %q, %v, want x", i%3, got, err)
		}
	}
}

func TestOnlyCommittedKeysetsAreCached(t *testing.T) {
	store := &rows{uncommitted: true}
	k := ring(t, crypt.NewRoot(), store)
	sealed := must(k.Seal(t.Context(), "org-1", []byte("x"), "a"))
	store.wrapped = nil // the transaction rolls back
	if got, err := k.Open(t.Context(), "org-1", sealed, "a"); err == nil {
		t.Errorf("Open after a rollback = %q, want an error", got)
	}

	store.uncommitted = false
	sealed = must(k.Seal(t.Context(), "org-1", []byte("x"), "a"))
	before := store.loads
	must(k.Open(t.Context(), "org-1", sealed, "a"))
	if store.loads != before {
		t.Errorf("Open of a cached owner read the store %d times, want 0", store.loads-before)
	}
	store.wrapped = nil // the organization is deleted
	k.Forget("org-1")
	if got, err := k.Open(t.Context(), "org-1", sealed, "a"); err == nil {
		t.Errorf("Open after Forget = %q, want an error", got)
	}
}

func TestKeysetIsBoundToRootAndOwner(t *testing.T) {
	store, root := &rows{}, crypt.NewRoot()
	sealed := must(ring(t, root, store).Seal(t.Context(), "org-1", []byte("x"), "a"))
	if got, err := ring(t, crypt.NewRoot(), store).Open(t.Context(), "org-1", sealed, "a"); err == nil {
		t.Errorf("Open with another root key = %q, want an error", got)
	}
	store.wrapped["org-2"] = store.wrapped["org-1"]
	if got, err := ring(t, root, store).Open(t.Context(), "org-2", sealed, "a"); err == nil {
		t.Errorf("Open with a keyset copied from org-1 to org-2 = %q, want an error", got)
	}
	for _, row := range []string{"{", "null", `{"v":1}`, `{"v":2}`} {
		store.wrapped["org-1"] = []byte(row)
		if _, err := ring(t, root, store).Open(t.Context(), "org-1", sealed, "a"); err == nil {
			t.Errorf("Open with the keyset %s = nil, want an error", row)
		}
	}
}

func TestFailedStoreFailsTheCall(t *testing.T) {
	store := &rows{err: errors.New("database is gone")}
	if _, err := ring(t, crypt.NewRoot(), store).Seal(t.Context(), "org-1", []byte("x"), "a"); !errors.Is(err, store.err) {
		t.Errorf("Seal = %v, want %v", err, store.err)
	}
}

func TestMACKeysDifferByLabelAndRoot(t *testing.T) {
	root := crypt.NewRoot()
	k := ring(t, root, &rows{})
	if a, again := k.MAC("url"), ring(t, root, &rows{}).MAC("url"); len(a) != 32 || !bytes.Equal(a, again) {
		t.Errorf("MAC(url) = %x and %x, want twice the same 32 bytes", a, again)
	}
	if bytes.Equal(k.MAC("url"), k.MAC("url2")) || bytes.Equal(k.MAC("url"), ring(t, crypt.NewRoot(), &rows{}).MAC("url")) {
		t.Error("MAC gives one key for two labels or two roots")
	}
}

func TestRootOfWrongSizeIsRefused(t *testing.T) {
	if _, err := crypt.New(make([]byte, 16), &rows{}); err == nil {
		t.Error("New with 16 bytes = nil, want an error")
	}
}

func encrypt(t rapid.TB, k *crypt.Keyring, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := k.Encrypt(context.Background(), "org-1", &b, "state/1")
	if err != nil {
		t.Fatalf("Encrypt = %v", err)
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatalf("Write = %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatalf("Close = %v", err)
	}
	return b.Bytes()
}

func decrypt(k *crypt.Keyring, owner string, sealed []byte, aad string) ([]byte, error) {
	r, err := k.Decrypt(context.Background(), owner, bytes.NewReader(sealed), aad)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func BenchmarkSealThenOpen(b *testing.B) {
	k := ring(b, crypt.NewRoot(), &rows{})
	value := make([]byte, 200)
	for b.Loop() {
		must(k.Open(b.Context(), "org-1", must(k.Seal(b.Context(), "org-1", value, "vars:value:var-1")), "vars:value:var-1"))
	}
}

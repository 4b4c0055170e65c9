// Package crypt keeps secrets at rest: a root key wraps one set of keys for each
// owner (an organization, or "site"), and those encrypt columns and objects.
//
// Everything is bound to its place by the aad, by convention
// "table:column:row-id" for columns and "blob:key" for objects: a ciphertext
// copied to another row, or to another owner, does not open. Deleting an owner's
// keyset makes all that it ever encrypted unreadable.
package crypt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// cachedOwners is how many owners' keys a Keyring holds open; each takes some kB.
const cachedOwners = 4096

// KeyStore keeps the wrapped keysets, one per owner (an organization id, or "site").
type KeyStore interface {
	// LoadKeyset returns the wrapped keyset of owner, or nil if there is none.
	// committed tells that the row is visible to everybody, that is: was not read
	// inside a transaction that might roll back. Only such keysets are cached.
	LoadKeyset(ctx context.Context, owner string) (wrapped []byte, committed bool, err error)
	// SaveKeyset stores the keyset if owner has none yet; the first writer wins
	// and the second gets no error.
	SaveKeyset(ctx context.Context, owner string, wrapped []byte) error
}

// Keyring encrypts and decrypts for all owners. It is safe for concurrent use.
type Keyring struct {
	root  []byte
	wrap  tink.AEAD // by a key derived from root
	store KeyStore

	cache  *lru.Cache[string, *keys]
	forgot atomic.Int64 // how often Forget was called
}

// New returns a Keyring for a root key of 32 bytes and the keysets in store.
func New(root []byte, store KeyStore) (*Keyring, error) {
	if len(root) != rootSize {
		return nil, fmt.Errorf("crypt: a root key has %d bytes, not %d", rootSize, len(root))
	}
	wrap, err := subtle.NewAESGCM(derive(root, "keysets"))
	if err != nil {
		return nil, err
	}
	cache, err := lru.New[string, *keys](cachedOwners)
	if err != nil {
		return nil, err
	}
	return &Keyring{root: root, wrap: wrap, store: store, cache: cache}, nil
}

// Seal encrypts plaintext for owner, whose keyset is made if there is none. The
// result opens only with the same owner and aad.
func (k *Keyring) Seal(ctx context.Context, owner string, plaintext []byte, aad string) ([]byte, error) {
	keys, err := k.keysToWrite(ctx, owner)
	if err != nil {
		return nil, err
	}
	return keys.column.Encrypt(plaintext, []byte(aad))
}

// Open decrypts what Seal made for the same owner and aad.
func (k *Keyring) Open(ctx context.Context, owner string, sealed []byte, aad string) ([]byte, error) {
	keys, err := k.keysToRead(ctx, owner)
	if err != nil {
		return nil, err
	}
	plain, err := keys.column.Decrypt(sealed, []byte(aad))
	if err != nil {
		return nil, fmt.Errorf("crypt: %s of %s does not open: damaged, or sealed for another place", aad, owner)
	}
	return plain, nil
}

// SealText is Seal of a text; nothing is made of "", so that a column tells whether it has one.
func (k *Keyring) SealText(ctx context.Context, owner, text, aad string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	return k.Seal(ctx, owner, []byte(text), aad)
}

// OpenText decrypts what SealText made for the same owner and aad.
func (k *Keyring) OpenText(ctx context.Context, owner string, sealed []byte, aad string) (Secret, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	text, err := k.Open(ctx, owner, sealed, aad)
	return Secret(text), err
}

// Encrypt returns a writer that encrypts to w, in segments of 64 KiB under a key
// of the stream's own. Close writes the last segment, without which the stream
// does not decrypt; it does not close w.
func (k *Keyring) Encrypt(ctx context.Context, owner string, w io.Writer, aad string) (io.WriteCloser, error) {
	keys, err := k.keysToWrite(ctx, owner)
	if err != nil {
		return nil, err
	}
	return keys.stream.NewEncryptingWriter(w, []byte(aad))
}

// Decrypt returns a reader of the plaintext of r, which Encrypt wrote for the same
// owner and aad. Each segment is checked before any of it is given out, so what
// is read is genuine, but only io.EOF tells that it is also complete.
func (k *Keyring) Decrypt(ctx context.Context, owner string, r io.Reader, aad string) (io.Reader, error) {
	keys, err := k.keysToRead(ctx, owner)
	if err != nil {
		return nil, err
	}
	source := &source{r: r}
	plain, err := keys.stream.NewDecryptingReader(source, []byte(aad))
	if err != nil {
		return nil, err
	}
	return &opener{plain: plain, source: source, what: aad}, nil
}

// Forget drops the keys of owner from memory: its organization was deleted.
func (k *Keyring) Forget(owner string) {
	k.forgot.Add(1)
	k.cache.Remove(owner)
}

// MAC returns 32 bytes derived from the root key, to sign with; another label
// gives another key.
func (k *Keyring) MAC(label string) []byte { return derive(k.root, "mac:"+label) }

var errNoKeyset = errors.New("crypt: no keyset")

// keysToWrite returns the keys of owner and makes them if there are none.
func (k *Keyring) keysToWrite(ctx context.Context, owner string) (*keys, error) {
	found, err := k.keysToRead(ctx, owner)
	if !errors.Is(err, errNoKeyset) {
		return found, err
	}
	wrapped, err := generate(k.wrap, owner)
	if err != nil {
		return nil, err
	}
	if err := k.store.SaveKeyset(ctx, owner, wrapped); err != nil {
		return nil, err
	}
	return k.keysToRead(ctx, owner) // another node may have been first
}

// keysToRead returns the keys of owner, from memory or from the store.
func (k *Keyring) keysToRead(ctx context.Context, owner string) (*keys, error) {
	if found, ok := k.cache.Get(owner); ok {
		return found, nil
	}
	forgot := k.forgot.Load()
	wrapped, committed, err := k.store.LoadKeyset(ctx, owner)
	switch {
	case err != nil:
		return nil, err
	case len(wrapped) == 0:
		return nil, fmt.Errorf("%w: %s", errNoKeyset, owner)
	}
	found, err := unwrap(k.wrap, owner, wrapped)
	if err != nil || !committed {
		return found, err
	}
	k.cache.Add(owner, found)
	if k.forgot.Load() != forgot {
		k.cache.Remove(owner) // forgotten since we read it
	}
	return found, nil
}

// source remembers why reading the ciphertext failed.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// opener keeps failing once it failed: Tink's reader gives io.EOF after the error
// of a bad last segment. It also tells a failed source from a damaged stream,
// which Tink's reader does not.
type opener struct {
	plain  io.Reader
	source *source
	what   string
	err    error
}

// Read implements io.Reader.
func (o *opener) Read(p []byte) (int, error) {
	if o.err != nil || len(p) == 0 {
		return 0, o.err
	}
	n, err := o.plain.Read(p)
	switch {
	case err == nil:
		return n, nil
	case o.source.err != nil:
		err = o.source.err
	case !errors.Is(err, io.EOF):
		err = fmt.Errorf("crypt: %s does not decrypt: damaged, cut off, or encrypted for another place", o.what)
	}
	o.err = err
	return n, err
}

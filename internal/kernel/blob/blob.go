// Package blob keeps objects (states, plans, logs, archives) under keys such as
// "state/ws-1/sv-2", encrypted for the organization that owns them, in files or
// in an S3-compatible bucket.
//
// An object appears whole or not at all. Every upload is first written, already
// encrypted, to a temporary file of the data folder, with S3 too: memory stays
// small whatever the size, nothing is sent before the limit and the sender are
// known to be good, and a retry to S3 needs no second upload by the client. So
// the disk must have room for the uploads in progress.
package blob

import (
	"bufio"
	"context"
	"crypto/md5" //nolint:gosec // clients of the API send MD5 sums of states; nothing trusts them
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Object is what Put stored.
type Object struct {
	Key    string
	Size   int64  // of the plaintext, in bytes
	MD5    string // of the plaintext, in hex
	SHA256 string // of the plaintext, in hex
}

// Info is an entry of List.
type Info struct {
	Key     string
	ModTime time.Time
}

// Store keeps objects. It is safe for concurrent use.
type Store struct {
	// Forbidden reports that ctx is inside a transaction, where no object may be
	// touched: every method then panics. Nil means never.
	Forbidden func(ctx context.Context) bool

	keys    *crypt.Keyring
	root    *os.Root // dataDir/blobs
	spool   spool
	backend backend
}

// backend keeps the encrypted objects. Keys were checked by the Store.
type backend interface {
	// commit makes what t holds the object of this key, at once and for good.
	commit(ctx context.Context, key string, t *temp) error
	// open returns problem.NotFound if there is no such object.
	open(ctx context.Context, key string) (io.ReadCloser, error)
	// remove is content if there is no such object.
	remove(ctx context.Context, key string) error
	list(ctx context.Context, prefix string) iter.Seq2[Info, error]
}

// Open returns the store at url: "file" for files in dataDir/blobs, or
// "s3://BUCKET?endpoint=HOST:PORT&region=REGION&prefix=FOLDER&insecure=1" with
// every parameter optional, credentials from the environment (AWS_…, MINIO_…),
// the AWS credentials file or the machine's role, in this order. A bucket must
// exist, and should have a lifecycle rule that aborts incomplete uploads.
func Open(ctx context.Context, url, dataDir string, keys *crypt.Keyring) (*Store, error) {
	dir := filepath.Join(dataDir, "blobs")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	s := &Store{keys: keys, root: root}
	if s.spool, err = openSpool(root); err == nil {
		s.backend, err = openBackend(ctx, url, root)
	}
	if err != nil {
		_ = root.Close()
		return nil, fmt.Errorf("blob: %w", err)
	}
	return s, nil
}

func openBackend(ctx context.Context, url string, root *os.Root) (backend, error) {
	switch {
	case url == "file":
		return openFiles(root)
	case strings.HasPrefix(url, "s3://"):
		return openS3(ctx, url)
	}
	return nil, fmt.Errorf(`the store must be "file" or "s3://BUCKET?…", not %q`, url)
}

// Close frees the data folder; the Store is of no use afterwards.
func (s *Store) Close() error { return s.root.Close() }

// Put stores what r gives as the object of this key, in place of an earlier one.
// More than limit bytes give problem.TooLarge. After any error, an earlier object
// is untouched.
func (s *Store) Put(ctx context.Context, owner, key string, r io.Reader, limit int64) (Object, error) {
	s.guard(ctx, "Put")
	if err := checkKey(key); err != nil {
		return Object{}, err
	}
	t, err := s.spool.create()
	if err != nil {
		return Object{}, err
	}
	defer t.discard()
	sealed, err := s.keys.Encrypt(ctx, owner, t, place(key))
	if err != nil {
		return Object{}, err
	}
	d := &digest{w: sealed, md5: md5.New(), sha256: sha256.New(), limit: limit} //nolint:gosec // see the import
	if err := copyTo(d, &patient{ctx: ctx, r: r}); err != nil {
		return Object{}, err
	}
	if err := sealed.Close(); err != nil {
		return Object{}, err
	}
	if err := s.backend.commit(ctx, key, t); err != nil {
		return Object{}, fmt.Errorf("store %s: %w", key, err)
	}
	return d.object(key), nil
}

// Get returns the object's plaintext, or problem.NotFound. That an object is
// damaged or not the owner's may also show only while reading; io.EOF comes only
// after a whole and genuine object.
func (s *Store) Get(ctx context.Context, owner, key string) (io.ReadCloser, error) {
	s.guard(ctx, "Get")
	if err := checkKey(key); err != nil {
		return nil, err
	}
	sealed, err := s.backend.open(ctx, key)
	if err != nil {
		return nil, err
	}
	plain, err := s.keys.Decrypt(ctx, owner, sealed, place(key))
	if err != nil {
		_ = sealed.Close()
		return nil, err
	}
	// Decrypting the first piece here lets callers answer with an error instead of breaking off.
	ahead := bufio.NewReaderSize(plain, 16)
	if _, err := ahead.Peek(1); err != nil && err != io.EOF {
		_ = sealed.Close()
		return nil, err
	}
	return &object{plain: ahead, sealed: sealed}, nil
}

// Delete removes the object; it is no error if there is none.
func (s *Store) Delete(ctx context.Context, key string) error {
	s.guard(ctx, "Delete")
	if err := checkKey(key); err != nil {
		return err
	}
	return s.backend.remove(ctx, key)
}

// List gives every object whose key starts with prefix, in no order, and stops
// at the first error. The empty prefix means all.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	s.guard(ctx, "List")
	if err := checkKey(strings.TrimSuffix(prefix, "/")); prefix != "" && err != nil {
		return func(yield func(Info, error) bool) { yield(Info{}, err) }
	}
	return s.backend.list(ctx, prefix)
}

// Orphaned is how old an object is at least when Sweep takes it for one that no row
// will ever name: older than any upload that is still under way.
const Orphaned = 24 * time.Hour

// Sweep deletes the objects below prefix that are older than Orphaned and not in use;
// used returns those of some keys that are.
func (s *Store) Sweep(ctx context.Context, prefix string, used func(ctx context.Context, keys []string) ([]string, error)) error {
	var keys []string
	for o, err := range s.List(ctx, prefix) {
		if err != nil {
			return err
		}
		if time.Since(o.ModTime) < Orphaned {
			continue
		}
		if keys = append(keys, o.Key); len(keys) == sweepBatch {
			if err := s.deleteUnused(ctx, keys, used); err != nil {
				return err
			}
			keys = keys[:0]
		}
	}
	return s.deleteUnused(ctx, keys, used)
}

const sweepBatch = 500

func (s *Store) deleteUnused(ctx context.Context, keys []string, used func(ctx context.Context, keys []string) ([]string, error)) error {
	kept, err := used(ctx, keys)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if slices.Contains(kept, key) {
			continue
		}
		if err := s.Delete(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) guard(ctx context.Context, method string) {
	if s.Forbidden != nil && s.Forbidden(ctx) {
		panic("blob: Store." + method + " was called inside a transaction; do it before or after")
	}
}

// place is what an object's ciphertext is bound to.
func place(key string) string { return "blob:" + key }

const (
	maxKey     = 512 // S3 takes 1024, with the prefix of the bucket
	maxSegment = 200 // file systems take 255
)

// checkKey accepts letters, digits and "._-" in segments parted by single slashes.
func checkKey(key string) error {
	if len(key) > maxKey || strings.Contains(key, "..") {
		return fmt.Errorf("blob: bad key %.80q", key)
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "" || segment == "." || len(segment) > maxSegment || strings.IndexFunc(segment, odd) >= 0 {
			return fmt.Errorf("blob: bad key %.80q", key)
		}
	}
	return nil
}

func odd(r rune) bool {
	return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune("._-", r)
}

// digest measures what it passes on.
type digest struct {
	w           io.Writer
	md5, sha256 hash.Hash
	size, limit int64
}

// Write implements io.Writer.
func (d *digest) Write(p []byte) (int, error) {
	if d.size+int64(len(p)) > d.limit {
		return 0, problem.TooLarge("The body is larger than %d bytes", d.limit)
	}
	d.size += int64(len(p))
	_, _ = d.md5.Write(p)
	_, _ = d.sha256.Write(p)
	return d.w.Write(p)
}

func (d *digest) object(key string) Object {
	return Object{Key: key, Size: d.size, MD5: hex.EncodeToString(d.md5.Sum(nil)), SHA256: hex.EncodeToString(d.sha256.Sum(nil))}
}

// patient reads until its context ends.
type patient struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (p *patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.r.Read(b)
}

// object is an open object. Its source is closed with it.
type object struct {
	plain  io.Reader
	sealed io.Closer
}

// Read implements io.Reader.
func (o *object) Read(p []byte) (int, error) { return o.plain.Read(p) }

// WriteTo implements io.WriterTo, with a pooled buffer.
func (o *object) WriteTo(w io.Writer) (int64, error) {
	counted := &counter{w: w}
	err := copyTo(counted, o)
	return counted.n, err
}

// Close implements io.Closer.
func (o *object) Close() error { return o.sealed.Close() }

type counter struct {
	w io.Writer
	n int64
}

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

var buffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// copyTo is io.Copy with a pooled buffer, whatever else w and r can do.
func copyTo(w io.Writer, r io.Reader) error {
	buf := buffers.Get().(*[64 << 10]byte)
	defer buffers.Put(buf)
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, buf[:])
	return err
}

package crypt

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// rootSize is the length of a root key in bytes.
const rootSize = 32

// maxRootFile is more than any way of writing a root key needs.
const maxRootFile = 1024

// NewRoot returns a fresh root key.
func NewRoot() []byte {
	root := make([]byte, rootSize)
	_, _ = rand.Read(root) // never fails, see crypto/rand
	return root
}

// ParseRoot reads a root key from what a file or a variable of the environment
// holds: 32 raw bytes, or their base64 with or without a line end.
func ParseRoot(b []byte) ([]byte, error) {
	if len(b) == rootSize && !printable(b) {
		return b, nil
	}
	text := string(bytes.TrimRight(bytes.TrimSpace(b), "="))
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if root, err := enc.DecodeString(text); err == nil && len(root) == rootSize {
			return root, nil
		}
	}
	return nil, errors.New("a root key is 32 random bytes, raw or in base64: restore it from the backup, or make one by `openssl rand -base64 32` if nothing is encrypted yet")
}

// printable tells 32 letters from 32 random bytes: a text of that length is
// some other key (16 bytes in hex, say) and much weaker than it looks.
func printable(b []byte) bool {
	for _, c := range b {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return true
}

// LoadRoot reads the root key in the file at path, or creates that file with a
// fresh key if there is none. The file appears whole or not at all, and if two
// processes create it, both get the same key. A file that others than its
// owner may read is refused.
func LoadRoot(path string) ([]byte, error) {
	root, err := readRoot(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return root, err
	}
	if err := createRoot(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("root key %s: %w", path, err)
	}
	return readRoot(path)
}

func readRoot(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("root key: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("root key: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("root key %s: is not a regular file", path)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("root key %s: other users may read it (mode %04o); run: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxRootFile))
	if err != nil {
		return nil, fmt.Errorf("root key: %w", err)
	}
	root, err := ParseRoot(b)
	if err != nil {
		return nil, fmt.Errorf("root key %s: %w", path, err)
	}
	return root, nil
}

// createRoot writes a new key beside path and links it to path, which fails with
// fs.ErrExist if somebody was faster.
func createRoot(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".root-*") // with mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(NewRoot()) + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes the names in a folder survive a crash.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

package engine

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
)

const (
	sumsSize      = 1 << 20
	signatureSize = 64 << 10
	zipSize       = 512 << 20

	fetching = ".fetch-" // the beginning of the names of folders of fetches that go on
)

// tidy removes what fetches left behind that were cut off by the end of a server.
func (s *Store) tidy() error {
	entries, err := os.ReadDir(s.options.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !strings.HasPrefix(e.Name(), fetching) || time.Since(info.ModTime()) < fetchTime {
			continue // gone, not ours, or of a server that is fetching now
		}
		if err := os.RemoveAll(filepath.Join(s.options.Dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// fetch gets a version from the mirror, verifies it, and puts it into its folder in one
// step, so that others see all of it or nothing.
func (s *Store) fetch(ctx context.Context, p Product, version string) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	name := fmt.Sprintf("%s_%s_%s_%s.zip", p, version, s.options.OS, s.options.Arch)
	sum, err := s.sum(ctx, p, version, name)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(s.options.Dir, fetching)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	archive := filepath.Join(tmp, "archive")
	if err := s.download(ctx, s.url(p, version, name), archive, sum); err != nil {
		return err
	}
	content := filepath.Join(tmp, "content")
	if err := os.Mkdir(content, 0o755); err != nil { //nolint:gosec // a run's user must be able to read it
		return err
	}
	if err := extract(archive, s.binary(p), content, s.unpack); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return place(content, s.folder(p, version))
}

// place moves a folder to where it belongs. Another process may have been faster.
func place(content, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil { //nolint:gosec // a run's user must be able to enter it
		return err
	}
	if err := os.Chmod(content, 0o755); err != nil { //nolint:gosec // whatever the umask
		return err
	}
	err := os.Rename(content, to)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// url is the address of a file of a release.
func (s *Store) url(p Product, version, file string) string {
	return strings.NewReplacer("{version}", version, "{file}", file).Replace(s.options.Mirrors[p].Release)
}

// sum returns the SHA-256 of a file of a release from the signed list.
func (s *Store) sum(ctx context.Context, p Product, version, file string) ([]byte, error) {
	name := fmt.Sprintf("%s_%s_SHA256SUMS", p, version)
	sums, err := s.get(ctx, s.url(p, version, name), sumsSize)
	if err != nil {
		return nil, err
	}
	signature, err := s.get(ctx, s.url(p, version, name+s.options.Mirrors[p].Signature), signatureSize)
	if err != nil {
		return nil, err
	}
	if err := verify(s.keys[p], sums, signature); err != nil {
		return nil, fmt.Errorf("the signature of %s: %w", name, err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(sums)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) != 2 || strings.TrimPrefix(fields[1], "*") != file {
			continue
		}
		if sum, err := hex.DecodeString(fields[0]); err == nil && len(sum) == sha256.Size {
			return sum, nil
		}
		return nil, fmt.Errorf("%s has no SHA-256 of %s but %.80q", name, file, fields[0])
	}
	return nil, fmt.Errorf("%s does not list %s: %w", name, file, ErrNoVersion)
}

// verify checks a detached signature, armored or not.
func verify(keys openpgp.EntityList, signed, signature []byte) error {
	var r io.Reader = bytes.NewReader(signature)
	if bytes.HasPrefix(signature, []byte("-----BEGIN ")) {
		block, err := armor.Decode(r)
		if err != nil {
			return err
		}
		r = block.Body
	}
	_, err := openpgp.CheckDetachedSignature(keys, bytes.NewReader(signed), r, nil)
	return err
}

// get returns a small file.
func (s *Store) get(ctx context.Context, url string, limit int64) ([]byte, error) {
	body, err := s.open(ctx, url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	b, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", url, limit)
	}
	return b, err
}

// open starts to read a URL.
func (s *Store) open(ctx context.Context, url string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	res, err := s.options.Client.Do(req)
	if err != nil {
		return nil, err
	}
	switch res.StatusCode {
	case http.StatusOK:
		return res.Body, nil
	case http.StatusNotFound:
		err = fmt.Errorf("%s: %w", url, ErrNoVersion)
	default:
		err = fmt.Errorf("%s: %s", url, res.Status)
	}
	return nil, errors.Join(err, res.Body.Close())
}

// download writes a URL to a file, which must have the SHA-256 sum.
func (s *Store) download(ctx context.Context, url, path string, sum []byte) error {
	body, err := s.open(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, hash), io.LimitReader(body, zipSize+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if n > zipSize {
		return fmt.Errorf("%s is larger than %d bytes", url, int64(zipSize))
	}
	if got := hash.Sum(nil); !bytes.Equal(got, sum) {
		return fmt.Errorf("%s has SHA-256 %x, the signed list says %x", url, got, sum)
	}
	return nil
}

// extract writes the one file name of a zip into a folder, as a program. Whatever else the
// zip has is left where it is.
func extract(archive, name, folder string, limit int64) error {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer func() { _ = z.Close() }()
	for _, f := range z.File {
		if f.Name != name {
			continue
		}
		if !f.Mode().IsRegular() || f.UncompressedSize64 > uint64(limit) {
			return fmt.Errorf("%s is no file of at most %d bytes", name, limit)
		}
		return write(f, filepath.Join(folder, name), limit)
	}
	return fmt.Errorf("the archive has no %s", name)
}

// write unpacks a file.
func write(f *zip.File, path string, limit int64) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755) //nolint:gosec // a run's user must be able to execute it
	if err != nil {
		return err
	}
	n, err := io.Copy(out, io.LimitReader(r, limit+1))
	if err == nil && n > limit {
		err = fmt.Errorf("%s is larger than %d bytes", f.Name, limit)
	}
	if err == nil {
		err = out.Chmod(0o755) // whatever the umask
	}
	if err == nil {
		err = out.Sync() // a binary cut short by a crash would stay in the cache
	}
	return errors.Join(err, out.Close())
}

package providers

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/problem"
)

// hashing is the job that looks into the archive of a platform.
type hashing struct {
	PlatformID string `json:"platform-id"`
}

// Kind implements jobs.Args.
func (hashing) Kind() string { return "hash-provider" }

// hash stores the "h1:" hash of a platform, with which OpenTofu locks platforms that it has
// not downloaded. An archive that cannot be read has none; engines then refuse it themselves.
func (f *Feature) hash(ctx context.Context, job hashing) error {
	p, err := f.platform(ctx, job.PlatformID)
	if errors.Is(err, problem.NotFound) || (err == nil && (p.Object == "" || p.H1 != "")) {
		return nil
	}
	if err != nil {
		return err
	}
	r, err := f.Objects.Get(ctx, p.OrgID, p.Object)
	if errors.Is(err, problem.NotFound) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	p.H1, err = HashZip(f.Temp, r)
	if errors.Is(err, zip.ErrFormat) || errors.Is(err, errTooMuch) {
		slog.WarnContext(ctx, "the archive of a provider cannot be read", "platform", p.ID, "err", err)
		return nil
	}
	if err != nil {
		return err
	}
	return f.DB.Update(ctx, "registry_provider_platforms", p, "h1")
}

// maxInside is how much an archive may hold when unpacked, in bytes.
const maxInside = 4 << 30

var errTooMuch = errors.New("the archive holds too much")

// HashZip returns the "h1:" hash of the files in a zip archive, which is that of the Go
// checksum database: SHA-256, in base64, over the sorted lines of `sha256sum`. The archive
// passes through a file in the folder temp, because its directory is at its end.
func HashZip(temp string, r io.Reader) (string, error) {
	if err := os.MkdirAll(temp, 0o700); err != nil {
		return "", err
	}
	file, err := os.CreateTemp(temp, "provider-*.zip")
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close(); _ = os.Remove(file.Name()) }()
	size, err := io.Copy(file, r)
	if err != nil {
		return "", err
	}
	z, err := zip.NewReader(file, size)
	if err != nil {
		return "", err
	}
	lines, left := []string{}, int64(maxInside)
	for _, entry := range z.File {
		if strings.HasSuffix(entry.Name, "/") {
			continue
		}
		sum, n, err := hashEntry(entry, left)
		if err != nil {
			return "", err
		}
		left -= n
		lines = append(lines, fmt.Sprintf("%x  %s\n", sum, entry.Name))
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[66:], b[66:]) })
	whole := sha256.Sum256([]byte(strings.Join(lines, "")))
	return "h1:" + base64.StdEncoding.EncodeToString(whole[:]), nil
}

func hashEntry(entry *zip.File, left int64) ([]byte, int64, error) {
	r, err := entry.Open()
	if err != nil {
		return nil, 0, zip.ErrFormat
	}
	defer func() { _ = r.Close() }()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(r, left+1))
	switch {
	case err != nil:
		return nil, n, zip.ErrFormat
	case n > left:
		return nil, n, errTooMuch
	}
	return h.Sum(nil), n, nil
}

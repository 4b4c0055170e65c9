package providers

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

const (
	maxShasums   = 256 << 10 // bytes: some 2,000 lines
	maxSignature = 16 << 10  // bytes
)

// signing is what of a version is checked against each other: its two small files.
type signing struct {
	ID        string  `db:"id"`
	OrgID     string  `db:"org_id"`
	Version   string  `db:"version"`
	KeyID     string  `db:"key_id"`
	Shasums   *string `db:"shasums"`
	Signature []byte  `db:"signature"`

	OrgName string `db:"org_name,extra"`
}

const selectSigning = `SELECT {v}, o.name AS org_name FROM registry_provider_versions v JOIN organizations o ON o.id = v.org_id WHERE v.id = ?`

// lockSigning returns the files of a version and keeps others from changing them until the
// transaction ends.
func (f *Feature) lockSigning(ctx context.Context, versionID string) (signing, error) {
	query := selectSigning
	if f.DB.Postgres() {
		query += ` FOR UPDATE OF v`
	}
	return db.One[signing](ctx, f.DB, query, versionID)
}

// match refuses a platform that the file SHA256SUMS does not list with the same checksum,
// once the file is there: engines would refuse it later.
func (s signing) match(p Platform) error {
	if s.Shasums == nil {
		return nil
	}
	listed, err := ParseShasums(*s.Shasums)
	if err != nil {
		return err
	}
	switch sum, ok := listed[p.Filename]; {
	case !ok:
		return problem.Invalid("filename", "The SHA256SUMS of version %s does not list %s", s.Version, p.Filename)
	case !strings.EqualFold(sum, p.Shasum):
		return problem.Invalid("shasum", "The SHA256SUMS of version %s says that the checksum of %s is %s, not %s", s.Version, p.Filename, sum, p.Shasum)
	}
	return nil
}

// putShasums takes the file SHA256SUMS of a version.
func (f *Feature) putShasums(ctx context.Context, versionID string, body io.Reader) error {
	b, err := readUpTo(body, maxShasums)
	if err != nil {
		return err
	}
	text := string(b)
	if _, err := ParseShasums(text); err != nil {
		return err
	}
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		s, err := f.lockSigning(ctx, versionID)
		switch {
		case err != nil:
			return err
		case s.Shasums != nil && *s.Shasums == text:
			return nil // a retry
		case s.Shasums != nil && s.Signature != nil:
			return problem.Conflict("Version %s has a signed SHA256SUMS already, and it is not what was sent. Publish another version.", s.Version)
		}
		s.Shasums = &text
		if err := f.checkUploaded(ctx, s); err != nil {
			return err
		}
		if err := f.verify(ctx, s); err != nil {
			return err
		}
		changes.Tell(ctx, f.Bus, authz.Scope{Org: s.OrgID}, "registry-provider-versions", versionID)
		_, err = f.DB.Exec(ctx, `UPDATE registry_provider_versions SET shasums = ?, updated_at = ? WHERE id = ?`, text, db.Now(), versionID)
		return err
	})
}

// putSignature takes the signature of a version's SHA256SUMS.
func (f *Feature) putSignature(ctx context.Context, versionID string, body io.Reader) error {
	b, err := readUpTo(body, maxSignature)
	if err != nil {
		return err
	}
	if len(b) == 0 {
		return problem.Unprocessable("The signature is empty.")
	}
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		s, err := f.lockSigning(ctx, versionID)
		if err != nil || bytes.Equal(s.Signature, b) {
			return err
		}
		s.Signature = b
		if err := f.verify(ctx, s); err != nil {
			return err
		}
		changes.Tell(ctx, f.Bus, authz.Scope{Org: s.OrgID}, "registry-provider-versions", versionID)
		_, err = f.DB.Exec(ctx, `UPDATE registry_provider_versions SET signature = ?, updated_at = ? WHERE id = ?`, b, db.Now(), versionID)
		return err
	})
}

// verify checks the signature of a version once both files are there: the key that the
// version names must be one of the organization's, and must have made it.
func (f *Feature) verify(ctx context.Context, s signing) error {
	if s.Shasums == nil || s.Signature == nil {
		return nil
	}
	keys, err := f.Keys.Of(ctx, s.OrgID, []string{strings.ToUpper(s.KeyID)})
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return problem.Unprocessable("%s has no GPG key %s, which version %s says that it is signed with. Add the key, then upload the signature again.", s.OrgName, s.KeyID, s.Version)
	}
	return keys[0].Verify([]byte(*s.Shasums), s.Signature)
}

// checkUploaded refuses a SHA256SUMS that contradicts platforms which are there already.
func (f *Feature) checkUploaded(ctx context.Context, s signing) error {
	platforms, err := db.All[Platform](ctx, f.DB, `FROM registry_provider_platforms WHERE version_id = ? ORDER BY os, arch`, s.ID)
	if err != nil {
		return err
	}
	for _, p := range platforms {
		bad, ok := problem.From(s.match(p))
		if ok {
			return problem.Unprocessable("%s (platform %s/%s)", bad.Detail, p.OS, p.Arch)
		}
	}
	return nil
}

// ParseShasums reads what sha256sum prints: 64 hex digits, two spaces (or a space and a
// star) and a file name on each line.
func ParseShasums(text string) (map[string]string, error) {
	listed := map[string]string{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			continue
		}
		sum, name, ok := strings.Cut(line, " ")
		name = strings.TrimPrefix(strings.TrimLeft(name, " "), "*")
		if _, err := hex.DecodeString(sum); err != nil || len(sum) != 64 || !ok || name == "" || strings.ContainsRune(line, 0) {
			return nil, problem.Unprocessable("SHA256SUMS is not what sha256sum prints: line %d has no checksum of 64 hex digits followed by a file name.", n)
		}
		listed[name] = sum
	}
	if len(listed) == 0 {
		return nil, problem.Unprocessable("SHA256SUMS is empty.")
	}
	return listed, nil
}

// readUpTo reads a small file.
func readUpTo(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, problem.BadRequest("The upload ended too early.")
	case err != nil:
		return nil, fmt.Errorf("reading an upload: %w", err)
	case int64(len(b)) > limit:
		return nil, problem.TooLarge("The file is larger than %d bytes.", limit)
	}
	return b, nil
}

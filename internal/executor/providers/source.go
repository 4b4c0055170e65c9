package providers

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/go-version"
)

// Source is a network mirror of providers: that of the server which gives the runs. What it
// has, it has verified, so no engine is needed to install from it. The zero Source is none.
//
// Source: "Provider Network Mirror Protocol" of Terraform and OpenTofu.
type Source struct {
	URL   string   // ends with a slash
	Hosts []string // of the registries that it mirrors
	Token string
	CA    string // certificates (PEM) beside those that the system trusts
}

// Limits of what a source sends, in bytes.
const (
	maxDocument = 16 << 20
	maxArchive  = 1 << 30
	maxUnpacked = 4 << 30
)

// fetchFrom installs what the source has and returns what is left, with the reasons.
func (m *Mirror) fetchFrom(ctx context.Context, s Source, needs Needs, lock Lock) (left Needs, why string) {
	left = Needs{}
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	for _, address := range slices.Sorted(maps.Keys(needs)) {
		host, _, _ := strings.Cut(address, "/")
		if !slices.Contains(s.Hosts, host) {
			left[address] = needs[address]
			continue
		}
		if err := m.install(ctx, s, address, needs[address], lock[address]); err != nil {
			left[address] = needs[address]
			why += fmt.Sprintf("The mirror of the server does not give %s: %v\n", address, err)
		}
	}
	return left, why
}

// install takes the newest version that fits from a source.
func (m *Mirror) install(ctx context.Context, s Source, address, constraints string, locked Locked) error {
	var index struct {
		Versions map[string]struct{} `json:"versions"`
	}
	if err := s.document(ctx, address+"/index.json", &index); err != nil {
		return err
	}
	chosen, err := newest(slices.Collect(maps.Keys(index.Versions)), constraints)
	if err != nil {
		return err
	}
	to := filepath.Join(m.root(), filepath.FromSlash(address), chosen, platform)
	if _, err := os.Stat(to); err == nil {
		return nil // it has been here since an earlier run
	}
	var release release
	if err := s.document(ctx, address+"/"+chosen+".json", &release); err != nil {
		return err
	}
	offer, ok := release.Archives[platform]
	if !ok {
		return fmt.Errorf("version %s is not there for %s", chosen, platform)
	}
	return m.download(ctx, s, offer, to, func(h1 string) error {
		hashes := append([]string{h1}, release.hashes()...)
		if len(locked.Hashes) > 0 && !slices.ContainsFunc(append([]string{h1}, offer.Hashes...), func(h string) bool { return slices.Contains(locked.Hashes, h) }) {
			return fmt.Errorf("%w: version %s", ErrChecksum, chosen)
		}
		return m.remember(address, Locked{Version: chosen, Hashes: hashes})
	})
}

// newest is the newest of the versions that fits the constraints. A pre-release fits only
// what names it.
func newest(versions []string, constraints string) (string, error) {
	var fits version.Constraints
	if constraints != "" {
		var err error
		if fits, err = version.NewConstraint(constraints); err != nil {
			return "", err
		}
	}
	var best *version.Version
	for _, text := range versions {
		v, err := version.NewVersion(text)
		if err != nil || !safe(text) || (fits == nil && v.Prerelease() != "") || (fits != nil && !fits.Check(v)) {
			continue
		}
		if best == nil || v.GreaterThan(best) {
			best = v
		}
	}
	if best == nil {
		return "", fmt.Errorf("no version fits %q", constraints)
	}
	return best.Original(), nil
}

// release is what a source says about a version.
type release struct {
	Archives map[string]offer `json:"archives"` // by platform
}

// offer is an archive.
type offer struct {
	URL    string   `json:"url"` // may be relative to the document
	Hashes []string `json:"hashes"`
}

// hashes are those of the archives for all platforms, which lock files have.
func (r release) hashes() []string {
	var all []string
	for _, o := range r.Archives {
		all = append(all, o.Hashes...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// download takes an archive, whose checksum must be that of the offer, and puts what is in
// it to its place. Approve is called with its hash before that.
func (m *Mirror) download(ctx context.Context, s Source, o offer, to string, approve func(h1 string) error) error {
	dir, err := os.MkdirTemp(m.Dir, "fetch-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "archive.zip")
	sum, err := s.save(ctx, o.URL, file)
	if err != nil {
		return err
	}
	if !slices.Contains(o.Hashes, "zh:"+sum) {
		return fmt.Errorf("its archive has another checksum than was said: %s", sum)
	}
	h1, err := unpack(file, filepath.Join(dir, "provider"))
	if err != nil {
		return err
	}
	if err := approve(h1); err != nil {
		return err
	}
	return m.take(filepath.Join(dir, "provider"), to)
}

// document reads a document of the mirror.
func (s Source) document(ctx context.Context, name string, into any) error {
	body, err := s.get(ctx, name, s.Token)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	return json.NewDecoder(io.LimitReader(body, maxDocument)).Decode(into)
}

// save stores a file and returns its SHA-256 in hex. Addresses of archives carry their own
// secret, so no token is sent.
func (s Source) save(ctx context.Context, address, file string) (string, error) {
	body, err := s.get(ctx, address, "")
	if err != nil {
		return "", err
	}
	defer func() { _ = body.Close() }()
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, h), io.LimitReader(body, maxArchive+1))
	if err == nil && n > maxArchive {
		err = errors.New("its archive is too large")
	}
	return hex.EncodeToString(h.Sum(nil)), errors.Join(err, f.Close())
}

// get asks for an address that is relative to the mirror.
func (s Source) get(ctx context.Context, address, token string) (io.ReadCloser, error) {
	base, err := url.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	at, err := base.Parse(address)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := s.client().Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		detail, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10))
		return nil, errors.Join(fmt.Errorf("%s %s", res.Status, strings.TrimSpace(string(detail))), res.Body.Close())
	}
	return res.Body, nil
}

func (s Source) client() *http.Client {
	if s.CA == "" {
		return http.DefaultClient
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pool.AppendCertsFromPEM([]byte(s.CA))
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig, transport.DisableKeepAlives = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, true
	return &http.Client{Transport: transport}
}

// unpack puts the files of an archive into a new folder and returns their hash, which is
// the "h1:" of lock files.
func unpack(file, dir string) (h1 string, err error) {
	z, err := zip.OpenReader(file)
	if err != nil {
		return "", err
	}
	defer func() { _ = z.Close() }()
	if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // runs are other users, and read it
		return "", err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer func() { _ = root.Close() }()
	lines, left := []string{}, int64(maxUnpacked)
	for _, entry := range z.File {
		if strings.HasSuffix(entry.Name, "/") {
			continue
		}
		if !entry.Mode().IsRegular() || !filepath.IsLocal(filepath.FromSlash(entry.Name)) {
			return "", fmt.Errorf("its archive has a %s that does not belong there", entry.Name)
		}
		sum, n, err := extract(root, entry, left)
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

// extract writes one file of an archive and returns its checksum and size.
func extract(root *os.Root, entry *zip.File, left int64) ([]byte, int64, error) {
	name := filepath.FromSlash(entry.Name)
	if folder := path.Dir(entry.Name); folder != "." {
		if err := root.MkdirAll(filepath.FromSlash(folder), 0o755); err != nil {
			return nil, 0, err
		}
	}
	r, err := entry.Open()
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = r.Close() }()
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return nil, 0, err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, h), io.LimitReader(r, left+1))
	if err == nil && n > left {
		err = errors.New("its archive holds too much")
	}
	return h.Sum(nil), n, errors.Join(err, f.Close())
}

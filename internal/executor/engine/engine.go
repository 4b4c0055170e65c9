// Package engine finds the OpenTofu or Terraform binary that a run asks for: one that the
// operator gave, one fetched before, or one fetched now from a mirror.
//
// What is fetched is used only if its SHA-256 is in the release's list and that list is
// signed by a key known beforehand; OpenTofu's key is built in. The list of versions itself
// is not signed, so a mirror can hide versions but not forge one. The surprising rule:
// Terraform is never fetched unless the operator names a mirror and its key.
package engine

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
)

// Product is a make of engine, named like its binary.
type Product string

// The products.
const (
	OpenTofu  Product = "tofu"
	Terraform Product = "terraform"
)

// Title is the name that people know.
func (p Product) Title() string {
	if p == Terraform {
		return "Terraform"
	}
	return "OpenTofu"
}

// ErrNoVersion is wrapped by errors about versions that nobody has.
var ErrNoVersion = errors.New("no such version")

// openTofuKey signs releases of OpenTofu, fingerprint
// E3E6E43D84CB852EADB0051D0C0AF313E5FD9F80 (https://get.opentofu.org/opentofu.asc).
//
//go:embed opentofu.asc
var openTofuKey string

// Engine is a binary that can be run.
type Engine struct {
	Product Product
	Version string // such as 1.10.5
	Path    string // absolute
}

// Mirror is where releases of a product are fetched.
type Mirror struct {
	// Versions is the URL of the list: {"versions": […]} as at get.opentofu.org, or
	// {"versions": {…}} as at releases.hashicorp.com.
	Versions string
	// Release is the URL of a file of a release, with {version} and {file}.
	Release string
	// Signature is the end of the name of the signature of the checksums, such as ".gpgsig".
	Signature string
	// Keys are the public keys, one of which must have signed, ASCII-armored.
	Keys string
}

// OpenTofuMirror returns the mirror of OpenTofu at base, laid out as BASE/api.json and
// BASE/vVERSION/FILE; with an empty base it is OpenTofu's own. Keys are OpenTofu's if empty.
func OpenTofuMirror(base, keys string) Mirror {
	m := Mirror{Versions: "https://get.opentofu.org/tofu/api.json", Release: "https://github.com/opentofu/opentofu/releases/download/v{version}/{file}", Signature: ".gpgsig", Keys: keys}
	if base != "" {
		base = strings.TrimRight(base, "/")
		m.Versions, m.Release = base+"/api.json", base+"/v{version}/{file}"
	}
	if keys == "" {
		m.Keys = openTofuKey
	}
	return m
}

// TerraformMirror returns the mirror of Terraform at base, laid out as
// releases.hashicorp.com/terraform: BASE/index.json and BASE/VERSION/FILE.
func TerraformMirror(base, keys string) Mirror {
	base = strings.TrimRight(base, "/")
	return Mirror{Versions: base + "/index.json", Release: base + "/{version}/{file}", Signature: ".sig", Keys: keys}
}

// Options of New.
type Options struct {
	Dir     string             // of what is fetched; others must be able to enter it
	Mirrors map[Product]Mirror // a product without a mirror is never fetched
	Client  *http.Client       // default: a client that uses the operator's proxy
	OS      string             // default: that of this machine, as Go names it
	Arch    string             // default: that of this machine, as Go names it
}

const (
	fetchTime = 15 * time.Minute // for a file, also over a slow line
	listTime  = 30 * time.Second
	listAge   = 10 * time.Minute // until the list of versions is asked for again
)

// Store has the engines of this machine. It may be shared.
type Store struct {
	options Options
	keys    map[Product]openpgp.EntityList
	unpack  int64 // bytes that a binary may have

	mu    sync.Mutex
	given []Engine
	lists map[Product]list
	locks map[string]chan struct{} // one fetch of a version at a time
}

// New returns a store. It fails if the keys of a mirror cannot be read.
func New(o Options) (*Store, error) {
	s := &Store{options: o, unpack: 1 << 30, keys: map[Product]openpgp.EntityList{}, lists: map[Product]list{}, locks: map[string]chan struct{}{}}
	if o.Client == nil {
		s.options.Client = &http.Client{}
	}
	if o.OS == "" {
		s.options.OS = runtime.GOOS
	}
	if o.Arch == "" {
		s.options.Arch = runtime.GOARCH
	}
	for product, mirror := range o.Mirrors {
		keys, err := openpgp.ReadArmoredKeyRing(strings.NewReader(mirror.Keys))
		if err != nil {
			return nil, fmt.Errorf("engine: keys that sign releases of %s: %w", product.Title(), err)
		}
		s.keys[product] = keys
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil { //nolint:gosec // a run's user must be able to read binaries
		return nil, err
	}
	return s, s.tidy()
}

// exact matches a full version; it is safe as the name of a file.
var exact = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z][0-9A-Za-z.-]*)?$`)

// Get returns the engine of a product that fits want, which is a version, a constraint
// such as "~> 1.10", or "latest" (also ""). It fetches it if need be; callers who want the
// same wait for one fetch.
func (s *Store) Get(ctx context.Context, p Product, want string) (Engine, error) {
	version, err := s.Resolve(ctx, p, want)
	if err != nil {
		return Engine{}, err
	}
	if e, ok := s.local(p, version); ok {
		return e, nil
	}
	if _, ok := s.options.Mirrors[p]; !ok {
		return Engine{}, fmt.Errorf("engine: %s %s is not on this machine, and nothing is fetched as no mirror is set: %w%s", p.Title(), version, ErrNoVersion, s.brought(p))
	}
	unlock, err := s.lock(ctx, string(p)+" "+version)
	if err != nil {
		return Engine{}, err
	}
	defer unlock()
	if e, ok := s.local(p, version); ok {
		return e, nil
	}
	if err := s.fetch(ctx, p, version); err != nil {
		return Engine{}, fmt.Errorf("engine: %s %s: %w", p.Title(), version, err)
	}
	e, ok := s.local(p, version)
	if !ok {
		return e, fmt.Errorf("engine: %s %s vanished", p.Title(), version)
	}
	return e, nil
}

// brought says of Terraform why it may not be there.
func (s *Store) brought(p Product) string {
	if _, ok := s.options.Mirrors[p]; ok || p != Terraform {
		return ""
	}
	return ". Terraform is used only where the operator brings it: --engine, or --terraform-mirror"
}

// lock waits until nobody else fetches what has this name.
func (s *Store) lock(ctx context.Context, name string) (unlock func(), err error) {
	s.mu.Lock()
	c := s.locks[name]
	if c == nil {
		c = make(chan struct{}, 1)
		s.locks[name] = c
	}
	s.mu.Unlock()
	select {
	case c <- struct{}{}:
		return func() { <-c }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// local returns an engine that is on this machine.
func (s *Store) local(p Product, version string) (Engine, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.given {
		if e.Product == p && e.Version == version {
			return e, true
		}
	}
	path := filepath.Join(s.folder(p, version), s.binary(p))
	info, err := os.Stat(path)
	return Engine{Product: p, Version: version, Path: path}, err == nil && info.Mode().IsRegular()
}

// folder is where a fetched version lies.
func (s *Store) folder(p Product, version string) string {
	return filepath.Join(s.options.Dir, string(p), version+"_"+s.options.OS+"_"+s.options.Arch)
}

// binary is the name of the program in a release.
func (s *Store) binary(p Product) string {
	if s.options.OS == "windows" {
		return string(p) + ".exe"
	}
	return string(p)
}

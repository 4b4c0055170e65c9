// Package providers keeps the provider plugins of a machine, so that they are fetched once
// and not by each run.
//
// The folder is an unpacked mirror that runs read and cannot write. What the network mirror
// of the server has is taken from there. The rest a step of its own fetches, in which no code
// of a configuration runs and no variable of a run counts: what it brings, the engine has
// checked against the signatures of the registry and the lock file of the run. The surprising rule: only providers of public registries are shared;
// those of others, such as the private registry of an organization, each run fetches itself.
package providers

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-version"

	"plumbline.dev/plumbline/internal/executor/sandbox"
)

// Public are the registries whose providers are shared unless Options say otherwise.
var Public = []string{"registry.opentofu.org", "registry.terraform.io"}

// Options of New.
type Options struct {
	Dir        string // of the mirror; processes that run as other users must be able to enter it
	Sandbox    *sandbox.Sandbox
	Registries []string // hosts whose providers are shared, default Public
	// Given are filesystem mirrors of the operator, packed or unpacked, for any registry.
	Given []string
	// Env is the environment of the step that fetches, such as the operator's proxy.
	Env []string
	// CA are certificates (PEM) of registries, beside those that the system trusts.
	CA string
	// Allow are addresses of registries that are closed to processes otherwise.
	Allow []netip.AddrPort
	// Fresh is for how long the versions of a provider count as known: a later run without
	// a lock file makes the mirror look for newer ones, default an hour.
	Fresh time.Duration
}

// Mirror is the providers of this machine. It may be shared.
type Mirror struct {
	Options

	mu    sync.Mutex // one fetch at a time
	asked sync.Map   // provider → time.Time
}

// Needs are providers by address, such as registry.opentofu.org/hashicorp/null, with the
// constraints on their versions, "" is none.
type Needs map[string]string

// New opens a mirror and removes what fetches left behind that were cut off.
func New(o Options) (*Mirror, error) {
	if len(o.Registries) == 0 {
		o.Registries = Public
	}
	if o.Fresh == 0 {
		o.Fresh = time.Hour
	}
	m := &Mirror{Options: o}
	for _, dir := range []string{o.Dir, m.root(), m.locks()} {
		if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // runs are other users, and read it
			return nil, err
		}
		if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // whatever the umask
			return nil, err
		}
	}
	for _, dir := range o.Given {
		if _, err := os.Stat(dir); err != nil {
			return nil, fmt.Errorf("mirror of providers: %w", err)
		}
	}
	left, err := filepath.Glob(filepath.Join(o.Dir, "fetch-*"))
	for _, dir := range left {
		err = os.RemoveAll(dir)
	}
	return m, err
}

func (m *Mirror) root() string  { return filepath.Join(m.Dir, "mirror") }
func (m *Mirror) locks() string { return filepath.Join(m.Dir, "locks") }

// Config is the part of the configuration of a command line that says where providers come
// from.
func (m *Mirror) Config() string {
	var shared []string
	for _, host := range m.Registries {
		shared = append(shared, fmt.Sprintf("%q", host+"/*/*"))
	}
	list := strings.Join(shared, ", ")
	var b strings.Builder
	b.WriteString("provider_installation {\n")
	for _, dir := range m.Given {
		fmt.Fprintf(&b, "  filesystem_mirror {\n    path = %q\n  }\n", dir)
	}
	fmt.Fprintf(&b, "  filesystem_mirror {\n    path    = %q\n    include = [%s]\n  }\n", m.root(), list)
	fmt.Fprintf(&b, "  direct {\n    exclude = [%s]\n  }\n}\n", list)
	return b.String()
}

// Read are the folders that a run must be able to read.
func (m *Mirror) Read() []string { return append([]string{m.root()}, m.Given...) }

// Missing are the needs that the mirror would have to fetch, with the versions that a lock
// file asks for.
func (m *Mirror) Missing(needs Needs, lock Lock) Needs {
	missing := Needs{}
	for address, constraints := range needs {
		if locked, ok := lock[address]; ok {
			constraints = "= " + locked.Version
		}
		if m.shares(address) && !m.has(address, constraints) {
			missing[address] = constraints
		}
	}
	return missing
}

// shares says whether the mirror is for a provider: not for those that the operator gives.
func (m *Mirror) shares(address string) bool {
	parts := strings.Split(address, "/")
	if len(parts) != 3 || !slices.Contains(m.Registries, parts[0]) || slices.ContainsFunc(parts, func(p string) bool { return !safe(p) }) {
		return false
	}
	return !slices.ContainsFunc(m.Given, func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, filepath.FromSlash(address)))
		return err == nil
	})
}

// safe says whether a part of an address can be the name of a folder.
func safe(part string) bool {
	return part != "" && part != "." && part != ".." && !strings.ContainsAny(part, `/\`)
}

// has says whether the mirror has a version that fits.
func (m *Mirror) has(address, constraints string) bool {
	fits := func(*version.Version) bool { return true }
	if constraints != "" {
		c, err := version.NewConstraint(constraints)
		if err != nil {
			return false
		}
		fits = c.Check
	}
	found, _ := filepath.Glob(filepath.Join(m.root(), filepath.FromSlash(address), "*", platform))
	return slices.ContainsFunc(found, func(path string) bool {
		v, err := version.NewVersion(filepath.Base(filepath.Dir(path)))
		return err == nil && fits(v)
	})
}

var platform = runtime.GOOS + "_" + runtime.GOARCH

// Refresh looks for newer versions of providers that a run used without a lock file, if
// that was long ago. It does so after the run: what it finds, the next one gets.
func (m *Mirror) Refresh(ctx context.Context, engine string, used Needs, from Source) {
	due := Needs{}
	for address, constraints := range used {
		last, known := m.asked.Load(address)
		if m.shares(address) && (!known || time.Since(last.(time.Time)) > m.Fresh) {
			due[address] = constraints
		}
	}
	if len(due) == 0 {
		return
	}
	go func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if out, err := m.fetch(ctx, engine, due, nil, from); err != nil {
			slog.WarnContext(ctx, "looking for newer providers", "err", err, "output", out)
		}
	}()
}

// Fill fetches what is needed and not there, from the network mirror if it has it. Output is
// what the mirror and the engine said about what they did not give.
func (m *Mirror) Fill(ctx context.Context, engine string, needs Needs, lock Lock, from Source) (output string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	missing := m.Missing(needs, lock)
	if len(missing) == 0 {
		return "", nil // another run was faster
	}
	return m.fetch(ctx, engine, missing, lock, from)
}

package providers

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const lockName = ".terraform.lock.hcl"

// Lock is a dependency lock file: providers by address.
type Lock map[string]Locked

// Locked is what a lock file says about a provider.
type Locked struct {
	Version     string
	Constraints string
	Hashes      []string // such as h1:… and zh:…, of any platform
}

// Lines of a lock file as engines write it. One that people wrote otherwise is not
// understood, and stays as it is.
var (
	lockProvider = regexp.MustCompile(`^provider "([^"]+)" \{$`)
	lockText     = regexp.MustCompile(`^\s+(version|constraints)\s*=\s*"([^"]*)"$`)
	lockHash     = regexp.MustCompile(`^\s+"([a-z0-9]+:[^"]+)",$`)
)

// ParseLock reads a lock file.
func ParseLock(text string) Lock {
	lock, at := Lock{}, ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if found := lockProvider.FindStringSubmatch(line); found != nil {
			at = found[1]
			lock[at] = Locked{}
			continue
		}
		p, ok := lock[at]
		if !ok {
			continue
		}
		if found := lockText.FindStringSubmatch(line); found != nil && found[1] == "version" {
			p.Version = found[2]
		} else if found != nil {
			p.Constraints = found[2]
		} else if found := lockHash.FindStringSubmatch(line); found != nil {
			p.Hashes = append(p.Hashes, found[1])
		}
		lock[at] = p
	}
	return lock
}

// String writes a lock file.
func (l Lock) String() string {
	var b strings.Builder
	for _, address := range slices.Sorted(maps.Keys(l)) {
		p := l[address]
		fmt.Fprintf(&b, "\nprovider %q {\n  version     = %q\n", address, p.Version)
		if p.Constraints != "" {
			fmt.Fprintf(&b, "  constraints = %q\n", p.Constraints)
		}
		b.WriteString("  hashes = [\n")
		for _, hash := range p.Hashes {
			fmt.Fprintf(&b, "    %q,\n", hash)
		}
		b.WriteString("  ]\n}\n")
	}
	return b.String()
}

// only are the entries of providers that are needed.
func (l Lock) only(needs Needs) Lock {
	some := Lock{}
	for address := range needs {
		if p, ok := l[address]; ok && p.Version != "" {
			p.Constraints = ""
			some[address] = p
		}
	}
	return some
}

// Complete adds the hashes of what the mirror has to a lock file that knows the same
// release by another hash: a lock file made on another system, or from archives, does not
// know the unpacked files. It returns the text unchanged if there is nothing to add. A lock
// file that knows none of the hashes is an error: engines would not notice, as they do not
// compare unpacked files with hashes of archives.
func (m *Mirror) Complete(text string) (string, error) {
	for address, p := range ParseLock(text) {
		if !m.shares(address) || !safe(p.Version) || len(p.Hashes) == 0 {
			continue
		}
		known, ok := m.known(address, p.Version)
		if !ok {
			continue
		}
		if !slices.ContainsFunc(p.Hashes, func(h string) bool { return slices.Contains(known.Hashes, h) }) {
			return text, fmt.Errorf("%w: %s %s has none of them", ErrChecksum, address, p.Version)
		}
		var more strings.Builder
		for _, hash := range known.Hashes {
			if !slices.Contains(p.Hashes, hash) {
				fmt.Fprintf(&more, "    %q,\n", hash)
			}
		}
		first := fmt.Sprintf("    %q,\n", p.Hashes[0])
		at := strings.Index(text, fmt.Sprintf("provider %q {", address))
		if i := strings.Index(text[at:], first); i >= 0 {
			text = text[:at+i] + more.String() + text[at+i:]
		}
	}
	return text, nil
}

// ErrChecksum is wrapped by errors about providers that are not those of a lock file.
var ErrChecksum = errors.New("the dependency lock file records checksums that the registry's provider does not have")

// remember keeps what the registry's signed list says about a provider of the mirror.
func (m *Mirror) remember(address string, p Locked) error {
	path := m.lockOf(address, p.Version)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // it is no secret
		return err
	}
	return os.WriteFile(path, []byte(Lock{address: p}.String()), 0o644) //nolint:gosec // it is no secret
}

func (m *Mirror) known(address, version string) (Locked, bool) {
	text, err := os.ReadFile(m.lockOf(address, version))
	if err != nil {
		return Locked{}, false
	}
	p, ok := ParseLock(string(text))[address]
	return p, ok
}

func (m *Mirror) lockOf(address, version string) string {
	return filepath.Join(m.locks(), filepath.FromSlash(address), version+".hcl")
}

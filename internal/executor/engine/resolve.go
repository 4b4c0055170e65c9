package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-version"
)

// list is what a mirror said when it was asked for its versions.
type list struct {
	versions []string
	at       time.Time
}

// Resolve returns the version that Get would return for want. Constraints and "latest"
// prefer the newest version; while the mirror does not answer, that of this machine.
// A version before a release counts only if the constraint names one.
func (s *Store) Resolve(ctx context.Context, p Product, want string) (string, error) {
	want = strings.TrimSpace(want)
	if v := strings.TrimPrefix(want, "v"); exact.MatchString(v) {
		return v, nil
	}
	fits, err := constraint(want)
	if err != nil {
		return "", err
	}
	known, listErr := s.Versions(ctx, p)
	if best := newest(known, fits); best != "" {
		return best, nil
	}
	if listErr != nil {
		return "", fmt.Errorf("engine: no version of %s on this machine fits %q, and its mirror failed: %w", p.Title(), want, listErr)
	}
	return "", fmt.Errorf("engine: no version of %s on this machine fits %q: %w%s", p.Title(), want, ErrNoVersion, s.brought(p))
}

// constraint returns the test that versions must pass.
func constraint(want string) (func(*version.Version) bool, error) {
	if want == "" || want == "latest" {
		return func(v *version.Version) bool { return v.Prerelease() == "" }, nil
	}
	c, err := version.NewConstraint(want)
	if err != nil {
		return nil, fmt.Errorf("engine: %q is neither a version nor a constraint such as \"~> 1.10\" nor \"latest\": %w", want, ErrNoVersion)
	}
	return c.Check, nil
}

// newest returns the greatest version that fits, "" if none does.
func newest(versions []string, fits func(*version.Version) bool) string {
	var best *version.Version
	for _, text := range versions {
		v, err := version.NewVersion(text)
		if err == nil && fits(v) && (best == nil || v.GreaterThan(best)) {
			best = v
		}
	}
	if best == nil {
		return ""
	}
	return best.Original()
}

// Versions returns all versions of a product that Get can return, newest first: those of
// this machine and those of the mirror. If the mirror fails, it returns the error and those
// it knows nevertheless.
func (s *Store) Versions(ctx context.Context, p Product) ([]string, error) {
	all := s.here(p)
	remote, err := s.remote(ctx, p)
	for _, v := range remote {
		if !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	slices.SortFunc(all, func(a, b string) int {
		return version.Must(version.NewVersion(b)).Compare(version.Must(version.NewVersion(a)))
	})
	return all, err
}

// here are the versions on this machine.
func (s *Store) here(p Product) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, e := range s.given {
		if e.Product == p && !slices.Contains(all, e.Version) {
			all = append(all, e.Version)
		}
	}
	entries, _ := os.ReadDir(filepath.Join(s.options.Dir, string(p))) // not there until something is fetched
	for _, e := range entries {
		v, found := strings.CutSuffix(e.Name(), "_"+s.options.OS+"_"+s.options.Arch)
		if found && isVersion(v) && !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return all
}

// remote are the versions of the mirror, as it said lately.
func (s *Store) remote(ctx context.Context, p Product) ([]string, error) {
	m, ok := s.options.Mirrors[p]
	if !ok {
		return nil, nil
	}
	unlock, err := s.lock(ctx, "versions of "+string(p))
	if err != nil {
		return nil, err
	}
	defer unlock()
	s.mu.Lock()
	last := s.lists[p]
	s.mu.Unlock()
	if !last.at.IsZero() && time.Since(last.at) < listAge {
		return last.versions, nil
	}
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	b, err := s.get(ctx, m.Versions, 16<<20)
	if err != nil {
		return last.versions, err
	}
	versions, err := parseList(b)
	if err != nil {
		return last.versions, fmt.Errorf("%s: %w", m.Versions, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lists[p] = list{versions: versions, at: time.Now()}
	return versions, nil
}

// isVersion says whether a name is that of a version. Not all that looks like one is: it may
// have a number that is too large, or an empty part.
func isVersion(name string) bool {
	_, err := version.NewVersion(name)
	return err == nil && exact.MatchString(name)
}

// parseList reads a list of versions in either form. Names that are no versions are left out.
func parseList(b []byte) ([]string, error) {
	var page struct{ Versions json.RawMessage }
	if err := json.Unmarshal(b, &page); err != nil {
		return nil, err
	}
	var names []string
	var array []struct{ ID string }
	var object map[string]json.RawMessage
	if err := json.Unmarshal(page.Versions, &array); err == nil {
		for _, v := range array {
			names = append(names, v.ID)
		}
	} else if err := json.Unmarshal(page.Versions, &object); err == nil {
		for name := range object {
			names = append(names, name)
		}
	} else {
		return nil, err
	}
	return slices.DeleteFunc(names, func(v string) bool { return !isVersion(v) }), nil
}

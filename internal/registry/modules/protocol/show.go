package protocol

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/registry/modules"
	"plumbline.dev/plumbline/internal/registry/modules/details"
)

// summary is a module in lists. What only modules of the public registry have is there
// and empty.
type summary struct {
	ID              string `json:"id"`
	Owner           string `json:"owner"`
	Namespace       string `json:"namespace"`
	Name            string `json:"name"`
	Version         string `json:"version"`
	Provider        string `json:"provider"`
	ProviderLogoURL string `json:"provider_logo_url"`
	Description     string `json:"description"`
	Source          string `json:"source"`
	Tag             string `json:"tag"`
	PublishedAt     string `json:"published_at"`
	Downloads       int    `json:"downloads"` // not counted
	Verified        bool   `json:"verified"`
}

func summaryOf(namespace, name, provider, version string, published db.Time) summary {
	return summary{ID: namespace + "/" + name + "/" + provider + "/" + version, Namespace: namespace, Name: name, Version: version, Provider: provider, PublishedAt: published.Wire()}
}

// detailed is all that is known of a version.
type detailed struct {
	summary
	Root        details.Part   `json:"root"`
	Submodules  []details.Part `json:"submodules"`
	Examples    []details.Part `json:"examples"`
	Providers   []string       `json:"providers"` // for which there is a module of this name
	Versions    []string       `json:"versions"`  // oldest first
	Deprecation *deprecation   `json:"deprecation"`
	Revocation  *revocation    `json:"revocation,omitempty"`
}

// release is a version of a module among its others.
type release struct {
	modules.Published
	all []modules.Release // oldest first
	modules.Release
}

// latest is show for the newest version.
func (f *Feature) latest(ctx context.Context, w http.ResponseWriter, req *http.Request, m modules.Published) error {
	r, err := f.release(ctx, m, m.Latest)
	if errors.Is(err, problem.NotFound) {
		return noVersion(m)
	}
	if err != nil {
		return err
	}
	return f.show(ctx, w, req, r)
}

func noVersion(m modules.Published) error {
	return &problem.Problem{Status: http.StatusNotFound, Title: "not found", Detail: "Module " + address(m) + " has no version that can be installed."}
}

func (f *Feature) findRelease(ctx context.Context, keys []string) (release, error) {
	m, err := f.find(ctx, keys)
	if err != nil {
		return release{}, err
	}
	return f.release(ctx, m, keys[3])
}

func (f *Feature) release(ctx context.Context, m modules.Published, version string) (release, error) {
	all, err := f.Modules.Releases(ctx, m.ID)
	if err != nil {
		return release{}, err
	}
	i := slices.IndexFunc(all, func(r modules.Release) bool { return r.Version == version })
	if i < 0 {
		return release{}, problem.NotFound
	}
	return release{m, all, all[i]}, nil
}

// show tells all that is known of a version.
func (f *Feature) show(ctx context.Context, w http.ResponseWriter, _ *http.Request, r release) error {
	known, err := f.Modules.Know(ctx, r.ID)
	if err != nil {
		return err
	}
	m, found := r.Published, known.Details.V
	providers, err := f.Modules.Providers(ctx, m.Module)
	if err != nil {
		return err
	}
	out := detailed{
		summary: summaryOf(m.Namespace(), m.Name, m.Provider, r.Version, known.CreatedAt),
		Root:    found.Root, Submodules: found.Submodules, Examples: found.Examples, Providers: providers, Versions: make([]string, len(r.all)),
		Deprecation: deprecationOf(r.Release), Revocation: revocationOf(r.Release),
	}
	for i, other := range r.all {
		out.Versions[i] = other.Version
	}
	return api.WriteJSON(w, http.StatusOK, "application/json", out)
}

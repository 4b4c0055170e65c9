// Package mirror is a network mirror of providers (Terraform and OpenTofu, "Provider Network
// Mirror Protocol"), with which runs and people behind a firewall install from one place. It
// fetches a provider from its own registry when somebody first asks, verifies it, keeps it,
// and from then on serves it even while that registry cannot be reached. It serves this
// server's private providers too.
//
// The surprising rule: it takes nothing that is not signed. Engines accept a provider whose
// registry names no key; here its versions are listed, and refused when they are asked for.
package mirror

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/kernel/safehttp"
	"plumbline.dev/plumbline/internal/registry/providers"
)

// Path is the base of the mirror; what engines are told ends with a slash.
const Path = "/api/registry/mirror/v1"

// Address names a provider of another registry, in lower case.
type Address struct{ Hostname, Namespace, Type string }

// String is the form of configurations, such as registry.opentofu.org/hashicorp/random.
func (a Address) String() string { return a.Hostname + "/" + a.Namespace + "/" + a.Type }

// Package is the verified archive of a provider.
type Package struct {
	ID       string  `db:"id"`
	Version  string  `db:"version,extra"`
	OS       string  `db:"os"`
	Arch     string  `db:"arch"`
	Filename string  `db:"filename"`
	SHA256   string  `db:"sha256"` // in hex
	Object   string  `db:"object"`
	Size     int64   `db:"size"` // in bytes
	Made     db.Time `db:"created_at"`

	VersionID string `db:"version_id"`
}

// Feature serves the mirror.
type Feature struct {
	DB        *db.DB
	Objects   *blob.Store
	Jobs      *jobs.Queue
	Providers *providers.Feature
	// Origins are the hosts of the registries that are mirrored.
	Origins []string
	// Documents fetches what registries say, Archives the providers themselves.
	Documents, Archives *safehttp.Client

	router  *api.Router
	flights flights
	bases   bases
}

// Routes adds the endpoints of this package to r, and its jobs to Jobs.
func (f *Feature) Routes(r *api.Router) {
	f.router = r
	f.work()
	r.Object(packageKind, api.ObjectKind{Get: f.servePackage})
	f.relayRoutes(r)
	m := r.At(Path)
	api.Handle(m, "GET /{hostname}/{namespace}/{type}/{document}", authz.SignedIn, api.Keys(find), f.serve, api.PlainErrors())
}

// document is what a path of the mirror names: the index of a provider, or a version.
type document struct {
	Address
	Version string // "" is the index
}

// Scope implements authz.Scoped: what other registries offer is the site's.
func (document) Scope() authz.Scope { return authz.Scope{} }

var (
	hosts  = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,252})(:[0-9]{1,5})?$`)
	parts  = regexp.MustCompile(`^[a-z0-9]([a-z0-9_-]{0,63})$`)
	semver = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+([+-][0-9A-Za-z.+-]{1,64})?$`)
)

// find reads a path: hostname, namespace, type, and "index.json" or a version with ".json".
func find(_ context.Context, path []string) (document, error) {
	d := document{Address: Address{strings.ToLower(path[0]), strings.ToLower(path[1]), strings.ToLower(path[2])}}
	name, ok := strings.CutSuffix(path[3], ".json")
	if !ok || !hosts.MatchString(d.Hostname) || !parts.MatchString(d.Namespace) || !parts.MatchString(d.Type) {
		return d, problem.NotFound
	}
	if name == "index" {
		return d, nil
	}
	d.Version = name
	if !semver.MatchString(name) {
		return d, problem.NotFound
	}
	return d, nil
}

// serve answers with a document of the mirror protocol.
func (f *Feature) serve(ctx context.Context, w http.ResponseWriter, req *http.Request, d document) error {
	var answer any
	var err error
	_, host, _ := strings.Cut(f.router.Address(req), "://")
	switch own := strings.EqualFold(d.Hostname, host); {
	case own:
		answer, err = f.private(ctx, d)
	case d.Version == "":
		answer, err = f.index(ctx, d.Address)
	default:
		answer, err = f.version(ctx, d.Address, d.Version)
	}
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, "application/json", answer)
}

type indexAnswer struct {
	Versions map[string]struct{} `json:"versions"`
}

type versionAnswer struct {
	Archives map[string]archive `json:"archives"` // by platform: linux_amd64
}

type archive struct {
	URL    string   `json:"url"`
	Hashes []string `json:"hashes"`
}

// private answers for the private providers of this server.
func (f *Feature) private(ctx context.Context, d document) (any, error) {
	p, err := f.Providers.Published(ctx, d.Namespace, d.Type)
	if err != nil {
		return nil, err
	}
	if err := authz.Check(ctx, authz.ReadRegistry, p); err != nil {
		return nil, err
	}
	releases, _, _, err := f.Providers.Releases(ctx, p)
	if err != nil {
		return nil, err
	}
	index, version := indexAnswer{map[string]struct{}{}}, versionAnswer{map[string]archive{}}
	for _, r := range releases {
		index.Versions[r.Version] = struct{}{}
		if r.Version == d.Version {
			version.Archives[r.OS+"_"+r.Arch] = archive{f.Providers.ArchiveURL(ctx, r), r.Hashes()}
		}
	}
	switch {
	case d.Version == "":
		return index, nil
	case len(version.Archives) == 0:
		return nil, problem.NotFound
	}
	return version, nil
}

// index lists the versions of a provider: those that its registry offers, or those that are
// here if it cannot be reached.
func (f *Feature) index(ctx context.Context, a Address) (indexAnswer, error) {
	versions, err := f.Versions(ctx, a)
	answer := indexAnswer{map[string]struct{}{}}
	for _, v := range versions {
		answer.Versions[v] = struct{}{}
	}
	return answer, err
}

// version lists the archives of a version, with the checksums that were signed.
func (f *Feature) version(ctx context.Context, a Address, version string) (versionAnswer, error) {
	v, err := f.verified(ctx, a, version)
	if err != nil {
		return versionAnswer{}, err
	}
	answer := versionAnswer{map[string]archive{}}
	for platform, file := range v.archives(a.Type) {
		answer.Archives[platform] = archive{
			URL:    f.router.Sign(ctx, http.MethodGet, packageKind, strings.Join([]string{a.Hostname, a.Namespace, a.Type, version, platform}, "/"), api.GetTTL),
			Hashes: []string{"zh:" + file.sum},
		}
	}
	return answer, nil
}

// checkOrigin refuses registries that the operator does not mirror.
func (f *Feature) checkOrigin(a Address) error {
	if slices.Contains(f.Origins, a.Hostname) {
		return nil
	}
	return &problem.Problem{Status: http.StatusNotFound, Title: "not found", Detail: fmt.Sprintf("This mirror has no providers of %s: it mirrors %s. The operator may add others with --mirror-origins.", a.Hostname, strings.Join(f.Origins, ", "))}
}

// unreachable reports that a registry failed, and that what was asked for is not here.
func unreachable(a Address, err error) error {
	return &problem.Problem{Status: http.StatusBadGateway, Title: "bad gateway", Detail: fmt.Sprintf("%s is not in the mirror yet, and its registry cannot give it: %v", a, err)}
}

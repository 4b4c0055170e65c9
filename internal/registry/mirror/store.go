package mirror

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/registry/providers"
)

const (
	packageKind = "mirror-package" // of signed addresses
	prefix      = "mirror/"        // of the keys of objects
	owner       = "site"           // whose keys encrypt what is public anyway
	// listingAge is how long the list of versions of a provider counts.
	listingAge = 5 * time.Minute
)

// provider is what the mirror knows of a provider.
type provider struct {
	ID        string           `db:"id"`
	Hostname  string           `db:"hostname"`
	Namespace string           `db:"namespace"`
	Type      string           `db:"type"`
	Listing   db.JSON[listing] `db:"listing"`
	ListedAt  db.Time          `db:"listed_at"`
}

// listing is the answer of a registry to the question for versions.
type listing struct {
	Versions []listed `json:"versions"`
}

type listed struct {
	Version   string `json:"version"`
	Platforms []struct {
		OS   string `json:"os"`
		Arch string `json:"arch"`
	} `json:"platforms"`
}

// verifiedVersion is a version whose checksums were signed.
type verifiedVersion struct {
	ID         string  `db:"id"`
	ProviderID string  `db:"provider_id"`
	Version    string  `db:"version"`
	Shasums    string  `db:"shasums"`
	KeyID      string  `db:"key_id"`
	VerifiedAt db.Time `db:"verified_at"`
}

type file struct{ name, sum string }

// archives are the files of the version by platform. Their names are those of every
// registry: terraform-provider-TYPE_VERSION_OS_ARCH.zip.
func (v verifiedVersion) archives(typ string) map[string]file {
	sums, err := providers.ParseShasums(v.Shasums)
	if err != nil {
		return nil
	}
	out := map[string]file{}
	for name, sum := range sums {
		platform, ok := strings.CutPrefix(name, "terraform-provider-"+typ+"_"+v.Version+"_")
		platform, zip := strings.CutSuffix(platform, ".zip")
		if ok && zip && strings.Count(platform, "_") == 1 {
			out[platform] = file{name, strings.ToLower(sum)}
		}
	}
	return out
}

// Versions returns the versions of a provider: all that its registry offers, or, if that
// cannot be reached, those of which an archive is here.
func (f *Feature) Versions(ctx context.Context, a Address) ([]string, error) {
	if err := f.checkOrigin(a); err != nil {
		return nil, err
	}
	p, err := f.listing(ctx, a)
	if errors.Is(err, problem.NotFound) {
		return nil, err
	}
	if err != nil {
		slog.WarnContext(ctx, "a registry cannot be reached; its mirror serves what is here", "provider", a.String(), "err", err)
		here, dbErr := db.All[string](ctx, f.DB, `SELECT DISTINCT v.version FROM mirror_versions v JOIN mirror_providers p ON p.id = v.provider_id
			JOIN mirror_packages k ON k.version_id = v.id WHERE p.hostname = ? AND p.namespace = ? AND p.type = ? ORDER BY v.version`, a.Hostname, a.Namespace, a.Type)
		if dbErr != nil || len(here) > 0 {
			return here, dbErr
		}
		return nil, unreachable(a, err)
	}
	var out []string
	for _, v := range p.Listing.V.Versions {
		if semver.MatchString(v.Version) {
			out = append(out, v.Version)
		}
	}
	return out, nil
}

// listing returns what the registry of a provider offers, as it said lately.
func (f *Feature) listing(ctx context.Context, a Address) (provider, error) {
	p, err := f.known(ctx, a)
	if err == nil && time.Since(p.ListedAt.Time) < listingAge {
		return p, nil
	}
	if err != nil && !errors.Is(err, problem.NotFound) {
		return p, err
	}
	fresh, err := f.fetchListing(ctx, a)
	if err != nil {
		return p, err
	}
	p = provider{ID: id.New("mirror"), Hostname: a.Hostname, Namespace: a.Namespace, Type: a.Type, ListedAt: db.Now()}
	p.Listing.V = fresh
	return db.One[provider](ctx, f.DB, `INSERT INTO mirror_providers (id, hostname, namespace, type, listing, listed_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (hostname, namespace, type) DO UPDATE SET listing = excluded.listing, listed_at = excluded.listed_at
		RETURNING id, hostname, namespace, type, listing, listed_at`, p.ID, p.Hostname, p.Namespace, p.Type, p.Listing, p.ListedAt)
}

func (f *Feature) known(ctx context.Context, a Address) (provider, error) {
	return db.One[provider](ctx, f.DB, `FROM mirror_providers WHERE hostname = ? AND namespace = ? AND type = ?`, a.Hostname, a.Namespace, a.Type)
}

// verified returns a version with checksums that its registry's key signed.
func (f *Feature) verified(ctx context.Context, a Address, version string) (verifiedVersion, error) {
	if err := f.checkOrigin(a); err != nil {
		return verifiedVersion{}, err
	}
	find := func() (verifiedVersion, error) {
		return db.One[verifiedVersion](ctx, f.DB, `SELECT {v} FROM mirror_versions v JOIN mirror_providers p ON p.id = v.provider_id
			WHERE p.hostname = ? AND p.namespace = ? AND p.type = ? AND v.version = ?`, a.Hostname, a.Namespace, a.Type, version)
	}
	v, err := find()
	if !errors.Is(err, problem.NotFound) {
		return v, err
	}
	done, err := f.flights.begin(ctx, a.String()+" "+version)
	if err != nil {
		return v, err
	}
	defer done()
	if v, err = find(); !errors.Is(err, problem.NotFound) {
		return v, err // another request was quicker
	}
	p, err := f.listing(ctx, a)
	if err != nil {
		return v, blame(a, err)
	}
	i := slices.IndexFunc(p.Listing.V.Versions, func(l listed) bool { return l.Version == version && len(l.Platforms) > 0 })
	if i < 0 {
		return v, problem.NotFound
	}
	platform := p.Listing.V.Versions[i].Platforms[0]
	v = verifiedVersion{ID: id.New("mirrorver"), ProviderID: p.ID, Version: version, VerifiedAt: db.Now()}
	if v.Shasums, v.KeyID, err = f.fetchShasums(ctx, a, version, platform.OS, platform.Arch); err != nil {
		return v, blame(a, err)
	}
	if err := f.DB.Insert(ctx, "mirror_versions", v); err != nil && !db.IsUnique(err) {
		return v, err
	}
	return find()
}

// blame keeps what a registry refused as it is, and else says that it cannot be reached.
func blame(a Address, err error) error {
	if _, ok := problem.From(err); ok {
		return err
	}
	return unreachable(a, err)
}

// Package returns the archive of a version for a platform. If it is not here yet, it is
// fetched from its registry and verified. problem.NotFound if there is none.
func (f *Feature) Package(ctx context.Context, a Address, version, os, arch string) (Package, error) {
	v, err := f.verified(ctx, a, version)
	if err != nil {
		return Package{}, err
	}
	want, ok := v.archives(a.Type)[os+"_"+arch]
	if !ok {
		return Package{}, problem.NotFound
	}
	find := func() (Package, error) {
		return db.One[Package](ctx, f.DB, `SELECT {k}, v.version AS version FROM mirror_packages k JOIN mirror_versions v ON v.id = k.version_id
			WHERE k.version_id = ? AND k.os = ? AND k.arch = ?`, v.ID, os, arch)
	}
	p, err := find()
	if !errors.Is(err, problem.NotFound) {
		return p, err
	}
	done, err := f.flights.begin(ctx, v.ID+" "+os+"_"+arch)
	if err != nil {
		return p, err
	}
	defer done()
	if p, err = find(); !errors.Is(err, problem.NotFound) {
		return p, err
	}
	obj, err := f.fetchArchive(ctx, a, version, os, arch, want)
	if err != nil {
		return p, blame(a, err)
	}
	p = Package{ID: id.New("mirrorpkg"), VersionID: v.ID, OS: os, Arch: arch, Filename: want.name, SHA256: want.sum, Object: obj.Key, Size: obj.Size, Made: db.Now()}
	if err := f.DB.Insert(ctx, "mirror_packages", p); err != nil {
		if !db.IsUnique(err) {
			return p, err
		}
		if err := f.Objects.Delete(context.WithoutCancel(ctx), obj.Key); err != nil { // another node was quicker
			return p, err
		}
	}
	return find()
}

// Open returns the content of an archive, a zip file.
func (f *Feature) Open(ctx context.Context, p Package) (io.ReadCloser, error) {
	return f.Objects.Get(ctx, owner, p.Object)
}

// store keeps an archive, if it has the checksum that was signed.
func (f *Feature) store(ctx context.Context, body io.Reader, want file) (blob.Object, error) {
	obj, err := f.Objects.Put(ctx, owner, prefix+id.New("obj"), body, providers.MaxBinary)
	if err != nil {
		return obj, err
	}
	if obj.SHA256 == want.sum {
		return obj, nil
	}
	if err := f.Objects.Delete(context.WithoutCancel(ctx), obj.Key); err != nil {
		return obj, err
	}
	return obj, problem.Unprocessable("%s was changed on its way: its checksum is %s, and %s was signed.", want.name, obj.SHA256, want.sum)
}

// servePackage sends an archive, which it may first have to fetch.
func (f *Feature) servePackage(ctx context.Context, w http.ResponseWriter, req *http.Request, name string) error {
	part := strings.Split(name, "/")
	if len(part) != 5 {
		return problem.NotFound
	}
	os, arch, _ := strings.Cut(part[4], "_")
	p, err := f.Package(ctx, Address{part[0], part[1], part[2]}, part[3], os, arch)
	if err != nil {
		return err
	}
	r, err := f.Open(ctx, p)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", `attachment; filename="`+p.Filename+`"`)
	h.Set("Content-Length", strconv.FormatInt(p.Size, 10))
	h.Set("ETag", `"`+p.SHA256+`"`)
	if req.Method == http.MethodHead {
		return nil
	}
	// A broken stream ends short of its Content-Length, which every client notices.
	if _, err := io.Copy(w, r); err != nil && req.Context().Err() == nil {
		slog.ErrorContext(ctx, "sending a provider failed", "package", p.ID, "err", err)
	}
	return nil
}

// work registers what is done in the background.
func (f *Feature) work() {
	f.Jobs.Every("sweep-mirror-objects", 24*time.Hour, f.SweepObjects, jobs.Timeout(2*time.Hour))
}

// SweepObjects removes objects that no package has, which are those of broken downloads.
func (f *Feature) SweepObjects(ctx context.Context) error {
	return f.Objects.Sweep(ctx, prefix, func(ctx context.Context, keys []string) ([]string, error) {
		return db.In[string](ctx, f.DB, `SELECT object FROM mirror_packages WHERE object IN (?)`, keys)
	})
}

// flights makes requests for the same thing wait for the first of them.
type flights struct {
	mu   sync.Mutex
	busy map[string]chan struct{}
}

// begin returns when nobody else does the thing called name; done must be called.
func (f *flights) begin(ctx context.Context, name string) (done func(), err error) {
	for {
		f.mu.Lock()
		wait, taken := f.busy[name]
		if !taken {
			if f.busy == nil {
				f.busy = map[string]chan struct{}{}
			}
			mine := make(chan struct{})
			f.busy[name] = mine
			f.mu.Unlock()
			return func() {
				f.mu.Lock()
				delete(f.busy, name)
				f.mu.Unlock()
				close(mine)
			}, nil
		}
		f.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

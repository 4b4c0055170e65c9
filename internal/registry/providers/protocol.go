package providers

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/registry/gpgkeys"
)

// ProtocolPath is where engines find the provider registry protocol, "providers.v1" of
// discovery.
const ProtocolPath = "/api/registry/v1/providers"

// protocol serves the provider registry protocol (Terraform, "Provider Registry Protocol").
// Only versions that are signed by a key of the organization are offered.
func (f *Feature) protocol(r *api.Router) {
	plain := api.PlainErrors()
	api.Handle(r, "GET /{namespace}/{type}/versions", authz.ReadRegistry, api.Both(f.Published), f.serveVersions, plain)
	api.Handle(r, "GET /{namespace}/{type}/{version}/download/{os}/{arch}", authz.ReadRegistry, api.Keys(f.findInstallation), f.serveDownload, plain)
}

// Published returns the private provider of that type in the organization that the namespace
// names.
func (f *Feature) Published(ctx context.Context, namespace, typ string) (Provider, error) {
	return f.find(ctx, []string{namespace, Private, namespace, typ})
}

// ArchiveURL is an address at which the archive can be downloaded without a token.
func (f *Feature) ArchiveURL(ctx context.Context, r Release) string {
	return f.router.Sign(ctx, http.MethodGet, binaryKind, r.ID, api.GetTTL)
}

// Release is the archive of a signed version for one platform, with all that a client needs
// to install it.
type Release struct {
	ID        string            `db:"id"` // of the platform
	OrgID     string            `db:"org_id"`
	VersionID string            `db:"version_id"`
	OS        string            `db:"os"`
	Arch      string            `db:"arch"`
	Filename  string            `db:"filename"`
	Shasum    string            `db:"shasum"` // SHA-256 of the archive in hex
	Object    string            `db:"object"`
	Size      int64             `db:"size"` // of the archive in bytes
	H1        string            `db:"h1"`   // "" if it is not known yet
	Version   string            `db:"version,extra"`
	KeyID     string            `db:"key_id,extra"`
	Protocols db.JSON[[]string] `db:"protocols,extra"`
}

// Hashes are those that lock files hold: of the archive and of what is in it.
func (r Release) Hashes() []string {
	hashes := []string{"zh:" + strings.ToLower(r.Shasum)}
	if r.H1 != "" {
		hashes = append(hashes, r.H1)
	}
	return hashes
}

// Releases returns the archives of a private provider that engines can install, the newest
// version first, with the keys that signed them by upper-case key id. What was signed with a
// key that the organization has no more is in withdrawn, once for each version.
func (f *Feature) Releases(ctx context.Context, p Provider) (offered, withdrawn []Release, keys map[string]gpgkeys.Key, err error) {
	all, err := db.All[Release](ctx, f.DB, `SELECT {t}, v.version AS version, v.key_id AS key_id, v.protocols AS protocols
		FROM registry_provider_platforms t JOIN registry_provider_versions v ON v.id = t.version_id
		WHERE v.provider_id = ? AND v.shasums IS NOT NULL AND v.signature IS NOT NULL AND t.object <> ''
		ORDER BY v.created_at DESC, v.id, t.os, t.arch`, p.ID)
	if err != nil || len(all) == 0 {
		return nil, nil, nil, err
	}
	var ids []string
	for _, r := range all {
		if k := strings.ToUpper(r.KeyID); !slices.Contains(ids, k) {
			ids = append(ids, k)
		}
	}
	found, err := f.Keys.Of(ctx, p.OrgID, ids)
	if err != nil {
		return nil, nil, nil, err
	}
	keys = map[string]gpgkeys.Key{}
	for _, k := range found {
		keys[k.KeyID] = k
	}
	for _, r := range all {
		_, known := keys[strings.ToUpper(r.KeyID)]
		switch n := len(withdrawn); {
		case known:
			offered = append(offered, r)
		case n == 0 || withdrawn[n-1].VersionID != r.VersionID:
			withdrawn = append(withdrawn, r)
		}
	}
	return offered, withdrawn, keys, nil
}

type versionsAnswer struct {
	Versions []offeredVersion `json:"versions"`
	Warnings []string         `json:"warnings"` // engines show them
}

type offeredVersion struct {
	Version   string   `json:"version"`
	Protocols []string `json:"protocols"`
	Platforms []system `json:"platforms"`
}

type system struct {
	OS   string `json:"os"`
	Arch string `json:"arch"`
}

// serveVersions lists the versions that can be installed.
func (f *Feature) serveVersions(ctx context.Context, w http.ResponseWriter, _ *http.Request, p Provider) error {
	releases, withdrawn, _, err := f.Releases(ctx, p)
	if err != nil {
		return err
	}
	answer := versionsAnswer{Versions: []offeredVersion{}}
	for i, r := range releases {
		if i == 0 || releases[i-1].VersionID != r.VersionID {
			answer.Versions = append(answer.Versions, offeredVersion{Version: r.Version, Protocols: jsonapi.List(r.Protocols.V)})
		}
		last := &answer.Versions[len(answer.Versions)-1]
		last.Platforms = append(last.Platforms, system{r.OS, r.Arch})
	}
	for _, r := range withdrawn {
		answer.Warnings = append(answer.Warnings, withdrawnText(p, r))
	}
	return api.WriteJSON(w, http.StatusOK, "application/json", answer)
}

func withdrawnText(p Provider, r Release) string {
	return fmt.Sprintf("Version %s of %s/%s cannot be installed: it was signed with GPG key %s, which is no longer among the keys of %s.", r.Version, p.OrgName, p.Name, r.KeyID, p.OrgName)
}

type downloadAnswer struct {
	Protocols    []string          `json:"protocols"`
	OS           string            `json:"os"`
	Arch         string            `json:"arch"`
	Filename     string            `json:"filename"`
	DownloadURL  string            `json:"download_url"`
	ShasumsURL   string            `json:"shasums_url"`
	SignatureURL string            `json:"shasums_signature_url"`
	Shasum       string            `json:"shasum"`
	SigningKeys  signingKeys       `json:"signing_keys"`
	Packages     map[string]packed `json:"packages"` // OpenTofu locks all platforms with them
}

type signingKeys struct {
	GPG []publicKey `json:"gpg_public_keys"`
}

type publicKey struct {
	KeyID          string  `json:"key_id"`
	ASCIIArmor     string  `json:"ascii_armor"`
	TrustSignature string  `json:"trust_signature"`
	Source         string  `json:"source"`
	SourceURL      *string `json:"source_url"`
}

type packed struct {
	Hashes []string `json:"hashes"`
	Size   int64    `json:"package_size"`
}

// installation is an archive that an engine is about to install.
type installation struct {
	Provider
	release  Release
	key      gpgkeys.Key
	packages map[string]packed // of all platforms of the version
}

// findInstallation returns what a path of the protocol names: namespace, type, version, os,
// arch.
func (f *Feature) findInstallation(ctx context.Context, path []string) (installation, error) {
	p, err := f.Published(ctx, path[0], path[1])
	if err != nil {
		return installation{}, err
	}
	version, os, arch := path[2], path[3], path[4]
	releases, withdrawn, keys, err := f.Releases(ctx, p)
	if err != nil {
		return installation{}, err
	}
	for _, r := range withdrawn {
		if r.Version == version && authz.Can(ctx, authz.ReadRegistry, p.Scope()) {
			return installation{}, &problem.Problem{Status: http.StatusNotFound, Title: "not found", Detail: withdrawnText(p, r)}
		}
	}
	in := installation{Provider: p, packages: map[string]packed{}}
	for _, r := range releases {
		if r.Version != version {
			continue
		}
		in.packages[r.OS+"_"+r.Arch] = packed{r.Hashes(), r.Size}
		if r.OS == os && r.Arch == arch {
			in.release, in.key = r, keys[strings.ToUpper(r.KeyID)]
		}
	}
	if in.release.ID == "" {
		return in, problem.NotFound
	}
	return in, nil
}

// serveDownload says where a version is for one platform, and how to verify it. The
// addresses are signed, for engines fetch them without a token.
func (f *Feature) serveDownload(ctx context.Context, w http.ResponseWriter, _ *http.Request, in installation) error {
	r := in.release
	return api.WriteJSON(w, http.StatusOK, "application/json", downloadAnswer{
		Protocols: jsonapi.List(r.Protocols.V), OS: r.OS, Arch: r.Arch, Filename: r.Filename, Shasum: strings.ToLower(r.Shasum), Packages: in.packages,
		DownloadURL:  f.ArchiveURL(ctx, r),
		ShasumsURL:   f.router.Sign(ctx, http.MethodGet, shasumsKind, r.VersionID, api.GetTTL),
		SignatureURL: f.router.Sign(ctx, http.MethodGet, signatureKind, r.VersionID, api.GetTTL),
		SigningKeys:  signingKeys{GPG: []publicKey{{KeyID: in.key.KeyID, ASCIIArmor: in.key.ASCIIArmor}}},
	})
}

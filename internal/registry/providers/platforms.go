package providers

import (
	"context"
	"regexp"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Platform is the archive of a version for one operating system and architecture.
type Platform struct {
	ID        string  `db:"id"`
	OrgID     string  `db:"org_id"`
	VersionID string  `db:"version_id"`
	OS        string  `db:"os"`
	Arch      string  `db:"arch"`
	Filename  string  `db:"filename"`
	Shasum    string  `db:"shasum"` // SHA-256 of the archive in hex, as the client named it
	Object    string  `db:"object"` // "" until the archive is uploaded
	Size      int64   `db:"size"`   // of the archive in bytes
	H1        string  `db:"h1"`     // "h1:" hash of what is in it; "" until a job has made it
	CreatedAt db.Time `db:"created_at"`
}

// Scope implements authz.Scoped.
func (p Platform) Scope() authz.Scope { return authz.Scope{Org: p.OrgID} }

func (f *Feature) platformRoutes(r *api.Router, all string) {
	const one = "/{os}/{arch}"
	api.Type(r, "registry-provider-platforms", authz.ReadRegistry, f.platformsByIDs, f.viewPlatform)
	api.List(r, all, authz.ReadRegistry, api.Keys(f.findVersion), f.listPlatforms)
	// The sample of the page calls the type otherwise than its table.
	api.Create(r, all, authz.ManageProviders, api.Keys(f.findVersion), f.createPlatform, api.Accepts("registry-provider-version-platforms"))
	api.Read(r, all+one, authz.ReadRegistry, api.Keys(f.findPlatform))
	api.Delete(r, all+one, authz.ManageProviders, api.Keys(f.findPlatform), f.deletePlatform)
}

func (f *Feature) viewPlatform(ctx context.Context, p Platform) jsonapi.Resource {
	manages, links := authz.Can(ctx, authz.ManageProviders, p.Scope()), map[string]any{}
	f.assetLink(ctx, links, "provider-binary", binaryKind, p.ID, p.Object != "", manages)
	return jsonapi.Resource{
		Type: "registry-provider-platforms", ID: p.ID, Links: links,
		Attributes: platformAttributes{OS: p.OS, Arch: p.Arch, Filename: p.Filename, Shasum: p.Shasum,
			Permissions: assetPermissions{manages, manages}, BinaryUploaded: p.Object != ""},
		Relationships: jsonapi.Relationships{"registry-provider-version": jsonapi.ToOne("registry-provider-versions", p.VersionID)},
	}
}

type platformAttributes struct {
	OS             string           `json:"os"`
	Arch           string           `json:"arch"`
	Filename       string           `json:"filename"`
	Shasum         string           `json:"shasum"`
	Permissions    assetPermissions `json:"permissions"`
	BinaryUploaded bool             `json:"provider-binary-uploaded"`
}

// platformRequest are the attributes that clients send.
type platformRequest struct {
	OS       jsonapi.Opt[string] `json:"os"`
	Arch     jsonapi.Opt[string] `json:"arch"`
	Filename jsonapi.Opt[string] `json:"filename"`
	Shasum   jsonapi.Opt[string] `json:"shasum"`
}

func (f *Feature) listPlatforms(ctx context.Context, v Version, q api.Query) (api.Page[Platform], error) {
	return api.Select[Platform](ctx, f.DB, q, `FROM registry_provider_platforms WHERE version_id = ? ORDER BY os, arch`, v.ID)
}

var (
	systems   = regexp.MustCompile(`^[A-Za-z0-9_]{1,64}$`)
	filenames = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,254}$`)
	sums      = regexp.MustCompile(`^[0-9A-Za-z]{1,128}$`)
)

func (f *Feature) createPlatform(ctx context.Context, v Version, in jsonapi.In[platformRequest]) (Platform, error) {
	a := in.Data.Attributes
	p := Platform{ID: id.New("provpltfrm"), OrgID: v.OrgID, VersionID: v.ID, OS: a.OS.V, Arch: a.Arch.V, Filename: a.Filename.V, Shasum: a.Shasum.V, CreatedAt: db.Now()}
	if err := problem.All(
		fits(systems, "os", "OS", p.OS, "linux"), fits(systems, "arch", "Arch", p.Arch, "amd64"),
		fits(sums, "shasum", "Shasum", p.Shasum, "the 64 hex digits that sha256sum prints"),
		fits(filenames, "filename", "Filename", p.Filename, "terraform-provider-aws_3.1.1_linux_amd64.zip"),
	); err != nil {
		return p, err
	}
	s, err := f.lockSigning(ctx, v.ID)
	if err != nil {
		return p, err
	}
	if err := s.match(p); err != nil {
		return p, err
	}
	err = f.DB.Insert(ctx, "registry_provider_platforms", p)
	if db.IsUnique(err) {
		return p, problem.Invalid("os", "The version has a platform %s/%s already", p.OS, p.Arch)
	}
	return p, err
}

func fits(pattern *regexp.Regexp, attribute, title, value, example string) *problem.Problem {
	switch {
	case value == "":
		return problem.Invalid(attribute, "%s can't be blank", title)
	case !pattern.MatchString(value):
		return problem.Invalid(attribute, "%s is not valid: it should be like %s", title, example)
	}
	return nil
}

func (f *Feature) deletePlatform(ctx context.Context, p Platform) error {
	if err := f.forget(ctx, `SELECT object FROM registry_provider_platforms WHERE object <> '' AND id = ?`, p.ID); err != nil {
		return err
	}
	return f.DB.Delete(ctx, "registry_provider_platforms", p.ID)
}

// findPlatform returns the platform that a path names: the version's five parts, os, arch.
func (f *Feature) findPlatform(ctx context.Context, path []string) (Platform, error) {
	v, err := f.findVersion(ctx, path)
	if err != nil {
		return Platform{}, err
	}
	return db.One[Platform](ctx, f.DB, `FROM registry_provider_platforms WHERE version_id = ? AND os = ? AND arch = ?`, v.ID, path[5], path[6])
}

func (f *Feature) platformsByIDs(ctx context.Context, ids []string) ([]Platform, error) {
	return db.In[Platform](ctx, f.DB, `FROM registry_provider_platforms WHERE id IN (?)`, ids)
}

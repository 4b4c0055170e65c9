package components

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"

	goversion "github.com/hashicorp/go-version"

	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/registry/components/tfcomponent"
)

// Status is how far a version is.
type Status string

// A version is pending until its files were read.
const (
	Pending   Status = "pending"
	Completed Status = "completed"
	Errored   Status = "errored"
)

// Version is a version of a component configuration.
type Version struct {
	ID          string                             `db:"id"`
	OrgID       string                             `db:"org_id"`
	ComponentID string                             `db:"component_id"`
	Version     string                             `db:"version"` // such as 1.2.3
	Status      Status                             `db:"status"`
	Error       string                             `db:"error"` // "" if there is none
	Details     db.JSON[tfcomponent.Configuration] `db:"details"`
	Object      string                             `db:"object"` // key of the archive, "" until it is uploaded
	SHA256      string                             `db:"sha256"` // of the archive in hex
	PublishedAt *db.Time                           `db:"published_at"`
	CreatedAt   db.Time                            `db:"created_at"`
}

// Scope implements authz.Scoped.
func (v Version) Scope() authz.Scope { return authz.Scope{Org: v.OrgID} }

// description is the first paragraph of the README that is no heading.
func (v Version) description() *string {
	for part := range strings.SplitSeq(strings.ReplaceAll(v.Details.V.Readme, "\r\n", "\n"), "\n\n") {
		if part = strings.Join(strings.Fields(part), " "); part != "" && !strings.HasPrefix(part, "#") {
			part = part[:min(len(part), 500)]
			part = strings.ToValidUTF8(part, "")
			return &part
		}
	}
	return nil
}

func (f *Feature) versionRoutes(r *api.Router, all string) {
	const one = "/{version}"
	api.Type(r, "registry-component-versions", authz.ReadRegistry, f.versionsByIDs, f.viewVersion)
	api.List(r, all, authz.ReadRegistry, f.Find, f.listVersions)
	api.Create(r, all, authz.ManageComponents, f.Find, f.createVersion)
	api.Read(r, all+one, authz.ReadRegistry, api.Both(f.findVersion))
	api.Delete(r, all+one, authz.ManageComponents, api.Both(f.findVersion), f.deleteVersion)
	for _, part := range parts {
		api.Handle(r, "GET "+all+one+"/"+part, authz.ReadRegistry, api.Keys(f.versionOf), f.serveParts(part))
	}
}

// parts are what a version's relationships lead to.
var parts = []string{"resources", "variables", "outputs", "providers", "subcomponents"}

// viewVersion is a version as clients see it.
func (f *Feature) viewVersion(ctx context.Context, v Version) jsonapi.Resource {
	component := "/api/v2/registry-components/" + v.ComponentID
	self := component + "/versions/" + v.Version
	links := jsonapi.Self(self)
	if v.Status != Completed && authz.Can(ctx, authz.ManageComponents, v.Scope()) {
		links["upload"] = f.router.Sign(ctx, http.MethodPut, objectKind, v.ID, api.PutTTL)
	}
	res := jsonapi.Resource{
		Type: "registry-component-versions", ID: v.ID, Links: links,
		Attributes: versionAttributes{Source: "api", Status: v.Status, Version: v.Version, Readme: db.Null(v.Details.V.Readme), Description: v.description(),
			PublishedAt: v.PublishedAt, Error: db.Null(v.Error)},
		Relationships: jsonapi.Relationships{"registry-component": jsonapi.Related(component)},
	}
	for _, part := range parts {
		res.Relationships[part] = jsonapi.Related(self + "/" + part)
	}
	return res
}

type versionAttributes struct {
	Source      string   `json:"source"`
	Status      Status   `json:"status"`
	Version     string   `json:"version"`
	Readme      *string  `json:"readme"`
	Description *string  `json:"description"`
	PublishedAt *db.Time `json:"published-at"`
	Error       *string  `json:"error-message"`
	SourceURL   *string  `json:"source-url"` // of versions from a VCS
}

// serveParts lists what a version has of a kind. A component configuration has no resources
// of its own: they are in the modules of its components.
func (f *Feature) serveParts(kind string) func(context.Context, http.ResponseWriter, *http.Request, Version) error {
	return func(_ context.Context, w http.ResponseWriter, _ *http.Request, v Version) error {
		list := []jsonapi.Resource{}
		add := func(name string, attributes any) {
			list = append(list, jsonapi.Resource{Type: "registry-component-version-" + kind, ID: v.ID + "-" + name, Attributes: attributes})
		}
		switch c := v.Details.V; kind {
		case "variables":
			for _, x := range c.Variables {
				add(x.Name, x)
			}
		case "outputs":
			for _, x := range c.Outputs {
				add(x.Name, x)
			}
		case "providers":
			for _, x := range c.Providers {
				add(x.Name, x)
			}
		case "subcomponents":
			for _, x := range c.Subcomponents {
				add(x.Kind+"-"+x.Name, x)
			}
		}
		return api.WriteJSON(w, http.StatusOK, jsonapi.MediaType, jsonapi.Document{Data: list})
	}
}

// versionRequest are the attributes that clients send.
type versionRequest struct {
	Version jsonapi.Opt[string] `json:"version"`
}

// semver is Semantic Versioning 2.0.0.
var semver = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$`)

func (f *Feature) createVersion(ctx context.Context, c Component, in jsonapi.In[versionRequest]) (Version, error) {
	v := Version{ID: id.New("compver"), OrgID: c.OrgID, ComponentID: c.ID, Version: in.Data.Attributes.Version.V, Status: Pending, CreatedAt: db.Now()}
	switch {
	case v.Version == "":
		return v, problem.Invalid("version", "Version can't be blank")
	case len(v.Version) > 128 || !semver.MatchString(v.Version):
		return v, problem.Invalid("version", "Version is not a valid semantic version such as 1.2.3 or 1.2.3-beta1")
	}
	err := f.DB.Insert(ctx, "registry_component_versions", v)
	if db.IsUnique(err) {
		return v, problem.Invalid("version", "Version has already been taken")
	}
	if db.IsForeign(err) {
		return v, problem.NotFound // the component configuration has just been deleted
	}
	if err != nil {
		return v, err
	}
	return v, f.touch(ctx, c.ID)
}

// touch notes that a component configuration has changed.
func (f *Feature) touch(ctx context.Context, componentID string) error {
	if _, err := f.DB.Exec(ctx, `UPDATE registry_components SET updated_at = ? WHERE id = ?`, db.Now(), componentID); err != nil {
		return err
	}
	org, err := db.All[string](ctx, f.DB, `SELECT org_id FROM registry_components WHERE id = ?`, componentID)
	if err != nil || len(org) == 0 {
		return err
	}
	changes.Tell(ctx, f.Bus, authz.Scope{Org: org[0]}, "registry-components", componentID)
	return nil
}

func (f *Feature) deleteVersion(ctx context.Context, v Version) error {
	if err := f.forget(ctx, `SELECT object FROM registry_component_versions WHERE object <> '' AND id = ?`, v.ID); err != nil {
		return err
	}
	if err := f.DB.Delete(ctx, "registry_component_versions", v.ID); err != nil {
		return err
	}
	return f.touch(ctx, v.ComponentID)
}

// listVersions gives the newest version first.
func (f *Feature) listVersions(_ context.Context, c Component, q api.Query) (api.Page[Version], error) {
	all := c.Versions
	from := min(q.Offset(), len(all))
	return api.Page[Version]{Items: all[from:min(from+q.Size, len(all))], Total: len(all)}, nil
}

func (f *Feature) findVersion(ctx context.Context, componentID, version string) (Version, error) {
	return db.One[Version](ctx, f.DB, `FROM registry_component_versions WHERE component_id = ? AND version = ?`, componentID, version)
}

func (f *Feature) versionOf(ctx context.Context, path []string) (Version, error) {
	return f.findVersion(ctx, path[0], path[1])
}

func (f *Feature) versionsByIDs(ctx context.Context, ids []string) ([]Version, error) {
	return db.In[Version](ctx, f.DB, `FROM registry_component_versions WHERE id IN (?)`, ids)
}

// loadVersions sets the versions, the newest first, with one statement for all.
func (f *Feature) loadVersions(ctx context.Context, list []Component) error {
	ids := make([]string, len(list))
	for i, c := range list {
		ids[i] = c.ID
	}
	versions, err := db.In[Version](ctx, f.DB, `FROM registry_component_versions WHERE component_id IN (?)`, ids)
	if err != nil {
		return err
	}
	slices.SortFunc(versions, func(a, b Version) int { return compare(b.Version, a.Version) })
	for i := range list {
		for _, v := range versions {
			if v.ComponentID == list[i].ID {
				list[i].Versions = append(list[i].Versions, v)
			}
		}
	}
	return nil
}

// compare orders versions by precedence.
func compare(a, b string) int {
	x, errX := goversion.NewSemver(a)
	y, errY := goversion.NewSemver(b)
	if errX != nil || errY != nil {
		return strings.Compare(a, b)
	}
	if c := x.Compare(y); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

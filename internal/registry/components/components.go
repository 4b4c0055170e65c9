// Package components keeps Stack component configurations: stacks that teams share in the
// private registry, for others to embed (private-registry_stack-component-configurations.md).
//
// The surprising rule: a component configuration has no status of its own. It is completed as
// soon as one of its versions is; what a version's files say is read by a job after the
// upload, and a file that no engine could read makes that version errored and says why.
package components

import (
	"context"
	"regexp"
	"strings"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/tags"
)

// Component is a Stack component configuration.
type Component struct {
	ID        string  `db:"id"`
	OrgID     string  `db:"org_id"`
	Name      string  `db:"name"`
	NameLower string  `db:"name_lower"`
	CreatedAt db.Time `db:"created_at"`
	UpdatedAt db.Time `db:"updated_at"`

	OrgName  string `db:"org_name,extra"`
	Versions []Version
}

// Scope implements authz.Scoped.
func (c Component) Scope() authz.Scope { return authz.Scope{Org: c.OrgID} }

func (c Component) path() string { return "/api/v2/registry-components/" + c.ID }

// Feature serves component configurations.
type Feature struct {
	DB      *db.DB
	Bus     *events.Bus // hears of versions that become ready
	Objects *blob.Store
	Jobs    *jobs.Queue
	Orgs    *orgs.Feature

	router   *api.Router
	removals jobs.Removals // of objects
}

// Routes adds the endpoints of this package to r, and its jobs to Jobs.
func (f *Feature) Routes(r *api.Router) {
	const all, one = "/organizations/{organization}/registry-components", "/registry-components/{id}"
	f.router = r
	f.work()
	r.Object(objectKind, api.ObjectKind{Put: f.put})
	api.Type(r, "registry-components", authz.ReadRegistry, f.byIDs, view)
	api.List(r, all, authz.ReadRegistry, f.Orgs.ByName, f.list)
	api.Create(r, all, authz.ManageComponents, f.Orgs.ByName, f.create)
	api.Read(r, one, authz.ReadRegistry, f.Find)
	api.Update(r, one, authz.ManageComponents, f.Find, f.update)
	api.Delete(r, one, authz.ManageComponents, f.Find, f.delete)
	api.List(r, one+"/tag-bindings", authz.ReadRegistry, f.Find, f.tagsOf)
	f.versionRoutes(r, one+"/versions")
}

// view is a component configuration as clients see it.
func view(_ context.Context, c Component) jsonapi.Resource {
	a := attributes{Name: c.Name, Namespace: c.OrgName, Status: Pending, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt, VersionStatuses: []versionStatus{}, Providers: []provider{}}
	var latest *Version
	for i, v := range c.Versions {
		a.VersionStatuses = append(a.VersionStatuses, versionStatus{v.Version, v.Status})
		if latest == nil && v.Status == Completed {
			latest = &c.Versions[i] // they are sorted
		}
	}
	switch {
	case latest != nil:
		a.Status, a.Latest, a.PublishedAt = Completed, &latest.Version, latest.PublishedAt
		a.Description = latest.description()
		for _, p := range latest.Details.V.Providers {
			a.Providers = append(a.Providers, provider{p.Name, p.Namespace, p.Source})
		}
	case len(c.Versions) > 0:
		a.Status = c.Versions[0].Status
	}
	return jsonapi.Resource{
		Type: "registry-components", ID: c.ID, Attributes: a, Links: jsonapi.Self(c.path()),
		Relationships: jsonapi.Relationships{
			"organization":                jsonapi.ToOne("organizations", c.OrgName),
			"registry-component-versions": jsonapi.Related(c.path() + "/versions"),
		},
	}
}

type attributes struct {
	Name            string          `json:"name"`
	Namespace       string          `json:"namespace"`
	Description     *string         `json:"description"`
	Status          Status          `json:"status"`
	CreatedAt       db.Time         `json:"created-at"`
	UpdatedAt       db.Time         `json:"updated-at"`
	Latest          *string         `json:"latest-version"`
	PublishedAt     *db.Time        `json:"published-at"`
	Providers       []provider      `json:"providers"`
	VersionStatuses []versionStatus `json:"version-statuses"`
	VCSRepo         *struct{}       `json:"vcs-repo"` // always null: there are no VCS connections yet
}

type versionStatus struct {
	Version string `json:"version"`
	Status  Status `json:"status"`
}

type provider struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	Source    string `json:"source"`
}

// request are the attributes that clients send.
type request struct {
	Name    jsonapi.Opt[string]         `json:"name"`
	VCSRepo jsonapi.Opt[map[string]any] `json:"vcs-repo"`
}

func (f *Feature) list(ctx context.Context, org orgs.Org, q api.Query) (api.Page[Component], error) {
	query, args := selectComponents+`c.org_id = ?`, []any{org.ID}
	if like := q.Like("q"); like != "" {
		query, args = query+` AND (c.name_lower LIKE ? ESCAPE '\' OR o.name_lower LIKE ? ESCAPE '\')`, append(args, like, like)
	}
	page, err := api.Select[Component](ctx, f.DB, q, query+` ORDER BY c.name_lower`, args...)
	if err == nil {
		err = f.loadVersions(ctx, page.Items)
	}
	return page, err
}

// maxName is in characters.
const maxName = 64

var names = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?$`)

func (f *Feature) create(ctx context.Context, org orgs.Org, in jsonapi.In[request]) (Component, error) {
	a := in.Data.Attributes
	c := Component{ID: id.New("comp"), OrgID: org.ID, OrgName: org.Name, Name: a.Name.V, NameLower: strings.ToLower(a.Name.V), CreatedAt: db.Now()}
	c.UpdatedAt = c.CreatedAt
	switch {
	case a.VCSRepo.Set && !a.VCSRepo.Null:
		return c, problem.Invalid("vcs-repo", "There are no VCS connections on this server: create the component configuration without, and upload its versions")
	case c.Name == "":
		return c, problem.Invalid("name", "Name can't be blank")
	case len(c.Name) > maxName:
		return c, problem.Invalid("name", "Name is too long (maximum is %d characters)", maxName)
	case !names.MatchString(c.Name):
		return c, problem.Invalid("name", "Name may have letters, digits, dashes and underscores only, and begins and ends with a letter or digit")
	}
	err := f.DB.Insert(ctx, "registry_components", c)
	if db.IsUnique(err) {
		return c, problem.Invalid("name", "Name has already been taken")
	}
	return c, err
}

// update changes the tag bindings: nothing else of a component configuration can be changed
// (go-tfe, RegistryComponents).
func (f *Feature) update(ctx context.Context, c Component, in jsonapi.In[struct{}]) (Component, error) {
	bindings, named := in.Data.Many("tag-bindings")
	if !named {
		return c, nil
	}
	if err := f.tags().Set(ctx, c.ID, bindings); err != nil {
		return c, err
	}
	if err := f.touch(ctx, c.ID); err != nil {
		return c, err
	}
	return f.Find(ctx, c.ID)
}

// tags are the tag bindings of component configurations.
func (f *Feature) tags() tags.Own {
	return tags.Own{DB: f.DB, Table: "registry_component_tags", Owner: "component_id", Noun: "component configuration"}
}

func (f *Feature) tagsOf(ctx context.Context, c Component, q api.Query) (api.Page[tags.Binding], error) {
	return f.tags().List(ctx, c.ID, c.OrgID, q)
}

func (f *Feature) delete(ctx context.Context, c Component) error {
	if err := f.forget(ctx, `SELECT object FROM registry_component_versions WHERE object <> '' AND component_id = ?`, c.ID); err != nil {
		return err
	}
	return f.DB.Delete(ctx, "registry_components", c.ID)
}

const selectComponents = `SELECT {c}, o.name AS org_name FROM registry_components c JOIN organizations o ON o.id = c.org_id WHERE `

// Find returns the component configuration with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Component, error) {
	return db.First(f.byIDs(ctx, []string{id}))
}

func (f *Feature) byIDs(ctx context.Context, ids []string) ([]Component, error) {
	list, err := db.In[Component](ctx, f.DB, selectComponents+`c.id IN (?)`, ids)
	if err == nil {
		err = f.loadVersions(ctx, list)
	}
	return list, err
}

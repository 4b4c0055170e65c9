// Package projects keeps projects, which group the workspaces of an organization.
// Every organization has one default project, which takes the workspaces that name
// none and cannot be deleted.
package projects

import (
	"context"
	"strings"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/tags"
)

// DefaultName is the name of a new organization's default project.
const DefaultName = "Default Project"

// Project is a group of workspaces.
type Project struct {
	ID                          string  `db:"id"`
	OrgID                       string  `db:"org_id"`
	Name                        string  `db:"name"`
	NameLower                   string  `db:"name_lower"`
	Description                 string  `db:"description"`
	IsDefault                   bool    `db:"is_default"`
	DefaultExecutionMode        string  `db:"default_execution_mode"` // remote, local, agent; "" is the organization's
	DefaultAgentPoolID          *string `db:"default_agent_pool_id"`
	AutoDestroyActivityDuration *string `db:"auto_destroy_activity_duration"` // such as "14d" or "6h"
	CreatedAt                   db.Time `db:"created_at"`

	OrgName string  `db:"org_name,extra"`
	OrgMode string  `db:"org_mode,extra"` // default execution mode of the organization
	OrgPool *string `db:"org_pool,extra"` // of mode agent

	related
}

// related is what hydrate adds for the wire.
type related struct {
	counts    *counts
	effective []string // ids of effective tag bindings, if the request includes them
}

// counts are what hangs on a project.
type counts struct {
	ID         string `db:"id"`
	Workspaces int    `db:"workspaces"`
	Teams      int    `db:"teams"`
}

const selectProjects = `SELECT {p}, o.name AS org_name, o.default_execution_mode AS org_mode, o.default_agent_pool_id AS org_pool
	FROM projects p JOIN organizations o ON o.id = p.org_id`

// Scope implements authz.Scoped.
func (p Project) Scope() authz.Scope { return authz.Scope{Org: p.OrgID, Project: p.ID} }

func (p Project) taggable() tags.Taggable { return tags.Taggable{OrgID: p.OrgID, Project: p.ID} }

// Feature serves projects.
type Feature struct {
	DB   *db.DB
	Orgs *orgs.Feature
	Tags *tags.Feature
	// AgentPool finds an agent pool and reports whether the project or workspace of the
	// scope may use it; problem.NotFound if the organization has none of that id.
	AgentPool func(ctx context.Context, id string, in authz.Scope) (bool, error)
	// MoveWorkspaces puts workspaces into a project.
	MoveWorkspaces func(ctx context.Context, to Project, ids []string) error
}

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	api.Type(r, "projects", authz.ReadProject, f.byIDs, view)
	api.List(r, "/organizations/{organization}/projects", authz.ReadOrg, f.Orgs.ByName, f.list,
		api.Params("filter[names]", "filter[permissions][create-workspace]", "filter[permissions][update]", "filter[tagged]"))
	api.Create(r, "/organizations/{organization}/projects", authz.CreateProject, f.Orgs.ByName, f.create)
	api.Read(r, "/projects/{id}", authz.ReadProject, f.read)
	api.Update(r, "/projects/{id}", authz.UpdateProject, f.Find, f.update)
	api.Delete(r, "/projects/{id}", authz.DeleteProject, f.Find, f.delete)
	api.Links[Project]{Add: f.move}.Serve(r, "/projects/{id}/relationships/workspaces", authz.ReadProject, f.Find)
	f.bindingRoutes(r)
}

// view is a project as clients see it.
func view(ctx context.Context, p Project) jsonapi.Resource {
	base := "/api/v2/projects/" + p.ID
	return jsonapi.Resource{
		ID: p.ID, Type: "projects", Attributes: attributesOf(ctx, p), Links: jsonapi.Self(base),
		Relationships: jsonapi.Relationships{
			"organization":           jsonapi.ToOneAt("organizations", p.OrgName, "/api/v2/organizations/"+p.OrgName),
			"default-agent-pool":     jsonapi.ToOne("agent-pools", db.Text(p.AgentPoolID())),
			"tag-bindings":           jsonapi.Related(base + "/tag-bindings"),
			"effective-tag-bindings": effective(ctx, p, base),
		},
	}
}

// effective names the members only if they are included: they cost a statement.
func effective(ctx context.Context, p Project, base string) any {
	if !api.QueryOf(ctx).Includes("effective-tag-bindings") {
		return jsonapi.Related(base + "/effective-tag-bindings")
	}
	return jsonapi.ToMany("effective-tag-bindings", p.effective)
}

// MakeDefault makes the default project of a new organization.
func (f *Feature) MakeDefault(ctx context.Context, o orgs.Org) error {
	p := Project{ID: id.New("prj"), OrgID: o.ID, Name: DefaultName, NameLower: strings.ToLower(DefaultName), IsDefault: true, CreatedAt: db.Now()}
	if err := f.DB.Insert(ctx, "projects", p); err != nil {
		return err
	}
	return f.Orgs.SetDefaultProject(ctx, o.ID, p.ID)
}

func (f *Feature) create(ctx context.Context, org orgs.Org, in jsonapi.In[settings]) (Project, error) {
	p := Project{ID: id.New("prj"), OrgID: org.ID, OrgMode: org.DefaultExecutionMode, OrgPool: org.DefaultAgentPoolID, CreatedAt: db.Now()}
	if err := f.set(ctx, &p, in.Data.Attributes); err != nil {
		return p, err
	}
	if err := taken(f.DB.Insert(ctx, "projects", p)); err != nil {
		return p, err
	}
	return f.bound(ctx, p, in)
}

func (f *Feature) update(ctx context.Context, p Project, in jsonapi.In[settings]) (Project, error) {
	if err := f.set(ctx, &p, in.Data.Attributes); err != nil {
		return p, err
	}
	if err := taken(f.DB.Update(ctx, "projects", p, "name", "name_lower", "description", "default_execution_mode",
		"default_agent_pool_id", "auto_destroy_activity_duration")); err != nil {
		return p, err
	}
	return f.bound(ctx, p, in)
}

// bound replaces the tag bindings if the request names them, and reads the project
// anew.
func (f *Feature) bound(ctx context.Context, p Project, in jsonapi.In[settings]) (Project, error) {
	if members, named := in.Data.Many("tag-bindings"); named {
		want, err := tags.ParseBindings(members)
		if err != nil {
			return p, err
		}
		if err := f.Tags.Replace(ctx, p.taggable(), want); err != nil {
			return p, err
		}
	}
	return f.read(ctx, p.ID)
}

// taken explains a violated constraint.
func taken(err error) error {
	switch {
	case db.IsUnique(err):
		return problem.Invalid("name", "Name has already been taken")
	case db.IsForeign(err):
		return problem.Conflict("The agent pool has just been deleted.")
	}
	return err
}

func (f *Feature) delete(ctx context.Context, p Project) error {
	if p.IsDefault {
		return problem.Denied("The default project of an organization cannot be deleted.")
	}
	err := f.DB.Delete(ctx, "projects", p.ID)
	if db.IsForeign(err) {
		return problem.Unprocessable("Project cannot be deleted because it has workspaces: move or delete them first.")
	}
	return err
}

// move takes workspaces into a project. The caller needs the permission to move on
// both sides (API schema, "Move Workspaces into a Project").
func (f *Feature) move(ctx context.Context, p Project, members []jsonapi.Member) error {
	if err := authz.Check(ctx, authz.MoveWorkspace, p); err != nil {
		return err
	}
	ids, other := jsonapi.IDs(members, "workspaces")
	if other != nil {
		return problem.Unprocessable("The list must hold workspaces, not %s.", other.Type)
	}
	if len(ids) == 0 || len(ids) > 100 {
		return problem.Unprocessable("The list must hold from 1 to 100 workspaces.")
	}
	return f.MoveWorkspaces(ctx, p, ids)
}

// Find returns the project with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Project, error) {
	return db.One[Project](ctx, f.DB, selectProjects+` WHERE p.id = ?`, id)
}

// Default returns the default project of an organization.
func (f *Feature) Default(ctx context.Context, orgID string) (Project, error) {
	return db.One[Project](ctx, f.DB, selectProjects+` WHERE p.org_id = ? AND p.is_default`, orgID)
}

// read is Find with what the answer needs.
func (f *Feature) read(ctx context.Context, id string) (Project, error) {
	p, err := f.Find(ctx, id)
	if err != nil {
		return p, err
	}
	list := []Project{p}
	err = f.hydrate(ctx, list)
	return list[0], err
}

func (f *Feature) byIDs(ctx context.Context, ids []string) ([]Project, error) {
	return db.In[Project](ctx, f.DB, selectProjects+` WHERE p.id IN (?)`, ids)
}

// hydrate adds to all projects of an answer their counts and, if the request
// includes them, their effective tag bindings. A project that is included by
// another resource has no counts: they would cost more than all the rest.
func (f *Feature) hydrate(ctx context.Context, list []Project) error {
	ids, at := make([]string, len(list)), map[string]int{}
	for i, p := range list {
		ids[i], at[p.ID] = p.ID, i
	}
	all, err := db.In[counts](ctx, f.DB, `SELECT p.id AS id, (SELECT count(w.id) FROM workspaces w WHERE w.project_id = p.id) AS workspaces,
		(SELECT count(t.id) FROM team_projects t WHERE t.project_id = p.id) AS teams FROM projects p WHERE p.id IN (?)`, ids)
	if err != nil {
		return err
	}
	for i := range all {
		list[at[all[i].ID]].counts = &all[i]
	}
	if !api.QueryOf(ctx).Includes("effective-tag-bindings") {
		return nil
	}
	bindings, err := f.Tags.OfAll(ctx, nil, ids)
	for i := range list {
		p := &list[i]
		for _, e := range tags.Combine(bindings, p.taggable()) {
			p.effective = append(p.effective, e.WireID())
		}
	}
	return err
}

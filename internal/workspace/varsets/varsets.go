// Package varsets keeps variable sets: variables that many workspaces share. A set
// belongs to the organization or to a project, and applies to the whole organization
// ("global"), to all workspaces of projects, or to single workspaces. Which variable
// counts if several have the same key is decided in package variables.
//
// The surprising rule: who reads or manages a set that a project owns needs the
// project's permissions; for other sets it is those of the organization.
package varsets

import (
	"context"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/workspace/projects"
	"plumbline.dev/plumbline/internal/workspace/variables"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// Set is a variable set.
type Set struct {
	ID          string  `db:"id"`
	OrgID       string  `db:"org_id"`
	ProjectID   *string `db:"project_id"` // the owner; nil is the organization
	Name        string  `db:"name"`
	NameLower   string  `db:"name_lower"`
	Description string  `db:"description"`
	Global      bool    `db:"is_global"` // applies to every workspace of the organization
	Priority    bool    `db:"priority"`  // stands before more specific variables
	CreatedAt   db.Time `db:"created_at"`
	UpdatedAt   db.Time `db:"updated_at"`

	OrgName string `db:"org_name,extra"`

	// What the set applies to, as far as the subject may see it, and its variables.
	workspaces, projects, vars []string
}

const selectSets = `SELECT {s}, o.name AS org_name FROM varsets s JOIN organizations o ON o.id = s.org_id`

// Scope implements authz.Scoped.
func (s Set) Scope() authz.Scope { return authz.Scope{Org: s.OrgID, Project: s.owner()} }

// Permission implements authz.Owned.
func (s Set) Permission(asked authz.Permission) authz.Permission {
	return variables.SetPermission(asked, s.owner())
}

func (s Set) owner() string {
	if s.ProjectID == nil {
		return ""
	}
	return *s.ProjectID
}

// Feature serves variable sets.
type Feature struct {
	DB         *db.DB
	Orgs       *orgs.Feature
	Projects   *projects.Feature
	Workspaces *workspaces.Feature
	Variables  *variables.Feature
}

// Routes adds the endpoints of this package to r. The lists and the creation name the
// permission that every member has: what is listed or may be made depends on who owns
// the set, which only they know.
func (f *Feature) Routes(r *api.Router) {
	api.Type(r, "varsets", authz.ReadVarsets, f.byIDs, view)
	api.List(r, "/organizations/{organization}/varsets", authz.ReadOrg, f.Orgs.ByName, f.list, api.Params("filter[global]"))
	api.List(r, "/projects/{project}/varsets", authz.ReadProjectVarsets, f.Projects.Find, f.ofProject)
	api.List(r, "/workspaces/{workspace}/varsets", authz.ReadVariables, f.Workspaces.Find, f.ofWorkspace)
	api.List(r, "/workspaces/{workspace}/applicable-varsets", authz.ReadVariables, f.Workspaces.Find, f.applicable)
	api.Create(r, "/organizations/{organization}/varsets", authz.ReadOrg, f.Orgs.ByName, f.create, api.BodyLimit(bodyLimit))
	api.Read(r, "/varsets/{id}", authz.ReadVarsets, f.Find)
	api.Update(r, "/varsets/{id}", authz.ManageVarsets, f.Find, f.update, api.BodyLimit(bodyLimit))
	api.Action(r, "/varsets/{id}", authz.ManageVarsets, f.Find, f.update, api.BodyLimit(bodyLimit))
	api.Delete(r, "/varsets/{id}", authz.ManageVarsets, f.Find, f.delete)
	api.Links[Set]{Add: f.addWorkspaces, Remove: f.removeWorkspaces}.Serve(r, "/varsets/{id}/relationships/workspaces", authz.ManageVarsets, f.Find)
	api.Links[Set]{Add: f.addProjects, Remove: f.removeProjects}.Serve(r, "/varsets/{id}/relationships/projects", authz.ManageVarsets, f.Find)
	f.variableRoutes(r)
}

// bodyLimit is room for a set with many variables.
const bodyLimit = 4 << 20

// view is a set as clients see it.
func view(ctx context.Context, s Set) jsonapi.Resource {
	parent := jsonapi.ToOne("organizations", s.OrgName)
	if s.ProjectID != nil {
		parent = jsonapi.ToOne("projects", *s.ProjectID)
	}
	return jsonapi.Resource{
		Type: "varsets", ID: s.ID,
		Attributes: attributes{
			Name: s.Name, Description: s.Description, Global: s.Global, Priority: s.Priority,
			CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt,
			VarCount: len(s.vars), WorkspaceCount: len(s.workspaces), ProjectCount: len(s.projects),
			Permissions: permissions{CanUpdate: authz.Check(ctx, authz.ManageVarsets, s) == nil},
		},
		Relationships: jsonapi.Relationships{
			"organization": jsonapi.ToOne("organizations", s.OrgName),
			"parent":       parent,
			"vars":         jsonapi.ToMany("vars", s.vars),
			"workspaces":   jsonapi.ToMany("workspaces", s.workspaces),
			"projects":     jsonapi.ToMany("projects", s.projects),
			// terraform-provider-tfe includes stacks whenever it reads a set.
			"stacks": jsonapi.ToMany("stacks", nil),
		},
		Links: jsonapi.Self("/api/v2/varsets/" + s.ID),
	}
}

type attributes struct {
	Name           string      `json:"name"`
	Description    string      `json:"description"`
	Global         bool        `json:"global"`
	Priority       bool        `json:"priority"`
	CreatedAt      db.Time     `json:"created-at"`
	UpdatedAt      db.Time     `json:"updated-at"`
	VarCount       int         `json:"var-count"`
	WorkspaceCount int         `json:"workspace-count"`
	ProjectCount   int         `json:"project-count"`
	Permissions    permissions `json:"permissions"`
}

type permissions struct {
	CanUpdate bool `json:"can-update"`
}

// Find returns the set with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Set, error) {
	s, err := db.One[Set](ctx, f.DB, selectSets+` WHERE s.id = ?`, id)
	if err != nil {
		return s, err
	}
	sets := []Set{s}
	err = f.relate(ctx, sets)
	return sets[0], err
}

func (f *Feature) byIDs(ctx context.Context, ids []string) ([]Set, error) {
	sets, err := db.In[Set](ctx, f.DB, selectSets+` WHERE s.id IN (?)`, ids)
	if err != nil {
		return nil, err
	}
	return sets, f.relate(ctx, sets)
}

// member is a row of what sets apply to or hold.
type member struct {
	Set       string `db:"varset_id"`
	ID        string `db:"id"`
	ProjectID string `db:"project_id"`
}

// relate fills in the relationships of sets, with one statement for each. Workspaces
// and projects that the subject may not see are left out.
func (f *Feature) relate(ctx context.Context, sets []Set) error {
	ids, byID := make([]string, len(sets)), map[string]*Set{}
	for i := range sets {
		ids[i], byID[sets[i].ID] = sets[i].ID, &sets[i]
		sets[i].workspaces, sets[i].projects, sets[i].vars = nil, nil, nil
	}
	onWorkspaces, err := db.In[member](ctx, f.DB, `SELECT x.varset_id, w.id, w.project_id FROM varset_workspaces x
		JOIN workspaces w ON w.id = x.workspace_id WHERE x.varset_id IN (?) ORDER BY w.name, w.id`, ids)
	if err != nil {
		return err
	}
	for _, m := range onWorkspaces {
		s := byID[m.Set]
		if authz.Can(ctx, authz.ReadWorkspace, authz.Scope{Org: s.OrgID, Project: m.ProjectID, Workspace: m.ID}) {
			s.workspaces = append(s.workspaces, m.ID)
		}
	}
	onProjects, err := db.In[member](ctx, f.DB, `SELECT x.varset_id, p.id, p.id AS project_id FROM varset_projects x
		JOIN projects p ON p.id = x.project_id WHERE x.varset_id IN (?) ORDER BY p.name, p.id`, ids)
	if err != nil {
		return err
	}
	for _, m := range onProjects {
		s := byID[m.Set]
		if authz.Can(ctx, authz.ReadProject, authz.Scope{Org: s.OrgID, Project: m.ID}) {
			s.projects = append(s.projects, m.ID)
		}
	}
	vars, err := db.In[member](ctx, f.DB, `SELECT varset_id, id, '' AS project_id FROM variables WHERE varset_id IN (?) ORDER BY key, id`, ids)
	for _, m := range vars {
		byID[m.Set].vars = append(byID[m.Set].vars, m.ID)
	}
	return err
}

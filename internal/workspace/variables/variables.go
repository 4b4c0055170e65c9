// Package variables keeps the variables that runs get: those of a workspace here,
// and as a store those of variable sets too, whose endpoints are in package varsets.
//
// Every value is sealed at rest, whether sensitive or not. A sensitive value goes in
// and never comes out; only ForRun reads it, for who executes a run.
package variables

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// Variable is a variable of a workspace or of a variable set.
type Variable struct {
	ID          string  `db:"id"`
	OrgID       string  `db:"org_id"`
	WorkspaceID *string `db:"workspace_id"` // nil if a set owns it
	VarsetID    *string `db:"varset_id"`    // nil if a workspace owns it
	GlobalIn    *string `db:"global_in"`    // the organization, if the set is global
	Key         string  `db:"key"`
	Category    string  `db:"category"` // terraform, env
	Description string  `db:"description"`
	HCL         bool    `db:"hcl"`
	Sensitive   bool    `db:"sensitive"`
	Value       []byte  `db:"value"` // sealed
	VersionID   string  `db:"version_id"`
	CreatedAt   db.Time `db:"created_at"`

	ProjectID     string `db:"project_id,extra"` // of the workspace, or which owns the set; "" for a set of the organization
	OrgName       string `db:"org_name,extra"`
	WorkspaceName string `db:"workspace_name,extra"`

	plain       string   // the value, if it is not sensitive and was opened
	Overwriter  string   // in a workspace: the variable that counts instead of this one
	Overwritten []string // in a workspace: the variables that this one stands before
}

const selectVariables = `SELECT {v}, COALESCE(w.project_id, s.project_id, '') AS project_id, o.name AS org_name, COALESCE(w.name, '') AS workspace_name
	FROM variables v JOIN organizations o ON o.id = v.org_id LEFT JOIN workspaces w ON w.id = v.workspace_id LEFT JOIN varsets s ON s.id = v.varset_id`

// Scope implements authz.Scoped.
func (v Variable) Scope() authz.Scope {
	in := authz.Scope{Org: v.OrgID, Project: v.ProjectID}
	if v.WorkspaceID != nil {
		in.Workspace = *v.WorkspaceID
	}
	return in
}

// Permission implements authz.Owned: who may read or manage a set may do so with its
// variables.
func (v Variable) Permission(asked authz.Permission) authz.Permission {
	if v.VarsetID == nil {
		return asked
	}
	switch asked {
	case authz.ReadVariables:
		asked = authz.ReadVarsets
	case authz.WriteVariables:
		asked = authz.ManageVarsets
	}
	return SetPermission(asked, v.ProjectID)
}

// SetPermission is what a permission on variable sets means for a set that the project owns;
// "" is the organization.
func SetPermission(asked authz.Permission, projectID string) authz.Permission {
	switch {
	case projectID != "" && asked == authz.ReadVarsets:
		return authz.ReadProjectVarsets
	case projectID != "" && asked == authz.ManageVarsets:
		return authz.ManageProjectVarsets
	}
	return asked
}

// Feature serves variables of workspaces and stores those of sets.
type Feature struct {
	DB         *db.DB
	Bus        *events.Bus // hears of variables that change together
	Keyring    *crypt.Keyring
	Workspaces *workspaces.Feature
	// Sets returns the variable sets that apply to a workspace.
	Sets func(ctx context.Context, ws workspaces.Workspace) ([]Set, error)
}

// BodyLimit is room for a value of the largest size, written in JSON with every
// byte escaped.
const BodyLimit = 8 * maxValue

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	large := api.BodyLimit(BodyLimit)
	inWorkspace := api.Both(f.inWorkspace)
	api.Type(r, "vars", authz.ReadVariables, f.byIDs, View)
	api.List(r, "/workspaces/{workspace}/vars", authz.ReadVariables, f.Workspaces.Find, f.list)
	api.List(r, "/workspaces/{workspace}/all-vars", authz.ReadVariables, f.Workspaces.Find, f.listAll)
	api.Create(r, "/workspaces/{workspace}/vars", authz.WriteVariables, f.Workspaces.Find, f.create, large)
	api.Read(r, "/workspaces/{workspace}/vars/{id}", authz.ReadVariables, inWorkspace)
	api.Update(r, "/workspaces/{workspace}/vars/{id}", authz.WriteVariables, inWorkspace, f.Update, large)
	api.Delete(r, "/workspaces/{workspace}/vars/{id}", authz.WriteVariables, inWorkspace, f.Delete)
	api.Links[workspaces.Workspace]{Replace: f.updateMany}.Serve(r, "/workspaces/{workspace}/relationships/vars", authz.WriteVariables, f.Workspaces.Find, api.BodyLimit(manyLimit))
	f.olderRoutes(r)
}

// View is a variable as clients see it.
func View(_ context.Context, v Variable) jsonapi.Resource {
	res := jsonapi.Resource{
		Type: "vars", ID: v.ID,
		Attributes: attributes{
			Key: v.Key, Description: v.Description, Category: v.Category, HCL: v.HCL,
			Sensitive: v.Sensitive, VersionID: v.VersionID, CreatedAt: v.CreatedAt,
		},
	}
	if !v.Sensitive {
		a := res.Attributes.(attributes)
		a.Value = &v.plain
		res.Attributes = a
	}
	if v.VarsetID != nil { // and no "configurable": go-tfe takes only workspaces there
		res.Relationships = jsonapi.Relationships{"varset": jsonapi.ToOneAt("varsets", *v.VarsetID, "/api/v2/varsets/"+*v.VarsetID)}
		res.Links = jsonapi.Self("/api/v2/varsets/" + *v.VarsetID + "/relationships/vars/" + v.ID)
	} else {
		ws := ""
		if v.WorkspaceID != nil {
			ws = *v.WorkspaceID
		}
		related := "/api/v2/organizations/" + v.OrgName + "/workspaces/" + v.WorkspaceName
		res.Relationships = jsonapi.Relationships{"configurable": jsonapi.ToOneAt("workspaces", ws, related)}
		res.Links = jsonapi.Self("/api/v2/workspaces/" + ws + "/vars/" + v.ID)
	}
	if v.Overwriter != "" {
		res.Relationships["overwriter"] = jsonapi.ToOne("vars", v.Overwriter)
	}
	if v.Overwritten != nil {
		res.Relationships["overwritten"] = jsonapi.ToMany("vars", v.Overwritten)
	}
	return res
}

type attributes struct {
	Key         string  `json:"key"`
	Value       *string `json:"value"` // null if sensitive
	Description string  `json:"description"`
	Category    string  `json:"category"`
	HCL         bool    `json:"hcl"`
	Sensitive   bool    `json:"sensitive"`
	VersionID   string  `json:"version-id"`
	CreatedAt   db.Time `json:"created-at"`
}

func (f *Feature) list(ctx context.Context, ws workspaces.Workspace, _ api.Query) (api.Page[Variable], error) {
	return api.Whole(f.all(ctx, ` WHERE v.workspace_id = ? ORDER BY v.key, v.id`, ws.ID))
}

// listAll lists what a run would get: the variables of the workspace and those of the
// sets that apply to it, without those that others stand before.
func (f *Feature) listAll(ctx context.Context, ws workspaces.Workspace, _ api.Query) (api.Page[Variable], error) {
	vars, sets, err := f.applicable(ctx, ws)
	if err != nil {
		return api.Page[Variable]{}, err
	}
	effective := Effective(vars, sets)
	return api.Whole(effective, f.open(ctx, effective))
}

func (f *Feature) create(ctx context.Context, ws workspaces.Workspace, in jsonapi.In[Request]) (Variable, error) {
	v := Variable{OrgID: ws.OrgID, WorkspaceID: &ws.ID, ProjectID: ws.ProjectID, OrgName: ws.OrgName, WorkspaceName: ws.Name}
	return f.Add(ctx, v, in.Data.Attributes)
}

// IDs returns the ids of the variables of a workspace, ordered by key.
func (f *Feature) IDs(ctx context.Context, workspaceID string) ([]string, error) {
	return db.All[string](ctx, f.DB, `SELECT id FROM variables WHERE workspace_id = ? ORDER BY key, id`, workspaceID)
}

// inWorkspace returns the variable of the workspace.
func (f *Feature) inWorkspace(ctx context.Context, workspaceID, id string) (Variable, error) {
	return f.one(ctx, ` WHERE v.workspace_id = ? AND v.id = ?`, workspaceID, id)
}

// InSet returns the variable of the set.
func (f *Feature) InSet(ctx context.Context, varsetID, id string) (Variable, error) {
	return f.one(ctx, ` WHERE v.varset_id = ? AND v.id = ?`, varsetID, id)
}

// OfSet returns the variables of the set, ordered by key.
func (f *Feature) OfSet(ctx context.Context, varsetID string) ([]Variable, error) {
	return f.all(ctx, ` WHERE v.varset_id = ? ORDER BY v.key, v.id`, varsetID)
}

func (f *Feature) byIDs(ctx context.Context, ids []string) ([]Variable, error) {
	vars, err := db.In[Variable](ctx, f.DB, selectVariables+` WHERE v.id IN (?)`, ids)
	if err != nil {
		return nil, err
	}
	return vars, f.open(ctx, vars)
}

func (f *Feature) all(ctx context.Context, where string, args ...any) ([]Variable, error) {
	vars, err := db.All[Variable](ctx, f.DB, selectVariables+where, args...)
	if err != nil {
		return nil, err
	}
	return vars, f.open(ctx, vars)
}

func (f *Feature) one(ctx context.Context, where string, args ...any) (Variable, error) {
	v, err := db.One[Variable](ctx, f.DB, selectVariables+where, args...)
	if err != nil {
		return v, err
	}
	vars := []Variable{v}
	err = f.open(ctx, vars)
	return vars[0], err
}

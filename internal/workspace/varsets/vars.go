package varsets

import (
	"context"
	"slices"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/variables"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// variableRoutes adds the endpoints of the variables in a set. Below a workspace a
// variable also says what stands before it there, and behind it.
func (f *Feature) variableRoutes(r *api.Router) {
	large, inSet := api.BodyLimit(variables.BodyLimit), api.Both(f.Variables.InSet)
	api.List(r, "/varsets/{varset}/relationships/vars", authz.ReadVarsets, f.Find, f.listVariables)
	api.Create(r, "/varsets/{varset}/relationships/vars", authz.ManageVarsets, f.Find, f.createVariable, large)
	api.Read(r, "/varsets/{varset}/relationships/vars/{id}", authz.ReadVarsets, inSet)
	api.Update(r, "/varsets/{varset}/relationships/vars/{id}", authz.ManageVarsets, inSet, f.Variables.Update, large)
	api.Delete(r, "/varsets/{varset}/relationships/vars/{id}", authz.ManageVarsets, inSet, f.Variables.Delete)

	api.List(r, "/workspaces/{workspace}/varsets/{varset}/relationships/vars", authz.ReadVariables, api.Keys(f.contextWorkspace), listInContext)
	api.Show(r, "/workspaces/{workspace}/varsets/{varset}/relationships/vars/{id}", authz.ReadVariables, api.Keys(f.contextWorkspace), showInContext)
}

// variable is a new variable of the set, without its content.
func (f *Feature) variable(s Set) variables.Variable {
	v := variables.Variable{OrgID: s.OrgID, VarsetID: &s.ID, ProjectID: s.owner(), OrgName: s.OrgName}
	if s.Global {
		v.GlobalIn = &s.OrgID
	}
	return v
}

func (f *Feature) listVariables(ctx context.Context, s Set, _ api.Query) (api.Page[variables.Variable], error) {
	return api.Whole(f.Variables.OfSet(ctx, s.ID))
}

func (f *Feature) createVariable(ctx context.Context, s Set, in jsonapi.In[variables.Request]) (variables.Variable, error) {
	return f.Variables.Add(ctx, f.variable(s), in.Data.Attributes)
}

// inContext is a workspace with what one of the sets that apply to it holds: all its
// variables, or the one that the path names.
type inContext struct {
	workspaces.Workspace
	vars []variables.Variable
}

// contextWorkspace loads what a path names that goes on from a workspace to a set.
func (f *Feature) contextWorkspace(ctx context.Context, keys []string) (inContext, error) {
	ws, err := f.Workspaces.Find(ctx, keys[0])
	if err != nil {
		return inContext{}, err
	}
	vars, ok, err := f.Variables.InContext(ctx, ws, keys[1])
	if len(keys) > 2 {
		vars = slices.DeleteFunc(vars, func(v variables.Variable) bool { return v.ID != keys[2] })
		ok = len(vars) == 1
	}
	if err == nil && !ok {
		err = problem.NotFound
	}
	return inContext{ws, vars}, err
}

func listInContext(_ context.Context, c inContext, _ api.Query) (api.Page[variables.Variable], error) {
	return api.Whole(c.vars, nil)
}

func showInContext(_ context.Context, c inContext) (variables.Variable, error) { return c.vars[0], nil }

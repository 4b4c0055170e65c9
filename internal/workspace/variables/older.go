package variables

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// olderRoutes adds /vars, which HCP Terraform has deprecated and clients still call.
// The workspace is in the query or in the request instead of the path.
func (f *Feature) olderRoutes(r *api.Router) {
	large := api.BodyLimit(BodyLimit)
	api.List(r, "/vars", authz.ReadVariables, f.filtered, f.list, api.Params(organizationFilter, workspaceFilter))
	api.Create(r, "/vars", authz.SignedIn, api.Site, f.createRelated, large)
	api.Read(r, "/vars/{id}", authz.ReadVariables, f.ofWorkspace)
	api.Update(r, "/vars/{id}", authz.WriteVariables, f.ofWorkspace, f.Update, large)
	api.Delete(r, "/vars/{id}", authz.WriteVariables, f.ofWorkspace, f.Delete)
}

const (
	organizationFilter = "filter[organization][name]"
	workspaceFilter    = "filter[workspace][name]"
)

// filtered returns the workspace that the query names.
func (f *Feature) filtered(ctx context.Context, _ string) (workspaces.Workspace, error) {
	q := api.QueryOf(ctx)
	org, name := q.Get(organizationFilter), q.Get(workspaceFilter)
	if org == "" || name == "" {
		return workspaces.Workspace{}, problem.BadRequest("Both %s and %s are required", organizationFilter, workspaceFilter)
	}
	return f.Workspaces.ByName(ctx, org, name)
}

// createRelated adds a variable to the workspace of the request's relationship.
func (f *Feature) createRelated(ctx context.Context, _ authz.Site, in jsonapi.In[Request]) (Variable, error) {
	ref, _ := in.Data.One("workspace")
	if ref.ID == "" {
		return Variable{}, problem.InvalidRelation("workspace", "Workspace can't be blank")
	}
	ws, err := f.Workspaces.Find(ctx, ref.ID)
	if err != nil {
		return Variable{}, err
	}
	if err := authz.Check(ctx, authz.WriteVariables, ws); err != nil {
		return Variable{}, err
	}
	return f.create(ctx, ws, in)
}

// ofWorkspace returns the variable with the given id, unless a set owns it.
func (f *Feature) ofWorkspace(ctx context.Context, id string) (Variable, error) {
	return f.one(ctx, ` WHERE v.id = ? AND v.workspace_id IS NOT NULL`, id)
}

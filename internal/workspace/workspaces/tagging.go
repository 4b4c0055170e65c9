package workspaces

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/tags"
)

// tagRoutes serves the tags of a workspace at the addresses of the API schema and at
// those of go-tfe, which PATCHes to add where the schema PATCHes to replace.
func (f *Feature) tagRoutes(r *api.Router) {
	const base = "/workspaces/{id}"
	bindings := func(ctx context.Context, w Workspace, _ api.Query) (api.Page[tags.Binding], error) {
		return api.Whole(f.Tags.Of(ctx, w.taggable()))
	}
	api.List(r, base+"/tag-bindings", authz.ReadWorkspace, f.Find, bindings)
	api.List(r, base+"/relationships/tag-bindings", authz.ReadWorkspace, f.Find, bindings)
	api.List(r, base+"/effective-tag-bindings", authz.ReadWorkspace, f.Find, func(ctx context.Context, w Workspace, _ api.Query) (api.Page[tags.Effective], error) {
		return api.Whole(f.Tags.EffectiveOf(ctx, w.taggable()))
	})
	api.ChangeList(r, "PATCH "+base+"/tag-bindings", authz.UpdateWorkspace, f.Find, func(ctx context.Context, w Workspace, members []jsonapi.Member) ([]tags.Binding, error) {
		if err := f.addBindings(ctx, w, members); err != nil {
			return nil, err
		}
		return f.Tags.Of(ctx, w.taggable())
	})
	api.Links[Workspace]{Add: f.addBindings, Replace: f.replaceBindings}.Serve(r, base+"/relationships/tag-bindings", authz.UpdateWorkspace, f.Find)

	api.List(r, base+"/relationships/tags", authz.ReadWorkspace, f.Find, func(ctx context.Context, w Workspace, q api.Query) (api.Page[tags.Tag], error) {
		return f.Tags.OfWorkspace(ctx, w.ID, q)
	})
	api.Links[Workspace]{Add: f.addTags, Remove: f.removeTags}.Serve(r, base+"/relationships/tags", authz.UpdateWorkspace, f.Find)
	api.Links[tags.Tag]{Add: f.tagWorkspaces}.Serve(r, "/tags/{id}/relationships/workspaces", authz.ReadOrg, f.Tags.Find)
}

func (f *Feature) addBindings(ctx context.Context, w Workspace, members []jsonapi.Member) error {
	want, err := tags.ParseBindings(members)
	if err != nil {
		return err
	}
	return f.Tags.Add(ctx, w.taggable(), want)
}

func (f *Feature) replaceBindings(ctx context.Context, w Workspace, members []jsonapi.Member) error {
	want, err := tags.ParseBindings(members)
	if err != nil {
		return err
	}
	return f.Tags.Replace(ctx, w.taggable(), want)
}

func (f *Feature) addTags(ctx context.Context, w Workspace, members []jsonapi.Member) error {
	return f.Tags.AddFlat(ctx, w.taggable(), members)
}

func (f *Feature) removeTags(ctx context.Context, w Workspace, members []jsonapi.Member) error {
	return f.Tags.RemoveFlat(ctx, w.taggable(), members)
}

// tagWorkspaces binds a tag to workspaces that the caller may change: all or none.
func (f *Feature) tagWorkspaces(ctx context.Context, t tags.Tag, members []jsonapi.Member) error {
	list, err := f.members(ctx, t.OrgID, members)
	if err != nil {
		return err
	}
	for _, w := range list {
		if err := authz.Check(ctx, authz.UpdateWorkspace, w); err != nil {
			return err
		}
	}
	return f.Tags.Bind(ctx, t, ids(list))
}

// maxMembers is how many workspaces the list of a request may have.
const maxMembers = 100

// members returns the workspaces that a request lists. One that is missing, of
// another organization, or not to be read by the caller, does not exist.
func (f *Feature) members(ctx context.Context, orgID string, members []jsonapi.Member) ([]Workspace, error) {
	want, other := jsonapi.IDs(members, "workspaces")
	if other != nil {
		return nil, problem.Unprocessable("The list must hold workspaces, not %s.", other.Type)
	}
	if len(want) > maxMembers {
		return nil, problem.Unprocessable("The list must hold at most %d workspaces.", maxMembers)
	}
	list, err := db.In[Workspace](ctx, f.DB, selectWorkspaces+` WHERE w.org_id = ? AND w.id IN (?)`, want, orgID)
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	for _, w := range list {
		if err := authz.Check(ctx, authz.ReadWorkspace, w); err != nil {
			return nil, err
		}
		found[w.ID] = true
	}
	for _, id := range want {
		if !found[id] {
			return nil, problem.NotFound
		}
	}
	return list, nil
}

func ids(list []Workspace) []string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = w.ID
	}
	return out
}

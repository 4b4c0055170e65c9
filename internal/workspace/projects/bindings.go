package projects

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/workspace/tags"
)

// bindingRoutes serves the tags of a project at the addresses of the API schema and
// at those of go-tfe, which PATCHes to add where the schema PATCHes to replace.
func (f *Feature) bindingRoutes(r *api.Router) {
	list := func(ctx context.Context, p Project, _ api.Query) (api.Page[tags.Binding], error) {
		return api.Whole(f.Tags.Of(ctx, p.taggable()))
	}
	api.List(r, "/projects/{id}/tag-bindings", authz.ReadProject, f.Find, list)
	api.List(r, "/projects/{id}/relationships/tag-bindings", authz.ReadProject, f.Find, list)
	api.List(r, "/projects/{id}/effective-tag-bindings", authz.ReadProject, f.Find, func(ctx context.Context, p Project, _ api.Query) (api.Page[tags.Effective], error) {
		return api.Whole(f.Tags.EffectiveOf(ctx, p.taggable()))
	})
	api.ChangeList(r, "PATCH /projects/{id}/tag-bindings", authz.UpdateProject, f.Find, func(ctx context.Context, p Project, members []jsonapi.Member) ([]tags.Binding, error) {
		if err := f.addBindings(ctx, p, members); err != nil {
			return nil, err
		}
		return f.Tags.Of(ctx, p.taggable())
	})
	api.Links[Project]{Add: f.addBindings, Replace: f.replaceBindings}.Serve(r, "/projects/{id}/relationships/tag-bindings", authz.UpdateProject, f.Find)
}

func (f *Feature) addBindings(ctx context.Context, p Project, members []jsonapi.Member) error {
	want, err := tags.ParseBindings(members)
	if err != nil {
		return err
	}
	return f.Tags.Add(ctx, p.taggable(), want)
}

func (f *Feature) replaceBindings(ctx context.Context, p Project, members []jsonapi.Member) error {
	want, err := tags.ParseBindings(members)
	if err != nil {
		return err
	}
	return f.Tags.Replace(ctx, p.taggable(), want)
}

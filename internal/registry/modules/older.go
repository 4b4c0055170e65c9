package modules

import (
	"context"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// olderRoutes adds the endpoints that the registry modules page calls deprecated.
func (f *Feature) olderRoutes(r *api.Router) {
	const older, deletion = "/registry-modules", "/registry-modules/actions/delete/{organization}/{name}"
	api.Create(r, older, authz.SignedIn, api.Site, f.createByToken)
	// The last part is "versions"; as a constant it would be at odds with the deletions in ServeMux.
	api.Create(r, older+"/{organization}/{name}/{provider}/{versions}", authz.ManageModules, api.Keys(f.findToPublish), f.createVersion)
	api.Read(r, older+"/show/{organization}/{name}/{provider}", authz.ReadRegistry, api.Keys(f.findOlder))
	api.Do(r, "POST "+deletion, authz.OwnOrg, api.Both(f.findOlderNamed), olderDelete(f.deleteNamed))
	api.Do(r, "POST "+deletion+"/{provider}", authz.OwnOrg, api.Keys(f.findOlder), olderDelete(f.deleteProvider))
	api.Do(r, "POST "+deletion+"/{provider}/{version}", authz.OwnOrg, api.Keys(f.findOlderVersion), olderDelete(f.deleteVersion))
}

// findOlder returns the private module that a path names by organization, name and provider.
func (f *Feature) findOlder(ctx context.Context, keys []string) (Module, error) {
	return f.find(ctx, []string{keys[0], Private, keys[0], keys[1], keys[2]})
}

func (f *Feature) findToPublish(ctx context.Context, keys []string) (Module, error) {
	if keys[3] != "versions" {
		return Module{}, problem.NotFound
	}
	return f.findOlder(ctx, keys)
}

func (f *Feature) findOlderVersion(ctx context.Context, keys []string) (Version, error) {
	return f.findVersion(ctx, []string{keys[0], Private, keys[0], keys[1], keys[2], keys[3]})
}

// findOlderNamed returns all modules of that name, records of public ones too.
func (f *Feature) findOlderNamed(ctx context.Context, org, name string) (named, error) {
	return some(db.All[Module](ctx, f.DB, selectModules+`o.name_lower = ? AND m.name_lower = ?`, strings.ToLower(org), strings.ToLower(name)))
}

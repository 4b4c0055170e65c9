package modules

import (
	"context"

	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// deleteNamed deletes a module for all providers.
func (f *Feature) deleteNamed(ctx context.Context, n named) error {
	ids := make([]string, len(n.modules))
	for i, m := range n.modules {
		ids[i] = m.ID
		changes.Tell(ctx, f.Bus, m.Scope(), "registry-modules", m.ID)
	}
	return f.remove(ctx, ids)
}

// deleteProvider deletes a module for one provider. A record of a public module goes
// only as a whole (registry modules page, "Delete a Module").
func (f *Feature) deleteProvider(ctx context.Context, m Module) error {
	if m.RegistryName == Public {
		return problem.NotFound
	}
	return f.remove(ctx, []string{m.ID})
}

// deleteVersion deletes a version, and with the last one the module.
func (f *Feature) deleteVersion(ctx context.Context, v Version) error {
	if err := f.lock(ctx, v.ModuleID); err != nil {
		return err
	}
	others, err := db.One[int](ctx, f.DB, `SELECT count(*) FROM registry_module_versions WHERE module_id = ? AND id <> ?`, v.ModuleID, v.ID)
	if err != nil {
		return err
	}
	if others == 0 {
		changes.Tell(ctx, f.Bus, v.Scope(), "registry-modules", v.ModuleID)
		return f.remove(ctx, []string{v.ModuleID})
	}
	if err := f.DB.Delete(ctx, "registry_module_versions", v.ID); err != nil {
		return err
	}
	if err := f.removals.Enqueue(ctx, v.Object); err != nil {
		return err
	}
	return f.settle(ctx, v.ModuleID)
}

// remove deletes modules with all their versions. The archives go after the commit.
func (f *Feature) remove(ctx context.Context, ids []string) error {
	keys, err := db.In[string](ctx, f.DB, `SELECT object FROM registry_module_versions WHERE object <> '' AND module_id IN (?)`, ids)
	if err != nil {
		return err
	}
	for _, do := range f.OnDelete {
		if err := do(ctx, ids); err != nil {
			return err
		}
	}
	query, args := db.List(`DELETE FROM registry_modules WHERE id IN (?)`, ids)
	if _, err := f.DB.Exec(ctx, query, args...); err != nil {
		return err
	}
	return f.removals.Enqueue(ctx, keys...)
}

// olderDelete makes one of the older endpoints, which are POSTs, of a deletion.
func olderDelete[T any](do func(context.Context, T) error) func(context.Context, T, jsonapi.In[struct{}]) error {
	return func(ctx context.Context, v T, _ jsonapi.In[struct{}]) error { return do(ctx, v) }
}

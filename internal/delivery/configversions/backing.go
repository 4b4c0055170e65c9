package configversions

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// archive discards the files of a version that nothing needs any more.
func (f *Feature) archive(ctx context.Context, v Version, _ jsonapi.In[struct{}]) error {
	v, reason, err := f.dispensable(ctx, v)
	if err != nil {
		return err
	}
	if reason != "" {
		return problem.Conflict("transition not allowed, configuration could not be archived because it %s", reason)
	}
	moved, err := f.move(ctx, v, Archived)
	if err != nil {
		return err
	}
	if !moved {
		return problem.Conflict("transition not allowed, configuration could not be archived because it is %s", v.Status)
	}
	return f.forget(ctx, []string{v.ID})
}

// dispensable locks a version and says why its files must stay, "" if they need not.
func (f *Feature) dispensable(ctx context.Context, v Version) (_ Version, reason string, err error) {
	if _, err = f.lockPlace(ctx, v); err != nil {
		return v, "", err
	}
	if v, err = f.Lock(ctx, v.ID); err != nil {
		return v, "", err
	}
	if v.FromVCS() {
		return v, "was not created with the API or the CLI", nil
	}
	if current, err := f.Workspaces.HasCurrentConfiguration(ctx, v.ID); err != nil || current {
		return v, "is current", err
	}
	runs, err := f.uses(ctx, v.ID)
	if err == nil && runs[v.ID] {
		reason = "has a run in progress"
	}
	return v, reason, err
}

func (f *Feature) softDelete(ctx context.Context, v Version, _ jsonapi.In[struct{}]) error {
	v, reason, err := f.dispensable(ctx, v)
	if err != nil {
		return err
	}
	if reason != "" {
		return problem.BadRequest("Configuration version backing data transition not allowed: it %s", reason)
	}
	return f.moveBacking(ctx, v, Deleted)
}

func (f *Feature) restore(ctx context.Context, v Version, _ jsonapi.In[struct{}]) error {
	if v.Status != Deleted {
		return notAllowed(v, Uploaded)
	}
	return f.moveBacking(ctx, v, Uploaded)
}

// destroy lets go of the files for good.
func (f *Feature) destroy(ctx context.Context, v Version, _ jsonapi.In[struct{}]) error {
	if err := f.moveBacking(ctx, v, Destroyed); err != nil {
		return err
	}
	return f.forget(ctx, []string{v.ID})
}

// moveBacking changes the status of a version; what cannot be is a 400 (page
// "Configuration Versions", "Mark a Configuration Version for Garbage Collection").
func (f *Feature) moveBacking(ctx context.Context, v Version, to Status) error {
	moved, err := f.move(ctx, v, to)
	if err == nil && !moved {
		return notAllowed(v, to)
	}
	return err
}

func notAllowed(v Version, to Status) error {
	return problem.BadRequest("Configuration version backing data transition not allowed: from %s to %s", v.Status, to)
}

// forget drops the archives of versions. The objects go after the commit.
func (f *Feature) forget(ctx context.Context, ids []string) error {
	keys, err := db.In[string](ctx, f.DB, `SELECT object FROM configuration_versions WHERE object <> '' AND id IN (?)`, ids)
	if err != nil || len(keys) == 0 {
		return err
	}
	query, args := db.List(`UPDATE configuration_versions SET object = '' WHERE id IN (?)`, ids)
	if _, err := f.DB.Exec(ctx, query, args...); err != nil {
		return err
	}
	return f.removals.Enqueue(ctx, keys...)
}

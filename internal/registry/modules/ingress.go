package modules

import (
	"context"
	"errors"
	"os"
	"time"

	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/kernel/archive"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/registry/modules/details"
)

// overdue is after how long the reading of a version's files is begun anew.
const overdue = 30 * time.Minute

// work registers what is done in the background.
func (f *Feature) work() {
	f.removals = jobs.Removing(f.Jobs, "remove-module-objects", f.Objects.Delete)
	jobs.Handle(f.Jobs, f.read, jobs.Timeout(10*time.Minute), jobs.InQueue("modules"), jobs.Workers(2))
	f.Jobs.Every("sweep-modules", time.Hour, f.Sweep)
	f.Jobs.Every("sweep-module-objects", 24*time.Hour, f.SweepObjects, jobs.Timeout(2*time.Hour))
}

// ingress is the job that reads the files of a version.
type ingress struct {
	VersionID string `json:"version"`
	Object    string `json:"object"`
}

// Kind implements jobs.Args.
func (ingress) Kind() string { return "read-module" }

// read reads the files of a version, and makes it one that can be installed, or says why
// it cannot be.
func (f *Feature) read(ctx context.Context, job ingress) error {
	v, err := f.FindVersion(ctx, job.VersionID)
	if errors.Is(err, problem.NotFound) || (err == nil && (v.Status != Ingressing || v.Object != job.Object)) {
		return nil // it was deleted, or other files took the place of these
	}
	if err != nil {
		return err
	}
	found, err := f.inspected(ctx, v)
	var bad *details.Bad
	if errors.As(err, &bad) {
		return f.finish(ctx, v, IngressFailed, bad.Reason, details.Module{})
	}
	if p, refused := problem.From(err); refused && !errors.Is(err, problem.NotFound) {
		return f.finish(ctx, v, IngressFailed, p.Detail, details.Module{})
	}
	if errors.Is(err, problem.NotFound) { // the object went while it was about to be read
		return nil
	}
	if err != nil {
		return err
	}
	return f.finish(ctx, v, OK, "", found)
}

// inspected unpacks a version and reads its files.
func (f *Feature) inspected(ctx context.Context, v Version) (m details.Module, err error) {
	r, err := f.Objects.Get(ctx, v.OrgID, v.Object)
	if err != nil {
		return m, err
	}
	defer func() { _ = r.Close() }()
	dir, err := os.MkdirTemp("", "plumbline-module-")
	if err != nil {
		return m, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := archive.Unpack(ctx, r, dir, archive.Limits{}); err != nil {
		return m, err
	}
	return details.Read(dir, v.ModuleName)
}

// finish records what came of reading a version, unless it has other files by now.
func (f *Feature) finish(ctx context.Context, v Version, status VersionStatus, reason string, found details.Module) error {
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		if err := f.lock(ctx, v.ModuleID); errors.Is(err, problem.NotFound) {
			return nil
		} else if err != nil {
			return err
		}
		n, err := f.DB.Exec(ctx, `UPDATE registry_module_versions SET status = ?, error = ?, outline = ?, updated_at = ? WHERE id = ? AND status = ? AND object = ?`,
			status, reason, db.AsJSON(found.Outline()), db.Now(), v.ID, Ingressing, v.Object)
		if err != nil || n == 0 {
			return err
		}
		if status == OK {
			_, err = f.DB.Exec(ctx, `INSERT INTO registry_module_details (version_id, details) VALUES (?, ?) ON CONFLICT (version_id) DO UPDATE SET details = excluded.details`,
				v.ID, db.AsJSON(found))
		}
		if err != nil {
			return err
		}
		return f.settle(ctx, v.ModuleID)
	})
}

// settle works out the status of a module and its newest version that can be installed
// by everybody. A pre-release is the newest only if there is nothing else. Call it with
// the module locked, after its versions have changed.
func (f *Feature) settle(ctx context.Context, moduleID string) error {
	rows, err := db.All[brief](ctx, f.DB, selectBriefs+`module_id = ?`, moduleID)
	if err != nil {
		return err
	}
	status, latest := Pending, brief{}
	for _, v := range rows {
		if v.Status != OK {
			continue
		}
		status = SetupComplete
		if !v.Revoked && latest.before(v) {
			latest = v
		}
	}
	if _, err = f.DB.Exec(ctx, `UPDATE registry_modules SET status = ?, latest_version = ?, updated_at = ? WHERE id = ?`, status, latest.Version, db.Now(), moduleID); err != nil {
		return err
	}
	org, err := db.All[string](ctx, f.DB, `SELECT org_id FROM registry_modules WHERE id = ?`, moduleID)
	if err != nil || len(org) == 0 {
		return err
	}
	changes.Tell(ctx, f.Bus, authz.Scope{Org: org[0]}, "registry-modules", moduleID)
	return nil
}

// before reports whether v rather than b is the newest version.
func (b brief) before(v brief) bool {
	if b.Version == "" || final(b.SortKey) != final(v.SortKey) {
		return b.Version == "" || final(v.SortKey)
	}
	return compare(b.SortKey, b.Version, v.SortKey, v.Version) < 0
}

// Sweep begins anew what was not read in time.
func (f *Feature) Sweep(ctx context.Context) error {
	late, err := db.All[Version](ctx, f.DB, selectVersions+`WHERE v.status = ? AND v.updated_at < ?`, Ingressing, db.At(time.Now().Add(-overdue)))
	if err != nil {
		return err
	}
	for _, v := range late {
		if err := f.Jobs.Enqueue(ctx, ingress{v.ID, v.Object}, jobs.Once(v.Object)); err != nil {
			return err
		}
	}
	return nil
}

// SweepObjects removes archives that no version has: those of organizations that were
// deleted, and of uploads that ended badly.
func (f *Feature) SweepObjects(ctx context.Context) error {
	return f.Objects.Sweep(ctx, prefix, func(ctx context.Context, keys []string) ([]string, error) {
		return db.In[string](ctx, f.DB, `SELECT object FROM registry_module_versions WHERE object <> '' AND object IN (?)`, keys)
	})
}

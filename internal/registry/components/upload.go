package components

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/kernel/archive"
	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/registry/components/tfcomponent"
)

const (
	// MaxArchive is the size of the largest archive in bytes.
	MaxArchive = 100 << 20
	// maxDrained is how much of a refused upload is read to its end in bytes, because many
	// clients see no answer before they have sent everything.
	maxDrained = 32 << 20
	// maxFile is the size of the largest file that is read in bytes, maxFiles that of all.
	maxFile  = 1 << 20
	maxFiles = 8 << 20

	prefix     = "component/" // of the keys of objects
	objectKind = "component"  // of signed addresses
)

// put takes the archive of a version. Another may take its place until one has been read.
func (f *Feature) put(ctx context.Context, versionID string, body io.Reader) error {
	v, err := f.versionByID(ctx, versionID)
	if err != nil {
		return err
	}
	holds := false
	in := archive.Inspect(ctx, body, archive.Limits{}, func(file archive.File) { holds = holds || tfcomponent.IsConfiguration(file.Path) })
	defer in.Stop()
	obj, err := f.Objects.Put(ctx, v.OrgID, prefix+id.New("obj"), in, MaxArchive)
	if err != nil {
		if _, bad := problem.From(err); bad {
			_, _ = io.CopyN(io.Discard, body, maxDrained)
		}
		return err
	}
	kept := false
	if holds {
		kept, err = f.adopt(ctx, v.ID, obj)
	} else {
		err = problem.Unprocessable("The archive has no component configuration: no file in its root whose name ends in .tfcomponent.hcl.")
	}
	if kept {
		return nil
	}
	if _, refused := problem.From(err); err != nil && !refused {
		return err // a commit whose answer was lost may need the object; if not, the sweep finds it
	}
	if e := f.Objects.Delete(context.WithoutCancel(ctx), obj.Key); e != nil {
		return e
	}
	return err
}

// adopt makes obj the archive of a version, and reports whether it was kept: not if the
// version has the same already.
func (f *Feature) adopt(ctx context.Context, versionID string, obj blob.Object) (kept bool, err error) {
	err = f.DB.Tx(ctx, func(ctx context.Context) error {
		v, err := db.One[Version](ctx, f.DB, `FROM registry_component_versions WHERE id = ?`+f.DB.ForUpdate(), versionID)
		if err != nil {
			return err
		}
		if kept = v.Object == "" || v.SHA256 != obj.SHA256; !kept {
			return nil
		}
		if v.Status == Completed {
			return problem.Conflict("Version %s is published, and its files are not what was sent. Publish another version.", v.Version)
		}
		if err := f.removals.Enqueue(ctx, v.Object); err != nil {
			return err
		}
		v.Object, v.SHA256, v.Status, v.Error = obj.Key, obj.SHA256, Pending, ""
		if err := f.DB.Update(ctx, "registry_component_versions", v, "object", "sha256", "status", "error"); err != nil {
			return err
		}
		return f.Jobs.Enqueue(ctx, ingress{v.ID, v.Object})
	})
	return kept && err == nil, err
}

func (f *Feature) versionByID(ctx context.Context, id string) (Version, error) {
	return db.One[Version](ctx, f.DB, `FROM registry_component_versions WHERE id = ?`, id)
}

// work registers what is done in the background.
func (f *Feature) work() {
	f.removals = jobs.Removing(f.Jobs, "remove-component-objects", f.Objects.Delete)
	jobs.Handle(f.Jobs, f.read, jobs.Timeout(10*time.Minute), jobs.InQueue("components"), jobs.Workers(2))
	f.Jobs.Every("sweep-component-objects", 24*time.Hour, f.SweepObjects, jobs.Timeout(2*time.Hour))
}

// ingress is the job that reads the files of a version.
type ingress struct {
	VersionID string `json:"version"`
	Object    string `json:"object"`
}

// Kind implements jobs.Args.
func (ingress) Kind() string { return "read-component" }

// read reads the files of a version and publishes it, or says why it cannot.
func (f *Feature) read(ctx context.Context, job ingress) error {
	v, err := f.versionByID(ctx, job.VersionID)
	if errors.Is(err, problem.NotFound) || (err == nil && (v.Status != Pending || v.Object != job.Object)) {
		return nil // it was deleted, or other files took the place of these
	}
	if err != nil {
		return err
	}
	v.Details.V, err = f.files(ctx, v)
	var bad *tfcomponent.Bad
	refused, isProblem := problem.From(err)
	now := db.Now()
	switch {
	case errors.Is(err, problem.NotFound):
		return nil // the object went while it was about to be read
	case errors.As(err, &bad):
		v.Status, v.Error = Errored, printable(bad.Reason)
	case isProblem:
		v.Status, v.Error = Errored, printable(refused.Detail)
	case err != nil:
		return err
	default:
		v.Status, v.PublishedAt = Completed, &now
	}
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		n, err := f.DB.Exec(ctx, `UPDATE registry_component_versions SET status = ?, error = ?, details = ?, published_at = ? WHERE id = ? AND object = ? AND status = ?`,
			v.Status, v.Error, v.Details, v.PublishedAt, v.ID, v.Object, Pending)
		if err != nil || n == 0 {
			return err
		}
		return f.touch(ctx, v.ComponentID)
	})
}

// printable is a text that may quote a file, as a database takes it.
func printable(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s[:min(len(s), 2000)], "\x00", ""), "")
}

// files reads the configuration in the root of a version's archive.
func (f *Feature) files(ctx context.Context, v Version) (c tfcomponent.Configuration, err error) {
	r, err := f.Objects.Get(ctx, v.OrgID, v.Object)
	if err != nil {
		return c, err
	}
	defer func() { _ = r.Close() }()
	files, left := map[string][]byte{}, int64(maxFiles)
	for file, err := range archive.Files(ctx, r, archive.Limits{}) {
		if err != nil {
			return c, err
		}
		if !tfcomponent.IsConfiguration(file.Path) && !tfcomponent.IsReadme(file.Path) {
			continue
		}
		if left -= file.Size; file.Size > maxFile || left < 0 {
			return c, &tfcomponent.Bad{Reason: file.Path + " is too large"}
		}
		b, err := io.ReadAll(file)
		if err != nil {
			return c, err
		}
		files[file.Path] = b
	}
	return tfcomponent.Read(files)
}

// forget lets a job remove the objects that a query finds, whose rows are about to go.
func (f *Feature) forget(ctx context.Context, query string, args ...any) error {
	keys, err := db.All[string](ctx, f.DB, query, args...)
	if err != nil {
		return err
	}
	return f.removals.Enqueue(ctx, keys...)
}

// SweepObjects removes objects that no version has: those of organizations that were
// deleted, and of uploads that ended badly.
func (f *Feature) SweepObjects(ctx context.Context) error {
	return f.Objects.Sweep(ctx, prefix, func(ctx context.Context, keys []string) ([]string, error) {
		return db.In[string](ctx, f.DB, `SELECT object FROM registry_component_versions WHERE object <> '' AND object IN (?)`, keys)
	})
}

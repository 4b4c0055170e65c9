package modules

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strconv"

	"plumbline.dev/plumbline/internal/kernel/archive"
	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/registry/modules/details"
)

const (
	// MaxArchive is the size of the largest archive in bytes.
	MaxArchive = 100 << 20
	// maxDrained is how much of a refused upload is read to its end in bytes, because
	// many clients see no answer before they have sent everything.
	maxDrained = 32 << 20

	prefix     = "module/" // of the keys of objects
	objectKind = "module"  // of signed addresses
)

// put takes the archive of a version. Another archive may take its place as long as
// nobody has installed the version.
func (f *Feature) put(ctx context.Context, versionID string, body io.Reader) error {
	v, err := f.FindVersion(ctx, versionID)
	if err != nil {
		return err
	}
	in, holds := inspect(ctx, body)
	defer in.Stop()
	obj, err := f.Objects.Put(ctx, v.OrgID, prefix+id.New("obj"), in, MaxArchive)
	if _, bad := problem.From(err); bad {
		_, _ = io.CopyN(io.Discard, body, maxDrained)
	}
	if err != nil {
		return err
	}
	kept := false
	if *holds {
		kept, err = f.adopt(ctx, v, obj)
	} else {
		err = problem.Unprocessable("The archive holds no configuration: no file whose name ends in .tf, .tf.json, .tofu or .tofu.json.")
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

// inspect checks an archive that passes through; holds tells at its end whether there is
// configuration in it.
func inspect(ctx context.Context, body io.Reader) (in *archive.Inspection, holds *bool) {
	holds = new(bool)
	return archive.Inspect(ctx, body, archive.Limits{}, func(file archive.File) {
		*holds = *holds || details.IsConfiguration(file.Path)
	}), holds
}

// adopt makes obj the archive of a version, and reports whether it was kept: not if the
// version has the same already.
func (f *Feature) adopt(ctx context.Context, v Version, obj blob.Object) (kept bool, err error) {
	err = f.DB.Tx(ctx, func(ctx context.Context) error {
		if err := f.lock(ctx, v.ModuleID); err != nil {
			return err
		}
		if v, err = f.FindVersion(ctx, v.ID); err != nil {
			return err
		}
		if kept = v.Object == "" || v.SHA256 != obj.SHA256; !kept {
			return nil
		}
		if err := f.replaceable(ctx, v); err != nil {
			return err
		}
		old := v.Object
		v.Object, v.SHA256, v.Size, v.Status, v.Error, v.UpdatedAt = obj.Key, obj.SHA256, obj.Size, Ingressing, "", db.Now()
		if err := f.DB.Update(ctx, "registry_module_versions", v, "object", "sha256", "size", "status", "error", "updated_at"); err != nil {
			return err
		}
		if err := f.removals.Enqueue(ctx, old); err != nil {
			return err
		}
		if err := f.settle(ctx, v.ModuleID); err != nil {
			return err
		}
		return f.Jobs.Enqueue(ctx, ingress{v.ID, v.Object})
	})
	return kept && err == nil, err
}

// replaceable refuses to change files that somebody has installed.
func (f *Feature) replaceable(ctx context.Context, v Version) error {
	n, err := db.One[int](ctx, f.DB, `SELECT count(*) FROM registry_module_consumers WHERE version_id = ?`, v.ID)
	if err == nil && n > 0 {
		err = problem.Conflict("Version %s has been installed already, and its files are not what was sent. Publish another version.", v.Version)
	}
	return err
}

// get sends the archive.
func (f *Feature) get(ctx context.Context, w http.ResponseWriter, req *http.Request, versionID string) error {
	v, err := db.One[stored](ctx, f.DB, `SELECT m.org_id AS org_id, v.object AS object, v.sha256 AS sha256, v.size AS size
		FROM registry_module_versions v JOIN registry_modules m ON m.id = v.module_id WHERE v.id = ? AND v.object <> ''`, versionID)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/gzip")
	h.Set("Content-Length", strconv.FormatInt(v.Size, 10))
	h.Set("ETag", `"`+v.SHA256+`"`)
	if req.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	r, err := f.Objects.Get(ctx, v.OrgID, v.Object)
	if err != nil {
		h.Del("Content-Length")
		return err
	}
	defer func() { _ = r.Close() }()
	w.WriteHeader(http.StatusOK)
	// A broken stream ends short of its Content-Length, which every client notices.
	if _, err := io.Copy(w, r); err != nil && req.Context().Err() == nil {
		slog.ErrorContext(ctx, "sending a module failed", "version", versionID, "err", err)
	}
	return nil
}

// stored is where the archive of a version is.
type stored struct {
	OrgID  string `db:"org_id"`
	Object string `db:"object"`
	SHA256 string `db:"sha256"`
	Size   int64  `db:"size"`
}

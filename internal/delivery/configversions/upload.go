package configversions

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strconv"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/archive"
	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

const (
	// MaxArchive is the size of the largest archive in bytes.
	MaxArchive = 256 << 20
	// maxDrained is how much of a refused upload is read to its end in bytes, because
	// many clients see no answer before they have sent everything.
	maxDrained = 32 << 20

	prefix     = "configuration/" // of the keys of objects
	objectKind = "configuration"  // of signed addresses
)

// put takes the archive of a pending version. Another archive may take its place as
// long as no run can have seen the first.
func (f *Feature) put(ctx context.Context, versionID string, body io.Reader) error {
	v, err := f.Find(ctx, versionID)
	if err != nil {
		return err
	}
	if v.Status != Pending && v.Status != Uploaded {
		return taken(v)
	}
	in := archive.Inspect(ctx, body, archive.Limits{}, nil)
	defer in.Stop()
	obj, err := f.Objects.Put(ctx, v.OrgID, prefix+id.New("obj"), in, MaxArchive)
	if err != nil {
		return f.refuse(ctx, v, body, err)
	}
	kept, err := f.adopt(ctx, v.ID, obj)
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

func taken(v Version) error {
	return problem.Conflict("This configuration version takes no files any more: it is %s", v.Status)
}

// refuse marks a pending version as errored if the upload failed for what was sent.
func (f *Feature) refuse(ctx context.Context, v Version, body io.Reader, err error) error {
	bad, ok := problem.From(err)
	if !ok {
		return err
	}
	code := "invalid-archive"
	if bad.Status == http.StatusRequestEntityTooLarge {
		code = "archive-too-large"
	} else {
		_, _ = io.CopyN(io.Discard, body, maxDrained)
	}
	if e := f.fail(context.WithoutCancel(ctx), v, code, bad.Detail); e != nil {
		return e
	}
	return bad
}

// fail gives up a version that has no archive yet, for a reason that clients see.
func (f *Feature) fail(ctx context.Context, v Version, code, message string) error {
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		moved, err := f.move(ctx, v, Errored)
		if err != nil || !moved {
			return err
		}
		_, err = f.DB.Exec(ctx, `UPDATE configuration_versions SET error = ?, error_message = ? WHERE id = ?`, code, message, v.ID)
		return err
	})
}

// adopt makes obj the archive of a version, and reports whether it was kept: not if
// the version has the same already.
func (f *Feature) adopt(ctx context.Context, versionID string, obj blob.Object) (kept bool, err error) {
	err = f.DB.Tx(ctx, func(ctx context.Context) error {
		v, err := f.Find(ctx, versionID)
		if err != nil {
			return err
		}
		current, err := f.lockPlace(ctx, v)
		if err != nil {
			return err
		}
		if v, err = f.Lock(ctx, versionID); err != nil {
			return err
		}
		if kept = v.Status != Uploaded || v.SHA256 != obj.SHA256; !kept {
			return nil
		}
		old := v.Object
		if v.Status == Uploaded {
			err = f.replaceable(ctx, v)
		} else {
			err = f.uploaded(ctx, v)
		}
		if err != nil {
			return err
		}
		v.Status, v.Object, v.SHA256, v.Size = Uploaded, obj.Key, obj.SHA256, obj.Size
		if err := f.DB.Update(ctx, "configuration_versions", v, "object", "sha256", "size"); err != nil {
			return err
		}
		return f.afterUpload(ctx, v, old, current)
	})
	return kept && err == nil, err
}

// lockPlace locks the workspace of a version, if it has one, and returns what is its
// current version.
func (f *Feature) lockPlace(ctx context.Context, v Version) (current string, err error) {
	if v.WorkspaceID == nil {
		return "", nil
	}
	ws, err := f.Workspaces.Lock(ctx, *v.WorkspaceID)
	return db.Text(ws.CurrentConfigurationVersionID), err
}

// replaceable refuses to change files that a run may have seen.
func (f *Feature) replaceable(ctx context.Context, v Version) error {
	runs, err := f.uses(ctx, v.ID)
	if err != nil {
		return err
	}
	if _, used := runs[v.ID]; used || (v.AutoQueueRuns && v.WorkspaceID != nil) {
		return problem.Conflict("This configuration version has its files already, and they are not what was sent")
	}
	return nil
}

func (f *Feature) uploaded(ctx context.Context, v Version) error {
	moved, err := f.move(ctx, v, Uploaded)
	if err == nil && !moved {
		return taken(v)
	}
	return err
}

// afterUpload does what follows from a new archive; old is the object that it replaces.
func (f *Feature) afterUpload(ctx context.Context, v Version, old, current string) error {
	if current == v.ID {
		if err := f.Jobs.Enqueue(ctx, readme{*v.WorkspaceID, v.ID}); err != nil {
			return err
		}
	}
	if old != "" {
		return f.removals.Enqueue(ctx, old)
	}
	if v.WorkspaceID == nil {
		return nil
	}
	for _, do := range f.OnUploaded {
		if err := do(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

// Download redirects to the archive (302).
func (f *Feature) Download(ctx context.Context, w http.ResponseWriter, _ *http.Request, v Version) error {
	if v.Status != Uploaded {
		return problem.NotFound
	}
	w.Header().Set("Location", f.router.Sign(ctx, http.MethodGet, objectKind, v.ID, api.GetTTL))
	w.WriteHeader(http.StatusFound)
	return nil
}

// Open reads the archive of a version, for who executes a run. It is problem.NotFound if
// there is none (any more). Call it outside of transactions.
func (f *Feature) Open(ctx context.Context, versionID string) (io.ReadCloser, error) {
	v, err := f.Find(ctx, versionID)
	if err != nil {
		return nil, err
	}
	if v.Status != Uploaded {
		return nil, problem.NotFound
	}
	return f.Objects.Get(ctx, v.OrgID, v.Object)
}

// get sends the archive.
func (f *Feature) get(ctx context.Context, w http.ResponseWriter, req *http.Request, versionID string) error {
	v, err := f.Find(ctx, versionID)
	if err != nil {
		return err
	}
	if v.Status != Uploaded {
		return problem.NotFound
	}
	r, err := f.Objects.Get(ctx, v.OrgID, v.Object)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	h := w.Header()
	h.Set("Content-Type", "application/gzip")
	h.Set("Content-Length", strconv.FormatInt(v.Size, 10))
	h.Set("ETag", `"`+v.SHA256+`"`)
	w.WriteHeader(http.StatusOK)
	if req.Method == http.MethodHead {
		return nil
	}
	// A broken stream ends short of its Content-Length, which every client notices.
	if _, err := io.Copy(w, r); err != nil && req.Context().Err() == nil {
		slog.ErrorContext(ctx, "sending a configuration failed", "version", v.ID, "err", err)
	}
	return nil
}

package stateversions

import (
	"context"
	"crypto/md5" //nolint:gosec // clients promise the MD5 of states; nothing trusts it
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"

	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// putState takes the state of a pending version and makes the version current. The
// same state may come again: clients repeat what they got no answer to.
func (f *Feature) putState(ctx context.Context, versionID string, body io.Reader) error {
	v, err := db.One[Version](ctx, f.DB, `FROM state_versions WHERE id = ?`, versionID)
	if err != nil {
		return err
	}
	if v.Status != Pending {
		return v.sameAgain(body, v.MD5)
	}
	w := &watcher{}
	obj, err := f.Objects.Put(ctx, v.OrgID, newKey(), io.TeeReader(body, w), MaxState)
	if err != nil {
		return err
	}
	err = f.adopt(ctx, v.ID, obj, w)
	return f.removeRefused(ctx, obj.Key, err)
}

func newKey() string { return "state/" + id.New("obj") }

// adopt makes a pending version current with the state in obj.
func (f *Feature) adopt(ctx context.Context, versionID string, obj blob.Object, w *watcher) error {
	s, err := w.result()
	if err != nil {
		return err
	}
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		v, err := db.One[Version](ctx, f.DB, `FROM state_versions WHERE id = ?`, versionID)
		if err != nil {
			return err
		}
		ws, err := f.Workspaces.Lock(ctx, v.WorkspaceID)
		if err != nil {
			return err
		}
		// Read again: another upload may have held the row.
		if v, err = db.One[Version](ctx, f.DB, `FROM state_versions WHERE id = ?`, versionID); err != nil {
			return err
		}
		if err := v.accept(obj, s); err != nil {
			return err
		}
		switch {
		case v.Status == Finalized:
			return errAgain
		case v.Status != Pending:
			return superseded()
		case ws.LockedByKind != v.LockKind || ws.LockedByID != v.LockID:
			return problem.Conflict("The workspace is no longer locked by who created this state version")
		}
		last, err := f.last(ctx, ws)
		if err != nil {
			return err
		}
		if err := v.follows(last); err != nil {
			return err
		}
		return f.finalize(ctx, &v, last, content{obj, s}, true)
	})
}

// errAgain tells that the object was there already.
var errAgain = &problem.Problem{Status: http.StatusOK, Title: "was there already"}

func superseded() error {
	return problem.Conflict("This state version takes no state any more: another became current before it, or its data was deleted")
}

// removeRefused removes an object that no version took. After a fault of ours it is
// left to the sweep, because a commit whose answer was lost may need it.
func (f *Feature) removeRefused(ctx context.Context, key string, err error) error {
	if _, refused := problem.From(err); !refused {
		return err
	}
	if e := f.Objects.Delete(context.WithoutCancel(ctx), key); e != nil {
		return e
	}
	if errors.Is(err, errAgain) {
		return nil
	}
	return err
}

// sameAgain accepts what a version has already, and nothing else.
func (v Version) sameAgain(body io.Reader, sum string) error {
	if v.Status != Finalized {
		return superseded()
	}
	h := md5.New() //nolint:gosec // see the import
	n, err := io.Copy(h, io.LimitReader(body, MaxState+1))
	switch {
	case err != nil:
		return err
	case n > MaxState:
		return problem.TooLarge("The body is larger than %d bytes", MaxState)
	case hex.EncodeToString(h.Sum(nil)) != sum:
		return problem.Conflict("This state version has its data already, and it is not what was sent")
	}
	return nil
}

// putJSON takes the external representation of a version's state, once, before or
// after the state itself.
func (f *Feature) putJSON(ctx context.Context, versionID string, body io.Reader) error {
	v, err := db.One[Version](ctx, f.DB, `FROM state_versions WHERE id = ?`, versionID)
	switch {
	case err != nil:
		return err
	case v.JSONObject != "":
		v.Status = Finalized
		return v.sameAgain(body, v.JSONMD5)
	case v.Status != Pending && v.Status != Finalized:
		return superseded()
	}
	w := watchJSON().(*watcher)
	obj, err := f.Objects.Put(ctx, v.OrgID, newKey(), io.TeeReader(body, w), MaxState)
	if err != nil {
		return err
	}
	if _, err = w.result(); err == nil {
		err = f.adoptJSON(ctx, v.ID, obj)
	}
	return f.removeRefused(ctx, obj.Key, err)
}

func (f *Feature) adoptJSON(ctx context.Context, versionID string, obj blob.Object) error {
	n, err := f.DB.Exec(ctx, `UPDATE state_versions SET json_object = ?, json_md5 = ?, json_size = ? WHERE id = ? AND json_object = '' AND status IN (?, ?)`,
		obj.Key, obj.MD5, obj.Size, versionID, Pending, Finalized)
	if err != nil || n == 1 {
		return err
	}
	v, err := db.One[Version](ctx, f.DB, `FROM state_versions WHERE id = ?`, versionID)
	switch {
	case err != nil:
		return err
	case v.JSONMD5 == obj.MD5:
		return errAgain
	}
	return superseded()
}

func (f *Feature) getState(ctx context.Context, w http.ResponseWriter, req *http.Request, versionID string) error {
	v, err := db.One[Version](ctx, f.DB, `FROM state_versions WHERE id = ?`, versionID)
	if err != nil {
		return err
	}
	return f.send(ctx, w, req, v, blob.Object{Key: v.Object, MD5: v.MD5, Size: v.Size})
}

func (f *Feature) getJSON(ctx context.Context, w http.ResponseWriter, req *http.Request, versionID string) error {
	v, err := db.One[Version](ctx, f.DB, `FROM state_versions WHERE id = ?`, versionID)
	if err != nil {
		return err
	}
	return f.send(ctx, w, req, v, blob.Object{Key: v.JSONObject, MD5: v.JSONMD5, Size: v.JSONSize})
}

// send streams an object of a version.
func (f *Feature) send(ctx context.Context, w http.ResponseWriter, req *http.Request, v Version, obj blob.Object) error {
	if v.Status != Finalized || obj.Key == "" {
		return problem.NotFound
	}
	r, err := f.Objects.Get(ctx, v.OrgID, obj.Key)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.FormatInt(obj.Size, 10))
	h.Set("ETag", `"`+obj.MD5+`"`)
	w.WriteHeader(http.StatusOK)
	if req.Method == http.MethodHead {
		return nil
	}
	// A broken stream ends short of its Content-Length, which every client notices.
	if _, err := io.Copy(w, r); err != nil && req.Context().Err() == nil {
		slog.ErrorContext(ctx, "sending a state failed", "version", v.ID, "err", err)
	}
	return nil
}

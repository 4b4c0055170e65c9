// Package outputs keeps what plans and applies leave beside their log: the plan file, its
// JSON, the schemas of providers, and what else executor/proto names.
//
// An output can be put again, because an executor that did not hear an answer sends it
// again; the last one counts. The object is stored before its row is, so an object
// without a row is nothing: a sweep removes it a day later.
package outputs

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jobs"
)

// Output is something that a plan or an apply left.
type Output struct {
	Subject     string `db:"subject"` // id of the plan or apply
	Name        string `db:"name"`
	OrgID       string `db:"org_id"`
	WorkspaceID string `db:"workspace_id"`
	Object      string `db:"object"`
	Size        int64  `db:"size"`
	SHA256      string `db:"sha256"`
}

// MaxSize is the size of the largest output in bytes.
const MaxSize = 512 << 20

const prefix = "output/" // of the keys of objects

// Store keeps outputs.
type Store struct {
	DB      *db.DB
	Objects *blob.Store
	Jobs    *jobs.Queue

	removals jobs.Removals // of objects
}

// Work adds the jobs of the store to Jobs.
func (s *Store) Work() {
	s.removals = jobs.Removing(s.Jobs, "remove-outputs", s.Objects.Delete)
	s.Jobs.Every("sweep-outputs", 24*time.Hour, s.SweepObjects, jobs.Timeout(2*time.Hour))
}

// Put stores body as an output, in the place of an earlier one. Call it outside of
// transactions.
func (s *Store) Put(ctx context.Context, o Output, body io.Reader) error {
	obj, err := s.Objects.Put(ctx, o.OrgID, prefix+id.New("obj"), body, MaxSize)
	if err != nil {
		return err
	}
	o.Object, o.Size, o.SHA256 = obj.Key, obj.Size, obj.SHA256
	return s.DB.Tx(ctx, func(ctx context.Context) error {
		old, err := db.All[string](ctx, s.DB, `SELECT object FROM outputs WHERE subject = ? AND name = ?`+s.DB.ForUpdate(), o.Subject, o.Name)
		if err != nil {
			return err
		}
		if err := db.InsertAll(ctx, s.DB, "outputs", []Output{o}, `ON CONFLICT (subject, name) DO UPDATE SET object = excluded.object, size = excluded.size, sha256 = excluded.sha256`); err != nil {
			return err
		}
		return s.removals.Enqueue(ctx, old...)
	})
}

// Find returns an output, or problem.NotFound.
func (s *Store) Find(ctx context.Context, subject, name string) (Output, error) {
	return db.One[Output](ctx, s.DB, `FROM outputs WHERE subject = ? AND name = ?`, subject, name)
}

// Open reads an output, or gives problem.NotFound. Call it outside of transactions.
func (s *Store) Open(ctx context.Context, subject, name string) (io.ReadCloser, error) {
	o, err := s.Find(ctx, subject, name)
	if err != nil {
		return nil, err
	}
	return s.Objects.Get(ctx, o.OrgID, o.Object)
}

// Remove forgets the outputs of plans and applies.
func (s *Store) Remove(ctx context.Context, subjects []string) error {
	keys, err := db.In[string](ctx, s.DB, `DELETE FROM outputs WHERE subject IN (?) RETURNING object`, subjects)
	if err != nil {
		return err
	}
	return s.removals.Enqueue(ctx, keys...)
}

// SweepObjects removes objects that no output has: those of workspaces that were deleted,
// and of uploads that ended badly.
func (s *Store) SweepObjects(ctx context.Context) error {
	return s.Objects.Sweep(ctx, prefix, func(ctx context.Context, keys []string) ([]string, error) {
		return db.In[string](ctx, s.DB, `SELECT object FROM outputs WHERE object IN (?)`, keys)
	})
}

// Send answers with an output.
func (s *Store) Send(ctx context.Context, w http.ResponseWriter, req *http.Request, subject, name, contentType string) error {
	o, err := s.Find(ctx, subject, name)
	if err != nil {
		return err
	}
	return Send(ctx, w, req, s.Objects, o, contentType)
}

// Send answers with an object, which may be large: it is never in memory as a whole.
func Send(ctx context.Context, w http.ResponseWriter, req *http.Request, from *blob.Store, o Output, contentType string) error {
	r, err := from.Get(ctx, o.OrgID, o.Object)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.FormatInt(o.Size, 10))
	w.WriteHeader(http.StatusOK)
	if req.Method == http.MethodHead {
		return nil
	}
	// A broken stream ends short of its Content-Length, which every client notices.
	if _, err := io.Copy(w, r); err != nil && req.Context().Err() == nil {
		slog.ErrorContext(ctx, "sending an output failed", "of", o.Subject, "name", o.Name, "err", err)
	}
	return nil
}

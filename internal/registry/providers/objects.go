package providers

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

const (
	// MaxBinary is the size of the largest archive of a provider in bytes.
	MaxBinary = 1 << 30
	// maxDrained is how much of a refused upload is read to its end in bytes, because many
	// clients see no answer before they have sent everything.
	maxDrained = 32 << 20

	prefix = "providers/" // of the keys of objects

	// Kinds of signed addresses.
	shasumsKind   = "provider-shasums"
	signatureKind = "provider-signature"
	binaryKind    = "provider-binary"
)

// objects says what happens at signed addresses.
func (f *Feature) objects(r *api.Router) {
	r.Object(shasumsKind, api.ObjectKind{Put: f.putShasums, Get: func(ctx context.Context, w http.ResponseWriter, _ *http.Request, id string) error {
		return f.getSmall(ctx, w, "text/plain; charset=utf-8", `SELECT shasums FROM registry_provider_versions WHERE shasums IS NOT NULL AND id = ?`, id)
	}})
	r.Object(signatureKind, api.ObjectKind{Put: f.putSignature, Get: func(ctx context.Context, w http.ResponseWriter, _ *http.Request, id string) error {
		return f.getSmall(ctx, w, "application/octet-stream", `SELECT signature FROM registry_provider_versions WHERE signature IS NOT NULL AND id = ?`, id)
	}})
	r.Object(binaryKind, api.ObjectKind{Put: f.putBinary, Get: f.getBinary})
}

// getSmall sends the file that a query finds.
func (f *Feature) getSmall(ctx context.Context, w http.ResponseWriter, contentType, query, id string) error {
	b, err := db.One[[]byte](ctx, f.DB, query, id)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = w.Write(b) // a client that went away is no error of ours
	return nil
}

// putBinary takes the archive of a platform, if it has the checksum that was announced.
func (f *Feature) putBinary(ctx context.Context, platformID string, body io.Reader) error {
	p, err := f.platform(ctx, platformID)
	if err != nil {
		return err
	}
	in := bufio.NewReaderSize(body, 64<<10)
	if head, err := in.Peek(4); err == nil && string(head) != "PK\x03\x04" {
		_, _ = io.CopyN(io.Discard, in, maxDrained)
		return problem.Unprocessable("The file is not a zip archive. Send %s, which holds the provider's binary.", p.Filename)
	}
	obj, err := f.Objects.Put(ctx, p.OrgID, prefix+id.New("obj"), in, MaxBinary)
	if err != nil {
		return err
	}
	kept, err := f.adopt(ctx, p, obj)
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

// adopt makes obj the archive of a platform, and reports whether it was kept: not if the
// platform has it already.
func (f *Feature) adopt(ctx context.Context, p Platform, obj blob.Object) (kept bool, err error) {
	if !strings.EqualFold(obj.SHA256, p.Shasum) {
		return false, problem.Unprocessable("The SHA-256 checksum of the file is %s, and that of platform %s/%s was announced as %s: the file is another one, or was changed on its way.", obj.SHA256, p.OS, p.Arch, p.Shasum)
	}
	err = f.DB.Tx(ctx, func(ctx context.Context) error {
		s, err := f.lockSigning(ctx, p.VersionID)
		if err != nil {
			return err
		}
		if p, err = f.platform(ctx, p.ID); err != nil {
			return err
		}
		if kept = p.Object == ""; !kept {
			return nil
		}
		if err := s.match(p); err != nil {
			return err
		}
		p.Object, p.Size = obj.Key, obj.Size
		if err := f.DB.Update(ctx, "registry_provider_platforms", p, "object", "size"); err != nil {
			return err
		}
		changes.Tell(ctx, f.Bus, authz.Scope{Org: s.OrgID}, "registry-provider-platforms", p.ID)
		return f.Jobs.Enqueue(ctx, hashing{p.ID})
	})
	return kept && err == nil, err
}

func (f *Feature) platform(ctx context.Context, id string) (Platform, error) {
	return db.One[Platform](ctx, f.DB, `FROM registry_provider_platforms WHERE id = ?`, id)
}

// getBinary sends the archive of a platform.
func (f *Feature) getBinary(ctx context.Context, w http.ResponseWriter, req *http.Request, platformID string) error {
	p, err := f.platform(ctx, platformID)
	if err != nil {
		return err
	}
	if p.Object == "" {
		return problem.NotFound
	}
	r, err := f.Objects.Get(ctx, p.OrgID, p.Object)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", `attachment; filename="`+p.Filename+`"`)
	h.Set("Content-Length", strconv.FormatInt(p.Size, 10))
	h.Set("ETag", `"`+strings.ToLower(p.Shasum)+`"`)
	if req.Method == http.MethodHead {
		return nil
	}
	// A broken stream ends short of its Content-Length, which every client notices.
	if _, err := io.Copy(w, r); err != nil && req.Context().Err() == nil {
		slog.ErrorContext(ctx, "sending a provider failed", "platform", p.ID, "err", err)
	}
	return nil
}

// work registers what is done in the background.
func (f *Feature) work() {
	f.removals = jobs.Removing(f.Jobs, "remove-provider-objects", f.Objects.Delete)
	jobs.Handle(f.Jobs, f.hash, jobs.Timeout(10*time.Minute), jobs.InQueue("providers"), jobs.Workers(2))
	f.Jobs.Every("sweep-provider-objects", 24*time.Hour, f.SweepObjects, jobs.Timeout(2*time.Hour))
}

// forget lets a job remove the objects that a query finds, whose rows are about to go.
func (f *Feature) forget(ctx context.Context, query string, args ...any) error {
	keys, err := db.All[string](ctx, f.DB, query, args...)
	if err != nil {
		return err
	}
	return f.removals.Enqueue(ctx, keys...)
}

// SweepObjects removes objects that no platform has: those of organizations that were
// deleted, and of uploads that ended badly.
func (f *Feature) SweepObjects(ctx context.Context) error {
	return f.Objects.Sweep(ctx, prefix, func(ctx context.Context, keys []string) ([]string, error) {
		return db.In[string](ctx, f.DB, `SELECT object FROM registry_provider_platforms WHERE object <> '' AND object IN (?)`, keys)
	})
}

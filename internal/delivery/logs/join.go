package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

const (
	prefix = "log/" // of the keys of objects

	// partSize is how much of a joined log one object holds, in bytes. Most logs are one
	// object. Objects can only be read from their beginning on, so that a reader who asks
	// for a large log in pieces would decrypt all of it each time.
	partSize = 4 << 20

	// joinAfter is how long after its end a log is joined: those who watched it have then
	// read it to the end.
	joinAfter = time.Minute
)

// joining is the job that joins the chunks of a closed log.
type joining struct {
	Stream string `json:"stream"`
}

// Kind implements jobs.Args.
func (joining) Kind() string { return "join-log" }

func (f *Feature) join(ctx context.Context, job joining) error { return f.Join(ctx, job.Stream) }

// Join makes objects of the chunks of a closed log. Of one that is gone, is open, or was
// joined before, it makes nothing.
func (f *Feature) Join(ctx context.Context, streamID string) error {
	s, err := db.One[found](ctx, f.DB, `SELECT org_id, object, size, closed_at IS NOT NULL AS closed FROM log_streams WHERE id = ?`, streamID)
	if errors.Is(err, problem.NotFound) || err == nil && (!s.Closed || s.Object != "") {
		return nil
	}
	if err != nil {
		return err
	}
	object := prefix + id.New("obj")
	for n := int64(0); n*partSize < s.Size; n++ {
		part := &stretch{reader{ctx: ctx, f: f, id: streamID, offset: n * partSize, rest: partSize}, nil}
		stored, err := f.Objects.Put(ctx, s.OrgID, key(object, n), part, partSize)
		if err != nil {
			return err
		}
		if want := min(partSize, s.Size-n*partSize); stored.Size != want {
			return fmt.Errorf("joining the log of %s: part %d has %d bytes, not %d", streamID, n, stored.Size, want)
		}
	}
	return f.adopt(ctx, streamID, object)
}

// adopt puts objects in the place of chunks. If another was quicker, the objects are left
// to the sweep.
func (f *Feature) adopt(ctx context.Context, streamID, object string) error {
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		n, err := f.DB.Exec(ctx, `UPDATE log_streams SET object = ? WHERE id = ? AND object = ''`, object, streamID)
		if err != nil || n == 0 {
			return err
		}
		_, err = f.DB.Exec(ctx, `DELETE FROM log_chunks WHERE stream_id = ?`, streamID)
		return err
	})
}

// stretch reads a part of a log.
type stretch struct {
	reader
	left []byte
}

// Read implements io.Reader.
func (s *stretch) Read(p []byte) (n int, err error) {
	if len(s.left) == 0 {
		if s.left, err = s.next(); err != nil {
			return 0, err
		}
	}
	n = copy(p, s.left)
	s.left = s.left[n:]
	return n, nil
}

// key is that of the object with part n.
func key(object string, n int64) string { return object + "/" + strconv.FormatInt(n, 10) }

// joined reads a piece of a log from the object that has its beginning.
func (f *Feature) joined(ctx context.Context, s found, offset, limit int64) ([]byte, error) {
	if offset >= s.Size {
		return nil, nil
	}
	r, err := f.Objects.Get(ctx, s.OrgID, key(s.Object, offset/partSize))
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	if _, err := io.CopyN(io.Discard, r, offset%partSize); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	_, err = io.Copy(&out, io.LimitReader(r, limit))
	return out.Bytes(), err
}

// Remove forgets logs. Their objects go with the next sweep.
func (f *Feature) Remove(ctx context.Context, ids []string) error {
	query, args := db.List(`DELETE FROM log_streams WHERE id IN (?)`, ids)
	_, err := f.DB.Exec(ctx, query, args...)
	return err
}

// SweepObjects removes objects that no log has: those of runs that were deleted, and of
// joins that were done twice.
func (f *Feature) SweepObjects(ctx context.Context) error {
	return f.Objects.Sweep(ctx, prefix, f.used)
}

// used returns those of the objects that a log has.
func (f *Feature) used(ctx context.Context, keys []string) ([]string, error) {
	prefixes := make([]string, len(keys))
	for i, k := range keys {
		prefixes[i] = k[:max(0, strings.LastIndexByte(k, '/'))]
	}
	live, err := db.In[string](ctx, f.DB, `SELECT object FROM log_streams WHERE object <> '' AND object IN (?)`, prefixes)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, object := range live {
		known[object] = true
	}
	var out []string
	for i, k := range keys {
		if known[prefixes[i]] {
			out = append(out, k)
		}
	}
	return out, nil
}

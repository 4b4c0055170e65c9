package logs

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strconv"

	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// maxPiece is how much of a log is read at a time, in bytes.
const maxPiece = 256 << 10

// get sends a log as raw text from ?offset on, at most ?limit bytes of what there is so
// far. Behind the end it is empty; the client comes again.
func (f *Feature) get(ctx context.Context, w http.ResponseWriter, req *http.Request, id string) error {
	offset, err := number(req, "offset", 0)
	if err != nil {
		return err
	}
	limit, err := number(req, "limit", math.MaxInt64)
	if err != nil {
		return err
	}
	f.watch(ctx, id)
	r := &reader{ctx: ctx, f: f, id: id, offset: offset, rest: limit}
	first, err := r.next()
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	for err == nil && req.Method != http.MethodHead {
		if _, failed := w.Write(first); failed != nil {
			return nil //nolint:nilerr // the client went away
		}
		first, err = r.next()
	}
	if err != nil && !errors.Is(err, io.EOF) && ctx.Err() == nil {
		slog.ErrorContext(ctx, "sending a log failed", "log", id, "err", err)
		panic(http.ErrAbortHandler) // a log without its end must not look whole
	}
	return nil
}

// Read returns at most limit bytes of a log from an offset on, which counts from the end if
// it is negative. It is for logs that are small, or read in parts: limit is at most 1 MiB.
func (f *Feature) Read(ctx context.Context, id string, offset, limit int64) ([]byte, error) {
	const most = 1 << 20
	limit = min(limit, most)
	if offset < 0 {
		size, err := f.size(ctx, id)
		if err != nil {
			return nil, err
		}
		offset = max(size+offset, 0)
	}
	r := &reader{ctx: ctx, f: f, id: id, offset: offset, rest: limit}
	var all []byte
	for {
		part, err := r.next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, part...)
	}
}

// size is the length of a log so far, in bytes.
func (f *Feature) size(ctx context.Context, id string) (int64, error) {
	return db.One[int64](ctx, f.DB, `SELECT CASE WHEN s.closed_at IS NOT NULL THEN s.size ELSE
		COALESCE((SELECT MAX(c.start + c.size) FROM log_chunks c WHERE c.stream_id = s.id), 0) END FROM log_streams s WHERE s.id = ?`, id)
}

// number reads a query parameter that is not negative.
func number(req *http.Request, name string, absent int64) (int64, error) {
	text := req.URL.Query().Get(name)
	if text == "" {
		return absent, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, problem.BadRequest("%s must be a number of bytes", name)
	}
	return n, nil
}

// reader gives a log piece by piece.
type reader struct {
	ctx          context.Context
	f            *Feature
	id           string
	offset, rest int64
}

// Reader gives a log as far as it goes, with the marks of its beginning and end.
func (f *Feature) Reader(ctx context.Context, id string) io.Reader {
	return &texts{reader: reader{ctx: ctx, f: f, id: id, rest: math.MaxInt64}}
}

// texts is an io.Reader of a log.
type texts struct {
	reader
	left []byte
}

func (t *texts) Read(p []byte) (int, error) {
	if len(t.left) == 0 {
		var err error
		if t.left, err = t.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, t.left)
	t.left = t.left[n:]
	return n, nil
}

// next returns the next piece, io.EOF at the end of what there is.
func (r *reader) next() ([]byte, error) {
	p, err := r.f.piece(r.ctx, r.id, r.offset, min(r.rest, maxPiece))
	if err != nil {
		return nil, err
	}
	if len(p.text) == 0 {
		return nil, io.EOF
	}
	r.offset += int64(len(p.text))
	r.rest -= int64(len(p.text))
	return p.text, nil
}

// piece is some of a log.
type piece struct {
	text []byte
	last bool // it ends with the end of a closed log
}

// found is a stream with one of its chunks.
type found struct {
	OrgID  string `db:"org_id"`
	Object string `db:"object"`
	Size   int64  `db:"size"`
	Closed bool   `db:"closed"`
	Start  *int64 `db:"start"`
	Text   []byte `db:"text"`
}

// piece returns at most limit bytes from offset on; nothing of a log that was not begun.
// Less than limit may be returned before the end.
func (f *Feature) piece(ctx context.Context, id string, offset, limit int64) (piece, error) {
	if limit <= 0 {
		return piece{}, nil
	}
	until := offset + limit
	if until < 0 {
		until = math.MaxInt64
	}
	rows, err := db.All[found](ctx, f.DB, `SELECT s.org_id AS org_id, s.object AS object, s.size AS size, s.closed_at IS NOT NULL AS closed, c.start AS start, c.text AS text
		FROM log_streams s LEFT JOIN log_chunks c ON c.stream_id = s.id AND c.start < ?
		AND c.start >= COALESCE((SELECT MAX(b.start) FROM log_chunks b WHERE b.stream_id = s.id AND b.start <= ?), 0)
		WHERE s.id = ? ORDER BY c.start`, until, offset, id)
	if err != nil || len(rows) == 0 {
		return piece{}, err
	}
	s := rows[0]
	p := piece{}
	if s.Object != "" {
		p.text, err = f.joined(ctx, s, offset, limit)
	} else {
		p.text = cutOut(rows, offset, limit)
	}
	p.last = s.Closed && offset+int64(len(p.text)) >= s.Size
	return p, err
}

// cutOut joins chunks and returns what lies in the limits.
func cutOut(chunks []found, offset, limit int64) []byte {
	var out []byte
	for _, c := range chunks {
		if c.Start == nil {
			continue
		}
		text := c.Text
		if skip := offset - *c.Start; skip > 0 {
			text = text[min(skip, int64(len(text))):]
		}
		out = append(out, text[:min(int64(len(text)), limit-int64(len(out)))]...)
	}
	return out
}

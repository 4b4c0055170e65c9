package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// The bytes that mark the beginning and the end of a log (go-tfe, logreader.go).
const (
	stx = 2
	etx = 3
)

var (
	// ErrGap is what a writer hears whose offset lies behind the end of what it wrote.
	ErrGap error = problem.BadRequest("Text of the log is missing before this offset.")
	// ErrClosed is what a writer hears that has text for a log that is closed.
	ErrClosed = errors.New("logs: the log is closed")
)

// maxChunk is the size of the largest chunk in bytes.
const maxChunk = 256 << 10

// Open begins a log, in the transaction of ctx. It is content with one that was begun
// before.
func (f *Feature) Open(ctx context.Context, s Stream) error {
	head := append([]byte{stx}, plain([]byte(s.Head))...)
	var workspace *string
	if s.WorkspaceID != "" {
		workspace = &s.WorkspaceID
	}
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		n, err := f.DB.Exec(ctx, `INSERT INTO log_streams (id, org_id, workspace_id, base, size, object, created_at) VALUES (?, ?, ?, ?, 0, '', ?) ON CONFLICT DO NOTHING`,
			s.ID, s.OrgID, workspace, len(head), db.Now())
		if err != nil || n == 0 {
			return err
		}
		_, err = f.insert(ctx, s.ID, 0, head)
		return err
	})
}

// Append adds text of the present writer, whose offset counts the bytes that this writer
// sent before. What is known already is ignored; a gap is ErrGap. Text beyond MaxSize is
// dropped, with a line that says so. It reports whether somebody reads the log, so that
// the writer sends often. Call it outside of transactions.
func (f *Feature) Append(ctx context.Context, id string, offset int64, text []byte) (watched bool, err error) {
	text = plain(text)
	for len(text) > 0 && err == nil {
		n := min(len(text), maxChunk)
		err = f.append(ctx, id, offset, text[:n])
		text, offset = text[n:], offset+int64(n)
	}
	watched = f.watched.by(id)
	if watched && err == nil {
		f.Bus.Publish(ctx, topicGrown, id)
	}
	return watched, err
}

// append adds one chunk.
func (f *Feature) append(ctx context.Context, id string, offset int64, text []byte) error {
	for range 100 {
		if done, err := f.extend(ctx, id, offset, text); done || err != nil {
			return err
		}
		s, err := f.end(ctx, id)
		if err != nil {
			return err
		}
		if s.Closed {
			s.End-- // ETX is no text
		}
		at, limit := s.Base+offset, f.maxSize()
		switch {
		case at+int64(len(text)) <= s.End || s.End > limit:
			return nil
		case s.Closed:
			return ErrClosed
		case at > s.End:
			return fmt.Errorf("%w: of %s it is %d, and the text ends at %d", ErrGap, id, offset, s.End-s.Base)
		}
		known := s.End - at
		text, offset = text[known:], offset+known
		if s.End+int64(len(text)) <= limit {
			continue
		}
		if done, err := f.insert(ctx, id, s.End, append(text[:limit-s.End:limit-s.End], f.cut()...)); done || err != nil {
			return err
		}
	}
	return fmt.Errorf("logs: too many writers of %s", id)
}

// extend adds text where the writer's offset is the end of the log, and reports whether
// it was.
func (f *Feature) extend(ctx context.Context, id string, offset int64, text []byte) (bool, error) {
	value, exec := "?", func(query string, args ...any) (int64, error) { return f.together.exec(ctx, f.DB, query, args...) }
	if f.DB.Postgres() { // which gathers the commits of its connections itself
		value, exec = "CAST(? AS BYTEA)", func(query string, args ...any) (int64, error) { return f.DB.Exec(ctx, query, args...) }
	}
	n, err := exec(`INSERT INTO log_chunks (stream_id, start, size, text) SELECT s.id, s.base + ?, CAST(? AS BIGINT), `+value+` FROM log_streams s
		WHERE s.id = ? AND s.closed_at IS NULL AND s.base + ? <= ?
		AND s.base + ? = (SELECT c.start + c.size FROM log_chunks c WHERE c.stream_id = s.id ORDER BY c.start DESC LIMIT 1) ON CONFLICT DO NOTHING`,
		offset, len(text), text, id, offset+int64(len(text)), f.maxSize(), offset)
	return n == 1, err
}

// insert adds a chunk at an offset of the stream, and reports whether there was none.
func (f *Feature) insert(ctx context.Context, id string, start int64, text []byte) (bool, error) {
	n, err := f.DB.Exec(ctx, `INSERT INTO log_chunks (stream_id, start, size, text) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, id, start, len(text), text)
	return n == 1, err
}

// state is how far a log has got.
type state struct {
	Base   int64 `db:"base"`
	End    int64 `db:"ends_at"`
	Closed bool  `db:"closed"`
}

func (f *Feature) end(ctx context.Context, id string) (state, error) {
	return db.One[state](ctx, f.DB, `SELECT s.base AS base, s.closed_at IS NOT NULL AS closed,
		COALESCE((SELECT c.start + c.size FROM log_chunks c WHERE c.stream_id = s.id ORDER BY c.start DESC LIMIT 1), s.size) AS ends_at FROM log_streams s WHERE s.id = ?`, id)
}

// Say adds a line of the server itself. The present writer goes on after it. A log that
// is closed stays as it is.
func (f *Feature) Say(ctx context.Context, id, line string) error {
	text := append(plain([]byte(line)), '\n')
	return f.add(ctx, id, text, func(ctx context.Context, _ int64) error {
		_, err := f.DB.Exec(ctx, `UPDATE log_streams SET base = base + ? WHERE id = ?`, len(text), id)
		return err
	})
}

// Restart adds a line of the server, and begins after it with a new writer whose offsets
// count from 0. An earlier writer that is still at it can add nothing any more.
func (f *Feature) Restart(ctx context.Context, id, line string) error {
	return f.add(ctx, id, append(plain([]byte("\n"+line)), '\n'), func(ctx context.Context, end int64) error {
		_, err := f.DB.Exec(ctx, `UPDATE log_streams SET base = ? WHERE id = ?`, end, id)
		return err
	})
}

// Close ends a log, in the transaction of ctx. Nothing can be added any more.
func (f *Feature) Close(ctx context.Context, id string) error {
	return f.add(ctx, id, []byte{etx}, func(ctx context.Context, end int64) error {
		if _, err := f.DB.Exec(ctx, `UPDATE log_streams SET closed_at = ?, size = ? WHERE id = ?`, db.Now(), end, id); err != nil {
			return err
		}
		return f.Jobs.Enqueue(ctx, joining{id}, jobs.At(time.Now().Add(joinAfter)))
	})
}

// add adds text of the server at the end of a log that is not closed, and then does what
// comes with it; end is where the text ends.
func (f *Feature) add(ctx context.Context, id string, text []byte, then func(ctx context.Context, end int64) error) error {
	return f.DB.Tx(ctx, func(ctx context.Context) error {
		for range 100 {
			s, err := f.end(ctx, id)
			if err != nil || s.Closed {
				return err
			}
			done, err := f.insert(ctx, id, s.End, text)
			if err != nil {
				return err
			}
			if done {
				f.Bus.Publish(ctx, topicGrown, id)
				return then(ctx, s.End+int64(len(text)))
			}
		}
		return fmt.Errorf("logs: too many writers of %s", id)
	})
}

func (f *Feature) maxSize() int64 {
	if f.MaxSize > 0 {
		return f.MaxSize
	}
	return MaxSize
}

// cut is the line that ends a log which is too large.
func (f *Feature) cut() string {
	return fmt.Sprintf("\n\n[The log is larger than %d bytes. What follows is not kept.]\n", f.maxSize())
}

// plain replaces the bytes that mark the beginning and the end of a log, so that text
// of an executor cannot end it for those who read. The length stays.
func plain(text []byte) []byte {
	if !bytes.ContainsAny(text, "\x02\x03") {
		return text
	}
	out := bytes.Clone(text)
	for i, b := range out {
		if b == stx || b == etx {
			out[i] = '?'
		}
	}
	return out
}

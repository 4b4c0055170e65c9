package logs

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"plumbline.dev/plumbline/internal/kernel/problem"
)

const (
	followFor = 5 * time.Minute  // then the client connects again, and its permission is checked again
	followMin = 2 * time.Second  // between two looks when no event comes: events get lost
	keepAlive = 15 * time.Second // between two signs of life, for proxies and for clients that have slept
)

// Follow sends a log as server-sent events while it grows, from the offset on that the
// header Last-Event-ID or the parameter since names: events "log" whose data is a JSON string and whose id is
// the offset after it, then one event "end". The first event is "alive", and others like it
// come while the log is silent. The marks of beginning and end are no text.
func (f *Feature) Follow(ctx context.Context, w http.ResponseWriter, req *http.Request, id string) error {
	offset, err := resumed(req)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	t := f.tails.join(id)
	defer f.tails.leave(id, t)
	ctx, cancel := context.WithTimeout(ctx, followFor)
	defer cancel()
	s := &sending{w: w, flush: http.NewResponseController(w), offset: offset, alive: time.Now()}
	if err := s.sign(); err != nil {
		return nil //nolint:nilerr // the client went away
	}
	for ctx.Err() == nil {
		grown := t.grown()
		f.watch(ctx, id)
		p, err := t.piece(ctx, f, id, s.offset+int64(len(s.half)))
		if err != nil {
			return fmt.Errorf("following the log of %s: %w", id, err)
		}
		ended, err := s.send(p)
		if ended || err != nil {
			return nil //nolint:nilerr // the client went away
		}
		if len(p.text) == 0 {
			f.wait(ctx, cancel, grown)
		}
	}
	return nil
}

// resumed is the offset from which a client goes on.
func resumed(req *http.Request) (int64, error) {
	text := req.Header.Get("Last-Event-ID")
	if text == "" {
		text = req.URL.Query().Get("since") // a browser cannot set the header for its first request
	}
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, problem.BadRequest("Last-Event-ID must be an offset in the log")
	}
	return n, nil
}

// wait returns when there may be more, and ends ctx if the server ends.
func (f *Feature) wait(ctx context.Context, end func(), grown <-chan struct{}) {
	t := time.NewTimer(followMin)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-f.ending:
		end()
	case <-grown:
	case <-t.C:
	}
}

// sending is a client that follows a log.
type sending struct {
	w      http.ResponseWriter
	flush  *http.ResponseController
	offset int64  // after what was sent
	half   []byte // of a character whose other half has not come
	alive  time.Time
}

// send sends a piece, and reports whether it was the last.
func (s *sending) send(p piece) (ended bool, err error) {
	text := append(s.half, p.text...)
	s.half = nil
	if !p.last {
		n := whole(text)
		text, s.half = text[:n], text[n:]
	}
	end := s.offset + int64(len(text))
	if s.offset == 0 && len(text) > 0 && text[0] == stx {
		text = text[1:]
	}
	if p.last && len(text) > 0 && text[len(text)-1] == etx {
		text = text[:len(text)-1]
	}
	if len(text) > 0 {
		err = s.event(end, "log", string(text))
	}
	s.offset = end
	switch {
	case err != nil:
		return false, err
	case p.last:
		return true, s.event(end, "end", "")
	case time.Since(s.alive) > keepAlive:
		return false, s.sign()
	}
	return false, nil
}

// event sends one event with text as a JSON string.
func (s *sending) event(id int64, name, text string) error {
	data, err := json.Marshal(text)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(s.w, "id: %d\nevent: %s\ndata: %s\n\n", id, name, data); err != nil {
		return err
	}
	s.alive = time.Now()
	return s.flush.Flush()
}

// sign sends a sign of life.
func (s *sending) sign() error {
	if _, err := s.w.Write([]byte("event: alive\ndata: \"\"\n\n")); err != nil {
		return err
	}
	s.alive = time.Now()
	return s.flush.Flush()
}

// whole is how much of text can be sent without cutting a character in two.
func whole(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if b := text[len(text)-n]; utf8.RuneStart(b) {
			if !utf8.FullRune(text[len(text)-n:]) {
				return len(text) - n
			}
			break
		}
	}
	return len(text)
}

// tails are the logs that are followed on this node.
type tails struct {
	mu sync.Mutex
	of map[string]*tail
}

// tail is what all followers of a log on this node share: one reads what is new, the
// others have it from there.
type tail struct {
	followers int
	mu        sync.Mutex
	changed   chan struct{} // closed when there may be more

	reading sync.Mutex
	start   int64 // of text
	text    []byte
	last    bool // text ends with the end of a closed log
}

// tailSize is how much text followers share, in bytes.
const tailSize = 2 * maxPiece

func (t *tails) join(id string) *tail {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = map[string]*tail{}
	}
	one, ok := t.of[id]
	if !ok {
		one = &tail{changed: make(chan struct{})}
		t.of[id] = one
	}
	one.followers++
	return one
}

func (t *tails) leave(id string, one *tail) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if one.followers--; one.followers == 0 {
		delete(t.of, id)
	}
}

// wake tells the followers of a log, or of all if id is empty, to look.
func (t *tails) wake(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for of, one := range t.of {
		if id == "" || of == id {
			one.wake()
		}
	}
}

func (t *tail) wake() {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.changed)
	t.changed = make(chan struct{})
}

// grown is closed when there may be more than is read after this call.
func (t *tail) grown() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.changed
}

// piece returns text from offset on: what was read last if it lies there, else it reads.
func (t *tail) piece(ctx context.Context, f *Feature, id string, offset int64) (piece, error) {
	t.reading.Lock()
	defer t.reading.Unlock()
	end := t.start + int64(len(t.text))
	if offset >= t.start && offset < end {
		return piece{t.text[offset-t.start:], t.last}, nil
	}
	p, err := f.piece(ctx, id, offset, maxPiece)
	if err != nil || offset < end {
		return p, err // a follower that is behind
	}
	if offset > end || len(t.text)+len(p.text) > tailSize {
		t.start, t.text = offset, nil
	}
	t.text, t.last = append(t.text[:len(t.text):len(t.text)], p.text...), p.last
	return p, nil
}

// Package logs keeps what plans, applies and other work of executors print, while it is
// printed and afterwards.
//
// A log is a row for the stream and a row for each chunk of text, appended by one
// statement without a transaction or a lock: a chunk is inserted where the last one was
// seen to end, and the primary key makes one of two writers try again. The surprising
// rule: the stored bytes are those of the wire, STX first and ETX last, because command
// lines take these for the beginning and the end and count them in their offsets. So a
// closed log is one that ends in ETX, and nothing can be appended after it.
package logs

import (
	"context"
	"net/http"
	"sync"
	"time"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/blob"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/jobs"
)

// Stream is a log that is to be opened.
type Stream struct {
	ID          string // of what the log is of, such as a plan
	OrgID       string
	WorkspaceID string // with which the log goes; "": with the organization
	Head        string // text before that of executors
}

// MaxSize is the default of Feature.MaxSize.
const MaxSize = 64 << 20

// Feature keeps logs.
type Feature struct {
	DB      *db.DB
	Objects *blob.Store
	Jobs    *jobs.Queue
	Bus     *events.Bus
	// MaxSize is how much text of executors a log takes, in bytes; 0 is the constant.
	MaxSize int64
	// OnWatched is told when somebody, on any node, begins to read a log, and of whoever
	// still does from time to time.
	OnWatched func(id string)

	router   *api.Router
	together together
	watched  watched
	tails    tails
	ending   chan struct{}
}

const objectKind = "log" // of signed addresses

// Routes adds the signed addresses of logs to r, and the jobs to Jobs.
func (f *Feature) Routes(r *api.Router) {
	f.router, f.ending = r, make(chan struct{})
	r.Object(objectKind, api.ObjectKind{Get: f.get})
	jobs.Handle(f.Jobs, f.join, jobs.Timeout(10*time.Minute))
	f.Jobs.Every("sweep-log-objects", 24*time.Hour, f.SweepObjects, jobs.Timeout(2*time.Hour))
	f.Bus.Subscribe(topicWatched, func(id string) {
		if f.watched.saw(id); f.OnWatched != nil {
			f.OnWatched(id)
		}
	})
	f.Bus.Subscribe(topicGrown, f.tails.wake)
}

// urlTTL is how long the address of a log holds: longer than the longest run.
const urlTTL = 24 * time.Hour

// URL is an address at which the log can be read without a token, by ?offset and ?limit
// in bytes.
func (f *Feature) URL(ctx context.Context, id string) string {
	return f.router.Sign(ctx, http.MethodGet, objectKind, id, urlTTL)
}

// Drain ends the answers to those who follow logs, because the server ends. They come back.
// Call it once.
func (f *Feature) Drain() { close(f.ending) }

// The topics of events; their id is that of the stream.
const (
	topicGrown   = "log"         // there is more text, and somebody reads it
	topicWatched = "log-watched" // somebody reads it
)

// watched knows which logs somebody reads, on any node.
type watched struct {
	mu   sync.Mutex
	last map[string]time.Time // when it was last heard
	told map[string]time.Time // when this node last said so
}

const (
	watchedFor = 20 * time.Second
	tellEvery  = 5 * time.Second
)

// saw notes that somebody reads a log.
func (w *watched) saw(id string) {
	if id == "" {
		return // an event was lost: executors then send less often for a while
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last == nil {
		w.last = map[string]time.Time{}
	}
	forget(w.last, watchedFor)
	w.last[id] = time.Now()
}

// by reports whether somebody reads a log.
func (w *watched) by(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	t, ok := w.last[id]
	return ok && time.Since(t) < watchedFor
}

// Watched reports whether somebody reads a log.
func (f *Feature) Watched(id string) bool { return f.watched.by(id) }

// due reports whether it is time to tell the other nodes that a log is read here.
func (w *watched) due(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t, ok := w.told[id]; ok && time.Since(t) < tellEvery {
		return false
	}
	if w.told == nil {
		w.told = map[string]time.Time{}
	}
	forget(w.told, tellEvery)
	w.told[id] = time.Now()
	return true
}

// forget drops what is older, once the map has grown.
func forget(m map[string]time.Time, age time.Duration) {
	if len(m) < 1000 {
		return
	}
	for id, t := range m {
		if time.Since(t) >= age {
			delete(m, id)
		}
	}
}

// watch says, now and then, that somebody reads a log.
func (f *Feature) watch(ctx context.Context, id string) {
	if f.watched.due(id) {
		f.Bus.Publish(ctx, topicWatched, id)
	}
}

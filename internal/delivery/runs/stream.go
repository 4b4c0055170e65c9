package runs

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/authz"
)

// topic tells of changed runs; the id of an event is what address makes.
const topic = "runs"

// How streams of changes behave.
const (
	streamFor = 5 * time.Minute  // then the client connects again, and its permissions are read again
	keepAlive = 15 * time.Second // between two signs of life, for proxies
	maxWaits  = 500              // changes that wait for a slow client; more, and it is told to look at everything
)

// change is what clients hear of a changed resource. Without an id anything may have
// changed.
type change struct {
	Type      string `json:"type"`
	ID        string `json:"id,omitempty"`
	Workspace string `json:"workspace,omitempty"` // id
}

// address says where a run lives, so that nobody has to ask the database who may hear of it.
func address(r Run) string {
	return strings.Join([]string{r.OrgID, r.ProjectID, r.WorkspaceID, r.ID}, "/")
}

// streams are the clients of this node that want to hear of changes.
type streams struct {
	mu     sync.Mutex
	of     map[*stream]bool
	ending chan struct{}
}

// stream is one of them.
type stream struct {
	org     string
	sees    func(authz.Scope) bool
	waiting map[change]bool // under the mutex of streams
	woken   chan struct{}
}

// heard passes an event of the bus to the streams that may see its run.
func (s *streams) heard(id string) {
	parts := strings.Split(id, "/")
	s.mu.Lock()
	defer s.mu.Unlock()
	for st := range s.of {
		switch {
		case len(parts) != 4: // events got lost
			st.waiting = map[change]bool{{Type: "runs"}: true}
		case parts[0] != st.org || !st.sees(authz.Scope{Org: parts[0], Project: parts[1], Workspace: parts[2]}):
			continue
		case len(st.waiting) >= maxWaits:
			st.waiting = map[change]bool{{Type: "runs"}: true}
		default:
			st.waiting[change{"runs", parts[3], parts[2]}] = true
		}
		select {
		case st.woken <- struct{}{}:
		default:
		}
	}
}

func (s *streams) take(st *stream) map[change]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := st.waiting
	st.waiting = map[change]bool{}
	return out
}

func (s *streams) join(st *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of[st] = true
}

func (s *streams) leave(st *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.of, st)
}

// Drain ends the streams of changes: the server stops.
func (f *Feature) Drain() { close(f.streams.ending) }

// stream tells a client which runs of an organization change, as server-sent events
// "changed". It may miss changes before it hears the first sign of life, and after a
// break; so it reads what it shows when it connects.
func (f *Feature) stream(ctx context.Context, w http.ResponseWriter, _ *http.Request, o orgs.Org) error {
	who := authz.From(ctx)
	st := &stream{org: o.ID, waiting: map[change]bool{}, woken: make(chan struct{}, 1), sees: func(in authz.Scope) bool { return who.Can(authz.ReadRuns, in) }}
	f.streams.join(st)
	defer f.streams.leave(st)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	ctx, cancel := context.WithTimeout(ctx, streamFor)
	defer cancel()
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	flush := http.NewResponseController(w)
	text := ": alive\n\n"
	for {
		if _, err := w.Write([]byte(text)); err != nil {
			return nil //nolint:nilerr // the client went away
		}
		if err := flush.Flush(); err != nil {
			return nil //nolint:nilerr // the client went away
		}
		text = ": alive\n\n"
		select {
		case <-ctx.Done():
			return nil
		case <-f.streams.ending:
			return nil
		case <-alive.C:
		case <-st.woken:
			text = said(f.streams.take(st))
		}
	}
}

// said are the events of changes.
func said(changes map[change]bool) string {
	var b strings.Builder
	for c := range changes {
		data, err := json.Marshal(c)
		if err == nil {
			fmt.Fprintf(&b, "event: changed\ndata: %s\n\n", data)
		}
	}
	return b.String()
}

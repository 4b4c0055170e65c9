package changes

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/authz"
)

// How streams behave.
const (
	streamFor = 5 * time.Minute  // then the client connects again
	keepAlive = 15 * time.Second // between two signs of life, for proxies and for clients that have slept
	maxBack   = 60               // seconds
	maxAtOnce = 500              // changes; of more a client is told to look at everything
)

// change is what clients hear of. Without an id any of the type may have changed; the type
// "*" is everything.
type change struct {
	Type      string `json:"type"`
	ID        string `json:"id,omitempty"`
	Workspace string `json:"workspace,omitempty"` // id of the one that it is in, if it is in one
}

// everything is for clients that may have missed something.
var everything = change{Type: "*"}

// stream is a client.
type stream struct {
	f     *Feature
	req   *http.Request
	org   string // id
	at    uint64 // what it has been told of, or may not be
	woken chan struct{}
}

// stream sends the changes of an organization as events "changed". Each event has an id; a
// client that connects again with it (Last-Event-ID, or the parameter since) is told of
// what it has missed, or that it has to look at everything. The event "ready" at the
// beginning says whether that was asked for and possible; the event "alive" says only that
// the stream is there.
func (f *Feature) stream(ctx context.Context, w http.ResponseWriter, req *http.Request, o orgs.Org) error {
	s := &stream{f: f, req: req, org: o.ID, woken: make(chan struct{}, 1)}
	s.at = f.log.join(s)
	defer f.log.leave(s)
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
	text := s.begin()
	for {
		if _, err := w.Write([]byte(text)); err != nil {
			return nil //nolint:nilerr // the client went away
		}
		if err := flush.Flush(); err != nil {
			return nil //nolint:nilerr // the client went away
		}
		select {
		case <-ctx.Done():
			return nil
		case <-f.log.ending:
			return nil
		case <-alive.C:
		case <-s.woken:
		}
		list, err := s.next()
		if err != nil || list == nil {
			return err // nil: the token is none any more
		}
		text = f.said(list, s.at)
	}
}

// begin is what a client hears at first: whether it goes on where it was.
func (s *stream) begin() string {
	l, now := s.f.log, s.at
	asked, query := s.req.Header.Get("Last-Event-ID"), s.req.URL.Query()
	if asked == "" {
		asked = query.Get("since") // a browser cannot set the header for its first request
	}
	resumed := false
	if at, ok := l.parse(asked); ok && at <= s.at {
		if _, _, resumed = l.since(at); resumed {
			s.at = at
		}
	}
	if n, err := strconv.Atoi(query.Get("back")); err == nil && asked == "" {
		s.at = min(s.at, l.back(time.Now().Add(-time.Duration(min(n, maxBack))*time.Second)))
	}
	if s.at < now {
		select {
		case s.woken <- struct{}{}:
		default:
		}
	}
	text := fmt.Sprintf(": alive\n\nid: %s\nevent: ready\ndata: {\"resumed\":%t}\n\n", l.position(s.at), resumed)
	if asked != "" && !resumed {
		text += s.f.said([]change{everything}, s.at)
	}
	return text
}

// next are the changes that the client may hear of and has not; nil if it may hear nothing
// any more.
func (s *stream) next() ([]change, error) {
	who, err := s.f.Router.Again(s.req)
	if err != nil || !who.Can(authz.ReadOrg, authz.Scope{Org: s.org}) {
		return nil, err
	}
	entries, end, ok := s.f.log.since(s.at)
	s.at = end
	if !ok {
		return []change{everything}, nil
	}
	list, seen := []change{}, map[change]bool{}
	for _, e := range entries {
		c := change{e.kind, e.id, e.in.Workspace}
		switch {
		case e.lost():
			return []change{everything}, nil
		case e.in.Org != s.org || seen[c] || !s.f.seenBy(who, e):
			continue
		}
		seen[c] = true
		list = append(list, c)
	}
	if len(list) > maxAtOnce {
		return []change{everything}, nil
	}
	return list, nil
}

// said are the events of changes; of none, a sign of life.
func (f *Feature) said(list []change, at uint64) string {
	var b strings.Builder
	if len(list) == 0 {
		b.WriteString("event: alive\ndata: {}\n")
	}
	for _, c := range list {
		if data, err := json.Marshal(c); err == nil {
			fmt.Fprintf(&b, "event: changed\ndata: %s\n\n", data)
		}
	}
	fmt.Fprintf(&b, "id: %s\n\n", f.log.position(at)) // where the client is, for when it comes again
	return b.String()
}

package changes

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"plumbline.dev/plumbline/internal/kernel/id"
)

// kept is how many changes a node remembers, for clients that were away.
const kept = 4096

// log is what has changed lately, as far as this node has heard, and who waits for more.
type log struct {
	node   string // marks the positions of this node
	ending chan struct{}

	mu      sync.Mutex
	entries [kept]entry
	end     uint64 // position after the last entry; the first is 1
	streams map[*stream]bool
}

func newLog() *log {
	return &log{node: id.Random(8), end: 1, ending: make(chan struct{}), streams: map[*stream]bool{}}
}

// add remembers a change and wakes the streams of its organization; all, if events got lost.
func (l *log) add(e entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.heard = time.Now()
	l.entries[l.end%kept] = e
	l.end++
	for s := range l.streams {
		if !e.lost() && e.in.Org != s.org {
			continue
		}
		select {
		case s.woken <- struct{}{}:
		default:
		}
	}
}

// since returns what was added from a position on, and the position after it; false if not
// all of it is remembered.
func (l *log) since(at uint64) (entries []entry, end uint64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at > l.end || l.end-at > kept {
		return nil, l.end, false
	}
	for ; at < l.end; at++ {
		entries = append(entries, l.entries[at%kept])
	}
	return entries, l.end, true
}

// back returns the position of the first change that was heard of after a time, as far as is
// remembered.
func (l *log) back(after time.Time) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.end
	for at > 1 && l.end-at < kept && l.entries[(at-1)%kept].heard.After(after) {
		at--
	}
	return at
}

// join makes a stream hear of what is added from now on, and returns the position of now.
func (l *log) join(s *stream) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.streams[s] = true
	return l.end
}

func (l *log) leave(s *stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.streams, s)
}

// position is a place in the log as clients name it, such as "x7Fq21aB.42".
func (l *log) position(at uint64) string { return fmt.Sprintf("%s.%d", l.node, at) }

// parse is the reverse of position; false for what is not of this node.
func (l *log) parse(position string) (uint64, bool) {
	node, at, _ := strings.Cut(position, ".")
	n, err := strconv.ParseUint(at, 10, 64)
	return n, err == nil && n > 0 && node == l.node
}

package e2e

import (
	"hash/fnv"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// slowness is how a front lets an answer wait.
type slowness struct {
	delays bool                   // those of the API come late, and not in the order in which they were asked for
	kept   func(path string) bool // tells which do not come before until is closed
	until  chan struct{}
	open   int // how many are asked for and have not come
}

// ids are those of resources in addresses, which are different each time.
var ids = regexp.MustCompile(`[a-z]+-[A-Za-z0-9]{16}`)

// delay is how long a slow answer takes: 20 to 140 ms, by what is asked for.
func delay(path string) time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte(ids.ReplaceAllString(path, "")))
	return time.Duration(20+h.Sum32()%120) * time.Millisecond
}

// slowly waits as long as the answer to a request has to; the request is open until the
// function that it returns is called.
func (f *front) slowly(r *http.Request) (answered func()) {
	if strings.HasSuffix(r.URL.Path, "/events") {
		return func() {} // a stream has no end
	}
	f.mu.Lock()
	f.slow.open++
	until := f.slow.until
	kept := f.slow.kept != nil && f.slow.kept(r.URL.Path)
	late := f.slow.delays && strings.HasPrefix(r.URL.Path, "/api/")
	f.mu.Unlock()
	if kept {
		select {
		case <-until:
		case <-r.Context().Done():
		}
	}
	if late {
		select {
		case <-time.After(delay(r.URL.Path)):
		case <-r.Context().Done():
		}
	}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.slow.open--
	}
}

// Slow makes the answers of the API late, and not in the order in which they were asked for.
func (f *front) Slow() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.slow.delays = true
}

// Keep keeps back the answers whose paths are meant, until the function that it returns is called.
func (f *front) Keep(meant func(path string) bool) (release func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	until := make(chan struct{})
	f.slow.kept, f.slow.until = meant, until
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.slow.kept = nil
		close(until)
	}
}

// idle tells whether all that was asked for has come.
func (f *front) idle() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.slow.open == 0
}

// quiet waits until the page asks for nothing more, and has painted what came.
func (b *Browser) quiet(f *front) {
	b.t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); <-look.C {
		b.loaded()
		if !f.idle() {
			continue
		}
		var done bool
		b.Eval(`new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => r(true)))))`, &done)
		if f.idle() {
			return
		}
	}
	b.fail("the page asks and asks")
}

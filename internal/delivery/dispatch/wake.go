package dispatch

import (
	"slices"
	"strings"
	"sync"
)

// waiting are the claims of this node that wait for a job, by pool, the longest first.
type waiting struct {
	mu      sync.Mutex
	claims  map[string][]*waiter
	drained bool
}

// waiter is a claim that waits.
type waiter struct {
	pool     string
	executor string
	kinds    []string
	woken    chan struct{}
}

// enter lets a claim wait. It must look for a job after it entered.
func (w *waiting) enter(pool, executor string, kinds []string) *waiter {
	one := &waiter{pool, executor, kinds, make(chan struct{}, 1)}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.claims == nil {
		w.claims = map[string][]*waiter{}
	}
	w.claims[pool] = append(w.claims[pool], one)
	return one
}

// leave ends the waiting of a claim. One that was woken and took nothing wakes the next.
func (w *waiting) leave(one *waiter) {
	w.mu.Lock()
	rest := slices.DeleteFunc(w.claims[one.pool], func(o *waiter) bool { return o == one })
	if w.claims[one.pool] = rest; len(rest) == 0 {
		delete(w.claims, one.pool)
	}
	w.mu.Unlock()
	select {
	case <-one.woken:
		w.wake(one.pool, "", "")
	default:
	}
}

// wake wakes the first claim that waits in the pool for the kind and is that of the
// executor; "" is any. Each that took a job wakes another, so that one event is enough for
// many jobs.
func (w *waiting) wake(pool, kind, executor string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, one := range w.claims[pool] {
		if (kind != "" && !slices.Contains(one.kinds, kind)) || (executor != "" && one.executor != executor) {
			continue
		}
		w.claims[pool] = slices.Delete(w.claims[pool], i, i+1)
		one.woken <- struct{}{} // it has room: nobody is woken twice
		return
	}
}

// drain makes those who wait go home, and those who come later.
func (w *waiting) drain() { w.all(true) }

// over reports whether it is no time to wait.
func (w *waiting) over() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.drained
}

// all wakes every claim, for the last time if the server stops.
func (w *waiting) all(last bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drained = w.drained || last
	for _, claims := range w.claims {
		for _, one := range claims {
			one.woken <- struct{}{}
		}
	}
	w.claims = nil
}

// pools are those in which claims wait.
func (w *waiting) pools() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]string, 0, len(w.claims))
	for pool := range w.claims {
		out = append(out, pool)
	}
	return out
}

// heard wakes by the id of an event; "" says that anything may have happened.
func (w *waiting) heard(id string) {
	parts := strings.Split(id, "/")
	if len(parts) != 3 {
		w.all(false)
		return
	}
	w.wake(parts[0], parts[1], parts[2])
}

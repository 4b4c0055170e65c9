package repositories

import "sync"

// maxRecent is how many answers are remembered: those of a commit never change.
const maxRecent = 10_000

// recent remembers what engines folders asked for.
type recent struct {
	mu  sync.Mutex
	was map[string]Engine
}

func (r *recent) get(key string) (Engine, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, known := r.was[key]
	return e, known
}

func (r *recent) set(key string, e Engine) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.was == nil || len(r.was) >= maxRecent {
		r.was = map[string]Engine{}
	}
	r.was[key] = e
}

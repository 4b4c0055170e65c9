package dispatch

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// topicOrders tells that something is ordered of the executor of a job; the id is the job's.
const topicOrders = "dispatch-orders"

// Orders implements proto.Server.
func (s Server) Orders(ctx context.Context, t proto.Ticket, known proto.Orders, wait time.Duration) (proto.Orders, error) {
	end := time.NewTimer(min(max(wait, 0), MaxWait))
	defer end.Stop()
	for last := s.f.waiting.over(); ; {
		woken, leave := s.f.hearing.enter(t.ID)
		o, err := s.orders(ctx, t, known)
		if err != nil || o != known || last {
			leave()
			return o, err
		}
		select {
		case <-woken:
			last = s.f.waiting.over()
		case <-end.C:
			last = true
		case <-ctx.Done():
			err = ctx.Err()
		}
		leave()
		if err != nil {
			return known, err
		}
	}
}

// orders is what the executor of a job is to do now. One that was given up by Kill hears
// that once; then it holds the job no more.
func (s Server) orders(ctx context.Context, t proto.Ticket, known proto.Orders) (proto.Orders, error) {
	j, err := s.f.Find(ctx, t.ID)
	switch {
	case errors.Is(err, problem.NotFound):
		return known, proto.ErrGone
	case err != nil:
		return known, err
	case j.pool() != s.pool || j.Attempt != t.Attempt:
		return known, proto.ErrGone
	case j.Status == Ended && j.Cancel == proto.Kill && known.Cancel != proto.Kill:
		return proto.Orders{Cancel: proto.Kill, Watched: known.Watched}, nil
	case j.Status != Claimed:
		return known, proto.ErrGone
	}
	s.f.hearing.reads(t.ID, j.Log)
	return proto.Orders{Cancel: j.Cancel, Watched: j.Log != "" && s.f.Logs != nil && s.f.Logs.Watched(j.Log)}, nil
}

// LogWatched wakes the executor whose job writes a log that somebody reads.
func (f *Feature) LogWatched(log string) { f.hearing.wakeReader(log) }

// hearing are the executors that wait for orders at this node, by their job.
type hearing struct {
	mu    sync.Mutex
	jobs  map[string][]chan struct{}
	logOf map[string]string // job → log
	jobOf map[string]string // log → job
}

// enter lets an executor wait. It must look for orders after it entered.
func (h *hearing) enter(job string) (woken <-chan struct{}, leave func()) {
	one := make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.jobs == nil {
		h.jobs, h.logOf, h.jobOf = map[string][]chan struct{}{}, map[string]string{}, map[string]string{}
	}
	h.jobs[job] = append(h.jobs[job], one)
	return one, func() { h.leave(job, one) }
}

func (h *hearing) leave(job string, one chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	rest := slices.DeleteFunc(h.jobs[job], func(o chan struct{}) bool { return o == one })
	if h.jobs[job] = rest; len(rest) == 0 {
		delete(h.jobOf, h.logOf[job])
		delete(h.logOf, job)
		delete(h.jobs, job)
	}
}

// reads notes the log of a job whose executor waits.
func (h *hearing) reads(job, log string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.jobs[job]; ok && log != "" {
		h.logOf[job], h.jobOf[log] = log, job
	}
}

// wake wakes the executor of a job; "" says that anything may have happened.
func (h *hearing) wake(job string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, all := range h.jobs {
		if job != "" && id != job {
			continue
		}
		for _, one := range all {
			select {
			case one <- struct{}{}:
			default: // it is awake
			}
		}
	}
}

// wakeReader wakes the executor of the job that has a log.
func (h *hearing) wakeReader(log string) {
	h.mu.Lock()
	job := h.jobOf[log]
	h.mu.Unlock()
	if job != "" {
		h.wake(job)
	}
}

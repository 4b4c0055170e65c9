package worker

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"plumbline.dev/plumbline/internal/executor/masking"
	"plumbline.dev/plumbline/internal/executor/proto"
)

const (
	firstAfter   = 250 * time.Millisecond // from the beginning of a job to its first report
	watchedEvery = time.Second            // between reports that somebody waits for
	textEvery    = 5 * time.Second        // between reports that nobody waits for, after a while
	ordersWait   = 50 * time.Second
	textSize     = 64 << 10  // bytes that are sent at once
	reportSize   = 256 << 10 // bytes of one report
	logSize      = 100 << 20 // bytes of a log, to spare the disk
)

// shipper is the log of a job: masked, kept in a file, and sent to the server with the
// reports that keep the lease.
type shipper struct {
	task *Task
	wake chan struct{}

	mu     sync.Mutex
	masked *masking.Writer
	file   *os.File
	size   int64         // bytes in the file
	sent   int64         // bytes that the server has
	every  time.Duration // between reports with text: short at first, as who starts a run looks at it soon
	orders proto.Orders  // that were heard last
	now    bool          // a report is due
	closed bool          // nothing more is written
	full   bool
}

func openShipper(path string, t *Task) (*shipper, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s := &shipper{task: t, wake: make(chan struct{}, 1), file: f, size: size, every: firstAfter}
	s.masked = (&masking.Masker{}).Writer(writerFunc(s.keep))
	return s, nil
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func (s *shipper) mask(m *masking.Masker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.masked.Flush()
	s.masked = m.Writer(writerFunc(s.keep))
}

// Write adds to the log. It does not fail: a log that cannot be kept must not end the
// process whose output it is.
func (s *shipper) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.masked.Write(p); err != nil {
		slog.ErrorContext(s.task.life, "writing a log", "job", s.task.Job.ID, "err", err)
	}
	return len(p), nil
}

// keep appends masked text to the file.
func (s *shipper) keep(p []byte) (int, error) {
	if s.full || s.closed {
		return len(p), nil
	}
	if s.size+int64(len(p)) > logSize {
		s.full = true
		p = []byte("\nThe log is too long: the rest is left out.\n")
	}
	n, err := s.file.WriteAt(p, s.size)
	s.size += int64(n)
	if s.size-s.sent >= textSize {
		s.now = true
	}
	s.nudge()
	return len(p), err
}

func (s *shipper) nudge() {
	select {
	case s.wake <- struct{}{}:
	default: // it is awake
	}
}

// flush sends what is there.
func (s *shipper) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.masked.Flush()
	s.now = true
	s.nudge()
}

// close ends the log: run returns when all is sent.
func (s *shipper) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.masked.Flush()
	s.closed = true
	s.nudge()
}

// shut lets go of the file; what processes still say is lost.
func (s *shipper) shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	_ = s.file.Close()
}

// run reports until the log is closed and sent, the server has given the job up, or ctx ends.
func (s *shipper) run(ctx context.Context) {
	defer s.shut()
	hearing, stop := context.WithCancel(ctx)
	var listener sync.WaitGroup
	defer listener.Wait()
	defer stop()
	listen := sync.OnceFunc(func() { listener.Go(func() { s.listen(hearing) }) })
	back := backoff{}
	for last := time.Now(); s.wait(ctx, last); last = time.Now() {
		err := s.report(ctx)
		if errors.Is(err, proto.ErrGone) {
			s.task.gone()
			return
		}
		if err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "a report did not arrive", "job", s.task.Job.ID, "err", err)
			back.wait(ctx)
			s.again()
			continue
		}
		back = backoff{}
		listen()
	}
}

// listen obeys orders as soon as they are given, until ctx ends.
func (s *shipper) listen(ctx context.Context) {
	back := backoff{}
	for ctx.Err() == nil {
		s.mu.Lock()
		known := s.orders
		s.mu.Unlock()
		o, err := s.task.worker.Server.Orders(ctx, s.task.Job.Ticket, known, ordersWait)
		switch {
		case errors.Is(err, proto.ErrGone):
			s.task.gone()
			return
		case IsAbsent(err): // the server is older: it answers to reports only
			return
		case err != nil:
			back.wait(ctx)
		default:
			back = backoff{}
			s.hear(o)
		}
	}
}

// hear takes orders.
func (s *shipper) hear(o proto.Orders) {
	s.mu.Lock()
	if o.Watched && !s.orders.Watched && s.sent < s.size {
		s.now = true
		s.nudge()
	}
	s.orders = o
	s.mu.Unlock()
	s.task.obey(o.Cancel)
}

// wait waits until a report is due. It returns false when there is nothing more to report.
func (s *shipper) wait(ctx context.Context, last time.Time) bool {
	for {
		due, more := s.due()
		if !more || ctx.Err() != nil {
			return false
		}
		if due = due - time.Since(last); due <= 0 {
			return true
		}
		timer := time.NewTimer(due)
		select {
		case <-timer.C:
			return true
		case <-s.wake:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// due is how long after the last report the next one is due.
func (s *shipper) due() (after time.Duration, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed && s.sent >= s.size && !s.now:
		return 0, false
	case s.now || s.closed:
		return 0, true
	case s.orders.Watched:
		return min(watchedEvery, s.every), true
	case s.sent < s.size || s.every == firstAfter:
		return s.every, true
	}
	return proto.Beat, true
}

// report sends one piece of the log and obeys the answer.
func (s *shipper) report(ctx context.Context) error {
	s.mu.Lock()
	from, n := s.sent, min(s.size-s.sent, reportSize)
	s.now = false
	s.mu.Unlock()
	text := make([]byte, n)
	if _, err := s.file.ReadAt(text, from); err != nil && n > 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, proto.Lease/2)
	defer cancel()
	orders, err := s.task.worker.Server.Report(ctx, s.task.Job.Ticket, from, text)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.sent, s.every = from+n, min(2*s.every, textEvery)
	s.now = s.now || s.size-s.sent >= textSize
	s.mu.Unlock()
	s.hear(orders)
	return nil
}

// again makes a report due: the last one failed.
func (s *shipper) again() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = true
}

package recipe

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/executor/worker"
)

const (
	snapshotEvery = 10 * time.Second
	copyEvery     = 500 * time.Millisecond
)

// takeSnapshots keeps a copy of the state on this machine, in case that the engine is killed
// while it writes, and delivers it from time to time, until stop is called.
func (a *apply) takeSnapshots() (stop func()) {
	every := a.Snapshot
	if every == 0 {
		every = snapshotEvery
	}
	ctx, cancel := context.WithCancel(a.ctx)
	done, sending := make(chan struct{}), make(chan struct{}, 1)
	var deliveries sync.WaitGroup
	go func() {
		defer close(done)
		ticker := time.NewTicker(min(every, copyEvery))
		defer ticker.Stop()
		copied := stamp(a.t, a.statePath())
		delivered, at := copied, time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if now := stamp(a.t, a.statePath()); now != copied && copyState(a.t, a.statePath()) == nil {
				copied = now
			}
			if copied == delivered || time.Since(at) < every {
				continue
			}
			select {
			case sending <- struct{}{}: // while the server is away, the copies go on
				delivered, at = copied, time.Now()
				deliveries.Go(func() { a.deliverSnapshot(ctx); <-sending })
			default:
			}
		}
	}()
	return func() { cancel(); <-done; deliveries.Wait() }
}

func (a *apply) deliverSnapshot(ctx context.Context) {
	if err := a.t.Put(ctx, proto.StateSnapshot, snapshot); err != nil && ctx.Err() == nil {
		slog.WarnContext(ctx, "a snapshot of a state is not delivered", "job", a.t.Job.ID, "err", err)
	}
}

// mark tells versions of a file apart.
type mark struct {
	size int64
	at   time.Time
}

func stamp(t *worker.Task, path string) mark {
	info, err := t.Root.Lstat(path)
	if err != nil {
		return mark{}
	}
	return mark{info.Size(), info.ModTime()}
}

// errTorn says that a state was cut off.
var errTorn = errors.New("the state is not whole")

// copyState copies a whole state to the snapshot, in one step.
func copyState(t *worker.Task, path string) error {
	before := stamp(t, path)
	if err := whole(t, path); err != nil {
		return err
	}
	f, err := t.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err := t.Write(snapshot+".new", f); err != nil {
		return err
	}
	if stamp(t, path) != before {
		return errTorn
	}
	return t.Root.Rename(snapshot+".new", snapshot)
}

// whole checks that a state is not cut off.
func whole(t *worker.Task, path string) error {
	f, err := t.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err != nil || info.Size() == 0 {
		return errors.Join(err, fs.ErrNotExist) // OpenTofu makes an empty file before it has a state
	}
	var top struct {
		Serial  int64
		Lineage string
	}
	if err := json.NewDecoder(f).Decode(&top); err != nil || top.Lineage == "" {
		return errTorn
	}
	return nil
}

// deliverState delivers the state that an apply ended with, for as long as the worker
// lives. If the engine was killed while it wrote, it is the last snapshot.
func deliverState(t *worker.Task, path string) error {
	file := path
	err := whole(t, path)
	if errors.Is(err, fs.ErrNotExist) {
		t.Paid() // a configuration without resources and outputs has none
		return nil
	}
	if err != nil {
		slog.Warn("a state was cut off: the last snapshot is delivered", "job", t.Job.ID, "err", err)
		if file = snapshot; whole(t, snapshot) != nil {
			t.Paid()
			return failed("the state is damaged, and there is no snapshot: the state before the apply stays")
		}
	}
	if err := t.Put(t.Life(), proto.StateFinal, file); err != nil {
		return err
	}
	t.Paid()
	return nil
}

package logs

import (
	"context"
	"sync"

	"plumbline.dev/plumbline/internal/kernel/db"
)

// together lets appends of many logs that come at a time share a transaction: SQLite
// waits for the disk at the end of each. Who comes first commits what has gathered
// meanwhile, its own text with it, and then leaves the next batch to one of those who wait.
type together struct {
	mu      sync.Mutex
	waiting []*addition
	busy    bool // somebody commits
}

// addition is one statement that waits to be carried out.
type addition struct {
	query string
	args  []any
	ready chan struct{} // closed when it is done, or when it is to commit the next batch
	leads bool
	rows  int64
	err   error
}

// maxBatch is how many appends share a transaction, so that none is open for long.
const maxBatch = 100

// exec is DB.Exec in a transaction that others may share.
func (t *together) exec(ctx context.Context, d *db.DB, query string, args ...any) (int64, error) {
	a := &addition{query: query, args: args, ready: make(chan struct{})}
	t.mu.Lock()
	t.waiting = append(t.waiting, a)
	a.leads = !t.busy
	t.busy = true
	t.mu.Unlock()
	if !a.leads {
		<-a.ready
	}
	if a.leads {
		t.commit(ctx, d)
	}
	return a.rows, a.err
}

// commit carries out what has gathered, and names who does the same next.
func (t *together) commit(ctx context.Context, d *db.DB) {
	t.mu.Lock()
	batch := t.waiting[:min(len(t.waiting), maxBatch)]
	t.waiting = t.waiting[len(batch):]
	t.mu.Unlock()
	err := carryOut(context.WithoutCancel(ctx), d, batch) // that one client goes away is nothing to the others
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range batch {
		if err != nil {
			a.rows, a.err = 0, err
		}
		if !a.leads {
			close(a.ready)
		}
	}
	t.busy = len(t.waiting) > 0
	if t.busy {
		next := t.waiting[0]
		next.leads = true
		close(next.ready)
	}
}

func carryOut(ctx context.Context, d *db.DB, batch []*addition) error {
	if len(batch) == 1 {
		return batch[0].run(ctx, d)
	}
	return d.Tx(ctx, func(ctx context.Context) error {
		for _, a := range batch {
			if err := a.run(ctx, d); err != nil {
				return err
			}
		}
		return nil
	})
}

func (a *addition) run(ctx context.Context, d *db.DB) (err error) {
	a.rows, err = d.Exec(ctx, a.query, a.args...)
	return err
}

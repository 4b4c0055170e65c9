package dispatch

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// How often a node looks by itself: for jobs whose event got lost, for lost executors,
// and for jobs that ended long ago.
const (
	lookEach  = time.Second
	sweepEach = 5 * time.Second
	tidyEach  = time.Hour
	keepEnded = 48 * time.Hour
)

// Run looks after the jobs until ctx ends. For the first lease it takes no executor for
// lost: while this node was away, agents had nobody to report to.
func (f *Feature) Run(ctx context.Context) {
	look, sweep, tidy := time.NewTicker(lookEach), time.NewTicker(sweepEach), time.NewTicker(tidyEach)
	defer look.Stop()
	defer sweep.Stop()
	defer tidy.Stop()
	start := time.Now()
	for ctx.Err() == nil {
		var err error
		select {
		case <-ctx.Done():
		case <-look.C:
			err = f.look(ctx)
		case now := <-sweep.C:
			if now.Sub(start) > proto.Lease {
				err = f.SweepLost(ctx, now)
			}
			if f.Agents != nil && err == nil {
				err = f.Agents.Silence(ctx)
			}
		case <-tidy.C:
			_, err = f.DB.Exec(ctx, `DELETE FROM dispatch_jobs WHERE status = 'ended' AND ended_at < ?`, db.At(time.Now().Add(-keepEnded)))
		}
		if err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "looking after jobs", "err", err)
		}
	}
}

// Listen lets events wake those who wait. Call it before the first event.
func (f *Feature) Listen() {
	f.Bus.Subscribe(topic, f.waiting.heard)
	f.Bus.Subscribe(topicOrders, f.hearing.wake)
}

// Drain makes the claims that wait return without a job, and those who wait for orders
// without any. It is for a server that stops.
func (f *Feature) Drain() {
	f.waiting.drain()
	f.hearing.wake("")
}

// look wakes claims of this node for jobs that wait longer than an event takes.
func (f *Feature) look(ctx context.Context) error {
	here := f.waiting.pools()
	if len(here) == 0 {
		return nil
	}
	pools, err := db.All[string](ctx, f.DB, `SELECT DISTINCT COALESCE(pool_id, '') FROM dispatch_jobs WHERE status = 'queued' AND queued_at < ?`, db.At(time.Now().Add(-headStart)))
	for _, p := range pools {
		if slices.Contains(here, p) {
			f.waiting.wake(p, "", "")
		}
	}
	return err
}

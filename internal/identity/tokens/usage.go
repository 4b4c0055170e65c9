package tokens

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"plumbline.dev/plumbline/internal/kernel/db"
)

// Usage writes down when tokens were last used: at most once a minute for each, and
// those of a few seconds together, so that reading does not cost writing. It also
// keeps browser sessions alive that are in use, and removes what has expired.
type Usage struct {
	DB *db.DB

	mu   sync.Mutex
	used map[string]bool // ids
}

const (
	usageGrain  = time.Minute
	usageFlush  = 5 * time.Second
	usageAtOnce = 500
	sweepEach   = time.Hour
)

// Note remembers that a token has authenticated a request.
func (u *Usage) Note(_ context.Context, t Token) {
	if t.LastUsedAt != nil && time.Since(t.LastUsedAt.Time) < usageGrain {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.used == nil {
		u.used = map[string]bool{}
	}
	u.used[t.ID] = true
}

// Run writes what Note remembers until ctx ends, and then once more.
func (u *Usage) Run(ctx context.Context) {
	flush, sweep := time.NewTicker(usageFlush), time.NewTicker(sweepEach)
	defer flush.Stop()
	defer sweep.Stop()
	for ctx.Err() == nil {
		var err error
		select {
		case <-ctx.Done():
			err = u.Flush(context.WithoutCancel(ctx))
		case <-flush.C:
			err = u.Flush(ctx)
		case <-sweep.C:
			err = u.sweep(ctx)
		}
		if err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "the use of tokens is not written down", "err", err)
		}
	}
}

// Flush writes what Note remembers.
func (u *Usage) Flush(ctx context.Context) error {
	u.mu.Lock()
	ids := slices.Collect(maps.Keys(u.used))
	u.used = nil
	u.mu.Unlock()
	now := db.Now()
	for part := range slices.Chunk(ids, usageAtOnce) {
		query, args := db.List(`UPDATE tokens SET last_used_at = ?, expires_at = CASE WHEN kind = 'session' THEN ? ELSE expires_at END WHERE id IN (?)`,
			part, now, db.At(now.Add(SessionTTL)))
		if _, err := u.DB.Exec(ctx, query, args...); err != nil {
			return err
		}
	}
	return nil
}

// sweep removes sessions and tokens of runs that have expired. Other tokens stay in
// their lists until somebody deletes them.
func (u *Usage) sweep(ctx context.Context) error {
	_, err := u.DB.Exec(ctx, `DELETE FROM tokens WHERE expires_at < ? AND kind IN ('session', 'run')`, db.Now())
	return err
}

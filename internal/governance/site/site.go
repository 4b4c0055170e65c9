// Package site keeps what site administrators set for the whole server while it runs: general
// rules, the mail server, and the words that they add to pages.
//
// The surprising rule: what is set here is stronger than the options of "plumbline serve", on
// every node at once; what is not set, or set to null, is as the options say.
package site

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/mail"
)

// Feature serves the settings of the site.
type Feature struct {
	DB  *db.DB
	Bus *events.Bus
	// Keyring seals the password of the mail server.
	Keyring *crypt.Keyring
	// Mail sends mail by the settings of the options, or by those that MailServer returns.
	Mail *mail.Sender
	// RateLimit is that of the options, in requests a second; 0 is no limit.
	RateLimit float64

	general atomic.Pointer[General]
	words   atomic.Pointer[Words] // cleaned
	stale   chan struct{}
}

const (
	topic  = "site-settings"
	reload = 15 * time.Second // events of other nodes may get lost
)

// Start reads the settings. Call it once, before the server answers.
func (f *Feature) Start(ctx context.Context) error {
	f.stale = make(chan struct{}, 1)
	f.Bus.Subscribe(topic, func(string) {
		select {
		case f.stale <- struct{}{}:
		default:
		}
	})
	return f.load(ctx)
}

// Run reads the settings again when another node has changed them, until ctx ends.
func (f *Feature) Run(ctx context.Context) {
	again := time.NewTicker(reload)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.stale:
		case <-again.C:
		}
		if err := f.load(ctx); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "site settings not read", "err", err)
		}
	}
}

func (f *Feature) load(ctx context.Context) error {
	g, err := one[chosen](ctx, f, generalID, "")
	if err != nil {
		return err
	}
	w, err := one[Words](ctx, f, wordsID, "")
	if err != nil {
		return err
	}
	f.general.Store(new(f.effective(g.Chosen.V)))
	f.words.Store(new(w.Chosen.V.each(clean)))
	return nil
}

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	f.generalRoutes(r)
	f.smtpRoutes(r)
	f.wordRoutes(r)
}

// row is what is set of one kind.
type row[T any] struct {
	ID        string     `db:"id"`
	Chosen    db.JSON[T] `db:"chosen"`
	Secret    []byte     `db:"secret"`
	UpdatedAt db.Time    `db:"updated_at"`
}

// one returns what is set of a kind; suffix locks it.
func one[T any](ctx context.Context, f *Feature, id, suffix string) (row[T], error) {
	return db.One[row[T]](ctx, f.DB, `FROM site_settings WHERE id = ?`+suffix, id)
}

// store writes what is set of a kind.
func store[T any](ctx context.Context, f *Feature, r row[T]) error {
	r.UpdatedAt = db.Now()
	return f.DB.Update(ctx, "site_settings", r, "chosen", "secret", "updated_at")
}

// keep stores what the nodes hold in memory, and tells them all. On this one it counts once the
// transaction is committed: then is called.
func keep[T any](ctx context.Context, f *Feature, r row[T], then func()) error {
	f.DB.AfterCommit(ctx, then)
	f.Bus.Publish(ctx, topic, r.ID)
	return store(ctx, f, r)
}

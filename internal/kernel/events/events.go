// Package events tells the rest of the server, on every node, that something has
// changed. An event is a topic and an id, published when the change is committed;
// whoever needs more reads the database.
//
// Events get lost when a connection breaks: every consumer must also look by itself
// from time to time. On PostgreSQL they travel by NOTIFY from a connection of their
// own, never from the writing transaction, which would serialise all writers.
package events

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
)

// Event says that something of a topic has changed, such as "grants" or
// "workspace". ID may be empty: everything of the topic.
type Event struct{ Topic, ID string }

// Bus carries events to subscribers of this node and of others.
type Bus struct {
	db     *db.DB
	node   string // marks what this node sent, which it need not hear again
	mu     sync.Mutex
	subs   map[string][]func(id string)
	outbox map[Event]bool
	wake   chan struct{}
	ready  chan struct{}
	once   sync.Once
}

// New returns a bus. Run must be called for events to reach other nodes.
func New(d *db.DB) *Bus {
	return &Bus{db: d, node: id.New("node"), subs: map[string][]func(string){}, outbox: map[Event]bool{}, wake: make(chan struct{}, 1), ready: make(chan struct{})}
}

// Subscribe calls fn for each event of the topic. fn must be quick. Call it before
// the first Publish.
func (b *Bus) Subscribe(topic string, fn func(id string)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subs[topic] = append(b.subs[topic], fn)
}

// Publish tells of a change when the transaction of ctx is committed. Subscribers on
// this node have been called when the transaction returns.
func (b *Bus) Publish(ctx context.Context, topic, id string) {
	b.db.AfterCommit(ctx, func() {
		e := Event{topic, id}
		b.deliver(e)
		if !b.db.Postgres() {
			return
		}
		b.mu.Lock()
		b.outbox[e] = true
		b.mu.Unlock()
		select {
		case b.wake <- struct{}{}:
		default:
		}
	})
}

// Ready is closed once Run hears of what other nodes do.
func (b *Bus) Ready() <-chan struct{} { return b.ready }

func (b *Bus) deliver(e Event) {
	b.mu.Lock()
	subs := slices.Clone(b.subs[e.Topic])
	b.mu.Unlock()
	for _, fn := range subs {
		fn(e.ID)
	}
}

const (
	// channelName is an expression for the channel of all nodes. Channels belong to a
	// database, so the schema is part of the name.
	channelName = `'plumbline_' || md5(current_schema())`

	coalesce = 50 * time.Millisecond
	maxBytes = 7000 // PostgreSQL limits a payload to 8,000 bytes
)

// Run carries events between nodes until ctx ends. On SQLite there is one node and
// nothing to do.
func (b *Bus) Run(ctx context.Context) {
	if !b.db.Postgres() {
		close(b.ready)
		<-ctx.Done()
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() { b.send(ctx) })
	wg.Go(func() { b.receive(ctx) })
	wg.Wait()
}

// send notifies the other nodes, at most every 50 ms.
func (b *Bus) send(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.wake:
		}
		for _, payload := range b.payloads() {
			if _, err := b.db.Exec(ctx, `SELECT pg_notify(`+channelName+`, ?)`, payload); err != nil && ctx.Err() == nil {
				slog.WarnContext(ctx, "events not sent to other nodes", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(coalesce):
		}
	}
}

// payloads empties the outbox: the node, then lines of "topic id", as many as fit.
func (b *Bus) payloads() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	head := b.node + "\n"
	payload := head
	for e := range b.outbox {
		if len(payload)+len(e.Topic)+len(e.ID)+2 > maxBytes {
			out = append(out, payload)
			payload = head
		}
		payload += e.Topic + " " + e.ID + "\n"
	}
	clear(b.outbox)
	if payload != head {
		out = append(out, payload)
	}
	return out
}

// receive listens, and connects again when the connection breaks. What happened
// meanwhile is unknown, so every topic is then told that anything may have changed.
func (b *Bus) receive(ctx context.Context) {
	for ctx.Err() == nil {
		err := b.listen(ctx)
		if ctx.Err() != nil {
			return
		}
		slog.WarnContext(ctx, "listening for events of other nodes", "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (b *Bus) listen(ctx context.Context) error {
	channel, err := db.One[string](ctx, b.db, `SELECT `+channelName)
	if err != nil {
		return err
	}
	return b.db.Listen(ctx, channel, b.listening, b.received)
}

// received delivers what another node sent.
func (b *Bus) received(payload string) {
	from, lines, _ := strings.Cut(payload, "\n")
	if from == b.node {
		return
	}
	for line := range strings.Lines(lines) {
		if topic, id, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " "); ok {
			b.deliver(Event{topic, id})
		}
	}
}

func (b *Bus) listening() {
	b.everything()
	b.once.Do(func() { close(b.ready) })
}

// everything tells each topic that anything may have changed.
func (b *Bus) everything() {
	b.mu.Lock()
	topics := make([]string, 0, len(b.subs))
	for t := range b.subs {
		topics = append(topics, t)
	}
	b.mu.Unlock()
	for _, t := range topics {
		b.deliver(Event{Topic: t})
	}
}

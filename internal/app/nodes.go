package app

import (
	"context"
	"log/slog"
	"os"
	"runtime"
	"time"

	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
)

// node is a process of the server.
type node struct {
	ID        string  `db:"id"`
	Name      string  `db:"name"` // of the machine
	Version   string  `db:"version"`
	Workers   int     `db:"workers"` // runs at a time that it executes itself
	StartedAt db.Time `db:"started_at"`
	SeenAt    db.Time `db:"seen_at"`
}

// A node says that it is there at intervals. One that is silent is shown as such, and
// forgotten after a while.
const (
	nodeEach   = 20 * time.Second
	nodeSilent = 3 * nodeEach
	nodeGone   = time.Hour
)

// present keeps the row of this node while the server runs, and removes it at the end.
func (a *App) present(ctx context.Context) {
	me := a.thisNode()
	tick := time.NewTicker(nodeEach)
	defer tick.Stop()
	for {
		if err := a.seen(ctx, me); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "the node does not say that it is there", "err", err)
		}
		select {
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			if err := a.DB.Delete(end, "nodes", me.ID); err != nil {
				slog.WarnContext(ctx, "the node does not say that it ends", "err", err)
			}
			return
		case <-tick.C:
		}
	}
}

func (a *App) thisNode() node {
	name, _ := os.Hostname() // "" is not known
	n := node{ID: id.New("node"), Name: name, Version: config.Version, Workers: a.Config.Workers, StartedAt: db.Now()}
	if n.Workers < 0 {
		n.Workers = runtime.NumCPU()
	}
	return n
}

// seen writes that the node is there now, and forgets those that have been silent for long.
func (a *App) seen(ctx context.Context, n node) error {
	n.SeenAt = db.Now()
	if err := db.InsertAll(ctx, a.DB, "nodes", []node{n}, "ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at"); err != nil {
		return err
	}
	_, err := a.DB.Exec(ctx, `DELETE FROM nodes WHERE seen_at < ?`, db.At(time.Now().Add(-nodeGone)))
	return err
}

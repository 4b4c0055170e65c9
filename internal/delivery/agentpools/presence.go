package agentpools

import (
	"context"
	"errors"
	"time"

	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// What is known of agents comes from package dispatch, which they talk to.

// Join makes an agent known that has started, under its id if the pool knows that, else
// under a new one, and returns the id.
func (f *Feature) Join(ctx context.Context, a Agent) (string, error) {
	a.Status, a.CreatedAt, a.LastPingAt = "idle", db.Now(), db.Now()
	n, err := f.DB.Exec(ctx, `UPDATE agents SET name = ?, ip_address = ?, status = ?, last_ping_at = ?, version = ?, platform = ? WHERE id = ? AND pool_id = ?`,
		a.Name, a.IPAddress, a.Status, a.LastPingAt, a.Version, a.Platform, a.ID, a.PoolID)
	if err == nil && n == 0 {
		a.ID = id.New("agent")
		err = f.DB.Insert(ctx, "agents", a)
	}
	if err != nil {
		return a.ID, err
	}
	return a.ID, f.tell(ctx, a.PoolID, a.ID)
}

// tell tells clients that an agent is no longer as it was.
func (f *Feature) tell(ctx context.Context, poolID, agentID string) error {
	org, err := db.One[string](ctx, f.DB, `SELECT org_id FROM agent_pools WHERE id = ?`, poolID)
	if err != nil {
		return err
	}
	changes.Tell(ctx, f.Bus, authz.Scope{Org: org}, "agents", agentID)
	changes.Tell(ctx, f.Bus, authz.Scope{Org: org}, "agent-pools", poolID)
	return nil
}

// Seen notes that an agent is alive, and reports whether the pool knows it.
func (f *Feature) Seen(ctx context.Context, poolID, agentID, ip string) (bool, error) {
	n, err := f.DB.Exec(ctx, `UPDATE agents SET last_ping_at = ?, ip_address = ? WHERE id = ? AND pool_id = ? AND status IN ('busy', 'idle')`, db.Now(), ip, agentID, poolID)
	if n > 0 || err != nil {
		return true, err
	}
	n, err = f.DB.Exec(ctx, `UPDATE agents SET last_ping_at = ?, ip_address = ?, status = 'idle' WHERE id = ? AND pool_id = ?`, db.Now(), ip, agentID, poolID)
	if n == 0 || err != nil {
		return false, err
	}
	return true, f.tell(ctx, poolID, agentID)
}

// SetBusy notes that an agent has begun or ended to work. One that is silent stays so.
func (f *Feature) SetBusy(ctx context.Context, poolID, agentID string, busy bool) error {
	status, was := "idle", "busy"
	if busy {
		status, was = "busy", "idle"
	}
	n, err := f.DB.Exec(ctx, `UPDATE agents SET status = ? WHERE id = ? AND pool_id = ? AND status = ?`, status, agentID, poolID, was)
	if n == 0 || err != nil {
		return err
	}
	return f.tell(ctx, poolID, agentID)
}

// Unheard notes that nothing was heard of an agent when it should have reported.
func (f *Feature) Unheard(ctx context.Context, poolID, agentID string) error {
	n, err := f.DB.Exec(ctx, `UPDATE agents SET status = 'unknown' WHERE id = ? AND pool_id = ? AND status IN ('idle', 'busy')`, agentID, poolID)
	if n == 0 || err != nil {
		return err
	}
	return f.tell(ctx, poolID, agentID)
}

// Leave notes that an agent has ended in an orderly way.
func (f *Feature) Leave(ctx context.Context, poolID, agentID string) error {
	n, err := f.DB.Exec(ctx, `UPDATE agents SET status = 'exited', last_ping_at = ? WHERE id = ? AND pool_id = ?`, db.Now(), agentID, poolID)
	if n == 0 || err != nil {
		return err
	}
	return f.tell(ctx, poolID, agentID)
}

// An agent of which nothing is heard is unknown after a while, and after two hours it
// counts as errored, as on HCP Terraform ("Agent pools", status of agents).
const (
	silentFor = 2 * time.Minute
	lostAfter = 2 * time.Hour
)

// Silence changes the status of agents that have been silent for long.
func (f *Feature) Silence(ctx context.Context) error {
	now := time.Now()
	orgs, err := db.All[string](ctx, f.DB, `SELECT DISTINCT p.org_id FROM agents a JOIN agent_pools p ON p.id = a.pool_id
		WHERE (a.status IN ('idle', 'busy') AND a.last_ping_at < ?) OR (a.status = 'unknown' AND a.last_ping_at < ?)`, db.At(now.Add(-silentFor)), db.At(now.Add(-lostAfter)))
	if err != nil || len(orgs) == 0 {
		return err
	}
	if _, err := f.DB.Exec(ctx, `UPDATE agents SET status = 'unknown' WHERE status IN ('idle', 'busy') AND last_ping_at < ?`, db.At(now.Add(-silentFor))); err != nil {
		return err
	}
	if _, err = f.DB.Exec(ctx, `UPDATE agents SET status = 'errored' WHERE status = 'unknown' AND last_ping_at < ?`, db.At(now.Add(-lostAfter))); err != nil {
		return err
	}
	for _, org := range orgs {
		changes.Tell(ctx, f.Bus, authz.Scope{Org: org}, "agents", "")
		changes.Tell(ctx, f.Bus, authz.Scope{Org: org}, "agent-pools", "")
	}
	return nil
}

// Named is the name of an agent and that of its pool, "" of what is gone.
type Named struct {
	Name     string `db:"name"`
	PoolName string `db:"pool_name"`
}

// Named returns the names of an agent and its pool.
func (f *Feature) Named(ctx context.Context, poolID, agentID string) (Named, error) {
	n, err := db.One[Named](ctx, f.DB, `SELECT COALESCE(a.name, '') AS name, p.name AS pool_name FROM agent_pools p LEFT JOIN agents a ON a.pool_id = p.id AND a.id = ? WHERE p.id = ?`, agentID, poolID)
	if errors.Is(err, problem.NotFound) {
		return Named{}, nil
	}
	return n, err
}

// Gone returns which of the pools are no more.
func (f *Feature) Gone(ctx context.Context, poolIDs []string) ([]string, error) {
	there, err := db.In[string](ctx, f.DB, `SELECT id FROM agent_pools WHERE id IN (?)`, poolIDs)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, p := range there {
		known[p] = true
	}
	var out []string
	for _, p := range poolIDs {
		if !known[p] {
			out = append(out, p)
		}
	}
	return out, nil
}

package dispatch

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"plumbline.dev/plumbline/internal/delivery/agentpools"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Server is the contract with executors, for those of one pool. It implements proto.Server.
type Server struct {
	f    *Feature
	pool string // "" is the workers of the server
	ip   string
}

// Workers is the contract for the workers inside the server.
func (f *Feature) Workers() Server { return Server{f: f} }

// PoolOf is the contract for an agent of a pool that calls from an address.
func (f *Feature) PoolOf(poolID, ip string) Server { return Server{f, poolID, ip} }

// Register implements proto.Server. Under an id that was known before it is a process
// that has started again: what the one before it held is lost at once.
func (s Server) Register(ctx context.Context, who proto.Executor) (proto.Registration, error) {
	if len(who.Name) > 255 || len(who.ID) > 64 || len(who.Version)+len(who.OS)+len(who.Arch) > 255 {
		return proto.Registration{}, problem.BadRequest("The name of an agent has at most 255 characters.")
	}
	prefix := "worker"
	if s.pool != "" {
		prefix = "agent"
	}
	if !id.Valid(prefix, who.ID) {
		who.ID = id.New(prefix)
	} else if err := s.loseAll(ctx, who.ID, "The worker that ran this was restarted."); err != nil {
		return proto.Registration{}, err
	}
	if s.pool != "" {
		var err error
		who.ID, err = s.f.Agents.Join(ctx, agentpools.Agent{ID: who.ID, PoolID: s.pool, Name: who.Name, IPAddress: s.ip, Version: who.Version, Platform: platform(who)})
		if err != nil {
			return proto.Registration{}, err
		}
	}
	slog.InfoContext(ctx, "an executor is ready", "executor", who.ID, "name", who.Name, "version", who.Version, "os", who.OS, "arch", who.Arch, "sandbox", who.Sandbox, "pool", s.pool)
	return proto.Registration{ID: who.ID}, nil
}

// platform is what an executor runs on, such as linux/amd64; "" if it does not say.
func platform(who proto.Executor) string {
	if who.OS == "" {
		return ""
	}
	return who.OS + "/" + who.Arch
}

// Leave implements proto.Server. What the executor still holds is lost.
func (s Server) Leave(ctx context.Context, executorID string) error {
	if err := s.loseAll(ctx, executorID, "The worker that ran this was stopped."); err != nil {
		return err
	}
	if s.pool == "" {
		return nil
	}
	return s.f.Agents.Leave(ctx, s.pool, executorID)
}

func (s Server) loseAll(ctx context.Context, executorID, why string) error {
	list, err := db.All[Job](ctx, s.f.DB, `SELECT {} FROM dispatch_jobs WHERE executor_id = ? AND status = 'claimed' AND COALESCE(pool_id, '') = ?`, executorID, s.pool)
	if err != nil {
		return err
	}
	for _, j := range list {
		if err := s.f.lose(ctx, j, func(Job) bool { return true }, why); err != nil {
			return err
		}
	}
	return nil
}

// arrived notes that an executor asks for work.
func (s Server) arrived(ctx context.Context, executorID string) error {
	if s.pool == "" {
		return nil
	}
	known, err := s.f.Agents.Seen(ctx, s.pool, executorID, s.ip)
	if err == nil && !known {
		err = proto.ErrGone // it registers again
	}
	return err
}

// reported notes that an executor is alive, once in a while.
func (s Server) reported(ctx context.Context, executorID string) {
	if s.pool == "" || !s.f.pings.due(executorID) {
		return
	}
	if _, err := s.f.Agents.Seen(ctx, s.pool, executorID, s.ip); err != nil {
		slog.WarnContext(ctx, "noting that an agent is alive", "agent", executorID, "err", err)
	}
}

// busy shows the holder of a claimed job as at work.
func (f *Feature) busy(ctx context.Context, j Job) error {
	if j.PoolID == nil {
		return nil
	}
	return f.Agents.SetBusy(ctx, *j.PoolID, j.ExecutorID, true)
}

// freed shows the former holder of a job as idle if it holds no other, or as unknown if it
// let the lease expire.
func (f *Feature) freed(ctx context.Context, j Job) error {
	if j.PoolID == nil {
		return nil
	}
	if j.LeaseUntil != nil && j.LeaseUntil.Before(time.Now()) {
		return f.Agents.Unheard(ctx, *j.PoolID, j.ExecutorID)
	}
	n, err := db.One[int](ctx, f.DB, `SELECT count(*) FROM dispatch_jobs WHERE executor_id = ? AND status = 'claimed'`, j.ExecutorID)
	if err != nil || n > 0 {
		return err
	}
	return f.Agents.SetBusy(ctx, *j.PoolID, j.ExecutorID, false)
}

// pings are when executors were last written down as alive by this node.
type pings struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// pingEach is how often that is written.
const pingEach = 20 * time.Second

// due reports whether it is time to write it down again, and takes it as done.
func (p *pings) due(executorID string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.Sub(p.last[executorID]) < pingEach {
		return false
	}
	if p.last == nil || len(p.last) > 50_000 {
		p.last = map[string]time.Time{}
	}
	p.last[executorID] = now
	return true
}

// HeldBy returns the jobs that agents have taken and not ended, the oldest first.
func (f *Feature) HeldBy(ctx context.Context, agentIDs []string) ([]agentpools.Work, error) {
	return db.In[agentpools.Work](ctx, f.DB, `SELECT j.executor_id AS agent_id, j.kind AS kind, COALESCE(p.run_id, a.run_id, '') AS run_id, COALESCE(j.workspace_id, '') AS workspace_id, j.claimed_at AS since
		FROM dispatch_jobs j LEFT JOIN plans p ON p.id = j.subject LEFT JOIN applies a ON a.id = j.subject
		WHERE j.status = 'claimed' AND j.executor_id IN (?) ORDER BY j.claimed_at, j.id`, agentIDs)
}

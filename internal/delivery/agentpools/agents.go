package agentpools

import (
	"context"
	"slices"

	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Agent is a process that has joined a pool.
type Agent struct {
	ID         string  `db:"id"`
	PoolID     string  `db:"pool_id"`
	Name       string  `db:"name"` // "" has none
	IPAddress  string  `db:"ip_address"`
	Status     string  `db:"status"` // idle, busy, unknown, errored, exited
	LastPingAt db.Time `db:"last_ping_at"`
	CreatedAt  db.Time `db:"created_at"`
	Version    string  `db:"version"`  // of the agent; "" if it did not say
	Platform   string  `db:"platform"` // such as linux/amd64

	OrgID string `db:"org_id,extra"`

	work []Work
}

// Work is a job that an agent has taken and not ended.
type Work struct {
	AgentID     string   `db:"agent_id" json:"-"`
	Kind        string   `db:"kind" json:"kind"`     // plan, apply, test-run, assessment, drift-scan
	RunID       string   `db:"run_id" json:"run-id"` // of a plan or an apply, else ""
	WorkspaceID string   `db:"workspace_id" json:"workspace-id"`
	Since       *db.Time `db:"since" json:"since"`
}

const selectAgents = `SELECT {a}, p.org_id AS org_id FROM agents a JOIN agent_pools p ON p.id = a.pool_id`

// Scope implements authz.Scoped.
func (a Agent) Scope() authz.Scope { return authz.Scope{Org: a.OrgID} }

func (f *Feature) agentRoutes(r *api.Router) {
	api.Type(r, "agents", authz.ManageAgentPools, nil, agentView)
	api.List(r, "/agent-pools/{id}/agents", authz.ManageAgentPools, f.Find, f.listAgents, api.Params("filter[last-ping-since]"))
	api.Read(r, "/agents/{id}", authz.ManageAgentPools, f.showAgent)
	api.Delete(r, "/agents/{id}", authz.ManageAgentPools, f.findAgent, f.deleteAgent)
	api.List(r, "/admin/agents", authz.SiteAdmin, api.Site, f.allAgents, api.Params("filter[status]")) // ours
}

func agentView(_ context.Context, a Agent) jsonapi.Resource {
	out := agentAttributes{Status: a.Status, IPAddress: a.IPAddress, LastPingAt: a.LastPingAt, CreatedAt: a.CreatedAt, Version: a.Version, Platform: a.Platform, Work: a.work}
	if a.Name != "" {
		out.Name = &a.Name
	}
	workspaces := []string{}
	for _, w := range a.work {
		if w.WorkspaceID != "" && !slices.Contains(workspaces, w.WorkspaceID) {
			workspaces = append(workspaces, w.WorkspaceID)
		}
	}
	return jsonapi.Resource{Type: "agents", ID: a.ID, Attributes: out, Links: jsonapi.Self("/api/v2/agents/" + a.ID),
		Relationships: jsonapi.Relationships{"agent-pool": jsonapi.ToOne("agent-pools", a.PoolID), "workspaces": jsonapi.ToMany("workspaces", workspaces)}}
}

type agentAttributes struct {
	Name       *string `json:"name,omitempty"`
	Status     string  `json:"status"`
	IPAddress  string  `json:"ip-address"`
	LastPingAt db.Time `json:"last-ping-at"`
	CreatedAt  db.Time `json:"created-at"`
	Version    string  `json:"version"`  // ours, as the next
	Platform   string  `json:"platform"` // such as linux/amd64
	Work       []Work  `json:"work"`     // what it is doing now
}

var agentOrders = map[string]string{"": "a.created_at, a.id", "created-at": "a.created_at, a.id", "-created-at": "a.created_at DESC, a.id DESC"}

func (f *Feature) listAgents(ctx context.Context, p Pool, q api.Query) (api.Page[Agent], error) {
	order, err := q.Order(agentOrders)
	if err != nil {
		return api.Page[Agent]{}, err
	}
	where, args := ` WHERE a.pool_id = ?`, []any{p.ID}
	if since := q.Get("filter[last-ping-since]"); since != "" {
		t, err := db.ParseTime(since)
		if err != nil {
			return api.Page[Agent]{}, problem.BadRequest("filter[last-ping-since] must be a time such as 2020-08-11T10:41:23Z")
		}
		where, args = where+` AND a.last_ping_at >= ?`, append(args, t)
	}
	return f.page(ctx, q, selectAgents+where+` ORDER BY `+order, args...)
}

func (f *Feature) page(ctx context.Context, q api.Query, from string, args ...any) (api.Page[Agent], error) {
	page, err := api.Select[Agent](ctx, f.DB, q, from, args...)
	if err != nil {
		return page, err
	}
	return page, f.working(ctx, page.Items)
}

// working adds what the agents are doing now.
func (f *Feature) working(ctx context.Context, agents []Agent) error {
	ids, at := make([]string, len(agents)), map[string]*Agent{}
	for i := range agents {
		agents[i].work = []Work{}
		ids[i], at[agents[i].ID] = agents[i].ID, &agents[i]
	}
	list, err := f.Works(ctx, ids)
	for _, w := range list {
		at[w.AgentID].work = append(at[w.AgentID].work, w)
	}
	return err
}

// allAgents lists the agents of all organizations. It takes q, a part of the name of an agent,
// its pool or its organization.
func (f *Feature) allAgents(ctx context.Context, _ authz.Site, q api.Query) (api.Page[Agent], error) {
	where, args := ` WHERE 1 = 1`, []any(nil)
	if status := q.List("filter[status]"); len(status) > 0 {
		where, args = db.List(where+` AND a.status IN (?)`, status)
	}
	if like := q.Like("q"); like != "" {
		where += ` AND (LOWER(a.name) LIKE ? ESCAPE '\' OR p.name_lower LIKE ? ESCAPE '\' OR p.org_id IN (SELECT o.id FROM organizations o WHERE o.name_lower LIKE ? ESCAPE '\'))`
		args = append(args, like, like, like)
	}
	return f.page(ctx, q, selectAgents+where+` ORDER BY a.last_ping_at DESC, a.id`, args...)
}

func (f *Feature) findAgent(ctx context.Context, id string) (Agent, error) {
	return db.One[Agent](ctx, f.DB, selectAgents+` WHERE a.id = ?`, id)
}

// showAgent is findAgent with what the agent does.
func (f *Feature) showAgent(ctx context.Context, id string) (Agent, error) {
	a, err := f.findAgent(ctx, id)
	if err != nil {
		return a, err
	}
	list := []Agent{a}
	err = f.working(ctx, list)
	return list[0], err
}

// deleteAgent forgets an agent, but none that is at work.
func (f *Feature) deleteAgent(ctx context.Context, a Agent) error {
	n, err := f.DB.Exec(ctx, `DELETE FROM agents WHERE id = ? AND status IN ('unknown', 'errored', 'exited')`, a.ID)
	if err == nil && n == 0 {
		return problem.PreconditionFailed("Agent is not deletable. Agents must have a status of unknown, errored, or exited before being deleted.")
	}
	return err
}

func (f *Feature) listTokens(ctx context.Context, p Pool, q api.Query) (api.Page[tokens.Token], error) {
	return f.Tokens.OfPool(ctx, p.ID, q)
}

func (f *Feature) createToken(ctx context.Context, p Pool, in jsonapi.In[tokens.Request]) (tokens.Token, error) {
	return f.Tokens.CreateAgent(ctx, tokens.Token{AgentPoolID: &p.ID, OrgID: &p.OrgID, OrgName: p.OrgName}, in.Data.Attributes)
}

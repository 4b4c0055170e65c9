// Package agentpools keeps agent pools: groups of agents, which run plans and applies
// on machines of the organization's own. A workspace in execution mode agent names the
// pool whose agents take its runs.
//
// The surprising rule: the scope of a pool (all workspaces, or some of them and of the
// projects) is asked when a workspace or project starts to use the pool. Who uses it
// already keeps it when the scope shrinks.
package agentpools

import (
	"context"
	"regexp"
	"strings"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Pool is an agent pool.
type Pool struct {
	ID                 string  `db:"id"`
	OrgID              string  `db:"org_id"`
	Name               string  `db:"name"`
	NameLower          string  `db:"name_lower"`
	OrganizationScoped bool    `db:"organization_scoped"` // every workspace may use it that is not excluded
	CreatedAt          db.Time `db:"created_at"`

	OrgName string `db:"org_name,extra"`

	related
}

const selectPools = `SELECT {p}, o.name AS org_name FROM agent_pools p JOIN organizations o ON o.id = p.org_id`

// Scope implements authz.Scoped.
func (p Pool) Scope() authz.Scope { return authz.Scope{Org: p.OrgID} }

// Feature serves agent pools, their agents and their tokens.
type Feature struct {
	DB     *db.DB
	Bus    *events.Bus // hears of the statuses of agents
	Orgs   *orgs.Feature
	Tokens *tokens.Feature
	Works  func(ctx context.Context, agentIDs []string) ([]Work, error) // what the agents are doing now
}

// Routes adds the endpoints of this package to r; those of tokens come before.
func (f *Feature) Routes(r *api.Router) {
	const all, one = "/organizations/{organization}/agent-pools", "/agent-pools/{id}"
	api.Type(r, "agent-pools", authz.ReadAgentPools, f.byIDs, view)
	api.List(r, all, authz.ReadAgentPools, f.Orgs.ByName, f.list,
		api.Params("filter[allowed_workspaces][name]", "filter[allowed-workspaces][name]", "filter[allowed_projects][name]", "filter[allowed-projects][name]"))
	api.Create(r, all, authz.ManageAgentPools, f.Orgs.ByName, f.create, api.Status(200))
	api.Read(r, one, authz.ReadAgentPools, f.Find)
	api.Update(r, one, authz.ManageAgentPools, f.Find, f.update)
	api.Delete(r, one, authz.ManageAgentPools, f.Find, f.delete)
	f.agentRoutes(r)
	api.List(r, one+"/authentication-tokens", authz.ManageAgentPools, f.Find, f.listTokens)
	api.Create(r, one+"/authentication-tokens", authz.ManageAgentPools, f.Find, f.createToken, api.Accepts("agent-tokens"))
}

// view is a pool as clients see it.
func view(_ context.Context, p Pool) jsonapi.Resource {
	base := "/api/v2/agent-pools/" + p.ID
	return jsonapi.Resource{
		Type: "agent-pools", ID: p.ID, Links: jsonapi.Self(base),
		Attributes: attributes{Name: p.Name, CreatedAt: p.CreatedAt, OrganizationScoped: p.OrganizationScoped, AgentCount: p.agents},
		Relationships: jsonapi.Relationships{
			"organization":          jsonapi.ToOne("organizations", p.OrgName),
			"agents":                jsonapi.Related(base + "/agents"),
			"authentication-tokens": jsonapi.Related(base + "/authentication-tokens"),
			"workspaces":            jsonapi.ToMany("workspaces", p.members["workspaces"]),
			"allowed-workspaces":    jsonapi.ToMany("workspaces", p.members["allowed-workspaces"]),
			"excluded-workspaces":   jsonapi.ToMany("workspaces", p.members["excluded-workspaces"]),
			"allowed-projects":      jsonapi.ToMany("projects", p.members["allowed-projects"]),
		},
	}
}

type attributes struct {
	Name               string  `json:"name"`
	CreatedAt          db.Time `json:"created-at"`
	OrganizationScoped bool    `json:"organization-scoped"`
	AgentCount         int     `json:"agent-count"` // of those that have not ended
}

// request are the attributes that clients send.
type request struct {
	Name               jsonapi.Opt[string] `json:"name"`
	OrganizationScoped jsonapi.Opt[bool]   `json:"organization-scoped"`
}

func (f *Feature) create(ctx context.Context, o orgs.Org, in jsonapi.In[request]) (Pool, error) {
	p := Pool{ID: id.New("apool"), OrgID: o.ID, OrganizationScoped: true, CreatedAt: db.Now()}
	if err := p.set(in.Data.Attributes); err != nil {
		return p, err
	}
	if err := taken(f.DB.Insert(ctx, "agent_pools", p)); err != nil {
		return p, err
	}
	return f.scoped(ctx, p, in)
}

func (f *Feature) update(ctx context.Context, p Pool, in jsonapi.In[request]) (Pool, error) {
	if err := p.set(in.Data.Attributes); err != nil {
		return p, err
	}
	if err := taken(f.DB.Update(ctx, "agent_pools", p, "name", "name_lower", "organization_scoped")); err != nil {
		return p, err
	}
	return f.scoped(ctx, p, in)
}

// maxName is in bytes, which are characters here.
const maxName = 90

var nameForm = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func (p *Pool) set(a request) error {
	a.Name.Into(&p.Name)
	p.NameLower = strings.ToLower(p.Name)
	p.OrganizationScoped = a.OrganizationScoped.Or(p.OrganizationScoped)
	switch {
	case p.Name == "":
		return problem.Invalid("name", "Name can't be blank")
	case len(p.Name) > maxName:
		return problem.Invalid("name", "Name is too long (maximum is %d characters)", maxName)
	case !nameForm.MatchString(p.Name):
		return problem.Invalid("name", "Name can only include letters, numbers, -, and _.")
	}
	return nil
}

// taken explains a violated unique constraint.
func taken(err error) error {
	if db.IsUnique(err) {
		return problem.Invalid("name", "Name has already been taken")
	}
	return err
}

// delete removes a pool with its agents and their tokens, but none that is in use.
func (f *Feature) delete(ctx context.Context, p Pool) error {
	err := f.DB.Delete(ctx, "agent_pools", p.ID)
	if db.IsForeign(err) {
		return problem.Unprocessable("Agent pool cannot be deleted because it is in use: a workspace, a project or the organization runs in it.")
	}
	return err
}

// Find returns the pool with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Pool, error) {
	p, err := db.One[Pool](ctx, f.DB, selectPools+` WHERE p.id = ?`, id)
	if err != nil {
		return p, err
	}
	list := []Pool{p}
	err = f.relate(ctx, list)
	return list[0], err
}

func (f *Feature) byIDs(ctx context.Context, ids []string) ([]Pool, error) {
	list, err := db.In[Pool](ctx, f.DB, selectPools+` WHERE p.id IN (?)`, ids)
	if err != nil {
		return nil, err
	}
	return list, f.relate(ctx, list)
}

// orders are the values of sort.
var orders = map[string]string{"": "p.name, p.id", "name": "p.name, p.id", "-name": "p.name DESC, p.id DESC",
	"created-at": "p.created_at, p.id", "-created-at": "p.created_at DESC, p.id DESC"}

func (f *Feature) list(ctx context.Context, o orgs.Org, q api.Query) (api.Page[Pool], error) {
	order, err := q.Order(orders)
	if err != nil {
		return api.Page[Pool]{}, err
	}
	where, args := ` WHERE p.org_id = ?`, []any{o.ID}
	if like := q.Like("q"); like != "" {
		where, args = where+` AND p.name_lower LIKE ? ESCAPE '\'`, append(args, like)
	}
	for _, by := range usedBy(ctx, o.ID, q) {
		where, args = where+" AND "+by.cond, append(args, by.args...)
	}
	page, err := api.Select[Pool](ctx, f.DB, q, selectPools+where+` ORDER BY `+order, args...)
	if err != nil {
		return page, err
	}
	return page, f.relate(ctx, page.Items)
}

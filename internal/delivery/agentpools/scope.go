package agentpools

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// usable is the condition that the workspace and the project, which are columns or
// placeholders of SQL, may use the pool p. The workspace comes twice, then the project.
func usable(workspace, project string) string {
	return `NOT EXISTS (SELECT 1 FROM agent_pool_workspaces x WHERE x.pool_id = p.id AND x.workspace_id = ` + workspace + ` AND x.excluded)
		AND (p.organization_scoped
			OR EXISTS (SELECT 1 FROM agent_pool_workspaces x WHERE x.pool_id = p.id AND x.workspace_id = ` + workspace + ` AND NOT x.excluded)
			OR EXISTS (SELECT 1 FROM agent_pool_projects x WHERE x.pool_id = p.id AND x.project_id = ` + project + `))`
}

// Usable reports whether what lives in the scope may start to use the pool: a
// workspace, all workspaces of a project, or all of an organization. It is
// problem.NotFound if the organization has no such pool.
func (f *Feature) Usable(ctx context.Context, id string, in authz.Scope) (bool, error) {
	return db.One[bool](ctx, f.DB, `SELECT `+usable("?", "?")+` AS usable FROM agent_pools p WHERE p.id = ? AND p.org_id = ?`,
		in.Workspace, in.Workspace, in.Project, id, in.Org)
}

// condition is a part of a WHERE clause.
type condition struct {
	cond string
	args []any
}

// usedBy are the conditions of the filters of a list: pools that the workspace or the
// project of that name may use. Names that the caller may not know are no names.
func usedBy(ctx context.Context, orgID string, q api.Query) (out []condition) {
	visible := func(p authz.Permission, project, workspace string) (string, []any) {
		if authz.Can(ctx, authz.ManageAgentPools, authz.Scope{Org: orgID}) {
			return "1 = 1", nil
		}
		return authz.FilterOf(ctx, p, orgID).SQL(project, workspace)
	}
	if name := cmp.Or(q.Get("filter[allowed_workspaces][name]"), q.Get("filter[allowed-workspaces][name]")); name != "" {
		seen, args := visible(authz.ReadWorkspace, "w.project_id", "w.id")
		out = append(out, condition{`EXISTS (SELECT 1 FROM workspaces w WHERE w.org_id = p.org_id AND w.name_lower = ? AND ` + seen + ` AND ` + usable("w.id", "w.project_id") + `)`,
			append([]any{strings.ToLower(name)}, args...)})
	}
	if name := cmp.Or(q.Get("filter[allowed_projects][name]"), q.Get("filter[allowed-projects][name]")); name != "" {
		seen, args := visible(authz.ReadProject, "j.id", "")
		out = append(out, condition{`EXISTS (SELECT 1 FROM projects j WHERE j.org_id = p.org_id AND j.name_lower = ? AND ` + seen + ` AND ` + usable("''", "j.id") + `)`,
			append([]any{strings.ToLower(name)}, args...)})
	}
	return out
}

// maxMembers is how many workspaces or projects one relationship of a request names.
const maxMembers = 1000

// scopes are the relationships that say who may use a pool: the type of their members,
// and the statements that empty and fill them.
var scopes = []struct{ name, typ, clear, find, insert string }{
	{"allowed-workspaces", "workspaces", `DELETE FROM agent_pool_workspaces WHERE pool_id = ? AND NOT excluded`,
		`SELECT id FROM workspaces WHERE org_id = ? AND id IN (?)`, `INSERT INTO agent_pool_workspaces (excluded, pool_id, workspace_id) SELECT 1 = 0, ?, id FROM workspaces WHERE id IN (?)`},
	{"excluded-workspaces", "workspaces", `DELETE FROM agent_pool_workspaces WHERE pool_id = ? AND excluded`,
		`SELECT id FROM workspaces WHERE org_id = ? AND id IN (?)`, `INSERT INTO agent_pool_workspaces (excluded, pool_id, workspace_id) SELECT 1 = 1, ?, id FROM workspaces WHERE id IN (?)`},
	{"allowed-projects", "projects", `DELETE FROM agent_pool_projects WHERE pool_id = ?`,
		`SELECT id FROM projects WHERE org_id = ? AND id IN (?)`, `INSERT INTO agent_pool_projects (pool_id, project_id) SELECT ?, id FROM projects WHERE id IN (?)`},
}

// scoped replaces the members of the relationships that a request names, and reads the
// pool anew.
func (f *Feature) scoped(ctx context.Context, p Pool, in jsonapi.In[request]) (Pool, error) {
	for _, s := range scopes {
		members, named := in.Data.Many(s.name)
		if !named {
			continue
		}
		ids, other := jsonapi.IDs(members, s.typ)
		slices.Sort(ids)
		ids = slices.Compact(ids)
		switch {
		case other != nil:
			return p, problem.InvalidRelation(s.name, "The members must be of type %q, not %q", s.typ, other.Type)
		case len(ids) > maxMembers:
			return p, problem.InvalidRelation(s.name, "No more than %d %s can be named", maxMembers, s.typ)
		}
		found, err := db.In[string](ctx, f.DB, s.find, ids, p.OrgID)
		if err != nil {
			return p, err
		}
		if len(found) < len(ids) {
			return p, problem.InvalidRelation(s.name, "The members must be %s of the organization", s.typ)
		}
		if _, err := f.DB.Exec(ctx, s.clear, p.ID); err != nil {
			return p, err
		}
		query, args := db.List(s.insert, ids, p.ID)
		if _, err := f.DB.Exec(ctx, query, args...); db.IsForeign(err) {
			return p, problem.Conflict("One of the %s has just been deleted.", s.typ)
		} else if err != nil {
			return p, err
		}
	}
	return f.Find(ctx, p.ID)
}

// related is what relate adds for the wire.
type related struct {
	members map[string][]string // ids by relationship
	agents  int
}

// member is a row of what belongs to pools.
type member struct {
	PoolID       string `db:"pool_id"`
	Relationship string `db:"relationship"`
	ID           string `db:"id"`
	ProjectID    string `db:"project_id"`
	Name         string `db:"name"`
}

// count is how many agents a pool has.
type count struct {
	PoolID string `db:"pool_id"`
	Agents int    `db:"agents"`
}

// relate adds to pools who uses them by their own settings, who may, and how many agents
// they have, with two statements. Who does not manage pools sees only the workspaces
// and projects that they may read.
func (f *Feature) relate(ctx context.Context, pools []Pool) error {
	ids, at := make([]string, len(pools)), map[string]*Pool{}
	for i := range pools {
		ids[i], at[pools[i].ID] = pools[i].ID, &pools[i]
		pools[i].related = related{members: map[string][]string{}}
	}
	rows, err := db.In[member](ctx, f.DB, `WITH pools AS (SELECT id FROM agent_pools WHERE id IN (?))
		SELECT w.agent_pool_id AS pool_id, 'workspaces' AS relationship, w.id AS id, w.project_id AS project_id, w.name AS name
			FROM workspaces w WHERE w.agent_pool_id IN (SELECT id FROM pools)
		UNION ALL SELECT x.pool_id, CASE WHEN x.excluded THEN 'excluded-workspaces' ELSE 'allowed-workspaces' END, w.id, w.project_id, w.name
			FROM agent_pool_workspaces x JOIN workspaces w ON w.id = x.workspace_id WHERE x.pool_id IN (SELECT id FROM pools)
		UNION ALL SELECT x.pool_id, 'allowed-projects', j.id, j.id, j.name
			FROM agent_pool_projects x JOIN projects j ON j.id = x.project_id WHERE x.pool_id IN (SELECT id FROM pools)
		ORDER BY 5, 3`, ids)
	if err != nil {
		return err
	}
	for _, m := range rows {
		if p := at[m.PoolID]; m.visible(ctx, *p) {
			p.members[m.Relationship] = append(p.members[m.Relationship], m.ID)
		}
	}
	counts, err := db.In[count](ctx, f.DB, `SELECT pool_id, count(*) AS agents FROM agents WHERE status NOT IN ('errored', 'exited') AND pool_id IN (?) GROUP BY pool_id`, ids)
	for _, c := range counts {
		at[c.PoolID].agents = c.Agents
	}
	return err
}

func (m member) visible(ctx context.Context, p Pool) bool {
	in := authz.Scope{Org: p.OrgID, Project: m.ProjectID, Workspace: m.ID}
	needs := authz.ReadWorkspace
	if m.Relationship == "allowed-projects" {
		in.Workspace, needs = "", authz.ReadProject
	}
	return authz.Can(ctx, authz.ManageAgentPools, p.Scope()) || authz.Can(ctx, needs, in)
}

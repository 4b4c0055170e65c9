package varsets

import (
	"context"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/projects"
	"plumbline.dev/plumbline/internal/workspace/variables"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// page returns a page of the sets of an organization that meet a condition and the
// query's "q", which names contain.
func (f *Feature) page(ctx context.Context, q api.Query, cond string, args ...any) (api.Page[Set], error) {
	if like := q.Like("q"); like != "" {
		cond += ` AND s.name_lower LIKE ? ESCAPE '\'`
		args = append(args, like)
	}
	p, err := api.Select[Set](ctx, f.DB, q, selectSets+` WHERE `+cond+` ORDER BY s.name, s.id`, args...)
	if err != nil {
		return p, err
	}
	return p, f.relate(ctx, p.Items)
}

// list lists the sets of an organization that the subject may see: its own with the
// organization's permission, those of projects with the project's.
func (f *Feature) list(ctx context.Context, org orgs.Org, q api.Query) (api.Page[Set], error) {
	owned, args := authz.FilterOf(ctx, authz.ReadProjectVarsets, org.ID).SQL("s.project_id", "")
	cond := `s.org_id = ? AND (s.project_id IS NOT NULL AND ` + owned
	args = append([]any{org.ID}, args...)
	if authz.Can(ctx, authz.ReadVarsets, org.Scope()) {
		cond += ` OR s.project_id IS NULL`
	}
	cond += `)`
	switch q.Get("filter[global]") {
	case "":
	case "true":
		cond += ` AND s.is_global`
	case "false":
		cond += ` AND NOT s.is_global`
	default:
		return api.Page[Set]{}, problem.BadRequest("filter[global] must be true or false")
	}
	switch q.Get("scope") {
	case "":
	case "owned":
		cond += ` AND s.project_id IS NULL`
	default:
		return api.Page[Set]{}, problem.BadRequest("scope must be \"owned\" if it is given")
	}
	return f.page(ctx, q, cond, args...)
}

// ofProject lists the sets that apply to all workspaces of a project, and those that
// it owns.
func (f *Feature) ofProject(ctx context.Context, p projects.Project, q api.Query) (api.Page[Set], error) {
	if q.Get("scope") == "owned" {
		return f.page(ctx, q, `s.project_id = ?`, p.ID)
	}
	return f.page(ctx, q, `s.org_id = ? AND (s.is_global OR s.project_id = ? OR EXISTS (SELECT 1 FROM varset_projects x WHERE x.varset_id = s.id AND x.project_id = ?))`,
		p.OrgID, p.ID, p.ID)
}

// How a set applies to a workspace; the arguments are the project and the workspace.
// A set that a project owns applies only there, even if a workspace was moved away.
const (
	onProject   = `EXISTS (SELECT 1 FROM varset_projects x WHERE x.varset_id = s.id AND x.project_id = ?)`
	onWorkspace = `EXISTS (SELECT 1 FROM varset_workspaces x WHERE x.varset_id = s.id AND x.workspace_id = ?)`
	inReach     = `s.org_id = ? AND (s.project_id IS NULL OR s.project_id = ?)`
	applies     = `(s.is_global OR ` + onProject + ` OR ` + onWorkspace + `)`
)

// ofWorkspace lists the sets that apply to a workspace.
func (f *Feature) ofWorkspace(ctx context.Context, ws workspaces.Workspace, q api.Query) (api.Page[Set], error) {
	return f.page(ctx, q, inReach+` AND `+applies, ws.OrgID, ws.ProjectID, ws.ProjectID, ws.ID)
}

// applicable lists the sets that could be applied to a workspace and are not, as far
// as the subject may read them.
func (f *Feature) applicable(ctx context.Context, ws workspaces.Workspace, q api.Query) (api.Page[Set], error) {
	cond := inReach + ` AND NOT ` + applies
	if !authz.Can(ctx, authz.ReadVarsets, ws.Scope()) {
		cond += ` AND s.project_id IS NOT NULL`
	}
	if !authz.Can(ctx, authz.ReadProjectVarsets, ws.Scope()) {
		cond += ` AND s.project_id IS NULL`
	}
	return f.page(ctx, q, cond, ws.OrgID, ws.ProjectID, ws.ProjectID, ws.ID)
}

// AppliedTo returns the sets that apply to a workspace, as precedence needs them.
func (f *Feature) AppliedTo(ctx context.Context, ws workspaces.Workspace) ([]variables.Set, error) {
	return db.All[variables.Set](ctx, f.DB, `SELECT s.id, s.name, s.priority, s.is_global, s.project_id IS NOT NULL AS owned_by_project, `+onProject+` AS on_project, `+onWorkspace+` AS on_workspace
		FROM varsets s WHERE `+inReach+` AND `+applies, ws.ProjectID, ws.ID, ws.OrgID, ws.ProjectID, ws.ProjectID, ws.ID)
}

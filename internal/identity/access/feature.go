package access

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Feature serves what teams may do in workspaces and projects.
type Feature struct {
	DB  *db.DB
	Bus *events.Bus
	// FindTeam, FindWorkspace and FindProject tell where a resource lives, or
	// problem.NotFound. FindTeam finds only what the subject of ctx may know of.
	FindTeam, FindWorkspace, FindProject func(ctx context.Context, id string) (authz.Scope, error)
}

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	filters := api.Params("filter[workspace][id]", "filter[team][id]", "filter[project][id]")
	api.Type(r, "team-workspaces", authz.ManageWorkspaceTeams, nil, viewWorkspace)
	api.List(r, "/team-workspaces", authz.SignedIn, api.Site, f.listWorkspaces, filters)
	api.Create(r, "/team-workspaces", authz.SignedIn, api.Site, f.addWorkspace)
	api.Read(r, "/team-workspaces/{access}", authz.ManageWorkspaceTeams, f.findWorkspace)
	api.Update(r, "/team-workspaces/{access}", authz.ManageWorkspaceTeams, f.findWorkspace, f.updateWorkspace)
	api.Delete(r, "/team-workspaces/{access}", authz.ManageWorkspaceTeams, f.findWorkspace, f.removeWorkspace)

	api.Type(r, "team-projects", authz.ReadProjectTeams, nil, viewProject)
	api.List(r, "/team-projects", authz.SignedIn, api.Site, f.listProjects, filters)
	api.Create(r, "/team-projects", authz.SignedIn, api.Site, f.addProject)
	api.Read(r, "/team-projects/{access}", authz.ReadProjectTeams, f.findProject)
	api.Update(r, "/team-projects/{access}", authz.ManageProjectTeams, f.findProject, f.updateProject)
	api.Delete(r, "/team-projects/{access}", authz.ManageProjectTeams, f.findProject, f.removeProject)
}

// place is a workspace or project in which teams are given access.
type place struct {
	relation, typ string
	needs         authz.Permission
	find          func(ctx context.Context, id string) (authz.Scope, error)
}

// ends finds the team and the place that a request for new access names. Both must
// be there for the subject, and in one organization.
func (f *Feature) ends(ctx context.Context, p place, one func(name string) (jsonapi.Ref, bool)) (team string, in authz.Scope, placeID string, err error) {
	teamRef, _ := one("team")
	ref, _ := one(p.relation)
	switch {
	case teamRef.ID == "":
		return "", in, "", problem.InvalidRelation("team", "Team can't be blank")
	case ref.ID == "":
		return "", in, "", problem.InvalidRelation(p.relation, "%s can't be blank", human(p.relation))
	case teamRef.Type != "teams" || ref.Type != p.typ:
		return "", in, "", problem.BadRequest("The relationships must be of the types teams and %s", p.typ)
	}
	if in, err = p.find(ctx, ref.ID); err != nil {
		return "", in, "", err
	}
	if err := authz.CheckScope(ctx, p.needs, in); err != nil {
		return "", in, "", err
	}
	of, err := f.FindTeam(ctx, teamRef.ID)
	if err == nil && of.Org != in.Org {
		err = problem.NotFound
	}
	return teamRef.ID, in, ref.ID, err
}

// filtered is the condition on rows of access in a place, and of a team if the query
// names one: the subject must have the permission in the place, or else be in the
// team or manage teams.
func (f *Feature) filtered(ctx context.Context, q api.Query, p place, column string) (cond string, args []any, in authz.Scope, err error) {
	id, team := q.Get("filter["+p.relation+"][id]"), q.Get("filter[team][id]")
	switch {
	case id == "" && team == "":
		return "", nil, in, problem.BadRequest("The parameter filter[%s][id] is required", p.relation)
	case id == "":
		if in, err = f.FindTeam(ctx, team); err == nil && !authz.From(ctx).InTeam(in.Org, team) {
			err = authz.CheckScope(ctx, authz.ManageTeams, in)
		}
		return `team_id = ?`, []any{team}, in, err
	}
	if in, err = p.find(ctx, id); err == nil {
		err = authz.CheckScope(ctx, p.needs, in)
	}
	if team != "" {
		return column + ` = ? AND team_id = ?`, []any{id, team}, in, err
	}
	return column + ` = ?`, []any{id}, in, err
}

// again explains access that a team has already.
func again(err error, where string) error {
	if db.IsUnique(err) {
		return problem.InvalidRelation("team", "Team has already been added to this %s", where)
	}
	return err
}

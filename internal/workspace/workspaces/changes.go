package workspaces

import (
	"context"
	"strings"

	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/projects"
	"plumbline.dev/plumbline/internal/workspace/tags"
)

// create adds a workspace to the project that the request names, or to the default
// project. The permission is that of the project, which the path does not tell.
func (f *Feature) create(ctx context.Context, org orgs.Org, in jsonapi.In[settings]) (Workspace, error) {
	p, err := f.projectOf(ctx, org.ID, in)
	if err != nil {
		return Workspace{}, err
	}
	if err := authz.Check(ctx, authz.CreateWorkspace, p); err != nil {
		return Workspace{}, err
	}
	if err := f.withinLimit(ctx, org); err != nil {
		return Workspace{}, err
	}
	now := db.Now()
	w := Workspace{
		ID: id.New("ws"), OrgID: org.ID, ProjectID: p.ID, OrgMode: p.OrgMode, OrgPool: p.OrgPool, ProjectMode: p.DefaultExecutionMode, ProjectPool: p.DefaultAgentPoolID,
		TerraformVersion: "latest", AllowDestroyPlan: true, FileTriggersEnabled: true, SpeculativeEnabled: true,
		StructuredRunOutputEnabled: true, InheritsProjectAutoDestroy: true, Source: "tfe-api",
		LatestChangeAt: now, CreatedAt: now, UpdatedAt: now,
	}
	// Both command lines send the version of theirs; only the name of the client tells
	// which of the two it is.
	if strings.HasPrefix(api.Request(ctx).UserAgent(), "OpenTofu/") {
		w.Engine = OpenTofu
	}
	w.GlobalRemoteState = f.GlobalState() && !in.Data.Attributes.ProjectRemoteState.V // who shares with the project does not mean all
	if err := f.set(ctx, &w, in.Data.Attributes); err != nil {
		return w, err
	}
	if err := taken(f.DB.Insert(ctx, "workspaces", w)); err != nil {
		return w, err
	}
	f.counted(ctx, w.OrgID, w.ProjectID)
	return f.tagged(ctx, w, in)
}

// withinLimit refuses a workspace beyond what the site allows the organization.
func (f *Feature) withinLimit(ctx context.Context, org orgs.Org) error {
	limit := org.Site.V.WorkspaceLimit
	if limit == nil || *limit == 0 {
		return nil
	}
	n, err := db.One[int](ctx, f.DB, `SELECT count(*) FROM workspaces WHERE org_id = ?`, org.ID)
	if err == nil && n >= *limit {
		err = problem.Unprocessable("The organization has reached its limit of %d workspaces", *limit)
	}
	return err
}

// projectOf returns the project that a request names, or the default project. One
// of another organization does not exist.
func (f *Feature) projectOf(ctx context.Context, orgID string, in jsonapi.In[settings]) (projects.Project, error) {
	ref, _ := in.Data.One("project")
	if ref.ID == "" {
		return f.Projects.Default(ctx, orgID)
	}
	p, err := f.Projects.Find(ctx, ref.ID)
	if err == nil && p.OrgID != orgID {
		err = problem.NotFound
	}
	return p, err
}

func (f *Feature) update(ctx context.Context, w Workspace, in jsonapi.In[settings]) (Workspace, error) {
	if ref, named := in.Data.One("project"); named && ref.ID != "" && ref.ID != w.ProjectID {
		if err := f.moveTo(ctx, &w, in); err != nil {
			return w, err
		}
	}
	before := w
	if err := f.set(ctx, &w, in.Data.Attributes); err != nil {
		return w, err
	}
	if before.ProjectRemoteState != w.ProjectRemoteState {
		f.Changed(ctx)
	}
	w.UpdatedAt = db.Now()
	if err := taken(f.DB.Update(ctx, "workspaces", w, settingColumns...)); err != nil {
		return w, err
	}
	return f.tagged(ctx, w, in)
}

// moveTo puts w into the project that the request names; the caller needs the
// permission to move on both sides.
func (f *Feature) moveTo(ctx context.Context, w *Workspace, in jsonapi.In[settings]) error {
	to, err := f.projectOf(ctx, w.OrgID, in)
	if err != nil {
		return err
	}
	for _, p := range []authz.Scoped{*w, to} {
		if err := authz.Check(ctx, authz.MoveWorkspace, p); err != nil {
			return err
		}
	}
	f.Changed(ctx)
	f.counted(ctx, w.OrgID, w.ProjectID)
	f.counted(ctx, w.OrgID, to.ID)
	w.ProjectID, w.ProjectMode, w.ProjectPool = to.ID, to.DefaultExecutionMode, to.DefaultAgentPoolID
	return nil
}

// MoveInto puts workspaces into a project: all or, if one is missing or may not be
// moved, none.
func (f *Feature) MoveInto(ctx context.Context, to projects.Project, ids []string) error {
	list, err := db.In[Workspace](ctx, f.DB, selectWorkspaces+` WHERE w.org_id = ? AND w.id IN (?)`, ids, to.OrgID)
	if err != nil {
		return err
	}
	found := map[string]bool{}
	for _, w := range list {
		if err := authz.Check(ctx, authz.MoveWorkspace, w); err != nil {
			return err
		}
		found[w.ID] = true
		f.counted(ctx, w.OrgID, w.ProjectID)
	}
	for _, id := range ids {
		if !found[id] {
			return problem.NotFound
		}
	}
	f.Changed(ctx)
	query, args := db.List(`UPDATE workspaces SET project_id = ?, updated_at = ? WHERE id IN (?)`, ids, to.ID, db.Now())
	_, err = f.DB.Exec(ctx, query, args...)
	return err
}

// tagged binds the tags that a request names, and reads the workspace anew.
// "tag-bindings" replaces all bindings; "tags" adds flat ones.
func (f *Feature) tagged(ctx context.Context, w Workspace, in jsonapi.In[settings]) (Workspace, error) {
	if members, named := in.Data.Many("tag-bindings"); named {
		want, err := tags.ParseBindings(members)
		if err != nil {
			return w, err
		}
		if err := f.Tags.Replace(ctx, w.taggable(), want); err != nil {
			return w, err
		}
	}
	if members, named := in.Data.Many("tags"); named {
		if err := f.Tags.AddFlat(ctx, w.taggable(), members); err != nil {
			return w, err
		}
	}
	return f.read(ctx, w.ID)
}

// taken explains a violated constraint.
func taken(err error) error {
	switch {
	case db.IsUnique(err):
		return problem.Invalid("name", "Name has already been taken")
	case db.IsForeign(err):
		return problem.Conflict("The project or the agent pool has just been deleted.")
	}
	return err
}

// forceDeletable reports whether a subject with these permissions may delete the
// workspace although it manages resources: owners always may, others if the
// organization says so.
func (w Workspace) forceDeletable(can authz.Set) bool {
	return can.Has(authz.DeleteWorkspace) && (w.OrgForceDelete || can.Has(authz.OwnOrg))
}

func (f *Feature) delete(ctx context.Context, w Workspace) error {
	if !w.forceDeletable(setOf(ctx, w)) {
		if err := w.checkUnused(); err != nil {
			return err
		}
	}
	for _, do := range f.OnDelete {
		if err := do(ctx, w); err != nil {
			return err
		}
	}
	f.counted(ctx, w.OrgID, w.ProjectID)
	return f.DB.Delete(ctx, "workspaces", w.ID)
}

// counted tells clients that a project has more workspaces or fewer.
func (f *Feature) counted(ctx context.Context, orgID, projectID string) {
	changes.Tell(ctx, f.Bus, authz.Scope{Org: orgID, Project: projectID}, "projects", projectID)
}

// safeDelete deletes a workspace that is not locked and manages nothing. Clients
// look for "locked" and "being processed" in the details.
func (f *Feature) safeDelete(ctx context.Context, w Workspace, _ jsonapi.In[struct{}]) error {
	if w.Locked() {
		return problem.Conflict("Workspace is currently locked. Workspace must be unlocked before it can be safely deleted")
	}
	if err := w.checkUnused(); err != nil {
		return err
	}
	return f.delete(ctx, w)
}

// checkUnused refuses to go on while the workspace manages resources, or while
// nobody knows yet whether its newest state has any.
func (w Workspace) checkUnused() error {
	switch {
	case w.CurrentStateVersionID != nil && db.Text(w.ResourcesStateVersionID) != *w.CurrentStateVersionID:
		return problem.Conflict("Latest workspace state is being processed to discover resources, please try again later")
	case w.ResourceCount > 0:
		return problem.Conflict("Workspace cannot be safely deleted because it is still managing resources")
	}
	return nil
}

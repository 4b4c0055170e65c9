package varsets

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/variables"
)

// Limits: characters, and how many variables, workspaces or projects one request may
// bring.
const (
	maxName        = 255
	maxDescription = 512
	maxMembers     = 1000
)

// request are the attributes that clients send.
type request struct {
	Name        jsonapi.Opt[string] `json:"name"`
	Description jsonapi.Opt[string] `json:"description"`
	Global      jsonapi.Opt[bool]   `json:"global"`
	Priority    jsonapi.Opt[bool]   `json:"priority"`
}

func (f *Feature) create(ctx context.Context, org orgs.Org, in jsonapi.In[request]) (Set, error) {
	s := Set{ID: id.New("varset"), OrgID: org.ID, OrgName: org.Name, CreatedAt: db.Now()}
	if err := f.adopt(ctx, &s, in); err != nil {
		return s, err
	}
	if err := authz.Check(ctx, authz.ManageVarsets, s); err != nil {
		return s, err
	}
	if err := s.set(in.Data.Attributes); err != nil {
		return s, err
	}
	if err := taken(f.DB.Insert(ctx, "varsets", s)); err != nil {
		return s, err
	}
	return f.fill(ctx, s, in)
}

// adopt sets the owner that the request names.
func (f *Feature) adopt(ctx context.Context, s *Set, in jsonapi.In[request]) error {
	parent, named := in.Data.One("parent")
	switch {
	case !named || parent.ID == "":
		return nil
	case parent.Type == "organizations" && strings.EqualFold(parent.ID, s.OrgName):
		return nil
	case parent.Type != "projects":
		return problem.InvalidRelation("parent", "Parent must be the organization, or a project of it")
	}
	p, err := f.Projects.Find(ctx, parent.ID)
	if err != nil {
		return err
	}
	if p.OrgID != s.OrgID {
		return problem.NotFound
	}
	s.ProjectID = &p.ID
	return nil
}

func (f *Feature) update(ctx context.Context, s Set, in jsonapi.In[request]) (Set, error) {
	moved := s
	if err := f.adopt(ctx, &moved, in); err != nil {
		return s, err
	}
	if _, named := in.Data.One("parent"); named && moved.owner() != s.owner() {
		return s, problem.InvalidRelation("parent", "Parent can't be changed")
	}
	was := s.Global
	if err := s.set(in.Data.Attributes); err != nil {
		return s, err
	}
	if err := taken(f.DB.Update(ctx, "varsets", s, "name", "name_lower", "description", "is_global", "priority", "updated_at")); err != nil {
		return s, err
	}
	if was != s.Global {
		if err := f.globalize(ctx, s); err != nil {
			return s, err
		}
	}
	return f.fill(ctx, s, in)
}

// set takes over what the request names.
func (s *Set) set(a request) error {
	a.Name.Into(&s.Name)
	a.Description.Into(&s.Description)
	a.Global.Into(&s.Global)
	a.Priority.Into(&s.Priority)
	s.Name = strings.TrimSpace(s.Name)
	s.NameLower, s.UpdatedAt = strings.ToLower(s.Name), db.Now()
	var name, description, global *problem.Problem
	switch {
	case s.Name == "":
		name = problem.Invalid("name", "Name can't be blank")
	case utf8.RuneCountInString(s.Name) > maxName:
		name = problem.Invalid("name", "Name is too long (maximum is %d characters)", maxName)
	case strings.ContainsRune(s.Name, 0):
		name = problem.Invalid("name", "Name can't contain a NUL character")
	}
	switch {
	case utf8.RuneCountInString(s.Description) > maxDescription:
		description = problem.Invalid("description", "Description is too long (maximum is %d characters)", maxDescription)
	case strings.ContainsRune(s.Description, 0):
		description = problem.Invalid("description", "Description can't contain a NUL character")
	}
	if s.Global && s.ProjectID != nil {
		global = problem.Invalid("global", "Global can't be true for a variable set that a project owns")
	}
	return problem.All(name, description, global)
}

// taken explains a violated unique constraint.
func taken(err error) error {
	if db.IsUnique(err) {
		return problem.Invalid("name", "Name has already been taken")
	}
	return err
}

// globalize makes the variables of a set know that it has become global, or no longer
// is. No two global sets of an organization have a variable of the same category and
// key. A global set needs no members and loses those that it has.
func (f *Feature) globalize(ctx context.Context, s Set) error {
	var in *string
	if s.Global {
		in = &s.OrgID
	}
	_, err := f.DB.Exec(ctx, `UPDATE variables SET global_in = ? WHERE varset_id = ?`, in, s.ID)
	if db.IsUnique(err) {
		return problem.Invalid("global", "Another global variable set has a variable of the same key and category")
	}
	if err != nil || !s.Global {
		return err
	}
	return f.clear(ctx, s, "varset_workspaces", "varset_projects")
}

// fill does what the request's relationships say: workspaces and projects replace
// those of the set, vars are added to its own.
func (f *Feature) fill(ctx context.Context, s Set, in jsonapi.In[request]) (Set, error) {
	for _, kind := range []link{toWorkspaces, toProjects} {
		members, named := in.Data.Many(kind.relationship)
		if !named || s.Global {
			continue
		}
		if err := f.clear(ctx, s, kind.table); err != nil {
			return s, err
		}
		if err := f.link(ctx, s, kind, members); err != nil {
			return s, err
		}
	}
	vars, _ := in.Data.Many("vars")
	if len(vars) > maxMembers {
		return s, problem.InvalidRelation("vars", "No more than %d variables fit in a set", maxMembers)
	}
	var added []variables.Request
	for _, m := range vars {
		if slices.Contains(s.vars, m.ID) {
			continue // clients send back what they read
		}
		var a variables.Request
		if m.Type != "vars" || m.ID != "" || json.Unmarshal(m.Attributes, &a) != nil {
			return s, problem.InvalidRelation("vars", "Vars must be complete variables")
		}
		added = append(added, a)
	}
	if err := f.Variables.AddAll(ctx, f.variable(s), added); err != nil {
		return s, err
	}
	sets := []Set{s}
	err := f.relate(ctx, sets)
	return sets[0], err
}

func (f *Feature) delete(ctx context.Context, s Set) error { return f.DB.Delete(ctx, "varsets", s.ID) }

// link is a way in which a set applies.
type link struct{ relationship, table, column, candidates string }

var (
	toWorkspaces = link{"workspaces", "varset_workspaces", "workspace_id",
		`SELECT id FROM workspaces WHERE org_id = ? AND (project_id = ? OR ? = '') AND id IN (?)`}
	toProjects = link{"projects", "varset_projects", "project_id",
		`SELECT id FROM projects WHERE org_id = ? AND (id = ? OR ? = '') AND id IN (?)`}
)

// link makes a set apply to the members. They must be of the organization, and of
// the project if one owns the set.
func (f *Feature) link(ctx context.Context, s Set, kind link, members []jsonapi.Member) error {
	ids, err := f.idsOf(s, kind, members)
	if err != nil || len(ids) == 0 {
		return err
	}
	found, err := db.In[string](ctx, f.DB, kind.candidates, ids, s.OrgID, s.owner(), s.owner())
	if err != nil {
		return err
	}
	if len(found) < len(ids) {
		return problem.NotFound
	}
	args := make([]any, 0, 2*len(ids))
	for _, id := range ids {
		args = append(args, s.ID, id)
	}
	_, err = f.DB.Exec(ctx, `INSERT INTO `+kind.table+` (varset_id, `+kind.column+`) VALUES (?, ?)`+strings.Repeat(`, (?, ?)`, len(ids)-1)+` ON CONFLICT DO NOTHING`, args...)
	return err
}

func (f *Feature) unlink(ctx context.Context, s Set, kind link, members []jsonapi.Member) error {
	ids, err := f.idsOf(s, kind, members)
	if err != nil || len(ids) == 0 {
		return err
	}
	query, args := db.List(`DELETE FROM `+kind.table+` WHERE varset_id = ? AND `+kind.column+` IN (?)`, ids, s.ID)
	_, err = f.DB.Exec(ctx, query, args...)
	return err
}

// idsOf returns the ids of the members, each once.
func (f *Feature) idsOf(s Set, kind link, members []jsonapi.Member) ([]string, error) {
	ids, other := jsonapi.IDs(members, kind.relationship)
	switch {
	case s.Global:
		return nil, problem.Unprocessable("A global variable set applies everywhere; it can't be applied to or removed from %s", kind.relationship)
	case other != nil:
		return nil, problem.BadRequest("The members must be of type %q, not %q", kind.relationship, other.Type)
	case len(ids) > maxMembers:
		return nil, problem.BadRequest("No more than %d %s can be named at once", maxMembers, kind.relationship)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

func (f *Feature) clear(ctx context.Context, s Set, tables ...string) error {
	for _, table := range tables {
		if _, err := f.DB.Exec(ctx, `DELETE FROM `+table+` WHERE varset_id = ?`, s.ID); err != nil {
			return err
		}
	}
	return nil
}

func (f *Feature) addWorkspaces(ctx context.Context, s Set, members []jsonapi.Member) error {
	return f.link(ctx, s, toWorkspaces, members)
}

func (f *Feature) removeWorkspaces(ctx context.Context, s Set, members []jsonapi.Member) error {
	return f.unlink(ctx, s, toWorkspaces, members)
}

func (f *Feature) addProjects(ctx context.Context, s Set, members []jsonapi.Member) error {
	return f.link(ctx, s, toProjects, members)
}

func (f *Feature) removeProjects(ctx context.Context, s Set, members []jsonapi.Member) error {
	return f.unlink(ctx, s, toProjects, members)
}

// Package authz decides who may do what. A subject carries the permissions that it
// has in organizations, projects and workspaces; a scope says where a resource
// lives; Can is a pure function of the two. Nothing here reads a database: the
// permissions of a subject are loaded once with its token.
//
// The surprising rule: a subject that lacks a permission gets the same answer as if
// the resource did not exist (problem.NotFound), unless the route says otherwise.
package authz

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Scope says where a resource lives. Org is always set but for what belongs to the
// whole site or to a user.
type Scope struct {
	Org       string // id of the organization
	Project   string
	Workspace string
	User      string // the resource is this user's own
	Team      string // the resource is about this team
	// SharedState tells that the workspace shares its state with every workspace of
	// its organization.
	SharedState bool
}

// Scoped is a resource that says where it lives.
type Scoped interface{ Scope() Scope }

// Owned is a resource of which some are governed by other permissions than the rest:
// Permission says what the permission that a route asks for means for this one. A
// variable set that a project owns, for one, asks for the project's permissions.
type Owned interface {
	Scoped
	Permission(asked Permission) Permission
}

// Site is the parent of what has no parent, such as the list of organizations.
type Site struct{}

// Scope implements Scoped.
func (Site) Scope() Scope { return Scope{} }

// Kind is what a token stands for.
type Kind string

// The kinds of subjects.
const (
	User Kind = "user"
	Team Kind = "team"
	Org  Kind = "organization"
	Run  Kind = "run"
)

// Grants are the permissions of a subject in one organization.
type Grants struct {
	OrgName    string
	Teams      map[string]bool // ids of the teams that the subject is in
	Org        Set             // hold everywhere in the organization
	Projects   map[string]Set
	Workspaces map[string]Set
	// Closed tells that the organization does not take the token: it takes none of
	// users, wants a second factor that the user lacks, or the site has disabled it.
	Closed bool
}

// Subject is who a request comes from.
type Subject struct {
	Kind      Kind
	ID        string // user-…, team-…, org-… or run-…
	Name      string // for people: user name, team name
	TokenID   string
	Session   bool   // a browser session: the token is a cookie
	SiteAdmin bool   // and Kind is User
	RunIn     string // id of the workspace, if Kind is Run, or of the module that is tested
	Orgs      map[string]*Grants
}

// Can reports whether s has the permission in the scope. A nil subject is a guest.
func (s *Subject) Can(p Permission, in Scope) bool {
	switch {
	case p == Anyone:
		return true
	case s == nil:
		return false
	case p == SignedIn:
		return true
	case p == AsUser:
		return s.Kind == User
	case p == SiteAdmin:
		return s.SiteAdmin
	case s.closed(in):
		return false
	case s.SiteAdmin:
		return true
	case in.Org == "":
		return in.User != "" && s.Kind == User && s.ID == in.User
	}
	return s.In(in).Has(p)
}

// closed reports whether the token of s does not count in the scope.
func (s *Subject) closed(in Scope) bool {
	g := s.Orgs[in.Org]
	return g != nil && g.Closed
}

// In returns all permissions of s in the scope, site administration aside.
func (s *Subject) In(in Scope) Set {
	if s == nil {
		return 0
	}
	g := s.Orgs[in.Org]
	if g == nil || g.Closed {
		return 0
	}
	set := g.Org
	if in.Project != "" {
		set |= g.Projects[in.Project]
	}
	if in.Workspace != "" {
		set |= g.Workspaces[in.Workspace]
	}
	if s.Kind == Run && in.SharedState {
		set |= Of(ReadWorkspace, ReadState, ReadOutputs)
	}
	return set
}

// Member reports whether s belongs to the organization in any way.
func (s *Subject) Member(orgID string) bool {
	return s != nil && (s.SiteAdmin || s.Orgs[orgID] != nil)
}

// InTeam reports whether s is in the team, or is the team, and the organization takes
// its token.
func (s *Subject) InTeam(orgID, teamID string) bool {
	if s == nil || s.Orgs[orgID] == nil || s.Orgs[orgID].Closed {
		return false
	}
	return s.Orgs[orgID].Teams[teamID]
}

// UserID is the id of the person behind s, or "".
func (s *Subject) UserID() string {
	if s != nil && s.Kind == User {
		return s.ID
	}
	return ""
}

// Check returns nil if the subject of ctx has the permission on v. Otherwise it
// answers as the API does: 401 to a guest and to a token that the organization
// does not take, 404 to everybody else.
func Check(ctx context.Context, p Permission, v Scoped) error {
	if o, ok := v.(Owned); ok {
		p = o.Permission(p)
	}
	return CheckScope(ctx, p, v.Scope())
}

// CheckScope is Check for a scope.
func CheckScope(ctx context.Context, p Permission, in Scope) error {
	s := From(ctx)
	switch {
	case s.Can(p, in):
		return nil
	case s == nil, s.closed(in):
		return problem.Unauthorized
	default:
		return problem.NotFound
	}
}

// Can reports whether the subject of ctx has the permission in the scope.
func Can(ctx context.Context, p Permission, in Scope) bool { return From(ctx).Can(p, in) }

// Filter says which rows of a list a subject may see: all of the organization, or
// those in the given projects and workspaces.
type Filter struct {
	All        bool
	Projects   []string
	Workspaces []string
}

// FilterOf returns where in the organization the subject of ctx has the permission.
func FilterOf(ctx context.Context, p Permission, orgID string) Filter {
	s := From(ctx)
	if s.Can(p, Scope{Org: orgID}) {
		return Filter{All: true}
	}
	var f Filter
	if s == nil || s.Orgs[orgID] == nil || s.Orgs[orgID].Closed {
		return f
	}
	for id, set := range s.Orgs[orgID].Projects {
		if set.Has(p) {
			f.Projects = append(f.Projects, id)
		}
	}
	for id, set := range s.Orgs[orgID].Workspaces {
		if set.Has(p) {
			f.Workspaces = append(f.Workspaces, id)
		}
	}
	return f
}

// SQL is a condition on the columns that hold a row's project and workspace, with
// its arguments; either column may be "".
func (f Filter) SQL(project, workspace string) (string, []any) {
	if f.All {
		return "1 = 1", nil
	}
	cond, args := "1 = 0", []any(nil)
	for _, part := range []struct {
		column string
		ids    []string
	}{{project, f.Projects}, {workspace, f.Workspaces}} {
		if part.column == "" || len(part.ids) == 0 {
			continue
		}
		cond += " OR " + part.column + " IN ("
		for i, id := range part.ids {
			if i > 0 {
				cond += ","
			}
			cond += "?"
			args = append(args, id)
		}
		cond += ")"
	}
	return "(" + cond + ")", args
}

type subjectKey struct{}

// With returns a context whose subject is s.
func With(ctx context.Context, s *Subject) context.Context {
	return context.WithValue(ctx, subjectKey{}, s)
}

// From returns the subject of ctx; nil is a guest.
func From(ctx context.Context) *Subject {
	s, _ := ctx.Value(subjectKey{}).(*Subject)
	return s
}

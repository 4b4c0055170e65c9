package arch

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/verbs"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/registry/mirror"
)

// role is somebody with what the matrix of package authz gives them in the
// organization, the project and the workspace of the examples.
type role struct {
	name                    string
	token                   string
	kind                    authz.Kind // "" is a guest
	admin                   bool
	org, project, workspace authz.Set
}

// may is what the matrix says of a route whose resource lives at a level.
func (r role) may(needs authz.Permission, level string) bool {
	switch {
	case needs == authz.Anyone:
		return true
	case r.kind == "":
		return false
	case needs == authz.SignedIn:
		return true
	case needs == authz.AsUser:
		return r.kind == authz.User
	case r.admin:
		return true
	case needs == authz.SiteAdmin || level == "site":
		return false
	}
	set := r.org | authz.Elsewhere(r.project|r.workspace)
	if level != "organization" {
		set |= r.project
	}
	if level == "workspace" {
		set |= r.workspace
	}
	return set.Has(needs)
}

// TestEveryRouteAsEveryRole walks all routes as a guest, a stranger, a member, each
// level of a workspace and a project, each organization flag, an owner, the tokens of
// teams, organizations and runs, and a site administrator. The server checks
// permissions and then stops (api.Router.Dry), so nothing changes.
func TestEveryRouteAsEveryRole(t *testing.T) {
	s := apptest.Start(t)
	w := newWorld(t, s)
	roles := w.roles()
	s.App.Router.Dry = true
	for _, route := range s.App.Router.Routes() {
		name := route.Method + " " + route.Path
		if outside(route) {
			continue
		}
		example, ok := w.example(route)
		if !ok {
			t.Errorf("%s: no example of its path; add one to world.example", name)
			continue
		}
		for _, r := range roles {
			if personal[name] && r.kind != "" {
				continue // decided by whose it is, see TestOnesOwnThings
			}
			res := s.Do(route.Method, example, r.token, nil)
			needs := route.Needs
			if p, ok := stricter[name]; ok {
				needs = p
			}
			want := r.may(needs, level(route))
			if got := res.Status == http.StatusTeapot; got != want {
				t.Errorf("%s as %s = %d %s; the matrix says %v for %s at the level of %s (%s)", name, r.name, res.Status, strings.TrimSpace(string(res.Body)), want, needs, level(route), route.Scope)
			}
			if hidden := res.Status == 401 || res.Status == 403 || res.Status == 404; !want && !hidden {
				t.Errorf("%s as %s = %d, want 401, 403 or 404", name, r.name, res.Status)
			}
		}
	}
}

// TestForeignPartsOfAPathAreNotFound puts an id of another organization into each
// place of each path in turn. Even a site administrator, who may see both, finds
// nothing there.
func TestForeignPartsOfAPathAreNotFound(t *testing.T) {
	s := apptest.Start(t)
	w := newWorld(t, s)
	s.App.Router.Dry = true
	tried := 0
	for _, route := range s.App.Router.Routes() {
		if strings.Count(route.Path, "{") < 2 {
			continue
		}
		example, ok := w.example(route)
		if !ok {
			continue // the other test complains
		}
		for _, mixed := range w.mixed(route, example) {
			tried++
			if res := s.Do(route.Method, mixed, s.AdminToken(), nil); res.Status != 404 {
				t.Errorf("%s %s = %d %s, want 404: its parts do not belong together", route.Method, mixed, res.Status, res.Body)
			}
		}
	}
	if tried < 10 {
		t.Errorf("only %d paths were mixed", tried)
	}
}

// TestAbsentIDsAreNotFound puts ids that nobody has into each path.
func TestAbsentIDsAreNotFound(t *testing.T) {
	s := apptest.Start(t)
	s.App.Router.Dry = true
	for _, route := range s.App.Router.Routes() {
		if !strings.Contains(route.Path, "{") || !strings.HasPrefix(route.Path, "/api/") || outside(route) || strings.HasPrefix(route.Path, mirror.PublicPath) { // what is there, another server knows
			continue
		}
		for _, absent := range []string{"absent-id", "ws-0000000000000000", "%00", "%F0%9F%98%80", strings.Repeat("x", 2000), "..%2f..%2fetc", "a'%20OR%20'1'='1"} {
			var path strings.Builder
			for i, part := range strings.Split(route.Path, "/") {
				if i > 0 {
					path.WriteString("/")
				}
				if strings.HasPrefix(part, "{") {
					part = absent
				}
				path.WriteString(part)
			}
			if res := s.Do(route.Method, path.String(), s.AdminToken(), nil); res.Status != 404 && res.Status != 400 {
				t.Errorf("%s %s = %d %s, want 404", route.Method, path.String(), res.Status, res.Body)
			}
		}
	}
}

// outside reports whether a route has its own way of deciding: pages decide by the
// session, signed addresses are the permission themselves, and agents are no subjects:
// package dispatch decides by their pool. Below /drift/ keys decide, which are no tokens.
func outside(route api.Route) bool {
	return route.Path == "/{$}" || route.Path == "/app" || strings.HasPrefix(route.Path, "/app/") || strings.HasPrefix(route.Path, "/_archivist/") || strings.HasPrefix(route.Path, verbs.Base+"/") || strings.HasPrefix(route.Path, proto.Base)
}

// level is where the resource that a route loads lives.
func level(route api.Route) string {
	if l, ok := levels[route.Scope]; ok {
		return l
	}
	return "organization"
}

// levels are the loaded types that do not live in an organization as a whole.
var levels = map[string]string{
	"authz.Site":                  "site",
	"mirror.document":             "site",
	"users.User":                  "site",
	"app.failedJob":               "site",
	"login.session":               "site",
	"projects.Project":            "project",
	"access.ToProject":            "project",
	"workspaces.Workspace":        "workspace",
	"access.ToWorkspace":          "workspace",
	"stateversions.Version":       "workspace",
	"configversions.Version":      "workspace",
	"runtriggers.Trigger":         "workspace",
	"plans.Plan":                  "workspace",
	"applies.Apply":               "workspace",
	"planexports.Export":          "workspace",
	"stateversions.Output":        "workspace",
	"runs.Run":                    "workspace",
	"notifications.Configuration": "workspace", // that of the example
	"assessments.Result":          "workspace",
	"runs.Comment":                "workspace",
	"runs.Event":                  "workspace",
	"variables.Variable":          "workspace", // of a set: nothing but the organization gives what those routes need
	"varsets.inContext":           "workspace",
}

// personal are the routes that are decided by whose the resource is.
var personal = map[string]bool{
	"GET /api/v2/account/details":                                       true,
	"GET /api/v2/users/{id}":                                            true,
	"GET /api/v2/users/{id}/authentication-tokens":                      true,
	"POST /api/v2/users/{id}/authentication-tokens":                     true,
	"GET /api/v2/authentication-tokens/{id}":                            true,
	"DELETE /api/v2/authentication-tokens/{id}":                         true,
	"GET /api/v2/organization/audit-trail":                              true, // of the organization whose token asks
	"DELETE /api/v2/account/sessions/{id}":                              true,
	"POST /api/v2/organization-memberships/{membership}/actions/accept": true,
	"POST /api/v2/organization-memberships/{membership}/actions/leave":  true,
}

// stricter are the routes whose load decides: members of the team may do it too, if
// the team lets them, and nobody here is in the team of the example.
var stricter = map[string]authz.Permission{
	"GET /api/v2/teams/{id}/authentication-token":    authz.ManageTeams,
	"POST /api/v2/teams/{id}/authentication-token":   authz.ManageTeams,
	"DELETE /api/v2/teams/{id}/authentication-token": authz.ManageTeams,
	"GET /api/v2/teams/{id}/authentication-tokens":   authz.ManageTeams,
	"POST /api/v2/teams/{id}/authentication-tokens":  authz.ManageTeams,
}

// open are the routes for everybody who is signed in, or for anybody at all: each is
// here because it shows or makes only what is the caller's own, or checks a permission
// on what its body names.
var open = []string{
	"DELETE /api/v2/account/sessions",
	"DELETE /api/v2/account/sessions/{id}",
	"DELETE /api/v2/authentication-tokens/{id}",
	"DELETE /api/v2/teams/{id}/authentication-token",
	"GET /.well-known/jwks",
	"GET /.well-known/openid-configuration",
	"GET /.well-known/terraform.json",
	"GET /api/meta/ip-ranges",
	"GET /api/registry/mirror/v1/{hostname}/{namespace}/{type}/{document}",
	"GET /api/registry/public/v1/modules/{namespace}/{name}/{provider}",
	"GET /api/registry/public/v1/modules/{namespace}/{name}/{provider}/versions",
	"GET /api/registry/public/v1/modules/{namespace}/{name}/{provider}/{version}",
	"GET /api/registry/public/v1/providers/{namespace}/{type}/versions",
	"GET /api/registry/public/v1/providers/{namespace}/{type}/{version}/download/{os}/{arch}",
	"GET /api/registry/v1/modules",
	"GET /api/registry/v1/modules/search",
	"GET /api/registry/{registry}/v2/gpg-keys",
	"GET /api/v2/account/details",
	"GET /api/v2/account/sessions",
	"GET /api/v2/account/two-factor",
	"GET /api/v2/authentication-tokens/{id}",
	"GET /api/v2/customization",
	"GET /api/v2/openapi.json",
	"GET /api/v2/organization-memberships",
	"GET /api/v2/organizations",
	"GET /api/v2/ping",
	"GET /api/v2/team-projects",
	"GET /api/v2/team-workspaces",
	"GET /api/v2/teams/{id}/authentication-token",
	"GET /api/v2/teams/{id}/authentication-tokens",
	"GET /api/v2/users/{id}",
	"GET /api/v2/users/{id}/authentication-tokens",
	"GET /healthz",
	"PATCH /api/v2/account/password",
	"PATCH /api/v2/account/update",
	"POST /api/registry/{registry}/v2/gpg-keys",
	"POST /api/v2/account/two-factor",
	"POST /api/v2/account/two-factor/actions/confirm",
	"POST /api/v2/account/two-factor/actions/disable",
	"POST /api/v2/account/two-factor/actions/renew-recovery-codes",
	"POST /api/v2/organization-memberships/{membership}/actions/accept",
	"POST /api/v2/organization-memberships/{membership}/actions/leave",
	"POST /api/v2/organizations",
	"POST /api/v2/plan-exports",
	"POST /api/v2/registry-modules",
	"POST /api/v2/runs",
	"POST /api/v2/team-projects",
	"POST /api/v2/team-workspaces",
	"POST /api/v2/teams/{id}/authentication-token",
	"POST /api/v2/teams/{id}/authentication-tokens",
	"POST /api/v2/users/{id}/authentication-tokens",
	"POST /api/v2/vars",
	"POST /oauth2/token",
}

func TestOpenRoutesAreKnown(t *testing.T) {
	s := apptest.Start(t)
	var got []string
	for _, route := range s.App.Router.Routes() {
		if !outside(route) && route.Needs <= authz.AsUser {
			got = append(got, route.Method+" "+route.Path)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(open, got); diff != "" {
		t.Errorf("routes that need no permission on a resource (-listed +found):\n%s", diff)
	}
}

// roles makes one person or token for each role.
func (w *world) roles() []role {
	s := w.s
	user := func(name string, org, project, workspace authz.Set) role {
		return role{name: name, token: w.people[name], kind: authz.User, org: org | authz.Member, project: project, workspace: workspace}
	}
	roles := []role{
		{name: "guest"},
		{name: "stranger", token: w.other.Owner.Token, kind: authz.User},
		{name: "site admin", token: s.AdminToken(), kind: authz.User, admin: true},
		{name: "owner", token: w.org.Owner.Token, kind: authz.User, org: authz.Owner()},
	}
	w.person("member")
	roles = append(roles, user("member", 0, 0, 0))
	for name, set := range authz.WorkspaceLevels {
		w.person("workspace-"+name, grantWorkspace(w.id("workspaces"), name))
		roles = append(roles, user("workspace-"+name, 0, 0, set))
	}
	for name, set := range authz.ProjectLevels {
		w.person("project-"+name, grantProject(w.id("projects"), name))
		roles = append(roles, user("project-"+name, 0, set, 0))
	}
	for flag, set := range authz.OrgFlags {
		w.person("flag-"+flag, grantFlag(flag))
		roles = append(roles, user("flag-"+flag, set, 0, 0))
	}
	orgID, wsID := w.org.ID, w.id("workspaces")
	roles = append(roles,
		role{name: "organization token", token: s.Token(tokens.Token{Kind: tokens.Org, OrgID: &orgID}), kind: authz.Org, org: authz.OrgToken()},
		role{name: "run token", token: s.Token(tokens.Token{Kind: tokens.Run, WorkspaceID: &wsID}), kind: authz.Run, org: authz.RunInOrg, workspace: authz.RunToken})
	team := w.teams["workspace-write"]
	return append(roles, role{name: "team token", token: s.Token(tokens.Token{Kind: tokens.Team, TeamID: &team}), kind: authz.Team,
		org: authz.Member, workspace: authz.WorkspaceLevels["write"]})
}

// grant is what a team is given.
type grant func(w *world, team string)

func grantWorkspace(id, access string) grant {
	return func(w *world, team string) {
		w.post("/api/v2/team-workspaces", fmt.Sprintf(`{"data":{"type":"team-workspaces","attributes":{"access":%q},"relationships":{"workspace":{"data":{"type":"workspaces","id":%q}},"team":{"data":{"type":"teams","id":%q}}}}}`, access, id, team))
	}
}

func grantProject(id, access string) grant {
	return func(w *world, team string) {
		w.post("/api/v2/team-projects", fmt.Sprintf(`{"data":{"type":"team-projects","attributes":{"access":%q},"relationships":{"project":{"data":{"type":"projects","id":%q}},"team":{"data":{"type":"teams","id":%q}}}}}`, access, id, team))
	}
}

func grantFlag(flag string) grant {
	return func(w *world, team string) {
		w.send("PATCH", "/api/v2/teams/"+team, fmt.Sprintf(`{"data":{"type":"teams","attributes":{"organization-access":{%q:true}}}}`, flag))
	}
}

// person makes a member who is in a team of that name with the grants.
func (w *world) person(name string, grants ...grant) {
	u := w.s.Member(w.org, name)
	w.people[name] = u.Token
	if len(grants) == 0 {
		return
	}
	team := w.post("/api/v2/organizations/acme/teams", fmt.Sprintf(`{"data":{"type":"teams","attributes":{"name":%q,"visibility":"organization"}}}`, name))
	w.teams[name] = team
	for _, g := range grants {
		g(w, team)
	}
	w.s.JoinTeam(team, u)
}

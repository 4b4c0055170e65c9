package authz_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// The small world in which the properties are checked.
var (
	orgs   = []string{"org-1", "org-2"}
	places = []authz.Scope{
		{Org: "org-1"}, {Org: "org-1", Project: "prj-1"}, {Org: "org-1", Project: "prj-2"},
		{Org: "org-1", Project: "prj-1", Workspace: "ws-1"}, {Org: "org-1", Project: "prj-1", Workspace: "ws-2"}, {Org: "org-1", Project: "prj-2", Workspace: "ws-3"},
		{Org: "org-2"}, {Org: "org-2", Project: "prj-9", Workspace: "ws-9"},
	}
	set = rapid.Custom(func(t *rapid.T) authz.Set {
		return authz.Of(rapid.SliceOfN(rapid.SampledFrom(authz.Permissions()), 0, 8).Draw(t, "permissions")...)
	})
	grants = rapid.Custom(func(t *rapid.T) *authz.Grants {
		g := &authz.Grants{Org: set.Draw(t, "org"), Projects: map[string]authz.Set{}, Workspaces: map[string]authz.Set{}}
		for _, id := range []string{"prj-1", "prj-2"} {
			g.Projects[id] = set.Draw(t, id)
		}
		for _, id := range []string{"ws-1", "ws-2", "ws-3"} {
			g.Workspaces[id] = set.Draw(t, id)
		}
		return g
	})
	permission = rapid.SampledFrom(authz.Permissions())
	place      = rapid.SampledFrom(places)
)

func in(org string, g *authz.Grants) *authz.Subject {
	return &authz.Subject{Kind: authz.User, ID: "user-1", Orgs: map[string]*authz.Grants{org: g}}
}

func TestRightsAreTheUnionOfThreePlaces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		org, g, p, at := rapid.SampledFrom(orgs).Draw(t, "org"), grants.Draw(t, "grants"), permission.Draw(t, "p"), place.Draw(t, "at")
		want := at.Org == org && (g.Org.Has(p) || g.Projects[at.Project].Has(p) || g.Workspaces[at.Workspace].Has(p))
		if got := in(org, g).Can(p, at); got != want {
			t.Fatalf("Can(%v, %+v) = %v, want %v", p, at, got, want)
		}
	})
}

// TestMoreGrantsNeverTakeAway adds the grants of another team to a subject.
func TestMoreGrantsNeverTakeAway(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, two := grants.Draw(t, "one"), grants.Draw(t, "two")
		both := &authz.Grants{Org: one.Org | two.Org, Projects: maps.Clone(one.Projects), Workspaces: maps.Clone(one.Workspaces)}
		for id, s := range two.Projects {
			both.Projects[id] |= s
		}
		for id, s := range two.Workspaces {
			both.Workspaces[id] |= s
		}
		for _, p := range authz.Permissions() {
			for _, at := range places {
				either := in("org-1", one).Can(p, at) || in("org-1", two).Can(p, at)
				if got := in("org-1", both).Can(p, at); got != either {
					t.Fatalf("Can(%v, %+v) with both = %v, with either %v", p, at, got, either)
				}
			}
		}
	})
}

func TestFilterAgreesWithCan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, p := in("org-1", grants.Draw(t, "grants")), permission.Draw(t, "p")
		f := authz.FilterOf(authz.With(context.Background(), s), p, "org-1")
		cond, args := f.SQL("project_id", "id")
		if strings.Count(cond, "?") != len(args) {
			t.Fatalf("SQL = %s with %d arguments", cond, len(args))
		}
		for _, at := range places {
			if at.Org != "org-1" || at.Workspace == "" {
				continue
			}
			listed := f.All || slices.Contains(f.Projects, at.Project) || slices.Contains(f.Workspaces, at.Workspace)
			if listed != s.Can(p, at) {
				t.Fatalf("%+v is listed: %v, Can: %v", at, listed, s.Can(p, at))
			}
			if f.All != (cond == "1 = 1") || (!f.All && slices.Contains(args, any(at.Workspace)) != slices.Contains(f.Workspaces, at.Workspace)) {
				t.Fatalf("SQL = %s %v, want the filter %+v", cond, args, f)
			}
		}
	})
	if f := authz.FilterOf(context.Background(), authz.ReadWorkspace, "org-1"); f.All || len(f.Projects)+len(f.Workspaces) > 0 {
		t.Errorf("FilterOf a guest = %+v, want nothing", f)
	}
}

func TestGuestMayDoNothingButWhatAnyoneMay(t *testing.T) {
	var guest *authz.Subject
	for _, p := range append(authz.Permissions(), authz.SignedIn, authz.AsUser, authz.SiteAdmin) {
		for _, at := range append(places, authz.Scope{}, authz.Scope{User: "user-1"}, authz.Scope{Org: "org-1", Workspace: "ws-1", SharedState: true}) {
			if guest.Can(p, at) {
				t.Errorf("a guest Can(%v, %+v)", p, at)
			}
		}
	}
	if !guest.Can(authz.Anyone, authz.Scope{}) || guest.Member("org-1") || guest.InTeam("org-1", "team-1") || guest.UserID() != "" {
		t.Errorf("a guest is somebody, or may not do what anyone may")
	}
	ctx := context.Background()
	if err := authz.CheckScope(ctx, authz.ReadOrg, authz.Scope{Org: "org-1"}); !errors.Is(err, problem.Unauthorized) {
		t.Errorf("Check of a guest = %v, want 401", err)
	}
	if err := authz.CheckScope(authz.With(ctx, in("org-2", &authz.Grants{})), authz.ReadOrg, authz.Scope{Org: "org-1"}); !errors.Is(err, problem.NotFound) {
		t.Errorf("Check of a stranger = %v, want 404", err)
	}
}

func TestWhatIsDecidedWithoutAPlace(t *testing.T) {
	user := &authz.Subject{Kind: authz.User, ID: "user-1"}
	admin := &authz.Subject{Kind: authz.User, ID: "user-2", SiteAdmin: true}
	team := &authz.Subject{Kind: authz.Team, ID: "team-1"}
	for _, c := range []struct {
		who  string
		s    *authz.Subject
		p    authz.Permission
		at   authz.Scope
		want bool
	}{
		{"user", user, authz.SignedIn, authz.Scope{}, true}, {"team", team, authz.SignedIn, authz.Scope{}, true},
		{"user", user, authz.AsUser, authz.Scope{}, true}, {"team", team, authz.AsUser, authz.Scope{}, false},
		{"user", user, authz.SiteAdmin, authz.Scope{}, false}, {"team", team, authz.SiteAdmin, authz.Scope{}, false}, {"admin", admin, authz.SiteAdmin, authz.Scope{}, true},
		{"user", user, authz.ReadOrg, authz.Scope{}, false},
		{"the user", user, authz.ReadOrg, authz.Scope{User: "user-1"}, true}, {"another user", user, authz.ReadOrg, authz.Scope{User: "user-2"}, false},
		{"a team of the same id", &authz.Subject{Kind: authz.Team, ID: "user-1"}, authz.ReadOrg, authz.Scope{User: "user-1"}, false},
		{"admin", admin, authz.DeleteWorkspace, authz.Scope{Org: "org-1", Workspace: "ws-1"}, true},
	} {
		if got := c.s.Can(c.p, c.at); got != c.want {
			t.Errorf("%s Can(%v, %+v) = %v, want %v", c.who, c.p, c.at, got, c.want)
		}
	}
}

func TestRunReadsOnlySharedStates(t *testing.T) {
	run := &authz.Subject{Kind: authz.Run, ID: "run-1", RunIn: "ws-1", Orgs: map[string]*authz.Grants{"org-1": {Workspaces: map[string]authz.Set{"ws-1": authz.RunToken}}}}
	own, shared := authz.Scope{Org: "org-1", Workspace: "ws-1"}, authz.Scope{Org: "org-1", Workspace: "ws-2", SharedState: true}
	private, foreign := authz.Scope{Org: "org-1", Workspace: "ws-3"}, authz.Scope{Org: "org-2", Workspace: "ws-4", SharedState: true}
	want := map[authz.Scope]string{
		own: "read-workspace read-runs read-state-outputs read-state write-state", shared: "read-workspace read-state-outputs read-state", private: "", foreign: "",
	}
	for at, permissions := range want {
		if got := run.In(at).String(); got != permissions {
			t.Errorf("a run in %+v may %q, want %q", at, got, permissions)
		}
	}
	user := &authz.Subject{Kind: authz.User, Orgs: map[string]*authz.Grants{"org-1": {Org: authz.Member}}}
	if user.Can(authz.ReadState, shared) {
		t.Error("a member reads a state because workspaces share it")
	}
}

// thing is a resource that asks for another permission than its route.
type thing struct{ owned bool }

func (thing) Scope() authz.Scope { return authz.Scope{Org: "org-1", Project: "prj-1"} }
func (o thing) Permission(asked authz.Permission) authz.Permission {
	if o.owned && asked == authz.ManageVarsets {
		return authz.ManageProjectVarsets
	}
	return asked
}

func TestResourceMayAskForAnotherPermission(t *testing.T) {
	project := authz.With(context.Background(), in("org-1", &authz.Grants{Projects: map[string]authz.Set{"prj-1": authz.ProjectLevels["maintain"]}}))
	org := authz.With(context.Background(), in("org-1", &authz.Grants{Org: authz.OrgFlags["manage-workspaces"]}))
	got := []bool{
		authz.Check(project, authz.ManageVarsets, thing{true}) == nil, authz.Check(project, authz.ManageVarsets, thing{false}) == nil,
		authz.Check(org, authz.ManageVarsets, thing{true}) == nil, authz.Check(org, authz.ManageVarsets, thing{false}) == nil,
	}
	if diff := cmp.Diff([]bool{true, false, false, true}, got); diff != "" {
		t.Error(diff)
	}
}

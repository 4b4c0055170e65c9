package workspaces_test

import (
	"errors"
	"testing"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/identity/tokens"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// TestCreateNeedsThePermissionOfTheProject tries to make workspaces in a project and
// in the default one.
func TestCreateNeedsThePermissionOfTheProject(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		project := s.Project(org, "Shop")
		foreign := s.Project(s.Org("other"), "Foreign")
		for _, c := range []struct {
			who                                string
			token                              string
			inProject, inDefault, inForeignOrg int
		}{
			{"owner", org.Owner.Token, 201, 201, 404},
			{"member", s.Member(org, "m").Token, 404, 404, 404},
			{"reader", s.With(org, "r", nil, map[string]string{project: "read"}).Token, 404, 404, 404},
			{"writer", s.With(org, "w", nil, map[string]string{project: "write"}).Token, 404, 404, 404},
			{"maintainer", s.With(org, "t", nil, map[string]string{project: "maintain"}).Token, 201, 404, 404},
			{"manages-workspaces", s.With(org, "mw", []string{"manage-workspaces"}, nil).Token, 201, 201, 404},
			{"stranger", s.User("stranger").Token, 404, 404, 404},
			{"guest", "", 401, 401, 401},
		} {
			for place, want := range map[string]int{project: c.inProject, "": c.inDefault, foreign: c.inForeignOrg} {
				rel := `{}`
				if place != "" {
					rel = `{"project":{"data":{"type":"projects","id":"` + place + `"}}}`
				}
				res := s.Do("POST", "/api/v2/organizations/acme/workspaces", c.token,
					`{"data":{"type":"workspaces","attributes":{"name":"`+c.who+`-`+place+`"},"relationships":`+rel+`}}`)
				if res.Status != want {
					s.T.Errorf("Create by %s in %q = %d %s, want %d", c.who, place, res.Status, res.Body, want)
				}
			}
		}
	})
}

// TestMoveNeedsThePermissionOnBothSides moves by both endpoints.
func TestMoveNeedsThePermissionOnBothSides(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		from, to := s.Project(org, "From"), s.Project(org, "To")
		stays, moves := s.Workspace(org, from, "stays"), s.Workspace(org, from, "moves")
		foreign := s.Workspace(s.Org("other"), "", "foreign")
		both := s.With(org, "both", nil, map[string]string{from: "maintain", to: "maintain"})
		for who, token := range map[string]string{
			"of the source": s.With(org, "source", nil, map[string]string{from: "maintain", to: "read"}).Token,
			"of the target": s.With(org, "target", nil, map[string]string{from: "read", to: "maintain"}).Token,
		} {
			if res := s.Do("POST", "/api/v2/projects/"+to+"/relationships/workspaces", token, `{"data":[{"type":"workspaces","id":"`+moves+`"}]}`); res.Status != 404 {
				s.T.Errorf("move by a maintainer %s = %d, want 404", who, res.Status)
			}
			if res := s.Do("PATCH", "/api/v2/workspaces/"+moves, token, `{"data":{"type":"workspaces","relationships":{"project":{"data":{"type":"projects","id":"`+to+`"}}}}}`); res.Status != 404 {
				s.T.Errorf("update of the project by a maintainer %s = %d, want 404", who, res.Status)
			}
		}
		if res := s.Do("POST", "/api/v2/projects/"+to+"/relationships/workspaces", both.Token, `{"data":[{"type":"workspaces","id":"`+moves+`"},{"type":"workspaces","id":"`+foreign+`"}]}`); res.Status != 404 {
			s.T.Errorf("move with a foreign workspace = %d, want 404", res.Status)
		}
		for _, id := range []string{stays, moves} {
			if w, err := s.Client(both.Token).Workspaces.ReadByID(s.T.Context(), id); err != nil || w.Project.ID != from {
				s.T.Fatalf("after refused moves %s is in %v, %v", id, w, err)
			}
		}
		if res := s.Do("POST", "/api/v2/projects/"+to+"/relationships/workspaces", both.Token, `{"data":[{"type":"workspaces","id":"`+moves+`"}]}`); res.Status != 204 {
			s.T.Errorf("move = %d %s, want 204", res.Status, res.Body)
		}
		if w, err := s.Client(both.Token).Workspaces.ReadByID(s.T.Context(), moves); err != nil || w.Project.ID != to {
			s.T.Errorf("moved workspace is in %v, %v; want %s", w.Project, err, to)
		}
	})
}

// TestPagesHearWhereWorkspacesAre: projects count them, and much else goes with them.
func TestPagesHearWhereWorkspacesAre(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		org := s.Org("acme")
		from, to := s.Project(org, "From"), s.Project(org, "To")
		heard := s.Hear("acme", org.Owner.Token)
		in := func(project string) string {
			return `{"data":{"type":"workspaces","attributes":{"name":"web"},"relationships":{"project":{"data":{"type":"projects","id":"` + project + `"}}}}}`
		}
		hears := func(after string, projects ...string) {
			s.T.Helper()
			for _, p := range projects {
				if got, want := heard("projects"), `{"type":"projects","id":"`+p+`"}`; got != want {
					s.T.Errorf("after %s clients hear %s, want %s", after, got, want)
				}
			}
		}
		res := s.Do("POST", "/api/v2/organizations/acme/workspaces", org.Owner.Token, in(from))
		if res.Status != 201 {
			s.T.Fatalf("create = %d %s", res.Status, res.Body)
		}
		id, _ := res.JSON()["data"].(map[string]any)["id"].(string)
		hears("a workspace was made", from)
		if res := s.Do("PATCH", "/api/v2/workspaces/"+id, org.Owner.Token, in(to)); res.Status != 200 {
			s.T.Errorf("update = %d %s", res.Status, res.Body)
		}
		hears("it was given another project", from, to)
		if res := s.Do("POST", "/api/v2/projects/"+from+"/relationships/workspaces", org.Owner.Token, `{"data":[{"type":"workspaces","id":"`+id+`"}]}`); res.Status != 204 {
			s.T.Errorf("move = %d %s", res.Status, res.Body)
		}
		hears("it was moved", to, from)
		heard = s.Hear("acme", org.Owner.Token)
		if res := s.Do("DELETE", "/api/v2/workspaces/"+id, org.Owner.Token, nil); res.Status != 204 {
			s.T.Errorf("delete = %d %s", res.Status, res.Body)
		}
		if got, want := heard("drift-findings"), `{"type":"drift-findings","workspace":"`+id+`"}`; got != want {
			s.T.Errorf("of what goes with a workspace clients hear %s, want %s", got, want)
		}
		hears("it was deleted", from)
	})
}

func TestConsumersOfOtherOrganizationsDoNotExist(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, org := s.T.Context(), s.Org("acme")
		c := s.Client(org.Owner.Token)
		source, friend := s.Workspace(org, "", "source"), s.Workspace(org, "", "friend")
		foreign := s.Workspace(s.Org("other"), "", "foreign")
		add := func(id string) error {
			return c.Workspaces.AddRemoteStateConsumers(ctx, source, tfe.WorkspaceAddRemoteStateConsumersOptions{Workspaces: []*tfe.Workspace{{ID: id}}})
		}
		if err := add(foreign); !errors.Is(err, tfe.ErrResourceNotFound) {
			s.T.Errorf("foreign consumer = %v, want not found", err)
		}
		for range 2 { // a second time changes nothing
			if err := add(friend); err != nil {
				s.T.Error(err)
			}
		}
		list, err := c.Workspaces.ListRemoteStateConsumers(ctx, source, nil)
		if err != nil || len(list.Items) != 1 || list.Items[0].ID != friend {
			s.T.Errorf("consumers = %+v, %v; want friend alone", list, err)
		}
	})
}

// TestSafeDeleteAsksForResources gives a workspace a state, resources, and takes
// them away.
func TestSafeDeleteAsksForResources(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, org := s.T.Context(), s.Org("acme")
		id := s.Workspace(org, "", "web")
		c := s.Client(org.Owner.Token)
		if err := s.App.Workspaces.SetCurrentState(ctx, id, "sv-1"); err != nil {
			s.T.Fatal(err)
		}
		if err := c.Workspaces.SafeDeleteByID(ctx, id); !errors.Is(err, tfe.ErrWorkspaceStillProcessing) {
			s.T.Errorf("SafeDelete before the state is read = %v", err)
		}
		index := `a"b`
		set := func(version string, list ...workspaces.Resource) {
			if err := s.App.Workspaces.SetResources(ctx, id, version, workspaces.Inventory{List: list, Total: int64(len(list)), Digest: version}, nil); err != nil {
				s.T.Fatal(err)
			}
		}
		set("sv-0", workspaces.Resource{Address: "old.x"}) // not the current state
		set("sv-1", workspaces.Resource{Address: "null_resource.a", Name: "a", Provider: "hashicorp/null", ProviderType: "null_resource", Module: "root"},
			workspaces.Resource{Address: `null_resource.b["a\"b"]`, Name: "b", Provider: "hashicorp/null", ProviderType: "null_resource", Module: "root", NameIndex: &index})
		if err := c.Workspaces.SafeDeleteByID(ctx, id); !errors.Is(err, tfe.ErrWorkspaceNotSafeToDelete) {
			s.T.Errorf("SafeDelete with resources = %v", err)
		}
		list, err := c.WorkspaceResources.List(ctx, id, nil)
		if err != nil || len(list.Items) != 2 || list.Items[1].Name != "b" || *list.Items[1].NameIndex != index || list.Items[0].ModifiedByStateVersionID != "sv-1" {
			s.T.Errorf("resources = %+v, %v", list, err)
		}
		if w, err := c.Workspaces.ReadByID(ctx, id); err != nil || w.ResourceCount != 2 {
			s.T.Errorf("resource-count = %+v, %v; want 2", w, err)
		}
		admin := s.With(org, "ws-admin", nil, map[string]string{id: "admin"})
		if w, err := s.Client(admin.Token).Workspaces.ReadByID(ctx, id); err != nil || *w.Permissions.CanForceDelete {
			s.T.Errorf("can-force-delete of a workspace's admin = %v, %v; want false", w, err)
		}
		if res := s.Do("DELETE", "/api/v2/workspaces/"+id, admin.Token, nil); res.Status != 409 {
			s.T.Errorf("Delete by an admin of the workspace = %d %s, want 409: the organization does not allow to force it", res.Status, res.Body)
		}
		if res := s.Do("PATCH", "/api/v2/organizations/acme", org.Owner.Token, patch("organizations", `{"allow-force-delete-workspaces":true}`)); res.Status != 200 {
			s.T.Fatalf("%d %s", res.Status, res.Body)
		}
		if res := s.Do("DELETE", "/api/v2/workspaces/"+id, admin.Token, nil); res.Status != 204 {
			s.T.Errorf("Delete where the organization allows to force it = %d %s, want 204", res.Status, res.Body)
		}
	})
}

// TestHeldBy tells the holder of a lock from others with the same kind or id.
func TestHeldBy(t *testing.T) {
	w := workspaces.Workspace{LockedByKind: "user", LockedByID: "user-1"}
	for _, c := range []struct {
		s    *authz.Subject
		want bool
	}{
		{nil, false},
		{&authz.Subject{Kind: authz.User, ID: "user-1"}, true},
		{&authz.Subject{Kind: authz.User, ID: "user-2"}, false},
		{&authz.Subject{Kind: authz.Team, ID: "user-1"}, false},
	} {
		if got := w.HeldBy(c.s); got != c.want {
			t.Errorf("HeldBy(%+v) = %v, want %v", c.s, got, c.want)
		}
	}
	if (workspaces.Workspace{}).HeldBy(&authz.Subject{}) {
		t.Error("an unlocked workspace is held by nobody")
	}
}

// TestConsumerChangesReachRunTokens reads other workspaces with the token of a run.
func TestConsumerChangesReachRunTokens(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, org := s.T.Context(), s.Org("acme")
		project := s.Project(org, "Shop")
		run := s.Workspace(org, project, "run")
		near, far := s.Workspace(org, project, "near"), s.Workspace(org, "", "far")
		token := s.Token(tokens.Token{Kind: tokens.Run, WorkspaceID: &run})
		owner := s.Client(org.Owner.Token)
		sees := func(id string) bool { return s.Do("GET", "/api/v2/workspaces/"+id, token, nil).Status == 200 }
		if !sees(run) || sees(near) || sees(far) {
			s.T.Errorf("run sees itself %v, near %v, far %v; want itself alone", sees(run), sees(near), sees(far))
		}
		if _, err := owner.Workspaces.UpdateByID(ctx, near, tfe.WorkspaceUpdateOptions{ProjectRemoteState: new(true)}); err != nil {
			s.T.Fatal(err)
		}
		if err := owner.Workspaces.AddRemoteStateConsumers(ctx, far, tfe.WorkspaceAddRemoteStateConsumersOptions{Workspaces: []*tfe.Workspace{{ID: run}}}); err != nil {
			s.T.Fatal(err)
		}
		if !sees(near) || !sees(far) {
			s.T.Errorf("run sees near %v, far %v; want both at once", sees(near), sees(far))
		}
		if err := owner.Workspaces.RemoveRemoteStateConsumers(ctx, far, tfe.WorkspaceRemoveRemoteStateConsumersOptions{Workspaces: []*tfe.Workspace{{ID: run}}}); err != nil {
			s.T.Fatal(err)
		}
		if sees(far) {
			s.T.Error("run still sees far after it was removed")
		}
	})
}

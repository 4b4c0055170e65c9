package app_test

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
)

// The tests of this file make the calls of terraform-provider-tfe, resource by
// resource: what it sends to create, read, change and remove, and what must come back
// for its next plan to be empty. The provider itself is not run.

func TestProviderFindsMembershipsByEmail(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		t, o := s.T, s.Org("acme")
		s.Member(o, "mia")
		c := s.Client(o.Owner.Token)
		if _, err := c.OrganizationMemberships.Create(t.Context(), "acme", tfe.OrganizationMembershipCreateOptions{Email: new("new@example.com")}); err != nil {
			t.Fatal(err)
		}
		all, err := c.OrganizationMemberships.List(t.Context(), "acme", &tfe.OrganizationMembershipListOptions{Include: []tfe.OrgMembershipIncludeOpt{tfe.OrgMembershipUser}})
		if err != nil || len(all.Items) != 3 {
			t.Fatalf("List = %+v, %v, want the owner, the member and the invited", all, err)
		}
		for _, m := range all.Items {
			if m.Email == "" || m.User.Email != m.Email {
				t.Errorf("membership of %q includes the user's email %q, want the same", m.Email, m.User.Email)
			}
			one, err := c.OrganizationMemberships.List(t.Context(), "acme", &tfe.OrganizationMembershipListOptions{
				Include: []tfe.OrgMembershipIncludeOpt{tfe.OrgMembershipUser}, Emails: []string{m.Email}})
			if err != nil || len(one.Items) != 1 || one.Items[0].ID != m.ID || one.Items[0].User.Email != m.Email {
				t.Errorf("List by %q = %+v, %v, want that membership and its user", m.Email, one, err)
			}
		}
	})
}

func TestProviderKeepsTheWorkspaceItWrote(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		t, o := s.T, s.Org("acme")
		c, ctx := s.Client(o.Owner.Token), t.Context()
		project := s.Project(o, "second")
		at := time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)
		off, on := new(false), new(true)
		w, err := c.Workspaces.Create(ctx, "acme", tfe.WorkspaceCreateOptions{
			Name: new("web"), AllowDestroyPlan: on, AutoApply: off, AutoApplyRunTrigger: off, Description: new(""),
			AssessmentsEnabled: off, FileTriggersEnabled: on, QueueAllRuns: on, SpeculativeEnabled: on, StructuredRunOutputEnabled: on,
			WorkingDirectory: new(""), InheritsProjectAutoDestroy: on, SourceName: new("ci"), SourceURL: new("https://ci.example.com/1"),
			SettingOverwrites: &tfe.WorkspaceSettingOverwritesOptions{ExecutionMode: off, AgentPool: off},
			Tags:              []*tfe.Tag{{Name: "blue"}, {Name: "green"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if w.SourceName != "ci" || w.SourceURL != "https://ci.example.com/1" || w.ExecutionMode != "remote" || w.Links["self-html"] == nil ||
			w.Permissions.CanForceDelete == nil || *w.SettingOverwrites.ExecutionMode || len(w.TriggerPrefixes)+len(w.TriggerPatterns) != 0 ||
			w.SSHKey != nil || w.AgentPool != nil || w.VCSRepo != nil || !w.InheritsProjectAutoDestroy {
			t.Errorf("Create = %+v, want what was sent and nothing of its own", w)
		}
		if _, err := c.Workspaces.UpdateByID(ctx, w.ID, tfe.WorkspaceUpdateOptions{
			Name: new("web2"), AllowDestroyPlan: off, AutoApply: on, AutoApplyRunTrigger: on, Description: new("of the site"),
			AssessmentsEnabled: on, FileTriggersEnabled: on, GlobalRemoteState: on, QueueAllRuns: off, SpeculativeEnabled: off, StructuredRunOutputEnabled: off,
			WorkingDirectory: new("live"), TerraformVersion: new("1.9.8"), TriggerPatterns: []string{"/a/**/*", "b"},
			Project: &tfe.Project{ID: project}, InheritsProjectAutoDestroy: off, AutoDestroyAt: tfe.NullableTime(at),
			ExecutionMode: new("local"), SettingOverwrites: &tfe.WorkspaceSettingOverwritesOptions{ExecutionMode: on},
		}); err != nil {
			t.Fatal(err)
		}
		got, err := c.Workspaces.ReadByID(ctx, w.ID)
		if err != nil {
			t.Fatal(err)
		}
		gotAt, _ := got.AutoDestroyAt.Get()
		if got.Name != "web2" || got.AllowDestroyPlan || !got.AutoApply || !got.AutoApplyRunTrigger || got.Description != "of the site" ||
			!got.AssessmentsEnabled || !got.FileTriggersEnabled || !got.GlobalRemoteState || got.QueueAllRuns || got.SpeculativeEnabled || got.StructuredRunOutputEnabled ||
			got.WorkingDirectory != "live" || got.TerraformVersion != "1.9.8" || !slices.Equal(got.TriggerPatterns, []string{"/a/**/*", "b"}) ||
			got.Project.ID != project || got.InheritsProjectAutoDestroy || !gotAt.Equal(at) || got.ExecutionMode != "local" || got.Operations ||
			!*got.SettingOverwrites.ExecutionMode || !*got.SettingOverwrites.AgentPool {
			t.Errorf("Read after Update = %+v, want what was sent", got)
		}
		// Back from patterns to prefixes, and from local to what the project says.
		got, err = c.Workspaces.UpdateByID(ctx, w.ID, tfe.WorkspaceUpdateOptions{TriggerPatterns: []string{}, AutoDestroyAt: tfe.NullTime(),
			TriggerPrefixes: []string{"/modules"}, Operations: on})
		if err != nil || got.ExecutionMode != "remote" || !slices.Equal(got.TriggerPrefixes, []string{"/modules"}) {
			t.Errorf("Update = %+v, %v, want prefixes and mode remote", got, err)
		}
		if err := c.Workspaces.SafeDeleteByID(ctx, w.ID); err != nil {
			t.Errorf("SafeDeleteByID = %v, want a workspace without resources to go", err)
		}
		if _, err := c.Workspaces.ReadByID(ctx, w.ID); !errors.Is(err, tfe.ErrResourceNotFound) {
			t.Errorf("ReadByID after it = %v, want not found", err)
		}
	})
}

// tfe_workspace_settings sends the mode that it has read along with overwrites of
// false, an empty agent pool, and all tags at once.
func TestProviderKeepsTheWorkspaceSettingsItWrote(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		t, o := s.T, s.Org("acme")
		c, ctx := s.Client(o.Owner.Token), t.Context()
		project := s.Project(o, "second")
		if _, err := c.Projects.Update(ctx, project, tfe.ProjectUpdateOptions{TagBindings: []*tfe.TagBinding{{Key: "team", Value: "red"}, {Key: "tier", Value: "1"}}}); err != nil {
			t.Fatal(err)
		}
		id, other := s.Workspace(o, project, "web"), s.Workspace(o, project, "reader")
		settings := func(mode string, own bool, bindings ...*tfe.TagBinding) *tfe.Workspace {
			t.Helper()
			options := tfe.WorkspaceUpdateOptions{GlobalRemoteState: new(false), ProjectRemoteState: new(false), AutoApply: new(false), AssessmentsEnabled: new(false),
				SettingOverwrites: &tfe.WorkspaceSettingOverwritesOptions{ExecutionMode: new(own), AgentPool: new(own)},
				ExecutionMode:     new(mode), AgentPoolID: new(""), TagBindings: bindings}
			if _, err := c.Workspaces.UpdateByID(ctx, id, options); err != nil {
				t.Fatalf("UpdateByID %s, own %v: %v", mode, own, err)
			}
			w, err := c.Workspaces.ReadByIDWithOptions(ctx, id, &tfe.WorkspaceReadOptions{Include: []tfe.WSIncludeOpt{tfe.WSEffectiveTagBindings}})
			if err != nil {
				t.Fatal(err)
			}
			return w
		}
		w := settings("local", true, &tfe.TagBinding{Key: "app", Value: "web"}, &tfe.TagBinding{Key: "tier", Value: "2"})
		self, effective := tagsOf(w)
		if diff := cmp.Diff(map[string]string{"app": "web", "tier": "2"}, self); diff != "" || w.ExecutionMode != "local" || !*w.SettingOverwrites.ExecutionMode {
			t.Errorf("mode %s, own tags (-want +got):\n%s", w.ExecutionMode, diff)
		}
		if diff := cmp.Diff(map[string]string{"app": "web", "tier": "2", "team": "red"}, effective); diff != "" {
			t.Errorf("effective tags (-want +got):\n%s", diff)
		}
		w = settings("local", false, &tfe.TagBinding{Key: "app", Value: "web"})
		if self, _ = tagsOf(w); len(self) != 1 || w.ExecutionMode != "remote" || *w.SettingOverwrites.ExecutionMode || *w.SettingOverwrites.AgentPool {
			t.Errorf("mode %s with overwrites %+v and own tags %v, want the inherited mode and one tag", w.ExecutionMode, w.SettingOverwrites, self)
		}
		if err := c.Workspaces.DeleteAllTagBindings(ctx, id); err != nil {
			t.Fatal(err)
		}
		if self, effective = tagsOf(settings("remote", true)); len(self) != 0 || len(effective) != 2 {
			t.Errorf("own tags %v of %v, want those of the project only", self, effective)
		}
		if err := c.Workspaces.AddRemoteStateConsumers(ctx, id, tfe.WorkspaceAddRemoteStateConsumersOptions{Workspaces: []*tfe.Workspace{{ID: other}}}); err != nil {
			t.Fatal(err)
		}
		consumers, err := c.Workspaces.ListRemoteStateConsumers(ctx, id, &tfe.RemoteStateConsumersListOptions{ListOptions: tfe.ListOptions{PageSize: 100}})
		if err != nil || len(consumers.Items) != 1 || consumers.Items[0].ID != other || consumers.TotalPages != 1 {
			t.Errorf("ListRemoteStateConsumers = %+v, %v, want the one that was added, on one page", consumers, err)
		}
		if err := c.Workspaces.RemoveRemoteStateConsumers(ctx, id, tfe.WorkspaceRemoveRemoteStateConsumersOptions{Workspaces: []*tfe.Workspace{{ID: other}}}); err != nil {
			t.Error(err)
		}
		w, err = c.Workspaces.UpdateByID(ctx, id, tfe.WorkspaceUpdateOptions{GlobalRemoteState: new(false), ProjectRemoteState: new(true)})
		if err != nil || !w.ProjectRemoteState || w.GlobalRemoteState {
			t.Errorf("Update = %+v, %v, want the state shared with the project", w, err)
		}
	})
}

// tagsOf tells the workspace's own tags from all of them, as the provider does: what
// is inherited has a link.
func tagsOf(w *tfe.Workspace) (self, effective map[string]string) {
	self, effective = map[string]string{}, map[string]string{}
	for _, b := range w.EffectiveTagBindings {
		effective[b.Key] = b.Value
		if b.Links["inherited-from"] == nil {
			self[b.Key] = b.Value
		}
	}
	return self, maps.Clone(effective)
}

func TestProviderFindsWorkspacesAndWhatBelongsToThem(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		t, o := s.T, s.Org("acme")
		c, ctx := s.Client(o.Owner.Token), t.Context()
		id := s.Workspace(o, s.Project(o, "second"), "web")
		set, err := c.VariableSets.Create(ctx, "acme", &tfe.VariableSetCreateOptions{Name: new("a/b"), Global: new(false), Priority: new(false)})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.VariableSets.ApplyToWorkspaces(ctx, set.ID, &tfe.VariableSetApplyToWorkspacesOptions{Workspaces: []*tfe.Workspace{{ID: id}}}); err != nil {
			t.Fatal(err)
		}
		// The import of tfe_workspace_variable_set looks for the name of the workspace.
		sets, err := c.VariableSets.List(ctx, "acme", &tfe.VariableSetListOptions{Include: string(tfe.VariableSetWorkspaces)})
		if err != nil || len(sets.Items) != 1 || len(sets.Items[0].Workspaces) != 1 || sets.Items[0].Workspaces[0].Name != "web" {
			t.Errorf("List = %+v, %v, want the set and the name of its workspace", sets, err)
		}
		if err := c.VariableSets.RemoveFromWorkspaces(ctx, set.ID, &tfe.VariableSetRemoveFromWorkspacesOptions{Workspaces: []*tfe.Workspace{{ID: id}}}); err != nil {
			t.Error(err)
		}

		key, err := c.SSHKeys.Create(ctx, "acme", tfe.SSHKeyCreateOptions{Name: new("deploy"), Value: new("not really a key")})
		if err != nil {
			t.Fatal(err)
		}
		if key, err = c.SSHKeys.Update(ctx, key.ID, tfe.SSHKeyUpdateOptions{Name: new("deploy-2")}); err != nil || key.Name != "deploy-2" {
			t.Errorf("Update = %+v, %v, want the new name", key, err)
		}
		if w, err := c.Workspaces.AssignSSHKey(ctx, id, tfe.WorkspaceAssignSSHKeyOptions{SSHKeyID: new(key.ID)}); err != nil || w.SSHKey == nil || w.SSHKey.ID != key.ID {
			t.Errorf("AssignSSHKey = %+v, %v, want the key", w, err)
		}
		if w, err := c.Workspaces.UnassignSSHKey(ctx, id); err != nil || w.SSHKey != nil {
			t.Errorf("UnassignSSHKey = %+v, %v, want no key", w, err)
		}

		pool, err := c.AgentPools.Create(ctx, "acme", tfe.AgentPoolCreateOptions{Name: new("pool"), OrganizationScoped: new(true)})
		if err != nil {
			t.Fatal(err)
		}
		if l, err := c.AgentPools.List(ctx, "acme", &tfe.AgentPoolListOptions{Query: "pool"}); err != nil || len(l.Items) != 1 || l.Items[0].ID != pool.ID {
			t.Errorf("List of pool = %+v, %v, want it", l, err)
		}
		token, err := c.AgentTokens.Create(ctx, pool.ID, tfe.AgentTokenCreateOptions{Description: new("first")})
		if err != nil || token.Token == "" {
			t.Fatalf("Create = %+v, %v, want a token", token, err)
		}
		if token, err = c.AgentTokens.Read(ctx, token.ID); err != nil || token.Description != "first" || token.Token != "" {
			t.Errorf("Read = %+v, %v, want the description and no token", token, err)
		}

		// tfe_workspace_ids asks by tags, and by bindings.
		if err := c.Workspaces.AddTags(ctx, id, tfe.WorkspaceAddTagsOptions{Tags: []*tfe.Tag{{Name: "blue"}}}); err != nil {
			t.Fatal(err)
		}
		for want, options := range map[int]tfe.WorkspaceListOptions{1: {Tags: "blue", TagBindings: []*tfe.TagBinding{{Key: "blue"}}}, 0: {ExcludeTags: "blue"}} {
			if l, err := c.Workspaces.List(ctx, "acme", &options); err != nil || len(l.Items) != want {
				t.Errorf("List %+v = %+v, %v, want %d", options, l, err, want)
			}
		}
	})
}

package app_test

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
)

func TestProviderKeepsTheOrganizationItWrote(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		t, c, ctx := s.T, s.Admin(), s.T.Context()
		if _, err := c.Organizations.Create(ctx, tfe.OrganizationCreateOptions{Name: new("made"), Email: new("a@example.com")}); err != nil {
			t.Fatal(err)
		}
		// The first update follows the creation and sends the defaults of the provider.
		_, err := c.Organizations.Update(ctx, "made", tfe.OrganizationUpdateOptions{Name: new("made"), Email: new("a@example.com"),
			CollaboratorAuthPolicy: tfe.AuthPolicy(tfe.AuthPolicyPassword), CostEstimationEnabled: new(false), AssessmentsEnforced: new(false), AllowForceDeleteWorkspaces: new(false)})
		if err != nil {
			t.Fatal(err)
		}
		org, err := c.Organizations.Read(ctx, "made")
		if err != nil {
			t.Fatal(err)
		}
		if org.SessionTimeout != 0 || org.SessionRemember != 0 || org.OwnersTeamSAMLRoleID != "" || org.CostEstimationEnabled || org.CollaboratorAuthPolicy != "password" ||
			org.DefaultProject == nil || org.ExternalID == "" || org.DataRetentionPolicyChoice != nil || org.DefaultAgentPool != nil {
			t.Errorf("Read = %+v, want nothing that was not sent", org)
		}
		org, err = c.Organizations.Update(ctx, "made", tfe.OrganizationUpdateOptions{Name: new("made-2"), Email: new("b@example.com"), SessionTimeout: new(60), SessionRemember: new(120),
			OwnersTeamSAMLRoleID: new("owners-role"), CostEstimationEnabled: new(true), AssessmentsEnforced: new(true), AllowForceDeleteWorkspaces: new(true),
			SendPassingStatusesForUntriggeredSpeculativePlans: new(true), AggregatedCommitStatusEnabled: new(false), SpeculativePlanManagementEnabled: new(false)})
		if err != nil {
			t.Fatal(err)
		}
		if org, err = c.Organizations.Read(ctx, org.Name); err != nil || org.Name != "made-2" || org.Email != "b@example.com" || org.SessionTimeout != 60 || org.SessionRemember != 120 ||
			org.OwnersTeamSAMLRoleID != "owners-role" || !org.CostEstimationEnabled || !org.AssessmentsEnforced || !org.AllowForceDeleteWorkspaces ||
			!org.SendPassingStatusesForUntriggeredSpeculativePlans || org.AggregatedCommitStatusEnabled || org.SpeculativePlanManagementEnabled {
			t.Errorf("Read after Update = %+v, %v, want what was sent", org, err)
		}
		pool, err := c.AgentPools.Create(ctx, "made-2", tfe.AgentPoolCreateOptions{Name: new("pool"), OrganizationScoped: new(true)})
		if err != nil {
			t.Fatal(err)
		}
		org, err = c.Organizations.Update(ctx, "made-2", tfe.OrganizationUpdateOptions{DefaultExecutionMode: new("agent"), DefaultAgentPool: &tfe.AgentPool{ID: pool.ID}})
		if err != nil || org.DefaultExecutionMode != "agent" || org.DefaultAgentPool == nil || org.DefaultAgentPool.ID != pool.ID {
			t.Fatalf("Update = %+v, %v, want the agent pool as the default", org, err)
		}
		// tfe_organization_default_settings resets the mode alone when it is removed.
		if org, err = c.Organizations.Update(ctx, "made-2", tfe.OrganizationUpdateOptions{DefaultExecutionMode: new("remote")}); err != nil || org.DefaultAgentPool != nil || org.DefaultExecutionMode != "remote" {
			t.Errorf("Update = %+v, %v, want mode remote without an agent pool", org, err)
		}
		if _, err := c.Organizations.SetDataRetentionPolicyDeleteOlder(ctx, "made-2", tfe.DataRetentionPolicyDeleteOlderSetOptions{DeleteOlderThanNDays: 33}); err != nil {
			t.Fatal(err)
		}
		if p, err := c.Organizations.ReadDataRetentionPolicyChoice(ctx, "made-2"); err != nil || p.DataRetentionPolicyDeleteOlder == nil || p.DataRetentionPolicyDeleteOlder.DeleteOlderThanNDays != 33 {
			t.Errorf("ReadDataRetentionPolicyChoice = %+v, %v, want 33 days", p, err)
		}
		if _, err := c.Organizations.SetDataRetentionPolicyDontDelete(ctx, "made-2", tfe.DataRetentionPolicyDontDeleteSetOptions{}); err != nil {
			t.Fatal(err)
		}
		if p, err := c.Organizations.ReadDataRetentionPolicyChoice(ctx, "made-2"); err != nil || p.DataRetentionPolicyDontDelete == nil {
			t.Errorf("ReadDataRetentionPolicyChoice = %+v, %v, want never to delete", p, err)
		}
		if err := c.Organizations.DeleteDataRetentionPolicy(ctx, "made-2"); err != nil {
			t.Error(err)
		}
		if err := c.Organizations.Delete(ctx, "made-2"); err != nil {
			t.Error(err)
		}
	})
}

func TestProviderKeepsTheTeamsAndAccessItWrote(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o := s.Org("acme")
		t, c, ctx := s.T, s.Client(o.Owner.Token), s.T.Context()
		s.Member(o, "mia")
		project := s.Project(o, "second")
		ws := s.Workspace(o, project, "web")
		team, err := c.Teams.Create(ctx, "acme", tfe.TeamCreateOptions{Name: new("dev"), Visibility: new("secret"), SSOTeamID: new("sso-1")})
		if err != nil || team.OrganizationAccess == nil || team.SSOTeamID != "sso-1" || team.Visibility != "secret" {
			t.Fatalf("Create = %+v, %v, want what was sent", team, err)
		}
		access := tfe.OrganizationAccessOptions{ManagePolicies: new(true), ManagePolicyOverrides: new(true), ManageWorkspaces: new(true), ManageVCSSettings: new(true), ManageProviders: new(true),
			ManageModules: new(true), ManageRunTasks: new(true), ManageProjects: new(true), ReadWorkspaces: new(true), ReadProjects: new(true), ManageMembership: new(true), ManageTeams: new(true),
			ManageOrganizationAccess: new(true), AccessSecretTeams: new(true), ManageAgentPools: new(true), DelegatePolicyOverrides: new(false)}
		want := tfe.OrganizationAccess{ManagePolicies: true, ManagePolicyOverrides: true, ManageWorkspaces: true, ManageVCSSettings: true, ManageProviders: true,
			ManageModules: true, ManageRunTasks: true, ManageProjects: true, ReadWorkspaces: true, ReadProjects: true, ManageMembership: true, ManageTeams: true,
			ManageOrganizationAccess: true, AccessSecretTeams: true, ManageAgentPools: true}
		if _, err := c.Teams.Update(ctx, team.ID, tfe.TeamUpdateOptions{Name: new("ops"), Visibility: new("organization"), SSOTeamID: new(""), OrganizationAccess: &access}); err != nil {
			t.Fatal(err)
		}
		team, err = c.Teams.Read(ctx, team.ID)
		if err != nil || team.Name != "ops" || team.Visibility != "organization" || team.SSOTeamID != "" {
			t.Fatalf("Read = %+v, %v, want what was sent, and no SSO id", team, err)
		}
		if diff := cmp.Diff(want, *team.OrganizationAccess); diff != "" {
			t.Errorf("organization access (-want +got):\n%s", diff)
		}
		if l, err := c.Teams.List(ctx, "acme", &tfe.TeamListOptions{Names: []string{"ops"}}); err != nil || len(l.Items) != 1 || l.Items[0].Name != "ops" {
			t.Errorf("List of ops = %+v, %v, want that team alone", l, err)
		}
		if err := c.TeamMembers.Add(ctx, team.ID, tfe.TeamMemberAddOptions{Usernames: []string{"mia"}}); err != nil {
			t.Fatal(err)
		}
		if l, err := c.TeamMembers.List(ctx, team.ID); err != nil || len(l) != 1 || l[0].Username != "mia" {
			t.Errorf("TeamMembers.List = %+v, %v, want mia", l, err)
		}
		if l, err := c.TeamMembers.ListOrganizationMemberships(ctx, team.ID); err != nil || len(l) != 1 {
			t.Errorf("ListOrganizationMemberships = %+v, %v, want one", l, err)
		} else if err := c.TeamMembers.Remove(ctx, team.ID, tfe.TeamMemberRemoveOptions{OrganizationMembershipIDs: []string{l[0].ID}}); err != nil {
			t.Error(err)
		}

		// Workspace access: a fixed level, then the same with own permissions, and back.
		ta, err := c.TeamAccess.Add(ctx, tfe.TeamAccessAddOptions{Access: tfe.Access(tfe.AccessPlan), Team: team, Workspace: &tfe.Workspace{ID: ws}})
		if err != nil || ta.Access != tfe.AccessPlan || ta.Runs != tfe.RunsPermissionPlan || ta.Team.ID != team.ID {
			t.Fatalf("Add = %+v, %v, want plan", ta, err)
		}
		if ta, err = c.TeamAccess.Update(ctx, ta.ID, tfe.TeamAccessUpdateOptions{Access: tfe.Access(tfe.AccessCustom), Runs: tfe.RunsPermission(tfe.RunsPermissionApply), RunTasks: new(true)}); err != nil ||
			ta.Access != tfe.AccessCustom || ta.Runs != tfe.RunsPermissionApply || !ta.RunTasks || ta.Variables != tfe.VariablesPermissionRead {
			t.Errorf("Update = %+v, %v, want apply and the rest of plan", ta, err)
		}
		if ta, err = c.TeamAccess.Update(ctx, ta.ID, tfe.TeamAccessUpdateOptions{Access: tfe.Access(tfe.AccessRead)}); err != nil || ta.Access != tfe.AccessRead || ta.Runs != tfe.RunsPermissionRead || ta.RunTasks {
			t.Errorf("Update = %+v, %v, want what read gives", ta, err)
		}

		// Project access: the provider always sends both objects, empty ones too.
		none, both := tfe.TeamProjectAccessProjectPermissionsOptions{}, tfe.TeamProjectAccessWorkspacePermissionsOptions{}
		pa, err := c.TeamProjectAccess.Add(ctx, tfe.TeamProjectAccessAddOptions{Access: tfe.TeamProjectAccessRead, Team: team, Project: &tfe.Project{ID: project}, ProjectAccess: &none, WorkspaceAccess: &both})
		if err != nil || pa.Access != tfe.TeamProjectAccessRead || pa.ProjectAccess == nil || pa.WorkspaceAccess == nil {
			t.Fatalf("Add = %+v, %v, want read", pa, err)
		}
		pa, err = c.TeamProjectAccess.Update(ctx, pa.ID, tfe.TeamProjectAccessUpdateOptions{Access: tfe.ProjectAccess(tfe.TeamProjectAccessCustom),
			ProjectAccess:   &tfe.TeamProjectAccessProjectPermissionsOptions{Settings: tfe.ProjectSettingsPermission(tfe.ProjectSettingsPermissionUpdate)},
			WorkspaceAccess: &tfe.TeamProjectAccessWorkspacePermissionsOptions{Create: new(true), Runs: tfe.WorkspaceRunsPermission(tfe.WorkspaceRunsPermissionApply)}})
		if err != nil || pa.Access != tfe.TeamProjectAccessCustom || pa.ProjectAccess.ProjectSettingsPermission != tfe.ProjectSettingsPermissionUpdate || !pa.WorkspaceAccess.WorkspaceCreatePermission ||
			pa.WorkspaceAccess.WorkspaceRunsPermission != tfe.WorkspaceRunsPermissionApply || pa.WorkspaceAccess.WorkspaceMovePermission || pa.Team.ID != team.ID || pa.Project.ID != project {
			t.Errorf("Update = %+v, %v, want what was sent", pa, err)
		}
		if err := c.TeamProjectAccess.Remove(ctx, pa.ID); err != nil {
			t.Error(err)
		}
		expires := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
		if tt, err := c.TeamTokens.CreateWithOptions(ctx, team.ID, tfe.TeamTokenCreateOptions{ExpiredAt: &expires}); err != nil || tt.Token == "" || tt.ExpiredAt.Format(time.RFC3339) != "2027-01-02T03:04:05Z" {
			t.Errorf("CreateWithOptions = %+v, %v, want a token until %v", tt, err, expires)
		}
		if ot, err := c.OrganizationTokens.CreateWithOptions(ctx, "acme", tfe.OrganizationTokenCreateOptions{ExpiredAt: &expires}); err != nil || ot.Token == "" || !ot.ExpiredAt.Equal(expires) {
			t.Errorf("CreateWithOptions = %+v, %v, want a token until %v", ot, err, expires)
		}
		if err := c.Teams.Delete(ctx, team.ID); err != nil {
			t.Error(err)
		}
	})
}

func TestProviderKeepsWhatItWroteInAProject(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o := s.Org("acme")
		t, c, ctx := s.T, s.Client(o.Owner.Token), s.T.Context()
		p, err := c.Projects.Create(ctx, "acme", tfe.ProjectCreateOptions{Name: "net", Description: new("")})
		if err != nil || p.Description != "" || p.Organization.Name != "acme" {
			t.Fatalf("Create = %+v, %v, want no description", p, err)
		}
		// tfe_project sends all tags each time, and none by emptying the list first.
		for _, want := range []map[string]string{{"a": "1", "b": ""}, {"b": "2"}, {}} {
			var bindings []*tfe.TagBinding
			for k, v := range want {
				bindings = append(bindings, &tfe.TagBinding{Key: k, Value: v})
			}
			if len(want) == 0 {
				if err := c.Projects.DeleteAllTagBindings(ctx, p.ID); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := c.Projects.Update(ctx, p.ID, tfe.ProjectUpdateOptions{Name: new("net"), Description: new("x"), TagBindings: bindings}); err != nil {
				t.Fatal(err)
			}
			list, err := c.Projects.ListTagBindings(ctx, p.ID)
			got := map[string]string{}
			for _, b := range list {
				got[b.Key] = b.Value
			}
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("tags, %v (-want +got):\n%s", err, diff)
			}
		}
		own, no := &tfe.ProjectSettingOverwrites{ExecutionMode: new(true), AgentPool: new(true)}, &tfe.ProjectSettingOverwrites{ExecutionMode: new(false), AgentPool: new(false)}
		if p, err = c.Projects.Update(ctx, p.ID, tfe.ProjectUpdateOptions{DefaultExecutionMode: new("local"), DefaultAgentPoolID: new(""), SettingOverwrites: own}); err != nil ||
			p.DefaultExecutionMode != "local" || !*p.SettingOverwrites.ExecutionMode || p.DefaultAgentPool != nil {
			t.Errorf("Update = %+v, %v, want mode local of its own", p, err)
		}
		if p, err = c.Projects.Update(ctx, p.ID, tfe.ProjectUpdateOptions{SettingOverwrites: no}); err != nil || p.DefaultExecutionMode != "remote" || *p.SettingOverwrites.ExecutionMode {
			t.Errorf("Update = %+v, %v, want the organization's mode", p, err)
		}
		web, db := s.Workspace(o, p.ID, "web"), s.Workspace(o, p.ID, "db")
		if l, err := c.Workspaces.List(ctx, "acme", &tfe.WorkspaceListOptions{ProjectID: p.ID}); err != nil || len(l.Items) != 2 || l.TotalPages != 1 {
			t.Errorf("List = %+v, %v, want two workspaces on one page", l, err)
		}

		set, err := c.VariableSets.Create(ctx, "acme", &tfe.VariableSetCreateOptions{Name: new("common"), Global: new(false), Priority: new(false)})
		if err != nil {
			t.Fatal(err)
		}
		readSet := func() *tfe.VariableSet {
			t.Helper()
			v, err := c.VariableSets.Read(ctx, set.ID, &tfe.VariableSetReadOptions{Include: &[]tfe.VariableSetIncludeOpt{tfe.VariableSetWorkspaces, tfe.VariableSetVars, tfe.VariableSetStacks}})
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		for _, ids := range [][]string{{web, db}, {db}, {}} {
			options := tfe.VariableSetUpdateWorkspacesOptions{Workspaces: []*tfe.Workspace{}}
			for _, id := range ids {
				options.Workspaces = append(options.Workspaces, &tfe.Workspace{ID: id})
			}
			if _, err := c.VariableSets.UpdateWorkspaces(ctx, set.ID, &options); err != nil {
				t.Fatal(err)
			}
			if got := readSet(); len(got.Workspaces) != len(ids) || len(got.Stacks) != 0 || got.Organization.Name != "acme" || got.Description != "" ||
				got.Parent == nil || got.Parent.Organization == nil || got.Parent.Project != nil {
				t.Errorf("Read = %+v, want the workspaces %v and the organization as parent", got, ids)
			}
		}
		if err := c.VariableSets.ApplyToProjects(ctx, set.ID, tfe.VariableSetApplyToProjectsOptions{Projects: []*tfe.Project{{ID: p.ID}}}); err != nil {
			t.Fatal(err)
		}
		if l, err := c.VariableSets.ListForProject(ctx, p.ID, nil); err != nil || len(l.Items) != 1 || l.Items[0].ID != set.ID {
			t.Errorf("ListForProject = %+v, %v, want the set", l, err)
		}
		if v, err := c.VariableSets.Update(ctx, set.ID, &tfe.VariableSetUpdateOptions{Name: new("all"), Description: new("of all"), Global: new(true), Priority: new(true)}); err != nil || !v.Global || !v.Priority || v.Name != "all" {
			t.Errorf("Update = %+v, %v, want what was sent", v, err)
		}
		// A sensitive value never comes back; the provider remembers it.
		v, err := c.VariableSetVariables.Create(ctx, set.ID, &tfe.VariableSetVariableCreateOptions{Key: new("K"), Value: new("v"), Category: tfe.Category(tfe.CategoryEnv), HCL: new(false), Sensitive: new(true), Description: new("")})
		if err != nil || v.Value != "" || v.VariableSet == nil || v.VariableSet.ID != set.ID {
			t.Errorf("Create = %+v, %v, want no value, and the set", v, err)
		}
		w, err := c.Variables.Create(ctx, web, tfe.VariableCreateOptions{Key: new("list"), Value: new("[1]"), Category: tfe.Category(tfe.CategoryTerraform), HCL: new(true), Sensitive: new(false), Description: new("d")})
		if err != nil || w.Value != "[1]" || !w.HCL || w.Workspace == nil || w.Workspace.ID != web {
			t.Fatalf("Create = %+v, %v, want what was sent, and the workspace", w, err)
		}
		if w, err = c.Variables.Update(ctx, web, w.ID, tfe.VariableUpdateOptions{Key: new("list2"), Value: new(""), HCL: new(false), Sensitive: new(true), Description: new("")}); err != nil || w.Key != "list2" || w.HCL || !w.Sensitive || w.Description != "" || w.Workspace == nil {
			t.Errorf("Update = %+v, %v, want what was sent", w, err)
		}
		if l, err := c.Variables.List(ctx, web, nil); err != nil || len(l.Items) != 1 || l.CurrentPage < l.TotalPages {
			t.Errorf("List = %+v, %v, want one variable on the last page", l, err)
		}

		pool, err := c.AgentPools.Create(ctx, "acme", tfe.AgentPoolCreateOptions{Name: new("pool"), OrganizationScoped: new(false)})
		if err != nil {
			t.Fatal(err)
		}
		for _, ids := range [][]*tfe.Workspace{{{ID: web}, {ID: db}}, {{ID: db}}, {}} {
			if _, err := c.AgentPools.UpdateAllowedWorkspaces(ctx, pool.ID, tfe.AgentPoolAllowedWorkspacesUpdateOptions{AllowedWorkspaces: ids}); err != nil {
				t.Fatal(err)
			}
			if got, err := c.AgentPools.Read(ctx, pool.ID); err != nil || len(got.AllowedWorkspaces) != len(ids) || got.OrganizationScoped || got.Organization.Name != "acme" {
				t.Errorf("Read = %+v, %v, want %d workspaces", got, err, len(ids))
			}
		}
	})
}

func TestProviderReadsOutputs(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o := s.Org("acme")
		t, c, ctx := s.T, s.Client(o.Owner.Token), s.T.Context()
		id := s.Workspace(o, s.Project(o, "second"), "net")
		state := []byte(`{"version":4,"terraform_version":"1.12.6","serial":1,"lineage":"l","outputs":{"a":{"value":{"x":[1,"y"]},"type":["object",{"x":["tuple",["number","string"]]}]},"s":{"value":"hush","type":"string","sensitive":true}},"resources":[]}`)
		sum := md5.Sum(state)
		if _, err := c.Workspaces.Lock(ctx, id, tfe.WorkspaceLockOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.StateVersions.Create(ctx, id, tfe.StateVersionCreateOptions{Serial: new(int64(1)), MD5: new(hex.EncodeToString(sum[:])), State: new(base64.StdEncoding.EncodeToString(state))}); err != nil {
			t.Fatal(err)
		}
		list, err := c.StateVersionOutputs.ReadCurrent(ctx, id)
		if err != nil || len(list.Items) != 2 {
			t.Fatalf("ReadCurrent = %+v, %v, want two outputs", list, err)
		}
		got := map[string]any{}
		for _, out := range list.Items {
			got[out.Name] = out.Value
			if out.Sensitive {
				one, err := c.StateVersionOutputs.Read(ctx, out.ID)
				if err != nil {
					t.Fatal(err)
				}
				got[out.Name] = one.Value
			}
		}
		if diff := cmp.Diff(map[string]any{"a": map[string]any{"x": []any{1.0, "y"}}, "s": "hush"}, got); diff != "" {
			t.Errorf("outputs (-want +got):\n%s", diff)
		}
	})
}

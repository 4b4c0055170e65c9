package authz_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"plumbline.dev/plumbline/internal/kernel/authz"
)

// row is a line of the matrix of workspace access as people read it (HCP Terraform,
// "Workspace permissions").
type row struct {
	Runs, Variables, States, Mocks               string
	Locking, RunTasks, PolicyOverrides, Settings bool
	Create, Move, Delete                         bool
}

// projectRow is what access to a project permits in the project itself.
type projectRow struct{ Settings, Teams, VariableSets string }

// highest returns the name of the last step that the set has, or "none".
func highest(s authz.Set, steps ...any) string {
	name := "none"
	for i := 0; i < len(steps); i += 2 {
		if s.Has(steps[i+1].(authz.Permission)) {
			name = steps[i].(string)
		}
	}
	return name
}

func workspaceRow(s authz.Set) row {
	return row{
		Runs:            highest(s, "read", authz.ReadRuns, "plan", authz.PlanRuns, "apply", authz.ApplyRuns),
		Variables:       highest(s, "read", authz.ReadVariables, "write", authz.WriteVariables),
		States:          highest(s, "read-outputs", authz.ReadOutputs, "read", authz.ReadState, "write", authz.WriteState),
		Mocks:           highest(s, "read", authz.ReadMocks),
		Locking:         s.Has(authz.LockWorkspace),
		RunTasks:        s.Has(authz.RunTasks),
		PolicyOverrides: s.Has(authz.OverridePolicies),
		Settings:        s.Has(authz.UpdateWorkspace) && s.Has(authz.ManageWorkspaceTeams),
		Create:          s.Has(authz.CreateWorkspace), Move: s.Has(authz.MoveWorkspace), Delete: s.Has(authz.DeleteWorkspace),
	}
}

func ofProject(s authz.Set) projectRow {
	return projectRow{
		Settings:     highest(s, "read", authz.ReadProject, "update", authz.UpdateProject, "delete", authz.DeleteProject),
		Teams:        highest(s, "read", authz.ReadProjectTeams, "manage", authz.ManageProjectTeams),
		VariableSets: highest(s, "read", authz.ReadProjectVarsets, "write", authz.ManageProjectVarsets),
	}
}

var (
	readRow  = row{Runs: "read", Variables: "read", States: "read", Mocks: "none"}
	planRow  = row{Runs: "plan", Variables: "read", States: "read", Mocks: "none"}
	writeRow = row{Runs: "apply", Variables: "write", States: "write", Mocks: "read", Locking: true}
	adminRow = row{Runs: "apply", Variables: "write", States: "write", Mocks: "read", Locking: true, RunTasks: true, Settings: true, Delete: true}
)

func TestWorkspaceLevelsAreThoseOfTheMatrix(t *testing.T) {
	want := map[string]row{"read": readRow, "plan": planRow, "write": writeRow, "admin": adminRow}
	got := map[string]row{}
	for level, s := range authz.WorkspaceLevels {
		got[level] = workspaceRow(s)
		if !s.Has(authz.ReadWorkspace) {
			t.Errorf("level %s does not see the workspace", level)
		}
		if diff := cmp.Diff(projectRow{"none", "none", "none"}, ofProject(s)); diff != "" {
			t.Errorf("level %s of a workspace gives rights in the project:\n%s", level, diff)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestProjectLevelsAreThoseOfTheMatrix(t *testing.T) {
	everything := adminRow
	everything.Create, everything.Move = true, true
	type both struct {
		Project   projectRow
		Workspace row
	}
	want := map[string]both{
		"read":     {projectRow{"read", "none", "read"}, readRow},
		"write":    {projectRow{"read", "none", "read"}, writeRow},
		"maintain": {projectRow{"read", "none", "write"}, everything},
		"admin":    {projectRow{"delete", "manage", "write"}, everything},
	}
	got := map[string]both{}
	for level, s := range authz.ProjectLevels {
		got[level] = both{ofProject(s), workspaceRow(s)}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCustomAccessPermitsWhatItSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one := func(label string, of ...string) string { return rapid.SampledFrom(of).Draw(t, label) }
		flag := func(label string) bool { return rapid.Bool().Draw(t, label) }
		want := row{
			Runs: one("runs", "read", "plan", "apply"), Variables: one("variables", "none", "read", "write"),
			States: one("states", "none", "read-outputs", "read", "write"), Mocks: one("mocks", "none", "read"),
			Locking: flag("locking"), RunTasks: flag("tasks"), PolicyOverrides: flag("overrides"), Create: flag("create"), Move: flag("move"), Delete: flag("delete"),
		}
		s := authz.CustomWorkspace(authz.WorkspacePermissions{Runs: want.Runs, Variables: want.Variables, StateVersions: want.States, SentinelMocks: want.Mocks,
			WorkspaceLocking: want.Locking, RunTasks: want.RunTasks, PolicyOverrides: want.PolicyOverrides, Create: want.Create, Move: want.Move, Delete: want.Delete})
		if diff := cmp.Diff(want, workspaceRow(s)); diff != "" {
			t.Fatal(diff)
		}
		project := projectRow{one("settings", "read", "update", "delete"), one("teams", "none", "read", "manage"), one("varsets", "none", "read", "write")}
		p := authz.CustomProject(authz.ProjectPermissions{Settings: project.Settings, Teams: project.Teams, VariableSets: project.VariableSets})
		if diff := cmp.Diff(project, ofProject(p)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestFlagsGiveWhatTheirNamesSay lists for each flag every permission that is not one
// of a level of the matrix.
func TestFlagsGiveWhatTheirNamesSay(t *testing.T) {
	type meaning struct {
		Level string // of every workspace and project in the organization
		More  string
	}
	want := map[string]meaning{
		"manage-policies":            {"", "manage-policies"},
		"manage-policy-overrides":    {"", "manage-policy-overrides override-policies"},
		"delegate-policy-overrides":  {"", "delegate-policy-overrides"},
		"manage-workspaces":          {"workspace admin", "read-agent-pools read-variable-sets manage-variable-sets manage-tags read-ssh-keys read-drift operate-drift manage-drift read-project create-workspace move-workspace"},
		"read-workspaces":            {"workspace read", "read-variable-sets read-drift"},
		"manage-projects":            {"project admin", "read-agent-pools read-variable-sets manage-variable-sets manage-tags create-project read-ssh-keys"},
		"read-projects":              {"project read", "read-variable-sets"},
		"manage-vcs-settings":        {"", "manage-vcs-settings read-ssh-keys manage-ssh-keys"},
		"manage-providers":           {"", "manage-providers"},
		"manage-modules":             {"", "manage-modules"},
		"manage-registry-components": {"", "manage-registry-components"},
		"manage-run-tasks":           {"", "manage-run-tasks"},
		"manage-membership":          {"", "manage-membership"},
		"manage-teams":               {"", "manage-membership manage-teams"},
		"manage-organization-access": {"", "manage-organization-access"},
		"access-secret-teams":        {"", "access-secret-teams"},
		"manage-agent-pools":         {"", "read-agent-pools manage-agent-pools"},
	}
	got := map[string]meaning{}
	for flag, s := range authz.OrgFlags {
		m := meaning{Level: want[flag].Level}
		kind, level, _ := strings.Cut(m.Level, " ")
		base := map[string]map[string]authz.Set{"workspace": authz.WorkspaceLevels, "project": authz.ProjectLevels}[kind][level]
		if s&base != base {
			t.Errorf("%s lacks %v of %s", flag, base&^s, m.Level)
		}
		m.More = (s &^ base).String()
		got[flag] = m
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestOwnersMayDoEverythingAndTheirTokenLess(t *testing.T) {
	var missing []string
	for _, p := range authz.Permissions() {
		if !authz.Owner().Has(p) {
			t.Errorf("an owner lacks %v", p)
		}
		if !authz.OrgToken().Has(p) {
			missing = append(missing, p.String())
		}
	}
	want := []string{"read-ssh-keys", "manage-ssh-keys", "plan-runs", "apply-runs", "read-state-outputs", "read-state", "write-state", "read-plan-json"}
	if diff := cmp.Diff(want, missing); diff != "" {
		t.Errorf("what an organization's token lacks:\n%s", diff)
	}
	if got := authz.Set(authz.Member).String(); got != "read-organization read-entitlements read-registry" {
		t.Errorf("a member may %s, want read-organization read-entitlements read-registry", got)
	}
}

func TestPermissionsHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range append(authz.Permissions(), authz.Anyone, authz.SignedIn, authz.AsUser, authz.SiteAdmin) {
		if name := p.String(); seen[name] || name == "unknown" {
			t.Errorf("permission %d is called %q", p, name)
		} else {
			seen[name] = true
		}
	}
	for gap := range authz.Permission(64) {
		if s := authz.Set(1) << gap; strings.Contains(s.String(), "unknown") && authz.Owner()&s != 0 {
			t.Errorf("an owner has permission %d, which has no name", gap)
		}
	}
}

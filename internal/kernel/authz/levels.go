package authz

// Workspace and project access levels as teams are given them, and organization
// flags of teams, each with the permissions that it means. This is the whole
// matrix: effective rights are the union over a subject's teams and over the three
// places (organization, project, workspace).
//
// Source: the API schema of team-access, team-projects and teams
// (organization-access), and HCP Terraform's pages on permissions.

// allWorkspace is everything that can be done in a workspace.
const (
	readWorkspace  Set = 1<<ReadWorkspace | 1<<ReadRuns | 1<<ReadVariables | 1<<ReadOutputs | 1<<ReadState
	planWorkspace      = readWorkspace | 1<<PlanRuns
	writeWorkspace     = planWorkspace | 1<<ApplyRuns | 1<<WriteVariables | 1<<WriteState | 1<<ReadMocks | 1<<LockWorkspace
	adminWorkspace     = writeWorkspace | 1<<RunTasks | 1<<UpdateWorkspace | 1<<ManageWorkspaceTeams | 1<<DeleteWorkspace | 1<<ReadPlanJSON

	readProject     Set = 1<<ReadProject | 1<<ReadProjectVarsets | readWorkspace
	writeProject        = 1<<ReadProject | 1<<ReadProjectVarsets | writeWorkspace
	maintainProject     = 1<<ReadProject | 1<<ReadProjectVarsets | 1<<ManageProjectVarsets | 1<<CreateWorkspace | 1<<MoveWorkspace | adminWorkspace
	adminProject        = maintainProject | 1<<UpdateProject | 1<<DeleteProject | 1<<ReadProjectTeams | 1<<ManageProjectTeams
)

// WorkspaceLevels are the access levels of a team in a workspace; "custom" is
// CustomWorkspace.
var WorkspaceLevels = map[string]Set{"read": readWorkspace, "plan": planWorkspace, "write": writeWorkspace, "admin": adminWorkspace}

// ProjectLevels are the access levels of a team in a project, which hold for every
// workspace in it; "custom" is CustomProject with CustomWorkspace.
var ProjectLevels = map[string]Set{"read": readProject, "write": writeProject, "maintain": maintainProject, "admin": adminProject}

// WorkspacePermissions are the parts of custom access to a workspace, as in
// team-access attributes.
type WorkspacePermissions struct {
	Runs             string // read, plan, apply
	Variables        string // none, read, write
	StateVersions    string // none, read-outputs, read, write
	SentinelMocks    string // none, read
	WorkspaceLocking bool
	RunTasks         bool
	PolicyOverrides  bool
	Create           bool // custom project access only
	Move             bool // custom project access only
	Delete           bool // custom project access only
}

// CustomWorkspace returns what custom workspace access permits.
func CustomWorkspace(p WorkspacePermissions) Set {
	s := Of(ReadWorkspace, ReadRuns)
	s |= map[string]Set{"plan": 1 << PlanRuns, "apply": 1<<PlanRuns | 1<<ApplyRuns}[p.Runs]
	s |= map[string]Set{"read": 1 << ReadVariables, "write": 1<<ReadVariables | 1<<WriteVariables}[p.Variables]
	s |= map[string]Set{"read-outputs": 1 << ReadOutputs, "read": 1<<ReadOutputs | 1<<ReadState,
		"write": 1<<ReadOutputs | 1<<ReadState | 1<<WriteState}[p.StateVersions]
	s |= map[string]Set{"read": 1 << ReadMocks}[p.SentinelMocks]
	for flag, on := range map[Permission]bool{LockWorkspace: p.WorkspaceLocking, RunTasks: p.RunTasks, OverridePolicies: p.PolicyOverrides,
		CreateWorkspace: p.Create, MoveWorkspace: p.Move, DeleteWorkspace: p.Delete} {
		if on {
			s |= Of(flag)
		}
	}
	return s
}

// ProjectPermissions are the parts of custom access to a project itself.
type ProjectPermissions struct {
	Settings     string // read, update, delete
	Teams        string // none, read, manage
	VariableSets string // none, read, write
}

// CustomProject returns what custom project access permits in the project itself.
func CustomProject(p ProjectPermissions) Set {
	s := Of(ReadProject)
	s |= map[string]Set{"update": 1 << UpdateProject, "delete": 1<<UpdateProject | 1<<DeleteProject}[p.Settings]
	s |= map[string]Set{"read": 1 << ReadProjectTeams, "manage": 1<<ReadProjectTeams | 1<<ManageProjectTeams}[p.Teams]
	s |= map[string]Set{"read": 1 << ReadProjectVarsets, "write": 1<<ReadProjectVarsets | 1<<ManageProjectVarsets}[p.VariableSets]
	return s
}

// Member is what every member of an organization has.
const Member = Set(1<<ReadOrg | 1<<ReadEntitlements | 1<<ReadRegistry)

// manageDrift is everything in drift detection of git repositories. Who may change every
// workspace may have everything scanned; who may read every workspace sees the outcome.
const manageDrift Set = 1<<ReadDrift | 1<<OperateDrift | 1<<ManageDrift

// OrgFlags are the organization-access flags of teams, by attribute name.
var OrgFlags = map[string]Set{
	"manage-policies":            1 << ManagePolicies,
	"manage-policy-overrides":    1<<ManagePolicyOverrides | 1<<OverridePolicies,
	"delegate-policy-overrides":  1 << DelegatePolicyOverrides,
	"manage-workspaces":          adminWorkspace | 1<<CreateWorkspace | 1<<MoveWorkspace | 1<<ReadProject | 1<<ManageTags | 1<<ReadVarsets | 1<<ManageVarsets | 1<<ReadSSHKeys | 1<<ReadAgentPools | manageDrift,
	"read-workspaces":            readWorkspace | 1<<ReadVarsets | 1<<ReadDrift,
	"manage-projects":            adminProject | 1<<CreateProject | 1<<ManageTags | 1<<ReadVarsets | 1<<ManageVarsets | 1<<ReadSSHKeys | 1<<ReadAgentPools,
	"read-projects":              readProject | 1<<ReadVarsets,
	"manage-vcs-settings":        1<<ManageVCS | 1<<ReadSSHKeys | 1<<ManageSSHKeys,
	"manage-providers":           1 << ManageProviders,
	"manage-modules":             1 << ManageModules,
	"manage-registry-components": 1 << ManageComponents,
	"manage-run-tasks":           1 << ManageRunTasks,
	"manage-membership":          1 << ManageMembership,
	"manage-teams":               1<<ManageMembership | 1<<ManageTeams,
	"manage-organization-access": 1 << ManageOrgAccess,
	"access-secret-teams":        1 << AccessSecretTeams,
	"manage-agent-pools":         1<<ReadAgentPools | 1<<ManageAgentPools,
}

// Owner is everything in an organization.
func Owner() Set { return Of(Permissions()...) }

// OrgToken is what an organization's token may do: manage, but neither start runs
// nor touch states (HCP: "API tokens", organization API tokens) nor SSH keys
// (ssh-keys.md).
func OrgToken() Set {
	return Owner() &^ Of(PlanRuns, ApplyRuns, ReadPlanJSON, ReadState, WriteState, ReadOutputs, ReadSSHKeys, ManageSSHKeys)
}

// Elsewhere is what permissions in a single project or workspace give in the whole
// organization: who administers a workspace chooses its SSH key and its agent pool,
// and so may see which there are (ssh-keys.md).
func Elsewhere(s Set) Set {
	var out Set
	if s.Has(UpdateWorkspace) {
		out |= 1<<ReadSSHKeys | 1<<ReadAgentPools
	}
	if s.Has(UpdateProject) {
		out |= 1 << ReadAgentPools
	}
	return out
}

// RunInOrg is what the token of a run may do in its organization as a whole.
const RunInOrg = Set(1<<ReadEntitlements | 1<<ReadRegistry)

// RunToken is what the token of a run may do in its own workspace; other workspaces
// only share their state with it.
const RunToken = Set(1<<ReadWorkspace | 1<<ReadRuns | 1<<ReadOutputs | 1<<ReadState | 1<<WriteState)

// ScanToken is what the token of a scan for drift may do in its own workspace: it changes
// nothing.
const ScanToken = RunToken &^ (1 << WriteState)

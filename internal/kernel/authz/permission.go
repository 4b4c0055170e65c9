package authz

import (
	"math/bits"
	"strings"
)

// Permission is one thing that a subject may be allowed to do. Which permissions
// an access level or a team's flag gives is written in levels.go.
type Permission uint8

// What is decided without a place.
const (
	// Anyone needs no token at all.
	Anyone Permission = iota
	// SignedIn needs a token of any kind.
	SignedIn
	// AsUser needs a token that stands for a person.
	AsUser
	// SiteAdmin needs a user who administers the installation.
	SiteAdmin
)

// What is decided for an organization.
const (
	// ReadOrg is what every member has: the organization itself, its teams, projects by name.
	ReadOrg Permission = iota + 4
	// OwnOrg changes and deletes the organization and what has no permission of its own.
	OwnOrg
	// ManageMembership invites and removes members.
	ManageMembership
	// ManageTeams creates, changes and deletes teams and their members.
	ManageTeams
	// ManageOrgAccess sets the organization access of teams.
	ManageOrgAccess
	// AccessSecretTeams sees secret teams without being in them.
	AccessSecretTeams
	// ManageOrgToken creates and deletes the organization's token.
	ManageOrgToken
	// ManagePolicies writes policies and policy sets.
	ManagePolicies
	// ManagePolicyOverrides overrides soft-mandatory policies in any workspace.
	ManagePolicyOverrides
	// DelegatePolicyOverrides lets workspaces and projects give that right.
	DelegatePolicyOverrides
	// ManageVCS manages VCS connections.
	ManageVCS
	// ManageProviders publishes private providers.
	ManageProviders
	// ManageModules publishes private modules.
	ManageModules
	// ManageRunTasks manages the organization's run tasks.
	ManageRunTasks
	// ReadAgentPools sees agent pools, to choose one for a workspace or project.
	ReadAgentPools
	// ManageAgentPools manages agent pools, their agents and their tokens.
	ManageAgentPools
	// ReadVarsets sees the organization's variable sets.
	ReadVarsets
	// ManageVarsets writes variable sets that belong to the organization.
	ManageVarsets
	// ManageTags changes organization tags and reserved tag keys.
	ManageTags
	// ReadAudit reads the audit trail.
	ReadAudit
	// CreateProject adds a project.
	CreateProject
	// ReadEntitlements sees what the organization's plan has, which every command line
	// asks first, also inside a run.
	ReadEntitlements
	// ReadSSHKeys sees the names of SSH keys, to choose one for a workspace.
	ReadSSHKeys
	// ManageSSHKeys writes SSH keys.
	ManageSSHKeys
	// ReadRegistry sees and installs what is in the private registry; every member has it,
	// and every run, which installs from there.
	ReadRegistry
	// ManageComponents publishes Stack component configurations.
	ManageComponents
	// ReadDrift sees what drift detection scans for the organization, and what it found.
	ReadDrift
	// OperateDrift starts scans, tests connections, activates schedules and handles findings.
	OperateDrift
	// ManageDrift writes repositories, connections, alerts and schedules of drift detection.
	ManageDrift
)

// What is decided for a project.
const (
	// ReadProject sees a project.
	ReadProject Permission = iota + 35
	// UpdateProject changes a project's settings.
	UpdateProject
	// DeleteProject deletes a project.
	DeleteProject
	// ReadProjectTeams sees who has access to a project.
	ReadProjectTeams
	// ManageProjectTeams gives teams access to a project.
	ManageProjectTeams
	// ReadProjectVarsets sees the variable sets that a project owns.
	ReadProjectVarsets
	// ManageProjectVarsets writes the variable sets that a project owns.
	ManageProjectVarsets
	// CreateWorkspace adds a workspace to a project.
	CreateWorkspace
	// MoveWorkspace takes a workspace out of a project or into it.
	MoveWorkspace
)

// What is decided for a workspace.
const (
	// ReadWorkspace sees a workspace and its settings.
	ReadWorkspace Permission = iota + 44
	// ReadRuns sees runs.
	ReadRuns
	// PlanRuns starts runs that cannot apply.
	PlanRuns
	// ApplyRuns starts, confirms, discards and cancels runs.
	ApplyRuns
	// ReadVariables sees variables, sensitive values excepted.
	ReadVariables
	// WriteVariables changes variables.
	WriteVariables
	// ReadOutputs sees the outputs of the current state.
	ReadOutputs
	// ReadState downloads states.
	ReadState
	// WriteState uploads states and rolls back.
	WriteState
	// ReadMocks downloads Sentinel mocks.
	ReadMocks
	// LockWorkspace locks and unlocks.
	LockWorkspace
	// RunTasks attaches run tasks.
	RunTasks
	// OverridePolicies overrides soft-mandatory policies.
	OverridePolicies
	// UpdateWorkspace changes settings, notifications, SSH key, consumers, force-unlocks.
	UpdateWorkspace
	// ManageWorkspaceTeams gives teams access to a workspace.
	ManageWorkspaceTeams
	// DeleteWorkspace deletes a workspace, its states included.
	DeleteWorkspace
	// ReadPlanJSON reads plans as the engine gives them, sensitive values included.
	ReadPlanJSON
)

var names = map[Permission]string{
	Anyone: "anyone", SignedIn: "signed-in", AsUser: "as-user", SiteAdmin: "site-admin",
	ReadOrg: "read-organization", OwnOrg: "own-organization", ManageMembership: "manage-membership", ManageTeams: "manage-teams",
	ManageOrgAccess: "manage-organization-access", AccessSecretTeams: "access-secret-teams", ManageOrgToken: "manage-organization-token",
	ManagePolicies: "manage-policies", ManagePolicyOverrides: "manage-policy-overrides", DelegatePolicyOverrides: "delegate-policy-overrides",
	ManageVCS: "manage-vcs-settings", ManageProviders: "manage-providers", ManageModules: "manage-modules", ManageRunTasks: "manage-run-tasks",
	ReadAgentPools: "read-agent-pools", ManageAgentPools: "manage-agent-pools", ReadVarsets: "read-variable-sets", ManageVarsets: "manage-variable-sets", ManageTags: "manage-tags",
	ReadAudit: "read-audit", CreateProject: "create-project", ReadEntitlements: "read-entitlements", ReadSSHKeys: "read-ssh-keys", ManageSSHKeys: "manage-ssh-keys",
	ReadRegistry: "read-registry", ManageComponents: "manage-registry-components", ReadDrift: "read-drift", OperateDrift: "operate-drift", ManageDrift: "manage-drift",
	ReadProject: "read-project", UpdateProject: "update-project", DeleteProject: "delete-project", ReadProjectTeams: "read-project-teams",
	ManageProjectTeams: "manage-project-teams", ReadProjectVarsets: "read-project-variable-sets", ManageProjectVarsets: "manage-project-variable-sets",
	CreateWorkspace: "create-workspace", MoveWorkspace: "move-workspace",
	ReadWorkspace: "read-workspace", ReadRuns: "read-runs", PlanRuns: "plan-runs", ApplyRuns: "apply-runs", ReadVariables: "read-variables",
	WriteVariables: "write-variables", ReadOutputs: "read-state-outputs", ReadState: "read-state", WriteState: "write-state", ReadMocks: "read-sentinel-mocks",
	LockWorkspace: "lock-workspace", RunTasks: "manage-workspace-run-tasks", OverridePolicies: "override-policies", UpdateWorkspace: "update-workspace",
	ManageWorkspaceTeams: "manage-workspace-teams", DeleteWorkspace: "delete-workspace", ReadPlanJSON: "read-plan-json",
}

// String is the permission's name in documents and in the audit trail.
func (p Permission) String() string {
	if n, ok := names[p]; ok {
		return n
	}
	return "unknown"
}

// Permissions returns all permissions that are decided for a place, in order.
func Permissions() []Permission {
	var out []Permission
	for p := ReadOrg; p <= ReadPlanJSON; p++ {
		if _, ok := names[p]; ok {
			out = append(out, p)
		}
	}
	return out
}

// Set is a set of permissions that are decided for a place.
type Set uint64

// Of returns the set of the given permissions.
func Of(ps ...Permission) Set {
	var s Set
	for _, p := range ps {
		s |= 1 << p
	}
	return s
}

// Has reports whether p is in the set.
func (s Set) Has(p Permission) bool { return s&(1<<p) != 0 }

// String lists the names in order.
func (s Set) String() string {
	var out []string
	for rest := uint64(s); rest != 0; rest &= rest - 1 {
		out = append(out, Permission(bits.TrailingZeros64(rest)).String())
	}
	return strings.Join(out, " ")
}

package orgs

import (
	"context"
	"net/url"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// attributes are those of a response.
type attributes struct {
	ExternalID                 string      `json:"external-id"`
	CreatedAt                  db.Time     `json:"created-at"`
	Name                       string      `json:"name"`
	Email                      string      `json:"email"`
	SessionTimeout             *int        `json:"session-timeout"`
	SessionRemember            *int        `json:"session-remember"`
	CollaboratorAuthPolicy     string      `json:"collaborator-auth-policy"`
	OwnersTeamSAMLRoleID       *string     `json:"owners-team-saml-role-id"`
	SAMLEnabled                bool        `json:"saml-enabled"`
	PlanExpired                bool        `json:"plan-expired"`
	PlanExpiresAt              *db.Time    `json:"plan-expires-at"`
	PlanIsTrial                bool        `json:"plan-is-trial"`
	PlanIsEnterprise           bool        `json:"plan-is-enterprise"`
	PlanIdentifier             string      `json:"plan-identifier"`
	CostEstimationEnabled      bool        `json:"cost-estimation-enabled"`
	SendPassingStatuses        bool        `json:"send-passing-statuses-for-untriggered-speculative-plans"`
	AggregatedCommitStatus     bool        `json:"aggregated-commit-status-enabled"`
	SpeculativePlanManagement  bool        `json:"speculative-plan-management-enabled"`
	AllowForceDeleteWorkspaces bool        `json:"allow-force-delete-workspaces"`
	FairRunQueuingEnabled      bool        `json:"fair-run-queuing-enabled"`
	AssessmentsEnforced        bool        `json:"assessments-enforced"`
	DefaultExecutionMode       string      `json:"default-execution-mode"`
	EnforceHYOK                bool        `json:"enforce-hyok"`
	UserTokensEnabled          bool        `json:"user-tokens-enabled"`
	MaxTTLEnabled              bool        `json:"max-ttl-enabled"`
	StacksEnabled              bool        `json:"stacks-enabled"`
	RegistryMonorepoSupport    bool        `json:"registry-monorepo-support-enabled"`
	IsUnified                  bool        `json:"is-unified"`
	GlobalModuleSharing        bool        `json:"global-module-sharing"`
	RemainingTestableCount     int         `json:"remaining-testable-count"`
	Permissions                permissions `json:"permissions"`
}

// testableModules is what remains of modules whose tests may run: there is no limit,
// and clients want a number.
const testableModules = 1_000_000

// view is an organization as clients see it.
func (f *Feature) view(ctx context.Context, o Org) jsonapi.Resource {
	self := "/api/v2/organizations/" + url.PathEscape(o.Name)
	return jsonapi.Resource{
		Type: "organizations", ID: o.Name, Attributes: o.attributes(ctx),
		Relationships: jsonapi.Relationships{
			"default-agent-pool":                jsonapi.ToOne("agent-pools", db.Text(o.DefaultAgentPoolID)),
			"default-project":                   jsonapi.ToOne("projects", db.Text(o.DefaultProjectID)),
			"data-retention-policy":             o.DataRetention.V.Relationship(self + "/relationships/data-retention-policy"),
			"oauth-tokens":                      jsonapi.Related(self + "/oauth-tokens"),
			"authentication-token":              jsonapi.Related(self + "/authentication-token"),
			"audit-trails-authentication-token": jsonapi.Related(self + "/authentication-token?token=audit-trails"),
			"module-producers":                  jsonapi.Related(self + "/relationships/module-producers"),
			"entitlement-set":                   jsonapi.ToOneAt("entitlement-sets", o.ID, self+"/entitlement-set"),
			"subscription":                      jsonapi.ToOneAt("subscriptions", subscriptionID(o), self+"/subscription"),
		},
		Links: jsonapi.Self(self),
	}
}

func (o Org) attributes(ctx context.Context) attributes {
	plan := featureSets[o.FeatureSet]
	return attributes{
		ExternalID: o.ID, CreatedAt: o.CreatedAt, Name: o.Name, Email: o.Email,
		SessionTimeout: o.SessionTimeout, SessionRemember: o.SessionRemember, CollaboratorAuthPolicy: o.CollaboratorAuthPolicy,
		OwnersTeamSAMLRoleID: o.OwnersTeamSAMLRoleID,
		PlanExpired:          o.Subscription.V.expired(), PlanExpiresAt: o.Subscription.V.EndAt, PlanIdentifier: plan.Identifier,
		PlanIsEnterprise:      plan.IsEnterprise,
		CostEstimationEnabled: o.CostEstimationEnabled, SendPassingStatuses: o.SendPassingStatuses,
		AggregatedCommitStatus: o.AggregatedCommitStatus, SpeculativePlanManagement: o.SpeculativePlanManagement,
		AllowForceDeleteWorkspaces: o.AllowForceDeleteWorkspaces, FairRunQueuingEnabled: true, AssessmentsEnforced: o.AssessmentsEnforced,
		DefaultExecutionMode: o.DefaultExecutionMode, UserTokensEnabled: o.UserTokensEnabled, MaxTTLEnabled: o.MaxTTLEnabled,
		StacksEnabled: o.StacksEnabled, RegistryMonorepoSupport: o.RegistryMonorepoSupport, GlobalModuleSharing: o.Site.V.GlobalModuleSharing,
		RemainingTestableCount: testableModules, Permissions: permissionsOf(ctx, o),
	}
}

// permissions tell what the caller may do. Names are those of HCP Terraform.
type permissions struct {
	CanUpdate                   bool `json:"can-update"`
	CanUpdateAuthToken          bool `json:"can-update-authentication-token"`
	CanDestroy                  bool `json:"can-destroy"`
	CanAccessViaTeams           bool `json:"can-access-via-teams"`
	CanCreateModule             bool `json:"can-create-module"`
	CanCreateTeam               bool `json:"can-create-team"`
	CanCreateWorkspace          bool `json:"can-create-workspace"`
	CanCreateWorkspaceMigration bool `json:"can-create-workspace-migration"`
	CanManageUsers              bool `json:"can-manage-users"`
	CanViewUsers                bool `json:"can-view-users"`
	CanManageSubscription       bool `json:"can-manage-subscription"`
	CanManageSSO                bool `json:"can-manage-sso"`
	CanUpdateOAuth              bool `json:"can-update-oauth"`
	CanUpdateSentinel           bool `json:"can-update-sentinel"`
	CanReadPolicies             bool `json:"can-read-policies"`
	CanUpdateSSHKeys            bool `json:"can-update-ssh-keys"`
	CanUpdateAPIToken           bool `json:"can-update-api-token"`
	CanTraverse                 bool `json:"can-traverse"`
	CanStartTrial               bool `json:"can-start-trial"`
	CanUpdateAgentPools         bool `json:"can-update-agent-pools"`
	CanManageTags               bool `json:"can-manage-tags"`
	CanManageVarsets            bool `json:"can-manage-varsets"`
	CanReadVarsets              bool `json:"can-read-varsets"`
	CanManagePublicProviders    bool `json:"can-manage-public-providers"`
	CanCreateProvider           bool `json:"can-create-provider"`
	CanManagePublicModules      bool `json:"can-manage-public-modules"`
	CanManageCustomProviders    bool `json:"can-manage-custom-providers"`
	CanManageRunTasks           bool `json:"can-manage-run-tasks"`
	CanReadRunTasks             bool `json:"can-read-run-tasks"`
	CanCreateProject            bool `json:"can-create-project"`
	CanManageAuditing           bool `json:"can-manage-auditing"`
	CanReadAuditTrail           bool `json:"can-read-audit-trail"`
	CanManageOrganizationAccess bool `json:"can-manage-organization-access"`
	CanManageTeams              bool `json:"can-manage-teams"`
	CanDeployNoCodeModules      bool `json:"can-deploy-no-code-modules"`
	CanManageNoCodeModules      bool `json:"can-manage-no-code-modules"`
	CanEnableStacks             bool `json:"can-enable-stacks"`
	CanManageAssessments        bool `json:"can-manage-assessments"`
	CanReadAssessments          bool `json:"can-read-assessments"`
	CanReadDrift                bool `json:"can-read-drift"`    // of git repositories; that of a workspace is for who reads its runs
	CanOperateDrift             bool `json:"can-operate-drift"` // scan, test, acknowledge, ignore, snooze
	CanManageDrift              bool `json:"can-manage-drift"`
	CanUpdateHYOK               bool `json:"can-update-hyok-configuration"`
	CanViewHYOK                 bool `json:"can-view-hyok-feature-info"`
}

func permissionsOf(ctx context.Context, o Org) permissions {
	can := func(p authz.Permission) bool {
		return authz.Can(ctx, p, o.Scope()) || o.founded && authz.Owner().Has(p)
	}
	own := can(authz.OwnOrg)
	return permissions{
		CanUpdate: own, CanUpdateAuthToken: can(authz.ManageOrgToken), CanDestroy: own, CanAccessViaTeams: can(authz.ReadOrg),
		CanCreateModule: can(authz.ManageModules), CanCreateTeam: can(authz.ManageTeams), CanCreateWorkspace: can(authz.CreateWorkspace),
		CanCreateWorkspaceMigration: can(authz.CreateWorkspace), CanManageUsers: can(authz.ManageMembership), CanViewUsers: can(authz.ReadOrg),
		CanManageSubscription: can(authz.SiteAdmin), CanManageSSO: false, CanUpdateOAuth: can(authz.ManageVCS), CanUpdateSentinel: can(authz.ManagePolicies),
		CanReadPolicies: can(authz.ManagePolicies), CanUpdateSSHKeys: can(authz.ManageVCS), CanUpdateAPIToken: can(authz.ManageOrgToken),
		CanTraverse: can(authz.ReadOrg), CanUpdateAgentPools: can(authz.ManageAgentPools), CanManageTags: can(authz.ManageTags),
		CanManageVarsets: can(authz.ManageVarsets), CanReadVarsets: can(authz.ReadVarsets), CanManagePublicProviders: can(authz.ManageProviders),
		CanCreateProvider: can(authz.ManageProviders), CanManagePublicModules: can(authz.ManageModules), CanManageCustomProviders: can(authz.ManageProviders),
		CanManageRunTasks: can(authz.ManageRunTasks), CanReadRunTasks: can(authz.ReadOrg), CanCreateProject: can(authz.CreateProject),
		CanReadAuditTrail: can(authz.ReadAudit), CanManageOrganizationAccess: can(authz.ManageOrgAccess), CanManageTeams: can(authz.ManageTeams),
		CanManageAuditing: own, CanDeployNoCodeModules: can(authz.CreateWorkspace), CanManageNoCodeModules: can(authz.ManageModules),
		CanEnableStacks: own, CanManageAssessments: own, CanReadAssessments: can(authz.ReadOrg),
		CanReadDrift: can(authz.ReadDrift), CanOperateDrift: can(authz.OperateDrift), CanManageDrift: can(authz.ManageDrift),
	}
}

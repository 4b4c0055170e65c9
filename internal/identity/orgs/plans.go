package orgs

import (
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// FeatureSet is a plan: what an organization is entitled to. A new organization has
// everything; the others exist so that an operator can try what a client does on a
// smaller plan of HCP Terraform.
type FeatureSet struct {
	ID, Name, Identifier string
	Description          string
	IsEnterprise         bool
	IsFreeTier           bool
	Entitlements         Entitlements
}

// Scope implements authz.Scoped: plans belong to the site.
func (FeatureSet) Scope() authz.Scope { return authz.Scope{} }

// Entitlements are what a plan permits. Limits are nil if there is none.
type Entitlements struct {
	Agents                           bool `json:"agents"`
	AuditLogging                     bool `json:"audit-logging"`
	ConfigurationDesigner            bool `json:"configuration-designer"`
	CostEstimation                   bool `json:"cost-estimation"`
	GlobalRunTasks                   bool `json:"global-run-tasks"`
	ModuleTestsGeneration            bool `json:"module-tests-generation"`
	Operations                       bool `json:"operations"`
	PolicyEnforcement                bool `json:"policy-enforcement"`
	PolicyLimit                      *int `json:"policy-limit"`
	PolicyMandatoryEnforcementLimit  *int `json:"policy-mandatory-enforcement-limit"`
	PolicySetLimit                   *int `json:"policy-set-limit"`
	PrivateModuleRegistry            bool `json:"private-module-registry"`
	PrivatePolicyAgents              bool `json:"private-policy-agents"`
	PrivateRunTasks                  bool `json:"private-run-tasks"`
	PrivateVCS                       bool `json:"private-vcs"`
	RunTaskLimit                     *int `json:"run-task-limit"`
	RunTaskMandatoryEnforcementLimit *int `json:"run-task-mandatory-enforcement-limit"`
	RunTaskWorkspaceLimit            *int `json:"run-task-workspace-limit"`
	RunTasks                         bool `json:"run-tasks"`
	SelfServeBilling                 bool `json:"self-serve-billing"`
	Sentinel                         bool `json:"sentinel"`
	SSO                              bool `json:"sso"`
	StateStorage                     bool `json:"state-storage"`
	Teams                            bool `json:"teams"`
	UsageReporting                   bool `json:"usage-reporting"`
	UserLimit                        *int `json:"user-limit"`
	VCSIntegrations                  bool `json:"vcs-integrations"`
	VersionedPolicySetLimit          *int `json:"versioned-policy-set-limit"`
	WaypointActions                  bool `json:"waypoint-actions"`
	WaypointTemplatesAndAddons       bool `json:"waypoint-templates-and-addons"`
	Infragraph                       bool `json:"infragraph"`
	InfragraphWithNRTU               bool `json:"infragraph-with-nrtu"`
}

const defaultFeatureSet = "fs-unlimited"

// featureSets are the plans by id. Those of HCP Terraform say what HCP's say (the
// entitlement set that each gives there), Waypoint and Infragraph included.
var featureSets = plans()

func plans() map[string]FeatureSet {
	all := Entitlements{Agents: true, AuditLogging: true, CostEstimation: true, GlobalRunTasks: true, ModuleTestsGeneration: true, Operations: true,
		PolicyEnforcement: true, PrivateModuleRegistry: true, PrivatePolicyAgents: true, PrivateRunTasks: true, PrivateVCS: true, RunTasks: true,
		Sentinel: true, SSO: true, StateStorage: true, Teams: true, UsageReporting: true, VCSIntegrations: true}
	free := all
	free.AuditLogging, free.GlobalRunTasks, free.PrivatePolicyAgents, free.PrivateVCS = false, false, false, false
	standard := all
	standard.WaypointTemplatesAndAddons, standard.Infragraph = true, true
	out := map[string]FeatureSet{}
	for _, s := range []FeatureSet{
		{ID: defaultFeatureSet, Name: "Unlimited", Identifier: "unlimited", Description: "Everything that this server has, without limits", IsEnterprise: true, Entitlements: all},
		{ID: "fs-free", Name: "Free", Identifier: "free", Description: "As HCP Terraform's Free", IsFreeTier: true, Entitlements: free},
		{ID: "fs-standard", Name: "Standard (entitlement)", Identifier: "standard_entitlement", Description: "As HCP Terraform's Standard", Entitlements: standard},
		{ID: "fs-business", Name: "Business", Identifier: "business", Description: "As HCP Terraform's Business", Entitlements: all},
	} {
		out[s.ID] = s
	}
	return out
}

// Entitled returns what the plan of the organization permits.
func (o Org) Entitled() Entitlements { return featureSets[o.FeatureSet].Entitlements }

// Contract are the terms under which an organization has its plan.
type Contract struct {
	StartAt               *db.Time `json:"start-at,omitempty"`
	EndAt                 *db.Time `json:"end-at,omitempty"`
	ContractStartAt       *db.Time `json:"contract-start-at,omitempty"`
	RunsCeiling           *int     `json:"runs-ceiling,omitempty"`
	AgentsCeiling         *int     `json:"agents-ceiling,omitempty"`
	UserLimit             *int     `json:"contract-user-limit,omitempty"`
	ApplyLimit            *int     `json:"contract-apply-limit,omitempty"`
	ManagedResourcesLimit *int     `json:"contract-managed-resources-limit,omitempty"`
}

func (c Contract) expired() bool { return c.EndAt != nil && c.EndAt.Before(time.Now()) }

// subscriptionID is the id of the organization's subscription: "sub-" and the tail
// of its own id, for there is always exactly one.
func subscriptionID(o Org) string {
	return "sub-" + strings.TrimPrefix(o.ID, "org-")
}

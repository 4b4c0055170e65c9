package workspaces

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// view is a workspace as clients see it.
func view(ctx context.Context, w Workspace) jsonapi.Resource {
	base := "/api/v2/workspaces/" + w.ID
	return jsonapi.Resource{
		ID: w.ID, Type: "workspaces", Attributes: attributesOf(ctx, w),
		Links: map[string]any{
			"self":      "/api/v2/organizations/" + w.OrgName + "/workspaces/" + w.Name,
			"self-html": "/app/" + w.OrgName + "/workspaces/" + w.Name,
		},
		Relationships: jsonapi.Relationships{
			"organization":                  jsonapi.ToOne("organizations", w.OrgName),
			"project":                       jsonapi.ToOne("projects", w.ProjectID),
			"agent-pool":                    jsonapi.ToOne("agent-pools", db.Text(w.AgentPoolID())),
			"ssh-key":                       jsonapi.ToOne("ssh-keys", db.Text(w.SSHKeyID)),
			"current-run":                   currentRun(w),
			"latest-run":                    jsonapi.ToOne("runs", db.Text(w.LatestRunID)),
			"current-state-version":         jsonapi.ToOneAt("state-versions", db.Text(w.CurrentStateVersionID), base+"/current-state-version"),
			"current-configuration-version": jsonapi.ToOne("configuration-versions", db.Text(w.CurrentConfigurationVersionID)),
			"current-assessment-result":     jsonapi.ToOne("assessment-results", db.Text(w.AssessmentID)),
			"locked-by":                     lockedBy(w),
			"data-retention-policy":         w.Retention.V.Relationship(base + "/relationships/data-retention-policy"),
			"outputs":                       included(ctx, "outputs", func() jsonapi.Many { return jsonapi.ToMany("workspace-outputs", w.outputs) }, base+"/current-state-version-outputs"),
			"readme":                        jsonapi.ToOne("workspace-readme", db.Text(w.ReadmeID)),
			"remote-state-consumers":        jsonapi.Related(base + "/relationships/remote-state-consumers"),
			"tag-bindings":                  jsonapi.Related(base + "/tag-bindings"),
			"effective-tag-bindings":        included(ctx, "effective-tag-bindings", w.effectiveRefs, base+"/effective-tag-bindings"),
			"vars":                          variablesOf(w, base+"/vars"),
		},
	}
}

// included names the members of a relationship if the request includes them, and
// otherwise says where they are: finding them costs a statement.
func included(ctx context.Context, name string, members func() jsonapi.Many, address string) any {
	if api.QueryOf(ctx).Includes(name) {
		return members()
	}
	return jsonapi.Related(address)
}

// variablesOf names the variables of a workspace that was read alone.
func variablesOf(w Workspace, address string) any {
	if w.variables == nil {
		return jsonapi.Related(address)
	}
	return jsonapi.ToMany("vars", w.variables)
}

func (w Workspace) effectiveRefs() jsonapi.Many {
	ids := make([]string, len(w.effective))
	for i, e := range w.effective {
		ids[i] = e.WireID()
	}
	return jsonapi.ToMany("effective-tag-bindings", ids)
}

// currentRun is that of the lane of the workspace, or was the last there.
func currentRun(w Workspace) jsonapi.One {
	if w.CurrentRunID == nil {
		return jsonapi.ToOne("runs", "")
	}
	return jsonapi.ToOneAt("runs", *w.CurrentRunID, "/api/v2/runs/"+*w.CurrentRunID)
}

// lockedBy points at who holds the lock. An organization's token is no resource.
func lockedBy(w Workspace) jsonapi.One {
	switch authz.Kind(w.LockedByKind) {
	case authz.User:
		return jsonapi.ToOneAt("users", w.LockedByID, "/api/v2/users/"+w.LockedByID)
	case authz.Team:
		return jsonapi.ToOneAt("teams", w.LockedByID, "/api/v2/teams/"+w.LockedByID)
	case authz.Run:
		return jsonapi.ToOneAt("runs", w.LockedByID, "/api/v2/runs/"+w.LockedByID)
	}
	return jsonapi.One{}
}

// attributes are those of the wire.
type attributes struct {
	Name                        string      `json:"name"`
	Description                 *string     `json:"description"`
	Environment                 string      `json:"environment"`
	MigrationEnvironment        string      `json:"migration-environment,omitempty"`
	CreatedAt                   db.Time     `json:"created-at"`
	UpdatedAt                   db.Time     `json:"updated-at"`
	LatestChangeAt              db.Time     `json:"latest-change-at"`
	AllowDestroyPlan            bool        `json:"allow-destroy-plan"`
	AssessmentsEnabled          bool        `json:"assessments-enabled"`
	LastAssessmentResultAt      *db.Time    `json:"last-assessment-result-at"`
	HealthState                 string      `json:"health-state"` // of assessments.Health, or disabled
	HealthReason                *string     `json:"health-reason"`
	AutoApply                   bool        `json:"auto-apply"`
	AutoApplyRunTrigger         bool        `json:"auto-apply-run-trigger"`
	AutoDestroyAt               *db.Time    `json:"auto-destroy-at"`
	AutoDestroyActivityDuration *string     `json:"auto-destroy-activity-duration"`
	AutoDestroyStatus           *string     `json:"auto-destroy-status"`
	InheritsProjectAutoDestroy  bool        `json:"inherits-project-auto-destroy"`
	CanQueueDestroyPlan         bool        `json:"can-queue-destroy-plan"`
	ExecutionMode               string      `json:"execution-mode"`
	Operations                  bool        `json:"operations"`
	SettingOverwrites           overwrites  `json:"setting-overwrites"`
	FileTriggersEnabled         bool        `json:"file-triggers-enabled"`
	GlobalRemoteState           bool        `json:"global-remote-state"`
	ProjectRemoteState          bool        `json:"project-remote-state"`
	Locked                      bool        `json:"locked"`
	LockedReason                *string     `json:"locked-reason"`
	LockedAt                    *db.Time    `json:"locked-at"` // ours
	QueueAllRuns                bool        `json:"queue-all-runs"`
	SpeculativeEnabled          bool        `json:"speculative-enabled"`
	StructuredRunOutputEnabled  bool        `json:"structured-run-output-enabled"`
	Engine                      string      `json:"engine"` // opentofu, terraform; "" is what the server prefers
	TerraformVersion            string      `json:"terraform-version"`
	TriggerPrefixes             []string    `json:"trigger-prefixes"`
	TriggerPatterns             []string    `json:"trigger-patterns"`
	VCSRepo                     *struct{}   `json:"vcs-repo"`
	VCSRepoIdentifier           *string     `json:"vcs-repo-identifier"`
	WorkingDirectory            *string     `json:"working-directory"`
	ResourceCount               int         `json:"resource-count"`
	ApplyDurationAverage        *int        `json:"apply-duration-average"`
	PlanDurationAverage         *int        `json:"plan-duration-average"`
	PolicyCheckFailures         *int        `json:"policy-check-failures"`
	RunFailures                 *int        `json:"run-failures"`
	RunsCount                   *int        `json:"workspace-kpis-runs-count"`
	Source                      string      `json:"source"`
	SourceName                  *string     `json:"source-name"`
	SourceURL                   *string     `json:"source-url"`
	TagNames                    []string    `json:"tag-names"`
	Actions                     actions     `json:"actions"`
	Permissions                 permissions `json:"permissions"`
}

type overwrites struct {
	ExecutionMode bool `json:"execution-mode"`
	AgentPool     bool `json:"agent-pool"`
}

type actions struct {
	IsDestroyable bool `json:"is-destroyable"`
}

func attributesOf(ctx context.Context, w Workspace) attributes {
	mode := w.ExecutionMode()
	return attributes{
		Name: w.Name, Description: db.Null(w.Description), Environment: "default", MigrationEnvironment: w.MigrationEnvironment,
		CreatedAt: w.CreatedAt, UpdatedAt: w.UpdatedAt, LatestChangeAt: w.LatestChangeAt,
		AllowDestroyPlan: w.AllowDestroyPlan, AssessmentsEnabled: w.Assessed(), LastAssessmentResultAt: w.AssessedAt,
		HealthState: w.health(), HealthReason: db.Null(w.HealthReason), AutoApply: w.AutoApply, AutoApplyRunTrigger: w.AutoApplyRunTrigger,
		AutoDestroyAt: w.AutoDestroyAt, AutoDestroyActivityDuration: w.autoDestroy(), InheritsProjectAutoDestroy: w.InheritsProjectAutoDestroy,
		CanQueueDestroyPlan: w.AllowDestroyPlan, ExecutionMode: mode, Operations: mode != "local",
		SettingOverwrites:   overwrites{w.OwnExecutionMode != "", w.OwnExecutionMode != ""},
		FileTriggersEnabled: w.FileTriggersEnabled, GlobalRemoteState: w.GlobalRemoteState, ProjectRemoteState: w.ProjectRemoteState,
		Locked: w.Locked(), LockedReason: db.Null(w.LockReason), LockedAt: w.LockedAt, QueueAllRuns: w.QueueAllRuns, SpeculativeEnabled: w.SpeculativeEnabled,
		StructuredRunOutputEnabled: w.StructuredRunOutputEnabled, TerraformVersion: w.TerraformVersion, Engine: w.Engine,
		TriggerPrefixes: jsonapi.List(w.TriggerPrefixes.V), TriggerPatterns: jsonapi.List(w.TriggerPatterns.V), WorkingDirectory: db.Null(w.WorkingDirectory),
		ResourceCount: w.ResourceCount, Source: w.Source, SourceName: db.Null(w.SourceName), SourceURL: db.Null(w.SourceURL),
		TagNames: jsonapi.List(w.tagNames), Actions: actions{IsDestroyable: true}, Permissions: permissionsOf(ctx, w),
	}
}

// health is what is known of the health of the workspace.
func (w Workspace) health() string {
	switch {
	case !w.Assessed():
		return "disabled"
	case w.HealthState == "":
		return "unknown"
	}
	return w.HealthState
}

type permissions struct {
	CanUpdate                bool `json:"can-update"`
	CanDestroy               bool `json:"can-destroy"`
	CanForceDelete           bool `json:"can-force-delete"`
	CanQueueRun              bool `json:"can-queue-run"`
	CanQueueApply            bool `json:"can-queue-apply"`
	CanQueueDestroy          bool `json:"can-queue-destroy"`
	CanReadRun               bool `json:"can-read-run"`
	CanReadVariable          bool `json:"can-read-variable"`
	CanUpdateVariable        bool `json:"can-update-variable"`
	CanReadStateVersions     bool `json:"can-read-state-versions"`
	CanReadStateOutputs      bool `json:"can-read-state-outputs"`
	CanCreateStateVersions   bool `json:"can-create-state-versions"`
	CanLock                  bool `json:"can-lock"`
	CanUnlock                bool `json:"can-unlock"`
	CanForceUnlock           bool `json:"can-force-unlock"`
	CanReadSettings          bool `json:"can-read-settings"`
	CanManageTags            bool `json:"can-manage-tags"`
	CanManageRunTasks        bool `json:"can-manage-run-tasks"`
	CanManageHYOK            bool `json:"can-manage-hyok"`
	CanManageAssessments     bool `json:"can-manage-assessments"`
	CanManageEphemerals      bool `json:"can-manage-ephemeral-workspaces"`
	CanReadAssessmentResults bool `json:"can-read-assessment-results"`
}

var everything = authz.Owner()

// setOf is all that the subject of ctx may do in the workspace.
func setOf(ctx context.Context, w Workspace) authz.Set {
	s := authz.From(ctx)
	if s != nil && s.SiteAdmin {
		return everything
	}
	return s.In(w.Scope())
}

func permissionsOf(ctx context.Context, w Workspace) permissions {
	can := setOf(ctx, w)
	update := can.Has(authz.UpdateWorkspace)
	return permissions{
		CanUpdate: update, CanDestroy: can.Has(authz.DeleteWorkspace), CanForceDelete: w.forceDeletable(can),
		CanQueueRun: can.Has(authz.PlanRuns), CanQueueApply: can.Has(authz.ApplyRuns), CanQueueDestroy: can.Has(authz.ApplyRuns),
		CanReadRun: can.Has(authz.ReadRuns), CanReadVariable: can.Has(authz.ReadVariables), CanUpdateVariable: can.Has(authz.WriteVariables),
		CanReadStateVersions: can.Has(authz.ReadState), CanReadStateOutputs: can.Has(authz.ReadOutputs), CanCreateStateVersions: can.Has(authz.WriteState),
		CanLock: can.Has(authz.LockWorkspace), CanUnlock: can.Has(authz.LockWorkspace), CanForceUnlock: update,
		CanReadSettings: can.Has(authz.ReadWorkspace), CanManageTags: update, CanManageRunTasks: can.Has(authz.RunTasks),
		CanManageAssessments: update, CanManageEphemerals: update, CanReadAssessmentResults: can.Has(authz.ReadRuns),
	}
}

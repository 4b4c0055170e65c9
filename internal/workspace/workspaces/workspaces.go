// Package workspaces keeps workspaces: their settings, locks, tags and who may read
// their state. A workspace that is locked can be written only by who locked it.
//
// A setting that a workspace does not have itself (execution mode, agent pool,
// auto-destruction) is that of its project, or else of its organization.
package workspaces

import (
	"context"
	"strings"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/identity/retention"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/workspace/projects"
	"plumbline.dev/plumbline/internal/workspace/tags"
)

// Workspace is a workspace.
type Workspace struct {
	ID        string `db:"id"`
	OrgID     string `db:"org_id"`
	ProjectID string `db:"project_id"`
	Name      string `db:"name"`
	NameLower string `db:"name_lower"`

	Description                 string            `db:"description"`
	OwnExecutionMode            string            `db:"execution_mode"` // remote, local, agent; "" is inherited, see ExecutionMode
	OwnAgentPoolID              *string           `db:"agent_pool_id"`
	TerraformVersion            string            `db:"terraform_version"` // a version, a constraint or "latest"
	Engine                      string            `db:"engine"`            // OpenTofu, Terraform; "" is what the server prefers
	WorkingDirectory            string            `db:"working_directory"`
	TriggerPrefixes             db.JSON[[]string] `db:"trigger_prefixes"` // at most one of the two lists has members
	TriggerPatterns             db.JSON[[]string] `db:"trigger_patterns"`
	AllowDestroyPlan            bool              `db:"allow_destroy_plan"`
	AssessmentsEnabled          bool              `db:"assessments_enabled"`
	AutoApply                   bool              `db:"auto_apply"`
	AutoApplyRunTrigger         bool              `db:"auto_apply_run_trigger"`
	FileTriggersEnabled         bool              `db:"file_triggers_enabled"`
	QueueAllRuns                bool              `db:"queue_all_runs"`
	SpeculativeEnabled          bool              `db:"speculative_enabled"`
	StructuredRunOutputEnabled  bool              `db:"structured_run_output_enabled"`
	AutoDestroyAt               *db.Time          `db:"auto_destroy_at"`
	AutoDestroyActivityDuration *string           `db:"auto_destroy_activity_duration"` // such as "14d" or "6h"
	InheritsProjectAutoDestroy  bool              `db:"inherits_project_auto_destroy"`
	Source                      string            `db:"source"`
	SourceName                  string            `db:"source_name"`
	SourceURL                   string            `db:"source_url"`
	MigrationEnvironment        string            `db:"migration_environment"`
	SSHKeyID                    *string           `db:"ssh_key_id"`
	GlobalRemoteState           bool              `db:"global_remote_state"`  // every workspace of the organization may read the state
	ProjectRemoteState          bool              `db:"project_remote_state"` // every workspace of the project may

	LockedByKind                  string           `db:"locked_by_kind"` // "" (not locked), user, team, organization, run
	LockedByID                    string           `db:"locked_by_id"`
	LockReason                    string           `db:"lock_reason"`
	LockedAt                      *db.Time         `db:"locked_at"`
	Retention                     retention.Column `db:"data_retention"`
	CurrentStateVersionID         *string          `db:"current_state_version_id"`
	CurrentConfigurationVersionID *string          `db:"current_configuration_version_id"`
	CurrentRunID                  *string          `db:"current_run_id"`             // the last run that was or is current
	LatestRunID                   *string          `db:"latest_run_id"`              // the newest run that may change something
	ResourcesStateVersionID       *string          `db:"resources_state_version_id"` // the state whose resources are known
	ResourceCount                 int              `db:"resource_count"`
	LatestChangeAt                db.Time          `db:"latest_change_at"` // of states and runs
	CreatedAt                     db.Time          `db:"created_at"`
	UpdatedAt                     db.Time          `db:"updated_at"`

	OrgName            string  `db:"org_name,extra"`
	OrgMode            string  `db:"org_mode,extra"`         // default execution mode of the organization
	OrgPool            *string `db:"org_pool,extra"`         // of mode agent
	OrgForceDelete     bool    `db:"org_force_delete,extra"` // admins of workspaces may delete what manages resources
	ProjectMode        string  `db:"project_mode,extra"`
	ProjectPool        *string `db:"project_pool,extra"`
	ProjectAutoDestroy *string `db:"project_auto_destroy,extra"`
	ReadmeID           *string `db:"readme_id,extra"`

	OrgAssesses  bool     `db:"org_assesses,extra"` // assessments are on in every workspace of the organization
	HealthState  string   `db:"health_state,extra"` // see package assessments; "" is not known
	HealthReason string   `db:"health_reason,extra"`
	AssessmentID *string  `db:"assessment_id,extra"` // current assessment result
	AssessedAt   *db.Time `db:"assessed_at,extra"`

	related
}

// related is what hydrate adds for the wire.
type related struct {
	tagNames  []string         // flat tags of the workspace itself
	effective []tags.Effective // if the request includes them
	outputs   []string         // ids, if the request includes them
	variables []string         // ids, if the workspace was read alone by who may see them
}

const selectWorkspaces = `SELECT {w}, o.name AS org_name, o.default_execution_mode AS org_mode, o.default_agent_pool_id AS org_pool,
	o.allow_force_delete_workspaces AS org_force_delete,
	p.default_execution_mode AS project_mode, p.default_agent_pool_id AS project_pool,
	p.auto_destroy_activity_duration AS project_auto_destroy, m.id AS readme_id,
	o.assessments_enforced AS org_assesses, COALESCE(h.state, '') AS health_state, COALESCE(h.reason, '') AS health_reason,
	h.result_id AS assessment_id, h.result_at AS assessed_at
	FROM workspaces w JOIN organizations o ON o.id = w.org_id JOIN projects p ON p.id = w.project_id
	LEFT JOIN workspace_readmes m ON m.workspace_id = w.id LEFT JOIN workspace_health h ON h.workspace_id = w.id`

// Assessed reports whether the health of the workspace is assessed.
func (w Workspace) Assessed() bool { return w.AssessmentsEnabled || w.OrgAssesses }

// Scope implements authz.Scoped.
func (w Workspace) Scope() authz.Scope {
	return authz.Scope{Org: w.OrgID, Project: w.ProjectID, Workspace: w.ID, SharedState: w.GlobalRemoteState}
}

func (w Workspace) taggable() tags.Taggable {
	return tags.Taggable{OrgID: w.OrgID, Workspace: w.ID, Project: w.ProjectID}
}

// Feature serves workspaces.
type Feature struct {
	DB       *db.DB
	Bus      *events.Bus // hears of locks that runs take
	Orgs     *orgs.Feature
	Projects *projects.Feature
	Tags     *tags.Feature
	// SSHKey finds an SSH key; nil is a server without them.
	SSHKey func(ctx context.Context, id string) (authz.Scoped, error)
	// Changed tells that what runs may read has changed.
	Changed func(ctx context.Context)
	// GlobalState reports whether a new workspace shares its state with every workspace of its
	// organization, if the client does not say.
	GlobalState func() bool
	// OnDelete is called in the transaction that deletes a workspace, before the row
	// goes and with it what refers to it.
	OnDelete []func(ctx context.Context, w Workspace) error
	// BeforeUnlock may refuse to unlock a workspace, but not to force it.
	BeforeUnlock []func(ctx context.Context, w Workspace) error
	// OnUnlock is called in the transaction in which a person unlocks a workspace.
	OnUnlock []func(ctx context.Context, id string) error
	// CurrentRun says how to ask for the current run of a workspace in SQL. The zero
	// value is a server without runs.
	CurrentRun CurrentRun
	// Outputs returns the ids of the outputs of state versions, by state version; nil
	// is a server without states.
	Outputs func(ctx context.Context, stateVersionIDs []string) (map[string][]string, error)
	// Variables returns the ids of the variables of a workspace; nil is a server
	// without variables.
	Variables func(ctx context.Context, workspaceID string) ([]string, error)
}

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	const byName, byID = "/organizations/{organization}/workspaces/{name}", "/workspaces/{id}"
	api.Type(r, "workspaces", authz.ReadWorkspace, f.byIDs, view)
	api.List(r, "/organizations/{organization}/workspaces", authz.ReadOrg, f.Orgs.ByName, f.list, listParams)
	api.Create(r, "/organizations/{organization}/workspaces", authz.ReadOrg, f.Orgs.ByName, f.create)
	api.Read(r, byName, authz.ReadWorkspace, api.Both(f.readByName))
	api.Read(r, byID, authz.ReadWorkspace, f.read)
	api.Update(r, byName, authz.UpdateWorkspace, api.Both(f.ByName), f.update)
	api.Update(r, byID, authz.UpdateWorkspace, f.Find, f.update)
	api.Delete(r, byName, authz.DeleteWorkspace, api.Both(f.ByName), f.delete)
	api.Delete(r, byID, authz.DeleteWorkspace, f.Find, f.delete)
	api.Do(r, "POST "+byName+"/actions/safe-delete", authz.DeleteWorkspace, api.Both(f.ByName), f.safeDelete)
	api.Do(r, "POST "+byID+"/actions/safe-delete", authz.DeleteWorkspace, f.Find, f.safeDelete)
	f.lockRoutes(r)
	f.tagRoutes(r)
	f.consumerRoutes(r)
	f.resourceRoutes(r)
	api.Type(r, "workspace-readme", authz.ReadWorkspace, f.readmesByIDs, readmeView)
	f.adminRoutes(r)
	api.Assign(r, byID+"/relationships/ssh-key", authz.UpdateWorkspace, f.Find, f.assignSSHKey)
	retention.Owner[Workspace]{
		Load: f.Find, Get: func(w Workspace) retention.Policy { return w.Retention.V }, Put: f.setRetention,
	}.Serve(r, byID+"/relationships/data-retention-policy", authz.ReadWorkspace, authz.UpdateWorkspace)
}

func (f *Feature) setRetention(ctx context.Context, w Workspace, p retention.Policy) error {
	_, err := f.DB.Exec(ctx, `UPDATE workspaces SET data_retention = ?, updated_at = ? WHERE id = ?`, db.AsJSON(p), db.Now(), w.ID)
	return err
}

// Find returns the workspace with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Workspace, error) {
	return db.One[Workspace](ctx, f.DB, selectWorkspaces+` WHERE w.id = ?`, id)
}

// Lock returns the workspace with the given id and keeps others from changing it
// until the transaction ends. It has nothing to do with the lock that clients see.
func (f *Feature) Lock(ctx context.Context, id string) (Workspace, error) {
	q := selectWorkspaces + ` WHERE w.id = ?`
	if f.DB.Postgres() {
		q += ` FOR UPDATE OF w`
	}
	return db.One[Workspace](ctx, f.DB, q, id)
}

// ByName returns the workspace with the given name in an organization; case does
// not matter.
func (f *Feature) ByName(ctx context.Context, org, name string) (Workspace, error) {
	return db.One[Workspace](ctx, f.DB, selectWorkspaces+` WHERE o.name_lower = ? AND w.name_lower = ?`, strings.ToLower(org), strings.ToLower(name))
}

// SetCurrentState makes a state version the current one of its workspace.
func (f *Feature) SetCurrentState(ctx context.Context, id, stateVersionID string) error {
	now := db.Now()
	_, err := f.DB.Exec(ctx, `UPDATE workspaces SET current_state_version_id = ?, latest_change_at = ?, updated_at = ? WHERE id = ?`, stateVersionID, now, now, id)
	return err
}

// Read is Find with what an answer to a client needs.
func (f *Feature) Read(ctx context.Context, id string) (Workspace, error) { return f.read(ctx, id) }

// read is Find with what the answer needs.
func (f *Feature) read(ctx context.Context, id string) (Workspace, error) {
	w, err := f.Find(ctx, id)
	if err != nil {
		return w, err
	}
	return f.hydrated(ctx, w)
}

func (f *Feature) readByName(ctx context.Context, org, name string) (Workspace, error) {
	w, err := f.ByName(ctx, org, name)
	if err != nil {
		return w, err
	}
	return f.hydrated(ctx, w)
}

func (f *Feature) byIDs(ctx context.Context, ids []string) ([]Workspace, error) {
	list, err := db.In[Workspace](ctx, f.DB, selectWorkspaces+` WHERE w.id IN (?)`, ids)
	if err != nil {
		return nil, err
	}
	return list, f.hydrate(ctx, list)
}

func (f *Feature) hydrated(ctx context.Context, w Workspace) (Workspace, error) {
	list := []Workspace{w}
	if err := f.hydrate(ctx, list); err != nil {
		return w, err
	}
	w = list[0]
	if f.Variables == nil || !authz.Can(ctx, authz.ReadVariables, w.Scope()) {
		return w, nil
	}
	vars, err := f.Variables(ctx, w.ID)
	w.variables = append([]string{}, vars...)
	return w, err
}

// hydrate adds to all workspaces of an answer what their views show, with one
// statement for tags and one for outputs, if those are included.
func (f *Feature) hydrate(ctx context.Context, list []Workspace) error {
	q := api.QueryOf(ctx)
	add := f.addTagNames
	if q.Includes("effective-tag-bindings") {
		add = f.addEffective
	}
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	if err := add(ctx, list, ids); err != nil {
		return err
	}
	if f.Outputs == nil || !q.Includes("outputs") {
		return nil
	}
	return f.addOutputs(ctx, list)
}

func (f *Feature) addTagNames(ctx context.Context, list []Workspace, ids []string) error {
	names, err := f.Tags.FlatNames(ctx, ids)
	for i := range list {
		list[i].tagNames = names[list[i].ID]
	}
	return err
}

// addEffective adds all effective bindings, and the names of flat tags among them.
func (f *Feature) addEffective(ctx context.Context, list []Workspace, ids []string) error {
	projectIDs := make([]string, len(list))
	for i := range list {
		projectIDs[i] = list[i].ProjectID
	}
	bindings, err := f.Tags.OfAll(ctx, ids, projectIDs)
	for i := range list {
		w := &list[i]
		w.effective = tags.Combine(bindings, w.taggable())
		for _, e := range w.effective {
			if e.WorkspaceID != nil && e.Value == "" {
				w.tagNames = append(w.tagNames, e.Key)
			}
		}
	}
	return err
}

func (f *Feature) addOutputs(ctx context.Context, list []Workspace) error {
	var states []string
	for _, w := range list {
		if w.CurrentStateVersionID != nil {
			states = append(states, *w.CurrentStateVersionID)
		}
	}
	outputs, err := f.Outputs(ctx, states)
	for i, w := range list {
		if w.CurrentStateVersionID != nil {
			list[i].outputs = outputs[*w.CurrentStateVersionID]
		}
	}
	return err
}

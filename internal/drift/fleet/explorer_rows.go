package fleet

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// rowAttributes are those of the wire. With the parameter fields only those asked for are there.
type rowAttributes struct {
	OrgName            *string  `json:"organization-name,omitempty"`
	ProjectName        *string  `json:"project-name,omitempty"`
	ProjectID          *string  `json:"project-external-id,omitempty"`
	Name               *string  `json:"workspace-name,omitempty"`
	ID                 *string  `json:"external-id,omitempty"`
	CreatedAt          *db.Time `json:"workspace-created-at,omitempty"`
	UpdatedAt          *db.Time `json:"workspace-updated-at,omitempty"`
	TerraformVersion   *string  `json:"workspace-terraform-version,omitempty"`
	ResourceCount      *int     `json:"workspace-resource-count,omitempty"`
	RunStatus          *string  `json:"current-run-status,omitempty"`
	RunID              *string  `json:"current-run-external-id,omitempty"`
	RunAt              *db.Time `json:"current-run-applied-at,omitempty"`
	Drifted            *bool    `json:"drifted,omitempty"`
	ResourcesDrifted   *int     `json:"resources-drifted,omitempty"`
	ResourcesUndrifted *int     `json:"resources-undrifted,omitempty"`
	AllChecksSucceeded *bool    `json:"all-checks-succeeded,omitempty"`
	ChecksPassed       *int     `json:"checks-passed,omitempty"`
	ChecksFailed       *int     `json:"checks-failed,omitempty"`
	ChecksErrored      *int     `json:"checks-errored,omitempty"`
	ChecksUnknown      *int     `json:"checks-unknown,omitempty"`
	Health             *string  `json:"health-state,omitempty"`
	Resources          *int     `json:"resource-count,omitempty"`
	Managed            *int     `json:"current-rum-count,omitempty"`
	StateVersion       *string  `json:"state-version-terraform-version,omitempty"`
	ProviderCount      *int     `json:"provider-count,omitempty"`
	Providers          *string  `json:"providers,omitempty"`
	ModuleCount        *int     `json:"module-count,omitempty"`
	Modules            *string  `json:"modules,omitempty"`
	Tags               *string  `json:"tags,omitempty"`

	Permissions *rowPermissions `json:"permissions,omitempty"`
}

// rowPermissions are what the caller may do about the health of a workspace. The explorer of
// HCP Terraform does not have them; a list would otherwise ask for each of its workspaces.
type rowPermissions struct {
	CanManageAssessments bool `json:"can-manage-assessments"`
}

func viewRow(ctx context.Context, r Row) jsonapi.Resource {
	chosen := api.QueryOf(ctx).List("fields")
	wants := func(name string) bool {
		return len(chosen) == 0 || slices.ContainsFunc(chosen, func(c string) bool { return strings.ReplaceAll(c, "-", "_") == name })
	}
	return jsonapi.Resource{Type: "visibility-workspace", ID: r.ID, Attributes: rowAttributes{
		OrgName: pick(wants("organization_name"), &r.OrgName), ProjectName: pick(wants("project_name"), &r.ProjectName), ProjectID: pick(wants("project_external_id"), &r.ProjectID),
		Name: pick(wants("workspace_name"), &r.Name), ID: pick(wants("external_id"), &r.ID), CreatedAt: pick(wants("workspace_created_at"), &r.CreatedAt),
		UpdatedAt: pick(wants("workspace_updated_at"), &r.UpdatedAt), TerraformVersion: pick(wants("workspace_terraform_version"), &r.TerraformVersion),
		ResourceCount: pick(wants("workspace_resource_count"), &r.ResourceCount), RunStatus: pick(wants("current_run_status"), r.RunStatus),
		RunID: pick(wants("current_run_external_id"), r.RunID), RunAt: pick(wants("current_run_applied_at"), r.RunAt), Drifted: pick(wants("drifted"), r.Drifted),
		ResourcesDrifted: pick(wants("resources_drifted"), r.ResourcesDrifted), ResourcesUndrifted: pick(wants("resources_undrifted"), r.ResourcesUndrifted),
		AllChecksSucceeded: pick(wants("all_checks_succeeded"), r.AllChecksSucceeded), ChecksPassed: pick(wants("checks_passed"), r.ChecksPassed),
		ChecksFailed: pick(wants("checks_failed"), r.ChecksFailed), ChecksErrored: pick(wants("checks_errored"), r.ChecksErrored),
		ChecksUnknown: pick(wants("checks_unknown"), r.ChecksUnknown), Health: pick(wants("health_state"), r.Health),
		Resources: pick(wants("resource_count"), &r.ResourceCount), Managed: pick(wants("current_rum_count"), r.Managed), StateVersion: pick(wants("state_version_terraform_version"), r.StateVersion),
		ProviderCount: pick(wants("provider_count"), &r.ProviderCount), Providers: pick(wants("providers"), r.uses("providers")), ModuleCount: pick(wants("module_count"), &r.ModuleCount),
		Modules: pick(wants("modules"), r.uses("modules")), Tags: pick(wants("tags"), r.uses("tags")),
		Permissions: pick(wants("permissions"), &rowPermissions{authz.Can(ctx, authz.UpdateWorkspace, r.Scope())}),
	}}
}

func pick[T any](wanted bool, v *T) *T {
	if !wanted {
		return nil
	}
	return v
}

// values are those of a row in the order of fields.
func (r Row) values() map[string]any {
	return map[string]any{"organization_name": r.OrgName, "project_name": r.ProjectName, "project_external_id": r.ProjectID, "workspace_name": r.Name, "external_id": r.ID,
		"workspace_created_at": r.CreatedAt.Wire(), "workspace_updated_at": r.UpdatedAt.Wire(), "workspace_terraform_version": r.TerraformVersion,
		"workspace_resource_count": r.ResourceCount, "current_run_status": shown(r.RunStatus), "current_run_external_id": shown(r.RunID),
		"current_run_applied_at": at(r.RunAt), "drifted": shown(r.Drifted), "resources_drifted": shown(r.ResourcesDrifted),
		"resources_undrifted": shown(r.ResourcesUndrifted), "all_checks_succeeded": shown(r.AllChecksSucceeded), "checks_passed": shown(r.ChecksPassed),
		"checks_failed": shown(r.ChecksFailed), "checks_errored": shown(r.ChecksErrored), "checks_unknown": shown(r.ChecksUnknown), "health_state": shown(r.Health),
		"resource_count": r.ResourceCount, "current_rum_count": shown(r.Managed), "state_version_terraform_version": shown(r.StateVersion), "provider_count": r.ProviderCount,
		"module_count": r.ModuleCount, "providers": r.used["providers"], "modules": r.used["modules"], "tags": r.used["tags"]}
}

func shown[T any](v *T) any {
	if v == nil {
		return ""
	}
	return *v
}

func at(t *db.Time) string {
	if t == nil {
		return ""
	}
	return t.Wire()
}

// maxExport is how many rows an export has at most.
const maxExport = 50_000

// exportRows answers with the workspaces as CSV ("Explorer API", Export data as CSV).
func (f *Feature) exportRows(ctx context.Context, w http.ResponseWriter, req *http.Request, o orgs.Org) error {
	q, err := api.ParseQuery(req, "filter")
	if err != nil {
		return err
	}
	from, args, err := f.query(ctx, o, q)
	if err != nil {
		return err
	}
	rows, err := db.All[Row](ctx, f.DB, from+" LIMIT ?", append(args, maxExport)...)
	if err != nil {
		return err
	}
	if err := f.hydrate(ctx, rows); err != nil {
		return err
	}
	chosen := fields
	if want := q.List("fields"); len(want) > 0 {
		chosen = nil
		for _, name := range want {
			one, ok := fieldOf(name)
			if !ok {
				return problem.BadRequest("There is no field %q", name)
			}
			chosen = append(chosen, one)
		}
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="workspaces.csv"`)
	lines := make([][]string, len(rows)+1)
	for _, one := range chosen {
		lines[0] = append(lines[0], one.name)
	}
	for i, r := range rows {
		values := r.values()
		for _, one := range chosen {
			lines[i+1] = append(lines[i+1], fmt.Sprint(values[one.name]))
		}
	}
	_ = api.WriteCSV(w, lines) // a client that went away is no error of ours
	return nil
}

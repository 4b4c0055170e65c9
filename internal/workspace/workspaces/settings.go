package workspaces

import (
	"context"
	"encoding/json"
	"path"
	"regexp"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/projects"
)

// settings are the attributes of a request that creates or changes a workspace.
type settings struct {
	Name                        jsonapi.Opt[string]          `json:"name"`
	Description                 jsonapi.Opt[string]          `json:"description"`
	ExecutionMode               jsonapi.Opt[string]          `json:"execution-mode"`
	Operations                  jsonapi.Opt[bool]            `json:"operations"` // old form of execution-mode
	AgentPoolID                 jsonapi.Opt[string]          `json:"agent-pool-id"`
	SettingOverwrites           settingOverwrites            `json:"setting-overwrites"`
	TerraformVersion            jsonapi.Opt[string]          `json:"terraform-version"`
	Engine                      jsonapi.Opt[string]          `json:"engine"`
	WorkingDirectory            jsonapi.Opt[string]          `json:"working-directory"`
	TriggerPrefixes             jsonapi.Opt[[]string]        `json:"trigger-prefixes"`
	TriggerPatterns             jsonapi.Opt[[]string]        `json:"trigger-patterns"`
	AllowDestroyPlan            jsonapi.Opt[bool]            `json:"allow-destroy-plan"`
	AssessmentsEnabled          jsonapi.Opt[bool]            `json:"assessments-enabled"`
	AutoApply                   jsonapi.Opt[bool]            `json:"auto-apply"`
	AutoApplyRunTrigger         jsonapi.Opt[bool]            `json:"auto-apply-run-trigger"`
	FileTriggersEnabled         jsonapi.Opt[bool]            `json:"file-triggers-enabled"`
	QueueAllRuns                jsonapi.Opt[bool]            `json:"queue-all-runs"`
	SpeculativeEnabled          jsonapi.Opt[bool]            `json:"speculative-enabled"`
	StructuredRunOutputEnabled  jsonapi.Opt[bool]            `json:"structured-run-output-enabled"`
	AutoDestroyAt               jsonapi.Opt[string]          `json:"auto-destroy-at"`
	AutoDestroyActivityDuration jsonapi.Opt[string]          `json:"auto-destroy-activity-duration"`
	InheritsProjectAutoDestroy  jsonapi.Opt[bool]            `json:"inherits-project-auto-destroy"`
	SourceName                  jsonapi.Opt[string]          `json:"source-name"`
	SourceURL                   jsonapi.Opt[string]          `json:"source-url"`
	MigrationEnvironment        jsonapi.Opt[string]          `json:"migration-environment"`
	GlobalRemoteState           jsonapi.Opt[bool]            `json:"global-remote-state"`
	ProjectRemoteState          jsonapi.Opt[bool]            `json:"project-remote-state"`
	VCSRepo                     jsonapi.Opt[json.RawMessage] `json:"vcs-repo"`
}

type settingOverwrites struct {
	ExecutionMode jsonapi.Opt[bool] `json:"execution-mode"`
	AgentPool     jsonapi.Opt[bool] `json:"agent-pool"`
}

// settingColumns are what set may change.
var settingColumns = []string{"name", "name_lower", "description", "execution_mode", "agent_pool_id", "terraform_version", "engine",
	"working_directory", "trigger_prefixes", "trigger_patterns", "allow_destroy_plan", "assessments_enabled", "auto_apply",
	"auto_apply_run_trigger", "file_triggers_enabled", "queue_all_runs", "speculative_enabled", "structured_run_output_enabled",
	"auto_destroy_at", "auto_destroy_activity_duration", "inherits_project_auto_destroy", "source_name", "source_url",
	"migration_environment", "global_remote_state", "project_remote_state", "project_id", "updated_at"}

// set writes the settings of a request to w.
func (f *Feature) set(ctx context.Context, w *Workspace, a settings) error {
	if a.Name.Set {
		w.Name, w.NameLower = a.Name.V, strings.ToLower(a.Name.V)
	}
	a.Description.Into(&w.Description)
	a.TerraformVersion.Into(&w.TerraformVersion)
	a.Engine.Into(&w.Engine)
	a.WorkingDirectory.Into(&w.WorkingDirectory)
	a.AllowDestroyPlan.Into(&w.AllowDestroyPlan)
	a.AssessmentsEnabled.Into(&w.AssessmentsEnabled)
	a.AutoApply.Into(&w.AutoApply)
	a.AutoApplyRunTrigger.Into(&w.AutoApplyRunTrigger)
	a.FileTriggersEnabled.Into(&w.FileTriggersEnabled)
	a.QueueAllRuns.Into(&w.QueueAllRuns)
	a.SpeculativeEnabled.Into(&w.SpeculativeEnabled)
	a.StructuredRunOutputEnabled.Into(&w.StructuredRunOutputEnabled)
	a.SourceName.Into(&w.SourceName)
	a.SourceURL.Into(&w.SourceURL)
	a.MigrationEnvironment.Into(&w.MigrationEnvironment)
	a.GlobalRemoteState.Into(&w.GlobalRemoteState)
	a.ProjectRemoteState.Into(&w.ProjectRemoteState)
	err := problem.All(checkName(w.Name), CheckVersion(w.TerraformVersion), checkEngine(w.Engine), checkDirectory(w.WorkingDirectory), checkLengths(*w),
		w.setTriggers(a), w.setAutoDestroy(a), checkVCS(a.VCSRepo), checkSharing(*w))
	if err != nil {
		return err
	}
	return f.setMode(ctx, w, a)
}

// What the settings may be.
var (
	nameForm    = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	versionForm = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`)
	// constraintForm is a version constraint, such as "~> 1.5" or ">= 1.3, < 2.0".
	constraintForm = regexp.MustCompile(`^(=|!=|>|<|>=|<=|~>)\s*[0-9]+(\.[0-9]+){0,2}(-[0-9A-Za-z.-]+)?$`)
)

func checkName(name string) *problem.Problem {
	switch {
	case name == "":
		return problem.Invalid("name", "Name can't be blank")
	case len(name) > 90:
		return problem.Invalid("name", "Name is too long (maximum is 90 characters)")
	case !nameForm.MatchString(name):
		return problem.Invalid("name", "Name can only include letters, numbers, -, and _.")
	}
	return nil
}

// CheckVersion takes "latest", a whole version, or constraints with commas.
func CheckVersion(v string) *problem.Problem {
	if v == "latest" || versionForm.MatchString(v) {
		return nil
	}
	for part := range strings.SplitSeq(v, ",") {
		if len(v) > 100 || !constraintForm.MatchString(strings.TrimSpace(part)) {
			return problem.Invalid("terraform-version", "Terraform version %.100q is neither \"latest\" nor a version nor a version constraint", v)
		}
	}
	return nil
}

// The makes of engines. The numbers of their versions overlap, so a version alone does not
// tell which is meant.
const (
	OpenTofu  = "opentofu"
	Terraform = "terraform"
)

func checkEngine(name string) *problem.Problem {
	if name == "" || name == OpenTofu || name == Terraform {
		return nil
	}
	return problem.Invalid("engine", "Engine is not included in the list: %s, %s", OpenTofu, Terraform)
}

func checkDirectory(dir string) *problem.Problem {
	if dir == "" {
		return nil
	}
	if strings.ContainsRune(dir, 0) || strings.HasPrefix(path.Clean(strings.TrimLeft(dir, "/")), "..") {
		return problem.Invalid("working-directory", "Working directory must be inside the configuration")
	}
	return nil
}

// checkLengths bounds what is free text.
func checkLengths(w Workspace) *problem.Problem {
	for _, t := range []struct {
		name, value string
		limit       int
	}{{"description", w.Description, 4000}, {"working-directory", w.WorkingDirectory, 1000}, {"source-name", w.SourceName, 255},
		{"source-url", w.SourceURL, 2000}, {"migration-environment", w.MigrationEnvironment, 255}} {
		if len(t.value) > t.limit {
			return problem.Invalid(t.name, "%s is too long (maximum is %d characters)", t.name, t.limit)
		}
	}
	return nil
}

// checkVCS accepts null only: this server connects workspaces to no repositories.
func checkVCS(repo jsonapi.Opt[json.RawMessage]) *problem.Problem {
	if repo.Set && !repo.Null {
		return problem.Invalid("vcs-repo", "This server has no VCS connections: a workspace cannot have a vcs-repo")
	}
	return nil
}

func checkSharing(w Workspace) *problem.Problem {
	if w.GlobalRemoteState && w.ProjectRemoteState {
		return problem.Invalid("project-remote-state", "Project remote state cannot be enabled when global remote state sharing is enabled")
	}
	return nil
}

// Limits of trigger-prefixes and trigger-patterns.
const (
	maxTriggers      = 100
	maxTriggerLength = 1000
)

// setTriggers keeps one of the two lists: giving one empties the other.
func (w *Workspace) setTriggers(a settings) *problem.Problem {
	if len(a.TriggerPrefixes.V) > 0 && len(a.TriggerPatterns.V) > 0 {
		return problem.Invalid("trigger-patterns", "Trigger patterns and trigger prefixes cannot both be set")
	}
	for name, l := range map[string][]string{"trigger-prefixes": a.TriggerPrefixes.V, "trigger-patterns": a.TriggerPatterns.V} {
		if len(l) > maxTriggers {
			return problem.Invalid(name, "%s has more than %d members", name, maxTriggers)
		}
		for _, s := range l {
			if s == "" || len(s) > maxTriggerLength {
				return problem.Invalid(name, "Each member of %s must have from 1 to %d characters", name, maxTriggerLength)
			}
		}
	}
	a.TriggerPrefixes.Into(&w.TriggerPrefixes.V)
	a.TriggerPatterns.Into(&w.TriggerPatterns.V)
	if len(a.TriggerPrefixes.V) > 0 {
		w.TriggerPatterns.V = nil
	}
	if len(a.TriggerPatterns.V) > 0 {
		w.TriggerPrefixes.V = nil
	}
	return nil
}

// setAutoDestroy settles when the workspace destroys what it manages. What the
// request says is the workspace's own; inheriting takes that away.
func (w *Workspace) setAutoDestroy(a settings) *problem.Problem {
	if a.AutoDestroyAt.Set {
		w.AutoDestroyAt = nil
		if !a.AutoDestroyAt.Null {
			at, err := db.ParseTime(a.AutoDestroyAt.V)
			if err != nil {
				return problem.Invalid("auto-destroy-at", "Auto destroy at must be a time such as 2030-01-31T12:00:00Z")
			}
			w.AutoDestroyAt = &at
		}
	}
	a.AutoDestroyActivityDuration.IntoPtr(&w.AutoDestroyActivityDuration)
	switch {
	case a.InheritsProjectAutoDestroy.Set:
		w.InheritsProjectAutoDestroy = a.InheritsProjectAutoDestroy.V
	case (a.AutoDestroyAt.Set && !a.AutoDestroyAt.Null) || (a.AutoDestroyActivityDuration.Set && !a.AutoDestroyActivityDuration.Null):
		w.InheritsProjectAutoDestroy = false
	}
	if w.InheritsProjectAutoDestroy {
		w.AutoDestroyAt, w.AutoDestroyActivityDuration = nil, nil
	}
	return projects.CheckDuration(w.AutoDestroyActivityDuration)
}

// autoDestroy is how long after its last change the workspace destroys what it
// manages; nil is never.
func (w Workspace) autoDestroy() *string {
	if w.InheritsProjectAutoDestroy {
		return w.ProjectAutoDestroy
	}
	return w.AutoDestroyActivityDuration
}

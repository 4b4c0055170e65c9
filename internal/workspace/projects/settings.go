package projects

import (
	"context"
	"regexp"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// attributes are those of the wire.
type attributes struct {
	Name                        string      `json:"name"`
	Description                 *string     `json:"description"`
	CreatedAt                   db.Time     `json:"created-at"`
	AutoDestroyActivityDuration *string     `json:"auto-destroy-activity-duration"`
	DefaultExecutionMode        string      `json:"default-execution-mode"`
	SettingOverwrites           overwrites  `json:"setting-overwrites"`
	IsUnified                   bool        `json:"is-unified"`
	WorkspaceCount              *int        `json:"workspace-count"` // null where the project is included
	TeamCount                   *int        `json:"team-count"`
	Permissions                 permissions `json:"permissions"`
}

type overwrites struct {
	DefaultExecutionMode bool `json:"default-execution-mode"`
	DefaultAgentPool     bool `json:"default-agent-pool"`
}

type permissions struct {
	CanRead             bool `json:"can-read"`
	CanUpdate           bool `json:"can-update"`
	CanDestroy          bool `json:"can-destroy"`
	CanCreateWorkspace  bool `json:"can-create-workspace"`
	CanMoveWorkspace    bool `json:"can-move-workspace"`
	CanReadTeams        bool `json:"can-read-teams"`
	CanManageTeams      bool `json:"can-manage-teams"`
	CanManageTags       bool `json:"can-manage-tags"`
	CanManageVarsets    bool `json:"can-manage-varsets"`
	CanManageEphemerals bool `json:"can-manage-ephemeral-workspace-for-projects"`
}

func attributesOf(ctx context.Context, p Project) attributes {
	can := func(needs authz.Permission) bool { return authz.Can(ctx, needs, p.Scope()) }
	a := attributes{
		Name: p.Name, CreatedAt: p.CreatedAt, AutoDestroyActivityDuration: p.AutoDestroyActivityDuration,
		DefaultExecutionMode: p.ExecutionMode(),
		SettingOverwrites:    overwrites{p.DefaultExecutionMode != "", p.DefaultExecutionMode != ""},
		Permissions: permissions{
			CanRead: can(authz.ReadProject), CanUpdate: can(authz.UpdateProject), CanDestroy: can(authz.DeleteProject) && !p.IsDefault,
			CanCreateWorkspace: can(authz.CreateWorkspace), CanMoveWorkspace: can(authz.MoveWorkspace),
			CanReadTeams: can(authz.ReadProjectTeams), CanManageTeams: can(authz.ManageProjectTeams), CanManageTags: can(authz.UpdateProject),
			CanManageVarsets: can(authz.ManageProjectVarsets), CanManageEphemerals: can(authz.UpdateProject),
		},
	}
	if p.counts != nil {
		a.WorkspaceCount, a.TeamCount = &p.counts.Workspaces, &p.counts.Teams
	}
	if p.Description != "" {
		a.Description = &p.Description
	}
	return a
}

// settings are the attributes of a request.
type settings struct {
	Name                        jsonapi.Opt[string] `json:"name"`
	Description                 jsonapi.Opt[string] `json:"description"`
	AutoDestroyActivityDuration jsonapi.Opt[string] `json:"auto-destroy-activity-duration"`
	DefaultExecutionMode        jsonapi.Opt[string] `json:"default-execution-mode"`
	DefaultAgentPoolID          jsonapi.Opt[string] `json:"default-agent-pool-id"`
	SettingOverwrites           struct {
		DefaultExecutionMode jsonapi.Opt[bool] `json:"default-execution-mode"`
		DefaultAgentPool     jsonapi.Opt[bool] `json:"default-agent-pool"`
	} `json:"setting-overwrites"`
}

// What the settings may be (TFE refuses other names with these words).
var (
	nameForm     = regexp.MustCompile(`^[A-Za-z0-9 _-]+$`)
	durationForm = regexp.MustCompile(`^[0-9]{1,4}[dh]$`)
)

// set writes the settings of a request to p.
func (f *Feature) set(ctx context.Context, p *Project, a settings) error {
	if a.Name.Set {
		p.Name = strings.TrimSpace(a.Name.V)
		p.NameLower = strings.ToLower(p.Name)
	}
	a.Description.Into(&p.Description)
	a.AutoDestroyActivityDuration.IntoPtr(&p.AutoDestroyActivityDuration)
	if err := problem.All(checkName(p.Name), checkDescription(p.Description), CheckDuration(p.AutoDestroyActivityDuration)); err != nil {
		return err
	}
	return f.setMode(ctx, p, a)
}

func checkName(name string) *problem.Problem {
	switch {
	case name == "":
		return problem.Invalid("name", "Name can't be blank")
	case !nameForm.MatchString(name):
		return problem.Invalid("name", "Name may only contain letters, numbers, spaces, hyphens and underscores")
	case len(name) < 3:
		return problem.Invalid("name", "Name is too short (minimum is 3 characters)")
	case len(name) > 40:
		return problem.Invalid("name", "Name is too long (maximum is 40 characters)")
	}
	return nil
}

func checkDescription(s string) *problem.Problem {
	if len(s) > 1000 {
		return problem.Invalid("description", "Description is too long (maximum is 1000 characters)")
	}
	return nil
}

// CheckDuration refuses what is no duration of auto-destruction; nil is none.
func CheckDuration(d *string) *problem.Problem {
	if d != nil && !durationForm.MatchString(*d) {
		return problem.Invalid("auto-destroy-activity-duration", "Auto destroy activity duration has an incorrect format, we expect up to 4 numeric digits and 1 unit ('d' or 'h')")
	}
	return nil
}

package access

import (
	"maps"
	"slices"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// custom is the level whose parts are chosen one by one.
const custom = "custom"

// The parts that the fixed levels of a workspace show; what the levels permit is
// authz.WorkspaceLevels.
var workspaceParts = map[string]authz.WorkspacePermissions{
	"read":  {Runs: "read", Variables: "read", StateVersions: "read", SentinelMocks: "none"},
	"plan":  {Runs: "plan", Variables: "read", StateVersions: "read", SentinelMocks: "none"},
	"write": {Runs: "apply", Variables: "write", StateVersions: "write", SentinelMocks: "read", WorkspaceLocking: true},
	"admin": {Runs: "apply", Variables: "write", StateVersions: "write", SentinelMocks: "read", WorkspaceLocking: true, RunTasks: true},
	custom:  {Runs: "read", Variables: "none", StateVersions: "none", SentinelMocks: "none"}, // to start from
}

// projectParts is the same for the levels of a project.
type projectParts struct {
	project   authz.ProjectPermissions
	workspace authz.WorkspacePermissions
}

var projectLevels = map[string]projectParts{
	"read":     {authz.ProjectPermissions{Settings: "read", Teams: "none", VariableSets: "read"}, workspaceParts["read"]},
	"write":    {authz.ProjectPermissions{Settings: "read", Teams: "none", VariableSets: "read"}, workspaceParts["write"]},
	"maintain": {authz.ProjectPermissions{Settings: "read", Teams: "none", VariableSets: "write"}, allInProject()},
	"admin":    {authz.ProjectPermissions{Settings: "delete", Teams: "manage", VariableSets: "write"}, allInProject()},
	custom:     {authz.ProjectPermissions{Settings: "read", Teams: "none", VariableSets: "none"}, workspaceParts[custom]},
}

func allInProject() authz.WorkspacePermissions {
	all := workspaceParts["admin"]
	all.Create, all.Move, all.Delete = true, true, true
	return all
}

// levelOf returns the level that a request asks for, or the present one.
func levelOf[T any](asked jsonapi.Opt[string], now string, levels map[string]T) (string, error) {
	level := asked.Or(now)
	if level == "" {
		return "", problem.Invalid("access", "Access can't be blank")
	}
	if _, ok := levels[level]; !ok {
		return "", problem.Invalid("access", "Access is not included in the list: %s", strings.Join(slices.Sorted(maps.Keys(levels)), ", "))
	}
	return level, nil
}

// choice applies the parts that a request names, and collects what is wrong.
type choice struct {
	level    string
	wrong    []*problem.Problem
	pointer  string // of the parts below the attributes: "" or "project-access/"
	override bool   // the right to override policies was given
}

// word sets a part that is one of several words.
func (c *choice) word(name string, asked jsonapi.Opt[string], now *string, allowed ...string) {
	if !asked.Set || asked.Null || asked.V == *now {
		return
	}
	if !slices.Contains(allowed, asked.V) {
		c.wrong = append(c.wrong, problem.Invalid(c.pointer+name, "%s is not included in the list: %s", human(name), strings.Join(allowed, ", ")))
		return
	}
	if c.writable(name) {
		*now = asked.V
	}
}

// flag sets a part that is yes or no.
func (c *choice) flag(name string, asked jsonapi.Opt[bool], now *bool) {
	if asked.Set && !asked.Null && asked.V != *now && c.writable(name) {
		*now = asked.V
		c.override = c.override || (name == "policy-overrides" && asked.V)
	}
}

// writable reports whether parts can be chosen, and complains if not.
func (c *choice) writable(name string) bool {
	if c.level != custom {
		c.wrong = append(c.wrong, problem.Invalid(c.pointer+name,
			"%s is read-only when access level is '%s'; use the 'custom' access level to set this attribute.", human(name), c.level))
	}
	return c.level == custom
}

// human is an attribute as it is called in messages: "State versions".
func human(name string) string {
	words := strings.ReplaceAll(name, "-", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

// err is what is wrong, or the lack of the right to delegate policy overrides.
func (c *choice) err(may bool) error {
	if err := problem.All(c.wrong...); err != nil {
		return err
	}
	if c.override && !may {
		return problem.Denied("You may not delegate policy overrides")
	}
	return nil
}

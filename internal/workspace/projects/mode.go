package projects

import (
	"cmp"
	"context"
	"errors"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// ExecutionMode is where runs of the project's workspaces happen unless they say
// otherwise.
func (p Project) ExecutionMode() string {
	return cmp.Or(p.DefaultExecutionMode, p.OrgMode, "remote")
}

// AgentPoolID is the agent pool of those runs in mode agent; nil in other modes.
func (p Project) AgentPoolID() *string {
	if p.DefaultExecutionMode != "" {
		return p.DefaultAgentPoolID
	}
	return p.OrgPool
}

// setMode settles the execution mode: what the request says is the project's own,
// and an overwrite of false gives it back to the organization.
func (f *Feature) setMode(ctx context.Context, p *Project, a settings) error {
	byMode, byPool := a.SettingOverwrites.DefaultExecutionMode, a.SettingOverwrites.DefaultAgentPool
	if byMode.Set && byPool.Set && byMode.V != byPool.V {
		return problem.Invalid("setting-overwrites", "If agent-pool and execution-mode are both included in setting-overwrites, their values must be the same.")
	}
	was := p.DefaultAgentPoolID
	if mode := a.DefaultExecutionMode; mode.Set && !mode.Null {
		if p.DefaultExecutionMode = mode.V; mode.V != "agent" {
			p.DefaultAgentPoolID = nil
		}
	}
	a.DefaultAgentPoolID.IntoPtr(&p.DefaultAgentPoolID)
	if (byMode.Set && !byMode.V) || (byPool.Set && !byPool.V) {
		p.DefaultExecutionMode, p.DefaultAgentPoolID = "", nil
		return nil
	}
	if byMode.V && p.DefaultExecutionMode == "" {
		p.DefaultExecutionMode, p.DefaultAgentPoolID = p.ExecutionMode(), p.AgentPoolID()
	}
	m := Mode{Names: [2]string{"default-execution-mode", "default-agent-pool-id"}, Value: p.DefaultExecutionMode, Pool: &p.DefaultAgentPoolID, Was: was}
	return f.CheckMode(ctx, m, p.Scope())
}

// Mode is the execution mode that a project or a workspace has of its own.
type Mode struct {
	Names [2]string // of the attributes: mode and agent pool
	Value string    // remote, local, agent; "" is inherited
	Pool  **string  // id of the agent pool; "" is made nil
	Was   *string   // the agent pool before the change
}

// CheckMode refuses an execution mode that does not exist, an agent pool without the
// mode agent or the reverse, and a new agent pool that what lives in the scope may not
// use. An agent pool whose scope shrinks stays with those who have it.
func (f *Feature) CheckMode(ctx context.Context, m Mode, in authz.Scope) error {
	if db.Text(*m.Pool) == "" {
		*m.Pool = nil
	}
	modeName, poolName, pool := m.Names[0], m.Names[1], *m.Pool
	switch {
	case m.Value != "" && m.Value != "remote" && m.Value != "local" && m.Value != "agent":
		return problem.Invalid(modeName, "Execution mode must be remote, local or agent, not %q", m.Value)
	case pool != nil && m.Value != "agent":
		return problem.Invalid(poolName, "Agent pool must not be specified unless using 'agent' execution mode")
	case m.Value == "agent" && pool == nil:
		return problem.Invalid(poolName, "Agent pool must be specified when using 'agent' execution mode")
	case pool == nil || *pool == db.Text(m.Was):
		return nil
	}
	usable, err := f.AgentPool(ctx, *pool, in)
	switch {
	case errors.Is(err, problem.NotFound):
		return problem.Invalid(poolName, "Agent pool %.100q does not exist", *pool)
	case err == nil && !usable && in.Workspace != "":
		return problem.Invalid(poolName, "Agent pool workspace does not have access to use this agent pool")
	case err == nil && !usable:
		return problem.Invalid(poolName, "Agent pool project does not have access to use this agent pool")
	}
	return err
}

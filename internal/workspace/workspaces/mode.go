package workspaces

import (
	"cmp"
	"context"

	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/projects"
)

// ExecutionMode is where runs happen: remote, local or agent.
func (w Workspace) ExecutionMode() string {
	return cmp.Or(w.OwnExecutionMode, w.ProjectMode, w.OrgMode, "remote")
}

// AgentPoolID is the agent pool of runs in mode agent; nil in other modes.
func (w Workspace) AgentPoolID() *string {
	switch {
	case w.OwnExecutionMode != "":
		return w.OwnAgentPoolID
	case w.ProjectMode != "":
		return w.ProjectPool
	}
	return w.OrgPool
}

// setMode settles the execution mode: what the request says is the workspace's own,
// and an overwrite of false gives it back to the project.
func (f *Feature) setMode(ctx context.Context, w *Workspace, a settings) error {
	byMode, byPool := a.SettingOverwrites.ExecutionMode, a.SettingOverwrites.AgentPool
	if byMode.Set && byPool.Set && byMode.V != byPool.V {
		return problem.Invalid("setting-overwrites", "If agent-pool and execution-mode are both included in setting-overwrites, their values must be the same.")
	}
	if a.Operations.Set && a.ExecutionMode.Set {
		return problem.Invalid("operations", "Operations is deprecated and cannot be specified when execution mode is used")
	}
	was, mode := w.OwnAgentPoolID, a.ExecutionMode.V
	if a.Operations.Set {
		mode = map[bool]string{true: "remote", false: "local"}[a.Operations.V]
	}
	if mode != "" {
		if w.OwnExecutionMode = mode; mode != "agent" {
			w.OwnAgentPoolID = nil
		}
	}
	a.AgentPoolID.IntoPtr(&w.OwnAgentPoolID)
	if (byMode.Set && !byMode.V) || (byPool.Set && !byPool.V) {
		w.OwnExecutionMode, w.OwnAgentPoolID = "", nil
		return nil
	}
	if byMode.V && w.OwnExecutionMode == "" {
		w.OwnExecutionMode, w.OwnAgentPoolID = w.ExecutionMode(), w.AgentPoolID()
	}
	m := projects.Mode{Names: [2]string{"execution-mode", "agent-pool-id"}, Value: w.OwnExecutionMode, Pool: &w.OwnAgentPoolID, Was: was}
	return f.Projects.CheckMode(ctx, m, w.Scope())
}

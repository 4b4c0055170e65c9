package app

import (
	"cmp"
	"context"
	"os"
	"path/filepath"

	"plumbline.dev/plumbline/internal/delivery/applies"
	"plumbline.dev/plumbline/internal/delivery/logs"
	"plumbline.dev/plumbline/internal/delivery/outputs"
	"plumbline.dev/plumbline/internal/delivery/phases"
	"plumbline.dev/plumbline/internal/delivery/planexports"
	"plumbline.dev/plumbline/internal/delivery/plans"
	"plumbline.dev/plumbline/internal/identity/access"
	"plumbline.dev/plumbline/internal/kernel/api"
)

// phases are what a run is made of, and who carries it out.
func (a *App) phases() {
	a.Logs = &logs.Feature{DB: a.DB, Objects: a.Objects, Jobs: a.Jobs, Bus: a.Bus}
	a.Logs.Routes(a.Router)
	a.Outputs = &outputs.Store{DB: a.DB, Objects: a.Objects, Jobs: a.Jobs}
	a.Outputs.Work()
	a.Plans = &plans.Feature{DB: a.DB, Jobs: a.Jobs, Logs: a.Logs, Outputs: a.Outputs, Grace: a.Config.DeleteGrace, InUse: a.Runs.InProgress}
	a.Plans.Routes(a.Router)
	a.Applies = &applies.Feature{DB: a.DB, Jobs: a.Jobs, Logs: a.Logs, Outputs: a.Outputs, Grace: a.Config.DeleteGrace, States: a.States.OfRuns}
	a.Applies.Routes(a.Router)
	a.PlanExports = &planexports.Feature{DB: a.DB, Objects: a.Objects, Jobs: a.Jobs, Plans: a.Plans, Run: a.describeRun}
	a.PlanExports.Routes(a.Router)
	a.Dispatch.Logs, a.Logs.OnWatched = a.Logs, a.Dispatch.LogWatched
	a.Phases = &phases.Feature{DB: a.DB, Dispatch: a.Dispatch, Runs: a.Runs, Plans: a.Plans, Applies: a.Applies, Configs: a.Configs, Agents: a.AgentPools,
		Workspaces: a.Workspaces, Variables: a.Variables, States: a.States, SSHKeys: a.SSHKeys, Tokens: a.Tokens, Identity: a.OIDC,
		Revoked: a.revoked, Timeouts: a.Site.Timeouts,
		Address: a.address, Mirror: a.mirrorAt, CA: a.authority}
	a.Phases.Connect()
}

// revoked tells all nodes that tokens are no more.
func (a *App) revoked(ctx context.Context, ids []string) { access.Revoked(ctx, a.Bus, ids) }

// address is where executors and configurations find this server: what the operator said,
// what the agent's request names, or where it listens.
func (a *App) address(ctx context.Context) string {
	named := a.Router.PublicURL
	if named == "" && api.InRequest(ctx) {
		named = a.Router.Address(api.Request(ctx))
	}
	return cmp.Or(named, a.listens, "https://"+a.Config.Listen)
}

// authority is what signed the certificate of a server that made one for itself.
func (a *App) authority() string {
	if a.Config.TLS == "off" || a.Config.TLSCert != "" {
		return ""
	}
	pem, err := os.ReadFile(filepath.Join(a.Config.DataDir, "tls", "ca.pem"))
	if err != nil {
		return "" // a test, whose server has no TLS
	}
	return string(pem)
}

// describeRun is a run as policies see it (Sentinel import "tfrun").
func (a *App) describeRun(ctx context.Context, runID string) (map[string]any, error) {
	r, err := a.Runs.Find(ctx, runID)
	if err != nil {
		return nil, err
	}
	ws, err := a.Workspaces.Find(ctx, r.WorkspaceID)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"id": r.ID, "created_at": r.CreatedAt.Wire(), "message": r.Message, "commit_sha": "", "speculative": r.PlanOnly,
		"is_destroy": r.IsDestroy, "refresh": r.Refresh, "refresh_only": r.RefreshOnly, "source": r.Source,
		"target_addrs": r.TargetAddrs.V, "replace_addrs": r.ReplaceAddrs.V,
		"organization": map[string]any{"name": ws.OrgName},
		"workspace": map[string]any{"id": ws.ID, "name": ws.Name, "created_at": ws.CreatedAt.Wire(), "description": ws.Description,
			"auto_apply": ws.AutoApply, "working_directory": ws.WorkingDirectory, "execution_mode": ws.ExecutionMode()},
	}, nil
}

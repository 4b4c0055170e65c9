package phases

import (
	"context"
	"net/url"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/delivery/dispatch"
	"plumbline.dev/plumbline/internal/delivery/oidc"
	"plumbline.dev/plumbline/internal/delivery/plans"
	"plumbline.dev/plumbline/internal/delivery/runs"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/workspace/stateversions"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// planSpec says what an executor is to plan.
func (f *Feature) planSpec(ctx context.Context, j dispatch.Job) (any, error) {
	p, err := f.Plans.Find(ctx, j.Subject)
	if err != nil {
		return nil, err
	}
	r, err := f.Runs.Find(ctx, p.RunID)
	if err != nil {
		return nil, err
	}
	minutes, err := f.minutes(ctx, r.OrgID, proto.KindPlan)
	if err != nil {
		return nil, err
	}
	phase, _, err := f.phase(ctx, j, r, p, minutes)
	if err != nil {
		return nil, err
	}
	return proto.Plan{
		Phase: phase, Destroy: r.IsDestroy, Refresh: r.Refresh, RefreshOnly: r.RefreshOnly, Targets: r.TargetAddrs.V, Replace: r.ReplaceAddrs.V,
		GenerateConfig: r.AllowConfigGeneration, PlanOnly: r.PlanOnly,
	}, nil
}

// applySpec says what an executor is to apply.
func (f *Feature) applySpec(ctx context.Context, j dispatch.Job) (any, error) {
	a, err := f.Applies.Find(ctx, j.Subject)
	if err != nil {
		return nil, err
	}
	r, err := f.Runs.Find(ctx, a.RunID)
	if err != nil {
		return nil, err
	}
	p, err := f.Plans.Find(ctx, r.PlanID)
	if err != nil {
		return nil, err
	}
	minutes, err := f.minutes(ctx, r.OrgID, proto.KindApply)
	if err != nil {
		return nil, err
	}
	phase, state, err := f.phase(ctx, j, r, p, minutes)
	if err != nil {
		return nil, err
	}
	planned, err := f.Dispatch.Last(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	phase.Engine = proto.Engine{Product: phase.Engine.Product, Version: p.EngineVersion, Any: phase.Engine.Any} // a plan file is of one version
	return proto.Apply{Phase: phase, PlanID: p.ID, PlanJobID: planned.ID, Serial: state.Serial, Lineage: state.Lineage, Quiet: quiet(p)}, nil
}

// minutes is how long a phase may take, a minute at least: what site administrators say of the
// organization, or else of the whole site (Terraform Enterprise, "Build worker timeouts");
// orgs.MaxTimeout at most.
func (f *Feature) minutes(ctx context.Context, orgID, kind string) (int, error) {
	org, err := f.Workspaces.Orgs.Find(ctx, orgID)
	if err != nil {
		return 0, err
	}
	limit, apply := f.Timeouts()
	own := org.Site.V.PlanTimeout
	if kind == proto.KindApply {
		limit, own = apply, org.Site.V.ApplyTimeout
	}
	if d, err := time.ParseDuration(own); err == nil {
		limit = d
	}
	return max(1, int((min(limit, orgs.MaxTimeout)+time.Minute-1)/time.Minute)), nil
}

// readLag is how much later than the server a command line knows that a plan is over: it
// asks for more of the log after up to 2 s, and then for the run.
const readLag = 4 * time.Second

// quiet is what of readLag is left.
func quiet(p plans.Plan) time.Duration {
	if p.FinishedAt == nil {
		return 0
	}
	return min(max(readLag-time.Since(p.FinishedAt.Time), 0), readLag)
}

// phase is what a plan and an apply of a run have in common, and the state that they start from.
func (f *Feature) phase(ctx context.Context, j dispatch.Job, r runs.Run, p plans.Plan, minutes int) (proto.Phase, stateversions.Input, error) {
	var state stateversions.Input
	ws, err := f.Workspaces.Find(ctx, r.WorkspaceID)
	if err != nil {
		return proto.Phase{}, state, err
	}
	project, err := f.Workspaces.Projects.Find(ctx, ws.ProjectID)
	if err != nil {
		return proto.Phase{}, state, err
	}
	address := f.Address(ctx)
	out := proto.Phase{
		RunID: r.ID, Organization: ws.OrgName, Workspace: ws.Name, Project: project.Name, Engine: engine(ws, r), WorkingDirectory: ws.WorkingDirectory,
		Structured: p.Structured, Debug: r.DebuggingMode, Host: Host(address), Address: address, Minutes: minutes,
	}
	if f.CA != nil {
		out.CA = f.CA()
	}
	if f.Mirror != nil {
		out.Mirror = f.Mirror(address)
	}
	if state, out.HasState, err = f.state(ctx, r, ws, j.Kind); err != nil {
		return out, state, err
	}
	if out.Env, out.Variables, err = f.values(ctx, r, ws, project.Name, address); err != nil {
		return out, state, err
	}
	if err := f.identify(ctx, &out, r, ws, j.Kind); err != nil {
		return out, state, err
	}
	if ws.SSHKeyID != nil {
		key, err := f.SSHKeys.Reveal(ctx, *ws.SSHKeyID)
		if err != nil {
			return out, state, absent(err, "The SSH key of the workspace is gone.")
		}
		out.SSHKey = key.Reveal()
	}
	var token crypt.Secret
	if j.Kind == proto.KindAssessment {
		_, token, err = f.Tokens.MintScan(ctx, ws.ID, j.ID)
	} else {
		_, token, err = f.Tokens.MintRun(ctx, ws.ID, j.ID, time.Duration(minutes)*time.Minute)
	}
	out.Token = token.Reveal()
	return out, state, err
}

// identify adds what a phase shows to others as its identity.
func (f *Feature) identify(ctx context.Context, p *proto.Phase, r runs.Run, ws workspaces.Workspace, kind string) error {
	if kind == proto.KindAssessment {
		kind = proto.KindPlan // it is one: roles that plans may take are what it needs
	}
	w := oidc.Workload{Issuer: p.Address, OrgID: ws.OrgID, Organization: p.Organization, ProjectID: ws.ProjectID, Project: p.Project,
		WorkspaceID: ws.ID, Workspace: p.Workspace, RunID: r.ID, Phase: kind, Limit: time.Duration(p.Minutes) * time.Minute}
	made, err := f.Identity.Credentials(ctx, w, p.Env)
	p.Env, p.Files = append(p.Env, made.Env...), append(p.Files, made.Files...)
	return err
}

// Host is what configurations call the server: HOST, or HOST:PORT if the port is not 443.
func Host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	if u.Port() == "443" {
		return u.Hostname()
	}
	return u.Host
}

// engine is what a run in a workspace uses. The numbers of OpenTofu and Terraform overlap,
// and both command lines give a new workspace the version of theirs; so for a workspace
// that names no engine the version may be one that OpenTofu never had (docs/compatibility.md).
func engine(ws workspaces.Workspace, r runs.Run) proto.Engine {
	e := proto.Engine{Product: "tofu", Version: r.TerraformVersion, Near: ws.Engine == "", Any: ws.Engine == ""}
	if ws.Engine == workspaces.Terraform {
		e.Product = "terraform"
	}
	return e
}

// state is what a phase starts from: a plan from the state that its run says, which is the
// one that was current when the plan was claimed; an apply from the current one.
func (f *Feature) state(ctx context.Context, r runs.Run, ws workspaces.Workspace, kind string) (in stateversions.Input, has bool, err error) {
	id := ws.CurrentStateVersionID
	if kind == proto.KindPlan {
		id = r.InputStateVersionID
	}
	if id == nil {
		return in, false, nil
	}
	in, err = f.States.InputOf(ctx, *id)
	return in, true, absent(err, "The data of the current state of the workspace was deleted.")
}

// values are the variables of a run. Those of priority sets win over what the run brings
// along, which wins over the others ("Workspace variables", Precedence).
func (f *Feature) values(ctx context.Context, r runs.Run, ws workspaces.Workspace, project, address string) (env []proto.Env, vars []proto.Variable, err error) {
	values, err := f.Variables.ForRun(ctx, ws.ID)
	if err != nil {
		return nil, nil, err
	}
	brought, err := f.Runs.Variables(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	var first []proto.Variable
	for _, v := range values {
		one := proto.Variable{Key: v.Key, Value: v.Value.Reveal(), HCL: v.HCL, Sensitive: v.Sensitive}
		switch {
		case v.Category == "env":
			env = append(env, proto.Env{Name: v.Key, Value: one.Value, Sensitive: v.Sensitive})
		case v.Priority:
			first = append(first, one)
		default:
			vars = append(vars, one)
		}
	}
	for _, v := range brought {
		vars = append(vars, proto.Variable{Key: v.Key, Value: v.Value, HCL: true})
	}
	platform, err := f.platform(ctx, r, ws, project, address)
	return append(env, platform...), append(vars, first...), err
}

// platform are the variables that every run has ("The Remote Operations run environment"),
// also as input variables for configurations that declare them. Those called ATLAS_… are
// older names of the same.
func (f *Feature) platform(ctx context.Context, r runs.Run, ws workspaces.Workspace, project, address string) ([]proto.Env, error) {
	slug := ws.OrgName + "/" + ws.Name
	pairs := []string{
		"TFC_RUN_ID", r.ID, "TFC_WORKSPACE_NAME", ws.Name, "TFC_WORKSPACE_SLUG", slug, "TFC_PROJECT_NAME", project,
		"TFE_RUN_ID", r.ID, "ATLAS_ADDRESS", address, "ATLAS_RUN_ID", r.ID, "ATLAS_WORKSPACE_NAME", ws.Name, "ATLAS_WORKSPACE_SLUG", slug,
	}
	if r.ConfigurationVersionID != nil {
		git, err := f.Configs.GitOf(ctx, *r.ConfigurationVersionID)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, git...)
	}
	var env []proto.Env
	for i := 0; i < len(pairs); i += 2 {
		env = append(env, proto.Env{Name: pairs[i], Value: pairs[i+1]})
		if strings.HasPrefix(pairs[i], "TFC_") {
			env = append(env, proto.Env{Name: "TF_VAR_" + pairs[i], Value: pairs[i+1]})
		}
	}
	return env, nil
}

package runs

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"plumbline.dev/plumbline/internal/delivery/configversions"
	"plumbline.dev/plumbline/internal/delivery/runqueue"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// DefaultMessage is that of a run whose maker gave none (runs page).
const DefaultMessage = "Queued manually via the Terraform Enterprise API"

// New is a run to be made.
type New struct {
	Workspace workspaces.Workspace // locked in this transaction
	// Version is the configuration; nil is the current one of the workspace.
	Version *configversions.Version
	Source  string // FromAPI if ""
	// Reason is why there is a run, for clients: "manual" if "".
	Reason                 string
	Message                string // DefaultMessage if ""
	CreatedBy              *string
	TriggeringRunID        *string
	TriggeringWorkspaceID  *string
	PlanOnly, SavePlan     bool
	IsDestroy, RefreshOnly bool
	NoRefresh              bool
	AutoApply              bool // decided: the maker may apply
	AllowEmptyApply        bool
	AllowConfigGeneration  bool
	DebuggingMode          bool
	TargetAddrs            []string
	ReplaceAddrs           []string
	InvokeActionAddrs      []string
	PolicyPaths            []string
	Variables              []Variable
	TerraformVersion       string // "" is the workspace's
}

// attributes are those of a request.
type attributes struct {
	AllowEmptyApply       jsonapi.Opt[bool]       `json:"allow-empty-apply"`
	AllowConfigGeneration jsonapi.Opt[bool]       `json:"allow-config-generation"`
	AutoApply             jsonapi.Opt[bool]       `json:"auto-apply"`
	DebuggingMode         jsonapi.Opt[bool]       `json:"debugging-mode"`
	IsDestroy             jsonapi.Opt[bool]       `json:"is-destroy"`
	Message               jsonapi.Opt[string]     `json:"message"`
	Refresh               jsonapi.Opt[bool]       `json:"refresh"`
	RefreshOnly           jsonapi.Opt[bool]       `json:"refresh-only"`
	ReplaceAddrs          jsonapi.Opt[[]string]   `json:"replace-addrs"`
	TargetAddrs           jsonapi.Opt[[]string]   `json:"target-addrs"`
	InvokeActionAddrs     jsonapi.Opt[[]string]   `json:"invoke-action-addrs"`
	PolicyPaths           jsonapi.Opt[[]string]   `json:"policy-paths"`
	Variables             jsonapi.Opt[[]Variable] `json:"variables"`
	PlanOnly              jsonapi.Opt[bool]       `json:"plan-only"`
	SavePlan              jsonapi.Opt[bool]       `json:"save-plan"`
	TerraformVersion      jsonapi.Opt[string]     `json:"terraform-version"`
}

// create makes a run in the workspace that the request names. The permission is that of
// the workspace, which the path does not tell.
func (f *Feature) create(ctx context.Context, _ authz.Site, in jsonapi.In[attributes]) (Run, error) {
	ref, _ := in.Data.One("workspace")
	if ref.ID == "" {
		return Run{}, problem.InvalidRelation("workspace", "Workspace can't be blank")
	}
	ws, err := f.Workspaces.Lock(ctx, ref.ID)
	if err != nil {
		return Run{}, err
	}
	if err := authz.Check(ctx, authz.PlanRuns, ws); err != nil {
		return Run{}, err
	}
	n, err := f.asked(ctx, ws, in)
	if err != nil {
		return Run{}, err
	}
	r, err := f.Make(ctx, n)
	if err != nil {
		return r, err
	}
	return f.read(ctx, r.ID)
}

// asked is the run that a request asks for.
func (f *Feature) asked(ctx context.Context, ws workspaces.Workspace, in jsonapi.In[attributes]) (New, error) {
	a := in.Data.Attributes
	n := New{
		Workspace: ws, Source: sourceOf(ctx), Message: a.Message.V, CreatedBy: actor(ctx),
		SavePlan: a.SavePlan.V, IsDestroy: a.IsDestroy.V, RefreshOnly: a.RefreshOnly.V, NoRefresh: !a.Refresh.Or(true),
		AutoApply: a.AutoApply.Or(ws.AutoApply) && authz.Can(ctx, authz.ApplyRuns, ws.Scope()), AllowEmptyApply: a.AllowEmptyApply.V,
		AllowConfigGeneration: a.AllowConfigGeneration.V, DebuggingMode: a.DebuggingMode.V, TargetAddrs: a.TargetAddrs.V, ReplaceAddrs: a.ReplaceAddrs.V,
		InvokeActionAddrs: a.InvokeActionAddrs.V, PolicyPaths: a.PolicyPaths.V, Variables: a.Variables.V, TerraformVersion: a.TerraformVersion.V,
	}
	if ref, _ := in.Data.One("configuration-version"); ref.ID != "" {
		v, err := f.Configs.Find(ctx, ref.ID)
		if err == nil && (v.OrgID != ws.OrgID || v.ModuleID != nil) {
			err = problem.NotFound
		}
		if err == nil {
			err = authz.Check(ctx, authz.ReadRuns, v)
		}
		if err != nil {
			return n, err
		}
		n.Version = &v
	} else if err := f.current(ctx, &n); err != nil {
		return n, err
	}
	speculative := n.Version != nil && n.Version.Speculative
	n.PlanOnly = a.PlanOnly.Or(speculative)
	if speculative && !n.PlanOnly {
		return n, problem.Invalid("plan-only", "Plan only must be true for a speculative configuration version")
	}
	return n, nil
}

// sourceOf is FromUI for people in a browser.
func sourceOf(ctx context.Context) string {
	if s := authz.From(ctx); s != nil && s.Session {
		return FromUI
	}
	return FromAPI
}

// current fills in the configuration that the workspace used last.
func (f *Feature) current(ctx context.Context, n *New) error {
	if n.Workspace.CurrentConfigurationVersionID == nil {
		return nil
	}
	v, err := f.Configs.Find(ctx, *n.Workspace.CurrentConfigurationVersionID)
	if err == nil {
		n.Version = &v
	}
	return err
}

// Make makes a run and puts it into its queue, or refuses it with a problem.
func (f *Feature) Make(ctx context.Context, n New) (Run, error) {
	if n.Version == nil {
		if err := f.current(ctx, &n); err != nil {
			return Run{}, err
		}
	}
	if err := n.check(); err != nil {
		return Run{}, err
	}
	r, err := f.insert(ctx, n)
	if err != nil {
		return r, err
	}
	if err := f.used(ctx, n, r); err != nil {
		return r, err
	}
	if r.exclusive() {
		if err := f.Workspaces.SetLatestRun(ctx, r.WorkspaceID, r.ID); err != nil {
			return r, err
		}
	}
	if err := f.note(ctx, r, Event{Action: "queued", Description: r.Message, ActorID: r.CreatedBy}); err != nil {
		return r, err
	}
	f.changed(ctx, r)
	if err := f.moved(ctx, r, ""); err != nil {
		return r, err
	}
	if err := f.Queue.Add(ctx, queueEntry(r, r.exclusive())); err != nil {
		return r, err
	}
	return f.Find(ctx, r.ID)
}

func queueEntry(r Run, exclusive bool) runqueue.Entry {
	return runqueue.Entry{RunID: r.ID, WorkspaceID: r.WorkspaceID, OrgID: r.OrgID, Exclusive: exclusive}
}

func (f *Feature) insert(ctx context.Context, n New) (Run, error) {
	ws, now := n.Workspace, db.Now()
	r := Run{
		ID: id.New("run"), OrgID: ws.OrgID, WorkspaceID: ws.ID, ProjectID: ws.ProjectID, ConfigurationVersionID: &n.Version.ID, Status: Pending,
		StatusTimes: db.AsJSON(map[Status]db.Time{Pending: now}), Source: or(n.Source, FromAPI), TriggerReason: or(n.Reason, "manual"),
		Message: or(n.Message, DefaultMessage), PlanOnly: n.PlanOnly, SavePlan: n.SavePlan && !n.PlanOnly, IsDestroy: n.IsDestroy, Refresh: !n.NoRefresh,
		RefreshOnly: n.RefreshOnly, AutoApply: n.AutoApply, AllowEmptyApply: n.AllowEmptyApply, AllowConfigGeneration: n.AllowConfigGeneration,
		DebuggingMode: n.DebuggingMode, TargetAddrs: db.AsJSON(n.TargetAddrs), ReplaceAddrs: db.AsJSON(n.ReplaceAddrs),
		InvokeActionAddrs: db.AsJSON(n.InvokeActionAddrs), PolicyPaths: db.AsJSON(n.PolicyPaths), TerraformVersion: or(n.TerraformVersion, ws.TerraformVersion),
		ExecutionMode: ws.ExecutionMode(), AgentPoolID: ws.AgentPoolID(), TriggeringRunID: n.TriggeringRunID, TriggeringWorkspaceID: n.TriggeringWorkspaceID,
		CreatedBy: n.CreatedBy, CreatedAt: now, UpdatedAt: now,
	}
	r.Operation = operationOf(r)
	var err error
	if r.SealedVariables, err = f.seal(ctx, r, n.Variables); err != nil {
		return r, err
	}
	if err := f.DB.Insert(ctx, "runs", r); err != nil {
		return r, err
	}
	if r.PlanID, err = f.MakePlan(ctx, r); err != nil {
		return r, err
	}
	if r.ApplyID, err = f.MakeApply(ctx, r); err != nil {
		return r, err
	}
	return r, f.DB.Update(ctx, "runs", r, "plan_id", "apply_id")
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// used makes the configuration of a new run the one that the workspace used last
// (runs page, "Create a Run"). What cannot be applied, or is provisional, does not count.
func (f *Feature) used(ctx context.Context, n New, r Run) error {
	v, current := n.Version, n.Workspace.CurrentConfigurationVersionID
	if v.Speculative || v.Provisional || r.PlanOnly || (current != nil && *current == v.ID) {
		return nil
	}
	return f.Workspaces.SetCurrentConfiguration(ctx, n.Workspace.ID, v.ID)
}

// Limits of what a request may carry.
const (
	maxMessage   = 10_000 // bytes
	maxAddresses = 1000   // of targets and the like
	maxAddress   = 1000   // bytes
	maxVariables = 1000
	maxValue     = 256 << 10 // bytes of a variable
)

// check refuses a run that cannot be.
func (n New) check() error {
	ws := n.Workspace
	if err := n.checkConfiguration(); err != nil {
		return err
	}
	if ws.ExecutionMode() == "local" {
		return problem.Unprocessable("Runs cannot be created in a workspace whose execution mode is local")
	}
	return problem.All(n.checkMode(), n.checkVersion(), checkText("message", n.Message, maxMessage),
		checkAddresses("target-addrs", n.TargetAddrs), checkAddresses("replace-addrs", n.ReplaceAddrs),
		checkAddresses("invoke-action-addrs", n.InvokeActionAddrs), checkAddresses("policy-paths", n.PolicyPaths), checkVariables(n.Variables))
}

// checkConfiguration has the words of HCP Terraform for a workspace without any.
func (n New) checkConfiguration() error {
	v := n.Version
	switch {
	case v == nil:
		return problem.Unprocessable("Configuration version is missing")
	case v.Status == configversions.Uploaded, v.Status == configversions.Archived && v.FromVCS():
		return nil
	}
	return problem.InvalidRelation("configuration-version", "Configuration version cannot be used for a run: it is %s", v.Status)
}

func (n New) checkMode() *problem.Problem {
	switch {
	case n.IsDestroy && n.RefreshOnly:
		return problem.Invalid("refresh-only", "Refresh only and is destroy are mutually exclusive")
	case n.RefreshOnly && n.NoRefresh:
		return problem.Invalid("refresh", "Refresh must be true for a refresh-only run")
	case n.IsDestroy && !n.Workspace.AllowDestroyPlan:
		return problem.Invalid("is-destroy", "Destroy plans are not allowed in this workspace")
	case (n.IsDestroy || n.RefreshOnly) && len(n.ReplaceAddrs) > 0:
		return problem.Invalid("replace-addrs", "Replace addrs cannot be used with a destroy or refresh-only run")
	case n.Version.Speculative && !n.PlanOnly:
		return problem.Invalid("plan-only", "Plan only must be true for a speculative configuration version")
	}
	return nil
}

func (n New) checkVersion() *problem.Problem {
	if n.TerraformVersion == "" {
		return nil
	}
	if !n.PlanOnly {
		return problem.Invalid("terraform-version", "setting terraform-version is only valid when plan-only is set to true")
	}
	return workspaces.CheckVersion(n.TerraformVersion)
}

func checkText(name, text string, limit int) *problem.Problem {
	if len(text) > limit {
		return problem.Invalid(name, "%s is too long (maximum is %d characters)", name, limit)
	}
	return nil
}

func checkAddresses(name string, list []string) *problem.Problem {
	if len(list) > maxAddresses {
		return problem.Invalid(name, "%s has more than %d members", name, maxAddresses)
	}
	for _, a := range list {
		if strings.TrimSpace(a) == "" || len(a) > maxAddress || strings.ContainsAny(a, "\x00\n\r") {
			return problem.Invalid(name, "%s has an address that is empty, longer than %d characters, or has a line break", name, maxAddress)
		}
	}
	return nil
}

func checkVariables(list []Variable) *problem.Problem {
	if len(list) > maxVariables {
		return problem.Invalid("variables", "Variables has more than %d members", maxVariables)
	}
	total := 0
	for _, v := range list {
		total += len(v.Key) + len(v.Value)
		if !validKey(v.Key) {
			return problem.Invalid("variables", "The key %.100q is not a name of a variable", v.Key)
		}
	}
	if total > maxValue {
		return problem.Invalid("variables", "Variables are longer than %d bytes together", maxValue)
	}
	return nil
}

// validKey reports whether a key is an identifier of the language.
func validKey(key string) bool {
	if key == "" || len(key) > 256 {
		return false
	}
	for i, c := range key {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c > 127
		if !letter && (i == 0 || c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return true
}

// seal keeps the values of variables, which may be secrets, from who reads the database.
func (f *Feature) seal(ctx context.Context, r Run, list []Variable) ([]byte, error) {
	if len(list) == 0 {
		return nil, nil
	}
	b, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	return f.Keyring.Seal(ctx, r.OrgID, b, "runs:variables:"+r.ID)
}

// Variables returns the variables of a run.
func (f *Feature) Variables(ctx context.Context, r Run) ([]Variable, error) {
	if len(r.SealedVariables) == 0 {
		return nil, nil
	}
	b, err := f.Keyring.Open(ctx, r.OrgID, r.SealedVariables, "runs:variables:"+r.ID)
	if err != nil {
		return nil, fmt.Errorf("opening the variables of %s: %w", r.ID, err)
	}
	var list []Variable
	return list, json.Unmarshal(b, &list)
}

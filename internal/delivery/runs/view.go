package runs

import (
	"context"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// view is a run as clients see it.
func (f *Feature) view(ctx context.Context, r Run) jsonapi.Resource {
	self := "/api/v2/runs/" + r.ID
	return jsonapi.Resource{
		Type: "runs", ID: r.ID, Attributes: shownOf(ctx, r), Links: jsonapi.Self(self),
		Relationships: jsonapi.Relationships{
			"workspace":             jsonapi.ToOne("workspaces", r.WorkspaceID),
			"plan":                  jsonapi.ToOneAt("plans", r.PlanID, self+"/plan"),
			"apply":                 jsonapi.ToOneAt("applies", r.ApplyID, self+"/apply"),
			"configuration-version": jsonapi.ToOneAt("configuration-versions", db.Text(r.ConfigurationVersionID), self+"/configuration-version"),
			"created-by":            jsonapi.ToOne("users", db.Text(r.CreatedBy)),
			"confirmed-by":          jsonapi.ToOne("users", db.Text(r.ConfirmedBy)),
			"canceled-by":           jsonapi.ToOne("users", db.Text(r.CanceledBy)),
			"input-state-version":   jsonapi.ToOne("state-versions", db.Text(r.InputStateVersionID)),
			"run-events":            jsonapi.Many{Data: refs("run-events", r.events), Related: self + "/run-events"},
			"comments":              jsonapi.Many{Data: refs("comments", r.comments), Related: self + "/comments"},
			"cost-estimate":         jsonapi.ToOne("cost-estimates", ""),
			"policy-checks":         jsonapi.ToMany("policy-checks", nil),
			"task-stages":           jsonapi.ToMany("task-stages", nil),
			"tf-policy-evaluations": jsonapi.ToMany("tf-policy-evaluations", nil),
			"triggering-run":        jsonapi.ToOne("runs", db.Text(r.TriggeringRunID)),
			"triggering-source":     jsonapi.ToOne("workspaces", db.Text(r.TriggeringWorkspaceID)),
		},
	}
}

func refs(typ string, ids []string) []jsonapi.Ref { return jsonapi.ToMany(typ, ids).Data }

// shown are the attributes of a run.
type shown struct {
	Actions               actions            `json:"actions"`
	AllowConfigGeneration bool               `json:"allow-config-generation"`
	AllowEmptyApply       bool               `json:"allow-empty-apply"`
	AutoApply             bool               `json:"auto-apply"`
	CanceledAt            *db.Time           `json:"canceled-at"`
	CreatedAt             db.Time            `json:"created-at"`
	DebuggingMode         bool               `json:"debugging-mode"`
	ForceCancelAt         *db.Time           `json:"force-cancel-available-at,omitempty"` // only after it was cancelled
	HasChanges            bool               `json:"has-changes"`
	InvokeActionAddrs     *[]string          `json:"invoke-action-addrs"`
	IsDestroy             bool               `json:"is-destroy"`
	Message               string             `json:"message"`
	Operation             Operation          `json:"operation"`
	Permissions           permissions        `json:"permissions"`
	PlanOnly              bool               `json:"plan-only"`
	PolicyPaths           *[]string          `json:"policy-paths"`
	PositionInQueue       int                `json:"position-in-queue"`
	Refresh               bool               `json:"refresh"`
	RefreshOnly           bool               `json:"refresh-only"`
	ReplaceAddrs          *[]string          `json:"replace-addrs"`
	SavePlan              bool               `json:"save-plan"`
	Source                string             `json:"source"`
	Status                Status             `json:"status"`
	StatusTimestamps      map[string]db.Time `json:"status-timestamps"`
	TargetAddrs           *[]string          `json:"target-addrs"`
	TerraformVersion      string             `json:"terraform-version"`
	TriggerReason         string             `json:"trigger-reason"`
	UpdatedAt             db.Time            `json:"updated-at"`
	Variables             []Variable         `json:"variables"`
}

// listed is null for no addresses, as on the runs page.
func listed(addresses []string) *[]string {
	if len(addresses) == 0 {
		return nil
	}
	return &addresses
}

type actions struct {
	IsCancelable      bool `json:"is-cancelable"`
	IsConfirmable     bool `json:"is-confirmable"`
	IsDiscardable     bool `json:"is-discardable"`
	IsForceCancelable bool `json:"is-force-cancelable"`
}

type permissions struct {
	CanApply               bool `json:"can-apply"`
	CanCancel              bool `json:"can-cancel"`
	CanComment             bool `json:"can-comment"`
	CanDiscard             bool `json:"can-discard"`
	CanForceExecute        bool `json:"can-force-execute"`
	CanForceCancel         bool `json:"can-force-cancel"`
	CanOverridePolicyCheck bool `json:"can-override-policy-check"`
}

func shownOf(ctx context.Context, r Run) shown {
	return shown{
		Actions:               actions{r.cancelable(), slices.Contains(confirmable, r.Status), slices.Contains(discardable, r.Status), r.forceCancelable(time.Now())},
		AllowConfigGeneration: r.AllowConfigGeneration, AllowEmptyApply: r.AllowEmptyApply, AutoApply: r.AutoApply, CanceledAt: r.CanceledAt,
		CreatedAt: r.CreatedAt, DebuggingMode: r.DebuggingMode, ForceCancelAt: r.ForceCancelAt, HasChanges: r.HasChanges, InvokeActionAddrs: listed(r.InvokeActionAddrs.V),
		IsDestroy: r.IsDestroy, Message: r.Message, Operation: r.Operation, Permissions: permissionsOf(ctx, r), PlanOnly: r.PlanOnly, PolicyPaths: listed(r.PolicyPaths.V),
		PositionInQueue: r.position, Refresh: r.Refresh, RefreshOnly: r.RefreshOnly, ReplaceAddrs: listed(r.ReplaceAddrs.V), SavePlan: r.SavePlan, Source: r.Source,
		Status: r.Status, StatusTimestamps: timestamps(r.StatusTimes.V), TargetAddrs: listed(r.TargetAddrs.V), TerraformVersion: r.TerraformVersion,
		TriggerReason: r.TriggerReason, UpdatedAt: r.UpdatedAt, Variables: append([]Variable{}, r.variables...),
	}
}

func permissionsOf(ctx context.Context, r Run) permissions {
	can := func(p authz.Permission) bool { return authz.Can(ctx, p, r.Scope()) }
	apply := can(authz.ApplyRuns)
	return permissions{
		CanApply: apply, CanCancel: apply, CanDiscard: apply, CanForceExecute: apply,
		CanComment: can(authz.PlanRuns), CanForceCancel: apply && can(authz.UpdateWorkspace), CanOverridePolicyCheck: can(authz.OverridePolicies),
	}
}

// timestamps names the times of statuses as the API does.
func timestamps(times map[Status]db.Time) map[string]db.Time {
	out := make(map[string]db.Time, len(times))
	for s, at := range times {
		switch s {
		case Pending:
			out["plan-queueable-at"] = at
		case FetchingCompleted:
			out["fetched-at"] = at
		default:
			out[strings.ReplaceAll(string(s), "_", "-")+"-at"] = at
		}
	}
	return out
}

package plans

import (
	"context"

	"plumbline.dev/plumbline/internal/delivery/progress"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// view is a plan as clients see it.
func (f *Feature) view(ctx context.Context, p Plan) jsonapi.Resource {
	self := "/api/v2/plans/" + p.ID
	links := jsonapi.Self(self)
	links["json-output"] = self + "/json-output"
	links["json-output-redacted"] = self + "/json-output-redacted"
	links["json-schema"] = self + "/json-schema"
	a := attributes{
		Execution: p.Execution.V.Details(), Generated: p.Generated, HasChanges: p.HasChanges, Structured: p.Structured, Status: p.Status,
		Additions: p.Additions, Changes: p.Changes, Destructions: p.Destructions, Imports: p.Imports, Actions: p.Actions,
		Timestamps: timestamps{p.pendingAt(), p.QueuedAt, p.StartedAt, p.FinishedAt, p.ErroredAt, p.CanceledAt, p.ForceCanceledAt},
		Allowed:    actions{p.Exportable()}, Permissions: permissions{authz.Can(ctx, authz.ReadMocks, p.Scope())},
	}
	if p.hasLog() {
		a.LogReadURL = new(f.Logs.URL(ctx, p.ID))
	}
	return jsonapi.Resource{Type: "plans", ID: p.ID, Attributes: a, Links: links, Relationships: jsonapi.Relationships{
		"state-versions": jsonapi.ToMany("state-versions", nil), // only plans of Terraform 0.8 had any
		"exports":        jsonapi.ToMany("plan-exports", p.exports),
	}}
}

// hasLog reports whether there is a log to read, or will be.
func (p Plan) hasLog() bool {
	return p.Status != progress.Pending && p.Status != progress.Unreachable && p.DeletedAt == nil
}

// pendingAt is when the plan began to wait for an executor.
func (p Plan) pendingAt() *db.Time { return p.QueuedAt }

// Exportable reports whether the plan can be exported.
func (p Plan) Exportable() bool { return p.Status == progress.Finished && p.DeletedAt == nil }

// attributes are named as in the API schema.
type attributes struct {
	Execution    *progress.Execution `json:"execution-details"`
	Generated    bool                `json:"generated-configuration"`
	HasChanges   bool                `json:"has-changes"`
	Additions    *int                `json:"resource-additions"`
	Changes      *int                `json:"resource-changes"`
	Destructions *int                `json:"resource-destructions"`
	Imports      *int                `json:"resource-imports"`
	Actions      *int                `json:"action-invocations"`
	Structured   bool                `json:"structured-run-output-enabled"`
	Status       progress.Status     `json:"status"`
	Timestamps   timestamps          `json:"status-timestamps"`
	LogReadURL   *string             `json:"log-read-url"`
	Allowed      actions             `json:"actions"`
	Permissions  permissions         `json:"permissions"`
}

// timestamps of what has not happened are absent.
type timestamps struct {
	Pending       *db.Time `json:"pending-at,omitempty"`
	Queued        *db.Time `json:"queued-at,omitempty"`
	Started       *db.Time `json:"started-at,omitempty"`
	Finished      *db.Time `json:"finished-at,omitempty"`
	Errored       *db.Time `json:"errored-at,omitempty"`
	Canceled      *db.Time `json:"canceled-at,omitempty"`
	ForceCanceled *db.Time `json:"force-canceled-at,omitempty"`
}

type actions struct {
	Exportable bool `json:"is-exportable"`
}

type permissions struct {
	Export bool `json:"can-export"`
}

package applies

import (
	"context"

	"plumbline.dev/plumbline/internal/delivery/progress"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// view is an apply as clients see it.
func (f *Feature) view(ctx context.Context, v Apply) jsonapi.Resource {
	self := "/api/v2/applies/" + v.ID
	a := attributes{
		Execution: v.Execution.V.Details(), Status: v.Status,
		Additions: v.Additions, Changes: v.Changes, Destructions: v.Destructions, Imports: v.Imports, Actions: v.Actions,
		Timestamps: timestamps{v.QueuedAt, v.StartedAt, v.FinishedAt, v.ErroredAt, v.CanceledAt, v.ForceCanceledAt},
	}
	if v.hasLog() {
		a.LogReadURL = new(f.Logs.URL(ctx, v.ID))
	}
	return jsonapi.Resource{Type: "applies", ID: v.ID, Attributes: a, Links: jsonapi.Self(self), Relationships: jsonapi.Relationships{
		"state-versions": jsonapi.ToMany("state-versions", v.states),
	}}
}

// hasLog reports whether there is a log to read, or will be.
func (a Apply) hasLog() bool {
	return a.Status != progress.Pending && a.Status != progress.Unreachable && a.DeletedAt == nil
}

// attributes are named as in the API schema.
type attributes struct {
	Execution    *progress.Execution `json:"execution-details"`
	Status       progress.Status     `json:"status"`
	Timestamps   timestamps          `json:"status-timestamps"`
	LogReadURL   *string             `json:"log-read-url,omitempty"`
	Additions    *int                `json:"resource-additions"`
	Changes      *int                `json:"resource-changes"`
	Destructions *int                `json:"resource-destructions"`
	Imports      *int                `json:"resource-imports"`
	Actions      *int                `json:"action-invocations"`
}

// timestamps of what has not happened are absent.
type timestamps struct {
	Queued        *db.Time `json:"queued-at,omitempty"`
	Started       *db.Time `json:"started-at,omitempty"`
	Finished      *db.Time `json:"finished-at,omitempty"`
	Errored       *db.Time `json:"errored-at,omitempty"`
	Canceled      *db.Time `json:"canceled-at,omitempty"`
	ForceCanceled *db.Time `json:"force-canceled-at,omitempty"`
}

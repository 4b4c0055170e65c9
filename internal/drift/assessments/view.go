package assessments

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// attributes are those of the wire. The error has two names: that of the API document, and
// that of older pages.
type attributes struct {
	Succeeded          bool    `json:"succeeded"`
	Drifted            bool    `json:"drifted"`
	AllChecksSucceeded bool    `json:"all-checks-succeeded"`
	ResourcesDrifted   int     `json:"resources-drifted"`
	ResourcesUndrifted int     `json:"resources-undrifted"`
	ChecksPassed       int     `json:"checks-passed"`
	ChecksFailed       int     `json:"checks-failed"`
	ChecksErrored      int     `json:"checks-errored"`
	ChecksUnknown      int     `json:"checks-unknown"`
	Severity           *string `json:"severity"`
	ErrorMessage       *string `json:"error-message"`
	ErrorMsg           *string `json:"error-msg"`
	CreatedAt          db.Time `json:"created-at"`
}

// view is a result as clients see it. The addresses of what only admins may read are there
// for who may, and null if there is nothing behind them.
func view(ctx context.Context, r Result) jsonapi.Resource {
	self := "/api/v2/assessment-results/" + r.ID
	links := map[string]any{"self": self, "json-output": nil, "json-schema": nil, "sanitized-plan": nil, "log-output": self + "/log-output"}
	if r.Plan && authz.Can(ctx, authz.ReadPlanJSON, r.Scope()) {
		links["json-output"] = self + "/json-output"
	}
	if r.Schemas && authz.Can(ctx, authz.ReadPlanJSON, r.Scope()) {
		links["json-schema"] = self + "/json-schema"
	}
	return jsonapi.Resource{Type: "assessment-results", ID: r.ID, Links: links, Attributes: attributes{
		Succeeded: r.Succeeded, Drifted: r.Drifted, AllChecksSucceeded: r.AllChecksSucceeded(), ResourcesDrifted: r.ResourcesDrifted,
		ResourcesUndrifted: r.ResourcesUndrifted, ChecksPassed: r.ChecksPassed, ChecksFailed: r.ChecksFailed, ChecksErrored: r.ChecksErrored,
		ChecksUnknown: r.ChecksUnknown, Severity: db.Null(r.Severity), ErrorMessage: db.Null(r.ErrorMessage), ErrorMsg: db.Null(r.ErrorMessage), CreatedAt: r.CreatedAt,
	}, Relationships: jsonapi.Relationships{
		"workspace":  jsonapi.ToOne("workspaces", r.WorkspaceID),
		"source":     jsonapi.ToOne("assessments", r.AssessmentID),
		"drift-scan": jsonapi.ToOne("drift-scans", r.AssessmentID),
	}}
}

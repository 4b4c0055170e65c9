package notifications

import (
	"context"
	"fmt"
	"strings"

	"plumbline.dev/plumbline/internal/kernel/db"
)

// Result is the outcome of a health assessment.
type Result struct {
	ID                 string  `json:"id"`
	URL                string  `json:"url"` // set when it is told
	Succeeded          bool    `json:"succeeded"`
	Drifted            bool    `json:"drifted"`
	AllChecksSucceeded bool    `json:"all_checks_succeeded"`
	ResourcesDrifted   int     `json:"resources_drifted"`
	ResourcesUndrifted int     `json:"resources_undrifted"`
	ChecksPassed       int     `json:"checks_passed"`
	ChecksFailed       int     `json:"checks_failed"`
	ChecksErrored      int     `json:"checks_errored"`
	ChecksUnknown      int     `json:"checks_unknown"`
	CreatedAt          db.Time `json:"created_at"`
}

// Assessment is a new result of a workspace, and the one before it.
type Assessment struct {
	WorkspaceID string  `json:"workspace_id"`
	New         Result  `json:"new"`
	Prior       *Result `json:"prior,omitempty"` // nil: it is the first
	// DriftChanged tells that the drift is another than that of the prior result.
	DriftChanged bool `json:"drift_changed"`
	// ChecksChanged tells that other checks fail than in the prior result.
	ChecksChanged bool `json:"checks_changed"`
}

// triggers are what an assessment is told by: what is new, not what was so before ("drift for the
// first time, or a previously detected drift has changed").
func (a Assessment) triggers() []string {
	var out []string
	n, p := a.New, a.Prior
	if !n.Succeeded {
		if p == nil || p.Succeeded {
			out = append(out, "assessment:failed")
		}
		return out
	}
	if n.Drifted && (p == nil || !p.Drifted || a.DriftChanged) {
		out = append(out, "assessment:drifted")
	}
	bad := func(r *Result) bool { return r != nil && r.ChecksFailed+r.ChecksErrored > 0 }
	if bad(&n) && (!bad(p) || a.ChecksChanged) {
		out = append(out, "assessment:check_failure")
	}
	return out
}

// Assessment tells of a result, in the transaction that stores it.
func (f *Feature) Assessment(ctx context.Context, a Assessment) error {
	names := a.triggers()
	if len(names) == 0 {
		return nil
	}
	w, err := f.Workspaces.Find(ctx, a.WorkspaceID)
	if err != nil {
		return err
	}
	for _, name := range names {
		list, err := f.hearing(ctx, w.ID, w.ProjectID, name)
		if err != nil {
			return err
		}
		for _, c := range list {
			if err := f.Jobs.Enqueue(ctx, telling{ConfigurationID: c.ID, Assessment: &a, Trigger: name}); err != nil {
				return err
			}
		}
	}
	return nil
}

// assessmentPayload is the document about an assessment ("Health assessments"). Its version is a text,
// as in the documentation's sample.
type assessmentPayload struct {
	Version          string            `json:"payload_version"`
	ConfigurationID  string            `json:"notification_configuration_id"`
	ConfigurationURL string            `json:"notification_configuration_url"`
	Scope            string            `json:"trigger_scope"`
	Trigger          string            `json:"trigger"`
	Message          string            `json:"message"`
	Details          assessmentDetails `json:"details"`
}

type assessmentDetails struct {
	New           Result  `json:"new_assessment_result"`
	Prior         *Result `json:"prior_assessment_result"`
	WorkspaceID   string  `json:"workspace_id"`
	WorkspaceName string  `json:"workspace_name"`
	Organization  string  `json:"organization_name"`
}

var assessmentWords = map[string]string{"assessment:drifted": "Drift Detected", "assessment:check_failure": "Check Failure Detected", "assessment:failed": "Health Assessment Failed"}

func (f *Feature) assessmentNotice(ctx context.Context, c Configuration, t telling) (notice, error) {
	a := *t.Assessment
	w, err := f.Workspaces.Find(ctx, a.WorkspaceID)
	if err != nil {
		return notice{}, err
	}
	base := f.Address(ctx) + "/api/v2"
	a.New.URL = base + "/assessment-results/" + a.New.ID
	if a.Prior != nil {
		prior := *a.Prior
		prior.URL = base + "/assessment-results/" + prior.ID
		a.Prior = &prior
	}
	words := assessmentWords[t.Trigger]
	n := a.New
	return notice{
		generic: assessmentPayload{Version: "2", ConfigurationID: c.ID, ConfigurationURL: base + "/notification-configurations/" + c.ID, Scope: "assessment", Trigger: t.Trigger, Message: words,
			Details: assessmentDetails{New: a.New, Prior: a.Prior, WorkspaceID: w.ID, WorkspaceName: w.Name, Organization: w.OrgName}},
		title: words + ": " + w.OrgName + "/" + w.Name,
		facts: [][2]string{{"Organization", w.OrgName}, {"Workspace", w.Name},
			{"Drifted resources", fmt.Sprintf("%d of %d", n.ResourcesDrifted, n.ResourcesDrifted+n.ResourcesUndrifted)},
			{"Checks", fmt.Sprintf("%d passed, %d failed, %d errored, %d unknown", n.ChecksPassed, n.ChecksFailed, n.ChecksErrored, n.ChecksUnknown)}},
		link: f.Address(ctx) + "/app/" + strings.Join([]string{w.OrgName, "workspaces", w.Name}, "/"), linkTo: "Workspace " + w.Name,
	}, nil
}

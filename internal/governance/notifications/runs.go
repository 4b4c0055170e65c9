package notifications

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"slices"

	"plumbline.dev/plumbline/internal/delivery/runs"
	"plumbline.dev/plumbline/internal/identity/changes"
	"plumbline.dev/plumbline/internal/identity/users"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/mail"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// triggers are those of workspaces and projects ("Notification triggers"); the narrow ones, such as
// run:run_canceled, are parts of run:errored and run:needs_attention.
var triggers = []string{
	"run:created", "run:planning", "run:needs_attention", "run:applying", "run:completed", "run:errored",
	"run:pending_apply_approval", "run:cost_estimated", "run:policy_override_required", "run:policies_checked", "run:run_errored", "run:run_canceled", "run:policy_soft_failed",
	"assessment:drifted", "assessment:check_failure", "assessment:failed",
	"workspace:auto_destroy_reminder", "workspace:auto_destroy_run_results", "workspace:deleted",
}

// teamTriggers are those of teams.
var teamTriggers = []string{"change_request:created"}

// occasion is when a run is told of: the trigger, the narrow trigger if there is one, and the
// words.
type occasion struct {
	Trigger string `json:"trigger"`
	Type    string `json:"type,omitempty"`
	Message string `json:"message"`
}

// occasions are those that come with a status.
var occasions = map[runs.Status]occasion{
	runs.Pending:                  {"run:created", "", "Run Created"},
	runs.Planning:                 {"run:planning", "", "Run Planning"},
	runs.CostEstimated:            {"run:cost_estimated", "run:cost_estimated", "Run Cost Estimated"},
	runs.PolicyChecked:            {"run:policies_checked", "run:policies_checked", "Run Policies Checked"},
	runs.PolicyOverride:           {"run:needs_attention", "run:policy_override_required", "Run Needs Attention"},
	runs.PrePlanAwaitingDecision:  {"run:needs_attention", "", "Run Needs Attention"},
	runs.PostPlanAwaitingDecision: {"run:needs_attention", "", "Run Needs Attention"},
	runs.PlannedAndSaved:          {"run:needs_attention", "run:pending_apply_approval", "Run Needs Attention"},
	runs.Applying:                 {"run:applying", "", "Run Applying"},
	runs.Applied:                  {"run:completed", "", "Run Applied"},
	runs.PlannedAndFinished:       {"run:completed", "", "Run Planned And Finished"},
	runs.Errored:                  {"run:errored", "run:run_errored", "Run Errored"},
	runs.Canceled:                 {"run:errored", "run:run_canceled", "Run Canceled"},
	runs.PolicySoftFailed:         {"run:errored", "run:policy_soft_failed", "Run Policy Soft Failed"},
}

// waiting is the occasion of a run that a person must confirm.
var waiting = occasion{"run:needs_attention", "run:pending_apply_approval", "Run Needs Attention"}

// telling is the job to tell one configuration of one event, as it was.
type telling struct {
	ConfigurationID string      `json:"configuration_id"`
	Run             *runEvent   `json:"run,omitempty"`
	Assessment      *Assessment `json:"assessment,omitempty"`
	Trigger         string      `json:"trigger,omitempty"` // of an assessment
}

// Kind implements jobs.Args.
func (telling) Kind() string { return "notification" }

// runEvent is a run at the time of an occasion.
type runEvent struct {
	occasion
	ID        string      `json:"id"`
	Status    runs.Status `json:"status"`
	UpdatedAt db.Time     `json:"updated_at"`
	UpdatedBy string      `json:"updated_by"` // id of a user, "" if it is none
}

// runMoved tells of a run's new status, in the transaction of the change.
func (f *Feature) runMoved(ctx context.Context, r runs.Run, _ runs.Status) error {
	o, ok := occasions[r.Status]
	if !ok {
		return nil
	}
	return f.tell(ctx, r, o)
}

// runWaits tells that a person must confirm a run.
func (f *Feature) runWaits(ctx context.Context, r runs.Run) error { return f.tell(ctx, r, waiting) }

// tell has all configurations told that want to hear of an occasion. Plans that cannot be applied are
// not told of.
func (f *Feature) tell(ctx context.Context, r runs.Run, o occasion) error {
	if r.PlanOnly {
		return nil
	}
	list, err := f.hearing(ctx, r.WorkspaceID, r.ProjectID, o.Trigger, o.Type)
	if err != nil {
		return err
	}
	e := &runEvent{occasion: o, ID: r.ID, Status: r.Status, UpdatedAt: r.UpdatedAt, UpdatedBy: authz.From(ctx).UserID()}
	for _, c := range list {
		if err := f.Jobs.Enqueue(ctx, telling{ConfigurationID: c.ID, Run: e}); err != nil {
			return err
		}
	}
	return nil
}

// hearing returns the enabled configurations of a workspace and its project that have one of the
// triggers.
func (f *Feature) hearing(ctx context.Context, workspaceID, projectID string, names ...string) ([]Configuration, error) {
	list, err := db.All[Configuration](ctx, f.DB, selectConfigurations+` WHERE (c.workspace_id = ? OR c.project_id = ?) AND c.enabled = ? ORDER BY c.created_at, c.id`, workspaceID, projectID, true)
	return slices.DeleteFunc(list, func(c Configuration) bool {
		return !slices.ContainsFunc(names, func(n string) bool { return n != "" && slices.Contains(c.Triggers.V, n) })
	}), err
}

// deliver does the job. What fails in a way that may pass is tried again.
func (f *Feature) deliver(ctx context.Context, t telling) error {
	c, err := f.read(ctx, t.ConfigurationID)
	if errors.Is(err, problem.NotFound) || err == nil && !c.Enabled {
		return nil
	}
	if err != nil {
		return err
	}
	n, err := f.notice(ctx, c, t)
	if errors.Is(err, problem.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	response, err := f.send(ctx, c, n)
	if err != nil {
		return f.unsent(ctx, c, err)
	}
	return f.answered(ctx, c, response)
}

// unsent drops what will never go out and returns what may be tried again.
func (f *Feature) unsent(ctx context.Context, c Configuration, err error) error {
	_, refused := problem.From(err)
	_, unset := errors.AsType[mail.Unset](err)
	_, rejected := errors.AsType[mail.Refused](err)
	if !refused && !unset && !rejected {
		return err
	}
	slog.WarnContext(ctx, "a notification cannot be sent", "configuration", c.ID, "reason", reason(err))
	return nil
}

// answered stores an answer. One that says "later" makes the job be done again.
func (f *Feature) answered(ctx context.Context, c Configuration, r *Response) error {
	if r == nil {
		return nil
	}
	if err := f.keep(ctx, &c, r); err != nil {
		return err
	}
	if err := f.DB.Update(ctx, "notification_configurations", c, "response"); err != nil {
		return err
	}
	changes.Tell(ctx, f.Bus, c.Scope(), "notification-configurations", c.ID)
	if r.Code >= "500" || slices.Contains([]string{"408", "425", "429"}, r.Code) {
		return errors.New("the destination of " + c.ID + " answers " + r.Code)
	}
	return nil
}

// notice is what a job has to tell.
func (f *Feature) notice(ctx context.Context, c Configuration, t telling) (notice, error) {
	if t.Assessment != nil {
		return f.assessmentNotice(ctx, c, t)
	}
	return f.runNotice(ctx, c, *t.Run)
}

// runPayload is the document about a run ("Run notification payload").
type runPayload struct {
	Version         int        `json:"payload_version"`
	ConfigurationID string     `json:"notification_configuration_id"`
	URL             *string    `json:"run_url"`
	ID              *string    `json:"run_id"`
	Message         *string    `json:"run_message"`
	CreatedAt       *db.Time   `json:"run_created_at"`
	CreatedBy       *string    `json:"run_created_by"`
	WorkspaceID     *string    `json:"workspace_id"`
	WorkspaceName   *string    `json:"workspace_name"`
	Organization    *string    `json:"organization_name"`
	Notifications   []runEntry `json:"notifications"`
}

type runEntry struct {
	Message   string       `json:"message"`
	Trigger   string       `json:"trigger"`
	Type      string       `json:"trigger_type,omitempty"`
	Status    *runs.Status `json:"run_status"`
	UpdatedAt *db.Time     `json:"run_updated_at"`
	UpdatedBy *string      `json:"run_updated_by"`
}

// verification is the test message of a configuration.
func verification(c Configuration) notice {
	title := "Verification of " + c.Name
	return notice{title: title, facts: [][2]string{{"Notification", c.Name}},
		generic: runPayload{Version: 1, ConfigurationID: c.ID, Notifications: []runEntry{{Message: title, Trigger: "verification"}}}}
}

func (f *Feature) runNotice(ctx context.Context, c Configuration, e runEvent) (notice, error) {
	r, err := f.Runs.Find(ctx, e.ID)
	if err != nil {
		return notice{}, err
	}
	w, err := f.Workspaces.Find(ctx, r.WorkspaceID)
	if err != nil {
		return notice{}, err
	}
	names, err := f.usernames(ctx, r.CreatedBy, &e.UpdatedBy)
	if err != nil {
		return notice{}, err
	}
	link := f.Address(ctx) + "/app/" + url.PathEscape(w.OrgName) + "/workspaces/" + url.PathEscape(w.Name) + "/runs/" + r.ID
	p := runPayload{Version: 1, ConfigurationID: c.ID, URL: &link, ID: &r.ID, Message: &r.Message, CreatedAt: &r.CreatedAt, CreatedBy: names[0], WorkspaceID: &w.ID, WorkspaceName: &w.Name, Organization: &w.OrgName,
		Notifications: []runEntry{{Message: e.Message, Trigger: e.Trigger, Type: e.Type, Status: &e.Status, UpdatedAt: &e.UpdatedAt, UpdatedBy: names[1]}}}
	facts := [][2]string{{"Organization", w.OrgName}, {"Workspace", w.Name}, {"Run", r.ID}, {"Reason", r.Message}, {"Status", string(e.Status)}, {"Created", r.CreatedAt.Wire()}, {"Event", e.UpdatedAt.Wire()}}
	if names[0] != nil {
		facts = append(facts, [2]string{"Created by", *names[0]})
	}
	return notice{generic: p, title: e.Message + ": " + w.OrgName + "/" + w.Name, facts: facts, link: link, linkTo: "Run " + r.ID}, nil
}

// usernames returns the names of users by id; nil where there is none.
func (f *Feature) usernames(ctx context.Context, ids ...*string) ([]*string, error) {
	var want []string
	for _, id := range ids {
		if id != nil && *id != "" {
			want = append(want, *id)
		}
	}
	found, err := db.In[users.User](ctx, f.DB, `FROM users WHERE id IN (?)`, want)
	out := make([]*string, len(ids))
	for i, id := range ids {
		for _, u := range found {
			if id != nil && u.ID == *id {
				out[i] = &u.Username
			}
		}
	}
	return out, err
}

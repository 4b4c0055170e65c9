package findings

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// acknowledgement is the request to acknowledge; false takes it back.
type acknowledgement struct {
	Acknowledged jsonapi.Opt[bool] `json:"acknowledged"`
}

// acknowledge notes that somebody has seen a finding.
func (f *Feature) acknowledge(ctx context.Context, one Finding, in jsonapi.In[acknowledgement]) (Finding, error) {
	one.AcknowledgedAt, one.AcknowledgedBy = f.acknowledgedBy(ctx, in.Data.Attributes)
	f.changed(ctx, "drift-findings", one.ID, one.Scope())
	return one, f.DB.Update(ctx, "drift_findings", one, "acknowledged_at", "acknowledged_by")
}

// Acknowledge notes that somebody has seen a finding.
func (f *Feature) Acknowledge(ctx context.Context, one Finding) error {
	_, err := f.acknowledge(ctx, one, jsonapi.In[acknowledgement]{})
	return err
}

func (f *Feature) acknowledgedBy(ctx context.Context, a acknowledgement) (*db.Time, *string) {
	if !a.Acknowledged.Or(true) {
		return nil, nil
	}
	now := db.Now()
	return &now, f.user(ctx)
}

// acknowledgeEpisode notes that somebody has seen an episode as it is, with all its findings.
func (f *Feature) acknowledgeEpisode(ctx context.Context, e Episode, in jsonapi.In[acknowledgement]) (Episode, error) {
	e.AcknowledgedAt, e.AcknowledgedBy = f.acknowledgedBy(ctx, in.Data.Attributes)
	if err := f.DB.Update(ctx, "drift_episodes", e, "acknowledged_at", "acknowledged_by"); err != nil {
		return e, err
	}
	_, err := f.DB.Exec(ctx, `UPDATE drift_findings SET acknowledged_at = ?, acknowledged_by = ? WHERE episode_id = ? AND status <> 'resolved'`, e.AcknowledgedAt, e.AcknowledgedBy, e.ID)
	if err != nil {
		return e, err
	}
	kind := HasAcknowledged
	if e.AcknowledgedAt == nil {
		kind = HasUnacknowledged
	}
	return e, f.decided(ctx, e, Note{Kind: kind})
}

// decided notes what somebody has decided about an episode.
func (f *Feature) decided(ctx context.Context, e Episode, n Note) error {
	f.changedEpisode(ctx, e)
	n.OrgID, n.EpisodeID = e.OrgID, e.ID
	return f.noted(ctx, n)
}

// assignee is whom a request names: a member of the organization, or nobody.
func (f *Feature) assignee(ctx context.Context, orgID string, in jsonapi.In[struct{}]) (*string, error) {
	ref, named := in.Data.One("assigned-to")
	if !named {
		return nil, problem.InvalidRelation("assigned-to", "Assigned to must be a user, or null")
	}
	return f.member(ctx, orgID, ref.ID)
}

// member is a user of the organization, nil for "".
func (f *Feature) member(ctx context.Context, orgID, userID string) (*string, error) {
	if userID == "" {
		return nil, nil
	}
	members, err := db.All[string](ctx, f.DB, `SELECT m.user_id FROM organization_memberships m WHERE m.org_id = ? AND m.user_id = ? AND m.status = 'active'`, orgID, userID)
	if err == nil && len(members) == 0 {
		err = problem.InvalidRelation("assigned-to", "The user is no member of the organization")
	}
	return &userID, err
}

// Assign gives a finding to a member of the organization, or to nobody.
func (f *Feature) Assign(ctx context.Context, one Finding, userID string) (err error) {
	if one.AssignedTo, err = f.member(ctx, one.OrgID, userID); err != nil {
		return err
	}
	f.changed(ctx, "drift-findings", one.ID, one.Scope())
	return f.DB.Update(ctx, "drift_findings", one, "assigned_to")
}

func (f *Feature) assign(ctx context.Context, one Finding, in jsonapi.In[struct{}]) (Finding, error) {
	to, err := f.assignee(ctx, one.OrgID, in)
	if err != nil {
		return one, err
	}
	one.AssignedTo = to
	f.changed(ctx, "drift-findings", one.ID, one.Scope())
	return one, f.DB.Update(ctx, "drift_findings", one, "assigned_to")
}

func (f *Feature) assignEpisode(ctx context.Context, e Episode, in jsonapi.In[struct{}]) (Episode, error) {
	to, err := f.assignee(ctx, e.OrgID, in)
	if err != nil {
		return e, err
	}
	e.AssignedTo = to
	if err := f.DB.Update(ctx, "drift_episodes", e, "assigned_to"); err != nil {
		return e, err
	}
	if _, err = f.DB.Exec(ctx, `UPDATE drift_findings SET assigned_to = ? WHERE episode_id = ? AND status <> 'resolved'`, to, e.ID); err != nil {
		return e, err
	}
	note := Note{Kind: HasAssigned, SubjectID: to}
	if to == nil {
		note.Kind = HasUnassigned
	}
	return e, f.decided(ctx, e, note)
}

// ignoring is the request to ignore a finding.
type ignoring struct {
	Reason    jsonapi.Opt[string]   `json:"reason"`
	ExpiresAt jsonapi.Opt[*db.Time] `json:"expires-at"`
	// Everywhere ignores the attribute of the object in the whole organization.
	Everywhere jsonapi.Opt[bool] `json:"everywhere"`
}

// ignore makes a rule for exactly this finding.
func (f *Feature) ignore(ctx context.Context, one Finding, in jsonapi.In[ignoring]) (Finding, error) {
	a := in.Data.Attributes
	r := Rule{ID: id.New("drig"), OrgID: one.OrgID, WorkspaceID: one.WorkspaceID, ScheduleID: one.ScheduleID, Folder: one.Folder, CreatedBy: f.user(ctx), CreatedAt: db.Now(), ProjectID: one.ProjectID}
	if a.Everywhere.V {
		r.WorkspaceID, r.ScheduleID, r.Folder, r.ProjectID = nil, nil, "", ""
		if err := authz.Check(ctx, authz.OperateDrift, r); err != nil {
			return one, err
		}
	}
	if err := f.ruleFor(ctx, r, one, a.Reason.V, a.ExpiresAt.V); err != nil {
		return one, err
	}
	return f.readFinding(ctx, one.ID)
}

// ruleFor makes a rule of one finding.
func (f *Feature) ruleFor(ctx context.Context, r Rule, one Finding, reason string, expires *db.Time) error {
	if err := r.about(one, reason, expires); err != nil {
		return err
	}
	return f.addRule(ctx, r)
}

// about makes a rule one for exactly a finding, wherever the rule holds.
func (r *Rule) about(one Finding, reason string, expires *db.Time) error {
	set := func(text string) jsonapi.Opt[string] { return jsonapi.Opt[string]{Set: true, V: text} }
	request := ruleRequest{Address: set(one.Address), Path: set(one.Path), Reason: set(reason), ExpiresAt: jsonapi.Opt[*db.Time]{Set: true, V: expires}}
	if one.Path == "" {
		request.Kinds = jsonapi.Opt[[]string]{Set: true, V: []string{string(one.Kind)}}
	}
	return r.take(request)
}

// Ignore makes a rule for a finding of a schedule.
func (f *Feature) Ignore(ctx context.Context, one Finding, reason string, expires *db.Time) error {
	return f.ruleFor(ctx, Rule{ID: id.New("drig"), OrgID: one.OrgID, WorkspaceID: one.WorkspaceID, ScheduleID: one.ScheduleID, Folder: one.Folder,
		CreatedBy: f.user(ctx), CreatedAt: db.Now()}, one, reason, expires)
}

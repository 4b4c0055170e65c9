package assessments

import (
	"context"
	"errors"
	"io"

	"plumbline.dev/plumbline/internal/delivery/dispatch"
	"plumbline.dev/plumbline/internal/delivery/outputs"
	"plumbline.dev/plumbline/internal/delivery/progress"
	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/problem"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// Source is how workspaces are looked at.
func (f *Feature) Source() scans.Source {
	return scans.Source{Spec: f.spec, Open: f.open, Put: f.put, Stale: f.stale, Ended: f.ended, Revoke: f.Phases.Revoke}
}

// minutes is how long an assessment may take.
const minutes = 60

func (f *Feature) spec(ctx context.Context, s *scans.Scan, j dispatch.Job) (proto.Scan, error) {
	ws, err := f.Workspaces.Find(ctx, *s.WorkspaceID)
	if err != nil {
		return proto.Scan{}, err
	}
	r, why, err := f.Eligible(ctx, ws)
	if err != nil {
		return proto.Scan{}, err
	}
	if why != "" {
		return proto.Scan{}, problem.Unprocessable("%s", why)
	}
	phase, state, err := f.Phases.Observe(ctx, j, r, minutes)
	if err != nil {
		return proto.Scan{}, err
	}
	s.RunID, s.ConfigurationVersionID, s.Engine, s.EngineVersion = &r.ID, r.ConfigurationVersionID, phase.Engine.Product, phase.Engine.Version
	if s.StateVersionID = nil; phase.HasState {
		s.StateVersionID = &state.ID
	}
	return proto.Scan{Phase: phase, Outputs: true, Cache: ws.ID, Revision: db.Text(r.ConfigurationVersionID),
		Judgement: proto.Judgement{Labels: []string{ws.Name, phase.Project}}}, nil
}

func (f *Feature) open(ctx context.Context, s *scans.Scan, name string) (io.ReadCloser, error) {
	switch {
	case name == proto.Archive && s.ConfigurationVersionID != nil:
		return f.Configs.Open(ctx, *s.ConfigurationVersionID)
	case name == proto.StateIn && s.StateVersionID != nil:
		in, err := f.States.InputOf(ctx, *s.StateVersionID)
		if err != nil {
			return nil, err
		}
		return f.States.Open(ctx, in)
	}
	return nil, problem.NotFound
}

func (f *Feature) put(ctx context.Context, s scans.Scan, name string, body io.Reader) error {
	if name != proto.PlanJSON && name != proto.Schemas {
		return problem.NotFound
	}
	return f.Outputs.Put(ctx, outputs.Output{Subject: s.ID, Name: name, OrgID: s.OrgID, WorkspaceID: *s.WorkspaceID}, body)
}

// stale reports whether the workspace has another state by now.
func (f *Feature) stale(ctx context.Context, s scans.Scan) (bool, error) {
	ws, err := f.Workspaces.Find(ctx, *s.WorkspaceID)
	return err == nil && db.Text(ws.CurrentStateVersionID) != db.Text(s.StateVersionID), err
}

// ended makes the result of an assessment that has ended, with what was found if it
// succeeded. One that somebody cancelled, or that is begun anew, has none.
func (f *Feature) ended(ctx context.Context, s scans.Scan, v *scans.Verdict) error {
	if s.Status != scans.Finished && s.Status != scans.Errored {
		return nil
	}
	ws, err := f.Workspaces.Find(ctx, *s.WorkspaceID)
	if err != nil {
		return err
	}
	r := Result{ID: id.New("asmtres"), AssessmentID: s.ID, OrgID: s.OrgID, WorkspaceID: ws.ID, Status: progress.Errored, ErrorMessage: s.Error, CreatedAt: db.Now(), ProjectID: ws.ProjectID}
	if v != nil {
		r.Succeeded, r.Status, r.ErrorMessage = true, progress.Finished, ""
		r.count(*v)
	}
	return f.conclude(ctx, ws, r)
}

// count fills in what was found.
func (r *Result) count(v scans.Verdict) {
	r.Severity, r.ResourcesUndrifted = string(v.Severity), v.Resources
	objects := map[string]bool{}
	var drift, checks []string
	for i, finding := range v.Findings {
		if finding.Kind.Drifted() {
			objects[finding.Address] = true
			drift = append(drift, v.Fingerprints[i])
		}
	}
	for _, c := range v.Checks {
		switch c.Status {
		case "pass":
			r.ChecksPassed++
		case "fail":
			r.ChecksFailed++
			checks = append(checks, c.Address+" fail")
		case "error":
			r.ChecksErrored++
			checks = append(checks, c.Address+" error")
		default:
			r.ChecksUnknown++
		}
	}
	r.ResourcesDrifted = len(objects)
	r.ResourcesUndrifted = max(v.Resources-len(objects), 0)
	r.Drifted = len(objects) > 0
	r.Fingerprint, r.CheckFingerprint = scans.Sum(drift), scans.Sum(checks)
}

// conclude stores a result, makes it the current one, and tells of what is new about it.
func (f *Feature) conclude(ctx context.Context, ws workspaces.Workspace, r Result) error {
	t := Told{Workspace: ws, New: r}
	if ws.AssessmentID != nil {
		prior, err := f.Find(ctx, *ws.AssessmentID)
		if err != nil && !errors.Is(err, problem.NotFound) {
			return err
		}
		if err == nil {
			t.Prior = &prior
		}
	}
	known, err := f.lastSuccess(ctx, ws.ID)
	if err != nil {
		return err
	}
	t.Known, t.Triggers = known, triggers(r, t.Prior, known)
	f.changed(ctx, ws)
	if err := f.DB.Insert(ctx, "assessment_results", r); err != nil {
		return err
	}
	if err := f.note(ctx, r); err != nil {
		return err
	}
	if len(t.Triggers) == 0 {
		return nil
	}
	for _, tell := range f.OnResult {
		if err := tell(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// lastSuccess is the last result that says something about reality, nil if there is none.
func (f *Feature) lastSuccess(ctx context.Context, workspaceID string) (*Result, error) {
	list, err := db.All[Result](ctx, f.DB, selectResults+` WHERE a.workspace_id = ? AND a.succeeded ORDER BY a.created_at DESC, a.id DESC LIMIT 1`, workspaceID)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

// triggers are what is new about a result: drift for the first time, or drift that has
// changed; the same of checks; and a failure after a success ("Health assessments",
// notifications).
func triggers(r Result, prior, known *Result) []string {
	var all []string
	if r.Drifted && (known == nil || !known.Drifted || known.Fingerprint != r.Fingerprint) {
		all = append(all, TriggerDrifted)
	}
	if r.failing() && (known == nil || !known.failing() || known.CheckFingerprint != r.CheckFingerprint) {
		all = append(all, TriggerCheckFailure)
	}
	if !r.Succeeded && (prior == nil || prior.Succeeded || prior.ErrorMessage != r.ErrorMessage) {
		all = append(all, TriggerFailed)
	}
	return all
}

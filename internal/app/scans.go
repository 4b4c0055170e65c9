package app

import (
	"context"

	"plumbline.dev/plumbline/internal/drift/alerts"
	"plumbline.dev/plumbline/internal/drift/assessments"
	"plumbline.dev/plumbline/internal/drift/findings"
	"plumbline.dev/plumbline/internal/drift/fleet"
	"plumbline.dev/plumbline/internal/drift/phrasing"
	"plumbline.dev/plumbline/internal/drift/remedies"
	"plumbline.dev/plumbline/internal/drift/rounds"
	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/governance/notifications"
	"plumbline.dev/plumbline/internal/kernel/authz"
)

// scans are what looks for drift, and what follows from it.
func (a *App) scans() {
	d, r := &a.Drift, a.Router
	d.Scans = &scans.Feature{DB: a.DB, Keyring: a.Keyring, Jobs: a.Jobs, Dispatch: a.Dispatch, Logs: a.Logs, Bus: a.Bus, Orgs: a.Orgs, Workspaces: a.Workspaces}
	d.Findings = &findings.Feature{DB: a.DB, Keyring: a.Keyring, Orgs: a.Orgs, Workspaces: a.Workspaces, Scans: d.Scans, Bus: a.Bus}
	d.Assessments = &assessments.Feature{DB: a.DB, Jobs: a.Jobs, Orgs: a.Orgs, Workspaces: a.Workspaces, Runs: a.Runs, Configs: a.Configs, States: a.States,
		Agents: a.AgentPools, Phases: a.Phases, Outputs: a.Outputs, Logs: a.Logs, Bus: a.Bus, Scans: d.Scans, Grace: a.Config.DeleteGrace}
	d.Rounds = &rounds.Feature{DB: a.DB, Jobs: a.Jobs, Scans: d.Scans, Findings: d.Findings, Schedules: d.Schedules, Repositories: d.Repositories,
		Connections: d.Connections, Snoozes: d.Snoozes, Settings: d.Settings, Address: a.address, CA: a.authority,
		Raise: d.Alerts.Raise}
	d.Rounds.Connect()
	for _, e := range d.Rounds.Endpoints() {
		d.Verbs.Serve(e)
	}
	d.Alerts.Sent = func(ctx context.Context, al alerts.Alert, dl alerts.Delivery, out bool) error {
		kind := findings.HasAlerted
		if !out {
			kind = findings.HasNotAlerted
		}
		return d.Findings.Note(ctx, dl.EpisodeID, kind, al.Name)
	}
	d.Fleet = &fleet.Feature{DB: a.DB, Bus: a.Bus, Jobs: a.Jobs, Orgs: a.Orgs, Findings: d.Findings}
	d.Fleet.Routes(r)
	d.Scans.Sources = map[string]scans.Source{proto.KindAssessment: d.Assessments.Source(), proto.KindScan: d.Rounds.Source()}
	d.Scans.Settings, d.Scans.Known, d.Scans.Counted = d.Assessments.ForScans, d.Findings.Known, d.Findings.Counted
	d.Scans.Settle, d.Scans.Forget = d.Findings.Settle, a.Outputs.Remove
	d.Assessments.OnResult = append(d.Assessments.OnResult, a.notify)
	a.Changes.Needs = func(in authz.Scope, p authz.Permission) authz.Permission {
		return scans.PermissionOn(in.Workspace != "", p)
	}
	a.phrasing()
	d.Scans.Routes(r)
	d.Findings.Routes(r)
	d.Assessments.Routes(r)
	d.Scans.Connect()
	a.watchDrift()
	d.Remedies = &remedies.Feature{DB: a.DB, Keyring: a.Keyring, Jobs: a.Jobs, Bus: a.Bus, HTTP: a.outbound, Workspaces: a.Workspaces, Variables: a.Variables, Configs: a.Configs, Runs: a.Runs,
		Scans: d.Scans, Findings: d.Findings, Assessments: d.Assessments, Repositories: d.Repositories, Connections: d.Connections, Schedules: d.Schedules, Address: a.address}
	d.Remedies.Routes(r)
}

// phrasing has the operator's language model put drift into words, if there is one. Its server
// is the operator's, so it may be on this machine.
func (a *App) phrasing() {
	f := &phrasing.Feature{DB: a.DB, Keyring: a.Keyring, Jobs: a.Jobs, Orgs: a.Orgs, Settings: a.Config.Model}
	f.Routes(a.Router)
	if a.model != nil {
		f.HTTP, a.Drift.Scans.Phrase = a.model.HTTP(), f.Improve
	}
}

// notify tells of the result of an assessment. What it is compared with is the last result
// that says something about reality: a failure between two looks makes known drift no news.
func (a *App) notify(ctx context.Context, t assessments.Told) error {
	told := notifications.Assessment{WorkspaceID: t.Workspace.ID, New: resultOf(t.New)}
	prior := t.Prior
	if t.New.Succeeded && t.Known != nil {
		prior = t.Known
	}
	if prior != nil {
		was := resultOf(*prior)
		told.Prior, told.DriftChanged, told.ChecksChanged = &was, prior.Fingerprint != t.New.Fingerprint, prior.CheckFingerprint != t.New.CheckFingerprint
	}
	return a.Notifications.Assessment(ctx, told)
}

func resultOf(r assessments.Result) notifications.Result {
	return notifications.Result{ID: r.ID, Succeeded: r.Succeeded, Drifted: r.Drifted, AllChecksSucceeded: r.AllChecksSucceeded(), ResourcesDrifted: r.ResourcesDrifted,
		ResourcesUndrifted: r.ResourcesUndrifted, ChecksPassed: r.ChecksPassed, ChecksFailed: r.ChecksFailed, ChecksErrored: r.ChecksErrored,
		ChecksUnknown: r.ChecksUnknown, CreatedAt: r.CreatedAt}
}

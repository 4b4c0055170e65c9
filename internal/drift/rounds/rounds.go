// Package rounds scans what schedules say: each round looks at the folders of a repository's
// branch, with the credentials of its connections, and what it finds goes to its alerts.
//
// The surprising rule: alerts are offered what is there after every round, not only what is
// new, and leave out what they have told. So what was silenced is told when the silence is
// over, and what a test has found is told by the next round.
package rounds

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"

	"plumbline.dev/plumbline/internal/delivery/dispatch"
	"plumbline.dev/plumbline/internal/delivery/vcs"
	"plumbline.dev/plumbline/internal/drift/alerts"
	"plumbline.dev/plumbline/internal/drift/connections"
	"plumbline.dev/plumbline/internal/drift/findings"
	"plumbline.dev/plumbline/internal/drift/repositories"
	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/drift/schedules"
	"plumbline.dev/plumbline/internal/drift/settings"
	"plumbline.dev/plumbline/internal/drift/snoozes"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Feature makes rounds.
type Feature struct {
	DB           *db.DB
	Jobs         *jobs.Queue
	Scans        *scans.Feature
	Findings     *findings.Feature
	Schedules    *schedules.Feature
	Repositories *repositories.Feature
	Connections  *connections.Feature
	Snoozes      *snoozes.Feature
	Settings     *settings.Feature
	// Raise tells an alert; nil is a server without alerts.
	Raise func(ctx context.Context, e alerts.Event) error
	// Address is where this server is.
	Address func(ctx context.Context) string
	// CA is the certificate authority of Address in PEM form, "" if every system knows it.
	CA func() string
}

// Connect fills in what schedules and snoozes ask for, and hears of findings.
func (f *Feature) Connect() {
	jobs.Handle(f.Jobs, f.expand)
	f.Schedules.Scan, f.Schedules.Cancel, f.Schedules.LastResult, f.Schedules.Deleted = f.Start, f.cancel, f.lastResult, f.Findings.ForgetSchedule
	f.Snoozes.Current = func(ctx context.Context, scheduleID, folder string) (string, string, error) {
		k, err := f.Findings.Known(ctx, scans.TargetOf("", scheduleID, folder))
		return k.Severity, k.Fingerprint, err
	}
	f.Snoozes.OnSnooze = func(ctx context.Context, z snoozes.Snooze) error {
		return f.Findings.NoteOf(ctx, scans.TargetOf("", z.ScheduleID, z.Folder), findings.HasSnoozed, z.Until.Wire())
	}
	f.Snoozes.OnWake = func(ctx context.Context, z snoozes.Snooze) error {
		return f.Findings.NoteOf(ctx, scans.TargetOf("", z.ScheduleID, z.Folder), findings.HasWoken, "")
	}
	f.Findings.OnSettled = append(f.Findings.OnSettled, f.settled)
	f.Findings.ScheduleOrg = func(ctx context.Context, id string) (string, error) {
		s, err := f.Schedules.Find(ctx, id)
		return s.OrgID, err
	}
}

// Source is how folders of repositories are looked at.
func (f *Feature) Source() scans.Source {
	return scans.Source{Spec: f.spec, Open: f.open, Ended: f.ended}
}

// Start implements schedules.Scan: a scan of each folder. Where folders are patterns they are
// found out first, which takes a look at the repository; the id is that of the first scan.
func (f *Feature) Start(ctx context.Context, s schedules.Schedule, why schedules.Reason) (string, error) {
	busy, err := db.All[string](ctx, f.DB, `SELECT id FROM drift_scans WHERE schedule_id = ? AND status IN ('queued', 'running') LIMIT 1`, s.ID)
	if err != nil {
		return "", err
	}
	if len(busy) > 0 {
		return "", schedules.ErrBusy
	}
	first := id.New("drsc")
	for _, folder := range s.Folders.V {
		if strings.ContainsAny(folder, "*?[") {
			return first, f.Jobs.Enqueue(ctx, expansion{ScheduleID: s.ID, Reason: why, First: first}, jobs.Once(s.ID))
		}
	}
	return first, f.begin(ctx, s, why, first, s.Folders.V)
}

// begin starts the scans of folders. A folder that is looked at already is left out.
func (f *Feature) begin(ctx context.Context, s schedules.Schedule, why schedules.Reason, first string, folders []string) error {
	reason := scans.Reason(why)
	switch why {
	case schedules.CaughtUp:
		reason = scans.Scheduled
	case schedules.Quiet:
		reason = scans.Test
	}
	for i, folder := range folders {
		n := scans.New{OrgID: s.OrgID, ScheduleID: s.ID, Folder: folder, Reason: reason, Batch: first, Branch: s.Branch, Quiet: why == schedules.Quiet}
		if i == 0 {
			n.ID = first
		}
		if _, err := f.Scans.Start(ctx, n); err != nil && !errors.Is(err, scans.ErrOngoing) {
			return err
		}
	}
	return nil
}

// expansion is the job that finds out which folders patterns mean, and scans them.
type expansion struct {
	ScheduleID string           `json:"schedule_id"`
	Reason     schedules.Reason `json:"reason"`
	First      string           `json:"first"`
}

// Kind implements jobs.Args.
func (expansion) Kind() string { return "expand-drift-folders" }

func (f *Feature) expand(ctx context.Context, job expansion) error {
	s, err := f.Schedules.Find(ctx, job.ScheduleID)
	if errors.Is(err, problem.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	folders := s.Folders.V
	if s.RepositoryID != nil {
		found, err := f.Repositories.Archive(ctx, *s.RepositoryID, s.Branch, folders)
		var wrong *vcs.Error
		if err != nil && !errors.As(err, &wrong) {
			return err
		}
		if err == nil {
			folders = found.Folders
		} // else the scans of the patterns fail, and say why
	}
	return f.DB.Tx(ctx, func(ctx context.Context) error { return f.begin(ctx, s, job.Reason, job.First, folders) })
}

// cancel ends the scans of a schedule that have not begun.
func (f *Feature) cancel(ctx context.Context, scheduleID string) error {
	ids, err := db.All[string](ctx, f.DB, `SELECT id FROM drift_scans WHERE schedule_id = ? AND status = 'queued' ORDER BY id`, scheduleID)
	for _, id := range ids {
		if err := f.Scans.Cancel(ctx, id); err != nil {
			return err
		}
	}
	return err
}

// lastResult is what the last scans of a schedule found, as the API at /drift shows it.
func (f *Feature) lastResult(ctx context.Context, scheduleID string) (any, error) {
	list, err := db.All[scans.Scan](ctx, f.DB, `SELECT {s} FROM drift_scans s WHERE s.schedule_id = ? AND s.ended_at IS NOT NULL ORDER BY s.queued_at DESC, s.id DESC LIMIT 1`, scheduleID)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	s := list[0]
	return map[string]any{"scan_id": s.ID, "status": s.Status, "folder": s.Folder, "severity": s.Severity, "summary": s.Summary, "resources_drifted": s.Drifted,
		"resources_undrifted": s.Undrifted, "pending": s.Pending, "error": s.Error, "ended": s.EndedAt}, nil
}

// spec says what an executor is to look at: credentials are made now, for this scan.
func (f *Feature) spec(ctx context.Context, s *scans.Scan, _ dispatch.Job) (proto.Scan, error) {
	sched, err := f.Schedules.Find(ctx, *s.ScheduleID)
	if err != nil {
		return proto.Scan{}, err
	}
	if sched.RepositoryID == nil {
		return proto.Scan{}, problem.Unprocessable("The repository of the schedule was deleted.")
	}
	commit, err := f.Repositories.Head(ctx, *sched.RepositoryID, sched.Branch)
	if err != nil {
		return proto.Scan{}, explained(err)
	}
	engine, err := f.engine(ctx, sched, *s, commit)
	if err != nil {
		return proto.Scan{}, explained(err)
	}
	env, err := f.environment(ctx, sched, s)
	if err != nil {
		return proto.Scan{}, err
	}
	s.Branch, s.Commit = sched.Branch, commit
	address := f.Address(ctx)
	phase := proto.Phase{RunID: s.ID, Organization: sched.OrgName, Workspace: sched.Workspace, Project: sched.Name, Engine: engine, WorkingDirectory: strings.TrimPrefix(s.Folder, "."),
		Env: env, Address: address, Minutes: int((sched.Timeout + 59) / 60)} // part of a minute is one
	if f.CA != nil {
		phase.CA = f.CA()
	}
	s.Engine, s.EngineVersion = phase.Engine.Product, phase.Engine.Version
	sum := sha256.Sum256([]byte(s.Target))
	return proto.Scan{Phase: phase, Remote: true, RefreshOnly: sched.Mode == "refresh-only", VarFiles: sched.VarFiles.V, Cache: hex.EncodeToString(sum[:12]), Revision: commit,
		Judgement: proto.Judgement{Labels: []string{sched.Name, s.Folder, sched.Workspace}}}, nil
}

// engine is what a schedule says to use; where it says nothing, what the code asks for.
func (f *Feature) engine(ctx context.Context, s schedules.Schedule, of scans.Scan, commit string) (proto.Engine, error) {
	tool := s.Tool
	if tool == "auto" {
		tool = ""
	}
	var code repositories.Engine
	if s.ToolVersion == "" {
		var err error
		if code, err = f.Repositories.Engine(ctx, *s.RepositoryID, s.Branch, commit, of.Folder, tool); err != nil {
			return proto.Engine{}, err
		}
	}
	product := cmp.Or(tool, code.Product, "tofu")
	return proto.Engine{Product: product, Version: cmp.Or(s.ToolVersion, code.Version, "latest"), Any: tool == "" && !code.Certain, From: code.From}, nil
}

// environment are the credentials and the variables of a schedule.
func (f *Feature) environment(ctx context.Context, s schedules.Schedule, scan *scans.Scan) ([]proto.Env, error) {
	credentials, err := f.Connections.Environment(ctx, s.ConnectionIDs, connections.Use{ScheduleID: s.ID, Folder: scan.Folder, ScanID: scan.ID})
	if err != nil {
		return nil, explained(err)
	}
	own, err := f.Schedules.Variables(ctx, s)
	if err != nil {
		return nil, err
	}
	var env []proto.Env
	for _, from := range []map[string]string{credentials, own} {
		for name, value := range from {
			env = append(env, proto.Env{Name: name, Value: value, Sensitive: connections.IsSecret(name)})
		}
	}
	return env, nil
}

// explained makes a problem of an error that is for people.
func explained(err error) error {
	var repository *vcs.Error
	var connection *connections.Error
	switch {
	case errors.As(err, &repository):
		return problem.Unprocessable("%s", repository.Message)
	case errors.As(err, &connection):
		return problem.Unprocessable("%s", connection.Message)
	}
	return err
}

// open fetches the folder, with the modules that it uses.
func (f *Feature) open(ctx context.Context, s *scans.Scan, name string) (io.ReadCloser, error) {
	if name != proto.Archive {
		return nil, problem.NotFound
	}
	sched, err := f.Schedules.Find(ctx, *s.ScheduleID)
	if err != nil {
		return nil, err
	}
	if sched.RepositoryID == nil {
		return nil, problem.NotFound
	}
	a, err := f.Repositories.Archive(ctx, *sched.RepositoryID, s.Branch, []string{s.Folder})
	if err != nil {
		return nil, explained(err)
	}
	s.Commit = a.Commit
	return a.Open(ctx)
}

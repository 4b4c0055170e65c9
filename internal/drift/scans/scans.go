// Package scans looks for drift: it queues scans of workspaces and of folders of
// repositories, says what executors get, takes in what they found, and hands it on.
//
// A scan changes nothing: it has a lock of nothing and writes no state. The surprising rule:
// what is severe and was not asked for is looked at twice before anything is made of it,
// because clouds give wrong answers for moments; until then the scan is "confirming".
package scans

import (
	"context"
	"errors"
	"io"
	"time"

	"plumbline.dev/plumbline/internal/delivery/dispatch"
	"plumbline.dev/plumbline/internal/delivery/logs"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// Scan is a look for drift.
type Scan struct {
	ID                     string   `db:"id"`
	OrgID                  string   `db:"org_id"`
	WorkspaceID            *string  `db:"workspace_id"` // of an assessment
	ScheduleID             *string  `db:"schedule_id"`  // of a scan of a repository
	Folder                 string   `db:"folder"`
	Target                 string   `db:"target"` // see TargetOf
	Batch                  string   `db:"batch"`
	Reason                 Reason   `db:"reason"`
	Status                 Status   `db:"status"`
	Confirms               *string  `db:"confirms"`
	Attempt                int      `db:"attempt"`
	Quiet                  bool     `db:"quiet"`
	Branch                 string   `db:"branch"`
	Commit                 string   `db:"commit_sha"`
	RunID                  *string  `db:"run_id"`
	ConfigurationVersionID *string  `db:"configuration_version_id"`
	StateVersionID         *string  `db:"state_version_id"`
	Engine                 string   `db:"engine"`
	EngineVersion          string   `db:"engine_version"`
	JobID                  string   `db:"job_id"`
	ExecutorID             string   `db:"executor_id"`
	Resources              int      `db:"resources"`
	Drifted                int      `db:"drifted"`
	Undrifted              int      `db:"undrifted"`
	Pending                int      `db:"pending"`
	StateOnly              int      `db:"state_only"`
	ChecksPassed           int      `db:"checks_passed"`
	ChecksFailed           int      `db:"checks_failed"`
	ChecksErrored          int      `db:"checks_errored"`
	ChecksUnknown          int      `db:"checks_unknown"`
	Severity               string   `db:"severity"`
	Summary                string   `db:"summary"`
	Fingerprint            string   `db:"fingerprint"`
	Warm                   bool     `db:"warm"`
	Refreshed              bool     `db:"refreshed"`
	Error                  string   `db:"error"`
	Sealed                 []byte   `db:"verdict"`
	RequestedBy            *string  `db:"requested_by"`
	QueuedAt               db.Time  `db:"queued_at"`
	StartedAt              *db.Time `db:"started_at"`
	EndedAt                *db.Time `db:"ended_at"`

	ProjectID string `db:"project_id,extra"` // of the workspace
}

// Scope implements authz.Scoped.
func (s Scan) Scope() authz.Scope {
	return authz.Scope{Org: s.OrgID, Project: s.ProjectID, Workspace: db.Text(s.WorkspaceID)}
}

// Kind is the kind of its job.
func (s Scan) Kind() string {
	if s.WorkspaceID != nil {
		return proto.KindAssessment
	}
	return proto.KindScan
}

// Clean reports whether the scan found neither drift nor a check that fails.
func (s Scan) Clean() bool { return s.Drifted == 0 && s.ChecksFailed == 0 && s.ChecksErrored == 0 }

// Reason is why there is a scan.
type Reason string

// The reasons.
const (
	Scheduled Reason = "scheduled"
	Manual    Reason = "manual"
	Test      Reason = "test"
	Confirm   Reason = "confirm"
)

// Status is how far a scan has got.
type Status string

// The statuses. The last five are final, but Confirming, which waits for another scan.
const (
	Queued     Status = "queued"
	Running    Status = "running"
	Confirming Status = "confirming"
	Finished   Status = "finished"
	Errored    Status = "errored"
	Canceled   Status = "canceled"
	Superseded Status = "superseded" // what was looked at had changed by then
)

// Final reports whether nothing comes after the status.
func (s Status) Final() bool {
	return s == Finished || s == Errored || s == Canceled || s == Superseded
}

// New is a scan to be made, of a workspace or of a folder of a schedule.
type New struct {
	ID          string // given before, "" is a fresh one
	OrgID       string
	WorkspaceID string
	ScheduleID  string
	Folder      string
	Reason      Reason
	Batch       string // id of the first of those that are started together, "" begins a batch
	Branch      string
	Confirms    string  // a scan
	Attempt     int     // of a scan that is begun anew
	Quiet       bool    // nobody is alerted
	PoolID      *string // whose agents look; nil: workers of the server
	RequestedBy *string // user
}

// TargetOf is what is looked at, as one word.
func TargetOf(workspaceID, scheduleID, folder string) string {
	if workspaceID != "" {
		return workspaceID
	}
	return scheduleID + "/" + folder
}

// ErrOngoing says that the target is being looked at already.
var ErrOngoing = errors.New("a scan of this is under way")

// Source is where what is looked at comes from, by the kind of the job.
type Source struct {
	// Spec says what an executor gets; it fills in what the scan looks at (branch, commit,
	// run, state version). It is called outside of transactions; a problem ends the scan with
	// its words.
	Spec func(ctx context.Context, s *Scan, j dispatch.Job) (proto.Scan, error)
	// Open opens an input: proto.Archive or proto.StateIn.
	Open func(ctx context.Context, s *Scan, name string) (io.ReadCloser, error)
	// Put takes an output other than proto.Findings; nil takes none.
	Put func(ctx context.Context, s Scan, name string, body io.Reader) error
	// Stale reports, in the transaction that ends a scan, whether what was looked at has
	// changed meanwhile; nil: it has not.
	Stale func(ctx context.Context, s Scan) (bool, error)
	// Ended is called in the transaction that gives a scan a final status, with what was found
	// if it is Finished.
	Ended func(ctx context.Context, s Scan, v *Verdict) error
	// Revoke is called when a job is over, however.
	Revoke func(ctx context.Context, j dispatch.Job) error
}

// Settings of an organization.
type Settings struct {
	Period  time.Duration // between two assessments of a workspace
	Confirm time.Duration // until what is severe is looked at again; 0: never
}

// Known is what is known of a target before a scan: its open drift.
type Known struct {
	Severity    string // "" if it has none
	Fingerprint string
	OldestOpen  time.Duration // since the oldest finding that nobody acknowledged was first seen
}

// Feature makes scans.
type Feature struct {
	DB         *db.DB
	Keyring    *crypt.Keyring
	Jobs       *jobs.Queue
	Dispatch   *dispatch.Feature
	Logs       *logs.Feature
	Bus        *events.Bus
	Orgs       *orgs.Feature
	Workspaces *workspaces.Feature
	Sources    map[string]Source // by the kind of the job
	// Settings returns those of an organization.
	Settings func(ctx context.Context, orgID string) (Settings, error)
	// Known returns what is known of a target.
	Known func(ctx context.Context, target string) (Known, error)
	// Phrase may put what was found into better words, outside of any transaction; nil leaves
	// those of the rules.
	Phrase func(ctx context.Context, s Scan, v *Verdict)
	// Counted returns a verdict without what somebody ignores; nil ignores nothing.
	Counted func(ctx context.Context, s Scan, v Verdict) (Verdict, error)
	// Settle makes of findings what follows from them, in the transaction that ends the scan,
	// and returns those that are not to be ignored.
	Settle func(ctx context.Context, s Scan, v Verdict) (Verdict, error)
	// Taken and Ended hear of each scan that an executor took, after how long, and of each that
	// has come to an end; nil wants to hear nothing.
	Taken func(waited time.Duration)
	Ended func(s Scan)
	// Forget drops what is kept beside old scans, in the transaction of ctx.
	Forget func(ctx context.Context, ids []string) error

	router *api.Router
}

// Start queues a scan, in the transaction of ctx, and returns its id. It is ErrOngoing if
// the target has one that has not ended.
func (f *Feature) Start(ctx context.Context, n New) (string, error) {
	prefix := "drsc"
	if n.WorkspaceID != "" {
		prefix = "asmt"
	}
	if n.ID == "" {
		n.ID = id.New(prefix)
	}
	s := Scan{ID: n.ID, OrgID: n.OrgID, WorkspaceID: db.Null(n.WorkspaceID), ScheduleID: db.Null(n.ScheduleID), Folder: n.Folder,
		Target: TargetOf(n.WorkspaceID, n.ScheduleID, n.Folder), Batch: n.Batch, Reason: n.Reason, Status: Queued, Confirms: db.Null(n.Confirms),
		Attempt: n.Attempt, Quiet: n.Quiet, Branch: n.Branch, RequestedBy: n.RequestedBy, QueuedAt: db.Now()}
	if s.Batch == "" {
		s.Batch = s.ID
	}
	before, err := f.last(ctx, s.Target)
	if err != nil {
		return "", err
	}
	if err := db.InsertAll(ctx, f.DB, "drift_scans", []Scan{s}, `ON CONFLICT DO NOTHING`); err != nil {
		return "", err
	}
	made, err := f.In(ctx, []string{s.ID})
	if err != nil {
		return "", err
	}
	if len(made) == 0 {
		return "", ErrOngoing
	}
	f.changed(ctx, made[0])
	if err := f.Logs.Open(ctx, logs.Stream{ID: s.ID, OrgID: s.OrgID, WorkspaceID: n.WorkspaceID}); err != nil {
		return "", err
	}
	job, err := f.Dispatch.Enqueue(ctx, dispatch.Job{OrgID: s.OrgID, WorkspaceID: s.WorkspaceID, PoolID: n.PoolID, Kind: s.Kind(), Subject: s.ID, Log: s.ID,
		Priority: dispatch.Background, Prefer: before.ExecutorID})
	if err != nil {
		return "", err
	}
	_, err = f.DB.Exec(ctx, `UPDATE drift_scans SET job_id = ? WHERE id = ?`, job, s.ID)
	return s.ID, err
}

// last is the last scan of a target that finished; the zero Scan if there is none.
func (f *Feature) last(ctx context.Context, target string) (Scan, error) {
	list, err := db.All[Scan](ctx, f.DB, selectScans+` WHERE s.target = ? AND s.status = 'finished' ORDER BY s.queued_at DESC, s.id DESC LIMIT 1`, target)
	if err != nil || len(list) == 0 {
		return Scan{}, err
	}
	return list[0], nil
}

// Last is the last scan of a target that finished; the zero Scan if there is none.
func (f *Feature) Last(ctx context.Context, target string) (Scan, error) { return f.last(ctx, target) }

const selectScans = `SELECT {s}, COALESCE(w.project_id, '') AS project_id FROM drift_scans s LEFT JOIN workspaces w ON w.id = s.workspace_id`

// Find returns the scan with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Scan, error) {
	return db.One[Scan](ctx, f.DB, selectScans+` WHERE s.id = ?`, id)
}

// In returns the scans with the given ids.
func (f *Feature) In(ctx context.Context, ids []string) ([]Scan, error) {
	return db.In[Scan](ctx, f.DB, selectScans+` WHERE s.id IN (?)`, ids)
}

// lock returns a scan, and keeps others from changing it until the transaction ends. The
// workspace is locked before.
func (f *Feature) lock(ctx context.Context, id string) (Scan, error) {
	q := selectScans + ` WHERE s.id = ?`
	if f.DB.Postgres() {
		q += ` FOR UPDATE OF s`
	}
	return db.One[Scan](ctx, f.DB, q, id)
}

// Cancel ends a scan that has not ended, in the transaction of ctx.
func (f *Feature) Cancel(ctx context.Context, id string) error {
	s, err := f.Find(ctx, id)
	if err != nil {
		return err
	}
	if s.WorkspaceID != nil {
		if _, err := f.Workspaces.Lock(ctx, *s.WorkspaceID); err != nil {
			return err
		}
	}
	if s, err = f.lock(ctx, id); err != nil {
		return err
	}
	if s.Status == Confirming {
		return f.close(ctx, s, Canceled, nil)
	}
	if s.Status.Final() {
		return nil
	}
	return f.Dispatch.Cancel(ctx, s.ID, proto.Kill)
}

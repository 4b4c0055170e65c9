// Package findings keeps what scans found: the findings of now, the episodes that they make
// up, and what somebody decided about them.
//
// An episode is the time during which one target (a workspace, or a folder of a schedule) has
// drift. People are told of episodes, not of scans: when one begins, changes, gets worse or
// ends. The surprising rule: what was resolved and comes back within a day is the same
// episode, and after it has come back three times nobody is told of it any more.
package findings

import (
	"context"
	"encoding/json"

	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/crypt"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/workspace/workspaces"
)

// Finding is something that differs: an attribute, an object, or a check that fails.
type Finding struct {
	ID             string            `db:"id"`
	OrgID          string            `db:"org_id"`
	WorkspaceID    *string           `db:"workspace_id"`
	ScheduleID     *string           `db:"schedule_id"`
	Folder         string            `db:"folder"`
	Target         string            `db:"target"`
	EpisodeID      *string           `db:"episode_id"`
	Status         Status            `db:"status"`
	Address        string            `db:"address"`
	Type           string            `db:"type"`
	Name           string            `db:"name"`
	Provider       string            `db:"provider"`
	Module         string            `db:"module"`
	Path           string            `db:"path"`
	Kind           classify.Kind     `db:"kind"`
	Severity       string            `db:"severity"`
	Title          string            `db:"title"`
	Why            string            `db:"why"`
	Fix            string            `db:"fix"`
	Rules          db.JSON[[]string] `db:"rules"`
	Actions        db.JSON[[]string] `db:"actions"`
	Masked         bool              `db:"masked"`
	Stateful       bool              `db:"stateful"`
	Fingerprint    string            `db:"fingerprint"`
	Sealed         []byte            `db:"sealed"`
	IgnoredBy      *string           `db:"ignored_by"`
	AcknowledgedAt *db.Time          `db:"acknowledged_at"`
	AcknowledgedBy *string           `db:"acknowledged_by"`
	AssignedTo     *string           `db:"assigned_to"`
	FirstScanID    string            `db:"first_scan_id"`
	LastScanID     string            `db:"last_scan_id"`
	FirstSeenAt    db.Time           `db:"first_seen_at"`
	LastSeenAt     db.Time           `db:"last_seen_at"`
	ResolvedAt     *db.Time          `db:"resolved_at"`

	ProjectID string `db:"project_id,extra"`
	values    values
}

// Check is the Kind of a check that fails.
const Check classify.Kind = "check"

// Status is what became of a finding.
type Status string

// The statuses.
const (
	Open     Status = "open"
	Ignored  Status = "ignored"
	Resolved Status = "resolved"
)

// Scope implements authz.Scoped.
func (f Finding) Scope() authz.Scope {
	return authz.Scope{Org: f.OrgID, Project: f.ProjectID, Workspace: db.Text(f.WorkspaceID)}
}

// Permission implements authz.Owned.
func (f Finding) Permission(p authz.Permission) authz.Permission {
	return scans.PermissionOn(f.WorkspaceID != nil, p)
}

// counts reports whether the finding makes an episode: code that waits does not.
func (f Finding) counts() bool {
	return f.Status == Open && (f.Kind.Drifted() || f.Kind == Check)
}

// values are what differs, as JSON.
type values struct {
	Recorded json.RawMessage `json:"recorded,omitempty"`
	Real     json.RawMessage `json:"real,omitempty"`
	Wanted   json.RawMessage `json:"wanted,omitempty"`
	Unknown  bool            `json:"unknown,omitempty"`
	Problems []string        `json:"problems,omitempty"` // of a check
}

// Event is what a scan means for an episode.
type Event struct {
	Kind    string // New, Changed, Raised, Cleared, or "": nothing that people should be told
	Scan    scans.Scan
	Episode Episode
	Verdict scans.Verdict // without what is ignored
	// Pending counts the changes of the code that are not applied, without what is ignored;
	// PendingFingerprint is the same as long as they are the same.
	Pending            int
	PendingFingerprint string
}

// Kinds of events.
const (
	New     = "new"
	Changed = "changed"
	Raised  = "raised"
	Cleared = "resolved"
)

// Feature keeps findings.
type Feature struct {
	DB         *db.DB
	Keyring    *crypt.Keyring
	Orgs       *orgs.Feature
	Workspaces *workspaces.Feature
	Scans      *scans.Feature
	Bus        *events.Bus
	// OnSettled is told of each scan whose findings were taken in, in its transaction.
	OnSettled []func(ctx context.Context, e Event) error
	// ScheduleOrg returns the organization of a schedule; nil knows none.
	ScheduleOrg func(ctx context.Context, id string) (string, error)
}

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	const one, episode = "/drift-findings/{id}", "/drift-episodes/{id}"
	filters := api.Params(Filters...)
	api.Type(r, "drift-findings", authz.ReadDrift, f.In, f.view)
	api.Type(r, "drift-episodes", authz.ReadDrift, f.EpisodesIn, f.viewEpisode)
	api.List(r, "/organizations/{organization}/drift-findings", authz.ReadOrg, f.Orgs.ByName, f.list, filters)
	api.List(r, "/workspaces/{id}/drift-findings", authz.ReadRuns, f.Workspaces.Find, f.listOfWorkspace, filters)
	api.List(r, episode+"/drift-findings", authz.ReadDrift, f.Episode, f.listOfEpisode, filters)
	api.Read(r, one, authz.ReadDrift, f.readFinding)
	api.Action(r, one+"/actions/acknowledge", authz.OperateDrift, f.readFinding, f.acknowledge)
	api.Action(r, one+"/actions/assign", authz.OperateDrift, f.readFinding, f.assign)
	api.Action(r, one+"/actions/ignore", authz.OperateDrift, f.readFinding, f.ignore)
	episodes := api.Params("filter[workspace][id]", "filter[workspace][name]", "filter[schedule][id]", "filter[folder]", "filter[status]", "filter[severity]", "filter[assigned-to]", "filter[acknowledged]", "search[text]")
	api.List(r, "/organizations/{organization}/drift-episodes", authz.ReadOrg, f.Orgs.ByName, f.listEpisodes, episodes)
	api.List(r, "/workspaces/{id}/drift-episodes", authz.ReadRuns, f.Workspaces.Find, f.episodesOfWorkspace, episodes)
	api.Read(r, episode, authz.ReadDrift, f.Episode)
	api.Action(r, episode+"/actions/acknowledge", authz.OperateDrift, f.Episode, f.acknowledgeEpisode)
	api.Action(r, episode+"/actions/assign", authz.OperateDrift, f.Episode, f.assignEpisode)
	f.noteRoutes(r, episode)
	f.bulkRoutes(r)
	f.groupRoutes(r)
	f.ruleRoutes(r)
}

const selectFindings = `SELECT {f}, COALESCE(w.project_id, '') AS project_id FROM drift_findings f LEFT JOIN workspaces w ON w.id = f.workspace_id`

// Find returns the finding with the given id.
func (f *Feature) Find(ctx context.Context, id string) (Finding, error) {
	return db.One[Finding](ctx, f.DB, selectFindings+` WHERE f.id = ?`, id)
}

func (f *Feature) readFinding(ctx context.Context, id string) (Finding, error) {
	return db.First(f.In(ctx, []string{id}))
}

// In returns the findings with the given ids, with their values.
func (f *Feature) In(ctx context.Context, ids []string) ([]Finding, error) {
	list, err := db.In[Finding](ctx, f.DB, selectFindings+` WHERE f.id IN (?)`, ids)
	if err != nil {
		return nil, err
	}
	return list, f.reveal(ctx, list)
}

func place(findingID string) string { return "drift_findings/sealed/" + findingID }

// reveal opens the values of findings.
func (f *Feature) reveal(ctx context.Context, list []Finding) error {
	for i := range list {
		one := &list[i]
		if len(one.Sealed) == 0 {
			continue
		}
		b, err := f.Keyring.Open(ctx, one.OrgID, one.Sealed, place(one.ID))
		if err != nil {
			return err
		}
		if err := json.Unmarshal(b, &one.values); err != nil {
			return err
		}
	}
	return nil
}

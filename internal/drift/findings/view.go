package findings

import (
	"context"
	"encoding/json"

	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// attributes are those of a finding on the wire. Values are as JSON has them, and null if
// there is none or if they are sensitive, which masked tells.
type attributes struct {
	Address        string          `json:"address"`
	Type           string          `json:"resource-type"`
	Name           string          `json:"resource-name"`
	Provider       *string         `json:"provider"`
	Module         *string         `json:"module"`
	Path           *string         `json:"path"`
	Folder         *string         `json:"folder"`
	Kind           classify.Kind   `json:"kind"`
	Status         Status          `json:"status"`
	Severity       string          `json:"severity"`
	Title          *string         `json:"title"`
	Why            *string         `json:"why"`
	Fix            *string         `json:"fix"`
	Rules          []string        `json:"rules"`
	Actions        []string        `json:"actions"`
	Masked         bool            `json:"masked"`
	Stateful       bool            `json:"stateful"`
	Recorded       json.RawMessage `json:"recorded"`
	Real           json.RawMessage `json:"real"`
	Wanted         json.RawMessage `json:"wanted"`
	Unknown        bool            `json:"wanted-unknown"`
	Problems       []string        `json:"problems"`
	Fingerprint    string          `json:"fingerprint"`
	FirstSeenAt    db.Time         `json:"first-seen-at"`
	LastSeenAt     db.Time         `json:"last-seen-at"`
	ResolvedAt     *db.Time        `json:"resolved-at"`
	AcknowledgedAt *db.Time        `json:"acknowledged-at"`
}

func (f *Feature) view(_ context.Context, one Finding) jsonapi.Resource {
	return jsonapi.Resource{Type: "drift-findings", ID: one.ID, Links: jsonapi.Self("/api/v2/drift-findings/" + one.ID), Attributes: attributes{
		Address: one.Address, Type: one.Type, Name: one.Name, Provider: db.Null(one.Provider), Module: db.Null(one.Module), Path: db.Null(one.Path), Folder: db.Null(one.Folder),
		Kind: one.Kind, Status: one.Status, Severity: one.Severity, Title: db.Null(one.Title), Why: db.Null(one.Why), Fix: db.Null(one.Fix), Rules: jsonapi.List(one.Rules.V),
		Actions: jsonapi.List(one.Actions.V), Masked: one.Masked, Stateful: one.Stateful, Recorded: one.values.Recorded, Real: one.values.Real, Wanted: one.values.Wanted,
		Unknown: one.values.Unknown, Problems: jsonapi.List(one.values.Problems), Fingerprint: one.Fingerprint, FirstSeenAt: one.FirstSeenAt, LastSeenAt: one.LastSeenAt,
		ResolvedAt: one.ResolvedAt, AcknowledgedAt: one.AcknowledgedAt,
	}, Relationships: jsonapi.Relationships{
		"workspace":       jsonapi.ToOne("workspaces", db.Text(one.WorkspaceID)),
		"drift-schedule":  jsonapi.ToOne("drift-schedules", db.Text(one.ScheduleID)),
		"drift-episode":   jsonapi.ToOne("drift-episodes", db.Text(one.EpisodeID)),
		"first-scan":      jsonapi.ToOne("drift-scans", one.FirstScanID),
		"last-scan":       jsonapi.ToOne("drift-scans", one.LastScanID),
		"ignored-by":      jsonapi.ToOne("drift-ignore-rules", db.Text(one.IgnoredBy)),
		"acknowledged-by": jsonapi.ToOne("users", db.Text(one.AcknowledgedBy)),
		"assigned-to":     jsonapi.ToOne("users", db.Text(one.AssignedTo)),
	}}
}

// episodeAttributes are those of an episode on the wire.
type episodeAttributes struct {
	Target         string   `json:"target"`
	Folder         *string  `json:"folder"`
	Status         Status   `json:"status"`
	Severity       string   `json:"severity"`
	Worst          string   `json:"worst-severity"`
	Summary        string   `json:"summary"`
	Fingerprint    string   `json:"fingerprint"`
	Findings       int      `json:"findings-count"`
	Resources      int      `json:"resources-count"`
	Checks         int      `json:"failed-checks-count"`
	Flaps          int      `json:"flaps"`
	OpenedAt       db.Time  `json:"opened-at"`
	ChangedAt      db.Time  `json:"changed-at"`
	ResolvedAt     *db.Time `json:"resolved-at"`
	ToldAt         *db.Time `json:"told-at"`
	AcknowledgedAt *db.Time `json:"acknowledged-at"`
}

func (f *Feature) viewEpisode(_ context.Context, e Episode) jsonapi.Resource {
	self := "/api/v2/drift-episodes/" + e.ID
	return jsonapi.Resource{Type: "drift-episodes", ID: e.ID, Links: jsonapi.Self(self), Attributes: episodeAttributes{
		Target: e.Target, Folder: db.Null(e.Folder), Status: e.Status, Severity: e.Severity, Worst: e.Worst, Summary: e.Summary, Fingerprint: e.Fingerprint,
		Findings: e.Findings, Resources: e.Resources, Checks: e.Checks, Flaps: e.Flaps, OpenedAt: e.OpenedAt, ChangedAt: e.ChangedAt,
		ResolvedAt: e.ResolvedAt, ToldAt: e.ToldAt, AcknowledgedAt: e.AcknowledgedAt,
	}, Relationships: jsonapi.Relationships{
		"workspace":       jsonapi.ToOne("workspaces", db.Text(e.WorkspaceID)),
		"drift-schedule":  jsonapi.ToOne("drift-schedules", db.Text(e.ScheduleID)),
		"first-scan":      jsonapi.ToOne("drift-scans", e.FirstScanID),
		"last-scan":       jsonapi.ToOne("drift-scans", e.LastScanID),
		"acknowledged-by": jsonapi.ToOne("users", db.Text(e.AcknowledgedBy)),
		"assigned-to":     jsonapi.ToOne("users", db.Text(e.AssignedTo)),
		"drift-findings":  jsonapi.Related(self + "/drift-findings"),
	}}
}

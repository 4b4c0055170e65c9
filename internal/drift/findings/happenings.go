package findings

import (
	"context"
	"plumbline.dev/plumbline/internal/identity/changes"

	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
)

// Happening is what happened to an episode.
type Happening string

// The happenings.
const (
	HasOpened         Happening = "opened"
	HasReopened       Happening = "reopened" // it came back within a day
	HasChanged        Happening = "changed"
	HasRaised         Happening = "raised"
	HasResolved       Happening = "resolved"
	HasAcknowledged   Happening = "acknowledged"
	HasUnacknowledged Happening = "unacknowledged"
	HasAssigned       Happening = "assigned"
	HasUnassigned     Happening = "unassigned"
	HasIgnored        Happening = "ignored"   // some of its findings; Detail is the reason
	HasUnignored      Happening = "unignored" // some findings count again
	HasSnoozed        Happening = "snoozed"   // Detail is until when, as RFC 3339
	HasWoken          Happening = "woken"
	HasAlerted        Happening = "alerted"      // Detail is the name of the alert
	HasNotAlerted     Happening = "alert-failed" // Detail is the name of the alert
)

// Note is that something happened to an episode.
type Note struct {
	ID        string    `db:"id"`
	OrgID     string    `db:"org_id"`
	EpisodeID string    `db:"episode_id"`
	Kind      Happening `db:"kind"`
	Severity  string    `db:"severity"`
	Findings  int       `db:"findings"`
	Detail    string    `db:"detail"`
	ScanID    *string   `db:"scan_id"`
	ActorID   *string   `db:"actor_id"`
	SubjectID *string   `db:"subject_id"`
	At        db.Time   `db:"at"`

	WorkspaceID *string `db:"workspace_id,extra"`
	ProjectID   string  `db:"project_id,extra"`
}

// Scope implements authz.Scoped.
func (n Note) Scope() authz.Scope {
	return authz.Scope{Org: n.OrgID, Project: n.ProjectID, Workspace: db.Text(n.WorkspaceID)}
}

// Permission implements authz.Owned.
func (n Note) Permission(p authz.Permission) authz.Permission {
	return scans.PermissionOn(n.WorkspaceID != nil, p)
}

// noted writes down what has happened to episodes, by whoever asks for it.
func (f *Feature) noted(ctx context.Context, notes ...Note) error {
	for i := range notes {
		notes[i].ID, notes[i].At, notes[i].ActorID = id.New("dree"), db.Now(), f.user(ctx)
		notes[i].Detail = cut(notes[i].Detail)
	}
	return db.InsertAll(ctx, f.DB, "drift_episode_events", notes, "")
}

// cut bounds what is written down of a text.
func cut(text string) string {
	if r := []rune(text); len(r) > maxPattern {
		return string(r[:maxPattern])
	}
	return text
}

// Note writes down what has happened to an episode, in the transaction of ctx. One that is no
// more is no error.
func (f *Feature) Note(ctx context.Context, episodeID string, kind Happening, detail string) error {
	list, err := f.EpisodesIn(ctx, []string{episodeID})
	if err != nil || len(list) == 0 {
		return err
	}
	f.changedEpisode(ctx, list[0])
	return f.noted(ctx, Note{OrgID: list[0].OrgID, EpisodeID: episodeID, Kind: kind, Detail: detail})
}

// NoteOf is Note for the episode that a target has now, if it has one.
func (f *Feature) NoteOf(ctx context.Context, target string, kind Happening, detail string) error {
	e, err := f.last(ctx, target)
	if err != nil || e.Status != Open {
		return err
	}
	return f.Note(ctx, e.ID, kind, detail)
}

// changedEpisode tells clients that an episode is no longer as it was, and so are its findings.
func (f *Feature) changedEpisode(ctx context.Context, e Episode) {
	changes.Tell(ctx, f.Bus, e.Scope(), "drift-episodes", e.ID)
}

// changed tells clients that something of a type is no longer as it was where it is.
func (f *Feature) changed(ctx context.Context, typ, id string, in authz.Scope) {
	changes.Tell(ctx, f.Bus, in, typ, id)
}

func (f *Feature) noteRoutes(r *api.Router, episode string) {
	api.Type(r, "drift-episode-events", authz.ReadDrift, nil, viewNote)
	api.List(r, episode+"/drift-episode-events", authz.ReadDrift, f.Episode, f.listNotes)
}

// listNotes gives the newest first.
func (f *Feature) listNotes(ctx context.Context, e Episode, q api.Query) (api.Page[Note], error) {
	return api.Select[Note](ctx, f.DB, q, `SELECT {n}, e.workspace_id AS workspace_id, COALESCE(w.project_id, '') AS project_id FROM drift_episode_events n JOIN drift_episodes e ON e.id = n.episode_id LEFT JOIN workspaces w ON w.id = e.workspace_id
		WHERE n.episode_id = ? ORDER BY n.at DESC, n.id DESC`, e.ID)
}

type noteAttributes struct {
	Kind     Happening `json:"kind"`
	Severity *string   `json:"severity"`
	Findings int       `json:"findings-count"`
	Detail   *string   `json:"detail"`
	At       db.Time   `json:"at"`
}

func viewNote(_ context.Context, n Note) jsonapi.Resource {
	return jsonapi.Resource{Type: "drift-episode-events", ID: n.ID, Attributes: noteAttributes{n.Kind, db.Null(n.Severity), n.Findings, db.Null(n.Detail), n.At},
		Relationships: jsonapi.Relationships{
			"drift-episode": jsonapi.ToOne("drift-episodes", n.EpisodeID),
			"drift-scan":    jsonapi.ToOne("drift-scans", db.Text(n.ScanID)),
			"actor":         jsonapi.ToOne("users", db.Text(n.ActorID)),
			"assigned-to":   jsonapi.ToOne("users", db.Text(n.SubjectID)),
		}}
}

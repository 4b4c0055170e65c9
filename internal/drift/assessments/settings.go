package assessments

import (
	"context"
	"time"

	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Settings are what an organization decides about assessments.
type Settings struct {
	OrgID          string  `db:"org_id"`
	Minutes        int     `db:"minutes"`         // between two assessments of a workspace
	ConfirmSeconds int     `db:"confirm_seconds"` // until what is severe is looked at again; 0: it is believed at once
	UpdatedAt      db.Time `db:"updated_at"`

	orgName string
}

// Limits and defaults of settings.
const (
	defaultMinutes = 24 * 60
	minPeriod      = 5 * time.Minute
	maxMinutes     = 31 * 24 * 60
	defaultConfirm = 90 // seconds
	maxConfirm     = 3600
)

// Scope implements authz.Scoped.
func (s Settings) Scope() authz.Scope { return authz.Scope{Org: s.OrgID} }

// Period is the time between two assessments of a workspace.
func (s Settings) Period() time.Duration { return time.Duration(s.Minutes) * time.Minute }

// Settings returns those of an organization.
func (f *Feature) Settings(ctx context.Context, orgID string) (Settings, error) {
	list, err := db.All[Settings](ctx, f.DB, `FROM assessment_settings WHERE org_id = ?`, orgID)
	if err != nil || len(list) > 0 {
		s, err := db.First(list, err)
		return s, err
	}
	return Settings{OrgID: orgID, Minutes: defaultMinutes, ConfirmSeconds: defaultConfirm, UpdatedAt: db.Now()}, nil
}

// ForScans is Settings as scans want it.
func (f *Feature) ForScans(ctx context.Context, orgID string) (scans.Settings, error) {
	s, err := f.Settings(ctx, orgID)
	return scans.Settings{Period: s.Period(), Confirm: time.Duration(s.ConfirmSeconds) * time.Second}, err
}

func (f *Feature) settingsRoutes(r *api.Router) {
	const path = "/organizations/{organization}/assessment-settings"
	api.Type(r, "assessment-settings", authz.ReadOrg, nil, viewSettings)
	api.Show(r, path, authz.ReadOrg, f.Orgs.ByName, func(ctx context.Context, o orgs.Org) (Settings, error) {
		s, err := f.Settings(ctx, o.ID)
		s.orgName = o.Name
		return s, err
	})
	api.UpdateOf(r, path, authz.OwnOrg, f.Orgs.ByName, f.change)
}

type settingsAttributes struct {
	Minutes        int `json:"period-minutes"`
	ConfirmSeconds int `json:"confirm-seconds"`
}

func viewSettings(_ context.Context, s Settings) jsonapi.Resource {
	return jsonapi.Resource{Type: "assessment-settings", ID: s.OrgID, Attributes: settingsAttributes{s.Minutes, s.ConfirmSeconds},
		Relationships: jsonapi.Relationships{"organization": jsonapi.ToOne("organizations", s.orgName)}}
}

type settingsRequest struct {
	Minutes        jsonapi.Opt[int] `json:"period-minutes"`
	ConfirmSeconds jsonapi.Opt[int] `json:"confirm-seconds"`
}

// change changes settings. A shorter period counts from now on for all workspaces.
func (f *Feature) change(ctx context.Context, o orgs.Org, in jsonapi.In[settingsRequest]) (Settings, error) {
	s, err := f.Settings(ctx, o.ID)
	if err != nil {
		return s, err
	}
	s.orgName = o.Name
	in.Data.Attributes.Minutes.Into(&s.Minutes)
	in.Data.Attributes.ConfirmSeconds.Into(&s.ConfirmSeconds)
	if s.UpdatedAt = db.Now(); s.Period() < minPeriod || s.Minutes > maxMinutes {
		return s, problem.Invalid("period-minutes", "Period minutes must be from %d to %d", int(minPeriod.Minutes()), maxMinutes)
	}
	if s.ConfirmSeconds < 0 || s.ConfirmSeconds > maxConfirm {
		return s, problem.Invalid("confirm-seconds", "Confirm seconds must be from 0 to %d", maxConfirm)
	}
	if err := db.InsertAll(ctx, f.DB, "assessment_settings", []Settings{s}, `ON CONFLICT (org_id) DO UPDATE SET minutes = excluded.minutes,
		confirm_seconds = excluded.confirm_seconds, updated_at = excluded.updated_at`); err != nil {
		return s, err
	}
	_, err = f.DB.Exec(ctx, `UPDATE workspace_health SET next_at = ? WHERE org_id = ? AND next_at > ?`, db.At(time.Now().Add(s.Period())), o.ID, db.At(time.Now().Add(s.Period())))
	return s, err
}

// Package settings keeps what an organization sets once for drift detection: its time
// zone, and two ids that it did not choose: the one by which the API at /drift names the
// organization, and the external id that AWS roles ask for.
//
// The surprising rule: nobody creates settings. They are there when first asked for.
package settings

import (
	"context"
	"strings"
	"time"
	_ "time/tzdata" // time zones where the machine has no files of them

	"plumbline.dev/plumbline/internal/drift/verbs"
	"plumbline.dev/plumbline/internal/identity/orgs"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/authz"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/id"
	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// Settings are those of one organization.
type Settings struct {
	OrgID   string `db:"org_id"`
	OrgName string `db:"org_name,extra"`
	DriftID string `db:"drift_id"` // 32 hex digits; the X-Org-ID of requests to /drift
	// ExternalID is what the trust policies of AWS roles ask for. It keeps an organization
	// from scanning with the role of another, whose ARN is no secret.
	ExternalID string  `db:"external_id"`
	TimeZone   string  `db:"time_zone"` // IANA name
	CreatedAt  db.Time `db:"created_at"`
}

// Scope implements authz.Scoped.
func (s Settings) Scope() authz.Scope { return authz.Scope{Org: s.OrgID} }

// Location is the time zone.
func (s Settings) Location() *time.Location {
	if loc, err := time.LoadLocation(s.TimeZone); err == nil {
		return loc
	}
	return time.UTC
}

// Feature serves settings.
type Feature struct {
	DB   *db.DB
	Orgs *orgs.Feature
	// OnTimeZone are called when an organization has another time zone, in the transaction.
	OnTimeZone []func(ctx context.Context, s Settings) error
}

// Routes adds the endpoints of this package to r.
func (f *Feature) Routes(r *api.Router) {
	api.Type(r, "drift-settings", authz.ReadDrift, nil, view)
	api.Show(r, "/organizations/{organization}/drift-settings", authz.ReadDrift, f.Orgs.ByName, func(ctx context.Context, o orgs.Org) (Settings, error) { return f.Find(ctx, o.ID) })
	api.UpdateOf(r, "/organizations/{organization}/drift-settings", authz.ManageDrift, f.Orgs.ByName, f.update)
}

type attributes struct {
	DriftID    string  `json:"drift-id"`
	ExternalID string  `json:"external-id"`
	TimeZone   string  `json:"time-zone"`
	CreatedAt  db.Time `json:"created-at"`
}

func view(_ context.Context, s Settings) jsonapi.Resource {
	return jsonapi.Resource{Type: "drift-settings", ID: s.DriftID,
		Attributes:    attributes{DriftID: s.DriftID, ExternalID: s.ExternalID, TimeZone: s.TimeZone, CreatedAt: s.CreatedAt},
		Relationships: jsonapi.Relationships{"organization": jsonapi.ToOne("organizations", s.OrgName)}}
}

type request struct {
	TimeZone jsonapi.Opt[string] `json:"time-zone"`
}

func (f *Feature) update(ctx context.Context, o orgs.Org, in jsonapi.In[request]) (Settings, error) {
	s, err := f.Find(ctx, o.ID)
	if err != nil || !in.Data.Attributes.TimeZone.Set {
		return s, err
	}
	if s.TimeZone, err = checkTimeZone(in.Data.Attributes.TimeZone.V); err != nil {
		return s, err
	}
	if _, err := f.DB.Exec(ctx, `UPDATE drift_settings SET time_zone = ? WHERE org_id = ?`, s.TimeZone, s.OrgID); err != nil {
		return s, err
	}
	for _, do := range f.OnTimeZone {
		if err := do(ctx, s); err != nil {
			return s, err
		}
	}
	return s, nil
}

// checkTimeZone returns the name of a time zone, or why it is none.
func checkTimeZone(name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" || strings.EqualFold(name, "local") {
		return "", problem.Invalid("time-zone", "Time zone must be the IANA name of one, such as Europe/Berlin")
	}
	if _, err := time.LoadLocation(name); err != nil {
		return "", problem.Invalid("time-zone", "Time zone %q is not known. It must be the IANA name of one, such as Europe/Berlin", name)
	}
	return name, nil
}

const find = `SELECT {s}, o.name AS org_name FROM drift_settings s JOIN organizations o ON o.id = s.org_id WHERE s.org_id = ?`

// Find returns the settings of an organization.
func (f *Feature) Find(ctx context.Context, orgID string) (Settings, error) {
	rows, err := db.All[Settings](ctx, f.DB, find, orgID)
	if err != nil || len(rows) > 0 {
		return db.First(rows, err)
	}
	_, err = f.DB.Exec(ctx, `INSERT INTO drift_settings (org_id, drift_id, external_id, time_zone, created_at) SELECT id, ?, ?, 'UTC', ? FROM organizations WHERE id = ? ON CONFLICT DO NOTHING`,
		verbs.NewID(), "plumbline-"+id.Random(32), db.Now(), orgID)
	if err != nil {
		return Settings{}, err
	}
	return db.One[Settings](ctx, f.DB, find, orgID)
}

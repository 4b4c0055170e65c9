package app

import (
	"context"
	"net/url"
	"slices"

	"plumbline.dev/plumbline/internal/drift/alerts"
	"plumbline.dev/plumbline/internal/drift/schedules"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// alerts makes the capability that tells people of drift. Schedules are there already.
func (a *App) alerts() {
	d := &a.Drift
	d.Alerts = &alerts.Feature{DB: a.DB, Keyring: a.Keyring, Jobs: a.Jobs, Bus: a.Bus, Orgs: a.Orgs, Mail: a.Mail, HTTP: a.issues, AllowHTTP: a.Config.Outbound.HTTP,
		Admins: a.admins, ScanURL: a.scanURL, Snooze: d.Snoozes.Link, InUse: d.Schedules.WithAlert, Drop: d.Schedules.DropAlert, RepositoryOf: a.alertRepository}
	d.Alerts.TimeZone = func(ctx context.Context, orgID string) (string, error) {
		s, err := d.Settings.Find(ctx, orgID)
		return s.TimeZone, err
	}
	d.Alerts.Target = func(ctx context.Context, id string) (alerts.Target, error) {
		t, err := d.Repositories.TargetOf(ctx, id)
		return alerts.Target(t), err
	}
	d.Alerts.RepositoryIn = func(ctx context.Context, orgID, id string) error {
		_, err := d.Repositories.Of(ctx, orgID, id)
		return err
	}
	d.Schedules.Alerts = d.alertsOf
	d.Alerts.Routes(a.Router)
	d.Verbs.Serve(d.Alerts.Endpoint())
}

// alertsOf is what schedules know of the alerts of an organization.
func (d *Drift) alertsOf(ctx context.Context, orgID string, ids []string) ([]schedules.Alert, error) {
	rows, err := d.Alerts.In(ctx, ids)
	var out []schedules.Alert
	for _, al := range rows {
		if al.OrgID == orgID {
			out = append(out, schedules.Alert{ID: al.ID, Name: al.Name, Issues: al.Issues()})
		}
	}
	return out, err
}

// alertRepository returns the repository of the first schedule that names an alert, "" if there is
// none.
func (a *App) alertRepository(ctx context.Context, alertID string) (string, error) {
	ids, err := a.Drift.Schedules.WithAlert(ctx, alertID)
	if err != nil || len(ids) == 0 {
		return "", err
	}
	s, err := a.Drift.Schedules.Find(ctx, ids[0])
	if err != nil || s.RepositoryID == nil {
		return "", err
	}
	return *s.RepositoryID, nil
}

// admins returns the mail addresses of those who own an organization, sorted.
func (a *App) admins(ctx context.Context, orgID string) ([]string, error) {
	owners, err := a.Teams.Owners(ctx, []string{orgID})
	if err != nil {
		return nil, err
	}
	out, err := db.In[string](ctx, a.DB, `SELECT email FROM users WHERE suspended = ? AND email <> '' AND id IN (?)`, owners[orgID], false)
	slices.Sort(out)
	return out, err
}

// scanURL is where people see a scan, or all drift if the event is of no one scan.
func (a *App) scanURL(ctx context.Context, e alerts.Event) string {
	o, err := a.Orgs.Find(ctx, e.OrgID)
	if err != nil {
		return ""
	}
	drift := a.address(ctx) + "/app/" + url.PathEscape(o.Name) + "/drift"
	if e.ScanID == "" {
		return drift
	}
	return drift + "/scans/" + url.PathEscape(e.ScanID)
}

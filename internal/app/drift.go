package app

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"path/filepath"

	"plumbline.dev/plumbline/internal/delivery/vcs"
	"plumbline.dev/plumbline/internal/drift/alerts"
	"plumbline.dev/plumbline/internal/drift/assessments"
	"plumbline.dev/plumbline/internal/drift/connections"
	"plumbline.dev/plumbline/internal/drift/findings"
	"plumbline.dev/plumbline/internal/drift/fleet"
	driftkeys "plumbline.dev/plumbline/internal/drift/keys"
	"plumbline.dev/plumbline/internal/drift/remedies"
	"plumbline.dev/plumbline/internal/drift/repositories"
	"plumbline.dev/plumbline/internal/drift/rounds"
	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/drift/schedules"
	"plumbline.dev/plumbline/internal/drift/settings"
	"plumbline.dev/plumbline/internal/drift/snoozes"
	"plumbline.dev/plumbline/internal/drift/verbs"
	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/safehttp"
)

// Drift are the capabilities of drift detection.
type Drift struct {
	Settings     *settings.Feature
	Keys         *driftkeys.Feature
	Verbs        *verbs.Feature
	Git          *vcs.Git
	Repositories *repositories.Feature
	Connections  *connections.Feature
	Schedules    *schedules.Feature
	Snoozes      *snoozes.Feature
	Alerts       *alerts.Feature

	Scans       *scans.Feature
	Findings    *findings.Feature
	Assessments *assessments.Feature
	Rounds      *rounds.Feature
	Fleet       *fleet.Feature
	Remedies    *remedies.Feature
}

// drift makes the capabilities of drift detection, each with its routes.
func (a *App) drift() {
	d, r := &a.Drift, a.Router
	d.Settings = &settings.Feature{DB: a.DB, Orgs: a.Orgs}
	d.Settings.Routes(r)
	d.Keys = &driftkeys.Feature{DB: a.DB, Orgs: a.Orgs, Settings: d.Settings}
	d.Keys.Routes(r)
	d.Verbs = &verbs.Feature{DB: a.DB, Jobs: a.Jobs, Bus: a.Bus, Authenticate: d.Keys.Authenticate, Used: d.Keys.Used, MAC: a.Keyring.MAC("drift-requests")}
	d.Verbs.Routes(r)
	d.Git = &vcs.Git{Dir: filepath.Join(a.Config.DataDir, "git"), Client: a.outbound}
	d.Repositories = &repositories.Feature{DB: a.DB, Bus: a.Bus, Keyring: a.Keyring, Orgs: a.Orgs, Git: d.Git, HTTP: a.outbound}
	d.Repositories.Routes(r)
	d.Verbs.Serve(d.Repositories.Endpoint())
	d.Connections = &connections.Feature{DB: a.DB, Bus: a.Bus, Keyring: a.Keyring, Orgs: a.Orgs, Settings: d.Settings, HTTP: a.outbound, Identity: connections.AWSIdentity, Token: a.OIDC.ScanToken, Issuer: a.OIDC.Issuer}
	d.Connections.Routes(r)
	d.Connections.ServeFiles(r, d.Keys.Authenticate)
	d.Verbs.Serve(d.Connections.Endpoint())
	a.schedules()
}

// schedules makes schedules and what silences them.
func (a *App) schedules() {
	d := &a.Drift
	d.Schedules = &schedules.Feature{DB: a.DB, Keyring: a.Keyring, Jobs: a.Jobs, Orgs: a.Orgs, Settings: d.Settings, Repositories: d.Repositories, Connections: d.Connections, Bus: a.Bus}
	d.Schedules.Routes(a.Router)
	d.Verbs.Serve(d.Schedules.Endpoint())
	d.Settings.OnTimeZone = append(d.Settings.OnTimeZone, d.Schedules.Rezone)
	d.Repositories.Used, d.Repositories.Release = d.Schedules.Using, d.Schedules.Release
	d.Connections.Used, d.Connections.Release = d.Schedules.WithConnection, d.Schedules.ReleaseConnection
	d.Snoozes = &snoozes.Feature{DB: a.DB, Bus: a.Bus, Orgs: a.Orgs, Schedules: d.Schedules, Key: a.Keyring.MAC("drift-snoozes"), Address: func() string { return a.address(context.Background()) }}
	d.Snoozes.Routes(a.Router)
	d.Schedules.Snoozes = d.Snoozes.Until
	a.alerts()
	a.scans()
}

// client makes a client for addresses that organizations name. maxBody bounds answers in bytes, 0
// is safehttp's default.
func (a *App) client(c config.Outbound, maxBody int64) (*safehttp.Client, error) {
	allow, hosts, err := safehttp.ParseAllow(c.Allow)
	if err != nil {
		return nil, err
	}
	o := safehttp.Options{MaxBody: maxBody, Allow: allow, AllowHosts: hosts, AllowHTTP: c.HTTP, Rewrite: c.Rewrite, Forbidden: a.DB.InTx}
	if own, err := netip.ParseAddrPort(a.Config.Listen); err == nil {
		o.Own = []netip.AddrPort{own}
	}
	return safehttp.New(o)
}

// modelClient reaches the language model and nothing else that is not public; nil is none.
func (a *App) modelClient() (*safehttp.Client, error) {
	endpoint := a.Config.Model.Endpoint
	if endpoint == "" {
		return nil, nil
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") || a.Config.Model.Name == "" {
		return nil, errors.New("--model-endpoint must be an http or https URL, and --model-name say which model to ask")
	}
	return a.client(config.Outbound{Allow: []string{u.Hostname()}, HTTP: true}, 0)
}

package app

import (
	"net/netip"
	"path/filepath"

	"plumbline.dev/plumbline/internal/delivery/vcs"
	driftkeys "plumbline.dev/plumbline/internal/drift/keys"
	"plumbline.dev/plumbline/internal/drift/settings"
	"plumbline.dev/plumbline/internal/drift/verbs"
	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/safehttp"
)

// Drift are the capabilities of drift detection.
type Drift struct {
	Settings *settings.Feature
	Keys     *driftkeys.Feature
	Verbs    *verbs.Feature
	Git      *vcs.Git
}

// drift makes the capabilities of drift detection, each with its routes.
func (a *App) drift() {
	d, r := &a.Drift, a.Router
	d.Settings = &settings.Feature{DB: a.DB, Orgs: a.Orgs}
	d.Settings.Routes(r)
	d.Keys = &driftkeys.Feature{DB: a.DB, Orgs: a.Orgs, Settings: d.Settings}
	d.Keys.Routes(r)
	d.Verbs = &verbs.Feature{DB: a.DB, Jobs: a.Jobs, Authenticate: d.Keys.Authenticate, Used: d.Keys.Used, MAC: a.Keyring.MAC("drift-requests")}
	d.Verbs.Routes(r)
	d.Git = &vcs.Git{Dir: filepath.Join(a.Config.DataDir, "git"), Client: a.outbound}
}

// client makes the client for addresses that organizations name.
func (a *App) client(c config.Outbound) (*safehttp.Client, error) {
	allow, hosts, err := safehttp.ParseAllow(c.Allow)
	if err != nil {
		return nil, err
	}
	o := safehttp.Options{Allow: allow, AllowHosts: hosts, AllowHTTP: c.HTTP, Rewrite: c.Rewrite, Forbidden: a.DB.InTx}
	if own, err := netip.ParseAddrPort(a.Config.Listen); err == nil {
		o.Own = []netip.AddrPort{own}
	}
	return safehttp.New(o)
}

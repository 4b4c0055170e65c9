package app

import (
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/safehttp"
	"plumbline.dev/plumbline/internal/registry/components"
	"plumbline.dev/plumbline/internal/registry/gpgkeys"
	"plumbline.dev/plumbline/internal/registry/mirror"
	"plumbline.dev/plumbline/internal/registry/modules"
	"plumbline.dev/plumbline/internal/registry/modules/protocol"
	"plumbline.dev/plumbline/internal/registry/providers"
	"plumbline.dev/plumbline/internal/registry/testruns"
)

// registry makes the capabilities of the private registry.
func (a *App) registry() {
	a.GPGKeys = &gpgkeys.Feature{DB: a.DB, Orgs: a.Orgs}
	a.GPGKeys.Routes(a.Router)
	a.Modules = &modules.Feature{DB: a.DB, Bus: a.Bus, Orgs: a.Orgs, Objects: a.Objects, Jobs: a.Jobs, AgentPool: a.AgentPools.Usable, NoPublic: a.Config.Curation == "off"}
	a.Modules.Routes(a.Router)
	a.TestRuns = &testruns.Feature{DB: a.DB, Bus: a.Bus, Keyring: a.Keyring, Modules: a.Modules, Configs: a.Configs, Variables: a.Variables, Logs: a.Logs, Dispatch: a.Dispatch,
		Tokens: a.Tokens, Revoked: a.revoked, Address: a.address, Mirror: a.mirrorAt, CA: a.authority}
	a.TestRuns.Routes(a.Router)
	a.Phases.Notices = a.notices
	(&protocol.Feature{Modules: a.Modules}).Routes(a.Router)
	a.Login.Services["modules.v1"] = protocol.Base
	a.Providers = &providers.Feature{DB: a.DB, Bus: a.Bus, Objects: a.Objects, Jobs: a.Jobs, Orgs: a.Orgs, Keys: a.GPGKeys, Temp: filepath.Join(a.Config.DataDir, "tmp"), NoPublic: a.Config.Curation == "off"}
	a.Providers.Routes(a.Router)
	a.Login.Services["providers.v1"] = providers.ProtocolPath + "/"
	a.Mirror.Providers = a.Providers
	a.Mirror.Routes(a.Router)
	a.Components = &components.Feature{DB: a.DB, Bus: a.Bus, Objects: a.Objects, Jobs: a.Jobs, Orgs: a.Orgs}
	a.Components.Routes(a.Router)
}

// mirrorAt is the network mirror of providers as executors find it.
func (a *App) mirrorAt(address string) proto.Mirror {
	return proto.Mirror{URL: address + mirror.Path + "/", Hosts: a.Mirror.Origins}
}

// mirror makes the network mirror of providers as the settings say; it has no routes yet.
func (a *App) mirror() (*mirror.Feature, error) {
	c := a.Config.Mirror
	allow, hosts, err := safehttp.ParseAllow(c.Allow)
	if err != nil {
		return nil, err
	}
	o := safehttp.Options{Allow: allow, AllowHosts: hosts, Rewrite: c.Rewrite, Forbidden: a.DB.InTx, MaxBody: 16 << 20}
	if own, err := netip.ParseAddrPort(a.Config.Listen); err == nil {
		o.Own = []netip.AddrPort{own}
	}
	documents, err := safehttp.New(o)
	if err != nil {
		return nil, err
	}
	o.MaxBody, o.Timeout = providers.MaxBinary, 30*time.Minute
	archives, err := safehttp.New(o)
	if err != nil {
		return nil, err
	}
	m := &mirror.Feature{DB: a.DB, Objects: a.Objects, Jobs: a.Jobs, Documents: documents, Archives: archives}
	for _, host := range c.Origins {
		if host = strings.ToLower(strings.TrimSpace(host)); host != "" && host != "none" {
			m.Origins = append(m.Origins, host)
		}
	}
	return m, nil
}

package app

import (
	"path/filepath"

	"plumbline.dev/plumbline/internal/registry/gpgkeys"
	"plumbline.dev/plumbline/internal/registry/modules"
	"plumbline.dev/plumbline/internal/registry/modules/protocol"
	"plumbline.dev/plumbline/internal/registry/providers"
)

// registry makes the capabilities of the private registry.
func (a *App) registry() {
	a.GPGKeys = &gpgkeys.Feature{DB: a.DB, Orgs: a.Orgs}
	a.GPGKeys.Routes(a.Router)
	a.Modules = &modules.Feature{DB: a.DB, Orgs: a.Orgs, Objects: a.Objects, Jobs: a.Jobs, AgentPool: a.AgentPools.Usable}
	a.Modules.Routes(a.Router)
	(&protocol.Feature{Modules: a.Modules}).Routes(a.Router)
	a.Login.Services["modules.v1"] = protocol.Base
	a.Providers = &providers.Feature{DB: a.DB, Objects: a.Objects, Jobs: a.Jobs, Orgs: a.Orgs, Keys: a.GPGKeys, Temp: filepath.Join(a.Config.DataDir, "tmp")}
	a.Providers.Routes(a.Router)
	a.Login.Services["providers.v1"] = providers.ProtocolPath + "/"
}

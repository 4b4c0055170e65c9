package e2e

import (
	"fmt"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/config"
)

// stage is a server with an organization, and a window of its owner.
type stage struct {
	*apptest.Server
	*Browser
	org apptest.Org
}

func newStage(t *testing.T, options ...func(*config.Server)) *stage {
	t.Helper()
	s := apptest.Start(t, options...)
	st := &stage{s, Open(t, s.URL), s.Org("acme")}
	st.LogIn(s, st.org.Owner)
	return st
}

// fill makes n workspaces in the default project, without the detour over the API.
func (st *stage) fill(n int) {
	st.T.Helper()
	project := st.Project(st.org, "platform")
	for i := range n {
		st.Workspace(st.org, project, fmt.Sprintf("service-%04d", i))
	}
}

func TestWorkspacesAreFoundAndOpened(t *testing.T) {
	st := newStage(t)
	st.Go("/app/")
	st.At("/app/acme/workspaces")
	st.See("No workspaces yet", "Connect your first workspace")
	st.Shot("workspaces-empty")
	st.fill(150)
	st.Go("/app/acme/workspaces")
	st.See("150 workspaces", "service-0000")
	st.Shot("workspaces")
	st.Fill("Search by name", "0142")
	st.See("1 match", "service-0142")
	st.At("/app/acme/workspaces?q=0142")
	st.Unseen("service-0000")
	st.Click("service-0142")
	st.At("/app/acme/workspaces/service-0142")
	st.See("Overview", "platform")
	st.Shot("workspace")

	st.Click("Lock")
	st.Fill("Reason", "a quiet Friday")
	st.Press("\r")
	st.See("Locked by you just now: a quiet Friday.")
	st.Shot("workspace-locked")
	st.Click("Unlock")
	st.Until("the lock to be gone", `!document.body.innerText.includes('Locked by')`)

	st.Click("Variables")
	st.See("No variables", "No set applies")
	st.Click("Add variable")
	st.Fill("Key", "region")
	st.Fill("Value", "eu-central-1")
	st.Click("Add")
	st.See("region", "eu-central-1", "Input")
	st.Click("Change region")
	st.Fill("Value", "eu-west-1")
	st.Click("Save")
	st.See("eu-west-1")
	st.Shot("variables")

	st.Click("Access")
	st.See("No team has access to this workspace alone")
	st.Click("Settings")
	st.Shot("workspace-settings")
	st.Fill("Name", "payments")
	st.Choose("Engine", "OpenTofu")
	st.Click("Save")
	st.At("/app/acme/workspaces/payments/settings")
	st.See("The settings are saved.")
	st.Click("Delete…")
	st.Fill("Type payments to confirm", "payments")
	st.Shot("workspace-delete")
	st.Click("Delete for ever")
	st.At("/app/acme/workspaces")
	st.See("149 workspaces")
}

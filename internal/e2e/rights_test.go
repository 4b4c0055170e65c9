package e2e

import (
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/delivery/agentpools"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// TestWhoMayWhatAndWhy: from a right to the people who have it, from a person to the teams that
// give it, and from a workspace to who gets in from elsewhere.
func TestWhoMayWhatAndWhy(t *testing.T) {
	st := newStage(t)
	project := st.Project(st.org, "Payments")
	ws := st.Workspace(st.org, project, "ledger")
	st.With(st.org, "grace", []string{"manage-modules", "read-workspaces"}, nil)
	st.With(st.org, "linus", nil, nil)
	d := &demo{st, nil, map[string]string{}}
	d.give("linus", ws, "write")
	d.made("/api/v2/team-projects", "team-projects", `{"access":"maintain"}`,
		`,"relationships":{"team":{"data":{"type":"teams","id":"`+d.id(`SELECT id FROM teams WHERE name = 'linus'`)+`"}},"project":{"data":{"type":"projects","id":"`+project+`"}}}`)

	st.Go("/app/acme/settings/teams")
	st.Click("Rights")
	st.See("All workspaces", "Modules", "grace", "linus", "owners")
	st.Shot("rights")
	st.Click("2 people: Modules")
	st.See("Who has this right: Modules", "as an owner", "as a member of", "Publish")
	st.Until("the dialog to tell of nobody else", `!document.querySelector("dialog").innerText.includes("linus")`)
	st.Shot("rights-who")
	st.Click("Close")
	st.Choose("Whose rights", "grace")
	st.See("grace may, in the whole organization", "All workspaces", "Read", "Publish")
	st.Unseen("Agent pools")
	st.Shot("rights-of-person")
	st.Choose("Whose rights", "linus")
	st.See("Nothing by their teams alone.", "In projects and workspaces, by linus", "ledger", "Write")
	st.Go("/app/acme/settings/users")
	st.Click("acme-owner (you)")
	st.See("Everything, as an owner.")

	st.Go("/app/acme/workspaces/ledger/access")
	st.See("Access of teams", "Plans, applies, locks", "Access from elsewhere", "by its access to the project Payments", "by its rights in the whole organization", "they own the organization")
	st.Shot("workspace-access")
	st.Click("the project Payments")
	st.See("Access from elsewhere", "Maintain")
	st.Shot("project-access")
}

// TestAgentsSayWhatTheyDo: which agents are there, and what keeps them busy.
func TestAgentsSayWhatTheyDo(t *testing.T) {
	st := newStage(t)
	ws := st.Workspace(st.org, "", "billing")
	st.uploaded(ws)
	run := st.queued(ws, "A larger database")
	d := &demo{st, nil, map[string]string{}}
	pool := d.made("/api/v2/organizations/acme/agent-pools", "agent-pools", `{"name":"datacentre-frankfurt"}`)
	busy := st.agent(pool, "rack-7-machine-2", "busy")
	st.agent(pool, "rack-7-machine-3", "idle")
	st.agent(pool, "rack-1-machine-9", "exited")
	d.sql(`UPDATE dispatch_jobs SET status = 'claimed', executor_id = ?, pool_id = ?, claimed_at = ?, lease_until = ? WHERE workspace_id = ?`,
		busy, pool, db.At(time.Now().Add(-3*time.Minute)), db.At(time.Now().Add(time.Hour)), ws)
	st.Go("/app/acme/settings/agents")
	st.See("rack-7-machine-2", "plans billing for 3 minutes", "idle", "exited", "1.4.0", "2 agents")
	st.Shot("agents-at-work")
	st.Click("Forget rack-1-machine-9")
	st.Until("the agent to be forgotten", `!document.body.innerText.includes('rack-1-machine-9')`)
	st.Click("billing")
	st.At("/app/acme/workspaces/billing/runs/" + run)
	st.See("A larger database")
}

func (st *stage) agent(pool, name, status string) string {
	st.T.Helper()
	agentID, err := st.App.AgentPools.Join(st.T.Context(), agentpools.Agent{PoolID: pool, Name: name, IPAddress: "192.0.2.7", Version: "1.4.0", Platform: "linux/arm64"})
	if err == nil {
		_, err = st.DB.Exec(st.T.Context(), `UPDATE agents SET status = ? WHERE id = ?`, status, agentID)
	}
	if err != nil {
		st.T.Fatal(err)
	}
	return agentID
}

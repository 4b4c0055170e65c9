package e2e

import (
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/delivery/agentpools"
	"plumbline.dev/plumbline/internal/kernel/db"
)

func TestSiteIsAdministered(t *testing.T) {
	s := apptest.Start(t)
	acme, globex := s.Org("acme"), s.Org("globex")
	grace := s.Member(acme, "grace")
	workspace := s.Workspace(acme, "", "billing")
	s.Workspace(globex, "", "website")
	shop := s.Workspace(acme, "", "shop")
	if _, err := s.DB.Exec(t.Context(), `UPDATE workspaces SET resource_count = 7 WHERE id = ?`, shop); err != nil {
		t.Fatal(err)
	}
	run := s.WaitingRun(acme, workspace)
	agentAt(s, acme)
	boss := s.User("boss")
	if _, err := s.DB.Exec(t.Context(), `UPDATE users SET site_admin = ? WHERE id = ?`, true, boss.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.DB.Exec(t.Context(), `INSERT INTO river_job (args, attempt, errors, finalized_at, kind, max_attempts, queue, state) VALUES ('{"job":"mail","args":{}}', 3, ?, ?, 'plumbline', 3, 'default', 'discarded')`,
		`[{"at":"2026-01-02T03:04:05Z","attempt":3,"error":"the mail server says: 550 no such mailbox","trace":""}]`, db.Now()); err != nil {
		t.Fatal(err)
	}
	b := Open(t, s.URL)
	b.LogIn(s, boss)
	b.Go("/app/organizations")
	b.Click("boss: your account")
	b.Click("Administration")
	b.See("Nodes", "running", "SQLite", "A job in the background was given up")
	b.Shot("admin")

	b.Click("Users")
	b.See("grace", "acme-owner", "(you)")
	b.Shot("admin-users")
	b.Fill("Search by name or email", "grace")
	b.At("/app/admin/users?q=grace")
	b.Until("only grace", `document.querySelectorAll('tbody tr').length === 1`)
	b.Click("What to do with grace")
	b.Shot("admin-user-menu")
	b.Click("Suspend…")
	b.See("They cannot log in")
	b.Click("Suspend")
	b.See("grace is suspended.", "suspended")
	if r := s.Do("GET", "/api/v2/account/details", grace.Token, nil); r.Status != 401 {
		t.Errorf("GET by somebody who is suspended = %d, want 401", r.Status)
	}
	b.Click("What to do with grace")
	b.Click("Lift the suspension…")
	b.Click("Lift the suspension")
	b.See("grace can log in again.")
	b.Click("What to do with grace")
	b.Click("Make an administrator…")
	b.Click("Make an administrator")
	b.See("grace is a site administrator.")
	b.Click("What to do with grace")
	b.Click("Sessions…")
	b.See("Logged in nowhere")
	b.Click("Close")

	b.Click("Organizations")
	b.See("acme", "globex", "no limit")
	b.Shot("admin-organizations")
	b.Click("Change acme")
	b.Fill("Workspaces at most", "25")
	b.Shot("admin-organization")
	b.Click("Save")
	b.See("acme is changed.", "25")
	b.Click("Delete globex")
	b.Fill("Type globex to confirm", "globex")
	b.Click("Delete for ever")
	b.See("globex is deleted.")

	b.Click("Workspaces")
	b.See("acme / billing")
	b.Unseen("website")
	b.Shot("admin-workspaces")
	b.Click("Delete acme / shop")
	b.See("Its states, runs, variables", "It manages 7 resources.", "Delete for ever")
	b.Shot("admin-workspace-delete")
	b.Fill("Type shop to confirm", "shop")
	b.Click("Delete for ever")
	b.See("shop is deleted.")
	b.Until("the workspace to be gone", `!document.querySelector('table').innerText.includes('shop')`)
	if r := s.Do("GET", "/api/v2/workspaces/"+shop, acme.Owner.Token, nil); r.Status != 404 {
		t.Errorf("GET of the workspace that was deleted = %d, want 404", r.Status)
	}
	b.Click("Runs")
	b.See("acme / billing", "End by force")
	b.Shot("admin-runs")
	b.Click("End by force")
	b.See("It ends at once.")
	b.Click("End by force")
	b.See("The run has ended.")
	if r := s.Do("GET", "/api/v2/runs/"+run.ID, acme.Owner.Token, nil); r.JSON()["data"].(map[string]any)["attributes"].(map[string]any)["status"] != "canceled" {
		t.Errorf("run = %s, want it canceled", r.Body)
	}

	b.Click("Agents")
	b.See("machine-7", "acme / on-premises", "1.4.0", "linux/arm64")
	b.Shot("admin-agents")
	b.Click("Failed jobs")
	b.See("mail", "550 no such mailbox", "given up")
	b.Shot("admin-jobs")
	b.Click("Try now: mail")
	b.See("The job is tried again now.")
	b.See("Nothing has failed")

	b.Click("Audit log")
	b.See("Logins, accounts and settings of the server.", "suspend", "user grace", "boss", "organization globex")
	b.Unseen("create", "workspace")
	b.Shot("admin-audit")
	b.Choose("Kind of resource", "users")
	b.Choose("Action", "grant admin")
	b.At("/app/admin/audit?type=users&action=grant_admin")
	b.Until("one event", `document.querySelectorAll('tbody tr').length === 1`)
	b.Click("user grace")
	b.See("Grant admin user", "Was set", "127.0.0.1")
	b.Shot("admin-audit-event")
}

// agentAt makes an agent of the organization.
func agentAt(s *apptest.Server, o apptest.Org) {
	s.T.Helper()
	r := s.Do("POST", "/api/v2/organizations/"+o.Name+"/agent-pools", o.Owner.Token, `{"data":{"type":"agent-pools","attributes":{"name":"on-premises"}}}`)
	pool, _ := r.JSON()["data"].(map[string]any)["id"].(string)
	if _, err := s.App.AgentPools.Join(s.T.Context(), agentpools.Agent{PoolID: pool, Name: "machine-7", IPAddress: "192.0.2.7", Version: "1.4.0", Platform: "linux/arm64"}); err != nil {
		s.T.Fatal(err)
	}
}

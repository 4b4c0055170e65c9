package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/kernel/db"
)

// moments are when what happens to a run happens, in seconds after it was started.
var moments = map[string]int{
	"pending": 0, "queued": 0, "fetching": 0, "plan_queued": 1, "planning": 5, "planned": 43, "planned_and_finished": 43, "planned_and_saved": 43,
	"confirmed": 424, "commented": 424, "apply_queued": 425, "applying": 429, "applied": 571,
	"errored": 38, "discarded": 1800, "canceled": 90, "force_canceled": 200,
}

// after is a moment of a run that was started so many days ago.
func after(days float64, seconds int) db.Time {
	return db.At(ago(days).Add(time.Duration(seconds) * time.Second))
}

// earlier gives what was played just now the times of what has happened in the last weeks.
func (d *demo) earlier() {
	d.T.Helper()
	for message, days := range map[string]float64{
		"Build the network": 40.3, "Replicas for the orders database": 23.2, "Roll out": 31.6,
		"A third zone, and a larger orders database": 0.0183, "Tags by cost centre": 0.0041,
	} {
		runs, err := db.All[string](d.T.Context(), d.DB, `SELECT id FROM runs WHERE message = ? ORDER BY id`, message)
		if err != nil || len(runs) == 0 {
			d.T.Fatalf("runs %q: %v %v", message, runs, err)
		}
		for i, run := range runs {
			d.older(run, days+2.7*float64(i))
		}
	}
	d.sql(`UPDATE workspaces SET created_at = ?, updated_at = ?, latest_change_at = CASE WHEN current_run_id IS NULL THEN ? ELSE latest_change_at END`, ago(190), ago(9), ago(88))
	d.sql(`UPDATE workspaces SET locked_at = ? WHERE locked_at IS NOT NULL`, after(0.0183, 1))
	d.sql(`UPDATE workspace_resources SET created_at = ?, updated_at = ?`, ago(40.3), ago(40.3))
	d.sql(`UPDATE workspace_resources SET updated_at = ? WHERE address IN ('aws_db_instance.orders', 'aws_db_subnet_group.orders')`, after(23.2, moments["applied"]))
	d.sql(`UPDATE projects SET created_at = ?`, ago(190))
}

// older makes a run one that was started so many days ago, with its plan, apply, state and events.
func (d *demo) older(run string, days float64) {
	d.T.Helper()
	var times map[string]string
	if err := json.Unmarshal([]byte(d.id(`SELECT status_times FROM runs WHERE id = ?`, run)), &times); err != nil {
		d.T.Fatal(err)
	}
	last := 0
	for status := range times {
		times[status] = after(days, moments[strings.ReplaceAll(status, "-", "_")]).Format(time.RFC3339Nano)
		last = max(last, moments[strings.ReplaceAll(status, "-", "_")])
	}
	d.sql(`UPDATE runs SET created_at = ?, updated_at = ?, status_times = ? WHERE id = ?`, after(days, 0), after(days, last), d.encoded(times), run)
	for table, begin := range map[string]string{"plans": "plan_queued", "applies": "apply_queued"} {
		phase := map[string][2]string{"plans": {"planning", "planned"}, "applies": {"applying", "applied"}}[table]
		d.sql(fmt.Sprintf(`UPDATE %s SET created_at = ?, queued_at = CASE WHEN queued_at IS NULL THEN NULL ELSE ? END, started_at = CASE WHEN started_at IS NULL THEN NULL ELSE ? END, finished_at = CASE WHEN finished_at IS NULL THEN NULL ELSE ? END WHERE run_id = ?`, table),
			after(days, 0), after(days, moments[begin]), after(days, moments[phase[0]]), after(days, moments[phase[1]]), run)
	}
	for action, seconds := range moments {
		d.sql(`UPDATE run_events SET created_at = ? WHERE run_id = ? AND action = ?`, after(days, seconds), run, action)
	}
	d.sql(`UPDATE run_comments SET created_at = ? WHERE run_id = ?`, after(days, moments["commented"]), run)
	d.sql(`UPDATE run_queue SET added_at = ? WHERE run_id = ?`, after(days, 0), run)
	d.sql(`UPDATE state_versions SET created_at = ?, finalized_at = ? WHERE run_id = ?`, after(days, moments["applied"]-1), after(days, moments["applied"]-1), run)
	d.sql(`UPDATE workspaces SET latest_change_at = ? WHERE current_run_id = ?`, after(days, last), run)
}

func (d *demo) encoded(v any) string {
	d.T.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		d.T.Fatal(err)
	}
	return string(b)
}

// recorded is what the log of the site tells of.
func (d *demo) recorded() {
	d.T.Helper()
	d.sql(`DELETE FROM audit_events WHERE org_id = ''`)
	for i, e := range []struct {
		days              float64
		who, action, kind string
		whom              string // a user, or the id of what is no user
		changed           []string
	}{
		{0.01, "ada", "login", "users", "ada", nil}, {0.06, "grace", "login", "users", "grace", nil}, {0.2, "barbara", "login", "users", "barbara", nil}, {0.201, "", "login-failed", "users", "barbara", nil},
		{1.1, "ada", "update", "smtp-settings", "smtp", []string{"auth", "enabled", "host", "password", "sender", "username"}}, {1.3, "linus", "enable-two-factor", "users", "linus", nil},
		{2.2, "ada", "suspend", "users", "alan", nil}, {2.3, "ada", "unsuspend", "users", "alan", nil}, {4.4, "ada", "update", "general-settings", "general", []string{"apply-timeout", "limit-user-organization-creation"}},
		{6.1, "margaret", "create", "authentication-tokens", "at-7rYwqGm3nBzKfTn1", []string{"description"}}, {9.2, "ada", "destroy", "admin-organizations", "sandbox", nil}, {14, "ada", "setup", "users", "ada", nil},
	} {
		on := e.whom
		if e.kind == "users" {
			on = d.id(`SELECT id FROM users WHERE username = ?`, e.whom)
		}
		actor, kind := "", ""
		if e.who != "" {
			actor, kind = d.id(`SELECT id FROM users WHERE username = ?`, e.who), "user"
		}
		d.sql(`INSERT INTO audit_events (id, org_id, actor_id, actor_kind, actor_name, token_id, action, resource_type, resource_id, changed, ip, request_id, at) VALUES (?, '', ?, ?, ?, '', ?, ?, ?, ?, '203.0.113.24', ?, ?)`,
			fmt.Sprintf("ae-%d", i), actor, kind, e.who, e.action, e.kind, on, d.encoded(e.changed), fmt.Sprintf("req-%d", i), ago(e.days))
	}
}

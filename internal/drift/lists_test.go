package drift_test

import (
	"fmt"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/alerts"
	"plumbline.dev/plumbline/internal/drift/assessments"
	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/findings"
	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// crowd is an organization that gets one more of everything at a time.
type crowd struct {
	*apptest.Server
	org apptest.Org
	ws  string // that has results of assessments
	n   int
}

func (c *crowd) post(typ, attributes, relationships string) string {
	c.T.Helper()
	r := c.Do("POST", "/api/v2/organizations/acme/"+typ, c.org.Owner.Token, `{"data":{"type":"`+typ+`","attributes":{`+attributes+`},"relationships":{`+relationships+`}}}`)
	data, _ := r.JSON()["data"].(map[string]any)
	id, _ := data["id"].(string)
	if r.Status != 201 || id == "" {
		c.T.Fatalf("POST %s = %d %s", typ, r.Status, r.Body)
	}
	return id
}

func (c *crowd) insert(table string, row any) {
	c.T.Helper()
	if err := c.DB.Insert(c.T.Context(), table, row); err != nil {
		c.T.Fatalf("%s: %v", table, err)
	}
}

// grow adds one of everything.
func (c *crowd) grow() {
	c.T.Helper()
	c.n++
	name, now := fmt.Sprintf("n%03d", c.n), db.Now()
	ref := func(name, typ, id string) string {
		return fmt.Sprintf(`%q:{"data":{"type":%q,"id":%q}}`, name, typ, id)
	}
	c.post("drift-keys", `"description":"`+name+`","role":"read"`, "")
	repo := c.post("drift-repositories", `"url":"https://127.0.0.1/acme/`+name+`","type":"git","skip-check":true`, "")
	connection := c.post("drift-connections", `"name":"`+name+`","type":"oth","credentials":"A=secret-value"`, "")
	alert := c.post("drift-alerts", `"name":"`+name+`","type":"email","recipients":["a@example.com"]`, "")
	schedule := c.post("drift-schedules", `"name":"`+name+`","branch":"main","folders":["."],"frequency":"daily","skip-check":true`, ref("repository", "drift-repositories", repo)+
		fmt.Sprintf(`,"connections":{"data":[{"type":"drift-connections","id":%q}]},"alerts":{"data":[{"type":"drift-alerts","id":%q}]}`, connection, alert))
	c.post("drift-snoozes", `"folder":".","days":3`, ref("schedule", "drift-schedules", schedule))
	c.post("drift-ignore-rules", `"address":"none.`+name+`","reason":"r"`, ref("drift-schedule", "drift-schedules", schedule))
	ws, target := c.Workspace(c.org, "", name), scans.TargetOf("", schedule, ".")
	c.insert("drift_scans", scans.Scan{ID: "drsc-" + name, OrgID: c.org.ID, ScheduleID: &schedule, Folder: ".", Target: target, Batch: "b", Reason: scans.Scheduled, Status: scans.Finished, QueuedAt: now, StartedAt: &now, EndedAt: &now})
	c.insert("drift_scans", scans.Scan{ID: "asmt-" + name, OrgID: c.org.ID, WorkspaceID: &ws, Target: ws, Batch: "b", Reason: scans.Scheduled, Status: scans.Finished, QueuedAt: now, StartedAt: &now, EndedAt: &now})
	episode := findings.Episode{ID: "drep-" + name, OrgID: c.org.ID, WorkspaceID: &ws, Target: ws, Status: findings.Open, Severity: "high", Worst: "high", FirstScanID: "asmt-" + name, LastScanID: "asmt-" + name, OpenedAt: now, ChangedAt: now, AssignedTo: &c.org.Owner.ID}
	c.insert("drift_episodes", episode)
	sealed, err := c.App.Keyring.Seal(c.T.Context(), c.org.ID, []byte(`{"recorded":1,"real":2}`), "drift_findings/sealed/drf-"+name)
	if err != nil {
		c.T.Fatal(err)
	}
	c.insert("drift_findings", findings.Finding{ID: "drf-" + name, OrgID: c.org.ID, WorkspaceID: &ws, Target: ws, EpisodeID: &episode.ID, Status: findings.Open, Address: "aws_instance." + name, Path: "tags", Kind: classify.Drift,
		Severity: "high", Title: "t", Provider: "p" + name, Sealed: sealed, FirstScanID: "asmt-" + name, LastScanID: "asmt-" + name, FirstSeenAt: now, LastSeenAt: now, AssignedTo: &c.org.Owner.ID})
	c.insert("drift_alert_deliveries", alerts.Delivery{ID: "drdl-" + name, OrgID: c.org.ID, AlertID: alert, Event: "new", ScheduleID: schedule, Folder: ".", ScanID: "drsc-" + name, BatchID: "b", Payload: []byte{}, Status: "sent", CreatedAt: now})
	for id, of := range map[string]string{"asmtres-" + name: ws, "asmtres-of-one-" + name: c.ws} {
		c.insert("assessment_results", assessments.Result{ID: id, AssessmentID: id, OrgID: c.org.ID, WorkspaceID: of, Succeeded: true, Drifted: true, CreatedAt: now})
	}
	if _, err := c.DB.Exec(c.T.Context(), `INSERT INTO workspace_health (workspace_id, org_id, state, reason, result_id, result_at, succeeded_at, next_at) VALUES (?, ?, 'drifted', '', ?, ?, ?, ?)`,
		ws, c.org.ID, "asmtres-"+name, now, now, db.At(now.AddDate(0, 0, 1))); err != nil {
		c.T.Fatal(err)
	}
}

// TestListsTakeAsManyStatementsForFifty asks for every list of drift detection with one item
// and with fifty.
func TestListsTakeAsManyStatementsForFifty(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		c := &crowd{Server: s, org: s.Org("acme")}
		c.ws = s.Workspace(c.org, "", "one")
		var paths []string
		for _, list := range []string{"drift-keys", "drift-repositories", "drift-connections", "drift-alerts", "drift-schedules?sort=-next-at", "drift-snoozes", "drift-ignore-rules", "drift-scans", "drift-findings",
			"drift-findings?filter[status]=open&sort=-severity", "drift-episodes?filter[status]=open", "drift-alert-deliveries?filter[event]=new", "drift-summary", "drift-days?filter[dimension]=workspace", "explorer?type=workspaces",
			"explorer/export/csv?type=workspaces", "drift-export?format=csv", "drift-export?format=json", "drift-export?format=sarif", "workspaces?include=current_assessment_result"} {
			paths = append(paths, "/api/v2/organizations/acme/"+list)
		}
		paths = append(paths, "/api/v2/workspaces/"+c.ws+"/assessment-results", "/api/v2/workspaces/"+c.ws+"/drift-scans", "/api/v2/workspaces/"+c.ws+"/drift-findings", "/api/v2/workspaces/"+c.ws+"/drift-episodes")
		count := func(path string) (statements, bytes int) {
			if !strings.Contains(path, "export") {
				path += map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")] + "page[size]=100"
			}
			statements = len(s.Statements(func() {
				r := s.Do("GET", path, c.org.Owner.Token, nil)
				if bytes = len(r.Body); r.Status != 200 {
					s.T.Errorf("GET %s = %d %s", path, r.Status, r.Body)
				}
			}))
			return statements, bytes
		}
		c.grow()
		tally := func() {
			if err := s.App.Drift.Fleet.Count(s.T.Context()); err != nil {
				s.T.Fatal(err)
			}
		}
		heard := s.Hear("acme", c.org.Owner.Token)
		tally()
		if got, want := heard("drift-days"), `{"type":"drift-days"}`; got != want {
			s.T.Errorf("of a day that was counted clients hear %s, want %s", got, want)
		}
		one, size := map[string]int{}, map[string]int{}
		for _, p := range paths {
			count(p) // keys and permissions are read once
			one[p], size[p] = count(p)
		}
		for range 49 {
			c.grow()
		}
		tally()
		for _, p := range paths {
			n, bytes := count(p)
			if n != one[p] {
				s.T.Errorf("GET %s takes %d statements with fifty and %d with one", p, n, one[p])
			}
			if !strings.Contains(p, c.ws+"/drift-") && bytes < size[p]*2 {
				s.T.Errorf("GET %s answers with %d bytes for fifty and %d for one: does it list them?", p, bytes, size[p])
			}
		}
	})
}

package fleet_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/findings"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// TestHeatMapShowsWorstOfEachDay: a finding counts on the days on which it was open.
func TestHeatMapShowsWorstOfEachDay(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o, drifted, _ := furnished(s)
		now := db.Now()
		ended := db.At(now.AddDate(0, 0, -2))
		if err := s.DB.Insert(t.Context(), "drift_findings", findings.Finding{ID: "drf-old", OrgID: o.ID, WorkspaceID: &drifted, Target: drifted, Status: findings.Resolved, Address: "aws_instance.old",
			Kind: classify.Drift, Severity: "high", FirstSeenAt: db.At(now.AddDate(0, 0, -3)), LastSeenAt: ended, ResolvedAt: &ended}); err != nil {
			t.Fatal(err)
		}
		heat := func(token, query string) map[string]any {
			r := s.Do("GET", "/api/v2/organizations/acme/drift-heat-map"+query, token, nil)
			if r.Status != 200 {
				t.Fatalf("heat map = %d %s", r.Status, r.Body)
			}
			return r.JSON()["data"].(map[string]any)["attributes"].(map[string]any)
		}
		rows := heat(o.Owner.Token, "?filter[days]=5")["rows"].([]any)
		if len(rows) != 1 || rows[0].(map[string]any)["name"] != "drifted" {
			t.Fatalf("rows = %v, want the drifted workspace", rows)
		}
		var got []string
		for _, c := range rows[0].(map[string]any)["cells"].([]any) {
			got = append(got, c.(map[string]any)["severity"].(string))
		}
		if strings.Join(got, ",") != ",high,high,,critical" {
			t.Errorf("cells = %q, want two days of high, one of nothing, and critical today", got)
		}
		if rows := heat(s.Member(o, "guest").Token, "")["rows"].([]any); len(rows) != 0 {
			t.Errorf("rows of who sees no workspace = %v", rows)
		}
		if r := s.Do("GET", "/api/v2/organizations/acme/drift-heat-map?filter[days]=9999", o.Owner.Token, nil); r.Status != 400 {
			t.Errorf("9999 days = %d, want 400", r.Status)
		}
	})
}

// TestBlindSpotsAreTold: what should be looked at and is not.
func TestBlindSpotsAreTold(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o, drifted, healthy := furnished(s)
		const at = "/api/v2/organizations/acme/drift-blind-spots"
		if r := s.Do("GET", at, o.Owner.Token, nil); r.Status != 200 || strings.Contains(string(r.Body), "workspaces") {
			t.Errorf("blind spots = %d %s, want none", r.Status, r.Body)
		}
		if _, err := s.DB.Exec(t.Context(), `UPDATE workspace_health SET state = 'blocked', reason = 'No state.' WHERE workspace_id = ?`, healthy); err != nil {
			t.Fatal(err)
		}
		r := s.Do("GET", at, o.Owner.Token, nil)
		if body := string(r.Body); !strings.Contains(body, "No state.") || !strings.Contains(body, `"last-success-at":"20`) || strings.Contains(body, drifted) {
			t.Errorf("blind spots = %s, want the blocked workspace with the reason and its last look", body)
		}
		if r := s.Do("GET", at, s.Member(o, "guest").Token, nil); r.Status != 200 || strings.Contains(string(r.Body), healthy) {
			t.Errorf("blind spots of who sees no workspace = %d %s", r.Status, r.Body)
		}
	})
}

// TestStreamTellsOfDrift to who may see the workspace, and not to others.
func TestStreamTellsOfDrift(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o, drifted, _ := furnished(s)
		listen := func(token string) *bufio.Scanner {
			req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/api/v2/organizations/acme/events", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+token)
			res, err := http.DefaultClient.Do(req)
			if err != nil || res.StatusCode != 200 {
				t.Fatalf("events = %v %v", res, err)
			}
			t.Cleanup(func() { _ = res.Body.Close() })
			lines := bufio.NewScanner(res.Body)
			for lines.Scan() && !strings.HasPrefix(lines.Text(), "data: ") {
			}
			return lines
		}
		next := func(lines *bufio.Scanner) string {
			for lines.Scan() {
				if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && data != "{}" { // a sign of life
					return data
				}
			}
			return "the end"
		}
		blind := s.Member(o, "blind")
		sees, hears := listen(o.Owner.Token), listen(blind.Token)
		if r := s.Do("POST", "/api/v2/drift-findings/drf-low/actions/acknowledge", o.Owner.Token, nil); r.Status != 200 {
			t.Fatalf("acknowledge = %d %s", r.Status, r.Body)
		}
		if got, want := next(sees), `{"type":"drift-findings","id":"drf-low","workspace":"`+drifted+`"}`; got != want {
			t.Errorf("the owner hears %s, want %s", got, want)
		}
		s.App.Changes.Drain()
		if got := next(hears); got != "the end" {
			t.Errorf("who sees no workspace hears %s, want nothing", got)
		}
	})
}

package fleet_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/assessments"
	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/findings"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// furnished is an organization with a drifted workspace and a healthy one.
func furnished(s *apptest.Server) (o apptest.Org, drifted, healthy string) {
	o = s.Org("acme")
	drifted, healthy = s.Workspace(o, "", "drifted"), s.Workspace(o, "", "healthy")
	now := db.Now()
	if _, err := s.DB.Exec(s.T.Context(), `UPDATE workspaces SET assessments_enabled = ? WHERE org_id = ?`, true, o.ID); err != nil {
		s.T.Fatal(err)
	}
	insert := func(table string, row any) {
		s.T.Helper()
		if err := s.DB.Insert(s.T.Context(), table, row); err != nil {
			s.T.Fatal(err)
		}
	}
	for ws, n := range map[string]int{drifted: 2, healthy: 0} {
		r := assessments.Result{ID: "asmtres-" + ws, AssessmentID: "asmt-" + ws, OrgID: o.ID, WorkspaceID: ws, Succeeded: true, Drifted: n > 0, ResourcesDrifted: n, ResourcesUndrifted: 3, CreatedAt: now}
		insert("assessment_results", r)
		if _, err := s.DB.Exec(s.T.Context(), `INSERT INTO workspace_health (workspace_id, org_id, state, reason, result_id, result_at, succeeded_at, next_at) VALUES (?, ?, ?, '', ?, ?, ?, ?)`,
			ws, o.ID, map[bool]string{true: "drifted", false: "healthy"}[n > 0], r.ID, now, now, now); err != nil {
			s.T.Fatal(err)
		}
	}
	for i, level := range []string{"critical", "low"} {
		insert("drift_findings", findings.Finding{ID: "drf-" + level, OrgID: o.ID, WorkspaceID: &drifted, Target: drifted, Status: findings.Open, Address: "aws_instance." + level,
			Path: "tags", Kind: classify.Drift, Severity: level, Title: "=cmd()", Provider: "registry.opentofu.org/hashicorp/aws", Rules: db.AsJSON([]string{"G" + string(rune('1'+i))}), FirstSeenAt: now, LastSeenAt: now})
	}
	return o, drifted, healthy
}

// TestExplorerFindsDriftedWorkspaces filters, sorts and exports.
func TestExplorerFindsDriftedWorkspaces(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o, drifted, healthy := furnished(s)
		base := "/api/v2/organizations/acme/explorer?type=workspaces"
		for query, want := range map[string]string{
			"&filter[0][drifted][is][0]=true":                                      drifted,
			"&filter[0][drifted][is][0]=false":                                     healthy,
			"&filter[0][workspace_name][contains][0]=RIFT":                         drifted,
			"&filter[0][resources_drifted][gteq][0]=1":                             drifted,
			"&sort=-resources_drifted":                                             drifted + " " + healthy,
			"&sort=-workspace_name":                                                healthy + " " + drifted,
			"&filter[0][health_state][is-not][0]=drifted":                          healthy,
			"&filter[0][current_run_status][is-empty][0]=true&sort=workspace_name": drifted + " " + healthy,
			"&filter[0][workspace_created_at][is-before][0]=2001-01-01T00:00:00Z":  "",
		} {
			r := s.Do("GET", base+query, o.Owner.Token, nil)
			var got []string
			data, _ := r.JSON()["data"].([]any)
			for _, one := range data {
				got = append(got, one.(map[string]any)["id"].(string))
			}
			if r.Status != 200 || strings.Join(got, " ") != want {
				s.T.Errorf("%s = %d %s, want %s", query, r.Status, got, want)
			}
		}
		for _, query := range []string{"&filter[0][nonsense][is][0]=1", "&filter[0][drifted][contains][0]=1", "&filter[0][drifted]=1", "&sort=nonsense", "&filter[0][resources_drifted][is][0]=x"} {
			if r := s.Do("GET", base+query, o.Owner.Token, nil); r.Status != 400 {
				s.T.Errorf("%s = %d %s, want 400", query, r.Status, r.Body)
			}
		}
		if r := s.Do("GET", base, s.Member(o, "guest").Token, nil); r.Status != 200 || len(r.JSON()["data"].([]any)) != 0 {
			s.T.Errorf("the explorer of somebody who sees no workspace = %d %s", r.Status, r.Body)
		}
		for level, want := range map[string]bool{"read": false, "admin": true} {
			query := "&filter[0][workspace_name][is][0]=drifted&fields=permissions"
			r := s.Do("GET", base+query, s.With(o, "has-"+level, nil, map[string]string{drifted: level}).Token, nil)
			if got, want := string(r.Body), fmt.Sprintf(`"attributes":{"permissions":{"can-manage-assessments":%v}}`, want); r.Status != 200 || !strings.Contains(got, want) {
				s.T.Errorf("the explorer for a team with %s = %d %s, want %s", level, r.Status, got, want)
			}
		}
		csv := s.Do("GET", "/api/v2/organizations/acme/explorer/export/csv?type=workspaces&fields=workspace_name,drifted&sort=workspace_name", o.Owner.Token, nil)
		if got, want := string(csv.Body), "workspace_name,drifted\ndrifted,true\nhealthy,false\n"; got != want {
			s.T.Errorf("CSV = %q, want %q", got, want)
		}
	})
}

// TestRequestsThatAskForTooMuch: what no database would carry out is refused as the mistake
// of the caller that it is.
func TestRequestsThatAskForTooMuch(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o := s.Org("acme")
		filters := func(n int) (all string) {
			for i := range n {
				all += fmt.Sprintf("&filter[%d][tags][is-empty]=", i)
			}
			return all
		}
		for _, path := range []string{"/explorer?type=workspaces" + filters(51), "/explorer?type=workspaces" + filters(1500), "/explorer/export/csv?type=workspaces" + filters(1500), "/drift-days?filter[name]=" + strings.Repeat("a,", 33_000)} {
			if r := s.Do("GET", "/api/v2/organizations/acme"+path, o.Owner.Token, nil); r.Status != 400 || !strings.Contains(r.Detail(), "more than") {
				s.T.Errorf("GET %.40s… of %d bytes = %d %.200s, want 400", path, len(path), r.Status, r.Body)
			}
		}
		if r := s.Do("GET", "/api/v2/organizations/acme/explorer?type=workspaces"+filters(50), o.Owner.Token, nil); r.Status != 200 {
			s.T.Errorf("GET with 50 filters = %d %.200s, want 200", r.Status, r.Body)
		}
	})
}

// TestExportOfManyWorkspaces: there are more than a statement may name.
func TestExportOfManyWorkspaces(t *testing.T) {
	s := apptest.Start(t)
	o, first, _ := furnished(s)
	rows, err := s.DB.Pool().QueryContext(t.Context(), `SELECT * FROM workspaces LIMIT 0`)
	if err != nil {
		t.Fatal(err)
	}
	columns, err := rows.Columns()
	if err := errors.Join(err, rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	values := slices.Clone(columns)
	for i, name := range columns {
		if name == "id" || name == "name" || name == "name_lower" {
			values[i] = "'many-' || n.n"
		}
	}
	const many = 33_000
	if _, err := s.DB.Exec(t.Context(), `INSERT INTO workspaces (`+strings.Join(columns, ", ")+`)
		WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?) SELECT `+strings.Join(values, ", ")+` FROM workspaces w, n WHERE w.id = ?`, many, first); err != nil {
		t.Fatal(err)
	}
	r := s.Do("GET", "/api/v2/organizations/acme/explorer/export/csv?type=workspaces&fields=workspace_name,tags", o.Owner.Token, nil)
	if lines := strings.Count(string(r.Body), "\n"); r.Status != 200 || lines != 1+2+many {
		t.Errorf("export = %d %.200s with %d lines, want %d", r.Status, r.Body, lines, 1+2+many)
	}
}

// TestExplorerKnowsWhatWorkspacesUse shows and filters providers, modules and tags.
func TestExplorerKnowsWhatWorkspacesUse(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o, drifted, healthy := furnished(s)
		for i, one := range []struct{ ws, provider, module string }{{drifted, "hashicorp/aws", "root"}, {drifted, "hashicorp/aws", "vpc"}, {drifted, "hashicorp/random", "vpc"}, {healthy, "hashicorp/azurerm", "root"}} {
			if _, err := s.DB.Exec(s.T.Context(), `INSERT INTO workspace_resources (id, workspace_id, address, name, provider, provider_type, module, created_at, updated_at, modified_by_state_version_id)
				VALUES (?, ?, ?, 'x', ?, 'x', ?, ?, ?, '')`, fmt.Sprint("wsr-", i), one.ws, fmt.Sprint("x.", i), one.provider, one.module, db.Now(), db.Now()); err != nil {
				s.T.Fatal(err)
			}
		}
		if r := s.Do("PATCH", "/api/v2/workspaces/"+drifted+"/tag-bindings", o.Owner.Token, `{"data":[{"type":"tag-bindings","attributes":{"key":"billing","value":"tier2"}}]}`); r.Status != 200 {
			s.T.Fatalf("tags = %d %s", r.Status, r.Body)
		}
		base := "/api/v2/organizations/acme/explorer?type=workspaces&sort=-provider_count&filter[0]"
		for filter, want := range map[string]string{"[tags][contains][0]=billing:TIER2": drifted, "[tags][is_empty][0]=true": healthy, "[modules][contains][0]=vp": drifted, "[providers][does-not-contain][0]=aws": healthy,
			"[provider_count][gteq][0]=2": drifted, "[module_count][is][0]=0": healthy, "[providers][is-not-empty][0]=1": drifted + " " + healthy, "[resource_count][is][0]=0": drifted + " " + healthy} {
			var got []string
			data, _ := s.Do("GET", base+filter, o.Owner.Token, nil).JSON()["data"].([]any)
			for _, one := range data {
				got = append(got, one.(map[string]any)["id"].(string))
			}
			if strings.Join(got, " ") != want {
				s.T.Errorf("%s = %v, want %s", filter, got, want)
			}
		}
		csv := s.Do("GET", "/api/v2/organizations/acme/explorer/export/csv?type=workspaces&fields=providers,modules,tags,provider_count&sort=workspace_name", o.Owner.Token, nil)
		if got, want := string(csv.Body), "providers,modules,tags,provider_count\n\"hashicorp/aws, hashicorp/random\",vpc,billing:tier2,2\nhashicorp/azurerm,,,1\n"; got != want {
			s.T.Errorf("CSV = %q, want %q", got, want)
		}
		for _, query := range []string{"[tags][gt][0]=1", "[tags][is][0]=x"} {
			if r := s.Do("GET", base+query, o.Owner.Token, nil); r.Status != 400 {
				s.T.Errorf("%s = %d, want 400", query, r.Status)
			}
		}
	})
}

// TestSummaryAndExports counts and exports what is open, for who may see it.
func TestSummaryAndExports(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		o, drifted, _ := furnished(s)
		sum := s.Do("GET", "/api/v2/organizations/acme/drift-summary", o.Owner.Token, nil).JSON()["data"].(map[string]any)["attributes"].(map[string]any)
		if sum["open-findings"] != 2.0 || sum["drifted-targets"] != 1.0 || len(sum["by-severity"].([]any)) != 2 || sum["by-workspace"].([]any)[0].(map[string]any)["name"] != drifted {
			s.T.Errorf("summary = %v", sum)
		}
		guest := s.Member(o, "guest")
		if hidden := s.Do("GET", "/api/v2/organizations/acme/drift-summary", guest.Token, nil).JSON()["data"].(map[string]any)["attributes"].(map[string]any); hidden["open-findings"] != 0.0 {
			s.T.Errorf("summary of somebody who sees no workspace = %v", hidden)
		}
		csv := s.Do("GET", "/api/v2/organizations/acme/drift-export?format=csv", o.Owner.Token, nil)
		if lines := strings.Split(strings.TrimSpace(string(csv.Body)), "\n"); len(lines) != 3 || !strings.Contains(lines[1], "'=cmd()") {
			s.T.Errorf("CSV = %s, want a header and two findings, none a formula", csv.Body)
		}
		var sarif struct {
			Version string
			Runs    []struct {
				Results []struct{ RuleID, Level string }
			}
		}
		if err := json.Unmarshal(s.Do("GET", "/api/v2/organizations/acme/drift-export?format=sarif", o.Owner.Token, nil).Body, &sarif); err != nil || sarif.Version != "2.1.0" ||
			len(sarif.Runs[0].Results) != 2 || sarif.Runs[0].Results[0].Level != "error" || sarif.Runs[0].Results[0].RuleID != "G1" {
			s.T.Errorf("SARIF = %+v, %v", sarif, err)
		}
		if r := s.Do("GET", "/api/v2/organizations/acme/drift-export?format=xml", o.Owner.Token, nil); r.Status != 400 {
			s.T.Errorf("format=xml = %d, want 400", r.Status)
		}
		if err := s.App.Drift.Fleet.Count(s.T.Context()); err != nil {
			s.T.Fatal(err)
		}
		days := s.Do("GET", "/api/v2/organizations/acme/drift-days?filter[dimension]=severity", o.Owner.Token, nil)
		if days.Status != 200 {
			s.T.Errorf("days = %d %s", days.Status, days.Body)
		}
	})
}

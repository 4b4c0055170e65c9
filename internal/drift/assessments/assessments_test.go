package assessments_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/severity"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// TestAssessmentFindsDrift plays an executor that finds an attribute changed.
func TestAssessmentFindsDrift(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		f.do(404, "GET", "/api/v2/workspaces/"+f.ws+"/current-assessment-result", nil)
		f.assess()
		if r := f.do(409, "POST", "/api/v2/workspaces/"+f.ws+"/actions/assess", nil); !strings.Contains(r.Detail(), "under way") {
			s.T.Errorf("a second assessment is refused with %q", r.Detail())
		}
		spec := f.look(apptest.Report(3, nil, apptest.Found{Address: "aws_s3_bucket.a", Path: "acl", Kind: classify.Drift, Level: severity.Medium, Real: "public"}))
		if spec.Remote || !spec.HasState || !spec.Outputs || spec.Engine.Version != "1.12.6" || spec.Cache != f.ws || len(spec.Key) == 0 || spec.Token == "" {
			s.T.Errorf("spec = %+v", spec)
		}
		if r := s.Do("GET", "/api/v2/workspaces/"+f.ws, spec.Token, nil); r.Status != 401 {
			s.T.Errorf("GET with the token of an assessment that has ended = %d, want 401", r.Status)
		}
		got := f.current()
		delete(got, "created-at")
		want := map[string]any{"succeeded": true, "drifted": true, "all-checks-succeeded": true, "resources-drifted": 1.0, "resources-undrifted": 2.0, "checks-passed": 0.0,
			"checks-failed": 0.0, "checks-errored": 0.0, "checks-unknown": 0.0, "severity": "medium", "error-message": nil, "error-msg": nil}
		if diff := cmp.Diff(want, got); diff != "" {
			s.T.Errorf("result (-want +got):\n%s", diff)
		}
		ws := attributes(f.do(200, "GET", "/api/v2/workspaces/"+f.ws, nil))
		if ws["health-state"] != "drifted" || ws["last-assessment-result-at"] == nil || ws["assessments-enabled"] != true {
			s.T.Errorf("workspace = %v, %v", ws["health-state"], ws["last-assessment-result-at"])
		}
		if r := f.do(200, "GET", "/api/v2/workspaces/"+f.ws+"?include=current_assessment_result", nil); len(r.JSON()["included"].([]any)) != 1 {
			s.T.Errorf("included = %v, want the result", r.JSON()["included"])
		}
		if got := f.news(); got != "assessment:drifted" {
			s.T.Errorf("told = %q", got)
		}
	})
}

// TestOnlyNewsAreTold walks a workspace through drift that stays, changes, fails to be
// looked at, and goes.
func TestOnlyNewsAreTold(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		drift := func(real string) apptest.Found {
			return apptest.Found{Address: "aws_s3_bucket.a", Path: "acl", Kind: classify.Drift, Level: severity.Medium, Real: real}
		}
		check := []severity.JudgedCheck{{Check: classify.Check{Address: "check.up", Kind: "check", Status: "fail", Problems: []string{"it is down"}}, Severity: severity.High}}
		for _, step := range []struct {
			report       proto.Report
			told, health string
		}{
			{apptest.Report(1, nil), "", "healthy"},
			{apptest.Report(1, nil, drift("public")), "assessment:drifted", "drifted"},
			{apptest.Report(1, nil, drift("public")), "", "drifted"},
			{apptest.Report(1, nil, drift("other")), "assessment:drifted", "drifted"},
			{apptest.Report(1, check, drift("other")), "assessment:check_failure", "drifted"},
			{apptest.Report(1, check), "", "checks-failing"},
			{apptest.Report(1, nil, apptest.Found{Address: "aws_s3_bucket.a", Path: "etag", Kind: classify.StateOnly, Level: severity.Info, Real: "x"}), "", "healthy"},
			{apptest.Report(1, nil, drift("other")), "assessment:drifted", "drifted"},
		} {
			f.assess()
			f.look(step.report)
			if got := f.news(); got != step.told {
				s.T.Errorf("told = %q, want %q", got, step.told)
			}
			if got := attributes(f.do(200, "GET", "/api/v2/workspaces/"+f.ws, nil))["health-state"]; got != step.health {
				s.T.Errorf("health-state = %v, want %s", got, step.health)
			}
		}
		f.assess()
		f.fail("no credentials")
		if got := f.news(); got != "assessment:failed" {
			s.T.Errorf("told of a failure = %q", got)
		}
		if got := f.current(); got["succeeded"] != false || got["error-message"] != "no credentials" || got["error-msg"] != "no credentials" {
			s.T.Errorf("result of a failure = %v", got)
		}
		f.assess()
		f.look(apptest.Report(1, nil, drift("other")))
		if got := f.news(); got != "" {
			s.T.Errorf("told of drift that was known before a failure = %q, want nothing", got)
		}
	})
}

// fail plays an executor whose look fails.
func (f *fixture) fail(why string) {
	f.T.Helper()
	var spec proto.Scan
	t := f.e.Claim(proto.KindAssessment, &spec)
	f.e.Finish(t, proto.Result{Outcome: proto.Errored, Error: why}, proto.ScanResult{})
}

// TestOutputsAreForAdmins reads what an assessment left as several people.
func TestOutputsAreForAdmins(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		f.assess()
		f.look(apptest.Report(1, nil))
		result := id(f.do(200, "GET", "/api/v2/workspaces/"+f.ws+"/current-assessment-result", nil))
		base := "/api/v2/assessment-results/" + result
		reader := s.With(f.org, "reader", nil, map[string]string{f.ws: "read"})
		for path, want := range map[string]string{"/json-output": `{"format_version":"1.2"}`, "/json-schema": `{"format_version":"1.0"}`, "/log-output": "looking…\n"} {
			if got := f.do(200, "GET", base+path, nil); string(got.Body) != want {
				s.T.Errorf("%s = %s, want %s", path, got.Body, want)
			}
			if r := s.Do("GET", base+path, reader.Token, nil); r.Status != 404 {
				s.T.Errorf("%s as a reader = %d, want 404", path, r.Status)
			}
		}
		if r := s.Do("GET", base, reader.Token, nil); r.Status != 200 || r.JSON()["data"].(map[string]any)["links"].(map[string]any)["json-output"] != nil {
			s.T.Errorf("the result as a reader = %d %s, want it without json-output", r.Status, r.Body)
		}
		for query, want := range map[string]string{"?limit=4": "look", "?offset=4&limit=3": "ing", "?tail=true&limit=1": "\n"} {
			if got := f.do(200, "GET", base+"/log-output"+query, nil); string(got.Body) != want {
				s.T.Errorf("log-output%s = %q, want %q", query, got.Body, want)
			}
		}
		f.do(404, "GET", base+"/sanitized-plan", nil)
		source := f.do(200, "GET", base, nil).JSON()["data"].(map[string]any)["relationships"].(map[string]any)["source"].(map[string]any)["data"].(map[string]any)
		at := "/api/v2/assessments/" + source["id"].(string) + "/actions/"
		f.do(204, "POST", at+"soft-delete-backing-data", nil)
		f.do(404, "GET", base+"/json-output", nil)
		f.do(204, "POST", at+"restore-backing-data", nil)
		f.do(200, "GET", base+"/json-output", nil)
		f.do(204, "POST", at+"soft-delete-backing-data", nil)
		f.do(204, "POST", at+"permanently-delete-backing-data", nil)
		f.do(400, "POST", at+"restore-backing-data", nil)
		f.do(404, "GET", base+"/json-output", nil)
	})
}

// TestStateThatMovedOn applies while an assessment is under way.
func TestStateThatMovedOn(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		f.assess()
		var spec proto.Scan
		ticket := f.e.Claim(proto.KindAssessment, &spec)
		f.e.Put(ticket, proto.Findings, apptest.Report(1, nil, apptest.Found{Address: "aws_s3_bucket.a", Path: "acl", Kind: classify.Drift, Level: severity.Medium, Real: "public"}))
		f.e.Applied(f.org, f.ws, 2)
		f.e.Finish(ticket, proto.Result{Outcome: proto.Finished}, proto.ScanResult{EngineVersion: "1.12.6"})
		f.do(404, "GET", "/api/v2/workspaces/"+f.ws+"/current-assessment-result", nil)
		f.look(apptest.Report(1, nil))
		if got := f.current(); got["drifted"] != false {
			s.T.Errorf("drifted = %v, want the result of the second look", got["drifted"])
		}
	})
}

// TestNobodyIsPaused looks at workspaces that cannot be looked at.
func TestNobodyIsPaused(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		empty := s.Workspace(f.org, "", "empty")
		if r := f.do(409, "POST", "/api/v2/workspaces/"+empty+"/actions/assess", nil); !strings.Contains(r.Detail(), "not enabled") {
			s.T.Errorf("refused with %q", r.Detail())
		}
		f.patch(empty, map[string]any{"assessments-enabled": true})
		if r := f.do(409, "POST", "/api/v2/workspaces/"+empty+"/actions/assess", nil); !strings.Contains(r.Detail(), "no state yet") {
			s.T.Errorf("refused with %q", r.Detail())
		}
		f.sweep()
		if got := attributes(f.do(200, "GET", "/api/v2/workspaces/"+empty, nil)); got["health-state"] != "unknown" {
			s.T.Errorf("health-state before the first period is over = %v", got["health-state"])
		}
		f.e.None(proto.KindAssessment)
		f.age(24*time.Hour, empty)
		f.sweep()
		if got := attributes(f.do(200, "GET", "/api/v2/workspaces/"+empty, nil)); got["health-state"] != "blocked" || got["health-reason"] != "It has no state yet." {
			s.T.Errorf("health = %v because %v", got["health-state"], got["health-reason"])
		}
		if got := f.news(); got != "" {
			s.T.Errorf("told after one period = %q", got)
		}
		f.age(25*time.Hour, empty)
		for range 2 {
			f.sweep()
		}
		if got := f.news(); got != "assessment:failed" {
			s.T.Errorf("told after two periods = %q, want one failure", got)
		}
		if got := attributes(f.do(200, "GET", "/api/v2/workspaces/"+empty+"/current-assessment-result", nil)); !strings.Contains(got["error-message"].(string), "no state yet") {
			s.T.Errorf("error-message = %v", got["error-message"])
		}
	})
}

func (f *fixture) sweep() {
	f.T.Helper()
	if err := f.App.Drift.Assessments.Sweep(f.T.Context()); err != nil {
		f.T.Fatal(err)
	}
}

// age lets time pass for a workspace.
func (f *fixture) age(by time.Duration, ws string) {
	f.T.Helper()
	type row struct {
		SucceededAt db.Time `db:"succeeded_at"`
		NextAt      db.Time `db:"next_at"`
	}
	r, err := db.One[row](f.T.Context(), f.DB, `SELECT succeeded_at, next_at FROM workspace_health WHERE workspace_id = ?`, ws)
	if err == nil {
		_, err = f.DB.Exec(f.T.Context(), `UPDATE workspace_health SET succeeded_at = ?, next_at = ? WHERE workspace_id = ?`, db.At(r.SucceededAt.Add(-by)), db.At(r.NextAt.Add(-by)), ws)
	}
	if err != nil {
		f.T.Fatal(err)
	}
}

// TestSevereDriftIsSeenTwice lets a scheduled assessment find something critical.
func TestSevereDriftIsSeenTwice(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		f.do(200, "PATCH", "/api/v2/organizations/acme/assessment-settings", map[string]any{"data": map[string]any{"type": "assessment-settings", "attributes": map[string]any{"confirm-seconds": 1}}})
		critical := apptest.Found{Address: "aws_s3_bucket.a", Path: "acl", Kind: classify.Drift, Level: severity.Critical, Real: "public"}
		due := func() { f.sweep(); f.age(24*time.Hour, f.ws); f.sweep() }
		due()
		f.look(apptest.Report(1, nil, critical))
		f.do(404, "GET", "/api/v2/workspaces/"+f.ws+"/current-assessment-result", nil)
		f.look(apptest.Report(1, nil)) // it was a moment of the cloud
		if got := f.current(); got["drifted"] != false || f.news() != "" {
			s.T.Errorf("result = %v, want the one of the second look", got)
		}
		due()
		f.look(apptest.Report(1, nil, critical))
		f.look(apptest.Report(1, nil, critical))
		if got := f.current(); got["drifted"] != true || f.news() != "assessment:drifted" {
			s.T.Errorf("result = %v, want critical drift", got)
		}
		due()
		f.look(apptest.Report(1, nil, critical)) // known: no second look
		f.e.None(proto.KindAssessment)
	})
}

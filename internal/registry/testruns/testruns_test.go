package testruns_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/executor/proto"
)

// log is what an engine prints for two runs, one of which fails.
const log = `OpenTofu v1.12.6
{"@level":"info","@message":"tests/a.tftest.hcl... fail","@testfile":"tests/a.tftest.hcl","test_file":{"path":"tests/a.tftest.hcl","status":"fail","progress":"complete"},"type":"test_file"}
{"@level":"info","@testfile":"tests/a.tftest.hcl","@testrun":"good","@timestamp":"2026-11-22T05:33:15.100Z","test_run":{"run":"good","progress":"starting"},"type":"test_run"}
{"@level":"info","@testfile":"tests/a.tftest.hcl","@testrun":"good","@timestamp":"2026-11-22T05:33:15.350Z","test_run":{"run":"good","status":"pass","progress":"complete"},"type":"test_run"}
{"@level":"info","@testfile":"tests/a.tftest.hcl","@testrun":"bad","test_run":{"run":"bad","status":"fail","progress":"complete"},"type":"test_run"}
{"@level":"error","@testfile":"tests/a.tftest.hcl","@testrun":"bad","diagnostic":{"severity":"error","summary":"Test assertion failed","detail":"It is <too> small.","range":{"filename":"tests/a.tftest.hcl","start":{"line":3}}},"type":"diagnostic"}
{"@level":"info","@testfile":"tests/a.tftest.hcl","@testrun":"last","test_run":{"run":"last","status":"skip","progress":"complete"},"type":"test_run"}
`

func TestATestRunFromItsFilesToItsReport(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		run := f.create(tfe.TestRunCreateOptions{Filters: []string{"tests/a.tftest.hcl"}, Verbose: new(true), Parallelism: new(3),
			Variables: []*tfe.RunVariable{{Key: "number", Value: "4"}, {Key: "text", Value: `"x"`}, {Key: "wait", Value: "5s"}}})
		if run.Status != tfe.TestRunQueued || run.ConfigurationVersion == nil || run.StatusTimestamps.QueuedAt.IsZero() {
			s.T.Errorf("new test run = %+v", run)
		}
		ticket, spec := f.claim()
		if spec.RunID != run.ID || spec.Directory != "tests" || !spec.Verbose || spec.Parallelism != 3 || spec.Organization != "acme" || spec.Token == "" {
			s.T.Errorf("spec = %+v", spec)
		}
		want := []proto.Variable{{Key: "number", Value: "4", HCL: true}, {Key: "text", Value: `"x"`, HCL: true}, {Key: "wait", Value: "5s"}}
		if diff := cmp.Diff(want, spec.Variables); diff != "" {
			s.T.Errorf("variables (-want +got):\n%s", diff)
		}
		if r := s.Do("GET", "/api/v2/organizations/acme/workspaces", spec.Token, nil); r.Status != 404 {
			s.T.Errorf("GET workspaces with the token of a test = %d %s, want 404", r.Status, r.Body)
		}
		if r := s.Do("GET", f.base+"/vars", spec.Token, nil); r.Status != 404 {
			s.T.Errorf("GET variables with the token of a test = %d, want 404", r.Status)
		}
		if r := s.Do("GET", "/api/registry/v1/modules/acme", spec.Token, nil); r.Status != 200 {
			s.T.Errorf("GET modules with the token of a test = %d %s, want 200", r.Status, r.Body)
		}
		body, err := f.worker.Get(f.ctx, ticket, proto.Archive)
		f.must(err)
		if b, err := io.ReadAll(body); err != nil || len(b) == 0 {
			s.T.Errorf("archive = %d bytes, %v", len(b), err)
		}
		if read, err := f.c.TestRuns.Read(f.ctx, f.id, run.ID); err != nil || read.Status != tfe.TestRunRunning || read.TestStatus != "" {
			s.T.Errorf("Read while it runs = %+v, %v", read, err)
		}
		if _, err := f.worker.Report(f.ctx, ticket, 0, []byte(log)); err != nil {
			s.T.Fatal(err)
		}
		f.finish(ticket, proto.Result{Outcome: proto.Finished}, proto.TestResult{Status: "fail", Passed: 1, Failed: 1, Skipped: 1})
		if r := s.Do("GET", "/api/registry/v1/modules/acme", spec.Token, nil); r.Status != 401 {
			s.T.Errorf("GET modules after the end = %d, want 401", r.Status)
		}
		reader, err := f.c.TestRuns.Logs(f.ctx, f.id, run.ID)
		f.must(err)
		if b, err := io.ReadAll(reader); err != nil || !strings.Contains(string(b), "Test assertion failed") {
			s.T.Errorf("log = %s, %v", b, err)
		}
		f.shows(run)
		f.reports(run.ID)
	})
}

// shows checks the attributes of the finished run by the sample of the page.
func (f *fixture) shows(run *tfe.TestRun) {
	f.T.Helper()
	a := f.attributes(run.ID)
	for _, name := range []string{"created-at", "updated-at", "log-read-url", "status-timestamps"} {
		if a[name] == nil {
			f.T.Errorf("attribute %s is missing", name)
		}
		delete(a, name)
	}
	want := map[string]any{"status": "finished", "test-configurable-type": "RegistryModule", "test-configurable-id": f.module.ID,
		"variables": []any{map[string]any{"key": "number", "value": "4"}, map[string]any{"key": "text", "value": `"x"`}, map[string]any{"key": "wait", "value": "5s"}},
		"filters":   []any{"tests/a.tftest.hcl"}, "test-directory": "tests", "verbose": true, "parallelism": 3.0, "test-status": "fail", "tests-passed": 1.0, "tests-failed": 1.0,
		"tests-errored": 0.0, "tests-skipped": 1.0, "source": "tfe-api", "message": "Queued manually via the Terraform Enterprise API"}
	if diff := cmp.Diff(want, a); diff != "" {
		f.T.Errorf("attributes (-want +got):\n%s", diff)
	}
	doc := f.Do("GET", f.base+"/test-runs/"+run.ID, f.org.Owner.Token, nil).JSON()["data"].(map[string]any)["relationships"].(map[string]any)
	by := doc["created-by"].(map[string]any)
	if diff := cmp.Diff(map[string]any{"data": map[string]any{"id": f.org.Owner.ID, "type": "users"}, "links": map[string]any{"related": "/api/v2/users/" + f.org.Owner.ID}}, by); diff != "" {
		f.T.Errorf("created-by (-want +got):\n%s", diff)
	}
}

// reports checks the document of JUnit.
func (f *fixture) reports(id string) {
	f.T.Helper()
	r := f.Do("GET", f.base+"/test-runs/"+id+"/junit", f.org.Owner.Token, nil)
	if r.Status != 200 || r.Header.Get("Content-Type") != "application/xml" {
		f.T.Fatalf("GET junit = %d %s", r.Status, r.Body)
	}
	want := `<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="tests/a.tftest.hcl" tests="3" failures="1" errors="0" skipped="1">
    <testcase name="good" classname="tests/a.tftest.hcl" time="0.250"></testcase>
    <testcase name="bad" classname="tests/a.tftest.hcl">
      <failure message="Test run failed">Test assertion failed&#xA;tests/a.tftest.hcl:3&#xA;It is &lt;too&gt; small.&#xA;</failure>
    </testcase>
    <testcase name="last" classname="tests/a.tftest.hcl">
      <skipped message="Test run was not executed"></skipped>
    </testcase>
  </testsuite>
</testsuites>
`
	if diff := cmp.Diff(want, string(r.Body)); diff != "" {
		f.T.Errorf("junit (-want +got):\n%s", diff)
	}
}

func TestAnErroredTestRunSaysWhy(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		run := f.create(tfe.TestRunCreateOptions{})
		ticket, _ := f.claim()
		f.finish(ticket, proto.Result{Outcome: proto.Errored, Error: "failed running tofu init (exit 1)"}, proto.TestResult{EngineVersion: "1.12.6"})
		a := f.attributes(run.ID)
		if a["status"] != "errored" || a["test-status"] != nil || a["tests-passed"] != nil || a["error-message"] != "failed running tofu init (exit 1)" {
			s.T.Errorf("attributes = %v", a)
		}
		f.create(tfe.TestRunCreateOptions{})
		ticket, _ = f.claim()
		f.finish(ticket, proto.Result{Outcome: proto.Finished}, proto.TestResult{Status: "splendid"})
		list, err := f.c.TestRuns.List(f.ctx, f.id, nil)
		f.must(err)
		if len(list.Items) != 2 || list.Items[0].Status != tfe.TestRunErrored || list.Items[0].ID == run.ID {
			s.T.Errorf("list = %+v, want two errored ones, the newest first", list.Items)
		}
	})
}

func TestCancelAndForceCancel(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		queued := f.create(tfe.TestRunCreateOptions{})
		post := func(id, action string) *apptest.Response {
			return s.Do("POST", f.base+"/test-runs/"+id+"/"+action, f.org.Owner.Token, nil)
		}
		says(s.T, "force-cancel before cancel", post(queued.ID, "force-cancel"), 409, "Test was not running, or has not been canceled non-forcefully")
		says(s.T, "cancel of a queued one", post(queued.ID, "cancel"), 202, "")
		if a := f.attributes(queued.ID); a["status"] != "canceled" || a["status-timestamps"].(map[string]any)["canceled-at"] == nil {
			s.T.Errorf("attributes of a canceled one = %v", a)
		}
		says(s.T, "cancel of an ended one", post(queued.ID, "cancel"), 409, "Test was not running; cancel not allowed")
		says(s.T, "cancel of none", post("trun-none", "cancel"), 404, "")
		says(s.T, "force-cancel of none", post("trun-none", "force-cancel"), 404, "")

		run := f.create(tfe.TestRunCreateOptions{})
		ticket, _ := f.claim()
		says(s.T, "cancel", post(run.ID, "cancel"), 202, "")
		says(s.T, "cancel again", post(run.ID, "cancel"), 202, "")
		orders, err := f.worker.Report(f.ctx, ticket, 0, nil)
		if err != nil || orders.Cancel != proto.Interrupt {
			s.T.Errorf("Report = %+v, %v, want an interrupt", orders, err)
		}
		f.finish(ticket, proto.Result{Outcome: proto.Canceled}, proto.TestResult{Status: "error", Passed: 1, Skipped: 2})
		if a := f.attributes(run.ID); a["status"] != "canceled" || a["tests-skipped"] != 2.0 {
			s.T.Errorf("attributes of an interrupted one = %v", a)
		}

		run = f.create(tfe.TestRunCreateOptions{})
		ticket, _ = f.claim()
		f.must(f.c.TestRuns.Cancel(f.ctx, f.id, run.ID))
		f.must(f.c.TestRuns.ForceCancel(f.ctx, f.id, run.ID))
		if a := f.attributes(run.ID); a["status"] != "canceled" || a["status-timestamps"].(map[string]any)["force-canceled-at"] == nil {
			s.T.Errorf("attributes of one that was ended by force = %v", a)
		}
		if _, err := f.worker.Report(f.ctx, ticket, 0, []byte("ghost")); err == nil {
			s.T.Error("Report after the end by force succeeds")
		}
	})
}

func TestAModuleGoesWithItsTests(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		run := f.create(tfe.TestRunCreateOptions{})
		ticket, spec := f.claim()
		f.must(f.c.RegistryModules.DeleteProvider(f.ctx, f.id))
		if _, err := f.worker.Report(f.ctx, ticket, 0, []byte("x")); err == nil {
			s.T.Error("Report for a module that is gone succeeds")
		}
		if r := s.Do("GET", "/api/registry/v1/modules/acme", spec.Token, nil); r.Status != 401 {
			s.T.Errorf("the token of the test still works: %d", r.Status)
		}
		if r := s.Do("GET", "/api/v2/configuration-versions/"+run.ConfigurationVersion.ID, f.org.Owner.Token, nil); r.Status != 404 {
			s.T.Errorf("GET configuration version = %d, want 404", r.Status)
		}
	})
}

func TestConfigurationVersionsOfModules(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		r := s.Do("POST", f.base+"/test-runs/configuration-versions", f.org.Owner.Token, nil)
		data, _ := r.JSON()["data"].(map[string]any)
		a, _ := data["attributes"].(map[string]any)
		upload, _ := a["upload-url"].(string)
		delete(a, "upload-url")
		want := map[string]any{"auto-queue-runs": true, "error": nil, "error-message": nil, "source": "tfe-api", "speculative": false, "status": "pending", "status-timestamps": map[string]any{}, "provisional": false}
		if diff := cmp.Diff(want, a); r.Status != 201 || upload == "" || diff != "" {
			s.T.Errorf("POST configuration-versions = %d (-want +got):\n%s", r.Status, diff)
		}
		id := data["id"].(string)
		member := s.Member(f.org, "mia")
		for who, token := range map[string]string{"a member": member.Token, "a stranger": s.User("sue").Token} {
			if r := s.Do("GET", "/api/v2/configuration-versions/"+id, token, nil); r.Status != 404 {
				s.T.Errorf("GET as %s = %d, want 404", who, r.Status)
			}
		}
		says(s.T, "a test of files that are not there", f.post(`{"data":{"type":"test-runs","relationships":{"configuration-version":{"data":{"type":"configuration-versions","id":"`+id+`"}}}}}`), 422, "Configuration version must be uploaded, it is pending")
		archive := apptest.TarGz(s.T, map[string]string{"main.tf": "# mine"})
		says(s.T, "upload", s.Do("PUT", upload, "", archive), 200, "")
		says(s.T, "the same upload again", s.Do("PUT", upload, "", archive), 200, "")
		got := s.Do("GET", "/api/v2/configuration-versions/"+id+"/download", f.org.Owner.Token, nil)
		got = s.Do("GET", got.Header.Get("Location"), "", nil)
		if got.Status != 200 || !bytes.Equal(got.Body, archive) {
			s.T.Errorf("download = %d, %d bytes, want what was sent", got.Status, len(got.Body))
		}
		if runs := s.Do("GET", f.base+"/test-runs", f.org.Owner.Token, nil); len(runs.JSON()["data"].([]any)) != 0 {
			s.T.Errorf("an upload queued %s", runs.Body)
		}
		says(s.T, "a test of the newest files", f.post(`{"data":{"type":"test-runs","attributes":{"variables":[{"key":"number","value":4},{"key":"on","value":true}]}}}`), 201, `{"key":"number","value":"4"},{"key":"on","value":"true"}`)
		says(s.T, "archive while a test runs", s.Do("POST", "/api/v2/configuration-versions/"+id+"/actions/archive", f.org.Owner.Token, nil), 409, "has a run in progress")
		ws := s.Workspace(f.org, "", "web")
		says(s.T, "a run of a module's files", s.Do("POST", "/api/v2/runs", f.org.Owner.Token, `{"data":{"type":"runs","relationships":{"workspace":{"data":{"type":"workspaces","id":"`+ws+`"}},"configuration-version":{"data":{"type":"configuration-versions","id":"`+id+`"}}}}}`), 404, "")
	})
}

func (f *fixture) post(body string) *apptest.Response {
	return f.Do("POST", f.base+"/test-runs", f.org.Owner.Token, body)
}

package assessments_test

import (
	"context"
	"strings"
	"sync"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/assessments"
	"plumbline.dev/plumbline/internal/executor/proto"
)

// fixture is a workspace in which a run was applied, with assessments on.
type fixture struct {
	*apptest.Server
	org apptest.Org
	ws  string
	e   *apptest.Executor

	mu   sync.Mutex
	told []string // triggers of results that were told
}

func newFixture(s *apptest.Server) *fixture {
	o := s.Org("acme")
	f := &fixture{Server: s, org: o, ws: s.Workspace(o, "", "web"), e: s.Executor()}
	s.App.Drift.Assessments.OnResult = append(s.App.Drift.Assessments.OnResult, func(_ context.Context, t assessments.Told) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.told = append(f.told, t.Triggers...)
		return nil
	})
	f.e.Applied(o, f.ws, 1)
	f.patch(f.ws, map[string]any{"assessments-enabled": true})
	return f
}

// news are the triggers since the last call.
func (f *fixture) news() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := strings.Join(f.told, " ")
	f.told = nil
	return all
}

func (f *fixture) patch(ws string, attributes map[string]any) {
	f.T.Helper()
	f.do(200, "PATCH", "/api/v2/workspaces/"+ws, map[string]any{"data": map[string]any{"type": "workspaces", "attributes": attributes}})
}

// do sends a request of the owner, whose answer must have the status.
func (f *fixture) do(status int, method, path string, body any) *apptest.Response {
	f.T.Helper()
	r := f.Do(method, path, f.org.Owner.Token, body)
	if r.Status != status {
		f.T.Fatalf("%s %s = %d %s, want %d", method, path, r.Status, r.Body, status)
	}
	return r
}

func (f *fixture) assess() {
	f.T.Helper()
	f.do(200, "POST", "/api/v2/workspaces/"+f.ws+"/actions/assess", nil)
}

// current are the attributes of the current result.
func (f *fixture) current() map[string]any {
	f.T.Helper()
	return attributes(f.do(200, "GET", "/api/v2/workspaces/"+f.ws+"/current-assessment-result", nil))
}

func attributes(r *apptest.Response) map[string]any {
	return r.JSON()["data"].(map[string]any)["attributes"].(map[string]any)
}

func id(r *apptest.Response) string { return r.JSON()["data"].(map[string]any)["id"].(string) }

// look plays an executor that does the next assessment and finds something.
func (f *fixture) look(r proto.Report) (spec proto.Scan) {
	f.T.Helper()
	t := f.e.Claim(proto.KindAssessment, &spec)
	f.e.Log(t, "looking…\n")
	f.e.Put(t, proto.Findings, r)
	f.e.Put(t, proto.PlanJSON, `{"format_version":"1.2"}`)
	f.e.Put(t, proto.Schemas, `{"format_version":"1.0"}`)
	f.e.Finish(t, proto.Result{Outcome: proto.Finished}, proto.ScanResult{EngineVersion: "1.12.6"})
	return spec
}

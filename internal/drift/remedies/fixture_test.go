package remedies_test

import (
	"encoding/json"
	"fmt"
	"strings"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/severity"
	"plumbline.dev/plumbline/internal/executor/proto"
)

// change is something that somebody changed outside.
type change struct {
	address, path string
	kind          classify.Kind
	wanted, real  any
	actions       []string
	level         severity.Level
	stateful      bool
	masked        bool
}

// report is what an executor sends that found changes.
func report(changes ...change) proto.Report {
	v := severity.Verdict{Severity: severity.Info, Resources: 30}
	r := proto.Report{Text: "the plan", TerraformVersion: "1.12.6"}
	objects := map[string]bool{}
	for _, c := range changes {
		if c.kind == "" {
			c.kind = classify.Drift
		}
		if c.actions == nil {
			c.actions = []string{"update"}
		}
		if c.level == "" {
			c.level = severity.Medium
		}
		if c.level.Rank() > v.Severity.Rank() {
			v.Severity = c.level
		}
		parts := strings.Split(c.address, ".")
		j := severity.Judged{Finding: classify.Finding{Address: c.address, Type: parts[len(parts)-2], Name: parts[len(parts)-1], Mode: "managed", Path: c.path, Kind: c.kind, Recorded: c.wanted, Real: c.real, Wanted: c.wanted,
			Masked: c.masked, Actions: c.actions}, Severity: c.level, Stateful: c.stateful, Title: "it has changed"}
		objects[c.address] = true
		v.Findings = append(v.Findings, j)
		r.Fingerprints = append(r.Fingerprints, classify.Fingerprint([]byte("k"), "t", "", j.Finding))
	}
	v.Drifted = len(objects)
	r.Undrifted = v.Resources - len(objects)
	r.Verdict, _ = json.Marshal(v)
	return r
}

// fixture is a workspace with code that was applied, and an executor that the test plays.
type fixture struct {
	*apptest.Server
	org apptest.Org
	ws  string
	e   *apptest.Executor
}

// applied makes the workspace web, applies code in it, and turns assessments on.
func applied(s *apptest.Server, code map[string]string) *fixture {
	f := &fixture{Server: s, org: s.Org("acme"), e: s.Executor()}
	f.ws = s.Workspace(f.org, "", "web")
	ctx, c := s.T.Context(), s.Client(f.org.Owner.Token)
	v, err := c.ConfigurationVersions.Create(ctx, f.ws, tfe.ConfigurationVersionCreateOptions{AutoQueueRuns: new(false)})
	f.must(err)
	if r := s.Do("PUT", v.UploadURL, "", apptest.TarGz(s.T, code)); r.Status != 200 {
		s.T.Fatalf("upload = %d %s", r.Status, r.Body)
	}
	_, err = c.Runs.Create(ctx, tfe.RunCreateOptions{Workspace: &tfe.Workspace{ID: f.ws}, ConfigurationVersion: v, AutoApply: new(true)})
	f.must(err)
	f.plan()
	f.apply(1)
	f.do(200, "PATCH", "/api/v2/workspaces/"+f.ws, `{"data":{"type":"workspaces","attributes":{"assessments-enabled":true,"auto-apply":true}}}`)
	return f
}

// plan plays the next plan, apply the next apply.
func (f *fixture) plan() proto.Plan {
	f.T.Helper()
	var plan proto.Plan
	t := f.e.Claim(proto.KindPlan, &plan)
	f.e.Put(t, proto.PlanFile, "plan")
	f.e.Finish(t, proto.Result{Outcome: proto.Finished}, proto.PlanResult{EngineVersion: "1.12.6", HasChanges: true, Counts: proto.Counts{Change: 1}})
	return plan
}

func (f *fixture) apply(serial int) {
	f.T.Helper()
	var apply proto.Apply
	t := f.e.Claim(proto.KindApply, &apply)
	f.e.Put(t, proto.StateFinal, fmt.Sprintf(`{"version":4,"terraform_version":"1.12.6","serial":%d,"lineage":"l","outputs":{},"resources":[
		{"mode":"managed","type":"a_b","name":"c","provider":"provider[\"registry.opentofu.org/acme/a\"]","instances":[{"schema_version":0,"attributes":{}}]}]}`, serial))
	f.e.Finish(t, proto.Result{Outcome: proto.Finished}, proto.ApplyResult{EngineVersion: "1.12.6", Applied: true, Counts: proto.Counts{Change: 1}})
}

// assess looks at the workspace, plays what is found, and returns the open episode, "" if
// there is none.
func (f *fixture) assess(changes ...change) string {
	f.T.Helper()
	f.do(200, "POST", "/api/v2/workspaces/"+f.ws+"/actions/assess", nil)
	var spec proto.Scan
	t := f.e.Claim(proto.KindAssessment, &spec)
	f.e.Put(t, proto.Findings, report(changes...))
	f.e.Put(t, proto.PlanJSON, `{"format_version":"1.2"}`)
	f.e.Put(t, proto.Schemas, `{"format_version":"1.0"}`)
	f.e.Finish(t, proto.Result{Outcome: proto.Finished}, proto.ScanResult{EngineVersion: "1.12.6"})
	return f.episode()
}

func (f *fixture) episode() string {
	f.T.Helper()
	list := f.do(200, "GET", "/api/v2/organizations/acme/drift-episodes?filter[status]=open", nil).JSON()["data"].([]any)
	if len(list) == 0 {
		return ""
	}
	return list[0].(map[string]any)["id"].(string)
}

// remedy is the part of the answer that is about one kind.
func (f *fixture) remedy(episode, kind string) map[string]any {
	f.T.Helper()
	for _, one := range f.do(200, "GET", "/api/v2/drift-episodes/"+episode+"/remedies", nil).JSON()["data"].([]any) {
		if a := one.(map[string]any)["attributes"].(map[string]any); a["kind"] == kind {
			return a
		}
	}
	f.T.Fatalf("there is no remedy %s", kind)
	return nil
}

// do sends a request of the owner, whose answer must have the status.
func (f *fixture) do(status int, method, path string, body any) *apptest.Response {
	f.T.Helper()
	return f.as(f.org.Owner.Token, status, method, path, body)
}

func (f *fixture) as(token string, status int, method, path string, body any) *apptest.Response {
	f.T.Helper()
	r := f.Do(method, path, token, body)
	if r.Status != status {
		f.T.Fatalf("%s %s = %d %s, want %d", method, path, r.Status, r.Body, status)
	}
	return r
}

func (f *fixture) must(err error) {
	f.T.Helper()
	if err != nil {
		f.T.Fatal(err)
	}
}

func data(r *apptest.Response) (id string, attributes map[string]any) {
	d := r.JSON()["data"].(map[string]any)
	return d["id"].(string), d["attributes"].(map[string]any)
}

// findings are the ids of the findings of an episode by their addresses and paths.
func (f *fixture) findings(episode string) map[string]string {
	f.T.Helper()
	out := map[string]string{}
	for _, one := range f.do(200, "GET", "/api/v2/drift-episodes/"+episode+"/drift-findings?filter[status]=open", nil).JSON()["data"].([]any) {
		d := one.(map[string]any)
		a := d["attributes"].(map[string]any)
		out[strings.TrimSuffix(fmt.Sprint(a["address"], " ", a["path"]), " <nil>")] = d["id"].(string)
	}
	return out
}

// about is a request that names findings.
func about(attributes string, ids ...string) string {
	var refs []string
	for _, id := range ids {
		refs = append(refs, fmt.Sprintf(`{"type":"drift-findings","id":%q}`, id))
	}
	return `{"data":{"attributes":` + attributes + `,"relationships":{"drift-findings":{"data":[` + strings.Join(refs, ",") + `]}}}}`
}

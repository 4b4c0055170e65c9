package e2e

import (
	"encoding/json"
	"fmt"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/severity"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/config"
)

// byHand is what an executor sends that found what somebody did to the object that was applied:
// an attribute more, a secret changed, and a replacement ahead that the guard refuses.
func byHand(t *testing.T) proto.Report {
	t.Helper()
	object := classify.Finding{Address: "terraform_data.a", Type: "terraform_data", Name: "a", Mode: "managed", Kind: classify.Drift, Actions: []string{"delete", "create"}}
	input, secret := object, object
	input.Path, input.Real = "input", "by hand"
	secret.Path, secret.Masked = "triggers_replace", true
	v := severity.Verdict{Severity: severity.High, Resources: 3, Drifted: 1, Findings: []severity.Judged{
		{Finding: input, Severity: severity.High, Stateful: true, Title: "The input was changed"}, {Finding: secret, Severity: severity.High, Stateful: true, Title: "A secret was changed"}}}
	verdict, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return proto.Report{Text: "the plan", TerraformVersion: "1.12.6", Undrifted: 2, Verdict: verdict,
		Fingerprints: []string{classify.Fingerprint([]byte("k"), "t", "", input), classify.Fingerprint([]byte("k"), "t", "", secret)}}
}

func TestDriftIsPutRight(t *testing.T) {
	st := newStage(t)
	ws := st.Workspace(st.org, "", "web")
	e := st.Executor()
	e.Applied(st.org, ws, 1)
	st.Go("/app/acme/workspaces/web/health")
	st.Click("Turn on assessments")
	st.Click("Assess now")
	st.See("Queued")
	var spec proto.Scan
	ticket := e.Claim(proto.KindAssessment, &spec)
	e.Put(ticket, proto.Findings, byHand(t))
	e.Finish(ticket, proto.Result{Outcome: proto.Finished}, proto.ScanResult{EngineVersion: "1.12.6"})

	st.Go("/app/acme/drift/findings")
	st.Click("terraform_data.a input")
	st.Click("All of this drift")
	st.See("Put it right", "A run makes reality what the code says.")
	st.Click("Adopt in the code…")
	st.See(`+  input = "by hand"`, "The change adopts 1 of 2 findings.", "Its value is sensitive", "Download the patch", "there is no repository")
	st.Unseen("Open a pull request")
	st.Shot("drift-adopt")
	st.Click("Close")
	st.Click("Apply again…")
	st.See("1 object", "delete, then create, holds data", "It would destroy or replace what holds data: terraform_data.a.")
	st.Click("Start it all the same")
	st.Fill("Reason", "It is made again from a copy.")
	st.Shot("drift-reapply")
	st.Click("Start the run")
	st.See("The run is")
	st.Shot("drift-put-right")
	st.Click("The run")
	st.See("Apply again what drifted: terraform_data.a", "Puts right")
	st.Click("The episode")
	st.See("Drift of web")
}

// TestAPullRequestIsFollowed from the page that opens it until somebody does not want it.
func TestAPullRequestIsFollowed(t *testing.T) {
	host := apptest.NewGitHost(t)
	host.Commit("private/infra", "main", map[string]string{"network/main.tf": "resource \"a_b\" \"c\" {\n  size = \"t3\"\n}\n"})
	forge, rewrite := apptest.NewForge(t, host, false), host.Rewrite()
	rewrite["api.github.com"] = forge.URL
	st := newStage(t, toLoopback, func(c *config.Server) { c.Outbound.Rewrite = rewrite })
	const base = "/organizations/acme/"
	repository := st.made(base+"drift-repositories", "drift-repositories", map[string]any{"url": "https://github.com/private/infra", "type": "github-private", "token": host.Token}, "")
	schedule := st.made(base+"drift-schedules", "drift-schedules", map[string]any{"name": "infra", "branch": "main", "folders": []string{"network"}, "frequency": "off"},
		fmt.Sprintf(`,"relationships":{"repository":{"data":{"type":"drift-repositories","id":%q}}}`, repository))
	size := classify.Finding{Address: "a_b.c", Type: "a_b", Name: "c", Mode: "managed", Kind: classify.Drift, Path: "size", Recorded: "t3", Real: "m5", Wanted: "t3", Actions: []string{"update"}}
	verdict, err := json.Marshal(severity.Verdict{Severity: severity.Medium, Resources: 3, Drifted: 1, Findings: []severity.Judged{{Finding: size, Severity: severity.Medium, Title: "The size was changed"}}})
	if err != nil {
		t.Fatal(err)
	}
	e := st.Executor()
	scan := func() {
		if r := st.Do("POST", "/api/v2/drift-schedules/"+schedule+"/actions/scan", st.org.Owner.Token, nil); r.Status != 202 {
			t.Fatalf("scan = %d %s", r.Status, r.Body)
		}
		var spec proto.Scan
		ticket := e.Claim(proto.KindScan, &spec)
		e.Put(ticket, proto.Findings, proto.Report{Text: "the plan", TerraformVersion: "1.12.6", Undrifted: 2, Verdict: verdict, Fingerprints: []string{classify.Fingerprint([]byte("k"), "t", "", size)}})
		e.Finish(ticket, proto.Result{Outcome: proto.Finished}, proto.ScanResult{EngineVersion: "1.12.6"})
		st.Settle()
	}
	scan()
	st.Go("/app/acme/drift/episodes/" + st.first("/api/v2/organizations/acme/drift-episodes"))
	st.Click("Adopt in the code…")
	st.See(`+  size = "m5"`)
	st.Click("Open a pull request")
	st.See("The pull request is being opened.")
	st.Settle()
	st.See("Pull request 1")
	st.Unseen("Closed")
	forge.Decline(1)
	scan()
	st.Go(st.Path())
	st.See("Pull request 1", "Closed")
	st.Shot("drift-pull-request-closed")
}

package e2e

import (
	"encoding/json"
	"testing"

	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/severity"
	"plumbline.dev/plumbline/internal/executor/proto"
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

package e2e

import (
	"fmt"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/executor/proto"
)

// TestQueue: who has started a run sees what it waits for and how long the line is, and
// how it moves up, without doing anything.
func TestQueue(t *testing.T) {
	st := newStage(t)
	ws := st.Workspace(st.org, "", "payments")
	e := st.Executor()
	st.uploaded(ws)
	var runs []string
	for _, why := range []string{"Bigger database", "New certificate", "Faster cache"} {
		runs = append(runs, st.queued(ws, why))
	}
	st.Go("/app/acme/workspaces/payments/runs/" + runs[0])
	st.See("Bigger database", "An executor takes this run")
	var plan proto.Plan
	first := e.Claim(proto.KindPlan, &plan)
	st.status("planning")

	st.Go("/app/acme/workspaces/payments/runs/" + runs[2])
	st.See("Faster cache", "Waits for", "Bigger database", "Place 2 of 2")
	st.Shot("run-queued")
	e.Put(first, proto.PlanFile, "plan")
	e.Finish(first, proto.Result{Outcome: proto.Finished}, proto.PlanResult{EngineVersion: "1.12.6"})
	st.See("New certificate", "Place 2 of 2")
	second := e.Claim(proto.KindPlan, &plan)
	st.See("Waits for", "New certificate", "Place 1 of 1")
	e.Put(second, proto.PlanFile, "plan")
	e.Finish(second, proto.Result{Outcome: proto.Finished}, proto.PlanResult{EngineVersion: "1.12.6"})
	st.See("An executor takes this run")
	third := e.Claim(proto.KindPlan, &plan)
	st.status("planning")
	st.Unseen("New certificate", "in the queue")
	e.Put(third, proto.PlanFile, "plan")
	e.Put(third, proto.PlanRedacted, `{"plan_format_version":"1.2"}`)
	e.Finish(third, proto.Result{Outcome: proto.Finished}, proto.PlanResult{EngineVersion: "1.12.6"})
	st.status("planned_and_finished")
}

// status waits until the page of a run shows a status.
func (b *Browser) status(want string) {
	b.t.Helper()
	b.Until("the run to be "+want, `document.querySelector('[data-run-status]')?.dataset.runStatus === `+quoted(want))
}

// uploaded gives a workspace a configuration.
func (st *stage) uploaded(workspace string) {
	st.T.Helper()
	version := st.post("/api/v2/workspaces/"+workspace+"/configuration-versions", `{"data":{"type":"configuration-versions","attributes":{"auto-queue-runs":false}}}`)
	url := version["attributes"].(map[string]any)["upload-url"].(string)
	if r := st.Do("PUT", url, "", apptest.TarGz(st.T, map[string]string{"main.tf": `resource "terraform_data" "a" {}`})); r.Status != 200 {
		st.T.Fatalf("PUT configuration = %d %s", r.Status, r.Body)
	}
}

// queued starts a run and returns its id.
func (st *stage) queued(workspace, why string) string {
	st.T.Helper()
	return st.post("/api/v2/runs", fmt.Sprintf(`{"data":{"type":"runs","attributes":{"message":%q},"relationships":{"workspace":{"data":{"type":"workspaces","id":%q}}}}}`, why, workspace))["id"].(string)
}

// post makes something as the owner of the organization, and returns it.
func (st *stage) post(path, body string) map[string]any {
	st.T.Helper()
	r := st.Do("POST", path, st.org.Owner.Token, body)
	if r.Status > 299 {
		st.T.Fatalf("POST %s = %d %s", path, r.Status, r.Body)
	}
	data, _ := r.JSON()["data"].(map[string]any)
	return data
}

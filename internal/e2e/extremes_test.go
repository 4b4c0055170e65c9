package e2e

import (
	"fmt"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/executor/proto"
)

// TestLongNamesAndManyTagsFit: what people name and write may be as long as the server takes
// it; no screen gets wider than its window, and what is cut is told whole somewhere.
func TestLongNamesAndManyTagsFit(t *testing.T) {
	st := newStage(t)
	d := &demo{stage: st}
	name := strings.Repeat("payments-europe-", 5) + "production"
	ws := st.Workspace(st.org, "", name)
	st.Workspace(st.org, "", "small")
	d.tagged(ws, "a-key-that-is-as-long-as-keys-of-tags-can-be-here", "and-a-value-that-is-rather-long-as-well")
	var flat []string
	for i := range 39 {
		flat = append(flat, fmt.Sprintf(`{"type":"tags","attributes":{"name":"key-number-%02d"}}`, i))
	}
	st.post("/api/v2/workspaces/"+ws+"/relationships/tags", `{"data":[`+strings.Join(flat, ",")+`]}`)
	st.uploaded(ws)
	e := st.Executor()
	message := "Merge pull request #4711 from platform/replace-everything\n\n" + strings.Repeat("It says at length what is done and why it must be done now. ", 8) + strings.Repeat("x", 120)
	run := st.queued(ws, message)
	var spec proto.Plan
	job := e.Claim(proto.KindPlan, &spec)
	e.Put(job, proto.PlanFile, "plan")
	e.Put(job, proto.PlanRedacted, planned)
	e.Finish(job, proto.Result{Outcome: proto.Finished}, proto.PlanResult{EngineVersion: "1.12.6", HasChanges: true, Counts: proto.Counts{Add: 1, Destroy: 2}})

	st.Go("/app/acme/workspaces")
	st.See("2 workspaces", "a-key-that-is", "+38")
	st.Shot("long-workspaces")
	st.Go("/app/acme/workspaces/" + name)
	st.See("Locked by the run Merge pull request #4711 from platform/replace-everything just now", "a-key-that-is-as-long")
	st.Unseen("key-number-38")
	st.Click("and 28 more")
	st.See("key-number-38")
	st.Shot("long-workspace")
	st.Click("Unlock by force")
	st.See("Whoever holds the lock may be in the middle of a change.")
	st.Shot("workspace-force-unlock")
	st.Click("Cancel")
	st.Go("/app/acme/workspaces/" + name + "/runs")
	st.See("Merge pull request")
	st.Shot("long-runs")
	st.Go("/app/acme/workspaces/" + name + "/runs/" + run)
	st.status("planned")
	st.See("Message", "It says at length")
	st.Shot("long-run")
	st.Click("Copy link")
	st.See("Copied")
	st.Click("Confirm and apply")
	st.See("What the plan says will be done", "1 to add", "2 to destroy")
	st.Shot("run-confirm")
	st.Click("Back")
	st.Click("Discard")
	st.See("Nothing is applied, and the workspace is free")
	st.Shot("run-discard")
	st.Click("Back")
	st.Go("/app/acme/workspaces/" + name + "/settings")
	st.See("Tags", "Run triggers")
	st.Shot("long-settings")

	st.Go("/app/acme/workspaces/small")
	st.See("No run yet")
	st.Shot("workspace-fresh")
	st.Click("Lock")
	st.See("No run starts and nobody else writes the state")
	st.Shot("workspace-lock")
	st.Click("Cancel")
	st.Go("/app/acme/workspaces/small/states")
	st.See("There is no state yet")
	st.Shot("states-empty")
	st.Go("/app/acme/workspaces/small/runs")
	st.See("No run yet")
	st.Shot("runs-empty")
	st.Go("/app/acme/workspaces?q=nothing-like-it")
	st.See("No workspace matches")
	st.Shot("workspaces-none")
	st.Click("Show all")
	st.See("2 workspaces")
}

// TestWorkspacesAreNarrowedByTags: with a value, with any, without; the address has it all.
func TestWorkspacesAreNarrowedByTags(t *testing.T) {
	st := newStage(t)
	d := &demo{stage: st}
	for name, tags := range map[string][]string{"api-prod": {"env", "prod", "aws", ""}, "api-test": {"env", "test", "aws", ""}, "old": {"env", "prod", "retired", ""}, "plain": nil} {
		if id := st.Workspace(st.org, "", name); tags != nil {
			d.tagged(id, tags...)
		}
	}
	st.Go("/app/acme/workspaces")
	st.See("4 workspaces", "env: prod", "env: test")
	st.Click("Tags…")
	st.Fill("Search tags", "en")
	st.Click("Tag env")
	st.Shot("workspaces-tags")
	st.Click("Show workspaces")
	st.See("3 matches")
	st.At("/app/acme/workspaces?tag=env")
	st.Click("Tags…")
	st.Fill("Value of env", "prod")
	st.Click("Tag retired")
	st.Choose("How retired counts", "Without")
	st.Click("Show workspaces")
	st.See("1 match", "api-prod", "not retired")
	st.Unseen("api-test", "plain")
	st.Until("the filter to be in the address", `decodeURIComponent(location.search) === '?tag=env=prod&without=retired'`)
	st.Shot("workspaces-tagged-so")
	st.Click("not retired: take this filter away")
	st.See("2 matches", "old")
	st.Click("env: prod: take this filter away")
	st.See("4 workspaces")
	st.Click("env: test")
	st.See("1 match", "api-test")
	st.Go("/app/acme/workspaces?tag=env=prod,aws")
	st.See("1 match", "api-prod")
	st.Size(390, 844)
	st.Click("Filters (2)")
	st.See("All projects")
	st.Shot("workspaces-filters")
	st.Size(390, 844)
	st.Click("aws: take this filter away")
	st.See("2 matches")
	st.Go("/app/acme/workspaces/api-prod")
	st.Click("env: prod")
	st.See("2 matches")
}

// TestTheFrame: what is around all screens, opened.
func TestTheFrame(t *testing.T) {
	st := newStage(t)
	st.fill(3)
	st.Go("/app/acme/workspaces/service-0001")
	st.Click("acme: switch organization")
	st.See("All organizations")
	st.Shot("frame-organizations")
	st.Press("\x1b")
	st.Click(st.org.Owner.Name + ": your account")
	st.See("Log out")
	st.Shot("frame-account")
	st.Press("\x1b")
	st.PressControl("k")
	st.See("Connect a workspace")
	st.Shot("frame-palette")
	st.Fill("Search", "0002")
	st.See("service-0002")
	st.Fill("Search", "nothing like it")
	st.See("Nothing has this name.")
	st.Press("\x1b")
	st.Until("the palette to be closed", `!document.querySelector('dialog[open]')`)
	st.Press("?")
	st.See("Keyboard shortcuts")
	st.Shot("frame-shortcuts")
	st.Click("Close")
	st.Allow("404")
	st.Allow("not found")
	st.Go("/app/acme/workspaces/nowhere")
	st.See("There is nothing here")
	st.Shot("frame-nothing")
	st.Size(390, 844)
	st.Go("/app/acme/workspaces/service-0001")
	st.Click("Navigation")
	st.See("Registry")
	if !st.drawn("frame-drawer") {
		t.Error("the drawer has no links")
	}
	st.Click("Runs")
	st.At("/app/acme/runs")
	st.Go("/app/acme/workspaces/service-0001/runs")
	st.Click("Up to Workspaces")
	st.At("/app/acme/workspaces")
}

// drawn looks at the navigation of a phone, which another size of the window closes.
func (st *stage) drawn(name string) bool {
	st.T.Helper()
	st.calm()
	st.Axe(name)
	var links int
	st.Eval(`document.querySelectorAll('aside a').length`, &links)
	return links > 4
}

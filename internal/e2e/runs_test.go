package e2e

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

const tier = `
variable "size" { default = 1 }
variable "password" {
  default   = "hunter2"
  sensitive = true
}
resource "terraform_data" "network" { input = { cidr = "10.0.0.0/16", size = var.size, password = var.password } }
resource "terraform_data" "subnet" {
  for_each = toset(["a", "b"])
  input    = { zone = each.key, network = terraform_data.network.id }
}
output "zones" { value = [for s in terraform_data.subnet : s.input.zone] }
`

// TestRunsArePlannedConfirmedAndFollowed: a person starts, follows, confirms and cancels
// runs with the keyboard alone; another one applies from the command line, and the page
// follows.
func TestRunsArePlannedConfirmedAndFollowed(t *testing.T) {
	h := newHosted(t)
	h.workspace("web", tier)
	h.Go("/app/acme/workspaces/web/runs")
	h.See("No run yet")

	h.start("web", "First rollout")
	h.status("planned")
	h.See("First rollout", "terraform_data.network", "Needs confirmation", "by ada", "this UI")
	h.Unseen("hunter2")
	h.Shot("run-planned")
	h.Press("a")
	h.See("What the plan says will be done")
	h.Press("Looks right")
	h.PressControl(kb.Enter)
	h.status("applied")
	h.See("Looks right", "Apply")
	h.Until("the log of the apply to be complete", `document.querySelector('[aria-label="Log of the apply"]')?.dataset.complete === 'true'`)
	h.See("terraform_data.network: Creation complete")
	h.Shot("run-applied")

	h.Go("/app/acme/workspaces/web/runs")
	h.start("web", "Not this one")
	h.status("planned_and_finished")
	h.See("Nothing changes")

	h.follow()
	h.Go("/app/acme/runs")
	h.See("First rollout", "Not this one", "web", "cli")
	h.Shot("runs")
	h.Click("Errored")
	h.See("No run is like that")
	h.At("/app/acme/runs?status=errored")
	h.cancel()
	h.states()
}

// start starts a run with the keyboard alone, on the page of the runs of a workspace.
func (h *hosted) start(workspace, why string) {
	h.t.Helper()
	h.See("Start a run")
	h.Press("n")
	h.See("Start a run in " + workspace)
	h.Press(why, kb.Enter)
	h.See(why)
}

// follow looks at a run while the command line applies it.
func (h *hosted) follow() {
	h.t.Helper()
	sh := h.shell("cli", "resource \"terraform_data\" \"slow\" {\n  provisioner \"local-exec\" {\n    command = \"for i in 1 2 3 4; do echo step $i; sleep 1; done\"\n  }\n}\n")
	done := make(chan string, 1)
	go func() {
		out, _ := sh.Try("", "apply", "-auto-approve")
		done <- out
	}()
	h.Go("/app/acme/workspaces/cli/runs")
	h.Click("Queued manually")
	h.status("applying")
	h.See("step 1")
	h.Unseen("step 4")
	h.status("applied")
	h.See("step 4", "by root")
	select {
	case out := <-done:
		if out == "" {
			h.t.Error("the command line printed nothing")
		}
	case <-time.After(patience):
		h.t.Error("the command line does not end")
	}
}

// cancel stops a run that is being applied.
func (h *hosted) cancel() {
	h.t.Helper()
	h.workspace("endless", "resource \"terraform_data\" \"x\" {\n  provisioner \"local-exec\" {\n    command = \"echo begun; sleep 60\"\n  }\n}\n")
	h.Go("/app/acme/workspaces/endless/runs")
	h.start("endless", "For ever")
	h.status("planned")
	h.See("terraform_data.x", "Confirm and apply")
	h.Press("a")
	h.See("What the plan says will be done")
	h.PressControl(kb.Enter)
	h.status("applying")
	h.See("begun", "Cancel the run")
	h.Press("c")
	h.See("The engine is asked to stop")
	h.PressControl(kb.Enter)
	h.Until("the run to end", `['canceled', 'errored'].includes(document.querySelector('[data-run-status]')?.dataset.runStatus)`)
}

// states looks at the states that the runs have left, and rolls one back.
func (h *hosted) states() {
	h.t.Helper()
	id := h.api("GET", "/api/v2/organizations/acme/workspaces/web", "")["id"].(string)
	h.api("POST", "/api/v2/workspaces/"+id+"/vars", `{"data":{"type":"vars","attributes":{"key":"size","value":"2","category":"terraform"}}}`)
	h.api("POST", "/api/v2/runs", `{"data":{"type":"runs","attributes":{"auto-apply":true,"message":"Bigger"},"relationships":{"workspace":{"data":{"type":"workspaces","id":"`+id+`"}}}}}`)
	h.Go("/app/acme/workspaces/web/states")
	h.See("State 2", "State 1", "Current")
	h.Shot("states")
	h.Click("Choose version 1")
	h.Click("Choose version 2")
	h.Click("Compare")
	h.See("terraform_data.network", "changed")
	h.Shot("states-compared")
	h.Go("/app/acme/workspaces/web/states")
	h.Click("State 1")
	h.See(`terraform_data.subnet["a"]`)
	h.Click("terraform_data.network")
	h.See("10.0.0.0/16", "sensitive")
	h.Shot("state")
	h.Click("Graph")
	h.See("2 nodes", "subnet")
	h.Shot("state-graph")
	h.Click("Roll back to this")
	h.Fill("Type web to confirm", "web")
	h.Click("Roll back")
	h.See("State 1 is current again", "State 3")
}

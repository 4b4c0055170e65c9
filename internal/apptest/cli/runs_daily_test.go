package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest/cli"
)

// TestRemoteRuns plays what people do with runs on the server.
func TestRemoteRuns(t *testing.T) {
	remotely(t, map[string]func(*scene){
		"daily work":     dailyWork,
		"plain output":   plainOutput,
		"options":        options,
		"saved plan":     savedPlan,
		"generated":      generated,
		"errors":         erroredRuns,
		"ctrl-c plan":    interruptedPlan,
		"ctrl-c apply":   interruptedApply,
		"two runs":       twoRuns,
		"directory":      workingDirectory,
		"variables":      precedence,
		"remote state":   sharedState,
		"identity":       identity,
		"run triggers":   triggered,
		"remote backend": olderBackend,
	})
}

const app = `
variable "word" { default = "one" }
resource "terraform_data" "a" { input = var.word }
resource "terraform_data" "b" { input = "fixed" }
output "word" { value = terraform_data.a.output }
output "password" {
  value     = "hunter2-${var.word}"
  sensitive = true
}
`

// dailyWork: plan, look, say no, say yes, change, and take all away.
func dailyWork(sc *scene) {
	sh := sc.shell(app)
	out := sh.Run("plan")
	sc.says(out, "terraform_data.a will be created", "+ input = \"one\"", "+ password = (sensitive value)", "Plan: 2 to add, 0 to change, 0 to destroy.", "!hunter2", "!{\"@level\"")
	if n := len(sc.runs(sc.name)); n != 1 {
		sc.t.Errorf("%d runs after plan, want 1", n)
	}
	sc.says(sc.code(sh, 1, "no\n", "apply"), "Do you want to perform these actions", "Apply discarded")
	sc.await(sc.name, "discarded")
	out, err := sh.Try("yes\n", "apply")
	if err != nil {
		sc.t.Fatalf("apply: %v\n%s", err, out)
	}
	sc.says(out, "terraform_data.a: Creation complete", "Apply complete! Resources: 2 added, 0 changed, 0 destroyed.", `word = "one"`, "password = (sensitive value)", "!hunter2", "!{\"@level\"")
	run := sc.await(sc.name, "applied")
	if a := attributes(run); a["has-changes"] != true || a["trigger-reason"] != "manual" || a["auto-apply"] != false {
		sc.t.Errorf("the run = %v", a)
	}
	if got := strings.TrimSpace(sh.Run("output", "-raw", "password")); got != "hunter2-one" {
		sc.t.Errorf("output -raw password = %q", got)
	}
	sc.says(sc.code(sh, 0, "", "plan", "-detailed-exitcode"), "No changes.")
	sc.says(sh.Run("apply", "-auto-approve"), "No changes.")
	sc.await(sc.name, "planned_and_finished")
	sc.says(sh.Run("destroy", "-auto-approve"), "terraform_data.a: Destruction complete", "Resources: 0 added, 0 changed, 2 destroyed.")
	if a := attributes(sc.await(sc.name, "applied")); a["is-destroy"] != true {
		sc.t.Errorf("the run that destroys = %v", a)
	}
	w, _ := sc.workspace(sc.name)
	if a := attributes(w); a["locked"] != false || a["resource-count"] != float64(0) {
		sc.t.Errorf("the workspace at the end: locked %v, %v resources", a["locked"], a["resource-count"])
	}
	if _, err := os.Stat(filepath.Join(sh.Dir, "terraform.tfstate")); err == nil {
		sc.t.Error("a state was left in the folder")
	}
}

// plainOutput: a workspace whose runs print for people, not for programs.
func plainOutput(sc *scene) {
	sc.create(sc.name, `,"structured-run-output-enabled":false`)
	sh := sc.shell(app)
	sc.says(sh.Run("plan"), "terraform_data.a will be created", "Plan: 2 to add", "!hunter2", "!@level")
	sc.says(sh.Run("apply", "-auto-approve"), "terraform_data.a: Creation complete", "Apply complete! Resources: 2 added", `word = "one"`, "password = <sensitive>", "!hunter2", "!@level")
}

// options of plan and apply that change what the run does.
func options(sc *scene) {
	sh := sc.shell(app)
	sc.code(sh, 2, "", "plan", "-detailed-exitcode")
	sc.says(sh.Run("apply", "-auto-approve", "-target", "terraform_data.b"), "Resources: 1 added")
	sc.says(sh.Run("apply", "-auto-approve", "-var", "word=two"), "Resources: 1 added", `word = "two"`)
	sc.says(sh.Run("plan", "-var", "word=three"), "will be updated in-place", `"two" -> "three"`)
	sc.says(sh.Run("apply", "-auto-approve", "-var", "word=two", "-replace", "terraform_data.b"), "Resources: 1 added, 0 changed, 1 destroyed")
	sc.says(sh.Run("plan", "-refresh-only", "-var", "word=two"), "!Error")
	sc.says(sh.Run("apply", "-refresh-only", "-auto-approve", "-var", "word=two"), "!Error")
	sc.says(sh.Run("plan", "-destroy"), "Plan: 0 to add, 0 to change, 2 to destroy.")
	run := sc.runs(sc.name)[0]
	if a := attributes(run); a["is-destroy"] != true || a["plan-only"] != true {
		sc.t.Errorf("the run of plan -destroy = %v", a)
	}
}

// savedPlan: what was planned is applied, once.
func savedPlan(sc *scene) {
	sh := sc.shell(app)
	sh.Run("plan", "-out=tfplan")
	sc.await(sc.name, "planned_and_saved")
	if w, _ := sc.workspace(sc.name); attributes(w)["locked"] != false {
		sc.t.Error("a saved plan locks the workspace")
	}
	sc.says(sh.Run("show", "tfplan"), "terraform_data.a will be created", "!hunter2")
	var plan struct {
		Changes []struct{ Address string } `json:"resource_changes"`
	}
	if err := json.Unmarshal([]byte(sh.Run("show", "-json", "tfplan")), &plan); err != nil || len(plan.Changes) != 2 {
		sc.t.Errorf("show -json tfplan has %v, %v", plan, err)
	}
	if out, err := sh.Try("yes\n", "apply", "tfplan"); err != nil {
		sc.t.Fatalf("apply tfplan: %v\n%s", err, out)
	} else {
		sc.says(out, "Apply complete! Resources: 2 added")
	}
	sc.await(sc.name, "applied")
	sh.Fail("", "apply", "-auto-approve", "tfplan")
	if n := len(sc.runs(sc.name)); n != 1 {
		sc.t.Errorf("%d runs, want the saved one alone", n)
	}
}

// generated: an import whose configuration the run writes.
func generated(sc *scene) {
	sh := sc.shell("import {\n  to = terraform_data.adopted\n  id = \"an-id\"\n}\n")
	sc.says(sh.Run("plan", "-generate-config-out=generated.tf"), "terraform_data.adopted will be imported", "Plan: 1 to import, 0 to add, 0 to change, 0 to destroy.")
	if text := sh.Read("generated.tf"); !strings.Contains(text, `resource "terraform_data" "adopted"`) {
		sc.t.Errorf("generated.tf = %s", text)
	}
	sc.says(sh.Run("apply", "-auto-approve"), "1 imported")
}

// erroredRuns: what is wrong is said where it is wrong, and nothing stays locked.
func erroredRuns(sc *scene) {
	sh := sc.shell("locals { list = [1, 2] }\noutput \"x\" { value = local.list[7] }\n")
	sc.says(sc.code(sh, 1, "", "plan"), "Invalid index", "on main.tf line 2")
	sc.await(sc.name, "errored")
	sh.Write("main.tf", "resource \"terraform_data\" \"good\" {}\nresource \"terraform_data\" \"bad\" {\n  input = terraform_data.good.id\n  provisioner \"local-exec\" { command = \"echo no luck >&2; exit 7\" }\n}\n")
	sc.says(sc.code(sh, 1, "", "apply", "-auto-approve"), "local-exec provisioner error", "no luck")
	sc.await(sc.name, "errored")
	w, _ := sc.workspace(sc.name)
	if a := attributes(w); a["locked"] != false {
		sc.t.Error("the workspace is still locked")
	}
	sc.says(sh.Run("state", "list"), "terraform_data.good", "terraform_data.bad")
	sh.Write("main.tf", "resource \"terraform_data\" \"good\" {}\n")
	sc.says(sh.Run("apply", "-auto-approve"), "Resources: 0 added, 0 changed, 1 destroyed")
}

// workingDirectory: the command line sends the whole repository.
func workingDirectory(sc *scene) {
	sc.create(sc.name, `,"working-directory":"deploy/app"`)
	top := sc.shellIn("deploy/app")
	write(top, "../../modules/word/main.tf", "output \"word\" { value = basename(abspath(path.root)) }\n")
	top.Write("main.tf", "module \"word\" { source = \"../../modules/word\" }\nresource \"terraform_data\" \"a\" { input = module.word.word }\noutput \"word\" { value = terraform_data.a.output }\n")
	top.Run("init")
	sc.says(top.Run("apply", "-auto-approve"), "Resources: 1 added", `word = "app"`)
}

// olderBackend: the remote backend, which asks for less.
func olderBackend(sc *scene) {
	sh := cli.NewShell(sc.t, sc.engine, sc.URL, sc.CA(), sc.token)
	sh.Write("main.tf", strings.Replace(sc.cloud(sc.name), "cloud {", `backend "remote" {`, 1)+app)
	sh.Run("init")
	sc.says(sh.Run("plan"), "terraform_data.a will be created", "!hunter2", "!@level")
	sh.Write("word.auto.tfvars", "word = \"two\"\n") // this backend sends no variables
	sc.says(sh.Run("apply", "-auto-approve"), "Apply complete! Resources: 2 added", `word = "two"`, "!hunter2", "!@level")
	sc.says(sc.code(sh, 1, "no\n", "destroy"), "2 to destroy", "Destroy discarded")
	sc.says(sh.Run("destroy", "-auto-approve"), "2 destroyed", "!@level")
}

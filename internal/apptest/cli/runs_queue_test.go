package cli_test

import (
	"fmt"
	"path/filepath"
	"strings"

	"plumbline.dev/plumbline/internal/apptest/cli"
)

// shellIn is a shell in a folder of a repository, with the cloud block alone.
func (sc *scene) shellIn(dir string) *cli.Shell {
	sc.t.Helper()
	top := cli.NewShell(sc.t, sc.engine, sc.URL, sc.CA(), sc.token)
	write(top, filepath.Join(dir, "cloud.tf"), sc.cloud(sc.name))
	return top.In(filepath.Join(top.Dir, dir))
}

// interruptedPlan: Ctrl-C while the server plans, and yes to cancelling the run.
func interruptedPlan(sc *scene) {
	// The plan takes ten seconds and more of pure thought: longer than it may take until its log is seen.
	sh := sc.shell("output \"n\" {\n  value = length([for i in range(1000) : length([for j in range(1000) : sha256(\"${i}/${j}\")])])\n}\n")
	apply := sc.sit(sh, "apply")
	apply.until("Initializing plugins")
	sc.await(sc.name, "planning")
	apply.interrupt()
	apply.until("Do you want to cancel the remote operation?")
	apply.answer("yes")
	out, _ := apply.end()
	sc.says(out, "The remote operation was successfully cancelled.")
	sc.over(sc.await(sc.name, "canceled"))
}

// interruptedApply: Ctrl-C while the server applies. What was made is in the state.
func interruptedApply(sc *scene) {
	sh := sc.shell(`
resource "terraform_data" "made" {}
resource "terraform_data" "slow" {
  input = terraform_data.made.id
  provisioner "local-exec" { command = "echo it has begun; sleep 300" }
}
resource "terraform_data" "never" { input = terraform_data.slow.id }
`)
	apply := sc.sit(sh, "apply", "-auto-approve")
	apply.until("it has begun")
	if w, _ := sc.workspace(sc.name); attributes(w)["locked"] != true {
		sc.t.Error("the workspace is not locked during an apply")
	}
	apply.interrupt()
	out, _ := apply.end()
	sc.says(out, "The remote operation was successfully cancelled.")
	run := sc.await(sc.name, "canceled")
	sc.over(run)
	sc.says(sh.Run("state", "list"), "terraform_data.made", "!terraform_data.never")
	sh.Write("main.tf", "resource \"terraform_data\" \"made\" {}\n")
	sc.says(sh.Run("apply", "-auto-approve"), "Apply complete!")
}

// over checks that nothing of a run is left in the way.
func (sc *scene) over(run map[string]any) {
	sc.t.Helper()
	if actions, _ := attributes(run)["actions"].(map[string]any); actions["is-cancelable"] != false {
		sc.t.Errorf("the run that was cancelled: %v", actions)
	}
	if w, _ := sc.workspace(sc.name); attributes(w)["locked"] != false {
		sc.t.Error("the workspace is still locked")
	}
}

// twoRuns: the second waits until the first has been decided.
func twoRuns(sc *scene) {
	sh := sc.shell(app)
	first := sc.sit(sh, "apply")
	first.until("Enter a value:")
	second := sc.sit(sh, "apply", "-auto-approve", "-var", "word=second")
	second.until("Waiting for")
	if w, _ := sc.workspace(sc.name); attributes(w)["locked"] != true {
		sc.t.Error("the workspace is not locked while a run waits for an answer")
	}
	runs := sc.runs(sc.name)
	if len(runs) != 2 || attributes(runs[0])["status"] != "pending" || attributes(runs[1])["status"] != "planned" {
		sc.t.Errorf("runs = %v, want a pending and a planned one", runs)
	}
	first.answer("yes")
	if out, err := first.end(); err != nil {
		sc.t.Errorf("the first apply: %v\n%s", err, out)
	}
	out, err := second.end()
	if err != nil {
		sc.t.Errorf("the second apply: %v\n%s", err, out)
	}
	sc.says(out, "Resources: 0 added, 1 changed, 0 destroyed", `word = "second"`)
}

// precedence of variables, from the weakest to the strongest: the default, variables of
// sets (organization, project, workspace), of the workspace, of the command line, of a
// priority set. Sensitive ones are masked.
func precedence(sc *scene) {
	id := sc.create(sc.name, "")
	set := func(name, attributes, relationships string, vars ...string) {
		sc.t.Helper()
		var list []string
		for i := 0; i < len(vars); i += 2 {
			list = append(list, fmt.Sprintf(`{"type":"vars","attributes":{"key":%q,"value":%q,"category":"terraform"}}`, vars[i], vars[i+1]))
		}
		sc.must("POST", "/api/v2/organizations/acme/varsets", fmt.Sprintf(`{"data":{"type":"varsets","attributes":{"name":%q%s},"relationships":{"vars":{"data":[%s]}%s}}}`,
			sc.name+"-"+name, attributes, strings.Join(list, ","), relationships))
	}
	mine := fmt.Sprintf(`,"workspaces":{"data":[{"type":"workspaces","id":%q}]}`, id)
	set("weak", "", mine, "a", "set", "b", "set", "c", "set", "d", "set", "e", "set")
	set("strong", `,"priority":true`, mine, "e", "priority")
	sc.variable(id, "b", "workspace", "")
	sc.variable(id, "c", "workspace", "")
	sc.variable(id, "e", "workspace", "")
	sc.variable(id, "list", `["x", 1 + 1]`, `,"hcl":true`)
	sc.variable(id, "secret", "opensesame", `,"sensitive":true`)
	sc.must("POST", "/api/v2/workspaces/"+id+"/vars", `{"data":{"type":"vars","attributes":{"key":"FROM_ENV","value":"environment","category":"env"}}}`)
	sc.must("POST", "/api/v2/workspaces/"+id+"/vars", `{"data":{"type":"vars","attributes":{"key":"HIDDEN_ENV","value":"tallyho-tallyho","category":"env","sensitive":true}}}`)
	sh := sc.shell(`
variable "a" { default = "default" }
variable "b" { default = "default" }
variable "c" { default = "default" }
variable "d" { default = "default" }
variable "e" { default = "default" }
variable "f" { default = "default" }
variable "list" { type = list(any) }
variable "secret" { type = string }
resource "terraform_data" "env" {
  provisioner "local-exec" { command = "echo from env: $FROM_ENV, hidden: $HIDDEN_ENV, workspace: $TFC_WORKSPACE_NAME" }
}
output "all" { value = join(",", [var.a, var.b, var.c, var.d, var.e, var.f, join("+", var.list)]) }
output "size" { value = length(var.secret) }
`)
	out := sh.Run("apply", "-auto-approve", "-var", "c=line", "-var", "e=line")
	sc.says(out, `all = "set,workspace,line,set,priority,default,x+2"`, "size = 10", "from env: environment, hidden: ***, workspace: "+sc.name, "!opensesame", "!tallyho")
}

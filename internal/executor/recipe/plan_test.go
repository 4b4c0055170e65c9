package recipe_test

import (
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/executor/proto"
)

const ten = `
resource "terraform_data" "x" {
  count = 10
  input = "value-${count.index}"
}
output "where" { value = [terraform.workspace, basename(path.cwd)] }
`

func TestPlanThenApply(t *testing.T) {
	for name, structured := range map[string]bool{"plain": false, "structured": true} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t).start()
			archive := tgz(t, map[string]string{"cloud.tf": "terraform {\n  cloud {\n    organization = \"acme\"\n    workspaces {\n      name = \"prod\"\n    }\n  }\n}\n", "deep/er/main.tf": ten})
			spec := proto.Plan{Phase: phase("run-1"), Refresh: true}
			spec.Structured, spec.WorkingDirectory = structured, "deep/er"
			plan := p.plan("plan-run-1", spec, map[string][]byte{proto.Archive: archive})
			got := planResult(t, plan)
			if plan.result.Outcome != proto.Finished || !got.HasChanges || got.EngineVersion == "" {
				t.Fatalf("plan = %+v %s\n%s", plan.result, plan.result.Data, plan.log)
			}
			lines := strings.Split(string(plan.log), "\n")
			if !strings.HasPrefix(lines[0], "OpenTofu v") || !strings.HasPrefix(lines[1], "on linux_") || lines[2] != "Initializing plugins and modules..." {
				t.Errorf("the log begins with %q", lines[:3])
			}
			if isJSON := strings.HasPrefix(lines[3], `{"@level"`); isJSON != structured {
				t.Errorf("structured is %v, the log has %q", structured, lines[3])
			}
			for _, name := range []string{proto.PlanFile, proto.PlanJSON, proto.Schemas} {
				if len(plan.outputs[name]) == 0 {
					t.Errorf("no output %q", name)
				}
			}
			apply := p.end(t, p.apply("run-1", plan, archive, func(a *proto.Apply) { a.Structured, a.WorkingDirectory = structured, "deep/er" }))
			if r := applyResult(t, apply); apply.result.Outcome != proto.Finished || !r.Applied || r.Add != 10 {
				t.Errorf("apply = %+v %s\n%s", apply.result, apply.result.Data, apply.log)
			}
			for _, words := range []string{`"value-9"`, `"prod"`, `"er"`} {
				if !strings.Contains(string(apply.outputs[proto.StateFinal]), words) {
					t.Errorf("the final state has no %s: %s", words, apply.outputs[proto.StateFinal])
				}
			}
			if !strings.Contains(string(apply.outputs[proto.StateJSON]), `"format_version"`) {
				t.Errorf("the state as JSON is %s", apply.outputs[proto.StateJSON])
			}
			p.stop()
			if left := p.folders(); len(left) > 0 || !p.left {
				t.Errorf("folders left behind: %v; left = %v", left, p.left)
			}
		})
	}
}

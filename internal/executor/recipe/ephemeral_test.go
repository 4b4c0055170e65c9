package recipe_test

import (
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/executor/proto"
)

// TestEphemeralVariablesAreThereInTheApply: a plan file does not have their values.
func TestEphemeralVariablesAreThereInTheApply(t *testing.T) {
	const config = `
variable "secret" {
  type      = string
  ephemeral = true
}
variable "spare" {
  type      = string
  ephemeral = true
  default   = "as it is"
}
variable "plain" { type = list(string) }
resource "terraform_data" "x" {
  input = var.plain
  provisioner "local-exec" {
    command     = "test \"$S\" = 's3cret \"value\"' && test \"$D\" = 'as it is'"
    environment = { S = var.secret, D = var.spare }
  }
}
`
	vars := []proto.Variable{{Key: "secret", Value: `s3cret "value"`, Sensitive: true}, {Key: "plain", Value: `["a"]`, HCL: true}, {Key: "absent", Value: "x"}}
	for _, product := range []string{"tofu", "terraform"} {
		for name, same := range map[string]bool{"same executor": true, "another executor": false} {
			t.Run(product+" "+name, func(t *testing.T) {
				p := newPlace(t).start()
				archive := tgz(t, map[string]string{"main.tf": config})
				spec := proto.Plan{Phase: phase("run-1"), Refresh: true}
				spec.Engine.Product, spec.Variables = product, vars
				plan := p.plan("plan-run-1", spec, map[string][]byte{proto.Archive: archive})
				if plan.result.Outcome != proto.Finished && (strings.Contains(plan.result.Error, "no version of") || strings.Contains(string(plan.log), "Unsupported argument")) {
					t.Skip("no engine here that knows ephemeral variables")
				}
				apply := p.end(t, p.apply("run-1", plan, archive, func(a *proto.Apply) {
					a.Engine.Product, a.Variables = product, vars
					if !same {
						a.PlanJobID = "of another"
					}
				}))
				if r := applyResult(t, apply); apply.result.Outcome != proto.Finished || r.Add != 1 {
					t.Errorf("apply = %+v\n%s", apply.result, apply.log)
				}
				if strings.Contains(string(apply.log), "s3cret") || strings.Contains(string(apply.outputs[proto.StateFinal]), "s3cret") {
					t.Errorf("the value is in the log or the state:\n%s\n%s", apply.log, apply.outputs[proto.StateFinal])
				}
			})
		}
	}
}

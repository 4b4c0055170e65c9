package cli_test

import (
	"fmt"

	"plumbline.dev/plumbline/internal/apptest/cli"
)

// sharedState: a run reads the state of another workspace if that shares it.
func sharedState(sc *scene) {
	producer := sc.shell(app)
	producer.Run("apply", "-auto-approve")
	_, id := sc.workspace(sc.name)
	consumer := *sc
	consumer.name += "-consumer"
	sh := consumer.shell(fmt.Sprintf(`
data "terraform_remote_state" "p" {
  backend = "remote"
  config = {
    hostname     = %q
    organization = "acme"
    workspaces   = { name = %q }
  }
}
output "got" { value = data.terraform_remote_state.p.outputs.word }
`, cli.Host(sc.URL), sc.name))
	sc.code(sh, 1, "", "apply", "-auto-approve")
	_, consumerID := sc.workspace(consumer.name)
	sc.must("POST", "/api/v2/workspaces/"+id+"/relationships/remote-state-consumers", `{"data":[{"type":"workspaces","id":"`+consumerID+`"}]}`)
	sc.says(sh.Run("apply", "-auto-approve"), `got = "one"`)
}

// identity: a run shows who it is by a token that the server has signed, in the
// environment and in files.
func identity(sc *scene) {
	id := sc.create(sc.name, "")
	for key, value := range map[string]string{
		"TFC_WORKLOAD_IDENTITY_AUDIENCE": "plain", "TFC_WORKLOAD_IDENTITY_AUDIENCE_B": "tagged",
		"TFC_AWS_PROVIDER_AUTH": "true", "TFC_AWS_RUN_ROLE_ARN": "arn:aws:iam::1:role/deploy",
	} {
		sc.must("POST", "/api/v2/workspaces/"+id+"/vars", fmt.Sprintf(`{"data":{"type":"vars","attributes":{"key":%q,"value":%q,"category":"env"}}}`, key, value))
	}
	sh := sc.shell(`
variable "tfc_aws_dynamic_credentials" {
  type = object({
    default = object({ shared_config_file = string })
    aliases = map(object({ shared_config_file = string }))
  })
}
locals {
  config = file(var.tfc_aws_dynamic_credentials.default.shared_config_file)
}
output "role" { value = regex("role_arn = (.*)", local.config)[0] }
resource "terraform_data" "who" {
  input = timestamp()
  provisioner "local-exec" {
    command = <<-EOT
      claim() { echo "$1" | cut -d. -f2 | tr '_-' '/+' | awk '{ while (length($0) % 4) $0 = $0 "="; print }' | base64 -d | grep -o "\"$2\":\"[^\"]*\""; }
      claim "$TFC_WORKLOAD_IDENTITY_TOKEN" aud
      claim "$TFC_WORKLOAD_IDENTITY_TOKEN" sub
      claim "$TFC_WORKLOAD_IDENTITY_TOKEN_B" aud
      claim "$(cat "$AWS_WEB_IDENTITY_TOKEN_FILE")" aud
      echo "token: $TFC_WORKLOAD_IDENTITY_TOKEN"
      cat "$AWS_WEB_IDENTITY_TOKEN_FILE"
    EOT
  }
}
`)
	out := sh.Run("apply", "-auto-approve")
	sc.says(out, `role = "arn:aws:iam::1:role/deploy"`, `"aud":"plain"`, `"aud":"tagged"`, `"aud":"aws.workload.identity"`,
		`"sub":"organization:acme:project:Default Project:workspace:`+sc.name+`:run_phase:apply"`, "!eyJ")
	sc.must("POST", "/api/v2/workspaces/"+id+"/vars", `{"data":{"type":"vars","attributes":{"key":"TFC_GCP_PROVIDER_AUTH","value":"true","category":"env"}}}`)
	sc.says(sc.code(sh, 1, "", "plan"), "TFC_GCP_PROVIDER_AUTH is set, but TFC_GCP_RUN_SERVICE_ACCOUNT_EMAIL is not")
}

// triggered: an applied run queues one in the workspace that follows.
func triggered(sc *scene) {
	source := sc.shell(app)
	follower := *sc
	follower.name += "-follower"
	sh := follower.shell(`resource "terraform_data" "a" { input = timestamp() }`)
	sh.Run("apply", "-auto-approve")
	_, sourceID := sc.workspace(sc.name)
	_, id := sc.workspace(follower.name)
	sc.must("POST", "/api/v2/workspaces/"+id+"/run-triggers", `{"data":{"relationships":{"sourceable":{"data":{"type":"workspaces","id":"`+sourceID+`"}}}}}`)
	sc.must("PATCH", "/api/v2/workspaces/"+id, `{"data":{"type":"workspaces","attributes":{"auto-apply-run-trigger":true}}}`)
	source.Run("plan")
	source.Run("apply", "-auto-approve")
	applied := sc.await(sc.name, "applied")
	eventually(sc.t, func() bool { return len(sc.runs(follower.name)) > 1 }, func() string { return "no run follows" })
	run := sc.await(follower.name, "applied")
	a := attributes(run)
	if a["trigger-reason"] != "run_trigger" || a["message"] != fmt.Sprintf("Triggered by run %s of workspace %s", applied["id"], sc.name) {
		sc.t.Errorf("the run that follows: %v %v", a["trigger-reason"], a["message"])
	}
	if n := len(sc.runs(follower.name)); n != 2 {
		sc.t.Errorf("%d runs follow, want one", n-1)
	}
}

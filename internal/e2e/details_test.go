package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/registry/providers"
)

// planned is a plan with a change of each kind, as the executor makes it readable.
const planned = `{"plan_format_version":"1.2",
"resource_drift":[{"address":"aws_instance.web","type":"aws_instance","name":"web","provider_name":"registry.opentofu.org/hashicorp/aws","change":{"actions":["update"],"before":{"size":"small"},"after":{"size":"large"}}}],
"resource_changes":[
{"address":"aws_instance.web","type":"aws_instance","name":"web","action_reason":"replace_because_cannot_update","change":{"actions":["delete","create"],"before":{"id":"i-1","zone":"a","password":"x"},"after":{"zone":"b","password":"y"},"after_unknown":{"id":true},"before_sensitive":{"password":true},"after_sensitive":{"password":true},"replace_paths":[["zone"]]}},
{"address":"aws_s3_bucket.logs","previous_address":"aws_s3_bucket.old","type":"aws_s3_bucket","name":"logs","change":{"actions":["no-op"],"before":{"name":"l"},"after":{"name":"l"}}},
{"address":"aws_s3_bucket.found","type":"aws_s3_bucket","name":"found","change":{"actions":["no-op"],"before":{"name":"f"},"after":{"name":"f"},"importing":{"id":"found-1"}}},
{"address":"aws_sns_topic.gone","type":"aws_sns_topic","name":"gone","action_reason":"delete_because_no_resource_config","change":{"actions":["delete"],"before":{"name":"g"},"after":null}},
{"address":"aws_sqs_queue.kept","type":"aws_sqs_queue","name":"kept","change":{"actions":["forget"],"before":{"name":"k"},"after":null}}],
"deferred_changes":[{"reason":"provider_config_unknown","resource_change":{"address":"kubernetes_pod.app","type":"kubernetes_pod","name":"app","change":{"actions":["create"],"before":null,"after":{"image":"app"}}}}],
"output_changes":{"zone":{"actions":["update"],"before":"a","after":"b"}}}`

// TestARunIsStartedWithAllThatItTakes: every choice of the dialog is in the run, and the
// page of a run says what its plan is and what to do when it fails.
func TestARunIsStartedWithAllThatItTakes(t *testing.T) {
	st := newStage(t)
	ws := st.Workspace(st.org, "", "payments")
	e := st.Executor()
	st.uploaded(ws)
	st.Go("/app/acme/workspaces/payments/runs")
	st.Click("Start a run")
	st.Fill("Why", "Only the queue")
	st.Click("More options")
	st.Fill("Only these resources", "aws_sqs_queue.kept")
	st.Fill("Variables of this run", "region = eu-1\nsize = 3")
	st.Choose("When the plan is finished", "Ask a person")
	st.Click("Look at what is there first")
	st.Shot("run-start")
	st.Click("Start the run")
	st.See("Only the queue", "An executor takes this run", "aws_sqs_queue.kept", `region = "eu-1"`, "size = 3", "skipped")
	var spec proto.Plan
	job := e.Claim(proto.KindPlan, &spec)
	e.Put(job, proto.PlanFile, "plan")
	e.Put(job, proto.PlanRedacted, planned)
	e.Finish(job, proto.Result{Outcome: proto.Finished}, proto.PlanResult{EngineVersion: "1.12.6", HasChanges: true, Counts: proto.Counts{Add: 1, Destroy: 2, Import: 1}})
	st.status("planned")
	st.See("1 resource changed outside of the configuration", "because a change cannot be made in place", "was aws_s3_bucket.old", "imported from found-1",
		"because it is not in the configuration any more", "put off to a later run: the configuration of its provider is not known yet", "1 output changes")
	st.Click("Open all")
	st.See("forces replacement", "sensitive, changes", "known after apply")
	st.Shot("run-plan")
	st.Click("Close all")
	st.Fill("Search addresses", "bucket")
	st.See("aws_s3_bucket.found")
	st.Unseen("aws_sns_topic.gone")

	st.Click("Discard")
	st.Fill("Comment", "Not the queue.")
	st.Click("Discard")
	st.See("Discarded", "Not the queue.", "nothing was changed", "Start again")
	st.Click("Start again")
	st.See("Start a run in payments", "Only the queue")
	st.Click("Start the run")
	st.See("An executor takes this run")
	job = e.Claim(proto.KindPlan, &spec)
	e.Log(job, "Planning\n\nError: No such zone\n\n  on main.tf line 3\n")
	e.Finish(job, proto.Result{Outcome: proto.Errored, Error: "exit status 1"}, proto.PlanResult{})
	st.status("errored")
	st.See("The plan failed, so nothing was changed", "The first error", "Variables", "No such zone", "First error")
	st.Shot("run-failed")
	st.Click("Variables")
	st.At("/app/acme/workspaces/payments/variables")

	e.Applied(st.org, ws, 1)
	st.Go("/app/acme/runs?by=nobody")
	st.See("No run is like that")
	st.Click("Clear all filters")
	st.See("Only the queue")
	st.Fill("Started by", st.org.Owner.Name)
	st.Until("the filter to be in the address", `location.search.includes('by=')`)
	st.See("Only the queue")
}

// TestAModuleIsTested: from an archive with variables to what came of each run, with
// variables for all tests, and the page follows.
func TestAModuleIsTested(t *testing.T) {
	st := newStage(t)
	e := st.Executor()
	st.post("/api/v2/organizations/acme/registry-modules", `{"data":{"type":"registry-modules","attributes":{"name":"labels","provider":"null","registry-name":"private"}}}`)
	archive := filepath.Join(t.TempDir(), "labels.tar.gz")
	if err := os.WriteFile(archive, apptest.TarGz(t, map[string]string{"main.tf": "variable \"prefix\" {}\n", "tests/main.tftest.hcl": "run \"makes_a_label\" {}\n"}), 0o600); err != nil {
		t.Fatal(err)
	}
	st.Go("/app/acme/registry/modules/acme/labels/null")
	st.See("Nothing was tested yet", "Test variables")
	st.Click("Add variable")
	st.Fill("Key", "TOKEN")
	st.Fill("Value", "secret-of-tests")
	st.Click("Sensitive")
	st.Click("Add")
	st.See("TOKEN is added.")
	st.Click("Start the tests")
	st.run(chromedp.SetUploadFiles(`dialog input[type=file]`, []string{archive}))
	st.Fill("Variables of this test run", "prefix = p")
	st.Shot("registry-tests-start")
	st.Click("Start the tests")
	st.See("with prefix", "An executor prepares the tests.")
	var spec proto.Test
	job := e.Claim(proto.KindTest, &spec)
	line := func(kind, run, body string) string {
		return fmt.Sprintf(`{"@level":"info","@message":"%s %s","@timestamp":"2026-01-01T00:00:00Z","@testfile":"tests/main.tftest.hcl","@testrun":%q,"type":%q%s}`+"\n", kind, run, run, kind, body)
	}
	e.Log(job, line("test_run", "makes_a_label", `,"test_run":{"path":"tests/main.tftest.hcl","run":"makes_a_label","progress":"complete","status":"pass"}`)+
		line("test_run", "refuses_none", `,"test_run":{"path":"tests/main.tftest.hcl","run":"refuses_none","progress":"complete","status":"fail"}`)+
		line("diagnostic", "refuses_none", `,"diagnostic":{"severity":"error","summary":"Test assertion failed","detail":"a label must not be empty"}`))
	st.See("makes_a_label") // in the log, as it comes
	e.Finish(job, proto.Result{Outcome: proto.Finished}, proto.TestResult{EngineVersion: "1.12.6", Status: "fail", Passed: 1, Failed: 1})
	st.See("1 passed, 1 failed", "tests/main.tftest.hcl", "refuses_none", "a label must not be empty", "Download as JUnit XML")
	st.Unseen("secret-of-tests")
	st.Shot("registry-tests")

	st.Click("Start the tests") // of what was uploaded last
	st.Click("Start the tests")
	st.See("queued")
	st.Click("Cancel")
	st.See("canceled")
}

// TestAProviderIsPublished: the files of a build are checked before anything is sent.
func TestAProviderIsPublished(t *testing.T) {
	st := newStage(t)
	g := apptest.NewSigner(t)
	st.AddKey(st.org, g)
	st.post("/api/v2/organizations/acme/registry-providers", `{"data":{"type":"registry-providers","attributes":{"name":"inventory","namespace":"acme","registry-name":"private"}}}`)
	linux, mac := apptest.ArchiveName("inventory", "1.2.0", "linux_amd64"), apptest.ArchiveName("inventory", "1.2.0", "darwin_arm64")
	content := map[string][]byte{linux: apptest.ProviderZip(t, "terraform-provider-inventory", []byte("linux")), mac: apptest.ProviderZip(t, "terraform-provider-inventory", []byte("mac"))}
	sums := apptest.Shasums(content)
	content["terraform-provider-inventory_1.2.0_SHA256SUMS"] = sums
	content["terraform-provider-inventory_1.2.0_manifest.json"] = []byte(`{"version":1,"metadata":{"protocol_versions":["6.0"]}}`)
	dir, paths := t.TempDir(), []string{}
	for name, b := range content {
		paths = append(paths, filepath.Join(dir, name))
		if err := os.WriteFile(paths[len(paths)-1], b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	st.Go("/app/acme/registry/providers/private/acme/inventory")
	st.Click("New version")
	st.run(chromedp.SetUploadFiles(`dialog input[type=file]`, paths))
	st.See("This cannot be published yet:", "SHA256SUMS.sig is missing")
	st.Shot("registry-provider-problems")
	signature := filepath.Join(dir, "terraform-provider-inventory_1.2.0_SHA256SUMS.sig")
	if err := os.WriteFile(signature, g.Sign(sums), 0o600); err != nil {
		t.Fatal(err)
	}
	st.run(chromedp.SetUploadFiles(`dialog input[type=file]`, append(paths, signature)))
	st.See("Version", "1.2.0", "2 platforms", "linux/amd64", "As the manifest says.", g.KeyID)
	st.Shot("registry-provider-publish")
	st.Click("Publish 1.2.0")
	st.See("Version 1.2.0 is published.", "signed", "protocols 6.0", "darwin/arm64", `version = "~> 1.2"`)
	st.Until("both archives to be there", `[...document.querySelectorAll('[aria-label=Platforms] li')].filter((e) => e.innerText.includes('uploaded')).length === 2`)
	st.Shot("registry-provider-version")
	if r := st.Do("GET", providers.ProtocolPath+"/acme/inventory/versions", st.org.Owner.Token, nil); r.Status != 200 || !strings.Contains(string(r.Body), `"1.2.0"`) {
		t.Errorf("the registry protocol = %d %s, want the version", r.Status, r.Body)
	}
}

// TestWhatAWorkspaceManages: its resources have a screen of their own, and the README of
// its configuration is where one looks first.
func TestWhatAWorkspaceManages(t *testing.T) {
	st := newStage(t)
	ws := st.Workspace(st.org, "", "payments")
	st.Go("/app/acme/workspaces/payments/resources")
	st.See("It manages nothing yet")
	version := st.post("/api/v2/workspaces/"+ws+"/configuration-versions", `{"data":{"type":"configuration-versions","attributes":{"auto-queue-runs":false}}}`)
	archive := apptest.TarGz(t, map[string]string{"main.tf": "", "README.md": "# Payments\n\nAsk **the cashiers** first.\n"})
	if r := st.Do("PUT", version["attributes"].(map[string]any)["upload-url"].(string), "", archive); r.Status != 200 {
		t.Fatalf("PUT configuration = %d %s", r.Status, r.Body)
	}
	st.Executor().Applied(st.org, ws, 1)
	st.Settle()
	st.See("1 resource", "terraform_data.a", "Changed") // the page follows
	st.Choose("Type", "terraform_data")
	st.At("/app/acme/workspaces/payments/resources?type=terraform_data")
	st.Shot("workspace-resources")
	st.Fill("Search addresses", "nothing")
	st.See("No resource is like that")
	st.Go("/app/acme/workspaces?health=drifted")
	st.See("No workspace matches")
	st.Click("Drifted")
	st.See("payments")
}

// TestAComponentIsLookedAt: a component configuration with what it takes and gives.
func TestAComponentIsLookedAt(t *testing.T) {
	st := newStage(t)
	component := st.post("/api/v2/organizations/acme/registry-components", `{"data":{"type":"registry-components","attributes":{"name":"cluster"}}}`)["id"].(string)
	version := st.post("/api/v2/registry-components/"+component+"/versions", `{"data":{"type":"registry-component-versions","attributes":{"version":"1.0.0"}}}`)
	archive := apptest.TarGz(t, map[string]string{
		"README.md": "# Cluster\n\nA cluster with **everything**, as [its pages](https://example.com/cluster) say.\n",
		"main.tfcomponent.hcl": `required_providers {
  aws = { source = "hashicorp/aws", version = "~> 5.0" }
}
variable "region" {
  type        = string
  description = "Where it is."
}
component "vpc" {
  source  = "terraform-aws-modules/vpc/aws"
  version = "5.0.0"
}
output "vpc_id" {
  type        = string
  value       = component.vpc.id
  description = "Its id."
}
`})
	st.Go("/app/acme/registry/components")
	st.Click("cluster")
	st.At("/app/acme/registry/components/" + component)
	st.See("cluster", "pending")
	if r := st.Do("PUT", version["links"].(map[string]any)["upload"].(string), "", archive); r.Status != 200 {
		t.Fatalf("PUT version = %d %s", r.Status, r.Body)
	}
	st.Settle()
	st.See("completed", "A cluster with everything, as its pages say.", "Inputs (1)", "Where it is.", "Outputs (1)", "Its id.", "Providers (1)", "hashicorp/aws", "vpc", `version = "1.0.0"`)
	st.Shot("screens/registry-components-component")

	st.post("/api/v2/organizations/acme/registry-modules", `{"data":{"type":"registry-modules","attributes":{"name":"labels","provider":"null","registry-name":"private"}}}`)
	st.post("/api/v2/organizations/acme/registry-modules", `{"data":{"type":"registry-modules","attributes":{"name":"network","provider":"aws","registry-name":"private"}}}`)
	st.Go("/app/acme/registry/modules")
	st.See("labels", "network")
	st.Choose("Provider", "aws")
	st.At("/app/acme/registry/modules?provider=aws")
	st.Until("the list to be narrowed", `!document.body.innerText.includes('labels')`)
	st.Choose("Kind", "Public")
	st.See("No module is like that")
	st.Click("Show all")
	st.See("labels", "network")
	st.Fill("Search modules", "net")
	st.At("/app/acme/registry/modules?q=net")
	st.Until("only what matches", `!document.body.innerText.includes('labels')`)
	st.Click("Modules")
	st.At("/app/acme/registry/modules")
	st.See("labels")
	st.Until("the field to be empty", finding(`field('Search modules').value === ''`))
}

package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest/cli"
)

// TestModuleTests runs tests of modules from the command line that can: OpenTofu has no
// -cloud-run.
func TestModuleTests(t *testing.T) {
	remotely(t, map[string]func(sc *scene){
		"passing and failing tests": passingAndFailing,
		"interrupted test":          interruptedTest,
		"broken module":             brokenModule,
	})
}

// module is a module of the registry that greets, with test files, and where its API is.
func (sc *scene) module(files map[string]string) (sh *cli.Shell, source, api string) {
	sc.t.Helper()
	if sc.engine.Name != "terraform" {
		sc.t.Skip("OpenTofu has no -cloud-run")
	}
	name := strings.ReplaceAll(sc.name, "-", "")
	sc.must("POST", "/api/v2/organizations/acme/registry-modules", `{"data":{"type":"registry-modules","attributes":{"name":"`+name+`","provider":"none"}}}`)
	sh = sc.shell(`variable "greeting" {
  default = "hello"
}
resource "terraform_data" "a" {
  input = var.greeting
}
output "greeting" {
  value = terraform_data.a.output
}
`)
	if err := os.Mkdir(filepath.Join(sh.Dir, "tests"), 0o700); err != nil {
		sc.t.Fatal(err)
	}
	for file, text := range files {
		sh.Write(file, text)
	}
	sh.Run("init")
	return sh, cli.Host(sc.URL) + "/acme/" + name + "/none", "/api/v2/organizations/acme/tests/registry-modules/private/acme/" + name + "/none"
}

const (
	passes = `run "says_hello" {
  assert {
    condition     = output.greeting == var.greeting
    error_message = "no greeting"
  }
}
`
	fails = `run "says_bye" {
  assert {
    condition     = output.greeting == "bye"
    error_message = "It did not say bye."
  }
}
`
)

func passingAndFailing(sc *scene) {
	sh, source, api := sc.module(map[string]string{"tests/pass.tftest.hcl": passes, "tests/bye.tftest.hcl": fails})
	out := sh.Run("test", "-cloud-run="+source, "-filter=tests/pass.tftest.hcl")
	sc.says(out, `tests/pass.tftest.hcl... pass`, `says_hello... pass`, "Success! 1 passed, 0 failed.")

	out = sc.code(sh, 1, "", "test", "-cloud-run="+source)
	sc.says(out, `says_bye... fail`, "It did not say bye.", "Failure! 1 passed, 1 failed.")

	out = sh.Run("test", "-cloud-run="+source, "-var=greeting=bye")
	sc.says(out, "Success! 2 passed, 0 failed.")
	out = sh.Run("test", "-cloud-run="+source, "-verbose", "-filter=tests/pass.tftest.hcl")
	sc.says(out, "Success! 1 passed, 0 failed.")
	sc.must("POST", api+"/vars", `{"data":{"type":"vars","attributes":{"key":"TF_VAR_greeting","value":"topsecretgreeting","category":"env","sensitive":true}}}`)
	out = sc.code(sh, 1, "", "test", "-cloud-run="+source, "-filter=tests/bye.tftest.hcl", "-json")
	sc.says(out, `"type":"test_summary"`, "***")
	if strings.Contains(out, "topsecretgreeting") {
		sc.t.Errorf("the log tells a sensitive value:\n%s", out)
	}

	runs := sc.list(api + "/test-runs")
	if len(runs) != 5 {
		sc.t.Fatalf("there are %d test runs, want 5", len(runs))
	}
	a := attributes(runs[3]) // the second one; the newest is first
	if a["status"] != "finished" || a["test-status"] != "fail" || a["tests-passed"] != 1.0 || a["tests-failed"] != 1.0 || a["tests-errored"] != 0.0 || a["source"] != "terraform" {
		sc.t.Errorf("attributes of the failed test run = %v", a)
	}
}

// interruptedTest: Ctrl-C ends a test run, which takes down what it had made.
func interruptedTest(sc *scene) {
	sh, source, api := sc.module(map[string]string{
		"wait.tf":               "resource \"terraform_data\" \"wait\" {\n  depends_on = [terraform_data.a]\n  provisioner \"local-exec\" {\n    command = \"sleep 600\"\n  }\n}\n",
		"tests/pass.tftest.hcl": passes,
	})
	s := sc.sit(sh, "test", "-cloud-run="+source)
	var run map[string]any
	eventually(sc.t, func() bool {
		runs := sc.list(api + "/test-runs")
		if len(runs) == 1 {
			run = runs[0]
		}
		return run != nil && attributes(run)["status"] == "running"
	}, s.text)
	sc.until(run, "Found 1 file")
	s.interrupt()
	out, err := s.end()
	if err == nil {
		sc.t.Errorf("the interrupted test succeeded:\n%s", out)
	}
	path := api + "/test-runs/" + run["id"].(string)
	if a := attributes(sc.must("GET", path, "")); a["status"] != "canceled" {
		sc.t.Errorf("status of the interrupted test = %v, want canceled\n%s", a, out)
	}
}

// until waits until the log of a test run has the words.
func (sc *scene) until(run map[string]any, words string) {
	sc.t.Helper()
	address, _ := attributes(run)["log-read-url"].(string)
	var log string
	eventually(sc.t, func() bool {
		_, b := sc.Do("GET", strings.TrimPrefix(address, sc.URL), "", nil)
		log = string(b)
		return strings.Contains(log, words)
	}, func() string { return log })
}

func brokenModule(sc *scene) {
	sh, source, _ := sc.module(map[string]string{"tests/pass.tftest.hcl": passes, "needs.tf": ""})
	sh.Write("needs.tf", "terraform {\n  required_providers {\n    nothing = {\n      source = \"nowhere.example.com/no/thing\"\n    }\n  }\n}\n")
	out := sc.code(sh, 1, "", "test", "-cloud-run="+source)
	if strings.Contains(out, "Success!") {
		sc.t.Errorf("a module that does not initialize passes:\n%s", out)
	}
}

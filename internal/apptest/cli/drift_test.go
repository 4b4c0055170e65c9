package cli_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestHealthAssessments looks at real workspaces whose runs were applied with the command
// line.
func TestHealthAssessments(t *testing.T) {
	remotely(t, map[string]func(*scene){"healthy": healthy})
}

// healthy is a workspace with checks, of which one depends on what the next apply would
// replace, so that only a second pass knows its result.
func healthy(sc *scene) {
	id := sc.create(sc.name, `,"auto-apply":true,"assessments-enabled":true`)
	sc.variable(id, "wanted", "a", "")
	sc.variable(id, "secret", "s3cret-canary-value", `,"sensitive":true`)
	sh := sc.shell(`
variable "wanted" {}
variable "secret" { sensitive = true }
resource "terraform_data" "first" {
  input            = "fixed"
  triggers_replace = [var.wanted]
}
resource "terraform_data" "second" { input = var.secret }
check "wanted" {
  assert {
    condition     = var.wanted != "b"
    error_message = "It must not be b."
  }
}
check "depends" {
  assert {
    condition     = length(terraform_data.first.id) > 3
    error_message = "It has no id."
  }
}
`)
	sh.Run("apply", "-auto-approve")
	before := sc.must("GET", "/api/v2/workspaces/"+id+"/current-state-version", "")["id"]

	result, a := sc.assess(id)
	if a["succeeded"] != true || a["drifted"] != false || a["checks-passed"] != 2.0 || a["all-checks-succeeded"] != true || a["resources-undrifted"] != 2.0 {
		sc.t.Errorf("result of a healthy workspace = %v", a)
	}
	_, log := sc.Do("GET", "/api/v2/assessment-results/"+result+"/log-output", sc.token, nil)
	sc.says(string(log), "No changes.", "!canary")

	variable := sc.list("/api/v2/workspaces/" + id + "/vars")
	for _, v := range variable {
		if attributes(v)["key"] == "wanted" {
			sc.must("PATCH", "/api/v2/vars/"+v["id"].(string), `{"data":{"type":"vars","attributes":{"value":"b"}}}`)
		}
	}
	result, a = sc.assess(id)
	if a["drifted"] != false || a["checks-failed"] != 1.0 || a["checks-passed"] != 1.0 || a["checks-unknown"] != 0.0 {
		sc.t.Errorf("result of a workspace with a failing check = %v, want one that fails and none that is unknown", a)
	}
	status, plan := sc.Do("GET", "/api/v2/assessment-results/"+result+"/json-output", sc.token, nil)
	if status != 200 || !strings.Contains(string(plan), `"resource_changes"`) {
		sc.t.Errorf("json-output = %d %.200s", status, plan)
	}
	if status, schema := sc.Do("GET", "/api/v2/assessment-results/"+result+"/json-schema", sc.token, nil); status != 200 || !strings.Contains(string(schema), `"provider_schemas"`) {
		sc.t.Errorf("json-schema = %d %.200s", status, schema)
	}
	scans := sc.list("/api/v2/workspaces/" + id + "/drift-scans")
	if len(scans) != 2 || attributes(scans[0])["second-pass"] != true || attributes(scans[0])["warm"] != true || attributes(scans[1])["warm"] != false {
		sc.t.Errorf("scans = %v, want a second one that is warm and made a second pass", scans)
	}
	findings := sc.list("/api/v2/workspaces/" + id + "/drift-findings?filter[kind]=check")
	if len(findings) != 1 || attributes(findings[0])["address"] != "check.wanted" || fmt.Sprint(attributes(findings[0])["problems"]) != "[It must not be b.]" {
		sc.t.Errorf("findings = %v", findings)
	}
	if after := sc.must("GET", "/api/v2/workspaces/"+id+"/current-state-version", "")["id"]; after != before {
		sc.t.Errorf("the state is %v, and was %v: an assessment changes nothing", after, before)
	}
	if w, _ := sc.workspace(sc.name); attributes(w)["health-state"] != "checks-failing" || attributes(w)["locked"] != false {
		sc.t.Errorf("health-state = %v", attributes(w)["health-state"])
	}
}

// assess assesses a workspace now and waits for the result.
func (sc *scene) assess(workspaceID string) (id string, a map[string]any) {
	sc.t.Helper()
	current := func() string {
		w := sc.must("GET", "/api/v2/workspaces/"+workspaceID, "")
		data, _ := w["relationships"].(map[string]any)["current-assessment-result"].(map[string]any)["data"].(map[string]any)
		id, _ := data["id"].(string)
		return id
	}
	before := current()
	sc.must("POST", "/api/v2/workspaces/"+workspaceID+"/actions/assess", "")
	eventually(sc.t, func() bool { return current() != before }, func() string {
		return fmt.Sprintf("there is no result: %v", sc.list("/api/v2/workspaces/"+workspaceID+"/drift-scans"))
	})
	id = current()
	return id, attributes(sc.must("GET", "/api/v2/assessment-results/"+id, ""))
}

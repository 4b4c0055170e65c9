package cli_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/apptest/cli"
	"plumbline.dev/plumbline/internal/apptest/fakecloud"
	"plumbline.dev/plumbline/internal/apptest/process"
	"plumbline.dev/plumbline/internal/executor/sandbox"
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

// TestDriftOfWorkspaces changes a cloud behind the back of workspaces.
func TestDriftOfWorkspaces(t *testing.T) {
	engines := cli.Engines()
	if len(engines) == 0 || engines[0].Name != "tofu" {
		t.Skip("tofu is not here: run make engines")
	}
	if box := sandbox.Detect(t.Context(), sandbox.Options{}); box.Kind == sandbox.None {
		t.Skip(box.Why)
	}
	mirror := cli.FakeProviderMirror(t)
	cloud := &fakecloud.Cloud{}
	web := httptest.NewServer(cloud)
	defer web.Close()
	h := &host{Server: process.StartTLS(t, t.TempDir(), "--engine", engines[0].Path, "--workers", "2", "--provider-mirror", mirror, "--run-allow", strings.TrimPrefix(web.URL, "http://"))}
	h.token = h.AdminToken()
	h.must("POST", "/api/v2/organizations", `{"data":{"type":"organizations","attributes":{"name":"acme","email":"a@example.com"}}}`)
	sc := &scene{host: h, t: t, engine: engines[0], name: "web"}
	id := sc.create("web", `,"auto-apply":true,"assessments-enabled":true`)
	sc.must("POST", "/api/v2/workspaces/"+id+"/vars", fmt.Sprintf(`{"data":{"type":"vars","attributes":{"key":"FAKECLOUD","value":%q,"category":"env"}}}`, web.URL))
	sc.must("POST", "/api/v2/workspaces/"+id+"/vars", `{"data":{"type":"vars","attributes":{"key":"password","value":"canary-recorded-1","category":"terraform","sensitive":true}}}`)
	version := sc.must("POST", "/api/v2/workspaces/"+id+"/configuration-versions", `{"data":{"type":"configuration-versions","attributes":{"auto-queue-runs":true}}}`)
	archive := apptest.TarGz(t, map[string]string{"main.tf": `
terraform {
  required_providers { aws = { source = "lab/aws" } }
}
variable "password" { sensitive = true }
resource "aws_instance" "web" {
  name = "web"
  tags = { a = "1" }
}
resource "aws_db_instance" "db" {
  name     = "db"
  password = var.password
}
`})
	if status, b := h.Do("PUT", attributes(version)["upload-url"].(string), "", bytes.NewReader(archive)); status != 200 {
		t.Fatalf("upload = %d %s", status, b)
	}
	defer func() {
		if t.Failed() {
			run := sc.runs("web")[0]
			plan := sc.must("GET", "/api/v2/runs/"+run["id"].(string)+"/plan", "")
			_, log := h.Do("GET", strings.TrimPrefix(attributes(plan)["log-read-url"].(string), h.URL), "", nil)
			t.Logf("the log of the plan:\n%s\nthe server's log ends with:\n%s", log, tail(h.Log(), 3000))
		}
	}()
	sc.await("web", "applied")

	if _, a := sc.assess(id); a["succeeded"] != true || a["drifted"] != false || a["resources-undrifted"] != 2.0 {
		t.Fatalf("result of what nobody changed = %v", a)
	}
	change := func(typ, name, attribute string, value any) {
		if err := cloud.Change(typ, name, func(o fakecloud.Object) { o[attribute] = value }); err != nil {
			t.Fatal(err)
		}
	}
	change("aws_instance", "web", "tags", map[string]any{"a": "by hand"})
	change("aws_db_instance", "db", "password", "canary-real-2")
	if _, a := sc.assess(id); a["drifted"] != true || a["resources-drifted"] != 2.0 {
		t.Errorf("result of two changes = %v", a)
	}
	var told []string
	for _, f := range sc.list("/api/v2/workspaces/" + id + "/drift-findings?sort=address") {
		a := attributes(f)
		told = append(told, fmt.Sprint(a["address"], " ", a["path"], " ", a["kind"], " ", a["real"], " ", a["masked"]))
	}
	if got, want := strings.Join(told, "\n"), "aws_db_instance.db password drift <nil> true\naws_instance.web tags.a drift by hand false"; got != want {
		t.Errorf("findings:\n%s\nwant:\n%s", got, want)
	}
	episodes := sc.list("/api/v2/organizations/acme/drift-episodes?filter[status]=open")
	if len(episodes) != 1 || attributes(episodes[0])["findings-count"] != 2.0 {
		t.Errorf("episodes = %v", episodes)
	}
	scans := sc.list("/api/v2/workspaces/" + id + "/drift-scans")
	_, verdict := h.Do("GET", "/api/v2/drift-scans/"+scans[0]["id"].(string)+"/verdict", h.token, nil)
	if strings.Contains(string(verdict), "canary") || !strings.Contains(string(verdict), "by hand") {
		t.Errorf("verdict = %s", verdict)
	}
	if rows := sc.list("/api/v2/organizations/acme/explorer?type=workspaces&filter[0][drifted][is][0]=true"); len(rows) != 1 || attributes(rows[0])["resources-drifted"] != 2.0 {
		t.Errorf("explorer = %v", rows)
	}
	if _, sarif := h.Do("GET", "/api/v2/organizations/acme/drift-export?format=sarif", h.token, nil); !strings.Contains(string(sarif), "aws_instance.web.tags.a") {
		t.Errorf("SARIF = %s", sarif)
	}

	finding := sc.list("/api/v2/workspaces/" + id + "/drift-findings?search[address]=aws_instance")[0]["id"].(string)
	sc.must("POST", "/api/v2/drift-findings/"+finding+"/actions/ignore", `{"data":{"type":"drift-findings","attributes":{"reason":"somebody tags by hand"}}}`)
	change("aws_db_instance", "db", "password", "canary-recorded-1")
	if _, a := sc.assess(id); a["drifted"] != false {
		t.Errorf("result of a change that is ignored = %v", a)
	}
	if open := sc.list("/api/v2/organizations/acme/drift-episodes?filter[status]=open"); len(open) != 0 {
		t.Errorf("open episodes = %v, want none", open)
	}
	if states := sc.list("/api/v2/state-versions?filter[organization][name]=acme&filter[workspace][name]=web"); len(states) != 1 && len(states) != 2 {
		t.Errorf("there are %d states, want those of the one apply", len(states))
	}
	h.canaries(t, "canary-recorded-1", "canary-real-2")
}

// canaries fails if a secret is in the database or in the log of the server in clear.
func (h *host) canaries(t *testing.T, secrets ...string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(h.Dir, "plumbline.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("database files = %v, %v", files, err)
	}
	texts := map[string][]byte{"the server's log": h.Log()}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = b
	}
	err = filepath.WalkDir(filepath.Join(h.Dir, "blobs"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil //nolint:nilerr // a folder that went meanwhile
		}
		texts[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(texts) < 5 {
		t.Errorf("only %d texts were searched", len(texts))
	}
	for name, text := range texts {
		for _, secret := range secrets {
			for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), hex.EncodeToString([]byte(secret))} {
				if bytes.Contains(text, []byte(form)) {
					t.Errorf("%s has the secret %s", name, secret)
				}
			}
		}
	}
}

package drift_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/config"
)

const page = "../../../shared/spec/drift/drift-api.txt"

// snippets returns the Python programs of the documentation, in order.
func snippets(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile(page)
	if err != nil {
		t.Skip("the documentation of the API is not here: " + page)
	}
	var out []string
	var program []string
	for line := range strings.Lines(string(b)) {
		line = strings.TrimPrefix(strings.TrimRight(line, "\n"), "        ")
		if line == "import requests" {
			program = []string{}
		}
		if program != nil {
			program = append(program, line)
		}
		if line == "print(response.json())" {
			out, program = append(out, strings.Join(program, "\n")), nil
		}
	}
	if len(out) != 31 {
		t.Fatalf("the documentation has %d snippets, want 31", len(out))
	}
	return out
}

// world is a server with a key of its API and the repositories that the snippets name.
type world struct {
	*apptest.Server
	host       *apptest.GitHost
	org        apptest.Org
	key, orgID string
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{host: apptest.NewGitHost(t)}
	w.host.Commit("my-account/my-repo", "main", map[string]string{
		"folder1/main.tf": `terraform { backend "local" {} }`, "folder1/net.tf": `module "net" { source = "../modules/net" }`, "folder2/main.tf": `provider "null" {}`,
		"modules/net/main.tf": `variable "x" {}`, "examples/x/main.tf": `provider "x" {}`, "tests/main.tf": `provider "x" {}`, ".hidden/main.tf": `provider "x" {}`})
	w.host.Commit("my-account/my-repo", "feature-branch-1", map[string]string{"folder3/main.tf": "locals {}"})
	rewrite := w.host.Rewrite()
	rewrite["api.cloudflare.com"] = w.host.URL + "/cloudflare"
	w.Server = apptest.Start(t, func(c *config.Server) { c.Outbound.Rewrite = rewrite })
	w.org = w.Org("acme")
	w.key, w.orgID = w.newKey("admin")
	return w
}

// newKey makes a key and returns it with the organization's id.
func (w *world) newKey(role string) (key, orgID string) {
	w.T.Helper()
	r := w.Do("POST", "/api/v2/organizations/acme/drift-keys", w.org.Owner.Token, map[string]any{"data": map[string]any{"type": "drift-keys", "attributes": map[string]any{"description": "test", "role": role}}})
	var doc struct {
		Data struct{ Attributes struct{ Token string } }
	}
	if err := json.Unmarshal(r.Body, &doc); err != nil || r.Status != 201 || !strings.HasPrefix(doc.Data.Attributes.Token, "pld_") {
		w.T.Fatalf("making a key = %d %s", r.Status, r.Body)
	}
	set := w.Do("GET", "/api/v2/organizations/acme/drift-settings", w.org.Owner.Token, nil)
	data, _ := set.JSON()["data"].(map[string]any)
	id, _ := data["id"].(string)
	if !hexID.MatchString(id) {
		w.T.Fatalf("drift settings = %d %s, want an id of 32 hex digits", set.Status, set.Body)
	}
	return doc.Data.Attributes.Token, id
}

var hexID = regexp.MustCompile(`^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$`)

// run runs a program and returns what the server answered.
func (w *world) run(program string) map[string]any {
	w.T.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		w.T.Skip("python3 is not installed")
	}
	standIn, err := filepath.Abs("testdata/requests")
	if err != nil {
		w.T.Fatal(err)
	}
	cmd := exec.CommandContext(w.T.Context(), python, "-c", "false = False\n"+program+"\nimport json; print('ANSWER ' + json.dumps(response.json()))")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "NO_PROXY=*"}
	if exec.CommandContext(w.T.Context(), python, "-c", "import requests").Run() != nil {
		cmd.Env = append(cmd.Env, "PYTHONPATH="+standIn)
	}
	out, err := cmd.CombinedOutput()
	_, answer, ok := strings.Cut(string(out), "ANSWER ")
	var v map[string]any
	if err != nil || !ok || json.Unmarshal([]byte(answer), &v) != nil {
		w.T.Fatalf("the snippet failed: %v\n%s\n%s", err, program, out)
	}
	return v
}

var endpoint = regexp.MustCompile(`https://api\.tfstate\.com/([a-z]+)`)

// TestDocumentedSnippets runs every program of the documentation. Nothing in them is changed
// but the host, the key, and the ids, which stand for those of the reader.
func TestDocumentedSnippets(t *testing.T) {
	programs := snippets(t)
	w := start(t)
	ids := map[string][]string{} // endpoint → what was saved there
	for i, program := range programs {
		at := endpoint.FindStringSubmatch(program)[1]
		verb := regexp.MustCompile(`"(save|list|get|delete|test|activate)": (?:True|1)`).FindStringSubmatch(program)[1]
		program = strings.Replace(program, "https://api.tfstate.com", w.URL+"/drift", 1)
		program = strings.Replace(strings.Replace(program, `"X-Api-Key": "..."`, `"X-Api-Key": "`+w.key+`"`, 1), `"X-Org-ID": "..."`, `"X-Org-ID": "`+w.orgID+`"`, 1)
		if verb == "save" {
			for _, other := range []string{"state", "infra", "alert"} {
				program = regexp.MustCompile(`"`+other+`": "[0-9a-f]{32}"`).ReplaceAllString(program, `"`+other+`": "`+first(ids[other])+`"`)
			}
		} else if list := ids[at]; len(list) > 0 {
			id := list[0]
			switch {
			case verb == "delete":
				id = list[1]
			case at == "infra":
				id = list[4] // can be tested without a cloud
			}
			program = regexp.MustCompile(`"`+at+`_id": "[^"]*"`).ReplaceAllString(program, `"`+at+`_id": "`+id+`"`)
		}
		answer := w.run(program)
		if answer["code"] == "not_found" && strings.Contains(answer["message"].(string), "no such endpoint") {
			t.Logf("snippet %d: this server has no /%s yet", i+1, at)
			continue
		}
		if id, ok := answer[at+"_id"].(string); ok {
			ids[at] = append(ids[at], id)
		}
		if at == "config" && verb == "save" { // another one, to be deleted
			id, _ := w.run(program)["config_id"].(string)
			ids[at] = append(ids[at], id)
		}
		w.check(i+1, at, verb, answer)
	}
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// messages are those that the documentation shows, by snippet.
var messages = map[int]string{1: "Saved GitHub public repo: my-account/my-repo", 2: "Saved GitHub private repo: my-account/my-repo", 3: "Saved Gitlab public repo: my-account/my-repo",
	4: "Saved Gitlab repo: my-account/my-repo", 6: "Deleted configuration for repo"}

// members are what the documentation shows in answers and their parts.
var members = map[string][]string{
	"state list": {"id", "full_name", "repo", "type"}, "state get": {"id", "type", "org_id", "name_of_thing", "repo_id", "repo", "full_name", "private"},
	"config list": {"id", "state", "state_label", "infra", "infra_label", "alert", "alert_label", "alert_tweaks", "branch", "branches", "enabled_files", "snoozed", "frequency",
		"frequency_label", "frequency_offset", "price", "paid", "active", "starting", "created", "timezone"},
}

// check compares an answer with what the documentation says.
func (w *world) check(n int, at, verb string, answer map[string]any) {
	w.T.Helper()
	about := func() string { b, _ := json.Marshal(answer); return string(b) }
	if answer["code"] == "no_scanner" {
		w.T.Logf("snippet %d: this server makes no scans yet", n)
		return
	}
	if answer["status"] != "good" && (at != "alert" || verb != "test") { // the addresses of the samples lead nowhere
		w.T.Errorf("snippet %d (%s of %s) = %s, want good", n, verb, at, about())
		return
	}
	if id, ok := answer[at+"_id"].(string); verb == "save" && (!ok || !hexID.MatchString(id)) {
		w.T.Errorf("snippet %d (save of %s) = %s, want an id", n, at, about())
	}
	if want := messages[n]; want != "" && answer["message"] != want {
		w.T.Errorf("snippet %d = %s, want the message %q", n, about(), want)
	}
	part := answer
	if items, ok := answer["items"].([]any); ok {
		part, _ = items[0].(map[string]any)
	} else if payload, ok := answer["payload"].(map[string]any); ok {
		part = payload
	} else if verb == "list" || verb == "get" {
		w.T.Errorf("snippet %d (%s of %s) = %s, want items or a payload", n, verb, at, about())
	}
	for _, name := range members[at+" "+verb] {
		if _, ok := part[name]; !ok {
			w.T.Errorf("snippet %d (%s of %s) = %s, want %s in it", n, verb, at, about(), name)
		}
	}
	if at == "state" && verb == "test" {
		if diff := cmp.Diff(map[string]any{"status": "good", "branches": []any{"main", "feature-branch-1"}, "files": []any{"folder1", "folder2"}}, answer); diff != "" {
			w.T.Errorf("snippet %d: branches and folders (-want +got):\n%s", n, diff)
		}
	}
	for _, secret := range []string{"github personal access token", "gitlab access token", "secret token goes here", "PRIVATE KEY", "abcd1234"} {
		if strings.Contains(about(), secret) {
			w.T.Errorf("snippet %d = %s, shows a secret", n, about())
		}
	}
}

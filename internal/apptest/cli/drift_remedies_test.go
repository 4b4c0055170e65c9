package cli_test

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/apptest/cli"
	"plumbline.dev/plumbline/internal/apptest/fakecloud"
	"plumbline.dev/plumbline/internal/apptest/process"
	"plumbline.dev/plumbline/internal/executor/sandbox"
	"plumbline.dev/plumbline/internal/kernel/config"
)

// tofu is the engine of these tests, which are skipped where it or a sandbox is missing.
func tofu(t *testing.T) cli.Engine {
	t.Helper()
	engines := cli.Engines()
	if len(engines) == 0 || engines[0].Name != "tofu" {
		t.Skip("tofu is not here: run make engines")
	}
	if box := sandbox.Detect(t.Context(), sandbox.Options{}); box.Kind == sandbox.None {
		t.Skip(box.Why)
	}
	return engines[0]
}

const remedied = `terraform {
  required_providers { aws = { source = "lab/aws" } }
%s}

resource "aws_instance" "web" {
  name = "web"
  tags = { Owner = "ops" }
}

resource "aws_security_group" "web" {
  name = "web"

  ingress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/8"]
  }
}
`

// byHand changes an attribute of a map, and opens a port.
func byHand(t *testing.T, cloud *fakecloud.Cloud) {
	t.Helper()
	err := cloud.Change("aws_instance", "web", func(o fakecloud.Object) { o["tags"] = map[string]any{"Owner": "eve", "by": "hand"} })
	if err == nil {
		err = cloud.Change("aws_security_group", "web", func(o fakecloud.Object) {
			o["ingress"] = append(o["ingress"].([]any), map[string]any{"from_port": 22, "to_port": 22, "protocol": "tcp", "cidr_blocks": []any{"0.0.0.0/0"}})
		})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// tags are those of the instance in the cloud.
func tags(t *testing.T, cloud *fakecloud.Cloud) string {
	t.Helper()
	out := ""
	if err := cloud.Change("aws_instance", "web", func(o fakecloud.Object) { out = fmt.Sprint(o["tags"]) }); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDriftOfAWorkspaceIsPutRight: a run undoes what was changed by hand, once somebody has
// confirmed it; and what is changed again is adopted by the patch, after which a run has nothing
// to do.
func TestDriftOfAWorkspaceIsPutRight(t *testing.T) {
	engine, mirror, cloud := tofu(t), cli.FakeProviderMirror(t), &fakecloud.Cloud{}
	web := httptest.NewServer(cloud)
	defer web.Close()
	h := &host{Server: process.StartTLS(t, t.TempDir(), "--engine", engine.Path, "--workers", "2", "--provider-mirror", mirror, "--run-allow", strings.TrimPrefix(web.URL, "http://"))}
	h.token = h.AdminToken()
	h.must("POST", "/api/v2/organizations", `{"data":{"type":"organizations","attributes":{"name":"acme","email":"a@example.com"}}}`)
	sc := &scene{host: h, t: t, engine: engine, name: "web"}
	id := sc.create("web", `,"auto-apply":true,"assessments-enabled":true`)
	sc.must("POST", "/api/v2/workspaces/"+id+"/vars", fmt.Sprintf(`{"data":{"type":"vars","attributes":{"key":"FAKECLOUD","value":%q,"category":"env"}}}`, web.URL))
	code := fmt.Sprintf(remedied, "")
	upload := func(code string) {
		version := sc.must("POST", "/api/v2/workspaces/"+id+"/configuration-versions", `{"data":{"type":"configuration-versions","attributes":{"auto-queue-runs":true}}}`)
		if status, b := h.Do("PUT", attributes(version)["upload-url"].(string), "", bytes.NewReader(apptest.TarGz(t, map[string]string{"main.tf": code}))); status != 200 {
			t.Fatalf("upload = %d %s", status, b)
		}
	}
	upload(code)
	sc.await("web", "applied")
	episode := func() string {
		t.Helper()
		byHand(t, cloud)
		if _, a := sc.assess(id); a["drifted"] != true || a["resources-drifted"] != 2.0 {
			t.Fatalf("result of what was changed by hand = %v", a)
		}
		return sc.list("/api/v2/organizations/acme/drift-episodes?filter[status]=open")[0]["id"].(string)
	}
	over := func() {
		t.Helper()
		if _, a := sc.assess(id); a["drifted"] != false || a["succeeded"] != true {
			t.Errorf("result of what was put right = %v", a)
		}
		if open := sc.list("/api/v2/organizations/acme/drift-episodes?filter[status]=open"); len(open) != 0 {
			t.Errorf("open episodes = %v, want none", open)
		}
	}

	e := episode()
	run := sc.must("POST", "/api/v2/drift-episodes/"+e+"/actions/reapply", "")
	if waits := sc.await("web", "planned"); waits["id"] != run["id"] || !strings.Contains(tags(t, cloud), "eve") {
		t.Errorf("the run %v waits and the tags are %s, want %v to wait and nothing changed yet", waits["id"], tags(t, cloud), run["id"])
	}
	if status, b := h.Do("POST", "/api/v2/runs/"+run["id"].(string)+"/actions/apply", h.token, nil); status != 202 {
		t.Fatalf("apply = %d %s", status, b)
	}
	sc.await("web", "applied")
	if got := tags(t, cloud); got != "map[Owner:ops]" {
		t.Errorf("the tags are %s after the apply", got)
	}
	over()

	a := sc.must("POST", "/api/v2/drift-episodes/"+episode()+"/actions/adopt", "")
	if attributes(a)["adopted-count"] != attributes(a)["findings-count"] {
		t.Errorf("adoption = %v, want all adopted", attributes(a))
	}
	status, patch := h.Do("GET", "/api/v2/drift-adoptions/"+a["id"].(string)+"/patch", h.token, nil)
	if status != 200 {
		t.Fatalf("patch = %d %s", status, patch)
	}
	upload(patched(t, code, patch))
	sc.await("web", "planned_and_finished")
	over()
	if got := tags(t, cloud); !strings.Contains(got, "eve") {
		t.Errorf("the tags are %s, want what was adopted", got)
	}
}

// patched lets git apply a patch to main.tf.
func patched(t *testing.T, code string, patch []byte) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "main.tf")
	if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "git", "apply", "-")
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(patch)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git apply: %v %s\n%s", err, out, patch)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestDriftOfARepositoryIsAdopted: the pull request makes the code what is real, and the scan
// after it was merged finds nothing.
func TestDriftOfARepositoryIsAdopted(t *testing.T) {
	engine, mirror, cloud, git := tofu(t), cli.FakeProviderMirror(t), &fakecloud.Cloud{}, apptest.NewGitHost(t)
	web, states := httptest.NewServer(cloud), cli.NewBackend(t)
	defer web.Close()
	code := fmt.Sprintf(remedied, fmt.Sprintf("  backend \"http\" { address = %q }\n", states+"/network"))
	sh := cli.NewShell(t, engine, "", "", "")
	sh.Write("main.tf", code)
	sh.Mirror(mirror)
	sh.Env = append(sh.Env, "FAKECLOUD="+web.URL)
	sh.Run("init")
	sh.Run("apply", "-auto-approve", "-lock=false")
	git.Commit("private/infra", "main", map[string]string{"network/main.tf": code, "network/.terraform.lock.hcl": sh.Read(".terraform.lock.hcl")})

	forge := apptest.NewForge(t, git, false)
	rewrite := git.Rewrite()
	rewrite["api.github.com"] = forge.URL
	s := apptest.Start(t, func(c *config.Server) {
		c.Workers, c.Engine, c.ProviderMirror, c.WorkDir = 1, []string{engine.Path}, []string{mirror}, t.TempDir()
		c.RunAllow = []string{strings.TrimPrefix(web.URL, "http://"), strings.TrimPrefix(states, "http://")}
		c.Outbound = config.Outbound{Allow: []string{"127.0.0.0/8"}, HTTP: true, Rewrite: rewrite}
	})
	p := &adopting{Server: s, org: s.Org("acme")}
	repo := p.made("drift-repositories", fmt.Sprintf(`{"data":{"type":"drift-repositories","attributes":{"url":"https://github.com/private/infra","type":"github-private","token":%q}}}`, git.Token))
	lab := p.made("drift-connections", fmt.Sprintf(`{"data":{"type":"drift-connections","attributes":{"name":"lab","type":"oth","credentials":%q}}}`, "FAKECLOUD="+web.URL))
	p.schedule = p.made("drift-schedules", fmt.Sprintf(`{"data":{"type":"drift-schedules","attributes":{"name":"infra","branch":"main","folders":["network"],"frequency":"daily"},"relationships":{
		"repository":{"data":{"type":"drift-repositories","id":%q}},"connections":{"data":[{"type":"drift-connections","id":%q}]}}}}`, repo, lab))

	p.scan("finished 0 2")
	byHand(t, cloud)
	p.scan("finished 2 0")
	open := p.get("/api/v2/organizations/acme/drift-episodes?filter[status]=open")["data"].([]any)
	e := open[0].(map[string]any)["id"].(string)
	r := p.Do("POST", "/api/v2/drift-episodes/"+e+"/actions/adopt", p.org.Owner.Token, `{"data":{"attributes":{"open-pull-request":true}}}`)
	data, _ := r.JSON()["data"].(map[string]any)
	if a := attributes(data); r.Status != 200 || a["adopted-count"] != a["findings-count"] {
		t.Fatalf("adopt = %d %s, want all adopted", r.Status, r.Body)
	}
	s.Settle()
	if pulls := forge.Pulls(); len(pulls) != 1 {
		t.Fatalf("there are %d pull requests: %s", len(pulls), s.Do("GET", "/api/v2/drift-adoptions/"+data["id"].(string), p.org.Owner.Token, nil).Body)
	}
	forge.Merge(1)
	p.scan("finished 0 2")
	if open := p.get("/api/v2/organizations/acme/drift-episodes?filter[status]=open")["data"].([]any); len(open) != 0 {
		t.Errorf("open episodes = %v after the merge, want none", open)
	}
}

// adopting is a server that scans a repository.
type adopting struct {
	*apptest.Server
	org      apptest.Org
	schedule string
}

func (p *adopting) made(typ, body string) string {
	p.T.Helper()
	r := p.Do("POST", "/api/v2/organizations/acme/"+typ, p.org.Owner.Token, body)
	data, _ := r.JSON()["data"].(map[string]any)
	if r.Status != 201 {
		p.T.Fatalf("making %s = %d %s", typ, r.Status, r.Body)
	}
	return data["id"].(string)
}

func (p *adopting) get(path string) map[string]any {
	p.T.Helper()
	r := p.Do("GET", path, p.org.Owner.Token, nil)
	if r.Status != 200 {
		p.T.Fatalf("GET %s = %d %s", path, r.Status, r.Body)
	}
	return r.JSON()
}

// scan lets the folder be scanned now; want is the status of the scan and the numbers of objects
// with and without drift.
func (p *adopting) scan(want string) {
	p.T.Helper()
	r := p.Do("POST", "/api/v2/drift-schedules/"+p.schedule+"/actions/scan", p.org.Owner.Token, nil)
	id, _ := r.JSON()["scan-id"].(string)
	if r.Status != 202 || id == "" {
		p.T.Fatalf("scan = %d %s", r.Status, r.Body)
	}
	var a map[string]any
	eventually(p.T, func() bool {
		a = attributes(p.get("/api/v2/drift-scans/" + id)["data"].(map[string]any))
		return a["status"] != "queued" && a["status"] != "running"
	}, func() string { return fmt.Sprintf("the scan is %v", a) })
	p.Settle()
	if got := fmt.Sprint(a["status"], " ", a["resources-drifted"], " ", a["resources-undrifted"]); got != want {
		log := p.Do("GET", "/api/v2/drift-scans/"+id+"/log/events", p.org.Owner.Token, nil)
		p.T.Fatalf("the scan is %s (%v), want %s; its log:\n%s", got, a, want, tail(log.Body, 4000))
	}
}

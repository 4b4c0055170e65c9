package cli_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/apptest/cli"
	"plumbline.dev/plumbline/internal/apptest/fakecloud"
	"plumbline.dev/plumbline/internal/apptest/process"
	"plumbline.dev/plumbline/internal/executor/sandbox"
)

// stuckCloud answers nobody while it is stuck.
type stuckCloud struct {
	fakecloud.Cloud
	stuck atomic.Pointer[chan struct{}] // closed, or nil: it answers
}

// ServeHTTP implements http.Handler.
func (c *stuckCloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if stuck := c.stuck.Load(); stuck != nil {
		select {
		case <-*stuck:
		case <-r.Context().Done():
			return
		}
	}
	c.Cloud.ServeHTTP(w, r)
}

// TestScansDelayNoRun: where all slots for scans are taken by scans that do not end, and more
// wait, a run is planned and applied as if they were not there; on the server, and on an agent.
func TestScansDelayNoRun(t *testing.T) {
	engines := cli.Engines()
	if len(engines) == 0 || engines[0].Name != "tofu" {
		t.Skip("tofu is not here: run make engines")
	}
	if box := sandbox.Detect(t.Context(), sandbox.Options{}); box.Kind == sandbox.None {
		t.Skip(box.Why)
	}
	cloud := &stuckCloud{}
	web := httptest.NewServer(cloud)
	defer web.Close()
	flags := []string{"--engine", engines[0].Path, "--provider-mirror", cli.FakeProviderMirror(t), "--run-allow", strings.TrimPrefix(web.URL, "http://"), "--scans", "2"}
	h := &host{Server: process.Start(t, t.TempDir(), append(flags, "--workers", "1")...)}
	h.token = h.AdminToken()
	h.must("POST", "/api/v2/organizations", `{"data":{"type":"organizations","attributes":{"name":"acme","email":"a@example.com"}}}`)
	pool := h.must("POST", "/api/v2/organizations/acme/agent-pools", `{"data":{"type":"agent-pools","attributes":{"name":"p"}}}`)["id"].(string)
	token := attributes(h.must("POST", "/api/v2/agent-pools/"+pool+"/authentication-tokens", `{"data":{"type":"authentication-tokens","attributes":{"description":"a"}}}`))["token"].(string)
	h.Agent(token, append(flags, "--concurrency", "1")...)
	for place, settings := range map[string]string{"server": "", "agent": fmt.Sprintf(`,"execution-mode":"agent","agent-pool-id":%q`, pool)} {
		sc := &scene{host: h, t: t, engine: engines[0], name: place}
		ids := sc.drifters(settings, web.URL)
		stuck := make(chan struct{})
		cloud.stuck.Store(&stuck)
		sc.fill(ids)
		run := sc.create(place+"-run", `,"auto-apply":true`+settings)
		sc.start(run, `resource "terraform_data" "a" {}`)
		sc.await(place+"-run", "applied")
		if got := sc.looking(ids); got != "running running queued" {
			t.Errorf("on the %s: when the run has applied, the scans are %s, want both slots taken and one waiting", place, got)
		}
		close(stuck)
		eventually(t, func() bool { return sc.looking(ids) == "finished finished finished" }, func() string { return "the scans are " + sc.looking(ids) })
	}
}

// drifters are three workspaces with something in the cloud.
func (sc *scene) drifters(settings, cloud string) (ids []string) {
	sc.t.Helper()
	for i := range 3 {
		name := fmt.Sprintf("%s-%d", sc.name, i)
		id := sc.create(name, `,"auto-apply":true,"assessments-enabled":true`+settings)
		sc.must("POST", "/api/v2/workspaces/"+id+"/vars", fmt.Sprintf(`{"data":{"type":"vars","attributes":{"key":"FAKECLOUD","value":%q,"category":"env"}}}`, cloud))
		sc.start(id, "terraform {\n  required_providers { aws = { source = \"lab/aws\" } }\n}\nresource \"aws_instance\" \"web\" {\n  name = \""+name+"\"\n}\n")
		sc.await(name, "applied")
		ids = append(ids, id)
	}
	return ids
}

// fill lets workspaces be assessed until all slots are taken.
func (sc *scene) fill(ids []string) {
	sc.t.Helper()
	for i, want := range []string{"running", "running running", "running running queued"} {
		sc.must("POST", "/api/v2/workspaces/"+ids[i]+"/actions/assess", "")
		eventually(sc.t, func() bool { return sc.looking(ids[:i+1]) == want }, func() string { return "the scans are " + sc.looking(ids) + ", want " + want })
	}
}

// start uploads a configuration, which queues a run.
func (sc *scene) start(workspaceID, config string) {
	sc.t.Helper()
	v := sc.must("POST", "/api/v2/workspaces/"+workspaceID+"/configuration-versions", `{"data":{"type":"configuration-versions","attributes":{"auto-queue-runs":true}}}`)
	if status, b := sc.Do("PUT", attributes(v)["upload-url"].(string), "", bytes.NewReader(apptest.TarGz(sc.t, map[string]string{"main.tf": config}))); status != 200 {
		sc.t.Fatalf("upload = %d %s", status, b)
	}
}

// looking are the statuses of the last scans of workspaces.
func (sc *scene) looking(workspaceIDs []string) string {
	sc.t.Helper()
	var all []string
	for _, id := range workspaceIDs {
		scans := sc.list("/api/v2/workspaces/" + id + "/drift-scans")
		if len(scans) == 0 {
			all = append(all, "none")
			continue
		}
		all = append(all, fmt.Sprint(attributes(scans[0])["status"]))
	}
	return strings.Join(all, " ")
}

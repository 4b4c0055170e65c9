package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/apptest/cli"
	"plumbline.dev/plumbline/internal/executor/sandbox"
	"plumbline.dev/plumbline/internal/kernel/config"
)

// TestRunsInstallFromTheServersMirror: a run uses a provider of a registry that only the
// server reaches.
func TestRunsInstallFromTheServersMirror(t *testing.T) {
	engines := cli.Engines()
	if len(engines) == 0 || engines[0].Name != "tofu" {
		t.Skip("tofu is not here: run make engines")
	}
	if box := sandbox.Detect(t.Context(), sandbox.Options{}); box.Kind == sandbox.None {
		t.Skip(box.Why)
	}
	archive := nullArchive(t, "1.0.0")
	o := apptest.NewOrigin(t, apptest.NewSigner(t), func(string) []byte { return archive }, "1.0.0")
	s := apptest.Start(t, o.Mirrored, func(c *config.Server) {
		c.Workers, c.Engine, c.Registries = 1, []string{engines[0].Path}, []string{"registry.example.com"}
	})
	address, caFile := s.TLS()
	s.App.Router.PublicURL = address
	trust(t, s, caFile)
	org := s.Org("acme")
	for range 2 { // the second finds it where the first has put it, whatever has become of the registry
		id := s.Workspace(org, "", "ws-"+time.Now().Format("150405.000000"))
		text := strings.Replace(usesNull("https://registry.example.com", "1.0.0"), "/acme/null", "/example/null", 1)
		run := queued(t, s, org, id, map[string]string{"main.tf": text})
		if status, log := ended(t, s, org, run); status != "applied" {
			t.Fatalf("the run is %s:\n%s", status, log)
		}
		o.Stop()
	}
}

// trust makes the server tell its executors to trust the certificate in a file, as it does
// with one that it made itself.
func trust(t *testing.T, s *apptest.Server, caFile string) {
	t.Helper()
	pem, err := os.ReadFile(caFile)
	if err == nil {
		err = os.MkdirAll(filepath.Join(s.Dir, "tls"), 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(s.Dir, "tls", "ca.pem"), pem, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// queued uploads files to a workspace and makes a run that applies by itself.
func queued(t *testing.T, s *apptest.Server, org apptest.Org, workspaceID string, files map[string]string) (runID string) {
	t.Helper()
	r := s.Do("POST", "/api/v2/workspaces/"+workspaceID+"/configuration-versions", org.Owner.Token, `{"data":{"type":"configuration-versions","attributes":{"auto-queue-runs":false}}}`)
	upload, _ := attributes(r.JSON()["data"].(map[string]any))["upload-url"].(string)
	if r := s.Do("PUT", strings.TrimPrefix(upload, s.App.Router.PublicURL), "", apptest.TarGz(t, files)); r.Status != 200 {
		t.Fatalf("upload = %d %s", r.Status, r.Body)
	}
	r = s.Do("POST", "/api/v2/runs", org.Owner.Token, `{"data":{"type":"runs","attributes":{"auto-apply":true},"relationships":{"workspace":{"data":{"type":"workspaces","id":"`+workspaceID+`"}}}}}`)
	if r.Status != 201 {
		t.Fatalf("POST run = %d %s", r.Status, r.Body)
	}
	return r.JSON()["data"].(map[string]any)["id"].(string)
}

// ended waits for the end of a run and returns its status and the log of its plan.
func ended(t *testing.T, s *apptest.Server, org apptest.Org, runID string) (status, log string) {
	t.Helper()
	eventually(t, func() bool {
		data := s.Do("GET", "/api/v2/runs/"+runID, org.Owner.Token, nil).JSON()["data"].(map[string]any)
		status, _ = attributes(data)["status"].(string)
		return status == "applied" || status == "errored" || status == "planned_and_finished"
	}, func() string { return "the run is " + status })
	data := s.Do("GET", "/api/v2/runs/"+runID+"/plan", org.Owner.Token, nil).JSON()["data"].(map[string]any)
	address, _ := attributes(data)["log-read-url"].(string)
	return status, string(s.Do("GET", strings.TrimPrefix(address, s.App.Router.PublicURL)+"?offset=0&limit=100000", "", nil).Body)
}

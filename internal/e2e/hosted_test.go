package e2e

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/apptest/cli"
	"plumbline.dev/plumbline/internal/apptest/process"
	"plumbline.dev/plumbline/internal/executor/sandbox"
)

// hosted is a server as people run it, with the tofu of this machine and an organization
// "acme", and the window of the person who has set it up.
type hosted struct {
	*process.Server
	*Browser
	token  string
	engine cli.Engine
}

func newHosted(t testing.TB) *hosted {
	t.Helper()
	h := serve(t)
	h.Go(regexp.MustCompile(`/app/setup/[A-Za-z0-9]+`).FindString(string(h.Log())))
	h.account("ada")
	h.Fill("First organization", "acme")
	h.Click("Create the account")
	h.At("/app/acme/workspaces")
	h.token = h.AdminToken()
	return h
}

// serve starts the server as people run it, and nothing more.
func serve(t testing.TB, flags ...string) *hosted {
	t.Helper()
	engines := cli.Engines()
	if len(engines) == 0 || engines[0].Name != "tofu" {
		absent(t, "tofu is not here: run make engines")
	}
	if box := sandbox.Detect(t.Context(), sandbox.Options{}); box.Kind == sandbox.None {
		absent(t, box.Why)
	}
	s := process.StartTLS(t, t.TempDir(), append([]string{"--engine", engines[0].Path, "--workers", "2"}, flags...)...)
	h := &hosted{Server: s, Browser: Open(t, s.URL), engine: engines[0]}
	h.Allow("/favicon.ico") // of the pages of the login
	return h
}

// passphrase is the password of everybody.
const passphrase = "correct horse battery"

// account fills in the form of the page that the setup link leads to.
func (h *hosted) account(name string) {
	h.t.Helper()
	h.Fill("User name", name)
	h.Fill("Email address", name+"@example.com")
	h.Fill("Password", passphrase)
	h.Fill("Password again", passphrase)
}

// api calls the API and returns the data of the answer.
func (h *hosted) api(method, path, body string) map[string]any {
	h.t.Helper()
	status, b := h.Do(method, path, h.token, strings.NewReader(body))
	var doc struct{ Data map[string]any }
	if err := json.Unmarshal(b, &doc); status > 299 || (err != nil && len(b) > 0) {
		h.t.Fatalf("%s %s = %d %s", method, path, status, b)
	}
	return doc.Data
}

// shell is a folder with a configuration of a workspace.
func (h *hosted) shell(workspace, config string) *cli.Shell {
	h.t.Helper()
	sh := cli.NewShell(h.t, h.engine, h.URL, h.CA(), h.token)
	sh.Write("cloud.tf", fmt.Sprintf("terraform {\n  cloud {\n    hostname     = %q\n    organization = \"acme\"\n    workspaces {\n      name = %q\n    }\n  }\n}\n", cli.Host(h.URL), workspace))
	sh.Write("main.tf", config)
	sh.Run("init")
	return sh
}

// workspace makes a workspace with a configuration and returns its id.
func (h *hosted) workspace(name, config string) string {
	h.t.Helper()
	id := h.api("POST", "/api/v2/organizations/acme/workspaces", fmt.Sprintf(`{"data":{"type":"workspaces","attributes":{"name":%q}}}`, name))["id"].(string)
	v := h.api("POST", "/api/v2/workspaces/"+id+"/configuration-versions", `{"data":{"type":"configuration-versions","attributes":{"auto-queue-runs":false}}}`)
	url := v["attributes"].(map[string]any)["upload-url"].(string)
	status, b := h.Do("PUT", strings.TrimPrefix(url, h.URL), "", strings.NewReader(string(apptest.TarGz(h.t, map[string]string{"main.tf": config}))))
	if status != 200 {
		h.t.Fatalf("PUT configuration = %d %s", status, b)
	}
	return id
}

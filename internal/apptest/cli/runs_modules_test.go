package cli_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/apptest/cli"
)

// TestRunsWarnOfModules: who uses a version that is deprecated or revoked reads it in the
// output of plans, as it is said by the command line and as it is logged.
func TestRunsWarnOfModules(t *testing.T) {
	remotely(t, map[string]func(*scene){"deprecated and revoked": deprecatedAndRevoked})
}

func deprecatedAndRevoked(sc *scene) {
	module := "said-" + sc.engine.Name
	const registry = "/api/v2/organizations/acme/registry-modules"
	sc.must("POST", registry, fmt.Sprintf(`{"data":{"type":"registry-modules","attributes":{"name":%q,"provider":"local"}}}`, module))
	versions := registry + "/private/acme/" + module + "/local/versions"
	made := sc.must("POST", versions, `{"data":{"type":"registry-module-versions","attributes":{"version":"1.0.0"}}}`)
	upload := made["links"].(map[string]any)["upload"].(string)
	if status, b := sc.Do("PUT", upload, "", bytes.NewReader(apptest.TarGz(sc.t, map[string]string{"main.tf": "output \"word\" {\n  value = \"hello\"\n}\n"}))); status != 200 {
		sc.t.Fatalf("uploading the module = %d %s", status, b)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for attributes(sc.must("GET", registry+"/private/acme/"+module+"/local", ""))["status"] != "setup_complete" {
		select {
		case <-tick.C:
		case <-sc.t.Context().Done():
			return
		}
	}
	change := func(attributes string) {
		sc.must("PATCH", registry+"/private/acme/"+module+"/local/1.0.0", `{"data":{"type":"module-versions","attributes":`+attributes+`}}`)
	}
	sh := sc.shell(fmt.Sprintf("module \"it\" {\n  source  = %q\n  version = \"1.0.0\"\n}\noutput \"word\" {\n  value = module.it.word\n}\n", cli.Host(sc.URL)+"/acme/"+module+"/local"))
	says := func(want string, not ...string) {
		sc.t.Helper()
		out := strings.Join(strings.Fields(strings.ReplaceAll(sh.Run("plan"), "│", "")), " ") // lines of warnings are broken
		if !strings.Contains(out, want) {
			sc.t.Errorf("plan does not say %q:\n%s", want, out)
		}
		for _, words := range not {
			if strings.Contains(out, words) {
				sc.t.Errorf("plan says %q:\n%s", words, out)
			}
		}
	}
	says("hello", "Deprecated module", "Revoked module")
	change(`{"deprecation":{"deprecated-status":"Deprecated","reason":"Too loud.","link":"https://example.com/loud"}}`)
	says("Deprecated module version", "Revoked module")
	says("Too loud. https://example.com/loud")
	change(`{"revocation":{"status":"Revoked","message":"It shouts."}}`)
	says("Revoked module version", "Deprecated module")
	says("It shouts.")
	change(`{"revocation":{"status":"Unrevoked"}}`)
	change(`{"deprecation":{"deprecated-status":"Undeprecated"}}`)
	says("hello", "Deprecated module", "Revoked module")
}

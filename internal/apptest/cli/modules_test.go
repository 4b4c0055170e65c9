package cli_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/apptest/cli"
)

// publish adds a version of the module acme/greeting/local, whose output is the version.
func (st *stage) publish(version string) {
	st.T.Helper()
	const base = "/api/v2/organizations/acme/registry-modules"
	if r := st.Do("POST", base, st.org.Owner.Token, `{"data":{"type":"registry-modules","attributes":{"name":"greeting","provider":"local"}}}`); r.Status != 201 && r.Status != 422 {
		st.T.Fatalf("creating the module = %d %s", r.Status, r.Body)
	}
	r := st.Do("POST", base+"/private/acme/greeting/local/versions", st.org.Owner.Token, fmt.Sprintf(`{"data":{"type":"registry-module-versions","attributes":{"version":%q}}}`, version))
	if r.Status != 201 {
		st.T.Fatalf("creating version %s = %d %s", version, r.Status, r.Body)
	}
	upload := r.JSON()["data"].(map[string]any)["links"].(map[string]any)["upload"].(string)
	body := apptest.TarGz(st.T, map[string]string{
		"main.tf":           fmt.Sprintf("variable \"word\" {\n  default = \"hello\"\n}\noutput \"version\" {\n  value = \"${var.word} %s\"\n}\n", version),
		"modules/b/main.tf": fmt.Sprintf("output \"version\" {\n  value = \"submodule %s\"\n}\n", version),
	})
	if r := st.Do("PUT", upload, "", body); r.Status != 200 {
		st.T.Fatalf("uploading version %s = %d %s", version, r.Status, r.Body)
	}
	st.Settle()
}

// manage changes the status of a version of the module.
func (st *stage) manage(version, attributes string) {
	st.T.Helper()
	r := st.Do("PATCH", "/api/v2/organizations/acme/registry-modules/private/acme/greeting/local/"+version, st.org.Owner.Token,
		`{"data":{"type":"module-versions","attributes":`+attributes+`}}`)
	if r.Status != 200 {
		st.T.Fatalf("PATCH of version %s = %d %s", version, r.Status, r.Body)
	}
}

// using is a configuration that installs the module and its submodule.
func (st *stage) using(constraint string) string {
	source := cli.Host(st.address) + "/acme/greeting/local"
	return fmt.Sprintf(`
module "greeting" {
  source  = %q
  version = %q
}
module "part" {
  source  = "%s//modules/b"
  version = %[2]q
}
output "said" {
  value = "${module.greeting.version}, ${module.part.version}"
}
`, source, constraint, source)
}

// TestModulesInstallByConstraint publishes, installs, upgrades and revokes.
func TestModulesInstallByConstraint(t *testing.T) {
	each(t, func(t *testing.T, st *stage, e cli.Engine) {
		st.publish("1.0.0")
		st.publish("1.1.0")
		st.publish("2.0.0")
		sh := st.shell(t, e, st.org.Owner.Token)
		says := func(want string) {
			t.Helper()
			sh.Run("apply", "-auto-approve")
			if out := sh.Run("output", "-raw", "said"); strings.TrimSpace(out) != want {
				t.Errorf("output = %q, want %q", out, want)
			}
		}
		sh.Write("main.tf", st.using("~> 1.0"))
		sh.Run("init")
		says("hello 1.1.0, submodule 1.1.0")

		st.publish("1.2.0")
		sh.Run("init")
		says("hello 1.1.0, submodule 1.1.0") // what is installed fits
		sh.Run("init", "-upgrade")
		says("hello 1.2.0, submodule 1.2.0")
		sh.Write("main.tf", st.using("2.0.0"))
		sh.Run("init")
		says("hello 2.0.0, submodule 2.0.0")

		st.manage("2.0.0", `{"deprecation":{"deprecated-status":"Deprecated","reason":"Too loud."}}`)
		fresh := st.shell(t, e, st.Member(st.org, "new").Token)
		fresh.Write("main.tf", st.using("2.0.0"))
		fresh.Run("init") // deprecated, and yet to be had
		st.manage("2.0.0", `{"revocation":{"status":"Revoked","message":"It shouts at night.","link":"https://example.com/why"}}`)
		sh.In("").Write("main.tf", "")
		again := sh.In("")
		again.Write("main.tf", st.using("2.0.0"))
		again.Run("init") // who has installed it keeps it
		newcomer := st.shell(t, e, st.Member(st.org, "newer").Token)
		newcomer.Write("main.tf", st.using("2.0.0"))
		newcomer.Fail("has been revoked and cannot be installed by new users. It shouts at night. See https://example.com/why", "init")
	})
}

// TestModulesThatCannotBeInstalledSayWhy goes through what goes wrong for people.
func TestModulesThatCannotBeInstalledSayWhy(t *testing.T) {
	each(t, func(t *testing.T, st *stage, e cli.Engine) {
		st.publish("1.0.0")
		in := func(token, constraint string) *cli.Shell {
			sh := st.shell(t, e, token)
			sh.Write("main.tf", st.using(constraint))
			return sh
		}
		in("", "1.0.0").Fail("401 Unauthorized", "init")
		in(st.Org("strange").Owner.Token, "1.0.0").Fail("cannot be found", "init")
		in(st.org.Owner.Token, "~> 3.0").Fail("matches the given version constraint", "init")
	})
}

// TestAModuleThatWasTamperedWithIsRefused puts itself between the command line and the
// server and changes the archive.
func TestAModuleThatWasTamperedWithIsRefused(t *testing.T) {
	each(t, func(t *testing.T, st *stage, e cli.Engine) {
		st.publish("1.0.0")
		evil := apptest.TarGz(t, map[string]string{"main.tf": `output "version" { value = "evil" }`, "modules/b/main.tf": `output "version" { value = "evil" }`})
		inner := st.App.Handler()
		address, caFile := st.Behind(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if u, err := url.Parse(req.RequestURI); err == nil && strings.HasPrefix(u.Path, "/_archivist/") {
				_, _ = w.Write(evil)
				return
			}
			inner.ServeHTTP(w, req)
		}))
		st.address, st.caFile = address, caFile
		sh := st.shell(t, e, st.org.Owner.Token)
		sh.Write("main.tf", st.using("1.0.0"))
		sh.Fail("Checksums did not match", "init")
	})
}

package cli_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/apptest/cli"
)

// stage is a server with an organization whose workspaces run locally, as the
// command lines under test reach it.
type stage struct {
	*apptest.Server
	org     apptest.Org
	address string
	caFile  string
}

// each runs fn for every engine on this machine.
func each(t *testing.T, fn func(t *testing.T, st *stage, e cli.Engine)) {
	t.Helper()
	engines := cli.Engines()
	if len(engines) == 0 {
		t.Skip("neither tofu nor terraform is here: run make engines")
	}
	for _, e := range engines {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			s := apptest.Start(t)
			st := &stage{Server: s, org: s.Org("acme")}
			st.address, st.caFile = s.TLS()
			r := s.Do("PATCH", "/api/v2/organizations/acme", st.org.Owner.Token,
				`{"data":{"type":"organizations","attributes":{"default-execution-mode":"local"}}}`)
			if r.Status != 200 {
				t.Fatalf("setting the default execution mode = %d %s", r.Status, r.Body)
			}
			fn(t, st, e)
		})
	}
}

func (st *stage) shell(t *testing.T, e cli.Engine, token string) *cli.Shell {
	t.Helper()
	return cli.NewShell(t, e, st.address, st.caFile, token)
}

// cloud is a cloud block; workspaces is what it says of them.
func (st *stage) cloud(workspaces string) string {
	return fmt.Sprintf("terraform {\n  cloud {\n    hostname     = %q\n    organization = \"acme\"\n    workspaces {\n      %s\n    }\n  }\n}\n", cli.Host(st.address), workspaces)
}

// remote is the older backend.
func (st *stage) remote(workspaces string) string {
	return fmt.Sprintf("terraform {\n  backend \"remote\" {\n    hostname     = %q\n    organization = \"acme\"\n    workspaces {\n      %s\n    }\n  }\n}\n", cli.Host(st.address), workspaces)
}

const resources = `
variable "word" { default = "one" }
resource "terraform_data" "a" { input = var.word }
resource "terraform_data" "b" { input = "fixed" }
output "word" { value = terraform_data.a.output }
output "list" { value = ["x", 1, true] }
output "password" {
  value     = "hunter2-${var.word}"
  sensitive = true
}
`

// attributes reads a workspace as the API shows it.
func (st *stage) attributes(name string) map[string]any {
	r := st.Do("GET", "/api/v2/organizations/acme/workspaces/"+name, st.org.Owner.Token, nil)
	data, _ := r.JSON()["data"].(map[string]any)
	a, _ := data["attributes"].(map[string]any)
	if a == nil {
		st.T.Fatalf("workspace %s = %d %s", name, r.Status, r.Body)
	}
	a["id"] = data["id"]
	return a
}

func (st *stage) names() []string {
	r := st.Do("GET", "/api/v2/organizations/acme/workspaces?page[size]=100", st.org.Owner.Token, nil)
	var out []string
	for _, w := range r.JSON()["data"].([]any) {
		out = append(out, w.(map[string]any)["attributes"].(map[string]any)["name"].(string))
	}
	slices.Sort(out)
	return out
}

// TestStateLivesOnTheServer goes through the daily work with one workspace, with
// the cloud block and with the remote backend.
func TestStateLivesOnTheServer(t *testing.T) {
	each(t, func(t *testing.T, st *stage, e cli.Engine) {
		for name, block := range map[string]string{"cloud-app": st.cloud(`name = "cloud-app"`), "remote-app": st.remote(`name = "remote-app"`)} {
			t.Run(name, func(t *testing.T) {
				sh := st.shell(t, e, st.org.Owner.Token)
				sh.Write("main.tf", block+resources)
				sh.Run("init")
				if mode := st.attributes(name)["execution-mode"]; mode != "local" {
					t.Fatalf("execution mode of the created workspace = %v, want local", mode)
				}
				if out := sh.Run("plan"); !strings.Contains(out, "2 to add") {
					t.Errorf("plan says %s", out)
				}
				sh.Run("apply", "-auto-approve")
				daily(t, sh)
				surgery(t, sh)
				if _, err := os.Stat(filepath.Join(sh.Dir, "terraform.tfstate")); err == nil {
					t.Error("a state was left in the folder")
				}
				if st.attributes(name)["locked"] != false {
					t.Error("the workspace is still locked")
				}
				sh.Run("destroy", "-auto-approve")
				if out := sh.Run("state", "list"); strings.TrimSpace(out) != "" {
					t.Errorf("state list after destroy = %q", out)
				}
			})
		}
	})
}

func daily(t *testing.T, sh *cli.Shell) {
	t.Helper()
	var outputs map[string]struct {
		Value     any
		Sensitive bool
	}
	if err := json.Unmarshal([]byte(sh.Run("output", "-json")), &outputs); err != nil {
		t.Fatal(err)
	}
	if outputs["word"].Value != "one" || outputs["password"].Value != "hunter2-one" || !outputs["password"].Sensitive {
		t.Errorf("outputs = %+v", outputs)
	}
	if out := sh.Run("output"); strings.Contains(out, "hunter2") {
		t.Errorf("output shows a sensitive value: %s", out)
	}
	if out := sh.Run("output", "-raw", "password"); out != "hunter2-one" {
		t.Errorf("output -raw password = %q", out)
	}
	sh.Run("apply", "-auto-approve", "-var", "word=two")
	if out := sh.Run("output", "-raw", "word"); out != "two" {
		t.Errorf("output word after the second apply = %q", out)
	}
	if out, err := sh.Try("", "plan", "-detailed-exitcode", "-var", "word=two"); err != nil {
		t.Errorf("plan after apply finds changes: %v %s", err, out)
	}
	if out := sh.Run("show", "-no-color"); !strings.Contains(out, "terraform_data.b") {
		t.Errorf("show = %s", out)
	}
	if out := sh.Run("refresh", "-var", "word=two"); !strings.Contains(out, "word = \"two\"") {
		t.Errorf("refresh says %s", out)
	}
}

// surgery moves, removes, imports, taints, pulls and pushes.
func surgery(t *testing.T, sh *cli.Shell) {
	t.Helper()
	sh.Run("state", "mv", "terraform_data.b", "terraform_data.c")
	sh.Run("state", "rm", "terraform_data.a")
	if out := strings.Fields(sh.Run("state", "list")); !slices.Equal(out, []string{"terraform_data.c"}) {
		t.Errorf("state list after mv and rm = %v", out)
	}
	sh.Run("state", "mv", "terraform_data.c", "terraform_data.b")
	sh.Run("import", "terraform_data.a", "an-id")
	if out := sh.Run("state", "show", "terraform_data.a"); !strings.Contains(out, "an-id") {
		t.Errorf("state show after import = %s", out)
	}
	sh.Run("taint", "terraform_data.b")
	if out := sh.Run("plan"); !strings.Contains(out, "is tainted") {
		t.Errorf("plan after taint says %s", out)
	}
	sh.Run("untaint", "terraform_data.b")

	pulled := sh.Run("state", "pull")
	var state struct {
		Serial  int64
		Lineage string
	}
	if err := json.Unmarshal([]byte(pulled), &state); err != nil {
		t.Fatal(err)
	}
	renumbered := func(by int64) string {
		return strings.Replace(pulled, fmt.Sprintf(`"serial": %d`, state.Serial), fmt.Sprintf(`"serial": %d`, state.Serial+by), 1)
	}
	sh.Write("newer.json", renumbered(5))
	sh.Run("state", "push", "newer.json")
	if diff := cmp.Diff(serialless(renumbered(5)), serialless(sh.Run("state", "pull"))); diff != "" {
		t.Errorf("state pull after push differs: %s", diff)
	}
	sh.Write("older.json", strings.ReplaceAll(pulled, "an-id", "another-id"))
	sh.Fail("serial", "state", "push", "older.json")
	sh.Write("strange.json", strings.Replace(renumbered(50), state.Lineage, "11111111-2222-3333-4444-555555555555", 1))
	sh.Fail("lineage", "state", "push", "strange.json")
	// With the cloud block, the command lines lose -force on the way to the server.
	if strings.Contains(sh.Read("main.tf"), `backend "remote"`) {
		sh.Run("state", "push", "-force", "strange.json")
		sh.Write("back.json", renumbered(60))
		sh.Run("state", "push", "-force", "back.json")
	}
}

// serialless is a state without its serial: some command lines count one up when they
// push.
func serialless(state string) string {
	return regexp.MustCompile(`"serial": \d+`).ReplaceAllString(state, "")
}

func TestWorkspacesAreMadeListedSelectedAndDeleted(t *testing.T) {
	each(t, func(t *testing.T, st *stage, e cli.Engine) {
		t.Run("cloud by tags", func(t *testing.T) {
			sh := st.shell(t, e, st.org.Owner.Token)
			sh.Write("main.tf", st.cloud(`tags = ["web", "prod"]`)+resources)
			if out, err := sh.Try("web-eu\n", "init"); err != nil {
				t.Fatalf("init: %v\n%s", err, out)
			}
			sh.Run("workspace", "new", "web-us")
			if out := sh.Run("workspace", "list"); !strings.Contains(out, "* web-us") || !strings.Contains(out, "web-eu") {
				t.Errorf("workspace list = %s", out)
			}
			sh.Run("apply", "-auto-approve")
			sh.Run("workspace", "select", "web-eu")
			if out := strings.TrimSpace(sh.Run("workspace", "show")); out != "web-eu" {
				t.Errorf("workspace show = %q", out)
			}
			sh.Fail("No state file was found", "state", "list")
			sh.Fail("", "workspace", "delete", "web-us") // it manages resources
			sh.Run("workspace", "delete", "-force", "web-us")
			if names := st.names(); slices.Contains(names, "web-us") || !slices.Contains(names, "web-eu") {
				t.Errorf("workspaces = %v, want web-us gone", names)
			}
			tags, _ := st.attributes("web-eu")["tag-names"].([]any)
			if len(tags) != 2 {
				t.Errorf("tags of web-eu = %v, want web and prod", tags)
			}
		})
		t.Run("cloud in a project", func(t *testing.T) {
			r := st.Do("POST", "/api/v2/organizations/acme/projects", st.org.Owner.Token, `{"data":{"type":"projects","attributes":{"name":"Payments"}}}`)
			if r.Status != 201 {
				t.Fatalf("creating a project = %d %s", r.Status, r.Body)
			}
			sh := st.shell(t, e, st.org.Owner.Token)
			sh.Write("main.tf", st.cloud("name = \"in-project\"\n      project = \"Payments\"")+resources)
			sh.Run("init")
			w := st.Do("GET", "/api/v2/organizations/acme/workspaces/in-project?include=project", st.org.Owner.Token, nil)
			if !strings.Contains(string(w.Body), `"Payments"`) {
				t.Errorf("the workspace is not in the project: %s", w.Body)
			}
		})
		t.Run("remote by prefix", func(t *testing.T) {
			sh := st.shell(t, e, st.org.Owner.Token)
			sh.Write("main.tf", st.remote(`prefix = "net-"`)+resources)
			if out, err := sh.Try("dev\n", "init"); err != nil && !strings.Contains(out, "No existing workspaces") {
				t.Fatalf("init: %v\n%s", err, out)
			}
			sh.Run("workspace", "new", "dev")
			sh.Run("apply", "-auto-approve")
			sh.Run("workspace", "new", "qa")
			sh.Run("workspace", "select", "dev")
			if out := sh.Run("workspace", "list"); !strings.Contains(out, "* dev") || !strings.Contains(out, "qa") {
				t.Errorf("workspace list = %s", out)
			}
			sh.Run("workspace", "delete", "qa")
			if names := st.names(); !slices.Contains(names, "net-dev") || slices.Contains(names, "net-qa") {
				t.Errorf("workspaces = %v, want net-dev and no net-qa", names)
			}
		})
	})
}

func TestLocks(t *testing.T) {
	each(t, func(t *testing.T, st *stage, e cli.Engine) {
		first := st.shell(t, e, st.org.Owner.Token)
		first.Write("main.tf", st.cloud(`name = "race"`)+`
resource "terraform_data" "slow" {
  provisioner "local-exec" {
    command = "touch started; while [ ! -e go-on ]; do sleep 0.1; done"
  }
}`)
		first.Run("init")
		second := st.shell(t, e, st.org.Owner.Token)
		second.Write("main.tf", st.cloud(`name = "race"`)+"resource \"terraform_data\" \"slow\" {}\n")
		second.Run("init")

		slow := first.Command(t.Context(), "", "apply", "-auto-approve")
		var out strings.Builder
		slow.Stdout, slow.Stderr = &out, &out
		if err := slow.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, filepath.Join(first.Dir, "started"))
		second.Fail("locked", "apply", "-auto-approve")
		if a := st.attributes("race"); a["locked"] != true {
			t.Error("the workspace is not locked while a command line applies")
		}
		first.Write("go-on", "")
		if err := slow.Wait(); err != nil {
			t.Fatalf("the first apply failed: %v\n%s", err, out.String())
		}
		second.Run("apply", "-auto-approve")

		t.Run("force-unlock", func(t *testing.T) {
			id := st.attributes("race")["id"].(string)
			if r := st.Do("POST", "/api/v2/workspaces/"+id+"/actions/lock", st.org.Owner.Token, `{"reason":"maintenance"}`); r.Status != 200 {
				t.Fatalf("lock = %d %s", r.Status, r.Body)
			}
			second.Fail("locked", "apply", "-auto-approve")
			if out, err := second.Try("yes\n", "force-unlock", "acme/race"); err != nil {
				t.Fatalf("force-unlock: %v\n%s", err, out)
			}
			second.Run("apply", "-auto-approve")
		})
	})
}

func TestStateMovesInAndOut(t *testing.T) {
	each(t, func(t *testing.T, st *stage, e cli.Engine) {
		sh := st.shell(t, e, st.org.Owner.Token)
		sh.Write("main.tf", resources)
		sh.Run("init")
		sh.Run("apply", "-auto-approve")
		before := strings.TrimSpace(sh.Run("output", "-json"))

		sh.Write("backend.tf", st.remote(`name = "moved"`))
		if out, err := sh.Try("yes\n", "init", "-migrate-state"); err != nil {
			t.Fatalf("init -migrate-state: %v\n%s", err, out)
		}
		if got := strings.TrimSpace(sh.Run("output", "-json")); got != before {
			t.Errorf("outputs on the server = %s, want %s", got, before)
		}
		if count := len(strings.Fields(sh.Run("state", "list"))); count != 2 {
			t.Errorf("%d resources on the server, want 2", count)
		}

		sh.Write("backend.tf", st.cloud(`name = "moved"`))
		if out, err := sh.Try("yes\n", "init"); err != nil {
			t.Fatalf("init from remote to cloud: %v\n%s", err, out)
		}
		sh.Run("plan", "-detailed-exitcode")

		// The cloud block has no way out but by the remote backend, from a fresh folder.
		if err := os.RemoveAll(filepath.Join(sh.Dir, ".terraform")); err != nil {
			t.Fatal(err)
		}
		sh.Write("backend.tf", st.remote(`name = "moved"`))
		sh.Run("init")
		if err := os.Remove(filepath.Join(sh.Dir, "backend.tf")); err != nil {
			t.Fatal(err)
		}
		if out, err := sh.Try("yes\n", "init", "-migrate-state"); err != nil {
			t.Fatalf("init -migrate-state back to the folder: %v\n%s", err, out)
		}
		if got := strings.TrimSpace(sh.Run("output", "-json")); got != before || !strings.Contains(sh.Read("terraform.tfstate"), "hunter2") {
			t.Errorf("outputs in the folder = %s, want %s", got, before)
		}

		fresh := sh.In("")
		fresh.Write("main.tf", resources)
		fresh.Run("init")
		fresh.Run("apply", "-auto-approve", "-var", "word=three")
		fresh.Write("backend.tf", st.cloud(`name = "moved-by-cloud"`))
		if out, err := fresh.Try("yes\n", "init"); err != nil {
			t.Fatalf("init with a cloud block on a local state: %v\n%s", err, out)
		}
		if out := fresh.Run("output", "-raw", "word"); out != "three" {
			t.Errorf("output after the migration = %q", out)
		}
	})
}

// TestRemoteStateIsShared: people read what they may read; the token of a run reads
// the states that are shared with its workspace.
func TestRemoteStateIsShared(t *testing.T) {
	each(t, func(t *testing.T, st *stage, e cli.Engine) {
		producer := st.shell(t, e, st.org.Owner.Token)
		producer.Write("main.tf", st.cloud(`name = "producer"`)+resources)
		producer.Run("init")
		producer.Run("apply", "-auto-approve")
		consumer := st.shell(t, e, st.org.Owner.Token)
		consumer.Write("main.tf", st.cloud(`name = "consumer"`))
		consumer.Run("init")

		reading := fmt.Sprintf("data \"terraform_remote_state\" \"p\" {\n  backend = \"remote\"\n  config = {\n    hostname     = %q\n    organization = \"acme\"\n    workspaces   = { name = \"producer\" }\n  }\n}\noutput \"got\" { value = data.terraform_remote_state.p.outputs.word }\n", cli.Host(st.address))
		read := func(token string) *cli.Shell {
			sh := st.shell(t, e, token)
			sh.Write("main.tf", reading)
			sh.Run("init")
			return sh
		}
		if sh := read(st.org.Owner.Token); !strings.Contains(sh.Run("apply", "-auto-approve"), `got = "one"`) {
			t.Error("the owner cannot read the remote state")
		}
		read(st.Member(st.org, "nobody").Token).Fail("", "apply", "-auto-approve")

		ids := map[string]string{"producer": st.attributes("producer")["id"].(string), "consumer": st.attributes("consumer")["id"].(string)}
		run := st.runToken(ids["consumer"])
		read(run).Fail("", "apply", "-auto-approve")
		share := `{"data":[{"type":"workspaces","id":"` + ids["consumer"] + `"}]}`
		if r := st.Do("POST", "/api/v2/workspaces/"+ids["producer"]+"/relationships/remote-state-consumers", st.org.Owner.Token, share); r.Status != 204 {
			t.Fatalf("adding a consumer = %d %s", r.Status, r.Body)
		}
		if sh := read(run); !strings.Contains(sh.Run("apply", "-auto-approve"), `got = "one"`) {
			t.Error("a consumer cannot read the remote state")
		}
		if r := st.Do("DELETE", "/api/v2/workspaces/"+ids["producer"]+"/relationships/remote-state-consumers", st.org.Owner.Token, share); r.Status != 204 {
			t.Fatalf("removing a consumer = %d %s", r.Status, r.Body)
		}
		read(run).Fail("", "apply", "-auto-approve")
		global := `{"data":{"type":"workspaces","attributes":{"global-remote-state":true}}}`
		if r := st.Do("PATCH", "/api/v2/workspaces/"+ids["producer"], st.org.Owner.Token, global); r.Status != 200 {
			t.Fatalf("sharing with all = %d %s", r.Status, r.Body)
		}
		if sh := read(run); !strings.Contains(sh.Run("apply", "-auto-approve"), `got = "one"`) {
			t.Error("a workspace of the organization cannot read a state that is shared with all")
		}
	})
}

package cli_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/apptest/cli"
	"plumbline.dev/plumbline/internal/executor/engine"
	"plumbline.dev/plumbline/internal/executor/sandbox"
	"plumbline.dev/plumbline/internal/kernel/config"
)

// version is that of a binary.
func version(t *testing.T, e cli.Engine) string {
	t.Helper()
	found, err := engine.Identify(t.Context(), e.Path)
	if err != nil {
		t.Fatal(err)
	}
	return found.Version
}

// enginesOfFolders are folders of a repository, and what looks at each: "tofu" and "terraform"
// stand for the versions that this machine has.
var enginesOfFolders = map[string]struct {
	files map[string]string
	tool  string // attributes of the schedule
	want  string // what its log says, or why it failed
}{
	"plain":     {map[string]string{"main.tf": `resource "terraform_data" "a" {}`}, "", "OpenTofu vTOFU"},
	"pinned":    {map[string]string{"main.tf": `resource "terraform_data" "a" {}`, ".terraform-version": "TERRAFORM\n"}, "", "Terraform vTERRAFORM"},
	"required":  {map[string]string{"main.tf": `terraform { required_version = "= TERRAFORM" }`}, "", "Terraform vTERRAFORM"},
	"dialect":   {map[string]string{"main.tofu": `terraform { required_version = ">= 1.6" }`}, "", "OpenTofu vTOFU"},
	"state":     {map[string]string{"main.tf": "# nothing", "terraform.tfstate": `{"version":4,"terraform_version":"TERRAFORM","serial":1,"lineage":"l","outputs":{},"resources":[{"mode":"managed","type":"null_resource","name":"a","provider":"provider[\"registry.terraform.io/hashicorp/null\"]","instances":[]}]}`}, "", "Terraform vTERRAFORM"},
	"explicit":  {map[string]string{"main.tf": `resource "terraform_data" "a" {}`, ".terraform-version": "TERRAFORM"}, `,"tool":"tofu"`, "OpenTofu vTOFU"},
	"overruled": {map[string]string{"main.tf": `resource "terraform_data" "a" {}`, ".terraform-version": "0.0.1"}, `,"tool":"terraform","tool-version":"TERRAFORM"`, "Terraform vTERRAFORM"},
	"absent": {map[string]string{"main.tf": "# nothing", ".terraform-version": "1.4.99"}, "",
		"Terraform 1.4.99 is not on this machine, and nothing is fetched as no mirror is set: no such version. Terraform is used only where the operator brings it: --engine, or --terraform-mirror (asked for by absent/.terraform-version)"},
	"torn": {map[string]string{"main.tf": `terraform { required_version = ">= 1.9" }`, ".opentofu-version": "1.8.0"}, "",
		"torn/.opentofu-version asks for the version 1.8.0, but torn/main.tf for >= 1.9."},
}

// TestScansUseTheEngineOfTheCode scans folders that ask for engines in every way, with real
// ones.
func TestScansUseTheEngineOfTheCode(t *testing.T) {
	engines := cli.Engines()
	if len(engines) < 2 {
		t.Skip("tofu and terraform are not both here: run make engines")
	}
	if box := sandbox.Detect(t.Context(), sandbox.Options{}); box.Kind == sandbox.None {
		t.Skip(box.Why)
	}
	versions := strings.NewReplacer("TOFU", version(t, engines[0]), "TERRAFORM", version(t, engines[1]))
	git := apptest.NewGitHost(t)
	files := map[string]string{}
	for folder, c := range enginesOfFolders {
		for name, text := range c.files {
			files[filepath.Join(folder, name)] = versions.Replace(text)
		}
	}
	git.Commit("acme/infra", "main", files)
	s := apptest.Start(t, func(c *config.Server) {
		c.Workers, c.Engine, c.WorkDir = 2, []string{engines[0].Path, engines[1].Path}, t.TempDir()
		c.Outbound = config.Outbound{Allow: []string{"127.0.0.0/8"}, HTTP: true}
	})
	org := s.Org("acme")
	post := func(path, body string) string {
		r := s.Do("POST", path, org.Owner.Token, body)
		data, _ := r.JSON()["data"].(map[string]any)
		id, _ := data["id"].(string)
		if scan, _ := r.JSON()["scan-id"].(string); scan != "" {
			id = scan
		}
		if r.Status > 299 || id == "" {
			t.Fatalf("POST %s = %d %s", path, r.Status, r.Body)
		}
		return id
	}
	repo := post("/api/v2/organizations/acme/drift-repositories", fmt.Sprintf(`{"data":{"type":"drift-repositories","attributes":{"url":%q,"type":"git"}}}`, git.Address("acme/infra")))
	scans := map[string]string{}
	for folder, c := range enginesOfFolders {
		schedule := post("/api/v2/organizations/acme/drift-schedules", fmt.Sprintf(`{"data":{"type":"drift-schedules","attributes":{"name":%q,"branch":"main","folders":[%q],"frequency":"off"%s},
			"relationships":{"repository":{"data":{"type":"drift-repositories","id":%q}}}}}`, folder, folder, versions.Replace(c.tool), repo))
		scans[folder] = post("/api/v2/drift-schedules/"+schedule+"/actions/scan", "")
	}
	for folder, c := range enginesOfFolders {
		var a map[string]any
		eventually(t, func() bool {
			data, _ := s.Do("GET", "/api/v2/drift-scans/"+scans[folder], org.Owner.Token, nil).JSON()["data"].(map[string]any)
			a = attributes(data)
			return a["status"] == "finished" || a["status"] == "errored"
		}, func() string { return fmt.Sprintf("the scan of %s is %v", folder, a) })
		s.Settle()
		said := string(s.Do("GET", "/api/v2/drift-scans/"+scans[folder]+"/log/events", org.Owner.Token, nil).Body)
		if want := versions.Replace(c.want); !strings.Contains(said, want) && a["error-message"] != want && a["error"] != want {
			t.Errorf("%s: the scan is %v, want %q; its log:\n%s", folder, a, want, tail([]byte(said), 1500))
		}
		if product := map[bool]string{true: "terraform", false: "tofu"}[strings.HasPrefix(c.want, "Terraform v")]; a["status"] == "finished" && (a["engine"] != product || a["engine-version"] == "") {
			t.Errorf("%s: the scan names %v %v, want %s", folder, a["engine"], a["engine-version"], product)
		}
	}
}

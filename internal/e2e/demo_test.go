package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// demo is an organization as it is after some months: people, workspaces with runs of all
// kinds, states, drift, a registry. params are what is shown where an address has a parameter.
type demo struct {
	*stage
	executor *apptest.Executor
	params   map[string]string
}

func newDemo(t *testing.T) *demo {
	t.Helper()
	return demoOn(newStage(t))
}

func demoOn(st *stage) *demo {
	st.T.Helper()
	d := &demo{st, nil, map[string]string{"$org": "acme"}}
	d.sql(`UPDATE users SET username = 'ada', username_lower = 'ada', email = 'ada@acme.example', email_lower = 'ada@acme.example', site_admin = TRUE WHERE id = ?`, d.org.Owner.ID)
	d.sql(`UPDATE organization_memberships SET email = 'ada@acme.example', email_lower = 'ada@acme.example' WHERE user_id = ?`, d.org.Owner.ID)
	d.org.Owner.Name = "ada"
	d.executor = st.Executor()
	d.people()
	others := d.workspaces()
	d.network()
	d.sharedThings()
	d.registry()
	d.drifts()
	for i, workspace := range others {
		d.happened(workspace, i)
	}
	d.earlier()
	d.recorded()
	return d
}

func (d *demo) sql(query string, args ...any) {
	d.T.Helper()
	if _, err := d.DB.Exec(d.T.Context(), query, args...); err != nil {
		d.T.Fatal(err)
	}
}

// id is what a query finds.
func (d *demo) id(query string, args ...any) string {
	d.T.Helper()
	id, err := db.One[string](d.T.Context(), d.DB, query, args...)
	if err != nil {
		d.T.Fatal(query, err)
	}
	return id
}

// made makes a resource and returns its id.
func (d *demo) made(path, kind, attributes string, more ...string) string {
	d.T.Helper()
	data := d.post(path, fmt.Sprintf(`{"data":{"type":%q,"attributes":%s%s}}`, kind, attributes, strings.Join(more, "")))
	id, _ := data["id"].(string)
	return id
}

const org = "/api/v2/organizations/acme/"

// people makes members, and teams with rights.
func (d *demo) people() {
	users := map[string]apptest.User{}
	for _, name := range []string{"grace", "margaret", "linus", "barbara", "edsger", "katherine", "alan"} {
		users[name] = d.Member(d.org, name)
	}
	for _, t := range []struct{ name, rights, members string }{
		{"platform", `"manage-workspaces":true,"manage-projects":true,"manage-modules":true,"manage-providers":true`, "grace margaret linus"},
		{"payments", `"read-projects":true`, "barbara edsger"},
		{"data", ``, "katherine"},
		{"security", `"read-workspaces":true,"manage-policies":true`, "alan margaret"},
	} {
		id := d.made(org+"teams", "teams", fmt.Sprintf(`{"name":%q,"organization-access":{%s}}`, t.name, t.rights))
		for name := range strings.FieldsSeq(t.members) {
			d.JoinTeam(id, users[name])
		}
		if t.name == "platform" {
			d.params["$team"] = id
		}
	}
	d.made(org+"organization-memberships", "organization-memberships", `{"email":"dennis@acme.example"}`)
}

// old are runs by what became of them, and how long ago; the rest of the workspaces have them in turn.
var old = []struct {
	status, message string
	hours           int
}{
	{"applied", "Raise the memory limit of the workers", 2}, {"applied", "Merge pull request #418: rotate the keys", 5},
	{"planned_and_finished", "Nightly check", 9}, {"errored", "Upgrade the provider to version 6", 11}, {"applied", "Add the staging certificate", 26},
	{"planned", "Move the database to the new subnet group", 1}, {"discarded", "Try a smaller instance", 30}, {"applied", "Budget alarms for all accounts", 49},
	{"canceled", "Rename the buckets", 52}, {"applied", "Terraform 1.15", 73}, {"planned_and_saved", "Saved for the maintenance window", 3}, {"canceled", "Replace the cluster", 120},
}

// workspaces makes the workspaces of all projects, and returns those that nothing else is
// told of.
func (d *demo) workspaces() (others []string) {
	n := 0
	for _, p := range []struct{ project, names string }{
		{"Platform", "dns certificates network-staging kubernetes-prod kubernetes-staging logging monitoring iam-baseline container-registry backup"},
		{"Payments", "payments-api-prod payments-api-staging ledger-prod ledger-staging fraud-detection card-vault"},
		{"Data", "warehouse lake-raw lake-curated streaming notebooks airflow"},
		{"Website", "website-prod website-staging cdn search images"},
	} {
		project := d.Project(d.org, p.project)
		for name := range strings.FieldsSeq(p.names) {
			id := d.Workspace(d.org, project, name)
			d.tagged(id, "aws", "", "env", map[bool]string{true: "prod", false: "staging"}[!strings.HasSuffix(name, "-staging")])
			d.sql(`UPDATE workspaces SET resource_count = ? WHERE id = ?`, 7+n*13%90, id)
			if n++; n%9 != 8 && !strings.Contains("kubernetes-prod payments-api-prod dns", name) {
				others = append(others, id)
			}
		}
		if p.project == "Platform" {
			d.params["$workspace"], d.params["$project"] = "network-prod", project
		}
	}
	return others
}

// tagged gives a workspace tags: keys, each with its value.
func (d *demo) tagged(workspace string, tags ...string) {
	d.T.Helper()
	var list []string
	for pair := range slices.Chunk(tags, 2) {
		list = append(list, fmt.Sprintf(`{"type":"tag-bindings","attributes":{"key":%q,"value":%q}}`, pair[0], pair[1]))
	}
	if r := d.Do("PATCH", "/api/v2/workspaces/"+workspace+"/tag-bindings", d.org.Owner.Token, `{"data":[`+strings.Join(list, ",")+`]}`); r.Status != 200 {
		d.T.Fatalf("tags = %d %s", r.Status, r.Body)
	}
}

// happened gives a workspace a run that was some time ago: like the first of network-prod,
// but for how it ended.
func (d *demo) happened(workspace string, n int) {
	o := old[n%len(old)]
	id := fmt.Sprintf("run-demo%012d", n)
	at := db.At(time.Now().Add(-time.Duration(o.hours)*time.Hour - time.Duration(n)*time.Minute))
	final := o.status != "planned" && o.status != "planned_and_saved"
	first, plan := d.id(`SELECT id FROM runs WHERE message = 'Build the network'`), fmt.Sprintf("plan-demo%012d", n)
	d.copied("runs", "id", first, map[string]any{"id": id, "plan_id": plan, "workspace_id": workspace, "status": o.status, "final": final, "message": o.message, "created_at": at, "updated_at": at, "status_times": "{}",
		"created_by": d.id(`SELECT id FROM users WHERE username = ?`, []string{"grace", "ada", "linus", "barbara"}[n%4])})
	changes := map[string]any{"id": plan, "run_id": id, "workspace_id": workspace, "additions": n % 4, "changes": 1 + n*7%5, "destructions": n % 3 / 2}
	switch o.status {
	case "errored":
		changes["status"] = "errored"
	case "planned_and_finished":
		changes["additions"], changes["changes"], changes["destructions"] = 0, 0, 0
	}
	d.copied("plans", "run_id", first, changes)
	d.sql(`UPDATE workspaces SET current_run_id = ?, latest_change_at = ? WHERE id = ?`, id, at, workspace)
}

// file is one of the files of testdata.
func (d *demo) file(name string) string {
	d.T.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		d.T.Fatal(err)
	}
	return string(b)
}

// network is the workspace that is looked at: it was applied, a plan waits for a person,
// and another run waits behind it.
func (d *demo) network() {
	ws := d.Workspace(d.org, d.params["$project"], "network-prod")
	d.tagged(ws, "aws", "", "env", "prod", "network", "", "owner", "platform")
	d.sql(`UPDATE workspaces SET description = 'The network of everything in production' WHERE id = ?`, ws)
	d.uploaded(ws)
	d.played(ws, "Build the network", proto.Counts{Add: 11}, 1)
	d.played(ws, "Replicas for the orders database", proto.Counts{Add: 1, Change: 2}, 2)
	run := d.queued(ws, "A third zone, and a larger orders database")
	d.params["$run"] = run
	d.plan(proto.Counts{Add: 3, Change: 2, Destroy: 2, Import: 1})
	d.queued(ws, "Tags by cost centre")
	for _, v := range []string{
		`{"key":"zones","value":"[\"eu-central-1a\", \"eu-central-1b\", \"eu-central-1c\"]","hcl":true,"category":"terraform","description":"Where there are private subnets."}`,
		`{"key":"cidr","value":"10.20.0.0/16","category":"terraform"}`,
		`{"key":"database_password","value":"correct-horse","category":"terraform","sensitive":true}`,
		`{"key":"AWS_REGION","value":"eu-central-1","category":"env"}`,
	} {
		d.made("/api/v2/workspaces/"+ws+"/vars", "vars", v)
	}
	d.give("platform", ws, "write")
	d.params["ws"] = ws
	for param, serial := range map[string]int{"$state": 2, "$from": 1} {
		d.params[param] = d.id(`SELECT id FROM state_versions WHERE workspace_id = ? AND serial = ?`, ws, serial)
	}
}

// plan plays the next plan.
func (d *demo) plan(counts proto.Counts) {
	var spec proto.Plan
	t := d.executor.Claim(proto.KindPlan, &spec)
	d.executor.Log(t, "OpenTofu v1.12.6 on linux_amd64\nmodule.vpc.aws_vpc.this: Refreshing state... [id=vpc-04c7b1]\n\nPlan: 3 to add, 2 to change, 2 to destroy.\n")
	d.executor.Put(t, proto.PlanFile, "plan")
	d.executor.Put(t, proto.PlanRedacted, d.file("plan.json"))
	d.executor.Finish(t, proto.Result{Outcome: proto.Finished}, proto.PlanResult{EngineVersion: "1.12.6", HasChanges: true, Counts: counts})
}

// played plays a run from its beginning to its end; it leaves a state with the serial.
func (d *demo) played(ws, message string, counts proto.Counts, serial int) {
	run := d.queued(ws, message)
	d.plan(counts)
	d.post("/api/v2/runs/"+run+"/actions/apply", `{"comment":"Agreed in the change meeting."}`)
	var spec proto.Apply
	t := d.executor.Claim(proto.KindApply, &spec)
	d.executor.Log(t, "aws_db_instance.orders: Modifying... [id=orders]\naws_db_instance.orders: Modifications complete after 41s [id=orders]\n\nApply complete!\n")
	state := strings.Replace(d.file("state.json"), `"serial": 1,`, fmt.Sprintf(`"serial": %d,`, serial), 1)
	if serial == 1 {
		state = strings.Replace(state, "db.r6g.large", "db.t4g.medium", 1)
	}
	d.executor.Put(t, proto.StateFinal, state)
	d.executor.Finish(t, proto.Result{Outcome: proto.Finished}, proto.ApplyResult{EngineVersion: "1.12.6", Applied: true, Counts: counts})
}

// sharedThings makes what workspaces share.
func (d *demo) sharedThings() {
	set := d.made(org+"varsets", "varsets", `{"name":"AWS production","description":"Credentials of the production accounts","global":true}`)
	d.params["$varset"] = set
	d.made("/api/v2/varsets/"+set+"/relationships/vars", "vars", `{"key":"AWS_ROLE_ARN","value":"arn:aws:iam::123456789012:role/deploy","category":"env"}`)
	d.made("/api/v2/varsets/"+set+"/relationships/vars", "vars", `{"key":"AWS_SECRET_ACCESS_KEY","value":"never-shown","category":"env","sensitive":true}`)
	d.made(org+"varsets", "varsets", `{"name":"Observability","description":"Where logs and metrics go"}`)
	pool := d.made(org+"agent-pools", "agent-pools", `{"name":"datacentre-frankfurt"}`)
	d.params["$pool"] = pool
	d.made("/api/v2/agent-pools/"+pool+"/authentication-tokens", "authentication-tokens", `{"description":"rack 7"}`)
	for _, kind := range []string{"", "?token=audit-trails"} {
		d.made(org+"authentication-token"+kind, "authentication-tokens", `{}`)
	}
	d.made("/api/v2/users/"+d.org.Owner.ID+"/authentication-tokens", "authentication-tokens", `{"description":"laptop"}`)
}

// registry publishes modules and a provider.
func (d *demo) registry() {
	for _, m := range []struct{ name, provider, versions string }{
		{"vpc", "aws", "3.0.0 3.1.0 3.2.1"}, {"postgres", "aws", "1.4.0"}, {"kubernetes", "aws", "2.0.0"}, {"static-site", "aws", "0.9.2"}, {"labels", "null", "1.0.0"},
	} {
		d.made(org+"registry-modules", "registry-modules", fmt.Sprintf(`{"name":%q,"provider":%q,"registry-name":"private","no-code":false}`, m.name, m.provider))
		one := org + "registry-modules/private/acme/" + m.name + "/" + m.provider
		for version := range strings.FieldsSeq(m.versions) {
			data := d.post(one+"/versions", fmt.Sprintf(`{"data":{"type":"registry-module-versions","attributes":{"version":%q}}}`, version))
			archive := apptest.TarGz(d.T, map[string]string{"README.md": d.file("module.md"), "main.tf": module, "modules/peering/main.tf": "variable \"peer\" { type = string }\n"})
			if r := d.Do("PUT", data["links"].(map[string]any)["upload"].(string), "", archive); r.Status != 200 {
				d.T.Fatalf("upload of %s %s = %d %s", m.name, version, r.Status, r.Body)
			}
		}
	}
	signer := apptest.NewSigner(d.T)
	d.AddKey(d.org, signer)
	for _, version := range []string{"1.0.0", "1.1.0"} {
		d.PublishProvider(d.org, signer, "inventory", version, map[string][]byte{"linux_amd64": apptest.ProviderZip(d.T, "terraform-provider-inventory", []byte("x")), "darwin_arm64": apptest.ProviderZip(d.T, "terraform-provider-inventory", []byte("y"))})
	}
	d.Settle()
	d.params["$registry"], d.params["$namespace"] = "private", "acme"
}

const module = `
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.0" }
  }
}
variable "cidr" {
  type        = string
  description = "The addresses of the network, such as 10.20.0.0/16."
}
variable "zones" {
  type        = list(string)
  description = "The zones that get a private subnet each."
}
variable "flow_logs" {
  type        = bool
  default     = true
  description = "Whether flow logs are kept."
}
resource "aws_vpc" "this" { cidr_block = var.cidr }
resource "aws_subnet" "private" {
  for_each = toset(var.zones)
  vpc_id   = aws_vpc.this.id
}
output "vpc_id" {
  value       = aws_vpc.this.id
  description = "The id of the network."
}
`

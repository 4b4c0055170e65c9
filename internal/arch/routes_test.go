package arch

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/assessments"
	"plumbline.dev/plumbline/internal/drift/findings"
	"plumbline.dev/plumbline/internal/drift/remedies"
	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// world is an organization with one of everything, and another one like it whose
// ids belong nowhere in the first.
type world struct {
	t      *testing.T
	s      *apptest.Server
	org    apptest.Org
	other  apptest.Org
	ids    map[string]string // path segment → id of an example in org
	alien  map[string]string // the same in other
	people map[string]string // role → token
	teams  map[string]string // role → team
	builds int               // organizations made to replace org
}

func newWorld(t *testing.T, s *apptest.Server) *world {
	t.Helper()
	w := &world{t: t, s: s, people: map[string]string{}, teams: map[string]string{}}
	w.org, w.other = s.Org("acme"), s.Org("other")
	w.ids, w.alien = w.furnish(w.org), w.furnish(w.other)
	return w
}

// A state with one output.
const (
	stateBase64 = "eyJ2ZXJzaW9uIjo0LCJ0ZXJyYWZvcm1fdmVyc2lvbiI6IjEuNS43Iiwic2VyaWFsIjoxLCJsaW5lYWdlIjoibCIsIm91dHB1dHMiOnsibyI6eyJ2YWx1ZSI6IngiLCJ0eXBlIjoic3RyaW5nIn19LCJyZXNvdXJjZXMiOltdfQ=="
	stateMD5    = "9696e75d1c9d32bc842e9b13a41ab893"
)

// furnish makes one of everything in an organization and returns the ids by the path
// segment that they follow.
func (w *world) furnish(o apptest.Org) map[string]string {
	as := func(method, path, body string) string { return w.as(o.Owner.Token, method, path, body) }
	base := "/api/v2/organizations/" + o.Name
	ids := map[string]string{"organizations": o.Name, "users": o.Owner.ID}
	ids["projects"] = as("POST", base+"/projects", `{"data":{"type":"projects","attributes":{"name":"Project"}}}`)
	ids["workspaces"] = as("POST", base+"/workspaces", fmt.Sprintf(`{"data":{"type":"workspaces","attributes":{"name":"app-%s"},"relationships":{"project":{"data":{"type":"projects","id":%q}},"tags":{"data":[{"type":"tags","attributes":{"name":"tag-%s"}}]}}}}`, o.Name, ids["projects"], o.Name))
	ids["workspace name"] = "app-" + o.Name
	ids["teams"] = as("POST", base+"/teams", `{"data":{"type":"teams","attributes":{"name":"example","visibility":"organization"}}}`)
	ids["organization-memberships"] = as("POST", base+"/organization-memberships", `{"data":{"type":"organization-memberships","attributes":{"email":"guest@example.com"}}}`)
	ids["subscriptions"] = "sub-" + strings.TrimPrefix(o.ID, "org-")
	for _, place := range []string{"workspace", "project"} {
		ids["team-"+place+"s"] = as("POST", "/api/v2/team-"+place+"s", fmt.Sprintf(`{"data":{"type":"team-%ss","attributes":{"access":"read"},"relationships":{
		"team":{"data":{"type":"teams","id":%q}},%q:{"data":{"type":"%ss","id":%q}}}}}`, place, ids["teams"], place, place, ids[place+"s"]))
	}
	ids["ssh-keys"] = as("POST", base+"/ssh-keys", document("ssh-keys", map[string]any{"name": "example", "value": privateKey(w.t)}))
	ids["vars"] = as("POST", "/api/v2/workspaces/"+ids["workspaces"]+"/vars", `{"data":{"type":"vars","attributes":{"key":"k","value":"v","category":"terraform"}}}`)
	ids["varsets"] = as("POST", base+"/varsets", `{"data":{"type":"varsets","attributes":{"name":"set","global":true}}}`)
	ids["varset vars"] = as("POST", "/api/v2/varsets/"+ids["varsets"]+"/relationships/vars", `{"data":{"type":"vars","attributes":{"key":"k","value":"v","category":"terraform"}}}`)
	ids["reserved-tag-keys"] = as("POST", base+"/reserved-tag-keys", `{"data":{"type":"reserved-tag-keys","attributes":{"key":"env","disable-overrides":false}}}`)
	ids["agent-pools"] = as("POST", base+"/agent-pools", document("agent-pools", map[string]any{"name": "pool"}))
	ids["agents"] = "agent-" + o.Name
	ids["sessions"], ids["failed-jobs"] = w.furnishSite(o)
	if _, err := w.s.DB.Exec(w.t.Context(), `INSERT INTO agents (id, pool_id, name, ip_address, status, last_ping_at, created_at) VALUES (?, ?, '', '', 'idle', ?, ?)`,
		ids["agents"], ids["agent-pools"], db.Now(), db.Now()); err != nil {
		w.t.Fatal(err)
	}
	w.as(o.Owner.Token, "POST", "/api/v2/workspaces/"+ids["workspaces"]+"/actions/lock", "")
	state := `{"data":{"type":"state-versions","attributes":{"serial":1,"lineage":"l","md5":"` + stateMD5 + `","state":"` + stateBase64 + `"}}}`
	ids["tags"] = w.first(o.Owner.Token, base+"/tags")
	ids["authentication-tokens"] = as("POST", "/api/v2/users/"+o.Owner.ID+"/authentication-tokens", `{"data":{"type":"authentication-tokens","attributes":{"description":"x"}}}`)
	ids["state-versions"] = as("POST", "/api/v2/workspaces/"+ids["workspaces"]+"/state-versions", state)
	ids["state-version-outputs"] = w.first(o.Owner.Token, "/api/v2/state-versions/"+ids["state-versions"]+"/outputs")
	ids["configuration-versions"] = as("POST", "/api/v2/workspaces/"+ids["workspaces"]+"/configuration-versions", document("configuration-versions", map[string]any{}))
	w.furnishRegistry(o, ids)
	ids["run-triggers"] = as("POST", "/api/v2/workspaces/"+ids["workspaces"]+"/run-triggers",
		fmt.Sprintf(`{"data":{"relationships":{"sourceable":{"data":{"type":"workspaces","id":%q}}}}}`, as("POST", base+"/workspaces", document("workspaces", map[string]any{"name": "source-" + o.Name}))))
	ids["notification-configurations"] = as("POST", "/api/v2/workspaces/"+ids["workspaces"]+"/notification-configurations",
		document("notification-configurations", map[string]any{"name": "hook", "destination-type": "generic", "enabled": false, "url": "https://example.com"}))
	w.furnishRun(o, ids)
	w.furnishDrift(o, ids)
	w.publish(o, ids)
	w.furnishTests(o, ids)
	w.furnishScans(o, ids)
	return ids
}

// furnishScans makes what scans of a repository leave, and the result of an assessment.
func (w *world) furnishScans(o apptest.Org, ids map[string]string) {
	now, schedule := db.Now(), "schedule-"+o.Name
	ids["drift-scans"], ids["drift-findings"], ids["drift-episodes"], ids["drift-ignore-rules"] = "drsc-"+o.Name, "drf-"+o.Name, "drep-"+o.Name, "drig-"+o.Name
	ids["assessments"], ids["assessment-results"] = "asmt-"+o.Name, "asmtres-"+o.Name
	for table, row := range map[string]any{
		"drift_scans":        scans.Scan{ID: ids["drift-scans"], OrgID: o.ID, ScheduleID: &schedule, Target: schedule, QueuedAt: now, Status: scans.Finished},
		"drift_findings":     findings.Finding{ID: ids["drift-findings"], OrgID: o.ID, ScheduleID: &schedule, Target: schedule, Status: findings.Open, FirstSeenAt: now, LastSeenAt: now},
		"drift_episodes":     findings.Episode{ID: ids["drift-episodes"], OrgID: o.ID, ScheduleID: &schedule, Target: schedule, Status: findings.Open, OpenedAt: now, ChangedAt: now},
		"drift_ignore_rules": findings.Rule{ID: ids["drift-ignore-rules"], OrgID: o.ID, ScheduleID: &schedule, Address: "*", CreatedAt: now},
		"assessment_results": assessments.Result{ID: ids["assessment-results"], AssessmentID: ids["assessments"], OrgID: o.ID, WorkspaceID: ids["workspaces"], CreatedAt: now},
	} {
		if err := w.s.DB.Insert(w.t.Context(), table, row); err != nil {
			w.t.Fatal(err)
		}
	}
	ids["drift-adoptions"] = "drad-" + o.Name
	sealed, err := w.s.App.Keyring.Seal(w.t.Context(), o.ID, []byte(`{"patch":""}`), "drift_adoptions/sealed/"+ids["drift-adoptions"])
	if err == nil {
		err = w.s.DB.Insert(w.t.Context(), "drift_adoptions", remedies.Adoption{ID: ids["drift-adoptions"], OrgID: o.ID, EpisodeID: ids["drift-episodes"], Status: remedies.Ready, Sealed: sealed, CreatedAt: now, UpdatedAt: now})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// furnishSite makes a browser session of the owner and a job that failed.
func (w *world) furnishSite(o apptest.Org) (session, job string) {
	t, _, err := w.s.App.Tokens.MintSession(w.t.Context(), o.Owner.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	n, err := db.One[int64](w.t.Context(), w.s.DB, `INSERT INTO river_job (args, attempt, finalized_at, kind, max_attempts, queue, state) VALUES ('{}', 1, ?, 'plumbline', 1, 'default', 'discarded') RETURNING id`, db.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return t.ID, strconv.FormatInt(n, 10)
}

// furnishRun makes a run that waits, because its workspace is locked, and what belongs to it.
func (w *world) furnishRun(o apptest.Org, ids map[string]string) {
	if _, err := w.s.DB.Exec(w.t.Context(), `UPDATE configuration_versions SET status = 'uploaded' WHERE id = ?`, ids["configuration-versions"]); err != nil {
		w.t.Fatal(err)
	}
	ids["runs"] = w.as(o.Owner.Token, "POST", "/api/v2/runs", fmt.Sprintf(`{"data":{"type":"runs","relationships":{"workspace":{"data":{"type":"workspaces","id":%q}}}}}`, ids["workspaces"]))
	ids["comments"] = w.as(o.Owner.Token, "POST", "/api/v2/runs/"+ids["runs"]+"/comments", document("comments", map[string]any{"body": "fine"}))
	ids["run-events"] = w.first(o.Owner.Token, "/api/v2/runs/"+ids["runs"]+"/run-events")
	r, err := w.s.App.Runs.Find(w.t.Context(), ids["runs"])
	if err != nil {
		w.t.Fatal(err)
	}
	ids["plans"], ids["applies"], ids["plan-exports"] = r.PlanID, r.ApplyID, "pe-"+o.Name
	if _, err := w.s.DB.Exec(w.t.Context(), `INSERT INTO plan_exports (id, plan_id, org_id, data_type, status, error_message, object, size, created_at) VALUES (?, ?, ?, 'sentinel-mock-bundle-v0', 'queued', '', '', 0, ?)`,
		ids["plan-exports"], r.PlanID, o.ID, db.Now()); err != nil {
		w.t.Fatal(err)
	}
}

// furnishDrift makes what drift detection wants.
func (w *world) furnishDrift(o apptest.Org, ids map[string]string) {
	base := "/api/v2/organizations/" + o.Name
	as := func(typ string, attributes map[string]any) {
		ids[typ] = w.as(o.Owner.Token, "POST", base+"/"+typ, document(typ, attributes))
	}
	as("drift-keys", map[string]any{"description": "example"})
	as("drift-repositories", map[string]any{"url": "https://127.0.0.1/acme/infra", "type": "git", "skip-check": true})
	as("drift-connections", map[string]any{"name": "example", "type": "oth", "credentials": "TOKEN=x"})
	ids["drift-schedules"] = w.as(o.Owner.Token, "POST", base+"/drift-schedules", fmt.Sprintf(`{"data":{"type":"drift-schedules","attributes":{"branch":"main","folders":["."],"skip-check":true},
		"relationships":{"repository":{"data":{"type":"drift-repositories","id":%q}}}}}`, ids["drift-repositories"]))
	ids["drift-snoozes"] = w.as(o.Owner.Token, "POST", base+"/drift-snoozes", fmt.Sprintf(`{"data":{"type":"drift-snoozes","attributes":{"folder":"."},"relationships":{"schedule":{"data":{"type":"drift-schedules","id":%q}}}}}`, ids["drift-schedules"]))
	ids["drift-alerts"] = w.as(o.Owner.Token, "POST", base+"/drift-alerts", document("drift-alerts", map[string]any{"name": "example", "type": "email", "recipients": []string{"ops@example.com"}}))
	w.s.Do("POST", "/api/v2/drift-alerts/"+ids["drift-alerts"]+"/actions/test", o.Owner.Token, nil) // there is no mail server: a dead letter
	id, err := db.One[string](w.t.Context(), w.s.DB, `SELECT id FROM drift_alert_deliveries WHERE alert_id = ?`, ids["drift-alerts"])
	if err != nil {
		w.t.Fatal(err)
	}
	ids["drift-alert-deliveries"] = id
}

// publish adds a module with a version that can be installed. Each organization has
// other names, so that those of one belong nowhere in the other.
func (w *world) publish(o apptest.Org, ids map[string]string) {
	name, provider, version := "net-"+o.Name, "aws", "1.0.0"
	if o.Name != "acme" {
		provider, version = "google", "2.0.0"
	}
	base := "/api/v2/organizations/" + o.Name + "/registry-modules"
	ids["registry-modules"] = w.as(o.Owner.Token, "POST", base, document("registry-modules", map[string]any{"name": name, "provider": provider}))
	r := w.s.Do("POST", base+"/private/"+o.Name+"/"+name+"/"+provider+"/versions", o.Owner.Token, document("registry-module-versions", map[string]any{"version": version}))
	links, _ := r.JSON()["data"].(map[string]any)["links"].(map[string]any)
	if put := w.s.Do("PUT", fmt.Sprint(links["upload"]), "", apptest.TarGz(w.t, map[string]string{"main.tf": `variable "a" {}`})); put.Status != 200 {
		w.t.Fatalf("uploading a module = %d %s", put.Status, put.Body)
	}
	w.s.Settle()
	for _, at := range []string{"registry-modules", "modules", "show", "delete"} {
		ids[at+" namespace"], ids[at+" name"], ids[at+" provider"], ids[at+" version"] = o.Name, name, provider, version
	}
	ids["registry-modules registry"], ids["registry-modules versions"] = "private", "versions"
	ids["modules"], ids["show"], ids["delete"] = o.Name, o.Name, o.Name
}

// furnishTests makes a test run and a variable of the module.
func (w *world) furnishTests(o apptest.Org, ids map[string]string) {
	base := "/api/v2/organizations/" + o.Name + "/tests/registry-modules/private/" + o.Name + "/" + ids["registry-modules name"] + "/" + ids["registry-modules provider"]
	version := w.as(o.Owner.Token, "POST", base+"/test-runs/configuration-versions", "")
	if _, err := w.s.DB.Exec(w.t.Context(), `UPDATE configuration_versions SET status = 'uploaded' WHERE id = ?`, version); err != nil {
		w.t.Fatal(err)
	}
	ids["test-runs"] = w.as(o.Owner.Token, "POST", base+"/test-runs", `{"data":{"type":"test-runs"}}`)
	ids["test vars"] = w.as(o.Owner.Token, "POST", base+"/vars", `{"data":{"type":"vars","attributes":{"key":"K","value":"v","category":"env"}}}`)
}

// furnishRegistry makes a private provider and the key that signs it.
func (w *world) furnishRegistry(o apptest.Org, ids map[string]string) {
	signer, arch := apptest.NewSigner(w.t), strings.ReplaceAll(o.Name, "-", "_")
	ids["registry"], ids["gpg-keys"], ids["gpg-keys key_id"] = "private", o.Name, signer.KeyID
	maps.Copy(ids, map[string]string{"registry-providers": "private", "registry-providers namespace": o.Name, "registry-providers name": "prov-" + o.Name,
		"versions": "1.0." + strconv.Itoa(len(o.Name)), "platforms": "linux", "platforms arch": arch,
		"providers": o.Name, "providers type": "prov-" + o.Name, "providers version": "1.0." + strconv.Itoa(len(o.Name)), "download": "linux", "download arch": arch})
	maps.Copy(ids, map[string]string{"public modules": "terraform-aws-modules", "public modules name": "vpc", "public modules provider": "aws", "public modules version": "5.0.0",
		"public providers": "hashicorp", "public providers type": "null", "public providers version": "3.2.3", "public download": "linux", "public download arch": "amd64"})
	ids["v1"], ids["v1 namespace"], ids["v1 type"], ids["v1 document"] = "registry.example.com", "hashicorp", "null", "index.json"
	ids["registry-components"] = w.as(o.Owner.Token, "POST", "/api/v2/organizations/"+o.Name+"/registry-components", document("registry-components", map[string]any{"name": "component"}))
	w.as(o.Owner.Token, "POST", "/api/v2/registry-components/"+ids["registry-components"]+"/versions", document("registry-component-versions", map[string]any{"version": ids["versions"]}))
	w.s.AddKey(o, signer)
	w.s.PublishProvider(o, signer, "prov-"+o.Name, "1.0."+strconv.Itoa(len(o.Name)), map[string][]byte{"linux_" + arch: apptest.ProviderZip(w.t, "x", nil)})
}

// example returns the path of a route with ids of real resources.
func (w *world) example(route api.Route) (string, bool) {
	path, ok := fill(route.Path, w.ids)
	if route.Method+" "+route.Path == "GET /api/v2/runs" {
		path += "?workspace_id=" + w.ids["workspaces"]
	}
	return path + queries[route.Method+" "+route.Path], ok
}

// queries are what routes need to know beyond their path.
var queries = map[string]string{
	"GET /api/v2/organizations/{organization}/registry-modules/{registry}/{namespace}/{name}/{provider}/version": "?module_version=1.0.0",
	"GET /api/v2/vars":                         "?filter[organization][name]=acme&filter[workspace][name]=app-acme",
	"GET /api/v2/state-versions":               "?filter[organization][name]=acme&filter[workspace][name]=app-acme",
	"GET /api/v2/workspaces/{id}/run-triggers": "?filter[run-trigger][type]=inbound",
}

// fill puts ids into the wildcards of a path, each by the segment before it.
func fill(path string, ids map[string]string) (string, bool) {
	names, parts := strings.Split(path, "/"), strings.Split(path, "/")
	for i, name := range names {
		if !strings.HasPrefix(name, "{") {
			continue
		}
		id, ok := ids[segment(names, i)]
		if !ok {
			return "", false
		}
		parts[i] = id
	}
	return strings.Join(parts, "/"), true
}

// segment is the name in the tables of ids of what stands at parts[i]: the segment before
// it, and for a wildcard that follows another, the last fixed segment and its own name, such
// as "registry-providers namespace".
func segment(parts []string, i int) string {
	before := parts[i-1]
	if strings.HasPrefix(before, "{") {
		fixed := i - 1
		for strings.HasPrefix(parts[fixed], "{") {
			fixed--
		}
		if strings.Contains(strings.Join(parts[:i], "/"), "/public/v1/") {
			return "public " + parts[fixed] + " " + strings.Trim(parts[i], "{}")
		}
		return parts[fixed] + " " + strings.Trim(parts[i], "{}")
	}
	switch path := strings.Join(parts[:i], "/"); {
	case strings.Contains(path, "/public/v1/"):
		return "public " + before
	case before == "registry-modules" && parts[i] == "{organization}":
		return "organizations"
	case before == "registry-modules" && strings.Contains(path, "/organizations/"):
		return "registry-modules registry"
	case before == "workspaces" && strings.Contains(path, "/organizations/"):
		return "workspace name"
	case before == "vars" && strings.Contains(path, "/tests/"):
		return "test vars"
	case before == "vars" && strings.Contains(path, "/varsets/"):
		return "varset vars"
	}
	return before
}

// mixed returns the example with one part after the other replaced by that of the
// other organization.
func (w *world) mixed(route api.Route, example string) []string {
	var out []string
	names, parts := strings.Split(route.Path, "/"), strings.Split(example, "/")
	for i, name := range names {
		if !strings.HasPrefix(name, "{") {
			continue
		}
		alien, ok := w.alien[segment(names, i)]
		if !ok || alien == parts[i] {
			continue
		}
		mix := append([]string{}, parts...)
		mix[i] = alien
		out = append(out, strings.Join(mix, "/"))
	}
	return out
}

func (w *world) id(segment string) string { return w.ids[segment] }

func (w *world) post(path, body string) string { return w.as(w.org.Owner.Token, "POST", path, body) }

func (w *world) send(method, path, body string) { w.as(w.org.Owner.Token, method, path, body) }

// as sends a request that must succeed and returns the id of what it answers with.
func (w *world) as(token, method, path, body string) string {
	w.t.Helper()
	r := w.s.Do(method, path, token, body)
	if r.Status >= 300 {
		w.t.Fatalf("%s %s = %d %s", method, path, r.Status, r.Body)
	}
	var doc struct{ Data struct{ ID string } }
	if err := json.Unmarshal(r.Body, &doc); err != nil && len(r.Body) > 0 {
		w.t.Fatalf("%s %s: %v in %s", method, path, err, r.Body)
	}
	return doc.Data.ID
}

// first returns the id of the first resource of a list. What a job makes may take a
// moment to be there.
func (w *world) first(token, path string) string {
	w.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 400 {
		var doc struct{ Data []struct{ ID string } }
		if r := w.s.Do("GET", path, token, nil); r.Status == 200 && json.Unmarshal(r.Body, &doc) == nil && len(doc.Data) > 0 {
			return doc.Data[0].ID
		}
		<-tick.C
	}
	w.t.Fatalf("GET %s stays empty", path)
	return ""
}

func document(typ string, attributes map[string]any) string {
	b, err := json.Marshal(map[string]any{"data": map[string]any{"type": typ, "attributes": attributes}})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// privateKey makes a key that opens nothing.
func privateKey(t *testing.T) string {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

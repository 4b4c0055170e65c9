package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/severity"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// drifts lets assessments find what has changed outside, some of it weeks ago.
func (d *demo) drifts() {
	d.found("network-prod",
		drifted(severity.Critical, "aws_security_group.web", "ingress[1].cidr_blocks", "SSH is open to the internet", "Anybody can try passwords and old weaknesses of the server.", nil, []any{"0.0.0.0/0"}),
		drifted(severity.High, "aws_db_instance.orders", "publicly_accessible", "The database is reachable from outside", "What keeps it is its password alone.", false, true),
		drifted(severity.Low, "aws_s3_bucket.assets", `tags["Owner"]`, "A tag is another one", "Costs are counted by it.", "platform", "marketing"))
	d.found("kubernetes-prod",
		drifted(severity.Medium, "aws_eks_node_group.workers", "scaling_config[0].desired_size", "desired_size changed outside of the code", "Somebody has scaled it by hand.", 6, 9))
	d.found("payments-api-prod",
		drifted(severity.High, "aws_iam_role_policy.api", "policy", "The role may do more than its code says", "A broken program could do more harm.", `{"Action":"s3:GetObject"}`, `{"Action":"s3:*"}`))
	d.found("dns")
	d.past()
	if err := d.App.Drift.Fleet.Count(d.T.Context()); err != nil {
		d.T.Fatal(err)
	}
	for param, query := range map[string]string{
		"$finding": `SELECT id FROM drift_findings WHERE severity = 'critical' AND status = 'open' LIMIT 1`,
		"$episode": `SELECT episode_id FROM drift_findings WHERE severity = 'critical' AND status = 'open' LIMIT 1`,
		"$scan":    `SELECT last_scan_id FROM drift_episodes WHERE severity = 'critical' AND status = 'open' LIMIT 1`,
	} {
		d.params[param] = d.id(query)
	}
	d.watched()
}

// watched makes schedules with what they need, and says who is told and what is ignored.
func (d *demo) watched() {
	ref := func(name, kind, id string) string {
		return fmt.Sprintf(`%q:{"data":{"type":%q,"id":%q}}`, name, kind, id)
	}
	refs := func(name, kind, id string) string {
		return fmt.Sprintf(`%q:{"data":[{"type":%q,"id":%q}]}`, name, kind, id)
	}
	related := func(list ...string) string { return `,"relationships":{` + strings.Join(list, ",") + `}` }
	connection := d.made(org+"drift-connections", "drift-connections", `{"name":"AWS production, read only","type":"oth","credentials":"AWS_PROFILE=audit"}`)
	d.made(org+"drift-connections", "drift-connections", `{"name":"AWS payments","type":"aws-oidc","role":"arn:aws:iam::123456789012:role/drift"}`)
	repository := d.made(org+"drift-repositories", "drift-repositories", `{"url":"https://github.com/acme/infrastructure","type":"github-public","skip-check":true}`)
	d.made(org+"drift-repositories", "drift-repositories", `{"url":"https://gitlab.com/acme/platform","type":"gitlab","token":"never-shown","skip-check":true}`)
	d.params["$alert"] = d.made(org+"drift-alerts", "drift-alerts", `{"name":"Platform team","type":"email","recipients":["platform@acme.example"]}`)
	d.made(org+"drift-alerts", "drift-alerts", `{"name":"#security","type":"slack","url":"https://hooks.slack.com/services/T0/B0/never-shown","min-severity":"high"}`)
	d.params["$schedule"] = d.made(org+"drift-schedules", "drift-schedules", `{"name":"Production, each night","branch":"main","folders":["live/network","live/payments"],"frequency":"daily","skip-check":true}`,
		related(ref("repository", "drift-repositories", repository), refs("connections", "drift-connections", connection), refs("alerts", "drift-alerts", d.params["$alert"])))
	d.made(org+"drift-schedules", "drift-schedules", `{"name":"Sandboxes","branch":"main","folders":["sandbox/*"],"frequency":"weekly","frequency-offset":"mon 04:30","skip-check":true}`, related(ref("repository", "drift-repositories", repository)))
	d.made(org+"drift-ignore-rules", "drift-ignore-rules", fmt.Sprintf(`{"address":"aws_autoscaling_group.*","path":"desired_capacity","reason":"The autoscaler changes it all day.","expires-at":%q}`, time.Now().AddDate(0, 2, 0).UTC().Format(time.RFC3339)))
	d.made(org+"drift-ignore-rules", "drift-ignore-rules", `{"address":"aws_eks_addon.*","path":"addon_version","reason":"AWS upgrades minor versions by itself, see the decision of March."}`,
		related(ref("workspace", "workspaces", d.id(`SELECT id FROM workspaces WHERE name = 'kubernetes-prod'`))))
	d.made(org+"drift-keys", "drift-keys", `{"description":"pipeline of the platform team","role":"operate"}`)
	d.made("/api/v2/workspaces/"+d.params["ws"]+"/notification-configurations", "notification-configurations", `{"name":"On call","destination-type":"email","enabled":true,"email-addresses":["oncall@acme.example"],"triggers":["run:needs_attention","run:errored","assessment:drifted"]}`)
	d.made("/api/v2/projects/"+d.params["$project"]+"/notification-configurations", "notification-configurations", `{"name":"Platform team","destination-type":"email","enabled":true,"email-addresses":["platform@acme.example"],"triggers":["run:errored"]}`)
}

func drifted(level severity.Level, address, path, title, why string, recorded, real any) severity.Judged {
	typ, name, _ := strings.Cut(address, ".")
	return severity.Judged{Severity: level, Title: title, Why: why, Fix: "Apply, or take it over into the code.",
		Finding: classify.Finding{Address: address, Type: typ, Name: name, Mode: "managed", Provider: "registry.opentofu.org/hashicorp/aws", Path: path, Kind: classify.Drift,
			Recorded: recorded, Real: real, Wanted: recorded, Actions: []string{"update"}}}
}

// found plays an assessment of a workspace that finds something.
func (d *demo) found(workspace string, list ...severity.Judged) {
	d.T.Helper()
	id := d.id(`SELECT id FROM workspaces WHERE name = ?`, workspace)
	if workspace != "network-prod" {
		d.uploaded(id)
		d.played(id, "Roll out", proto.Counts{Add: 3}, 1)
	}
	if r := d.Do("PATCH", "/api/v2/workspaces/"+id, d.org.Owner.Token, `{"data":{"type":"workspaces","attributes":{"assessments-enabled":true}}}`); r.Status != 200 {
		d.T.Fatalf("assessments of %s = %d %s", workspace, r.Status, r.Body)
	}
	d.post("/api/v2/workspaces/"+id+"/actions/assess", `{}`)
	var spec proto.Scan
	t := d.executor.Claim(proto.KindAssessment, &spec)
	verdict := severity.Verdict{Severity: severity.Info, Findings: list, Resources: 12, Drifted: len(list)}
	report := proto.Report{Text: "the plan", TerraformVersion: "1.12.6", Undrifted: 12 - len(list)}
	if len(list) > 0 {
		verdict.Severity = list[0].Severity // the worst comes first
	}
	for _, f := range list {
		report.Fingerprints = append(report.Fingerprints, classify.Fingerprint([]byte("k"), "t", "", f.Finding))
	}
	var err error
	if report.Verdict, err = json.Marshal(verdict); err != nil {
		d.T.Fatal(err)
	}
	d.executor.Log(t, "Looking at what is real…\nNote: Objects have changed outside of OpenTofu\n")
	d.executor.Put(t, proto.Findings, report)
	d.executor.Put(t, proto.PlanJSON, `{"format_version":"1.2"}`)
	d.executor.Put(t, proto.Schemas, `{"format_version":"1.0"}`)
	d.executor.Finish(t, proto.Result{Outcome: proto.Finished}, proto.ScanResult{EngineVersion: "1.12.6"})
}

// since is how many days ago findings that are open were seen first.
var since = map[string]float64{"aws_security_group.web": 2.1, "aws_db_instance.orders": 6.3, "aws_s3_bucket.assets": 19.4, "aws_eks_node_group.workers": 12.2, "aws_iam_role_policy.api": 3.6}

// gone is drift that was: how many days ago it came and went.
var gone = []struct {
	workspace, level, address, path, title string
	from, to                               float64
}{
	{"kubernetes-prod", "high", "aws_security_group.nodes", "egress", "Nodes may reach everything", 26, 20.4},
	{"payments-api-staging", "medium", "aws_ecs_service.api", "desired_count", "desired_count changed outside of the code", 29, 14.8},
	{"dns", "low", "aws_route53_record.www", "ttl", "ttl changed outside of the code", 9.2, 6.9},
	{"ledger-prod", "critical", "aws_kms_key.ledger", "policy", "The key may be used by everybody", 25.1, 24.2},
	{"website-prod", "high", "aws_cloudfront_distribution.site", "viewer_certificate", "Old versions of TLS are accepted", 17.3, 15.6},
	{"lake-raw", "low", "aws_s3_bucket.raw", "tags", "Tags are others", 22.5, 12.1},
	{"iam-baseline", "medium", "aws_iam_account_password_policy.all", "minimum_password_length", "Passwords may be shorter", 8.4, 4.7},
}

func ago(days float64) db.Time {
	return db.At(time.Now().Add(-time.Duration(days * 24 * float64(time.Hour))))
}

// copied inserts a row that is like another but for some columns.
func (d *demo) copied(table, where, of string, but map[string]any) {
	d.T.Helper()
	names := slices.Sorted(maps.Keys(but))
	same, args := d.columns(table, names...), []any{}
	for _, name := range names {
		args = append(args, but[name])
	}
	d.sql(fmt.Sprintf(`INSERT INTO %s (%s, %s) SELECT %s, %s FROM %s WHERE %s = ?`, table, same, strings.Join(names, ", "), same, strings.TrimSuffix(strings.Repeat("?, ", len(names)), ", "), table, where), append(args, of)...)
}

// past makes what was found just now older, and adds what was before.
func (d *demo) past() {
	for address, days := range since {
		d.sql(`UPDATE drift_findings SET first_seen_at = ? WHERE address = ?`, ago(days), address)
	}
	d.sql(`UPDATE drift_episodes SET opened_at = (SELECT MIN(first_seen_at) FROM drift_findings f WHERE f.episode_id = drift_episodes.id), changed_at = (SELECT MAX(first_seen_at) FROM drift_findings f WHERE f.episode_id = drift_episodes.id)`)
	d.sql(`UPDATE drift_episodes SET told_at = changed_at`)
	for i, workspace := range []string{"dns", "payments-api-prod", "kubernetes-prod", "network-prod"} {
		d.scanned(workspace, i)
	}
	for i, g := range gone {
		d.resolved(g.workspace, i)
	}
	d.happenings()
	for i := range 45 {
		end := ago(float64(i + 1))
		for _, level := range []string{"critical", "high", "medium", "low"} {
			d.sql(`INSERT INTO drift_days (org_id, day, dimension, name, targets, findings) SELECT ?, ?, 'severity', ?, COUNT(DISTINCT target), COUNT(*) FROM drift_findings WHERE severity = ? AND first_seen_at <= ? AND (resolved_at IS NULL OR resolved_at > ?)`,
				d.org.ID, end.UTC().Format(time.DateOnly), level, level, end, end)
		}
	}
}

// scanned gives the scan of a workspace the times of one that was some hours ago, and has it
// done on the days before too.
func (d *demo) scanned(workspace string, n int) {
	ws := d.id(`SELECT id FROM workspaces WHERE name = ?`, workspace)
	scan := d.id(`SELECT id FROM drift_scans WHERE workspace_id = ?`, ws)
	at := func(day int) (queued, started, ended db.Time) {
		days := float64(day) + 0.13 + float64(n)*0.004
		return ago(days), ago(days - 3/86400.0), ago(days - float64(41+7*((day+n)%5))/86400)
	}
	for day := 1; day < 8; day++ {
		id := fmt.Sprintf("asmt-past%08d%04d", n, day)
		queued, started, ended := at(day)
		d.copied("drift_scans", "id", scan, map[string]any{"id": id, "batch": id, "reason": "scheduled", "verdict": nil, "fingerprint": "", "requested_by": nil, "queued_at": queued, "started_at": started, "ended_at": ended})
		d.copied("assessment_results", "assessment_id", scan, map[string]any{"id": fmt.Sprintf("asmtres-past%06d%03d", n, day), "assessment_id": id, "created_at": ended})
	}
	queued, started, ended := at(0)
	d.sql(`UPDATE drift_scans SET reason = 'scheduled', queued_at = ?, started_at = ?, ended_at = ? WHERE id = ?`, queued, started, ended, scan)
	d.sql(`UPDATE drift_findings SET last_seen_at = ? WHERE workspace_id = ?`, ended, ws)
	d.sql(`UPDATE assessment_results SET created_at = ? WHERE assessment_id = ?`, ended, scan)
}

// resolved gives a workspace drift that is gone, and says that it is looked at.
func (d *demo) resolved(workspace string, n int) {
	g := gone[n]
	ws := d.id(`SELECT id FROM workspaces WHERE name = ?`, workspace)
	episode := fmt.Sprintf("drep-past%012d", n)
	like := d.id(`SELECT id FROM drift_episodes WHERE severity = 'critical' AND status = 'open'`)
	d.copied("drift_episodes", "id", like, map[string]any{"id": episode, "workspace_id": ws, "target": ws, "status": "resolved", "severity": g.level, "worst": g.level, "summary": fmt.Sprintf("[%s] %s on %s", g.level, g.title, g.address), "findings": 0, "resources": 0,
		"opened_at": ago(g.from), "changed_at": ago(g.to), "told_at": ago(g.to), "resolved_at": ago(g.to)})
	d.copied("drift_findings", "episode_id = (SELECT id FROM drift_episodes WHERE status = 'open' AND severity = 'medium') AND severity", "medium", map[string]any{"id": fmt.Sprintf("drfi-past%012d", n), "workspace_id": ws, "target": ws, "episode_id": episode, "status": "resolved", "severity": g.level,
		"address": g.address, "type": strings.Split(g.address, ".")[0], "path": g.path, "title": g.title, "first_seen_at": ago(g.from), "last_seen_at": ago(g.to), "resolved_at": ago(g.to)})
	if slices.Contains([]string{"dns", "kubernetes-prod"}, workspace) {
		return
	}
	state, reason := "healthy", ""
	if workspace == "iam-baseline" {
		state, reason = "errored", "The provider has no credentials: no EC2 IMDS role found, operation error ec2imds: GetMetadata"
	}
	d.sql(`UPDATE workspaces SET assessments_enabled = TRUE WHERE id = ?`, ws)
	d.copied("workspace_health", "workspace_id", d.id(`SELECT id FROM workspaces WHERE name = 'dns'`), map[string]any{"workspace_id": ws, "state": state, "reason": reason, "succeeded_at": ago(1.1)})
}

// happenings is what became of the drift of network-prod, and who looks after it.
func (d *demo) happenings() {
	episode := d.id(`SELECT id FROM drift_episodes WHERE severity = 'critical' AND status = 'open'`)
	user := func(name string) string { return d.id(`SELECT id FROM users WHERE username = ?`, name) }
	first := d.id(`SELECT id FROM drift_episode_events WHERE episode_id = ?`, episode)
	for i, e := range []struct {
		kind, level    string
		findings       int
		actor, subject any
		days           float64
	}{
		{"acknowledged", "", 0, user("linus"), nil, 18.6}, {"raised", "high", 2, nil, nil, 6.3},
		{"assigned", "", 0, user("ada"), user("grace"), 6.1}, {"raised", "critical", 3, nil, nil, 2.1},
	} {
		d.copied("drift_episode_events", "id", first, map[string]any{"id": fmt.Sprintf("dree-past%012d", i), "kind": e.kind, "scan_id": nil, "severity": e.level, "findings": e.findings, "actor_id": e.actor, "subject_id": e.subject, "at": ago(e.days)})
	}
	d.sql(`UPDATE drift_episode_events SET severity = 'low', findings = 1, at = ? WHERE id = ?`, ago(19.4), first)
	d.sql(`UPDATE drift_episodes SET assigned_to = ? WHERE id = ?`, user("grace"), episode)
}

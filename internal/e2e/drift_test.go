package e2e

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/severity"
	"plumbline.dev/plumbline/internal/executor/proto"
)

// driftReport is what an executor sends that found one attribute of a bucket changed outside.
func driftReport(t *testing.T) proto.Report {
	t.Helper()
	one := severity.Judged{Finding: classify.Finding{Address: "aws_s3_bucket.logs", Type: "aws_s3_bucket", Name: "logs", Mode: "managed", Provider: "registry.opentofu.org/hashicorp/aws",
		Path: "acl", Kind: classify.Drift, Recorded: "private", Real: "public-read", Wanted: "private", Actions: []string{"update"}}, Severity: severity.Critical,
		Title: "The bucket is public", Why: "Anybody can read it.", Fix: "Apply, or make it private by hand."}
	verdict, err := json.Marshal(severity.Verdict{Severity: severity.Critical, Resources: 3, Drifted: 1, Findings: []severity.Judged{one}})
	if err != nil {
		t.Fatal(err)
	}
	return proto.Report{Text: "the plan", TerraformVersion: "1.12.6", Undrifted: 2, Verdict: verdict, Fingerprints: []string{classify.Fingerprint([]byte("k"), "t", "", one.Finding)}}
}

func TestDriftIsFoundSeenAndIgnored(t *testing.T) {
	st := newStage(t)
	ws := st.Workspace(st.org, "", "web")
	st.Go("/app/acme/drift")
	st.See("Nobody has looked yet", "First steps", "Add a repository")
	st.Shot("drift-empty")
	e := st.Executor()
	e.Applied(st.org, ws, 1)

	st.Go("/app/acme/workspaces/web/health")
	st.Click("Turn on assessments")
	st.Click("Assess now")
	st.See("Queued")
	var spec proto.Scan
	ticket := e.Claim(proto.KindAssessment, &spec)
	e.Log(ticket, "looking…\n")
	e.Put(ticket, proto.Findings, driftReport(t))
	e.Put(ticket, proto.PlanJSON, `{"format_version":"1.2"}`)
	e.Put(ticket, proto.Schemas, `{"format_version":"1.0"}`)
	e.Finish(ticket, proto.Result{Outcome: proto.Finished}, proto.ScanResult{EngineVersion: "1.12.6"})
	st.See("Drifted", "1 finding", "1 of 3 resources", "Plan (JSON)") // it was told, and not asked for
	st.Shot("drift-health")

	if err := st.App.Drift.Fleet.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	st.Click("Drift")
	st.At("/app/acme/drift")
	st.See("What drifts now", "web", "As a table", "Targets, day by day")
	st.Shot("drift-overview")
	st.Click("Show as a table")
	st.See("As a plot", time.Now().UTC().Format("2006-01-02"))
	st.Choose("Lines", "By workspace")
	st.Choose("Range", "A week")
	st.At("/app/acme/drift?by=workspace&days=7")
	st.Click("Show the map as a table")
	st.See("Days with drift")
	st.Click("Show as a map")
	st.Tab("web, " + time.Now().UTC().Format("2006-01-02") + ": Critical, 1 finding")
	st.Press(kb.ArrowLeft, kb.ArrowRight, kb.Enter)
	st.See("Of one place", "1 finding")
	st.Click("Of one place")
	st.Click("Findings")
	st.At("/app/acme/drift/findings")
	st.Choose("Severity", "Low")
	st.See("No finding is like that")
	st.At("/app/acme/drift/findings?severity=low")
	st.Click("Clear all filters")
	st.See("aws_s3_bucket.logs")
	st.Choose("Group", "By cause")
	st.Click("Critical The bucket is public")
	st.See("Anybody can read it.", "Show only these")
	st.Shot("drift-findings-grouped")
	st.Choose("Group", "Not grouped")
	st.Click("Select aws_s3_bucket.logs acl")
	st.See("1 finding selected")
	st.Click("Assign…")
	st.Fill("Who", st.org.Owner.Name)
	st.Press(kb.ArrowDown)
	st.Shot("drift-assign")
	st.Click("Assign")
	st.See("1 finding assigned.")
	st.Shot("drift-findings")
	st.Click("aws_s3_bucket.logs acl")
	st.See("public-read", "Anybody can read it.", "Recorded", "Wanted")
	st.Shot("drift-finding")
	st.Click("Acknowledge")
	st.See("by " + st.org.Owner.Name)
	st.Click("All of this drift")
	st.See("Drift of web", "1 finding", "What happened", "Drift began: 1 finding")
	st.Click("Acknowledge")
	st.See(st.org.Owner.Name + " acknowledged it")
	st.Shot("drift-episode")
	st.Click("The last one")
	st.See("looking…", "3, 1 drifted", "What it found: 1 difference")
	st.Shot("drift-scan")

	st.Go("/app/acme/drift/findings")
	st.Click("aws_s3_bucket.logs acl")
	st.Click("Ignore…")
	st.See("This ignores 1 finding of now")
	st.Fill("Reason", "It serves a public website.")
	st.Shot("drift-ignore")
	st.Click("Ignore")
	st.See("It serves a public website.")
	st.Go("/app/acme/drift/episodes")
	st.See("Resolved")
	st.Shot("drift-episodes")
	st.Go("/app/acme/drift/workspaces?health=drifted")
	st.See("web", "1 of 3 resources drifted")
	st.Shot("drift-workspaces")
	st.Go("/app/acme/drift")
	st.See("Nothing drifts")
	st.Go("/app/acme/drift/ignored")
	st.See("It serves a public website.", "aws_s3_bucket.logs")
	st.Shot("drift-ignored")
	st.Click("Delete the rule for aws_s3_bucket.logs")
	st.Click("Delete the rule")
	st.See("Nothing is ignored")
	st.Go("/app/acme/drift/scans")
	st.See("web", "Finished")
	st.Shot("drift-scans")
}

// assessed turns the assessments of a workspace on, and plays one that finds a bucket.
func (st *stage) assessed(e *apptest.Executor, ws string) {
	st.T.Helper()
	for _, do := range []struct{ method, path, body string }{
		{"PATCH", "/api/v2/workspaces/" + ws, `{"data":{"type":"workspaces","attributes":{"assessments-enabled":true}}}`},
		{"POST", "/api/v2/workspaces/" + ws + "/actions/assess", ""},
	} {
		if r := st.Do(do.method, do.path, st.org.Owner.Token, do.body); r.Status != 200 {
			st.T.Fatalf("%s %s = %d %s", do.method, do.path, r.Status, r.Body)
		}
	}
	var spec proto.Scan
	ticket := e.Claim(proto.KindAssessment, &spec)
	e.Put(ticket, proto.Findings, driftReport(st.T))
	e.Put(ticket, proto.PlanJSON, `{"format_version":"1.2"}`)
	e.Put(ticket, proto.Schemas, `{"format_version":"1.0"}`)
	e.Finish(ticket, proto.Result{Outcome: proto.Finished}, proto.ScanResult{EngineVersion: "1.12.6"})
}

func TestRepositoriesAndConnectionsAreAddedAndTested(t *testing.T) {
	st := newStage(t)
	st.Go("/app/acme/drift/schedules")
	st.See("No schedules yet")
	st.Click("New schedule")
	st.See("There is no repository to scan yet")
	st.Go("/app/acme/drift/connections")
	st.See("No connections yet")
	st.Click("Add a connection")
	st.Fill("Name", "staging")
	st.Fill("Variables", "API_TOKEN=a-secret-of-staging")
	st.Shot("drift-connection")
	st.Click("Save")
	st.See("sets API_TOKEN")
	st.Unseen("a-secret-of-staging")
	st.Click("Test staging")
	st.See("Whether the credentials are valid, only a scan tells.")
	st.Click("Close")
	st.See("Works")
	st.Shot("drift-connections")

	st.Go("/app/acme/drift/repositories")
	st.Click("Add a repository")
	st.Choose("Kind", "GitHub, public")
	st.Fill("Address", "https://github.com/my-account/my-repo")
	st.Click("Save it untested")
	st.Click("Save")
	st.See("my-account/my-repo", "Not tested")
	st.Shot("drift-repositories")
	st.Go("/app/acme/drift/schedules")
	st.Click("New schedule")
	st.See("my-account/my-repo", "staging")
	st.Shot("drift-schedule")
	st.Go("/app/acme/drift/repositories")
	st.Click("Delete my-account/my-repo")
	st.Click("Delete")
	st.See("No repositories yet")
}

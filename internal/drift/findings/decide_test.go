package findings_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/severity"
	"plumbline.dev/plumbline/internal/executor/proto"
)

const base = "/api/v2/organizations/acme"

// fleet is an organization with the workspaces web and db, in which runs were applied, with
// assessments on.
type fleet struct {
	*apptest.Server
	org     apptest.Org
	web, db string
	e       *apptest.Executor
}

func newFleet(s *apptest.Server) *fleet {
	o := s.Org("acme")
	f := &fleet{Server: s, org: o, web: s.Workspace(o, "", "web"), db: s.Workspace(o, "", "db"), e: s.Executor()}
	for _, ws := range []string{f.web, f.db} {
		f.e.Applied(o, ws, 1)
		f.do(200, "PATCH", "/api/v2/workspaces/"+ws, `{"data":{"type":"workspaces","attributes":{"assessments-enabled":true}}}`)
	}
	return f
}

// do sends a request of the owner, whose answer must have the status.
func (f *fleet) do(status int, method, path string, body any) *apptest.Response {
	f.T.Helper()
	return f.as(f.org.Owner.Token, status, method, path, body)
}

func (f *fleet) as(token string, status int, method, path string, body any) *apptest.Response {
	f.T.Helper()
	r := f.Do(method, path, token, body)
	if r.Status != status {
		f.T.Fatalf("%s %s = %d %s, want %d", method, path, r.Status, r.Body, status)
	}
	return r
}

// look assesses a workspace, in which the tags of objects with the addresses differ.
func (f *fleet) look(ws string, level severity.Level, addresses ...string) {
	f.T.Helper()
	v := severity.Verdict{Severity: severity.Info, Resources: 5, Drifted: len(addresses)}
	r := proto.Report{Text: "the plan", TerraformVersion: "1.12.6", Undrifted: 5 - len(addresses)}
	for _, address := range addresses {
		j := severity.Judged{Finding: classify.Finding{Address: address, Type: "aws_instance", Name: "a", Mode: "managed", Provider: "registry.opentofu.org/hashicorp/aws",
			Path: "tags", Kind: classify.Drift, Recorded: "a", Real: "b", Wanted: "a", Actions: []string{"update"}}, Severity: level, Title: "tags, and more, changed", Why: "Bills are wrong."}
		v.Severity, v.Findings = level, append(v.Findings, j)
		r.Fingerprints = append(r.Fingerprints, classify.Fingerprint([]byte("k"), "t", "", j.Finding))
	}
	var err error
	if r.Verdict, err = json.Marshal(v); err != nil {
		f.T.Fatal(err)
	}
	f.do(200, "POST", "/api/v2/workspaces/"+ws+"/actions/assess", nil)
	var spec proto.Scan
	t := f.e.Claim(proto.KindAssessment, &spec)
	f.e.Put(t, proto.Findings, r)
	f.e.Put(t, proto.PlanJSON, `{"format_version":"1.2"}`)
	f.e.Put(t, proto.Schemas, `{"format_version":"1.0"}`)
	f.e.Finish(t, proto.Result{Outcome: proto.Finished}, proto.ScanResult{EngineVersion: "1.12.6"})
}

// list are the resources at a path, as "id attribute attribute …".
func (f *fleet) list(path string, names ...string) []string {
	f.T.Helper()
	out := []string{}
	data, _ := f.do(200, "GET", path, nil).JSON()["data"].([]any)
	for _, one := range data {
		one := one.(map[string]any)
		text := []string{}
		for _, name := range names {
			text = append(text, fmt.Sprint(one["attributes"].(map[string]any)[name]))
		}
		out = append(out, strings.Join(text, " "))
	}
	return out
}

// sorted sorts a list.
func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

func (f *fleet) ids(path string) []string {
	f.T.Helper()
	out := []string{}
	data, _ := f.do(200, "GET", path, nil).JSON()["data"].([]any)
	for _, one := range data {
		out = append(out, one.(map[string]any)["id"].(string))
	}
	return out
}

// about is the document of a request about several findings.
func about(attributes string, ids []string, more string) string {
	members := make([]string, len(ids))
	for i, id := range ids {
		members[i] = `{"type":"drift-findings","id":"` + id + `"}`
	}
	return `{"data":{"attributes":` + attributes + `,"relationships":{"drift-findings":{"data":[` + strings.Join(members, ",") + `]}` + more + `}}}`
}

func (f *fleet) same(what string, got []string, want ...string) {
	f.T.Helper()
	if !slices.Equal(got, want) {
		f.T.Errorf("%s = %q, want %q", what, got, want)
	}
}

// TestManyFindingsAreDecidedAtOnce: who may not decide about one of them decides about none.
func TestManyFindingsAreDecidedAtOnce(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFleet(s)
		f.look(f.web, severity.High, "aws_instance.a", "aws_instance.b")
		f.look(f.db, severity.Low, "aws_instance.c")
		all, ofWeb := f.ids(base+"/drift-findings"), f.ids("/api/v2/workspaces/"+f.web+"/drift-findings")
		planner := s.With(f.org, "planner", nil, map[string]string{f.web: "plan", f.db: "read"})
		reader := s.With(f.org, "reader", nil, map[string]string{f.web: "read", f.db: "read"})
		const at = base + "/drift-findings/actions/"
		f.as(planner.Token, 404, "POST", at+"acknowledge", about(`{}`, all, ""))
		f.as(reader.Token, 404, "POST", at+"ignore", about(`{"reason":"no"}`, ofWeb, ""))
		f.as(s.User("stranger").Token, 404, "POST", at+"acknowledge", about(`{}`, all, ""))
		f.same("acknowledged", f.ids(base+"/drift-findings?filter[acknowledged]=true"))
		f.as(planner.Token, 204, "POST", at+"acknowledge", about(`{}`, ofWeb, ""))
		f.same("acknowledged", f.list(base+"/drift-findings?filter[acknowledged]=true&sort=address", "address"), "aws_instance.a", "aws_instance.b")
		f.do(422, "POST", at+"acknowledge", about(`{}`, nil, ""))
		f.do(404, "POST", at+"acknowledge", about(`{}`, append(all, "drf-none"), ""))

		to := `,"assigned-to":{"data":{"type":"users","id":"` + planner.ID + `"}}`
		one := s.Statements(func() { f.do(204, "POST", at+"assign", about(`{}`, all[:1], to)) })
		three := s.Statements(func() { f.do(204, "POST", at+"assign", about(`{}`, all, to)) })
		if len(one) != len(three) {
			t.Errorf("to assign one takes %d statements and three %d, want the same", len(one), len(three))
		}
		f.same("of the planner", f.list(base+"/drift-findings?filter[assigned-to]="+planner.ID+"&sort=address", "address"), "aws_instance.a", "aws_instance.b", "aws_instance.c")
		f.do(204, "POST", at+"assign", about(`{}`, all[:1], `,"assigned-to":{"data":null}`))
		if n := len(f.ids(base + "/drift-findings?filter[assigned-to]=none")); n != 1 {
			t.Errorf("%d findings are nobody's, want 1", n)
		}
		f.do(422, "POST", at+"ignore", about(`{"reason":" "}`, all, ""))
		f.do(204, "POST", at+"ignore", about(`{"reason":"They cost nothing."}`, all, ""))
		f.same("open", f.ids(base+"/drift-findings?filter[status]=open"))
		if n := len(f.ids(base + "/drift-ignore-rules")); n != 3 {
			t.Errorf("there are %d rules, want one for each finding", n)
		}
		f.same("open episodes", f.ids(base+"/drift-episodes?filter[status]=open"))
	})
}

// TestEpisodesTellWhatHappened from the first scan to the last decision.
func TestEpisodesTellWhatHappened(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFleet(s)
		f.look(f.web, severity.Low, "aws_instance.a")
		f.look(f.web, severity.Low, "aws_instance.a")
		f.look(f.web, severity.Low, "aws_instance.a", "aws_instance.b")
		f.look(f.web, severity.High, "aws_instance.a", "aws_instance.b")
		id := f.ids(base + "/drift-episodes")[0]
		f.do(200, "POST", "/api/v2/drift-episodes/"+id+"/actions/acknowledge", nil)
		f.do(200, "POST", "/api/v2/drift-episodes/"+id+"/actions/assign", `{"data":{"relationships":{"assigned-to":{"data":{"type":"users","id":"`+f.org.Owner.ID+`"}}}}}`)
		finding := f.ids(base + "/drift-findings?sort=address")[0]
		f.do(200, "POST", "/api/v2/drift-findings/"+finding+"/actions/ignore", `{"data":{"attributes":{"reason":"fine"}}}`)
		f.look(f.web, severity.Low)
		f.look(f.web, severity.Low, "aws_instance.b")
		events := "/api/v2/drift-episodes/" + id + "/drift-episode-events"
		got := f.list(events+"?page[size]=50", "kind", "findings-count", "detail")
		slices.Reverse(got)
		f.same("what happened", got, "opened 1 <nil>", "changed 2 <nil>", "raised 2 <nil>", "acknowledged 0 <nil>", "assigned 0 <nil>", "ignored 1 fine", "changed 1 <nil>", "resolved 0 <nil>", "reopened 1 <nil>")
		first := f.do(200, "GET", events+"?page[size]=50&include=actor,drift-scan", nil)
		if !strings.Contains(string(first.Body), `"username":"`+f.org.Owner.Name+`"`) || !strings.Contains(string(first.Body), `"type":"drift-scans"`) {
			t.Errorf("events = %s, want who and which scan", first.Body)
		}
		f.as(s.Member(f.org, "guest").Token, 404, "GET", events, nil)
	})
}

// TestFindingsAreGroupedAndRulesPreviewed: groups count what filters let through, and the
// preview of a rule shows what it would ignore, to whom may see it.
func TestFindingsAreGroupedAndRulesPreviewed(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := newFleet(s)
		f.look(f.web, severity.High, "aws_instance.a", "aws_instance.b")
		f.look(f.db, severity.Low, "aws_instance.c")
		groups := base + "/drift-finding-groups?filter[by]="
		f.same("by cause", f.list(groups+"cause", "key", "severity", "findings-count", "targets-count", "why"), "tags, and more, changed high 3 2 Bills are wrong.")
		f.same("by target", f.list(groups+"target", "key", "severity", "findings-count"), f.web+" high 2", f.db+" low 1")
		f.same("by target, the low ones", f.list(groups+"target&filter[severity]=low", "key", "findings-count"), f.db+" 1")
		f.same("of a cause", f.list(base+"/drift-findings?filter[cause]=tags,+and+more,+changed&sort=address", "address"), "aws_instance.a", "aws_instance.b", "aws_instance.c")
		f.same("of a text", f.list(base+"/drift-findings?search[text]=NCE.C", "address"), "aws_instance.c")
		f.do(400, "GET", groups+"colour", nil)

		preview := base + "/drift-ignore-preview?filter[address]="
		f.same("everywhere", sorted(f.list(preview+"aws_instance.*", "address")), "aws_instance.a", "aws_instance.b", "aws_instance.c")
		f.same("in web", sorted(f.list(preview+"*&filter[workspace][id]="+f.web, "address")), "aws_instance.a", "aws_instance.b")
		f.same("of another attribute", f.list(preview+"*&filter[path]=ami", "address"))
		f.do(422, "GET", preview, nil)
		limited := s.With(f.org, "limited", nil, map[string]string{f.db: "read"})
		if r := f.as(limited.Token, 200, "GET", preview+"*", nil); strings.Contains(string(r.Body), "aws_instance.a") || !strings.Contains(string(r.Body), "aws_instance.c") {
			t.Errorf("preview of who sees db only = %s", r.Body)
		}
		csv := string(f.do(200, "GET", base+"/drift-export?format=csv&filter[severity]=low", nil).Body)
		if strings.Contains(csv, "aws_instance.a") || !strings.Contains(csv, "aws_instance.c") {
			t.Errorf("export of the low ones = %s", csv)
		}
	})
}

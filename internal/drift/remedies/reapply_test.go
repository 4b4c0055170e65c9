package remedies_test

import (
	"fmt"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/severity"
)

var code = map[string]string{"main.tf": "resource \"a_b\" \"c\" {\n  size = \"t3\"\n  tags = { a = \"1\" }\n}\n"}

// TestARunAppliesAgain follows drift until a run has put it right.
func TestARunAppliesAgain(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := applied(s, code)
		e := f.assess(change{address: "a_b.c", path: "size", wanted: "t3", real: "m5"}, change{address: "a_b.c", path: "tags.a", wanted: "1", real: "2"})
		at := "/api/v2/drift-episodes/" + e
		if a := f.remedy(e, "reapply"); a["possible"] != true || a["findings-count"] != 2.0 || len(a["objects"].([]any)) != 1 || a["needs-override"] != false || a["severity"] != "medium" {
			s.T.Errorf("remedy = %v", a)
		}
		reader, planner := s.With(f.org, "reader", nil, map[string]string{f.ws: "read"}), s.With(f.org, "planner", nil, map[string]string{f.ws: "plan"})
		f.as(reader.Token, 200, "GET", at+"/remedies", nil)
		f.as(reader.Token, 404, "POST", at+"/actions/reapply", nil)
		run, a := data(f.as(planner.Token, 200, "POST", at+"/actions/reapply", nil))
		if a["auto-apply"] != false || a["target-addrs"] != nil && len(a["target-addrs"].([]any)) != 0 || !strings.Contains(a["message"].(string), "a_b.c") || !strings.Contains(a["message"].(string), e) {
			s.T.Errorf("run = %v, want one that waits, for everything, with a message that says why", a)
		}
		if r := f.do(409, "POST", at+"/actions/reapply", nil); !strings.Contains(r.Detail(), run) {
			s.T.Errorf("a second run is refused with %q", r.Detail())
		}
		if got, _ := f.do(200, "GET", "/api/v2/runs/"+run+"/drift-episodes", nil).JSON()["data"].([]any); len(got) != 1 || got[0].(map[string]any)["id"] != e {
			s.T.Errorf("episodes of the run = %v, want %s", got, e)
		}
		f.plan()
		if _, a := data(f.do(200, "GET", "/api/v2/runs/"+run, nil)); a["status"] != "planned" {
			s.T.Errorf("the run is %v after its plan, want it to wait", a["status"])
		}
		f.do(202, "POST", "/api/v2/runs/"+run+"/actions/apply", nil)
		f.apply(2)
		if left := f.assess(); left != "" {
			s.T.Errorf("the episode %s is open after the apply", left)
		}
		if r := f.do(422, "POST", at+"/actions/reapply", nil); !strings.Contains(r.Detail(), "The drift is over.") {
			s.T.Errorf("refused with %q", r.Detail())
		}
	})
}

// TestChosenFindingsAreTargets applies again what somebody chose.
func TestChosenFindingsAreTargets(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := applied(s, code)
		e := f.assess(change{address: "a_b.c", path: "size", wanted: "t3", real: "m5"}, change{address: "a_b.c", path: "tags.a", wanted: "1", real: "2"}, change{address: "a_b.d", kind: classify.Deleted, actions: []string{"create"}})
		ids := f.findings(e)
		at := "/api/v2/drift-episodes/" + e + "/actions/reapply"
		for _, wrong := range []string{about(`{}`), about(`{}`, "drf-none"), about(`{}`, ids["a_b.c size"], "drf-none"), strings.Replace(about(`{}`, ids["a_b.c size"]), "drift-findings\",\"id", "runs\",\"id", 1)} {
			f.do(422, "POST", at, wrong)
		}
		_, a := data(f.do(200, "POST", at, about(`{}`, ids["a_b.c size"], ids["a_b.c tags.a"])))
		if got := fmt.Sprint(a["target-addrs"]); got != "[a_b.c]" {
			s.T.Errorf("target-addrs = %s, want the object once", got)
		}
	})
}

// TestTheGuardRefuses has plans that nobody should apply without a look.
func TestTheGuardRefuses(t *testing.T) {
	many := []change{}
	for i := range 21 {
		many = append(many, change{address: fmt.Sprintf("a_b.n%d", i), path: "x", wanted: "1", real: "2"})
	}
	for name, c := range map[string]struct {
		changes []change
		words   string
	}{
		"data":        {[]change{{address: "a_db.c", path: "engine", wanted: "1", real: "2", actions: []string{"delete", "create"}, stateful: true, level: severity.Critical}}, "holds data: a_db.c."},
		"many":        {many, "21 objects, more than 20"},
		"code":        {[]change{{address: "a_b.c", path: "x", wanted: "1", real: "2", kind: classify.DriftConfig}}, "the code has changed too"},
		"consequence": {[]change{{address: "a_b.c", path: "x", real: "2", kind: classify.Feeds, actions: []string{"no-op"}}}, "other objects follow: a_b.c"},
	} {
		t.Run(name, func(t *testing.T) {
			s := apptest.Start(t)
			f := applied(s, code)
			e := f.assess(c.changes...)
			at := "/api/v2/drift-episodes/" + e + "/actions/reapply"
			a := f.remedy(e, "reapply")
			if a["possible"] != true || a["needs-override"] != true || !strings.Contains(fmt.Sprint(a["refusals"]), c.words) {
				t.Errorf("remedy = %v, want it to need an override", a)
			}
			if r := f.do(422, "POST", at, nil); !strings.Contains(r.Detail(), c.words) || !strings.Contains(string(r.Body), "guard_refuses") {
				t.Errorf("refused with %s", r.Body)
			}
			writer := s.With(f.org, "writer", nil, map[string]string{f.ws: "write"})
			f.as(writer.Token, 403, "POST", at, `{"data":{"attributes":{"override":true,"reason":"I want it."}}}`)
			f.do(422, "POST", at, `{"data":{"attributes":{"override":true,"reason":" "}}}`)
			_, run := data(f.do(200, "POST", at, `{"data":{"attributes":{"override":true,"reason":"It is a copy."}}}`))
			if run["auto-apply"] != false || !strings.Contains(run["message"].(string), "The guard was overridden: It is a copy.") {
				t.Errorf("run = %v, want one that waits and says why", run)
			}
		})
	}
}

// TestWhatCannotBeAppliedAgain says why.
func TestWhatCannotBeAppliedAgain(t *testing.T) {
	s := apptest.Start(t)
	f := applied(s, code)
	e := f.assess(change{address: "a_b.c", path: "size", wanted: "t3", real: "m5"})
	f.do(200, "PATCH", "/api/v2/workspaces/"+f.ws, `{"data":{"type":"workspaces","attributes":{"execution-mode":"local"}}}`)
	for _, kind := range []string{"reapply", "adopt"} {
		if a := f.remedy(e, kind); a["possible"] != false || !strings.Contains(fmt.Sprint(a["reason"]), "executed locally") {
			t.Errorf("%s of a workspace with local execution = %v", kind, a)
		}
		if r := f.do(422, "POST", "/api/v2/drift-episodes/"+e+"/actions/"+kind, nil); !strings.Contains(r.Detail(), "executed locally") {
			t.Errorf("%s is refused with %q", kind, r.Detail())
		}
	}
}

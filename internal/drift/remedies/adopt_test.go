package remedies_test

import (
	"encoding/json"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/classify"
)

// TestAWorkspaceGetsAPatch adopts drift of code that was uploaded.
func TestAWorkspaceGetsAPatch(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := applied(s, map[string]string{"main.tf": code["main.tf"] + "variable \"v\" {\n  default = \"x\"\n}\nresource \"a_b\" \"d\" {\n  size = var.v\n}\n"})
		f.do(201, "POST", "/api/v2/workspaces/"+f.ws+"/vars", `{"data":{"type":"vars","attributes":{"key":"v","value":"x","category":"terraform"}}}`)
		e := f.assess(change{address: "a_b.c", path: "size", wanted: "t3", real: "m5"}, change{address: "a_b.c", path: "tags.b", real: "2"}, change{address: "a_b.c", path: "password", masked: true},
			change{address: "a_b.d", path: "size", wanted: "x", real: "y"})
		at := "/api/v2/drift-episodes/" + e
		if a := f.remedy(e, "adopt"); a["possible"] != true || a["can-open-pull-request"] != false || a["needs-override"] != false || !strings.Contains(a["pull-request-reason"].(string), "uploaded") {
			s.T.Errorf("remedy = %v", a)
		}
		reader := s.With(f.org, "reader", nil, map[string]string{f.ws: "read"})
		f.as(reader.Token, 404, "POST", at+"/actions/adopt", nil)
		f.do(422, "POST", at+"/actions/adopt", `{"data":{"attributes":{"open-pull-request":true}}}`)
		id, a := data(f.do(200, "POST", at+"/actions/adopt", nil))
		if a["status"] != "ready" || a["findings-count"] != 4.0 || a["adopted-count"] != 2.0 || a["stale"] != false {
			s.T.Errorf("adoption = %v", a)
		}
		reasons := map[string]string{}
		for _, o := range a["outcomes"].([]any) {
			o := o.(map[string]any)
			reasons[o["address"].(string)+" "+o["path"].(string)] = o["reason"].(string)
		}
		if reasons["a_b.c password"] != "Its value is sensitive, and is not known to the server." || reasons["a_b.d size"] != "The value of var.v comes from outside of the code." || reasons["a_b.c size"] != "" {
			s.T.Errorf("reasons = %v", reasons)
		}
		patch := f.do(200, "GET", "/api/v2/drift-adoptions/"+id+"/patch", nil)
		want := "diff --git a/main.tf b/main.tf\n--- a/main.tf\n+++ b/main.tf\n@@ -1,6 +1,6 @@\n resource \"a_b\" \"c\" {\n-  size = \"t3\"\n-  tags = { a = \"1\" }\n+  size = \"m5\"\n+  tags = { a = \"1\", b = \"2\" }\n }\n variable \"v\" {\n   default = \"x\"\n"
		if string(patch.Body) != want || patch.Header.Get("Content-Type") != "text/x-diff; charset=utf-8" {
			s.T.Errorf("patch (%s) = %s, want %s", patch.Header.Get("Content-Type"), patch.Body, want)
		}
		f.as(reader.Token, 200, "GET", "/api/v2/drift-adoptions/"+id, nil)
		f.as(reader.Token, 404, "GET", "/api/v2/drift-adoptions/"+id+"/patch", nil)
		again, a := data(f.do(200, "POST", at+"/actions/adopt", about(`{}`, f.findings(e)["a_b.c size"])))
		if again != id || a["findings-count"] != 1.0 || a["adopted-count"] != 1.0 {
			s.T.Errorf("the next adoption = %s %v, want the same with one finding", again, a)
		}
		f.assess(change{address: "a_b.c", path: "size", wanted: "t3", real: "m6"})
		if _, a := data(f.do(200, "GET", "/api/v2/drift-adoptions/"+id, nil)); a["stale"] != true {
			s.T.Errorf("adoption = %v after another change, want it stale", a)
		}
	})
}

// TestSecretsAndValuesStaySealed: what is written to the database tells no values.
func TestSecretsAndValuesStaySealed(t *testing.T) {
	s := apptest.Start(t)
	f := applied(s, code)
	e := f.assess(change{address: "a_b.c", path: "size", wanted: "t3", real: "canary-real"}, change{address: "a_b.c", path: "secret", masked: true, kind: classify.Drift, wanted: "canary-recorded", real: "canary-masked"})
	id, _ := data(f.do(200, "POST", "/api/v2/drift-episodes/"+e+"/actions/adopt", nil))
	a, err := s.App.Drift.Remedies.Find(t.Context(), id)
	f.must(err)
	row, err := json.Marshal(a)
	f.must(err)
	if strings.Contains(string(row)+string(a.Sealed), "canary") {
		t.Errorf("a row of drift_adoptions has a value in clear")
	}
	if b := string(f.do(200, "GET", "/api/v2/drift-adoptions/"+id+"/patch", nil).Body); !strings.Contains(b, "canary-real") || strings.Contains(b, "canary-masked") || strings.Contains(b, "canary-recorded") {
		t.Errorf("patch = %s, want the value that is real and nothing that is sensitive", b)
	}
}

// TestOneStatementForAllFindings: what can be done about an episode takes no statement for each
// finding.
func TestOneStatementForAllFindings(t *testing.T) {
	s := apptest.Start(t)
	f := applied(s, code)
	e := f.assess(change{address: "a_b.c", path: "size", wanted: "t3", real: "m5"})
	count := func() int {
		return len(s.Statements(func() { f.do(200, "GET", "/api/v2/drift-episodes/"+e+"/remedies", nil) }))
	}
	one := count()
	many := []change{}
	for i := range 15 {
		many = append(many, change{address: "a_b.n" + strings.Repeat("x", i), path: "x", wanted: "1", real: "2"})
	}
	f.assess(many...)
	if n := count(); n != one {
		t.Errorf("%d statements for 15 objects, %d for one", n, one)
	}
}

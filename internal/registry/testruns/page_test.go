package testruns_test

import (
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/executor/proto"
)

// TestSamplesOfTests compares answers with the samples of the page, member by member.
func TestSamplesOfTests(t *testing.T) {
	page := apptest.ReadPage(t, "private-registry_tests.md")
	apptest.Run(t, func(s *apptest.Server) {
		f := newFixture(s)
		follows := func(sample, status int, method, path string, body any) string {
			s.T.Helper()
			r := s.Do(method, f.base+path, f.org.Owner.Token, body)
			if r.Status != status {
				s.T.Fatalf("%s %s = %d %s, want %d", method, path, r.Status, r.Body, status)
			}
			page.Follows(s.T, sample, r, nil)
			data, _ := r.JSON()["data"].(map[string]any)
			id, _ := data["id"].(string)
			return id
		}
		created := s.Do("POST", f.base+"/test-runs/configuration-versions", f.org.Owner.Token, nil)
		page.Follows(s.T, 3, created, map[string]string{"data.attributes.changed-files": "only a push to a VCS changes files, and there are no VCS connections"})
		f.files(f.id)
		id := follows(2, 201, "POST", "/test-runs", page.Sample(1))
		ticket, _ := f.claim()
		f.finish(ticket, proto.Result{Outcome: proto.Finished}, proto.TestResult{Status: "pass", Passed: 1})
		follows(4, 200, "GET", "/test-runs/", nil)
		follows(5, 200, "GET", "/test-runs/"+id, nil)
		r := s.Do("POST", f.base+"/vars", f.org.Owner.Token, page.Sample(6))
		if r.Status != 201 {
			s.T.Fatalf("POST of a variable = %d %s", r.Status, r.Body)
		}
		follows(7, 200, "GET", "/vars", nil)
		v := r.JSON()["data"].(map[string]any)["id"].(string)
		follows(9, 200, "PATCH", "/vars/"+v, page.Sample(8))
	})
}

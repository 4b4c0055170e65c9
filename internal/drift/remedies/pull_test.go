package remedies_test

import (
	"fmt"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/config"
)

// scanned is a folder of a repository that a schedule scans.
type scanned struct {
	*fixture
	forge    *apptest.Forge
	schedule string
	token    string
}

const network = "resource \"a_b\" \"c\" {\n  size = \"t3\"\n  tags = { a = \"1\" }\n}\nmodule \"m\" {\n  source = \"../modules/m\"\n}\n"

func newScanned(t *testing.T, isGitLab bool) *scanned {
	host := apptest.NewGitHost(t)
	host.Commit("private/infra", "main", map[string]string{"network/main.tf": network, "other/main.tf": "provider \"x\" {}\nmodule \"m\" {\n  source = \"../modules/m\"\n}\n", "modules/m/main.tf": "resource \"a_b\" \"in\" {\n  size = \"t3\"\n}\n"})
	g := apptest.NewForge(t, host, isGitLab)
	rewrite := host.Rewrite()
	kind, url := "github-private", "https://github.com/private/infra"
	if isGitLab {
		rewrite["gitlab.com"], kind, url = g.URL, "gitlab", "https://gitlab.com/private/infra"
	} else {
		rewrite["api.github.com"] = g.URL
	}
	s := apptest.Start(t, func(c *config.Server) {
		c.Outbound = config.Outbound{Allow: []string{"127.0.0.0/8"}, HTTP: true, Rewrite: rewrite}
	})
	f := &scanned{fixture: &fixture{Server: s, org: s.Org("acme"), e: s.Executor()}, forge: g, token: host.Token}
	repo, _ := data(f.do(201, "POST", "/api/v2/organizations/acme/drift-repositories", fmt.Sprintf(`{"data":{"type":"drift-repositories","attributes":{"url":%q,"type":%q,"token":%q}}}`, url, kind, host.Token)))
	f.schedule, _ = data(f.do(201, "POST", "/api/v2/organizations/acme/drift-schedules", fmt.Sprintf(`{"data":{"type":"drift-schedules","attributes":{"name":"infra","branch":"main","folders":["network"],"frequency":"daily"},
		"relationships":{"repository":{"data":{"type":"drift-repositories","id":%q}}}}}`, repo)))
	return f
}

// scan scans the folder, plays what is found, and returns the open episode.
func (f *scanned) scan(changes ...change) string {
	f.T.Helper()
	f.do(202, "POST", "/api/v2/drift-schedules/"+f.schedule+"/actions/scan", nil)
	var spec proto.Scan
	t := f.e.Claim(proto.KindScan, &spec)
	f.e.Put(t, proto.Findings, report(changes...))
	f.e.Finish(t, proto.Result{Outcome: proto.Finished}, proto.ScanResult{EngineVersion: "1.12.6"})
	f.Settle()
	return f.episode()
}

func (f *scanned) adoption(id string) map[string]any {
	f.T.Helper()
	_, a := data(f.do(200, "GET", "/api/v2/drift-adoptions/"+id, nil))
	return a
}

// TestAPullRequestAdopts opens one, brings it up to date, merges it and looks again.
func TestAPullRequestAdopts(t *testing.T) {
	for name, isGitLab := range map[string]bool{"github": false, "gitlab": true} {
		t.Run(name, func(t *testing.T) {
			f := newScanned(t, isGitLab)
			size := change{address: "a_b.c", path: "size", wanted: "t3", real: "m5"}
			shared := change{address: "module.m.a_b.in", path: "size", wanted: "t3", real: "m5"}
			e := f.scan(size, shared)
			at := "/api/v2/drift-episodes/" + e
			if a := f.remedy(e, "reapply"); a["possible"] != false || !strings.Contains(a["reason"].(string), "applied elsewhere") {
				t.Errorf("reapply = %v", a)
			}
			f.do(422, "POST", at+"/actions/reapply", nil)
			if a := f.remedy(e, "adopt"); a["can-open-pull-request"] != true || a["pull-request-reason"] != nil {
				t.Errorf("adopt = %v", a)
			}
			id, a := data(f.do(200, "POST", at+"/actions/adopt", nil))
			if len(f.forge.Asked()) != 0 || a["status"] != "ready" || a["adopted-count"] != 1.0 {
				t.Errorf("a patch asks the host %v: %v", f.forge.Asked(), a)
			}
			heard := f.Hear("acme", f.org.Owner.Token)
			f.do(200, "POST", at+"/actions/adopt", `{"data":{"attributes":{"open-pull-request":true}}}`)
			f.Settle()
			for _, change := range []string{"that it is opened", "that it is open"} {
				if got, want := heard("drift-adoptions"), `{"type":"drift-adoptions","id":"`+id+`"}`; got != want {
					t.Errorf("of a pull request clients hear %s, want %s: %s", got, want, change)
				}
			}
			a = f.adoption(id)
			p := f.forge.Pulls()
			if a["status"] != "open" || a["pull-request-number"] != 1.0 || len(p) != 1 || p[0].Base != "main" || p[0].Title != "Adopt drift of infra, network" {
				t.Fatalf("adoption = %v, pull requests %+v", a, p)
			}
			for _, words := range []string{"/app/acme/drift/episodes/" + e, "`a_b.c size` in `network/main.tf:2`", "`module.m.a_b.in size`: `The module in modules/m is used more than once: an edit would change other objects too.`"} {
				if !strings.Contains(p[0].Body, words) {
					t.Errorf("the pull request says\n%s\nwant %q in it", p[0].Body, words)
				}
			}
			if got, want := f.forge.File(p[0].Head, "network/main.tf"), strings.TrimSpace(strings.Replace(network, `"t3"`, `"m5"`, 1)); got != want {
				t.Errorf("the branch has\n%s\nwant\n%s", got, want)
			}
			f.scan(change{address: "a_b.c", path: "size", wanted: "t3", real: "m6"}, change{address: "a_b.c", path: "tags.b", real: "2"})
			if len(f.forge.Pulls()) != 1 || f.forge.Pulls()[0].Updates == 0 || f.adoption(id)["stale"] != false {
				t.Errorf("after another change: %+v, %v, want the one pull request up to date", f.forge.Pulls(), f.adoption(id))
			}
			f.do(200, "POST", at+"/actions/adopt", `{"data":{"attributes":{"open-pull-request":true}}}`)
			f.Settle()
			if len(f.forge.Pulls()) != 1 {
				t.Errorf("there are %d pull requests, want one for an episode", len(f.forge.Pulls()))
			}
			f.forge.Merge(1)
			want := strings.TrimSpace(strings.Replace(strings.Replace(network, `"t3"`, `"m6"`, 1), `"1" }`, `"1", b = "2" }`, 1))
			if got := f.forge.File("main", "network/main.tf"); got != want {
				t.Errorf("merged:\n%s\nwant\n%s", got, want)
			}
			if left := f.scan(); left != "" {
				t.Errorf("the episode %s is open after the merge", left)
			}
			if a := f.adoption(id); a["status"] != "merged" || a["pull-request-number"] != 1.0 {
				t.Errorf("the adoption is %v after the merge, want it merged", a)
			}
		})
	}
}

// TestAPullRequestThatIsClosed is noticed by the next scan, and stays closed when the drift
// changes: the next one is opened for who asks for it.
func TestAPullRequestThatIsClosed(t *testing.T) {
	for name, isGitLab := range map[string]bool{"github": false, "gitlab": true} {
		t.Run(name, func(t *testing.T) {
			f := newScanned(t, isGitLab)
			e := f.scan(change{address: "a_b.c", path: "size", wanted: "t3", real: "m5"})
			adopt := func() string {
				id, _ := data(f.do(200, "POST", "/api/v2/drift-episodes/"+e+"/actions/adopt", `{"data":{"attributes":{"open-pull-request":true}}}`))
				f.Settle()
				return id
			}
			id := adopt()
			f.forge.Decline(1)
			f.scan(change{address: "a_b.c", path: "size", wanted: "t3", real: "m5"})
			if a := f.adoption(id); a["status"] != "closed" {
				t.Errorf("the adoption is %v after the next scan, want it closed", a)
			}
			f.scan(change{address: "a_b.c", path: "size", wanted: "t3", real: "m6"})
			if got := f.forge.Pulls(); len(got) != 1 || got[0].Updates != 0 {
				t.Errorf("pull requests = %+v after another change, want the closed one as it was", got)
			}
			adopt()
			if a := f.adoption(id); a["status"] != "open" || a["pull-request-number"] != 2.0 {
				t.Errorf("the adoption is %v when it is asked for again, want a second pull request", a)
			}
			f.forge.Decline(2)
			f.scan(change{address: "a_b.c", path: "size", wanted: "t3", real: "m7"}) // closed and changed since the last look
			if a := f.adoption(id); a["status"] != "closed" || len(f.forge.Pulls()) != 2 {
				t.Errorf("the adoption is %v with %d pull requests, want it closed and no other", a, len(f.forge.Pulls()))
			}
		})
	}
}

// TestAHostThatRefuses says so in the adoption, with its words and not with the token.
func TestAHostThatRefuses(t *testing.T) {
	f := newScanned(t, false)
	e := f.scan(change{address: "a_b.c", path: "size", wanted: "t3", real: "m5"})
	f.forge.Refuse(403)
	id, _ := data(f.do(200, "POST", "/api/v2/drift-episodes/"+e+"/actions/adopt", `{"data":{"attributes":{"open-pull-request":true}}}`))
	f.Settle()
	a := f.adoption(id)
	if a["status"] != "failed" || !strings.Contains(a["error-message"].(string), "may not write") || strings.Contains(fmt.Sprint(a), f.token) {
		t.Errorf("adoption = %v, want it failed, with the reason", a)
	}
	f.forge.Refuse(0)
	f.do(200, "POST", "/api/v2/drift-episodes/"+e+"/actions/adopt", `{"data":{"attributes":{"open-pull-request":true}}}`)
	f.Settle()
	if a := f.adoption(id); a["status"] != "open" || a["error-message"] != nil {
		t.Errorf("adoption = %v, want it open", a)
	}
	if r := f.do(422, "POST", "/api/v2/drift-episodes/"+e+"/actions/adopt", about(`{"open-pull-request":true}`, "drf-none")); !strings.Contains(r.Detail(), "open ones") {
		t.Errorf("refused with %q", r.Detail())
	}
}

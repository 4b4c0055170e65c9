package alerts_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/alerts"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// keeper is a server with an alert that keeps issues in the forge.
func keeper(t *testing.T, g *forge) (place, string) {
	s := apptest.Start(t, open)
	p := newPlace(s)
	s.App.Drift.Alerts.Target = func(_ context.Context, id string) (alerts.Target, error) {
		if id != "repo" {
			return alerts.Target{}, problem.NotFound
		}
		return g.target(), nil
	}
	kind := "github-issue"
	if g.gitlab {
		kind = "gitlab-issue"
	}
	return p, p.save(map[string]any{"alert_type": kind, "alert_subject": "Configuration drift detected in FOLDER", "alert_body": "Configuration drift detected in FOLDER.\n\nDescription: AI_SUMMARY\n\nAI_DESCRIPTION\n\n```\nOUTPUT_BRIEF\n```\n"})
}

func forges(t *testing.T, test func(t *testing.T, g *forge)) {
	for _, isGitLab := range []bool{false, true} {
		t.Run(map[bool]string{false: "github", true: "gitlab"}[isGitLab], func(t *testing.T) { test(t, newForge(t, isGitLab)) })
	}
}

func TestOneIssueForEachFolder(t *testing.T) {
	forges(t, func(t *testing.T, g *forge) {
		p, id := keeper(t, g)
		f := p.App.Drift.Alerts
		now := time.Now()
		f.Now, g.now = func() time.Time { return now }, func() time.Time { return now }
		n := 0
		step := func(kind, episode, fingerprint string, want ...string) {
			t.Helper()
			n++
			e := p.event(id, kind)
			e.ScanID, e.EpisodeID, e.Fingerprint = fmt.Sprint("drsc-", n), episode, fingerprint
			e.Summary = "summary " + fingerprint
			p.raise(e)
			if diff := cmp.Diff(want, g.state()); diff != "" {
				t.Errorf("after %s of %s (-want +got):\n%s%v", kind, episode, diff, p.deliveries())
			}
		}
		step(alerts.New, "e1", "f1", "1 open 0")
		if is := g.last(); is.title != "Configuration drift detected in net" || !strings.Contains(is.body, "Description: summary f1") || !strings.Contains(is.body, "<!-- tfdrift:sched:net -->") {
			t.Errorf("issue = %+v", is)
		}
		g.issues[0].title = "renamed by hand"
		step(alerts.Changed, "e1", "f2", "1 open 1")
		if is := g.last(); !strings.Contains(is.body, "summary f2") || strings.Contains(is.body, "summary f1") {
			t.Errorf("issue = %+v, want what there is now", is)
		}
		step(alerts.Resolved, "e1", "", "1 closed 2")
		now = now.Add(29 * 24 * time.Hour)
		step(alerts.New, "e2", "f3", "1 open 3")
		step(alerts.Resolved, "e2", "", "1 closed 4")
		now = now.Add(31 * 24 * time.Hour)
		step(alerts.New, "e3", "f4", "1 closed 4", "2 open 0")
		// Somebody removes the mark, or the row is lost: it is found, or made anew.
		if _, err := p.DB.Exec(t.Context(), `DELETE FROM drift_issues`); err != nil {
			t.Fatal(err)
		}
		step(alerts.Changed, "e3", "f5", "1 closed 4", "2 open 1")
		other := p.event(id, alerts.New)
		other.Folder, other.EpisodeID, other.ScanID = "a--b/c", "e9", "drsc-x"
		p.raise(other)
		if diff := cmp.Diff([]string{"1 closed 4", "2 open 1", "3 open 0"}, g.state()); diff != "" {
			t.Errorf("another folder (-want +got):\n%s", diff)
		}
		if is := g.last(); !strings.Contains(is.body, "<!-- tfdrift:sched:a%2D%2Db%2Fc -->") {
			t.Errorf("body = %s, want a mark that is one comment", is.body)
		}
	})
}

func TestIssuesAreFoundOnLaterPages(t *testing.T) {
	forges(t, func(t *testing.T, g *forge) {
		g.add("ours", "text\n\n<!-- tfdrift:sched:net -->")
		for range 150 {
			g.add("noise", "tfdrift is mentioned")
		}
		g.issues[120].body, g.issues[120].pull = "<!-- tfdrift:sched:net -->", true // a pull request that quotes it, on GitHub
		if g.gitlab {
			g.issues[120].body = "x"
		}
		p, id := keeper(t, g)
		p.raise(p.event(id, alerts.New))
		if len(g.issues) != 151 || len(g.issues[0].comments) != 1 {
			t.Errorf("issues = %d, comments %v, want the first one found", len(g.issues), g.issues[0].comments)
		}
	})
}

func TestLongIssuesAreCut(t *testing.T) {
	forges(t, func(t *testing.T, g *forge) {
		p, id := keeper(t, g)
		p.verb(map[string]any{"save": 1, "alert_id": id, "alert_body": "OUTPUT OUTPUT OUTPUT_BRIEF"})
		e := p.event(id, alerts.New)
		e.Output, e.OutputBrief = strings.Repeat("ä", 200_000), strings.Repeat("<!-- tfdrift:x:y --> ", 10_000)
		p.raise(e)
		if len(g.issues) != 1 || utf8.RuneCountInString(g.last().body) > 65536 || !strings.HasSuffix(g.last().body, "<!-- tfdrift:sched:net -->") || strings.Count(g.last().body, "<!--") != 1 {
			t.Errorf("issues = %d, want one that fits and has one mark; %v", len(g.issues), p.deliveries())
		}
	})
}

func TestRateLimitsAreKept(t *testing.T) {
	reset := time.Now().Add(10 * time.Minute).Unix()
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter)
		wait   time.Duration
	}{
		"secondary, with Retry-After": {func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "90")
			answer(w, 403, map[string]any{"message": "You have exceeded a secondary rate limit."})
		}, 90 * time.Second},
		"secondary, without": {func(w http.ResponseWriter) {
			answer(w, 403, map[string]any{"message": "You have exceeded a secondary rate limit."})
		}, time.Minute},
		"primary": {func(w http.ResponseWriter) {
			w.Header().Set("X-RateLimit-Remaining", "0")
			w.Header().Set("X-RateLimit-Reset", fmt.Sprint(reset))
			answer(w, 403, map[string]any{"message": "API rate limit exceeded"})
		}, 10 * time.Minute},
		"429": {func(w http.ResponseWriter) { answer(w, 429, map[string]any{"message": "Retry later"}) }, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			g := newForge(t, false)
			g.refuse = func(w http.ResponseWriter, _ *http.Request) bool { c.answer(w); return true }
			p, id := keeper(t, g)
			start := time.Now()
			p.raise(p.event(id, alerts.New))
			d, err := db.One[alerts.Delivery](t.Context(), p.DB, `FROM drift_alert_deliveries`)
			if err != nil || d.Status != "pending" || d.Attempts != 0 || d.NextAttemptAt == nil {
				t.Fatalf("delivery = %+v, %v, want it to wait without having failed", d, err)
			}
			if wait := d.NextAttemptAt.Sub(start); wait < c.wait-5*time.Second || wait > c.wait+30*time.Second {
				t.Errorf("waits %v, want %v", wait, c.wait)
			}
			g.mu.Lock()
			g.refuse = nil
			g.mu.Unlock()
			later := d.NextAttemptAt.Time
			p.App.Drift.Alerts.Now = func() time.Time { return later }
			if err := p.App.Drift.Alerts.Deliver(t.Context(), d.ID); err != nil || len(g.issues) != 1 {
				t.Errorf("Deliver = %v with %d issues, want one", err, len(g.issues))
			}
		})
	}
}

func TestWhatIssuesCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		refuse func(w http.ResponseWriter)
		target func(*alerts.Target)
		want   string
	}{
		"wrong token":   {nil, func(t *alerts.Target) { t.Token = "planted-wrong" }, "401"},
		"no token":      {nil, func(t *alerts.Target) { t.Token = "" }, "no token"},
		"other kind":    {nil, func(t *alerts.Target) { t.Kind = "gitlab" }, "is not on GitHub"},
		"no repository": {nil, func(t *alerts.Target) { t.FullName = "acme/gone" }, "may not write them"},
		"no issues": {func(w http.ResponseWriter) {
			answer(w, 410, map[string]any{"message": "Issues are disabled for this repo"})
		}, nil, "Issues are disabled"},
		"forbidden": {func(w http.ResponseWriter) {
			answer(w, 403, map[string]any{"message": "Resource not accessible by personal access token"})
		}, nil, "not accessible"},
		"invalid": {func(w http.ResponseWriter) { answer(w, 422, map[string]any{"message": "Validation Failed"}) }, nil, "Validation Failed"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newForge(t, false)
			if c.refuse != nil {
				g.refuse = func(w http.ResponseWriter, _ *http.Request) bool { c.refuse(w); return true }
			}
			p, id := keeper(t, g)
			p.App.Drift.Alerts.Target = func(context.Context, string) (alerts.Target, error) {
				target := g.target()
				if c.target != nil {
					c.target(&target)
				}
				return target, nil
			}
			p.raise(p.event(id, alerts.New))
			d, err := db.One[alerts.Delivery](t.Context(), p.DB, `FROM drift_alert_deliveries`)
			if err != nil || d.Status != "dead" || !strings.Contains(d.Error, c.want) || strings.Contains(d.Error, "planted") || len(g.issues) != 0 {
				t.Errorf("delivery = %+v, %v, want it dead with %q", d, err, c.want)
			}
		})
	}
}

func TestACrashMakesNoSecondIssue(t *testing.T) {
	g := newForge(t, false)
	p, id := keeper(t, g)
	g.refuse = func(w http.ResponseWriter, r *http.Request) bool { // the answer to the creation is lost
		if r.Method != "POST" || len(g.issues) > 0 {
			return false
		}
		raw, _ := io.ReadAll(r.Body)
		var in map[string]string
		_ = json.Unmarshal(raw, &in)
		g.add(in["title"], in["body"])
		answer(w, 502, map[string]any{"message": "Server Error"})
		return true
	}
	p.raise(p.event(id, alerts.New))
	d, err := db.One[alerts.Delivery](t.Context(), p.DB, `FROM drift_alert_deliveries`)
	if err != nil || d.Status != "pending" {
		t.Fatalf("delivery = %+v, %v, want it to be tried again", d, err)
	}
	later := d.NextAttemptAt.Time
	p.App.Drift.Alerts.Now = func() time.Time { return later }
	if err := p.App.Drift.Alerts.Deliver(t.Context(), d.ID); err != nil {
		t.Fatal(err)
	}
	if len(g.issues) != 1 || p.deliveries()[0] != "new sent" {
		t.Errorf("issues = %v, deliveries %v, want one issue", g.state(), p.deliveries())
	}
}

func TestTestsOfIssues(t *testing.T) {
	forges(t, func(t *testing.T, g *forge) {
		p, id := keeper(t, g)
		if status, out := p.verb(map[string]any{"test": 1, "alert_id": id}); status != 400 || out["field"] != "state_id" {
			t.Errorf("test without state_id = %d %v, want it asked for", status, out)
		}
		p.App.Drift.Alerts.RepositoryIn = func(_ context.Context, orgID, id string) error {
			if orgID != p.org.ID || id != "repo" {
				return problem.NotFound
			}
			return nil
		}
		if status, out := p.verb(map[string]any{"test": 1, "alert_id": id, "state_id": "another"}); status != 404 {
			t.Errorf("test with a foreign state_id = %d %v, want 404", status, out)
		}
		if status, out := p.verb(map[string]any{"test": 1, "alert_id": id, "state_id": "repo"}); status != 200 || out["status"] != "good" {
			t.Errorf("test = %d %v", status, out)
		}
		if diff := cmp.Diff([]string{"1 closed 1"}, g.state()); diff != "" || !strings.HasPrefix(g.last().title, "[TEST] ") {
			t.Errorf("issues (-want +got):\n%s %+v", diff, g.last())
		}
		p.raise(p.event(id, alerts.Test)) // a scan that is a test
		if diff := cmp.Diff([]string{"1 closed 1", "2 closed 1"}, g.state()); diff != "" || strings.Contains(g.last().body, "tfdrift") {
			t.Errorf("issues after a test scan (-want +got):\n%s %+v", diff, g.last())
		}
	})
}

// TestIssueOfAFailureIsClosed: when scans work again, and not while the folder drifts.
func TestIssueOfAFailureIsClosed(t *testing.T) {
	forges(t, func(t *testing.T, g *forge) {
		p, id := keeper(t, g)
		n := 0
		step := func(kind, episode string, want ...string) {
			t.Helper()
			n++
			e := p.event(id, kind)
			e.ScanID, e.EpisodeID, e.Fingerprint = fmt.Sprint("drsc-", n), episode, "f"
			p.raise(e)
			if diff := cmp.Diff(want, g.state()); diff != "" {
				t.Errorf("after step %d, %s (-want +got):\n%s%v", n, kind, diff, p.deliveries())
			}
		}
		step(alerts.Failed, "", "1 open 0")
		step(alerts.Recovered, "", "1 closed 1")
		step(alerts.Recovered, "", "1 closed 1")
		step(alerts.New, "e1", "1 open 2")
		step(alerts.Failed, "", "1 open 3")
		step(alerts.Changed, "e1", "1 open 4") // the same drift takes the place of the failure
		step(alerts.Recovered, "", "1 open 4")
		step(alerts.Resolved, "e1", "1 closed 5")
	})
}

// TestIssueOfPendingCodeIsClosed: code that waits opens the issue of its folder, drift takes
// it over, and it is closed when neither is there.
func TestIssueOfPendingCodeIsClosed(t *testing.T) {
	forges(t, func(t *testing.T, g *forge) {
		p, id := keeper(t, g)
		n := 0
		step := func(kind string, pending bool, fingerprint string, want ...string) {
			t.Helper()
			n++
			e := p.event(id, kind)
			if e.ScanID, e.Fingerprint, e.Pending = fmt.Sprint("drsc-", n), fingerprint, pending; pending {
				e.EpisodeID, e.Severity = "", "info"
			}
			p.raise(e)
			if diff := cmp.Diff(want, g.state()); diff != "" {
				t.Errorf("after step %d, %s (-want +got):\n%s%v", n, kind, diff, p.deliveries())
			}
		}
		step(alerts.New, true, "p1", "1 open 0")
		step(alerts.New, true, "p1", "1 open 0")
		step(alerts.Resolved, true, "", "1 closed 1")
		step(alerts.Resolved, true, "", "1 closed 1")
		step(alerts.New, true, "p1", "1 open 2")
		step(alerts.New, false, "f1", "1 open 3")
		step(alerts.Resolved, false, "", "1 closed 4")
		step(alerts.New, true, "p1", "1 open 5") // it waits still
		step(alerts.Resolved, true, "", "1 closed 6")
		if r := p.Do("GET", "/api/v2/organizations/acme/drift-alert-deliveries", p.org.Owner.Token, nil); strings.Contains(string(r.Body), "pending-config") {
			t.Errorf("deliveries = %s, want no episode where there is none", r.Body)
		}
	})
}

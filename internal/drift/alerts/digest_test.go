package alerts_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/alerts"
	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// digests returns those that wait.
func (p place) digests() []alerts.Delivery {
	p.T.Helper()
	rows, err := db.All[alerts.Delivery](p.T.Context(), p.DB, `FROM drift_alert_deliveries WHERE event = 'digest' AND status = 'pending' ORDER BY created_at, id`)
	if err != nil {
		p.T.Fatal(err)
	}
	return rows
}

func TestADailyDigestPutsFoldersTogether(t *testing.T) {
	h := newHook(t)
	apptest.Run(t, func(s *apptest.Server) {
		p, f := newPlace(s), s.App.Drift.Alerts
		now := time.Date(2026, 11, 21, 20, 30, 0, 0, time.UTC) // 07:30 of the 22nd in Sydney
		f.Now = func() time.Time { return now }
		id := p.save(map[string]any{"alert_type": "other", "alert_url": h.URL, "alert_body": "EVENT AI_SEVERITY REPO FOLDER SCAN_URL|AI_SUMMARY\nOUTPUT_BRIEF", "digest": "daily"})
		for i, folder := range []string{"net", "db", "web"} {
			e := p.event(id, alerts.New)
			e.ScanID, e.EpisodeID, e.Folder, e.Severity = fmt.Sprint("drsc-", i), fmt.Sprint("drep-", i), folder, []string{"low", "critical", "high"}[i]
			p.raise(e)
		}
		end := p.event(id, alerts.Resolved)
		end.ScanID, end.EpisodeID, end.Folder = "drsc-9", "drep-2", "web"
		p.raise(end)
		waiting := p.digests()
		if got := h.take(); len(got) != 0 || len(waiting) != 1 {
			s.T.Fatalf("sent = %v and %d digests wait, want one that waits", got, len(waiting))
		}
		if at := waiting[0].NextAttemptAt.UTC().Format(time.RFC3339); at != "2026-11-21T22:00:00Z" {
			s.T.Errorf("the digest goes out at %s, want 09:00 in Sydney", at)
		}
		now = now.Add(2 * time.Hour)
		if err := f.Deliver(s.T.Context(), waiting[0].ID); err != nil {
			s.T.Fatal(err)
		}
		got := h.take()
		if len(got) != 1 || !strings.HasPrefix(got[0].body, "new critical acme/infra (3 folders) https://plumbline.example/app/acme/drift|2 folders have drifted, 1 folder is as it should be again\ncritical acme/infra/db: ") ||
			strings.Count(got[0].body, "acme/infra/web") != 1 || !strings.Contains(got[0].body, "resolved acme/infra/web") {
			s.T.Errorf("digest = %v, want each folder once, as it is now, the worst first", got)
		}
		shown := s.Do("GET", "/api/v2/drift-alert-deliveries/"+waiting[0].ID+"/message", p.org.Owner.Token, nil)
		if body, _ := shown.JSON()["body"].(string); shown.Status != 200 || len(got) == 1 && body != got[0].body {
			s.T.Errorf("message = %d %s, want what was sent", shown.Status, shown.Body)
		}
		e := p.event(id, alerts.Changed)
		e.ScanID, e.EpisodeID, e.Folder, e.Fingerprint = "drsc-10", "drep-0", "net", "f2"
		p.raise(e)
		if waiting = p.digests(); len(waiting) != 1 || waiting[0].NextAttemptAt.UTC().Format(time.RFC3339) != "2026-11-22T22:00:00Z" {
			s.T.Errorf("%+v wait, want one for the next day", waiting)
		}
	}, open)
}

func TestADigestOfAScanHoldsWhatCameUntilThen(t *testing.T) {
	h := newHook(t)
	s := apptest.Start(t, open)
	p, f := newPlace(s), s.App.Drift.Alerts
	id := p.save(map[string]any{"alert_type": "other", "alert_url": h.URL, "alert_body": "AI_SUMMARY\nOUTPUT_BRIEF", "digest": "scan"})
	tell := func(n int) {
		e := p.event(id, alerts.New)
		e.BatchID, e.ScanID, e.EpisodeID, e.Folder = "batch", fmt.Sprint("drsc-", n), fmt.Sprint("drep-", n), fmt.Sprintf("folder-%d", n)
		p.raise(e)
	}
	tell(1)
	tell(2)
	later := time.Now().Add(3 * time.Minute)
	f.Now = func() time.Time { return later }
	if err := f.Deliver(t.Context(), p.digests()[0].ID); err != nil {
		t.Fatal(err)
	}
	tell(3)
	waiting := p.digests()
	if len(waiting) != 1 {
		t.Fatalf("%d digests wait, want one with the third folder", len(waiting))
	}
	later = later.Add(3 * time.Minute)
	if err := f.Deliver(t.Context(), waiting[0].ID); err != nil {
		t.Fatal(err)
	}
	got := h.take()
	if len(got) != 2 || !strings.Contains(got[0].body, "2 folders have drifted") || !strings.Contains(got[1].body, "1 folder has drifted") || strings.Contains(got[1].body, "folder-1") {
		t.Errorf("digests = %v, want the first two folders and then the third", got)
	}
}

func TestADigestTellsThatScansWorkAgain(t *testing.T) {
	h := newHook(t)
	apptest.Run(t, func(s *apptest.Server) {
		p, f := newPlace(s), s.App.Drift.Alerts
		now := time.Date(2026, 11, 21, 20, 30, 0, 0, time.UTC)
		f.Now = func() time.Time { return now }
		id := p.save(map[string]any{"alert_type": "other", "alert_url": h.URL, "alert_body": "EVENT FOLDER|AI_SUMMARY\nOUTPUT_BRIEF", "digest": "daily"})
		scan := 0
		tell := func(kind, folder string) {
			scan++
			e := p.event(id, kind)
			e.ScanID, e.Folder, e.EpisodeID = fmt.Sprint("drsc-", scan), folder, ""
			if kind == alerts.New {
				e.EpisodeID = "drep-" + folder
			}
			p.raise(e)
		}
		digest := func() string {
			waiting := p.digests()
			if len(waiting) != 1 {
				s.T.Fatalf("%d digests wait, want one", len(waiting))
			}
			now = waiting[0].NextAttemptAt.Add(time.Minute)
			if err := f.Deliver(s.T.Context(), waiting[0].ID); err != nil {
				s.T.Fatal(err)
			}
			got := h.take()
			if len(got) != 1 {
				s.T.Fatalf("sent = %v, want one digest", got)
			}
			return got[0].body
		}
		tell(alerts.New, "net")
		tell(alerts.Failed, "net")
		tell(alerts.Failed, "db")
		if got, want := digest(), "new (2 folders)|1 folder has drifted, 2 folders cannot be scanned\n"; !strings.HasPrefix(got, want) || strings.Count(got, "acme/infra/net") != 2 {
			s.T.Errorf("digest = %q, want %q: a failing scan does not hide the drift that was seen", got, want)
		}
		tell(alerts.Recovered, "db")
		tell(alerts.Recovered, "web") // of which nobody heard that it fails
		if got := h.take(); len(got) != 0 {
			s.T.Errorf("sent = %v, want it to wait for the digest", got)
		}
		if got, want := digest(), "recovered (1 folder)|1 folder can be scanned again\nworks    acme/infra/db: "; !strings.HasPrefix(got, want) || strings.Contains(got, "web") {
			s.T.Errorf("digest = %q, want %q", got, want)
		}
	}, open)
}

func TestIncidentsAreOpenedOnceAndClosed(t *testing.T) {
	h := newHook(t)
	s := apptest.Start(t, open, func(c *config.Server) {
		c.Outbound.Rewrite = map[string]string{"events.pagerduty.com": h.URL + "/pd", "api.eu.opsgenie.com": h.URL + "/og"}
	})
	p := newPlace(s)
	for _, c := range []struct {
		fields    map[string]any
		key       string
		opens     []string
		ends      string
		signature string
	}{
		{map[string]any{"alert_type": "pagerduty", "alert_secret": "r0uting-k3y"}, `"dedup_key":"plumbline:drep-1"`, []string{`"event_action":"trigger"`, `"severity":"error"`, `"routing_key":"r0uting-k3y"`}, `"event_action":"resolve"`, ""},
		{map[string]any{"alert_type": "opsgenie", "alert_secret": "g3nie-k3y", "alert_url": "https://api.eu.opsgenie.com"}, `"alias":"plumbline:drep-1"`, []string{`"priority":"P2"`, `"entity":"acme/infra/net"`}, `"source":"Plumbline"`, "GenieKey g3nie-k3y"},
	} {
		id := p.save(c.fields)
		for _, kind := range []string{alerts.New, alerts.Resolved} {
			p.raise(p.event(id, kind))
		}
		got := h.take()
		if len(got) != 2 || got[1].header.Get("Authorization") != c.signature || !strings.Contains(got[0].body, c.key) || !strings.Contains(got[1].body, c.ends) {
			t.Fatalf("%v sends %v, want to open and to end %s", c.fields, got, c.key)
		}
		for _, want := range c.opens {
			if !strings.Contains(got[0].body, want) {
				t.Errorf("%v sends %s, want %s", c.fields["alert_type"], got[0].body, want)
			}
		}
		for _, kind := range []string{alerts.Recovered, alerts.Failed, alerts.Recovered, alerts.Recovered} {
			e := p.event(id, kind)
			e.ScanID, e.EpisodeID = fmt.Sprint("drsc-", kind, time.Now().UnixNano()), ""
			p.raise(e)
		}
		if got = h.take(); len(got) != 2 || !strings.Contains(got[0].body, "plumbline:folder:") || !strings.Contains(got[1].body, c.ends) || strings.Contains(got[1].body, "drep-1") {
			t.Errorf("%v sends %v of a failure and its end, want an incident of its own that ends", c.fields["alert_type"], got)
		}
		if status, out := p.verb(map[string]any{"test": 1, "alert_id": id}); status != 200 || out["status"] != "good" {
			t.Errorf("test = %d %v", status, out)
		}
		if got = h.take(); len(got) != 2 || !strings.Contains(got[0].body, "plumbline:test:"+id) || strings.Contains(got[1].body, "[TEST]") && !strings.Contains(got[1].body, "note") {
			t.Errorf("test sends %v, want an incident that ends at once", got)
		}
		raw, err := json.Marshal(p.attributes("GET", "/api/v2/drift-alerts/"+id, nil))
		if err != nil || strings.Contains(string(raw), "k3y") || !strings.Contains(string(raw), `"has-secret":true`) {
			t.Errorf("the alert is shown as %s, %v", raw, err)
		}
	}
	for _, fields := range []map[string]any{{"alert_type": "pagerduty"}, {"alert_type": "opsgenie", "alert_secret": "k", "digest": "daily"}, {"alert_type": "github-issue", "digest": "scan"}, {"alert_type": "other", "alert_url": h.URL, "digest": "weekly"}} {
		fields["save"], fields["alert_name"] = true, "x"
		if status, out := p.verb(fields); status != 400 || out["field"] != "alert_secret" && out["field"] != "digest" {
			t.Errorf("save %v = %d %v, want 400 that names the field", fields, status, out)
		}
	}
}

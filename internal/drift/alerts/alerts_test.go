package alerts_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/alerts"
	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// place is an organization with a key of the API at /drift.
type place struct {
	*apptest.Server
	org      apptest.Org
	key, oid string
}

func newPlace(s *apptest.Server) place {
	s.T.Helper()
	p := place{Server: s, org: s.Org("acme")}
	p.key = fmt.Sprint(p.attributes("POST", "/api/v2/organizations/acme/drift-keys", map[string]any{"data": map[string]any{"type": "drift-keys", "attributes": map[string]any{"description": "t", "role": "admin"}}})["token"])
	p.oid = fmt.Sprint(p.attributes("GET", "/api/v2/organizations/acme/drift-settings", nil)["drift-id"])
	return p
}

func (p place) attributes(method, path string, body any) map[string]any {
	p.T.Helper()
	r := p.Do(method, path, p.org.Owner.Token, body)
	data, _ := r.JSON()["data"].(map[string]any)
	a, ok := data["attributes"].(map[string]any)
	if !ok {
		p.T.Fatalf("%s %s = %d %s", method, path, r.Status, r.Body)
	}
	return a
}

// verb calls /drift/alert.
func (p place) verb(fields map[string]any) (int, map[string]any) {
	p.T.Helper()
	raw, err := json.Marshal(fields)
	if err != nil {
		p.T.Fatal(err)
	}
	req, err := http.NewRequestWithContext(p.T.Context(), "POST", p.URL+"/drift/alert", strings.NewReader(string(raw)))
	if err != nil {
		p.T.Fatal(err)
	}
	req.Header.Set("X-Api-Key", p.key)
	req.Header.Set("X-Org-ID", p.oid)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.T.Fatal(err)
	}
	defer res.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		p.T.Fatal(err)
	}
	return res.StatusCode, out
}

// save makes an alert and returns its id.
func (p place) save(fields map[string]any) string {
	p.T.Helper()
	all := map[string]any{"save": true, "alert_name": "example"}
	maps.Copy(all, fields)
	status, out := p.verb(all)
	if status != 200 || out["status"] != "good" {
		p.T.Fatalf("save = %d %v", status, out)
	}
	return fmt.Sprint(out["alert_id"])
}

// event is one of an alert, in an episode of its own unless it is changed.
func (p place) event(alertID, kind string) alerts.Event {
	return alerts.Event{Kind: kind, OrgID: p.org.ID, AlertID: alertID, ScheduleID: "sched", RepositoryID: "repo", Repo: "acme/infra", Branch: "main", Folder: "net", ScanID: "drsc-" + kind, EpisodeID: "drep-1",
		Fingerprint: "f1", Severity: "high", Summary: "SSH is open", Description: "It *is* open.", Output: "~ plan\n\"quoted\" REPO SNOOZE_3", OutputBrief: "~ brief", Drifted: 1,
		At: time.Date(2026, 11, 21, 3, 22, 7, 0, time.UTC), FirstSeen: time.Date(2026, 11, 21, 1, 0, 0, 0, time.UTC), Timezone: "Australia/Sydney",
		Snooze: func(days int) string { return fmt.Sprintf("https://plumbline.example/drift/snooze/%d", days) }}
}

func (p place) raise(e alerts.Event) {
	p.T.Helper()
	if err := p.DB.Tx(p.T.Context(), func(ctx context.Context) error { return p.App.Drift.Alerts.Raise(ctx, e) }); err != nil {
		p.T.Fatal(err)
	}
	p.Settle()
}

// deliveries returns "event status" of all, the oldest first.
func (p place) deliveries() []string {
	p.T.Helper()
	rows, err := db.All[alerts.Delivery](p.T.Context(), p.DB, `FROM drift_alert_deliveries ORDER BY created_at, id`)
	if err != nil {
		p.T.Fatal(err)
	}
	var out []string
	for _, d := range rows {
		out = append(out, d.Event+" "+d.Status)
	}
	return out
}

// hook keeps what it is sent.
type hook struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	header http.Header // of answers
	got    []received
}

type received struct {
	header http.Header
	body   string
}

func newHook(t *testing.T) *hook {
	h := &hook{status: 200, header: http.Header{}}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.got = append(h.got, received{r.Header.Clone(), string(b)})
		maps.Copy(w.Header(), h.header)
		w.WriteHeader(h.status)
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) take() []received {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := h.got
	h.got = nil
	return out
}

func open(c *config.Server) {
	c.Outbound.Allow, c.Outbound.HTTP, c.PublicURL = []string{"127.0.0.0/8"}, true, "https://plumbline.example"
}

// The bodies of the documentation of the API.
const (
	docHeaders = "\n          Content-type: application/json\n          Authorization: Bearer abcd1234\n        "
	docBody    = `
        {
          "repo": "REPO",
          "folder": "FOLDER",
          "severity": "AI_SEVERITY",
          "results": "OUTPUT",
          "date": "DATE",
          "time": "TIME",
          "timezone": "TZ",
          "snooze_link": "SNOOZE_4",
          "contact": "ADMIN_EMAILS"
        }
        `
)

func TestWebhooksAreTold(t *testing.T) {
	h := newHook(t)
	apptest.Run(t, func(s *apptest.Server) {
		p := newPlace(s)
		h.take()
		id := p.save(map[string]any{"alert_type": "other", "alert_url": h.URL + "/hook", "alert_headers": docHeaders, "alert_body": docBody, "alert_secret": "planted-secret"})
		p.raise(p.event(id, alerts.New))
		got := h.take()
		if len(got) != 1 {
			s.T.Fatalf("sent = %+v, want one request; deliveries %v", got, p.deliveries())
		}
		var body map[string]string
		if err := json.Unmarshal([]byte(got[0].body), &body); err != nil {
			s.T.Fatal(err)
		}
		want := map[string]string{"repo": "acme/infra", "folder": "net", "severity": "high", "results": "~ plan\n\"quoted\" REPO SNOOZE_3", "date": "2026-11-21", "time": "14:22:07", "timezone": "AEDT",
			"snooze_link": "https://plumbline.example/drift/snooze/4", "contact": body["contact"]}
		if diff := cmp.Diff(want, body); diff != "" || !strings.Contains(body["contact"], "@") {
			s.T.Errorf("body (-want +got):\n%s", diff)
		}
		head := got[0].header
		mac := hmac.New(sha256.New, []byte("planted-secret"))
		io.WriteString(mac, head.Get("X-Timestamp")+"."+got[0].body)
		if head.Get("X-Signature-256") != "sha256="+hex.EncodeToString(mac.Sum(nil)) || head.Get("Authorization") != "Bearer abcd1234" || head.Get("Content-Type") != "application/json" {
			s.T.Errorf("headers = %v, want the signature and those of the alert", head)
		}
		if status, out := p.verb(map[string]any{"list": true}); status != 200 || !strings.Contains(fmt.Sprint(out["items"]), "last_status:sent") {
			s.T.Errorf("list = %d %v, want it sent", status, out)
		}
	}, open)
}

func TestAnEpisodeIsToldOnce(t *testing.T) {
	h := newHook(t)
	s := apptest.Start(t, open)
	p := newPlace(s)
	id := p.save(map[string]any{"alert_type": "other", "alert_url": h.URL, "alert_body": "EVENT AI_SEVERITY"})
	scan := 0
	raise := func(kind, fingerprint, severity string, repeat bool) string {
		scan++
		e := p.event(id, kind)
		e.ScanID, e.Fingerprint, e.Severity, e.Repeat = fmt.Sprint("drsc-", scan), fingerprint, severity, repeat
		p.raise(e)
		p.raise(e) // the scan reports twice
		var out []string
		for _, r := range h.take() {
			out = append(out, r.body)
		}
		return strings.Join(out, ",")
	}
	for i, c := range []struct {
		kind, fingerprint, severity string
		repeat                      bool
		want                        string
	}{
		{alerts.Resolved, "", "", false, ""}, // nobody was told that it began
		{alerts.New, "f1", "medium", false, "new medium"},
		{alerts.Changed, "f1", "medium", false, ""}, // the same again
		{alerts.Changed, "f2", "medium", false, "changed medium"},
		{alerts.Raised, "f2", "critical", false, "raised critical"},
		{alerts.Changed, "f2", "high", false, ""},            // less severe
		{alerts.Changed, "f2", "high", true, "changed high"}, // the schedule wants every scan
		{alerts.Failed, "", "", false, "error "},
		{alerts.Resolved, "", "", false, "resolved "},
		{alerts.Resolved, "", "", false, ""},
	} {
		if got := raise(c.kind, c.fingerprint, c.severity, c.repeat); got != c.want {
			t.Errorf("step %d: %s %s %s is told as %q, want %q", i, c.kind, c.fingerprint, c.severity, got, c.want)
		}
	}
}

func TestLeastSeverity(t *testing.T) {
	h := newHook(t)
	s := apptest.Start(t, open)
	p := newPlace(s)
	id := p.save(map[string]any{"alert_type": "other", "alert_url": h.URL, "min_severity": "high"})
	e := p.event(id, alerts.New)
	e.Severity = "medium"
	p.raise(e)
	if got := h.take(); len(got) != 0 {
		t.Errorf("medium is told: %v", got)
	}
	e.Severity, e.Kind, e.ScanID = "critical", alerts.Raised, "drsc-2"
	p.raise(e)
	if got := h.take(); len(got) != 1 || !json.Valid([]byte(got[0].body)) {
		t.Errorf("critical is told as %v, want once as JSON", got)
	}
}

func TestManyFoldersMakeADigest(t *testing.T) {
	h := newHook(t)
	s := apptest.Start(t, open)
	p := newPlace(s)
	id := p.save(map[string]any{"alert_type": "other", "alert_url": h.URL, "alert_body": "AI_SUMMARY\nOUTPUT_BRIEF"})
	for i := range 32 {
		e := p.event(id, alerts.New)
		e.BatchID, e.ScanID, e.EpisodeID, e.Folder = "batch", fmt.Sprint("drsc-", i), fmt.Sprint("drep-", i), fmt.Sprintf("folder-%02d", i)
		p.raise(e)
	}
	if got := h.take(); len(got) != 20 {
		t.Fatalf("sent = %d, want 20", len(got))
	}
	row, err := db.One[alerts.Delivery](t.Context(), s.DB, `FROM drift_alert_deliveries WHERE event = 'digest'`)
	if err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(3 * time.Minute)
	s.App.Drift.Alerts.Now = func() time.Time { return later }
	if err := s.App.Drift.Alerts.Deliver(t.Context(), row.ID); err != nil {
		t.Fatal(err)
	}
	got := h.take()
	if len(got) != 1 || !strings.Contains(got[0].body, "12 more folders have drifted") || !strings.Contains(got[0].body, "folder-31") || strings.Contains(got[0].body, "folder-19:") {
		t.Errorf("digest = %v, want the 12 that were not told", got)
	}
}

func TestFailuresAreTriedAgainAndEndAsDeadLetters(t *testing.T) {
	h := newHook(t)
	s := apptest.Start(t, open)
	p, f := newPlace(s), s.App.Drift.Alerts
	id := p.save(map[string]any{"alert_type": "other", "alert_url": h.URL + "/planted-path"})
	now := time.Now()
	f.Now = func() time.Time { return now }
	h.status = 503
	p.raise(p.event(id, alerts.New))
	first := func() alerts.Delivery {
		d, err := db.One[alerts.Delivery](t.Context(), s.DB, `FROM drift_alert_deliveries ORDER BY created_at LIMIT 1`)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := first()
	var pauses []time.Duration
	for d.Status == "pending" && len(pauses) < 10 {
		pauses = append(pauses, d.NextAttemptAt.Sub(now).Round(time.Second))
		now = d.NextAttemptAt.Time
		if err := f.Deliver(t.Context(), d.ID); err != nil {
			t.Fatal(err)
		}
		d = first()
	}
	total := time.Duration(0)
	for _, pause := range pauses {
		total += pause
	}
	if d.Status != "dead" || d.Attempts != 5 || len(pauses) != 4 || total < 55*time.Minute || total > 70*time.Minute || !strings.Contains(d.Error, "503") || strings.Contains(d.Error, "planted") {
		t.Errorf("delivery = %+v after %v, want it dead after five tries in an hour, without the path", d, pauses)
	}
	if got := h.take(); len(got) != 5 {
		t.Errorf("sent %d times, want 5", len(got))
	}
	path := "/api/v2/drift-alert-deliveries/" + d.ID
	list := s.Do("GET", "/api/v2/organizations/acme/drift-alert-deliveries?filter[status]=dead", p.org.Owner.Token, nil)
	if list.Status != 200 || !strings.Contains(string(list.Body), d.ID) {
		t.Errorf("dead letters = %d %s", list.Status, list.Body)
	}
	h.status = 200
	heard := s.Hear("acme", p.org.Owner.Token)
	if r := s.Do("POST", path+"/actions/redeliver", p.org.Owner.Token, nil); r.Status != 200 {
		t.Fatalf("redeliver = %d %s", r.Status, r.Body)
	}
	s.Settle()
	if d := first(); d.Status != "sent" || len(h.take()) != 1 {
		t.Errorf("after redeliver: %+v, want it sent", d)
	}
	for _, change := range []string{"that it is sent again", "that it was sent"} {
		if got, want := heard("drift-alert-deliveries"), `{"type":"drift-alert-deliveries","id":"`+d.ID+`"}`; got != want {
			t.Errorf("of a delivery clients hear %s, want %s: %s", got, want, change)
		}
	}
	if r := s.Do("POST", path+"/actions/redeliver", p.org.Owner.Token, nil); r.Status != 409 {
		t.Errorf("redeliver of what was sent = %d %s, want 409", r.Status, r.Body)
	}
}

func TestWhoAsksForTimeGetsIt(t *testing.T) {
	h := newHook(t)
	s := apptest.Start(t, open)
	p, f := newPlace(s), s.App.Drift.Alerts
	id := p.save(map[string]any{"alert_type": "slack", "alert_url": h.URL})
	now := time.Now()
	f.Now = func() time.Time { return now }
	h.status, h.header = 429, http.Header{"Retry-After": {"120"}}
	p.raise(p.event(id, alerts.New))
	d, err := db.One[alerts.Delivery](t.Context(), s.DB, `FROM drift_alert_deliveries`)
	if err != nil || d.Status != "pending" || d.Attempts != 0 || d.NextAttemptAt.Sub(now).Round(time.Second) != 2*time.Minute {
		t.Errorf("delivery = %+v, %v, want it to wait two minutes and not to count", d, err)
	}
	h.status, h.header = 404, nil
	now = d.NextAttemptAt.Time
	if err := f.Deliver(t.Context(), d.ID); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"new dead"}, p.deliveries()); diff != "" {
		t.Errorf("after 404 (-want +got):\n%s", diff)
	}
}

func TestWhatIsOverIsNotToldLate(t *testing.T) {
	h := newHook(t)
	s := apptest.Start(t, open)
	p, f := newPlace(s), s.App.Drift.Alerts
	id := p.save(map[string]any{"alert_type": "other", "alert_url": h.URL})
	h.status = 500
	p.raise(p.event(id, alerts.New))
	h.status = 200
	h.take()
	p.raise(p.event(id, alerts.Resolved)) // of what nobody has heard of
	now := time.Now().Add(time.Hour)
	f.Now = func() time.Time { return now }
	d, err := db.One[alerts.Delivery](t.Context(), s.DB, `FROM drift_alert_deliveries WHERE event = 'new'`)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Deliver(t.Context(), d.ID); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"new superseded", "resolved superseded"}, p.deliveries()); diff != "" || len(h.take()) != 0 {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
}

// TestWhatNobodyHeardIsNew: what overtakes the first alert, or comes after one that did not
// go out, is the first that people read.
func TestWhatNobodyHeardIsNew(t *testing.T) {
	h := newHook(t)
	s := apptest.Start(t, open)
	p := newPlace(s)
	id := p.save(map[string]any{"alert_type": "other", "alert_url": h.URL, "alert_body": "EVENT"})
	h.status = 400 // for good
	p.raise(p.event(id, alerts.New))
	h.status = 200
	h.take()
	for i, want := range []string{"new", "changed"} {
		e := p.event(id, alerts.Changed)
		e.ScanID, e.Fingerprint = fmt.Sprint("drsc-", i), fmt.Sprint("other-", i)
		p.raise(e)
		if got := h.take(); len(got) != 1 || got[0].body != want {
			t.Errorf("step %d is told as %v, want %s", i, got, want)
		}
	}
	if diff := cmp.Diff([]string{"new dead", "new sent", "changed sent"}, p.deliveries()); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
}

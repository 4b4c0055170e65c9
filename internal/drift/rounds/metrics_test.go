package rounds_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/drift/schedules"
	"plumbline.dev/plumbline/internal/drift/severity"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// TestDriftIsMeasured scrapes the metrics after scans that found something and failed.
func TestDriftIsMeasured(t *testing.T) {
	watch(t, `"alert-on-resolved":true`, func(p *patrol) {
		scrape := func() string {
			w := httptest.NewRecorder()
			p.App.Metrics().ServeHTTP(w, httptest.NewRequestWithContext(p.T.Context(), http.MethodGet, "/metrics", nil))
			if w.Code != 200 {
				p.T.Fatalf("metrics = %d %s", w.Code, w.Body)
			}
			return w.Body.String()
		}
		p.scan(schedules.Manual, drift(severity.High, "x"))
		p.tells("drift", "new net high")
		p.begin(schedules.Test)
		var spec proto.Scan
		p.e.Finish(p.e.Claim(proto.KindScan, &spec), proto.Result{Outcome: proto.Errored, Error: "no credentials"}, proto.ScanResult{})
		p.Settle()
		p.begin(schedules.Manual)
		p.do(200, "PATCH", "/api/v2/drift-schedules/"+p.id, `{"data":{"type":"drift-schedules","attributes":{"frequency":"hourly"}}}`)
		if _, err := p.DB.Exec(p.T.Context(), `UPDATE drift_schedules SET next_at = ?`, db.At(time.Now().Add(-time.Hour))); err != nil {
			p.T.Fatal(err)
		}
		text := scrape()
		for _, want := range []string{
			`plumbline_drift_scans_total{reason="manual",result="finished"} 1`,
			`plumbline_drift_scans_total{reason="test",result="errored"} 1`,
			`plumbline_drift_scan_seconds_count{result="finished"} 1`,
			`plumbline_drift_scan_wait_seconds_count 2`,
			`plumbline_drift_open_episodes{severity="high"} 1`,
			`plumbline_drift_open_episodes{severity="low"} 0`,
			`plumbline_drift_open_findings{severity="high"} 1`,
			`plumbline_drift_workspaces{health="drifted"} 0`,
			`plumbline_drift_scans_under_way{status="queued"} 1`,
			`plumbline_drift_alert_deliveries_total{result="sent",type="other"} 2`,
			`plumbline_drift_alert_deliveries_left{status="dead"} 0`,
			`plumbline_drift_due{of="schedules"} `,
			`plumbline_drift_oldest_scan_seconds{of="schedules"}`,
		} {
			if !strings.Contains(text, want) {
				p.T.Errorf("the metrics lack %s:\n%s", want, lines(text, "plumbline_drift"))
			}
		}
		var mu sync.Mutex
		n := 0
		p.DB.Observe(func(_ context.Context, q string) {
			mu.Lock()
			defer mu.Unlock()
			if strings.HasPrefix(q, "SELECT '") { // what the server does in the background begins otherwise
				n++
			}
		})
		scrape()
		p.DB.Observe(nil)
		if n != 2 {
			p.T.Errorf("a scrape takes %d statements, want 2", n)
		}
	}, func(c *config.Server) { c.Metrics = "127.0.0.1:0" })
}

// lines are those that begin with a text.
func lines(text, prefix string) string {
	var out []string
	for l := range strings.Lines(text) {
		if strings.HasPrefix(l, prefix) {
			out = append(out, l)
		}
	}
	return strings.Join(out, "")
}

package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"plumbline.dev/plumbline/internal/drift/scans"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// driftMetrics are what this server has done for drift detection since it started. What is
// there now, in the database, driftState tells.
type driftMetrics struct {
	scans    *prometheus.CounterVec
	duration *prometheus.HistogramVec
	wait     prometheus.Histogram
	alerts   *prometheus.CounterVec
}

func newDriftMetrics(r *prometheus.Registry) driftMetrics {
	m := driftMetrics{
		scans: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "plumbline_drift_scans_total", Help: "Scans that have ended, assessments of workspaces included, by how and why there were."}, []string{"result", "reason"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "plumbline_drift_scan_seconds", Help: "Duration of scans, from when an executor took them.",
			Buckets: []float64{.25, .5, 1, 2, 4, 8, 15, 30, 60, 120, 300, 900, 1800}}, []string{"result"}),
		wait: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "plumbline_drift_scan_wait_seconds", Help: "How long scans were queued until an executor took them.",
			Buckets: []float64{.1, .5, 1, 5, 15, 30, 60, 120, 300, 900, 3600}}),
		alerts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "plumbline_drift_alert_deliveries_total", Help: "Tries to tell an alert, by its type and what became of it."}, []string{"type", "result"}),
	}
	r.MustRegister(m.scans, m.duration, m.wait, m.alerts)
	return m
}

// watchDrift lets the capabilities of drift detection tell what they do.
func (a *App) watchDrift() {
	if a.metrics == nil {
		return
	}
	m, d := a.metrics.drift, &a.Drift
	d.Scans.Taken = func(waited time.Duration) { m.wait.Observe(waited.Seconds()) }
	d.Scans.Ended = func(s scans.Scan) {
		m.scans.WithLabelValues(string(s.Status), string(s.Reason)).Inc()
		if s.StartedAt != nil && s.EndedAt != nil {
			m.duration.WithLabelValues(string(s.Status)).Observe(s.EndedAt.Sub(s.StartedAt.Time).Seconds())
		}
	}
	d.Alerts.Told = func(alertType, result string) { m.alerts.WithLabelValues(alertType, result).Inc() }
	a.metrics.registry.MustRegister(driftState{a.DB})
}

// driftState counts what there is whenever it is asked: two statements, however much that is.
type driftState struct{ db *db.DB }

// gauges are what driftState tells, by the names that its statement gives them, with their
// label and its values. What the statement does not name is zero.
var gauges = map[string]struct {
	desc   *prometheus.Desc
	values []string
}{
	"episodes":   {prometheus.NewDesc("plumbline_drift_open_episodes", "Episodes of drift that are open.", []string{"severity"}, nil), severities},
	"findings":   {prometheus.NewDesc("plumbline_drift_open_findings", "Findings that are open, code that is not applied included.", []string{"severity"}, nil), severities},
	"workspaces": {prometheus.NewDesc("plumbline_drift_workspaces", "Workspaces with assessments by their health.", []string{"health"}, nil), []string{"drifted", "healthy", "checks-failing", "errored", "blocked", "unknown"}},
	"scans":      {prometheus.NewDesc("plumbline_drift_scans_under_way", "Scans that have not ended.", []string{"status"}, nil), []string{"queued", "running", "confirming"}},
	"deliveries": {prometheus.NewDesc("plumbline_drift_alert_deliveries_left", "Alerts that have not gone out: pending ones, and dead letters.", []string{"status"}, nil), []string{"pending", "dead"}},
	"due":        {prometheus.NewDesc("plumbline_drift_due", "Schedules and assessments whose turn came more than a minute ago and was not taken.", []string{"of"}, nil), []string{"schedules", "workspaces"}},
	"oldest":     {oldest, nil},
}

var (
	severities = []string{"critical", "high", "medium", "low", "info"}
	oldest     = prometheus.NewDesc("plumbline_drift_oldest_scan_seconds", "How long ago the last scan that succeeded was, of that active schedule or workspace for which it is longest ago.", []string{"of"}, nil)
)

// Describe implements prometheus.Collector.
func (driftState) Describe(to chan<- *prometheus.Desc) {
	for _, g := range gauges {
		to <- g.desc
	}
}

const (
	scrapeTime = 10 * time.Second
	dueSince   = time.Minute
)

const countDrift = `SELECT 'episodes' AS name, severity AS label, COUNT(*) AS n FROM drift_episodes WHERE status = 'open' GROUP BY severity
	UNION ALL SELECT 'findings', severity, COUNT(*) FROM drift_findings WHERE status = 'open' GROUP BY severity
	UNION ALL SELECT 'workspaces', state, COUNT(*) FROM workspace_health GROUP BY state
	UNION ALL SELECT 'scans', status, COUNT(*) FROM drift_scans WHERE status IN ('queued', 'running', 'confirming') GROUP BY status
	UNION ALL SELECT 'deliveries', status, COUNT(*) FROM drift_alert_deliveries WHERE status IN ('pending', 'dead') GROUP BY status
	UNION ALL SELECT 'due', 'schedules', COUNT(*) FROM drift_schedules WHERE active AND next_at IS NOT NULL AND next_at < ?
	UNION ALL SELECT 'due', 'workspaces', COUNT(*) FROM workspace_health WHERE state <> 'disabled' AND next_at < ?`

// oldestScan finds, for each schedule that is active and each workspace that is assessed, when
// it was last looked at with success, or when that began to be due.
const oldestScan = `SELECT 'schedules' AS of_what, at FROM (SELECT COALESCE((SELECT n.ended_at FROM drift_scans n WHERE n.schedule_id = s.id AND n.status = 'finished' ORDER BY n.queued_at DESC LIMIT 1), s.created_at) AS at
		FROM drift_schedules s WHERE s.active AND s.next_at IS NOT NULL ORDER BY 1 LIMIT 1) AS schedules
	UNION ALL SELECT 'workspaces', at FROM (SELECT h.succeeded_at AS at FROM workspace_health h WHERE h.state <> 'disabled' AND h.succeeded_at IS NOT NULL ORDER BY 1 LIMIT 1) AS workspaces`

type counted struct {
	Name  string `db:"name"`
	Label string `db:"label"`
	N     int64  `db:"n"`
}

type lookedAt struct {
	Of string  `db:"of_what"`
	At db.Time `db:"at"`
}

// Collect implements prometheus.Collector.
func (s driftState) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	due := db.At(time.Now().Add(-dueSince))
	rows, err := db.All[counted](ctx, s.db, countDrift, due, due)
	if err != nil {
		s.fail(ctx, to, err)
		return
	}
	found := map[string]map[string]int64{}
	for _, r := range rows {
		if found[r.Name] == nil {
			found[r.Name] = map[string]int64{}
		}
		found[r.Name][r.Label] += r.N
	}
	for name, g := range gauges {
		for _, value := range g.values {
			to <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, float64(found[name][value]), value)
		}
	}
	last, err := db.All[lookedAt](ctx, s.db, oldestScan)
	if err != nil {
		s.fail(ctx, to, err)
		return
	}
	for _, l := range last {
		to <- prometheus.MustNewConstMetric(oldest, prometheus.GaugeValue, max(time.Since(l.At.Time).Seconds(), 0), l.Of)
	}
}

func (driftState) fail(ctx context.Context, to chan<- prometheus.Metric, err error) {
	slog.ErrorContext(ctx, "metrics of drift detection cannot be read", "err", err)
	to <- prometheus.NewInvalidMetric(oldest, err)
}

package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"plumbline.dev/plumbline/internal/kernel/config"
)

// metrics are all that the server tells Prometheus. Labels are patterns of routes,
// never paths: their number is bounded.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	holds    prometheus.Histogram
	drift    driftMetrics
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "plumbline_http_request_seconds", Help: "Duration of requests by route and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30}}, []string{"route", "status"}),
		holds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "plumbline_db_transaction_seconds", Help: "How long transactions were open; on SQLite each keeps the only writer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .5, 1}}),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "plumbline_info", Help: "1, labelled with the version.", ConstLabels: prometheus.Labels{"version": config.Version}})
	info.Set(1)
	m.drift = newDriftMetrics(m.registry)
	m.registry.MustRegister(m.requests, m.holds, info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) request(pattern string, status int, took time.Duration) {
	if pattern == "" {
		pattern = "none"
	}
	m.requests.WithLabelValues(pattern, strconv.Itoa(status)).Observe(took.Seconds())
}

func (m *metrics) hold(took time.Duration) { m.holds.Observe(took.Seconds()) }

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// Metrics answers with what Prometheus collects; nil if nothing is measured.
func (a *App) Metrics() http.Handler {
	if a.metrics == nil {
		return nil
	}
	return a.metrics.handler()
}

// serve answers /metrics on an address of its own until ctx ends: what is measured
// is for the operator's network, not for users.
func (m *metrics) serve(ctx context.Context, address string) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.handler())
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	go func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			slog.ErrorContext(ctx, "metrics are no longer served", "err", err)
		}
	}()
	slog.InfoContext(ctx, "serving metrics", "url", "http://"+l.Addr().String()+"/metrics")
	return nil
}

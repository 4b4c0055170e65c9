package rounds_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/schedules"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// hour plays an hour of schedules on a simulated clock: they come due by the real code, are
// queued, handed out over the real protocol and settled in the real database, while the
// executor is one whose slots take some time for each scan.
type hour struct {
	*apptest.Server
	tb       testing.TB
	executor proto.Server
	id       string
	report   []byte
	clock    time.Time
	due      map[string]time.Time // when the turn of a schedule came
	free     []time.Time          // when each slot has ended its scan
	delays   []time.Duration      // from a turn until its scan began
	scanned  map[string]int       // by schedule
}

// newHour makes schedules that are hourly, spread by their ids.
func newHour(tb testing.TB, s *apptest.Server, n, slots int) *hour {
	tb.Helper()
	ctx := tb.Context()
	git := apptest.NewGitHost(tb)
	git.Commit("acme/infra", "main", map[string]string{"net/main.tf": `terraform {}`})
	org := s.Org("acme")
	r := s.Do("POST", "/api/v2/organizations/acme/drift-repositories", org.Owner.Token, fmt.Sprintf(`{"data":{"type":"drift-repositories","attributes":{"url":%q,"type":"git"}}}`, git.Address("acme/infra")))
	data, _ := r.JSON()["data"].(map[string]any)
	repo, ok := data["id"].(string)
	if !ok {
		tb.Fatalf("POST drift-repositories = %d %s", r.Status, r.Body)
	}
	h := &hour{Server: s, tb: tb, executor: s.App.Dispatch.Workers(), clock: time.Now().Add(24 * time.Hour).Truncate(time.Hour), due: map[string]time.Time{}, scanned: map[string]int{}, free: make([]time.Time, slots)}
	for i := range n {
		id := fmt.Sprintf("%032x", uint64(i+1)*0x9e3779b97f4a7c15)
		clock, err := schedules.NewClock("hourly", "", id)
		if err != nil {
			tb.Fatal(err)
		}
		at, _ := clock.Next(h.clock, time.UTC)
		next := db.At(at)
		row := schedules.Schedule{ID: id, OrgID: org.ID, Name: id, RepositoryID: &repo, Branch: "main", Folders: db.AsJSON([]string{"net"}), Frequency: "hourly", Tool: "tofu", ToolVersion: "1.12.6", Mode: "plan", MinSeverity: "info",
			Timeout: 600, AlertOnChangeOnly: true, AlertOnResolved: true, Active: true, NextAt: &next, CreatedAt: db.Now(), UpdatedAt: db.Now()}
		if err := s.DB.Insert(ctx, "drift_schedules", row); err != nil {
			tb.Fatal(err)
		}
		h.due[id] = at
	}
	who, err := h.executor.Register(ctx, proto.Executor{Name: "simulated"})
	if err != nil {
		tb.Fatal(err)
	}
	h.id = who.ID
	h.report, err = json.Marshal(apptest.Report(50, nil))
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

// play lets an hour pass. Each slot takes each for a scan.
func (h *hour) play(each time.Duration) {
	h.tb.Helper()
	for i := range h.free {
		h.free[i] = h.clock
	}
	for end := h.clock.Add(time.Hour + time.Minute); h.clock.Before(end); h.clock = h.clock.Add(schedules.Interval) {
		if err := h.App.Drift.Schedules.Due(h.tb.Context(), h.clock); err != nil {
			h.tb.Fatal(err)
		}
		for i := range h.free {
			h.work(i, each)
		}
	}
}

// work lets the slots do what is queued until the next look for due schedules.
func (h *hour) work(slot int, each time.Duration) {
	h.tb.Helper()
	for h.free[slot].Before(h.clock.Add(schedules.Interval)) {
		began := h.free[slot]
		if began.Before(h.clock) {
			began = h.clock
		}
		job, err := h.executor.Claim(h.tb.Context(), h.id, proto.Claim{Kinds: []string{proto.KindScan}})
		if err != nil {
			h.tb.Fatal(err)
		}
		if job == nil {
			return
		}
		h.scan(*job, began)
		h.free[slot] = began.Add(each)
	}
}

func (h *hour) scan(job proto.Job, began time.Time) {
	h.tb.Helper()
	ctx := h.tb.Context()
	var spec proto.Scan
	if err := json.Unmarshal(job.Spec, &spec); err != nil {
		h.tb.Fatal(err)
	}
	schedule := spec.Target[:32]
	if h.scanned[schedule]++; h.scanned[schedule] == 1 {
		h.delays = append(h.delays, began.Sub(h.due[schedule]))
	}
	if _, err := h.executor.Report(ctx, job.Ticket, 0, []byte("OpenTofu v1.12.6\n")); err != nil {
		h.tb.Fatal(err)
	}
	if err := h.executor.Put(ctx, job.Ticket, proto.Findings, bytes.NewReader(h.report)); err != nil {
		h.tb.Fatal(err)
	}
	if err := h.executor.Finish(ctx, job.Ticket, proto.Result{Outcome: proto.Finished, Data: json.RawMessage(`{"engine_version":"1.12.6","warm":true}`)}); err != nil {
		h.tb.Fatal(err)
	}
}

// percentile is a delay that a share of all stays below.
func (h *hour) percentile(share float64) time.Duration {
	slices.Sort(h.delays)
	if len(h.delays) == 0 {
		return -1
	}
	return h.delays[min(int(share*float64(len(h.delays))), len(h.delays)-1)]
}

func loopback(c *config.Server) {
	c.Outbound = config.Outbound{Allow: []string{"127.0.0.0/8"}, HTTP: true}
}

// TestSchedulesStayOnTime: 150 hourly schedules on an executor that has time for little more
// than that are each scanned, once, and begin within a minute of their turn.
func TestSchedulesStayOnTime(t *testing.T) {
	h := newHour(t, apptest.Start(t, loopback), 150, 2)
	h.play(26 * time.Second) // 0.55 of what two slots can do in an hour
	if n := len(h.scanned); n != 150 {
		t.Errorf("%d schedules were scanned, want 150", n)
	}
	for id, n := range h.scanned {
		if n > 2 || n == 2 && h.due[id].Minute() > 1 { // those of the first minute are due again in the last
			t.Errorf("schedule %s of %v was scanned %d times in an hour", id, h.due[id], n)
		}
	}
	if p := h.percentile(.99); p > 2*time.Minute || h.percentile(.5) > time.Minute {
		t.Errorf("scans begin %v after their turn (p50 %v), want a minute or so", p, h.percentile(.5))
	}
	if late, err := db.One[int](t.Context(), h.DB, `SELECT COUNT(*) FROM drift_schedules WHERE next_at < ?`, db.At(h.clock.Add(-time.Minute))); err != nil || late != 0 {
		t.Errorf("%d schedules missed their turn, %v", late, err)
	}
}

// BenchmarkSchedules plays an hour of 2,000 hourly schedules on an executor with two
// processors that needs a second of CPU time for each scan. The metrics are when scans begin
// after their turn, in simulated seconds, and what each costs the server: milliseconds of CPU
// time of this process (sweep, queue, claim, result and settling), and of git, the side of
// the git host included.
func BenchmarkSchedules(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		h := newHour(b, apptest.StartBench(b, loopback), 2000, 2)
		self, git := used(b, syscall.RUSAGE_SELF), used(b, syscall.RUSAGE_CHILDREN)
		b.StartTimer()
		h.play(time.Second)
		scans := 0
		for _, n := range h.scanned {
			scans += n
		}
		if len(h.scanned) != 2000 {
			b.Fatalf("%d schedules were scanned, want 2000", len(h.scanned))
		}
		ms := func(d time.Duration) float64 { return float64(d.Milliseconds()) / float64(scans) }
		b.ReportMetric(ms(used(b, syscall.RUSAGE_SELF)-self), "server-cpu-ms/scan")
		b.ReportMetric(ms(used(b, syscall.RUSAGE_CHILDREN)-git), "git-cpu-ms/scan")
		b.ReportMetric(h.percentile(.5).Seconds(), "p50-delay-s")
		b.ReportMetric(h.percentile(.99).Seconds(), "p99-delay-s")
		b.ReportMetric(h.percentile(1).Seconds(), "max-delay-s")
	}
}

func used(tb testing.TB, who int) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

package e2e

import (
	"fmt"
	"testing"
	"time"
)

const lines = 100_000

// TestLongLogs: a log of 100,000 lines opens at any line, is searched, and scrolls as fast
// as the screen. The limits are those of a busy machine.
func TestLongLogs(t *testing.T) {
	h := newHosted(t)
	opened, frames := h.longLog()
	t.Logf("line 70,000 of %d is shown after %.0f ms; scrolling by 12 lines a frame: %.1f frames a second (%d drawn, %d dropped, the longest took %s)",
		lines, opened, frames.PerSecond(), frames.Drawn, frames.Dropped, frames.Longest)
	if opened > 10_000 {
		t.Errorf("the log opens in %.0f ms, want 1000 (10000 on a busy machine)", opened)
	}
	if frames.PerSecond() < 8 {
		t.Errorf("the log scrolls at %.1f frames a second, want 60 (8 on a busy machine)", frames.PerSecond())
	}
}

// BenchmarkLongLogs reports what TestLongLogs judges.
func BenchmarkLongLogs(b *testing.B) {
	h := newHosted(b)
	for b.Loop() {
		opened, frames := h.longLog()
		b.ReportMetric(opened, "ms/open")
		b.ReportMetric(frames.PerSecond(), "frames/s")
		b.ReportMetric(float64(frames.Dropped), "dropped-frames")
		b.ReportMetric(float64(frames.Longest.Milliseconds()), "ms/longest-frame")
	}
}

// longLog makes the log, and measures in how many ms it opens and how it scrolls.
func (h *hosted) longLog() (opened float64, frames Frames) {
	h.t.Helper()
	name := fmt.Sprint("chatty-", time.Now().UnixNano())
	id := h.workspace(name, "resource \"terraform_data\" \"x\" {\n  provisioner \"local-exec\" {\n    command = \"i=0; while [ $i -lt 100000 ]; do i=$((i+1)); echo \\\"line $i of a long story\\\"; done\"\n  }\n}\n")
	run := h.api("POST", "/api/v2/runs", `{"data":{"type":"runs","attributes":{"auto-apply":true},"relationships":{"workspace":{"data":{"type":"workspaces","id":"`+id+`"}}}}}`)["id"].(string)
	h.applied(run)
	h.Go("/app/acme/workspaces/" + name + "/runs/" + run)
	h.See("Finished")
	h.Go("/app/acme/workspaces")
	h.See(name)
	h.Eval(`new Promise((done) => {
		const began = performance.now()
		history.pushState({}, '', '/app/acme/workspaces/`+name+`/runs/`+run+`#apply-70000')
		dispatchEvent(new PopStateEvent('popstate'))
		const look = () => document.querySelector('a[href="#apply-70000"]') ? done(performance.now() - began) : requestAnimationFrame(look)
		look()
	})`, &opened)
	h.Fill("Search the log of the apply", "line 99999 of")
	h.See("1 of 1")
	return opened, h.Trace(`new Promise((done) => {
		const box = document.querySelector('[aria-label="Log of the apply"]')
		box.scrollTop = 0
		let n = 0
		const step = () => { box.scrollTop += 240; n++ < 120 ? requestAnimationFrame(step) : done(true) }
		requestAnimationFrame(step)
	})`)
}

// applied waits until a run is applied.
func (h *hosted) applied(run string) {
	h.t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(3 * time.Minute); time.Now().Before(limit); <-tick.C {
		switch status := h.api("GET", "/api/v2/runs/"+run, "")["attributes"].(map[string]any)["status"]; status {
		case "applied":
			return
		case "errored", "canceled", "discarded":
			h.t.Fatal("the run is ", status)
		}
	}
	h.t.Fatal("the run does not end")
}

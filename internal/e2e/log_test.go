package e2e

import (
	"testing"
	"time"
)

const lines = 100_000

// TestLongLogs: a log of 100,000 lines opens at any line, is searched, and scrolls as fast
// as the screen.
func TestLongLogs(t *testing.T) {
	h := newHosted(t)
	id := h.workspace("chatty", "resource \"terraform_data\" \"x\" {\n  provisioner \"local-exec\" {\n    command = \"i=0; while [ $i -lt 100000 ]; do i=$((i+1)); echo \\\"line $i of a long story\\\"; done\"\n  }\n}\n")
	run := h.api("POST", "/api/v2/runs", `{"data":{"type":"runs","attributes":{"auto-apply":true},"relationships":{"workspace":{"data":{"type":"workspaces","id":"`+id+`"}}}}}`)["id"].(string)
	h.applied(run)
	h.Go("/app/acme/workspaces/chatty/runs/" + run)
	h.See("Finished")
	var opened float64
	h.Go("/app/acme/workspaces")
	h.See("chatty")
	h.Eval(`new Promise((done) => {
		const began = performance.now()
		history.pushState({}, '', '/app/acme/workspaces/chatty/runs/`+run+`#apply-70000')
		dispatchEvent(new PopStateEvent('popstate'))
		const look = () => document.querySelector('a[href="#apply-70000"]') ? done(performance.now() - began) : requestAnimationFrame(look)
		look()
	})`, &opened)
	t.Logf("line 70,000 of %d is shown after %.0f ms", lines, opened)
	if opened > 3000 {
		t.Errorf("the log opens in %.0f ms, want 1000 (3000 on a busy machine)", opened)
	}
	h.Fill("Search the log of the apply", "line 99999 of")
	h.See("1 of 1")
	h.scrolls()
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

// scrolls measures the frames that the browser shows while the log scrolls for two seconds.
func (h *hosted) scrolls() {
	h.t.Helper()
	var frames []float64
	h.Eval(`new Promise((done) => {
		const box = document.querySelector('[aria-label="Log of the apply"]'), times = []
		box.scrollTop = 0
		const step = (now) => {
			times.push(now)
			box.scrollTop += 240
			times.length < 121 ? requestAnimationFrame(step) : done(times.slice(1).map((t, i) => t - times[i]))
		}
		requestAnimationFrame(step)
	})`, &frames)
	sum, worst := 0.0, 0.0
	for _, f := range frames {
		sum, worst = sum+f, max(worst, f)
	}
	fps := 1000 * float64(len(frames)) / sum
	h.t.Logf("scrolling by 12 lines a frame: %.1f frames a second, the longest takes %.0f ms", fps, worst)
	if fps < 30 {
		h.t.Errorf("the log scrolls at %.1f frames a second, want 60 (30 on a busy machine)", fps)
	}
}

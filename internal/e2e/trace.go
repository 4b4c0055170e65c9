package e2e

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/chromedp/cdproto/tracing"
	"github.com/chromedp/chromedp"
)

// Frames is what the trace of the browser says of the frames that were drawn.
type Frames struct {
	Drawn, Dropped int
	Took, Longest  time.Duration // from the first to the last, and the longest between two
}

// PerSecond is how many frames were drawn in a second.
func (f Frames) PerSecond() float64 {
	if f.Took == 0 {
		return 0
	}
	return float64(f.Drawn-1) / f.Took.Seconds()
}

// categories are those of the trace in which the compositor tells of its frames.
var categories = []string{"disabled-by-default-devtools.timeline", "devtools.timeline.frame", "disabled-by-default-devtools.timeline.frame"}

// Trace runs a script, which promises its end, and returns the frames that the browser drew
// meanwhile, by its own trace.
func (b *Browser) Trace(script string) Frames {
	b.t.Helper()
	var mu sync.Mutex
	var drawn []float64 // µs
	dropped, complete := 0, make(chan struct{})
	listening, stop := context.WithCancel(b.ctx)
	defer stop()
	chromedp.ListenTarget(listening, func(event any) {
		switch e := event.(type) {
		case *tracing.EventDataCollected:
			mu.Lock()
			defer mu.Unlock()
			for _, raw := range e.Value {
				var one struct {
					Name string
					TS   float64
				}
				if json.Unmarshal(raw, &one) != nil {
					continue
				}
				switch one.Name {
				case "DrawFrame":
					drawn = append(drawn, one.TS)
				case "DroppedFrame":
					dropped++
				}
			}
		case *tracing.EventTracingComplete:
			close(complete)
		}
	})
	b.run(tracing.Start().WithTraceConfig(&tracing.TraceConfig{IncludedCategories: categories}))
	var done bool
	b.Eval(script, &done)
	b.run(tracing.End())
	select {
	case <-complete:
	case <-time.After(patience):
		b.fail("the trace does not come")
	}
	mu.Lock()
	defer mu.Unlock()
	return framesOf(drawn, dropped)
}

func framesOf(drawn []float64, dropped int) Frames {
	f := Frames{Drawn: len(drawn), Dropped: dropped}
	slices.Sort(drawn)
	for i := 1; i < len(drawn); i++ {
		f.Longest = max(f.Longest, micros(drawn[i]-drawn[i-1]))
	}
	if len(drawn) > 0 {
		f.Took = micros(drawn[len(drawn)-1] - drawn[0])
	}
	return f
}

func micros(n float64) time.Duration { return time.Duration(n * float64(time.Microsecond)) }

// Interactions begins to note how long it takes from each key and click to the frame that
// shows what came of it, as the browser measures it.
func (b *Browser) Interactions() {
	b.t.Helper()
	var ok bool
	b.Eval(`(() => {
		window.__slow = {}
		new PerformanceObserver((list) => { for (const e of list.getEntries()) if (e.interactionId) window.__slow[e.name] = Math.max(window.__slow[e.name] ?? 0, e.duration) })
			.observe({type: 'event', durationThreshold: 16})
		return true
	})()`, &ok)
}

// Slowest returns the longest of the interactions since Interactions, in milliseconds by the
// kind of event; those that took less than 16 ms are not in it.
func (b *Browser) Slowest() (slow map[string]float64) {
	b.t.Helper()
	b.Eval(`new Promise((r) => setTimeout(() => r(window.__slow), 200))`, &slow)
	return slow
}

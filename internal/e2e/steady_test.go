package e2e

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// shift is something that moved by itself (web.dev/cls): how much, as a part of the window, and what.
type shift struct {
	Value float64
	Nodes []string
}

// watchShifts notes in each page that is opened what moves without anybody having touched it.
const watchShifts = `
	window.__shifts = []
	const box = (r) => [r.x, r.y, r.width, r.height].map(Math.round).join(' ')
	const note = (list) => { for (const e of list) if (!e.hadRecentInput) window.__shifts.push({Value: e.value, Nodes: e.sources.map((s) =>
		(s.node?.nodeName ?? 'gone') + ' ' + (s.node?.textContent ?? '').slice(0, 40) + ': ' + box(s.previousRect) + ' to ' + box(s.currentRect))}) }
	const observer = new PerformanceObserver((list) => note(list.getEntries()))
	observer.observe({type: 'layout-shift', buffered: true})
	window.__shifted = () => { note(observer.takeRecords()); return window.__shifts }`

// maxShift is how much a screen may move by itself until it is complete: half of what counts as good.
const maxShift = 0.05

// known are answers that the frame of a screen needs: who looks, and at what.
var known = regexp.MustCompile(`^/app/|/(ping|account/details|organizations/acme|organizations/acme/workspaces/[^/]+|projects/[^/]+)$`)

// premature is what a screen says of nothing, which it may not before it knows.
var premature = regexp.MustCompile(`(?i)nothing here|not found|not exist|\bnone yet\b|\bno \w+( \w+)? yet\b|nobody (has|yet)`)

// leading are routes that have no screen: they read something, and lead to another one.
var leading = []string{"/", "/$org/runs/$run"}

// columns are routes that show several things side by side if the window is wide.
var columns = []string{
	"/$org/drift", "/$org/drift/episodes/$episode", "/$org/drift/scans/$scan", "/$org/drift/schedules/$schedule",
	"/$org/registry/modules/$namespace/$name/$provider", "/$org/registry/providers/$registry/$namespace/$name",
	"/$org/settings/agents", "/$org/settings/teams/$team", "/$org/workspaces", "/$org/workspaces/$workspace",
	"/$org/workspaces/$workspace/health", "/$org/workspaces/$workspace/runs/$run", "/$org/workspaces/$workspace/states/compare", "/profile/security",
}

// TestScreensAreSteadyWhileTheyLoad opens each screen by its address, on a phone, where no
// answer has come yet: its title and its navigation are there and it says nothing that it does
// not know. Then the answers come one by one, in any order, and nothing jumps.
func TestScreensAreSteadyWhileTheyLoad(t *testing.T) {
	st, f := newFronted(t)
	d := demoOn(st)
	f.Slow()
	d.run(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(watchShifts).Do(ctx)
		return err
	}))
	routes := d.routes()
	d.Size(390, 844)
	for _, r := range routes {
		if slices.Contains(leading, r.route) {
			continue
		}
		release := f.Keep(func(path string) bool { return !known.MatchString(path) })
		d.Go("/app" + r.path)
		d.Until("the title of "+r.path, `document.querySelector('main h1')?.innerText.trim() && document.querySelector('header nav')`)
		var says string
		d.Eval(`document.querySelector('main').innerText + [...document.querySelectorAll('[data-empty], [role=alert]')].map(() => ' nothing here').join()`, &says)
		if early := premature.FindString(says); early != "" {
			t.Errorf("before anything is known %s says %q: %s", r.path, early, says)
		}
		release()
		d.steady(f, r.path)
	}
	d.Size(1280, 800)
	for _, r := range routes {
		if slices.Contains(columns, r.route) {
			d.Go("/app" + r.path)
			d.Until("the title of "+r.path, `document.querySelector('main h1')`)
			d.steady(f, r.path)
		}
	}
}

// steady waits until the screen is complete, and fails if it moved.
func (d *demo) steady(f *front, path string) {
	d.T.Helper()
	d.quiet(f)
	var shifts []shift
	d.Eval(`window.__shifted()`, &shifts)
	sum, what := 0.0, ""
	for _, s := range shifts {
		sum += s.Value
		what += fmt.Sprintf("\n%.4f %s", s.Value, strings.Join(s.Nodes, "; "))
	}
	if sum > maxShift {
		d.T.Errorf("%s moved by %.3f, want at most %.2f:%s", path, sum, maxShift, what)
	}
	d.T.Logf("%s moved by %.4f", path, sum)
}

// TestWhatIsSlowSaysThatItComes: the frame before it is known who looks, the next screen
// while its part of the UI is being loaded.
func TestWhatIsSlowSaysThatItComes(t *testing.T) {
	st, f := newFronted(t)
	st.Dark(false) // and without motion
	release := f.Keep(func(path string) bool { return strings.HasPrefix(path, "/api/") })
	st.Go("/app/acme/workspaces")
	st.Until("the frame", `document.querySelector('main[aria-busy=true] .skeleton')`)
	st.Axe("the frame alone")
	st.Until("nothing to move", `document.getAnimations().every((a) => a.playState === 'finished')`)
	release()
	st.See("No workspaces yet")

	release = f.Keep(func(path string) bool { return strings.HasPrefix(path, "/app/assets/") })
	st.Click("Drift")
	st.Until("the title of what comes", `document.querySelector('main h1')?.innerText === 'Drift' && document.querySelector('main .skeleton')`)
	st.At("/app/acme/drift")
	st.Unseen("No workspaces yet")
	release()
	st.See("First steps")
}

package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
)

// media emulates a medium ("print", or none for a screen) and what the person prefers: names and values in turn.
func (b *Browser) media(medium string, prefers ...string) {
	b.t.Helper()
	features := []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}}
	for i := 0; i < len(prefers); i += 2 {
		features = append(features, &emulation.MediaFeature{Name: prefers[i], Value: prefers[i+1]})
	}
	b.run(emulation.SetEmulatedMedia().WithMedia(medium).WithFeatures(features))
	for i := 0; i < len(prefers); i += 2 {
		b.Until(prefers[i], `matchMedia('(`+prefers[i]+`: `+prefers[i+1]+`)').matches`)
	}
	b.Until("the medium", `matchMedia('`+map[string]string{"": "screen"}[medium]+medium+`').matches`)
}

// colours are functions of what the page looks like: the channels of a colour, how two
// colours contrast, and what colour is behind an element.
const colours = `
	const channels = (c) => { const [r, g, b, a = 1] = c.match(/[\d.]+/g).map(Number); return {r, g, b, a} }
	const light = (c) => { const {r, g, b} = channels(c), l = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; return 0.2126 * l(r) + 0.7152 * l(g) + 0.0722 * l(b) }
	const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05) }
	const behind = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (channels(c).a > 0.7) return c } return 'rgb(255, 255, 255)' }
	const seen = (e) => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== 'hidden';
`

// wrongOf fails for those of the elements for which an expression of e, and its style s, says what is wrong.
func (b *Browser) wrongOf(what, elements, script string) {
	b.t.Helper()
	var wrong []string
	b.Eval(`(() => {`+colours+`
		const all = [...document.querySelectorAll(`+quoted(elements)+`)].filter(seen)
		if (all.length === 0) return ['there is none of `+strings.ReplaceAll(elements, `'`, ``)+`']
		return all.map((e) => { const s = getComputedStyle(e), why = (`+script+`); return why && e.tagName + ' ' + (e.innerText || e.getAttribute('aria-label') || '').slice(0, 40) + ': ' + why }).filter(Boolean)
	})()`, &wrong)
	if len(wrong) > 0 {
		b.t.Errorf("%s: %s", what, strings.Join(wrong[:min(5, len(wrong))], "; "))
	}
}

// TestPagesArePrinted: on paper a page is dark on white whatever the theme, without what is
// only for hands, and nothing of it is cut.
func TestPagesArePrinted(t *testing.T) {
	d := newDemo(t)
	d.Size(720, 1020) // A4 less its margins
	run := "/app/acme/workspaces/network-prod/runs/" + d.params["$run"]
	state := "/app/acme/workspaces/network-prod/states/" + d.params["$state"]
	for _, p := range []struct {
		path, click string
		shows, not  []string
	}{
		{run, "", []string{"A third zone, and a larger orders database", "aws_db_instance.orders", "aws_launch_template.worker", "Waits for a person", "Details"}, []string{"Copy link", "Discard", "Open all"}},
		{run, "Log", []string{"OpenTofu v1.12.6 on linux_amd64", "Plan: 3 to add, 2 to change, 2 to destroy."}, []string{"Copy link", "Wrap"}},
		{state, "", []string{"State 2", "aws_autoscaling_group.worker", "module.vpc.aws_route_table.private"}, []string{"Download", "Variables", "Start a run"}},
		{state + "?view=graph", "", []string{"State 2", "Print the list of resources"}, []string{"Fit View"}},
		{"/app/acme/drift/findings", "", []string{"aws_security_group.web", "SSH is open to the internet"}, []string{"Export", "More filters", "Schedules"}},
		{"/app/acme/drift", "", []string{"What drifts now", "network-prod", "payments-api-prod"}, []string{"As a table", "Findings\n"}},
		{"/app/acme/settings/audit", "", []string{"When", "ada", "assess"}, []string{"Agents", "SSH keys"}},
		{"/app/acme/workspaces", "", []string{"airflow", "website-staging"}, []string{"New workspace", "All projects"}},
	} {
		d.media("", "prefers-color-scheme", "dark")
		d.Go(p.path)
		d.Until("the screen", `document.querySelector('main h1')`)
		d.loaded()
		if p.click != "" {
			d.Click(p.click)
		}
		d.media("print", "prefers-color-scheme", "dark")
		d.calm()
		d.See(p.shows...)
		d.Unseen(append(p.not, "Workspaces\nRuns")...) // the last is the side bar
		d.fits(p.path + " on paper")
		var page string
		d.Eval(`getComputedStyle(document.body).backgroundColor`, &page)
		if page != "rgb(255, 255, 255)" {
			t.Errorf("the page of %s is %s on paper, want it white", p.path, page)
		}
		d.wrongOf(p.path+" on paper is hard to read", "main h1, main h2, main p, main td, main dd, main code, main a", `contrast(s.color, behind(e)) < 4.5 && s.color + ' on ' + behind(e)`)
		d.wrongOf(p.path+" on paper is cut", "main, main *", `['auto', 'scroll'].includes(s.overflowY) && e.tagName !== 'SELECT' && e.scrollHeight > e.clientHeight + 1 && 'it is ' + e.scrollHeight + ' px high, and shows ' + e.clientHeight`)
	}
	var rows int
	if d.Eval(`document.querySelectorAll('[data-row]').length`, &rows); rows != 28 {
		t.Errorf("%d workspaces are on paper, want all 28", rows)
	}
}

// TestWhoNeedsMoreContrastSeesMore: lines are as clear as text, and where the system gives the
// colours, what is chosen still differs from what is not.
func TestWhoNeedsMoreContrastSeesMore(t *testing.T) {
	d := newDemo(t)
	run := "/app/acme/workspaces/network-prod/runs/" + d.params["$run"]
	for _, theme := range []string{"light", "dark"} {
		for _, path := range []string{run, "/app/acme/drift", "/app/acme/workspaces/network-prod/settings"} {
			d.media("", "prefers-contrast", "more", "prefers-color-scheme", theme)
			d.Go(path)
			d.Until("the screen", `document.querySelector('main h1')`)
			d.loaded()
			d.wrongOf(path+", more contrast, "+theme, "main section, main button:not([role]), main input, main select, header button", `
				!/transparent|rgba\(.*, 0\)/.test(s.borderTopColor) && parseFloat(s.borderTopWidth) > 0 && contrast(s.borderTopColor, behind(e.parentElement)) < 3 && s.borderTopColor + ' on ' + behind(e.parentElement)`)
			d.wrongOf(path+", text, "+theme, "main h1, main h2, main p, main .text-muted, main .text-faint", `contrast(s.color, behind(e)) < 7 && s.color + ' on ' + behind(e)`)
			d.Axe(path + ", more contrast, " + theme)

			d.media("", "forced-colors", "active", "prefers-color-scheme", theme)
			d.calm()
			d.wrongOf(path+", forced colours, "+theme, "main section.rounded-lg, main input:not([type=checkbox], [type=radio]), main select, header button:not([aria-label])", `
				(parseFloat(s.borderTopWidth) < 1 || contrast(s.borderTopColor, behind(e.parentElement)) < 3) && 'its border is ' + s.borderTopWidth + ' ' + s.borderTopColor`)
			d.wrongOf(path+", forced colours, what is chosen, "+theme, "aside [aria-current=page], main nav a[data-status=active], [role=group] > [aria-pressed=true]", `
				[...e.parentElement.children].filter((o) => o !== e && o.tagName === e.tagName).map((o) => getComputedStyle(o)).some((o) => o.backgroundColor === s.backgroundColor && o.borderBottomWidth === s.borderBottomWidth) && 'it looks like what is not chosen'`)
			d.wrongOf(path+", forced colours, what is chosen, "+theme, "aside [aria-current=page], main nav a[data-status=active], [role=group] > [aria-pressed=true]", `contrast(s.color, behind(e)) < 4.5 && s.color + ' on ' + behind(e)`)
		}
	}
	d.Press("\t")
	d.wrongOf("forced colours, the focus", ":focus", `(s.outlineStyle === 'none' || parseFloat(s.outlineWidth) < 2 || contrast(s.outlineColor, behind(e.parentElement)) < 3) && 'its outline is ' + s.outline`)
}

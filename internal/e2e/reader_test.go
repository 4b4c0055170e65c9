package e2e

import (
	"strings"
	"testing"
)

// spaced is how much space between lines, letters and words a reader may ask for without
// losing anything (WCAG 1.4.12).
const spaced = `* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } p { margin-bottom: 2em !important }`

// TestEveryScreenSuitsItsReader walks all routes as TestEveryScreen does. Each says in its
// title which one it is, keeps the focus in view, says all times in full, and holds what is
// enlarged: 200 and 400 % of 1280 px, and text with more space.
func TestEveryScreenSuitsItsReader(t *testing.T) {
	d := newDemo(t)
	titles := map[string]string{}
	d.walk(func(route, _ string) {
		d.reads(route, titles)
		d.holds(route)
	})
}

// reads judges what a screen says of itself to who hears it.
func (d *demo) reads(route string, titles map[string]string) {
	d.T.Helper()
	var says struct {
		Title, Heard, Focus string
		Vague, Odd          []string
	}
	d.Eval(`({
		title: document.title,
		heard: [...document.querySelectorAll('p.sr-only[aria-live]')].map((e) => e.textContent).join(),
		focus: document.activeElement.tagName,
		vague: [...document.querySelectorAll('main time')].filter((e) => !/\d{4}/.test(e.title + e.textContent)).map((e) => e.outerHTML),
		odd: [...document.querySelector('main').innerText.matchAll(/.*(\bin 0 |undefined|NaN|\[object|Invalid Date|\b1 (?:runs|workspaces|resources|findings|days|people)\b).*/g)].map((m) => m[0]),
	})`, &says)
	if other, taken := titles[says.Title]; taken {
		d.T.Errorf("%s and %s are both called %q", route, other, says.Title)
	}
	titles[says.Title] = route
	if want := strings.TrimSuffix(says.Title, " – Plumbline"); len(titles) > 1 && says.Heard != want {
		d.T.Errorf("who hears the page is told of %q, want %q", says.Heard, want)
	}
	if says.Focus == "BODY" {
		d.T.Errorf("on %s nothing has the focus", route)
	}
	for _, v := range says.Vague {
		d.T.Errorf("%s does not say this time in full: %s", route, v)
	}
	for _, o := range says.Odd {
		d.T.Errorf("%s says %q", route, o)
	}
}

// holds judges a screen at sizes and with spaces that readers may need.
func (d *demo) holds(route string) {
	d.T.Helper()
	var done bool
	style := func(css string) {
		d.Eval(`(() => { const s = new CSSStyleSheet(); s.replaceSync(`+quoted(css)+`); document.adoptedStyleSheets = [s]; return true })()`, &done)
	}
	for _, size := range []struct {
		name          string
		width, height int64
		css           string
	}{{"at 200 %", 640, 400, ""}, {"at 400 %", 320, 256, ""}, {"with spaces at 390 px", 390, 844, spaced}, {"with spaces", 1280, 800, spaced}} {
		style(size.css)
		d.Size(size.width, size.height)
		d.fits(route + " " + size.name)
	}
	style("")
}

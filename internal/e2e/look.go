package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Shot judges the screen by axe-core, light, dark and narrow; if SCREENSHOTS names a
// folder, it leaves a picture of each there: name.png, name-dark.png, name-narrow.png. If
// DOCS names a folder, those of screens/… are there too, as WebP; docs/ui.md shows them.
// The window is 1280 × 800 and light afterwards.
func (b *Browser) Shot(name string) {
	b.t.Helper()
	for _, look := range []struct {
		suffix        string
		dark          bool
		width, height int64
	}{{"-dark", true, 1280, 800}, {"-narrow", false, 390, 844}, {"", false, 1280, 800}} {
		b.Dark(look.dark)
		b.Size(look.width, look.height)
		b.calm()
		b.Axe(name + look.suffix)
		b.fits(name + look.suffix)
		b.hit(name + look.suffix)
		if dir := os.Getenv("SCREENSHOTS"); dir != "" {
			b.whole(look.width, look.height, filepath.Join(dir, name+look.suffix+".png"))
		}
		if screen, ok := strings.CutPrefix(name, "screens/"); ok && os.Getenv("DOCS") != "" {
			b.write(filepath.Join(os.Getenv("DOCS"), screen+look.suffix+".webp"))
		}
	}
}

// calm waits until what is being loaded is there and two frames are painted.
func (b *Browser) calm() {
	b.t.Helper()
	// Chromium does not pass changed light-dark() colours on to what inherits them.
	var done bool
	b.Eval(`(() => { const s = document.documentElement.style; s.display = 'none'; document.body.offsetHeight; s.display = ''; return true })()`, &done)
	b.Until("the screen to be loaded", `document.querySelectorAll('.skeleton').length === 0`)
	b.Eval(`new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(() => r(true))))`, &done)
}

// fits fails if the page is wider than the window.
func (b *Browser) fits(name string) {
	b.t.Helper()
	var over int
	b.Eval(`document.documentElement.scrollWidth - document.documentElement.clientWidth`, &over)
	if over > 0 {
		b.t.Errorf("%s is %d px wider than the window", name, over)
	}
}

// hit fails if something that a finger must hit is less than 40 px high on a page that the
// server writes itself, where the window is as narrow as a phone. Those of the app have it
// from the parts that they are made of.
func (b *Browser) hit(name string) {
	b.t.Helper()
	var low []string
	b.Eval(`innerWidth > 640 || !document.querySelector('link[href="/app/style.css"]') ? [] :
		[...document.querySelectorAll('button, select, input:not([type=hidden]), nav a, .brand')].filter((e) => e.getBoundingClientRect().height < 40).map((e) => e.outerHTML.slice(0, 100))`, &low)
	for _, control := range low {
		b.t.Errorf("%s: less than 40 px high: %s", name, control)
	}
}

// whole takes a picture of the whole page: the window is as high as the page meanwhile. A
// dialog is shown as it is in the window.
func (b *Browser) whole(width, height int64, path string) {
	b.t.Helper()
	var all int64
	if b.Eval(`document.querySelector('dialog[open]') ? 0 : document.documentElement.scrollHeight`, &all); all > height {
		b.Size(width, all)
		b.calm()
	}
	b.write(path)
	if all > height {
		b.Size(width, height)
		b.calm()
	}
}

func (b *Browser) write(path string) {
	b.t.Helper()
	var picture []byte
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	err := chromedp.Run(ctx, chromedp.ActionFunc(func(ctx context.Context) (err error) {
		shot := page.CaptureScreenshot()
		if filepath.Ext(path) == ".webp" {
			shot = shot.WithFormat(page.CaptureScreenshotFormatWebp).WithQuality(70)
		}
		picture, err = shot.Do(ctx)
		return err
	}))
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o750) //nolint:gosec // the folder that the developer names
	}
	if err == nil {
		err = os.WriteFile(path, picture, 0o600) //nolint:gosec // the folder that the developer names
	}
	if err != nil {
		b.t.Errorf("picture %s: %v", path, err)
	}
}

// Axe fails the test for what axe-core calls serious or critical on the screen.
func (b *Browser) Axe(screen string) {
	b.t.Helper()
	script, err := os.ReadFile("../../web/node_modules/axe-core/axe.min.js")
	if err != nil {
		absent(b.t, "axe-core is not there: run make web")
	}
	var loaded bool
	if b.Eval(`typeof axe !== 'undefined'`, &loaded); !loaded {
		b.Eval(string(script)+"; true", &loaded)
	}
	found := b.violations()
	if len(found) > 0 { // a theme that has just changed may reach some elements late
		b.calm()
		found = b.violations()
	}
	for _, v := range found {
		var where strings.Builder
		for _, n := range v.Nodes[:min(3, len(v.Nodes))] {
			fmt.Fprintf(&where, "\n  %s\n    %s", n.HTML, n.FailureSummary)
		}
		b.t.Errorf("%s: axe-core: %s: %s (%d places)%s", screen, v.Impact, v.Help, len(v.Nodes), where.String())
	}
}

// violation is what axe-core finds wrong.
type violation struct {
	ID, Impact, Help string
	Nodes            []struct {
		HTML           string
		FailureSummary string
	}
}

// violations judges what is on the screen. In the dark only colours are judged: the rest is
// what it is in the light.
func (b *Browser) violations() (found []violation) {
	b.t.Helper()
	b.Eval(`axe.run(document, {resultTypes: ['violations'], ...(matchMedia('(prefers-color-scheme: dark)').matches && {runOnly: ['color-contrast', 'link-in-text-block']})}).then((r) => r.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical')
		.map((v) => ({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map((n) => ({html: n.html, failureSummary: n.failureSummary}))})))`, &found)
	return found
}

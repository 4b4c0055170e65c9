// Package e2e drives the web UI in a real Chromium against a real server, as a person
// would: by the names of buttons, links and fields, and by keys.
//
// A test fails by itself if the page logs an error, breaks its own security policy or
// asks another host for anything. Without Chromium or a built UI the tests are skipped,
// but never where CI is set.
package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/api"
	"plumbline.dev/plumbline/web"
)

// patience is how long a page may take to show something.
const patience = 30 * time.Second

// Browser is a window of a Chromium of its own.
type Browser struct {
	t    testing.TB
	ctx  context.Context
	base string

	mu    sync.Mutex
	wrong []string // what must not happen
	allow []string // parts of what may
}

// flags make Chromium quiet and its pictures alike everywhere.
var flags = append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU, chromedp.IgnoreCertErrors,
	chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
	chromedp.Flag("hide-scrollbars", true), chromedp.Flag("force-color-profile", "srgb"))

// Open returns a window whose addresses begin with base. It closes with the test.
func Open(t testing.TB, base string) *Browser {
	t.Helper()
	if !web.Built() {
		absent(t, "the UI is not built: run make web")
	}
	binary, err := exec.LookPath("chromium")
	if err != nil {
		absent(t, "Chromium is not there: apt-get install chromium")
	}
	parent, stop := chromedp.NewExecAllocator(context.Background(), append(flags[:len(flags):len(flags)], chromedp.ExecPath(binary))...)
	ctx, cancel := chromedp.NewContext(parent, chromedp.WithErrorf(func(string, ...any) {})) // of events that it does not know
	b := &Browser{t: t, ctx: ctx, base: base}
	t.Cleanup(func() {
		cancel()
		stop()
		for _, w := range b.wrong {
			t.Errorf("the page did what it must not: %s", w)
		}
	})
	if err := chromedp.Run(ctx); err != nil { // with the time of the whole test: the process lives as long as its context
		t.Fatal("Chromium does not start: ", err)
	}
	chromedp.ListenTarget(ctx, b.heard)
	b.run(network.Enable(), log.Enable(), runtime.Enable())
	b.Size(1280, 800)
	return b
}

// absent skips the test; in CI everything must be there.
func absent(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// heard notes errors of the page.
func (b *Browser) heard(event any) {
	var said string
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		said = e.ExceptionDetails.Error()
	case *runtime.EventConsoleAPICalled:
		if e.Type != runtime.APITypeError && e.Type != runtime.APITypeWarning {
			return
		}
		for _, a := range e.Args {
			said += string(a.Value) + a.Description + " "
		}
	case *log.EventEntryAdded:
		if e.Entry.Level != log.LevelError {
			return
		}
		said = e.Entry.Text + " " + e.Entry.URL
	case *network.EventRequestWillBeSent:
		if strings.HasPrefix(e.Request.URL, b.base) || strings.HasPrefix(e.Request.URL, "data:") || strings.HasPrefix(e.Request.URL, "blob:") {
			return
		}
		said = "asked for " + e.Request.URL
	default:
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.allow {
		if strings.Contains(said, a) {
			return
		}
	}
	b.wrong = append(b.wrong, said)
}

// Allow lets the page log errors that contain the text, such as the status of a request
// that the test makes fail.
func (b *Browser) Allow(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.allow = append(b.allow, text)
}

func (b *Browser) run(actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		b.fail("%v", err)
	}
}

// fail ends the test and says what the page shows.
func (b *Browser) fail(format string, args ...any) {
	b.t.Helper()
	if dir := os.Getenv("SCREENSHOTS"); dir != "" {
		b.write(filepath.Join(dir, "FAILED-"+strings.ReplaceAll(b.t.Name(), "/", "-")+".png"))
	}
	var shows, at string
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	_ = chromedp.Run(ctx, chromedp.Evaluate(`document.body.innerText`, &shows), chromedp.Location(&at))
	b.t.Fatalf(format+"\nat %s:\n%s", append(args, at, shows)...)
}

// Eval runs a script in the page; what it returns, or promises, is put into out.
func (b *Browser) Eval(script string, out any) {
	b.t.Helper()
	b.run(chromedp.Evaluate(script, out, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
}

// LogIn gives the window a session of the person, as the login page would.
func (b *Browser) LogIn(s *apptest.Server, u apptest.User) {
	b.t.Helper()
	_, secret, err := s.App.Tokens.MintSession(b.t.Context(), u.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	name, secure := api.PlainSessionCookie, strings.HasPrefix(b.base, "https:")
	if secure {
		name = api.SessionCookie
	}
	b.run(network.SetCookie(name, secret.Reveal()).WithURL(b.base).WithPath("/").WithSecure(secure).WithHTTPOnly(true))
}

// Size makes the window as wide and high as said, in CSS pixels.
func (b *Browser) Size(width, height int64) {
	b.t.Helper()
	b.run(emulation.SetDeviceMetricsOverride(width, height, 1, false))
	b.Until("the window to have its size", fmt.Sprintf(`innerWidth === %d && innerHeight === %d`, width, height))
}

// Dark makes the system's theme dark or light.
func (b *Browser) Dark(dark bool) {
	b.t.Helper()
	value := map[bool]string{true: "dark", false: "light"}[dark]
	b.run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}, {Name: "prefers-reduced-motion", Value: "reduce"}}))
}

// Go opens an address below the base, such as "/app/acme/workspaces".
func (b *Browser) Go(path string) {
	b.t.Helper()
	b.run(chromedp.Navigate(b.base + path))
}

// Visit opens an address of another program, such as a command line gives it.
func (b *Browser) Visit(address string) {
	b.t.Helper()
	b.run(chromedp.Navigate(address))
}

// Path is where the window is.
func (b *Browser) Path() string {
	b.t.Helper()
	var at string
	b.run(chromedp.Location(&at))
	u, err := url.Parse(at)
	if err != nil {
		b.t.Fatal(err)
	}
	return u.RequestURI()
}

// Until waits until the script is true; what names it in the failure.
func (b *Browser) Until(what, script string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	look := time.NewTicker(30 * time.Millisecond)
	defer look.Stop()
	for {
		var is bool
		err := chromedp.Run(ctx, chromedp.Evaluate("Boolean("+script+")", &is)) // fails while another page is coming
		if err == nil && is {
			return
		}
		select {
		case <-ctx.Done():
			b.fail("waited for %s: %v", what, err)
		case <-look.C:
		}
	}
}

// See waits until the page shows each text.
func (b *Browser) See(texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		b.Until(fmt.Sprintf("%q to be seen", text), `document.body.innerText.includes(`+quoted(text)+`)`)
	}
}

// Unseen fails if the page shows a text.
func (b *Browser) Unseen(texts ...string) {
	b.t.Helper()
	var shows string
	b.Eval(`document.body.innerText`, &shows)
	for _, text := range texts {
		if strings.Contains(shows, text) {
			b.fail("the page shows %q", text)
		}
	}
}

// At waits until the window is at a path.
func (b *Browser) At(path string) {
	b.t.Helper()
	b.Until("the address "+path, `location.pathname + location.search === `+quoted(path))
}

// Click waits for the button, link, tab or other control with the name and clicks it.
func (b *Browser) Click(name string) {
	b.t.Helper()
	end := time.After(patience)
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for !b.click(name) { // a message that covers it goes by itself
		select {
		case <-end:
			b.fail("%q cannot be clicked: it moves, or something covers it", name)
		case <-again.C:
		}
	}
}

// click reports whether the control got the click: it may have moved meanwhile.
func (b *Browser) click(name string) (hit bool) {
	b.t.Helper()
	b.Until(fmt.Sprintf("%q to click", name), finding(`(() => { const e = control(`+quoted(name)+`); if (!e || e.disabled || e.ariaDisabled === 'true') return false
		e.scrollIntoView({block: 'center', behavior: 'instant'})
		const r = e.getBoundingClientRect(), at = [r.x, r.y, r.width].join(), still = window.__target === e && window.__at === at
		window.__target = e; window.__at = at; return still })()`))
	var at struct{ X, Y float64 }
	b.Eval(`(() => {
		const r = window.__target.getBoundingClientRect()
		window.__hit = false
		window.__target.addEventListener('click', () => { window.__hit = true }, {once: true, capture: true})
		return {X: r.x + r.width / 2, Y: r.y + r.height / 2}
	})()`, &at)
	b.run(chromedp.MouseClickXY(at.X, at.Y))
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, chromedp.Evaluate(`window.__hit !== false`, &hit)); err != nil {
		return true // the click has led to another page
	}
	return hit
}

// Fill types a text into the field with the label, in the place of what it holds.
func (b *Browser) Fill(label, text string) {
	b.t.Helper()
	b.Until(fmt.Sprintf("the field %q", label), finding(`(() => { const e = field(`+quoted(label)+`); if (!e) return false; e.focus(); e.select?.(); return true })()`))
	b.run(chromedp.ActionFunc(func(ctx context.Context) error { return input.InsertText(text).Do(ctx) }))
}

// Choose chooses the option with the text in a list of choices.
func (b *Browser) Choose(label, option string) {
	b.t.Helper()
	b.Until(fmt.Sprintf("the choice %q of %q", option, label), finding(`(() => {
		const e = field(`+quoted(label)+`), o = [...(e?.options ?? [])].find(o => o.text.trim() === `+quoted(option)+`)
		if (!o) return false
		Object.getOwnPropertyDescriptor(HTMLSelectElement.prototype, 'value').set.call(e, o.value)
		e.dispatchEvent(new Event('change', {bubbles: true}))
		return true
	})()`))
}

// finder are the functions by which the page is searched as a screen reader would.
const finder = `
	const visible = (e) => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== 'hidden'
	const nameOf = (e) => (e.getAttribute('aria-label') ?? e.innerText ?? '').trim().replace(/\s+/g, ' ')
	const top = () => [...document.querySelectorAll('dialog[open]')].at(-1) ?? document
	const control = (name) => {
		const all = [...top().querySelectorAll('button, a, summary, [role=option], [role=menuitem], [role=menuitemradio], input[type=checkbox], input[type=radio]')].filter(visible)
		return all.find((e) => nameOf(e) === name) ?? all.find((e) => e.labels && [...e.labels].some((l) => nameOf(l) === name)) ?? all.find((e) => nameOf(e).startsWith(name))
	}
	const field = (label) => [...top().querySelectorAll('input, textarea, select')].filter(visible)
		.find((e) => e.getAttribute('aria-label') === label || [...(e.labels ?? [])].some((l) => nameOf(l) === label || nameOf(l).startsWith(label)));
`

// finding is an expression that may use the functions of finder.
func finding(expression string) string {
	return "(() => {" + finder + "return " + expression + "})()"
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

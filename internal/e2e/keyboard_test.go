package e2e

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestKeyboardAlone: a person without a mouse logs in, finds a workspace, starts a run,
// follows it and confirms it with a comment. Wherever the focus comes it is seen.
func TestKeyboardAlone(t *testing.T) {
	h := newHosted(t)
	h.workspace("network", tier)
	h.Go("/app/")
	h.See("network")
	h.Click("ada: your account")
	h.Click("Log out")
	h.At("/app/login")
	h.withoutMouse()

	h.Go("/app/")
	h.At("/app/login?next=%2Fapp%2F")
	h.Tab("User name or email address")
	h.Press("ada")
	h.Tab("Password")
	h.Press(passphrase, kb.Enter)
	h.At("/app/acme/workspaces")
	h.See("network")

	h.Press(kb.Tab)
	h.Focused()
	h.See("Skip to the content")
	h.Press(kb.Enter, kb.Tab)
	h.Focused()
	h.Until("the content to have the focus", `document.querySelector('main').contains(document.activeElement)`)

	h.PressControl("k")
	h.Until("the palette to be open", `document.activeElement.getAttribute('role') === 'combobox'`)
	h.Press("netw")
	h.Until("the workspace to be found", finding(`control('network')?.getAttribute('aria-selected') === 'true'`))
	h.Press(kb.Enter)
	h.At("/app/acme/workspaces/network")
	h.See("No run yet")
	h.loaded() // what has the focus and is replaced by what was read loses it
	h.Tab("Runs")
	h.Tab("Resources") // the tabs of the workspace, not the entry of the side bar
	h.PressShift(kb.Tab)
	h.Press(kb.Enter)
	h.At("/app/acme/workspaces/network/runs")
	h.Tab("Start a run")
	h.Press(kb.Enter)
	h.See("Start a run in network")
	h.Focused()
	h.Press("Rollout by keys")
	h.Tab("Start the run")
	h.Press(kb.Enter)
	h.status("planned")

	h.Press("?")
	h.See("Keyboard shortcuts", "Confirm and apply")
	h.Press(kb.Escape)
	h.See("10.0.0.0/16")
	h.Tab("Log")
	h.Press(kb.Enter)
	h.See("Plan: 3 to add")
	h.Press(kb.Tab)
	h.Focused()
	h.Tab("Confirm and apply")
	h.Press(kb.Enter)
	h.See("What the plan says will be done")
	h.Focused()
	h.Press(kb.Escape)
	h.Until("the button to have the focus again", finding(`document.activeElement === control('Confirm and apply')`))
	h.Press("a")
	h.See("What the plan says will be done")
	h.Press("No mouse was harmed.")
	h.Tab("Confirm and apply")
	h.Press(kb.Enter)
	h.status("applied")
	h.See("No mouse was harmed.")

	h.Press("gw")
	h.At("/app/acme/workspaces")
	h.Tab("ada: your account")
	h.Press(kb.Enter)
	h.Focused()
	h.Press(kb.End)
	h.Focused()
	h.Press(kb.Enter)
	h.At("/app/login")
	h.noMouse()
}

// withoutMouse notes what a pointer does from now on, on every page.
func (b *Browser) withoutMouse() {
	b.t.Helper()
	b.run(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(`for (const kind of ['pointerdown', 'pointermove', 'mousedown', 'mousemove', 'touchstart', 'wheel'])
			addEventListener(kind, () => localStorage.setItem('test.pointer', kind), {capture: true, passive: true})`).Do(ctx)
		return err
	}))
}

// noMouse fails if a pointer did something.
func (b *Browser) noMouse() {
	b.t.Helper()
	var did string
	if b.Eval(`localStorage.getItem('test.pointer') ?? ''`, &did); did != "" {
		b.t.Errorf("without a mouse there was a %s", did)
	}
}

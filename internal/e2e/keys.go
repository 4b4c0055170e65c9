package e2e

import (
	"context"
	"strings"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Press presses keys one after another: characters, or names such as kb.Enter. As with a
// keyboard, a character that a shortcut has taken does not come into a field.
func (b *Browser) Press(keys ...string) {
	b.t.Helper()
	for _, k := range strings.Join(keys, "") {
		b.key(k, 0)
	}
}

// PressControl presses a key while Ctrl is held.
func (b *Browser) PressControl(key string) {
	b.t.Helper()
	for _, k := range key {
		b.key(k, input.ModifierCtrl)
	}
}

// PressShift presses a key while Shift is held.
func (b *Browser) PressShift(key string) {
	b.t.Helper()
	for _, k := range key {
		b.key(k, input.ModifierShift)
	}
}

func (b *Browser) key(r rune, held input.Modifier) {
	b.t.Helper()
	k, ok := kb.Keys[r]
	if !ok {
		b.t.Fatalf("there is no key %q", r)
	}
	if k.Shift {
		held |= input.ModifierShift
	}
	event := func(kind input.KeyType) *input.DispatchKeyEventParams {
		return input.DispatchKeyEvent(kind).WithKey(k.Key).WithCode(k.Code).WithModifiers(held).
			WithWindowsVirtualKeyCode(k.Windows).WithNativeVirtualKeyCode(k.Native)
	}
	down := event(input.KeyRawDown)
	if k.Text != "" && held&input.ModifierCtrl == 0 {
		down = event(input.KeyDown).WithText(k.Text).WithUnmodifiedText(k.Unmodified)
	}
	b.run(chromedp.ActionFunc(func(ctx context.Context) error {
		if err := down.Do(ctx); err != nil {
			return err
		}
		return event(input.KeyUp).Do(ctx)
	}))
}

// Tab presses the tabulator until the control with the name has the focus. Wherever the
// focus comes on the way, it must be seen.
func (b *Browser) Tab(name string) {
	b.t.Helper()
	for range 80 {
		var has bool
		if b.Eval(finding(`[control(`+quoted(name)+`), field(`+quoted(name)+`)].includes(document.activeElement)`), &has); has {
			return
		}
		b.Press(kb.Tab)
		b.Focused()
	}
	b.fail("%q does not get the focus by the keyboard", name)
}

// Focused fails unless the control that has the focus is in view and shows it.
func (b *Browser) Focused() {
	b.t.Helper()
	var wrong string
	b.Eval(`(() => {
		const e = document.activeElement
		if (!e || e === document.body) return ''
		const name = (e.getAttribute('aria-label') ?? e.innerText ?? e.tagName).slice(0, 60), r = e.getBoundingClientRect(), s = getComputedStyle(e)
		if (r.bottom <= 0 || r.right <= 0 || r.top >= innerHeight || r.left >= innerWidth) return name + ' has the focus and is out of view'
		if (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1) return ''
		return e.getAttribute('role') === 'combobox' ? '' : name + ' has the focus and does not show it' // a field in a dialog of its own: its caret does
	})()`, &wrong)
	if wrong != "" {
		b.fail("%s", wrong)
	}
}

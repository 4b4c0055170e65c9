package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Another opens one more tab of the same browser, with its session.
func (b *Browser) Another() *Browser {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	tab := &Browser{t: b.t, ctx: ctx, base: b.base}
	b.t.Cleanup(func() {
		cancel()
		for _, w := range tab.wrong {
			b.t.Errorf("a tab did what it must not: %s", w)
		}
	})
	if err := chromedp.Run(ctx); err != nil {
		b.t.Fatal("no other tab opens: ", err)
	}
	chromedp.ListenTarget(ctx, tab.heard)
	tab.run(network.Enable())
	return tab
}

// Close closes the tab.
func (b *Browser) Close() {
	b.t.Helper()
	if err := chromedp.Cancel(b.ctx); err != nil {
		b.t.Fatal(err)
	}
}

// TestSevenTabs: over HTTP/1.1 a browser opens six connections to a server, and a stream
// keeps one; seven tabs work all the same, and all of them follow.
func TestSevenTabs(t *testing.T) {
	st := newStage(t) // without TLS
	tabs := []*Browser{st.Browser}
	for range 6 {
		tabs = append(tabs, st.Another())
	}
	for _, tab := range tabs {
		tab.Go("/app/acme/workspaces")
		tab.See("No workspaces yet", "Changes show as they happen.")
	}
	var locks struct{ Held, Pending int }
	st.Eval(`navigator.locks.query().then((l) => ({held: l.held.length, pending: l.pending.length}))`, &locks)
	if locks.Held != 1 || locks.Pending != 6 {
		t.Errorf("%d tabs have a stream, and %d wait to have it; want 1 and 6", locks.Held, locks.Pending)
	}
	project := st.Project(st.org, "platform")
	st.post("/api/v2/organizations/acme/workspaces", `{"data":{"type":"workspaces","attributes":{"name":"first"},"relationships":{"project":{"data":{"type":"projects","id":"`+project+`"}}}}}`)
	for _, tab := range tabs {
		tab.See("first")
	}

	tabs[6].Eval(`navigator.locks.query().then((l) => ({held: l.held.length, pending: l.pending.length}))`, &locks)
	tabs[0].Go("/app/profile/tokens") // the tab that had the stream leaves the organization
	tabs[1].Close()
	st.post("/api/v2/organizations/acme/workspaces", `{"data":{"type":"workspaces","attributes":{"name":"second"},"relationships":{"project":{"data":{"type":"projects","id":"`+project+`"}}}}}`)
	for _, tab := range tabs[2:] {
		tab.See("second", "Changes show as they happen.")
	}
}

// TestWhatStandsBetweenThePageAndItsServer: a screen says when it is old, and comes back to
// where it was.
func TestWhatStandsBetweenThePageAndItsServer(t *testing.T) {
	st := newStage(t)
	st.Workspace(st.org, "", "payments")
	st.Go("/app/acme/workspaces/nowhere")
	st.Allow("404")
	st.Allow("not found")
	st.See("There is nothing here", "To the start", "Workspaces") // in the frame
	st.Shot("not-found")
	st.Go("/app/acme/no/such/page")
	st.See("There is nothing here")

	st.Go("/app/acme/workspaces")
	st.See("payments")
	st.run(network.OverrideNetworkState(true, 0, -1, -1))
	st.See("You are offline.")
	st.Shot("offline")
	st.run(network.OverrideNetworkState(false, 0, -1, -1))
	st.Until("the page to be online", `!document.body.innerText.includes('You are offline.')`)

	var done bool
	st.Eval(`(() => { document.querySelector('script[type=module]').setAttribute('src', '/app/assets/index-of-yesterday.js'); dispatchEvent(new Event('vite:preloadError', {cancelable: true})); return true })()`, &done)
	st.See("The server has a new version of these pages.")
	st.Shot("new-version")
	st.Click("Reload")
	st.Until("the page to be new", `!document.body.innerText.includes('new version')`)
	st.See("payments")

	st.Allow("401")
	st.Allow("unauthorized")
	st.run(network.ClearBrowserCookies())
	st.Go("/app/acme/workspaces/payments?x=1#here")
	st.Until("the login", `location.pathname === '/app/login'`)
	if at := st.Path(); !strings.Contains(at, "next=%2Fapp%2Facme%2Fworkspaces%2Fpayments") {
		t.Errorf("the login is at %s, want one that leads back", at)
	}
	st.LogIn(st.Server, st.org.Owner)
	st.Go("/app/acme/workspaces")
	st.See("payments")
	st.run(network.ClearBrowserCookies())
	st.Click("payments")
	st.Until("the login", `location.pathname === '/app/login'`)
}

// TestEverythingIsFoundByKeys: the palette finds screens, runs and modules; j and k go
// through a list.
func TestEverythingIsFoundByKeys(t *testing.T) {
	st := newStage(t)
	ws := st.Workspace(st.org, "", "payments")
	st.Workspace(st.org, "", "ledger")
	st.uploaded(ws)
	run := st.queued(ws, "Bigger database")
	module, err := json.Marshal(map[string]any{"data": map[string]any{"type": "registry-modules", "attributes": map[string]any{"name": "labels", "provider": "null", "registry-name": "private"}}})
	if err != nil {
		t.Fatal(err)
	}
	st.post("/api/v2/organizations/acme/registry-modules", string(module))
	st.Go("/app/acme/workspaces")
	st.See("payments", "ledger")
	st.Press("j")
	st.Until("the first row to have the focus", `document.activeElement?.innerText === 'ledger'`)
	st.Press("j")
	st.Until("the second row to have the focus", `document.activeElement?.innerText === 'payments'`)
	st.Press("k", kb.Enter)
	st.At("/app/acme/workspaces/ledger")
	for _, find := range []struct{ words, option, path string }{
		{"teams", "Organization › Teams", "/app/acme/settings/teams"},
		{"bigger", "Bigger database · payments", "/app/acme/workspaces/payments/runs/" + run},
		{"labels", "acme/labels/null", "/app/acme/registry/modules/acme/labels/null"},
		{"registry keys", "Registry › Keys", "/app/acme/registry/keys"},
	} {
		st.PressControl("k")
		st.See("Workspaces")
		st.Fill("Search", find.words)
		st.Until("the palette to find "+find.option, `[...document.querySelectorAll('[role=option]')].some((o) => o.innerText.trim() === `+quoted(find.option)+`)`)
		if find.words == "bigger" {
			st.Shot("screens/palette")
		}
		st.Press(kb.Enter)
		st.At(find.path)
	}
	st.Press("?")
	st.See("Keyboard shortcuts", "Go to workspaces")
	st.Shot("screens/keys")
}

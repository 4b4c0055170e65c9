package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp/kb"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/config"
)

// front stands before a server, as a proxy of a company does, and may behave badly.
type front struct {
	*httptest.Server
	mu     sync.Mutex
	away   bool
	mute   bool           // lets no stream of events through
	status map[string]int // is the answer to requests whose method and path end so
	held   chan struct{}  // if it is not nil, changes wait until it is closed
	slow   slowness
	fault  *fault // if it is not nil, it is the answer to changes
	came   int    // is how many changes have come
}

// newFronted is a stage whose window sees the server through a front.
func newFronted(t *testing.T, options ...func(*config.Server)) (*stage, *front) {
	t.Helper()
	s := apptest.Start(t, options...)
	behind, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(behind)
		r.Out.Host = r.In.Host
	}}
	f := &front{status: map[string]int{}}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer f.slowly(r)()
		f.wait(r)
		if f.fails(w, r) {
			return
		}
		away, mute, status := f.how(r.Method + " " + r.URL.Path)
		switch {
		case away:
			panic(http.ErrAbortHandler) // the connection is closed without an answer
		case mute && strings.HasSuffix(r.URL.Path, "/events"):
			w.Header().Set("Content-Type", "text/event-stream")
			w.WriteHeader(http.StatusOK)
			<-r.Context().Done()
		case status != 0:
			w.WriteHeader(status)
		default:
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(f.CloseClientConnections)
	st := &stage{s, Open(t, f.URL), s.Org("acme")}
	st.LogIn(s, st.org.Owner)
	return st, f
}

func (f *front) how(request string) (away, mute bool, status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for end, s := range f.status {
		if strings.HasSuffix(request, end) {
			status = s
		}
	}
	return f.away, f.mute, status
}

// Away makes the server not answer, and end what it was sending.
func (f *front) Away(away bool) {
	f.mu.Lock()
	f.away = away
	f.mu.Unlock()
	if away {
		f.CloseClientConnections()
	}
}

// Answer makes the front answer requests that end so by itself, as long as the status is not 0.
func (f *front) Answer(request string, status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status[request] = status
}

// Hold makes changes wait until the function that it returns is called.
func (f *front) Hold() (release func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	held := make(chan struct{})
	f.held = held
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.held = nil
		close(held)
	}
}

func (f *front) wait(r *http.Request) {
	f.mu.Lock()
	held := f.held
	if r.Method != http.MethodGet {
		f.came++
	}
	f.mu.Unlock()
	if held == nil || r.Method == http.MethodGet {
		return
	}
	select {
	case <-held:
	case <-r.Context().Done():
	}
}

// value is what the field with the label holds.
func (b *Browser) value(label string) (text string) {
	b.t.Helper()
	b.Eval(finding(`field(`+quoted(label)+`)?.value ?? 'no such field'`), &text)
	return text
}

const silent = "The server does not answer."

// TestNothingIsLostWhileTheServerIsAway: what is shown and what was typed stays, the page
// says how it is, and goes on by itself.
func TestNothingIsLostWhileTheServerIsAway(t *testing.T) {
	st, f := newFronted(t)
	st.Allow("net::ERR_")
	st.Allow("502")
	st.Workspace(st.org, "", "payments")
	st.Go("/app/acme/workspaces/payments/settings")
	st.Fill("Description", "Card payments")
	st.loaded()
	f.Away(true)
	st.See(silent)
	st.Shot("server-away")
	st.Click("Save")
	st.See("The server cannot be reached.")
	st.Fill("Working directory", "prod")
	if got := st.value("Description"); got != "Card payments" {
		t.Errorf("while the server is away the description is %q, want what was typed", got)
	}
	st.Unseen("There is nothing here")
	f.Away(false)
	st.Until("the page to go on", `!document.body.innerText.includes(`+quoted(silent)+`)`)
	st.Click("Save")
	st.See("The settings are saved.")
	if at := st.value("Working directory"); at != "prod" {
		t.Errorf("the working directory is %q, want what was typed", at)
	}

	// A screen whose part of the UI has to be loaded comes when the server is back.
	f.Away(true)
	st.See(silent)
	st.Click("Drift")
	f.Away(false)
	st.At("/app/acme/drift")
	st.See("First steps")
	st.Unseen("new version", "could not be loaded")

	// So does one behind a proxy that says that it cannot reach the server.
	st.Go("/app/acme/settings/teams")
	st.See("owners")
	f.Answer("GET /api/v2/ping", 502)
	f.Answer("GET /api/v2/organizations/acme/teams", 502)
	st.post("/api/v2/organizations/acme/teams", `{"data":{"type":"teams","attributes":{"name":"platform"}}}`)
	st.See(silent, "owners")
	f.Answer("GET /api/v2/ping", 0)
	f.Answer("GET /api/v2/organizations/acme/teams", 0)
	st.Until("the page to go on", `!document.body.innerText.includes(`+quoted(silent)+`)`)
	st.See("owners", "platform")
}

// TestASessionThatEndsLosesNothing: who is logged out in the middle of a form logs in in
// another tab, and what they have sent goes on.
func TestASessionThatEndsLosesNothing(t *testing.T) {
	st := newStage(t)
	st.Allow("401")
	var done bool
	ws := st.Workspace(st.org, "", "payments")
	st.Go("/app/acme/workspaces/payments/variables")
	st.Click("Add variable")
	st.Fill("Key", "region")
	st.Fill("Value", "eu-central-1")
	st.run(network.ClearBrowserCookies())
	st.Eval(`(() => { document.querySelector('dialog form').requestSubmit(); return true })()`, &done) // the page may know already that the session has ended
	st.See("Your session has ended", "Log in again")
	st.Shot("session-ended")
	st.Press(kb.Escape)
	st.See("Your session has ended")
	st.LogIn(st.Server, st.org.Owner)
	tab := st.Another()
	tab.Go("/app/acme/workspaces")
	st.See("region is added.", "eu-central-1")
	tab.Close() // it would hear of the end of its session too
	st.Unseen("Your session has ended")
	st.At("/app/acme/workspaces/payments/variables")

	// Nobody sees what another person has typed.
	st.Click("Add variable")
	st.Fill("Key", "secret_plan")
	st.run(network.ClearBrowserCookies())
	st.Eval(`(() => { document.querySelector('dialog form').requestSubmit(); return true })()`, &done) // the page may know already that the session has ended
	st.See("Your session has ended")
	st.LogIn(st.Server, st.Member(st.org, "guest"))
	st.Allow("404")
	st.Allow("not found")
	tab = st.Another()
	tab.Go("/app/acme/workspaces")
	tab.See("No workspaces yet")
	st.See("There is nothing here")
	if r := st.Do("GET", "/api/v2/workspaces/"+ws+"/vars", st.org.Owner.Token, nil); r.Status != 200 || !strings.Contains(string(r.Body), `"region"`) || strings.Contains(string(r.Body), "secret_plan") {
		t.Errorf("variables = %d %s, want region, and nothing that one person has typed and another has sent", r.Status, r.Body)
	}
}

// TestPagesFollowWithoutAStream: where a proxy lets nothing of a stream through, or refuses
// it, lists and logs still show what is new.
func TestPagesFollowWithoutAStream(t *testing.T) {
	for name, hinder := range map[string]func(*front){"swallowed": func(f *front) { f.mute = true }, "refused": func(f *front) { f.Answer("/events", http.StatusForbidden) }} {
		t.Run(name, func(t *testing.T) {
			st, f := newFronted(t)
			st.Allow("403")
			hinder(f)
			st.followed(t)
		})
	}
}

// followed looks at what is new in a list and in a log.
func (st *stage) followed(t *testing.T) {
	t.Helper()
	st.Go("/app/acme/settings/teams")
	st.See("owners", "Connecting")
	st.post("/api/v2/organizations/acme/teams", `{"data":{"type":"teams","attributes":{"name":"platform"}}}`)
	st.See("platform")

	ws := st.Workspace(st.org, "", "payments")
	st.uploaded(ws)
	e := st.Executor()
	run := st.queued(ws, "Bigger database")
	var spec proto.Plan
	j := e.Claim(proto.KindPlan, &spec)
	report := func(offset int64, text string) {
		t.Helper()
		if _, err := e.Server().Report(t.Context(), j, offset, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	report(0, "the first line\n")
	st.Go("/app/acme/workspaces/payments/runs/" + run)
	st.See("the first line")
	report(15, "größer, the second line\n")
	st.See("größer, the second line")
	e.Put(j, proto.PlanRedacted, `{"format_version":"1.2"}`)
	e.Finish(j, proto.Result{Outcome: proto.Finished}, proto.PlanResult{EngineVersion: "1.12.6"})
	st.Until("the log to be complete", `document.querySelector('[data-complete=true]') || !document.querySelector('[data-complete]')`)
}

// TestWhatIsSafeShowsAtOnce, before the server has said so, and is taken back if it refuses.
func TestWhatIsSafeShowsAtOnce(t *testing.T) {
	st, f := newFronted(t, toLoopback)
	st.Allow("500")
	ws := st.Workspace(st.org, "", "payments")
	st.post("/api/v2/workspaces/"+ws+"/actions/lock", `{"reason":"a quiet Friday"}`)
	st.made("/workspaces/"+ws+"/notification-configurations", "notification-configurations", map[string]any{"name": "on call", "destination-type": "generic", "url": newReceiver(t).URL, "enabled": false}, "")
	st.Go("/app/acme/workspaces/payments")
	st.See("Locked by you")
	release := f.Hold()
	st.Click("Unlock")
	st.Until("the lock to be gone", `!document.body.innerText.includes('Locked by you')`)
	f.Answer("/actions/unlock", 500)
	release()
	st.See("The server could not do that (500).", "Locked by you")

	st.Go("/app/acme/workspaces/payments/notifications")
	release = f.Hold()
	st.Click("Turn on on call")
	st.See("Turn off")
	release()
	st.See("It tells again.")
}

// TestTwoPeopleChangeTheSame: what one types stays while the other saves; what only the
// other has changed is there, and what both have changed is said.
func TestTwoPeopleChangeTheSame(t *testing.T) {
	st := newStage(t)
	ws := st.Workspace(st.org, "", "payments")
	theirs := func(attributes string) { st.patch("/workspaces/"+ws, "workspaces", attributes) }
	st.Go("/app/acme/workspaces/payments/settings")
	st.Fill("Description", "mine")
	theirs(`"working-directory":"prod"`)
	st.Until("what the other has saved", finding(`field('Working directory').value === 'prod'`))
	if got := st.value("Description"); got != "mine" {
		t.Errorf("while another saves, the description is %q, want what was typed", got)
	}
	st.Unseen("Somebody else has changed")
	theirs(`"description":"theirs"`)
	st.See("Somebody else has changed this since you began: description.")
	st.Shot("conflict")
	st.Click("Take theirs")
	st.Until("the other's description", finding(`field('Description').value === 'theirs'`))
	st.Fill("Description", "both")
	st.Click("Save")
	st.See("The settings are saved.")
	if r := st.Do("GET", "/api/v2/workspaces/"+ws, st.org.Owner.Token, nil); !strings.Contains(string(r.Body), `"description":"both"`) || !strings.Contains(string(r.Body), `"working-directory":"prod"`) {
		t.Errorf("the workspace = %s, want what both have saved", r.Body)
	}
	st.Unseen("Somebody else has changed")
}

// TestTheFocusStaysWhenARowGoes: who deletes by keys goes on at the next row.
func TestTheFocusStaysWhenARowGoes(t *testing.T) {
	st := newStage(t)
	ws := st.Workspace(st.org, "", "payments")
	for _, key := range []string{"alpha", "beta", "gamma"} {
		st.made("/workspaces/"+ws+"/vars", "vars", map[string]any{"key": key, "value": "1", "category": "env"}, "")
	}
	st.Go("/app/acme/workspaces/payments/variables")
	for _, step := range []struct{ delete, next string }{{"beta", "Delete gamma"}, {"gamma", "Delete alpha"}} {
		st.See(step.delete)
		st.Tab("Delete " + step.delete)
		st.Press(kb.Enter)
		st.See("Delete " + step.delete + "?")
		st.Press(kb.Enter)
		st.See(step.delete + " is gone.")
		st.Until(step.next+" to have the focus", finding(`document.activeElement === control(`+quoted(step.next)+`)`))
	}
	st.Press(kb.Enter)
	st.See("Delete alpha?")
	st.Press(kb.Enter)
	st.See("No variables")
	st.Until("the content to have the focus", `document.querySelector('main').contains(document.activeElement)`)
}

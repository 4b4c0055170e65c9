package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

// fault is how a front answers changes by itself; without a status it closes the connection.
type fault struct {
	name   string
	status int
	wait   string // Retry-After
	body   string
	words  []string // what the form says then
}

// faults are what may happen to whatever is sent.
var faults = []*fault{
	{name: "somebody was quicker", status: 409, body: `{"errors":[{"status":"409","title":"conflict","detail":"It is locked by grace."}]}`, words: []string{"It is locked by grace.", "Look at how it is now"}},
	{name: "too much at once", status: 429, wait: "75", body: `{"errors":[{"status":"429","title":"too many requests"}]}`, words: []string{"Too many requests.", "Try again in 1 min 15 s."}},
	{name: "a right that was taken away", status: 403, body: `{"errors":[{"status":"403","title":"forbidden"}]}`, words: []string{"You may not do that."}},
	{name: "it is gone", status: 404, body: `{"errors":[{"status":"404","title":"not found"}]}`, words: []string{"This does not exist, or you may not see it."}},
	{name: "a fault of the server", status: 500, body: `<html><h1>Oops</h1></html>`, words: []string{"The server could not do that (500)."}},
	{name: "a proxy without its server", status: 502, body: `<html><h1>Bad gateway</h1></html>`, words: []string{"The server does not answer (502).", "try again when it is back"}},
	{name: "no network", words: []string{"The server cannot be reached.", "try again when it is back"}},
	{name: "a page of a proxy", status: 200, body: `<html>Log in</html>`, words: []string{"has answered in its place"}},
}

// invalid is the refusal of a field of a form, with something that is about no field of it.
func invalid(field string) *fault {
	return &fault{name: "what is typed is wrong", status: 422, words: []string{"It is not as it should be. It is too odd.", "No form has this.", "The whole is wrong."}, body: fmt.Sprintf(`{"errors":[
		{"status":"422","detail":"It is not as it should be","source":{"pointer":"/data/attributes/%[1]s"}}, {"status":"422","detail":"It is too odd.","source":{"pointer":"/data/attributes/%[1]s"}},
		{"status":"422","detail":"No form has this.","source":{"pointer":"/data/attributes/of-no-form"}}, {"status":"422","detail":"The whole is wrong."}]}`, field)}
}

// Fail makes the front answer changes with the fault, until it is nil.
func (f *front) Fail(with *fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = with
}

// changes is how many changes have come so far.
func (f *front) changes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.came
}

// hears waits until more changes have come than before.
func (f *front) hears(st *stage, before int) {
	st.T.Helper()
	end := time.After(patience)
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for f.changes() == before {
		select {
		case <-end:
			st.fail("nothing was sent after what was wrong was over")
		case <-look.C:
		}
	}
}

// fails answers a change if there is a fault.
func (f *front) fails(w http.ResponseWriter, r *http.Request) bool {
	f.mu.Lock()
	with := f.fault
	f.mu.Unlock()
	if r.Method == http.MethodGet || with == nil {
		return false
	}
	if with.status == 0 {
		panic(http.ErrAbortHandler)
	}
	if with.wait != "" {
		w.Header().Set("Retry-After", with.wait)
	}
	w.WriteHeader(with.status)
	_, _ = w.Write([]byte(with.body))
	return true
}

// form is where something is typed and sent.
type form struct {
	path   string
	open   []string    // what to click, one after the other
	typed  [][2]string // labels and texts
	field  string      // the attribute of the first of them, where the form has a place for its errors
	submit string
	done   string // what is seen when it has succeeded
	shot   string // how a picture of it with what is wrong is called
}

// TestNoFormLosesAnything: whatever comes back, each form says it where it is looked at, with
// what to do, keeps what was typed, and can be sent again.
func TestNoFormLosesAnything(t *testing.T) {
	st, f := newFronted(t, toLoopback)
	for _, expected := range []string{"net::ERR_", "status of 4", "status of 5"} {
		st.Allow(expected)
	}
	if _, err := st.DB.Exec(t.Context(), `UPDATE users SET site_admin = ? WHERE id = ?`, true, st.org.Owner.ID); err != nil {
		t.Fatal(err)
	}
	project := st.Project(st.org, "shop")
	ws := st.Workspace(st.org, project, "payments")
	st.Workspace(st.org, project, "website")
	run := st.WaitingRun(st.org, ws).ID
	team := st.made("/organizations/acme/teams", "teams", map[string]any{"name": "platform"}, "")
	set := st.made("/organizations/acme/varsets", "varsets", map[string]any{"name": "cloud", "global": true}, "")
	hook := newReceiver(t).URL
	st.made("/organizations/acme/drift-repositories", "drift-repositories", map[string]any{"type": "git", "url": "https://code.example.com/infra.git", "skip-check": true}, "")
	for at, f2 := range append(formsOfPeople(team, set), formsOfWork(project, run, hook)...) {
		st.visitForm(f2, at == 0)
		st.refuses(f, f2, faults[at%len(faults)])
	}
}

// visitForm opens a form and types into it.
func (st *stage) visitForm(of form, first bool) {
	st.T.Helper()
	if first {
		st.Go(of.path)
	} else {
		st.visit(of.path)
	}
	for _, name := range of.open {
		st.Click(name)
	}
	for _, typed := range of.typed {
		st.Fill(typed[0], typed[1])
	}
}

// refuses sends a form that two faults meet, and then none.
func (st *stage) refuses(f *front, of form, other *fault) {
	st.T.Helper()
	for _, with := range []*fault{invalid(of.field), other} {
		f.Fail(with)
		st.Click(of.submit)
		for _, words := range with.words {
			if of.field == "" {
				words = strings.TrimPrefix(words, "It is not as it should be. ") // without a field of its own each is said by itself
			}
			st.Until(fmt.Sprintf("%s at %s: %q in the form", with.name, of.path, words), finding(`(() => { const f = control(`+quoted(of.submit)+`)?.closest('form'); return f && f.innerText.includes(`+quoted(words)+`) })()`))
		}
		if with.status == 422 && of.field != "" {
			st.Until("the focus at what is wrong with "+of.typed[0][0], finding(`(() => { const e = field(`+quoted(of.typed[0][0])+`)
				return document.activeElement === e && e.ariaInvalid === 'true' && (e.getAttribute('aria-describedby') ?? '').split(' ').some((id) => document.getElementById(id)?.innerText.includes('It is too odd.')) })()`))
		}
		if with.status == 422 && of.shot != "" {
			st.Shot(of.shot)
		}
		for _, typed := range of.typed {
			if got := st.value(typed[0]); got != typed[1] {
				st.T.Errorf("%s: after %s, %s is %q; want %q, as it was typed", of.path, with.name, typed[0], got, typed[1])
			}
		}
	}
	f.Fail(nil)
	before := f.changes()
	st.Click(of.submit)
	f.hears(st, before)
	st.See(of.done)
	st.Press(kb.Escape)
}

// TestWhatIsSentIsSentOnceAndToldOf: nothing is sent twice, a wait is explained, and who closes
// a dialog meanwhile learns what came of it.
func TestWhatIsSentIsSentOnceAndToldOf(t *testing.T) {
	st, f := newFronted(t)
	st.Allow("status of 422")
	st.Go("/app/acme/settings/teams")
	st.Click("New team")
	st.Fill("Name", "platform")
	release := f.Hold()
	var done bool
	st.Eval(`(() => { const f = document.querySelector('dialog form'); f.requestSubmit(); f.requestSubmit(); return true })()`, &done)
	st.Press(kb.Enter)
	st.See("The server has not answered yet.")
	st.Shot("form-waits")
	f.Fail(&fault{status: 422, body: `{"errors":[{"status":"422","detail":"Name has already been taken","source":{"pointer":"/data/attributes/name"}}]}`})
	st.Press(kb.Escape)
	st.Until("the dialog to be closed", `!document.querySelector('dialog')`)
	release()
	st.See("Name has already been taken")
	if got := f.changes(); got != 1 {
		t.Errorf("%d changes were sent, want 1", got)
	}
	f.Fail(nil)
	st.Click("New team")
	st.Unseen("The server has not answered yet.")
	st.Fill("Name", "security")
	st.Click("Create")
	st.See("security")
}

// TestTwoPeopleAtOneDialog: what another person saves meanwhile is there, and where both have
// typed, it is said before one takes the place of the other.
func TestTwoPeopleAtOneDialog(t *testing.T) {
	st := newStage(t)
	ws := st.Workspace(st.org, "", "payments")
	v := st.made("/workspaces/"+ws+"/vars", "vars", map[string]any{"key": "region", "value": "eu", "category": "env"}, "")
	theirs := func(attributes string) { st.patch("/workspaces/"+ws+"/vars/"+v, "vars", attributes) }
	st.Go("/app/acme/workspaces/payments/variables")
	st.Click("Change region")
	st.Fill("Value", "us")
	theirs(`"description":"Where it runs"`)
	st.Until("what the other has saved", finding(`field('Description').value === 'Where it runs'`))
	if got := st.value("Value"); got != "us" {
		t.Errorf("while another saves, the value is %q, want what was typed", got)
	}
	st.Unseen("Somebody else has changed")
	theirs(`"value":"asia"`)
	st.See("Somebody else has changed this since you began: value.")
	st.Click("Take theirs")
	st.Until("the other's value", finding(`field('Value').value === 'asia'`))
	st.Fill("Value", "africa")
	st.Click("Save")
	st.See("region is changed.", "africa")
}

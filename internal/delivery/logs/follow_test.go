package logs_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"plumbline.dev/plumbline/internal/delivery/progress"
)

// event is a server-sent event.
type event struct {
	id         int
	name, text string
}

// follower reads events.
type follower struct {
	t    *testing.T
	body io.ReadCloser
	in   *bufio.Scanner
}

// follow begins to follow the log of a plan; last is where it goes on, said by the header
// or, if it has another meaning there, by the parameter: "since=12".
func (w *world) follow(plan, token, last string) *follower {
	w.T.Helper()
	req, err := http.NewRequestWithContext(w.ctx, "GET", w.URL+"/api/v2/plans/"+plan+"/log/events", nil)
	w.ok(err)
	req.Header.Set("Authorization", "Bearer "+token)
	if strings.HasPrefix(last, "since=") {
		req.URL.RawQuery = last
	} else if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	res, err := http.DefaultClient.Do(req)
	w.ok(err)
	w.T.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		b, _ := io.ReadAll(res.Body)
		w.T.Fatalf("following = %d %s", res.StatusCode, b)
	}
	return &follower{w.T, res.Body, bufio.NewScanner(res.Body)}
}

// next returns the next event; ok is false if the answer has ended.
func (f *follower) next() (e event, ok bool) {
	f.t.Helper()
	for f.in.Scan() {
		field, value, _ := strings.Cut(f.in.Text(), ": ")
		switch field {
		case "id":
			e.id, _ = strconv.Atoi(value)
		case "event":
			e.name = value
		case "data":
			if err := json.Unmarshal([]byte(value), &e.text); err != nil {
				f.t.Fatalf("data %s: %v", value, err)
			}
			return e, true
		}
	}
	return e, false
}

// until reads text until it has so many bytes or ends.
func (f *follower) until(n int) (text string, last event) {
	f.t.Helper()
	for len(text) < n {
		e, ok := f.next()
		if !ok {
			return text, last
		}
		if e.name == "alive" {
			continue
		}
		last = e
		if e.name == "end" {
			return text, last
		}
		text += e.text
	}
	return text, last
}

// plan makes a plan whose log is open.
func (w *world) plan() string {
	w.T.Helper()
	r := w.WaitingRun(w.org, w.Workspace(w.org, "", "net"))
	w.ok(w.App.Plans.Move(w.ctx, r.PlanID, progress.Queued))
	return r.PlanID
}

func TestFollowersSeeTheLogGrow(t *testing.T) {
	run(t, func(w *world) {
		plan, token := w.plan(), w.org.Owner.Token
		first, second := w.follow(plan, token, ""), w.follow(plan, token, "")
		w.append(plan, 0, "one ü\n")
		for _, f := range []*follower{first, second} {
			if text, e := f.until(7); text != "one ü\n" || e.id != 8 {
				w.T.Errorf("a follower got %q up to %d", text, e.id)
			}
		}
		w.append(plan, 7, "tw\xc3")
		w.append(plan, 10, "\xbco\n")
		if text, _ := first.until(6); text != "twüo\n" {
			w.T.Errorf("a follower got %q, want whole characters", text)
		}
		w.ok(w.f.Close(w.ctx, plan))
		for _, f := range []*follower{first, second} {
			if text, e := f.until(100); e.name != "end" || e.id != 15 || strings.ContainsAny(text, "\x02\x03") {
				w.T.Errorf("a follower got %q and then %+v, want the end at 15", text, e)
			}
			if e, ok := f.next(); ok {
				w.T.Errorf("after the end there is %+v", e)
			}
		}
		third := w.follow(plan, token, "8")
		if text, e := third.until(100); text != "twüo\n" || e.name != "end" {
			w.T.Errorf("who goes on at 8 got %q and then %+v", text, e)
		}
		w.ok(w.f.Join(w.ctx, plan))
		if text, e := w.follow(plan, token, "").until(100); text != "one ü\ntwüo\n" || e.name != "end" {
			w.T.Errorf("of the joined log a follower got %q and then %+v", text, e)
		}
		if text, e := w.follow(plan, token, "15").until(100); text != "" || e.name != "end" {
			w.T.Errorf("who was at the end got %q and then %+v", text, e)
		}
		if text, e := w.follow(plan, token, "since=15").until(100); text != "" || e.name != "end" {
			w.T.Errorf("who was at the end got %q and then %+v", text, e)
		}
	})
}

func TestFollowerMayComeBeforeTheLog(t *testing.T) {
	run(t, func(w *world) {
		r := w.WaitingRun(w.org, w.Workspace(w.org, "", "net"))
		f := w.follow(r.PlanID, w.org.Owner.Token, "")
		w.ok(w.App.Plans.Move(w.ctx, r.PlanID, progress.Queued))
		w.append(r.PlanID, 0, "x\n")
		if text, _ := f.until(2); text != "x\n" {
			w.T.Errorf("the follower got %q", text)
		}
	})
}

func TestWhoMayFollow(t *testing.T) {
	run(t, func(w *world) {
		plan := w.plan()
		w.ok(w.f.Close(w.ctx, plan))
		path := "/api/v2/plans/" + plan + "/log/events"
		for who, want := range map[string]int{"": 401, w.User("stranger").Token: 404, w.Member(w.org, "member").Token: 404, w.org.Owner.Token: 200} {
			if r := w.Do("GET", path, who, nil); r.Status != want {
				w.T.Errorf("following = %d %s, want %d", r.Status, r.Body, want)
			}
		}
		for _, last := range []string{"x", "-1", "1.5"} {
			req, err := http.NewRequestWithContext(w.ctx, "GET", w.URL+path, nil)
			w.ok(err)
			req.Header.Set("Authorization", "Bearer "+w.org.Owner.Token)
			req.Header.Set("Last-Event-ID", last)
			if r := w.Send(req); r.Status != 400 {
				w.T.Errorf("Last-Event-ID %s = %d, want 400", last, r.Status)
			}
		}
	})
}

// TestWritersAreToldOfReaders: they send more often then.
func TestWritersAreToldOfReaders(t *testing.T) {
	run(t, func(w *world) {
		l := w.open("")
		watched := func() bool {
			watched, err := w.f.Append(w.ctx, l, 0, []byte("x"))
			w.ok(err)
			return watched
		}
		if watched() {
			w.T.Error("nobody reads, and the writer hears that somebody does")
		}
		w.get(l, "?limit=65536&offset=0")
		if !watched() {
			w.T.Error("somebody reads, and the writer does not hear of it")
		}
	})
}

// TestManyWritersAndReadersAtOnce lets repeated reports meet, as after a broken
// connection, while lines of the server come between them and others read.
func TestManyWritersAndReadersAtOnce(t *testing.T) {
	run(t, func(w *world) {
		l := w.open("")
		text := strings.Repeat("0123456789abcdef", 64)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for at := 0; at < len(text); at += 64 {
					if _, err := w.f.Append(w.ctx, l, int64(at), []byte(text[at:at+64])); err != nil {
						w.T.Errorf("Append at %d = %v", at, err)
						return
					}
				}
			})
		}
		wg.Go(func() {
			for range 10 {
				if err := w.f.Say(w.ctx, l, "#"); err != nil {
					w.T.Errorf("Say = %v", err)
				}
			}
		})
		wg.Go(func() {
			for range 20 {
				got := strings.ReplaceAll(w.all(l, 100), "#\n", "")
				if !strings.HasPrefix("\x02"+text, strings.TrimSuffix(got, "#")) {
					w.T.Errorf("a reader got %q", got)
				}
			}
		})
		wg.Wait()
		w.ok(w.f.Close(w.ctx, l))
		got := w.all(l, 65536)
		if n := strings.Count(got, "#\n"); n != 10 || strings.ReplaceAll(got, "#\n", "") != "\x02"+text+"\x03" {
			w.T.Errorf("the log has %d lines of the server and is %q", n, got)
		}
	})
}

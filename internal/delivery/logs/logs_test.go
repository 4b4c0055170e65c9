package logs_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"plumbline.dev/plumbline/internal/delivery/logs"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

func TestLogIsReadWhileItGrowsAndAfterItsEnd(t *testing.T) {
	run(t, func(w *world) {
		l := w.open("")
		if got := w.all(l, 65536); got != "\x02" {
			t.Errorf("a new log = %q, want STX alone", got)
		}
		w.append(l, 0, "one\n")
		w.append(l, 4, "two\n")
		if got := w.all(l, 65536); got != "\x02one\ntwo\n" {
			t.Errorf("a growing log = %q", got)
		}
		if r := w.get(l, "?limit=65536&offset=9"); r.Status != 200 || len(r.Body) != 0 {
			t.Errorf("behind the end = %d %q, want 200 and nothing", r.Status, r.Body)
		}
		w.ok(w.f.Close(w.ctx, l))
		for _, state := range []string{"closed", "joined"} {
			if got := w.all(l, 65536); got != "\x02one\ntwo\n\x03" {
				t.Errorf("a %s log = %q", state, got)
			}
			if got := w.all(l, 3); got != "\x02one\ntwo\n\x03" {
				t.Errorf("a %s log in pieces = %q", state, got)
			}
			if got := string(w.get(l, "").Body); got != "\x02one\ntwo\n\x03" {
				t.Errorf("a %s log without limit = %q", state, got)
			}
			if r := w.get(l, "?offset=1000000"); r.Status != 200 || len(r.Body) != 0 {
				t.Errorf("far behind the end of a %s log = %d %q", state, r.Status, r.Body)
			}
			w.ok(w.f.Join(w.ctx, l))
			w.ok(w.f.Join(w.ctx, l))
		}
	})
}

func TestAddressOfALog(t *testing.T) {
	run(t, func(w *world) {
		if r := w.get("plan-unknown", ""); r.Status != 200 || len(r.Body) != 0 {
			t.Errorf("a log that has not begun = %d %q, want 200 and nothing", r.Status, r.Body)
		}
		l := w.open("")
		if r := w.Do("GET", w.url(l)[:len(w.url(l))-10]+"0123456789", "", nil); r.Status != 404 {
			t.Errorf("a damaged address = %d, want 404", r.Status)
		}
		if r := w.Do("PUT", w.url(l), "", "x"); r.Status != 404 {
			t.Errorf("PUT = %d, want 404", r.Status)
		}
		for _, query := range []string{"?offset=-1", "?limit=x", "?offset=99999999999999999999"} {
			if r := w.get(l, query); r.Status != 400 {
				t.Errorf("%s = %d, want 400", query, r.Status)
			}
		}
		if r := w.get(l, "?offset=9223372036854775807&limit=9223372036854775807"); r.Status != 200 || len(r.Body) != 0 {
			t.Errorf("the largest numbers = %d %q", r.Status, r.Body)
		}
		if r := w.get(l, ""); r.Header.Get("Content-Type") != "text/plain; charset=utf-8" || r.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("headers = %v", r.Header)
		}
	})
}

func TestWriterIsToldWhatIsWrong(t *testing.T) {
	run(t, func(w *world) {
		if _, err := w.f.Append(w.ctx, "plan-unknown", 0, []byte("x")); !errors.Is(err, problem.NotFound) {
			t.Errorf("Append to no log = %v, want not found", err)
		}
		l := w.open("")
		w.append(l, 0, "abc")
		if _, err := w.f.Append(w.ctx, l, 4, []byte("e")); !errors.Is(err, logs.ErrGap) {
			t.Errorf("Append behind a gap = %v, want ErrGap", err)
		}
		w.append(l, 0, "abc")
		w.append(l, 1, "bcde")
		w.append(l, 2, "")
		w.ok(w.f.Close(w.ctx, l))
		w.ok(w.f.Close(w.ctx, l))
		w.append(l, 3, "de")
		if _, err := w.f.Append(w.ctx, l, 3, []byte("def")); !errors.Is(err, logs.ErrClosed) {
			t.Errorf("Append after the end = %v, want ErrClosed", err)
		}
		w.ok(w.f.Say(w.ctx, l, "too late"))
		w.ok(w.f.Restart(w.ctx, l, "too late"))
		if got := w.all(l, 100); got != "\x02abcde\x03" {
			t.Errorf("log = %q", got)
		}
		w.ok(w.f.Join(w.ctx, l))
		if _, err := w.f.Append(w.ctx, l, 3, []byte("def")); !errors.Is(err, logs.ErrClosed) {
			t.Errorf("Append after the join = %v, want ErrClosed", err)
		}
	})
}

func TestMarksInTextEndNothing(t *testing.T) {
	run(t, func(w *world) {
		l := w.open("head \x03\n")
		w.append(l, 0, "a\x02b\x03")
		w.ok(w.f.Say(w.ctx, l, "\x03"))
		if got := w.all(l, 100); got != "\x02head ?\na?b??\n" {
			t.Errorf("log = %q", got)
		}
	})
}

func TestLargeLogIsCut(t *testing.T) {
	run(t, func(w *world) {
		w.f.MaxSize = 20
		text := strings.Repeat("0123456789", 5)
		want := "\x02" + text[:19] + "\n\n[The log is larger than 20 bytes. What follows is not kept.]\n"
		for _, step := range []int{1, 7, 19, 20, 50} {
			l := w.open("")
			for at := 0; at < len(text); at += step {
				w.append(l, at, text[at:min(at+step, len(text))])
			}
			if got := w.all(l, 1000); got != want {
				t.Errorf("in steps of %d = %q, want %q", step, got, want)
			}
			w.ok(w.f.Say(w.ctx, l, "said"))
			w.ok(w.f.Restart(w.ctx, l, "again"))
			w.append(l, 0, text)
			w.ok(w.f.Close(w.ctx, l))
			if got := w.all(l, 1000); got != want+"said\n\nagain\n\x03" {
				t.Errorf("after it was cut = %q", got)
			}
		}
	})
}

// TestAnySplitGivesTheSameBytes lets writers send a text in any pieces, some of them
// twice or overlapping, with lines of the server between them and attempts that begin
// again, and reads it in any pieces.
func TestAnySplitGivesTheSameBytes(t *testing.T) {
	run(t, func(w *world) {
		rapid.Check(t, func(t *rapid.T) {
			l := w.open("head\n")
			var all strings.Builder
			all.WriteString("\x02head\n")
			for attempt := range rapid.IntRange(1, 3).Draw(t, "attempts") {
				if attempt > 0 {
					w.ok(w.f.Restart(w.ctx, l, "lost"))
					all.WriteString("\nlost\n")
				}
				text := rapid.StringOfN(rapid.RuneFrom([]rune("ab\nü")), 0, 60, -1).Draw(t, "text")
				for sent := 0; sent < len(text); {
					from := rapid.IntRange(0, sent).Draw(t, "from")
					to := rapid.IntRange(from, len(text)).Draw(t, "to")
					w.append(l, from, text[from:to])
					if to > sent {
						all.WriteString(text[sent:to])
						sent = to
					}
					if rapid.IntRange(0, 3).Draw(t, "say") == 0 {
						w.ok(w.f.Say(w.ctx, l, "said"))
						all.WriteString("said\n")
					}
					if sent < len(text) {
						if _, err := w.f.Append(w.ctx, l, int64(sent+1), []byte("x")); !errors.Is(err, logs.ErrGap) {
							t.Fatalf("Append behind a gap at %d = %v", sent, err)
						}
					}
				}
			}
			w.ok(w.f.Close(w.ctx, l))
			want := all.String() + "\x03"
			if got := w.all(l, rapid.IntRange(1, 30).Draw(t, "limit")); got != want {
				t.Fatalf("log = %q, want %q", got, want)
			}
			w.ok(w.f.Join(w.ctx, l))
			if got := w.all(l, rapid.IntRange(1, 30).Draw(t, "limit")); got != want {
				t.Fatalf("joined log = %q, want %q", got, want)
			}
		})
	})
}

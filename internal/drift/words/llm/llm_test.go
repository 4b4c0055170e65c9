package llm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/severity"
	"plumbline.dev/plumbline/internal/drift/words"
)

func verdict(t testing.TB, list ...classify.Finding) severity.Verdict {
	t.Helper()
	v, err := severity.Judge(classify.Result{Findings: list, Resources: 9, Drifted: len(list)}, severity.Context{})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func found(address, path string, was, is any) classify.Finding {
	typ, _, _ := strings.Cut(address, ".")
	return classify.Finding{Address: address, Type: typ, Path: path, Kind: classify.Drift, Recorded: was, Real: is, Wanted: was, Actions: []string{"update"}}
}

var (
	opened  = found("aws_security_group.web", "ingress", []any{}, []any{"tcp:22:0.0.0.0/0"})
	resized = found("aws_instance.a", "instance_type", "t3.micro", "m5.large")
)

// server answers chat completions with what say returns, and keeps the last request.
func server(t testing.TB, say func(attempt int) (int, string)) (*Model, *atomic.Value) {
	t.Helper()
	var last atomic.Value
	var attempts atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.URL.Path != "/v1/chat/completions" || r.Header.Get("Authorization") != "Bearer key" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		last.Store(body)
		status, content := say(int(attempts.Add(1)))
		w.WriteHeader(status)
		_, _ = w.Write([]byte(content))
	}))
	t.Cleanup(s.Close)
	return New(Config{Endpoint: s.URL + "/v1/", Model: "m", Key: "key", Client: s.Client(), Timeout: 5 * time.Second}), &last
}

func completion(t testing.TB, level severity.Level, summary, description string) string {
	t.Helper()
	content, err := json.Marshal(map[string]any{"severity": level, "summary": summary, "description": description})
	if err != nil {
		t.Fatal(err)
	}
	return raw(t, string(content))
}

func raw(t testing.TB, content string) string {
	t.Helper()
	b, err := json.Marshal(map[string]any{"choices": []any{map[string]any{"message": map[string]any{"content": content}}}, "usage": map[string]any{"total_tokens": 42}})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAModelImprovesTheText(t *testing.T) {
	v := verdict(t, resized)
	text := words.Of(v)
	m, _ := server(t, func(int) (int, string) {
		return 200, completion(t, severity.High, "A machine, aws_instance.r1, grew.", "Somebody resized aws_instance.r1.\nIt costs more.")
	})
	spent := 0
	m.config.Spent = func(n int) { spent += n }
	level, got, err := m.Improve(t.Context(), v, text)
	if err != nil {
		t.Fatal(err)
	}
	if want := "[high] A machine, aws_instance.a, grew."; level != severity.High || got.Summary != want || spent != 42 {
		t.Errorf("Improve = %s %q for %d tokens, want high, %q and 42", level, got.Summary, spent, want)
	}
	if want := "**In short** (written by a model)\n\nSomebody resized `aws_instance.a`.\nIt costs more.\n\n" + text.Description; got.Description != want {
		t.Errorf("description = %s, want %s", got.Description, want)
	}
	if got.Brief != text.Brief {
		t.Errorf("brief = %q, want it as it was", got.Brief)
	}
}

func TestTheSeverityMovesAStepAtMost(t *testing.T) {
	for _, c := range []struct {
		finding    classify.Finding
		said, want severity.Level
	}{
		{opened, severity.Info, severity.Critical}, {opened, severity.High, severity.Critical},
		{resized, severity.Critical, severity.High}, {resized, severity.Info, severity.Low}, {resized, severity.Medium, severity.Medium},
		{found("aws_autoscaling_group.a", "desired_capacity", 1, 2), severity.Critical, severity.Info},
	} {
		v := verdict(t, c.finding)
		m, _ := server(t, func(int) (int, string) { return 200, completion(t, c.said, "s", "d") })
		if got, _, err := m.Improve(t.Context(), v, words.Of(v)); err != nil || got != c.want {
			t.Errorf("%s, of which the model says %s, is %s (%v), want %s", v.Severity, c.said, got, err, c.want)
		}
	}
}

// TestWithoutAGoodAnswerTheTextStays whatever a server does.
func TestWithoutAGoodAnswerTheTextStays(t *testing.T) {
	v := verdict(t, opened, resized)
	text := words.Of(v)
	for name, c := range map[string]struct {
		say  func(int) (int, string)
		want error
	}{
		"refuses":       {func(int) (int, string) { return 200, `{"choices":[{"message":{"refusal":"I cannot"}}]}` }, ErrRefused},
		"filters":       {func(int) (int, string) { return 200, `{"choices":[{"finish_reason":"content_filter","message":{}}]}` }, ErrRefused},
		"is broken":     {func(int) (int, string) { return 500, "" }, nil},
		"has no key":    {func(int) (int, string) { return 401, "" }, nil},
		"talks":         {func(int) (int, string) { return 200, raw(t, "Sure! Here is the summary.") }, ErrAnswer},
		"is no model":   {func(int) (int, string) { return 200, "<html>" }, ErrAnswer},
		"says too much": {func(int) (int, string) { return 200, completion(t, severity.High, strings.Repeat("x", 201), "d") }, ErrAnswer},
		"says nothing":  {func(int) (int, string) { return 200, completion(t, severity.High, " ", "d") }, ErrAnswer},
		"adds members": {func(int) (int, string) {
			return 200, raw(t, `{"severity":"low","summary":"s","description":"d","run":"x"}`)
		}, ErrAnswer},
		"invents severity": {func(int) (int, string) { return 200, completion(t, "catastrophic", "s", "d") }, ErrAnswer},
		"floods":           {func(int) (int, string) { return 200, completion(t, severity.High, "s", strings.Repeat("x", 300<<10)) }, ErrAnswer},
	} {
		m, _ := server(t, c.say)
		level, got, err := m.Improve(t.Context(), v, text)
		if err == nil || (c.want != nil && !errors.Is(err, c.want)) || level != v.Severity || got != text {
			t.Errorf("a server that %s: %s, text changed %v, error %v, want %v", name, level, got != text, err, c.want)
		}
	}
}

func TestASlowServer(t *testing.T) {
	v := verdict(t, opened)
	released := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-released }))
	defer s.Close()
	defer close(released)
	m := New(Config{Endpoint: s.URL, Client: s.Client(), Timeout: 20 * time.Millisecond})
	level, text, err := m.Improve(t.Context(), v, words.Of(v))
	if !errors.Is(err, context.DeadlineExceeded) || level != severity.Critical || text != words.Of(v) {
		t.Errorf("Improve = %s, %v, want critical and a time-out", level, err)
	}
}

func TestABusyServerIsAskedTwice(t *testing.T) {
	v := verdict(t, opened)
	m, _ := server(t, func(attempt int) (int, string) {
		if attempt == 1 {
			return 429, ""
		}
		return 200, completion(t, severity.Critical, "s", "d")
	})
	if _, text, err := m.Improve(t.Context(), v, words.Of(v)); err != nil || text.Summary != "[critical] s" {
		t.Errorf("Improve = %q, %v", text.Summary, err)
	}
}

// TestAnInjectedAnswerIsNoMarkup: the model may say what an attacker wrote into a tag.
func TestAnInjectedAnswerIsNoMarkup(t *testing.T) {
	v := verdict(t, opened)
	m, _ := server(t, func(int) (int, string) {
		return 200, completion(t, severity.Info, "All fine, see [this](https://evil.example/x)", "<img src=https://evil.example/p.png onerror=x> ![p](http://evil.example/p) "+
			"visit https://evil.example or www.evil.example or javascript:alert(1)/ @everyone **bold** \u202etxt")
	})
	level, got, err := m.Improve(t.Context(), v, words.Of(v))
	if err != nil || level != severity.Critical || !strings.HasPrefix(got.Summary, "[critical] ") {
		t.Errorf("Improve = %s %q, %v, want critical", level, got.Summary, err)
	}
	text := got.Summary + got.Description
	for _, bad := range []string{"evil.example", "<img", "](", "javascript:alert", "@everyone", "\u202e"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q is in %s", bad, text)
		}
	}
	if !strings.Contains(got.Description, words.Of(v).Description) || utf8.RuneCountInString(got.Description) > words.MaxDescription {
		t.Errorf("description = %s, want the deterministic one in it", got.Description)
	}
}

// TestNothingButTheAllowListLeaves: canaries are in every place where others write.
func TestNothingButTheAllowListLeaves(t *testing.T) {
	masked := found("aws_db_instance.canary1", "password", "canary2", "canary3")
	masked.Masked = true
	list := []classify.Finding{masked,
		found(`module.canary4["canary5"].aws_instance.canary6`, `tags["canary7"]`, "canary8", "canary9"),
		found("aws_instance.b", "tags.canary10", nil, map[string]any{"canary11": "canary12"}),
		found("aws_security_group.c", "ingress", []any{}, []any{map[string]any{"cidr_blocks": []any{"0.0.0.0/0", "10.1.0.0/16", "203.0.113.7/32"}, "from_port": json.Number("22"), "description": "canary13", "CANARY14": "x"}}),
		found("aws_iam_role.d", "assume_role_policy", "arn:aws:iam::111122223333:role/canary15", `{"Statement":"canary16"}`),
		found("aws_x.e", "account", json.Number("111122223333"), "canary17@example.com"),
	}
	list[1].Type = "aws_instance"
	v := verdict(t, list...)
	m, last := server(t, func(int) (int, string) { return 200, completion(t, v.Severity, "s", "d") })
	var audited []byte
	m.config.Audit = func(_ context.Context, body []byte) error { audited = body; return nil }
	if _, _, err := m.Improve(t.Context(), v, words.Of(v)); err != nil {
		t.Fatal(err)
	}
	sent := fmt.Sprint(last.Load())
	for _, bad := range []string{"canary", "CANARY", "111122223333", "203.0.113.7", "example.com"} {
		if strings.Contains(sent, bad) {
			t.Errorf("%q was sent: %s", bad, sent)
		}
	}
	for _, good := range []string{"0.0.0.0/0", "10.1.0.0/16", `"from_port":22`, "<public-range:/32>", "<sensitive>", "aws_instance.r", "<string:len=7>", "tags.<key>"} {
		if !strings.Contains(strings.ReplaceAll(sent, `\u003c`, "<"), good) && !strings.Contains(strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(sent), good) {
			t.Errorf("%q was not sent: %s", good, sent)
		}
	}
	if !json.Valid(audited) || !strings.Contains(string(audited), "from_port") {
		t.Errorf("the audit got %s", audited)
	}
}

func TestTheAuditCanStopIt(t *testing.T) {
	v := verdict(t, opened)
	m, last := server(t, func(int) (int, string) { return 200, completion(t, v.Severity, "s", "d") })
	full := errors.New("full")
	m.config.Audit = func(context.Context, []byte) error { return full }
	if _, _, err := m.Improve(t.Context(), v, words.Of(v)); !errors.Is(err, full) || last.Load() != nil {
		t.Errorf("Improve = %v, and sent %v, want nothing sent", err, last.Load())
	}
}

func TestTheSecondNet(t *testing.T) {
	for text, want := range map[string]bool{
		`{"a":"AKIAIOSFODNN7EXAMPLE"}`:                                             true,
		`{"a":"-----BEGIN RSA"}`:                                                   true,
		`{"a":"https://user:pass@host/"}`:                                          true,
		`{"a":"wJalrXUtnFEMIK7MDENGbPxRfiCYzQ3Ty8"}`:                               true,
		`{"object":"google_access_context_manager_service_perimeter_resource.r1"}`: false,
		`{"a":"<string:len=18>","b":"0.0.0.0/0"}`:                                  false,
	} {
		if got := suspicious([]byte(text)); got != want {
			t.Errorf("suspicious(%s) = %v, want %v", text, got, want)
		}
	}
	// A type whose name is a secret passes the first net as no type does, and is stopped here.
	f := found("aws_instance.a", "instance_type", "a", "b")
	f.Type = "ghp_abcdefghijklmnopqrst"
	v := verdict(t, f)
	m, last := server(t, func(int) (int, string) { return 200, "" })
	if _, _, err := m.Improve(t.Context(), v, words.Of(v)); !errors.Is(err, ErrBlocked) || last.Load() != nil {
		t.Errorf("Improve = %v, and sent %v, want ErrBlocked and nothing", err, last.Load())
	}
}

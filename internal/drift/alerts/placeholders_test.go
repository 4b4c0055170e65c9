package alerts

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// tricky are values that look like placeholders and like the ends of strings.
func tricky(name string) (string, bool) {
	switch name {
	case "REPO":
		return "acme/FOLDER", true
	case "FOLDER":
		return `a"b\n${REPO} SNOOZE_3`, true
	case "OUTPUT":
		return "line 1\nline \"2\"\t\x01 REPO AI_SUMMARY", true
	case "OUTPUT_BRIEF":
		return "brief", true
	}
	if days, ok := snoozeDays(name); ok {
		return "https://snooze/" + strings.Repeat("i", days%5), true
	}
	return "", false
}

func TestPlaceholders(t *testing.T) {
	value := func(name string) (string, bool) {
		v, ok := map[string]string{"REPO": "acme/infra", "OUTPUT": "<out>", "OUTPUT_BRIEF": "<brief>", "TIME": "14:00", "TZ": "AEDT", "DATE": "2026-11-21", "SNOOZE_3": "<3>", "SNOOZE_30": "<30>"}[name]
		return v, ok
	}
	for text, want := range map[string]string{
		"https://github.com/REPO":      "https://github.com/acme/infra",
		"OUTPUT_BRIEF, OUTPUT":         "<brief>, <out>",
		"REPORT REPOS xREPO REPO_":     "REPORT REPOS xREPO REPO_",
		"TIMEZONE TIME TZ":             "TIMEZONE 14:00 AEDT",
		"${REPO}x ${REPO ${UNKNOWN}":   "acme/infrax ${acme/infra ${UNKNOWN}",
		"SNOOZE_3 SNOOZE_30 SNOOZE_3x": "<3> <30> SNOOZE_3x",
		"(REPO)REPO.REPO-REPO":         "(acme/infra)acme/infra.acme/infra-acme/infra",
		"éREPO REPOé":                  "éREPO REPOé",
		"repo Repo":                    "repo Repo",
		"DATE TIME TZ\nREPO":           "2026-11-21 14:00 AEDT\nacme/infra",
		"\xffREPO\xff":                 "\xffacme/infra\xff",
		"":                             "",
	} {
		if got := render(text, value); got != want {
			t.Errorf("render(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestSnoozeDays(t *testing.T) {
	for name, want := range map[string]int{"SNOOZE_1": 1, "SNOOZE_365": 365, "SNOOZE_366": 0, "SNOOZE_0": 0, "SNOOZE_03": 0, "SNOOZE_": 0, "SNOOZE_x": 0, "SNOOZE_1000": 0} {
		if got, ok := snoozeDays(name); ok != (want > 0) || ok && got != want {
			t.Errorf("snoozeDays(%s) = %d, %v, want %d", name, got, ok, want)
		}
	}
}

func TestJSONBodies(t *testing.T) {
	for body, want := range map[string]string{
		`{"repo": "REPO", "n": 1.50, "REPO": [true, null, "x REPO"]}`: `{"repo": "acme/FOLDER", "n": 1.50, "REPO": [true, null, "x acme/FOLDER"]}`,
		`{"a":{"b":"FOLDER"},"c":"FOLDER"}`:                           `{"a":{"b":"a\"b\\n${REPO} SNOOZE_3"},"c":"a\"b\\n${REPO} SNOOZE_3"}`,
		`"OUTPUT_BRIEF"`:                                              `"brief"`,
		`["a\"REPO","\\","REPO"]`:                                     `["a\"acme/FOLDER","\\","acme/FOLDER"]`,
		`{}`:                                                          `{}`,
		`17`:                                                          `17`,
		`not json REPO`:                                               `not json acme/FOLDER`,
	} {
		if got := renderBody(body, tricky); got != want {
			t.Errorf("renderBody(%s) = %s, want %s", body, got, want)
		}
	}
	// The sample of the documentation, whose results are a plan of many lines.
	sample := "\n        {\n          \"results\": \"OUTPUT\",\n          \"snooze_link\": \"SNOOZE_4\"\n        }\n        "
	var doc map[string]string
	if err := json.Unmarshal([]byte(renderBody(sample, tricky)), &doc); err != nil || doc["results"] != "line 1\nline \"2\"\t\x01 REPO AI_SUMMARY" || doc["snooze_link"] != "https://snooze/iiii" {
		t.Errorf("sample = %v, %v, want the plan as it is", doc, err)
	}
}

// TestWhatIsPutInIsNeverReadAgain: a value that holds placeholders comes out as it went in.
func TestWhatIsPutInIsNeverReadAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := []string{"REPO", "FOLDER", "OUTPUT", "${REPO}", "SNOOZE_3", "x", " ", "\"", "{", "_", "é"}
		hostile := strings.Join(rapid.SliceOf(rapid.SampledFrom(words)).Draw(t, "value"), "")
		parts := rapid.SliceOf(rapid.SampledFrom([]string{"REPO", "${REPO}", " ", ", "})).Draw(t, "template")
		template := strings.Join(parts, " ")
		got := render(template, func(name string) (string, bool) { return hostile, name == "REPO" })
		want := strings.ReplaceAll(strings.ReplaceAll(template, "${REPO}", "\x00"), "REPO", "\x00")
		if want = strings.ReplaceAll(want, "\x00", hostile); got != want {
			t.Fatalf("render(%q) = %q, want %q", template, got, want)
		}
	})
}

func FuzzRender(f *testing.F) {
	for _, s := range []string{"REPO", "${REPO} OUTPUT_BRIEF", "SNOOZE_3${", `{"a":"OUTPUT"}`, `["REPO\\",{"REPO":"FOLDER"}]`, "\xff${\xffREPO}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := render(s, func(string) (string, bool) { return "", false }); got != s {
			t.Errorf("render(%q) without values = %q", s, got)
		}
		got := renderBody(s, tricky)
		if json.Valid([]byte(s)) && !json.Valid([]byte(got)) {
			t.Errorf("renderBody(%q) = %q, which is no JSON any more", s, got)
		}
		if strings.Count(got, "REPO") > 0 && !strings.Contains(s, "REPO") && !strings.Contains(s, "FOLDER") && !strings.Contains(s, "OUTPUT") && !json.Valid([]byte(s)) {
			t.Errorf("render(%q) = %q, which has what was not put in", s, got)
		}
	})
}

func TestHeaders(t *testing.T) {
	h, err := parseHeaders("\n          Content-type: application/json\n          Authorization: Bearer abcd1234\r\n\tX-A: b: c\t\nX-A:d\n        ")
	if err != nil || h.Get("Content-Type") != "application/json" || h.Get("Authorization") != "Bearer abcd1234" || strings.Join(h["X-A"], "|") != "b: c|d" || len(h) != 3 {
		t.Errorf("parseHeaders = %v, %v, want those of the documentation", h, err)
	}
	for _, text := range []string{"Host: x", "content-length: 3", "Transfer-Encoding: chunked", "CONNECTION: close", "X-Signature-256: x", "no colon", ": empty", "a b: c", "A: b\rc", "A: planted\x00", "A\x00: b",
		strings.Repeat("A: b\n", 5000)} {
		if h, err := parseHeaders(text); err == nil || strings.Contains(err.Error(), "planted") {
			t.Errorf("parseHeaders(%q) = %v, %v, want an error without the value", text[:min(20, len(text))], h, err)
		}
	}
}

func FuzzHeaders(f *testing.F) {
	f.Add("A: b\nC: d")
	f.Add("Host: x\r\nB:\x00")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parseHeaders(s)
		if err != nil {
			return
		}
		for name, values := range h {
			if reserved[name] || !isToken(name) {
				t.Errorf("parseHeaders(%q) has %q", s, name)
			}
			for _, v := range values {
				if strings.ContainsAny(v, "\r\n\x00") {
					t.Errorf("parseHeaders(%q) has the value %q", s, v)
				}
			}
		}
	})
}

func TestCutKeepsWholeCharacters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		max := rapid.IntRange(20, 60).Draw(t, "max")
		got := cut(s, max)
		if len(got) > max || !json.Valid(quote(got)) || strings.ToValidUTF8(got, "?") != got {
			t.Fatalf("cut(%q, %d) = %q", s, max, got)
		}
	})
}

func TestFittingFindingsStayJSON(t *testing.T) {
	one := `{"address":"` + strings.Repeat("x", 1000) + `"}`
	many := json.RawMessage("[" + strings.TrimSuffix(strings.Repeat(one+",", 1000), ",") + "]")
	got := fitting(many)
	var list []json.RawMessage
	if err := json.Unmarshal(got, &list); err != nil || len(got) > maxFindings || len(list) < 200 {
		t.Errorf("fitting = %d bytes with %d findings, %v, want as many as fit", len(got), len(list), err)
	}
}

func TestServicesAreReachedByTheirURLs(t *testing.T) {
	e, m := Event{Kind: New, ScheduleID: "s", Folder: "f", Severity: "critical"}, message{"title", "text"}
	for raw, want := range map[string]string{
		"discord://token@123":                                                 "https://discord.com/api/webhooks/123/token",
		"telegram://1:abc@telegram?chats=@a":                                  "https://api.telegram.org/bot1:abc/sendMessage",
		"mattermost://chat.example.com/token/ops":                             "https://chat.example.com/hooks/token",
		"rocketchat://chat.example.com/a/b":                                   "https://chat.example.com/hooks/a/b",
		"googlechat://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t": "https://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t",
		"ntfy://ntfy.sh/topic":                                                "https://ntfy.sh/",
		"gotify://push.example.com/sub/token":                                 "https://push.example.com/sub/message",
		"pushover://shoutrrr:api@user":                                        "https://api.pushover.net/1/messages.json",
		"opsgenie://api.opsgenie.com/key":                                     "https://api.opsgenie.com/v2/alerts",
		"pagerduty://events.pagerduty.com/key":                                "https://events.pagerduty.com/v2/enqueue",
	} {
		calls, err := callsOf(raw, e, m)
		if err != nil || len(calls) != 1 || calls[0].url != want {
			t.Errorf("callsOf(%s) = %+v, %v, want %s", raw, calls, err, want)
		}
	}
	e.Kind = Resolved
	if calls, err := callsOf("pagerduty://events.pagerduty.com/key", e, m); err != nil || calls[0].body["event_action"] != "resolve" || !strings.HasPrefix(calls[0].body["dedup_key"].(string), "plumbline:folder:") {
		t.Errorf("callsOf of an end = %+v, %v, want it resolved", calls, err)
	}
	for _, raw := range []string{"smtp://planted:planted@host", "generic://planted", "script://planted", "discord://123", "x", "telegram://planted@telegram", "logger://planted", "ntfy://planted"} {
		if calls, err := callsOf(raw, e, m); err == nil || strings.Contains(err.Error(), "planted") {
			t.Errorf("callsOf(%s) = %v, %v, want an error that does not repeat it", raw, calls, err)
		}
	}
}

package rounds_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"plumbline.dev/plumbline/internal/drift/schedules"
	"plumbline.dev/plumbline/internal/drift/severity"
	"plumbline.dev/plumbline/internal/kernel/config"
)

// model answers chat completions with one answer, and counts them.
type model struct {
	asked atomic.Int64
	last  atomic.Value
	level atomic.Value
}

// ServeHTTP implements http.Handler.
func (m *model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	m.asked.Add(1)
	m.last.Store(string(b))
	if r.URL.Path != "/v1/chat/completions" || r.Header.Get("Authorization") != "Bearer model-key" {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	content, _ := json.Marshal(map[string]any{"severity": m.level.Load(), "summary": "Somebody opened a door.", "description": "It is open."})
	_ = json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{"message": map[string]any{"content": string(content)}}}, "usage": map[string]any{"total_tokens": 60}})
}

// ask returns a model that answers with a level, and the option that makes a server ask it.
func ask(t *testing.T, level string, tokens int) (*model, func(*config.Server)) {
	m := &model{}
	m.level.Store(level)
	s := httptest.NewServer(m)
	t.Cleanup(s.Close)
	return m, func(c *config.Server) {
		c.Model = config.Model{Endpoint: s.URL + "/v1", Name: "words", Key: "model-key", Tokens: tokens}
	}
}

// TestAModelPutsDriftIntoWords: it is asked once for the same drift, of redacted findings, and
// moves the severity by a step that episodes and alerts follow.
func TestAModelPutsDriftIntoWords(t *testing.T) {
	m, option := ask(t, "high", 0)
	watch(t, `"min-severity":"info"`, func(p *patrol) {
		m.level.Store("high")
		m.asked.Store(0)
		p.scan(schedules.Manual, drift(severity.Medium, "canary-4711"))
		p.tells("what the model raises", "new net high")
		p.scan(schedules.Manual, drift(severity.Medium, "canary-4711"))
		p.tells("the same", "")
		if n := m.asked.Load(); n != 1 {
			p.T.Errorf("the model was asked %d times of the same drift, want once", n)
		}
		if sent := m.last.Load().(string); strings.Contains(sent, "canary-4711") || !strings.Contains(sent, "aws_s3_bucket") {
			p.T.Errorf("the model was sent %s, want the type and not the value", sent)
		}
		list := p.do(200, "GET", "/api/v2/organizations/acme/drift-scans", nil)["data"].([]any)
		if a := list[0].(map[string]any)["attributes"].(map[string]any); a["summary"] != "[high] Somebody opened a door." {
			p.T.Errorf("summary = %v, want that of the model", a["summary"])
		}
		m.level.Store("info")
		p.scan(schedules.Manual, drift(severity.Medium, "y"))
		p.tells("what the model lowers", "changed net low")
		p.scan(schedules.Manual, drift(severity.Critical, "y"))
		p.tells("what rules call critical", "raised net critical")

		kept := p.do(200, "GET", "/api/v2/organizations/acme/drift-model-requests", nil)["data"].([]any)
		if len(kept) != 3 {
			p.T.Fatalf("%d requests are kept, want 3", len(kept))
		}
		a := kept[2].(map[string]any)["attributes"].(map[string]any)
		if a["answered"] != true || a["tokens"] != 60.0 || !strings.Contains(a["request"].(string), `"model":"words"`) {
			p.T.Errorf("the first request is kept as %v", a)
		}
		if r := p.Do("GET", "/api/v2/organizations/acme/drift-model-requests", p.Member(p.org, "mia").Token, nil); r.Status != 404 {
			p.T.Errorf("requests for a member = %d, want 404", r.Status)
		}
	}, option)
}

// TestWithoutAModelsAnswerRulesSpeak: neither its failures nor a spent budget fail a scan.
func TestWithoutAModelsAnswerRulesSpeak(t *testing.T) {
	m, option := ask(t, "nonsense", 100)
	watch(t, `"min-severity":"info"`, func(p *patrol) {
		m.level.Store("nonsense")
		m.asked.Store(0)
		p.scan(schedules.Manual, drift(severity.Medium, "a"))
		p.tells("an answer that is none", "new net medium")
		p.scan(schedules.Manual, drift(severity.Medium, "b"))
		p.tells("another", "changed net medium")
		p.scan(schedules.Manual, drift(severity.Medium, "c"))
		p.tells("one that is not asked of", "changed net medium")
		if n := m.asked.Load(); n != 2 {
			p.T.Errorf("the model was asked %d times, want 2: then the budget is spent", n)
		}
	}, option)
}

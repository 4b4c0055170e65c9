package rounds_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/drift/classify"
	"plumbline.dev/plumbline/internal/drift/schedules"
	"plumbline.dev/plumbline/internal/drift/severity"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/config"
)

// patrol is a schedule of a repository, and an alert that writes down what it tells.
type patrol struct {
	*apptest.Server
	org      apptest.Org
	e        *apptest.Executor
	repo, id string // of the repository and the schedule
	hook     *hook
}

// hook is a receiver of webhooks.
type hook struct {
	mu   sync.Mutex
	told []string
}

// ServeHTTP implements http.Handler.
func (h *hook) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told = append(h.told, string(b))
}

// watch calls fn with a schedule that has the attributes, on both databases.
func watch(t *testing.T, attributes string, fn func(p *patrol), options ...func(*config.Server)) {
	git := apptest.NewGitHost(t)
	git.Commit("acme/infra", "main", map[string]string{"net/main.tf": `terraform {}`})
	apptest.Run(t, func(s *apptest.Server) {
		h := &hook{}
		web := httptest.NewServer(h)
		s.T.Cleanup(web.Close)
		p := &patrol{Server: s, org: s.Org("acme"), e: s.Executor(), hook: h}
		p.repo = p.make("drift-repositories", fmt.Sprintf(`"url":%q,"type":"git"`, git.Address("acme/infra")), "")
		p.id = p.schedule(`"folders":["net"],`+attributes, p.alert(web.URL, ""))
		fn(p)
	}, append(options, func(c *config.Server) {
		c.Outbound = config.Outbound{Allow: []string{"127.0.0.0/8"}, HTTP: true}
	})...)
}

func (p *patrol) alert(url, attributes string) (id string) {
	p.T.Helper()
	return p.make("drift-alerts", `"name":"hook","type":"other","url":"`+url+`","body":"EVENT FOLDER AI_SEVERITY"`+attributes, "")
}

func (p *patrol) schedule(attributes, alert string) (id string) {
	p.T.Helper()
	return p.make("drift-schedules", `"name":"net","branch":"main","frequency":"off",`+attributes,
		fmt.Sprintf(`,"relationships":{"repository":{"data":{"type":"drift-repositories","id":%q}},"alerts":{"data":[{"type":"drift-alerts","id":%q}]}}`, p.repo, alert))
}

func (p *patrol) make(typ, attributes, relationships string) (id string) {
	p.T.Helper()
	r := p.do(201, "POST", "/api/v2/organizations/acme/"+typ, `{"data":{"type":"`+typ+`","attributes":{`+attributes+`}`+relationships+`}}`)
	return r["data"].(map[string]any)["id"].(string)
}

func (p *patrol) do(status int, method, path string, body any) map[string]any {
	p.T.Helper()
	r := p.Do(method, path, p.org.Owner.Token, body)
	if r.Status != status {
		p.T.Fatalf("%s %s = %d %s, want %d", method, path, r.Status, r.Body, status)
	}
	if len(r.Body) == 0 {
		return nil
	}
	return r.JSON()
}

// begin starts a scan for a reason, as the schedule or a person does.
func (p *patrol) begin(why schedules.Reason) {
	p.T.Helper()
	err := p.DB.Tx(p.T.Context(), func(ctx context.Context) error {
		s, err := p.App.Drift.Schedules.Find(ctx, p.id)
		if err != nil {
			return err
		}
		_, err = p.App.Drift.Rounds.Start(ctx, s, why)
		return err
	})
	if err != nil {
		p.T.Fatal(err)
	}
}

// look plays the executor that does the next scan.
func (p *patrol) look(found ...apptest.Found) {
	p.T.Helper()
	var spec proto.Scan
	t := p.e.Claim(proto.KindScan, &spec)
	p.e.Put(t, proto.Findings, apptest.Report(60, nil, found...))
	p.e.Finish(t, proto.Result{Outcome: proto.Finished}, proto.ScanResult{EngineVersion: "1.12.6"})
}

// scan starts a scan and plays what it finds.
func (p *patrol) scan(why schedules.Reason, found ...apptest.Found) {
	p.T.Helper()
	p.begin(why)
	p.look(found...)
}

// news are the events that were told since the last call.
func (p *patrol) news() string {
	p.T.Helper()
	p.Settle()
	p.hook.mu.Lock()
	defer p.hook.mu.Unlock()
	all := slices.Sorted(slices.Values(p.hook.told))
	p.hook.told = nil
	return strings.Join(all, ", ")
}

// tells fails the test unless this was told.
func (p *patrol) tells(what, want string) {
	p.T.Helper()
	if got := p.news(); got != want {
		p.T.Errorf("of %s it tells %q, want %q", what, got, want)
	}
}

// statuses of the scans, the oldest first.
func (p *patrol) statuses() string {
	p.T.Helper()
	r := p.do(200, "GET", "/api/v2/organizations/acme/drift-scans?page[size]=100", nil)
	var all []string
	for _, one := range r["data"].([]any) {
		a := one.(map[string]any)["attributes"].(map[string]any)
		all = append(all, fmt.Sprint(a["reason"], " ", a["status"]))
	}
	slices.Reverse(all)
	return strings.Join(all, ", ")
}

func drift(level severity.Level, real string) apptest.Found {
	return apptest.Found{Address: "aws_s3_bucket.a", Path: "acl", Kind: classify.Drift, Level: level, Real: real}
}

func waiting(real string) apptest.Found {
	return apptest.Found{Address: "aws_s3_bucket.b", Path: "tags", Kind: classify.Pending, Level: severity.Info, Real: real}
}

// lookOld plays an executor that judges by what the server tells it of the age of drift.
func (p *patrol) lookOld(found ...apptest.Found) {
	p.T.Helper()
	var spec proto.Scan
	t := p.e.Claim(proto.KindScan, &spec)
	r := apptest.Report(60, nil, found...)
	var v severity.Verdict
	if err := json.Unmarshal(r.Verdict, &v); err != nil {
		p.T.Fatal(err)
	}
	if spec.Judgement.OldestOpen > 7*24*time.Hour {
		v.Severity, v.Reasons = v.Severity.Raise(1), []string{"open for 8 days"}
	}
	r.Verdict, _ = json.Marshal(v)
	p.e.Put(t, proto.Findings, r)
	p.e.Finish(t, proto.Result{Outcome: proto.Finished}, proto.ScanResult{EngineVersion: "1.12.6"})
}

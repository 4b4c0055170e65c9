package dispatch_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/delivery/dispatch"
	"plumbline.dev/plumbline/internal/delivery/logs"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// pool is an agent pool with a token.
type pool struct {
	id     string
	client *proto.Client
}

func newPool(s *apptest.Server, o apptest.Org, name string) pool {
	s.T.Helper()
	c := s.Client(o.Owner.Token)
	p, err := c.AgentPools.Create(s.T.Context(), o.Name, tfe.AgentPoolCreateOptions{Name: &name})
	if err != nil {
		s.T.Fatal(err)
	}
	t, err := c.AgentTokens.Create(s.T.Context(), p.ID, tfe.AgentTokenCreateOptions{Description: new("agents")})
	if err != nil {
		s.T.Fatal(err)
	}
	return pool{p.ID, &proto.Client{Address: s.URL, Token: t.Token, HTTP: &http.Client{}}}
}

// status is that of an agent, as clients see it.
func (p pool) status(s *apptest.Server, o apptest.Org, agentID string) string {
	s.T.Helper()
	a, err := s.Client(o.Owner.Token).Agents.Read(s.T.Context(), agentID)
	if err != nil {
		s.T.Fatal(err)
	}
	return a.Status
}

// serve makes the server itself know the kinds of the tests.
func serve(s *apptest.Server) *node {
	n := newNode(s, 0)
	for _, kind := range []string{"example"} {
		s.App.Dispatch.Handle(kind, dispatch.Kind{Spec: n.prepare, Claimed: n.wasClaimed, Finished: n.hasFinished, Put: n.put, TakesLate: []string{proto.StateFinal},
			Get: nil})
	}
	return n
}

func addTo(s *apptest.Server, o apptest.Org, p pool, subject string) string {
	s.T.Helper()
	id, err := s.App.Dispatch.Enqueue(s.T.Context(), dispatch.Job{OrgID: o.ID, PoolID: &p.id, Kind: "example", Subject: subject})
	if err != nil {
		s.T.Fatal(err)
	}
	return id
}

func TestAgentOverHTTP(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o, n := s.T.Context(), s.Org("acme"), serve(s)
		p := newPool(s, o, "north")
		who, err := p.client.Register(ctx, proto.Executor{Name: "box", Version: "1", OS: "linux", Arch: "amd64"})
		if err != nil || !strings.HasPrefix(who.ID, "agent-") {
			s.T.Fatalf("Register = %+v, %v", who, err)
		}
		list, err := s.Client(o.Owner.Token).Agents.List(ctx, p.id, nil)
		if err != nil || len(list.Items) != 1 || list.Items[0].ID != who.ID || list.Items[0].Name != "box" || list.Items[0].Status != "idle" || list.Items[0].IP != "127.0.0.1" {
			s.T.Errorf("List = %+v, %v, want the idle agent", list, err)
		}
		if j, err := p.client.Claim(ctx, who.ID, proto.Claim{Kinds: []string{"example"}}); j != nil || err != nil {
			s.T.Errorf("Claim of nothing = %+v, %v", j, err)
		}
		jobID := addTo(s, o, p, "subject")
		j, err := p.client.Claim(ctx, who.ID, proto.Claim{Kinds: []string{"example"}, Wait: time.Second})
		if err != nil || j == nil || j.ID != jobID || string(j.Spec) != `{"subject":"subject"}` {
			s.T.Fatalf("Claim = %+v, %v, want the job", j, err)
		}
		if got := p.status(s, o, who.ID); got != "busy" {
			s.T.Errorf("status at work = %s", got)
		}
		for _, path := range []string{"/api/v2/agents/" + who.ID, "/api/v2/agent-pools/" + p.id + "/agents"} {
			if r := s.Do("GET", path, o.Owner.Token, nil); !strings.Contains(string(r.Body), `"work":[{"kind":"example","run-id":"","workspace-id":"","since":"`) {
				s.T.Errorf("GET %s = %s, want what the agent is doing", path, r.Body)
			}
		}
		if err := s.Client(o.Owner.Token).AgentPools.Delete(ctx, "apool-none"); !errors.Is(err, tfe.ErrResourceNotFound) {
			s.T.Error(err)
		}
		if r := s.Do("DELETE", "/api/v2/agents/"+who.ID, o.Owner.Token, nil); r.Status != 412 {
			s.T.Errorf("DELETE of an agent at work = %d, want 412", r.Status)
		}
		if orders, err := p.client.Report(ctx, j.Ticket, 0, []byte("text")); err != nil || orders.Cancel != proto.GoOn {
			s.T.Errorf("Report = %+v, %v", orders, err)
		}
		if err := p.client.Put(ctx, j.Ticket, "thing", strings.NewReader("content")); err != nil || n.objects[jobID]["thing"] != "content" {
			s.T.Errorf("Put = %v, stored %v", err, n.objects)
		}
		var absent *proto.StatusError
		if _, err := p.client.Get(ctx, j.Ticket, "nothing"); !errors.As(err, &absent) || absent.Status != 404 {
			s.T.Errorf("Get of nothing = %v, want 404", err)
		}
		for range 2 { // the answer to the first got lost
			if err := p.client.Finish(ctx, j.Ticket, proto.Result{Outcome: proto.Finished}); err != nil {
				s.T.Errorf("Finish = %v", err)
			}
		}
		if got := n.finished[jobID]; len(got) != 1 {
			s.T.Errorf("the job ended %v, want once", got)
		}
		if got := p.status(s, o, who.ID); got != "idle" {
			s.T.Errorf("status after work = %s", got)
		}
		if r := s.Do("GET", "/api/v2/agents/"+who.ID, o.Owner.Token, nil); !strings.Contains(string(r.Body), `"work":[]`) {
			s.T.Errorf("GET of an agent after work = %s, want that it does nothing", r.Body)
		}
		if _, err := p.client.Report(ctx, j.Ticket, 0, nil); !errors.Is(err, proto.ErrGone) {
			s.T.Errorf("Report after the end = %v, want ErrGone", err)
		}
		if err := p.client.Leave(ctx, who.ID); err != nil || p.status(s, o, who.ID) != "exited" {
			s.T.Errorf("Leave = %v, status %s", err, p.status(s, o, who.ID))
		}
		if r := s.Do("DELETE", "/api/v2/agents/"+who.ID, o.Owner.Token, nil); r.Status != 204 {
			s.T.Errorf("DELETE of an agent that has ended = %d, want 204", r.Status)
		}
		if _, err := p.client.Claim(ctx, who.ID, proto.Claim{Kinds: []string{"example"}}); !errors.Is(err, proto.ErrGone) {
			s.T.Errorf("Claim by an agent that was deleted = %v, want ErrGone", err)
		}
		if again, err := p.client.Register(ctx, proto.Executor{ID: who.ID, Name: "box"}); err != nil || again.ID == who.ID {
			s.T.Errorf("Register again = %+v, %v, want a new agent", again, err)
		}
	})
}

// TestStrangersGetNoJobs: neither other pools, be it of the same organization, nor people.
func TestStrangersGetNoJobs(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o, other := s.T.Context(), s.Org("acme"), s.Org("other")
		serve(s)
		p, second, foreign := newPool(s, o, "north"), newPool(s, o, "south"), newPool(s, other, "north")
		who, err := p.client.Register(ctx, proto.Executor{Name: "box"})
		if err != nil {
			s.T.Fatal(err)
		}
		addTo(s, o, p, "subject")
		for _, stranger := range []pool{second, foreign} {
			if _, err := stranger.client.Claim(ctx, who.ID, proto.Claim{Kinds: []string{"example"}}); !errors.Is(err, proto.ErrGone) {
				s.T.Errorf("Claim in the name of another pool's agent = %v, want ErrGone", err)
			}
			me, err := stranger.client.Register(ctx, proto.Executor{ID: who.ID, Name: "spy"})
			if err != nil || me.ID == who.ID {
				s.T.Fatalf("Register under another pool's id = %+v, %v, want an id of its own", me, err)
			}
			if j, err := stranger.client.Claim(ctx, me.ID, proto.Claim{Kinds: []string{"example"}}); j != nil || err != nil {
				s.T.Errorf("Claim by another pool = %+v, %v, want nothing", j, err)
			}
		}
		j, err := p.client.Claim(ctx, who.ID, proto.Claim{Kinds: []string{"example"}})
		if err != nil || j == nil {
			s.T.Fatalf("Claim = %v, %v", j, err)
		}
		for _, stranger := range []pool{second, foreign} {
			_, report := stranger.client.Report(ctx, j.Ticket, 0, nil)
			_, get := stranger.client.Get(ctx, j.Ticket, "archive")
			for what, err := range map[string]error{"Report": report, "Get": get, "Put": stranger.client.Put(ctx, j.Ticket, "x", strings.NewReader("x")),
				"Finish": stranger.client.Finish(ctx, j.Ticket, proto.Result{Outcome: proto.Finished})} {
				if !errors.Is(err, proto.ErrGone) {
					s.T.Errorf("%s by another pool = %v, want ErrGone", what, err)
				}
			}
			if err := stranger.client.Leave(ctx, who.ID); err != nil {
				s.T.Errorf("Leave = %v", err)
			}
		}
		if got := p.status(s, o, who.ID); got != "busy" {
			s.T.Errorf("status after others wanted it to leave = %s, want busy", got)
		}
		for _, token := range []string{"", "nonsense", o.Owner.Token, s.AdminToken()} {
			for _, path := range []string{"/executors", "/executors/" + who.ID + "/claim", "/jobs/" + j.ID + "/report?attempt=1&offset=0", "/jobs/" + j.ID + "/finish?attempt=1"} {
				if r := s.Do("POST", proto.Base+path, token, "{}"); r.Status != 401 {
					s.T.Errorf("POST %s with the token of a person = %d, want 401", path, r.Status)
				}
			}
		}
		if r := s.Do("GET", "/api/v2/agent-pools/"+p.id, p.client.Token, nil); r.Status != 401 {
			s.T.Errorf("GET of the API with the token of agents = %d, want 401", r.Status)
		}
	})
}

func TestWrongRequestsOfAgents(t *testing.T) {
	s := apptest.Start(t)
	o := s.Org("acme")
	p := newPool(s, o, "north")
	for path, want := range map[string]int{
		"/executors":                                400,
		"/executors/agent-none/claim":               400,
		"/jobs/job-none/report":                     400,
		"/jobs/job-none/report?attempt=0&offset=0":  400,
		"/jobs/job-none/report?attempt=1":           400,
		"/jobs/job-none/report?attempt=1&offset=-1": 400,
		"/jobs/job-none/report?attempt=1&offset=0":  410,
		"/jobs/job-none/finish?attempt=1":           400,
	} {
		if r := s.Do("POST", proto.Base+path, p.client.Token, "no json"); r.Status != want {
			t.Errorf("POST %s = %d %s, want %d", path, r.Status, r.Body, want)
		}
	}
	big := strings.Repeat("x", dispatch.MaxLog+1)
	if r := s.Do("POST", proto.Base+"/jobs/job-none/report?attempt=1&offset=0", p.client.Token, big); r.Status != 413 {
		t.Errorf("POST of a huge log = %d, want 413", r.Status)
	}
}

func TestSilentAgents(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o := s.T.Context(), s.Org("acme")
		p := newPool(s, o, "north")
		who, err := p.client.Register(ctx, proto.Executor{Name: "box"})
		if err != nil {
			s.T.Fatal(err)
		}
		for _, step := range []struct {
			silent time.Duration
			want   string
		}{{time.Minute, "idle"}, {3 * time.Minute, "unknown"}, {time.Hour, "unknown"}, {3 * time.Hour, "errored"}} {
			if _, err := s.DB.Exec(ctx, `UPDATE agents SET last_ping_at = ? WHERE id = ?`, db.At(time.Now().Add(-step.silent)), who.ID); err != nil {
				s.T.Fatal(err)
			}
			if err := s.App.AgentPools.Silence(ctx); err != nil {
				s.T.Fatal(err)
			}
			if got := p.status(s, o, who.ID); got != step.want {
				s.T.Errorf("status after %s = %s, want %s", step.silent, got, step.want)
			}
		}
		if _, err := p.client.Claim(ctx, who.ID, proto.Claim{Kinds: []string{"plan"}}); err != nil || p.status(s, o, who.ID) != "idle" {
			s.T.Errorf("an agent that comes back = %v, %s, want idle", err, p.status(s, o, who.ID))
		}
	})
}

func TestAgentThatLetsItsLeaseExpire(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o, n := s.T.Context(), s.Org("acme"), serve(s)
		p := newPool(s, o, "north")
		who, err := p.client.Register(ctx, proto.Executor{Name: "box"})
		if err != nil {
			s.T.Fatal(err)
		}
		id := addTo(s, o, p, "subject")
		j, err := p.client.Claim(ctx, who.ID, proto.Claim{Kinds: []string{"example"}})
		if err != nil || j == nil {
			s.T.Fatalf("Claim = %v, %v", j, err)
		}
		expire(s, id)
		if err := s.App.Dispatch.SweepLost(ctx, time.Now()); err != nil {
			s.T.Fatal(err)
		}
		if got := n.finished[id]; len(got) != 1 || got[0] != proto.Lost || p.status(s, o, who.ID) != "unknown" {
			s.T.Errorf("the job ended %v and the agent is %s, want lost and unknown", got, p.status(s, o, who.ID))
		}
	})
}

func TestJobsOfADeletedPool(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o, n := s.T.Context(), s.Org("acme"), serve(s)
		p := newPool(s, o, "north")
		id := addTo(s, o, p, "subject")
		if err := s.Client(o.Owner.Token).AgentPools.Delete(ctx, p.id); err != nil {
			s.T.Fatal(err)
		}
		if err := s.App.Dispatch.SweepLost(ctx, time.Now()); err != nil {
			s.T.Fatal(err)
		}
		if got := n.finished[id]; len(got) != 1 || got[0] != proto.Errored {
			s.T.Errorf("the job ended %v, want errored", got)
		}
	})
}

// TestAReportThatDoesNotFit: text that is missing before an offset is a mistake of the agent,
// and a log that was closed while the report was under way is that of a job it holds no more.
func TestAReportThatDoesNotFit(t *testing.T) {
	s := apptest.Start(t)
	o := s.Org("acme")
	serve(s)
	p := newPool(s, o, "north")
	r, err := p.client.Register(s.T.Context(), proto.Executor{Name: "one"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.App.Logs.Open(s.T.Context(), logs.Stream{ID: "log-1", OrgID: o.ID}); err != nil {
		t.Fatal(err)
	}
	id, err := s.App.Dispatch.Enqueue(s.T.Context(), dispatch.Job{OrgID: o.ID, PoolID: &p.id, Kind: "example", Subject: "one", Log: "log-1"})
	if err != nil {
		t.Fatal(err)
	}
	job, err := p.client.Claim(s.T.Context(), r.ID, proto.Claim{Kinds: []string{"example"}})
	if err != nil || job == nil {
		t.Fatalf("Claim = %+v, %v", job, err)
	}
	_, err = p.client.Report(s.T.Context(), job.Ticket, 10, []byte("text"))
	var answer *proto.StatusError
	if !errors.As(err, &answer) || answer.Status != 400 {
		t.Errorf("Report behind a gap = %v, want 400", err)
	}
	s.App.Dispatch.Logs = ending{s.App.Logs, func() {
		if err := p.client.Finish(s.T.Context(), job.Ticket, proto.Result{Outcome: proto.Finished}); err != nil {
			t.Errorf("Finish = %v", err)
		}
		if err := s.App.Logs.Close(s.T.Context(), "log-1"); err != nil {
			t.Errorf("Close = %v", err)
		}
	}}
	if _, err := p.client.Report(s.T.Context(), job.Ticket, 0, []byte("text")); !errors.Is(err, proto.ErrGone) {
		t.Errorf("Report of job %s, which ends meanwhile, = %v, want %v", id, err, proto.ErrGone)
	}
}

// ending are logs; before text is appended, something else comes first.
type ending struct {
	*logs.Feature
	first func()
}

func (e ending) Append(ctx context.Context, id string, offset int64, text []byte) (bool, error) {
	e.first()
	return e.Feature.Append(ctx, id, offset, text)
}

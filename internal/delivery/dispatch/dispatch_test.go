package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/delivery/dispatch"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/events"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

func TestOrderOfClaims(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		n, a, b := newNode(s, 0), s.Org("acme"), s.Org("other")
		n.add(s, a, "plan", "a-speculative", dispatch.Speculative)
		n.add(s, a, "plan", "a-plan-1", dispatch.Planning)
		n.add(s, a, "plan", "a-plan-2", dispatch.Planning)
		n.add(s, a, "apply", "a-apply", dispatch.Applying)
		n.add(s, b, "plan", "b-speculative", dispatch.Speculative)
		n.add(s, b, "plan", "b-plan", dispatch.Planning)
		var got []string
		for {
			j := n.claim(s, "worker-1")
			if j == nil {
				break
			}
			got = append(got, string(j.Spec))
		}
		// Each claim serves the organization with the fewest jobs under way.
		var want []string
		for _, subject := range []string{"a-apply", "b-plan", "a-plan-1", "b-speculative", "a-plan-2", "a-speculative"} {
			want = append(want, fmt.Sprintf(`{"subject":%q}`, subject))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			s.T.Errorf("order of claims (-want +got):\n%s", diff)
		}
	})
}

func TestWaitingClaimIsWoken(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		n, o := newNode(s, 0), s.Org("acme")
		got := make(chan *proto.Job)
		for range 3 {
			go func() {
				j, err := n.Workers().Claim(context.WithoutCancel(s.T.Context()), "worker-1", proto.Claim{Kinds: kinds, Wait: 20 * time.Second})
				if err != nil {
					s.T.Error(err)
				}
				got <- j
			}()
		}
		began := time.Now()
		for i := range 3 {
			n.add(s, o, "plan", fmt.Sprint("plan-", i), dispatch.Planning)
			if j := <-got; j == nil {
				s.T.Fatal("Claim = nothing, want the job that was added while it waited")
			}
		}
		if took := time.Since(began); took > 5*time.Second {
			s.T.Errorf("three claims were woken after %s, want at once", took)
		}
	})
}

// TestPreferredExecutorIsWoken: who planned is the first to hear of the apply; others get
// it when that one does not come.
func TestPreferredExecutorIsWoken(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		n, o := newNode(s, 0), s.Org("acme")
		ctx, stop := context.WithCancel(s.T.Context())
		var wg sync.WaitGroup
		wg.Go(func() { n.Run(ctx) })
		defer wg.Wait()
		defer stop()
		type got struct {
			who string
			job *proto.Job
		}
		claims := make(chan got)
		for _, who := range []string{"worker-1111", "worker-2222"} {
			go func() {
				j, err := n.Workers().Claim(ctx, who, proto.Claim{Kinds: kinds, Wait: 20 * time.Second})
				if err != nil {
					s.T.Error(err)
				}
				claims <- got{who, j}
			}()
		}
		for _, c := range []struct{ prefer, want string }{{"worker-2222", "worker-2222"}, {"worker-9999", "worker-1111"}} {
			if _, err := n.Enqueue(ctx, dispatch.Job{OrgID: o.ID, Kind: "apply", Subject: "for " + c.prefer, Prefer: c.prefer}); err != nil {
				s.T.Fatal(err)
			}
			if g := <-claims; g.job == nil || g.who != c.want {
				s.T.Errorf("the job for %s went to %s (%v), want %s", c.prefer, g.who, g.job, c.want)
			}
		}
	})
}

func TestDrainSendsClaimsHome(t *testing.T) {
	s := apptest.Start(t)
	n := newNode(s, 0)
	done := make(chan *proto.Job)
	go func() {
		j, _ := n.Workers().Claim(context.WithoutCancel(t.Context()), "worker-1", proto.Claim{Kinds: kinds, Wait: 40 * time.Second})
		done <- j
	}()
	n.Drain()
	select {
	case j := <-done:
		if j != nil {
			t.Errorf("Claim = %+v, want nothing", j)
		}
	case <-time.After(10 * time.Second):
		t.Error("the claim still waits")
	}
}

func TestRepeatedClaimGetsItsJobAgain(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		n, o := newNode(s, 0), s.Org("acme")
		n.add(s, o, "apply", "apply-1", dispatch.Applying)
		n.add(s, o, "apply", "apply-2", dispatch.Applying)
		claim := func(ref string) string {
			j, err := n.Workers().Claim(s.T.Context(), "worker-1", proto.Claim{Kinds: kinds, Ref: ref})
			if err != nil || j == nil {
				s.T.Fatalf("Claim = %v, %v", j, err)
			}
			return j.ID
		}
		if first, again, other := claim("one"), claim("one"), claim("two"); first != again || first == other {
			s.T.Errorf("claims = %s, repeated %s, another %s; want the repeated one to be the first", first, again, other)
		}
	})
}

// TestManyNodesShareTheJobs: two nodes with ten workers each claim and finish 200 jobs
// of two organizations, which may have four jobs under way each.
func TestManyNodesShareTheJobs(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		nodes, orgs := []*node{newNode(s, 4), newNode(s, 4)}, []apptest.Org{s.Org("acme"), s.Org("other")}
		const jobs = 200
		for i := range jobs {
			nodes[0].add(s, orgs[i%2], kinds[i%2], fmt.Sprint("subject-", i), dispatch.Planning)
		}
		var mu sync.Mutex
		running, done := map[int]int{}, map[string]bool{}
		var wg sync.WaitGroup
		for w := range 20 {
			wg.Go(func() {
				n, me := nodes[w%2], fmt.Sprint("worker-", w)
				for {
					j, err := n.Workers().Claim(s.T.Context(), me, proto.Claim{Kinds: kinds, Wait: 2 * time.Second})
					if err != nil {
						s.T.Error(err)
						return
					}
					if j == nil {
						return
					}
					org := 0
					if j.Kind == "apply" {
						org = 1
					}
					mu.Lock()
					if done[j.ID] {
						s.T.Errorf("job %s was given out twice", j.ID)
					}
					done[j.ID] = true
					if running[org]++; running[org] > 4 {
						s.T.Errorf("an organization has %d jobs under way, want at most 4", running[org])
					}
					mu.Unlock()
					if _, err := n.Workers().Report(s.T.Context(), j.Ticket, 0, nil); err != nil {
						s.T.Error(err)
					}
					mu.Lock()
					running[org]--
					mu.Unlock()
					if err := n.Workers().Finish(s.T.Context(), j.Ticket, proto.Result{Outcome: proto.Finished}); err != nil {
						s.T.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if len(done) != jobs {
			s.T.Errorf("%d jobs were done, want %d", len(done), jobs)
		}
	})
}

func TestUnpreparedJobs(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		n, o := newNode(s, 0), s.Org("acme")
		words := problem.Invalid("terraform-version", "There is no version 99")
		n.spec = func(j dispatch.Job) error {
			switch j.Subject {
			case "refused":
				return words
			case "fault":
				return errors.New("secret detail")
			}
			return nil
		}
		refused := n.add(s, o, "apply", "refused", dispatch.Applying)
		n.add(s, o, "plan", "fine", dispatch.Planning)
		if j := n.claim(s, "worker-1"); j == nil || !strings.Contains(string(j.Spec), "fine") {
			s.T.Fatalf("Claim = %+v, want the job that can be prepared", j)
		}
		if diff := cmp.Diff([]proto.Outcome{proto.Errored}, n.finished[refused]); diff != "" {
			s.T.Errorf("the refused job ended as (-want +got):\n%s", diff)
		}
		fault := n.add(s, o, "apply", "fault", dispatch.Applying)
		for range 4 {
			if j, err := n.Workers().Claim(s.T.Context(), "worker-1", proto.Claim{Kinds: kinds}); j != nil || err == nil {
				s.T.Fatalf("Claim of what fails to be prepared = %v, %v, want an error", j, err)
			}
		}
		if len(n.finished[fault]) != 0 {
			s.T.Errorf("after four faults the job ended as %v, want it queued again", n.finished[fault])
		}
		_, _ = n.Workers().Claim(s.T.Context(), "worker-1", proto.Claim{Kinds: kinds})
		if diff := cmp.Diff([]proto.Outcome{proto.Errored}, n.finished[fault]); diff != "" {
			s.T.Errorf("after five faults the job ended as (-want +got):\n%s", diff)
		}
	})
}

func TestCancel(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		n, o := newNode(s, 0), s.Org("acme")
		cancel := func(subject string, how proto.Cancel) {
			s.T.Helper()
			if err := s.DB.Tx(s.T.Context(), func(ctx context.Context) error { return n.Cancel(ctx, subject, how) }); err != nil {
				s.T.Fatal(err)
			}
		}
		report := func(j *proto.Job) (proto.Orders, error) { return n.Workers().Report(s.T.Context(), j.Ticket, 0, nil) }
		cancel("nobody", proto.Kill)
		queued := n.add(s, o, "plan", "queued", dispatch.Planning)
		cancel("queued", proto.Interrupt)
		if diff := cmp.Diff([]proto.Outcome{proto.Canceled}, n.finished[queued]); diff != "" {
			s.T.Errorf("a queued job that is cancelled ended as (-want +got):\n%s", diff)
		}
		if j := n.claim(s, "worker-1"); j != nil {
			s.T.Errorf("Claim = %+v, want nothing: the job was cancelled", j)
		}
		n.add(s, o, "apply", "held", dispatch.Applying)
		held := n.claim(s, "worker-1")
		if orders, err := report(held); err != nil || orders.Cancel != proto.GoOn {
			s.T.Errorf("Report = %+v, %v, want to go on", orders, err)
		}
		cancel("held", proto.Interrupt)
		if orders, err := report(held); err != nil || orders.Cancel != proto.Interrupt {
			s.T.Errorf("Report = %+v, %v, want the interrupt", orders, err)
		}
		if len(n.finished[held.ID]) != 0 {
			s.T.Errorf("an interrupted job ended as %v, want that its executor ends it", n.finished[held.ID])
		}
		cancel("held", proto.Kill)
		if diff := cmp.Diff([]proto.Outcome{proto.Canceled}, n.finished[held.ID]); diff != "" {
			s.T.Errorf("a killed job ended as (-want +got):\n%s", diff)
		}
		if _, err := report(held); !errors.Is(err, proto.ErrGone) {
			s.T.Errorf("Report of a killed job = %v, want ErrGone", err)
		}
		if err := n.Workers().Finish(s.T.Context(), held.Ticket, proto.Result{Outcome: proto.Canceled}); !errors.Is(err, proto.ErrGone) {
			s.T.Errorf("Finish of a killed job = %v, want ErrGone", err)
		}
		if err := n.Workers().Put(s.T.Context(), held.Ticket, proto.StateFinal, strings.NewReader("state")); err != nil || n.late[held.ID][proto.StateFinal] != "state" {
			s.T.Errorf("Put of the state that a killed apply left = %v, %v, want it taken", n.late, err)
		}
	})
}

func TestLostExecutor(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		n, o, ctx := newNode(s, 0), s.Org("acme"), s.T.Context()
		w := n.Workers()
		n.add(s, o, "plan", "plan", dispatch.Planning)
		n.add(s, o, "apply", "apply", dispatch.Applying)
		apply, plan := n.claim(s, "worker-1111"), n.claim(s, "worker-1111")
		if err := n.SweepLost(ctx, time.Now()); err != nil || len(n.finished) != 0 {
			s.T.Fatalf("a sweep during the leases = %v and ended %v, want nothing", err, n.finished)
		}
		if _, err := w.Register(ctx, proto.Executor{ID: "worker-1111"}); err != nil { // it was restarted
			s.T.Fatal(err)
		}
		if diff := cmp.Diff(map[string][]proto.Outcome{apply.ID: {proto.Lost}}, n.finished); diff != "" {
			s.T.Errorf("a restarted worker's jobs ended as (-want +got):\n%s", diff)
		}
		again := n.claim(s, "worker-2222")
		if again == nil || again.ID != plan.ID || again.Attempt != 2 {
			s.T.Fatalf("Claim = %+v, want the plan in its second attempt", again)
		}
		for what, err := range map[string]error{
			"Report":            func() error { _, err := w.Report(ctx, plan.Ticket, 0, []byte("ghost")); return err }(),
			"Get":               func() error { _, err := w.Get(ctx, plan.Ticket, "archive"); return err }(),
			"Put":               w.Put(ctx, plan.Ticket, proto.PlanFile, strings.NewReader("ghost")),
			"state":             w.Put(ctx, plan.Ticket, proto.StateFinal, strings.NewReader("ghost")),
			"Finish":            w.Finish(ctx, plan.Ticket, proto.Result{Outcome: proto.Finished}),
			"plan of the apply": w.Put(ctx, apply.Ticket, proto.PlanFile, strings.NewReader("ghost")),
		} {
			if !errors.Is(err, proto.ErrGone) {
				s.T.Errorf("%s by a ghost = %v, want ErrGone", what, err)
			}
		}
		if err := w.Put(ctx, apply.Ticket, proto.StateFinal, strings.NewReader("state")); err != nil || n.late[apply.ID][proto.StateFinal] != "state" {
			s.T.Errorf("Put of the state that a lost apply left = %v, %v, want it taken", n.late, err)
		}
		expire(s, again.ID)
		if _, err := w.Report(ctx, again.Ticket, 0, nil); err != nil {
			s.T.Errorf("Report after the lease but before the sweep = %v, want it to go on", err)
		}
		expire(s, again.ID)
		if err := n.SweepLost(ctx, time.Now()); err != nil {
			s.T.Fatal(err)
		}
		if diff := cmp.Diff([]proto.Outcome{proto.Lost}, n.finished[plan.ID]); diff != "" {
			s.T.Errorf("a plan that was lost twice ended as (-want +got):\n%s", diff)
		}
		if len(n.objects) != 0 {
			s.T.Errorf("ghosts put %v", n.objects)
		}
	})
}

func TestUploadThatOutlivesItsAttempt(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		n, o := newNode(s, 0), s.Org("acme")
		n.add(s, o, "plan", "plan", dispatch.Planning)
		j := n.claim(s, "worker-1111")
		body := readerFunc(func([]byte) (int, error) {
			if _, err := n.Workers().Register(s.T.Context(), proto.Executor{ID: "worker-1111"}); err != nil {
				s.T.Fatal(err)
			}
			return 0, io.EOF
		})
		if err := n.Workers().Put(s.T.Context(), j.Ticket, proto.PlanFile, body); !errors.Is(err, proto.ErrGone) || len(n.objects) != 0 {
			s.T.Errorf("Put = %v and stored %v, want ErrGone", err, n.objects)
		}
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestClaimsCostTheSame(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		n := newNode(s, 0)
		count := func() int {
			return len(s.Statements(func() {
				if n.claim(s, "worker-1") == nil {
					s.T.Fatal("there is no job")
				}
			}))
		}
		n.add(s, s.Org("first"), "plan", "plan-0", dispatch.Planning)
		one := count()
		for i := range 10 {
			o := s.Org(fmt.Sprint("org-", i))
			for k := range 5 {
				n.add(s, o, "plan", fmt.Sprint("plan-", i, "-", k), dispatch.Planning)
			}
		}
		if many := count(); many != one {
			s.T.Errorf("a claim takes %d statements among fifty jobs and %d for one alone", many, one)
		}
	})
}

// TestEventsOfAnotherNode: on PostgreSQL a job that one node enqueues wakes a claim on
// another.
func TestEventsOfAnotherNode(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		if !s.DB.Postgres() {
			s.T.Skip("SQLite has one node")
		}
		other, n, o := events.New(s.DB), newNode(s, 0), s.Org("acme")
		ctx, stop := context.WithCancel(s.T.Context())
		var wg sync.WaitGroup
		wg.Go(func() { other.Run(ctx) })
		defer wg.Wait()
		defer stop()
		<-other.Ready()
		second := newNode(s, 0)
		second.Bus = other
		got := make(chan *proto.Job)
		go func() {
			j, _ := n.Workers().Claim(context.WithoutCancel(ctx), "worker-1", proto.Claim{Kinds: kinds, Wait: 20 * time.Second})
			got <- j
		}()
		second.add(s, o, "plan", "plan", dispatch.Planning)
		select {
		case j := <-got:
			if j == nil {
				s.T.Error("Claim = nothing, want the job")
			}
		case <-time.After(10 * time.Second):
			s.T.Error("the claim was not woken")
		}
	})
}

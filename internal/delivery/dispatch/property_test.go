package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/delivery/dispatch"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// jobModel is what a job has to be.
type jobModel struct {
	id, subject, kind string
	org, priority     int
	status            dispatch.Status
	attempt, losses   int
	executor          string
	cancel            proto.Cancel
	outcome           proto.Outcome
	late              bool // the server ended it while an executor held it
}

// machine plays executors, crashes, ghosts and users on two nodes.
type machine struct {
	s       *apptest.Server
	nodes   []*node
	orgs    []apptest.Org
	jobs    []*jobModel
	tickets []proto.Ticket // every one that was ever given out
}

var executors = []string{"worker-1111", "worker-2222", "worker-3333"}

// TestNoJobIsLostOrDoneTwice: whatever happens, every job has at most one valid ticket, it
// ends once, tickets of the past change nothing, and in the end no job is left over.
func TestNoJobIsLostOrDoneTwice(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		nodes, orgs := []*node{newNode(s, 0), newNode(s, 0)}, []apptest.Org{s.Org("acme"), s.Org("other")}
		rapid.Check(s.T, func(t *rapid.T) {
			if _, err := s.DB.Exec(s.T.Context(), `DELETE FROM dispatch_jobs`); err != nil {
				t.Fatal(err)
			}
			m := &machine{s: s, nodes: nodes, orgs: orgs}
			for _, n := range nodes {
				clear(n.claimed)
				clear(n.finished)
				clear(n.late)
			}
			t.Repeat(map[string]func(*rapid.T){
				"enqueue": m.enqueue, "claim": m.claim, "report": m.report, "finish": m.finish, "put": m.put,
				"expire": m.expire, "restart": m.restart, "cancel": m.cancel, "": m.check,
			})
			m.drain(t)
		})
	})
}

func (m *machine) node(t *rapid.T) *node { return m.nodes[rapid.IntRange(0, 1).Draw(t, "node")] }

func (m *machine) enqueue(t *rapid.T) {
	j := &jobModel{subject: fmt.Sprint("subject-", len(m.jobs)), kind: rapid.SampledFrom(kinds).Draw(t, "kind"), org: rapid.IntRange(0, 1).Draw(t, "org"),
		priority: rapid.SampledFrom([]int{dispatch.Background, dispatch.Background, dispatch.Speculative, dispatch.Planning, dispatch.Applying}).Draw(t, "priority"), status: dispatch.Queued}
	j.id = m.node(t).add(m.s, m.orgs[j.org], j.kind, j.subject, j.priority)
	m.jobs = append(m.jobs, j)
}

// background reports whether nobody waits for a job.
func (j *jobModel) background() bool { return j.priority == dispatch.Background }

// next is the job whose turn it is: however much waits in the background, it never comes
// before what people wait for, and of it the organizations have equal shares.
func (m *machine) next() *jobModel {
	type share struct {
		org        int
		background bool
	}
	under := map[share]int{}
	for _, j := range m.jobs {
		if j.status == dispatch.Claimed {
			under[share{j.org, j.background()}]++
		}
	}
	running := func(j *jobModel) int { return under[share{j.org, j.background()}] }
	var best *jobModel
	for _, j := range m.jobs { // in the order of their age
		if j.status != dispatch.Queued {
			continue
		}
		better := best == nil || !j.background() && best.background() ||
			j.background() == best.background() && (running(j) < running(best) || running(j) == running(best) && j.priority > best.priority)
		if better {
			best = j
		}
	}
	return best
}

func (m *machine) claim(t *rapid.T) {
	executor, want := rapid.SampledFrom(executors).Draw(t, "executor"), m.next()
	got := m.node(t).claim(m.s, executor)
	switch {
	case got == nil && want == nil:
		return
	case got == nil || want == nil || got.ID != want.id:
		t.Fatalf("Claim = %+v, want %+v", got, want)
	case got.Attempt != want.attempt+1:
		t.Fatalf("attempt = %d after %d", got.Attempt, want.attempt)
	}
	want.status, want.attempt, want.executor = dispatch.Claimed, got.Attempt, executor
	m.tickets = append(m.tickets, got.Ticket)
}

// ticket is any that was ever given out, with its job; ok is false if there is none.
func (m *machine) ticket(t *rapid.T) (k proto.Ticket, j *jobModel, ok bool) {
	if len(m.tickets) == 0 {
		return k, nil, false
	}
	k = rapid.SampledFrom(m.tickets).Draw(t, "ticket")
	at := slices.IndexFunc(m.jobs, func(j *jobModel) bool { return j.id == k.ID })
	return k, m.jobs[at], true
}

func (j *jobModel) holds(k proto.Ticket) bool {
	return j.status == dispatch.Claimed && j.attempt == k.Attempt
}

// wants checks the answer to a ticket.
func wants(t *rapid.T, what string, ok bool, err error) {
	if ok && err != nil || !ok && !errors.Is(err, proto.ErrGone) {
		t.Fatalf("%s with a ticket that holds its job (%v) = %v", what, ok, err)
	}
}

func (m *machine) report(t *rapid.T) {
	k, j, ok := m.ticket(t)
	if !ok {
		return
	}
	orders, err := m.node(t).Workers().Report(m.s.T.Context(), k, 0, []byte("text"))
	wants(t, "Report", j.holds(k), err)
	if err == nil && orders.Cancel != j.cancel {
		t.Fatalf("orders = %q, want %q", orders.Cancel, j.cancel)
	}
}

func (m *machine) finish(t *rapid.T) {
	k, j, ok := m.ticket(t)
	if !ok {
		return
	}
	outcome := rapid.SampledFrom([]proto.Outcome{proto.Finished, proto.Errored, proto.Canceled, proto.Lost}).Draw(t, "outcome")
	err := m.node(t).Workers().Finish(m.s.T.Context(), k, proto.Result{Outcome: outcome})
	again := j.status == dispatch.Ended && j.attempt == k.Attempt && !j.late && j.outcome == outcome && outcome != proto.Lost && j.executor != ""
	wants(t, "Finish as "+string(outcome), j.holds(k) || again, err)
	switch {
	case !j.holds(k):
	case outcome == proto.Lost:
		j.lose()
	default:
		j.status, j.outcome = dispatch.Ended, outcome
	}
}

// lose is what becomes of a job whose executor is gone.
func (j *jobModel) lose() {
	if j.kind == "plan" && j.losses == 0 && j.cancel == proto.GoOn {
		j.losses, j.status, j.executor = 1, dispatch.Queued, ""
		return
	}
	j.status, j.outcome, j.late = dispatch.Ended, proto.Lost, true
}

func (m *machine) put(t *rapid.T) {
	k, j, ok := m.ticket(t)
	if !ok {
		return
	}
	name := rapid.SampledFrom([]string{proto.StateFinal, proto.PlanFile}).Draw(t, "name")
	late := j.late && j.attempt == k.Attempt && name == proto.StateFinal
	err := m.node(t).Workers().Put(m.s.T.Context(), k, name, strings.NewReader("content"))
	wants(t, "Put of "+name, j.holds(k) || late, err)
}

func (m *machine) expire(t *rapid.T) {
	k, j, ok := m.ticket(t)
	if !ok {
		return
	}
	expire(m.s, k.ID)
	if j.status == dispatch.Claimed {
		j.lose()
	}
	if err := m.node(t).SweepLost(m.s.T.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) restart(t *rapid.T) {
	executor := rapid.SampledFrom(executors).Draw(t, "executor")
	if _, err := m.node(t).Workers().Register(m.s.T.Context(), proto.Executor{ID: executor}); err != nil {
		t.Fatal(err)
	}
	for _, j := range m.jobs {
		if j.status == dispatch.Claimed && j.executor == executor {
			j.lose()
		}
	}
}

func (m *machine) cancel(t *rapid.T) {
	if len(m.jobs) == 0 {
		return
	}
	j, how, n := rapid.SampledFrom(m.jobs).Draw(t, "job"), rapid.SampledFrom([]proto.Cancel{proto.Interrupt, proto.Kill}).Draw(t, "how"), m.node(t)
	if err := m.s.DB.Tx(m.s.T.Context(), func(ctx context.Context) error { return n.Cancel(ctx, j.subject, how) }); err != nil {
		t.Fatal(err)
	}
	switch {
	case j.status == dispatch.Queued:
		j.status, j.outcome = dispatch.Ended, proto.Canceled
	case j.status == dispatch.Claimed && how == proto.Interrupt:
		j.cancel = how
	case j.status == dispatch.Claimed:
		j.status, j.outcome, j.cancel, j.late = dispatch.Ended, proto.Canceled, how, true
	}
}

// check compares the rows with the model.
func (m *machine) check(t *rapid.T) {
	type row struct {
		ID      string          `db:"id"`
		Status  dispatch.Status `db:"status"`
		Attempt int             `db:"attempt"`
		Outcome string          `db:"outcome"`
		Cancel  proto.Cancel    `db:"cancel"`
		Losses  int             `db:"losses"`
	}
	rows, err := db.All[row](m.s.T.Context(), m.s.DB, `SELECT {} FROM dispatch_jobs`)
	if err != nil {
		t.Fatal(err)
	}
	got, want := map[string]row{}, map[string]row{}
	for _, r := range rows {
		got[r.ID] = r
	}
	for _, j := range m.jobs {
		want[j.id] = row{j.id, j.status, j.attempt, string(j.outcome), j.cancel, j.losses}
		ends := len(m.nodes[0].finished[j.id]) + len(m.nodes[1].finished[j.id])
		if ended := j.status == dispatch.Ended; (ended && ends != 1) || (!ended && ends != 0) {
			t.Fatalf("a job that is %s has ended %d times", j.status, ends)
		}
		if claims := m.nodes[0].claimed[j.id] + m.nodes[1].claimed[j.id]; claims != j.attempt {
			t.Fatalf("a job in attempt %d was claimed %d times", j.attempt, claims)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("jobs (-want +got):\n%s", diff)
	}
}

// drain does what is left: no job may be forgotten.
func (m *machine) drain(t *rapid.T) {
	for _, executor := range executors {
		if _, err := m.nodes[0].Workers().Register(m.s.T.Context(), proto.Executor{ID: executor}); err != nil {
			t.Fatal(err)
		}
	}
	for {
		j := m.nodes[1].claim(m.s, executors[0])
		if j == nil {
			break
		}
		if err := m.nodes[0].Workers().Finish(m.s.T.Context(), j.Ticket, proto.Result{Outcome: proto.Finished}); err != nil {
			t.Fatal(err)
		}
	}
	left, err := db.One[int](m.s.T.Context(), m.s.DB, `SELECT count(*) FROM dispatch_jobs WHERE status <> 'ended'`)
	if err != nil || left != 0 {
		t.Fatalf("%d jobs are left over, %v", left, err)
	}
}

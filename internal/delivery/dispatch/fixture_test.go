package dispatch_test

import (
	"context"
	"io"
	"strings"
	"sync"
	"time"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/delivery/dispatch"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// node is a dispatcher of its own, as another server on the same database has.
type node struct {
	*dispatch.Feature
	mu       sync.Mutex
	claimed  map[string]int               // job → claims
	finished map[string][]proto.Outcome   // job → how it ended, each time that it did
	spec     func(j dispatch.Job) error   // what fails to be prepared
	objects  map[string]map[string]string // job → name → what was put
	late     map[string]map[string]string // the same, after the job had ended
}

// kinds of the tests: "plan" is tried once more, "apply" never.
var kinds = []string{"plan", "apply"}

func newNode(s *apptest.Server, limit int) *node {
	n := &node{claimed: map[string]int{}, finished: map[string][]proto.Outcome{}, objects: map[string]map[string]string{}, late: map[string]map[string]string{}}
	n.Feature = &dispatch.Feature{DB: s.DB, Bus: s.App.Bus, Agents: s.App.AgentPools, Limit: limit}
	for i, kind := range kinds {
		n.Handle(kind, dispatch.Kind{
			Spec:     n.prepare,
			Claimed:  n.wasClaimed,
			Finished: n.hasFinished,
			Get: func(_ context.Context, j dispatch.Job, name string) (io.ReadCloser, error) {
				return io.NopCloser(strings.NewReader(name + " of " + j.Subject)), nil
			},
			Put:       n.put,
			Retries:   1 - i,
			TakesLate: []string{proto.StateFinal},
		})
	}
	n.Listen()
	return n
}

func (n *node) prepare(_ context.Context, j dispatch.Job) (any, error) {
	if n.spec != nil {
		if err := n.spec(j); err != nil {
			return nil, err
		}
	}
	return map[string]string{"subject": j.Subject}, nil
}

func (n *node) wasClaimed(_ context.Context, j dispatch.Job) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.claimed[j.ID]++
	return nil
}

func (n *node) hasFinished(_ context.Context, j dispatch.Job, r proto.Result) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.finished[j.ID] = append(n.finished[j.ID], r.Outcome)
	return nil
}

func (n *node) put(_ context.Context, j dispatch.Job, name string, body io.Reader) error {
	b, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	to := n.objects
	if j.Late() {
		to = n.late
	}
	if to[j.ID] == nil {
		to[j.ID] = map[string]string{}
	}
	to[j.ID][name] = string(b)
	return nil
}

// add enqueues a job of the server's workers.
func (n *node) add(s *apptest.Server, o apptest.Org, kind, subject string, priority int) string {
	s.T.Helper()
	id, err := n.Enqueue(s.T.Context(), dispatch.Job{OrgID: o.ID, Kind: kind, Subject: subject, Priority: priority})
	if err != nil {
		s.T.Fatal(err)
	}
	return id
}

// claim asks for a job without waiting.
func (n *node) claim(s *apptest.Server, executor string) *proto.Job {
	s.T.Helper()
	j, err := n.Workers().Claim(s.T.Context(), executor, proto.Claim{Kinds: kinds})
	if err != nil {
		s.T.Fatal(err)
	}
	return j
}

// expire lets the lease of a job run out.
func expire(s *apptest.Server, jobID string) {
	s.T.Helper()
	if _, err := s.DB.Exec(s.T.Context(), `UPDATE dispatch_jobs SET lease_until = ? WHERE id = ? AND status = 'claimed'`, db.At(time.Now().Add(-time.Second)), jobID); err != nil {
		s.T.Fatal(err)
	}
}

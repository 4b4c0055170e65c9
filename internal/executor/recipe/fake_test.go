package recipe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// server is the other side of the contract, in memory. It has one executor.
type server struct {
	mu      sync.Mutex
	changed chan struct{} // closed when anything below changed
	queue   []proto.Job
	jobs    map[string]*job
	away    bool // every call fails
	alone   bool // nobody reads the logs
	left    bool
}

// job is what a server knows of a job.
type job struct {
	inputs  map[string][]byte
	outputs map[string][]byte
	puts    []string // names in the order of arrival
	log     []byte
	reports int
	order   proto.Cancel
	gone    bool
	result  *proto.Result
	ended   int
}

func newServer() *server { return &server{changed: make(chan struct{}), jobs: map[string]*job{}} }

// add queues a job.
func (s *server) add(t testing.TB, kind, id string, spec any, inputs map[string][]byte) {
	t.Helper()
	b, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	s.update(func() {
		s.jobs[id] = &job{inputs: inputs, outputs: map[string][]byte{}}
		s.queue = append(s.queue, proto.Job{Ticket: proto.Ticket{ID: id, Attempt: 1}, Kind: kind, Spec: b})
	})
}

// update changes what there is, and wakes those who wait.
func (s *server) update(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.changed)
	s.changed = make(chan struct{})
}

// wait waits until a job is as wanted.
func (s *server) wait(t testing.TB, id, what string, is func(j *job) bool) {
	t.Helper()
	deadline := time.After(90 * time.Second)
	for {
		s.mu.Lock()
		changed, j := s.changed, s.jobs[id]
		ok := is(j)
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("job %s: no %s; result %+v, outputs %v, log:\n%s", id, what, j.result, slices.Collect(maps.Keys(j.outputs)), j.log)
		}
	}
}

// logged waits until the log of a job has words.
func (s *server) logged(t testing.TB, id, words string) {
	t.Helper()
	s.wait(t, id, "log with "+words, func(j *job) bool { return strings.Contains(string(j.log), words) })
}

// end waits until a job has ended, and returns it.
func (s *server) end(t testing.TB, id string) *job {
	t.Helper()
	s.wait(t, id, "end", func(j *job) bool { return j.result != nil })
	return s.jobs[id]
}

var (
	errAway = errors.New("the server is away")
	errSent = errors.New("the answer is written")
)

// held finds a job for who holds it.
func (s *server) held(ticket proto.Ticket) (*job, error) {
	j := s.jobs[ticket.ID]
	switch {
	case s.away:
		return nil, errAway
	case j == nil || ticket.Attempt != 1 || j.gone:
		return nil, proto.ErrGone
	}
	return j, nil
}

func (s *server) Register(context.Context, proto.Executor) (proto.Registration, error) {
	return proto.Registration{ID: "executor-1"}, nil
}

func (s *server) Leave(context.Context, string) error {
	s.update(func() { s.left = true })
	return nil
}

func (s *server) Claim(ctx context.Context, _ string, c proto.Claim) (*proto.Job, error) {
	for {
		s.mu.Lock()
		changed, away := s.changed, s.away
		if len(s.queue) > 0 && !away {
			defer s.mu.Unlock()
			next := s.queue[0]
			s.queue = s.queue[1:]
			return &next, nil
		}
		s.mu.Unlock()
		if away {
			return nil, errAway
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (s *server) Report(_ context.Context, ticket proto.Ticket, offset int64, log []byte) (o proto.Orders, err error) {
	s.update(func() {
		j, heldErr := s.held(ticket)
		if err = heldErr; err != nil {
			return
		}
		if offset > int64(len(j.log)) {
			err = problem.Unprocessable("a gap in the log: %d after %d", offset, len(j.log))
			return
		}
		j.reports++
		j.log = append(j.log[:offset], log...)
		o = s.orders(j)
	})
	return o, err
}

func (s *server) orders(j *job) proto.Orders { return proto.Orders{Cancel: j.order, Watched: !s.alone} }

func (s *server) Orders(ctx context.Context, ticket proto.Ticket, known proto.Orders, _ time.Duration) (proto.Orders, error) {
	for {
		s.mu.Lock()
		changed := s.changed
		j, err := s.held(ticket)
		if err != nil || s.orders(j) != known {
			defer s.mu.Unlock()
			if err != nil {
				return known, err
			}
			return s.orders(j), nil
		}
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return known, ctx.Err()
		}
	}
}

func (s *server) Get(_ context.Context, ticket proto.Ticket, name string) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, err := s.held(ticket)
	if err != nil {
		return nil, err
	}
	b, ok := j.inputs[name]
	if !ok {
		return nil, problem.NotFound
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func (s *server) Put(_ context.Context, ticket proto.Ticket, name string, body io.Reader) error {
	b, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	s.update(func() {
		j := s.jobs[ticket.ID]
		if s.away {
			err = errAway
			return
		}
		if j == nil || (j.gone && name != proto.StateFinal) {
			err = proto.ErrGone
			return
		}
		j.outputs[name] = b
		j.puts = append(j.puts, name)
	})
	return err
}

func (s *server) Finish(_ context.Context, ticket proto.Ticket, r proto.Result) (err error) {
	s.update(func() {
		j, heldErr := s.held(ticket)
		if err = heldErr; err == nil {
			j.result = &r
			j.ended++
		}
	})
	return err
}

// ServeHTTP serves the contract over HTTP.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer pool-token" {
		http.Error(w, "no", http.StatusUnauthorized)
		return
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, proto.Base+"/"), "/")
	attempt, _ := strconv.Atoi(r.URL.Query().Get("attempt"))
	var answer any
	var err error
	switch {
	case parts[0] == "executors" && len(parts) == 1:
		answer, err = s.Register(r.Context(), proto.Executor{})
	case parts[0] == "executors" && r.Method == http.MethodDelete:
		err = s.Leave(r.Context(), parts[1])
	case parts[0] == "executors":
		var job *proto.Job
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		if job, err = s.Claim(ctx, parts[1], proto.Claim{}); errors.Is(err, context.DeadlineExceeded) {
			err = nil
		}
		if job != nil {
			answer = job
		}
	default:
		answer, err = s.job(w, r, proto.Ticket{ID: parts[1], Attempt: attempt}, parts[2:])
	}
	switch p, isProblem := problem.From(err); {
	case errors.Is(err, errSent):
	case errors.Is(err, proto.ErrGone):
		w.WriteHeader(http.StatusGone)
	case isProblem:
		http.Error(w, fmt.Sprintf(`{"errors":[{"title":%q,"detail":%q}]}`, p.Title, p.Detail), p.Status)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	case answer == nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		_ = json.NewEncoder(w).Encode(answer) // who went away asks again
	}
}

// job serves the part of the contract that is about a job.
func (s *server) job(w http.ResponseWriter, r *http.Request, ticket proto.Ticket, what []string) (answer any, err error) {
	switch {
	case what[0] == "report":
		log, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		offset, _ := strconv.ParseInt(r.URL.Query().Get("offset"), 10, 64)
		return s.Report(r.Context(), ticket, offset, log)
	case what[0] == "orders":
		q := r.URL.Query()
		return s.Orders(r.Context(), ticket, proto.Orders{Cancel: proto.Cancel(q.Get("cancel")), Watched: q.Get("watched") == "true"}, 0)
	case what[0] == "finish":
		var result proto.Result
		if err := json.NewDecoder(r.Body).Decode(&result); err != nil {
			return nil, err
		}
		return nil, s.Finish(r.Context(), ticket, result)
	case r.Method == http.MethodPut:
		return nil, s.Put(r.Context(), ticket, what[1], r.Body)
	}
	body, err := s.Get(r.Context(), ticket, what[1])
	if err != nil {
		return nil, err
	}
	defer body.Close()
	if _, err = io.Copy(w, body); err == nil {
		err = errSent
	}
	return nil, err
}

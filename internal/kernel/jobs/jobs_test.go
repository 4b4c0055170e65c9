package jobs_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest/postgres"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jobs"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// onBoth calls fn with the address of an empty database of each engine.
func onBoth(t *testing.T, fn func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) { fn(t, filepath.Join(t.TempDir(), "test.db")) })
	t.Run("postgres", func(t *testing.T) {
		url, ok := postgres.Schema(t)
		if !ok {
			t.Skip("PostgreSQL is not installed")
		}
		fn(t, url)
	})
}

func open(t *testing.T, url string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{URL: url, Unsafe: true})
	must(t, err)
	t.Cleanup(func() { must(t, d.Close()) })
	return d
}

// queue returns a queue in d that does not run yet.
func queue(t *testing.T, d *db.DB) *jobs.Queue {
	t.Helper()
	q, err := jobs.New(d)
	must(t, err)
	must(t, q.Migrate(t.Context()))
	q.Poll = 20 * time.Millisecond
	return q
}

// start runs q until the test ends or stop is called.
func start(t *testing.T, q *jobs.Queue) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- q.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		must(t, <-done)
	})
	t.Cleanup(stop)
	return stop
}

func wait(t *testing.T, q *jobs.Queue) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	must(t, q.Wait(ctx))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// receive returns what comes out of the channel, or fails.
func receive[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(20 * time.Second):
		t.Fatalf("waited in vain for %s", what)
		panic("not reached")
	}
}

type greet struct {
	Name string `json:"name"`
}

func (greet) Kind() string { return "test.greet" }

// greeted makes q record the names that it greets.
func greeted(q *jobs.Queue) (names func() []string) {
	var mu sync.Mutex
	var list []string
	jobs.Handle(q, func(_ context.Context, g greet) error {
		mu.Lock()
		defer mu.Unlock()
		list = append(list, g.Name)
		return nil
	})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Sorted(slices.Values(list))
	}
}

func states(t *testing.T, d *db.DB) []string {
	t.Helper()
	list, err := db.All[string](t.Context(), d, `SELECT state FROM river_job ORDER BY id`)
	must(t, err)
	return list
}

func equal[T any](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.EqualFunc(got, want, func(a, b T) bool { return any(a) == any(b) }) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

func TestAJobLivesAndDiesWithItsTransaction(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		d := open(t, url)
		q := queue(t, d)
		names := greeted(q)
		refused := errors.New("refused")
		for name, outcome := range map[string]error{"ann": nil, "bob": refused} {
			err := d.Tx(t.Context(), func(ctx context.Context) error {
				must(t, q.Enqueue(ctx, greet{name}))
				return outcome
			})
			if !errors.Is(err, outcome) {
				t.Fatalf("Tx = %v, want %v", err, outcome)
			}
		}
		must(t, q.Enqueue(t.Context(), greet{"eve"})) // no transaction
		start(t, q)
		wait(t, q)
		equal(t, "greeted", names(), []string{"ann", "eve"})
	})
}

func TestAJobOfThisNodeDoesNotWaitForAPoll(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		d := open(t, url)
		q := queue(t, d)
		q.Poll = time.Hour
		names := told(q)
		start(t, q)
		for range 3 { // the first may be found by the look at the start
			must(t, d.Tx(t.Context(), func(ctx context.Context) error { return q.Enqueue(ctx, greet{"ann"}) }))
			receive(t, names, "a job enqueued in a transaction")
			must(t, q.Enqueue(t.Context(), greet{"bob"}))
			receive(t, names, "a job enqueued without")
		}
		wait(t, q)
	})
}

func TestOnceHoldsUntilTheJobHasFinished(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		d := open(t, url)
		q := queue(t, d)
		names := greeted(q)
		for range 3 {
			must(t, d.Tx(t.Context(), func(ctx context.Context) error { return q.Enqueue(ctx, greet{"ann"}, jobs.Once("a")) }))
		}
		must(t, q.Enqueue(t.Context(), greet{"bob"}, jobs.Once("b")))
		must(t, q.Enqueue(t.Context(), greet{"ann"}))
		must(t, q.Enqueue(t.Context(), greet{"ann"}))
		start(t, q)
		wait(t, q)
		equal(t, "greeted", names(), []string{"ann", "ann", "ann", "bob"}) // one with the key, two without
		must(t, q.Enqueue(t.Context(), greet{"carl"}, jobs.Once("a")))
		wait(t, q)
		equal(t, "greeted after the first has finished", names(), []string{"ann", "ann", "ann", "bob", "carl"})
	})
}

func TestAFailureIsTriedAgainAndAPanicIsAFailure(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		d := open(t, url)
		q := queue(t, d)
		var tries, panics atomic.Int32
		jobs.Handle(q, func(context.Context, greet) error {
			if tries.Add(1) == 1 {
				return errors.New("not yet")
			}
			return nil
		})
		jobs.Handle(q, func(context.Context, shout) error {
			panics.Add(1)
			panic("no voice")
		}, jobs.Attempts(1), jobs.InQueue("loud"))
		must(t, q.Enqueue(t.Context(), greet{"ann"}))
		must(t, q.Enqueue(t.Context(), shout{}))
		start(t, q)
		wait(t, q)
		if tries.Load() != 2 || panics.Load() != 1 {
			t.Errorf("tries = %d, %d, want 2, 1", tries.Load(), panics.Load())
		}
		equal(t, "states", states(t, d), []string{"completed", "discarded"})
	})
}

type shout struct{}

func (shout) Kind() string { return "test.shout" }

func TestAJobIsEndedAtItsTimeout(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		d := open(t, url)
		q := queue(t, d)
		jobs.Handle(q, func(ctx context.Context, _ shout) error {
			<-ctx.Done()
			return ctx.Err()
		}, jobs.Timeout(10*time.Millisecond), jobs.Attempts(1))
		must(t, q.Enqueue(t.Context(), shout{}))
		start(t, q)
		wait(t, q)
		equal(t, "states", states(t, d), []string{"discarded"})
	})
}

func TestAJobWaitsForItsTime(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		d := open(t, url)
		q := queue(t, d)
		names := greeted(q)
		must(t, q.Enqueue(t.Context(), greet{"tomorrow"}, jobs.At(time.Now().Add(24*time.Hour))))
		must(t, q.Enqueue(t.Context(), greet{"today"}, jobs.At(time.Now().Add(-time.Hour))))
		start(t, q)
		wait(t, q)
		equal(t, "greeted", names(), []string{"today"})
		equal(t, "states", states(t, d), []string{"scheduled", "completed"})
	})
}

func TestASweepRunsAgainAndAgainButNotTwiceAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		d := open(t, url)
		q := queue(t, d)
		ran, running := make(chan int32, 100), atomic.Int32{}
		q.Every("test.sweep", 50*time.Millisecond, func(context.Context) error {
			ran <- running.Add(1)
			defer running.Add(-1)
			return errors.New("a sweep that fails has its next turn all the same")
		})
		stop := start(t, q)
		for range 3 {
			if n := receive(t, ran, "a sweep"); n != 1 {
				t.Errorf("%d sweeps at once, want 1", n)
			}
		}
		stop()
	})
}

func TestEnqueueWithoutAHandlerIsRefused(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "test.db"))
	if err := queue(t, d).Enqueue(t.Context(), greet{"ann"}); err == nil {
		t.Error("Enqueue of a kind without a handler = nil, want an error")
	}
}

// TestRetryOfAJobThatWasAskedForAgain: there is one at a time of those with the same key.
func TestRetryOfAJobThatWasAskedForAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		d := open(t, url)
		q := queue(t, d)
		jobs.Handle(q, func(context.Context, greet) error { return errors.New("nobody is there") }, jobs.Attempts(1))
		must(t, q.Enqueue(t.Context(), greet{"ann"}, jobs.Once("ann")))
		stop := start(t, q)
		wait(t, q)
		stop()
		list, err := q.Failures(t.Context())
		if err != nil || len(list) != 1 {
			t.Fatalf("Failures = %+v, %v, want the one", list, err)
		}
		must(t, q.Enqueue(t.Context(), greet{"ann"}, jobs.Once("ann"), jobs.At(time.Now().Add(time.Hour))))
		err = d.Tx(t.Context(), func(ctx context.Context) error { return q.Retry(ctx, list[0].ID) })
		if p, ok := problem.From(err); !ok || p.Status != 409 {
			t.Errorf("Retry = %v, want a conflict with the job that waits", err)
		}
		equal(t, "states", states(t, d), []string{"discarded", "scheduled"})
	})
}

package jobs_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/kernel/jobs"
)

// node returns a queue with a connection of its own, like another server.
func node(t *testing.T, url string) *jobs.Queue {
	t.Helper()
	return queue(t, open(t, url))
}

func TestTwoNodesShareTheWork(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		a, b := node(t, url), node(t, url)
		const total = 60
		both := make(chan struct{})
		var byA, byB atomic.Int32
		count := func(own, other *atomic.Int32) func(context.Context, greet) error {
			return func(ctx context.Context, _ greet) error {
				if own.Add(1) == 1 && other.Load() > 0 {
					close(both)
				}
				select { // so that neither can do it all alone
				case <-both:
				case <-ctx.Done():
				}
				return nil
			}
		}
		jobs.Handle(a, count(&byA, &byB))
		jobs.Handle(b, count(&byB, &byA))
		for i := range total {
			must(t, a.Enqueue(t.Context(), greet{fmt.Sprint(i)}))
		}
		start(t, a)
		start(t, b)
		wait(t, a)
		if byA.Load() == 0 || byB.Load() == 0 || byA.Load()+byB.Load() != total {
			t.Errorf("jobs done = %d + %d, want %d in all and some by each", byA.Load(), byB.Load(), total)
		}
	})
}

func TestAKindOfANewerReleaseIsNotLost(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		d := open(t, url)
		older, newer := queue(t, d), queue(t, d)
		older.Postpone(10 * time.Millisecond)
		greeted(older)
		names := greeted(newer)
		done := make(chan struct{}, 1)
		jobs.Handle(newer, func(context.Context, shout) error { done <- struct{}{}; return nil })
		must(t, newer.Enqueue(t.Context(), shout{}))

		stop := start(t, older)
		postponed(t, d)
		stop()
		start(t, newer)
		receive(t, done, "the newer node to do it")
		wait(t, newer)
		equal(t, "states", states(t, d), []string{"completed"})
		if tries, err := db.One[int](t.Context(), d, `SELECT attempt FROM river_job`); err != nil || tries != 1 {
			t.Errorf("attempts = %d, %v, want 1: what the older node saw is none", tries, err)
		}
		equal(t, "greeted", names(), nil)
	})
}

// postponed waits until some node has put the only job back twice.
func postponed(t *testing.T, d *db.DB) {
	t.Helper()
	for range time.Tick(5 * time.Millisecond) {
		metadata, err := db.One[[]byte](t.Context(), d, `SELECT metadata FROM river_job`)
		must(t, err)
		if strings.Contains(strings.ReplaceAll(string(metadata), " ", ""), `"snoozes":2`) {
			return
		}
	}
}

func TestAJobOutsideTheQueuesOfANodeIsLeftAlone(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		d := open(t, url)
		older, newer := queue(t, d), queue(t, d)
		names := told(older)
		jobs.Handle(newer, func(context.Context, shout) error { return nil }, jobs.InQueue("new"))
		must(t, newer.Enqueue(t.Context(), shout{}))
		must(t, older.Enqueue(t.Context(), greet{"ann"}))
		stop := start(t, older)
		receive(t, names, "the job that both know")
		stop()
		equal(t, "states", states(t, d), []string{"available", "completed"})
	})
}

func TestRunLetsJobsFinishWithinTheGrace(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		d := open(t, url)
		q := queue(t, d)
		started, finish := make(chan struct{}), make(chan struct{})
		jobs.Handle(q, func(ctx context.Context, _ greet) error {
			close(started)
			select {
			case <-finish:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		must(t, q.Enqueue(t.Context(), greet{"ann"}))
		stop := start(t, q)
		receive(t, started, "the job to start")
		time.AfterFunc(50*time.Millisecond, func() { close(finish) }) // after Run was told to end
		stop()
		equal(t, "states", states(t, d), []string{"completed"})
	})
}

func TestRunCutsOffJobsAfterTheGrace(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		d := open(t, url)
		q := queue(t, d)
		q.Grace = 20 * time.Millisecond
		started := make(chan struct{})
		jobs.Handle(q, func(ctx context.Context, _ greet) error {
			close(started)
			<-ctx.Done()
			return ctx.Err()
		})
		must(t, q.Enqueue(t.Context(), greet{"ann"}))
		stop := start(t, q)
		receive(t, started, "the job to start")
		stop()
		if got := states(t, d); !slices.Contains([]string{"available", "retryable"}, got[0]) {
			t.Errorf("state = %v, want one in which the job is tried again", got)
		}
	})
}

func TestALongTransactionDelaysJobsAndLosesNone(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		d := open(t, url)
		q := queue(t, d)
		names := greeted(q)
		start(t, q)
		must(t, q.Enqueue(t.Context(), greet{"ann"}))
		wait(t, q)
		must(t, d.Tx(t.Context(), func(ctx context.Context) error {
			_, err := d.Exec(ctx, `UPDATE river_queue SET name = name WHERE name = 'no such'`)
			must(t, err)
			must(t, q.Enqueue(ctx, greet{"bob"}))
			receive(t, time.After(500*time.Millisecond), "a long transaction to end")
			return nil
		}))
		wait(t, q)
		equal(t, "greeted", names(), []string{"ann", "bob"})
	})
}

func TestMigrateTwiceIsFine(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		errs := make(chan error, 3)
		d := open(t, url)
		for range cap(errs) {
			q, err := jobs.New(d)
			must(t, err)
			if !d.Postgres() { // SQLite has one server
				must(t, q.Migrate(t.Context()))
			}
			go func() { errs <- q.Migrate(t.Context()) }()
		}
		for range cap(errs) {
			must(t, receive(t, errs, "Migrate"))
		}
	})
}

// childEnv makes the test binary a node that starts a job and never ends it.
const childEnv = "JOBS_TEST_CHILD"

func TestMain(m *testing.M) {
	if url := os.Getenv(childEnv); url != "" {
		hang(url)
	}
	os.Exit(m.Run())
}

func hang(url string) {
	ctx := context.Background()
	d, err := db.Open(ctx, db.Config{URL: url})
	exitOn(err)
	q, err := jobs.New(d)
	exitOn(err)
	q.Poll = 20 * time.Millisecond
	jobs.Handle(q, func(context.Context, greet) error {
		fmt.Println("started")
		select {}
	})
	exitOn(q.Run(ctx))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestAJobOfAKilledNodeIsRescued(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		d := open(t, url)
		q := queue(t, d)
		q.Lost = 200 * time.Millisecond
		names := told(q, jobs.Timeout(200*time.Millisecond))
		must(t, q.Enqueue(t.Context(), greet{"ann"}))

		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), childEnv+"="+url)
		out, err := child.StdoutPipe()
		must(t, err)
		must(t, child.Start())
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "started\n" {
			t.Fatalf("the child says %q, %v", line, err)
		}
		must(t, child.Process.Kill())
		_ = child.Wait() // killed
		equal(t, "states after the kill", states(t, d), []string{"running"})

		// The dead node leads for another 15 seconds; nobody wants to wait for that.
		_, err = d.Exec(t.Context(), `DELETE FROM river_leader`)
		must(t, err)
		receive(t, time.After(500*time.Millisecond), "the job to count as lost")
		start(t, q)
		if name := receive(t, names, "the rescue"); name != "ann" {
			t.Errorf("rescued = %q, want ann", name)
		}
		wait(t, q)
		equal(t, "states after the rescue", states(t, d), []string{"completed"})
	})
}

// told makes q tell whom it greets.
func told(q *jobs.Queue, opts ...jobs.Option) <-chan string {
	names := make(chan string, 10)
	jobs.Handle(q, func(_ context.Context, g greet) error { names <- g.Name; return nil }, opts...)
	return names
}

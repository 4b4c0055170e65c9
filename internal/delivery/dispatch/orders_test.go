package dispatch_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/delivery/dispatch"
	"plumbline.dev/plumbline/internal/delivery/logs"
	"plumbline.dev/plumbline/internal/executor/proto"
)

// heard is an answer to Orders.
type heard struct {
	orders proto.Orders
	err    error
	after  time.Duration
}

// hear waits for orders in the background.
func hear(s *apptest.Server, from proto.Server, t proto.Ticket, known proto.Orders) <-chan heard {
	got := make(chan heard, 1)
	began := time.Now()
	go func() {
		o, err := from.Orders(context.WithoutCancel(s.T.Context()), t, known, 20*time.Second)
		got <- heard{o, err, time.Since(began)}
	}()
	return got
}

func TestOrdersAreHeardAtOnce(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, o := s.T.Context(), s.Org("acme")
		serve(s)
		p := newPool(s, o, "north")
		who, err := p.client.Register(ctx, proto.Executor{Name: "box", Version: "1", OS: "linux", Arch: "amd64"})
		if err != nil {
			s.T.Fatal(err)
		}
		if err := s.App.Logs.Open(ctx, logs.Stream{ID: "log-1", OrgID: o.ID}); err != nil {
			s.T.Fatal(err)
		}
		if _, err := s.App.Dispatch.Enqueue(ctx, dispatch.Job{OrgID: o.ID, PoolID: &p.id, Kind: "example", Subject: "one", Log: "log-1"}); err != nil {
			s.T.Fatal(err)
		}
		j, err := p.client.Claim(ctx, who.ID, proto.Claim{Kinds: []string{"example"}})
		if err != nil || j == nil {
			s.T.Fatalf("Claim = %+v, %v", j, err)
		}
		cancel := func(how proto.Cancel) {
			s.T.Helper()
			if err := s.DB.Tx(ctx, func(ctx context.Context) error { return s.App.Dispatch.Cancel(ctx, "one", how) }); err != nil {
				s.T.Fatal(err)
			}
		}
		known := proto.Orders{}
		for _, step := range []struct {
			what string
			do   func()
			want proto.Orders
		}{
			{"a reader", func() {
				if res := s.Do(http.MethodGet, s.App.Logs.URL(ctx, "log-1"), "", nil); res.Status != http.StatusOK {
					s.T.Fatalf("reading the log = %d", res.Status)
				}
			}, proto.Orders{Watched: true}},
			{"an interruption", func() { cancel(proto.Interrupt) }, proto.Orders{Watched: true, Cancel: proto.Interrupt}},
			{"a kill", func() { cancel(proto.Kill) }, proto.Orders{Watched: true, Cancel: proto.Kill}},
		} {
			first := hear(s, p.client, j.Ticket, known)
			step.do()
			got := <-first
			if got.err != nil || got.orders != step.want || got.after > 5*time.Second {
				s.T.Errorf("after %s Orders = %+v, %v in %s, want %+v at once", step.what, got.orders, got.err, got.after, step.want)
			}
			known = step.want
		}
		if _, err := p.client.Orders(ctx, j.Ticket, known, time.Second); !errors.Is(err, proto.ErrGone) {
			s.T.Errorf("Orders of a job that was given up = %v, want ErrGone", err)
		}
		if _, err := s.App.Dispatch.Workers().Orders(ctx, j.Ticket, proto.Orders{}, time.Second); !errors.Is(err, proto.ErrGone) {
			s.T.Errorf("Orders for another pool = %v, want ErrGone", err)
		}
	})
}

func TestOrdersThatDoNotChange(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		n, o := newNode(s, 0), s.Org("acme")
		n.add(s, o, "plan", "one", dispatch.Planning)
		j := n.claim(s, "worker-1")
		if got, err := n.Workers().Orders(s.T.Context(), j.Ticket, proto.Orders{}, 10*time.Millisecond); err != nil || got != (proto.Orders{}) {
			s.T.Errorf("Orders = %+v, %v, want none after a while", got, err)
		}
		waiting := hear(s, n.Workers(), j.Ticket, proto.Orders{})
		n.Drain()
		if got := <-waiting; got.err != nil || got.orders != (proto.Orders{}) || got.after > 5*time.Second {
			s.T.Errorf("Orders of a server that stops = %+v, %v after %s, want none at once", got.orders, got.err, got.after)
		}
		if _, err := n.Workers().Orders(s.T.Context(), proto.Ticket{ID: "job-absent", Attempt: 1}, proto.Orders{}, 0); !errors.Is(err, proto.ErrGone) {
			s.T.Errorf("Orders of no job = %v, want ErrGone", err)
		}
	})
}

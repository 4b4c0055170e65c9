// Command loadgen measures a Plumbline server under load: requests a second,
// latencies, CPU time per request and peak memory, on SQLite and on PostgreSQL. It
// starts the servers itself, on loopback, and stops by itself.
//
//	go run ./cmd/loadgen -binary bin/plumbline
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/apptest/postgres"
)

type options struct {
	binary     string
	engines    string
	only       string
	workspaces int
	seconds    float64
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "bin/plumbline", "server to measure")
	flag.StringVar(&o.engines, "databases", "sqlite,postgres", "databases to measure on")
	flag.StringVar(&o.only, "only", "", "measure only scenarios whose name contains this")
	flag.IntVar(&o.workspaces, "workspaces", 2000, "workspaces in the organization")
	flag.Float64Var(&o.seconds, "seconds", 3, "duration of each scenario")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Minute)
	defer cancel()
	for engine := range strings.SplitSeq(o.engines, ",") {
		err := measure(ctx, o, engine)
		if errors.Is(err, postgres.ErrNotFound) {
			fmt.Printf("\n## %s\n\nnot measured: PostgreSQL is not installed\n", engine)
			continue
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "loadgen: %s: %v\n", engine, err)
			stop()
			os.Exit(1) //nolint:gocritic // the deferred calls only free what the process held
		}
	}
}

// measure runs every scenario on one database.
func measure(ctx context.Context, o options, engine string) error {
	dir, err := os.MkdirTemp("", "plumbline-load")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	database, pgPID := "sqlite", 0
	var pg *postgres.Server
	if engine == "postgres" {
		if pg, err = postgres.Start(); err != nil {
			return err
		}
		defer func() { _ = pg.Stop() }()
		database, pgPID = pg.URL, postmaster(pg.URL)
	}
	s, err := start(ctx, o.binary, dir, database)
	if err != nil {
		return err
	}
	s.pgPID = pgPID
	defer s.stop()
	fmt.Printf("\n## %s\n\n", engine)
	cold := s.startup
	if err := s.prepare(ctx, o.workspaces); err != nil {
		return err
	}
	if pg != nil {
		if err := pg.Analyze(ctx); err != nil {
			return err
		}
	}
	fmt.Printf("%-34s %4s %9s %9s %9s %11s %11s %9s\n", "scenario", "conc", "req/s", "p50 ms", "p99 ms", "CPU ms/req", "PG CPU ms", "peak MB")
	for _, sc := range scenarios(o.workspaces) {
		if o.only != "" && !strings.Contains(sc.name, o.only) {
			continue
		}
		for _, conc := range []int{1, 16} {
			if err := s.run(ctx, sc, conc, time.Duration(o.seconds*float64(time.Second))); err != nil {
				return fmt.Errorf("%s: %w", sc.name, err)
			}
		}
	}
	if o.only == "" || strings.Contains("200 MB state", o.only) {
		if err := s.big(ctx); err != nil {
			return err
		}
	}
	return s.restart(ctx, o.binary, dir, database, cold)
}

package dispatch_test

import (
	"context"
	"fmt"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/apptest/postgres"
	"plumbline.dev/plumbline/internal/delivery/dispatch"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/db"
)

// BenchmarkJob is the claim, one report and the end of a job, alone and before 5,000 others
// of ten organizations.
func BenchmarkJob(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		for _, waiting := range []int{0, 5000} {
			b.Run(fmt.Sprint(engine, "/", waiting), func(b *testing.B) { benchmarkJob(b, engine, waiting) })
		}
	}
}

func benchmarkJob(b *testing.B, engine string, waiting int) {
	var options []func(*config.Server)
	if engine == "postgres" {
		url, ok := postgres.Schema(b)
		if !ok {
			b.Skip("PostgreSQL is not installed")
		}
		options = append(options, func(c *config.Server) { c.Database = url })
	}
	s, ctx := apptest.StartBench(b, options...), b.Context()
	f := &dispatch.Feature{DB: s.DB, Bus: s.App.Bus}
	f.Handle("plan", dispatch.Kind{Spec: func(context.Context, dispatch.Job) (any, error) { return 1, nil }})
	var list []dispatch.Job
	var orgs []apptest.Org
	for i := range 10 {
		orgs = append(orgs, s.Org(fmt.Sprint("org-", i)))
	}
	for i := range waiting {
		list = append(list, dispatch.Job{ID: fmt.Sprint("job-", i), OrgID: orgs[i%10].ID, Kind: "plan", Subject: fmt.Sprint("waits-", i), Status: dispatch.Queued, QueuedAt: db.Now()})
	}
	if err := s.DB.Tx(ctx, func(ctx context.Context) error { return db.InsertAll(ctx, s.DB, "dispatch_jobs", list, "") }); err != nil {
		b.Fatal(err)
	}
	w := f.Workers()
	for i := 0; b.Loop(); i++ {
		if _, err := f.Enqueue(ctx, dispatch.Job{OrgID: orgs[i%10].ID, Kind: "plan", Subject: fmt.Sprint("subject-", i), Priority: dispatch.Applying}); err != nil {
			b.Fatal(err)
		}
		j, err := w.Claim(ctx, "worker-1", proto.Claim{Kinds: []string{"plan"}})
		if err != nil || j == nil {
			b.Fatal(j, err)
		}
		if _, err := w.Report(ctx, j.Ticket, 0, nil); err != nil {
			b.Fatal(err)
		}
		if err := w.Finish(ctx, j.Ticket, proto.Result{Outcome: proto.Finished}); err != nil {
			b.Fatal(err)
		}
	}
}

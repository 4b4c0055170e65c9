package cli_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest/cli"
	"plumbline.dev/plumbline/internal/apptest/process"
)

// ten is what the benchmarks apply.
const ten = "resource \"terraform_data\" \"x\" {\n  count = 10\n  input = count.index\n}\n"

// busy is a server for benchmarks with an organization.
type busy struct {
	*process.Server
	engine cli.Engine
	token  string
	client *tfe.Client
}

func newBusy(b *testing.B) *busy {
	engines := cli.Engines()
	if len(engines) == 0 || engines[0].Name != "tofu" {
		b.Skip("tofu is not here: run make engines")
	}
	s := &busy{Server: process.StartTLS(b, b.TempDir(), "--engine", engines[0].Path), engine: engines[0]}
	s.token = s.AdminToken()
	var err error
	if s.client, err = tfe.NewClient(&tfe.Config{Address: s.URL, Token: s.token, HTTPClient: s.HTTP()}); err == nil {
		_, err = s.client.Organizations.Create(b.Context(), tfe.OrganizationCreateOptions{Name: new("acme"), Email: new("a@example.com")})
	}
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkRemoteApply is what a person waits for: "tofu apply -auto-approve" of ten
// resources, remotely and, for comparison, on this machine alone. Of the remote ones it
// tells, by the timestamps of the runs, how long they took from their creation until they
// had applied, how long the same processes of the engine take with nothing around them, and
// the difference, which is what the server and its executor add.
func BenchmarkRemoteApply(b *testing.B) {
	s := newBusy(b)
	n := 0
	var run, engine time.Duration
	apply := func(b *testing.B, config string) {
		shell := cli.NewShell(b, s.engine, s.URL, s.CA(), s.token)
		shell.Write("main.tf", config)
		shell.Run("init", "-input=false")
		b.StartTimer()
		shell.Run("apply", "-auto-approve", "-input=false")
		b.StopTimer()
	}
	b.Run("local", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			apply(b, ten)
			b.StartTimer()
		}
	})
	b.Run("remote", func(b *testing.B) {
		rounds := 0
		for run, engine = 0, 0; b.Loop(); rounds++ {
			b.StopTimer()
			n++
			name := fmt.Sprintf("apply-%d", n)
			apply(b, ten+fmt.Sprintf("terraform {\n  cloud {\n    hostname = %q\n    organization = \"acme\"\n    workspaces { name = %q }\n  }\n}\n", cli.Host(s.URL), name))
			run += s.took(b, name)
			began := time.Now()
			cli.Directly(b, s.engine.Path, ten)
			engine += time.Since(began)
			b.StartTimer()
		}
		ms := func(d time.Duration) float64 { return float64(d.Milliseconds()) / float64(rounds) }
		b.ReportMetric(ms(run), "run-ms/op")
		b.ReportMetric(ms(engine), "engine-ms/op")
		b.ReportMetric(ms(run-engine), "added-ms/op")
	})
}

// took is the time from the creation of the last run of a workspace until it had applied.
func (s *busy) took(b *testing.B, workspace string) time.Duration {
	w, err := s.client.Workspaces.ReadWithOptions(b.Context(), "acme", workspace, &tfe.WorkspaceReadOptions{Include: []tfe.WSIncludeOpt{tfe.WSCurrentRun}})
	if err != nil || w.CurrentRun == nil || w.CurrentRun.StatusTimestamps == nil {
		b.Fatalf("the run of %s is not to be found: %v", workspace, err)
	}
	return w.CurrentRun.StatusTimestamps.AppliedAt.Sub(w.CurrentRun.CreatedAt)
}

// BenchmarkFiftyRuns applies in fifty workspaces at once, and does the same with the same
// processes of the engine run directly, as many at a time as the server has workers. One
// follows the other, so that what else the machine does hits both. The metrics are seconds
// of wall time, seconds of CPU time (of the server with all its descendants, and of the
// engine's processes; not of the benchmark itself), and the ratios.
func BenchmarkFiftyRuns(b *testing.B) {
	const runs = 50
	s := newBusy(b)
	var direct, served spent
	round := 0
	for b.Loop() {
		began, cpu := time.Now(), children(b)
		s.inParallel(runs, func() { cli.Directly(b, s.engine.Path, ten) })
		direct.add(time.Since(began), children(b)-cpu)
		round++
		var ids []string
		for i := range runs {
			ids = append(ids, s.workspace(b, fmt.Sprintf("w%d-%d", round, i)))
		}
		began, cpu = time.Now(), s.CPU()
		s.apply(b, ids)
		served.add(time.Since(began), s.CPU()-cpu)
		s.applied(b, ids)
	}
	n := float64(round)
	for name, value := range map[string]float64{
		"direct-s/op": direct.wall / n, "served-s/op": served.wall / n, "wall-ratio": served.wall / direct.wall,
		"direct-cpu-s/op": direct.cpu / n, "served-cpu-s/op": served.cpu / n, "cpu-ratio": served.cpu / direct.cpu} {
		b.ReportMetric(value, name)
	}
}

// spent are seconds.
type spent struct{ wall, cpu float64 }

func (s *spent) add(wall, cpu time.Duration) {
	s.wall += wall.Seconds()
	s.cpu += cpu.Seconds()
}

// children is the CPU time of the processes that this one has started and that have ended.
func children(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// inParallel calls do n times, as many at a time as the machine has processors.
func (s *busy) inParallel(n int, do func()) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.NumCPU())
	for range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			do()
		})
	}
	wg.Wait()
}

// workspace makes a workspace with a configuration and returns its id.
func (s *busy) workspace(b *testing.B, name string) string {
	ctx := b.Context()
	w, err := s.client.Workspaces.Create(ctx, "acme", tfe.WorkspaceCreateOptions{Name: &name})
	if err != nil {
		b.Fatal(err)
	}
	cv, err := s.client.ConfigurationVersions.Create(ctx, w.ID, tfe.ConfigurationVersionCreateOptions{AutoQueueRuns: new(false)})
	if err == nil {
		err = s.client.ConfigurationVersions.UploadTarGzip(ctx, cv.UploadURL, packed(b, ten))
	}
	if err != nil {
		b.Fatal(err)
	}
	return w.ID
}

// packed is a configuration of one file.
func packed(b *testing.B, text string) io.Reader {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	a := tar.NewWriter(z)
	err := a.WriteHeader(&tar.Header{Name: "main.tf", Mode: 0o644, Size: int64(len(text))})
	if err == nil {
		_, err = io.WriteString(a, text)
	}
	if err == nil {
		err = a.Close()
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		b.Fatal(err)
	}
	return &buf
}

// apply starts runs and waits until none is left.
func (s *busy) apply(b *testing.B, workspaceIDs []string) {
	for _, id := range workspaceIDs {
		if _, err := s.client.Runs.Create(b.Context(), tfe.RunCreateOptions{Workspace: &tfe.Workspace{ID: id}, AutoApply: new(true)}); err != nil {
			b.Fatal(err)
		}
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := s.client.Organizations.ReadCapacity(b.Context(), "acme")
		if err != nil {
			b.Fatal(err)
		}
		if c.Pending+c.Running == 0 {
			break
		}
		<-tick.C
	}
}

// applied looks whether the runs of the workspaces have.
func (s *busy) applied(b *testing.B, workspaceIDs []string) {
	for _, id := range workspaceIDs {
		w, err := s.client.Workspaces.ReadByIDWithOptions(b.Context(), id, &tfe.WorkspaceReadOptions{Include: []tfe.WSIncludeOpt{tfe.WSCurrentRun}})
		if err != nil || w.CurrentRun == nil || w.CurrentRun.Status != tfe.RunApplied {
			b.Fatalf("the run of %s has not applied: %v", id, err)
		}
	}
}

package cli_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
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
// resources, remotely and, for comparison, on this machine alone.
func BenchmarkRemoteApply(b *testing.B) {
	s := newBusy(b)
	n := 0
	for _, where := range []string{"local", "remote"} {
		b.Run(where, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				n++
				shell := cli.NewShell(b, s.engine, s.URL, s.CA(), s.token)
				config := ten
				if where == "remote" {
					config += fmt.Sprintf("terraform {\n  cloud {\n    hostname = %q\n    organization = \"acme\"\n    workspaces { name = \"apply-%d\" }\n  }\n}\n", cli.Host(s.URL), n)
				}
				shell.Write("main.tf", config)
				shell.Run("init", "-input=false")
				b.StartTimer()
				shell.Run("apply", "-auto-approve", "-input=false")
			}
		})
	}
}

// BenchmarkFiftyRuns applies in fifty workspaces at once, and does the same with the same
// processes of the engine run directly, as many at a time as the server has workers.
func BenchmarkFiftyRuns(b *testing.B) {
	const runs = 50
	s := newBusy(b)
	b.Run("direct", func(b *testing.B) {
		for b.Loop() {
			var wg sync.WaitGroup
			slots := make(chan struct{}, runtime.NumCPU())
			for range runs {
				slots <- struct{}{}
				wg.Go(func() {
					defer func() { <-slots }()
					directly(b, s.engine.Path)
				})
			}
			wg.Wait()
		}
	})
	round := 0
	b.Run("server", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			round++
			var ids []string
			for i := range runs {
				ids = append(ids, s.workspace(b, fmt.Sprintf("w%d-%d", round, i)))
			}
			b.StartTimer()
			var wg sync.WaitGroup
			for _, id := range ids {
				wg.Go(func() { s.applied(b, id) })
			}
			wg.Wait()
		}
	})
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

// applied starts a run and waits until it has applied.
func (s *busy) applied(b *testing.B, workspaceID string) {
	r, err := s.client.Runs.Create(b.Context(), tfe.RunCreateOptions{Workspace: &tfe.Workspace{ID: workspaceID}, AutoApply: new(true)})
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for err == nil && r.Status != tfe.RunApplied {
		if r.Status == tfe.RunErrored {
			b.Errorf("%s errored", r.ID)
			return
		}
		<-tick.C
		r, err = s.client.Runs.Read(b.Context(), r.ID)
	}
	if err != nil {
		b.Error(err)
	}
}

// directly runs the engine as a run does, with nothing around it.
func directly(b *testing.B, engine string) {
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(ten), 0o600); err != nil {
		b.Error(err)
		return
	}
	for _, script := range []string{`init -input=false`, `plan -input=false -out=p`, `show -json p > /dev/null & "$0" providers schema -json > /dev/null; wait`, `apply -input=false p`, `show -json`} {
		cmd := exec.CommandContext(b.Context(), "/bin/sh", "-c", `"$0" `+script, engine)
		cmd.Dir, cmd.Env = dir, []string{"HOME=" + dir, "PATH=/usr/bin:/bin", "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE=/dev/null"}
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Errorf("%s: %v\n%s", script, err, out)
		}
	}
}

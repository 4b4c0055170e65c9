package cli_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest/cli"
)

// TestTutorialOfTheReadmeWorksAsWritten builds the binary, serves, and runs the
// tutorial's commands; only the port and the folders are other ones.
func TestTutorialOfTheReadmeWorksAsWritten(t *testing.T) {
	i := 0
	engines := cli.Engines()
	for i < len(engines) && engines[i].Name != "tofu" {
		i++
	}
	if i == len(engines) {
		t.Skip("tofu is not here: run make engines")
	}
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(readme), "```sh\n")
	script, _, ok := strings.Cut(after, "```")
	if !ok {
		t.Fatal("README.md has no tutorial")
	}
	dir, address := t.TempDir(), freeAddress(t)
	binary := filepath.Join(dir, "bin", "plumbline")
	run(t, "../../..", nil, "go", "build", "-o", binary, "./cmd/plumbline")
	serve := exec.CommandContext(t.Context(), binary, "serve", "--data-dir", "./data", "--listen", address)
	serve.Dir, serve.Env = dir, append(os.Environ(), "PLUMBLINE_WORK_DIR="+t.TempDir(), "PLUMBLINE_SANDBOX_EGRESS=optional", "PLUMBLINE_ENGINE="+engines[i].Path)
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = serve.Process.Signal(os.Interrupt); _ = serve.Wait() })
	waitFor(t, filepath.Join(dir, "data", "tls", "server.pem"))
	waitForPort(t, address)

	env := append(os.Environ(), "HOME="+t.TempDir(), "NO_COLOR=1", "CHECKPOINT_DISABLE=1", "PATH="+filepath.Dir(engines[i].Path)+":"+os.Getenv("PATH"))
	out := run(t, dir, env, "bash", "-eu", "-o", "pipefail", "-c", strings.ReplaceAll(script, "127.0.0.1:8443", address))
	for _, want := range []string{"has been successfully initialized", "Apply complete! Resources: 1 added", `"world"`, "terraform_data.hello"} {
		if !strings.Contains(out, want) {
			t.Errorf("the tutorial does not print %q:\n%s", want, out)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "demo", "terraform.tfstate")); err == nil {
		t.Error("the tutorial left a state in the folder")
	}
}

func run(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out.String())
	}
	return out.String()
}

// freeAddress is an address that nobody listened on a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func waitForPort(t *testing.T, address string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 1500 {
		// A plain request to a TLS listener is answered with 400, which will do.
		if req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/healthz", nil); err == nil {
			if res, err := http.DefaultClient.Do(req); err == nil {
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				return
			}
		}
		<-tick.C
	}
	t.Fatalf("%s did not answer within 30 s", address)
}

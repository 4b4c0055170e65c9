// Package process runs the real binary of Plumbline, for tests that kill it.
package process

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Binary builds the server and returns its path.
func Binary(t testing.TB) string {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", dir, "./cmd/plumbline", "./cmd/plumbline-launcher")
	cmd.Dir = filepath.Dir(strings.TrimSpace(string(root)))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the server: %v\n%s", err, out)
	}
	path, launcher := filepath.Join(dir, "plumbline"), filepath.Join(dir, "plumbline-launcher")
	if out, err := exec.CommandContext(t.Context(), launcher, "attach", launcher, path).CombinedOutput(); err != nil {
		t.Fatalf("attaching the launcher: %v\n%s", err, out)
	}
	return path
}

// Server is a running process.
type Server struct {
	T       testing.TB
	URL     string
	Dir     string
	Work    string // where it executes runs
	client  *http.Client
	binary  string
	address string
	flags   []string
	cmd     *exec.Cmd
	log     *bytes.Buffer
}

// Start runs the server with data in dir until the test ends. It speaks plain HTTP.
func Start(t testing.TB, dir string, flags ...string) *Server {
	t.Helper()
	s := prepare(t, dir, append([]string{"--tls", "off"}, flags...))
	s.URL, s.client = "http://"+s.address, http.DefaultClient
	s.Restart()
	return s
}

// StartTLS is Start with a certificate of the server's own, which CA names the issuer of.
func StartTLS(t testing.TB, dir string, flags ...string) *Server {
	t.Helper()
	s := prepare(t, dir, flags)
	s.URL = "https://" + s.address
	s.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	s.Restart()
	return s
}

// CA is the file of the certificate that clients of StartTLS trust.
func (s *Server) CA() string { return filepath.Join(s.Dir, "tls", "ca.pem") }

func prepare(t testing.TB, dir string, flags []string) *Server {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{T: t, Dir: dir, Work: t.TempDir(), flags: flags, binary: Binary(t), address: l.Addr().String(), cmd: &exec.Cmd{}}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	return s
}

// Restart starts the server again after Kill.
func (s *Server) Restart() {
	s.T.Helper()
	s.log = &bytes.Buffer{}
	s.cmd = exec.CommandContext(context.WithoutCancel(s.T.Context()), s.binary, append([]string{"serve", "--data-dir", s.Dir, "--work-dir", s.Work, "--listen", s.address}, s.flags...)...)
	s.cmd.Env = anywhere()
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.T.Fatal(err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 3000 {
		if status, _ := s.Do("GET", "/healthz", "", nil); status == http.StatusOK {
			return
		}
		<-tick.C
	}
	s.T.Fatalf("the server did not answer within 30 s:\n%s", s.log)
}

// anywhere is an environment in which runs are executed also in a container that cannot
// judge their connections.
func anywhere() []string { return append(os.Environ(), "PLUMBLINE_SANDBOX_EGRESS=optional") }

// Kill ends the process without a chance to tidy up, as kill -9 does.
func (s *Server) Kill() {
	if s.cmd.Process != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	}
}

// Agent starts an agent of the pool of a token and returns what kills it like Kill. All
// agents of a server have the same folder.
func (s *Server) Agent(token string, flags ...string) (kill func()) {
	s.T.Helper()
	log := &bytes.Buffer{}
	cmd := exec.CommandContext(context.WithoutCancel(s.T.Context()), s.binary, append([]string{"agent", "--address", s.URL, "--token", token, "--work-dir", s.Work + "-agent"}, flags...)...)
	cmd.Env = anywhere()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		s.T.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if s.T.Failed() {
			s.T.Logf("the agent said:\n%s", log)
		}
	})
	s.T.Cleanup(func() { kill(); _ = os.RemoveAll(s.Work + "-agent") })
	return kill
}

// Log returns what the process has written since its last start. Call it after Kill.
func (s *Server) Log() []byte { return s.log.Bytes() }

// Admin returns what "plumbline admin" prints with the arguments, for the data of s.
func (s *Server) Admin(args ...string) string {
	s.T.Helper()
	out, err := exec.CommandContext(s.T.Context(), s.binary, append([]string{"admin"}, append(args, "--data-dir", s.Dir)...)...).Output()
	if err != nil {
		s.T.Fatalf("admin %s: %v", args[0], err)
	}
	return strings.TrimSpace(string(out))
}

// CPU is the time that the processors have spent on the server and on all processes that it
// started and that have ended, as precise as the clock of proc_pid_stat(5), 10 ms.
func (s *Server) CPU() time.Duration {
	s.T.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		s.T.Fatal(err)
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])) // from the third on
	var ticks int64
	for _, field := range fields[11:15] { // utime, stime, cutime, cstime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			s.T.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// AdminToken returns what "plumbline admin token" prints.
func (s *Server) AdminToken() string {
	s.T.Helper()
	return s.Admin("token", "--user", "root")
}

// HTTP is a client that trusts the server.
func (s *Server) HTTP() *http.Client { return s.client }

// Do sends a request and returns the status and the body; status 0 is no answer.
// path may be an absolute address.
func (s *Server) Do(method, path, token string, body io.Reader) (int, []byte) {
	if !strings.Contains(path, "://") {
		path = s.URL + path
	}
	req, err := http.NewRequestWithContext(s.T.Context(), method, path, body)
	if err != nil {
		s.T.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, nil
	}
	return res.StatusCode, b
}

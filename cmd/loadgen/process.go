package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is a Plumbline process that is measured from outside.
type server struct {
	cmd     *exec.Cmd
	url     string
	token   string
	client  *http.Client
	startup time.Duration // from exec to the first answer
	pgPID   int           // of PostgreSQL's first process, 0 on SQLite
	locked  []string      // ids of workspaces that are locked, one for each worker
	serial  []int64
}

// start runs the binary and waits until it answers.
func start(ctx context.Context, binary, dir, database string) (*server, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	s := &server{url: "http://" + address, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	s.cmd = exec.CommandContext(ctx, binary, "serve", "--data-dir", dir, "--listen", address, "--tls", "off", "--database", database, "--log-level", "warn", "--workers", "0") //nolint:gosec // the binary to measure
	s.cmd.Stderr = os.Stderr
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	s.startup = time.Since(began)
	out, err := exec.CommandContext(ctx, binary, "admin", "token", "--data-dir", dir, "--database", database, "--user", "load").Output() //nolint:gosec // the binary to measure
	s.token = string(bytes.TrimSpace(out))
	return s, err
}

func (s *server) ready(ctx context.Context) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/healthz", nil)
		if err != nil {
			return err
		}
		if res, err := s.client.Do(req); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		<-tick.C
	}
	return fmt.Errorf("%s did not answer within 30 s", s.url)
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()
}

// restart tells how long a start takes on the database as it is now, and how much
// memory the idle server holds.
func (s *server) restart(ctx context.Context, binary, dir, database string, first time.Duration) error {
	s.stop()
	for range 3 {
		again, err := start(ctx, binary, dir, database)
		if err != nil {
			return err
		}
		time.Sleep(2 * time.Second)
		fmt.Printf("start on an existing database %v (on an empty one %v), idle RSS %.0f MB\n", again.startup.Round(time.Millisecond), first.Round(time.Millisecond), rss(again.cmd.Process.Pid, "VmRSS"))
		again.stop()
	}
	return nil
}

// cpu is the processor time of a process and its children, in milliseconds.
func cpu(pid int) float64 {
	total := 0.0
	for _, p := range family(pid) {
		f := statFields(p)
		if len(f) < 17 {
			continue
		}
		last := 13 // utime, stime
		if p == pid && p != os.Getpid() {
			last = 15 // and those of children that have ended
		}
		for _, v := range f[11:last] {
			n, _ := strconv.ParseFloat(v, 64)
			total += n * 10 // ticks of 10 ms
		}
	}
	return total
}

// statFields are the fields of /proc/PID/stat after the name.
func statFields(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	_, after, _ := strings.Cut(string(b), ") ")
	return strings.Fields(after)
}

// family is a process and those that it started.
func family(pid int) []int {
	out := []int{pid}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		child, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if f := statFields(child); len(f) > 1 && f[1] == strconv.Itoa(pid) {
			out = append(out, child)
		}
	}
	return out
}

// rss is a memory figure of a process in MB: VmRSS now, VmHWM at most.
func rss(pid int, field string) float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(b), field+":")
	n, _ := strconv.ParseFloat(strings.Fields(after)[0], 64)
	return n / 1024
}

// forget makes VmHWM start again from now.
func forget(pid int) { _ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0) }

// postmaster is the first process of the PostgreSQL server at an address with a
// socket folder in it.
func postmaster(address string) int {
	u, err := url.Parse(address)
	if err != nil {
		return 0
	}
	locks, _ := filepath.Glob(filepath.Join(u.Query().Get("host"), ".s.PGSQL.*.lock"))
	for _, file := range locks {
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		line, _, _ := strings.Cut(string(b), "\n")
		if pid, err := strconv.Atoi(line); err == nil {
			return pid
		}
	}
	return 0
}

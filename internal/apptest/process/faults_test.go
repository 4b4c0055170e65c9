package process_test

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest/cli"
	"plumbline.dev/plumbline/internal/apptest/postgres"
	"plumbline.dev/plumbline/internal/apptest/process"
)

// The fault suite kills what an apply depends on at random moments of it. What a run does
// to the world is counted by a journal: each resource, when it is made, tells its name to a
// listener of the test, and each needs the one before it, so that the journal has an order.

// chain is how many resources a configuration has.
const chain = 12

// stuck is how long a run may take to its end after the fault is over.
const stuck = 90 * time.Second

// journal counts the resources that were made, by run and resource.
type journal struct {
	mu   sync.Mutex
	made map[string]int
	addr string
}

func newJournal(t *testing.T) *journal {
	j := &journal{made: map[string]int{}}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	j.addr = l.Addr().String()
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.made[r.URL.Path]++
	})}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	return j
}

// of returns how often each resource of a lane was made.
func (j *journal) of(lane string) (made []int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range chain {
		made = append(made, j.made[fmt.Sprintf("/%s/%d", lane, i)])
	}
	return made
}

// configuration makes a chain of resources that write to the journal.
func (j *journal) configuration(t testing.TB, lane string) []byte {
	var tf strings.Builder
	for i := range chain {
		after := ""
		if i > 0 {
			after = fmt.Sprintf("depends_on = [terraform_data.r%d]", i-1)
		}
		fmt.Fprintf(&tf, "resource \"terraform_data\" \"r%d\" {\n  %s\n  provisioner \"local-exec\" {\n    command = \"curl -sf http://%s/%s/%d && sleep 0.1\"\n  }\n}\n", i, after, j.addr, lane, i)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	a := tar.NewWriter(z)
	err := a.WriteHeader(&tar.Header{Name: "main.tf", Mode: 0o644, Size: int64(tf.Len())})
	if err == nil {
		_, err = a.Write([]byte(tf.String()))
	}
	if err == nil {
		err = a.Close()
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// lane is a workspace whose applies are disturbed.
type lane struct {
	name, workspace string
	run             *tfe.Run
}

// faults is a server under faults.
type faults struct {
	*process.Server
	journal *journal
	client  *tfe.Client
	engine  string // path
}

func newFaults(t *testing.T, engine string, lanes int, flags ...string) *faults {
	engines := cli.Engines()
	at := slices.IndexFunc(engines, func(e cli.Engine) bool { return e.Name == engine })
	if at < 0 {
		t.Skip("no " + engine + " on this machine; make engines builds it")
	}
	if _, err := os.Stat("/usr/bin/curl"); err != nil {
		t.Skip("no curl on this machine")
	}
	j := newJournal(t)
	s := process.Start(t, t.TempDir(), append(flags, "--engine", engines[at].Path, "--run-allow", j.addr, "--workers", strconv.Itoa(lanes))...)
	token := s.Admin(append([]string{"token", "--user", "root"}, flags...)...)
	c, err := tfe.NewClient(&tfe.Config{Address: s.URL, Token: token, RetryServerErrors: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Organizations.Create(t.Context(), tfe.OrganizationCreateOptions{Name: new("acme"), Email: new("a@example.com")}); err != nil {
		t.Fatal(err)
	}
	return &faults{Server: s, journal: j, client: c, engine: engines[at].Path}
}

// lane makes a workspace with a configuration.
func (f *faults) lane(name, pool string) *lane {
	f.T.Helper()
	ctx := f.T.Context()
	o := tfe.WorkspaceCreateOptions{Name: new(name), ExecutionMode: new("remote")}
	if pool != "" {
		o.ExecutionMode, o.AgentPoolID = new("agent"), new(pool)
	}
	w, err := f.client.Workspaces.Create(ctx, "acme", o)
	if err != nil {
		f.T.Fatal(err)
	}
	cv, err := f.client.ConfigurationVersions.Create(ctx, w.ID, tfe.ConfigurationVersionCreateOptions{AutoQueueRuns: new(false)})
	if err != nil {
		f.T.Fatal(err)
	}
	if err := f.client.ConfigurationVersions.UploadTarGzip(ctx, cv.UploadURL, bytes.NewReader(f.journal.configuration(f.T, name))); err != nil {
		f.T.Fatal(err)
	}
	return &lane{name: name, workspace: w.ID}
}

// apply starts a run that applies by itself and waits until it does.
func (f *faults) apply(l *lane) {
	f.T.Helper()
	var err error
	if l.run, err = f.client.Runs.Create(f.T.Context(), tfe.RunCreateOptions{Workspace: &tfe.Workspace{ID: l.workspace}, AutoApply: new(true)}); err != nil {
		f.T.Fatal(err)
	}
}

// until waits until a run has one of the statuses, or has ended.
func (f *faults) until(l *lane, statuses ...tfe.RunStatus) *tfe.Run {
	f.T.Helper()
	final := []tfe.RunStatus{tfe.RunApplied, tfe.RunErrored, tfe.RunCanceled, tfe.RunDiscarded, tfe.RunPlannedAndFinished}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	last := "no answer"
	for end := time.Now().Add(stuck); time.Now().Before(end); <-tick.C {
		ctx, cancel := context.WithTimeout(f.T.Context(), 5*time.Second)
		r, err := f.client.Runs.Read(ctx, l.run.ID)
		cancel()
		if err != nil {
			continue
		}
		if last = string(r.Status); slices.Contains(append(final, statuses...), r.Status) {
			return r
		}
	}
	f.T.Fatalf("%s: the run is %s after %s", l.name, last, stuck)
	return nil
}

// names returns the numbers of the resources in the current state.
func (f *faults) names(l *lane) (made []int) {
	f.T.Helper()
	v, err := f.client.StateVersions.ReadCurrent(f.T.Context(), l.workspace)
	if errors.Is(err, tfe.ErrResourceNotFound) {
		return nil
	}
	if err != nil {
		f.T.Fatal(err)
	}
	b, err := f.client.StateVersions.Download(f.T.Context(), v.DownloadURL)
	if err != nil {
		f.T.Fatal(err)
	}
	var state struct {
		Resources []struct {
			Name      string
			Instances []struct{ Status string }
		}
	}
	if err := json.Unmarshal(b, &state); err != nil {
		f.T.Fatalf("%s: the state is damaged: %v", l.name, err)
	}
	for _, r := range state.Resources {
		if i, err := strconv.Atoi(strings.TrimPrefix(r.Name, "r")); err == nil && len(r.Instances) == 1 && r.Instances[0].Status != "tainted" {
			made = append(made, i)
		}
	}
	slices.Sort(made)
	return made
}

// survived checks a lane after a fault: the run has ended, nothing was made twice by it, and
// the workspace is usable. If the engine keeps its state on disk at each step, or was not hit
// itself, the state has all that was made but what was under way.
func (f *faults) survived(l *lane, keeps bool) {
	f.T.Helper()
	r := f.until(l)
	before, state := f.journal.of(l.name), f.names(l)
	done := 0
	for i, n := range before {
		if n > 1 {
			f.T.Errorf("%s: r%d was made %d times by one run", l.name, i, n)
		}
		done += min(n, 1)
	}
	if keeps && len(state) < done-1 {
		f.T.Errorf("%s: the journal has %d resources, the state %v: it is older than what was done (%s)", l.name, done, state, r.Status)
	}
	if r.Status == tfe.RunApplied && len(state) != chain {
		f.T.Errorf("%s: applied, with %v", l.name, state)
	}
	f.apply(l)
	if r = f.until(l); r.Status != tfe.RunApplied && r.Status != tfe.RunPlannedAndFinished {
		f.T.Errorf("%s: the run after the fault is %s", l.name, r.Status)
	}
	if after := f.names(l); len(after) != chain {
		f.T.Errorf("%s: the run after the fault left %v", l.name, after)
	}
	for i, n := range f.journal.of(l.name) {
		if n > before[i] && slices.Contains(state, i) {
			f.T.Errorf("%s: r%d was in the state and was made again", l.name, i)
		}
	}
}

// moment waits for a random time of an apply.
func moment(most time.Duration) {
	<-time.After(time.Duration(rand.Int64N(int64(most))))
}

// TestKillDuringApplies kills the server, with the workers in it, while several applies
// are each at another moment.
func TestKillDuringApplies(t *testing.T) {
	const lanes, rounds = 5, 2
	f := newFaults(t, "tofu", lanes)
	for round := range rounds {
		var all []*lane
		for i := range lanes {
			l := f.lane(fmt.Sprintf("s%d-%d", round, i), "")
			f.apply(l)
			all = append(all, l)
		}
		f.until(all[rand.IntN(lanes)], tfe.RunApplying)
		moment(2 * time.Second)
		f.Kill()
		f.Restart()
		for _, l := range all {
			f.survived(l, true)
		}
	}
}

// TestKillTheAgent kills an agent in the same way, and starts it again.
func TestKillTheAgent(t *testing.T) {
	const lanes, rounds = 5, 2
	f := newFaults(t, "tofu", 1)
	ctx := t.Context()
	pool, err := f.client.AgentPools.Create(ctx, "acme", tfe.AgentPoolCreateOptions{Name: new("far"), OrganizationScoped: new(true)})
	if err != nil {
		t.Fatal(err)
	}
	token, err := f.client.AgentTokens.Create(ctx, pool.ID, tfe.AgentTokenCreateOptions{Description: new("a")})
	if err != nil {
		t.Fatal(err)
	}
	kill := f.Agent(token.Token, "--engine", f.engine, "--run-allow", f.journal.addr, "--concurrency", strconv.Itoa(lanes))
	for round := range rounds {
		var all []*lane
		for i := range lanes {
			l := f.lane(fmt.Sprintf("a%d-%d", round, i), pool.ID)
			f.apply(l)
			all = append(all, l)
		}
		f.until(all[rand.IntN(lanes)], tfe.RunApplying)
		moment(2 * time.Second)
		kill()
		kill = f.Agent(token.Token, "--engine", f.engine, "--run-allow", f.journal.addr, "--concurrency", strconv.Itoa(lanes))
		for _, l := range all {
			f.survived(l, true)
		}
	}
	kill()
}

// TestKillTheEngine kills the engine of each of several applies. Terraform writes its state
// to disk at each step. OpenTofu does so every 20 seconds only, so what it did since then is
// lost with it; the state is then that of the last snapshot.
func TestKillTheEngine(t *testing.T) {
	for engine, keeps := range map[string]bool{"tofu": false, "terraform": true} {
		t.Run(engine, func(t *testing.T) {
			f := newFaults(t, engine, 2)
			for i := range 5 {
				l := f.lane(fmt.Sprintf("e%d", i), "")
				f.apply(l)
				f.until(l, tfe.RunApplying)
				moment(2 * time.Second)
				f.killEngines(engine, "apply")
				f.survived(l, keeps)
			}
		})
	}
}

// killEngines kills the processes of an engine that run a command for this server.
func (f *faults) killEngines(engine, command string) {
	f.T.Helper()
	paths, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range paths {
		b, err := os.ReadFile(path)
		args := strings.Split(string(b), "\x00")
		cwd, _ := os.Readlink(filepath.Join(filepath.Dir(path), "cwd"))
		if err != nil || !strings.HasPrefix(cwd, f.Work+"/") || len(args) < 3 || filepath.Base(args[0]) != engine || args[1] != command {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
		}
	}
}

// line is the connection to a database, which can be cut.
type line struct {
	network, to string
	mu          sync.Mutex
	cut         bool
	conns       map[net.Conn]bool
}

// newLine returns a line to the database at address, and its own address.
func newLine(t *testing.T, network, address string) (*line, string) {
	l := &line{network: network, to: address, conns: map[net.Conn]bool{}}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close(); l.set(true) })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go l.carry(c)
		}
	}()
	return l, listener.Addr().String()
}

func (l *line) carry(c net.Conn) {
	d, err := (&net.Dialer{}).Dial(l.network, l.to)
	if err != nil || !l.add(c, d) {
		_ = c.Close()
		return
	}
	go func() { _, _ = io.Copy(c, d); _ = c.Close() }()
	_, _ = io.Copy(d, c)
	_ = d.Close()
}

func (l *line) add(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range conns {
		l.conns[c] = true
		if l.cut {
			_ = c.Close()
		}
	}
	return !l.cut
}

// set cuts the line, or mends it.
func (l *line) set(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
	for c := range l.conns {
		_ = c.Close()
		delete(l.conns, c)
	}
}

// TestRunsGoOnWithoutTheDatabase cuts the connection to PostgreSQL for 20 seconds while
// applies go on: they end as applied, as if nothing had been.
func TestRunsGoOnWithoutTheDatabase(t *testing.T) {
	address, ok := postgres.Schema(t)
	if !ok {
		t.Skip("no PostgreSQL on this machine")
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	l, at := newLine(t, "unix", filepath.Join(q.Get("host"), ".s.PGSQL."+cmp.Or(q.Get("port"), "5432")))
	if q.Get("host") == "" {
		l.network, l.to = "tcp", u.Host
	}
	q.Del("host")
	q.Del("port")
	q.Set("sslmode", "disable")
	u.Host, u.RawQuery = at, q.Encode()
	f := newFaults(t, "tofu", 2, "--database", u.String())
	lanes := []*lane{f.lane("d0", ""), f.lane("d1", "")}
	for _, l := range lanes {
		f.apply(l)
	}
	f.until(lanes[0], tfe.RunApplying)
	l.set(true)
	<-time.After(20 * time.Second)
	l.set(false)
	for _, l := range lanes {
		if r := f.until(l); r.Status != tfe.RunApplied {
			t.Errorf("%s: the run is %s", l.name, r.Status)
		}
		f.survived(l, true)
	}
}

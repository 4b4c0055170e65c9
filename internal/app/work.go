package app

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/executor/engine"
	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/executor/providers"
	"plumbline.dev/plumbline/internal/executor/recipe"
	"plumbline.dev/plumbline/internal/executor/sandbox"
	"plumbline.dev/plumbline/internal/executor/worker"
	"plumbline.dev/plumbline/internal/kernel/config"
)

// serverGrace is how long runs of the server's own workers may go on when the server ends.
const serverGrace = 5 * time.Second

// Work executes runs on this server, as many at a time as the settings say, until ctx ends
// and those under way have ended or were handed over.
func (a *App) Work(ctx context.Context) error {
	w, err := a.worker(ctx)
	if err != nil || w == nil {
		return err
	}
	return w.Run(ctx)
}

// worker is the one inside the server, nil if the settings want none.
func (a *App) worker(ctx context.Context) (*worker.Worker, error) {
	n := a.Config.Workers
	if n < 0 {
		n = runtime.NumCPU()
	}
	if n == 0 {
		slog.InfoContext(ctx, "no run is executed on this server itself")
		return nil, nil
	}
	data, err := filepath.Abs(a.Config.DataDir)
	if err != nil {
		return nil, err
	}
	w, err := newWorker(ctx, a.Config.Executor, n, data, stores(ctx, a.Config))
	if err != nil {
		return nil, err
	}
	if inside(w.Dir, data) {
		return nil, fmt.Errorf("--work-dir %s lies in the data folder, which runs must not see", w.Dir)
	}
	name, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	w.Server, w.Name, w.Grace = a.Dispatch.Workers(), name, serverGrace
	return w, nil
}

// Agent executes runs for the agent pool of a token on another server, until ctx ends and
// those under way have ended or were handed over. Its log goes to out.
func Agent(ctx context.Context, c config.Agent, out io.Writer) error {
	slog.SetDefault(logger(config.Server{LogLevel: c.LogLevel, LogFormat: c.LogFormat}, out))
	address, err := url.Parse(c.Address)
	if err != nil || address.Host == "" || (address.Scheme != "https" && address.Scheme != "http") {
		return fmt.Errorf("--address: %q is no address such as https://plumbline.example.com", c.Address)
	}
	if address.Scheme == "http" {
		slog.WarnContext(ctx, "the token and all secrets of runs go over a connection that is not encrypted", "address", c.Address)
	}
	client, err := agentClient(c.CA)
	if err != nil {
		return err
	}
	name, err := os.Hostname()
	if name = cmp.Or(c.Name, name); name == "" {
		return fmt.Errorf("the name of this machine is not known, use --name: %w", err)
	}
	w, err := newWorker(ctx, c.Executor, c.Concurrency, c.Address+" "+name, nil)
	if err != nil {
		return err
	}
	w.Server, w.Name, w.Grace = &proto.Client{Address: c.Address, Token: c.Token, HTTP: client}, name, c.Grace
	slog.InfoContext(ctx, "agent", "version", config.Version, "address", c.Address, "name", name, "concurrency", c.Concurrency, "work", w.Dir)
	return w.Run(ctx)
}

// agentClient is a client without a time limit, as agents wait long for answers.
func agentClient(caFile string) (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	transport.MaxIdleConnsPerHost = 8
	if caFile == "" {
		return &http.Client{Transport: transport}, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("--ca: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--ca: %s has no certificate in PEM form", caFile)
	}
	transport.TLSClientConfig.RootCAs = pool
	return &http.Client{Transport: transport}, nil
}

// newWorker makes a worker of the settings for some jobs at a time. Owner tells workers of one machine apart that
// have no folder of their own in the settings.
func newWorker(ctx context.Context, c config.Executor, slots int, owner string, deny []netip.AddrPort) (*worker.Worker, error) {
	dir, err := workDir(c.WorkDir, owner)
	if err != nil {
		return nil, err
	}
	box, err := isolation(ctx, c, dir, deny)
	if err != nil {
		return nil, err
	}
	find, err := engines(ctx, c, dir)
	if err != nil {
		return nil, err
	}
	m := &recipe.Machine{Engine: find, Limits: sandbox.Limits{Memory: c.RunMemory << 20}, Memory: cmp.Or(c.RunMemory<<20, recipe.MemoryOf()/int64(max(1, slots)))}
	for _, name := range c.RunEnv {
		if value, ok := os.LookupEnv(name); ok {
			m.Env = append(m.Env, name+"="+value)
		}
	}
	o := providers.Options{Dir: filepath.Join(dir, "providers"), Sandbox: box, Registries: c.Registries, Env: m.Env}
	for _, mirror := range c.ProviderMirror {
		if mirror, err = filepath.Abs(mirror); err != nil {
			return nil, fmt.Errorf("--provider-mirror: %w", err)
		}
		o.Given = append(o.Given, mirror)
	}
	if m.Providers, err = providers.New(o); err != nil {
		return nil, err
	}
	scans := *m
	background := c.Scans
	if background < 0 {
		background = scansAtATime(slots, recipe.MemoryOf())
	}
	if c.RunMemory == 0 {
		scans.Memory = recipe.MemoryOf() / 2 / int64(max(1, background))
	}
	return &worker.Worker{Dir: dir, Slots: slots, Background: background, Sandbox: box, Kinds: map[string]worker.Kind{
		proto.KindPlan: recipe.Plans{Machine: m}, proto.KindApply: recipe.Applies{Machine: m}, proto.KindTest: recipe.Tests{Machine: m},
		proto.KindScan: recipe.Scans{Machine: &scans}, proto.KindAssessment: recipe.Scans{Machine: &scans}}}, nil
}

// scanMemory is what a scan is given of the memory of a machine: an engine and a provider.
const scanMemory = 1 << 30

// scansAtATime is how many scans are made beside runs: they mostly wait for clouds, so more
// than there are processors, but half of the memory is for runs.
func scansAtATime(slots int, memory int64) int {
	n := 2 * max(1, slots)
	if memory > 0 {
		n = min(n, int(memory/2/scanMemory))
	}
	return max(1, n)
}

// workDir makes the folder of a worker. Others pass through it, and cannot list it.
func workDir(dir, owner string) (string, error) {
	if dir == "" {
		base, err := "/var/cache", error(nil)
		if os.Geteuid() != 0 {
			base, err = os.UserCacheDir()
		}
		if err != nil {
			return "", fmt.Errorf("no folder for runs, use --work-dir: %w", err)
		}
		sum := sha256.Sum256([]byte(owner))
		dir = filepath.Join(base, "plumbline", "work-"+hex.EncodeToString(sum[:6]))
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for _, d := range []string{dir, filepath.Join(dir, "tmp")} {
		if err := os.MkdirAll(d, 0o711); err != nil { //nolint:gosec // runs are other users, and pass through
			return "", fmt.Errorf("--work-dir: %w", err)
		}
		if err := os.Chmod(d, 0o711); err != nil { //nolint:gosec // whatever the umask
			return "", fmt.Errorf("--work-dir: %w", err)
		}
	}
	return filepath.EvalSymlinks(dir)
}

// inside says whether a path lies in a folder.
func inside(path, folder string) bool {
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		folder = real
	}
	rel, err := filepath.Rel(folder, path)
	return err == nil && filepath.IsLocal(rel)
}

// isolation finds the sandbox, and says loudly what it is and lacks.
func isolation(ctx context.Context, c config.Executor, dir string, deny []netip.AddrPort) (*sandbox.Sandbox, error) {
	o := sandbox.Options{Scratch: filepath.Join(dir, "tmp"), Deny: deny, Judged: c.SandboxEgress != "optional"}
	if c.Sandbox != "" && c.Sandbox != "auto" {
		o.Kind = sandbox.Kind(c.Sandbox)
	}
	var err error
	for _, text := range c.RunAllow {
		var a netip.AddrPort
		a, err = netip.ParseAddrPort(text)
		if err != nil {
			return nil, fmt.Errorf("--run-allow: %q is no IP:PORT", text)
		}
		o.Allow = append(o.Allow, a)
	}
	if o.Launcher, err = sandbox.Launcher(o.Scratch); err != nil {
		slog.WarnContext(ctx, "each process of a run starts this whole binary", "err", err)
	}
	s := sandbox.Detect(ctx, o)
	switch {
	case s.Kind == sandbox.None:
		slog.ErrorContext(ctx, "RUNS CANNOT BE ISOLATED ON THIS MACHINE AND ARE REFUSED: install bubblewrap, or use a kernel with Landlock; containers need the capability SYS_PTRACE, or --sandbox-egress optional", "why", s.Why)
	case s.Kind != sandbox.Bubblewrap || !s.Egress:
		slog.WarnContext(ctx, "runs are isolated less well than they could be", "sandbox", s.Kind, "egress", s.Egress, "why", s.Why)
	default:
		slog.InfoContext(ctx, "runs are isolated", "sandbox", s.Kind, "egress", s.Egress, "why", s.Why)
	}
	return s, nil
}

// engines makes the function that finds engines: those that the operator gave, then those
// that were or can be fetched.
func engines(ctx context.Context, c config.Executor, dir string) (func(context.Context, engine.Product, string) (engine.Engine, error), error) {
	given, err := engine.New(engine.Options{Dir: filepath.Join(dir, "engines")})
	if err != nil {
		return nil, err
	}
	for _, path := range c.Engine {
		e, err := given.Add(ctx, path)
		if err != nil {
			return nil, fmt.Errorf("--engine: %w", err)
		}
		slog.InfoContext(ctx, "engine", "product", e.Product.Title(), "version", e.Version, "path", e.Path)
	}
	if len(c.Engine) == 0 {
		installed(ctx, given)
	}
	mirrors, err := mirrors(c)
	if err != nil || len(mirrors) == 0 {
		return given.Get, err
	}
	fetched, err := engine.New(engine.Options{Dir: filepath.Join(dir, "engines"), Mirrors: mirrors})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, p engine.Product, want string) (engine.Engine, error) {
		if e, err := given.Get(ctx, p, want); err == nil {
			return e, nil
		}
		return fetched.Get(ctx, p, want)
	}, nil
}

// installed makes the engines of this machine available, if they work.
func installed(ctx context.Context, store *engine.Store) {
	for _, path := range engine.OnPath() {
		e, err := store.Add(ctx, path)
		if err != nil {
			slog.WarnContext(ctx, "an engine on PATH is not used", "path", path, "err", err)
			continue
		}
		slog.InfoContext(ctx, "engine on PATH", "product", e.Product.Title(), "version", e.Version, "path", e.Path)
	}
}

// mirrors are where engines are fetched.
func mirrors(c config.Executor) (map[engine.Product]engine.Mirror, error) {
	all := map[engine.Product]engine.Mirror{}
	tofuKeys, err := keys(c.EngineKeys)
	if err != nil {
		return nil, fmt.Errorf("--engine-keys: %w", err)
	}
	switch {
	case c.EngineMirror == "official" || (c.EngineMirror == "" && len(c.Engine) == 0):
		all[engine.OpenTofu] = engine.OpenTofuMirror("", tofuKeys)
	case c.EngineMirror != "":
		all[engine.OpenTofu] = engine.OpenTofuMirror(c.EngineMirror, tofuKeys)
	}
	if c.TerraformMirror == "" {
		return all, nil
	}
	terraformKeys, err := keys(c.TerraformKeys)
	if err == nil && terraformKeys == "" {
		err = errors.New("needed with --terraform-mirror")
	}
	if err != nil {
		return nil, fmt.Errorf("--terraform-keys: %w", err)
	}
	all[engine.Terraform] = engine.TerraformMirror(c.TerraformMirror, terraformKeys)
	return all, nil
}

func keys(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	b, err := os.ReadFile(file)
	return string(b), err
}

// stores are the addresses of the server's database and object store, which no run may reach.
func stores(ctx context.Context, c config.Server) []netip.AddrPort {
	var all []netip.AddrPort
	for address, port := range map[string]string{c.Database: "5432", endpoint(c.Blobs): "443"} {
		u, err := url.Parse(address)
		if err != nil || u.Hostname() == "" {
			continue
		}
		n, err := net.DefaultResolver.LookupPort(ctx, "tcp", cmp.Or(u.Port(), port))
		ips, ipErr := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
		if err := errors.Join(err, ipErr); err != nil {
			slog.WarnContext(ctx, "the address of a store is not known, so runs could reach it", "host", u.Hostname(), "err", err)
		}
		for _, ip := range ips {
			all = append(all, netip.AddrPortFrom(ip.Unmap(), uint16(n)))
		}
	}
	return all
}

// endpoint is the address of an object store that is not S3 itself.
func endpoint(blobs string) string {
	u, err := url.Parse(blobs)
	if err != nil || u.Query().Get("endpoint") == "" {
		return ""
	}
	if e := u.Query().Get("endpoint"); strings.Contains(e, "://") {
		return e
	}
	return "https://" + u.Query().Get("endpoint")
}

package recipe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"path"
	"slices"
	"strings"

	"plumbline.dev/plumbline/internal/executor/providers"
	"plumbline.dev/plumbline/internal/executor/sandbox"
	"plumbline.dev/plumbline/internal/executor/worker"
)

// init prepares the working directory. What it prints is of interest only if it fails.
func (r *run) init() error {
	return r.provided(func() (bool, []byte, sandbox.Exit, error) {
		var said head
		exit, err := r.exec(worker.Command{Spec: sandbox.Spec{
			Args:   append([]string{r.engine.Path, "init", "-input=false", "-no-color"}, r.scope()...),
			Stdout: r.unlessDebug(&said), Stderr: r.unlessDebug(&said),
		}})
		return err == nil && exit.Success(), said.b, exit, err
	})
}

// scope are the options that say which test files count as part of the configuration.
func (r *run) scope() []string {
	if r.testDir == "" {
		return nil
	}
	return []string{"-test-directory=" + r.testDir}
}

// provided calls try, which initializes the working directory. If that fails because this
// machine does not have a provider, the provider is fetched, and it is tried again.
func (r *run) provided(try func() (done bool, said []byte, exit sandbox.Exit, err error)) error {
	r.t.Print("Initializing plugins and modules...")
	before, err := r.completeLock()
	if err != nil {
		return err
	}
	for again := false; ; again = true {
		done, said, exit, err := try()
		if done {
			r.refreshProviders(before)
			return nil
		}
		if err == nil && !again && !exit.TimedOut && r.t.Ending() == worker.Not && r.fetchProviders(before) {
			continue
		}
		_, _ = r.t.Log().Write(said)
		return r.explain("init", exit, err)
	}
}

// unlessDebug is the log if everything is to be seen.
func (r *run) unlessDebug(w io.Writer) io.Writer {
	if r.spec.Debug {
		return r.t.Log()
	}
	return w
}

// lock reads the lock file of the configuration, "" if it has none.
func (r *run) lock() (string, error) {
	f, err := r.t.Open(path.Join(r.in, lockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, lockSize))
	return string(text), err
}

const lockSize = 4 << 20 // bytes of a lock file that are read

// completeLock adds what this machine knows to the lock file of the configuration.
func (r *run) completeLock() (providers.Lock, error) {
	if r.Providers == nil {
		return nil, nil
	}
	text, err := r.lock()
	if err != nil || text == "" || len(text) == lockSize {
		return nil, err
	}
	more, err := r.Providers.Complete(text)
	if errors.Is(err, providers.ErrChecksum) {
		return nil, failed("Error: %s", err)
	}
	if err == nil && more != text {
		err = r.t.Write(path.Join(r.in, lockFile), strings.NewReader(more))
	}
	return providers.ParseLock(text), err
}

// fetchProviders fetches the providers that this machine does not have. It says whether
// there is something new.
func (r *run) fetchProviders(lock providers.Lock) bool {
	if r.Providers == nil {
		return false
	}
	var tree bytes.Buffer
	exit, err := r.exec(worker.Command{Spec: sandbox.Spec{Args: append([]string{r.engine.Path, "providers", "-no-color"}, r.scope()...), Stdout: &tree}})
	if err != nil || !exit.Success() {
		return false
	}
	missing := r.Providers.Missing(providers.ParseNeeds(tree.String()), lock)
	if len(missing) == 0 {
		return false
	}
	for _, address := range slices.Sorted(maps.Keys(missing)) {
		r.t.Print("Fetching %s", strings.TrimSpace(fmt.Sprintf("%s %s", address, missing[address])))
	}
	r.t.Flush()
	output, err := r.Providers.Fill(r.ctx, r.engine.Path, missing, lock, r.source())
	if err != nil {
		slog.WarnContext(r.ctx, "fetching providers", "err", err)
		r.t.Print("%s\n%s", output, err)
		return false
	}
	if _, err := r.completeLock(); err != nil {
		slog.WarnContext(r.ctx, "completing a lock file", "err", err)
	}
	return true
}

// source is the mirror of the server, which the run may ask.
func (r *run) source() providers.Source {
	m := r.spec.Mirror
	return providers.Source{URL: m.URL, Hosts: m.Hosts, Token: r.spec.Token, CA: r.spec.CA}
}

// refreshProviders has the machine look for newer versions of those providers whose
// versions nothing but the constraints decided.
func (r *run) refreshProviders(before providers.Lock) {
	if r.Providers == nil {
		return
	}
	text, err := r.lock()
	if err != nil {
		return
	}
	chosen := providers.Needs{}
	for address, p := range providers.ParseLock(text) {
		if _, locked := before[address]; !locked {
			chosen[address] = p.Constraints
		}
	}
	r.Providers.Refresh(r.t.Life(), r.engine.Path, chosen, r.source())
}

package providers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"plumbline.dev/plumbline/internal/executor/sandbox"
)

const (
	fetchTime  = 30 * time.Minute
	outputSize = 64 << 10
	caName     = "ca.pem"
)

// fetch takes providers from the source, and has the engine fetch what that does not give.
func (m *Mirror) fetch(ctx context.Context, engine string, needs Needs, lock Lock, from Source) (string, error) {
	for address := range needs {
		m.asked.Store(address, time.Now())
	}
	left, why := m.fetchFrom(ctx, from, needs, lock)
	if len(left) == 0 {
		return why, nil
	}
	said, err := m.fetchWith(ctx, engine, left, lock)
	if err == nil && why != "" {
		slog.WarnContext(ctx, "providers did not come from the mirror of the server", "why", why)
	}
	return why + said, err
}

// fetchWith has the engine install providers into a folder of its own, and takes them over.
func (m *Mirror) fetchWith(ctx context.Context, engine string, needs Needs, lock Lock) (string, error) {
	dir, err := os.MkdirTemp(m.Dir, "fetch-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := m.write(dir, needs, lock); err != nil {
		return "", err
	}
	env := append([]string{"TF_CLI_CONFIG_FILE=" + filepath.Join(dir, "cli.tfrc"), "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1"}, m.Env...)
	if m.CA != "" {
		env = append(env, "SSL_CERT_FILE="+filepath.Join(dir, caName))
	}
	var out bytes.Buffer
	limited := &limit{to: &out, left: outputSize}
	exit, err := m.Sandbox.Run(ctx, sandbox.Spec{
		Args: []string{engine, "init", "-input=false", "-no-color", "-backend=false"}, Dir: dir,
		Env: env, Stdout: limited, Stderr: limited, Allow: m.Allow, Limits: sandbox.Limits{Time: fetchTime},
	})
	if err == nil && !exit.Success() {
		err = fmt.Errorf("fetching providers: %s", exit)
	}
	if err != nil {
		return out.String(), err
	}
	return out.String(), m.takeAll(dir)
}

// write writes a configuration that needs the providers and nothing else.
func (m *Mirror) write(dir string, needs Needs, lock Lock) error {
	type requirement struct {
		Source  string `json:"source"`
		Version string `json:"version,omitempty"`
	}
	required, registries := map[string]requirement{}, []string{}
	for address, constraints := range needs {
		required[fmt.Sprintf("p%d", len(required))] = requirement{address, constraints}
	}
	for _, host := range m.Registries {
		registries = append(registries, fmt.Sprintf("%q", host+"/*/*"))
	}
	config, err := json.Marshal(map[string]any{"terraform": map[string]any{"required_providers": required}})
	if err != nil {
		return err
	}
	files := map[string]string{
		"main.tf.json": string(config), lockName: lock.only(needs).String(),
		"cli.tfrc": fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  direct {\n    include = [%s]\n  }\n}\n", strings.Join(registries, ", ")),
	}
	if m.CA != "" {
		files[caName] = Bundle(m.CA)
	}
	for name, text := range files {
		if text == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// takeAll moves what was installed into the mirror. No process is left that could change it.
func (m *Mirror) takeAll(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, lockName))
	if err != nil {
		return err
	}
	lock := ParseLock(string(text))
	var errs []error
	for address, p := range lock {
		if !m.shares(address) || !safe(p.Version) {
			continue
		}
		version := filepath.Join(filepath.FromSlash(address), p.Version)
		from := filepath.Join(dir, ".terraform", "providers", version, platform)
		if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := m.take(from, filepath.Join(m.root(), version, platform)); err != nil {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, m.remember(address, p))
	}
	return errors.Join(errs...)
}

// take moves the folder of a provider to where it belongs, read-only, in one step.
func (m *Mirror) take(from, to string) error {
	root, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	err = fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.IsDir() && !d.Type().IsRegular() {
			return fmt.Errorf("the provider has a %s, %s", d.Type(), path)
		}
		if err := root.Lchown(path, os.Geteuid(), os.Getegid()); err != nil {
			return err
		}
		return root.Chmod(path, 0o755)
	})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil { //nolint:gosec // runs are other users, and read it
		return err
	}
	if err := os.Rename(from, to); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// limit drops what is too much.
type limit struct {
	to   *bytes.Buffer
	left int
}

func (l *limit) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	l.to.Write(p[:n])
	return len(p), nil
}

// bundles are where systems keep the certificates that they trust.
var bundles = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"}

// Bundle is the certificates that the system trusts, and ca.
func Bundle(ca string) string {
	for _, file := range bundles {
		if b, err := os.ReadFile(file); err == nil {
			return string(b) + "\n" + ca
		}
	}
	return ca
}

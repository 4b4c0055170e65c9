// Package cli drives the real command lines of OpenTofu and Terraform against a
// server under test, in folders and with a home of their own.
package cli

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Engine is a command line.
type Engine struct {
	Name string // tofu or terraform
	Path string
}

// Engines returns the command lines that are on this machine: those that
// PLUMBLINE_TOFU and PLUMBLINE_TERRAFORM name, those on PATH, and those that
// "make engines" has put into the cache. It builds and fetches nothing.
func Engines() []Engine {
	var out []Engine
	for _, name := range []string{"tofu", "terraform"} {
		if path := find(name); path != "" {
			out = append(out, Engine{name, path})
		}
	}
	return out
}

func find(name string) string {
	if path := os.Getenv("PLUMBLINE_" + strings.ToUpper(name)); path != "" {
		return path
	}
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	path := cached(name)
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// cached is where "make engines" puts what it builds under this name; "" if there is no cache.
func cached(name string) string {
	cache := os.Getenv("PLUMBLINE_CACHE")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return ""
		}
		cache = filepath.Join(dir, "plumbline")
	}
	return filepath.Join(cache, "bin", name)
}

// Shell is one person at a terminal: an engine, a folder, credentials.
type Shell struct {
	T      testing.TB
	Engine Engine
	Dir    string // working directory
	Home   string
	Env    []string
}

// NewShell returns a shell in a fresh folder that trusts the certificate in caFile
// and has token as its credential for the server at address; an empty token is no
// credential.
func NewShell(t testing.TB, e Engine, address, caFile, token string) *Shell {
	t.Helper()
	s := &Shell{T: t, Engine: e, Dir: t.TempDir(), Home: t.TempDir()}
	if err := os.MkdirAll(filepath.Join(s.Home, ".terraform.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.Env = []string{"HOME=" + s.Home, "PATH=" + os.Getenv("PATH"), "SSL_CERT_FILE=" + caFile,
		"TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1", "NO_COLOR=1", "TF_CLI_ARGS=-no-color"}
	if token == "" {
		return s
	}
	file := filepath.Join(s.Home, "cli.tfrc")
	if err := os.WriteFile(file, fmt.Appendf(nil, "credentials %q {\n  token = %q\n}\n", Host(address), token), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Env = append(s.Env, "TF_CLI_CONFIG_FILE="+file)
	return s
}

// In returns the same person in another folder, which is fresh if dir is "".
func (s *Shell) In(dir string) *Shell {
	c := *s
	if c.Dir = dir; dir == "" {
		c.Dir = s.T.TempDir()
	}
	return &c
}

// Host is the host and port of an address, as configurations name it.
func Host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Host
}

// Write puts a file into the folder.
func (s *Shell) Write(name, content string) {
	s.T.Helper()
	if err := os.WriteFile(filepath.Join(s.Dir, name), []byte(content), 0o600); err != nil {
		s.T.Fatal(err)
	}
}

// Read returns a file of the folder.
func (s *Shell) Read(name string) string {
	s.T.Helper()
	b, err := os.ReadFile(filepath.Join(s.Dir, name))
	if err != nil {
		s.T.Fatal(err)
	}
	return string(b)
}

// Command prepares the engine with arguments; stdin is what the person types.
func (s *Shell) Command(ctx context.Context, stdin string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.Engine.Path, args...)
	cmd.Dir, cmd.Env, cmd.Stdin = s.Dir, s.Env, strings.NewReader(stdin)
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// Try runs the engine and returns all that it printed and whether it succeeded.
func (s *Shell) Try(stdin string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(s.T.Context(), 2*time.Minute)
	defer cancel()
	cmd := s.Command(ctx, stdin, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// Run runs the engine, which must succeed, and returns what it printed.
func (s *Shell) Run(args ...string) string {
	s.T.Helper()
	out, err := s.Try("", args...)
	if err != nil {
		s.T.Fatalf("%s %s: %v\n%s", s.Engine.Name, strings.Join(args, " "), err, out)
	}
	return out
}

// Fail runs the engine, which must fail and say so with the given words.
func (s *Shell) Fail(says string, args ...string) string {
	s.T.Helper()
	out, err := s.Try("", args...)
	if err == nil {
		s.T.Errorf("%s %s succeeded, want a failure\n%s", s.Engine.Name, strings.Join(args, " "), out)
	}
	if flat := strings.Join(strings.Fields(strings.ReplaceAll(out, "│", " ")), " "); !strings.Contains(flat, says) {
		s.T.Errorf("%s %s says %s\nwant %q", s.Engine.Name, strings.Join(args, " "), out, says)
	}
	return out
}

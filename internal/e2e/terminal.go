package e2e

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest/cli"
)

// Terminal is a shell of a person, in a home and a folder that are new, into which text is
// pasted. The engine is on its path. What would open a browser leaves the address to Opened.
type Terminal struct {
	t         testing.TB
	Home, Dir string
	in        io.Writer

	mu   sync.Mutex
	said bytes.Buffer
	seen int // so much of it has been looked at
}

// prompt is what the shell prints when it has done a command without a failure.
const prompt = "-- 0 --"

// NewTerminal starts the shell. It ends with the test.
func NewTerminal(t testing.TB, e cli.Engine) *Terminal {
	t.Helper()
	s := &Terminal{t: t, Home: t.TempDir(), Dir: t.TempDir()}
	bin := t.TempDir()
	// Terraform makes its folder only where it may ask for news, and saves no token without it.
	if err := os.Mkdir(filepath.Join(s.Home, ".terraform.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	browser := filepath.Join(bin, "xdg-open")
	if err := os.WriteFile(browser, []byte("#!/bin/sh\nprintf '%s' \"$1\" > ~/opened.new && mv ~/opened.new ~/opened\n"), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	if err := os.Symlink(e.Path, filepath.Join(bin, e.Name)); err != nil {
		t.Fatal(err)
	}
	bash := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc", "-i")
	bash.Dir, bash.WaitDelay = s.Dir, 5*time.Second
	bash.Env = []string{"HOME=" + s.Home, "PATH=" + bin + ":" + os.Getenv("PATH"), "PS1=\n-- $? --\n", "PS2=", "TERM=dumb", "CHECKPOINT_DISABLE=1", "TF_CLI_ARGS=-no-color"}
	bash.Stdout, bash.Stderr = s, s
	in, err := bash.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.in = in
	if err := bash.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = bash.Process.Kill(); _ = bash.Wait() })
	s.See(prompt)
	return s
}

// Write takes what the shell prints.
func (s *Terminal) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.Write(p)
}

// Paste puts text into the shell, and Enter after it.
func (s *Terminal) Paste(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.in, strings.TrimSuffix(text, "\n")+"\n"); err != nil {
		s.t.Fatal(err)
	}
}

// See waits until the shell has printed each text, after what was seen before.
func (s *Terminal) See(texts ...string) {
	s.t.Helper()
	for _, text := range texts {
		s.until(text, func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			at := bytes.Index(s.said.Bytes()[s.seen:], []byte(text))
			if at >= 0 {
				s.seen += at + len(text)
			}
			return at >= 0
		})
	}
}

// Opened waits for the address that a browser was asked to open, and returns it.
func (s *Terminal) Opened() (address string) {
	s.t.Helper()
	s.until("an address for the browser", func() bool {
		b, err := os.ReadFile(filepath.Join(s.Home, "opened"))
		address = string(b)
		return err == nil
	})
	return address
}

func (s *Terminal) until(what string, is func() bool) {
	s.t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(2 * patience); !is(); <-look.C {
		if time.Now().After(end) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.t.Fatalf("waited for %s in the terminal:\n%s", what, s.said.String())
		}
	}
}

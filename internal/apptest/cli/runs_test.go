package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest/cli"
	"plumbline.dev/plumbline/internal/apptest/process"
	"plumbline.dev/plumbline/internal/executor/sandbox"
)

// host is a server, as people run it, that executes runs with the tofu of this machine.
type host struct {
	*process.Server
	token string
}

// remotely runs the scenes against one server, each with each command line: every scene
// has workspaces of its own, named after it and the command line.
func remotely(t *testing.T, scenes map[string]func(sc *scene)) {
	t.Helper()
	engines := cli.Engines()
	if len(engines) == 0 || engines[0].Name != "tofu" {
		t.Skip("tofu is not here: run make engines")
	}
	if box := sandbox.Detect(t.Context(), sandbox.Options{}); box.Kind == sandbox.None {
		t.Skip(box.Why)
	}
	h := &host{Server: process.StartTLS(t, t.TempDir(), "--engine", engines[0].Path, "--workers", "4")}
	h.token = h.AdminToken()
	h.must("POST", "/api/v2/organizations", `{"data":{"type":"organizations","attributes":{"name":"acme","email":"a@example.com"}}}`)
	t.Run("scenes", func(t *testing.T) {
		for name, play := range scenes {
			for _, e := range engines {
				t.Run(name+" "+e.Name, func(t *testing.T) {
					t.Parallel()
					server := *h.Server
					server.T = t // what fails is the scene
					play(&scene{host: &host{&server, h.token}, t: t, engine: e, name: strings.ReplaceAll(name, " ", "-") + "-" + e.Name})
				})
			}
		}
	})
	if t.Failed() {
		h.Kill()
		t.Logf("the server's log ends with:\n%s", tail(h.Log(), 8000))
	}
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

// must calls the API and returns the data of the answer.
func (h *host) must(method, path, body string) map[string]any {
	h.T.Helper()
	status, b := h.Do(method, path, h.token, strings.NewReader(body))
	if status < 200 || status > 299 {
		h.T.Fatalf("%s %s = %d %s", method, path, status, b)
	}
	var doc struct{ Data map[string]any }
	_ = json.Unmarshal(b, &doc) // lists and empty answers have no such data
	return doc.Data
}

// list returns the data of a list.
func (h *host) list(path string) []map[string]any {
	h.T.Helper()
	status, b := h.Do("GET", path, h.token, nil)
	var doc struct{ Data []map[string]any }
	if err := json.Unmarshal(b, &doc); status != 200 || err != nil {
		h.T.Fatalf("GET %s = %d %s", path, status, b)
	}
	return doc.Data
}

func attributes(resource map[string]any) map[string]any {
	a, _ := resource["attributes"].(map[string]any)
	return a
}

// scene is one story with one command line.
type scene struct {
	*host
	t      *testing.T
	engine cli.Engine
	name   string // of the workspace
}

// shell is a person's folder with the configuration, initialized for the workspace.
func (sc *scene) shell(config string) *cli.Shell {
	sc.t.Helper()
	sh := cli.NewShell(sc.t, sc.engine, sc.URL, sc.CA(), sc.token)
	sh.Write("cloud.tf", sc.cloud(sc.name))
	sh.Write("main.tf", config)
	sh.Run("init")
	return sh
}

func (sc *scene) cloud(workspace string) string {
	return fmt.Sprintf("terraform {\n  cloud {\n    hostname     = %q\n    organization = \"acme\"\n    workspaces {\n      name = %q\n    }\n  }\n}\n", cli.Host(sc.URL), workspace)
}

// workspace returns the workspace and its id.
func (sc *scene) workspace(name string) (w map[string]any, id string) {
	sc.t.Helper()
	w = sc.must("GET", "/api/v2/organizations/acme/workspaces/"+name, "")
	return w, w["id"].(string)
}

// create makes a workspace with settings, JSON of attributes.
func (sc *scene) create(name, settings string) (id string) {
	sc.t.Helper()
	w := sc.must("POST", "/api/v2/organizations/acme/workspaces", fmt.Sprintf(`{"data":{"type":"workspaces","attributes":{"name":%q%s}}}`, name, settings))
	return w["id"].(string)
}

// variable sets a variable of a workspace; more is further JSON attributes.
func (sc *scene) variable(workspaceID, key, value, more string) {
	sc.t.Helper()
	sc.must("POST", "/api/v2/workspaces/"+workspaceID+"/vars", fmt.Sprintf(`{"data":{"type":"vars","attributes":{"key":%q,"value":%q,"category":"terraform"%s}}}`, key, value, more))
}

// runs returns the runs of a workspace, the newest first.
func (sc *scene) runs(name string) []map[string]any {
	sc.t.Helper()
	_, id := sc.workspace(name)
	return sc.list("/api/v2/workspaces/" + id + "/runs?filter[operation]=plan_and_apply,plan_only,save_plan,refresh_only,destroy,empty_apply")
}

// await waits until the newest run of a workspace has the status.
func (sc *scene) await(name, status string) (run map[string]any) {
	sc.t.Helper()
	last := any("none")
	eventually(sc.t, func() bool {
		list := sc.runs(name)
		if len(list) == 0 {
			return false
		}
		run, last = list[0], attributes(list[0])["status"]
		return last == status
	}, func() string { return fmt.Sprintf("the newest run of %s is %v, want %s", name, last, status) })
	return run
}

// eventually waits until something is so.
func eventually(t *testing.T, is func() bool, otherwise func() string) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(90 * time.Second); !is(); <-tick.C {
		if time.Now().After(limit) {
			t.Fatal(otherwise())
		}
	}
}

// says fails the scene unless out has all of the words, and none that begins with "!".
func (sc *scene) says(out string, words ...string) {
	sc.t.Helper()
	flat := strings.Join(strings.Fields(strings.ReplaceAll(out, "│", " ")), " ")
	for _, w := range words {
		if not, ok := strings.CutPrefix(w, "!"); ok {
			if strings.Contains(flat, not) {
				sc.t.Errorf("it says %q:\n%s", not, out)
			}
		} else if !strings.Contains(flat, w) {
			sc.t.Errorf("it does not say %q:\n%s", w, out)
		}
	}
}

// code runs the command line, which must end with the exit code.
func (sc *scene) code(sh *cli.Shell, want int, stdin string, args ...string) string {
	sc.t.Helper()
	out, err := sh.Try(stdin, args...)
	got, exit := 0, (*exec.ExitError)(nil)
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		got = -1
	}
	if got != want {
		sc.t.Errorf("%s %s = exit %d (%v), want %d\n%s", sc.engine.Name, strings.Join(args, " "), got, err, want, out)
	}
	return out
}

// session is a command line at which somebody sits.
type session struct {
	sc  *scene
	cmd *exec.Cmd
	in  io.WriteCloser
	mu  sync.Mutex
	out bytes.Buffer
}

// Write takes what the command line prints.
func (s *session) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(b)
}

func (s *session) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

// sit starts a command line that waits for what is typed.
func (sc *scene) sit(sh *cli.Shell, args ...string) *session {
	sc.t.Helper()
	s := &session{sc: sc, cmd: sh.Command(sc.t.Context(), "", args...)}
	s.cmd.Stdin = nil
	in, err := s.cmd.StdinPipe()
	if err != nil {
		sc.t.Fatal(err)
	}
	s.in, s.cmd.Stdout, s.cmd.Stderr = in, s, s
	if err := s.cmd.Start(); err != nil {
		sc.t.Fatal(err)
	}
	sc.t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	return s
}

// until waits until the command line has said the words.
func (s *session) until(words string) {
	s.sc.t.Helper()
	eventually(s.sc.t, func() bool { return strings.Contains(s.text(), words) },
		func() string { return fmt.Sprintf("%v does not come to say %q:\n%s", s.cmd.Args[1:], words, s.text()) })
}

// answer types a line.
func (s *session) answer(line string) {
	s.sc.t.Helper()
	if _, err := io.WriteString(s.in, line+"\n"); err != nil {
		s.sc.t.Fatal(err)
	}
}

// interrupt is Ctrl-C.
func (s *session) interrupt() {
	s.sc.t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		s.sc.t.Fatal(err)
	}
}

// end waits for the command line and returns all that it said.
func (s *session) end() (string, error) {
	_ = s.in.Close()
	err := s.cmd.Wait()
	return s.text(), err
}

// write puts a file below the folder of a shell.
func write(sh *cli.Shell, name, content string) {
	sh.T.Helper()
	if err := os.MkdirAll(filepath.Dir(filepath.Join(sh.Dir, name)), 0o700); err != nil {
		sh.T.Fatal(err)
	}
	sh.Write(name, content)
}

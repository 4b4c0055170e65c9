package process_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"plumbline.dev/plumbline/internal/apptest/process"
)

// scene is a server with a locked workspace that has a state.
type scene struct {
	*process.Server
	token, workspace string
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{Server: process.Start(t, t.TempDir())}
	s.token = s.AdminToken()
	s.must("POST", "/api/v2/organizations", `{"data":{"type":"organizations","attributes":{"name":"acme","email":"a@example.com"}}}`)
	b := s.must("POST", "/api/v2/organizations/acme/workspaces", `{"data":{"type":"workspaces","attributes":{"name":"app"}}}`)
	s.workspace = attribute(b, "id")
	s.must("POST", "/api/v2/workspaces/"+s.workspace+"/actions/lock", "{}")
	first := stateOf(1, 1000)
	s.must("POST", "/api/v2/workspaces/"+s.workspace+"/state-versions", create(1, first, true))
	return s
}

func (s *scene) must(method, path, body string) []byte {
	s.T.Helper()
	status, b := s.Do(method, path, s.token, strings.NewReader(body))
	if status < 200 || status > 299 {
		s.T.Fatalf("%s %s = %d %s", method, path, status, b)
	}
	return b
}

func stateOf(serial, size int) []byte {
	return fmt.Appendf(nil, `{"version":4,"terraform_version":"1.5.7","serial":%d,"lineage":"l","outputs":{"pad":{"value":"%s","type":"string"}},"resources":[]}`, serial, strings.Repeat("x", size))
}

func create(serial int, state []byte, inline bool) string {
	body := ""
	if inline {
		body = base64.StdEncoding.EncodeToString(state)
	}
	return fmt.Sprintf(`{"data":{"type":"state-versions","attributes":{"serial":%d,"lineage":"l","md5":"%x","state":%q}}}`, serial, md5.Sum(state), body)
}

func attribute(b []byte, name string) string {
	var doc struct {
		Data struct {
			ID         string
			Attributes map[string]any
		}
	}
	_ = json.Unmarshal(b, &doc)
	if name == "id" {
		return doc.Data.ID
	}
	v, _ := doc.Data.Attributes[name].(string)
	return v
}

// current returns the current state as a client downloads it.
func (s *scene) current() []byte {
	s.T.Helper()
	b := s.must("GET", "/api/v2/workspaces/"+s.workspace+"/current-state-version", "")
	_, state := s.Do("GET", attribute(b, "hosted-state-download-url"), s.token, nil)
	return state
}

// slowly is a body of which the last part never arrives: reading it waits until the
// test lets go.
type slowly struct {
	io.Reader
	halfway chan struct{}
	once    *sync.Once
	release chan struct{}
}

func (b slowly) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		b.once.Do(func() { close(b.halfway) })
		<-b.release
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

// TestKillDuringAnUploadLeavesTheOldState: the process dies in the middle of an
// upload, signed or inline. After a new start the old state is current, nothing half
// is left, the upload can be repeated, and the lock can be released.
func TestKillDuringAnUploadLeavesTheOldState(t *testing.T) {
	for _, inline := range []bool{false, true} {
		t.Run(map[bool]string{false: "signed", true: "inline"}[inline], func(t *testing.T) {
			s := newScene(t)
			next := stateOf(2, 8<<20)
			versions := "/api/v2/workspaces/" + s.workspace + "/state-versions"
			method, path, whole := "POST", versions, []byte(create(2, next, true))
			if !inline {
				method, path, whole = "PUT", attribute(s.must("POST", versions, create(2, next, false)), "hosted-state-upload-url"), next
			}
			body := slowly{bytes.NewReader(whole[:len(whole)*3/4]), make(chan struct{}), &sync.Once{}, make(chan struct{})}
			done := make(chan struct{})
			go func() { defer close(done); s.Do(method, path, s.token, body) }()
			<-body.halfway
			s.Kill()
			close(body.release)
			<-done
			s.Restart()

			if got := s.current(); !bytes.Equal(got, stateOf(1, 1000)) {
				t.Errorf("current state after the crash has %d bytes, want the old one", len(got))
			}
			status, answer := s.Do(method, path, s.token, bytes.NewReader(whole))
			if status != 200 && status != 201 {
				t.Fatalf("repeating the upload = %d %s", status, answer)
			}
			if got := s.current(); !bytes.Equal(got, next) {
				t.Errorf("current state has %d bytes, want the new one with %d", len(got), len(next))
			}
			s.must("POST", "/api/v2/workspaces/"+s.workspace+"/actions/unlock", "{}")
			if left := spooled(t, s.Dir); left > 1 {
				t.Errorf("%d unfinished files are left", left)
			}
		})
	}
}

// spooled counts the files of uploads that did not end.
func spooled(t *testing.T, dir string) int {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "blobs", "tmp"))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

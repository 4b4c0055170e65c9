package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// lockedBuffer is a buffer of several writers.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.b.Bytes())
}

// stateStore keeps one state for the backend "http", and its lock: who applies may write,
// scans may read.
type stateStore struct {
	mu    sync.Mutex
	state []byte
	asked []string // methods
}

// storage is the store at an address, with passwords for two.
func (s *stateStore) storage(address string) storage {
	return storage{
		block:   fmt.Sprintf("backend \"http\" {\n    address        = %q\n    lock_address   = %q\n    unlock_address = %q\n  }", address+"/network", address+"/lock", address+"/lock"),
		writing: []string{"TF_HTTP_USERNAME=ops", "TF_HTTP_PASSWORD=" + canaryState},
		reading: "TF_HTTP_USERNAME=scan\nTF_HTTP_PASSWORD=" + canaryState,
		host:    strings.TrimPrefix(address, "http://"),
	}
}

func (s *stateStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.Method)
	user, password, _ := r.BasicAuth()
	switch {
	case password != canaryState:
		w.WriteHeader(http.StatusUnauthorized)
	case r.Method != "GET" && user != "ops":
		w.WriteHeader(http.StatusForbidden)
	case r.Method == "LOCK" || r.Method == "UNLOCK":
	case r.Method != "GET":
		s.state, _ = io.ReadAll(r.Body)
	case s.state == nil:
		w.WriteHeader(http.StatusNotFound)
	default:
		_, _ = w.Write(s.state)
	}
}

// take returns what was asked since the last call: methods.
func (s *stateStore) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.asked
	s.asked = nil
	return out
}

// content is the state.
func (s *stateStore) content() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.state)
}

// webhook keeps what it is sent by those who know its secret.
type webhook struct {
	mu   sync.Mutex
	sent []string
}

func (h *webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	b, _ := io.ReadAll(r.Body)
	if r.Header.Get("Authorization") != canaryHeader || !json.Valid(b) {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	h.sent = append(h.sent, string(b))
}

func (h *webhook) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := slices.Clone(h.sent)
	h.sent = nil
	return out
}

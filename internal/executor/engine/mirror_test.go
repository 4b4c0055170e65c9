package engine

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
)

// mirror is a mirror with releases of our own.
type mirror struct {
	*httptest.Server
	key      *openpgp.Entity
	mu       sync.Mutex
	files    map[string][]byte // by path
	requests map[string]int    // by path
}

func newMirror(t *testing.T) *mirror {
	t.Helper()
	m := &mirror{key: newKey(t), files: map[string][]byte{}, requests: map[string]int{}}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		m.requests[r.URL.Path]++
		b, ok := m.files[r.URL.Path]
		m.mu.Unlock()
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Write(b)
	}))
	t.Cleanup(m.Close)
	return m
}

func newKey(t *testing.T) *openpgp.Entity {
	t.Helper()
	key, err := openpgp.NewEntity("Test", "", "test@example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// public returns the public part of a key, armored.
func public(t *testing.T, key *openpgp.Entity) string {
	t.Helper()
	var b bytes.Buffer
	w, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(key.Serialize(w), w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// entry is a file of a zip.
type entry struct{ name, body string }

func zipOf(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		w, err := z.Create(e.name)
		if err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(e.body))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// script is a program that answers as an engine.
func script(name, version string) string {
	return "#!/bin/sh\necho " + name + " v" + version + "\necho on linux_amd64\n"
}

// release puts a release of OpenTofu on the mirror, signed by key.
func (m *mirror) release(t *testing.T, version string, archive []byte, key *openpgp.Entity) {
	t.Helper()
	dir, file := "/v"+version+"/", "tofu_"+version+"_linux_amd64.zip"
	sums := fmt.Appendf(nil, "%x  other.zip\n%x  %s\n", sha256.Sum256(nil), sha256.Sum256(archive), file)
	var signature bytes.Buffer
	if err := openpgp.DetachSign(&signature, key, bytes.NewReader(sums), nil); err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[dir+file] = archive
	m.files[dir+"tofu_"+version+"_SHA256SUMS"] = sums
	m.files[dir+"tofu_"+version+"_SHA256SUMS.gpgsig"] = signature.Bytes()
}

// list sets the versions that the mirror lists.
func (m *mirror) list(versions ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var items []string
	for _, v := range versions {
		items = append(items, fmt.Sprintf(`{"id":%q,"files":[]}`, v))
	}
	m.files["/api.json"] = []byte(`{"versions":[` + strings.Join(items, ",") + `]}`)
}

func (m *mirror) asked(path string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.requests[path]
}

// store returns a store that fetches OpenTofu from m, nothing if m is nil.
func store(t *testing.T, m *mirror) *Store {
	t.Helper()
	o := Options{Dir: t.TempDir(), OS: "linux", Arch: "amd64"}
	if m != nil {
		o.Mirrors = map[Product]Mirror{OpenTofu: OpenTofuMirror(m.URL, public(t, m.key))}
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// signed puts checksums on the mirror that the right key signed.
func signed(t *testing.T, m *mirror, path, sums string) {
	t.Helper()
	var signature bytes.Buffer
	w, err := armor.Encode(&signature, openpgp.SignatureType, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(openpgp.DetachSign(w, m.key, strings.NewReader(sums), nil), w.Close()); err != nil {
		t.Fatal(err)
	}
	m.files[path], m.files[path+".gpgsig"] = []byte(sums), signature.Bytes()
}

// lying makes the directory of a zip say that its file of 2,000 bytes has 10.
func lying(t *testing.T, b []byte) []byte {
	t.Helper()
	at := bytes.LastIndex(b, []byte("PK\x01\x02")) + 24
	if b[at] != 2000&0xff || b[at+1] != 2000>>8 {
		t.Fatalf("the size is %v, want 2000", b[at:at+4])
	}
	b = slices.Clone(b)
	b[at], b[at+1] = 10, 0
	return b
}

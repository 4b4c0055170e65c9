package apptest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"plumbline.dev/plumbline/internal/kernel/config"
)

// Origin is a provider registry of somebody else, at registry.example.com, with versions of
// example/null. Change its fields before it is asked.
type Origin struct {
	URL      string
	Signer   Signer
	Versions []string
	Archive  func(version string) []byte // for linux_amd64 and every other platform
	Unsigned bool                        // it names no key
	Tamper   func(path string, body []byte) []byte
	Requests atomic.Int64

	web *httptest.Server
}

// NewOrigin starts a registry, which stops with the test.
func NewOrigin(t testing.TB, signer Signer, archive func(version string) []byte, versions ...string) *Origin {
	t.Helper()
	o := &Origin{Signer: signer, Versions: versions, Archive: archive}
	o.web = httptest.NewServer(http.HandlerFunc(o.serve))
	o.URL = o.web.URL
	t.Cleanup(o.web.Close)
	return o
}

// Stop makes the registry unreachable.
func (o *Origin) Stop() { o.web.Close() }

// Mirrored makes a server mirror the registry.
func (o *Origin) Mirrored(c *config.Server) {
	c.Mirror = config.Mirror{Origins: []string{"registry.example.com"}, Rewrite: map[string]string{"registry.example.com": o.URL}}
}

// platforms that every version has.
var platforms = []string{"linux_amd64", "linux_arm64", "darwin_arm64", "darwin_amd64"}

func (o *Origin) serve(w http.ResponseWriter, req *http.Request) {
	o.Requests.Add(1)
	body, contentType := o.answer(req.URL.Path), "application/json"
	if body == nil {
		http.NotFound(w, req)
		return
	}
	if strings.HasPrefix(req.URL.Path, "/files/") {
		contentType = "application/octet-stream"
	}
	if o.Tamper != nil {
		body = o.Tamper(req.URL.Path, body)
	}
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(body)
}

func (o *Origin) answer(path string) []byte {
	const base = "/v1/providers/example/null/"
	part := strings.Split(strings.TrimPrefix(path, base), "/")
	switch {
	case path == "/.well-known/terraform.json":
		return []byte(`{"providers.v1":"/v1/providers/"}`)
	case path == base+"versions":
		return o.versions()
	case strings.HasPrefix(path, base) && len(part) == 4 && part[1] == "download":
		return o.download(part[0], part[2], part[3])
	}
	name, ok := strings.CutPrefix(path, "/files/")
	version, file, _ := strings.Cut(name, "/")
	files := map[string][]byte{}
	for _, p := range platforms {
		files[ArchiveName("null", version, p)] = o.Archive(version)
	}
	sums := Shasums(files)
	switch {
	case !ok:
		return nil
	case file == "SHA256SUMS":
		return sums
	case file == "SHA256SUMS.sig":
		return o.Signer.Sign(sums)
	}
	return files[file]
}

func (o *Origin) versions() []byte {
	var list []map[string]any
	for _, v := range o.Versions {
		var systems []map[string]string
		for _, p := range platforms {
			os, arch, _ := strings.Cut(p, "_")
			systems = append(systems, map[string]string{"os": os, "arch": arch})
		}
		list = append(list, map[string]any{"version": v, "protocols": []string{"5.0"}, "platforms": systems})
	}
	b, _ := json.Marshal(map[string]any{"versions": list})
	return b
}

func (o *Origin) download(version, os, arch string) []byte {
	name := ArchiveName("null", version, os+"_"+arch)
	keys := []map[string]string{{"key_id": o.Signer.KeyID, "ascii_armor": o.Signer.Armor}}
	if o.Unsigned {
		keys = nil
	}
	files := "/files/" + version + "/"
	b, _ := json.Marshal(map[string]any{"protocols": []string{"5.0"}, "os": os, "arch": arch, "filename": name, "shasum": SHA256(o.Archive(version)),
		"download_url": files + name, "shasums_url": files + "SHA256SUMS", "shasums_signature_url": fmt.Sprint(files, "SHA256SUMS.sig"), "signing_keys": map[string]any{"gpg_public_keys": keys}})
	return b
}

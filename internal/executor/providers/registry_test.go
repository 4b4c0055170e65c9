package providers_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
)

// registry is a provider registry with providers acme/NAME, whose plugin is a text.
type registry struct {
	*httptest.Server
	host string
	key  *openpgp.Entity

	mu       sync.Mutex
	versions []string
	requests int
	forged   bool // archives are not those of the signed list
}

func newRegistry(t *testing.T, versions ...string) *registry {
	t.Helper()
	key, err := openpgp.NewEntity("Acme", "", "acme@example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &registry{key: key, versions: versions}
	r.Server = httptest.NewTLSServer(http.HandlerFunc(r.serve))
	r.host = strings.TrimPrefix(r.URL, "https://")
	t.Cleanup(r.Close)
	return r
}

func (r *registry) ca() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate().Raw}))
}

func (r *registry) address() netip.AddrPort { return netip.MustParseAddrPort(r.host) }

// count returns how many requests there were.
func (r *registry) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests
}

func (r *registry) add(version string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.versions = append(r.versions, version)
}

func (r *registry) archive(name, version string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, _ := z.CreateHeader(&zip.FileHeader{Name: "terraform-provider-" + name + "_v" + version, Method: zip.Deflate})
	fmt.Fprintf(f, "the plugin %s %s", name, version)
	z.Close()
	return b.Bytes()
}

func (r *registry) serve(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	w.Header().Set("Content-Type", "application/json")
	parts := strings.Split(strings.Trim(req.URL.Path, "/"), "/")
	file := func(name, version string) string {
		return fmt.Sprintf("terraform-provider-%s_%s_%s_%s.zip", name, version, runtime.GOOS, runtime.GOARCH)
	}
	switch {
	case req.URL.Path == "/.well-known/terraform.json":
		fmt.Fprint(w, `{"providers.v1":"/v1/providers/"}`)
	case parts[0] == "v1" && parts[len(parts)-1] == "versions":
		var list []map[string]any
		for _, v := range r.versions {
			list = append(list, map[string]any{"version": v, "protocols": []string{"5.0"}, "platforms": []map[string]string{{"os": runtime.GOOS, "arch": runtime.GOARCH}}})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"versions": list})
	case parts[0] == "v1" && len(parts) == 8: // v1/providers/acme/NAME/VERSION/download/OS/ARCH
		name, version := parts[3], parts[4]
		var key bytes.Buffer
		a, _ := armor.Encode(&key, openpgp.PublicKeyType, nil)
		_ = r.key.Serialize(a)
		a.Close()
		at := r.URL + "/files/" + name + "/" + version + "/"
		_ = json.NewEncoder(w).Encode(map[string]any{"protocols": []string{"5.0"}, "os": runtime.GOOS, "arch": runtime.GOARCH, "filename": file(name, version),
			"download_url": at + "zip", "shasums_url": at + "sums", "shasums_signature_url": at + "sig", "shasum": fmt.Sprintf("%x", sha256.Sum256(r.archive(name, version))),
			"signing_keys": map[string]any{"gpg_public_keys": []map[string]string{{"key_id": r.key.PrimaryKey.KeyIdString(), "ascii_armor": key.String()}}}})
	case parts[0] == "files":
		name, version := parts[1], parts[2]
		sums := fmt.Sprintf("%x  %s\n%064x  terraform-provider-%s_%s_plan9_arm.zip\n", sha256.Sum256(r.archive(name, version)), file(name, version), 7, name, version)
		switch parts[3] {
		case "zip":
			if r.forged {
				version += "0"
			}
			w.Write(r.archive(name, version))
		case "sums":
			fmt.Fprint(w, sums)
		case "sig":
			_ = openpgp.DetachSign(w, r.key, strings.NewReader(sums), nil)
		}
	default:
		http.NotFound(w, req)
	}
}

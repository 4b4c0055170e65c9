package providers_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest"
)

// big is an archive of 300 MB that is made while it is read: it begins like a zip archive,
// and no byte of it is kept.
func big() io.Reader {
	head := []byte("PK\x03\x04")
	return io.MultiReader(&once{head}, io.LimitReader(rand.NewChaCha8([32]byte{1}), 300<<20-4))
}

// once gives its bytes and ends.
type once struct{ b []byte }

func (o *once) Read(p []byte) (int, error) {
	if len(o.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, o.b)
	o.b = o.b[n:]
	return n, nil
}

// BenchmarkPlatform300MB uploads and downloads a provider of 300 MB, and reports by how much
// the heap grew at most meanwhile (client and server together).
func BenchmarkPlatform300MB(b *testing.B) {
	s := apptest.StartBench(b)
	org := s.Org("acme")
	h := sha256.New()
	if _, err := io.Copy(h, big()); err != nil {
		b.Fatal(err)
	}
	sum := hex.EncodeToString(h.Sum(nil))
	made := func(path, typ string, attributes map[string]any) map[string]any {
		r := s.Do("POST", base+path, org.Owner.Token, document(typ, attributes))
		if r.Status != 201 {
			b.Fatalf("POST %s = %d %s", path, r.Status, r.Body)
		}
		return data(r)
	}
	made("", "registry-providers", map[string]any{"name": "big", "namespace": "acme", "registry-name": "private"})
	made("/private/acme/big/versions", "registry-provider-versions", map[string]any{"version": "1.0.0", "key-id": "K"})
	b.SetBytes(300 << 20)
	var grown uint64
	i := 0
	for b.Loop() {
		platforms := "/private/acme/big/versions/1.0.0/platforms"
		p := made(platforms, "registry-provider-platforms", map[string]any{"os": "linux", "arch": fmt.Sprint("a", i), "shasum": sum, "filename": "big.zip"})
		grown = max(grown, growth(func() {
			send(b, "PUT", p["links"].(map[string]any)["provider-binary-upload"].(string), big())
		}))
		r := s.Do("GET", base+platforms+fmt.Sprintf("/linux/a%d", i), org.Owner.Token, nil)
		grown = max(grown, growth(func() {
			send(b, "GET", data(r)["links"].(map[string]any)["provider-binary-download"].(string), nil)
		}))
		i++
	}
	b.ReportMetric(float64(grown)/(1<<20), "MB-grown")
}

// send sends a request and throws away what comes back.
func send(b *testing.B, method, address string, body io.Reader) {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), method, address, body)
	if err != nil {
		b.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if n, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != 200 || (method == "GET" && n != 300<<20) {
		b.Fatalf("%s = %d, %d bytes, %v", method, res.StatusCode, n, err)
	}
}

// growth is by how many bytes the memory that the heap has of the system grows while do runs.
func growth(do func()) uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before, most := m.HeapInuse, atomic.Uint64{}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most.Store(max(most.Load(), m.HeapInuse))
			}
		}
	}()
	do()
	close(stop)
	<-done
	if most.Load() < before {
		return 0
	}
	return most.Load() - before
}

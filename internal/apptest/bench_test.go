package apptest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest"
)

// BenchmarkReads are the hot paths of reading, without the network, in an organization
// of 2,000 workspaces. CPU-µs/op is processor time, which a busy machine disturbs less
// than ns/op. Run with: make bench PKG=./internal/apptest
func BenchmarkReads(b *testing.B) {
	s := apptest.StartBench(b)
	owner := s.Org("acme").Owner.Token
	for i := range 2000 {
		body := fmt.Sprintf(`{"data":{"type":"workspaces","attributes":{"name":"app-%04d"},"relationships":{"tag-bindings":{"data":[{"type":"tag-bindings","attributes":{"key":"env","value":"e%d"}}]}}}}`, i, i%5)
		if r := s.Do("POST", "/api/v2/organizations/acme/workspaces", owner, body); r.Status != 201 {
			b.Fatalf("creating a workspace = %d %s", r.Status, r.Body)
		}
	}
	handler := s.App.Handler()
	for name, path := range map[string]string{
		"ByName":  "/workspaces/app-0123",
		"List20":  "/workspaces?include=organization,project&page[size]=20",
		"List100": "/workspaces?include=organization,project&page[size]=100",
		"Search":  "/workspaces?search[name]=p-012",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			before := cpuTime()
			for b.Loop() {
				req := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/api/v2/organizations/acme"+path, nil)
				req.Header.Set("Authorization", "Bearer "+owner)
				w := httptest.NewRecorder()
				w.Body = nil // keeping the answer would be measured as well
				handler.ServeHTTP(w, req)
				if w.Code != 200 {
					b.Fatalf("GET %s = %d", path, w.Code)
				}
			}
			b.ReportMetric(float64((cpuTime()-before).Microseconds())/float64(b.N), "CPU-µs/op")
		})
	}
}

// cpuTime is what this process has used of the processors.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

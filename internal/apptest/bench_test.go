package apptest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
)

// BenchmarkReads are the hot paths of reading, without the network: ns/op is CPU
// time of the server. Run with: make bench PKG=./internal/apptest
func BenchmarkReads(b *testing.B) {
	s := apptest.StartBench(b)
	owner := s.Org("acme").Owner.Token
	for i := range 300 {
		body := fmt.Sprintf(`{"data":{"type":"workspaces","attributes":{"name":"app-%03d"},"relationships":{"tag-bindings":{"data":[{"type":"tag-bindings","attributes":{"key":"env","value":"e%d"}}]}}}}`, i, i%5)
		if r := s.Do("POST", "/api/v2/organizations/acme/workspaces", owner, body); r.Status != 201 {
			b.Fatalf("creating a workspace = %d %s", r.Status, r.Body)
		}
	}
	handler := s.App.Handler()
	for name, path := range map[string]string{
		"ByName":  "/workspaces/app-123",
		"List20":  "/workspaces?include=organization,project&page[size]=20",
		"List100": "/workspaces?include=organization,project&page[size]=100",
		"Search":  "/workspaces?search[name]=p-12",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				req := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/api/v2/organizations/acme"+path, nil)
				req.Header.Set("Authorization", "Bearer "+owner)
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, req)
				if w.Code != 200 {
					body, _ := io.ReadAll(w.Body)
					b.Fatalf("GET %s = %d %s", path, w.Code, body)
				}
			}
		})
	}
}

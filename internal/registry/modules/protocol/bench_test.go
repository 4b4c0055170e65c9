package protocol_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/registry/modules"
	"plumbline.dev/plumbline/internal/registry/modules/details"
)

// versions is how many versions the module has that the benchmarks ask for.
const versions = 20

// stocked is a server whose organization acme has the module net/aws.
func stocked(b *testing.B) (h http.Handler, token string) {
	b.Helper()
	s := apptest.StartBench(b)
	o := s.Org("acme")
	m := modules.Module{ID: "mod-1", OrgID: o.ID, RegistryName: modules.Private, Name: "net", NameLower: "net", Provider: "aws", Status: modules.SetupComplete,
		Publishing: modules.NonVCS, TestMode: "remote", Latest: "1.0.0", CreatedAt: db.Now(), UpdatedAt: db.Now()}
	if err := s.DB.Insert(b.Context(), "registry_modules", m); err != nil {
		b.Fatal(err)
	}
	outline := details.Outline{Submodules: []details.Needs{}, Root: details.Needs{Providers: []details.Provider{{Name: "aws", Namespace: "hashicorp", Source: "hashicorp/aws", Version: ">= 5"}}, Dependencies: []details.Dependency{}}}
	for i := range versions {
		v := modules.Version{ID: fmt.Sprintf("modver-%d", i), ModuleID: m.ID, Version: fmt.Sprintf("1.%d.0", i), SortKey: fmt.Sprintf("%03d", i), Source: modules.FromAPI, Status: modules.OK,
			SHA256: "00", Outline: db.AsJSON(outline), CreatedAt: db.Now(), UpdatedAt: db.Now()}
		if err := s.DB.Insert(b.Context(), "registry_module_versions", v); err != nil {
			b.Fatal(err)
		}
	}
	return s.App.Handler(), o.Owner.Token
}

// ask measures requests for path, on all processors.
func ask(b *testing.B, path string, want int) {
	h, token := stocked(b)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			req := httptest.NewRequestWithContext(b.Context(), http.MethodGet, base+path, nil)
			req.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, req); w.Code != want {
				b.Errorf("GET %s = %d %s", path, w.Code, w.Body)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

func BenchmarkVersions(b *testing.B) { ask(b, "/acme/net/aws/versions", http.StatusOK) }

func BenchmarkDownload(b *testing.B) { ask(b, "/acme/net/aws/1.7.0/download", http.StatusNoContent) }

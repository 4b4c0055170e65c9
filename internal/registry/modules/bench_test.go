package modules_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"syscall"
	"testing"
	"time"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/apptest/postgres"
	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/db"
	"plumbline.dev/plumbline/internal/registry/modules"
	"plumbline.dev/plumbline/internal/registry/modules/details"
)

// lists are the requests for modules that are measured.
var lists = map[string]string{
	"List20":         "/api/v2/organizations/acme/registry-modules",
	"List100":        "/api/v2/organizations/acme/registry-modules?page[size]=100",
	"LastPage":       "/api/v2/organizations/acme/registry-modules?page[number]=500",
	"Search":         "/api/v2/organizations/acme/registry-modules?q=mod-0123",
	"SearchTwoWords": "/api/v2/organizations/acme/registry-modules?q=0123+aws",
	"SearchNothing":  "/api/v2/organizations/acme/registry-modules?q=nowhere",
	"Protocol":       "/api/registry/v1/modules/acme",
	"ProtocolSearch": "/api/registry/v1/modules/search?q=mod-0123",
}

// maxStatements is how many statements a list may take.
const maxStatements = 6

// BenchmarkTenThousandModules lists and searches an organization of 10,000 modules with two
// versions each. CPU-ms/op is processor time of this process, which a busy machine disturbs
// less than ns/op.
func BenchmarkTenThousandModules(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			s, token := manyModules(b, engine, 10_000)
			handler := s.App.Handler()
			for name, path := range lists {
				ask := func() {
					req := httptest.NewRequestWithContext(b.Context(), http.MethodGet, path, nil)
					req.Header.Set("Authorization", "Bearer "+token)
					w := httptest.NewRecorder()
					if handler.ServeHTTP(w, req); w.Code != http.StatusOK {
						b.Fatalf("GET %s = %d %s", path, w.Code, w.Body)
					}
				}
				ask() // the token is known from now on
				if n := len(s.Statements(ask)); n > maxStatements {
					b.Errorf("%s takes %d statements, at most %d are allowed", name, n, maxStatements)
				}
				b.Run(name, func(b *testing.B) {
					before := cpuTime()
					for b.Loop() {
						ask()
					}
					b.ReportMetric(float64((cpuTime()-before).Microseconds())/float64(b.N)/1000, "CPU-ms/op")
				})
			}
		})
	}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// manyModules is a server whose organization acme has n modules, and its owner's token.
func manyModules(b *testing.B, engine string, n int) (*apptest.Server, string) {
	b.Helper()
	var options []func(*config.Server)
	if engine == "postgres" {
		url, ok := postgres.Schema(b)
		if !ok {
			b.Skip("PostgreSQL is not installed")
		}
		options = append(options, func(c *config.Server) { c.Database = url })
	}
	s := apptest.StartBench(b, options...)
	o := s.Org("acme")
	for part := range slices.Chunk(numbers(n), 1000) {
		var list []modules.Module
		var versions []modules.Version
		for _, i := range part {
			m, v := stocked(o, i)
			list, versions = append(list, m), append(versions, v...)
		}
		if err := db.InsertAll(b.Context(), s.DB, "registry_modules", list, ""); err != nil {
			b.Fatal(err)
		}
		if err := db.InsertAll(b.Context(), s.DB, "registry_module_versions", versions, ""); err != nil {
			b.Fatal(err)
		}
	}
	if engine == "postgres" { // which it does by itself within a minute
		if _, err := s.DB.Exec(b.Context(), `ANALYZE`); err != nil {
			b.Fatal(err)
		}
	}
	return s, o.Owner.Token
}

func numbers(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// stocked is a module with two versions that can be installed.
func stocked(o apptest.Org, i int) (modules.Module, []modules.Version) {
	name, provider := fmt.Sprintf("mod-%05d", i), []string{"aws", "google", "azurerm"}[i%3]
	m := modules.Module{ID: "mod-" + name, OrgID: o.ID, RegistryName: modules.Private, Name: name, NameLower: name, Provider: provider, Search: name + " " + provider + " ",
		Status: modules.SetupComplete, Publishing: modules.NonVCS, TestMode: "remote", Latest: "1.1.0", CreatedAt: db.Now(), UpdatedAt: db.Now()}
	outline := details.Outline{Submodules: []details.Needs{}, Root: details.Needs{Providers: []details.Provider{}, Dependencies: []details.Dependency{}}}
	var versions []modules.Version
	for _, number := range []string{"1.0.0", "1.1.0"} {
		versions = append(versions, modules.Version{ID: m.ID + "-" + number, ModuleID: m.ID, Version: number, SortKey: number, Source: modules.FromAPI, Status: modules.OK,
			Outline: db.AsJSON(outline), CreatedAt: db.Now(), UpdatedAt: db.Now()})
	}
	return m, versions
}

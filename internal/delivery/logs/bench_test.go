package logs_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/apptest/postgres"
	"plumbline.dev/plumbline/internal/delivery/logs"
	"plumbline.dev/plumbline/internal/kernel/config"
	"plumbline.dev/plumbline/internal/kernel/id"
)

// BenchmarkAppend measures reports of half a kilobyte, each to the log of one of many
// runs at a time, on disks that are told to keep what is written.
func BenchmarkAppend(b *testing.B) {
	line := []byte(strings.Repeat("x", 511) + "\n")
	b.Run("sqlite", func(b *testing.B) {
		appendAll(b, line, func(c *config.Server) { c.UnsafeSync = false })
	})
	b.Run("postgres", func(b *testing.B) {
		url, ok := postgres.Schema(b)
		if !ok {
			b.Skip("PostgreSQL is not installed")
		}
		appendAll(b, line, func(c *config.Server) { c.Database = url })
	})
}

func appendAll(b *testing.B, text []byte, option func(*config.Server)) {
	s := apptest.StartBench(b, option)
	org, f := s.Org("acme"), s.App.Logs
	b.SetBytes(int64(len(text)))
	b.SetParallelism(25)
	b.ResetTimer()
	var failed atomic.Pointer[error]
	b.RunParallel(func(pb *testing.PB) {
		stream, offset := "", int64(0)
		for pb.Next() {
			if stream == "" || offset > logs.MaxSize/2 {
				stream, offset = id.New("plan"), 0
				if err := f.Open(b.Context(), logs.Stream{ID: stream, OrgID: org.ID}); err != nil {
					failed.Store(&err)
				}
			}
			if _, err := f.Append(b.Context(), stream, offset, text); err != nil {
				failed.Store(&err)
			}
			offset += int64(len(text))
		}
	})
	if err := failed.Load(); err != nil {
		b.Fatal(*err)
	}
}

package recipe_test

import (
	"fmt"
	"testing"

	"plumbline.dev/plumbline/internal/apptest/cli"
)

// BenchmarkRun compares a plan and an apply of ten resources with the same processes
// started directly. The difference is what the executor adds.
func BenchmarkRun(b *testing.B) {
	engine := tofu(b)
	b.Run("direct", func(b *testing.B) {
		for b.Loop() {
			cli.Directly(b, engine, ten)
		}
	})
	b.Run("worker", func(b *testing.B) {
		p := newPlace(b).start()
		n := 0
		for b.Loop() {
			n++
			plan, archive := p.planned(fmt.Sprintf("run-%d", n), map[string]string{"main.tf": ten})
			p.end(b, p.apply(fmt.Sprintf("run-%d", n), plan, archive, nil))
		}
	})
}

package recipe_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// BenchmarkRun compares a plan and an apply of ten resources with the same processes
// started directly. The difference is what the executor adds.
func BenchmarkRun(b *testing.B) {
	engine := tofu(b)
	b.Run("direct", func(b *testing.B) {
		for b.Loop() {
			directly(b, engine)
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

// directly runs the engine as recipes do, with nothing around it.
func directly(b *testing.B, engine string) {
	b.Helper()
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(ten), 0o600); err != nil {
		b.Fatal(err)
	}
	for _, script := range []string{"init -input=false", "plan -input=false -out=p", "show -json p > /dev/null & \"$0\" providers schema -json > /dev/null; wait", "apply -input=false p", "show -json"} {
		cmd := exec.CommandContext(b.Context(), "/bin/sh", "-c", `"$0" `+script, engine)
		cmd.Dir, cmd.Env = dir, []string{"HOME=" + dir, "PATH=/usr/bin:/bin", "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE=/dev/null"}
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%s: %v\n%s", script, err, out)
		}
	}
}

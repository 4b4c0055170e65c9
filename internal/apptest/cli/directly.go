package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Directly runs an engine on a configuration of one file as a run does, plan and apply, with
// the same processes and nothing around them. It is what runs are compared with.
func Directly(b *testing.B, engine, config string) {
	b.Helper()
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(config), 0o600); err != nil {
		b.Error(err)
		return
	}
	for _, script := range []string{`init -input=false`, `plan -input=false -out=p`, `show -json p > /dev/null & "$0" providers schema -json > /dev/null; wait`, `apply -input=false p`, `show -json`} {
		cmd := exec.CommandContext(b.Context(), "/bin/sh", "-c", `"$0" `+script, engine)
		cmd.Dir, cmd.Env = dir, []string{"HOME=" + dir, "PATH=/usr/bin:/bin", "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE=/dev/null"}
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Errorf("%s: %v\n%s", script, err, out)
			return
		}
	}
}

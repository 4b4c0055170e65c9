package cli_test

import (
	"fmt"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest/cli"
)

// TestTheNullProviderWorks: it needs no server, only the engines.
func TestTheNullProviderWorks(t *testing.T) {
	engines := cli.Engines()
	if len(engines) == 0 {
		t.Skip("neither tofu nor terraform is here: run make engines")
	}
	for _, e := range engines {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			s := cli.NewShell(t, e, "https://unused.example", "", "")
			s.Write("cli.tfrc", fmt.Sprintf("provider_installation {\n  filesystem_mirror { path = %q }\n}\n", cli.ProviderDir(t)))
			s.Env = append(s.Env, "TF_CLI_CONFIG_FILE="+s.Dir+"/cli.tfrc")
			config := `
resource "null_resource" "a" { triggers = { word = "%s" } }
data "null_data_source" "d" { inputs = { in = null_resource.a.triggers.word } }
output "id" { value = null_resource.a.id }
output "given" { value = data.null_data_source.d.outputs.in }
`
			s.Write("main.tf", fmt.Sprintf(config, "one"))
			s.Run("init")
			s.Run("apply", "-auto-approve")
			first := s.Run("output", "-raw", "id")
			if got := s.Run("output", "-raw", "given"); got != "one" || first == "" {
				t.Errorf("outputs = %q and id %q, want one and an id", got, first)
			}
			if out := s.Run("plan"); !strings.Contains(out, "No changes") {
				t.Errorf("a second plan = %s, want no changes", out)
			}
			s.Write("main.tf", fmt.Sprintf(config, "two"))
			if out := s.Run("apply", "-auto-approve"); !strings.Contains(out, "must be replaced") {
				t.Errorf("apply of another trigger = %s, want a replacement", out)
			}
			if got := s.Run("output", "-raw", "id"); got == first {
				t.Errorf("the id after the replacement = %s, want another", got)
			}
			s.Run("destroy", "-auto-approve")
		})
	}
}

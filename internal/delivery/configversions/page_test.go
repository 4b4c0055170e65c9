package configversions

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the page that is made from the code")

// TestConfigurationVersionsPage compares docs/configuration-versions.md with the table
// of this package.
//
//	go test ./internal/delivery/configversions -run ConfigurationVersionsPage -update
func TestConfigurationVersionsPage(t *testing.T) {
	const page = "../../../docs/configuration-versions.md"
	var rows []string
	for tr := range transitions {
		rows = append(rows, fmt.Sprintf("| `%s` | `%s` |\n", tr.from, tr.to))
	}
	slices.Sort(rows)
	want := "# Statuses of configuration versions\n\n" +
		"Made from [status.go](../internal/delivery/configversions/status.go) by a test; edit that file, not this page.\n\n" +
		"| From | To |\n|---|---|\n" + strings.Join(rows, "")
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/configuration-versions.md is not what status.go says (run this test with -update):\n%s", diff)
	}
}
